//! The amounts of one credit line (R-MONEY, details 2, 6, 30, 31).

use std::cmp::Ordering;

use crate::charge::{Amounts, Numbers, Outcome};
use crate::money::{D12, D22, ONE, TooLarge, amount_product_less, compare_magnitudes, grossed_up_product, product, product_less};
use crate::rules::CreditBase;

/// An amount that does not fit decimal(38,12): the row is a rejection (details 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountFault {
    /// The output column it would have stood in.
    pub column: &'static str,
}

fn fits(column: &'static str, amount: Result<D12, TooLarge>) -> Result<D12, AmountFault> {
    amount.map_err(|TooLarge| AmountFault { column })
}

/// Computes every amount of a charge. `rate` is ours, `None` for rows that are not usage.
/// # Errors
/// [`AmountFault`], tested for every amount whatever the outcome.
pub fn amounts(numbers: &Numbers, rate: Option<D22>, outcome: Outcome, base: CreditBase) -> Result<Amounts, AmountFault> {
    let list_cost = match (numbers.quantity, numbers.list_unit_price) {
        (Some(q), Some(p)) => fits("list_cost", product(&[q, p]))?,
        _ => D12(0),
    };
    let (pricing, billing) = match rate {
        Some(rate) => would_be_credits(numbers, rate, base)?,
        None => (D12(0), D12(0)),
    };
    let covered = outcome == Outcome::Covered;
    let pick = |earned: bool, amount: D12| if earned { amount } else { D12(0) };
    Ok(Amounts {
        list_cost,
        credit_pricing: pick(covered, pricing),
        credit_billing: pick(covered, billing),
        missed_billing: pick(outcome.is_missed(), billing),
        applied_billing: applied(numbers, rate)?,
        implied_pricing: implied(numbers)?,
    })
}

/// What `covered` gives: credit in pricing and in billing currency (R-MONEY-2).
fn would_be_credits(numbers: &Numbers, rate: D22, base: CreditBase) -> Result<(D12, D12), AmountFault> {
    let (Some(q), Some(p), Some(fx)) = (numbers.quantity, numbers.list_unit_price, numbers.exchange_rate) else {
        // Readers reject such rows (details 5, 6): a credit of 0 here would be wrong money.
        panic!("a usage row without quantity, price or exchange rate reached the money");
    };
    match net_base(numbers, rate, q, p, base) {
        Base::List => Ok((fits("credit_pricing", product(&[q, p, rate]))?, fits("credit_billing", product(&[q, p, rate, fx]))?)),
        Base::Net(net) => Ok((fits("credit_pricing", product(&[net, rate]))?, fits("credit_billing", product(&[net, rate, fx]))?)),
        Base::GrossedUp { net, stated } => {
            Ok((fits("credit_pricing", grossed_up_product(net, stated, &[rate]))?, fits("credit_billing", grossed_up_product(net, stated, &[rate, fx]))?))
        }
    }
}

/// What the rate is applied to (R-MONEY-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Quantity × list unit price.
    List,
    /// The net cost as it is.
    Net(D22),
    /// Net cost ÷ (1 − stated rate).
    GrossedUp {
        /// Net cost.
        net: D22,
        /// The rate already taken off it.
        stated: D22,
    },
}

/// The base of a charge's credit under `credit_base`; `None` without quantity or price.
pub fn base_of(numbers: &Numbers, rate: D22, base: CreditBase) -> Option<Base> {
    Some(net_base(numbers, rate, numbers.quantity?, numbers.list_unit_price?, base))
}

/// Which base the rate is applied to under `credit_base` (R-MONEY-2, details 30).
fn net_base(numbers: &Numbers, rate: D22, q: D22, p: D22, base: CreditBase) -> Base {
    let Some(net) = numbers.net_cost.filter(|_| base == CreditBase::Net) else { return Base::List };
    if numbers.applied == Some(true) {
        let stated = numbers.stated_rate.unwrap_or(rate);
        return if stated == ONE { Base::List } else { Base::GrossedUp { net, stated } };
    }
    let list_negative = (q.0 < 0) != (p.0 < 0);
    match compare_magnitudes(q, p, net) {
        Ordering::Less => Base::List,
        Ordering::Greater => Base::Net(net),
        // Of equal magnitudes the negative one: against credit.
        Ordering::Equal if list_negative => Base::List,
        Ordering::Equal => Base::Net(net),
    }
}

/// What Microsoft's flag says was applied (details 31).
fn applied(numbers: &Numbers, rate: Option<D22>) -> Result<Option<D12>, AmountFault> {
    let Some(flag) = numbers.applied else { return Ok(None) };
    let (true, Some(q), Some(p), Some(fx)) = (flag, numbers.quantity, numbers.list_unit_price, numbers.exchange_rate) else {
        return Ok(Some(D12(0)));
    };
    let rate = numbers.stated_rate.or(rate).unwrap_or(D22(0));
    fits("applied_credit_billing", product(&[q, p, rate, fx])).map(Some)
}

/// What the price implies: quantity × list unit price − net cost (R-MONEY-5).
fn implied(numbers: &Numbers) -> Result<Option<D12>, AmountFault> {
    let (Some(q), Some(p), Some(net)) = (numbers.quantity, numbers.list_unit_price, numbers.net_cost) else { return Ok(None) };
    fits("implied_credit_pricing", product_less(q, p, net)).map(Some)
}

/// How far the net cost lies below list cost × (1 − rate), pricing currency; `None` where it does not (`price_adjusted`, R-MONEY-2).
pub fn price_adjustment(list_cost: D12, rate: D22, net_cost: D22) -> Option<D12> {
    let rest = D22(ONE.0.saturating_sub(rate.0));
    let adjustment = amount_product_less(list_cost, rest, net_cost).ok()?;
    (adjustment.0 > 0).then_some(adjustment)
}
