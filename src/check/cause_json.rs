//! Likely misconfigurations for programs. All fields are listed in `docs/COMMANDS.md`.

use std::collections::BTreeSet;

use pecan_core::access::AccessInterval;
use pecan_core::knowledge::Knowledge;
use pecan_core::money::{AMOUNT_PLACES, plain};
use pecan_core::time::{Day, Instant};
use serde_json::{Value, json};

use super::Facts;
use super::cause::{Cause, OfCause, Sighting, Stake, Subject, charges};
use super::remedy::command;
use crate::decide::losses::ByCurrency;
use crate::schema::name;

/// `misconfigurations`.
pub(super) fn misconfigurations(facts: &Facts) -> Value {
    let found = &facts.charges.misconfigurations;
    let causes = facts.known.iter().flat_map(|known| found.sorted().into_iter().map(|(cause, of)| of_cause(&known.knowledge, cause, of)));
    json!({ (name::CHARGES): charges(&found.total), "missed": missed(&found.total), "causes": causes.collect::<Vec<_>>() })
}

fn of_cause(knowledge: &Knowledge, cause: Cause, of: &OfCause) -> Value {
    let mut object = stake(&of.stake);
    object[name::CAUSE] = json!(cause.code());
    object["seen"] = of.sorted().into_iter().map(|(subject, seen)| sighting(knowledge, cause, subject, seen)).collect();
    object
}

/// By currency.
pub fn missed(of: &ByCurrency) -> Vec<Value> {
    let each = |(currency, missed): (&Option<String>, &crate::decide::losses::Missed)| json!({ (name::BILLING_CURRENCY): currency, (name::CHARGES): missed.charges, "missed_credit": plain(missed.credit, AMOUNT_PLACES) });
    of.iter().map(each).collect()
}

fn stake(stake: &Stake) -> Value {
    json!({ (name::CHARGES): charges(&stake.missed), "missed": missed(&stake.missed), "would_earn": missed(&stake.would_earn) })
}

/// One thing seen, with its money.
pub fn sighting(knowledge: &Knowledge, cause: Cause, subject: &Subject, seen: &Sighting) -> Value {
    let intervals: Vec<&AccessInterval> = seen.intervals.iter().filter_map(|at| knowledge.intervals().get(*at)).collect();
    let roles: BTreeSet<&str> = intervals.iter().map(|i| i.role_definition_id.as_str()).collect();
    let role = |id: &&str| json!({ (name::ROLE_DEFINITION_ID): id, "name": knowledge.roles.name(id) });
    let of = |text: fn(&AccessInterval) -> &str| intervals.iter().map(|i| text(i)).collect::<BTreeSet<&str>>();
    let links = subject.principal.as_deref().map(|id| knowledge.parties.links(id)).unwrap_or_default();
    let links = links.iter().map(|l| {
        let bound = |at: Instant, open: Instant| (at != open).then(|| at.to_string());
        json!({
            (name::ORGANISATION_ID): knowledge.parties.organisation(l.organisation),
            (name::CHANNEL): l.channel.word(),
            "from": bound(l.span.from, Instant::MIN),
            "until": bound(l.span.until, Instant::MAX),
        })
    });
    let stopped = subject
        .interval
        .and_then(|at| knowledge.intervals().get(at))
        .map(|i| json!({ "at": i.span.until.to_string(), (name::STOPPED_BY): i.stopped_by.map(|by| by.word()), "caller": i.stopped_caller }));
    let mut object = stake(&seen.stake);
    let more = json!({
        (name::PRINCIPAL_ID): subject.principal,
        "principal_type": subject.principal.as_deref().and_then(|id| knowledge.principal_kinds.of(id)).map(|kind| kind.word()),
        "partner": knowledge.parties.organisation(subject.to),
        "other_organisation": subject.organisation.map(|code| knowledge.parties.organisation(code)),
        "partner_id": subject.partner_id,
        "links": links.collect::<Vec<_>>(),
        "roles": roles.iter().map(role).collect::<Vec<_>>(),
        "scopes": of(|i| i.scope.key()),
        "assignments": of(|i| i.assignment_id.as_str()),
        "stopped": stopped,
        "subscriptions": seen.subscriptions,
        "first_usage_day": seen.days.map(|(first, _)| Day(first).to_string()),
        "newest_usage_day": seen.days.map(|(_, last)| Day(last).to_string()),
        "command": command(knowledge, cause, subject, seen),
    });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}
