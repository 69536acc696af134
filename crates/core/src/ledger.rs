//! Closed months and what became known later (R-AGAIN-5).
//!
//! A month's state is sums by [`LedgerKey`]. Closing freezes it; later news becomes signed lines, booked in whatever month is closed next.
//! For every month ever closed, what was frozen (or, once reopened, what is now live) and all lines that adjust it add up to what is now known.
//! Lines are only ever added: reopening takes none back, the next close books what then is too much.

use std::collections::{BTreeMap, BTreeSet};

use crate::money::{D12, D22, TooLarge, sum};
use crate::time::Day;

/// What news is summed by (R-AGAIN-5). Ids in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey {
    /// UTC date.
    pub usage_date: Day,
    /// Customer, subscription, resource, meter, product, SKU.
    pub ids: [Option<String>; 6],
    /// Pricing currency, billing currency.
    pub currencies: [Option<String>; 2],
    /// The word of the outcome.
    pub outcome: String,
    /// Our rate; `None` where the charge is no usage.
    pub rate: Option<D22>,
}

/// Sums of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sums {
    /// Units, 22 places.
    pub quantity: D22,
    /// Pricing currency.
    pub list_cost: D12,
    /// Expected credit, billing currency.
    pub credit_billing: D12,
    /// Expected less applied credit, billing currency: the difference of the charge grain.
    pub difference: D12,
}

/// A sum of a key does not fit (details 32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumTooLarge {
    /// The key.
    pub key: Box<LedgerKey>,
}

impl Sums {
    fn plus(self, other: Sums) -> Result<Sums, TooLarge> {
        Ok(Sums {
            quantity: D22(sum(self.quantity.0, other.quantity.0)?),
            list_cost: D12(sum(self.list_cost.0, other.list_cost.0)?),
            credit_billing: D12(sum(self.credit_billing.0, other.credit_billing.0)?),
            difference: D12(sum(self.difference.0, other.difference.0)?),
        })
    }

    fn negated(self) -> Sums {
        // Every sum lies within 38 digits: its negative does too.
        Sums {
            quantity: D22(self.quantity.0.saturating_neg()),
            list_cost: D12(self.list_cost.0.saturating_neg()),
            credit_billing: D12(self.credit_billing.0.saturating_neg()),
            difference: D12(self.difference.0.saturating_neg()),
        }
    }

    /// Whether nothing is left.
    pub fn is_zero(self) -> bool {
        self == Sums::default()
    }
}

/// The sums of a month, or of a part of it: keys of different usage dates never meet, so a month may be compared day by day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    sums: BTreeMap<LedgerKey, Sums>,
}

impl State {
    /// Adds to a key; a key whose sums are all zero is not kept.
    /// # Errors
    /// [`SumTooLarge`], naming the key; the state is then unchanged.
    pub fn add(&mut self, key: &LedgerKey, sums: Sums) -> Result<(), SumTooLarge> {
        let before = self.sums.get(key).copied().unwrap_or_default();
        let total = before.plus(sums).map_err(|TooLarge| SumTooLarge { key: Box::new(key.clone()) })?;
        if total.is_zero() {
            self.sums.remove(key);
        } else {
            self.sums.insert(key.clone(), total);
        }
        Ok(())
    }

    /// Every key with its sums, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&LedgerKey, &Sums)> {
        self.sums.iter()
    }

    /// What must be added to `self` to have `now`: nothing where they are equal.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn news(&self, now: &State) -> Result<State, SumTooLarge> {
        let mut news = now.clone();
        for (key, sums) in &self.sums {
            news.add(key, sums.negated())?;
        }
        Ok(news)
    }
}

/// A signed line of `fact_adjustment`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdjustmentLine {
    /// The month being closed, `YYYY-MM`.
    pub billing_month: String,
    /// The month that the news is about.
    pub adjusts_month: String,
    /// What it is summed by.
    pub key: LedgerKey,
    /// Signed.
    pub sums: Sums,
}

/// All months that were ever closed, and the lines booked since.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    frozen: BTreeMap<String, State>,
    ever_closed: BTreeSet<String>,
    lines: Vec<AdjustmentLine>,
}

impl Ledger {
    /// Whether a month is closed: its credit lines are never rewritten.
    pub fn is_closed(&self, month: &str) -> bool {
        self.frozen.contains_key(month)
    }

    /// Every line booked, in the order of booking.
    pub fn lines(&self) -> &[AdjustmentLine] {
        &self.lines
    }

    /// A month as closed; `None` while it is open.
    pub fn as_closed(&self, month: &str) -> Option<&State> {
        self.frozen.get(month)
    }

    /// What the books hold of a month: as closed (or, open, as now known) and every line that adjusts it.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn booked(&self, month: &str, now: &State) -> Result<State, SumTooLarge> {
        let mut state = self.frozen.get(month).unwrap_or(now).clone();
        for line in self.lines.iter().filter(|l| l.adjusts_month == month) {
            state.add(&line.key, line.sums)?;
        }
        Ok(state)
    }

    /// Closes a month: freezes it if it is open, and books what is news about any month ever closed. Returns the lines added.
    /// `now` is what is now known of each month; a month it lacks is known to hold nothing. Without news nothing is added.
    /// # Errors
    /// [`SumTooLarge`]; the ledger is then unchanged.
    pub fn close(&mut self, month: &str, now: &BTreeMap<String, State>) -> Result<Vec<AdjustmentLine>, SumTooLarge> {
        let nothing = State::default();
        let mut after = self.clone();
        after.frozen.entry(month.to_owned()).or_insert_with(|| now.get(month).cloned().unwrap_or_default());
        after.ever_closed.insert(month.to_owned());
        let mut added = Vec::new();
        for adjusts in &after.ever_closed {
            let known = now.get(adjusts).unwrap_or(&nothing);
            for (key, sums) in after.booked(adjusts, known)?.news(known)?.iter() {
                added.push(AdjustmentLine { billing_month: month.to_owned(), adjusts_month: adjusts.clone(), key: key.clone(), sums: *sums });
            }
        }
        after.lines.extend(added.iter().cloned());
        *self = after;
        Ok(added)
    }

    /// Reopens a month: it is rewritten by news again. `false`: it was not closed.
    pub fn reopen(&mut self, month: &str) -> bool {
        self.frozen.remove(month).is_some()
    }
}

#[cfg(test)]
mod tests;
