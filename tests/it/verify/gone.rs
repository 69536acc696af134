//! Inputs that are gone, and inputs that are elsewhere.

use std::fs;

use super::*;
use crate::jobs::workshop::run;

/// Charges are found by their content under another name; a restated file is gone.
#[test]
fn charges_are_found_by_their_content() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&[]));
    run(&job);
    fs::rename(workshop.path("sample_data/archive/2026-09"), workshop.path("sample_data/archive/old")).expect("moved");
    must_be(&verified(&job, "latest"), "equal");
    let path = workshop.path("sample_data/archive/old/usage.parquet");
    let mut bytes = fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("written");
    let report = verified(&job, "latest");
    must_be(&report, "inputs_gone");
    assert_eq!(report.gone.iter().collect::<Vec<_>>(), ["../sample_data/archive/2026-09/usage.parquet"]);
    assert_eq!((report.verdict().map_err(|e| e.exit_code()), report.compared.len()), (Err(3), 0));
}

/// The blobs of an export run that a newer one replaced are still below the export's folder.
#[test]
fn a_superseded_export_run_is_found() {
    let workshop = Workshop::sample();
    let mut job = workshop.job(&[]);
    job.charges.retain(|c| c.name == "contoso");
    let newer = workshop.path("sample_data/exports/contoso/pec-actual/20261001-20261031/22222222-0000-4000-8000-000000000003");
    fs::rename(&newer, workshop.path("aside")).expect("moved");
    let first = run(&job);
    fs::rename(workshop.path("aside"), &newer).expect("moved");
    let second = run(&job);
    must_be(&verified(&job, &first.run_id), "equal");
    must_be(&verified(&job, &second.run_id), "equal");
}

/// `keep_inputs = "none"`: no content is kept, and today's files are used if they are the same.
#[test]
fn nothing_kept_needs_the_files() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&["output.keep_inputs=\"none\""]));
    run(&job);
    let kept: u64 = files_below(&workshop.path("jobs/out/_pecan/inputs")).iter().map(|path| fs::metadata(path).expect("a file").len()).sum();
    assert!(kept < 1000, "names and hashes of two audit files, {kept} bytes");
    must_be(&verified(&job, "latest"), "equal");
    // A file more is not read; one that moved is found.
    fs::rename(workshop.path("sample_data/audit/2026-09.parquet"), workshop.path("sample_data/audit/renamed.parquet")).expect("moved");
    fs::copy(workshop.path("sample_data/audit/2026-10.parquet"), workshop.path("sample_data/audit/again.parquet")).expect("copied");
    must_be(&verified(&job, "latest"), "equal");
    let roles = workshop.path("sample_data/reference/roles.csv");
    let text = fs::read_to_string(&roles).expect("a file");
    fs::write(&roles, format!("{text}\n")).expect("written");
    fs::remove_file(workshop.path("sample_data/audit/renamed.parquet")).expect("removed");
    let report = verified(&job, "latest");
    must_be(&report, "inputs_gone");
    assert_eq!(report.gone.iter().collect::<Vec<_>>(), ["../sample_data/audit/2026-09.parquet", "../sample_data/reference/roles.csv"]);
}

/// A piece or a record that is gone or damaged is named.
#[test]
fn what_was_kept_may_be_gone_too() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&[]));
    let first = run(&job);
    let pieces = files_below(&workshop.path("jobs/out/_pecan/inputs"));
    pieces.iter().for_each(|path| fs::write(path, "damaged").expect("written"));
    let report = verified(&job, "latest");
    must_be(&report, "inputs_gone");
    assert!(report.gone.contains("the kept audit log") && report.gone.contains("../sample_data/reference/partners.csv"), "{:?}", report.gone);
    fs::remove_dir_all(workshop.path("jobs/out/_pecan/runs")).expect("removed");
    let report = verified(&job, &first.run_id);
    must_be(&report, "inputs_gone");
    assert_eq!(report.gone.iter().cloned().collect::<Vec<_>>(), [format!("_pecan/runs/{}.json", first.run_id)]);
}
