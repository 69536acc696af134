//! The core against the oracle: every difference of a world, as text.

use pecan_core::knowledge::{self, Charge, CreditLine, Facts, Knowledge};

use super::amounts::Money;
use super::naive::{Line, OneCharge, Oracle};
use super::world::World;

/// What the core makes of a world: intervals, rejected records, and a line per charge, all as comparable text.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub intervals: Vec<String>,
    pub rejected: Vec<String>,
    pub lines: Vec<String>,
}

/// The core's answer; `None`: the run stops. A panic is an answer too: a wrong one.
pub fn core(world: &World) -> Option<Answer> {
    std::panic::catch_unwind(|| core_answer(world))
        .unwrap_or_else(|_| Some(Answer { intervals: vec!["the core panicked".into()], rejected: Vec::new(), lines: Vec::new() }))
}

/// What the core learns from the inputs of a world; `None`: it refuses them.
pub fn learned(world: &World) -> Option<knowledge::Learned> {
    let inputs = world.inputs.clone();
    let facts = Facts {
        records: inputs.records,
        reference: inputs.reference,
        cutoff: inputs.cutoff,
        first_record: inputs.first_record,
        newest_record: inputs.newest_record,
        ..Facts::default()
    };
    knowledge::learn(facts, inputs.rules).ok()
}

fn core_answer(world: &World) -> Option<Answer> {
    let learned = learned(world)?;
    let intervals = learned.knowledge.intervals().iter().map(|i| {
        let (from, until) = (i.span.from.0, i.span.until.0);
        let stopped = i.stopped_by.map_or("-", |s| s.word());
        let key = i.scope.key();
        format!("{} {} {} {key} [{}, {}) {} {stopped}", i.assignment_id, i.principal_id, i.role_definition_id, micros(from), micros(until), i.started_by.word())
    });
    let mut intervals: Vec<String> = intervals.collect();
    intervals.sort();
    let mut rejected: Vec<String> = learned.rejected.iter().map(|r| format!("{:?} {}", r.place, r.reason.word())).collect();
    rejected.sort();
    let lines = world.charges.iter().map(|c| core_line(&learned.knowledge, c)).collect();
    Some(Answer { intervals, rejected, lines })
}

/// The oracle's answer; `None`: the run stops.
pub fn oracle(world: &World) -> Option<Answer> {
    let oracle = Oracle::new(world.inputs.clone()).ok()?;
    let intervals = oracle.held.iter().map(|h| {
        let key = h.path.key();
        let stopped = h.stopped_by.unwrap_or("-");
        format!("{} {} {} {key} [{}, {}) {} {stopped}", h.assignment, h.principal, h.role, micros(h.from), micros(h.until), h.started_by)
    });
    let mut intervals: Vec<String> = intervals.collect();
    intervals.sort();
    let mut rejected: Vec<String> = oracle.rejected.iter().map(|(place, reason)| format!("{place:?} {}", reason.word())).collect();
    rejected.sort();
    let lines = world.charges.iter().map(|c| oracle.decide(c).map_or_else(|_| "amount does not fit".into(), |line| format!("{line:?}"))).collect();
    Some(Answer { intervals, rejected, lines })
}

fn core_line(knowledge: &Knowledge, charge: &OneCharge) -> String {
    let asked = Charge {
        usage_date: charge.usage_date,
        subscription_id: charge.subscription_id.clone(),
        resource_group: charge.resource_group.clone(),
        resource_id: charge.resource_id.clone(),
        partner_tenant_id: charge.partner_tenant_id.clone(),
        reseller_mpn_id: charge.reseller_mpn_id.clone(),
        product: charge.product.clone(),
        numbers: charge.numbers,
    };
    match knowledge.decide(&asked) {
        Ok(line) => format!("{:?}", as_ours(line)),
        Err(_) => "amount does not fit".into(),
    }
}

fn as_ours(line: CreditLine) -> Line {
    Line {
        outcome: line.outcome,
        excluded_kind: line.excluded_kind,
        evidence: line.evidence,
        scope_level: line.scope_level.map(|l| l.word()),
        organisation_id: line.organisation_id,
        covered_seconds: line.covered_seconds,
        gap_from: line.gap_from.map(|i| i.0),
        gap_until: line.gap_until.map(|i| i.0),
        gap_count: line.gap_count,
        rate: line.rate,
        billed_mpn_id: line.billed_mpn_id,
        money: Money {
            list_cost: line.amounts.list_cost.0,
            credit_pricing: line.amounts.credit_pricing.0,
            credit_billing: line.amounts.credit_billing.0,
            missed_billing: line.amounts.missed_billing.0,
            applied_billing: line.amounts.applied_billing.map(|a| a.0),
            implied_pricing: line.amounts.implied_pricing.map(|a| a.0),
        },
    }
}

/// Microseconds as an instant people can read.
fn micros(instant: i64) -> String {
    match instant {
        i64::MIN => "ever".into(),
        i64::MAX => "open".into(),
        other => nanos(i128::from(other) * 1000),
    }
}

/// Nanoseconds as day of the world, time of day and the rest.
pub fn nanos(instant: i128) -> String {
    let (day, rest) = (instant.div_euclid(86_400_000_000_000), instant.rem_euclid(86_400_000_000_000));
    let (seconds, fraction) = (rest / 1_000_000_000, rest % 1_000_000_000);
    format!("d{}T{:02}:{:02}:{:02}.{fraction:09}", day - i128::from(super::world::FIRST_DAY), seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// How two answers differ; empty: they do not.
pub fn differences(core: Option<&Answer>, oracle: Option<&Answer>) -> Vec<String> {
    let (core, oracle) = match (core, oracle) {
        (None, None) => return Vec::new(),
        (Some(core), Some(oracle)) => (core, oracle),
        _ => return vec![format!("stops: core {}, oracle {}", core.is_none(), oracle.is_none())],
    };
    let mut found = Vec::new();
    for (what, core, oracle) in [("interval", &core.intervals, &oracle.intervals), ("rejection", &core.rejected, &oracle.rejected)] {
        if core != oracle {
            found.extend(only(core, oracle).into_iter().map(|text| format!("{what}, core only:   {text}")));
            found.extend(only(oracle, core).into_iter().map(|text| format!("{what}, oracle only: {text}")));
        }
    }
    if core.lines.len() != oracle.lines.len() {
        found.push(format!("lines: core {}, oracle {}", core.lines.len(), oracle.lines.len()));
    }
    for (at, (core, oracle)) in core.lines.iter().zip(&oracle.lines).enumerate() {
        if core != oracle {
            found.push(format!("charge {at}\n    core:   {core}\n    oracle: {oracle}"));
        }
    }
    found
}

/// What of a sorted multiset is not in another.
fn only(these: &[String], those: &[String]) -> Vec<String> {
    let mut rest = those.to_vec();
    let mut found = Vec::new();
    for text in these {
        match rest.iter().position(|other| other == text) {
            Some(at) => drop(rest.swap_remove(at)),
            None => found.push(text.clone()),
        }
    }
    found
}
