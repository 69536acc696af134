//! The one reader all Parquet enters through: pre-flight first, dictionaries kept, panics of the decoder turned into errors.
//!
//! A file is opened, columns are selected, and pieces (a row group, or a part of a very long one) are handed out in order;
//! a piece reads and decodes itself, in any thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Once};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimestampMicrosecondType, TimestampNanosecondType};
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};

pub use super::parquet_columns::FileColumn;
use super::parquet_columns::columns;
use super::preflight::{self, Budget};
use super::thrift::Checked;
use crate::error::{Error, Result};
use crate::store::{Location, Opened, Pending, Stretch, io_trouble};

/// Rows of a piece at most; a longer row group is read in several.
pub const PIECE_ROWS: usize = 1 << 20;
/// Of a file in a store this much is asked for ahead at most, and always one row group.
const BYTES_AHEAD: u64 = 256 << 20;

/// An opened Parquet file.
#[derive(Clone)]
pub struct ParquetFile {
    place: String,
    file: Arc<Opened>,
    length: u64,
    metadata: Arc<ParquetMetaData>,
    schema: SchemaRef,
    columns: Vec<FileColumn>,
}

impl ParquetFile {
    /// Opens a file and checks its footer against the budgets. `place` names the file in messages.
    /// # Errors
    /// `Input` for a file that is no Parquet file or is damaged, `Storage` when it cannot be read.
    pub fn open(at: &Location, place: &str) -> Result<ParquetFile> {
        let trouble = |e| io_trouble("opening a Parquet file", place, &e);
        let file = at.open().map_err(trouble)?;
        let length = file.length().map_err(trouble)?;
        let read = |bytes: &mut [u8], at: u64| file.read_exact_at(bytes, at).map_err(|e| io_trouble("reading a Parquet file", place, &e));
        let bytes = preflight::footer(length, read, |seen| damaged(place, seen))?;
        let metadata = guarded(|| ParquetMetaDataReader::decode_metadata(&bytes)).map_err(|e| damaged(place, e))?;
        check_rows(&metadata).map_err(|e| damaged(place, e))?;
        let metadata = Arc::new(metadata);
        // What a writer embedded as Arrow schema is only a hint; Parquet's own types say all that is needed.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let base = guarded(|| ArrowReaderMetadata::try_new(metadata.clone(), options)).map_err(|e| damaged(place, e))?;
        let schema = base.schema().clone();
        let columns = columns(&metadata, &schema);
        Ok(ParquetFile { place: place.to_string(), file: Arc::new(file), length, metadata, schema, columns })
    }

    /// The columns at the top level, in file order.
    pub fn columns(&self) -> &[FileColumn] {
        &self.columns
    }

    /// Rows of the file, as its footer says; decoding checks it.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0)
    }

    /// Selects columns by their place in [`ParquetFile::columns`]; pieces give them in this order. One may be named twice.
    /// # Errors
    /// `Input` for a nested column or a file that contradicts itself.
    pub fn select(self, wanted: &[usize]) -> Result<Scan> {
        let nested = |i: &usize| {
            Error::input(
                "column_type",
                "choosing columns of a Parquet file",
                &self.place,
                format!("column `{}` of type {}", self.columns[*i].name, self.columns[*i].kind),
                "Write the column with one plain value per row.",
            )
        };
        let leaf = |i: &usize| self.columns[*i].leaf.ok_or_else(|| nested(i));
        let chosen: Vec<usize> = wanted.iter().map(leaf).collect::<Result<_>>()?;
        let mut leaves = chosen.clone();
        leaves.sort_unstable();
        leaves.dedup();
        let order = chosen.iter().map(|l| leaves.binary_search(l).unwrap_or(0)).collect();
        let descriptor = self.metadata.file_metadata().schema_descr();
        let legacy: Vec<usize> = leaves.iter().copied().filter(|l| descriptor.column(*l).physical_type() == Physical::INT96).collect();
        let fine = self.decoder(&leaves, |column| column.fine())?;
        let coarse = self.decoder(&legacy, |column| column.coarse())?;
        let selected = Selected { place: self.place, file: self.file, length: self.length, fine, coarse, legacy, leaves, order };
        Ok(Scan { selected: Arc::new(selected), group: 0, skipped: 0, first_row: 1, ahead: 0, coming: VecDeque::new() })
    }

    /// How to decode these leaf columns, with the Arrow types `kind` gives them.
    fn decoder(&self, leaves: &[usize], kind: impl Fn(&FileColumn) -> DataType) -> Result<Decoder> {
        let fields = self.schema.fields().iter().zip(&self.columns).map(|(field, column)| {
            let read = column.leaf.is_some_and(|l| leaves.contains(&l));
            Field::clone(field).with_data_type(if read { kind(column) } else { field.data_type().clone() })
        });
        let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), self.schema.metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let reader = guarded(|| ArrowReaderMetadata::try_new(self.metadata.clone(), options)).map_err(|e| damaged(&self.place, e))?;
        let mask = ProjectionMask::leaves(reader.parquet_schema(), leaves.iter().copied());
        Ok(Decoder { reader, mask })
    }
}

/// The row groups must add up to the file.
fn check_rows(metadata: &ParquetMetaData) -> Checked<()> {
    metadata.row_groups().iter().try_for_each(preflight::row_group)?;
    let sum = metadata.row_groups().iter().try_fold(0i64, |sum, g| sum.checked_add(g.num_rows()));
    let claimed = metadata.file_metadata().num_rows();
    if sum == Some(claimed) { Ok(()) } else { Err(format!("row groups that do not add up to the {claimed} rows of the footer")) }
}

struct Selected {
    place: String,
    file: Arc<Opened>,
    length: u64,
    fine: Decoder,
    coarse: Decoder,
    /// Leaf columns of the old type INT96, read both ways.
    legacy: Vec<usize>,
    /// Leaf columns read, ascending.
    leaves: Vec<usize>,
    /// For each wanted column its place among `leaves`.
    order: Vec<usize>,
}

impl Selected {
    /// Where the needed column chunks of a row group are, in the order of `leaves`.
    fn stretches(&self, group: usize) -> Checked<Vec<Stretch>> {
        let group = self.fine.reader.metadata().row_group(group);
        let of = |leaf: &usize| {
            let chunk = group.column(*leaf);
            let (start, length) = preflight::chunk_range(chunk, group.num_rows(), self.length).map_err(|e| format!("column `{}`: {e}", chunk.column_path()))?;
            Ok(Stretch::new(start, start + length as u64))
        };
        self.leaves.iter().map(of).collect()
    }
}

struct Decoder {
    reader: ArrowReaderMetadata,
    mask: ProjectionMask,
}

/// Hands out the pieces of a file in order; cheap.
pub struct Scan {
    selected: Arc<Selected>,
    group: usize,
    skipped: usize,
    first_row: i64,
    /// Row groups asked for before their pieces are handed out.
    ahead: usize,
    /// What was asked for, from row group `group` on; `None`: to be read when it is decoded.
    coming: VecDeque<Option<Pending>>,
}

impl Scan {
    /// Asks a store for so many row groups more than are handed out. On a local disk nothing is asked for.
    pub fn ahead(self, groups: usize) -> Scan {
        Scan { ahead: groups, ..self }
    }

    /// Asks for the bytes of this row group and the next, as long as they are not too many.
    fn ask(&mut self) {
        let under_way = |coming: &VecDeque<Option<Pending>>| coming.iter().flatten().map(Pending::bytes).sum::<u64>();
        while self.coming.len() <= self.ahead && (self.coming.is_empty() || under_way(&self.coming) < BYTES_AHEAD) {
            let group = self.group + self.coming.len();
            if group >= self.selected.fine.reader.metadata().num_row_groups() {
                break;
            }
            // What is wrong with its place in the file is told when it is decoded.
            let wanted = self.selected.stretches(group).ok();
            self.coming.push_back(wanted.and_then(|wanted| self.selected.file.begin(&wanted)));
        }
    }

    /// The next piece, if any.
    pub fn next_piece(&mut self) -> Option<Piece> {
        loop {
            let rows = usize::try_from(self.selected.fine.reader.metadata().row_groups().get(self.group)?.num_rows()).ok()?;
            let rows_left = rows.saturating_sub(self.skipped);
            if rows_left == 0 {
                (self.group, self.skipped) = (self.group + 1, 0);
                self.coming.pop_front();
                continue;
            }
            let take = rows_left.min(PIECE_ROWS);
            if self.ahead > 0 {
                self.ask();
            }
            let coming = self.coming.front().cloned().flatten();
            let piece = Piece { selected: self.selected.clone(), group: self.group, skip: self.skipped, take, first_row: self.first_row, coming };
            self.skipped += take;
            self.first_row += take as i64;
            return Some(piece);
        }
    }
}

/// A row group, or a part of one, not yet read.
pub struct Piece {
    selected: Arc<Selected>,
    group: usize,
    skip: usize,
    take: usize,
    first_row: i64,
    coming: Option<Pending>,
}

impl Piece {
    /// Row of the file (from 1) of its first row.
    pub fn first_row(&self) -> i64 {
        self.first_row
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.take
    }

    /// Reads and decodes the selected columns, in the order selected.
    /// # Errors
    /// `Input` for damage and for what exceeds the budgets, `Storage` when the file cannot be read.
    pub fn decode(self) -> Result<Vec<ArrayRef>> {
        let chunks = self.load()?;
        let selected = &self.selected;
        let mut columns = self.rows_of(chunks.clone(), &selected.fine, selected.leaves.len())?;
        if !selected.legacy.is_empty() {
            // INT96 wraps in nanoseconds beyond 2262 (9999-12-31 is a favourite for "open"): such columns are taken in
            // microseconds, the others keep every digit.
            let coarse = self.rows_of(chunks, &selected.coarse, selected.legacy.len())?;
            for (leaf, coarse) in selected.legacy.iter().zip(coarse) {
                let slot = selected.leaves.binary_search(leaf).ok().and_then(|i| columns.get_mut(i));
                if let Some(fine) = slot.filter(|fine| !same_instants(fine, &coarse)) {
                    *fine = coarse;
                }
            }
        }
        columns.iter().try_for_each(check_column).map_err(|e| self.damaged(e))?;
        Ok(selected.order.iter().filter_map(|i| columns.get(*i).cloned()).collect())
    }

    fn rows_of(&self, chunks: Chunks, decoder: &Decoder, width: usize) -> Result<Vec<ArrayRef>> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, decoder.reader.clone());
        let builder = builder.with_projection(decoder.mask.clone()).with_row_groups(vec![self.group]);
        let builder = builder.with_batch_size(self.take).with_offset(self.skip).with_limit(self.take);
        let batch: RecordBatch = guarded(|| match builder.build()?.next() {
            Some(batch) => Ok(batch?),
            None => Err(ParquetError::General("a row group without rows".into())),
        })
        .map_err(|e| self.damaged(e))?;
        if batch.num_rows() != self.take || batch.num_columns() != width {
            return Err(self.damaged(format!("{} rows where {} were announced", batch.num_rows(), self.take)));
        }
        Ok(batch.columns().to_vec())
    }

    /// Reads the bytes of the needed column chunks and walks their page headers.
    fn load(&self) -> Result<Chunks> {
        let selected = &self.selected;
        let group = selected.fine.reader.metadata().row_group(self.group);
        let stretches = selected.stretches(self.group).map_err(|e| self.damaged(e))?;
        let read = self.coming.as_ref().map_or_else(|| selected.file.ranges(&stretches), Pending::wait);
        let read = read.map_err(|e| io_trouble("reading a Parquet file", &selected.place, &e))?;
        let mut budget = Budget::default();
        let mut chunks = Vec::with_capacity(selected.leaves.len());
        for ((leaf, stretch), bytes) in selected.leaves.iter().zip(stretches).zip(read) {
            let chunk = group.column(*leaf);
            budget.chunk(chunk, &bytes).map_err(|e| self.damaged(format!("column `{}`: {e}", chunk.column_path())))?;
            chunks.push((stretch.from, bytes));
        }
        Ok(Chunks { chunks, length: selected.length })
    }

    fn damaged(&self, seen: String) -> Error {
        damaged(format!("{}, row group {}", self.selected.place, self.group + 1), seen)
    }
}

fn damaged(place: impl std::fmt::Display, seen: String) -> Error {
    Error::input(
        "parquet_damaged",
        "reading a Parquet file",
        place,
        seen,
        "the file is damaged or not as Parquet should be: fetch or write it again, or take it out of the input",
    )
}

/// Whether nanoseconds say the same as microseconds.
fn same_instants(nanos: &ArrayRef, micros: &ArrayRef) -> bool {
    let (Some(nanos), Some(micros)) = (nanos.as_primitive_opt::<TimestampNanosecondType>(), micros.as_primitive_opt::<TimestampMicrosecondType>()) else {
        return true;
    };
    nanos.iter().zip(micros.iter()).all(|(n, m)| n.map(|n| n.div_euclid(1_000)) == m)
}

/// What the decoder does not check: dictionary keys (when the dictionary is empty) and text of columns not marked as UTF-8.
fn check_column(column: &ArrayRef) -> Checked<()> {
    match column.data_type() {
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_dictionary::<Int32Type>();
            let known = i32::try_from(dictionary.values().len()).unwrap_or(i32::MAX);
            let inside = |key: &i32| (0..known).contains(key);
            let keys = dictionary.keys();
            let good = keys.values().iter().all(inside) || keys.iter().flatten().all(|k| inside(&k));
            if good { Ok(()) } else { Err("a dictionary key outside its dictionary".into()) }
        }
        DataType::Utf8 => column.to_data().validate_full().map_err(|e| e.to_string()),
        _ => Ok(()),
    }
}

/// The needed column chunks in memory, addressed with the file's own offsets.
#[derive(Clone)]
struct Chunks {
    chunks: Vec<(u64, Bytes)>,
    length: u64,
}

impl Chunks {
    fn from(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let inside = |(at, bytes): &&(u64, Bytes)| start >= *at && start - at + length as u64 <= bytes.len() as u64;
        match self.chunks.iter().find(inside) {
            Some((at, bytes)) => Ok(bytes.slice((start - at) as usize..)),
            None => Err(ParquetError::EOF(format!("{length} bytes at {start}, outside the column's own"))),
        }
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.from(start, 1)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        Ok(self.from(start, length)?.slice(..length))
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs the decoder; a panic of it is an error like any other, and prints nothing.
fn guarded<T>(work: impl FnOnce() -> parquet::errors::Result<T>) -> Checked<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    match result {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(cause) => {
            let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
            Err(format!("the decoder gave up: {}", text.unwrap_or("no reason given")))
        }
    }
}
