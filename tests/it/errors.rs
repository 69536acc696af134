//! Every error an operator can meet is provoked: a small job is damaged in one way, the real binary is run, and exit code,
//! code, what the message names and what is left of the output are looked at. `docs/RUNBOOK.md` has a section for each.

mod command_line;
mod inputs;
mod outputs;
pub mod scene;
mod shown;
mod sources;

use std::collections::BTreeSet;

use scene::{Case, Scene};
use sources::{Code, codes};

/// Codes no test can provoke from the command line, and why.
const UNPROVOKED: [(&str, &str); 9] = [
    ("closed_meanwhile", "needs a month closed in the middle of a run"),
    ("commit_lost", "needs another run in the middle of ours; the commits of the sink have their own tests"),
    ("object_changed", "needs an input that changes while it is read; tests/it/stores/inputs.rs has one on each store"),
    ("object_gone", "needs a file deleted in the middle of a run; the guard before a commit has its own test"),
    ("object_store", "needs a store in trouble; tests/it/stores has many"),
    ("output_not_writable", "the tests may run as root, who may write anywhere"),
    ("read_back", "a disk that loses what was written"),
    ("runtime", "no memory for threads"),
    ("threads", "no memory for threads"),
];

fn all() -> impl Iterator<Item = &'static Case> {
    command_line::CASES.iter().chain(inputs::CASES).chain(outputs::CASES)
}

fn prove(cases: &[Case]) {
    let wrong: Vec<String> = cases.iter().filter_map(|case| prove_case(case).err().map(|seen| format!("{}: {seen}", shown::file_of(case)))).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn prove_case(case: &Case) -> Result<(), String> {
    let mut scene = Scene::new();
    (case.build)(&mut scene);
    let before = scene.output();
    let json = scene.pecan(&["--output-format", "json"]);
    let object = json.error()?;
    expect("exit code", &json.code, &case.exit)?;
    expect("exit code in the JSON", &object["exit_code"].as_i64(), &Some(i64::from(case.exit)))?;
    expect("code", &object["code"].as_str(), &Some(case.code))?;
    let text = scene.pecan(&[]);
    expect("exit code of the text", &text.code, &case.exit)?;
    let by_clap = case.code == "usage";
    for word in case.says.iter().copied().chain((!by_clap).then_some(case.code)) {
        if !text.err.contains(word) {
            return Err(format!("the message does not name {word:?}:\n{}", text.err));
        }
    }
    shown::compare(case, &scene, &text)?;
    if !by_clap {
        shown::same_in_json(&object, &text)?;
    }
    for said in [&json, &text] {
        if said.err.contains("panicked") || said.err.contains("RUST_BACKTRACE") || said.err.contains("bug in pecan") {
            return Err(format!("a panic reached the user:\n{}", said.err));
        }
    }
    if scene.runs() && case.code != "carry_case" {
        let check = scene.check();
        expect("exit code of `pecan check`", &check.code, &case.exit)?;
        let first = check.error().map(|o| o["code"].as_str().map(str::to_owned));
        if case.exit != 2 || !check.out.is_empty() {
            expect("code of `pecan check`", &first, &Ok(Some(case.code.to_owned())))?;
        }
    }
    if scene.output() == before { Ok(()) } else { Err("the output changed".to_owned()) }
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, wanted: &T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{what}: {seen:?} where {wanted:?} was expected")) }
}

#[test]
fn the_small_job_is_sound() {
    let scene = Scene::new();
    let said = scene.pecan(&["--output-format", "json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let object: serde_json::Value = serde_json::from_str(&said.out).expect("one object");
    assert_eq!((object["rows_read"].as_u64(), object["rejections"].as_u64()), (Some(2), Some(0)));
    let check = scene.check();
    assert_eq!((check.code, check.err.as_str()), (0, ""), "{}", check.out);
}

#[test]
fn command_lines_and_job_files() {
    prove(command_line::CASES);
}

#[test]
fn inputs_in_trouble() {
    prove(inputs::CASES);
}

#[test]
fn outputs_in_trouble() {
    prove(outputs::CASES);
}

/// Some cases need this system.
#[test]
#[cfg(target_os = "linux")]
fn every_message_has_its_file() {
    shown::check_folder(all(), &UNPROVOKED);
}

#[test]
fn every_code_is_provoked_or_excused() {
    let provoked: BTreeSet<&str> = all().map(|case| case.code).collect();
    let excused: BTreeSet<&str> = UNPROVOKED.iter().map(|(code, _)| *code).collect();
    let known = codes();
    let mut wrong = Vec::new();
    for Code { code, file, .. } in known.iter().filter(|c| c.exit > 1) {
        if !provoked.contains(code.as_str()) && !excused.contains(code.as_str()) {
            wrong.push(format!("{file}: {code} is provoked by no case"));
        }
    }
    let exists = |code: &str| known.iter().any(|c| c.code == code);
    wrong.extend(excused.iter().filter(|code| provoked.contains(**code)).map(|code| format!("{code} is provoked: the excuse must go")));
    wrong.extend(excused.iter().chain(&provoked).filter(|code| !exists(code)).map(|code| format!("{code} is no code of ours any more")));
    let unproved_exit =
        known.iter().filter(|c| c.exit > 1 && !excused.contains(c.code.as_str())).filter(|c| !all().any(|case| case.code == c.code && case.exit == c.exit));
    wrong.extend(unproved_exit.map(|c| format!("{} with exit {} is provoked by no case", c.code, c.exit)));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_runbook_has_a_section_for_every_code() {
    let text = crate::tidy::files::read("docs/RUNBOOK.md");
    let sections: Vec<(i32, String)> = text.lines().filter_map(sources::section).collect();
    let wanted: BTreeSet<(i32, String)> = codes().into_iter().map(|c| (c.exit, c.code)).collect();
    let found: BTreeSet<(i32, String)> = sections.iter().cloned().collect();
    let mut wrong: Vec<String> = wanted.difference(&found).map(|(exit, code)| format!("docs/RUNBOOK.md lacks `{code}` (exit {exit})")).collect();
    wrong.extend(found.difference(&wanted).map(|(exit, code)| format!("docs/RUNBOOK.md: no source has `{code}` (exit {exit})")));
    if !sections.is_sorted() {
        wrong.push("docs/RUNBOOK.md: sections go by exit code, then code".to_owned());
    }
    for code in sources::warnings() {
        if !text.contains(&format!("| `{code}` |")) {
            wrong.push(format!("docs/RUNBOOK.md does not list the warning `{code}`"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
