//! Small hostile worlds, one per seed: everything a run knows, and some charges.

mod charges;
mod lists;
mod log;
mod tables;

use pecan_core::rules::{CombineParties, CreditBase, RateSource, Rules};
use pecan_core::time::RawInstant;

use super::naive::{Inputs, OneCharge};

/// A world: what the run knows, and what it is asked.
#[derive(Debug, Clone)]
pub struct World {
    pub inputs: Inputs,
    pub charges: Vec<OneCharge>,
}

/// Days a world plays on: 2026-09-01 and the four after it.
pub const FIRST_DAY: i32 = 20_697;
const DAYS: i128 = 5;
const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const DAY: i128 = 86_400 * SECOND;

/// Distances from midnight that rules trip over, in nanoseconds.
const OFFSETS: [i128; 16] =
    [0, 0, 0, 1, -1, 1_000, -1_000, 500, -1_500, SECOND, -SECOND, 15 * MINUTE, 10 * 60 * MINUTE, 12 * 60 * MINUTE, 12 * 60 * MINUTE + 1, 18 * 60 * MINUTE];

/// Distances between a `created_on` and the write it belongs to.
const NEAR: [i128; 9] = [0, 1, SECOND, 10 * MINUTE, 15 * MINUTE - 1, 15 * MINUTE, 15 * MINUTE + 1, 60 * MINUTE, 2 * DAY];

/// splitmix64: the seed is the loop counter.
pub struct Dice {
    state: u64,
    /// Instants already used, so that things happen at once.
    used: Vec<i128>,
    offset_minutes: i32,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66, used: Vec::new(), offset_minutes: 0 }
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// An instant of the small pool; a quarter of the time one that was used before.
    fn instant(&mut self) -> RawInstant {
        if self.chance(25) && !self.used.is_empty() {
            let at = self.below(self.used.len());
            return RawInstant(self.used[at]);
        }
        let offset = if self.chance(50) { i128::from(self.offset_minutes) * MINUTE } else { 0 };
        let day = i128::try_from(self.below(usize::try_from(DAYS).unwrap_or(0) + 1)).unwrap_or(0);
        let at = (i128::from(FIRST_DAY) + day) * DAY + offset + *self.pick(&OFFSETS);
        self.used.push(at);
        RawInstant(at)
    }

    /// A point in the sorted order of two instants.
    fn two_instants(&mut self) -> Option<(RawInstant, RawInstant)> {
        let (a, b) = (self.instant(), self.instant());
        (a != b).then(|| (a.min(b), a.max(b)))
    }

    /// The same text in another spelling of ASCII case.
    fn spell(&mut self, text: &str) -> String {
        match self.below(4) {
            0 => text.to_ascii_uppercase(),
            1 => text.chars().map(|c| if self.chance(30) { c.to_ascii_uppercase() } else { c }).collect(),
            _ => text.into(),
        }
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }
}

/// Subscription ids that look alike; the last has a Kelvin sign for its `k`.
const SUBSCRIPTIONS: [&str; 4] = ["s-1", "s-10", "s-k", "s-\u{212a}"];
const GROUPS: [&str; 4] = ["rg-1", "rg-10", "rg-k", "rg-\u{212a}"];
const RESOURCES: [&str; 4] = [
    "providers/Microsoft.Compute/virtualMachines/vm-1",
    "providers/Microsoft.Compute/virtualMachines/vm-10",
    "providers/Microsoft.Compute/virtualMachines/vm-1/extensions/e",
    "providers/Microsoft.Compute/virtualMachines/vm-1x",
];
const MANAGEMENT_GROUPS: [&str; 3] = ["mg-1", "mg-10", "/"];
const PRINCIPALS: [&str; 8] = ["p-1", "p-1", "p-1", "p-2", "p-3", "p-4", "g-1", "g-2"];

/// A subscription (`depth` 0), a resource group in it, or a resource in that, by their places in the lists above.
fn path_of(subscription: usize, group: usize, resource: usize, depth: usize) -> String {
    let mut path = format!("/subscriptions/{}", SUBSCRIPTIONS[subscription]);
    if depth > 0 {
        path.push_str(&format!("/resourceGroups/{}", GROUPS[group]));
    }
    if depth > 1 {
        path.push_str(&format!("/{}", RESOURCES[resource]));
    }
    path
}

/// Such a path, spelled carelessly; mostly in the first subscription and group, so that things meet.
fn path_below(dice: &mut Dice, depth: usize) -> String {
    let mut mostly_first = |percent: usize| if dice.chance(percent) { 0 } else { dice.below(4) };
    let path = path_of(mostly_first(85), mostly_first(85), mostly_first(60), depth);
    careless(dice, &path)
}

/// Other case, a trailing slash, a doubled slash.
fn careless(dice: &mut Dice, path: &str) -> String {
    let mut path = dice.spell(path);
    if dice.chance(15) {
        path.push('/');
    }
    if dice.chance(5) {
        path = path.replacen("/subscriptions/", "//subscriptions//", 1);
    }
    path
}

/// Any scope an assignment may have.
fn access_path(dice: &mut Dice) -> String {
    match dice.below(20) {
        0 => "/".into(),
        1 | 2 => {
            let name = MANAGEMENT_GROUPS[dice.below(2)];
            careless(dice, &format!("/providers/Microsoft.Management/managementGroups/{name}"))
        }
        3 if dice.chance(30) => "/providers/Microsoft.Capacity".into(),
        3..=10 => path_below(dice, 0),
        11..=16 => path_below(dice, 1),
        _ => path_below(dice, 2),
    }
}

fn rules(dice: &mut Dice) -> Rules {
    Rules {
        gap_tolerance_seconds: *dice.pick(&[0, 0, 0, 0, 1, 900, 3_600, 43_200, 86_400]),
        day_offset_minutes: *dice.pick(&[0, 0, 0, 0, 60, -120, 1, 600]),
        combine_parties: if dice.chance(70) { CombineParties::Each } else { CombineParties::Union },
        unknown_roles: dice.chance(20),
        inherit_management_groups: dice.chance(80),
        rate_source: if dice.chance(70) { RateSource::Table } else { RateSource::Statement },
        credit_base: if dice.chance(60) { CreditBase::List } else { CreditBase::Net },
    }
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64) -> World {
        let mut dice = Dice::new(seed);
        let rules = rules(&mut dice);
        dice.offset_minutes = rules.day_offset_minutes;
        let mut inputs = Inputs { rules, ..Inputs::default() };
        tables::fill(&mut dice, &mut inputs.reference);
        let mut stories = log::stories(&mut dice);
        let relay = dice.chance(35);
        if relay {
            log::relay(&mut dice, &mut stories);
        }
        inputs.records = log::records(&mut dice, &stories, relay);
        inputs.reference.listed = lists::listed(&mut dice, &stories, &inputs.records);
        let times = || inputs.records.iter().map(|r| r.time);
        (inputs.first_record, inputs.newest_record) = (times().min(), times().max());
        if dice.chance(30) {
            // Records of other operations are read too.
            let (a, b) = (dice.instant(), dice.instant());
            inputs.first_record = Some(inputs.first_record.map_or(a, |f| f.min(a).min(b)));
            inputs.newest_record = Some(inputs.newest_record.map_or(a.max(b), |n| n.max(a).max(b)));
        }
        inputs.cutoff = dice.chance(60).then(|| if dice.chance(70) { RawInstant((i128::from(FIRST_DAY) + DAYS + 2) * DAY) } else { dice.instant() });
        let in_play = if relay { 70 } else { 20 };
        let charges = (0..dice.between(4, 10)).map(|_| if dice.chance(in_play) { charges::in_play(&mut dice) } else { charges::charge(&mut dice) });
        let charges = charges.collect();
        World { inputs, charges }
    }
}
