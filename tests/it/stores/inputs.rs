//! Inputs in object stores: the real program settles the sample from each store, and from several places at once, and the
//! tables are those of local files. What it asked for is looked at too: listings by prefix, and nothing twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value, json};

use super::fake::{BUCKET, FakeStore, SHAPES, Shape};
use super::runtime;
use crate::jobs::workshop::{Workshop, run};
use crate::tables::{Canonical, assert_equal, canonical};

/// What all keys of the inputs begin with.
pub const INPUTS: &str = "in puts/of=sample";

/// Puts a folder with all below it into a store.
pub fn put_folder(store: &dyn ObjectStore, folder: &Path, prefix: &str) {
    let mut open = vec![folder.to_path_buf()];
    while let Some(at) = open.pop() {
        for path in std::fs::read_dir(&at).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            let key = Key::parse(format!("{prefix}/{below}")).expect("a key");
            runtime().block_on(store.put(&key, std::fs::read(&path).expect("a file").into())).expect("put");
        }
    }
}

/// A workshop whose job reads from stores.
pub struct Remote {
    pub workshop: Workshop,
    pub expected: Canonical,
}

impl Remote {
    pub fn new() -> Remote {
        let workshop = Workshop::sample();
        let job = workshop.job(&["output.uri=fresh/"]);
        run(&job);
        Remote { expected: canonical(&job), workshop }
    }

    /// Writes a job that reads charges, audit log and reference tables below these uris.
    pub fn job(&self, name: &str, [charges, audit, reference]: [&str; 3]) {
        let text = std::fs::read_to_string(self.workshop.path("jobs/daily.toml")).expect("the job");
        let text = text.replace("../sample_data/exports", &format!("{charges}/exports")).replace("../sample_data/archive", &format!("{charges}/archive"));
        let text = text.replace("../sample_data/audit", &format!("{audit}/audit")).replace("../sample_data/reference", &format!("{reference}/reference"));
        std::fs::write(self.workshop.path(&format!("jobs/{name}.toml")), text).expect("written");
    }

    /// A command of the program over a job, with these servers and no others.
    pub fn pecan(&self, arguments: &[&str], environment: &[(&str, String)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pecan"));
        for (name, _) in std::env::vars().filter(|(name, _)| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
        let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
        command.current_dir(self.workshop.path("jobs")).args(arguments).envs(environment).output().expect("the program")
    }

    /// The JSON a command prints, which must go well.
    pub fn told(&self, arguments: &[&str], environment: &[(&str, String)]) -> Value {
        let said = self.pecan(&[arguments, &["--output-format", "json"]].concat(), environment);
        assert_eq!(said.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
        serde_json::from_slice(&said.stdout).expect("one JSON object")
    }

    /// The tables a job wrote to a local folder are those of local inputs.
    pub fn compare(&self, output: &str, what: &str) {
        assert_equal(&canonical(&self.workshop.job(&[&format!("output.uri={output}/")])), &self.expected, what);
    }
}

/// Where the inputs are on a server.
pub fn base(shape: Shape) -> String {
    format!("{}://{BUCKET}/{}", shape.scheme(), INPUTS.replace(' ', "%20"))
}

fn all_from(shape: Shape) {
    let server = FakeStore::start(shape, 7);
    let remote = Remote::new();
    put_folder(&server.client(), &remote.workshop.path("sample_data"), INPUTS);
    let uri = base(shape);
    remote.job("remote", [&uri, &uri, &uri]);
    let environment = server.environment();
    server.plan(&json!([]));
    let told = remote.told(&["run", "remote.toml", "--set", "output.uri=far/"], &environment);
    assert!(told["rows_read"].as_u64().is_some_and(|rows| rows > 0), "{told}");
    remote.compare("far", &format!("{shape:?}"));
    reads_are_few(&server.log(), shape);
    server.plan(&json!([]));
    assert_eq!(remote.told(&["run", "remote.toml", "--set", "output.uri=far/"], &environment)["nothing_to_do"], true, "{shape:?}");
    let again = server.log();
    let charges = again.iter().filter(|request| of_charges(request) && !request["key"].as_str().is_some_and(|key| key.ends_with("manifest.json")));
    assert_eq!(charges.count(), 0, "{shape:?}: charges were read again");
    for command in [vec!["plan", "remote.toml"], vec!["check", "remote.toml"], vec!["verify", "remote.toml", "--run", "latest"], explained()] {
        let told = remote.told(&[command.as_slice(), &["--set", "output.uri=far/"]].concat(), &environment);
        let verdict = if command[0] == "verify" { &told["verdict"] } else { &Value::Null };
        assert!(verdict.is_null() || verdict == "equal", "{shape:?}: {told}");
    }
}

fn explained() -> Vec<&'static str> {
    vec!["explain", "remote.toml", "--line", "archive:2026-09/usage.parquet:1"]
}

fn of_charges(request: &Value) -> bool {
    request["key"].as_str().is_some_and(|key| key.contains("/exports/") || key.contains("/archive/"))
}

/// Each file of the sample is smaller than what one request brings: it is asked for once, and of superseded export runs
/// only the manifest. Reference tables are asked for once more to keep them for `verify`.
fn reads_are_few(log: &[Value], shape: Shape) {
    let gets: Vec<&str> =
        log.iter().filter(|r| r["method"] == "GET" && !r["key"].as_str().unwrap_or_default().is_empty()).filter_map(|r| r["key"].as_str()).collect();
    let distinct: BTreeSet<&str> = gets.iter().copied().collect();
    for key in &distinct {
        let times = gets.iter().filter(|get| *get == key).count();
        let most = if key.contains("/reference/") { 2 } else { 1 };
        assert!(times <= most, "{shape:?}: {key} was read {times} times");
    }
    assert!(!distinct.iter().any(|key| key.contains("000000000002/part")), "{shape:?}: a superseded run was read: {distinct:?}");
}

#[test]
fn the_sample_is_settled_from_s3() {
    all_from(Shape::S3);
}

#[test]
fn the_sample_is_settled_from_azure_blob() {
    all_from(Shape::Azure);
}

#[test]
fn the_sample_is_settled_from_gcs() {
    all_from(Shape::Gcs);
}

/// An object that is replaced between being listed and being read is never half of each: exit 5, and the next run is fine.
#[test]
fn an_object_that_changes_meanwhile_is_told() {
    let remote = Remote::new();
    for shape in SHAPES {
        let server = FakeStore::start(shape, 5000);
        put_folder(&server.client(), &remote.workshop.path("sample_data"), INPUTS);
        remote.job("changing", [&base(shape), "../sample_data", "../sample_data"]);
        server.plan(&json!([{"on": "get", "key": "2026-10/usage.parquet", "at": 1, "do": "before", "status": 412}]));
        let output = format!("output.uri=changing-{}/", shape.word());
        let said = remote.pecan(&["run", "changing.toml", "--quiet", "--set", &output], &server.environment());
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.code() == Some(5) && text.contains("[object_changed]") && text.contains("2026-10/usage.parquet"), "{shape:?}: {text}");
        remote.told(&["run", "changing.toml", "--set", &output], &server.environment());
        remote.compare(&format!("changing-{}", shape.word()), &format!("{shape:?}"));
    }
}

/// Charges, audit log, reference tables and output each in another place.
#[test]
fn places_may_be_mixed() {
    let servers = SHAPES.map(|shape| FakeStore::start(shape, 5000));
    let environment: Vec<_> = servers.iter().flat_map(FakeStore::environment).collect();
    let remote = Remote::new();
    let local = "../sample_data";
    servers.iter().for_each(|server| put_folder(&server.client(), &remote.workshop.path("sample_data"), INPUTS));
    let [s3, azure, gcs] = SHAPES.map(base);
    for (n, places) in [[s3.as_str(), azure.as_str(), gcs.as_str()], [&azure, &gcs, local], [&gcs, local, &s3], [local, &s3, &azure]].into_iter().enumerate() {
        remote.job("mixed", places);
        remote.told(&["run", "mixed.toml", "--set", &format!("output.uri=mixed-{n}/")], &environment);
        remote.compare(&format!("mixed-{n}"), &format!("{places:?}"));
    }
}
