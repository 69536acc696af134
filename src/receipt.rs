//! What the output of a group consists of, kept beside the tables: `_pecan/groups/{fingerprint}.json`.
//!
//! A receipt says which files a group's output must have, so a run can tell "all there" from "half committed"; and it
//! carries what later runs need of unchanged groups without reading them again: names for the dims, days, credit by month.
//! It is written before the commit and addressed by content, so one that no table refers to does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pecan_core::time::Day;
use serde::{Deserialize, Serialize};

use crate::conserve::FileRows;
use crate::decide::newest::Names;
use crate::error::{Error, Result};
use crate::group::GroupOutput;
use crate::schema::Table;
use crate::slice::Memory;
use crate::source::{ChargeFile, ChargeGroup};
use crate::stage::{OWN_FOLDER, StagedFile};
use crate::storage::{Entry, Storage};

/// The receipt of one group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// The group.
    pub group_id: String,
    /// Fingerprint of all it rests on.
    pub fingerprint: String,
    /// Its input files; empty in receipts of older versions.
    #[serde(default)]
    pub inputs: Vec<InputId>,
    /// Tables and, where partitioned, months it has a file in.
    pub files: Vec<(String, Option<String>)>,
    /// Charge rows read.
    pub rows_read: u64,
    /// Rows of each input file, in order.
    pub input_rows: Vec<u64>,
    /// First and last usage day (days since 1970), if it has any line.
    pub days: Option<(i32, i32)>,
    /// Expected credit at 12 places, by billing month and billing currency.
    pub credit: Vec<(String, Option<String>, i128)>,
    /// Names for the dims.
    pub names: Names,
    /// Months that were closed when it was made: what the group says of them is not in the tables.
    #[serde(default)]
    pub withheld: Vec<String>,
}

impl Receipt {
    /// The receipt of an output.
    pub fn new(group: &ChargeGroup, fingerprint: &str, output: &GroupOutput) -> Receipt {
        let mut credit: BTreeMap<(String, Option<String>), i128> = BTreeMap::new();
        for cell in output.daily.iter() {
            let sum = credit.entry((Day(cell.month).month(), cell.currencies[1].map(str::to_owned))).or_default();
            // Every cell fits decimal(38,12) and a month has fewer than 2^32 of them; the exact total is checked elsewhere.
            *sum = sum.saturating_add(cell.sums.credit_billing);
        }
        let file = |f: &StagedFile| (f.table.name().to_owned(), f.month.clone());
        Receipt {
            group_id: group.group_id.clone(),
            fingerprint: fingerprint.to_owned(),
            inputs: inputs_of(group),
            files: output.staged.iter().map(file).collect(),
            rows_read: output.row_counts().0,
            input_rows: output.files.iter().map(|f: &FileRows| f.read).collect(),
            days: output.days(),
            credit: credit
                .into_iter()
                .filter(|((month, _), _)| !output.withheld.contains(month))
                .map(|((month, currency), sum)| (month, currency, sum))
                .collect(),
            names: output.names.clone(),
            withheld: output.withheld.clone(),
        }
    }

    /// Whether the group must have a file in this table and month.
    pub fn expects(&self, table: Table, month: Option<&str>) -> bool {
        self.files.iter().any(|(name, m)| name == table.name() && m.as_deref() == month)
    }
}

/// What an input file is to a group: its content and its place in the output's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputId {
    /// Its lasting name.
    pub file: String,
    /// Its export run.
    pub run: Option<String>,
    /// Hash of its content.
    pub hash: String,
}

/// The input files of a group, in order.
pub fn inputs_of(group: &ChargeGroup) -> Vec<InputId> {
    let id = |f: &ChargeFile| InputId { file: f.source_file.clone(), run: f.source_run.clone(), hash: f.hash.clone() };
    group.files.iter().map(id).collect()
}

/// Fingerprint of the content of a group: its id and its files, in order.
pub fn content_of(group: &ChargeGroup) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(text.as_bytes()).update(b"\0");
    };
    part(&group.group_id);
    for file in &group.files {
        part(&file.source_file);
        part(file.source_run.as_deref().unwrap_or_default());
        part(&file.hash);
    }
    hasher.finalize().to_hex().to_string()
}

/// The receipts of an output.
pub struct Receipts<'a> {
    storage: &'a Storage,
}

/// How long a receipt may lie here before the tables refer to it.
const UNDECIDED: Duration = Duration::from_secs(24 * 60 * 60);

impl Receipts<'_> {
    /// The receipts of the output at a place.
    pub fn of(storage: &Storage) -> Receipts<'_> {
        Receipts { storage }
    }

    fn key(fingerprint: &str) -> String {
        format!("{OWN_FOLDER}/groups/{fingerprint}.json")
    }

    fn memory_key(fingerprint: &str) -> String {
        format!("{OWN_FOLDER}/groups/{fingerprint}.slice")
    }

    /// What the output of a fingerprint rests on; `None` if nothing is remembered or it is damaged.
    pub fn memory(&self, fingerprint: &str) -> Option<Memory> {
        Memory::decode(&self.storage.read(&Self::memory_key(fingerprint)).ok()??)
    }

    /// Remembers what an output rests on, durably.
    /// # Errors
    /// `Storage`.
    pub fn remember(&self, fingerprint: &str, memory: &Memory) -> Result<()> {
        let bytes = memory.encode().map_err(|e| Error::bug("receipt", "writing what an output rests on", fingerprint, e, "report this"))?;
        self.storage.write(&Self::memory_key(fingerprint), &bytes)
    }

    /// The receipt of a fingerprint; `None` if there is none or it is damaged: the group is then written anew.
    pub fn read(&self, fingerprint: &str) -> Option<Receipt> {
        let text = self.storage.read(&Self::key(fingerprint)).ok()??;
        serde_json::from_slice::<Receipt>(&text).ok().filter(|receipt| receipt.fingerprint == fingerprint)
    }

    /// Keeps a receipt, durably.
    /// # Errors
    /// `Storage`.
    pub fn write(&self, receipt: &Receipt) -> Result<()> {
        let text = serde_json::to_vec(receipt).map_err(|e| Error::bug("receipt", "writing a receipt", &receipt.group_id, e, "report this"))?;
        self.storage.write(&Self::key(&receipt.fingerprint), &text)
    }

    /// Deletes what is remembered of an output that will not be committed. If another run just settled the same group, its
    /// next run settles it again. What cannot be deleted is left for a later run.
    pub fn forget(&self, fingerprint: &str) {
        let _ = self.storage.delete(&[Self::memory_key(fingerprint)]);
    }

    /// Deletes receipts that no live file refers to and that lie here for a day: a younger one may belong to a run that is
    /// about to commit. What cannot be deleted is left for the next run.
    pub fn keep_only(&self, live: &BTreeSet<String>) {
        let Ok(entries) = self.storage.list(&format!("{OWN_FOLDER}/groups")) else { return };
        let fingerprint = |key: &str| key.rsplit('/').next().and_then(|name| Some(name.split_once('.')?.0.to_owned())).unwrap_or_default();
        let old = |entry: &Entry| entry.modified.elapsed().is_ok_and(|age| age > UNDECIDED);
        let doomed = entries.into_iter().filter(|entry| !live.contains(&fingerprint(&entry.key)) && old(entry));
        let _ = self.storage.delete(&doomed.map(|entry| entry.key).collect::<Vec<_>>());
    }
}
