//! Record batches of the small tables of a group.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Schema;

use crate::decide::cells::{Daily, DailyCell};
use crate::error::{Error, Result};
use crate::rejection::Rejection;
use crate::schema::{Kind, Table, name};

/// Puts named columns together; names and types are checked when they are written.
/// # Errors
/// `Bug` if they do not fit together.
pub fn record_batch(table: Table, columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    let schema = table.schema(&[]);
    let fields: Vec<_> = columns.iter().filter_map(|(name, _)| schema.field_with_name(name).ok().cloned()).collect();
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

/// `fact_credit_daily` by first day of the billing month, in the order of the key.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn daily_batches(daily: &Daily, group: &str) -> Result<Vec<(i32, RecordBatch)>> {
    let cells: Vec<DailyCell> = daily.sorted().collect();
    cells.chunk_by(|a, b| a.month == b.month).map(|of_month| Ok((of_month[0].month, daily_batch(of_month, group)?))).collect()
}

fn daily_batch(cells: &[DailyCell], group: &str) -> Result<RecordBatch> {
    let id = |at: usize| texts(cells.iter().map(move |cell| cell.shown[at]));
    let currency = |at: usize| texts(cells.iter().map(move |cell| cell.currencies[at]));
    let amount = |f: &dyn Fn(&DailyCell) -> Option<i128>| decimals(Kind::D12, cells.iter().map(f));
    record_batch(
        Table::FactCreditDaily,
        vec![
            (name::USAGE_DATE, Arc::new(Date32Array::from(cells.iter().map(|cell| cell.day).collect::<Vec<_>>()))),
            (name::CUSTOMER_ID, id(0)),
            (name::SUBSCRIPTION_ID, id(1)),
            (name::METER_ID, id(2)),
            (name::OUTCOME, texts(cells.iter().map(|cell| Some(cell.outcome.word())))),
            (name::EVIDENCE, texts(cells.iter().map(|cell| Some(cell.evidence.word())))),
            (name::PRICING_CURRENCY, currency(0)),
            (name::BILLING_CURRENCY, currency(1)),
            (name::GROUP_ID, texts(cells.iter().map(|_| Some(group)))),
            (name::CHARGES, Arc::new(Int64Array::from(cells.iter().map(|cell| cell.sums.charges).collect::<Vec<_>>()))),
            (name::QUANTITY, decimals(Kind::D22, cells.iter().map(|cell| cell.sums.quantity))?),
            (name::LIST_COST, amount(&|cell| Some(cell.sums.list_cost))?),
            (name::CREDIT_PRICING, amount(&|cell| Some(cell.sums.credit_pricing))?),
            (name::CREDIT_BILLING, amount(&|cell| Some(cell.sums.credit_billing))?),
            (name::APPLIED_CREDIT_BILLING, amount(&|cell| cell.sums.applied_billing)?),
            (name::MISSED_CREDIT_BILLING, amount(&|cell| Some(cell.sums.missed_billing))?),
        ],
    )
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
