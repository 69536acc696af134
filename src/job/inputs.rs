//! `name`, `[charges]`, `[audit]` and `[reference]`.

use std::path::Path;

use super::reading::{Placed, Section, text, unknown_word, wrong_type, wrong_value};
use super::tree::{Entry, TRIED, Value};
use super::{AuditFormat, AuditSource, ChargeFormat, ChargeSource, Layout, ListPattern, Reference, ReferenceFile, keys, location};
use crate::error::{Error, Result};

pub(super) const CHARGE_FORMATS: [&str; 1] = ["cost-management"];
const CHARGE_FORMATS_LATER: [&str; 2] = ["daily-rated-usage", "focus"];
pub(super) const AUDIT_FORMATS: [(&str, AuditFormat); 2] =
    [("azure-activity", AuditFormat::AzureActivity), ("activity-log-json", AuditFormat::ActivityLogJson)];
pub(super) const LAYOUTS: [(&str, Layout); 2] = [("export", Layout::Export), ("files", Layout::Files)];

/// Tables that are lists taken at an instant (details 22).
pub(super) const LISTS: [&str; 2] = ["assignments", "lighthouse_assignments"];

/// `name`, else the job file's name without extension.
pub(super) fn job_name(file: &Section<'_>, path: &Path) -> Result<String> {
    match file.text("name")? {
        Some(placed) if placed.text.value.chars().any(char::is_control) => {
            Err(wrong_value("name", &placed.place, "a text with control characters", "one line of plain text"))
        }
        Some(placed) => Ok(placed.text.value),
        None => Ok(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()),
    }
}

/// One `[charges]` table or several, with unique names.
pub(super) fn charges(file: &Section<'_>, root: &Path) -> Result<Vec<ChargeSource>> {
    let example = "[charges] with uri = \"exports/\" and format = \"cost-management\"";
    sources(file, "charges", keys::CHARGES, example, |section, name| {
        let uri = section.required("uri", "uri = \"exports/\"")?;
        let format = section.required("format", "format = \"cost-management\"")?;
        built_format(&section.dotted("format"), &format, &CHARGE_FORMATS, &CHARGE_FORMATS_LATER)?;
        let layout = section.word("layout", &LAYOUTS)?;
        Ok(ChargeSource {
            name,
            uri: location::resolve(&section.dotted("uri"), &uri, root)?,
            uri_as_written: uri.text.written,
            format: ChargeFormat::CostManagement,
            layout: layout.unwrap_or(Layout::Export),
        })
    })
}

/// One `[audit]` table or several, with unique names.
pub(super) fn audit(file: &Section<'_>, root: &Path) -> Result<Vec<AuditSource>> {
    let example = "[audit] with uri = \"activity/\" and format = \"azure-activity\"";
    sources(file, "audit", keys::AUDIT, example, |section, name| {
        let uri = section.required("uri", "uri = \"activity/\"")?;
        let format = section.word("format", &AUDIT_FORMATS)?.ok_or_else(|| section.missing("format", "format = \"azure-activity\""))?;
        Ok(AuditSource { name, uri: location::resolve(&section.dotted("uri"), &uri, root)?, uri_as_written: uri.text.written, format })
    })
}

fn sources<'a, T>(
    file: &Section<'a>,
    key: &'static str,
    known: &'static [&'static str],
    example: &str,
    read: impl Fn(&Section<'a>, String) -> Result<T>,
) -> Result<Vec<T>> {
    let entry = file.entry(key).ok_or_else(|| file.missing(key, example))?;
    let (single, entries) = match &entry.value {
        Value::Table(_) => (true, std::slice::from_ref(entry)),
        Value::List(items) if !items.is_empty() => (items.len() == 1, items.as_slice()),
        Value::List(_) => return Err(wrong_value(key, &entry.place, "an empty list", &format!("at least one {example}"))),
        _ => return Err(wrong_type(key, entry, &format!("a table: {example}"))),
    };
    let mut names: Vec<String> = Vec::with_capacity(entries.len());
    let mut read_sources = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let path = if single { key.to_string() } else { format!("{key}.{index}") };
        let section = Section::open(path, entry, known)?;
        let name = source_name(&section, key, single)?;
        if names.contains(&name) {
            let seen = format!("a second [[{key}]] named \"{name}\"");
            return Err(Error::usage("job_duplicate_name", TRIED, section.place(), seen, "Give each its own name: output rows are told apart by it."));
        }
        names.push(name.clone());
        read_sources.push(read(&section, name)?);
    }
    Ok(read_sources)
}

/// The name is part of group ids and of `explain --line SOURCE:FILE:ROW`, so it cannot hold their separators.
fn source_name(section: &Section<'_>, key: &str, single: bool) -> Result<String> {
    match section.text("name")? {
        Some(placed) if placed.text.value.chars().any(|c| c.is_control() || "/:#@".contains(c)) => {
            let path = section.dotted("name");
            Err(wrong_value(&path, &placed.place, &format!("{:?}", placed.text.value), "a name without \"/\", \":\", \"#\" and \"@\""))
        }
        Some(placed) => Ok(placed.text.value),
        None if single => Ok(key.to_string()),
        None => Err(section.missing("name", "name = \"contoso\"; several sources are told apart by it")),
    }
}

fn built_format(path: &str, placed: &Placed, built: &[&str], later: &[&str]) -> Result<()> {
    let written = placed.text.value.as_str();
    if built.contains(&written) {
        return Ok(());
    }
    if !later.contains(&written) {
        return Err(unknown_word(path, placed, built));
    }
    let reads = built.iter().map(|format| format!("\"{format}\"")).collect::<Vec<_>>().join(", ");
    let next = format!("This version reads {reads} here; \"{written}\" comes with a later one.");
    Err(Error::usage("job_not_yet", TRIED, &placed.place, format!("\"{path}\" is \"{written}\""), next))
}

/// `[reference]`; all tables are optional but partners and principals.
pub(super) fn reference(file: &Section<'_>, root: &Path) -> Result<Reference> {
    let example = "[reference] with partners = \"ref/partners.csv\" and principals = \"ref/principals.csv\"";
    let section = file.section("reference", keys::REFERENCE)?.ok_or_else(|| file.missing("reference", example))?;
    let files = |table: &'static str| reference_files(&section, table, root);
    let needed = |table: &'static str| match files(table)? {
        found if found.is_empty() => Err(section.missing(table, &format!("{table} = \"ref/{table}.csv\""))),
        found => Ok(found),
    };
    Ok(Reference {
        assignments: files("assignments")?,
        partners: needed("partners")?,
        principals: needed("principals")?,
        group_members: files("group_members")?,
        lighthouse_definitions: files("lighthouse_definitions")?,
        lighthouse_assignments: files("lighthouse_assignments")?,
        roles: files("roles")?,
        rates: files("rates")?,
        products: files("products")?,
        management_groups: files("management_groups")?,
        statement: files("statement")?,
    })
}

fn reference_files(section: &Section<'_>, table: &'static str, root: &Path) -> Result<Vec<ReferenceFile>> {
    let path = section.dotted(table);
    match section.entry(table) {
        None => Ok(Vec::new()),
        Some(Entry { value: Value::List(items), .. }) => {
            items.iter().enumerate().map(|(index, item)| reference_file(table, &format!("{path}.{index}"), item, root)).collect()
        }
        Some(entry) => Ok(vec![reference_file(table, &path, entry, root)?]),
    }
}

fn reference_file(table: &'static str, path: &str, entry: &Entry, root: &Path) -> Result<ReferenceFile> {
    let keys = if LISTS.contains(&table) { keys::SNAPSHOT_FILE } else { keys::REFERENCE_FILE };
    let (uri, snapshot_at, snapshot_scope) = match &entry.value {
        Value::Table(_) => {
            let section = Section::open(path, entry, keys)?;
            let uri = section.required("uri", "uri = \"ref/a.json\"")?;
            if LISTS.contains(&table) {
                (uri, section.instant("snapshot_at")?, section.text("snapshot_scope")?.map(|scope| scope.text.value))
            } else {
                (uri, None, None)
            }
        }
        Value::List(_) => return Err(wrong_type(path, entry, "a path or glob, or a table { uri = \"…\" }")),
        _ => (text(path, entry)?, None, None),
    };
    let resolved = location::resolve(path, &uri, root)?;
    let (pattern, resolved) = match pattern(table, path, &uri, &resolved)? {
        Some((pattern, glob)) => (Some(pattern), glob),
        None => (None, resolved),
    };
    let told = |pattern: &ListPattern| pattern.tells_when();
    if snapshot_at.is_some() && pattern.as_ref().is_some_and(told) {
        return Err(wrong_value(path, &uri.place, "{snapshot_at} in the uri and snapshot_at beside it", "one of the two"));
    }
    check_json(table, path, &uri, snapshot_at.is_some() || pattern.as_ref().is_some_and(told))?;
    Ok(ReferenceFile { table, uri: resolved, uri_as_written: uri.text.written, snapshot_at, snapshot_scope, pattern })
}

/// The placeholders of a list's uri, if it has some.
fn pattern(table: &str, path: &str, uri: &Placed, resolved: &str) -> Result<Option<(ListPattern, String)>> {
    if !LISTS.contains(&table) && table != "lighthouse_definitions" {
        return Ok(None);
    }
    ListPattern::parse(resolved)
        .map_err(|seen| wrong_value(path, &uri.place, &seen, "{snapshot_at} and {subscription_id}, each in a folder or file name of its own"))
}

/// `az role assignment list` prints no instant; without one the list could be of any day (details 22).
fn check_json(table: &str, path: &str, uri: &Placed, stamped: bool) -> Result<()> {
    if !uri.text.value.trim().to_ascii_lowercase().ends_with(".json") {
        return Ok(());
    }
    let seen = format!("\"{path}\" is the JSON file {:?}", uri.text.written);
    if table == "lighthouse_definitions" {
        return Ok(());
    }
    if !LISTS.contains(&table) {
        return Err(Error::usage(
            "job_value",
            TRIED,
            &uri.place,
            seen,
            "This table is read from Parquet or CSV; only role assignments and Lighthouse delegations may be JSON of `az`.",
        ));
    }
    if stamped {
        return Ok(());
    }
    let next = format!("Say when it was listed: {table} = {{ uri = {:?}, snapshot_at = \"2026-10-31T06:00:00Z\" }}.", uri.text.written);
    Err(Error::usage("job_snapshot_at", TRIED, &uri.place, format!("{seen} without snapshot_at"), next))
}
