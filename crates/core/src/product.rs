//! Rates and excluded products (R-PRODUCT, R-RATE, details 4, 13).

use std::collections::BTreeMap;

use crate::charge::{Numbers, Product};
use crate::money::D22;
use crate::reference::{ExcludedKind, ProductMatch, ProductRow, Rate, Validity};
use crate::rules::RateSource;
use crate::time::Day;

/// The documented rate, 15 % (R-RATE-1).
pub const DOCUMENTED_RATE: D22 = D22(1_500_000_000_000_000_000_000);

/// Characters of a Cost Management ProductId that name the product; the next name the SKU (details 4).
pub const PRODUCT_CHARACTERS: usize = 12;
/// Characters of the SKU.
pub const SKU_CHARACTERS: usize = 4;

/// Splits a Cost Management ProductId into product and SKU (details 4).
pub fn split_product_id(id: &str) -> (&str, Option<&str>) {
    let cut = |text: &'_ str, count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let (product, rest) = id.split_at(cut(id, PRODUCT_CHARACTERS));
    let (sku, _) = rest.split_at(cut(rest, SKU_CHARACTERS));
    (product, (!sku.is_empty()).then_some(sku))
}

/// A row of either table with what it matches, for telling which rows some charges may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchRow<'a, T> {
    /// Whether `id` is a meter, else a product or product and SKU.
    pub by_meter: bool,
    /// Lower case.
    pub id: &'a str,
    /// Whole days.
    pub valid: Validity,
    /// Rate, or kind.
    pub value: T,
}

#[derive(Debug)]
struct ByProduct<T> {
    meters: BTreeMap<String, Vec<(Validity, T)>>,
    products: BTreeMap<String, Vec<(Validity, T)>>,
}

impl<T: Copy> ByProduct<T> {
    fn new(rows: impl Iterator<Item = (ProductMatch, Validity, T)>) -> ByProduct<T> {
        let mut table = ByProduct { meters: BTreeMap::new(), products: BTreeMap::new() };
        for (matches, valid, value) in rows {
            match matches {
                ProductMatch::Meter(id) => table.meters.entry(id).or_default().push((valid, value)),
                ProductMatch::Product(id) => table.products.entry(id).or_default().push((valid, value)),
                ProductMatch::Nothing => {}
            }
        }
        table
    }

    fn rows(&self) -> impl Iterator<Item = MatchRow<'_, T>> {
        let tables = [(true, &self.meters), (false, &self.products)].into_iter();
        let ids = tables.flat_map(|(by_meter, table)| table.iter().map(move |(id, rows)| (by_meter, id, rows)));
        ids.flat_map(|(by_meter, id, rows)| rows.iter().map(move |(valid, value)| MatchRow { by_meter, id, valid: *valid, value: *value }))
    }

    fn of_meter(&self, product: &Product, day: Day) -> Vec<T> {
        product.meter_id.as_ref().map(|id| valid(&self.meters, &id.to_ascii_lowercase(), day)).unwrap_or_default()
    }

    /// Rows of the product (12 characters) and of product and SKU (16).
    fn of_product(&self, product: &Product, day: Day) -> Vec<T> {
        let Some(id) = product.product_id.as_ref().map(|id| id.to_ascii_lowercase()) else { return Vec::new() };
        let mut found = valid(&self.products, &id, day);
        if let Some(sku) = &product.sku_id {
            found.extend(valid(&self.products, &format!("{id}{}", sku.to_ascii_lowercase()), day));
        }
        found
    }
}

fn valid<T: Copy>(rows: &BTreeMap<String, Vec<(Validity, T)>>, id: &str, day: Day) -> Vec<T> {
    rows.get(id).into_iter().flatten().filter(|(valid, _)| valid.holds(day)).map(|(_, value)| *value).collect()
}

/// The rates and products tables as look-ups.
#[derive(Debug)]
pub struct Products {
    rates: ByProduct<D22>,
    kinds: ByProduct<ExcludedKind>,
}

impl Products {
    /// Builds the look-ups.
    pub fn new(rates: &[Rate], products: &[ProductRow]) -> Products {
        Products {
            rates: ByProduct::new(rates.iter().map(|r| (r.matches.clone(), r.valid, r.rate))),
            kinds: ByProduct::new(products.iter().map(|p| (p.matches.clone(), p.valid, p.kind))),
        }
    }

    /// Every row of the rates table that can match.
    pub fn rate_rows(&self) -> impl Iterator<Item = MatchRow<'_, D22>> {
        self.rates.rows()
    }

    /// Every row of the products table that can match.
    pub fn kind_rows(&self) -> impl Iterator<Item = MatchRow<'_, ExcludedKind>> {
        self.kinds.rows()
    }

    /// The table's rate: a meter row before a product row, of several the lowest (details 4).
    pub fn table_rate(&self, product: &Product, day: Day) -> Option<D22> {
        let by_meter = self.rates.of_meter(product, day).into_iter().min();
        by_meter.or_else(|| self.rates.of_product(product, day).into_iter().min())
    }

    /// Why the product is excluded: what the file shows and what the table says, the first in order (details 13).
    pub fn excluded(&self, product: &Product, day: Day) -> Option<ExcludedKind> {
        let listed = self.kinds.of_meter(product, day).into_iter().chain(self.kinds.of_product(product, day));
        listed.chain(product.excluded).min()
    }
}

/// Our rate for a charge (R-RATE-1).
pub fn our_rate(table: Option<D22>, source: RateSource, numbers: &Numbers) -> D22 {
    let stated = match source {
        RateSource::Table => None,
        RateSource::Statement => numbers.stated_rate.filter(|rate| numbers.applied == Some(true) && rate.0 > 0),
    };
    table.or(stated).unwrap_or(DOCUMENTED_RATE)
}
