//! `fact_access_day`: the access of each organisation of P on each scope-day that was asked about (details 33).
//!
//! There are nearly as many scope-days as charges. Each is five numbers until its rows are encoded, a row group at a time; the
//! rows of a scope stand together, day by day, so that its id is written once for all of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use hashbrown::HashMap;
use pecan_core::coverage::OrganisationDay;
use pecan_core::knowledge::Knowledge;
use pecan_core::time::Span;

use super::rows::{coded, record_batch};
use crate::decide::ScopeNews;
use crate::decide::cells::checked_sum;
use crate::error::Result;
use crate::schema::{Kind, Table, name};
use crate::spellings::{Ranks, Spellings, moved};

/// A row of the table: a scope-day and the access of one organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AccessDay {
    /// Code of the scope; once sorted, its place in the byte order of scopes.
    scope: u32,
    organisation: u32,
    day: i32,
    month: i32,
    /// Place in [`ScopeLedger::access`].
    access: u32,
}

/// What a group tells of its scopes: access by day, and missed credit.
#[derive(Default)]
pub struct ScopeLedger {
    scopes: Spellings,
    days: Vec<AccessDay>,
    /// The distinct accesses, and the place of each by its address.
    access: Vec<Arc<OrganisationDay>>,
    places: HashMap<usize, u32>,
    missed: HashMap<(u32, Option<String>), i128>,
}

fn narrow(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 scope-days and organisations in a group")
}

impl ScopeLedger {
    /// Adds the scopes of a batch. Each organisation with A0 of its own has a row.
    /// # Errors
    /// `Input` if a sum does not fit (details 32).
    pub fn add(&mut self, news: &ScopeNews, group: &str) -> Result<()> {
        let codes = self.scopes.merge(&news.scopes);
        let organisations: Vec<Vec<(u32, u32)>> = news.answers.iter().map(|answer| self.accesses(&answer.organisations)).collect();
        for day in &news.days {
            let rows = organisations[day.question as usize].iter();
            self.days.extend(rows.map(|(organisation, access)| AccessDay {
                scope: moved(&codes, day.scope),
                organisation: *organisation,
                day: day.day,
                month: day.month,
                access: *access,
            }));
        }
        for (scope, currency, amount) in &news.missed {
            let sum = self.missed.entry((moved(&codes, *scope), currency.clone())).or_default();
            *sum = checked_sum(*sum, *amount).map_err(|e| e.error(group))?;
        }
        Ok(())
    }

    /// The organisations of an answer that have a row, with the places of their accesses.
    fn accesses(&mut self, organisations: &[Arc<OrganisationDay>]) -> Vec<(u32, u32)> {
        let ScopeLedger { access, places, .. } = self;
        let touched = organisations.iter().filter(|o| !o.touches.is_empty());
        let mut place = |day: &Arc<OrganisationDay>| {
            // The answers of a group share the access of a chain, a day and an organisation; it is kept here, so its address stays its own.
            *places.entry(Arc::as_ptr(day).addr()).or_insert_with(|| {
                access.push(Arc::clone(day));
                narrow(access.len() - 1)
            })
        };
        touched.map(|day| (narrow(day.organisation), place(day))).collect()
    }

    /// Missed credit at 12 places by scope as shown and billing currency.
    pub fn missed(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>, i128)> {
        self.missed.iter().map(|((scope, currency), amount)| (self.scopes.shown(*scope).filter(|shown| !shown.is_empty()), currency.as_deref(), *amount))
    }

    /// The rows of each billing month (by its first day), in the order of scope, organisation and day.
    pub fn months(&mut self) -> BTreeMap<i32, Month<'_>> {
        let ranks = self.scopes.ranks();
        let mut months: BTreeMap<i32, Vec<AccessDay>> = BTreeMap::new();
        let all = std::mem::take(&mut self.days);
        if all.windows(2).all(|pair| pair[0].month == pair[1].month) {
            months.extend(all.first().map(|day| day.month).map(|month| (month, all)));
        } else {
            all.into_iter().for_each(|day| months.entry(day.month).or_default().push(day));
        }
        let ledger = &*self;
        let by_rank = Arc::new(ranks.by_rank());
        let month = |(month, days)| (month, Month { ledger, days: sorted(days, &ranks), by_rank: by_rank.clone() });
        months.into_iter().map(month).collect()
    }
}

/// Sorted by scope, organisation and day; what stands twice is there once. Scopes become their ranks.
fn sorted(days: Vec<AccessDay>, ranks: &Ranks) -> Vec<AccessDay> {
    // Scopes are few and their ranks dense: rows are counted to their scope's place, then the few of each scope are sorted.
    let mut starts = vec![0usize; ranks.count() + 2];
    days.iter().for_each(|day| starts[ranks.of(day.scope) as usize + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut sorted = days.clone();
    for day in days {
        let rank = ranks.of(day.scope);
        sorted[next[rank as usize]] = AccessDay { scope: rank, ..day };
        next[rank as usize] += 1;
    }
    starts.windows(2).for_each(|bounds| sorted[bounds[0]..bounds[1]].sort_unstable());
    sorted.dedup_by_key(|day| (day.scope, day.organisation, day.day));
    sorted
}

/// The rows of one billing month.
pub struct Month<'a> {
    ledger: &'a ScopeLedger,
    days: Vec<AccessDay>,
    /// Code of the scope by its rank.
    by_rank: Arc<Vec<u32>>,
}

impl Month<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.days.len()
    }

    /// Some of the rows.
    /// # Errors
    /// `Bug` if columns do not fit together.
    pub fn batch(&self, range: Range<usize>, knowledge: &Knowledge, group: &str) -> Result<RecordBatch> {
        let rows = &self.days[range];
        let access = |row: &AccessDay| self.ledger.access[row.access as usize].as_ref();
        let seconds = rows.iter().map(|row| access(row).covered_micros().div_euclid(1_000_000));
        let covered = rows.iter().map(|row| Some(access(row).is_covered(&knowledge.rules))).collect::<BooleanArray>();
        let organisations = knowledge.parties.organisations();
        record_batch(
            Table::FactAccessDay,
            vec![
                (name::USAGE_DATE, Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.day)))),
                (name::ORGANISATION_ID, coded(rows.iter().map(|row| row.organisation), organisations.iter().map(|id| Some(id.as_str())))?),
                (name::SCOPE, self.scopes(rows)?),
                (name::GROUP_ID, coded(rows.iter().map(|_| 0), std::iter::once(Some(group)))?),
                (name::COVERED, Arc::new(covered)),
                (name::COVERED_SECONDS, Arc::new(Int64Array::from_iter_values(seconds))),
                (name::GAPS, gap_lists(rows.iter().map(access))),
                (name::ASSIGNMENT_IDS, self.assignment_lists(rows, knowledge)),
                (name::OPERATIONS, Arc::new(Int64Array::new_null(rows.len()))),
            ],
        )
    }

    /// The rows of a scope are neighbours: a new one is a new entry.
    fn scopes(&self, rows: &[AccessDay]) -> Result<ArrayRef> {
        let mut last = None;
        let mut shown = Vec::new();
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            if last.replace(row.scope) != Some(row.scope) {
                let code = (row.scope as usize).checked_sub(1).and_then(|rank| self.by_rank.get(rank));
                shown.push(Some(code.and_then(|code| self.ledger.scopes.shown(*code)).unwrap_or_default()));
            }
            keys.push(narrow(shown.len() - 1));
        }
        coded(keys.into_iter(), shown.into_iter())
    }

    /// Assignments with a span in A2, sorted (details 33).
    fn assignment_lists(&self, rows: &[AccessDay], knowledge: &Knowledge) -> ArrayRef {
        let mut distinct: Vec<&str> = Vec::new();
        let mut codes: HashMap<&str, usize> = HashMap::new();
        let mut lists: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut keys = Vec::new();
        let mut lengths = Vec::with_capacity(rows.len());
        let mut last: Option<(u32, Vec<usize>)> = None;
        for row in rows {
            if last.as_ref().is_none_or(|(access, _)| *access != row.access) {
                let list = lists.entry(row.access).or_insert_with(|| {
                    let ids = assignments(&self.ledger.access[row.access as usize], knowledge);
                    let code = |id| {
                        *codes.entry(id).or_insert_with(|| {
                            distinct.push(id);
                            distinct.len() - 1
                        })
                    };
                    ids.into_iter().map(code).collect()
                });
                last = Some((row.access, list.clone()));
            }
            let list = last.as_ref().map_or(&[][..], |(_, list)| list);
            keys.extend_from_slice(list);
            lengths.push(list.len());
        }
        let values = StringArray::from_iter_values(keys.iter().map(|key| distinct[*key]));
        Arc::new(ListArray::new(item(Kind::Texts), OffsetBuffer::from_lengths(lengths), Arc::new(values), None))
    }
}

fn assignments<'k>(day: &OrganisationDay, knowledge: &'k Knowledge) -> Vec<&'k str> {
    let counting = day.touches.iter().filter(|t| t.earns && !t.linked.is_empty());
    let mut ids: Vec<&str> = counting.map(|t| knowledge.intervals()[t.interval].assignment_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn item(kind: Kind) -> Arc<Field> {
    match kind.arrow() {
        DataType::List(item) => item,
        other => Arc::new(Field::new("element", other, true)),
    }
}

fn gap_lists<'a>(days: impl Iterator<Item = &'a OrganisationDay> + Clone) -> ArrayRef {
    let gaps: Vec<Span> = days.clone().flat_map(|day| day.gaps.iter().copied()).collect();
    let instants = |f: &dyn Fn(&Span) -> i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from_iter_values(gaps.iter().map(f)).with_timezone("UTC")) };
    let item = item(Kind::Gaps);
    let fields = match item.data_type() {
        DataType::Struct(fields) => fields.clone(),
        _ => Default::default(),
    };
    let parts = StructArray::new(fields, vec![instants(&|s| s.from.0), instants(&|s| s.until.0)], None);
    let offsets = OffsetBuffer::from_lengths(days.map(|day| day.gaps.len()));
    Arc::new(ListArray::new(item, offsets, Arc::new(parts), None))
}
