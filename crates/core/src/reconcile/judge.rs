//! Why an invoice line is not what the charges say it should be (R-MONTH-3).

use ruint::aliases::U512;

use super::Cause;
use super::books::Billed;
use crate::money::{D12, D22, ONE, TooLarge, agree, pow10};

/// Half of the sixth place: how far a quantity printed in the invoice may lie from the exact one, per row.
pub const PRINTED_PLACE: D22 = D22(5_000_000_000_000_000);
/// What one truncation to cents takes away at most, 12 places.
const CENT: u128 = 10_000_000_000;

/// The stated bound of `rounding` for a key: (0.01 × exchange rate + 0.01) per line, since each line is truncated twice.
/// `lines` is the greater number of lines of both sides, the exchange rate the greatest. Differences *below* it may be rounding.
pub fn rounding_bound(lines: u64, exchange_rate: D22) -> D12 {
    let converted = exchange_rate.0.unsigned_abs().saturating_mul(CENT).div_ceil(ONE.0.unsigned_abs());
    let bound = converted.saturating_add(CENT).saturating_mul(u128::from(lines));
    D12(i128::try_from(bound.min(pow10(37))).unwrap_or(i128::MAX))
}

/// Our stated lines of one key, with or without credit, added up.
#[derive(Debug, Clone, Default)]
pub(super) struct Stated {
    pub lines: u64,
    pub quantity: i128,
    /// Pricing currency, 12 places.
    pub net: i128,
    /// Billing currency, each line truncated as the invoice truncates.
    pub amount: i128,
    /// The one rate of all lines, if it is known.
    pub rate: Option<D22>,
    pub top_price: u128,
    pub top_exchange: u128,
}

/// Both sides of a key, without and with credit.
pub(super) struct Sides<'a> {
    pub ours: &'a [Stated; 2],
    pub billed: &'a [Billed; 2],
    /// Rows and quantity of our charges that name no invoice.
    pub our_rows: u64,
    pub unbilled_rows: u64,
    pub unbilled: i128,
    /// A charge of ours without flag lies before the first record.
    pub unknown: bool,
}

impl Sides<'_> {
    /// The first that applies: one side has nothing; quantities differ; credit moved; money agrees; rate; adjustment; price.
    pub(super) fn cause(&self, with_credit: bool, difference: i128) -> Result<Cause, TooLarge> {
        let [billed_without, billed_with] = self.billed;
        let [ours_without, ours_with] = self.ours;
        let printed = billed_without.rows.saturating_add(billed_with.rows);
        if printed == 0 {
            return Ok(if self.unbilled_rows == self.our_rows { Cause::UnbilledYet } else { Cause::MissingInStatement });
        }
        if self.our_rows == 0 {
            return Ok(Cause::MissingInOurs);
        }
        let ours = crate::money::sum(ours_without.quantity, ours_with.quantity)?;
        let billed = crate::money::sum(billed_without.quantity, billed_with.quantity)?;
        if !same_quantity(ours, billed, printed) {
            let invoiced = crate::money::sum(ours, self.unbilled.saturating_neg())?;
            let late = self.unbilled_rows > 0 && same_quantity(invoiced, billed, printed);
            return Ok(if late { Cause::UnbilledYet } else { Cause::Quantity });
        }
        if !same_quantity(ours_with.quantity, billed_with.quantity, printed) {
            // A correction is a negative quantity: what is less of it is more credit. A mixed key goes by the sign of its total.
            let more = (ours_with.quantity > billed_with.quantity) == (ours >= 0);
            return Ok(match more {
                _ if self.unknown => Cause::BeforeFirstRecord,
                true => Cause::MissingCredit,
                false => Cause::UnexpectedCredit,
            });
        }
        Ok(if with_credit { line_cause(ours_with, billed_with, difference) } else { line_cause(ours_without, billed_without, difference) })
    }
}

/// Quantities agree: money, rate, adjustment, price.
fn line_cause(ours: &Stated, billed: &Billed, difference: i128) -> Cause {
    let exchange = D22(i128::try_from(ours.top_exchange.max(billed.top_exchange)).unwrap_or(i128::MAX));
    let bound = rounding_bound(ours.lines.max(billed.rows), exchange);
    if same_money(ours, billed) && difference.unsigned_abs() < bound.0.unsigned_abs() {
        return Cause::Rounding;
    }
    let known: Vec<D22> = billed.rates.iter().flatten().copied().collect();
    let another_rate = ours.rate.filter(|r| r.0 > 0).is_some_and(|rate| !known.is_empty() && known != [rate]);
    if another_rate {
        Cause::Rate
    } else if billed.adjusted {
        Cause::PriceAdjustment
    } else {
        Cause::Price
    }
}

fn same_quantity(ours: i128, billed: i128, rows: u64) -> bool {
    ours.abs_diff(billed) <= PRINTED_PLACE.0.unsigned_abs().saturating_mul(u128::from(rows))
}

/// Net costs before truncation agree: to 1 in 10^9, and, where quantities are printed shorter, to what that may cost.
fn same_money(ours: &Stated, billed: &Billed) -> bool {
    if agree(ours.net, billed.net) || ours.net == billed.net {
        return true;
    }
    if ours.quantity == billed.quantity {
        return false;
    }
    let price = U512::from(ours.top_price.max(billed.top_price));
    let place = U512::from(PRINTED_PLACE.0.unsigned_abs()).saturating_mul(U512::from(billed.rows.max(ours.lines)));
    // Price and quantity have 22 places each, net has 12.
    let allowed = price.saturating_mul(place).checked_div(U512::from(10u8).saturating_pow(U512::from(32u8))).unwrap_or_default();
    U512::from(ours.net.abs_diff(billed.net)) <= allowed
}
