//! CSV and CSV.GZ (RFC 4180): records are split in order, cheaply; blocks of them are decoded in any thread.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::csv_split::Splitter;
use crate::columns::{SHOWN_CHARACTERS, Text, TextBuilder};
use crate::error::{Error, Result};
use crate::store::{Location, io_trouble};

/// Records of a block at most.
pub const BLOCK_ROWS: usize = 1 << 16;
/// Bytes of a block, about.
const BLOCK_BYTES: usize = 32 << 20;
/// Bytes of one record at most: more is a quote that is not closed.
const RECORD_BYTES: usize = 16 << 20;
const READ_BYTES: usize = 1 << 20;

/// Counts what is read of a file, packed as it is.
struct Counted {
    file: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(into)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// An opened CSV file whose header has been read.
pub struct CsvFile {
    place: String,
    source: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
    header: Vec<String>,
    pending: Vec<u8>,
    splitter: Splitter,
    exhausted: bool,
    rows: i64,
}

impl CsvFile {
    /// Opens a file, plain or gzip, and reads its header. `place` names the file in messages.
    /// # Errors
    /// `Input` for a file without a header, not in UTF-8, or damaged; `Storage` when it cannot be read.
    pub fn open(at: &Location, gzip: bool, place: &str) -> Result<CsvFile> {
        CsvFile::open_as(at, gzip, place, false)
    }

    /// As [`CsvFile::open`], for tables people write by hand: lines that begin with `#` are notes, not records.
    /// # Errors
    /// As [`CsvFile::open`].
    pub fn open_with_notes(at: &Location, gzip: bool, place: &str) -> Result<CsvFile> {
        CsvFile::open_as(at, gzip, place, true)
    }

    fn open_as(at: &Location, gzip: bool, place: &str, notes: bool) -> Result<CsvFile> {
        let bytes = Arc::new(AtomicU64::new(0));
        let file = at.reader().map_err(|e| io_trouble("opening a CSV file", place, &e))?;
        let file = Counted { file, bytes: Arc::clone(&bytes) };
        let source: Box<dyn Read + Send> = if gzip { Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, file))) } else { Box::new(file) };
        let mut csv = CsvFile {
            place: place.to_string(),
            source,
            bytes,
            header: Vec::new(),
            pending: Vec::new(),
            splitter: Splitter::new(notes),
            exhausted: false,
            rows: 0,
        };
        csv.skip_mark()?;
        let Some(first) = csv.block(1)? else {
            return Err(csv.wrong("csv_empty", "no header line", "fetch or write the file again; a file without rows still has a header"));
        };
        csv.header = first.header(&csv)?;
        csv.rows = 0;
        Ok(csv)
    }

    /// The column names as written, blanks around them removed.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Data records handed out so far; header and blank lines do not count.
    pub fn rows(&self) -> u64 {
        self.rows.unsigned_abs()
    }

    /// Bytes of the file read so far, packed as it is.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The next records, at most [`BLOCK_ROWS`].
    /// # Errors
    /// As [`CsvFile::open`]; also a quote that is never closed.
    pub fn next_block(&mut self) -> Result<Option<CsvBlock>> {
        self.block(BLOCK_ROWS)
    }

    fn block(&mut self, most: usize) -> Result<Option<CsvBlock>> {
        let first_row = self.rows + 1;
        loop {
            let full = self.splitter.scan(&mut self.pending, most, self.exhausted);
            if full || self.exhausted || (self.splitter.until() >= BLOCK_BYTES && self.splitter.found() > 0) {
                break;
            }
            if self.splitter.found() == 0 {
                // Only blank lines so far: nothing of them is needed.
                let (_, blank) = self.splitter.take();
                self.pending.drain(..blank);
            }
            if self.pending.len() - self.splitter.until() > RECORD_BYTES {
                return Err(self.unclosed());
            }
            self.read_more()?;
        }
        if self.exhausted && self.splitter.is_quoted() && self.splitter.found() < most {
            return Err(self.unclosed());
        }
        let (starts, until) = self.splitter.take();
        let rest = self.pending.split_off(until);
        let bytes = std::mem::replace(&mut self.pending, rest);
        if starts.is_empty() {
            return Ok(None);
        }
        self.rows += starts.len() as i64;
        Ok(Some(CsvBlock { place: self.place.clone(), first_row, bytes, starts, width: self.header.len() }))
    }

    fn read_more(&mut self) -> Result<()> {
        let before = self.pending.len();
        let mut limited = self.source.by_ref().take(READ_BYTES as u64);
        limited.read_to_end(&mut self.pending).map_err(|e| io_trouble("reading a CSV file", self.reached(), &e))?;
        self.exhausted = self.pending.len() == before;
        Ok(())
    }

    /// The file, and how far it could be read.
    fn reached(&self) -> String {
        if self.rows == 0 { self.place.clone() } else { format!("{}, after row {}", self.place, self.rows) }
    }

    /// A byte order mark is not part of the first name; UTF-16 is not read.
    fn skip_mark(&mut self) -> Result<()> {
        self.read_more()?;
        if self.pending.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.pending.drain(..3);
        }
        if self.pending.starts_with(&[0xFF, 0xFE]) || self.pending.starts_with(&[0xFE, 0xFF]) {
            return Err(self.wrong("csv_encoding", "a UTF-16 byte order mark", "write the file as UTF-8"));
        }
        Ok(())
    }

    fn unclosed(&self) -> Error {
        let row = self.rows + self.splitter.found() as i64 + 1;
        let seen = if self.splitter.is_quoted() {
            format!("a quote that is not closed in row {row}")
        } else {
            format!("row {row} is longer than {} MiB", RECORD_BYTES >> 20)
        };
        self.wrong("csv_unclosed_quote", seen, "correct the row, or fetch the file again: everything after it would be lost")
    }

    fn wrong(&self, code: &'static str, seen: impl std::fmt::Display, next: &str) -> Error {
        Error::input(code, "reading a CSV file", &self.place, seen, next)
    }
}

/// Some records of a file, not yet taken apart.
pub struct CsvBlock {
    place: String,
    first_row: i64,
    bytes: Vec<u8>,
    starts: Vec<usize>,
    width: usize,
}

/// The wanted columns of a block.
pub struct CsvColumns {
    /// In the order wanted. Cells of ragged records are null.
    pub columns: Vec<Text>,
    /// By row of the block: the record as written, for records with another number of fields than the header.
    pub ragged: BTreeMap<usize, String>,
}

impl CsvBlock {
    /// Row of the file (from 1) of its first record.
    pub fn first_row(&self) -> i64 {
        self.first_row
    }

    /// Number of records, ragged ones included.
    pub fn rows(&self) -> usize {
        self.starts.len()
    }

    /// Takes the records apart and keeps the columns wanted, by place in the header.
    /// # Errors
    /// `Input` for text that is not UTF-8 in a wanted column.
    pub fn decode(&self, wanted: &[usize]) -> Result<CsvColumns> {
        let mut builders: Vec<TextBuilder> = wanted.iter().map(|_| TextBuilder::new(self.rows())).collect();
        let mut ragged = BTreeMap::new();
        let mut rows = 0;
        self.each_record(|row, record| {
            rows += 1;
            if record.len() != self.width {
                ragged.insert(row, self.raw(row));
                builders.iter_mut().for_each(TextBuilder::push_null);
                return Ok(());
            }
            for (builder, column) in builders.iter_mut().zip(wanted) {
                let field = record.get(*column).unwrap_or_default();
                builder.push(field).map_err(|e| {
                    Error::input(
                        "csv_text",
                        "reading a CSV file",
                        format!("{}, row {}, column {}", self.place, self.first_row + row as i64, column + 1),
                        e,
                        "write the file as UTF-8",
                    )
                })?;
            }
            Ok(())
        })?;
        if rows != self.rows() {
            return Err(Error::bug(
                "csv_records",
                "taking CSV records apart",
                &self.place,
                format!("{rows} records where {} were split", self.rows()),
                "report this with the input file",
            ));
        }
        let columns = builders.into_iter().map(TextBuilder::finish).collect::<Result<_>>()?;
        Ok(CsvColumns { columns, ragged })
    }

    fn header(&self, csv: &CsvFile) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.each_record(|_, record| {
            for field in record {
                let name = std::str::from_utf8(field).map_err(|_| csv.wrong("csv_encoding", "a header that is not UTF-8", "write the file as UTF-8"))?;
                names.push(name.trim().to_string());
            }
            Ok(())
        })?;
        Ok(names)
    }

    fn each_record(&self, mut each: impl FnMut(usize, &csv::ByteRecord) -> Result<()>) -> Result<()> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(self.bytes.as_slice());
        let mut record = csv::ByteRecord::new();
        let mut row = 0;
        while reader
            .read_byte_record(&mut record)
            // Bytes in memory, any number of fields: nothing is left that the reader could complain of.
            .map_err(|e| Error::bug("csv_records", "taking CSV records apart", &self.place, e, "Report this with the input file."))?
        {
            each(row, &record)?;
            row += 1;
        }
        Ok(())
    }

    /// A record as written, at most [`SHOWN_CHARACTERS`] characters.
    fn raw(&self, row: usize) -> String {
        let from = self.starts.get(row).copied().unwrap_or(0);
        let until = self.starts.get(row + 1).copied().unwrap_or(self.bytes.len());
        let line = self.bytes.get(from..until.min(from + SHOWN_CHARACTERS * 4)).unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        text.trim_end_matches(['\r', '\n']).chars().take(SHOWN_CHARACTERS).collect()
    }
}
