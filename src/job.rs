//! The job file: TOML → [`Job`], in which nothing is optional that has a default (data-contracts §3).
//!
//! What was typed is checked once, here, with messages that name line, column and what is allowed; nobody looks
//! back at the text afterwards. Every mistake is exit 2.

mod inputs;
mod json_schema;
mod keys;
mod limits;
mod list_pattern;
mod location;
mod output;
mod overrides;
mod reading;
mod request;
mod switches;
mod tree;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use pecan_core::rules::{MonthRules, Rules};
use pecan_core::time::RawInstant;

use crate::error::{Error, Result};
use reading::Section;

pub use json_schema::json_schema;
pub use limits::{Limits, RejectionLimit};
pub use list_pattern::{ListPattern, ListStamp, path_instant};
pub use output::{Compression, KeepInputs, OutputFormat, OutputSpec};
pub use request::{Question, RunOptions, parse_day, parse_month};

/// A job, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job file, as the operator named it.
    pub path: PathBuf,
    /// Its folder, absolute: where relative paths start.
    pub root: PathBuf,
    /// `name`, else the file's name without extension.
    pub name: String,
    /// `schedule`, five cron fields, as written.
    pub schedule: Option<String>,
    /// `cutoff`; `None`: the newest audit record (details 27).
    pub cutoff: Option<RawInstant>,
    /// One or more, names unique.
    pub charges: Vec<ChargeSource>,
    /// One or more, names unique.
    pub audit: Vec<AuditSource>,
    /// `[reference]`.
    pub reference: Reference,
    /// `[rules]`, defaults filled in.
    pub rules: Rules,
    /// What of `[rules]` is for month end alone.
    pub month_rules: MonthRules,
    /// `[output]`.
    pub output: OutputSpec,
    /// `[limits]`.
    pub limits: Limits,
}

/// One `[[charges]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeSource {
    /// Column `source` of the outputs.
    pub name: String,
    /// Absolute path: a file, a folder or a glob.
    pub uri: String,
    /// As in the job file, `${NAME}` included.
    pub uri_as_written: String,
    /// How its files are laid out inside.
    pub format: ChargeFormat,
    /// How its files are found.
    pub layout: Layout,
}

/// Formats of charges this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChargeFormat {
    /// Cost Management export, MPA `2023-12-01-preview` or `2021-10-01`.
    CostManagement,
}

/// How the files of a charges source are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// By the manifests Cost Management writes (details 11).
    Export,
    /// A plain folder, file or glob.
    Files,
}

/// One `[[audit]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSource {
    /// For messages and the `rejection` table.
    pub name: String,
    /// Absolute path: a file, a folder or a glob.
    pub uri: String,
    /// As in the job file.
    pub uri_as_written: String,
    /// How its files are laid out inside.
    pub format: AuditFormat,
}

/// Formats of audit logs this version reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditFormat {
    /// The Log Analytics table AzureActivity, as Parquet or JSON Lines.
    AzureActivity,
    /// The activity log as storage accounts keep it, or as `az` and REST print it.
    ActivityLogJson,
}

/// One path or glob of a reference table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceFile {
    /// The key of `[reference]`.
    pub table: &'static str,
    /// Absolute path: a file, a folder or a glob.
    pub uri: String,
    /// As in the job file.
    pub uri_as_written: String,
    /// Stamp of a list that carries none itself; always there for `az` JSON (details 22).
    pub snapshot_at: Option<RawInstant>,
    /// What the list is complete for; `None`: everything.
    pub snapshot_scope: Option<String>,
    /// Where in the path of a file its stamp stands; `uri` has `*` in these places.
    pub pattern: Option<ListPattern>,
}

/// `[reference]`: the files of each table, in the order written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the tables of data-contracts §1.3, one field each")]
pub struct Reference {
    pub assignments: Vec<ReferenceFile>,
    pub partners: Vec<ReferenceFile>,
    pub principals: Vec<ReferenceFile>,
    pub group_members: Vec<ReferenceFile>,
    pub lighthouse_definitions: Vec<ReferenceFile>,
    pub lighthouse_assignments: Vec<ReferenceFile>,
    pub roles: Vec<ReferenceFile>,
    pub rates: Vec<ReferenceFile>,
    pub products: Vec<ReferenceFile>,
    pub management_groups: Vec<ReferenceFile>,
    pub statement: Vec<ReferenceFile>,
}

impl Reference {
    /// The keys of `[reference]` that a run reads.
    pub const TABLES: [&'static str; 10] = [
        "assignments",
        "partners",
        "principals",
        "group_members",
        "lighthouse_definitions",
        "lighthouse_assignments",
        "roles",
        "rates",
        "products",
        "management_groups",
    ];

    /// The files of those tables.
    pub fn read_by_runs(&self) -> impl Iterator<Item = &ReferenceFile> {
        let tables = [&self.assignments, &self.partners, &self.principals, &self.group_members, &self.lighthouse_definitions];
        let more = [&self.lighthouse_assignments, &self.roles, &self.rates, &self.products, &self.management_groups];
        tables.into_iter().chain(more).flatten()
    }

    /// One of those tables, by its key.
    pub fn table(&mut self, key: &str) -> Option<(&'static str, &mut Vec<ReferenceFile>)> {
        let table = Reference::TABLES.into_iter().find(|table| *table == key)?;
        let files = match table {
            "assignments" => &mut self.assignments,
            "partners" => &mut self.partners,
            "principals" => &mut self.principals,
            "group_members" => &mut self.group_members,
            "lighthouse_definitions" => &mut self.lighthouse_definitions,
            "lighthouse_assignments" => &mut self.lighthouse_assignments,
            "roles" => &mut self.roles,
            "rates" => &mut self.rates,
            "products" => &mut self.products,
            _ => &mut self.management_groups,
        };
        Some((table, files))
    }
}

impl Job {
    /// Reads a job file and lays `--set key=value` arguments over it, later ones winning.
    /// # Errors
    /// Usage (exit 2) for everything that is wrong with the file or the arguments; Storage when the disk fails.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Job> {
        let unreadable = |e: io::Error| match e.kind() {
            ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::InvalidData
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename => Error::usage("job_not_readable", tree::TRIED, path.display(), e, "Name a readable TOML file in UTF-8."),
            _ => Error::storage("storage", tree::TRIED, path.display(), e, "check access rights and the disk or mount, then run again"),
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Job::parse(path, &text, overrides, &|name| std::env::var(name).ok())
    }

    /// As [`Job::load`], with the text and the environment given.
    /// # Errors
    /// Usage (exit 2).
    pub fn parse(path: &Path, text: &str, overrides: &[String], environment: &dyn Fn(&str) -> Option<String>) -> Result<Job> {
        let shown = path.display().to_string();
        let mut table = tree::parse(&shown, text)?;
        overrides.iter().try_for_each(|argument| overrides::apply(&mut table, argument))?;
        tree::substitute(&mut table, environment)?;
        let file = Section::root(&shown, &table)?;
        let root = root_of(path)?;
        Ok(Job {
            name: inputs::job_name(&file, path)?,
            schedule: schedule(&file)?,
            cutoff: file.instant("cutoff")?,
            charges: inputs::charges(&file, &root)?,
            audit: inputs::audit(&file, &root)?,
            reference: inputs::reference(&file, &root)?,
            rules: switches::rules(&file)?,
            month_rules: switches::month_rules(&file)?,
            output: output::output(&file, &root)?,
            limits: limits::limits(&file)?,
            path: path.to_path_buf(),
            root,
        })
    }

    /// A stable text of everything that changes results and is not data: the rules and the carried columns.
    /// Names, paths and limits are not in it. Equal texts = equal rules fingerprints.
    pub fn describe(&self) -> String {
        let mut text = switches::describe(&self.rules);
        text.push_str(&format!("output.carry={}\n", serde_json::Value::from(self.output.carry.clone())));
        text.push_str(&format!("{}={}\n", crate::schema::PROPERTY, crate::schema::VERSION));
        text
    }
}

fn root_of(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|e| {
        Error::usage("job_not_readable", tree::TRIED, path.display(), e, "Start pecan in a folder that exists, or name the job file by its absolute path.")
    })?;
    Ok(absolute.parent().map(Path::to_path_buf).unwrap_or(absolute))
}

/// Five cron fields, kept as text: what they mean is the scheduler's business.
fn schedule(file: &Section<'_>) -> Result<Option<String>> {
    let Some(placed) = file.text("schedule")? else { return Ok(None) };
    let written = placed.text.value.trim().to_string();
    if written.split_whitespace().count() == 5 {
        return Ok(Some(written));
    }
    Err(reading::wrong_value("schedule", &placed.place, &format!("{written:?}"), "five cron fields: minute hour day month weekday, such as \"15 5 * * *\""))
}

#[cfg(test)]
mod tests;
