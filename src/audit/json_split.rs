//! Finds where the records of a JSON log begin and stop, without looking into them: JSON Lines, an array, or an object
//! with an array under `records` or `value`; several of them may follow each other.
//!
//! It keeps its place in a buffer that grows, so memory follows the longest record and not the document.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// The arrays that may hold records (storage accounts and event hubs; the REST interface).
pub(super) const ARRAYS: [&str; 2] = ["records", "value"];

/// What the bytes so far are part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is open: a line or a document follows.
    Between,
    /// JSON Lines; they go on to the last byte of the file.
    Lines,
    /// Inside an array, before an element; `comma`: one must come first.
    Elements { comma: bool },
    /// Inside an element that began there.
    Element { from: usize },
    /// After the array, inside the object around it, which goes on from there.
    Around { from: usize },
}

/// Keeps its place in a buffer that grows.
pub(super) struct Splitter {
    state: State,
    at: usize,
    walk: Walk,
    /// The object around the array, up to its bracket; empty for a bare array.
    head: Vec<u8>,
    records: Vec<Range<usize>>,
    until: usize,
    /// Objects around arrays that have closed, the arrays emptied.
    around: Vec<Vec<u8>>,
    /// Whether the last record is a line that no line break closes.
    open_line: bool,
}

/// What was found since the last time.
pub(super) struct Split {
    /// Where the records are in the buffer.
    pub records: Vec<Range<usize>>,
    /// How many bytes of the buffer are settled.
    pub until: usize,
    /// Objects around arrays that have closed, the arrays emptied.
    pub around: Vec<Vec<u8>>,
    /// Whether the last record is a line that no line break closes.
    pub open_line: bool,
}

impl Splitter {
    pub(super) fn new() -> Splitter {
        Splitter { state: State::Between, at: 0, walk: Walk::default(), head: Vec::new(), records: Vec::new(), until: 0, around: Vec::new(), open_line: false }
    }

    /// Gives up what was found; the caller removes the settled bytes from the buffer.
    pub(super) fn take(&mut self) -> Split {
        let until = std::mem::take(&mut self.until);
        self.at -= until;
        match &mut self.state {
            State::Element { from } | State::Around { from } => *from -= until,
            State::Between | State::Lines | State::Elements { .. } => {}
        }
        Split { records: std::mem::take(&mut self.records), until, around: std::mem::take(&mut self.around), open_line: self.open_line }
    }

    /// Scans on to the last byte of the buffer. With `last` it holds the rest of the file.
    /// # Errors
    /// What is wrong with the record after those found, in words.
    pub(super) fn scan(&mut self, bytes: &[u8], last: bool) -> Result<(), &'static str> {
        loop {
            let before = (self.state, self.at);
            match self.state {
                State::Between => self.between(bytes, last)?,
                State::Lines => self.lines(bytes, last),
                State::Elements { comma } => self.elements(bytes, comma)?,
                State::Element { from } => {
                    if self.walk.on(bytes, &mut self.at) {
                        self.records.push(from..self.at);
                        self.until = self.at;
                        self.state = State::Elements { comma: true };
                    }
                }
                State::Around { from } => {
                    if self.walk.on(bytes, &mut self.at) {
                        let rest = bytes.get(from..self.at).unwrap_or_default();
                        self.around.push([self.head.as_slice(), b"]", rest].concat());
                        self.until = self.at;
                        self.state = State::Between;
                    }
                }
            }
            if (self.state, self.at) == before {
                break;
            }
        }
        match self.state {
            State::Elements { .. } | State::Element { .. } | State::Around { .. } if last => Err("the file stops inside the document"),
            _ => Ok(()),
        }
    }

    fn between(&mut self, bytes: &[u8], last: bool) -> Result<(), &'static str> {
        let at = self.at + blanks(bytes, self.at);
        self.until = at;
        self.at = at;
        let array = match bytes.get(at) {
            None => return Ok(()),
            Some(b'[') => Opening::Array(at + 1),
            Some(b'{') => opening(bytes, at),
            Some(_) => return Err("no JSON object"),
        };
        match array {
            Opening::Array(inside) => {
                self.head = if bytes.get(at) == Some(&b'[') { Vec::new() } else { bytes.get(at..inside).unwrap_or_default().to_vec() };
                self.at = inside;
                self.until = inside;
                self.state = State::Elements { comma: false };
            }
            Opening::Open if !last => {}
            Opening::Record | Opening::Open => self.state = State::Lines,
        }
        Ok(())
    }

    fn lines(&mut self, bytes: &[u8], last: bool) {
        while let Some(length) = bytes.get(self.at..).and_then(|rest| memchr(b'\n', rest)) {
            self.line(bytes, self.at + length);
            self.at += 1;
            self.until = self.at;
        }
        if last && self.until < bytes.len() {
            let found = self.records.len();
            self.line(bytes, bytes.len());
            self.open_line = self.records.len() > found;
            self.until = self.at;
        } else {
            // What is there of the line has no line break: it need not be looked at again.
            self.at = bytes.len();
        }
    }

    /// Enters the line that stops there, unless it is blank.
    fn line(&mut self, bytes: &[u8], stop: usize) {
        let from = self.until + blanks(bytes, self.until);
        if from < stop {
            self.records.push(from..stop);
        }
        self.at = stop;
    }

    fn elements(&mut self, bytes: &[u8], comma: bool) -> Result<(), &'static str> {
        let at = self.at + blanks(bytes, self.at);
        self.at = at;
        self.until = at;
        match bytes.get(at) {
            None => {}
            Some(b',') if comma => {
                self.at = at + 1;
                let next = self.at + blanks(bytes, self.at);
                match bytes.get(next) {
                    None => self.at = at,
                    Some(b'{') => self.element(next),
                    Some(_) => return Err("no JSON object"),
                }
            }
            Some(b'{') if !comma => self.element(at),
            Some(b']') => {
                self.at = at + 1;
                self.until = self.at;
                self.walk = Walk { depth: 1, quoted: false };
                self.state = if self.head.is_empty() { State::Between } else { State::Around { from: self.at } };
            }
            Some(_) => return Err("no JSON object"),
        }
        Ok(())
    }

    fn element(&mut self, from: usize) {
        self.at = from;
        self.until = from;
        self.walk = Walk::default();
        self.state = State::Element { from };
    }
}

/// How many blanks stand there.
fn blanks(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(rest.len())
}

/// Walks over one object or array.
#[derive(Debug, Default)]
struct Walk {
    depth: usize,
    quoted: bool,
}

impl Walk {
    /// Goes on at `at` and moves it. `true`: the last bracket has closed, `at` is after it; `false`: more bytes are needed.
    fn on(&mut self, bytes: &[u8], at: &mut usize) -> bool {
        while let Some(rest) = bytes.get(*at..).filter(|rest| !rest.is_empty()) {
            if self.quoted {
                match memchr2(b'"', b'\\', rest).map(|found| (found, rest.get(found))) {
                    Some((found, Some(b'"'))) => {
                        self.quoted = false;
                        *at += found + 1;
                    }
                    Some((found, _)) if found + 1 < rest.len() => *at += found + 2,
                    Some((found, _)) => {
                        *at += found;
                        return false;
                    }
                    None => *at = bytes.len(),
                }
                continue;
            }
            let Some(found) = rest.iter().position(|b| matches!(b, b'"' | b'{' | b'}' | b'[' | b']')) else {
                *at = bytes.len();
                return false;
            };
            *at += found + 1;
            match rest.get(found) {
                Some(b'"') => self.quoted = true,
                Some(b'{' | b'[') => self.depth += 1,
                _ => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// What an object turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// Around an array of records, which begins there.
    Array(usize),
    /// A record, or nothing that could be read; the line says.
    Record,
    /// More bytes are needed to tell.
    Open,
}

/// Looks through the keys of the object that begins at `at`.
fn opening(bytes: &[u8], at: usize) -> Opening {
    let mut at = at + 1;
    loop {
        at += blanks(bytes, at);
        let key = at;
        match bytes.get(key) {
            None => return Opening::Open,
            Some(b'"') => {}
            Some(_) => return Opening::Record,
        }
        let Some(colon) = value(bytes, key) else { return Opening::Open };
        at = colon + blanks(bytes, colon);
        match bytes.get(at) {
            None => return Opening::Open,
            Some(b':') => at += 1,
            Some(_) => return Opening::Record,
        }
        at += blanks(bytes, at);
        let name = bytes.get(key + 1..colon - 1).unwrap_or_default();
        if bytes.get(at) == Some(&b'[') && ARRAYS.iter().any(|array| name.eq_ignore_ascii_case(array.as_bytes())) {
            return Opening::Array(at + 1);
        }
        let Some(after) = value(bytes, at) else { return Opening::Open };
        at = after + blanks(bytes, after);
        match bytes.get(at) {
            None => return Opening::Open,
            Some(b',') => at += 1,
            Some(_) => return Opening::Record,
        }
    }
}

/// The place after the value that begins at `at`; `None`: more bytes are needed.
fn value(bytes: &[u8], at: usize) -> Option<usize> {
    let mut after = at + 1;
    match bytes.get(at)? {
        b'{' | b'[' => Walk { depth: 1, quoted: false }.on(bytes, &mut after).then_some(after),
        b'"' => loop {
            after += memchr2(b'"', b'\\', bytes.get(after..)?)?;
            if bytes.get(after) == Some(&b'"') {
                return Some(after + 1);
            }
            after += 2;
        },
        _ => {
            let rest = bytes.get(after..)?;
            let length = rest.iter().position(|b| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace())?;
            Some(after + length)
        }
    }
}
