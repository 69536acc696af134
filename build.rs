//! What `pecan --version` says beside the number: the commit the program was built from, and its date.
//!
//! Built from a tarball there is none, unless `PECAN_COMMIT` says it (a container has no checkout). In the dev profile a new
//! commit alone builds nothing again: the version then names the commit before it as modified, which is what was built.

use std::path::Path;
use std::process::Command;

/// Everything the program is made of.
const PARTS: [&str; 5] = ["src", "crates", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    println!("cargo:rerun-if-env-changed=PECAN_COMMIT");
    PARTS.iter().for_each(|part| println!("cargo:rerun-if-changed={part}"));
    let told = std::env::var("PECAN_COMMIT").ok().filter(|told| !told.trim().is_empty());
    let built_from = told.map(|told| told.trim().to_owned()).or_else(checkout);
    println!("cargo:rustc-env=PECAN_BUILT_FROM={}", built_from.map(|from| format!(" ({from})")).unwrap_or_default());
}

/// `abc1234 2026-11-23`, or `abc1234-modified 2026-11-23`; `None`: this is no checkout of ours.
fn checkout() -> Option<String> {
    let here = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR")?).canonicalize().ok()?;
    // A tarball unpacked inside another checkout must not take that one's commit.
    if Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()? != here {
        return None;
    }
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        watch_head();
    }
    let (commit, day) = (git(&["rev-parse", "--short=7", "HEAD"])?, git(&["show", "--no-patch", "--format=%cs", "HEAD"])?);
    let changed = git(&[&["status", "--porcelain", "--"], PARTS.as_slice()].concat())?;
    let modified = if changed.is_empty() { "" } else { "-modified" };
    Some(format!("{commit}{modified} {day}"))
}

/// Published binaries name the very commit: `HEAD`, and the branch it points to, in a worktree, too.
fn watch_head() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD"].into_iter().chain(branch.as_deref()).chain(["packed-refs"]) {
        let path = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists());
        path.iter().for_each(|path| println!("cargo:rerun-if-changed={path}"));
    }
}

/// What git answers on one line; `None` if it is not there or has nothing to say of this folder.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
