//! Runs a case: builds its world, asks core, prints the answer.
//!
//! Every case is asked again with its records and rows in other orders, and with every record delivered twice:
//! the answer must not change (R-ACCESS-1, R-ACCESS-8). Every charge gives one credit line or one rejection (R-CONSERVE).

use pecan_core::event::Place;
use pecan_core::knowledge::{Facts, Learned, Unusable, learn};
use pecan_core::money::D12;

use super::parser::Case;
use super::printer;
use super::world::World;

/// What core makes of a case, as lines.
pub fn answer(case: &Case) -> Vec<String> {
    let world = World::of(case);
    let given = ask(&world, world.facts());
    for seed in 1..=4 {
        let other = ask(&world, shuffled(world.facts(), seed));
        assert_eq!(given, other, "{}: another order of records and rows gives another answer (R-ACCESS-8)", case.title);
    }
    if world.show.counts.is_empty() {
        let other = ask(&world, delivered_twice(world.facts()));
        assert_eq!(given, other, "{}: delivering every record twice gives another answer (R-ACCESS-1)", case.title);
    }
    given
}

fn ask(world: &World, facts: Facts) -> Vec<String> {
    let learned = match learn(facts, world.rules.clone()) {
        Ok(learned) => learned,
        Err(Unusable::TwoOrganisations(_)) => return vec!["stop two_organisations".to_string()],
        Err(Unusable::ListsTooClose(_)) => return vec!["stop lists_too_close".to_string()],
    };
    let mut lines = credits(world, &learned);
    if world.show.intervals {
        let mut intervals: Vec<String> = learned.knowledge.intervals().iter().map(printer::interval).collect();
        intervals.sort();
        lines.extend(intervals);
    }
    let mut rejected: Vec<(Place, &str)> = learned.rejected.iter().map(|r| (r.place, r.reason.word())).collect();
    rejected.sort_unstable();
    lines.extend(rejected.iter().map(|(place, reason)| format!("reject {} {reason}", label(world, *place))));
    lines.extend(world.bad_spans.iter().cloned());
    for name in &world.show.counts {
        let count = learned.counts.get(name.as_str()).unwrap_or_else(|| panic!("no count {name}; there are {:?}", learned.counts.keys()));
        lines.push(format!("count {name} {count}"));
    }
    lines
}

fn credits(world: &World, learned: &Learned) -> Vec<String> {
    let total = world.show.fields.iter().any(|f| f == "total");
    let fields: Vec<String> = world.show.fields.iter().filter(|f| *f != "total").cloned().collect();
    let (mut lines, mut sum) = (Vec::new(), 0);
    for of in &world.charges {
        match learned.knowledge.decide(&of.charge) {
            Ok(line) => {
                sum += line.amounts.credit_billing.0;
                lines.push(printer::credit(of, &line, &fields));
            }
            Err(fault) => lines.push(format!("reject charge {} {} {} too_large", super::names::show_day(of.charge.usage_date), of.label, fault.column)),
        }
    }
    assert_eq!(lines.len(), world.charges.len(), "one answer per charge (R-CONSERVE)");
    if total {
        lines.push(format!("total {}", printer::money(D12(sum))));
    }
    lines
}

fn label(world: &World, place: Place) -> String {
    let known = world.labels.iter().find(|(at, _)| *at == place);
    known.map_or_else(|| format!("row {}", place.row), |(_, label)| label.clone())
}

/// The same facts in another order: reversed, or moved about by a small generator.
fn shuffled(mut facts: Facts, seed: u64) -> Facts {
    let tables = &mut facts.reference;
    let mut state = seed;
    reorder(&mut facts.records, &mut state);
    reorder(&mut tables.listed, &mut state);
    reorder(&mut tables.partners, &mut state);
    reorder(&mut tables.principals, &mut state);
    reorder(&mut tables.members, &mut state);
    reorder(&mut tables.authorizations, &mut state);
    reorder(&mut tables.roles, &mut state);
    reorder(&mut tables.rates, &mut state);
    reorder(&mut tables.products, &mut state);
    reorder(&mut tables.management_groups, &mut state);
    facts
}

fn reorder<T>(rows: &mut [T], state: &mut u64) {
    if *state == 1 {
        return rows.reverse();
    }
    for at in (1..rows.len()).rev() {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(*state >> 33).unwrap_or(0) % (at + 1);
        rows.swap(at, other);
    }
}

/// Every record that has an event data id arrives a second time, in a later file.
fn delivered_twice(mut facts: Facts) -> Facts {
    let again = facts.records.iter().filter(|r| !r.event_data_id.is_empty()).cloned().map(|mut record| {
        record.place.file = 9;
        record
    });
    let again: Vec<_> = again.collect();
    facts.records.extend(again);
    facts
}
