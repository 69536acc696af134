//! Progress and colours: on a terminal and nowhere else. `script` makes the terminal.

use std::io::Write;
use std::process::Command;

use crate::tidy::files::root;

/// What begins a colour or a style; other sequences move the cursor or delete a line.
const ESCAPE: char = '\u{1b}';

/// What a terminal shows of `pecan ARGUMENTS`, with the answer kept off it unless `whole`.
fn on_terminal(arguments: &str, environment: &[(&str, &str)], whole: bool) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let aside = if whole { "" } else { ">answer.txt" };
    let job = root().join("jobs/daily.toml");
    let line = format!("'{}' {arguments} '{}' --set 'output.uri={}/out' {aside}", env!("CARGO_BIN_EXE_pecan"), job.display(), folder.path().display());
    let mut command = Command::new("script");
    command.current_dir(folder.path()).args(["--quiet", "--return", "--command", &line, "typescript"]);
    command.env_remove("NO_COLOR").env("TERM", "xterm").envs(environment.iter().copied());
    let output = command.stdin(std::process::Stdio::null()).output().ok()?;
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether there are colours or styles: `ESC [ … m` with a number other than 0.
fn is_coloured(text: &str) -> bool {
    text.split(ESCAPE).skip(1).any(|sequence| {
        let style = sequence.strip_prefix('[').and_then(|rest| rest.split_once('m')).map(|(numbers, _)| numbers);
        style.is_some_and(|numbers| !numbers.is_empty() && numbers != "0" && numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'))
    })
}

fn has_terminal() -> bool {
    let found = cfg!(target_os = "linux") && Command::new("script").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        let _ = writeln!(std::io::stderr(), "SKIPPED: progress on a terminal (no `script` of util-linux here)");
    }
    found
}

#[test]
fn a_terminal_gets_progress_and_colours() {
    if !has_terminal() {
        return;
    }
    for command in ["run --dry-run", "check", "explain --date 2026-09-16 --resource /subscriptions/55555555-0000-4000-8000-000000000002"] {
        let shown = on_terminal(command, &[], false).expect("a terminal");
        assert!(shown.contains("finding charges") && shown.contains(" % ") && shown.contains(" rows  "), "{command}: {shown:?}");
        assert!(is_coloured(&shown), "{command}: {shown:?}");
        assert!(shown.trim_end_matches(['\r', '\n']).ends_with("[2K"), "{command}: the line is taken back at last: {shown:?}");
    }
    let answer = on_terminal("check", &[], true).expect("a terminal");
    assert!(is_coloured(&answer));
}

#[test]
fn no_color_gets_progress_without_colours() {
    if !has_terminal() {
        return;
    }
    let shown = on_terminal("check", &[("NO_COLOR", "1")], true).expect("a terminal");
    assert!(shown.contains(" % ") && shown.contains(" rows  ") && !is_coloured(&shown), "{shown:?}");
    let logged = on_terminal("run --dry-run -v", &[("NO_COLOR", "1")], false).expect("a terminal");
    assert!(logged.contains("finding charges") && !is_coloured(&logged), "{logged:?}");
}

#[test]
fn who_asks_for_quiet_gets_it() {
    if !has_terminal() {
        return;
    }
    for command in ["run --dry-run -q", "run --dry-run --no-progress", "check --output-format json"] {
        let shown = on_terminal(command, &[], false).expect("a terminal");
        assert!(!shown.contains(ESCAPE) && !shown.contains("finding charges"), "{command}: {shown:?}");
    }
    let dumb = on_terminal("check", &[("TERM", "dumb")], false).expect("a terminal");
    assert_eq!(dumb, "", "a terminal that cannot take a line back");
}

#[test]
fn a_pipe_gets_neither() {
    let job = root().join("jobs/daily.toml");
    for command in ["check", "plan"] {
        let output =
            assert_cmd::Command::new(env!("CARGO_BIN_EXE_pecan")).arg(command).arg(&job).env("CLICOLOR_FORCE", "1").output().expect("the program starts");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains(ESCAPE), "{command}");
    }
}
