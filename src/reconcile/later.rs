//! Closed months and what became known later (R-AGAIN-5): news is recomputed beside the output, summed, and booked as signed lines.
//!
//! A closed month is frozen by the files it has: runs leave them alone. What its inputs say now is recomputed for those groups alone
//! whose files do not rest on today's inputs. News = what is now known − what was frozen − what was booked since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Decimal128Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use pecan_core::ledger::{LedgerKey, State as Sums, Sums as Amounts};
use pecan_core::money::{D12, D22};
use pecan_core::scope::id_key;
use pecan_core::time::Day;

use super::charges::too_large;
use super::lines::{self, Lines, unreadable};
use super::state::MonthState;
use super::{Closing, ReconcileOptions};
use crate::answers::AccessTable;
use crate::decide::cells::checked_sum;
use crate::error::{Error, Result};
use crate::group::{Desk, Shop, process, record_batch, texts};
use crate::job::Job;
use crate::known::Known;
use crate::plan::{Action, Found, is_superseded};
use crate::progress::Progress;
use crate::receipt::{Receipts, content_of};
use crate::schema::{Kind, Table, name};
use crate::sink::{Format, LiveFile, MonthAction, Output};
use crate::source::ChargeGroup;
use crate::storage::disk;

/// What became known later.
#[derive(Debug, Default)]
pub struct Later {
    /// Whether the month is to be closed.
    pub close: bool,
    /// What is booked, by the month it is about; nothing unless a month is closed.
    pub news: BTreeMap<String, Sums>,
    /// Of a closed month: expected credit that is now known, less what it was closed with, by billing currency.
    pub moved: Option<BTreeMap<String, i128>>,
}

impl Later {
    /// Looks at every month that was closed before.
    /// # Errors
    /// As [`NowKnown::to_book`].
    pub fn find(known: &NowKnown, options: &ReconcileOptions) -> Result<Later> {
        let close = options.action == Closing::Close;
        let closed = known.month.state.closed.contains(&options.month);
        let news = if close { known.to_book()? } else { BTreeMap::new() };
        let moved = closed.then(|| credit_of(&known.moved(&options.month)?)).transpose()?;
        Ok(Later { close, news, moved })
    }
}

/// Credit by billing currency.
fn credit_of(sums: &Sums) -> Result<BTreeMap<String, i128>> {
    let mut credit = BTreeMap::new();
    for (key, amounts) in sums.iter() {
        let total: &mut i128 = credit.entry(key.currencies[1].clone().unwrap_or_default()).or_default();
        *total = checked_sum(*total, amounts.credit_billing.0).map_err(|_| no_fit(key))?;
    }
    Ok(credit)
}

/// Columns of a key that hold ids, in the order of [`LedgerKey::ids`].
const IDS: [&str; 6] = [name::CUSTOMER_ID, name::SUBSCRIPTION_ID, name::RESOURCE_ID, name::METER_ID, name::PRODUCT_ID, name::SKU_ID];
const CURRENCIES: [&str; 2] = [name::PRICING_CURRENCY, name::BILLING_CURRENCY];
const AMOUNTS: [&str; 3] = [name::LIST_COST, name::CREDIT_BILLING, name::DIFFERENCE];

/// What the inputs say now of months that were closed, and what that is found with.
pub struct NowKnown<'a> {
    pub job: &'a Job,
    pub known: &'a Known,
    pub found: &'a Found,
    pub output: &'a Output,
    pub month: &'a MonthState,
    pub progress: &'a Progress,
}

impl NowKnown<'_> {
    /// Every month that was ever closed.
    fn ever_closed(&self) -> BTreeSet<String> {
        let done = self.month.state.runs.iter().filter_map(|row| row.month_done.as_ref());
        done.filter(|done| done.action == MonthAction::Closed).map(|done| done.month.clone()).collect()
    }

    /// What a close books, by the month the news is about.
    /// # Errors
    /// `Input` for files that cannot be read and sums that do not fit; `Storage`.
    pub fn to_book(&self) -> Result<BTreeMap<String, Sums>> {
        let mut all = BTreeMap::new();
        for month in self.ever_closed() {
            let news = self.booked(&month)?.news(&self.moved(&month)?).map_err(|e| no_fit(&e.key))?;
            if news.iter().next().is_some() {
                all.insert(month, news);
            }
        }
        Ok(all)
    }

    /// What is now known of a month less what it was closed with; nothing for an open month.
    /// # Errors
    /// As [`to_book`](Self::to_book).
    pub fn moved(&self, month: &str) -> Result<Sums> {
        let mut moved = Sums::default();
        if !self.month.state.closed.contains(month) {
            return Ok(moved);
        }
        let scratch = tempfile::tempdir().map_err(|e| disk::trouble("making a folder to recompute in", &std::env::temp_dir(), &e))?;
        let aside = Output::open(&scratch.path().to_string_lossy(), Format::Delta, self.output.carry())?;
        let access = AccessTable::new(&self.known.knowledge)?;
        for (id, group) in self.changed(month) {
            self.progress.stage(format!("recomputing {id}"));
            let frozen: Vec<LiveFile> = self.frozen_lines(&id, month).cloned().collect();
            let then = self.sums(self.output, &frozen)?;
            let now = match group {
                Some(group) => self.now(group, month, &aside, &access)?,
                None => Sums::default(),
            };
            for (key, sums) in then.news(&now).map_err(|e| no_fit(&e.key))?.iter() {
                moved.add(key, *sums).map_err(|e| no_fit(&e.key))?;
            }
        }
        Ok(moved)
    }

    fn frozen_lines<'a>(&'a self, id: &'a str, month: &'a str) -> impl Iterator<Item = &'a LiveFile> {
        let files = self.month.state.frozen_files(id).filter(|(table, _)| *table == Table::FactCreditLine);
        files.map(|(_, file)| file).filter(move |file| file.month.as_deref() == Some(month))
    }

    /// Groups whose frozen files of the month do not rest on what the inputs say now; `None`: the inputs hold them no longer.
    fn changed(&self, month: &str) -> Vec<(String, Option<&ChargeGroup>)> {
        let receipts = Receipts::of(self.output.storage());
        let mut changed = Vec::new();
        for planned in &self.month.planned {
            let (id, Some(group)) = (&planned.group_id, &planned.group) else { continue };
            let frozen: BTreeSet<&str> = self.frozen_lines(id, month).map(|file| file.fingerprint.as_str()).collect();
            let may = !frozen.is_empty() || group.days.is_none_or(|(from, until)| (from..until).any(|day| Day(day).month() == month));
            let withheld = || receipts.read(&planned.fingerprint).is_some_and(|receipt| receipt.withheld.iter().any(|of| of == month));
            let same = match planned.action {
                Action::Keep if frozen.is_empty() => !withheld(),
                Action::Keep => frozen.len() == 1 && frozen.contains(planned.fingerprint.as_str()),
                _ => false,
            };
            if may && !same {
                changed.push((id.clone(), Some(group)));
            }
        }
        let planned: BTreeSet<&str> = self.month.planned.iter().filter(|p| p.group.is_some()).map(|p| p.group_id.as_str()).collect();
        let gone = self.month.state.frozen_groups().into_iter().filter(|id| !planned.contains(id) && is_superseded(id, self.found));
        changed.extend(gone.filter(|id| self.frozen_lines(id, month).next().is_some()).map(|id| (id.to_owned(), None)));
        changed
    }

    /// The sums of a group's month as its inputs make them now.
    fn now(&self, group: &ChargeGroup, month: &str, aside: &Output, access: &AccessTable) -> Result<Sums> {
        let source = self.job.charges.get(group.source).map_or("", |source| source.name.as_str());
        let desk = Desk { known: self.known, access, carry: self.output.carry(), progress: self.progress, losses: false };
        let made = process(group, source, &content_of(group), &Shop { desk, output: aside, run_id: "aside" })?;
        let of_month = made.staged.iter().filter(|file| file.table == Table::FactCreditLine && file.month.as_deref() == Some(month));
        let files: Vec<LiveFile> = of_month.map(live).collect();
        let sums = self.sums(aside, &files)?;
        aside.discard(&made.staged)?;
        Ok(sums)
    }

    fn sums(&self, output: &Output, files: &[LiveFile]) -> Result<Sums> {
        let mut sums = Sums::default();
        lines::each(output, files, self.progress, add_lines, Sums::default, &mut |part: Sums| {
            part.iter().try_for_each(|(key, more)| sums.add(key, *more)).map_err(|e| no_fit(&e.key))
        })?;
        Ok(sums)
    }

    /// What was booked about a month since it was closed first.
    fn booked(&self, month: &str) -> Result<Sums> {
        let files = self.month.state.files(Table::FactAdjustment);
        let keys: Vec<String> = files.iter().map(|file| Output::key_of(Table::FactAdjustment, file)).collect();
        let mut booked = Sums::default();
        for (key, content) in keys.iter().zip(self.output.storage().read_all(&keys)?) {
            let wrong = |seen: &dyn std::fmt::Display| unreadable(&self.output.storage().shown(key), seen);
            let reader = ParquetRecordBatchReaderBuilder::try_new(content).and_then(|builder| builder.build()).map_err(|e| wrong(&e))?;
            for batch in reader {
                add_booked(&batch.map_err(|e| wrong(&e))?, month, &mut booked).map_err(|seen| wrong(&seen))?;
            }
        }
        Ok(booked)
    }
}

/// A staged file of a folder in which staged files stand at their place.
fn live(file: &crate::sink::StagedFile) -> LiveFile {
    LiveFile {
        path: file.path.clone(),
        month: file.month.clone(),
        bytes: file.bytes,
        rows: file.rows,
        group: file.group.clone(),
        fingerprint: file.fingerprint.clone(),
        run: file.run.clone(),
    }
}

fn no_fit(key: &LedgerKey) -> Error {
    let [customer, _, _, _, product, sku] = key.ids.each_ref().map(Option::as_deref);
    too_large(&pecan_core::statement::LineKey::new(key.currencies[1].as_deref().unwrap_or_default(), [customer, None, product, sku, None]))
}

fn add_lines(lines: &Lines, sums: &mut Sums) -> Result<()> {
    let reader = lines.reader();
    let (ids, currencies, outcome) = (IDS.map(|id| lines.keys(id)), CURRENCIES.map(|of| lines.keys(of)), lines.keys(name::OUTCOME));
    for row in 0..lines.rows {
        let settled = reader.settled(row).ok_or_else(|| unreadable(Table::FactCreditLine.name(), &"a word of another program"))?;
        let key = LedgerKey {
            usage_date: Day(lines.usage_date.value(row)),
            ids: ids.map(|id| id.text(row).and_then(id_key)),
            currencies: currencies.map(|of| of.text(row).map(str::to_owned)),
            outcome: outcome.text(row).unwrap_or_default().to_owned(),
            rate: settled.rate,
        };
        let applied = settled.applied_billing.filter(|_| settled.applied.is_some()).unwrap_or_default();
        let difference = pecan_core::money::sum(settled.credit_billing.0, applied.0.saturating_neg()).map_err(|_| no_fit(&key))?;
        let amounts = Amounts {
            quantity: settled.quantity.unwrap_or_default(),
            list_cost: settled.list_cost,
            credit_billing: settled.credit_billing,
            difference: D12(difference),
        };
        sums.add(&key, amounts).map_err(|e| no_fit(&e.key))?;
    }
    Ok(())
}

fn add_booked(batch: &RecordBatch, month: &str, booked: &mut Sums) -> std::result::Result<(), String> {
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no column {name}"));
    let text = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| format!("{name} is no text"));
    let number = |name: &str| column(name)?.as_primitive_opt::<Decimal128Type>().ok_or_else(|| format!("{name} is no decimal"));
    let cell = |name: &str, row: usize| -> std::result::Result<Option<String>, String> { Ok(text(name)?.iter().nth(row).flatten().map(str::to_owned)) };
    let days = column(name::USAGE_DATE)?.as_primitive_opt::<Date32Type>().ok_or("usage_date is no date")?;
    for row in 0..batch.num_rows() {
        if cell(name::ADJUSTS_MONTH, row)?.as_deref() != Some(month) {
            continue;
        }
        let amount = |name: &str| number(name).map(|column| column.iter().nth(row).flatten());
        let mut ids: [Option<String>; 6] = Default::default();
        for (id, name) in ids.iter_mut().zip(IDS) {
            *id = cell(name, row)?;
        }
        let key = LedgerKey {
            usage_date: Day(days.value(row)),
            ids,
            currencies: [cell(name::PRICING_CURRENCY, row)?, cell(name::BILLING_CURRENCY, row)?],
            outcome: cell(name::OUTCOME, row)?.unwrap_or_default(),
            rate: amount(name::RATE)?.map(D22),
        };
        let [list_cost, credit_billing, difference] = [amount(AMOUNTS[0])?, amount(AMOUNTS[1])?, amount(AMOUNTS[2])?].map(|amount| D12(amount.unwrap_or(0)));
        let amounts = Amounts { quantity: D22(amount(name::QUANTITY)?.unwrap_or(0)), list_cost, credit_billing, difference };
        booked.add(&key, amounts).map_err(|_| "a sum does not fit".to_owned())?;
    }
    Ok(())
}

/// Rows of `fact_adjustment`.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn batch(news: &BTreeMap<String, Sums>, close_run: &str) -> Result<RecordBatch> {
    let rows: Vec<(&str, &LedgerKey, &Amounts)> =
        news.iter().flat_map(|(month, sums)| sums.iter().map(move |(key, amounts)| (month.as_str(), key, amounts))).collect();
    let id = |at: usize| texts(rows.iter().map(|(_, key, _)| key.ids[at].as_deref()));
    let currency = |at: usize| texts(rows.iter().map(|(_, key, _)| key.currencies[at].as_deref()));
    let number = |kind: Kind, of: &dyn Fn(&LedgerKey, &Amounts) -> Option<i128>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, key, amounts)| of(key, amounts)).collect::<Decimal128Array>().with_data_type(kind.arrow()))
    };
    let mut columns: Vec<(&'static str, ArrayRef)> = vec![
        (name::ADJUSTS_MONTH, texts(rows.iter().map(|(month, ..)| Some(*month)))),
        (name::USAGE_DATE, Arc::new(rows.iter().map(|(_, key, _)| Some(key.usage_date.0)).collect::<Date32Array>())),
    ];
    columns.extend(IDS.iter().enumerate().map(|(at, name)| (*name, id(at))));
    columns.extend(CURRENCIES.iter().enumerate().map(|(at, name)| (*name, currency(at))));
    columns.extend([
        (name::OUTCOME, texts(rows.iter().map(|(_, key, _)| Some(key.outcome.as_str())))),
        (name::RATE, number(Kind::D22, &|key, _| key.rate.map(|rate| rate.0))),
        (name::QUANTITY, number(Kind::D22, &|_, amounts| Some(amounts.quantity.0))),
        (name::LIST_COST, number(Kind::D12, &|_, amounts| Some(amounts.list_cost.0))),
        (name::CREDIT_BILLING, number(Kind::D12, &|_, amounts| Some(amounts.credit_billing.0))),
        (name::DIFFERENCE, number(Kind::D12, &|_, amounts| Some(amounts.difference.0))),
        (name::CLOSE_RUN, Arc::new(StringArray::from_iter_values(rows.iter().map(|_| close_run)))),
    ]);
    record_batch(Table::FactAdjustment, columns)
}
