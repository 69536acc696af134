//! Charges that earn nothing for want of access, added up by what they asked: what `check` judges. A run gathers none.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use pecan_core::charge::{Evidence, Outcome};
use pecan_core::scope::{Scope, id_key};

use super::cells::{SumTooLarge, checked_sum};
use super::scopes::ChargeScope;
use crate::answers::Question;
use crate::keys::Keys;

/// Whom the charges name as reseller of record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedReseller {
    /// Nobody.
    Nobody,
    /// An organisation of the partners table: it is one of P.
    Known,
    /// A partner id, lower case, that the partners table lacks.
    Unknown(String),
}

/// What charges that lost their credit have in common: access is judged once for all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LossKey {
    /// Chain of scopes, day and parties; the code of the chain is that of one group.
    pub question: Question,
    /// Whom they name as reseller.
    pub reseller: NamedReseller,
    /// Lower case; `None`: they name no resource, resource group or subscription.
    pub subscription: Option<String>,
}

/// Charges and the credit they missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missed {
    /// How many.
    pub charges: u64,
    /// What `covered` would have given, at 12 places.
    pub credit: i128,
}

impl Missed {
    /// Adds more, exactly.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn add(&mut self, more: Missed) -> Result<(), SumTooLarge> {
        self.charges += more.charges;
        self.credit = checked_sum(self.credit, more.credit)?;
        Ok(())
    }
}

/// Missed credit by billing currency.
pub type ByCurrency = BTreeMap<Option<String>, Missed>;

/// The charges of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// One of their scopes; all of them share its chain of scopes that hold access.
    pub scope: Option<Scope>,
    /// `no_access`, `role_not_earning`, `not_linked` or `gap`.
    pub outcome: Outcome,
    /// Exact sums.
    pub missed: ByCurrency,
}

/// Losses by key.
pub type Losses = BTreeMap<LossKey, Loss>;

/// Adds the losses of a batch to those of its group.
/// # Errors
/// [`SumTooLarge`].
pub fn merge(all: &mut Losses, more: &Losses) -> Result<(), SumTooLarge> {
    for (key, loss) in more {
        match all.get_mut(key) {
            None => {
                all.insert(key.clone(), loss.clone());
            }
            Some(known) => loss.missed.iter().try_for_each(|(currency, missed)| known.missed.entry(currency.clone()).or_default().add(*missed))?,
        }
    }
    Ok(())
}

/// Whether the outcome is a matter of access and earns nothing.
pub fn is_loss(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::NoAccess | Outcome::RoleNotEarning | Outcome::NotLinked | Outcome::Gap)
}

/// Scope, question, and dictionary keys of reseller and billing currency.
type RowKey = (u32, usize, i32, i32);

/// The losses of a batch under way, by dictionary key.
#[derive(Debug, Default)]
pub struct BatchLosses {
    sums: HashMap<RowKey, (Outcome, Missed)>,
}

impl BatchLosses {
    /// Adds a charge, unless its outcome is no loss or rests on no evidence.
    pub fn add(&mut self, key: RowKey, outcome: Outcome, evidence: Evidence, credit: i128) -> Result<(), SumTooLarge> {
        if !is_loss(outcome) || evidence == Evidence::BeforeFirstRecord {
            return Ok(());
        }
        self.sums.entry(key).or_insert((outcome, Missed::default())).1.add(Missed { charges: 1, credit })
    }

    /// Puts ids in the place of dictionary keys. Of several scopes with one chain the first in order stands for all.
    pub fn finish(self, scopes: &[ChargeScope], questions: &[Question], reseller: &Keys, billing: &Keys) -> Result<Losses, SumTooLarge> {
        let mut losses = Losses::new();
        for ((scope, question, mpn, currency), (outcome, missed)) in self.sums {
            let scope = scopes[scope as usize].scope.clone();
            let question = questions[question];
            let named = reseller.value(mpn).and_then(id_key);
            let reseller = match (question.parties.reseller, named) {
                (Some(_), _) => NamedReseller::Known,
                (None, Some(mpn)) => NamedReseller::Unknown(mpn),
                (None, None) => NamedReseller::Nobody,
            };
            let key = LossKey { question, reseller, subscription: scope.as_ref().and_then(Scope::subscription_id).map(str::to_owned) };
            let loss = losses.entry(key).or_insert_with(|| Loss { scope: scope.clone(), outcome, missed: ByCurrency::new() });
            loss.scope = loss.scope.take().into_iter().chain(scope).min();
            let currency = billing.value(currency).filter(|c| !c.is_empty()).map(str::to_owned);
            loss.missed.entry(currency).or_default().add(missed)?;
        }
        Ok(losses)
    }
}
