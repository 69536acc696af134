//! R-AGAIN-5: a closed month is never rewritten; what becomes known later is booked by the next close, as differences of sums.
//!
//! The truth is always the same: one run from scratch over today's inputs. For every month that was ever closed, the lines of the
//! output and everything booked about it add up to that truth after each close.

use std::collections::BTreeMap;
use std::path::Path;

use pecan::job::Job;
use pecan::reconcile::{Closing, ReconcileOptions, Report, reconcile};
use pecan::schema::{Table, name};

use super::{FORMATS, options};
use crate::jobs::workshop::{Workshop, run};
use crate::tables::{Rows, data_bytes, read, tree, unscaled};

const MONTHS: [&str; 2] = ["2026-09", "2026-10"];
const KEY: [&str; 11] = [
    name::USAGE_DATE,
    name::CUSTOMER_ID,
    name::SUBSCRIPTION_ID,
    name::RESOURCE_ID,
    name::METER_ID,
    name::PRODUCT_ID,
    name::SKU_ID,
    name::PRICING_CURRENCY,
    name::BILLING_CURRENCY,
    name::OUTCOME,
    name::RATE,
];
/// Quantity, list cost, credit, and expected less applied credit.
type Sums = BTreeMap<Vec<String>, [i128; 4]>;

/// A job whose runs are quick: one source of two months, in a folder a month or all in one.
fn job(workshop: &Workshop, format: &str, mixed: bool) -> Job {
    if mixed {
        for month in MONTHS {
            let from = workshop.path(&format!("sample_data/archive/{month}"));
            std::fs::rename(from.join("usage.parquet"), workshop.path(&format!("sample_data/archive/{month}.parquet"))).unwrap();
            std::fs::remove_dir(from).unwrap();
        }
    }
    job_to(workshop, format, "out/")
}

fn job_to(workshop: &Workshop, format: &str, output: &str) -> Job {
    let mut job = workshop.job(&[&format!("output.format=\"{format}\""), &format!("output.uri={output}")]);
    job.charges.retain(|c| c.name == "archive");
    job
}

fn closing(job: &Job, month: &str, action: Closing) -> Report {
    reconcile(job, &ReconcileOptions { action, ..options(month, 2) }).unwrap_or_else(|e| panic!("{e}"))
}

fn close(job: &Job, month: &str) -> Report {
    closing(job, month, Closing::Close)
}

fn add(sums: &mut Sums, rows: &Rows, row: &[Option<String>], difference: i128) {
    let lower = |column: &str| if column.ends_with("_id") { rows.cell(row, column).to_lowercase() } else { rows.cell(row, column).to_owned() };
    let amount = |column: &str| Some(rows.cell(row, column)).filter(|text| !text.is_empty()).map_or(0, unscaled);
    let sum = sums.entry(KEY.map(lower).to_vec()).or_default();
    for (sum, more) in sum.iter_mut().zip([amount(name::QUANTITY), amount(name::LIST_COST), amount(name::CREDIT_BILLING), difference]) {
        *sum += more;
    }
}

/// The credit lines of a month, summed.
fn lines(job: &Job, month: &str) -> Sums {
    let (rows, mut sums) = (read(job, Table::FactCreditLine), Sums::new());
    for row in rows.rows.iter().filter(|row| rows.cell(row, name::BILLING_MONTH) == month) {
        let amount = |column: &str| Some(rows.cell(row, column)).filter(|text| !text.is_empty()).map_or(0, unscaled);
        add(&mut sums, &rows, row, amount(name::CREDIT_BILLING) - amount(name::APPLIED_CREDIT_BILLING));
    }
    sums
}

/// The same with everything booked about it.
fn booked(job: &Job, month: &str) -> Sums {
    let (rows, mut sums) = (read(job, Table::FactAdjustment), lines(job, month));
    for row in rows.rows.iter().filter(|row| rows.cell(row, name::ADJUSTS_MONTH) == month) {
        add(&mut sums, &rows, row, unscaled(rows.cell(row, name::DIFFERENCE)));
    }
    sums.retain(|_, sum| *sum != [0; 4]);
    sums
}

/// What a run from scratch says of a month now.
fn truth(workshop: &Workshop, format: &str, month: &str) -> Sums {
    let _ = std::fs::remove_dir_all(workshop.path("jobs/scratch"));
    let job = job_to(workshop, format, "scratch/");
    run(&job);
    let mut sums = lines(&job, month);
    sums.retain(|_, sum| *sum != [0; 4]);
    sums
}

fn legacy(workshop: &Workshop, from: &str, until: &str) {
    let path = workshop.path("sample_data/reference/products.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let cell = |column: &&str| match *column {
        "product_id" => "DZH318Z0SQ01",
        "kind" => "legacy",
        "valid_from" => from,
        "valid_until" => until,
        _ => "",
    };
    let row = header.iter().map(cell).collect::<Vec<_>>().join(",");
    std::fs::write(&path, format!("{}\n{row}\n", text.trim_end())).unwrap();
}

fn of_month(job: &Job, month: &str) -> BTreeMap<(&'static str, Option<String>, String), Vec<u8>> {
    data_bytes(job).into_iter().filter(|((_, of, _), _)| of.as_deref() == Some(month)).collect()
}

/// Whether a currency has less credit now than when the month was closed.
fn less_is_known(told: &Report) -> bool {
    told.now_known.iter().flatten().any(|(currency, known)| *known < told.as_closed(currency))
}

#[test]
fn a_closed_month_is_left_alone_and_news_is_booked_by_the_next_close() {
    for (format, mixed) in [(FORMATS[0], false), (FORMATS[1], true)] {
        let workshop = Workshop::sample();
        let job = job(&workshop, format, mixed);
        run(&job);
        let report = close(&job, "2026-09");
        assert_eq!((report.action.word(), report.closed, report.booked.len()), ("closed", true, 0));
        let before = tree(&workshop.path("jobs/out"));
        assert!(close(&job, "2026-09").run_id.is_none() && run(&job).nothing_to_do);
        assert_eq!(before, tree(&workshop.path("jobs/out")), "{format}: closed twice");

        let september = of_month(&job, "2026-09");
        legacy(&workshop, "2026-09-10", "2026-10-05");
        let summary = run(&job);
        assert!(!summary.nothing_to_do, "October has news, too");
        let frozen = of_month(&job, "2026-09");
        let lines_of = |files: &BTreeMap<(&'static str, Option<String>, String), Vec<u8>>| {
            files.iter().filter(|((table, ..), _)| *table != "fact_difference").map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>()
        };
        assert_eq!(lines_of(&september), lines_of(&frozen), "{format}: a closed month was rewritten");
        assert_eq!(lines(&job, "2026-10"), lines_of_truth(&workshop, format, "2026-10"));
        let again = run(&job);
        assert!(again.nothing_to_do, "{format}: {:?}", again.warnings);
        assert_eq!(again.warnings.iter().any(|w| w.code == "month_closed"), !mixed, "{:?}", again.warnings);

        let told = closing(&job, "2026-09", Closing::Compare);
        assert!(less_is_known(&told), "as closed and as now known: {:?}", told.now_known);
        let report = close(&job, "2026-10");
        assert!(report.booked.iter().all(|(month, ..)| month == "2026-09") && !report.booked.is_empty());
        for month in MONTHS {
            assert_eq!(booked(&job, month), truth(&workshop, format, month), "{format} {month}");
        }
        assert!(close(&job, "2026-10").run_id.is_none(), "closing twice without news adds none");
        assert_eq!(crate::verify::verified(&job, "latest").answer(), "equal", "a run that withheld a closed month");
    }
}

/// A group with rejections has a file without a month; when all its months are closed it is left alone all the same.
#[test]
fn a_group_with_rejections_in_a_closed_month_is_left_alone() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    close(&job, "2026-09");
    let path = workshop.path("sample_data/reference/products.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{}\nDZH318Z0VM01,,legacy,2026-09-10,2026-09-12\n", text.trim_end())).unwrap();
    let summary = run(&job);
    assert!(summary.nothing_to_do, "{:?}", summary.warnings);
    assert_eq!(summary.warnings.iter().filter(|w| w.code == "month_closed").count(), 3, "{:?}", summary.warnings);
    assert!(less_is_known(&closing(&job, "2026-09", Closing::Compare)));
    assert!(!close(&job, "2026-10").booked.is_empty());
    let _ = std::fs::remove_dir_all(workshop.path("jobs/scratch"));
    let scratch = workshop.job_to("scratch/");
    run(&scratch);
    let mut wanted = lines(&scratch, "2026-09");
    wanted.retain(|_, sum| *sum != [0; 4]);
    assert_eq!(booked(&job, "2026-09"), wanted);
}

fn lines_of_truth(workshop: &Workshop, format: &str, month: &str) -> Sums {
    truth(workshop, format, month);
    lines(&job_to(workshop, format, "scratch/"), month)
}

#[test]
fn reopening_is_recorded_and_the_next_run_brings_the_month_up_to_date() {
    let workshop = Workshop::sample();
    let job = job(&workshop, "delta", false);
    run(&job);
    let error = reconcile(&job, &ReconcileOptions { action: Closing::Reopen("why".into()), ..options("2026-09", 1) }).unwrap_err();
    assert_eq!((error.exit_code(), error.trouble().code), (2, "month_not_closed"));
    close(&job, "2026-09");
    legacy(&workshop, "2026-09-01", "2026-09-20");
    close(&job, "2026-09");
    assert_eq!(booked(&job, "2026-09"), truth(&workshop, "delta", "2026-09"));
    let report = closing(&job, "2026-09", Closing::Reopen("the product list was wrong".into()));
    assert_eq!(report.action.word(), "reopened");
    assert!(!run(&job).nothing_to_do);
    assert_eq!(lines(&job, "2026-09"), lines_of_truth(&workshop, "delta", "2026-09"));
    // What was booked is taken back by the next close: the lines themselves now say it.
    assert!(!close(&job, "2026-09").booked.is_empty());
    assert_eq!(booked(&job, "2026-09"), truth(&workshop, "delta", "2026-09"));
}

/// Random histories of news, runs, closes and reopenings: the ledger adds up to the truth after each close.
#[test]
fn after_any_history_lines_and_bookings_add_up_to_the_truth() {
    let histories = std::env::var("PECAN_CLOSINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(3u64);
    for seed in 0..histories {
        let (format, mixed) = (FORMATS[(seed % 2) as usize], seed % 3 == 1);
        let workshop = Workshop::sample();
        let job = job(&workshop, format, mixed);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
        let mut roll = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % sides
        };
        run(&job);
        println!("seed {seed}: {format}, mixed {mixed}");
        let (mut story, mut copies) = (Vec::new(), 0);
        for _ in 0..6 {
            let month = MONTHS[roll(2) as usize];
            match roll(5) {
                0 => {
                    let (from, days) = (1 + roll(20), 1 + roll(9));
                    story.push(format!("legacy {month}-{from:02} {days}"));
                    legacy(&workshop, &format!("{month}-{from:02}"), &format!("{month}-{:02}", from + days));
                }
                1 => {
                    copies += 1;
                    story.push(format!("copy of {month}"));
                    copy(&workshop, month, mixed, copies);
                }
                2 if closed(&job).contains(month) => {
                    story.push(format!("reopen {month}"));
                    closing(&job, month, Closing::Reopen("a test".into()));
                }
                _ => {
                    run(&job);
                    story.push(format!("run, close {month}"));
                    close(&job, month);
                    for month in ever_closed(&job) {
                        assert_eq!(booked(&job, &month), truth(&workshop, format, &month), "seed {seed} {month} {story:?}");
                    }
                    assert!(close(&job, month).run_id.is_none(), "seed {seed} {story:?}");
                    assert!(run(&job).nothing_to_do, "seed {seed} {story:?}");
                }
            }
        }
    }
}

fn copy(workshop: &Workshop, month: &str, mixed: bool, number: u64) {
    let folder = workshop.path("sample_data/archive");
    let (from, to) = match mixed {
        true => (folder.join(format!("{month}.parquet")), folder.join(format!("{month}-copy-{number}.parquet"))),
        false => (folder.join(month).join("usage.parquet"), folder.join(month).join(format!("copy-{number}.parquet"))),
    };
    copy_file(&from, &to);
}

fn copy_file(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

fn closed(job: &Job) -> std::collections::BTreeSet<String> {
    pecan::sink::closed_months(&pecan::pipeline::open_output(job).unwrap().runs().unwrap())
}

fn ever_closed(job: &Job) -> std::collections::BTreeSet<String> {
    let rows = pecan::pipeline::open_output(job).unwrap().runs().unwrap();
    let done = rows.into_iter().filter_map(|row| row.month_done);
    done.filter(|done| done.action == pecan::sink::MonthAction::Closed).map(|done| done.month).collect()
}
