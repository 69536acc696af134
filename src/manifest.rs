//! Parquet output: one manifest per table names the live files, and is swapped as a whole.
//!
//! Steps of a commit: (1) read the manifest and see whether another writer touched our months since we looked; (2) put the
//! staged files where readers see them; (3) swap the manifest: this is the commit; (4) delete data files it does not name.
//! A crash before 3 leaves the old table and files nobody names; a crash after 3 leaves the new one and files nobody names.
//! Readers of the manifest are right at every instant.
//!
//! | | local disk | object store |
//! |---|---|---|
//! | of two writers | one waits at a lock on `_pecan/lock` that dies with the process | the second's swap is refused: its manifest is not the one it read; it begins again |
//! | step 2 | moves | copies; the staged one is deleted in step 4 |
//! | step 4 | every unnamed data file, also at the next commit, even an empty one: plain globs are right then | what this commit took out: another writer may be between 2 and 3; `pecan maintain` sweeps the rest |

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schema::{self, Table};
use crate::stage::{Commit, LiveFile, OWN_FOLDER, OwnName, StagedFile, TableState, is_month_folder};
use crate::storage::{Entry, Mark, Storage, disk};

/// Other writers may get in first this often before we give up.
const ATTEMPTS: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    table: String,
    #[serde(rename = "pecan.schema")]
    schema: u32,
    version: i64,
    run: String,
    columns: Vec<ManifestColumn>,
    files: Vec<ManifestFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ManifestColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ManifestFile {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    billing_month: Option<String>,
    group: String,
    fingerprint: String,
    run: String,
    rows: u64,
    bytes: u64,
}

/// A table of Parquet files.
pub struct ParquetTable<'a> {
    table: Table,
    storage: &'a Storage,
}

impl ParquetTable<'_> {
    /// The table in its folder, which need not exist.
    pub fn new(table: Table, storage: &Storage) -> ParquetTable<'_> {
        ParquetTable { table, storage }
    }

    /// The live files and the version, or `None` if there is no table yet.
    ///
    /// # Errors
    /// `Error::Usage` for a newer schema; `Error::Storage` if the manifest cannot be read.
    pub fn live(&self) -> Result<Option<TableState>> {
        Ok(self.read()?.map(|(manifest, _)| manifest.state()))
    }

    /// Makes `adds` live and takes `removes` out, in one swap of the manifest, if nothing changed since `base` (`None`:
    /// there was no table) in the billing months concerned.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub fn commit(&self, carry: &[String], base: Option<&TableState>, adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Result<Commit> {
        let _lock = self.lock()?;
        let mut in_place = false;
        for _ in 0..ATTEMPTS {
            let (now, mark) = self.read()?.unzip();
            if base.is_some() && adds.is_empty() && removes.is_empty() {
                self.tidy(now.as_ref())?;
                return Ok(Commit::Unchanged);
            }
            match (&now, base) {
                (Some(manifest), _) if manifest.is_of(run, adds, removes) => return Ok(Commit::Committed { version: manifest.version }),
                (Some(manifest), base) => {
                    if let Some(seen) = self.disturbed(manifest, base, adds, removes) {
                        return Ok(Commit::Conflict { seen });
                    }
                }
                (None, Some(_)) => return Ok(Commit::Conflict { seen: format!("{} is gone", self.storage.shown(&self.key())) }),
                (None, None) => {}
            }
            let next = self.next(now, carry, adds, removes, run)?;
            if !in_place {
                adds.iter().try_for_each(|add| self.storage.put_in_place(&add.key, &self.below(&add.path)))?;
                in_place = true;
            }
            if self.storage.swap(&self.key(), &next.bytes()?, mark.as_ref())? {
                self.tidy_after(&next, adds, removes)?;
                return Ok(Commit::Committed { version: next.version });
            }
        }
        Ok(Commit::Conflict { seen: format!("{ATTEMPTS} other commits to {} while this one tried", self.table.name()) })
    }

    fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.table.name())
    }

    /// The key of the manifest.
    fn key(&self) -> String {
        self.below(&format!("{OWN_FOLDER}/manifest.json"))
    }

    fn read(&self) -> Result<Option<(Manifest, Mark)>> {
        let Some((bytes, mark)) = self.storage.read_marked(&self.key())? else { return Ok(None) };
        Ok(Some((self.parse(&bytes)?, mark)))
    }

    fn parse(&self, bytes: &Bytes) -> Result<Manifest> {
        let place = self.storage.shown(&self.key());
        // The version first: a newer manifest may have another shape.
        let wrong = |seen: serde_json::Error| {
            Error::storage("manifest", "reading a manifest", &place, seen, "restore the file from a backup, or use another output.uri")
        };
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(wrong)?;
        let version = value.get(schema::PROPERTY).and_then(serde_json::Value::as_u64).unwrap_or(0);
        if version > u64::from(schema::VERSION) {
            let seen = format!("{} = {version}; this program writes {}", schema::PROPERTY, schema::VERSION);
            let next = "use the newer pecan that wrote it, or another output.uri";
            return Err(Error::usage("schema_newer", format!("opening table {}", self.table.name()), &place, seen, next));
        }
        serde_json::from_value(value).map_err(wrong)
    }

    /// On a local disk one commit at a time; the lock goes when the file is closed, however the process dies.
    fn lock(&self) -> Result<Option<File>> {
        let Some(path) = self.storage.path(&self.below(&format!("{OWN_FOLDER}/lock"))) else { return Ok(None) };
        let locked = |path: &Path| File::create(path).and_then(|file| file.lock().map(|()| file));
        disk::make_in_folder("locking a table", &path, locked).map(Some)
    }

    /// What changed since `base` where this commit writes, if anything did.
    fn disturbed(&self, now: &Manifest, base: Option<&TableState>, adds: &[StagedFile], removes: &[LiveFile]) -> Option<String> {
        let Some(base) = base else { return Some(format!("run {} created {} first", now.run, self.table.name())) };
        if base.version == now.version {
            return None;
        }
        let months: BTreeSet<Option<&str>> = adds.iter().map(|add| add.month.as_deref()).chain(removes.iter().map(|remove| remove.month.as_deref())).collect();
        let ours = |month: Option<&str>, path: &str| months.contains(&month).then(|| path.to_owned());
        let before: BTreeSet<String> = base.files.iter().filter_map(|file| ours(file.month.as_deref(), &file.path)).collect();
        let after: BTreeSet<String> = now.files.iter().filter_map(|file| ours(file.billing_month.as_deref(), &file.path)).collect();
        (before != after).then(|| format!("version {} of {}, by run {}, changed the same files first", now.version, self.table.name(), now.run))
    }

    fn next(&self, now: Option<Manifest>, carry: &[String], adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Result<Manifest> {
        let (version, mut columns, mut files) = match now {
            Some(manifest) => (manifest.version + 1, manifest.columns, manifest.files),
            None => (0, Vec::new(), Vec::new()),
        };
        let removed: BTreeSet<&str> = removes.iter().map(|remove| remove.path.as_str()).collect();
        files.retain(|file| !removed.contains(file.path.as_str()));
        files.extend(adds.iter().map(ManifestFile::of));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.widen(&mut columns, carry)?;
        Ok(Manifest { table: self.table.name().to_owned(), schema: schema::VERSION, version, run: run.to_owned(), columns, files })
    }

    /// Adds the columns the table lacks; those no longer carried stay.
    fn widen(&self, columns: &mut Vec<ManifestColumn>, carry: &[String]) -> Result<()> {
        let first = columns.is_empty();
        let own = self.table.columns();
        for (position, field) in self.table.schema(carry).fields().iter().enumerate() {
            let kind = own.get(position).map_or_else(|| "text".to_owned(), |column| column.kind.type_text());
            match columns.iter().find(|old| old.name.to_lowercase() == field.name().to_lowercase()) {
                Some(old) if old.name != *field.name() || old.kind != kind => {
                    let seen = format!("the table has {} {}, this run {} {kind}", old.name, old.kind, field.name());
                    let next = "write names in output.carry as the table has them, or use another output.uri";
                    return Err(Error::usage(
                        "carry_case",
                        format!("adding a column to table {}", self.table.name()),
                        self.storage.shown(&self.key()),
                        seen,
                        next,
                    ));
                }
                Some(_) => {}
                None => columns.push(ManifestColumn { name: field.name().clone(), kind, nullable: field.is_nullable() || !first }),
            }
        }
        Ok(())
    }

    /// Deletes data files the manifest does not name, where nobody else can be putting some in place. Staged files are left:
    /// another run may be at work.
    fn tidy(&self, manifest: Option<&Manifest>) -> Result<()> {
        if self.storage.path("").is_none() {
            return Ok(());
        }
        let unnamed = self.unnamed(manifest)?;
        self.storage.delete(&unnamed.into_iter().map(|entry| entry.key).collect::<Vec<_>>()).map(drop)
    }

    fn tidy_after(&self, next: &Manifest, adds: &[StagedFile], removes: &[LiveFile]) -> Result<()> {
        if self.storage.path("").is_some() {
            return self.tidy(Some(next));
        }
        let taken_out = removes.iter().map(|file| self.below(&file.path));
        let doomed: Vec<String> = taken_out.chain(adds.iter().map(|add| add.key.clone())).collect();
        // The commit has landed; what cannot be deleted now is seen by no reader of the manifest, and `maintain` sweeps it.
        let _ = self.storage.delete(&doomed);
        Ok(())
    }

    /// What the next commit on a local disk would delete, and with `really` deletes: data files where readers look that
    /// the manifest does not name. Without a manifest nothing is known, and nothing deleted.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub fn sweep(&self, really: bool) -> Result<Vec<Entry>> {
        if self.storage.path("").is_none() || !self.storage.exists(&self.key())? {
            return Ok(Vec::new());
        }
        let _lock = self.lock()?;
        let Some((manifest, _)) = self.read()? else { return Ok(Vec::new()) };
        let swept = self.unnamed(Some(&manifest))?;
        if really {
            self.storage.delete(&swept.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>())?;
        }
        Ok(swept)
    }

    /// Data files of our own making where readers look, and in no manifest.
    fn unnamed(&self, manifest: Option<&Manifest>) -> Result<Vec<Entry>> {
        let live: BTreeSet<String> = manifest.iter().flat_map(|manifest| &manifest.files).map(|file| self.below(&file.path)).collect();
        let mut found = self.storage.list(self.table.name())?;
        found.retain(|entry| self.is_data(&entry.key) && !live.contains(&entry.key));
        Ok(found)
    }

    /// Whether a key is that of a data file of ours, where we put them.
    fn is_data(&self, key: &str) -> bool {
        let parts: Vec<&str> = key.split('/').skip(1).collect();
        let name = match parts.as_slice() {
            [month, name] if self.table.partitioned() && is_month_folder(month) => name,
            [name] if !self.table.partitioned() => name,
            _ => return false,
        };
        OwnName::of(name) == Some(OwnName::Data)
    }
}

impl Manifest {
    /// Whether this is the state that very commit leads to, or one that another commit made of it since: names of new files
    /// are one run's alone.
    fn is_of(&self, run: &str, adds: &[StagedFile], removes: &[LiveFile]) -> bool {
        let live = |path: &str| self.files.iter().any(|file| file.path == path);
        (self.run == run || !adds.is_empty()) && adds.iter().all(|add| live(&add.path)) && !removes.iter().any(|remove| live(&remove.path))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        let bug = |e: serde_json::Error| Error::bug("manifest", "writing a manifest", &self.table, e, "report this");
        let mut bytes = serde_json::to_vec_pretty(self).map_err(bug)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn state(self) -> TableState {
        let files = self.files.into_iter().map(|file| LiveFile {
            path: file.path,
            month: file.billing_month,
            bytes: file.bytes,
            rows: file.rows,
            group: file.group,
            fingerprint: file.fingerprint,
            run: file.run,
        });
        TableState { version: self.version, files: files.collect() }
    }
}

impl ManifestFile {
    fn of(add: &StagedFile) -> ManifestFile {
        ManifestFile {
            path: add.path.clone(),
            billing_month: add.month.clone(),
            group: add.group.clone(),
            fingerprint: add.fingerprint.clone(),
            run: add.run.clone(),
            rows: add.rows,
            bytes: add.bytes,
        }
    }
}
