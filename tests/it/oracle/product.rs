//! What a charge is and which rate it takes (R-PRODUCT, R-RATE, R-ROLE; details 4, 13, 26).

use pecan_core::charge::{Numbers, Product};
use pecan_core::money::D22;
use pecan_core::reference::{ExcludedKind, ProductMatch, Reference, Validity};
use pecan_core::rules::{RateSource, Rules};
use pecan_core::time::Day;

use super::path::id;

/// 0.15.
pub const DOCUMENTED_RATE: D22 = D22(1_500_000_000_000_000_000_000);

/// Roles of Microsoft's page that the worlds use, and whether they earn; any other id is unknown or custom.
pub const BUILT_IN: [(&str, bool); 4] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", true),  // Owner
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", true),  // Contributor
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", false), // Reader
    ("fa23ad8b-c56e-40d8-ac0c-ce449e1d2c64", false), // Billing Reader
];

fn valid_on(valid: Validity, day: Day) -> bool {
    valid.from.0 <= day.0 && day.0 < valid.until.0
}

/// Whether a role earns on a day.
pub fn role_earns(reference: &Reference, rules: &Rules, role: &str, day: Day) -> bool {
    let rows: Vec<bool> = reference.roles.iter().filter(|r| r.role_definition_id == role && valid_on(r.valid, day)).map(|r| r.earns).collect();
    if !rows.is_empty() {
        return rows.iter().all(|earns| *earns);
    }
    BUILT_IN.iter().find(|(known, _)| *known == role).map_or(rules.unknown_roles, |(_, earns)| *earns)
}

#[derive(PartialEq)]
enum Matched {
    Meter,
    Product,
    No,
}

fn matched(row: &ProductMatch, product: &Product) -> Matched {
    let (meter, whole, sku) = (id(product.meter_id.as_ref()), id(product.product_id.as_ref()), id(product.sku_id.as_ref()));
    match row {
        ProductMatch::Meter(key) if meter.as_ref() == Some(key) => Matched::Meter,
        ProductMatch::Product(key) if key.len() == 12 && whole.as_ref() == Some(key) => Matched::Product,
        ProductMatch::Product(key) if key.len() == 16 && whole.zip(sku).is_some_and(|(p, s)| format!("{p}{s}") == *key) => Matched::Product,
        _ => Matched::No,
    }
}

/// Why a product is excluded: the first in the order of details 13 of what the file and the table say.
pub fn excluded(reference: &Reference, product: &Product, day: Day) -> Option<ExcludedKind> {
    let order = |kind: &ExcludedKind| match kind {
        ExcludedKind::Reservation => 0,
        ExcludedKind::SavingsPlan => 1,
        ExcludedKind::Spot => 2,
        ExcludedKind::Marketplace => 3,
        ExcludedKind::ThirdParty => 4,
        ExcludedKind::Legacy => 5,
    };
    let told = reference.products.iter().filter(|row| valid_on(row.valid, day) && matched(&row.matches, product) != Matched::No);
    told.map(|row| row.kind).chain(product.excluded).min_by_key(order)
}

/// Our rate, and whether a rate table row gave it.
pub fn rate(reference: &Reference, rules: &Rules, product: &Product, numbers: &Numbers, day: Day) -> (D22, bool) {
    for kind in [Matched::Meter, Matched::Product] {
        let rows = reference.rates.iter().filter(|row| valid_on(row.valid, day) && matched(&row.matches, product) == kind);
        if let Some(lowest) = rows.map(|row| row.rate).min_by_key(|rate| rate.0) {
            return (lowest, true);
        }
    }
    let stated = numbers.stated_rate.filter(|rate| numbers.applied == Some(true) && rate.0 > 0);
    match (rules.rate_source, stated) {
        (RateSource::Statement, Some(stated)) => (stated, false),
        _ => (DOCUMENTED_RATE, false),
    }
}
