//! As whom a store is asked: `pecan check` says it and what that identity may do, nothing is written to find out, and no
//! secret is ever in what the program says or writes.

use std::process::Output;

use object_store::ObjectStoreExt as _;
use serde_json::{Value, json};

use super::fake::{BUCKET, FakeStore, SHAPES, Shape};
use super::inputs::{Remote, base, put_folder};
use super::outcome::PREFIX;

/// What must be found nowhere. Base64, because account keys are; long, because real ones are.
const CANARY: &str = "Q2FuYXJ5U2VjcmV0";

fn canary(n: usize) -> String {
    format!("{CANARY}{}{n:02}", "A".repeat(22))
}

pub fn job_on(server: &FakeStore, remote: &Remote) -> String {
    put_folder(&server.client(), &remote.workshop.path("sample_data"), super::inputs::INPUTS);
    let uri = base(server.shape);
    remote.job("remote", [&uri, &uri, &uri]);
    format!("output.uri={}://{BUCKET}/{PREFIX}", server.shape.scheme())
}

#[test]
fn check_tells_who_it_is_and_what_that_may_do() {
    let remote = Remote::new();
    for shape in SHAPES {
        let server = FakeStore::start(shape, 5000);
        let output = job_on(&server, &remote);
        let before = server.keys();
        let told = remote.told(&["check", "remote.toml", "--set", &output], &server.environment());
        assert_eq!(server.keys(), before, "{shape:?}: check wrote something");
        let places = told["stores"].as_array().expect("a list");
        let rights = |place: &Value| ["list", "read", "write", "delete"].map(|right| place[right].clone());
        let all: Vec<_> = places.iter().map(|place| (place["output"].clone(), rights(place))).collect();
        let (yes, unknown) = (json!(true), json!(null));
        let inputs = (json!(false), [yes.clone(), yes.clone(), unknown.clone(), unknown]);
        assert_eq!(all, [inputs, (yes.clone(), [yes.clone(), yes.clone(), yes.clone(), yes])], "{shape:?}: {places:?}");
        let who = match shape {
            Shape::S3 => "access key … (AWS_ACCESS_KEY_ID), at http://127.0.0.1",
            Shape::Azure => "account devstoreaccount1, the account key (AZURE_STORAGE_ACCOUNT_KEY)",
            Shape::Gcs => "service account (GOOGLE_SERVICE_ACCOUNT_KEY)",
        };
        assert!(places.iter().all(|place| place["identity"].as_str().is_some_and(|said| said.starts_with(who))), "{shape:?}: {places:?}");
        server.plan(&json!([{"on": "put", "from": 1, "do": "before", "status": 403}]));
        let said = remote.pecan(&["check", "remote.toml", "--set", &output], &server.environment());
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.code() == Some(5) && text.contains("[output_not_writable]") && text.contains("may not write here"), "{shape:?}: {text}");
    }
}

/// Variables of each identity, with a canary for every secret.
fn identities(server: &FakeStore, next: &mut impl FnMut() -> String) -> Vec<Vec<(&'static str, String)>> {
    let mut plain = server.environment();
    plain.retain(|(name, _)| !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "GOOGLE_SERVICE_ACCOUNT_KEY"].contains(name));
    let secrets: Vec<Vec<(&str, String)>> = match server.shape {
        Shape::S3 => vec![vec![("AWS_ACCESS_KEY_ID", next()), ("AWS_SECRET_ACCESS_KEY", next()), ("AWS_SESSION_TOKEN", next())]],
        Shape::Azure => vec![
            vec![("AZURE_STORAGE_KEY", next())],
            vec![("AZURE_STORAGE_SAS_TOKEN", format!("sv=2024-01-01&sp=rwdl&sig={}", next()))],
            vec![("AZURE_STORAGE_TOKEN", next())],
            vec![("AZURE_STORAGE_CONNECTION_STRING", format!("AccountName=devstoreaccount1;AccountKey={}", next()))],
            vec![
                ("AZURE_CLIENT_ID", "app".to_owned()),
                ("AZURE_TENANT_ID", "tenant".to_owned()),
                ("AZURE_CLIENT_SECRET", next()),
                ("AZURE_STORAGE_AUTHORITY_HOST", server.endpoint()),
            ],
        ],
        Shape::Gcs => vec![vec![(
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            json!({"gcs_base_url": server.endpoint(), "client_email": "job@contoso", "private_key": next(), "private_key_id": ""}).to_string(),
        )]],
    };
    secrets.into_iter().map(|secret| plain.iter().cloned().chain(secret).collect()).collect()
}

/// Twelve secrets: nine of identities, each through runs that go well, are refused with everything repeated that was sent,
/// or find nothing; and three in uris.
#[test]
fn no_secret_is_in_anything_said_or_written() {
    let remote = Remote::new();
    let mut planted = 0;
    let mut next = || {
        planted += 1;
        canary(planted)
    };
    let mut searched = 0;
    let mut search = |said: &Output, what: &str| {
        searched += 1;
        for stream in [&said.stdout, &said.stderr] {
            let text = String::from_utf8_lossy(stream);
            assert!(!text.contains(CANARY), "{what}: {text}");
        }
    };
    for shape in SHAPES {
        let server = FakeStore::start(shape, 5000);
        let output = job_on(&server, &remote);
        for environment in identities(&server, &mut next) {
            let environment: Vec<_> = environment.into_iter().chain([("RUST_BACKTRACE", "1".to_owned())]).collect();
            let refused = |on: &str, status: u64| json!([{"on": on, "from": 1, "do": "before", "status": status, "echo": true}]);
            for (plan, what) in
                [(json!([]), "sound"), (refused("any", 403), "403"), (refused("any", 401), "401"), (refused("get", 404), "404"), (refused("put", 400), "400")]
            {
                for command in ["run", "check"] {
                    server.plan(&plan);
                    for more in [["-v", "--output-format=text"], ["-v", "--output-format=json"]] {
                        let said = remote.pecan(&[&[command, "remote.toml", "--set", output.as_str()], more.as_slice()].concat(), &environment);
                        search(&said, &format!("{shape:?}, {command}, {what}"));
                    }
                }
            }
        }
        server.plan(&json!([]));
        let client = server.client();
        for key in server.keys() {
            let bytes = super::runtime().block_on(async { client.get(&key.as_str().into()).await.expect("there").bytes().await.expect("read") });
            assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{shape:?}: {key}");
        }
    }
    for form in ["https://devstoreaccount1.blob.core.windows.net/c/x?sig=CANARY", "s3://key:CANARY@bucket/x", "gs://bucket/x#CANARY"] {
        let secret = next();
        for key in ["charges.archive.uri", "audit.activity.uri", "output.uri"] {
            let said = remote.pecan(&["run", "daily.toml", "--set", &format!("{key}={}", form.replace("CANARY", &secret))], &[]);
            assert_eq!(said.status.code(), Some(2), "{form}");
            search(&said, form);
        }
    }
    assert_eq!(planted, 12);
    eprintln!("canary secrets: {planted} planted, {searched} runs searched with what they wrote, 0 found");
}
