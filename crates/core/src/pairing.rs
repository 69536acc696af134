//! Audit records → events of each assignment (R-ACCESS-1, R-ACCESS-2, details 18-20).
//!
//! 1. Deliveries of one event data id are one record, or a contradiction.
//! 2. Records of one correlation id, assignment id and action are one operation; a contradiction in one is in all of it.
//! 3. An operation with a success record is an event at the first success; a write takes its content from whichever record
//!    has a body. A contradicted one closes the assignment there, and at every instant its twofold record was delivered with.

use std::collections::{BTreeMap, BTreeSet};

use crate::charge::Reason;
use crate::event::{Action, AuditRecord, Body, Content, Place, Space};
use crate::scope::Scope;
use crate::time::RawInstant;

/// What happened to an assignment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// Taken away. First at one instant (R-ACCESS-3).
    Delete,
    /// Given, with this content.
    Write(Content),
    /// Records contradict each other: neither is believed (details 20, 21).
    Contradiction,
}

/// One proved operation on one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Time of the proving record.
    pub at: RawInstant,
    /// What happened.
    pub happening: Happening,
    /// The proving record.
    pub place: Place,
    /// Who called.
    pub caller: Option<String>,
}

/// An assignment by its name space and id.
pub type AssignmentKey = (Space, String);

/// An input record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedRecord {
    /// Where it was read.
    pub place: Place,
    /// Why.
    pub reason: Reason,
    /// Column at fault.
    pub column: &'static str,
    /// What was seen.
    pub value: String,
    /// What it means.
    pub message: String,
}

/// Events by assignment, and what could not be used.
#[derive(Debug, Default)]
pub struct Paired {
    /// Unordered events of each assignment.
    pub events: BTreeMap<AssignmentKey, Vec<Event>>,
    /// Successful writes without a body (details 19).
    pub rejected: Vec<RejectedRecord>,
    /// Repeated deliveries of one record.
    pub duplicates: u64,
    /// Records that contradict each other.
    pub contradictions: u64,
}

/// One record after its deliveries were put together.
struct Delivered {
    record: AuditRecord,
    /// Instants at which a success was delivered with different contents; `None`: the deliveries agree.
    twofold: Option<Vec<RawInstant>>,
}

/// Pairs records into events. Order of records never matters (R-ACCESS-8).
pub fn pair(mut records: Vec<AuditRecord>) -> Paired {
    records.sort_by_key(|r| r.place);
    let mut paired = Paired::default();
    let delivered = paired.deliver(records);
    for operation in operations(delivered) {
        paired.add_operation(&operation);
    }
    paired
}

impl Paired {
    /// Step 1 (details 20).
    fn deliver(&mut self, records: Vec<AuditRecord>) -> Vec<Delivered> {
        let mut delivered = Vec::new();
        let mut by_id: BTreeMap<String, Vec<AuditRecord>> = BTreeMap::new();
        for record in records {
            if record.event_data_id.is_empty() {
                delivered.push(Delivered { record, twofold: None });
            } else {
                by_id.entry(record.event_data_id.to_ascii_lowercase()).or_default().push(record);
            }
        }
        for copies in by_id.into_values() {
            match merge_copies(&copies) {
                Some(record) => {
                    self.duplicates = self.duplicates.saturating_add(count(copies.len()).saturating_sub(1));
                    delivered.push(Delivered { record, twofold: None });
                }
                None => {
                    self.contradictions = self.contradictions.saturating_add(1);
                    delivered.extend(contradicted(copies));
                }
            }
        }
        delivered
    }

    /// Step 3.
    fn add_operation(&mut self, records: &[Delivered]) {
        let Some(success) = records.iter().map(|d| &d.record).filter(|r| r.proves).min_by_key(|r| (r.time, r.place)) else { return };
        let Some(id) = success.assignment_id.clone() else { return };
        let twofold: Vec<RawInstant> = records.iter().filter_map(|d| d.twofold.as_ref()).flatten().copied().collect();
        let content = content_of(records, success);
        let happening = match (success.action, content) {
            _ if records.iter().any(|d| d.twofold.is_some()) => Happening::Contradiction,
            (Action::Delete, _) => Happening::Delete,
            (Action::Write, Ok(content)) => Happening::Write(content),
            (Action::Write, Err(NoContent::NoBody)) => return self.rejected.push(no_body(success)),
            (Action::Write, Err(NoContent::Contradiction)) => {
                self.contradictions = self.contradictions.saturating_add(1);
                Happening::Contradiction
            }
        };
        let events = self.events.entry((success.space, id)).or_default();
        events.push(event(success, happening));
        events.extend(twofold.into_iter().map(|at| Event { at, ..event(success, Happening::Contradiction) }));
    }
}

/// Deliveries that differ in more than time: one contradicted record for each operation they name.
fn contradicted(copies: Vec<AuditRecord>) -> Vec<Delivered> {
    let mut by_operation: BTreeMap<(Space, Action, Option<String>, String), Vec<AuditRecord>> = BTreeMap::new();
    for copy in copies {
        let key = (copy.space, copy.action, copy.assignment_id.clone(), copy.correlation_id.to_ascii_lowercase());
        by_operation.entry(key).or_default().push(copy);
    }
    let one = |copies: Vec<AuditRecord>| {
        let instants: Vec<RawInstant> = copies.iter().filter(|r| r.proves).map(|r| r.time).collect();
        let mut record = copies.iter().find(|r| r.proves).or(copies.first())?.clone();
        let effect = if record.action == Action::Write { instants.iter().max() } else { instants.iter().min() };
        record.time = effect.copied().unwrap_or(record.time);
        Some(Delivered { record, twofold: Some(instants) })
    };
    by_operation.into_values().filter_map(one).collect()
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn event(record: &AuditRecord, happening: Happening) -> Event {
    Event { at: record.time, happening, place: record.place, caller: record.caller.clone() }
}

fn no_body(success: &AuditRecord) -> RejectedRecord {
    RejectedRecord {
        place: success.place,
        reason: Reason::NoBody,
        column: "Properties",
        value: success.assignment_id.clone().unwrap_or_default(),
        message: String::from(
            "a successful write whose principal, role and scope no record of the same correlation id carries; its time is not used (details 19)",
        ),
    }
}

/// Copies of one record as one; `None` if they differ in more than time (details 20).
/// A copy that lacks the body does not differ from one that has it.
fn merge_copies(copies: &[AuditRecord]) -> Option<AuditRecord> {
    let mut merged = copies.first()?.clone();
    for copy in copies {
        let same = copy.space == merged.space
            && copy.action == merged.action
            && copy.proves == merged.proves
            && copy.assignment_id == merged.assignment_id
            && copy.correlation_id.eq_ignore_ascii_case(&merged.correlation_id)
            && path_key(copy) == path_key(&merged);
        if !same {
            return None;
        }
        merged.body = merge_bodies(merged.body.as_ref(), copy.body.as_ref()).ok()?;
        merged.time = match merged.action {
            Action::Write => merged.time.max(copy.time),
            Action::Delete => merged.time.min(copy.time),
        };
    }
    Some(merged)
}

fn path_key(record: &AuditRecord) -> Option<Scope> {
    record.path_scope.as_deref().map(Scope::parse)
}

struct Differs;

fn merge_bodies(a: Option<&Body>, b: Option<&Body>) -> Result<Option<Body>, Differs> {
    let (Some(a), Some(b)) = (a, b) else { return Ok(a.or(b).cloned()) };
    let scopes_differ = match (&a.scope, &b.scope) {
        (Some(x), Some(y)) => Scope::parse(x) != Scope::parse(y),
        _ => false,
    };
    if scopes_differ {
        return Err(Differs);
    }
    Ok(Some(Body {
        principal_id: merge_field(&a.principal_id, &b.principal_id)?,
        role_definition_id: merge_field(&a.role_definition_id, &b.role_definition_id)?,
        definition_id: merge_field(&a.definition_id, &b.definition_id)?,
        scope: a.scope.clone().or_else(|| b.scope.clone()),
    }))
}

fn merge_field(a: &Option<String>, b: &Option<String>) -> Result<Option<String>, Differs> {
    match (a, b) {
        (Some(x), Some(y)) if x != y => Err(Differs),
        _ => Ok(a.clone().or_else(|| b.clone())),
    }
}

/// Step 2: records by correlation id, assignment id and action; an empty correlation id joins nothing (details 20).
fn operations(delivered: Vec<Delivered>) -> Vec<Vec<Delivered>> {
    let mut alone = Vec::new();
    let mut joined: BTreeMap<(Space, Action, String, String), Vec<Delivered>> = BTreeMap::new();
    for one in delivered {
        let Some(id) = one.record.assignment_id.clone() else { continue };
        if one.record.correlation_id.is_empty() {
            alone.push(vec![one]);
        } else {
            let key = (one.record.space, one.record.action, one.record.correlation_id.to_ascii_lowercase(), id);
            joined.entry(key).or_default().push(one);
        }
    }
    alone.extend(joined.into_values());
    alone
}

enum NoContent {
    NoBody,
    Contradiction,
}

fn content_of(records: &[Delivered], success: &AuditRecord) -> Result<Content, NoContent> {
    let mut body: Option<Body> = None;
    for one in records {
        body = merge_bodies(body.as_ref(), one.record.body.as_ref()).map_err(|Differs| NoContent::Contradiction)?;
    }
    let body = body.ok_or(NoContent::NoBody)?;
    let path = || success.path_scope.clone().or_else(|| records.iter().find_map(|one| one.record.path_scope.clone()));
    let scope = Scope::parse(&body.scope.clone().or_else(path).ok_or(NoContent::NoBody)?);
    match success.space {
        Space::Role => Ok(Content::Role {
            principal_id: body.principal_id.ok_or(NoContent::NoBody)?,
            role_definition_id: body.role_definition_id.ok_or(NoContent::NoBody)?,
            scope,
        }),
        Space::Registration => Ok(Content::Registration { definition_id: body.definition_id.ok_or(NoContent::NoBody)?, scope }),
    }
}

/// Assignments that some usable write names.
pub fn written(events: &BTreeMap<AssignmentKey, Vec<Event>>) -> BTreeSet<&AssignmentKey> {
    let writes = |list: &[Event]| list.iter().any(|e| matches!(e.happening, Happening::Write(_)));
    events.iter().filter(|(_, list)| writes(list)).map(|(key, _)| key).collect()
}
