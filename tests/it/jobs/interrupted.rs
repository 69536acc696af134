//! A run that was interrupted between the commits of two tables: the next completes it, and no row is doubled.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pecan::job::Job;
use pecan::pipeline::open_output;
use pecan::plan::{GROUP_TABLES, WHOLE_TABLES};
use pecan::schema::{Table, name};

use super::workshop::{Workshop, copy_folder, run};
use crate::tables::{Canonical, assert_equal, canonical, is_delta, live, read, tree};
use crate::verify::changed;

/// The output after a first run without the archive, after a second with it, and what a fresh run of all gives.
struct Story {
    workshop: Workshop,
    format: &'static str,
    expected: Canonical,
}

fn without_archive(mut job: Job) -> Job {
    job.charges.retain(|c| c.name != "archive");
    job
}

impl Story {
    fn new(format: &'static str) -> Story {
        let workshop = Workshop::sample();
        let mut story = Story { workshop, format, expected: Canonical::new() };
        run(&without_archive(story.job("first")));
        copy_folder(&story.workshop.path("jobs/first"), &story.workshop.path("jobs/second"));
        run(&story.job("second"));
        run(&story.job("fresh"));
        story.expected = canonical(&story.job("fresh"));
        story
    }

    fn job(&self, output: &str) -> Job {
        self.workshop.job(&[&format!("output.uri={output}/"), &format!("output.format=\"{}\"", self.format)])
    }

    fn folder(&self, output: &str) -> PathBuf {
        self.workshop.path(&format!("jobs/{output}"))
    }

    fn crashed_after(&self, done: usize) -> Job {
        let output = format!("crash-{done}");
        crash(&self.folder("first"), &self.folder("second"), &self.folder(&output), done);
        self.job(&output)
    }

    fn check(&self, job: &Job, what: &str) {
        run(job);
        assert_equal(&canonical(job), &self.expected, &format!("{} {what}", self.format));
        let output = open_output(job).expect("an output");
        let row = output.latest_run().expect("readable").expect("a run row");
        for table in GROUP_TABLES.into_iter().chain(WHOLE_TABLES) {
            let version = output.live(table).expect("readable").map(|s| s.version);
            assert_eq!(row.tables.iter().find(|t| t.name == table.name()).map(|t| t.version), version, "{} {what}: {}", self.format, table.name());
        }
        assert!(run(job).nothing_to_do, "{} {what}", self.format);
    }
}

/// Makes `target` the output as a crash after the commits of the first `done` tables leaves it, on the way from `first` (which
/// need not exist) to `second`.
pub fn crash(first: &Path, second: &Path, target: &Path, done: usize) {
    if first.exists() {
        copy_folder(first, target);
    }
    // Receipts are written before the first commit, so both runs' are there.
    copy_folder(&second.join("_pecan"), &target.join("_pecan"));
    for (at, table) in GROUP_TABLES.into_iter().chain(WHOLE_TABLES).chain([Table::Run]).enumerate() {
        let (from, to) = (second.join(table.name()), target.join(table.name()));
        if at < done {
            let _ = fs::remove_dir_all(&to);
            copy_folder(&from, &to);
        } else if from.join("_delta_log").exists() {
            add_staged(&from, &to);
        }
    }
}

/// Data files of Delta tables are staged at their final place: a crash before the commit leaves them there, unnamed.
pub fn add_staged(second: &Path, target: &Path) {
    for path in tree(second).into_iter().filter(|(_, bytes)| bytes.is_some()).map(|(path, _)| path) {
        let below = path.strip_prefix(second).expect("below");
        let copy = target.join(below);
        if !below.starts_with("_delta_log") && !copy.exists() {
            fs::create_dir_all(copy.parent().expect("a folder")).expect("created");
            fs::copy(&path, copy).expect("copied");
        }
    }
}

/// R-AGAIN-1, R-AGAIN-2: after a crash between any two commits the next run commits what is missing, then the run row (details 39).
#[test]
fn an_interrupted_run_is_completed() {
    for format in ["delta", "parquet"] {
        let story = Story::new(format);
        for done in 0..=GROUP_TABLES.len() + WHOLE_TABLES.len() {
            let job = story.crashed_after(done);
            story.check(&job, &format!("after {done} commits"));
            let row = open_output(&job).expect("an output").latest_run().expect("readable").expect("a run row");
            let moved = changed::moved(&changed::credit(&story.job("first")), &changed::credit(&job));
            assert_eq!(changed::told(&job, &row.run_id), moved, "{format} after {done} commits: the news of both runs");
        }
    }
}

/// R-AGAIN-1: without receipts nothing is known to be complete; the groups are written again, not twice.
#[test]
fn lost_receipts_and_run_rows_are_made_again() {
    for format in ["delta", "parquet"] {
        let story = Story::new(format);
        let job = story.job("second");
        fs::remove_dir_all(story.folder("second").join("_pecan")).expect("removed");
        story.check(&job, "without receipts");
        fs::remove_dir_all(story.folder("second").join(Table::Run.name())).expect("removed");
        story.check(&job, "without the table of runs");
        fs::remove_dir_all(story.folder("second").join(Table::FactCreditDaily.name())).expect("removed");
        story.check(&job, "without the daily sums");
        let runs: BTreeSet<String> = read(&job, Table::Run).column(name::RUN_ID).into_iter().map(String::from).collect();
        assert_eq!(runs.len(), 2, "each of the last two runs left one row");
        assert_eq!(is_delta(&job), format == "delta");
    }
}

/// R-CONSERVE, details 34: the run that completes another reads few rows; their share of rejections was checked before.
#[test]
fn the_completing_run_is_not_stopped_by_its_share_of_rejections() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let expected = canonical(&job);
    let output = open_output(&job).expect("an output");
    let group = live(&output, Table::Rejection).into_iter().map(|file| file.group).find(|group| !group.is_empty()).expect("a group with rejections");
    let state = output.live(Table::FactCreditDaily).expect("readable").expect("a table");
    let cut: Vec<_> = state.files.iter().filter(|file| file.group == group).cloned().collect();
    output.commit(Table::FactCreditDaily, Some(&state), &[], &cut, "cut").expect("committed");
    let completing = run(&job);
    let limit = completing.rows_read / 20;
    assert!(completing.rejections > limit && completing.rows_read < 100, "{} of {} rows", completing.rejections, completing.rows_read);
    assert_equal(&canonical(&job), &expected, "completed");
}

/// R-AGAIN-1: a crash while files are staged leaves files nobody names; a first run over them is as any first run.
#[test]
fn leftovers_of_a_first_run_do_no_harm() {
    let story = Story::new("delta");
    let target = story.folder("leftovers");
    for table in GROUP_TABLES.into_iter().chain(WHOLE_TABLES) {
        add_staged(&story.folder("second").join(table.name()), &target.join(table.name()));
    }
    fs::create_dir_all(target.join("fact_credit_line/billing_month=2026-09")).expect("created");
    fs::write(target.join("fact_credit_line/billing_month=2026-09/.part-half.tmp"), b"PAR1 half").expect("written");
    story.check(&story.job("leftovers"), "over leftovers");
}
