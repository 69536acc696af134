//! Month end: what we expect against what Microsoft says, at three grains, every difference with its cause (R-MONTH).
//!
//! Amounts are exact sums of 12-place decimals; a difference is ours minus the statement's and never zero.
//! * **charge**: the expected credit against the credit that the charge's own flag says was applied, billing currency.
//! * **invoice line**: net cost before tax, billing currency, by [`LineKey`] and with or without credit. Credit that is missing therefore
//!   shows as a *negative* sum here: we expect to pay less than is billed.
//! * **invoice**: net cost per currency, by cause. Rounding adjustment rows take part here alone (R-MONTH-2).
//!
//! Steps of the invoice grains, in [`Books`]:
//! 1. Charges of one key, meter, exchange rate and credit are one line of the invoice, since Microsoft has at most two lines per meter and month.
//!    Each line exists twice: *expected* (our verdict, list price less our rate) and *stated* (the flag, the price the export says).
//!    Both are truncated as the invoice truncates. Without a flag, stated is expected.
//! 2. Where expected lines equal the invoice for a key, with and without credit, there is nothing to say.
//! 3. Else expected against stated, by the cause of each charge (what truncation adds to that is `rounding`),
//!    and stated against the invoice, with the cause of the line.
//! 4. Differences of each grain must add up to the difference of its totals, to the last digit (asserted, R-MONTH-4).

use crate::money::TooLarge;
use crate::statement::LineKey;

mod charge_grain;
mod books;
mod line;
mod judge;
mod month;

pub use books::{Books, Gathered, OurCharge};
pub use charge_grain::{CHARGE_ROUNDING, ChargeDifference, PRICED_MARGIN, Settled, charge_difference};
pub use judge::{PRINTED_PLACE, rounding_bound};
pub use month::{Apart, InvoiceDifference, LineDifference, Reconciled, Total};

/// Why ours and the statement's differ (R-MONTH-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// We expect credit, Microsoft applied none.
    MissingCredit,
    /// Microsoft applied credit, we expect none.
    UnexpectedCredit,
    /// The flag says no, the price implies our rate.
    PricedNotFlagged,
    /// Both say credit, at different rates.
    Rate,
    /// Another adjustment of the price, such as a tier discount.
    PriceAdjustment,
    /// The price differs and nothing says why.
    Price,
    /// The quantity differs.
    Quantity,
    /// The statement does not have it.
    MissingInStatement,
    /// We do not have it.
    MissingInOurs,
    /// What rounding explains: below the stated bound.
    Rounding,
    /// Not on an invoice yet.
    UnbilledYet,
    /// Nothing is known of access on that day.
    BeforeFirstRecord,
}

impl Cause {
    /// Every cause, in the order of R-MONTH-3.
    pub const ALL: [Cause; 12] = [
        Cause::MissingCredit,
        Cause::UnexpectedCredit,
        Cause::PricedNotFlagged,
        Cause::Rate,
        Cause::PriceAdjustment,
        Cause::Price,
        Cause::Quantity,
        Cause::MissingInStatement,
        Cause::MissingInOurs,
        Cause::Rounding,
        Cause::UnbilledYet,
        Cause::BeforeFirstRecord,
    ];

    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Cause::MissingCredit => "missing_credit",
            Cause::UnexpectedCredit => "unexpected_credit",
            Cause::PricedNotFlagged => "priced_not_flagged",
            Cause::Rate => "rate",
            Cause::PriceAdjustment => "price_adjustment",
            Cause::Price => "price",
            Cause::Quantity => "quantity",
            Cause::MissingInStatement => "missing_in_statement",
            Cause::MissingInOurs => "missing_in_ours",
            Cause::Rounding => "rounding",
            Cause::UnbilledYet => "unbilled_yet",
            Cause::BeforeFirstRecord => "before_first_record",
        }
    }
}

/// A sum or an amount of a key does not fit decimal(38,12): month end stops and names it (details 32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTooLarge {
    /// The key.
    pub key: Box<LineKey>,
}

fn at_key<T>(key: &LineKey, result: Result<T, TooLarge>) -> Result<T, KeyTooLarge> {
    result.map_err(|TooLarge| KeyTooLarge { key: Box::new(key.clone()) })
}

#[cfg(test)]
mod tests;
