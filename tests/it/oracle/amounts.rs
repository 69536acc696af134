//! Money as fractions of big integers (R-MONEY, details 29-31): nothing here has a fast path.

use num_bigint::BigInt;
use pecan_core::charge::{Numbers, Outcome};
use pecan_core::money::D22;
use pecan_core::rules::{CreditBase, Rules};

/// An exact fraction; the denominator is positive.
#[derive(Debug, Clone)]
struct Fraction {
    over: BigInt,
    under: BigInt,
}

fn ten_to(places: u32) -> BigInt {
    BigInt::from(10).pow(places)
}

fn magnitude(n: &BigInt) -> BigInt {
    if *n < BigInt::from(0) { -n } else { n.clone() }
}

impl Fraction {
    fn of(operand: D22) -> Fraction {
        Fraction { over: BigInt::from(operand.0), under: ten_to(22) }
    }

    fn zero() -> Fraction {
        Fraction { over: BigInt::from(0), under: BigInt::from(1) }
    }

    fn times(&self, other: &Fraction) -> Fraction {
        Fraction { over: &self.over * &other.over, under: &self.under * &other.under }
    }

    fn minus(&self, other: &Fraction) -> Fraction {
        Fraction { over: &self.over * &other.under - &other.over * &self.under, under: &self.under * &other.under }
    }

    /// Only for positive divisors.
    fn divided_by(&self, other: &Fraction) -> Fraction {
        Fraction { over: &self.over * &other.under, under: &self.under * &other.over }
    }

    fn smaller_in_magnitude_than(&self, other: &Fraction) -> bool {
        magnitude(&self.over) * &other.under < magnitude(&other.over) * &self.under
    }

    fn is_positive(&self) -> bool {
        self.over > BigInt::from(0)
    }

    /// At 12 places, half to even; `Err` if it does not fit decimal(38,12).
    fn rounded(&self) -> Result<i128, TooLarge> {
        let scaled = magnitude(&self.over) * ten_to(12);
        let whole = &scaled / &self.under;
        let double = (&scaled - &whole * &self.under) * 2;
        let odd = &whole % 2 == BigInt::from(1);
        let up = double > self.under || (double == self.under && odd);
        let amount = if up { whole + 1 } else { whole };
        if amount >= ten_to(38) {
            return Err(TooLarge);
        }
        let amount = i128::try_from(amount).map_err(|_| TooLarge)?;
        Ok(if self.over < BigInt::from(0) { -amount } else { amount })
    }
}

/// Some amount of the charge does not fit: the row is a rejection (details 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// The amounts of a credit line at 12 places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub list_cost: i128,
    pub credit_pricing: i128,
    pub credit_billing: i128,
    pub missed_billing: i128,
    pub applied_billing: Option<i128>,
    pub implied_pricing: Option<i128>,
}

/// What the rate is applied to (R-MONEY-2, details 30).
fn base(rules: &Rules, numbers: &Numbers, list: &Fraction, rate: D22) -> Fraction {
    let (CreditBase::Net, Some(net)) = (rules.credit_base, numbers.net_cost) else { return list.clone() };
    let net = Fraction::of(net);
    if numbers.applied == Some(true) {
        let stated = Fraction::of(numbers.stated_rate.unwrap_or(rate));
        let rest = Fraction { over: BigInt::from(1), under: BigInt::from(1) }.minus(&stated);
        return if rest.is_positive() { net.divided_by(&rest) } else { list.clone() };
    }
    // Equal magnitudes of opposite signs: the documents are silent; against credit, the lower.
    let tie = !net.smaller_in_magnitude_than(list) && !list.smaller_in_magnitude_than(&net);
    let lower = if list.minus(&net).is_positive() { net.clone() } else { list.clone() };
    match tie {
        true => lower,
        false if net.smaller_in_magnitude_than(list) => net,
        false => list.clone(),
    }
}

/// All amounts of a charge with the rate that is ours (`None`: not usage) and its outcome.
pub fn money(rules: &Rules, numbers: &Numbers, rate: Option<D22>, outcome: Outcome) -> Result<Money, TooLarge> {
    let factor = |operand: Option<D22>| operand.map(Fraction::of);
    let list = match (factor(numbers.quantity), factor(numbers.list_unit_price)) {
        (Some(quantity), Some(price)) => Some(quantity.times(&price)),
        _ => None,
    };
    let list_or_zero = list.clone().unwrap_or_else(Fraction::zero);
    let exchange = factor(numbers.exchange_rate);
    let (mut pricing, mut billing) = (0, 0);
    if let Some(rate) = rate {
        let credit = base(rules, numbers, &list_or_zero, rate).times(&Fraction::of(rate));
        pricing = credit.rounded()?;
        billing = credit.times(&exchange.clone().unwrap_or_else(Fraction::zero)).rounded()?;
    }
    let applied_billing = match numbers.applied {
        None => None,
        Some(false) => Some(0),
        Some(true) => Some(match (&list, &exchange, factor(numbers.stated_rate.or(rate))) {
            (Some(list), Some(exchange), Some(rate)) => list.times(&rate).times(exchange).rounded()?,
            _ => 0,
        }),
    };
    let implied_pricing = match (&list, factor(numbers.net_cost)) {
        (Some(list), Some(net)) => Some(list.minus(&net).rounded()?),
        _ => None,
    };
    let list_cost = list_or_zero.rounded()?;
    let covered = outcome == Outcome::Covered;
    let missed = outcome >= Outcome::PartnerUnknown && outcome <= Outcome::Gap;
    Ok(Money {
        list_cost,
        credit_pricing: if covered { pricing } else { 0 },
        credit_billing: if covered { billing } else { 0 },
        missed_billing: if missed { billing } else { 0 },
        applied_billing,
        implied_pricing,
    })
}
