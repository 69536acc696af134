//! Realistic input for pecan of any size, from a seed: Cost Management exports, an audit log, lists of assignments, reference
//! tables, a job file, and `truth.json`, which says what a run must find.
//!
//! Everything about a row follows from its number by hashing. So the same arguments give the same bytes at any number of
//! threads, memory does not grow with rows, and the truth is counted while rows are made. This crate shares no code with
//! the program it makes input for: if both agree, that says something.
//!
//! Start reading at [`generate`]. Modules in import order; a module uses only those above it (a test checks this).

mod error;
mod dice;
mod calendar;
mod money;
mod options;
mod names;
mod catalog;
mod access;
mod world;
mod ids;
mod incident;
mod stream;
mod plan;
mod columns;
mod sheet;
mod truth;
mod block;
mod figures;
mod rows;
mod ordered;
mod part;
mod exports;
mod activity;
mod activity_parquet;
mod activity_json;
mod reference;
mod downloads;
mod job_file;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

pub use error::{Error, Result};
pub use options::{Format, LOST, Options, ROW_GROUP_SIZE, default_until, parse_percent};

/// What was written.
#[derive(Debug, Clone)]
pub struct Generated {
    /// The content of `truth.json`.
    pub truth: serde_json::Value,
    /// Export files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Fills the folder. `progress` is told the charges just written, block by block.
/// # Errors
/// [`Error`]: arguments that make no sense or a folder that is not empty, before anything is written; else trouble while writing.
pub fn generate(options: &Options, progress: &(dyn Fn(u64) + Sync)) -> Result<Generated> {
    options.check()?;
    make_room(&options.folder)?;
    let mut world = world::World::new(options);
    let plan = plan::plan(&mut world, options);
    let (tally, files, bytes) = exports::write(&world, &plan, options, progress)?;
    if options.raw {
        activity_json::write(&world, &plan, options)?;
        downloads::write(&world, &plan, options)?;
    } else {
        activity_parquet::write(&world, &plan, options)?;
        reference::write(&world, &plan, options)?;
        job_file::write(options)?;
    }
    let truth = truth::json(&world, &plan, options, &tally);
    let path = options.folder.join("truth.json");
    fs::write(&path, format!("{truth:#}\n")).map_err(Error::io(&path))?;
    Ok(Generated { truth, files, bytes })
}

/// Makes the folder; nothing may stand in it.
fn make_room(folder: &Path) -> Result<()> {
    let occupied = |seen: &str| Err(Error::Occupied { folder: folder.to_path_buf(), seen: seen.into() });
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| occupied("the folder is not empty")),
        Err(e) if e.kind() == ErrorKind::NotFound => fs::create_dir_all(folder).map_err(Error::io(folder)),
        Err(e) if e.kind() == ErrorKind::NotADirectory => occupied("it is not a folder"),
        Err(e) => Err(Error::io(folder)(e)),
    }
}
