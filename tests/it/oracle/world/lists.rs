//! Lists of assignments: complete for a scope, or not; with `created_on` near the writes, or not.

use pecan_core::event::{AuditRecord, ListedAssignment, Place, Space};
use pecan_core::time::RawInstant;

use super::log::Story;
use super::{Dice, MANAGEMENT_GROUPS, NEAR, careless, path_below};

/// Two lists of one instant may disagree; how many worlds in a hundred have such.
const AT_ONCE: usize = 8;

fn list_scope(dice: &mut Dice) -> Option<String> {
    match dice.below(10) {
        0..=4 => None,
        5 | 6 => Some(path_below(dice, 0)),
        7 => Some(path_below(dice, 1)),
        8 => {
            let name = MANAGEMENT_GROUPS[dice.below(2)];
            Some(careless(dice, &format!("/providers/Microsoft.Management/managementGroups/{name}")))
        }
        _ => Some("/".into()),
    }
}

fn created_on(dice: &mut Dice, story: &Story, records: &[AuditRecord], snapshot_at: RawInstant) -> Option<RawInstant> {
    let ours: Vec<i128> = records.iter().filter(|r| r.space == story.space && r.assignment_id.as_ref() == Some(&story.assignment)).map(|r| r.time.0).collect();
    let created = match dice.below(10) {
        0 | 1 => return None,
        2..=6 if !ours.is_empty() => {
            let distance = *dice.pick(&NEAR);
            RawInstant(*dice.pick(&ours) - distance)
        }
        7 => RawInstant(snapshot_at.0 - *dice.pick(&NEAR)),
        _ => dice.instant(),
    };
    // A list taken before what it holds was created happens only with a wrong clock.
    Some(if dice.chance(95) { created.min(snapshot_at) } else { created })
}

/// All rows of all lists of a world.
pub fn listed(dice: &mut Dice, stories: &[Story], records: &[AuditRecord]) -> Vec<ListedAssignment> {
    let mut rows: Vec<ListedAssignment> = Vec::new();
    if dice.chance(25) {
        return rows;
    }
    let at_once = dice.chance(AT_ONCE);
    let impatient = dice.chance(1);
    for (space, most) in [(Space::Role, 4), (Space::Registration, 2)] {
        for _ in 0..dice.below(most + 1) {
            let (snapshot_at, snapshot_scope) = (dice.instant(), list_scope(dice));
            let clashes = rows.iter().any(|row| row.space == space && row.snapshot_at == snapshot_at);
            let near = |row: &ListedAssignment| row.snapshot_scope.is_none() && (row.snapshot_at.0 - snapshot_at.0).abs() < 600_000_000_000;
            let hasty = snapshot_scope.is_none() && rows.iter().any(|row| near(row) && row.snapshot_at != snapshot_at);
            if (clashes && !at_once) || (hasty && !impatient) {
                continue;
            }
            list(dice, &mut rows, stories, records, (space, snapshot_at, snapshot_scope));
        }
    }
    dice.shuffle(&mut rows);
    for (at, row) in rows.iter_mut().enumerate() {
        row.place = Place { file: 9, row: u64::try_from(at + 1).unwrap_or(1) };
    }
    rows
}

fn list(dice: &mut Dice, rows: &mut Vec<ListedAssignment>, stories: &[Story], records: &[AuditRecord], list: (Space, RawInstant, Option<String>)) {
    let (space, snapshot_at, snapshot_scope) = list;
    let before = rows.len();
    let blank = ListedAssignment {
        place: Place { file: 0, row: 0 },
        space,
        snapshot_at,
        snapshot_scope,
        assignment_id: None,
        principal_id: None,
        role_definition_id: None,
        definition_id: None,
        scope: String::new(),
        created_on: None,
    };
    let nearly_all = dice.chance(60);
    for story in stories.iter().filter(|s| s.space == space) {
        if !dice.chance(if nearly_all { 90 } else { 40 }) {
            continue;
        }
        let body = &story.contents[usize::from(dice.chance(12))];
        let row = ListedAssignment {
            assignment_id: Some(story.assignment.clone()),
            principal_id: body.principal_id.clone(),
            role_definition_id: body.role_definition_id.clone(),
            definition_id: body.definition_id.clone(),
            scope: careless(dice, body.scope.as_deref().unwrap_or("/")),
            created_on: created_on(dice, story, records, snapshot_at),
            ..blank.clone()
        };
        if dice.chance(3) {
            // The same row with another created_on.
            rows.push(ListedAssignment { created_on: created_on(dice, story, records, snapshot_at), ..row.clone() });
        }
        if dice.chance(10) {
            rows.push(ListedAssignment { snapshot_scope: row.snapshot_scope.as_ref().map(|s| s.to_ascii_uppercase()), ..row.clone() });
        }
        rows.push(row);
    }
    if rows.len() == before || dice.chance(5) {
        rows.push(blank);
    }
}
