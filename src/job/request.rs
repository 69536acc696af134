//! What the operator asks of a job beside the job file: options of a run, and the question to explain.

use pecan_core::time::Day;

use super::Job;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// How a run is to be made.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// First usage day to look at (details 35).
    pub from: Option<Day>,
    /// First usage day not to look at.
    pub until: Option<Day>,
    /// Rewrite groups although nothing changed.
    pub force: bool,
    /// Take out the output of groups whose input files are gone.
    pub prune: bool,
    /// Do everything but make it visible.
    pub dry_run: bool,
    /// Threads that decode and decide; at least 1. Results never depend on it (R-AGAIN-6).
    pub threads: usize,
    /// Where progress is shown.
    pub progress: Progress,
}

impl RunOptions {
    /// Checks that `from` lies before `until`.
    /// # Errors
    /// Usage (exit 2).
    pub fn checked(self) -> Result<RunOptions> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => {
                let seen = format!("--from {from} --until {until}");
                Err(Error::usage("usage_days", "reading the command line", "--until", seen, "Give an --until after --from: its day is not part of the run."))
            }
            _ => Ok(self),
        }
    }
}

/// What `explain` is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A resource on a usage day.
    Day {
        /// The usage day.
        date: Day,
        /// ARM id as typed: a resource, resource group or subscription.
        resource: String,
    },
    /// One charge row.
    Line {
        /// Name of a charges source; `None`: any.
        source: Option<String>,
        /// `source_file` of the credit line.
        file: String,
        /// `source_row`, from 1.
        row: i64,
    },
}

impl Question {
    /// Reads `[SOURCE:]FILE:ROW`. What stands before the first colon is a source only if the job has one of that name.
    /// # Errors
    /// Usage (exit 2).
    pub fn line(text: &str, job: &Job) -> Result<Question> {
        let wrong = || {
            Error::usage(
                "usage_line",
                "reading the command line",
                "--line",
                format!("{text:?}"),
                "Write [SOURCE:]FILE:ROW with the source_file and source_row (from 1) of a credit line.",
            )
        };
        let (place, row) = text.rsplit_once(':').ok_or_else(wrong)?;
        let row: i64 = row.trim().parse().ok().filter(|row| *row >= 1).ok_or_else(wrong)?;
        let (source, file) = match place.split_once(':') {
            Some((source, file)) if job.charges.iter().any(|charges| charges.name == source) => (Some(source.to_string()), file),
            _ => (None, place),
        };
        if file.is_empty() { Err(wrong()) } else { Ok(Question::Line { source, file: file.to_string(), row }) }
    }
}

/// Reads a usage day of the command line: `YYYY-MM-DD` and nothing else.
/// # Errors
/// What to write instead.
pub fn parse_day(text: &str) -> std::result::Result<Day, String> {
    let wrong = || "write a day as YYYY-MM-DD, for example 2026-09-01".to_string();
    let shape = text.len() == 10 && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    if !shape {
        return Err(wrong());
    }
    pecan_core::time::parse_day(text).ok_or_else(wrong)
}

/// Reads a billing month of the command line: `YYYY-MM` and nothing else.
/// # Errors
/// What to write instead.
pub fn parse_month(text: &str) -> std::result::Result<String, String> {
    match parse_day(&format!("{text}-01")) {
        Ok(day) => Ok(day.month()),
        Err(_) => Err("write a month as YYYY-MM, for example 2026-09".to_string()),
    }
}
