//! What a run would write, replace, keep and remove, and why (R-AGAIN-1, R-AGAIN-3).

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::time::Day;

use crate::error::Result;
use crate::job::{Job, RunOptions};
use crate::known::Known;
use crate::receipt::{Receipt, Receipts};
use crate::schema::Table;
use crate::sink::{LiveFile, Output, TableState};
use crate::source::{ChargeGroup, Discovery, discover};

/// The tables that hold the output of groups.
pub const GROUP_TABLES: [Table; 4] = [Table::FactCreditLine, Table::FactCreditDaily, Table::FactAccessDay, Table::Rejection];
/// The tables that are replaced as a whole; `rejection` holds both kinds of files.
pub const WHOLE_TABLES: [Table; 7] =
    [Table::FactAccessInterval, Table::DimCustomer, Table::DimSubscription, Table::DimMeter, Table::DimPartner, Table::DimRole, Table::DimDate];

/// What is to be done with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing changed.
    Keep,
    /// It has no output yet.
    Write,
    /// Its output is replaced whole.
    Replace,
    /// Outside `--from/--until`: not looked at.
    Skip,
    /// Its output is taken out: a newer export run of that month has fewer pieces.
    Remove,
    /// It is gone from the inputs; its output is kept with a warning.
    Orphan,
}

impl Action {
    /// The word in `pecan plan`.
    pub fn word(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Write => "write",
            Action::Replace => "replace",
            Action::Skip => "skip",
            Action::Remove => "remove",
            Action::Orphan => "keep (inputs gone)",
        }
    }
}

/// One group and what is to be done with it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Its id.
    pub group_id: String,
    /// The input; `None` for groups that exist only in the tables.
    pub group: Option<ChargeGroup>,
    /// Fingerprint of all its output rests on.
    pub fingerprint: String,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub why: String,
}

/// Every table as it was when the run began.
pub struct State {
    /// `None`: the table does not exist.
    pub tables: BTreeMap<Table, Option<TableState>>,
}

impl State {
    /// Looks at every table of an output.
    /// # Errors
    /// As [`Output::live`].
    pub fn read(output: &Output) -> Result<State> {
        let tables = GROUP_TABLES.into_iter().chain(WHOLE_TABLES).chain([Table::Run]);
        Ok(State { tables: tables.map(|table| Ok((table, output.live(table)?))).collect::<Result<_>>()? })
    }

    /// The live files of a table.
    pub fn files(&self, table: Table) -> &[LiveFile] {
        self.tables.get(&table).and_then(Option::as_ref).map_or(&[], |state| state.files.as_slice())
    }

    /// The live files of a group in a table.
    pub fn of_group<'a>(&'a self, table: Table, group: &'a str) -> impl Iterator<Item = &'a LiveFile> {
        self.files(table).iter().filter(move |file| file.group == group)
    }

    /// Fingerprints under which a group has live files.
    pub fn fingerprints(&self, group: &str) -> BTreeSet<&str> {
        GROUP_TABLES.iter().flat_map(|table| self.files(*table)).filter(|f| f.group == group).map(|f| f.fingerprint.as_str()).collect()
    }

    /// All live groups.
    pub fn groups(&self) -> BTreeSet<&str> {
        GROUP_TABLES.iter().flat_map(|table| self.files(*table)).map(|f| f.group.as_str()).filter(|group| !group.is_empty()).collect()
    }

    /// Whether the tables hold exactly what the receipt promises.
    fn holds(&self, receipt: &Receipt) -> bool {
        GROUP_TABLES.iter().all(|table| {
            let live: Vec<&LiveFile> = self.of_group(*table, &receipt.group_id).collect();
            let promised = receipt.files.iter().filter(|(name, _)| name == table.name()).count();
            live.len() == promised && live.iter().all(|f| f.fingerprint == receipt.fingerprint && receipt.expects(*table, f.month.as_deref()))
        })
    }
}

/// Groups of all sources, with what was found on the way.
pub struct Found {
    /// Groups with the name of their source.
    pub groups: Vec<ChargeGroup>,
    /// Counts and warnings of all sources.
    pub discovery: Discovery,
}

/// Finds the groups of every charges source of a job.
/// # Errors
/// As [`discover`].
pub fn find_groups(job: &Job) -> Result<Found> {
    let mut found = Found { groups: Vec::new(), discovery: Discovery::default() };
    for (index, source) in job.charges.iter().enumerate() {
        let of_source = discover(index, source)?;
        found.groups.extend(of_source.groups);
        found.discovery.warnings.extend(of_source.warnings);
        found.discovery.superseded_runs += of_source.superseded_runs;
        found.discovery.passed_over_runs += of_source.passed_over_runs;
    }
    Ok(found)
}

/// Fingerprint of everything the output of a group rests on.
fn fingerprint(group: &ChargeGroup, known: &Known) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(text.as_bytes()).update(b"\0");
    };
    part(&known.fingerprint);
    part(&group.group_id);
    for file in &group.files {
        part(&file.source_file);
        part(file.source_run.as_deref().unwrap_or_default());
        part(&file.hash);
    }
    hasher.finalize().to_hex().to_string()
}

/// Decides what to do with every group.
pub fn plan(found: &Found, known: &Known, state: &State, receipts: &Receipts, options: &RunOptions) -> Vec<Planned> {
    let planned = found.groups.iter().map(|group| planned(group, fingerprint(group, known), state, receipts, options));
    let mut all: Vec<Planned> = planned.collect();
    let known_ids: BTreeSet<&str> = found.groups.iter().map(|g| g.group_id.as_str()).collect();
    let bases: BTreeSet<&str> = known_ids.iter().map(|id| base(id)).collect();
    for id in state.groups().into_iter().filter(|id| !known_ids.contains(id)) {
        let (action, why) = if bases.contains(base(id)) {
            (Action::Remove, "the inputs of this folder or month have fewer pieces now")
        } else {
            (Action::Orphan, "its input files are gone; the output is kept")
        };
        let fingerprint = state.fingerprints(id).first().map(|f| (*f).to_owned()).unwrap_or_default();
        all.push(Planned { group_id: id.to_owned(), group: None, fingerprint, action, why: why.to_owned() });
    }
    all
}

/// A group id without the number of its piece.
fn base(id: &str) -> &str {
    id.rsplit_once('#').map_or(id, |(base, _)| base)
}

fn planned(group: &ChargeGroup, fingerprint: String, state: &State, receipts: &Receipts, options: &RunOptions) -> Planned {
    let live = state.fingerprints(&group.group_id);
    let (action, why) = if !is_looked_at(group, &live, receipts, options) {
        (Action::Skip, "its days lie outside --from/--until".to_owned())
    } else {
        let receipt = receipts.read(&fingerprint).filter(|receipt| state.holds(receipt));
        match receipt {
            Some(_) if options.force => (Action::Replace, "--force".to_owned()),
            Some(_) => (Action::Keep, "inputs, audit log, reference tables and rules are unchanged".to_owned()),
            None if live.is_empty() => (Action::Write, "it has no output yet".to_owned()),
            None if live.len() == 1 && live.contains(fingerprint.as_str()) => {
                (Action::Replace, "its output is incomplete: an earlier run was interrupted".to_owned())
            }
            None => (Action::Replace, "its files, the audit log, the reference tables, the rules or the cutoff changed".to_owned()),
        }
    };
    Planned { group_id: group.group_id.clone(), group: Some(group.clone()), fingerprint, action, why }
}

/// Export runs are chosen by the days of the run, other files by their recorded days once known (details 35).
fn is_looked_at(group: &ChargeGroup, live: &BTreeSet<&str>, receipts: &Receipts, options: &RunOptions) -> bool {
    if options.from.is_none() && options.until.is_none() {
        return true;
    }
    let recorded = || live.iter().find_map(|f| receipts.read(f)).and_then(|r| r.days).map(|(first, last)| (first, last.saturating_add(1)));
    match group.days.or_else(recorded) {
        None => true,
        Some((from, until)) => options.from.is_none_or(|Day(f)| f < until) && options.until.is_none_or(|Day(u)| from < u),
    }
}
