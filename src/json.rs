//! JSON text of audit columns and assignment lists, read one level at a time.
//!
//! Values stay raw text until asked for, so a deeply nested or broken value hurts only itself, and numbers
//! never pass through a float. Producers write objects as objects, as text, or as text inside text; all are read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// How often text may hold text that holds an object. Producers are seen to do it twice.
const MOST_WRAPPINGS: usize = 4;

/// The keys of one object with their values as raw JSON text, in the order written.
#[derive(Debug, Default)]
pub struct Object {
    entries: Vec<(String, Box<RawValue>)>,
}

/// What a JSON text turned out to be.
#[derive(Debug)]
pub enum Read {
    /// Nothing: blank, `null`, `""`, `{}` or `[]`.
    Empty,
    /// An object with at least one key.
    Object(Object),
    /// Broken JSON, or JSON that is no object.
    Unreadable,
}

impl Read {
    /// The object, if it is one.
    pub fn object(self) -> Option<Object> {
        match self {
            Read::Object(object) => Some(object),
            Read::Empty | Read::Unreadable => None,
        }
    }
}

/// The elements of a JSON array as raw text.
/// # Errors
/// What is wrong with the text, and where.
pub fn elements(text: &str) -> Result<Vec<&str>, serde_json::Error> {
    Ok(serde_json::from_str::<Vec<&RawValue>>(text)?.into_iter().map(RawValue::get).collect())
}

/// Reads an object from JSON text, unwrapping text inside text.
pub fn read(text: &str) -> Read {
    let mut text = Cow::Borrowed(text);
    for _ in 0..=MOST_WRAPPINGS {
        let trimmed = text.trim();
        match trimmed.as_bytes().first() {
            None => return Read::Empty,
            Some(b'{') => return read_object(trimmed),
            Some(b'"') => match serde_json::from_str::<String>(trimmed) {
                Ok(inner) => text = Cow::Owned(inner),
                Err(_) => return Read::Unreadable,
            },
            Some(_) if trimmed == "null" || is_empty_array(trimmed) => return Read::Empty,
            Some(_) => return Read::Unreadable,
        }
    }
    Read::Unreadable
}

fn is_empty_array(text: &str) -> bool {
    text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).is_some_and(|inner| inner.trim().is_empty())
}

fn read_object(text: &str) -> Read {
    match serde_json::from_str::<Object>(text) {
        Ok(object) if object.entries.is_empty() => Read::Empty,
        Ok(object) => Read::Object(object),
        Err(_) => Read::Unreadable,
    }
}

impl Object {
    /// The text under a key in any case; of several spellings the first that is not empty.
    /// Numbers and booleans are given as written; objects, arrays, `null` and blank text are nothing.
    pub fn text(&self, key: &str) -> Option<String> {
        self.raw(key).find_map(|raw| match raw.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(raw).ok().map(|s| s.trim().to_string()).filter(|s| !s.is_empty()),
            b'{' | b'[' => None,
            _ => (raw != "null").then(|| raw.to_string()),
        })
    }

    /// The object under a key in any case, be it written as object or as text; of several spellings the first
    /// that is not empty.
    pub fn object(&self, key: &str) -> Read {
        self.raw(key).map(read).find(|r| !matches!(r, Read::Empty)).unwrap_or(Read::Empty)
    }

    /// The raw JSON texts under a key in any case, in the order written.
    pub fn raw<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.entries.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, raw)| raw.get().trim())
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Object, D::Error> {
        Ok(Object { entries: reader.deserialize_map(Entries)? })
    }
}

/// Collects the entries of an object without looking into the values.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, Box<RawValue>>()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        read(text).object().expect("object")
    }

    #[test]
    fn objects_are_read_as_object_as_text_and_as_text_in_text() {
        let plain = r#"{"Scope": " /subscriptions/s ", "n": 12345678901234567890123, "b": true}"#;
        let once = serde_json::to_string(plain).expect("text");
        let twice = serde_json::to_string(&once).expect("text");
        for text in [plain, once.as_str(), twice.as_str()] {
            let read = object(text);
            assert_eq!(read.text("scope").as_deref(), Some("/subscriptions/s"), "{text}");
            assert_eq!(read.text("N").as_deref(), Some("12345678901234567890123"));
            assert_eq!(read.text("B").as_deref(), Some("true"));
        }
        let wrapped = (0..8).fold(plain.to_string(), |text, _| serde_json::to_string(&text).expect("text"));
        assert!(matches!(read(&wrapped), Read::Unreadable));
    }

    #[test]
    fn the_first_spelling_that_is_not_empty_counts() {
        let both = object(r#"{"requestbody": "", "RequestBody": null, "requestBody": "{\"Id\": \"x\"}"}"#);
        assert_eq!(both.object("requestbody").object().and_then(|o| o.text("id")).as_deref(), Some("x"));
        assert!(matches!(both.object("responsebody"), Read::Empty));
    }

    #[test]
    fn wrong_types_and_broken_text_are_told_from_nothing() {
        for text in ["", "  ", "null", "{}", "[ ]", "\"\"", "\"{}\""] {
            assert!(matches!(read(text), Read::Empty), "{text}");
        }
        for text in ["{", "[1]", "7", "true", "{\"a\":1} x", "{'a':1}", "\"not json\"", "{\"a\":", "\u{0}", "{\"\\ud800\":1}"] {
            assert!(matches!(read(text), Read::Unreadable), "{text}");
        }
        let odd = object(r#"{"scope": {"a": 1}, "id": ["x"], "lone": "\ud800", "fine": "y"}"#);
        assert_eq!((odd.text("scope"), odd.text("id"), odd.text("lone")), (None, None, None));
        assert_eq!(odd.text("fine").as_deref(), Some("y"));
    }

    #[test]
    fn depth_neither_overflows_nor_hides_the_rest() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = format!(r#"{{"deep": {deep}, "entity": "/x"}}"#);
        assert_eq!(object(&text).text("entity").as_deref(), Some("/x"));
        assert!(matches!(read(&"{\"a\":".repeat(200_000)), Read::Unreadable));
    }
}
