//! Which files make up an input, and reading them.
//!
//! [`discover`] turns a charges source into groups of files (R-AGAIN-1); [`ChargeReader`] reads one file of a group. A group
//! is the unit of work and of output: its id lasts from run to run, its content decides whether anything is to be done.

mod blobs;
mod charges;
mod cost_management;
pub mod csv_file;
mod csv_split;
mod groups;
mod manifest;
mod parquet_columns;
pub mod parquet_file;
mod preflight;
mod thrift;

#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use charges::{ChargeBatch, ChargeReader, Names, RawBatch};
pub use cost_management::{ColumnNames, FORMAT, Field};

use crate::error::Result;
use crate::job::{ChargeSource, Layout};
use crate::store::{self, Location};

/// Files that are read, decided and written together (R-AGAIN-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeGroup {
    /// Place of the source in the job.
    pub source: usize,
    /// As in data-contracts §2; lasts from run to run.
    pub group_id: String,
    /// In manifest or name order; at most 256 MiB together unless it is one file.
    pub files: Vec<ChargeFile>,
    /// Days the run is about, `[from, until)`; `None`: unknown.
    pub days: Option<(i32, i32)>,
}

/// One file of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeFile {
    /// Where it is.
    pub at: Location,
    /// Its lasting name (details 1).
    pub source_file: String,
    /// Id of its export run.
    pub source_run: Option<String>,
    /// Its name in messages.
    pub place: String,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of its content; of an object its ETag ([`store::fingerprint`]).
    pub hash: String,
    /// How to read it.
    pub kind: FileKind,
    /// Rows, as its manifest says.
    pub expected_rows: Option<u64>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// Parquet.
    Parquet,
    /// CSV.
    Csv,
    /// CSV packed with gzip.
    CsvGz,
}

impl FileKind {
    /// By the name's ending, in any case; `None`: not a charge file.
    pub fn of(name: &str) -> Option<FileKind> {
        let lower = name.to_lowercase();
        let kinds = [(".parquet", FileKind::Parquet), (".csv", FileKind::Csv), (".csv.gz", FileKind::CsvGz)];
        kinds.into_iter().find(|(suffix, _)| lower.ends_with(suffix)).map(|(_, kind)| kind)
    }
}

/// Something the operator should know, with a stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable code.
    pub code: &'static str,
    /// What, where, what to do.
    pub text: String,
}

/// What a charges source holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// In an order that depends only on names and manifests.
    pub groups: Vec<ChargeGroup>,
    /// In a fixed order.
    pub warnings: Vec<Warning>,
    /// Export months whose newest run has no file: their group ids without the piece, and the run (R-AGAIN-3).
    pub emptied: Vec<(String, String)>,
    /// Export runs that a newer one replaces (R-AGAIN-3).
    pub superseded_runs: u64,
    /// Export runs of other types than charges (details 11).
    pub passed_over_runs: u64,
}

/// As [`discover`], without reading the charge files: their hashes are empty.
/// # Errors
/// As [`discover`].
pub fn locate(source_index: usize, source: &ChargeSource) -> Result<Discovery> {
    match source.layout {
        Layout::Export => groups::by_manifest(source_index, source),
        Layout::Files => groups::by_folder(source_index, source),
    }
}

/// Finds the files of a charges source and cuts them into groups. Local contents are hashed, in parallel.
/// # Errors
/// `Input` when nothing usable is there, a manifest is wrong or a blob is missing; `Storage` when something cannot be read.
pub fn discover(source_index: usize, source: &ChargeSource) -> Result<Discovery> {
    let mut found = locate(source_index, source)?;
    let mut files: Vec<&mut ChargeFile> = found.groups.iter_mut().flat_map(|g| &mut g.files).collect();
    files.par_iter_mut().try_for_each(|file| -> Result<()> {
        file.hash = store::fingerprint(&file.at)?;
        Ok(())
    })?;
    Ok(found)
}
