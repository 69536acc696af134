//! Random months in plain integers, made so that both sides agree until something is planted.

use crate::charge::{Evidence, Outcome};
use crate::money::{D12, D22};
use crate::reconcile::{OurCharge, Settled};
use crate::statement::{InvoiceRow, LineKey, RowKind};

/// A small deterministic generator: seeds are loop counters.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.roll(at as u64 + 1) as usize);
        }
    }
}

/// One charge in plain integers.
#[derive(Debug, Clone)]
pub struct PlainCharge {
    pub product: usize,
    pub meter: u64,
    /// 4 places.
    pub quantity: i128,
    /// 6 places.
    pub price: i128,
    /// 9 places.
    pub exchange: i128,
    pub covered: bool,
    /// Percent.
    pub our_rate: i128,
    pub flag: Option<bool>,
    /// Percent.
    pub stated_rate: i128,
    /// What the price takes off list, in hundredths of a percent.
    pub taken: i128,
    pub invoiced: bool,
    pub known: bool,
}

/// One row of the invoice in plain integers.
#[derive(Debug, Clone)]
pub struct PlainRow {
    pub product: usize,
    pub meter: u64,
    pub quantity: i128,
    pub price: i128,
    /// 10 places.
    pub effective: i128,
    pub exchange: i128,
    pub with_credit: bool,
    pub credit_rate: Option<i128>,
    pub adjusted: bool,
    /// Cents; `None`: by the formula.
    pub subtotal: Option<i128>,
}

/// Half to even, the slow and simple way.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    whole + i128::from(rest * 2 > denominator || (rest * 2 == denominator && whole.rem_euclid(2) == 1))
}

fn d22(value: i128, places: u32) -> D22 {
    D22(value * 10i128.pow(22 - places))
}

pub fn currency(exchange: i128) -> &'static str {
    if exchange == 1_000_000_000 { "USD" } else { "EUR" }
}

fn key(product: usize, exchange: i128, availability: Option<String>) -> LineKey {
    let (customer, plan, product, sku) =
        (format!("c{}", product % 3), format!("p{}", product % 2), format!("product{product:05}"), format!("{:04}", product % 7));
    LineKey::new(currency(exchange), [Some(&customer), Some(&plan), Some(&product), Some(&sku), availability.as_deref()])
}

/// A pair of meters has an availability of its own.
fn availability(meter: u64) -> Option<String> {
    Some(format!("a{}", meter / 2))
}

impl PlainCharge {
    /// Net cost off list at 12 places times hundredths of a percent.
    pub fn credit_pricing(&self) -> i128 {
        if self.covered { self.quantity * self.price * self.our_rate } else { 0 }
    }

    pub fn charge(&self, with_availability: bool) -> OurCharge {
        let list = self.quantity * self.price;
        let billing = |percent: i128| rounded(list * percent * self.exchange, 1_000_000_000);
        let settled = Settled {
            outcome: if self.covered { Outcome::Covered } else { Outcome::NoAccess },
            evidence: if self.known { Evidence::Complete } else { Evidence::BeforeFirstRecord },
            rate: Some(d22(self.our_rate, 2)),
            quantity: Some(d22(self.quantity, 4)),
            list_unit_price: Some(d22(self.price, 6)),
            exchange_rate: Some(d22(self.exchange, 9)),
            list_cost: D12(list * 100),
            credit_pricing: D12(self.credit_pricing()),
            credit_billing: D12(if self.covered { billing(self.our_rate) } else { 0 }),
            applied: self.flag,
            applied_billing: self.flag.map(|flag| D12(if flag { billing(self.stated_rate) } else { 0 })),
            implied_pricing: Some(D12(rounded(list * self.taken, 100))),
            invoiced: self.invoiced,
        };
        let availability = if with_availability { availability(self.meter) } else { None };
        OurCharge { key: key(self.product, self.exchange, availability), meter_id: Some(format!("m{}", self.meter)), kind: RowKind::Usage, settled }
    }
}

impl PlainRow {
    /// rounddown(rounddown(effective × quantity, 2) × exchange, 2), in cents.
    pub fn by_formula(&self) -> i128 {
        self.effective * self.quantity / 10i128.pow(12) * self.exchange / 1_000_000_000
    }

    pub fn cents(&self) -> i128 {
        self.subtotal.unwrap_or_else(|| self.by_formula())
    }

    pub fn row(&self) -> InvoiceRow {
        InvoiceRow {
            key: key(self.product, self.exchange, availability(self.meter)),
            kind: RowKind::Usage,
            invoice_id: Some("G1".into()),
            unit_price: d22(self.price, 6),
            effective_unit_price: d22(self.effective, 10),
            billable_quantity: d22(self.quantity, 4),
            exchange_rate: d22(self.exchange, 9),
            subtotal: D12(self.cents() * 10_000_000_000),
            credit_rate: self.credit_rate.map(|percent| d22(percent, 2)),
            with_credit: self.with_credit,
            adjusted: self.adjusted,
        }
    }
}

/// Charges that both sides see alike: three to eight products, up to four meters each, one price a meter.
pub fn quiet_month(dice: &mut Dice) -> Vec<PlainCharge> {
    let mut charges = Vec::new();
    for product in 0..3 + dice.roll(6) as usize {
        let exchange = if product % 2 == 0 { 1_000_000_000 } else { 846_202_666 };
        for meter in 0..1 + dice.roll(4) {
            let price = 66_667 + i128::from(dice.roll(5_000_000));
            for _ in 0..1 + dice.roll(6) {
                charges.push(quiet_charge(product, meter, price, exchange, dice));
            }
        }
    }
    charges
}

pub fn quiet_charge(product: usize, meter: u64, price: i128, exchange: i128, dice: &mut Dice) -> PlainCharge {
    let covered = dice.roll(3) > 0;
    let sign = if dice.roll(12) == 0 { -1 } else { 1 };
    PlainCharge {
        product,
        meter,
        quantity: sign * (1 + i128::from(dice.roll(240_000))),
        price,
        exchange,
        covered,
        our_rate: 15,
        flag: Some(covered),
        stated_rate: if covered { 15 } else { 0 },
        taken: if covered { 1_500 } else { 0 },
        invoiced: true,
        known: true,
    }
}

/// The invoice that these charges make: one row a meter, with credit and without, by flag and price.
pub fn invoice_of(charges: &[PlainCharge]) -> Vec<PlainRow> {
    let mut rows: Vec<PlainRow> = Vec::new();
    for charge in charges {
        let with_credit = charge.flag == Some(true);
        let effective = charge.price * (10_000 - charge.taken);
        let same = |row: &&mut PlainRow| (row.product, row.meter, row.with_credit, row.effective) == (charge.product, charge.meter, with_credit, effective);
        match rows.iter_mut().find(same) {
            Some(row) => row.quantity += charge.quantity,
            None => rows.push(PlainRow {
                product: charge.product,
                meter: charge.meter,
                quantity: charge.quantity,
                price: charge.price,
                effective,
                exchange: charge.exchange,
                with_credit,
                credit_rate: with_credit.then_some(charge.stated_rate),
                adjusted: charge.taken != charge.stated_rate * 100,
                subtotal: None,
            }),
        }
    }
    rows
}
