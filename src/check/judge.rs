//! Why a scope-day lost its credit, in the terms of Microsoft's troubleshooting page (`partner-earned-credit-troubleshoot`).
//!
//! Written for reading: it walks over every access interval of the chain, once per distinct (chain, day, parties). What
//! a remedy would have brought is always answered by the core's own coverage, given one thing that is not so.
//!
//! | what is on the chain | cause |
//! |---|---|
//! | outcome `role_not_earning`: access of P, of no earning role | [`Cause::ReaderOnly`] |
//! | an earning role of P whose links leave some of it out | [`Cause::LinkExpired`] |
//! | an earning role of P that stopped, and with it the access of its organisation | [`Cause::Removed`] |
//! | an earning role of another, who is a foreign principal | [`Cause::ForeignPrincipal`] |
//! | … who is linked on the day, but only outside P | [`Cause::OtherOrganisation`] |
//! | … whose partner id the partners table lacks | [`Cause::UnknownPartnerId`] |
//! | … who is linked to nobody on the day | [`Cause::UnlinkedPrincipal`] |
//! | no reseller named, and an organisation outside P covers the day | [`Cause::ResellerNotSet`] |
//! | a reseller named that the partners table lacks | [`Cause::ResellerUnknown`] |
//! | none of these, and access of P that starts on the day | [`Cause::AccessBegan`] |
//! | none of all these | [`Cause::NoAssignment`] |

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::access::AccessInterval;
use pecan_core::charge::Outcome;
use pecan_core::coverage::{OrganisationDay, Touch};
use pecan_core::event::PrincipalKind;
use pecan_core::knowledge::Knowledge;
use pecan_core::party::{Link, OrganisationCode};
use pecan_core::reference::Channel;
use pecan_core::scope::Scope;
use pecan_core::time::{Day, Instant, Span, gaps, union};

use super::cause::{Cause, Subject};
use crate::decide::losses::{Loss, LossKey, NamedReseller};

/// A cause that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub cause: Cause,
    /// In whom or what.
    pub subject: Subject,
    /// The access intervals it was seen in.
    pub intervals: BTreeSet<usize>,
    /// Whether mending this alone would have covered the day.
    pub would_earn: bool,
}

/// No organisation has this code: it stands for a reseller that the partners table lacks.
const NOBODY: OrganisationCode = usize::MAX;

/// Every cause that shows.
pub fn judge(knowledge: &Knowledge, key: &LossKey, loss: &Loss) -> Vec<Seen> {
    let place = Place::new(knowledge, key, loss.scope.as_ref());
    let mut seen = Vec::new();
    if loss.outcome == Outcome::RoleNotEarning {
        seen.extend(place.reader_only());
    }
    seen.extend(place.others());
    seen.extend(place.link_expired());
    seen.extend(place.removed());
    seen.extend(place.reseller(&key.reseller));
    if seen.is_empty() {
        seen.extend(place.began());
    }
    if seen.is_empty() {
        let subject = Subject { to: place.billed(), subscription: key.subscription.clone(), ..Subject::default() };
        seen.push(Seen { cause: Cause::NoAssignment, subject, intervals: BTreeSet::new(), would_earn: loss.scope.is_some() });
    }
    seen
}

/// A chain of scopes on a day, seen by P.
struct Place<'a> {
    knowledge: &'a Knowledge,
    day: Day,
    span: Span,
    /// P, the billed partner first.
    parties: Vec<OrganisationCode>,
    /// What each of them has on the day.
    days: Vec<OrganisationDay>,
    /// Every interval of the chain, whenever it was in force.
    chain: Vec<usize>,
    /// Those in force on the day.
    on_day: Vec<usize>,
}

impl<'a> Place<'a> {
    fn new(knowledge: &'a Knowledge, key: &LossKey, scope: Option<&Scope>) -> Place<'a> {
        let day = Day(key.question.day);
        let chain = scope.map(|s| knowledge.access.chain(s, &knowledge.groups)).unwrap_or_default();
        let on_day = knowledge.on_chain(&chain, day);
        let parties = knowledge.parties_of(key.question.parties.billed, key.question.parties.reseller);
        Place {
            knowledge,
            day,
            span: day.span(knowledge.rules.day_offset_minutes),
            days: parties.iter().map(|o| knowledge.organisation_day(*o, day, &on_day)).collect(),
            parties,
            on_day,
            chain: chain.iter().flat_map(|scope| knowledge.access.at(scope)).copied().collect(),
        }
    }

    fn billed(&self) -> OrganisationCode {
        self.parties.first().copied().unwrap_or_default()
    }

    fn interval(&self, at: usize) -> &'a AccessInterval {
        &self.knowledge.intervals()[at]
    }

    fn earns(&self, at: usize) -> bool {
        self.knowledge.roles.earns(&self.interval(at).role_definition_id, self.day).0
    }

    fn links(&self, at: usize) -> &'a [Link] {
        self.knowledge.parties.links(&self.interval(at).principal_id)
    }

    /// The organisations of P that the interval's principal is ever linked to.
    fn organisations(&self, at: usize) -> Vec<OrganisationCode> {
        self.parties.iter().copied().filter(|o| self.links(at).iter().any(|l| l.organisation == *o)).collect()
    }

    /// Whether the day would be covered if, beside what is, `organisation` had these touches.
    fn covered_with(&self, organisation: OrganisationCode, more: &[Touch]) -> bool {
        let mut days = self.days.clone();
        if !self.parties.contains(&organisation) {
            days.push(self.knowledge.organisation_day(organisation, self.day, &self.on_day));
        }
        for day in days.iter_mut().filter(|d| d.organisation == organisation) {
            let touches = day.touches.iter().chain(more).cloned().collect();
            *day = OrganisationDay::new(organisation, self.span, touches);
        }
        self.knowledge.verdict(&days.iter().collect::<Vec<_>>(), self.day).outcome == Outcome::Covered
    }

    /// The intervals as they would be if their role earned and their principal were linked whenever they are in force.
    fn linked_throughout(&self, intervals: &BTreeSet<usize>) -> Vec<Touch> {
        let cut = |at: &usize| self.interval(*at).span.cut(self.span).map(|span| Touch { interval: *at, earns: true, linked: vec![span] });
        intervals.iter().filter_map(cut).collect()
    }

    /// The parts of a span in which the interval's principal is linked to the organisation.
    fn linked(&self, at: usize, organisation: OrganisationCode, span: Span) -> Vec<Span> {
        let links = self.links(at).iter().filter(|l| l.organisation == organisation);
        union(links.filter_map(|l| l.span.cut(span)).collect())
    }

    /// One cause per principal. The remedy is to link it to one of P: the first that is then covered, else the billed partner.
    fn of_principal(&self, cause: Cause, intervals: BTreeSet<usize>, to: &[OrganisationCode], base: Subject) -> Seen {
        let touches = self.linked_throughout(&intervals);
        let helped = to.iter().copied().find(|o| self.covered_with(*o, &touches));
        let to = helped.or(to.first().copied()).unwrap_or_else(|| self.billed());
        Seen { cause, subject: Subject { to, ..base }, intervals, would_earn: helped.is_some() }
    }

    /// The intervals by principal.
    fn by_principal(&self, intervals: impl Iterator<Item = usize>) -> Vec<(&'a str, BTreeSet<usize>)> {
        let mut found: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for at in intervals {
            found.entry(&self.interval(at).principal_id).or_default().insert(at);
        }
        found.into_iter().collect()
    }

    /// P has access, of no role that earns.
    fn reader_only(&self) -> Vec<Seen> {
        let ours = self.on_day.iter().copied().filter(|at| !self.organisations(*at).is_empty() && !self.earns(*at));
        let seen = |(principal, intervals): (&str, BTreeSet<usize>)| {
            let to = intervals.first().and_then(|at| self.organisations(*at).first().copied())?;
            let as_linked = |at: &usize| Some(Touch { interval: *at, earns: true, linked: self.linked(*at, to, self.interval(*at).span.cut(self.span)?) });
            let touches: Vec<Touch> = intervals.iter().filter_map(as_linked).collect();
            let subject = Subject { principal: Some(principal.to_owned()), to, ..Subject::default() };
            Some(Seen { cause: Cause::ReaderOnly, subject, would_earn: self.covered_with(to, &touches), intervals })
        };
        self.by_principal(ours).into_iter().filter_map(seen).collect()
    }

    /// Earning roles of principals that are never linked to P.
    fn others(&self) -> Vec<Seen> {
        let others = self.on_day.iter().copied().filter(|at| self.earns(*at) && self.organisations(*at).is_empty());
        let seen = |(principal, intervals): (&str, BTreeSet<usize>)| {
            let links = self.knowledge.parties.links(principal);
            let on_day = links.iter().find(|l| l.span.overlaps(self.span));
            let partner_id = self.knowledge.parties.unknown_partner_ids(principal).next();
            let aobo = links.iter().find(|l| l.channel == Channel::Aobo);
            let foreign = self.knowledge.principal_kinds.of(principal) == Some(PrincipalKind::ForeignGroup);
            let cause = match (foreign || aobo.is_some(), on_day, partner_id) {
                (true, _, _) => Cause::ForeignPrincipal,
                (false, Some(_), _) => Cause::OtherOrganisation,
                (false, None, Some(_)) => Cause::UnknownPartnerId,
                (false, None, None) => Cause::UnlinkedPrincipal,
            };
            let subject = Subject {
                principal: Some(principal.to_owned()),
                organisation: aobo.or(on_day).map(|l| l.organisation),
                partner_id: partner_id.map(str::to_owned),
                ..Subject::default()
            };
            self.of_principal(cause, intervals, &self.parties, subject)
        };
        self.by_principal(others).into_iter().map(seen).collect()
    }

    /// Earning roles of P whose principal is not linked for all of the time it holds them on the day.
    fn link_expired(&self) -> Vec<Seen> {
        let uncovered = |at: &usize| {
            let here = self.interval(*at).span.cut(self.span);
            let linked = |here| union(self.parties.iter().flat_map(|o| self.linked(*at, *o, here)).collect());
            self.earns(*at) && !self.organisations(*at).is_empty() && here.is_some_and(|here| !gaps(here, &linked(here)).is_empty())
        };
        let seen = |(principal, intervals): (&str, BTreeSet<usize>)| {
            let to = intervals.first().map(|at| self.organisations(*at)).unwrap_or_default();
            let subject = Subject { principal: Some(principal.to_owned()), ..Subject::default() };
            self.of_principal(Cause::LinkExpired, intervals, &to, subject)
        };
        self.by_principal(self.on_day.iter().copied().filter(uncovered)).into_iter().map(seen).collect()
    }

    /// Earning roles with whose stop an organisation of P lost its access, on the day or last before it.
    fn removed(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for organisation in &self.parties {
            let of = |at: &usize| self.earns(*at) && self.links(*at).iter().any(|l| l.organisation == *organisation);
            let ours: Vec<usize> = self.chain.iter().copied().filter(of).collect();
            let lost = self.lost(&ours);
            for at in ours.into_iter().filter(|at| lost.contains(&self.interval(*at).span.until)) {
                let interval = self.interval(at);
                let missing = Span::new(interval.span.until.max(self.span.from), self.span.until);
                let linked = missing.map(|span| self.linked(at, *organisation, span)).unwrap_or_default();
                let subject = Subject { principal: Some(interval.principal_id.clone()), to: *organisation, interval: Some(at), ..Subject::default() };
                let would_earn = self.covered_with(*organisation, &[Touch { interval: at, earns: true, linked }]);
                seen.push(Seen { cause: Cause::Removed, subject, intervals: BTreeSet::from([at]), would_earn });
            }
        }
        seen
    }

    /// The instants inside the day at which the last of these intervals stops, and the one before the day if it begins without.
    fn lost(&self, intervals: &[usize]) -> Vec<Instant> {
        let had = union(intervals.iter().map(|at| self.interval(*at).span).collect());
        let inside = had.iter().map(|span| span.until).filter(|until| self.span.from < *until && *until < self.span.until);
        let begins_with = had.iter().any(|span| span.from <= self.span.from && self.span.from < span.until);
        let before = had.iter().map(|span| span.until).filter(|until| *until <= self.span.from && !begins_with).max();
        before.into_iter().chain(inside).collect()
    }

    /// What the reseller of record, or its absence, has to do with it.
    fn reseller(&self, named: &NamedReseller) -> Vec<Seen> {
        let earning = || self.on_day.iter().copied().filter(|at| self.earns(*at));
        match named {
            NamedReseller::Known => Vec::new(),
            NamedReseller::Nobody => {
                let others: BTreeSet<OrganisationCode> = earning().flat_map(|at| self.links(at)).map(|l| l.organisation).collect();
                let helps = others.into_iter().filter(|o| !self.parties.contains(o) && self.covered_with(*o, &[]));
                let seen = |organisation| {
                    let of = |at: &usize| self.links(*at).iter().any(|l| l.organisation == organisation);
                    let subject = Subject { organisation: Some(organisation), to: self.billed(), ..Subject::default() };
                    Seen { cause: Cause::ResellerNotSet, subject, intervals: earning().filter(of).collect(), would_earn: true }
                };
                helps.map(seen).collect()
            }
            NamedReseller::Unknown(partner_id) => {
                let of = |at: &usize| self.knowledge.parties.unknown_partner_ids(&self.interval(*at).principal_id).any(|id| id == partner_id);
                let intervals: BTreeSet<usize> = earning().filter(of).collect();
                let would_earn = self.covered_with(NOBODY, &self.linked_throughout(&intervals));
                let subject = Subject { partner_id: Some(partner_id.clone()), to: self.billed(), ..Subject::default() };
                vec![Seen { cause: Cause::ResellerUnknown, subject, intervals, would_earn }]
            }
        }
    }

    /// Earning roles of P that were given in the course of the day.
    fn began(&self) -> Vec<Seen> {
        let on_the_day = |at: &usize| self.span.from < self.interval(*at).span.from && self.earns(*at) && !self.organisations(*at).is_empty();
        let seen = |(principal, intervals): (&str, BTreeSet<usize>)| {
            let to = intervals.first().and_then(|at| self.organisations(*at).first().copied()).unwrap_or_else(|| self.billed());
            let subject = Subject { principal: Some(principal.to_owned()), to, ..Subject::default() };
            Seen { cause: Cause::AccessBegan, subject, intervals, would_earn: false }
        };
        self.by_principal(self.on_day.iter().copied().filter(on_the_day)).into_iter().map(seen).collect()
    }
}
