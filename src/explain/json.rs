//! The story as one JSON object; its fields are listed at [`Story::to_json`](super::Story::to_json).

use std::collections::BTreeMap;

use pecan_core::money::{AMOUNT_PLACES, D12, D22, plain};
use pecan_core::role::RoleSource;
use pecan_core::time::{Instant, Span};
use serde_json::{Map, Value, json};

use super::Story;
use super::access::{Access, ChainLevel, ToldInterval, ToldOrganisation};
use super::sums::Step;
use super::tell::{Parties, Telling, Told};
use crate::job::Question;
use crate::rejection::Rejection;
use crate::schema::name;

pub(super) fn story(story: &Story) -> Value {
    let question = match &story.question {
        Question::Day { date, resource } => json!({ "date": date.to_string(), "resource": resource }),
        Question::Line { source, file, row } => json!({ name::SOURCE: source, name::FILE: file, name::ROW: row }),
    };
    json!({
        "job": story.job,
        "question": question,
        "read": { "groups": story.read.groups, "groups_passed_over": story.read.groups_passed_over, "rows": story.read.rows },
        "rejections": story.rejections.iter().map(rejection).collect::<Vec<_>>(),
        "stories": story.tellings.iter().map(telling).collect::<Vec<_>>(),
    })
}

fn rejection(r: &Rejection) -> Value {
    json!({
        name::SOURCE: r.source,
        name::FILE: r.file,
        name::SOURCE_RUN: r.source_run,
        name::ROW: r.row,
        name::COLUMN: r.column,
        name::VALUE: r.value,
        name::REASON: r.reason.word(),
        name::MESSAGE: r.message,
        name::GROUP_ID: r.group_id,
    })
}

fn instant(at: Instant) -> Value {
    if at == Instant::MIN || at == Instant::MAX { Value::Null } else { Value::from(at.to_string()) }
}

fn span(span: &Span) -> Value {
    json!({ name::FROM: instant(span.from), name::UNTIL: instant(span.until) })
}

fn spans(all: &[Span]) -> Value {
    all.iter().map(span).collect()
}

fn gaps(all: &[Span]) -> Value {
    // Seconds with up to six places, exact.
    let gap = |g: &Span| json!({ name::FROM: instant(g.from), name::UNTIL: instant(g.until), "seconds": plain(i128::from(g.micros()), 6) });
    all.iter().map(gap).collect()
}

fn amount(amount: Option<D12>) -> Value {
    amount.map_or(Value::Null, |a| Value::from(a.to_string()))
}

fn operand(value: Option<D22>) -> Value {
    value.map_or(Value::Null, |v| Value::from(v.to_string()))
}

fn telling(t: &Telling) -> Value {
    json!({
        name::USAGE_DATE: t.clock.day.to_string(),
        "day": span(&t.clock.span),
        name::SCOPE: t.shown_scope,
        name::SCOPE_LEVEL: t.scope.as_ref().map(|s| s.level().word()),
        "parties": parties(&t.parties),
        "basis": {
            "cutoff": t.basis.cutoff.map(instant),
            "first_record": t.basis.first_record.map(|raw| instant(raw.down())),
            "known_since": t.basis.known_since.map(|raw| instant(raw.down())),
        },
        "access": t.access.as_ref().map(access),
        "totals": totals(&t.charges),
        name::CHARGES: t.charges.iter().map(charge).collect::<Vec<_>>(),
    })
}

fn parties(p: &Parties) -> Value {
    json!({
        "billed_tenant": p.billed_tenant,
        "billed_name": p.billed_name,
        name::BILLED_MPN_ID: p.billed_mpn,
        "billed_organisation": p.billed_organisation,
        "agreement": spans(&p.agreement),
        "agreement_covers_day": p.agreement_covers,
        name::RESELLER_MPN_ID: p.reseller_mpn,
        "reseller_name": p.reseller_name,
        "reseller_organisation": p.reseller_organisation,
    })
}

fn access(a: &Access) -> Value {
    let together = a.together.as_ref().map(|(covered, open)| json!({ "covered_spans": spans(covered), name::GAPS: gaps(open) }));
    json!({
        "chain": a.chain.iter().map(chain_level).collect::<Vec<_>>(),
        "organisations": a.organisations.iter().map(organisation).collect::<Vec<_>>(),
        "together": together,
        "intervals": a.intervals.iter().map(interval).collect::<Vec<_>>(),
        "intervals_covering_nothing": a.covering_nothing,
    })
}

fn chain_level(level: &ChainLevel) -> Value {
    json!({
        name::SCOPE_LEVEL: level.level.word(),
        name::SCOPE: level.shown,
        "is_charge": level.is_charge,
        "intervals": level.intervals,
        "of_parties": level.of_parties,
    })
}

fn organisation(o: &ToldOrganisation) -> Value {
    let covered = o.covered.iter().fold(0i64, |sum, s| sum.saturating_add(s.micros()));
    json!({
        name::ORGANISATION_ID: o.organisation,
        "part": o.part.replace(' ', "_"),
        name::COVERED: o.is_covered,
        name::COVERED_SECONDS: covered.div_euclid(1_000_000),
        "covered_spans": spans(&o.covered),
        name::GAPS: gaps(&o.gaps),
    })
}

/// The word for who says whether a role earns.
pub(super) fn role_source(source: RoleSource) -> &'static str {
    match source {
        RoleSource::Job => "job",
        RoleSource::Embedded => "embedded",
        RoleSource::Unknown => "unknown",
    }
}

fn interval(i: &ToldInterval) -> Value {
    let links = i.links.iter().map(|l| {
        json!({
            name::ORGANISATION_ID: l.organisation,
            name::CHANNEL: l.channel.word(),
            "linked_from": instant(l.span.from),
            "linked_until": instant(l.span.until),
            "of_parties": l.of_parties,
        })
    });
    let counts = i.counts.iter().map(|c| json!({ name::ORGANISATION_ID: c.organisation, "why": c.why.word(), "spans": spans(&c.spans) }));
    json!({
        "when": i.when.word(),
        name::ASSIGNMENT_ID: i.interval.assignment_id,
        name::PRINCIPAL_ID: i.interval.principal_id,
        name::ROLE_DEFINITION_ID: i.interval.role_definition_id,
        "role_name": i.role_name,
        name::EARNS: i.earns,
        "role_source": role_source(i.says),
        name::SCOPE: i.shown_scope,
        name::SCOPE_LEVEL: i.interval.scope.level().word(),
        name::SPAN_FROM: instant(i.interval.span.from),
        name::SPAN_UNTIL: instant(i.interval.span.until),
        "day_from": i.in_day.map(|s| instant(s.from)),
        "day_until": i.in_day.map(|s| instant(s.until)),
        name::STARTED_BY: i.interval.started_by.word(),
        name::STOPPED_BY: i.interval.stopped_by.map(|s| s.word()),
        "stopped_caller": i.interval.stopped_caller,
        "links": links.collect::<Vec<_>>(),
        "counts": counts.collect::<Vec<_>>(),
    })
}

/// Sums by currencies; `None`: the sum does not fit.
pub(super) struct Totals {
    pub charges: usize,
    pub sums: [Option<i128>; 4],
}

/// Sums of the charges of a story by pricing and billing currency: list cost, credit, missed, applied.
pub(super) fn sums_of(charges: &[Told]) -> BTreeMap<[Option<String>; 2], Totals> {
    let mut totals: BTreeMap<[Option<String>; 2], Totals> = BTreeMap::new();
    for told in charges {
        let labels = &told.found.labels;
        let a = &told.line.amounts;
        let entry = totals.entry([labels.pricing_currency.clone(), labels.billing_currency.clone()]).or_insert(Totals { charges: 0, sums: [Some(0); 4] });
        entry.charges += 1;
        let amounts = [a.list_cost, a.credit_billing, a.missed_billing, a.applied_billing.unwrap_or(D12(0))];
        for (sum, amount) in entry.sums.iter_mut().zip(amounts) {
            *sum = sum.and_then(|s| s.checked_add(amount.0));
        }
    }
    totals
}

fn totals(charges: &[Told]) -> Value {
    let total = |([pricing, billing], t): (&[Option<String>; 2], &Totals)| {
        let [list_cost, credit, missed, applied] = t.sums.map(|s| s.map(|s| plain(s, AMOUNT_PLACES)));
        json!({
            name::PRICING_CURRENCY: pricing,
            name::BILLING_CURRENCY: billing,
            name::CHARGES: t.charges,
            name::LIST_COST: list_cost,
            name::CREDIT_BILLING: credit,
            name::MISSED_CREDIT_BILLING: missed,
            name::APPLIED_CREDIT_BILLING: applied,
        })
    };
    sums_of(charges).iter().map(total).collect()
}

fn charge(told: &Told) -> Value {
    let mut object = Map::new();
    for part in [place_and_labels(told), numbers(told), decision(told)] {
        if let Value::Object(fields) = part {
            object.extend(fields);
        }
    }
    Value::Object(object)
}

fn place_and_labels(told: &Told) -> Value {
    let (place, labels, charge) = (&told.found.place, &told.found.labels, &told.found.one.charge);
    json!({
        name::SOURCE: place.source,
        name::SOURCE_FILE: place.file,
        name::SOURCE_RUN: place.run,
        name::SOURCE_ROW: place.row,
        name::GROUP_ID: place.group_id,
        name::CUSTOMER_ID: labels.customer_id,
        "customer_name": labels.customer_name,
        name::SUBSCRIPTION_ID: charge.subscription_id,
        "subscription_name": labels.subscription_name,
        name::RESOURCE_GROUP: charge.resource_group,
        name::RESOURCE_ID: charge.resource_id,
        "subscription_mismatch": told.found.one.subscription_mismatch,
        name::METER_ID: charge.product.meter_id,
        "meter_name": labels.meter_name,
        name::PRODUCT_ID: charge.product.product_id,
        name::SKU_ID: charge.product.sku_id,
        name::PRODUCT_NAME: labels.product_name,
        name::UNIT: labels.unit,
        "charge_type": labels.charge_type,
        name::INVOICE_ID: labels.invoice_id,
    })
}

fn numbers(told: &Told) -> Value {
    let (n, a, labels) = (&told.found.one.charge.numbers, &told.line.amounts, &told.found.labels);
    json!({
        name::QUANTITY: operand(n.quantity),
        name::LIST_UNIT_PRICE: operand(n.list_unit_price),
        "net_cost": operand(n.net_cost),
        name::EXCHANGE_RATE: operand(n.exchange_rate),
        name::PRICING_CURRENCY: labels.pricing_currency,
        name::BILLING_CURRENCY: labels.billing_currency,
        name::APPLIED: n.applied,
        "stated_rate": operand(n.stated_rate),
        name::RATE: operand(told.sums.rate),
        "rate_from": told.sums.rate_from,
        name::LIST_COST: amount(Some(a.list_cost)),
        name::CREDIT_PRICING: amount(Some(a.credit_pricing)),
        name::CREDIT_BILLING: amount(Some(a.credit_billing)),
        name::MISSED_CREDIT_BILLING: amount(Some(a.missed_billing)),
        name::APPLIED_CREDIT_BILLING: amount(a.applied_billing),
        name::IMPLIED_CREDIT_PRICING: amount(a.implied_pricing),
    })
}

fn decision(told: &Told) -> Value {
    let line = &told.line;
    json!({
        name::OUTCOME: line.outcome.word(),
        name::EXCLUDED_KIND: line.excluded_kind.map(|k| k.word()),
        name::EVIDENCE: line.evidence.word(),
        name::ORGANISATION_ID: line.organisation_id,
        name::COVERED_SECONDS: line.covered_seconds,
        name::GAP_FROM: line.gap_from.map(instant),
        name::GAP_UNTIL: line.gap_until.map(instant),
        name::GAP_COUNT: line.gap_count,
        "verdict": told.verdict,
        "evidence_note": told.evidence,
        "level_note": told.level_note,
        "rules": rules(told),
        "arithmetic": told.sums.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Value {
    let operands = step.operands.iter().map(|(name, value)| json!({ name::NAME: name, name::VALUE: value.to_string() }));
    json!({
        name::NAME: step.name,
        "operands": operands.collect::<Vec<_>>(),
        "formula": step.formula,
        "result": amount(step.result),
        name::CURRENCY: step.currency,
        "note": step.note,
    })
}

/// Every rule number named in the story of a charge, in order, once.
fn rules(told: &Told) -> Vec<String> {
    let notes = told.sums.steps.iter().map(|s| s.note.as_str());
    let texts = [told.verdict.as_str(), &told.evidence, &told.level_note, &told.sums.rate_note].into_iter().chain(notes);
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for word in text.split([' ', '(', ')', ',', ';', '.', ':']).filter(|w| w.starts_with("R-")) {
            if !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
    }
    found
}
