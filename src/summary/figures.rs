//! Figures for people and exact ratios.

use pecan_core::money::{AMOUNT_PLACES, plain};

/// Places of amounts shown to people.
const SHOWN_PLACES: u32 = 2;

/// `numerator ÷ denominator` with exactly `places` decimal places, half to even; `None` for a denominator of 0.
///
/// Long division digit by digit: no intermediate result is greater than 2 × the denominator, so nothing can overflow.
pub(super) fn ratio(numerator: i128, denominator: i128, places: u32) -> Option<String> {
    let (n, d) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let mut scaled = n.checked_div(d)?;
    let mut rest = n.checked_rem(d)?;
    for _ in 0..places {
        let (digit, left) = times_ten(rest, d);
        scaled = scaled.checked_mul(10)?.checked_add(digit)?;
        rest = left;
    }
    let half = rest.cmp(&d.checked_sub(rest)?);
    if half.is_gt() || (half.is_eq() && scaled % 2 == 1) {
        scaled = scaled.checked_add(1)?;
    }
    let sign = if (numerator < 0) != (denominator < 0) && scaled != 0 { "-" } else { "" };
    Some(format!("{sign}{}", with_places(scaled, places)))
}

/// `10 × rest ÷ d` and what is left, for `rest < d ≤ 2^127`.
fn times_ten(rest: u128, d: u128) -> (u128, u128) {
    (0..10).fold((0, 0), |(digit, left): (u128, u128), _| match left.saturating_add(rest) {
        sum if sum >= d => (digit.saturating_add(1), sum.saturating_sub(d)),
        sum => (digit, sum),
    })
}

fn with_places(scaled: u128, places: u32) -> String {
    let places = usize::try_from(places).unwrap_or(0);
    let digits = format!("{scaled:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
}

/// An amount at 12 places as `1,234.50`: 2 places, half to even. A small amount that is not 0 never shows as 0.
pub(crate) fn money(amount: i128) -> String {
    let unit = 10u128.pow(AMOUNT_PLACES - SHOWN_PLACES);
    let size = amount.unsigned_abs();
    let (whole, rest) = (size / unit, size % unit);
    let up = rest > unit / 2 || (rest == unit / 2 && whole % 2 == 1);
    let rounded = if up { whole.saturating_add(1) } else { whole };
    let sign = if amount < 0 { "-" } else { "" };
    if rounded == 0 && size != 0 {
        return plain(amount, AMOUNT_PLACES);
    }
    let shown = with_places(rounded, SHOWN_PLACES);
    let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, "00"));
    format!("{sign}{}.{fraction}", grouped(whole))
}

/// `1234567` → `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `part ÷ whole` as `12.34 %`; `–` if the whole is 0.
pub(super) fn percent(part: i128, whole: i128) -> String {
    let hundredfold = part.checked_mul(100).and_then(|part| ratio(part, whole, SHOWN_PLACES));
    hundredfold.map_or_else(|| "–".to_string(), |rate| format!("{rate} %"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_exact_and_half_to_even() {
        let shown = |n, d| ratio(n, d, 6).unwrap_or_else(|| "null".into());
        for (n, d, expect) in [
            (1, 3, "0.333333"),
            (2, 3, "0.666667"),
            (1, 1, "1.000000"),
            (0, 5, "0.000000"),
            (5, 0, "null"),
            (-1, 3, "-0.333333"),
            (-1, -3, "0.333333"),
            (5, 10_000_000, "0.000000"),
            (15, 10_000_000, "0.000002"),
            (25, 10_000_000, "0.000002"),
            (3, 2, "1.500000"),
            (i128::MAX, i128::MAX, "1.000000"),
            (i128::MAX / 2, i128::MAX, "0.500000"),
            (i128::MIN, i128::MAX, "-1.000000"),
        ] {
            assert_eq!(shown(n, d), expect, "{n} / {d}");
        }
    }

    #[test]
    fn people_see_two_places_and_thousands() {
        let one = 1_000_000_000_000;
        for (amount, expect) in [
            (0, "0.00"),
            (1_234_567 * one + one / 2, "1,234,567.50"),
            (-1_000 * one, "-1,000.00"),
            (5_000_000_000, "0.005"),
            (15_000_000_000, "0.02"),
            (25_000_000_000, "0.02"),
            (-1, "-0.000000000001"),
            (999 * one + 999 * one / 1000, "1,000.00"),
        ] {
            assert_eq!(money(amount), expect, "{amount}");
        }
        assert_eq!((count(0), count(999), count(1_000), count(u64::MAX)), ("0".into(), "999".into(), "1,000".into(), "18,446,744,073,709,551,615".into()));
        assert_eq!((percent(1, 8), percent(1, 0)), ("12.50 %".into(), "–".into()));
    }
}
