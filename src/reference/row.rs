//! One row of a reference table: typed cells, and what is wrong with it if something is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use pecan_core::charge::Reason;
use pecan_core::event::Place;
use pecan_core::money::D22;
use pecan_core::reference::{Validity, span_of};
use pecan_core::scope::{id_key, last_segment};
use pecan_core::time::{Day, RawInstant, Span};

use crate::columns::{self, Fault, Kind, Parsed, Text};
use crate::error::Result;
use crate::table_file::{Batch, Wanted, cell_text};

/// Why a row cannot be used: the column at fault, what stood there, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// As the contract names it.
    pub column: &'static str,
    /// What stood there; empty if nothing did.
    pub value: String,
    /// The word of the `rejection` table.
    pub reason: Reason,
    /// What was seen and what to do.
    pub message: String,
}

impl RowFault {
    /// A fault of one cell.
    pub fn new(column: &'static str, value: impl Into<String>, reason: Reason, message: impl Into<String>) -> RowFault {
        RowFault { column, value: value.into(), reason, message: message.into() }
    }
}

/// One column, parsed as what the table says it holds.
enum Cells {
    Absent,
    Text(Text),
    Instant(Parsed<RawInstant>),
    Day(Parsed<i32>),
    Rate(Parsed<i128>),
    Flag(Parsed<bool>),
}

/// The rows of one batch.
pub struct Rows {
    columns: Vec<(&'static str, Cells)>,
    /// As written, for messages.
    raw: Vec<Option<ArrayRef>>,
    file: u32,
    first_row: u64,
}

impl Rows {
    /// Parses a batch. `file` is the index of its file in the run's list.
    /// # Errors
    /// `Input` for a column that is no text where text is wanted.
    pub fn new(batch: Batch, wanted: &[Wanted], file: u32) -> Result<Rows> {
        let mut parsed = Vec::with_capacity(wanted.len());
        let mut raw = Vec::with_capacity(wanted.len());
        for (wanted, array) in wanted.iter().zip(batch.columns) {
            let array = match array {
                Some(array) => Some(without_null_word(array, wanted, batch.null_word)?),
                None => None,
            };
            let cells = match &array {
                None => Cells::Absent,
                Some(array) => cells(array, wanted.kind)?,
            };
            parsed.push((wanted.name, cells));
            raw.push(array);
        }
        Ok(Rows { columns: parsed, raw, file, first_row: batch.first_row })
    }

    /// A row by its place in the batch.
    pub fn row(&self, at: usize) -> Row<'_> {
        Row { rows: self, at }
    }
}

fn without_null_word(array: ArrayRef, wanted: &Wanted, null_word: bool) -> Result<ArrayRef> {
    let applies = null_word && (wanted.id || matches!(wanted.kind, Kind::Number | Kind::Rate | Kind::Day | Kind::Instant));
    Ok(if applies { Arc::new(columns::without_null_word(&columns::text(&array)?)) } else { array })
}

fn cells(array: &ArrayRef, kind: Kind) -> Result<Cells> {
    Ok(match kind {
        Kind::Text => Cells::Text(columns::text(array)?),
        Kind::Instant => Cells::Instant(columns::instants(array)),
        Kind::Day => Cells::Day(columns::days(array)),
        Kind::Rate | Kind::Number => Cells::Rate(columns::rates(array)),
        Kind::Flag => Cells::Flag(columns::flags(array)),
    })
}

/// One row of a reference table.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    rows: &'a Rows,
    at: usize,
}

impl<'a> Row<'a> {
    /// Where the row was read.
    pub fn place(self) -> Place {
        let below = u64::try_from(self.at).unwrap_or(u64::MAX);
        Place { file: self.rows.file, row: self.rows.first_row.saturating_add(below) }
    }

    fn cells(self, column: &str) -> &'a Cells {
        self.rows.columns.iter().find(|(name, _)| *name == column).map_or(&Cells::Absent, |(_, cells)| cells)
    }

    /// The cell as written, for messages; empty if there is nothing.
    pub fn written(self, column: &str) -> String {
        let at = self.rows.columns.iter().position(|(name, _)| *name == column);
        let array = at.and_then(|at| self.rows.raw.get(at)).and_then(Option::as_ref);
        let one = array.filter(|a| self.at < a.len()).and_then(|a| columns::text(&a.slice(self.at, 1)).ok());
        one.as_ref().and_then(|text| cell_text(text, 0)).unwrap_or_default().to_string()
    }

    /// Text without surrounding blanks, if there is any.
    pub fn text(self, column: &str) -> Option<&'a str> {
        match self.cells(column) {
            Cells::Text(text) => cell_text(text, self.at).map(str::trim).filter(|t| !t.is_empty()),
            _ => None,
        }
    }

    /// Text that must be there.
    /// # Errors
    /// `missing`.
    pub fn needed_text(self, column: &'static str) -> std::result::Result<&'a str, RowFault> {
        self.text(column).ok_or_else(|| self.missing(column))
    }

    /// An id: last path segment, lower case; empty and the all-zero GUID are nothing (data-contracts §1).
    pub fn id(self, column: &str) -> Option<String> {
        self.text(column).and_then(|text| id_key(last_segment(text)))
    }

    /// An id that must be there.
    /// # Errors
    /// `missing`.
    pub fn needed_id(self, column: &'static str) -> std::result::Result<String, RowFault> {
        self.id(column).ok_or_else(|| self.missing(column))
    }

    /// A word of a fixed set.
    /// # Errors
    /// `missing`, or `unknown_word` with the words there are.
    pub fn word<T>(self, column: &'static str, read: impl Fn(&str) -> Option<T>, known: &str) -> std::result::Result<T, RowFault> {
        let text = self.needed_text(column)?;
        read(text)
            .ok_or_else(|| RowFault::new(column, text, Reason::UnknownWord, format!("`{}` is not one of {known}: write one of these", columns::shown(text))))
    }

    /// An instant; a bare date is midnight UTC.
    /// # Errors
    /// `not_a_date`.
    pub fn instant(self, column: &'static str) -> std::result::Result<Option<RawInstant>, RowFault> {
        match self.cells(column) {
            Cells::Instant(parsed) => self.parsed(column, parsed),
            _ => Ok(None),
        }
    }

    /// A rate as a fraction, which must be there.
    /// # Errors
    /// `missing`, `not_a_number` or `out_of_range`.
    pub fn rate(self, column: &'static str) -> std::result::Result<D22, RowFault> {
        let value = match self.cells(column) {
            Cells::Rate(parsed) => self.parsed(column, parsed)?,
            _ => None,
        };
        value.map(D22).ok_or_else(|| self.missing(column))
    }

    /// Yes or no, which must be there.
    /// # Errors
    /// `missing` or `unknown_word`.
    pub fn flag(self, column: &'static str) -> std::result::Result<bool, RowFault> {
        let value = match self.cells(column) {
            Cells::Flag(parsed) => self.parsed(column, parsed)?,
            _ => None,
        };
        value.ok_or_else(|| self.missing(column))
    }

    /// The span between two columns of instants; null = since ever or open (details 17).
    /// # Errors
    /// `not_a_date`, or `bad_span` if it is empty or inverted.
    pub fn span(self, from: &'static str, until: &'static str) -> std::result::Result<Option<Span>, RowFault> {
        span_of(self.instant(from)?, self.instant(until)?).map_err(|_| self.bad_span(from, until))
    }

    /// The whole days between two columns, `until` exclusive (details 26).
    /// # Errors
    /// `not_a_date`, or `bad_span` if there are none.
    pub fn validity(self, from: &'static str, until: &'static str) -> std::result::Result<Validity, RowFault> {
        Validity::new(self.day(from)?, self.day(until)?).map_err(|_| self.bad_span(from, until))
    }

    fn day(self, column: &'static str) -> std::result::Result<Option<Day>, RowFault> {
        match self.cells(column) {
            Cells::Day(parsed) => Ok(self.parsed(column, parsed)?.map(Day)),
            _ => Ok(None),
        }
    }

    fn parsed<T: Copy>(self, column: &'static str, parsed: &Parsed<T>) -> std::result::Result<Option<T>, RowFault> {
        match parsed.faults.get(&self.at) {
            Some(Fault { value, reason, message }) => Err(RowFault::new(column, value.as_str(), *reason, message.as_str())),
            None => Ok(parsed.get(self.at)),
        }
    }

    fn missing(self, column: &'static str) -> RowFault {
        RowFault::new(column, self.written(column), Reason::Missing, format!("`{column}` holds nothing: fill it in, or remove the row"))
    }

    fn bad_span(self, from: &'static str, until: &'static str) -> RowFault {
        let (first, last) = (self.written(from), self.written(until));
        let message =
            format!("`{from}` {} is not before `{until}` {}: `{until}` is the first instant or day outside", columns::shown(&first), columns::shown(&last));
        RowFault::new(until, last, Reason::BadSpan, message)
    }
}
