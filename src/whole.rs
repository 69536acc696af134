//! Tables that are replaced as a whole when they change: access intervals, dims, rejections of audit and reference files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use pecan_core::access::AccessInterval;
use pecan_core::interval::StoppedBy;
use pecan_core::knowledge::Knowledge;
use pecan_core::time::{DAY_MICROS, Day, Instant};

use crate::decide::newest::{Attribute, Named, Names};
use crate::error::Result;
use crate::group::{record_batch, rejection_batch, texts};
use crate::known::Known;
use crate::schema::{Table, name};

/// Those that need the names and days of every group.
pub const FROM_CHARGES: [Table; 5] = [Table::DimCustomer, Table::DimSubscription, Table::DimMeter, Table::DimPartner, Table::DimDate];

/// Every such table with its rows, in the order of commits.
/// # Errors
/// `Bug` if columns do not fit together.
pub fn batches(known: &Known, names: &Names, days: Option<(i32, i32)>) -> Result<Vec<(Table, RecordBatch)>> {
    let knowledge = &known.knowledge;
    Ok(vec![
        (Table::FactAccessInterval, access_intervals(knowledge)?),
        (Table::Rejection, rejection_batch(&known.rejections)?),
        (Table::DimCustomer, customers(names)?),
        (Table::DimSubscription, subscriptions(names)?),
        (Table::DimMeter, meters(names)?),
        (Table::DimPartner, partners(knowledge, names)?),
        (Table::DimRole, roles(knowledge)?),
        (Table::DimDate, dates(days)?),
    ])
}

/// A hash of a batch's content: equal content means the table is left alone.
pub fn fingerprint(batch: &RecordBatch) -> String {
    let mut hasher = blake3::Hasher::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        hasher.update(field.name().as_bytes()).update(b"\0");
        hash_data(&mut hasher, &column.to_data());
    }
    hasher.finalize().to_hex().to_string()
}

fn hash_data(hasher: &mut blake3::Hasher, data: &ArrayData) {
    hasher.update(&(data.len() as u64).to_le_bytes());
    for row in 0..if data.nulls().is_some() { data.len() } else { 0 } {
        hasher.update(&[u8::from(data.is_null(row))]);
    }
    for buffer in data.buffers() {
        hasher.update(&(buffer.len() as u64).to_le_bytes()).update(buffer.as_slice());
    }
    for child in data.child_data() {
        hash_data(hasher, child);
    }
}

fn instants(values: impl Iterator<Item = Option<Instant>>) -> ArrayRef {
    Arc::new(values.map(|i| i.map(|i| i.0)).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// A row per organisation the principal is ever linked to; one without organisation if there is none.
fn access_intervals(knowledge: &Knowledge) -> Result<RecordBatch> {
    let mut rows: Vec<(&AccessInterval, Option<&str>, Option<&str>)> = Vec::new();
    for interval in knowledge.intervals() {
        let mut organisations: BTreeMap<&str, &str> = BTreeMap::new();
        for link in knowledge.parties.links(&interval.principal_id) {
            let channel = organisations.entry(knowledge.parties.organisation(link.organisation)).or_insert(link.channel.word());
            *channel = (*channel).min(link.channel.word());
        }
        if organisations.is_empty() {
            rows.push((interval, None, None));
        }
        rows.extend(organisations.into_iter().map(|(organisation, channel)| (interval, Some(organisation), Some(channel))));
    }
    rows.sort_by_key(|(i, organisation, _)| (&i.assignment_id, &i.principal_id, &i.role_definition_id, i.span, *organisation));
    let text = |f: &dyn Fn(&AccessInterval) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(|(i, _, _)| f(i)))) };
    record_batch(
        Table::FactAccessInterval,
        vec![
            (name::ASSIGNMENT_ID, text(&|i| &i.assignment_id)),
            (name::PRINCIPAL_ID, text(&|i| &i.principal_id)),
            (name::ORGANISATION_ID, texts(rows.iter().map(|(_, organisation, _)| *organisation))),
            (name::CHANNEL, texts(rows.iter().map(|(_, _, channel)| *channel))),
            (name::SCOPE, text(&|i| i.scope.key())),
            (name::ROLE_DEFINITION_ID, text(&|i| &i.role_definition_id)),
            (name::SPAN_FROM, instants(rows.iter().map(|(i, _, _)| Some(i.span.from)))),
            (name::SPAN_UNTIL, instants(rows.iter().map(|(i, _, _)| Some(i.span.until).filter(|until| *until != Instant::MAX)))),
            (name::STARTED_BY, text(&|i| i.started_by.word())),
            (name::STOPPED_BY, texts(rows.iter().map(|(i, _, _)| i.stopped_by.map(StoppedBy::word)))),
        ],
    )
}

type Ids<'a> = BTreeMap<&'a str, &'a str>;

/// Lower-case id → first spelling, over several attributes.
fn ids<'a>(names: &'a Names, attributes: &[Attribute]) -> Ids<'a> {
    let mut ids = Ids::new();
    for (id, named) in attributes.iter().filter_map(|a| names.ids.get(a)).flatten() {
        let shown = ids.entry(id.as_str()).or_insert(named.shown.as_str());
        *shown = (*shown).min(named.shown.as_str());
    }
    ids
}

fn newest<'a>(names: &'a Names, attribute: Attribute, id: &str) -> Option<&'a str> {
    let named: &Named = names.ids.get(&attribute)?.get(id)?;
    named.newest.as_ref().map(|(_, value)| value.as_str())
}

fn dim(table: Table, key: &'static str, ids: &Ids, names: &Names, attributes: &[(&'static str, Option<Attribute>)]) -> Result<RecordBatch> {
    let mut columns: Vec<(&'static str, ArrayRef)> = vec![(key, texts(ids.values().map(|shown| Some(*shown))))];
    for (column, attribute) in attributes {
        let value = |id: &&&str| attribute.and_then(|attribute| newest(names, attribute, id));
        columns.push((column, texts(ids.keys().map(|id| value(&id)))));
    }
    record_batch(table, columns)
}

fn customers(names: &Names) -> Result<RecordBatch> {
    let ids = ids(names, &[Attribute::CustomerName]);
    dim(Table::DimCustomer, name::CUSTOMER_ID, &ids, names, &[(name::NAME, Some(Attribute::CustomerName))])
}

fn subscriptions(names: &Names) -> Result<RecordBatch> {
    let ids = ids(names, &[Attribute::SubscriptionName]);
    let attributes = [
        (name::NAME, Some(Attribute::SubscriptionName)),
        (name::CUSTOMER_ID, Some(Attribute::SubscriptionCustomer)),
        (name::PLAN_ID, Some(Attribute::SubscriptionPlan)),
    ];
    dim(Table::DimSubscription, name::SUBSCRIPTION_ID, &ids, names, &attributes)
}

fn meters(names: &Names) -> Result<RecordBatch> {
    let ids = ids(names, &[Attribute::MeterName]);
    let attributes = [
        (name::NAME, Some(Attribute::MeterName)),
        (name::CATEGORY, Some(Attribute::MeterCategory)),
        (name::SUB_CATEGORY, Some(Attribute::MeterSubCategory)),
        (name::REGION, Some(Attribute::MeterRegion)),
        (name::UNIT, Some(Attribute::MeterUnit)),
        (name::PRODUCT_NAME, Some(Attribute::MeterProductName)),
        (name::SKU_NAME, None),
    ];
    dim(Table::DimMeter, name::METER_ID, &ids, names, &attributes)
}

/// The partners table, and resellers of record that it does not know.
fn partners(knowledge: &Knowledge, names: &Names) -> Result<RecordBatch> {
    let parties = &knowledge.parties;
    let mut rows: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for (id, named) in names.ids.get(&Attribute::ResellerName).into_iter().flatten() {
        let known = parties.organisation_by_mpn(id).is_some();
        rows.insert(if known { id } else { &named.shown }, (None, newest(names, Attribute::ResellerName, id)));
    }
    for (mpn, organisation) in parties.mpn_ids() {
        rows.entry(mpn).or_default().0 = Some(parties.organisation(organisation));
    }
    for tenant in names.ids.get(&Attribute::PartnerName).into_iter().flat_map(BTreeMap::keys) {
        let billed = parties.billed_by_tenant(tenant).and_then(|code| parties.billed(code));
        if let (Some(mpn), Some(partner)) = (billed.and_then(|b| b.mpn_id.as_deref()), newest(names, Attribute::PartnerName, tenant)) {
            rows.entry(mpn).or_default().1 = Some(partner);
        }
    }
    record_batch(
        Table::DimPartner,
        vec![
            (name::MPN_ID, texts(rows.keys().map(|mpn| Some(*mpn)))),
            (name::ORGANISATION_ID, texts(rows.values().map(|(organisation, _)| *organisation))),
            (name::NAME, texts(rows.values().map(|(_, name)| *name))),
        ],
    )
}

/// Every role of the tables and of the intervals, with the answer of the day of the cutoff.
fn roles(knowledge: &Knowledge) -> Result<RecordBatch> {
    let used = knowledge.intervals().iter().map(|i| i.role_definition_id.as_str());
    let ids: BTreeSet<&str> = knowledge.roles.ids().chain(used).collect();
    let today = knowledge.cutoff().and_then(|c| i32::try_from(c.0.div_euclid(DAY_MICROS)).ok()).map_or(Day(0), Day);
    record_batch(
        Table::DimRole,
        vec![
            (name::ROLE_DEFINITION_ID, texts(ids.iter().map(|id| Some(*id)))),
            (name::NAME, texts(ids.iter().map(|id| knowledge.roles.name(id)))),
            (name::EARNS, Arc::new(ids.iter().map(|id| Some(knowledge.roles.earns(id, today).0)).collect::<BooleanArray>())),
        ],
    )
}

/// Every day from the first to the last usage day.
fn dates(days: Option<(i32, i32)>) -> Result<RecordBatch> {
    let days: Vec<i32> = days.map(|(first, last)| (first..=last).collect()).unwrap_or_default();
    let dates: Vec<_> = days.iter().map(|day| Day(*day).date()).collect();
    let whole = |f: &dyn Fn(&jiff::civil::Date) -> i64| -> ArrayRef { Arc::new(dates.iter().map(|date| date.as_ref().map(f)).collect::<Int64Array>()) };
    record_batch(
        Table::DimDate,
        vec![
            (name::USAGE_DATE, Arc::new(Date32Array::from(days))),
            (name::YEAR, whole(&|d| i64::from(d.year()))),
            (name::MONTH, whole(&|d| i64::from(d.month()))),
            (name::ISO_WEEK, whole(&|d| i64::from(d.iso_week_date().week()))),
            (name::WEEKDAY, whole(&|d| i64::from(d.weekday().to_monday_one_offset()))),
        ],
    )
}
