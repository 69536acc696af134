//! All keys of a month: differences of lines, then of the invoice, and the proof that they add up (R-MONTH-4).

use std::collections::BTreeMap;

use super::books::{Billed, Books, Lines, in_billing};
use super::judge::{Sides, Stated};
use super::line::side;
use super::{Cause, KeyTooLarge, at_key};
use crate::money::{D12, TooLarge, sum};
use crate::statement::LineKey;

/// A difference of one key, by cause: net cost, billing currency. Several of one line add up to the difference of the line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineDifference {
    /// Without availability where one side has none.
    pub key: LineKey,
    /// With or without credit.
    pub with_credit: bool,
    /// Why.
    pub cause: Cause,
    /// What we expect for what this cause is about.
    pub ours: D12,
    /// What the statement says of it.
    pub statement: D12,
    /// Ours minus the statement's, never zero.
    pub difference: D12,
}

/// A difference of the totals of a currency, by cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvoiceDifference {
    /// Billing currency.
    pub currency: String,
    /// Why.
    pub cause: Cause,
    /// Sum over the lines with this cause.
    pub ours: D12,
    /// Sum over the lines with this cause.
    pub statement: D12,
    /// Ours minus the statement's, never zero.
    pub difference: D12,
}

/// Net cost of all lines of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// What we expect to be billed.
    pub ours: D12,
    /// What is billed.
    pub statement: D12,
}

/// Rows that take no part under `statement_rows = "usage"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Apart {
    /// Our charges.
    pub our_rows: u64,
    /// Their net cost.
    pub ours: D12,
    /// Rows of the statement.
    pub statement_rows: u64,
    /// Their net cost.
    pub statement: D12,
}

/// What month end found at the grains of the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// By key, credit and cause.
    pub lines: Vec<LineDifference>,
    /// By currency and cause.
    pub invoices: Vec<InvoiceDifference>,
    /// By currency, of lines alone.
    pub line_totals: BTreeMap<String, Total>,
    /// By currency, rounding adjustments included.
    pub invoice_totals: BTreeMap<String, Total>,
    /// By currency.
    pub apart: BTreeMap<String, Apart>,
}

/// One key of the comparison.
#[derive(Default)]
struct Base<'a> {
    ours: Vec<&'a Lines>,
    billed: [Billed; 2],
}

pub(super) fn compare(books: &Books) -> Result<Reconciled, KeyTooLarge> {
    let mut found = Reconciled { apart: books.apart.clone(), ..Reconciled::default() };
    for (key, base) in &bases(books)? {
        let total = found.line_totals.entry(key.currency.clone()).or_default();
        at_key(key, base.differences(key, total, &mut found.lines))?;
    }
    found.lines.sort();
    found.invoice_totals = found.line_totals.clone();
    let mut by_cause: BTreeMap<(String, Cause), Total> = BTreeMap::new();
    for line in &found.lines {
        let total = by_cause.entry((line.key.currency.clone(), line.cause)).or_default();
        at_key(&line.key, total.add(line.ours, line.statement))?;
    }
    for (currency, (ours, statement)) in &books.rounding {
        let key = of_currency(currency);
        let (ours, statement) = (D12(*ours), D12(*statement));
        at_key(&key, by_cause.entry((currency.clone(), Cause::Rounding)).or_default().add(ours, statement))?;
        at_key(&key, found.invoice_totals.entry(currency.clone()).or_default().add(ours, statement))?;
    }
    for ((currency, cause), total) in by_cause {
        let key = of_currency(&currency);
        let difference = at_key(&key, total.difference())?;
        if difference.0 != 0 {
            found.invoices.push(InvoiceDifference { currency, cause, ours: total.ours, statement: total.statement, difference });
        }
    }
    found.assert_conserved()?;
    Ok(found)
}

/// The keys of both sides; availability stays where all rows of both sides have it.
fn bases(books: &Books) -> Result<BTreeMap<LineKey, Base<'_>>, KeyTooLarge> {
    let mut everywhere: BTreeMap<LineKey, bool> = BTreeMap::new();
    for key in books.ours.keys().chain(books.billed.keys()) {
        let all = everywhere.entry(key.short()).or_insert(true);
        *all &= key.availability_id.is_some();
    }
    let shown = |key: &LineKey| if everywhere.get(&key.short()) == Some(&true) { key.clone() } else { key.short() };
    let mut bases: BTreeMap<LineKey, Base<'_>> = BTreeMap::new();
    for (key, lines) in &books.ours {
        bases.entry(shown(key)).or_default().ours.push(lines);
    }
    for (key, pair) in &books.billed {
        let base = bases.entry(shown(key)).or_default();
        for (into, from) in base.billed.iter_mut().zip(pair) {
            at_key(key, into.merge(from))?;
        }
    }
    Ok(bases)
}

impl Total {
    fn add(&mut self, ours: D12, statement: D12) -> Result<(), TooLarge> {
        self.ours = D12(sum(self.ours.0, ours.0)?);
        self.statement = D12(sum(self.statement.0, statement.0)?);
        Ok(())
    }

    fn difference(self) -> Result<D12, TooLarge> {
        sum(self.ours.0, self.statement.0.saturating_neg()).map(D12)
    }
}

impl Base<'_> {
    /// Adds the differences of this key, and its totals.
    fn differences(&self, key: &LineKey, total: &mut Total, into: &mut Vec<LineDifference>) -> Result<(), TooLarge> {
        let expected = self.expected()?;
        for (ours, billed) in expected.iter().zip(&self.billed) {
            total.add(D12(*ours), D12(billed.amount))?;
        }
        if expected.iter().zip(&self.billed).all(|(ours, billed)| *ours == billed.amount) {
            return Ok(());
        }
        let priced_with_credit = self.priced_with_credit()?;
        let stated = self.stated(priced_with_credit)?;
        for with_credit in [false, true] {
            let (Some(ours), Some(stated_line), Some(billed)) =
                (expected.get(side(with_credit)), stated.get(side(with_credit)), self.billed.get(side(with_credit)))
            else {
                continue;
            };
            let mut causes = self.moved(with_credit, priced_with_credit)?;
            let mut untruncated = 0;
            for (expected, stated) in causes.values() {
                untruncated = sum(untruncated, sum(*expected, stated.saturating_neg())?)?;
            }
            add(&mut causes, Cause::Rounding, sum(*ours, stated_line.amount.saturating_neg())?, untruncated)?;
            let rest = sum(stated_line.amount, billed.amount.saturating_neg())?;
            if rest != 0 {
                add(&mut causes, self.sides(&stated).cause(with_credit, rest)?, stated_line.amount, billed.amount)?;
            }
            for (cause, (ours, statement)) in causes {
                let difference = D12(sum(ours, statement.saturating_neg())?);
                if difference.0 != 0 {
                    into.push(LineDifference { key: key.clone(), with_credit, cause, ours: D12(ours), statement: D12(statement), difference });
                }
            }
        }
        Ok(())
    }

    fn lines(&self) -> impl Iterator<Item = (&crate::money::D22, &super::line::Line)> {
        self.ours.iter().flat_map(|lines| lines.iter().map(|((_, exchange_rate), line)| (exchange_rate, line)))
    }

    /// Expected amounts without and with credit, each line truncated.
    fn expected(&self) -> Result<[i128; 2], TooLarge> {
        let mut amounts = [0, 0];
        for (exchange_rate, line) in self.lines() {
            for (amount, parts) in amounts.iter_mut().zip(&line.expected) {
                *amount = sum(*amount, parts.billed(*exchange_rate)?.0)?;
            }
        }
        Ok(amounts)
    }

    /// Whether the invoice has the charges that are `priced_not_flagged` with credit: it does if it so has our quantity.
    fn priced_with_credit(&self) -> Result<bool, TooLarge> {
        let (mut with, mut priced) = (0, 0);
        for (_, line) in self.lines() {
            let [_, credited] = &line.stated;
            with = sum(with, credited.quantity)?;
            priced = sum(priced, line.priced.quantity)?;
        }
        let [_, billed] = &self.billed;
        Ok(priced != 0 && billed.quantity.abs_diff(sum(with, priced)?) < billed.quantity.abs_diff(with))
    }

    fn stated(&self, priced_with_credit: bool) -> Result<[Stated; 2], TooLarge> {
        let mut stated = [Stated::default(), Stated::default()];
        for (exchange_rate, line) in self.lines() {
            for (into, parts) in stated.iter_mut().zip(&line.stated_as(priced_with_credit)?).filter(|(_, parts)| parts.rows > 0) {
                into.rate = parts.rate().filter(|rate| into.lines == 0 || into.rate == Some(*rate));
                into.lines = into.lines.saturating_add(1);
                into.quantity = sum(into.quantity, parts.quantity)?;
                into.net = sum(into.net, parts.net)?;
                into.amount = sum(into.amount, parts.billed(*exchange_rate)?.0)?;
                into.top_price = into.top_price.max(line.top_price);
                into.top_exchange = into.top_exchange.max(exchange_rate.0.unsigned_abs());
            }
        }
        Ok(stated)
    }

    /// What charges put elsewhere or at another price, by cause: (expected, stated), billing currency, not truncated.
    fn moved(&self, with_credit: bool, priced_with_credit: bool) -> Result<BTreeMap<Cause, (i128, i128)>, TooLarge> {
        let mut moved: BTreeMap<Cause, (i128, i128)> = BTreeMap::new();
        for (exchange_rate, line) in self.lines() {
            for ((cause, _), (expected, stated)) in line.moved.iter().filter(|((_, with), _)| *with == with_credit) {
                let stated = if *cause == Cause::PricedNotFlagged { 0 } else { *stated };
                let sums = moved.entry(*cause).or_default();
                *sums = (sum(sums.0, in_billing(*expected, *exchange_rate)?.0)?, sum(sums.1, in_billing(stated, *exchange_rate)?.0)?);
            }
            if line.priced.rows > 0 && with_credit == priced_with_credit {
                let sums = moved.entry(Cause::PricedNotFlagged).or_default();
                sums.1 = sum(sums.1, in_billing(line.priced.net, *exchange_rate)?.0)?;
            }
        }
        Ok(moved)
    }

    fn sides<'a>(&'a self, stated: &'a [Stated; 2]) -> Sides<'a> {
        let rows = |count: fn(&super::line::Line) -> u64| self.lines().map(|(_, line)| count(line)).fold(0u64, u64::saturating_add);
        Sides {
            ours: stated,
            billed: &self.billed,
            our_rows: rows(|line| line.rows),
            unbilled_rows: rows(|line| line.unbilled_rows),
            unbilled: self.lines().map(|(_, line)| line.unbilled).fold(0i128, i128::saturating_add),
            unknown: self.lines().any(|(_, line)| line.unknown),
        }
    }
}

fn add(causes: &mut BTreeMap<Cause, (i128, i128)>, cause: Cause, ours: i128, statement: i128) -> Result<(), TooLarge> {
    let sums = causes.entry(cause).or_default();
    *sums = (sum(sums.0, ours)?, sum(sums.1, statement)?);
    Ok(())
}

impl Reconciled {
    /// R-MONTH-4.
    fn assert_conserved(&self) -> Result<(), KeyTooLarge> {
        let of_lines = self.lines.iter().map(|l| (&l.key.currency, l.difference));
        let of_invoices = self.invoices.iter().map(|i| (&i.currency, i.difference));
        conserved("lines", of_lines, &self.line_totals)?;
        conserved("invoices", of_invoices, &self.invoice_totals)
    }
}

fn conserved<'a>(grain: &str, found: impl Iterator<Item = (&'a String, D12)>, totals: &BTreeMap<String, Total>) -> Result<(), KeyTooLarge> {
    let mut sums: BTreeMap<&String, i128> = BTreeMap::new();
    for (currency, difference) in found {
        let total = sums.entry(currency).or_default();
        *total = at_key(&of_currency(currency), sum(*total, difference.0))?;
    }
    for (currency, total) in totals {
        let wanted = at_key(&of_currency(currency), total.difference())?;
        let found = sums.remove(currency).unwrap_or_default();
        assert!(found == wanted.0, "differences of {grain} in {currency} add up to {}, totals differ by {wanted}: a mistake in month end", D12(found));
    }
    assert!(sums.is_empty(), "differences of {grain} in a currency without totals");
    Ok(())
}

/// A key that names nothing but the currency.
fn of_currency(currency: &str) -> LineKey {
    LineKey { currency: currency.to_owned(), ..LineKey::default() }
}
