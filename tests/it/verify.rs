//! `pecan verify`, what runs keep for it, and `run.changed`. What each file proves:
//!
//! | file | proves |
//! |---|---|
//! | `again.rs` | a past run is found equal: replaced, vacuumed, under other rules, with audit and reference files gone |
//! | `tampered.rs` | altered, missing and added data is found and told |
//! | `gone.rs` | inputs that are gone are named, and found again elsewhere; `keep_inputs = "none"` |
//! | `kept.rs` | what is kept gives the same knowledge, is kept once, and goes when no run needs it |
//! | `changed.rs` | `run.changed` beside a naive twin |
//!
//! `jobs/histories.rs` and `jobs/interrupted.rs` ask both of random histories and of interrupted runs.

mod again;
pub mod changed;
mod gone;
mod kept;
mod tampered;

use std::path::{Path, PathBuf};

use pecan::job::Job;
use pecan::pipeline::open_output;
use pecan::progress::Progress;
use pecan::verify::{Report, verify};

use crate::jobs::workshop::Workshop;

const FORMATS: [&str; 2] = ["delta", "parquet"];

fn job_in(workshop: &Workshop, format: &str) -> Job {
    workshop.job(&[&format!("output.format=\"{format}\"")])
}

/// A job whose runs are quick.
fn archive(mut job: Job) -> Job {
    job.charges.retain(|c| c.name == "archive");
    job
}

/// Verifies a run, which must be known.
pub fn verified(job: &Job, run: &str) -> Report {
    verify(job, run, 2, &Progress::off()).unwrap_or_else(|e| panic!("{e}"))
}

fn must_be(report: &Report, answer: &str) {
    assert_eq!(report.answer(), answer, "{}", report.to_text());
}

/// How many files were found equal in which way.
fn ways(report: &Report) -> std::collections::BTreeMap<&'static str, usize> {
    let mut ways = std::collections::BTreeMap::new();
    report.compared.iter().filter(|one| one.equal).for_each(|one| *ways.entry(one.how.word()).or_default() += 1);
    ways
}

fn live_path(job: &Job, table: pecan::schema::Table) -> PathBuf {
    let output = open_output(job).expect("an output");
    let file = crate::tables::live(&output, table).into_iter().find(|file| !file.group.is_empty()).expect("a live file");
    output.path_of(table, &file).expect("a local file")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    crate::tables::tree(folder).into_iter().filter(|(_, bytes)| bytes.is_some()).map(|(path, _)| path).collect()
}
