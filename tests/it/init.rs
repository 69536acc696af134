//! `pecan init`: what it recognises, what it writes, what it says is missing, and that the result can be run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::tidy::files::root;

const SUBSCRIPTION: &str = "55555555-0000-4000-8000-000000000021";

/// A folder with what somebody downloaded.
struct Downloads {
    dir: tempfile::TempDir,
}

impl Downloads {
    fn new() -> Downloads {
        let downloads = Downloads { dir: tempfile::tempdir().expect("a folder") };
        for (from, to) in [("exports/contoso", "exports"), ("audit", "activity")] {
            copy(&root().join("sample_data").join(from), &downloads.path(&format!("raw/{to}")));
        }
        let list = fs::read(root().join("sample_data/reference/world-wide-importers.az.json")).expect("sample data");
        downloads.write(&format!("raw/az/20260901T000000Z/role-assignments/{SUBSCRIPTION}.json"), list);
        downloads
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn write(&self, below: &str, content: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("below")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).expect(below)
    }

    /// Exit code, standard output, standard error.
    fn pecan(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_pecan")).current_dir(self.dir.path()).args(arguments).output().expect("the program");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn init(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = ["init", "--output-format", "json"].into_iter().chain(arguments.iter().copied()).collect();
        let (code, out, err) = self.pecan(&all);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).expect("one object")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|e| e.expect("an entry").path()) {
        let target = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() { copy(&entry, &target) } else { assert!(fs::copy(&entry, &target).is_ok()) }
    }
}

fn codes(report: &Value) -> Vec<&str> {
    report["missing"].as_array().expect("a list").iter().map(|lack| lack["code"].as_str().expect("a code")).collect()
}

#[test]
fn an_empty_folder_becomes_a_job_to_fill_in() {
    let downloads = Downloads::new();
    let report = downloads.init(&["mine"]);
    assert_eq!(codes(&report), ["charges", "audit", "assignments", "lighthouse", "groups", "partner_links"]);
    assert_eq!(report["to_do"].as_array().map(Vec::len), Some(2));
    for file in ["job.toml", "collect.sh", "reference/partners.csv", "reference/principals.csv", "reference/roles.csv"] {
        assert!(downloads.read(&format!("mine/{file}")).starts_with('#'), "{file} explains itself");
    }
    let (code, _, err) = downloads.pecan(&["plan", "mine/job.toml"]);
    assert!(code == 3 && err.contains("where: activity/") && err.contains("nothing there"), "the job file is sound, its inputs are not there: {err}");
}

#[test]
fn downloads_are_recognised_and_what_is_missing_is_told_with_its_cost() {
    let downloads = Downloads::new();
    downloads.write("raw/notes.txt", "call them on Monday");
    let report = downloads.init(&["mine", "raw"]);
    let found = &report["found"];
    let uris = |key: &str| found[key].as_array().expect("a list").iter().map(|s| s["uri"].as_str().expect("a uri").to_string()).collect::<Vec<_>>();
    assert_eq!(uris("charges"), ["../raw/exports/pec-actual/"]);
    assert_eq!(uris("audit"), ["../raw/activity/"]);
    assert_eq!(uris("lists"), ["../raw/az/{snapshot_at}/role-assignments/{subscription_id}.json"]);
    assert_eq!(found["first_usage_day"], "2026-09-01");
    assert_eq!(found["resellers"]["2000001"], "Northwind");
    let unused: Vec<&str> = found["unused"].as_array().expect("a list").iter().map(|u| u["file"].as_str().expect("a file")).collect();
    assert_eq!(unused, ["../raw/exports/pec-amortized/", "../raw/notes.txt"]);
    assert_eq!(codes(&report), ["audit_behind", "unlisted", "lighthouse", "groups", "partner_links"]);
    let (code, text, _) = downloads.pecan(&["init", "mine", "raw", "--force"]);
    assert!(code == 0 && text.contains("Missing, and what that costs") && text.contains("pecan check mine/job.toml"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn a_damaged_export_is_told_and_the_rest_is_seen() {
    let downloads = Downloads::new();
    let part = fs::read_dir(downloads.path("raw/exports/pec-actual/20260901-20260930")).expect("a month").next().expect("a run").expect("an entry").path();
    let file = fs::read_dir(part).expect("a run").map(|e| e.expect("an entry").path()).find(|p| p.extension().is_some_and(|e| e == "parquet")).expect("a part");
    fs::write(&file, "PAR1 is all that is left PAR1").expect("a file");
    let report = downloads.init(&["mine", "raw"]);
    let unused = report["found"]["unused"].as_array().expect("a list");
    let told = unused.iter().find(|u| u["why"].as_str().is_some_and(|why| why.starts_with("cannot be read: "))).expect("the damaged file");
    assert!(told["file"].as_str().is_some_and(|name| name.contains("part_")), "{told}");
    assert!(report["found"]["rows_looked_at"].as_u64().is_some_and(|rows| rows > 0));
}

#[test]
fn without_lists_it_says_from_which_day_there_is_evidence() {
    let downloads = Downloads::new();
    let report = downloads.init(&["mine", "raw/exports", "raw/activity"]);
    let lacks = report["missing"].as_array().expect("a list");
    let costs = lacks.iter().find(|lack| lack["code"] == "assignments").expect("no lists")["costs"].as_str().expect("text");
    assert!(costs.contains("days before 2026-09-02T08:15:00Z have no evidence (charges begin on 2026-09-01)"), "{costs}");
}

#[test]
fn a_job_made_from_downloads_runs() {
    let downloads = Downloads::new();
    downloads.write("raw/az/groups.json", r#"[{"id": "BBBBBBBB-0000-4000-8000-000000000001", "displayName": "AdminAgents"}]"#);
    let link = |id: &str, state: &str| {
        format!(
            r#"{{"objectId": "{id}", "partnerId": "1000001", "partnerName": "CONTOSO", "state": "{state}", "version": 1, "createdTime": "2026-01-01T00:00:00+00:00"}}"#
        )
    };
    downloads.write("raw/az/partner-link/a.json", link("bbbbbbbb-0000-4000-8000-000000000007", "Active"));
    downloads.write("raw/az/partner-link/b.json", link("bbbbbbbb-0000-4000-8000-000000000008", "Deleted"));
    let report = downloads.init(&["raw"]);
    assert_eq!(codes(&report), ["audit_behind", "unlisted", "lighthouse"], "it looks in its own folder");
    let principals = downloads.read("raw/reference/principals.csv");
    assert!(principals.contains("\nbbbbbbbb-0000-4000-8000-000000000007,1000001,pal,2026-01-01T00:00:00+00:00,\n"), "{principals}");
    assert!(!principals.contains("000000000008"), "a deleted link is no link: {principals}");
    let (code, out, err) = downloads.pecan(&["run", "raw/job.toml", "--set", "limits.rejections=5%", "--output-format", "json"]);
    assert_eq!(code, 0, "{err}");
    let summary: Value = serde_json::from_str(&out).expect("one object");
    assert!(summary["credit_lines"].as_u64().is_some_and(|lines| lines > 0));
    let (code, _, err) = downloads.pecan(&["init", "raw"]);
    assert!(code == 2 && err.contains("init_exists"), "{err}");
    downloads.write("raw/reference/rates.csv", "meter_id,product_id,rate,valid_from,valid_until\nm,,0,,\n");
    downloads.init(&["raw", "--force"]);
    let job = downloads.read("raw/job.toml");
    assert!(job.contains("\nrates = \"reference/rates.csv\"") && job.contains("\n# products = "), "tables with rows are named, templates are not: {job}");
    assert!(!job.contains("out/fact"), "our own output is no input: {job}");
    assert!(downloads.path("raw/job.toml.old").exists());
}

/// `collect.sh` with a stand-in for `az` that answers for one subscription and fails for another.
#[test]
#[cfg(unix)]
fn the_script_keeps_whole_answers_only() {
    use std::os::unix::fs::PermissionsExt;
    let downloads = Downloads::new();
    downloads.init(&["mine"]);
    let az = "#!/bin/sh\ncase \"$*\" in\n  *'account list'*) printf 'good\\r\\nbad\\n' ;;\n  *'account show'*) echo tenant ;;\n  *'--subscription bad'*) echo '[{\"half\":'; exit 1 ;;\n  *) echo '[]' ;;\nesac\n";
    downloads.write("bin/az", az);
    fs::set_permissions(downloads.path("bin/az"), fs::Permissions::from_mode(0o755)).expect("executable");
    let path = format!("{}:{}", downloads.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let collect = |argument: &str| Command::new(downloads.path("mine/collect.sh")).arg(argument).env("PATH", &path).output().expect("sh");
    let said = collect("lists");
    assert_eq!(said.status.code(), Some(1), "a failure is told: {said:?}");
    assert!(String::from_utf8_lossy(&said.stderr).contains("not fetched: az/"));
    let stamp = fs::read_dir(downloads.path("mine/az")).expect("answers").next().expect("a stamp").expect("an entry").path();
    let names = |folder: &str| fs::read_dir(stamp.join(folder)).expect(folder).map(|e| e.expect("an entry").file_name()).collect::<Vec<_>>();
    assert_eq!(names("role-assignments"), ["good.json"]);
    assert_eq!(names("registration-assignments"), ["good.json"]);
    assert_eq!(collect("groups").status.code(), Some(0));
    assert_eq!(collect("activity").status.code(), Some(1));
    assert!(downloads.path("mine/activity/good").is_dir() && downloads.path("mine/az/groups/tenant.json").exists());
    let help = collect("nonsense");
    assert!(help.status.code() == Some(2) && String::from_utf8_lossy(&help.stderr).contains("./collect.sh activity [DAYS]"), "{help:?}");
}
