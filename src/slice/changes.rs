//! What differs between two slices of one footprint, in words (R-AGAIN-4: `pecan plan` says why).

use std::collections::BTreeSet;

use pecan_core::access::AccessInterval;
use pecan_core::time::{Day, Instant};

use super::{Memory, Part, Slice, Slicer};
use crate::footprint::Footprint;

/// One part that differs, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which part.
    pub part: Part,
    /// In words.
    pub text: String,
}

/// Every part that differs between what an output rests on and what its footprint is answered now.
pub fn changes(before: &Memory, now: &Slice, slicer: &Slicer) -> Vec<Change> {
    let parts: Vec<Part> = now.parts.iter().filter(|(part, hash)| before.slice.parts.get(part) != Some(hash)).map(|(part, _)| *part).collect();
    // Other access brings other principals and roles: then no table need have changed.
    let other_access = parts.contains(&Part::Access);
    let text = |part: Part| match part {
        Part::Program => "program changed".to_owned(),
        Part::Rules => "rules changed".to_owned(),
        Part::Parties => "reference table partners changed".to_owned(),
        Part::Links if other_access => "links of other principals count".to_owned(),
        Part::Links => "links of principals changed (principals, group_members or partners)".to_owned(),
        Part::Roles if other_access => "other roles count".to_owned(),
        Part::Roles => "reference table roles changed".to_owned(),
        Part::Access => access(before, now, slicer),
        Part::Rates => "reference table rates changed".to_owned(),
        Part::Products => "reference table products changed".to_owned(),
        Part::Provisional => provisional(&before.footprint, before.slice.provisional_from, now.provisional_from),
        Part::KnownSince => known_since(&before.slice, now),
    };
    parts.into_iter().map(|part| Change { part, text: text(part) }).collect()
}

/// `/subscriptions/…/rg-app` of a longer path: where, at a glance.
fn short(scope: &str) -> String {
    let segments: Vec<&str> = scope.split('/').filter(|s| !s.is_empty()).collect();
    match segments.as_slice() {
        ["subscriptions", _, .., last] if segments.len() > 2 => format!("/subscriptions/…/{last}"),
        _ => scope.to_owned(),
    }
}

fn access(before: &Memory, now: &Slice, slicer: &Slicer) -> String {
    let knowledge = &slicer.known.knowledge;
    let contents = |slice: &Slice| slice.touches.iter().map(|t| t.content).collect::<BTreeSet<u64>>();
    let (old, new) = (contents(&before.slice), contents(now));
    let identities = |slice: &Slice, others: &BTreeSet<u64>| -> BTreeSet<u64> {
        slice.touches.iter().filter(|t| !others.contains(&t.content)).map(|t| t.identity).collect()
    };
    let (appeared, gone) = (identities(now, &old), identities(&before.slice, &new));
    let all: BTreeSet<u64> = appeared.union(&gone).copied().collect();
    let mut named: Vec<&AccessInterval> = all.iter().filter_map(|identity| knowledge.intervals().get(*slicer.by_identity.get(identity)?)).collect();
    named.sort_by_key(|i| (&i.scope, i.span, &i.assignment_id));
    let Some(first) = named.first() else {
        return format!("access changed: {} that reached its charges no longer known", count(all.len(), "interval"));
    };
    let role = knowledge.roles.name(&first.role_definition_id).unwrap_or(&first.role_definition_id);
    let from = if first.span.from == Instant::MIN { String::new() } else { format!(" from {}", first.span.from) };
    let until = if first.span.until == Instant::MAX { String::new() } else { format!(" until {}", first.span.until) };
    let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
    format!("access changed on {}: {role} of {}{from}{until}{more}", short(first.scope.key()), first.principal_id)
}

/// `3 intervals`.
fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

fn provisional(footprint: &Footprint, before: Option<i32>, now: Option<i32>) -> String {
    let at = |from: Option<i32>| from.unwrap_or(i32::MAX);
    let between = |low: i32, high: i32| footprint.days.iter().copied().filter(|day| (low..high).contains(day)).collect::<Vec<i32>>();
    let (days, word) = if at(before) < at(now) { (between(at(before), at(now)), "no longer") } else { (between(at(now), at(before)), "again") };
    match days.as_slice() {
        [] => "which days are provisional changed".to_owned(),
        [day] => format!("{} is {word} provisional", Day(*day)),
        [first, .., last] => format!("{} days from {} to {} are {word} provisional", days.len(), Day(*first), Day(*last)),
    }
}

fn known_since(before: &Slice, now: &Slice) -> String {
    let days = |slice: &Slice, id: &Option<String>| slice.unknown_days.get(id).copied().unwrap_or(0);
    let ids: BTreeSet<&Option<String>> = before.unknown_days.keys().chain(now.unknown_days.keys()).collect();
    let changed: Vec<&Option<String>> = ids.into_iter().filter(|id| days(before, id) != days(now, id)).collect();
    let Some(first) = changed.first() else { return "since when access is known changed".to_owned() };
    let whose = first.as_deref().map_or_else(|| "charges without a subscription".to_owned(), |id| format!("/subscriptions/{id}"));
    let more = if changed.len() > 1 { format!(" (and {} more)", changed.len() - 1) } else { String::new() };
    let number = |slice: &Slice| count(usize::try_from(days(slice, first)).unwrap_or(usize::MAX), "day");
    format!("{} of {whose} begin before anything is known, where it was {}{more}", number(now), number(before))
}
