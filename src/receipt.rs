//! What the output of a group consists of, kept beside the tables: `_pecan/groups/{fingerprint}.json`.
//!
//! A receipt says which files a group's output must have, so a run can tell "all there" from "half committed"; and it
//! carries what later runs need of unchanged groups without reading them again: names for the dims, days, credit by month.
//! It is written before the commit and addressed by content, so one that no table refers to does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pecan_core::time::Day;
use serde::{Deserialize, Serialize};

use crate::conserve::FileRows;
use crate::decide::newest::Names;
use crate::error::{Error, Result};
use crate::group::GroupOutput;
use crate::schema::Table;
use crate::stage::{OWN_FOLDER, StagedFile, disk};

/// The receipt of one group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// The group.
    pub group_id: String,
    /// Fingerprint of all it rests on.
    pub fingerprint: String,
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
}

impl Receipt {
    /// The receipt of an output.
    pub fn new(group_id: &str, fingerprint: &str, output: &GroupOutput) -> Receipt {
        let mut credit: BTreeMap<(String, Option<String>), i128> = BTreeMap::new();
        for cell in output.daily.iter() {
            let sum = credit.entry((Day(cell.month).month(), cell.currencies[1].map(str::to_owned))).or_default();
            // Every cell fits decimal(38,12) and a month has fewer than 2^32 of them; the exact total is checked elsewhere.
            *sum = sum.saturating_add(cell.sums.credit_billing);
        }
        let file = |f: &StagedFile| (f.table.name().to_owned(), f.month.clone());
        Receipt {
            group_id: group_id.to_owned(),
            fingerprint: fingerprint.to_owned(),
            files: output.staged.iter().map(file).collect(),
            rows_read: output.row_counts().0,
            input_rows: output.files.iter().map(|f: &FileRows| f.read).collect(),
            days: output.days(),
            credit: credit.into_iter().map(|((month, currency), sum)| (month, currency, sum)).collect(),
            names: output.names.clone(),
        }
    }

    /// Whether the group must have a file in this table and month.
    pub fn expects(&self, table: Table, month: Option<&str>) -> bool {
        self.files.iter().any(|(name, m)| name == table.name() && m.as_deref() == month)
    }
}

/// The folder of receipts of an output.
pub struct Receipts {
    folder: PathBuf,
}

impl Receipts {
    /// The receipts below an output's root.
    pub fn below(root: &Path) -> Receipts {
        Receipts { folder: root.join(OWN_FOLDER).join("groups") }
    }

    fn path(&self, fingerprint: &str) -> PathBuf {
        self.folder.join(format!("{fingerprint}.json"))
    }

    /// The receipt of a fingerprint; `None` if there is none or it is damaged: the group is then written anew.
    pub fn read(&self, fingerprint: &str) -> Option<Receipt> {
        let text = std::fs::read(self.path(fingerprint)).ok()?;
        serde_json::from_slice::<Receipt>(&text).ok().filter(|receipt| receipt.fingerprint == fingerprint)
    }

    /// Keeps a receipt, durably.
    /// # Errors
    /// `Storage`.
    pub fn write(&self, receipt: &Receipt) -> Result<()> {
        disk::create_folder(&self.folder)?;
        let text = serde_json::to_vec(receipt).map_err(|e| Error::bug("receipt", "writing a receipt", &receipt.group_id, e, "report this"))?;
        disk::replace(&self.path(&receipt.fingerprint), &text)
    }

    /// Deletes receipts that no live file refers to and that lie here for a day: a younger one may belong to a run that is
    /// about to commit. What cannot be deleted is left for the next run.
    pub fn keep_only(&self, live: &BTreeSet<String>) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let known = path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| live.contains(stem));
            let written = entry.metadata().and_then(|m| m.modified()).ok();
            let old = written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > UNDECIDED);
            if !known && old {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// How long a receipt may lie here before the tables refer to it.
const UNDECIDED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
