//! The promises of an output, for both formats: what is staged is invisible, what is committed is whole.

mod commits;
mod delta_only;
mod files;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::datatypes::DataType;
use tempfile::TempDir;

use super::{FileSpec, Format, LiveFile, Output, StagedFile, WrittenFile};
use crate::schema::Table;

const FORMATS: [Format; 2] = [Format::Delta, Format::Parquet];

fn open(folder: &TempDir, format: Format) -> Output {
    open_carrying(folder, format, &[])
}

fn open_carrying(folder: &TempDir, format: Format, carry: &[&str]) -> Output {
    let carry: Vec<String> = carry.iter().map(|name| (*name).to_owned()).collect();
    Output::open(folder.path().to_str().unwrap(), format, &carry).unwrap()
}

/// A batch with plausible values in every column; `given` replaces columns by name.
fn batch(output: &Output, table: Table, rows: usize, given: BTreeMap<&str, ArrayRef>) -> RecordBatch {
    let schema = table.file_schema(output.carry());
    let numbers = || (0..rows).map(|row| row as i64);
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        if let Some(column) = given.get(field.name().as_str()) {
            return Arc::clone(column);
        }
        match field.data_type() {
            DataType::Utf8 => Arc::new(StringArray::from_iter_values(numbers().map(|n| format!("{}-{n}", field.name())))),
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(numbers())),
            DataType::Boolean => Arc::new(BooleanArray::from(vec![true; rows])),
            DataType::Date32 => Arc::new(Date32Array::from_iter_values(numbers().map(|n| 20_700 + n as i32))),
            DataType::Timestamp(..) => Arc::new(TimestampMicrosecondArray::from_iter_values(numbers()).with_timezone("UTC")),
            DataType::Decimal128(precision, scale) => {
                let values = Decimal128Array::from_iter_values(numbers().map(|n| i128::MAX / 10 - i128::from(n)));
                Arc::new(values.with_precision_and_scale(*precision, *scale).unwrap())
            }
            other => new_null_array(other, rows),
        }
    });
    let names = schema.fields().iter().map(|field| field.name().clone());
    // From columns, so that text may be dictionary encoded.
    RecordBatch::try_from_iter(names.zip(columns)).unwrap()
}

fn spec(table: Table, month: Option<&str>, group: &str, run: &str) -> FileSpec {
    FileSpec { table, month: month.map(str::to_owned), group: group.to_owned(), fingerprint: format!("f-{run}"), run: run.to_owned(), ordinal: 0 }
}

fn written(output: &Output, spec: FileSpec, batch: &RecordBatch) -> WrittenFile {
    let mut writer = output.writer(spec).unwrap();
    let encoded = writer.encode(batch).unwrap();
    writer.append(encoded).unwrap();
    writer.finish().unwrap()
}

fn stage_batch(output: &Output, spec: FileSpec, batch: &RecordBatch) -> StagedFile {
    output.stage(written(output, spec, batch)).unwrap()
}

fn folder_of(output: &Output, table: Table) -> PathBuf {
    output.storage().path(table.name()).unwrap()
}

/// One file of credit lines.
fn stage(output: &Output, month: &str, group: &str, run: &str) -> StagedFile {
    let rows = batch(output, Table::FactCreditLine, 3, BTreeMap::new());
    stage_batch(output, spec(Table::FactCreditLine, Some(month), group, run), &rows)
}

fn live(output: &Output) -> Vec<LiveFile> {
    output.live(Table::FactCreditLine).unwrap().unwrap().files
}
