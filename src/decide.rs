//! One batch of charges → credit lines, rejections and sums (R-OUTCOME, R-MONEY, R-CONSERVE).
//!
//! Three passes: read each row and collect the distinct access questions; answer those, once for all batches of the
//! group; then compute every line. Nothing is hashed or parsed per row where a dictionary says it once.

mod asked;
pub mod cells;
mod class;
pub mod lines;
pub mod losses;
pub mod newest;
pub mod one;
mod plan;
mod row;
mod scopes;

use std::sync::Arc;

use arrow::array::RecordBatch;
use hashbrown::HashMap;
use pecan_core::charge::{Evidence, Outcome, Product};
use pecan_core::coverage::Verdict;
use pecan_core::credit::{amounts, price_adjustment};
use pecan_core::knowledge::{Knowledge, Terms};
use pecan_core::money::{D12, D22};
use pecan_core::product::{our_rate, split_product_id};
use pecan_core::reference::ExcludedKind;
use pecan_core::scope::{Scope, id_key};
use pecan_core::time::{Day, RawInstant};

use self::cells::{BatchCells, SumTooLarge, Sums, checked_sum};
use self::class::Classes;
use self::lines::{CodedTexts, Line, LineColumns, Provenance};
use self::losses::{BatchLosses, Losses};
use self::newest::{BatchNames, Names};
use self::plan::{Plan, narrow};
use self::row::Rows;
use self::scopes::Scopes;
use crate::answers::{Answer, Answers, Question};
use crate::control::{BatchControl, Control};
use crate::error::Result;
use crate::footprint::Footprint;
use crate::keys::{Keys, PerValue};
use crate::source::ChargeBatch;
use crate::spellings::Spellings;

pub use self::row::RowFault;
pub use self::scopes::{ScopeDay, ScopeNews};

/// What every batch of a group is decided with.
pub struct Context<'a> {
    /// Everything known but the charges.
    pub knowledge: &'a Knowledge,
    /// Access answers of the group.
    pub answers: &'a Answers<'a>,
    /// Texts behind codes.
    pub texts: &'a CodedTexts,
    /// Names of `output.carry`.
    pub carry: &'a [String],
    /// The group, for messages.
    pub group_id: &'a str,
    /// Whether to add up losses; a run has no use for them.
    pub losses: bool,
}

/// What became of a batch.
pub struct Decided<'a> {
    /// Record batches of `fact_credit_line` by first day of the billing month.
    pub lines: Vec<(i32, RecordBatch)>,
    /// Number of credit lines.
    pub accepted: u64,
    /// Rejected rows of the batch.
    pub rejected: Vec<(usize, RowFault)>,
    /// Daily sums.
    pub cells: BatchCells<'a>,
    /// Access asked for and credit missed, by scope.
    pub scopes: ScopeNews,
    /// What was missed for want of access, if asked for.
    pub losses: Losses,
    /// What its charges ask.
    pub footprint: Footprint,
    /// Names for the dims.
    pub names: Names,
    /// Sums taken from the decoded input, for the conservation audit.
    pub control: Control,
    /// Lines whose net cost lies below list cost × (1 − rate), by pricing currency: lines, amount (R-MONEY-2).
    pub price_adjusted: HashMap<Option<String>, (u64, i128)>,
    /// Operand cells rounded to 22 places (details 2).
    pub operands_rounded: u64,
    /// Rows whose resource id lies in another subscription than the column says (details 15).
    pub subscription_mismatches: u64,
}

/// Decides a batch.
/// # Errors
/// `Input` if a sum does not fit; `Bug` if columns do not fit together.
pub fn decide<'a>(batch: &'a ChargeBatch, provenance: &Provenance, context: &Context) -> Result<Decided<'a>> {
    let mut planner = Planner::new(batch, context);
    let (plans, rejected) = planner.plan();
    let footprint = asked::footprint(&plans, &planner);
    let chains = context.answers.chains(planner.scopes.all.iter().map(|s| s.scope.as_ref()));
    let (plans, questions) = asked::questions(plans, &planner, &chains);
    let answers = context.answers.ask(&questions)?;
    let mut lines = Lines::new(batch, context, &planner, (&questions, &answers));
    lines.rejected = rejected;
    for plan in &plans {
        lines.add(plan)?;
    }
    Ok(Decided { footprint, ..lines.finish(provenance, context.carry)? })
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TermsKey {
    usage: bool,
    excluded: Option<ExcludedKind>,
    meter: i32,
    product: i32,
    day: i32,
    billed: Option<usize>,
}

struct Planner<'a, 'c> {
    context: &'c Context<'c>,
    batch: &'a ChargeBatch,
    classes: Classes<'a>,
    rows: Rows<'a>,
    scopes: Scopes<'a>,
    meter: Keys<'a>,
    product: Keys<'a>,
    tenant: Keys<'a>,
    reseller: Keys<'a>,
    billed: PerValue<Option<usize>>,
    resellers: PerValue<Option<usize>>,
    terms: Vec<Terms>,
    terms_by_key: HashMap<TermsKey, u32>,
    /// Per meter key: what its last row came to.
    last_terms: PerValue<Option<(TermsKey, u32)>>,
}

impl<'a, 'c> Planner<'a, 'c> {
    fn new(batch: &'a ChargeBatch, context: &'c Context<'c>) -> Planner<'a, 'c> {
        let parties = &context.knowledge.parties;
        let (tenant, reseller) = (Keys::new(&batch.partner_tenant_id), Keys::new(&batch.reseller_mpn_id));
        Planner {
            context,
            batch,
            classes: Classes::new(batch),
            rows: Rows::new(batch),
            scopes: Scopes::new(batch),
            meter: Keys::new(&batch.meter_id),
            product: Keys::new(&batch.product),
            billed: tenant.each(None, |id| id_key(id).and_then(|id| parties.billed_by_tenant(&id))),
            resellers: reseller.each(None, |id| id_key(id).and_then(|id| parties.organisation_by_mpn(&id))),
            tenant,
            reseller,
            terms: Vec::new(),
            terms_by_key: HashMap::new(),
            last_terms: Keys::new(&batch.meter_id).each(None, |_| None),
        }
    }

    fn plan(&mut self) -> (Vec<Plan>, Vec<(usize, RowFault)>) {
        let mut plans = Vec::with_capacity(self.batch.rows);
        let mut rejected = Vec::new();
        for row in 0..self.batch.rows {
            let usage = self.classes.is_usage(row);
            match self.rows.read(row, usage) {
                Err(fault) => rejected.push((row, fault)),
                Ok((day, month)) => {
                    let billed = *self.billed.of(self.tenant.at(row));
                    let terms = self.terms_of(row, usage, day, billed);
                    let scope = self.scopes.of(row);
                    plans.push(Plan { row: narrow(row), day, month, scope, terms, billed: billed.map(narrow), question: None });
                }
            }
        }
        (plans, rejected)
    }

    fn terms_of(&mut self, row: usize, usage: bool, day: i32, billed: Option<usize>) -> u32 {
        let key = TermsKey { usage, excluded: self.classes.excluded(row), meter: self.meter.at(row), product: self.product.at(row), day, billed };
        match self.last_terms.of(key.meter) {
            Some((last, terms)) if *last == key => *terms,
            _ => {
                let terms = self.terms_of_key(key);
                *self.last_terms.of_mut(key.meter) = Some((key, terms));
                terms
            }
        }
    }

    fn terms_of_key(&mut self, key: TermsKey) -> u32 {
        if let Some(known) = self.terms_by_key.get(&key) {
            return *known;
        }
        let (product_id, sku_id) = self.product.value(key.product).map(split_product_id).unzip();
        let product = Product {
            usage: key.usage,
            excluded: key.excluded,
            meter_id: self.meter.value(key.meter).map(str::to_owned),
            product_id: product_id.map(str::to_owned),
            sku_id: sku_id.flatten().map(str::to_owned),
        };
        let terms = narrow(self.terms.len());
        self.terms.push(self.context.knowledge.terms(&product, Day(key.day), key.billed));
        self.terms_by_key.insert(key, terms);
        terms
    }
}

struct Lines<'a, 'p> {
    batch: &'a ChargeBatch,
    context: &'p Context<'p>,
    planner: &'p Planner<'a, 'p>,
    questions: &'p [Question],
    answers: &'p [Arc<Answer>],
    known_since: Vec<Option<RawInstant>>,
    columns: LineColumns,
    rejected: Vec<(usize, RowFault)>,
    cells: BatchCells<'a>,
    control: BatchControl,
    /// Scope-days that reached the access question; a few may stand twice.
    asked: Vec<ScopeDay>,
    /// Per scope: the last of them.
    last_asked: Vec<u32>,
    missed: HashMap<(u32, i32), i128>,
    losses: BatchLosses,
    price_adjusted: HashMap<i32, (u64, i128)>,
    billing: Keys<'a>,
    pricing: Keys<'a>,
}

impl<'a, 'p> Lines<'a, 'p> {
    fn new(
        batch: &'a ChargeBatch,
        context: &'p Context<'p>,
        planner: &'p Planner<'a, 'p>,
        (questions, answers): (&'p [Question], &'p [Arc<Answer>]),
    ) -> Lines<'a, 'p> {
        let mut by_subscription: HashMap<Option<&str>, Option<RawInstant>> = HashMap::new();
        let known_since = planner.scopes.all.iter().map(|scope| {
            let subscription = scope.scope.as_ref().and_then(Scope::subscription_id);
            let first = || context.knowledge.known_since(subscription.map(Scope::subscription).as_ref());
            *by_subscription.entry(subscription).or_insert_with(first)
        });
        Lines {
            known_since: known_since.collect(),
            batch,
            context,
            planner,
            questions,
            answers,
            columns: LineColumns::new(batch.rows, context.texts),
            rejected: Vec::new(),
            cells: BatchCells::new(batch),
            control: BatchControl::default(),
            asked: Vec::new(),
            last_asked: vec![u32::MAX; planner.scopes.all.len()],
            missed: HashMap::new(),
            losses: BatchLosses::default(),
            price_adjusted: HashMap::new(),
            billing: Keys::new(&batch.billing_currency),
            pricing: Keys::new(&batch.pricing_currency),
        }
    }

    fn add(&mut self, plan: &Plan) -> Result<()> {
        let knowledge = self.context.knowledge;
        let terms = &self.planner.terms[plan.terms as usize];
        let (row, day, month) = (plan.row(), plan.day, plan.month);
        let numbers = &self.planner.rows.numbers(row);
        let usage = terms.decided != Some(Outcome::NotUsage);
        let rate = usage.then(|| our_rate(terms.table_rate, knowledge.rules.rate_source, numbers));
        let verdict = plan.question.map(|question| &self.answers[question as usize].verdict);
        let outcome = terms.decided.or(verdict.map(|v| v.outcome)).unwrap_or(Outcome::NoAccess);
        let amounts = match amounts(numbers, rate, outcome, knowledge.rules.credit_base) {
            Ok(amounts) => amounts,
            Err(fault) => {
                self.rejected.push((row, RowFault::too_large(fault.column)));
                return Ok(());
            }
        };
        let evidence = knowledge.evidence(Day(day), self.known_since[plan.scope as usize], outcome);
        let scope_level = self.planner.scopes.all[plan.scope as usize].scope.as_ref().map(Scope::level);
        self.columns.push(&Line {
            row: plan.row,
            day,
            month,
            numbers,
            rate,
            outcome,
            excluded_kind: terms.excluded_kind,
            evidence,
            scope_level,
            question: plan.question,
            billed: plan.billed(),
            amounts: &amounts,
        });
        let sums = Sums::of(numbers.quantity.map(|q| q.0), &amounts);
        self.cells.add(row, month, day, outcome, evidence, &sums).map_err(|e| e.error(self.context.group_id))?;
        self.control.add(self.billing.at(row), numbers, &amounts);
        let noted =
            self.note_scope(plan, (outcome, evidence), amounts.missed_billing).and_then(|()| self.note_price(row, rate, numbers.net_cost, amounts.list_cost));
        noted.map_err(|e| e.error(self.context.group_id))
    }

    fn note_scope(&mut self, plan: &Plan, (outcome, evidence): (Outcome, Evidence), missed: D12) -> std::result::Result<(), SumTooLarge> {
        if let Some(question) = plan.question {
            let day = ScopeDay { month: plan.month, day: plan.day, scope: plan.scope, question };
            let last = &mut self.last_asked[plan.scope as usize];
            if self.asked.get(*last as usize) != Some(&day) {
                *last = narrow(self.asked.len());
                self.asked.push(day);
            }
            if self.context.losses {
                let key = (plan.scope, question as usize, self.planner.reseller.at(plan.row()), self.billing.at(plan.row()));
                self.losses.add(key, outcome, evidence, missed.0)?;
            }
        }
        if missed.0 != 0 && evidence != Evidence::BeforeFirstRecord {
            let sum = self.missed.entry((plan.scope, self.billing.at(plan.row()))).or_default();
            *sum = checked_sum(*sum, missed.0)?;
        }
        Ok(())
    }

    fn note_price(&mut self, row: usize, rate: Option<D22>, net: Option<D22>, list_cost: D12) -> std::result::Result<(), SumTooLarge> {
        let (Some(rate), Some(net)) = (rate, net) else { return Ok(()) };
        if let Some(adjustment) = price_adjustment(list_cost, rate, net) {
            let (lines, amount) = self.price_adjusted.entry(self.pricing.at(row)).or_default();
            (*lines, *amount) = (*lines + 1, checked_sum(*amount, adjustment.0)?);
        }
        Ok(())
    }

    fn finish(mut self, provenance: &Provenance, carry: &[String]) -> Result<Decided<'a>> {
        self.rejected.sort_by_key(|(row, _)| *row);
        let currency = |keys: &Keys, key: i32| keys.value(key).filter(|c| !c.is_empty()).map(str::to_owned);
        let control = self.control.named(&self.billing);
        let scopes = self.scope_news();
        let names = BatchNames::of_rows(self.batch, self.columns.rows(), self.columns.days());
        let verdicts: Vec<&Verdict> = self.answers.iter().map(|answer| &answer.verdict).collect();
        let losses = std::mem::take(&mut self.losses).finish(&self.planner.scopes.all, self.questions, &self.planner.reseller, &self.billing);
        Ok(Decided {
            accepted: self.columns.count() as u64,
            names,
            price_adjusted: self.price_adjusted.iter().map(|(key, sum)| (currency(&self.pricing, *key), *sum)).collect(),
            operands_rounded: rounded(self.batch),
            subscription_mismatches: self.planner.scopes.mismatches,
            lines: if self.columns.count() == 0 { Vec::new() } else { self.columns.finish(self.batch, provenance, carry, &verdicts)? },
            rejected: self.rejected,
            cells: self.cells,
            losses: losses.map_err(|e| e.error(self.context.group_id))?,
            footprint: Footprint::default(),
            scopes,
            control,
        })
    }

    fn scope_news(&self) -> ScopeNews {
        let mut news = ScopeNews { answers: self.answers.to_vec(), ..ScopeNews::default() };
        let all = &self.planner.scopes.all;
        let mut codes: Vec<Option<u32>> = vec![None; all.len()];
        let mut code = |scope: u32, spellings: &mut Spellings| {
            let place = scope as usize;
            let key = all[place].scope.as_ref().map_or("", Scope::key);
            *codes[place].get_or_insert_with(|| spellings.code(key, &all[place].shown))
        };
        news.days.reserve_exact(self.asked.len());
        for asked in &self.asked {
            if all[asked.scope as usize].scope.is_some() {
                news.days.push(ScopeDay { scope: code(asked.scope, &mut news.scopes), ..*asked });
            }
        }
        for ((scope, currency), amount) in &self.missed {
            let currency = self.billing.value(*currency).filter(|c| !c.is_empty()).map(str::to_owned);
            news.missed.push((code(*scope, &mut news.scopes), currency, *amount));
        }
        news
    }
}

/// Operand cells of the batch that had digits beyond the 22nd place.
fn rounded(batch: &ChargeBatch) -> u64 {
    [&batch.quantity, &batch.list_unit_price, &batch.net_cost, &batch.exchange_rate].iter().map(|column| column.rounded).sum()
}
