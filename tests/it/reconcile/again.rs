//! Comparing again: nothing without news, the month replaced whole with news, and other commands go on as before.

use pecan::schema::{Table, name};
use pecan::sink::Output;

use super::{FORMATS, reconciled, try_reconcile};
use crate::jobs::workshop::{Workshop, run};
use crate::tables::{live, read, tree};

fn output(job: &pecan::job::Job) -> Output {
    pecan::pipeline::open_output(job).unwrap()
}

/// R-AGAIN: a second comparison without news writes nothing at all.
#[test]
fn comparing_twice_writes_nothing_and_runs_find_nothing_to_do() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = workshop.job(&[&format!("output.format=\"{format}\"")]);
        run(&job);
        let first = reconciled(&job, "2026-09");
        assert!(first.run_id.is_some());
        let before = tree(&workshop.path("jobs/out"));
        let second = reconciled(&job, "2026-09");
        assert_eq!((second.run_id.clone(), second.causes.clone()), (None, first.causes.clone()));
        assert!(run(&job).nothing_to_do, "{format}");
        assert_eq!(before, tree(&workshop.path("jobs/out")), "{format}");
        assert!(crate::verify::verified(&job, "latest").answer() == "equal", "month end is no run to recompute");
    }
}

/// The newest row of `run` names every table, month end's too, whoever wrote it.
#[test]
fn rows_of_run_name_all_tables() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let report = reconciled(&job, "2026-10");
    let row = output(&job).latest_run().unwrap().unwrap();
    assert_eq!((row.command.as_str(), Some(row.run_id.clone())), ("reconcile", report.run_id));
    let names = |row: &pecan::sink::RunRow| row.tables.iter().map(|table| (table.name.clone(), table.version)).collect::<std::collections::BTreeMap<_, _>>();
    let then = names(&row);
    assert_eq!(then.len(), 12, "{then:?}");
    std::fs::remove_dir_all(workshop.path("sample_data/archive/2026-10")).unwrap();
    pecan::pipeline::run(&job, &pecan::job::RunOptions { prune: true, ..crate::jobs::workshop::options() }).unwrap();
    let now = names(&output(&job).latest_run().unwrap().unwrap());
    assert_eq!(now.get("fact_difference"), then.get("fact_difference"));
    assert!(now["fact_credit_line"] > then["fact_credit_line"]);
}

/// A corrected invoice replaces the rows of its month, and only these; rejections of the old one go with it.
#[test]
fn a_new_statement_replaces_the_month_whole() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = workshop.job(&[&format!("output.format=\"{format}\"")]);
        run(&job);
        reconciled(&job, "2026-10");
        let october = live(&output(&job), Table::FactDifference);
        reconciled(&job, "2026-09");
        let of_statement = |job: &pecan::job::Job| read(job, Table::Rejection).column(name::SOURCE).iter().filter(|source| **source == "statement").count();
        assert_eq!(of_statement(&job), 1);
        let invoice = workshop.path("sample_data/invoices/2026-09.csv");
        let text = std::fs::read_to_string(&invoice).unwrap();
        std::fs::write(&invoice, text.replace("n/a", "0.096")).unwrap();
        let report = reconciled(&job, "2026-09");
        assert!(report.run_id.is_some());
        assert_eq!(of_statement(&job), 0);
        let files = live(&output(&job), Table::FactDifference);
        assert_eq!(files.len(), 2);
        assert!(files.contains(&october[0]), "another month is left alone");
        assert!(run(&job).nothing_to_do, "{format}");
    }
}

/// Differences against old verdicts would mislead.
#[test]
fn a_month_that_is_not_up_to_date_is_refused_and_another_is_not() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    let error = try_reconcile(&job, "2026-09").unwrap_err();
    assert_eq!((error.exit_code(), error.trouble().code), (3, "run_first"), "nothing was settled yet");
    run(&job);
    let partners = workshop.path("sample_data/reference/partners.csv");
    let text = std::fs::read_to_string(&partners).unwrap();
    std::fs::write(&partners, text.replace("2026-10-12T18:00:00Z", "2026-10-11T18:00:00Z")).unwrap();
    assert_eq!(try_reconcile(&job, "2026-10").unwrap_err().trouble().code, "run_first");
    assert!(try_reconcile(&job, "2026-09").is_ok(), "that agreement's last day is news for October alone");
    assert_eq!(try_reconcile(&job, "2026-08").unwrap_err().trouble().code, "month_empty");
}

/// `limits.tolerance`: what is exactly as much as tolerated is tolerated.
#[test]
fn the_tolerance_itself_is_allowed() {
    let workshop = Workshop::sample();
    let mut job = workshop.job(&["limits.tolerance=\"100000\""]);
    run(&job);
    let report = reconciled(&job, "2026-09");
    assert!(report.verdict().is_ok());
    let most = report.counted().values().copied().max().unwrap();
    job.limits.tolerance = pecan_core::money::plain(most, 12);
    assert!(reconciled(&job, "2026-09").verdict().is_ok());
    job.limits.tolerance = pecan_core::money::plain(most - 1, 12);
    assert_eq!(reconciled(&job, "2026-09").verdict().unwrap_err().exit_code(), 6);
}
