//! What keeps a Delta log short to read, and what it says of files that are no longer live.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deltalake::DeltaTable;
use deltalake::checkpoints::create_checkpoint;
use deltalake::kernel::{Action, Version};
use deltalake::logstore::get_actions;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};

use super::{DeltaLog, signed};
use crate::error::{Error, Result};

/// When a log entry changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The version it made.
    pub version: i64,
    /// When, by the latest of all clocks that say so: copies of a table are younger than the table, never older.
    pub at: SystemTime,
}

/// All that the entries of a log say of data files, live or not. Files go by their names without folders: ours are unique.
#[derive(Debug, Clone, Default)]
pub struct LogHistory {
    /// The newest checkpoint, whoever made it.
    pub checkpoint: Option<i64>,
    /// The first entry that adds a file.
    pub added: BTreeMap<String, Change>,
    /// The last entry that takes a file out.
    pub removed: BTreeMap<String, Change>,
}

impl DeltaLog<'_> {
    /// Reads every entry that is there. Entries that others cleaned up are missing without harm: a version that needs one
    /// of them cannot be read anyway.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub async fn history(&self) -> Result<LogHistory> {
        let (entries, checkpoint) = self.listed().await?;
        let mut history = LogHistory { checkpoint, ..LogHistory::default() };
        for (version, written) in entries {
            let entry = self.store.read_commit_entry(version).await.map_err(|e| self.trouble("reading a log entry", &e))?;
            let Some(entry) = entry else { continue };
            let actions = get_actions(version, &entry).map_err(|e| self.trouble("reading a log entry", &e))?;
            let stamps = actions.iter().filter_map(|action| match action {
                Action::CommitInfo(info) => info.timestamp,
                Action::Remove(remove) => remove.deletion_timestamp,
                _ => None,
            });
            let change = Change { version: signed(version), at: stamps.map(instant).fold(written, SystemTime::max) };
            for action in &actions {
                match action {
                    Action::Add(add) => drop(history.added.entry(file_name(&add.path)).or_insert(change)),
                    Action::Remove(remove) => drop(history.removed.insert(file_name(&remove.path), change)),
                    _ => {}
                }
            }
        }
        Ok(history)
    }

    /// Versions of the entries in order, with the times of their files, and the newest checkpoint.
    async fn listed(&self) -> Result<(BTreeMap<Version, SystemTime>, Option<i64>)> {
        let folder = Path::from("_delta_log");
        let listed = self.store.object_store(None).list(Some(&folder)).try_collect::<Vec<ObjectMeta>>().await;
        let listed = listed.map_err(|e| self.trouble("listing a Delta log", &e.into()))?;
        let mut entries = BTreeMap::new();
        let mut checkpoint = None;
        for found in listed {
            // What lies in a folder of the log is no entry of it.
            let Some(name) = found.location.filename().filter(|_| found.location.parts().count() == 2) else { continue };
            match log_file(name) {
                Some((version, "json")) => drop(entries.insert(version, SystemTime::from(found.last_modified))),
                // Those of other programs, too: some readers refuse two kinds at one version.
                Some((version, kind)) if kind.starts_with("checkpoint.") && kind.ends_with(".parquet") => checkpoint = checkpoint.max(Some(signed(version))),
                _ => {}
            }
        }
        Ok((entries, checkpoint))
    }

    /// Writes a checkpoint of a version, in one Parquet file, and reads the table by it: live files and tags must be what
    /// the log says without it. A checkpoint that is there already stays.
    ///
    /// # Errors
    /// `Error::Storage`; `Error::Bug` if it says something else: it is taken away again.
    pub async fn checkpoint(&self, version: i64) -> Result<()> {
        let at = Version::try_from(version).unwrap_or(0);
        let before = self.at(Some(at)).await?;
        let mut table = DeltaTable::new(self.store.clone());
        table.load_version(at).await.map_err(|e| self.trouble("reading the Delta log", &e))?;
        create_checkpoint(&table, None).await.map_err(|e| self.trouble("writing a checkpoint", &e))?;
        let after = self.at(Some(at)).await?;
        if before == after && before.is_some() {
            return Ok(());
        }
        // The hint first: without it readers look for checkpoints themselves.
        for file in ["_last_checkpoint".to_owned(), format!("{version:020}.checkpoint.parquet")] {
            match self.store.object_store(None).delete(&Path::from("_delta_log").join(file)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(self.trouble("taking away a wrong checkpoint", &e.into())),
            }
        }
        let live = |state: &Option<_>| state.as_ref().map_or(0, |state: &crate::stage::TableState| state.files.len());
        let seen = format!("{} live files by the checkpoint, {} without it", live(&after), live(&before));
        Err(Error::bug("checkpoint", format!("writing a checkpoint of version {version}"), &self.place, seen, "report this; it was taken away again"))
    }
}

/// Version and kind of a file of the log.
fn log_file(name: &str) -> Option<(Version, &str)> {
    let (digits, kind) = name.split_once('.')?;
    let version = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    version.then(|| digits.parse().ok()).flatten().map(|version| (version, kind))
}

/// The last part of a path: none of ours has a character that a log would write in another way.
fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// A time stamp of the log, in milliseconds since 1970.
fn instant(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}
