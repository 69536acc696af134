//! One row of a batch as [`Charge`], for `explain`: read by the same parts as the job's batches, decided by core alone.

use pecan_core::charge::Product;
use pecan_core::knowledge::Charge;
use pecan_core::product::split_product_id;
use pecan_core::scope::Scope;
use pecan_core::time::Day;

use super::class::Classes;
use super::row::{RowFault, Rows};
use super::scopes::Scopes;
use crate::keys::Keys;
use crate::source::ChargeBatch;

/// The rows of a batch, one by one.
pub struct OneByOne<'a> {
    batch: &'a ChargeBatch,
    classes: Classes<'a>,
    rows: Rows<'a>,
    scopes: Scopes<'a>,
}

/// A charge that could be read.
#[derive(Debug, Clone)]
pub struct OneCharge {
    /// As core decides it.
    pub charge: Charge,
    /// The scope it belongs to (R-SCOPE-4).
    pub scope: Option<Scope>,
    /// That scope as shown.
    pub shown_scope: String,
    /// Whether the resource id lies in another subscription than the column says (details 15).
    pub subscription_mismatch: bool,
}

impl<'a> OneByOne<'a> {
    /// Looks at a batch.
    pub fn new(batch: &'a ChargeBatch) -> OneByOne<'a> {
        OneByOne { batch, classes: Classes::new(batch), rows: Rows::new(batch), scopes: Scopes::new(batch) }
    }

    /// Index of the row's scope: rows of equal index have equal scopes.
    pub fn scope_index(&mut self, row: usize) -> usize {
        self.scopes.of(row) as usize
    }

    /// A scope by its index, and as shown.
    pub fn scope(&self, index: usize) -> (Option<&Scope>, &str) {
        self.scopes.all.get(index).map_or((None, ""), |s| (s.scope.as_ref(), s.shown.as_str()))
    }

    /// The row's usage day.
    /// # Errors
    /// The row's first fault.
    pub fn day(&self, row: usize) -> Result<Day, RowFault> {
        self.rows.read(row, self.classes.is_usage(row)).map(|(day, _)| Day(day))
    }

    /// The row as a charge.
    /// # Errors
    /// The row's first fault.
    pub fn charge(&mut self, row: usize) -> Result<OneCharge, RowFault> {
        let batch = self.batch;
        let usage = self.classes.is_usage(row);
        let (day, _) = self.rows.read(row, usage)?;
        let text = |column| Keys::new(column).text(row).map(str::to_owned);
        let product = Keys::new(&batch.product).text(row).map(split_product_id);
        let mismatches = self.scopes.mismatches;
        let index = self.scope_index(row);
        let (scope, shown) = self.scope(index);
        Ok(OneCharge {
            charge: Charge {
                usage_date: Day(day),
                subscription_id: text(&batch.subscription_id),
                resource_group: text(&batch.resource_group),
                resource_id: text(&batch.resource_id),
                partner_tenant_id: text(&batch.partner_tenant_id),
                reseller_mpn_id: text(&batch.reseller_mpn_id),
                product: Product {
                    usage,
                    excluded: self.classes.excluded(row),
                    meter_id: text(&batch.meter_id),
                    product_id: product.map(|(id, _)| id.to_owned()),
                    sku_id: product.and_then(|(_, sku)| sku).map(str::to_owned),
                },
                numbers: self.rows.numbers(row),
            },
            scope: scope.cloned(),
            shown_scope: shown.to_owned(),
            subscription_mismatch: self.scopes.mismatches != mismatches,
        })
    }
}
