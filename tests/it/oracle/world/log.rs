//! Audit records: stories of assignments, then everything that goes wrong between Azure and us.

use pecan_core::event::{Action, AuditRecord, Body, Place, Space};
use pecan_core::time::RawInstant;

use super::super::product::BUILT_IN;
use super::{Dice, MINUTE, NEAR, PRINCIPALS, SECOND, access_path, careless, path_below, path_of};

/// What an assignment gives, in this world: two contents, the second rarely used.
pub struct Story {
    pub space: Space,
    pub assignment: String,
    pub contents: [Body; 2],
}

fn role(dice: &mut Dice) -> String {
    match dice.below(10) {
        0..=5 => BUILT_IN[0].0.into(),
        6 => BUILT_IN[1].0.into(),
        7 => BUILT_IN[2].0.into(),
        8 => (*dice.pick(&["custom-1", "custom-2"])).into(),
        _ => BUILT_IN[3].0.into(),
    }
}

fn content(dice: &mut Dice, space: Space) -> Body {
    match space {
        Space::Role => Body {
            principal_id: Some(String::from(*dice.pick(&PRINCIPALS))),
            role_definition_id: Some(role(dice)),
            definition_id: None,
            scope: Some(access_path(dice)),
        },
        Space::Registration => Body {
            definition_id: Some(String::from(*dice.pick(&["def-1", "def-2", "def-unknown"]))),
            scope: Some({
                let depth = dice.below(2);
                path_below(dice, depth)
            }),
            ..Body::default()
        },
    }
}

/// The assignments of a world. Both name spaces use the id `a-1`.
pub fn stories(dice: &mut Dice) -> Vec<Story> {
    let mut stories = Vec::new();
    for (space, count) in [(Space::Role, dice.between(2, 5)), (Space::Registration, dice.below(3))] {
        for number in 1..=count {
            let first = content(dice, space);
            let second = match dice.below(3) {
                // Other content that differs in one thing only.
                0 => Body { scope: Some(access_path(dice)), ..first.clone() },
                1 if space == Space::Role => Body { role_definition_id: Some(role(dice)), ..first.clone() },
                _ => content(dice, space),
            };
            let second = if space == Space::Registration { content(dice, space) } else { second };
            stories.push(Story { space, assignment: format!("a-{number}"), contents: [first, second] });
        }
    }
    stories
}

/// Makes the stories relay each other: earning roles on one chain of scopes, of principals of two organisations in turn.
pub fn relay(dice: &mut Dice, stories: &mut [Story]) {
    for (at, story) in stories.iter_mut().filter(|s| s.space == Space::Role).enumerate() {
        let path = path_of(0, 0, 0, dice.below(3));
        story.contents[0] = Body {
            principal_id: Some(PRINCIPALS[if at % 2 == 0 { 0 } else { 3 }].into()),
            role_definition_id: Some(BUILT_IN[dice.below(2)].0.into()),
            definition_id: None,
            scope: Some(careless(dice, &path)),
        };
    }
}

/// Records in the making.
struct Pen<'a> {
    dice: &'a mut Dice,
    records: Vec<AuditRecord>,
    operations: usize,
}

/// All audit records of the stories.
pub fn records(dice: &mut Dice, stories: &[Story], relay: bool) -> Vec<AuditRecord> {
    let mut pen = Pen { dice, records: Vec::new(), operations: 0 };
    if relay {
        pen.hand_over(stories);
    }
    let silent = relay || pen.dice.chance(10);
    for story in stories {
        let count = if silent { 0 } else { *pen.dice.pick(&[0, 1, 1, 1, 2, 3, 4, 6]) };
        for step in 0..count {
            // Mostly writes and deletes in turn, at whatever instants.
            let write = if pen.dice.chance(80) { step % 2 == 0 } else { pen.dice.chance(50) };
            let time = pen.dice.instant();
            pen.operation(story, if write { Action::Write } else { Action::Delete }, time);
        }
    }
    if pen.dice.chance(10) {
        let stray = Story { space: Space::Role, assignment: "a-stray".into(), contents: [Body::default(), Body::default()] };
        let time = pen.dice.instant();
        pen.operation(&stray, Action::Delete, time);
    }
    let Pen { dice, mut records, .. } = pen;
    dice.shuffle(&mut records);
    for (at, record) in records.iter_mut().enumerate() {
        record.place = Place { file: u32::try_from(at % 3).unwrap_or(0), row: u64::try_from(at / 3 + 1).unwrap_or(1) };
    }
    dice.shuffle(&mut records);
    records
}

impl Pen<'_> {
    fn event_id(&mut self) -> String {
        if self.dice.chance(8) { String::new() } else { format!("Event-{}", self.records.len()) }
    }

    fn correlation_id(&mut self) -> String {
        match self.dice.below(12) {
            0 => String::new(),
            // One deployment does several things.
            1 => "correlation-shared".into(),
            _ => format!("correlation-{}", self.operations),
        }
    }

    /// A body that may leave the scope to the record's path, and that path: of one assignment it is always the same place.
    fn body(&mut self, story: &Story, which: usize) -> (Body, Option<String>) {
        let mut body = story.contents[which].clone();
        let path = story.contents[0].scope.as_ref().map(|scope| careless(self.dice, scope));
        let path = path.map(|p| if p.len() > 1 { p.trim_end_matches('/').into() } else { p });
        if story.space == Space::Registration || self.dice.chance(20) {
            body.scope = None;
        }
        if self.dice.chance(2) {
            body.role_definition_id = None;
        }
        (body, path)
    }

    /// Each assignment is given when the one before is taken, or nearly so.
    fn hand_over(&mut self, stories: &[Story]) {
        let mut instants: Vec<RawInstant> = (0..=stories.len()).map(|_| self.dice.instant()).collect();
        instants.sort_unstable();
        for (story, pair) in stories.iter().zip(instants.windows(2)) {
            self.operation(story, Action::Write, pair[0]);
            let late = *self.dice.pick(&[0, 0, 0, 1, 1_000, -1, SECOND, -SECOND, 60 * MINUTE, -60 * MINUTE]);
            self.operation(story, Action::Delete, RawInstant(pair[1].0 + late));
        }
    }

    fn operation(&mut self, story: &Story, action: Action, time: RawInstant) {
        self.operations += 1;
        let which = usize::from(self.dice.chance(15));
        let (body, path_scope) = self.body(story, which);
        // 0: body on the start record, 1: on the success record, 2: on both, 3: nowhere.
        let carrier = if action == Action::Delete { 3 } else { *self.dice.pick(&[0, 0, 0, 1, 1, 2, 2, 2, 2, 3]) };
        let blank = AuditRecord {
            place: Place { file: 0, row: 0 },
            time,
            space: story.space,
            action,
            proves: true,
            correlation_id: self.correlation_id(),
            event_data_id: String::new(),
            assignment_id: Some(story.assignment.clone()),
            path_scope,
            body: None,
            caller: None,
        };
        if self.dice.chance(60) || carrier == 0 || carrier == 2 {
            let event_data_id = self.event_id();
            let started = RawInstant(time.0 - *self.dice.pick(&[0, SECOND, MINUTE]));
            let carried = matches!(carrier, 0 | 2).then(|| body.clone());
            self.records.push(AuditRecord { time: started, proves: false, event_data_id, body: carried, ..blank.clone() });
        }
        let event_data_id = self.event_id();
        let success = AuditRecord { event_data_id, proves: self.dice.chance(92), body: matches!(carrier, 1 | 2).then_some(body), ..blank };
        self.records.push(success.clone());
        self.spoil(story, &success);
    }

    /// Deliveries and successes there should not be.
    fn spoil(&mut self, story: &Story, success: &AuditRecord) {
        let moved = RawInstant(success.time.0 + *self.dice.pick(&NEAR));
        let other = (success.action == Action::Write).then(|| self.body(story, 1).0);
        match self.dice.below(24) {
            0 | 1 => self.records.push(success.clone()),
            2 => self.records.push(AuditRecord { time: moved, event_data_id: success.event_data_id.to_uppercase(), ..success.clone() }),
            3 if !success.event_data_id.is_empty() => self.records.push(AuditRecord { body: None, ..success.clone() }),
            4 if !success.event_data_id.is_empty() => self.records.push(AuditRecord { body: other, ..success.clone() }),
            5 if !success.event_data_id.is_empty() => self.records.push(AuditRecord { time: moved, body: other, ..success.clone() }),
            6 | 7 => {
                let event_data_id = self.event_id();
                self.records.push(AuditRecord { time: moved, event_data_id, correlation_id: success.correlation_id.to_uppercase(), ..success.clone() });
            }
            8 => {
                let event_data_id = self.event_id();
                self.records.push(AuditRecord { event_data_id, body: other, ..success.clone() });
            }
            _ => {}
        }
    }
}
