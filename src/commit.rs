//! One atomic commit per table: facts first, then what is derived, `run` last (R-AGAIN-1, details 39).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::plan::{GROUP_TABLES, State, WHOLE_TABLES};
use crate::schema::Table;
use crate::sink::{Commit, LiveFile, Output, StagedFile, TableState};
use crate::summary::{Files, TableWritten};

/// Files a run adds to and takes out of each table.
#[derive(Debug, Default)]
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
    /// As the summary tells it.
    pub fn written(&self) -> TableWritten {
        TableWritten { name: self.table.name().to_owned(), version: Some(self.version), rows: self.rows }
    }
}

/// Commits every table but `run`. Tables without changes are created if they do not exist.
/// # Errors
/// `Lost` when another run won a table (what was committed before is completed by the next run); `Storage`.
pub fn commit_all(output: &Output, state: &State, staged: &Staged, run: &str) -> Result<Vec<Committed>> {
    let tables: Vec<Table> = GROUP_TABLES.into_iter().chain(WHOLE_TABLES).collect();
    let mut committed = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        match commit_one(output, state, *table, staged.added(*table), staged.removed(*table), run) {
            Ok(done) => committed.push(done),
            Err(error) => {
                // These are certain to have written nothing; after other errors the commit may have landed.
                if matches!(error, Error::Lost(_) | Error::Usage(_)) {
                    let left = tables.get(at..).unwrap_or_default().iter().flat_map(|t| staged.added(*t)).cloned().collect::<Vec<_>>();
                    // The error is what the operator must hear of; leftovers are swept by `Unchanged` commits and `maintain`.
                    let _ = output.discard(&left);
                }
                return Err(error);
            }
        }
    }
    Ok(committed)
}

/// Commits one table.
/// # Errors
/// As [`commit_all`].
pub fn commit_one(output: &Output, state: &State, table: Table, adds: &[StagedFile], removes: &[LiveFile], run: &str) -> Result<Committed> {
    let base = state.tables.get(&table).and_then(Option::as_ref);
    let version = match output.commit(table, base, adds, removes, run)? {
        Commit::Committed { version } => version,
        Commit::Unchanged => base.map_or(0, |state| state.version),
        Commit::Conflict { seen } => {
            return Err(Error::lost(
                "commit_lost",
                format!("committing {}", table.name()),
                output.storage().shown(table.name()),
                seen,
                "another run changed this table first: run again, it will bring everything up to date",
            ));
        }
    };
    Ok(Committed { table, version, rows: rows_after(base, adds, removes), added: adds.len() as u64, removed: removes.len() as u64 })
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
