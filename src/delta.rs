//! Delta Lake tables: what is live, and one atomic commit per table and run.
//!
//! Steps of a commit: (1) survey the log from the version the run has read; (2) build the actions; (3) write the next
//! log entry with a conditional create; (4) after *any* failure survey again, because a failed commit is an unknown
//! commit: the store may have kept the entry and lost the acknowledgement.
//!
//! | the survey finds, since our version | then |
//! |---|---|
//! | an entry of our own run with our files | it landed: committed |
//! | a change of schema or protocol | conflict |
//! | an entry with one of our transaction ids (same billing month, or same small table) | conflict |
//! | a removal of a file we remove | conflict |
//! | anything else | it disturbs nobody: ours goes after it |
//!
//! We write entries through `LogStore::write_commit_entry` and not through `CommitBuilder`, which reports our own
//! landed entry as a conflict and hides which version it wrote.

mod schema;
mod upkeep;

use std::collections::{BTreeSet, HashMap};
use std::error::Error as _;
use std::time::{SystemTime, UNIX_EPOCH};

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitData, PROTOCOL};
use deltalake::kernel::{Action, Add, EagerSnapshot, Remove, Transaction, Version};
use deltalake::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore, get_actions};
use deltalake::protocol::{DeltaOperation, SaveMode};
use uuid::Uuid;

pub use upkeep::{Change, LogHistory};

use crate::error::{Error, Result};
use crate::schema::{Table, name};
use crate::stage::{Commit, LiveFile, StagedFile, TAG_FINGERPRINT, TAG_GROUP, TAG_RUN, TableState};
use crate::storage::{Storage, disk, first_line, without_secrets};

/// Other writers may get in first this often before we give up.
const ATTEMPTS: usize = 32;

/// The log of one Delta table.
pub struct DeltaLog<'a> {
    table: Table,
    /// The table's folder, as people are told.
    place: String,
    storage: &'a Storage,
    store: LogStoreRef,
}

/// A table as it was when a run looked at it.
#[derive(Debug)]
pub struct Seen(EagerSnapshot);

/// What a commit does, as far as others could disturb it.
struct Intent {
    run: String,
    transactions: BTreeSet<String>,
    adds: BTreeSet<String>,
    removes: BTreeSet<String>,
}

/// What the log holds since the version we read.
enum Survey {
    Landed(Version),
    Disturbed(String),
    Free(Version),
}

impl DeltaLog<'_> {
    /// The log of `table` in its folder, which need not exist.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn open(table: Table, storage: &Storage) -> Result<DeltaLog<'_>> {
        let (root, below) = storage.stores(table.name());
        let store = default_logstore(below, root, &storage.url_of(table.name()), &StorageConfig::default());
        Ok(DeltaLog { table, place: storage.shown(table.name()), storage, store })
    }

    /// The live files and the version, or `None` if there is no table yet.
    ///
    /// # Errors
    /// `Error::Usage` for a table that is not ours or of a newer schema; `Error::Storage` if the log cannot be read.
    pub async fn live(&self) -> Result<Option<(TableState, Seen)>> {
        let Some(snapshot) = self.snapshot(None).await? else { return Ok(None) };
        let state = self.state(&snapshot)?;
        Ok(Some((state, Seen(snapshot))))
    }

    /// As [`live`](Self::live), at a version.
    async fn at(&self, version: Option<Version>) -> Result<Option<TableState>> {
        let snapshot = self.snapshot(version).await?;
        snapshot.map(|snapshot| self.state(&snapshot)).transpose()
    }

    fn state(&self, snapshot: &EagerSnapshot) -> Result<TableState> {
        schema::check(self.table, &self.place, snapshot)?;
        let data = snapshot.try_log_data().map_err(|e| self.trouble("listing live files", &e))?;
        let mut files: Vec<LiveFile> = data
            .into_iter()
            .map(|view| {
                // The only public way to the tags of a live file; the notice is about its speed.
                #[allow(deprecated)]
                let add = view.add_action();
                live_file(add)
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(TableState { version: signed(snapshot.version()), files })
    }

    /// Makes `adds` live and takes `removes` out, in one commit after the version `base` (`None`: there was no table).
    /// `carry` are the carried columns the adds have. Creating the table is part of its first commit. `seen` saves reading
    /// the log again, if it is of that version.
    ///
    /// # Errors
    /// As [`live`](Self::live). After `Error::Storage` the staged files must stay: on a remote store the entry could
    /// still appear.
    pub async fn commit(&self, carry: &[String], base: (Option<i64>, Option<&Seen>), adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Result<Commit> {
        let (base, seen) = base;
        if base.is_some() && adds.is_empty() && removes.is_empty() {
            return Ok(Commit::Unchanged);
        }
        let base = base.map(|version| Version::try_from(version).unwrap_or(0));
        let intent = self.intent(adds, removes, run);
        let mut next = match self.survey(base.map_or(0, |version| version + 1), &intent).await? {
            Survey::Landed(version) => return Ok(Commit::Committed { version: signed(version) }),
            Survey::Disturbed(seen) => return Ok(Commit::Conflict { seen }),
            Survey::Free(next) => next,
        };
        let known = match seen.map(|seen| &seen.0).filter(|snapshot| Some(snapshot.version()) == base) {
            Some(known) if self.holds(known.version()).await? => Some(known),
            _ => None,
        };
        let snapshot = match base.filter(|_| known.is_none()) {
            Some(version) => match self.snapshot(Some(version)).await? {
                None => return Ok(Commit::Conflict { seen: format!("the table in {} is gone", self.place) }),
                some => some,
            },
            None => None,
        };
        let entry = self.entry(carry, known.or(snapshot.as_ref()), adds, removes, &intent)?;
        for _ in 0..ATTEMPTS {
            let written = self.store.write_commit_entry(next, entry.clone(), Uuid::nil()).await;
            let Err(refused) = written else { return Ok(Commit::Committed { version: signed(next) }) };
            match self.survey(next, &intent).await? {
                Survey::Landed(version) => {
                    // It may have been the folder that could not be made durable.
                    self.storage.path(&format!("{}/_delta_log", self.table.name())).map_or(Ok(()), |folder| disk::sync_folder(&folder))?;
                    return Ok(Commit::Committed { version: signed(version) });
                }
                Survey::Disturbed(seen) => return Ok(Commit::Conflict { seen }),
                Survey::Free(later) if later > next => next = later,
                Survey::Free(_) => return Err(self.trouble("writing the next log entry", &DeltaTableError::from(refused))),
            }
        }
        Ok(Commit::Conflict { seen: format!("{ATTEMPTS} other commits to {} while this one tried", self.table.name()) })
    }

    /// Whether a version that was read is still there: somebody may have deleted the table.
    async fn holds(&self, version: Version) -> Result<bool> {
        self.store.read_commit_entry(version).await.map(|entry| entry.is_some()).map_err(|e| self.trouble("reading a log entry", &e))
    }

    async fn snapshot(&self, version: Option<Version>) -> Result<Option<EagerSnapshot>> {
        let there = self.store.is_delta_table_location().await.map_err(|e| self.trouble("looking for a Delta table", &e))?;
        if !there {
            return Ok(None);
        }
        let snapshot = EagerSnapshot::try_new(self.store.as_ref(), version).await;
        snapshot.map(Some).map_err(|e| self.trouble("reading the Delta log", &e))
    }

    fn intent(&self, adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Intent {
        // One id per billing month, one for a small table: two first writes of one month must not both succeed, and
        // Delta Lake itself would let them.
        let id = |month: Option<&str>| match month {
            Some(month) => format!("pecan.{}.{month}", self.table.name()),
            None => format!("pecan.{}", self.table.name()),
        };
        let months = adds.iter().map(|add| add.month.as_deref()).chain(removes.iter().map(|remove| remove.month.as_deref()));
        Intent {
            run: run.to_owned(),
            transactions: months.map(id).collect(),
            adds: adds.iter().map(|add| add.path.clone()).collect(),
            removes: removes.iter().map(|remove| remove.path.clone()).collect(),
        }
    }

    /// Reads the log from `from` on.
    async fn survey(&self, from: Version, intent: &Intent) -> Result<Survey> {
        let mut version = from;
        loop {
            let entry = self.store.read_commit_entry(version).await.map_err(|e| self.trouble("reading a log entry", &e))?;
            let Some(entry) = entry else { return Ok(Survey::Free(version)) };
            let actions = get_actions(version, &entry).map_err(|e| self.trouble("reading a log entry", &e))?;
            if intent.is(&actions) {
                return Ok(Survey::Landed(version));
            }
            if let Some(seen) = intent.disturbed_by(&actions) {
                return Ok(Survey::Disturbed(format!("version {version} of {} {seen}", self.table.name())));
            }
            version += 1;
        }
    }

    /// The log entry.
    fn entry(&self, carry: &[String], snapshot: Option<&EagerSnapshot>, adds: &[StagedFile], removes: &[LiveFile], intent: &Intent) -> Result<CommitOrBytes> {
        let mut actions = schema::actions(self.table, carry, &self.place, snapshot)?;
        let now = milliseconds(SystemTime::now());
        actions.extend(removes.iter().map(|file| Action::Remove(remove_action(file, now))));
        for add in adds {
            actions.push(Action::Add(add_action(add, now)));
        }
        let mode = if removes.is_empty() { SaveMode::Append } else { SaveMode::Overwrite };
        let partition_by = self.table.partitioned().then(|| vec![name::BILLING_MONTH.to_owned()]);
        let operation = DeltaOperation::Write { mode, partition_by, predicate: None };
        if let Some(snapshot) = snapshot {
            let allowed = PROTOCOL.can_commit(snapshot, &actions, &operation);
            allowed.map_err(|e| schema::foreign(self.table, &self.place, &e))?;
        }
        let transactions = intent.transactions.iter().map(|id| Transaction::new(id, signed(snapshot.map_or(0, |snapshot| snapshot.version() + 1))));
        let info = HashMap::from([(TAG_RUN.to_owned(), serde_json::Value::from(intent.run.as_str()))]);
        let data = CommitData::new(actions, operation, info, transactions.collect());
        data.get_bytes().map(CommitOrBytes::LogBytes).map_err(|e| self.trouble("building a log entry", &DeltaTableError::from(e)))
    }

    fn trouble(&self, tried: &str, seen: &DeltaTableError) -> Error {
        let mut below = seen.source();
        while let Some(source) = below {
            match (self.storage.path(""), source.downcast_ref::<std::io::Error>(), source.downcast_ref::<object_store::Error>()) {
                (Some(_), Some(io), _) => return disk::trouble(tried, self.place.as_ref(), io),
                (None, _, Some(refused)) => return self.storage.trouble(tried, &format!("{}/_delta_log", self.table.name()), refused),
                _ => {}
            }
            below = source.source();
        }
        let next = "Run again. If it stays, restore this folder from a backup, or begin anew at another output.uri.";
        Error::storage("delta_log", tried, format!("{}/_delta_log", self.place), without_secrets(first_line(&seen.to_string())), next)
    }
}

impl Intent {
    /// Whether these are the actions of this very commit.
    fn is(&self, actions: &[Action]) -> bool {
        let run = actions.iter().find_map(|action| match action {
            Action::CommitInfo(info) => info.info.get(TAG_RUN)?.as_str(),
            _ => None,
        });
        let touches = |path: &str, wanted: bool| {
            actions.iter().any(|action| match action {
                Action::Add(add) => wanted && add.path == path,
                Action::Remove(remove) => !wanted && remove.path == path,
                _ => false,
            })
        };
        run == Some(self.run.as_str()) && self.adds.iter().all(|path| touches(path, true)) && self.removes.iter().all(|path| touches(path, false))
    }

    /// What in another writer's actions this commit cannot live with.
    fn disturbed_by(&self, actions: &[Action]) -> Option<String> {
        actions.iter().find_map(|action| match action {
            Action::Metadata(_) => Some("created the table or changed its schema".to_owned()),
            Action::Protocol(_) => Some("changed the protocol".to_owned()),
            Action::Txn(txn) if self.transactions.contains(&txn.app_id) => Some(format!("wrote {} first", txn.app_id)),
            Action::Remove(remove) if self.removes.contains(&remove.path) => Some(format!("removed {} first", remove.path)),
            _ => None,
        })
    }
}

/// Delta counts versions without a sign, our tables with one; versions beyond 2^63 do not occur.
fn signed(version: Version) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

fn partition_values(month: Option<&str>) -> HashMap<String, Option<String>> {
    month.map(|month| (name::BILLING_MONTH.to_owned(), Some(month.to_owned()))).into_iter().collect()
}

fn live_file(add: Add) -> LiveFile {
    let tag = |name: &str| add.tags.as_ref().and_then(|tags| tags.get(name)?.clone()).unwrap_or_default();
    let stats: Option<serde_json::Value> = add.stats.as_deref().and_then(|stats| serde_json::from_str(stats).ok());
    LiveFile {
        month: add.partition_values.get(name::BILLING_MONTH).cloned().flatten(),
        bytes: u64::try_from(add.size).unwrap_or(0),
        rows: stats.and_then(|stats| stats.get("numRecords")?.as_u64()).unwrap_or(0),
        group: tag(TAG_GROUP),
        fingerprint: tag(TAG_FINGERPRINT),
        run: tag(TAG_RUN),
        path: add.path,
    }
}

fn add_action(file: &StagedFile, now: i64) -> Add {
    let tags = [(TAG_GROUP, &file.group), (TAG_FINGERPRINT, &file.fingerprint), (TAG_RUN, &file.run)];
    Add {
        path: file.path.clone(),
        partition_values: partition_values(file.month.as_deref()),
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: now,
        data_change: true,
        stats: Some(file.stats.delta_json()),
        tags: Some(tags.into_iter().map(|(name, value)| (name.to_owned(), Some(value.clone()))).collect()),
        ..Add::default()
    }
}

fn remove_action(file: &LiveFile, now: i64) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(now),
        extended_file_metadata: Some(true),
        partition_values: Some(partition_values(file.month.as_deref())),
        size: i64::try_from(file.bytes).ok(),
        ..Remove::default()
    }
}
