//! `pecan generate`: realistic input of any size, for trials and benchmarks (data-contracts §3).
//!
//! The work is done in `pecan_generate`, which shares no code with this program; here are its errors in our words, and the
//! answer. Nothing below reads what was made.

use std::time::Instant;

use pecan_generate::{Generated, Options};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::progress::Progress;

/// What was written, and how long it took.
#[derive(Debug)]
pub struct Report {
    options: Options,
    generated: Generated,
    took: f64,
}

/// Fills the folder.
/// # Errors
/// Usage (exit 2) for arguments that make no sense and for a folder that is not empty; storage (exit 5); bug (exit 1) if a
/// Parquet file cannot be made.
pub fn generate(options: &Options, progress: &Progress) -> Result<Report> {
    let started = Instant::now();
    progress.stage("generating charges");
    progress.expect_rows(options.rows);
    let generated = pecan_generate::generate(options, &|rows| progress.add(rows, rows));
    progress.finish();
    let generated = generated.map_err(|error| trouble(error, options))?;
    Ok(Report { options: options.clone(), generated, took: started.elapsed().as_secs_f64() })
}

fn trouble(error: pecan_generate::Error, options: &Options) -> Error {
    let tried = "generating input";
    let folder = options.folder.display();
    match error {
        pecan_generate::Error::Argument { argument, seen, next } => Error::usage("generate_arguments", tried, argument, seen, next),
        pecan_generate::Error::Occupied { folder, seen } => {
            Error::usage("generate_folder", tried, folder.display(), seen, "name a folder that is empty or does not exist yet; nothing was written")
        }
        pecan_generate::Error::Io { path, source } => {
            let next = format!("see whether the disk is full or failing, remove {folder}, then generate again");
            Error::storage("disk", tried, path.display(), source, next)
        }
        pecan_generate::Error::Parquet { path, source } => match std::error::Error::source(&source) {
            // What the file system said comes wrapped.
            Some(_) => {
                Error::storage("disk", tried, path.display(), source, format!("see whether the disk is full or failing, remove {folder}, then generate again"))
            }
            None => Error::bug("generate", tried, path.display(), source, "report this with the arguments"),
        },
    }
}

impl Report {
    /// One object.
    pub fn to_json(&self) -> Value {
        let made = &self.generated;
        json!({
            "folder": self.options.folder.display().to_string(),
            "rows": self.options.rows,
            "files": made.files,
            "bytes": made.bytes,
            "took_seconds": (self.took * 1e3).round() / 1e3,
            "truth": made.truth,
        })
    }

    /// A few lines: what is where, and what to do with it.
    pub fn to_text(&self) -> String {
        let made = &self.generated;
        let folder = self.options.folder.display();
        let figure = |name: &str| made.truth.get(name).and_then(Value::as_u64).unwrap_or_default();
        let size = indicatif::HumanBytes(made.bytes);
        let count = |n: u64| indicatif::HumanCount(n).to_string();
        let mut text = format!(
            "{} charges of {} days in {} export files ({size}), {:.1} s\n{} of them lost on days without access or partner; truth: {folder}/truth.json\n",
            count(self.options.rows),
            self.options.days,
            count(made.files),
            self.took,
            count(figure("lost_charges")),
        );
        if self.options.raw {
            text.push_str(&format!("Only what can be downloaded, without a job file: {folder}/exports, {folder}/activity, {folder}/az\n"));
        } else {
            text.push_str(&format!("Next: pecan check {folder}/job.toml, then pecan run {folder}/job.toml\n"));
        }
        text
    }
}
