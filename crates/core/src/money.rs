//! Scaled decimals and the only rounding of money (R-MONEY-3, details 2, 3, 30).
//!
//! Operands are [`D22`] (22 decimal places), amounts [`D12`] (12 places). A product is formed exactly and rounded once,
//! half to even. The fast path multiplies in 128 bits where the sum of the operands' bit lengths proves that it fits;
//! all else goes through 512 bits, which hold four 127-bit operands.

use ruint::Uint;
use ruint::aliases::{U256, U512};

/// Decimal places of operands and rates.
pub const OPERAND_PLACES: u32 = 22;
/// Decimal places of amounts.
pub const AMOUNT_PLACES: u32 = 12;
/// Most digits before the point an operand may have (details 2).
pub const OPERAND_INTEGER_DIGITS: i64 = 16;
/// 10^38: magnitudes of decimal(38, s) lie below it.
pub const LIMIT: u128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;
/// 1 as an operand.
pub const ONE: D22 = D22(10_000_000_000_000_000_000_000);

/// An operand: quantity, price, net cost, exchange rate or rate; decimal(38,22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct D22(pub i128);

/// An amount of money; decimal(38,12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct D12(pub i128);

/// A number read from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedNumber {
    /// At 22 decimal places.
    pub value: i128,
    /// Whether digits beyond the 22nd place were rounded away (counted as `operands_rounded`).
    pub rounded: bool,
}

/// Why a text is not a usable number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFault {
    /// Not a number by the grammar of details 2.
    NotANumber,
    /// More than 16 digits before the point.
    TooLarge,
    /// A rate outside `[0, 1]` after normalisation (R-RATE-1).
    OutOfRange,
}

/// An amount does not fit decimal(38,12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// 10^exponent as u128; exponent at most 38.
pub fn pow10(exponent: u32) -> u128 {
    usize::try_from(exponent).ok().and_then(|at| POWERS.get(at)).copied().unwrap_or(u128::MAX)
}

const POWERS: [u128; 39] = {
    let (mut powers, mut at) = ([1u128; 39], 1usize);
    while at < powers.len() {
        powers[at] = powers[at.saturating_sub(1)].saturating_mul(10);
        at = at.saturating_add(1);
    }
    powers
};

/// Reads a number: trimmed, optional sign, digits, optional point, optional exponent (details 2).
/// # Errors
/// `NotANumber` or `TooLarge`.
pub fn parse_number(text: &str) -> Result<ParsedNumber, NumberFault> {
    parse_shifted(text.trim(), 0)
}

/// Reads a rate and normalises it to a fraction: `%` divides by 100, else a value above 1 does (details 3).
/// # Errors
/// `NotANumber`, or `OutOfRange` when the fraction is outside `[0, 1]`.
pub fn parse_rate(text: &str) -> Result<ParsedNumber, NumberFault> {
    let text = text.trim();
    let percent = text.strip_suffix('%');
    let read = |shift| match parse_shifted(percent.unwrap_or(text).trim_end(), shift) {
        Err(NumberFault::TooLarge) => Err(NumberFault::OutOfRange),
        other => other,
    };
    let mut rate = read(if percent.is_some() { -2 } else { 0 })?;
    if percent.is_none() && rate.value > ONE.0 {
        rate = read(-2)?;
    }
    if (0..=ONE.0).contains(&rate.value) { Ok(rate) } else { Err(NumberFault::OutOfRange) }
}

/// The significant digits of a number and the power of ten of the last one.
struct Digits {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

fn parse_shifted(text: &str, shift: i64) -> Result<ParsedNumber, NumberFault> {
    let mut number = split_number(text).ok_or(NumberFault::NotANumber)?;
    number.exponent = number.exponent.saturating_add(shift);
    scale_digits(&number)
}

fn split_number(text: &str) -> Option<Digits> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (unsigned.get(..at)?, parse_exponent(unsigned.get(at.saturating_add(1)..)?)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|b| *b == b'0').collect();
    let mut exponent = exponent.saturating_sub(i64::try_from(fraction.len()).ok()?);
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent = exponent.saturating_add(1);
    }
    Some(Digits { negative, digits, exponent })
}

/// An exponent of any length: far beyond the range of numbers it saturates, which changes no decision.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000_000);
    Some(if text.starts_with('-') { size.saturating_neg() } else { size })
}

fn scale_digits(number: &Digits) -> Result<ParsedNumber, NumberFault> {
    let count = i64::try_from(number.digits.len()).map_err(|_| NumberFault::TooLarge)?;
    if count == 0 {
        return Ok(ParsedNumber { value: 0, rounded: false });
    }
    if count.saturating_add(number.exponent) > OPERAND_INTEGER_DIGITS {
        return Err(NumberFault::TooLarge);
    }
    let shift = number.exponent.saturating_add(i64::from(OPERAND_PLACES));
    let dropped = usize::try_from(shift.saturating_neg().max(0)).unwrap_or(usize::MAX);
    let kept = number.digits.len().saturating_sub(dropped);
    let (head, tail) = number.digits.split_at(kept);
    let mut magnitude = head.iter().fold(0u128, |sum, digit| push_digit(sum, *digit));
    if shift > 0 {
        magnitude = magnitude.saturating_mul(pow10(u32::try_from(shift).unwrap_or(u32::MAX)));
    }
    // With more digits dropped than there are, the first dropped digit is a zero and nothing rounds up.
    let rounds_up = dropped <= number.digits.len() && tail_rounds_up(tail, magnitude);
    let magnitude = if rounds_up { magnitude.saturating_add(1) } else { magnitude };
    if magnitude >= LIMIT {
        return Err(NumberFault::TooLarge);
    }
    let value = i128::try_from(magnitude).map_err(|_| NumberFault::TooLarge)?;
    let value = if number.negative { value.saturating_neg() } else { value };
    Ok(ParsedNumber { value, rounded: !tail.is_empty() })
}

fn push_digit(sum: u128, digit: u8) -> u128 {
    sum.saturating_mul(10).saturating_add(u128::from(digit.saturating_sub(b'0')))
}

fn tail_rounds_up(tail: &[u8], kept: u128) -> bool {
    match tail.split_first() {
        None => false,
        Some((first, rest)) => {
            let sticky = rest.iter().any(|d| *d != b'0');
            *first > b'5' || (*first == b'5' && (sticky || kept % 2 == 1))
        }
    }
}

/// Moves a decimal of any scale to 22 places, half to even (details 2).
/// # Errors
/// `TooLarge` with more than 16 integer digits.
pub fn rescale_operand(value: i128, scale: i32) -> Result<ParsedNumber, NumberFault> {
    let places = i32::try_from(OPERAND_PLACES).unwrap_or(i32::MAX);
    let up = places.saturating_sub(scale);
    let magnitude = value.unsigned_abs();
    let (magnitude, rounded) = if magnitude == 0 {
        (0, false)
    } else if up >= 0 {
        let factor = u32::try_from(up).ok().filter(|e| *e <= 38).map(pow10).ok_or(NumberFault::TooLarge)?;
        (magnitude.checked_mul(factor).ok_or(NumberFault::TooLarge)?, false)
    } else {
        let down = up.unsigned_abs();
        if down > 38 { (0, true) } else { divide_half_even(magnitude, pow10(down)) }
    };
    if magnitude >= LIMIT {
        return Err(NumberFault::TooLarge);
    }
    let signed = i128::try_from(magnitude).map_err(|_| NumberFault::TooLarge)?;
    Ok(ParsedNumber { value: if value < 0 { signed.saturating_neg() } else { signed }, rounded })
}

/// `(quotient rounded half to even, whether anything was lost)`.
fn divide_half_even(numerator: u128, denominator: u128) -> (u128, bool) {
    let (quotient, rest) = match (u64::try_from(numerator), u64::try_from(denominator)) {
        // Half the width is a tenth of the time, and what most charges need.
        (Ok(n), Ok(d)) => (u128::from(n.checked_div(d).unwrap_or(0)), u128::from(n.checked_rem(d).unwrap_or(0))),
        _ => {
            let quotient = numerator.checked_div(denominator).unwrap_or(0);
            (quotient, numerator.wrapping_sub(quotient.wrapping_mul(denominator)))
        }
    };
    let half = denominator.div_ceil(2);
    let exact_half = denominator.is_multiple_of(2) && rest == half;
    let up = if exact_half { quotient % 2 == 1 } else { rest >= half && rest != 0 };
    (if up { quotient.saturating_add(1) } else { quotient }, rest != 0)
}

/// The exact product of up to four operands, rounded once, half to even, to an amount (R-MONEY-3).
/// # Errors
/// [`TooLarge`] when the amount does not fit decimal(38,12).
pub fn product(operands: &[D22]) -> Result<D12, TooLarge> {
    match operands.split_first() {
        Some((first, rest)) => rest.iter().fold(Factors::of(*first), |product, operand| product.times(*operand)).amount(),
        None => product_wide(operands),
    }
}

fn amount(magnitude: u128, negative: bool) -> Result<D12, TooLarge> {
    if magnitude >= LIMIT {
        return Err(TooLarge);
    }
    let value = i128::try_from(magnitude).map_err(|_| TooLarge)?;
    Ok(D12(if negative { value.saturating_neg() } else { value }))
}

/// The exact product of up to four operands: its magnitude, its decimal places, and whether it is negative.
fn exact_product(operands: &[D22]) -> Result<(U512, u32, bool), TooLarge> {
    let mut magnitude = U512::from(1u8);
    let mut places = 0u32;
    let mut negative = false;
    for operand in operands {
        magnitude = magnitude.checked_mul(U512::from(operand.0.unsigned_abs())).ok_or(TooLarge)?;
        places = places.saturating_add(OPERAND_PLACES);
        negative ^= operand.0 < 0;
    }
    Ok((magnitude, places, negative))
}

/// The path that always fits: 512 bits hold four operands. The naive twin of the narrow path.
pub fn product_wide(operands: &[D22]) -> Result<D12, TooLarge> {
    let (magnitude, places, negative) = exact_product(operands)?;
    let down = places.checked_sub(AMOUNT_PLACES).ok_or(TooLarge)?;
    ratio_to_amount(magnitude, pow10_wide(down), negative)
}

/// Whether `claimed` is `a·b` rounded once, half to even: proved by multiplication, so it shares nothing with the division
/// that made it. The audit of a run asks this of every list cost (R-CONSERVE).
pub fn is_rounded_product(a: D22, b: D22, claimed: D12) -> bool {
    let wide = |a: u128, b: u128| -> U256 { Uint::<128, 2>::from(a).widening_mul(Uint::<128, 2>::from(b)) };
    let unit = pow10(OPERAND_PLACES.saturating_mul(2).saturating_sub(AMOUNT_PLACES));
    let (exact, given) = (wide(a.0.unsigned_abs(), b.0.unsigned_abs()), wide(claimed.0.unsigned_abs(), unit));
    let signs_agree = claimed.0 == 0 || (claimed.0 < 0) == ((a.0 < 0) != (b.0 < 0));
    let twice = exact.abs_diff(given).checked_shl(1);
    let unit = U256::from(unit);
    signs_agree && twice.is_some_and(|twice| twice < unit || (twice == unit && claimed.0 % 2 == 0))
}

fn pow10_wide(exponent: u32) -> U512 {
    U512::from(10u8).checked_pow(U512::from(exponent)).unwrap_or(U512::MAX)
}

/// `numerator ÷ denominator` as an amount, half to even.
fn ratio_to_amount(numerator: U512, denominator: U512, negative: bool) -> Result<D12, TooLarge> {
    let (quotient, rest) = (numerator.checked_div(denominator).ok_or(TooLarge)?, numerator.checked_rem(denominator).ok_or(TooLarge)?);
    let double = rest.checked_mul(U512::from(2u8)).ok_or(TooLarge)?;
    let up = double > denominator || (double == denominator && quotient.bit(0));
    let rounded = if up { quotient.checked_add(U512::from(1u8)).ok_or(TooLarge)? } else { quotient };
    amount(u128::try_from(rounded).map_err(|_| TooLarge)?, negative)
}

/// `net ÷ (1 − stated) × factors…`, exact and rounded once: a credit under `credit_base = "net"` (R-MONEY-2).
/// `stated` must be below 1.
/// # Errors
/// [`TooLarge`] when the amount does not fit.
pub fn grossed_up_product(net: D22, stated: D22, factors: &[D22]) -> Result<D12, TooLarge> {
    let rest = ONE.0.checked_sub(stated.0).filter(|r| *r > 0).ok_or(TooLarge)?;
    let mut numerator = U512::from(net.0.unsigned_abs());
    let mut places = OPERAND_PLACES;
    let mut negative = net.0 < 0;
    for factor in factors {
        numerator = numerator.checked_mul(U512::from(factor.0.unsigned_abs())).ok_or(TooLarge)?;
        places = places.saturating_add(OPERAND_PLACES);
        negative ^= factor.0 < 0;
    }
    // value = (numerator / 10^places) / (rest / 10^22), wanted at 12 places.
    let down = places.checked_sub(OPERAND_PLACES.saturating_add(AMOUNT_PLACES));
    let denominator = U512::from(rest.unsigned_abs());
    match down {
        Some(down) => ratio_to_amount(numerator, denominator.checked_mul(pow10_wide(down)).ok_or(TooLarge)?, negative),
        None => {
            let up = OPERAND_PLACES.saturating_add(AMOUNT_PLACES).saturating_sub(places);
            ratio_to_amount(numerator.checked_mul(pow10_wide(up)).ok_or(TooLarge)?, denominator, negative)
        }
    }
}

/// `a·b − c`, exact and rounded once: the naive twin of [`Factors::amount_less`].
/// # Errors
/// [`TooLarge`] when the amount does not fit.
pub fn product_less(a: D22, b: D22, c: D22) -> Result<D12, TooLarge> {
    let product = U512::from(a.0.unsigned_abs()).checked_mul(U512::from(b.0.unsigned_abs())).ok_or(TooLarge)?;
    let taken = U512::from(c.0.unsigned_abs()).checked_mul(pow10_wide(OPERAND_PLACES)).ok_or(TooLarge)?;
    let (left_negative, right_negative) = ((a.0 < 0) ^ (b.0 < 0), c.0 < 0);
    let (magnitude, negative) = if left_negative != right_negative {
        (product.checked_add(taken).ok_or(TooLarge)?, left_negative)
    } else if product >= taken {
        (product.checked_sub(taken).ok_or(TooLarge)?, left_negative)
    } else {
        (taken.checked_sub(product).ok_or(TooLarge)?, !left_negative)
    };
    ratio_to_amount(magnitude, pow10_wide(OPERAND_PLACES.saturating_mul(2).saturating_sub(AMOUNT_PLACES)), negative)
}

/// `|amount| × factor − |taken|`, exact and rounded once.
/// # Errors
/// [`TooLarge`] when the amount does not fit.
pub fn amount_product_less(amount: D12, factor: D22, taken: D22) -> Result<D12, TooLarge> {
    let magnitude = |operand: D22| Narrow::of(D22(operand.0.saturating_abs()));
    let product = Narrow::of_magnitude(amount).times(magnitude(factor));
    match product.and_then(|product| product.less(magnitude(taken))).and_then(Narrow::amount) {
        Some(rounded) => rounded,
        None => amount_product_less_wide(amount, factor, taken),
    }
}

/// The naive twin of [`amount_product_less`].
fn amount_product_less_wide(amount: D12, factor: D22, taken: D22) -> Result<D12, TooLarge> {
    let product = U512::from(amount.0.unsigned_abs()).checked_mul(U512::from(factor.0.unsigned_abs())).ok_or(TooLarge)?;
    let taken = U512::from(taken.0.unsigned_abs()).checked_mul(pow10_wide(AMOUNT_PLACES)).ok_or(TooLarge)?;
    let denominator = pow10_wide(OPERAND_PLACES);
    match product.checked_sub(taken) {
        Some(rest) => ratio_to_amount(rest, denominator, false),
        None => ratio_to_amount(taken.checked_sub(product).ok_or(TooLarge)?, denominator, true),
    }
}

/// How `|a·b|` compares with `|c|`, exactly (which base is smaller under `credit_base = "net"`).
pub fn compare_magnitudes(a: D22, b: D22, c: D22) -> std::cmp::Ordering {
    let product = U512::from(a.0.unsigned_abs()).saturating_mul(U512::from(b.0.unsigned_abs()));
    product.cmp(&U512::from(c.0.unsigned_abs()).saturating_mul(pow10_wide(OPERAND_PLACES)))
}

/// Writes a scaled integer as a plain decimal without trailing zeros.
pub fn plain(value: i128, places: u32) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = usize::try_from(places).unwrap_or(0).saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(usize::try_from(places).unwrap_or(0)));
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

impl std::fmt::Display for D22 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&plain(self.0, OPERAND_PLACES))
    }
}

impl std::fmt::Display for D12 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&plain(self.0, AMOUNT_PLACES))
    }
}

mod cents;
mod narrow;

pub use narrow::Factors;
use narrow::Narrow;

pub use cents::{agree, billed, cents_of_amount, cents_of_product, converted, implies_rate, sum};

#[cfg(test)]
mod tests;
