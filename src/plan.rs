//! What a run would write, replace, keep and remove, and why (R-AGAIN-1, R-AGAIN-3).

mod why;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use pecan_core::time::Day;
use rayon::prelude::*;

use self::why::Judgement;
use crate::error::Result;
use crate::job::{Job, RunOptions};
use crate::receipt::{Receipt, Receipts};
use crate::schema::Table;
use crate::sink::{LiveFile, Output, RunRow, TableState, closed_months};
use crate::slice::Slicer;
use crate::source::{ChargeGroup, Discovery, discover};

/// The tables that hold the output of groups.
pub const GROUP_TABLES: [Table; 4] = [Table::FactCreditLine, Table::FactCreditDaily, Table::FactAccessDay, Table::Rejection];
/// The tables that are replaced as a whole; `rejection` holds both kinds of files.
pub const WHOLE_TABLES: [Table; 7] =
    [Table::FactAccessInterval, Table::DimCustomer, Table::DimSubscription, Table::DimMeter, Table::DimPartner, Table::DimRole, Table::DimDate];

/// The tables that only month end writes.
pub const MONTH_TABLES: [Table; 2] = [Table::FactDifference, Table::FactAdjustment];

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
    /// Its output is taken out: a newer export run of that month has fewer pieces or none, or its inputs are gone and
    /// `--prune` was given.
    Remove,
    /// It is gone from the inputs; its output is kept with a warning.
    Orphan,
    /// There is news about it, and all it says is of closed months (R-AGAIN-5).
    Closed,
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
            Action::Closed => "keep (closed)",
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
    /// Fingerprint of all the output that is there rests on; empty if there is none.
    pub fingerprint: String,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub why: String,
    /// What changed, where that is why: `content`, or words of [`crate::slice::Part`].
    pub parts: Vec<&'static str>,
}

/// Every table as it was when the run began.
pub struct State {
    /// `None`: the table does not exist.
    pub tables: BTreeMap<Table, Option<TableState>>,
    /// Every row of `run`.
    pub runs: Vec<RunRow>,
    /// Months that are closed: their files are never touched.
    pub closed: BTreeSet<String>,
    /// Places of the live files of each group of the group tables, but for closed months.
    by_group: HashMap<String, Vec<(Table, usize)>>,
    /// Those of closed months.
    frozen: HashMap<String, Vec<(Table, usize)>>,
}

impl State {
    /// Looks at every table of an output.
    /// # Errors
    /// As [`Output::live`].
    pub fn read(output: &Output) -> Result<State> {
        State::read_tables(output, GROUP_TABLES.into_iter().chain(WHOLE_TABLES).chain([Table::Run]))
    }

    /// The same with the tables of month end.
    /// # Errors
    /// As [`Output::live`].
    pub fn read_with_months(output: &Output) -> Result<State> {
        State::read_tables(output, GROUP_TABLES.into_iter().chain(WHOLE_TABLES).chain(MONTH_TABLES).chain([Table::Run]))
    }

    fn read_tables(output: &Output, all: impl Iterator<Item = Table>) -> Result<State> {
        let tables: BTreeMap<Table, Option<TableState>> = all.map(|table| Ok((table, output.live(table)?))).collect::<Result<_>>()?;
        let runs = output.runs_at(tables.get(&Table::Run).and_then(Option::as_ref))?;
        let mut state = State { tables, closed: closed_months(&runs), runs, by_group: HashMap::new(), frozen: HashMap::new() };
        for table in GROUP_TABLES {
            let files: Vec<(String, bool)> = state.files(table).iter().map(|file| (file.group.clone(), state.is_closed(file.month.as_deref()))).collect();
            for (at, (group, closed)) in files.into_iter().enumerate().filter(|(_, (group, _))| is_of_charges(group)) {
                let places = if closed { &mut state.frozen } else { &mut state.by_group };
                places.entry(group).or_default().push((table, at));
            }
        }
        Ok(state)
    }

    /// Whether a month is closed; a table without months never is.
    pub fn is_closed(&self, month: Option<&str>) -> bool {
        month.is_some_and(|month| self.closed.contains(month))
    }

    /// The live files of a group in closed months.
    pub fn frozen_files<'a>(&'a self, group: &str) -> impl Iterator<Item = (Table, &'a LiveFile)> {
        self.frozen.get(group).into_iter().flatten().filter_map(|(table, at)| Some((*table, self.files(*table).get(*at)?)))
    }

    /// Fingerprints under which a group has files in closed months.
    pub fn frozen<'a>(&'a self, group: &str) -> BTreeSet<&'a str> {
        self.frozen_files(group).map(|(_, file)| file.fingerprint.as_str()).collect()
    }

    /// All groups with files in closed months.
    pub fn frozen_groups(&self) -> BTreeSet<&str> {
        self.frozen.keys().map(String::as_str).collect()
    }

    /// The live files of a table.
    pub fn files(&self, table: Table) -> &[LiveFile] {
        self.tables.get(&table).and_then(Option::as_ref).map_or(&[], |state| state.files.as_slice())
    }

    /// The live files of the tables that are replaced as a whole, or their part of `rejection`.
    pub fn whole(&self, table: Table) -> Vec<LiveFile> {
        self.files(table).iter().filter(|file| file.group.is_empty()).cloned().collect()
    }

    /// The live files of a group.
    pub fn of_group<'a>(&'a self, group: &str) -> impl Iterator<Item = (Table, &'a LiveFile)> {
        self.by_group.get(group).into_iter().flatten().filter_map(|(table, at)| Some((*table, self.files(*table).get(*at)?)))
    }

    /// Fingerprints under which a group has live files.
    pub fn fingerprints<'a>(&'a self, group: &str) -> BTreeSet<&'a str> {
        self.of_group(group).map(|(_, file)| file.fingerprint.as_str()).collect()
    }

    /// All live groups.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.by_group.keys().map(String::as_str).collect()
    }

    /// Whether all output of a group that has months is of closed ones. Its rejections, which have none, are no reason to settle it.
    fn is_left_alone(&self, group: &ChargeGroup) -> bool {
        let open = self.of_group(&group.group_id).any(|(table, _)| table.partitioned());
        !open && (!self.frozen(&group.group_id).is_empty() || self.covers(group))
    }

    /// Whether every day of a group, as far as its days are known, lies in a closed month.
    fn covers(&self, group: &ChargeGroup) -> bool {
        group.days.is_some_and(|(from, until)| from < until && (from..until).all(|day| self.closed.contains(&Day(day).month())))
    }

    /// Whether the tables hold exactly what the receipt promises.
    fn holds(&self, receipt: &Receipt) -> bool {
        let mut live = self.of_group(&receipt.group_id);
        let expected = live.all(|(table, f)| f.fingerprint == receipt.fingerprint && receipt.expects(table, f.month.as_deref()));
        let count = |of: Table| self.of_group(&receipt.group_id).filter(|(table, _)| *table == of).count();
        let open = |month: &Option<String>| !self.is_closed(month.as_deref());
        let promised = |of: Table| receipt.files.iter().filter(|(name, month)| name == of.name() && open(month)).count();
        // What was withheld from a month that is open again is missing.
        receipt.withheld.iter().all(|month| self.closed.contains(month)) && expected && GROUP_TABLES.iter().all(|table| count(*table) == promised(*table))
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
        found.discovery.emptied.extend(of_source.emptied);
        found.discovery.superseded_runs += of_source.superseded_runs;
        found.discovery.passed_over_runs += of_source.passed_over_runs;
    }
    Ok(found)
}

/// Decides what to do with every group.
pub fn plan(found: &Found, slicer: &Slicer, state: &State, receipts: &Receipts, options: &RunOptions) -> Vec<Planned> {
    let mut all: Vec<Planned> = found.groups.par_iter().map(|group| planned(group, slicer, state, receipts, options)).collect();
    let known_ids: BTreeSet<&str> = found.groups.iter().map(|g| g.group_id.as_str()).collect();
    let bases: BTreeSet<&str> = known_ids.iter().map(|id| base(id)).collect();
    let emptied: BTreeMap<&str, &str> = found.discovery.emptied.iter().map(|(id, run)| (id.as_str(), run.as_str())).collect();
    for id in state.groups().into_iter().filter(|id| !known_ids.contains(id)) {
        let live = state.fingerprints(id);
        let (action, why) = if bases.contains(base(id)) {
            (Action::Remove, "the inputs of this folder or month have fewer pieces now".to_owned())
        } else if let Some(run) = emptied.get(base(id)) {
            (Action::Remove, format!("superseded by run {run}, which has no files"))
        } else if !options.prune {
            (Action::Orphan, "its input files are gone; the output is kept (--prune takes it out)".to_owned())
        } else if is_looked_at(None, &live, receipts, options) {
            (Action::Remove, "its input files are gone (--prune)".to_owned())
        } else {
            (Action::Skip, SKIPPED.to_owned())
        };
        let fingerprint = live.first().map(|f| (*f).to_owned()).unwrap_or_default();
        all.push(Planned { group_id: id.to_owned(), group: None, fingerprint, action, why, parts: Vec::new() });
    }
    all
}

const SKIPPED: &str = "its days lie outside --from/--until";

/// Whether files of this group are the output of charge files: ids of such groups number their pieces, those of month end do not.
fn is_of_charges(group: &str) -> bool {
    group.contains('#')
}

/// Whether a group that the inputs hold no longer was taken the place of: by fewer pieces, or by a run without files.
pub fn is_superseded(id: &str, found: &Found) -> bool {
    found.groups.iter().any(|group| base(&group.group_id) == base(id)) || found.discovery.emptied.iter().any(|(emptied, _)| base(emptied) == base(id))
}

/// A group id without the number of its piece.
fn base(id: &str) -> &str {
    id.rsplit_once('#').map_or(id, |(base, _)| base)
}

fn planned(group: &ChargeGroup, slicer: &Slicer, state: &State, receipts: &Receipts, options: &RunOptions) -> Planned {
    let live = state.fingerprints(&group.group_id);
    let judgement = if !is_looked_at(group.days, &live, receipts, options) {
        Judgement::new(Action::Skip, live.first().copied().unwrap_or_default(), SKIPPED)
    } else if state.is_left_alone(group) {
        why::judge_closed(group, slicer, state, receipts)
    } else {
        let judgement = why::judge(group, &live, slicer, state, receipts);
        if options.force && judgement.action == Action::Keep {
            Judgement { action: Action::Replace, why: "--force".to_owned(), ..judgement }
        } else {
            judgement
        }
    };
    let Judgement { action, fingerprint, why, parts } = judgement;
    Planned { group_id: group.group_id.clone(), group: Some(group.clone()), fingerprint, action, why, parts }
}

/// Export runs are chosen by the days of the run, other files by their recorded days once known (details 35).
fn is_looked_at(days: Option<(i32, i32)>, live: &BTreeSet<&str>, receipts: &Receipts, options: &RunOptions) -> bool {
    if options.from.is_none() && options.until.is_none() {
        return true;
    }
    let recorded = || live.iter().find_map(|f| receipts.read(f)).and_then(|r| r.days).map(|(first, last)| (first, last.saturating_add(1)));
    match days.or_else(recorded) {
        None => true,
        Some((from, until)) => options.from.is_none_or(|Day(f)| f < until) && options.until.is_none_or(|Day(u)| from < u),
    }
}
