//! Likely misconfigurations, with the charges and the money they cost.
//!
//! A charge is counted once in the total, once under each cause it shows, and there once in each thing seen.

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::knowledge::Knowledge;
use pecan_core::party::OrganisationCode;

use super::judge::{Seen, judge};
use crate::decide::cells::SumTooLarge;
use crate::decide::losses::{ByCurrency, Loss, LossKey, Losses};

/// Why charges earn nothing, in the terms of Microsoft's troubleshooting page. What each means is in [`super::judge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Access of P, of no role that earns.
    ReaderOnly,
    /// An earning role of somebody who is linked to nobody.
    UnlinkedPrincipal,
    /// The foreign principal of another partner's tenant.
    ForeignPrincipal,
    /// Somebody linked to another organisation.
    OtherOrganisation,
    /// Somebody linked to a partner id that the partners table lacks.
    UnknownPartnerId,
    /// No reseller of record is named, and it would have helped.
    ResellerNotSet,
    /// The reseller of record is not in the partners table.
    ResellerUnknown,
    /// The link does not cover the time the role is held.
    LinkExpired,
    /// The role was taken away.
    Removed,
    /// The role was given in the course of the day.
    AccessBegan,
    /// Nothing of the kind: no role that earns is known there.
    NoAssignment,
}

impl Cause {
    /// The finding's code, listed in `docs/RUNBOOK.md`.
    pub fn code(self) -> &'static str {
        match self {
            Cause::ReaderOnly => "reader_only",
            Cause::UnlinkedPrincipal => "unlinked_principal",
            Cause::ForeignPrincipal => "foreign_principal",
            Cause::OtherOrganisation => "other_organisation",
            Cause::UnknownPartnerId => "unknown_partner_id",
            Cause::ResellerNotSet => "reseller_not_set",
            Cause::ResellerUnknown => "reseller_unknown",
            Cause::LinkExpired => "link_expired",
            Cause::Removed => "removed",
            Cause::AccessBegan => "access_began",
            Cause::NoAssignment => "no_assignment",
        }
    }
}

/// In whom or what a cause is seen. Fields that do not matter to the cause are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// Whose access it is.
    pub principal: Option<String>,
    /// The organisation outside P.
    pub organisation: Option<OrganisationCode>,
    /// A partner id that the partners table lacks.
    pub partner_id: Option<String>,
    /// The organisation of P that the access is, or should be, linked to.
    pub to: OrganisationCode,
    /// The access interval that stopped.
    pub interval: Option<usize>,
    /// Where nothing is known, in which subscription.
    pub subscription: Option<String>,
}

/// Charges and money, and what of it a remedy would have earned.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Stake {
    /// All of it.
    pub missed: ByCurrency,
    /// If this alone were mended.
    pub would_earn: ByCurrency,
}

impl Stake {
    fn add(&mut self, missed: &ByCurrency, would_earn: bool) -> Result<(), SumTooLarge> {
        for (currency, more) in missed {
            self.missed.entry(currency.clone()).or_default().add(*more)?;
            if would_earn {
                self.would_earn.entry(currency.clone()).or_default().add(*more)?;
            }
        }
        Ok(())
    }

    /// What is sorted by: the most in any one currency, since currencies do not add up.
    pub fn weight(&self) -> i128 {
        self.missed.values().map(|m| m.credit).max().unwrap_or_default()
    }
}

/// Charges of all currencies.
pub fn charges(of: &ByCurrency) -> u64 {
    of.values().map(|m| m.charges).sum()
}

/// One thing seen.
#[derive(Debug, Default)]
pub struct Sighting {
    /// Access intervals it is seen in.
    pub intervals: BTreeSet<usize>,
    /// Subscriptions of the charges, lower case.
    pub subscriptions: BTreeSet<String>,
    /// Usage days, first and last.
    pub days: Option<(i32, i32)>,
    /// Charges and money.
    pub stake: Stake,
}

/// All things seen of one cause.
#[derive(Debug, Default)]
pub struct OfCause {
    /// Each charge once.
    pub stake: Stake,
    /// By whom or what.
    pub seen: BTreeMap<Subject, Sighting>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Misconfigurations {
    /// Each charge once.
    pub total: ByCurrency,
    /// By cause.
    pub causes: BTreeMap<Cause, OfCause>,
}

impl Misconfigurations {
    /// Judges the losses of a group: each distinct chain, day and parties once.
    /// # Errors
    /// [`SumTooLarge`].
    pub fn add(&mut self, knowledge: &Knowledge, losses: &Losses) -> Result<(), SumTooLarge> {
        losses.iter().try_for_each(|(key, loss)| self.enter(key, loss, &judge(knowledge, key, loss)))
    }

    fn enter(&mut self, key: &LossKey, loss: &Loss, seen: &[Seen]) -> Result<(), SumTooLarge> {
        for (currency, more) in &loss.missed {
            self.total.entry(currency.clone()).or_default().add(*more)?;
        }
        let causes: BTreeSet<Cause> = seen.iter().map(|s| s.cause).collect();
        for cause in causes {
            let mine = || seen.iter().filter(|s| s.cause == cause);
            let of_cause = self.causes.entry(cause).or_default();
            of_cause.stake.add(&loss.missed, mine().any(|s| s.would_earn))?;
            for one in mine() {
                let sighting = of_cause.seen.entry(one.subject.clone()).or_default();
                sighting.intervals.extend(&one.intervals);
                sighting.subscriptions.extend(key.subscription.clone());
                let day = key.question.day;
                let (first, last) = sighting.days.unwrap_or((day, day));
                sighting.days = Some((first.min(day), last.max(day)));
                sighting.stake.add(&loss.missed, one.would_earn)?;
            }
        }
        Ok(())
    }

    /// Causes with the most money first, then by code.
    pub fn sorted(&self) -> Vec<(Cause, &OfCause)> {
        let mut causes: Vec<(Cause, &OfCause)> = self.causes.iter().map(|(cause, of)| (*cause, of)).collect();
        causes.sort_by_key(|(cause, of)| (std::cmp::Reverse(of.stake.weight()), cause.code()));
        causes
    }
}

impl OfCause {
    /// Things seen with the most money first, then in the order of subjects.
    pub fn sorted(&self) -> Vec<(&Subject, &Sighting)> {
        let mut seen: Vec<(&Subject, &Sighting)> = self.seen.iter().collect();
        seen.sort_by_key(|(_, sighting)| std::cmp::Reverse(sighting.stake.weight()));
        seen
    }
}
