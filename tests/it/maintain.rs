//! `pecan maintain`: what it deletes, and above all what it does not. What each file proves:
//!
//! | file | proves |
//! |---|---|
//! | `replaced.rs` | files that runs replaced go after the span, tables and later runs are as before, named versions stay readable |
//! | `leftovers.rs` | what interrupted runs left goes only when old; what others wrote stays and is named |
//! | `checkpoints.rs` | when checkpoints are made, and that we read tables by them as without |
//!
//! Files are made old in two ways: by the time the command is told it is, or by their own.

mod checkpoints;
mod leftovers;
mod replaced;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pecan::job::{Job, RunOptions};
use pecan::maintain::{LEAST_RETAIN, MaintainOptions, RETAIN, Report, maintain, parse_retain};
use pecan::pipeline::open_output;
use pecan::progress::Progress;
use pecan::schema::Table;

use crate::jobs::workshop::{Workshop, options, run_with};
use crate::tables::live;

const FORMATS: [&str; 2] = ["delta", "parquet"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The command, told that it is so much later.
fn maintained(job: &Job, later: Duration, retain: Duration) -> Report {
    at(job, SystemTime::now() + later, retain, false)
}

fn at(job: &Job, now: SystemTime, retain: Duration, dry_run: bool) -> Report {
    maintain(job, &MaintainOptions { retain, dry_run, now, progress: Progress::off() }).unwrap_or_else(|e| panic!("{e}"))
}

fn forced(job: &Job) {
    run_with(job, &RunOptions { force: true, ..options() });
}

fn job_in(workshop: &Workshop, format: &str, output: &str) -> Job {
    workshop.job(&[&format!("output.format=\"{format}\""), &format!("output.uri={output}/")])
}

/// A job whose runs are quick.
fn archive(mut job: Job) -> Job {
    job.charges.retain(|c| c.name == "archive");
    job
}

/// Every Parquet file below a folder, but those of logs.
fn data_files(folder: &Path) -> BTreeSet<PathBuf> {
    let files = crate::tables::tree(folder).into_iter().filter(|(_, bytes)| bytes.is_some()).map(|(path, _)| path);
    files.filter(|path| path.extension().is_some_and(|x| x == "parquet") && !path.components().any(|c| c.as_os_str() == "_delta_log")).collect()
}

/// The live files of all tables.
fn live_files(job: &Job) -> BTreeSet<PathBuf> {
    let output = open_output(job).expect("an output");
    Table::ALL
        .into_iter()
        .flat_map(|table| live(&output, table).into_iter().map(|file| output.path_of(table, &file).expect("a local output")).collect::<Vec<_>>())
        .collect()
}

/// Makes a file so old.
fn age(path: &Path, by: Duration) {
    let file = File::options().append(true).open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.set_modified(SystemTime::now() - by).expect("a new time");
}

/// Everything below a folder but the lock, which the first call leaves there.
fn tree(folder: &Path) -> std::collections::BTreeMap<PathBuf, Option<Vec<u8>>> {
    crate::tables::tree(folder).into_iter().filter(|(path, _)| !path.ends_with("_pecan/maintain.lock")).collect()
}

#[test]
fn spans_are_read_and_a_day_is_the_least() {
    assert_eq!(parse_retain("30d"), Ok(RETAIN));
    assert_eq!((parse_retain("24h"), parse_retain("1d")), (Ok(LEAST_RETAIN), Ok(LEAST_RETAIN)));
    for wrong in ["23h", "0d", "", "30", "d", "-3d", "1.5d", "2w", "99999999999d", "30 d"] {
        assert!(parse_retain(wrong).is_err(), "{wrong:?}");
    }
}

/// Nothing is made where no output is.
#[test]
fn without_an_output_there_is_nothing_to_do() {
    let workshop = Workshop::sample();
    let before = tree(&workshop.path(""));
    let report = maintained(&workshop.job_to("none/"), 400 * DAY, RETAIN);
    assert!(report.nothing_to_do() && report.tables.iter().all(|table| table.version.is_none()));
    assert!(tree(&workshop.path("")) == before && !fs::exists(workshop.path("jobs/none")).expect("known"));
}
