//! Reading the audit log: the records that give or take a role, and how far the log reaches (R-ACCESS, details 18-20, 27).
//!
//! Records of other operations are counted and passed over before any of their JSON is looked at; only their time counts,
//! because the log is known to be complete up to its newest record of any operation (details 27).
//!
//! A format turns a file into times and [`AuditRecord`]s and nothing else; what happens to them is here.

mod azure_activity;
mod content;
mod json_file;
mod json_record;
mod json_skim;
mod json_split;
mod role_record;

use std::collections::{BTreeMap, HashMap, HashSet};

use pecan_core::charge::Reason;
use pecan_core::event::{AuditRecord, Place, PrincipalKinds};
use pecan_core::time::RawInstant;
use rayon::prelude::*;

use self::json_file::Reading;
use self::json_record::Shape;
use crate::error::{Error, Result};
use crate::files_read::FilesRead;
use crate::job::{AuditFormat, AuditSource, Job};
use crate::rejection::Rejection;
use crate::store::{self, InputFile};
use crate::table_file::{self, Written};

/// Files up to this size are read many at a time, one thread each; of longer ones many pieces at a time.
const SMALL_BYTES: u64 = 16 << 20;
/// As many small files at a time: what they say waits for its turn.
const FILES_AT_A_TIME: usize = 1024;
/// As many bytes of small files in a store; that much again is asked for ahead.
const BYTES_AT_A_TIME: u64 = 128 << 20;

/// What the audit files of a job say.
#[derive(Debug, Clone, Default)]
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
    pub counts: BTreeMap<String, u64>,
    /// What request bodies call the principals.
    pub principal_kinds: PrincipalKinds,
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
        log.read(source, &store::list(&source.uri, &source.uri_as_written)?)?;
    }
    Ok(log.input)
}

/// How a file of a source is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parquet,
    SmallJson,
    LongJson,
}

/// By the name, else by the first bytes.
fn kind(source: &AuditSource, file: &InputFile) -> Result<Kind> {
    let name = file.relative.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let is_json = [".json", ".jsonl", ".ndjson"].iter().any(|suffix| name.ends_with(suffix)) || table_file::written(file)? == Written::Json;
    match source.format {
        _ if is_json => Ok(if file.bytes <= SMALL_BYTES { Kind::SmallJson } else { Kind::LongJson }),
        AuditFormat::AzureActivity => Ok(Kind::Parquet),
        AuditFormat::ActivityLogJson => Err(Error::input(
            "format",
            "reading an audit file of format activity-log-json",
            &file.name,
            "a file that is not JSON",
            "name only the files of the log with a wildcard such as …/**/*.json",
        )),
    }
}

/// Which files may still be being written: the newest hour of each folder tree `…/y=2026/m=09/d=01/h=05/…`.
fn may_be_cut(files: &[InputFile]) -> Vec<bool> {
    let log = |file: &InputFile| {
        let path = file.at.text();
        let (log, hour) = path.split_once("/y=")?;
        hour.contains("/h=").then(|| (log.to_string(), hour.to_string()))
    };
    let logs: Vec<Option<(String, String)>> = files.iter().map(log).collect();
    let mut newest: HashMap<&str, &str> = HashMap::new();
    for (log, hour) in logs.iter().flatten() {
        let newest = newest.entry(log).or_insert(hour);
        *newest = hour.as_str().max(newest);
    }
    logs.iter().map(|file| file.as_ref().is_some_and(|(log, hour)| newest.get(log.as_str()) == Some(&hour.as_str()))).collect()
}

/// Files that are read at the same time: one of any kind, or some small ones.
fn portions<'a>(files: &'a [(&'a InputFile, Kind, bool)]) -> impl Iterator<Item = &'a [(&'a InputFile, Kind, bool)]> {
    let fetched = |file: &InputFile| if file.at.path().is_none() { file.bytes } else { 0 };
    let (mut bytes, mut count) = (0u64, 0);
    files.chunk_by(move |a, b| {
        (bytes, count) = (bytes + fetched(a.0), count + 1);
        let together = a.1 == Kind::SmallJson && b.1 == Kind::SmallJson && count < FILES_AT_A_TIME && bytes + fetched(b.0) <= BYTES_AT_A_TIME;
        if !together {
            (bytes, count) = (0, 0);
        }
        together
    })
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
    principal_kinds: PrincipalKinds,
}

impl Found {
    /// Enters the readable time of a record of any operation.
    fn time(&mut self, time: RawInstant) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.newest = Some(self.newest.map_or(time, |newest| newest.max(time)));
    }

    /// Enters what a record calls the principal that receives the role.
    fn principal(&mut self, content: &content::Content) {
        let principal = content.body.as_ref().and_then(|body| body.principal_id.as_deref());
        if let Some((principal, kind)) = principal.zip(content.principal_kind) {
            self.principal_kinds.add(principal, kind);
        }
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
    /// Reads the files of a source: many at a time, taken over in their order, so that nothing depends on threads.
    fn read(&mut self, source: &AuditSource, files: &[InputFile]) -> Result<()> {
        let kinds = files.iter().map(|file| kind(source, file)).collect::<Result<Vec<_>>>()?;
        let files: Vec<(&InputFile, Kind, bool)> = files.iter().zip(kinds).zip(may_be_cut(files)).map(|((file, kind), cut)| (file, kind, cut)).collect();
        let portions: Vec<&[(&InputFile, Kind, bool)]> = portions(&files).collect();
        let ask = |portion: Option<&&[(&InputFile, Kind, bool)]>| portion.into_iter().copied().flatten().for_each(|(file, ..)| file.at.ask_ahead());
        ask(portions.first());
        for (at, portion) in portions.iter().enumerate() {
            ask(portions.get(at + 1));
            self.read_some(source, portion)?;
        }
        Ok(())
    }

    /// Reads one file of any kind, or some small ones at the same time.
    fn read_some(&mut self, source: &AuditSource, files: &[(&InputFile, Kind, bool)]) -> Result<()> {
        let hashes: Vec<Result<String>> = files.par_iter().map(|(file, ..)| store::fingerprint(&file.at)).collect();
        let mut entered = Vec::with_capacity(files.len());
        for ((file, kind, may_be_cut), hash) in files.iter().zip(hashes) {
            entered.push((*file, *kind, *may_be_cut, self.files.enter_hashed(file, &source.name, hash?)));
        }
        let shape = match source.format {
            AuditFormat::AzureActivity => Shape::AzureActivity,
            AuditFormat::ActivityLogJson => Shape::ActivityLog,
        };
        let pieces = if files.len() > 1 { 1 } else { rayon::current_num_threads() };
        let read = |(file, kind, may_be_cut, index): &(&InputFile, Kind, bool, u32)| match kind {
            Kind::Parquet => Ok(None),
            Kind::SmallJson | Kind::LongJson => json_file::read(file, Reading { shape, index: *index, may_be_cut: *may_be_cut, pieces }).map(Some),
        };
        let read: Vec<Result<Option<Found>>> = entered.par_iter().map(read).collect();
        for ((file, _, _, index), found) in entered.into_iter().zip(read) {
            let before = self.input.rows;
            match found? {
                Some(found) => self.absorb(found),
                None => azure_activity::read(file, index, self)?,
            }
            let rows = self.input.rows - before;
            self.files.set_rows(index, rows);
        }
        Ok(())
    }

    /// Takes over what was found; called in the order of files and rows.
    fn absorb(&mut self, found: Found) {
        let input = &mut self.input;
        input.first = input.first.into_iter().chain(found.first).min();
        input.newest = input.newest.into_iter().chain(found.newest).max();
        input.rows += found.rows;
        input.passed_over += found.passed_over;
        input.records.extend(found.records);
        input.principal_kinds.merge(&found.principal_kinds);
        for (word, more) in found.counts {
            *input.counts.entry(word.to_owned()).or_default() += more;
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

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
