//! What `pecan reconcile` answers. All fields are listed in `docs/COMMANDS.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pecan_core::money::{AMOUNT_PLACES, D12, OPERAND_PLACES, parse_number, plain};
use pecan_core::reconcile::{Apart, Cause, LineDifference, Reconciled, Total};
use pecan_core::statement::LineKey;
use serde_json::{Value, json};

use super::Sums;
use super::charges::{Totals, explains_itself};
use super::figures::{ByCause, CauseSum, Example, Place, TOLD, Top};
use super::later::Later;
use super::remedies::Remedies;
use super::state::MonthState;
use super::table::{CHARGE, INVOICE, INVOICE_LINE};
use crate::decide::cells::checked_sum;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::rejection::Rejection;
use crate::schema::name;
use crate::sink::MonthAction;
use crate::statement::StatementInput;
use crate::summary::TableWritten;

/// Amounts have 12 places, the tolerance as many as operands.
const TO_OPERAND: i128 = 10i128.pow(OPERAND_PLACES - AMOUNT_PLACES);

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The month.
    pub month: String,
    /// What was done with it.
    pub action: MonthAction,
    /// Why it was opened again.
    pub reason: Option<String>,
    /// Whether it is closed now.
    pub closed: bool,
    /// Of a month that was closed before: the expected credit that is now known, by currency.
    pub now_known: Option<BTreeMap<String, i128>>,
    /// What was booked: the month it is about, currency, lines, expected credit.
    pub booked: Vec<(String, String, u64, i128)>,
    /// The job file as named, for commands.
    pub job: String,
    /// The run; `None`: there was nothing to write.
    pub run_id: Option<String>,
    /// Fingerprint of everything the differences rest on.
    pub fingerprint: String,
    /// Credit lines compared.
    pub credit_lines: u64,
    /// The statement, if the job names one.
    pub statement: Option<StatementFacts>,
    /// Differences by grain, currency and cause.
    pub causes: Vec<(&'static str, ByCause)>,
    /// Expected and applied credit by currency.
    pub credit: BTreeMap<String, Totals>,
    /// Net cost by currency: all lines, then rounding adjustments too.
    pub net: Option<[BTreeMap<String, Total>; 2]>,
    /// Rows that take no part.
    pub apart: BTreeMap<String, Apart>,
    /// What may differ by currency, at 12 places.
    pub tolerance: i128,
    /// The tolerance as written.
    pub tolerance_text: String,
    /// The greatest differences of charges.
    pub charges: Vec<(String, Top)>,
    /// The greatest differences of invoice lines, each with a charge of it.
    pub lines: Vec<TopLine>,
    /// What to mend.
    pub remedies: Remedies,
    /// Tables committed.
    pub tables: Vec<TableWritten>,
    /// How long it took.
    pub took: Duration,
}

/// What was read of a statement.
#[derive(Debug, Clone)]
pub struct StatementFacts {
    /// Names and rows of its files.
    pub files: Vec<(String, u64)>,
    /// Rows of the month.
    pub rows: u64,
    /// Rows of other months.
    pub other_months: BTreeMap<String, u64>,
    /// Rows that could not be understood.
    pub rejections: Vec<Rejection>,
}

/// One of the greatest differences of invoice lines.
#[derive(Debug, Clone)]
pub struct TopLine {
    /// The difference.
    pub line: LineDifference,
    /// A charge of the line, if we have any.
    pub charge: Option<(Place, pecan_core::time::Day)>,
}

impl Report {
    /// Puts together what was found.
    pub(super) fn new(job: &Job, state: &MonthState, statement: &StatementInput, sums: Sums, found: Option<Reconciled>, remedies: Remedies) -> Report {
        let mut causes = vec![(CHARGE, sums.causes)];
        if let Some(found) = &found {
            causes.push((INVOICE_LINE, of_grain(found.lines.iter().map(|l| (l.key.currency.as_str(), l.cause, l.ours, l.statement)))));
            causes.push((INVOICE, of_grain(found.invoices.iter().map(|i| (i.currency.as_str(), i.cause, i.ours, i.statement)))));
        }
        let tops = sums.tops.0.into_iter().flat_map(|(currency, tops)| tops.into_iter().map(move |top| (currency.clone(), top)));
        let lines = found.as_ref().map(|found| top_lines(&found.lines, &sums.examples)).unwrap_or_default();
        let (net, apart) = found.map_or((None, BTreeMap::new()), |found| (Some([found.line_totals, found.invoice_totals]), found.apart));
        Report {
            month: state.month.clone(),
            action: MonthAction::Compared,
            reason: None,
            closed: state.state.closed.contains(&state.month),
            now_known: None,
            booked: Vec::new(),
            job: job.path.display().to_string(),
            run_id: None,
            fingerprint: String::new(),
            credit_lines: state.rows(),
            statement: (!statement.files.files.is_empty()).then(|| StatementFacts {
                files: statement.files.files.iter().map(|file| (file.name.clone(), file.rows)).collect(),
                rows: statement.rows,
                other_months: statement.other_months.clone(),
                rejections: statement.rejections.clone(),
            }),
            causes,
            credit: sums.totals,
            net,
            apart,
            tolerance: parse_number(&job.limits.tolerance).map_or(0, |number| number.value / TO_OPERAND),
            tolerance_text: job.limits.tolerance.clone(),
            charges: tops.collect(),
            lines,
            remedies,
            tables: Vec::new(),
            took: Duration::ZERO,
        }
    }

    /// What is told of closed months.
    /// # Errors
    /// `Input` if a sum does not fit.
    pub(super) fn with_later(mut self, later: &Later, state: &MonthState) -> Result<Report> {
        let sum = |a, b| checked_sum(a, b).map_err(|e| e.error("month end"));
        if later.close {
            self.action = MonthAction::Closed;
            self.closed = true;
        }
        if let Some(moved) = &later.moved {
            let currencies: BTreeSet<&String> = self.credit.keys().chain(moved.keys()).collect();
            let known = |currency: &String| Ok((currency.clone(), sum(self.as_closed(currency), moved.get(currency).copied().unwrap_or_default())?));
            self.now_known = Some(currencies.into_iter().map(known).collect::<Result<_>>()?);
        }
        for (month, sums) in &later.news {
            let mut of: BTreeMap<&str, (u64, i128)> = BTreeMap::new();
            for (key, amounts) in sums.iter() {
                let total = of.entry(key.currencies[1].as_deref().unwrap_or_default()).or_default();
                *total = (total.0 + 1, sum(total.1, amounts.credit_billing.0)?);
            }
            self.booked.extend(of.into_iter().map(|(currency, (lines, credit))| (month.clone(), currency.to_owned(), lines, credit)));
        }
        debug_assert!(state.month == self.month);
        Ok(self)
    }

    /// Expected credit of a currency as the table has it.
    pub fn as_closed(&self, currency: &str) -> i128 {
        self.credit.get(currency).map_or(0, |total| total.credit)
    }

    /// A month that was opened again.
    pub(super) fn reopened(month: &str, reason: &str, run_id: String) -> Report {
        Report { month: month.to_owned(), action: MonthAction::Reopened, reason: Some(reason.to_owned()), run_id: Some(run_id), ..Report::default() }
    }

    pub(super) fn timed(self, took: Duration, fingerprint: String) -> Report {
        Report { took, fingerprint, ..self }
    }

    /// By currency the most that any grain differs by: magnitudes, without what explains itself.
    pub fn counted(&self) -> BTreeMap<&str, i128> {
        let mut most: BTreeMap<&str, i128> = self.credit.keys().map(|currency| (currency.as_str(), 0)).collect();
        for (_, of_grain) in &self.causes {
            let mut sums: BTreeMap<&str, i128> = BTreeMap::new();
            for ((currency, _), sum) in of_grain.0.iter().filter(|((_, cause), _)| !explains_itself(*cause)) {
                let total = sums.entry(currency).or_default();
                *total += sum.size; // overflow stops the run, as everywhere
            }
            for (currency, sum) in sums {
                let of = most.entry(currency).or_default();
                *of = sum.max(*of);
            }
        }
        most
    }

    /// Exit 6 if a currency differs by more than the job tolerates.
    /// # Errors
    /// `Above`.
    pub fn verdict(&self) -> Result<()> {
        let above: Vec<String> = self
            .counted()
            .into_iter()
            .filter(|(_, size)| *size > self.tolerance)
            .map(|(currency, size)| format!("{} {currency}", plain(size, AMOUNT_PLACES)))
            .collect();
        if above.is_empty() {
            return Ok(());
        }
        let next = "the report names causes, charges and remedies; `pecan explain` tells a charge; fact_difference has every row";
        Err(Error::above(
            "difference_above_tolerance",
            format!("comparing {} with its statement", self.month),
            format!("limits.tolerance = {}", self.tolerance_text),
            format!("differences of {}", above.join(" and ")),
            next,
        ))
    }

    /// What the row of `run` keeps.
    pub fn summary(&self) -> Value {
        json!({
            "month": self.month,
            "action": self.action.word(),
            "reason": self.reason,
            "closed": self.closed,
            "now_known": self.now_known.as_ref().map(|known| self.known_json(known)),
            "booked": self.booked_json(),
            "fingerprint": self.fingerprint,
            "credit_lines": self.credit_lines,
            "statement": self.statement_json(),
            "totals": self.totals_json(),
            "causes": self.causes_json(),
            "tolerance": self.tolerance_json(),
        })
    }

    /// One object.
    pub fn to_json(&self) -> Value {
        let tables = self.tables.iter().map(|t| json!({ "name": t.name, "version": t.version, "rows": t.rows }));
        let mut object = self.summary();
        object[name::RUN_ID] = json!(self.run_id);
        object["nothing_to_do"] = json!(self.run_id.is_none());
        object["charges"] = self.charges.iter().map(|(currency, top)| self.charge_json(currency, top)).collect();
        object["lines"] = self.lines.iter().map(|line| self.line_json(line)).collect();
        object["apart"] = self.apart_json();
        object["remedies"] = self.remedies.to_json();
        object["remedies_unnamed"] = json!(self.remedies.unnamed);
        object["tables"] = tables.collect();
        object["took_seconds"] = json!(self.took.as_secs_f64());
        object
    }

    fn statement_json(&self) -> Value {
        self.statement.as_ref().map_or(Value::Null, |s| {
            let files = s.files.iter().map(|(file, rows)| json!({ "file": file, "rows": rows }));
            json!({ "files": files.collect::<Vec<_>>(), "rows": s.rows, "other_months": s.other_months, "rejections": s.rejections.len() })
        })
    }

    /// Both sides by grain and currency.
    pub fn totals(&self) -> Vec<(&'static str, &str, i128, i128)> {
        let credit = self.credit.iter().map(|(currency, total)| (CHARGE, currency.as_str(), total.credit, total.applied));
        let net = self.net.iter().flat_map(|net| net.iter().zip([INVOICE_LINE, INVOICE]));
        let net = net.flat_map(|(of, grain)| of.iter().map(move |(currency, total)| (grain, currency.as_str(), total.ours.0, total.statement.0)));
        credit.chain(net).collect()
    }

    fn known_json(&self, now_known: &BTreeMap<String, i128>) -> Value {
        let one = |(currency, known): (&String, &i128)| json!({ (name::CURRENCY): currency, "credit_as_closed": amount(self.as_closed(currency)), "credit_now_known": amount(*known) });
        now_known.iter().map(one).collect()
    }

    fn booked_json(&self) -> Value {
        let one = |(month, currency, lines, credit): &(String, String, u64, i128)| json!({ (name::ADJUSTS_MONTH): month, (name::CURRENCY): currency, "lines": lines, (name::CREDIT_BILLING): amount(*credit) });
        self.booked.iter().map(one).collect()
    }

    fn totals_json(&self) -> Value {
        let one = |(grain, currency, ours, statement): (&str, &str, i128, i128)| json!({ (name::GRAIN): grain, (name::CURRENCY): currency, (name::OURS): amount(ours), (name::STATEMENT): amount(statement), (name::DIFFERENCE): amount(ours - statement) });
        self.totals().into_iter().map(one).collect()
    }

    fn causes_json(&self) -> Value {
        let one = |grain: &str, currency: &str, cause: Cause, sum: &CauseSum| json!({ (name::GRAIN): grain, (name::CURRENCY): currency, (name::CAUSE): cause.word(), "rows": sum.rows, (name::OURS): amount(sum.ours), (name::STATEMENT): amount(sum.statement), (name::DIFFERENCE): amount(sum.ours - sum.statement) });
        self.causes.iter().flat_map(|(grain, of)| of.0.iter().map(move |((currency, cause), sum)| one(grain, currency, *cause, sum))).collect()
    }

    fn tolerance_json(&self) -> Value {
        let one = |(currency, size): (&str, i128)| json!({ (name::CURRENCY): currency, "counted": amount(size), "tolerance": self.tolerance_text, "above": size > self.tolerance });
        self.counted().into_iter().map(one).collect()
    }

    fn charge_json(&self, currency: &str, top: &Top) -> Value {
        let difference = &top.difference;
        json!({
            (name::SOURCE): top.place.source,
            (name::SOURCE_FILE): top.place.file,
            (name::SOURCE_ROW): top.place.row,
            (name::USAGE_DATE): top.day.to_string(),
            (name::CUSTOMER_ID): top.customer_id,
            (name::RESOURCE_ID): top.resource_id,
            (name::CURRENCY): currency,
            (name::OURS): difference.ours.to_string(),
            (name::STATEMENT): difference.statement.to_string(),
            (name::DIFFERENCE): difference.difference.to_string(),
            (name::CAUSE): difference.cause.word(),
            "command": self.explain(&top.place),
        })
    }

    fn line_json(&self, top: &TopLine) -> Value {
        let (line, key) = (&top.line, &top.line.key);
        let charge = top.charge.as_ref().map(|(place, day)| {
            json!({ (name::SOURCE): place.source, (name::SOURCE_FILE): place.file, (name::SOURCE_ROW): place.row, (name::USAGE_DATE): day.to_string(), "command": self.explain(place) })
        });
        json!({
            (name::CUSTOMER_ID): key.customer_id,
            (name::PLAN_ID): key.plan_id,
            (name::PRODUCT_ID): key.product_id,
            (name::SKU_ID): key.sku_id,
            (name::AVAILABILITY_ID): key.availability_id,
            (name::WITH_CREDIT): line.with_credit,
            (name::CURRENCY): key.currency,
            (name::OURS): line.ours.to_string(),
            (name::STATEMENT): line.statement.to_string(),
            (name::DIFFERENCE): line.difference.to_string(),
            (name::CAUSE): line.cause.word(),
            "charge": charge,
        })
    }

    fn apart_json(&self) -> Value {
        let one = |(currency, apart): (&String, &Apart)| json!({ (name::CURRENCY): currency, "our_rows": apart.our_rows, (name::OURS): apart.ours.to_string(), "statement_rows": apart.statement_rows, (name::STATEMENT): apart.statement.to_string() });
        self.apart.iter().map(one).collect()
    }

    /// The command that tells a charge.
    pub fn explain(&self, place: &Place) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        let job = if plain(&self.job) { self.job.clone() } else { quoted(&self.job) };
        format!("pecan explain {job} --line {}", quoted(&place.line()))
    }
}

fn of_grain<'a>(rows: impl Iterator<Item = (&'a str, Cause, D12, D12)>) -> ByCause {
    let mut of = ByCause::default();
    for (currency, cause, ours, statement) in rows {
        // The core has added the same amounts up: they fit.
        let _ = of.add(currency, cause, ours, statement);
    }
    of
}

fn top_lines(lines: &[LineDifference], examples: &BTreeMap<LineKey, Example>) -> Vec<TopLine> {
    let mut of: BTreeMap<&str, Vec<&LineDifference>> = BTreeMap::new();
    lines.iter().for_each(|line| of.entry(&line.key.currency).or_default().push(line));
    let mut tops = Vec::new();
    for mut lines in of.into_values() {
        lines.sort_by_key(|line| std::cmp::Reverse((!explains_itself(line.cause), line.difference.0.unsigned_abs())));
        tops.extend(lines.into_iter().take(TOLD).map(|line| {
            let charge = examples.get(&line.key.short()).and_then(|example| example.charge.clone());
            TopLine { line: line.clone(), charge }
        }));
    }
    tops
}

fn amount(value: i128) -> String {
    plain(value, AMOUNT_PLACES)
}
