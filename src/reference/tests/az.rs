//! Lists and definitions as `az` prints them.

use pecan_core::charge::Reason;
use pecan_core::event::Space;
use pecan_core::time::{Span, parse_instant};

use super::{AT, Folder, exit_code};
use crate::job::ListPattern;

#[test]
fn az_and_rest_lists_are_read_alike() {
    let az = r#"[{"id": "/subscriptions/S/providers/Microsoft.Authorization/roleAssignments/A", "name": "A", "principalId": "P", "principalType": "User",
        "roleDefinitionId": "/x/R", "roleDefinitionName": "Owner", "scope": "/subscriptions/S", "createdOn": "2022-01-15T21:08:45.4904312Z", "condition": null}]"#;
    let rest = r#"{"value":[{"properties":{"roleDefinitionId":"/x/R","principalId":"P","principalType":"User","scope":"/subscriptions/S","createdOn":"2022-01-15T21:08:45.4904312Z"},
        "id":"/subscriptions/S/providers/Microsoft.Authorization/roleAssignments/A","type":"Microsoft.Authorization/roleAssignments","name":"A"}], "nextLink": null}"#;
    let (first, files) = Folder::new().with_list("a.json", az, Some("/subscriptions/S")).read().unwrap();
    let (second, _) = Folder::new().with_list("a.json", &format!("\u{feff}{rest}"), Some("/subscriptions/S")).read().unwrap();
    assert_eq!(first.reference.listed, second.reference.listed);
    let listed = &first.reference.listed[0];
    assert_eq!((listed.assignment_id.as_deref(), listed.principal_id.as_deref(), listed.role_definition_id.as_deref()), (Some("a"), Some("p"), Some("r")));
    assert_eq!(
        (Some(listed.snapshot_at), listed.snapshot_scope.as_deref(), listed.created_on),
        (parse_instant(AT), Some("/subscriptions/S"), parse_instant("2022-01-15T21:08:45.4904312Z"))
    );
    assert_eq!((files.files[0].rows, files.files[0].name.as_str(), files.files[0].source.as_str()), (1, "ref/a.json", "assignments"));
    let cut = Folder::new().with_list("a.json", &rest.replace("null}", "\"https://more\"}"), Some("/subscriptions/S")).read();
    assert_eq!(cut.err().map(|e| (e.exit_code(), e.trouble().code)), Some((3, "az_json")));
}

#[test]
fn an_empty_az_list_was_listed_and_held_nothing() {
    for empty in ["[]", " [ ] ", r#"{"value": []}"#] {
        let (input, files) = Folder::new().with_list("a.json", empty, None).read().unwrap();
        let listed = &input.reference.listed;
        assert_eq!((listed.len(), listed[0].assignment_id.as_deref(), Some(listed[0].snapshot_at), files.files[0].rows), (1, None, parse_instant(AT), 0));
    }
}

#[test]
fn elements_of_an_az_list_are_rejected_one_by_one() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let json = format!(
        r#"[7, {{"name": "", "principalId": "P"}}, {{"id": "A", "principalId": {{}}, "extra": {deep}}}, {{"id": 12, "principalId": "P", "roleDefinitionId": "R", "scope": "/", "createdOn": "?"}}, {{"id": 12, "principalId": 34, "roleDefinitionId": "R", "scope": "/"}}]"#
    );
    let (input, _) = Folder::new().with_list("a.json", &json, None).read().unwrap();
    let rejected: Vec<(Option<i64>, Option<&str>, Reason)> = input.rejections.iter().map(|r| (r.row, r.column.as_deref(), r.reason)).collect();
    assert_eq!(
        rejected,
        [
            (Some(1), None, Reason::BadReference),
            (Some(2), Some("id"), Reason::Missing),
            (Some(3), Some("principal_id"), Reason::Missing),
            (Some(4), Some("created_on"), Reason::NotADate)
        ]
    );
    assert_eq!(input.reference.listed.iter().map(|l| (l.assignment_id.as_deref(), l.principal_id.as_deref())).collect::<Vec<_>>(), [(Some("12"), Some("34"))]);
}

#[test]
fn unusable_lists_stop_the_run() {
    for broken in ["", "{", "[", "[1,]", "7", "{}", r#"{"value": 1}"#, "[{\"id\": }]"] {
        assert_eq!(exit_code(&Folder::new().with_list("a.json", broken, None)), Some(3), "{broken}");
    }
    assert_eq!(exit_code(&Folder::new().with("assignments", "a.json", b"\xff\xfe[\0]\0")), Some(2), "no stamp");
    let mut utf16 = Folder::new().with_list("a.json", "[]", None);
    std::fs::write(utf16.path("a.json"), b"\xff\xfe[\0]\0").unwrap();
    assert_eq!(exit_code(&utf16), Some(3));
    utf16.sources.assignments[0].snapshot_scope = Some("S".into());
    assert_eq!(exit_code(&utf16), Some(2));
    assert_eq!(exit_code(&Folder::new().with("partners", "p.json", "[]")), Some(3));
    assert_eq!(exit_code(&Folder::new().with("lighthouse_assignments", "p.json", "[]")), Some(2), "no stamp");
}

const SUBSCRIPTION: &str = "55555555-0000-4000-8000-00000000000a";

/// A delegation as `az managedservices assignment list --include-definition true` prints it.
fn delegation(authorizations: &str) -> String {
    let base = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ManagedServices");
    format!(
        r#"[{{"id": "{base}/registrationAssignments/A", "name": "A", "systemData": {{"createdAt": "2026-01-02T03:04:05Z"}}, "properties": {{
            "registrationDefinitionId": "{base}/registrationDefinitions/D", "provisioningState": "Succeeded",
            "registrationDefinition": {{"name": "D", "properties": {{"authorizations": {authorizations},
                "eligibleAuthorizations": [{{"principalId": "JIT", "roleDefinitionId": "R"}}]}}}}}}}}]"#
    )
}

fn both(folder: Folder, at: &str, content: &str) -> Folder {
    let below = format!("az/{at}/registration-assignments");
    std::fs::create_dir_all(folder.path(&below)).unwrap();
    std::fs::write(folder.path(&format!("{below}/{SUBSCRIPTION}.json")), content).unwrap();
    folder
}

/// The folder with its lists named by a pattern.
fn named(mut folder: Folder, tables: &[&'static str]) -> Folder {
    let uri = folder.path("az/{snapshot_at}/registration-assignments/{subscription_id}.json").display().to_string();
    let (pattern, glob) = ListPattern::parse(&uri).unwrap().unwrap();
    for table in tables {
        folder.enter(table, "az", None, None);
        let list = if *table == "lighthouse_definitions" { &mut folder.sources.lighthouse_definitions } else { &mut folder.sources.lighthouse_assignments };
        list[0].uri = glob.clone();
        list[0].uri_as_written = "az/*/registration-assignments/*.json".into();
        list[0].pattern = Some(pattern.clone());
    }
    folder
}

#[test]
fn delegations_are_listed_with_stamp_and_scope_from_their_path() {
    let folder = both(Folder::new(), "20261031T060000Z", &delegation("[]"));
    let folder = both(folder, "20261101T060000Z", "[]");
    let (input, files) = named(folder, &["lighthouse_assignments"]).read().unwrap();
    let listed = &input.reference.listed;
    let scope = format!("/subscriptions/{SUBSCRIPTION}");
    assert_eq!(
        (listed.len(), listed[0].space, listed[0].assignment_id.as_deref(), listed[0].definition_id.as_deref()),
        (2, Space::Registration, Some("a"), Some("d"))
    );
    assert_eq!((listed[0].scope.as_str(), listed[0].snapshot_scope.as_deref()), (scope.as_str(), Some(scope.as_str())));
    assert_eq!((Some(listed[0].snapshot_at), listed[0].created_on), (parse_instant(AT), parse_instant("2026-01-02T03:04:05Z")));
    assert_eq!(
        (listed[1].assignment_id.as_deref(), Some(listed[1].snapshot_at), listed[1].space),
        (None, parse_instant("2026-11-01T06:00:00Z"), Space::Registration)
    );
    assert_eq!(files.files.iter().map(|f| f.rows).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn definitions_come_out_of_the_same_answers_against_credit() {
    let pair = |p: &str| format!(r#"{{"principalId": "{p}", "roleDefinitionId": "/x/R"}}"#);
    let folder = both(Folder::new(), "20261031T060000Z", &delegation(&format!("[{}, {}]", pair("P"), pair("Q"))));
    let folder = both(folder, "20261101T060000Z", &delegation(&format!("[{}, {}, {{}}]", pair("P"), pair("S"))));
    let (input, _) = named(folder, &["lighthouse_definitions"]).read().unwrap();
    let at = |text: &str| parse_instant(text).map(|at| at.up());
    let spans: Vec<(&str, Option<Span>)> = input.reference.authorizations.iter().map(|a| (a.principal_id.as_str(), a.valid)).collect();
    let span = |from: Option<&str>, until: Option<&str>| {
        let first = from.and_then(at).unwrap_or(pecan_core::time::Instant::MIN);
        Span::new(first, until.and_then(at).unwrap_or(pecan_core::time::Instant::MAX))
    };
    assert_eq!(spans, [("p", span(None, None)), ("q", span(None, Some("2026-10-31T06:00:00Z"))), ("s", span(Some("2026-11-01T06:00:00Z"), None))]);
    assert!(input.reference.authorizations.iter().all(|a| a.definition_id == "d" && a.role_definition_id == "r"));
    let rejected: Vec<_> = input.rejections.iter().map(|r| (r.row, r.reason, r.source.as_deref())).collect();
    assert_eq!(rejected, [(Some(1), Reason::Missing, Some("lighthouse_definitions"))]);
}

#[test]
fn delegations_without_definitions_and_misnamed_folders_stop_the_run() {
    let bare = delegation("[]").replace("registrationDefinition\"", "somethingElse\"");
    let folder = named(both(Folder::new(), "20261031T060000Z", &bare), &["lighthouse_definitions"]);
    let error = folder.read().err().unwrap();
    assert!(error.exit_code() == 3 && error.to_string().contains("--include-definition true"), "{error}");
    let folder = named(both(Folder::new(), "newest", &delegation("[]")), &["lighthouse_assignments"]);
    let error = folder.read().err().unwrap();
    assert_eq!((error.exit_code(), error.trouble().code), (3, "list_name"));
}

#[test]
fn definitions_listed_by_themselves_are_read() {
    let json = r#"{"value": [{"id": "/subscriptions/S/providers/Microsoft.ManagedServices/registrationDefinitions/D", "properties": {"authorizations": [{"principalId": "P", "roleDefinitionId": "R"}]}}]}"#;
    let (input, files) = Folder::new().with("lighthouse_definitions", "d.json", json).read().unwrap();
    let row = &input.reference.authorizations[0];
    assert_eq!((row.definition_id.as_str(), row.principal_id.as_str(), row.role_definition_id.as_str(), files.files[0].rows), ("d", "p", "r", 1));
}
