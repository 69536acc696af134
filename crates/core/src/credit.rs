//! The amounts of one credit line (R-MONEY, details 2, 6, 30, 31).

use std::cmp::Ordering;

use crate::charge::{Amounts, Numbers, Outcome};
use crate::money::{D12, D22, Factors, ONE, TooLarge, amount_product_less, compare_magnitudes, grossed_up_product, product};
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
    let list = numbers.quantity.zip(numbers.list_unit_price).map(|(q, p)| Factors::of(q).times(p));
    let list_cost = list.map_or(Ok(D12(0)), |list| fits("list_cost", list.amount()))?;
    let credits = rate.map(|rate| would_be_credits(numbers, list, rate, base)).transpose()?.unwrap_or_default();
    let covered = outcome == Outcome::Covered;
    let pick = |earned: bool, amount: D12| if earned { amount } else { D12(0) };
    Ok(Amounts {
        list_cost,
        credit_pricing: pick(covered, credits.pricing),
        credit_billing: pick(covered, credits.billing),
        missed_billing: pick(outcome.is_missed(), credits.billing),
        applied_billing: applied(numbers, list, rate, &credits)?,
        implied_pricing: implied(numbers, list)?,
    })
}

/// What `covered` gives (R-MONEY-2).
#[derive(Default)]
struct Credits {
    pricing: D12,
    billing: D12,
    /// The rate, where the billing amount is list cost × rate × exchange rate.
    at_list: Option<D22>,
}

fn would_be_credits(numbers: &Numbers, list: Option<Factors>, rate: D22, base: CreditBase) -> Result<Credits, AmountFault> {
    let (Some(list), Some(q), Some(p), Some(fx)) = (list, numbers.quantity, numbers.list_unit_price, numbers.exchange_rate) else {
        // Readers reject such rows (details 5, 6): a credit of 0 here would be wrong money.
        panic!("a usage row without quantity, price or exchange rate reached the money");
    };
    let base = net_base(numbers, rate, q, p, base);
    let (pricing, billing) = match base {
        Base::List => {
            let credit = list.times(rate);
            (credit.amount(), credit.times(fx).amount())
        }
        Base::Net(net) => (product(&[net, rate]), product(&[net, rate, fx])),
        Base::GrossedUp { net, stated } => (grossed_up_product(net, stated, &[rate]), grossed_up_product(net, stated, &[rate, fx])),
    };
    let at_list = (base == Base::List).then_some(rate);
    Ok(Credits { pricing: fits("credit_pricing", pricing)?, billing: fits("credit_billing", billing)?, at_list })
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
fn applied(numbers: &Numbers, list: Option<Factors>, rate: Option<D22>, credits: &Credits) -> Result<Option<D12>, AmountFault> {
    let Some(flag) = numbers.applied else { return Ok(None) };
    let (true, Some(list), Some(fx)) = (flag, list, numbers.exchange_rate) else { return Ok(Some(D12(0))) };
    let rate = numbers.stated_rate.or(rate).unwrap_or(D22(0));
    if credits.at_list == Some(rate) {
        return Ok(Some(credits.billing)); // the same product
    }
    fits("applied_credit_billing", list.times(rate).times(fx).amount()).map(Some)
}

/// What the price implies: quantity × list unit price − net cost (R-MONEY-5).
fn implied(numbers: &Numbers, list: Option<Factors>) -> Result<Option<D12>, AmountFault> {
    list.zip(numbers.net_cost).map(|(list, net)| fits("implied_credit_pricing", list.amount_less(net))).transpose()
}

/// How far the net cost lies below list cost × (1 − rate), pricing currency; `None` where it does not (`price_adjusted`, R-MONEY-2).
pub fn price_adjustment(list_cost: D12, rate: D22, net_cost: D22) -> Option<D12> {
    let rest = D22(ONE.0.saturating_sub(rate.0));
    let adjustment = amount_product_less(list_cost, rest, net_cost).ok()?;
    (adjustment.0 > 0).then_some(adjustment)
}
