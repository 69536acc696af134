//! Rows of `fact_difference`: charges as they come, then invoice lines, then invoices, in one file per month.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Schema};
use pecan_core::money::D12;
use pecan_core::reconcile::{Cause, ChargeDifference, InvoiceDifference, LineDifference};
use pecan_core::statement::LineKey;

use super::lines::Lines;
use crate::columns::Text;
use crate::error::{Error, Result};
use crate::schema::{Kind, Table, name};
use crate::sink::{EncodedRowGroup, FileSpec, FileWriter, Output, RowGroupEncoder, WrittenFile};

/// Words of the column `grain`.
pub const CHARGE: &str = "charge";
/// An invoice line.
pub const INVOICE_LINE: &str = "invoice_line";
/// An invoice total.
pub const INVOICE: &str = "invoice";
/// Fewer rows are held back until others make them a row group.
const ROW_GROUP: usize = 65_536;

/// Differing rows of a batch.
pub struct Found<'a> {
    /// The batch.
    pub lines: &'a Lines,
    /// Rows and their differences, in order.
    pub found: &'a [(usize, ChargeDifference)],
    /// Currencies by key of the batch.
    pub currencies: &'a [String],
}

/// Some rows of the table.
pub enum Piece {
    /// Too few for a row group.
    Few(RecordBatch),
    /// A row group.
    Many(EncodedRowGroup),
}

impl Piece {
    /// The rows of a batch; many are encoded at once, on the thread that found them.
    /// # Errors
    /// `Bug` if columns do not fit together.
    pub fn of(found: &Found, encoder: &RowGroupEncoder) -> Result<Piece> {
        let batch = found.batch()?;
        if found.found.len() < ROW_GROUP / 2 { Ok(Piece::Few(batch)) } else { encoder.encode(&batch).map(Piece::Many) }
    }
}

impl Found<'_> {
    fn batch(&self) -> Result<RecordBatch> {
        let rows: UInt32Array = self.found.iter().map(|(row, _)| u32::try_from(*row).ok()).collect();
        let taken = |column: &dyn Array| take(column, &rows, None).map_err(|e| bug(&e));
        let text = |column: &str| taken(self.lines.text(column));
        let currencies = self.lines.keys(name::BILLING_CURRENCY);
        let currency = |row: usize| usize::try_from(currencies.at(row)).ok().and_then(|at| self.currencies.get(at)).map_or("", String::as_str);
        let each = |amount: fn(&ChargeDifference) -> Option<D12>| amounts(self.found.iter().map(|(_, difference)| amount(difference)));
        let unsaid = |difference: &ChargeDifference| matches!(difference.cause, Cause::MissingInStatement | Cause::UnbilledYet);
        let said: Vec<Option<D12>> = self.found.iter().map(|(_, difference)| (!unsaid(difference)).then_some(difference.statement)).collect();
        batch(
            vec![
                (name::GRAIN, words(self.found.iter().map(|_| CHARGE))),
                (name::SOURCE_FILE, text(name::SOURCE_FILE)?),
                (name::SOURCE_ROW, taken(&self.lines.source_row)?),
                (name::CUSTOMER_ID, text(name::CUSTOMER_ID)?),
                (name::PLAN_ID, text(name::PLAN_ID)?),
                (name::PRODUCT_ID, text(name::PRODUCT_ID)?),
                (name::SKU_ID, text(name::SKU_ID)?),
                (name::AVAILABILITY_ID, text(name::AVAILABILITY_ID)?),
                (name::INVOICE_ID, text(name::INVOICE_ID)?),
                (name::CURRENCY, words(self.found.iter().map(|(row, _)| currency(*row)))),
                (name::OURS, each(|difference| Some(difference.ours))),
                (name::STATEMENT, amounts(said.into_iter())),
                (name::DIFFERENCE, each(|difference| Some(difference.difference))),
                (name::CAUSE, words(self.found.iter().map(|(_, difference)| difference.cause.word()))),
                (name::USAGE_DATE, taken(&self.lines.usage_date)?),
            ],
            self.found.len(),
        )
    }
}

/// Invoice lines as rows.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn of_lines(lines: &[LineDifference]) -> Result<RecordBatch> {
    let id = |of: fn(&LineKey) -> Option<&String>| plain(lines.iter().map(|line| of(&line.key).map(String::as_str)));
    batch(
        vec![
            (name::GRAIN, words(lines.iter().map(|_| INVOICE_LINE))),
            (name::CUSTOMER_ID, id(|key| key.customer_id.as_ref())),
            (name::PLAN_ID, id(|key| key.plan_id.as_ref())),
            (name::PRODUCT_ID, id(|key| key.product_id.as_ref())),
            (name::SKU_ID, id(|key| key.sku_id.as_ref())),
            (name::AVAILABILITY_ID, id(|key| key.availability_id.as_ref())),
            (name::WITH_CREDIT, Arc::new(lines.iter().map(|line| Some(line.with_credit)).collect::<BooleanArray>())),
            (name::CURRENCY, words(lines.iter().map(|line| line.key.currency.as_str()))),
            (name::OURS, amounts(lines.iter().map(|line| there(line.cause, line.ours, Cause::MissingInOurs)))),
            (name::STATEMENT, amounts(lines.iter().map(|line| there(line.cause, line.statement, Cause::MissingInStatement)))),
            (name::DIFFERENCE, amounts(lines.iter().map(|line| Some(line.difference)))),
            (name::CAUSE, words(lines.iter().map(|line| line.cause.word()))),
        ],
        lines.len(),
    )
}

/// Invoice totals as rows.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn of_invoices(invoices: &[InvoiceDifference]) -> Result<RecordBatch> {
    batch(
        vec![
            (name::GRAIN, words(invoices.iter().map(|_| INVOICE))),
            (name::CURRENCY, words(invoices.iter().map(|invoice| invoice.currency.as_str()))),
            (name::OURS, amounts(invoices.iter().map(|invoice| there(invoice.cause, invoice.ours, Cause::MissingInOurs)))),
            (name::STATEMENT, amounts(invoices.iter().map(|invoice| there(invoice.cause, invoice.statement, Cause::MissingInStatement)))),
            (name::DIFFERENCE, amounts(invoices.iter().map(|invoice| Some(invoice.difference)))),
            (name::CAUSE, words(invoices.iter().map(|invoice| invoice.cause.word()))),
        ],
        invoices.len(),
    )
}

/// A side that has no such row says nothing.
fn there(cause: Cause, amount: D12, lacking: Cause) -> Option<D12> {
    (cause != lacking || amount.0 != 0).then_some(amount)
}

/// Every column of the table: what is not given is null. Text is a dictionary, so that pieces fit together.
fn batch(given: Vec<(&'static str, ArrayRef)>, rows: usize) -> Result<RecordBatch> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for column in Table::FactDifference.columns().iter().filter(|column| column.name != name::BILLING_MONTH) {
        let kind = if column.kind == Kind::Text { text_type() } else { column.kind.arrow() };
        let array = given.iter().find(|(name, _)| *name == column.name).map_or_else(|| new_null_array(&kind, rows), |(_, array)| Arc::clone(array));
        fields.push(Field::new(column.name, kind, true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|e| bug(&e))
}

fn text_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn words<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.collect::<Text>())
}

fn plain<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<Text>())
}

fn amounts(values: impl Iterator<Item = Option<D12>>) -> ArrayRef {
    Arc::new(values.map(|amount| amount.map(|D12(amount)| amount)).collect::<arrow::array::Decimal128Array>().with_data_type(Kind::D12.arrow()))
}

fn bug(seen: &dyn std::fmt::Display) -> Error {
    Error::bug("record_batch", "building rows of an output table", Table::FactDifference.name(), seen, "report this with the job file and the version")
}

/// The file of a month under way.
pub struct Differences {
    writer: FileWriter,
    encoder: RowGroupEncoder,
    held: Vec<RecordBatch>,
    rows: u64,
}

impl Differences {
    /// Begins it.
    /// # Errors
    /// `Storage`.
    pub fn begin(output: &Output, spec: FileSpec) -> Result<Differences> {
        let writer = output.writer(spec)?;
        let encoder = writer.encoder();
        Ok(Differences { writer, encoder, held: Vec::new(), rows: 0 })
    }

    /// Adds rows; the order of calls is the order of rows.
    /// # Errors
    /// `Storage`.
    pub fn add(&mut self, piece: Piece) -> Result<()> {
        match piece {
            Piece::Few(batch) => {
                self.rows += batch.num_rows() as u64;
                self.held.push(batch);
                if self.held.iter().map(RecordBatch::num_rows).sum::<usize>() >= ROW_GROUP { self.write_held() } else { Ok(()) }
            }
            Piece::Many(group) => {
                self.write_held()?;
                self.rows += group.rows();
                self.writer.append(group)
            }
        }
    }

    fn write_held(&mut self) -> Result<()> {
        let Some(first) = self.held.first() else { return Ok(()) };
        let all = concat_batches(&first.schema(), &self.held).map_err(|e| bug(&e))?;
        self.held.clear();
        let group = self.encoder.encode(&all)?;
        self.writer.append(group)
    }

    /// Completes it. `None`: there was no row, and there is no file.
    /// # Errors
    /// `Storage`.
    pub fn finish(mut self) -> Result<Option<WrittenFile>> {
        self.write_held()?;
        if self.rows == 0 { Ok(None) } else { self.writer.finish().map(Some) }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}
