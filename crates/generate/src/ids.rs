//! Ids that several files name: tenants, meters, products.

use crate::catalog;
use crate::names::Partner;
use crate::world::World;

/// Tenant of a partner.
pub(crate) fn tenant(world: &World, partner: &Partner) -> String {
    world.dice.of("partner").guid(partner.mpn.bytes().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
}

/// ProductId: 12 characters of the product, 4 of the SKU.
pub(crate) fn product_id(world: &World, meter: u16, region: u8) -> String {
    let dice = world.dice.of("product");
    // The meter's number makes it unlike all others.
    format!("DZH318Z0{}{meter:02}00{}", dice.code(u64::from(meter), 2), dice.code(catalog::key(meter, region) + 1_000, 2))
}

/// Id of a meter in a region.
pub(crate) fn meter_id(world: &World, meter: u16, region: u8) -> String {
    world.dice.of("meter").guid(catalog::key(meter, region))
}
