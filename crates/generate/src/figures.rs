//! The numbers of a block, and what a run must compute from them.

use crate::block::Scene;
use crate::catalog::CURRENCIES;
use crate::incident::Outcome;
use crate::money::{self, AMOUNT, COST, CREDIT, EFFECTIVE, EXCHANGE, PRICE, QUANTITY, RATE};
use crate::plan::Cell;
use crate::sheet::{Numbers, Sheet};
use crate::stream::{Class, Stream};
use crate::truth::Tally;

/// What else is known of the rows.
pub(crate) struct Figures {
    /// Whether Microsoft applied the credit.
    pub applied: Vec<bool>,
    pub tally: Tally,
}

/// The columns of numbers in the making.
struct Columns {
    quantity: Numbers,
    price: Numbers,
    unit_price: Numbers,
    effective: Numbers,
    cost: Numbers,
    cost_billing: Numbers,
    cost_usd: Numbers,
    list: Numbers,
    list_billing: Numbers,
    exchange: Numbers,
    rate: Numbers,
}

/// Worth of a US dollar in a month, units of 10^-10; it moves a little every month.
pub(crate) fn exchange(scene: &Scene<'_>, currency: usize) -> i64 {
    let base = CURRENCIES[currency].1;
    if currency + 1 == CURRENCIES.len() {
        return base;
    }
    base + (scene.world.dice.of("exchange").at2(scene.block.month.first as u64, currency as u64) % 300_000_000) as i64 - 150_000_000
}

/// Fills the columns of numbers.
pub(crate) fn make(scene: &Scene<'_>, double: bool, sheet: &mut Sheet) -> Figures {
    let rows = sheet.rows;
    let numbers = |scale, places| Numbers::new(scale, places, double, rows);
    let mut columns = Columns {
        quantity: numbers(QUANTITY, 18),
        price: numbers(PRICE, 18),
        unit_price: numbers(PRICE, 18),
        effective: numbers(EFFECTIVE, 18),
        cost: numbers(COST, 22),
        cost_billing: numbers(COST, 22),
        cost_usd: numbers(COST, 22),
        list: numbers(COST, 22),
        list_billing: numbers(COST, 22),
        exchange: numbers(EXCHANGE, 18),
        rate: numbers(RATE, 18),
    };
    let mut figures = Figures { applied: Vec::with_capacity(rows), tally: Tally::new(scene.plan.incidents.len()) };
    let streams: Vec<(&Stream, usize, i64, i64)> =
        scene.streams.iter().map(|s| (s, scene.currency(s), exchange(scene, scene.currency(s)), s.net_price())).collect();
    let days_of_month = i64::from(scene.block.month.last - scene.block.month.first + 1);
    for day in scene.block.days.clone() {
        let since_first = day - scene.world.first;
        let is_known = since_first >= scene.world.known_from();
        for (stream, currency, exchange, net_price) in &streams {
            let cell = scene.plan.courses[stream.subscription].cell(stream.group, since_first);
            let quantity = stream.quantity(day, days_of_month);
            let applied = stream.class == Class::Usage && cell.outcome == Outcome::Covered && !stream.forgotten(day);
            let effective = if applied { stream.price * (100 - CREDIT) } else { *net_price };
            columns.push(quantity, stream.price, effective, *exchange, applied);
            figures.applied.push(applied);
            count(&mut figures.tally, stream, cell, is_known, (quantity, *currency, *exchange, applied));
        }
    }
    columns.fill(sheet);
    figures
}

/// What a run must make of the row (R-OUTCOME, R-MONEY).
fn count(tally: &mut Tally, stream: &Stream, cell: Cell, is_known: bool, (quantity, currency, exchange, applied): (i64, usize, i64, bool)) {
    let list = i128::from(quantity) * i128::from(stream.price);
    tally.list_cost[currency] += money::round(list, QUANTITY + PRICE - AMOUNT);
    let outcome = match stream.class {
        Class::Purchase | Class::Rounding => Outcome::NotUsage,
        Class::RateZero => Outcome::RateZero,
        Class::Usage => cell.outcome,
        _ => Outcome::ProductExcluded,
    };
    if stream.class != Class::Usage {
        tally.outcomes[outcome as usize][0] += 1;
        tally.classes[stream.class as usize] += 1;
        return;
    }
    let needs_knowledge = matches!(outcome, Outcome::NoAccess | Outcome::RoleNotEarning | Outcome::NotLinked | Outcome::Gap);
    let is_unknown = needs_knowledge && !is_known;
    tally.outcomes[outcome as usize][usize::from(is_unknown)] += 1;
    tally.incidents[usize::from(cell.incident)] += 1;
    let credit = money::round(list * i128::from(CREDIT) * i128::from(exchange), QUANTITY + PRICE + RATE + EXCHANGE - AMOUNT);
    match outcome {
        Outcome::Covered => tally.credit[currency] += credit,
        _ if is_unknown => {}
        _ => tally.missed[currency] += credit,
    }
    if applied {
        tally.applied[currency] += credit;
    }
}

impl Columns {
    #[inline]
    fn push(&mut self, quantity: i64, price: i64, effective: i64, exchange: i64, applied: bool) {
        let list = i128::from(quantity) * i128::from(price) * 100; // 10^-22
        let cost = i128::from(quantity) * i128::from(effective); // 10^-22
        let is_same = exchange == 10_000_000_000;
        let in_billing = |amount: i128| if is_same { amount } else { money::round(amount * i128::from(exchange), EXCHANGE) };
        self.quantity.push(quantity.into());
        self.price.push(price.into());
        self.unit_price.push(price.into());
        self.effective.push(effective.into());
        self.cost.push(cost);
        self.cost_usd.push(cost);
        self.cost_billing.push(in_billing(cost));
        self.list.push(list);
        self.list_billing.push(in_billing(list));
        self.exchange.push(exchange.into());
        self.rate.push(if applied { CREDIT.into() } else { 0 });
    }

    fn fill(self, sheet: &mut Sheet) {
        sheet.put("quantity", self.quantity.into_cells());
        sheet.put("PayGPrice", self.price.into_cells());
        sheet.put("unitPrice", self.unit_price.into_cells());
        sheet.put("effectivePrice", self.effective.into_cells());
        sheet.put("costInPricingCurrency", self.cost.into_cells());
        sheet.put("costInBillingCurrency", self.cost_billing.into_cells());
        sheet.put("costInUsd", self.cost_usd.into_cells());
        sheet.put("paygCostInUsd", self.list.into_cells());
        sheet.put("paygCostInBillingCurrency", self.list_billing.into_cells());
        sheet.put("exchangeRatePricingToBilling", self.exchange.into_cells());
        sheet.put("partnerEarnedCreditRate", self.rate.into_cells());
    }
}
