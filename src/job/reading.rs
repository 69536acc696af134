//! Typed access to one table of the job file: every wrong key, type or word is answered with what is allowed.

use pecan_core::time::{RawInstant, parse_instant};

use super::keys;
use super::tree::{Entry, Place, TRIED, Table, Text, Value};
use crate::error::{Error, Result};

/// Smallest and greatest value of a whole number; check and message come from here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub least: i64,
    pub most: i64,
}

/// One table of the job file whose keys are all known.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// As a person would write it: `rules`, `charges.contoso`; empty for the file itself.
    path: String,
    place: Place,
    table: &'a Table,
    known: &'static [&'static str],
}

/// A text with the place it came from.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub text: Text,
    pub place: Place,
}

impl<'a> Section<'a> {
    /// The file itself.
    pub fn root(file: &str, table: &'a Table) -> Result<Section<'a>> {
        let place = Place { shown: file.to_string(), order: 0 };
        Section { path: String::new(), place, table, known: keys::ROOT }.checked()
    }

    /// A table value.
    /// # Errors
    /// Usage (exit 2) if it is no table, or has a key that is not in `known`.
    pub fn open(path: impl Into<String>, entry: &'a Entry, known: &'static [&'static str]) -> Result<Section<'a>> {
        let path = path.into();
        match &entry.value {
            Value::Table(table) => Section { path, place: entry.place.clone(), table, known }.checked(),
            _ => Err(wrong_type(&path, entry, "a table")),
        }
    }

    /// The table under `key`, if there is one.
    pub fn section(&self, key: &'static str, known: &'static [&'static str]) -> Result<Option<Section<'a>>> {
        self.entry(key).map(|entry| Section::open(self.dotted(key), entry, known)).transpose()
    }

    fn checked(self) -> Result<Section<'a>> {
        let unknown = self.table.iter().filter(|(key, _)| !self.known.contains(&key.as_str()));
        match unknown.min_by_key(|(key, field)| (field.key.order, key.as_str())) {
            Some((key, field)) => Err(keys::unknown(&self.path, key, &field.key, self.known)),
            None => Ok(self),
        }
    }

    /// `rules.gap_tolerance_seconds`.
    pub fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    /// Where the section begins.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The raw value.
    pub fn entry(&self, key: &str) -> Option<&'a Entry> {
        debug_assert!(self.known.contains(&key), "{key} is not in the list of keys");
        self.table.get(key).map(|field| &field.entry)
    }

    /// A non-empty text.
    pub fn text(&self, key: &str) -> Result<Option<Placed>> {
        self.entry(key).map(|entry| text(&self.dotted(key), entry)).transpose()
    }

    /// A non-empty text that must be there; `example` completes the message.
    pub fn required(&self, key: &str, example: &str) -> Result<Placed> {
        self.text(key)?.ok_or_else(|| self.missing(key, example))
    }

    /// The error for a key that must be there.
    pub fn missing(&self, key: &str, example: &str) -> Error {
        let place = if self.path.is_empty() { self.place.shown.clone() } else { format!("{} [{}]", self.place, self.path) };
        Error::usage("job_missing_key", TRIED, place, format!("no key \"{}\"", self.dotted(key)), format!("Add it, for example {example}"))
    }

    /// A whole number inside `bound`, else `default`.
    pub fn whole(&self, key: &str, bound: Bound, default: i64) -> Result<i64> {
        let Some(entry) = self.entry(key) else { return Ok(default) };
        let allowed = format!("a whole number from {} to {}", bound.least, bound.most);
        match entry.value {
            Value::Whole(number) if (bound.least..=bound.most).contains(&number) => Ok(number),
            Value::Whole(number) => Err(wrong_value(&self.dotted(key), &entry.place, &number.to_string(), &allowed)),
            _ => Err(wrong_type(&self.dotted(key), entry, &allowed)),
        }
    }

    /// `true` or `false`, else `default`.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.entry(key) {
            None => Ok(default),
            Some(Entry { value: Value::Flag(flag), .. }) => Ok(*flag),
            Some(entry) => Err(wrong_type(&self.dotted(key), entry, "true or false (without quotes)")),
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(placed) = self.text(key)? else { return Ok(None) };
        let written = &placed.text.value;
        match words.iter().find(|(word, _)| word == written) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(unknown_word(&self.dotted(key), &placed, &allowed))
            }
        }
    }

    /// An instant: text or an unquoted TOML date.
    pub fn instant(&self, key: &str) -> Result<Option<RawInstant>> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let written = match &entry.value {
            Value::Moment(moment) => moment.clone(),
            _ => text(&self.dotted(key), entry)?.text.value,
        };
        let wrong = || wrong_value(&self.dotted(key), &entry.place, &format!("{written:?}"), "an instant such as \"2026-10-31T06:00:00Z\"");
        parse_instant(&written).map(Some).ok_or_else(wrong)
    }

    /// A list of non-empty texts.
    pub fn texts(&self, key: &str) -> Result<Vec<Placed>> {
        let dotted = self.dotted(key);
        match self.entry(key) {
            None => Ok(Vec::new()),
            Some(Entry { value: Value::List(items), .. }) => items.iter().map(|item| text(&dotted, item)).collect(),
            Some(entry) => Err(wrong_type(&dotted, entry, "a list of texts, such as [\"tags\", \"meterCategory\"]")),
        }
    }
}

/// Reads a non-empty text; what came by `--set` unquoted counts as text too.
pub(super) fn text(path: &str, entry: &Entry) -> Result<Placed> {
    let text = match (&entry.value, &entry.raw) {
        (Value::Text(text), _) => text.clone(),
        (Value::Whole(_) | Value::Number(_) | Value::Flag(_) | Value::Moment(_), Some(raw)) => Text { written: raw.clone(), value: raw.clone() },
        _ => return Err(wrong_type(path, entry, "text in quotes")),
    };
    if text.value.trim().is_empty() {
        return Err(wrong_value(path, &entry.place, "an empty text", "text that is not empty"));
    }
    Ok(Placed { text, place: entry.place.clone() })
}

/// The error for a value of another kind than `allowed`.
pub(super) fn wrong_type(path: &str, entry: &Entry, allowed: &str) -> Error {
    let seen = format!("\"{path}\" is {}", entry.value.kind());
    Error::usage("job_type", TRIED, &entry.place, seen, format!("Write {allowed}."))
}

/// The error for a value outside what is allowed.
pub(super) fn wrong_value(path: &str, place: &Place, seen: &str, allowed: &str) -> Error {
    Error::usage("job_value", TRIED, place, format!("\"{path}\" is {seen}"), format!("Write {allowed}."))
}

/// The error for a word that is none of `allowed`.
pub(super) fn unknown_word(path: &str, placed: &Placed, allowed: &[&str]) -> Error {
    let nearest = keys::nearest(&placed.text.value, allowed).map(|word| format!("Did you mean \"{word}\"? ")).unwrap_or_default();
    let list = allowed.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let seen = format!("\"{path}\" is \"{}\"", placed.text.written);
    Error::usage("job_word", TRIED, &placed.place, seen, format!("{nearest}Allowed: {list}."))
}
