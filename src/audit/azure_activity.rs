//! `azure-activity` as Parquet: files with the columns of the Log Analytics table AzureActivity (data-contracts §1.2).
//!
//! A file is read in two steps that go together piece by piece: time and operation of every record, and the other columns
//! only of pieces in which a role is given or taken.

use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::compute::take;
use pecan_core::event::{Action, Place, Space};
use pecan_core::time::RawInstant;
use rayon::prelude::*;

use super::content::Texts;
use super::role_record::{Names, RoleRecord, operation};
use super::{Found, Log, count};
use crate::columns::{self, Cell, Fault, Kind, Text};
use crate::error::{Error, Result};
use crate::source::parquet_file::Piece;
use crate::store::InputFile;
use crate::table_file::{Batch, Need, ParquetRows, Wanted, Written, cell_text, written};

pub(super) const FORMAT: &str = "azure-activity";

/// What rejections call the columns, in Parquet and in JSON.
pub(super) const NAMES: Names =
    Names { time: "TimeGenerated", authorization: "Authorization", places: "Authorization.scope, _ResourceId, ResourceId, Properties.entity nor the body" };

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

/// Reads one Parquet file into the log.
/// # Errors
/// `Input` if the file is no Parquet, is damaged or lacks a column; `Storage`.
pub(super) fn read(file: &InputFile, index: u32, log: &mut Log<'_>) -> Result<()> {
    if written(file)? != Written::Parquet {
        let next = "copy the log as Parquet or JSON Lines, or name only its files with a wildcard such as …/*.parquet";
        return Err(Error::input("format", "reading an audit file of format azure-activity", &file.name, "a file that is neither Parquet nor JSON", next));
    }
    let (heads, mut details) = ParquetRows::open_twice(file, FORMAT, [&HEADS, &DETAILS])?;
    let mut heads = heads.ahead(rayon::current_num_threads());
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
        let time = match times.faults.get(&row) {
            Some(fault) => Err(fault.clone()),
            None => Ok(times.get(row)),
        };
        let place = Place { file, row: head.first_row.saturating_add(count(row)) };
        found.role_record(details.record(at, place, time, (space, action)));
    }
    Ok(found)
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

    fn record(&self, row: usize, place: Place, time: std::result::Result<Option<RawInstant>, Fault>, operation: (Space, Action)) -> RoleRecord<'_> {
        let text = |column| self.text(row, column);
        RoleRecord {
            place,
            operation,
            time,
            status: text(STATUS),
            correlation_id: text(CORRELATION_ID),
            event_data_id: text(EVENT_DATA_ID),
            caller: text(CALLER),
            texts: Texts { authorization: AUTHORIZATION.map(text), resource: RESOURCE.map(text), properties: PROPERTIES.map(text) },
            unreadable: false,
            names: NAMES,
        }
    }

    fn text(&self, row: usize, column: usize) -> Option<&str> {
        self.columns.get(column)?.as_ref().and_then(|texts| cell_text(texts, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_of_a_dictionary_is_looked_at_once_and_nulls_are_passed_over() {
        let names: Text = vec![Some("x"), Some("Microsoft.Authorization/roleAssignments/write"), None, Some("Microsoft.Authorization/roleAssignments/write")]
            .into_iter()
            .collect();
        assert_eq!(chosen_rows(&names), [(1, Space::Role, Action::Write), (3, Space::Role, Action::Write)]);
    }
}
