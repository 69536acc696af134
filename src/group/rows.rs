//! Record batches of the small tables of a group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Schema};
use hashbrown::HashMap;
use pecan_core::charge::{Evidence, Outcome};

use crate::decide::cells::{Daily, Sums};
use crate::error::{Error, Result};
use crate::rejection::Rejection;
use crate::schema::{Kind, Table, name};

/// Puts named columns together; names and types are checked when they are written.
/// # Errors
/// `Bug` if they do not fit together.
pub fn record_batch(table: Table, columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    let schema = table.schema(&[]);
    let field = |(name, array): &(&str, ArrayRef)| Some(schema.field_with_name(name).ok()?.clone().with_data_type(array.data_type().clone()));
    let fields: Vec<_> = columns.iter().filter_map(field).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|e| Error::bug("record_batch", "building rows of an output table", table.name(), e, "report this with the job file"))
}

/// Decimal column of the kind.
/// # Errors
/// `Bug` if the kind is no decimal.
pub fn decimals(kind: Kind, values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    let array = values.collect::<Decimal128Array>().with_data_type(kind.arrow());
    Ok(Arc::new(array))
}

/// Text column.
pub fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// Text column given by codes into its distinct texts; a code without text is a null.
/// # Errors
/// `Bug` if a code does not fit.
pub fn coded<'a>(codes: impl Iterator<Item = u32>, texts: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef> {
    let texts: StringArray = texts.chain(std::iter::once(None)).collect();
    let null = texts.len() - 1;
    let key = |code: u32| i32::try_from((code as usize).min(null)).ok();
    let column = DictionaryArray::<Int32Type>::try_new(codes.map(key).collect(), Arc::new(texts));
    let bug = |e| Error::bug("record_batch", "building a text column by codes", "codes", e, "report this with the job file");
    column.map(|column| Arc::new(column) as ArrayRef).map_err(bug)
}

/// Some rows of `fact_credit_daily`, given by the places of their cells.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn daily_batch(daily: &Daily, places: &[u32], group: &str) -> Result<RecordBatch> {
    let keys = || places.iter().map(|place| daily.key(*place));
    let id = |at: usize| {
        let spellings = &daily.ids()[at];
        local(keys().map(|key| key.ids[at]), |code| spellings.shown(code))
    };
    let currency = |at: usize| {
        let spellings = &daily.currencies()[at];
        local(keys().map(|key| key.currencies[at]), |code| spellings.key(code))
    };
    let outcomes = coded(keys().map(|key| key.outcome as u32), Outcome::ALL.iter().map(|outcome| Some(outcome.word())));
    let evidences = coded(keys().map(|key| key.evidence as u32), Evidence::ALL.iter().map(|evidence| Some(evidence.word())));
    let amount = |f: &dyn Fn(&Sums) -> Option<i128>| decimals(Kind::D12, places.iter().map(|place| f(daily.sums(*place))));
    record_batch(
        Table::FactCreditDaily,
        vec![
            (name::USAGE_DATE, Arc::new(Date32Array::from_iter_values(keys().map(|key| key.day)))),
            (name::CUSTOMER_ID, id(0)?),
            (name::SUBSCRIPTION_ID, id(1)?),
            (name::METER_ID, id(2)?),
            (name::OUTCOME, outcomes?),
            (name::EVIDENCE, evidences?),
            (name::PRICING_CURRENCY, currency(0)?),
            (name::BILLING_CURRENCY, currency(1)?),
            (name::GROUP_ID, coded(keys().map(|_| 0), std::iter::once(Some(group)))?),
            (name::CHARGES, Arc::new(Int64Array::from_iter_values(places.iter().map(|place| daily.sums(*place).charges)))),
            (name::QUANTITY, decimals(Kind::D22, places.iter().map(|place| daily.sums(*place).quantity))?),
            (name::LIST_COST, amount(&|sums| Some(sums.list_cost))?),
            (name::CREDIT_PRICING, amount(&|sums| Some(sums.credit_pricing))?),
            (name::CREDIT_BILLING, amount(&|sums| Some(sums.credit_billing))?),
            (name::APPLIED_CREDIT_BILLING, amount(&|sums| sums.applied_billing)?),
            (name::MISSED_CREDIT_BILLING, amount(&|sums| Some(sums.missed_billing))?),
        ],
    )
}

/// Text column of codes whose texts are many: only those that the rows use are entries.
fn local<'a>(codes: impl Iterator<Item = u32>, text: impl Fn(u32) -> Option<&'a str>) -> Result<ArrayRef> {
    let (mut known, mut texts) = (HashMap::new(), Vec::new());
    let mut last: Option<(u32, u32)> = None;
    let keys: Vec<u32> = codes
        .map(|code| match last {
            Some((same, key)) if same == code => key,
            _ => {
                let key = *known.entry(code).or_insert_with(|| {
                    texts.push(text(code));
                    texts.len() as u32 - 1
                });
                last = Some((code, key));
                key
            }
        })
        .collect();
    coded(keys.into_iter(), texts.into_iter())
}

/// Rows of the `rejection` table, in order.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn rejection_batch(rejections: &[Rejection]) -> Result<RecordBatch> {
    let text = |f: &dyn Fn(&Rejection) -> Option<&str>| -> ArrayRef { Arc::new(rejections.iter().map(f).collect::<StringArray>()) };
    record_batch(
        Table::Rejection,
        vec![
            (name::FILE, text(&|r| Some(&r.file))),
            (name::SOURCE_RUN, text(&|r| r.source_run.as_deref())),
            (name::ROW, Arc::new(rejections.iter().map(|r| r.row).collect::<Int64Array>())),
            (name::COLUMN, text(&|r| r.column.as_deref())),
            (name::VALUE, text(&|r| r.value.as_deref())),
            (name::REASON, text(&|r| Some(r.reason.word()))),
            (name::MESSAGE, text(&|r| Some(&r.message))),
            (name::SOURCE, text(&|r| r.source.as_deref())),
            (name::GROUP_ID, text(&|r| r.group_id.as_deref())),
        ],
    )
}
