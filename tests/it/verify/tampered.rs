//! Data that is no longer what a run wrote.

use std::fs::{self, File};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch};
use arrow::datatypes::Decimal128Type;
use parquet::arrow::ArrowWriter;
use pecan::schema::{Table, name};

use super::*;
use crate::jobs::workshop::run;
use crate::tables::batches;

fn rewrite(path: &Path, batches: &[RecordBatch]) {
    let mut writer = ArrowWriter::try_new(File::create(path).expect("a file"), batches[0].schema(), None).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.close().expect("written");
}

/// Another amount in the first row that has one.
fn flipped(batch: &RecordBatch, column: &str) -> RecordBatch {
    let at = batch.schema().index_of(column).expect("a column");
    let old = batch.column(at).as_primitive::<Decimal128Type>();
    let first = (0..old.len()).find(|row| old.is_valid(*row) && old.value(*row) != 0).expect("an amount");
    let new: Decimal128Array = old.iter().enumerate().map(|(row, value)| if row == first { value.map(|v| v + 1) } else { value }).collect();
    let new: ArrayRef = Arc::new(new.with_data_type(old.data_type().clone()));
    let columns = batch.columns().iter().enumerate().map(|(index, column)| if index == at { Arc::clone(&new) } else { Arc::clone(column) });
    RecordBatch::try_new(batch.schema(), columns.collect()).expect("the same columns")
}

/// One amount, off by the least there is, in every table that has amounts.
#[test]
fn a_flipped_amount_is_found_and_told() {
    for format in FORMATS {
        for (table, column) in [(Table::FactCreditLine, name::CREDIT_BILLING), (Table::FactCreditDaily, name::MISSED_CREDIT_BILLING)] {
            let workshop = Workshop::sample();
            let job = job_in(&workshop, format);
            run(&job);
            let output = open_output(&job).expect("an output");
            let has_one = |path: &PathBuf| {
                batches(path).iter().any(|b| b.column_by_name(column).expect("a column").as_primitive::<Decimal128Type>().iter().flatten().any(|v| v != 0))
            };
            let path = crate::tables::live(&output, table)
                .iter()
                .map(|file| output.path_of(table, file).expect("a local file"))
                .find(has_one)
                .expect("a file with amounts");
            let tampered: Vec<RecordBatch> = batches(&path).iter().map(|batch| flipped(batch, column)).collect();
            rewrite(&path, &tampered);
            let report = verified(&job, "latest");
            must_be(&report, "different");
            assert_eq!(report.verdict().map_err(|e| (e.exit_code(), e.trouble().code)), Err((1, "verify_different")));
            let differing: Vec<_> = report.differing().collect();
            assert_eq!(differing.len(), 1, "{}", report.to_text());
            let (one, difference) = (differing[0], &differing[0].difference);
            assert_eq!((one.table, difference.only_there, difference.only_recomputed, difference.samples.len()), (table, 1, 1, 1));
            let changes = &difference.samples[0].changes;
            assert_eq!((changes.len(), changes[0].0.as_str()), (1, column));
            assert!(changes[0].1 != changes[0].2 && report.to_text().contains(" in the table, recomputed "), "{}", report.to_text());
        }
    }
}

/// The same rows in another order and other bytes are equal tables (R-AGAIN-6), and it is said that the bytes are others.
#[test]
fn other_bytes_of_the_same_rows_are_equal() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&[]));
    run(&job);
    for table in [Table::FactCreditLine, Table::FactCreditDaily, Table::FactAccessDay, Table::DimMeter] {
        let output = open_output(&job).expect("an output");
        for file in crate::tables::live(&output, table) {
            let path = output.path_of(table, &file).expect("a local file");
            let turned: Vec<RecordBatch> = batches(&path).iter().flat_map(|b| (0..b.num_rows()).rev().map(|row| b.slice(row, 1)).collect::<Vec<_>>()).collect();
            rewrite(&path, &turned);
        }
    }
    let report = verified(&job, "latest");
    must_be(&report, "equal");
    let by_rows: Vec<_> = report.compared.iter().filter(|one| one.note.as_deref().is_some_and(|note| note.contains("no longer those"))).collect();
    assert!(by_rows.len() > 4 && by_rows.iter().all(|one| one.equal), "{}", report.to_text());
}

/// Rows that are doubled or gone, a file that is gone or damaged, a dim that was edited.
#[test]
fn doubled_missing_and_damaged_data_is_found() {
    let workshop = Workshop::sample();
    let job = archive(workshop.job(&[]));
    run(&job);
    let path = live_path(&job, Table::FactCreditLine);
    let sound = fs::read(&path).expect("a file");
    let differs = |what: &str, there: u64, recomputed: u64| {
        let report = verified(&job, "latest");
        must_be(&report, "different");
        let sums = report.differing().fold((0, 0), |(a, b), one| (a + one.difference.only_there, b + one.difference.only_recomputed));
        assert_eq!((report.differing().count(), sums), (1, (there, recomputed)), "{what}: {}", report.to_text());
    };
    let rows = batches(&path);
    rewrite(&path, &[rows.clone(), vec![rows[0].slice(0, 2)]].concat());
    differs("two rows twice", 2, 0);
    rewrite(&path, &[rows[0].slice(1, rows[0].num_rows() - 1)]);
    differs("a row less", 0, 1);
    fs::write(&path, "PAR1 no more").expect("written");
    differs("damaged", 0, 0);
    fs::remove_file(&path).expect("removed");
    differs("gone", 0, 0);
    fs::write(&path, &sound).expect("written");
    must_be(&verified(&job, "latest"), "equal");

    let output = open_output(&job).expect("an output");
    let file = crate::tables::live(&output, Table::DimRole).remove(0);
    let path = output.path_of(Table::DimRole, &file).expect("a local file");
    let rows = batches(&path);
    rewrite(&path, &[rows[0].slice(0, rows[0].num_rows() - 1)]);
    differs("a role less", 0, 1);
}
