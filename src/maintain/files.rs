//! What lies in an output: files of our making at the places we use, and everything else. Links are never followed below
//! a table's folder.

use std::fs::{self, DirEntry, FileType};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Result;
use crate::schema::Table;
use crate::sink::{Format, Output};
use crate::stage::{OWN_FOLDER, OwnName, disk, is_month_folder};

/// A file of ours.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub path: PathBuf,
    pub name: String,
    pub bytes: u64,
    pub modified: SystemTime,
}

impl Found {
    /// Whether nobody wrote it again since it was found.
    pub fn is_as_it_was(&self) -> bool {
        fs::symlink_metadata(&self.path).and_then(|about| about.modified()).is_ok_and(|modified| modified == self.modified)
    }
}

/// The files in a table's folder.
#[derive(Debug, Default)]
pub(super) struct TableFiles {
    /// Finished data files, live or not, where readers of a Delta table look.
    pub data: Vec<Found>,
    /// Files that were being written, or finished and set aside.
    pub unfinished: Vec<Found>,
    /// What is not ours, below the output's folder; folders with a closing `/`.
    pub foreign: Vec<String>,
}

/// The last part of a path of a table.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The entries of a folder with their kinds, in the order of their names; none if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<(String, FileType, DirEntry)>> {
    let trouble = |e: &io::Error| disk::trouble("listing a folder", folder, e);
    let listed = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| trouble(&e))?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(|e| trouble(&e))?;
        match entry.file_type() {
            Ok(kind) => found.push((entry.file_name().to_string_lossy().into_owned(), kind, entry)),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(trouble(&e)),
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Takes in a file; one that vanished meanwhile is none.
fn take(into: &mut Vec<Found>, name: &str, entry: &DirEntry) -> Result<()> {
    let path = entry.path();
    match entry.metadata().and_then(|about| Ok((about.len(), about.modified()?))) {
        Ok((bytes, modified)) => into.push(Found { path, name: name.to_owned(), bytes, modified }),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(disk::trouble("looking at a file", &path, &e)),
    }
    Ok(())
}

/// Sorts what lies in the folder of a table.
pub(super) fn of_table(output: &Output, table: Table) -> Result<TableFiles> {
    let mut files = TableFiles::default();
    let folder = output.folder(table);
    for (name, kind, entry) in entries(&folder)? {
        match (output.format(), name.as_str()) {
            (Format::Delta, "_delta_log") if kind.is_dir() => files.log(&entry.path())?,
            (Format::Parquet, OWN_FOLDER) if kind.is_dir() => files.own_folder(table, &entry.path())?,
            _ if kind.is_dir() && table.partitioned() && is_month_folder(&name) => files.data_folder(&format!("{}/{name}/", table.name()), &entry.path())?,
            _ => files.data_file(&format!("{}/", table.name()), &name, kind, &entry, !table.partitioned())?,
        }
    }
    Ok(files)
}

impl TableFiles {
    fn data_folder(&mut self, below: &str, folder: &Path) -> Result<()> {
        entries(folder)?.iter().try_for_each(|(name, kind, entry)| self.data_file(below, name, *kind, entry, true))
    }

    /// `here`: whether we put data files into this folder.
    fn data_file(&mut self, below: &str, name: &str, kind: FileType, entry: &DirEntry, here: bool) -> Result<()> {
        match OwnName::of(name) {
            Some(OwnName::Data) if here && kind.is_file() => take(&mut self.data, name, entry),
            Some(OwnName::Unfinished) if here && kind.is_file() => take(&mut self.unfinished, name, entry),
            _ => {
                self.foreign.push(shown(below, name, kind));
                Ok(())
            }
        }
    }

    /// The log stays as it is but for entries that were being written. Other programs' files there are part of the log.
    fn log(&mut self, folder: &Path) -> Result<()> {
        for (name, kind, entry) in entries(folder)? {
            if kind.is_file() && is_unfinished_entry(&name) {
                take(&mut self.unfinished, &name, &entry)?;
            }
        }
        Ok(())
    }

    /// The own folder of a Parquet table: lock, manifest, and files set aside.
    fn own_folder(&mut self, table: Table, folder: &Path) -> Result<()> {
        let below = format!("{}/{OWN_FOLDER}/", table.name());
        for (name, kind, entry) in entries(folder)? {
            match name.as_str() {
                "lock" | "manifest.json" if kind.is_file() => {}
                "staged" if kind.is_dir() => self.aside(&format!("{below}staged/"), &entry.path())?,
                _ if kind.is_file() && name.strip_prefix("manifest.").is_some_and(is_being_replaced) => take(&mut self.unfinished, &name, &entry)?,
                _ => self.foreign.push(shown(&below, &name, kind)),
            }
        }
        Ok(())
    }

    fn aside(&mut self, below: &str, folder: &Path) -> Result<()> {
        for (name, kind, entry) in entries(folder)? {
            match OwnName::of(&name) {
                Some(OwnName::Staged | OwnName::Unfinished) if kind.is_file() => take(&mut self.unfinished, &name, &entry)?,
                _ => self.foreign.push(shown(below, &name, kind)),
            }
        }
        Ok(())
    }
}

fn shown(below: &str, name: &str, kind: FileType) -> String {
    format!("{below}{name}{}", if kind.is_dir() { "/" } else { "" })
}

/// `{entry}#{digits}`: what a store writes before the name of a log entry, a checkpoint or the hint of it appears.
fn is_unfinished_entry(name: &str) -> bool {
    let Some((entry, number)) = name.rsplit_once('#') else { return false };
    let of_version =
        || entry.split_once('.').is_some_and(|(version, kind)| is_digits(version) && version.len() == 20 && matches!(kind, "json" | "checkpoint.parquet"));
    is_digits(number) && (entry == "_last_checkpoint" || of_version())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `{uuid}.new`, as [`disk::replace`] writes it.
fn is_being_replaced(rest: &str) -> bool {
    rest.strip_suffix(".new").is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
}

/// What `_pecan/groups` keeps, with the fingerprint it is kept for; none: it was being written. Names of another form
/// are passed over: a newer version may keep more.
pub(super) fn receipts(root: &Path) -> Result<Vec<(Found, Option<String>)>> {
    let mut found = Vec::new();
    for (name, kind, entry) in entries(&root.join(OWN_FOLDER).join("groups"))? {
        let Some((fingerprint, rest)) = name.split_once('.').filter(|_| kind.is_file()) else { continue };
        if fingerprint.len() != 64 || !fingerprint.bytes().all(|b| b.is_ascii_hexdigit()) {
            continue;
        }
        let mut one = Vec::new();
        take(&mut one, &name, &entry)?;
        let fingerprint = (!is_being_replaced(rest)).then(|| fingerprint.to_owned());
        found.extend(one.into_iter().map(|file| (file, fingerprint.clone())));
    }
    Ok(found)
}

/// What lies beside our tables and is not ours.
pub(super) fn foreign_in_root(root: &Path) -> Result<Vec<String>> {
    let ours = |name: &str| name == OWN_FOLDER || Table::ALL.into_iter().any(|table| table.name() == name);
    Ok(entries(root)?.iter().filter(|(name, ..)| !ours(name)).map(|(name, kind, _)| shown("", name, *kind)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_that_were_being_written() {
        for name in ["00000000000000000007.json#123000001", "00000000000000000007.checkpoint.parquet#1", "_last_checkpoint#4000002"] {
            assert!(is_unfinished_entry(name), "{name}");
        }
        for name in ["00000000000000000007.json", "7.json#1", "00000000000000000007.json#", "00000000000000000007.json#x", "_commit_1.json.tmp", "notes#1"] {
            assert!(!is_unfinished_entry(name), "{name}");
        }
        assert!(is_being_replaced("0198d2c4-7a3e-7c1e-9d0a-3b1f5e6a7b8c.new"));
        assert!(!is_being_replaced("old.new") && !is_being_replaced("0198d2c4-7a3e-7c1e-9d0a-3b1f5e6a7b8c"));
    }
}
