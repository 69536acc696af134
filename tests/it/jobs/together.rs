//! Runs at the same time: of two on one month one wins, of two on different months both.

use std::sync::Barrier;

use pecan::error::Error;
use pecan::job::{Job, RunOptions, parse_day};
use pecan::summary::Summary;

use super::workshop::{Workshop, options, run, try_run};
use crate::tables::{assert_equal, canonical};

const ROUNDS: usize = 6;

fn narrowed(days: &[&str; 2]) -> RunOptions {
    let day = |text: &str| Some(parse_day(text).expect("a day"));
    RunOptions { from: day(days[0]), until: day(days[1]), threads: 1, ..options() }
}

/// Runs a job over as many spans of days at once, each in a thread of its own.
fn at_once(job: &Job, spans: &[[&str; 2]]) -> Vec<Result<Summary, Error>> {
    let start = Barrier::new(spans.len());
    std::thread::scope(|scope| {
        let run = |days| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                try_run(job, &narrowed(days))
            })
        };
        let threads: Vec<_> = spans.iter().map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// Export runs are chosen by their days, so two months of one export are two groups.
fn job(workshop: &Workshop, format: &str, output: String) -> Job {
    let mut job = workshop.job(&[&format!("output.format=\"{format}\""), &format!("output.uri={output}/")]);
    job.charges.retain(|source| source.name == "contoso");
    job
}

const MONTHS: [[&str; 2]; 2] = [["2026-09-01", "2026-10-01"], ["2026-10-01", "2026-11-01"]];

/// Runs `check` with as many outputs as there are rounds, in both formats; after it each must hold what one run alone makes.
fn each_round(check: impl Fn(&Job, &str)) {
    let workshop = Workshop::sample();
    for format in ["delta", "parquet"] {
        let alone = job(&workshop, format, format!("alone-{format}"));
        run(&alone);
        for round in 0..ROUNDS {
            let (job, what) = (job(&workshop, format, format!("{format}-{round}")), format!("{format} {round}"));
            check(&job, &what);
            assert_equal(&canonical(&job), &canonical(&alone), &what);
            run(&job);
            assert!(run(&job).nothing_to_do, "{what}");
        }
    }
}

/// R-AGAIN-1: the tables made of all groups are made again by the run that commits them second, so neither has lost.
#[test]
fn runs_on_different_months_all_succeed() {
    each_round(|job, what| {
        for (outcome, days) in at_once(job, &MONTHS).into_iter().zip(MONTHS) {
            assert!(outcome.is_ok_and(|summary| summary.credit_lines > 0), "{what} {days:?}");
        }
    });
}

/// R-AGAIN-1: of two runs on one month one has lost, says so (exit 4), and changed nothing.
#[test]
fn of_two_runs_on_one_month_one_wins() {
    each_round(|job, what| {
        let outcomes = at_once(job, &[["2026-09-01", "2026-11-01"]; 2]);
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(won >= 1 && outcomes.iter().all(|o| o.as_ref().err().is_none_or(|e| e.exit_code() == 4)), "{what} {outcomes:?}");
    });
}
