//! `pecan check` decides what a run decides, names everything there is to repair, and writes nothing.

mod causes;
mod reach;
mod small;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::errors::scene::{HEADER, ROW, Scene};
use crate::tidy::files::root;

fn pecan(arguments: &[&str], output: &Path) -> Value {
    let set = format!("output.uri={}", output.display());
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pecan"));
    let said = command.current_dir(root()).args(arguments).args(["--set", &set, "--output-format", "json"]).output().expect("the program starts");
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("one object")
}

fn codes(report: &Value) -> BTreeSet<&str> {
    let topics = report["topics"].as_array().into_iter().flatten();
    topics.flat_map(|t| t["findings"].as_array().into_iter().flatten()).filter_map(|f| f["code"].as_str()).collect()
}

#[test]
fn the_sample_is_decided_as_a_run_decides_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out");
    let check = pecan(&["check", "jobs/daily.toml"], &output);
    assert!(!output.exists(), "check wrote something");
    let one = pecan(&["check", "jobs/daily.toml", "--threads", "1"], &output);
    assert_eq!(check, one, "threads change nothing");
    let run = pecan(&["run", "jobs/daily.toml", "--dry-run"], &output);
    for figure in ["rows_read", "credit_lines", "rejections"] {
        assert_eq!(check[figure], run[figure], "{figure}");
    }
    assert_eq!(check["rejections_other"].as_array().map(|r| r.len() as u64), run["rejections_other"].as_u64());
    let before = |o: &&Value| o["evidence"] == "before_first_record";
    let of_run: u64 = run["outcomes"].as_array().into_iter().flatten().filter(before).filter_map(|o| o["charges"].as_u64()).sum();
    let of_check: u64 = check["without_evidence"].as_array().into_iter().flatten().filter_map(|d| d["charges"].as_u64()).sum();
    assert!(of_run > 0 && of_run == of_check, "{of_run} {of_check}");
    assert_eq!((check["level"].as_str(), check["exit_code"].as_u64()), (Some("yellow"), Some(0)));
    let unresolved = &check["unresolved"];
    assert_eq!(unresolved["tenants"][0]["id"], "dddddddd-0000-4000-8000-000000000404");
    assert_eq!(unresolved["resellers"][0]["id"], "9999999");
    assert_eq!(unresolved["definitions"][0]["id"], "77777777-0000-4000-8000-000000000009");
    assert_eq!(check["freshness"]["newest_usage_day"], "2026-10-18");
    assert_eq!(check["freshness"]["lists"][0]["first"], "2026-09-10T02:00:00Z");
}

#[test]
fn everything_there_is_to_repair_is_named_at_once() {
    let scene = Scene::new();
    scene.write("charges/b.parquet", "no Parquet");
    scene.write("charges/c.csv", "date\n2026-09-20\n");
    scene.write("audit/log.parquet", "no Parquet either");
    scene.edit("ref/partners.csv", "organisation_id", "org");
    let said = scene.check();
    let report: Value = serde_json::from_str(&said.out).expect("one object");
    let errors = report["errors"].as_array().cloned().unwrap_or_default();
    let named: Vec<&str> = errors.iter().filter_map(|e| e["place"].as_str()).collect();
    assert_eq!((said.code, named.len()), (3, 4), "{named:?}");
    for file in ["audit/log.parquet", "ref/partners.csv", "charges/b.parquet", "charges/c.csv"] {
        assert!(named.iter().any(|place| place.contains(file)), "{file}: {named:?}");
    }
    assert_eq!(report["level"], "red");
    assert_eq!(report["rows_read"], 2, "what can be read is read");
}

#[test]
fn what_looks_wrong_is_told_with_its_code() {
    let scene = Scene::new();
    scene.write("charges/again/a.csv", format!("{HEADER}\n{ROW}\n{ROW}\n"));
    scene.write("charges/late.csv", format!("{HEADER}\n{}\n", ROW.replace("2026-09-20", "2026-12-24")));
    scene.edit("ref/principals.csv", "bbbbbbbb-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-999999999999");
    scene.job("name = \"small\"", "cutoff = \"2027-01-01T00:00:00Z\"");
    let said = scene.check();
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).expect("one object");
    let codes = codes(&report);
    for code in ["file_twice", "exports_overlap", "log_behind", "cutoff_ahead", "no_lists", "unknown_tenants", "nobody_linked"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    assert!(scene.output().is_empty());
}

#[test]
fn rejections_are_counted_and_the_first_are_told() {
    let scene = Scene::new();
    let bad = ROW.replace(",1,0.5,", ",one,0.5,");
    let rows: Vec<&str> = (0..30).map(|_| bad.as_str()).chain((0..70).map(|_| ROW)).collect();
    scene.write("charges/a.csv", format!("{HEADER}\n{}\n", rows.join("\n")));
    scene.job("[output]", "[limits]\nrejections = \"30%\"\n[output]");
    let said = scene.check();
    let report: Value = serde_json::from_str(&said.out).expect("one object");
    assert_eq!((said.code, report["rejections"].as_u64(), report["rejection_limit_exceeded"].as_bool()), (0, Some(30), Some(false)));
    assert_eq!(report["rejected"], serde_json::json!([{ "reason": "not_a_number", "file": "a.csv", "column": "quantity", "rows": 30 }]));
    let first = report["first_rejections"].as_array().cloned().unwrap_or_default();
    assert_eq!((first.len(), first[0]["row"].as_u64(), first[0]["value"].as_str()), (20, Some(1), Some("one")));
}
