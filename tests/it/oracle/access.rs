//! From what the log and the lists say to access intervals (R-ACCESS-3 to -5, details 20-23).
//!
//! Not a fold: every opening looks forward for what closes it, and backward for how far a `created_on` may reach.
//! Readings taken where the documents leave room, all against credit (the other reading in brackets):
//! * a `created_on` at the instant of a list that lacks the assignment reaches over that list [it does not];
//! * a list row without `created_on` at the very instant of a delete: not in force, its created_on is not after the delete
//!   [the list opens at its instant]; of a later list it is in force from the list;
//! * the last record is a delete, a list shows the assignment again, a list lacks it, a list has it with a `created_on` before
//!   the delete: not in force [from that list: "listed again after absence"];
//! * a list row that is not in force still says "other content" to a `created_on` before it [it says nothing];
//! * after a contradiction the next write, or list that has the assignment, opens at its own instant, and no `created_on`
//!   reaches back from there; a list that lacks the assignment settles nothing;
//! * lists of one instant of which one has an assignment and one lacks it: it was seen then, and is absent from then on;
//! * rows of one instant that give an assignment different contents: neither is believed, and it is absent [the last by some
//!   order]; different `created_on`: none if one is empty, else the latest [the first by some order].
//!
//! A `created_on` later than a proven write does not shorten what the log proves.

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::event::{ListedAssignment, Space};
use pecan_core::reference::{ManagementGroupRow, Reference};

use super::log::{Given, Log, Name};
use super::path::{ArmPath, complete_for};

const QUARTER_HOUR: i128 = 15 * 60 * 1_000_000_000;

/// One access interval in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    pub assignment: String,
    pub principal: String,
    pub role: String,
    pub path: ArmPath,
    pub from: i64,
    /// `i64::MAX` = open.
    pub until: i64,
    pub started_by: &'static str,
    pub stopped_by: Option<&'static str>,
}

/// One list: when, for what, and what it held.
pub struct List<'a> {
    pub at: i128,
    pub scope: Option<ArmPath>,
    rows: Vec<&'a ListedAssignment>,
}

/// All rows with one snapshot_at and one snapshot_scope are one list (details 22).
pub fn lists(listed: &[ListedAssignment], space: Space) -> Vec<List<'_>> {
    let mut found: BTreeMap<(i128, Option<ArmPath>), Vec<&ListedAssignment>> = BTreeMap::new();
    for row in listed.iter().filter(|row| row.space == space) {
        found.entry((row.snapshot_at.0, row.snapshot_scope.as_deref().map(ArmPath::read))).or_default().push(row);
    }
    found.into_iter().map(|((at, scope), rows)| List { at, scope, rows }).collect()
}

/// What happened to one assignment at one instant; of one instant deletes come first, lists last.
enum Step {
    Deleted,
    Written(Given),
    Contradicted,
    /// What was listed with which `created_on`, and the scopes of the lists of that instant that lacked it.
    Listed(BTreeMap<Given, Option<i128>>, Vec<Option<ArmPath>>),
}

/// What the lists of one instant say about an assignment that is thought to be at a path.
enum Word {
    Nothing,
    Absent,
    Present(Given, Option<i128>),
    /// One list has it, another of the same instant lacks it.
    Both(Given, Option<i128>),
}

struct Story<'a> {
    steps: Vec<(i128, Step)>,
    groups: &'a [ManagementGroupRow],
}

/// A run of one content: `[from, until)` in raw nanoseconds.
struct Run {
    given: Given,
    from: i128,
    started_by: &'static str,
    until: Option<(i128, &'static str)>,
}

/// Every access interval, by the documents.
pub fn intervals(log: &Log, reference: &Reference) -> Vec<Held> {
    let mut names: BTreeSet<Name> = log.moments.keys().cloned().collect();
    names.extend(reference.listed.iter().filter_map(|row| Some((row.space, row.assignment_id.clone()?))));
    let mut held = Vec::new();
    for name in names {
        let story = Story { steps: steps(&name, log, reference), groups: &reference.management_groups };
        for run in story.runs() {
            held.extend(run.held(&name.1, reference));
        }
    }
    held
}

fn row_content(row: &ListedAssignment) -> Option<Given> {
    let path = ArmPath::read(&row.scope);
    match row.space {
        Space::Role => Some(Given::Role(row.principal_id.clone()?, row.role_definition_id.clone()?, path)),
        Space::Registration => Some(Given::Registration(row.definition_id.clone()?, path)),
    }
}

fn steps(name: &Name, log: &Log, reference: &Reference) -> Vec<(i128, Step)> {
    let lists = lists(&reference.listed, name.0);
    let moments = log.moments.get(name);
    let mut instants: BTreeSet<i128> = lists.iter().map(|list| list.at).collect();
    instants.extend(moments.iter().flat_map(|m| m.keys().copied()));
    let mut steps = Vec::new();
    for at in instants {
        if let Some(moment) = moments.and_then(|m| m.get(&at)) {
            if moment.deleted {
                steps.push((at, Step::Deleted));
            }
            if moment.contradicted || moment.written.len() > 1 {
                steps.push((at, Step::Contradicted));
            } else if let Some(given) = moment.written.first() {
                steps.push((at, Step::Written(given.clone())));
            }
        }
        let now: Vec<&List> = lists.iter().filter(|list| list.at == at).collect();
        if !now.is_empty() {
            steps.push((at, listed_step(name, &now)));
        }
    }
    steps
}

fn listed_step(name: &Name, now: &[&List]) -> Step {
    let mut present: BTreeMap<Given, Option<i128>> = BTreeMap::new();
    let mut lacking = Vec::new();
    for list in now {
        let mut any = false;
        for row in list.rows.iter().filter(|row| row.assignment_id.as_ref() == Some(&name.1)) {
            let Some(given) = row_content(row) else { continue };
            any = true;
            let created = row.created_on.map(|c| c.0);
            present.entry(given).and_modify(|c| *c = c.zip(created).map(|(a, b)| a.max(b))).or_insert(created);
        }
        if !any {
            lacking.push(list.scope.clone());
        }
    }
    Step::Listed(present, lacking)
}

impl Story<'_> {
    fn word(&self, step: &Step, about: &ArmPath) -> Word {
        let Step::Listed(present, lacking) = step else { return Word::Nothing };
        let lacked = |path: &ArmPath| lacking.iter().any(|list| complete_for(list.as_ref(), path, self.groups));
        match present.iter().next() {
            None if lacked(about) => Word::Absent,
            None => Word::Nothing,
            Some(_) if present.len() > 1 => Word::Absent,
            Some((given, created)) if lacked(given.path()) => Word::Both(given.clone(), *created),
            Some((given, created)) => Word::Present(given.clone(), *created),
        }
    }

    /// Whether something at or after `created` and before step `i` forbids reaching back to it.
    fn barred(&self, i: usize, given: &Given, created: i128) -> bool {
        self.steps[..i].iter().any(|(at, step)| {
            let barrier = match step {
                Step::Deleted | Step::Contradicted => true,
                Step::Written(other) => other != given,
                Step::Listed(..) => match self.word(step, given.path()) {
                    Word::Absent | Word::Both(..) => true,
                    Word::Present(other, _) => other != *given,
                    Word::Nothing => false,
                },
            };
            barrier && *at >= created
        })
    }

    /// Whether the last record or list row before step `i` is a contradiction; a list that lacks the assignment settles nothing.
    fn after_contradiction(&self, i: usize, given: &Given) -> bool {
        let said = self.steps[..i].iter().rev().find(|(_, step)| match step {
            Step::Listed(..) => matches!(self.word(step, given.path()), Word::Present(..) | Word::Both(..)),
            _ => true,
        });
        matches!(said, Some((_, Step::Contradicted)))
    }

    fn last_delete_if_last_record(&self, i: usize) -> Option<i128> {
        let record = self.steps[..i].iter().rev().find(|(_, step)| !matches!(step, Step::Listed(..)))?;
        matches!(record.1, Step::Deleted).then_some(record.0)
    }

    /// Where a list row of an assignment that is not open begins, if it opens it at all.
    fn list_opens(&self, i: usize, given: &Given, created: Option<i128>, displaced: bool) -> Option<(i128, &'static str)> {
        let at = self.steps[i].0;
        let own = Some((at, "snapshot"));
        if displaced || self.after_contradiction(i, given) {
            return own;
        }
        if let Some(deleted) = self.last_delete_if_last_record(i) {
            // An empty created_on stands for the list's own instant.
            Some(created.unwrap_or(at)).filter(|c| *c > deleted)?;
        }
        match created {
            Some(created) if !self.barred(i, given, created) => {
                let near = |t: i128| created <= t && t <= created + QUARTER_HOUR;
                let write = self.steps.iter().find(|(t, step)| matches!(step, Step::Written(g) if g == given) && near(*t));
                Some(write.map_or((created, "snapshot"), |(t, _)| (*t, "event")))
            }
            _ => own,
        }
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut i = 0;
        // Whether the step at `i` is what pushed another content out.
        let mut displaced = false;
        while i < self.steps.len() {
            let (at, step) = &self.steps[i];
            let opening = match step {
                Step::Written(given) => Some((given.clone(), *at, "event", displaced || self.after_contradiction(i, given))),
                Step::Listed(present, _) => present.keys().next().and_then(|given| match self.word(step, given.path()) {
                    Word::Present(given, created) | Word::Both(given, created) => {
                        let (from, by) = self.list_opens(i, &given, created, displaced)?;
                        Some((given, from, by, true))
                    }
                    _ => None,
                }),
                Step::Deleted | Step::Contradicted => None,
            };
            displaced = false;
            match opening {
                None => i += 1,
                Some((given, from, by, settled)) => {
                    let mut run = Run { given, from, started_by: by, until: None };
                    (i, displaced) = self.follow(i, &mut run, settled);
                    runs.push(run);
                }
            }
        }
        runs
    }

    /// Finds what closes the run opened at step `i`; gives the step to go on with, and whether that step displaced the run.
    fn follow(&self, i: usize, run: &mut Run, settled: bool) -> (usize, bool) {
        if let (at, step @ Step::Listed(..)) = &self.steps[i]
            && let Word::Both(..) = self.word(step, run.given.path())
        {
            run.until = Some((*at, "ended_unobserved"));
            return (i + 1, false);
        }
        let (opened, mut seen, mut settled) = (self.steps[i].0, self.steps[i].0, settled);
        for (j, (at, step)) in self.steps.iter().enumerate().skip(i + 1) {
            match step {
                Step::Deleted | Step::Contradicted => {
                    run.until = Some((*at, "event"));
                    return (j + 1, false);
                }
                Step::Written(given) if *given == run.given => seen = *at,
                Step::Written(_) => {
                    run.until = Some((*at, "event"));
                    return (j, true);
                }
                Step::Listed(..) => match self.word(step, run.given.path()) {
                    Word::Nothing => {}
                    Word::Absent => {
                        // Rows of one instant that contradict each other are not believed: they are no sighting either.
                        run.until = Some((seen, "ended_unobserved"));
                        return (j + 1, false);
                    }
                    Word::Present(given, _) | Word::Both(given, _) if given != run.given => {
                        run.until = Some((seen, "ended_unobserved"));
                        return (j, true);
                    }
                    word @ (Word::Present(_, created) | Word::Both(_, created)) => {
                        seen = *at;
                        // The first list that extends the assignment counts; within a quarter of an hour it is the same creation.
                        if let Some(created) = created.filter(|c| !settled && c + QUARTER_HOUR < opened && !self.barred(i, &run.given, *c)) {
                            (run.from, run.started_by, settled) = (created, "snapshot", true);
                        }
                        if let Word::Both(..) = word {
                            run.until = Some((seen, "ended_unobserved"));
                            return (j + 1, false);
                        }
                    }
                },
            }
        }
        (self.steps.len(), false)
    }
}

/// Against credit: `from` up, `until` down to microseconds (R-DAY-5).
fn micros(nanos: i128, up: bool) -> i64 {
    let whole = nanos.div_euclid(1000);
    let more = up && nanos.rem_euclid(1000) > 0;
    i64::try_from(if more { whole + 1 } else { whole }).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

impl Run {
    /// The run as access intervals: one for a role, one per authorization for a registration (details 23).
    fn held(&self, assignment: &str, reference: &Reference) -> Vec<Held> {
        let from = micros(self.from, true);
        let until = self.until.map_or(i64::MAX, |(t, _)| micros(t, false));
        let whole = |principal: &str, role: &str| Held {
            assignment: assignment.into(),
            principal: principal.into(),
            role: role.into(),
            path: self.given.path().clone(),
            from,
            until,
            started_by: self.started_by,
            stopped_by: self.until.map(|(_, by)| by),
        };
        let mut held = Vec::new();
        match &self.given {
            Given::Role(principal, role, _) => held.push(whole(principal, role)),
            Given::Registration(definition, _) => {
                let mut told = BTreeSet::new();
                for row in reference.authorizations.iter().filter(|a| a.definition_id == *definition) {
                    let Some(valid) = row.valid else { continue };
                    if !told.insert((&row.principal_id, &row.role_definition_id, valid)) {
                        continue;
                    }
                    let mut part = whole(&row.principal_id, &row.role_definition_id);
                    if valid.from.0 > part.from {
                        (part.from, part.started_by) = (valid.from.0, "definition");
                    }
                    if valid.until.0 < part.until {
                        (part.until, part.stopped_by) = (valid.until.0, Some("definition"));
                    }
                    held.push(part);
                }
            }
        }
        held.retain(|h| h.from < h.until);
        held
    }
}
