//! Data files before they become part of a table: staged, measured, read back.
//!
//! A staged file is complete and durable, but nobody sees it until [`crate::delta`] or [`crate::manifest`] makes it live
//! in one commit. Its bytes are a pure function of its rows; its name adds the run, so that two runs never collide.

mod keyed;
mod own_name;
mod read_back;
mod stats;
mod writer;

pub use own_name::{OwnName, is_month_folder};
pub use read_back::{ReadBack, read_back};
pub use stats::{Bounds, Stats};
pub use writer::{EncodedRowGroup, FileWriter, RowGroupEncoder, WrittenFile};

use crate::schema::{Table, name};

/// Names of the tags of a live file (details 39).
pub const TAG_GROUP: &str = "pecan.group";
/// Fingerprint of everything the file's content rests on.
pub const TAG_FINGERPRINT: &str = "pecan.fingerprint";
/// The run that wrote it.
pub const TAG_RUN: &str = "pecan.run";

/// What a new file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// Its table.
    pub table: Table,
    /// Billing month `YYYY-MM` of a partitioned table, else `None`.
    pub month: Option<String>,
    /// Input group it is the output of; empty for files of a table that is replaced whole.
    pub group: String,
    /// Fingerprint of everything its content rests on.
    pub fingerprint: String,
    /// The run that writes it.
    pub run: String,
    /// Number of the file among those of the same table, month, group and run.
    pub ordinal: u32,
}

impl FileSpec {
    /// The folder below the table's, empty for unpartitioned tables.
    fn folder(&self) -> String {
        match &self.month {
            Some(month) => format!("{}={month}", name::BILLING_MONTH),
            None => String::new(),
        }
    }

    /// A plain ASCII file name: group ids hold blanks, `#`, `/` and any letters, so they enter as a hash. The same
    /// content has the same name but for the part of the run.
    fn file_name(&self) -> String {
        let mut group = blake3::Hasher::new();
        for part in [self.group.as_str(), "\0", self.month.as_deref().unwrap_or_default()] {
            group.update(part.as_bytes());
        }
        let hash = |text: &str| blake3::hash(text.as_bytes()).to_hex();
        let (group, content, run) = (group.finalize().to_hex(), hash(&self.fingerprint), hash(&self.run));
        format!("part-{}-{}-{:05}-{}.parquet", &group[..16], &content[..8], self.ordinal, &run[..12])
    }

    /// Path of the live file below the table's folder.
    fn path(&self) -> String {
        let folder = self.folder();
        let separator = if folder.is_empty() { "" } else { "/" };
        format!("{folder}{separator}{}", self.file_name())
    }
}

/// A file that is written, durable and at its output, but not yet part of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Its table.
    pub table: Table,
    /// Path it will have below the table's folder, with `/`.
    pub path: String,
    /// Where it is now: its key below the output.
    pub key: String,
    /// Billing month of a partitioned table.
    pub month: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Counts and bounds for the log.
    pub stats: Stats,
    /// Input group; empty for files of a table that is replaced whole.
    pub group: String,
    /// Fingerprint of everything its content rests on.
    pub fingerprint: String,
    /// The run that wrote it.
    pub run: String,
}

/// A file that is part of its table now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFile {
    /// Path below the table's folder, with `/`.
    pub path: String,
    /// Billing month of a partitioned table.
    pub month: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Input group; empty for files of a table that is replaced whole, and for files we did not write.
    pub group: String,
    /// Fingerprint of everything its content rests on; empty for files we did not write.
    pub fingerprint: String,
    /// The run that wrote it; empty for files we did not write.
    pub run: String,
}

/// What a table held when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableState {
    /// Its version then; a commit built on this state is refused if another writer got in between.
    pub version: i64,
    /// Its files, sorted by path.
    pub files: Vec<LiveFile>,
}

/// How a commit went. `Conflict` is no failure: another run won, and running again is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// The table changed and has this version now.
    Committed {
        /// The new version.
        version: i64,
    },
    /// There was nothing to do; the table was left alone.
    Unchanged,
    /// Another writer changed what this commit rests on; nothing was written.
    Conflict {
        /// What was seen in the table.
        seen: String,
    },
}

/// Where a table's files are staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staging {
    /// At their final place: for tables whose readers follow a log.
    InPlace,
    /// Aside, under a name no glob for `*.parquet` matches: for tables that may be read by plain globs.
    Aside,
}

/// The folder of our own files in a table of Parquet output.
pub const OWN_FOLDER: &str = "_pecan";

impl Staging {
    /// The key of the finished, not yet live file below the output.
    pub fn key(self, spec: &FileSpec) -> String {
        let table = spec.table.name();
        match self {
            Staging::InPlace => format!("{table}/{}", spec.path()),
            Staging::Aside => {
                let month = spec.month.as_deref().map(|month| format!("{month}-")).unwrap_or_default();
                format!("{table}/{OWN_FOLDER}/staged/{month}{}.staged", spec.file_name())
            }
        }
    }
}
