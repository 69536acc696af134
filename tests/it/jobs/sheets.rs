//! Input files taken apart and written again: other order, other pieces, other formats.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

use crate::oracle::world::Dice;
use crate::tables;

/// All rows of a Parquet file.
pub fn parquet(path: &Path) -> RecordBatch {
    let batches = tables::batches(path);
    concat_batches(&batches[0].schema(), &batches).expect("batches of one file")
}

/// Writes a Parquet file in row groups of so many rows.
pub fn write_parquet(path: &Path, rows: &RecordBatch, group: usize) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let file = File::create(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).expect("a schema Parquet has");
    writer.write(rows).expect("rows written");
    writer.close().expect("a file closed");
}

/// A column as text.
pub fn as_text(column: &ArrayRef) -> StringArray {
    cast(column, &DataType::Utf8).expect("text of any column").as_string::<i32>().clone()
}

/// Every column as text.
pub fn as_texts(rows: &RecordBatch) -> RecordBatch {
    let columns: Vec<ArrayRef> = rows.columns().iter().map(|column| Arc::new(as_text(column)) as ArrayRef).collect();
    let fields: Vec<Field> = rows.schema().fields().iter().map(|f| Field::new(f.name(), DataType::Utf8, true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
}

/// Writes CSV, gzipped if the name says so.
pub fn write_csv(path: &Path, rows: &RecordBatch) {
    let texts = as_texts(rows);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(texts.schema().fields().iter().map(|f| f.name())).expect("a header");
    for row in 0..texts.num_rows() {
        let cell = |column: &ArrayRef| if column.is_null(row) { String::new() } else { column.as_string::<i32>().value(row).to_owned() };
        writer.write_record(texts.columns().iter().map(cell)).expect("a record");
    }
    write_bytes(path, writer.into_inner().expect("all records"));
}

/// Writes bytes, gzipped if the name says so; folders are made.
pub fn write_bytes(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
    let is_packed = path.extension().is_some_and(|x| x == "gz");
    let written = if is_packed { std::fs::write(path, gzipped(bytes.as_ref())) } else { std::fs::write(path, bytes) };
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Packs bytes.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).and_then(|()| packed.finish()).expect("bytes in memory")
}

/// The rows in another order.
pub fn shuffled(rows: &RecordBatch, dice: &mut Dice) -> RecordBatch {
    let mut order: Vec<u32> = (0..).take(rows.num_rows()).collect();
    dice.shuffle(&mut order);
    chosen(rows, order)
}

/// Some rows, in the order given.
pub fn chosen(rows: &RecordBatch, order: Vec<u32>) -> RecordBatch {
    take_record_batch(rows, &UInt32Array::from(order)).expect("rows that are there")
}

/// The rows cut into so many pieces.
pub fn pieces(rows: &RecordBatch, count: usize) -> Vec<RecordBatch> {
    let size = rows.num_rows().div_ceil(count).max(1);
    (0..rows.num_rows()).step_by(size).map(|from| rows.slice(from, size.min(rows.num_rows() - from))).collect()
}

/// A CSV file as raw records, with all its quotes and faults.
pub struct RawCsv {
    pub header: Vec<u8>,
    pub records: Vec<Vec<u8>>,
}

impl RawCsv {
    /// Reads a file, gzipped if its name says so.
    pub fn read(path: &Path) -> RawCsv {
        let mut bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if path.extension().is_some_and(|x| x == "gz") {
            let packed = std::mem::take(&mut bytes);
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).expect("gzip");
        }
        let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut starts: Vec<usize> = Vec::new();
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).expect("CSV") {
            starts.push(usize::try_from(record.position().expect("a place").byte()).expect("a small file"));
        }
        let stops = starts.iter().skip(1).copied().chain([bytes.len()]);
        let mut records = starts.iter().zip(stops).map(|(from, until)| with_line_break(&bytes[*from..until]));
        let header = records.next().expect("a header");
        RawCsv { header, records: records.collect() }
    }

    /// Writes some records with the header.
    pub fn write(&self, path: &Path, records: &[Vec<u8>]) {
        write_bytes(path, [self.header.clone(), records.concat()].concat());
    }
}

fn with_line_break(record: &[u8]) -> Vec<u8> {
    let mut record: Vec<u8> = record.iter().copied().skip_while(|b| matches!(b, b'\r' | b'\n')).collect();
    while record.last().is_some_and(|b| matches!(b, b'\r' | b'\n')) {
        record.pop();
    }
    record.push(b'\n');
    record
}
