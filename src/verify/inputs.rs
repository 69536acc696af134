//! Everything a past run knew, again: from what was kept, or from the files that are there now if they are the same.

use std::collections::BTreeSet;
use std::path::Path;

use pecan_core::time::RawInstant;

use super::find::{Places, Wanted, charge_files, find, other_files};
use crate::error::Result;
use crate::job::{AuditSource, Job, KeepInputs, Reference, ReferenceFile};
use crate::kept::Kept;
use crate::known::Known;
use crate::past_run::{GroupThen, InputThen, PastRun};
use crate::source::{ChargeFile, ChargeGroup};
use crate::storage::disk;
use crate::store::Location;
use crate::told::ReferenceThen;

/// Names of inputs that are gone.
pub type Gone = BTreeSet<String>;

/// The job as it was: its rules and carried columns; it reads from where today's job does.
pub fn job_then(job: &Job, run: &PastRun) -> Job {
    let mut then = job.clone();
    then.rules = run.job.rules.clone();
    then.cutoff = run.job.cutoff.map(RawInstant);
    then.output.carry = run.job.carry.clone();
    then.output.keep_inputs = KeepInputs::None;
    then
}

/// Audit log and reference tables as that run knew them; kept reference files are unpacked below `scratch`.
/// # Errors
/// `Storage`; `Input` if what was readable then is no longer so for this version of the program.
pub fn known_then(job: &Job, run: &PastRun, kept: &Kept, scratch: &Path) -> Result<std::result::Result<Known, Gone>> {
    let mut gone = Gone::new();
    let audit = run.audit.read(kept);
    if audit.is_none() {
        gone.insert("the kept audit log".to_owned());
    }
    let places = if needs_files(run) { find(&wanted(run, kept), other_files(job)?)? } else { Places::new() };
    let reference = reference_then(run, kept, &places, scratch, &mut gone)?;
    let mut then = job_then(job, run);
    then.reference = reference;
    let Some((audit, files)) = audit else { return Ok(Err(gone)) };
    if run.audit.records_kept {
        return if gone.is_empty() { Known::of_audit(&then, audit, files, false).map(Ok) } else { Ok(Err(gone)) };
    }
    then.audit.clear();
    for file in &files.files {
        let format = job.audit.iter().find(|source| source.name == file.source).or(job.audit.first()).map(|source| source.format);
        match (places.get(&file.hash), format) {
            (Some(at), Some(format)) => {
                let uri = at.uri();
                then.audit.push(AuditSource { name: file.source.clone(), uri, uri_as_written: file.name.clone(), format });
            }
            _ => drop(gone.insert(file.name.clone())),
        }
    }
    if gone.is_empty() { Known::read(&then).map(Ok) } else { Ok(Err(gone)) }
}

fn needs_files(run: &PastRun) -> bool {
    !run.audit.records_kept || run.reference.iter().any(|file| file.content.is_none())
}

fn wanted(run: &PastRun, kept: &Kept) -> BTreeSet<Wanted> {
    let mut wanted: BTreeSet<Wanted> =
        run.reference.iter().filter(|file| file.content.is_none()).map(|file| Wanted { hash: file.hash.clone(), bytes: file.bytes }).collect();
    if !run.audit.records_kept {
        let files = run.audit.read(kept).map(|(_, files)| files.files).unwrap_or_default();
        wanted.extend(files.into_iter().map(|file| Wanted { hash: file.hash, bytes: file.bytes }));
    }
    wanted
}

fn reference_then(run: &PastRun, kept: &Kept, places: &Places, scratch: &Path, gone: &mut Gone) -> Result<Reference> {
    let mut reference = Reference::default();
    for (index, file) in run.reference.iter().enumerate() {
        let at = match &file.content {
            None => places.get(&file.hash).cloned(),
            Some(pieces) => match pieces.read(kept).filter(|content| blake3::hash(content).to_hex().as_str() == file.hash) {
                None => None,
                Some(content) => {
                    let path = scratch.join(format!("{index}")).join(&file.file);
                    let written = std::fs::create_dir_all(path.parent().unwrap_or(scratch)).and_then(|()| std::fs::write(&path, content));
                    written.map_err(|e| disk::trouble("unpacking a kept reference file", &path, &e))?;
                    Some(path.into())
                }
            },
        };
        let of_table = reference.table(&file.table);
        match (at, of_table) {
            (Some(at), Some((table, files))) => files.push(reference_file(file, table, &at)),
            _ => drop(gone.insert(file.name.clone())),
        }
    }
    Ok(reference)
}

fn reference_file(file: &ReferenceThen, table: &'static str, at: &Location) -> ReferenceFile {
    ReferenceFile {
        table,
        uri: at.uri(),
        uri_as_written: file.name.clone(),
        snapshot_at: file.listed_at.map(RawInstant),
        snapshot_scope: file.complete_for.clone(),
        pattern: None,
    }
}

/// The groups that run wrote, with their files where they are now.
/// # Errors
/// `Storage`.
pub fn groups_then(job: &Job, run: &PastRun) -> Result<std::result::Result<Vec<ChargeGroup>, Gone>> {
    let inputs = || run.groups.iter().flat_map(|group| &group.inputs);
    let wanted: BTreeSet<Wanted> = inputs().map(|file| Wanted { hash: file.hash.clone(), bytes: file.bytes }).collect();
    if wanted.is_empty() {
        return Ok(Ok(run.groups.iter().map(|group| group_of(group, &Places::new())).collect()));
    }
    let places = find(&wanted, charge_files(job)?)?;
    let gone: Gone = inputs().filter(|file| !places.contains_key(&file.hash)).map(name_of).collect();
    Ok(if gone.is_empty() { Ok(run.groups.iter().map(|group| group_of(group, &places)).collect()) } else { Err(gone) })
}

fn name_of(file: &InputThen) -> String {
    match &file.run {
        Some(run) => format!("{} (export run {run})", file.place),
        None => file.place.clone(),
    }
}

fn group_of(group: &GroupThen, places: &Places) -> ChargeGroup {
    let file = |input: &InputThen| ChargeFile {
        at: places.get(&input.hash).cloned().unwrap_or_else(|| "".into()),
        source_file: input.file.clone(),
        source_run: input.run.clone(),
        place: input.place.clone(),
        bytes: input.bytes,
        hash: input.hash.clone(),
        kind: input.kind,
        expected_rows: input.expected_rows,
    };
    ChargeGroup { source: 0, group_id: group.group.clone(), files: group.inputs.iter().map(file).collect(), days: None }
}

/// A past run whose record cannot be read.
pub fn record_gone(run: &str) -> Gone {
    Gone::from([format!("_pecan/{}", Kept::run_name(run))])
}
