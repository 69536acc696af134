//! What `init` says: found, written, missing, to do, next; as text or as one JSON object.

use std::fmt::Write;

use serde_json::{Value, json};

use super::look::{Lists, Source};
use super::recognise::Kind;
use super::{Fate, InitReport};
use crate::summary::text::wrapped;

const NARROWEST: usize = 60;
/// Width of the words on the left.
const NAME: usize = 18;
/// Unused files named; the JSON has all.
const NAMED: usize = 5;

pub(super) fn text(report: &InitReport, width: usize, colour: bool) -> String {
    let mut page = Page { text: format!("pecan init {}\n", report.folder.display()), width: width.max(NARROWEST), colour };
    found(&mut page, report);
    page.title("Written");
    written(&mut page, report);
    if !report.missing.lacks.is_empty() {
        page.title("Missing, and what that costs");
        for lack in &report.missing.lacks {
            page.beside(lack.code, &lack.costs);
            page.beside("", &format!("→ {}", lack.remedy));
        }
    }
    if !report.open.is_empty() {
        page.title("To do before the first run");
        report.open.iter().enumerate().for_each(|(at, todo)| page.beside(&format!("{:>4}", at + 1), todo));
    }
    page.title("Then");
    let job = report.folder.join("job.toml").display().to_string();
    page.text.push_str(&format!("  pecan check {job}\n  pecan run {job}\n"));
    page.text
}

fn written(page: &mut Page, report: &InitReport) {
    for made in report.made.iter().filter(|made| !made.what.is_empty()) {
        let fate = match made.fate {
            Fate::Written => made.what.clone(),
            Fate::Replaced => format!("{} (the old one is job.toml.old)", made.what),
            Fate::Kept => String::from("kept as it was"),
        };
        page.beside(&short(&made.name), &fate);
    }
    let templates: Vec<&str> = report.made.iter().filter(|made| made.what.is_empty()).map(|made| short_stem(&made.name)).collect();
    if !templates.is_empty() {
        page.beside("reference/", &format!("tables that explain themselves, without rows: {}", templates.join(", ")));
    }
}

/// `reference/rates.csv` → `rates`.
fn short_stem(name: &str) -> &str {
    name.trim_start_matches("reference/").trim_end_matches(".csv")
}

fn found(page: &mut Page, report: &InitReport) {
    page.title("Found");
    let seen = &report.seen;
    for source in &seen.charges {
        page.beside("charges", &format!("{} · {}, {}{}", source.uri, source.format, files(source.files), size(source.bytes)));
    }
    if let Some((first, last)) = report.charges.dates() {
        let facts = &report.charges;
        let more = if facts.unread > 0 { format!("; {} more not looked at", files(facts.unread)) } else { String::new() };
        let text = format!(
            "{first} to {last}: {} rows of {} and {}{more}",
            facts.rows,
            counted(facts.subscriptions.len(), "subscription"),
            counted(facts.customers.len(), "customer")
        );
        page.beside("", &text);
        let names = |known: &std::collections::BTreeMap<String, String>| known.iter().map(|(id, name)| format!("{name} ({id})")).collect::<Vec<_>>().join(", ");
        for (role, known) in [("billed", &facts.billed), ("resellers", &facts.resellers)].into_iter().filter(|(_, known)| !known.is_empty()) {
            page.beside("", &format!("{role}: {}", names(known)));
        }
    }
    for source in &seen.audit {
        page.beside("audit log", &format!("{} · {}, {}{}", source.uri, source.format, files(source.files), size(source.bytes)));
    }
    if let Some((first, newest, rows, roles)) = &report.missing.log {
        page.beside("", &format!("{first} to {newest}: {rows} records, {roles} of them about roles"));
    }
    if let Some(trouble) = &report.missing.trouble {
        page.beside("", &format!("cannot be read yet: {}", trouble.replace('\n', " ")));
    }
    seen.lists.iter().for_each(|list| page.beside(list_name(list), &list_text(list)));
    let people = [("AOBO groups", seen.groups.len()), ("partner links", seen.partner_links.len())];
    people.iter().filter(|(_, n)| *n > 0).for_each(|(name, n)| page.beside(name, &files(*n as u64)));
    seen.tables.iter().for_each(|(table, uri)| page.beside(table, uri));
    if seen.charges.is_empty() && seen.audit.is_empty() && seen.lists.is_empty() && seen.tables.is_empty() {
        page.beside("", "nothing yet: this is a job to fill in");
    }
    for (name, why) in seen.unused.iter().take(NAMED) {
        page.beside("not used", &format!("{name}: {why}"));
    }
    if seen.unused.len() > NAMED {
        page.beside("", &format!("and {} more", files((seen.unused.len() - NAMED) as u64)));
    }
}

fn list_name(list: &Lists) -> &'static str {
    if list.kind == Kind::RoleAssignments { "assignments" } else { "lighthouse" }
}

fn list_text(list: &Lists) -> String {
    let when = match (list.taken.first(), list.taken.last()) {
        (Some(first), Some(last)) if first == last => format!("taken {first}"),
        (Some(first), Some(last)) => format!("taken {} times, {first} to {last}", list.taken.len()),
        _ => String::from("nothing says when it was taken"),
    };
    format!("{} · {}, {when}", list.uri, files(list.files.len() as u64))
}

/// The page as it grows.
struct Page {
    text: String,
    width: usize,
    colour: bool,
}

impl Page {
    fn title(&mut self, title: &str) {
        let title = if self.colour { format!("\x1b[1m{title}\x1b[0m") } else { title.to_string() };
        // Writing to a String cannot fail.
        let _ = write!(self.text, "\n{title}\n");
    }

    fn beside(&mut self, name: &str, words: &str) {
        let blank = " ".repeat(NAME + 3);
        for (at, line) in wrapped(words, self.width.saturating_sub(blank.len())).iter().enumerate() {
            let left = if at == 0 { format!("  {name:<NAME$} ") } else { blank.clone() };
            self.text.push_str(left.trim_end_matches(|_| line.is_empty()));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

/// File names longer than the column lose their folder's name, not their own.
fn short(name: &str) -> String {
    if name.chars().count() <= NAME { name.to_string() } else { name.rsplit('/').next().unwrap_or(name).to_string() }
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn files(n: u64) -> String {
    format!("{n} file{}", if n == 1 { "" } else { "s" })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => String::new(),
        _ => format!(", {} MB", bytes / 1_000_000),
    }
}

pub(super) fn json(report: &InitReport) -> Value {
    let source = |s: &Source| json!({ "name": s.name, "uri": s.uri, "format": s.format, "plain_files": s.plain, "files": s.files, "bytes": s.bytes });
    let list = |l: &Lists| json!({ "table": list_name(l), "uri": l.uri, "taken": l.taken, "files": l.files.len() });
    let fate = |f: Fate| match f {
        Fate::Written => "written",
        Fate::Replaced => "replaced",
        Fate::Kept => "kept",
    };
    let (seen, facts, missing) = (&report.seen, &report.charges, &report.missing);
    let dates = facts.dates();
    json!({
        "folder": report.folder.display().to_string(),
        "found": {
            "charges": seen.charges.iter().map(source).collect::<Vec<_>>(),
            "first_usage_day": dates.as_ref().map(|(first, _)| first),
            "newest_usage_day": dates.as_ref().map(|(_, last)| last),
            "rows_looked_at": facts.rows,
            "files_not_looked_at": facts.unread,
            "subscriptions": facts.subscriptions.len(),
            "customers": facts.customers.len(),
            "billed_tenants": facts.billed,
            "resellers": facts.resellers,
            "audit": seen.audit.iter().map(source).collect::<Vec<_>>(),
            "first_audit_record": missing.log.as_ref().map(|log| &log.0),
            "newest_audit_record": missing.log.as_ref().map(|log| &log.1),
            "audit_trouble": missing.trouble,
            "lists": seen.lists.iter().map(list).collect::<Vec<_>>(),
            "tables": seen.tables.iter().map(|(table, uri)| json!({ "table": table, "uri": uri })).collect::<Vec<_>>(),
            "unused": seen.unused.iter().map(|(name, why)| json!({ "file": name, "why": why })).collect::<Vec<_>>(),
        },
        "files": report.made.iter().map(|m| json!({ "file": m.name, "action": fate(m.fate) })).collect::<Vec<_>>(),
        "missing": missing.lacks.iter().map(|l| json!({ "code": l.code, "costs": l.costs, "remedy": l.remedy })).collect::<Vec<_>>(),
        "to_do": report.open,
    })
}
