//! The output of a job: tables in a folder, as Delta Lake or as plain Parquet, with the same promises.
//!
//! Order of use: [`Output::open`], [`Output::live`] for each table, [`Output::writer`] for each new file,
//! [`read_back`] for the audit, then one [`Output::commit`] per table, or [`Output::discard`]. Nothing is created before
//! the first writer or commit.

mod latest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use crate::stage::{
    Bounds, Commit, EncodedRowGroup, FileSpec, FileWriter, LiveFile, ReadBack, RowGroupEncoder, StagedFile, Staging, Stats, TableState, WrittenFile, read_back,
};
pub use latest::{MonthAction, MonthDone, RECONCILE, RUN, RunChange, RunRow, RunTable, closed_months};

pub use crate::delta::LogHistory;
use crate::delta::{DeltaLog, Seen};
use crate::error::{Error, Result};
use crate::manifest::ParquetTable;
use crate::schema::{self, Table};
use crate::stage::OWN_FOLDER;
use crate::storage::{Entry, Storage};

/// How tables are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Delta Lake.
    Delta,
    /// Parquet files with a manifest of the live ones.
    Parquet,
}

/// Where a job writes.
pub struct Output {
    storage: Storage,
    format: Format,
    carry: Vec<String>,
    /// Delta tables as they were looked at last: a commit needs not read their logs again.
    seen: Mutex<BTreeMap<Table, Seen>>,
}

impl Output {
    /// The output at an absolute local path, or in an object store. `carry` are the columns carried through to credit lines.
    /// Nothing is created yet.
    ///
    /// # Errors
    /// `Error::Usage` for a carried name that cannot be used, and as [`Storage::open`].
    pub fn open(uri: &str, format: Format, carry: &[String]) -> Result<Output> {
        Output::within(Storage::open(uri)?, format, carry)
    }

    /// As [`open`](Self::open), at a place that is open already: tests give one that fails.
    ///
    /// # Errors
    /// `Error::Usage` for a carried name that cannot be used.
    pub fn within(storage: Storage, format: Format, carry: &[String]) -> Result<Output> {
        schema::check_carry(carry)?;
        Ok(Output { storage, format, carry: carry.to_vec(), seen: Mutex::default() })
    }

    /// The place of all tables.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The carried columns.
    pub fn carry(&self) -> &[String] {
        &self.carry
    }

    /// The key of a live file.
    pub fn key_of(table: Table, file: &LiveFile) -> String {
        format!("{}/{}", table.name(), file.path)
    }

    /// Where a live file is on the local disk; `None` in an object store.
    pub fn path_of(&self, table: Table, file: &LiveFile) -> Option<PathBuf> {
        self.storage.path(&Output::key_of(table, file))
    }

    /// What a table holds now; `None` if there is none yet.
    ///
    /// # Errors
    /// `Error::Usage` (exit 2) for a table of a newer schema or one that is not ours; `Error::Storage`.
    pub fn live(&self, table: Table) -> Result<Option<TableState>> {
        let live = match self.format {
            Format::Delta => self.storage.wait(self.log(table)?.live())?.map(|(state, seen)| {
                self.seen().insert(table, seen);
                state
            }),
            Format::Parquet => self.manifest(table).live()?,
        };
        if live.is_none() {
            self.refuse_other_format(table)?;
        }
        Ok(live)
    }

    /// A folder that holds a table of the other format is left alone: tidying one would delete live files of the other.
    fn refuse_other_format(&self, table: Table) -> Result<()> {
        let (other, sign) = match self.format {
            Format::Delta => ("Parquet", format!("{}/{OWN_FOLDER}/manifest.json", table.name())),
            Format::Parquet => ("Delta", format!("{}/_delta_log", table.name())),
        };
        if !self.storage.exists(&sign)? {
            return Ok(());
        }
        let seen = format!("a {other} table, and output.format asks for the other format");
        let place = self.storage.shown(table.name());
        Err(Error::usage("output_format", "opening an output table", place, seen, "give each format an output.uri of its own"))
    }

    /// Begins a new file, staged until a commit makes it live.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn writer(&self, spec: FileSpec) -> Result<FileWriter> {
        let staging = match self.format {
            Format::Delta => Staging::InPlace,
            Format::Parquet => Staging::Aside,
        };
        FileWriter::create(&self.storage, staging.key(&spec), spec, &self.carry)
    }

    /// Brings a written file here, where it waits for a commit.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn stage(&self, file: WrittenFile) -> Result<StagedFile> {
        file.stage(&self.storage)
    }

    /// An encoder of row groups for the files of a table.
    ///
    /// # Errors
    /// `Error::Bug`.
    pub fn encoder(&self, table: Table) -> Result<RowGroupEncoder> {
        RowGroupEncoder::new(table, &self.carry)
    }

    /// Makes `adds` live and takes `removes` out, in one atomic commit. `base` is what [`live`](Self::live) returned when
    /// the run decided what to write: if another writer changed the same billing months (or the same small table) since,
    /// the answer is `Conflict` and nothing is written. A table that does not exist is created, even without files.
    /// Without adds and removes an existing table is left untouched: `Unchanged` (call it anyway: leftovers of a crash
    /// are swept then).
    ///
    /// # Errors
    /// `Error::Usage` as [`live`](Self::live); `Error::Storage`: whether the commit landed is then unknown, so keep the
    /// staged files; a rerun finds out.
    pub fn commit(&self, table: Table, base: Option<&TableState>, adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Result<Commit> {
        let stray = adds.iter().find(|add| add.table != table);
        if let Some(stray) = stray {
            return Err(Error::bug("commit", "committing", table.name(), format!("a file of {}", stray.table.name()), "report this"));
        }
        match self.format {
            Format::Delta => {
                // The log would name them for ever.
                self.storage.must_hold(adds.iter().map(|add| (add.key.as_str(), add.bytes)))?;
                let seen = self.seen().remove(&table);
                let base = (base.map(|state| state.version), seen.as_ref());
                self.storage.wait(self.log(table)?.commit(&self.carry, base, adds, removes, run))
            }
            Format::Parquet => self.manifest(table).commit(&self.carry, base, adds, removes, run),
        }
    }

    /// Deletes staged files that will not be committed (a lost race, too many rejections, a dry run), and the folders that
    /// are empty then.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn discard(&self, staged: &[StagedFile]) -> Result<()> {
        self.storage.delete(&staged.iter().map(|file| file.key.clone()).collect::<Vec<_>>())?;
        let Some(root) = self.storage.path("") else { return Ok(()) };
        for file in staged {
            let folders = root.join(&file.key);
            let inside = folders.ancestors().skip(1).take_while(|folder| folder.starts_with(&root));
            // Only an empty folder can be deleted: the first one that is in use ends the climb.
            inside.map(std::fs::remove_dir).take_while(std::result::Result::is_ok).for_each(drop);
        }
        Ok(())
    }

    /// The newest row of the table of runs: it names the table versions that belong together.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub fn latest_run(&self) -> Result<Option<RunRow>> {
        Ok(self.runs()?.pop())
    }

    /// Every row of the table of runs, in the order of their beginning, then of their ids.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub fn runs(&self) -> Result<Vec<RunRow>> {
        self.runs_at(self.live(Table::Run)?.as_ref())
    }

    /// As [`runs`](Self::runs), of the table as it was found before.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn runs_at(&self, state: Option<&TableState>) -> Result<Vec<RunRow>> {
        let Some(state) = state else { return Ok(Vec::new()) };
        let keys: Vec<String> = state.files.iter().map(|file| Output::key_of(Table::Run, file)).collect();
        let contents = self.storage.read_all(&keys)?;
        latest::all(keys.iter().map(|key| self.storage.shown(key)).zip(contents))
    }

    /// What the log of a table says of all its files, live or not; `None` where there is no Delta table.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn history(&self, table: Table) -> Result<Option<LogHistory>> {
        if self.format != Format::Delta || !self.storage.exists(&format!("{}/_delta_log", table.name()))? {
            return Ok(None);
        }
        self.storage.wait(self.log(table)?.history()).map(Some)
    }

    /// Writes a checkpoint of a version of a Delta table, and checks it.
    ///
    /// # Errors
    /// `Error::Storage`; `Error::Bug` if the checkpoint says something else than the log.
    pub fn checkpoint(&self, table: Table, version: i64) -> Result<()> {
        self.storage.wait(self.log(table)?.checkpoint(version))
    }

    /// Data files that stand where readers of a Parquet table look, and that its manifest does not name: on a local disk
    /// every commit deletes them, and so does this if `really`. Delta tables have none: their readers follow the log.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn sweep(&self, table: Table, really: bool) -> Result<Vec<Entry>> {
        match self.format {
            Format::Delta => Ok(Vec::new()),
            Format::Parquet => self.manifest(table).sweep(really),
        }
    }

    /// How tables are kept here.
    pub fn format(&self) -> Format {
        self.format
    }

    fn seen(&self) -> MutexGuard<'_, BTreeMap<Table, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, table: Table) -> Result<DeltaLog<'_>> {
        DeltaLog::open(table, &self.storage)
    }

    fn manifest(&self, table: Table) -> ParquetTable<'_> {
        ParquetTable::new(table, &self.storage)
    }
}
