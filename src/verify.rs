//! `pecan verify`: a past run done again from its own inputs and rules, and what it gives beside what it wrote.
//!
//! Nothing is written into the output; files are recomputed in a temporary folder, group by group. Of each file the run
//! added, in this order: same bytes as recomputed; same rows (R-AGAIN-6); if it is gone, the recorded hash, or, where
//! another version of the program recomputes it, recorded rows and sums.

mod compare;
mod find;
mod inputs;
mod report;
mod rows;

use std::path::Path;

pub use self::inputs::{Gone, known_then};
pub use self::report::{Compared, How, Report};
pub use self::rows::{Difference, Sample};
use crate::answers::AccessTable;
use crate::decide::newest::Names;
use crate::error::{Error, Result};
use crate::group::{Desk, GroupOutput, Shop, process};
use crate::job::Job;
use crate::kept::Kept;
use crate::known::Known;
use crate::past_run::{FileThen, GroupThen, PastRun, sums_of};
use crate::pipeline::{in_pool, open_output};
use crate::plan::State;
use crate::progress::Progress;
use crate::receipt::content_of;
use crate::schema::Table;
use crate::sink::{Output, RUN, RunRow};
use crate::source::ChargeGroup;
use crate::stage::StagedFile;
use crate::storage::disk;
use crate::whole;
use compare::{Past, Recomputed};

/// The newest run.
pub const LATEST: &str = "latest";
/// So many ids are named where one is unknown.
const NAMED: usize = 5;

/// Recomputes a past run.
/// # Errors
/// `Usage` for a run that nobody knows; `Storage`; `Input` if an input that is there cannot be read. What differs, and
/// inputs that are gone, are no errors here: see [`Report::verdict`].
pub fn verify(job: &Job, run: &str, threads: usize, progress: &Progress) -> Result<Report> {
    in_pool(threads, || verify_in_pool(job, run, progress))
}

fn verify_in_pool(job: &Job, run: &str, progress: &Progress) -> Result<Report> {
    progress.stage("finding the run");
    let output = open_output(job)?;
    let kept = Kept::of(output.storage());
    let mut rows = output.runs()?;
    // Month end writes rows, too; it has nothing of its own to be recomputed from.
    rows.retain(|row| row.command == RUN);
    let id = match rows.last() {
        Some(newest) if run == LATEST => newest.run_id.clone(),
        _ => run.to_owned(),
    };
    let complete = rows.iter().any(|row| row.run_id == id);
    let is_name = uuid::Uuid::try_parse(&id).is_ok();
    let past = if is_name { PastRun::read(&kept, &id)? } else { None };
    let mut report = Report { run_id: id.clone(), program_then: String::new(), complete, groups: 0, compared: Vec::new(), gone: inputs::Gone::new() };
    let Some(past) = past else {
        if !complete {
            return Err(unknown(run, &rows, &output));
        }
        report.gone = inputs::record_gone(&id);
        return Ok(report);
    };
    report.program_then.clone_from(&past.program);
    progress.stage("finding its inputs");
    let scratch = tempfile::tempdir().map_err(|e| disk::trouble("making a folder to recompute in", &std::env::temp_dir(), &e))?;
    let groups = inputs::groups_then(job, &past)?;
    let known = inputs::known_then(job, &past, &kept, &scratch.path().join("reference"))?;
    match (groups, known) {
        (Ok(groups), Ok(known)) => {
            let again = Again {
                past: &past,
                kept: &kept,
                known: &known,
                output: &output,
                state: State::read(&output)?,
                same_program: past.program == env!("CARGO_PKG_VERSION"),
            };
            report.groups = groups.len() as u64;
            report.compared = again.compare(&groups, &scratch.path().join("out"), progress)?;
        }
        (groups, known) => report.gone = groups.err().into_iter().chain(known.err()).flatten().collect(),
    }
    Ok(report)
}

/// The runs there are, the nearest to what was typed first, then the newest.
fn unknown(run: &str, rows: &[RunRow], output: &Output) -> Error {
    let mut near: Vec<&str> = rows.iter().rev().map(|row| row.run_id.as_str()).collect();
    let same_start = |id: &str| id.bytes().zip(run.bytes()).take_while(|(a, b)| a == b).count();
    // Ids begin with their time: those of one day begin alike. Sorting is stable, so equals stay newest first.
    near.sort_by_key(|id| std::cmp::Reverse(same_start(id)));
    let next = match near.is_empty() {
        true => "there is no run in this output yet: `pecan run` makes the first".to_owned(),
        false => format!("name one of the {} runs, or `latest`: {}", near.len(), near.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ")),
    };
    Error::usage(
        "run_unknown",
        "finding a past run",
        format!("--run {run}"),
        format!("no row of {} has this id", output.storage().shown(Table::Run.name())),
        next,
    )
}

/// A past run under way again.
struct Again<'a> {
    past: &'a PastRun,
    kept: &'a Kept<'a>,
    known: &'a Known,
    output: &'a Output,
    state: State,
    same_program: bool,
}

impl Again<'_> {
    fn compare(&self, groups: &[ChargeGroup], scratch: &Path, progress: &Progress) -> Result<Vec<Compared>> {
        let carry = &self.past.job.carry;
        disk::create_folder(scratch)?;
        let aside = Output::open(&scratch.to_string_lossy(), self.output.format(), carry)?;
        let access = AccessTable::new(&self.known.knowledge)?;
        progress.expect(groups.iter().flat_map(|g| &g.files).map(|f| f.bytes).sum());
        let (mut all, mut names, mut days) = (Vec::new(), Names::default(), None);
        for (group, then) in groups.iter().zip(&self.past.groups) {
            progress.stage(format!("recomputing {}", group.group_id));
            let desk = Desk { known: self.known, access: &access, carry, progress, losses: false };
            let shop = Shop { desk, output: &aside, run_id: &self.past.id };
            let again = process(group, &then.source, &content_of(group), &shop)?;
            all.extend(self.group(then, &again, &aside)?);
            names.merge(&again.names);
            days = wider(days, again.days());
            aside.discard(&again.staged)?;
        }
        all.extend(self.whole(names, days)?);
        Ok(all)
    }

    fn past<'b>(&self, table: Table, group: &'b str, path: &str) -> Result<Past<'b>> {
        let live = self.state.files(table).iter().any(|file| file.path == path);
        let there = if path.is_empty() { None } else { self.output.storage().read(&format!("{}/{path}", table.name()))? };
        Ok(Past { table, group, there, live, same_program: self.same_program })
    }

    /// The files of a group.
    fn group(&self, then: &GroupThen, again: &GroupOutput, aside: &Output) -> Result<Vec<Compared>> {
        let mut all = Vec::new();
        let is_it = |file: &FileThen, staged: &StagedFile| file.table == staged.table.name() && file.month == staged.month;
        for file in &then.files {
            let Some(table) = Table::from_name(&file.table) else { continue };
            let past = self.past(table, &then.group, &file.path)?;
            all.push(match again.staged.iter().zip(&again.made).find(|(staged, _)| is_it(file, staged)) {
                None => past.one_sided(file.month.as_deref(), file.rows, "nothing is recomputed for this file"),
                Some((staged, (hash, sums))) => {
                    let bytes = aside.storage().read(&staged.key)?.unwrap_or_default();
                    past.file(file, &Recomputed { bytes, hash: hash.clone(), rows: staged.rows, sums: sums.as_ref().map(sums_of).unwrap_or_default() })
                }
            });
        }
        let withheld = |staged: &StagedFile| staged.month.as_ref().is_some_and(|month| then.withheld.contains(month));
        for staged in again.staged.iter().filter(|staged| !withheld(staged) && !then.files.iter().any(|file| is_it(file, staged))) {
            let seen = format!("the run wrote no such file; recomputed, it has {} rows", staged.rows);
            all.push(self.past(staged.table, &then.group, "")?.one_sided(staged.month.as_deref(), 0, &seen));
        }
        Ok(all)
    }

    /// The tables that are replaced whole.
    fn whole(&self, mut names: Names, mut days: Option<(i32, i32)>) -> Result<Vec<Compared>> {
        let others = self.past.others(self.kept).filter(|_| self.past.without_names == 0);
        for other in others.iter().flatten() {
            names.merge(&other.names);
            days = wider(days, other.days);
        }
        let mut all = Vec::new();
        for (table, batch) in whole::batches(self.known, &names, days)? {
            let Some(then) = self.past.whole.iter().find(|then| then.table == table.name()) else { continue };
            let past = self.past(table, "", then.path.as_deref().unwrap_or_default())?;
            all.push(match others.is_none() && whole::FROM_CHARGES.contains(&table) {
                true => past.not_compared(then.rows, "names of other groups were not kept"),
                false => past.whole(then.rows, &batch, &then.fingerprint, &whole::fingerprint(&batch)),
            });
        }
        Ok(all)
    }
}

fn wider(a: Option<(i32, i32)>, b: Option<(i32, i32)>) -> Option<(i32, i32)> {
    match (a, b) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (a, b) => a.or(b),
    }
}
