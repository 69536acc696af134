//! `fact_credit_daily`, summed by dictionary key inside a batch and by text inside a group (details 33).

use hashbrown::HashMap;
use pecan_core::charge::{Amounts, Evidence, Outcome};
use pecan_core::scope::id_key;

use crate::keys::Keys;
use crate::error::{Error, Result};
use crate::source::ChargeBatch;

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
            group,
            "a sum does not fit decimal(38)",
            "look for absurd quantities or prices in this group's files (details 32)",
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CellKey {
    month: i32,
    day: i32,
    outcome: Outcome,
    evidence: Evidence,
    ids: [i32; 3],
    currencies: [i32; 2],
}

/// The daily cells of one batch.
pub struct BatchCells<'a> {
    ids: [Keys<'a>; 3],
    currencies: [Keys<'a>; 2],
    cells: HashMap<CellKey, Sums>,
}

impl<'a> BatchCells<'a> {
    /// No line yet.
    pub fn new(batch: &'a ChargeBatch) -> BatchCells<'a> {
        BatchCells {
            ids: [Keys::new(&batch.customer_id), Keys::new(&batch.subscription_id), Keys::new(&batch.meter_id)],
            currencies: [Keys::new(&batch.pricing_currency), Keys::new(&batch.billing_currency)],
            cells: HashMap::new(),
        }
    }

    /// Adds the line of a row.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn add(&mut self, row: usize, month: i32, day: i32, outcome: Outcome, evidence: Evidence, sums: &Sums) -> std::result::Result<(), SumTooLarge> {
        let ids = [self.ids[0].at(row), self.ids[1].at(row), self.ids[2].at(row)];
        let currencies = [self.currencies[0].at(row), self.currencies[1].at(row)];
        self.cells.entry(CellKey { month, day, outcome, evidence, ids, currencies }).or_default().add(sums)
    }
}

/// The key of a daily cell: ids in lower case, empty and all-zero ids as null.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DailyKey {
    /// First day of the billing month.
    pub month: i32,
    /// Usage day.
    pub day: i32,
    /// Customer, subscription, meter.
    pub ids: [Option<String>; 3],
    /// Outcome.
    pub outcome: Outcome,
    /// Evidence.
    pub evidence: Evidence,
    /// Pricing and billing currency.
    pub currencies: [Option<String>; 2],
}

/// A daily cell with the first spelling of each id in byte order.
#[derive(Debug, Clone, Default)]
pub struct DailyCell {
    /// Customer, subscription, meter as shown.
    pub shown: [Option<String>; 3],
    /// Its sums.
    pub sums: Sums,
}

/// The daily cells of a group.
#[derive(Debug, Default)]
pub struct Daily {
    /// By key.
    pub cells: HashMap<DailyKey, DailyCell>,
}

impl Daily {
    /// Adds the cells of a batch. Order of batches never matters.
    /// # Errors
    /// `Input` if a sum does not fit (details 32).
    pub fn add(&mut self, batch: &BatchCells, group: &str) -> Result<()> {
        for (key, sums) in &batch.cells {
            let texts: [Option<&str>; 3] = std::array::from_fn(|i| batch.ids[i].value(key.ids[i]));
            let currency = |i: usize| batch.currencies[i].value(key.currencies[i]).filter(|c| !c.is_empty()).map(str::to_owned);
            let daily = DailyKey {
                month: key.month,
                day: key.day,
                ids: texts.map(|text| text.and_then(id_key)),
                outcome: key.outcome,
                evidence: key.evidence,
                currencies: [currency(0), currency(1)],
            };
            let shown: [Option<&str>; 3] = std::array::from_fn(|i| daily.ids[i].as_ref().and(texts[i]));
            let cell = self.cells.entry(daily).or_default();
            for (so_far, text) in cell.shown.iter_mut().zip(shown) {
                first_in_byte_order(so_far, text);
            }
            cell.sums.add(sums).map_err(|e| e.error(group))?;
        }
        Ok(())
    }
}

impl Daily {
    /// Adds the cells of other batches.
    /// # Errors
    /// As [`Daily::add`].
    pub fn merge(&mut self, other: Daily, group: &str) -> Result<()> {
        for (key, other) in other.cells {
            let cell = self.cells.entry(key).or_default();
            for (so_far, text) in cell.shown.iter_mut().zip(&other.shown) {
                first_in_byte_order(so_far, text.as_deref());
            }
            cell.sums.add(&other.sums).map_err(|e| e.error(group))?;
        }
        Ok(())
    }
}

/// Keeps the first of several spellings in byte order.
pub fn first_in_byte_order(so_far: &mut Option<String>, text: Option<&str>) {
    if let Some(text) = text
        && so_far.as_deref().is_none_or(|shown| text < shown)
    {
        *so_far = Some(text.to_owned());
    }
}
