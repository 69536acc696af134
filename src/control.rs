//! Sums of a group's charges by billing currency, taken from the decoded input: the input side of R-CONSERVE.
//!
//! The list cost of every line is proved by multiplication before it is added up, so the audit shares no division with the
//! credit lines; one that cannot be proved is computed again by the wide path, and the sums then tell.

use std::collections::BTreeMap;

use arrow::datatypes::i256;
use pecan_core::charge::{Amounts, Numbers};
use pecan_core::money::{is_rounded_product, product_wide};

use crate::keys::Keys;
use crate::schema::SUMMED;

/// One sum per column of [`SUMMED`]: all but the last stand in `fact_credit_line`, all but the implied credit in `fact_credit_daily`.
pub type Totals = [i256; SUMMED.len()];

/// Sums of a batch by key of the billing currency.
#[derive(Debug, Default)]
pub struct BatchControl {
    rows: u64,
    by_key: Vec<(i32, [Total; SUMMED.len()])>,
}

/// A sum that runs in 128 bits and spills into 256 when that is full.
#[derive(Debug, Clone, Copy)]
struct Total {
    running: i128,
    spilled: i256,
}

impl Total {
    const ZERO: Total = Total { running: 0, spilled: i256::ZERO };

    fn add(&mut self, value: i128) {
        self.running = self.running.checked_add(value).unwrap_or_else(|| {
            self.spilled = plus(self.spilled, i256::from_i128(self.running));
            value
        });
    }

    fn sum(&self) -> i256 {
        plus(self.spilled, i256::from_i128(self.running))
    }
}

/// Sums by billing currency as written, and rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Control {
    /// Credit lines.
    pub rows: u64,
    /// By currency; `None` = null.
    pub sums: BTreeMap<Option<String>, Totals>,
}

fn plus(a: i256, b: i256) -> i256 {
    a.checked_add(b).expect("2^127 rows of 128-bit numbers fit 256 bits")
}

impl BatchControl {
    /// Adds an accepted row.
    pub fn add(&mut self, currency: i32, numbers: &Numbers, amounts: &Amounts) {
        let list_cost = match (numbers.quantity, numbers.list_unit_price) {
            (Some(q), Some(p)) if is_rounded_product(q, p, amounts.list_cost) => amounts.list_cost.0,
            (Some(q), Some(p)) => product_wide(&[q, p]).map_or(0, |cost| cost.0),
            _ => 0,
        };
        let values = [
            numbers.quantity.map_or(0, |q| q.0),
            list_cost,
            amounts.credit_pricing.0,
            amounts.credit_billing.0,
            amounts.applied_billing.map_or(0, |a| a.0),
            amounts.implied_pricing.map_or(0, |a| a.0),
            amounts.missed_billing.0,
        ];
        let at = self.by_key.iter().rposition(|(key, _)| *key == currency).unwrap_or_else(|| {
            self.by_key.push((currency, [Total::ZERO; SUMMED.len()]));
            self.by_key.len() - 1
        });
        self.by_key[at].1.iter_mut().zip(values).for_each(|(total, value)| total.add(value));
        self.rows += 1;
    }

    /// The same sums by text.
    pub fn named(&self, currencies: &Keys) -> Control {
        let mut control = Control { rows: self.rows, sums: BTreeMap::new() };
        for (key, totals) in &self.by_key {
            control.add_totals(currencies.value(*key).map(str::to_owned), &totals.map(|total| total.sum()));
        }
        control
    }
}

impl Control {
    /// The same sums without one column, for comparing with a table that lacks it.
    pub fn without(mut self, column: &str) -> Control {
        let at = SUMMED.iter().position(|audited| *audited == column);
        for totals in self.sums.values_mut() {
            if let Some(total) = at.and_then(|at| totals.get_mut(at)) {
                *total = i256::ZERO;
            }
        }
        self
    }

    /// Adds sums of a currency.
    pub fn add_totals(&mut self, currency: Option<String>, totals: &Totals) {
        let sums = self.sums.entry(currency).or_insert([i256::ZERO; SUMMED.len()]);
        for (sum, total) in sums.iter_mut().zip(totals) {
            *sum = plus(*sum, *total);
        }
    }

    /// Adds the sums of another batch.
    pub fn merge(&mut self, other: &Control) {
        self.rows += other.rows;
        for (currency, totals) in &other.sums {
            self.add_totals(currency.clone(), totals);
        }
    }
}
