//! Files of a past run, found by the hash of their content wherever the job's sources lie now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::job::Job;
use crate::source;
use crate::store::{self, InputFile, Location};

/// A file that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// BLAKE3 of its content, or its ETag.
    pub hash: String,
    /// Size.
    pub bytes: u64,
}

/// Where files are, by hash.
pub type Places = BTreeMap<String, Location>;

/// Every file below the charges sources of a job; sources that hold nothing now are passed over.
/// # Errors
/// `Storage`.
pub fn charge_files(job: &Job) -> Result<Vec<(Location, u64)>> {
    let mut files: Vec<(Location, u64)> = Vec::new();
    for (index, of_job) in job.charges.iter().enumerate() {
        files.extend(listed(store::list(&of_job.uri, &of_job.uri_as_written))?);
        // Blobs may lie beside the folder of their manifests; a manifest in trouble hides only those.
        let located = match source::locate(index, of_job) {
            Err(error @ Error::Storage(_)) => return Err(error),
            other => other.map(|found| found.groups).unwrap_or_default(),
        };
        files.extend(located.into_iter().flat_map(|group| group.files).map(|file| (file.at, file.bytes)));
    }
    Ok(files)
}

/// Every audit and reference file of a job.
/// # Errors
/// `Storage`.
pub fn other_files(job: &Job) -> Result<Vec<(Location, u64)>> {
    let mut files = Vec::new();
    for source in &job.audit {
        files.extend(listed(store::list(&source.uri, &source.uri_as_written))?);
    }
    for file in job.reference.read_by_runs() {
        files.extend(listed(store::list(&file.uri, &file.uri_as_written))?);
    }
    Ok(files)
}

fn listed(found: Result<Vec<InputFile>>) -> Result<Vec<(Location, u64)>> {
    match found {
        Ok(files) => Ok(files.into_iter().map(|file| (file.at, file.bytes)).collect()),
        Err(error @ Error::Storage(_)) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// Those of the files that are wanted. Only files of a size that is wanted are hashed.
/// # Errors
/// As [`store::hash_of`].
pub fn find(wanted: &BTreeSet<Wanted>, files: Vec<(Location, u64)>) -> Result<Places> {
    let mut by_size: HashMap<u64, BTreeSet<&str>> = HashMap::new();
    for file in wanted {
        by_size.entry(file.bytes).or_default().insert(&file.hash);
    }
    let sized = files.into_iter().filter(|(_, bytes)| by_size.contains_key(bytes));
    let candidates: BTreeMap<String, Location> = sized.map(|(at, _)| (at.text().into_owned(), at)).collect();
    let all: BTreeSet<&str> = wanted.iter().map(|file| file.hash.as_str()).collect();
    let of_content = all.iter().any(|hash| !hash.starts_with(store::ETAG));
    let known = |at: Location| -> Result<(String, Location)> {
        let told = store::fingerprint(&at)?;
        if all.contains(told.as_str()) || !of_content || at.path().is_some() {
            return Ok((told, at));
        }
        // Files that were read as a whole are known by their content wherever they lie.
        store::hash_of(&at).map(|hash| (hash, at))
    };
    let found: Vec<(String, Location)> = candidates.into_values().collect::<Vec<_>>().into_par_iter().map(known).collect::<Result<_>>()?;
    let mut places = Places::new();
    for (hash, at) in found.into_iter().filter(|(hash, _)| all.contains(hash.as_str())) {
        places.entry(hash).or_insert(at);
    }
    Ok(places)
}
