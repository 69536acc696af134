//! Records of runs and pieces of inputs that no run needs.
//!
//! A record is needed while a row of `run`, or a live file, names its run; a piece while a record refers to it. Pieces are
//! listed before records are read, and a run that needs a piece no row's record refers to writes it again: a run beside this loses
//! nothing.

use std::collections::BTreeSet;

use super::files;
use super::report::Receipts;
use super::{MaintainOptions, Survey, delete_as_found, is_old};
use crate::error::Result;
use crate::kept::{INPUTS, Kept, RUNS};
use crate::past_run::PastRun;
use crate::sink::Output;
use crate::stage::OWN_FOLDER;
use crate::storage::Entry;

/// Deletes what is old and not needed.
pub(super) fn sweep(output: &Output, surveys: &[Survey], options: &MaintainOptions) -> Result<Receipts> {
    let pieces = files::below_own(output.storage(), INPUTS)?;
    let records = files::below_own(output.storage(), RUNS)?;
    let runs = output.runs()?;
    let live = surveys.iter().filter_map(|survey| survey.state.as_ref()).flat_map(|state| &state.files).map(|file| file.run.as_str());
    let named: BTreeSet<&str> = runs.iter().map(|row| row.run_id.as_str()).chain(live).collect();
    // With a table unread, nobody knows what is referred to.
    let mut all_read = surveys.iter().all(|survey| survey.not_ours.is_none());
    let mut report = Receipts::default();
    let mut doomed: Vec<Entry> = Vec::new();
    let mut judge = |file: Entry, needed: bool| if !needed && is_old(file.modified, options) { doomed.push(file) } else { report.kept.add(file.bytes) };

    let kept = Kept::of(output.storage());
    let mut needed: BTreeSet<String> = BTreeSet::new();
    for (file, run) in records {
        let stays = !all_read || run.as_deref().is_some_and(|run| named.contains(run)) || !is_old(file.modified, options);
        if let Some(run) = run.filter(|_| stays) {
            match PastRun::read(&kept, &run).ok().flatten() {
                Some(record) => needed.extend(record.pieces().cloned()),
                // What a record refers to that cannot be read here is not known.
                None => all_read = false,
            }
        }
        judge(file, stays);
    }
    for (file, hash) in pieces {
        let stays = !all_read || hash.is_some_and(|hash| needed.contains(&hash));
        judge(file, stays);
    }
    for folder in [RUNS, INPUTS] {
        let below = format!("{OWN_FOLDER}/{folder}");
        let of_folder: Vec<&Entry> = doomed.iter().filter(|file| file.key.starts_with(&below)).collect();
        let deleted = match options.dry_run || of_folder.is_empty() {
            true => of_folder.iter().map(|file| file.bytes).collect(),
            false => delete_as_found(output.storage(), &below, of_folder.into_iter())?,
        };
        report.deleted = report.deleted.and(deleted);
    }
    Ok(report)
}
