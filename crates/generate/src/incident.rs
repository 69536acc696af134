//! What goes wrong, where and when: the plan of lost days, made before the first row so that their share is as asked.

use crate::access::Access;
use crate::options::Options;
use crate::world::World;

/// What a charge gets (credit-rules.md, R-OUTCOME), in the order of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    NotUsage,
    ProductExcluded,
    RateZero,
    PartnerUnknown,
    AgreementInactive,
    NoAccess,
    RoleNotEarning,
    NotLinked,
    Gap,
    Covered,
}

impl Outcome {
    pub(crate) const WORDS: [&'static str; 10] = [
        "not_usage",
        "product_excluded",
        "rate_zero",
        "partner_unknown",
        "agreement_inactive",
        "no_access",
        "role_not_earning",
        "not_linked",
        "gap",
        "covered",
    ];
}

/// The kinds of trouble. Those from [`Kind::ForeignPrincipal`] on are Microsoft's own list of what partners get wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Access taken and given back within the day, on one or more days.
    TakenForHours,
    /// The same at one resource group.
    GroupTakenForHours,
    /// Access taken for days.
    TakenForDays,
    /// A reader's role instead of the owner's for days.
    DemotedForDays,
    /// The engineer's Partner Admin Link stops.
    LinkStops,
    /// The partner's agreement runs out.
    AgreementRunsOut,
    /// Billed by a partner no table knows.
    UnknownPartner,
    /// Access given only while nobody kept a log yet.
    GivenLate,
    /// Instead of the provider's group that of another partner's tenant.
    ForeignPrincipal,
    /// Instead of the provider's group a robot linked to another organisation's MPN.
    OtherOrganisation,
    /// Reader only.
    ReaderOnly,
    /// An earning role for somebody without a link.
    Unlinked,
    /// The reseller has access but no longer stands on the charge.
    ResellerNotSet,
}

impl Kind {
    /// What each run of trouble goes through, in turn.
    const ROUND: [Kind; 12] = [
        Kind::TakenForHours,
        Kind::TakenForDays,
        Kind::DemotedForDays,
        Kind::LinkStops,
        Kind::AgreementRunsOut,
        Kind::UnknownPartner,
        Kind::ForeignPrincipal,
        Kind::OtherOrganisation,
        Kind::ReaderOnly,
        Kind::Unlinked,
        Kind::ResellerNotSet,
        Kind::GroupTakenForHours,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::TakenForHours => "taken_for_hours",
            Kind::GroupTakenForHours => "group_taken_for_hours",
            Kind::TakenForDays => "taken_for_days",
            Kind::DemotedForDays => "demoted_for_days",
            Kind::LinkStops => "link_stops",
            Kind::AgreementRunsOut => "agreement_runs_out",
            Kind::UnknownPartner => "unknown_partner",
            Kind::GivenLate => "given_late",
            Kind::ForeignPrincipal => "foreign_principal",
            Kind::OtherOrganisation => "pal_of_other_organisation",
            Kind::ReaderOnly => "reader_only",
            Kind::Unlinked => "unlinked_principal",
            Kind::ResellerNotSet => "reseller_not_set",
        }
    }

    pub(crate) fn is_misconfiguration(self) -> bool {
        matches!(self, Kind::ForeignPrincipal | Kind::OtherOrganisation | Kind::ReaderOnly | Kind::Unlinked | Kind::ResellerNotSet)
    }

    /// Whether it lasts until the last day.
    fn lasts(self) -> bool {
        self.is_misconfiguration() || matches!(self, Kind::LinkStops | Kind::AgreementRunsOut | Kind::UnknownPartner)
    }

    fn least_days(self) -> u64 {
        match self {
            Kind::TakenForDays | Kind::DemotedForDays => 3,
            Kind::ForeignPrincipal | Kind::OtherOrganisation | Kind::ReaderOnly | Kind::Unlinked => 2,
            _ => 1,
        }
    }

    /// How the subscription is reached before the trouble.
    fn access(self, subscription: usize) -> Access {
        match self {
            Kind::TakenForHours if subscription.is_multiple_of(2) => Access::Lighthouse,
            Kind::GroupTakenForHours => Access::Groups,
            Kind::LinkStops => Access::OwnLink,
            Kind::AgreementRunsOut => Access::Former,
            Kind::ResellerNotSet => Access::Reseller,
            _ => Access::Owner,
        }
    }
}

/// One trouble of one subscription. Days count from the first charge.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub kind: Kind,
    pub subscription: usize,
    /// The resource group concerned, else all of it.
    pub group: Option<u64>,
    pub from: i32,
    /// Exclusive.
    pub until: i32,
}

impl Incident {
    /// What the day gets, if it is one of the incident's.
    pub(crate) fn outcome(&self, day: i32) -> Option<Outcome> {
        if day < self.from || day >= self.until {
            return None;
        }
        let edge = day == self.from || (!self.kind.lasts() && day == self.until - 1);
        Some(match self.kind {
            Kind::TakenForHours | Kind::GroupTakenForHours => Outcome::Gap,
            Kind::LinkStops => Outcome::NotLinked,
            Kind::AgreementRunsOut => Outcome::AgreementInactive,
            Kind::UnknownPartner => Outcome::PartnerUnknown,
            Kind::ResellerNotSet => Outcome::NoAccess,
            Kind::GivenLate if day == self.until - 1 => Outcome::Gap,
            Kind::GivenLate => Outcome::NoAccess,
            _ if edge => Outcome::Gap,
            Kind::DemotedForDays | Kind::ReaderOnly => Outcome::RoleNotEarning,
            Kind::TakenForDays | Kind::ForeignPrincipal | Kind::OtherOrganisation | Kind::Unlinked => Outcome::NoAccess,
        })
    }
}

/// Chooses subscriptions from the smallest up, one kind after the other, until the share of lost charges is reached; sets
/// how every subscription is reached.
pub(crate) fn choose(world: &mut World, options: &Options) -> Vec<Incident> {
    let mut left = (u128::from(options.rows) * u128::from(options.lost) / 100_000) as u64;
    let share = left / Kind::ROUND.len() as u64;
    for k in 0..world.subscriptions.len() {
        set_access(world, k, usual(world, k));
    }
    // The last one may own the slot that has charges on the last days only; the greatest ones stay in order.
    let candidates: Vec<usize> = (world.subscriptions.len() / 8..world.subscriptions.len().saturating_sub(1)).rev().collect();
    let mut candidates = candidates.into_iter().filter(|k| world.subscriptions[*k].slots > 0).collect::<Vec<_>>().into_iter();
    let mut incidents: Vec<Incident> = Vec::new();
    let mut agreement_days = None;
    let days = world.days() as u64;
    let short = days < 8;
    if days > 100 {
        for k in candidates.by_ref().take(3) {
            set_access(world, k, Access::Owner);
            let until = 3 + world.dice.of("late").below(k as u64, (world.known_from() - 6) as u64) as i32;
            incidents.push(Incident { kind: Kind::GivenLate, subscription: k, group: None, from: 0, until });
        }
    }
    for (n, kind) in Kind::ROUND.into_iter().cycle().enumerate() {
        if short && (kind.least_days() > 1 || days < 2) && kind != Kind::TakenForHours {
            continue;
        }
        let first_round = n < Kind::ROUND.len();
        let Some(k) = candidates.as_slice().first().copied().filter(|_| left > 0) else { break };
        let group = (kind == Kind::GroupTakenForHours).then_some(0);
        let slots = charged_slots(world, k, group).max(1);
        let most = (days.min(90) / 2).max(kind.least_days());
        let wanted = if first_round { share / slots } else { 2 + world.dice.of("days").below(k as u64, (days / 3).max(1)) };
        let mut count = wanted.min(left / slots).clamp(kind.least_days(), most);
        if kind == Kind::AgreementRunsOut {
            count = *agreement_days.get_or_insert(count);
        }
        if !first_round && count * slots > left {
            // The smallest subscription left is too large for what is left.
            break;
        }
        candidates.next();
        set_access(world, k, kind.access(k));
        incidents.push(place(world, kind, k, group, count as i32));
        left = left.saturating_sub(count * slots);
    }
    incidents
}

/// When: lasting trouble on the last days, other trouble somewhere in the days the log knows.
fn place(world: &World, kind: Kind, subscription: usize, group: Option<u64>, count: i32) -> Incident {
    let days = world.days();
    let from = if kind.lasts() {
        days - count
    } else {
        let first = (world.known_from() + 1).min(days - count);
        first + world.dice.of("from").below(subscription as u64, (days - count - first).max(1) as u64) as i32
    };
    Incident { kind, subscription, group, from, until: from + count }
}

/// Slots whose charges can be lost: about one in ten is something else.
fn charged_slots(world: &World, k: usize, group: Option<u64>) -> u64 {
    let subscription = &world.subscriptions[k];
    match group {
        Some(group) => subscription.bundles_of(group).map(|b| (subscription.slots - b * 8).min(8)).sum(),
        None => subscription.slots,
    }
}

/// How most subscriptions are reached.
fn usual(world: &World, k: usize) -> Access {
    match k % 20 {
        12..=14 => Access::Groups,
        15 | 16 => Access::Lighthouse,
        17 | 18 => Access::Reseller,
        19 if world.subscriptions[k].slots <= 400 => Access::Resources,
        19 => Access::Groups,
        _ => Access::Owner,
    }
}

fn set_access(world: &mut World, k: usize, access: Access) {
    let dice = world.dice.of("reseller");
    let subscription = &mut world.subscriptions[k];
    subscription.access = access;
    if access == Access::Reseller && subscription.reseller.is_none() {
        subscription.reseller = Some(dice.below(k as u64, 2) as usize);
    }
}
