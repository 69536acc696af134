//! The shapes of JSON logs: the same facts, whoever wrote them.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::job::AuditFormat::{ActivityLogJson, AzureActivity};

const SUB: &str = "5d0c1c77-6a53-4c3b-9d5e-0f2b6c1a7e01";
const RG: &str = "/subscriptions/5d0c1c77-6a53-4c3b-9d5e-0f2b6c1a7e01/resourceGroups/rg-web";
const ROLE_ID: &str = "b9a1f0d2-3c64-4a7e-8d19-2e5f7c80aa02";
const PRINCIPAL: &str = "0e7d4b3a-91c2-4f68-a5b0-6c3d2e1f4a03";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const DEFINITION: &str = "c3f1e2d4-7b58-4a96-8e0d-1f2a3b4c5d04";
const CORRELATION: &str = "7a6b5c4d-3e2f-4101-92a3-b4c5d6e7f805";

/// Microsoft's names for who called, in the order they are asked.
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";

pub(super) fn role_path() -> String {
    format!("{RG}/providers/Microsoft.Authorization/roleAssignments/{ROLE_ID}")
}

fn body(spelling: [&str; 5]) -> Value {
    let [id, properties, principal, definition, scope] = spelling;
    json!({id: ROLE_ID, properties: {principal: PRINCIPAL, "PrincipalType": "Group",
        definition: format!("/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"), scope: RG}})
}

pub(super) fn request_body() -> Value {
    body(["Id", "Properties", "PrincipalId", "RoleDefinitionId", "Scope"])
}

/// A record as a storage account keeps it.
pub(super) fn stored(time: &str, operation: &str, result: &str, properties: Value) -> Value {
    let path = role_path();
    json!({"RoleLocation": "East US", "time": time, "resourceId": path.to_uppercase(), "operationName": operation.to_uppercase(), "category": "Administrative",
        "resultType": result, "resultSignature": if result == "Success" { "Succeeded.Created" } else { "Started." }, "durationMs": 2826,
        "callerIpAddress": "203.0.113.7", "correlationId": CORRELATION,
        "identity": {
            "authorization": {"scope": path, "action": operation, "evidence": {"role": "Owner", "roleAssignmentScope": "/",
                "roleAssignmentId": "ffffffffffffffffffffffffffffffff", "principalId": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "principalType": "User"}},
            "claims": {"aud": "https://management.azure.com/", "iat": 1_772_000_000_000_000_000_000_u128.to_string(), UPN: "admin@contoso.com", "appid": "a1"}},
        "level": "Information", "properties": properties})
}

pub(super) fn properties(more: Value) -> Value {
    let mut properties = json!({"eventCategory": "Administrative", "entity": role_path(), "message": WRITE, "hierarchy": SUB});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    properties
}

/// The same as `az monitor activity-log list` prints it.
fn printed(time: &str, operation: &str, status: &str, event: &str, properties: Value) -> Value {
    let both = |value: &str| json!({"localizedValue": format!("local {value}"), "value": value});
    json!({"authorization": {"action": operation, "role": null, "scope": role_path()}, "caller": "admin@contoso.com", "channels": "Operation",
        "claims": {UPN: "somebody-else@contoso.com"}, "correlationId": CORRELATION, "description": "", "eventDataId": event,
        "eventName": both("EndRequest"), "eventTimestamp": time, "id": format!("{}/events/{event}/ticks/1", role_path()), "level": "Informational",
        "operationName": both(operation), "properties": properties, "resourceId": role_path(), "status": both(status), "subStatus": both("Created"),
        "submissionTimestamp": "2026-09-02T10:05:00Z", "subscriptionId": SUB})
}

/// The same as a row of the table AzureActivity; `null` columns are left out or not.
fn table_row(time: &str, operation: &str, status: &str, event: &str, properties: Value) -> Value {
    json!({"TimeGenerated": time, "OperationName": "Create role assignment", "OperationNameValue": operation, "ActivityStatusValue": status,
        "ActivitySubstatusValue": "Created", "CorrelationId": CORRELATION, "EventDataId": event, "_ResourceId": role_path().to_lowercase(),
        "Authorization": json!({"action": operation, "scope": role_path()}).to_string(), "Authorization_d": null, "Properties": properties.to_string(),
        "Caller": "admin@contoso.com", "Type": "AzureActivity", "Level": 4})
}

pub(super) fn lines(records: &[Value]) -> String {
    records.iter().map(|r| format!("{r}\n")).collect()
}

/// Files by path, in a folder of their own.
pub(super) fn folder<B: AsRef<[u8]>>(files: &[(&str, B)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path: PathBuf = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes.as_ref()).unwrap();
    }
    dir
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

pub(super) fn read_json<B: AsRef<[u8]>>(name: &str, bytes: B) -> Result<AuditInput> {
    Ok(read_as(ActivityLogJson, folder(&[(name, bytes)]).path())?.0)
}

fn facts(format: AuditFormat, folder: &Path) -> AuditInput {
    let mut input = read_as(format, folder).unwrap_or_else(|e| panic!("{e}")).0;
    for record in &mut input.records {
        (record.path_scope, record.event_data_id) = (record.path_scope.as_ref().map(|s| s.to_lowercase()), record.event_data_id.to_lowercase());
    }
    input
}

fn wanted_body() -> Body {
    Body { principal_id: Some(PRINCIPAL.into()), role_definition_id: Some(CONTRIBUTOR.into()), definition_id: None, scope: Some(RG.into()) }
}

const T1: &str = "2026-09-02T10:00:00.1234567Z";
const T2: &str = "2026-09-02T10:00:01Z";

#[test]
fn one_story_in_every_shape() {
    let (start, done) = (properties(json!({"requestbody": request_body().to_string()})), properties(json!({"statusCode": "Created"})));
    let events = ["e-1", "e-2"];
    let with_event = |p: &Value, event: &str| properties(json!({"eventDataId": event, "requestbody": p["requestbody"]}));
    let other = |time: &str, name: &str| json!({"time": time, "operationName": name, "resultType": "Success"});
    let stored = [
        stored(T1, WRITE, "Start", with_event(&start, events[0])),
        stored(T2, WRITE, "Success", with_event(&done, events[1])),
        other("2026-09-01", "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE"),
        other("2026-09-03T00:00:00+02:00", "x"),
    ];
    let rename = |r: &Value| json!({"eventTimestamp": r["time"], "operationName": {"value": r["operationName"]}});
    let printed =
        [printed(T1, WRITE, "Started", "e-1", start.clone()), printed(T2, WRITE, "Succeeded", "e-2", done.clone()), rename(&stored[2]), rename(&stored[3])];
    let row = |r: &Value| json!({"timegenerated": r["time"], "OPERATIONNAMEVALUE": r["operationName"]});
    let rows = [table_row(T1, WRITE, "Start", "e-1", start), table_row(T2, WRITE, "Success", "e-2", done), row(&stored[2]), row(&stored[3])];
    let around = |records: &[Value]| json!({"records": records}).to_string();
    let shapes: Vec<(AuditFormat, &str, Vec<u8>)> = vec![
        (ActivityLogJson, "PT1H.json", lines(&stored).into()),
        (ActivityLogJson, "PT1H.json.gz", gzip(lines(&stored).as_bytes())),
        (ActivityLogJson, "PT1H.json", gzip(lines(&stored).as_bytes())),
        (ActivityLogJson, "crlf.json", format!("\u{feff}\r\n{}\r\n  \r\n", lines(&stored).replace('\n', "\r\n\r\n")).into()),
        (ActivityLogJson, "without-last-break.jsonl", lines(&stored).trim_end().into()),
        (ActivityLogJson, "one.json", around(&stored).into()),
        (ActivityLogJson, "pretty.json", serde_json::to_vec_pretty(&json!({"RECORDS": stored})).unwrap()),
        (ActivityLogJson, "hub.json", format!("{}\n{}\n", around(&stored[..2]), around(&stored[2..])).into()),
        (ActivityLogJson, "mixed.ndjson", format!("{}{}\n{}", lines(&stored[..1]), around(&stored[1..3]), lines(&printed[3..])).into()),
        (ActivityLogJson, "az.json", serde_json::to_vec_pretty(&printed).unwrap()),
        (ActivityLogJson, "az.json", json!(printed).to_string().into()),
        (ActivityLogJson, "rest", json!({"value": printed}).to_string().into()),
        (ActivityLogJson, "az.jsonl", lines(&printed).into()),
        (AzureActivity, "rows.json", lines(&rows).into()),
        (AzureActivity, "PT05M.json.gz", gzip(lines(&rows).as_bytes())),
    ];
    for (format, name, bytes) in shapes {
        let input = facts(format, folder(&[(name, &bytes)]).path());
        assert_eq!((input.rows, input.passed_over, input.rejections.len()), (4, 2, 0), "{name}");
        assert!(input.counts.is_empty(), "{name}: {:?}", input.counts);
        assert_eq!((input.first, input.newest), (parse_instant("2026-09-01"), parse_instant("2026-09-02T22:00:00Z")), "{name}");
        let expected = |row, time, proves, event: &str, body| AuditRecord {
            place: Place { file: 0, row },
            time: parse_instant(time).unwrap(),
            space: Space::Role,
            action: Action::Write,
            proves,
            correlation_id: CORRELATION.into(),
            event_data_id: event.into(),
            assignment_id: Some(ROLE_ID.into()),
            path_scope: Some(RG.to_lowercase()),
            body,
            caller: Some("admin@contoso.com".into()),
        };
        assert_eq!(input.records, [expected(1, T1, false, "e-1", Some(wanted_body())), expected(2, T2, true, "e-2", None)], "{name}");
    }
}

#[test]
fn bodies_are_read_however_they_are_written() {
    let lower = body(["id", "properties", "principalid", "roledefinitionid", "scope"]);
    let upper = body(["ID", "PROPERTIES", "PRINCIPALID", "ROLEDEFINITIONID", "SCOPE"]);
    let as_text = |v: &Value| Value::String(v.to_string());
    let holders = [
        properties(json!({"requestbody": as_text(&lower)})),
        properties(json!({"requestBody": as_text(&upper)})),
        properties(json!({"RequestBody": lower})),
        properties(json!({"requestbody": "", "responseBody": as_text(&request_body())})),
        properties(json!({"responseBody": lower})),
        json!({"eventCategory": "Administrative", "eventProperties": {"requestbody": as_text(&lower)}}),
        json!({"eventProperties": as_text(&json!({"requestBody": upper}))}),
    ];
    for holder in holders {
        for properties in [holder.clone(), as_text(&holder), as_text(&as_text(&holder))] {
            let input = read_json("a.json", lines(&[stored(T1, WRITE, "Success", properties.clone())])).unwrap();
            let record = &input.records[0];
            assert_eq!((record.body.as_ref(), record.assignment_id.as_deref()), (Some(&wanted_body()), Some(ROLE_ID)), "{properties}");
            assert!(input.counts.is_empty(), "{properties}");
        }
    }
    let broken = read_json("a.json", lines(&[stored(T1, WRITE, "Success", json!({"requestbody": "{\"Id\": "}))])).unwrap();
    assert_eq!((broken.records[0].body.as_ref(), broken.counts.get("unreadable_audit_json")), (None, Some(&1)));
}

#[test]
fn ids_may_stand_in_capitals_or_in_the_resource_id_alone() {
    let mut record = stored(T1, DELETE, "Success", json!({"eventCategory": "Administrative"}));
    record["identity"] = json!(null);
    let input = read_json("a.json", lines(&[record.clone()])).unwrap();
    let found = &input.records[0];
    assert_eq!((found.action, found.proves, found.assignment_id.as_deref()), (Action::Delete, true, Some(ROLE_ID)));
    assert_eq!((found.path_scope.clone(), found.caller.clone()), (Some(RG.to_uppercase()), None));
    assert_eq!(found.event_data_id, "");
    record["identity"] = Value::String(json!({"authorization": {"scope": role_path()}, "claims": {"appid": "a1", "name": "Robot"}}).to_string());
    let found = read_json("a.json", lines(&[record.clone()])).unwrap().records.remove(0);
    assert_eq!((found.path_scope.as_deref(), found.caller.as_deref()), (Some(RG), Some("a1")));
    record["identity"] = json!("{no object");
    let input = read_json("a.json", lines(&[record])).unwrap();
    assert_eq!((input.records.len(), input.counts.get("unreadable_audit_json")), (1, Some(&1)));
}

#[test]
fn registrations_of_lighthouse_are_read() {
    let path = format!("/subscriptions/{SUB}/providers/Microsoft.ManagedServices/registrationAssignments/{ROLE_ID}");
    let definition = format!("/subscriptions/{SUB}/providers/Microsoft.ManagedServices/registrationDefinitions/{DEFINITION}");
    let body = json!({"properties": {"registrationDefinitionId": definition}});
    for (verb, action) in [("WRITE", Action::Write), ("DELETE", Action::Delete)] {
        let operation = format!("MICROSOFT.MANAGEDSERVICES/REGISTRATIONASSIGNMENTS/{verb}");
        let mut record = stored(T1, &operation, "Success", json!({"entity": path, "requestbody": body.to_string()}));
        (record["resourceId"], record["identity"]["authorization"]["scope"]) = (json!(path.to_uppercase()), json!(path));
        let found = read_json("a.json", lines(&[record])).unwrap().records.remove(0);
        assert_eq!((found.space, found.action, found.assignment_id.as_deref()), (Space::Registration, action, Some(ROLE_ID)));
        assert_eq!(found.body.and_then(|b| b.definition_id).as_deref(), Some(DEFINITION));
    }
}

#[test]
fn what_cannot_be_used_is_rejected_as_from_parquet() {
    let nowhere = |record: &mut Value| {
        (record["identity"], record["resourceId"], record["properties"]) = (json!({}), json!(RG), json!({}));
    };
    let mut nameless = stored(T1, WRITE, "Success", json!({}));
    nowhere(&mut nameless);
    let mut started = stored(T1, WRITE, "Start", json!({}));
    nowhere(&mut started);
    let timeless = stored("", DELETE, "Success", json!({"eventDataId": "E-7"}));
    let wrong = stored("2026-13-01", DELETE, "Success", json!({"eventDataId": "e-8"}));
    let again = stored("2026-13-01", DELETE, "Success", json!({"EVENTDATAID": "E-8"}));
    let other = json!({"time": "soon", "operationName": "x"});
    let files = [("a.json", lines(&[nameless, timeless, started])), ("b.json", lines(&[other, wrong])), ("c.json", lines(&[again]))];
    let (input, _) = read_as(ActivityLogJson, folder(&files).path()).unwrap();
    let rejected: Vec<_> = input.rejections.iter().map(|r| (r.file.as_str(), r.row, r.column.as_deref(), r.reason)).collect();
    assert_eq!(
        rejected,
        [
            ("logs/a.json", Some(1), Some("authorization"), Reason::Missing),
            ("logs/a.json", Some(2), Some("time"), Reason::Missing),
            ("logs/b.json", Some(2), Some("time"), Reason::NotADate)
        ]
    );
    assert_eq!((input.records.len(), input.rows, input.passed_over), (1, 6, 1));
    assert_eq!(input.counts.get("unreadable_times_passed_over"), Some(&1));
}

#[test]
fn files_are_taken_over_in_their_order_at_any_number_of_threads() {
    let name = |hour: usize| format!("insights-activity-logs/resourceId=/SUBSCRIPTIONS/{SUB}/y=2026/m=09/d=01/h={hour:02}/m=00/PT1H.json");
    let other = json!({"time": "2026-09-01", "operationName": "x"});
    let hours: Vec<(String, String)> = (0..24)
        .map(|hour| {
            let delete = stored("2026-09-01", DELETE, "Success", json!({"eventDataId": hour.to_string()}));
            (name(hour), lines(&[vec![other.clone(); hour % 3], vec![delete]].concat()))
        })
        .collect();
    let files: Vec<(&str, &String)> = hours.iter().map(|(name, text)| (name.as_str(), text)).collect();
    let dir = folder(&files);
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (input, files) = pool.install(|| read_as(ActivityLogJson, dir.path())).unwrap();
        let seen: Vec<(u32, u64, String)> = input.records.into_iter().map(|r| (r.place.file, r.place.row, r.event_data_id)).collect();
        let wanted: Vec<(u32, u64, String)> = (0..24).map(|hour: u32| (hour, u64::from(hour % 3) + 1, hour.to_string())).collect();
        assert_eq!(seen, wanted);
        assert!(files.files.iter().zip(0..).all(|(file, hour)| file.name == format!("logs/{}", name(hour)) && file.rows == (hour % 3 + 1) as u64));
    }
}

#[test]
fn an_answer_that_goes_on_is_counted() {
    let records = [stored(T1, DELETE, "Success", json!({}))];
    for (text, goes_on) in [
        (json!({"value": records, "nextLink": "https://management.azure.com/x"}).to_string(), 1),
        (json!({"nextLink": "https://management.azure.com/x", "value": records}).to_string(), 1),
        (json!({"value": records, "nextLink": null}).to_string(), 0),
        (format!("{}{}", lines(&records), json!({"value": [], "nextLink": "x"})), 1),
    ] {
        let input = read_json("a.json", &text).unwrap();
        assert_eq!((input.counts.get("logs_that_go_on").copied().unwrap_or(0), input.records.len()), (goes_on, 1), "{text}");
    }
    for empty in ["", " \r\n", "[]", "[ ]\n", "{\"value\": []}", "{\"records\":[]}"] {
        assert_eq!(read_json("a.json", empty).map(|i| (i.rows, i.newest)).unwrap(), (0, None), "{empty}");
    }
}
