//! Data-contracts §1.2, R-AGAIN-6: the sample's audit log rewritten as storage accounts keep it, as `az` prints it and as
//! JSON Lines of the table; whoever wrote it, the tables are the same.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray};
use pecan::files_read::FilesRead;
use pecan::job::{Job, RunOptions};
use pecan_core::event::{AuditRecord, Place};
use serde_json::{Map, Value, json};

use super::sheets::{as_texts, parquet, write_bytes};
use super::workshop::{Workshop, options, run, run_with};
use crate::oracle::world::Dice;
use crate::tables::{Canonical, assert_equal, canonical};

/// The records of the sample's log: column → text, nulls left out.
fn records(workshop: &Workshop) -> Vec<BTreeMap<String, String>> {
    let mut records = Vec::new();
    for month in ["2026-09", "2026-10"] {
        let rows = as_texts(&parquet(&workshop.path(&format!("sample_data/audit/{month}.parquet"))));
        for row in 0..rows.num_rows() {
            let cell = |(at, field): (usize, &std::sync::Arc<arrow::datatypes::Field>)| {
                let column = rows.column(at).as_string::<i32>();
                column.is_valid(row).then(|| (field.name().clone(), column.value(row).to_owned()))
            };
            records.push(rows.schema().fields().iter().enumerate().filter_map(cell).collect());
        }
    }
    assert_eq!(records.len(), 244);
    records
}

fn object(text: Option<&String>) -> Map<String, Value> {
    text.map(|text| serde_json::from_str(text).expect("a JSON object")).unwrap_or_default()
}

fn authorization(record: &BTreeMap<String, String>) -> Map<String, Value> {
    object(record.get("Authorization").or(record.get("Authorization_d")))
}

/// As a storage account keeps it. Where the event data id stands is not documented; here it is among the properties.
fn stored(record: &BTreeMap<String, String>, dice: &mut Dice) -> Value {
    let mut properties = object(record.get("Properties"));
    properties.insert("eventDataId".into(), json!(record["EventDataId"]));
    if dice.below(2) == 0
        && let Some(body) = properties.remove("requestbody")
    {
        let inner = serde_json::from_str(body.as_str().expect("text")).expect("JSON");
        properties.insert("requestBody".into(), if dice.below(2) == 0 { body } else { inner });
    }
    let properties = if dice.below(3) == 0 { Value::String(Value::Object(properties).to_string()) } else { Value::Object(properties) };
    json!({"time": record["TimeGenerated"], "resourceId": record["_ResourceId"].to_uppercase(), "operationName": record["OperationNameValue"],
        "category": "Administrative", "resultType": record["ActivityStatusValue"], "correlationId": record["CorrelationId"],
        "resultSignature": format!("{}.{}", record["ActivityStatusValue"], record["ActivitySubstatusValue"]), "durationMs": 0,
        "callerIpAddress": "203.0.113.7", "level": "Information", "properties": properties,
        "identity": {"authorization": authorization(record), "claims": {
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": record["Caller"], "iat": "1772000000"}}})
}

/// As `az monitor activity-log list` prints it.
fn printed(record: &BTreeMap<String, String>) -> Value {
    let both = |column: &str| json!({"value": record[column], "localizedValue": format!("({})", record[column])});
    json!({"authorization": authorization(record), "caller": record["Caller"], "correlationId": record["CorrelationId"], "description": "",
        "eventDataId": record["EventDataId"], "eventTimestamp": record["TimeGenerated"], "operationName": both("OperationNameValue"),
        "properties": object(record.get("Properties")), "resourceId": record["_ResourceId"], "status": both("ActivityStatusValue"),
        "subStatus": both("ActivitySubstatusValue"), "claims": {}, "level": "Informational"})
}

fn lines(records: impl IntoIterator<Item = Value>) -> String {
    records.into_iter().map(|record| format!("{record}\n")).collect()
}

/// One file an hour and subscription; in some of them all records in one document, some gzipped.
fn write_tree(folder: &Path, records: &[BTreeMap<String, String>], dice: &mut Dice) {
    let mut hours: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in records {
        let time = &record["TimeGenerated"];
        let (year, month, day, hour) = (&time[..4], &time[5..7], &time[8..10], &time[11..13]);
        let subscription = record.get("SubscriptionId").map_or(String::from("NONE"), |s| s.to_uppercase());
        let hour = format!("insights-activity-logs/resourceId=/SUBSCRIPTIONS/{subscription}/y={year}/m={month}/d={day}/h={hour}/m=00/PT1H.json");
        hours.entry(hour).or_default().push(stored(record, dice));
    }
    assert!(hours.len() > 150);
    for (name, records) in hours {
        let text = if dice.below(4) == 0 { json!({"records": records}).to_string() } else { lines(records) };
        write_bytes(&folder.join(if dice.below(4) == 0 { format!("{name}.gz") } else { name }), text.as_bytes());
    }
}

fn job_on(workshop: &Workshop, uri: &str, format: &str) -> Job {
    let settings = [format!("audit.activity.uri=../{uri}"), format!("audit.activity.format={format}"), format!("output.uri=out-{uri}")];
    workshop.job(&settings.each_ref().map(String::as_str))
}

/// Everything R-AGAIN-6 compares, and the counts of the run report.
fn told(job: &Job, options: &RunOptions) -> (Canonical, BTreeMap<String, u64>) {
    let summary = run_with(job, options);
    (canonical(job), summary.counts.iter().map(|(word, count)| ((*word).to_string(), *count)).collect())
}

/// All that is read from the log, but for its place: callers, ids and bodies, too.
fn read_log(job: &Job) -> Vec<AuditRecord> {
    let mut input = pecan::audit::read(job, &mut FilesRead::default()).unwrap_or_else(|e| panic!("{e}"));
    input.records.iter_mut().for_each(|record| record.place = Place { file: 0, row: 0 });
    input.records.sort_by_key(|record| format!("{record:?}"));
    input.records
}

#[test]
fn every_form_of_the_log_gives_the_same_tables() {
    let workshop = Workshop::sample();
    let parquet = workshop.job_to("out-parquet/");
    let (expected, counts) = told(&parquet, &options());
    let log = read_log(&parquet);
    assert!(log.len() == 44 && log.iter().all(|r| r.caller.as_deref() == Some("admin@contoso.example")));
    assert!(counts["audit_duplicates"] > 0 && counts["audit_records_passed_over"] == 200, "{counts:?}");
    let (records, mut dice) = (records(&workshop), Dice::new(4));
    let half = records.len() / 2;
    let row = |r: &BTreeMap<String, String>| json!(r);
    write_tree(&workshop.path("tree"), &records, &mut dice);
    write_bytes(&workshop.path("az/all.json"), serde_json::to_string_pretty(&records.iter().map(printed).collect::<Vec<_>>()).expect("JSON"));
    write_bytes(&workshop.path("rest/1.json"), json!({"value": records[..half].iter().map(printed).collect::<Vec<_>>()}).to_string());
    write_bytes(&workshop.path("rest/2.json"), json!({"value": records[half..].iter().map(printed).collect::<Vec<_>>()}).to_string());
    write_bytes(&workshop.path("rows/1.json"), lines(records[..half].iter().map(row)));
    write_bytes(&workshop.path("rows/2.jsonl.gz"), lines(records[half..].iter().map(row)));
    write_bytes(&workshop.path("both/1.json"), lines(records[..half].iter().map(row)));
    std::fs::copy(workshop.path("sample_data/audit/2026-10.parquet"), workshop.path("both/2.parquet")).expect("copied");
    std::fs::copy(workshop.path("sample_data/audit/2026-09.parquet"), workshop.path("both/3.parquet")).expect("copied");
    for (uri, format) in [("tree", "activity-log-json"), ("az", "activity-log-json"), ("rest", "activity-log-json"), ("rows", "azure-activity")] {
        let job = job_on(&workshop, uri, format);
        let (tables, seen) = told(&job, &RunOptions { threads: 3, ..options() });
        assert_equal(&tables, &expected, uri);
        assert_eq!(seen, counts, "{uri}");
        assert_eq!(read_log(&job), log, "{uri}");
        assert!(run(&job).nothing_to_do, "{uri}");
    }
    let both = job_on(&workshop, "both", "azure-activity");
    run(&both);
    assert_equal(&canonical(&both), &expected, "JSON Lines and Parquet side by side");
}

/// Details 27: what is being written when the run begins is read by the next run.
#[test]
fn a_line_that_is_being_written_is_read_by_the_next_run() {
    let workshop = Workshop::sample();
    let (expected, ..) = told(&workshop.job_to("out-parquet/"), &options());
    let records = records(&workshop);
    let folder = "tree/resourceId=/SUBSCRIPTIONS/ALL/y=2026/m=10/d=18/h=05/m=00/PT1H.json";
    let text = lines(records.iter().map(|record| stored(record, &mut Dice::new(1))));
    write_bytes(&workshop.path(folder), &text[..text.len() - 30]);
    let job = job_on(&workshop, "tree", "activity-log-json");
    let summary = run(&job);
    assert_eq!(summary.counts.get("cut_last_lines"), Some(&1));
    write_bytes(&workshop.path(folder), text);
    let summary = run(&job);
    assert!(!summary.counts.contains_key("cut_last_lines"));
    assert_equal(&canonical(&job), &expected, "after the line is complete");
}
