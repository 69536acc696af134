//! What audit and reference files said, kept so that a later run hears exactly the same.
//!
//! | input | kept as | why |
//! |---|---|---|
//! | audit files | a line per file, per usable record about roles and per rejection | most records are about other things, and 100,000 small files must not become as many |
//! | reference files | their bytes | they are read again by the very reader of that day |
//!
//! Both go through [`Cutter`]: what was kept by an earlier run is not written again.

mod lines;

use std::collections::BTreeMap;

use pecan_core::time::RawInstant;
use serde::{Deserialize, Serialize};

use self::lines::Line;
use crate::audit::AuditInput;
use crate::error::{Error, Result};
use crate::files_read::{FileRead, FilesRead};
use crate::kept::{Cutter, Kept, Pieces};
use crate::known::Known;
use crate::store;

/// The audit log of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditThen {
    /// Whether records were kept, or only what files there were.
    pub records_kept: bool,
    /// Its lines, as JSON.
    pub lines: Pieces,
    /// The first readable time of any operation, nanoseconds since 1970 UTC.
    pub first: Option<i128>,
    /// The newest one.
    pub newest: Option<i128>,
    /// Records of any operation.
    pub rows: u64,
    /// Records of operations that give or take nothing.
    pub passed_over: u64,
    /// What is counted for the run report.
    pub counts: BTreeMap<String, u64>,
}

/// A reference file of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReferenceThen {
    /// The key of `[reference]`.
    pub table: String,
    /// As it was shown.
    pub name: String,
    /// Its own name, which may say how it is written.
    pub file: String,
    /// BLAKE3 of its content.
    pub hash: String,
    /// Size.
    pub bytes: u64,
    /// Of a list: when it was taken, nanoseconds since 1970 UTC.
    pub listed_at: Option<i128>,
    /// Of a list: what it is complete for.
    pub complete_for: Option<String>,
    /// Its content; `None`: it was not kept.
    pub content: Option<Pieces>,
}

/// Keeps what the audit files of a run said.
/// # Errors
/// `Storage`.
pub fn keep_audit(known: &Known, kept: &Kept) -> Result<AuditThen> {
    let nothing = AuditInput::default();
    let audit = known.told.as_ref().unwrap_or(&nothing);
    let files = known.files.files.get(..known.audit_files).unwrap_or_default();
    let mut cutter = Cutter::new(kept);
    lines::each(audit, files, &mut |line| {
        let mut text = serde_json::to_vec(&line).map_err(|e| Error::bug("keep", "writing a line of the kept audit log", "memory", e, "report this"))?;
        text.push(b'\n');
        cutter.take(&text)
    })?;
    Ok(AuditThen {
        records_kept: known.told.is_some(),
        lines: cutter.finish()?,
        first: audit.first.map(|at| at.0),
        newest: audit.newest.map(|at| at.0),
        rows: audit.rows,
        passed_over: audit.passed_over,
        counts: audit.counts.clone(),
    })
}

impl AuditThen {
    /// The audit log of that run and its files; `None` if a piece is gone or damaged.
    pub fn read(&self, kept: &Kept) -> Option<(AuditInput, FilesRead)> {
        let content = self.lines.read(kept)?;
        let mut lines = Vec::new();
        for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            lines.push(serde_json::from_slice::<Line>(line).ok()?);
        }
        let (mut audit, files) = lines::together(lines)?;
        audit.first = self.first.map(RawInstant);
        audit.newest = self.newest.map(RawInstant);
        audit.rows = self.rows;
        audit.passed_over = self.passed_over;
        audit.counts = self.counts.clone();
        Some((audit, files))
    }
}

/// Keeps the reference files of a run, and says which have changed since they were read.
/// # Errors
/// `Storage`.
pub fn keep_reference(known: &Known, kept: &Kept) -> Result<(Vec<ReferenceThen>, Vec<String>)> {
    let (mut all, mut changed) = (Vec::new(), Vec::new());
    for file in known.files.files.get(known.audit_files..).unwrap_or_default() {
        let content = match known.told {
            Some(_) => keep_file(file, kept)?,
            None => None,
        };
        if known.told.is_some() && content.is_none() {
            changed.push(file.name.clone());
        }
        all.push(ReferenceThen {
            table: file.source.clone(),
            name: file.name.clone(),
            file: file.at.file_name().unwrap_or("table").to_owned(),
            hash: file.hash.clone(),
            bytes: file.bytes,
            listed_at: file.stamp.snapshot_at.map(|at| at.0),
            complete_for: file.stamp.snapshot_scope.clone(),
            content,
        });
    }
    Ok((all, changed))
}

/// `None`: its content is no longer what was read.
fn keep_file(file: &FileRead, kept: &Kept) -> Result<Option<Pieces>> {
    let content = match file.at.read().map_err(|e| store::io_trouble("keeping a reference file", &file.name, &e)) {
        Ok(content) => content,
        // Gone, or another one by now.
        Err(Error::Input(_)) => return Ok(None),
        Err(error) if error.trouble().code == "object_changed" => return Ok(None),
        Err(error) => return Err(error),
    };
    if blake3::hash(&content).to_hex().as_str() != file.hash {
        return Ok(None);
    }
    let mut cutter = Cutter::new(kept);
    cutter.take(&content)?;
    cutter.finish().map(Some)
}
