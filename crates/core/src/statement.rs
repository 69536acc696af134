//! Rows of Microsoft's invoice reconciliation file ("G" invoice), as month end sees them (R-MONTH, data-contracts §1.3).
//!
//! Pure functions over named text fields: reading the file is the job's. Columns:
//! learn.microsoft.com/partner-center/billing/modern-invoice-reconciliation-file.

use crate::charge::Reason;
use crate::money::{D12, D22, ONE, parse_number, product};
use crate::scope::id_key;

mod adjustment;

pub use adjustment::{Adjustment, parse_adjustments};

/// What a row of an export or of an invoice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// Metered usage of an Azure plan.
    Usage,
    /// Takes part in totals only (R-MONTH-2).
    RoundingAdjustment,
    /// Purchases, refunds, taxes, seats.
    Other,
}

/// What lines are compared by, but for with or without credit (R-MONTH-1). Ids in lower case; empty ids and the all-zero GUID are `None`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LineKey {
    /// Billing currency, upper case.
    pub currency: String,
    /// Tenant of the customer.
    pub customer_id: Option<String>,
    /// The Azure plan.
    pub plan_id: Option<String>,
    /// 12 characters.
    pub product_id: Option<String>,
    /// 4 characters; leading zeros that a spreadsheet took away are put back.
    pub sku_id: Option<String>,
    /// Compared only where both sides have it.
    pub availability_id: Option<String>,
}

impl LineKey {
    /// The key of ids as written: customer, plan, product, SKU, availability. A product id of 16 characters holds the SKU too (details 4).
    pub fn new(currency: &str, ids: [Option<&str>; 5]) -> LineKey {
        let [customer, plan, product, sku, availability] = ids.map(|id| id.and_then(|text| id_key(text.trim())));
        let both = product.as_deref().filter(|id| id.len() == 16).and_then(|id| Some((id.get(..12)?.to_string(), id.get(12..)?.to_string())));
        let (product_id, sku) = match both {
            Some((first, last)) => (Some(first), sku.or(Some(last))),
            None => (product, sku),
        };
        LineKey {
            currency: currency.trim().to_ascii_uppercase(),
            customer_id: customer,
            plan_id: plan,
            product_id,
            sku_id: sku.map(|id| format!("{id:0>4}")),
            availability_id: availability,
        }
    }

    /// The same key without availability.
    pub fn short(&self) -> LineKey {
        LineKey { availability_id: None, ..self.clone() }
    }
}

/// One row of the invoice reconciliation file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRow {
    /// What it is compared by.
    pub key: LineKey,
    /// What it is.
    pub kind: RowKind,
    /// As written; `None`: not billed.
    pub invoice_id: Option<String>,
    /// List price in pricing currency.
    pub unit_price: D22,
    /// Price after all adjustments, pricing currency.
    pub effective_unit_price: D22,
    /// Billed units.
    pub billable_quantity: D22,
    /// Pricing to billing currency.
    pub exchange_rate: D22,
    /// Before tax, billing currency: what the line costs.
    pub subtotal: D12,
    /// The rate of the credit as the line tells it; `None`: no credit, or one without percentage.
    pub credit_rate: Option<D22>,
    /// Whether the line says that credit was applied.
    pub with_credit: bool,
    /// Whether the line names any other adjustment of its price.
    pub adjusted: bool,
}

/// Why a row of the file is a rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Microsoft's name of the column.
    pub column: &'static str,
    /// Why.
    pub reason: Reason,
    /// What was seen.
    pub value: String,
}

/// Microsoft's names of the columns that are read.
pub const COLUMNS: [&str; 17] = [
    "CustomerId",
    "SubscriptionId",
    "ProductId",
    "SkuId",
    "AvailabilityId",
    "InvoiceNumber",
    "ChargeType",
    "UnitPrice",
    "EffectiveUnitPrice",
    "BillableQuantity",
    "Subtotal",
    "Currency",
    "PricingCurrency",
    "PCToBCExchangeRate",
    "PriceAdjustmentDescription",
    "MeterDescription",
    "SubscriptionDescription",
];

/// Charge types that are no usage (details 13), without case and blanks.
const NOT_USAGE: [&str; 5] = ["purchase", "refund", "tax", "cancelimmediate", "customercredit"];

/// Reads a row. `field` gives a column's text by Microsoft's name, `None` or empty where there is none.
/// # Errors
/// [`RowFault`]: the first in the order of [`COLUMNS`] as they are asked for.
pub fn invoice_row<'a>(field: &dyn Fn(&str) -> Option<&'a str>) -> Result<InvoiceRow, RowFault> {
    let filled = |column: &str| field(column).map(str::trim).filter(|text| !text.is_empty() && *text != "NULL");
    let ids = ["CustomerId", "SubscriptionId", "ProductId", "SkuId", "AvailabilityId"].map(filled);
    let kind = kind_of(filled("ChargeType"), filled("MeterDescription"), filled("SubscriptionDescription"));
    let usage = kind == RowKind::Usage;
    let number = |column: &'static str, needed: bool| match filled(column) {
        Some(text) => parse_number(text).map(|n| Some(D22(n.value))).map_err(|fault| fault_at(column, fault.into(), text)),
        None if needed => Err(fault_at(column, Reason::Missing, "")),
        None => Ok(None),
    };
    let unit_price = number("UnitPrice", false)?;
    let effective = number("EffectiveUnitPrice", usage)?;
    let quantity = number("BillableQuantity", usage)?;
    let subtotal = number("Subtotal", true)?.unwrap_or_default();
    let subtotal = product(&[subtotal, ONE]).map_err(|_| fault_at("Subtotal", Reason::TooLarge, filled("Subtotal").unwrap_or_default()))?;
    let currency = filled("Currency").ok_or_else(|| fault_at("Currency", Reason::Missing, ""))?;
    let same = filled("PricingCurrency").is_none_or(|pricing| pricing.eq_ignore_ascii_case(currency));
    let rate = number("PCToBCExchangeRate", usage && !same)?.unwrap_or(ONE);
    let text = filled("PriceAdjustmentDescription").unwrap_or_default();
    let adjustments = parse_adjustments(text).map_err(|reason| fault_at("PriceAdjustmentDescription", reason, text))?;
    let credits = || adjustments.iter().filter(|a| a.credit);
    Ok(InvoiceRow {
        key: LineKey::new(currency, ids),
        kind,
        invoice_id: filled("InvoiceNumber").map(str::to_owned),
        unit_price: unit_price.or(effective).unwrap_or_default(),
        effective_unit_price: effective.or(unit_price).unwrap_or_default(),
        billable_quantity: quantity.unwrap_or_default(),
        exchange_rate: rate,
        subtotal,
        // Of several the lowest: against credit.
        credit_rate: credits().filter_map(|a| a.rate).min().filter(|r| r.0 > 0),
        with_credit: credits().next().is_some() && credits().all(|a| a.rate != Some(D22(0))),
        adjusted: adjustments.iter().any(|a| !a.credit),
    })
}

fn fault_at(column: &'static str, reason: Reason, value: &str) -> RowFault {
    RowFault { column, reason, value: value.to_owned() }
}

/// Usage is what a meter or an Azure plan says it is; a charge type that is no usage wins.
fn kind_of(charge_type: Option<&str>, meter: Option<&str>, subscription: Option<&str>) -> RowKind {
    let plain = |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect::<String>();
    let word = charge_type.map(plain).unwrap_or_default();
    if word == "roundingadjustment" {
        RowKind::RoundingAdjustment
    } else if NOT_USAGE.contains(&word.as_str()) {
        RowKind::Other
    } else if meter.is_some() || subscription.map(plain).as_deref() == Some("azureplan") {
        RowKind::Usage
    } else {
        RowKind::Other
    }
}

#[cfg(test)]
mod tests;
