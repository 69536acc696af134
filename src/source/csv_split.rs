//! Finds where CSV records begin and stop, exactly as the `csv` crate will (a test compares the two): a quote opens only at
//! the start of a field, `\r`, `\n` and `\r\n` close a record, blank lines are none. Where notes are allowed, a line that
//! begins with `#` is one and no record, whatever quotes it holds.

use memchr::{memchr, memchr2, memchr3};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a record.
    Between,
    /// In a line that begins with `#`.
    Note,
    /// At the start of a field.
    Start,
    /// Inside a field without quotes.
    Bare,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes.
    QuoteSeen,
}

/// Keeps its place in a buffer that grows.
pub(super) struct Splitter {
    notes: bool,
    state: State,
    at: usize,
    current: usize,
    starts: Vec<usize>,
    until: usize,
}

impl Splitter {
    /// With `notes`, lines that begin with `#` are no records.
    pub(super) fn new(notes: bool) -> Splitter {
        Splitter { notes, state: State::Between, at: 0, current: 0, starts: Vec::new(), until: 0 }
    }

    /// Complete records found so far.
    pub(super) fn found(&self) -> usize {
        self.starts.len()
    }

    /// Where the complete records stop.
    pub(super) fn until(&self) -> usize {
        self.until
    }

    /// Whether the text scanned so far stops inside quotes.
    pub(super) fn is_quoted(&self) -> bool {
        self.state == State::Quoted
    }

    /// Gives up the starts of the records found and where they stop; the caller removes so many bytes from the buffer.
    pub(super) fn take(&mut self) -> (Vec<usize>, usize) {
        let until = self.until;
        self.at -= until;
        self.current = self.current.saturating_sub(until);
        self.until = 0;
        (std::mem::take(&mut self.starts), until)
    }

    /// Scans on until `most` records are found; `true`: they are. With `last` the buffer holds the rest of the file.
    ///
    /// Lines of blanks are overwritten with line breaks: they are no records, here and for the `csv` crate.
    pub(super) fn scan(&mut self, buffer: &mut [u8], most: usize, last: bool) -> bool {
        while self.starts.len() < most {
            let Some(&byte) = buffer.get(self.at) else {
                if last {
                    self.close(buffer);
                }
                return self.starts.len() >= most;
            };
            match self.state {
                State::Between if matches!(byte, b'\r' | b'\n') => {
                    self.at += 1;
                    self.until = self.at;
                }
                State::Between => {
                    self.current = self.at;
                    self.state = if self.notes && byte == b'#' { State::Note } else { State::Start };
                }
                State::Note => self.note(buffer),
                State::Start if byte == b'"' => self.step(State::Quoted),
                State::Start | State::Bare => self.bare(buffer),
                State::Quoted => match memchr(b'"', buffer.get(self.at..).unwrap_or_default()) {
                    Some(n) => {
                        self.at += n + 1;
                        self.state = State::QuoteSeen;
                    }
                    None => self.at = buffer.len(),
                },
                State::QuoteSeen if byte == b'"' => self.step(State::Quoted),
                State::QuoteSeen => self.state = State::Bare,
            }
        }
        true
    }

    /// Goes on to the next line and blots this one out: the `csv` crate will see blank lines.
    fn note(&mut self, buffer: &mut [u8]) {
        match memchr2(b'\n', b'\r', buffer.get(self.at..).unwrap_or_default()) {
            None => self.at = buffer.len(),
            Some(n) => {
                self.at += n + 1;
                self.close(buffer);
            }
        }
    }

    fn step(&mut self, state: State) {
        self.at += 1;
        self.state = state;
    }

    /// Goes on to the next delimiter of a field without quotes.
    fn bare(&mut self, buffer: &mut [u8]) {
        self.state = State::Bare;
        match memchr3(b',', b'\n', b'\r', buffer.get(self.at..).unwrap_or_default()) {
            None => self.at = buffer.len(),
            Some(n) => {
                self.at += n + 1;
                match buffer.get(self.at - 1) {
                    Some(b',') => self.state = State::Start,
                    _ => self.close(buffer),
                }
            }
        }
    }

    /// The current record, if any, stops here.
    fn close(&mut self, buffer: &mut [u8]) {
        if self.state == State::Between || self.is_quoted() {
            return;
        }
        let note = self.state == State::Note;
        self.state = State::Between;
        let record = buffer.get_mut(self.current..self.at).unwrap_or_default();
        if note || record.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
            record.fill(b'\n');
        } else {
            self.starts.push(self.current);
        }
        self.until = self.at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits text that arrives `step` bytes at a time, taking blocks of `most` records.
    fn split(text: &[u8], step: usize, most: usize) -> Vec<Vec<u8>> {
        split_by(Splitter::new(false), text, step, most)
    }

    fn split_by(mut splitter: Splitter, text: &[u8], step: usize, most: usize) -> Vec<Vec<u8>> {
        let (mut buffer, mut blocks, mut read) = (Vec::new(), Vec::new(), 0);
        loop {
            let last = read == text.len();
            while splitter.scan(&mut buffer, most, last) || (last && splitter.found() > 0) {
                let (starts, until) = splitter.take();
                assert!(starts.len() <= most);
                let rest = buffer.split_off(until);
                blocks.push((std::mem::replace(&mut buffer, rest), starts));
            }
            if last {
                break;
            }
            let until = (read + step).min(text.len());
            buffer.extend_from_slice(&text[read..until]);
            read = until;
        }
        let mut records = Vec::new();
        for (bytes, starts) in blocks {
            let parsed = parse(&bytes);
            assert_eq!(parsed.len(), starts.len(), "{:?}", String::from_utf8_lossy(&bytes));
            records.extend(parsed);
        }
        records
    }

    fn parse(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        reader.byte_records().map(|r| r.unwrap().iter().collect::<Vec<_>>().join(&b'|')).collect()
    }

    #[test]
    fn records_are_split_as_the_csv_crate_reads_them() {
        // All texts of up to seven letters of this alphabet would be many; a counter in base six walks a good part.
        let alphabet = [b'a', b',', b'"', b'\n', b'\r', b' '];
        for seed in 0..40_000u64 {
            let mut number = seed * 2_654_435_761 % 1_679_616 * 37;
            let text: Vec<u8> = (0..10)
                .map(|_| {
                    let letter = alphabet[(number % 6) as usize];
                    number /= 6;
                    letter
                })
                .collect();
            let blank = |r: &Vec<u8>| r.iter().all(|b| *b == b' ');
            let wanted: Vec<Vec<u8>> = parse(&text).into_iter().collect();
            for (step, most) in [(1, 1), (3, 2), (100, 100)] {
                let found = split(&text, step, most);
                let quoted_open = found.len() < wanted.len();
                let filled = |v: &[Vec<u8>]| v.iter().filter(|r| !blank(r)).cloned().collect::<Vec<_>>();
                if !quoted_open {
                    assert_eq!(filled(&found), filled(&wanted), "{:?}", String::from_utf8_lossy(&text));
                } else {
                    // Blank lines and a last record with an open quote are the only ones left out.
                    assert!(filled(&wanted).starts_with(&filled(&found)), "{:?}", String::from_utf8_lossy(&text));
                }
            }
        }
    }

    #[test]
    fn blank_lines_are_no_records_and_quoted_breaks_stay_inside() {
        let text = b"a,b\r\n\r\n  \t\r\n1,\"x\r\ny\"\n\n2,\"say \"\"hi\"\"\"";
        let wanted: Vec<&[u8]> = vec![b"a|b", b"1|x\r\ny", b"2|say \"hi\""];
        for step in 1..10 {
            assert_eq!(split(text, step, 2), wanted);
        }
    }

    #[test]
    fn notes_are_no_records_where_they_are_allowed() {
        let text = b"# how to fill this in: \"a, \"b\r\na,b\n#1,\"x\n1,\"# not\n# a note\"\n\n # blank first: a record,\n#";
        let wanted: Vec<&[u8]> = vec![b"a|b", b"1|# not\n# a note", b" # blank first: a record|"];
        for step in 1..10 {
            assert_eq!(split_by(Splitter::new(true), text, step, 2), wanted);
        }
        assert_eq!(split(b"#a,b\n1,2", 3, 9), [b"#a|b".to_vec(), b"1|2".to_vec()], "elsewhere # is a character like any other");
    }
}
