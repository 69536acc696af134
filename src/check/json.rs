//! The report for programs. All fields are listed in `docs/COMMANDS.md`.

use std::collections::BTreeMap;

use pecan_core::money::{AMOUNT_PLACES, plain};
use pecan_core::time::{Day, RawInstant};
use serde_json::{Value, json};

use super::cause_json::misconfigurations;
use super::fresh::Ages;
use super::unresolved::Unresolved;
use super::{CheckReport, Detail, Facts, Finding, Topic, reach, stores};
use crate::error::Error;
use crate::job::{Job, OutputFormat};
use crate::known::Known;
use crate::rejection::Rejection;
use crate::schema::name;

pub(super) fn report(report: &CheckReport) -> Value {
    let mut object = json!({
        "job": report.name,
        "level": report.level().word(),
        "exit_code": report.errors.first().map_or(0, Error::exit_code),
        "topics": report.topics.iter().map(topic).collect::<Vec<_>>(),
        "errors": report.errors.iter().map(error).collect::<Vec<_>>(),
    });
    if let (Value::Object(object), Value::Object(figures)) = (&mut object, &report.figures) {
        object.extend(figures.clone());
    }
    object
}

fn topic(topic: &Topic) -> Value {
    let detail = |d: &Detail| json!({ "text": d.text, "command": d.command });
    let details = |f: &Finding| f.details.iter().map(detail).collect::<Vec<_>>();
    let finding = |f: &Finding| json!({ "level": f.level.word(), "code": f.code, "text": f.text, "next": f.next, "details": details(f) });
    json!({ "topic": topic.name, "level": topic.level().word(), "text": topic.says, "findings": topic.findings.iter().map(finding).collect::<Vec<_>>() })
}

fn error(error: &Error) -> Value {
    let trouble = error.trouble();
    json!({ "code": trouble.code, "tried": trouble.tried, "place": trouble.place, "seen": trouble.seen, "next": trouble.next, "exit_code": error.exit_code() })
}

/// Everything but topics and errors.
pub(super) fn figures(job: &Job, facts: &Facts) -> Value {
    let charges = &facts.charges;
    let known = facts.known.as_ref();
    let sources = charges.sources.iter().map(|(source, s)| json!({ "source": source, "files": s.files, "bytes": s.bytes, "rows": s.rows }));
    let others = known.into_iter().flat_map(|k| &k.files.files);
    let others = others.map(|f| json!({ "source": f.source, "file": f.name, "bytes": f.bytes, "rows": f.rows }));
    let rejected = charges.rejected.iter().map(|((reason, file, column), rows)| {
        let mut object = BTreeMap::from([(name::REASON, json!(reason.word())), (name::FILE, json!(file)), (name::COLUMN, json!(column))]);
        object.insert("rows", json!(rows));
        object
    });
    json!({
        "rows_read": charges.read,
        "credit_lines": charges.credit_lines,
        "rejections": charges.rejections,
        "rejection_limit": job.limits.rejections.to_string(),
        "rejection_limit_exceeded": job.limits.rejections.exceeded(charges.rejections, charges.read),
        "rejected": rejected.collect::<Vec<_>>(),
        "first_rejections": charges.told.iter().map(rejection).collect::<Vec<_>>(),
        "rejections_other": known.into_iter().flat_map(|k| &k.rejections).map(rejection).collect::<Vec<_>>(),
        "charges": sources.collect::<Vec<_>>(),
        "other_inputs": others.collect::<Vec<_>>(),
        "freshness": freshness(job, facts),
        "without_evidence": without_evidence(facts),
        "misconfigurations": misconfigurations(facts),
        "never_mentioned": reach::never_mentioned(facts),
        "narrow_lists": narrow_lists(facts),
        "unresolved": unresolved(facts),
        "output": output(job, facts),
        "stores": stores::json(&facts.stores),
    })
}

fn rejection(rejection: &Rejection) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        (name::SOURCE, json!(rejection.source)),
        (name::FILE, json!(rejection.file)),
        (name::SOURCE_RUN, json!(rejection.source_run)),
        (name::ROW, json!(rejection.row)),
        (name::COLUMN, json!(rejection.column)),
        (name::VALUE, json!(rejection.value)),
        (name::REASON, json!(rejection.reason.word())),
        (name::MESSAGE, json!(rejection.message)),
    ])
}

fn at(instant: Option<RawInstant>) -> Option<String> {
    instant.map(|instant| instant.down().to_string())
}

fn narrow_lists(facts: &Facts) -> Vec<Value> {
    let list =
        |l: reach::NarrowList| json!({ "snapshot_at": l.at.down().to_string(), (name::SUBSCRIPTION_ID): l.subscription, "other_subscriptions": l.others });
    reach::narrow_lists(facts).into_iter().map(list).collect()
}

fn freshness(job: &Job, facts: &Facts) -> Value {
    let ages = Ages::new(job, facts);
    let days = facts.charges.days;
    let known = facts.known.as_ref();
    let list = |(scope, of): (&Option<String>, &crate::known::ListsOfScope)| json!({ "scope": scope, "first": at(Some(of.first)), "newest": at(Some(of.newest)), "lists": of.lists });
    json!({
        "first_usage_day": days.map(|(first, _)| Day(first).to_string()),
        "newest_usage_day": days.map(|(_, last)| Day(last).to_string()),
        "first_audit_record": at(known.and_then(|k| k.first_record)),
        "newest_audit_record": at(known.and_then(|k| k.newest_record)),
        "cutoff": known.and_then(|k| k.knowledge.cutoff()).map(|c| c.to_string()),
        "lists": known.into_iter().flat_map(|k: &Known| &k.lists).map(list).collect::<Vec<_>>(),
        "days_behind": { "usage": ages.usage, "audit": ages.audit, "lists": ages.lists },
    })
}

fn without_evidence(facts: &Facts) -> Vec<BTreeMap<&'static str, Value>> {
    let doubt = |((subscription, currency), doubt): (&(Option<String>, Option<String>), &super::charges::Doubt)| {
        BTreeMap::from([
            (name::SUBSCRIPTION_ID, json!(subscription)),
            (name::BILLING_CURRENCY, json!(currency)),
            ("days", json!(doubt.days.iter().map(|day| Day(*day).to_string()).collect::<Vec<_>>())),
            (name::CHARGES, json!(doubt.charges)),
            ("credit_in_doubt", json!(plain(doubt.missed, AMOUNT_PLACES))),
        ])
    };
    facts.charges.doubtful.iter().map(doubt).collect()
}

fn unresolved(facts: &Facts) -> Value {
    let Unresolved { principals, roles, definitions, management_groups, .. } = &facts.unresolved;
    let of = |counts: &BTreeMap<String, u64>, noun: &'static str| counts.iter().map(|(id, n)| json!({ "id": id, noun: n })).collect::<Vec<_>>();
    let principals = principals.iter().map(|(id, at)| json!({ "id": id, "scopes": at.scopes.len(), "roles": at.roles }));
    json!({
        "tenants": of(&facts.charges.tenants, "charges"),
        "resellers": of(&facts.charges.resellers, "charges"),
        "principals": principals.collect::<Vec<_>>(),
        "roles": of(roles, "assignments"),
        "definitions": of(definitions, "assignments"),
        "management_groups": of(management_groups, "intervals"),
    })
}

fn output(job: &Job, facts: &Facts) -> Value {
    let format = match job.output.format {
        OutputFormat::Delta => "delta",
        OutputFormat::Parquet => "parquet",
    };
    json!({
        "uri": job.output.uri,
        "format": format,
        "tables": facts.output.tables.iter().map(|(table, version)| json!({ "name": table, "version": version })).collect::<Vec<_>>(),
        "latest_run": facts.output.latest_run,
        "writable": facts.output.writable,
    })
}
