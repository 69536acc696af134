//! Lost acknowledgements over HTTP: the real program settles the sample into a fake S3, Azure Blob or GCS, and the answer to
//! one upload is a lie: it was stored, and the answer is 500, 408, 409, 412, or the connection dies. For every upload of a
//! run: the exit code is 0 exactly if the row of the run is there, no table has two versions of one run, and a plain run
//! completes the rest. `PECAN_STRIDE` = 1 takes every upload (`make lost-acknowledgements`), else each so many-th.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fake::{BUCKET, FakeStore, SHAPES, Shape};
use super::outcome::{Inspector, PREFIX};
use super::stride;
use crate::jobs::workshop::{Workshop, run};
use crate::tables::{Canonical, canonical};

/// 0: the connection dies.
const LIES: [u64; 5] = [500, 0, 408, 409, 412];

/// The sample in a folder of its own, what it settles to, and what runs find.
struct Story {
    workshop: Workshop,
    format: &'static str,
    expected: Canonical,
    /// Rows of the table of runs before the run that is lied to: 0, the store is empty; 1, it holds what a run without
    /// the archive left.
    rows_before: usize,
}

impl Story {
    fn new(format: &'static str, rows_before: usize) -> Story {
        let workshop = Workshop::sample();
        let job = workshop.job(&["output.uri=fresh/", &format!("output.format=\"{format}\"")]);
        run(&job);
        Story { expected: canonical(&job), workshop, format, rows_before }
    }

    /// Brings the server to where runs begin.
    fn begin(&self, server: &FakeStore) {
        server.reset();
        if self.rows_before > 0 {
            let text = std::fs::read_to_string(self.workshop.path("jobs/daily.toml")).expect("the job");
            let (before, archive) = text.split_once("[[charges]]\nname = \"archive\"").expect("the archive");
            let (_, behind) = archive.split_once("[[audit]]").expect("the log");
            std::fs::write(self.workshop.path("jobs/first.toml"), format!("{before}[[audit]]{behind}")).expect("written");
            let (code, said) = self.pecan(server, "first");
            assert_eq!(code, 0, "{said}");
        }
        server.keep();
    }

    fn inspector(&self) -> Inspector<'_> {
        Inspector { workshop: &self.workshop, format: self.format, expected: &self.expected, folder: "fetched" }
    }

    /// The program's exit code and what it said on its standard error.
    fn pecan(&self, server: &FakeStore, job: &str) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pecan"));
        command.arg("run").arg(self.workshop.path(&format!("jobs/{job}.toml"))).args(["--quiet", "--threads", "1", "--set"]);
        command.arg(format!("output.uri=\"{}://{BUCKET}/{PREFIX}\"", server.shape.scheme())).args(["--set", &format!("output.format=\"{}\"", self.format)]);
        for (name, _) in std::env::vars().filter(|(name, _)| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
        let said = command.envs(server.environment()).env("TMPDIR", self.workshop.path("")).output().expect("the program");
        (said.status.code().unwrap_or(-1), String::from_utf8_lossy(&said.stderr).into_owned())
    }

    /// A run with a lie, held against what is there, and the run behind it. Gives the exit code; `None`: no lie was told.
    fn point(&self, server: &FakeStore, rule: Value, what: &str) -> Option<i32> {
        server.back();
        server.plan(&Value::Array(vec![rule]));
        let (code, said) = self.pecan(server, "daily");
        if server.failed() == 0 {
            assert_eq!(code, 0, "{what}: {said}");
            return None;
        }
        assert!(matches!(code, 0 | 4 | 5), "{what}: exit {code}: {said}");
        let client = server.client();
        self.inspector().truthful(&client, code == 0, self.rows_before, what);
        server.plan(&json!([]));
        let (again, said) = self.pecan(server, "daily");
        assert_eq!(again, 0, "{what}: the next run: {said}");
        self.inspector().complete(&client, what);
        Some(code)
    }
}

fn every_upload(shape: Shape) {
    let server = FakeStore::start(shape, 5000);
    let began = Instant::now();
    // A first run writes all tables, a second one replaces files: every upload of either, and both formats. The other two
    // pairs are in `commits.rs`.
    for (format, rows_before) in [("delta", 0), ("parquet", 1)] {
        let story = Story::new(format, rows_before);
        story.begin(&server);
        let (mut well, mut failed) = (0, 0);
        for (at, status) in LIES.into_iter().enumerate() {
            let step = if stride() == 1 { 1 } else { stride() * 2 };
            let mut n = 1 + (at as u64 * 7 + shape as u64 * 3) % step;
            while let Some(code) = story.point(&server, json!({"at": n, "status": status}), &format!("{shape:?}, {format}, upload {n} answered {status}")) {
                *(if code == 0 { &mut well } else { &mut failed }) += 1;
                n += step;
            }
        }
        let took = began.elapsed().as_secs();
        eprintln!("lost acknowledgements, {shape:?}, {format}: {} uploads, {well} exit 0, {failed} exit 5, 0 untrue, 0 doubled ({took} s)", well + failed);
        assert!(well + failed >= 100 / stride(), "{well} + {failed} points");
    }
}

#[test]
fn every_upload_to_s3_may_lose_its_answer() {
    every_upload(Shape::S3);
}

#[test]
fn every_upload_to_azure_may_lose_its_answer() {
    every_upload(Shape::Azure);
}

#[test]
fn every_upload_to_gcs_may_lose_its_answer() {
    every_upload(Shape::Gcs);
}

/// A store that cannot be written: exit 5, nothing visible, and a message that says where and what to do.
#[test]
fn a_store_that_refuses_is_exit_5_with_nothing_visible() {
    let story = Story::new("delta", 0);
    for shape in SHAPES {
        let server = FakeStore::start(shape, 5000);
        for (rule, word) in
            [(json!({"from": 1, "do": "before", "status": 403}), "403"), (json!({"on": "any", "from": 1, "do": "before", "status": 401}), "401")]
        {
            server.reset();
            server.plan(&Value::Array(vec![rule]));
            let began = Instant::now();
            let (code, said) = story.pecan(&server, "daily");
            assert_eq!(code, 5, "{shape:?}: {said}");
            for words in [word, &format!("{}://{BUCKET}/{PREFIX}", shape.scheme()), "next:"] {
                assert!(said.contains(words), "{shape:?}: no {words:?} in\n{said}");
            }
            assert!(server.keys().is_empty(), "{shape:?}: {:?}", server.keys());
            assert!(began.elapsed() < Duration::from_secs(5), "{shape:?}: what is refused is not tried for minutes");
        }
    }
}
