//! Files that runs replaced: gone after the span, and not a day before.

use std::collections::BTreeMap;
use std::thread::sleep;

use super::*;
use crate::jobs::workshop::run;
use crate::tables::{assert_equal, canonical};

/// The tables are equal before and after, a further run finds nothing to do, a second maintenance finds nothing to do.
#[test]
fn old_files_go_and_tables_stay() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = archive(job_in(&workshop, format, "out"));
        run(&job);
        let receipts = || fs::read_dir(workshop.path("jobs/out/_pecan/groups")).expect("receipts").count();
        let all = job_in(&workshop, format, "out");
        forced(&job);
        forced(&job);
        let (expected, folder) = (canonical(&job), workshop.path("jobs/out"));
        let young = maintained(&job, DAY * 29, RETAIN);
        assert_eq!((young.deleted().files, young.nothing_to_do()), (0, true), "{format}: a month has not passed");

        let dead = data_files(&folder).difference(&live_files(&job)).count() as u64;
        assert_eq!(dead > 0, format == "delta", "Parquet tables are swept by their commits");
        let before = tree(&folder);
        let told = at(&job, SystemTime::now() + 31 * DAY, RETAIN, true);
        assert!(tree(&folder) == before, "{format}: a dry run did something");
        let done = maintained(&job, 31 * DAY, RETAIN);
        assert_eq!((told.deleted(), told.checkpoints()), (done.deleted(), done.checkpoints()), "{format}: it did not do what it told");
        assert_eq!((done.deleted().files, done.tables.iter().map(|t| t.replaced.files).sum::<u64>()), (dead, dead));
        assert_eq!(data_files(&folder), live_files(&job), "{format}");
        assert_equal(&canonical(&job), &expected, "after maintenance");
        let after = tree(&folder);
        assert!(maintained(&job, 31 * DAY, RETAIN).nothing_to_do(), "{format}: something is done twice");
        assert!(tree(&folder) == after, "{format}");
        assert!(run(&job).nothing_to_do, "{format}");

        let kept = receipts();
        assert!(!run(&all).nothing_to_do, "{format}: new inputs are settled as ever");
        let fresh = job_in(&workshop, format, "fresh");
        run(&fresh);
        assert_equal(&canonical(&all), &canonical(&fresh), "after new inputs");
        assert!(receipts() > kept && run(&all).nothing_to_do);
    }
}

/// Every file of every table at the versions that a row of `run` names.
fn files_named(job: &Job, row: usize) -> BTreeSet<PathBuf> {
    let output = open_output(job).expect("an output");
    let row = output.runs().expect("readable").into_iter().nth(row).expect("a row");
    let versions: BTreeMap<String, i64> = row.tables.into_iter().map(|table| (table.name, table.version)).collect();
    let mut files = BTreeSet::new();
    for (name, version) in versions {
        let folder = output.storage().path(&name).expect("a local output");
        for entry in 0..=version {
            let text = fs::read_to_string(folder.join(format!("_delta_log/{entry:020}.json"))).expect("a log entry");
            for action in text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an action")) {
                let path = |action: &serde_json::Value| folder.join(action["path"].as_str().expect("a path"));
                if let Some(add) = action.get("add") {
                    files.insert(path(add));
                } else if let Some(remove) = action.get("remove") {
                    files.remove(&path(remove));
                }
            }
        }
    }
    files
}

fn all_there(files: &BTreeSet<PathBuf>) -> bool {
    files.iter().all(|file| file.is_file())
}

/// Versions that a row of `run` names stay readable while it was the newest row at some time within the span.
#[test]
fn named_versions_stay_readable_for_the_span() {
    let workshop = Workshop::sample();
    let job = archive(job_in(&workshop, "delta", "out"));
    run(&job);
    sleep(Duration::from_millis(20));
    forced(&job);
    sleep(Duration::from_millis(20));
    let second = SystemTime::now();
    sleep(Duration::from_millis(20));
    forced(&job);
    let named = [0, 1, 2].map(|row| files_named(&job, row));
    let report = at(&job, second + RETAIN, RETAIN, false);
    assert_eq!(report.tables.iter().map(|t| t.replaced.files).sum::<u64>() as usize, named[0].difference(&named[1]).count());
    assert!(!all_there(&named[0]) && all_there(&named[1]) && all_there(&named[2]), "the first run's versions alone are too old");
}

/// A run that never wrote its row replaced nothing for readers who follow the rows.
#[test]
fn what_the_newest_row_names_stays_however_old() {
    let workshop = Workshop::sample();
    let job = archive(job_in(&workshop, "delta", "out"));
    run(&job);
    forced(&job);
    let row = workshop.path("jobs/out/run");
    let before = tree(&row);
    forced(&job);
    // The crash came before the row of the third run.
    for path in tree(&row).into_keys().filter(|path| !before.contains_key(path)) {
        fs::remove_file(path).expect("removed");
    }
    let named = [0, 1].map(|row| files_named(&job, row));
    let report = maintained(&job, 400 * DAY, RETAIN);
    assert!(all_there(&named[1]) && !all_there(&named[0]));
    assert!(live_files(&job).iter().all(|file| file.is_file()) && report.deleted().files > 0);
    run(&job);
    maintained(&job, 400 * DAY, RETAIN);
    assert!(!all_there(&named[1]) && data_files(&workshop.path("jobs/out")) == live_files(&job));
    assert!(run(&job).nothing_to_do);
}

/// Runs and maintenance at the same time: neither hurts the other.
#[test]
fn runs_beside_it_go_well() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = archive(job_in(&workshop, format, "out"));
        run(&job);
        let expected = canonical(&job);
        std::thread::scope(|scope| {
            let runs = scope.spawn(|| (0..3).for_each(|_| forced(&job)));
            while !runs.is_finished() {
                maintained(&job, Duration::ZERO, LEAST_RETAIN);
            }
        });
        assert_equal(&canonical(&job), &expected, format);
        assert!(run(&job).nothing_to_do);
    }
}
