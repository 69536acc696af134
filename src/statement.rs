//! Reading the invoice reconciliation files of a job (`reference.statement`, data-contracts §1.3), for one month.
//!
//! Columns have Microsoft's names. A row that cannot be understood is a rejection and takes no part; rows of other months are
//! counted and passed over. Nothing is kept: each row goes to `take` and is forgotten.

use std::collections::BTreeMap;

use pecan_core::charge::Reason;
use pecan_core::event::Place;
use pecan_core::statement::{COLUMNS, InvoiceRow, RowFault, invoice_row};
use pecan_core::time::Day;

use crate::columns::{self, Kind, Parsed, Text};
use crate::error::Result;
use crate::files_read::FilesRead;
use crate::job::Job;
use crate::rejection::Rejection;
use crate::store;
use crate::table_file::{Batch, Need, Wanted, cell_text, each_batch};

/// The column that tells the month of a row.
const CHARGE_START: &str = "ChargeStartDate";
/// Columns without which no line can be told from another, or priced.
const NEEDED: [&str; 9] =
    ["CustomerId", "SubscriptionId", "ProductId", "SkuId", "EffectiveUnitPrice", "BillableQuantity", "Subtotal", "Currency", "PriceAdjustmentDescription"];

/// What the files held.
#[derive(Debug, Default)]
pub struct StatementInput {
    /// The files, in the order read.
    pub files: FilesRead,
    /// Rows of the month that were handed on.
    pub rows: u64,
    /// Rows of other months, by month of their `ChargeStartDate`.
    pub other_months: BTreeMap<String, u64>,
    /// Rows that could not be understood.
    pub rejections: Vec<Rejection>,
}

impl StatementInput {
    /// All rows of all files.
    pub fn read(&self) -> u64 {
        self.files.files.iter().map(|file| file.rows).sum()
    }
}

/// Hands every row of the month to `take`. A row without `ChargeStartDate` belongs to the month that is asked for.
/// # Errors
/// `Input` (exit 3) for an unreadable file or a missing column, `Storage`, and whatever `take` gives.
pub fn read(job: &Job, month: &str, take: &mut dyn FnMut(&InvoiceRow) -> Result<()>) -> Result<StatementInput> {
    let mut input = StatementInput::default();
    let wanted = wanted();
    for source in &job.reference.statement {
        for file in store::list(&source.uri, &source.uri_as_written)? {
            let index = input.files.enter(&file, source.table)?;
            let mut rows = 0u64;
            each_batch(&file, "invoice reconciliation file", &wanted, &mut |batch| {
                rows += batch.rows as u64;
                input.batch(batch, &wanted, index, month, take)
            })?;
            input.files.set_rows(index, rows);
        }
    }
    let other: u64 = input.other_months.values().sum();
    assert!(input.read() == input.rows + other + input.rejections.len() as u64, "rows of the statement went missing");
    Ok(input)
}

fn wanted() -> Vec<Wanted> {
    let column = |name: &'static str| {
        let need = if NEEDED.contains(&name) { Need::Required } else { Need::Optional };
        Wanted::new(name, Kind::Text).need(need)
    };
    COLUMNS.into_iter().chain([CHARGE_START]).map(column).collect()
}

impl StatementInput {
    fn batch(&mut self, mut batch: Batch, wanted: &[Wanted], file: u32, month: &str, take: &mut dyn FnMut(&InvoiceRow) -> Result<()>) -> Result<()> {
        let mut broken = std::mem::take(&mut batch.broken);
        let texts: Vec<Option<Text>> = batch.columns.iter().map(|column| column.as_ref().map(columns::text).transpose()).collect::<Result<_>>()?;
        let dates: Option<Parsed<i32>> = batch.columns.last().and_then(Option::as_ref).map(columns::days);
        for row in 0..batch.rows {
            let place = Place { file, row: batch.first_row.saturating_add(row as u64) };
            if let Some(broken) = broken.remove(&row) {
                let rejection = self.files.rejection(place, broken.reason, broken.message).with_value(&broken.value);
                self.rejections.push(rejection);
                continue;
            }
            let of_month = match month_of(dates.as_ref(), row) {
                Ok(of_month) => of_month,
                Err(fault) => {
                    self.reject(place, &fault);
                    continue;
                }
            };
            if let Some(other) = of_month.filter(|of_month| of_month != month) {
                *self.other_months.entry(other).or_default() += 1;
                continue;
            }
            let field = |name: &str| {
                let at = wanted.iter().position(|column| column.name == name)?;
                cell_text(texts.get(at)?.as_ref()?, row)
            };
            match invoice_row(&field) {
                Ok(parsed) => {
                    self.rows += 1;
                    take(&parsed)?;
                }
                Err(fault) => self.reject(place, &fault),
            }
        }
        Ok(())
    }

    fn reject(&mut self, place: Place, fault: &RowFault) {
        let rejection = self.files.rejection(place, fault.reason, message(fault));
        self.rejections.push(rejection.with_column(fault.column).with_value(&fault.value));
    }
}

/// The month of a row; `None`: it names no date.
fn month_of(dates: Option<&Parsed<i32>>, row: usize) -> std::result::Result<Option<String>, RowFault> {
    let Some(dates) = dates else { return Ok(None) };
    match dates.faults.get(&row) {
        // The word for null of CSV exports (details 4).
        Some(fault) if fault.value.trim() == "NULL" => Ok(None),
        Some(fault) => Err(RowFault { column: CHARGE_START, reason: fault.reason, value: fault.value.clone() }),
        None => Ok(dates.get(row).map(|day| Day(day).month())),
    }
}

fn message(fault: &RowFault) -> String {
    let wanted = match fault.reason {
        Reason::Missing => "the cell is empty, and the line cannot be priced without it",
        Reason::NotANumber => "a number is wanted, such as 1234.5 or 1e-7, without separators of thousands",
        Reason::NotADate => "a date is wanted, such as 2026-09-01 or 9/1/2026",
        Reason::OutOfRange => "a credit from 0 % to 100 % is wanted",
        Reason::TooLarge => "the amount does not fit 26 digits before the point",
        _ => "a text array is wanted, such as [\"15.0% Partner earned credit for services managed\"]",
    };
    format!("{wanted}: the row takes no part in the comparison")
}

#[cfg(test)]
mod tests;
