//! What interrupted runs left, and what others wrote.

use super::*;
use crate::jobs::interrupted::add_staged;
use crate::jobs::workshop::{copy_folder, run};
use crate::tables::{assert_equal, canonical};

const OURS: &str = "part-0123456789abcdef-01234567-00000-0123456789ab.parquet";
const OF_SPARK: &str = "part-00000-5f0a1c52-3c1e-4a52-9e7e-2c8d4b5f7a11-c000.snappy.parquet";
const ID: &str = "0198d2c4-7a3e-7c1e-9d0a-3b1f5e6a7b8c";

/// Staged files of a run that was interrupted before its first commit: the old ones go, the young ones stay, and the next
/// run completes all.
#[test]
fn leftovers_go_only_when_old() {
    let workshop = Workshop::sample();
    let (first, second) = (archive(job_in(&workshop, "delta", "first")), job_in(&workshop, "delta", "second"));
    run(&first);
    copy_folder(&workshop.path("jobs/first"), &workshop.path("jobs/second"));
    run(&second);
    let (from, to) = (workshop.path("jobs/second"), workshop.path("jobs/first"));
    Table::ALL.into_iter().for_each(|table| add_staged(&from.join(table.name()), &to.join(table.name())));
    let staged: Vec<PathBuf> = data_files(&to).difference(&live_files(&first)).cloned().collect();
    assert!(staged.len() > 6, "{staged:?}");
    let (old, young) = staged.split_at(staged.len() / 2);
    old.iter().for_each(|path| age(path, 25 * DAY / 24));

    assert_eq!(maintained(&first, Duration::ZERO, 2 * DAY).deleted().files, 0);
    let report = maintained(&first, Duration::ZERO, LEAST_RETAIN);
    assert_eq!(report.tables.iter().map(|t| t.leftovers.files).sum::<u64>() as usize, old.len());
    assert_eq!(report.deleted().files as usize, old.len());
    assert!(old.iter().all(|path| !path.exists()) && young.iter().all(|path| path.exists()));
    assert_eq!(report.tables.iter().map(|t| t.kept.files).sum::<u64>() as usize, young.len());
    let completed = job_in(&workshop, "delta", "first");
    run(&completed);
    assert_equal(&canonical(&completed), &canonical(&second), "after the next run");
}

/// Files that were being written: data, log entries, manifests, receipts, and receipts nobody refers to.
#[test]
fn half_written_files_go_when_old() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = archive(job_in(&workshop, format, "out"));
        run(&job);
        let fingerprint = "0123456789abcdef".repeat(4);
        let mut names = vec![format!("_pecan/groups/{fingerprint}.json"), format!("_pecan/groups/{fingerprint}.{ID}.new")];
        names.extend(match format {
            "delta" => vec![
                format!("fact_credit_line/billing_month=2026-09/.{OURS}.tmp"),
                format!("dim_role/.{OURS}.tmp"),
                String::from("run/_delta_log/00000000000000000001.json#17000003"),
                String::from("run/_delta_log/00000000000000000000.checkpoint.parquet#17000004"),
            ],
            _ => vec![
                format!("fact_credit_line/_pecan/staged/2026-09-{OURS}.staged"),
                format!("dim_role/_pecan/staged/.{OURS}.tmp"),
                format!("dim_role/_pecan/manifest.{ID}.new"),
            ],
        });
        let paths: Vec<PathBuf> = names.iter().map(|name| workshop.path("jobs/out").join(name)).collect();
        let before = tree(&workshop.path("jobs/out"));
        for path in &paths {
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(path, "half").expect("written");
        }
        assert!(maintained(&job, Duration::ZERO, LEAST_RETAIN).nothing_to_do(), "{format}");
        assert!(paths.iter().all(|path| path.exists()), "{format}");
        paths.iter().for_each(|path| age(path, 2 * DAY));
        let report = maintained(&job, Duration::ZERO, LEAST_RETAIN);
        assert_eq!((report.deleted().files as usize, report.receipts.deleted.files), (paths.len(), 2), "{format}");
        let left: Vec<_> = tree(&workshop.path("jobs/out")).into_iter().filter(|(_, bytes)| bytes.is_some()).collect();
        assert!(left == before.into_iter().filter(|(_, bytes)| bytes.is_some()).collect::<Vec<_>>(), "{format}");
        assert!(run(&job).nothing_to_do);
    }
}

/// A crash in the middle of a Parquet commit leaves files where readers look: they go at once, as the next commit would do.
#[test]
fn unnamed_files_of_parquet_tables_go_at_once() {
    let workshop = Workshop::sample();
    let job = archive(job_in(&workshop, "parquet", "out"));
    run(&job);
    let stray = workshop.path("jobs/out/fact_credit_line/billing_month=2026-09").join(OURS);
    fs::write(&stray, "moved, not yet named").expect("written");
    assert_eq!(at(&job, SystemTime::now(), RETAIN, true).deleted().files, 1);
    assert!(stray.exists());
    assert_eq!(maintained(&job, Duration::ZERO, RETAIN).deleted().files, 1);
    assert_eq!(data_files(&workshop.path("jobs/out")), live_files(&job));
}

/// What pecan did not write stays, however old, and is named; so do files of ours in places we do not use.
#[test]
fn what_others_wrote_stays_and_is_named() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = archive(job_in(&workshop, format, "out"));
        run(&job);
        let out = workshop.path("jobs/out");
        let month = "fact_credit_line/billing_month=2026-09";
        let files = [
            "notes.txt".to_owned(),
            format!("fact_credit_line/{OF_SPARK}"),
            format!("{month}/{OF_SPARK}"),
            format!("{month}/_{OURS}"),
            format!("{month}/{OURS}.bak"),
            format!("fact_credit_line/{OURS}"),
            "dim_role/.hidden".to_owned(),
            "dim_role/half.tmp".to_owned(),
        ];
        let folders = [format!("other/{OURS}"), format!("{month}/sub/{OURS}"), format!("dim_role/billing_month=2026-09/{OURS}"), format!("{month}x/{OURS}")];
        for path in files.iter().chain(&folders) {
            fs::create_dir_all(out.join(path).parent().expect("a folder")).expect("created");
            fs::write(out.join(path), "not to be touched").expect("written");
        }
        let before = tree(&out);
        let report = maintained(&job, 400 * DAY, RETAIN);
        assert_eq!(report.deleted().files, 0, "{format}");
        assert!(tree(&out) == before, "{format}");
        let named: BTreeSet<&str> = report.all_foreign().collect();
        let expected: BTreeSet<&str> = files.iter().map(String::as_str).collect();
        assert!(expected.is_subset(&named), "{format}: {named:?}");
        assert!(folders.iter().all(|path| named.iter().any(|name| name.ends_with('/') && path.starts_with(name))), "{format}: {named:?}");
        assert_eq!(named.len(), expected.len() + folders.len(), "{format}: {named:?}");
    }
}

/// A table of one of our names that another program made, and a folder whose log is gone, are left alone.
#[test]
fn tables_of_others_and_tables_without_a_log_stay() {
    let workshop = Workshop::sample();
    let job = archive(job_in(&workshop, "delta", "out"));
    run(&job);
    forced(&job);
    let out = workshop.path("jobs/out");
    copy_folder(&out.join("fact_credit_daily"), &out.join("fact_difference"));
    for entry in 0..2 {
        let path = out.join(format!("fact_difference/_delta_log/{entry:020}.json"));
        let text = fs::read_to_string(&path).expect("a log entry");
        fs::write(&path, text.replace("\"pecan.schema\":\"1\"", "\"other\":\"1\"")).expect("written");
    }
    fs::remove_dir_all(out.join("fact_access_day/_delta_log")).expect("removed");
    let before = tree(&out);
    let report = maintained(&job, 400 * DAY, RETAIN);
    let table = |name: &str| report.tables.iter().find(|table| table.name == name).expect("a table");
    assert!(table("fact_difference").not_ours.as_deref().is_some_and(|why| why.contains("pecan.schema")));
    assert_eq!((table("fact_difference").deleted().files, table("fact_access_day").deleted().files), (0, 0));
    assert!(table("fact_access_day").kept.files > 0 && table("fact_credit_line").replaced.files > 0);
    let after = tree(&out);
    let there = |name: &str| before.keys().filter(|path| path.starts_with(out.join(name))).all(|path| after.contains_key(path));
    assert!(there("fact_difference") && there("fact_access_day") && !there("fact_credit_line"));
    assert_eq!(report.receipts.deleted.files, 0, "with a table unread nobody knows which receipts are needed");
}
