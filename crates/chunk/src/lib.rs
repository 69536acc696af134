//! Column chunks of Parquet written from dictionary keys, without hashing a value per row.
//!
//! Whoever knows the keys of a column already (a generator, or a program that passes a dictionary through) hands over the
//! distinct values and one key per row; `ArrowWriter` would hash every row again to find the same keys.
//!
//! | made by | pages |
//! |---|---|
//! | [`ChunkWriter::keyed`] | one dictionary page (PLAIN), then data pages V1 of at most [`ROWS_PER_PAGE`] rows (RLE_DICTIONARY) |
//! | [`ChunkWriter::plain`] | data pages V1 of about [`PAGE_BYTES`] (PLAIN) |
//! | [`ChunkWriter::spelled_out`] | the same, for text that is known by keys but shall not be a dictionary |
//!
//! Definition levels of an optional column are RLE; a page without nulls has one run of them.
//!
//! **Statistics** of the chunk, if asked for: number of nulls, and the least and greatest value. Text bounds are cut to 64 bytes: the
//! least then is a bound and not exact, the greatest is left out. There are none per page. No column index, no bloom
//! filter, no page checksums.
//!
//! **Limits**: flat columns (optional or required) of text, day, 64-bit integer or instant, DECIMAL in 16 bytes, and DOUBLE;
//! nulls only by key. Every entry of a dictionary must be used, else the bounds are not exact. A page is compressed in memory and a chunk is held
//! in memory until it is appended.
//!
//! **Readers tried**: parquet and arrow 59.3, DuckDB, pyarrow, polars.

mod hybrid;
mod pages;
mod values;

use std::io::Write;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;

use pages::Pages;
pub use values::Values;

/// The key of a null.
pub const NULL: u32 = u32::MAX;
/// Most rows of a data page of keys.
pub const ROWS_PER_PAGE: usize = 20_000;
/// About how many bytes a data page of values has before compression.
pub const PAGE_BYTES: usize = 1 << 20;

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Uncompressed,
    /// Snappy, as Azure writes.
    Snappy,
    /// Zstandard of a level.
    Zstd(i32),
}

/// How chunks of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How pages are compressed.
    pub codec: Codec,
    /// Whether the chunk says how many nulls it has, and its least and greatest value.
    pub statistics: bool,
    /// Whether the places of pages are noted. All columns of a file must agree: parquet 59.3 cannot close one in which some
    /// have them and others not.
    pub offset_index: bool,
}

/// An encoded column chunk, ready to be appended to a row group.
pub struct Chunk {
    bytes: Bytes,
    close: ColumnCloseResult,
}

impl Chunk {
    /// Appends the chunk as the next column of the row group.
    /// # Errors
    /// If the column is not the next one of the schema, or the sink cannot be written.
    pub fn append_to<W: Write + Send>(self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        group.append_column(&self.bytes, self.close)
    }
}

/// Writes chunks of one column.
#[derive(Debug, Clone)]
pub struct ChunkWriter {
    column: ColumnDescPtr,
    settings: Settings,
}

impl ChunkWriter {
    /// For a flat column of a schema.
    /// # Errors
    /// If the column is nested or repeated.
    pub fn new(column: ColumnDescPtr, settings: Settings) -> Result<ChunkWriter> {
        if column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return Err(ParquetError::NYI(format!("column {} is nested", column.path())));
        }
        Ok(ChunkWriter { column, settings })
    }

    /// One key per row into `dictionary`, [`NULL`] for a null.
    /// # Errors
    /// If the values are not of the column's type, a key has no entry, or a required column has a null.
    pub fn keyed(&self, dictionary: Values<'_>, keys: &[u32]) -> Result<Chunk> {
        if dictionary.len() == 0 {
            return self.spelled_out(dictionary, keys); // nothing but nulls: no dictionary to write
        }
        let nulls = self.check(dictionary, keys)?;
        let mut pages = Pages::new(self.settings)?;
        let mut body = Vec::new();
        dictionary.write_all(&mut body);
        pages.dictionary(body, dictionary.len())?;
        let width = hybrid::width(dictionary.len());
        let mut held = Vec::new();
        for rows in keys.chunks(ROWS_PER_PAGE) {
            let mut body = Vec::with_capacity(64 + rows.len() * width as usize / 8);
            let present = self.levels(rows, nulls, &mut held, &mut body);
            body.push(width as u8);
            hybrid::pack(present, width, &mut body);
            pages.data(body, rows.len(), Encoding::RLE_DICTIONARY)?;
        }
        pages.close(&self.column, keys.len(), self.statistics(dictionary, nulls))
    }

    /// One value per row, no nulls.
    /// # Errors
    /// If the values are not of the column's type.
    pub fn plain(&self, values: Values<'_>) -> Result<Chunk> {
        self.check(values, &[])?;
        let mut pages = Pages::new(self.settings)?;
        let rows = (PAGE_BYTES / values.width().max(1)).max(1);
        for from in (0..values.len()).step_by(rows) {
            let part = values.slice(from, (from + rows).min(values.len()));
            let mut body = Vec::with_capacity(16 + part.len() * values.width());
            self.no_nulls(part.len(), &mut body);
            part.write_all(&mut body);
            pages.data(body, part.len(), Encoding::PLAIN)?;
        }
        pages.close(&self.column, values.len(), self.statistics(values, 0))
    }

    /// One key per row into `entries`, but every row is written with its value: no dictionary.
    /// # Errors
    /// As of [`keyed`](Self::keyed).
    pub fn spelled_out(&self, entries: Values<'_>, keys: &[u32]) -> Result<Chunk> {
        let nulls = self.check(entries, keys)?;
        let mut pages = Pages::new(self.settings)?;
        let (mut from, mut held) = (0, Vec::new());
        while from < keys.len() {
            let mut bytes = 0;
            let fits = |key: &&u32| {
                bytes += if **key == NULL { 0 } else { entries.bytes_of(**key as usize) };
                bytes <= PAGE_BYTES
            };
            let rows = &keys[from..from + keys[from..].iter().take_while(fits).count().max(1)];
            let mut body = Vec::with_capacity(PAGE_BYTES + 16);
            for key in self.levels(rows, nulls, &mut held, &mut body) {
                entries.write(*key as usize, &mut body);
            }
            pages.data(body, rows.len(), Encoding::PLAIN)?;
            from += rows.len();
        }
        pages.close(&self.column, keys.len(), self.statistics(entries, nulls))
    }

    fn statistics(&self, values: Values<'_>, nulls: usize) -> Option<Statistics> {
        self.settings.statistics.then(|| values.statistics(nulls))
    }

    /// The number of nulls, once everything is known to be good.
    fn check(&self, values: Values<'_>, keys: &[u32]) -> Result<usize> {
        let wrong = |what: String| Err(ParquetError::General(format!("column {}: {what}", self.column.path())));
        if !values.fit(&self.column) {
            return wrong(format!("{} values for a column of {:?}", values.word(), self.column.physical_type()));
        }
        let (nulls, greatest) = survey(keys);
        if nulls > 0 && self.column.max_def_level() == 0 {
            return wrong("a null in a required column".into());
        }
        if greatest as usize > values.len() {
            return wrong(format!("key {} into {} values", greatest - 1, values.len()));
        }
        Ok(nulls)
    }

    /// Writes the definition levels of a page; gives the keys that are not null.
    fn levels<'a>(&self, rows: &'a [u32], nulls: usize, held: &'a mut Vec<u32>, body: &mut Vec<u8>) -> &'a [u32] {
        let here = if nulls == 0 { 0 } else { survey(rows).0 };
        if here == 0 {
            self.no_nulls(rows.len(), body);
            return rows;
        }
        held.clear();
        if here == rows.len() {
            with_length(body, |body| hybrid::run(0, rows.len(), 1, body));
        } else {
            let present: Vec<u32> = rows.iter().map(|key| u32::from(*key != NULL)).collect();
            with_length(body, |body| hybrid::pack(&present, 1, body));
            held.extend(rows.iter().filter(|key| **key != NULL));
        }
        held
    }

    fn no_nulls(&self, rows: usize, body: &mut Vec<u8>) {
        if self.column.max_def_level() > 0 {
            with_length(body, |body| hybrid::run(1, rows, 1, body));
        }
    }
}

/// The number of nulls, and the greatest key plus one. A null's key is the greatest number of all: plus one it is the least.
/// Nothing here can overflow; sums that wrap let the compiler take many keys at a time.
fn survey(keys: &[u32]) -> (usize, u32) {
    let (mut nulls, mut greatest) = (0, 0u32);
    for part in keys.chunks(1 << 16) {
        let mut here = 0u32;
        for key in part {
            here = here.wrapping_add(u32::from(*key == NULL));
            greatest = greatest.max(key.wrapping_add(1));
        }
        nulls += here as usize;
    }
    (nulls, greatest)
}

/// Levels of a V1 page stand behind their length in four bytes.
fn with_length(body: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = body.len();
    body.extend_from_slice(&[0; 4]);
    write(body);
    let length = (body.len() - at - 4) as u32;
    body[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests;
