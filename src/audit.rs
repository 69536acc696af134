//! Reading the audit log: the records that give or take a role, and how far the log reaches (R-ACCESS, details 18-20, 27).
//!
//! Records of other operations are counted and passed over before any of their JSON is looked at; only their time counts,
//! because the log is known to be complete up to its newest record of any operation (details 27).
//!
//! A format turns a file into times and [`AuditRecord`]s and nothing else; what happens to them is here.

mod azure_activity;
mod content;

use std::collections::{BTreeMap, HashSet};

use pecan_core::charge::Reason;
use pecan_core::event::{AuditRecord, Place};
use pecan_core::time::RawInstant;

use crate::error::Result;
use crate::files_read::FilesRead;
use crate::job::{AuditFormat, AuditSource, Job};
use crate::rejection::Rejection;
use crate::store;

/// What the audit files of a job say.
#[derive(Debug, Default)]
pub struct AuditInput {
    /// Every usable record of the four operations, in file and row order; nothing is deduplicated yet.
    pub records: Vec<AuditRecord>,
    /// The earliest readable TimeGenerated of any operation.
    pub first: Option<RawInstant>,
    /// The latest readable TimeGenerated of any operation.
    pub newest: Option<RawInstant>,
    /// Records of any operation.
    pub rows: u64,
    /// Records of operations that give or take nothing.
    pub passed_over: u64,
    /// Records of the four operations that cannot be used, by file and row; one delivered several times once (details 20).
    pub rejections: Vec<Rejection>,
    /// What else is counted for the run report.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Reads every audit source of the job. The files read are entered into `files`; places of records point into it.
/// # Errors
/// `Input` (exit 3) for an unreadable file or a missing column, `Storage`.
pub fn read(job: &Job, files: &mut FilesRead) -> Result<AuditInput> {
    read_sources(&job.audit, files)
}

fn read_sources(sources: &[AuditSource], files: &mut FilesRead) -> Result<AuditInput> {
    let mut log = Log { input: AuditInput::default(), rejected: HashSet::new(), files };
    for source in sources {
        for file in store::list(&source.uri, &source.uri_as_written)? {
            let index = log.files.enter(&file, &source.name)?;
            let before = log.input.rows;
            match source.format {
                AuditFormat::AzureActivity => azure_activity::read(&file, index, &mut log)?,
            }
            let rows = log.input.rows - before;
            log.files.set_rows(index, rows);
        }
    }
    Ok(log.input)
}

/// A record that cannot be used.
struct Refused {
    place: Place,
    event_data_id: String,
    column: &'static str,
    value: String,
    reason: Reason,
    message: String,
}

/// What a format found in some consecutive records of a file.
#[derive(Default)]
struct Found {
    first: Option<RawInstant>,
    newest: Option<RawInstant>,
    rows: u64,
    passed_over: u64,
    records: Vec<AuditRecord>,
    refused: Vec<Refused>,
    counts: BTreeMap<&'static str, u64>,
}

impl Found {
    /// Enters the readable time of a record of any operation.
    fn time(&mut self, time: RawInstant) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
    }

    /// Counts something for the run report.
    fn count(&mut self, word: &'static str, more: u64) {
        if more > 0 {
            *self.counts.entry(word).or_default() += more;
        }
    }
}

/// Everything found so far.
struct Log<'a> {
    input: AuditInput,
    rejected: HashSet<(String, Reason, String)>,
    files: &'a mut FilesRead,
}

impl Log<'_> {
    /// Takes over what was found; called in the order of files and rows.
    fn absorb(&mut self, found: Found) {
        let input = &mut self.input;
        input.first = input.first.into_iter().chain(found.first).min();
        input.newest = input.newest.into_iter().chain(found.newest).max();
        input.rows += found.rows;
        input.passed_over += found.passed_over;
        input.records.extend(found.records);
        for (word, more) in found.counts {
            *input.counts.entry(word).or_default() += more;
        }
        found.refused.into_iter().for_each(|refused| self.refuse(refused));
    }

    /// Keeps a record as a rejection, unless the same record was delivered and rejected before: what is kept stands at
    /// the smallest place (details 20).
    fn refuse(&mut self, refused: Refused) {
        let key = (refused.event_data_id.to_ascii_lowercase(), refused.reason, refused.value);
        if !key.0.is_empty() && self.rejected.contains(&key) {
            return;
        }
        let rejection = self.files.rejection(refused.place, refused.reason, refused.message);
        self.input.rejections.push(rejection.with_column(refused.column).with_value(&key.2));
        self.rejected.insert(key);
    }
}

#[cfg(test)]
mod tests;
