//! Lists as `az` prints them, or as the REST interfaces answer (`{"value": [{"properties": {…}, "id", "name"}]}`): role
//! assignments and Lighthouse registration assignments as a batch with the columns of their table (details 22).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use pecan_core::charge::Reason;
use pecan_core::event::Space;

use crate::columns::TextBuilder;
use crate::error::{Error, Result};
use crate::json::{self, Object, Read};
use crate::store::{self, InputFile};
use crate::table_file::{Batch, Broken, Wanted};

/// What stands between the scope of a registration assignment and its name, in lower case.
const REGISTRATION: &str = "/providers/microsoft.managedservices/";

/// The array of an answer.
pub struct Answer {
    text: String,
    /// Whether the answer says that it goes on elsewhere (REST `nextLink`).
    pub goes_on: bool,
}

impl Answer {
    /// Reads a whole file.
    /// # Errors
    /// `Input` if it is no list, `Storage` if it cannot be read.
    pub fn read(file: &InputFile) -> Result<Answer> {
        let bytes = file.at.read().map_err(|e| store::io_trouble("reading a list of assignments", &file.name, &e))?;
        let text = match bytes.as_ref() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                return Err(wrong(file, "UTF-16 text", "save it as UTF-8; in Windows PowerShell: az … | Out-File -Encoding utf8"));
            }
            other => std::str::from_utf8(other.strip_prefix(b"\xef\xbb\xbf").unwrap_or(other)).map_err(|e| wrong(file, e, "save it as UTF-8"))?,
        };
        Answer::of(text.trim()).map_err(|seen| not_az(file, seen))
    }

    fn of(text: &str) -> std::result::Result<Answer, String> {
        if text.starts_with('[') {
            return Ok(Answer { text: text.to_string(), goes_on: false });
        }
        let Read::Object(object) = json::read(text) else {
            return Err(String::from("neither a JSON array nor an object with one under `value`"));
        };
        let array = object.raw("value").find(|raw| raw.starts_with('[')).ok_or("an object without an array under `value`")?;
        Ok(Answer { text: array.to_string(), goes_on: object.text("nextLink").is_some() })
    }

    /// The elements as raw JSON.
    /// # Errors
    /// `Input` if the array is broken.
    pub fn elements(&self, file: &InputFile) -> Result<Vec<&str>> {
        json::elements(&self.text).map_err(|e| not_az(file, e))
    }
}

/// The error for a file that is no list of `az`.
pub fn not_az(file: &InputFile, seen: impl std::fmt::Display) -> Error {
    wrong(file, seen, "write the answer of `az role assignment list --all` or `az managedservices assignment list` to the file again, with --output json")
}

fn wrong(file: &InputFile, seen: impl std::fmt::Display, next: &str) -> Error {
    Error::input("az_json", "reading a list of assignments", &file.name, seen, next)
}

/// The elements as a batch of the wanted columns; one that names no assignment is [`Broken`] in its place.
/// # Errors
/// `Input` for text too long for a column.
pub fn batch(elements: &[&str], space: Space, wanted: &[Wanted], file: &InputFile) -> Result<Batch> {
    let mut builders: Vec<Option<TextBuilder>> = wanted.iter().map(|w| is_told(space, w.name).then(|| TextBuilder::new(elements.len()))).collect();
    let mut broken = BTreeMap::new();
    for (row, raw) in elements.iter().enumerate() {
        let found = json::read(raw).object();
        let named = found.as_ref().filter(|o| id(o).is_some());
        if named.is_none() {
            broken.insert(row, without_id(raw, found.is_some()));
        }
        for (builder, wanted) in builders.iter_mut().zip(wanted) {
            let Some(builder) = builder else { continue };
            match named.and_then(|object| cell(space, wanted.name, object)) {
                Some(cell) => builder.push(cell.as_bytes()).map_err(|e| not_az(file, e))?,
                None => builder.push_null(),
            }
        }
    }
    let mut columns = Vec::with_capacity(builders.len());
    for builder in builders {
        let column = builder.map(TextBuilder::finish).transpose()?;
        columns.push(column.map(|c| Arc::new(c) as ArrayRef));
    }
    Ok(Batch { first_row: 1, rows: elements.len(), columns, broken, null_word: false })
}

/// Whether an answer says anything about a column; when it was asked it never says.
fn is_told(space: Space, column: &str) -> bool {
    match column {
        "id" | "scope" | "created_on" => true,
        "principal_id" | "role_definition_id" | "principal_type" => space == Space::Role,
        "definition_id" => space == Space::Registration,
        _ => false,
    }
}

fn cell(space: Space, column: &str, object: &Object) -> Option<String> {
    match (space, column) {
        (_, "id") => id(object),
        (Space::Role, "principal_id") => field(object, "principalId"),
        (Space::Role, "role_definition_id") => field(object, "roleDefinitionId"),
        (Space::Role, "scope") => field(object, "scope"),
        (Space::Role, "principal_type") => field(object, "principalType"),
        (Space::Role, "created_on") => field(object, "createdOn"),
        (Space::Registration, "definition_id") => field(object, "registrationDefinitionId"),
        (Space::Registration, "scope") => id(object).and_then(|id| scope_before_provider(&id)),
        (Space::Registration, "created_on") => object.object("systemData").object().and_then(|data| data.text("createdAt")),
        _ => None,
    }
}

fn id(object: &Object) -> Option<String> {
    object.text("id").or_else(|| object.text("name"))
}

/// `/subscriptions/S/providers/Microsoft.ManagedServices/registrationAssignments/A` → `/subscriptions/S`.
fn scope_before_provider(id: &str) -> Option<String> {
    let at = id.to_ascii_lowercase().find(REGISTRATION)?;
    id.get(..at).filter(|scope| !scope.is_empty()).map(str::to_string)
}

/// An element that names no assignment. Only `[]` says that a list held nothing.
fn without_id(raw: &str, object: bool) -> Broken {
    let (column, reason, message) = if object {
        (Some("id"), Reason::Missing, "an assignment without `id`: list the assignments again")
    } else {
        (None, Reason::BadReference, "no JSON object: list the assignments again")
    };
    Broken { column, reason, value: raw.to_string(), message: message.to_string() }
}

/// A field of an assignment, flat (`az`) or under `properties` (REST).
fn field(object: &Object, key: &str) -> Option<String> {
    object.text(key).or_else(|| object.object("properties").object().and_then(|p| p.text(key)))
}
