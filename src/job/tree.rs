//! TOML text as a tree in which every value knows where it was written.
//!
//! Order of work: text → tree → `--set` laid over it → `${NAME}` replaced. Replacing comes last so that a value
//! overridden on the command line need not have its variables set.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};

/// What every message about the job file says was being done.
pub(super) const TRIED: &str = "reading the job file";

/// Where something was written: `job.toml:12:3`, or the `--set` it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// For people.
    pub shown: String,
    /// Position in the file, to report the first of several mistakes; after the file for `--set`.
    pub order: usize,
}

impl Place {
    /// The place of a `--set` argument; its value is not shown, it might be a secret.
    pub fn set(key: &str) -> Place {
        Place { shown: format!("--set {key}"), order: usize::MAX }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

/// A text value before and after `${NAME}` was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// As in the job file.
    pub written: String,
    /// With environment variables in place.
    pub value: String,
}

/// One value of the job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Text),
    Whole(i64),
    /// A number with a point, kept as text: no floats anywhere near a rule.
    Number(String),
    Flag(bool),
    /// A TOML date or time, as text.
    Moment(String),
    List(Vec<Entry>),
    Table(Table),
}

impl Value {
    /// The kind of value in the words of a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Whole(_) => "a whole number",
            Value::Number(_) => "a number",
            Value::Flag(_) => "true or false",
            Value::Moment(_) => "a date or time",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// A value, its place, and its exact characters where they came by `--set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub value: Value,
    pub place: Place,
    /// `--set limits.tolerance=0.01` means text wherever text is wanted; shells eat quotes.
    pub raw: Option<String>,
}

/// A key with its place, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub key: Place,
    pub entry: Entry,
}

/// Keys to fields.
pub(super) type Table = BTreeMap<String, Field>;

/// Turns byte offsets into places.
pub(super) struct Source<'a> {
    /// The job file as the operator named it, or `--set key`.
    pub name: &'a str,
    /// Its text; `None` for `--set`, whose place is its name alone.
    pub text: Option<&'a str>,
}

impl Source<'_> {
    /// Line and column, both from 1, columns in characters.
    pub fn place(&self, offset: usize) -> Place {
        let Some(text) = self.text else {
            return Place::set(self.name);
        };
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Place { shown: format!("{}:{line}:{column}", self.name), order: offset }
    }

    fn table(&self, table: &DeTable<'_>) -> Result<Table> {
        let field = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let field = Field { key: self.place(key.span().start), entry: self.entry(value)? };
            Ok((key.get_ref().to_string(), field))
        };
        table.iter().map(field).collect()
    }

    /// One value with everything below it.
    /// # Errors
    /// Usage (exit 2) for a whole number beyond 64 bits.
    pub fn entry(&self, spanned: &Spanned<DeValue<'_>>) -> Result<Entry> {
        let place = self.place(spanned.span().start);
        let value = match spanned.get_ref() {
            DeValue::String(s) => Value::Text(Text { written: s.to_string(), value: s.to_string() }),
            DeValue::Integer(i) => match i64::from_str_radix(i.as_str(), i.radix()) {
                Ok(whole) => Value::Whole(whole),
                Err(_) => return Err(Error::usage("job_value", TRIED, &place, format!("the whole number {i}"), "Write a number that fits 64 bits.")),
            },
            DeValue::Float(f) => Value::Number(f.as_str().to_string()),
            DeValue::Boolean(b) => Value::Flag(*b),
            DeValue::Datetime(d) => Value::Moment(d.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.entry(item)).collect::<Result<_>>()?),
            DeValue::Table(table) => Value::Table(self.table(table)?),
        };
        Ok(Entry { value, place, raw: None })
    }
}

/// Reads the whole file.
/// # Errors
/// Usage (exit 2) when the text is not TOML, with line and column.
pub(super) fn parse(name: &str, text: &str) -> Result<Table> {
    let source = Source { name, text: Some(text) };
    let document = DeTable::parse(text).map_err(|e| {
        let place = source.place(e.span().map_or(0, |s| s.start));
        Error::usage("job_syntax", TRIED, place, e.message(), "Correct the TOML at this place; https://toml.io shows the notation.")
    })?;
    source.table(document.get_ref())
}

/// Replaces `${NAME}` in every text.
/// # Errors
/// Usage (exit 2) naming the variable that is missing, or the place of a malformed `${`.
pub(super) fn substitute(table: &mut Table, environment: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    table.values_mut().try_for_each(|field| substitute_entry(&mut field.entry, environment))
}

fn substitute_entry(entry: &mut Entry, environment: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    match &mut entry.value {
        Value::Text(text) => text.value = expand(&text.written, &entry.place, environment)?,
        Value::List(items) => items.iter_mut().try_for_each(|item| substitute_entry(item, environment))?,
        Value::Table(table) => substitute(table, environment)?,
        Value::Whole(_) | Value::Number(_) | Value::Flag(_) | Value::Moment(_) => {}
    }
    Ok(())
}

fn expand(written: &str, place: &Place, environment: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    let mut out = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (name, tail) = after.split_once('}').filter(|(name, _)| is_variable_name(name)).ok_or_else(|| {
            let next = "Write ${NAME} with a name of letters, digits and underscores.";
            Error::usage("job_environment", TRIED, place, "a \"${\" that is not followed by a variable name and \"}\"", next)
        })?;
        let value = environment(name).ok_or_else(|| {
            let seen = format!("${{{name}}}, but the environment variable {name} is not set (or is not UTF-8)");
            Error::usage("job_environment", TRIED, place, seen, format!("Set {name} before starting pecan, or write the value in the job file."))
        })?;
        out.push_str(&value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn is_variable_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    starts_well && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_environment(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn places_are_lines_and_columns_in_characters() {
        let table = parse("job.toml", "name = \"ü\"\n[rules]\n  \"ß\" = { a = 1 }\n").expect("toml");
        let Value::Table(rules) = &table["rules"].entry.value else { panic!("a table") };
        assert_eq!(rules["ß"].key.shown, "job.toml:3:3");
        assert_eq!(rules["ß"].entry.place.shown, "job.toml:3:9");
    }

    #[test]
    fn syntax_errors_name_the_place() {
        let error = parse("job.toml", "name = \"daily\"\nuri = \n").expect_err("no value");
        assert_eq!(error.trouble().code, "job_syntax");
        assert!(error.trouble().place.starts_with("job.toml:2:"), "{error}");
    }

    #[test]
    fn variables_are_replaced_once_and_missing_ones_named() {
        let place = Place::set("x");
        let environment = |name: &str| (name == "ROOT").then(|| "/data/${X}".to_string());
        assert_eq!(expand("${ROOT}/a$b", &place, &environment).expect("set"), "/data/${X}/a$b");
        let error = expand("a/${MISSING}/b", &place, &no_environment).expect_err("missing");
        assert!(error.trouble().seen.contains("environment variable MISSING is not set"), "{error}");
        for text in ["${", "${}", "${1A}", "${a b}"] {
            assert_eq!(expand(text, &place, &no_environment).expect_err(text).trouble().code, "job_environment");
        }
    }
}
