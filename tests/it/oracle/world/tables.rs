//! Reference tables: partners with gaps in their agreements, links that begin mid-day, contradictory roles.

use pecan_core::money::D22;
use pecan_core::reference::{
    Authorization, Channel, ExcludedKind, ManagementGroupRow, Member, Partner, Principal, ProductMatch, ProductRow, Rate, Reference, RoleRow, Validity,
};
use pecan_core::time::{Day, Instant, Span};

use super::super::product::BUILT_IN;
use super::{Dice, FIRST_DAY, MANAGEMENT_GROUPS, PRINCIPALS, SUBSCRIPTIONS};

/// Mostly always; else between two instants of the pool, or half open. `None`: nothing is left in microseconds.
fn span(dice: &mut Dice, always: usize) -> Option<Span> {
    if dice.chance(always) {
        return Some(Span::ALWAYS);
    }
    let (from, until) = dice.two_instants()?;
    let up = |n: i128| Instant(i64::try_from((n + 999).div_euclid(1000)).unwrap_or(0));
    let down = |n: i128| Instant(i64::try_from(n.div_euclid(1000)).unwrap_or(0));
    let (from, until) = match dice.below(3) {
        0 => (up(from.0), Instant::MAX),
        1 => (Instant::MIN, down(until.0)),
        _ => (up(from.0), down(until.0)),
    };
    (from < until).then_some(Span { from, until })
}

fn validity(dice: &mut Dice) -> Validity {
    let day = |dice: &mut Dice| Day(FIRST_DAY + i32::try_from(dice.below(6)).unwrap_or(0));
    let (a, b) = (day(dice), day(dice));
    match dice.below(6) {
        0 => Validity { from: a, until: Day::MAX },
        1 => Validity { from: Day::MIN, until: a },
        2 | 3 if a != b => Validity { from: a.min(b), until: a.max(b) },
        _ => Validity { from: Day::MIN, until: Day::MAX },
    }
}

fn matches(dice: &mut Dice) -> ProductMatch {
    match dice.below(6) {
        0 | 1 => ProductMatch::Meter(String::from(*dice.pick(&["meter-1", "meter-2"]))),
        2 | 3 => ProductMatch::Product(String::from(*dice.pick(&["dzh318z0bq35", "dzh318z0bq36"]))),
        4 => ProductMatch::Product(String::from(*dice.pick(&["dzh318z0bq350001", "dzh318z0bq350002"]))),
        _ => ProductMatch::Nothing,
    }
}

fn partners(dice: &mut Dice) -> Vec<Partner> {
    let mut rows = Vec::new();
    let known = [("100", "Org-A", "t-a"), ("101", "Org-A", "t-a"), ("200", "Org-B", "t-b"), ("201", "Org-B", "t-b2"), ("300", "Org-C", "t-c")];
    for (mpn_id, organisation_id, tenant_id) in known {
        if dice.chance(if mpn_id.ends_with("00") { 96 } else { 30 }) {
            for _ in 0..*dice.pick(&[1, 1, 1, 1, 2, 3]) {
                let agreement = span(dice, 88);
                let tenant_id = dice.chance(95).then(|| String::from(tenant_id));
                rows.push(Partner { mpn_id: mpn_id.into(), organisation_id: organisation_id.into(), tenant_id, agreement });
            }
        }
    }
    if dice.chance(1) {
        // Wrong tables stop the run.
        rows.push(Partner { mpn_id: "100".into(), organisation_id: "Org-D".into(), tenant_id: None, agreement: Some(Span::ALWAYS) });
    }
    rows
}

/// Fills all tables but the lists.
pub fn fill(dice: &mut Dice, reference: &mut Reference) {
    reference.partners = partners(dice);
    if dice.chance(60) {
        // Two organisations that can relay each other.
        for (principal_id, mpn_id) in [("p-1", "100"), ("p-2", "200")] {
            let linked = span(dice, 80);
            reference.principals.push(Principal { principal_id: principal_id.into(), mpn_id: mpn_id.into(), channel: Channel::Pal, linked });
        }
    }
    for _ in 0..dice.between(2, 8) {
        reference.principals.push(Principal {
            principal_id: String::from(*dice.pick(&PRINCIPALS)),
            mpn_id: String::from(*dice.pick(&["100", "100", "100", "100", "101", "200", "200", "201", "300", "999"])),
            channel: *dice.pick(&[Channel::Aobo, Channel::Pal, Channel::Lighthouse]),
            linked: span(dice, 60),
        });
    }
    for _ in 0..dice.below(4) {
        let group_id = String::from(*dice.pick(&["g-1", "g-1", "g-2"]));
        let member_id = String::from(*dice.pick(&PRINCIPALS));
        reference.members.push(Member { group_id, member_id, member: span(dice, 50) });
    }
    for _ in 0..dice.below(5) {
        let row = Authorization {
            definition_id: String::from(*dice.pick(&["def-1", "def-2"])),
            principal_id: String::from(*dice.pick(&PRINCIPALS)),
            role_definition_id: String::from(*dice.pick(&[BUILT_IN[0].0, BUILT_IN[1].0, BUILT_IN[2].0])),
            valid: span(dice, 60),
        };
        if dice.chance(20) {
            reference.authorizations.push(row.clone());
        }
        reference.authorizations.push(row);
    }
    for _ in 0..*dice.pick(&[0, 0, 1, 2, 4]) {
        let role = String::from(*dice.pick(&[BUILT_IN[0].0, BUILT_IN[1].0, BUILT_IN[2].0, "custom-1", "custom-2"]));
        let role_name = dice.chance(50).then(|| "a role".into());
        reference.roles.push(RoleRow { role_definition_id: role, role_name, earns: dice.chance(60), valid: validity(dice) });
    }
    for _ in 0..*dice.pick(&[0, 0, 1, 2, 4]) {
        let rate = D22(*dice.pick(&[0, 150, 150, 100, 333, 1_000, 1]) * 10_000_000_000_000_000_000);
        reference.rates.push(Rate { matches: matches(dice), rate, valid: validity(dice) });
    }
    for _ in 0..*dice.pick(&[0, 0, 0, 1, 2]) {
        let kind = *dice.pick(&ExcludedKind::ALL);
        reference.products.push(ProductRow { matches: matches(dice), kind, valid: validity(dice) });
    }
    for _ in 0..*dice.pick(&[0, 2, 3, 5]) {
        let management_group_id = String::from(*dice.pick(&MANAGEMENT_GROUPS));
        let subscription_id = String::from(*dice.pick(&SUBSCRIPTIONS));
        reference.management_groups.push(ManagementGroupRow { management_group_id, subscription_id });
    }
}
