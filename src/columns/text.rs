//! Text columns: always a dictionary, every value exactly the source's text.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::*;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::Text;
use super::floats::shortest;
use super::numbers::exact_text;
use crate::error::{Error, Result};

/// Builds a [`Text`] column value by value; equal values share a key.
pub struct TextBuilder {
    keys: Vec<i32>,
    valid: Vec<bool>,
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    table: HashTable<i32>,
    hasher: DefaultHashBuilder,
}

impl TextBuilder {
    /// A builder for about this many rows.
    pub fn new(rows: usize) -> TextBuilder {
        TextBuilder {
            keys: Vec::with_capacity(rows),
            valid: Vec::with_capacity(rows),
            offsets: vec![0],
            bytes: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Adds a cell.
    /// # Errors
    /// The text of the trouble: the value is not UTF-8, or the column's distinct values exceed 2 GiB.
    pub fn push(&mut self, value: &[u8]) -> std::result::Result<(), &'static str> {
        let key = match self.keys.last() {
            Some(last) if self.valid.last() == Some(&true) && value_at(&self.bytes, &self.offsets, *last) == value => *last,
            _ => self.key_of(value)?,
        };
        self.keys.push(key);
        self.valid.push(true);
        Ok(())
    }

    /// Adds a null cell.
    pub fn push_null(&mut self) {
        self.keys.push(0);
        self.valid.push(false);
    }

    fn key_of(&mut self, value: &[u8]) -> std::result::Result<i32, &'static str> {
        let hash = self.hasher.hash_one(value);
        let (bytes, offsets) = (&self.bytes, &self.offsets);
        if let Some(key) = self.table.find(hash, |key| value_at(bytes, offsets, *key) == value) {
            return Ok(*key);
        }
        std::str::from_utf8(value).map_err(|_| "text that is not UTF-8")?;
        let until = i32::try_from(self.bytes.len() + value.len()).map_err(|_| "more than 2 GiB of distinct text in one column")?;
        let key = i32::try_from(self.offsets.len() - 1).map_err(|_| "more than 2 billion distinct texts in one column")?;
        self.bytes.extend_from_slice(value);
        self.offsets.push(until);
        let (bytes, offsets, hasher) = (&self.bytes, &self.offsets, &self.hasher);
        self.table.insert_unique(hash, key, |key| hasher.hash_one(value_at(bytes, offsets, *key)));
        Ok(key)
    }

    /// The finished column.
    /// # Errors
    /// `Bug`: the pieces do not fit together.
    pub fn finish(self) -> Result<Text> {
        let nulls = if self.valid.contains(&false) { Some(NullBuffer::from(self.valid)) } else { None };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let values = StringArray::try_new(offsets, self.bytes.into(), None).map_err(bug)?;
        dictionary(Int32Array::new(self.keys.into(), nulls), values)
    }
}

fn value_at<'a>(bytes: &'a [u8], offsets: &[i32], key: i32) -> &'a [u8] {
    let at = |i: usize| offsets.get(i).map_or(0, |o| *o as usize);
    bytes.get(at(key as usize)..at(key as usize + 1)).unwrap_or_default()
}

fn dictionary(keys: Int32Array, values: StringArray) -> Result<Text> {
    Text::try_new(keys, Arc::new(values)).map_err(bug)
}

fn bug(error: arrow::error::ArrowError) -> Error {
    Error::bug("text_column", "building a text column", "columns::text", error, "report this with the input file")
}

/// A column of nulls.
pub fn all_null(rows: usize) -> Text {
    let keys = Int32Array::new_null(rows);
    // A dictionary without values is valid for a column of nulls.
    Text::new(keys, Arc::new(StringArray::from(Vec::<&str>::new())))
}

/// The column as a dictionary of UTF-8 text: text unchanged, other types in their shortest text form
/// (`1.5`, `true`, `2026-09-01`, `2026-09-01T00:00:00Z`).
/// # Errors
/// `Input` for nested types and for bytes that are not UTF-8; the place is left to the caller's words.
pub fn text(array: &ArrayRef) -> Result<Text> {
    match array.data_type() {
        DataType::Dictionary(_, values) if matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => rekeyed(array),
        DataType::Dictionary(_, values) => text(&cast(array, values).map_err(|e| senseless(array, e))?),
        DataType::Null => Ok(all_null(array.len())),
        DataType::Utf8 => built(array.len(), array.as_string::<i32>().iter().map(|v| v.map(str::as_bytes))),
        DataType::LargeUtf8 => built(array.len(), array.as_string::<i64>().iter().map(|v| v.map(str::as_bytes))),
        DataType::Utf8View => built(array.len(), array.as_string_view().iter().map(|v| v.map(str::as_bytes))),
        DataType::Binary => built(array.len(), array.as_binary::<i32>().iter()),
        kind if kind.is_nested() => Err(senseless(array, "a nested column")),
        _ => formatted(array),
    }
}

/// A dictionary with any key and text type as [`Text`], its nulls all in the keys and every key inside.
fn rekeyed(array: &ArrayRef) -> Result<Text> {
    let wanted = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let same = if *array.data_type() == wanted { array.clone() } else { cast(array, &wanted).map_err(|e| senseless(array, e))? };
    let column: &Text = same.as_dictionary::<Int32Type>();
    let values = column.values().as_string::<i32>();
    let known = values.len();
    // Readers of dictionaries index by key: a key outside would be a panic far from its file.
    if column.keys().iter().flatten().any(|k| usize::try_from(k).map_or(true, |k| k >= known)) {
        return Err(senseless(array, "a dictionary key outside its dictionary"));
    }
    if values.null_count() == 0 {
        return Ok(column.clone());
    }
    let keys: Int32Array = column.keys().iter().map(|k| k.filter(|k| values.is_valid(*k as usize))).collect();
    let filled = StringArray::from_iter_values(values.iter().map(Option::unwrap_or_default));
    dictionary(keys, filled)
}

fn built<'a>(rows: usize, cells: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Text> {
    let mut builder = TextBuilder::new(rows);
    for cell in cells {
        match cell {
            Some(value) => {
                builder.push(value).map_err(|e| Error::input("not_text", "reading a text column", "a text column", e, "write the column as UTF-8 text"))?
            }
            None => builder.push_null(),
        }
    }
    builder.finish()
}

fn formatted(array: &ArrayRef) -> Result<Text> {
    let utc = FormatOptions::new().with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let shown = match array.data_type() {
        // An offset is only for showing: the instant is written in UTC.
        DataType::Timestamp(unit, Some(_)) => cast(array, &DataType::Timestamp(*unit, Some("+00:00".into()))).map_err(|e| senseless(array, e))?,
        _ => array.clone(),
    };
    let general = ArrayFormatter::try_new(shown.as_ref(), &utc).map_err(|e| senseless(array, e))?;
    let mut builder = TextBuilder::new(array.len());
    let mut buffer = String::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.push_null();
            continue;
        }
        buffer.clear();
        match array.data_type() {
            DataType::Decimal128(_, scale) => buffer.push_str(&exact_text(array.as_primitive::<Decimal128Type>().value(row), *scale)),
            DataType::Decimal64(_, scale) => buffer.push_str(&exact_text(array.as_primitive::<Decimal64Type>().value(row).into(), *scale)),
            DataType::Decimal32(_, scale) => buffer.push_str(&exact_text(array.as_primitive::<Decimal32Type>().value(row).into(), *scale)),
            DataType::Float64 => float(&mut buffer, array.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => float(&mut buffer, array.as_primitive::<Float32Type>().value(row)),
            kind => {
                use std::fmt::Write;
                write!(buffer, "{}", general.value(row)).map_err(|e| senseless(array, e))?;
                if matches!(kind, DataType::Decimal256(_, _)) {
                    trim_fraction(&mut buffer);
                }
            }
        }
        builder.push(buffer.as_bytes()).map_err(|e| senseless(array, e))?;
    }
    builder.finish()
}

/// The shortest text of a float that reads back the same: plain where that is not longer than with an exponent.
fn float(buffer: &mut String, value: impl std::fmt::Display + std::fmt::LowerExp + Copy) {
    let plain = value.to_string();
    shortest(value, |exponent| buffer.push_str(if plain.len() <= exponent.len() + 4 { &plain } else { exponent }));
}

fn trim_fraction(number: &mut String) {
    if number.contains('.') {
        let kept = number.trim_end_matches('0').trim_end_matches('.').len();
        number.truncate(kept);
    }
}

/// The same column with the word `NULL` (exactly) as null: CSV only, in id, number and date columns (details 4).
pub fn without_null_word(column: &Text) -> Text {
    let values = column.values().as_string::<i32>();
    let words: Vec<bool> = values.iter().map(|v| v == Some("NULL")).collect();
    if !words.contains(&true) {
        return column.clone();
    }
    let is_word = |key: &i32| usize::try_from(*key).ok().and_then(|k| words.get(k)).copied().unwrap_or(false);
    let keys: Int32Array = column.keys().iter().map(|k| k.filter(|k| !is_word(k))).collect();
    Text::try_new(keys, column.values().clone()).unwrap_or_else(|_| column.clone())
}

fn senseless(array: &ArrayRef, seen: impl std::fmt::Display) -> Error {
    Error::input("column_type", "reading a column as text", format!("a column of type {}", array.data_type()), seen, "write the column as plain text")
}

#[cfg(test)]
mod tests {
    use arrow::array::*;

    use super::*;

    fn rows(column: &Text) -> Vec<Option<String>> {
        let typed = column.downcast_dict::<StringArray>().unwrap();
        typed.into_iter().map(|v| v.map(str::to_string)).collect()
    }

    fn shown(array: impl Array + 'static) -> Vec<Option<String>> {
        rows(&text(&(Arc::new(array) as ArrayRef)).unwrap())
    }

    fn some(words: &[&str]) -> Vec<Option<String>> {
        words.iter().map(|w| Some(w.to_string())).collect()
    }

    #[test]
    fn text_stays_exactly_as_written() {
        let words = vec![Some("a"), None, Some(""), Some(" a "), Some("a")];
        let wanted: Vec<Option<String>> = words.iter().map(|w| w.map(str::to_string)).collect();
        assert_eq!(shown(StringArray::from(words.clone())), wanted);
        assert_eq!(shown(StringViewArray::from(words.clone())), wanted);
        assert_eq!(shown(LargeStringArray::from(words.clone())), wanted);
        let narrow: DictionaryArray<UInt8Type> = words.into_iter().collect();
        assert_eq!(shown(narrow), wanted);
        let built = text(&(Arc::new(StringArray::from(vec!["x", "y", "x", "x"])) as ArrayRef)).unwrap();
        assert_eq!(built.values().len(), 2, "equal values share a key");
    }

    #[test]
    fn nulls_inside_a_dictionary_become_null_keys() {
        let values = Arc::new(StringArray::from(vec![Some("a"), None]));
        let column = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![Some(0), Some(1), None]), values);
        let read = text(&(Arc::new(column) as ArrayRef)).unwrap();
        assert_eq!(rows(&read), [Some("a".to_string()), None, None]);
        assert_eq!(read.values().null_count(), 0);
    }

    #[test]
    fn other_types_take_their_shortest_form() {
        assert_eq!(shown(Int64Array::from(vec![-5])), some(&["-5"]));
        assert_eq!(shown(BooleanArray::from(vec![true])), some(&["true"]));
        assert_eq!(shown(Float64Array::from(vec![1.0, 0.1, 1e300, 1.5e-9])), some(&["1", "0.1", "1e300", "1.5e-9"]));
        assert_eq!(shown(Decimal128Array::from(vec![1_500, -1]).with_precision_and_scale(20, 3).unwrap()), some(&["1.5", "-0.001"]));
        assert_eq!(shown(Decimal256Array::from(vec![i256::from_i128(1_500)]).with_precision_and_scale(60, 3).unwrap()), some(&["1.5"]));
        assert_eq!(shown(Date32Array::from(vec![0])), some(&["1970-01-01"]));
        assert_eq!(
            shown(TimestampMicrosecondArray::from(vec![0, 1_500_000]).with_timezone("+02:00")),
            some(&["1970-01-01T00:00:00Z", "1970-01-01T00:00:01.500Z"])
        );
        assert_eq!(shown(TimestampSecondArray::from(vec![1])), some(&["1970-01-01T00:00:01"]));
        assert_eq!(shown(NullArray::new(2)), [None, None]);
        let bytes: Vec<&[u8]> = vec![b"\xff"];
        assert_eq!(text(&(Arc::new(BinaryArray::from(bytes)) as ArrayRef)).unwrap_err().exit_code(), 3);
        assert_eq!(text(&(Arc::new(StructArray::new_empty_fields(1, None)) as ArrayRef)).unwrap_err().exit_code(), 3);
    }

    #[test]
    fn the_null_word_is_null_only_when_exact() {
        let column = text(&(Arc::new(StringArray::from(vec!["NULL", "null", " NULL", "x"])) as ArrayRef)).unwrap();
        assert_eq!(rows(&without_null_word(&column))[0], None);
        assert_eq!(rows(&without_null_word(&column))[1..], some(&["null", " NULL", "x"]));
        assert_eq!(all_null(3).null_count(), 3);
    }
}
