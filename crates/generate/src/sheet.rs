//! The charges of one row group: columns as dictionaries and keys, or as numbers.

use std::collections::HashMap;

use crate::columns::COLUMNS;
use keyed_chunk::NULL;

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cells {
    /// Distinct texts, each used, and a key per row.
    Text {
        entries: Vec<String>,
        keys: Vec<u32>,
    },
    /// Distinct days and a key per row.
    Days {
        entries: Vec<i32>,
        keys: Vec<u32>,
    },
    /// Units of the column's last place.
    Decimals(Vec<i128>),
    Doubles(Vec<f64>),
}

impl Cells {
    pub(crate) fn constant(text: &str, rows: usize) -> Cells {
        Cells::Text { entries: vec![text.into()], keys: vec![0; rows] }
    }

    pub(crate) fn nothing(rows: usize) -> Cells {
        Cells::Text { entries: Vec::new(), keys: vec![NULL; rows] }
    }

    pub(crate) fn day(day: i32, rows: usize) -> Cells {
        Cells::Days { entries: vec![day], keys: vec![0; rows] }
    }

    /// A few known texts by place; those that no key names are left out.
    pub(crate) fn chosen(texts: &[&str], mut keys: Vec<u32>) -> Cells {
        let mut places = vec![NULL; texts.len()];
        let mut entries = Vec::new();
        for key in keys.iter_mut().filter(|key| **key != NULL) {
            let place = &mut places[*key as usize];
            if *place == NULL {
                *place = entries.len() as u32;
                entries.push(texts[*key as usize].to_string());
            }
            *key = *place;
        }
        Cells::Text { entries, keys }
    }
}

/// Numbers as they are made, in one of the two forms.
#[derive(Debug)]
pub(crate) struct Numbers {
    cells: Cells,
    factor: i128,
    divisor: f64,
}

impl Numbers {
    /// For units of 10^-`scale` in a column with `places` places.
    pub(crate) fn new(scale: u32, places: u32, double: bool, rows: usize) -> Numbers {
        let cells = if double { Cells::Doubles(Vec::with_capacity(rows)) } else { Cells::Decimals(Vec::with_capacity(rows)) };
        Numbers { cells, factor: 10i128.pow(places - scale), divisor: 10f64.powi(scale as i32) }
    }

    /// A power of ten up to 10^22 is exact in binary, and so are 53 bits: the quotient is the nearest DOUBLE.
    #[inline]
    pub(crate) fn push(&mut self, units: i128) {
        match &mut self.cells {
            Cells::Decimals(numbers) => numbers.push(units * self.factor),
            Cells::Doubles(numbers) => numbers.push(units as f64 / self.divisor),
            Cells::Text { .. } | Cells::Days { .. } => {}
        }
    }

    pub(crate) fn into_cells(self) -> Cells {
        self.cells
    }
}

/// Gives equal things one key.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    known: HashMap<u64, u32>,
    latest: Option<(u64, u32)>,
    pub entries: Vec<String>,
}

impl Labels {
    /// The key of a thing known by number; its text is made once.
    pub(crate) fn key(&mut self, number: u64, text: impl FnOnce() -> String) -> u32 {
        if let Some((latest, key)) = self.latest
            && latest == number
        {
            return key;
        }
        let key = *self.known.entry(number).or_insert_with(|| {
            self.entries.push(text());
            self.entries.len() as u32 - 1
        });
        self.latest = Some((number, key));
        key
    }
}

/// All columns of a row group.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub rows: usize,
    columns: Vec<Option<Cells>>,
}

impl Sheet {
    pub(crate) fn new(rows: usize) -> Sheet {
        Sheet { rows, columns: vec![None; COLUMNS.len()] }
    }

    /// Fills a column.
    pub(crate) fn put(&mut self, name: &str, cells: Cells) {
        let at = COLUMNS.iter().position(|(column, _)| *column == name);
        debug_assert!(at.is_some_and(|at| self.columns[at].is_none()), "{name} is no column, or filled twice");
        if let Some(at) = at {
            self.columns[at] = Some(cells);
        }
    }

    /// The columns in the order of the schema; one that nobody filled is empty.
    pub(crate) fn into_columns(self) -> Vec<Cells> {
        let rows = self.rows;
        self.columns.into_iter().map(|cells| cells.unwrap_or_else(|| Cells::nothing(rows))).collect()
    }
}
