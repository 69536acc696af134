//! What the charges of a group ask of everything else (R-AGAIN-1, R-AGAIN-4): days, scopes, partners, products.
//!
//! A pure function of the group's content: nothing known from elsewhere has a say in it. So it can be kept, and the next run
//! can tell what it would answer now without reading a charge.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;
use pecan_core::scope::Scope;

/// Everything a group's output may rest on beside its content and the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Usage days of all readable rows.
    pub days: BTreeSet<i32>,
    /// Usage days of charges that may ask about access, by subscription in lower case; `None`: they name no scope.
    pub asked: BTreeMap<Option<String>, BTreeSet<i32>>,
    /// Marks of the scopes of those charges and of all above them inside the subscription.
    pub scopes: HashSet<u64>,
    /// Marks of the meters of usage rows, lower case.
    pub meters: HashSet<u64>,
    /// Marks of their products, and of product and SKU, lower case.
    pub products: HashSet<u64>,
    /// Tenants of billed partners, lower case.
    pub tenants: BTreeSet<String>,
    /// Partner ids of resellers of record, lower case.
    pub resellers: BTreeSet<String>,
}

impl Footprint {
    /// Adds what other charges ask.
    pub fn merge(&mut self, other: Footprint) {
        self.days.extend(other.days);
        for (subscription, days) in other.asked {
            self.asked.entry(subscription).or_default().extend(days);
        }
        self.scopes.extend(other.scopes);
        self.meters.extend(other.meters);
        self.products.extend(other.products);
        self.tenants.extend(other.tenants);
        self.resellers.extend(other.resellers);
    }

    /// Adds a scope and all above it inside its subscription.
    pub fn add_scope(&mut self, scope: &Scope) {
        if !scope.in_subscription() {
            return;
        }
        let (mut mark, mut slashes) = (Mark::new(), 0);
        for byte in scope.key().bytes() {
            if byte == b'/' {
                slashes += 1;
                if slashes > 2 {
                    self.scopes.insert(mark.value());
                }
            }
            mark.push(byte);
        }
        self.scopes.insert(mark.value());
    }
}

/// 64 bits that stand for a text. Two texts of one mark make a group look at news that is not its own and be written again
/// without need; a text's own mark is always found, so nothing is ever missed.
pub fn mark(text: &str) -> u64 {
    let mut mark = Mark::new();
    text.bytes().for_each(|byte| mark.push(byte));
    mark.value()
}

/// FNV-1a, whose value is known after every byte, with its bits mixed at last.
#[derive(Clone, Copy)]
struct Mark(u64);

impl Mark {
    fn new() -> Mark {
        Mark(0xCBF2_9CE4_8422_2325)
    }

    fn push(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }

    fn value(self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        mixed ^ (mixed >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_marked_with_all_above_it() {
        for path in
            ["/subscriptions/S", "/subscriptions/s/resourceGroups/RG", "//subscriptions/s/resourceGroups/r/providers/n/t/a/c/b/", "/subscriptions/\u{212a}/x"]
        {
            let scope = Scope::parse(path);
            let mut footprint = Footprint::default();
            footprint.add_scope(&scope);
            let chain: HashSet<u64> = scope.chain().into_iter().map(mark).collect();
            assert_eq!(footprint.scopes, chain, "{path}");
            assert_eq!(footprint.scopes.len(), scope.chain().len(), "{path}");
        }
        let mut outside = Footprint::default();
        outside.add_scope(&Scope::parse("/"));
        assert_eq!(outside, Footprint::default());
    }
}
