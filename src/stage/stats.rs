//! Our own statistics of a file, as the Delta log holds them (details 40).
//!
//! Row and null counts of all flat columns; smallest and greatest value only of [`schema::BOUNDED`], which are days and
//! short texts. Decimals are left out on purpose: writers that sent them through binary floating point have made
//! tables unreadable.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Date32Type, Int32Type};
use serde_json::{Map, Value, json};

use crate::schema;

/// Texts longer than this have no bounds in the log.
const LONGEST: usize = 128;

/// Counts and bounds of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows.
    pub rows: u64,
    /// Nulls of each flat column.
    pub nulls: BTreeMap<String, u64>,
    /// Bounds of the bounded columns that hold any value.
    pub bounds: BTreeMap<&'static str, Bounds>,
}

/// Smallest and greatest value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounds {
    /// Days since 1970-01-01.
    Days(i32, i32),
    /// Texts, in byte order.
    Texts(String, String),
    /// A value too long to be worth keeping.
    Unknown,
}

impl Bounds {
    fn merge(self, other: Bounds) -> Bounds {
        match (self, other) {
            (Bounds::Days(a, b), Bounds::Days(c, d)) => Bounds::Days(a.min(c), b.max(d)),
            (Bounds::Texts(a, b), Bounds::Texts(c, d)) => Bounds::Texts(a.min(c), b.max(d)),
            _ => Bounds::Unknown,
        }
    }

    fn json(&self) -> Option<(Value, Value)> {
        match self {
            Bounds::Days(low, high) => Some((day_json(*low)?, day_json(*high)?)),
            Bounds::Texts(low, high) => Some((json!(low), json!(high))),
            Bounds::Unknown => None,
        }
    }
}

fn day_json(days: i32) -> Option<Value> {
    let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
    (day.year() >= 0).then(|| json!(day.to_string()))
}

impl Stats {
    /// Statistics of one row group.
    pub fn of(batch: &RecordBatch) -> Stats {
        let mut stats = Stats { rows: batch.num_rows() as u64, ..Stats::default() };
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if field.data_type().is_nested() {
                continue;
            }
            stats.nulls.insert(field.name().clone(), column.logical_null_count() as u64);
            if let Some(bounded) = schema::BOUNDED.into_iter().find(|name| name == field.name())
                && let Some(bounds) = bounds(column)
            {
                stats.bounds.insert(bounded, bounds);
            }
        }
        stats
    }

    /// Adds those of a further row group.
    pub fn merge(&mut self, other: Stats) {
        self.rows += other.rows;
        for (name, nulls) in other.nulls {
            *self.nulls.entry(name).or_default() += nulls;
        }
        for (name, bounds) in other.bounds {
            let merged = match self.bounds.remove(name) {
                Some(own) => own.merge(bounds),
                None => bounds,
            };
            self.bounds.insert(name, merged);
        }
    }

    /// The statistics text of a Delta Add.
    pub fn delta_json(&self) -> String {
        let (mut low, mut high) = (Map::new(), Map::new());
        for (name, bounds) in &self.bounds {
            if let Some((least, greatest)) = bounds.json() {
                low.insert((*name).to_owned(), least);
                high.insert((*name).to_owned(), greatest);
            }
        }
        json!({"numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": self.nulls}).to_string()
    }
}

/// Bounds of the values of a column; `None` if it has none.
fn bounds(column: &ArrayRef) -> Option<Bounds> {
    match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            Some(Bounds::Days(arrow::compute::min(days)?, arrow::compute::max(days)?))
        }
        DataType::Utf8 => text_bounds(column.as_string::<i32>().iter().flatten()),
        DataType::Dictionary(keys, values) if **keys == DataType::Int32 && **values == DataType::Utf8 => {
            let texts = column.as_dictionary::<Int32Type>();
            let values: &StringArray = texts.values().as_string();
            // A dictionary may hold values that no row uses: only used ones count.
            let mut used = vec![false; values.len()];
            for key in texts.keys().iter().flatten() {
                if let Some(slot) = usize::try_from(key).ok().and_then(|key| used.get_mut(key)) {
                    *slot = true;
                }
            }
            text_bounds(values.iter().zip(used).filter(|(_, used)| *used).filter_map(|(value, _)| value))
        }
        _ => Some(Bounds::Unknown),
    }
}

fn text_bounds<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<Bounds> {
    let first = texts.next()?;
    let (low, high) = texts.fold((first, first), |(low, high), text| (low.min(text), high.max(text)));
    if low.len() > LONGEST || high.len() > LONGEST {
        return Some(Bounds::Unknown);
    }
    Some(Bounds::Texts(low.to_owned(), high.to_owned()))
}
