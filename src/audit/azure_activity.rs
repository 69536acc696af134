//! `azure-activity`: Parquet files with the columns of the Log Analytics table AzureActivity (data-contracts §1.2).
//!
//! A file is read in two steps that go together piece by piece: time and operation of every record, and the other columns
//! only of pieces in which a role is given or taken.



use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::compute::take;
use pecan_core::charge::Reason;
use pecan_core::event::{Action, AuditRecord, Place, Space};
use pecan_core::time::RawInstant;

use super::content::{self, Texts};
use super::{Log, Refused};
use crate::columns::{self, Cell, Kind, Parsed, Text};
use crate::error::{Error, Result};
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
    while let (Some(head), Some(detail)) = (heads.next_piece(), details.next_piece()) {
        let chosen = Chosen::read(heads.decode(head)?, log)?;
        if !chosen.rows.is_empty() {
            chosen.records(details.decode(detail)?, index, log)?;
        }
    }
    Ok(())
}

/// The records of one piece that give or take a role.
struct Chosen {
    /// Place in the piece and operation.
    rows: Vec<(usize, Space, Action)>,
    /// Times of the whole piece.
    times: Parsed<RawInstant>,
    first_row: u64,
}

impl Chosen {
    fn read(batch: Batch, log: &mut Log<'_>) -> Result<Chosen> {
        let Batch { first_row, rows: all, columns, .. } = batch;
        let [Some(time), Some(name)] = columns.as_slice() else {
            return Err(Error::bug("audit_columns", "reading audit records", FORMAT, "another number of columns than asked for", "report this with the input file"));
        };
        let times = columns::instants(time);
        let rows = chosen_rows(&columns::text(name)?);
        (0..all).filter_map(|row| times.get(row)).for_each(|time| log.time(time));
        let unreadable = times.state.iter().filter(|state| **state != Cell::Value).count();
        let refused = rows.iter().filter(|(row, ..)| times.get(*row).is_none()).count();
        log.count("unreadable_times_passed_over", count(unreadable.saturating_sub(refused)));
        log.input.rows += count(all);
        log.input.passed_over += count(all.saturating_sub(rows.len()));
        Ok(Chosen { rows, times, first_row })
    }

    fn records(&self, batch: Batch, index: u32, log: &mut Log<'_>) -> Result<()> {
        let details = Details::read(batch, &self.rows)?;
        for (at, (row, space, action)) in self.rows.iter().enumerate() {
            let place = Place { file: index, row: self.first_row.saturating_add(count(*row)) };
            let event_data_id = details.text(at, EVENT_DATA_ID).unwrap_or_default().trim();
            let refuse = |column, value, reason, message| Refused { place, event_data_id, column, value, reason, message };
            let Some(time) = self.times.get(*row) else {
                log.refuse(&match self.times.faults.get(row) {
                    Some(fault) => refuse("TimeGenerated", fault.value.as_str(), fault.reason, fault.message.as_str()),
                    None => refuse("TimeGenerated", "", Reason::Missing, "a record of a role without its time: fetch the audit log again"),
                });
                continue;
            };
            let content = content::read(*space, details.texts(at));
            log.count("unreadable_audit_json", u64::from(content.unreadable));
            let proves = details.text(at, STATUS).is_some_and(proves);
            if proves && content.assignment_id.is_none() {
                let message = "neither Authorization.scope, _ResourceId, ResourceId, Properties.entity nor the body names an assignment: fetch the audit log again with these columns";
                log.refuse(&refuse("Authorization", "", Reason::Missing, message));
                continue;
            }
            log.input.records.push(AuditRecord {
                place,
                time,
                space: *space,
                action: *action,
                proves,
                correlation_id: details.text(at, CORRELATION_ID).unwrap_or_default().trim().to_string(),
                event_data_id: event_data_id.to_string(),
                assignment_id: content.assignment_id,
                path_scope: content.path_scope,
                body: content.body,
                caller: details.text(at, CALLER).filter(|c| !c.is_empty()).map(str::to_string),
            });
        }
        Ok(())
    }
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
        for other in ["", "write", "Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/policyAssignments/write", "Microsoft.Authorization/roleAssignments/write/x"] {
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
        let names: Text = vec![Some("x"), Some("Microsoft.Authorization/roleAssignments/write"), None, Some("Microsoft.Authorization/roleAssignments/write")].into_iter().collect();
        assert_eq!(chosen_rows(&names), [(1, Space::Role, Action::Write), (3, Space::Role, Action::Write)]);
    }
}
