//! What to mend to earn next month: the likely causes of lost scope-days, as `pecan check` judges them, ranked by the money they cost a
//! month as things stand now.
//!
//! The rate is that of the newest seven usage days of the month (fewer where it has fewer), for thirty days: what was mended since
//! comes last, at zero. Money is at list price (the default of `credit_base`), and stands under each cause it shows.

use std::collections::{BTreeMap, HashMap};

use pecan_core::knowledge::Knowledge;
use pecan_core::money::{AMOUNT_PLACES, plain};
use pecan_core::party::BilledCode;
use pecan_core::scope::{Scope, id_key};
use serde_json::{Value, json};

use super::charges::Lost;
use crate::answers::{PartyCodes, Question};
use crate::check::cause::{Cause, Misconfigurations, Sighting, Subject};
use crate::check::misconfigured::{extent, what};
use crate::check::{cause_json, remedy};
use crate::decide::cells::SumTooLarge;
use crate::decide::losses::{ByCurrency, Loss, LossKey, Losses, Missed, NamedReseller};
use crate::error::Result;
use crate::known::Known;
use crate::schema::name;

/// Usage days that stand for how things are now.
const RECENT_DAYS: i32 = 7;
/// Days of a month, for the rate.
const MONTH_DAYS: i128 = 30;

/// Charges that lost their credit, by what they asked.
pub struct LostDays<'a> {
    knowledge: &'a Knowledge,
    losses: Losses,
    /// Scopes by the chain of scopes that hold access: scopes of one chain are judged once.
    chains: HashMap<Vec<Scope>, u32>,
    of_scope: HashMap<Scope, u32>,
    /// Charges whose billed partner the credit line does not name.
    unnamed: u64,
}

impl<'a> LostDays<'a> {
    /// None yet.
    pub fn new(known: &'a Known) -> LostDays<'a> {
        LostDays { knowledge: &known.knowledge, losses: Losses::new(), chains: HashMap::new(), of_scope: HashMap::new(), unnamed: 0 }
    }

    /// Adds charges.
    /// # Errors
    /// `Input` if a sum does not fit.
    pub fn add(&mut self, lost: Lost) -> Result<()> {
        let Some(billed) = self.billed(lost.billed.as_deref()) else {
            self.unnamed += lost.missed.charges;
            return Ok(());
        };
        let known = lost.reseller.as_deref().and_then(|mpn| self.knowledge.parties.organisation_by_mpn(mpn));
        let reseller = match (known, lost.reseller) {
            (Some(_), _) => NamedReseller::Known,
            (None, Some(mpn)) => NamedReseller::Unknown(mpn),
            (None, None) => NamedReseller::Nobody,
        };
        let question = Question { chain: self.chain(lost.scope.as_ref()), day: lost.day, parties: PartyCodes { billed, reseller: known } };
        let subscription = lost.scope.as_ref().and_then(Scope::subscription_id).map(str::to_owned);
        let key = LossKey { question, reseller, subscription };
        let loss = self.losses.entry(key).or_insert_with(|| Loss { scope: lost.scope.clone(), outcome: lost.outcome, missed: ByCurrency::new() });
        loss.scope = loss.scope.take().into_iter().chain(lost.scope).min();
        loss.missed.entry(lost.currency).or_default().add(lost.missed).map_err(|SumTooLarge| SumTooLarge.error("month end"))
    }

    /// The billed partner by its id. Without one its tenant has several: then the only such tenant, if there is only one.
    fn billed(&self, mpn_id: Option<&str>) -> Option<BilledCode> {
        let all = self.knowledge.parties.all_billed();
        let id = |of: &Option<String>| of.as_deref().and_then(id_key);
        let mut fitting = all.iter().enumerate().filter(|(_, billed)| id(&billed.mpn_id).as_deref() == mpn_id).map(|(code, _)| code);
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }

    fn chain(&mut self, scope: Option<&Scope>) -> u32 {
        let Some(scope) = scope else { return u32::MAX };
        if let Some(code) = self.of_scope.get(scope) {
            return *code;
        }
        let chain: Vec<Scope> = self.knowledge.access.chain(scope, &self.knowledge.groups).into_iter().cloned().collect();
        let next = u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        let code = *self.chains.entry(chain).or_insert(next);
        self.of_scope.insert(scope.clone(), code);
        code
    }
}

/// One thing to mend.
#[derive(Debug, Clone)]
pub struct Remedy {
    /// Its code, as in `pecan check`.
    pub cause: &'static str,
    /// What was seen, and how much of it.
    pub seen: String,
    /// What to do.
    pub next: &'static str,
    /// The command that does it.
    pub command: Option<String>,
    /// What it cost in the month.
    pub missed: ByCurrency,
    /// What it costs in thirty days, as things stand now.
    pub per_month: ByCurrency,
    /// Everything `pecan check` tells of it.
    details: Value,
}

/// Everything that can be mended, the dearest first.
#[derive(Debug, Clone, Default)]
pub struct Remedies {
    /// One by one.
    pub all: Vec<Remedy>,
    /// Each lost charge once.
    pub total: ByCurrency,
    /// Charges whose billed partner is not known from the credit line alone.
    pub unnamed: u64,
}

impl Remedies {
    /// Judges all losses of a month whose last usage day this is.
    /// # Errors
    /// `Input` if a sum does not fit.
    pub fn of(known: &Known, lost: LostDays, last_day: i32) -> Result<Remedies> {
        let knowledge = &known.knowledge;
        let first_day = lost.losses.keys().map(|key| key.question.day).min().unwrap_or(last_day);
        let days = last_day.saturating_sub(first_day).saturating_add(1).clamp(1, RECENT_DAYS);
        let recent: Losses = lost.losses.iter().filter(|(key, _)| key.question.day > last_day - days).map(|(k, l)| (k.clone(), l.clone())).collect();
        let judged = |losses: &Losses| {
            let mut found = Misconfigurations::default();
            found.add(knowledge, losses).map(|()| found).map_err(|SumTooLarge| SumTooLarge.error("month end"))
        };
        let (month, now) = (judged(&lost.losses)?, judged(&recent)?);
        let mut all = Vec::new();
        // Access that begins in the course of a day needs nothing.
        for (cause, of) in month.sorted().into_iter().filter(|(cause, _)| *cause != Cause::AccessBegan) {
            for (subject, seen) in of.sorted() {
                let still = now.causes.get(&cause).and_then(|of| of.seen.get(subject));
                all.push(remedy_of(knowledge, cause, subject, seen, still, i128::from(days)));
            }
        }
        let most = |of: &ByCurrency| of.values().map(|missed| missed.credit).max().unwrap_or_default();
        // Sorting is stable: equals stay in the order of causes and subjects.
        all.sort_by_key(|remedy| std::cmp::Reverse((most(&remedy.per_month), most(&remedy.missed))));
        Ok(Remedies { all, total: month.total, unnamed: lost.unnamed })
    }

    /// A list of objects.
    pub fn to_json(&self) -> Value {
        self.all.iter().map(Remedy::to_json).collect()
    }
}

fn remedy_of(knowledge: &Knowledge, cause: Cause, subject: &Subject, seen: &Sighting, still: Option<&Sighting>, days: i128) -> Remedy {
    let monthly = |missed: &Missed| Missed { charges: missed.charges, credit: missed.credit * MONTH_DAYS / days };
    let per_month = seen.stake.missed.keys().map(|currency| {
        let now = still.and_then(|still| still.stake.missed.get(currency)).copied().unwrap_or_default();
        (currency.clone(), monthly(&now))
    });
    Remedy {
        cause: cause.code(),
        seen: format!("{}; {}", what(knowledge, cause, subject, seen), extent(seen)),
        next: remedy::next(cause),
        command: remedy::command(knowledge, cause, subject, seen),
        missed: seen.stake.missed.clone(),
        per_month: per_month.collect(),
        details: cause_json::sighting(knowledge, cause, subject, seen),
    }
}

impl Remedy {
    fn to_json(&self) -> Value {
        let per_month: BTreeMap<&str, String> =
            self.per_month.iter().map(|(currency, missed)| (currency.as_deref().unwrap_or_default(), plain(missed.credit, AMOUNT_PLACES))).collect();
        let mut object = self.details.clone();
        object[name::CAUSE] = json!(self.cause);
        object["seen"] = json!(self.seen);
        object["next"] = json!(self.next);
        object["per_month"] = per_month.into_iter().map(|(currency, missed)| json!({ (name::BILLING_CURRENCY): currency, "missed_credit": missed })).collect();
        object
    }
}
