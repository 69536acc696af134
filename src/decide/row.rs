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

    /// The usage day of a row (of rows that are not usage and have none, the last day of their billing period) and the first
    /// day of its billing month.
    /// # Errors
    /// The row's first fault in the order of data-contracts §1.1.
    pub fn read(&self, row: usize, usage: bool) -> Result<(i32, i32), RowFault> {
        let batch = self.batch;
        if let Some(line) = batch.ragged.get(&row) {
            return Err(RowFault::ragged(line));
        }
        let date = needed(usage, Field::UsageDate, cell(Field::UsageDate, &batch.usage_date, row)?)?;
        needed(usage, Field::Quantity, cell(Field::Quantity, &batch.quantity, row)?)?;
        needed(usage, Field::ListUnitPrice, cell(Field::ListUnitPrice, &batch.list_unit_price, row)?)?;
        cell(Field::NetCost, &batch.net_cost, row)?;
        let rate = cell(Field::ExchangeRate, &batch.exchange_rate, row)?;
        needed(usage, Field::ExchangeRate, rate.map(D22).or_else(|| self.rate_of_equals(row)))?;
        if let Some(flags) = &batch.applied {
            cell(Field::Applied, flags, row)?;
        }
        cell(Field::StatedRate, &batch.stated_rate, row)?;
        let from = cell(Field::PeriodStart, &batch.period_start, row)?;
        let last = cell(Field::PeriodLastDay, &batch.period_until_day, row)?;
        let Some(day) = date.or(last) else { return Err(RowFault::missing(Field::UsageDate)) };
        Ok((day, self.month_start(from.unwrap_or(day))))
    }

    /// The numbers of a row that [`Rows::read`] found no fault in.
    pub fn numbers(&self, row: usize) -> Numbers {
        let batch = self.batch;
        let number = |column: &Parsed<i128>| column.get(row).map(D22);
        Numbers {
            quantity: number(&batch.quantity),
            list_unit_price: number(&batch.list_unit_price),
            net_cost: number(&batch.net_cost),
            exchange_rate: number(&batch.exchange_rate).or_else(|| self.rate_of_equals(row)),
            applied: batch.applied.as_ref().and_then(|flags| flags.get(row)),
            stated_rate: number(&batch.stated_rate),
        }
    }

    /// An empty exchange rate is 1 between equal currencies (details 5).
    fn rate_of_equals(&self, row: usize) -> Option<D22> {
        let (pricing, billing) = (self.pricing.text(row), self.billing.text(row));
        let equal = pricing.is_some_and(|p| !p.is_empty()) && pricing.zip(billing).is_some_and(|(p, b)| p.eq_ignore_ascii_case(b));
        equal.then_some(ONE)
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
