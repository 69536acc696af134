//! The sample's September against the second opinion.

use std::collections::{BTreeMap, BTreeSet};

use pecan::schema::{Table, name};

use super::{FORMATS, options, reconciled};
use crate::jobs::workshop::{Workshop, repository, run};
use crate::tables::{Rows, data_bytes, read, unscaled};

/// Grain, place or key, with credit, currency → cause and difference.
type Found = BTreeMap<(String, String), (String, i128)>;

fn expected() -> Found {
    let text = std::fs::read_to_string(repository().join("sample_data/expected_differences.csv")).unwrap();
    let mut found = Found::new();
    for line in text.lines().skip(1) {
        let cell: Vec<&str> = line.split(',').collect();
        let key = match cell[0] {
            "charge" => format!("{}:{}", cell[2], cell[3]),
            _ => cell[4..9].join("|"),
        };
        found.insert((cell[0].to_owned(), format!("{key} {}", cell[9])), (cell[11].to_owned(), unscaled(cell[10])));
    }
    found
}

/// The rows of the table; those of one line or total are added up over their causes.
fn seen(rows: &Rows) -> Found {
    let mut found = Found::new();
    for row in &rows.rows {
        let cell = |column: &str| rows.cell(row, column);
        let charge = cell(name::GRAIN) == "charge";
        let key = match charge {
            true => format!("{}:{}", cell(name::SOURCE_FILE), cell(name::SOURCE_ROW)),
            false => [name::CUSTOMER_ID, name::PLAN_ID, name::PRODUCT_ID, name::SKU_ID, name::WITH_CREDIT].map(cell).join("|"),
        };
        let cause = if charge { cell(name::CAUSE) } else { "" };
        let sum = found.entry((cell(name::GRAIN).to_owned(), format!("{key} {}", cell(name::CURRENCY)))).or_insert((cause.to_owned(), 0));
        sum.1 += unscaled(cell(name::DIFFERENCE));
    }
    found.retain(|_, (_, difference)| *difference != 0);
    found
}

/// R-MONTH-1 to R-MONTH-4: every difference of the sample's month, and no other.
#[test]
fn every_difference_of_the_sample_is_found_to_the_last_digit() {
    for format in FORMATS {
        let workshop = Workshop::sample();
        let job = workshop.job(&[&format!("output.format=\"{format}\"")]);
        run(&job);
        let report = reconciled(&job, "2026-09");
        let rows = read(&job, Table::FactDifference);
        let (found, wanted) = (seen(&rows), expected());
        let keys: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
        let wrong: Vec<String> = keys
            .into_iter()
            .filter(|key| found.get(*key) != wanted.get(*key))
            .map(|key| format!("{key:?}: {:?} where {:?} was expected", found.get(key), wanted.get(key)))
            .collect();
        assert!(wrong.is_empty(), "{format}\n{}", wrong.join("\n"));
        for row in &rows.rows {
            let amount = |column: &str| Some(rows.cell(row, column)).filter(|text| !text.is_empty()).map_or(0, unscaled);
            assert_eq!(amount(name::OURS) - amount(name::STATEMENT), amount(name::DIFFERENCE), "{row:?}");
            assert_ne!(amount(name::DIFFERENCE), 0, "{row:?}");
            assert_eq!(rows.cell(row, name::BILLING_MONTH), "2026-09");
        }
        let planted = [(7, "missing_credit"), (6, "rate"), (12, "price_adjustment"), (14, "missing_in_statement"), (4, "price"), (21, "quantity")];
        for (customer, cause) in planted {
            let id = format!("aaaaaaaa-0000-4000-8000-{customer:012}");
            let there = rows.rows.iter().any(|row| {
                let cell = |column: &str| rows.cell(row, column);
                cell(name::GRAIN) == "invoice_line" && cell(name::CUSTOMER_ID) == id && cell(name::CAUSE) == cause
            });
            assert!(there, "{cause} of customer {customer}");
        }
        let error = report.verdict().unwrap_err();
        assert_eq!((error.exit_code(), error.trouble().code), (6, "difference_above_tolerance"));
        check_report(&report.to_json(), &rows);
    }
}

/// The report says what the table says, and every charge it names can be explained.
fn check_report(json: &serde_json::Value, rows: &Rows) {
    let amount = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        let (whole, places) = text.split_once('.').unwrap_or((text, ""));
        unscaled(&format!("{whole}{places:0<12}"))
    };
    for total in json["totals"].as_array().unwrap() {
        let (grain, currency) = (total["grain"].as_str().unwrap(), total["currency"].as_str().unwrap());
        let of = |row: &&Vec<Option<String>>| rows.cell(row, name::GRAIN) == grain && rows.cell(row, name::CURRENCY) == currency;
        let sum: i128 = rows.rows.iter().filter(of).map(|row| unscaled(rows.cell(row, name::DIFFERENCE))).sum();
        assert_eq!(sum, amount(&total["difference"]), "{grain} {currency} (R-MONTH-4)");
    }
    assert_eq!(json["totals"].as_array().unwrap().len(), 6, "three grains, two currencies");
    assert_eq!(json["statement"]["rejections"], 1);
    assert_eq!(json["statement"]["other_months"]["2026-08"], 1);
    let commands = json["charges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|top| &top["command"])
        .chain(json["lines"].as_array().unwrap().iter().filter_map(|l| l["charge"].get("command")));
    let commands: Vec<&str> = commands.map(|command| command.as_str().unwrap()).collect();
    assert!(commands.len() > 10 && commands.iter().all(|c| c.starts_with("pecan explain ") && c.contains(" --line '")), "{commands:?}");
    let remedies = json["remedies"].as_array().unwrap();
    let causes: BTreeSet<&str> = remedies.iter().map(|r| r["cause"].as_str().unwrap()).collect();
    assert!(["removed", "no_assignment", "reader_only", "unlinked_principal"].iter().all(|cause| causes.contains(cause)), "{causes:?}");
    let rates: Vec<i128> = remedies.iter().map(|r| r["per_month"].as_array().unwrap().iter().map(|p| amount(&p["missed_credit"])).max().unwrap()).collect();
    assert!(rates.is_sorted_by(|a, b| a >= b), "the dearest first: {rates:?}");
    let removed = remedies.iter().find(|r| r["cause"] == "removed" && r["stopped"]["caller"].is_string()).expect("a removal with its caller");
    assert!(removed["command"].as_str().unwrap().starts_with("az role assignment create --role "));
}

/// What is missed for want of access in the month is what the daily table says.
#[test]
fn remedies_speak_of_the_money_of_the_daily_table() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let report = reconciled(&job, "2026-09");
    let daily = read(&job, Table::FactCreditDaily);
    let mut missed: BTreeMap<Option<String>, i128> = BTreeMap::new();
    for row in &daily.rows {
        let cell = |column: &str| daily.cell(row, column);
        let access = ["no_access", "role_not_earning", "not_linked", "gap"].contains(&cell(name::OUTCOME));
        if access && cell(name::BILLING_MONTH) == "2026-09" && cell(name::EVIDENCE) != "before_first_record" {
            *missed.entry(Some(cell(name::BILLING_CURRENCY).to_owned())).or_default() += unscaled(cell(name::MISSED_CREDIT_BILLING));
        }
    }
    let told: BTreeMap<Option<String>, i128> = report.remedies.total.iter().map(|(currency, missed)| (currency.clone(), missed.credit)).collect();
    assert_eq!((told, report.remedies.unnamed), (missed, 0));
}

#[test]
fn threads_do_not_matter_and_without_a_statement_there_is_the_grain_of_charges() {
    let mut bytes = Vec::new();
    for threads in [1, 8] {
        let workshop = Workshop::sample();
        let mut job = workshop.job(&[]);
        job.reference.statement.clear();
        run(&job);
        let report = pecan::reconcile::reconcile(&job, &options("2026-10", threads)).unwrap();
        let rows = read(&job, Table::FactDifference);
        assert!(!rows.rows.is_empty() && rows.column(name::GRAIN).iter().all(|grain| *grain == "charge"));
        assert!(report.statement.is_none() && report.net.is_none());
        bytes.push(data_bytes(&job).into_iter().filter(|((table, ..), _)| *table == Table::FactDifference.name()).map(|(_, bytes)| bytes).collect::<Vec<_>>());
    }
    assert_eq!(bytes[0], bytes[1]);
}
