//! Month end from the outside: files in, `fact_difference` out. What each file proves:
//!
//! | file | proves |
//! |---|---|
//! | `sample.rs` | R-MONTH-1, R-MONTH-2, R-MONTH-3, R-MONTH-4: September of the sample against its invoice, to the last digit of `sample_data/expected_differences.csv` |
//! | `closed.rs` | closed months are left alone, news about them is booked, and all adds up to the truth (R-AGAIN-5) |
//! | `again.rs` | twice writes nothing; news replaces the month whole; other commands are not disturbed |

mod again;
mod closed;
mod sample;

use pecan::error::Result;
use pecan::job::Job;
use pecan::progress::Progress;
use pecan::reconcile::{Closing, ReconcileOptions, Report, reconcile};

const FORMATS: [&str; 2] = ["delta", "parquet"];

fn options(month: &str, threads: usize) -> ReconcileOptions {
    ReconcileOptions { month: month.to_owned(), action: Closing::Compare, threads, progress: Progress::off() }
}

fn try_reconcile(job: &Job, month: &str) -> Result<Report> {
    reconcile(job, &options(month, 2))
}

/// Compares a month; that must go well.
fn reconciled(job: &Job, month: &str) -> Report {
    try_reconcile(job, month).unwrap_or_else(|e| panic!("{e}"))
}
