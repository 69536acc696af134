//! Real servers: Azurite, SeaweedFS and moto, where `make servers` could install them; else the tests say `SKIPPED`.
//!
//! | test | proves |
//! |---|---|
//! | `keeps_the_contract` | what `Storage` promises |
//! | `is_raced_over` | several runs at once: exit 0 or 4, and afterwards no version twice and nothing missing |
//! | `settles_the_sample` | inputs, output and both formats on the server: tables equal those of local files, a second run does nothing |

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use pecan::storage::Storage;
use url::Url;

use super::contract::contract;
use super::fake::BUCKET;
use super::inputs::{Remote, put_folder};
use super::outcome::{Inspector, PREFIX};

/// So many runs at once.
const RACERS: usize = 4;

/// A running server.
struct Server {
    process: Child,
    scheme: &'static str,
    environment: Vec<(String, String)>,
}

impl Server {
    /// Starts one; `None` where it is not installed.
    fn start(name: &str) -> Option<Server> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/real_store.py");
        let process = Command::new("python3").args(["-E", "-s", script, name]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
        let scheme = if name == "azurite" { "az" } else { "s3" };
        let mut server = Server { process, scheme, environment: Vec::new() };
        let mut line = String::new();
        BufReader::new(server.process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let said: BTreeMap<String, String> = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{name} said {line:?}: {e}"));
        if let Some(why) = said.get("skipped") {
            eprintln!("SKIPPED: {name} ({why})");
            return None;
        }
        assert!(!said.contains_key("broken"), "{name}: {said:?}");
        server.environment = said.into_iter().collect();
        Some(server)
    }

    fn client(&self) -> Box<dyn ObjectStore> {
        let lower = self.environment.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
        if self.scheme == "az" {
            let set =
                |builder: MicrosoftAzureBuilder, (name, value): (String, String)| builder.with_config(name.parse::<AzureConfigKey>().expect("a name"), value);
            return Box::new(lower.fold(MicrosoftAzureBuilder::new(), set).with_container_name(BUCKET).build().expect("a client"));
        }
        let set = |builder: AmazonS3Builder, (name, value): (String, String)| builder.with_config(name.parse::<AmazonS3ConfigKey>().expect("a name"), value);
        Box::new(lower.fold(AmazonS3Builder::new(), set).with_bucket_name(BUCKET).build().expect("a client"))
    }

    fn environment(&self) -> Vec<(&str, String)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It stops when its standard input closes, and takes the server with it.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn keeps_the_contract(server: &Server, name: &str) {
    let url = Url::parse(&format!("{}://{BUCKET}/proved/out", server.scheme)).expect("an address");
    contract(&Storage::remote(url, server.client().into(), Path::from("proved/out")).expect("opened"), name);
}

fn settles_the_sample(server: &Server, name: &str) {
    let remote = Remote::new();
    put_folder(&server.client(), &remote.workshop.path("sample_data"), "in/sample data");
    let base = format!("{}://{BUCKET}/in/sample%20data", server.scheme);
    remote.job("remote", [&base, &base, &base]);
    for format in ["delta", "parquet"] {
        let output = format!("output.uri={}://{BUCKET}/{format}/{PREFIX}", server.scheme);
        let run = ["run", "remote.toml", "--set", &output, "--set", &format!("output.format=\"{format}\"")];
        remote.told(&run, &server.environment());
        assert_eq!(remote.told(&run, &server.environment())["nothing_to_do"], true, "{name}, {format}");
        let inspector = Inspector { workshop: &remote.workshop, format, expected: &remote.expected, folder: "fetched" };
        inspector.complete(&PrefixStore::new(server.client(), format), name);
    }
}

/// Runs at once over one output: each says truthfully what became of it, and one more run completes it. `PECAN_ROUNDS`: so
/// many times (`make races-stores`), else once.
fn is_raced_over(server: &Server, name: &str) {
    let remote = Remote::new();
    let rounds: usize = std::env::var("PECAN_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut exits: BTreeMap<i32, usize> = BTreeMap::new();
    for round in 0..rounds {
        for format in ["delta", "parquet"] {
            let below = format!("race-{round}-{format}");
            let output = format!("output.uri={}://{BUCKET}/{below}/{PREFIX}", server.scheme);
            let run = ["run", "daily.toml", "--quiet", "--threads", "1", "--set", &output, "--set", &format!("output.format=\"{format}\"")];
            let said: Vec<_> = std::thread::scope(|scope| {
                let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(|| remote.pecan(&run, &server.environment()))).collect();
                racers.into_iter().map(|racer| racer.join().expect("a racer")).collect()
            });
            let codes: Vec<i32> = said.iter().map(|said| said.status.code().unwrap_or(-1)).collect();
            let texts = || said.iter().map(|said| String::from_utf8_lossy(&said.stderr).into_owned()).collect::<Vec<_>>().join("\n");
            assert!(codes.iter().all(|code| matches!(code, 0 | 4)) && codes.contains(&0), "{name}, {below}: {codes:?}: {}", texts());
            codes.into_iter().for_each(|code| *exits.entry(code).or_default() += 1);
            let again = remote.pecan(&run, &server.environment());
            assert_eq!(again.status.code(), Some(0), "{name}, {below}: {}", String::from_utf8_lossy(&again.stderr));
            let inspector = Inspector { workshop: &remote.workshop, format, expected: &remote.expected, folder: "fetched" };
            inspector.complete(&PrefixStore::new(server.client(), below.as_str()), &format!("{name}, {below}"));
        }
    }
    eprintln!("races, {name}: {rounds} rounds of {RACERS} runs at once in both formats: {exits:?} (exit code: runs), 0 untrue, 0 doubled");
}

fn prove(name: &str) {
    let Some(server) = Server::start(name) else { return };
    keeps_the_contract(&server, name);
    settles_the_sample(&server, name);
    is_raced_over(&server, name);
}

#[test]
fn azurite_is_a_store_like_any_other() {
    prove("azurite");
}

#[test]
fn seaweedfs_is_a_store_like_any_other() {
    prove("seaweedfs");
}

#[test]
fn moto_is_a_store_like_any_other() {
    prove("moto");
}
