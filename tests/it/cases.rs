//! Rule cases: text an accountant can review, in `tests/cases/*.case` (how they are written: `cases/parser.rs`,
//! `cases/world.rs`, `cases/audit.rs`, `cases/lists.rs`, `cases/reference.rs`, `cases/printer.rs`).
//!
//! `UPDATE=1 cargo test cases` rewrites what stands after `---`. Expectations come from the documents, so read the
//! difference before keeping it.

mod audit;
mod lists;
mod names;
mod parser;
mod printer;
mod reference;
mod rule_list;
mod runner;
mod world;

use std::path::{Path, PathBuf};

use parser::Case;
use rule_list::{DETAILS, PAGES, Proof, RULES, SWITCHES};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all_cases() -> Vec<(PathBuf, Vec<Case>)> {
    parser::read_folder(&root().join("tests/cases"))
}

/// A line without alignment and remarks; empty for comment lines.
fn plain(line: &str) -> String {
    let line = if line.trim_start().starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default() };
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_case_holds() {
    let update = std::env::var_os("UPDATE").is_some();
    let (mut wrong, mut count) = (String::new(), 0);
    for (path, cases) in all_cases() {
        let mut answers = Vec::new();
        for case in &cases {
            count += 1;
            let given = match std::panic::catch_unwind(|| runner::answer(case)) {
                Ok(given) => given,
                Err(panic) => vec![format!("panic {}", panic.downcast_ref::<String>().map_or("", String::as_str))],
            };
            let expected: Vec<String> = case.expected.iter().map(|l| plain(l)).filter(|l| !l.is_empty()).collect();
            if given != expected {
                wrong.push_str(&difference(case, &expected, &given));
            }
            answers.push(given);
        }
        if update {
            rewrite(&path, &cases, &answers);
        }
    }
    println!("{count} cases");
    assert!(update || wrong.is_empty(), "\n{wrong}");
}

fn difference(case: &Case, expected: &[String], given: &[String]) -> String {
    let mut text = format!("{}\n", case.title);
    for line in expected.iter().filter(|l| !given.contains(l)) {
        text.push_str(&format!("  expected  {line}\n"));
    }
    for line in given.iter().filter(|l| !expected.contains(l)) {
        text.push_str(&format!("  given     {line}\n"));
    }
    if expected.iter().all(|l| given.contains(l)) && given.iter().all(|l| expected.contains(l)) {
        text.push_str("  the same lines in another order or number\n");
    }
    text
}

/// Puts the answers after `---`, comments staying before the line they stood before.
fn rewrite(path: &Path, cases: &[Case], answers: &[Vec<String>]) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let (mut written, mut from): (Vec<String>, usize) = (Vec::new(), 0);
    for (case, given) in cases.iter().zip(answers) {
        written.extend(lines[from..case.expected_lines.0].iter().map(ToString::to_string));
        let same = case.expected.iter().map(|l| plain(l)).filter(|l| !l.is_empty()).eq(given.iter().cloned());
        let mut given = given.iter();
        for line in &case.expected {
            let comment = plain(line).is_empty();
            written.extend(if comment || same { Some(line.clone()) } else { given.next().cloned() });
        }
        if !same {
            written.extend(given.cloned());
        }
        from = case.expected_lines.1;
    }
    written.extend(lines[from..].iter().map(ToString::to_string));
    std::fs::write(path, written.join("\n") + "\n").unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Whether a rule's name stands in a text as a whole: `R-DAY-1` is not in `R-DAY-12`.
fn names_rule(text: &str, rule: &str) -> bool {
    text.match_indices(rule).any(|(at, _)| {
        let rest = &text[at + rule.len()..];
        let more = rest.strip_prefix('-').map_or(rest.starts_with(|c: char| c.is_ascii_digit()), |r| r.starts_with(|c: char| c.is_ascii_digit()));
        !more
    })
}

/// Numbers after the word `detail` or `details` in the notes: `details 20, 22` names both.
fn detail_numbers(notes: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for part in notes.split("detail").skip(1) {
        let list = part.strip_prefix('s').unwrap_or(part);
        let list: String = list.chars().take_while(|c| c.is_ascii_digit() || matches!(c, ' ' | ',')).collect();
        numbers.extend(list.split([' ', ',']).filter_map(|n| n.parse::<u32>().ok()));
    }
    numbers
}

#[test]
fn every_rule_detail_and_switch_is_proved() {
    let cases: Vec<Case> = all_cases().into_iter().flat_map(|(_, cases)| cases).collect();
    let notes: String = cases.iter().map(|c| c.notes.as_str()).collect();
    let tests = job_tests();
    let mut missing = Vec::new();
    for (rule, proof) in RULES {
        let proved = match proof {
            Proof::Case => names_rule(&notes, rule),
            Proof::Job if tests.is_none() => {
                println!("to be proved by tests/it/jobs.rs: {rule}");
                true
            }
            Proof::Job => tests.as_deref().is_some_and(|text| names_rule(text, rule)),
            Proof::ToBuild => {
                println!("still to be built: {rule}");
                true
            }
        };
        if !proved {
            missing.push(format!("{rule} ({proof:?})"));
        }
    }
    let details = detail_numbers(&notes);
    missing.extend(DETAILS.iter().filter(|n| !details.contains(n)).map(|n| format!("detail {n}")));
    for (name, value) in SWITCHES {
        let set = cases.iter().any(|c| c.statements.iter().any(|s| s.words == ["rule", name, value]));
        let left = cases.iter().any(|c| c.notes.contains(name) && !c.statements.iter().any(|s| s.words.iter().any(|w| w == name)));
        if !set || !left {
            missing.push(format!("switch {name}: a case with {value}, and one with the default that names it"));
        }
    }
    assert!(missing.is_empty(), "without a case or test: {}", missing.join(", "));
}

#[test]
fn every_case_names_a_rule_and_a_source() {
    for case in all_cases().into_iter().flat_map(|(_, cases)| cases) {
        let rule = RULES.iter().any(|(rule, _)| names_rule(&case.notes, rule)) || !detail_numbers(&case.notes).is_empty();
        let mut sources = case.notes.split("; ").skip(1);
        let source =
            sources.any(|s| s.split_whitespace().next() == Some("D") || PAGES.iter().any(|page| s.strip_prefix("S ").is_some_and(|s| s.starts_with(page))));
        assert!(rule && source, "{}: its notes need a rule number, and S with a page or D for our decision", case.title);
    }
}

/// The text of the tests that run whole jobs: the modules of `tests/it` and `tests/it/jobs` but this one and the house rules.
/// `None` while there is no `jobs.rs` to name them.
fn job_tests() -> Option<String> {
    if !root().join("tests/it/jobs.rs").exists() {
        return None;
    }
    let entries = ["tests/it", "tests/it/jobs", "tests/it/reconcile"]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).into_iter().flatten().flatten());
    let entries = entries.map(|e| e.path());
    let ours = |path: &PathBuf| path.extension().is_some_and(|x| x == "rs") && !path.ends_with("cases.rs") && !path.ends_with("tidy.rs");
    Some(entries.filter(ours).filter_map(|path| std::fs::read_to_string(path).ok()).collect())
}

#[test]
fn rule_names_are_matched_whole() {
    assert!(names_rule("see R-DAY-1, R-DAY-2", "R-DAY-1"));
    assert!(!names_rule("R-DAY-12 R-MONEY-25", "R-DAY-1"));
    assert!(!names_rule("R-OUTCOME-1", "R-OUTCOME"));
    assert_eq!(detail_numbers("see details 4, 17; detail 9."), [4, 17, 9]);
}
