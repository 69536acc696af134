//! Credit lines → what month end needs of them: differences of single charges, sums by invoice line, lost scope-days.
//!
//! A batch is taken apart by dictionary keys; a key is spelled out once per batch, not once per row.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use pecan_core::charge::{Evidence, Outcome};
use pecan_core::knowledge::charge_scope;
use pecan_core::money::{D12, D22, ONE, product};
use pecan_core::reconcile::{Cause, ChargeDifference, Gathered, OurCharge, Settled, charge_difference};
use pecan_core::scope::{Scope, id_key};
use pecan_core::statement::{LineKey, RowKind};
use pecan_core::time::Day;

use super::figures::{ByCause, Example, Place, Tops};
use super::lines::{Lines, unreadable};
use super::table::{Found, Piece};
use crate::decide::cells::checked_sum;
use crate::decide::losses::{Missed, is_loss};
use crate::error::{Error, Result};
use crate::schema::name;
use crate::sink::RowGroupEncoder;

/// What the lines of a row group came to.
#[derive(Default)]
pub struct Part {
    /// Expected and applied credit by currency, added up apart from the differences.
    pub totals: BTreeMap<String, Totals>,
    /// Differences of charges by cause and currency.
    pub causes: ByCause,
    /// Rows of `fact_difference`.
    pub pieces: Vec<Piece>,
    /// Usage by invoice line.
    pub gathered: Vec<OfLine>,
    /// Charges that are no usage.
    pub others: Vec<OurCharge>,
    /// Charges that lost their credit for want of access.
    pub lost: Vec<Lost>,
    /// The greatest differences.
    pub tops: Tops,
}

/// Credit of all lines of a currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many.
    pub lines: u64,
    /// Expected.
    pub credit: i128,
    /// Applied, as flags say.
    pub applied: i128,
}

/// Usage charges of one invoice line of ours.
pub struct OfLine {
    /// Its key.
    pub key: LineKey,
    /// Its meter, lower case.
    pub meter_id: Option<String>,
    /// Its exchange rate.
    pub exchange_rate: D22,
    /// Its sums.
    pub sums: Gathered,
    /// A charge of it.
    pub example: Example,
    /// Its last usage day.
    pub last_day: i32,
}

/// Charges of one scope, day and parties that lost their credit.
pub struct Lost {
    /// Where.
    pub scope: Option<Scope>,
    /// When.
    pub day: i32,
    /// Billed partner; `None`: its tenant has several ids.
    pub billed: Option<String>,
    /// Reseller of record.
    pub reseller: Option<String>,
    /// Billing currency.
    pub currency: Option<String>,
    /// Why.
    pub outcome: Outcome,
    /// How much.
    pub missed: Missed,
}

/// A sum of the month does not fit (details 32).
pub fn too_large(key: &LineKey) -> Error {
    let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    let place =
        format!("customer {}, plan {}, product {}, SKU {}, {}", id(&key.customer_id), id(&key.plan_id), id(&key.product_id), id(&key.sku_id), key.currency);
    let next = "look for absurd quantities or prices in the charges of this key, or in the invoice file";
    Error::input("sum_too_large", "adding up a month", place, "a sum does not fit decimal(38,12)", next)
}

/// Keys of customer, plan, product, SKU, availability, currency, meter, and the exchange rate.
type LineCodes = ([i32; 7], i128);
/// Keys of resource, group, subscription, billed partner, reseller, currency; day; outcome.
type LostCodes = ([i32; 6], i32, Outcome);

const LINE_COLUMNS: [&str; 7] =
    [name::CUSTOMER_ID, name::PLAN_ID, name::PRODUCT_ID, name::SKU_ID, name::AVAILABILITY_ID, name::BILLING_CURRENCY, name::METER_ID];
const LOST_COLUMNS: [&str; 6] =
    [name::RESOURCE_ID, name::RESOURCE_GROUP, name::SUBSCRIPTION_ID, name::BILLED_MPN_ID, name::RESELLER_MPN_ID, name::BILLING_CURRENCY];

/// A batch under way.
struct Batch<'a> {
    lines: &'a Lines,
    sums: HashMap<LineCodes, (Gathered, Example, i32)>,
    lost: HashMap<LostCodes, Missed>,
    found: Vec<(usize, ChargeDifference)>,
}

/// Adds a batch to what its row group came to.
/// # Errors
/// `Input` for a sum that does not fit; `Storage` for words that are not ours.
pub fn add(lines: &Lines, encoder: &RowGroupEncoder, part: &mut Part) -> Result<()> {
    let mut batch = Batch { lines, sums: HashMap::new(), lost: HashMap::new(), found: Vec::new() };
    let line_keys = LINE_COLUMNS.map(|column| lines.keys(column));
    let lost_keys = LOST_COLUMNS.map(|column| lines.keys(column));
    let currencies = currencies(lines);
    let mut totals = vec![Totals::default(); currencies.len() + 1];
    let reader = lines.reader();
    for row in 0..lines.rows {
        let settled = reader.settled(row).ok_or_else(|| unreadable("fact_credit_line", &format!("a word of another program in row {row}")))?;
        let codes = line_keys.map(|keys| keys.at(row));
        let currency = usize::try_from(codes[5]).ok().filter(|at| *at < currencies.len()).unwrap_or(currencies.len());
        let overflow = || too_large(&key_of(lines, &codes));
        let total = &mut totals[currency];
        let applied = settled.applied_billing.filter(|_| settled.applied.is_some()).unwrap_or_default();
        total.lines += 1;
        total.credit = checked_sum(total.credit, settled.credit_billing.0).map_err(|_| overflow())?;
        total.applied = checked_sum(total.applied, applied.0).map_err(|_| overflow())?;
        let difference = charge_difference(&settled).map_err(|_| overflow())?;
        let kind = reader.kind(row, &settled);
        if kind == RowKind::Usage {
            let place = (codes, settled.exchange_rate.unwrap_or(ONE).0);
            let day = lines.usage_date.value(row);
            let (sums, example, last_day) = batch.sums.entry(place).or_insert_with(|| (Gathered::default(), Example::default(), day));
            *last_day = day.max(*last_day);
            sums.add(&settled).map_err(|_| overflow())?;
            let weight = (difference.is_some(), difference.map_or(settled.list_cost.0, |d| d.difference.0).unsigned_abs());
            example.meet(weight, day, || place_of(lines, row));
        } else {
            part.others.push(OurCharge { key: key_of(lines, &codes), meter_id: None, kind, settled });
        }
        if let Some(difference) = difference {
            batch.found.push((row, difference));
        }
        if is_loss(settled.outcome) && settled.evidence != Evidence::BeforeFirstRecord {
            let place = (lost_keys.map(|keys| keys.at(row)), lines.usage_date.value(row), settled.outcome);
            let missed = Missed { charges: 1, credit: would_be(&settled).map_err(|()| overflow())? };
            batch.lost.entry(place).or_default().add(missed).map_err(|_| overflow())?;
        }
    }
    let names = currencies.iter().map(String::as_str).chain([""]);
    for (name, more) in names.zip(totals).filter(|(_, more)| more.lines > 0) {
        part.totals.entry(name.to_owned()).or_default().add(more).map_err(|_| too_large(&LineKey::new(name, [None; 5])))?;
    }
    batch.finish(&currencies, encoder, part)
}

/// The currencies of the dictionary as month end spells them.
fn currencies(lines: &Lines) -> Vec<String> {
    let keys = lines.keys(name::BILLING_CURRENCY);
    (0..keys.distinct()).map(|key| spelled(keys.value(i32::try_from(key).unwrap_or(-1)))).collect()
}

fn spelled(currency: Option<&str>) -> String {
    LineKey::new(currency.unwrap_or_default(), [None; 5]).currency
}

fn key_of(lines: &Lines, codes: &[i32; 7]) -> LineKey {
    let text = |at: usize| lines.keys(LINE_COLUMNS[at]).value(codes[at]);
    LineKey::new(text(5).unwrap_or_default(), [text(0), text(1), text(2), text(3), text(4)])
}

fn place_of(lines: &Lines, row: usize) -> Place {
    let text = |column: &str| lines.keys(column).text(row).unwrap_or_default().to_owned();
    Place { source: text(name::SOURCE), file: text(name::SOURCE_FILE), row: lines.source_row.value(row) }
}

/// What `covered` would have given, billing currency, at list price.
fn would_be(settled: &Settled) -> std::result::Result<i128, ()> {
    let operands = [settled.quantity, settled.list_unit_price, settled.rate, settled.exchange_rate];
    match operands {
        [Some(quantity), Some(price), Some(rate), Some(exchange)] => product(&[quantity, price, rate, exchange]).map(|D12(amount)| amount).map_err(|_| ()),
        _ => Ok(0),
    }
}

impl Totals {
    /// Adds more, exactly.
    /// # Errors
    /// A sum that does not fit.
    pub fn add(&mut self, more: Totals) -> std::result::Result<(), crate::decide::cells::SumTooLarge> {
        self.lines += more.lines;
        self.credit = checked_sum(self.credit, more.credit)?;
        self.applied = checked_sum(self.applied, more.applied)?;
        Ok(())
    }
}

impl Batch<'_> {
    fn finish(self, currencies: &[String], encoder: &RowGroupEncoder, part: &mut Part) -> Result<()> {
        let lines = self.lines;
        let currency_keys = lines.keys(name::BILLING_CURRENCY);
        let currency = |row: usize| usize::try_from(currency_keys.at(row)).ok().and_then(|at| currencies.get(at)).map_or("", String::as_str);
        for (row, difference) in &self.found {
            let of = currency(*row);
            part.causes.add(of, difference.cause, difference.ours, difference.statement).map_err(|_| too_large(&LineKey::new(of, [None; 5])))?;
            part.tops.meet(of, difference, || {
                let text = |column: &str| lines.keys(column).text(*row).map(str::to_owned);
                (place_of(lines, *row), Day(lines.usage_date.value(*row)), text(name::CUSTOMER_ID), text(name::RESOURCE_ID))
            });
        }
        if !self.found.is_empty() {
            part.pieces.push(Piece::of(&Found { lines, found: &self.found, currencies }, encoder)?);
        }
        for ((codes, exchange_rate), (sums, example, last_day)) in self.sums {
            let meter_id = lines.keys(name::METER_ID).value(codes[6]).and_then(id_key);
            part.gathered.push(OfLine { key: key_of(lines, &codes), meter_id, exchange_rate: D22(exchange_rate), sums, example, last_day });
        }
        for ((codes, day, outcome), missed) in self.lost {
            let text = |at: usize| lines.keys(LOST_COLUMNS[at]).value(codes[at]).filter(|text| !text.is_empty());
            let id = |at: usize| text(at).and_then(id_key);
            let scope = charge_scope(text(0), text(1), text(2));
            part.lost.push(Lost { scope, day, billed: id(3), reseller: id(4), currency: text(5).map(str::to_owned), outcome, missed });
        }
        Ok(())
    }
}

/// Whether a cause explains itself and asks for nothing.
pub fn explains_itself(cause: Cause) -> bool {
    matches!(cause, Cause::Rounding | Cause::UnbilledYet | Cause::BeforeFirstRecord)
}
