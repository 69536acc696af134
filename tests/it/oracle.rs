//! The core against a naive program written from the documents alone, on small hostile worlds.
//!
//! The oracle shares the core's plain data structs and none of its logic: it reads scopes as vectors of segments, looks forward
//! and backward in the story of an assignment instead of folding it, walks the elementary instants of a day asking each time afresh
//! who holds what, and computes money as fractions of big integers. Where the documents can be read two ways it decides against
//! credit, and says so at the top of the file concerned.
//!
//! `PECAN_WORLDS` = how many worlds (seeds 0, 1, …); `PECAN_SEED` = only that one.

mod access;
pub mod amounts;
pub mod compare;
mod log;
pub mod naive;
pub mod party;
pub mod path;
mod product;
mod shrink;
pub mod world;

use std::collections::BTreeMap;

use world::{Dice, World};

fn worlds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("PECAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PECAN_WORLDS").unwrap_or(300),
    }
}

fn differ(world: &World) -> Vec<String> {
    compare::differences(compare::core(world).as_ref(), compare::oracle(world).as_ref())
}

/// Every rule at once: R-DAY, R-SCOPE, R-ACCESS, R-PARTY, R-ROLE, R-PRODUCT, R-RATE, R-MONEY, R-OUTCOME.
#[test]
fn the_core_agrees_with_the_naive_program() {
    let (mut charges, mut intervals, mut wrong, mut shown) = (0, 0, 0, 0);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let worlds = worlds();
    let count = worlds.clone().count();
    for seed in worlds {
        let world = World::new(seed);
        charges += world.charges.len();
        if let Some(answer) = compare::oracle(&world) {
            intervals += answer.intervals.len();
            for line in &answer.lines {
                let word = line.split([',', ' ']).nth(3).unwrap_or("").to_owned();
                *outcomes.entry(word).or_default() += 1;
            }
        }
        let found = differ(&world);
        wrong += found.len();
        if !found.is_empty() && shown < 5 {
            shown += 1;
            let small = shrink::shrink(world, |w| !differ(w).is_empty());
            println!(
                "seed {seed}: {} differences; the smallest world that still differs:\n{}{}\n",
                found.len(),
                shrink::show(&small),
                differ(&small).join("\n")
            );
        }
    }
    println!("outcomes: {outcomes:?}");
    println!("worlds {count}, charges {charges}, intervals {intervals}, differences {wrong}");
    assert_eq!(wrong, 0, "core and oracle differ: see above");
}

/// R-ACCESS-8: any order of records, lists and reference rows gives the same answers.
#[test]
fn order_of_input_never_matters() {
    for seed in worlds() {
        let world = World::new(seed);
        let before = compare::core(&world);
        let mut dice = Dice::new(seed ^ 0xABCD);
        let mut other = world.clone();
        let inputs = &mut other.inputs;
        dice.shuffle(&mut inputs.records);
        dice.shuffle(&mut inputs.reference.listed);
        dice.shuffle(&mut inputs.reference.partners);
        dice.shuffle(&mut inputs.reference.principals);
        dice.shuffle(&mut inputs.reference.members);
        dice.shuffle(&mut inputs.reference.authorizations);
        dice.shuffle(&mut inputs.reference.roles);
        dice.shuffle(&mut inputs.reference.rates);
        dice.shuffle(&mut inputs.reference.products);
        dice.shuffle(&mut inputs.reference.management_groups);
        let found = compare::differences(compare::core(&other).as_ref(), before.as_ref());
        assert!(found.is_empty(), "seed {seed}: order matters (first shuffled, then as it was):\n{}", found.join("\n"));
        let naive = compare::differences(compare::oracle(&other).as_ref(), compare::oracle(&world).as_ref());
        assert!(naive.is_empty(), "seed {seed}: order matters to the oracle:\n{}", naive.join("\n"));
    }
}
