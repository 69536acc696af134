//! Month end (R-MONTH): what a month's charges should have earned, what Microsoft says it applied and billed, and why the two differ.
//!
//! [`reconcile`] is the list of its steps. It reads the output, not the charges again: that is what the reader of the tables sees, and
//! for a closed month the only truth. So the output must be up to date with the inputs of the month.

mod charges;
mod commit;
mod figures;
mod later;
mod lines;
mod remedies;
mod report;
mod state;
mod table;
mod text;

use std::collections::BTreeMap;
use std::time::Instant;

use pecan_core::reconcile::{Books, KeyTooLarge, Reconciled};
use pecan_core::statement::LineKey;

use self::charges::{Part, Totals, too_large};
use self::commit::Ending;
use self::figures::{ByCause, Example, Tops};
use self::later::{Later, NowKnown};
use self::remedies::{LostDays, Remedies};
pub use self::report::Report;
use self::state::MonthState;
use self::table::{Differences, Piece, of_invoices, of_lines};
use crate::error::Result;
use crate::job::Job;
use crate::known::Known;
use crate::pipeline::{in_pool, open_output};
use crate::plan::find_groups;
use crate::progress::Progress;
use crate::schema::Table;
use crate::sink::{FileSpec, Output, WrittenFile};
use crate::statement::{self, StatementInput};

/// What is asked of month end.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// `YYYY-MM`.
    pub month: String,
    /// What is to be done with it.
    pub action: Closing,
    /// Threads; results never depend on it.
    pub threads: usize,
    /// Where progress is shown.
    pub progress: Progress,
}

/// What is to be done with a month (R-AGAIN-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// Compare it.
    Compare,
    /// Compare it, close it, and book what became known of months closed before.
    Close,
    /// Open it again, for this reason.
    Reopen(String),
}

/// Compares a month with its statement and writes the differences, if they are news.
/// # Errors
/// `Input` (exit 3) if the output is not up to date with the inputs of the month or has no charge of it, and for unreadable files;
/// `Lost`, `Storage`. Differences are no error here: see [`Report::verdict`].
pub fn reconcile(job: &Job, options: &ReconcileOptions) -> Result<Report> {
    in_pool(options.threads, || reconcile_in_pool(job, options))
}

fn reconcile_in_pool(job: &Job, options: &ReconcileOptions) -> Result<Report> {
    let (started, since) = (std::time::SystemTime::now(), Instant::now());
    let progress = &options.progress;
    progress.stage("reading the audit log and reference tables");
    let known = Known::read(job)?;
    progress.stage("finding charges");
    let found = find_groups(job)?;
    let output = open_output(job)?;
    if let Closing::Reopen(reason) = &options.action {
        return commit::reopen(&output, &known, options, reason, started);
    }
    let state = MonthState::read(&output, &found, &known, &options.month)?;
    progress.stage("reading the statement");
    let mut books = Books::new(job.month_rules);
    let statement = statement::read(job, &options.month, &mut |row| books.add_row(row).map_err(|KeyTooLarge { key }| too_large(&key)))?;
    let now_known = NowKnown { job, known: &known, found: &found, output: &output, month: &state, progress };
    let later = Later::find(&now_known, options)?;
    let ending = Ending::new(job, &output, &state, &statement, &later, started);

    progress.stage(format!("comparing {}", options.month));
    let mut month = Month { output: &output, books, differences: ending.differences()?, sums: Sums::default(), lost: LostDays::new(&known) };
    let rows = month.add_lines(&state, progress)?;
    let (reconciled, written) = month.finish(&state, rows, statement.has_files())?;
    let remedies = Remedies::of(&known, month.lost, month.sums.last_day)?;
    let report = Report::new(job, &state, &statement, month.sums, reconciled, remedies).with_later(&later, &state)?;
    progress.stage("committing");
    let report = ending.commit(written, report, &known, since)?;
    progress.finish();
    Ok(report)
}

/// What is added up beside the books.
#[derive(Default)]
struct Sums {
    totals: BTreeMap<String, Totals>,
    causes: ByCause,
    tops: Tops,
    /// By key without availability.
    examples: BTreeMap<LineKey, Example>,
    last_day: i32,
}

/// A month being compared.
struct Month<'a> {
    output: &'a Output,
    books: Books,
    /// `None`: nothing is to be written.
    differences: Option<Differences>,
    sums: Sums,
    lost: LostDays<'a>,
}

impl Month<'_> {
    /// Reads every credit line of the month.
    fn add_lines(&mut self, state: &MonthState, progress: &Progress) -> Result<u64> {
        let encoder = self.output.encoder(Table::FactDifference)?;
        let work = |lines: &lines::Lines, part: &mut Part| charges::add(lines, &encoder, part);
        lines::each(self.output, &state.lines, progress, work, Part::default, &mut |part| self.take(part))
    }

    fn take(&mut self, part: Part) -> Result<()> {
        let Sums { totals, causes, tops, examples, last_day } = &mut self.sums;
        for (currency, more) in part.totals {
            let of = LineKey::new(&currency, [None; 5]);
            totals.entry(currency).or_default().add(more).map_err(|_| too_large(&of))?;
        }
        causes.merge(&part.causes).map_err(|_| too_large(&LineKey::default()))?;
        tops.merge(part.tops);
        for line in part.gathered {
            let added = self.books.add_gathered(&line.key, line.meter_id.as_deref(), line.exchange_rate, &line.sums);
            added.map_err(|KeyTooLarge { key }| too_large(&key))?;
            *last_day = (*last_day).max(line.last_day);
            examples.entry(line.key.short()).or_default().merge(line.example);
        }
        for charge in &part.others {
            self.books.add_charge(charge).map_err(|KeyTooLarge { key }| too_large(&key))?;
        }
        for lost in part.lost {
            self.lost.add(lost)?;
        }
        match &mut self.differences {
            Some(differences) => part.pieces.into_iter().try_for_each(|piece| differences.add(piece)),
            None => Ok(()),
        }
    }

    /// Compares the books, completes the file, and proves that nothing was lost (R-MONTH-4).
    fn finish(&mut self, state: &MonthState, rows: u64, with_statement: bool) -> Result<(Option<Reconciled>, Option<WrittenFile>)> {
        assert!(rows == state.rows(), "{rows} credit lines read where the table has {}", state.rows());
        assert!(rows == self.sums.totals.values().map(|total| total.lines).sum::<u64>(), "credit lines without a currency's total");
        let sums = self.sums.causes.differences().map_err(|_| too_large(&LineKey::default()))?;
        for (currency, total) in &self.sums.totals {
            let wanted = total.credit - total.applied;
            let found = sums.get(currency.as_str()).copied().unwrap_or_default();
            assert!(found == wanted, "differences of charges in {currency} add up to {found}, credits differ by {wanted}");
        }
        let reconciled = match with_statement {
            true => Some(self.books.compare().map_err(|KeyTooLarge { key }| too_large(&key))?),
            false => None,
        };
        let Some(mut differences) = self.differences.take() else { return Ok((reconciled, None)) };
        let charges: u64 = self.sums.causes.0.values().map(|sum| sum.rows).sum();
        assert!(charges == differences.rows(), "{charges} charges differ, {} rows were made of them", differences.rows());
        if let Some(found) = &reconciled {
            differences.add(Piece::Few(of_lines(&found.lines)?))?;
            differences.add(Piece::Few(of_invoices(&found.invoices)?))?;
        }
        Ok((reconciled, differences.finish()?))
    }
}

impl StatementInput {
    /// Whether the job names a statement at all.
    fn has_files(&self) -> bool {
        !self.files.files.is_empty()
    }
}

/// The file of a month's differences.
fn spec(month: &str, fingerprint: &str, run: &str) -> FileSpec {
    FileSpec {
        table: Table::FactDifference,
        month: Some(month.to_owned()),
        group: state::group_of(month),
        fingerprint: fingerprint.to_owned(),
        run: run.to_owned(),
        ordinal: 0,
    }
}
