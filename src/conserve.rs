//! R-CONSERVE: rows read = credit lines + rejections, and every sum of the written file equals that of the decoded input
//! (details 38). Checked in every run, before anything is committed.
//!
//! The input side is added up here from what was decoded, list cost by the wide path of the money module; the output side
//! is decoded from the staged files again. The two share no arithmetic.

use arrow::datatypes::i256;

pub use crate::control::{BatchControl, Control};
use crate::decide::cells::Daily;
use crate::error::{Error, Result};
use crate::schema::{SUMMED, name};
use crate::stage::ReadBack;

/// What staged files say, as the same kind of sums.
fn of_files(files: &[ReadBack]) -> Control {
    let mut control = Control::default();
    for file in files {
        control.rows += file.rows;
        for (currency, sums) in &file.sums {
            control.add_totals(currency.clone(), &SUMMED.map(|column| sums.get(column).copied().unwrap_or(i256::ZERO)));
        }
    }
    control
}

/// Empty currency text and null are one in keys.
fn by_key(of: &Control) -> Control {
    let mut control = Control { rows: of.rows, sums: Default::default() };
    for (currency, totals) in &of.sums {
        control.add_totals(currency.clone().filter(|c| !c.is_empty()), totals);
    }
    control
}

fn lost(group: &str, what: &str, expected: &str, seen: &str) -> Error {
    Error::bug(
        "conservation",
        "checking that nothing was lost, doubled or changed (R-CONSERVE)",
        group,
        format!("{what}: expected {expected}, found {seen}"),
        "nothing was committed; report this with the group's files",
    )
}

fn compare(group: &str, what: &str, expected: &Control, seen: &Control) -> Result<()> {
    if expected.rows != seen.rows {
        return Err(lost(group, &format!("rows of {what}"), &expected.rows.to_string(), &seen.rows.to_string()));
    }
    let nothing = [i256::ZERO; SUMMED.len()];
    for currency in expected.sums.keys().chain(seen.sums.keys()) {
        let (a, b) = (expected.sums.get(currency).unwrap_or(&nothing), seen.sums.get(currency).unwrap_or(&nothing));
        for ((column, a), b) in SUMMED.iter().zip(a).zip(b) {
            if a != b {
                let what = format!("sum of {column} of {what} in {}", currency.as_deref().unwrap_or("no currency"));
                return Err(lost(group, &what, &a.to_string(), &b.to_string()));
            }
        }
    }
    Ok(())
}

/// Rows of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRows {
    /// Name for messages.
    pub file: String,
    /// Rows the reader counted.
    pub read: u64,
    /// Credit lines.
    pub lines: u64,
    /// Rejections.
    pub rejections: u64,
}

/// Rows read = credit lines + rejections, per input file.
/// # Errors
/// `Bug` naming the file.
pub fn check_rows(group: &str, files: &[FileRows]) -> Result<()> {
    match files.iter().find(|f| f.read != f.lines + f.rejections) {
        None => Ok(()),
        Some(f) => Err(lost(group, &format!("rows of {}", f.file), &f.read.to_string(), &format!("{} credit lines and {} rejections", f.lines, f.rejections))),
    }
}

/// The staged credit lines hold what was decoded, and the staged daily sums hold what the lines add up to.
/// # Errors
/// `Bug` naming the group, the column and both sums.
pub fn check_sums(group: &str, input: &Control, lines: &[ReadBack], daily: &Daily, daily_files: &[ReadBack]) -> Result<()> {
    compare(group, "credit lines", &input.clone().without(name::MISSED_CREDIT_BILLING), &of_files(lines))?;
    let cells = of_cells(daily);
    compare(group, "daily cells", &by_key(input).without(name::IMPLIED_CREDIT_PRICING), &cells)?;
    let mut daily_written = by_key(&of_files(daily_files));
    let file_rows: u64 = daily_files.iter().map(|f| f.rows).sum();
    if file_rows != daily.len() as u64 {
        return Err(lost(group, "rows of fact_credit_daily", &daily.len().to_string(), &file_rows.to_string()));
    }
    daily_written.rows = cells.rows;
    compare(group, "daily files", &cells, &daily_written)
}

fn of_cells(daily: &Daily) -> Control {
    let mut control = Control::default();
    for cell in daily.iter() {
        let sums = cell.sums;
        let values =
            [sums.quantity.unwrap_or(0), sums.list_cost, sums.credit_pricing, sums.credit_billing, sums.applied_billing.unwrap_or(0), 0, sums.missed_billing];
        control.rows += u64::try_from(sums.charges).unwrap_or(0);
        control.add_totals(cell.currencies[1].map(str::to_owned), &values.map(i256::from_i128));
    }
    control
}
