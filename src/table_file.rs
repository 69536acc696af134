//! Files that hold one small table: audit records and reference rows, as batches of named columns.
//!
//! A reader says which columns it wants; names are matched without regard to case, and nothing else is decoded.
//! A record that does not fit its header is kept as [`Broken`] in its place, so that rows keep their numbers.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use pecan_core::charge::Reason;

use crate::columns::{Kind, Text};
use crate::error::{Error, Result};
use crate::source::csv_file::CsvFile;
use crate::source::parquet_file::{ParquetFile, Piece, Scan};
use crate::store::{self, InputFile, Location};

/// Whether a file may lack a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Absent is an error.
    Required,
    /// Absent reads as null.
    Optional,
    /// Of all columns so marked at least one must be there.
    Either,
}

/// A column a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Name, matched without regard to case.
    pub name: &'static str,
    /// What it is read as.
    pub kind: Kind,
    /// Whether it may be absent.
    pub need: Need,
    /// Whether it holds ids: there the CSV word `NULL` is null, as in numbers and dates (details 4).
    pub id: bool,
}

impl Wanted {
    /// A required column.
    pub const fn new(name: &'static str, kind: Kind) -> Wanted {
        Wanted { name, kind, need: Need::Required, id: false }
    }

    /// A required column of ids.
    pub const fn id(name: &'static str) -> Wanted {
        Wanted { name, kind: Kind::Text, need: Need::Required, id: true }
    }

    /// The same column with another need.
    pub const fn need(self, need: Need) -> Wanted {
        Wanted { need, ..self }
    }
}

/// A record that could not be taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The column at fault; `None` for the whole record.
    pub column: Option<&'static str>,
    /// The word of the `rejection` table.
    pub reason: Reason,
    /// The record as written.
    pub value: String,
    /// What was seen and what to do.
    pub message: String,
}

/// Some consecutive records of a file.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Number of the first record in its file, from 1.
    pub first_row: u64,
    /// Records, broken ones included.
    pub rows: usize,
    /// One per wanted column, in that order; `None`: the file has no such column.
    pub columns: Vec<Option<ArrayRef>>,
    /// Broken records by their place in the batch; their cells are null.
    pub broken: BTreeMap<usize, Broken>,
    /// Whether the word `NULL` means null in ids, numbers and dates (CSV only, details 4).
    pub null_word: bool,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Parquet.
    Parquet,
    /// CSV with a header.
    Csv,
    /// CSV, gzipped.
    CsvGz,
    /// One JSON document.
    Json,
}

/// Tells how a file is written: by its name, else by its first bytes.
/// # Errors
/// As [`store::io_trouble`].
pub fn written(file: &InputFile) -> Result<Written> {
    let name = file.relative.to_ascii_lowercase();
    let known = [(".parquet", Written::Parquet), (".pq", Written::Parquet), (".csv", Written::Csv), (".csv.gz", Written::CsvGz), (".json", Written::Json)];
    match known.into_iter().find(|(suffix, _)| name.ends_with(suffix)) {
        Some((_, written)) => Ok(written),
        None => sniff(&file.at, &file.name),
    }
}

fn sniff(at: &Location, place: &str) -> Result<Written> {
    let trouble = |e: std::io::Error| store::io_trouble("reading the first bytes of a file", place, &e);
    let mut head = Vec::new();
    at.reader().map_err(trouble)?.take(512).read_to_end(&mut head).map_err(trouble)?;
    Ok(match head.as_slice() {
        [b'P', b'A', b'R', b'1', ..] => Written::Parquet,
        [0x1f, 0x8b, ..] => Written::CsvGz,
        text => match text.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'[' | b'{') => Written::Json,
            _ => Written::Csv,
        },
    })
}

/// Hands the wanted columns of a Parquet or CSV file to `take`, batch by batch.
/// # Errors
/// `Input` for damage, columns that are double, missing or of a senseless type; `Storage`; and whatever `take` gives.
pub fn each_batch(file: &InputFile, format: &str, wanted: &[Wanted], take: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
    match written(file)? {
        Written::Parquet => {
            let mut rows = ParquetRows::open(file, format, wanted)?;
            while let Some(piece) = rows.next_piece() {
                take(rows.decode(piece)?)?;
            }
            Ok(())
        }
        Written::Csv => each_csv_batch(file, false, format, wanted, take),
        Written::CsvGz => each_csv_batch(file, true, format, wanted, take),
        Written::Json => Err(Error::input("format", format!("reading a file ({format})"), &file.name, "JSON", "write it as CSV or Parquet")),
    }
}

fn each_csv_batch(file: &InputFile, gzip: bool, format: &str, wanted: &[Wanted], take: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
    let mut csv = CsvFile::open_with_notes(&file.at, gzip, &file.name)?;
    let found = find_columns(csv.header(), wanted, &file.name, format)?;
    let fields = csv.header().len();
    let present: Vec<usize> = found.iter().flatten().copied().collect();
    while let Some(block) = csv.next_block()? {
        let decoded = block.decode(&present)?;
        let mut arrays = decoded.columns.into_iter();
        let columns = found.iter().map(|f| f.and_then(|_| arrays.next()).map(|column| Arc::new(column) as ArrayRef)).collect();
        let broken = decoded.ragged.into_iter().map(|(row, line)| (row, ragged(line, fields))).collect();
        take(Batch { first_row: row_number(block.first_row()), rows: block.rows(), columns, broken, null_word: true })?;
    }
    Ok(())
}

fn ragged(line: String, fields: usize) -> Broken {
    let message = format!("the record has another number of fields than the header's {fields}: correct it, and quote fields that hold commas or line breaks");
    Broken { column: None, reason: Reason::Ragged, value: line, message }
}

fn row_number(row: i64) -> u64 {
    u64::try_from(row).unwrap_or(0)
}

/// The wanted columns of a Parquet file, piece by piece. Two of them opened on one file go in step.
pub struct ParquetRows {
    scan: Scan,
    found: Vec<Option<usize>>,
}

impl ParquetRows {
    /// Opens a file and finds the wanted columns.
    /// # Errors
    /// `Input` for damage, columns that are double, missing or of a senseless type; `Storage`.
    pub fn open(file: &InputFile, format: &str, wanted: &[Wanted]) -> Result<ParquetRows> {
        ParquetRows::of(ParquetFile::open(&file.at, &file.name)?, file, format, wanted)
    }

    /// Two choices of columns of one file, which is opened once.
    /// # Errors
    /// As [`ParquetRows::open`].
    pub fn open_twice(file: &InputFile, format: &str, wanted: [&[Wanted]; 2]) -> Result<(ParquetRows, ParquetRows)> {
        let parquet = ParquetFile::open(&file.at, &file.name)?;
        let [one, other] = wanted;
        Ok((ParquetRows::of(parquet.clone(), file, format, one)?, ParquetRows::of(parquet, file, format, other)?))
    }

    /// Asks a store for so many row groups more than are handed out.
    pub fn ahead(self, groups: usize) -> ParquetRows {
        ParquetRows { scan: self.scan.ahead(groups), ..self }
    }

    fn of(parquet: ParquetFile, file: &InputFile, format: &str, wanted: &[Wanted]) -> Result<ParquetRows> {
        let names: Vec<String> = parquet.columns().iter().map(|c| c.name.clone()).collect();
        let found = find_columns(&names, wanted, &file.name, format)?;
        for (wanted, at) in wanted.iter().zip(&found) {
            if let Some(column) = at.and_then(|at| parquet.columns().get(at)).filter(|c| c.is_flat()) {
                check_type(wanted, &column.kind, &file.name, format)?;
            }
        }
        let present: Vec<usize> = found.iter().flatten().copied().collect();
        Ok(ParquetRows { scan: parquet.select(&present)?, found })
    }

    /// The next piece, not yet decoded.
    pub fn next_piece(&mut self) -> Option<Piece> {
        self.scan.next_piece()
    }

    /// Decodes a piece of this file.
    /// # Errors
    /// As [`Piece::decode`].
    pub fn decode(&self, piece: Piece) -> Result<Batch> {
        let (first_row, rows) = (row_number(piece.first_row()), piece.rows());
        let mut arrays = piece.decode()?.into_iter();
        let columns = self.found.iter().map(|f| f.and_then(|_| arrays.next())).collect();
        Ok(Batch { first_row, rows, columns, broken: BTreeMap::new(), null_word: false })
    }
}

/// Finds the wanted columns among a file's own: the place of each, `None` if absent.
/// # Errors
/// `Input`: two columns that differ only by case, or a column that must be there and is not.
pub fn find_columns(names: &[String], wanted: &[Wanted], place: &str, format: &str) -> Result<Vec<Option<usize>>> {
    let tried = format!("reading the columns of a file ({format})");
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(name.to_ascii_lowercase(), name) {
            return Err(Error::input(
                "column_case",
                tried,
                place,
                format!("the columns `{first}` and `{name}`"),
                "names are compared without regard to case: rename or remove one of the two",
            ));
        }
    }
    let found: Vec<Option<usize>> = wanted.iter().map(|w| names.iter().position(|n| n.eq_ignore_ascii_case(w.name))).collect();
    let absent = |need: Need| wanted.iter().zip(&found).filter(move |(w, f)| w.need == need && f.is_none()).map(|(w, _)| format!("`{}`", w.name));
    let either = wanted.iter().filter(|w| w.need == Need::Either).count();
    let mut missing: Vec<String> = absent(Need::Required).collect();
    if either > 0 && absent(Need::Either).count() == either {
        missing.push(absent(Need::Either).collect::<Vec<_>>().join(" or "));
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let there = names.iter().take(40).cloned().collect::<Vec<_>>().join(", ");
    Err(Error::input(
        "column_missing",
        tried,
        place,
        format!("no column {}; there are: {there}", missing.join(", no column ")),
        "add the column, or correct its name in the file's header",
    ))
}

/// Refuses a column whose physical type makes no sense for what it is read as (data-contracts §1).
fn check_type(wanted: &Wanted, found: &arrow::datatypes::DataType, place: &str, format: &str) -> Result<()> {
    if wanted.kind.accepts(found) {
        return Ok(());
    }
    Err(Error::input(
        "column_type",
        format!("reading the columns of a file ({format})"),
        place,
        format!("column `{}` of type {found}", wanted.name),
        "write it as text, or as a plain number, date or flag",
    ))
}

/// The text of a cell of a dictionary; `None` for null.
pub fn cell_text(column: &Text, row: usize) -> Option<&str> {
    let key = column.keys().is_valid(row).then(|| column.keys().value(row))?;
    let values = column.values().as_string::<i32>();
    usize::try_from(key).ok().filter(|key| *key < values.len()).map(|key| values.value(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [Wanted; 4] =
        [Wanted::id("mpn_id"), Wanted::new("rate", Kind::Rate).need(Need::Optional), Wanted::id("a").need(Need::Either), Wanted::id("b").need(Need::Either)];

    fn find(names: &[&str]) -> Result<Vec<Option<usize>>> {
        let names: Vec<String> = names.iter().map(|n| n.to_string()).collect();
        find_columns(&names, &WANTED, "ref/x.csv", "rates")
    }

    #[test]
    fn columns_are_found_in_any_case_and_extra_ones_ignored() {
        assert_eq!(find(&["extra", "B", "MPN_Id"]).unwrap(), [Some(2), None, None, Some(1)]);
    }

    #[test]
    fn what_is_missing_or_double_is_named() {
        let seen = |names: &[&str]| {
            let error = find(names).unwrap_err();
            assert_eq!(error.exit_code(), 3);
            error.to_string()
        };
        assert!(seen(&["rate", "a"]).contains("`mpn_id`"));
        assert!(seen(&["mpn_id"]).contains("`a` or `b`"));
        let double = seen(&["mpn_id", "a", "Extra", "EXTRA"]);
        assert!(double.contains("`Extra`") && double.contains("`EXTRA`") && double.contains("ref/x.csv") && double.contains("rates"), "{double}");
    }

    #[test]
    fn names_tell_how_a_file_is_written_and_else_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content, wanted) in [
            ("a.PARQUET", "x", Written::Parquet),
            ("a.csv.gz", "x", Written::CsvGz),
            ("a.json", "", Written::Json),
            ("b", "PAR1..", Written::Parquet),
            ("c.txt", " \n[", Written::Json),
            ("d", "a,b\n", Written::Csv),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            let file = InputFile { at: path.into(), name: name.into(), relative: name.into(), bytes: 0 };
            assert_eq!(written(&file).unwrap(), wanted, "{name}");
        }
    }
}
