//! `fact_access_day`: the access of each organisation of P on each scope-day that was asked about (details 33).

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use hashbrown::HashMap;
use pecan_core::coverage::OrganisationDay;
use pecan_core::knowledge::Knowledge;
use pecan_core::time::Span;

use super::rows::record_batch;
use crate::decide::ScopeNews;
use crate::decide::cells::checked_sum;
use crate::error::Result;
use crate::schema::{Kind, Table, name};
use crate::spellings::{Spellings, moved};

/// Month, day, code of the scope and organisation.
type Key = (i32, i32, u32, usize);

/// What a group tells of its scopes: access by day, and missed credit.
#[derive(Default)]
pub struct ScopeLedger {
    scopes: Spellings,
    days: HashMap<Key, Arc<OrganisationDay>>,
    missed: HashMap<(u32, Option<String>), i128>,
}

impl ScopeLedger {
    /// Adds the scopes of a batch. Each organisation with A0 of its own has a row.
    /// # Errors
    /// `Input` if a sum does not fit (details 32).
    pub fn add(&mut self, news: &ScopeNews, group: &str) -> Result<()> {
        let codes = self.scopes.merge(&news.scopes);
        for day in &news.days {
            for organisation in day.answer.organisations.iter().filter(|o| !o.touches.is_empty()) {
                let key = (day.month, day.day, moved(&codes, day.scope), organisation.organisation);
                self.days.entry(key).or_insert_with(|| Arc::clone(organisation));
            }
        }
        for (scope, currency, amount) in &news.missed {
            let sum = self.missed.entry((moved(&codes, *scope), currency.clone())).or_default();
            *sum = checked_sum(*sum, *amount).map_err(|e| e.error(group))?;
        }
        Ok(())
    }

    /// Missed credit at 12 places by scope as shown and billing currency.
    pub fn missed(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>, i128)> {
        self.missed.iter().map(|((scope, currency), amount)| (self.scopes.shown(*scope).filter(|shown| !shown.is_empty()), currency.as_deref(), *amount))
    }

    /// The record batches of `fact_access_day` by first day of the billing month.
    /// # Errors
    /// `Bug` if columns do not fit together.
    pub fn batches(&self, knowledge: &Knowledge, group: &str) -> Result<Vec<(i32, RecordBatch)>> {
        let ranks = self.scopes.ranks();
        let mut keys: Vec<(&Key, &OrganisationDay)> = self.days.iter().map(|(key, day)| (key, day.as_ref())).collect();
        keys.sort_unstable_by_key(|((month, day, scope, organisation), _)| (*month, *day, ranks.of(*scope), *organisation));
        let rows: Vec<Row> = keys.into_iter().map(|(key, day)| (key, self.scopes.shown(key.2).unwrap_or_default(), day)).collect();
        rows.chunk_by(|a, b| a.0.0 == b.0.0).map(|of_month| Ok((of_month[0].0.0, batch(of_month, knowledge, group)?))).collect()
    }
}

type Row<'a> = (&'a Key, &'a str, &'a OrganisationDay);

fn batch(rows: &[Row], knowledge: &Knowledge, group: &str) -> Result<RecordBatch> {
    let each = |f: &dyn Fn(&OrganisationDay) -> i64| -> ArrayRef { Arc::new(rows.iter().map(|(_, _, day)| Some(f(day))).collect::<Int64Array>()) };
    let seconds = each(&|day| day.covered_micros().div_euclid(1_000_000));
    let covered = rows.iter().map(|(_, _, day)| Some(day.is_covered(&knowledge.rules))).collect::<BooleanArray>();
    let organisation = |key: &Key| knowledge.parties.organisation(key.3);
    record_batch(
        Table::FactAccessDay,
        vec![
            (name::USAGE_DATE, Arc::new(Date32Array::from(rows.iter().map(|(key, _, _)| key.1).collect::<Vec<_>>()))),
            (name::ORGANISATION_ID, Arc::new(StringArray::from_iter_values(rows.iter().map(|(key, _, _)| organisation(key))))),
            (name::SCOPE, Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, shown, _)| *shown)))),
            (name::GROUP_ID, Arc::new(StringArray::from_iter_values(rows.iter().map(|_| group)))),
            (name::COVERED, Arc::new(covered)),
            (name::COVERED_SECONDS, seconds),
            (name::GAPS, gap_lists(rows)),
            (name::ASSIGNMENT_IDS, assignment_lists(rows, knowledge)),
            (name::OPERATIONS, Arc::new(Int64Array::new_null(rows.len()))),
        ],
    )
}

fn item(kind: Kind) -> Arc<Field> {
    match kind.arrow() {
        DataType::List(item) => item,
        other => Arc::new(Field::new("element", other, true)),
    }
}

fn gap_lists(rows: &[Row]) -> ArrayRef {
    let gaps: Vec<Span> = rows.iter().flat_map(|(_, _, day)| day.gaps.iter().copied()).collect();
    let instants = |f: &dyn Fn(&Span) -> i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from_iter_values(gaps.iter().map(f)).with_timezone("UTC")) };
    let item = item(Kind::Gaps);
    let fields = match item.data_type() {
        DataType::Struct(fields) => fields.clone(),
        _ => Default::default(),
    };
    let parts = StructArray::new(fields, vec![instants(&|s| s.from.0), instants(&|s| s.until.0)], None);
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|(_, _, day)| day.gaps.len()));
    Arc::new(ListArray::new(item, offsets, Arc::new(parts), None))
}

/// Assignments with a span in A2, sorted (details 33).
fn assignment_lists(rows: &[Row], knowledge: &Knowledge) -> ArrayRef {
    let ids = |day: &OrganisationDay| -> Vec<String> {
        let counting = day.touches.iter().filter(|t| t.earns && !t.linked.is_empty());
        let mut ids: Vec<String> = counting.map(|t| knowledge.intervals()[t.interval].assignment_id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let lists: Vec<Vec<String>> = rows.iter().map(|(_, _, day)| ids(day)).collect();
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    let values: StringArray = lists.iter().flatten().map(Some).collect();
    Arc::new(ListArray::new(item(Kind::Texts), offsets, Arc::new(values), None))
}
