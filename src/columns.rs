//! Arrow columns to plain columns of parsed cells: the only place where the two meet.
//!
//! Every function is total: a cell that cannot be understood becomes a [`Fault`], never an error of the file. Text is kept
//! as a dictionary, and **each distinct dictionary value is parsed once**; rows are then gathered by key.

mod dates;
mod floats;
mod numbers;
mod text;
mod words;

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use pecan_core::charge::Reason;

pub use dates::{days, instant, instants};
pub use numbers::{numbers, rates};
pub use text::{TextBuilder, all_null, text, without_null_word};
pub use words::flags;

/// A text column: dictionary with UTF-8 values and nulls as null keys.
pub type Text = DictionaryArray<Int32Type>;

/// How many characters of an input value a rejection keeps (data-contracts §2).
pub const SHOWN_CHARACTERS: usize = 200;

/// Whether a cell's value is meaningful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// There is a value.
    Value,
    /// The cell is null, or text of blanks only.
    Empty,
    /// The cell could not be understood; see [`Parsed::faults`].
    Fault,
}

/// Why one cell could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The cell's text, at most [`SHOWN_CHARACTERS`] characters.
    pub value: String,
    /// The word of the `rejection` table.
    pub reason: Reason,
    /// What would have been understood.
    pub message: String,
}

/// One column of parsed cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// A value per row; meaningful where `state` says so.
    pub values: Vec<T>,
    /// One per row.
    pub state: Vec<Cell>,
    /// The faults by row.
    pub faults: BTreeMap<usize, Fault>,
    /// Cells whose digits beyond the 22nd place were rounded away (details 2).
    pub rounded: u64,
}

impl<T: Copy> Parsed<T> {
    /// A column without any value.
    pub fn empty(rows: usize, filler: T) -> Parsed<T> {
        Parsed { values: vec![filler; rows], state: vec![Cell::Empty; rows], faults: BTreeMap::new(), rounded: 0 }
    }

    /// The value of a row, if it has one.
    pub fn get(&self, row: usize) -> Option<T> {
        (self.state.get(row) == Some(&Cell::Value)).then(|| self.values.get(row).copied()).flatten()
    }

    fn with_capacity(rows: usize) -> Parsed<T> {
        Parsed { values: Vec::with_capacity(rows), state: Vec::with_capacity(rows), faults: BTreeMap::new(), rounded: 0 }
    }

    fn push(&mut self, one: &One<T>, filler: T) {
        let (value, state) = match one {
            One::Value { value, rounded } => {
                self.rounded += u64::from(*rounded);
                (*value, Cell::Value)
            }
            One::Empty => (filler, Cell::Empty),
            One::Fault(fault) => {
                self.faults.insert(self.values.len(), fault.as_ref().clone());
                (filler, Cell::Fault)
            }
        };
        self.values.push(value);
        self.state.push(state);
    }
}

/// What one distinct input value means.
#[derive(Clone)]
enum One<T> {
    Value { value: T, rounded: bool },
    Empty,
    Fault(Box<Fault>),
}

impl<T> One<T> {
    fn exact(value: T) -> One<T> {
        One::Value { value, rounded: false }
    }

    fn fault(value: &str, reason: Reason, message: &str) -> One<T> {
        One::Fault(Box::new(Fault { value: shown(value), reason, message: message.to_string() }))
    }
}

/// The first [`SHOWN_CHARACTERS`] characters.
pub fn shown(value: &str) -> String {
    value.chars().take(SHOWN_CHARACTERS).collect()
}

/// What a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Decimal operands at 22 places.
    Number,
    /// A fraction in `[0, 1]`.
    Rate,
    /// A calendar day.
    Day,
    /// An instant.
    Instant,
    /// Yes or no.
    Flag,
    /// Text as written.
    Text,
}

impl Kind {
    /// Whether a physical type makes sense for this kind (data-contracts §1).
    pub fn accepts(self, kind: &DataType) -> bool {
        use DataType as D;
        let word = matches!(kind, D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Binary | D::Null);
        let number = kind.is_integer() || kind.is_decimal() || matches!(kind, D::Float32 | D::Float64);
        let date = matches!(kind, D::Date32 | D::Date64 | D::Timestamp(_, _));
        match (self, kind) {
            (_, D::Dictionary(_, values)) => self.accepts(values),
            (Kind::Number | Kind::Rate, _) => word || number,
            (Kind::Day | Kind::Instant, _) => word || date,
            (Kind::Flag, _) => word || number || *kind == D::Boolean,
            (Kind::Text, _) => word || number || date || *kind == D::Boolean,
        }
    }
}

/// Parses a column of text: each distinct value once where there is a dictionary. `None`: not text.
fn from_text<T: Copy>(array: &ArrayRef, filler: T, parse: impl Fn(&str) -> One<T>) -> Option<Parsed<T>> {
    let parse = |text: &str| if text.trim().is_empty() { One::Empty } else { parse(text) };
    match array.data_type() {
        DataType::Dictionary(_, _) => from_dictionary(array, filler, parse),
        DataType::Utf8 => Some(gather(array.as_string::<i32>().iter(), array.len(), filler, &parse)),
        DataType::LargeUtf8 => Some(gather(array.as_string::<i64>().iter(), array.len(), filler, &parse)),
        DataType::Utf8View => Some(gather(array.as_string_view().iter(), array.len(), filler, &parse)),
        DataType::Binary => Some(gather(array.as_binary::<i32>().iter(), array.len(), filler, |b| match std::str::from_utf8(b) {
            Ok(text) => parse(text),
            Err(_) => One::fault(&String::from_utf8_lossy(b), Reason::UnknownWord, "not UTF-8 text"),
        })),
        DataType::Null => Some(Parsed::empty(array.len(), filler)),
        _ => None,
    }
}

fn from_dictionary<T: Copy>(array: &ArrayRef, filler: T, parse: impl Fn(&str) -> One<T>) -> Option<Parsed<T>> {
    let column = match array.as_any().downcast_ref::<Text>().filter(|t| t.values().data_type() == &DataType::Utf8) {
        Some(column) => column.clone(),
        None => text(array).ok()?,
    };
    let values: &StringArray = column.values().as_string::<i32>();
    let distinct: Vec<One<T>> = values.iter().map(|v| v.map_or(One::Empty, &parse)).collect();
    let mut parsed = Parsed::with_capacity(column.len());
    for key in column.keys() {
        let one = key.and_then(|k| usize::try_from(k).ok()).and_then(|k| distinct.get(k));
        parsed.push(one.unwrap_or(&One::Empty), filler);
    }
    Some(parsed)
}

/// Rows of a plain column, in order.
fn gather<T: Copy, I>(cells: impl Iterator<Item = Option<I>>, rows: usize, filler: T, mut read: impl FnMut(I) -> One<T>) -> Parsed<T> {
    let mut parsed = Parsed::with_capacity(rows);
    for cell in cells {
        match cell {
            Some(cell) => parsed.push(&read(cell), filler),
            None => parsed.push(&One::Empty, filler),
        }
    }
    parsed
}

/// Every filled cell of a column of a senseless type is a fault.
fn nonsense<T: Copy>(array: &ArrayRef, filler: T, reason: Reason) -> Parsed<T> {
    let message = format!("a column of type {} is not understood here", array.data_type());
    let cells = (0..array.len()).map(|row| array.is_valid(row).then_some(()));
    gather(cells, array.len(), filler, |()| One::fault("", reason, &message))
}
