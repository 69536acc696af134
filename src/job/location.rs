//! A `uri` of the job file as a local path.

use std::path::{Component, Path, PathBuf};

use super::reading::Placed;
use super::tree::TRIED;
use crate::error::{Error, Result};

/// Object stores of the contract: outputs may be there, inputs are read from local paths so far.
const LATER: [&str; 8] = ["az", "abfss", "abfs", "adl", "s3", "s3a", "gs", "https"];

/// The absolute path a `uri` means: local, or `file://`; a relative one starts at `root`.
/// # Errors
/// Usage (exit 2) for object stores (not in this version), unknown schemes and malformed `file://` URIs.
pub(super) fn resolve(path: &str, placed: &Placed, root: &Path) -> Result<String> {
    let uri = placed.text.value.trim();
    let local = match scheme(uri) {
        Some(("file", rest)) => file_path(rest).ok_or_else(|| {
            let next = "Write file:///absolute/path, with no host and with %XX only for UTF-8 characters.";
            Error::usage("job_location", TRIED, &placed.place, format!("\"{path}\" is {:?}", placed.text.written), next)
        })?,
        Some((scheme, _)) => return Err(not_local(path, scheme, placed)),
        None => uri.to_string(),
    };
    clean(&root.join(local)).into_os_string().into_string().map_err(|lossy| {
        let seen = format!("\"{path}\" leads to {}, whose name is not UTF-8", lossy.to_string_lossy());
        Error::usage("job_location", TRIED, &placed.place, seen, "Move the job to a folder with a UTF-8 name.")
    })
}

/// As [`resolve`], for a place that may also be in an object store: its uri is then handed on as it is.
/// # Errors
/// As [`resolve`], but for object stores.
pub(super) fn resolve_output(path: &str, placed: &Placed, root: &Path) -> Result<String> {
    let uri = placed.text.value.trim();
    match scheme(uri) {
        Some((scheme, _)) if LATER.contains(&scheme) => Ok(uri.trim_end_matches('/').to_owned()),
        _ => resolve(path, placed, root),
    }
}

/// Scheme in lower case and what follows `://`.
fn scheme(uri: &str) -> Option<(&'static str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    let looks_right = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !looks_right {
        return None;
    }
    let lower = scheme.to_ascii_lowercase();
    let known = LATER.into_iter().chain(["file"]).find(|known| *known == lower);
    Some((known.unwrap_or("?"), rest))
}

/// The message never repeats the URI: a query or user part may hold a secret.
fn not_local(path: &str, scheme: &str, placed: &Placed) -> Error {
    if scheme == "?" {
        let seen = format!("\"{path}\" is a URI of an unknown kind");
        return Error::usage("job_location", TRIED, &placed.place, seen, "Write a local path or file:///absolute/path.");
    }
    let next = "Inputs in object stores are not in this version yet: only local paths and file://. Copy or mount the files and name the folder.";
    Error::usage("job_not_yet", TRIED, &placed.place, format!("\"{path}\" is in an object store ({scheme}://)"), next)
}

/// `localhost/a%20b` or `/a%20b` → `/a b`.
fn file_path(rest: &str) -> Option<String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return None;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        left = rest;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let hex = std::str::from_utf8(left.get(..2)?).ok().filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        left = left.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

/// Drops `.` and doubled slashes. `..` stays: behind a symbolic link it is not what it looks like.
fn clean(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::{Place, Text};
    use super::*;

    fn resolved(uri: &str) -> Result<String> {
        let text = Text { written: uri.into(), value: uri.into() };
        resolve("output.uri", &Placed { text, place: Place::set("output.uri") }, Path::new("/jobs"))
    }

    #[test]
    fn relative_paths_start_at_the_job_file() {
        for (uri, expect) in [
            ("out/", "/jobs/out"),
            ("./a/./*.csv", "/jobs/a/*.csv"),
            ("../x", "/jobs/../x"),
            ("/data//x/", "/data/x"),
            ("file:///data/a%20b", "/data/a b"),
            ("FILE://localhost/x", "/x"),
        ] {
            assert_eq!(resolved(uri).expect(uri), expect);
        }
    }

    #[test]
    fn other_places_are_refused_without_repeating_secrets() {
        for uri in ["az://c/x", "abfss://c@a.dfs.core.windows.net/x", "s3://b/x", "gs://b/x", "https://a.blob.core.windows.net/c?sig=hunter2"] {
            let error = resolved(uri).expect_err(uri);
            assert_eq!((error.exit_code(), error.trouble().code), (2, "job_not_yet"));
            assert!(error.to_string().contains("only local paths and file://") && !error.to_string().contains("hunter2"), "{error}");
        }
        for uri in ["ftp://x/y", "file://host/x", "file:///x%zz", "file:///x%ff"] {
            assert_eq!(resolved(uri).expect_err(uri).trouble().code, "job_location");
        }
    }
}
