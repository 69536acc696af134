//! Everything a run knows before it reads a charge: the audit log and the reference tables, learned once (R-ACCESS, R-PARTY).

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::event::{AuditRecord, ListedAssignment, Space};
use pecan_core::knowledge::{Facts, Knowledge, Unusable, learn};
use pecan_core::pairing::RejectedRecord;
use pecan_core::scope::Scope;
use pecan_core::time::RawInstant;

use crate::audit::{self, AuditInput};
use crate::error::{Error, Result};
use crate::files_read::FilesRead;
use crate::job::{Job, KeepInputs, ReferenceFile};
use crate::reference;
use crate::rejection::Rejection;

/// Raised when a rule changes its meaning: outputs of older rules are rewritten.
const RULES_VERSION: u32 = 1;

/// What the inputs but the charges say, and what they were.
pub struct Known {
    /// Ready to decide charges.
    pub knowledge: Knowledge,
    /// Files read, for fingerprints and the run table.
    pub files: FilesRead,
    /// Audit and reference rows that could not be used, by file and row.
    pub rejections: Vec<Rejection>,
    /// Counters of the run report.
    pub counts: BTreeMap<String, u64>,
    /// The rules and switches, and the program that reads them.
    pub rules_fingerprint: String,
    /// Version of the program and of the rules in it.
    pub program: String,
    /// Hash of the switches and of what else of the job file shapes every group.
    pub rules: String,
    /// The first readable audit record.
    pub first_record: Option<RawInstant>,
    /// The newest one.
    pub newest_record: Option<RawInstant>,
    /// Audit records of any operation.
    pub audit_rows: u64,
    /// How many of the files are audit files: they come first.
    pub audit_files: usize,
    /// What the audit files say, where it is to be kept for later ([`Known::read_to_keep`]).
    pub told: Option<AuditInput>,
    /// Audit records of the operations that give or take a role, usable ones.
    pub role_records: u64,
    /// Complete lists of role assignments by the scope they are complete for as written; `None` = everything.
    pub lists: BTreeMap<Option<String>, ListsOfScope>,
    /// Subscriptions, lower case, that a record about roles or a list names.
    pub mentioned: BTreeSet<String>,
    /// Lists of role assignments that claim to be of everything, by instant: the subscriptions their rows lie in.
    pub unscoped: BTreeMap<RawInstant, BTreeSet<String>>,
}

/// The lists of role assignments that are complete for one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListsOfScope {
    /// When the first was taken.
    pub first: RawInstant,
    /// When the newest was taken.
    pub newest: RawInstant,
    /// How many there are.
    pub lists: u64,
}

impl Known {
    /// Reads the audit log and the reference tables of a job.
    /// # Errors
    /// `Input` for unreadable files and for tables that cannot be meant (details 16, 22).
    pub fn read(job: &Job) -> Result<Known> {
        let mut files = FilesRead::default();
        let audit = audit::read(job, &mut files)?;
        Known::of_audit(job, audit, files, false)
    }

    /// As [`Known::read`], holding on to what the audit files say if `output.keep_inputs` asks for it.
    /// # Errors
    /// As [`Known::read`].
    pub fn read_to_keep(job: &Job) -> Result<Known> {
        let mut files = FilesRead::default();
        let audit = audit::read(job, &mut files)?;
        Known::of_audit(job, audit, files, job.output.keep_inputs == KeepInputs::Reference)
    }

    /// As [`Known::read`], with the audit log read already, its files in `files`.
    /// # Errors
    /// As [`Known::read`].
    pub fn of_audit(job: &Job, audit: AuditInput, mut files: FilesRead, keep: bool) -> Result<Known> {
        let audit_files = files.files.len();
        let tables = reference::read(job, &mut files)?;
        let told = keep.then(|| audit.clone());
        let lists = lists(&tables.reference.listed);
        let role_records = audit.records.len() as u64;
        let (named, unscoped) = (mentioned(&audit.records, &tables.reference.listed), unscoped(&tables.reference.listed));
        let mut principal_kinds = audit.principal_kinds;
        principal_kinds.merge(&tables.principal_kinds);
        let facts = Facts {
            records: audit.records,
            reference: tables.reference,
            cutoff: job.cutoff,
            first_record: audit.first,
            newest_record: audit.newest,
            principal_kinds,
        };
        let learned = learn(facts, job.rules.clone()).map_err(|e| unusable(&e, job))?;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let told_words = audit.counts.iter().map(|(word, n)| (word.as_str(), *n));
        let all = told_words.chain(tables.counts.iter().chain(&learned.counts).map(|(word, n)| (*word, *n)));
        for (word, n) in all.chain([("audit_records_passed_over", audit.passed_over)]) {
            *counts.entry(word.to_owned()).or_default() += n;
        }
        let mut rejections = audit.rejections;
        rejections.extend(tables.rejections);
        rejections.extend(learned.rejected.iter().map(|record| rejection(record, &files)));
        rejections.sort_by(|a, b| (&a.file, a.row, &a.column).cmp(&(&b.file, b.row, &b.column)));
        Ok(Known {
            knowledge: learned.knowledge,
            rejections,
            counts,
            rules_fingerprint: rules_fingerprint(job),
            program: format!("{} {RULES_VERSION}", env!("CARGO_PKG_VERSION")),
            rules: blake3::hash(job.describe().as_bytes()).to_hex().to_string(),
            first_record: audit.first,
            newest_record: audit.newest,
            audit_rows: audit.rows,
            audit_files,
            told,
            role_records,
            lists,
            mentioned: named,
            unscoped,
            files,
        })
    }

    /// Assignments of roles that no table knows, by role (R-ROLE-2).
    pub fn unknown_roles(&self) -> BTreeMap<&str, u64> {
        let mut assignments: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for interval in self.knowledge.intervals().iter().filter(|i| !self.knowledge.roles.knows(&i.role_definition_id)) {
            assignments.entry(&interval.role_definition_id).or_default().insert(&interval.assignment_id);
        }
        assignments.into_iter().map(|(role, ids)| (role, ids.len() as u64)).collect()
    }
}

/// Role assignments only: they alone are evidence (details 27).
fn lists(listed: &[ListedAssignment]) -> BTreeMap<Option<String>, ListsOfScope> {
    let mut instants: BTreeMap<Option<String>, BTreeSet<RawInstant>> = BTreeMap::new();
    for row in listed.iter().filter(|row| row.space == Space::Role) {
        instants.entry(row.snapshot_scope.clone()).or_default().insert(row.snapshot_at);
    }
    let of_scope = |at: &BTreeSet<RawInstant>| Some(ListsOfScope { first: *at.first()?, newest: *at.last()?, lists: at.len() as u64 });
    instants.into_iter().filter_map(|(scope, at)| Some((scope, of_scope(&at)?))).collect()
}

/// Subscriptions that records about roles and lists speak of.
fn mentioned(records: &[AuditRecord], listed: &[ListedAssignment]) -> BTreeSet<String> {
    let bodies = records.iter().filter_map(|r| r.body.as_ref()?.scope.as_deref());
    let records = records.iter().filter_map(|r| r.path_scope.as_deref()).chain(bodies);
    let lists = listed.iter().flat_map(|row| [Some(row.scope.as_str()), row.snapshot_scope.as_deref()]).flatten();
    records.chain(lists).filter_map(subscription).collect()
}

fn unscoped(listed: &[ListedAssignment]) -> BTreeMap<RawInstant, BTreeSet<String>> {
    let mut lists: BTreeMap<RawInstant, BTreeSet<String>> = BTreeMap::new();
    for row in listed.iter().filter(|row| row.space == Space::Role && row.snapshot_scope.is_none()) {
        lists.entry(row.snapshot_at).or_default().extend(subscription(&row.scope));
    }
    lists
}

fn subscription(scope: &str) -> Option<String> {
    Scope::parse(scope).subscription_id().map(str::to_owned)
}

fn unusable(what: &Unusable, job: &Job) -> Error {
    let written = |files: &[ReferenceFile]| files.iter().map(|file| file.uri_as_written.as_str()).collect::<Vec<_>>().join(", ");
    let tried = "putting the reference tables together";
    match what {
        Unusable::TwoOrganisations(two) => Error::input(
            "two_organisations",
            tried,
            format!("{}, {} = {}", written(&job.reference.partners), two.column, two.id),
            format!("it belongs to organisations {:?} and {:?}", two.first, two.second),
            "give all rows of one tenant and one partner id the same organisation_id",
        ),
        Unusable::ListsTooClose(close) => Error::input(
            "lists_too_close",
            tried,
            format!("{}, snapshot_at", written(&job.reference.assignments)),
            format!("two lists of everything only minutes apart: {} and {}", close.first.down(), close.second.down()),
            "rows stamped one by one are not lists: give all rows of one list the same snapshot_at, or name what each list is complete for in snapshot_scope",
        ),
    }
}

fn rejection(record: &RejectedRecord, files: &FilesRead) -> Rejection {
    let source = files.file(record.place).map(|f| f.source.clone());
    let mut rejection = files.rejection(record.place, record.reason, &record.message).with_column(record.column).with_value(&record.value);
    rejection.source = source;
    rejection
}

fn rules_fingerprint(job: &Job) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [env!("CARGO_PKG_VERSION"), &RULES_VERSION.to_string(), &job.describe()] {
        hasher.update(part.as_bytes()).update(b"\0");
    }
    hasher.finalize().to_hex().to_string()
}
