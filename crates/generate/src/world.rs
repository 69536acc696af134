//! Customers and subscriptions: the only things kept in memory, some thousands at most, whatever the number of rows.
//!
//! A *slot* is one stream of daily charges, and every slot has exactly one charge a day: rows = slots × days + a last slot
//! with charges on the last days only. Subscriptions own ranges of slots, their sizes fall as 1/rank.

use crate::access::Access;
use crate::calendar::{self, Month};
use crate::catalog::REGIONS;
use crate::dice::Dice;
use crate::names::{COMPANIES, DIVISIONS, RESELLERS};
use crate::options::Options;

const MOST_SUBSCRIPTIONS: u64 = 4_000;
const LEAST_SUBSCRIPTIONS: u64 = 16;
/// Most resource groups of a subscription.
const MOST_GROUPS: u64 = 20;
/// Streams of a bundle.
pub(crate) const BUNDLE: u64 = 8;
/// The audit log is kept for 90 days.
const LOG_DAYS: i32 = 90;

/// A customer.
#[derive(Debug)]
pub(crate) struct Customer {
    pub tenant: String,
    pub name: String,
    /// Index into the billing currencies.
    pub currency: usize,
}

/// A subscription: who pays for it, where its slots lie, how partners reach it.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub id: String,
    pub name: String,
    pub plan: String,
    pub customer: usize,
    pub first_slot: u64,
    pub slots: u64,
    pub groups: u64,
    pub region: u8,
    /// Index into the resellers.
    pub reseller: Option<usize>,
    pub access: Access,
}

impl Subscription {
    /// Resource group of a bundle: the first ones are the smallest.
    pub(crate) fn group(&self, bundle: u64) -> u64 {
        let bundles = self.slots.div_ceil(BUNDLE).max(1);
        (bundle * self.groups * self.groups / bundles).isqrt().min(self.groups - 1)
    }

    /// Bundles of a resource group.
    pub(crate) fn bundles_of(&self, group: u64) -> impl Iterator<Item = u64> + '_ {
        (0..self.slots.div_ceil(BUNDLE)).filter(move |bundle| self.group(*bundle) == group)
    }
}

/// Everything that is decided before the first row.
#[derive(Debug)]
pub(crate) struct World {
    pub dice: Dice,
    /// First day with charges.
    pub first: i32,
    /// First day after them.
    pub until: i32,
    pub months: Vec<Month>,
    /// Slots with a charge every day.
    pub slots: u64,
    /// Days, the last ones, with a charge of one more slot.
    pub last_days: u64,
    pub customers: Vec<Customer>,
    pub subscriptions: Vec<Subscription>,
}

impl World {
    /// Decides sizes and names; access is planned by [`crate::plan`].
    pub(crate) fn new(options: &Options) -> World {
        let dice = Dice::new(options.seed);
        let (days, until) = (u64::from(options.days), options.until);
        let first = until - options.days as i32;
        let (slots, last_days) = (options.rows / days, options.rows % days);
        let all = slots + u64::from(last_days > 0);
        let count = (2 * all.isqrt()).clamp(LEAST_SUBSCRIPTIONS, MOST_SUBSCRIPTIONS).min(all);
        let mut world =
            World { dice, first, until, months: calendar::months(first, until), slots, last_days, customers: Vec::new(), subscriptions: Vec::new() };
        let sizes = sizes(all, count);
        let mut first_slot = 0;
        for (k, slots) in sizes.into_iter().enumerate() {
            let customer = world.customer_of(k as u64);
            let subscription = world.subscription(k as u64, customer, first_slot, slots);
            world.subscriptions.push(subscription);
            first_slot += slots;
        }
        world
    }

    /// Customers have one to four subscriptions.
    fn customer_of(&mut self, subscription: u64) -> usize {
        let dice = self.dice.of("customer");
        if self.customers.is_empty() || dice.below(subscription, 100) < 45 {
            let n = self.customers.len() as u64;
            // Half of them pay in the first currency; every one occurs however few customers there are.
            let currency = if n < 3 { n as usize } else { [0, 0, 0, 1, 2, 2][dice.below(n + 1_000_000, 6) as usize] };
            let company = COMPANIES[n as usize % COMPANIES.len()];
            let division = (n as usize / COMPANIES.len()).checked_sub(1).map_or(String::new(), |k| {
                let number = if k >= DIVISIONS.len() { format!(" {}", k / DIVISIONS.len() + 1) } else { String::new() };
                format!(" - {}{number}", DIVISIONS[k % DIVISIONS.len()])
            });
            self.customers.push(Customer { tenant: self.dice.of("tenant").guid(n), name: format!("{company}{division}"), currency });
        }
        self.customers.len() - 1
    }

    fn subscription(&self, k: u64, customer: usize, first_slot: u64, slots: u64) -> Subscription {
        let dice = self.dice.of("subscription");
        let stage = ["Production", "Production", "Test", "Development", "Landing Zone"][dice.below(k, 5) as usize];
        let reseller = (dice.below(k + 3_000_000, 100) < 40).then(|| dice.below(k + 4_000_000, RESELLERS.len() as u64) as usize);
        Subscription {
            id: dice.guid(k),
            name: format!("{} {stage} {:02}", self.customers[customer].name, k % 100),
            plan: self.dice.of("plan").guid(customer as u64),
            customer,
            first_slot,
            slots,
            groups: (slots / 24).clamp(1, MOST_GROUPS),
            region: dice.below(k + 2_000_000, REGIONS.len() as u64) as u8,
            reseller,
            access: Access::Owner,
        }
    }

    /// Place of the subscription that owns a slot.
    pub(crate) fn owner(&self, slot: u64) -> usize {
        self.subscriptions.partition_point(|s| s.first_slot <= slot).saturating_sub(1)
    }

    /// Days with charges.
    pub(crate) fn days(&self) -> i32 {
        self.until - self.first
    }

    /// First instant of the audit log, a midnight: 90 days back, or a day before the first charge.
    pub(crate) fn log_from(&self) -> i64 {
        calendar::midnight(self.until - LOG_DAYS.min(self.days() + 1))
    }

    /// Last instant of the audit log.
    pub(crate) fn log_until(&self) -> i64 {
        calendar::midnight(self.until) + 6 * 3600
    }

    /// When the lists were taken: when the log begins, and early on the last day.
    pub(crate) fn lists(&self) -> [i64; 2] {
        [self.log_from() + 2 * 3600, calendar::midnight(self.until - 1) + 6 * 3600]
    }

    /// Days before this one, counted from the first charge, have neither audit record nor list.
    pub(crate) fn known_from(&self) -> i32 {
        (self.days() - LOG_DAYS).max(0)
    }
}

/// Shares `all` out as 1/(rank + 3); what is left over by rounding goes to the first ones.
fn sizes(all: u64, count: u64) -> Vec<u64> {
    let weight = |k: u64| 1_000_000_000_000 / (k + 3);
    let total: u64 = (0..count).map(weight).sum();
    let mut sizes: Vec<u64> = (0..count).map(|k| (u128::from(all) * u128::from(weight(k)) / u128::from(total)) as u64).collect();
    let left = all - sizes.iter().sum::<u64>();
    sizes.iter_mut().take(left as usize).for_each(|size| *size += 1);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_one_owner() {
        for rows in [1, 39, 40, 1_000, 20_003, 5_000_000] {
            let world = World::new(&Options::new("x".into(), rows, 40));
            assert_eq!(world.slots * 40 + world.last_days, rows);
            let mut next = 0;
            for (k, subscription) in world.subscriptions.iter().enumerate() {
                assert_eq!(subscription.first_slot, next);
                next += subscription.slots;
                if subscription.slots > 0 {
                    assert_eq!((world.owner(subscription.first_slot), world.owner(next - 1)), (k, k));
                }
                let groups: Vec<u64> = (0..subscription.slots.div_ceil(BUNDLE)).map(|b| subscription.group(b)).collect();
                assert!(groups.is_sorted() && groups.iter().all(|g| *g < subscription.groups));
            }
            assert_eq!(next, world.slots + u64::from(world.last_days > 0));
        }
    }
}
