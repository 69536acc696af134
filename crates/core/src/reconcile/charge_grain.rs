//! One charge: expected against applied, and the cause (R-MONTH-1, R-MONTH-3).

use super::Cause;
use crate::charge::{Evidence, Outcome};
use crate::money::{D12, D22, TooLarge, implies_rate, product, sum};

/// Below this a difference between equal rates is `rounding`: 0.000001 of the billing currency per charge.
pub const CHARGE_ROUNDING: D12 = D12(1_000_000);
/// How near the price must come to our rate for `priced_not_flagged`: 0.001 (R-MONTH-3).
pub const PRICED_MARGIN: D22 = D22(10_000_000_000_000_000_000);

/// A credit line as month end sees it: the columns of `fact_credit_line`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Our verdict.
    pub outcome: Outcome,
    /// What it rests on.
    pub evidence: Evidence,
    /// Our rate; `None` where the charge is no usage.
    pub rate: Option<D22>,
    /// Units.
    pub quantity: Option<D22>,
    /// List price, pricing currency.
    pub list_unit_price: Option<D22>,
    /// Pricing to billing currency.
    pub exchange_rate: Option<D22>,
    /// Quantity × list unit price.
    pub list_cost: D12,
    /// Expected, pricing currency.
    pub credit_pricing: D12,
    /// Expected, billing currency.
    pub credit_billing: D12,
    /// Microsoft's flag; `None`: the source states none.
    pub applied: Option<bool>,
    /// What the flag says, billing currency.
    pub applied_billing: Option<D12>,
    /// What the price implies, pricing currency.
    pub implied_pricing: Option<D12>,
    /// Whether the charge names an invoice.
    pub invoiced: bool,
}

/// The difference of one charge, billing currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargeDifference {
    /// Expected credit.
    pub ours: D12,
    /// Applied credit; 0 where the source states none.
    pub statement: D12,
    /// Ours minus the statement's.
    pub difference: D12,
    /// The first cause that applies.
    pub cause: Cause,
}

/// Compares the expected credit of a charge with the applied; `None` where they are equal.
/// # Errors
/// [`TooLarge`] when the difference does not fit.
pub fn charge_difference(charge: &Settled) -> Result<Option<ChargeDifference>, TooLarge> {
    let ours = charge.credit_billing;
    let statement = charge.applied_billing.filter(|_| charge.applied.is_some()).unwrap_or_default();
    let difference = D12(sum(ours.0, statement.0.saturating_neg())?);
    if difference.0 == 0 {
        return Ok(None);
    }
    Ok(Some(ChargeDifference { ours, statement, difference, cause: cause(charge, difference)? }))
}

/// The order of judgement: nothing known, no statement, flag false, flag true and no access, rate, rounding, base.
fn cause(charge: &Settled, difference: D12) -> Result<Cause, TooLarge> {
    if charge.evidence == Evidence::BeforeFirstRecord {
        return Ok(Cause::BeforeFirstRecord);
    }
    Ok(match charge.applied {
        None if charge.invoiced => Cause::MissingInStatement,
        None => Cause::UnbilledYet,
        Some(false) => unflagged(charge),
        Some(true) if charge.outcome != Outcome::Covered => Cause::UnexpectedCredit,
        Some(true) if stated_at_another_rate(charge)? => Cause::Rate,
        Some(true) if difference.0.unsigned_abs() < CHARGE_ROUNDING.0.unsigned_abs() => Cause::Rounding,
        // At equal rates only the base can differ: `credit_base = "net"` against Microsoft's list price.
        Some(true) => Cause::PriceAdjustment,
    })
}

/// The flag says no. The price may still hold our credit, or lie so far below it that another adjustment took its place.
fn unflagged(charge: &Settled) -> Cause {
    let (Some(rate), Some(implied)) = (charge.rate, charge.implied_pricing) else { return Cause::MissingCredit };
    if implies_rate(charge.list_cost, implied, rate, PRICED_MARGIN) {
        return Cause::PricedNotFlagged;
    }
    let same_sign = (implied.0 < 0) == (charge.credit_pricing.0 < 0);
    let beyond = same_sign && implied.0.unsigned_abs() > charge.credit_pricing.0.unsigned_abs();
    if beyond { Cause::PriceAdjustment } else { Cause::MissingCredit }
}

fn stated_at_another_rate(charge: &Settled) -> Result<bool, TooLarge> {
    let (Some(q), Some(p), Some(fx), Some(rate)) = (charge.quantity, charge.list_unit_price, charge.exchange_rate, charge.rate) else {
        return Ok(true);
    };
    Ok(charge.applied_billing != Some(product(&[q, p, rate, fx])?))
}
