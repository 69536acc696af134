//! How often a store is asked: a commit, a run that has nothing to do, and a store that refuses a third of all requests.

use std::collections::BTreeMap;

use pecan::schema::Table;
use serde_json::{Value, json};

use super::fake::{BUCKET, FakeStore, SHAPES, Shape};
use super::identity::job_on;
use super::inputs::Remote;
use super::outcome::{Inspector, PREFIX};
use super::stride;

fn key(request: &Value) -> &str {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    if text("key").is_empty() { text("prefix") } else { text("key") }
}

/// Of each table the requests of its commit: all behind its last data file, but for deletions of data files, which a store
/// without batches does one by one.
fn commits(log: &[Value]) -> BTreeMap<&'static str, Vec<String>> {
    let mut commits = BTreeMap::new();
    for table in Table::ALL {
        let of_table: Vec<&Value> = log.iter().filter(|request| key(request).starts_with(&format!("{PREFIX}/{}/", table.name()))).collect();
        let is_data = |request: &&Value| request["method"] == "PUT" && key(request).ends_with(".parquet") && request["query"] == json!([]);
        let Some(last) = of_table.iter().rposition(is_data) else { continue };
        let of_a_file = |request: &&&Value| request["method"] == "DELETE" && key(request).contains(".parquet");
        let of_commit = of_table[last + 1..].iter().filter(|request| !of_a_file(request));
        commits.insert(table.name(), of_commit.map(|r| format!("{} {}", r["method"].as_str().unwrap_or_default(), key(r))).collect());
    }
    commits
}

/// A first run creates all tables, `--force` replaces every file: of either the commit of a table takes five requests at
/// most, however many files and versions it has.
#[test]
fn a_commit_asks_little() {
    let remote = Remote::new();
    let mut most = BTreeMap::new();
    for shape in SHAPES {
        for format in ["delta", "parquet"] {
            let server = FakeStore::start(shape, 5000);
            let run =
                ["run", "daily.toml", "--set", &format!("output.uri={}://{BUCKET}/{PREFIX}", shape.scheme()), "--set", &format!("output.format=\"{format}\"")];
            for more in [["--quiet", "-v"], ["--quiet", "--force"], ["--quiet", "--force"]] {
                server.plan(&json!([]));
                remote.told(&[run.as_slice(), &more[1..]].concat(), &server.environment());
                for (table, requests) in commits(&server.log()) {
                    let count = most.entry((format, more[1] == "--force")).or_insert(0);
                    *count = requests.len().max(*count);
                    assert!(requests.len() <= 5, "{shape:?}, {format}, {table}: {requests:#?}");
                }
            }
        }
    }
    eprintln!("requests of one table's commit beside its data files, at most: {most:?} ((format, files are replaced): requests)");
}

/// Requests of a run that nothing disturbs; the store is then as it was before.
fn plain_run(server: &FakeStore, remote: &Remote, run: &[&str]) -> usize {
    server.keep();
    server.plan(&json!([]));
    remote.told(run, &server.environment());
    let plain = server.log().len();
    server.back();
    plain
}

/// 30 % of requests are answered 429 or 503. Waiting takes the time, so `PECAN_STRIDE` = 1 takes all stores, else one.
#[test]
fn a_store_that_refuses_a_third_is_worn_down() {
    let remote = Remote::new();
    for shape in SHAPES.into_iter().take(if stride() == 1 { SHAPES.len() } else { 1 }) {
        let server = FakeStore::start(shape, 5000);
        let output = job_on(&server, &remote);
        let run = ["run", "remote.toml", "--quiet", "--set", &output];
        let plain = plain_run(&server, &remote, &run);
        let refusal = |status: u64, seed: u64| json!({"on": "any", "percent": 15, "seed": seed, "do": "before", "status": status});
        server.plan(&json!([refusal(429, 7), refusal(503, 11)]));
        let said = remote.pecan(&run, &server.environment());
        assert_eq!(said.status.code(), Some(0), "{shape:?}: {}", String::from_utf8_lossy(&said.stderr));
        let (all, refused) = (server.log().len(), server.failed());
        assert!(refused * 100 >= all * 20 && all <= 3 * plain, "{shape:?}: {all} requests, {refused} refused, {plain} without refusals");
        let inspector = Inspector { workshop: &remote.workshop, format: "delta", expected: &remote.expected, folder: "fetched" };
        server.plan(&json!([]));
        inspector.complete(&server.client(), &format!("{shape:?}"));
        eprintln!(
            "refused requests, {shape:?}: {plain} requests without, {all} with {refused} of them answered 429 or 503 ({:.2} times), exit 0",
            all as f64 / plain as f64
        );
    }
}

/// Access tokens that die after fifty requests each, long before the time they were given for.
#[test]
fn tokens_that_die_are_renewed() {
    let remote = Remote::new();
    let server = FakeStore::start(Shape::Azure, 5000);
    let output = job_on(&server, &remote);
    let run = ["run", "remote.toml", "--quiet", "--set", &output];
    let plain = plain_run(&server, &remote, &run);
    let mut environment = server.environment();
    environment.retain(|(name, _)| *name != "AZURE_STORAGE_ACCOUNT_KEY");
    let application = [("AZURE_CLIENT_ID", "app"), ("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_SECRET", "any")];
    environment.extend(application.map(|(name, value)| (name, value.to_owned())));
    environment.push(("AZURE_STORAGE_AUTHORITY_HOST", server.endpoint()));
    remote.told(&run, &environment);
    let [given, refused] = server.tokens();
    let all = server.log().len() as u64 + given + refused;
    assert!(given >= 4 && refused >= 3 && all <= 3 * plain as u64, "{given} tokens, {refused} refused, {all} requests, {plain} with a key");
    let inspector = Inspector { workshop: &remote.workshop, format: "delta", expected: &remote.expected, folder: "fetched" };
    inspector.complete(&server.client(), "tokens");
    eprintln!("dying tokens: {plain} requests with a key, {all} with {given} tokens of fifty requests each, {refused} refused, exit 0");
}
