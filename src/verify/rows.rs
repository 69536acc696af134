//! Rows of one table from two places, compared in the sense of R-AGAIN-6: as multisets, without columns that do not count.
//!
//! Every row becomes 128 bits of a hash, so that a group of any size fits into memory; only where the hashes differ are
//! rows looked at. The recomputed side is called `ours`, what the table holds `theirs`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, RecordBatch, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::{DataType, Schema};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::schema::{Table, name};

/// So many rows of each side are looked at to find pairs, and so many differences are told.
const LOOKED_AT: usize = 1000;
const TOLD: usize = 5;

/// Where rows are.
pub enum Side<'a> {
    /// In a Parquet file.
    Bytes(&'a Bytes),
    /// In memory.
    Batch(&'a RecordBatch),
}

/// How two sides differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows of the table that the recomputation does not give.
    pub only_there: u64,
    /// Rows of the recomputation that the table does not have.
    pub only_recomputed: u64,
    /// The first of them.
    pub samples: Vec<Sample>,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Which row: columns and values.
    pub key: Key,
    /// Columns with the value in the table, and the recomputed one; empty for a row that only one side has.
    pub changes: Vec<(String, Option<String>, Option<String>)>,
    /// Whether only the table, or only the recomputation has it; `None`: both have a row of this key.
    pub only: Option<&'static str>,
}

/// Columns and values that tell a row to people.
pub type Key = Vec<(String, Option<String>)>;

type Shown = BTreeMap<String, Option<String>>;
type Wrong<T> = Result<T, String>;

impl Side<'_> {
    fn each(&self, take: &mut dyn FnMut(RecordBatch) -> Wrong<()>) -> Wrong<()> {
        match self {
            Side::Batch(batch) => take((*batch).clone()),
            Side::Bytes(bytes) => {
                let builder = ParquetRecordBatchReaderBuilder::try_new((*bytes).clone()).map_err(|e| e.to_string())?;
                let reader = builder.with_batch_size(16_384).build().map_err(|e| e.to_string())?;
                reader.into_iter().try_for_each(|batch| take(batch.map_err(|e| e.to_string())?))
            }
        }
    }

    fn schema(&self) -> Wrong<Arc<Schema>> {
        match self {
            Side::Batch(batch) => Ok(batch.schema()),
            Side::Bytes(bytes) => {
                let builder = ParquetRecordBatchReaderBuilder::try_new((*bytes).clone()).map_err(|e| e.to_string())?;
                Ok(Arc::clone(builder.schema()))
            }
        }
    }
}

/// Columns that do not count, and ids whose letter case does not (R-AGAIN-6).
fn passed_over(table: Table) -> &'static [&'static str] {
    match table {
        Table::FactCreditLine => &[name::SOURCE, name::SOURCE_FILE, name::SOURCE_RUN, name::SOURCE_ROW],
        Table::FactCreditDaily | Table::FactAccessDay => &[name::GROUP_ID],
        Table::Rejection => &[name::FILE, name::ROW, name::SOURCE_RUN, name::GROUP_ID, name::MESSAGE],
        _ => &[],
    }
}

fn caseless(table: Table) -> &'static [&'static str] {
    match table {
        Table::FactCreditDaily => &[name::CUSTOMER_ID, name::SUBSCRIPTION_ID, name::METER_ID],
        Table::FactAccessDay => &[name::SCOPE, name::ORGANISATION_ID],
        _ => &[],
    }
}

/// The columns that tell a row to people.
fn key_of(table: Table) -> Vec<&'static str> {
    match table {
        Table::Rejection => vec![name::FILE, name::SOURCE_RUN, name::ROW],
        _ => table.key().iter().copied().filter(|column| *column != name::GROUP_ID).collect(),
    }
}

/// Compares two sides; `None`: they hold the same.
/// # Errors
/// In words: a side cannot be read, or a column is of another type.
pub fn compare(table: Table, ours: &Side, theirs: &Side) -> Wrong<Option<Difference>> {
    let columns = columns(table, &*ours.schema()?, &*theirs.schema()?)?;
    let (mut left, mut right) = (hashes(table, ours, &columns)?, hashes(table, theirs, &columns)?);
    left.sort_unstable();
    right.sort_unstable();
    if left == right {
        return Ok(None);
    }
    let mut surplus: HashMap<u128, i64> = HashMap::new();
    left.iter().for_each(|hash| *surplus.entry(*hash).or_default() += 1);
    right.iter().for_each(|hash| *surplus.entry(*hash).or_default() -= 1);
    surplus.retain(|_, count| *count != 0);
    let count = |sign: i64| surplus.values().map(|count| u64::try_from(count * sign).unwrap_or(0)).sum::<u64>();
    let mut difference = Difference { only_there: count(-1), only_recomputed: count(1), samples: Vec::new() };
    let only_ours = differing(table, ours, &columns, &surplus, 1)?;
    let only_theirs = differing(table, theirs, &columns, &surplus, -1)?;
    difference.samples = samples(table, &only_ours, &only_theirs);
    Ok(Some(difference))
}

/// Names and types of all columns of both sides. Versions only add columns: one that a side lacks is null there.
fn columns(table: Table, ours: &Schema, theirs: &Schema) -> Wrong<Vec<(String, DataType)>> {
    let mut all: BTreeMap<String, DataType> = BTreeMap::new();
    for field in ours.fields().iter().chain(theirs.fields()) {
        let known = all.entry(field.name().clone()).or_insert_with(|| field.data_type().clone());
        if !known.equals_datatype(field.data_type()) {
            return Err(format!("column {} is of type {} where it should be {known}", field.name(), field.data_type()));
        }
    }
    all.retain(|column, _| !passed_over(table).contains(&column.as_str()));
    Ok(all.into_iter().collect())
}

fn hashes(table: Table, side: &Side, columns: &[(String, DataType)]) -> Wrong<Vec<u128>> {
    let mut all = Vec::new();
    each_hashed(table, side, columns, &mut |_, hashes| {
        all.extend(hashes);
        Ok(())
    })?;
    Ok(all)
}

fn each_hashed(table: Table, side: &Side, columns: &[(String, DataType)], take: &mut dyn FnMut(&RecordBatch, Vec<u128>) -> Wrong<()>) -> Wrong<()> {
    let fields = columns.iter().map(|(_, kind)| SortField::new(kind.clone())).collect();
    let converter = RowConverter::new(fields).map_err(|e| e.to_string())?;
    side.each(&mut |batch| {
        let arrays: Vec<ArrayRef> = columns.iter().map(|(column, kind)| counted(table, &batch, column, kind)).collect();
        let rows = converter.convert_columns(&arrays).map_err(|e| e.to_string())?;
        let short = |row: arrow::row::Row| {
            let hash = blake3::hash(row.as_ref());
            hash.as_bytes().iter().take(16).fold(0, |sum: u128, byte| (sum << 8) | u128::from(*byte))
        };
        let hashes = rows.iter().map(short).collect();
        take(&batch, hashes)
    })
}

/// A column as it counts.
fn counted(table: Table, batch: &RecordBatch, column: &str, kind: &DataType) -> ArrayRef {
    let Some(array) = batch.column_by_name(column) else { return new_null_array(kind, batch.num_rows()) };
    if let Some(texts) = array.as_string_opt::<i32>().filter(|_| caseless(table).contains(&column)) {
        return Arc::new(texts.iter().map(|text| text.map(str::to_lowercase)).collect::<StringArray>());
    }
    match array.as_list_opt::<i32>() {
        Some(lists) if column == name::ASSIGNMENT_IDS => {
            let DataType::List(item) = kind else { return Arc::clone(array) };
            let mut sorted = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(item));
            for list in lists.iter() {
                let ids: Option<BTreeSet<String>> = list.map(|list| list.as_string::<i32>().iter().flatten().map(str::to_lowercase).collect());
                sorted.append_option(ids.map(|ids| ids.into_iter().map(Some)));
            }
            Arc::new(sorted.finish())
        }
        _ => Arc::clone(array),
    }
}

/// The first rows of a side that the other lacks, as text.
fn differing(table: Table, side: &Side, columns: &[(String, DataType)], surplus: &HashMap<u128, i64>, sign: i64) -> Wrong<Vec<Shown>> {
    let mut left: HashMap<u128, i64> = surplus.iter().map(|(hash, count)| (*hash, count * sign)).filter(|(_, count)| *count > 0).collect();
    let mut found = Vec::new();
    each_hashed(table, side, columns, &mut |batch, hashes| {
        for (row, hash) in hashes.iter().enumerate() {
            match left.get_mut(hash) {
                Some(count) if *count > 0 && found.len() < LOOKED_AT => {
                    *count -= 1;
                    found.push(shown(batch, row)?);
                }
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn shown(batch: &RecordBatch, row: usize) -> Wrong<Shown> {
    let schema = batch.schema();
    let cell = |(column, array): (&str, &ArrayRef)| -> Wrong<(String, Option<String>)> {
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::default()).map_err(|e| e.to_string())?;
        Ok((column.to_owned(), array.is_valid(row).then(|| formatter.value(row).to_string())))
    };
    schema.fields().iter().map(|field| field.name().as_str()).zip(batch.columns()).map(cell).collect()
}

/// Rows of the same key are one row that changed.
fn samples(table: Table, ours: &[Shown], theirs: &[Shown]) -> Vec<Sample> {
    let keys = key_of(table);
    let key = |row: &Shown| -> Key { keys.iter().filter_map(|column| row.get(*column).map(|value| ((*column).to_owned(), value.clone()))).collect() };
    let mut by_key: BTreeMap<Key, (Vec<&Shown>, Vec<&Shown>)> = BTreeMap::new();
    ours.iter().for_each(|row| by_key.entry(key(row)).or_default().0.push(row));
    theirs.iter().for_each(|row| by_key.entry(key(row)).or_default().1.push(row));
    let passed_over = passed_over(table);
    let mut samples = Vec::new();
    for (key, (ours, theirs)) in by_key {
        let pairs = ours.len().min(theirs.len());
        for (recomputed, there) in ours.iter().zip(&theirs) {
            let columns: BTreeSet<&String> = recomputed.keys().chain(there.keys()).collect();
            let value = |row: &Shown, column: &String| row.get(column).cloned().flatten();
            let changed = columns.into_iter().filter(|column| !passed_over.contains(&column.as_str()) && value(recomputed, column) != value(there, column));
            let changes = changed.map(|column| (column.clone(), value(there, column), value(recomputed, column))).collect();
            samples.push(Sample { key: key.clone(), changes, only: None });
        }
        samples.extend(ours.iter().skip(pairs).map(|_| Sample { key: key.clone(), changes: Vec::new(), only: Some("recomputed") }));
        samples.extend(theirs.iter().skip(pairs).map(|_| Sample { key: key.clone(), changes: Vec::new(), only: Some("there") }));
    }
    samples.truncate(TOLD);
    samples
}
