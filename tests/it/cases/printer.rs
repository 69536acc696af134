//! What core answered, as the lines an accountant reads.
//!
//! A `covered` line without gaps and without details means: 86,400 seconds, no gap, count 0, the billed partner's
//! organisation, evidence complete, nothing missed. Whatever differs from that is printed.

use pecan_core::access::AccessInterval;
use pecan_core::charge::{Evidence, Outcome};
use pecan_core::knowledge::CreditLine;
use pecan_core::money::{AMOUNT_PLACES, D12, OPERAND_PLACES, plain};
use pecan_core::time::Instant;

use super::names;
use super::world::CaseCharge;

/// `credit DATE SCOPE AMOUNT CUR outcome …`
pub fn credit(of: &CaseCharge, line: &CreditLine, fields: &[String]) -> String {
    let day = of.charge.usage_date;
    let mut words = vec![
        "credit".to_string(),
        names::show_day(day),
        of.label.clone(),
        money(line.amounts.credit_billing),
        of.currency.clone(),
        line.outcome.word().to_string(),
    ];
    words.extend(line.excluded_kind.map(|kind| kind.word().to_string()));
    words.extend(coverage(of, line));
    if line.amounts.missed_billing != D12(0) {
        words.push(format!("missed {}", money(line.amounts.missed_billing)));
    }
    if line.evidence != Evidence::Complete {
        words.push(line.evidence.word().to_string());
    }
    words.extend(fields.iter().map(|field| format!("{field} {}", shown(line, field))));
    words.join(" ")
}

/// Covered seconds, gaps and organisation, where they are not those of a plain line of this outcome (details 29).
fn coverage(of: &CaseCharge, line: &CreditLine) -> Vec<String> {
    let mut words = Vec::new();
    let numbers = (line.covered_seconds, line.gap_from, line.gap_until, line.gap_count);
    let plain_numbers = match line.outcome {
        Outcome::Covered => (Some(86_400), None, None, Some(0)),
        _ => (None, None, None, None),
    };
    if numbers != plain_numbers {
        let at = |instant: Option<Instant>| instant.map_or("-".to_string(), |i| names::show_within(of.charge.usage_date, i));
        words.push(format!("{}..{}", at(line.gap_from), at(line.gap_until)));
        words.push(format!("covered {}s", count(line.covered_seconds)));
        if line.gap_count != Some(1) {
            words.push(format!("gaps {}", count(line.gap_count)));
        }
    }
    let reached = matches!(line.outcome, Outcome::Covered | Outcome::Gap);
    let plain_organisation = reached.then_some("provider");
    if line.organisation_id.as_deref() != plain_organisation {
        words.push(format!("by {}", line.organisation_id.as_deref().unwrap_or("-")));
    }
    words
}

fn count(number: Option<i64>) -> String {
    number.map_or("-".to_string(), |n| n.to_string())
}

fn shown(line: &CreditLine, field: &str) -> String {
    let amount = |a: Option<D12>| a.map_or("-".to_string(), money);
    match field {
        "level" => line.scope_level.map_or("-", |level| level.word()).to_string(),
        "rate" => line.rate.map_or("-".to_string(), |rate| plain(rate.0, OPERAND_PLACES)),
        "list" => amount(Some(line.amounts.list_cost)),
        "pricing" => amount(Some(line.amounts.credit_pricing)),
        "applied" => amount(line.amounts.applied_billing),
        "implied" => amount(line.amounts.implied_pricing),
        "mpn" => line.billed_mpn_id.clone().unwrap_or("-".to_string()),
        "missed" => amount(Some(line.amounts.missed_billing)),
        _ => panic!("show {field}: no such field"),
    }
}

/// An amount with at least two decimals.
pub fn money(amount: D12) -> String {
    let text = plain(amount.0, AMOUNT_PLACES);
    match text.split_once('.') {
        None => format!("{text}.00"),
        Some((_, fraction)) if fraction.len() == 1 => format!("{text}0"),
        Some(_) => text,
    }
}

/// `interval ID SCOPE ROLE PRINCIPAL FROM..UNTIL started_by stopped_by`
pub fn interval(of: &AccessInterval) -> String {
    let (from, until) = (names::show_instant(of.span.from), names::show_instant(of.span.until));
    let stopped = of.stopped_by.map_or("-", |by| by.word());
    let (scope, role) = (names::scope_name(of.scope.key()), names::role_name(&of.role_definition_id));
    format!("interval {} {scope} {role} {} {from}..{until} {} {stopped}", of.assignment_id, of.principal_id, of.started_by.word())
}
