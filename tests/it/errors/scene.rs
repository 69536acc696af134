//! A small job in a folder of its own, to be damaged in one way.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::tidy::files::root;

/// One bad situation and what must be said about it.
pub struct Case {
    /// Stable code.
    pub code: &'static str,
    /// Tells cases of one code apart; may be empty if there is one only.
    pub name: &'static str,
    /// What was changed in a sound job, in words.
    pub cause: &'static str,
    /// Exit code.
    pub exit: i32,
    /// What the message must name.
    pub says: &'static [&'static str],
    /// How to get there from a sound job.
    pub build: fn(&mut Scene),
}

const JOB: &str = include_str!("../../job_files/good/small.toml");

/// Header of the charge files.
pub const HEADER: &str = "date,SubscriptionId,meterId,ProductId,quantity,PayGPrice,pricingCurrency,billingCurrency,chargeType";
/// A charge.
pub const ROW: &str = "2026-09-20,55555555-0000-4000-8000-000000000001,m-1,DZH318Z0BQ4J0001,1,0.5,USD,USD,Usage";
/// A part of an export.
pub const PART: &str = "20260901-20260930/run/part_0.csv";

/// The folder and the command.
pub struct Scene {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    full: bool,
}

/// What the program said.
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Scene {
    /// A job without fault, and the command to run it.
    pub fn new() -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a folder"), arguments: vec!["run".into(), "job.toml".into()], full: false };
        scene.write("job.toml", JOB);
        scene.write("charges/a.csv", format!("{HEADER}\n{ROW}\n{ROW}\n"));
        scene.write("ref/partners.csv", "mpn_id,organisation_id,tenant_id,agreement_from,agreement_until\n1,contoso,cccccccc-0000-4000-8000-000000000001,,\n");
        scene.write("ref/principals.csv", "principal_id,mpn_id,channel,linked_from,linked_until\nbbbbbbbb-0000-4000-8000-000000000001,1,aobo,,\n");
        scene.write("audit/2026-09.parquet", std::fs::read(root().join("sample_data/audit/2026-09.parquet")).expect("sample data"));
        scene
    }

    /// A file or folder of the scene.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file; folders are made.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// Deletes a file.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).expect("the file was there");
    }

    /// Changes a text file.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(path)).expect("a text file");
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, text.replacen(from, to, 1));
    }

    /// Changes the job file.
    pub fn job(&self, from: &str, to: &str) {
        self.edit("job.toml", from, to);
    }

    /// Adds a reference table to the job file.
    pub fn reference(&self, line: &str) {
        self.job("[output]", &format!("{line}\n[output]"));
    }

    /// Writes a Parquet file.
    pub fn parquet(&self, path: &str, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).expect("columns that fit");
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a schema for Parquet");
        writer.write(&batch).expect("written to memory");
        writer.close().expect("written to memory");
        self.write(path, bytes);
    }

    /// Turns the charges into an export with a manifest: one part of two rows.
    pub fn export(&self, manifest: impl FnOnce(&mut Value)) {
        self.job("layout = \"files\"\n", "");
        self.write(&format!("charges/{PART}"), format!("{HEADER}\n{ROW}\n{ROW}\n"));
        self.remove("charges/a.csv");
        let mut value = serde_json::json!({
            "dataRowCount": 2,
            "exportConfig": { "exportName": "e", "resourceId": "/providers/x", "type": "ActualCost" },
            "runInfo": { "submittedTime": "2026-10-01T05:00:00Z", "runId": "run", "startDate": "2026-09-01T00:00:00Z", "endDate": "2026-09-30T00:00:00Z" },
            "blobs": [{ "blobName": format!("e/{PART}"), "dataRowCount": 2 }],
        });
        manifest(&mut value);
        self.write("charges/20260901-20260930/run/manifest.json", value.to_string());
    }

    /// Sets the arguments.
    pub fn arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
    }

    /// Standard output is a device that is always full.
    pub fn full_output(&mut self) {
        self.full = true;
    }

    /// Whether the command is `pecan run job.toml`, so that `pecan check job.toml` must find the same.
    pub fn runs(&self) -> bool {
        self.arguments == ["run", "job.toml"]
    }

    /// The arguments as typed.
    pub fn command_line(&self) -> String {
        let quoted = |word: &String| if word.contains([' ', '$', '*']) { format!("'{word}'") } else { word.clone() };
        self.arguments.iter().map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Runs the job, which must succeed.
    pub fn succeed(&self) {
        let said = self.pecan(&["--no-progress"]);
        assert_eq!(said.code, 0, "{}", said.err);
    }

    /// Runs the command.
    pub fn pecan(&self, more: &[&str]) -> Said {
        self.command(self.arguments.iter().map(String::as_str).chain(more.iter().copied()))
    }

    /// Runs `pecan check`.
    pub fn check(&self) -> Said {
        self.command(["check", "job.toml", "--output-format", "json"].into_iter())
    }

    fn command<'a>(&self, arguments: impl Iterator<Item = &'a str>) -> Said {
        let arguments: Vec<&OsStr> = arguments.map(OsStr::new).collect();
        if self.full {
            return self.with_full_output(&arguments);
        }
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pecan"));
        let output = command
            .current_dir(self.folder.path())
            .env_remove("PECAN_NOT_SET")
            .env_remove("COLUMNS")
            .env("RUST_BACKTRACE", "1")
            .args(arguments)
            .timeout(Duration::from_secs(60))
            .output()
            .expect("the program starts");
        Said::of(output)
    }

    fn with_full_output(&self, arguments: &[&OsStr]) -> Said {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("this system has /dev/full");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pecan"));
        Said::of(command.current_dir(self.folder.path()).args(arguments).stdout(full).output().expect("the program starts"))
    }

    /// Every file of the output with its content. Receipts and what is kept are left out: they count only where a table names them.
    pub fn output(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path("out"), &mut files);
        let unnamed = ["groups", "inputs", "runs"].map(|folder| self.path("out/_pecan").join(folder));
        files.retain(|path, _| !unnamed.iter().any(|folder| path.starts_with(folder)));
        files
    }
}

impl Said {
    fn of(output: std::process::Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The error as one JSON object.
    pub fn error(&self) -> Result<Value, String> {
        serde_json::from_str(&self.err).map_err(|e| format!("standard error is no JSON object ({e}), exit code {}:\n{}", self.code, self.err))
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
        }
    }
}

/// A column of text.
pub fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// The columns of a charge file of one row.
pub fn charge_columns() -> Vec<(&'static str, ArrayRef)> {
    HEADER.split(',').zip(ROW.split(',')).map(|(name, value)| (name, texts(&[value]))).collect()
}
