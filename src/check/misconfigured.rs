//! The topic of likely misconfigurations: what was seen, what it costs, what to do.

use std::collections::BTreeSet;

use pecan_core::access::AccessInterval;
use pecan_core::interval::StoppedBy;
use pecan_core::knowledge::Knowledge;
use pecan_core::party::OrganisationCode;
use pecan_core::time::{Day, Instant};

use super::cause::{Cause, Misconfigurations, OfCause, Sighting, Stake, Subject, charges};
use super::remedy::{command, next, role_of};
use super::topics::{counted, some};
use super::{Detail, Facts, Finding, Level, Topic};
use crate::decide::losses::ByCurrency;
use crate::summary::figures::money;

/// Things told of one cause; the JSON has all.
const TOLD: usize = 3;

/// Likely misconfigurations, the dearest first.
pub(super) fn topic(facts: &Facts) -> Topic {
    let name = "misconfigurations";
    let Some(known) = &facts.known else { return Topic { name, says: "not known".to_owned(), findings: Vec::new() } };
    let found: &Misconfigurations = &facts.charges.misconfigurations;
    let says = match charges(&found.total) {
        0 => "no charge lost its credit for want of access".to_owned(),
        n => format!(
            "{} lost {} for want of access, each charge counted once; below, money is counted under each cause it shows",
            counted(n, "charge"),
            amounts(&found.total)
        ),
    };
    Topic { name, says, findings: found.sorted().into_iter().map(|(cause, of)| finding(&known.knowledge, cause, of)).collect() }
}

fn finding(knowledge: &Knowledge, cause: Cause, of: &OfCause) -> Finding {
    let harmless = cause == Cause::AccessBegan || charges(&of.stake.would_earn) == 0 && cause != Cause::ResellerUnknown;
    let told = of.sorted();
    let details = told.iter().take(TOLD).map(|(subject, seen)| Detail {
        text: format!("{}; {}", what(knowledge, cause, subject, seen), extent(seen)),
        command: command(knowledge, cause, subject, seen),
    });
    let mut details: Vec<Detail> = details.collect();
    if told.len() > TOLD {
        details.push(Detail { text: format!("and {} more, in the JSON", told.len() - TOLD), command: None });
    }
    Finding {
        level: if harmless { Level::Green } else { Level::Yellow },
        code: cause.code(),
        text: format!("{}: {}", headline(cause), stake(cause, &of.stake)),
        next: next(cause).to_owned(),
        details,
    }
}

fn headline(cause: Cause) -> &'static str {
    match cause {
        Cause::ReaderOnly => "access of no role that earns",
        Cause::UnlinkedPrincipal => "earning roles of principals that are linked to no partner",
        Cause::ForeignPrincipal => "earning roles of another partner's foreign principal",
        Cause::OtherOrganisation => "earning roles of principals that are linked to another organisation",
        Cause::UnknownPartnerId => "earning roles of principals whose partner id the partners table does not know",
        Cause::ResellerNotSet => "no reseller of record is set, and the access of one would have counted",
        Cause::ResellerUnknown => "the partners table does not know the reseller of record",
        Cause::LinkExpired => "earning roles held while their principal was not linked",
        Cause::Removed => "earning roles that were taken away",
        Cause::AccessBegan => "access that began in the course of the day",
        Cause::NoAssignment => "no role that earns is known there, nor one that was taken away",
    }
}

fn stake(cause: Cause, stake: &Stake) -> String {
    let all = charges(&stake.missed);
    let mended = match charges(&stake.would_earn) {
        _ if cause == Cause::AccessBegan => String::new(),
        0 => "; mending this alone would have earned nothing".to_owned(),
        n if n == all => "; with this mended all of it would have been earned".to_owned(),
        n => format!("; with this alone mended {} would have earned {}", counted(n, "charge"), amounts(&stake.would_earn)),
    };
    format!("{} missed {}{mended}", counted(all, "charge"), amounts(&stake.missed))
}

/// `12.34 USD and 5.60 EUR`.
pub fn amounts(of: &ByCurrency) -> String {
    let each = of.iter().map(|(currency, missed)| format!("{} {}", money(missed.credit), currency.as_deref().unwrap_or("(no currency)")));
    each.collect::<Vec<_>>().join(" and ")
}

/// How much of it, when and where.
pub fn extent(seen: &Sighting) -> String {
    let days = seen.days.map_or_else(String::new, |(first, last)| format!(", {} to {}", Day(first), Day(last)));
    let subscriptions = match seen.subscriptions.len() {
        0 => ", in no subscription".to_owned(),
        1 => format!(", subscription {}", some(seen.subscriptions.iter())),
        n => format!(", {n} subscriptions: {}", some(seen.subscriptions.iter())),
    };
    format!("{}, {}{days}{subscriptions}", counted(charges(&seen.stake.missed), "charge"), amounts(&seen.stake.missed))
}

/// What exactly was seen.
pub fn what(knowledge: &Knowledge, cause: Cause, subject: &Subject, seen: &Sighting) -> String {
    let name = |code: Option<OrganisationCode>| code.map_or("another partner", |code| knowledge.parties.organisation(code));
    let intervals: Vec<&AccessInterval> = seen.intervals.iter().filter_map(|at| knowledge.intervals().get(*at)).collect();
    let who = subject.principal.as_deref().map(|id| principal(knowledge, id)).unwrap_or_default();
    let holds = roles_at(knowledge, &intervals);
    match cause {
        Cause::ReaderOnly => format!("{who} of {} has {holds}", name(Some(subject.to))),
        Cause::AccessBegan => {
            let from: BTreeSet<String> = intervals.iter().map(|i| i.span.from.to_string()).collect();
            format!("{who} of {} has {holds}, from {}", name(Some(subject.to)), some(from.iter()))
        }
        Cause::UnlinkedPrincipal => format!("{who}, linked to nobody, has {holds}"),
        Cause::ForeignPrincipal => format!("{who}, foreign principal of {}, has {holds}", name(subject.organisation)),
        Cause::OtherOrganisation => format!("{who}, linked to {}, has {holds}", name(subject.organisation)),
        Cause::UnknownPartnerId => format!("{who}, linked to partner id {}, has {holds}", subject.partner_id.as_deref().unwrap_or_default()),
        Cause::ResellerNotSet => format!("{} has {holds}, and the charges of {} name no reseller", name(subject.organisation), name(Some(subject.to))),
        Cause::ResellerUnknown => format!("reseller of record {}", subject.partner_id.as_deref().unwrap_or_default()),
        Cause::LinkExpired => format!("{who} has {holds}, linked to {}", links(knowledge, subject)),
        Cause::Removed => format!("{who} of {} lost {holds}{}", name(Some(subject.to)), intervals.first().map(|i| lost(i)).unwrap_or_default()),
        Cause::NoAssignment => {
            format!("nothing of {} {}", name(Some(subject.to)), subject.subscription.as_ref().map_or("", |_| "at or above the resources charged"))
        }
    }
}

fn principal(knowledge: &Knowledge, id: &str) -> String {
    match knowledge.principal_kinds.of(id) {
        Some(kind) => format!("{} {id}", kind.word()),
        None => id.to_owned(),
    }
}

/// `Owner at /subscriptions/… and 3 more scopes`.
fn roles_at(knowledge: &Knowledge, intervals: &[&AccessInterval]) -> String {
    let roles: BTreeSet<String> = intervals.iter().map(|i| role_of(knowledge, i)).collect();
    let scopes: BTreeSet<&str> = intervals.iter().map(|i| i.scope.key()).collect();
    let more = match scopes.len().saturating_sub(1) {
        0 => String::new(),
        n => format!(" and {}", counted(n as u64, "more scope")),
    };
    format!("{} at {}{more}", some(roles.iter()), scopes.first().copied().unwrap_or_default())
}

fn links(knowledge: &Knowledge, subject: &Subject) -> String {
    let links = knowledge.parties.links(subject.principal.as_deref().unwrap_or_default());
    let own = links.iter().filter(|l| l.organisation == subject.to);
    let spoken = own.map(|l| match (l.span.from, l.span.until) {
        (Instant::MIN, until) => format!("until {until}"),
        (from, Instant::MAX) => format!("from {from}"),
        (from, until) => format!("from {from} until {until}"),
    });
    format!("{} {}", knowledge.parties.organisation(subject.to), spoken.collect::<Vec<_>>().join(" and "))
}

fn lost(interval: &AccessInterval) -> String {
    let how = match interval.stopped_by {
        Some(StoppedBy::EndedUnobserved) => "last seen in a list of",
        Some(StoppedBy::Definition) => "cut off by its Lighthouse definition",
        Some(StoppedBy::Event) | None => "taken away",
    };
    let by = interval.stopped_caller.as_ref().map_or_else(String::new, |caller| format!(" by {caller}"));
    format!(", {how} {}{by}", interval.span.until)
}
