//! One atomic commit per table: facts first, then what is derived, `run` last (R-AGAIN-1, details 39).

use std::collections::{BTreeMap, BTreeSet};

use crate::derived::{Derived, Replacement};
use crate::error::{Error, Result};
use crate::plan::{GROUP_TABLES, MONTH_TABLES, State, WHOLE_TABLES};
use crate::schema::Table;
use crate::sink::{Commit, LiveFile, Output, RunTable, StagedFile, TableState};
use crate::summary::{Files, TableWritten};

/// Files a run adds to and takes out of each table.
#[derive(Debug, Clone, Default)]
pub struct Staged {
    adds: BTreeMap<Table, Vec<StagedFile>>,
    removes: BTreeMap<Table, Vec<LiveFile>>,
}

impl Staged {
    /// Files to become live.
    pub fn add(&mut self, files: impl IntoIterator<Item = StagedFile>) {
        for file in files {
            self.adds.entry(file.table).or_default().push(file);
        }
    }

    /// Live files to be taken out.
    pub fn remove(&mut self, table: Table, files: Vec<LiveFile>) {
        self.removes.entry(table).or_default().extend(files);
    }

    /// Whether no table would change.
    pub fn is_empty(&self) -> bool {
        self.adds.values().all(Vec::is_empty) && self.removes.values().all(Vec::is_empty)
    }

    /// Number of files to be taken out.
    pub fn removals(&self) -> u64 {
        self.removes.values().map(|files| files.len() as u64).sum()
    }

    /// Files written, replaced and removed; `replaced` are the groups that had output before.
    pub fn files(&self, replaced: &BTreeSet<&str>) -> Files {
        let mut files = Files::default();
        for (table, adds) in &self.adds {
            for file in adds {
                let whole = file.group.is_empty() && self.removed(*table).iter().any(|f| f.group.is_empty());
                let again = replaced.contains(file.group.as_str()) || whole;
                *(if again { &mut files.replaced } else { &mut files.written }) += 1;
            }
        }
        let taken_out = |f: &&LiveFile| !f.group.is_empty() && !replaced.contains(f.group.as_str());
        files.removed = self.removes.values().flatten().filter(taken_out).count() as u64;
        files
    }

    /// The file that becomes all of a table that is replaced whole, if there is one.
    pub fn whole(&self, table: Table) -> Option<&StagedFile> {
        self.added(table).iter().find(|file| file.group.is_empty())
    }

    fn added(&self, table: Table) -> &[StagedFile] {
        self.adds.get(&table).map_or(&[], Vec::as_slice)
    }

    fn removed(&self, table: Table) -> &[LiveFile] {
        self.removes.get(&table).map_or(&[], Vec::as_slice)
    }
}

/// A table after its commit.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Which.
    pub table: Table,
    /// Its version now.
    pub version: i64,
    /// Its rows now.
    pub rows: u64,
    /// Files added.
    pub added: u64,
    /// Files taken out.
    pub removed: u64,
}

impl Committed {
    /// A table of month end as a row of `run` names it; `None`: another table.
    pub fn of_month_table(named: &RunTable) -> Option<Committed> {
        let table = Table::from_name(&named.name).filter(|table| MONTH_TABLES.contains(table))?;
        Some(Committed { table, version: named.version, rows: u64::try_from(named.rows).unwrap_or(0), added: 0, removed: 0 })
    }

    /// As the summary tells it.
    pub fn written(&self) -> TableWritten {
        TableWritten { name: self.table.name().to_owned(), version: Some(self.version), rows: self.rows }
    }
}

/// Other runs may get in first this often before a run gives up.
const ATTEMPTS: usize = 32;

/// Commits every table but `run`. Tables without changes are created if they do not exist.
/// # Errors
/// `Lost` when another run won a table (what was committed before is completed by the next run); `Storage`.
pub fn commit_all(state: &State, staged: &mut Staged, derived: &Derived) -> Result<Vec<Committed>> {
    let tables: Vec<Table> = GROUP_TABLES.into_iter().chain(WHOLE_TABLES).collect();
    let mut committed = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        match commit_one(state, *table, staged, derived) {
            Ok(done) => committed.push(done),
            Err(error) => {
                // These are certain to have written nothing; after other errors the commit may have landed.
                if matches!(error, Error::Lost(_) | Error::Usage(_)) {
                    let left = tables.get(at..).unwrap_or_default().iter().flat_map(|t| staged.added(*t)).cloned().collect::<Vec<_>>();
                    // The error is what the operator must hear of; leftovers are swept by `Unchanged` commits and `maintain`.
                    let _ = derived.output.discard(&left);
                }
                return Err(error);
            }
        }
    }
    Ok(committed)
}

/// Commits one table. If another run changed the same billing months first, this one has lost; if it changed only what is
/// made of all groups together, that is made again.
/// # Errors
/// As [`commit_all`].
pub fn commit_one(state: &State, table: Table, staged: &mut Staged, derived: &Derived) -> Result<Committed> {
    let mut base = state.tables.get(&table).cloned().flatten();
    let mut seen = String::new();
    for _ in 0..ATTEMPTS {
        let (adds, removes) = (staged.added(table), staged.removed(table));
        let version = match derived.output.commit(table, base.as_ref(), adds, removes, derived.run_id)? {
            Commit::Committed { version } => version,
            Commit::Unchanged => base.as_ref().map_or(0, |state| state.version),
            Commit::Conflict { seen: why } => {
                let now = derived.output.live(table)?;
                if !is_undisturbed(base.as_ref(), now.as_ref(), adds, removes) {
                    again(table, base.as_ref(), staged, derived).map_err(|other| other.unwrap_or_else(|| lost(table, derived.output, &why)))?;
                }
                (base, seen) = (now, why);
                continue;
            }
        };
        let rows = rows_after(base.as_ref(), adds, removes);
        return Ok(Committed { table, version, rows, added: adds.len() as u64, removed: removes.len() as u64 });
    }
    Err(lost(table, derived.output, &seen))
}

fn lost(table: Table, output: &Output, seen: &str) -> Error {
    let next = "another run changed this table first: run again, it will bring everything up to date";
    Error::lost("commit_lost", format!("committing {}", table.name()), output.storage().shown(table.name()), seen, next)
}

/// Whether the files of the billing months (or the small table) a commit touches are what it was made for.
fn is_undisturbed(base: Option<&TableState>, now: Option<&TableState>, adds: &[StagedFile], removes: &[LiveFile]) -> bool {
    let Some(now) = now else { return false };
    let months: BTreeSet<Option<&str>> = adds.iter().map(|add| add.month.as_deref()).chain(removes.iter().map(|file| file.month.as_deref())).collect();
    let touched = |state: &TableState| -> BTreeSet<String> {
        state.files.iter().filter(|file| months.contains(&file.month.as_deref())).map(|file| file.path.clone()).collect()
    };
    base.map(touched).unwrap_or_default() == touched(now)
}

/// Makes what a small table is to become again, after another run changed it since `base`. `Err(None)`: the other run changed
/// files of groups that this one writes, or the table is not made of all groups.
fn again(table: Table, base: Option<&TableState>, staged: &mut Staged, derived: &Derived) -> std::result::Result<(), Option<Error>> {
    if table.partitioned() {
        return Err(None);
    }
    let state = State::read(derived.output).map_err(Some)?;
    let now = state.tables.get(&table).and_then(Option::as_ref);
    let of_group = |state: Option<&TableState>, group: &str| -> BTreeSet<String> {
        state.into_iter().flat_map(|state| &state.files).filter(|file| file.group == group).map(|file| file.path.clone()).collect()
    };
    let (adds, removes) = (staged.adds.remove(&table).unwrap_or_default(), staged.removes.remove(&table).unwrap_or_default());
    let groups: BTreeSet<&str> = adds.iter().map(|add| add.group.as_str()).chain(removes.iter().map(|file| file.group.as_str())).collect();
    if groups.iter().any(|group| !group.is_empty() && of_group(base, group) != of_group(now, group)) {
        staged.add(adds);
        return Err(None);
    }
    let (of_groups, old): (Vec<StagedFile>, Vec<StagedFile>) = adds.into_iter().partition(|add| !add.group.is_empty());
    let replacement = if table == Table::Run { Replacement::default() } else { derived.replace(table, &state).map_err(Some)? };
    // The same content has the same name: then it is the file that was just staged again.
    let doomed: Vec<StagedFile> = old.into_iter().filter(|file| replacement.add.as_ref().is_none_or(|add| add.key != file.key)).collect();
    let _ = derived.output.discard(&doomed);
    staged.add(of_groups.into_iter().chain(replacement.add));
    staged.remove(table, removes.into_iter().filter(|file| !file.group.is_empty()).chain(replacement.removes).collect());
    Ok(())
}

fn rows_after(base: Option<&TableState>, adds: &[StagedFile], removes: &[LiveFile]) -> u64 {
    let before: u64 = base.map_or(0, |state| state.files.iter().map(|f| f.rows).sum());
    let gone: u64 = removes.iter().map(|f| f.rows).sum();
    before.saturating_sub(gone) + adds.iter().map(|f| f.rows).sum::<u64>()
}

/// Deletes everything staged. Used when a run ends with an error, which is the thing to tell.
pub fn discard_all(output: &Output, staged: &Staged) {
    for files in staged.adds.values() {
        let _ = output.discard(files);
    }
}
