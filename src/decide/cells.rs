//! `fact_credit_daily`, summed by dictionary key inside a batch and by text inside a group (details 33).

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use hashbrown::hash_map::Entry;
use hashbrown::hash_table::Entry as TableEntry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use pecan_core::charge::{Amounts, Evidence, Outcome};
use pecan_core::scope::id_key;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::keys::{Keys, PerValue};
use crate::source::ChargeBatch;
use crate::spellings::{NOTHING, Spellings, moved};

/// Sums of credit lines; amounts at 12 places, quantity at 22.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Credit lines.
    pub charges: i64,
    /// `None`: no line has a quantity.
    pub quantity: Option<i128>,
    /// Control sum.
    pub list_cost: i128,
    /// Pricing currency.
    pub credit_pricing: i128,
    /// Billing currency.
    pub credit_billing: i128,
    /// `None`: no line has a flag.
    pub applied_billing: Option<i128>,
    /// Billing currency.
    pub missed_billing: i128,
}

const LIMIT: i128 = 10i128.pow(38);

/// A sum that does not fit its decimal(38) column (details 32).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumTooLarge;

impl SumTooLarge {
    /// The error that stops the run.
    pub fn error(self, group: &str) -> Error {
        Error::input(
            "sum_too_large",
            "adding up credit lines of a group",
            format!("group {group}"),
            "a sum does not fit decimal(38)",
            "look for absurd quantities or prices in the files of this group; `pecan plan` names the groups",
        )
    }
}

/// The exact sum, if it fits decimal(38).
/// # Errors
/// [`SumTooLarge`].
pub fn checked_sum(a: i128, b: i128) -> std::result::Result<i128, SumTooLarge> {
    a.checked_add(b).filter(|sum| sum.abs() < LIMIT).ok_or(SumTooLarge)
}

fn add_optional(a: Option<i128>, b: Option<i128>) -> std::result::Result<Option<i128>, SumTooLarge> {
    match (a, b) {
        (Some(a), Some(b)) => checked_sum(a, b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

impl Sums {
    /// The sums of one line.
    pub fn of(quantity: Option<i128>, amounts: &Amounts) -> Sums {
        Sums {
            charges: 1,
            quantity,
            list_cost: amounts.list_cost.0,
            credit_pricing: amounts.credit_pricing.0,
            credit_billing: amounts.credit_billing.0,
            applied_billing: amounts.applied_billing.map(|a| a.0),
            missed_billing: amounts.missed_billing.0,
        }
    }

    /// Adds other sums, exactly.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn add(&mut self, other: &Sums) -> std::result::Result<(), SumTooLarge> {
        self.charges += other.charges;
        self.quantity = add_optional(self.quantity, other.quantity)?;
        self.list_cost = checked_sum(self.list_cost, other.list_cost)?;
        self.credit_pricing = checked_sum(self.credit_pricing, other.credit_pricing)?;
        self.credit_billing = checked_sum(self.credit_billing, other.credit_billing)?;
        self.applied_billing = add_optional(self.applied_billing, other.applied_billing)?;
        self.missed_billing = checked_sum(self.missed_billing, other.missed_billing)?;
        Ok(())
    }
}

/// What neighbouring rows have in common, by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Context {
    month: i32,
    day: i32,
    customer: i32,
    subscription: i32,
    currencies: [i32; 2],
}

/// A cell of a batch: its context, its meter, its outcome and evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CellKey {
    context: u32,
    meter: i32,
    outcome: Outcome,
    evidence: Evidence,
}

/// The daily cells of one batch.
pub struct BatchCells<'a> {
    ids: [Keys<'a>; 3],
    currencies: [Keys<'a>; 2],
    contexts: Vec<Context>,
    context_codes: HashMap<Context, u32>,
    /// Per subscription key: the code of its last row's context.
    last: PerValue<u32>,
    codes: HashMap<CellKey, u32>,
    cells: Vec<(CellKey, Sums)>,
}

impl<'a> BatchCells<'a> {
    /// No line yet.
    pub fn new(batch: &'a ChargeBatch) -> BatchCells<'a> {
        let subscription = Keys::new(&batch.subscription_id);
        BatchCells {
            ids: [Keys::new(&batch.customer_id), subscription, Keys::new(&batch.meter_id)],
            currencies: [Keys::new(&batch.pricing_currency), Keys::new(&batch.billing_currency)],
            contexts: Vec::new(),
            context_codes: HashMap::new(),
            last: subscription.each(u32::MAX, |_| u32::MAX),
            codes: HashMap::new(),
            cells: Vec::new(),
        }
    }

    /// Adds the line of a row.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn add(&mut self, row: usize, month: i32, day: i32, outcome: Outcome, evidence: Evidence, sums: &Sums) -> std::result::Result<(), SumTooLarge> {
        let [customer, subscription, meter] = [0, 1, 2].map(|at| self.ids[at].at(row));
        let currencies = [self.currencies[0].at(row), self.currencies[1].at(row)];
        let context = self.context(Context { month, day, customer, subscription, currencies });
        let key = CellKey { context, meter, outcome, evidence };
        match self.codes.entry(key) {
            Entry::Occupied(known) => self.cells[*known.get() as usize].1.add(sums),
            Entry::Vacant(new) => {
                new.insert(code(self.cells.len()));
                self.cells.push((key, *sums));
                Ok(())
            }
        }
    }

    fn context(&mut self, context: Context) -> u32 {
        let last = self.last.of_mut(context.subscription);
        if self.contexts.get(*last as usize) != Some(&context) {
            let contexts = &mut self.contexts;
            *last = *self.context_codes.entry(context).or_insert_with(|| {
                contexts.push(context);
                code(contexts.len() - 1)
            });
        }
        *last
    }
}

fn code(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 cells in a batch")
}

/// The key of a daily cell, by codes of [`Daily`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DailyKey {
    /// First day of the billing month.
    pub month: i32,
    /// Usage day.
    pub day: i32,
    /// Codes of [`Daily::ids`].
    pub ids: [u32; 3],
    /// Outcome.
    pub outcome: Outcome,
    /// Evidence.
    pub evidence: Evidence,
    /// Codes of [`Daily::currencies`].
    pub currencies: [u32; 2],
}

/// The daily cells of a group or of a batch. Ids are keys in lower case; empty and all-zero ids are null.
#[derive(Default)]
pub struct Daily {
    /// Customers, subscriptions, meters.
    ids: [Spellings; 3],
    /// Pricing and billing currencies, as written.
    currencies: [Spellings; 2],
    keys: Vec<DailyKey>,
    sums: Vec<Sums>,
    /// Places of cells by the hash of their keys: 4 bytes each, so that growing moves little.
    codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// One daily cell in words.
#[derive(Debug, Clone, Copy)]
pub struct DailyCell<'a> {
    /// First day of the billing month.
    pub month: i32,
    /// Usage day.
    pub day: i32,
    /// Customer, subscription, meter, in lower case.
    pub ids: [Option<&'a str>; 3],
    /// The same in their first spelling in byte order.
    pub shown: [Option<&'a str>; 3],
    /// Outcome.
    pub outcome: Outcome,
    /// Evidence.
    pub evidence: Evidence,
    /// Pricing and billing currency.
    pub currencies: [Option<&'a str>; 2],
    /// Its sums.
    pub sums: &'a Sums,
}

impl Daily {
    /// The cells of one batch.
    /// # Errors
    /// `Input` if a sum does not fit (details 32).
    pub fn of_batch(batch: &BatchCells, group: &str) -> Result<Daily> {
        let mut daily = Daily::default();
        let ids: [PerValue<u32>; 3] = std::array::from_fn(|at| codes(&batch.ids[at], &mut daily.ids[at], id_key));
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let currencies: [PerValue<u32>; 2] = std::array::from_fn(|at| codes(&batch.currencies[at], &mut daily.currencies[at], filled));
        daily.reserve(batch.cells.len());
        for (key, sums) in &batch.cells {
            let context = &batch.contexts[key.context as usize];
            let key = DailyKey {
                month: context.month,
                day: context.day,
                ids: [*ids[0].of(context.customer), *ids[1].of(context.subscription), *ids[2].of(key.meter)],
                outcome: key.outcome,
                evidence: key.evidence,
                currencies: std::array::from_fn(|at| *currencies[at].of(context.currencies[at])),
            };
            daily.add(key, sums).map_err(|e| e.error(group))?;
        }
        Ok(daily)
    }

    /// Adds the cells of another batch. Order of batches never matters.
    /// # Errors
    /// `Input` if a sum does not fit (details 32).
    pub fn merge(&mut self, other: &Daily, group: &str) -> Result<()> {
        let ids: [Vec<u32>; 3] = std::array::from_fn(|at| self.ids[at].merge(&other.ids[at]));
        let currencies: [Vec<u32>; 2] = std::array::from_fn(|at| self.currencies[at].merge(&other.currencies[at]));
        for (key, sums) in other.keys.iter().zip(&other.sums) {
            let key = DailyKey {
                ids: std::array::from_fn(|at| moved(&ids[at], key.ids[at])),
                currencies: std::array::from_fn(|at| moved(&currencies[at], key.currencies[at])),
                ..*key
            };
            self.add(key, sums).map_err(|e| e.error(group))?;
        }
        Ok(())
    }

    fn reserve(&mut self, cells: usize) {
        self.codes.reserve(cells, |code| self.hasher.hash_one(self.keys[*code as usize]));
        self.keys.reserve(cells);
        self.sums.reserve(cells);
    }

    fn add(&mut self, key: DailyKey, sums: &Sums) -> std::result::Result<(), SumTooLarge> {
        let Daily { keys, codes, hasher, .. } = self;
        match codes.entry(hasher.hash_one(key), |code| keys[*code as usize] == key, |code| hasher.hash_one(keys[*code as usize])) {
            TableEntry::Occupied(known) => self.sums[*known.get() as usize].add(sums),
            TableEntry::Vacant(new) => {
                new.insert(code(self.sums.len()));
                self.keys.push(key);
                self.sums.push(*sums);
                Ok(())
            }
        }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The cells, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = DailyCell<'_>> {
        self.keys.iter().zip(&self.sums).map(|(key, sums)| self.cell(key, sums))
    }

    /// Days of its cells, with repetitions.
    pub fn days(&self) -> impl Iterator<Item = i32> {
        self.keys.iter().map(|key| key.day)
    }

    /// Places of the cells by first day of the billing month, each in the order of the key: day, ids in byte order, outcome,
    /// evidence, currencies.
    pub fn sorted(&self) -> BTreeMap<i32, Vec<u32>> {
        let (ids, currencies) = (self.ids.each_ref().map(Spellings::ranks), self.currencies.each_ref().map(Spellings::ranks));
        let order = |place: &u32| {
            let key = &self.keys[*place as usize];
            let ids: [u32; 3] = std::array::from_fn(|at| ids[at].of(key.ids[at]));
            let currencies: [u32; 2] = std::array::from_fn(|at| currencies[at].of(key.currencies[at]));
            (key.day, ids, key.outcome, key.evidence, currencies)
        };
        let mut months: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
        for (place, key) in (0u32..).zip(&self.keys) {
            months.entry(key.month).or_default().push(place);
        }
        months.values_mut().for_each(|places| places.par_sort_unstable_by_key(order));
        months
    }

    /// The key of a cell by its place.
    pub fn key(&self, place: u32) -> &DailyKey {
        &self.keys[place as usize]
    }

    /// The sums of a cell by its place.
    pub fn sums(&self, place: u32) -> &Sums {
        &self.sums[place as usize]
    }

    /// Customers, subscriptions and meters behind the codes of keys.
    pub fn ids(&self) -> &[Spellings; 3] {
        &self.ids
    }

    /// Pricing and billing currencies behind the codes of keys.
    pub fn currencies(&self) -> &[Spellings; 2] {
        &self.currencies
    }

    fn cell<'a>(&'a self, key: &DailyKey, sums: &'a Sums) -> DailyCell<'a> {
        DailyCell {
            month: key.month,
            day: key.day,
            ids: std::array::from_fn(|at| self.ids[at].key(key.ids[at])),
            shown: std::array::from_fn(|at| self.ids[at].shown(key.ids[at])),
            outcome: key.outcome,
            evidence: key.evidence,
            currencies: std::array::from_fn(|at| self.currencies[at].key(key.currencies[at])),
            sums,
        }
    }
}

/// The code of every distinct value of a column.
fn codes(column: &Keys, spellings: &mut Spellings, key: impl Fn(&str) -> Option<String>) -> PerValue<u32> {
    let spellings = std::cell::RefCell::new(spellings);
    column.each(NOTHING, |text| key(text).map_or(NOTHING, |key| spellings.borrow_mut().code(&key, text)))
}
