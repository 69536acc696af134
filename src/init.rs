//! `pecan init`: from an empty folder, or from what somebody downloaded, to a job that can be checked and run.
//!
//! It looks at the places it is given, recognises what lies there, writes a job file with reference tables filled in as far
//! as is certain, and says what is missing and what that costs. It never guesses: a row too many would claim credit.

mod charges;
mod job_text;
mod look;
mod missing;
mod people;
mod recognise;
mod report;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::job::{ChargeFormat, ChargeSource, Layout};
use crate::progress::Progress;
use crate::store;
use charges::ChargeFacts;
use job_text::JobText;
use look::Seen;
use missing::Missing;
use people::People;

const TRIED: &str = "writing a new job";
/// The script that fetches lists, groups, links and the activity log with `az`.
const COLLECT: &str = include_str!("init/collect.sh");

/// What was asked for.
#[derive(Debug, Clone)]
pub struct InitRequest {
    /// Where the job goes.
    pub folder: PathBuf,
    /// Where to look; empty: in the folder itself.
    pub places: Vec<PathBuf>,
    /// Partner ID (MPN id) of the billed partner, if the user says it.
    pub partner_id: Option<String>,
    /// Replace a job file that is there.
    pub force: bool,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    Replaced,
    Kept,
}

/// A file of the new job.
struct Made {
    /// Below the job's folder.
    name: String,
    fate: Fate,
    /// Empty: a table that only explains itself.
    what: String,
}

/// What `pecan init` found and made.
pub struct InitReport {
    folder: PathBuf,
    seen: Seen,
    charges: ChargeFacts,
    made: Vec<Made>,
    /// To be done by hand before the first run.
    open: Vec<String>,
    missing: Missing,
}

/// Looks around and writes the job.
/// # Errors
/// `Usage` (exit 2) if there is a job file already and `force` is not set, `Input` (exit 3) for a place that does not exist,
/// `Storage` (exit 5) if the folder cannot be written.
pub fn init(request: &InitRequest, progress: &Progress) -> Result<InitReport> {
    let folder = absolute(&request.folder)?;
    refuse_existing(&folder, request.force)?;
    let places = places(request, &folder)?;
    // Relative paths of the job file lead out of its folder, which must be there for that.
    let reference = folder.join("reference");
    fs::create_dir_all(&reference).map_err(|e| store::io_trouble(TRIED, reference.display(), &e))?;
    progress.stage("looking around");
    let seen = Seen::around(&places, &folder)?;
    let mut charges = ChargeFacts::read(&sources(&seen, &folder), progress)?;
    let people = People::know(&charges, &seen, request.partner_id.as_deref())?;
    let name = folder.file_name().map_or_else(|| String::from("pecan"), |name| name.to_string_lossy().to_string());
    let JobText { text, mut open } = job_text::write(&name, &seen);
    progress.stage("reading the audit log");
    let missing = missing::of(&folder.join("job.toml"), &text, &seen, &charges);
    open.extend(missing::open(&people, &charges));
    let made = write(&folder, &text, &people)?;
    let mut seen = seen;
    seen.unused.append(&mut charges.unreadable);
    seen.unused.extend(people.unused.into_iter().map(|(name, why)| (look::relative(&folder, Path::new(&name)), why)));
    Ok(InitReport { folder: request.folder.clone(), seen, charges, made, open, missing })
}

impl InitReport {
    /// One object; its fields are listed in `docs/COMMANDS.md`.
    pub fn to_json(&self) -> Value {
        report::json(self)
    }

    /// Found, written, missing, to do, next.
    pub fn to_text(&self, width: usize, colour: bool) -> String {
        report::text(self, width, colour)
    }
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    let trouble = |e: std::io::Error| Error::usage("init_folder", TRIED, folder.display(), e, "Name a folder that exists or can be made.");
    let absolute = std::path::absolute(folder).map_err(trouble)?;
    if absolute.exists() && !absolute.is_dir() {
        return Err(Error::usage("init_folder", TRIED, folder.display(), "a file, not a folder", "Name a folder that exists or can be made."));
    }
    Ok(absolute.components().collect())
}

fn refuse_existing(folder: &Path, force: bool) -> Result<()> {
    let job = folder.join("job.toml");
    if force || !job.exists() {
        return Ok(());
    }
    let next = "Name another folder, or use --force: the old job file is kept as job.toml.old; reference tables that are there are always kept.";
    Err(Error::usage("init_exists", TRIED, job.display(), "a job file that is there already", next))
}

/// Where to look: what was named, else the folder itself if there is something in it.
fn places(request: &InitRequest, folder: &Path) -> Result<Vec<PathBuf>> {
    if request.places.is_empty() {
        let filled = fs::read_dir(folder).is_ok_and(|mut entries| entries.any(|e| e.is_ok_and(|e| !e.file_name().to_string_lossy().starts_with(['_', '.']))));
        return Ok(if filled { vec![folder.to_path_buf()] } else { Vec::new() });
    }
    request.places.iter().map(|place| local(place)).collect()
}

/// An absolute path; object stores are not read in this version.
fn local(place: &Path) -> Result<PathBuf> {
    let text = place.to_string_lossy();
    if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        let next = "Object stores are not in this version yet: copy or mount the files and name the folder.";
        return Err(Error::usage("job_not_yet", TRIED, format!("{scheme}://…"), "a location in an object store", next));
    }
    let path = PathBuf::from(text.strip_prefix("file://").unwrap_or(&text));
    let absolute = std::path::absolute(&path).map_err(|e| store::io_trouble(TRIED, place.display(), &e))?;
    if !absolute.exists() {
        return Err(Error::input("not_found", "looking for inputs", place.display(), "nothing there", "check the path, and whether the download has run"));
    }
    Ok(absolute.components().collect())
}

/// The charges sources as a job has them.
fn sources(seen: &Seen, folder: &Path) -> Vec<ChargeSource> {
    let source = |found: &look::Source| ChargeSource {
        name: found.name.clone(),
        uri: folder.join(&found.uri).display().to_string(),
        uri_as_written: found.uri.clone(),
        format: ChargeFormat::CostManagement,
        layout: if found.plain { Layout::Files } else { Layout::Export },
    };
    seen.charges.iter().map(source).collect()
}

/// Writes the files. The job file comes last, so that a folder with one is complete.
fn write(folder: &Path, job: &str, people: &People) -> Result<Vec<Made>> {
    let trouble = |place: &Path, e: &std::io::Error| store::io_trouble(TRIED, place.display(), e);
    let mut made = Vec::new();
    for table in tables::all(people) {
        let path = folder.join(format!("reference/{}.csv", table.name));
        let what = match table.rows {
            0 => String::new(),
            1 => String::from("1 row, from what was found"),
            rows => format!("{rows} rows, from what was found"),
        };
        made.push(once(&path, &format!("reference/{}.csv", table.name), &table.text, &what)?);
    }
    let script = folder.join("collect.sh");
    made.push(once(&script, "collect.sh", COLLECT, "fetches lists, groups, links and the activity log with az")?);
    make_executable(&script)?;
    let path = folder.join("job.toml");
    let replaced = path.exists();
    if replaced {
        fs::rename(&path, folder.join("job.toml.old")).map_err(|e| trouble(&path, &e))?;
    }
    fs::write(&path, job).map_err(|e| trouble(&path, &e))?;
    let fate = if replaced { Fate::Replaced } else { Fate::Written };
    made.insert(0, Made { name: String::from("job.toml"), fate, what: String::from("the job: edit it as you like") });
    Ok(made)
}

/// Writes a file unless it is there: what somebody filled in is theirs.
fn once(path: &Path, name: &str, text: &str, what: &str) -> Result<Made> {
    let name = name.to_string();
    if path.exists() {
        return Ok(Made { name, fate: Fate::Kept, what: String::from("was there") });
    }
    fs::write(path, text).map_err(|e| store::io_trouble(TRIED, path.display(), &e))?;
    Ok(Made { name, fate: Fate::Written, what: what.to_string() })
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(|e| store::io_trouble(TRIED, path.display(), &e))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}
