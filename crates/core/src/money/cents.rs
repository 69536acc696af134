//! Whole cents, truncated towards zero as invoices are (R-MONTH-2), and exact comparisons of amounts.

use ruint::aliases::U512;

use super::{AMOUNT_PLACES, D12, D22, LIMIT, ONE, OPERAND_PLACES, TooLarge, amount, exact_product, pow10_wide, ratio_to_amount};

/// Decimal places of a cent.
const CENT_PLACES: u32 = 2;
/// One cent at 12 places.
const CENT: i128 = 10_000_000_000;
/// How finely two readings of one number are told apart: 1 in 10^9, as in details 4.
const RELATIVE: u64 = 1_000_000_000;

/// The exact product of up to four operands, truncated to whole cents towards zero.
/// # Errors
/// [`TooLarge`] when the cents do not fit.
pub fn cents_of_product(operands: &[D22]) -> Result<i128, TooLarge> {
    let (magnitude, places, negative) = exact_product(operands)?;
    let down = places.checked_sub(CENT_PLACES).ok_or(TooLarge)?;
    signed(magnitude.checked_div(pow10_wide(down)).ok_or(TooLarge)?, negative)
}

/// An amount truncated to whole cents towards zero.
pub fn cents_of_amount(amount: D12) -> i128 {
    amount.0.checked_div(CENT).unwrap_or(0)
}

/// Whole cents of pricing currency in billing currency, truncated to whole cents towards zero again.
/// # Errors
/// [`TooLarge`] when the amount does not fit.
pub fn billed(cents: i128, exchange_rate: D22) -> Result<D12, TooLarge> {
    let exact = U512::from(cents.unsigned_abs()).checked_mul(U512::from(exchange_rate.0.unsigned_abs())).ok_or(TooLarge)?;
    let whole = exact.checked_div(pow10_wide(OPERAND_PLACES)).ok_or(TooLarge)?;
    let scaled = whole.checked_mul(pow10_wide(AMOUNT_PLACES.saturating_sub(CENT_PLACES))).ok_or(TooLarge)?;
    amount(u128::try_from(scaled).map_err(|_| TooLarge)?, (cents < 0) ^ (exchange_rate.0 < 0))
}

/// An amount of pricing currency in billing currency, exact and rounded once, half to even.
/// # Errors
/// [`TooLarge`] when the amount does not fit.
pub fn converted(net: D12, exchange_rate: D22) -> Result<D12, TooLarge> {
    let exact = U512::from(net.0.unsigned_abs()).checked_mul(U512::from(exchange_rate.0.unsigned_abs())).ok_or(TooLarge)?;
    ratio_to_amount(exact, pow10_wide(OPERAND_PLACES), (net.0 < 0) ^ (exchange_rate.0 < 0))
}

fn signed(magnitude: U512, negative: bool) -> Result<i128, TooLarge> {
    let value = i128::try_from(magnitude).map_err(|_| TooLarge)?;
    Ok(if negative { value.saturating_neg() } else { value })
}

/// `a + b` as a decimal of 38 digits, never wrapped or saturated.
/// # Errors
/// [`TooLarge`] when it does not fit.
pub fn sum(a: i128, b: i128) -> Result<i128, TooLarge> {
    a.checked_add(b).filter(|total| total.unsigned_abs() < LIMIT).ok_or(TooLarge)
}

/// Whether two readings of one amount or quantity agree: equal to 1 in 10^9 of the first.
pub fn agree(a: i128, b: i128) -> bool {
    U512::from(a.abs_diff(b)).saturating_mul(U512::from(RELATIVE)) <= U512::from(a.unsigned_abs())
}

/// Whether `implied` is `rate` of `list`, give or take `margin` of `list` (R-MONTH-3); never where list is 0.
pub fn implies_rate(list: D12, implied: D12, rate: D22, margin: D22) -> bool {
    if list.0 == 0 {
        return false;
    }
    let size = U512::from(list.0.unsigned_abs());
    let found = U512::from(implied.0.unsigned_abs()).saturating_mul(U512::from(ONE.0.unsigned_abs()));
    let wanted = size.saturating_mul(U512::from(rate.0.unsigned_abs()));
    let opposed = implied.0 != 0 && (implied.0 < 0) != ((list.0 < 0) ^ (rate.0 < 0));
    let apart = if opposed { found.saturating_add(wanted) } else { found.abs_diff(wanted) };
    apart <= size.saturating_mul(U512::from(margin.0.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::super::parse_number;
    use super::*;

    fn d(text: &str) -> D22 {
        D22(parse_number(text).expect("test number").value)
    }

    fn line(price: &str, quantity: &str, rate: &str) -> String {
        let cents = cents_of_product(&[d(price), d(quantity)]).expect("fits");
        billed(cents, d(rate)).expect("fits").to_string()
    }

    #[test]
    fn an_invoice_line_truncates_twice_towards_zero() {
        assert_eq!(line("0.03825", "0.005001", "0.846202666"), "0");
        assert_eq!(line("1", "10.019", "1"), "10.01");
        assert_eq!(line("1", "-10.019", "1"), "-10.01");
        assert_eq!(line("0.3333333333333333", "3", "1"), "0.99");
        assert_eq!(line("1", "0.999", "1.01"), "0.99", "0.99 × 1.01 = 0.9999");
        assert_eq!(line("1", "1.999", "0.999"), "1.98", "1.99 × 0.999 = 1.98801, where 1.999 × 0.999 = 1.997");
        assert_eq!(line("-2", "-0.5", "1"), "1");
        assert_eq!(cents_of_amount(D12(-19_999_999_999)), -1);
        assert_eq!(converted(D12(-3), d("0.5")), Ok(D12(-2)), "half to even");
        assert_eq!(cents_of_product(&[d("9999999999999999"); 4]), Err(TooLarge));
    }

    #[test]
    fn a_rate_is_implied_within_its_margin_only() {
        let implies = |list: i128, implied: i128| implies_rate(D12(list), D12(implied), d("0.15"), d("0.001"));
        assert!(implies(1000, 150) && implies(1000, 151) && implies(1000, 149) && implies(-1000, -150));
        assert!(!implies(1000, 152) && !implies(1000, 148) && !implies(1000, -150) && !implies(0, 0) && !implies(1000, 0));
    }

    #[test]
    fn sums_refuse_what_does_not_fit_and_readings_agree_to_one_in_a_thousand_million() {
        let most = i128::try_from(LIMIT - 1).expect("fits");
        assert_eq!(sum(most, 0), Ok(most));
        assert_eq!(sum(most, 1), Err(TooLarge));
        assert_eq!(sum(i128::MAX, i128::MAX), Err(TooLarge));
        assert!(agree(10_000_000_000, 10_000_000_010) && !agree(10_000_000_000, 10_000_000_011) && agree(0, 0) && !agree(0, 1));
    }
}
