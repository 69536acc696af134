//! Dictionary keys of a text column, and work done once per distinct value.

use arrow::array::{Array, AsArray, StringArray};
use arrow::buffer::NullBuffer;

use crate::columns::Text;

/// The key of a null cell.
pub const NULL: i32 = -1;

/// A text column by key.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    nulls: Option<&'a NullBuffer>,
    keys: &'a [i32],
    values: &'a StringArray,
}

impl<'a> Keys<'a> {
    /// Looks at a column.
    pub fn new(column: &'a Text) -> Keys<'a> {
        Keys { nulls: column.keys().nulls(), keys: column.keys().values(), values: column.values().as_string::<i32>() }
    }

    /// The key of a row; [`NULL`] if the cell is null.
    pub fn at(&self, row: usize) -> i32 {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) { NULL } else { self.keys[row] }
    }

    /// The text of a key; `None` for [`NULL`].
    pub fn value(&self, key: i32) -> Option<&'a str> {
        usize::try_from(key).ok().map(|key| self.values.value(key))
    }

    /// The text of a row.
    pub fn text(&self, row: usize) -> Option<&'a str> {
        self.value(self.at(row))
    }

    /// Number of distinct values.
    pub fn distinct(&self) -> usize {
        self.values.len()
    }

    /// Something worked out once per distinct value.
    pub fn each<T: Clone>(&self, of_null: T, work: impl Fn(&'a str) -> T) -> PerValue<T> {
        PerValue { of_values: (0..self.values.len()).map(|key| work(self.values.value(key))).collect(), of_null }
    }
}

/// What [`Keys::each`] worked out.
pub struct PerValue<T> {
    of_values: Vec<T>,
    of_null: T,
}

impl<T> PerValue<T> {
    /// By key.
    pub fn of(&self, key: i32) -> &T {
        usize::try_from(key).ok().and_then(|key| self.of_values.get(key)).unwrap_or(&self.of_null)
    }

    /// By key, to be changed.
    pub fn of_mut(&mut self, key: i32) -> &mut T {
        usize::try_from(key).ok().and_then(|key| self.of_values.get_mut(key)).unwrap_or(&mut self.of_null)
    }
}
