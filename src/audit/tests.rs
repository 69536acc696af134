mod damage;
mod json;
mod split;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use pecan_core::event::{Action, Body, Space};
use pecan_core::time::parse_instant;

use super::*;
use crate::job::{AuditFormat, AuditSource};

const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/DELETE";
const OTHER: &str = "Microsoft.Compute/virtualMachines/write";
const A1: &str = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Authorization/roleAssignments/A-1";

/// One record; empty text is null.
#[derive(Clone, Default)]
struct Record {
    time: &'static str,
    operation: &'static str,
    status: &'static str,
    event: &'static str,
    authorization: String,
    properties: String,
}

fn record(time: &'static str, operation: &'static str, status: &'static str, event: &'static str) -> Record {
    Record { time, operation, status, event, ..Record::default() }
}

fn at_a1(record: Record) -> Record {
    Record { authorization: serde_json::json!({"scope": A1, "evidence": {"roleAssignmentId": "not-this", "principalId": "nor-this"}}).to_string(), ..record }
}

fn with_body(record: Record) -> Record {
    let body = serde_json::json!({"Id": "A-1", "Properties": {"PrincipalId": "P", "RoleDefinitionId": "/x/R", "Scope": "/subscriptions/S/resourceGroups/RG"}});
    Record { properties: serde_json::json!({"requestbody": body.to_string()}).to_string(), ..record }
}

fn texts<'a>(cells: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(cells.map(|c| Some(c).filter(|c| !c.is_empty())).collect::<StringArray>())
}

/// The usual columns, TimeGenerated as text, the operation as a dictionary, other names in odd case.
fn columns(records: &[Record]) -> Vec<(&'static str, ArrayRef)> {
    let operations: DictionaryArray<Int32Type> = records.iter().map(|r| Some(r.operation).filter(|o| !o.is_empty())).collect();
    vec![
        ("timegenerated", texts(records.iter().map(|r| r.time))),
        ("OperationNameValue", Arc::new(operations)),
        ("ACTIVITYSTATUSVALUE", texts(records.iter().map(|r| r.status))),
        ("CorrelationId", texts(records.iter().map(|_| "C-1"))),
        ("EventDataId", texts(records.iter().map(|r| r.event))),
        ("Authorization_d", texts(records.iter().map(|r| r.authorization.as_str()))),
        ("Properties", texts(records.iter().map(|r| r.properties.as_str()))),
        ("Caller", texts(records.iter().map(|_| "me@x"))),
        ("Level", Arc::new(Int64Array::from(vec![1; records.len()]))),
    ]
}

fn write(path: &Path, columns: Vec<(&'static str, ArrayRef)>, rows_of_group: usize) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_of_group)).build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn read_folder(folder: &Path) -> Result<(AuditInput, FilesRead)> {
    read_as(AuditFormat::AzureActivity, folder)
}

fn read_as(format: AuditFormat, folder: &Path) -> Result<(AuditInput, FilesRead)> {
    let source = AuditSource { name: "activity".into(), uri: folder.display().to_string(), uri_as_written: "logs/".into(), format };
    let mut files = FilesRead::default();
    let input = read_sources(&[source], &mut files)?;
    Ok((input, files))
}

fn read_columns(columns: Vec<(&'static str, ArrayRef)>) -> Result<(AuditInput, FilesRead)> {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.parquet"), columns, 2);
    read_folder(dir.path())
}

fn read_records(records: &[Record]) -> AuditInput {
    read_columns(columns(records)).unwrap().0
}

#[test]
fn records_are_read_across_row_groups_and_others_only_by_time() {
    let records = [
        record("2026-09-01T00:00:00Z", OTHER, "Success", "e0"),
        record("2026-09-01T00:00:01Z", "", "", ""),
        with_body(at_a1(record("2026-09-02T10:00:00.1234567Z", WRITE, "Start", "e1"))),
        at_a1(record("2026-09-02T10:00:01Z", WRITE, "Succeeded", "e2")),
        record("2026-09-02T10:00:02Z", OTHER, "Success", "e3"),
        at_a1(record("2026-09-03", DELETE, "success", "e4")),
        record("9/4/2026", OTHER, "Success", "e5"),
    ];
    let (input, files) = read_columns(columns(&records)).unwrap();
    assert_eq!((input.rows, input.passed_over, input.rejections.len()), (7, 4, 0));
    assert_eq!((input.first, input.newest), (parse_instant("2026-09-01"), parse_instant("2026-09-04")));
    let rows: Vec<(u64, bool, Action)> = input.records.iter().map(|r| (r.place.row, r.proves, r.action)).collect();
    assert_eq!(rows, [(3, false, Action::Write), (4, true, Action::Write), (6, true, Action::Delete)]);
    let start = &input.records[0];
    assert_eq!((Some(start.time), start.space), (parse_instant("2026-09-02T10:00:00.1234567Z"), Space::Role));
    assert_eq!(start.assignment_id.as_deref(), Some("a-1"));
    assert_eq!(start.path_scope.as_deref(), Some("/subscriptions/S/resourceGroups/RG"));
    let body = Body {
        principal_id: Some("p".into()),
        role_definition_id: Some("r".into()),
        definition_id: None,
        scope: Some("/subscriptions/S/resourceGroups/RG".into()),
    };
    assert_eq!((start.body.as_ref(), start.correlation_id.as_str(), start.caller.as_deref()), (Some(&body), "C-1", Some("me@x")));
    assert_eq!(input.records[1].body, None);
    let file = &files.files[0];
    assert_eq!((file.name.as_str(), file.source.as_str(), file.rows, file.hash.len()), ("logs/a.parquet", "activity", 7, 64));
}

#[test]
fn unreadable_times_are_rejections_of_role_records_only() {
    let records = [
        record("soon", OTHER, "Success", "e0"),
        at_a1(record("2026-13-01", DELETE, "Success", "e1")),
        at_a1(record("", WRITE, "Start", "e2")),
        at_a1(record("2026-13-01", DELETE, "Success", "E1")),
        at_a1(record("2026-13-01", DELETE, "Success", "")),
        at_a1(record("2026-13-01", DELETE, "Success", "")),
    ];
    let input = read_records(&records);
    let rejected: Vec<(Option<i64>, Reason, Option<&str>)> = input.rejections.iter().map(|r| (r.row, r.reason, r.value.as_deref())).collect();
    let day = Some("2026-13-01");
    assert_eq!(
        rejected,
        [(Some(2), Reason::NotADate, day), (Some(3), Reason::Missing, None), (Some(5), Reason::NotADate, day), (Some(6), Reason::NotADate, day)]
    );
    assert_eq!((input.rejections[0].file.as_str(), input.rejections[0].column.as_deref()), ("logs/a.parquet", Some("TimeGenerated")));
    assert_eq!(input.counts.get("unreadable_times_passed_over"), Some(&1));
    assert_eq!((input.first, input.newest, input.records.len()), (None, None, 0));
}

#[test]
fn a_success_that_names_no_assignment_is_a_rejection() {
    let nameless = record("2026-09-01", WRITE, "Success", "e1");
    let input = read_records(&[nameless.clone(), record("2026-09-01", WRITE, "Start", "e2"), with_body(nameless)]);
    assert_eq!(input.rejections.iter().map(|r| (r.row, r.reason)).collect::<Vec<_>>(), [(Some(1), Reason::Missing)]);
    assert_eq!(input.records.iter().map(|r| r.assignment_id.as_deref()).collect::<Vec<_>>(), [None, Some("a-1")]);
}

#[test]
fn broken_json_is_counted_and_leaves_the_record_without_body() {
    let deep = "[".repeat(100_000);
    let broken = |json: String| Record { properties: json, ..at_a1(record("2026-09-01", WRITE, "Success", "")) };
    let input = read_records(&[broken(deep), broken("{\"requestbody\": \"{\"}".into()), broken("7".into())]);
    assert!(input.records.iter().all(|r| r.body.is_none() && r.assignment_id.as_deref() == Some("a-1")));
    assert_eq!((input.records.len(), input.counts.get("unreadable_audit_json")), (3, Some(&3)));
}

#[test]
fn times_are_read_in_every_physical_type() {
    let records = [at_a1(record("", WRITE, "Success", "e1"))];
    let micros = 1_756_684_800_000_001;
    let times: [ArrayRef; 4] = [
        Arc::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(vec![micros])),
        Arc::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("+02:00")),
        Arc::new(TimestampNanosecondArray::from(vec![micros * 1_000])),
    ];
    for time in times {
        let kind = time.data_type().to_string();
        let mut columns = columns(&records);
        columns[0].1 = time;
        let (input, _) = read_columns(columns).unwrap();
        assert_eq!(input.records[0].time, RawInstant::from_micros(micros), "{kind}");
    }
}

#[test]
fn text_may_be_written_in_any_way() {
    let records = [with_body(at_a1(record("2026-09-01", WRITE, "Success", "e1")))];
    for kind in [arrow::datatypes::DataType::LargeUtf8, arrow::datatypes::DataType::Utf8View, arrow::datatypes::DataType::Binary] {
        let cast = columns(&records).into_iter().map(|(name, column)| match name {
            "Level" => (name, column),
            _ => (name, arrow::compute::cast(&column, &kind).unwrap()),
        });
        let (input, _) = read_columns(cast.collect()).unwrap();
        assert!(input.records[0].body.is_some() && input.records[0].proves, "{kind}");
    }
}

#[test]
fn missing_and_double_columns_and_other_files_stop_the_run() {
    let records = [record("2026-09-01", OTHER, "Success", "e0")];
    for lost in ["timegenerated", "OperationNameValue", "ACTIVITYSTATUSVALUE", "CorrelationId", "Properties"] {
        let columns = columns(&records).into_iter().filter(|(name, _)| *name != lost).collect();
        let error = read_columns(columns).unwrap_err();
        let text = error.to_string().to_lowercase();
        assert!(error.exit_code() == 3 && text.contains(&lost.to_lowercase()) && text.contains("logs/a.parquet") && text.contains("azure-activity"), "{text}");
    }
    let mut double = columns(&records);
    double.push(("CALLER", texts(["x"].into_iter())));
    let error = read_columns(double).unwrap_err();
    assert!(error.exit_code() == 3 && error.to_string().contains("`Caller` and `CALLER`"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.json"), "{}").unwrap();
    assert_eq!(read_folder(dir.path()).unwrap_err().exit_code(), 3);
    std::fs::write(dir.path().join("a.json"), "").unwrap();
    std::fs::rename(dir.path().join("a.json"), dir.path().join("a.parquet")).unwrap();
    assert_eq!(read_folder(dir.path()).unwrap_err().exit_code(), 3);
}

#[test]
fn several_files_number_their_own_rows_and_share_one_list() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("b.parquet"), columns(&[at_a1(record("2026-09-02", DELETE, "Success", "e1"))]), 10);
    write(&dir.path().join("a.parquet"), columns(&[at_a1(record("2026-09-01", DELETE, "Success", "e2"))]), 10);
    let (input, files) = read_folder(dir.path()).unwrap();
    let places: Vec<(&str, u64)> = input.records.iter().map(|r| (files.file(r.place).unwrap().name.as_str(), r.place.row)).collect();
    assert_eq!(places, [("logs/a.parquet", 1), ("logs/b.parquet", 1)]);
}
