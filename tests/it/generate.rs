//! `pecan generate`: what a run finds equals what was planted, whatever the form; same arguments, same bytes.
//!
//! The generator counts its truth while it makes rows and shares no code with the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

const ROWS: &str = "20000";

fn pecan(arguments: &[&str]) -> (i32, Value, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pecan"));
    let said = command.args(arguments).args(["--output-format", "json"]).output().expect("the program starts");
    let object = serde_json::from_slice(&said.stdout).unwrap_or(Value::Null);
    (said.status.code().expect("an exit code"), object, String::from_utf8_lossy(&said.stderr).into_owned())
}

/// Generates into a new folder.
fn generate(folder: &TempDir, name: &str, more: &[&str]) -> PathBuf {
    let out = folder.path().join(name);
    let place = out.to_str().expect("utf-8");
    let days: &[&str] = if more.contains(&"--days") { &[] } else { &["--days", "40"] };
    let (code, answer, error) = pecan(&[&["generate", "--rows", ROWS, place], days, more].concat());
    assert_eq!(code, 0, "{error}");
    assert_eq!(answer["truth"], truth(&out), "the answer tells the truth as the file does");
    out
}

fn truth(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("truth.json")).expect("truth.json");
    serde_json::from_str(&text).expect("JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Charges by outcome and evidence, currencies taken together.
fn outcomes(value: &Value) -> BTreeMap<(String, String), u64> {
    let mut charges = BTreeMap::new();
    for line in list(value, "outcomes") {
        let word = |key: &str| line[key].as_str().expect(key).to_string();
        *charges.entry((word("outcome"), word("evidence"))).or_default() += line["charges"].as_u64().expect("a count");
    }
    charges
}

/// Runs the job, and compares it with the truth.
fn prove(folder: &Path) {
    let job = folder.join("job.toml");
    let (code, run, error) = pecan(&["run", job.to_str().expect("utf-8")]);
    assert_eq!(code, 0, "{error}");
    let truth = truth(folder);
    assert_eq!((&run["rows_read"], &run["credit_lines"]), (&truth["rows"], &truth["rows"]));
    assert_eq!((run["rejections"].as_u64(), run["rejections_other"].as_u64()), (Some(0), Some(0)), "{run}");
    assert_eq!((run["contradictions"].as_u64(), list(&run, "warnings").len()), (Some(0), 0), "{run}");
    assert_eq!(outcomes(&run), outcomes(&truth));
    assert_eq!(list(&run, "totals").len(), list(&truth, "totals").len());
    for total in list(&truth, "totals") {
        let of_run = list(&run, "totals").iter().find(|t| t["billing_currency"] == total["billing_currency"]).expect("the currency");
        for amount in ["list_cost", "credit", "missed_credit", "applied_credit"] {
            assert_eq!(of_run[amount], total[amount], "{amount} {}", total["billing_currency"]);
        }
    }
}

/// Every file below, by its path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut open, mut found) = (vec![folder.to_path_buf()], BTreeMap::new());
    while let Some(here) = open.pop() {
        for path in std::fs::read_dir(here).expect("a folder").flatten().map(|e| e.path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    found
}

#[test]
fn a_run_finds_what_was_planted() {
    let folder = TempDir::new().expect("a folder");
    let out = generate(&folder, "a", &[]);
    let truth = truth(&out);
    let causes = ["partner_unknown", "agreement_inactive", "no_access", "role_not_earning", "not_linked", "gap", "rate_zero", "product_excluded", "not_usage"];
    let found = outcomes(&truth);
    for cause in causes {
        assert!(found.contains_key(&(cause.to_string(), "complete".to_string())), "{cause} was not planted");
    }
    let kinds: Vec<&str> = list(&truth, "excluded_kinds").iter().filter_map(|k| k["kind"].as_str()).collect();
    assert_eq!(kinds, ["reservation", "savings_plan", "spot", "marketplace", "third_party", "legacy"]);
    let wrong: Vec<&str> = list(&truth, "misconfigurations").iter().filter_map(|m| m["kind"].as_str()).collect();
    for kind in ["foreign_principal", "pal_of_other_organisation", "reader_only", "unlinked_principal", "reseller_not_set"] {
        assert!(wrong.contains(&kind), "{kind} was not planted");
    }
    let lost = truth["lost_charges"].as_u64().expect("a count");
    assert!((100..=300).contains(&lost), "about one percent of the charges are lost: {lost}");
    prove(&out);
}

#[test]
fn the_form_of_the_files_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let usual = truth(&generate(&folder, "usual", &[]));
    let forms: [(&str, &[&str]); 3] = [
        ("csv", &["--format", "cost-management-csv", "--files", "3"]),
        ("double", &["--double", "--row-group-size", "999"]),
        ("plain", &["--plain", "--files", "7"]),
    ];
    for (name, arguments) in forms {
        let out = generate(&folder, name, arguments);
        assert_eq!(truth(&out), usual, "{name}");
        prove(&out);
    }
}

#[test]
fn days_before_the_log_are_before_the_first_record() {
    let folder = TempDir::new().expect("a folder");
    let out = generate(&folder, "long", &["--days", "150", "--seed", "7"]);
    let found = outcomes(&truth(&out));
    assert!(found.keys().any(|(_, evidence)| evidence == "before_first_record"), "{found:?}");
    prove(&out);
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let folder = TempDir::new().expect("a folder");
    let forms: [&[&str]; 3] = [&[], &["--raw"], &["--format", "cost-management-csv"]];
    for (n, form) in forms.into_iter().enumerate() {
        let made = |name: &str, more: &[&str]| files(&generate(&folder, &format!("{name}-{n}"), &[&["--row-group-size", "1500"], form, more].concat()));
        let one = made("one", &["--threads", "1"]);
        assert!(one == made("four", &["--threads", "4"]), "threads changed the bytes: {form:?}");
        let other = made("other", &["--seed", "2"]);
        assert!(
            one.iter().filter(|(name, _)| name.ends_with("parquet") || name.ends_with("gz")).all(|(name, bytes)| other.get(name) != Some(bytes)),
            "{form:?}"
        );
    }
}

#[test]
fn the_raw_form_is_what_can_be_downloaded() {
    let folder = TempDir::new().expect("a folder");
    let out = generate(&folder, "raw", &["--raw"]);
    let files = files(&out);
    let named = |part: &str| files.keys().filter(|name| name.contains(part)).count();
    assert_eq!((named("job.toml"), named("reference/"), named("truth.json")), (0, 0, 1));
    assert_eq!((named("manifest.json"), named("az/groups/")), (2, 1));
    let stamps = ["az/20260921T020000Z", "az/20261031T060000Z"];
    let json = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap_or_else(|e| panic!("{name}: {e}"));
    for stamp in stamps {
        assert_eq!(named(&format!("{stamp}/role-assignments/")), named(&format!("{stamp}/registration-assignments/")));
        let lists = files.keys().filter(|name| name.starts_with(&format!("{stamp}/role-assignments/")));
        let rows: usize =
            lists.map(|name| json(name).as_array().expect("a list").iter().filter(|a| a["createdOn"].is_string() && a["scope"].is_string()).count()).sum();
        assert!(rows > 100, "{stamp}: {rows}");
        let delegations = files.keys().filter(|name| name.starts_with(&format!("{stamp}/registration-assignments/")));
        let first = delegations
            .filter_map(|name| {
                json(name)[0]["properties"]["registrationDefinition"]["properties"]["authorizations"][0]["principalId"].as_str().map(str::to_string)
            })
            .next();
        assert!(first.is_some(), "{stamp}: a delegation with its definition");
    }
    let links: Vec<Value> = files.keys().filter(|name| name.starts_with("az/partner-link/")).map(|name| json(name)).collect();
    assert!(links.iter().any(|l| l["state"] == "Deleted") && links.iter().all(|l| l["objectId"].is_string() && l["partnerId"].is_string()));
    let (mut writes, mut records) = (0, 0);
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("activity/")) {
        let place: Vec<&str> = name.split('/').collect();
        assert!(place.len() == 11 && place[2] == "resourceId=" && place[3] == "SUBSCRIPTIONS" && place[10] == "PT1H.json", "{name}");
        for line in String::from_utf8_lossy(bytes).lines() {
            let record: Value = serde_json::from_str(line).expect("JSON Lines");
            let time = record["time"].as_str().expect("a time");
            let hour = format!("y={}/m={}/d={}/h={}", &time[..4], &time[5..7], &time[8..10], &time[11..13]);
            assert!(name.contains(&hour) && record["resourceId"].as_str().is_some_and(|id| id.contains(place[4])), "{name}: {line}");
            let properties = &record["properties"];
            let has_body = properties["requestbody"].is_string() || properties["requestBody"].is_string();
            records += 1;
            writes += usize::from(has_body && record["operationName"] == "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE");
        }
    }
    assert!(writes > 3 && records > 100 * writes / 4, "role changes are rare: {writes} of {records}");
}

/// A job of downloads alone, but for what no download says.
const RAW_JOB: &str = r#"name = "raw"
[charges]
uri = "exports/"
format = "cost-management"
[audit]
uri = "activity/"
format = "activity-log-json"
[reference]
assignments = "az/{snapshot_at}/role-assignments/{subscription_id}.json"
lighthouse_assignments = "az/{snapshot_at}/registration-assignments/{subscription_id}.json"
lighthouse_definitions = "az/{snapshot_at}/registration-assignments/{subscription_id}.json"
partners = "../ready/reference/partners.csv"
principals = "../ready/reference/principals.csv"
rates = "../ready/reference/rates.csv"
products = "../ready/reference/products.csv"
[output]
uri = "out/"
"#;

#[test]
fn a_run_on_downloads_finds_the_same() {
    let folder = TempDir::new().expect("a folder");
    let (ready, raw) = (generate(&folder, "ready", &[]), generate(&folder, "raw", &["--raw"]));
    assert_eq!(truth(&ready), truth(&raw));
    std::fs::write(raw.join("job.toml"), RAW_JOB).expect("writable");
    prove(&raw);
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let out = generate(&folder, "a", &[]);
    let before = files(&out);
    let (code, _, error) = pecan(&["generate", "--rows", "10", out.to_str().expect("utf-8")]);
    assert!(code == 2 && error.contains("generate_folder") && error.contains("not empty"), "{error}");
    let file = out.join("job.toml");
    let (code, _, error) = pecan(&["generate", "--rows", "10", file.to_str().expect("utf-8")]);
    assert!(code == 2 && error.contains("not a folder"), "{error}");
    assert!(files(&out) == before);
}
