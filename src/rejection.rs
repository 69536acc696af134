//! Input rows that could not be understood, kept with their reason and place (data-contracts §2, `rejection`).
//!
//! A rejection is a fact about data, not an error: the run goes on, and the job file says how many are too many.

use pecan_core::charge::Reason;

use crate::columns::shown;

/// One row of the `rejection` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The file, as details 1 names it.
    pub file: String,
    /// The export run, for charges of a manifested export.
    pub source_run: Option<String>,
    /// Data record of the file, from 1.
    pub row: Option<i64>,
    /// The column at fault; `None` for a ragged record.
    pub column: Option<String>,
    /// What stood there, at most [`SHOWN_CHARACTERS`](crate::columns::SHOWN_CHARACTERS) characters; `None` if nothing did.
    pub value: Option<String>,
    /// Why.
    pub reason: Reason,
    /// What was seen and what to do.
    pub message: String,
    /// Name of the charges or audit source, or of the reference table.
    pub source: Option<String>,
    /// The input group, for charges.
    pub group_id: Option<String>,
}

impl Rejection {
    /// A rejection that names its file and reason; the `with_` methods add what else is known.
    /// `message` says what was seen and what to do.
    pub fn new(file: impl Into<String>, reason: Reason, message: impl Into<String>) -> Rejection {
        Rejection { file: file.into(), source_run: None, row: None, column: None, value: None, reason, message: message.into(), source: None, group_id: None }
    }

    /// Adds the data record, from 1. A row beyond the range of the table's int64 stays unnamed.
    pub fn with_row(mut self, row: u64) -> Rejection {
        self.row = i64::try_from(row).ok();
        self
    }

    /// Adds the column at fault.
    pub fn with_column(mut self, column: impl Into<String>) -> Rejection {
        self.column = Some(column.into());
        self
    }

    /// Adds what stood there, cut to what the table keeps. The empty text is no value.
    pub fn with_value(mut self, value: &str) -> Rejection {
        self.value = (!value.is_empty()).then(|| shown(value));
        self
    }

    /// Makes it one of the statement of a month: it goes when that month is compared again.
    pub fn of_statement(mut self, group_id: String) -> Rejection {
        self.group_id = Some(group_id);
        self
    }

    /// Adds the charges source, its export run and the input group.
    pub fn with_group(mut self, source: impl Into<String>, source_run: Option<String>, group_id: impl Into<String>) -> Rejection {
        self.source = Some(source.into());
        self.source_run = source_run;
        self.group_id = Some(group_id.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::SHOWN_CHARACTERS;

    #[test]
    fn values_are_cut_to_characters_not_bytes() {
        let long = "é".repeat(SHOWN_CHARACTERS + 1);
        let rejection = Rejection::new("a.csv", Reason::NotADate, "x").with_row(7).with_column("date").with_value(&long);
        assert_eq!(rejection.value.as_deref().map(|v| v.chars().count()), Some(SHOWN_CHARACTERS));
        assert_eq!((rejection.row, rejection.column.as_deref()), (Some(7), Some("date")));
        assert_eq!(Rejection::new("a.csv", Reason::Missing, "x").with_value("").value, None);
    }
}
