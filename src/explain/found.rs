//! Finding the charges a question is about, reading no more than needed.

use std::collections::BTreeMap;

use pecan_core::scope::Scope;
use pecan_core::time::Day;
use rayon::prelude::*;

use crate::columns::Text;
use crate::decide::RowFault;
use crate::decide::one::{OneByOne, OneCharge};
use crate::error::Result;
use crate::job::Job;
use crate::keys::Keys;
use crate::progress::Progress;
use crate::rejection::Rejection;
use crate::source::{ChargeBatch, ChargeFile, ChargeGroup, ChargeReader, ColumnNames, RawBatch, locate};

use super::Looking;
use super::near::Near;

/// A charge and where it stands.
#[derive(Debug, Clone)]
pub(super) struct FoundCharge {
    /// The charge.
    pub one: OneCharge,
    /// Where it stands.
    pub place: Place,
    /// What its columns say beside the rules.
    pub labels: Labels,
}

/// The place of a row (details 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub source: String,
    pub file: String,
    pub run: Option<String>,
    pub row: i64,
    pub group_id: String,
}

/// Texts of a charge for people; `None`: empty.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "named as the columns of the tables")]
pub(super) struct Labels {
    pub customer_id: Option<String>,
    pub customer_name: Option<String>,
    pub subscription_name: Option<String>,
    pub meter_name: Option<String>,
    pub meter_category: Option<String>,
    pub product_name: Option<String>,
    pub unit: Option<String>,
    pub partner_name: Option<String>,
    pub reseller_name: Option<String>,
    pub pricing_currency: Option<String>,
    pub billing_currency: Option<String>,
    pub charge_type: Option<String>,
    pub invoice_id: Option<String>,
}

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub charges: Vec<FoundCharge>,
    /// Rows in question that are rejections.
    pub rejections: Vec<Rejection>,
    /// What lies close by.
    pub near: Near,
    /// Rows of the files looked into.
    pub rows: u64,
}

impl Findings {
    /// Takes in what another part of the inputs holds.
    pub fn merge(&mut self, other: Findings) {
        self.charges.extend(other.charges);
        self.rejections.extend(other.rejections);
        self.near.merge(other.near);
        self.rows += other.rows;
    }
}

/// The groups of every charges source; files are located, not read.
/// # Errors
/// As [`locate`].
pub(super) fn all_groups(job: &Job) -> Result<Vec<ChargeGroup>> {
    let mut groups = Vec::new();
    for (index, source) in job.charges.iter().enumerate() {
        groups.extend(locate(index, source)?.groups);
    }
    Ok(groups)
}

/// The file of a group that is being read.
pub(super) struct FileAt<'a> {
    pub job: &'a Job,
    pub group: &'a ChargeGroup,
    pub file: &'a ChargeFile,
}

impl FileAt<'_> {
    fn place(&self, row: i64) -> Place {
        let source = self.job.charges.get(self.group.source).map(|s| s.name.clone()).unwrap_or_default();
        Place { source, file: self.file.source_file.clone(), run: self.file.source_run.clone(), row, group_id: self.group.group_id.clone() }
    }

    fn rejection(&self, row: i64, fault: &RowFault, names: &ColumnNames) -> Rejection {
        let place = self.place(row);
        let column = fault.field.map(|field| names.name(field).to_owned()).or(fault.amount.map(str::to_owned));
        let rejection = Rejection::new(place.file, fault.reason, &fault.message).with_row(u64::try_from(row).unwrap_or(0)).with_value(&fault.value);
        let rejection = rejection.with_group(place.source, place.run, place.group_id);
        Rejection { column, ..rejection }
    }

    fn found(&self, batch: &ChargeBatch, row: usize, one: OneCharge) -> FoundCharge {
        FoundCharge { one, place: self.place(row_of_file(batch, row)), labels: labels(batch, row) }
    }
}

fn row_of_file(batch: &ChargeBatch, row: usize) -> i64 {
    batch.first_row.saturating_add(i64::try_from(row).unwrap_or(i64::MAX))
}

/// One row of a file; `None`: the file has fewer rows, and how many.
/// # Errors
/// As reading and decoding.
pub(super) fn one_row(at: &FileAt<'_>, row: i64, progress: &Progress) -> Result<(Findings, bool)> {
    let mut progress = progress.file(at.file.bytes);
    let mut reader = ChargeReader::open(at.file, &[])?;
    let mut findings = Findings::default();
    while let Some(raw) = reader.next()? {
        let first = raw.first_row();
        findings.rows += raw.rows() as u64;
        progress.reached(raw.rows() as u64, reader.bytes_done());
        let here = row.checked_sub(first).and_then(|n| usize::try_from(n).ok()).filter(|n| *n < raw.rows());
        let Some(here) = here else { continue };
        let batch = raw.decode()?;
        match OneByOne::new(&batch).charge(here) {
            Ok(one) => findings.charges.push(at.found(&batch, here, one)),
            Err(fault) => findings.rejections.push(at.rejection(row, &fault, reader.header())),
        }
        return Ok((findings, true));
    }
    Ok((findings, false))
}

/// What charges are looked for.
pub(super) struct Wanted {
    /// The scope asked about.
    pub scope: Scope,
    /// The usage day.
    pub day: Day,
    /// Whether to look for ids that are spelled alike; slow.
    pub spelling: bool,
}

/// The charges of a scope and day in some groups, with what lies near.
/// # Errors
/// As reading and decoding.
pub(super) fn of_day<'a>(looking: &Looking<'_>, groups: impl Iterator<Item = &'a ChargeGroup> + Clone, wanted: &Wanted) -> Result<Findings> {
    looking.progress.expect(groups.clone().flat_map(|group| &group.files).map(|file| file.bytes).sum());
    let mut findings = Findings::default();
    for group in groups {
        looking.progress.stage(format!("searching {}", group.group_id));
        for file in &group.files {
            let at = FileAt { job: looking.job, group, file };
            let mut progress = looking.progress.file(file.bytes);
            let mut reader = ChargeReader::open(file, &[])?;
            let names = reader.header().clone();
            loop {
                let wave = next_wave(&mut reader)?;
                if wave.is_empty() {
                    break;
                }
                let rows = wave.iter().map(|raw| raw.rows() as u64).sum();
                let parts: Vec<Result<Findings>> = wave.into_par_iter().map(|raw| look_through(&at, &raw.decode()?, &names, wanted)).collect();
                for part in parts {
                    findings.merge(part?);
                }
                progress.reached(rows, reader.bytes_done());
            }
        }
    }
    Ok(findings)
}

fn next_wave(reader: &mut ChargeReader) -> Result<Vec<RawBatch>> {
    let mut wave = Vec::new();
    while wave.len() < rayon::current_num_threads() {
        match reader.next()? {
            Some(raw) => wave.push(raw),
            None => break,
        }
    }
    Ok(wave)
}

/// How a scope of a batch relates to the one asked about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Same,
    Below,
    Other,
}

fn look_through(at: &FileAt<'_>, batch: &ChargeBatch, names: &ColumnNames, wanted: &Wanted) -> Result<Findings> {
    let mut rows = OneByOne::new(batch);
    let mut relations: BTreeMap<usize, Relation> = BTreeMap::new();
    let mut findings = Findings { rows: batch.rows as u64, ..Findings::default() };
    for row in 0..batch.rows {
        let index = rows.scope_index(row);
        let relation = match relations.get(&index) {
            Some(relation) => *relation,
            None => {
                let (scope, shown) = rows.scope(index);
                if wanted.spelling {
                    findings.near.compare(&wanted.scope, scope, shown);
                }
                let relation = relation(&wanted.scope, scope);
                relations.insert(index, relation);
                relation
            }
        };
        if relation == Relation::Other {
            continue;
        }
        let here = row_of_file(batch, row);
        match rows.day(row) {
            Ok(day) if relation == Relation::Below => findings.near.below(rows.scope(index).1, day, wanted.day),
            Ok(day) if day != wanted.day => findings.near.day(day),
            Ok(_) => match rows.charge(row) {
                Ok(one) => findings.charges.push(at.found(batch, row, one)),
                Err(fault) => findings.rejections.push(at.rejection(here, &fault, names)),
            },
            Err(fault) => {
                let dated = batch.usage_date.get(row).is_none_or(|day| Day(day) == wanted.day);
                if relation == Relation::Same && dated {
                    findings.rejections.push(at.rejection(here, &fault, names));
                }
            }
        }
    }
    Ok(findings)
}

fn relation(wanted: &Scope, scope: Option<&Scope>) -> Relation {
    match scope {
        Some(scope) if scope == wanted => Relation::Same,
        Some(scope) if wanted.contains(scope) => Relation::Below,
        _ => Relation::Other,
    }
}

fn labels(batch: &ChargeBatch, row: usize) -> Labels {
    let text = |column: &Text| Keys::new(column).text(row).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    Labels {
        customer_id: text(&batch.customer_id),
        customer_name: text(&batch.names.customer_name),
        subscription_name: text(&batch.names.subscription_name),
        meter_name: text(&batch.names.meter_name),
        meter_category: text(&batch.names.meter_category),
        product_name: text(&batch.names.product_name),
        unit: text(&batch.names.unit_of_measure),
        partner_name: text(&batch.names.partner_name),
        reseller_name: text(&batch.names.reseller_name),
        pricing_currency: text(&batch.pricing_currency),
        billing_currency: text(&batch.billing_currency),
        charge_type: text(&batch.charge_type),
        invoice_id: text(&batch.invoice_id),
    }
}
