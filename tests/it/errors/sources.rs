//! The codes of errors and warnings, as the sources have them.

use crate::tidy::files::{RustFile, rust_files};

/// A code and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// Exit code of the program.
    pub exit: i32,
    /// Stable code.
    pub code: String,
    /// Source file.
    pub file: String,
}

const KINDS: [(&str, i32); 8] = [("bug", 1), ("different", 1), ("usage", 2), ("input", 3), ("lost", 4), ("storage", 5), ("above", 6), ("rejections", 7)];

/// Calls whose code is no literal: the codes that go through them. `&[]`: a code of another place, told again.
const HANDED_ON: [(&str, &str, &[&str]); 4] = [
    ("src/job/output.rs", "usage", &[]),
    ("src/source/charges.rs", "input", &[]),
    ("src/source/cost_management.rs", "input", &["column_twice", "column_case"]),
    ("src/source/csv_file.rs", "input", &["csv_empty", "csv_encoding", "csv_unclosed_quote"]),
];

/// Every error code, by exit code, then code.
pub fn codes() -> Vec<Code> {
    let mut found = Vec::new();
    for file in rust_files(&["src"]) {
        for (kind, exit) in KINDS {
            for code in codes_of(&file, kind) {
                found.push(Code { exit, code, file: file.path.clone() });
            }
        }
    }
    found.sort();
    found.dedup_by(|a, b| (a.exit, &a.code) == (b.exit, &b.code));
    assert!(found.len() > 60, "the codes are no longer where this test looks for them");
    found
}

fn codes_of(file: &RustFile, kind: &str) -> Vec<String> {
    let text = file.product_text();
    let mut found = Vec::new();
    for after in text.split(&format!("Error::{kind}(")).skip(1) {
        match literal(after) {
            Some(code) => found.push(code),
            None => {
                let handed_on = HANDED_ON.iter().find(|(path, of_kind, _)| *path == file.path && *of_kind == kind);
                let (_, _, codes) = handed_on.unwrap_or_else(|| panic!("{}: Error::{kind}( without a literal code: list it in HANDED_ON", file.path));
                found.extend(codes.iter().map(|code| (*code).to_owned()));
            }
        }
    }
    found
}

fn literal(text: &str) -> Option<String> {
    let (code, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(code.to_owned())
}

/// Every code of a warning of `run` and `plan` or a finding of `check`.
pub fn warnings() -> Vec<String> {
    let mut found: Vec<String> = ["audit_rejections", "reference_rejections"].map(str::to_owned).into();
    for file in rust_files(&["src"]) {
        let text = file.product_text();
        for start in ["Warning { code: ", ".warn(", "yellow(", "note("] {
            found.extend(text.split(start).skip(1).filter_map(literal));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Exit code and code of a heading of the runbook: `### code (exit 3)`.
pub fn section(line: &str) -> Option<(i32, String)> {
    let (code, rest) = line.strip_prefix("### `")?.split_once("` (exit ")?;
    Some((rest.trim_end_matches(')').parse().ok()?, code.to_owned()))
}
