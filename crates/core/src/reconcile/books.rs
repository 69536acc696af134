//! Both sides of a month, added up by key as they come. Order never matters: everything is a sum, a set or a maximum.

use std::collections::{BTreeMap, BTreeSet};

use super::charge_grain::Settled;
use super::line::{Line, side};
use super::month::{Apart, Reconciled};
use super::{KeyTooLarge, at_key};
use crate::money::{D12, D22, ONE, TooLarge, product, sum};
use crate::rules::{MonthRules, StatementRows};
use crate::statement::{InvoiceRow, LineKey, RowKind};

/// A credit line with what its invoice line is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurCharge {
    /// What it is compared by.
    pub key: LineKey,
    /// Meter, lower case: one invoice line has one meter.
    pub meter_id: Option<String>,
    /// What it is.
    pub kind: RowKind,
    /// Its numbers.
    pub settled: Settled,
}

/// The rows of the invoice of one key, with or without credit.
#[derive(Debug, Clone, Default)]
pub(super) struct Billed {
    pub rows: u64,
    pub quantity: i128,
    /// Σ effective unit price × billable quantity, pricing currency, 12 places.
    pub net: i128,
    /// Σ subtotal, billing currency.
    pub amount: i128,
    pub rates: BTreeSet<Option<D22>>,
    pub adjusted: bool,
    pub top_price: u128,
    pub top_exchange: u128,
}

impl Billed {
    fn add(&mut self, row: &InvoiceRow) -> Result<(), TooLarge> {
        self.rows = self.rows.saturating_add(1);
        self.quantity = sum(self.quantity, row.billable_quantity.0)?;
        self.net = sum(self.net, product(&[row.effective_unit_price, row.billable_quantity])?.0)?;
        self.amount = sum(self.amount, row.subtotal.0)?;
        self.rates.insert(row.credit_rate);
        self.adjusted |= row.adjusted;
        self.top_price = self.top_price.max(row.unit_price.0.unsigned_abs());
        self.top_exchange = self.top_exchange.max(row.exchange_rate.0.unsigned_abs());
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Billed) -> Result<(), TooLarge> {
        self.rows = self.rows.saturating_add(other.rows);
        self.quantity = sum(self.quantity, other.quantity)?;
        self.net = sum(self.net, other.net)?;
        self.amount = sum(self.amount, other.amount)?;
        self.rates.extend(&other.rates);
        self.adjusted |= other.adjusted;
        self.top_price = self.top_price.max(other.top_price);
        self.top_exchange = self.top_exchange.max(other.top_exchange);
        Ok(())
    }
}

/// Our lines of one key, by meter and exchange rate.
pub(super) type Lines = BTreeMap<(Option<String>, D22), Line>;

/// Usage charges of one key, meter and exchange rate, added up beforehand, on any thread. Adding them to [`Books`] together or one
/// by one is the same.
#[derive(Debug, Clone, Default)]
pub struct Gathered(Line);

impl Gathered {
    /// Adds a usage charge.
    /// # Errors
    /// [`TooLarge`] when a sum does not fit.
    pub fn add(&mut self, charge: &Settled) -> Result<(), TooLarge> {
        self.0.add(charge, RowKind::Usage)
    }
}

/// A month's charges and invoice rows, added up.
#[derive(Debug, Clone, Default)]
pub struct Books {
    rules: MonthRules,
    pub(super) ours: BTreeMap<LineKey, Lines>,
    pub(super) billed: BTreeMap<LineKey, [Billed; 2]>,
    /// Rounding adjustments by currency: ours, the statement's.
    pub(super) rounding: BTreeMap<String, (i128, i128)>,
    pub(super) apart: BTreeMap<String, Apart>,
}

impl Books {
    /// Empty books.
    pub fn new(rules: MonthRules) -> Books {
        Books { rules, ..Books::default() }
    }

    fn takes_part(&self, kind: RowKind) -> bool {
        kind != RowKind::Other || self.rules.statement_rows == StatementRows::All
    }

    /// Adds a charge of ours.
    /// # Errors
    /// [`KeyTooLarge`] when a sum does not fit.
    pub fn add_charge(&mut self, charge: &OurCharge) -> Result<(), KeyTooLarge> {
        let key = &charge.key;
        if charge.kind == RowKind::Usage || (charge.kind == RowKind::Other && self.takes_part(charge.kind)) {
            // Only rows that are no usage may lack it (details 6); most of these are billed in their own currency.
            let exchange_rate = charge.settled.exchange_rate.unwrap_or(ONE);
            let lines = self.ours.entry(key.clone()).or_default();
            let line = lines.entry((charge.meter_id.clone(), exchange_rate)).or_default();
            return at_key(key, line.add(&charge.settled, charge.kind));
        }
        let amount = at_key(key, net_billing(&charge.settled))?;
        if charge.kind == RowKind::RoundingAdjustment {
            let total = self.rounding.entry(key.currency.clone()).or_default();
            total.0 = at_key(key, sum(total.0, amount.0))?;
        } else {
            let apart = self.apart.entry(key.currency.clone()).or_default();
            apart.our_rows = apart.our_rows.saturating_add(1);
            apart.ours = D12(at_key(key, sum(apart.ours.0, amount.0))?);
        }
        Ok(())
    }

    /// Adds usage charges that share key, meter (lower case) and exchange rate.
    /// # Errors
    /// [`KeyTooLarge`] when a sum does not fit.
    pub fn add_gathered(&mut self, key: &LineKey, meter_id: Option<&str>, exchange_rate: D22, charges: &Gathered) -> Result<(), KeyTooLarge> {
        let lines = match self.ours.get_mut(key) {
            Some(lines) => lines,
            None => self.ours.entry(key.clone()).or_default(),
        };
        at_key(key, lines.entry((meter_id.map(str::to_owned), exchange_rate)).or_default().merge(&charges.0))
    }

    /// Adds a row of the invoice.
    /// # Errors
    /// [`KeyTooLarge`] when a sum does not fit.
    pub fn add_row(&mut self, row: &InvoiceRow) -> Result<(), KeyTooLarge> {
        let key = &row.key;
        if row.kind == RowKind::RoundingAdjustment {
            let total = self.rounding.entry(key.currency.clone()).or_default();
            total.1 = at_key(key, sum(total.1, row.subtotal.0))?;
        } else if self.takes_part(row.kind) {
            let pair = self.billed.entry(key.clone()).or_default();
            if let Some(billed) = pair.get_mut(side(row.with_credit)) {
                at_key(key, billed.add(row))?;
            }
        } else {
            let apart = self.apart.entry(key.currency.clone()).or_default();
            apart.statement_rows = apart.statement_rows.saturating_add(1);
            apart.statement = D12(at_key(key, sum(apart.statement.0, row.subtotal.0))?);
        }
        Ok(())
    }

    /// Every difference of the invoice grains.
    /// # Errors
    /// [`KeyTooLarge`] when a sum does not fit.
    pub fn compare(&self) -> Result<Reconciled, KeyTooLarge> {
        super::month::compare(self)
    }
}

/// Net cost in billing currency of a row that is no usage.
fn net_billing(charge: &Settled) -> Result<D12, TooLarge> {
    let net = sum(charge.list_cost.0, charge.implied_pricing.unwrap_or_default().0.saturating_neg())?;
    in_billing(net, charge.exchange_rate.unwrap_or(ONE))
}

/// An amount of pricing currency in billing currency, rounded once.
pub(super) fn in_billing(net: i128, exchange_rate: D22) -> Result<D12, TooLarge> {
    crate::money::converted(D12(net), exchange_rate)
}
