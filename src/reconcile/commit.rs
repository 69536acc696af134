//! What month end found becomes visible: `fact_difference` of the month replaced whole, rejections of the statement, then the row of `run`.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::report::Report;
use super::spec;
use super::state::{MonthState, group_of};
use super::table::Differences;
use crate::commit::{Committed, Staged, commit_one, discard_all};
use crate::derived::Derived;
use crate::error::Result;
use crate::group::{rejection_batch, stage};
use crate::job::Job;
use crate::known::Known;
use crate::receipt::Receipts;
use crate::run_row::{Input, RunRecord};
use crate::schema::Table;
use crate::sink::{FileSpec, Output, RECONCILE, WrittenFile};
use crate::statement::StatementInput;

/// Raised when the same lines and the same statement give other differences.
const RECONCILE_VERSION: u32 = 1;

/// How a comparison ends.
pub struct Ending<'a> {
    output: &'a Output,
    month: &'a MonthState,
    statement: &'a StatementInput,
    run_id: String,
    started: SystemTime,
    fingerprint: String,
    /// Nothing changed since the last comparison.
    unchanged: bool,
}

impl<'a> Ending<'a> {
    /// Looks whether there is anything to write.
    pub fn new(job: &Job, output: &'a Output, month: &'a MonthState, statement: &'a StatementInput, started: SystemTime, run_id: String) -> Ending<'a> {
        let fingerprint = fingerprint(job, month, statement);
        let same = |table: Table| month.written(table).iter().all(|file| file.fingerprint == fingerprint);
        let told = month.last().is_some_and(|last| last.fingerprint == fingerprint);
        let unchanged = told && same(Table::FactDifference) && same(Table::Rejection);
        Ending { output, month, statement, run_id, started, fingerprint, unchanged }
    }

    /// The file to write into; `None`: what is there is the same.
    /// # Errors
    /// `Storage`.
    pub fn differences(&self) -> Result<Option<Differences>> {
        if self.unchanged {
            return Ok(None);
        }
        Differences::begin(self.output, spec(&self.month.month, &self.fingerprint, &self.run_id)).map(Some)
    }

    /// Commits, unless nothing changed.
    /// # Errors
    /// `Lost` if another run changed the same tables first; `Storage`.
    pub fn commit(self, written: Option<WrittenFile>, report: Report, known: &Known, since: Instant) -> Result<Report> {
        let report = report.timed(since.elapsed(), self.fingerprint.clone());
        if self.unchanged {
            return Ok(report);
        }
        let report = Report { run_id: Some(self.run_id.clone()), ..report };
        let mut staged = Staged::default();
        staged.add(written.map(|file| self.output.stage(file)).transpose()?);
        staged.remove(Table::FactDifference, self.month.written(Table::FactDifference));
        let rejected = self.stage_rejections().inspect_err(|_| discard_all(self.output, &staged))?;
        staged.add(rejected);
        staged.remove(Table::Rejection, self.month.written(Table::Rejection));
        let (receipts, written) = (Receipts::of(self.output.storage()), BTreeMap::new());
        let derived = Derived { known, output: self.output, receipts: &receipts, planned: &self.month.planned, written: &written, run_id: &self.run_id };
        let state = &self.month.state;
        let mut committed = Vec::new();
        for table in [Table::FactDifference, Table::Rejection] {
            committed.push(commit_one(state, table, &mut staged, &derived).inspect_err(|_| discard_all(self.output, &staged))?);
        }
        let report = Report { tables: committed.iter().map(Committed::written).collect(), ..report };
        self.record(&report, known, self.tables(committed)).commit(state, &derived)?;
        Ok(report)
    }

    fn stage_rejections(&self) -> Result<Option<crate::sink::StagedFile>> {
        let rejections: Vec<_> = self.statement.rejections.iter().cloned().map(|r| r.of_statement(group_of(&self.month.month))).collect();
        if rejections.is_empty() {
            return Ok(None);
        }
        let spec = FileSpec { table: Table::Rejection, month: None, ..spec(&self.month.month, &self.fingerprint, &self.run_id) };
        stage(self.output, spec, &rejection_batch(&rejections)?).map(Some)
    }

    /// All tables as they are now: readers go by the newest row.
    fn tables(&self, committed: Vec<Committed>) -> Vec<Committed> {
        let mut all: BTreeMap<Table, Committed> = BTreeMap::new();
        for (table, state) in self.month.state.tables.iter().filter(|(table, _)| **table != Table::Run) {
            if let Some(state) = state {
                let rows = state.files.iter().map(|file| file.rows).sum();
                all.insert(*table, Committed { table: *table, version: state.version, rows, added: 0, removed: 0 });
            }
        }
        all.extend(committed.into_iter().map(|of| (of.table, of)));
        all.into_values().collect()
    }

    fn record(&self, report: &Report, known: &Known, tables: Vec<Committed>) -> RunRecord {
        let micros = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        RunRecord {
            run_id: self.run_id.clone(),
            command: RECONCILE,
            summary: report.summary().to_string(),
            took: report.took,
            rules_fingerprint: known.rules_fingerprint.clone(),
            started_micros: i64::try_from(micros).unwrap_or(i64::MAX),
            inputs: self.statement.files.files.iter().map(Input::other).collect(),
            tables,
            changed: Vec::new(),
        }
    }
}

/// Equal fingerprints mean equal rows: the files of the month's credit lines, the statement, the rules of month end.
fn fingerprint(job: &Job, month: &MonthState, statement: &StatementInput) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    part(&format!("{RECONCILE_VERSION} {} {:?}", month.month, job.month_rules));
    month.lines.iter().for_each(|file| [&file.path, &file.fingerprint].into_iter().for_each(|text| part(text)));
    part("statement");
    statement.files.files.iter().for_each(|file| [&file.name, &file.hash].into_iter().for_each(|text| part(text)));
    hasher.finalize().to_hex().to_string()
}
