//! `docs/FIRST_MORNING.md`: from downloads to the first lost day explained, with everything the program says. The test plays
//! it again and compares; `make docs` writes it anew.

use std::process::Command;

use crate::tidy::files::root;

const SUBSCRIPTION: &str = "/subscriptions/aeacce4b-aa58-4021-8dab-46093c5e0fae";

/// What is told, then what is typed; exit code.
const STEPS: [(&str, &[&str], i32); 6] = [
    (
        "Three downloads stand at the beginning: the cost export, the activity log, and the answers of a few `az` commands (the ones in \
         `collect.sh`, below). Here `pecan generate` makes them; the numbers, ids and mistakes inside are as they are in life.",
        &["generate", "--rows", "20000", "--days", "60", "--seed", "7", "--raw", "downloads"],
        0,
    ),
    ("A job, from what is there:", &["init", "mine", "downloads"], 0),
    (
        "We are Contoso, a provider. The two other billed partners are not us, and the group it asks about is none of ours \
         (`downloads/az/groups` has ours), so there is nothing to fill in. Is all as it should be?",
        &["check", "mine/job.toml"],
        0,
    ),
    ("It names what to mend, with the money. Settle it:", &["run", "mine/job.toml"], 0),
    (
        "What happened in the first subscription that `check` named, on its first lost day?",
        &["explain", "mine/job.toml", "--date", "2026-10-28", "--resource", SUBSCRIPTION],
        3,
    ),
    (
        "",
        &[
            "explain",
            "mine/job.toml",
            "--date",
            "2026-10-28",
            "--resource",
            "/subscriptions/aeacce4b-aa58-4021-8dab-46093c5e0fae/resourceGroups/rg-web-test-00/providers/Microsoft.Compute/virtualMachines/vm-web-test-00000",
        ],
        0,
    ),
];

const HEAD: &str = "# The first morning

From downloads to the first lost day explained: what is typed, and everything the program says. Nothing else was read. Typed in by
hand it is a few minutes' work, most of it reading; the program itself takes some seconds. This page is played again by every
`make test` and written by `make docs`; times, the id of the run and the folder's name are left out (`…`).
";

const FOOT: &str = "
So the customer took *Owner* from Contoso's AdminAgents group at 12:40 UTC on 28 October: that day and every day since are lost there.
`check` printed the command that gives it back. From here: [recipes for reading the tables](READING.md), and `pecan run` every morning.
";

#[test]
fn the_first_morning_goes_as_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut page = HEAD.to_string();
    for (told, typed, code) in STEPS {
        let output = Command::new(env!("CARGO_BIN_EXE_pecan")).current_dir(folder.path()).args(typed).output().expect("the program");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{typed:?}: {said}");
        let said = steady(&said, &folder.path().display().to_string());
        page.push_str(&format!("{}\n```\n$ pecan {}\n{said}```\n", if told.is_empty() { String::new() } else { format!("\n{told}") }, typed.join(" ")));
    }
    page.push_str(FOOT);
    let path = root().join("docs/FIRST_MORNING.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("the page");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/FIRST_MORNING.md");
    let differs = kept.lines().zip(page.lines()).find(|(kept, now)| kept != now);
    assert!(kept == page, "docs/FIRST_MORNING.md is not what the program says now (make docs): {differs:?}");
}

/// What differs from one morning to the next is left out.
fn steady(said: &str, folder: &str) -> String {
    let line = |line: &str| {
        let line = line.replace(folder, "…");
        match line.split_once(' ') {
            Some(("pecan", rest)) if rest.starts_with("run ") && !rest.contains('/') => String::from("pecan run …"),
            _ if line.starts_with("  Time ") => String::from("  Time         …"),
            _ if line.ends_with(" s") && line.contains(" charges of ") => line.rsplit_once(", ").map_or(line.clone(), |(kept, _)| format!("{kept}, …")),
            _ => line,
        }
    };
    said.lines().map(|text| line(text).trim_end().to_string() + "\n").collect()
}
