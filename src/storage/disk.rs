//! Durable writes to a local disk: what returns `Ok` survives a power cut.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Entry;
use crate::error::{Error, Result};

/// Turns trouble with a file into `Error::Storage`, with the remedy that fits what was seen (a full disk, a lack of
/// rights, a failing device).
pub fn trouble(tried: &str, path: &Path, seen: &io::Error) -> Error {
    let next = match seen.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on this disk, then run again",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "let the program write here, then run again",
        ErrorKind::NotFound => "see whether something else deletes files below output.uri, then run again",
        ErrorKind::NotADirectory => "name another folder in output.uri: a part of this path is a file",
        _ => "see whether the disk is sound and mounted, then run again",
    };
    Error::storage("disk", tried, path.display(), seen, next)
}

/// The folder a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(|e| trouble("making a folder durable", folder, &e))
}

/// Another run may take an empty folder away between two steps of ours, so often before we give up.
const ATTEMPTS: usize = 32;

/// Creates a folder and those above it, each made durable in its parent.
pub fn create_folder(folder: &Path) -> Result<()> {
    let mut tried = 0;
    loop {
        match create_missing(folder) {
            Err((_, e)) if e.kind() == ErrorKind::NotFound && tried < ATTEMPTS => tried += 1,
            other => return other.map_err(|(place, e)| trouble("creating a folder", &place, &e)),
        }
    }
}

/// Makes a file in a folder that is made if need be, both again if the folder, being empty, was taken away between.
pub fn make_in_folder<T>(tried: &str, path: &Path, make: impl Fn(&Path) -> io::Result<T>) -> Result<T> {
    let mut attempts = 0;
    loop {
        create_folder(folder_of(path))?;
        match make(path) {
            Err(e) if e.kind() == ErrorKind::NotFound && attempts < ATTEMPTS => attempts += 1,
            other => return other.map_err(|e| trouble(tried, path, &e)),
        }
    }
}

fn create_missing(folder: &Path) -> std::result::Result<(), (PathBuf, io::Error)> {
    let mut missing: Vec<PathBuf> = Vec::new();
    let mut at = folder;
    while !at.exists() {
        missing.push(at.to_owned());
        at = folder_of(at);
    }
    for new in missing.iter().rev() {
        match fs::create_dir(new).and_then(|()| File::open(folder_of(new))?.sync_all()) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err((new.clone(), e)),
            _ => {}
        }
    }
    Ok(())
}

/// Moves a file within one disk, durably; the target is replaced.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| trouble("renaming a file", to, &e))?;
    sync_folder(folder_of(to))
}

/// Writes a whole file, in a folder that is made if need be, so that a reader sees the old content or the new, never a part. Two writers may do so at once.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension(format!("{}.new", uuid::Uuid::now_v7()));
    make_in_folder("writing a file", &temporary, |temporary| fs::write(temporary, bytes).and_then(|()| File::open(temporary)?.sync_all()))?;
    rename(&temporary, path)
}

/// Adds the files below a folder that need not exist, with keys that begin with `below`. Links are not followed, and names
/// that are not UTF-8 are nobody's of ours.
pub fn walk(folder: &Path, below: &str, found: &mut Vec<Entry>) -> Result<()> {
    let listed = match fs::read_dir(folder) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        other => other.map_err(|e| trouble("listing a folder", folder, &e))?,
    };
    for entry in listed {
        let entry = entry.map_err(|e| trouble("listing a folder", folder, &e))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Of a link itself, not of what it leads to.
        let about = match entry.metadata() {
            // Another run may delete its own files meanwhile.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(|e| trouble("looking at a file", &entry.path(), &e))?,
        };
        if about.is_dir() {
            walk(&entry.path(), &key, found)?;
        } else {
            let modified = about.modified().map_err(|e| trouble("looking at a file", &entry.path(), &e))?;
            found.push(Entry { key, bytes: about.len(), modified, regular: about.is_file() });
        }
    }
    Ok(())
}

/// The names in a folder that need not exist, folders with a closing `/`.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let trouble = |e: io::Error| trouble("listing a folder", folder, &e);
    let listed = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(trouble)?,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok(format!("{}{}", entry.file_name().to_string_lossy(), if entry.file_type()?.is_dir() { "/" } else { "" }))
    };
    listed.map(name).collect::<io::Result<_>>().map_err(trouble)
}

/// Deletes files that nobody needs, and makes that durable folder by folder. Those that are gone already are passed over;
/// the answer holds the others.
pub fn delete_all(paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut deleted = BTreeSet::new();
    for path in paths {
        match fs::remove_file(path) {
            Ok(()) => deleted.insert(path.clone()),
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(trouble("deleting a file", path, &e)),
        };
    }
    let folders: BTreeSet<&Path> = deleted.iter().map(|path| folder_of(path)).collect();
    folders.into_iter().try_for_each(sync_folder)?;
    Ok(deleted)
}

/// Deletes a file; one that is gone already is no trouble.
pub fn delete(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(trouble("deleting a file", path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    /// A run that discards what it staged takes empty folders along; `races.py` saw another fail for that.
    #[test]
    fn a_folder_that_is_taken_away_while_empty_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("table/_pecan/staged");
        let done = AtomicBool::new(false);
        // So often at most for one file: on a slow disk it could else win every time, since a folder is made durable while empty.
        let left = AtomicUsize::new(0);
        let take_away = |folder: &Path| left.load(Ordering::Relaxed) > 0 && fs::remove_dir(folder).is_ok() && left.fetch_sub(1, Ordering::Relaxed) > 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    folder.ancestors().take(3).map(take_away).take_while(|taken| *taken).for_each(drop);
                }
            });
            for n in 0..300 {
                left.store(ATTEMPTS / 2, Ordering::Relaxed);
                let path = folder.join(n.to_string());
                let made = make_in_folder("making a file", &path, |path| File::create(path));
                let removed = made.as_ref().ok().map(|_| fs::remove_file(&path));
                if made.is_err() || n == 299 {
                    done.store(true, Ordering::Relaxed);
                }
                made.unwrap();
                removed.unwrap().unwrap();
            }
        });
    }
}
