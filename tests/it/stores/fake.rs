//! `tests/stores/fake_store.py` as a process: started on a free port, gone when dropped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, S3CopyIfNotExists};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use serde_json::Value;

/// Which store the server plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    S3,
    Azure,
    Gcs,
}

pub const SHAPES: [Shape; 3] = [Shape::S3, Shape::Azure, Shape::Gcs];

/// The bucket or container of these tests.
pub const BUCKET: &str = "lake";

impl Shape {
    /// As the server calls it.
    pub fn word(self) -> &'static str {
        match self {
            Shape::S3 => "s3",
            Shape::Azure => "azure",
            Shape::Gcs => "gcs",
        }
    }

    /// The scheme of its addresses.
    pub fn scheme(self) -> &'static str {
        match self {
            Shape::S3 => "s3",
            Shape::Azure => "az",
            Shape::Gcs => "gs",
        }
    }
}

/// A running server.
pub struct FakeStore {
    pub shape: Shape,
    process: Child,
    _said: BufReader<ChildStdout>,
    port: u16,
}

impl FakeStore {
    /// Starts one; answers to listings hold at most `page` names.
    pub fn start(shape: Shape, page: usize) -> FakeStore {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/fake_store.py");
        let mut command = Command::new("python3");
        command.args(["-E", "-s", script, "--shape", shape.word(), "--page", &page.to_string()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let port = line.trim().strip_prefix("listening on ").and_then(|port| port.parse().ok());
        FakeStore { shape, process, _said: said, port: port.unwrap_or_else(|| panic!("the server said {line:?}")) }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a program needs in its environment to use it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |value: &str| value.to_owned();
        match self.shape {
            Shape::S3 => vec![
                ("AWS_ENDPOINT_URL", self.endpoint()),
                ("AWS_ACCESS_KEY_ID", text("any")),
                ("AWS_SECRET_ACCESS_KEY", text("any")),
                ("AWS_REGION", text("us-east-1")),
                ("AWS_ALLOW_HTTP", text("true")),
            ],
            Shape::Azure => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", text("devstoreaccount1")),
                ("AZURE_STORAGE_ACCOUNT_KEY", text("YW55")),
                ("AZURE_STORAGE_ENDPOINT", self.endpoint()),
                ("AZURE_ALLOW_HTTP", text("true")),
            ],
            Shape::Gcs => vec![("GOOGLE_SERVICE_ACCOUNT_KEY", self.service_account())],
        }
    }

    fn service_account(&self) -> String {
        serde_json::json!({"gcs_base_url": self.endpoint(), "disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}).to_string()
    }

    /// A client of it, as `object_store` builds them.
    pub fn client(&self) -> Arc<dyn ObjectStore> {
        match self.shape {
            Shape::S3 => Arc::new(self.s3()),
            Shape::Azure => Arc::new(self.azure()),
            Shape::Gcs => Arc::new(self.gcs()),
        }
    }

    pub fn s3(&self) -> object_store::aws::AmazonS3 {
        let builder = AmazonS3Builder::new().with_endpoint(self.endpoint()).with_allow_http(true).with_bucket_name(BUCKET);
        let builder = builder.with_access_key_id("any").with_secret_access_key("any").with_region("us-east-1");
        builder.with_copy_if_not_exists(S3CopyIfNotExists::Multipart).build().expect("a client")
    }

    pub fn azure(&self) -> object_store::azure::MicrosoftAzure {
        let builder = MicrosoftAzureBuilder::new().with_endpoint(self.endpoint()).with_allow_http(true).with_container_name(BUCKET);
        builder.with_account("devstoreaccount1").with_access_key("YW55").build().expect("a client")
    }

    pub fn gcs(&self) -> object_store::gcp::GoogleCloudStorage {
        let builder = GoogleCloudStorageBuilder::new().with_bucket_name(BUCKET);
        builder.with_service_account_key(self.service_account()).build().expect("a client")
    }

    /// Plans failures (rules of `tests/stores/faking/faults.py`); counters and log begin anew.
    pub fn plan(&self, rules: &Value) {
        self.control("POST", "plan", &rules.to_string());
    }

    /// Forgets everything.
    pub fn reset(&self) {
        self.control("POST", "reset", "");
    }

    /// Remembers all objects as they are now.
    pub fn keep(&self) {
        self.control("POST", "keep", "");
    }

    /// Back to the objects that were kept; no plan.
    pub fn back(&self) {
        self.control("POST", "back", "");
    }

    /// The requests since the last plan.
    pub fn log(&self) -> Vec<Value> {
        self.asked("log")
    }

    /// Uploads since the last plan.
    pub fn puts(&self) -> u64 {
        self.log().iter().filter_map(|request| request["put"].as_u64()).max().unwrap_or(0)
    }

    /// Requests that a planned failure took since the last plan.
    pub fn failed(&self) -> usize {
        self.log().iter().filter(|request| !request["fault"].is_null()).count()
    }

    /// The names of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.asked("objects").iter().map(|object| object["key"].as_str().expect("a key").to_owned()).collect()
    }

    /// Keys of uploads that were begun and neither completed nor aborted.
    pub fn unfinished(&self) -> Vec<Value> {
        self.asked("uploads")
    }

    /// How many access tokens were given, and how many requests with dead ones were refused.
    pub fn tokens(&self) -> [u64; 2] {
        let counts = self.asked("tokens");
        [0, 1].map(|at| counts[at].as_u64().unwrap_or(0))
    }

    fn asked(&self, what: &str) -> Vec<Value> {
        serde_json::from_slice(&self.control("GET", what, "")).expect("a list")
    }

    fn control(&self, method: &str, what: &str, body: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server is there");
        write!(stream, "{method} /_control/{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let close = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole answer");
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{what}: {}", String::from_utf8_lossy(&answer));
        answer.split_off(close + 4)
    }
}

impl Drop for FakeStore {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
