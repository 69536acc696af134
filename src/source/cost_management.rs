//! The columns of Cost Management exports, MPA schemas `2023-12-01-preview` and `2021-10-01` (data-contracts §1.1). The two
//! differ in the case of names only, as far as we read them; names are matched without case.

use std::collections::HashMap;

use crate::columns::Kind;
use crate::error::{Error, Result};

/// The format's name in job files and messages.
pub const FORMAT: &str = "cost-management";

/// What we read of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Day of usage.
    UsageDate,
    /// Subscription.
    SubscriptionId,
    /// Azure plan.
    PlanId,
    /// Resource group name.
    ResourceGroup,
    /// ARM id of the resource.
    ResourceId,
    /// Meter.
    MeterId,
    /// Product (12 characters) and SKU (the next 4).
    Product,
    /// Customer's tenant.
    CustomerId,
    /// Billed partner's tenant.
    PartnerTenantId,
    /// Reseller of record.
    ResellerMpnId,
    /// Billed quantity.
    Quantity,
    /// List unit price, pricing currency.
    ListUnitPrice,
    /// Net cost, pricing currency.
    NetCost,
    /// Currency of prices.
    PricingCurrency,
    /// Currency of the invoice.
    BillingCurrency,
    /// Pricing to billing currency.
    ExchangeRate,
    /// Microsoft's flag.
    Applied,
    /// Microsoft's rate.
    StatedRate,
    /// First day of the billing period.
    PeriodStart,
    /// Last day of the billing period, inclusive.
    PeriodLastDay,
    /// Invoice.
    InvoiceId,
    /// Usage, purchase, refund, tax, …
    ChargeType,
    /// On demand, reservation, savings plan, spot.
    PricingModel,
    /// Microsoft or Marketplace.
    PublisherType,
    /// Savings plan used.
    BenefitId,
    /// Reservation used.
    ReservationId,
    /// For dim_customer.
    CustomerName,
    /// For dim_subscription.
    SubscriptionName,
    /// For dim_meter.
    MeterName,
    /// For dim_meter.
    MeterCategory,
    /// For dim_meter.
    MeterSubCategory,
    /// For dim_meter.
    MeterRegion,
    /// For dim_meter.
    UnitOfMeasure,
    /// For dim_meter.
    ProductName,
    /// For dim_partner.
    PartnerName,
    /// For dim_partner.
    ResellerName,
}

/// How a field stands in a file.
pub(super) struct Column {
    pub field: Field,
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    /// The word NULL in CSV is null (details 4): ids, numbers and dates.
    pub null_word: bool,
}

const fn id(field: Field, name: &'static str) -> Column {
    Column { field, name, kind: Kind::Text, required: false, null_word: true }
}

const fn word(field: Field, name: &'static str) -> Column {
    Column { field, name, kind: Kind::Text, required: false, null_word: false }
}

const fn number(field: Field, name: &'static str) -> Column {
    Column { field, name, kind: Kind::Number, required: false, null_word: true }
}

const fn day(field: Field, name: &'static str) -> Column {
    Column { field, name, kind: Kind::Day, required: false, null_word: true }
}

const fn required(column: Column) -> Column {
    Column { required: true, ..column }
}

/// Every field, in the order of [`Field`].
pub(super) const COLUMNS: [Column; 36] = [
    required(day(Field::UsageDate, "date")),
    required(id(Field::SubscriptionId, "SubscriptionId")),
    id(Field::PlanId, "productOrderId"),
    id(Field::ResourceGroup, "resourceGroupName"),
    id(Field::ResourceId, "ResourceId"),
    required(id(Field::MeterId, "meterId")),
    required(id(Field::Product, "ProductId")),
    id(Field::CustomerId, "customerTenantId"),
    id(Field::PartnerTenantId, "partnerTenantId"),
    id(Field::ResellerMpnId, "resellerMpnId"),
    required(number(Field::Quantity, "quantity")),
    required(number(Field::ListUnitPrice, "PayGPrice")),
    number(Field::NetCost, "costInPricingCurrency"),
    required(word(Field::PricingCurrency, "pricingCurrency")),
    required(word(Field::BillingCurrency, "billingCurrency")),
    number(Field::ExchangeRate, "exchangeRatePricingToBilling"),
    Column { kind: Kind::Flag, ..word(Field::Applied, "partnerEarnedCreditApplied") },
    Column { kind: Kind::Rate, ..number(Field::StatedRate, "partnerEarnedCreditRate") },
    day(Field::PeriodStart, "billingPeriodStartDate"),
    day(Field::PeriodLastDay, "billingPeriodEndDate"),
    id(Field::InvoiceId, "invoiceId"),
    required(word(Field::ChargeType, "chargeType")),
    word(Field::PricingModel, "pricingModel"),
    word(Field::PublisherType, "publisherType"),
    id(Field::BenefitId, "benefitId"),
    id(Field::ReservationId, "reservationId"),
    word(Field::CustomerName, "customerName"),
    word(Field::SubscriptionName, "subscriptionName"),
    word(Field::MeterName, "meterName"),
    word(Field::MeterCategory, "meterCategory"),
    word(Field::MeterSubCategory, "meterSubCategory"),
    word(Field::MeterRegion, "meterRegion"),
    word(Field::UnitOfMeasure, "unitOfMeasure"),
    word(Field::ProductName, "ProductName"),
    word(Field::PartnerName, "partnerName"),
    word(Field::ResellerName, "resellerName"),
];

/// Our fields and the names the file gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNames {
    fields: Vec<Option<(usize, String)>>,
    carry: Vec<Option<usize>>,
}

impl ColumnNames {
    /// Finds our columns and the carried ones among a file's names, without case.
    /// # Errors
    /// `Input` naming both of two columns that differ by case only (or not at all), or every missing required column.
    pub(super) fn find(names: &[&str], carry: &[String], place: &str) -> Result<ColumnNames> {
        let tried = format!("reading the column names of a {FORMAT} file");
        let mut known: HashMap<String, usize> = HashMap::new();
        for (i, name) in names.iter().enumerate() {
            if let Some(other) = known.insert(name.to_lowercase(), i) {
                let (code, what) =
                    if names[other] == *name { ("column_twice", "two columns of one name") } else { ("column_case", "two columns that differ by case only") };
                return Err(Error::input(
                    code,
                    tried,
                    place,
                    format!("{what}: `{}` (column {}) and `{name}` (column {})", names[other], other + 1, i + 1),
                    "remove or rename one of them: names are compared without regard to case",
                ));
            }
        }
        let at = |name: &str| known.get(&name.to_lowercase()).copied();
        let missing: Vec<&str> = COLUMNS.iter().filter(|c| c.required && at(c.name).is_none()).map(|c| c.name).collect();
        if !missing.is_empty() {
            let seen = format!("no column `{}` (format {FORMAT})", missing.join("`, `"));
            return Err(Error::input("column_missing", tried, place, seen, "export with all columns of the schema, or check that the file is of this format"));
        }
        let fields = COLUMNS.iter().map(|c| at(c.name).map(|i| (i, names[i].to_string()))).collect();
        Ok(ColumnNames { fields, carry: carry.iter().map(|name| at(name)).collect() })
    }

    /// The field's name as the file writes it; as the format writes it where the file lacks it.
    pub fn name(&self, field: Field) -> &str {
        let written = self.fields.get(field as usize).and_then(Option::as_ref).map(|(_, name)| name.as_str());
        written.or_else(|| COLUMNS.get(field as usize).map(|c| c.name)).unwrap_or_default()
    }

    /// Whether the file has the field.
    pub fn has(&self, field: Field) -> bool {
        self.column(field).is_some()
    }

    pub(super) fn column(&self, field: Field) -> Option<usize> {
        self.fields.get(field as usize).and_then(Option::as_ref).map(|(i, _)| *i)
    }

    /// For each carried column its place in the file; `None`: absent, all null.
    pub(super) fn carry(&self) -> &[Option<usize>] {
        &self.carry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [&str; 9] = ["Date", "subscriptionid", "METERID", "productId", "Quantity", "payGPrice", "pricingcurrency", "BillingCurrency", "ChargeType"];

    #[test]
    fn fields_stand_at_their_own_place() {
        for (i, column) in COLUMNS.iter().enumerate() {
            assert_eq!(column.field as usize, i, "{}", column.name);
        }
    }

    #[test]
    fn names_are_matched_without_case_and_kept_as_written() {
        let names = ColumnNames::find(&NEEDED, &["TAGS".into(), "quantity".into()], "f").unwrap();
        assert_eq!(names.name(Field::UsageDate), "Date");
        assert_eq!(names.name(Field::Applied), "partnerEarnedCreditApplied");
        assert!(!names.has(Field::Applied));
        assert_eq!(names.carry(), [None, Some(4)]);
    }

    #[test]
    fn twins_and_missing_columns_are_named() {
        let mut twins = NEEDED.to_vec();
        twins.extend(["Tags", "tags"]);
        let text = ColumnNames::find(&twins, &[], "f").unwrap_err().to_string();
        assert!(text.contains("`Tags` (column 10)") && text.contains("`tags` (column 11)"), "{text}");
        let error = ColumnNames::find(&NEEDED[2..], &[], "in/f.csv").unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        assert!(text.contains("`date`, `SubscriptionId`") && text.contains("in/f.csv") && text.contains(FORMAT), "{text}");
    }
}
