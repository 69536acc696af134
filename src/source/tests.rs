//! Tests of discovery and reading, on files made here.

mod discovery;
mod hostile;
mod reading;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::{ChargeBatch, ChargeFile, ChargeReader, FileKind};
use crate::columns::Text;
use crate::error::Result;
use crate::store;

/// The required columns.
const NEEDED: &str = "date,SubscriptionId,meterId,ProductId,quantity,PayGPrice,pricingCurrency,billingCurrency,chargeType";

/// Where test material nobody here wrote is.
fn corpora() -> PathBuf {
    std::env::var_os("PECAN_CORPORA").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from)
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn charge_file(path: &Path) -> ChargeFile {
    let name = path.file_name().unwrap().to_str().unwrap();
    ChargeFile {
        at: path.into(),
        source_file: name.into(),
        source_run: None,
        place: format!("in/{name}"),
        bytes: fs::metadata(path).unwrap().len(),
        hash: store::content_hash(path).unwrap(),
        kind: FileKind::of(name).unwrap(),
        expected_rows: None,
    }
}

fn read_all(file: &ChargeFile, carry: &[&str]) -> Result<Vec<ChargeBatch>> {
    let carry: Vec<String> = carry.iter().map(|c| c.to_string()).collect();
    let mut reader = ChargeReader::open(file, &carry)?;
    let mut batches = Vec::new();
    while let Some(raw) = reader.next()? {
        batches.push(raw.decode()?);
    }
    Ok(batches)
}

/// One batch, or the message.
fn read_one(path: &Path) -> std::result::Result<ChargeBatch, String> {
    match read_all(&charge_file(path), &["Tags"]) {
        Ok(mut batches) => Ok(batches.remove(0)),
        Err(e) => {
            assert_eq!(e.exit_code(), 3, "{e}");
            Err(e.to_string())
        }
    }
}

fn csv(dir: &Path, text: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join("part.csv");
    write(&path, text);
    path
}

fn strings(column: &Text) -> Vec<Option<String>> {
    column.downcast_dict::<StringArray>().unwrap().into_iter().map(|v| v.map(str::to_string)).collect()
}

fn some(words: &[&str]) -> Vec<Option<String>> {
    words.iter().map(|w| Some(w.to_string())).collect()
}

/// The required columns for `rows` rows, with values of their own.
fn needed(rows: usize) -> Vec<(String, ArrayRef)> {
    let text = |word: &str| Arc::new(StringArray::from_iter_values((0..rows).map(|_| word))) as ArrayRef;
    let decimal =
        |unit: i128| Arc::new(Decimal128Array::from_iter_values((0..rows).map(|i| unit * i as i128)).with_precision_and_scale(38, 18).unwrap()) as ArrayRef;
    let names = NEEDED.split(',').map(str::to_string);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_iter_values((0..rows).map(|i| 20_700 + (i % 30) as i32))),
        Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("sub-{}", i % 7)))),
        text("meter"),
        text("DZH318Z0BNZ5006G"),
        decimal(1_000_000_000_000_000_000),
        decimal(10_000_000_000_000_000),
        text("USD"),
        text("EUR"),
        text("Usage"),
    ];
    names.zip(columns).collect()
}

fn parquet(path: &Path, columns: Vec<(String, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
