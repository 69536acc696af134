//! The wanted keys of one JSON object, found in one pass and in any case: values stay raw text, those of other keys are stepped
//! over. Numbers never pass through a float, and depth costs no stack.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Skims one object.
/// # Errors
/// What is wrong with it, in words.
pub(super) fn skim(record: &str) -> std::result::Result<Skim<'_>, String> {
    let skim: Skim<'_> = serde_json::from_str(record).map_err(|e| format!("no whole JSON object: {e}"))?;
    match skim.twice {
        Some(key) => Err(format!("the key `{key}` twice in one record; upper and lower case are the same")),
        None => Ok(skim),
    }
}

macro_rules! keys {
    ($($constant:ident = $name:literal),* $(,)?) => {
        /// Every key that some record is asked for.
        const KEYS: &[&str] = &[$($name),*];
        keys!(@ 0; $($constant,)*);
    };
    (@ $at:expr; $constant:ident, $($rest:ident,)*) => {
        pub(super) const $constant: usize = $at;
        keys!(@ $at + 1; $($rest,)*);
    };
    (@ $at:expr;) => {
        const COUNT: usize = $at;
    };
}

keys!(
    TIME = "time",
    EVENT_TIMESTAMP = "eventTimestamp",
    TIME_GENERATED = "TimeGenerated",
    OPERATION = "operationName",
    OPERATION_VALUE = "OperationNameValue",
    RESULT = "resultType",
    STATUS = "status",
    STATUS_VALUE = "ActivityStatusValue",
    CORRELATION_ID = "correlationId",
    EVENT_DATA_ID = "eventDataId",
    RESOURCE_ID = "resourceId",
    OWN_RESOURCE_ID = "_ResourceId",
    IDENTITY = "identity",
    AUTHORIZATION = "authorization",
    AUTHORIZATION_D = "Authorization_d",
    CLAIMS = "claims",
    CALLER = "caller",
    PROPERTIES = "properties",
    PROPERTIES_D = "Properties_d",
    RECORDS = "records",
    VALUE = "value",
);

/// The wanted values of one object as raw JSON text; `null` is none.
pub(super) struct Skim<'a> {
    raw: [Option<&'a str>; COUNT],
    there: [bool; COUNT],
    /// A key that is there twice, in whatever case.
    twice: Option<&'static str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Skim<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        reader.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Skim<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut skim = Skim { raw: [None; COUNT], there: [false; COUNT], twice: None };
        while let Some(Key(key)) = map.next_key()? {
            let Some(key) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            let (Some(slot), Some(there)) = (skim.raw.get_mut(key), skim.there.get_mut(key)) else { continue };
            if std::mem::replace(there, true) {
                skim.twice = KEYS.get(key).copied();
            }
            *slot = Some(raw).filter(|raw| *raw != "null");
        }
        Ok(skim)
    }
}

/// Which of [`KEYS`] a key is, in any case.
struct Key(Option<usize>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        reader.deserialize_identifier(Name)
    }
}

struct Name;

impl Visitor<'_> for Name {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> std::result::Result<Key, E> {
        Ok(Key(KEYS.iter().position(|key| key.len() == name.len() && key.eq_ignore_ascii_case(name))))
    }
}

impl<'a> Skim<'a> {
    pub(super) fn raw(&self, key: usize) -> Option<&'a str> {
        self.raw.get(key).copied().flatten()
    }

    /// The text of the first of these keys that has any.
    pub(super) fn text(&self, keys: &[usize]) -> Option<Cow<'a, str>> {
        keys.iter().filter_map(|key| self.raw(*key)).find_map(text)
    }

    pub(super) fn has(&self, keys: &[usize]) -> bool {
        keys.iter().any(|key| self.there.get(*key) == Some(&true))
    }
}

/// Text that is not blank: a JSON string, the `value` of an object such as `{"value": "Succeeded", "localizedValue": …}`, or a
/// number or boolean as written.
fn text(raw: &str) -> Option<Cow<'_, str>> {
    let text = match raw.as_bytes().first()? {
        b'"' => match raw.get(1..raw.len().saturating_sub(1)).filter(|inner| !inner.contains('\\')) {
            Some(inner) => Cow::Borrowed(inner),
            None => Cow::Owned(serde_json::from_str::<String>(raw).ok()?),
        },
        b'{' => serde_json::from_str::<Skim<'_>>(raw).ok()?.raw(VALUE).filter(|raw| !raw.starts_with('{')).and_then(self::text)?,
        b'[' => return None,
        _ => Cow::Borrowed(raw),
    };
    Some(text).filter(|text| !text.trim().is_empty())
}
