//! The access of a scope on a day: the chain, every interval that matters with whether it counts and why, the gaps.

use std::collections::BTreeSet;

use pecan_core::access::AccessInterval;
use pecan_core::coverage::OrganisationDay;
use pecan_core::knowledge::Knowledge;
use pecan_core::party::OrganisationCode;
use pecan_core::reference::Channel;
use pecan_core::role::RoleSource;
use pecan_core::rules::CombineParties;
use pecan_core::scope::{Level, Scope};
use pecan_core::time::{Instant, Span, gaps, union};

use super::clock::Clock;

/// Segments of a resource group's id; resources follow in a rhythm of provider, namespace, type and name.
const GROUP_SEGMENTS: usize = 4;

/// One level of the scope chain.
#[derive(Debug)]
pub(super) struct ChainLevel {
    pub level: Level,
    /// As the charge writes it, where it does.
    pub shown: String,
    /// Whether the charge itself stands here.
    pub is_charge: bool,
    /// Access intervals here that touch the day.
    pub intervals: usize,
    /// Those of principals ever linked to an organisation of P.
    pub of_parties: usize,
}

/// When an interval is, seen from the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum When {
    Before,
    OnTheDay,
    After,
}

impl When {
    pub fn word(self) -> &'static str {
        match self {
            When::Before => "before",
            When::OnTheDay => "on_the_day",
            When::After => "after",
        }
    }
}

/// Why an interval counts for an organisation or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Counts,
    /// Only while its principal is linked.
    CountsPartly,
    RoleNotEarning,
    /// Linked to the organisation, but not on this day.
    NotLinkedThen,
    NeverLinked,
    OutsideTheDay,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Why::Counts => "counts",
            Why::CountsPartly => "counts_partly",
            Why::RoleNotEarning => "role_not_earning",
            Why::NotLinkedThen => "not_linked_on_the_day",
            Why::NeverLinked => "never_linked",
            Why::OutsideTheDay => "outside_the_day",
        }
    }
}

/// A link of an interval's principal.
#[derive(Debug)]
pub(super) struct ToldLink {
    pub organisation: String,
    pub channel: Channel,
    pub span: Span,
    /// Whether the organisation is one of P.
    pub of_parties: bool,
}

/// What an interval is to one organisation of P.
#[derive(Debug)]
pub(super) struct Count {
    pub organisation: String,
    pub why: Why,
    /// The part of the day it covers for the organisation.
    pub spans: Vec<Span>,
}

/// An interval, told.
#[derive(Debug)]
pub(super) struct ToldInterval {
    pub interval: AccessInterval,
    pub shown_scope: String,
    /// `on the resource group`, seen from the charge.
    pub place: String,
    pub when: When,
    /// The part inside the day.
    pub in_day: Option<Span>,
    pub role_name: Option<String>,
    pub earns: bool,
    pub says: RoleSource,
    pub links: Vec<ToldLink>,
    pub counts: Vec<Count>,
}

impl ToldInterval {
    /// The role's name, else its id.
    pub fn role(&self) -> String {
        self.role_name.clone().unwrap_or_else(|| format!("the role {}", self.interval.role_definition_id))
    }

    /// Whether its principal is ever linked to an organisation of P.
    pub fn is_linked(&self) -> bool {
        self.links.iter().any(|l| l.of_parties)
    }
}

/// One organisation of P on the day.
#[derive(Debug)]
pub(super) struct ToldOrganisation {
    pub organisation: String,
    /// `billed partner` or `reseller of record`.
    pub part: &'static str,
    pub covered: Vec<Span>,
    pub gaps: Vec<Span>,
    /// Covered throughout, within the tolerance.
    pub is_covered: bool,
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct Access {
    pub chain: Vec<ChainLevel>,
    pub intervals: Vec<ToldInterval>,
    pub organisations: Vec<ToldOrganisation>,
    /// All organisations together, under `combine_parties = "union"`.
    pub together: Option<(Vec<Span>, Vec<Span>)>,
    /// Intervals of P's principals on the day at management groups that cover nothing (R-SCOPE-2).
    pub covering_nothing: usize,
}

/// What the telling of access needs.
pub(super) struct Question<'a> {
    pub knowledge: &'a Knowledge,
    pub clock: Clock,
    pub scope: Option<&'a Scope>,
    /// The scope as the charge writes it.
    pub shown: &'a str,
    /// Organisations of P, the billed partner's first.
    pub parties: &'a [OrganisationCode],
}

impl Question<'_> {
    /// Tells the access.
    pub fn tell(&self) -> Access {
        let chain = self.chain();
        let scopes: Vec<Scope> = chain.iter().map(|(scope, _)| scope.clone()).collect();
        let holding = self.scope.map(|s| self.knowledge.access.chain(s, &self.knowledge.groups)).unwrap_or_default();
        let on_chain = self.knowledge.on_chain(&holding, self.clock.day);
        let days: Vec<OrganisationDay> = self.parties.iter().map(|o| self.knowledge.organisation_day(*o, self.clock.day, &on_chain)).collect();
        let mut intervals: Vec<ToldInterval> = scopes.iter().flat_map(|scope| self.at_scope(scope, &chain)).collect();
        intervals.sort_by_key(|i| (i.when, !i.is_linked(), i.interval.span, i.interval.assignment_id.clone()));
        let level = |(scope, shown): &(Scope, String)| {
            let here = || intervals.iter().filter(|i| i.interval.scope == *scope && i.when == When::OnTheDay);
            ChainLevel {
                level: scope.level(),
                shown: shown.clone(),
                is_charge: Some(scope) == self.scope,
                intervals: here().count(),
                of_parties: here().filter(|i| i.is_linked()).count(),
            }
        };
        Access {
            chain: chain.iter().map(level).collect(),
            organisations: days.iter().enumerate().map(|(at, day)| self.organisation(at, day)).collect(),
            together: (self.knowledge.rules.combine_parties == CombineParties::Union && days.len() > 1).then(|| self.together(&days)),
            covering_nothing: self.covering_nothing(),
            intervals,
        }
    }

    fn organisation(&self, at: usize, day: &OrganisationDay) -> ToldOrganisation {
        ToldOrganisation {
            organisation: self.knowledge.parties.organisation(day.organisation).to_owned(),
            part: if at == 0 { "billed partner" } else { "reseller of record" },
            covered: day.covered.clone(),
            gaps: day.gaps.clone(),
            is_covered: !day.covered.is_empty() && day.is_covered(&self.knowledge.rules),
        }
    }

    fn together(&self, days: &[OrganisationDay]) -> (Vec<Span>, Vec<Span>) {
        let covered = union(days.iter().flat_map(|d| d.covered.iter().copied()).collect());
        let open = gaps(self.clock.span, &covered);
        (covered, open)
    }

    /// Root and management groups, subscription, resource group, resources down to the charge; of scopes between
    /// (`…/providers`) only those that hold access.
    fn chain(&self) -> Vec<(Scope, String)> {
        let Some(scope) = self.scope else { return Vec::new() };
        let mut above: Vec<Scope> = self.knowledge.groups.above(scope).cloned().collect();
        above.sort_by_key(|s| (s.level(), s.clone()));
        let inherited = self.knowledge.rules.inherit_management_groups;
        let above = above.into_iter().filter(|_| inherited).map(|s| (s.clone(), s.key().to_owned()));
        let segments: Vec<&str> = self.shown.split('/').filter(|s| !s.is_empty()).collect();
        let inside = scope.chain().into_iter().filter_map(|key| {
            let length = key.matches('/').count();
            let here = Scope::parse(key);
            let in_rhythm = here.level() != Level::Resource || (length >= 2 * GROUP_SEGMENTS && length.is_multiple_of(2));
            let shown = segments.get(..length).map_or_else(|| key.to_owned(), |s| format!("/{}", s.join("/")));
            let holds = !self.knowledge.access.at(&here).is_empty();
            (in_rhythm || holds || here == *scope).then_some((here, shown))
        });
        above.chain(inside).collect()
    }

    /// The intervals of a scope that touch the day, and of P's principals the last before and the first after.
    fn at_scope(&self, scope: &Scope, chain: &[(Scope, String)]) -> Vec<ToldInterval> {
        let shown = chain.iter().find(|(s, _)| s == scope).map_or(scope.key(), |(_, shown)| shown.as_str());
        let place = self.place(scope);
        let all = self.knowledge.access.at(scope).iter().filter_map(|at| self.knowledge.intervals().get(*at));
        let told: Vec<ToldInterval> = all.map(|i| self.interval(i, shown, &place)).collect();
        let linked = |when| told.iter().enumerate().filter(move |(_, i)| i.when == when && i.is_linked());
        let last = linked(When::Before).max_by_key(|(_, i)| i.interval.span.until).map(|(at, _)| at);
        let first = linked(When::After).min_by_key(|(_, i)| i.interval.span.from).map(|(at, _)| at);
        let kept: BTreeSet<usize> = last.into_iter().chain(first).collect();
        told.into_iter().enumerate().filter(|(at, i)| i.when == When::OnTheDay || kept.contains(at)).map(|(_, i)| i).collect()
    }

    fn place(&self, scope: &Scope) -> String {
        match scope.level() {
            Level::Root => "at the root".to_owned(),
            Level::ManagementGroup => format!("on the management group {}", pecan_core::scope::last_segment(scope.key())),
            Level::Subscription => "on the subscription".to_owned(),
            Level::ResourceGroup => "on the resource group".to_owned(),
            Level::Resource if Some(scope) == self.scope => "on the resource itself".to_owned(),
            Level::Resource => "on its parent resource".to_owned(),
            Level::Other => "elsewhere".to_owned(),
        }
    }

    fn interval(&self, interval: &AccessInterval, shown: &str, place: &str) -> ToldInterval {
        let day = self.clock.span;
        let when = if interval.span.overlaps(day) {
            When::OnTheDay
        } else if interval.span.until <= day.from {
            When::Before
        } else {
            When::After
        };
        let (earns, says) = self.knowledge.roles.earns(&interval.role_definition_id, self.clock.day);
        let link = |l: &pecan_core::party::Link| ToldLink {
            organisation: self.knowledge.parties.organisation(l.organisation).to_owned(),
            channel: l.channel,
            span: l.span,
            of_parties: self.parties.contains(&l.organisation),
        };
        ToldInterval {
            shown_scope: shown.to_owned(),
            place: place.to_owned(),
            when,
            in_day: interval.span.cut(day),
            role_name: self.knowledge.roles.name(&interval.role_definition_id).map(str::to_owned),
            earns,
            says,
            links: self.knowledge.parties.links(&interval.principal_id).iter().map(link).collect(),
            counts: self.parties.iter().map(|o| self.count(interval, *o, earns)).collect(),
            interval: interval.clone(),
        }
    }

    fn count(&self, interval: &AccessInterval, organisation: OrganisationCode, earns: bool) -> Count {
        let links = || self.knowledge.parties.links(&interval.principal_id).iter().filter(|l| l.organisation == organisation);
        let here = interval.span.cut(self.clock.span);
        let linked = union(here.map(|here| links().filter_map(|l| l.span.cut(here)).collect()).unwrap_or_default());
        let why = if links().next().is_none() {
            Why::NeverLinked
        } else if here.is_none() {
            Why::OutsideTheDay
        } else if !earns {
            Why::RoleNotEarning
        } else if linked.is_empty() {
            Why::NotLinkedThen
        } else if here.is_some_and(|here| linked == [here]) {
            Why::Counts
        } else {
            Why::CountsPartly
        };
        let counted = matches!(why, Why::Counts | Why::CountsPartly);
        Count { organisation: self.knowledge.parties.organisation(organisation).to_owned(), why, spans: if counted { linked } else { Vec::new() } }
    }

    fn covering_nothing(&self) -> usize {
        let above = |i: &&AccessInterval| matches!(i.scope.level(), Level::Root | Level::ManagementGroup);
        let of_parties = |i: &&AccessInterval| self.knowledge.parties.links(&i.principal_id).iter().any(|l| self.parties.contains(&l.organisation));
        let on_the_day = |i: &&AccessInterval| i.span.overlaps(self.clock.span);
        let nothing = |i: &&AccessInterval| self.knowledge.access.at(&i.scope).is_empty();
        self.knowledge.intervals().iter().filter(above).filter(on_the_day).filter(of_parties).filter(nothing).count()
    }
}

impl Access {
    /// Intervals whose principals are ever linked to P (A0), on the day.
    pub fn of_parties(&self) -> impl Iterator<Item = &ToldInterval> {
        self.intervals.iter().filter(|i| i.when == When::OnTheDay && i.is_linked())
    }

    /// The last access of P before the day.
    pub fn last_before(&self) -> Option<&ToldInterval> {
        self.intervals.iter().filter(|i| i.when == When::Before && i.is_linked()).max_by_key(|i| i.interval.span.until)
    }

    /// The first access of P after the day.
    pub fn first_after(&self) -> Option<&ToldInterval> {
        self.intervals.iter().filter(|i| i.when == When::After && i.is_linked()).min_by_key(|i| i.interval.span.from)
    }

    /// The access of P that stops at an instant.
    pub fn stopped_at(&self, at: Instant) -> Option<&ToldInterval> {
        self.of_parties().find(|i| i.interval.span.until == at && i.counts.iter().any(|c| !c.spans.is_empty()))
    }
}
