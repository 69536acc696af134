//! From the blobs a manifest lists to files on disk and their lasting names (details 1, 11).

use std::collections::HashMap;

use pecan_core::time::Day;

use super::charges::ChargeReader;
use super::manifest::{Run, wrong};
use super::{ChargeFile, FileKind};
use crate::error::{Error, Result};
use crate::store::{InputFile, Listing};

/// The files of a run, in manifest order; content hashes are still to be filled in.
/// # Errors
/// `Input` for a blob that is missing or of an unknown format, and for row counts that disagree.
pub(super) fn files(run: &Run, root: &Listing) -> Result<Vec<ChargeFile>> {
    run.check()?;
    let mut files = Vec::with_capacity(run.blobs.len());
    for blob in &run.blobs {
        let kind = FileKind::of(&blob.name).ok_or_else(|| wrong(&run.manifest, format!("the blob `{}`, neither .parquet nor .csv nor .csv.gz", blob.name)))?;
        let InputFile { at, name: place, bytes, .. } = find(&blob.name, run, root)?;
        let source_file = format!("{}/{}/{}", run.export, range(&blob.name, run), file_name(&blob.name));
        files.push(ChargeFile { at, source_file, source_run: run.run_id.clone(), place, bytes, hash: String::new(), kind, expected_rows: blob.rows });
    }
    tell_apart(run, &mut files)?;
    fill_counts(run, &mut files)?;
    Ok(files)
}

/// At the container root (the source's uri), else at the longest tail of the name that exists under it, else beside the
/// manifest. The second is the first with nothing cut off.
fn find(blob: &str, run: &Run, root: &Listing) -> Result<InputFile> {
    let starts = std::iter::once(0).chain(blob.match_indices('/').map(|(at, _)| at + 1));
    let folder = run.manifest.relative.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let beside = format!("{folder}{}", file_name(blob));
    for tail in starts.filter_map(|at| blob.get(at..)).chain([beside.as_str()]) {
        if let Some(found) = root.find(tail)? {
            return Ok(found);
        }
    }
    Err(Error::input(
        "blob_missing",
        "finding the files of an export run",
        &run.manifest.name,
        format!("no blob `{blob}` under {} or beside the manifest", root.written),
        "copy the whole run, or wait until the copy is complete",
    ))
}

fn file_name(blob: &str) -> &str {
    blob.rsplit('/').next().unwrap_or(blob)
}

/// The folder `yyyymmdd-yyyymmdd` of the blob or its manifest; failing both the month of the run, which lasts as long.
fn range(blob: &str, run: &Run) -> String {
    let folders = |path: &str| path.split('/').rev().skip(1).find(|s| is_range(s)).map(str::to_string);
    folders(blob).or_else(|| folders(&run.manifest.relative)).unwrap_or_else(|| month(run.month))
}

fn is_range(segment: &str) -> bool {
    let digits = |part: &str| part.len() == 8 && part.bytes().all(|b| b.is_ascii_digit());
    segment.split_once('-').is_some_and(|(from, until)| digits(from) && digits(until))
}

fn month(first: Day) -> String {
    first.date().map_or_else(|| "unknown".to_string(), |d| format!("{0}-{1}", d.first_of_month().strftime("%Y%m%d"), d.last_of_month().strftime("%Y%m%d")))
}

/// Two blobs of one file name keep more of their path, so that no two lines share a name.
fn tell_apart(run: &Run, files: &mut [ChargeFile]) -> Result<()> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for file in files.iter() {
        *counts.entry(file.source_file.clone()).or_default() += 1;
    }
    for (file, blob) in files.iter_mut().zip(&run.blobs) {
        if counts.get(&file.source_file).is_some_and(|n| *n > 1) {
            file.source_file = format!("{}/{}", run.export, blob.name);
        }
    }
    let mut places: Vec<_> = files.iter().map(|f| f.at.text()).collect();
    places.sort_unstable();
    match places.windows(2).find(|w| w.first() == w.last()).and_then(|w| w.first()) {
        Some(twice) => Err(wrong(&run.manifest, format!("two blobs that both lie at {twice}"))),
        None => Ok(()),
    }
}

/// Where the manifest gives only the total, the blobs are counted against it here; otherwise each is on reading.
fn fill_counts(run: &Run, files: &mut [ChargeFile]) -> Result<()> {
    let Some(total) = run.rows.filter(|_| files.iter().any(|f| f.expected_rows.is_none())) else { return Ok(()) };
    let mut sum = 0u64;
    for file in files.iter_mut() {
        let rows = match file.expected_rows {
            Some(rows) => rows,
            None => count(file)?,
        };
        file.expected_rows = Some(rows);
        sum = sum.saturating_add(rows);
    }
    if sum == total { Ok(()) } else { Err(wrong(&run.manifest, format!("files of {sum} rows together where dataRowCount says {total}"))) }
}

fn count(file: &ChargeFile) -> Result<u64> {
    let mut reader = ChargeReader::open(file, &[])?;
    let mut rows = 0;
    while let Some(batch) = reader.next()? {
        rows += batch.rows() as u64;
    }
    Ok(rows)
}
