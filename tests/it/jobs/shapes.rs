//! R-PRODUCT-2, data-contracts §1: the same charges in every physical type, under every spelling of the columns' names;
//! and files that hold something unusual, or nothing.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray, UInt8Array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, TimeUnit};
use pecan::job::Job;
use pecan::schema::{Table, name};
use pecan_core::time::Day;

use super::sheets::{RawCsv, as_texts, parquet, pieces, write_csv, write_parquet};
use super::workshop::{Workshop, options, run, try_run};
use crate::tables::{Canonical, Rows, assert_equal, canonical, read, tree};

const NUMBERS: [&str; 6] = ["quantity", "paygprice", "effectiveprice", "costinpricingcurrency", "exchangeratepricingtobilling", "partnerearnedcreditrate"];
const DATES: [&str; 3] = ["date", "billingperiodstartdate", "billingperiodenddate"];
const FLAG: &str = "partnerearnedcreditapplied";

/// The archive of both months as plain text: numbers in shortest form, dates as `YYYY-MM-DD`, flags as Yes/No.
fn charges(workshop: &Workshop) -> RecordBatch {
    let months = ["2026-09", "2026-10"].map(|month| as_texts(&parquet(&workshop.path(&format!("sample_data/archive/{month}/usage.parquet")))));
    let all = concat_batches(&months[0].schema(), &months).expect("one schema");
    each_column(&all, &|name, column| match DATES.contains(&name) {
        true => Arc::new(column.as_string::<i32>().iter().map(|t| t.map(|t| &t[..10])).collect::<StringArray>()),
        false => Arc::clone(column),
    })
}

/// Every column made anew; names are given in lower case.
fn each_column(rows: &RecordBatch, make: &dyn Fn(&str, &ArrayRef) -> ArrayRef) -> RecordBatch {
    let columns: Vec<ArrayRef> = rows.schema().fields().iter().zip(rows.columns()).map(|(f, c)| make(&f.name().to_lowercase(), c)).collect();
    let fields: Vec<Field> = rows.schema().fields().iter().zip(&columns).map(|(f, c)| Field::new(f.name(), c.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
}

fn renamed(rows: &RecordBatch, rename: fn(&str) -> String) -> RecordBatch {
    let fields: Vec<Field> = rows.schema().fields().iter().map(|f| Field::new(rename(f.name()), f.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), rows.columns().to_vec()).expect("the same columns")
}

/// The sample's job reading only this folder of charges, as its archive.
fn job_on(workshop: &Workshop, folder: &str, overrides: &[&str]) -> Job {
    let output = format!("output.uri=out-{}/", folder.replace('/', "-"));
    let mut job = workshop.job(&[&[output.as_str()], overrides].concat());
    job.charges.retain(|c| c.name == "archive");
    workshop.read_files(&mut job, "archive", folder);
    job
}

fn settled(workshop: &Workshop, folder: &str, rows: &RecordBatch) -> Canonical {
    write_parquet(&workshop.path(&format!("{folder}/a.parquet")), rows, 20);
    let job = job_on(workshop, folder, &[]);
    assert_eq!(run(&job).rejections, 0, "{folder}");
    canonical(&job)
}

fn to(kind: DataType) -> impl Fn(&ArrayRef) -> ArrayRef {
    move |column| cast(column, &kind).unwrap_or_else(|e| panic!("{kind}: {e}"))
}

fn dictionary(keys: DataType) -> DataType {
    DataType::Dictionary(Box::new(keys), Box::new(DataType::Utf8))
}

/// A date as text in another form.
fn written(form: fn(&str) -> String) -> impl Fn(&ArrayRef) -> ArrayRef {
    move |column| Arc::new(column.as_string::<i32>().iter().map(|t| t.map(form)).collect::<StringArray>())
}

fn american(day: &str) -> String {
    let part = |at: std::ops::Range<usize>| day[at].trim_start_matches('0').to_owned();
    format!("{}/{}/{}", part(5..7), part(8..10), &day[..4])
}

/// 22:00 UTC of the day, in a zone two hours ahead: the local date is the next one.
fn in_zone(column: &ArrayRef) -> ArrayRef {
    let days = cast(column, &DataType::Date32).expect("days");
    let micros = days.as_primitive::<Date32Type>().iter().map(|d| d.map(|d| (i64::from(d) * 24 + 22) * 3_600_000_000));
    Arc::new(micros.collect::<arrow::array::TimestampMicrosecondArray>().with_timezone("+02:00"))
}

type Make = Box<dyn Fn(&ArrayRef) -> ArrayRef>;

fn shapes() -> Vec<(&'static str, Vec<&'static str>, Make)> {
    let texts =
        vec!["subscriptionid", "resourceid", "meterid", "productid", "billingcurrency", "chargetype", "resellermpnid", "tags", "metercategory", "pricingmodel"];
    let timestamp = |unit, zone: Option<&str>| Box::new(to(DataType::Timestamp(unit, zone.map(Into::into)))) as Make;
    let (numbers, dates) = (NUMBERS.to_vec(), DATES.to_vec());
    vec![
        ("numbers as double", numbers.clone(), Box::new(to(DataType::Float64)) as Make),
        ("numbers as decimal(38,22)", numbers.clone(), Box::new(to(DataType::Decimal128(38, 22)))),
        ("numbers as decimal(38,18)", numbers.clone(), Box::new(to(DataType::Decimal128(38, 18)))),
        ("numbers as decimal256(60,30)", numbers.clone(), Box::new(to(DataType::Decimal256(60, 30)))),
        ("numbers as large text", numbers.clone(), Box::new(to(DataType::LargeUtf8))),
        ("numbers as dictionary", numbers, Box::new(to(dictionary(DataType::UInt16)))),
        ("dates as date32", dates.clone(), Box::new(to(DataType::Date32))),
        ("dates as milliseconds", dates.clone(), timestamp(TimeUnit::Millisecond, None)),
        ("dates as microseconds UTC", dates.clone(), timestamp(TimeUnit::Microsecond, Some("UTC"))),
        ("dates as nanoseconds", dates.clone(), timestamp(TimeUnit::Nanosecond, None)),
        ("dates in another zone", dates.clone(), Box::new(in_zone)),
        ("dates as M/D/YYYY", dates.clone(), Box::new(written(american))),
        ("dates as MM/DD/YYYY", dates.clone(), Box::new(written(|d| format!("{}/{}/{}", &d[5..7], &d[8..10], &d[..4])))),
        ("dates with time", dates.clone(), Box::new(written(|d| format!("{d}T00:00:00Z")))),
        ("dates with a zone", dates, Box::new(written(|d| format!("{d}T21:30:00-02:00")))),
        ("flags as bool", vec![FLAG], Box::new(|c: &ArrayRef| cast(&written(|t| (t == "Yes").to_string())(c), &DataType::Boolean).expect("flags"))),
        ("flags as true/FALSE", vec![FLAG], Box::new(written(|t| String::from(if t == "Yes" { "true" } else { "FALSE" })))),
        ("flags as 1/0", vec![FLAG], Box::new(written(|t| String::from(if t == "Yes" { "1" } else { "0" })))),
        ("flags as int8", vec![FLAG], Box::new(|c: &ArrayRef| cast(&written(|t| u8::from(t == "Yes").to_string())(c), &DataType::Int8).expect("flags"))),
        ("flags as yEs/NO", vec![FLAG], Box::new(written(|t| String::from(if t == "Yes" { " yEs" } else { "NO " })))),
        ("large text", texts.clone(), Box::new(to(DataType::LargeUtf8))),
        ("text views", texts.clone(), Box::new(to(DataType::Utf8View))),
        ("dictionaries of 32 bits", texts.clone(), Box::new(to(dictionary(DataType::Int32)))),
        ("dictionaries of 8 bits", texts.clone(), Box::new(to(dictionary(DataType::UInt8)))),
        ("dictionaries of 64 bits", texts, Box::new(to(dictionary(DataType::Int64)))),
    ]
}

/// R-PRODUCT-2, R-AGAIN-6: what a column is made of never matters.
#[test]
fn physical_types_never_change_the_tables() {
    let workshop = Workshop::sample();
    let plain = charges(&workshop);
    let expected = settled(&workshop, "plain", &plain);
    assert!(expected["fact_credit_line"].len() > 25);
    for (at, (what, columns, make)) in shapes().into_iter().enumerate() {
        let found = plain.schema().fields().iter().filter(|f| columns.contains(&f.name().to_lowercase().as_str())).count();
        assert!(found * 2 > columns.len(), "{what}: only {found} of {columns:?}");
        let rows = each_column(&plain, &|name, column| if columns.contains(&name) { make(column) } else { Arc::clone(column) });
        assert_equal(&settled(&workshop, &format!("shape-{at}"), &rows), &expected, what);
    }
}

type Column = fn(&[i32]) -> ArrayRef;
type Rename = fn(&str) -> String;

/// R-PRODUCT-2: whole numbers as integers of any width.
#[test]
fn integers_are_numbers() {
    let workshop = Workshop::sample();
    let plain = charges(&workshop);
    let count = i32::try_from(plain.num_rows()).expect("few rows");
    let values: Vec<i32> = (0..count).map(|row| row % 7 + 1).collect();
    let integers = |make: &dyn Fn(&[i32]) -> ArrayRef| {
        each_column(&plain, &|name, column| if matches!(name, "quantity" | "paygprice") { make(&values) } else { Arc::clone(column) })
    };
    let expected = settled(&workshop, "words", &integers(&|v| Arc::new(v.iter().map(|n| Some(n.to_string())).collect::<StringArray>())));
    let shapes: [(&str, Column); 4] = [
        ("int32", |v| Arc::new(Int32Array::from(v.to_vec()))),
        ("int64", |v| Arc::new(Int64Array::from(v.iter().map(|n| i64::from(*n)).collect::<Vec<_>>()))),
        ("uint8", |v| Arc::new(UInt8Array::from(v.iter().filter_map(|n| u8::try_from(*n).ok()).collect::<Vec<_>>()))),
        ("float32", |v| cast(&Int32Array::from(v.to_vec()), &DataType::Float32).expect("floats")),
    ];
    for (what, make) in shapes {
        assert_equal(&settled(&workshop, what, &integers(&make)), &expected, what);
    }
}

/// R-PRODUCT-2: the schemas 2021-10-01 and 2023-12-01-preview differ, as far as they are read, by the case of names only.
#[test]
fn names_of_columns_are_read_in_any_case() {
    let workshop = Workshop::sample();
    let plain = charges(&workshop);
    let expected = settled(&workshop, "plain", &plain);
    let first_large = |n: &str| n[..1].to_uppercase() + &n[1..];
    let first_small = |n: &str| n[..1].to_lowercase() + &n[1..];
    let cases: [(&str, Rename); 4] =
        [("upper", |n| n.to_uppercase()), ("lower", |n| n.to_lowercase()), ("2021-10-01", first_large), ("2023-12-01", first_small)];
    for (what, rename) in cases {
        assert_equal(&settled(&workshop, what, &renamed(&plain, rename)), &expected, what);
    }
    let twice = concat_columns(&plain, &renamed(&plain, |n| n.to_uppercase()));
    write_parquet(&workshop.path("twice/a.parquet"), &twice, 100);
    let error = try_run(&job_on(&workshop, "twice", &[]), &options()).expect_err("two columns of one name");
    assert_eq!(error.exit_code(), 3, "{error}");
}

fn concat_columns(a: &RecordBatch, b: &RecordBatch) -> RecordBatch {
    let fields: Vec<Field> = a.schema().fields().iter().chain(b.schema().fields().iter()).map(|f| f.as_ref().clone()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), a.columns().iter().chain(b.columns()).cloned().collect()).expect("columns of one length")
}

/// R-AGAIN-1: a file that holds two billing months has output in both, like two files.
#[test]
fn a_file_may_hold_two_billing_months() {
    let workshop = Workshop::sample();
    let plain = charges(&workshop);
    let mut expected = settled(&workshop, "one", &plain);
    for (at, piece) in pieces(&plain, 2).iter().enumerate() {
        write_parquet(&workshop.path(&format!("two/{at}/a.parquet")), piece, 1000);
    }
    let job = job_on(&workshop, "two", &[]);
    run(&job);
    assert_equal(&canonical(&job), &expected, "two files");
    let one = job_on(&workshop, "one", &[]);
    let lines = read(&one, Table::FactCreditLine);
    let months = lines.column(name::BILLING_MONTH);
    assert!(months.contains(&"2026-09") && months.contains(&"2026-10"));
    let rows: Vec<i64> = lines.column(name::SOURCE_ROW).iter().map(|r| r.parse().expect("a row")).collect();
    assert_eq!(rows.len(), plain.num_rows());
    assert!(expected.remove("fact_credit_daily").is_some_and(|d| !d.is_empty()));
}

/// R-CONSERVE: a file in which no row can be understood gives rejections only; above the limit nothing is committed (exit 7).
#[test]
fn a_file_of_rejections_only() {
    let workshop = Workshop::sample();
    let plain = charges(&workshop);
    let bad = each_column(&plain, &|name, column| if name == "quantity" { Arc::new(StringArray::from(vec!["x"; column.len()])) } else { Arc::clone(column) });
    write_parquet(&workshop.path("bad/a.parquet"), &bad, 20);
    let error = try_run(&job_on(&workshop, "bad", &[]), &options()).expect_err("too many rejections");
    assert_eq!(error.exit_code(), 7, "{error}");
    assert!(tree(&workshop.path("jobs/out-bad")).values().all(Option::is_none), "files are left behind");
    let job = job_on(&workshop, "bad", &["limits.rejections=\"100%\""]);
    let summary = run(&job);
    assert_eq!((summary.rows_read, summary.credit_lines, summary.rejections), (plain.num_rows() as u64, 0, plain.num_rows() as u64));
    let rejections = read(&job, Table::Rejection);
    let of_charges = rejections.rows.iter().filter(|row| rejections.cell(row, name::SOURCE) == "archive").collect::<Vec<_>>();
    assert_eq!(of_charges.len(), plain.num_rows());
    assert!(of_charges.iter().all(|row| rejections.cell(row, name::REASON) == "not_a_number" && rejections.cell(row, name::VALUE) == "x"));
    assert!(read(&job, Table::FactCreditLine).rows.is_empty());
    assert!(run(&job).nothing_to_do);
}

/// R-AGAIN-1: files without rows are settled, too, and beside others change nothing.
#[test]
fn files_without_rows() {
    let workshop = Workshop::sample();
    let plain = charges(&workshop);
    let none = plain.slice(0, 0);
    write_parquet(&workshop.path("none/a.parquet"), &none, 20);
    write_csv(&workshop.path("none/b.csv"), &none);
    write_csv(&workshop.path("none/c.csv.gz"), &none);
    let job = job_on(&workshop, "none", &[]);
    assert_eq!(run(&job).rows_read, 0);
    assert!(read(&job, Table::FactCreditLine).rows.is_empty());
    assert!(run(&job).nothing_to_do, "a group without any row is not settled again and again");
    let expected = settled(&workshop, "some", &plain);
    write_csv(&workshop.path("some/0.csv"), &none);
    let job = job_on(&workshop, "some", &[]);
    run(&job);
    assert_equal(&canonical(&job), &expected, "beside an empty file");
    std::fs::write(workshop.path("some/1.csv"), b"").expect("written");
    let error = try_run(&job, &options()).expect_err("a CSV file without a header");
    assert!(error.exit_code() == 3 && error.to_string().contains("1.csv"), "{error}");
    assert_equal(&canonical(&job), &expected, "after the failed run");
}

/// Carried columns hold the source's text unchanged, other types in their shortest text form, absent ones null.
#[test]
fn carried_columns_pass_unchanged() {
    let workshop = Workshop::sample();
    let job = workshop.job(&["output.carry=[\"Tags\", \"meterCategory\", \"PayGPrice\", \"notThere\"]"]);
    run(&job);
    let lines = read(&job, Table::FactCreditLine);
    let cells = |lines: &Rows, file: &str, column: &str| -> Vec<(i64, Option<String>)> {
        let at = lines.names.iter().position(|n| n == column).expect("a carried column");
        let ours = lines.rows.iter().filter(|row| lines.cell(row, name::SOURCE_FILE) == file);
        let mut cells: Vec<_> = ours.map(|row| (lines.cell(row, name::SOURCE_ROW).parse().expect("a row"), row[at].clone())).collect();
        cells.sort();
        cells
    };
    let archive = as_texts(&parquet(&workshop.path("sample_data/archive/2026-09/usage.parquet")));
    for column in ["Tags", "meterCategory", "PayGPrice"] {
        let written =
            archive.schema().fields().iter().position(|f| f.name().eq_ignore_ascii_case(column)).map(|at| archive.column(at).as_string::<i32>().clone());
        for (row, given) in cells(&lines, "2026-09/usage.parquet", column) {
            let at = usize::try_from(row - 1).expect("a row");
            let expected = written.as_ref().and_then(|w| w.iter().nth(at).flatten());
            assert_eq!(given.as_deref(), expected, "{column}, row {row}");
        }
    }
    let file = "fabrikam-daily/20261001-20261031/part_0_0001.csv";
    let raw =
        RawCsv::read(&workshop.path("sample_data/exports/fabrikam/fabrikam-daily/20261001-20261031/22222222-0000-4000-8000-000000000007/part_0_0001.csv"));
    let mut reader = csv::Reader::from_reader(std::io::Cursor::new([raw.header.clone(), raw.records.concat()].concat()));
    let tags = reader.headers().expect("a header").iter().position(|n| n.eq_ignore_ascii_case("tags")).expect("tags");
    let written: Vec<String> = reader.records().map(|r| r.expect("a record")[tags].to_owned()).collect();
    for (row, given) in cells(&lines, file, "Tags") {
        assert_eq!(given.unwrap_or_default(), written[usize::try_from(row - 1).expect("a row")], "row {row}");
    }
    assert!(lines.column("notThere").iter().all(|cell| cell.is_empty()));
    assert!(lines.column(name::USAGE_DATE).contains(&Day(20_697).to_string().as_str()));
}
