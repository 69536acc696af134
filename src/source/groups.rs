//! Groups of charge files: the unit of incremental work (R-AGAIN-1, data-contracts §2).

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::manifest::{self, MANIFEST, Read};
use super::{ChargeFile, ChargeGroup, Discovery, FileKind, Warning, blobs};
use crate::error::{Error, Result};
use crate::job::ChargeSource;
use crate::store::{self, InputFile, Shape};

/// A piece of a group holds at most so many bytes; a larger file is a piece of its own.
const PIECE_BYTES: u64 = 256 << 20;

/// `layout = "export"`: the newest run of every export and month.
pub(super) fn by_manifest(source_index: usize, source: &ChargeSource) -> Result<Discovery> {
    let no_folder = || {
        let next = "name the folder the export writes to, or set layout = \"files\"";
        Error::input("export_root", "looking for export manifests", &source.uri_as_written, "a file or a wildcard", next)
    };
    if !store::may_be_folder(&source.uri) {
        return Err(no_folder());
    }
    let root = store::look(&source.uri, &source.uri_as_written)?;
    if root.shape != Shape::Folder {
        return Err(no_folder());
    }
    let mut discovery = Discovery::default();
    let mut runs = Vec::new();
    let mut passed: BTreeMap<(String, String), u64> = BTreeMap::new();
    let manifests: Vec<&InputFile> = root.files.iter().filter(|f| is_manifest(f)).collect();
    for file in store::in_turn(&manifests, |file| &file.at) {
        match manifest::read(file)? {
            Read::Run(run) => runs.push(*run),
            Read::PassedOver { export, kind } => *passed.entry((export, kind)).or_default() += 1,
        }
    }
    for ((export, kind), count) in passed {
        discovery.passed_over_runs += count;
        discovery.warnings.push(Warning {
            code: "export_passed_over",
            text: format!("export `{export}` under {} is of type {kind}, not ActualCost or Usage: {count} run(s) passed over", source.uri_as_written),
        });
    }
    if runs.is_empty() {
        return Err(nothing(source, discovery.passed_over_runs));
    }
    let (chosen, superseded) = manifest::newest(runs);
    discovery.superseded_runs = superseded;
    for run in &chosen {
        let id = format!("{}/{}@{}/{}", source.name, run.export, short_hash(&run.resource), run.month.month().replace('-', ""));
        if run.blobs.is_empty() {
            discovery.emptied.push((id.clone(), run.run_id.clone().unwrap_or_else(|| run.manifest.relative.clone())));
        }
        discovery.groups.extend(cut(source_index, &id, blobs::files(run, &root)?, run.days));
    }
    Ok(discovery)
}

fn is_manifest(file: &InputFile) -> bool {
    file.relative.rsplit('/').next() == Some(MANIFEST)
}

fn nothing(source: &ChargeSource, passed_over: u64) -> Error {
    let seen = match passed_over {
        0 => format!("no {MANIFEST}: a run without one is incomplete"),
        n => format!("only {n} run(s) of exports that are not of type ActualCost or Usage"),
    };
    Error::input(
        "no_manifest",
        "looking for complete export runs",
        &source.uri_as_written,
        seen,
        "wait for the export to complete, correct the path, or set layout = \"files\" for files without manifests",
    )
}

/// The first 8 hex digits of SHA-256.
fn short_hash(resource: &str) -> String {
    Sha256::digest(resource.as_bytes()).iter().take(4).map(|b| format!("{b:02x}")).collect()
}

/// `layout = "files"`: the charge files of each folder, in name order.
pub(super) fn by_folder(source_index: usize, source: &ChargeSource) -> Result<Discovery> {
    let mut discovery = Discovery::default();
    let mut folders: BTreeMap<String, Vec<ChargeFile>> = BTreeMap::new();
    let (mut others, mut manifests) = (Vec::new(), 0u64);
    for file in store::list(&source.uri, &source.uri_as_written)? {
        let folder = file.relative.rsplit_once('/').map_or("", |(folder, _)| folder).to_string();
        match FileKind::of(&file.relative) {
            Some(kind) => folders.entry(folder).or_default().push(charge_file(file, kind)),
            None if is_manifest(&file) => manifests += 1,
            None => others.push(file.name),
        }
    }
    if folders.is_empty() {
        return Err(Error::input(
            "no_files",
            "looking for charge files",
            &source.uri_as_written,
            "no .parquet, .csv or .csv.gz file",
            "check the path in the job file",
        ));
    }
    if manifests > 0 {
        discovery.warnings.push(Warning {
            code: "manifests_unused",
            text: format!(
                "{} holds {manifests} export manifest(s) that layout = \"files\" does not read: several runs of one month would be added up",
                source.uri_as_written
            ),
        });
    }
    if let Some(first) = others.first() {
        discovery.warnings.push(Warning {
            code: "files_passed_over",
            text: format!("{} file(s) that are neither .parquet nor .csv nor .csv.gz passed over, the first is {first}", others.len()),
        });
    }
    for (folder, files) in folders {
        discovery.groups.extend(cut(source_index, &format!("{}/{folder}", source.name), files, None));
    }
    Ok(discovery)
}

fn charge_file(file: InputFile, kind: FileKind) -> ChargeFile {
    ChargeFile {
        at: file.at,
        source_file: file.relative,
        source_run: None,
        place: file.name,
        bytes: file.bytes,
        hash: String::new(),
        kind,
        expected_rows: None,
    }
}

/// Cuts files, in their order, into pieces numbered from 1.
fn cut(source: usize, id: &str, files: Vec<ChargeFile>, days: Option<(i32, i32)>) -> Vec<ChargeGroup> {
    let mut pieces: Vec<ChargeGroup> = Vec::new();
    let mut held = 0u64;
    for file in files {
        let bytes = file.bytes;
        match pieces.last_mut().filter(|_| held.saturating_add(bytes) <= PIECE_BYTES) {
            Some(piece) => piece.files.push(file),
            None => {
                held = 0;
                pieces.push(ChargeGroup { source, group_id: format!("{id}#{}", pieces.len() + 1), files: vec![file], days });
            }
        }
        held += bytes;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_at_most_256_mib_unless_one_file_is_larger() {
        let file = |mib: u64| ChargeFile {
            at: "x".into(),
            source_file: mib.to_string(),
            source_run: None,
            place: "x".into(),
            bytes: mib << 20,
            hash: String::new(),
            kind: FileKind::Csv,
            expected_rows: None,
        };
        let pieces = cut(0, "s/f", [100, 156, 1, 300, 0, 250, 6, 1].map(file).into(), None);
        let sizes: Vec<Vec<u64>> = pieces.iter().map(|p| p.files.iter().map(|f| f.bytes >> 20).collect()).collect();
        assert_eq!(sizes, [vec![100, 156], vec![1], vec![300], vec![0, 250, 6], vec![1]]);
        assert_eq!(pieces.last().unwrap().group_id, "s/f#5");
        assert!(cut(0, "s/f", Vec::new(), None).is_empty());
    }

    #[test]
    fn a_resource_is_told_by_eight_digits_of_its_sha_256() {
        assert_eq!(short_hash("abc"), "ba7816bf");
    }
}
