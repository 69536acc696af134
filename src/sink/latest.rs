//! The rows of the table of runs, as far as later runs need them.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Error, Result};
use crate::schema::name;

/// What later runs need to know of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub run_id: String,
    /// What it was: `run`, `reconcile`.
    pub command: String,
    /// Of month end: what it did.
    pub month_done: Option<MonthDone>,
    /// When it began, in microseconds since 1970 UTC.
    pub started: i64,
    /// Fingerprint of its rules.
    pub rules_fingerprint: String,
    /// The tables as it left them.
    pub tables: Vec<RunTable>,
    /// What it moved.
    pub changed: Vec<RunChange>,
}

/// What a row of month end says for later ones.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct MonthDone {
    /// The month, `YYYY-MM`.
    pub month: String,
    /// What was done with it.
    pub action: MonthAction,
    /// Fingerprint of everything its differences rest on.
    pub fingerprint: String,
}

/// What month end did with a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MonthAction {
    /// Compared it.
    #[default]
    Compared,
    /// Compared it and closed it.
    Closed,
    /// Opened it again.
    Reopened,
}

impl MonthAction {
    /// The word of the summary.
    pub fn word(self) -> &'static str {
        match self {
            MonthAction::Compared => "compared",
            MonthAction::Closed => "closed",
            MonthAction::Reopened => "reopened",
        }
    }
}

/// The months that are closed: closed by a row, and not opened again by a later one.
pub fn closed_months(rows: &[RunRow]) -> BTreeSet<String> {
    let mut closed = BTreeSet::new();
    for done in rows.iter().filter_map(|row| row.month_done.as_ref()) {
        match done.action {
            MonthAction::Compared => false,
            MonthAction::Closed => closed.insert(done.month.clone()),
            MonthAction::Reopened => closed.remove(&done.month),
        };
    }
    closed
}

/// The command of a run.
pub const RUN: &str = "run";
/// The command of month end.
pub const RECONCILE: &str = "reconcile";

/// Expected credit of a billing month and currency before and after a run, at 12 places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunChange {
    /// Billing month.
    pub month: String,
    /// Billing currency.
    pub currency: Option<String>,
    /// Before.
    pub before: i128,
    /// After.
    pub after: i128,
}

/// A table as a run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTable {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// Its rows.
    pub rows: i64,
    /// Files the run added.
    pub files_added: i64,
    /// Files the run removed.
    pub files_removed: i64,
}

/// The rows of all files, those that began last (then the greatest id) at the close. There is one small file per run;
/// reading them all asks for no order of files or clocks of writers.
pub fn all(files: impl Iterator<Item = (String, Bytes)>) -> Result<Vec<RunRow>> {
    let mut all = Vec::new();
    for (shown, content) in files {
        all.extend(rows(&shown, content)?);
    }
    all.sort_by(|a, b| (a.started, &a.run_id).cmp(&(b.started, &b.run_id)));
    Ok(all)
}

fn rows(shown: &str, content: Bytes) -> Result<Vec<RunRow>> {
    let wrong =
        |seen: String| Error::storage("run_table", "reading the table of runs", shown, seen, "restore the file from a backup, or use another output.uri");
    let builder = ParquetRecordBatchReaderBuilder::try_new(content).map_err(|e| wrong(e.to_string()))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), [name::RUN_ID, name::COMMAND, name::STARTED, name::RULES_FINGERPRINT, name::SUMMARY]);
    let fields = builder.parquet_schema().root_schema().get_fields().iter().enumerate();
    let lists = fields.filter(|(_, field)| [name::TABLES, name::CHANGED].contains(&field.name())).map(|(at, _)| at);
    let tables = ProjectionMask::roots(builder.parquet_schema(), lists);
    let mut wanted = mask;
    wanted.union(&tables);
    let reader = builder.with_projection(wanted).build().map_err(|e| wrong(e.to_string()))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| wrong(e.to_string()))?;
        rows.extend(decode(&batch).ok_or_else(|| wrong("its columns are not those of a table of runs".to_owned()))?);
    }
    Ok(rows)
}

fn decode(batch: &RecordBatch) -> Option<Vec<RunRow>> {
    let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
    let (ids, fingerprints) = (text(name::RUN_ID)?, text(name::RULES_FINGERPRINT)?);
    let (commands, summaries) = (text(name::COMMAND)?, text(name::SUMMARY)?);
    let started = batch.column_by_name(name::STARTED)?.as_primitive_opt::<TimestampMicrosecondType>()?;
    let tables = batch.column_by_name(name::TABLES)?.as_list_opt::<i32>()?;
    let changed = batch.column_by_name(name::CHANGED)?.as_list_opt::<i32>()?;
    (0..batch.num_rows())
        .map(|row| {
            let changed = if changed.is_null(row) { Vec::new() } else { decode_changes(changed.value(row).as_struct_opt()?)? };
            let tables = if tables.is_null(row) { Vec::new() } else { decode_tables(tables.value(row).as_struct_opt()?)? };
            let command = commands.value(row).to_owned();
            // A row of month end that cannot be read would open closed months again.
            let month_done = if command == RECONCILE { Some(serde_json::from_str(summaries.value(row)).ok()?) } else { None };
            let (run_id, rules_fingerprint) = (ids.value(row).to_owned(), fingerprints.value(row).to_owned());
            Some(RunRow { run_id, command, month_done, started: started.value(row), rules_fingerprint, tables, changed })
        })
        .collect()
}

fn decode_changes(changes: &StructArray) -> Option<Vec<RunChange>> {
    let text = |name: &str| changes.column_by_name(name)?.as_string_opt::<i32>();
    let amount = |name: &str| changes.column_by_name(name)?.as_primitive_opt::<Decimal128Type>();
    let (months, currencies) = (text(name::BILLING_MONTH)?, text(name::BILLING_CURRENCY)?);
    let (before, after) = (amount(name::CREDIT_BEFORE)?, amount(name::CREDIT_AFTER)?);
    let change = |at: usize| RunChange {
        month: months.value(at).to_owned(),
        currency: currencies.is_valid(at).then(|| currencies.value(at).to_owned()),
        before: before.value(at),
        after: after.value(at),
    };
    Some((0..changes.len()).map(change).collect())
}

fn decode_tables(tables: &StructArray) -> Option<Vec<RunTable>> {
    let names = tables.column_by_name(name::NAME)?.as_string_opt::<i32>()?;
    let number = |name: &str| tables.column_by_name(name)?.as_primitive_opt::<Int64Type>();
    let (versions, rows) = (number(name::VERSION)?, number(name::ROWS)?);
    let (added, removed) = (number(name::FILES_ADDED)?, number(name::FILES_REMOVED)?);
    let table = |at: usize| RunTable {
        name: names.value(at).to_owned(),
        version: versions.value(at),
        rows: rows.value(at),
        files_added: added.value(at),
        files_removed: removed.value(at),
    };
    Some((0..tables.len()).map(table).collect())
}
