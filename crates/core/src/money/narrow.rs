//! Exact products in 128 bits: the fast path of the money. Whatever does not provably fit is left to the 512-bit path.

use super::{AMOUNT_PLACES, D12, D22, ONE, OPERAND_PLACES, TooLarge, amount, divide_half_even, pow10, product_less, product_wide};

/// A decimal as magnitude × 10^-places, without trailing zeros where it came from an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Narrow {
    magnitude: u128,
    places: u32,
    negative: bool,
}

impl Narrow {
    pub(super) fn of(operand: D22) -> Narrow {
        let (magnitude, places) = strip_zeros(operand.0.unsigned_abs(), OPERAND_PLACES);
        Narrow { magnitude, places, negative: operand.0 < 0 }
    }

    pub(super) fn of_magnitude(amount: D12) -> Narrow {
        let (magnitude, places) = strip_zeros(amount.0.unsigned_abs(), AMOUNT_PLACES);
        Narrow { magnitude, places, negative: false }
    }

    /// The exact product, if it fits.
    pub(super) fn times(self, other: Narrow) -> Option<Narrow> {
        Some(Narrow {
            magnitude: self.magnitude.checked_mul(other.magnitude)?,
            places: self.places.checked_add(other.places)?,
            negative: self.negative ^ other.negative,
        })
    }

    /// The exact difference, if it fits.
    pub(super) fn less(self, other: Narrow) -> Option<Narrow> {
        let places = self.places.max(other.places);
        let (ours, theirs) = (self.at(places)?, other.at(places)?);
        let (magnitude, negative) = if self.negative != other.negative {
            (ours.checked_add(theirs)?, self.negative)
        } else if ours >= theirs {
            (ours.checked_sub(theirs)?, self.negative)
        } else {
            (theirs.checked_sub(ours)?, !self.negative)
        };
        Some(Narrow { magnitude, places, negative })
    }

    /// Its magnitude with so many places, which are not fewer than it has.
    fn at(self, places: u32) -> Option<u128> {
        self.magnitude.checked_mul(power(places.checked_sub(self.places)?)?)
    }

    /// Rounded once, half to even; `None` where 128 bits do not do.
    pub(super) fn amount(self) -> Option<Result<D12, TooLarge>> {
        let rounded = match self.places.checked_sub(AMOUNT_PLACES) {
            None | Some(0) => self.at(AMOUNT_PLACES)?,
            Some(down) => divide_half_even(self.magnitude, power(down)?).0,
        };
        Some(amount(rounded, self.negative))
    }
}

/// An exact product of up to four operands, not rounded yet: what several amounts of a line share is multiplied once.
#[derive(Debug, Clone, Copy)]
pub struct Factors {
    operands: [D22; 4],
    count: usize,
    /// The product in 128 bits, where it fits.
    narrow: Option<Narrow>,
}

impl Factors {
    /// One operand.
    pub fn of(operand: D22) -> Factors {
        Factors { operands: [operand, ONE, ONE, ONE], count: 1, narrow: Some(Narrow::of(operand)) }
    }

    /// Times a further operand; a fifth is refused by [`Factors::amount`].
    #[must_use]
    pub fn times(self, operand: D22) -> Factors {
        let mut operands = self.operands;
        if let Some(place) = operands.get_mut(self.count) {
            *place = operand;
        }
        Factors { operands, count: self.count.saturating_add(1), narrow: self.narrow.and_then(|product| product.times(Narrow::of(operand))) }
    }

    /// Rounded once, half to even.
    /// # Errors
    /// [`TooLarge`] when the amount does not fit decimal(38,12).
    pub fn amount(&self) -> Result<D12, TooLarge> {
        match self.narrow.and_then(Narrow::amount) {
            Some(amount) if self.count <= self.operands.len() => amount,
            _ => product_wide(self.operands.get(..self.count).ok_or(TooLarge)?),
        }
    }

    /// The product of two operands less `taken`, rounded once (the implied credit, R-MONEY-5).
    /// # Errors
    /// [`TooLarge`] when the amount does not fit.
    pub fn amount_less(&self, taken: D22) -> Result<D12, TooLarge> {
        match self.narrow.and_then(|product| product.less(Narrow::of(taken))).and_then(Narrow::amount) {
            Some(amount) if self.count == 2 => amount,
            _ => product_less(self.operands[0], self.operands[1], taken),
        }
    }
}

fn power(exponent: u32) -> Option<u128> {
    (exponent <= 38).then(|| pow10(exponent))
}

/// A step of stripping: 10^`zeros`, the inverse of 5^`zeros` modulo 2^128, and the greatest quotient by 5^`zeros`.
struct Step {
    zeros: u32,
    inverse: u128,
    most: u128,
}

const STEPS: [Step; 5] = [step(16), step(8), step(4), step(2), step(1)];

const fn step(zeros: u32) -> Step {
    let five = 5u128.pow(zeros);
    // Newton: each round doubles the bits that are right, beginning with three.
    let (mut inverse, mut round) = (five, 0u32);
    while round < 6 {
        inverse = inverse.wrapping_mul(2u128.wrapping_sub(five.wrapping_mul(inverse)));
        round = round.saturating_add(1);
    }
    Step {
        zeros,
        inverse,
        most: match u128::MAX.checked_div(five) {
            Some(most) => most,
            None => 0,
        },
    }
}

/// A magnitude of so many places without trailing zeros: `(value, places)`.
///
/// 10^k divides what 2^k divides and 5^k divides; the latter is exactly what times the inverse of 5^k stays small, and that
/// product is the quotient. There is no division.
fn strip_zeros(mut value: u128, mut places: u32) -> (u128, u32) {
    if value == 0 {
        return (0, 0);
    }
    for Step { zeros, inverse, most } in &STEPS {
        while places >= *zeros && value.trailing_zeros() >= *zeros {
            let quotient = value.wrapping_shr(*zeros).wrapping_mul(*inverse);
            if quotient > *most {
                break;
            }
            value = quotient;
            places = places.saturating_sub(*zeros);
        }
    }
    (value, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripping_is_dividing_by_ten_while_nothing_is_left_over() {
        let naive = |mut value: u128| {
            let mut places = OPERAND_PLACES;
            while places > 0 && value.is_multiple_of(10) {
                (value, places) = (value / 10, places - 1);
            }
            (value, places)
        };
        let mut state = 1u128;
        for round in 0..200_000u32 {
            state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(0x5851_F42D_4C95_7F2D);
            let digits = (state >> (8 + round % 113)) % 10u128.pow(1 + round % 20);
            let value = digits * 10u128.pow(round % 19);
            if value > 0 {
                assert_eq!(strip_zeros(value, OPERAND_PLACES), naive(value), "{value}");
            }
        }
        for value in [1, 10, 5, 2, u128::MAX, u128::MAX - 5, 10u128.pow(22), 10u128.pow(38), 1 << 127, 5u128.pow(55)] {
            assert_eq!(strip_zeros(value, OPERAND_PLACES), naive(value), "{value}");
        }
        assert_eq!(strip_zeros(0, OPERAND_PLACES), (0, 0));
    }
}
