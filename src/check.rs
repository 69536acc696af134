//! `pecan check`: reads everything a run would read, decides it in memory, writes nothing, and says what is wrong or looks
//! wrong, topic by topic (data-contracts §3).
//!
//! Trouble does not stop it: what can still be looked at is, so that one call names everything there is to repair.
//! The first error decides the exit code, as it would in a run.

pub mod cause;
pub mod cause_json;
mod charges;
mod fresh;
mod json;
mod judge;
pub mod misconfigured;
mod place;
mod reach;
pub mod remedy;
mod stores;
mod text;
mod topics;
mod unresolved;

use serde_json::Value;

use crate::audit;
use crate::error::{Error, Result};
use crate::files_read::FilesRead;
use crate::job::Job;
use crate::known::Known;
use crate::pipeline::in_pool;
use crate::progress::Progress;
use crate::reference;
use crate::rejection::Rejection;
use crate::source::{ChargeGroup, Discovery, Warning, discover};

use charges::ChargeFacts;
use place::OutputFacts;
use stores::StoreFacts;
use unresolved::Unresolved;

/// How bad a finding is, and with it its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be, or worth knowing.
    Green,
    /// A run would go through; somebody should look.
    Yellow,
    /// A run would stop here.
    Red,
}

impl Level {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Level::Green => "green",
            Level::Yellow => "yellow",
            Level::Red => "red",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Stable code, listed in `docs/RUNBOOK.md`.
    pub code: &'static str,
    /// What was seen.
    pub text: String,
    /// What to do next.
    pub next: String,
    /// What was seen one by one, where that helps.
    pub details: Vec<Detail>,
}

/// One of the things a finding speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What was seen.
    pub text: String,
    /// The command that mends it.
    pub command: Option<String>,
}

/// A part of the job with what was found about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// For example `rejections`.
    pub name: &'static str,
    /// What was looked at, in one line.
    pub says: String,
    /// In a fixed order.
    pub findings: Vec<Finding>,
}

impl Topic {
    /// The worst of its findings.
    pub fn level(&self) -> Level {
        self.findings.iter().map(|f| f.level).max().unwrap_or(Level::Green)
    }
}

/// Which topic an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Job,
    Audit,
    Reference,
    Charges,
    Rejections,
    Output,
}

/// Everything that was looked at, before it is judged.
struct Facts {
    known: Option<Known>,
    warnings: Vec<Warning>,
    charges: ChargeFacts,
    unresolved: Unresolved,
    output: OutputFacts,
    stores: Vec<StoreFacts>,
    errors: Vec<(About, Error)>,
}

/// What `pecan check` found.
pub struct CheckReport {
    name: String,
    path: String,
    topics: Vec<Topic>,
    figures: Value,
    told: Vec<Rejection>,
    errors: Vec<Error>,
}

/// Looks at everything a job names.
/// # Errors
/// `Storage` if threads cannot be started. What is wrong with the job's inputs and output is in the report:
/// [`CheckReport::verdict`].
pub fn check(job: &Job, threads: usize, progress: &Progress) -> Result<CheckReport> {
    in_pool(threads, || Ok(CheckReport::new(job, look(job, progress))))
}

impl CheckReport {
    fn new(job: &Job, facts: Facts) -> CheckReport {
        CheckReport {
            name: job.name.clone(),
            path: job.path.display().to_string(),
            topics: topics::all(job, &facts),
            figures: json::figures(job, &facts),
            told: facts.charges.told,
            errors: facts.errors.into_iter().map(|(_, error)| error).collect(),
        }
    }

    /// `Err` with the first error, if a run would stop: its exit code is that of the command.
    /// # Errors
    /// The first error that was found.
    pub fn verdict(&self) -> Result<()> {
        self.errors.first().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The topics, in a fixed order.
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// The worst of all topics.
    pub fn level(&self) -> Level {
        self.topics.iter().map(Topic::level).max().unwrap_or(Level::Green)
    }

    /// One object; its fields are listed in `docs/COMMANDS.md`.
    pub fn to_json(&self) -> Value {
        json::report(self)
    }

    /// A line per topic, findings below it with what to do.
    pub fn to_text(&self, width: usize, colour: bool) -> String {
        text::render(self, width, colour)
    }
}

fn look(job: &Job, progress: &Progress) -> Facts {
    let mut errors = Vec::new();
    progress.stage("reading the audit log and reference tables");
    let known = match Known::read(job) {
        Ok(known) => Some(known),
        Err(error) => {
            errors.extend(about_known(job, error));
            None
        }
    };
    progress.stage("finding charges");
    let (groups, warnings) = find(job, &mut errors);
    let charges = charges::read(job, &groups, known.as_ref(), progress, &mut errors);
    if job.limits.rejections.exceeded(charges.rejections, charges.read) {
        errors.push((About::Rejections, too_many(job, &charges)));
    }
    let stores = stores::look(job, &mut errors);
    let mut output = place::look(job, &mut errors);
    output.writable = output.writable.or(stores.iter().find(|place| place.output).and_then(|place| Some(place.rights.write? && place.rights.delete?)));
    let unresolved = known.as_ref().map(Unresolved::new).unwrap_or_default();
    Facts { known, warnings, charges, unresolved, output, stores, errors }
}

/// A run stops at the first of these; here the audit log and the tables each get their say.
fn about_known(job: &Job, error: Error) -> Vec<(About, Error)> {
    let mut files = FilesRead::default();
    let audit = audit::read(job, &mut files).err().map(|e| (About::Audit, e));
    let tables = reference::read(job, &mut files).err().map(|e| (About::Reference, e));
    let apart: Vec<(About, Error)> = audit.into_iter().chain(tables).collect();
    if apart.is_empty() { vec![(About::Reference, error)] } else { apart }
}

fn find(job: &Job, errors: &mut Vec<(About, Error)>) -> (Vec<ChargeGroup>, Vec<Warning>) {
    let (mut groups, mut warnings) = (Vec::new(), Vec::new());
    for (index, source) in job.charges.iter().enumerate() {
        match discover(index, source) {
            Ok(Discovery { groups: found, warnings: said, .. }) => {
                groups.extend(found);
                warnings.extend(said);
            }
            Err(error) => errors.push((About::Charges, error)),
        }
    }
    (groups, warnings)
}

fn too_many(job: &Job, charges: &ChargeFacts) -> Error {
    Error::rejections(
        "too_many_rejections",
        "counting charge rows that could not be understood",
        format!("limits.rejections = {}", job.limits.rejections),
        format!("{} of {} charge rows are rejections", charges.rejections, charges.read),
        "repair the rows listed, or raise limits.rejections in the job file; a run would commit nothing",
    )
}
