//! Charges: mostly in the play, with numbers that try the rounding and the limits.

use pecan_core::charge::{Numbers, Product};
use pecan_core::money::D22;
use pecan_core::reference::ExcludedKind;
use pecan_core::time::Day;

use super::super::naive::OneCharge;
use super::{Dice, FIRST_DAY, GROUPS, SUBSCRIPTIONS, careless, path_below, path_of};

const ONE: i128 = 10_000_000_000_000_000_000_000;

/// An operand: small and round, all 22 places, tiny, or with 16 digits before the point.
fn operand(dice: &mut Dice) -> D22 {
    let wide = i128::from(dice.next() >> 1) * i128::from(dice.next() >> 20);
    let value = match dice.below(12) {
        0 => 0,
        1 => 1,
        2..=5 => i128::from(dice.next() % 100_000) * (ONE / 1_000),
        6 => ONE / 2 * i128::from(dice.next() % 9),
        // Products of these fall on halves of the 12th place.
        7 => i128::from(dice.next() % 999) * 50_000_000_000_000,
        8 => (wide % (100 * ONE)).abs(),
        9 => ONE,
        10 => (wide % (1_000_000 * ONE)).abs(),
        _ if dice.chance(30) => 9_999_999_999_999_999 * ONE + i128::from(dice.next() % 1_000) * 10_000_000_000_000_000_000,
        _ => i128::from(dice.next() % 1_000_000) * ONE,
    };
    D22(if dice.chance(12) { -value } else { value })
}

fn rate(dice: &mut Dice) -> D22 {
    D22(match dice.below(8) {
        0 => 0,
        1 => ONE,
        2 => ONE / 3,
        3 => ONE / 10,
        4 => (i128::from(dice.next() >> 1) * 1_000) % ONE,
        _ => ONE / 100 * 15,
    })
}

fn numbers(dice: &mut Dice, usage: bool) -> Numbers {
    let (quantity, price) = (operand(dice), operand(dice));
    // Often near the list cost, as real net costs are.
    let near = quantity.0.checked_mul(price.0).map(|product| D22(product / ONE / 100 * 85));
    let net = near.filter(|n| dice.chance(60) && n.0.abs() < ONE * 1_000_000).unwrap_or_else(|| operand(dice));
    let exchange = match dice.below(4) {
        0 | 1 => D22(ONE),
        2 => D22(8_462_026_660_000_000_000_000),
        _ => D22(operand(dice).0.abs()),
    };
    let maybe = |dice: &mut Dice, value: D22| (usage || dice.chance(70)).then_some(value);
    Numbers {
        quantity: maybe(dice, quantity),
        list_unit_price: maybe(dice, price),
        net_cost: dice.chance(75).then_some(net),
        exchange_rate: maybe(dice, exchange),
        applied: *dice.pick(&[None, Some(true), Some(true), Some(false)]),
        stated_rate: dice.chance(70).then(|| rate(dice)),
    }
}

fn product(dice: &mut Dice) -> Product {
    let id = |dice: &mut Dice, from: &[&str]| {
        let text = *dice.pick(from);
        (!dice.chance(10)).then(|| dice.spell(text))
    };
    Product {
        usage: dice.chance(93),
        excluded: dice.chance(3).then(|| *dice.pick(&ExcludedKind::ALL)),
        meter_id: id(dice, &["meter-1", "meter-2", "meter-3", ""]),
        product_id: id(dice, &["dzh318z0bq35", "dzh318z0bq36", "dzh318z0bq37"]),
        sku_id: id(dice, &["0001", "0002", ""]),
    }
}

/// A charge on the resource that all relays cover, of the two partners that relay each other.
pub fn in_play(dice: &mut Dice) -> OneCharge {
    let mut charge = charge(dice);
    let path = path_of(0, 0, 0, 2);
    charge.resource_id = Some(careless(dice, &path));
    charge.partner_tenant_id = Some("t-a".into());
    charge.reseller_mpn_id = Some("200".into());
    charge.product = Product { usage: true, meter_id: Some("meter-3".into()), ..Product::default() };
    charge.numbers = numbers(dice, true);
    charge
}

/// Any charge.
pub fn charge(dice: &mut Dice) -> OneCharge {
    let product = product(dice);
    let resource_id = match dice.below(12) {
        0 => None,
        1 => Some(String::new()),
        2 => Some(String::from(*dice.pick(&["/subscriptions", "subscriptions/s-1/resourceGroups/rg-1", "vm-1", "/", "/providers/Microsoft.Capacity/x"]))),
        3 => Some(path_below(dice, 0)),
        4 => Some(path_below(dice, 1)),
        _ => Some(path_below(dice, 2)),
    };
    let subscription = if dice.chance(80) { SUBSCRIPTIONS[0] } else { SUBSCRIPTIONS[dice.below(4)] };
    let subscription_id = match dice.below(20) {
        0 => None,
        1 => Some("00000000-0000-0000-0000-000000000000".into()),
        2 => Some(String::new()),
        _ => Some(dice.spell(subscription)),
    };
    let group = GROUPS[if dice.chance(75) { 0 } else { dice.below(4) }];
    let resource_group = dice.chance(75).then(|| dice.spell(group)).or_else(|| dice.chance(30).then(String::new));
    let tenant = *dice.pick(&[
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-a",
        "t-b",
        "t-b",
        "t-b",
        "t-b",
        "t-b2",
        "t-c",
        "t-unknown",
        "",
    ]);
    let reseller = *dice.pick(&["", "200", "200", "200", "200", "200", "200", "100", "101", "300", "998"]);
    OneCharge {
        usage_date: Day(FIRST_DAY + i32::try_from(dice.below(7)).unwrap_or(0) - 1),
        subscription_id,
        resource_group,
        resource_id: resource_id.map(|id| careless(dice, &id)),
        partner_tenant_id: dice.chance(97).then(|| dice.spell(tenant)),
        reseller_mpn_id: dice.chance(90).then(|| String::from(reseller)),
        numbers: numbers(dice, product.usage),
        product,
    }
}
