//! The numbers, dates and first fault of one row, in the order of data-contracts §1.1 (details 5, 6, 33).

use pecan_core::charge::{Numbers, Reason};
use pecan_core::money::{D22, ONE};
use pecan_core::time::Day;

use crate::columns::{Cell, Fault, Parsed};
use crate::keys::Keys;
use crate::source::{ChargeBatch, Field};

/// Why a row is a rejection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Our field; `None`: the record as a whole.
    pub field: Option<Field>,
    /// The output column whose amount did not fit, where no input column is to blame alone.
    pub amount: Option<&'static str>,
    /// What was seen.
    pub value: String,
    /// The reason word.
    pub reason: Reason,
    /// What was seen and what to do.
    pub message: String,
}

impl RowFault {
    fn of(field: Field, fault: &Fault) -> RowFault {
        RowFault { field: Some(field), amount: None, value: fault.value.clone(), reason: fault.reason, message: fault.message.clone() }
    }

    fn missing(field: Field) -> RowFault {
        let message = String::from("empty on a usage row; ask the source for the value (details 5, 6)");
        RowFault { field: Some(field), amount: None, value: String::new(), reason: Reason::Missing, message }
    }

    /// A CSV record with another number of fields than the header (details 10).
    pub fn ragged(line: &str) -> RowFault {
        let message = String::from("the record has another number of fields than the header; look for an unquoted comma or line break");
        RowFault { field: None, amount: None, value: line.to_owned(), reason: Reason::Ragged, message }
    }

    /// An amount beyond decimal(38,12) (details 2).
    pub fn too_large(column: &'static str) -> RowFault {
        let message = format!("{column} would not fit decimal(38,12); check quantity, price and exchange rate of this row (details 2)");
        RowFault { field: None, amount: Some(column), value: String::new(), reason: Reason::TooLarge, message }
    }
}

/// A row that could be read.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Usage day; of rows that are not usage and have none, the last day of their billing period.
    pub day: i32,
    /// First day of the billing month.
    pub month: i32,
    /// Numbers.
    pub numbers: Numbers,
}

/// The columns of a batch that can hold faults.
pub struct Rows<'a> {
    batch: &'a ChargeBatch,
    pricing: Keys<'a>,
    billing: Keys<'a>,
    /// The last day asked about and the first day of its month: neighbours mostly share it.
    month: std::cell::Cell<(i32, i32)>,
}

fn cell<T: Copy>(field: Field, column: &Parsed<T>, row: usize) -> Result<Option<T>, RowFault> {
    match column.state[row] {
        Cell::Value => Ok(Some(column.values[row])),
        Cell::Empty => Ok(None),
        Cell::Fault => Err(column.faults.get(&row).map_or_else(|| RowFault::missing(field), |fault| RowFault::of(field, fault))),
    }
}

fn needed<T>(usage: bool, field: Field, value: Option<T>) -> Result<Option<T>, RowFault> {
    if usage && value.is_none() { Err(RowFault::missing(field)) } else { Ok(value) }
}

impl<'a> Rows<'a> {
    /// Looks at the columns of a batch.
    pub fn new(batch: &'a ChargeBatch) -> Rows<'a> {
        Rows {
            batch,
            pricing: Keys::new(&batch.pricing_currency),
            billing: Keys::new(&batch.billing_currency),
            month: std::cell::Cell::new((i32::MIN, i32::MIN)),
        }
    }

    /// Reads one row.
    /// # Errors
    /// The row's first fault in the order of data-contracts §1.1.
    pub fn read(&self, row: usize, usage: bool) -> Result<Row, RowFault> {
        let batch = self.batch;
        if let Some(line) = batch.ragged.get(&row) {
            return Err(RowFault::ragged(line));
        }
        let date = needed(usage, Field::UsageDate, cell(Field::UsageDate, &batch.usage_date, row)?)?;
        let number = |field, column: &Parsed<i128>| cell(field, column, row).map(|value| value.map(D22));
        let quantity = needed(usage, Field::Quantity, number(Field::Quantity, &batch.quantity)?)?;
        let list_unit_price = needed(usage, Field::ListUnitPrice, number(Field::ListUnitPrice, &batch.list_unit_price)?)?;
        let net_cost = number(Field::NetCost, &batch.net_cost)?;
        let exchange_rate = self.exchange_rate(row, usage)?;
        let applied = match &batch.applied {
            Some(flags) => cell(Field::Applied, flags, row)?,
            None => None,
        };
        let stated_rate = number(Field::StatedRate, &batch.stated_rate)?;
        let from = cell(Field::PeriodStart, &batch.period_start, row)?;
        let last = cell(Field::PeriodLastDay, &batch.period_until_day, row)?;
        let Some(day) = date.or(last) else { return Err(RowFault::missing(Field::UsageDate)) };
        let numbers = Numbers { quantity, list_unit_price, net_cost, exchange_rate, applied, stated_rate };
        Ok(Row { day, month: self.month_start(from.unwrap_or(day)), numbers })
    }

    /// An empty exchange rate is 1 between equal currencies (details 5).
    fn exchange_rate(&self, row: usize, usage: bool) -> Result<Option<D22>, RowFault> {
        let written = cell(Field::ExchangeRate, &self.batch.exchange_rate, row)?.map(D22);
        let (pricing, billing) = (self.pricing.text(row), self.billing.text(row));
        let equal = pricing.is_some_and(|p| !p.is_empty()) && pricing.zip(billing).is_some_and(|(p, b)| p.eq_ignore_ascii_case(b));
        needed(usage, Field::ExchangeRate, written.or_else(|| equal.then_some(ONE)))
    }

    /// The first day of the month a day lies in (details 12).
    fn month_start(&self, day: i32) -> i32 {
        let (last, start) = self.month.get();
        if last == day {
            return start;
        }
        let start = Day(day).date().map_or(day, |date| Day::from_date(date.first_of_month()).0);
        self.month.set((day, start));
        start
    }
}
