//! The documents say what the program says.
//!
//! `make docs` writes `docs/TABLES.md` and `docs/job.schema.json` from the program.

use std::path::{Path, PathBuf};

use pecan::job::{Job, json_schema};
use pecan::schema::tables_markdown;

use crate::tidy::files::root;

fn must_be(path: &str, wanted: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, wanted).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{path} differs from what the program says: run `make docs`");
}

#[test]
fn tables_md_is_the_schema() {
    must_be("docs/TABLES.md", &tables_markdown());
}

#[test]
fn job_schema_json_is_what_the_program_prints() {
    must_be("docs/job.schema.json", &format!("{:#}\n", json_schema()));
}

fn job_files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|x| x == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no job file");
    files
}

fn load(path: &Path) -> Result<Job, pecan::error::Error> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Job::parse(path, &text, &[], &|name| (name == "DATA").then(|| String::from("/data")))
}

/// `make readers` puts the same files before the JSON Schema: what the program takes it takes, what is bad it refuses, too.
#[test]
fn the_job_files_for_the_schema_are_good_and_bad_for_the_program_too() {
    for good in job_files("tests/job_files/good").into_iter().chain(job_files("jobs")) {
        load(&good).unwrap_or_else(|e| panic!("{}: {e}", good.display()));
    }
    for bad in job_files("tests/job_files/bad") {
        let text = std::fs::read_to_string(&bad).expect("a job file");
        let code = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        let error = load(&bad).expect_err("a bad job file");
        assert_eq!((error.exit_code(), error.trouble().code), (2, code), "{}", bad.display());
    }
}
