//! Statements about lists of assignments (snapshots); the indented lines below are the rows, none = listed and empty.
//!
//! ```text
//! list DATE TIME [scope=]
//!   ID SCOPE ROLE PRINCIPAL [created=]
//! list-registrations DATE TIME [scope=]
//!   ID SCOPE DEFINITION [created=]
//! ```

use pecan_core::event::{ListedAssignment, Place, Space};

use super::names;
use super::parser::Statement;
use super::world::{World, instant, instant_of};

/// Adds the rows of one list.
pub fn state(world: &mut World, s: &Statement) {
    s.allow(3..=3, &["scope"]);
    let space = if s.word(0) == "list" { Space::Role } else { Space::Registration };
    let row = |at: usize| ListedAssignment {
        place: Place { file: 1, row: u64::try_from(at).unwrap_or(0) + 1 },
        space,
        snapshot_at: instant(s, 1),
        snapshot_scope: s.id("scope").and_then(|scope| names::scope_path(&scope)),
        assignment_id: None,
        principal_id: None,
        role_definition_id: None,
        definition_id: None,
        scope: String::new(),
        created_on: None,
    };
    let count = world.reference.listed.len();
    if s.rows.is_empty() {
        world.reference.listed.push(row(count));
    }
    for (at, r) in s.rows.iter().enumerate() {
        let mut listed = row(count + at);
        let role = space == Space::Role;
        r.allow(if role { 4..=4 } else { 3..=3 }, &["created"]);
        listed.assignment_id = Some(r.word(0).to_ascii_lowercase());
        listed.scope = names::scope_path(r.word(1)).unwrap_or_default();
        listed.created_on = instant_of(r, "created");
        if role {
            listed.role_definition_id = Some(names::role_id(r.word(2)));
            listed.principal_id = Some(r.word(3).to_ascii_lowercase());
        } else {
            listed.definition_id = Some(r.word(2).to_ascii_lowercase());
        }
        world.reference.listed.push(listed);
    }
}
