//! The audit log of a run as lines: each file, its records about roles and its rejections behind it, what principals are at
//! the close. No line says where it stands among others, so a file more or less moves lines and changes none.

use std::collections::HashMap;

use pecan_core::charge::Reason;
use pecan_core::event::{Action, AuditRecord, Body, Place, PrincipalKind, Space};
use pecan_core::time::RawInstant;
use serde::{Deserialize, Serialize};

use crate::audit::AuditInput;
use crate::error::Result;
use crate::files_read::{FileRead, FilesRead};
use crate::job::ListStamp;
use crate::rejection::Rejection;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
pub enum Line {
    /// A file.
    File(FileLine),
    /// A record of the file above.
    Record(RecordLine),
    /// A rejection of the file above.
    Rejection(RejectionLine),
    /// What a principal is called: its id and Microsoft's word.
    Principal(String, String),
}

/// As [`FileRead`].
#[derive(Debug, Serialize, Deserialize)]
pub struct FileLine {
    name: String,
    hash: String,
    bytes: u64,
    rows: u64,
    source: String,
}

/// As [`AuditRecord`], without the number of its file.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordLine {
    row: u64,
    time: i128,
    registration: bool,
    deletes: bool,
    proves: bool,
    correlation: String,
    event: String,
    assignment: Option<String>,
    path: Option<String>,
    body: Option<BodyLine>,
    caller: Option<String>,
}

/// As [`Body`].
#[derive(Debug, Serialize, Deserialize)]
pub struct BodyLine {
    principal: Option<String>,
    role: Option<String>,
    definition: Option<String>,
    scope: Option<String>,
}

/// As [`Rejection`] of an audit file.
#[derive(Debug, Serialize, Deserialize)]
pub struct RejectionLine {
    row: Option<i64>,
    column: Option<String>,
    value: Option<String>,
    reason: String,
    message: String,
}

/// Hands on every line of a log.
pub fn each(audit: &AuditInput, files: &[FileRead], take: &mut dyn FnMut(Line) -> Result<()>) -> Result<()> {
    let mut records = audit.records.iter().peekable();
    let mut rejections: HashMap<(&str, &str), Vec<&Rejection>> = HashMap::new();
    for rejection in &audit.rejections {
        rejections.entry((&rejection.file, rejection.source.as_deref().unwrap_or_default())).or_default().push(rejection);
    }
    for (index, file) in files.iter().enumerate() {
        let FileRead { name, hash, bytes, rows, source, at: _, stamp: _ } = file;
        take(Line::File(FileLine { name: name.clone(), hash: hash.clone(), bytes: *bytes, rows: *rows, source: source.clone() }))?;
        while let Some(record) = records.next_if(|record| usize::try_from(record.place.file).is_ok_and(|at| at <= index)) {
            take(Line::Record(RecordLine::of(record)))?;
        }
        for rejection in rejections.remove(&(name.as_str(), source.as_str())).unwrap_or_default() {
            take(Line::Rejection(RejectionLine::of(rejection)))?;
        }
    }
    audit.principal_kinds.iter().try_for_each(|(id, kind)| take(Line::Principal(id.to_owned(), kind.word().to_owned())))
}

/// The log of these lines and its files; `None`: no such log.
pub fn together(lines: Vec<Line>) -> Option<(AuditInput, FilesRead)> {
    let (mut audit, mut files) = (AuditInput::default(), FilesRead::default());
    for line in lines {
        match line {
            Line::File(FileLine { name, hash, bytes, rows, source }) => {
                files.files.push(FileRead { name, hash, bytes, rows, source, at: "".into(), stamp: ListStamp::default() });
            }
            Line::Record(record) => audit.records.push(record.back(u32::try_from(files.files.len()).ok()?.checked_sub(1)?)),
            Line::Rejection(rejection) => audit.rejections.push(rejection.back(files.files.last()?)?),
            Line::Principal(id, kind) => audit.principal_kinds.add(&id, PrincipalKind::parse(&kind)?),
        }
    }
    Some((audit, files))
}

impl RecordLine {
    fn of(record: &AuditRecord) -> RecordLine {
        let AuditRecord { place, time, space, action, proves, correlation_id, event_data_id, assignment_id, path_scope, body, caller } = record.clone();
        let body = body.map(|Body { principal_id, role_definition_id, definition_id, scope }| BodyLine {
            principal: principal_id,
            role: role_definition_id,
            definition: definition_id,
            scope,
        });
        RecordLine {
            row: place.row,
            time: time.0,
            registration: space == Space::Registration,
            deletes: action == Action::Delete,
            proves,
            correlation: correlation_id,
            event: event_data_id,
            assignment: assignment_id,
            path: path_scope,
            body,
            caller,
        }
    }

    fn back(self, file: u32) -> AuditRecord {
        AuditRecord {
            place: Place { file, row: self.row },
            time: RawInstant(self.time),
            space: if self.registration { Space::Registration } else { Space::Role },
            action: if self.deletes { Action::Delete } else { Action::Write },
            proves: self.proves,
            correlation_id: self.correlation,
            event_data_id: self.event,
            assignment_id: self.assignment,
            path_scope: self.path,
            body: self.body.map(|body| Body { principal_id: body.principal, role_definition_id: body.role, definition_id: body.definition, scope: body.scope }),
            caller: self.caller,
        }
    }
}

impl RejectionLine {
    fn of(rejection: &Rejection) -> RejectionLine {
        RejectionLine {
            row: rejection.row,
            column: rejection.column.clone(),
            value: rejection.value.clone(),
            reason: rejection.reason.word().to_owned(),
            message: rejection.message.clone(),
        }
    }

    fn back(self, file: &FileRead) -> Option<Rejection> {
        let mut rejection = Rejection::new(&file.name, Reason::parse(&self.reason)?, self.message);
        rejection.row = self.row;
        rejection.column = self.column;
        rejection.value = self.value;
        rejection.source = Some(file.source.clone());
        Some(rejection)
    }
}
