//! Chunks against `ArrowWriter`, the naive twin: both files are read by the same reader and must hold the same values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, RecordBatchReader, StringArray};
use arrow::compute::concat_batches;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use super::*;

/// Numbers that look random.
fn mix(n: u64, salt: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(salt.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) ^ z >> 31
}

type Write = Box<dyn Fn(&ChunkWriter) -> Result<Chunk>>;

/// A column in both forms.
struct Case {
    name: &'static str,
    array: ArrayRef,
    write: Write,
}

fn text(name: &'static str, entries: usize, rows: usize, runs: u64, nulls: u64, spelled_out: bool) -> Case {
    let entries: Vec<String> = (0..entries).map(|n| "é/".repeat(n % 70) + &format!("{name}-{n}")).collect();
    let key = |row: u64| (mix(row / runs, 3) % entries.len().max(1) as u64) as u32;
    let keys: Vec<u32> =
        (0..rows as u64).map(|row| if nulls > 0 && (row / 50).is_multiple_of(nulls) || entries.is_empty() { NULL } else { key(row) }).collect();
    let array = StringArray::from_iter(keys.iter().map(|key| entries.get(*key as usize).map(String::as_str)));
    let write = move |w: &ChunkWriter| {
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        if spelled_out { w.spelled_out(Values::Text(&entries), &keys) } else { w.keyed(Values::Text(&entries), &keys) }
    };
    Case { name, array: Arc::new(array), write: Box::new(write) }
}

fn keys_with_nulls(rows: usize) -> Vec<u32> {
    (0..rows as u64).map(|row| if row % 7 == 0 { NULL } else { (mix(row, 9) % 40) as u32 }).collect()
}

fn cases(rows: usize) -> Vec<Case> {
    let instants: Vec<i64> = (0..40).map(|n| 1_790_000_000_000_000 - n * 3_600_000_000).collect();
    let days: Vec<i32> = (0..31).map(|d| 20_000 - d).collect();
    let day_keys: Vec<u32> = (0..rows as u32).map(|row| row / 100 % 31).collect();
    let numbers: Vec<i128> = (0..rows as u64).map(|row| i128::from(mix(row, 1)) * if row % 3 == 0 { -77_777 } else { 5 }).collect();
    let doubles: Vec<f64> = numbers.iter().map(|n| *n as f64 / 1e9).collect();
    vec![
        text("few", 3, rows, 1, 0, false),
        text("one", 1, rows, 1, 0, false),
        text("many", 5_000, rows, 1, 0, false),
        text("runs", 400, rows, 37, 0, false),
        text("holes", 90, rows, 3, 4, false),
        text("halves", 90, rows, 1, 2, true),
        text("none", 0, rows, 1, 0, false),
        text("nothing", 0, rows, 1, 0, true),
        text("plain", 4_000, rows, 2, 0, true),
        Case {
            name: "day",
            array: Arc::new(Date32Array::from_iter_values(day_keys.iter().map(|key| days[*key as usize]))),
            write: Box::new(move |w| w.keyed(Values::Days(&days), &day_keys)),
        },
        Case {
            name: "instant",
            array: Arc::new(Int64Array::from_iter(keys_with_nulls(rows).iter().map(|key| instants.get(*key as usize).copied()))),
            write: Box::new(move |w| w.keyed(Values::Longs(&instants), &keys_with_nulls(rows))),
        },
        Case {
            name: "decimal",
            array: Arc::new(Decimal128Array::from(numbers.clone()).with_precision_and_scale(38, 18).expect("38 digits")),
            write: Box::new(move |w| w.plain(Values::Decimals(&numbers))),
        },
        Case { name: "double", array: Arc::new(Float64Array::from(doubles.clone())), write: Box::new(move |w| w.plain(Values::Doubles(&doubles))) },
    ]
}

fn read(file: Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file").with_batch_size(7_000).build().expect("a reader");
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>().expect("every page");
    concat_batches(&schema, &batches).expect("one schema")
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    SerializedFileReader::new(file.clone()).expect("a footer").metadata().clone()
}

fn naive(cases: &[Case]) -> (TypePtr, Bytes) {
    let batch = RecordBatch::try_from_iter_with_nullable(cases.iter().map(|c| (c.name, c.array.clone(), true))).expect("equal lengths");
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a schema");
    writer.write(&batch).expect("memory");
    let file = Bytes::from(writer.into_inner().expect("memory"));
    (metadata(&file).file_metadata().schema_descr().root_schema_ptr(), file)
}

fn ours(schema: TypePtr, cases: &[Case], codec: Codec) -> Bytes {
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).expect("a schema");
    let descriptor = writer.schema_descr().clone();
    let mut group = writer.next_row_group().expect("a row group");
    for (case, column) in cases.iter().zip(descriptor.columns()) {
        let writer = ChunkWriter::new(column.clone(), Settings { codec, statistics: true, offset_index: true }).expect("flat");
        (case.write)(&writer).expect(case.name).append_to(&mut group).expect(case.name);
    }
    group.close().expect("every column");
    writer.into_inner().expect("memory").into()
}

#[test]
fn values_and_statistics_equal_those_of_the_naive_twin() {
    for rows in [0, 1, 7, 8, 999, 20_000, 20_001, 130_000] {
        let cases = cases(rows);
        let (schema, expected) = naive(&cases);
        for codec in [Codec::Snappy, Codec::Uncompressed, Codec::Zstd(1)] {
            let file = ours(schema.clone(), &cases, codec);
            let (found, wanted) = (read(file.clone()), read(expected.clone()));
            for (case, (found, wanted)) in cases.iter().zip(found.columns().iter().zip(wanted.columns())) {
                assert!(found.to_data() == wanted.to_data(), "{} of {rows} rows, {codec:?}", case.name);
            }
            let (found, wanted) = (metadata(&file), metadata(&expected));
            for (k, case) in cases.iter().enumerate().filter(|_| rows > 0) {
                let (found, wanted) = (found.row_group(0).column(k), wanted.row_group(0).column(k));
                let (of, by) = (found.statistics().expect("statistics"), wanted.statistics().expect("statistics"));
                assert_eq!((of.null_count_opt(), found.num_values()), (by.null_count_opt(), wanted.num_values()), "{}", case.name);
                // Only used entries may bound; in a short column some entries of ours are not used.
                if of.max_is_exact() && by.max_is_exact() && rows >= 20_000 {
                    assert_eq!((of.min_bytes_opt(), of.max_bytes_opt()), (by.min_bytes_opt(), by.max_bytes_opt()), "{}", case.name);
                }
            }
        }
    }
}

#[test]
fn sizes_in_the_metadata_are_those_of_the_pages() {
    let cases = cases(50_000);
    let file = ours(naive(&cases).0, &cases, Codec::Snappy);
    let metadata = metadata(&file);
    let mut at = 4; // after the magic
    for column in metadata.row_group(0).columns() {
        let (start, length) = column.byte_range();
        assert_eq!(start, at, "{}", column.column_path());
        at += length;
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let cases = cases(10);
    let schema = naive(&cases).0;
    let descriptor = parquet::schema::types::SchemaDescriptor::new(schema);
    let writer = |name: &str| {
        let column = descriptor.columns().iter().find(|c| c.name() == name).expect(name).clone();
        ChunkWriter::new(column, Settings { codec: Codec::Snappy, statistics: true, offset_index: true }).expect("flat")
    };
    let entries = ["a", "b"];
    assert!(writer("few").keyed(Values::Text(&entries), &[0, 1, 2]).is_err(), "a key without an entry");
    assert!(writer("few").keyed(Values::Text(&[]), &[0]).is_err(), "a key into nothing");
    assert!(writer("day").keyed(Values::Text(&entries), &[0]).is_err(), "text in a column of days");
    assert!(writer("double").plain(Values::Decimals(&[1])).is_err(), "decimals in a column of doubles");
    assert!(writer("few").keyed(Values::Text(&entries), &[1, NULL, 0]).is_ok());
}
