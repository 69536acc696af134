//! The audit and reference files a run has read: what fingerprints are made of and `run.inputs` lists.

use pecan_core::charge::Reason;
use pecan_core::event::Place;

use crate::error::Result;
use crate::job::ListStamp;
use crate::rejection::Rejection;
use crate::store::{self, InputFile, Location};

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// As written in the job file, and the path below it.
    pub name: String,
    /// BLAKE3 of its content, hex; of an audit file in a store its ETag ([`store::fingerprint`]).
    pub hash: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Data records, rejected ones included.
    pub rows: u64,
    /// Name of the audit source, or of the reference table.
    pub source: String,
    /// Where it is.
    pub at: Location,
    /// Of a list: when it was taken and what it is complete for, where the job file or its path says so.
    pub stamp: ListStamp,
}

/// All such files of a run. A [`Place`] names one by its index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilesRead {
    /// In the order read.
    pub files: Vec<FileRead>,
}

impl FilesRead {
    /// Enters a file that is about to be read and gives its index; its rows are entered by [`FilesRead::set_rows`].
    /// # Errors
    /// As [`store::hash_of`].
    pub fn enter(&mut self, file: &InputFile, source: &str) -> Result<u32> {
        Ok(self.enter_hashed(file, source, store::hash_of(&file.at)?))
    }

    /// The same for a file whose content hash is known already.
    pub fn enter_hashed(&mut self, file: &InputFile, source: &str, hash: String) -> u32 {
        self.files.push(FileRead {
            name: file.name.clone(),
            hash,
            bytes: file.bytes,
            rows: 0,
            source: source.to_string(),
            at: file.at.clone(),
            stamp: ListStamp::default(),
        });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// Enters what the job file or the path of a list says of it.
    pub fn set_stamp(&mut self, index: u32, stamp: ListStamp) {
        if let Some(file) = self.get_mut(index) {
            file.stamp = stamp;
        }
    }

    /// Enters how many data records a file held.
    pub fn set_rows(&mut self, index: u32, rows: u64) {
        if let Some(file) = self.get_mut(index) {
            file.rows = rows;
        }
    }

    /// The file of a place.
    pub fn file(&self, place: Place) -> Option<&FileRead> {
        usize::try_from(place.file).ok().and_then(|at| self.files.get(at))
    }

    /// A rejection of the record at a place: file, row, and the audit source or reference table as its source.
    pub fn rejection(&self, place: Place, reason: Reason, message: impl Into<String>) -> Rejection {
        let file = self.file(place);
        let mut rejection = Rejection::new(file.map(|f| f.name.as_str()).unwrap_or_default(), reason, message).with_row(place.row);
        rejection.source = file.map(|f| f.source.clone());
        rejection
    }

    fn get_mut(&mut self, index: u32) -> Option<&mut FileRead> {
        usize::try_from(index).ok().and_then(|at| self.files.get_mut(at))
    }
}
