//! Reading a staged file back, for the conservation audit: what is on disk, not what was meant to be (details 38).

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{AsArray, Decimal128Array, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int32Type, Schema, i256};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::WrittenFile;
use crate::error::{Error, Result};
use crate::schema::{self, name};
use crate::storage::disk;

/// Counts and sums of a staged file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Rows.
    pub rows: u64,
    /// Per billing currency as written (`None`: null, or a table without that column), per summed column: the sum of
    /// its unscaled values, at the column's scale, wide enough never to overflow. Nulls add nothing.
    pub sums: BTreeMap<Option<String>, BTreeMap<&'static str, i256>>,
}

/// Reads counts and the sums of [`schema::SUMMED`] from the file itself.
///
/// # Errors
/// `Error::Storage` if the file cannot be read, or is not the size or row count that was written.
pub fn read_back(written: &WrittenFile) -> Result<ReadBack> {
    let path = written.path();
    let wrong = |seen: String| {
        Error::storage("read_back", "reading a written file back", path.display(), seen, "see whether the disk is sound, then run again; nothing was committed")
    };
    let file = File::open(path).map_err(|e| disk::trouble("reading a written file back", path, &e))?;
    let bytes = file.metadata().map_err(|e| disk::trouble("reading a written file back", path, &e))?.len();
    let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| wrong(e.to_string()))?;
    // The currency as a dictionary: one lookup per distinct text instead of one per row.
    let fields = plain.schema().fields().iter().map(|field| match field.name().as_str() {
        name::BILLING_CURRENCY => Arc::new(Field::new(name::BILLING_CURRENCY, text_type(), field.is_nullable())),
        _ => Arc::clone(field),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(&schema));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options).map_err(|e| wrong(e.to_string()))?;

    let counted = plain.metadata().row_groups().iter().map(|group| {
        let short = group.columns().iter().find(|column| column.num_values() < group.num_rows());
        match short {
            Some(column) => Err(wrong(format!("column {} has fewer values than rows", column.column_path()))),
            None => Ok(u64::try_from(group.num_rows()).unwrap_or(0)),
        }
    });
    let counted = counted.sum::<Result<u64>>()?;
    if counted != written.rows() || bytes != written.bytes() {
        return Err(wrong(format!("{counted} rows and {bytes} bytes instead of {} and {}", written.rows(), written.bytes())));
    }

    let summed: Vec<&str> = schema::SUMMED.into_iter().filter(|summed| schema.field_with_name(summed).is_ok()).collect();
    let wanted = summed.iter().copied().chain([name::BILLING_CURRENCY]);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
    let reader = builder.with_projection(mask).with_batch_size(65_536).build().map_err(|e| wrong(e.to_string()))?;
    let mut back = ReadBack { rows: 0, ..ReadBack::default() };
    for batch in reader {
        add(&mut back, &batch.map_err(|e| wrong(e.to_string()))?).map_err(wrong)?;
    }
    if back.rows != written.rows() {
        return Err(wrong(format!("{} rows decoded instead of {}", back.rows, written.rows())));
    }
    Ok(back)
}

fn text_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn add(back: &mut ReadBack, batch: &RecordBatch) -> std::result::Result<(), String> {
    back.rows += batch.num_rows() as u64;
    let (slot_names, slots) = currency_slots(batch);
    for summed in schema::SUMMED {
        let Some(column) = batch.column_by_name(summed) else { continue };
        let column = column.as_primitive_opt::<Decimal128Type>().ok_or_else(|| format!("{summed} is no decimal"))?;
        for (slot, sum) in slot_names.iter().zip(sums(column, &slots, slot_names.len())?) {
            let Some(sum) = sum else { continue };
            let total = back.sums.entry(slot.clone()).or_default().entry(summed).or_insert(i256::ZERO);
            *total = total.checked_add(sum).ok_or_else(|| format!("the sum of {summed} is too large"))?;
        }
    }
    Ok(())
}

/// The currencies of a batch and, per row, which of them it has.
fn currency_slots(batch: &RecordBatch) -> (Vec<Option<String>>, Vec<usize>) {
    let Some(currencies) = batch.column_by_name(name::BILLING_CURRENCY).and_then(|c| c.as_dictionary_opt::<Int32Type>()) else {
        return (vec![None], vec![0; batch.num_rows()]);
    };
    let values = currencies.values().as_string::<i32>();
    let mut names: Vec<Option<String>> = values.iter().map(|value| value.map(str::to_owned)).collect();
    names.push(None);
    let null = names.len() - 1;
    let slots = currencies.keys().iter().map(|key| key.and_then(|key| usize::try_from(key).ok()).unwrap_or(null));
    (names, slots.collect())
}

/// Sums per slot; `None` where a slot has no value. Runs in 128 bits and spills into 256 when that is full.
fn sums(column: &Decimal128Array, slots: &[usize], count: usize) -> std::result::Result<Vec<Option<i256>>, String> {
    let mut narrow: Vec<Option<i128>> = vec![None; count];
    let mut wide = vec![i256::ZERO; count];
    let too_large = || "a sum is too large".to_owned();
    for (value, slot) in column.iter().zip(slots) {
        let Some(value) = value else { continue };
        let so_far = narrow[*slot].unwrap_or(0);
        narrow[*slot] = Some(match so_far.checked_add(value) {
            Some(sum) => sum,
            None => {
                wide[*slot] = wide[*slot].checked_add(i256::from_i128(so_far)).ok_or_else(too_large)?;
                value
            }
        });
    }
    let total = |(narrow, wide): (Option<i128>, i256)| match narrow {
        Some(narrow) => wide.checked_add(i256::from_i128(narrow)).map(Some).ok_or_else(too_large),
        None => Ok(None),
    };
    narrow.into_iter().zip(wide).map(total).collect()
}
