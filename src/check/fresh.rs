//! How old the inputs are, measured against each other: nothing here reads the clock.

use pecan_core::time::{DAY_MICROS, Day, Instant, RawInstant};

use super::topics::{counted, instant, note, some, yellow};
use super::{Facts, Finding, Topic};
use crate::job::Job;
use crate::known::Known;

/// A log this many days behind the newest charge, or charges this many behind the log, are late.
const LATE_DAYS: i64 = 3;
/// A list this many days behind the newest record is old: what the log cannot show (a deleted resource group) only lists heal.
const OLD_LIST_DAYS: i64 = 31;

/// Scopes of lists that are named one by one.
const FEW_SCOPES: usize = 3;

/// How far each input reaches, in whole days behind the one that reaches furthest; `None`: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ages {
    /// The newest usage day, at its `until`.
    pub usage: Option<i64>,
    /// The newest audit record.
    pub audit: Option<i64>,
    /// The newest list.
    pub lists: Option<i64>,
}

impl Ages {
    /// Compares the three.
    pub fn new(job: &Job, facts: &Facts) -> Ages {
        let known = facts.known.as_ref();
        let usage = facts.charges.days.map(|(_, last)| Day(last).span(job.rules.day_offset_minutes).until);
        let audit = known.and_then(|k| k.newest_record).map(RawInstant::down);
        let lists = known.and_then(newest_list).map(RawInstant::down);
        let newest = usage.into_iter().chain(audit).chain(lists).max();
        let behind = |at: Option<Instant>| Some(newest?.micros_since(at?).div_euclid(DAY_MICROS));
        Ages { usage: behind(usage), audit: behind(audit), lists: behind(lists) }
    }
}

/// When the newest list was taken.
pub fn newest_list(known: &Known) -> Option<RawInstant> {
    known.lists.values().map(|of| of.newest).max()
}

/// Freshness.
pub fn topic(job: &Job, facts: &Facts) -> Topic {
    let Some(known) = &facts.known else { return Topic { name: "freshness", says: "not known".to_owned(), findings: Vec::new() } };
    let ages = Ages::new(job, facts);
    let findings = behind(job, facts, known).into_iter().chain(old_lists(known)).chain(cutoff_ahead(job, known)).collect();
    let days = facts.charges.days.map_or_else(|| "no usage day".to_owned(), |(first, last)| format!("usage days {} to {}", Day(first), Day(last)));
    let cutoff = known.knowledge.cutoff().map_or_else(|| "none: every day is provisional".to_owned(), |c| c.to_string());
    let age = [("usage", ages.usage), ("audit log", ages.audit), ("newest list", ages.lists)];
    let age = age.into_iter().filter_map(|(what, days)| Some(format!("{what} {}", counted(u64::try_from(days?).unwrap_or(0), "day"))));
    let says = format!(
        "{days}; audit log {} to {}; {}; cutoff {cutoff}; behind the newest of all: {}",
        instant(known.first_record),
        instant(known.newest_record),
        lists(known),
        age.collect::<Vec<_>>().join(", ")
    );
    Topic { name: "freshness", says, findings }
}

/// The lists, scope by scope as long as they are few.
fn lists(known: &Known) -> String {
    if known.lists.is_empty() {
        return "no complete list".to_owned();
    }
    if known.lists.len() <= FEW_SCOPES {
        return some(known.lists.iter().map(|(scope, of)| format!("first list of {} {}", scope.as_deref().unwrap_or("everything"), instant(Some(of.first)))));
    }
    let firsts = known.lists.values().map(|of| of.first);
    format!(
        "first lists of {} scopes {} to {}, newest {}",
        known.lists.len(),
        instant(firsts.clone().min()),
        instant(firsts.max()),
        instant(newest_list(known))
    )
}

/// The log behind the charges, or the charges behind the log.
fn behind(job: &Job, facts: &Facts, known: &Known) -> Option<Finding> {
    let (day, newest) = (facts.charges.days.map(|(_, last)| Day(last))?, known.newest_record?);
    let until = day.span(job.rules.day_offset_minutes).until;
    let late = LATE_DAYS.saturating_mul(DAY_MICROS);
    if until.micros_since(newest.down()) > late {
        let text = format!("charges reach {day}, the audit log only {}", instant(Some(newest)));
        return Some(yellow("log_behind", text, "see whether the export of the audit log still runs; until it catches up those days stay provisional"));
    }
    (newest.down().micros_since(until) > late).then(|| {
        let text = format!("the audit log reaches {}, charges only {day}", instant(Some(newest)));
        yellow("charges_behind", text, "see whether the cost exports still run; nothing to do if these are the charges of a closed month")
    })
}

fn old_lists(known: &Known) -> Option<Finding> {
    let (newest, list) = (known.newest_record?, newest_list(known)?);
    let days = newest.down().micros_since(list.down()).div_euclid(DAY_MICROS);
    (days > OLD_LIST_DAYS).then(|| {
        let text = format!("the newest list of role assignments is of {}, {} before the newest audit record", instant(Some(list)), counted(days.unsigned_abs(), "day"));
        let next = "take a list now and then (`az role assignment list --all`, one subscription each): roles that vanish with a deleted resource group leave no record";
        note("lists_old", text, next)
    })
}

fn cutoff_ahead(job: &Job, known: &Known) -> Option<Finding> {
    let (cutoff, newest) = (job.cutoff?, known.newest_record?);
    (cutoff.down().micros_since(newest.down()) > DAY_MICROS).then(|| {
        let text = format!("cutoff says the log is complete up to {}, its newest record is of {}", instant(Some(cutoff)), instant(Some(newest)));
        yellow("cutoff_ahead", text, "leave cutoff out of the job file, or set it no later than the log reaches")
    })
}
