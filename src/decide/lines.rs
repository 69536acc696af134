//! The computed columns of `fact_credit_line`, and its record batches by billing month.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema};
use pecan_core::charge::{Amounts, Evidence, Numbers, Outcome};
use pecan_core::coverage::Verdict;
use pecan_core::money::{AMOUNT_PLACES, D12, D22, OPERAND_PLACES};
use pecan_core::product::split_product_id;
use pecan_core::reference::ExcludedKind;
use pecan_core::scope::Level;

use crate::columns::Text;
use crate::error::{Error, Result};
use crate::keys::NULL;
use crate::schema::name;
use crate::source::ChargeBatch;

/// A column with nulls, as it grows.
struct Nullable<T> {
    values: Vec<T>,
    valid: Vec<bool>,
}

impl<T: Copy + Default> Nullable<T> {
    fn with_capacity(rows: usize) -> Nullable<T> {
        Nullable { values: Vec::with_capacity(rows), valid: Vec::with_capacity(rows) }
    }

    fn push(&mut self, value: Option<T>) {
        self.valid.push(value.is_some());
        self.values.push(value.unwrap_or_default());
    }

    fn nulls(valid: Vec<bool>) -> Option<NullBuffer> {
        valid.contains(&false).then(|| NullBuffer::from(valid))
    }
}

/// Words of a closed list, as a dictionary column.
struct Words {
    keys: Vec<i32>,
    words: Vec<String>,
}

impl Words {
    fn new(rows: usize, words: Vec<String>) -> Words {
        Words { keys: Vec::with_capacity(rows), words }
    }

    fn push(&mut self, at: Option<usize>) {
        self.keys.push(at.and_then(|at| i32::try_from(at).ok()).unwrap_or(NULL));
    }

    fn finish(self) -> Result<ArrayRef> {
        dictionary(keyed(self.keys), self.words)
    }
}

/// Keys of a dictionary column; [`NULL`] for a null.
fn keyed(mut keys: Vec<i32>) -> Int32Array {
    let nulls = keys.contains(&NULL).then(|| NullBuffer::from_iter(keys.iter().map(|key| *key != NULL)));
    if nulls.is_some() {
        keys.iter_mut().for_each(|key| *key = (*key).max(0));
    }
    Int32Array::new(keys.into(), nulls)
}

/// A dictionary column of numbers.
fn numbered(keys: Int32Array, values: ArrayRef) -> Result<ArrayRef> {
    // No reader of a dictionary minds a null that no key names; some mind one without entries.
    let values = if values.is_empty() { new_null_array(values.data_type(), 1) } else { values };
    DictionaryArray::try_new(keys, values).map(|column| Arc::new(column) as ArrayRef).map_err(|e| bug(&e))
}

fn dictionary(keys: Int32Array, words: Vec<String>) -> Result<ArrayRef> {
    let words = if words.is_empty() { vec![String::new()] } else { words };
    Text::try_new(keys, Arc::new(StringArray::from(words))).map(|text| Arc::new(text) as ArrayRef).map_err(|e| bug(&e))
}

fn bug(error: &dyn std::fmt::Display) -> Error {
    Error::bug("credit_lines", "building a batch of credit lines", name::SOURCE_FILE, error, "report this with the input file")
}

/// Everything computed for one credit line.
pub struct Line<'a> {
    /// Row in the batch.
    pub row: u32,
    /// Usage day.
    pub day: i32,
    /// First day of the billing month.
    pub month: i32,
    /// Numbers of the charge.
    pub numbers: &'a Numbers,
    /// Our rate.
    pub rate: Option<D22>,
    /// Outcome.
    pub outcome: Outcome,
    /// For `product_excluded`.
    pub excluded_kind: Option<ExcludedKind>,
    /// What it rests on.
    pub evidence: Evidence,
    /// Level of the scope used.
    pub scope_level: Option<Level>,
    /// Which verdict on access it got, if access was asked for.
    pub question: Option<u32>,
    /// Billed partner's code.
    pub billed: Option<usize>,
    /// Amounts.
    pub amounts: &'a Amounts,
}

/// Texts that computed columns refer to by code.
pub struct CodedTexts {
    /// Organisation ids by code.
    pub organisations: Vec<String>,
    /// Partner ids by billed partner's code; empty = null.
    pub billed_mpn_ids: Vec<Option<String>>,
}

/// The accepted rows of a batch, column by column.
pub struct LineColumns {
    rows: Vec<u32>,
    months: Vec<i32>,
    days: Vec<i32>,
    operands: [Nullable<i128>; 4],
    list_cost: Vec<i128>,
    credits: [Vec<i128>; 2],
    outcome: Words,
    excluded_kind: Words,
    evidence: Words,
    scope_level: Words,
    billed_mpn_id: Words,
    billed_has_id: Vec<bool>,
    /// Which verdict each line got; what it says is looked up once per verdict.
    questions: Vec<Option<u32>>,
    organisations: Vec<String>,
    applied: Nullable<bool>,
    statements: [Nullable<i128>; 2],
}

const LEVELS: [Level; 3] = [Level::Resource, Level::ResourceGroup, Level::Subscription];

fn position<T: PartialEq>(all: &[T], one: &T) -> Option<usize> {
    all.iter().position(|other| other == one)
}

impl LineColumns {
    /// No line yet.
    pub fn new(rows: usize, texts: &CodedTexts) -> LineColumns {
        let nullable = || Nullable::with_capacity(rows);
        let words = |words: &[&str]| Words::new(rows, words.iter().map(|w| (*w).to_owned()).collect());
        LineColumns {
            rows: Vec::with_capacity(rows),
            months: Vec::with_capacity(rows),
            days: Vec::with_capacity(rows),
            operands: std::array::from_fn(|_| nullable()),
            list_cost: Vec::with_capacity(rows),
            credits: std::array::from_fn(|_| Vec::with_capacity(rows)),
            outcome: words(&Outcome::ALL.map(Outcome::word)),
            excluded_kind: words(&ExcludedKind::ALL.map(ExcludedKind::word)),
            evidence: words(&Evidence::ALL.map(Evidence::word)),
            scope_level: words(&LEVELS.map(Level::word)),
            billed_mpn_id: Words::new(rows, texts.billed_mpn_ids.iter().map(|id| id.clone().unwrap_or_default()).collect()),
            billed_has_id: texts.billed_mpn_ids.iter().map(Option::is_some).collect(),
            questions: Vec::with_capacity(rows),
            organisations: texts.organisations.clone(),
            applied: Nullable::with_capacity(rows),
            statements: std::array::from_fn(|_| nullable()),
        }
    }

    /// Adds a line.
    pub fn push(&mut self, line: &Line) {
        self.rows.push(line.row);
        self.months.push(line.month);
        self.days.push(line.day);
        let n = line.numbers;
        for (column, operand) in self.operands.iter_mut().zip([n.quantity, n.list_unit_price, n.exchange_rate, line.rate]) {
            column.push(operand.map(|o| o.0));
        }
        let a = line.amounts;
        self.list_cost.push(a.list_cost.0);
        self.credits[0].push(a.credit_pricing.0);
        self.credits[1].push(a.credit_billing.0);
        for (column, amount) in self.statements.iter_mut().zip([a.applied_billing, a.implied_pricing]) {
            column.push(amount.map(|D12(amount)| amount));
        }
        self.applied.push(n.applied);
        self.outcome.push(position(&Outcome::ALL, &line.outcome));
        self.excluded_kind.push(line.excluded_kind.and_then(|kind| position(&ExcludedKind::ALL, &kind)));
        self.evidence.push(position(&Evidence::ALL, &line.evidence));
        self.scope_level.push(line.scope_level.and_then(|level| position(&LEVELS, &level)));
        self.billed_mpn_id.push(line.billed.filter(|code| self.billed_has_id.get(*code) == Some(&true)));
        self.questions.push(line.question);
    }

    /// Rows of the batch that became lines.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Their usage days.
    pub fn days(&self) -> &[i32] {
        &self.days
    }

    /// Number of lines.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The record batches of `fact_credit_line` by first day of the billing month. `verdicts`: what questions refer to.
    /// # Errors
    /// `Bug` if the columns do not fit together.
    pub fn finish(mut self, batch: &ChargeBatch, provenance: &Provenance, carry: &[String], verdicts: &[&Verdict]) -> Result<Vec<(i32, RecordBatch)>> {
        let months = std::mem::take(&mut self.months);
        let all = self.record_batch(batch, provenance, carry, verdicts)?;
        let mut distinct = months.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if let [month] = distinct[..] {
            return Ok(vec![(month, all)]);
        }
        let of_month = |month: i32| {
            let rows = (0u32..).zip(&months).filter(|(_, m)| **m == month).map(|(row, _)| row);
            let rows = UInt32Array::from(rows.collect::<Vec<_>>());
            take_record_batch(&all, &rows).map(|batch| (month, batch)).map_err(|e| bug(&e))
        };
        distinct.into_iter().map(of_month).collect()
    }

    fn record_batch(self, batch: &ChargeBatch, provenance: &Provenance, carry: &[String], verdicts: &[&Verdict]) -> Result<RecordBatch> {
        let kept = (self.rows.len() != batch.rows).then(|| UInt32Array::from(self.rows.clone()));
        let passed = |text: &Text| -> Result<ArrayRef> {
            match &kept {
                Some(rows) => take(text, rows, None).map_err(|e| bug(&e)),
                None => Ok(Arc::new(text.clone())),
            }
        };
        let (product_id, sku_id) = product_columns(&batch.product)?;
        let source_rows = self.rows.iter().map(|row| batch.first_row + i64::from(*row)).collect::<Vec<_>>();
        let mut columns: Vec<(&str, ArrayRef)> = provenance.columns(self.rows.len())?;
        columns.push((name::SOURCE_ROW, Arc::new(Int64Array::from(source_rows))));
        for (column, text) in [
            (name::CUSTOMER_ID, &batch.customer_id),
            (name::SUBSCRIPTION_ID, &batch.subscription_id),
            (name::PLAN_ID, &batch.plan_id),
            (name::RESOURCE_GROUP, &batch.resource_group),
            (name::RESOURCE_ID, &batch.resource_id),
            (name::METER_ID, &batch.meter_id),
            (name::PRODUCT_ID, &product_id),
            (name::SKU_ID, &sku_id),
            (name::AVAILABILITY_ID, &crate::columns::all_null(batch.rows)),
            (name::RESELLER_MPN_ID, &batch.reseller_mpn_id),
            (name::PRICING_CURRENCY, &batch.pricing_currency),
            (name::BILLING_CURRENCY, &batch.billing_currency),
            (name::INVOICE_ID, &batch.invoice_id),
        ] {
            columns.push((column, passed(text)?));
        }
        for (column, text) in carry.iter().zip(&batch.carry) {
            columns.push((column, passed(text)?));
        }
        columns.extend(self.verdict_columns(verdicts)?);
        columns.extend(self.computed()?);
        let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).map_err(|e| bug(&e))
    }

    /// What the verdicts say, each column as a dictionary of the few values they have.
    fn verdict_columns(&self, verdicts: &[&Verdict]) -> Result<Vec<(&'static str, ArrayRef)>> {
        let numbers = |of: &dyn Fn(&Verdict) -> Option<i64>| -> Result<(Int32Array, Vec<i64>)> {
            let mut distinct: Vec<i64> = verdicts.iter().filter_map(|verdict| of(verdict)).collect();
            distinct.sort_unstable();
            distinct.dedup();
            let place = |verdict: &&Verdict| of(verdict).and_then(|value| distinct.binary_search(&value).ok());
            let keys = self.keys(&verdicts.iter().map(place).collect::<Vec<_>>());
            Ok((keys, distinct))
        };
        let whole = |of: &dyn Fn(&Verdict) -> Option<i64>| -> Result<ArrayRef> {
            let (keys, values) = numbers(of)?;
            numbered(keys, Arc::new(Int64Array::from(values)))
        };
        let instant = |of: &dyn Fn(&Verdict) -> Option<i64>| -> Result<ArrayRef> {
            let (keys, values) = numbers(of)?;
            numbered(keys, Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")))
        };
        let organisations = self.keys(&verdicts.iter().map(|verdict| verdict.organisation).collect::<Vec<_>>());
        Ok(vec![
            (name::ORGANISATION_ID, dictionary(organisations, self.organisations.clone())?),
            (name::COVERED_SECONDS, whole(&|verdict| verdict.covered_seconds)?),
            (name::GAP_FROM, instant(&|verdict| verdict.first_gap.map(|gap| gap.from.0))?),
            (name::GAP_UNTIL, instant(&|verdict| verdict.first_gap.map(|gap| gap.until.0))?),
            (name::GAP_COUNT, whole(&|verdict| verdict.gap_count)?),
        ])
    }

    /// A key per line, given the key of each verdict.
    fn keys(&self, of_verdicts: &[Option<usize>]) -> Int32Array {
        let keys: Vec<i32> = of_verdicts.iter().map(|key| key.and_then(|key| i32::try_from(key).ok()).unwrap_or(NULL)).collect();
        let of_line = |question: &Option<u32>| question.and_then(|question| keys.get(question as usize).copied()).unwrap_or(NULL);
        keyed(self.questions.iter().map(of_line).collect())
    }

    fn computed(self) -> Result<Vec<(&'static str, ArrayRef)>> {
        let [quantity, price, exchange_rate, rate] = self.operands;
        let [credit_pricing, credit_billing] = self.credits;
        let [applied_billing, implied] = self.statements;
        Ok(vec![
            (name::USAGE_DATE, Arc::new(Date32Array::from(self.days)) as ArrayRef),
            (name::QUANTITY, decimal(quantity, OPERAND_PLACES)?),
            (name::LIST_UNIT_PRICE, decimal(price, OPERAND_PLACES)?),
            (name::EXCHANGE_RATE, decimal(exchange_rate, OPERAND_PLACES)?),
            (name::RATE, decimal(rate, OPERAND_PLACES)?),
            (name::LIST_COST, amounts(self.list_cost)?),
            (name::CREDIT_PRICING, amounts(credit_pricing)?),
            (name::CREDIT_BILLING, amounts(credit_billing)?),
            (name::APPLIED_CREDIT_BILLING, decimal(applied_billing, AMOUNT_PLACES)?),
            (name::IMPLIED_CREDIT_PRICING, decimal(implied, AMOUNT_PLACES)?),
            (name::APPLIED, Arc::new(BooleanArray::new(self.applied.values.into(), Nullable::<bool>::nulls(self.applied.valid)))),
            (name::OUTCOME, self.outcome.finish()?),
            (name::EXCLUDED_KIND, self.excluded_kind.finish()?),
            (name::EVIDENCE, self.evidence.finish()?),
            (name::SCOPE_LEVEL, self.scope_level.finish()?),
            (name::BILLED_MPN_ID, self.billed_mpn_id.finish()?),
        ])
    }
}

fn precision(array: Decimal128Array, places: u32) -> Result<ArrayRef> {
    let scale = i8::try_from(places).map_err(|e| bug(&e))?;
    array.with_precision_and_scale(38, scale).map(|array| Arc::new(array) as ArrayRef).map_err(|e| bug(&e))
}

fn decimal(column: Nullable<i128>, places: u32) -> Result<ArrayRef> {
    precision(Decimal128Array::new(column.values.into(), Nullable::<i128>::nulls(column.valid)), places)
}

fn amounts(values: Vec<i128>) -> Result<ArrayRef> {
    precision(Decimal128Array::from(values), AMOUNT_PLACES)
}

/// Product and SKU of a Cost Management ProductId, split once per distinct value (details 4).
fn product_columns(product: &Text) -> Result<(Text, Text)> {
    let values = product.values().as_string::<i32>();
    let split: Vec<(&str, Option<&str>)> = values.iter().map(|id| split_product_id(id.unwrap_or_default())).collect();
    let with = |values: StringArray| Text::try_new(product.keys().clone(), Arc::new(values)).map_err(|e| bug(&e));
    let products = with(split.iter().map(|(product, _)| Some(*product)).collect())?;
    let skus = with(split.iter().map(|(_, sku)| *sku).collect())?;
    Ok((products, skus))
}

/// Where the lines of a file come from.
pub struct Provenance {
    /// Name of the charges source.
    pub source: String,
    /// Name of the file (details 1).
    pub source_file: String,
    /// The export run.
    pub source_run: Option<String>,
}

impl Provenance {
    fn columns(&self, rows: usize) -> Result<Vec<(&'static str, ArrayRef)>> {
        let constant = |text: Option<&str>| match text {
            Some(text) => dictionary(Int32Array::from(vec![0; rows]), vec![text.to_owned()]),
            None => dictionary(Int32Array::new_null(rows), Vec::new()),
        };
        Ok(vec![
            (name::SOURCE, constant(Some(&self.source))?),
            (name::SOURCE_FILE, constant(Some(&self.source_file))?),
            (name::SOURCE_RUN, constant(self.source_run.as_deref())?),
        ])
    }
}

/// The type of a dictionary column of text.
pub fn text_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}
