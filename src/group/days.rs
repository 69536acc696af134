//! `fact_access_day`: the access of each organisation of P on each scope-day that was asked about (details 33).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use pecan_core::coverage::OrganisationDay;
use pecan_core::knowledge::Knowledge;
use pecan_core::time::Span;

use super::rows::record_batch;
use crate::decide::ScopeDay;
use crate::error::Result;
use crate::schema::{Kind, Table, name};

/// Month, day, scope key and organisation.
type Key = (i32, i32, String, usize);

/// Scope-days by key; each organisation with A0 of its own has one.
#[derive(Default)]
pub struct AccessDays {
    days: BTreeMap<Key, (String, Arc<OrganisationDay>)>,
}

impl AccessDays {
    /// Adds the scope-days of a batch.
    pub fn add(&mut self, scope_days: &[ScopeDay]) {
        for day in scope_days {
            for organisation in day.answer.organisations.iter().filter(|o| !o.touches.is_empty()) {
                self.put((day.month, day.day, day.key.clone(), organisation.organisation), &day.shown, Arc::clone(organisation));
            }
        }
    }

    fn put(&mut self, key: Key, shown: &str, day: Arc<OrganisationDay>) {
        let entry = self.days.entry(key).or_insert_with(|| (shown.to_owned(), day));
        if shown < entry.0.as_str() {
            shown.clone_into(&mut entry.0);
        }
    }

    /// Adds those of another batch.
    pub fn merge(&mut self, other: AccessDays) {
        for (key, (shown, day)) in other.days {
            self.put(key, &shown, day);
        }
    }

    /// The record batches by first day of the billing month.
    /// # Errors
    /// `Bug` if columns do not fit together.
    pub fn batches(&self, knowledge: &Knowledge, group: &str) -> Result<Vec<(i32, RecordBatch)>> {
        let mut months: BTreeMap<i32, Vec<(&Key, &str, &OrganisationDay)>> = BTreeMap::new();
        for (key, (shown, day)) in &self.days {
            months.entry(key.0).or_default().push((key, shown, day));
        }
        months.into_iter().map(|(month, rows)| Ok((month, batch(&rows, knowledge, group)?))).collect()
    }
}

fn batch(rows: &[(&Key, &str, &OrganisationDay)], knowledge: &Knowledge, group: &str) -> Result<RecordBatch> {
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

fn gap_lists(rows: &[(&Key, &str, &OrganisationDay)]) -> ArrayRef {
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
fn assignment_lists(rows: &[(&Key, &str, &OrganisationDay)], knowledge: &Knowledge) -> ArrayRef {
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
