//! Streams: one resource × one meter, charged every day. What a stream is follows from its slot's number by hashing, so that
//! nothing grows with the number of rows.

use crate::access::Access;
use crate::catalog::{self, BUNDLES, METERS, Profile, REGIONS, Resource};
use crate::dice::{Dice, mix};
use crate::names::{APPS, STAGES};
use crate::world::{BUNDLE, World};

/// What kind of charge a stream gives, besides usage of an earning product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Usage,
    RateZero,
    Reservation,
    SavingsPlan,
    Spot,
    Marketplace,
    ThirdParty,
    Legacy,
    Purchase,
    Rounding,
}

impl Class {
    /// Words of the excluded kinds, by place; empty for the others.
    pub(crate) const KINDS: [&'static str; 10] = ["", "", "reservation", "savings_plan", "spot", "marketplace", "third_party", "legacy", "", ""];

    /// Every n-th slot, offset, class, meter. The numbers are primes, so that the classes mix.
    const SPECIAL: [(u64, u64, Class, u16); 9] = [
        (211, 17, Class::Purchase, catalog::PURCHASE),
        (223, 101, Class::Rounding, catalog::ROUNDING),
        (61, 7, Class::Marketplace, catalog::MARKETPLACE),
        (53, 11, Class::Reservation, catalog::MACHINE),
        (59, 18, Class::SavingsPlan, catalog::MACHINE),
        (67, 23, Class::Spot, catalog::SPOT),
        (71, 31, Class::ThirdParty, catalog::THIRD_PARTY),
        (73, 37, Class::Legacy, catalog::LEGACY),
        (79, 41, Class::RateZero, catalog::RATE_ZERO),
    ];

    fn of(slot: u64) -> Option<(Class, u16)> {
        Class::SPECIAL.iter().find(|(every, offset, ..)| slot % every == *offset).map(|(.., class, meter)| (*class, *meter))
    }

    pub(crate) fn is_usage(self) -> bool {
        !matches!(self, Class::Purchase | Class::Rounding)
    }
}

/// How much of its place a charge tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Resource,
    Group,
    Subscription,
}

/// One stream.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub subscription: usize,
    pub bundle: u64,
    /// Resource within the bundle.
    pub ordinal: u64,
    pub group: u64,
    pub level: Level,
    pub class: Class,
    pub meter: u16,
    pub region: u8,
    /// List price, units of 10^-12.
    pub price: i64,
    /// Day on which the resource was replaced by a new one.
    pub replaced: i32,
    hash: u64,
}

impl Stream {
    pub(crate) fn of(world: &World, slot: u64) -> Stream {
        let k = world.owner(slot);
        let subscription = &world.subscriptions[k];
        let (bundle, position) = ((slot - subscription.first_slot) / BUNDLE, (slot - subscription.first_slot) % BUNDLE);
        let dice = world.dice.of("stream");
        let place = (k as u64) << 40 | bundle;
        let template = &BUNDLES[dice.below(place, BUNDLES.len() as u64) as usize];
        let (mut ordinal, mut meter) = (u64::from(template[position as usize].0), template[position as usize].1);
        let mut class = Class::Usage;
        if let Some(special) = Class::of(slot) {
            (class, meter) = special;
            ordinal = BUNDLE + position;
        }
        let mut level = match METERS[usize::from(meter)].resource {
            Resource::Nothing | Resource::Order if dice.at2(slot, 5).is_multiple_of(3) || class == Class::Rounding => Level::Subscription,
            Resource::Nothing => Level::Group,
            _ => Level::Resource,
        };
        // Where access is at resource groups or resources, nothing may fall back to what lies above them.
        if class == Class::Usage && level != Level::Resource {
            match subscription.access {
                Access::Groups => level = Level::Group,
                Access::Resources => {
                    (meter, level) = (catalog::STORED, Level::Resource);
                    ordinal = BUNDLE + position;
                }
                _ => {}
            }
        }
        let abroad = dice.at2(place, 2).is_multiple_of(7);
        let region = if abroad { (dice.at2(place, 3) % REGIONS.len() as u64) as u8 } else { subscription.region };
        let lives = mix(place, ordinal + 77);
        let replaced = subscription.access != Access::Resources && lives.is_multiple_of(16);
        let replaced = if replaced { world.first + (lives >> 8).rem_euclid(world.days() as u64) as i32 } else { i32::MAX };
        let hash = world.dice.of("use").at(slot);
        let price = catalog::price(meter, region);
        Stream { subscription: k, bundle, ordinal, group: subscription.group(bundle), level, class, meter, region, price, replaced, hash }
    }

    /// A number for the resource, the same for all its meters.
    pub(crate) fn resource(&self) -> u64 {
        (self.subscription as u64) << 45 | self.bundle << 5 | self.ordinal
    }

    /// Quantity of a day, units of 10^-8; negative for a correction.
    #[inline]
    pub(crate) fn quantity(&self, day: i32, days_of_month: i64) -> i64 {
        const ONE: i64 = 100_000_000;
        let hash = mix(self.hash, day as u64);
        if !self.class.is_usage() {
            return ONE;
        }
        let some = (hash >> 20) as i64 & 0xFFFF_FFFF;
        let quantity = match METERS[usize::from(self.meter)].profile {
            Profile::Hours if !self.hash.is_multiple_of(4) => 24 * ONE,
            Profile::Hours => 8 * ONE + some % (4 * ONE),
            Profile::Monthly => ONE / days_of_month,
            Profile::Volume(typical) => typical / 8 * (1 + (self.hash >> 60) as i64) / 1_024 * (768 + (some & 511)) + (some & 1_023),
        };
        if hash & 511 == 7 { -quantity / 16 - 1 } else { quantity }
    }

    /// Effective price where no credit was applied, units of 10^-14.
    pub(crate) fn net_price(&self) -> i64 {
        match self.class {
            Class::Reservation | Class::SavingsPlan => 0,
            Class::Spot => self.price * 30,
            Class::Rounding => 400_000_000_000,
            _ => self.price * 100,
        }
    }

    /// Whether Microsoft forgot the credit on this day although it was due.
    #[inline]
    pub(crate) fn forgotten(&self, day: i32) -> bool {
        self.hash >> 8 & 63 == 5 && mix(self.hash, day as u64 + 1_000_000) & 7 == 3
    }
}

/// `/subscriptions/…`
pub(crate) fn subscription_path(world: &World, k: usize) -> String {
    format!("/subscriptions/{}", world.subscriptions[k].id)
}

fn words(world: &World, k: usize, group: u64) -> (&'static str, &'static str) {
    let dice = world.dice.of("group");
    let place = (k as u64) << 8 | group;
    (APPS[dice.below(place, APPS.len() as u64) as usize], STAGES[dice.below(place + (1 << 50), STAGES.len() as u64) as usize])
}

/// Name of a resource group.
pub(crate) fn group_name(world: &World, k: usize, group: u64) -> String {
    let (app, stage) = words(world, k, group);
    format!("rg-{app}-{stage}-{group:02}")
}

/// Path of a resource group.
pub(crate) fn group_path(world: &World, k: usize, group: u64) -> String {
    format!("{}/resourceGroups/{}", subscription_path(world, k), group_name(world, k, group))
}

/// ARM id of the resource as it is most often spelled; `replacement`: of the one that took its place.
pub(crate) fn resource_path(world: &World, stream: &Stream, replacement: bool) -> String {
    let kind = METERS[usize::from(stream.meter)].resource;
    let number = stream.bundle * 32 + stream.ordinal + u64::from(replacement) * 16;
    if kind == Resource::Order {
        return format!("/providers/Microsoft.Capacity/reservationOrders/{}", world.dice.of("order").guid(stream.resource()));
    }
    let (app, stage) = words(world, stream.subscription, stream.group);
    let name = if kind == Resource::Storage { format!("{app}{stage}{number:05}") } else { format!("{app}-{stage}-{number:05}") };
    format!("{}/providers/{}", group_path(world, stream.subscription, stream.group), kind.path().replace("{}", &name))
}

/// The same id as it is spelled now and then: 1 in lower case, 2 with the resource group in capitals.
pub(crate) fn spelled(path: &str, way: usize) -> String {
    match (way, path.split_once("/providers/")) {
        (1, _) => path.to_lowercase(),
        (2, Some((above, below))) if !above.is_empty() => {
            let (start, group) = above.rsplit_once('/').unwrap_or(("", above));
            format!("{start}/{}/providers/{below}", group.to_uppercase())
        }
        _ => path.to_string(),
    }
}

/// Every resource whose charges need access, of a subscription that is reached resource by resource.
pub(crate) fn resources_of(world: &World, k: usize) -> Vec<String> {
    let subscription = &world.subscriptions[k];
    let streams = (subscription.first_slot..subscription.first_slot + subscription.slots).map(|slot| Stream::of(world, slot));
    let mut paths: Vec<String> = streams.filter(|s| s.class == Class::Usage).map(|s| resource_path(world, &s, false)).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// Tags of a bundle as JSON text; none for some.
pub(crate) fn tags(world: &World, stream: &Stream) -> Option<String> {
    let dice: Dice = world.dice.of("tags");
    let place = (stream.subscription as u64) << 40 | stream.bundle;
    let pick = dice.at(place);
    let (app, stage) = words(world, stream.subscription, stream.group);
    let owner = pick >> 8 & 63;
    match pick % 8 {
        0 | 1 => None,
        2 => Some(format!("{{\"env\":\"{stage}\",\"hidden-managedby\":\"{}\"}}", group_path(world, stream.subscription, stream.group))),
        3 => Some(format!("{{\"CostCenter\":\"{}\",\"Environment\":\"{stage}\",\"note\":\"24/7, see \\\"runbook\\\"\"}}", 1_000 + owner)),
        _ => Some(format!("{{\"env\":\"{stage}\",\"app\":\"{app}\",\"owner\":\"team-{owner:02}\",\"CostCenter\":\"{}\"}}", 1_000 + owner * 7)),
    }
}
