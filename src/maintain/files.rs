//! What lies in an output: files of our making at the places we use, and everything else. Links are never followed below
//! a table's folder, and never ours.

use crate::error::Result;
use crate::schema::Table;
use crate::sink::{Format, Output};
use crate::stage::{OWN_FOLDER, OwnName, is_month_folder};
use crate::storage::{Entry, Storage};

/// The files in a table's folder.
#[derive(Debug, Default)]
pub(super) struct TableFiles {
    /// Finished data files, live or not, where readers of a Delta table look.
    pub data: Vec<Entry>,
    /// Files that were being written, or finished and set aside.
    pub unfinished: Vec<Entry>,
    /// What is not ours, below the output's folder; folders with a closing `/`.
    pub foreign: Vec<String>,
}

/// The last part of a path of a table.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a file in a table's folder is.
enum Kind {
    Data,
    Unfinished,
    /// Ours, or part of the log: it stays as it is.
    Stays,
    /// Not ours: so many parts of its key tell the folder it is in.
    Foreign(usize),
}

/// Sorts what lies in the folder of a table.
pub(super) fn of_table(output: &Output, table: Table) -> Result<TableFiles> {
    let mut files = TableFiles::default();
    for entry in output.storage().list(table.name())? {
        match kind(output.format(), table, &entry) {
            Kind::Data => files.data.push(entry),
            Kind::Unfinished => files.unfinished.push(entry),
            Kind::Stays => {}
            Kind::Foreign(depth) => files.foreign.push(shown(&entry.key, depth)),
        }
    }
    files.foreign.dedup();
    Ok(files)
}

fn kind(format: Format, table: Table, entry: &Entry) -> Kind {
    let parts: Vec<&str> = entry.key.split('/').skip(1).collect();
    match (format, parts.as_slice()) {
        // The log stays as it is but for entries that were being written. Other programs' files there are part of the log.
        (Format::Delta, ["_delta_log", name]) if entry.regular && is_unfinished_entry(name) => Kind::Unfinished,
        (Format::Delta, ["_delta_log", _, ..]) => Kind::Stays,
        (Format::Parquet, [OWN_FOLDER, rest @ ..]) if !rest.is_empty() => own(entry, rest),
        (_, [month, name]) if table.partitioned() && is_month_folder(month) => data(entry, name, true, 3),
        (_, [name]) => data(entry, name, !table.partitioned(), 2),
        (_, [month, ..]) if table.partitioned() && is_month_folder(month) => Kind::Foreign(3),
        _ => Kind::Foreign(2),
    }
}

/// `here`: whether we put data files into this folder.
fn data(entry: &Entry, name: &str, here: bool, depth: usize) -> Kind {
    match OwnName::of(name) {
        Some(OwnName::Data) if here && entry.regular => Kind::Data,
        Some(OwnName::Unfinished) if here && entry.regular => Kind::Unfinished,
        _ => Kind::Foreign(depth),
    }
}

/// The own folder of a Parquet table: lock, manifest, and files set aside.
fn own(entry: &Entry, rest: &[&str]) -> Kind {
    match rest {
        ["lock" | "manifest.json"] if entry.regular => Kind::Stays,
        [name] if entry.regular && name.strip_prefix("manifest.").is_some_and(is_being_replaced) => Kind::Unfinished,
        ["staged", name] if entry.regular && matches!(OwnName::of(name), Some(OwnName::Staged | OwnName::Unfinished)) => Kind::Unfinished,
        ["staged", ..] => Kind::Foreign(4),
        _ => Kind::Foreign(3),
    }
}

/// So many parts of a key, with a closing `/` where there is more.
fn shown(key: &str, depth: usize) -> String {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.get(..depth) {
        Some(first) if first.len() < parts.len() => format!("{}/", first.join("/")),
        _ => key.to_owned(),
    }
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
pub(super) fn receipts(storage: &Storage) -> Result<Vec<(Entry, Option<String>)>> {
    let kept = |entry: Entry| {
        let (fingerprint, rest) = last_part(&entry.key).split_once('.').filter(|_| entry.regular)?;
        let ours = fingerprint.len() == 64 && fingerprint.bytes().all(|b| b.is_ascii_hexdigit());
        let fingerprint = (!is_being_replaced(rest)).then(|| fingerprint.to_owned());
        ours.then_some((entry, fingerprint))
    };
    Ok(storage.list(&format!("{OWN_FOLDER}/groups"))?.into_iter().filter_map(kept).collect())
}

/// The files of one folder of `_pecan` whose names begin with a run or a hash, with that; none: it was being written. Names
/// of another form are passed over.
pub(super) fn below_own(storage: &Storage, folder: &str) -> Result<Vec<(Entry, Option<String>)>> {
    let is_id = |id: &str| uuid::Uuid::try_parse(id).is_ok() || (id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let kept = |entry: Entry| {
        let (id, rest) = last_part(&entry.key).split_once('.').filter(|(id, _)| entry.regular && is_id(id))?;
        let id = match rest {
            "json" | "gz" => Some(id.to_owned()),
            _ if is_being_replaced(rest) => None,
            _ => return None,
        };
        Some((entry, id))
    };
    Ok(storage.list(&format!("{OWN_FOLDER}/{folder}"))?.into_iter().filter_map(kept).collect())
}

/// What lies beside our tables and is not ours.
pub(super) fn foreign_in_root(storage: &Storage) -> Result<Vec<String>> {
    let ours = |name: &str| name == OWN_FOLDER || Table::ALL.into_iter().any(|table| table.name() == name);
    Ok(storage.names()?.into_iter().filter(|name| !name.strip_suffix('/').is_some_and(ours)).collect())
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
