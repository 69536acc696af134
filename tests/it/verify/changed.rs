//! `run.changed` beside a naive twin: what the daily sums say before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Decimal128Type;
use pecan::job::RunOptions;
use pecan::schema::{Table, name};

use super::*;
use crate::jobs::workshop::{options, run, run_with};
use crate::tables::{batches, read, unscaled};

/// Expected credit by month and billing currency.
pub type Credit = BTreeMap<(String, String), i128>;
/// Before and after, where they differ.
pub type Moved = BTreeMap<(String, String), (i128, i128)>;

/// Added up from the rows of `fact_credit_daily`.
pub fn credit(job: &Job) -> Credit {
    let daily = read(job, Table::FactCreditDaily);
    let mut credit = Credit::new();
    for row in &daily.rows {
        let key = (daily.cell(row, name::BILLING_MONTH).to_owned(), daily.cell(row, name::BILLING_CURRENCY).to_owned());
        *credit.entry(key).or_default() += unscaled(daily.cell(row, name::CREDIT_BILLING));
    }
    credit
}

/// What must be told.
pub fn moved(before: &Credit, after: &Credit) -> Moved {
    let of = |credit: &Credit, key: &(String, String)| credit.get(key).copied().unwrap_or(0);
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    keys.into_iter().map(|key| (key.clone(), (of(before, &key), of(after, &key)))).filter(|(_, (before, after))| before != after).collect()
}

/// What the row of a run tells.
pub fn told(job: &Job, run: &str) -> Moved {
    let output = open_output(job).expect("an output");
    let file = crate::tables::live(&output, Table::Run).into_iter().find(|file| file.run == run).expect("a row");
    let batch = batches(&output.path_of(Table::Run, &file).expect("a local file")).remove(0);
    let list = batch.column_by_name(name::CHANGED).expect("a column").as_list::<i32>().value(0);
    let parts = list.as_struct();
    let text = |column: &str, row: usize| {
        let texts = parts.column_by_name(column).expect("a part").as_string::<i32>();
        if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() }
    };
    let amount = |column: &str, row: usize| parts.column_by_name(column).expect("a part").as_primitive::<Decimal128Type>().value(row);
    let one = |row| ((text(name::BILLING_MONTH, row), text(name::BILLING_CURRENCY, row)), (amount(name::CREDIT_BEFORE, row), amount(name::CREDIT_AFTER, row)));
    (0..parts.len()).map(one).collect()
}

/// The run done again gives the same, and its row tells what moved; the run before gives the same, too, where its charges are
/// still there. The answer: whether money moved, and whether the run before was compared.
pub fn of_one_run(job: &Job, run: &str, before: &Credit, last_run: Option<&str>) -> Result<(bool, bool), String> {
    let (told, expected) = (told(job, run), moved(before, &credit(job)));
    if told != expected {
        return Err(format!("run.changed says {told:?}, the daily sums {expected:?}"));
    }
    let latest = verified(job, run);
    if latest.answer() != "equal" {
        return Err(format!("the run done again: {}", latest.to_text()));
    }
    let last = last_run.map(|run| verified(job, run));
    match last {
        Some(last) if last.answer() == "different" => Err(format!("the run before it done again: {}", last.to_text())),
        last => Ok((!told.is_empty(), last.is_some_and(|last| last.answer() == "equal"))),
    }
}

/// The newest run.
pub fn newest_run(job: &Job) -> Option<String> {
    open_output(job).expect("an output").latest_run().expect("readable").map(|row| row.run_id)
}

/// [`of_one_run`] of the newest one, if it is another than the last; counts its answers.
pub fn of_newest_run(job: &Job, before: &Credit, last_run: Option<String>, counts: &mut [u64; 2]) -> Result<(), String> {
    if let Some(run) = newest_run(job).filter(|run| last_run.as_ref() != Some(run)) {
        let (moved, later) = of_one_run(job, &run, before, last_run.as_deref())?;
        *counts = [counts[0] + u64::from(moved), counts[1] + u64::from(later)];
    }
    Ok(())
}

/// First run, a removal that is kept, `--prune`, a month that vanishes and comes back, another cutoff, a superseded export run.
#[test]
fn a_run_says_which_months_moved_by_how_much() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let mut job = job_in(&workshop, format);
        let mut before = Credit::new();
        let mut step = |job: &Job, options: &RunOptions, what: &str| {
            let summary = run_with(job, options);
            let after = credit(job);
            let expected = moved(&before, &after);
            if !summary.nothing_to_do {
                assert_eq!(told(job, &summary.run_id), expected, "{format}, {what}");
                must_be(&verified(job, "latest"), "equal");
            }
            assert!(!summary.nothing_to_do || expected.is_empty(), "{format}, {what}");
            before = after;
            expected.len()
        };
        let prune = RunOptions { prune: true, ..options() };
        let october = workshop.path("sample_data/exports/contoso/pec-actual/20261001-20261031/22222222-0000-4000-8000-000000000003");
        fs::rename(&october, workshop.path("aside")).expect("moved");
        assert!(step(&job, &options(), "first run") >= 2);
        fs::rename(workshop.path("aside"), &october).expect("moved");
        assert!(step(&job, &options(), "a newer export run") >= 1);
        let archive = workshop.path("sample_data/archive/2026-09");
        fs::rename(&archive, workshop.path("aside")).expect("moved");
        assert_eq!(step(&job, &options(), "inputs gone, output kept"), 0);
        assert!(step(&job, &prune, "--prune") >= 1);
        fs::rename(workshop.path("aside"), &archive).expect("moved");
        assert!(step(&job, &options(), "back again") >= 1);
        let principals = workshop.path("sample_data/reference/principals.csv");
        let text = fs::read_to_string(&principals).expect("a file");
        fs::write(&principals, text.lines().take(1).map(|line| format!("{line}\n")).collect::<String>()).expect("written");
        assert!(step(&job, &options(), "nobody is linked") >= 2);
        fs::write(&principals, text).expect("written");
        assert!(step(&job, &options(), "linked again") >= 2);
        job.charges.retain(|c| c.name != "fabrikam");
        assert!(step(&job, &prune, "a source and its currency vanish") >= 1);
        assert_eq!(step(&job, &RunOptions { force: true, ..options() }, "--force"), 0);
    }
}

/// Receipts that are gone cost a run that writes all again; what it tells is still what moved.
#[test]
fn lost_receipts_move_nothing() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&[]));
    run(&job);
    fs::remove_dir_all(workshop.path("jobs/out/_pecan")).expect("removed");
    let summary = run(&job);
    assert!(!summary.nothing_to_do);
    assert_eq!(told(&job, &summary.run_id), Moved::new());
}
