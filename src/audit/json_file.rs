//! One JSON file of an audit log, plain or gzip: read piece by piece, so that memory follows the pieces and not the file.

use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

use flate2::bufread::MultiGzDecoder;
use rayon::prelude::*;

use super::Found;
use super::json_record::{self, Seen, Shape, Wrong};
use super::json_split::{Split, Splitter};
use crate::error::{Error, Result};
use crate::store::{self, InputFile};

/// Longest record, and longest object around an array of records without that array.
const RECORD_BYTES: usize = 16 << 20;
/// Bytes of a piece, about.
const PIECE_BYTES: usize = 4 << 20;
const TRIED: &str = "reading an audit log as JSON";

/// How one file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub shape: Shape,
    /// Index of the file in the run's list.
    pub index: u32,
    /// Whether its last line may still be being written.
    pub may_be_cut: bool,
    /// How many pieces are taken apart at the same time.
    pub pieces: usize,
}

/// Reads a whole file.
/// # Errors
/// `Input` for damage, for records that are no objects or too long, and for a log of another format; `Storage`.
pub(super) fn read(file: &InputFile, reading: Reading) -> Result<Found> {
    let mut pieces = Pieces::open(file)?;
    let (mut all, mut seen) = (Found::default(), Seen::default());
    loop {
        let mut wave = Vec::with_capacity(reading.pieces);
        while wave.len() < reading.pieces.max(1) {
            let Some(piece) = pieces.next()? else { break };
            wave.push(piece);
        }
        let last = wave.len() < reading.pieces.max(1);
        let read = |piece: &Piece| piece.read(reading);
        let read: Vec<_> = if wave.len() > 1 { wave.par_iter().map(read).collect() } else { wave.iter().map(read).collect() };
        for outcome in read {
            let (found, heads) = outcome.map_err(|wrong| wrong.error(file, all.rows))?;
            seen = seen.with(heads);
            all.append(found);
        }
        if last {
            break;
        }
    }
    if let Some((seen, size)) = pieces.wrong {
        return Err(Wrong { row: 1, seen, size }.error(file, all.rows));
    }
    if all.rows > 0 {
        reading.shape.check(seen, file)?;
    }
    Ok(all)
}

impl Wrong {
    /// Something wrong with the record after those found.
    pub(super) fn at(found: &Found, seen: impl Into<String>) -> Wrong {
        Wrong { row: found.rows.saturating_add(1), seen: seen.into(), size: false }
    }

    /// The error of the file. `before`: records of the file before those the row counts from.
    fn error(self, file: &InputFile, before: u64) -> Error {
        let place = format!("{}, row {}", file.name, before.saturating_add(self.row));
        if self.size {
            let next = "look whether the file is an audit log at all; if it is, fetch it again";
            return Error::input("audit_json_size", TRIED, place, self.seen, next);
        }
        let next = "fetch the file again: what cannot be read may be the record in which a role was taken away";
        Error::input("audit_json", TRIED, place, self.seen, next)
    }
}

/// The pieces of a file, in order.
struct Pieces<'a> {
    file: &'a InputFile,
    source: Box<dyn Read + Send>,
    pending: Vec<u8>,
    splitter: Splitter,
    exhausted: bool,
    /// What is wrong after the last piece given, and whether it is its size.
    wrong: Option<(String, bool)>,
}

impl<'a> Pieces<'a> {
    fn open(file: &'a InputFile) -> Result<Pieces<'a>> {
        let trouble = |e| store::io_trouble(TRIED, &file.name, &e);
        let mut plain = BufReader::with_capacity(1 << 17, file.at.reader().map_err(trouble)?);
        // By its bytes, not by its name: tools unpack on the way and leave the name as it was.
        let gzip = plain.fill_buf().map_err(trouble)?.starts_with(&[0x1f, 0x8b]);
        let source: Box<dyn Read + Send> = if gzip { Box::new(MultiGzDecoder::new(plain)) } else { Box::new(plain) };
        let mut pieces = Pieces { file, source, pending: Vec::new(), splitter: Splitter::new(), exhausted: false, wrong: None };
        pieces.read_more()?;
        if pieces.pending.starts_with(&[0xff, 0xfe]) || pieces.pending.starts_with(&[0xfe, 0xff]) {
            let next = "save it as UTF-8; in Windows PowerShell: az … | Out-File -Encoding utf8";
            return Err(Error::input("audit_json", TRIED, &file.name, "UTF-16 text", next));
        }
        if pieces.pending.starts_with(b"\xef\xbb\xbf") {
            pieces.pending.drain(..3);
        }
        Ok(pieces)
    }

    fn read_more(&mut self) -> Result<()> {
        let before = self.pending.len();
        let mut limited = self.source.by_ref().take(PIECE_BYTES as u64);
        limited.read_to_end(&mut self.pending).map_err(|e| store::io_trouble(TRIED, &self.file.name, &e))?;
        self.exhausted = self.pending.len() - before < PIECE_BYTES;
        Ok(())
    }

    /// The next piece; `None`: there is none, or something is wrong there.
    fn next(&mut self) -> Result<Option<Piece>> {
        while self.wrong.is_none() {
            let outcome = self.splitter.scan(&self.pending, self.exhausted);
            let split = self.splitter.take();
            let rest = self.pending.split_off(split.until);
            let bytes = std::mem::replace(&mut self.pending, rest);
            if let Err(seen) = outcome {
                self.wrong = Some((seen.to_string(), false));
            } else if self.pending.len() > RECORD_BYTES {
                self.wrong = Some((format!("a record of more than {} MiB", RECORD_BYTES >> 20), true));
            } else if !self.exhausted {
                self.read_more()?;
            } else if split.records.is_empty() && split.around.is_empty() {
                return Ok(None);
            }
            if !split.records.is_empty() || !split.around.is_empty() {
                return Ok(Some(Piece { bytes, split }));
            }
        }
        Ok(None)
    }
}

/// Some records of a file, not yet taken apart.
struct Piece {
    bytes: Vec<u8>,
    split: Split,
}

impl Piece {
    /// Rows are counted from the piece's own first record.
    fn read(&self, reading: Reading) -> std::result::Result<(Found, Seen), Wrong> {
        let (mut found, mut seen) = (Found::default(), Seen::default());
        let (last, whole) = match self.split.records.split_last() {
            Some((last, whole)) if self.split.open_line => (Some(last), whole),
            _ => (None, self.split.records.as_slice()),
        };
        for record in whole {
            let text = std::str::from_utf8(self.record(record)).map_err(|_| Wrong::at(&found, "bytes that are not UTF-8"))?;
            json_record::read(text, reading, &mut found, &mut seen)?;
        }
        if let Some(record) = last {
            let bytes = self.record(record);
            if reading.may_be_cut && is_cut(bytes) {
                found.count("cut_last_lines", 1);
            } else {
                let text = std::str::from_utf8(bytes).map_err(|_| Wrong::at(&found, "bytes that are not UTF-8"))?;
                json_record::read(text, reading, &mut found, &mut seen)?;
            }
        }
        for around in &self.split.around {
            found.count("logs_that_go_on", u64::from(json_record::goes_on(around).map_err(|seen| Wrong::at(&found, seen))?));
        }
        Ok((found, seen))
    }

    fn record(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// Whether a line begins like an object and merely stops too early.
fn is_cut(line: &[u8]) -> bool {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => std::str::from_utf8(line.get(..e.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
        Err(_) => return false,
    };
    text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err_and(|e| e.is_eof())
}

impl Found {
    /// Takes over what was found behind it in the same file, whose rows were counted from 1.
    fn append(&mut self, after: Found) {
        let before = self.rows;
        let moved = |place: pecan_core::event::Place| pecan_core::event::Place { row: place.row.saturating_add(before), ..place };
        self.rows += after.rows;
        self.passed_over += after.passed_over;
        self.first = self.first.into_iter().chain(after.first).min();
        self.newest = self.newest.into_iter().chain(after.newest).max();
        self.records.extend(after.records.into_iter().map(|mut record| {
            record.place = moved(record.place);
            record
        }));
        self.refused.extend(after.refused.into_iter().map(|mut refused| {
            refused.place = moved(refused.place);
            refused
        }));
        after.counts.into_iter().for_each(|(word, more)| self.count(word, more));
    }
}
