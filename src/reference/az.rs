//! Role assignments as `az role assignment list` prints them, or as the REST interface answers
//! (`{"value": [{"properties": {…}, "id", "name"}]}`): a batch with the columns of `assignments` (details 22).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use pecan_core::charge::Reason;

use super::tables::ASSIGNMENTS;
use crate::columns::TextBuilder;
use crate::error::{Error, Result};
use crate::json::{self, Object, Read};
use crate::store::{self, InputFile};
use crate::table_file::{Batch, Broken};

/// What a list says.
pub struct AzList {
    /// One row per assignment; `None`: the list is there and holds nothing.
    pub batch: Option<Batch>,
    /// Whether the answer says that it goes on elsewhere (REST `nextLink`).
    pub goes_on: bool,
}

/// Reads a whole file.
/// # Errors
/// `Input` if it is no such list, `Storage` if it cannot be read.
pub fn read(file: &InputFile) -> Result<AzList> {
    let bytes = std::fs::read(&file.path).map_err(|e| store::io_trouble("reading a list of role assignments", &file.name, &e))?;
    let text = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(wrong(file, "UTF-16 text", "save it as UTF-8; in Windows PowerShell: az … | Out-File -Encoding utf8"));
        }
        other => std::str::from_utf8(other.strip_prefix(b"\xef\xbb\xbf").unwrap_or(other)).map_err(|e| wrong(file, e, "save it as UTF-8"))?,
    };
    list(text.trim()).map_err(|seen| wrong(file, seen, "write the output of `az role assignment list --all --output json` to the file again"))
}

fn wrong(file: &InputFile, seen: impl std::fmt::Display, next: &str) -> Error {
    Error::input("az_json", "reading a list of role assignments", &file.name, seen, next)
}

fn list(text: &str) -> std::result::Result<AzList, String> {
    let object;
    let (array, goes_on) = if text.starts_with('[') {
        (text, false)
    } else {
        let Read::Object(read) = json::read(text) else {
            return Err(String::from("neither a JSON array nor an object with one under `value`"));
        };
        object = read;
        let array = object.raw("value").find(|raw| raw.starts_with('['));
        (array.ok_or("an object without an array under `value`")?, object.text("nextLink").is_some())
    };
    let elements = json::elements(array).map_err(|e| e.to_string())?;
    let batch = if elements.is_empty() { None } else { Some(batch(&elements)?) };
    Ok(AzList { batch, goes_on })
}

/// How az and REST spell a column of `assignments`.
fn spelling(column: &str) -> Option<&'static str> {
    match column {
        "principal_id" => Some("principalId"),
        "role_definition_id" => Some("roleDefinitionId"),
        "scope" => Some("scope"),
        "created_on" => Some("createdOn"),
        _ => None,
    }
}

fn batch(elements: &[&str]) -> std::result::Result<Batch, String> {
    let mut builders: Vec<Option<TextBuilder>> =
        ASSIGNMENTS.iter().map(|w| (w.name == "id" || spelling(w.name).is_some()).then(|| TextBuilder::new(elements.len()))).collect();
    let mut broken = BTreeMap::new();
    for (row, raw) in elements.iter().enumerate() {
        let found = json::read(raw).object();
        let id = found.as_ref().and_then(|o| o.text("id").or_else(|| o.text("name")));
        if id.is_none() {
            broken.insert(row, without_id(raw, found.is_some()));
        }
        for (builder, wanted) in builders.iter_mut().zip(&ASSIGNMENTS) {
            let Some(builder) = builder else { continue };
            let cell = match (&id, spelling(wanted.name)) {
                (None, _) => None,
                (Some(id), None) => Some(id.clone()),
                (Some(_), Some(key)) => found.as_ref().and_then(|o| field(o, key)),
            };
            match cell {
                Some(cell) => builder.push(cell.as_bytes())?,
                None => builder.push_null(),
            }
        }
    }
    let mut columns = Vec::with_capacity(builders.len());
    for builder in builders {
        let column = builder.map(TextBuilder::finish).transpose().map_err(|e| e.to_string())?;
        columns.push(column.map(|c| Arc::new(c) as ArrayRef));
    }
    Ok(Batch { first_row: 1, rows: elements.len(), columns, broken, null_word: false })
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
