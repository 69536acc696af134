//! The verdict in sentences an account manager understands, with the rules they rest on.

use std::collections::BTreeSet;

use pecan_core::charge::{Evidence, Outcome};
use pecan_core::knowledge::CreditLine;
use pecan_core::reference::ExcludedKind;
use pecan_core::rules::{CombineParties, Rules};
use pecan_core::scope::Level;
use pecan_core::time::Span;

use super::access::{Access, ToldInterval, ToldOrganisation, Why};
use super::clock::{counted, duration, listed, moment, spoken};
use super::found::FoundCharge;
use super::tell::Telling;

/// What the sentences are made from.
pub(super) struct Words<'a> {
    pub telling: &'a Telling,
    pub found: &'a FoundCharge,
    pub line: &'a CreditLine,
    pub rules: &'a Rules,
}

impl Words<'_> {
    /// Why the charge got what it got.
    pub fn verdict(&self) -> String {
        let head = match (self.line.outcome, self.line.evidence) {
            (Outcome::Covered, Evidence::Provisional) => "Earned so far",
            (Outcome::Covered, _) => "Earned",
            (Outcome::NotUsage, _) => "Nothing to earn",
            (_, Evidence::BeforeFirstRecord) => "Not claimed",
            (_, Evidence::Provisional) => "Not earned so far",
            _ => "Not earned",
        };
        let reason = match (self.line.outcome, &self.telling.access) {
            (Outcome::NotUsage, _) => self.not_usage(),
            (Outcome::ProductExcluded, _) => self.excluded(),
            (Outcome::RateZero, _) => "the rates table gives this meter or product the rate 0 (R-PRODUCT-1, details 4)".to_owned(),
            (Outcome::PartnerUnknown, _) => self.partner_unknown(),
            (Outcome::AgreementInactive, _) => self.agreement(),
            (Outcome::NoAccess, Some(access)) => self.no_access(access),
            (Outcome::RoleNotEarning, Some(access)) => self.role_not_earning(access),
            (Outcome::NotLinked, Some(access)) => self.not_linked(access),
            (Outcome::Gap, Some(access)) => self.gap(access),
            (Outcome::Covered, Some(access)) => self.covered(access),
            (outcome, None) => format!("the outcome is {}", outcome.word()),
        };
        format!("{head}: {reason}.")
    }

    fn day(&self) -> String {
        format!("on {}", self.telling.clock.day)
    }

    fn not_usage(&self) -> String {
        match self.found.labels.charge_type.as_deref() {
            None => "the charge type is empty, and only usage earns (R-PRODUCT-1, details 6)".to_owned(),
            Some(kind) => format!("the charge type is {kind}, and only usage earns (R-PRODUCT-1)"),
        }
    }

    fn excluded(&self) -> String {
        let kind = self.line.excluded_kind.map_or("excluded", |kind| match kind {
            ExcludedKind::Reservation => "a reservation",
            ExcludedKind::SavingsPlan => "a savings plan",
            ExcludedKind::Spot => "Spot capacity",
            ExcludedKind::Marketplace => "a Marketplace product",
            ExcludedKind::ThirdParty => "a third-party product",
            ExcludedKind::Legacy => "a legacy offer",
        });
        let from = if self.found.one.charge.product.excluded == self.line.excluded_kind { "as the charge itself shows" } else { "as the products table says" };
        format!("this product is {kind}, {from}, and such products never earn (R-PRODUCT-1)")
    }

    fn partner_unknown(&self) -> String {
        match &self.telling.parties.billed_tenant {
            None => "the charge names no billed partner (R-PARTY-3)".to_owned(),
            Some(tenant) => format!("the charge is billed by tenant {tenant}, which the partners table does not know (R-PARTY-3)"),
        }
    }

    fn agreement(&self) -> String {
        let organisation = self.telling.parties.billed_organisation.as_deref().unwrap_or("the billed partner");
        let clock = &self.telling.clock;
        let on_the_day: Vec<Span> = self.telling.parties.agreement.iter().filter_map(|s| s.cut(clock.span)).collect();
        let active = match on_the_day.as_slice() {
            [] => format!("was not active {}", self.day()),
            part => format!("was active {} only {}", self.day(), clock.when(part)),
        };
        format!("the programme agreement of {organisation} {active}, and it must be active for the whole day (R-PARTY-3)")
    }

    /// `contoso (billed partner) or northwind (reseller of record)`.
    fn parties(&self, access: &Access, joined: &str) -> String {
        let named: Vec<String> = access.organisations.iter().map(|o| format!("{} ({})", o.organisation, o.part)).collect();
        named.join(joined)
    }

    fn no_access(&self, access: &Access) -> String {
        if self.telling.scope.is_none() {
            return "the charge names no resource, resource group or subscription, so nobody can have had access to it (R-SCOPE-4, details 15)".to_owned();
        }
        let what = self.line.scope_level.map_or("scope", level_word);
        let mut text =
            format!("{} no principal of {} had any role on this {what} or above it (R-SCOPE-1, R-OUTCOME-1)", self.day(), self.parties(access, " or "));
        if let Some(last) = access.last_before() {
            text.push_str(&format!(
                ". The last access before, {} {}, stopped {} UTC{}",
                last.role(),
                last.place,
                moment(last.interval.span.until),
                by_whom(last)
            ));
        }
        if let Some(first) = access.first_after() {
            text.push_str(&format!(". The first access after, {} {}, starts {} UTC", first.role(), first.place, moment(first.interval.span.from)));
        }
        text
    }

    fn role_not_earning(&self, access: &Access) -> String {
        let roles: BTreeSet<String> = access.of_parties().map(|i| format!("{} {}", i.role(), i.place)).collect();
        let roles: Vec<String> = roles.into_iter().collect();
        let known = access.of_parties().all(|i| i.says != pecan_core::role::RoleSource::Unknown);
        let (does, rule) = if known { ("not a role that earns", "R-ROLE-1") } else { ("and no table says that such a role earns", "R-ROLE-2") };
        let does = if known && roles.len() > 1 { "none of them a role that earns" } else { does };
        format!("{} {} had {}, {does} ({rule}, R-OUTCOME-2)", self.day(), self.holders(access), listed(&roles))
    }

    /// Organisations of P whose principals hold the access of the day.
    fn holders(&self, access: &Access) -> String {
        let mut names: Vec<String> = Vec::new();
        for organisation in &access.organisations {
            let holds = |i: &ToldInterval| i.links.iter().any(|l| l.organisation == organisation.organisation);
            names.extend(access.of_parties().any(holds).then(|| organisation.organisation.clone()));
        }
        listed(&names)
    }

    fn not_linked(&self, access: &Access) -> String {
        let earning: Vec<&ToldInterval> = access.of_parties().filter(|i| i.earns).collect();
        let roles: BTreeSet<String> = earning.iter().map(|i| format!("{} {}", i.role(), i.place)).collect();
        let links: BTreeSet<String> =
            earning.iter().flat_map(|i| &i.links).filter(|l| l.of_parties).map(|l| format!("to {} {}", l.organisation, spoken(l.span))).collect();
        let (roles, links): (Vec<String>, Vec<String>) = (roles.into_iter().collect(), links.into_iter().collect());
        let who = if earning.len() == 1 { "a principal".to_owned() } else { counted(earning.len() as u64, "principal") };
        let is = if earning.len() == 1 { "is" } else { "are" };
        format!(
            "{} {who} with {} {is} not linked to {} while the role is held; linked {} (R-PARTY-2, R-OUTCOME-3)",
            self.day(),
            listed(&roles),
            self.parties(access, " or "),
            listed(&links)
        )
    }

    fn gap(&self, access: &Access) -> String {
        let clock = &self.telling.clock;
        let Some(most) = self.reported(access) else { return "the day is not covered (R-DAY-2)".to_owned() };
        let together = access.together.as_ref();
        let (covered, gaps) = together.map_or((&most.covered, &most.gaps), |(covered, gaps)| (covered, gaps));
        let missing = duration(gaps.iter().fold(0i64, |sum, gap| sum.saturating_add(gap.micros())));
        let were = if ["hours", "minutes", "seconds"].iter().any(|unit| missing.ends_with(unit)) { "were" } else { "was" };
        let who = if together.is_some() { self.parties(access, " and ") } else { most.organisation.clone() };
        let in_gaps = if gaps.len() > 1 { format!(" in {} gaps", gaps.len()) } else { String::new() };
        let allowed = match self.rules.gap_tolerance_seconds {
            0 => "a day earns only if covered throughout (R-DAY-2, R-DAY-3)".to_owned(),
            s => format!("no more than {} may be missing (R-DAY-3)", counted(u64::from(s), "second")),
        };
        let roles = self.roles(access, together.is_none().then_some(most));
        let mut text = format!("{} {who} had {roles} {}; {missing} {were} missing{in_gaps}, and {allowed}", self.day(), clock.when(covered));
        for other in access.organisations.iter().filter(|o| o.organisation != most.organisation && !o.covered.is_empty() && together.is_none()) {
            let roles = self.roles(access, Some(other));
            text.push_str(&format!(
                ". {} had {roles} {}, but one organisation alone must cover the day (R-DAY-4)",
                other.organisation,
                clock.when(&other.covered)
            ));
        }
        text.push_str(&self.why_lost(access, gaps));
        text
    }

    /// What took the access at the start of the first gap that begins inside the day.
    fn why_lost(&self, access: &Access, gaps: &[Span]) -> String {
        let clock = &self.telling.clock;
        if let Some(stopped) = gaps.iter().find_map(|gap| access.stopped_at(gap.from)) {
            let at = clock.time(stopped.interval.span.until);
            let how = stopped.interval.stopped_by.map_or("lost", how_stopped);
            return format!(". {} {} was {how} at {at} UTC{}", stopped.role(), stopped.place, by_whom(stopped));
        }
        let links = || access.of_parties().filter(|i| i.earns).flat_map(|i| &i.links).filter(|l| l.of_parties);
        match gaps.iter().find_map(|gap| links().find(|l| l.span.until == gap.from)) {
            Some(link) => format!(". The link of its principal to {} stopped at {} UTC (R-PARTY-2)", link.organisation, clock.time(link.span.until)),
            None => String::new(),
        }
    }

    fn covered(&self, access: &Access) -> String {
        let Some(most) = self.reported(access) else { return "the day is covered (R-DAY-2)".to_owned() };
        let clock = &self.telling.clock;
        let union = self.rules.combine_parties == CombineParties::Union && !most.is_covered;
        let who = if union { self.parties(access, " and ") } else { most.organisation.clone() };
        let roles = self.roles(access, (!union).then_some(most));
        let open = access.together.as_ref().filter(|_| union).map_or(&most.gaps, |(_, gaps)| gaps);
        let missing = open.iter().fold(0i64, |sum, gap| sum.saturating_add(gap.micros()));
        match missing {
            0 => format!("{} {who} had {roles} throughout the day{})", self.day(), if union { ", relaying each other (R-DAY-2, R-DAY-4" } else { " (R-DAY-2" }),
            _ => format!("{} {who} had {roles} {}; the {} missing is within the tolerance (R-DAY-3)", self.day(), clock.when(&most.covered), duration(missing)),
        }
    }

    fn reported<'a>(&self, access: &'a Access) -> Option<&'a ToldOrganisation> {
        let id = self.line.organisation_id.as_deref();
        access.organisations.iter().find(|o| Some(o.organisation.as_str()) == id)
    }

    /// The roles that count, of one organisation or of all: `Owner on the resource group`.
    fn roles(&self, access: &Access, of: Option<&ToldOrganisation>) -> String {
        let mut named: Vec<String> = Vec::new();
        for interval in access.of_parties() {
            let counts =
                interval.counts.iter().any(|c| of.is_none_or(|o| o.organisation == c.organisation) && matches!(c.why, Why::Counts | Why::CountsPartly));
            let role = format!("{} {}", interval.role(), interval.place);
            if counts && !named.contains(&role) {
                named.push(role);
            }
        }
        listed(&named)
    }

    /// What the decision rests on (R-DAY-6).
    pub fn evidence(&self) -> String {
        let basis = &self.telling.basis;
        let at = |raw: Option<pecan_core::time::RawInstant>| raw.map_or_else(|| "never".to_owned(), |raw| moment(raw.down()));
        match self.line.evidence {
            Evidence::Provisional => match basis.cutoff {
                Some(cutoff) => format!(
                    "provisional: the day is not over at the cutoff {} UTC, up to which the audit log is complete; this may change (R-DAY-6)",
                    moment(cutoff)
                ),
                None => "provisional: there is no audit record and no cutoff (R-DAY-6, details 27)".to_owned(),
            },
            Evidence::BeforeFirstRecord => {
                let list = if basis.known_since.is_some() && basis.known_since != basis.first_record { ", by a list of assignments" } else { "" };
                format!(
                    "before the first record: nothing is known of this subscription before {} UTC{list}, so nothing is claimed and nothing is called lost (R-DAY-6, details 27)",
                    at(basis.known_since)
                )
            }
            Evidence::Complete => match basis.cutoff {
                Some(cutoff) => format!("complete: the audit log is complete up to {} UTC (R-DAY-6)", moment(cutoff)),
                None => "complete (R-DAY-6)".to_owned(),
            },
        }
    }

    /// Which column named the scope (R-SCOPE-4, details 15).
    pub fn level(&self) -> String {
        let named = match self.line.scope_level {
            None => "the charge names no resource, resource group or subscription (R-SCOPE-4, details 15)".to_owned(),
            Some(level) if self.found.one.charge.resource_id.as_deref().is_some_and(|id| pecan_core::scope::Scope::parse(id).in_subscription()) => {
                format!("the charge's resource id names this {}", level_word(level))
            }
            Some(level) => format!("the charge has no usable resource id and falls back to its {} (R-SCOPE-4)", level_word(level)),
        };
        if self.found.one.subscription_mismatch {
            let written = self.found.one.charge.subscription_id.as_deref().unwrap_or_default();
            return format!("{named}; the subscription column says {written}: the id decides (details 15)");
        }
        named
    }
}

/// `resource group`.
pub(super) fn level_word(level: Level) -> &'static str {
    match level {
        Level::Root => "root",
        Level::ManagementGroup => "management group",
        Level::Subscription => "subscription",
        Level::ResourceGroup => "resource group",
        Level::Resource => "resource",
        Level::Other => "other scope",
    }
}

/// `taken away`, …
pub(super) fn how_stopped(by: pecan_core::interval::StoppedBy) -> &'static str {
    use pecan_core::interval::StoppedBy;
    match by {
        StoppedBy::Event => "taken away",
        StoppedBy::EndedUnobserved => "last seen in a list",
        StoppedBy::Definition => "cut off by its Lighthouse definition",
    }
}

fn by_whom(interval: &ToldInterval) -> String {
    interval.interval.stopped_caller.as_ref().map_or_else(String::new, |caller| format!(", by {caller}"))
}
