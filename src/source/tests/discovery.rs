//! Which files make up an input (details 1, 11; data-contracts §2).

use pecan_core::time::parse_day;

use super::*;
use crate::job::{ChargeFormat, ChargeSource, Layout};
use crate::source::{Discovery, discover};

const RESOURCE: &str = "/providers/Microsoft.Billing/billingAccounts/1/providers/Microsoft.CostManagement/exports/E";

fn source(uri: &Path, layout: Layout) -> ChargeSource {
    ChargeSource { name: "contoso".into(), uri: uri.to_str().unwrap().into(), uri_as_written: "in".into(), format: ChargeFormat::CostManagement, layout }
}

fn found(root: &Path) -> std::result::Result<Discovery, String> {
    discover(3, &source(root, Layout::Export)).map_err(|e| {
        assert_eq!(e.exit_code(), 3, "{e}");
        e.to_string()
    })
}

struct Run<'a> {
    kind: &'a str,
    resource: &'a str,
    month: &'a str,
    submitted: &'a str,
    id: &'a str,
    blobs: &'a [(&'a str, u64)],
    total: u64,
}

const RUN: Run = Run {
    kind: "ActualCost",
    resource: RESOURCE,
    month: "09",
    submitted: "2026-09-21T21:04:06.5234447Z",
    id: "run-1",
    blobs: &[("cost/daily/20260901-20260930/run-1/part_0.csv", 1)],
    total: 1,
};

impl Run<'_> {
    /// Writes the manifest into its run's folder under `root`.
    fn write(&self, root: &Path) {
        let blobs: Vec<String> = self.blobs.iter().map(|(name, rows)| format!(r#"{{"blobName":"{name}","byteCount":1,"dataRowCount":{rows}}}"#)).collect();
        let text = format!(
            r#"{{"manifestVersion":"2024-04-01","blobCount":{},"dataRowCount":{},"exportConfig":{{"exportName":"daily","resourceId":"{}","type":"{}","dataVersion":"2023-12-01-preview"}},"deliveryConfig":{{"fileFormat":"Csv"}},"runInfo":{{"submittedTime":"{}","runId":"{}","startDate":"2026-{}-01T00:00:00","endDate":"2026-{}-21T00:00:00Z"}},"blobs":[{}]}}"#,
            self.blobs.len(),
            self.total,
            self.resource,
            self.kind,
            self.submitted,
            self.id,
            self.month,
            self.month,
            blobs.join(",")
        );
        write(&self.folder(root).join("manifest.json"), text);
    }

    fn folder(&self, root: &Path) -> PathBuf {
        root.join(format!("cost/daily/2026{0}01-2026{0}30/{1}", self.month, self.id))
    }
}

fn row() -> String {
    format!("{NEEDED}\n2026-09-05,s,m,p,1,1,USD,EUR,Usage\n")
}

#[test]
fn the_newest_complete_run_of_each_month_counts() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let blob = |id: &str, month: &str| format!("cost/daily/2026{month}01-2026{month}30/{id}/part_0.csv");
    // The older run's blob is missing and its total wrong is not looked at; the newer in time wins over the greater id.
    Run { id: "run-9", submitted: "2026-09-20T00:00:00Z", blobs: &[(&blob("run-9", "09"), 1), ("../x", 1)], total: 9, ..RUN }.write(root);
    RUN.write(root);
    write(&RUN.folder(root).join("part_0.csv"), row());
    // Same instant: the greater run id.
    for id in ["a", "b"] {
        let run = Run { id, month: "10", resource: &RESOURCE.to_uppercase(), blobs: &[(&blob(id, "10"), 1)], ..RUN };
        run.write(root);
        write(&run.folder(root).join("part_0.csv"), row());
    }
    // No manifest: incomplete.
    write(&root.join("cost/daily/20261101-20261130/c/part_0.csv"), row());
    let found = found(root).unwrap();
    assert_eq!((found.superseded_runs, found.warnings.len()), (2, 0));
    let ids: Vec<&str> = found.groups.iter().map(|g| g.group_id.as_str()).collect();
    assert_eq!(ids.len(), 2);
    let hash = ids[0].split(['@', '/']).nth(2).unwrap();
    assert_eq!(ids, [format!("contoso/daily@{hash}/202609#1"), format!("contoso/daily@{hash}/202610#1")], "the resource id is compared without case");
    let group = &found.groups[0];
    let file = &group.files[0];
    assert_eq!((group.source, file.source_file.as_str(), file.source_run.as_deref()), (3, "daily/20260901-20260930/part_0.csv", Some("run-1")));
    assert_eq!(file.place, "in/cost/daily/20260901-20260930/run-1/part_0.csv");
    assert_eq!(file.hash, blake3::hash(row().as_bytes()).to_hex().to_string());
    let day = |t: &str| parse_day(t).unwrap().0;
    assert_eq!(group.days, Some((day("2026-09-01"), day("2026-09-22"))));
    assert_eq!(found.groups[1].files[0].source_run.as_deref(), Some("b"));
}

#[test]
fn a_blob_is_looked_for_at_the_root_then_by_its_tail_then_beside_the_manifest() {
    let text = |n: usize| format!("{NEEDED}\n{}", "2026-09-05,s,m,p,1,1,USD,EUR,Usage\n".repeat(n));
    let places = ["cost/daily/20260901-20260930/run-1/part_0.csv", "daily/20260901-20260930/run-1/part_0.csv", "part_0.csv", "elsewhere/part_0.csv"];
    for present in 0..places.len() {
        let dir = tempfile::tempdir().unwrap();
        // The manifest lies in a folder of its own, so that "beside" is told apart from the root.
        RUN.write(&dir.path().join("tmp"));
        let manifest = fs::read(RUN.folder(&dir.path().join("tmp")).join("manifest.json")).unwrap();
        fs::remove_dir_all(dir.path().join("tmp")).unwrap();
        write(&dir.path().join("elsewhere/manifest.json"), manifest);
        for (n, place) in places.iter().enumerate().skip(present) {
            write(&dir.path().join(place), text(n + 1));
        }
        let found = found(dir.path()).unwrap();
        let file = &found.groups[0].files[0];
        assert_eq!(file.place, format!("in/{}", places[present]));
        assert_eq!(file.source_file, "daily/20260901-20260930/part_0.csv", "the name does not depend on where the blob lies");
    }
    let dir = tempfile::tempdir().unwrap();
    RUN.write(dir.path());
    let text = found(dir.path()).unwrap_err();
    assert!(text.contains("no blob `cost/daily/20260901-20260930/run-1/part_0.csv`"), "{text}");
}

#[test]
fn folders_without_a_usable_manifest_are_refused_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(&root.join("cost/part_0.csv"), row());
    assert!(found(root).unwrap_err().contains("no manifest.json"));
    Run { kind: "AmortizedCost", ..RUN }.write(root);
    assert!(found(root).unwrap_err().contains("not of type ActualCost or Usage"));
    Run { kind: "usage", id: "run-2", ..RUN }.write(root);
    write(&RUN.folder(root).join("part_0.csv"), row());
    let found = found(root).unwrap();
    assert_eq!((found.groups.len(), found.passed_over_runs, found.warnings[0].code), (1, 1, "export_passed_over"));
}

#[test]
fn wrong_manifests_are_named_with_what_is_wrong() {
    type Blobs<'a> = &'a [(&'a str, u64)];
    let cases: [(Blobs, u64, &str); 6] = [
        (&[("a/part_0.csv", 1), ("a/part_0.csv", 1)], 2, "twice"),
        (&[("a/../../part_0.csv", 1)], 1, "the blob name"),
        (&[("a/part_0.csv", 1)], 2, "dataRowCount says 2"),
        (&[("a/part_0.txt", 1)], 1, "neither .parquet"),
        (&[("x/part_0.csv", 1), ("y/part_0.csv", 1)], 2, "two blobs that both lie"),
        (&[("a/part_1.csv", 1)], 1, "no blob"),
    ];
    for (blobs, total, wanted) in cases {
        let dir = tempfile::tempdir().unwrap();
        Run { blobs, total, ..RUN }.write(dir.path());
        write(&RUN.folder(dir.path()).join("part_0.csv"), row());
        let text = found(dir.path()).unwrap_err();
        assert!(text.contains(wanted) && text.contains("manifest.json"), "{text}");
    }
    for text in ["{", "[]", "{}", r#"{"exportConfig":{"exportName":"x","type":"ActualCost"}}"#] {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("manifest.json"), text);
        assert!(found(dir.path()).unwrap_err().contains("in/manifest.json"));
    }
}

#[test]
fn counts_left_out_of_a_manifest_are_counted_against_its_total() {
    for (total, good) in [(1, true), (2, false)] {
        let dir = tempfile::tempdir().unwrap();
        Run { total, blobs: &[("part_0.csv", 77)], ..RUN }.write(dir.path());
        let path = RUN.folder(dir.path()).join("manifest.json");
        let text = fs::read_to_string(&path).unwrap().replace(r#","dataRowCount":77"#, "");
        write(&path, text);
        write(&RUN.folder(dir.path()).join("part_0.csv"), row());
        let result = found(dir.path());
        assert_eq!(result.is_ok(), good, "{result:?}");
        assert!(result.map_or(true, |f| f.groups[0].files[0].expected_rows == Some(1)));
    }
}

#[test]
fn a_run_without_blobs_has_no_group_and_blobs_of_one_name_keep_their_folders() {
    let dir = tempfile::tempdir().unwrap();
    Run { blobs: &[], total: 0, ..RUN }.write(dir.path());
    assert_eq!(found(dir.path()).unwrap().groups, []);
    let blobs = [("x/part_0.csv", 1), ("y/part_0.csv", 1)];
    Run { blobs: &blobs, total: 2, ..RUN }.write(dir.path());
    for (name, _) in blobs {
        write(&dir.path().join(name), row());
    }
    let names: Vec<String> = found(dir.path()).unwrap().groups[0].files.iter().map(|f| f.source_file.clone()).collect();
    assert_eq!(names, ["daily/x/part_0.csv", "daily/y/part_0.csv"]);
}

#[test]
fn plain_files_form_a_group_for_each_folder() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in ["b/2.csv", "b/1.CSV", "top.csv.gz", "b/c/3.parquet", "_SUCCESS", "b/readme.txt", "b/manifest.json"] {
        write(&root.join(name), name);
    }
    let found = discover(0, &source(root, Layout::Files)).unwrap();
    let shape: Vec<(&str, Vec<&str>)> = found.groups.iter().map(|g| (g.group_id.as_str(), g.files.iter().map(|f| f.source_file.as_str()).collect())).collect();
    assert_eq!(shape, [("contoso/#1", vec!["top.csv.gz"]), ("contoso/b#1", vec!["b/1.CSV", "b/2.csv"]), ("contoso/b/c#1", vec!["b/c/3.parquet"])]);
    assert_eq!(found.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), ["manifests_unused", "files_passed_over"]);
    let one = discover(0, &source(&root.join("b/2.csv"), Layout::Files)).unwrap();
    assert_eq!((one.groups[0].group_id.as_str(), one.groups[0].files[0].source_file.as_str()), ("contoso/#1", "2.csv"));
    let glob = discover(0, &source(&root.join("b/*.csv"), Layout::Files)).unwrap();
    assert_eq!(glob.groups[0].files[0].source_file, "2.csv", "relative to the deepest folder without a wildcard");
    assert_eq!(discover(0, &source(&root.join("b/*.txt"), Layout::Files)).unwrap_err().exit_code(), 3);
    assert_eq!(discover(0, &source(&root.join("b/*"), Layout::Export)).unwrap_err().exit_code(), 3);
}
