//! What is in a store after a run, whatever the run said: brought to a local folder and read there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use pecan::job::Job;
use pecan::pipeline::open_output;
use pecan::schema::Table;

use super::runtime;
use crate::jobs::workshop::Workshop;
use crate::tables::{Canonical, assert_equal, canonical, is_delta};

/// What all keys of these outputs begin with.
pub const PREFIX: &str = "deep/out";

/// Copies everything below [`PREFIX`] to a folder, which is emptied first.
fn fetch(store: &dyn ObjectStore, folder: &FilePath) {
    let _ = std::fs::remove_dir_all(folder);
    runtime().block_on(async {
        let prefix = Path::from(PREFIX);
        let objects: Vec<_> = store.list(Some(&prefix)).try_collect().await.expect("listed");
        for object in objects {
            let below: Vec<_> = object.location.prefix_match(&prefix).expect("below").map(|part| part.as_ref().to_owned()).collect();
            let target = folder.join(below.join("/"));
            std::fs::create_dir_all(target.parent().expect("a folder")).expect("created");
            let bytes = store.get(&object.location).await.expect("there").bytes().await.expect("read");
            std::fs::write(target, bytes).expect("written");
        }
    });
}

/// Looks at outputs of one workshop's job.
pub struct Inspector<'a> {
    pub workshop: &'a Workshop,
    pub format: &'static str,
    pub expected: &'a Canonical,
    /// The folder outputs are brought to.
    pub folder: &'static str,
}

impl Inspector<'_> {
    fn local(&self) -> Job {
        self.workshop.job(&[&format!("output.uri={}/", self.folder), &format!("output.format=\"{}\"", self.format)])
    }

    /// The ids of the runs that have a row, and for each table the runs that committed to it, one for each version.
    fn look(&self, store: &dyn ObjectStore, what: &str) -> BTreeSet<String> {
        let folder = self.workshop.path("jobs").join(self.folder);
        fetch(store, &folder);
        let job = self.local();
        if is_delta(&job) {
            for (table, runs) in commits(&folder) {
                let distinct: BTreeSet<_> = runs.iter().collect();
                assert_eq!(distinct.len(), runs.len(), "{what}: {table} has two versions of one run: {runs:?}");
            }
        }
        let rows = open_output(&job).and_then(|output| output.runs()).unwrap_or_else(|e| panic!("{what}: {e}"));
        let ids: BTreeSet<String> = rows.iter().map(|row| row.run_id.clone()).collect();
        assert_eq!(ids.len(), rows.len(), "{what}: a run has two rows");
        ids
    }

    /// A run said that it went well, or not: exactly then there is one more row of the table of runs.
    pub fn truthful(&self, store: &dyn ObjectStore, went_well: bool, rows_before: usize, what: &str) {
        let rows = self.rows(store, what);
        assert_eq!(rows, rows_before + usize::from(went_well), "{what}: the run said {}", if went_well { "done" } else { "failed" });
    }

    /// How many runs have a row.
    pub fn rows(&self, store: &dyn ObjectStore, what: &str) -> usize {
        self.look(store, what).len()
    }

    /// The output is that of one undisturbed run, and the newest row names the versions there are.
    pub fn complete(&self, store: &dyn ObjectStore, what: &str) {
        self.look(store, what);
        let job = self.local();
        assert_equal(&canonical(&job), self.expected, what);
        let output = open_output(&job).expect("an output");
        let row = output.latest_run().expect("readable").unwrap_or_else(|| panic!("{what}: no run row"));
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Run) {
            let version = output.live(table).expect("readable").map(|state| state.version);
            assert_eq!(row.tables.iter().find(|t| t.name == table.name()).map(|t| t.version), version, "{what}: {}", table.name());
        }
    }
}

/// The run of each version of each Delta table.
fn commits(folder: &FilePath) -> BTreeMap<&'static str, Vec<String>> {
    let run_of = |entry: &FilePath| {
        let text = std::fs::read_to_string(entry).unwrap_or_else(|e| panic!("{}: {e}", entry.display()));
        let mut actions = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an action"));
        actions.find_map(|action| Some(action.get("commitInfo")?.get("pecan.run")?.as_str()?.to_owned())).expect("the run of a commit")
    };
    let mut tables = BTreeMap::new();
    for table in Table::ALL {
        let log = folder.join(table.name()).join("_delta_log");
        let entries = std::fs::read_dir(log).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut entries: Vec<_> = entries.filter(|path| path.extension().is_some_and(|x| x == "json")).collect();
        entries.sort();
        tables.insert(table.name(), entries.iter().map(|entry| run_of(entry)).collect());
    }
    tables
}
