//! Reads a case file: cases between `==` lines, each with notes, statements, `---` and what is expected.
//!
//! ```text
//! == One missing hour costs the whole day
//! # R-DAY-2, R-DAY-3; S partner-earned-credit-explanation
//! assign 09-01 00:00 sub-a Owner partner
//! charge 09-01 sub-a/rg-1/vm-1 10.00 USD
//! ---
//! credit 09-01 sub-a/rg-1/vm-1 1.50 USD covered
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One line: its words, its `key=value` words, and the indented lines that belong to it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Where it stands, for messages.
    pub place: String,
    /// The words without `=`, the statement's name first.
    pub words: Vec<String>,
    /// The words with `=`.
    pub keys: BTreeMap<String, String>,
    /// Indented lines below it (rows of a list).
    pub rows: Vec<Statement>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// `file: title`.
    pub title: String,
    /// Comment lines, joined.
    pub notes: String,
    /// What is given.
    pub statements: Vec<Statement>,
    /// What is expected, comments included, as written.
    pub expected: Vec<String>,
    /// Line numbers (from 0) of the expected part in the file: first, and one after the last.
    pub expected_lines: (usize, usize),
}

/// All case files, sorted by name, with their cases.
pub fn read_folder(folder: &Path) -> Vec<(PathBuf, Vec<Case>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|x| x == "case")).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let cases = read_cases(&name, &text);
        (path, cases)
    };
    files.into_iter().map(read).collect()
}

/// The cases of one file's text.
pub fn read_cases(name: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut expecting = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(title) = line.strip_prefix("== ") {
            close(&mut cases, number);
            expecting = false;
            let at = (number + 1, number + 1);
            cases.push(Case { title: format!("{name}: {title}"), notes: String::new(), statements: Vec::new(), expected: Vec::new(), expected_lines: at });
            continue;
        }
        let before = cases.len().checked_sub(2).map(|at| cases[at].statements.clone());
        let Some(case) = cases.last_mut() else { continue };
        if line.trim() == "---" {
            assert!(!expecting, "{name}:{}: a second ---", number + 1);
            expecting = true;
            case.expected_lines = (number + 1, number + 1);
        } else if expecting {
            case.expected.push(line.trim_end().to_string());
        } else if let Some(note) = line.trim_start().strip_prefix('#') {
            case.notes.push_str(note);
            case.notes.push('\n');
        } else if line.trim() == "as before" {
            case.statements = before.unwrap_or_else(|| panic!("{name}:{}: no case before", number + 1));
        } else if !line.trim().is_empty() {
            add_statement(case, name, number + 1, line);
        }
    }
    close(&mut cases, text.lines().count());
    for case in &cases {
        assert!(case.expected_lines.1 > case.expected_lines.0, "{}: nothing expected", case.title);
    }
    cases
}

/// Ends the expected part of the last case before line `number`; blank lines at its tail stay outside.
fn close(cases: &mut [Case], number: usize) {
    let Some(case) = cases.last_mut() else { return };
    let mut until = number;
    while case.expected.last().is_some_and(|line| line.trim().is_empty()) {
        case.expected.pop();
        until -= 1;
    }
    case.expected_lines.1 = until;
}

fn add_statement(case: &mut Case, name: &str, number: usize, line: &str) {
    let statement = read_statement(&format!("{name}:{number}"), line);
    if line.starts_with(' ') {
        let above = case.statements.last_mut().unwrap_or_else(|| panic!("{name}:{number}: a row without a list"));
        above.rows.push(statement);
    } else {
        case.statements.push(statement);
    }
}

/// The words of one line; what follows ` #` is a remark.
pub fn read_statement(place: &str, line: &str) -> Statement {
    let line = line.split(" #").next().unwrap_or_default();
    let mut statement = Statement { place: place.to_string(), words: Vec::new(), keys: BTreeMap::new(), rows: Vec::new() };
    for word in line.split_whitespace() {
        match word.split_once('=') {
            Some((key, value)) => {
                statement.keys.insert(key.to_string(), value.to_string());
            }
            None => statement.words.push(word.to_string()),
        }
    }
    statement
}

impl Statement {
    /// The word at a position; the position 0 is the statement's name.
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).unwrap_or_else(|| self.wrong(&format!("needs a word at position {at}")))
    }

    /// The value of a key.
    pub fn key(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    /// The value of a key, `None` if absent or `-`.
    pub fn id(&self, key: &str) -> Option<String> {
        self.key(key).filter(|v| *v != "-").map(String::from)
    }

    /// Refuses keys and surplus words the statement does not know: a misspelt key must not pass silently.
    pub fn allow(&self, words: std::ops::RangeInclusive<usize>, keys: &[&str]) {
        if !words.contains(&self.words.len()) {
            self.wrong(&format!("has {} words", self.words.len()));
        }
        if let Some(unknown) = self.keys.keys().find(|k| !keys.contains(&k.as_str())) {
            self.wrong(&format!("does not know {unknown}="));
        }
    }

    /// Stops with the place of the statement.
    pub fn wrong(&self, what: &str) -> ! {
        panic!("{}: `{}` {what}", self.place, self.words.join(" "))
    }
}
