//! Exact amounts: integers of units of 10^-scale, rounded once, half to even.

/// Places of a quantity.
pub(crate) const QUANTITY: u32 = 8;
/// Places of a list price.
pub(crate) const PRICE: u32 = 12;
/// Places of an effective price.
pub(crate) const EFFECTIVE: u32 = 14;
/// Places of an exchange rate.
pub(crate) const EXCHANGE: u32 = 10;
/// Places of the stated credit rate.
pub(crate) const RATE: u32 = 2;
/// Places of a cost: quantity × effective price.
pub(crate) const COST: u32 = QUANTITY + EFFECTIVE;
/// Places of an amount that a run computes.
pub(crate) const AMOUNT: u32 = 12;

/// The credit rate in units of 10^-[`RATE`].
pub(crate) const CREDIT: i64 = 15;

/// Divides by 10^places, rounding half to even. 10^n = 2^n × 5^n and 5^n fits 64 bits up to n = 27, which makes the
/// division a fast one.
#[inline]
pub(crate) fn round(units: i128, places: u32) -> i128 {
    debug_assert!(places > 0 && places <= 27);
    let five = 5u64.pow(places);
    let size = units.unsigned_abs();
    let (high, low) = (size >> places, size & ((1 << places) - 1));
    let (whole, rest) = (high / u128::from(five), ((high % u128::from(five)) << places) | low);
    let half = u128::from(five) << (places - 1);
    let up = rest > half || (rest == half && whole & 1 == 1);
    let rounded = (whole + u128::from(up)) as i128;
    if units < 0 { -rounded } else { rounded }
}

/// The shortest decimal text: no trailing zeros, no exponent.
pub(crate) fn text(units: i128, scale: u32) -> String {
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale as usize + 1);
    let (whole, part) = digits.split_at(digits.len() - scale as usize);
    let (sign, part) = (if units < 0 { "-" } else { "" }, part.trim_end_matches('0'));
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (units, places, expected) in
            [(5, 1, 0), (15, 1, 2), (25, 1, 2), (-15, 1, -2), (-25, 1, -2), (251, 2, 3), (249, 2, 2), (10i128.pow(30) + 5 * 10i128.pow(19), 20, 10i128.pow(10))]
        {
            assert_eq!(round(units, places), expected, "{units} / 10^{places}");
        }
    }

    #[test]
    fn the_fast_division_equals_the_plain_one() {
        for k in 0..20_000u64 {
            let units = (crate::dice::mix(k, 1) as i128 - i128::from(u64::MAX / 2)) * i128::from(crate::dice::mix(k, 2) >> (k % 40));
            for places in [1, 8, 10, 20] {
                let ten = 10i128.pow(places);
                let (whole, rest) = (units.div_euclid(ten), units.rem_euclid(ten));
                let up = rest * 2 > ten || (rest * 2 == ten && whole % 2 != 0);
                assert_eq!(round(units, places), whole + i128::from(up), "{units} / 10^{places}");
            }
        }
    }

    #[test]
    fn numbers_are_written_short() {
        assert_eq!([text(0, 2), text(-15, 2), text(2_400, 2), text(7, 12)], ["0", "-0.15", "24", "0.000000000007"]);
    }
}
