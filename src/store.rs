//! Finding and fingerprinting input files, on the local disk or in an object store: the only place that walks folders.
//!
//! Paths are absolute and uris whole: the job file has seen to that. Local files are read as they are; what lies in a
//! store is behind [`Location`], and nothing above this module tells the two apart.

mod bucket;
mod location;
mod objects;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use globset::GlobMatcher;

use self::bucket::Failed;
pub use self::bucket::{Object, Pending, Stretch};
pub use self::location::{Location, Opened};
use crate::error::{Error, Result};
use crate::storage;

/// Folders may be nested this deep; deeper is taken for a loop of links. Systems give up following links at 40.
const MAX_DEPTH: usize = 32;
/// What fingerprints begin with that are no hash of a content.
pub const ETAG: &str = "etag:";
/// How much of a file is hashed at a time.
const HASH_CHUNK: usize = 1 << 20;
/// A longer object is hashed as it comes, not as a whole.
const WHOLE_BYTES: u64 = 64 << 20;

/// One file of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub at: Location,
    /// As shown to people: the uri as written in the job file and the path below it.
    pub name: String,
    /// Path below the deepest folder of the uri without a wildcard, with `/`; the file name if the uri is one file.
    pub relative: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// What a uri turned out to mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One file.
    File,
    /// A folder with everything below it.
    Folder,
    /// What a wildcard matches.
    Wildcard,
}

/// The files a uri means.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Sorted by the bytes of `relative`.
    pub files: Vec<InputFile>,
    /// What the uri is.
    pub shape: Shape,
    /// The deepest folder without a wildcard, as written in the job file.
    pub written: String,
    /// That folder, on a local disk.
    folder: Option<PathBuf>,
    /// Everything below that folder, in an object store.
    all: BTreeMap<String, InputFile>,
}

impl Listing {
    /// The file of this name below the folder, passed-over names included.
    /// # Errors
    /// As [`io_trouble`].
    pub fn find(&self, below: &str) -> Result<Option<InputFile>> {
        let Some(folder) = &self.folder else { return Ok(self.all.get(below).cloned()) };
        let path = folder.join(below);
        if !path.is_file() {
            return Ok(None);
        }
        let name = join_shown(&self.written, below);
        let bytes = fs::metadata(&path).map_err(|e| io_trouble("looking at an input file", &name, &e))?.len();
        Ok(Some(InputFile { at: path.into(), name, relative: below.to_owned(), bytes }))
    }
}

/// A path taken apart at its deepest folder without a wildcard.
struct Place {
    /// The file, or the deepest folder without a wildcard.
    base: PathBuf,
    /// `base` as written in the job file.
    base_as_written: String,
    /// What must match below `base`; `None`: everything.
    pattern: Option<String>,
}

/// Takes a path apart, with or without wildcards (`*`, `?`, `[…]`, `{…}`, `**`).
fn locate(path: &str, uri_as_written: &str) -> Place {
    let whole = Place { base: PathBuf::from(path), base_as_written: uri_as_written.trim_end_matches('/').to_string(), pattern: None };
    if Path::new(path).exists() {
        return whole;
    }
    let Some(folder) = wildcard_free(path) else { return whole };
    let base = if folder.is_empty() && path.starts_with('/') { "/" } else { folder };
    let pattern = path.get(folder.len()..).unwrap_or_default().trim_start_matches('/').to_string();
    let written = wildcard_free(uri_as_written).unwrap_or_default().to_string();
    Place { base: PathBuf::from(if base.is_empty() { "." } else { base }), base_as_written: written, pattern: Some(pattern) }
}

/// The part of a path or uri before the segment with the first wildcard, without its trailing slash; `None`: no wildcard.
/// A variable of the environment as written, `${NAME}`, is none; neither is a question mark in a uri.
fn wildcard_free(path: &str) -> Option<&str> {
    let is_uri = storage::is_remote(path);
    let mut before = ' ';
    let first = path.char_indices().find(|(_, c)| {
        let variable = std::mem::replace(&mut before, *c) == '$' && *c == '{';
        matches!(c, '*' | '[') || (*c == '{' && !variable) || (*c == '?' && !is_uri)
    });
    path.get(..path.get(..first?.0)?.rfind('/').unwrap_or(0))
}

/// Whether a uri names a folder, as far as can be told without asking a store: neither wildcards nor a local file.
pub fn may_be_folder(uri: &str) -> bool {
    if storage::is_remote(uri) {
        return wildcard_free(uri).is_none();
    }
    let place = locate(uri, uri);
    place.pattern.is_none() && !place.base.is_file()
}

/// The files a uri means; see [`look`].
/// # Errors
/// As [`look`].
pub fn list(uri: &str, uri_as_written: &str) -> Result<Vec<InputFile>> {
    look(uri, uri_as_written).map(|listing| listing.files)
}

/// The files a path or uri means: one file, a folder with everything below it, or a glob; sorted by the bytes of `relative`.
///
/// Names that begin with `_` or `.` are skipped below a folder, as Spark does.
/// # Errors
/// `Input` when nothing is found, `Storage` when a folder or store cannot be read, `Usage` for a bad glob or uri.
pub fn look(uri: &str, uri_as_written: &str) -> Result<Listing> {
    let listing = if storage::is_remote(uri) { objects::look(uri, uri_as_written)? } else { look_locally(uri, uri_as_written)? };
    if !listing.files.is_empty() {
        return Ok(listing);
    }
    Err(Error::input(
        "no_files",
        "finding input files",
        uri_as_written,
        "no file there",
        "check the path in the job file, and whether the export or copy has run (names beginning with _ or . are skipped)",
    ))
}

fn look_locally(path: &str, uri_as_written: &str) -> Result<Listing> {
    let place = locate(path, uri_as_written);
    let about = fs::metadata(&place.base).map_err(|e| io_trouble("finding input files", uri_as_written, &e))?;
    let mut files = Vec::new();
    let mut shape = Shape::Folder;
    if about.is_file() {
        let relative = file_name(&place.base, uri_as_written)?;
        files.push(InputFile { at: place.base.clone().into(), name: uri_as_written.to_string(), relative, bytes: about.len() });
        shape = Shape::File;
    } else {
        walk(&place.base, "", &place, 0, &mut files)?;
    }
    if let Some(pattern) = &place.pattern {
        let matcher = glob(pattern, uri_as_written)?;
        files.retain(|f| matcher.is_match(&f.relative));
        shape = Shape::Wildcard;
    }
    files.sort_by(|a, b| a.relative.as_bytes().cmp(b.relative.as_bytes()));
    Ok(Listing { files, shape, written: place.base_as_written, folder: Some(place.base), all: BTreeMap::new() })
}

fn glob(pattern: &str, uri_as_written: &str) -> Result<GlobMatcher> {
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    Ok(glob.map_err(|e| Error::usage("glob", "reading a wildcard path", uri_as_written, e, "correct the wildcards in the job file"))?.compile_matcher())
}

fn walk(folder: &Path, below: &str, place: &Place, depth: usize, files: &mut Vec<InputFile>) -> Result<()> {
    let shown = join_shown(&place.base_as_written, below);
    if depth > MAX_DEPTH {
        return Err(Error::input(
            "too_deep",
            "finding input files",
            shown,
            format!("folders nested more than {MAX_DEPTH} deep"),
            "look for a link that leads back into its own folder",
        ));
    }
    let trouble = |e: &io::Error| io_trouble("listing a folder", &shown, e);
    for entry in fs::read_dir(folder).map_err(|e| trouble(&e))? {
        let path = entry.map_err(|e| trouble(&e))?.path();
        let name = file_name(&path, &shown)?;
        if name.starts_with(['_', '.']) {
            continue;
        }
        let relative = join_shown(below, &name);
        let about = fs::metadata(&path).map_err(|e| io_trouble("listing a folder", join_shown(&shown, &name), &e))?;
        if about.is_dir() {
            walk(&path, &relative, place, depth + 1, files)?;
        } else {
            files.push(InputFile { at: path.into(), name: join_shown(&place.base_as_written, &relative), relative, bytes: about.len() });
        }
    }
    Ok(())
}

/// `left/right`, where either may be empty.
fn join_shown(left: &str, right: &str) -> String {
    match (left.is_empty(), right.is_empty()) {
        (true, _) => right.to_string(),
        (_, true) => left.to_string(),
        _ => format!("{}/{right}", left.trim_end_matches('/')),
    }
}

fn file_name(path: &Path, shown: &str) -> Result<String> {
    let name = path.file_name().and_then(|n| n.to_str());
    name.map(str::to_string)
        .ok_or_else(|| Error::input("file_name", "finding input files", shown, format!("a name that is not UTF-8: {}", path.display()), "rename the file"))
}

/// BLAKE3 of a local file's content, as hex; the file is streamed.
/// # Errors
/// As [`io_trouble`].
pub fn content_hash(path: &Path) -> Result<String> {
    let trouble = |e: io::Error| io_trouble("hashing an input file", path.display(), &e);
    let mut file = File::open(path).map_err(trouble)?;
    let mut hasher = blake3::Hasher::new();
    // Small files are many: clearing a megabyte for each would take longer than hashing them.
    let length = file.metadata().map_err(trouble)?.len();
    let mut chunk = vec![0; usize::try_from(length).map_or(HASH_CHUNK, |length| length.saturating_add(1).min(HASH_CHUNK))];
    loop {
        let read = match file.read(&mut chunk) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other.map_err(trouble)?,
        };
        if read == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
}

/// What tells one content of a file from another: BLAKE3 of a local file's content; of an object its ETag, or BLAKE3 too if
/// its store gives none.
/// # Errors
/// As [`io_trouble`].
pub fn fingerprint(file: &Location) -> Result<String> {
    match file {
        Location::Object(object) => object.tag().map_or_else(|| hash_of(file), |tag| Ok(format!("{ETAG}{tag}"))),
        Location::Local(path) => content_hash(path),
    }
}

/// BLAKE3 of a file's content, wherever it is. An object that is not large is read once: who opens it next finds it here.
/// # Errors
/// As [`io_trouble`].
pub fn hash_of(file: &Location) -> Result<String> {
    let object = match file {
        Location::Local(path) => return content_hash(path),
        Location::Object(object) => object,
    };
    let trouble = |e: io::Error| io_trouble("hashing an input file", file.text(), &e);
    if object.bytes() <= WHOLE_BYTES {
        let content: Bytes = file.read().map_err(trouble)?;
        let hash = blake3::hash(&content).to_hex().to_string();
        object.leave(content);
        return Ok(hash);
    }
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file.reader().map_err(trouble)?, &mut hasher).map_err(trouble)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Goes through files in order; of those in a store the next ones are asked for while one is at work.
pub fn in_turn<'a, T>(files: &'a [T], at: impl Fn(&T) -> &Location + 'a) -> impl Iterator<Item = &'a T> {
    const AHEAD: usize = 32;
    files.iter().enumerate().map(move |(index, file)| {
        let next = if index == 0 { files.get(..AHEAD.min(files.len())) } else { files.get(index..).and_then(|rest| rest.get(AHEAD - 1..AHEAD)) };
        next.into_iter().flatten().for_each(|file| at(file).ask_ahead());
        file
    })
}

/// What a store answered, as trouble with an input: what is not there is `Input` (exit 3), all else `Storage` (exit 5).
fn store_trouble(tried: &str, place: &str, seen: &object_store::Error) -> Error {
    match seen {
        object_store::Error::NotFound { .. } => {
            let next = "check the uri in the job file and the account in the environment, and whether the bucket or container is there";
            Error::input("not_found", tried, place, "nothing there", next)
        }
        object_store::Error::Precondition { .. } => {
            Error::storage("object_changed", tried, place, "it changed while it was read", "run again when whoever writes there is done")
        }
        other => storage::input_trouble(tried, place, other),
    }
}

fn nothing_found(uri_as_written: &str) -> Error {
    let next = "check the uri in the job file, and whether the export or copy has run";
    Error::input("not_found", "finding input files", uri_as_written, "nothing there", next)
}

/// Sorts an I/O error: what is missing or damaged is `Input` (exit 3), all else `Storage` (exit 5).
pub fn io_trouble(tried: &str, place: impl std::fmt::Display, error: &io::Error) -> Error {
    if let Some(failed) = error.get_ref().and_then(|e| e.downcast_ref::<Failed>()) {
        return store_trouble(tried, &place.to_string(), &failed.0);
    }
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::input("not_found", tried, place, "nothing there", "check the path in the job file, and whether the file was moved or removed")
        }
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            Error::input("damaged_file", tried, place, error, "the file is damaged or cut short: fetch it again")
        }
        _ => Error::storage("storage", tried, place, error, "check access rights and the disk or mount, then run again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relatives(uri: &str) -> Vec<String> {
        list(uri, "written").map(|v| v.into_iter().map(|f| f.relative).collect()).unwrap_or_default()
    }

    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/two.csv", "b/_hidden.csv", "a/one.csv", "a/.dot", "top.csv", "_tmp/x.csv", "a-b/three.csv", "odd[1].csv"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        dir
    }

    #[test]
    fn folders_globs_and_files_are_listed_in_byte_order() {
        let dir = tree();
        let root = dir.path().to_str().unwrap();
        assert_eq!(relatives(root), ["a-b/three.csv", "a/one.csv", "b/two.csv", "odd[1].csv", "top.csv"]);
        assert_eq!(relatives(&format!("{root}/")), relatives(root));
        assert_eq!(relatives(&format!("{root}/*/*.csv")), ["a-b/three.csv", "a/one.csv", "b/two.csv"]);
        assert_eq!(relatives(&format!("{root}/a/*.csv")), ["one.csv"]);
        assert_eq!(relatives(&format!("{root}/*.csv")), ["odd[1].csv", "top.csv"], "* stays inside a folder");
        assert_eq!(relatives(&format!("{root}/**/o*.csv")), ["a/one.csv", "odd[1].csv"]);
        assert_eq!(relatives(&format!("{root}/odd[1].csv")), ["odd[1].csv"], "a name that exists is no glob");
        assert_eq!(relatives(&format!("{root}/b/_hidden.csv")), ["_hidden.csv"], "a file that is named is taken");
    }

    #[test]
    fn names_are_shown_as_written() {
        let dir = tree();
        let root = dir.path().to_str().unwrap();
        let shown = |uri: &str, written: &str| list(uri, written).unwrap().remove(0).name;
        assert_eq!(shown(&format!("{root}/a"), "in/a/"), "in/a/one.csv");
        assert_eq!(shown(&format!("{root}/*/one.csv"), "in/*/one.csv"), "in/a/one.csv");
        assert_eq!(shown(&format!("{root}/*/one.csv"), "*/one.csv"), "a/one.csv");
        assert_eq!(shown(&format!("{root}/top.csv"), "in/top.csv"), "in/top.csv");
    }

    #[test]
    fn what_is_not_there_is_an_input_error_and_a_bad_glob_is_usage() {
        let dir = tree();
        let root = dir.path().to_str().unwrap();
        assert_eq!(list(&format!("{root}/none"), "none").unwrap_err().exit_code(), 3);
        assert_eq!(list(&format!("{root}/*.parquet"), "*.parquet").unwrap_err().exit_code(), 3);
        assert_eq!(list(&format!("{root}/a{{"), "a{").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn equal_content_hashes_equal() {
        let dir = tree();
        let path = dir.path().join("top.csv");
        assert_eq!(content_hash(&path).unwrap(), blake3::hash(b"top.csv").to_hex().to_string());
        assert_eq!(content_hash(&dir.path().join("nope")).unwrap_err().exit_code(), 3);
    }
}
