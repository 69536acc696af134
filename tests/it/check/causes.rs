//! Each likely misconfiguration in a small job: what is said of it, what it costs, and that mending it earns just that.

use serde_json::{Value, json};

use super::codes;
use super::small::{AGENTS, CONTRIBUTOR, MISSED, OWNER, READER, SOMEBODY, SUBSCRIPTION, Small, charge, listed, listed_since};

/// What was seen of a cause.
fn cause<'a>(report: &'a Value, code: &str) -> &'a Value {
    let causes = report["misconfigurations"]["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    causes.iter().find(|c| c["cause"] == code).unwrap_or_else(|| panic!("no {code}: {causes:#?}"))
}

fn words(report: &Value) -> Vec<&str> {
    report["misconfigurations"]["causes"].as_array().into_iter().flatten().filter_map(|c| c["cause"].as_str()).collect()
}

fn both_charges() -> Value {
    json!([{ "billing_currency": "USD", "charges": 2, "missed_credit": MISSED }])
}

/// The cause shows alone, on both charges, with all their money, and mending it would earn all of it.
fn alone(report: &Value, code: &str) -> Value {
    assert_eq!(words(report), [code]);
    assert!(codes(report).contains(code));
    assert_eq!(report["misconfigurations"]["missed"], both_charges());
    let of = cause(report, code);
    assert_eq!((&of["charges"], &of["missed"], &of["would_earn"]), (&json!(2), &both_charges(), &both_charges()), "{of:#}");
    let seen = of["seen"].as_array().cloned().unwrap_or_default();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0]["missed"], both_charges());
    seen[0].clone()
}

/// Told so, with these words, and the command on a line of its own.
fn told(small: &mut Small, says: &[&str]) {
    let text = small.text();
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in says {
        assert!(plain.contains(word) || text.lines().any(|line| line.trim() == *word), "no {word:?} in\n{text}");
    }
    assert!(text.contains("\nyellow: a run would go through"), "{text}");
}

/// Once mended, a run earns what `check` said it would, and `check` has nothing to say.
fn mended(small: &mut Small) {
    let run = small.run();
    assert_eq!(run["totals"][0]["credit"], MISSED, "{}", run["totals"]);
    let report = small.check();
    assert!(words(&report).is_empty() && report["misconfigurations"]["charges"] == 0, "{:?}", words(&report));
}

#[test]
fn reader_only() {
    let mut small = Small::new("", &[listed(1, AGENTS, "ForeignGroup", READER)]);
    let seen = alone(&small.check(), "reader_only");
    assert_eq!((&seen["roles"][0]["name"], &seen["partner"], &seen["principal_id"]), (&json!("Reader"), &json!("contoso"), &json!(AGENTS)));
    assert_eq!(seen["scopes"], json!([format!("/subscriptions/{SUBSCRIPTION}")]));
    let command = format!(
        "az role assignment create --role \"Owner\" --assignee-object-id {AGENTS} --assignee-principal-type ForeignGroup --scope \"/subscriptions/{SUBSCRIPTION}\""
    );
    told(&mut small, &["access of no role that earns: 2 charges missed 0.26 USD", "has Reader at", "such as Owner or Contributor", &command]);
    small.scene.edit("ref/assignments.csv", READER, OWNER);
    mended(&mut small);
}

#[test]
fn an_earning_role_of_somebody_linked_to_nobody() {
    let mut small = Small::new("", &[listed(1, SOMEBODY, "User", CONTRIBUTOR)]);
    let seen = alone(&small.check(), "unlinked_principal");
    assert_eq!((&seen["principal_type"], &seen["command"]), (&json!("User"), &json!("az managementpartner create --partner-id 1000001")));
    told(&mut small, &["linked to nobody, has Contributor at", "az managementpartner create --partner-id 1000001"]);
    small.scene.edit("ref/principals.csv", "aobo,,\n", &format!("aobo,,\n{SOMEBODY},1000001,pal,,\n"));
    mended(&mut small);
}

#[test]
fn a_link_that_would_not_help_is_a_note() {
    let small = Small::new("", &[listed_since(1, SOMEBODY, "Group", OWNER, "2026-09-20T12:00:00Z")]);
    small.list_taken("2026-09-21");
    let report = small.check();
    let of = cause(&report, "unlinked_principal");
    assert_eq!((&of["would_earn"], &of["seen"][0]["command"]), (&json!([]), &Value::Null), "a group cannot sign in");
    let topic = report["topics"].as_array().into_iter().flatten().find(|t| t["topic"] == "misconfigurations").cloned().unwrap_or_default();
    assert_eq!((&topic["level"], &topic["findings"][0]["level"]), (&json!("green"), &json!("green")));
}

#[test]
fn the_foreign_principal_of_another_tenant() {
    let mut small = Small::new("", &[listed(1, SOMEBODY, "ForeignGroup", OWNER)]);
    let seen = alone(&small.check(), "foreign_principal");
    let command = format!(
        "az role assignment create --role \"Owner\" --assignee-object-id {AGENTS} --assignee-principal-type ForeignGroup --scope \"/subscriptions/{SUBSCRIPTION}\""
    );
    assert_eq!(seen["command"], command);
    told(&mut small, &["foreign principal of another partner, has Owner at", "AdminAgents and HelpdeskAgents", &command]);
    // Linked by AOBO to another organisation it is known by name, whatever its type.
    let mut other = Small::new(&format!("{SOMEBODY},2000001,aobo,,\n"), &[listed(1, SOMEBODY, "Group", OWNER)]);
    other.charges(&[charge("3000003"), charge("3000003")]);
    let report = other.check();
    assert_eq!(cause(&report, "foreign_principal")["seen"][0]["other_organisation"], "northwind");
    told(&mut other, &["foreign principal of northwind, has Owner"]);
    small.scene.edit("ref/assignments.csv", SOMEBODY, AGENTS);
    mended(&mut small);
}

#[test]
fn a_link_to_another_organisation_and_no_reseller_set() {
    let mut small = Small::new(&format!("{SOMEBODY},2000001,pal,,\n"), &[listed(1, SOMEBODY, "User", OWNER)]);
    let report = small.check();
    assert_eq!(words(&report), ["other_organisation", "reseller_not_set"], "a charge shows under both");
    assert_eq!(report["misconfigurations"]["missed"], both_charges(), "and is counted once in all");
    for code in ["other_organisation", "reseller_not_set"] {
        let of = cause(&report, code);
        assert_eq!((&of["missed"], &of["would_earn"]), (&both_charges(), &both_charges()));
        assert_eq!(of["seen"][0]["other_organisation"], "northwind");
    }
    told(
        &mut small,
        &[
            "linked to northwind, has Owner at",
            "az managementpartner update --partner-id 1000001",
            "the charges of contoso name no reseller",
            "reseller of record on the customer's Azure plan",
        ],
    );
    small.charges(&[charge("2000001"), charge("2000001")]);
    mended(&mut small);
    small.charges(&[charge(""), charge("")]);
    small.scene.edit("ref/principals.csv", "2000001,pal", "1000001,pal");
    mended(&mut small);
}

#[test]
fn a_partner_id_and_a_reseller_that_partners_does_not_know() {
    let mut small = Small::new(&format!("{SOMEBODY},4000004,pal,,\n"), &[listed(1, SOMEBODY, "User", OWNER)]);
    let seen = alone(&small.check(), "unknown_partner_id");
    assert_eq!(seen["partner_id"], "4000004");
    told(&mut small, &["linked to partner id 4000004", "if the partner id is a location of one of your organisations, add it to partners"]);
    small.charges(&[charge("4000004"), charge("5000005")]);
    let report = small.check();
    let of = cause(&report, "reseller_unknown");
    assert_eq!((&of["charges"], &of["would_earn"][0]["charges"], &of["would_earn"][0]["missed_credit"]), (&json!(2), &json!(1), &json!("0.12962962845")));
    small.charges(&[charge(""), charge("")]);
    small.scene.edit("ref/partners.csv", "\n2000001", "\n4000004,contoso,,,\n2000001");
    mended(&mut small);
}

#[test]
fn a_link_that_stopped_or_began_too_late() {
    for span in [",2026-09-10T00:00:00Z", "2026-09-20T10:00:00Z,"] {
        let mut small = Small::new(&format!("{SOMEBODY},1000001,pal,{span}\n"), &[listed(1, SOMEBODY, "ServicePrincipal", OWNER)]);
        let seen = alone(&small.check(), "link_expired");
        assert_eq!((&seen["links"][0]["channel"], &seen["command"]), (&json!("pal"), &json!("az managementpartner create --partner-id 1000001")));
        let word = if span.starts_with(',') { "linked to contoso until 2026-09-10T00:00:00Z" } else { "linked to contoso from 2026-09-20T10:00:00Z" };
        told(&mut small, &[&format!("ServicePrincipal {SOMEBODY} has Owner at"), word]);
        small.scene.edit("ref/principals.csv", span, ",");
        mended(&mut small);
    }
}

#[test]
fn access_that_was_taken_away() {
    for (at, outcome) in [("2026-09-12T08:30:00Z", "no_access"), ("2026-09-20T08:30:00Z", "gap")] {
        let mut small = Small::new("", &[listed(1, AGENTS, "ForeignGroup", OWNER)]);
        small.audit(&[(1, "admin@customer.example", at)]);
        assert_eq!(small.run()["outcomes"][0]["outcome"], outcome);
        let seen = alone(&small.check(), "removed");
        assert_eq!(seen["stopped"], json!({ "at": at, "stopped_by": "event", "caller": "admin@customer.example" }));
        let command = format!(
            "az role assignment create --role \"Owner\" --assignee-object-id {AGENTS} --assignee-principal-type ForeignGroup --scope \"/subscriptions/{SUBSCRIPTION}\""
        );
        told(&mut small, &[&format!("lost Owner at /subscriptions/{SUBSCRIPTION}, taken away {at} by admin@customer.example"), &command]);
        small.audit(&[]);
        mended(&mut small);
    }
}

/// Owner of the foreign principal replaced by Reader: both are said.
#[test]
fn owner_replaced_by_reader() {
    let small = Small::new("", &[listed(1, AGENTS, "ForeignGroup", OWNER), listed(2, AGENTS, "ForeignGroup", READER)]);
    small.audit(&[(1, "admin@customer.example", "2026-09-12T08:30:00Z")]);
    let report = small.check();
    assert_eq!(words(&report), ["reader_only", "removed"]);
    assert_eq!(report["misconfigurations"]["missed"], both_charges());
}

/// An old loss that was made good since is none: only the last one is told.
#[test]
fn access_lost_given_back_and_lost_again() {
    let again = listed_since(2, AGENTS, "ForeignGroup", CONTRIBUTOR, "2026-09-12T00:00:00Z").replace("2026-09-02", "2026-09-13");
    let mut small = Small::new("", &[listed(1, AGENTS, "ForeignGroup", OWNER), again]);
    small.audit(&[(1, "first@customer.example", "2026-09-10T00:00:00Z"), (2, "second@customer.example", "2026-09-15T00:00:00Z")]);
    let seen = alone(&small.check(), "removed");
    assert_eq!(seen["stopped"]["caller"], "second@customer.example");
    told(&mut small, &["by second@customer.example"]);
}

#[test]
fn nothing_known_and_access_given_in_the_course_of_the_day() {
    let mut small = Small::new("", &[]);
    let seen = alone(&small.check(), "no_assignment");
    assert_eq!(seen["subscriptions"], json!([SUBSCRIPTION]));
    told(&mut small, &["nothing of contoso at or above the resources charged", &format!("--assignee-object-id {AGENTS}")]);
    let mut small = Small::new("", &[listed_since(1, AGENTS, "ForeignGroup", OWNER, "2026-09-20T06:00:00Z")]);
    small.list_taken("2026-09-21");
    let report = small.check();
    assert_eq!(words(&report), ["access_began"]);
    told(&mut small, &["has Owner at", "from 2026-09-20T06:00:00Z"]);
}

/// What is charged to nobody's scope, or before any evidence, is not at stake.
#[test]
fn what_rests_on_no_evidence_is_not_at_stake() {
    let mut small = Small::new("", &[]);
    small.charges(&[charge("").replace("2026-09-20", "2026-08-20"), charge("")]);
    let (report, run) = (small.check(), small.run());
    assert_eq!(report["misconfigurations"]["missed"], json!([{ "billing_currency": "USD", "charges": 1, "missed_credit": "0.12962962845" }]));
    assert_eq!(run["totals"][0]["missed_credit"], "0.12962962845");
}

/// Through Lighthouse it is the definition that is mended, and the registration that is given back.
#[test]
fn lighthouse_definitions_and_registrations() {
    let mut small = Small::new(&format!("{SOMEBODY},1000001,lighthouse,,\n"), &[]);
    let definition = "77777777-0000-4000-8000-000000000001";
    small.scene.reference("lighthouse_definitions = \"ref/definitions.csv\"\nlighthouse_assignments = \"ref/registrations.csv\"");
    let definitions = |role: &str| format!("definition_id,principal_id,role_definition_id,valid_from,valid_until\n{definition},{SOMEBODY},{role},,\n");
    let header = "snapshot_at,snapshot_scope,id,scope,definition_id,created_on";
    let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-1");
    let row = format!("2026-09-02T00:00:00Z,,66666666-0000-4000-8000-000000000009,{scope},{definition},2025-01-01T00:00:00Z");
    small.scene.write("ref/registrations.csv", format!("{header}\n{row}\n"));
    small.scene.write("ref/definitions.csv", definitions(READER));
    let seen = alone(&small.check(), "reader_only");
    assert_eq!((&seen["command"], &seen["links"][0]["channel"]), (&Value::Null, &json!("lighthouse")));
    small.scene.write("ref/definitions.csv", definitions(CONTRIBUTOR));
    mended(&mut small);
    small.scene.write("ref/registrations.csv", format!("{header}\n{row}\n2026-09-12T00:00:00Z,,,,,\n"));
    let seen = alone(&small.check(), "removed");
    assert_eq!(seen["stopped"]["stopped_by"], "ended_unobserved");
    let command = format!(
        "az managedservices assignment create --subscription {SUBSCRIPTION} --resource-group rg-1 --definition /subscriptions/{SUBSCRIPTION}/providers/Microsoft.ManagedServices/registrationDefinitions/{definition}"
    );
    told(&mut small, &["last seen in a list of 2026-09-02T00:00:00Z", &command]);
}

/// `az` alone says of a principal that it is a foreign group.
#[test]
fn the_type_is_read_from_az_too() {
    let small = Small::new("", &[]);
    let scope = format!("/subscriptions/{SUBSCRIPTION}");
    let row = |kind: &str| {
        json!([{ "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/1"), "principalId": SOMEBODY, "principalType": kind,
            "roleDefinitionId": OWNER, "scope": scope, "createdOn": "2025-01-01T00:00:00Z" }])
    };
    let stamp = format!("{{ uri = \"ref/list.json\", snapshot_at = \"2026-09-02T00:00:00Z\", snapshot_scope = \"{scope}\" }}");
    small.scene.job("\"ref/assignments.csv\"", &stamp);
    for (kind, told, code) in [("foreigngroup", json!("ForeignGroup"), "foreign_principal"), ("Unknown", Value::Null, "unlinked_principal")] {
        small.scene.write("ref/list.json", row(kind).to_string());
        assert_eq!(alone(&small.check(), code)["principal_type"], told);
    }
}
