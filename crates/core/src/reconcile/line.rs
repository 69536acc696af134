//! One charge as part of an invoice line, expected and stated; and the line that such parts make.

use std::collections::BTreeMap;

use super::{Cause, Settled, charge_difference};
use crate::charge::{Evidence, Outcome};
use crate::money::{D12, D22, ONE, TooLarge, agree, billed, cents_of_amount, cents_of_product, product, sum};
use crate::statement::RowKind;

/// What a charge puts on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub with_credit: bool,
    /// Net cost, pricing currency.
    pub net: D12,
    /// List unit price and rate, where net is exactly quantity × price × (1 − rate).
    pub price: Option<(D22, D22)>,
}

/// A charge expected and stated; `cause` where these differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stages {
    pub expected: Part,
    pub stated: Part,
    pub cause: Option<Cause>,
}

/// What our verdict makes of a charge on the invoice, and what the export's flag and price make of it.
pub(super) fn stages(charge: &Settled, kind: RowKind) -> Result<Stages, TooLarge> {
    let less = |amount: D12| sum(charge.list_cost.0, amount.0.saturating_neg()).map(D12);
    if kind != RowKind::Usage {
        // We have no opinion on what a purchase costs.
        let part = Part { with_credit: false, net: less(charge.implied_pricing.unwrap_or_default())?, price: None };
        return Ok(Stages { expected: part, stated: part, cause: None });
    }
    let rate = charge.rate.unwrap_or_default();
    let (q, p) = (charge.quantity.unwrap_or_default(), charge.list_unit_price.unwrap_or_default());
    let at_list = product(&[q, p, rate])?;
    let covered = charge.outcome == Outcome::Covered && rate.0 > 0;
    let credit = if covered { charge.credit_pricing } else { D12(0) };
    let exact = |credit: D12| [(D12(0), D22(0)), (at_list, rate)].into_iter().find(|(at, _)| *at == credit).map(|(_, rate)| (p, rate));
    let expected = Part { with_credit: covered, net: less(credit)?, price: exact(credit) };
    let Some(flag) = charge.applied else { return Ok(Stages { expected, stated: expected, cause: None }) };
    let taken = charge.implied_pricing.unwrap_or(if flag { at_list } else { D12(0) });
    let net = less(taken)?;
    if flag == covered && agree(expected.net.0, net.0) {
        return Ok(Stages { expected, stated: expected, cause: None });
    }
    let stated = Part { with_credit: flag, net, price: exact(taken) };
    let by_charge = charge_difference(charge)?.map(|d| d.cause);
    let lower = net.0.unsigned_abs() < expected.net.0.unsigned_abs();
    let by_price = if lower { Cause::PriceAdjustment } else { Cause::Price };
    let nothing_known = charge.evidence == Evidence::BeforeFirstRecord && flag != covered;
    // Equal credits leave the price; so do equal flags whose credits are only rounded apart.
    let cause = match by_charge {
        _ if nothing_known => Cause::BeforeFirstRecord,
        None | Some(Cause::Rounding) => by_price,
        Some(cause) => cause,
    };
    Ok(Stages { expected, stated, cause: Some(cause) })
}

/// The price and rate of all parts, while they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum OnePrice {
    #[default]
    Empty,
    Same(D22, D22),
    Mixed,
}

impl OnePrice {
    fn meet(self, other: OnePrice) -> OnePrice {
        match (self, other) {
            (OnePrice::Empty, one) | (one, OnePrice::Empty) => one,
            (one, other) if one == other => one,
            _ => OnePrice::Mixed,
        }
    }
}

/// A sum of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Parts {
    pub rows: u64,
    pub quantity: i128,
    /// Net cost, pricing currency, 12 places.
    pub net: i128,
    one_price: OnePrice,
}

impl Parts {
    fn of(quantity: Option<D22>, part: Part) -> Parts {
        let one_price = match (quantity, part.price) {
            (Some(_), Some((price, rate))) => OnePrice::Same(price, rate),
            _ => OnePrice::Mixed,
        };
        Parts { rows: 1, quantity: quantity.unwrap_or_default().0, net: part.net.0, one_price }
    }

    pub(super) fn add(&mut self, other: &Parts) -> Result<(), TooLarge> {
        self.rows = self.rows.saturating_add(other.rows);
        self.quantity = sum(self.quantity, other.quantity)?;
        self.net = sum(self.net, other.net)?;
        self.one_price = self.one_price.meet(other.one_price);
        Ok(())
    }

    /// What the invoice line of these parts costs (R-MONTH-2): from price and quantity where they are one, else from the summed net cost.
    pub(super) fn billed(&self, exchange_rate: D22) -> Result<D12, TooLarge> {
        let cents = match self.one_price {
            OnePrice::Same(price, rate) => cents_of_product(&[price, D22(ONE.0.saturating_sub(rate.0)), D22(self.quantity)])?,
            _ => cents_of_amount(D12(self.net)),
        };
        billed(cents, exchange_rate)
    }

    /// The one rate of these parts, if it is known.
    pub(super) fn rate(&self) -> Option<D22> {
        match self.one_price {
            OnePrice::Same(_, rate) => Some(rate),
            _ => None,
        }
    }
}

/// The charges of one key, meter and exchange rate: at most one invoice line with credit and one without.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// Without and with credit.
    pub expected: [Parts; 2],
    /// Without and with credit; charges that are `priced_not_flagged` stand apart.
    pub stated: [Parts; 2],
    /// Stated parts of charges that are `priced_not_flagged`: the invoice goes by the flag or by the price.
    pub priced: Parts,
    /// Net cost (expected, stated) of charges whose stages differ, by cause and by with or without credit.
    pub moved: BTreeMap<(Cause, bool), (i128, i128)>,
    /// Quantity of charges that name no invoice.
    pub unbilled: i128,
    pub unbilled_rows: u64,
    pub rows: u64,
    /// A charge without flag of a day of which nothing is known.
    pub unknown: bool,
    /// The greatest list unit price in magnitude.
    pub top_price: u128,
}

/// Index of a pair of lines.
pub(super) fn side(with_credit: bool) -> usize {
    usize::from(with_credit)
}

impl Line {
    pub(super) fn add(&mut self, charge: &Settled, kind: RowKind) -> Result<(), TooLarge> {
        let Stages { expected, stated, cause } = stages(charge, kind)?;
        add_at(&mut self.expected, expected, charge)?;
        if cause == Some(Cause::PricedNotFlagged) {
            self.priced.add(&Parts::of(charge.quantity, stated))?;
        } else {
            add_at(&mut self.stated, stated, charge)?;
        }
        if let Some(cause) = cause {
            self.shift(cause, expected.with_credit, expected.net.0, 0)?;
            self.shift(cause, stated.with_credit, 0, stated.net.0)?;
        }
        self.rows = self.rows.saturating_add(1);
        if !charge.invoiced {
            self.unbilled = sum(self.unbilled, charge.quantity.unwrap_or_default().0)?;
            self.unbilled_rows = self.unbilled_rows.saturating_add(1);
        }
        self.unknown |= charge.applied.is_none() && charge.evidence == Evidence::BeforeFirstRecord;
        self.top_price = self.top_price.max(charge.list_unit_price.unwrap_or_default().0.unsigned_abs());
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Line) -> Result<(), TooLarge> {
        let pairs = self.expected.iter_mut().zip(&other.expected).chain(self.stated.iter_mut().zip(&other.stated));
        pairs.chain(std::iter::once((&mut self.priced, &other.priced))).try_for_each(|(into, from)| into.add(from))?;
        for ((cause, with_credit), (expected, stated)) in &other.moved {
            self.shift(*cause, *with_credit, *expected, *stated)?;
        }
        self.unbilled = sum(self.unbilled, other.unbilled)?;
        self.unbilled_rows = self.unbilled_rows.saturating_add(other.unbilled_rows);
        self.rows = self.rows.saturating_add(other.rows);
        self.unknown |= other.unknown;
        self.top_price = self.top_price.max(other.top_price);
        Ok(())
    }

    fn shift(&mut self, cause: Cause, with_credit: bool, expected: i128, stated: i128) -> Result<(), TooLarge> {
        let moved = self.moved.entry((cause, with_credit)).or_default();
        *moved = (sum(moved.0, expected)?, sum(moved.1, stated)?);
        Ok(())
    }

    /// The stated parts, charges that are `priced_not_flagged` put where the invoice has them.
    pub(super) fn stated_as(&self, priced_with_credit: bool) -> Result<[Parts; 2], TooLarge> {
        let mut stated = self.stated;
        if let Some(parts) = stated.get_mut(side(priced_with_credit)) {
            parts.add(&self.priced)?;
        }
        Ok(stated)
    }
}

fn add_at(pair: &mut [Parts; 2], part: Part, charge: &Settled) -> Result<(), TooLarge> {
    match pair.get_mut(side(part.with_credit)) {
        Some(parts) => parts.add(&Parts::of(charge.quantity, part)),
        None => Ok(()),
    }
}
