//! `azure-activity`: Parquet files with the columns of the Log Analytics table AzureActivity (data-contracts §1.2).
//!
//! A file is read in two steps that go together piece by piece: time and operation of every record, and the other columns
//! only of pieces in which a role is given or taken.

use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::compute::take;
use pecan_core::charge::Reason;
use pecan_core::event::{Action, AuditRecord, Place, Space};
use pecan_core::time::RawInstant;
use rayon::prelude::*;

use super::content::{self, Content, Texts};
use super::{Found, Log, Refused};
use crate::columns::{self, Cell, Fault, Kind, Text};
use crate::error::{Error, Result};
use crate::source::parquet_file::Piece;
use crate::store::InputFile;
use crate::table_file::{Batch, Need, ParquetRows, Wanted, Written, cell_text, written};

const FORMAT: &str = "azure-activity";

/// Read of every record.
const HEADS: [Wanted; 2] = [Wanted::new("TimeGenerated", Kind::Instant), Wanted::new("OperationNameValue", Kind::Text)];

/// Read of records of the four operations.
const DETAILS: [Wanted; 10] = [
    Wanted::new("ActivityStatusValue", Kind::Text),
    Wanted::id("CorrelationId"),
    optional("EventDataId"),
    optional("Authorization"),
    optional("Authorization_d"),
    optional("_ResourceId"),
    optional("ResourceId"),
    Wanted::new("Properties", Kind::Text).need(Need::Either),
    Wanted::new("Properties_d", Kind::Text).need(Need::Either),
    optional("Caller"),
];

const fn optional(name: &'static str) -> Wanted {
    Wanted::new(name, Kind::Text).need(Need::Optional)
}

/// The operations that give or take a role, in any case (data-contracts §1.2).
fn operation(name: &str) -> Option<(Space, Action)> {
    let (space, verb) = match name.trim().to_ascii_lowercase().rsplit_once('/')? {
        ("microsoft.authorization/roleassignments", verb) => (Space::Role, verb.to_string()),
        ("microsoft.managedservices/registrationassignments", verb) => (Space::Registration, verb.to_string()),
        _ => return None,
    };
    match verb.as_str() {
        "write" => Some((space, Action::Write)),
        "delete" => Some((space, Action::Delete)),
        _ => None,
    }
}

/// Only these words prove an operation (details 19).
fn proves(status: &str) -> bool {
    let status = status.trim();
    status.eq_ignore_ascii_case("Success") || status.eq_ignore_ascii_case("Succeeded")
}

/// Reads one file into the log.
/// # Errors
/// `Input` if the file is no Parquet, is damaged or lacks a column; `Storage`.
pub(super) fn read(file: &InputFile, index: u32, log: &mut Log<'_>) -> Result<()> {
    if written(file)? != Written::Parquet {
        let next = "copy the log as Parquet, or name only the Parquet files with a wildcard such as …/*.parquet";
        return Err(Error::input("format", "reading an audit file of format azure-activity", &file.name, "a file that is not Parquet", next));
    }
    let mut heads = ParquetRows::open(file, FORMAT, &HEADS)?;
    let mut details = ParquetRows::open(file, FORMAT, &DETAILS)?;
    loop {
        // As many pieces at a time as there are threads: memory follows their size, not the file's.
        let pieces = std::iter::from_fn(|| Some((heads.next_piece()?, details.next_piece()?)));
        let pieces: Vec<(Piece, Piece)> = pieces.take(rayon::current_num_threads().max(1)).collect();
        if pieces.is_empty() {
            return Ok(());
        }
        let read = |(head, detail)| read_piece(heads.decode(head)?, || details.decode(detail), index);
        let found: Vec<Result<Found>> = pieces.into_par_iter().map(read).collect();
        for found in found {
            log.absorb(found?);
        }
    }
}

/// Reads one piece; its details are decoded only if it holds records of the four operations.
fn read_piece(head: Batch, detail: impl FnOnce() -> Result<Batch>, file: u32) -> Result<Found> {
    let [Some(time), Some(name)] = head.columns.as_slice() else {
        return Err(Error::bug(
            "audit_columns",
            "reading audit records",
            FORMAT,
            "another number of columns than asked for",
            "report this with the input file",
        ));
    };
    let times = columns::instants(time);
    let chosen = chosen_rows(&columns::text(name)?);
    let mut found = Found { rows: count(head.rows), passed_over: count(head.rows.saturating_sub(chosen.len())), ..Found::default() };
    (0..head.rows).filter_map(|row| times.get(row)).for_each(|time| found.time(time));
    let unreadable = times.state.iter().filter(|state| **state != Cell::Value).count();
    let refused = chosen.iter().filter(|(row, ..)| times.get(*row).is_none()).count();
    found.count("unreadable_times_passed_over", count(unreadable.saturating_sub(refused)));
    if chosen.is_empty() {
        return Ok(found);
    }
    let details = Details::read(detail()?, &chosen)?;
    for (at, (row, space, action)) in chosen.into_iter().enumerate() {
        let place = Place { file, row: head.first_row.saturating_add(count(row)) };
        let content = content::read(space, details.texts(at));
        found.count("unreadable_audit_json", u64::from(content.unreadable));
        let record = match times.get(row) {
            Some(time) => details.record(at, place, time, (space, action), content),
            None => Err(details.refused(at, place, time_fault(times.faults.get(&row)))),
        };
        match record {
            Ok(record) => found.records.push(record),
            Err(refused) => found.refused.push(refused),
        }
    }
    Ok(found)
}

/// Why a record of a role has no time.
fn time_fault(fault: Option<&Fault>) -> (&'static str, Fault) {
    let missing = || Fault { value: String::new(), reason: Reason::Missing, message: "a record of a role without its time: fetch the audit log again".into() };
    ("TimeGenerated", fault.cloned().unwrap_or_else(missing))
}

/// Rows of the four operations; each distinct name is looked at once.
fn chosen_rows(names: &Text) -> Vec<(usize, Space, Action)> {
    let known: Vec<Option<(Space, Action)>> = names.values().as_string::<i32>().iter().map(|name| name.and_then(operation)).collect();
    if known.iter().all(Option::is_none) {
        return Vec::new();
    }
    let operation = |key: i32| usize::try_from(key).ok().and_then(|key| known.get(key)).copied().flatten();
    let rows = names.keys().iter().enumerate();
    rows.filter_map(|(row, key)| key.and_then(operation).map(|(space, action)| (row, space, action))).collect()
}

const STATUS: usize = 0;
const CORRELATION_ID: usize = 1;
const EVENT_DATA_ID: usize = 2;
const AUTHORIZATION: [usize; 2] = [3, 4];
const RESOURCE: [usize; 2] = [5, 6];
const PROPERTIES: [usize; 2] = [7, 8];
const CALLER: usize = 9;

/// The other columns of the chosen records, one per entry of [`DETAILS`].
struct Details {
    columns: Vec<Option<Text>>,
}

impl Details {
    fn read(batch: Batch, rows: &[(usize, Space, Action)]) -> Result<Details> {
        let chosen = UInt64Array::from_iter_values(rows.iter().map(|(row, ..)| count(*row)));
        let text = |array: ArrayRef| -> Result<Text> {
            let bug = |e| Error::bug("audit_rows", "choosing audit records", FORMAT, e, "report this with the input file");
            columns::text(&take(array.as_ref(), &chosen, None).map_err(bug)?)
        };
        let columns = batch.columns.into_iter().map(|c| c.map(text).transpose()).collect::<Result<_>>()?;
        Ok(Details { columns })
    }

    /// The record, unless it is a success that names no assignment anywhere.
    fn record(
        &self,
        row: usize,
        place: Place,
        time: RawInstant,
        (space, action): (Space, Action),
        content: Content,
    ) -> std::result::Result<AuditRecord, Refused> {
        let proves = self.text(row, STATUS).is_some_and(proves);
        if proves && content.assignment_id.is_none() {
            let message = "neither Authorization.scope, _ResourceId, ResourceId, Properties.entity nor the body names an assignment: fetch the audit log again with these columns";
            return Err(self.refused(row, place, ("Authorization", Fault { value: String::new(), reason: Reason::Missing, message: message.into() })));
        }
        let trimmed = |column| self.text(row, column).unwrap_or_default().trim().to_string();
        Ok(AuditRecord {
            place,
            time,
            space,
            action,
            proves,
            correlation_id: trimmed(CORRELATION_ID),
            event_data_id: trimmed(EVENT_DATA_ID),
            assignment_id: content.assignment_id,
            path_scope: content.path_scope,
            body: content.body,
            caller: self.text(row, CALLER).filter(|c| !c.is_empty()).map(str::to_string),
        })
    }

    fn refused(&self, row: usize, place: Place, (column, fault): (&'static str, Fault)) -> Refused {
        let event_data_id = self.text(row, EVENT_DATA_ID).unwrap_or_default().trim().to_string();
        Refused { place, event_data_id, column, value: fault.value, reason: fault.reason, message: fault.message }
    }

    fn text(&self, row: usize, column: usize) -> Option<&str> {
        self.columns.get(column)?.as_ref().and_then(|texts| cell_text(texts, row))
    }

    fn texts(&self, row: usize) -> Texts<'_> {
        let both = |columns: [usize; 2]| columns.map(|column| self.text(row, column));
        Texts { authorization: both(AUTHORIZATION), resource: both(RESOURCE), properties: both(PROPERTIES) }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_operations_are_told_in_any_case() {
        assert_eq!(operation("Microsoft.Authorization/roleAssignments/write"), Some((Space::Role, Action::Write)));
        assert_eq!(operation("MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/DELETE"), Some((Space::Role, Action::Delete)));
        assert_eq!(operation("microsoft.managedservices/registrationassignments/Write"), Some((Space::Registration, Action::Write)));
        assert_eq!(operation(" Microsoft.ManagedServices/registrationAssignments/delete"), Some((Space::Registration, Action::Delete)));
        for other in [
            "",
            "write",
            "Microsoft.Authorization/roleAssignments/read",
            "Microsoft.Authorization/roleAssignments",
            "Microsoft.Authorization/policyAssignments/write",
            "Microsoft.Authorization/roleAssignments/write/x",
        ] {
            assert_eq!(operation(other), None, "{other}");
        }
    }

    #[test]
    fn only_success_proves() {
        for word in ["Success", "succeeded", " SUCCEEDED "] {
            assert!(proves(word));
        }
        for word in ["Start", "Started", "Accepted", "Failure", "Failed", ""] {
            assert!(!proves(word));
        }
    }

    #[test]
    fn each_name_of_a_dictionary_is_looked_at_once_and_nulls_are_passed_over() {
        let names: Text = vec![Some("x"), Some("Microsoft.Authorization/roleAssignments/write"), None, Some("Microsoft.Authorization/roleAssignments/write")]
            .into_iter()
            .collect();
        assert_eq!(chosen_rows(&names), [(1, Space::Role, Action::Write), (3, Space::Role, Action::Write)]);
    }
}
