//! Random months: what is planted is found with its cause, and nothing else (R-MONTH-3, R-MONTH-4).

use std::collections::{BTreeMap, BTreeSet};

use super::twin;
use super::world::{Dice, PlainCharge, PlainRow, currency, invoice_of, quiet_charge, quiet_month};
use crate::money::{D12, D22, ONE};
use crate::reconcile::{Books, Cause, Gathered, OurCharge, Reconciled, charge_difference};
use crate::rules::MonthRules;
use crate::statement::{InvoiceRow, LineKey, RowKind};

const CENT: i128 = 10_000_000_000;

/// What is planted in one product: causes that must appear at each grain.
#[derive(Debug, Clone, Copy)]
struct Planted {
    charge: Option<Cause>,
    line: Option<Cause>,
}

struct Month {
    charges: Vec<PlainCharge>,
    rows: Vec<PlainRow>,
    planted: BTreeMap<usize, Planted>,
    rounding_rows: Vec<(i128, i128)>,
    with_availability: bool,
}

/// Plants by changing one charge before the invoice is made from them; `size` in cents of credit.
fn plant_in_charges(kind: u64, at: usize, charges: &mut [PlainCharge]) -> Planted {
    let both = |cause| Planted { charge: Some(cause), line: Some(cause) };
    let charge = &mut charges[at];
    match kind {
        0 => {
            (charge.covered, charge.flag, charge.stated_rate, charge.taken) = (true, Some(false), 0, 0);
            both(Cause::MissingCredit)
        }
        1 => {
            (charge.covered, charge.flag, charge.stated_rate, charge.taken) = (false, Some(true), 15, 1_500);
            both(Cause::UnexpectedCredit)
        }
        2 => {
            (charge.covered, charge.flag, charge.stated_rate, charge.taken) = (true, Some(false), 0, 1_500);
            both(Cause::PricedNotFlagged)
        }
        3 => {
            (charge.covered, charge.flag, charge.stated_rate, charge.taken) = (true, Some(true), 10, 1_000);
            both(Cause::Rate)
        }
        4 => {
            (charge.covered, charge.flag, charge.stated_rate, charge.taken) = (true, Some(false), 0, 5_000);
            both(Cause::PriceAdjustment)
        }
        5 => {
            (charge.covered, charge.flag, charge.stated_rate, charge.taken) = (true, Some(true), 15, 2_350);
            Planted { charge: None, line: Some(Cause::PriceAdjustment) }
        }
        _ => {
            (charge.covered, charge.known, charge.flag, charge.stated_rate, charge.taken) = (false, false, Some(true), 15, 1_500);
            both(Cause::BeforeFirstRecord)
        }
    }
}

/// Plants by changing the invoice; `size` in cents. `None`: this product has no row to change.
fn plant_in_rows(kind: u64, product: usize, size: i128, charges: &mut [PlainCharge], rows: &mut Vec<PlainRow>) -> Option<Planted> {
    let line = |cause| Some(Planted { charge: None, line: Some(cause) });
    let place = rows.iter().position(|r| r.product == product && r.quantity > 0)?;
    match kind {
        7 => {
            let row = &mut rows[place];
            // As many units as move the line by `size` and one cent more, whatever truncation takes away.
            let per_unit = row.effective * row.exchange / 1_000_000_000;
            row.quantity += (size + 3) * 10i128.pow(12) / per_unit + 1;
            line(Cause::Quantity)
        }
        8 => {
            let row = &mut rows[place];
            row.effective += (size + 3) * 10i128.pow(12) / row.quantity * 1_000_000_000 / row.exchange + 1;
            line(Cause::Price)
        }
        9 => {
            rows.retain(|r| r.product != product);
            line(Cause::MissingInStatement)
        }
        10 => {
            // The flags say yes, the invoice says no.
            let all =
                |pair: Option<u64>| rows.iter().filter(|r| r.product == product && pair.is_none_or(|p| r.meter / 2 == p)).map(|r| r.quantity).sum::<i128>();
            let at = rows.iter().position(|r| r.product == product && r.quantity > 0 && r.with_credit && all(None) > 0 && all(Some(r.meter / 2)) > 0)?;
            let row = &mut rows[at];
            (row.effective, row.with_credit, row.credit_rate) = (row.price * 10_000, false, None);
            line(Cause::MissingCredit)
        }
        11 => {
            let row = &mut rows[place];
            row.subtotal = Some(row.by_formula() + 1);
            line(Cause::Rounding)
        }
        12 => {
            let row = &mut rows[place];
            // Beyond the bound of rounding of at most four meters, each with credit and without.
            row.subtotal = Some(row.by_formula() + size + 8 * 2);
            line(Cause::Price)
        }
        _ => {
            rows.retain(|r| r.product != product);
            charges.iter_mut().filter(|c| c.product == product).for_each(|c| c.invoiced = false);
            line(Cause::UnbilledYet)
        }
    }
}

fn month(seed: u64) -> Month {
    let mut dice = Dice(seed);
    let mut charges = quiet_month(&mut dice);
    let mut planted = BTreeMap::new();
    let products: BTreeSet<usize> = charges.iter().map(|c| c.product).collect();
    let size = [1, 1, 2, 17, 1_234, 9_999_999][dice.roll(6) as usize];
    let mut later = Vec::new();
    for product in products {
        match dice.roll(20) {
            kind @ 0..=6 => {
                // A charge of its own, whose credit is `size` cents or a little more.
                let model = charges.iter().find(|c| c.product == product).expect("a product has charges").clone();
                let mut charge = quiet_charge(product, model.meter, model.price, model.exchange, &mut dice);
                charge.quantity = size * 10i128.pow(10) * 10 / (15 * model.price) + 1;
                charges.push(charge);
                let at = charges.len() - 1;
                planted.insert(product, plant_in_charges(kind, at, &mut charges));
            }
            kind @ 7..=13 => later.push((product, kind)),
            14 => later.push((product, 14)),
            _ => {}
        }
    }
    let mut rows = invoice_of(&charges);
    for (product, kind) in later {
        if kind == 14 {
            // A product that only the invoice knows.
            let only = PlainRow {
                product: 50 + product,
                meter: 0,
                quantity: 10_000,
                price: 0,
                effective: size * 10i128.pow(8),
                exchange: 1_000_000_000,
                with_credit: false,
                credit_rate: None,
                adjusted: false,
                subtotal: None,
            };
            rows.push(only);
            planted.insert(50 + product, Planted { charge: None, line: Some(Cause::MissingInOurs) });
        } else if let Some(found) = plant_in_rows(kind, product, size, &mut charges, &mut rows) {
            planted.insert(product, found);
        }
    }
    let rounding_rows = (0..dice.roll(3)).map(|_| (i128::from(dice.roll(5)) - 2, i128::from(dice.roll(5)) - 2)).collect();
    Month { charges, rows, planted, rounding_rows, with_availability: dice.roll(2) == 0 }
}

fn rounding_pair(ours: i128, statement: i128, model: &PlainCharge) -> (OurCharge, InvoiceRow) {
    let mut charge = model.charge(true);
    charge.kind = RowKind::RoundingAdjustment;
    charge.key = LineKey::new("USD", [None; 5]);
    charge.settled.list_cost = D12(ours * CENT);
    charge.settled.implied_pricing = None;
    charge.settled.exchange_rate = None;
    let mut row = PlainRow {
        product: 0,
        meter: 0,
        quantity: 0,
        price: 0,
        effective: 0,
        exchange: 1_000_000_000,
        with_credit: false,
        credit_rate: None,
        adjusted: false,
        subtotal: Some(statement),
    }
    .row();
    row.kind = RowKind::RoundingAdjustment;
    row.key = LineKey::new("USD", [None; 5]);
    (charge, row)
}

fn compare(month: &Month, dice: &mut Dice) -> Reconciled {
    let mut charges: Vec<OurCharge> = month.charges.iter().map(|c| c.charge(month.with_availability)).collect();
    let mut rows: Vec<InvoiceRow> = month.rows.iter().map(PlainRow::row).collect();
    for (ours, statement) in &month.rounding_rows {
        let (charge, row) = rounding_pair(*ours, *statement, &month.charges[0]);
        charges.push(charge);
        rows.push(row);
    }
    dice.shuffle(&mut charges);
    dice.shuffle(&mut rows);
    let mut books = Books::new(MonthRules::default());
    rows.iter().for_each(|row| books.add_row(row).expect("fits"));
    charges.iter().for_each(|charge| books.add_charge(charge).expect("fits"));
    let found = books.compare().expect("fits");
    assert_eq!(found, gathered(&charges, &rows, dice.roll(3) as usize + 1), "gathered beforehand, or one by one");
    found
}

/// The same month with its usage charges added up in parts beforehand.
fn gathered(charges: &[OurCharge], rows: &[InvoiceRow], parts: usize) -> Reconciled {
    let mut books = Books::new(MonthRules::default());
    for part in charges.chunks(charges.len().div_ceil(parts).max(1)) {
        let mut sums: BTreeMap<(&LineKey, Option<&str>, D22), Gathered> = BTreeMap::new();
        for charge in part {
            if charge.kind == RowKind::Usage {
                let place = (&charge.key, charge.meter_id.as_deref(), charge.settled.exchange_rate.unwrap_or(ONE));
                sums.entry(place).or_default().add(&charge.settled).expect("fits");
            } else {
                books.add_charge(charge).expect("fits");
            }
        }
        sums.iter().for_each(|((key, meter, exchange_rate), sum)| books.add_gathered(key, *meter, *exchange_rate, sum).expect("fits"));
    }
    rows.iter().for_each(|row| books.add_row(row).expect("fits"));
    books.compare().expect("fits")
}

fn product_of(key: &LineKey) -> usize {
    key.product_id.as_deref().and_then(|id| id.strip_prefix("product")).and_then(|id| id.parse().ok()).expect("a product of ours")
}

/// Charges: difference and cause of every one.
fn check_charges(seed: u64, month: &Month, seen: &mut BTreeMap<&'static str, u64>) {
    for charge in &month.charges {
        let found = charge_difference(&charge.charge(false).settled).expect("fits");
        let exact = twin::charge_difference(charge);
        let difference = found.map_or(0, |d| d.difference.0);
        assert!((difference * 1_000_000_000 - exact).abs() <= 2_000_000_000, "seed {seed}: {charge:?}: {difference} is not {exact}");
        let causes = month.planted.get(&charge.product).and_then(|p| p.charge);
        if let Some(found) = found {
            assert_eq!(Some(found.cause), causes, "seed {seed}: {charge:?}");
            *seen.entry(found.cause.word()).or_default() += 1;
        } else {
            assert_eq!(exact, 0, "seed {seed}: {charge:?} was not found");
        }
    }
}

/// Lines: the sum of each line is the naive one; the cause is the planted one, or what truncation leaves beside it.
fn check_lines(seed: u64, month: &Month, found: &Reconciled, seen: &mut BTreeMap<&'static str, u64>) {
    let mut net_of_keys: BTreeMap<(usize, bool), i128> = BTreeMap::new();
    let mut causes: BTreeMap<usize, BTreeSet<Cause>> = BTreeMap::new();
    let mut rounding: BTreeMap<usize, i128> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for line in &found.lines {
        let product = product_of(&line.key);
        assert!(keys.insert((line.key.clone(), line.with_credit, line.cause)), "seed {seed}: twice {line:?}");
        assert_eq!(line.difference.0, line.ours.0 - line.statement.0, "seed {seed}");
        assert_ne!(line.difference, D12(0), "seed {seed}");
        let only_theirs = month.planted.get(&product).is_some_and(|p| p.line == Some(Cause::MissingInOurs));
        assert_eq!(line.key.availability_id.is_some(), month.with_availability || only_theirs, "seed {seed} {line:?}");
        *net_of_keys.entry((product, line.with_credit)).or_default() += line.difference.0;
        causes.entry(product).or_default().insert(line.cause);
        if line.cause == Cause::Rounding {
            *rounding.entry(product).or_default() += line.difference.0.abs();
        }
    }
    for (key, (ours, statement)) in twin::amounts(&month.charges, &month.rows) {
        let found = net_of_keys.get(&key).copied().unwrap_or_default();
        assert_eq!(found, (ours - statement) * CENT, "seed {seed} {key:?}: found against naive {ours} and {statement}");
        let differs = ours != statement;
        let planted = month.planted.get(&key.0).and_then(|p| p.line);
        assert!(!differs || planted.is_some(), "seed {seed} {key:?}: invented");
        if differs {
            let causes = &causes[&key.0];
            let planted = planted.expect("just checked");
            assert!(causes.contains(&planted), "seed {seed} {key:?}: {causes:?} without {planted:?}");
            assert!(causes.iter().all(|c| *c == planted || *c == Cause::Rounding), "seed {seed} {key:?}: {causes:?} beside {planted:?}");
            *seen.entry(planted.word()).or_default() += 1;
        }
    }
    for (product, amount) in rounding {
        assert!(amount <= 8 * 2 * CENT, "seed {seed} product {product}: rounding of {}", D12(amount));
    }
}

/// R-MONTH-4, from plain integers.
fn check_totals(seed: u64, month: &Month, found: &Reconciled) {
    let mut wanted: BTreeMap<&str, i128> = BTreeMap::new();
    for ((product, _), (ours, statement)) in twin::amounts(&month.charges, &month.rows) {
        let exchange =
            month.charges.iter().map(|c| (c.product, c.exchange)).chain(month.rows.iter().map(|r| (r.product, r.exchange))).find(|(p, _)| *p == product);
        if let Some((_, exchange)) = exchange {
            *wanted.entry(currency(exchange)).or_default() += (ours - statement) * CENT;
        }
    }
    for (currency, wanted) in &wanted {
        let lines: i128 = found.lines.iter().filter(|l| l.key.currency == **currency).map(|l| l.difference.0).sum();
        assert_eq!(lines, *wanted, "seed {seed} {currency}: lines");
    }
    *wanted.entry("USD").or_default() += month.rounding_rows.iter().map(|(ours, statement)| (ours - statement) * CENT).sum::<i128>();
    for (currency, wanted) in &wanted {
        let invoices: i128 = found.invoices.iter().filter(|i| i.currency == **currency).map(|i| i.difference.0).sum();
        assert_eq!(invoices, *wanted, "seed {seed} {currency}: invoice");
    }
    assert!(found.invoices.iter().all(|i| i.difference.0 == i.ours.0 - i.statement.0 && i.difference.0 != 0), "seed {seed}");
}

#[test]
fn a_thousand_months_with_planted_differences() {
    let (mut by_charge, mut by_line) = (BTreeMap::new(), BTreeMap::new());
    for seed in 0..1_000 {
        let month = month(seed);
        let found = compare(&month, &mut Dice(seed));
        check_charges(seed, &month, &mut by_charge);
        check_lines(seed, &month, &found, &mut by_line);
        check_totals(seed, &month, &found);
        assert_eq!(found, compare(&month, &mut Dice(seed + 7_777)), "seed {seed}: order matters");
    }
    println!("charges {by_charge:?}\nlines {by_line:?}");
    for cause in Cause::ALL {
        assert!(by_line.get(cause.word()).is_some_and(|count| *count > 20), "{cause:?} was hardly planted: {by_line:?}");
    }
}

/// Two causes in one product: both are told apart to the last digit before truncation, and no other appears.
#[test]
fn causes_that_share_a_line_are_told_apart() {
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let mut charges = quiet_month(&mut dice);
        charges.iter_mut().for_each(|c| c.exchange = 1_000_000_000);
        let mut wanted: BTreeMap<usize, BTreeMap<Cause, i128>> = BTreeMap::new();
        for product in charges.iter().map(|c| c.product).collect::<BTreeSet<_>>() {
            for _ in 0..2 {
                let model = charges.iter().find(|c| c.product == product).expect("a product has charges").clone();
                let mut charge = quiet_charge(product, model.meter, model.price, model.exchange, &mut dice);
                charge.quantity = 100_000 + i128::from(dice.roll(90_000));
                let last = charges.len();
                charges.push(charge);
                let cause = plant_in_charges(dice.roll(7), last, &mut charges).line.expect("a cause");
                let charge = &charges[last];
                let expected = if charge.covered { 10_000 - charge.our_rate * 100 } else { 10_000 };
                let net = charge.quantity * charge.price * (expected - (10_000 - charge.taken));
                *wanted.entry(product).or_default().entry(cause).or_default() += net / 100;
            }
        }
        let rows = invoice_of(&charges);
        let month = Month { charges, rows, planted: BTreeMap::new(), rounding_rows: Vec::new(), with_availability: false };
        let found = compare(&month, &mut dice);
        for (product, causes) in wanted {
            for cause in Cause::ALL.into_iter().filter(|cause| *cause != Cause::Rounding) {
                let found: i128 = found.lines.iter().filter(|l| product_of(&l.key) == product && l.cause == cause).map(|l| l.difference.0).sum();
                let wanted = causes.get(&cause).copied().unwrap_or_default();
                // The implied credit of each charge is rounded to 12 places.
                assert!((found - wanted).abs() <= 2, "seed {seed} product {product} {cause:?}: {found} is not {wanted}");
            }
        }
    }
}
