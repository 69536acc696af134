//! Charge files to charge batches: a cheap sequential reader, and heavy decoding that any thread may do.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::cost_management::{COLUMNS, ColumnNames, FORMAT, Field};
use super::csv_file::{CsvBlock, CsvFile};
use super::parquet_file::{FileColumn, ParquetFile, Piece, Scan};
use super::{ChargeFile, FileKind};
use crate::columns::{self, Kind, Parsed, Text};
use crate::error::{Error, Result};

/// Some rows of a charge file, parsed cell by cell. Columns the file lacks are null.
#[derive(Debug, Clone)]
pub struct ChargeBatch {
    /// Row of the file, from 1, of the first row here.
    pub first_row: i64,
    /// Number of rows, ragged ones included.
    pub rows: usize,
    /// CSV records with another number of fields than the header, as written (at most 200 characters), by row of the batch.
    pub ragged: BTreeMap<usize, String>,
    /// Day of usage.
    pub usage_date: Parsed<i32>,
    /// Billed quantity, at 22 places.
    pub quantity: Parsed<i128>,
    /// List unit price in pricing currency, at 22 places.
    pub list_unit_price: Parsed<i128>,
    /// Net cost in pricing currency, at 22 places.
    pub net_cost: Parsed<i128>,
    /// Pricing to billing currency, at 22 places.
    pub exchange_rate: Parsed<i128>,
    /// Microsoft's flag; `None`: the file has no such column.
    pub applied: Option<Parsed<bool>>,
    /// Microsoft's rate, a fraction at 22 places.
    pub stated_rate: Parsed<i128>,
    /// First day of the billing period.
    pub period_start: Parsed<i32>,
    /// Last day of the billing period, inclusive as in the source.
    pub period_until_day: Parsed<i32>,
    /// Subscription.
    pub subscription_id: Text,
    /// Azure plan.
    pub plan_id: Text,
    /// Resource group name.
    pub resource_group: Text,
    /// ARM id.
    pub resource_id: Text,
    /// Meter.
    pub meter_id: Text,
    /// Product and SKU in one.
    pub product: Text,
    /// Customer's tenant.
    pub customer_id: Text,
    /// Billed partner's tenant.
    pub partner_tenant_id: Text,
    /// Reseller of record.
    pub reseller_mpn_id: Text,
    /// Currency of prices.
    pub pricing_currency: Text,
    /// Currency of the invoice.
    pub billing_currency: Text,
    /// Invoice.
    pub invoice_id: Text,
    /// Usage, purchase, …
    pub charge_type: Text,
    /// On demand, reservation, …
    pub pricing_model: Text,
    /// Microsoft or Marketplace.
    pub publisher_type: Text,
    /// Savings plan used.
    pub benefit_id: Text,
    /// Reservation used.
    pub reservation_id: Text,
    /// Names for the dims.
    pub names: Names,
    /// The columns of `output.carry`, in its order.
    pub carry: Vec<Text>,
}

/// Names of things, for the dims.
#[derive(Debug, Clone)]
pub struct Names {
    /// customerName
    pub customer_name: Text,
    /// subscriptionName
    pub subscription_name: Text,
    /// meterName
    pub meter_name: Text,
    /// meterCategory
    pub meter_category: Text,
    /// meterSubCategory
    pub meter_sub_category: Text,
    /// meterRegion
    pub meter_region: Text,
    /// unitOfMeasure
    pub unit_of_measure: Text,
    /// ProductName
    pub product_name: Text,
    /// partnerName
    pub partner_name: Text,
    /// resellerName
    pub reseller_name: Text,
}

/// Reads one charge file in order.
pub struct ChargeReader {
    plan: Arc<Plan>,
    input: Input,
    expected: Option<u64>,
    rows: u64,
    /// Of the file, and rows its footer says it has.
    size: (u64, Option<u64>),
}

enum Input {
    Parquet(Scan),
    Csv(Box<CsvFile>),
}

/// What all batches of a file share.
struct Plan {
    place: String,
    names: ColumnNames,
    /// Columns of the file that are read.
    wanted: Vec<usize>,
    csv: bool,
}

impl ChargeReader {
    /// Opens a file and checks its format, its column names and their types. `carry`: names as in the job file.
    /// # Errors
    /// `Input` naming file, column and format; `Storage` when it cannot be read.
    pub fn open(file: &ChargeFile, carry: &[String]) -> Result<ChargeReader> {
        match file.kind {
            FileKind::Parquet => ChargeReader::parquet(file, carry),
            FileKind::Csv | FileKind::CsvGz => {
                let csv = CsvFile::open(&file.at, file.kind == FileKind::CsvGz, &file.place)?;
                let written: Vec<&str> = csv.header().iter().map(String::as_str).collect();
                let plan = Plan::new(file, &written, carry, true)?;
                Ok(ChargeReader { plan: Arc::new(plan), input: Input::Csv(Box::new(csv)), expected: file.expected_rows, rows: 0, size: (file.bytes, None) })
            }
        }
    }

    fn parquet(file: &ChargeFile, carry: &[String]) -> Result<ChargeReader> {
        let parquet = ParquetFile::open(&file.at, &file.place)?;
        let written: Vec<&str> = parquet.columns().iter().map(|c| c.name.as_str()).collect();
        let plan = Plan::new(file, &written, carry, false)?;
        for column in &COLUMNS {
            let found = plan.names.column(column.field).and_then(|i| parquet.columns().get(i));
            found.map_or(Ok(()), |f| check_type(f, column.kind, file))?;
        }
        for found in plan.names.carry().iter().flatten().filter_map(|i| parquet.columns().get(*i)) {
            check_type(found, Kind::Text, file)?;
        }
        check_count(file.expected_rows, parquet.rows(), &file.place)?;
        let size = (file.bytes, Some(parquet.rows()));
        let scan = parquet.select(&plan.wanted)?.ahead(rayon::current_num_threads());
        Ok(ChargeReader { plan: Arc::new(plan), input: Input::Parquet(scan), expected: file.expected_rows, rows: 0, size })
    }

    /// The names of our columns in this file.
    pub fn header(&self) -> &ColumnNames {
        &self.plan.names
    }

    /// About how many bytes of the file the rows given so far take; for progress alone.
    pub fn bytes_done(&self) -> u64 {
        match (&self.input, self.size) {
            (Input::Csv(csv), _) => csv.bytes_read(),
            (Input::Parquet(_), (bytes, Some(rows))) => {
                let part = u128::from(bytes) * u128::from(self.rows.min(rows)) / u128::from(rows.max(1));
                u64::try_from(part).unwrap_or(bytes)
            }
            (Input::Parquet(_), (_, None)) => 0,
        }
    }

    /// The next rows, not yet decoded; cheap. `None`: the file is read, and has as many rows as its manifest says.
    /// # Errors
    /// `Input` for a damaged file or another number of rows than the manifest's; `Storage` when it cannot be read.
    #[allow(clippy::should_implement_trait, reason = "fallible first: `while let Some(batch) = reader.next()?`")]
    pub fn next(&mut self) -> Result<Option<RawBatch>> {
        let part = match &mut self.input {
            Input::Parquet(scan) => scan.next_piece().map(Part::Parquet),
            Input::Csv(csv) => csv.next_block()?.map(Part::Csv),
        };
        let Some(part) = part else {
            check_count(self.expected, self.rows, &self.plan.place)?;
            return Ok(None);
        };
        let batch = RawBatch { plan: self.plan.clone(), part };
        self.rows += batch.rows() as u64;
        Ok(Some(batch))
    }
}

fn check_count(expected: Option<u64>, rows: u64, place: &str) -> Result<()> {
    match expected {
        Some(expected) if expected != rows => Err(Error::input(
            "row_count",
            "comparing a file with its manifest",
            place,
            format!("{rows} rows, the manifest says {expected}"),
            "the file is incomplete or from another run: copy the run again, with its manifest",
        )),
        _ => Ok(()),
    }
}

fn check_type(column: &FileColumn, kind: Kind, file: &ChargeFile) -> Result<()> {
    if column.is_flat() && kind.accepts(&column.kind) {
        return Ok(());
    }
    let seen =
        format!("column `{}` of type {} where a {} is wanted (format {FORMAT})", column.name, shown_type(&column.kind), format!("{kind:?}").to_lowercase());
    Err(Error::input("column_type", "reading the columns of a charge file", &file.place, seen, "write the column as text, or as a plain number, date or flag"))
}

/// A type in few words: nested ones can be pages long.
fn shown_type(kind: &DataType) -> String {
    columns::shown(&kind.to_string())
}

impl Plan {
    fn new(file: &ChargeFile, written: &[&str], carry: &[String], csv: bool) -> Result<Plan> {
        let names = ColumnNames::find(written, carry, &file.place)?;
        let mut wanted: Vec<usize> = COLUMNS.iter().filter_map(|c| names.column(c.field)).chain(names.carry().iter().flatten().copied()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(Plan { place: file.place.clone(), names, wanted, csv })
    }
}

/// Some rows of a charge file, not yet decoded; may be sent to another thread.
pub struct RawBatch {
    plan: Arc<Plan>,
    part: Part,
}

enum Part {
    Parquet(Piece),
    Csv(CsvBlock),
}

impl RawBatch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match &self.part {
            Part::Parquet(piece) => piece.rows(),
            Part::Csv(block) => block.rows(),
        }
    }

    /// Row of the file, from 1, of the first row.
    pub fn first_row(&self) -> i64 {
        match &self.part {
            Part::Parquet(piece) => piece.first_row(),
            Part::Csv(block) => block.first_row(),
        }
    }

    /// Decodes and parses; heavy.
    /// # Errors
    /// `Input` for a damaged file or text that is not UTF-8; `Storage` when it cannot be read.
    pub fn decode(self) -> Result<ChargeBatch> {
        let (first_row, rows, plan) = (self.first_row(), self.rows(), self.plan);
        let (arrays, ragged) = match self.part {
            Part::Parquet(piece) => (piece.decode()?, BTreeMap::new()),
            Part::Csv(block) => {
                let read = block.decode(&plan.wanted)?;
                (read.columns.into_iter().map(|c| Arc::new(c) as ArrayRef).collect(), read.ragged)
            }
        };
        Decoded { plan, arrays, rows }.batch(first_row, ragged)
    }
}

/// The wanted columns of some rows.
struct Decoded {
    plan: Arc<Plan>,
    arrays: Vec<ArrayRef>,
    rows: usize,
}

impl Decoded {
    fn at(&self, column: Option<usize>) -> Option<&ArrayRef> {
        self.plan.wanted.binary_search(&column?).ok().and_then(|i| self.arrays.get(i))
    }

    /// The field's column, the word NULL taken as null where that applies (details 4).
    fn array(&self, field: Field) -> Option<ArrayRef> {
        let array = self.at(self.plan.names.column(field))?;
        let null_word = self.plan.csv && COLUMNS.get(field as usize).is_some_and(|c| c.null_word);
        let words = array.as_any().downcast_ref::<Text>().filter(|_| null_word);
        Some(words.map_or_else(|| array.clone(), |w| Arc::new(columns::without_null_word(w)) as ArrayRef))
    }

    fn parsed<T: Copy>(&self, field: Field, read: fn(&ArrayRef) -> Parsed<T>, filler: T) -> Parsed<T> {
        self.array(field).map_or_else(|| Parsed::empty(self.rows, filler), |a| read(&a))
    }

    fn number(&self, field: Field) -> Parsed<i128> {
        self.parsed(field, columns::numbers, 0)
    }

    fn day(&self, field: Field) -> Parsed<i32> {
        self.parsed(field, columns::days, 0)
    }

    fn text(&self, field: Field) -> Result<Text> {
        self.named(self.array(field).as_ref(), || self.plan.names.name(field).to_string())
    }

    fn named(&self, array: Option<&ArrayRef>, name: impl FnOnce() -> String) -> Result<Text> {
        let Some(array) = array else { return Ok(columns::all_null(self.rows)) };
        columns::text(array).map_err(|e| {
            let trouble = e.trouble();
            Error::input(trouble.code, &trouble.tried, format!("{}, column `{}`", self.plan.place, name()), &trouble.seen, &trouble.next)
        })
    }

    fn batch(&self, first_row: i64, ragged: BTreeMap<usize, String>) -> Result<ChargeBatch> {
        let carry = self.plan.names.carry().iter().map(|c| self.named(self.at(*c), || "carried".into())).collect::<Result<_>>()?;
        Ok(ChargeBatch {
            first_row,
            rows: self.rows,
            ragged,
            usage_date: self.day(Field::UsageDate),
            quantity: self.number(Field::Quantity),
            list_unit_price: self.number(Field::ListUnitPrice),
            net_cost: self.number(Field::NetCost),
            exchange_rate: self.number(Field::ExchangeRate),
            applied: self.array(Field::Applied).map(|a| columns::flags(&a)),
            stated_rate: self.parsed(Field::StatedRate, columns::rates, 0),
            period_start: self.day(Field::PeriodStart),
            period_until_day: self.day(Field::PeriodLastDay),
            subscription_id: self.text(Field::SubscriptionId)?,
            plan_id: self.text(Field::PlanId)?,
            resource_group: self.text(Field::ResourceGroup)?,
            resource_id: self.text(Field::ResourceId)?,
            meter_id: self.text(Field::MeterId)?,
            product: self.text(Field::Product)?,
            customer_id: self.text(Field::CustomerId)?,
            partner_tenant_id: self.text(Field::PartnerTenantId)?,
            reseller_mpn_id: self.text(Field::ResellerMpnId)?,
            pricing_currency: self.text(Field::PricingCurrency)?,
            billing_currency: self.text(Field::BillingCurrency)?,
            invoice_id: self.text(Field::InvoiceId)?,
            charge_type: self.text(Field::ChargeType)?,
            pricing_model: self.text(Field::PricingModel)?,
            publisher_type: self.text(Field::PublisherType)?,
            benefit_id: self.text(Field::BenefitId)?,
            reservation_id: self.text(Field::ReservationId)?,
            names: self.names()?,
            carry,
        })
    }

    fn names(&self) -> Result<Names> {
        Ok(Names {
            customer_name: self.text(Field::CustomerName)?,
            subscription_name: self.text(Field::SubscriptionName)?,
            meter_name: self.text(Field::MeterName)?,
            meter_category: self.text(Field::MeterCategory)?,
            meter_sub_category: self.text(Field::MeterSubCategory)?,
            meter_region: self.text(Field::MeterRegion)?,
            unit_of_measure: self.text(Field::UnitOfMeasure)?,
            product_name: self.text(Field::ProductName)?,
            partner_name: self.text(Field::PartnerName)?,
            reseller_name: self.text(Field::ResellerName)?,
        })
    }
}
