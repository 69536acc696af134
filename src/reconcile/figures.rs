//! What month end adds up beside the rows it writes: sums by cause, and charges by which a difference can be followed.

use std::collections::BTreeMap;

use pecan_core::money::D12;
use pecan_core::reconcile::{Cause, ChargeDifference};
use pecan_core::time::Day;

use crate::decide::cells::{SumTooLarge, checked_sum};

/// Differences that are told one by one, of each currency and grain.
pub const TOLD: usize = 10;

/// Differences of one cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CauseSum {
    /// Rows.
    pub rows: u64,
    /// Ours.
    pub ours: i128,
    /// The statement's.
    pub statement: i128,
    /// Magnitudes of the differences: opposite ones do not hide each other.
    pub size: i128,
}

/// Differences of a grain by currency and cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByCause(pub BTreeMap<(String, Cause), CauseSum>);

impl ByCause {
    /// Adds a row of `fact_difference`.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn add(&mut self, currency: &str, cause: Cause, ours: D12, statement: D12) -> Result<(), SumTooLarge> {
        let difference = checked_sum(ours.0, -statement.0)?;
        self.meet(currency, cause, CauseSum { rows: 1, ours: ours.0, statement: statement.0, size: difference.abs() })
    }

    /// Adds what others came to.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn merge(&mut self, other: &ByCause) -> Result<(), SumTooLarge> {
        other.0.iter().try_for_each(|((currency, cause), sum)| self.meet(currency, *cause, *sum))
    }

    fn meet(&mut self, currency: &str, cause: Cause, more: CauseSum) -> Result<(), SumTooLarge> {
        let sum = self.0.entry((currency.to_owned(), cause)).or_default();
        *sum = CauseSum {
            rows: sum.rows + more.rows,
            ours: checked_sum(sum.ours, more.ours)?,
            statement: checked_sum(sum.statement, more.statement)?,
            size: checked_sum(sum.size, more.size)?,
        };
        Ok(())
    }

    /// Sum of ours minus the statement's, by currency.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn differences(&self) -> Result<BTreeMap<&str, i128>, SumTooLarge> {
        let mut sums = BTreeMap::new();
        for ((currency, _), sum) in &self.0 {
            let total: &mut i128 = sums.entry(currency.as_str()).or_default();
            *total = checked_sum(*total, checked_sum(sum.ours, -sum.statement)?)?;
        }
        Ok(sums)
    }
}

/// Where a charge stands: what `pecan explain --line` takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Name of the charges source.
    pub source: String,
    /// `source_file`.
    pub file: String,
    /// `source_row`.
    pub row: i64,
}

impl Place {
    /// `SOURCE:FILE:ROW`.
    pub fn line(&self) -> String {
        format!("{}:{}:{}", self.source, self.file, self.row)
    }
}

/// The charge of an invoice line that tells most: one that differs by itself before one that does not, then by size, then the first.
#[derive(Debug, Clone, Default)]
pub struct Example {
    weight: (bool, u128),
    /// Where it stands, and its day; `None`: no charge yet.
    pub charge: Option<(Place, Day)>,
}

impl Example {
    /// Looks at a charge; its place is spelled out only if it is taken.
    pub fn meet(&mut self, weight: (bool, u128), day: i32, place: impl FnOnce() -> Place) {
        if self.charge.is_none() || weight > self.weight {
            *self = Example { weight, charge: Some((place(), Day(day))) };
        }
    }

    /// Takes over the other's charge if that tells more.
    pub fn merge(&mut self, other: Example) {
        let earlier = other.charge.as_ref().map(|(place, _)| place) < self.charge.as_ref().map(|(place, _)| place);
        if self.charge.is_none() || other.weight > self.weight || (other.weight == self.weight && other.charge.is_some() && earlier) {
            *self = other;
        }
    }
}

/// One of the greatest differences of charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// The difference.
    pub difference: ChargeDifference,
    /// Where the charge stands.
    pub place: Place,
    /// Usage day.
    pub day: Day,
    /// As written.
    pub customer_id: Option<String>,
    /// As written.
    pub resource_id: Option<String>,
}

/// The greatest differences of charges, by currency; what explains itself comes last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tops(pub BTreeMap<String, Vec<Top>>);

impl Tops {
    /// Looks at a difference; the charge is spelled out only if it is one of the greatest.
    pub fn meet(&mut self, currency: &str, difference: &ChargeDifference, charge: impl FnOnce() -> (Place, Day, Option<String>, Option<String>)) {
        let of = self.0.entry(currency.to_owned()).or_default();
        if of.len() == TOLD && of.last().is_some_and(|least| rank(&least.difference) > rank(difference)) {
            return;
        }
        let (place, day, customer_id, resource_id) = charge();
        of.push(Top { difference: *difference, place, day, customer_id, resource_id });
        keep(of);
    }

    /// Takes over what others found.
    pub fn merge(&mut self, other: Tops) {
        for (currency, more) in other.0 {
            let of = self.0.entry(currency).or_default();
            of.extend(more);
            keep(of);
        }
    }
}

fn rank(difference: &ChargeDifference) -> (bool, u128) {
    (!super::charges::explains_itself(difference.cause), difference.difference.0.unsigned_abs())
}

fn keep(of: &mut Vec<Top>) {
    of.sort_by(|a, b| rank(&b.difference).cmp(&rank(&a.difference)).then_with(|| a.place.cmp(&b.place)));
    of.truncate(TOLD);
}
