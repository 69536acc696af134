//! The tables that are replaced as a whole, made of what all groups came to: as this run leaves them, and once more if another
//! run changed one of them meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use crate::decide::newest::Names;
use crate::error::Result;
use crate::group::stage;
use crate::known::Known;
use crate::plan::{Action, Planned, State};
use crate::receipt::{Receipt, Receipts};
use crate::schema::Table;
use crate::sink::{FileSpec, LiveFile, Output, StagedFile};
use crate::whole;

/// What a run must know to make them.
pub struct Derived<'a> {
    /// Audit log and reference tables.
    pub known: &'a Known,
    /// Where files are staged.
    pub output: &'a Output,
    /// What groups came to.
    pub receipts: &'a Receipts<'a>,
    /// What the run does with every group.
    pub planned: &'a [Planned],
    /// Receipts of the groups it wrote.
    pub written: &'a BTreeMap<String, Receipt>,
    /// The run.
    pub run_id: &'a str,
}

/// How a table, or the part of `rejection` that is of no group, changes.
#[derive(Debug, Default)]
pub struct Replacement {
    /// The new file, if it has rows.
    pub add: Option<StagedFile>,
    /// The files it takes the place of.
    pub removes: Vec<LiveFile>,
    /// Hash of its content after the run, and its rows.
    pub content: (String, u64),
}

/// Receipts of the groups that are live once a run has committed.
#[derive(Debug, Default)]
pub struct LiveReceipts {
    /// Those that are there.
    pub all: Vec<Receipt>,
    /// Groups without one.
    pub missing: Vec<String>,
}

impl Derived<'_> {
    /// Receipts of all groups whose output is live after this run, if the tables hold what `state` says now.
    pub fn receipts_after(&self, state: &State) -> LiveReceipts {
        let mut found = LiveReceipts { all: self.written.values().cloned().collect(), missing: Vec::new() };
        // A group may have files of closed months beside those of this run or the last: it adds what it says of these.
        for group in state.frozen_groups() {
            let open = state.fingerprints(group);
            let kept = |fingerprint: &str| open.contains(fingerprint) && !self.written.contains_key(group) && !self.takes_out(group);
            for fingerprint in state.frozen(group).into_iter().filter(|fingerprint| !kept(fingerprint)) {
                match self.receipts.read(fingerprint) {
                    Some(receipt) => {
                        let credit = receipt.credit.iter().filter(|(month, ..)| state.closed.contains(month)).cloned().collect();
                        found.all.push(Receipt { credit, ..receipt });
                    }
                    None => found.missing.push(group.to_owned()),
                }
            }
        }
        let closed = self.planned.iter().filter(|p| p.action == Action::Closed && !p.fingerprint.is_empty());
        found.all.extend(closed.filter_map(|p| self.receipts.read(&p.fingerprint)));
        let taken_out: BTreeSet<&str> = self.planned.iter().filter(|p| p.action == Action::Remove).map(|p| p.group_id.as_str()).collect();
        // Groups without any row have a receipt and no file.
        let mut live: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for kept in self.planned.iter().filter(|p| p.action == Action::Keep && !state.frozen(&p.group_id).contains(p.fingerprint.as_str())) {
            live.entry(&kept.group_id).or_default().insert(&kept.fingerprint);
        }
        for group in state.groups() {
            live.entry(group).or_default().extend(state.fingerprints(group));
        }
        for (group, fingerprints) in live.into_iter().filter(|(group, _)| !self.written.contains_key(*group) && !taken_out.contains(group)) {
            for fingerprint in fingerprints {
                match self.receipts.read(fingerprint) {
                    Some(receipt) => found.all.push(receipt),
                    None => found.missing.push(group.to_owned()),
                }
            }
        }
        found
    }

    fn takes_out(&self, group: &str) -> bool {
        self.planned.iter().any(|p| p.action == Action::Remove && p.group_id == group)
    }

    /// Stages every such table that is to change. The receipts are those of [`receipts_after`](Self::receipts_after).
    /// # Errors
    /// `Storage`; `Bug` if columns do not fit together.
    pub fn replace_all(&self, state: &State, receipts: &LiveReceipts) -> Result<BTreeMap<Table, Replacement>> {
        let batches = self.batches(receipts)?;
        batches.into_iter().map(|(table, batch)| Ok((table, self.stage(table, &batch, state)?))).collect()
    }

    /// Stages one of them again, for tables that hold what `state` says now.
    /// # Errors
    /// As [`replace_all`](Self::replace_all).
    pub fn replace(&self, table: Table, state: &State) -> Result<Replacement> {
        let batch = self.batches(&self.receipts_after(state))?.into_iter().find(|(of, _)| *of == table);
        batch.map_or_else(|| Ok(Replacement::default()), |(_, batch)| self.stage(table, &batch, state))
    }

    /// The tables with their rows, in the order of commits; without those that nobody can know.
    fn batches(&self, receipts: &LiveReceipts) -> Result<Vec<(Table, RecordBatch)>> {
        let mut names = Names::default();
        let mut days: Option<(i32, i32)> = None;
        for receipt in &receipts.all {
            names.merge(&receipt.names);
            days = match (days, receipt.days) {
                (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                (a, b) => a.or(b),
            };
        }
        let mut batches = whole::batches(self.known, &names, days)?;
        batches.retain(|(table, _)| receipts.missing.is_empty() || !whole::FROM_CHARGES.contains(table));
        Ok(batches)
    }

    /// Where the content changed.
    fn stage(&self, table: Table, batch: &RecordBatch, state: &State) -> Result<Replacement> {
        let live = state.whole(table);
        let fingerprint = whole::fingerprint(batch);
        let same = match live.as_slice() {
            [] => batch.num_rows() == 0,
            [file] => file.fingerprint == fingerprint && batch.num_rows() > 0,
            _ => false,
        };
        let content = (fingerprint.clone(), batch.num_rows() as u64);
        if same {
            return Ok(Replacement { content, ..Replacement::default() });
        }
        let spec = || FileSpec { table, month: None, group: String::new(), fingerprint: fingerprint.clone(), run: self.run_id.to_owned(), ordinal: 0 };
        let add = (batch.num_rows() > 0).then(|| stage(self.output, spec(), batch)).transpose()?;
        Ok(Replacement { add, removes: live, content })
    }
}
