//! What month end found becomes visible: `fact_difference` of the month replaced whole, rejections of the statement, then the row of `run`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::ReconcileOptions;
use super::later::{Later, batch};
use super::report::Report;
use super::spec;
use super::state::{MonthState, group_of};
use super::table::Differences;
use crate::commit::{Committed, Staged, commit_one, discard_all};
use crate::derived::Derived;
use crate::error::{Error, Result};
use crate::group::{rejection_batch, stage};
use crate::job::Job;
use crate::known::Known;
use crate::plan::State;
use crate::receipt::Receipts;
use crate::run_row::{Input, RunRecord};
use crate::schema::Table;
use crate::sink::{FileSpec, MonthAction, Output, RECONCILE, StagedFile, WrittenFile};
use crate::statement::StatementInput;

/// Raised when the same lines and the same statement give other differences.
const RECONCILE_VERSION: u32 = 1;

/// How a comparison ends.
pub struct Ending<'a> {
    output: &'a Output,
    month: &'a MonthState,
    statement: &'a StatementInput,
    later: &'a Later,
    run_id: String,
    started: SystemTime,
    fingerprint: String,
    /// Nothing changed since the last comparison.
    unchanged: bool,
}

impl<'a> Ending<'a> {
    /// Looks whether there is anything to write.
    pub fn new(job: &Job, output: &'a Output, month: &'a MonthState, statement: &'a StatementInput, later: &'a Later, started: SystemTime) -> Ending<'a> {
        let fingerprint = fingerprint(job, month, statement);
        let same = |table: Table| month.written(table).iter().all(|file| file.fingerprint == fingerprint);
        let told = month.last().is_some_and(|last| last.fingerprint == fingerprint);
        let same = told && same(Table::FactDifference) && same(Table::Rejection);
        let closes = later.close && !month.state.closed.contains(&month.month);
        let unchanged = same && !closes && later.news.is_empty();
        Ending { output, month, statement, later, run_id: Uuid::now_v7().to_string(), started, fingerprint, unchanged }
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
        let booked = self.stage_adjustments().inspect_err(|_| discard_all(self.output, &staged))?;
        let mut tables = vec![Table::FactDifference, Table::Rejection];
        // A close makes the table, booked or not: readers find it from then on.
        tables.extend(self.later.close.then_some(Table::FactAdjustment));
        staged.add(booked);
        let (receipts, written) = (Receipts::of(self.output.storage()), BTreeMap::new());
        let derived = Derived { known, output: self.output, receipts: &receipts, planned: &self.month.planned, written: &written, run_id: &self.run_id };
        let state = &self.month.state;
        let mut committed = Vec::new();
        for table in tables {
            committed.push(commit_one(state, table, &mut staged, &derived).inspect_err(|_| discard_all(self.output, &staged))?);
        }
        let report = Report { tables: committed.iter().map(Committed::written).collect(), ..report };
        self.record(&report, known, self.tables(committed)).commit(state, &derived)?;
        if self.later.close {
            self.check_frozen()?;
        }
        Ok(report)
    }

    /// A run that looked before the month was closed may have changed it since.
    fn check_frozen(&self) -> Result<()> {
        let now = self.output.live(Table::FactCreditLine)?;
        let mut files: Vec<_> = now.iter().flat_map(|state| &state.files).filter(|file| file.month.as_deref() == Some(&self.month.month)).cloned().collect();
        files.sort_by(|a, b| (&a.group, &a.path).cmp(&(&b.group, &b.path)));
        if files == self.month.lines {
            return Ok(());
        }
        let next = "the month is closed with what that run wrote: open it again with --reopen, and close it again";
        let place = self.output.storage().shown(Table::FactCreditLine.name());
        Err(Error::lost("closed_meanwhile", format!("closing {}", self.month.month), place, "a run changed the month while it was being closed", next))
    }

    fn stage_adjustments(&self) -> Result<Option<StagedFile>> {
        if self.later.news.is_empty() {
            return Ok(None);
        }
        let spec = FileSpec { table: Table::FactAdjustment, ..spec(&self.month.month, &self.fingerprint, &self.run_id) };
        stage(self.output, spec, &batch(&self.later.news, &self.run_id)?).map(Some)
    }

    fn stage_rejections(&self) -> Result<Option<StagedFile>> {
        let rejections: Vec<_> = self.statement.rejections.iter().cloned().map(|r| r.of_statement(group_of(&self.month.month))).collect();
        if rejections.is_empty() {
            return Ok(None);
        }
        let spec = FileSpec { table: Table::Rejection, month: None, ..spec(&self.month.month, &self.fingerprint, &self.run_id) };
        stage(self.output, spec, &rejection_batch(&rejections)?).map(Some)
    }

    fn tables(&self, committed: Vec<Committed>) -> Vec<Committed> {
        tables(&self.month.state, committed)
    }

    fn record(&self, report: &Report, known: &Known, tables: Vec<Committed>) -> RunRecord {
        RunRecord {
            run_id: self.run_id.clone(),
            command: RECONCILE,
            summary: report.summary().to_string(),
            took: report.took,
            rules_fingerprint: known.rules_fingerprint.clone(),
            started_micros: micros(self.started),
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

fn micros(started: SystemTime) -> i64 {
    i64::try_from(started.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(i64::MAX)
}

/// All tables as they are now: readers go by the newest row.
fn tables(state: &State, committed: Vec<Committed>) -> Vec<Committed> {
    let mut all: BTreeMap<Table, Committed> = BTreeMap::new();
    for (table, state) in state.tables.iter().filter(|(table, _)| **table != Table::Run) {
        if let Some(state) = state {
            let rows = state.files.iter().map(|file| file.rows).sum();
            all.insert(*table, Committed { table: *table, version: state.version, rows, added: 0, removed: 0 });
        }
    }
    all.extend(committed.into_iter().map(|of| (of.table, of)));
    all.into_values().collect()
}

/// Opens a closed month again: a row of `run` says so, and why. The next run brings the month up to date.
/// # Errors
/// `Usage` if the month is not closed; `Storage`.
pub fn reopen(output: &Output, known: &Known, options: &ReconcileOptions, reason: &str, started: SystemTime) -> Result<Report> {
    let state = State::read_with_months(output)?;
    let month = &options.month;
    if !state.closed.contains(month) {
        let closed = if state.closed.is_empty() { "none".to_owned() } else { state.closed.iter().cloned().collect::<Vec<_>>().join(", ") };
        let seen = format!("the month is not closed; closed are: {closed}");
        return Err(Error::usage("month_not_closed", "opening a month again", format!("--month {month}"), seen, "name a closed month"));
    }
    let run_id = Uuid::now_v7().to_string();
    let summary = serde_json::json!({ "month": month, "action": MonthAction::Reopened.word(), "fingerprint": "", "reason": reason });
    let record = RunRecord {
        run_id: run_id.clone(),
        command: RECONCILE,
        summary: summary.to_string(),
        took: Duration::ZERO,
        rules_fingerprint: known.rules_fingerprint.clone(),
        started_micros: micros(started),
        inputs: Vec::new(),
        tables: tables(&state, Vec::new()),
        changed: Vec::new(),
    };
    let (receipts, written) = (Receipts::of(output.storage()), BTreeMap::new());
    record.commit(&state, &Derived { known, output, receipts: &receipts, planned: &[], written: &written, run_id: &run_id })?;
    Ok(Report::reopened(month, reason, run_id))
}
