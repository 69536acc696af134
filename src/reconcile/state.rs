//! What the output holds of a month, and whether that is what the inputs say now.

use crate::error::{Error, Result};
use crate::job::RunOptions;
use crate::known::Known;
use crate::plan::{Action, Found, GROUP_TABLES, Planned, State, WHOLE_TABLES, plan};
use crate::progress::Progress;
use crate::receipt::Receipts;
use crate::schema::Table;
use crate::sink::{LiveFile, MonthDone, Output};
use crate::slice::Slicer;

/// The output as month end found it.
pub struct MonthState {
    /// `YYYY-MM`.
    pub month: String,
    /// Every table, those of month end too.
    pub state: State,
    /// What a run would do.
    pub planned: Vec<Planned>,
    /// Files of `fact_credit_line` of the month, by group.
    pub lines: Vec<LiveFile>,
}

/// The group of what month end writes about a month. Groups of charges have a piece's number; this has none.
pub fn group_of(month: &str) -> String {
    format!("reconcile/{month}")
}

impl MonthState {
    /// Looks at the output.
    /// # Errors
    /// `Input`: nothing was settled yet, a run would change the month, or there is no charge of it; `Storage`.
    pub fn read(output: &Output, found: &Found, known: &Known, month: &str) -> Result<MonthState> {
        let state = State::read_with_months(output)?;
        let receipts = Receipts::of(output.storage());
        let options = RunOptions { from: None, until: None, force: false, prune: false, dry_run: true, threads: 1, progress: Progress::off() };
        let planned = plan(found, &Slicer::new(known), &state, &receipts, &options);
        let mut lines: Vec<LiveFile> = state.files(Table::FactCreditLine).iter().filter(|file| file.month.as_deref() == Some(month)).cloned().collect();
        // Names of files hold the run: the order of groups is that of the inputs, whoever wrote them.
        lines.sort_by(|a, b| (&a.group, &a.path).cmp(&(&b.group, &b.path)));
        let found = MonthState { month: month.to_owned(), state, planned, lines };
        found.check(output)?;
        Ok(found)
    }

    fn check(&self, output: &Output) -> Result<()> {
        let first = |place: String, seen: String| {
            let next = "run `pecan run` first: month end compares the output, which must say what the inputs say now";
            Err(Error::input("run_first", format!("comparing {}", self.month), place, seen, next))
        };
        if let Some(planned) = self.planned.iter().find(|planned| self.is_concerned(planned)) {
            return first(planned.group_id.clone(), format!("a run would {} this group: {}", planned.action.word(), planned.why));
        }
        if !self.is_complete() {
            return first(output.storage().shown(Table::Run.name()), "the newest row does not name the tables as they are: a run was interrupted".to_owned());
        }
        if self.lines.is_empty() {
            let months: std::collections::BTreeSet<&str> = self.state.files(Table::FactCreditLine).iter().filter_map(|f| f.month.as_deref()).collect();
            let there = if months.is_empty() { "none".to_owned() } else { months.into_iter().collect::<Vec<_>>().join(", ") };
            let seen = format!("no credit line of this billing month; there are: {there}");
            let place = output.storage().shown(Table::FactCreditLine.name());
            return Err(Error::input("month_empty", format!("comparing {}", self.month), place, seen, "name a billing month that has charges"));
        }
        Ok(())
    }

    /// Whether what a run would do may change the month. Groups whose days are not known before they are read may hold any.
    fn is_concerned(&self, planned: &Planned) -> bool {
        if !matches!(planned.action, Action::Write | Action::Replace | Action::Remove) {
            return false;
        }
        let live = self.lines.iter().any(|file| file.group == planned.group_id);
        let may = match planned.group.as_ref().map(|group| group.days) {
            None => false,
            Some(None) => planned.action == Action::Write || planned.parts.contains(&"content"),
            // The days of an export run are those of its period.
            Some(Some((from, until))) => (from..until).any(|day| pecan_core::time::Day(day).month() == self.month),
        };
        live || may
    }

    /// Whether the newest row of `run` names every table as it is now (details 39).
    fn is_complete(&self) -> bool {
        let Some(row) = self.state.runs.last() else { return false };
        GROUP_TABLES.iter().chain(&WHOLE_TABLES).all(|table| {
            let named = row.tables.iter().find(|t| t.name == table.name()).map(|t| t.version);
            named.is_some() && named == self.state.tables.get(table).and_then(Option::as_ref).map(|state| state.version)
        })
    }

    /// Credit lines of the month.
    pub fn rows(&self) -> u64 {
        self.lines.iter().map(|file| file.rows).sum()
    }

    /// What month end did last with this month.
    pub fn last(&self) -> Option<&MonthDone> {
        self.state.runs.iter().rev().filter_map(|row| row.month_done.as_ref()).find(|last| last.month == self.month)
    }

    /// Live files of month end for this month.
    pub fn written(&self, table: Table) -> Vec<LiveFile> {
        let group = group_of(&self.month);
        self.state.files(table).iter().filter(|file| file.group == group).cloned().collect()
    }
}
