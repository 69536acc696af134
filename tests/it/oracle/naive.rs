//! The naive program: every charge walks the elementary instants of its own day (R-DAY, R-OUTCOME, details 15, 27, 29).

use pecan_core::charge::Reason;
use pecan_core::charge::{Evidence, Numbers, Outcome, Product};
use pecan_core::event::{AuditRecord, Place, Space};
use pecan_core::money::D22;
use pecan_core::reference::{ExcludedKind, Reference};
use pecan_core::rules::{CombineParties, Rules};
use pecan_core::time::{Day, RawInstant};

use super::access::{self, Held};
use super::amounts::{self, Money, TooLarge};
use super::log;
use super::party::{self, Parties};
use super::path::{ArmPath, complete_for, covers, id, lower};
use super::product;

/// All that a run knows beside the charges.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    pub records: Vec<AuditRecord>,
    pub reference: Reference,
    pub cutoff: Option<RawInstant>,
    pub first_record: Option<RawInstant>,
    pub newest_record: Option<RawInstant>,
    pub rules: Rules,
}

/// One charge.
#[derive(Debug, Clone)]
pub struct OneCharge {
    pub usage_date: Day,
    pub subscription_id: Option<String>,
    pub resource_group: Option<String>,
    pub resource_id: Option<String>,
    pub partner_tenant_id: Option<String>,
    pub reseller_mpn_id: Option<String>,
    pub product: Product,
    pub numbers: Numbers,
}

/// The oracle's credit line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub outcome: Outcome,
    pub excluded_kind: Option<ExcludedKind>,
    pub evidence: Evidence,
    pub scope_level: Option<&'static str>,
    pub organisation_id: Option<String>,
    pub covered_seconds: Option<i64>,
    pub gap_from: Option<i64>,
    pub gap_until: Option<i64>,
    pub gap_count: Option<i64>,
    pub rate: Option<D22>,
    pub billed_mpn_id: Option<String>,
    pub money: Money,
}

/// What the oracle makes of the inputs.
pub struct Oracle {
    inputs: Inputs,
    pub held: Vec<Held>,
    pub rejected: Vec<(Place, Reason)>,
}

/// The run stops: details 16 or 22.
#[derive(Debug)]
pub struct Stopped;

/// Two lists of everything less than ten minutes apart are rows stamped one by one (details 22).
fn stamped_one_by_one(reference: &Reference) -> bool {
    [Space::Role, Space::Registration].iter().any(|space| {
        let whole: Vec<i128> = reference.listed.iter().filter(|r| r.space == *space && r.snapshot_scope.is_none()).map(|r| r.snapshot_at.0).collect();
        whole.iter().any(|a| whole.iter().any(|b| a < b && b - a < 600_000_000_000))
    })
}

/// What of a day an organisation (or both together) covers.
struct Share {
    covered: i64,
    gaps: Vec<(i64, i64)>,
}

/// What walking the day found.
struct Walk {
    outcome: Outcome,
    organisation: Option<String>,
    share: Option<Share>,
}

impl Walk {
    fn bare(outcome: Outcome) -> Walk {
        Walk { outcome, organisation: None, share: None }
    }
}

impl Oracle {
    /// Reads everything.
    pub fn new(inputs: Inputs) -> Result<Oracle, Stopped> {
        if party::conflict(&inputs.reference.partners) || stamped_one_by_one(&inputs.reference) {
            return Err(Stopped);
        }
        let log = log::read(&inputs.records, &inputs.reference.listed);
        let held = access::intervals(&log, &inputs.reference);
        Ok(Oracle { held, rejected: log.rejected, inputs })
    }

    fn day(&self, charge: &OneCharge) -> (i64, i64) {
        let minutes = i64::from(charge.usage_date.0) * 1440 + i64::from(self.inputs.rules.day_offset_minutes);
        (minutes * 60_000_000, (minutes + 1440) * 60_000_000)
    }

    /// The credit line of a charge, or that an amount does not fit.
    pub fn decide(&self, charge: &OneCharge) -> Result<Line, TooLarge> {
        let Inputs { reference, rules, .. } = &self.inputs;
        let place = charge_place(charge);
        let parties = party::parties(reference, charge.partner_tenant_id.as_ref(), charge.reseller_mpn_id.as_ref());
        let (rate, from_table) = product::rate(reference, rules, &charge.product, &charge.numbers, charge.usage_date);
        let excluded = product::excluded(reference, &charge.product, charge.usage_date);
        let walk = if !charge.product.usage {
            Walk::bare(Outcome::NotUsage)
        } else if excluded.is_some() {
            Walk::bare(Outcome::ProductExcluded)
        } else if from_table && rate.0 == 0 {
            Walk::bare(Outcome::RateZero)
        } else {
            self.walk(charge, &parties, place.as_deref())
        };
        let rate = charge.product.usage.then_some(rate);
        let first_gap = walk.share.as_ref().and_then(|s| s.gaps.first().copied());
        Ok(Line {
            outcome: walk.outcome,
            excluded_kind: excluded.filter(|_| walk.outcome == Outcome::ProductExcluded),
            evidence: self.evidence(charge, walk.outcome, place.as_deref()),
            scope_level: place.as_deref().map(level),
            organisation_id: walk.organisation,
            covered_seconds: walk.share.as_ref().map(|s| s.covered.div_euclid(1_000_000)),
            gap_from: first_gap.map(|g| g.0),
            gap_until: first_gap.map(|g| g.1),
            gap_count: walk.share.as_ref().and_then(|s| i64::try_from(s.gaps.len()).ok()),
            rate,
            billed_mpn_id: parties.billed_mpn,
            money: amounts::money(rules, &charge.numbers, rate, walk.outcome)?,
        })
    }

    fn evidence(&self, charge: &OneCharge, outcome: Outcome, place: Option<&[String]>) -> Evidence {
        let (from, until) = self.day(charge);
        let cutoff = self.inputs.cutoff.or(self.inputs.newest_record);
        if cutoff.is_none_or(|cutoff| i128::from(until) * 1000 > cutoff.0) {
            return Evidence::Provisional;
        }
        let access_question = matches!(outcome, Outcome::NoAccess | Outcome::RoleNotEarning | Outcome::NotLinked | Outcome::Gap);
        let subscription = place.map(|p| ArmPath::Below(vec![p[0].clone()]));
        let speaks = |list: &access::List| match &subscription {
            Some(path) => complete_for(list.scope.as_ref(), path, &self.inputs.reference.management_groups),
            None => list.scope.is_none(),
        };
        let first_list = access::lists(&self.inputs.reference.listed, Space::Role).iter().filter(|l| speaks(l)).map(|l| l.at).min();
        let before = |instant: Option<i128>| instant.is_none_or(|i| i128::from(from) * 1000 < i);
        if access_question && before(self.inputs.first_record.map(|r| r.0)) && before(first_list) { Evidence::BeforeFirstRecord } else { Evidence::Complete }
    }

    fn walk(&self, charge: &OneCharge, parties: &Parties, place: Option<&[String]>) -> Walk {
        if parties.billed.is_none() {
            return Walk::bare(Outcome::PartnerUnknown);
        }
        let Inputs { reference, rules, .. } = &self.inputs;
        let day = self.day(charge);
        let on_chain = |held: &&Held| place.is_some_and(|p| covers(&held.path, p, &reference.management_groups, rules.inherit_management_groups));
        let chain: Vec<&Held> = self.held.iter().filter(on_chain).collect();
        let organisations = parties.organisations();
        let links = |held: &Held, organisation: &str| party::links(reference, &held.principal, organisation);
        let mut cuts: Vec<i64> = vec![day.0, day.1];
        cuts.extend(parties.agreement.iter().flat_map(|s| [s.from.0, s.until.0]));
        for held in &chain {
            cuts.extend([held.from, held.until]);
            cuts.extend(organisations.iter().flat_map(|o| links(held, o)).flat_map(|(from, until)| [from, until]));
        }
        cuts.retain(|cut| day.0 <= *cut && *cut <= day.1);
        cuts.sort_unstable();
        cuts.dedup();
        let pieces: Vec<(i64, i64)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
        if !pieces.iter().all(|piece| parties.agreement.iter().any(|s| s.from.0 <= piece.0 && piece.0 < s.until.0)) {
            return Walk::bare(Outcome::AgreementInactive);
        }
        let in_force = |held: &Held, piece: &(i64, i64)| held.from <= piece.0 && piece.0 < held.until;
        let ever = |held: &Held| organisations.iter().any(|o| !links(held, o).is_empty());
        let known: Vec<&&Held> = chain.iter().filter(|h| ever(h) && pieces.iter().any(|p| in_force(h, p))).collect();
        if known.is_empty() {
            return Walk::bare(Outcome::NoAccess);
        }
        let earning: Vec<&&&Held> = known.iter().filter(|h| product::role_earns(reference, rules, &h.role, charge.usage_date)).collect();
        if earning.is_empty() {
            return Walk::bare(Outcome::RoleNotEarning);
        }
        let linked = |held: &Held, organisation: &str, piece: &(i64, i64)| links(held, organisation).iter().any(|l| l.0 <= piece.0 && piece.0 < l.1);
        let covered_by = |piece: &(i64, i64), organisation: &str| earning.iter().any(|h| in_force(h, piece) && linked(h, organisation, piece));
        self.judge(&pieces, &organisations, covered_by)
    }

    fn judge(&self, pieces: &[(i64, i64)], organisations: &[String], covered_by: impl Fn(&(i64, i64), &str) -> bool) -> Walk {
        let tolerance = i64::from(self.inputs.rules.gap_tolerance_seconds) * 1_000_000;
        let alone: Vec<Share> = organisations.iter().map(|o| share(pieces, |piece| covered_by(piece, o))).collect();
        let all = share(pieces, |piece| organisations.iter().any(|o| covered_by(piece, o)));
        if all.covered == 0 {
            return Walk::bare(Outcome::NotLinked);
        }
        let day: i64 = pieces.iter().map(|p| p.1 - p.0).sum();
        let passes = |share: &Share| day - share.covered <= tolerance;
        // The billed partner comes first, so only strictly more covered time replaces it.
        let mut most = 0;
        for (at, share) in alone.iter().enumerate() {
            if share.covered > alone[most].covered {
                most = at;
            }
        }
        let (covered, shown) = match self.inputs.rules.combine_parties {
            CombineParties::Each => (alone.iter().any(passes), alone.into_iter().nth(most)),
            CombineParties::Union => (passes(&all), Some(all)),
        };
        let outcome = if covered { Outcome::Covered } else { Outcome::Gap };
        Walk { outcome, organisation: organisations.get(most).cloned(), share: shown }
    }
}

/// Covered time and maximal gaps of a day cut into pieces.
fn share(pieces: &[(i64, i64)], covered: impl Fn(&(i64, i64)) -> bool) -> Share {
    let mut share = Share { covered: 0, gaps: Vec::new() };
    for piece in pieces {
        if covered(piece) {
            share.covered += piece.1 - piece.0;
        } else if share.gaps.last().is_some_and(|gap| gap.1 == piece.0) {
            let last = share.gaps.len() - 1;
            share.gaps[last].1 = piece.1;
        } else {
            share.gaps.push(*piece);
        }
    }
    share
}

/// Where a charge is: its resource id, else its resource group, else its subscription (R-SCOPE-4, details 15).
fn charge_place(charge: &OneCharge) -> Option<Vec<String>> {
    if let Some(ArmPath::Below(segments)) = charge.resource_id.as_deref().map(ArmPath::read) {
        return Some(segments);
    }
    let mut segments = vec![id(charge.subscription_id.as_ref())?];
    if let Some(group) = charge.resource_group.as_deref().filter(|g| !g.is_empty()) {
        segments.extend([String::from("resourcegroups"), lower(group)]);
    }
    Some(segments)
}

fn level(segments: &[String]) -> &'static str {
    match segments {
        [_] => "subscription",
        [_, word, _] if word == "resourcegroups" => "resource_group",
        _ => "resource",
    }
}
