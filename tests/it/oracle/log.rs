//! Audit records to what happened to each assignment at each instant (R-ACCESS-1, -2, -7, details 18-21).
//!
//! Readings taken where the documents leave room, all against credit (the other reading in brackets):
//! * one operation with different content, whichever of its records say so: none of it is believed, nor a rejection; the
//!   assignment is closed at its first success, and at every instant at which one of its event ids was delivered with
//!   different content [at the first such instant only];
//! * a body that is silent about a field does not contradict one that is not (R-ACCESS-1: content comes from whichever has it);
//! * several successes of a write without any body are one rejection, at the first of them [one each];
//! * a write whose own records contradict each other is not usable: it does not make an assignment known (details 20).

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::charge::Reason;
use pecan_core::event::{Action, AuditRecord, Body, ListedAssignment, Place, Space};

use super::path::{ArmPath, lower};

/// What an assignment gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// Principal, role, where.
    Role(String, String, ArmPath),
    /// Registration definition, where.
    Registration(String, ArmPath),
}

impl Given {
    /// Where.
    pub fn path(&self) -> &ArmPath {
        match self {
            Given::Role(_, _, path) | Given::Registration(_, path) => path,
        }
    }
}

/// Everything the log says of one assignment at one instant.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// A proven delete.
    pub deleted: bool,
    /// Contents of proven writes.
    pub written: BTreeSet<Given>,
    /// Records that contradict each other: nothing of this instant is believed.
    pub contradicted: bool,
}

/// An assignment in its name space.
pub type Name = (Space, String);

/// What the log says, and which records it could not use.
#[derive(Debug, Default)]
pub struct Log {
    /// Per assignment, by raw instant (nanoseconds).
    pub moments: BTreeMap<Name, BTreeMap<i128, Moment>>,
    /// Place and reason.
    pub rejected: Vec<(Place, Reason)>,
}

/// All deliveries of one event: records with one non-empty event data id, or a single record.
type Copies<'a> = Vec<&'a AuditRecord>;

fn copies(records: &[AuditRecord]) -> Vec<Copies<'_>> {
    let mut by_id: BTreeMap<String, Copies> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let key = if record.event_data_id.is_empty() { format!("only {at}") } else { format!("id {}", lower(&record.event_data_id)) };
        by_id.entry(key).or_default().push(record);
    }
    by_id.into_values().collect()
}

/// What bodies say, field by field; a body that is silent about a field contradicts nothing.
#[derive(Default)]
struct Said<'a> {
    principals: BTreeSet<&'a String>,
    roles: BTreeSet<&'a String>,
    definitions: BTreeSet<&'a String>,
    scopes: BTreeSet<ArmPath>,
}

/// What the bodies of an operation come to.
#[derive(PartialEq)]
enum Told {
    /// No body, or none that says everything.
    Nothing,
    /// Bodies agree.
    This(Given),
    /// Bodies contradict each other.
    Contradiction,
}

/// The path before `/providers/…` gives the scope only where no body does (details 18).
fn told(space: Space, records: &[&AuditRecord]) -> Told {
    if records.iter().all(|r| r.body.is_none()) {
        return Told::Nothing;
    }
    let mut said = Said::default();
    for body in records.iter().filter_map(|r| r.body.as_ref()) {
        let Body { principal_id, role_definition_id, definition_id, scope } = body;
        said.principals.extend(principal_id);
        said.roles.extend(role_definition_id);
        said.definitions.extend(definition_id);
        said.scopes.extend(scope.as_deref().map(ArmPath::read));
    }
    if said.scopes.is_empty() {
        said.scopes.extend(records.iter().filter_map(|r| r.path_scope.as_deref()).map(ArmPath::read));
    }
    if [said.principals.len(), said.roles.len(), said.definitions.len(), said.scopes.len()].iter().any(|n| *n > 1) {
        return Told::Contradiction;
    }
    let one = |field: &BTreeSet<&String>| field.first().map(|text| String::from(text.as_str()));
    let scope = said.scopes.first().cloned();
    let given = match space {
        Space::Role => one(&said.principals).zip(one(&said.roles)).zip(scope).map(|((principal, role), scope)| Given::Role(principal, role, scope)),
        Space::Registration => one(&said.definitions).zip(scope).map(|(definition, scope)| Given::Registration(definition, scope)),
    };
    given.map_or(Told::Nothing, Told::This)
}

/// The instant at which one event takes effect: of copies that differ only in time the later for writes, the earlier for deletes.
fn effect(event: &Copies, action: Action) -> Option<i128> {
    let times = event.iter().filter(|r| r.proves).map(|r| r.time.0);
    match action {
        Action::Write => times.max(),
        Action::Delete => times.min(),
    }
}

/// The name of the operation a record belongs to; an empty correlation id joins nothing but its own record.
fn operations(records: &[AuditRecord]) -> Vec<(Name, Action, Vec<Copies<'_>>)> {
    let mut found: BTreeMap<(Name, Action, String), Vec<Copies>> = BTreeMap::new();
    for (at, event) in copies(records).into_iter().enumerate() {
        let Some(assignment) = event[0].assignment_id.clone() else { continue };
        let own = if event[0].correlation_id.is_empty() { format!("only {at}") } else { format!("id {}", lower(&event[0].correlation_id)) };
        found.entry(((event[0].space, assignment), event[0].action, own)).or_default().push(event);
    }
    found.into_iter().map(|((name, action, _), events)| (name, action, events)).collect()
}

fn first_success<'a, 'b>(events: &'b [Copies<'a>], action: Action) -> Option<(i128, &'b Copies<'a>)> {
    let proven = events.iter().filter_map(|event| Some((effect(event, action)?, event)));
    proven.min_by_key(|(time, event)| (*time, smallest(event)))
}

fn smallest(event: &Copies) -> Place {
    event.iter().map(|r| r.place).min().unwrap_or(Place { file: 0, row: 0 })
}

/// Reads the whole log.
pub fn read(records: &[AuditRecord], listed: &[ListedAssignment]) -> Log {
    let mut log = Log::default();
    let mut known: BTreeSet<Name> = listed.iter().filter_map(|row| Some((row.space, row.assignment_id.clone()?))).collect();
    let operations = operations(records);
    for (name, _, events) in operations.iter().filter(|o| o.1 == Action::Write) {
        read_write(&mut log, &mut known, name, events);
    }
    for (name, _, events) in operations.iter().filter(|o| o.1 == Action::Delete) {
        let Some((time, event)) = first_success(events, Action::Delete) else { continue };
        if known.contains(name) {
            moment(&mut log, name, time).deleted = true;
        } else {
            log.rejected.push((smallest(event), Reason::UnknownAssignment));
        }
    }
    log
}

fn read_write(log: &mut Log, known: &mut BTreeSet<Name>, name: &Name, events: &[Copies]) {
    let Some((time, event)) = first_success(events, Action::Write) else { return };
    let all: Vec<&AuditRecord> = events.iter().flatten().copied().collect();
    match told(name.0, &all) {
        Told::Nothing => log.rejected.push((smallest(event), Reason::NoBody)),
        Told::This(given) => {
            known.insert(name.clone());
            moment(log, name, time).written.insert(given);
        }
        Told::Contradiction => {
            let twofold = events.iter().filter(|event| told(name.0, event) == Told::Contradiction).flatten();
            for instant in twofold.filter(|r| r.proves).map(|r| r.time.0).chain([time]) {
                moment(log, name, instant).contradicted = true;
            }
        }
    }
}

fn moment<'a>(log: &'a mut Log, name: &Name, instant: i128) -> &'a mut Moment {
    log.moments.entry(name.clone()).or_default().entry(instant).or_default()
}
