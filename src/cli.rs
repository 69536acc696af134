//! The command line (data-contracts §3): arguments in, one answer out, an exit code.
//!
//! Standard output carries the answer and nothing else; errors, warnings, logs and progress go to standard error.
//! Nothing here may panic at a closed pipe, and a panic elsewhere becomes exit 1 with words a person can use.

mod args;
mod asked;
mod crash;
mod made;
mod speak;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::error::{Error, Result};
use crate::generate;
use crate::job::{self, Job};
use args::{Args, Command, OutputFormat};
use speak::View;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    crash::silence();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(with(arguments, &mut std::io::stdout(), &mut std::io::stderr()))
}

/// Runs the program; returns its exit code. All output goes to the two writers.
fn with(arguments: Vec<OsString>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let wants_json = args::wants_json(&arguments);
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(answer) => return refuse(&answer, wants_json, out, err),
    };
    let outcome = crash::guarded(|| execute(&args, out, err));
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            speak::error(&error, args.global.output_format, err);
            error.exit_code()
        }
    }
}

/// Help and version are answers; all else clap has to say is exit 2.
fn refuse(answer: &clap::Error, wants_json: bool, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let text = answer.render().to_string();
    if !answer.use_stderr() {
        return speak::answer(&text, out).map_or_else(|error| error.exit_code(), |()| 0);
    }
    if wants_json {
        let seen = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
        // The nearest command or option, where there is one.
        let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(|tip| format!("{tip}. ")).unwrap_or_default();
        let next = format!("{tip}`pecan --help` lists what there is.");
        let error = Error::usage("usage", "reading the command line", "command line", seen, next);
        speak::error(&error, OutputFormat::Json, err);
    } else {
        speak::aside(&text, err);
    }
    Error::usage("usage", "", "", "", "").exit_code()
}

fn execute(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> Result<()> {
    let global = &args.global;
    speak::start_log(global);
    let view = View::of(global);
    match &args.command {
        Command::Init(choice) => speak::answer(&asked::init(&choice.request(), global.threads(), &global.progress(), &view)?, out),
        Command::Run(choice) => {
            let job = Job::load(&choice.selection.job, &global.set)?;
            let summary = asked::run(&job, &choice.selection.options(choice.dry_run, global)?)?;
            if global.quiet && global.output_format == OutputFormat::Text {
                summary.warnings.iter().for_each(|w| speak::aside(&format!("warning: {} [{}]\n", w.text, w.code), err));
                return Ok(());
            }
            speak::answer(&view.show(|| summary.to_json(), |width, colour| summary.to_text(width, colour)), out)
        }
        Command::Plan(choice) => {
            let job = Job::load(&choice.job, &global.set)?;
            speak::answer(&asked::plan(&job, &choice.options(true, global)?, &view)?, out)
        }
        Command::Check { job } => {
            let report = asked::check(&Job::load(job, &global.set)?, global.threads(), &global.progress())?;
            speak::answer(&view.show(|| report.to_json(), |width, colour| report.to_text(width, colour)), out)?;
            report.verdict()
        }
        Command::Explain(choice) => {
            let job = Job::load(&choice.job, &global.set)?;
            speak::answer(&asked::explain(&job, &choice.question(&job)?, global, &view)?, out)
        }
        Command::Generate(choice) => {
            let report = generate::generate(&choice.options(global), &global.progress())?;
            if global.quiet && global.output_format == OutputFormat::Text {
                return Ok(());
            }
            speak::answer(&view.show(|| report.to_json(), |_, _| report.to_text()), out)
        }
        Command::Reconcile(choice) => {
            let job = Job::load(&choice.job, &global.set)?;
            let report = asked::reconcile(&job, &choice.options(global))?;
            if !global.quiet || global.output_format == OutputFormat::Json {
                speak::answer(&view.show(|| report.to_json(), |width, colour| report.to_text(width, colour)), out)?;
            }
            report.verdict()
        }
        Command::Verify(choice) => {
            let report = asked::verify(&Job::load(&choice.job, &global.set)?, &choice.run, global.threads(), &global.progress())?;
            if !global.quiet || global.output_format == OutputFormat::Json {
                speak::answer(&view.show(|| report.to_json(), |_, _| report.to_text()), out)?;
            }
            report.verdict()
        }
        Command::Maintain(choice) => {
            let job = Job::load(&choice.job, &global.set)?;
            let answer = asked::maintain(&job, &choice.options(global), &view)?;
            if global.quiet && global.output_format == OutputFormat::Text {
                return Ok(());
            }
            speak::answer(&answer, out)
        }
        Command::Completions { shell } => speak::answer(&view.text_as("completions", asked::completions(*shell)), out),
        Command::Man => speak::answer(&view.text_as("man", asked::man()?), out),
        Command::Schema { tables: false } => speak::answer(&view.json(&job::json_schema()), out),
        Command::Schema { tables: true } => speak::answer(&view.json(&asked::tables()), out),
    }
}

#[cfg(test)]
mod tests;
