//! The naive twin: walks all rows for each key, without maps, in plain integers.

use super::world::{PlainCharge, PlainRow};

/// Product, with credit: (ours, the statement's) in cents.
pub type Amounts = Vec<((usize, bool), (i128, i128))>;

/// What each side says a key costs, for every key of either side.
pub fn amounts(charges: &[PlainCharge], rows: &[PlainRow]) -> Amounts {
    let mut found: Amounts = Vec::new();
    let products = charges.iter().map(|c| c.product).chain(rows.iter().map(|r| r.product)).max().map_or(0, |most| most + 1);
    for product in 0..products {
        for with_credit in [false, true] {
            let ours = expected(charges, product, with_credit);
            let statement = rows.iter().filter(|r| r.product == product && r.with_credit == with_credit).map(PlainRow::cents).sum();
            found.push(((product, with_credit), (ours, statement)));
        }
    }
    found
}

/// One line a meter: price less our rate where covered, truncated twice.
fn expected(charges: &[PlainCharge], product: usize, with_credit: bool) -> i128 {
    let mut cents = 0;
    for meter in 0..100 {
        let line: Vec<&PlainCharge> = charges.iter().filter(|c| c.product == product && c.meter == meter && c.covered == with_credit).collect();
        // 4 + 6 + 2 places.
        let net: i128 = line.iter().map(|c| c.quantity * c.price * (if with_credit { 100 - c.our_rate } else { 100 })).sum();
        let exchange = line.first().map_or(0, |c| c.exchange);
        cents += net / 10i128.pow(10) * exchange / 1_000_000_000;
    }
    cents
}

/// Expected less applied credit of one charge: list cost at 10 places times percent times exchange rate, times 10^9, not rounded.
pub fn charge_difference(charge: &PlainCharge) -> i128 {
    let ours = if charge.covered { charge.our_rate } else { 0 };
    let applied = if charge.flag == Some(true) { charge.stated_rate } else { 0 };
    charge.quantity * charge.price * (ours - applied) * charge.exchange
}
