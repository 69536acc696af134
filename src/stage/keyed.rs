//! Columns written from keys: nothing is hashed that is known by keys already, and numbers that repeat become keys, too.
//!
//! `ArrowWriter` hashes the text of every row again, dictionary or not; that was most of the work of writing a file.
//!
//! | column | written as |
//! |---|---|
//! | text as a dictionary | its used entries and the keys of the rows; every row with its text where that is shorter |
//! | days, whole numbers, instants, decimals that repeat | their distinct values and keys |
//! | decimals that do not | every row with its value |
//! | all else | left to `ArrowWriter` |

use std::hash::Hash;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, DictionaryArray, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use keyed_chunk::{Chunk, ChunkWriter, NULL, Values};
use parquet::errors::Result;

/// A dictionary larger than this is not written: some readers hold it in memory whole.
const DICTIONARY_BYTES: usize = 16 << 20;
/// Numbers count as repeating while there are not more distinct ones than this, and one more for every so many rows.
const FREE: usize = 1024;
const ROWS_PER_VALUE: usize = 8;

/// The chunk of a column, if this is a column for keys.
pub fn chunk(writer: &ChunkWriter, column: &ArrayRef) -> Result<Option<Chunk>> {
    match column.data_type() {
        DataType::Dictionary(keys, values) if **keys == DataType::Int32 && **values == DataType::Utf8 => text(writer, column).map(Some),
        DataType::Dictionary(keys, values) if **keys == DataType::Int32 => numbers(writer, column, values),
        DataType::Date32 => repeating::<Date32Type>(writer, column, |days| Values::Days(days)),
        DataType::Int64 => repeating::<Int64Type>(writer, column, |numbers| Values::Longs(numbers)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => repeating::<TimestampMicrosecondType>(writer, column, |instants| Values::Longs(instants)),
        DataType::Decimal128(..) => match repeating::<Decimal128Type>(writer, column, |numbers| Values::Decimals(numbers))? {
            None => decimals(writer, column.as_primitive()).map(Some),
            chunk => Ok(chunk),
        },
        _ => Ok(None),
    }
}

fn text(writer: &ChunkWriter, column: &ArrayRef) -> Result<Chunk> {
    let dictionary = column.as_dictionary::<Int32Type>();
    let values: &StringArray = dictionary.values().as_string();
    let mut spelled_out = 0;
    let (entries, keys) = used(dictionary, |place| {
        let text = values.is_valid(place).then(|| values.value(place));
        spelled_out += text.map_or(0, |text| 4 + text.len());
        text
    });
    let bytes: usize = entries.iter().map(|entry| 4 + entry.len()).sum();
    let bits = usize::BITS - entries.len().leading_zeros();
    let repeats = bytes + keys.len() * bits as usize / 8 < spelled_out && bytes <= DICTIONARY_BYTES;
    if repeats || entries.is_empty() { writer.keyed(Values::Text(&entries), &keys) } else { writer.spelled_out(Values::Text(&entries), &keys) }
}

/// A dictionary of whole numbers or instants. Values that no row uses are left out: they would be bounds of the chunk.
fn numbers(writer: &ChunkWriter, column: &ArrayRef, kind: &DataType) -> Result<Option<Chunk>> {
    let dictionary = column.as_dictionary::<Int32Type>();
    let values: &[i64] = match kind {
        DataType::Int64 => dictionary.values().as_primitive::<Int64Type>().values(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => dictionary.values().as_primitive::<TimestampMicrosecondType>().values(),
        _ => return Ok(None),
    };
    let (entries, keys) = used(dictionary, |place| values.get(place).copied());
    writer.keyed(Values::Longs(&entries), &keys).map(Some)
}

/// The entries that rows use, in the order of their first rows, and a key per row. `entry` is asked once per row: `None` is a null.
fn used<T>(dictionary: &DictionaryArray<Int32Type>, mut entry: impl FnMut(usize) -> Option<T>) -> (Vec<T>, Vec<u32>) {
    let mut codes = vec![NULL; dictionary.values().len()];
    let mut entries = Vec::new();
    let mut key = |place: Option<i32>| -> u32 {
        let Some(place) = place.and_then(|place| usize::try_from(place).ok()) else { return NULL };
        let Some(entry) = entry(place) else { return NULL };
        if codes[place] == NULL {
            codes[place] = u32::try_from(entries.len()).unwrap_or(NULL);
            entries.push(entry);
        }
        codes[place]
    };
    let keys = match dictionary.keys().nulls() {
        None => dictionary.keys().values().iter().map(|place| key(Some(*place))).collect(),
        Some(_) => dictionary.keys().iter().map(&mut key).collect(),
    };
    (entries, keys)
}

/// `None`: too many different values.
fn repeating<T: ArrowPrimitiveType>(writer: &ChunkWriter, column: &ArrayRef, values: impl Fn(&[T::Native]) -> Values<'_>) -> Result<Option<Chunk>>
where
    T::Native: Eq + Hash,
{
    let column: &PrimitiveArray<T> = column.as_primitive();
    let coded = if column.null_count() == 0 { code(column.values().iter().map(|value| Some(*value))) } else { code(column.iter()) };
    coded.map(|(distinct, keys)| writer.keyed(values(&distinct), &keys)).transpose()
}

/// Distinct values in the order of their first rows, and a key per row.
fn code<T: Copy + Eq + Hash>(rows: impl Iterator<Item = Option<T>>) -> Option<(Vec<T>, Vec<u32>)> {
    let mut known: HashMap<T, u32> = HashMap::new();
    let (mut distinct, mut keys) = (Vec::new(), Vec::with_capacity(rows.size_hint().0));
    let mut last: Option<(T, u32)> = None;
    for value in rows {
        let key = match (value, last) {
            (None, _) => NULL,
            (Some(value), Some((same, key))) if same == value => key,
            (Some(value), _) => match known.entry(value) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(_) if distinct.len() > FREE + keys.len() / ROWS_PER_VALUE => return None,
                Entry::Vacant(entry) => {
                    distinct.push(value);
                    *entry.insert(u32::try_from(distinct.len() - 1).ok()?)
                }
            },
        };
        last = value.map(|value| (value, key)).or(last);
        keys.push(key);
    }
    Some((distinct, keys))
}

fn decimals(writer: &ChunkWriter, column: &PrimitiveArray<Decimal128Type>) -> Result<Chunk> {
    if column.null_count() == 0 {
        return writer.plain(Values::Decimals(column.values()));
    }
    let present: Vec<i128> = column.iter().flatten().collect();
    let mut next = 0..;
    let keys: Vec<u32> = column.iter().map(|value| value.and_then(|_| next.next()).unwrap_or(NULL)).collect();
    writer.spelled_out(Values::Decimals(&present), &keys)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Date32Array, Decimal128Array, DictionaryArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
    use bytes::Bytes;
    use keyed_chunk::{Codec, Settings};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
    use parquet::basic::Encoding;
    use parquet::file::properties::WriterProperties;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::file::writer::SerializedFileWriter;

    use super::*;

    fn decimals_of(values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
        Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(38, 12).unwrap())
    }

    /// Columns of every kind, repeating and not, with nulls and without.
    fn batch(rows: i64) -> RecordBatch {
        let text = |value: &dyn Fn(i64) -> Option<String>| -> ArrayRef {
            let texts: Vec<Option<String>> = (0..rows).map(value).collect();
            Arc::new(texts.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>())
        };
        let spread = |row: i64| i128::from(row) * 1_000_003 * if row % 2 == 0 { -1 } else { 1 };
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("few", text(&|row| Some(format!("word-{}", row % 3)))),
            ("holes", text(&|row| (row % 5 != 0).then(|| format!("word-{}", row / 7)))),
            ("all", text(&|row| Some(format!("a long text of its own for the row {row}")))),
            ("none", text(&|_| None)),
            ("day", Arc::new(Date32Array::from_iter_values((0..rows).map(|row| 20_000 + (row / 90) as i32)))),
            ("instant", Arc::new((0..rows).map(|row| (row % 3 == 0).then_some(row / 100)).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
            ("number", Arc::new(Int64Array::from_iter_values(0..rows))),
            ("rate", decimals_of((0..rows).map(|row| Some(i128::from(row % 4) * 150_000_000_000)))),
            ("cost", decimals_of((0..rows).map(|row| Some(spread(row))))),
            ("net", decimals_of((0..rows).map(|row| (row % 11 != 0).then(|| spread(row))))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
    }

    fn read(file: &Bytes) -> RecordBatch {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap().with_batch_size(1 << 20).build().unwrap();
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
        arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
    }

    /// The naive twin is `ArrowWriter`: a reader must find the same in both files.
    #[test]
    fn a_reader_finds_what_it_finds_in_the_twin() {
        for rows in [1, 9, 3_000, 60_000] {
            let batch = batch(rows);
            let mut twin = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
            twin.write(&batch).unwrap();
            let twin = Bytes::from(twin.into_inner().unwrap());
            let schema = ArrowSchemaConverter::new().convert(&batch.schema()).unwrap();
            let properties = Arc::new(WriterProperties::builder().build());
            let mut file = SerializedFileWriter::new(Vec::new(), schema.root_schema_ptr(), properties).unwrap();
            let mut group = file.next_row_group().unwrap();
            for (column, descriptor) in batch.columns().iter().zip(schema.columns()) {
                let settings = Settings { codec: Codec::Zstd(1), statistics: true, offset_index: true };
                let writer = ChunkWriter::new(descriptor.clone(), settings).unwrap();
                let made = chunk(&writer, column).unwrap();
                match made {
                    Some(made) => made.append_to(&mut group).unwrap(),
                    None => {
                        assert!(rows >= 3_000 && descriptor.name() == "number", "{}", descriptor.name());
                        writer.plain(Values::Longs(column.as_primitive::<Int64Type>().values())).unwrap().append_to(&mut group).unwrap();
                    }
                }
            }
            group.close().unwrap();
            let file = Bytes::from(file.into_inner().unwrap());
            let (ours, theirs) = (read(&file), read(&twin));
            for (at, field) in theirs.schema().fields().iter().enumerate() {
                let plain = |column: &ArrayRef| match column.data_type() {
                    DataType::Dictionary(_, values) => arrow::compute::cast(column, values).unwrap(),
                    _ => Arc::clone(column),
                };
                assert_eq!(plain(ours.column(at)).to_data(), plain(theirs.column(at)).to_data(), "{} of {rows} rows", field.name());
            }
            if rows == 60_000 {
                let metadata = SerializedFileReader::new(file).unwrap().metadata().clone();
                let keyed = |name: &str| {
                    let column = metadata.row_group(0).columns().iter().find(|c| c.column_descr().name() == name).unwrap();
                    column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY)
                };
                assert!(["few", "holes", "day", "instant", "rate"].into_iter().all(keyed));
                assert!(!["all", "number", "cost", "net"].into_iter().any(keyed));
            }
        }
    }
}
