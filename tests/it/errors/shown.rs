//! The folder `tests/errors`: each message as the user sees it, with what causes it in words.
//!
//! `UPDATE=1 cargo test --test it errors::` (or `make docs`) writes the files again; the difference is then read like a text.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::scene::{Case, Said, Scene};
use crate::tidy::files::root;

const FOLDER: &str = "tests/errors";
const INDEX: &str = "README.md";

/// The file of a case.
pub fn file_of(case: &Case) -> String {
    if case.name.is_empty() { format!("{}.txt", case.code) } else { format!("{}-{}.txt", case.code, case.name) }
}

fn folder() -> PathBuf {
    root().join(FOLDER)
}

fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// Fails if a file does not hold this text; with `UPDATE=1` it is written.
fn must_hold(path: &Path, wanted: &str) -> Result<(), String> {
    if updating() {
        std::fs::create_dir_all(folder()).and_then(|()| std::fs::write(path, wanted)).map_err(|e| e.to_string())?;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found == wanted { Ok(()) } else { Err(format!("{} holds another text (UPDATE=1 writes it again); now it would be:\n{wanted}", path.display())) }
}

/// Compares a message with its file.
pub fn compare(case: &Case, scene: &Scene, said: &Said) -> Result<(), String> {
    let text = format!("{}\n\n$ pecan {}\n{}exit code {}\n", case.cause, scene.command_line(), stable(&said.err, scene), said.code);
    must_hold(&folder().join(file_of(case)), &text)
}

/// What differs from run to run is replaced: the folder, ids of runs, and names of data files.
fn stable(text: &str, scene: &Scene) -> String {
    let mut text = text.to_owned();
    let folder = scene.path("");
    for path in [folder.canonicalize().unwrap_or_default(), folder] {
        text = text.replace(path.to_string_lossy().trim_end_matches('/'), "FOLDER");
    }
    without_data_files(&without_run_ids(&text))
}

/// `part-….parquet` for every data file.
fn without_data_files(text: &str) -> String {
    let mut pieces = text.split("part-");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out += "part-";
        let rest = piece.split_once(".parquet").filter(|(name, _)| name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
        out += &rest.map_or_else(|| piece.to_owned(), |(_, rest)| format!("….parquet{rest}"));
    }
    out
}

fn without_run_ids(text: &str) -> String {
    let mut left = text;
    let mut out = String::new();
    while let Some(first) = left.chars().next() {
        let id = left.get(..36).filter(|id| is_run_id(id));
        out.push_str(id.map_or_else(|| left.get(..first.len_utf8()).unwrap_or_default(), |_| "RUN"));
        left = left.get(id.map_or(first.len_utf8(), str::len)..).unwrap_or_default();
    }
    out
}

/// A UUID of version 7, as runs have.
fn is_run_id(id: &str) -> bool {
    id.bytes().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        14 => b == b'7',
        _ => b.is_ascii_hexdigit(),
    })
}

/// The JSON form says the same as the text, field by field, and nothing else.
pub fn same_in_json(object: &Value, said: &Said) -> Result<(), String> {
    let keys: Vec<&str> = object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    if keys != ["code", "tried", "place", "seen", "next", "exit_code"] {
        return Err(format!("the JSON form has the fields {keys:?}"));
    }
    let [code, tried, place, seen, next] = ["code", "tried", "place", "seen", "next"].map(|key| object[key].as_str().unwrap_or_default());
    let text = format!("error: {tried} [{code}]\n  where: {place}\n  seen:  {seen}\n  next:  {next}\n");
    if text != said.err {
        return Err(format!("the text is not the JSON form:\n{text}\n{}", said.err));
    }
    let empty = [tried, place, seen, next].into_iter().any(str::is_empty);
    let lines = said.err.lines().count() != 4;
    let begins = next.starts_with(|c: char| c.is_ascii_lowercase()) && !next.starts_with("snapshot_");
    if empty || lines || begins || !next.ends_with(['.', '?', '!']) {
        return Err(format!("a message has four lines, none of them empty, and says what to do in a sentence:\n{}", said.err));
    }
    Ok(())
}

/// The index and nothing else stands beside the files of the cases.
pub fn check_folder<'a>(cases: impl Iterator<Item = &'a Case>, unprovoked: &[(&str, &str)]) {
    let mut cases: Vec<&Case> = cases.collect();
    cases.sort_by_key(|case| (case.exit, file_of(case)));
    let files: BTreeSet<String> = cases.iter().map(|case| file_of(case)).chain([INDEX.to_owned()]).collect();
    assert_eq!(files.len(), cases.len() + 1, "two cases have the same name");
    must_hold(&folder().join(INDEX), &index(&cases, unprovoked)).unwrap_or_else(|wrong| panic!("{wrong}"));
    for entry in std::fs::read_dir(folder()).expect("the folder of messages").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !files.contains(&name) && updating() {
            std::fs::remove_file(entry.path()).expect("a stray file can be removed");
        } else {
            assert!(files.contains(&name), "{FOLDER}/{name} belongs to no case of tests/it/errors");
        }
    }
}

fn index(cases: &[&Case], unprovoked: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "# Messages\n\nEvery error message as the user sees it. Each file: what was changed in a small sound job, the command, the message, the exit\n\
         code. `FOLDER` is where the job is, `RUN` the id of a run. The cases are in `tests/it/errors/`; `make docs` writes these files\n\
         again, and every change of a message is a change here. What to do about each: [the runbook](../../docs/RUNBOOK.md).\n\n\
         | exit | message | cause |\n|---|---|---|\n",
    );
    for case in cases {
        let file = file_of(case);
        let _ = writeln!(text, "| {} | [{}]({file}) | {} |", case.exit, file.trim_end_matches(".txt"), case.cause);
    }
    text += "\nNo test can provoke these from the command line:\n\n| code | why |\n|---|---|\n";
    for (code, why) in unprovoked {
        let _ = writeln!(text, "| `{code}` | {why} |");
    }
    text
}

#[test]
fn ids_of_runs_and_files_and_nothing_else_are_replaced() {
    let text = "é 0199fa04-8d4e-7c3b-9f00-1234567890ab, bbbbbbbb-0000-4000-8000-000000000001";
    assert_eq!(without_run_ids(text), "é RUN, bbbbbbbb-0000-4000-8000-000000000001");
    assert_eq!(without_data_files("out/part-92c3-00000.parquet is, part-time is not"), "out/part-….parquet is, part-time is not");
}
