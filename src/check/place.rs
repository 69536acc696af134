//! The output of a job: whether its tables can be read and its folder written to, found out without writing.

use std::path::{Path, PathBuf};

use super::About;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pipeline::open_output;
use crate::plan::State;
use crate::sink::Output;

/// What is known of the output.
#[derive(Debug, Default)]
pub struct OutputFacts {
    /// Tables that exist, with their versions.
    pub tables: Vec<(&'static str, i64)>,
    /// The newest complete run.
    pub latest_run: Option<String>,
    /// Whether a run could write here; `None`: that was not found out.
    pub writable: Option<bool>,
}

/// Looks at the output place.
pub fn look(job: &Job, errors: &mut Vec<(About, Error)>) -> OutputFacts {
    let mut facts = OutputFacts::default();
    match open_output(job).and_then(|output| tables(&output, &mut facts).map(|()| output)) {
        Err(error) => errors.push((About::Output, error)),
        Ok(output) => match output.storage().path("").map_or(Ok(None), |root| writable(&root)) {
            Ok(known) => facts.writable = known,
            Err(error) => {
                facts.writable = Some(false);
                errors.push((About::Output, error));
            }
        },
    }
    facts
}

fn tables(output: &Output, facts: &mut OutputFacts) -> Result<()> {
    let state = State::read(output)?;
    facts.tables = state.tables.iter().filter_map(|(table, state)| Some((table.name(), state.as_ref()?.version))).collect();
    facts.latest_run = output.latest_run()?.map(|row| row.run_id);
    Ok(())
}

/// The folder, or the nearest one above it that exists, must be a folder we may create files in. `None`: this system does
/// not say without trying.
fn writable(root: &Path) -> Result<Option<bool>> {
    let there = root.ancestors().find(|path| path.exists()).map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("/"));
    let refused = |seen: &str| {
        Error::storage(
            "output_not_writable",
            "looking at the output folder",
            there.display(),
            seen,
            "name another folder in output.uri, or give this user the right to write here",
        )
    };
    if !there.is_dir() {
        return Err(refused("a file where a folder is needed"));
    }
    match may_write(&there) {
        Some(false) => Err(refused("files cannot be created in this folder")),
        other => Ok(other),
    }
}

#[cfg(unix)]
fn may_write(folder: &Path) -> Option<bool> {
    use rustix::fs::{Access, access};
    Some(access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok())
}

#[cfg(not(unix))]
fn may_write(_: &Path) -> Option<bool> {
    None
}
