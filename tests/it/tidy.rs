//! The house stays a house: import order, sizes, words, and what may not be used where.
//!
//! An exception stands in a list here, with its reason; one that is no longer needed must go.

pub mod files;

use std::collections::BTreeSet;

use files::{RustFile, functions, identifiers, read, root, rust_files, words};

/// Longest file and longest function, in lines.
const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 70;

/// Words of other vocabularies (credit-rules.md, Vocabulary).
const BANNED: [&str; 11] = ["eligible", "eligibility", "qualifying", "grant", "grants", "granted", "permission", "permissions", "delta", "deltas", "end"];

/// Names others gave: the standard library's, Parquet's, Microsoft's.
const NOT_OURS: [&str; 9] =
    ["trim_end", "trim_end_matches", "read_to_end", "Permissions", "PermissionsExt", "PermissionDenied", "set_permissions", "DELTA_BINARY_PACKED", "end_date"];

/// `expect` outside tests: bounds that hold by construction, said in the message.
const EXPECTED: [(&str, &str); 7] = [
    ("src/answers.rs", "fewer than 2^32 access intervals"),
    ("src/control.rs", "2^127 rows of 128-bit numbers fit 256 bits"),
    ("src/decide/cells.rs", "fewer than 2^32 cells in a batch"),
    ("src/decide/plan.rs", "fewer than 2^32 rows in a batch"),
    ("src/decide/scopes.rs", "fewer than 2^32 distinct scopes"),
    ("src/group/days.rs", "fewer than 2^32 scope-days and organisations"),
    ("src/spellings.rs", "fewer than 2^32 distinct ids in a group"),
];

fn our_files() -> Vec<RustFile> {
    rust_files(&["src", "crates/chunk/src", "crates/core/src", "crates/generate/src"])
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The modules of a library in the order of its `lib.rs`.
fn order(lib: &str) -> Vec<String> {
    let modules = lib.lines().filter_map(|line| line.trim().trim_start_matches("pub ").strip_prefix("mod "));
    modules.map(|name| name.trim_end_matches(';').to_string()).collect()
}

/// The modules of this crate that a piece of code names: `crate::name` and `use crate::{name, …}`.
fn uses(code: &str) -> BTreeSet<String> {
    let name = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                for (place, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 && (place == 0 || c == ',') {
                        named.insert(name(list[place..].trim_start_matches(',')));
                    }
                }
            }
            None => {
                named.insert(name(rest));
            }
        }
    }
    named.remove("");
    named
}

#[test]
fn a_file_uses_only_those_above_it() {
    let mut wrong = Vec::new();
    for folder in ["crates/core/src/", "crates/generate/src/", "src/"] {
        let order = order(&read(&format!("{folder}lib.rs")));
        let rank = |module: &str| order.iter().position(|m| m == module);
        for file in rust_files(&[folder.trim_end_matches('/')]) {
            let below = file.path.strip_prefix(folder).unwrap_or_default();
            let module = below.split('/').next().unwrap_or_default().trim_end_matches(".rs");
            if matches!(module, "lib" | "main") {
                continue;
            }
            let Some(own) = rank(module) else {
                wrong.push(format!("{}: {folder}lib.rs does not list `{module}`", file.path));
                continue;
            };
            for used in uses(file.product_code()) {
                if rank(&used).is_some_and(|r| r > own) {
                    wrong.push(format!("{}: uses `{used}`, which stands below `{module}` in {folder}lib.rs", file.path));
                }
            }
        }
    }
    report(&wrong);
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for file in rust_files(&["src", "crates/chunk/src", "crates/core/src", "crates/generate/src", "tests"]) {
        let lines = file.text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{}: {lines} lines, more than {LONGEST_FILE}", file.path));
        }
        for (name, line, length) in functions(&file.code) {
            if length > LONGEST_FUNCTION {
                wrong.push(format!("{}:{line}: fn {name} has {length} lines, more than {LONGEST_FUNCTION}", file.path));
            }
        }
    }
    report(&wrong);
}

#[test]
fn core_has_no_floats_and_no_other_dependencies() {
    let mut wrong = Vec::new();
    for file in rust_files(&["crates/core/src"]) {
        for (line, word) in identifiers(&file.code).into_iter().filter(|(_, word)| matches!(*word, "f32" | "f64")) {
            wrong.push(format!("{}:{line}: {word} in core", file.path));
        }
    }
    let manifest = read("crates/core/Cargo.toml");
    let mut section = "";
    for line in manifest.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
        } else if section.contains("dependencies") {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !matches!(name, "jiff" | "ruint") {
                wrong.push(format!("crates/core/Cargo.toml: {name} in {section}: the rules do no I/O and need no more than jiff and ruint"));
            }
        }
    }
    report(&wrong);
}

#[test]
fn the_generator_shares_nothing_with_the_program() {
    let manifest = read("crates/generate/Cargo.toml");
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    assert!(dependencies.contains("parquet"), "the dependencies are no longer where this test looks for them");
    for name in ["pecan", "polars", "deltalake", "tokio"] {
        let named = dependencies.lines().any(|line| !line.starts_with('#') && line.starts_with(name));
        assert!(!named, "crates/generate/Cargo.toml: {name}: what is generated must not be made by what reads it");
    }
}

/// Whether a file may say `delta`: it speaks of Delta Lake.
fn speaks_of_delta_lake(file: &RustFile) -> bool {
    let product = ["Delta Lake", "Delta log", "Delta table", "Delta Add", "delta-rs", "deltalake", "Format::Delta"];
    let places = ["src/lib.rs", "src/job", "src/sink", "src/stage", "tests/"];
    let place = file.path.contains("delta") || places.iter().any(|p| file.path.starts_with(p));
    !file.path.starts_with("crates/core/") && (place || product.iter().any(|name| file.text.contains(name)))
}

#[test]
fn one_word_per_idea() {
    let mut wrong = Vec::new();
    let own_lists = ["tests/it/tidy.rs", "tests/it/tidy/files.rs"];
    for file in
        rust_files(&["src", "crates/chunk/src", "crates/core/src", "crates/generate/src", "tests"]).iter().filter(|f| !own_lists.contains(&f.path.as_str()))
    {
        let module = file.path.trim_end_matches(".rs");
        for (line, identifier) in identifiers(&file.code).into_iter().chain([(1, module)]).filter(|(_, i)| !NOT_OURS.contains(i)) {
            for word in words(identifier).iter().filter(|w| BANNED.contains(&w.as_str())) {
                if !(word.starts_with("delta") && speaks_of_delta_lake(file)) {
                    wrong.push(format!("{}:{line}: `{identifier}` says `{word}`", file.path));
                }
            }
        }
    }
    for (_, name) in column_names() {
        wrong.extend(words(&name).iter().filter(|w| BANNED.contains(&w.as_str())).map(|w| format!("column {name} says `{w}`")));
    }
    for path in std::fs::read_dir(root().join("tests/cases")).into_iter().flatten().flatten().map(|e| e.path()) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for (line, word) in identifiers(&text).into_iter().filter(|(_, w)| words(w).iter().any(|w| BANNED.contains(&w.as_str()))) {
            wrong.push(format!("{}:{line}: says `{word}`", path.display()));
        }
    }
    report(&wrong);
}

/// The constants of `schema/name.rs`: where a name is spelt, and the name.
fn column_names() -> Vec<(String, String)> {
    let text = read("src/schema/name.rs") + &read("src/schema.rs");
    let constant = |line: &str| {
        let (name, value) = line.trim().strip_prefix("pub const ")?.split_once(": &str = \"")?;
        Some((name.to_string(), value.split('"').next()?.to_string()))
    };
    let names: Vec<_> = text.lines().filter_map(constant).collect();
    assert!(names.len() > 40, "the column names are no longer where this test looks for them");
    names
}

#[test]
fn output_columns_are_spelt_in_the_schema_alone() {
    let mut wrong = Vec::new();
    let names = column_names();
    // Input formats, reference tables and job files have columns and keys of the same names; single words are anybody's.
    let inputs = ["src/schema", "src/source", "src/audit", "src/reference", "src/table_file", "src/job", "src/columns"];
    for file in rust_files(&["src"]).iter().filter(|f| !inputs.iter().any(|i| f.path.starts_with(i))) {
        let text = file.product_text();
        for (constant, name) in names.iter().filter(|(_, name)| name.contains('_')) {
            for (line, _) in text.lines().enumerate().filter(|(_, l)| l.contains(&format!("\"{name}\""))) {
                wrong.push(format!("{}:{}: \"{name}\" is schema::name::{constant}", file.path, line + 1));
            }
        }
    }
    report(&wrong);
}

#[test]
fn nothing_unwraps_outside_tests() {
    let mut wrong = Vec::new();
    let mut used: BTreeSet<&(&str, &str)> = BTreeSet::new();
    for file in our_files() {
        let text = file.product_text();
        for ((at, line), code) in text.lines().enumerate().zip(file.product_code().lines()) {
            let allowed = EXPECTED.iter().find(|(path, message)| file.path == *path && line.contains(message));
            used.extend(allowed);
            // `Progress::expect` says how much work is coming and cannot fail.
            let expects = code.replace("progress.expect(", "").contains(".expect(");
            if code.contains(".unwrap()") || (expects && allowed.is_none()) {
                wrong.push(format!("{}:{}: {}", file.path, at + 1, line.trim()));
            }
        }
    }
    wrong.extend(EXPECTED.iter().filter(|e| !used.contains(e)).map(|e| format!("{}: the exception for `{}` is no longer needed", e.0, e.1)));
    report(&wrong);
}

#[test]
fn every_file_says_what_it_is() {
    let mut wrong = Vec::new();
    for file in rust_files(&["src", "crates/chunk/src", "crates/core/src", "crates/generate/src", "tests"]) {
        let drawer = |part: &str| matches!(part.trim_end_matches(".rs"), "utils" | "util" | "common" | "helpers" | "helper" | "types" | "prelude" | "misc");
        if file.path.split('/').any(drawer) {
            wrong.push(format!("{}: a drawer, not a noun of this program", file.path));
        }
        let named = file.path.ends_with("/tests.rs") || file.path == "tests/it/main.rs";
        if !named && !file.text.starts_with("//!") && !file.text.starts_with("#!") {
            wrong.push(format!("{}: does not begin with a //! line", file.path));
        }
    }
    report(&wrong);
}

#[test]
fn the_doors_are_where_people_look() {
    let mut wrong = Vec::new();
    let readme = read("README.md");
    wrong.extend(["make demo", "make test"].iter().filter(|words| !readme.contains(**words)).map(|words| format!("README.md does not mention `{words}`")));
    for line in read("tests/it/main.rs").lines().filter(|l| !l.trim().is_empty() && !l.starts_with("//")) {
        if !(line.starts_with("mod ") && line.ends_with(';')) {
            wrong.push(format!("tests/it/main.rs: `{line}`: only `mod …;` lines stand here"));
        }
    }
    report(&wrong);
}

#[test]
fn uses_are_found_in_every_spelling() {
    let code = "use crate::time::Day;\nuse crate::{money, scope::{Level, Scope}, rules::Rules};\nlet a = crate::event::Place::new(); xcrate::no::way();";
    assert_eq!(uses(code).into_iter().collect::<Vec<_>>(), ["event", "money", "rules", "scope", "time"]);
    assert_eq!(order("//! x\npub mod a;\nmod b;\npub use c;\n"), ["a", "b"]);
}
