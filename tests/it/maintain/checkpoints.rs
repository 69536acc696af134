//! When checkpoints are made, and that tables read by them are the same.

use super::*;
use crate::jobs::workshop::{copy_folder, run};
use crate::tables::{assert_equal, canonical};

const DUE: usize = pecan::maintain::CHECKPOINT_AFTER as usize;

fn checkpoint_of(report: &Report, table: &str) -> serde_json::Value {
    let json = report.to_json();
    let tables = json["tables"].as_array().expect("tables").clone();
    tables.into_iter().find(|t| t["name"] == table).expect("a table")["checkpoint"].clone()
}

fn checkpoints_below(folder: &Path) -> usize {
    tree(folder).keys().filter(|path| path.to_string_lossy().ends_with(".checkpoint.parquet")).count()
}

/// Due at the tenth commit, in the tables that had so many; tags, transaction ids and rows of runs are found as before,
/// also without the entries before it.
#[test]
fn a_checkpoint_stands_for_the_entries_before_it() {
    let workshop = Workshop::sample();
    let job = archive(job_in(&workshop, "delta", "out"));
    run(&job);
    (2..DUE).for_each(|_| forced(&job));
    let report = maintained(&job, Duration::ZERO, RETAIN);
    assert!(report.nothing_to_do() && checkpoints_below(&workshop.path("jobs/out")) == 0);
    assert_eq!(checkpoint_of(&report, "run")["commits"], DUE - 1);
    forced(&job);
    let (expected, state) = (canonical(&job), live_files(&job));
    let runs = |job: &Job| open_output(job).expect("an output").runs().expect("readable");
    let rows = runs(&job);
    let report = maintained(&job, Duration::ZERO, RETAIN);
    let made = checkpoint_of(&report, "fact_credit_line");
    assert_eq!((made["made"].as_bool(), made["version"].as_u64(), made["commits"].as_u64()), (Some(true), Some(DUE as u64 - 1), Some(DUE as u64)));
    assert_eq!(checkpoint_of(&report, "dim_role")["made"], false);
    assert_eq!((report.checkpoints(), checkpoints_below(&workshop.path("jobs/out"))), (4, 4), "three tables of groups, and the rows of runs");
    assert!(workshop.path("jobs/out/run/_delta_log/_last_checkpoint").is_file());
    assert!(maintained(&job, Duration::ZERO, RETAIN).nothing_to_do());
    assert_equal(&canonical(&job), &expected, "by the checkpoints");

    let hidden = job_in(&workshop, "delta", "hidden");
    copy_folder(&workshop.path("jobs/out"), &workshop.path("jobs/hidden"));
    for table in ["fact_credit_line", "fact_credit_daily", "fact_access_day", "run"] {
        for version in 0..DUE {
            fs::remove_file(workshop.path(&format!("jobs/hidden/{table}/_delta_log/{version:020}.json"))).expect("an entry");
        }
    }
    let hidden = archive(hidden);
    assert_equal(&canonical(&hidden), &expected, "without the entries");
    assert_eq!((live_files(&hidden).len(), runs(&hidden)), (state.len(), rows));
    assert!(run(&hidden).nothing_to_do, "groups, fingerprints and the newest row are found by the checkpoint");
    forced(&hidden);
    assert_equal(&canonical(&hidden), &expected, "a commit after the checkpoint");
    maintained(&hidden, 400 * DAY, RETAIN);
    assert_eq!(data_files(&workshop.path("jobs/hidden")), live_files(&hidden), "files of entries that are gone are leftovers");
    assert!(run(&hidden).nothing_to_do);
}

/// The command line says the same as the library, in both forms.
#[test]
fn the_command_says_what_it_did() {
    let workshop = Workshop::sample();
    run(&archive(job_in(&workshop, "delta", "out")));
    let pecan = |more: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("pecan").expect("the program");
        let done = command.args(["maintain", "--set", "output.uri=out/"]).arg(workshop.path("jobs/daily.toml")).args(more).output().expect("it runs");
        (done.status.code(), String::from_utf8(done.stdout).expect("text"))
    };
    let (code, text) = pecan(&[]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("pecan maintain: nothing to do (files stay for 30 days).\n"), "{text}");
    assert!(text.contains("fact_credit_line") && text.contains("none (+1)") && !text.contains("fact_adjustment"), "{text}");
    fs::write(workshop.path("jobs/out/notes.txt"), "mine").expect("written");
    assert!(pecan(&["--dry-run"]).1.contains("Not written by pecan, left alone:\n  notes.txt\n"));
    let (code, text) = pecan(&["--retain", "48h", "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("one object");
    assert_eq!(
        (code, json["retain_seconds"].as_u64(), json["nothing_to_do"].as_bool(), &json["foreign"]),
        (Some(0), Some(172_800), Some(true), &serde_json::json!(["notes.txt"]))
    );
}
