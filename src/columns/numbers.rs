//! Numbers and rates of every accepted physical type, at 22 decimal places (details 2, 3).

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::*;
use pecan_core::charge::Reason;
use pecan_core::money::{self, NumberFault, ParsedNumber};

use super::floats::{Memo, shortest};
use super::{One, Parsed, from_text, gather, nonsense};

const NUMBER: &str = "a number is wanted: optional sign, digits, optional point, optional exponent; no thousands separators";
const RATE: &str = "a rate is wanted: a fraction such as 0.15, or a percentage such as 15 or 15%";
const LARGE: &str = "more than 16 digits before the point";
const RANGE: &str = "a rate must lie between 0 and 1, or between 0 % and 100 %";

type Read = fn(&str) -> Result<ParsedNumber, NumberFault>;

/// Reads a column of numbers at 22 decimal places (details 2).
///
/// Integers and decimals are rescaled exactly or half to even, binary floating point is read as its shortest round-trip
/// decimal, text by [`money::parse_number`]. More than 16 integer digits is the fault `too_large`.
pub fn numbers(array: &ArrayRef) -> Parsed<i128> {
    let column = Column { array, read: money::parse_number, rate: false };
    column.parse()
}

/// Reads a column of rates as fractions in `[0, 1]` (details 3).
pub fn rates(array: &ArrayRef) -> Parsed<i128> {
    let column = Column { array, read: money::parse_rate, rate: true };
    column.parse()
}

struct Column<'a> {
    array: &'a ArrayRef,
    read: Read,
    rate: bool,
}

impl Column<'_> {
    fn parse(&self) -> Parsed<i128> {
        if let Some(parsed) = from_text(self.array, 0, |t| one((self.read)(t), || t.to_string())) {
            return parsed;
        }
        match self.array.data_type() {
            DataType::Int8 => self.scaled::<Int8Type>(0),
            DataType::Int16 => self.scaled::<Int16Type>(0),
            DataType::Int32 => self.scaled::<Int32Type>(0),
            DataType::Int64 => self.scaled::<Int64Type>(0),
            DataType::UInt8 => self.scaled::<UInt8Type>(0),
            DataType::UInt16 => self.scaled::<UInt16Type>(0),
            DataType::UInt32 => self.scaled::<UInt32Type>(0),
            DataType::UInt64 => self.scaled::<UInt64Type>(0),
            DataType::Decimal32(_, scale) => self.scaled::<Decimal32Type>(*scale),
            DataType::Decimal64(_, scale) => self.scaled::<Decimal64Type>(*scale),
            DataType::Decimal128(_, scale) => self.scaled::<Decimal128Type>(*scale),
            DataType::Decimal256(precision, scale) => self.wide(*precision, *scale),
            DataType::Float32 => self.floats::<Float32Type>(|v| u64::from(v.to_bits())),
            DataType::Float64 => self.floats::<Float64Type>(f64::to_bits),
            _ => nonsense(self.array, 0, Reason::NotANumber),
        }
    }

    /// Integers and decimals of up to 128 bits.
    fn scaled<T: ArrowPrimitiveType>(&self, scale: i8) -> Parsed<i128>
    where
        T::Native: Into<i128>,
    {
        let cells = self.array.as_primitive::<T>().iter();
        let rows = self.array.len();
        if self.rate {
            let mut memo = Memo::<u128, One<i128>>::new();
            return gather(cells, rows, 0, |v| {
                let v: i128 = v.into();
                memo.get(v.cast_unsigned(), || {
                    let text = exact_text(v, scale);
                    one((self.read)(&text), || text.clone())
                })
            });
        }
        // Up to 22 places one multiplication is exact; |v| < 10^(16 + scale) keeps it below 10^38.
        let simple = u32::try_from(scale).ok().filter(|s| *s <= money::OPERAND_PLACES).map(|s| (money::pow10(16 + s), 10i128.pow(money::OPERAND_PLACES - s)));
        gather(cells, rows, 0, |v| {
            let v: i128 = v.into();
            match simple {
                Some((limit, factor)) if v.unsigned_abs() < limit => One::exact(v * factor),
                _ => one(money::rescale_operand(v, i32::from(scale)), || exact_text(v, scale)),
            }
        })
    }

    fn wide(&self, precision: u8, scale: i8) -> Parsed<i128> {
        gather(self.array.as_primitive::<Decimal256Type>().iter(), self.array.len(), 0, |v| {
            let text = Decimal256Type::format_decimal(v, precision, scale);
            one((self.read)(&text), || text.clone())
        })
    }

    fn floats<T: ArrowPrimitiveType>(&self, bits: fn(T::Native) -> u64) -> Parsed<i128>
    where
        T::Native: std::fmt::LowerExp,
    {
        let mut memo = Memo::<u64, One<i128>>::new();
        gather(self.array.as_primitive::<T>().iter(), self.array.len(), 0, |v| {
            memo.get(bits(v), || shortest(v, |text| one((self.read)(text), || text.to_string())))
        })
    }
}

/// A decimal of up to 128 bits as text, exactly.
pub(super) fn exact_text(value: i128, scale: i8) -> String {
    match u32::try_from(scale) {
        Ok(places) => money::plain(value, places),
        Err(_) if value == 0 => "0".to_string(),
        Err(_) => format!("{value}{}", "0".repeat(usize::from(scale.unsigned_abs()))),
    }
}

fn one(read: Result<ParsedNumber, NumberFault>, text: impl FnOnce() -> String) -> One<i128> {
    match read {
        Ok(number) => One::Value { value: number.value, rounded: number.rounded },
        Err(fault) => {
            let text = text();
            let message = match fault {
                NumberFault::TooLarge => LARGE,
                NumberFault::OutOfRange => RANGE,
                NumberFault::NotANumber if text.contains('%') => RATE,
                NumberFault::NotANumber => NUMBER,
            };
            One::fault(&text, Reason::from(fault), message)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::super::Cell;
    use super::*;

    const UNIT: i128 = 10_000_000_000_000_000_000_000;

    fn read(array: impl Array + 'static) -> Parsed<i128> {
        numbers(&(Arc::new(array) as ArrayRef))
    }

    #[test]
    fn every_physical_type_gives_the_same_number() {
        let decimal = |v: i128, p, s| Decimal128Array::from(vec![v]).with_precision_and_scale(p, s).unwrap();
        let wide = Decimal256Array::from(vec![arrow::datatypes::i256::from_i128(24_000)]).with_precision_and_scale(76, 3).unwrap();
        let dictionary: DictionaryArray<Int8Type> = vec![Some("24")].into_iter().collect();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int8Array::from(vec![24])),
            Arc::new(Int64Array::from(vec![24])),
            Arc::new(UInt64Array::from(vec![24])),
            Arc::new(Float32Array::from(vec![24.0])),
            Arc::new(Float64Array::from(vec![24.0])),
            Arc::new(decimal(24, 38, 0)),
            Arc::new(decimal(2_400, 10, 2)),
            Arc::new(decimal(24 * UNIT, 38, 22)),
            Arc::new(decimal(24 * UNIT * 100, 38, 24)),
            Arc::new(Decimal64Array::from(vec![240]).with_precision_and_scale(10, 1).unwrap()),
            Arc::new(wide),
            Arc::new(StringArray::from(vec![" 24.0 "])),
            Arc::new(LargeStringArray::from(vec!["2.4e1"])),
            Arc::new(StringViewArray::from(vec!["+24"])),
            Arc::new(BinaryArray::from(vec![&b"24"[..]])),
            Arc::new(dictionary),
        ];
        for array in arrays {
            let parsed = numbers(&array);
            assert_eq!((parsed.get(0), parsed.rounded), (Some(24 * UNIT), 0), "{}", array.data_type());
        }
    }

    #[test]
    fn floats_are_their_shortest_decimals_and_rounding_is_counted() {
        let parsed =
            read(Float64Array::from(vec![Some(0.1), None, Some(-1e-7), Some(0.1 + 0.2), Some(1e-23), Some(5e-324), Some(-0.0), Some(123_456_789.123)]));
        let shown: Vec<Option<String>> = (0..8).map(|i| parsed.get(i).map(|v| money::plain(v, 22))).collect();
        let wanted = [Some("0.1"), None, Some("-0.0000001"), Some("0.30000000000000004"), Some("0"), Some("0"), Some("0"), Some("123456789.123")];
        assert_eq!(shown, wanted.map(|w| w.map(str::to_string)));
        assert_eq!(parsed.rounded, 2);
        let single = read(Float32Array::from(vec![0.1f32]));
        assert_eq!(single.get(0).map(|v| money::plain(v, 22)).as_deref(), Some("0.1"));
        let odd = read(Float64Array::from(vec![f64::NAN, f64::INFINITY, 1e16, 1e300]));
        let reasons: Vec<Reason> = odd.faults.values().map(|f| f.reason).collect();
        assert_eq!(reasons, [Reason::NotANumber, Reason::NotANumber, Reason::TooLarge, Reason::TooLarge]);
        assert_eq!(odd.state, vec![Cell::Fault; 4]);
    }

    #[test]
    fn decimals_beyond_22_places_round_half_even_and_16_digits_are_the_limit() {
        let fine = Decimal128Array::from(vec![25, 15, 100, -25]).with_precision_and_scale(38, 23).unwrap();
        let parsed = read(fine);
        assert_eq!((parsed.values.clone(), parsed.rounded), (vec![2, 2, 10, -2], 3));
        let large =
            Decimal128Array::from(vec![9_999_999_999_999_999, 10_000_000_000_000_000, -10_000_000_000_000_000]).with_precision_and_scale(38, 0).unwrap();
        let parsed = read(large);
        assert_eq!(parsed.state, [Cell::Value, Cell::Fault, Cell::Fault]);
        assert_eq!(parsed.faults[&2].value, "-10000000000000000");
        assert_eq!(parsed.faults[&2].reason, Reason::TooLarge);
        let coarse = read(Decimal128Array::from(vec![7]).with_precision_and_scale(5, -2).unwrap());
        assert_eq!(coarse.get(0), Some(700 * UNIT));
    }

    #[test]
    fn text_faults_keep_their_row_and_at_most_200_characters() {
        let long = "x".repeat(500);
        let text: DictionaryArray<Int32Type> = vec![Some("1"), None, Some(""), Some("  "), Some("1,000"), Some(&long), Some("1")].into_iter().collect();
        let parsed = read(text);
        use Cell::*;
        assert_eq!(parsed.state, [Value, Empty, Empty, Empty, Fault, Fault, Value]);
        assert_eq!(parsed.faults[&4].value, "1,000");
        assert_eq!(parsed.faults[&5].value.len(), 200);
        assert_eq!(parsed.get(6), Some(UNIT));
    }

    #[test]
    fn rates_of_every_type_are_fractions() {
        let decimal = Decimal128Array::from(vec![Some(1500), Some(15), None]).with_precision_and_scale(10, 2).unwrap();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(decimal),
            Arc::new(Float64Array::from(vec![Some(15.0), Some(0.15), None])),
            Arc::new(StringArray::from(vec![Some("15%"), Some("0.15"), None])),
        ];
        for array in arrays {
            let parsed = rates(&array);
            assert_eq!((parsed.get(0), parsed.get(1), parsed.get(2)), (Some(UNIT * 15 / 100), Some(UNIT * 15 / 100), None), "{}", array.data_type());
        }
        let parsed = rates(&(Arc::new(Int32Array::from(vec![15, 0, 1, 101, -1])) as ArrayRef));
        assert_eq!((parsed.get(0), parsed.get(1), parsed.get(2)), (Some(UNIT * 15 / 100), Some(0), Some(UNIT)));
        assert!(parsed.faults.values().all(|f| f.reason == Reason::OutOfRange) && parsed.faults.len() == 2);
    }

    #[test]
    fn a_senseless_type_faults_every_filled_cell() {
        let parsed = read(BooleanArray::from(vec![Some(true), None]));
        assert_eq!(parsed.state, [Cell::Fault, Cell::Empty]);
    }
}
