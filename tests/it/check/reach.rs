//! Inputs that do not reach: lists of one subscription, subscriptions nobody speaks of, inputs of different age; and the
//! money at stake against what a run says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::small::{AGENTS, OWNER, SUBSCRIPTION, Small, charge, listed};
use super::{codes, pecan};
use crate::tidy::files::read;

const OTHER: &str = "55555555-0000-4000-8000-0000000000b2";

fn finding<'a>(report: &'a Value, code: &str) -> &'a Value {
    let topics = report["topics"].as_array().into_iter().flatten();
    let mut findings = topics.flat_map(|t| t["findings"].as_array().into_iter().flatten());
    findings.find(|f| f["code"] == code).unwrap_or_else(|| panic!("no {code}"))
}

/// Two subscriptions with charges, and `az role assignment list --all` of one of them.
fn one_listed(scope: &str) -> Small {
    let small = Small::new("", &[]);
    small.charges(&[charge(""), charge("").replace(SUBSCRIPTION, OTHER)]);
    let row = json!([{ "id": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/1"), "principalId": AGENTS,
        "principalType": "ForeignGroup", "roleDefinitionId": OWNER, "scope": format!("/subscriptions/{SUBSCRIPTION}"), "createdOn": "2025-01-01T00:00:00Z" }]);
    small.scene.write("ref/list.json", row.to_string());
    small.scene.job("\"ref/assignments.csv\"", &format!("{{ uri = \"ref/list.json\", snapshot_at = \"2026-09-02T00:00:00Z\"{scope} }}"));
    small
}

#[test]
fn a_list_of_one_subscription_does_not_speak_for_the_others() {
    let mut small = one_listed("");
    let report = small.check();
    assert_eq!(finding(&report, "list_of_one_subscription")["level"], "yellow");
    assert_eq!(report["narrow_lists"], json!([{ "snapshot_at": "2026-09-02T00:00:00Z", "subscription_id": SUBSCRIPTION, "other_subscriptions": 1 }]));
    let text = small.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("access in 1 other subscription with charges looks removed"), "{text}");
    assert!(text.contains(&format!("snapshot_scope = \"/subscriptions/{SUBSCRIPTION}\"")), "{text}");
    let scoped = one_listed(&format!(", snapshot_scope = \"/subscriptions/{SUBSCRIPTION}\"")).check();
    assert!(!codes(&scoped).contains("list_of_one_subscription"));
    let nothing = one_listed("");
    nothing.scene.write("ref/list.json", "[]");
    assert_eq!(nothing.check()["narrow_lists"][0]["subscription_id"], Value::Null, "an empty list says so of everything");
}

#[test]
fn a_subscription_that_nothing_speaks_of() {
    let report = one_listed("").check();
    assert_eq!((&finding(&report, "never_mentioned")["level"], &report["never_mentioned"]), (&json!("yellow"), &json!([OTHER])));
    assert!(!codes(&report).contains("no_access_at_all"), "said once");
    let listed = Small::new("", &[]).check();
    assert_eq!(listed["never_mentioned"], json!([]), "a list that holds nothing speaks of it");
    assert!(codes(&listed).contains("no_access_at_all"));
}

#[test]
fn inputs_of_different_age() {
    let small = Small::new("", &[listed(1, AGENTS, "ForeignGroup", OWNER)]);
    let report = small.check();
    assert_eq!(report["freshness"]["days_behind"], json!({ "usage": 9, "audit": 0, "lists": 28 }));
    assert!(codes(&report).contains("charges_behind") && !codes(&report).contains("lists_old"));
    small.list_taken("2026-08-15");
    small.charges(&[charge("").replace("2026-09-20", "2026-09-29")]);
    let report = small.check();
    assert_eq!(finding(&report, "lists_old")["level"], "green");
    assert!(!codes(&report).contains("charges_behind"));
}

#[test]
fn an_agreement_that_is_not_active() {
    let small = Small::new("", &[listed(1, AGENTS, "ForeignGroup", OWNER)]);
    small.scene.edit("ref/partners.csv", "cccccccc-0000-4000-8000-000000000001,,", "cccccccc-0000-4000-8000-000000000001,,2026-09-20T12:00:00Z");
    let report = small.check();
    let said = finding(&report, "agreement_inactive");
    assert_eq!((&said["level"], &report["misconfigurations"]["charges"]), (&json!("yellow"), &json!(0)));
    assert!(said["text"].as_str().is_some_and(|t| t.starts_with("2 charges missed 0.26 USD")), "{said}");
}

/// An amount at 12 places.
fn units(text: &Value) -> i128 {
    let text = text.as_str().expect("an amount");
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{places:0<12}").parse().expect("digits")
}

fn by_currency(rows: &Value) -> BTreeMap<String, i128> {
    let mut sums = BTreeMap::new();
    for row in rows.as_array().into_iter().flatten() {
        *sums.entry(row["billing_currency"].to_string()).or_default() += units(&row["missed_credit"]);
    }
    sums
}

/// What is at stake in all is what a run misses for want of access, to the last digit; no cause has more, and a cause has
/// no more than its parts.
#[test]
fn the_money_at_stake_is_what_a_run_misses() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out");
    let (check, run) = (pecan(&["check", "jobs/daily.toml"], &output), pecan(&["run", "jobs/daily.toml", "--dry-run"], &output));
    let lost = |o: &&Value| {
        let access = ["no_access", "role_not_earning", "not_linked", "gap"].iter().any(|word| o["outcome"] == *word);
        access && o["evidence"] != "before_first_record"
    };
    let of_run: Vec<Value> = run["outcomes"].as_array().into_iter().flatten().filter(lost).cloned().collect();
    let charges: u64 = of_run.iter().filter_map(|o| o["charges"].as_u64()).sum();
    let found = &check["misconfigurations"];
    let total = by_currency(&found["missed"]);
    assert_eq!((found["charges"].as_u64(), &total), (Some(charges), &by_currency(&json!(of_run))));
    assert_eq!(total.len(), 2, "{total:?}");
    let causes = found["causes"].as_array().cloned().unwrap_or_default();
    assert!(causes.len() >= 9, "the sample shows most causes");
    let mut last = i128::MAX;
    for cause in &causes {
        let word = cause["cause"].as_str().unwrap_or_default();
        let (mine, earned) = (by_currency(&cause["missed"]), by_currency(&cause["would_earn"]));
        let seen: Vec<BTreeMap<String, i128>> = cause["seen"].as_array().into_iter().flatten().map(|s| by_currency(&s["missed"])).collect();
        for (currency, amount) in &mine {
            let parts: i128 = seen.iter().filter_map(|s| s.get(currency)).sum();
            assert!(*amount <= total[currency] && *amount <= parts, "{word} {currency} {amount} {parts}");
            assert!(earned.get(currency).is_none_or(|e| e <= amount), "{word}");
        }
        let commands: Vec<&str> = cause["seen"].as_array().into_iter().flatten().filter_map(|s| s["command"].as_str()).collect();
        assert!(commands.iter().all(|c| !c.contains("--scope \"/\"")), "{word} asks for a role at the root: {commands:?}");
        let most = mine.values().copied().max().unwrap_or_default();
        assert!(most <= last, "{word} is not in the order of money");
        last = most;
    }
}

/// Codes that `check` gives are in the runbook, and its fields in COMMANDS.md.
#[test]
fn codes_and_fields_are_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = pecan(&["check", "jobs/daily.toml"], &folder.path().join("out"));
    let (runbook, commands) = (read("docs/RUNBOOK.md"), read("docs/COMMANDS.md"));
    for code in codes(&check) {
        assert!(runbook.contains(&format!("| `{code}` |")), "docs/RUNBOOK.md has no row for {code}");
    }
    for field in check.as_object().into_iter().flat_map(|o| o.keys()) {
        assert!(commands.contains(&format!("`{field}`")), "docs/COMMANDS.md does not tell {field}");
    }
}
