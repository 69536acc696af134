//! Days and instants of every accepted physical type (details 7): what carries a zone is converted to UTC.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::*;
use pecan_core::charge::Reason;
use pecan_core::time::{RawInstant, parse_day, parse_instant};

use super::{Fault, One, Parsed, from_text, gather, nonsense};

const DAY_SECONDS: i128 = 86_400;
const NANOS: i128 = 1_000_000_000;
/// -9999-01-01 to 9999-12-31.
const KNOWN_DAYS: std::ops::RangeInclusive<i32> = -4_371_587..=2_932_896;
const DAY: &str = "a date is wanted: YYYY-MM-DD or M/D/YYYY, with or without time and zone";
const INSTANT: &str = "an instant is wanted, such as 2026-09-01T00:00:00Z; without a zone it is UTC";

/// Reads a column of calendar days (days since 1970-01-01): the UTC date of what is there (details 7).
pub fn days(array: &ArrayRef) -> Parsed<i32> {
    let text = |t: &str| parse_day(t).map_or_else(|| One::fault(t, Reason::NotADate, DAY), |d| One::exact(d.0));
    if let Some(parsed) = from_text(array, 0, text) {
        return parsed;
    }
    let from_nanos = |nanos: i128| {
        let day = i32::try_from(nanos.div_euclid(DAY_SECONDS * NANOS)).ok();
        match day.filter(|d| KNOWN_DAYS.contains(d)) {
            Some(day) => One::exact(day),
            None => One::fault(&nanos.to_string(), Reason::NotADate, "a date outside the years -9999 to 9999"),
        }
    };
    each_instant(array, from_nanos, 0).unwrap_or_else(|| nonsense(array, 0, Reason::NotADate))
}

/// Reads a column of instants, in nanoseconds (details 7); a bare date is midnight UTC.
pub fn instants(array: &ArrayRef) -> Parsed<RawInstant> {
    let filler = RawInstant(0);
    if let Some(parsed) = from_text(array, filler, instant_text) {
        return parsed;
    }
    each_instant(array, |nanos| One::exact(RawInstant(nanos)), filler).unwrap_or_else(|| nonsense(array, filler, Reason::NotADate))
}

/// Reads one text as [`instants`] reads a cell; `None`: nothing but blanks.
/// # Errors
/// What is wrong with the text.
pub fn instant(text: &str) -> Result<Option<RawInstant>, Fault> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match instant_text(text) {
        One::Value { value, .. } => Ok(Some(value)),
        One::Empty => Ok(None),
        One::Fault(fault) => Err(*fault),
    }
}

fn instant_text(text: &str) -> One<RawInstant> {
    parse_instant(text).map_or_else(|| One::fault(text, Reason::NotADate, INSTANT), One::exact)
}

/// Reads dates and timestamps as nanoseconds; `None`: another type.
fn each_instant<T: Copy>(array: &ArrayRef, read: impl Fn(i128) -> One<T>, filler: T) -> Option<Parsed<T>> {
    Some(match array.data_type() {
        DataType::Date32 => units::<Date32Type, T>(array, DAY_SECONDS * NANOS, read, filler),
        DataType::Date64 => units::<Date64Type, T>(array, 1_000_000, read, filler),
        // Arrow and Parquet keep zoned timestamps in UTC: the zone is only for showing.
        DataType::Timestamp(TimeUnit::Second, _) => units::<TimestampSecondType, T>(array, NANOS, read, filler),
        DataType::Timestamp(TimeUnit::Millisecond, _) => units::<TimestampMillisecondType, T>(array, 1_000_000, read, filler),
        DataType::Timestamp(TimeUnit::Microsecond, _) => units::<TimestampMicrosecondType, T>(array, 1_000, read, filler),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => units::<TimestampNanosecondType, T>(array, 1, read, filler),
        _ => return None,
    })
}

fn units<A: ArrowPrimitiveType, T: Copy>(array: &ArrayRef, nanos: i128, read: impl Fn(i128) -> One<T>, filler: T) -> Parsed<T>
where
    A::Native: Into<i128>,
{
    // Rows of one day often follow each other: the last answer is kept.
    let mut last: Option<(i128, One<T>)> = None;
    gather(array.as_primitive::<A>().iter(), array.len(), filler, |v| {
        let v: i128 = v.into();
        if let Some((_, one)) = last.as_ref().filter(|(key, _)| *key == v) {
            return one.clone();
        }
        // A 64-bit count of days' nanoseconds fits 128 bits.
        let one = read(v * nanos);
        last = Some((v, one.clone()));
        one
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::super::Cell;
    use super::*;

    #[test]
    fn dates_timestamps_and_text_give_the_same_day() {
        let day = parse_day("2026-09-05").unwrap().0;
        let late = i64::from(day) * 86_400 + 86_399;
        let dictionary: DictionaryArray<Int32Type> = vec![Some("9/5/2026")].into_iter().collect();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Date32Array::from(vec![day])),
            Arc::new(Date64Array::from(vec![late * 1_000])),
            Arc::new(TimestampSecondArray::from(vec![late])),
            Arc::new(TimestampMillisecondArray::from(vec![late * 1_000 + 999]).with_timezone("UTC")),
            Arc::new(TimestampMicrosecondArray::from(vec![late * 1_000_000]).with_timezone("+02:00")),
            Arc::new(TimestampNanosecondArray::from(vec![late * 1_000_000_000])),
            Arc::new(StringArray::from(vec!["2026-09-05T23:00:00Z"])),
            Arc::new(StringArray::from(vec!["2026-09-06T01:00:00+02:00"])),
            Arc::new(StringViewArray::from(vec!["2026-09-05 10:00:00"])),
            Arc::new(dictionary),
        ];
        for array in arrays {
            assert_eq!(days(&array).get(0), Some(day), "{}", array.data_type());
        }
    }

    #[test]
    fn days_before_1970_round_down_and_absurd_ones_are_faults() {
        let before = Arc::new(TimestampMillisecondArray::from(vec![-1, 0, i64::MAX, 253_402_300_799_999])) as ArrayRef;
        let parsed = days(&before);
        assert_eq!((parsed.get(0), parsed.get(1), parsed.get(2), parsed.get(3)), (Some(-1), Some(0), None, Some(2_932_896)));
        assert_eq!(parsed.faults[&2].reason, Reason::NotADate);
        let text = Arc::new(StringArray::from(vec![Some("2026-02-30"), Some(""), None])) as ArrayRef;
        assert_eq!(days(&text).state, [Cell::Fault, Cell::Empty, Cell::Empty]);
        assert_eq!(days(&(Arc::new(Int32Array::from(vec![20_000])) as ArrayRef)).state, [Cell::Fault]);
    }

    #[test]
    fn instants_keep_their_fractions() {
        let nanos = Arc::new(TimestampNanosecondArray::from(vec![i64::MAX, i64::MIN])) as ArrayRef;
        assert_eq!(instants(&nanos).get(0), Some(RawInstant(i128::from(i64::MAX))));
        let seconds = Arc::new(TimestampSecondArray::from(vec![i64::MAX])) as ArrayRef;
        assert_eq!(instants(&seconds).get(0), Some(RawInstant(i128::from(i64::MAX) * NANOS)));
        let text = Arc::new(StringArray::from(vec!["1970-01-01T00:00:00.123456789Z", "1970-01-02", "soon"])) as ArrayRef;
        let parsed = instants(&text);
        assert_eq!((parsed.get(0), parsed.get(1)), (Some(RawInstant(123_456_789)), Some(RawInstant(86_400 * NANOS))));
        assert_eq!(parsed.state[2], Cell::Fault);
    }
}
