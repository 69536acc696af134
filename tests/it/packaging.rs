//! What is handed out beside the program: manual page and completions, what `make install` and `make dist` lay out, and the
//! files a container is built from.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use crate::jobs::workshop::copy_folder;
use crate::tidy::files::{read, root};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pecan");

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

fn pecan(arguments: &[&str]) -> String {
    String::from_utf8(run(Command::new(PROGRAM).args(arguments)).stdout).expect("utf-8")
}

/// The commands of `pecan --help`.
fn commands() -> Vec<String> {
    let help = pecan(&["--help"]);
    let list = help.split_once("Commands:\n").and_then(|(_, rest)| rest.split_once("\n\n")).map(|(list, _)| list.to_owned()).expect("a list of commands");
    // A description that goes on in the next line stands further in.
    let named = |line: &str| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    list.lines().filter_map(named).collect()
}

/// The long options of a help text.
fn options(help: &str) -> Vec<String> {
    let option = |line: &str| {
        let at = line.find("--").filter(|at| line[..*at].trim().is_empty() || line[..*at].trim().ends_with(','))?;
        Some(line[at..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>())
    };
    help.lines().filter_map(option).collect()
}

#[test]
fn every_command_and_option_is_in_the_manual_and_the_completions() {
    let man = pecan(&["man"]).replace("\\-", "-");
    let shells: Vec<(&str, String)> = ["bash", "elvish", "fish", "powershell", "zsh"].map(|shell| (shell, pecan(&["completions", shell]))).into();
    let global = options(&pecan(&["--help"]));
    let commands = commands();
    assert!(commands.len() > 6 && global.len() > 6, "{commands:?} {global:?}");
    let mut wrong = Vec::new();
    for command in &commands {
        let heading = format!(".SH \"PECAN {}\"", command.to_uppercase());
        let section = man.split_once(&heading).map(|(_, rest)| rest.split(".SH ").next().unwrap_or_default());
        let section = section.unwrap_or_else(|| panic!("the manual has no section {heading}"));
        for option in options(&pecan(&[command.as_str(), "--help"])) {
            let own = !global.contains(&option);
            if own && !section.contains(&option) || !man.contains(&option) {
                wrong.push(format!("manual, {command}: {option}"));
            }
            for (shell, script) in &shells {
                let spelt = if *shell == "fish" { format!("-l {}", &option[2..]) } else { option.clone() };
                if !script.contains(&spelt) {
                    wrong.push(format!("{shell}, {command}: {option}"));
                }
            }
        }
        wrong.extend(shells.iter().filter(|(_, script)| !script.contains(command.as_str())).map(|(shell, _)| format!("{shell}: {command}")));
    }
    assert!(wrong.is_empty(), "missing:\n{}", wrong.join("\n"));
}

fn make(target: &str, settings: &[String]) -> bool {
    if Command::new("make").arg("--version").output().is_err() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: make {target} (no make here)");
        return false;
    }
    run(Command::new("make").current_dir(root()).arg(target).arg(format!("BINARY={PROGRAM}")).args(settings));
    true
}

fn below(folder: &Path) -> Vec<String> {
    crate::tables::tree(folder)
        .into_iter()
        .filter(|(_, bytes)| bytes.is_some())
        .map(|(path, _)| path.strip_prefix(folder).expect("below").display().to_string())
        .collect()
}

#[test]
fn install_lays_out_what_uninstall_takes_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [format!("DESTDIR={}", folder.path().display()), String::from("PREFIX=/usr")];
    if !make("install", &settings) {
        return;
    }
    let laid_out = [
        "usr/bin/pecan",
        "usr/share/bash-completion/completions/pecan",
        "usr/share/fish/vendor_completions.d/pecan.fish",
        "usr/share/man/man1/pecan.1",
        "usr/share/pecan/job.schema.json",
        "usr/share/zsh/site-functions/_pecan",
    ];
    assert_eq!(below(folder.path()), laid_out);
    let version = run(Command::new(folder.path().join("usr/bin/pecan")).arg("--version")).stdout;
    assert_eq!(String::from_utf8_lossy(&version), pecan(&["--version"]));
    for (file, begins) in
        [("usr/share/man/man1/pecan.1", ".ie"), ("usr/share/zsh/site-functions/_pecan", "#compdef pecan"), ("usr/share/pecan/job.schema.json", "{")]
    {
        let text = std::fs::read_to_string(folder.path().join(file)).expect("a text file");
        assert!(text.starts_with(begins), "{file}: {}", &text[..60]);
    }
    make("uninstall", &settings);
    assert_eq!(below(folder.path()), [""; 0]);
}

#[test]
fn the_tarball_settles_the_sample_where_it_is_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    if !make("dist", &[format!("STAGE={}", folder.path().display()), String::from("TRIPLE=this-machine")]) {
        return;
    }
    let name = format!("pecan-{}-this-machine", env!("CARGO_PKG_VERSION"));
    let packed = folder.path().join(format!("{name}.tar.gz"));
    assert!(folder.path().join(format!("{name}.tar.gz.sha256")).is_file());
    let unpacked = folder.path().join("elsewhere");
    std::fs::create_dir(&unpacked).expect("a folder");
    run(Command::new("tar").current_dir(&unpacked).arg("-xzf").arg(&packed));
    let home = unpacked.join(&name);
    for file in ["LICENSE", "README.md", "CHANGELOG.md", "docs/INSTALL.md", "docs/job.schema.json", "share/man/man1/pecan.1", "jobs/daily.toml"] {
        assert!(home.join(file).is_file(), "{file}");
    }
    assert!(!home.join("jobs/out").exists(), "no output of ours goes along");
    let said = run(Command::new(home.join("bin/pecan")).current_dir(&home).args(["run", "jobs/daily.toml", "--output-format", "json"])).stdout;
    let summary: serde_json::Value = serde_json::from_slice(&said).expect("one object");
    assert_eq!(summary["rows_read"], 558);
}

/// The sources of `COPY` lines of the first stage, with their targets below the build folder.
fn copied(text: &str) -> Vec<(String, String)> {
    let first_stage = text.split("\nFROM debian").next().unwrap_or_default();
    let lines = first_stage.lines().filter_map(|line| line.strip_prefix("COPY "));
    let pairs = lines.flat_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let (target, sources) = words.split_last().map(|(target, sources)| (*target, sources.to_vec())).expect("COPY has a target");
        sources.into_iter().map(move |source| (source.to_owned(), if target == "./" { source.to_owned() } else { target.to_owned() })).collect::<Vec<_>>()
    });
    pairs.collect()
}

#[test]
fn the_container_has_what_cargo_needs() {
    let text = read("Containerfile");
    let known = ["FROM", "WORKDIR", "COPY", "ARG", "RUN", "USER", "ENTRYPOINT", "CMD"];
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(known.contains(&line.split(' ').next().unwrap_or_default()), "Containerfile: {line}");
    }
    let rust = read("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ").map(|v| v.trim_matches('"').to_owned()));
    assert!(text.contains(&format!("FROM rust:{}-bookworm", rust.expect("a version of Rust"))), "the image builds with the Rust of Cargo.toml");
    assert!(text.contains("USER 10001:10001") && text.contains("ENTRYPOINT [\"/usr/bin/pecan\"]"));
    let ignored = read(".dockerignore");
    let folder = tempfile::tempdir().expect("a folder");
    for (source, target) in copied(&text) {
        assert!(ignored.lines().any(|line| line.strip_prefix('!') == Some(source.as_str())), ".dockerignore keeps {source} out");
        let (from, to) = (root().join(&source), folder.path().join(&target));
        std::fs::create_dir_all(to.parent().expect("below the folder")).expect("a folder");
        if from.is_dir() { copy_folder(&from, &to) } else { std::fs::copy(&from, &to).map(drop).unwrap_or_else(|e| panic!("{source}: {e}")) }
    }
    run(Command::new(env!("CARGO")).current_dir(folder.path()).args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]));
}
