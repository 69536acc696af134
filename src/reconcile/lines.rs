//! The credit lines of a month, read from the live files of the output: a bounded number of row groups at a time.

use std::fs::File;
use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Field, Int64Type, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use pecan_core::charge::{Evidence, Outcome};
use pecan_core::money::{D12, D22};
use pecan_core::reconcile::Settled;
use pecan_core::statement::RowKind;
use rayon::prelude::*;

use crate::columns::{self, Text, all_null};
use crate::error::{Error, Result};
use crate::keys::{Keys, PerValue};
use crate::progress::Progress;
use crate::schema::{Table, name};
use crate::sink::{LiveFile, Output};

/// Rows that are decoded at a time: row groups may be long.
const BATCH: usize = 65_536;
/// The column of Cost Management that tells a rounding adjustment from a purchase, if the job carries it.
const CHARGE_TYPE: &str = "chargeType";

/// Text columns, in the order of [`Lines::texts`].
const TEXTS: [&str; 18] = [
    name::SOURCE,
    name::SOURCE_FILE,
    name::CUSTOMER_ID,
    name::SUBSCRIPTION_ID,
    name::PLAN_ID,
    name::RESOURCE_GROUP,
    name::RESOURCE_ID,
    name::METER_ID,
    name::PRODUCT_ID,
    name::SKU_ID,
    name::AVAILABILITY_ID,
    name::BILLED_MPN_ID,
    name::RESELLER_MPN_ID,
    name::PRICING_CURRENCY,
    name::BILLING_CURRENCY,
    name::OUTCOME,
    name::EVIDENCE,
    name::INVOICE_ID,
];
/// Decimal columns, in the order of [`Lines::decimals`].
const DECIMALS: [&str; 9] = [
    name::QUANTITY,
    name::LIST_UNIT_PRICE,
    name::EXCHANGE_RATE,
    name::LIST_COST,
    name::RATE,
    name::CREDIT_PRICING,
    name::CREDIT_BILLING,
    name::APPLIED_CREDIT_BILLING,
    name::IMPLIED_CREDIT_PRICING,
];

/// Some consecutive credit lines.
pub struct Lines {
    /// How many.
    pub rows: usize,
    /// Row of the charge in its file.
    pub source_row: Int64Array,
    /// Usage day.
    pub usage_date: Date32Array,
    texts: Vec<Text>,
    decimals: Vec<Decimal128Array>,
    applied: BooleanArray,
    charge_type: Option<Text>,
    outcomes: PerValue<Option<Outcome>>,
    evidences: PerValue<Option<Evidence>>,
}

impl Lines {
    fn new(batch: &RecordBatch, carried: Option<&str>) -> std::result::Result<Lines, String> {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no column {name}"));
        let texts = TEXTS.iter().map(|name| text(column(name)?)).collect::<std::result::Result<Vec<_>, _>>()?;
        let decimal = |name: &&str| column(name)?.as_primitive_opt::<Decimal128Type>().cloned().ok_or_else(|| format!("column {name} is no decimal"));
        let source_row = column(name::SOURCE_ROW)?.as_primitive_opt::<Int64Type>().cloned().ok_or("source_row is no whole number")?;
        let usage_date = column(name::USAGE_DATE)?.as_primitive_opt::<Date32Type>().cloned().ok_or("usage_date is no date")?;
        let words = |at: usize| texts.get(at).map_or_else(|| all_null(0), Clone::clone);
        let (outcome, evidence) = (words(index(name::OUTCOME)), words(index(name::EVIDENCE)));
        Ok(Lines {
            rows: batch.num_rows(),
            source_row,
            usage_date,
            decimals: DECIMALS.iter().map(decimal).collect::<std::result::Result<_, _>>()?,
            applied: column(name::APPLIED)?.as_boolean_opt().cloned().ok_or("applied is no flag")?,
            charge_type: carried.and_then(|name| batch.column_by_name(name)).map(text).transpose()?,
            outcomes: Keys::new(&outcome).each(None, |word| Outcome::ALL.into_iter().find(|o| o.word() == word)),
            evidences: Keys::new(&evidence).each(None, |word| Evidence::ALL.into_iter().find(|e| e.word() == word)),
            texts,
        })
    }

    /// A text column, dictionary encoded; `name` is one of [`TEXTS`].
    pub fn text(&self, name: &str) -> &Text {
        &self.texts[index(name)]
    }

    /// A text column by key.
    pub fn keys(&self, name: &str) -> Keys<'_> {
        Keys::new(self.text(name))
    }

    /// The rows one by one.
    pub fn reader(&self) -> Reader<'_> {
        let keys = |name: &str| self.keys(name);
        Reader { lines: self, outcome: keys(name::OUTCOME), evidence: keys(name::EVIDENCE), invoice: keys(name::INVOICE_ID), product: keys(name::PRODUCT_ID) }
    }

    fn decimal(&self, at: usize, row: usize) -> Option<i128> {
        let column = &self.decimals[at];
        column.is_valid(row).then(|| column.value(row))
    }
}

/// Reads single rows of [`Lines`].
pub struct Reader<'a> {
    lines: &'a Lines,
    outcome: Keys<'a>,
    evidence: Keys<'a>,
    invoice: Keys<'a>,
    product: Keys<'a>,
}

impl Reader<'_> {
    /// A row as month end sees it; `None`: its words are not ours.
    pub fn settled(&self, row: usize) -> Option<Settled> {
        let lines = self.lines;
        let [quantity, price, exchange, list_cost, rate, pricing, billing, applied, implied] = std::array::from_fn(|at| lines.decimal(at, row));
        Some(Settled {
            outcome: (*lines.outcomes.of(self.outcome.at(row)))?,
            evidence: (*lines.evidences.of(self.evidence.at(row)))?,
            rate: rate.map(D22),
            quantity: quantity.map(D22),
            list_unit_price: price.map(D22),
            exchange_rate: exchange.map(D22),
            list_cost: D12(list_cost?),
            credit_pricing: D12(pricing?),
            credit_billing: D12(billing?),
            applied: lines.applied.is_valid(row).then(|| lines.applied.value(row)),
            applied_billing: applied.map(D12),
            implied_pricing: implied.map(D12),
            invoiced: self.invoice.text(row).is_some_and(|id| !id.is_empty()),
        })
    }

    /// What the charge is. Without the carried column a row that is no usage and names no product is a rounding adjustment.
    pub fn kind(&self, row: usize, settled: &Settled) -> RowKind {
        if settled.outcome != Outcome::NotUsage {
            return RowKind::Usage;
        }
        let rounding = match &self.lines.charge_type {
            Some(words) => Keys::new(words).text(row).is_some_and(|word| word.replace(' ', "").eq_ignore_ascii_case("roundingadjustment")),
            None => self.product.text(row).is_none_or(str::is_empty),
        };
        if rounding { RowKind::RoundingAdjustment } else { RowKind::Other }
    }
}

fn index(name: &str) -> usize {
    TEXTS.iter().position(|column| *column == name).unwrap_or_default()
}

fn text(column: &ArrayRef) -> std::result::Result<Text, String> {
    columns::text(column).map_err(|e| e.trouble().seen.clone())
}

/// A row group of a file.
struct Unit<'a> {
    content: &'a Content,
    row_group: usize,
}

/// A file that is open.
struct Content {
    shown: String,
    place: Place,
    metadata: ArrowReaderMetadata,
}

enum Place {
    Path(PathBuf),
    Memory(Bytes),
}

/// Hands the lines of all files to `work`, as many row groups at once as there are threads, and what it makes of a row group to `take`,
/// in the order of files and rows. Returns the rows read.
/// # Errors
/// `Storage` (exit 5) for a file that cannot be read; whatever `work` and `take` give.
pub fn each<T: Send>(
    output: &Output,
    files: &[LiveFile],
    progress: &Progress,
    work: impl Fn(&Lines, &mut T) -> Result<()> + Sync,
    new: impl Fn() -> T + Sync,
    take: &mut dyn FnMut(T) -> Result<()>,
) -> Result<u64> {
    let threads = rayon::current_num_threads();
    let carried = output.carry().iter().find(|column| column.eq_ignore_ascii_case(CHARGE_TYPE)).map(String::as_str);
    progress.expect(files.iter().map(|file| file.bytes).sum());
    let mut rows = 0;
    for some in files.chunks(threads.max(1)) {
        let contents = open(output, some)?;
        let units: Vec<Unit> =
            contents.iter().flat_map(|c| (0..c.metadata.metadata().num_row_groups()).map(|row_group| Unit { content: c, row_group })).collect();
        for wave in units.chunks(threads.max(1)) {
            let made = wave.par_iter().map(|unit| {
                let mut made = new();
                let rows = unit.read(carried, &mut |lines| work(lines, &mut made))?;
                Ok((rows, made))
            });
            for one in made.collect::<Vec<Result<(u64, T)>>>() {
                let (more, made) = one?;
                rows += more;
                take(made)?;
            }
        }
        for file in some {
            progress.file(file.bytes).reached(file.rows, file.bytes);
        }
    }
    Ok(rows)
}

fn open(output: &Output, files: &[LiveFile]) -> Result<Vec<Content>> {
    let keys: Vec<String> = files.iter().map(|file| Output::key_of(Table::FactCreditLine, file)).collect();
    let places: Vec<Place> = match files.iter().map(|file| output.path_of(Table::FactCreditLine, file)).collect::<Option<Vec<_>>>() {
        Some(paths) => paths.into_iter().map(Place::Path).collect(),
        None => output.storage().read_all(&keys)?.into_iter().map(Place::Memory).collect(),
    };
    keys.iter().zip(places).map(|(key, place)| Content::open(output.storage().shown(key), place)).collect()
}

impl Content {
    fn open(shown: String, place: Place) -> Result<Content> {
        let plain = |options: ArrowReaderOptions| match &place {
            Place::Path(path) => File::open(path).map_err(|e| e.to_string()).and_then(|file| loaded(ArrowReaderMetadata::load(&file, options))),
            Place::Memory(bytes) => loaded(ArrowReaderMetadata::load(bytes, options)),
        };
        let metadata = plain(ArrowReaderOptions::new()).map_err(|seen| unreadable(&shown, &seen))?;
        // Text as dictionaries: what a value means is worked out once.
        let keyed = metadata.schema().fields().iter().map(|field| match field.data_type() {
            DataType::Utf8 => Field::new(field.name(), DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), field.is_nullable()),
            _ => field.as_ref().clone(),
        });
        let options = ArrowReaderOptions::new().with_schema(Schema::new(keyed.collect::<Vec<_>>()).into());
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(|e| unreadable(&shown, &e))?;
        Ok(Content { shown, place, metadata })
    }
}

fn loaded(metadata: parquet::errors::Result<ArrowReaderMetadata>) -> std::result::Result<ArrowReaderMetadata, String> {
    metadata.map_err(|e| e.to_string())
}

impl Unit<'_> {
    fn read(&self, carried: Option<&str>, take: &mut dyn FnMut(&Lines) -> Result<()>) -> Result<u64> {
        let wrong = |seen: &dyn std::fmt::Display| unreadable(&self.content.shown, seen);
        let metadata = self.content.metadata.clone();
        let wanted = TEXTS.into_iter().chain(DECIMALS).chain([name::SOURCE_ROW, name::USAGE_DATE, name::APPLIED]).chain(carried);
        let mask = ProjectionMask::columns(metadata.parquet_schema(), wanted);
        let batches: Box<dyn Iterator<Item = _>> = match &self.content.place {
            Place::Path(path) => {
                let file = File::open(path).map_err(|e| wrong(&e))?;
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
                Box::new(builder.with_projection(mask).with_row_groups(vec![self.row_group]).with_batch_size(BATCH).build().map_err(|e| wrong(&e))?)
            }
            Place::Memory(bytes) => {
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata);
                Box::new(builder.with_projection(mask).with_row_groups(vec![self.row_group]).with_batch_size(BATCH).build().map_err(|e| wrong(&e))?)
            }
        };
        let mut rows = 0;
        for batch in batches {
            let lines = Lines::new(&batch.map_err(|e| wrong(&e))?, carried).map_err(|e| wrong(&e))?;
            rows += lines.rows as u64;
            take(&lines)?;
        }
        Ok(rows)
    }
}

/// A file of the output that is not as it was written.
pub fn unreadable(shown: &str, seen: &dyn std::fmt::Display) -> Error {
    Error::storage("read_back", "reading credit lines", shown, seen, "restore the file from a backup, or write it again with `pecan run --force`")
}
