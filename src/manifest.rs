//! Parquet output: one manifest per table names the live files, and is swapped in one rename.
//!
//! Steps of a commit, under a lock on `_pecan/lock` that dies with the process: (1) read the manifest and see whether
//! another writer touched our months since we looked; (2) move the staged files to where readers see them; (3) swap the
//! manifest: this is the commit; (4) delete data files it does not name. A crash before 3 leaves the old table and files
//! nobody names; a crash after 3 leaves the new one and files nobody names; the next commit, even an empty one, deletes
//! those. Readers of the manifest are right at every instant, plain globs as soon as step 4 is done.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schema::{self, Table};
use crate::stage::{Commit, LiveFile, OWN_FOLDER, OwnName, StagedFile, TableState, disk, is_month_folder};

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

/// A table of Parquet files in a local folder.
pub struct ParquetTable {
    table: Table,
    folder: PathBuf,
}

impl ParquetTable {
    /// The table in that folder, which need not exist.
    pub fn new(table: Table, folder: PathBuf) -> ParquetTable {
        ParquetTable { table, folder }
    }

    /// The live files and the version, or `None` if there is no table yet.
    ///
    /// # Errors
    /// `Error::Usage` for a newer schema; `Error::Storage` if the manifest cannot be read.
    pub fn live(&self) -> Result<Option<TableState>> {
        Ok(self.read()?.map(|manifest| manifest.state()))
    }

    /// Makes `adds` live and takes `removes` out, in one swap of the manifest, if nothing changed since `base` (`None`:
    /// there was no table) in the billing months concerned.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub fn commit(&self, carry: &[String], base: Option<&TableState>, adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Result<Commit> {
        let _lock = self.lock()?;
        let now = self.read()?;
        if base.is_some() && adds.is_empty() && removes.is_empty() {
            self.tidy(now.as_ref())?;
            return Ok(Commit::Unchanged);
        }
        if let Some(manifest) = &now {
            let live = |path: &str| manifest.files.iter().any(|file| file.path == path);
            if manifest.run == run && adds.iter().all(|add| live(&add.path)) && !removes.iter().any(|remove| live(&remove.path)) {
                return Ok(Commit::Committed { version: manifest.version });
            }
            if let Some(seen) = self.disturbed(manifest, base, adds, removes) {
                return Ok(Commit::Conflict { seen });
            }
        } else if base.is_some() {
            return Ok(Commit::Conflict { seen: format!("{} is gone", self.manifest().display()) });
        }
        let next = self.next(now, carry, adds, removes, run)?;
        for add in adds {
            let place = self.folder.join(&add.path);
            disk::create_folder(disk::folder_of(&place))?;
            disk::rename(&add.staged_at, &place)?;
        }
        let bug = |e: serde_json::Error| Error::bug("manifest", "writing a manifest", self.table.name(), e, "report this");
        let mut bytes = serde_json::to_vec_pretty(&next).map_err(bug)?;
        bytes.push(b'\n');
        disk::replace(&self.manifest(), &bytes)?;
        self.tidy(Some(&next))?;
        Ok(Commit::Committed { version: next.version })
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join(OWN_FOLDER).join("manifest.json")
    }

    fn read(&self) -> Result<Option<Manifest>> {
        let path = self.manifest();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(disk::trouble("reading a manifest", &path, &e)),
        };
        // The version first: a newer manifest may have another shape.
        let wrong = |seen: serde_json::Error| {
            Error::storage("manifest", "reading a manifest", path.display(), seen, "restore the file from a backup, or use another output.uri")
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(wrong)?;
        let version = value.get(schema::PROPERTY).and_then(serde_json::Value::as_u64).unwrap_or(0);
        if version > u64::from(schema::VERSION) {
            let seen = format!("{} = {version}; this program writes {}", schema::PROPERTY, schema::VERSION);
            let next = "use the newer pecan that wrote it, or another output.uri";
            return Err(Error::usage("schema_newer", format!("opening table {}", self.table.name()), path.display(), seen, next));
        }
        serde_json::from_value(value).map(Some).map_err(wrong)
    }

    /// One commit at a time; the lock goes when the file is closed, however the process dies.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join(OWN_FOLDER).join("lock");
        disk::create_folder(disk::folder_of(&path))?;
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|e| disk::trouble("locking a table", &path, &e))
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
                    return Err(Error::usage("carry_case", format!("adding a column to table {}", self.table.name()), self.manifest().display(), seen, next));
                }
                Some(_) => {}
                None => columns.push(ManifestColumn { name: field.name().clone(), kind, nullable: field.is_nullable() || !first }),
            }
        }
        Ok(())
    }

    /// Deletes data files the manifest does not name. Staged files are left: another run may be at work.
    fn tidy(&self, manifest: Option<&Manifest>) -> Result<()> {
        self.unnamed(manifest)?.iter().try_for_each(|path| disk::delete(path))
    }

    /// What the next commit would delete, and with `really` deletes: data files where readers look that the manifest does
    /// not name. Without a manifest nothing is known, and nothing deleted.
    ///
    /// # Errors
    /// As [`live`](Self::live).
    pub fn sweep(&self, really: bool) -> Result<Vec<(PathBuf, u64)>> {
        if !self.manifest().exists() {
            return Ok(Vec::new());
        }
        let _lock = self.lock()?;
        let Some(manifest) = self.read()? else { return Ok(Vec::new()) };
        let size = |path: PathBuf| fs::metadata(&path).map(|about| about.len()).map(|bytes| (path, bytes)).ok();
        let swept: Vec<(PathBuf, u64)> = self.unnamed(Some(&manifest))?.into_iter().filter_map(size).collect();
        if really {
            swept.iter().try_for_each(|(path, _)| disk::delete(path))?;
        }
        Ok(swept)
    }

    /// Data files of our own making where readers look, and in no manifest.
    fn unnamed(&self, manifest: Option<&Manifest>) -> Result<Vec<PathBuf>> {
        let live: BTreeSet<PathBuf> = manifest.iter().flat_map(|manifest| &manifest.files).map(|file| self.folder.join(&file.path)).collect();
        let folders = match self.table.partitioned() {
            true => entries(&self.folder)?.into_iter().filter(|path| is_month_folder(name_of(path)) && path.is_dir()).collect(),
            false => vec![self.folder.clone()],
        };
        let mut unnamed = Vec::new();
        for folder in folders {
            unnamed.extend(entries(&folder)?.into_iter().filter(|path| OwnName::of(name_of(path)) == Some(OwnName::Data) && !live.contains(path)));
        }
        Ok(unnamed)
    }
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    listed.map_err(|e| disk::trouble("listing a folder", folder, &e))
}

impl Manifest {
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
