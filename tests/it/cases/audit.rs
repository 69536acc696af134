//! Statements about audit records.
//!
//! `assign`, `register` stand for a start record with the body and, a second later, the success record that proves it;
//! `remove`, `unregister` for one success record; `record` for exactly one record with every detail spelt out:
//!
//! ```text
//! assign     DATE TIME SCOPE ROLE PRINCIPAL  [id=]
//! remove     DATE TIME SCOPE ROLE PRINCIPAL  [id=]
//! register   DATE TIME SCOPE DEFINITION      [id=]
//! unregister DATE TIME SCOPE DEFINITION      [id=]
//! record     DATE TIME write|delete|register|unregister ID start|success|accepted|failed corr= [event=] [body=SCOPE,ROLE,PRINCIPAL] [path=] [caller=] [row=]
//! ```

use pecan_core::event::{Action, AuditRecord, Body, Place, Space};
use pecan_core::time::RawInstant;

use super::names;
use super::parser::Statement;
use super::world::{World, instant};

/// Adds the records of one statement.
pub fn state(world: &mut World, s: &Statement) {
    match s.word(0) {
        "record" => one_record(world, s),
        "assign" | "remove" => sugar(world, s, Space::Role, 6),
        _ => sugar(world, s, Space::Registration, 5),
    }
}

/// The id of an assignment that the case does not name: the same words, the same assignment.
fn derived_id(s: &Statement, words: usize) -> String {
    s.words.get(3..words).unwrap_or_default().join("+").replace('/', ".").to_ascii_lowercase()
}

fn sugar(world: &mut World, s: &Statement, space: Space, words: usize) {
    s.allow(words..=words, &["id"]);
    let time = instant(s, 1);
    let (scope, id) = (names::scope_path(s.word(3)), s.id("id").unwrap_or_else(|| derived_id(s, words)));
    let opens = matches!(s.word(0), "assign" | "register");
    let action = if opens { Action::Write } else { Action::Delete };
    let operation = world.records.len();
    let record = |time: RawInstant, proves: bool, body: Option<Body>| AuditRecord {
        place: Place { file: 0, row: 0 },
        time,
        space,
        action,
        proves,
        correlation_id: format!("corr-{operation}"),
        event_data_id: format!("event-{operation}-{proves}"),
        assignment_id: Some(id.clone()),
        path_scope: scope.clone(),
        body,
        caller: None,
    };
    if opens {
        let body = body_of(s, space, &[s.word(3), s.word(4), s.words.get(5).map_or("-", String::as_str)]);
        push(world, s, record(time.plus_seconds(-1), false, Some(body)));
    }
    push(world, s, record(time, true, None));
}

fn one_record(world: &mut World, s: &Statement) {
    s.allow(6..=6, &["corr", "event", "body", "path", "caller", "row"]);
    let (space, action) = match s.word(3) {
        "write" => (Space::Role, Action::Write),
        "delete" => (Space::Role, Action::Delete),
        "register" => (Space::Registration, Action::Write),
        "unregister" => (Space::Registration, Action::Delete),
        _ => s.wrong("needs write, delete, register or unregister"),
    };
    let proves = match s.word(5) {
        "success" => true,
        "start" | "accepted" | "failed" => false,
        _ => s.wrong("needs a status"),
    };
    let body = s.id("body").map(|text| body_of(s, space, &text.split(',').collect::<Vec<_>>()));
    let event = s.key("event").map_or_else(|| format!("event-{}", world.records.len()), String::from);
    let record = AuditRecord {
        place: Place { file: 0, row: s.key("row").and_then(|r| r.parse().ok()).unwrap_or(0) },
        time: instant(s, 1),
        space,
        action,
        proves,
        correlation_id: none_or(s.key("corr").unwrap_or_else(|| s.wrong("needs corr= (- for none)"))),
        event_data_id: none_or(&event),
        assignment_id: s.words.get(4).filter(|id| *id != "-").map(|id| id.to_ascii_lowercase()),
        path_scope: s.id("path").and_then(|p| names::scope_path(&p)),
        body,
        caller: s.id("caller"),
    };
    push(world, s, record);
}

fn none_or(id: &str) -> String {
    if id == "-" { String::new() } else { id.to_string() }
}

fn body_of(s: &Statement, space: Space, parts: &[&str]) -> Body {
    let part = |at: usize| parts.get(at).copied().filter(|p| *p != "-");
    let scope = part(0).and_then(names::scope_path);
    match space {
        Space::Role if parts.len() != 3 => s.wrong("needs SCOPE,ROLE,PRINCIPAL"),
        Space::Role => Body { principal_id: part(2).map(str::to_ascii_lowercase), role_definition_id: part(1).map(names::role_id), definition_id: None, scope },
        Space::Registration => Body { principal_id: None, role_definition_id: None, definition_id: part(1).map(str::to_ascii_lowercase), scope },
    }
}

/// Gives the record its row, unless the case did, and remembers what it was for the line of a rejection.
fn push(world: &mut World, s: &Statement, mut record: AuditRecord) {
    let stated = record.place.row != 0;
    if !stated {
        record.place.row = 1000 + u64::try_from(world.records.len()).unwrap_or(0);
    }
    let action = match (record.space, record.action) {
        (Space::Role, Action::Write) => "write",
        (Space::Role, Action::Delete) => "delete",
        (Space::Registration, Action::Write) => "register",
        (Space::Registration, Action::Delete) => "unregister",
    };
    let row = if stated { format!("row {} ", record.place.row) } else { String::new() };
    let id = record.assignment_id.as_deref().unwrap_or("-");
    world.labels.push((record.place, format!("{row}{action} {id} {} {}", s.word(1), s.word(2))));
    world.records.push(record);
}
