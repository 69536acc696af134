//! Flags (details 8).

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use pecan_core::charge::Reason;

use super::{One, Parsed, from_text, gather, nonsense, text};

const FLAG: &str = "a flag is wanted: true or false, 1 or 0, Yes or No";

/// Reads a column of flags: booleans, `true/false`, `0/1`, `Yes/No` in any case; any other word is a fault (details 8).
pub fn flags(array: &ArrayRef) -> Parsed<bool> {
    if *array.data_type() == DataType::Boolean {
        return gather(array.as_boolean().iter(), array.len(), false, One::exact);
    }
    if let Some(parsed) = from_text(array, false, flag) {
        return parsed;
    }
    let numeric = array.data_type().is_numeric().then(|| text(array).ok()).flatten();
    let parsed = numeric.and_then(|words| from_text(&(std::sync::Arc::new(words) as ArrayRef), false, flag));
    parsed.unwrap_or_else(|| nonsense(array, false, Reason::UnknownWord))
}

fn flag(word: &str) -> One<bool> {
    let trimmed = word.trim();
    let is = |words: [&str; 3]| words.iter().any(|w| trimmed.eq_ignore_ascii_case(w));
    if is(["true", "1", "yes"]) {
        One::exact(true)
    } else if is(["false", "0", "no"]) {
        One::exact(false)
    } else {
        One::fault(word, Reason::UnknownWord, FLAG)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::super::Cell;
    use super::*;

    #[test]
    fn every_spelling_of_a_flag_is_read() {
        let words =
            StringArray::from(vec![Some("TRUE"), Some(" yes "), Some("1"), Some("No"), Some("0"), Some("False"), Some(""), None, Some("maybe"), Some("NULL")]);
        let parsed = flags(&(Arc::new(words) as ArrayRef));
        let values: Vec<Option<bool>> = (0..10).map(|i| parsed.get(i)).collect();
        assert_eq!(values, [Some(true), Some(true), Some(true), Some(false), Some(false), Some(false), None, None, None, None]);
        assert_eq!(parsed.state[6..], [Cell::Empty, Cell::Empty, Cell::Fault, Cell::Fault]);
        assert_eq!(parsed.faults[&8].reason, Reason::UnknownWord);
    }

    #[test]
    fn booleans_and_numbers_are_flags_too() {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
            Arc::new(Int64Array::from(vec![Some(1), Some(0), None])),
            Arc::new(Float64Array::from(vec![Some(1.0), Some(0.0), None])),
            Arc::new(Decimal128Array::from(vec![Some(100), Some(0), None]).with_precision_and_scale(5, 2).unwrap()),
        ];
        for array in arrays {
            let parsed = flags(&array);
            assert_eq!((parsed.get(0), parsed.get(1), parsed.get(2)), (Some(true), Some(false), None), "{}", array.data_type());
        }
        assert_eq!(flags(&(Arc::new(Int8Array::from(vec![2])) as ArrayRef)).state, [Cell::Fault]);
        assert_eq!(flags(&(Arc::new(Date32Array::from(vec![2])) as ArrayRef)).state, [Cell::Fault]);
    }
}
