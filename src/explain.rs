//! `pecan explain`: the story of one charge or of one resource on one day.
//!
//! The charges are read from the inputs and decided by core alone; the output tables are not looked at. What is told of
//! them — scope chain, access, gaps, arithmetic — comes from the same parts of [`Knowledge`](pecan_core::knowledge::Knowledge)
//! that decide them.

mod access;
mod clock;
mod found;
mod json;
mod near;
mod sums;
mod tell;
mod text;
mod verdict;

use std::collections::BTreeSet;

use pecan_core::scope::Scope;
use pecan_core::time::Day;
use serde_json::Value;

use crate::error::Result;
use crate::job::{Job, Question};
use crate::known::Known;
use crate::pipeline::in_pool;
use crate::progress::Progress;
use crate::rejection::Rejection;
use crate::source::ChargeGroup;

use found::{FileAt, Findings, Wanted};
use tell::Telling;

/// Why charges earned or did not.
#[derive(Debug)]
pub struct Story {
    job: String,
    question: Question,
    /// Told once per scope, day, billed partner and reseller.
    tellings: Vec<Telling>,
    /// Rows in question that are rejections.
    rejections: Vec<Rejection>,
    read: Read,
}

/// How much was read.
#[derive(Debug)]
struct Read {
    groups: usize,
    /// Groups about other days, or without the file.
    groups_passed_over: usize,
    rows: u64,
}

/// Tells the story of a question.
/// # Errors
/// `Input` (exit 3) if no charge is meant, naming near misses, or an input cannot be read; `Storage` if it cannot be reached.
pub fn explain(job: &Job, question: &Question, threads: usize, progress: &Progress) -> Result<Story> {
    in_pool(threads, || story(&Looking { job, progress }, question))
}

/// The job that is searched, and where it shows how far it is.
struct Looking<'a> {
    job: &'a Job,
    progress: &'a Progress,
}

fn story(looking: &Looking<'_>, question: &Question) -> Result<Story> {
    let (job, progress) = (looking.job, looking.progress);
    progress.stage("finding charges");
    let groups = found::all_groups(job)?;
    let (findings, looked_into) = match question {
        Question::Day { date, resource } => day(looking, &groups, *date, resource)?,
        Question::Line { .. } => line(looking, &groups, question)?,
    };
    // The charges first: a question about nothing is answered without reading the audit log.
    progress.stage("reading the audit log and reference tables");
    let known = Known::read(job)?;
    let (tellings, rejected) = tell::tell(&known, findings.charges);
    let rejections = findings.rejections.into_iter().chain(rejected).collect();
    let read = Read { groups: looked_into, groups_passed_over: groups.len().saturating_sub(looked_into), rows: findings.rows };
    Ok(Story { job: job.name.clone(), question: question.clone(), tellings, rejections, read })
}

fn day(looking: &Looking<'_>, groups: &[ChargeGroup], day: Day, resource: &str) -> Result<(Findings, usize)> {
    let Some(scope) = near::scope_of(resource) else {
        let named = Wanted { scope: Scope::parse(resource.trim()), day, spelling: true };
        let findings = found::of_day(looking, groups.iter(), &named)?;
        return Err(near::not_an_arm_id(day, resource, &findings.near));
    };
    let about = |group: &&ChargeGroup| group.days.is_none_or(|(_, until)| day.0 < until);
    let wanted = Wanted { scope, day, spelling: false };
    let findings = found::of_day(looking, groups.iter().filter(about), &wanted)?;
    if !findings.charges.is_empty() {
        return Ok((findings, groups.iter().filter(about).count()));
    }
    // Nothing: now every group is worth a look, for charges of that day in files about others, and for near misses.
    let everywhere = found::of_day(looking, groups.iter(), &Wanted { spelling: true, ..wanted })?;
    if everywhere.charges.is_empty() {
        return Err(near::no_charge(day, resource, &everywhere.near, &everywhere.rejections));
    }
    Ok((everywhere, groups.len()))
}

fn line(looking: &Looking<'_>, groups: &[ChargeGroup], question: &Question) -> Result<(Findings, usize)> {
    let job = looking.job;
    let Question::Line { source, file, row } = question else { return Ok((Findings::default(), 0)) };
    let in_source = |group: &ChargeGroup| source.as_ref().is_none_or(|s| job.charges.get(group.source).is_some_and(|c| c.name == *s));
    let mut findings = Findings::default();
    let mut rows_of: Vec<(String, u64)> = Vec::new();
    let mut looked_into: BTreeSet<&str> = BTreeSet::new();
    let files = |group: &ChargeGroup| group.files.iter().filter(|f| f.source_file == *file).cloned().collect::<Vec<_>>();
    looking.progress.expect(groups.iter().filter(|g| in_source(g)).flat_map(files).map(|f| f.bytes).sum());
    for group in groups.iter().filter(|g| in_source(g)) {
        for charge_file in &files(group) {
            looked_into.insert(&group.group_id);
            let (found, there) = found::one_row(&FileAt { job, group, file: charge_file }, *row, looking.progress)?;
            if !there {
                rows_of.push((charge_file.place.clone(), found.rows));
            }
            findings.merge(found);
        }
    }
    if findings.charges.is_empty() && findings.rejections.is_empty() {
        return Err(near::no_line(job, groups, question, &rows_of));
    }
    Ok((findings, looked_into.len()))
}

impl Story {
    /// One object. Amounts, operands and ids are strings, instants RFC 3339 in UTC, an open or unknown instant null; all
    /// words are those of the tables. Fields:
    ///
    /// * `job`, `question` {date, resource | source, file, row}, `read` {groups, groups_passed_over, rows}
    /// * `rejections` [{source, file, source_run, row, column, value, reason, message, group_id}]: rows in question that cannot be read
    /// * `stories` [one per scope, day, billed partner and reseller]:
    ///   * `usage_date`, `day` {from, until}, `scope`, `scope_level` (null: the charge names none)
    ///   * `parties` {billed_tenant, billed_name, billed_mpn_id, billed_organisation (null: unknown), agreement [{from, until}],
    ///     agreement_covers_day, reseller_mpn_id, reseller_name, reseller_organisation}
    ///   * `basis` {cutoff, first_record, known_since}: what evidence rests on (R-DAY-6)
    ///   * `access` (null: no charge here reached the access question):
    ///     * `chain` [{scope_level, scope, is_charge, intervals, of_parties}], outermost first; counts are of the day
    ///     * `organisations` [{organisation_id, part, covered, covered_seconds, covered_spans [{from, until}], gaps [{from, until, seconds}]}]
    ///     * `together` (under `combine_parties = "union"`, else null) {covered_spans, gaps}
    ///     * `intervals` [{when (`before`, `on_the_day`, `after`), assignment_id, principal_id, role_definition_id, role_name, earns,
    ///       role_source (`job`, `embedded`, `unknown`), scope, scope_level, span_from, span_until, day_from, day_until (the part inside
    ///       the day), started_by, stopped_by, stopped_caller, links [{organisation_id, channel, linked_from, linked_until, of_parties}],
    ///       counts [{organisation_id, why (`counts`, `counts_partly`, `role_not_earning`, `not_linked_on_the_day`, `never_linked`,
    ///       `outside_the_day`), spans [{from, until}]}]}]
    ///     * `intervals_covering_nothing`: access of the parties at management groups without row in the table (R-SCOPE-2)
    ///   * `totals` [{pricing_currency, billing_currency, charges, list_cost, credit_billing, missed_credit_billing, applied_credit_billing}]
    ///   * `charges` [{source, source_file, source_run, source_row, group_id, customer_id, customer_name, subscription_id,
    ///     subscription_name, resource_group, resource_id, subscription_mismatch, meter_id, meter_name, product_id, sku_id,
    ///     product_name, unit, charge_type, invoice_id, quantity, list_unit_price, net_cost, exchange_rate, pricing_currency,
    ///     billing_currency, applied, stated_rate, outcome, excluded_kind, evidence, organisation_id, covered_seconds, gap_from,
    ///     gap_until, gap_count, rate, rate_from (`table_meter`, `table_product`, `statement`, `documented`), list_cost,
    ///     credit_pricing, credit_billing, missed_credit_billing, applied_credit_billing, implied_credit_pricing, verdict,
    ///     evidence_note, level_note, rules [rule numbers], arithmetic [{name (`list_cost`, `credit_at_covered_pricing`,
    ///     `credit_at_covered_billing`, `expected`, `missed`, `applied`, `implied`), operands [{name, value}], formula, result,
    ///     currency, note}]}]
    pub fn to_json(&self) -> Value {
        json::story(self)
    }

    /// For people, in lines of at most `width` characters where words allow it.
    pub fn to_text(&self, width: usize, colour: bool) -> String {
        text::render(self, width, colour)
    }
}
