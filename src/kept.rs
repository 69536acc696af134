//! What a later recomputation of a run needs, beside the tables of an output: `_pecan/inputs` and `_pecan/runs`.
//!
//! Inputs are cut into pieces where their content says so, and a piece is named by its hash: content that is kept already
//! costs nothing again, so a log with one more day costs that day. All is written before the commit of the run that needs it.
//! What a run that died has left does no harm: no row of `run` leads to it, and `pecan maintain` deletes it when it is old.

mod pieces;

use std::collections::BTreeSet;

use bytes::Bytes;

pub use self::pieces::{Cutter, Pieces};
use crate::error::Result;
use crate::stage::OWN_FOLDER;
use crate::storage::Storage;

/// Folder of pieces of inputs, below our own.
pub const INPUTS: &str = "inputs";
/// Folder of records of runs, below our own.
pub const RUNS: &str = "runs";

/// The kept things of an output, each a small object with a name such as `inputs/….gz`.
pub struct Kept<'a> {
    storage: &'a Storage,
    trusted: BTreeSet<String>,
}

impl<'a> Kept<'a> {
    /// What is kept of the output at a place.
    pub fn of(storage: &'a Storage) -> Kept<'a> {
        Kept { storage, trusted: BTreeSet::new() }
    }

    /// The same, knowing that the record of a run with a row refers to these pieces: nobody deletes them, so they need not be
    /// written again. Others may be leftovers that `pecan maintain` is about to delete.
    pub fn trusting<'b>(self, hashes: impl Iterator<Item = &'b String>) -> Kept<'a> {
        Kept { trusted: hashes.cloned().collect(), ..self }
    }

    fn key(name: &str) -> String {
        format!("{OWN_FOLDER}/{name}")
    }

    /// How a name is named to people.
    pub fn shown(&self, name: &str) -> String {
        self.storage.shown(&Kept::key(name))
    }

    /// What is kept under a name; `None`: nothing that can be read.
    pub fn read(&self, name: &str) -> Option<Bytes> {
        self.storage.read(&Kept::key(name)).ok()?
    }

    /// Keeps bytes under a name, durably; what was there is replaced.
    /// # Errors
    /// `Storage`.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.storage.write(&Kept::key(name), bytes)
    }

    /// Whether a piece is kept for good already. On a local disk it is looked at; in a store that would be a request for each.
    pub fn has_piece(&self, hash: &str) -> bool {
        self.trusted.contains(hash) && self.storage.path(&Kept::key(&Kept::piece_name(hash))).is_none_or(|path| path.is_file())
    }

    /// Name of the record of a run.
    pub fn run_name(run: &str) -> String {
        format!("{RUNS}/{run}.json")
    }

    /// Name of a piece of an input.
    pub fn piece_name(hash: &str) -> String {
        format!("{INPUTS}/{hash}.gz")
    }
}
