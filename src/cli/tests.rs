//! The command line from the outside: exit codes, what goes where, and pipes that close.

use std::io::{Error as IoError, ErrorKind, Write};

use clap::CommandFactory;

use super::*;

struct Said {
    code: u8,
    out: String,
    err: String,
}

fn pecan(arguments: &[&str]) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("pecan").chain(arguments.iter().copied()).map(OsString::from).collect();
    let code = with(arguments, &mut out, &mut err);
    Said { code, out: String::from_utf8(out).expect("utf-8"), err: String::from_utf8(err).expect("utf-8") }
}

struct Closed(ErrorKind);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(IoError::from(self.0))
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Err(IoError::from(self.0))
    }
}

#[test]
fn the_definition_is_sound_and_offers_only_what_exists() {
    Args::command().debug_assert();
    let said = pecan(&["--help"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for word in
        ["run", "plan", "check", "explain", "reconcile", "generate", "verify", "maintain", "completions", "man", "schema", "--set", "--threads", "Exit codes"]
    {
        assert!(said.out.contains(word), "{word}");
    }
    for later in ["report", "commit", "--memory-limit"] {
        assert!(!Args::command().get_subcommands().any(|c| c.get_name() == later) && !said.out.contains(&format!("--{later}")), "{later}");
    }
    assert!(pecan(&["--version"]).out.starts_with("pecan "));
}

#[test]
fn usage_errors_are_exit_2_on_standard_error_alone() {
    let cases: [&[&str]; 16] = [
        &[],
        &["rum"],
        &["run"],
        &["run", "j.toml", "--until", "1.9.2026"],
        &["run", "j.toml", "--prune"],
        &["run", "j.toml", "--threads", "0"],
        &["explain", "j.toml"],
        &["explain", "j.toml", "--date", "2026-09-01"],
        &["explain", "j.toml", "--resource", "/subscriptions/s"],
        &["explain", "j.toml", "--line", "f:1", "--date", "2026-09-01", "--resource", "/subscriptions/s"],
        &["run", "/nowhere/job.toml"],
        &["reconcile", "j.toml"],
        &["reconcile", "j.toml", "--month", "2026-13"],
        &["maintain", "j.toml", "--retain", "23h"],
        &["maintain", "j.toml", "--retain", "30"],
        &["--output-format", "xml", "man"],
    ];
    for arguments in cases {
        let said = pecan(arguments);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!said.err.is_empty(), "{arguments:?}");
    }
    assert!(pecan(&["rum"]).err.contains("run"), "the nearest command is suggested");
}

#[test]
fn errors_in_json_are_one_object() {
    let cases: [(&[&str], &str); 3] = [
        (&["run", "/nowhere/job.toml", "--output-format", "json"], "job_not_readable"),
        (&["--output-format=json", "rum"], "usage"),
        (&["run", "/nowhere/job.toml", "--output-format", "json", "-q", "--no-progress"], "job_not_readable"),
    ];
    for (arguments, code) in cases {
        let said = pecan(arguments);
        let object: serde_json::Value = serde_json::from_str(&said.err).expect("one JSON object");
        assert_eq!((object["code"].as_str(), object["exit_code"].as_u64(), said.out.as_str()), (Some(code), Some(2), ""), "{arguments:?}");
        for key in ["tried", "place", "seen", "next"] {
            assert!(object[key].is_string(), "{key}");
        }
    }
}

#[test]
fn schema_man_and_completions_are_answers() {
    let said = pecan(&["schema", "--tables", "--output-format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON object");
    assert_eq!(object["tables"].as_array().map(Vec::len), Some(crate::schema::Table::ALL.len()));
    assert_eq!(said.out.lines().count(), 1);
    assert!(serde_json::from_str::<serde_json::Value>(&pecan(&["schema", "--tables"]).out).is_ok());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&pecan(&["schema"]).out).expect("JSON"), crate::job::json_schema());
    let page = pecan(&["man"]).out;
    assert!(page.contains(".SH \"PECAN EXPLAIN\"") && page.contains(".SS OPTIONS"), "{page}");
    assert!(pecan(&["completions", "bash"]).out.contains("_pecan"));
    let object: serde_json::Value = serde_json::from_str(&pecan(&["man", "--output-format", "json"]).out).expect("one JSON object");
    assert_eq!(object["man"].as_str(), Some(page.as_str()));
}

#[test]
fn closed_pipes_are_no_trouble_and_full_disks_are_exit_5() {
    let man = || vec![OsString::from("pecan"), OsString::from("man")];
    let mut err = Vec::new();
    assert_eq!(with(man(), &mut Closed(ErrorKind::BrokenPipe), &mut err), 0);
    assert!(err.is_empty());
    assert_eq!(with(man(), &mut Closed(ErrorKind::StorageFull), &mut err), 5);
    let nothing = vec![OsString::from("pecan")];
    assert_eq!(with(nothing, &mut Vec::new(), &mut Closed(ErrorKind::BrokenPipe)), 2);
}

#[test]
fn a_panic_is_a_bug_of_ours_in_words() {
    let error = crash::guarded(|| panic!("sum of {} parts", 3)).expect_err("a panic");
    assert_eq!((error.exit_code(), error.trouble().code), (1, "panic"));
    let mut text = Vec::new();
    speak::error(&error, OutputFormat::Text, &mut text);
    let text = String::from_utf8(text).expect("utf-8");
    assert!(text.starts_with("error: bug in pecan: ") && text.contains("sum of 3 parts") && text.contains("report this text"), "{text}");
}
