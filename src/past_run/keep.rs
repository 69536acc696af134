//! Keeping the record of a run, and what it refers to, before its commit.

use std::collections::BTreeSet;

use super::{FORM, GroupThen, JobThen, OtherGroup, PastRun, WholeThen};
use crate::commit::Staged;
use crate::error::{Error, Result};
use crate::job::{Job, KeepInputs};
use crate::kept::{Cutter, Kept, Pieces};
use crate::known::Known;
use crate::plan::State;
use crate::receipt::Receipt;
use crate::schema::Table;
use crate::told::{keep_audit, keep_reference};

/// A run under way, as far as its record goes.
#[derive(Default)]
pub struct Draft {
    /// Groups written so far.
    pub groups: Vec<GroupThen>,
    /// Hash and rows of every table that is replaced whole.
    pub whole: Vec<(Table, String, u64)>,
}

/// What else the record needs.
pub struct Setting<'a> {
    /// The run.
    pub run_id: &'a str,
    /// The job.
    pub job: &'a Job,
    /// Everything known but the charges.
    pub known: &'a Known,
    /// The tables before the run.
    pub state: &'a State,
    /// Files to add and remove.
    pub staged: &'a Staged,
    /// Receipts of all groups whose output is live after the run, and how many groups have none.
    pub after: (&'a [Receipt], usize),
}

impl Draft {
    /// Keeps the inputs, and the record of the run. The answer names reference files that changed since they were read.
    /// # Errors
    /// `Storage`.
    pub fn keep(&mut self, kept: &Kept, setting: &Setting) -> Result<Vec<String>> {
        let (job, known) = (setting.job, setting.known);
        let (reference, changed) = keep_reference(known, kept)?;
        let (receipts, without_receipt) = setting.after;
        let record = PastRun {
            form: FORM,
            id: setting.run_id.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            rules_fingerprint: known.rules_fingerprint.clone(),
            job: JobThen::of(job),
            audit: keep_audit(known, kept)?,
            reference,
            groups: std::mem::take(&mut self.groups),
            others: Pieces::default(),
            without_names: without_receipt as u64,
            whole: self.whole.drain(..).map(|(table, fingerprint, rows)| whole(table, fingerprint, rows, setting)).collect(),
        };
        let others = others(&record, receipts);
        let record = match job.output.keep_inputs {
            KeepInputs::Reference => PastRun { others: keep_others(&others, kept)?, ..record },
            KeepInputs::None => PastRun { without_names: record.without_names + others.len() as u64, ..record },
        };
        let text = serde_json::to_vec(&record).map_err(|e| bug(setting.run_id, &e))?;
        kept.write(&Kept::run_name(setting.run_id), &text)?;
        Ok(changed)
    }
}

fn bug(run: &str, seen: &serde_json::Error) -> Error {
    Error::bug("keep", "writing the record of a run", run, seen, "report this")
}

fn whole(table: Table, fingerprint: String, rows: u64, setting: &Setting) -> WholeThen {
    let before = || setting.state.whole(table).first().map(|file| file.path.clone());
    let path = setting.staged.whole(table).map(|file| file.path.clone()).or_else(before).filter(|_| rows > 0);
    WholeThen { table: table.name().to_owned(), fingerprint, rows, path }
}

/// Receipts of the groups a run left alone, in a lasting order.
fn others<'a>(record: &PastRun, receipts: &'a [Receipt]) -> Vec<&'a Receipt> {
    let written: BTreeSet<(&str, &str)> = record.groups.iter().map(|group| (group.group.as_str(), group.fingerprint.as_str())).collect();
    let is_other = |receipt: &&Receipt| !written.contains(&(receipt.group_id.as_str(), receipt.fingerprint.as_str()));
    let mut others: Vec<&Receipt> = receipts.iter().filter(is_other).collect();
    others.sort_by(|a, b| (&a.group_id, &a.fingerprint).cmp(&(&b.group_id, &b.fingerprint)));
    others
}

fn keep_others(others: &[&Receipt], kept: &Kept) -> Result<Pieces> {
    let mut cutter = Cutter::new(kept);
    for receipt in others {
        let other = OtherGroup { group: receipt.group_id.clone(), days: receipt.days, names: receipt.names.clone() };
        let mut line = serde_json::to_vec(&other).map_err(|e| bug(&receipt.group_id, &e))?;
        line.push(b'\n');
        cutter.take(&line)?;
    }
    cutter.finish()
}
