//! R-AGAIN-6: order of rows and files, splits, arrival, formats and threads never change the tables.

use std::fs;
use std::path::Path;

use arrow::compute::concat_batches;
use pecan::job::{Job, RunOptions};

use super::sheets::{RawCsv, parquet, pieces, shuffled, write_csv, write_parquet};
use super::workshop::{Workshop, options, run, run_with};
use crate::oracle::world::Dice;
use crate::tables::{Canonical, assert_equal, canonical, data_bytes};

const SEEDS: std::ops::Range<u64> = 0..2;

fn expected() -> Canonical {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    canonical(&job)
}

fn charge_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()) {
        if path.is_dir() {
            files.extend(charge_files(&path));
        } else if path.extension().is_some_and(|x| x == "parquet" || x == "csv" || x == "gz") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The files of the runs that count.
fn counted(files: Vec<std::path::PathBuf>) -> impl Iterator<Item = std::path::PathBuf> {
    let passed_over = ["000000000002/", "000000000004/", "000000000005/"];
    files.into_iter().filter(move |path| !passed_over.iter().any(|run| path.to_string_lossy().contains(run)))
}

/// Gives each charges source of the sample another folder with the same rows: shuffled, in other pieces under other names.
fn scatter(workshop: &Workshop, job: &mut Job, dice: &mut Dice, as_csv: bool) {
    for (source, folder) in [("contoso", "exports/contoso"), ("fabrikam", "exports/fabrikam"), ("archive", "archive")] {
        let target = format!("scattered-{source}");
        for (at, path) in counted(charge_files(&workshop.path(&format!("sample_data/{folder}")))).enumerate() {
            let place = |piece: usize, dice: &mut Dice, kind: &str| {
                workshop.path(&format!("{target}/f{}/{:04x}-{at}-{piece}.{kind}", dice.below(3), dice.below(65_536)))
            };
            if path.extension().is_some_and(|x| x == "parquet") {
                let rows = shuffled(&parquet(&path), dice);
                for (piece, rows) in pieces(&rows, 1 + dice.below(4)).iter().enumerate() {
                    if as_csv {
                        let kind = if dice.below(2) == 0 { "csv" } else { "csv.gz" };
                        write_csv(&place(piece, dice, kind), rows);
                    } else {
                        let group = 1 + dice.below(100);
                        write_parquet(&place(piece, dice, "parquet"), rows, group);
                    }
                }
            } else {
                let mut raw = RawCsv::read(&path);
                dice.shuffle(&mut raw.records);
                let size = raw.records.len().div_ceil(1 + dice.below(3));
                for (piece, records) in raw.records.chunks(size).enumerate() {
                    raw.write(&place(piece, dice, "csv"), records);
                }
            }
        }
        workshop.read_files(job, source, &target);
    }
}

/// R-AGAIN-6, R-CONSERVE: shuffled rows in other files of other sizes, in other folders.
#[test]
fn rows_may_stand_in_any_order_and_file() {
    let expected = expected();
    for seed in SEEDS {
        let workshop = Workshop::sample();
        let mut job = workshop.job(&[]);
        scatter(&workshop, &mut job, &mut Dice::new(seed), false);
        let summary = run_with(&job, &RunOptions { threads: 1 + usize::try_from(seed).unwrap_or(0) * 3, ..options() });
        assert_eq!((summary.rows_read, summary.credit_lines, summary.rejections), (558, 553, 5));
        assert_equal(&canonical(&job), &expected, &format!("seed {seed}"));
    }
}

/// R-AGAIN-6, R-PRODUCT-2: CSV in place of Parquet. CSV cannot tell an empty text from none, so neither does this.
#[test]
fn csv_says_the_same_as_parquet() {
    let blank = |tables: Canonical| -> Canonical {
        let plain = |lines: Vec<String>| {
            let mut lines: Vec<String> =
                lines.into_iter().map(|l| l.split(' ').filter(|cell| !cell.ends_with("=\"\"")).collect::<Vec<_>>().join(" ")).collect();
            lines.sort();
            lines
        };
        tables.into_iter().map(|(name, lines)| (name, plain(lines))).collect()
    };
    let expected = blank(expected());
    for seed in SEEDS {
        let workshop = Workshop::sample();
        let mut job = workshop.job(&[]);
        scatter(&workshop, &mut job, &mut Dice::new(seed), true);
        run(&job);
        assert_equal(&blank(canonical(&job)), &expected, &format!("seed {seed}"));
    }
}

/// R-AGAIN-6: rows of every reference table in another order.
#[test]
fn reference_rows_may_stand_in_any_order() {
    let expected = expected();
    for seed in SEEDS {
        let workshop = Workshop::sample();
        let mut dice = Dice::new(seed);
        for path in fs::read_dir(workshop.path("sample_data/reference")).expect("a folder").flatten().map(|e| e.path()) {
            match path.extension().and_then(|x| x.to_str()) {
                Some("parquet") => write_parquet(&path, &shuffled(&parquet(&path), &mut dice), 3),
                Some("csv") => {
                    let mut raw = RawCsv::read(&path);
                    dice.shuffle(&mut raw.records);
                    raw.write(&path, &raw.records);
                }
                _ => {
                    let mut list: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(&path).expect("bytes")).expect("JSON");
                    dice.shuffle(&mut list);
                    fs::write(&path, serde_json::to_vec(&list).expect("JSON")).expect("written");
                }
            }
        }
        let job = workshop.job(&[]);
        run(&job);
        assert_equal(&canonical(&job), &expected, &format!("seed {seed}"));
    }
}

/// R-AGAIN-6: audit records shuffled over other files that overlap, as fetching the log again does.
#[test]
fn audit_files_may_be_split_and_overlap() {
    let expected = expected();
    for seed in SEEDS {
        let workshop = Workshop::sample();
        let mut dice = Dice::new(seed);
        let folder = workshop.path("sample_data/audit");
        let files = [folder.join("2026-09.parquet"), folder.join("2026-10.parquet")];
        let rows = files.each_ref().map(|path| parquet(path));
        let all = shuffled(&concat_batches(&rows[0].schema(), &rows).expect("one schema"), &mut dice);
        files.iter().for_each(|path| fs::remove_file(path).expect("removed"));
        let count = all.num_rows();
        let cuts = [(0, count * 2 / 3), (count / 3, count - count / 3), (count / 4, count / 4)];
        for (at, (from, rows)) in cuts.into_iter().enumerate() {
            write_parquet(&folder.join(format!("part-{}.parquet", 9 - at)), &all.slice(from, rows), 1 + dice.below(40));
        }
        let job = workshop.job(&[]);
        run(&job);
        assert_equal(&canonical(&job), &expected, &format!("seed {seed}"));
    }
}

/// R-AGAIN-6: the same files give the same bytes at any number of threads.
#[test]
fn threads_never_change_a_byte() {
    let workshop = Workshop::sample();
    let mut prepared = workshop.job(&[]);
    scatter(&workshop, &mut prepared, &mut Dice::new(7), false);
    let run_at = |threads: usize| {
        let mut job = workshop.job_to(&format!("threads-{threads}/"));
        job.charges = prepared.charges.clone();
        run_with(&job, &RunOptions { threads, ..options() });
        data_bytes(&job)
    };
    let one = run_at(1);
    assert!(one.len() > 20, "{}", one.len());
    for threads in [2, 8] {
        let many = run_at(threads);
        assert_eq!(one.keys().collect::<Vec<_>>(), many.keys().collect::<Vec<_>>());
        let other: Vec<_> = one.iter().filter(|(key, bytes)| many[*key] != **bytes).map(|(key, _)| key).collect();
        assert!(other.is_empty(), "{threads} threads gave other bytes: {other:?}");
    }
}

/// Parquet output holds what Delta output holds, file by file.
#[test]
fn parquet_output_equals_delta_output() {
    let workshop = Workshop::sample();
    let delta = workshop.job(&["output.uri=as-delta/"]);
    let plain = workshop.job(&["output.uri=as-parquet/", "output.format=\"parquet\""]);
    assert_ne!(crate::tables::is_delta(&delta), crate::tables::is_delta(&plain));
    run(&delta);
    run(&plain);
    assert_equal(&canonical(&plain), &canonical(&delta), "parquet against delta");
    assert!(data_bytes(&plain) == data_bytes(&delta), "data files differ");
}
