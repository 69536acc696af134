//! From what was looked at to what is said: a topic per part of the job, each finding with what to do next.

use std::collections::BTreeMap;

use pecan_core::money::{AMOUNT_PLACES, plain};
use pecan_core::time::{Day, RawInstant};

use super::cause::charges;
use super::misconfigured::amounts;
use super::{About, Facts, Finding, Level, Topic, fresh, misconfigured, reach, stores};
use crate::error::Error;
use crate::job::{Job, OutputFormat};
use crate::known::Known;

/// Ids named in a finding; the JSON has all.
const NAMED: usize = 5;

/// Every topic, in the order an operator goes through them.
pub fn all(job: &Job, facts: &Facts) -> Vec<Topic> {
    let topics = [job_file(job, facts), audit(facts), reference(job, facts), charge_files(job, facts), rejections(job, facts)];
    let later = [fresh::topic(job, facts), evidence(facts), parties(facts), roles(facts), misconfigured::topic(facts), output(job, facts)];
    topics.into_iter().chain(later).collect()
}

pub(super) fn yellow(code: &'static str, text: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { level: Level::Yellow, code, text: text.into(), next: next.into(), details: Vec::new() }
}

pub(super) fn note(code: &'static str, text: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding { level: Level::Green, ..yellow(code, text, next) }
}

fn red(facts: &Facts, about: About) -> Vec<Finding> {
    let of_topic = facts.errors.iter().filter(|(a, _)| *a == about);
    of_topic.map(|(_, error)| red_finding(error)).collect()
}

fn red_finding(error: &Error) -> Finding {
    let trouble = error.trouble();
    Finding {
        level: Level::Red,
        code: trouble.code,
        text: format!("{}: {}: {}", trouble.tried, trouble.place, trouble.seen),
        next: trouble.next.clone(),
        details: Vec::new(),
    }
}

/// `1 row`, `2 rows`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// The first few of a list, and how many more there are.
pub(super) fn some<T: std::fmt::Display>(items: impl ExactSizeIterator<Item = T>) -> String {
    let more = items.len().saturating_sub(NAMED);
    let named: Vec<String> = items.take(NAMED).map(|item| item.to_string()).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}

pub(super) fn instant(at: Option<RawInstant>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| at.down().to_string())
}

fn job_file(job: &Job, facts: &Facts) -> Topic {
    let reference = &job.reference;
    let tables = [
        &reference.assignments,
        &reference.partners,
        &reference.principals,
        &reference.group_members,
        &reference.lighthouse_definitions,
        &reference.lighthouse_assignments,
        &reference.roles,
        &reference.rates,
        &reference.products,
        &reference.management_groups,
    ];
    let tables = tables.iter().filter(|files| !files.is_empty()).count();
    let says = format!(
        "{}, {}, {}{}",
        counted(job.charges.len() as u64, "charges source"),
        counted(job.audit.len() as u64, "audit source"),
        counted(tables as u64, "reference table"),
        if facts.stores.is_empty() { "; local files only, so no credentials are needed" } else { "" }
    );
    let findings = red(facts, About::Job).into_iter().chain(stores::findings(&facts.stores)).collect();
    Topic { name: "job file", says, findings }
}

fn audit(facts: &Facts) -> Topic {
    let mut findings = red(facts, About::Audit);
    let says = match &facts.known {
        None => "not read to the last record".to_owned(),
        Some(known) => {
            if known.role_records == 0 {
                findings.push(yellow(
                    "no_role_records",
                    "no record gives or takes a role",
                    "check that the export of the activity log holds the Administrative category of all subscriptions",
                ));
            }
            findings.extend(others_rejected(known, true));
            format!(
                "{}, {} of them about roles; {} to {}",
                counted(known.audit_rows, "record"),
                known.role_records,
                instant(known.first_record),
                instant(known.newest_record)
            )
        }
    };
    Topic { name: "audit log", says, findings }
}

/// Rejections of audit files, or of reference files.
fn others_rejected(known: &Known, audit: bool) -> Option<Finding> {
    let is_table = |source: &str| known.files.files.iter().any(|f| f.source == source) && crate::job::Reference::TABLES.contains(&source);
    let mine = known.rejections.iter().filter(|r| r.source.as_deref().is_some_and(|s| is_table(s) != audit));
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for rejection in mine {
        *counts.entry((rejection.file.as_str(), rejection.reason.word())).or_default() += 1;
    }
    let total: u64 = counts.values().sum();
    let each = some(counts.iter().map(|((file, reason), n)| format!("{n} × {reason} in {file}")));
    let (code, what) = if audit { ("audit_rejections", "audit record") } else { ("reference_rejections", "reference row") };
    (total > 0).then(|| {
        yellow(
            code,
            format!("{} could not be used: {each}", counted(total, what)),
            "see `rejections_other` in the JSON for the rows and their messages, and repair them",
        )
    })
}

fn reference(job: &Job, facts: &Facts) -> Topic {
    let mut findings = red(facts, About::Reference);
    let Some(known) = &facts.known else { return Topic { name: "reference tables", says: "not put together".to_owned(), findings } };
    if job.reference.assignments.is_empty() {
        findings.push(yellow(
            "no_lists",
            "no list of role assignments: access given before the audit log begins is unknown",
            "write `az role assignment list --all` to a file now and then and name it under reference.assignments",
        ));
    }
    findings.extend(reach::narrow_lists_finding(facts, known));
    let tables = known.files.files.iter().filter(|f| crate::job::Reference::TABLES.contains(&f.source.as_str()));
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for file in tables {
        *rows.entry(file.source.as_str()).or_default() += file.rows;
    }
    let empty: Vec<&str> = rows.iter().filter(|(table, n)| **n == 0 && **table != "assignments").map(|(table, _)| *table).collect();
    if !empty.is_empty() {
        findings.push(yellow("empty_tables", format!("without any row: {}", empty.join(", ")), "fill the table, or leave it out of the job file"));
    }
    findings.extend(others_rejected(known, false));
    let twice = same_files(known);
    if !twice.is_empty() {
        findings.push(yellow("file_twice", format!("files of equal content: {}", some(twice.iter())), "name each file once"));
    }
    let says: Vec<String> = rows.iter().map(|(table, n)| format!("{table} {n}")).collect();
    Topic { name: "reference tables", says: format!("rows: {}", says.join(", ")), findings }
}

/// Lists taken twice with nothing changed between are as they should be.
fn same_files(known: &Known) -> Vec<String> {
    const TAKEN_AGAIN: [&str; 3] = ["assignments", "lighthouse_assignments", "lighthouse_definitions"];
    let mut by_hash: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for file in known.files.files.iter().filter(|file| !TAKEN_AGAIN.contains(&file.source.as_str())) {
        by_hash.entry((file.source.as_str(), file.hash.as_str())).or_default().push(&file.name);
    }
    by_hash.into_values().filter(|names| names.len() > 1).map(|names| names.join(" = ")).collect()
}

fn charge_files(job: &Job, facts: &Facts) -> Topic {
    let charges = &facts.charges;
    let mut findings = red(facts, About::Charges);
    findings.extend(facts.warnings.iter().map(|w| yellow(w.code, &w.text, "check that this is meant; the runbook has the code")));
    if !charges.twice.is_empty() {
        let files = some(charges.twice.iter().map(|places| places.join(" = ")));
        findings.push(yellow("file_twice", format!("files of equal content, whose charges would be added up: {files}"), "keep each file once"));
    }
    for (exports, days) in &charges.overlaps {
        let text = format!("{} hold charges of the same subscriptions on the same days ({})", exports.join(" and "), counted(*days, "subscription-day"));
        findings.push(yellow("exports_overlap", text, "if both hold the same charges they would count twice: keep one of them"));
    }
    if charges.mismatches > 0 {
        let text = format!(
            "{} name a resource in another subscription than their subscription column; the resource id decides",
            counted(charges.mismatches, "charge")
        );
        findings.push(note("subscription_mismatches", text, "nothing, unless there are many"));
    }
    let sources = job.charges.iter().map(|source| match charges.sources.get(&source.name) {
        Some(found) => format!("{}: {}, {}", source.name, counted(found.files, "file"), counted(found.rows, "row")),
        None => format!("{}: nothing read", source.name),
    });
    Topic { name: "charges", says: sources.collect::<Vec<_>>().join("; "), findings }
}

fn rejections(job: &Job, facts: &Facts) -> Topic {
    let charges = &facts.charges;
    let mut findings = red(facts, About::Rejections);
    if findings.is_empty() && charges.rejections > 0 {
        findings.push(yellow(
            "charge_rejections",
            format!("{} would be kept out of the credit lines", counted(charges.rejections, "charge row")),
            "repair them at the source; the first are listed below, all are counted in the JSON",
        ));
    }
    let says = match facts.known {
        None => "not counted: nothing could be decided".to_owned(),
        Some(_) => format!("{} of {} charge rows; limit {}", charges.rejections, charges.read, job.limits.rejections),
    };
    Topic { name: "rejections", says, findings }
}

fn evidence(facts: &Facts) -> Topic {
    let doubtful = &facts.charges.doubtful;
    let charges: u64 = doubtful.values().map(|d| d.charges).sum();
    let mut findings = Vec::new();
    if charges > 0 {
        let each = doubtful.iter().map(|((subscription, currency), doubt)| {
            let days = doubt.days.first().zip(doubt.days.last()).map_or_else(String::new, |(a, b)| format!("{} to {}", Day(*a), Day(*b)));
            let amount = format!("{} {}", plain(doubt.missed, AMOUNT_PLACES), currency.as_deref().unwrap_or(""));
            format!(
                "{} {days}: {}, credit in doubt {}",
                subscription.as_deref().unwrap_or("(no subscription)"),
                counted(doubt.charges, "charge"),
                amount.trim()
            )
        });
        let text = format!(
            "{} rest on nothing, because their days begin before the first audit record and the first list: {}",
            counted(charges, "charge"),
            some(each)
        );
        findings.push(yellow(
            "without_evidence",
            text,
            "add older audit records, or a list of role assignments taken before those days; until then nothing is claimed and nothing called lost",
        ));
    }
    let says = if charges == 0 { "every decision rests on a record or a list".to_owned() } else { format!("{} without evidence", counted(charges, "charge")) };
    Topic { name: "evidence", says: if facts.known.is_some() { says } else { "not known".to_owned() }, findings }
}

fn parties(facts: &Facts) -> Topic {
    let mut findings = Vec::new();
    let of = |counts: &BTreeMap<String, u64>| {
        some(counts.iter().map(|(id, n)| format!("{} ({})", if id.is_empty() { "none given" } else { id }, counted(*n, "charge"))))
    };
    let (tenants, resellers) = (&facts.charges.tenants, &facts.charges.resellers);
    if !tenants.is_empty() {
        findings.push(yellow(
            "unknown_tenants",
            format!("billed partners the partners table does not know: {}", of(tenants)),
            "add their tenant_id to the partners table, or their charges get `partner_unknown`",
        ));
    }
    if !resellers.is_empty() {
        findings.push(yellow(
            "unknown_resellers",
            format!("resellers of record the partners table does not know: {}", of(resellers)),
            "add their mpn_id to the partners table, or their access never counts",
        ));
    }
    let Some(known) = &facts.known else { return Topic { name: "partners", says: "not known".to_owned(), findings } };
    let links_lost = known.knowledge.parties.links_without_organisation;
    if links_lost > 0 {
        let text = format!("{} of principals name an mpn_id that partners does not know", counted(links_lost, "row"));
        findings.push(yellow("links_without_organisation", text, "add the mpn_id to the partners table, or correct it in principals"));
    }
    let inactive = &facts.charges.agreement_inactive;
    if charges(inactive) > 0 {
        findings.push(yellow(
            "agreement_inactive",
            format!("{} missed {}, because the billed partner's agreement was not active all day", counted(charges(inactive), "charge"), amounts(inactive)),
            "confirm that the Microsoft AI Cloud Partner Program agreement is active; if it was, correct agreement_from and agreement_until in partners",
        ));
    }
    let unlinked = &facts.unresolved.principals;
    if !unlinked.is_empty() {
        let each = some(unlinked.iter().map(|(id, at)| format!("{id} ({})", counted(at.scopes.len() as u64, "scope"))));
        let text = format!("principals with an earning role and no link to a partner: {each}");
        findings.push(match facts.unresolved.anybody_linked {
            true => {
                note("unlinked_principals", text, "customers' own people are rightly there; what their access could have earned stands under misconfigurations")
            }
            false => yellow(
                "nobody_linked",
                format!("nobody with an earning role is linked to a partner; {text}"),
                "add the partners' groups and users to principals: nothing can earn until then",
            ),
        });
    }
    let organisations = known.knowledge.parties.organisations().len() as u64;
    Topic { name: "partners", says: format!("{}, {}", counted(organisations, "organisation"), counted(unlinked.len() as u64, "unlinked principal")), findings }
}

fn roles(facts: &Facts) -> Topic {
    let mut findings = Vec::new();
    let unresolved = &facts.unresolved;
    let of = |counts: &BTreeMap<String, u64>, noun: &str| some(counts.iter().map(|(id, n)| format!("{id} ({})", counted(*n, noun))));
    if !unresolved.roles.is_empty() {
        findings.push(yellow(
            "unknown_roles",
            format!("roles no table knows: {}", of(&unresolved.roles, "assignment")),
            "add a row to the roles table saying whether each earns; unknown roles do not",
        ));
    }
    if !unresolved.definitions.is_empty() {
        let text = format!("Lighthouse definitions no table knows: {}", of(&unresolved.definitions, "assignment"));
        findings.push(yellow("unknown_definitions", text, "add their authorizations to lighthouse_definitions, or they give no access"));
    }
    if !unresolved.management_groups.is_empty() {
        let text = format!("access that covers nothing: {}", of(&unresolved.management_groups, "interval"));
        findings.push(yellow(
            "management_groups",
            text,
            "list the subscriptions below them in management_groups (`/` for root), if rules.inherit_management_groups is true",
        ));
    }
    findings.extend(reach::never_mentioned_finding(facts));
    let never = reach::never_mentioned(facts);
    let bare = facts.charges.access.iter().filter(|(_, (asked, none))| asked == none).map(|(id, _)| id);
    let bare: Vec<&String> = bare.filter(|id| !never.contains(id.as_str())).collect();
    if !bare.is_empty() {
        let text = format!("no access reaches any charge of {}: {}", counted(bare.len() as u64, "subscription"), some(bare.into_iter()));
        findings.push(note("no_access_at_all", text, "if you do have access there, its audit log or list is missing from the inputs"));
    }
    let intervals = facts.known.as_ref().map_or(0, |k| k.knowledge.intervals().len() as u64);
    Topic { name: "roles and scopes", says: counted(intervals, "access interval"), findings }
}

fn output(job: &Job, facts: &Facts) -> Topic {
    let format = match job.output.format {
        OutputFormat::Delta => "delta",
        OutputFormat::Parquet => "parquet",
    };
    let tables = match facts.output.tables.len() {
        0 => "no table yet".to_owned(),
        n => format!("{}, newest run {}", counted(n as u64, "table"), facts.output.latest_run.as_deref().unwrap_or("none complete")),
    };
    Topic { name: "output", says: format!("{} as {format}: {tables}", job.output.uri), findings: red(facts, About::Output) }
}
