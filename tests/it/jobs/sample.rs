//! `jobs/daily.toml` on the sample against the second opinion of `sample_data/expect*.py`.

use std::collections::BTreeMap;
use std::path::Path;

use pecan::schema::{Table, name};
use serde_json::Value;

use super::workshop::{Workshop, run};
use crate::tables::{self, Rows, unscaled};

/// A CSV file as rows.
fn csv_rows(path: &Path) -> Rows {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let names = reader.headers().expect("a header").iter().map(String::from).collect();
    let text = |cell: &str| (!cell.is_empty()).then(|| String::from(cell));
    let rows = reader.records().map(|record| record.expect("a record").iter().map(text).collect());
    Rows { rows: rows.collect(), names }
}

/// The columns of a file that are kept in a table under the same name; instants without zone and empty fractions.
fn picked(rows: &Rows, columns: &[String]) -> Vec<Vec<String>> {
    let plain = |column: &str, cell: &str| match column {
        name::GAP_FROM | name::GAP_UNTIL => cell.trim_end_matches('Z').trim_end_matches(".000000").to_owned(),
        _ => String::from(cell),
    };
    let mut picked: Vec<Vec<String>> = rows.rows.iter().map(|row| columns.iter().map(|c| plain(c, rows.cell(row, c))).collect()).collect();
    picked.sort();
    picked
}

/// R-CONSERVE, R-MONEY and every outcome: each line as the second opinion has it.
#[test]
fn every_line_of_the_sample_is_as_expected() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let expected = csv_rows(&workshop.path("sample_data/expected_outcomes.csv"));
    let lines = tables::read(&job, Table::FactCreditLine);
    assert_eq!(lines.rows.len(), expected.rows.len());
    // missed_credit_billing is a column of the daily sums: see below.
    let columns: Vec<String> = expected.names.iter().filter(|n| *n != name::MISSED_CREDIT_BILLING).cloned().collect();
    for (given, expected) in picked(&lines, &columns).iter().zip(picked(&expected, &columns)) {
        assert_eq!(*given, expected, "columns {columns:?}");
    }
    let sums = |rows: &Rows| {
        let mut sums: BTreeMap<Vec<String>, i128> = BTreeMap::new();
        for row in &rows.rows {
            let key = [name::USAGE_DATE, name::OUTCOME, name::EVIDENCE, name::BILLING_CURRENCY].map(|c| String::from(rows.cell(row, c)));
            *sums.entry(key.to_vec()).or_default() += unscaled(rows.cell(row, name::MISSED_CREDIT_BILLING));
        }
        sums
    };
    assert_eq!(sums(&tables::read(&job, Table::FactCreditDaily)), sums(&expected));
}

#[test]
fn every_rejection_of_the_sample_is_as_expected() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let given = tables::read(&job, Table::Rejection);
    let of_charges = Rows { rows: given.rows.iter().filter(|row| !given.cell(row, name::GROUP_ID).is_empty()).cloned().collect(), names: given.names.clone() };
    let places = |rows: &Rows, columns: [&str; 5]| {
        let place = |row: &Vec<_>| columns.map(|c| rows.cell(row, c).to_lowercase());
        let mut places: Vec<[String; 5]> = rows.rows.iter().map(place).collect();
        places.sort();
        places
    };
    let expected = csv_rows(&workshop.path("sample_data/expected_rejections.csv"));
    assert_eq!(
        places(&of_charges, [name::SOURCE, name::FILE, name::ROW, name::REASON, name::COLUMN]),
        places(&expected, [name::SOURCE, name::SOURCE_FILE, name::SOURCE_ROW, name::REASON, name::COLUMN])
    );
    let mut others: BTreeMap<&str, u64> = BTreeMap::new();
    for row in given.rows.iter().filter(|row| given.cell(row, name::GROUP_ID).is_empty()) {
        *others.entry(given.cell(row, name::REASON)).or_default() += 1;
        assert!(!given.cell(row, name::FILE).is_empty() && !given.cell(row, name::MESSAGE).is_empty());
    }
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(workshop.path("sample_data/totals.json")).expect("totals")).expect("JSON");
    assert_eq!(serde_json::json!(others), expected["rejections_other"]);
}

/// The real binary: JSON on standard output and nothing else, exit codes, and "nothing to do" the second time.
#[test]
fn the_binary_reports_the_expected_totals() {
    let workshop = Workshop::sample();
    let pecan = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pecan")).current_dir(workshop.path("")).args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let arguments = ["run", "jobs/daily.toml", "--output-format", "json"];
    let given: Value = serde_json::from_str(&pecan(&arguments)).expect("one JSON object");
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(workshop.path("sample_data/totals.json")).expect("totals")).expect("JSON");
    for key in ["rows_read", "credit_lines", "rejections", "operands_rounded"] {
        assert_eq!(given[key], expected[key], "{key}");
    }
    assert_eq!(given["rejections_other"], 3);
    assert_eq!(exact(&given["totals"]), exact(&expected["totals"]));
    assert_eq!(exact(&given["outcomes"]), exact(&expected["outcomes"]));
    let again: Value = serde_json::from_str(&pecan(&arguments)).expect("one JSON object");
    assert_eq!(again["nothing_to_do"], true);
    assert!(pecan(&["run", "jobs/daily.toml"]).contains("Nothing to do"));
}

/// The objects of a list in one order, amounts at twelve places.
fn exact(list: &Value) -> Vec<BTreeMap<String, String>> {
    let amount = |text: &str| match text.parse::<f64>() {
        Ok(_) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            format!("{whole}.{fraction:0<12}")
        }
        Err(_) => String::from(text),
    };
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), amount);
    let object = |value: &Value| value.as_object().expect("an object").iter().map(|(k, v)| (k.clone(), cell(v))).collect();
    let mut objects: Vec<BTreeMap<String, String>> = list.as_array().expect("a list").iter().map(object).collect();
    objects.sort();
    objects
}
