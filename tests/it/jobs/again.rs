//! Running again: what a second run reads, writes and leaves alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pecan::job::{Job, RunOptions, parse_day};
use pecan::pipeline::open_output;
use pecan::schema::{Table, name};

use super::workshop::{Workshop, options, run, run_with};
use crate::tables::{self, assert_equal, canonical, live, read, unscaled};

const OCTOBER: &str = "sample_data/exports/contoso/pec-actual/20261001-20261031";

/// Live files of the group tables by group: table and path.
fn files_by_group(job: &Job) -> BTreeMap<String, BTreeSet<String>> {
    let output = open_output(job).expect("an output");
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in [Table::FactCreditLine, Table::FactCreditDaily, Table::FactAccessDay, Table::Rejection] {
        for file in live(&output, table).into_iter().filter(|f| !f.group.is_empty()) {
            files.entry(file.group).or_default().insert(format!("{} {}", table.name(), file.path));
        }
    }
    files
}

fn narrowed(from: Option<&str>, until: Option<&str>) -> RunOptions {
    let day = |text: Option<&str>| text.map(|t| parse_day(t).expect("a day"));
    RunOptions { from: day(from), until: day(until), ..options() }
}

/// R-AGAIN-1, R-AGAIN-2: the run that finds all unchanged writes nothing at all, `run` included (details 34).
#[test]
fn the_second_run_touches_no_file() {
    for format in ["delta", "parquet"] {
        let workshop = Workshop::sample();
        let job = workshop.job(&[&format!("output.format=\"{format}\"")]);
        let first = run(&job);
        assert!(!first.nothing_to_do && first.files.written > 0 && first.files.replaced == 0);
        let before = tables::tree(&workshop.path(""));
        let second = run(&job);
        assert!(second.nothing_to_do, "{format}");
        assert_eq!((second.files.written, second.files.replaced, second.files.removed, second.rows_read), (0, 0, 0, 0));
        assert_eq!(second.files.kept, first.files.written);
        let after = tables::tree(&workshop.path(""));
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{format}");
        assert!(before == after, "{format}: a file changed");
    }
}

/// R-AGAIN-2: `--force` writes everything again, with the same bytes.
#[test]
fn force_writes_the_same_bytes_again() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    let first = run(&job);
    let before = tables::data_bytes(&job);
    let forced = run_with(&job, &RunOptions { force: true, ..options() });
    assert_eq!((forced.nothing_to_do, forced.rows_read, forced.files.written), (false, first.rows_read, 0));
    assert!(before == tables::data_bytes(&job), "the same input gave other bytes");
    assert!(run(&job).nothing_to_do);
}

/// R-AGAIN-2: a dry run computes everything and leaves the disk as it was.
#[test]
fn a_dry_run_writes_nothing() {
    let workshop = Workshop::sample();
    for format in ["delta", "parquet"] {
        let job = workshop.job(&[&format!("output.uri=dry-{format}/"), &format!("output.format=\"{format}\"")]);
        let dry = RunOptions { dry_run: true, ..options() };
        let before = tables::tree(&workshop.path(""));
        assert_eq!(run_with(&job, &dry).credit_lines, 553);
        let after = tables::tree(&workshop.path(""));
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{format}");
        run(&job);
        let files = || tables::tree(&workshop.path("")).into_iter().filter(|(_, bytes)| bytes.is_some()).collect::<Vec<_>>();
        let before = files();
        let forced = RunOptions { force: true, ..dry };
        assert_eq!(run_with(&job, &forced).credit_lines, 553);
        assert!(before == files(), "{format}: a dry run over existing output changed it");
    }
}

/// R-AGAIN-3: month to date. The newest complete run counts, older output is removed, nothing is ever added up.
#[test]
fn a_newer_export_run_takes_the_place_of_the_older() {
    let workshop = Workshop::sample();
    let fresh = workshop.job_to("fresh/");
    run(&fresh);
    let job = workshop.job(&[]);
    let run_of = |number: u32| format!("{OCTOBER}/22222222-0000-4000-8000-{number:012}");
    let (third, aside) = (workshop.path(&run_of(3)), workshop.path("aside"));
    let (fourth, fourth_aside) = (workshop.path(&run_of(4)), workshop.path("aside4"));
    fs::rename(&third, &aside).expect("a move");
    fs::rename(&fourth, &fourth_aside).expect("a move");
    run(&job);
    let october = |job: &Job| {
        let lines = read(job, Table::FactCreditLine);
        let ours = |row: &&Vec<_>| lines.cell(row, name::SOURCE) == "contoso" && lines.cell(row, name::BILLING_MONTH) == "2026-10";
        let rows: Vec<_> = lines.rows.iter().filter(ours).collect();
        let runs: BTreeSet<String> = rows.iter().map(|row| String::from(lines.cell(row, name::SOURCE_RUN))).collect();
        let quantity: i128 = rows.iter().map(|row| unscaled(lines.cell(row, name::QUANTITY))).sum();
        (runs, quantity)
    };
    let (old_runs, old_quantity) = october(&job);
    assert_eq!(old_runs, BTreeSet::from([String::from("22222222-0000-4000-8000-000000000002")]));
    let before = files_by_group(&job);

    fs::rename(&aside, &third).expect("a move");
    let newer = run(&job);
    assert!(newer.files.replaced > 0 && newer.files.written == 0, "{:?}", newer.files);
    assert_eq!(newer.counts.get("superseded_export_runs"), Some(&1));
    let (new_runs, new_quantity) = october(&job);
    assert_eq!(new_runs, BTreeSet::from([String::from("22222222-0000-4000-8000-000000000003")]));
    assert!(new_quantity != old_quantity && new_quantity > 0);
    assert_equal(&canonical(&job), &canonical(&fresh), "after the newer run");
    let after = files_by_group(&job);
    let changed: Vec<&String> = after.iter().filter(|(group, files)| before.get(*group) != Some(files)).map(|(group, _)| group).collect();
    assert_eq!(changed.len(), 1, "only October of this export is replaced: {changed:?}");
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());

    // A run without a manifest is incomplete and ignored.
    fs::rename(&fourth_aside, &fourth).expect("a move");
    assert!(run(&job).nothing_to_do);
}

/// R-AGAIN-1: a source that is added later writes its own groups and leaves the others' files alone.
#[test]
fn a_second_source_writes_only_its_groups() {
    let workshop = Workshop::sample();
    let fresh = workshop.job_to("fresh/");
    run(&fresh);
    let mut job = workshop.job(&[]);
    let sources = job.charges.split_off(1);
    run(&job);
    let before = files_by_group(&job);
    job.charges.extend(sources);
    let second = run(&job);
    assert_eq!(second.rows_read, 558 - read_rows(&fresh, "contoso"));
    let after = files_by_group(&job);
    assert!(before.iter().all(|(group, files)| after.get(group) == Some(files)), "files of the first source were touched");
    assert!(after.len() > before.len());
    assert_equal(&canonical(&job), &canonical(&fresh), "sources one by one");
}

fn read_rows(job: &Job, source: &str) -> u64 {
    let (lines, rejections) = (read(job, Table::FactCreditLine), read(job, Table::Rejection));
    let rejected = rejections.rows.iter().filter(|row| rejections.cell(row, name::SOURCE) == source && !rejections.cell(row, name::GROUP_ID).is_empty());
    (lines.column(name::SOURCE).iter().filter(|s| **s == source).count() + rejected.count()) as u64
}

/// R-AGAIN-2: `--from/--until` only narrow which groups are looked at (details 35).
#[test]
fn days_narrow_which_groups_are_looked_at() {
    let workshop = Workshop::sample();
    let fresh = workshop.job_to("fresh/");
    run(&fresh);
    let job = workshop.job(&[]);
    run_with(&job, &narrowed(Some("2026-10-01"), None));
    let months = |job: &Job, source: &str| -> BTreeSet<String> {
        let lines = read(job, Table::FactCreditLine);
        let ours = lines.rows.iter().filter(|row| lines.cell(row, name::SOURCE) == source);
        ours.map(|row| String::from(lines.cell(row, name::BILLING_MONTH))).collect()
    };
    assert_eq!(months(&job, "contoso"), BTreeSet::from([String::from("2026-10")]));
    // Files without a manifest have no days until they have been read once.
    assert_eq!(months(&job, "archive").len(), 2);
    let october = files_by_group(&job);
    run(&job);
    assert_equal(&canonical(&job), &canonical(&fresh), "October first, then the rest");
    assert!(october.iter().all(|(group, files)| files_by_group(&job).get(group) == Some(files)));

    let before = files_by_group(&job);
    run_with(&job, &RunOptions { force: true, ..narrowed(None, Some("2026-10-01")) });
    let after = files_by_group(&job);
    let touched: Vec<&String> = after.iter().filter(|(group, files)| before.get(*group) != Some(files)).map(|(group, _)| group).collect();
    assert_eq!(touched.len(), 3, "September of three sources: {touched:?}");
    assert!(touched.iter().all(|group| group.contains("202609") || group.contains("2026-09")), "{touched:?}");
    assert_equal(&canonical(&job), &canonical(&fresh), "September once more");
}

/// R-AGAIN-2: `--until` is exclusive, `--from` inclusive.
#[test]
fn the_day_of_until_is_not_looked_at() {
    let workshop = Workshop::sample();
    let mut job = workshop.job(&[]);
    job.charges.retain(|c| c.name == "contoso");
    assert_eq!(run_with(&job, &narrowed(None, Some("2026-09-01"))).rows_read, 0);
    assert_eq!(run_with(&job, &narrowed(Some("2026-11-01"), None)).rows_read, 0);
    assert!(run_with(&job, &narrowed(Some("2026-10-31"), None)).rows_read > 0);
    assert_eq!(read(&job, Table::FactCreditLine).column(name::BILLING_MONTH).iter().find(|m| **m != "2026-10"), None);
    assert!(run_with(&job, &narrowed(None, Some("2026-09-02"))).rows_read > 0);
}

/// R-AGAIN-1: what is gone from the inputs is kept, with a warning; it is not part of a newer run.
#[test]
fn output_of_lost_inputs_is_kept_with_a_warning() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let before = tables::data_bytes(&job);
    fs::remove_dir_all(workshop.path("sample_data/archive/2026-09")).expect("a removed folder");
    let after = run(&job);
    assert!(after.warnings.iter().any(|w| w.code == "inputs_gone" && w.text.contains("archive/2026-09")), "{:?}", after.warnings);
    assert!(after.nothing_to_do);
    assert!(before == tables::data_bytes(&job));
}

/// R-AGAIN-4 as far as it is built: other audit records rewrite, other rows of the same truth do not change a table.
#[test]
fn news_of_access_rewrites_and_gives_what_a_fresh_run_gives() {
    let workshop = Workshop::sample();
    let october = workshop.path("sample_data/audit/2026-10.parquet");
    let aside = workshop.path("aside.parquet");
    fs::rename(&october, &aside).expect("a move");
    let job = workshop.job(&[]);
    run(&job);
    let early = canonical(&job);
    fs::rename(&aside, &october).expect("a move");
    let news = run(&job);
    assert!(!news.nothing_to_do && news.files.replaced > 0);
    let fresh = workshop.job_to("fresh/");
    run(&fresh);
    assert!(early != canonical(&job), "October's records change October");
    assert_equal(&canonical(&job), &canonical(&fresh), "after the late records");
    assert!(run(&job).nothing_to_do);
}

/// R-AGAIN-1: the newest `run` row names the version of every table, and the run before is still there.
#[test]
fn the_run_row_names_the_versions_that_belong_together() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    let first = run(&job);
    let forced = run_with(&job, &RunOptions { force: true, ..options() });
    let output = open_output(&job).expect("an output");
    let row = output.latest_run().expect("readable").expect("a run");
    assert_eq!(row.run_id, forced.run_id);
    for table in Table::ALL.into_iter().filter(|t| !matches!(t, Table::Run | Table::FactDifference | Table::FactAdjustment)) {
        let state = output.live(table).expect("readable").expect("every table exists");
        let named = row.tables.iter().find(|t| t.name == table.name()).unwrap_or_else(|| panic!("no {}", table.name()));
        let rows: u64 = state.files.iter().map(|f| f.rows).sum();
        assert_eq!((named.version, named.rows.unsigned_abs()), (state.version, rows), "{}", table.name());
    }
    assert!(read(&job, Table::Run).column(name::RUN_ID).contains(&first.run_id.as_str()));
    assert!(output.storage().exists(Table::Run.name()).expect("readable"));
}
