//! A past run done again is found equal.

use std::fs;
use std::time::{Duration, SystemTime};

use pecan::maintain::{MaintainOptions, RETAIN, maintain};

use super::*;
use crate::jobs::workshop::{options, run, run_with};
use crate::tables::tree;

/// R-AGAIN-6: recomputed from what it kept, in the bytes that are there; nothing in the folder changes.
#[test]
fn a_run_is_equal_and_nothing_is_written() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = job_in(&workshop, format);
        let first = run(&job);
        fs::remove_dir_all(workshop.path("sample_data/audit")).expect("removed");
        fs::remove_dir_all(workshop.path("sample_data/reference")).expect("removed");
        let before = tree(&workshop.path(""));
        let report = verified(&job, &first.run_id);
        must_be(&report, "equal");
        assert!(before == tree(&workshop.path("")), "{format}: something was written");
        assert_eq!((report.groups, report.complete), (6, true));
        let ways = ways(&report);
        assert!(ways["bytes"] > 15 && ways.get("recorded hash").is_none_or(|n| *n <= 1), "{ways:?}");
        let latest = verified(&job, "latest");
        assert_eq!((latest.run_id.as_str(), latest.answer()), (first.run_id.as_str(), "equal"));
    }
}

/// Files that later runs replaced: read while they are there, then told by their hash. The rules are those of the run.
#[test]
fn replaced_runs_are_equal_under_their_own_rules() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = job_in(&workshop, format);
        let first = run(&job);
        let other =
            workshop.job(&[&format!("output.format=\"{format}\""), "rules.gap_tolerance_seconds=86400", "output.carry=[]", "cutoff=\"2026-10-01T00:00:00Z\""]);
        let second = run(&other);
        assert!(second.files.replaced > 0);
        for job in [&job, &other] {
            let report = verified(job, &first.run_id);
            must_be(&report, "equal");
            let ways = ways(&report);
            let way = if format == "delta" { "bytes" } else { "recorded hash" };
            assert!(ways[way] > 15, "{format}: {ways:?}");
            must_be(&verified(job, &second.run_id), "equal");
        }
        let at = MaintainOptions { retain: RETAIN, dry_run: false, now: SystemTime::now() + Duration::from_secs(400 * 86_400), progress: Progress::off() };
        run_with(&other, &pecan::job::RunOptions { force: true, ..options() });
        let swept = maintain(&other, &at).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(swept.kept.deleted.files, 0, "every run has its row");
        let report = verified(&other, &first.run_id);
        must_be(&report, "equal");
        assert!(format == "parquet" || swept.deleted().files > 0);
        assert!(ways(&report)["recorded hash"] > 10, "{:?}", ways(&report));
    }
}

/// The command: text, JSON, exit codes, and a run nobody knows.
#[test]
fn the_command_says_what_it_found() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&[]));
    let first = run(&job);
    let pecan = |more: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pecan"));
        let done = command.arg("verify").arg(workshop.path("jobs/daily.toml")).args(more).output().expect("it runs");
        (done.status.code(), String::from_utf8(done.stdout).expect("text"), String::from_utf8(done.stderr).expect("text"))
    };
    let (code, text, _) = pecan(&["--run", "latest"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with(&format!("pecan verify: run {}: equal\nRecomputed: 2 groups. Equal: ", first.run_id)), "{text}");
    let (code, text, _) = pecan(&["--run", &first.run_id, "--output-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("one object");
    assert_eq!((code, json["answer"].as_str(), json["groups"].as_u64()), (Some(0), Some("equal"), Some(2)));
    fs::remove_dir_all(workshop.path("sample_data/archive/2026-09")).expect("removed");
    let (code, text, error) = pecan(&["--run", "latest"]);
    assert_eq!(code, Some(3), "{error}");
    assert!(text.contains("inputs_gone\n  gone: ../sample_data/archive/2026-09/usage.parquet\n") && error.contains("verify_inputs_gone"), "{text}{error}");
    let (code, _, error) = pecan(&["--run", &first.run_id[..20]]);
    assert!(code == Some(2) && error.contains(&first.run_id) && error.contains("run_unknown"), "{error}");
    assert_eq!(pecan(&["--run", "../../x"]).0, Some(2));
}
