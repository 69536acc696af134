//! A `uri` of the job file as a local path, or as the address of an object store.

use std::path::{Component, Path, PathBuf};

use super::reading::Placed;
use super::tree::TRIED;
use crate::error::{Error, Result};
use crate::storage;

/// Object stores of the contract.
const STORES: [&str; 8] = ["az", "abfss", "abfs", "adl", "s3", "s3a", "gs", "https"];

/// What a `uri` means: the uri of an object store as it is, or an absolute path (local or `file://`); a relative one starts
/// at `root`.
/// # Errors
/// Usage (exit 2) for unknown schemes, malformed `file://` URIs, and uris of stores that name no bucket or hold a secret.
pub(super) fn resolve(path: &str, placed: &Placed, root: &Path) -> Result<String> {
    let uri = placed.text.value.trim();
    let local = match scheme(uri) {
        Some(("file", rest)) => file_path(rest).ok_or_else(|| {
            let next = "Write file:///absolute/path, with no host and with %XX only for UTF-8 characters.";
            Error::usage("job_location", TRIED, &placed.place, format!("\"{path}\" is {:?}", placed.text.written), next)
        })?,
        Some(("?", _)) => return Err(unknown(path, placed)),
        Some(_) => return in_a_store(path, uri, placed),
        None => uri.to_string(),
    };
    clean(&root.join(local)).into_os_string().into_string().map_err(|lossy| {
        let seen = format!("\"{path}\" leads to {}, whose name is not UTF-8", lossy.to_string_lossy());
        Error::usage("job_location", TRIED, &placed.place, seen, "Move the job to a folder with a UTF-8 name.")
    })
}

/// The message repeats the uri without its query and password, which may be secrets.
fn in_a_store(path: &str, uri: &str, placed: &Placed) -> Result<String> {
    let wildcard = uri.find(['*', '[', '{']).and_then(|at| uri.get(..at)?.rfind('/'));
    let plain = if uri.contains(['?', '#']) { uri } else { uri.get(..wildcard.unwrap_or(uri.len())).unwrap_or(uri) };
    storage::address(plain).map_err(|e| {
        let trouble = e.trouble();
        Error::usage("store_uri", TRIED, &placed.place, format!("\"{path}\" is {}: {}", trouble.place, trouble.seen), trouble.next.as_str())
    })?;
    Ok(uri.trim_end_matches('/').to_owned())
}

/// Scheme in lower case and what follows `://`.
fn scheme(uri: &str) -> Option<(&'static str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    let looks_right = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !looks_right {
        return None;
    }
    let lower = scheme.to_ascii_lowercase();
    let known = STORES.into_iter().chain(["file"]).find(|known| *known == lower);
    Some((known.unwrap_or("?"), rest))
}

/// The message never repeats the URI: a query or user part may hold a secret.
fn unknown(path: &str, placed: &Placed) -> Error {
    let seen = format!("\"{path}\" is a URI of an unknown kind");
    Error::usage(
        "job_location",
        TRIED,
        &placed.place,
        seen,
        "Write a local path, file:///absolute/path, or the uri of an object store (az, abfss, s3, gs, https).",
    )
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
    fn uris_of_stores_stay_as_they_are() {
        for (uri, expect) in [
            ("az://c/x/", "az://c/x"),
            ("abfss://c@a.dfs.core.windows.net/x", "abfss://c@a.dfs.core.windows.net/x"),
            ("s3://b", "s3://b"),
            ("gs://b/{snapshot_at}/*.json", "gs://b/{snapshot_at}/*.json"),
            ("https://a.blob.core.windows.net/c/x y", "https://a.blob.core.windows.net/c/x y"),
        ] {
            assert_eq!(resolved(uri).expect(uri), expect);
        }
    }

    #[test]
    fn other_places_are_refused_without_repeating_secrets() {
        for uri in ["https://a.blob.core.windows.net/c?sig=hunter2", "s3://key:hunter2@b/x", "https://example.com/x", "s3://", "gs://b/x#hunter2"] {
            let error = resolved(uri).expect_err(uri);
            assert_eq!((error.exit_code(), error.trouble().code), (2, "store_uri"));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for uri in ["ftp://x/y", "file://host/x", "file:///x%zz", "file:///x%ff"] {
            assert_eq!(resolved(uri).expect_err(uri).trouble().code, "job_location");
        }
    }
}
