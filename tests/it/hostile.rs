//! Hostile files through the real binary: public corpora of damaged and fuzzed Parquet, and our own mutations of good files.
//!
//! Each file is read as charges, as audit log and as reference table, in a process of its own with little memory and little
//! time. It ends in an exit code of the contract, names the file where it fails, and commits nothing then: never a panic, an
//! abort or a hang.
//!
//! `PECAN_CORPORA` = where the corpora are; without them those tests say so and count as skipped. `PECAN_MUTATIONS` = how many
//! of each good file.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::jobs::workshop::Workshop;
use crate::oracle::world::Dice;
use crate::tables::tree;

/// Seconds and KiB of address space a process may take.
const SECONDS: &str = "20";
const KIBIBYTES: &str = "4194304";

/// The folder of the corpora, if it is there.
pub fn corpora() -> Option<PathBuf> {
    let set = std::env::var_os("PECAN_CORPORA").map(PathBuf::from);
    let folder = set.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"));
    if !folder.is_dir() {
        // Straight to standard error: the harness swallows `eprintln!` of a test that passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no corpora at {} (PECAN_CORPORA)", folder.display());
        return None;
    }
    Some(folder)
}

/// What a hostile file is given as.
#[derive(Debug, Clone, Copy)]
enum Role {
    Charges,
    Audit,
    /// A reference table of this name.
    Reference(&'static str),
}

/// A hostile file in one role.
struct Case {
    shown: String,
    bytes: Vec<u8>,
    role: Role,
}

/// Writes a job in which one input is hostile and all others are the sample's.
fn write_job(workshop: &Workshop, folder: &Path, case: &Case) -> PathBuf {
    fs::create_dir_all(folder.join("hostile")).expect("a new folder");
    fs::write(folder.join("hostile/hostile.parquet"), &case.bytes).expect("written");
    let sample = workshop.path("sample_data");
    let good = |path: &str| sample.join(path).to_string_lossy().into_owned();
    let hostile = String::from("hostile/");
    let (mut charges, mut audit) = (good("archive/"), good("audit/"));
    let (mut partners, mut more) = (good("reference/partners.csv"), String::new());
    match case.role {
        Role::Charges => charges = hostile,
        Role::Audit => audit = hostile,
        Role::Reference("partners") => partners = hostile,
        Role::Reference(table) => more = format!("{table} = {hostile:?}\n"),
    }
    let text = format!(
        "[charges]\nuri = {charges:?}\nformat = \"cost-management\"\nlayout = \"files\"\n\
         [audit]\nuri = {audit:?}\nformat = \"azure-activity\"\n\
         [reference]\npartners = {partners:?}\nprincipals = {:?}\n{more}\
         [output]\nuri = \"out/\"\n[limits]\nrejections = \"10%\"\n",
        good("reference/principals.csv")
    );
    let job = folder.join("job.toml");
    fs::write(&job, text).expect("written");
    job
}

/// Runs the binary on a case; what is wrong with how it ended.
fn wrong(workshop: &Workshop, number: usize, case: &Case) -> Result<i32, String> {
    let folder = workshop.path(&format!("case-{number}"));
    let job = write_job(workshop, &folder, case);
    let limited = format!("ulimit -v {KIBIBYTES}; exec timeout -s KILL {SECONDS} \"$0\" \"$@\"");
    let output = Command::new("sh").arg("-c").arg(limited).arg(env!("CARGO_BIN_EXE_pecan")).arg("run").arg(&job).args(["--threads", "2"]).output();
    let output = output.map_err(|e| format!("it does not start: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let code = output.status.code().ok_or_else(|| format!("killed: {}\n{said}", output.status))?;
    if !matches!(code, 0 | 2 | 3 | 7) {
        return Err(format!("exit code {code}\n{said}"));
    }
    if said.contains("panicked at") {
        return Err(format!("a panic reached the user\n{said}"));
    }
    let written: Vec<PathBuf> = tree(&folder.join("out")).into_iter().filter(|(_, bytes)| bytes.is_some()).map(|(path, _)| path).collect();
    if code != 0 && !written.is_empty() {
        return Err(format!("exit code {code}, and yet files: {written:?}"));
    }
    if code == 3 && !said.contains("hostile.parquet") {
        return Err(format!("the message does not name the file\n{said}"));
    }
    fs::remove_dir_all(&folder).map_err(|e| e.to_string())?;
    Ok(code)
}

/// Runs all cases, two at a time, and fails with every one that ended badly.
fn check(what: &str, cases: &[Case]) {
    let workshop = Workshop::sample();
    let (next, ended) = (AtomicUsize::new(0), Mutex::new((Vec::new(), Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((number, case)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, cases.get(n)?))) {
                    let how = wrong(&workshop, number, case);
                    let mut ended = ended.lock().expect("no panic while it is held");
                    match how {
                        Ok(code) => ended.0.push(code),
                        Err(wrong) => ended.1.push(format!("{} as {:?}: {wrong}", case.shown, case.role)),
                    }
                }
            });
        }
    });
    let (codes, wrong) = ended.into_inner().expect("no panic while it was held");
    let count = |code: i32| codes.iter().filter(|c| **c == code).count();
    println!("{what}: {} cases, done {}, input wrong {}, too many rejections {}", cases.len(), count(0), count(3), count(7));
    assert!(wrong.is_empty(), "{} of {} ended badly:\n{}", wrong.len(), cases.len(), wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
}

fn corpus(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = tree(folder).into_iter().filter_map(|(path, bytes)| Some((path, bytes?)));
    let parquet = files.filter(|(path, bytes)| bytes.starts_with(b"PAR") || path.extension().is_none_or(|x| x == "parquet" || x == "fuzz"));
    let files: Vec<_> = parquet.map(|(path, bytes)| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), bytes)).collect();
    assert!(!files.is_empty(), "no files below {}", folder.display());
    files
}

fn in_every_role(files: Vec<(String, Vec<u8>)>) -> Vec<Case> {
    let roles = [Role::Charges, Role::Audit, Role::Reference("partners")];
    let cases = files.into_iter().flat_map(|(shown, bytes)| roles.map(|role| Case { shown: shown.clone(), bytes: bytes.clone(), role }));
    cases.collect()
}

#[test]
fn malformed_and_fuzzed_files_are_refused_by_name() {
    let Some(corpora) = corpora() else { return };
    let files = [corpus(&corpora.join("parquet-testing/bad_data")), corpus(&corpora.join("parquet-fuzz"))].concat();
    check("bad data and fuzzed files", &in_every_role(files));
}

#[test]
fn good_files_of_other_schemas_are_refused_by_name() {
    let Some(corpora) = corpora() else { return };
    check("files of every encoding", &in_every_role(corpus(&corpora.join("parquet-testing/data"))));
}

/// A good file with some bytes changed, cut short, or grown.
fn mutated(good: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = good.to_vec();
    // The footer says where everything is: half of the changes go there.
    let from = if dice.below(2) == 0 { bytes.len().saturating_sub(bytes.len().min(3_000)) } else { 0 };
    match dice.below(8) {
        0 => bytes.truncate(dice.below(good.len())),
        1 => bytes.extend_from_slice(&good[..dice.below(good.len())]),
        2 => {
            let at = from + dice.below(good.len() - from);
            bytes.drain(at..good.len().min(at + 1 + dice.below(64)));
        }
        _ => {
            for _ in 0..1 + dice.below(4) {
                let at = from + dice.below(good.len() - from);
                bytes[at] = u8::try_from(dice.below(256)).unwrap_or(0);
            }
        }
    }
    bytes
}

/// Files with the right columns and wrong bytes: a changed value may pass, nothing else may happen.
#[test]
fn mutated_inputs_never_crash() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data");
    let part = "exports/contoso/pec-actual/20260901-20260930/22222222-0000-4000-8000-000000000001/part_0_0001.snappy.parquet";
    let inputs = [
        (part, Role::Charges),
        ("archive/2026-09/usage.parquet", Role::Charges),
        ("audit/2026-09.parquet", Role::Audit),
        ("reference/assignments.parquet", Role::Reference("assignments")),
        ("reference/rates.parquet", Role::Reference("rates")),
    ];
    let count = std::env::var("PECAN_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(40u64);
    let mut cases = Vec::new();
    for (path, role) in inputs {
        let good = fs::read(sample.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        cases.extend((0..count).map(|seed| Case { shown: format!("{path}, mutation {seed}"), bytes: mutated(&good, &mut Dice::new(seed)), role }));
    }
    check("mutations", &cases);
}
