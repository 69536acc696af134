//! Exact sums on the way to a [`Summary`]: filled by several threads, merged, finished once.

use std::collections::BTreeMap;
use std::time::Duration;

use pecan_core::charge::{Evidence, Outcome};
use pecan_core::money::LIMIT;

use super::figures::ratio;
use super::{Amount, Coverage, Files, OutcomeTotal, PriceAdjusted, Summary, TableWritten, Top, Total, UnknownRole, Warning};
use crate::error::{Error, Result};

/// Entries of `top_customers` and `top_scopes` per billing currency.
const TOP: usize = 10;
/// Places of a coverage rate.
const RATE_PLACES: u32 = 6;

/// Sums over credit lines that share all the words and names below; amounts at 12 places.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "columns of fact_credit_line, summed")]
pub struct Cell {
    pub outcome: Outcome,
    pub evidence: Evidence,
    pub billing_currency: Option<String>,
    pub pricing_currency: Option<String>,
    /// As written.
    pub customer: Option<String>,
    /// Credit lines.
    pub charges: u64,
    pub list_cost: i128,
    pub credit: i128,
    /// What `covered` would have given (details 31), whatever the evidence.
    pub missed: i128,
    pub applied: i128,
}

/// What the pipeline knows of a run beside the sums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFacts {
    /// The run's id.
    pub run_id: String,
    /// Nothing had changed, nothing was written.
    pub nothing_to_do: bool,
    /// `--dry-run`.
    pub dry_run: bool,
    /// Output files.
    pub files: Files,
    /// Tables as they are now.
    pub tables: Vec<TableWritten>,
    /// From start to now.
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    charges: u64,
    list_cost: i128,
    credit: i128,
    missed: i128,
    applied: i128,
}

impl Sums {
    fn add(&mut self, other: &Sums) -> Option<()> {
        self.charges = self.charges.checked_add(other.charges)?;
        self.list_cost = self.list_cost.checked_add(other.list_cost)?;
        self.credit = self.credit.checked_add(other.credit)?;
        self.missed = self.missed.checked_add(other.missed)?;
        self.applied = self.applied.checked_add(other.applied)?;
        Some(())
    }
}

/// Missed credit under one lower-case id, shown in the first spelling in byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Ranked {
    shown: Option<String>,
    missed: i128,
}

type Currency = Option<String>;
/// By currency and lower-case id.
type Ranking = BTreeMap<(Currency, Option<String>), Ranked>;

/// Sums of a run so far. Merging is exact and in any order gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    rows_read: u64,
    rejections: u64,
    rejections_other: u64,
    operands_rounded: u64,
    outcomes: BTreeMap<(Outcome, Evidence, Currency), Sums>,
    list_costs: BTreeMap<Currency, i128>,
    customers: Ranking,
    scopes: Ranking,
    adjusted: BTreeMap<Currency, (u64, i128)>,
    unknown_roles: BTreeMap<String, u64>,
    counts: BTreeMap<String, u64>,
    warnings: Vec<Warning>,
}

impl Tally {
    /// Adds charge rows read, those of them rejected, and numbers rounded to 22 places.
    pub fn add_rows(&mut self, read: u64, rejected: u64, operands_rounded: u64) {
        self.rows_read = self.rows_read.saturating_add(read);
        self.rejections = self.rejections.saturating_add(rejected);
        self.operands_rounded = self.operands_rounded.saturating_add(operands_rounded);
    }

    /// Adds rejections of audit and reference files.
    pub fn add_rejections_other(&mut self, rejected: u64) {
        self.rejections_other = self.rejections_other.saturating_add(rejected);
    }

    /// Adds credit lines.
    /// # Errors
    /// Input (exit 3) naming the group whose sum does not fit (details 32).
    pub fn add_line(&mut self, cell: Cell) -> Result<()> {
        let sums = Sums { charges: cell.charges, list_cost: cell.list_cost, credit: cell.credit, missed: cell.missed, applied: cell.applied };
        if cell.missed != 0 && cell.evidence != Evidence::BeforeFirstRecord {
            rank(&mut self.customers, &cell.billing_currency, cell.customer, cell.missed, "customer")?;
        }
        self.add_list_cost(cell.pricing_currency, cell.list_cost)?;
        self.add_outcome((cell.outcome, cell.evidence, cell.billing_currency), &sums)
    }

    /// Adds missed credit of one scope, as shown (`None`: the charges name none); what rests on no evidence is left out by the caller.
    /// # Errors
    /// As [`Tally::add_line`].
    pub fn add_missed_scope(&mut self, billing_currency: Option<String>, scope: Option<&str>, missed: i128) -> Result<()> {
        rank(&mut self.scopes, &billing_currency, scope.map(str::to_owned), missed, "scope")
    }

    fn add_list_cost(&mut self, currency: Currency, amount: i128) -> Result<()> {
        let group = named("list cost in pricing currency", &currency);
        add(self.list_costs.entry(currency).or_default(), amount, || group)
    }

    fn add_outcome(&mut self, key: (Outcome, Evidence, Currency), sums: &Sums) -> Result<()> {
        let group = named(&format!("outcome {}, evidence {}, billing currency", key.0.word(), key.1.word()), &key.2);
        self.outcomes.entry(key).or_default().add(sums).ok_or_else(|| too_large(&group))
    }

    /// Adds lines whose net cost is lower than our rate explains (R-MONEY-2), and by how much.
    /// # Errors
    /// As [`Tally::add_line`].
    pub fn add_price_adjusted(&mut self, pricing_currency: Option<String>, lines: u64, amount: i128) -> Result<()> {
        let group = named("price adjustment in pricing currency", &pricing_currency);
        let sum = self.adjusted.entry(pricing_currency).or_default();
        sum.0 = sum.0.saturating_add(lines);
        add(&mut sum.1, amount, || group)
    }

    /// Adds assignments of a role nobody knows.
    pub fn add_unknown_role(&mut self, role_definition_id: &str, assignments: u64) {
        let sum = self.unknown_roles.entry(role_definition_id.to_string()).or_default();
        *sum = sum.saturating_add(assignments);
    }

    /// Adds to something the contract calls counted; `contradictions` is reported on its own, too.
    pub fn count(&mut self, word: &str, n: u64) {
        let sum = self.counts.entry(word.to_string()).or_default();
        *sum = sum.saturating_add(n);
    }

    /// Adds a warning; the same one twice is one.
    pub fn warn(&mut self, code: impl Into<String>, text: impl Into<String>) {
        let warning = Warning { code: code.into(), text: text.into() };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Charge rows read so far.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// Charge rows rejected so far.
    pub fn rejections(&self) -> u64 {
        self.rejections
    }

    /// Adds all of another tally.
    /// # Errors
    /// As [`Tally::add_line`].
    pub fn merge(&mut self, other: Tally) -> Result<()> {
        self.add_rows(other.rows_read, other.rejections, other.operands_rounded);
        self.add_rejections_other(other.rejections_other);
        other.outcomes.into_iter().try_for_each(|(key, sums)| self.add_outcome(key, &sums))?;
        other.list_costs.into_iter().try_for_each(|(currency, amount)| self.add_list_cost(currency, amount))?;
        for ((currency, _), ranked) in other.customers {
            rank(&mut self.customers, &currency, ranked.shown, ranked.missed, "customer")?;
        }
        for ((currency, _), ranked) in other.scopes {
            rank(&mut self.scopes, &currency, ranked.shown, ranked.missed, "scope")?;
        }
        other.adjusted.into_iter().try_for_each(|(currency, (lines, amount))| self.add_price_adjusted(currency, lines, amount))?;
        other.unknown_roles.iter().for_each(|(role, n)| self.add_unknown_role(role, *n));
        other.counts.iter().for_each(|(word, n)| self.count(word, *n));
        other.warnings.into_iter().for_each(|w| self.warn(w.code, w.text));
        Ok(())
    }

    /// The summary.
    /// # Errors
    /// Input (exit 3) naming a group whose sum is beyond decimal(38,12); Bug (exit 1) if rows were lost (R-CONSERVE).
    pub fn finish(self, facts: RunFacts) -> Result<Summary> {
        let totals = self.totals()?;
        let credit_lines = self.outcomes.values().map(|sums| sums.charges).fold(0u64, u64::saturating_add);
        if self.rows_read != credit_lines.saturating_add(self.rejections) {
            let seen = format!("{} rows read, {credit_lines} credit lines and {} rejections", self.rows_read, self.rejections);
            return Err(Error::bug(
                "rows_not_conserved",
                "adding up the run",
                "all groups",
                seen,
                "Report this with the job file; nothing was lost in the inputs.",
            ));
        }
        Ok(Summary {
            run_id: facts.run_id,
            nothing_to_do: facts.nothing_to_do,
            files: facts.files,
            rows_read: self.rows_read,
            credit_lines,
            rejections: self.rejections,
            rejections_other: self.rejections_other,
            operands_rounded: self.operands_rounded,
            coverage: totals.iter().map(coverage).collect::<Result<_>>()?,
            totals,
            outcomes: self.outcome_totals()?,
            price_adjusted: self.price_adjusted()?,
            unknown_roles: self.unknown_roles.into_iter().map(|(role_definition_id, assignments)| UnknownRole { role_definition_id, assignments }).collect(),
            top_customers: top(self.customers, "customer")?,
            top_scopes: top(self.scopes, "scope")?,
            contradictions: self.counts.get("contradictions").copied().unwrap_or(0),
            counts: self.counts,
            warnings: self.warnings,
            tables: facts.tables,
            took: facts.took,
            dry_run: facts.dry_run,
            list_costs: self.list_costs.into_iter().map(|(currency, sum)| (currency, Amount(sum))).collect(),
        })
    }

    /// Per billing currency over all outcomes; missed credit without `before_first_record` (details 27).
    fn totals(&self) -> Result<Vec<Total>> {
        let mut by_currency: BTreeMap<&Currency, Sums> = BTreeMap::new();
        for ((_, evidence, currency), sums) in &self.outcomes {
            let missed = if *evidence == Evidence::BeforeFirstRecord { 0 } else { sums.missed };
            let known = Sums { missed, ..*sums };
            by_currency.entry(currency).or_default().add(&known).ok_or_else(|| too_large(&named("billing currency", currency)))?;
        }
        let total = |(currency, sums): (&Currency, Sums)| {
            let group = named("billing currency", currency);
            Ok(Total {
                billing_currency: currency.clone(),
                list_cost: fitting(sums.list_cost, &group)?,
                credit: fitting(sums.credit, &group)?,
                missed_credit: fitting(sums.missed, &group)?,
                applied_credit: fitting(sums.applied, &group)?,
            })
        };
        by_currency.into_iter().map(total).collect()
    }

    fn outcome_totals(&self) -> Result<Vec<OutcomeTotal>> {
        let total = |((outcome, evidence, currency), sums): (&(Outcome, Evidence, Currency), &Sums)| {
            let group = named(&format!("outcome {}, billing currency", outcome.word()), currency);
            Ok(OutcomeTotal {
                outcome: *outcome,
                evidence: *evidence,
                billing_currency: currency.clone(),
                charges: sums.charges,
                credit: fitting(sums.credit, &group)?,
                missed_credit: fitting(sums.missed, &group)?,
            })
        };
        self.outcomes.iter().map(total).collect()
    }

    fn price_adjusted(&self) -> Result<Vec<PriceAdjusted>> {
        let entry = |(currency, (lines, amount)): (&Currency, &(u64, i128))| {
            let group = named("price adjustment in pricing currency", currency);
            Ok(PriceAdjusted { pricing_currency: currency.clone(), lines: *lines, amount: fitting(*amount, &group)? })
        };
        self.adjusted.iter().map(entry).collect()
    }
}

fn coverage(total: &Total) -> Result<Coverage> {
    let group = || too_large(&named("billing currency", &total.billing_currency));
    let all = total.credit.0.checked_add(total.missed_credit.0).ok_or_else(group)?;
    let rate = ratio(total.credit.0, all, RATE_PLACES);
    Ok(Coverage { billing_currency: total.billing_currency.clone(), rate })
}

fn rank(ranking: &mut Ranking, currency: &Currency, shown: Option<String>, missed: i128, what: &str) -> Result<()> {
    let lower = shown.as_deref().map(str::to_lowercase);
    let ranked = ranking.entry((currency.clone(), lower)).or_insert_with(|| Ranked { shown: shown.clone(), missed: 0 });
    let group = || format!("{what} {}", shown.as_deref().unwrap_or("(none)"));
    add(&mut ranked.missed, missed, group)?;
    if shown < ranked.shown {
        ranked.shown = shown;
    }
    Ok(())
}

/// Per currency those that missed most; a tie goes to the first id in byte order. What missed nothing is no news.
fn top(ranking: Ranking, what: &str) -> Result<Vec<Top>> {
    let mut by_currency: BTreeMap<Currency, Vec<Ranked>> = BTreeMap::new();
    for ((currency, _), ranked) in ranking {
        if ranked.missed > 0 {
            by_currency.entry(currency).or_default().push(ranked);
        }
    }
    let mut all = Vec::new();
    for (currency, mut ranked) in by_currency {
        ranked.sort_by(|a, b| b.missed.cmp(&a.missed).then_with(|| a.shown.cmp(&b.shown)));
        for entry in ranked.into_iter().take(TOP) {
            let missed_credit = fitting(entry.missed, &format!("{what} {}", entry.shown.as_deref().unwrap_or("(none)")))?;
            all.push(Top { id: entry.shown, billing_currency: currency.clone(), missed_credit });
        }
    }
    Ok(all)
}

fn add(sum: &mut i128, amount: i128, group: impl FnOnce() -> String) -> Result<()> {
    *sum = sum.checked_add(amount).ok_or_else(|| too_large(&group()))?;
    Ok(())
}

/// Whether a finished sum is a decimal(38,12); tested only here, so that the order of adding changes nothing.
fn fitting(sum: i128, group: &str) -> Result<Amount> {
    if sum.unsigned_abs() < LIMIT { Ok(Amount(sum)) } else { Err(too_large(group)) }
}

fn named(what: &str, currency: &Currency) -> String {
    format!("{what} {}", currency.as_deref().unwrap_or("(none)"))
}

fn too_large(group: &str) -> Error {
    let next = "An amount in the input must be wrong by many powers of ten; look for the greatest quantity or price of this group.";
    Error::input("sum_too_large", "adding up amounts", group, "a sum beyond decimal(38,12)", next)
}
