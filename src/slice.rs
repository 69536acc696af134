//! What everything known answers to the footprint of a group, as parts with a hash each (R-AGAIN-1, R-AGAIN-4).
//!
//! Equal slices of equal content under equal rules give equal output: whatever `Knowledge` says that can reach a table of a
//! group enters a part here. A slice may hold more than the output rests on (the group is then written again, to equal
//! rows), never less. docs/DECISIONS.md lists where it holds more.

mod access;
mod changes;
mod memory;

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use pecan_core::party::OrganisationCode;
use pecan_core::product::MatchRow;
use pecan_core::reference::Validity;
use pecan_core::scope::Scope;
use pecan_core::time::Day;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use self::access::Touch;
pub use self::changes::{Change, changes};
pub use self::memory::Memory;
use crate::footprint::{Footprint, mark};
use crate::known::Known;

/// What a group's output rests on beside its content; in the order in which a plan names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The program and the version of its rules.
    Program,
    /// The switches, `output.carry`, the schema.
    Rules,
    /// Billed partners with their agreements, and resellers.
    Parties,
    /// When principals belong to those organisations.
    Links,
    /// Which roles earn.
    Roles,
    /// Access intervals on the charges' scopes and days.
    Access,
    /// Rates on the charges' days.
    Rates,
    /// Kinds of excluded products.
    Products,
    /// Which days are not over at the cutoff.
    Provisional,
    /// Which days begin before anything is known.
    KnownSince,
}

impl Part {
    /// The word in `pecan plan`.
    pub fn word(self) -> &'static str {
        match self {
            Part::Program => "program",
            Part::Rules => "rules",
            Part::Parties => "parties",
            Part::Links => "links",
            Part::Roles => "roles",
            Part::Access => "access",
            Part::Rates => "rates",
            Part::Products => "products",
            Part::Provisional => "provisional",
            Part::KnownSince => "known_since",
        }
    }
}

/// The answers to one footprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slice {
    /// Hash of each part, in hex.
    pub parts: BTreeMap<Part, String>,
    /// The access intervals of [`Part::Access`], sorted.
    pub touches: Vec<Touch>,
    /// The first provisional day of the footprint.
    pub provisional_from: Option<i32>,
    /// How many of a subscription's days begin before anything is known and are not provisional, if any do.
    pub unknown_days: BTreeMap<Option<String>, u64>,
}

impl Slice {
    /// The fingerprint of an output that rests on this slice and a content.
    pub fn fingerprint(&self, content: &str) -> String {
        let mut item = Item::new().text(content);
        for (part, hash) in &self.parts {
            item = item.text(part.word()).text(hash);
        }
        blake3::Hash::from_bytes(item.hash()).to_hex().to_string()
    }
}

/// One statement of a part. Fields are delimited, so that different statements never run together.
struct Item(blake3::Hasher);

impl Item {
    fn new() -> Item {
        Item(blake3::Hasher::new())
    }

    fn text(mut self, text: &str) -> Item {
        self.0.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        self
    }

    fn bytes(mut self, bytes: &[u8; 32]) -> Item {
        self.0.update(bytes);
        self
    }

    fn number(mut self, number: i128) -> Item {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn maybe(self, text: Option<&str>) -> Item {
        match text {
            Some(text) => self.number(1).text(text),
            None => self.number(0),
        }
    }

    fn hash(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    /// The first 64 bits: to tell apart for people, never to decide.
    fn short(hash: [u8; 32]) -> u64 {
        hash.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte))
    }
}

/// The hash of a set of statements: neither order nor repetition matters.
fn hash_of(mut items: Vec<[u8; 32]>) -> String {
    items.sort_unstable();
    items.dedup();
    let mut hasher = blake3::Hasher::new();
    items.iter().for_each(|item| {
        hasher.update(item);
    });
    hasher.finalize().to_hex().to_string()
}

/// Rows of a table by the mark of their id.
type RowsByMark<'a, T> = HashMap<(bool, u64), Vec<MatchRow<'a, T>>>;

fn by_mark<'a, T: Copy>(rows: impl Iterator<Item = MatchRow<'a, T>>) -> RowsByMark<'a, T> {
    let mut found: RowsByMark<T> = HashMap::new();
    for row in rows {
        found.entry((row.by_meter, mark(row.id))).or_default().push(row);
    }
    found
}

/// Everything known, arranged for slicing. Built once per run.
pub struct Slicer<'a> {
    known: &'a Known,
    /// Scopes that hold intervals, by subscription, with their marks.
    scopes: HashMap<&'a str, Vec<(u64, &'a Scope)>>,
    rates: RowsByMark<'a, i128>,
    kinds: RowsByMark<'a, i128>,
    /// Assignment, principal, role and scope of each interval, hashed.
    identities: Vec<[u8; 32]>,
    /// Intervals by the first bits of that; of several spans the last, which is what late records mostly speak of.
    by_identity: HashMap<u64, usize>,
}

impl<'a> Slicer<'a> {
    /// Arranges what is known.
    pub fn new(known: &'a Known) -> Slicer<'a> {
        let knowledge = &known.knowledge;
        let mut scopes: HashMap<&str, Vec<(u64, &Scope)>> = HashMap::new();
        for (scope, _) in knowledge.access.scopes() {
            if let Some(subscription) = scope.subscription_id() {
                scopes.entry(subscription).or_default().push((mark(scope.key()), scope));
            }
        }
        let products = &knowledge.products;
        let rate = |row: MatchRow<'a, pecan_core::money::D22>| MatchRow { by_meter: row.by_meter, id: row.id, valid: row.valid, value: row.value.0 };
        let kind = |row: MatchRow<'a, pecan_core::reference::ExcludedKind>| MatchRow {
            by_meter: row.by_meter,
            id: row.id,
            valid: row.valid,
            value: row.value as i128,
        };
        let identities: Vec<[u8; 32]> = knowledge.intervals().par_iter().map(access::identity).collect();
        Slicer {
            known,
            scopes,
            rates: by_mark(products.rate_rows().map(rate)),
            kinds: by_mark(products.kind_rows().map(kind)),
            by_identity: identities.iter().enumerate().map(|(at, identity)| (Item::short(*identity), at)).collect(),
            identities,
        }
    }

    /// The answers to a footprint.
    pub fn of(&self, footprint: &Footprint) -> Slice {
        let parties = self.parties(footprint);
        let reached = self.reached(footprint, &parties);
        let provisional_from = footprint.days.iter().copied().find(|day| self.known.knowledge.is_provisional(Day(*day)));
        let unknown_days = self.unknown_days(footprint);
        let parts = BTreeMap::from([
            (Part::Program, self.known.program.clone()),
            (Part::Rules, self.known.rules.clone()),
            (Part::Parties, self.party_items(footprint)),
            (Part::Links, self.link_items(footprint, &parties, &reached)),
            (Part::Roles, self.role_items(footprint, &reached)),
            (Part::Access, hash_of(reached.iter().map(|r| r.item).collect())),
            (Part::Rates, row_items(&self.rates, footprint)),
            (Part::Products, row_items(&self.kinds, footprint)),
            (Part::Provisional, hash_of(provisional_from.map(|day| Item::new().number(day.into()).hash()).into_iter().collect())),
            (Part::KnownSince, hash_of(unknown_days.iter().map(|(id, days)| Item::new().maybe(id.as_deref()).number((*days).into()).hash()).collect())),
        ]);
        let mut touches: Vec<Touch> = reached.into_iter().map(|r| r.touch).collect();
        touches.sort_unstable();
        touches.dedup();
        Slice { parts, touches, provisional_from, unknown_days }
    }

    /// The organisations whose access can count for some charge.
    fn parties(&self, footprint: &Footprint) -> BTreeSet<OrganisationCode> {
        let parties = &self.known.knowledge.parties;
        let billed = footprint.tenants.iter().filter_map(|tenant| parties.billed(parties.billed_by_tenant(tenant)?)).map(|b| b.organisation);
        billed.chain(footprint.resellers.iter().filter_map(|mpn| parties.organisation_by_mpn(mpn))).collect()
    }

    /// Per tenant: organisation, partner id, and the days on which its agreement holds; per reseller: organisation.
    fn party_items(&self, footprint: &Footprint) -> String {
        let (parties, offset) = (&self.known.knowledge.parties, self.known.knowledge.rules.day_offset_minutes);
        let billed = footprint.tenants.iter().filter_map(|tenant| Some((tenant, parties.billed(parties.billed_by_tenant(tenant)?)?)));
        let billed = billed.map(|(tenant, billed)| {
            let item = Item::new().text("billed").text(tenant).text(parties.organisation(billed.organisation)).maybe(billed.mpn_id.as_deref());
            let active = footprint.days.iter().filter(|day| billed.agreement_covers(Day(**day).span(offset)));
            active.fold(item, |item, day| item.number((*day).into())).hash()
        });
        let resellers = footprint.resellers.iter().filter_map(|mpn| Some((mpn, parties.organisation(parties.organisation_by_mpn(mpn)?))));
        let resellers = resellers.map(|(mpn, organisation)| Item::new().text("reseller").text(mpn).text(organisation).hash());
        hash_of(billed.chain(resellers).collect())
    }

    /// Days on which nothing is known of a subscription, by the rule of [`pecan_core::knowledge::Knowledge::evidence`].
    fn unknown_days(&self, footprint: &Footprint) -> BTreeMap<Option<String>, u64> {
        let knowledge = &self.known.knowledge;
        let of = |(subscription, days): (&Option<String>, &BTreeSet<i32>)| {
            let since = knowledge.known_since(subscription.as_deref().map(Scope::subscription).as_ref());
            let unknown = |day: &&i32| {
                let from = Day(**day).span(knowledge.rules.day_offset_minutes).from.raw();
                !knowledge.is_provisional(Day(**day)) && since.is_none_or(|first| from < first)
            };
            let count = days.iter().filter(unknown).count() as u64;
            (count > 0).then(|| (subscription.clone(), count))
        };
        footprint.asked.iter().filter_map(of).collect()
    }
}

/// Rows of the rates or products table that hold on a day of the footprint, and on which.
fn row_items(rows: &RowsByMark<i128>, footprint: &Footprint) -> String {
    let ids = footprint.meters.iter().map(|id| (true, *id)).chain(footprint.products.iter().map(|id| (false, *id)));
    let found = ids.filter_map(|key| rows.get(&key)).flatten();
    let item = |row: &MatchRow<i128>| {
        let (first, last) = held(row.valid, &footprint.days)?;
        Some(Item::new().number(row.by_meter.into()).text(row.id).number(row.value).number(first.into()).number(last.into()).hash())
    };
    hash_of(found.filter_map(item).collect())
}

/// First and last of these days on which a row is valid.
fn held(valid: Validity, days: &BTreeSet<i32>) -> Option<(i32, i32)> {
    let held = || days.iter().copied().filter(|day| valid.holds(Day(*day)));
    held().next().zip(held().next_back())
}
