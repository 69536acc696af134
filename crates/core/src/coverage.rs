//! Access intervals of a scope chain on a day → covered throughout, or the gaps (R-OUTCOME, R-DAY-2..4, details 29).
//!
//! | A0 | A1 | A2 | gaps | outcome |
//! |---|---|---|---|---|
//! | none | | | | `no_access` |
//! | some | none | | | `role_not_earning` |
//! | some | some | none | | `not_linked` |
//! | some | some | some | sum above the tolerance for every organisation | `gap` |
//! | some | some | some | sum within the tolerance for one | `covered` |

use crate::charge::Outcome;
use crate::party::OrganisationCode;
use crate::rules::{CombineParties, Rules};
use crate::time::{Span, gaps, union};

/// One access interval of the chain, as it meets a day and an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// Index of the access interval.
    pub interval: usize,
    /// Whether its role earns on that day.
    pub earns: bool,
    /// Its span cut to the organisation's link spans and to the day; empty = not linked on that day.
    pub linked: Vec<Span>,
}

/// The access of one organisation on one day to one chain of scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationDay {
    /// Whose.
    pub organisation: OrganisationCode,
    /// A0 of this organisation alone: every interval whose principal is ever linked to it.
    pub touches: Vec<Touch>,
    /// The union of its A2 spans.
    pub covered: Vec<Span>,
    /// What that leaves of the day.
    pub gaps: Vec<Span>,
}

impl OrganisationDay {
    /// Works out the union and the gaps from the touches.
    pub fn new(organisation: OrganisationCode, day: Span, touches: Vec<Touch>) -> OrganisationDay {
        let spans = touches.iter().filter(|t| t.earns).flat_map(|t| t.linked.iter().copied()).collect();
        let covered = union(spans);
        let gaps = gaps(day, &covered);
        OrganisationDay { organisation, touches, covered, gaps }
    }

    /// Covered time, microseconds.
    pub fn covered_micros(&self) -> i64 {
        self.covered.iter().fold(0, |sum, span| sum.saturating_add(span.micros()))
    }

    /// Whether this organisation alone covers the day within the tolerance.
    pub fn is_covered(&self, rules: &Rules) -> bool {
        within_tolerance(&self.gaps, rules)
    }
}

/// The sum of the day's gaps is compared, not the longest (R-DAY-3).
fn within_tolerance(gaps: &[Span], rules: &Rules) -> bool {
    let sum = gaps.iter().fold(0i64, |sum, gap| sum.saturating_add(gap.micros()));
    sum <= i64::from(rules.gap_tolerance_seconds).saturating_mul(1_000_000)
}

/// The answer to the access question of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `no_access` … `covered`.
    pub outcome: Outcome,
    /// The organisation reported; only for `gap` and `covered`.
    pub organisation: Option<OrganisationCode>,
    /// Whole seconds covered, rounded down; only for `gap` and `covered`.
    pub covered_seconds: Option<i64>,
    /// The first gap, if any.
    pub first_gap: Option<Span>,
    /// Number of gaps; only for `gap` and `covered`.
    pub gap_count: Option<i64>,
}

impl Verdict {
    fn without_coverage(outcome: Outcome) -> Verdict {
        Verdict { outcome, organisation: None, covered_seconds: None, first_gap: None, gap_count: None }
    }
}

/// Decides the access outcome for the organisations of P, the billed partner's first (R-OUTCOME-1..4).
pub fn decide(parties: &[&OrganisationDay], day: Span, rules: &Rules) -> Verdict {
    if parties.iter().all(|p| p.touches.is_empty()) {
        return Verdict::without_coverage(Outcome::NoAccess);
    }
    if !parties.iter().any(|p| p.touches.iter().any(|t| t.earns)) {
        return Verdict::without_coverage(Outcome::RoleNotEarning);
    }
    if parties.iter().all(|p| p.covered.is_empty()) {
        return Verdict::without_coverage(Outcome::NotLinked);
    }
    // max_by_key takes the last of equals: reversed, a tie goes to the billed partner.
    let Some(most) = parties.iter().rev().max_by_key(|p| p.covered_micros()) else {
        return Verdict::without_coverage(Outcome::NoAccess);
    };
    match rules.combine_parties {
        CombineParties::Each => report(most.organisation, &most.gaps, most.covered_micros(), rules),
        CombineParties::Union => {
            let together = union(parties.iter().flat_map(|p| p.covered.iter().copied()).collect());
            let micros = together.iter().fold(0i64, |sum, span| sum.saturating_add(span.micros()));
            report(most.organisation, &gaps(day, &together), micros, rules)
        }
    }
}

fn report(organisation: OrganisationCode, gaps: &[Span], covered_micros: i64, rules: &Rules) -> Verdict {
    Verdict {
        outcome: if within_tolerance(gaps, rules) { Outcome::Covered } else { Outcome::Gap },
        organisation: Some(organisation),
        covered_seconds: Some(covered_micros.div_euclid(1_000_000)),
        first_gap: gaps.first().copied(),
        gap_count: Some(i64::try_from(gaps.len()).unwrap_or(i64::MAX)),
    }
}
