//! The row of the table `run`: what was read, what came of it, and the table versions that belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

use crate::commit::{Committed, Staged, commit_one};
use crate::derived::Derived;
use crate::error::Result;
use crate::files_read::FileRead;
use crate::group::{record_batch, stage};
use crate::plan::State;
use crate::receipt::Receipt;
use crate::schema::{Kind, Table, name};
use crate::sink::{FileSpec, RunRow};
use crate::source::ChargeFile;

/// An input file of a run.
#[derive(Debug, Clone)]
pub struct Input {
    source: String,
    file: String,
    run: Option<String>,
    hash: String,
    bytes: u64,
    rows: u64,
}

impl Input {
    /// A charge file that was read.
    pub fn charges(source: &str, file: &ChargeFile, rows: u64) -> Input {
        Input { source: source.to_owned(), file: file.source_file.clone(), run: file.source_run.clone(), hash: file.hash.clone(), bytes: file.bytes, rows }
    }

    /// An audit or reference file.
    pub fn other(file: &FileRead) -> Input {
        Input { source: file.source.clone(), file: file.name.clone(), run: None, hash: file.hash.clone(), bytes: file.bytes, rows: file.rows }
    }
}

/// Expected credit of a month and currency before and after, where they differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    month: String,
    currency: Option<String>,
    before: i128,
    after: i128,
}

/// Expected credit at 12 places by billing month and billing currency.
pub type Credit = BTreeMap<(String, Option<String>), i128>;

/// The credit of all groups together.
pub fn credit_of(receipts: &[Receipt]) -> Credit {
    let mut credit = Credit::new();
    for (month, currency, sum) in receipts.iter().flat_map(|r| &r.credit) {
        let total = credit.entry((month.clone(), currency.clone())).or_default();
        *total = total.saturating_add(*sum);
    }
    credit
}

/// What readers of the rows of `run` know: what all of them moved, added up. News of a run that was interrupted is in no row
/// yet, so the run that completes it tells it; and the rows of runs at the same time add up to what both did.
pub fn credit_told(rows: &[RunRow]) -> Credit {
    let mut credit = Credit::new();
    for change in rows.iter().flat_map(|row| &row.changed) {
        let total = credit.entry((change.month.clone(), change.currency.clone())).or_default();
        *total = total.saturating_add(change.after).saturating_sub(change.before);
    }
    credit
}

/// The months whose expected credit a run moved; a month that came or went has none on the other side.
pub fn changes(before: &Credit, after: &Credit) -> Vec<Change> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |credit: &Credit, key| credit.get(key).copied().unwrap_or(0);
    let changed = keys.into_iter().filter(|key| of(before, key) != of(after, key));
    changed.map(|key| Change { month: key.0.clone(), currency: key.1.clone(), before: of(before, key), after: of(after, key) }).collect()
}

/// Everything the row says besides the summary.
pub struct RunRecord {
    /// The run.
    pub run_id: String,
    /// `run` or `reconcile`.
    pub command: &'static str,
    /// What it answered, as JSON.
    pub summary: String,
    /// How long it took.
    pub took: Duration,
    /// Rules and switches.
    pub rules_fingerprint: String,
    /// Microseconds since 1970 UTC.
    pub started_micros: i64,
    /// Files read.
    pub inputs: Vec<Input>,
    /// Tables as the run left them.
    pub tables: Vec<Committed>,
    /// Months that moved.
    pub changed: Vec<Change>,
}

impl RunRecord {
    /// Commits the row: only now is the run complete.
    /// # Errors
    /// As [`commit_one`].
    pub fn commit(&self, state: &State, derived: &Derived) -> Result<()> {
        let spec =
            FileSpec { table: Table::Run, month: None, group: self.run_id.clone(), fingerprint: self.run_id.clone(), run: self.run_id.clone(), ordinal: 0 };
        let mut staged = Staged::default();
        staged.add([stage(derived.output, spec, &self.batch()?)?]);
        commit_one(state, Table::Run, &mut staged, derived).map(|_| ())
    }

    fn batch(&self) -> Result<RecordBatch> {
        let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value.to_owned()])) };
        let took = i64::try_from(self.took.as_millis()).unwrap_or(i64::MAX);
        record_batch(
            Table::Run,
            vec![
                (name::RUN_ID, text(&self.run_id)),
                (name::COMMAND, text(self.command)),
                (name::PROGRAM_VERSION, text(env!("CARGO_PKG_VERSION"))),
                (name::RULES_FINGERPRINT, text(&self.rules_fingerprint)),
                (name::STARTED, Arc::new(TimestampMicrosecondArray::from(vec![self.started_micros]).with_timezone("UTC"))),
                (name::TOOK_MS, Arc::new(Int64Array::from(vec![took]))),
                (name::INPUTS, self.inputs_list()),
                (name::SUMMARY, text(&self.summary)),
                (name::TABLES, self.tables_list()),
                (name::CHANGED, self.changed_list()),
            ],
        )
    }

    fn inputs_list(&self) -> ArrayRef {
        let text = |f: &dyn Fn(&Input) -> Option<&str>| -> ArrayRef { Arc::new(self.inputs.iter().map(f).collect::<StringArray>()) };
        let parts = vec![
            text(&|i| Some(&i.source)),
            text(&|i| Some(&i.file)),
            text(&|i| i.run.as_deref()),
            text(&|i| Some(&i.hash)),
            whole(self.inputs.iter().map(|i| i.bytes)),
            whole(self.inputs.iter().map(|i| i.rows)),
        ];
        one_list(Kind::RunInputs, parts)
    }

    fn tables_list(&self) -> ArrayRef {
        let parts: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(self.tables.iter().map(|t| t.table.name()))),
            Arc::new(Int64Array::from_iter_values(self.tables.iter().map(|t| t.version))),
            whole(self.tables.iter().map(|t| t.rows)),
            whole(self.tables.iter().map(|t| t.added)),
            whole(self.tables.iter().map(|t| t.removed)),
        ];
        one_list(Kind::RunTables, parts)
    }

    fn changed_list(&self) -> ArrayRef {
        let amounts = |f: &dyn Fn(&Change) -> i128| -> ArrayRef {
            Arc::new(Decimal128Array::from_iter_values(self.changed.iter().map(f)).with_data_type(Kind::D12.arrow()))
        };
        let parts: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(self.changed.iter().map(|c| &c.month))),
            Arc::new(self.changed.iter().map(|c| c.currency.as_deref()).collect::<StringArray>()),
            amounts(&|c| c.before),
            amounts(&|c| c.after),
        ];
        one_list(Kind::RunChanges, parts)
    }
}

fn whole(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|v| i64::try_from(v).unwrap_or(i64::MAX))))
}

/// A list column of one row that holds all parts.
fn one_list(kind: Kind, parts: Vec<ArrayRef>) -> ArrayRef {
    let DataType::List(item) = kind.arrow() else { unreachable!("every kind of this table is a list of structs") };
    let DataType::Struct(fields) = item.data_type().clone() else { unreachable!("every kind of this table is a list of structs") };
    let parts = StructArray::new(fields, parts, None);
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([parts.len()]), Arc::new(parts), None))
}
