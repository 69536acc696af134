//! Each command as one small function: the job in, what to print out.

use std::io::Write;

use clap::CommandFactory;
use serde_json::{Value, json};

use super::args::{Args, Global};
use super::speak::View;
use crate::check::{self, CheckReport};
use crate::error::{Error, Result};
use crate::explain;
use crate::init::{self, InitRequest};
use crate::job::{Job, Question, RunOptions};
use crate::maintain::{self, MaintainOptions};
use crate::pipeline;
use crate::progress::Progress;
use crate::reconcile::{self, ReconcileOptions};
use crate::schema::{self, Table};
use crate::summary::Summary;
use crate::verify;

/// `pecan init`.
pub(super) fn init(request: &InitRequest, threads: usize, progress: &Progress, view: &View) -> Result<String> {
    let report = pipeline::in_pool(threads, || init::init(request, progress));
    progress.finish();
    let report = report?;
    Ok(view.show(|| report.to_json(), |width, colour| report.to_text(width, colour)))
}

/// `pecan run`.
pub(super) fn run(job: &Job, options: &RunOptions) -> Result<Summary> {
    let summary = pipeline::run(job, options);
    // Also after an error the line must be gone before anything else is written.
    options.progress.finish();
    summary
}

/// `pecan plan`.
pub(super) fn plan(job: &Job, options: &RunOptions, view: &View) -> Result<String> {
    let plan = pipeline::plan(job, options);
    options.progress.finish();
    let plan = plan?;
    Ok(view.show(|| plan.to_json(), |width, colour| plan.to_text(width, colour)))
}

/// `pecan check`.
pub(super) fn check(job: &Job, threads: usize, progress: &Progress) -> Result<CheckReport> {
    let report = check::check(job, threads, progress);
    progress.finish();
    report
}

/// `pecan explain`.
pub(super) fn explain(job: &Job, question: &Question, global: &Global, view: &View) -> Result<String> {
    let progress = global.progress();
    let story = explain::explain(job, question, global.threads(), &progress);
    progress.finish();
    let story = story?;
    Ok(view.show(|| story.to_json(), |width, colour| story.to_text(width, colour)))
}

/// `pecan reconcile`.
pub(super) fn reconcile(job: &Job, options: &ReconcileOptions) -> Result<reconcile::Report> {
    let report = reconcile::reconcile(job, options);
    options.progress.finish();
    report
}

/// `pecan verify`.
pub(super) fn verify(job: &Job, run: &str, threads: usize, progress: &Progress) -> Result<verify::Report> {
    let report = verify::verify(job, run, threads, progress);
    progress.finish();
    report
}

/// `pecan maintain`.
pub(super) fn maintain(job: &Job, options: &MaintainOptions, view: &View) -> Result<String> {
    let report = maintain::maintain(job, options);
    options.progress.finish();
    let report = report?;
    Ok(view.show(|| report.to_json(), |width, colour| report.to_text(width, colour)))
}

/// `pecan completions SHELL`.
pub(super) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "pecan", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// `pecan man`: one page, each command a part of it.
/// # Errors
/// Bug (exit 1) if the page cannot be made in memory.
pub(super) fn man() -> Result<String> {
    let mut command = Args::command();
    command.build();
    let mut page = Vec::new();
    write_page(&command, &mut page).map_err(|e| Error::bug("man", "making the manual page", "memory", e, "Report this with the version."))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_page(command: &clap::Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    for sub in command.get_subcommands() {
        writeln!(page, ".SH \"{}\"", format!("pecan {}", sub.get_name()).to_uppercase())?;
        let part = clap_mangen::Man::new(only_own_options(sub));
        let mut sections = Vec::new();
        part.render_description_section(&mut sections)?;
        part.render_options_section(&mut sections)?;
        let sections = String::from_utf8_lossy(&sections).replace(".SH ", ".SS ");
        // Every rendered section repeats two lines that define the apostrophe.
        sections.lines().filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el ")).try_for_each(|line| writeln!(page, "{line}"))?;
    }
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

/// Global options stand once, at the top of the page.
fn only_own_options(sub: &clap::Command) -> clap::Command {
    let globals: Vec<clap::Id> = sub.get_arguments().filter(|a| a.is_global_set()).map(|a| a.get_id().clone()).collect();
    globals.into_iter().fold(sub.clone(), |sub, id| sub.mut_arg(id, |arg| arg.hide(true)))
}

/// `pecan schema --tables`: every output table, without `output.carry`, which is up to the job.
pub(super) fn tables() -> Value {
    let column = |column: &schema::Column| {
        json!({
            "name": column.name,
            "type": column.kind.type_text(),
            "nullable": !column.required,
            "unit": column.unit,
            "meaning": column.meaning,
        })
    };
    let table = |table: Table| {
        json!({
            "name": table.name(),
            "key": table.key(),
            "partitioned": table.partitioned(),
            "columns": table.columns().iter().map(column).collect::<Vec<_>>(),
        })
    };
    json!({ schema::PROPERTY: schema::VERSION, "tables": Table::ALL.map(table).to_vec() })
}
