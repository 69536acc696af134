//! Manifests of Cost Management exports: which runs there are, and which of them count (R-AGAIN-3, details 11).

use std::collections::BTreeMap;

use pecan_core::time::{Day, RawInstant, parse_day, parse_instant};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::store::{InputFile, io_trouble};

/// The name every manifest has.
pub(super) const MANIFEST: &str = "manifest.json";
/// Largest manifest that is read.
const MANIFEST_BYTES: u64 = 64 << 20;
/// The kinds of export that hold charges as billed.
const KINDS: [&str; 2] = ["ActualCost", "Usage"];

/// One export run, as its manifest tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub manifest: InputFile,
    /// exportConfig.resourceId, lower case.
    pub resource: String,
    pub export: String,
    /// First day of the month of runInfo.startDate.
    pub month: Day,
    pub submitted: RawInstant,
    pub run_id: Option<String>,
    /// startDate until the day after endDate.
    pub days: Option<(i32, i32)>,
    pub blobs: Vec<Blob>,
    /// Rows of the whole run.
    pub rows: Option<u64>,
}

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    /// Path in the container, without a leading slash.
    pub name: String,
    pub rows: Option<u64>,
}

/// What a manifest is to us.
pub(super) enum Read {
    Run(Box<Run>),
    /// Another kind of export.
    PassedOver {
        export: String,
        kind: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    data_row_count: Option<u64>,
    export_config: Option<ExportConfig>,
    run_info: Option<RunInfo>,
    blobs: Option<Vec<FileBlob>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportConfig {
    export_name: Option<String>,
    resource_id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunInfo {
    submitted_time: Option<String>,
    run_id: Option<String>,
    start_date: Option<String>,
    #[serde(rename = "endDate")]
    last_date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileBlob {
    blob_name: Option<String>,
    data_row_count: Option<u64>,
}

/// Reads a manifest.
/// # Errors
/// `Input` naming the manifest and what is missing in it; `Storage` when it cannot be read.
pub(super) fn read(manifest: &InputFile) -> Result<Read> {
    if manifest.bytes > MANIFEST_BYTES {
        return Err(wrong(manifest, format!("{} bytes", manifest.bytes)));
    }
    let bytes = manifest.at.read().map_err(|e| io_trouble("reading an export manifest", &manifest.name, &e))?;
    let text = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&bytes);
    let file: File = serde_json::from_slice(text).map_err(|e| wrong(manifest, e))?;
    interpret(file, manifest)
}

fn interpret(file: File, manifest: &InputFile) -> Result<Read> {
    let lacks = |key: &str| wrong(manifest, format!("no `{key}`"));
    let config = file.export_config.ok_or_else(|| lacks("exportConfig"))?;
    let export = config.export_name.ok_or_else(|| lacks("exportConfig.exportName"))?;
    let kind = config.kind.ok_or_else(|| lacks("exportConfig.type"))?;
    if !KINDS.iter().any(|k| k.eq_ignore_ascii_case(&kind)) {
        return Ok(Read::PassedOver { export, kind });
    }
    let info = file.run_info.ok_or_else(|| lacks("runInfo"))?;
    let start = day(manifest, "runInfo.startDate", info.start_date.as_deref())?;
    let submitted = info.submitted_time.ok_or_else(|| lacks("runInfo.submittedTime"))?;
    let submitted = parse_instant(&submitted).ok_or_else(|| wrong(manifest, format!("runInfo.submittedTime is `{submitted}`")))?;
    // endDate is the last day of data in month-to-date runs; a day too many only widens what --from/--until looks at.
    let until = info.last_date.as_deref().and_then(parse_day).map(|d| d.0.saturating_add(1));
    let blobs = file.blobs.ok_or_else(|| lacks("blobs"))?;
    let first = start.date().map_or(start, |d| Day::from_date(d.first_of_month()));
    Ok(Read::Run(Box::new(Run {
        manifest: manifest.clone(),
        resource: config.resource_id.ok_or_else(|| lacks("exportConfig.resourceId"))?.to_lowercase(),
        export,
        month: first,
        submitted,
        run_id: info.run_id,
        days: until.filter(|u| *u > start.0).map(|u| (start.0, u)),
        blobs: blobs.into_iter().map(|b| Blob { name: b.blob_name.unwrap_or_default().trim_start_matches('/').to_string(), rows: b.data_row_count }).collect(),
        rows: file.data_row_count,
    })))
}

fn day(manifest: &InputFile, key: &str, text: Option<&str>) -> Result<Day> {
    let text = text.ok_or_else(|| wrong(manifest, format!("no `{key}`")))?;
    parse_day(text).ok_or_else(|| wrong(manifest, format!("{key} is `{text}`, no date")))
}

impl Run {
    /// The blobs' names must stay inside the container, none may come twice, and the row counts must add up. Asked only of
    /// the runs that count: superseded ones need not be good.
    /// # Errors
    /// `Input` naming the manifest.
    pub(super) fn check(&self) -> Result<()> {
        let outside = |name: &str| name.contains('\\') || name.split('/').any(|s| matches!(s, "" | "." | ".."));
        if let Some(blob) = self.blobs.iter().find(|b| outside(&b.name)) {
            return Err(wrong(&self.manifest, format!("the blob name `{}`, which is no path below the export", blob.name)));
        }
        let mut names: Vec<&str> = self.blobs.iter().map(|b| b.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w.first() == w.last()).and_then(|w| w.first()) {
            return Err(wrong(&self.manifest, format!("the blob `{twice}` twice")));
        }
        let sum = self.blobs.iter().try_fold(0u64, |sum, b| sum.checked_add(b.rows?));
        match (self.rows, sum) {
            (Some(total), Some(sum)) if total != sum => Err(wrong(&self.manifest, format!("blobs of {sum} rows together where dataRowCount says {total}"))),
            _ => Ok(()),
        }
    }
}

pub(super) fn wrong(manifest: &InputFile, seen: impl std::fmt::Display) -> Error {
    Error::input("manifest", "reading an export manifest", &manifest.name, seen, "copy the export again, or take this manifest out of the input")
}

/// Of the runs for one scope, export and month the newest: greatest submitted time, then greatest run id (details 11).
/// Gives the runs in order of export and month, and how many were superseded.
pub(super) fn newest(runs: Vec<Run>) -> (Vec<Run>, u64) {
    let total = runs.len() as u64;
    let mut chosen: BTreeMap<(String, String, Day), Run> = BTreeMap::new();
    // The manifest's place only decides between copies of one run.
    let rank = |r: &Run| (r.submitted, r.run_id.clone(), std::cmp::Reverse(r.manifest.relative.clone()));
    for run in runs {
        let key = (run.export.clone(), run.resource.clone(), run.month);
        match chosen.get(&key) {
            Some(known) if rank(known) >= rank(&run) => {}
            _ => {
                chosen.insert(key, run);
            }
        }
    }
    let superseded = total - chosen.len() as u64;
    (chosen.into_values().collect(), superseded)
}
