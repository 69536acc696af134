//! What `pecan maintain` did, or would do.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CHECKPOINT_AFTER, text};
use crate::sink::{Format, LogHistory, TableState};

/// Files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub files: u64,
    /// Bytes of all.
    pub bytes: u64,
}

impl Sum {
    /// Counts a file of so many bytes.
    pub fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// Both together.
    pub fn and(self, other: Sum) -> Sum {
        Sum { files: self.files + other.files, bytes: self.bytes + other.bytes }
    }

    fn json(self) -> Value {
        json!({ "files": self.files, "bytes": self.bytes })
    }
}

impl FromIterator<u64> for Sum {
    fn from_iter<I: IntoIterator<Item = u64>>(bytes: I) -> Sum {
        let mut sum = Sum::default();
        bytes.into_iter().for_each(|bytes| sum.add(bytes));
        sum
    }
}

/// Whether a table has, gets or needs a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpoint {
    /// It has no log: no table yet, one that is not ours, or Parquet.
    None {
        /// Which of these.
        why: &'static str,
    },
    /// Fewer commits than [`CHECKPOINT_AFTER`] since the newest one.
    NotDue {
        /// The newest one.
        newest: Option<i64>,
        /// Commits since.
        commits: i64,
    },
    /// One would be made.
    Due {
        /// The newest one there is.
        newest: Option<i64>,
        /// Commits since.
        commits: i64,
    },
    /// One was made.
    Made {
        /// At this version.
        version: i64,
        /// Commits since the one before.
        commits: i64,
    },
}

impl Checkpoint {
    /// What a table needs.
    pub(super) fn due(format: Format, state: Option<&TableState>, history: Option<&LogHistory>) -> Checkpoint {
        match (state, history) {
            (Some(state), Some(history)) => {
                let newest = history.checkpoint;
                let commits = newest.map_or(state.version.saturating_add(1), |newest| state.version.saturating_sub(newest));
                if commits >= CHECKPOINT_AFTER { Checkpoint::Due { newest, commits } } else { Checkpoint::NotDue { newest, commits } }
            }
            (Some(_), None) if format == Format::Parquet => Checkpoint::None { why: "Parquet output has no log" },
            _ => Checkpoint::None { why: "no table" },
        }
    }

    /// The same, once it is made.
    pub(super) fn made(&self, version: i64) -> Checkpoint {
        match self {
            Checkpoint::Due { commits, .. } => Checkpoint::Made { version, commits: *commits },
            other => other.clone(),
        }
    }

    fn newest(&self) -> Option<i64> {
        match self {
            Checkpoint::None { .. } => None,
            Checkpoint::NotDue { newest, .. } | Checkpoint::Due { newest, .. } => *newest,
            Checkpoint::Made { version, .. } => Some(*version),
        }
    }

    fn commits(&self) -> Option<i64> {
        match self {
            Checkpoint::None { .. } => None,
            Checkpoint::NotDue { commits, .. } | Checkpoint::Due { commits, .. } | Checkpoint::Made { commits, .. } => Some(*commits),
        }
    }

    /// Why one was made, or was not.
    pub fn why(&self) -> String {
        match self {
            Checkpoint::None { why } => (*why).to_owned(),
            Checkpoint::NotDue { commits, .. } => format!("commits since the last: {commits}; due after {CHECKPOINT_AFTER}"),
            Checkpoint::Due { commits, .. } | Checkpoint::Made { commits, .. } => format!("commits since the last: {commits}"),
        }
    }

    fn json(&self) -> Value {
        let made = matches!(self, Checkpoint::Made { .. });
        json!({ "made": made, "version": self.newest(), "commits": self.commits(), "why": self.why() })
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct TableReport {
    /// Its name.
    pub name: &'static str,
    /// Its version; `None`: there is no table.
    pub version: Option<i64>,
    /// Why it is not a table of ours, if another program made it: it was left alone.
    pub not_ours: Option<String>,
    /// Its checkpoint.
    pub checkpoint: Checkpoint,
    /// Live files.
    pub live: Sum,
    /// Deleted files that commits had taken out.
    pub replaced: Sum,
    /// Deleted files that interrupted runs had left.
    pub leftovers: Sum,
    /// Files that are not live and stay for now.
    pub kept: Sum,
    /// Names in its folder that are not ours, below the output's folder.
    pub foreign: Vec<String>,
}

impl TableReport {
    /// All that was deleted.
    pub fn deleted(&self) -> Sum {
        self.replaced.and(self.leftovers)
    }

    fn json(&self) -> Value {
        let mut deleted = self.deleted().json();
        deleted["replaced"] = self.replaced.files.into();
        deleted["leftovers"] = self.leftovers.files.into();
        json!({
            "name": self.name,
            "version": self.version,
            "not_ours": self.not_ours,
            "checkpoint": self.checkpoint.json(),
            "live": self.live.json(),
            "deleted": deleted,
            "kept": self.kept.json(),
            "foreign": self.foreign,
        })
    }
}

/// Small files of ours below `_pecan`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipts {
    /// Nothing referred to them any more.
    pub deleted: Sum,
    /// The others.
    pub kept: Sum,
}

/// All that was done; of a dry run, what would be done.
#[derive(Debug, Clone)]
pub struct Report {
    /// Nothing was done.
    pub dry_run: bool,
    /// How long files stay that are no longer live.
    pub retain: Duration,
    /// Every table the program can write.
    pub tables: Vec<TableReport>,
    /// Receipts.
    pub receipts: Receipts,
    /// What is kept for `pecan verify`: records of runs, and pieces of their inputs.
    pub kept: Receipts,
    /// Names beside the tables that are not ours.
    pub foreign: Vec<String>,
}

impl Report {
    /// All that was deleted.
    pub fn deleted(&self) -> Sum {
        self.tables.iter().map(TableReport::deleted).fold(self.receipts.deleted.and(self.kept.deleted), Sum::and)
    }

    /// Checkpoints that were made, or would be.
    pub fn checkpoints(&self) -> usize {
        self.tables.iter().filter(|table| matches!(table.checkpoint, Checkpoint::Made { .. } | Checkpoint::Due { .. })).count()
    }

    /// Whether there was nothing to do.
    pub fn nothing_to_do(&self) -> bool {
        self.deleted().files == 0 && self.checkpoints() == 0
    }

    /// Everything that is not ours, below the output's folder.
    pub fn all_foreign(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().flat_map(|table| &table.foreign).chain(&self.foreign).map(String::as_str)
    }

    /// One object (COMMANDS.md).
    pub fn to_json(&self) -> Value {
        json!({
            "dry_run": self.dry_run,
            "retain_seconds": self.retain.as_secs(),
            "nothing_to_do": self.nothing_to_do(),
            "checkpoints": self.checkpoints(),
            "deleted": self.deleted().json(),
            "tables": self.tables.iter().map(TableReport::json).collect::<Vec<_>>(),
            "receipts": { "deleted": self.receipts.deleted.json(), "kept": self.receipts.kept.json() },
            "kept_inputs": { "deleted": self.kept.deleted.json(), "kept": self.kept.kept.json() },
            "foreign": self.all_foreign().collect::<Vec<_>>(),
        })
    }

    /// A screen for people.
    pub fn to_text(&self, width: usize, colour: bool) -> String {
        text::render(self, width, colour)
    }
}
