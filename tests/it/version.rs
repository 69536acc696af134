//! `pecan --version`: the number, and from a checkout the commit and its date.

use crate::tidy::files::root;

fn git(arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new("git").current_dir(root()).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether this is `abc1234 2026-11-23`, or `abc1234-modified 2026-11-23`.
fn is_commit_and_day(text: &str) -> bool {
    let Some((commit, day)) = text.split_once(' ') else { return false };
    let commit = commit.strip_suffix("-modified").unwrap_or(commit);
    let shape: String = day.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    commit.len() >= 7 && commit.bytes().all(|b| b.is_ascii_hexdigit()) && shape == "9999-99-99"
}

#[test]
fn the_version_names_the_commit_of_a_checkout() {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pecan")).arg("--version").output().expect("the program starts");
    let said = String::from_utf8(output.stdout).expect("utf-8");
    let number = format!("pecan {}", env!("CARGO_PKG_VERSION"));
    let rest = said.strip_prefix(&number).unwrap_or_else(|| panic!("{said:?} does not begin with {number:?}")).trim_end();
    let told = std::env::var_os("PECAN_COMMIT").is_some();
    let checkout = root().join(".git").exists() && git(&["rev-parse", "HEAD"]).is_some();
    if !told {
        let inside = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
        assert!(if checkout { inside.is_some_and(is_commit_and_day) } else { rest.is_empty() }, "{said:?}");
    }
    assert!(is_commit_and_day("abc1234 2026-11-23") && is_commit_and_day("abc1234-modified 2026-11-23"));
    assert!(!is_commit_and_day("abc1234") && !is_commit_and_day("abc123x 2026-11-23") && !is_commit_and_day("abc1234 today"));
}
