//! The columns of Cost Management's cost and usage details for partners (MPA), version 2023-12-01-preview, in its order and
//! spelling.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Day,
    /// DECIMAL(38, places).
    Number(u32),
}

use Kind::{Day, Number, Text};

pub(crate) const COLUMNS: [(&str, Kind); 70] = [
    ("invoiceId", Text),
    ("previousInvoiceId", Text),
    ("billingAccountId", Text),
    ("billingAccountName", Text),
    ("billingProfileId", Text),
    ("billingProfileName", Text),
    ("invoiceSectionId", Text),
    ("invoiceSectionName", Text),
    ("partnerTenantId", Text),
    ("partnerName", Text),
    ("resellerName", Text),
    ("resellerMpnId", Text),
    ("customerTenantId", Text),
    ("customerName", Text),
    ("costCenter", Text),
    ("billingPeriodEndDate", Day),
    ("billingPeriodStartDate", Day),
    ("servicePeriodEndDate", Day),
    ("servicePeriodStartDate", Day),
    ("date", Day),
    ("serviceFamily", Text),
    ("productOrderId", Text),
    ("productOrderName", Text),
    ("consumedService", Text),
    ("meterId", Text),
    ("meterName", Text),
    ("meterCategory", Text),
    ("meterSubCategory", Text),
    ("meterRegion", Text),
    ("ProductId", Text),
    ("ProductName", Text),
    ("SubscriptionId", Text),
    ("subscriptionName", Text),
    ("publisherType", Text),
    ("publisherId", Text),
    ("publisherName", Text),
    ("resourceGroupName", Text),
    ("ResourceId", Text),
    ("resourceLocation", Text),
    ("location", Text),
    ("effectivePrice", Number(18)),
    ("quantity", Number(18)),
    ("unitOfMeasure", Text),
    ("chargeType", Text),
    ("billingCurrency", Text),
    ("pricingCurrency", Text),
    ("costInBillingCurrency", Number(22)),
    ("costInPricingCurrency", Number(22)),
    ("costInUsd", Number(22)),
    ("paygCostInBillingCurrency", Number(22)),
    ("paygCostInUsd", Number(22)),
    ("exchangeRatePricingToBilling", Number(18)),
    ("exchangeRateDate", Day),
    ("isAzureCreditEligible", Text),
    ("serviceInfo1", Text),
    ("serviceInfo2", Text),
    ("additionalInfo", Text),
    ("tags", Text),
    ("partnerEarnedCreditRate", Number(18)),
    ("partnerEarnedCreditApplied", Text),
    ("PayGPrice", Number(18)),
    ("frequency", Text),
    ("term", Text),
    ("reservationId", Text),
    ("reservationName", Text),
    ("PricingModel", Text),
    ("unitPrice", Number(18)),
    ("benefitId", Text),
    ("benefitName", Text),
    ("provider", Text),
];

/// The Parquet schema: everything optional, as Azure writes it.
pub(crate) fn schema(double: bool) -> Result<TypePtr> {
    let fields = COLUMNS.iter().map(|(name, kind)| Ok(Arc::new(field(name, *kind, double)?)));
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields.collect::<Result<_>>()?).build()?))
}

fn field(name: &str, kind: Kind, double: bool) -> Result<Type> {
    let of = |physical| Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    match kind {
        Kind::Text => of(Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)).with_converted_type(ConvertedType::UTF8).build(),
        Kind::Day => of(Physical::INT32).with_logical_type(Some(LogicalType::Date)).with_converted_type(ConvertedType::DATE).build(),
        Kind::Number(_) if double => of(Physical::DOUBLE).build(),
        Kind::Number(places) => {
            let scale = places as i32;
            of(Physical::FIXED_LEN_BYTE_ARRAY)
                .with_length(16)
                .with_precision(38)
                .with_scale(scale)
                .with_logical_type(Some(LogicalType::decimal(scale, 38)))
                .with_converted_type(ConvertedType::DECIMAL)
                .build()
        }
    }
}
