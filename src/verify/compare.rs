//! One file of a past run beside what is recomputed of it.

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::report::{Compared, How};
use super::rows::{Difference, Side, compare};
use crate::past_run::{FileThen, Sums};
use crate::schema::Table;

/// What is known of a file before it is compared.
pub struct Past<'a> {
    /// Its table.
    pub table: Table,
    /// The group; empty for tables that are replaced whole.
    pub group: &'a str,
    /// What is there now.
    pub there: Option<Bytes>,
    /// Whether the table names it now.
    pub live: bool,
    /// Whether this is the program that wrote it: the same rows are then the same bytes.
    pub same_program: bool,
}

/// A file as it is recomputed.
pub struct Recomputed {
    /// Its bytes.
    pub bytes: Bytes,
    /// Their BLAKE3.
    pub hash: String,
    /// Rows.
    pub rows: u64,
    /// Sums.
    pub sums: Sums,
}

impl Past<'_> {
    fn compared(&self, month: Option<&str>, rows: u64, how: How) -> Compared {
        Compared {
            table: self.table,
            group: self.group.to_owned(),
            month: month.map(str::to_owned),
            rows,
            how,
            equal: true,
            note: None,
            difference: Difference::default(),
        }
    }

    /// A file of a group.
    pub fn file(&self, then: &FileThen, ours: &Recomputed) -> Compared {
        let compared = |how| self.compared(then.month.as_deref(), then.rows, how);
        match &self.there {
            Some(there) => {
                let hash = blake3::hash(there).to_hex();
                if hash.as_str() == ours.hash {
                    return compared(How::Bytes);
                }
                let altered = (hash.as_str() != then.hash).then(|| "its bytes are no longer those the run wrote".to_owned());
                self.rows(compared(How::Rows), &Side::Bytes(&ours.bytes), &Side::Bytes(there)).with_note(altered)
            }
            None if self.live => compared(How::Rows).different("the table names this file, and it is gone"),
            None if then.hash == ours.hash => compared(How::Hash),
            None if self.same_program => compared(How::Hash).different("the file is gone, and what it held has another hash"),
            None if then.rows == ours.rows && then.sums == ours.sums => compared(How::Sums),
            None => compared(How::Sums).different(&format!("the file is gone; it had {} rows, recomputed {}, or other sums", then.rows, ours.rows)),
        }
    }

    /// A file that only one side has.
    pub fn one_sided(&self, month: Option<&str>, rows: u64, seen: &str) -> Compared {
        self.compared(month, rows, How::Rows).different(seen)
    }

    /// What cannot be recomputed.
    pub fn not_compared(&self, rows: u64, why: &str) -> Compared {
        self.compared(None, rows, How::Not).with_note(Some(why.to_owned()))
    }

    /// A table that is replaced whole; `hash` is that of its content then, `ours` that of the recomputed content.
    pub fn whole(&self, rows: u64, batch: &RecordBatch, hash: &str, ours: &str) -> Compared {
        match self.there.as_ref().filter(|_| rows > 0) {
            Some(there) => self.rows(self.compared(None, rows, How::Rows), &Side::Batch(batch), &Side::Bytes(there)),
            None if self.live => self.compared(None, rows, How::Rows).different("the table names this file, and it is gone"),
            None if hash == ours => self.compared(None, rows, How::Hash),
            None => self.compared(None, rows, How::Hash).different(&format!("it had {rows} rows, recomputed {}, and another content", batch.num_rows())),
        }
    }

    fn rows(&self, compared: Compared, ours: &Side, theirs: &Side) -> Compared {
        match compare(self.table, ours, theirs) {
            Ok(None) => compared,
            Ok(Some(difference)) => Compared { equal: false, difference, ..compared },
            Err(seen) => compared.different(&format!("it cannot be compared: {seen}")),
        }
    }
}
