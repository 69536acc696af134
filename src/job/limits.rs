//! `[limits]`: how much may be wrong before the program stops.

use super::keys;
use super::reading::{Section, wrong_value};
use super::tree::Value;
use crate::error::Result;

/// Default of `tolerance`, per currency.
const TOLERANCE: &str = "0.01";
/// Default of `rejections`: 0.1 %.
const REJECTIONS: RejectionLimit = RejectionLimit::Share { parts: 1, places: 1 };
/// Places after the point a percentage may have: numerators stay far inside 128 bits.
const PERCENT_PLACES: u32 = 12;

/// `[limits]`, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Differences up to this amount per currency are fine for `reconcile`; a plain decimal of at least 0.
    pub tolerance: String,
    /// Rejected charge rows a run may have.
    pub rejections: RejectionLimit,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { tolerance: TOLERANCE.to_string(), rejections: REJECTIONS }
    }
}

/// How many of the charge rows read in a run may be rejections (details 34). Exact: no floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionLimit {
    /// `parts` ÷ 10^`places` percent of the rows read.
    Share {
        /// The percentage without its point.
        parts: u128,
        /// Places after the point.
        places: u32,
    },
    /// So many rows.
    Count(u64),
}

impl RejectionLimit {
    /// Whether `rejected` of `read` rows are more than allowed; exactly the limit is allowed.
    pub fn exceeded(&self, rejected: u64, read: u64) -> bool {
        match *self {
            // rejected ÷ read > parts ÷ 10^places ÷ 100, both sides below 2^64 × 10^15.
            RejectionLimit::Share { parts, places } => {
                u128::from(rejected).saturating_mul(100).saturating_mul(10u128.saturating_pow(places)) > u128::from(read).saturating_mul(parts)
            }
            RejectionLimit::Count(most) => rejected > most,
        }
    }

    /// Reads `0.1%` or a count.
    pub fn parse(text: &str) -> Option<RejectionLimit> {
        let text = text.trim();
        let Some(percent) = text.strip_suffix('%').map(str::trim_end) else {
            return digits(text).then(|| text.parse().ok().map(RejectionLimit::Count)).flatten();
        };
        let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
        let places = u32::try_from(fraction.len()).ok().filter(|places| *places <= PERCENT_PLACES)?;
        if !digits(whole) || !digits(fraction) || whole.len() > 3 {
            return None;
        }
        let parts: u128 = format!("{whole}{fraction}").parse().ok()?;
        let all = 100u128.saturating_mul(10u128.saturating_pow(places));
        (parts <= all).then_some(RejectionLimit::Share { parts, places })
    }
}

impl std::fmt::Display for RejectionLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            RejectionLimit::Share { parts, places } => {
                write!(f, "{}%", pecan_core::money::plain(i128::try_from(parts).unwrap_or(i128::MAX), places))
            }
            RejectionLimit::Count(most) => write!(f, "{most}"),
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn limits(file: &Section<'_>) -> Result<Limits> {
    let Some(section) = file.section("limits", keys::LIMITS)? else { return Ok(Limits::default()) };
    Ok(Limits { tolerance: tolerance(&section)?, rejections: rejections(&section)? })
}

fn rejections(section: &Section<'_>) -> Result<RejectionLimit> {
    let Some(entry) = section.entry("rejections") else { return Ok(REJECTIONS) };
    let (seen, limit) = match entry.value {
        Value::Whole(count) if entry.raw.is_none() => (count.to_string(), u64::try_from(count).ok().map(RejectionLimit::Count)),
        Value::Number(ref number) if entry.raw.is_none() => (number.clone(), None),
        _ => {
            let placed = super::reading::text(&section.dotted("rejections"), entry)?;
            (format!("{:?}", placed.text.written), RejectionLimit::parse(&placed.text.value))
        }
    };
    let allowed = "a percentage from \"0%\" to \"100%\" (at most 12 places) or a count of rows such as 25";
    limit.ok_or_else(|| wrong_value(&section.dotted("rejections"), &entry.place, &seen, allowed))
}

fn tolerance(section: &Section<'_>) -> Result<String> {
    let key = "tolerance";
    if let Some(Value::Whole(whole @ 0..)) = section.entry(key).map(|entry| &entry.value) {
        return Ok(whole.to_string());
    }
    let Some(placed) = section.text(key)? else { return Ok(TOLERANCE.to_string()) };
    let number = pecan_core::money::parse_number(&placed.text.value).ok().filter(|number| number.value >= 0 && !number.rounded);
    let wrong =
        || wrong_value(&section.dotted(key), &placed.place, &format!("{:?}", placed.text.written), "an amount of at least 0 in quotes, such as \"0.01\"");
    number.map(|number| pecan_core::money::plain(number.value, pecan_core::money::OPERAND_PLACES)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        let limit = REJECTIONS;
        assert_eq!(Some(limit), RejectionLimit::parse("0.1%"));
        assert_eq!(limit.to_string(), "0.1%");
        assert!(!limit.exceeded(1, 1000) && limit.exceeded(1, 999) && limit.exceeded(2, 1999) && !limit.exceeded(2, 2000));
        assert!(!limit.exceeded(0, 0));
        let max = RejectionLimit::parse("100.000000000000%").expect("all");
        assert!(!max.exceeded(u64::MAX, u64::MAX));
        assert!(RejectionLimit::parse("99.999999999999%").expect("nearly").exceeded(u64::MAX, u64::MAX));
    }

    #[test]
    fn percentages_and_counts_are_read_exactly() {
        assert_eq!(RejectionLimit::parse("25"), Some(RejectionLimit::Count(25)));
        assert_eq!(RejectionLimit::parse("0%"), Some(RejectionLimit::Share { parts: 0, places: 1 }));
        assert!(RejectionLimit::parse("0%").expect("none").exceeded(1, u64::MAX));
        assert!(RejectionLimit::Count(0).exceeded(1, 10) && !RejectionLimit::Count(1).exceeded(1, 10));
        for text in ["", "%", "-1", "1e3%", "100.1%", "101%", "1,5%", ".5%", "0.1", "0.1 % x", "0.0000000000001%", "99999999999999999999"] {
            assert_eq!(RejectionLimit::parse(text), None, "{text}");
        }
        assert_eq!(RejectionLimit::parse("0.1 %"), Some(RejectionLimit::Share { parts: 1, places: 1 }));
    }
}
