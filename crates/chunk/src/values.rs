//! Values of a column chunk: how they are written PLAIN, and what the statistics say of them.

use parquet::basic::Type;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescriptor;

/// Bounds of text are cut here, as `ArrowWriter` does.
const BOUND_BYTES: usize = 64;
/// Bytes of a DECIMAL(38, x).
const DECIMAL_BYTES: usize = 16;

/// Values of one type: distinct ones of a dictionary, or one per row.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// UTF-8 (BYTE_ARRAY).
    Text(&'a [&'a str]),
    /// Days since 1970-01-01 (INT32, DATE).
    Days(&'a [i32]),
    /// Integers and instants (INT64).
    Longs(&'a [i64]),
    /// Units of 10^-scale (FIXED_LEN_BYTE_ARRAY of 16 bytes, DECIMAL).
    Decimals(&'a [i128]),
    /// DOUBLE; no NaN.
    Doubles(&'a [f64]),
}

impl<'a> Values<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Values::Text(v) => v.len(),
            Values::Days(v) => v.len(),
            Values::Longs(v) => v.len(),
            Values::Decimals(v) => v.len(),
            Values::Doubles(v) => v.len(),
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Values::Text(_) => "text",
            Values::Days(_) => "day",
            Values::Longs(_) => "integer",
            Values::Decimals(_) => "decimal",
            Values::Doubles(_) => "double",
        }
    }

    pub(super) fn fit(&self, column: &ColumnDescriptor) -> bool {
        match (self, column.physical_type()) {
            (Values::Decimals(_), Type::FIXED_LEN_BYTE_ARRAY) => column.type_length() == DECIMAL_BYTES as i32,
            (Values::Text(_), Type::BYTE_ARRAY) | (Values::Days(_), Type::INT32) | (Values::Longs(_), Type::INT64) | (Values::Doubles(_), Type::DOUBLE) => true,
            _ => false,
        }
    }

    /// Bytes of a value; for text a guess.
    pub(super) fn width(&self) -> usize {
        match self {
            Values::Text(_) => 64,
            Values::Days(_) => 4,
            Values::Decimals(_) => DECIMAL_BYTES,
            Values::Longs(_) | Values::Doubles(_) => 8,
        }
    }

    pub(super) fn slice(self, from: usize, until: usize) -> Values<'a> {
        match self {
            Values::Text(v) => Values::Text(&v[from..until]),
            Values::Days(v) => Values::Days(&v[from..until]),
            Values::Longs(v) => Values::Longs(&v[from..until]),
            Values::Decimals(v) => Values::Decimals(&v[from..until]),
            Values::Doubles(v) => Values::Doubles(&v[from..until]),
        }
    }

    pub(super) fn bytes_of(&self, at: usize) -> usize {
        match self {
            Values::Text(v) => 4 + v[at].len(),
            other => other.width(),
        }
    }

    pub(super) fn write(&self, at: usize, out: &mut Vec<u8>) {
        self.slice(at, at + 1).write_all(out);
    }

    pub(super) fn write_all(&self, out: &mut Vec<u8>) {
        match self {
            Values::Text(v) => v.iter().for_each(|text| {
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }),
            Values::Days(v) => out.extend(v.iter().flat_map(|day| day.to_le_bytes())),
            Values::Longs(v) => out.extend(v.iter().flat_map(|number| number.to_le_bytes())),
            Values::Decimals(v) => {
                let from = out.len();
                out.resize(from + v.len() * DECIMAL_BYTES, 0);
                out[from..].chunks_exact_mut(DECIMAL_BYTES).zip(v.iter()).for_each(|(place, value)| place.copy_from_slice(&value.to_be_bytes()));
            }
            Values::Doubles(v) => out.extend(v.iter().flat_map(|number| number.to_le_bytes())),
        }
    }

    pub(super) fn statistics(&self, nulls: usize) -> Statistics {
        let nulls = Some(nulls as u64);
        match self {
            Values::Text(v) => {
                let (least, greatest) = (v.iter().min(), v.iter().max().filter(|text| text.len() <= BOUND_BYTES));
                let is_exact = least.is_some_and(|text| text.len() <= BOUND_BYTES);
                let bytes = |text: &&str| ByteArray::from(&text[..text.floor_char_boundary(BOUND_BYTES)]);
                Statistics::from(ValueStatistics::new(least.map(bytes), greatest.map(bytes), None, nulls, false).with_min_is_exact(is_exact))
            }
            Values::Days(v) => Statistics::new(v.iter().min().copied(), v.iter().max().copied(), None, nulls, false),
            Values::Longs(v) => Statistics::new(v.iter().min().copied(), v.iter().max().copied(), None, nulls, false),
            Values::Decimals(v) => {
                let bytes = |value: &i128| FixedLenByteArray::from(value.to_be_bytes().to_vec());
                Statistics::from(ValueStatistics::new(v.iter().min().map(bytes), v.iter().max().map(bytes), None, nulls, false))
            }
            Values::Doubles(v) => {
                let least = v.iter().copied().reduce(f64::min).map(|n| if n == 0.0 { -0.0 } else { n });
                let greatest = v.iter().copied().reduce(f64::max).map(|n| if n == 0.0 { 0.0 } else { n });
                Statistics::new(least, greatest, None, nulls, false)
            }
        }
    }
}
