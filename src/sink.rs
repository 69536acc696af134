//! The output of a job: tables in a folder, as Delta Lake or as plain Parquet, with the same promises.
//!
//! Order of use: [`Output::open`], [`Output::live`] for each table, [`Output::writer`] for each new file,
//! [`read_back`] for the audit, then one [`Output::commit`] per table, or [`Output::discard`]. Nothing is created before
//! the first writer or commit.

mod latest;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use tokio::runtime::{Builder, Runtime};

pub use crate::stage::{
    Bounds, Commit, EncodedRowGroup, FileSpec, FileWriter, LiveFile, ReadBack, RowGroupEncoder, StagedFile, Staging, Stats, TableState, read_back,
};
pub use latest::{RunRow, RunTable};

pub use crate::delta::LogHistory;
use crate::delta::{DeltaLog, DurableLocal};
use crate::error::{Error, Result};
use crate::manifest::ParquetTable;
use crate::schema::{self, Table};
use crate::stage::{OWN_FOLDER, disk};

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
    root: PathBuf,
    format: Format,
    carry: Vec<String>,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

impl Output {
    /// The output at an absolute local path. `carry` are the columns carried through to credit lines. Nothing is created
    /// yet.
    ///
    /// # Errors
    /// `Error::Usage` for a carried name that cannot be used; `Error::Storage` if threads cannot be started.
    ///
    /// # Panics
    /// If the path is relative: the job file has made it absolute.
    pub fn open(path: &str, format: Format, carry: &[String]) -> Result<Output> {
        Output::open_with(path, format, carry, Arc::new(DurableLocal::default()))
    }

    /// As [`open`](Self::open), with the store that holds the Delta logs: tests give one that fails.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &str, format: Format, carry: &[String], store: Arc<dyn ObjectStore>) -> Result<Output> {
        schema::check_carry(carry)?;
        let root = PathBuf::from(path);
        assert!(root.is_absolute(), "the output folder {path} is an absolute path");
        // Symbolic links are followed once, so that every part of the program names a file alike.
        let root = root.canonicalize().unwrap_or(root);
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("pecan-io").enable_all().build();
        let runtime =
            runtime.map_err(|e| Error::storage("runtime", "starting threads for input and output", path, e, "free memory or threads, then run again"))?;
        Ok(Output { root, format, carry: carry.to_vec(), store, runtime })
    }

    /// The folder of all tables.
    pub fn root(&self) -> &std::path::Path {
        &self.root
    }

    /// The carried columns.
    pub fn carry(&self) -> &[String] {
        &self.carry
    }

    /// The folder of a table.
    pub fn folder(&self, table: Table) -> PathBuf {
        self.root.join(table.name())
    }

    /// Where a live file is.
    pub fn path_of(&self, table: Table, file: &LiveFile) -> PathBuf {
        self.folder(table).join(&file.path)
    }

    /// What a table holds now; `None` if there is none yet.
    ///
    /// # Errors
    /// `Error::Usage` (exit 2) for a table of a newer schema or one that is not ours; `Error::Storage`.
    pub fn live(&self, table: Table) -> Result<Option<TableState>> {
        self.refuse_other_format(table)?;
        match self.format {
            Format::Delta => self.runtime.block_on(self.log(table)?.live()),
            Format::Parquet => ParquetTable::new(table, self.folder(table)).live(),
        }
    }

    /// A folder that holds a table of the other format is left alone: tidying one would delete live files of the other.
    fn refuse_other_format(&self, table: Table) -> Result<()> {
        let (other, sign) = match self.format {
            Format::Delta => ("Parquet", PathBuf::from(OWN_FOLDER).join("manifest.json")),
            Format::Parquet => ("Delta", PathBuf::from("_delta_log")),
        };
        let folder = self.folder(table);
        if !folder.join(sign).exists() {
            return Ok(());
        }
        let seen = format!("a {other} table, and output.format asks for the other format");
        Err(Error::usage("output_format", "opening an output table", folder.display(), seen, "give each format an output.uri of its own"))
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
        let folder = self.folder(spec.table);
        FileWriter::create(&folder, staging, spec, &self.carry)
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
                let log = self.log(table)?;
                self.runtime.block_on(log.commit(&self.carry, base.map(|state| state.version), adds, removes, run))
            }
            Format::Parquet => ParquetTable::new(table, self.folder(table)).commit(&self.carry, base, adds, removes, run),
        }
    }

    /// Deletes staged files that will not be committed (a lost race, too many rejections, a dry run), and the folders that
    /// are empty then.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn discard(&self, staged: &[StagedFile]) -> Result<()> {
        for file in staged {
            disk::delete(&file.staged_at)?;
            let inside = file.staged_at.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
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
        let Some(state) = self.live(Table::Run)? else { return Ok(Vec::new()) };
        let paths: Vec<PathBuf> = state.files.iter().map(|file| self.path_of(Table::Run, file)).collect();
        latest::all(paths.iter().map(PathBuf::as_path))
    }

    /// What the log of a table says of all its files, live or not; `None` where there is no Delta table.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn history(&self, table: Table) -> Result<Option<LogHistory>> {
        if self.format != Format::Delta || !self.folder(table).join("_delta_log").is_dir() {
            return Ok(None);
        }
        self.runtime.block_on(self.log(table)?.history()).map(Some)
    }

    /// Writes a checkpoint of a version of a Delta table, and checks it.
    ///
    /// # Errors
    /// `Error::Storage`; `Error::Bug` if the checkpoint says something else than the log.
    pub fn checkpoint(&self, table: Table, version: i64) -> Result<()> {
        self.runtime.block_on(self.log(table)?.checkpoint(version))
    }

    /// Data files with their sizes that stand where readers of a Parquet table look, and that its manifest does not name:
    /// every commit deletes them, and so does this if `really`. Delta tables have none: their readers follow the log.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn sweep(&self, table: Table, really: bool) -> Result<Vec<(PathBuf, u64)>> {
        match self.format {
            Format::Delta => Ok(Vec::new()),
            Format::Parquet => ParquetTable::new(table, self.folder(table)).sweep(really),
        }
    }

    /// How tables are kept here.
    pub fn format(&self) -> Format {
        self.format
    }

    fn log(&self, table: Table) -> Result<DeltaLog> {
        let _inside = self.runtime.enter();
        DeltaLog::open(table, &self.folder(table), Arc::clone(&self.store))
    }
}
