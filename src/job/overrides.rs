//! `--set key=value`: dotted keys laid over the job file's tree.
//!
//! | key | reaches |
//! |---|---|
//! | `output.uri` | a key of a table; missing tables are made |
//! | `charges.contoso.uri` | the source of that name, or the single `[charges]` table |
//! | `charges.0.uri`, `output.carry.1` | an element of a list, counted from 0 |

use toml::de::DeValue;

use super::tree::{Entry, Field, Place, Source, Table, Text, Value};
use crate::error::{Error, Result};

const TRIED: &str = "applying --set to the job file";
const NAME: &str = "name";

/// Lays one `key=value` over the tree. The value is read as TOML; what is not TOML is text.
/// # Errors
/// Usage (exit 2) when there is no `=`, or the key leads nowhere.
pub(super) fn apply(root: &mut Table, argument: &str) -> Result<()> {
    let shape = "Write --set key=value, for example --set output.uri=out/ or --set charges.contoso.uri=exports/.";
    let Some((key, value)) = argument.split_once('=') else {
        return Err(Error::usage("job_set", TRIED, "--set", format!("{argument:?} has no \"=\""), shape));
    };
    let key = key.trim();
    let path = toml_edit::Key::parse(key).map_err(|_| Error::usage("job_set", TRIED, Place::set(key), format!("{key:?} is not a dotted key"), shape))?;
    let path: Vec<String> = path.iter().map(|part| part.get().to_string()).collect();
    put(root, &path, read_value(key, value.trim())?, key)
}

fn read_value(key: &str, text: &str) -> Result<Entry> {
    let source = Source { name: key, text: None };
    let mut entry = match DeValue::parse(text) {
        Ok(value) => source.entry(&value)?,
        Err(_) => {
            let text = Text { written: text.to_string(), value: text.to_string() };
            Entry { value: Value::Text(text), place: Place::set(key), raw: None }
        }
    };
    entry.raw = Some(text.to_string());
    Ok(entry)
}

fn put(table: &mut Table, path: &[String], entry: Entry, shown: &str) -> Result<()> {
    let Some((key, rest)) = path.split_first() else {
        return Err(nowhere(shown, "the key is empty".into()));
    };
    let place = Place::set(shown);
    if rest.is_empty() {
        table.insert(key.clone(), Field { key: place, entry });
        return Ok(());
    }
    let made = || Field { key: place.clone(), entry: Entry { value: Value::Table(Table::new()), place, raw: None } };
    let field = table.entry(key.clone()).or_insert_with(made);
    step(&mut field.entry, key, rest, entry, shown)
}

/// Goes from the value under `parent` along `path`.
fn step(at: &mut Entry, parent: &str, path: &[String], entry: Entry, shown: &str) -> Result<()> {
    match &mut at.value {
        Value::Table(table) => put(table, without_own_name(table, parent, path), entry, shown),
        Value::List(items) => {
            let Some((key, rest)) = path.split_first() else {
                return Err(nowhere(shown, "the key is empty".into()));
            };
            let index = position(items, parent, key).ok_or_else(|| nowhere(shown, choices(items, parent, key)))?;
            match (rest, items.get_mut(index)) {
                ([], Some(item)) => *item = entry,
                (_, Some(item)) => step(item, key, rest, entry, shown)?,
                (_, None) => return Err(nowhere(shown, choices(items, parent, key))),
            }
            Ok(())
        }
        other => Err(nowhere(shown, format!("\"{parent}\" is {}, there is nothing below it", other.kind()))),
    }
}

/// `charges.contoso.uri` on a single `[charges]` table: its name may stand in the key.
fn without_own_name<'a>(table: &Table, parent: &str, path: &'a [String]) -> &'a [String] {
    match path.split_first() {
        Some((key, rest)) if !rest.is_empty() && !table.contains_key(key) && (key == "0" || key == own_name(table, parent)) => rest,
        _ => path,
    }
}

fn own_name<'a>(table: &'a Table, parent: &'a str) -> &'a str {
    match table.get(NAME).map(|field| &field.entry.value) {
        Some(Value::Text(text)) => &text.written,
        _ => parent,
    }
}

fn position(items: &[Entry], parent: &str, key: &str) -> Option<usize> {
    let named = |item: &Entry| matches!(&item.value, Value::Table(table) if own_name(table, parent) == key);
    items.iter().position(named).or_else(|| key.parse().ok().filter(|index| *index < items.len()))
}

fn choices(items: &[Entry], parent: &str, key: &str) -> String {
    let names: Vec<&str> = items.iter().filter_map(|item| if let Value::Table(t) = &item.value { Some(own_name(t, parent)) } else { None }).collect();
    let names = if names.is_empty() { String::new() } else { format!(" named {}", names.join(", ")) };
    format!("\"{parent}\" has no element {key:?}; it has {} elements{names}, counted from 0", items.len())
}

fn nowhere(shown: &str, seen: String) -> Error {
    Error::usage("job_set", TRIED, Place::set(shown), seen, "Name a key of the job file; `pecan schema` prints all there can be.")
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    const JOB: &str =
        "[[charges]]\nname = \"a\"\nuri = \"x\"\n[[charges]]\nname = \"b\"\nuri = \"y\"\n[audit]\nuri = \"z\"\n[output]\ncarry = [\"p\", \"q\"]\n";

    fn after(arguments: &[&str]) -> Result<String> {
        let mut table = parse("job.toml", JOB)?;
        arguments.iter().try_for_each(|argument| apply(&mut table, argument))?;
        Ok(shown(&Value::Table(table)))
    }

    fn shown(value: &Value) -> String {
        match value {
            Value::Text(t) => t.written.clone(),
            Value::List(items) => format!("[{}]", items.iter().map(|i| shown(&i.value)).collect::<Vec<_>>().join(" ")),
            Value::Table(t) => t.iter().map(|(k, f)| format!("{k}={}", shown(&f.entry.value))).collect::<Vec<_>>().join(","),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn keys_reach_tables_sources_and_elements() {
        let expect = "audit=uri=z,charges=[name=a,uri=x name=b,uri=new],output=carry=[p q]";
        assert_eq!(after(&["charges.b.uri=new"]).expect("by name"), expect);
        assert_eq!(after(&["charges.1.uri=old", "charges.1.uri = \"new\""]).expect("by index, the later wins"), expect);
        assert_eq!(after(&["audit.audit.uri=w", "output.carry.0=r"]).expect("own name"), "audit=uri=w,charges=[name=a,uri=x name=b,uri=y],output=carry=[r q]");
        assert!(
            after(&["rules.unknown_roles=yes", "rules.day_offset_minutes=60"]).expect("made").contains("rules=day_offset_minutes=Whole(60),unknown_roles=yes")
        );
        assert!(after(&["output.carry=[\"s\"]"]).expect("toml").ends_with("carry=[s]"));
    }

    #[test]
    fn wrong_keys_say_what_there_is() {
        let seen = |argument| after(&[argument]).expect_err(argument).trouble().seen.clone();
        assert_eq!(seen("charges.c.uri=x"), "\"charges\" has no element \"c\"; it has 2 elements named a, b, counted from 0");
        assert_eq!(seen("output.carry.7=x"), "\"carry\" has no element \"7\"; it has 2 elements, counted from 0");
        assert_eq!(seen("audit.uri.x=1"), "\"uri\" is text, there is nothing below it");
        assert_eq!(seen("nothing"), "\"nothing\" has no \"=\"");
        assert_eq!(seen("=x"), "\"\" is not a dotted key");
    }
}
