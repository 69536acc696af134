//! The plan: incidents turned into what each day of each subscription gets, and into assignments that come and go.

use crate::access::{self, Access, Gives, Holding, Link, Principal};
use crate::calendar::{DAY, midnight};
use crate::incident::{self, Incident, Kind, Outcome};
use crate::names;
use crate::options::Options;
use crate::stream;
use crate::world::World;

/// What a day gets if its charge is usage of an earning product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub outcome: Outcome,
    /// Place of the incident plus one; 0 for none.
    pub incident: u16,
}

/// A day on which all is well.
pub(crate) const COVERED: Cell = Cell { outcome: Outcome::Covered, incident: 0 };

/// The days of a subscription.
#[derive(Debug, Clone, Default)]
pub(crate) struct Course {
    /// One per day; empty: all covered.
    cells: Vec<Cell>,
    /// The resource group whose days `cells` tells; none: the whole subscription.
    group: Option<u64>,
    /// First day billed by the partner nobody knows.
    stranger_from: Option<i32>,
    /// First day without the reseller on the charge.
    reseller_until: Option<i32>,
    former: bool,
}

/// Who stands on a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Billed {
    Provider,
    Former,
    Stranger,
}

impl Course {
    pub(crate) fn cell(&self, group: u64, day: i32) -> Cell {
        if self.group.is_some_and(|own| own != group) {
            return COVERED;
        }
        self.cells.get(day as usize).copied().unwrap_or(COVERED)
    }

    pub(crate) fn billed(&self, day: i32) -> Billed {
        match self.stranger_from {
            Some(from) if day >= from => Billed::Stranger,
            _ if self.former => Billed::Former,
            _ => Billed::Provider,
        }
    }

    pub(crate) fn names_reseller(&self, day: i32) -> bool {
        self.reseller_until.is_none_or(|until| day < until)
    }
}

/// Everything about access.
#[derive(Debug)]
pub(crate) struct Plan {
    pub incidents: Vec<Incident>,
    /// One per subscription.
    pub courses: Vec<Course>,
    pub principals: Vec<Principal>,
    pub holdings: Vec<Holding>,
    /// First day on which the former partner's agreement no longer holds.
    pub former_until: Option<i32>,
}

/// Plans access for the whole world.
pub(crate) fn plan(world: &mut World, options: &Options) -> Plan {
    let incidents = incident::choose(world, options);
    let mut plan = Plan {
        courses: vec![Course::default(); world.subscriptions.len()],
        principals: access::principals(world.dice),
        holdings: Vec::new(),
        former_until: None,
        incidents,
    };
    for (n, incident) in plan.incidents.iter().enumerate() {
        let course = &mut plan.courses[incident.subscription];
        let cell = |day| incident.outcome(day).map_or(COVERED, |outcome| Cell { outcome, incident: n as u16 + 1 });
        course.cells = (0..world.days()).map(cell).collect();
        course.group = incident.group;
        match incident.kind {
            Kind::UnknownPartner => course.stranger_from = Some(incident.from),
            Kind::ResellerNotSet => course.reseller_until = Some(incident.from),
            Kind::AgreementRunsOut => {
                course.former = true;
                plan.former_until = Some(world.first + incident.from);
            }
            _ => {}
        }
    }
    let of_subscription = |k: usize| plan.incidents.iter().position(|i| i.subscription == k);
    let troubles: Vec<Option<Incident>> = (0..world.subscriptions.len()).map(|k| of_subscription(k).map(|n| plan.incidents[n].clone())).collect();
    for (k, trouble) in troubles.iter().enumerate() {
        hold(world, &mut plan, k, trouble.as_ref());
        customers_own(world, &mut plan, k);
    }
    plan
}

/// The partners' assignments of one subscription.
fn hold(world: &World, plan: &mut Plan, k: usize, trouble: Option<&Incident>) {
    let subscription = &world.subscriptions[k];
    let own_link = plan.principals.len();
    if subscription.access == Access::OwnLink {
        let until = trouble.filter(|t| t.kind == Kind::LinkStops).map(|t| midnight(world.first + t.from));
        let link = Some(Link { partner: &names::PROVIDER, channel: "pal", until });
        let id = world.dice.of("engineer").guid(k as u64);
        plan.principals.push(Principal { id, name: format!("contoso-engineer-{k}"), kind: "User", home: &names::PROVIDER, link });
    }
    let whole = stream::subscription_path(world, k);
    let (principal, gives) = match subscription.access {
        Access::Owner if k % 10 == 9 => (access::HELPDESK, Gives::Role(access::OWNER)),
        Access::Owner => (access::ADMINS, Gives::Role(access::OWNER)),
        Access::Lighthouse => (access::DELEGATES, Gives::Delegation),
        Access::Groups | Access::Resources if k.is_multiple_of(2) => (access::ENGINEER, Gives::Role(access::CONTRIBUTOR)),
        Access::Groups | Access::Resources => (access::ROBOT, Gives::Role(access::CONTRIBUTOR)),
        Access::Reseller => (access::RESELLER_ROBOTS[subscription.reseller.unwrap_or_default()], Gives::Role(access::CONTRIBUTOR)),
        Access::OwnLink => (own_link, Gives::Role(access::CONTRIBUTOR)),
        Access::Former => (access::FORMER_ADMINS, Gives::Role(access::OWNER)),
    };
    let scopes: Vec<(Option<u64>, String)> = match subscription.access {
        Access::Groups => (0..subscription.groups).map(|g| (Some(g), stream::group_path(world, k, g))).collect(),
        Access::Resources => stream::resources_of(world, k).into_iter().map(|path| (None, path)).collect(),
        _ => vec![(None, whole.clone())],
    };
    let born = born(world, k);
    for (group, scope) in scopes {
        let spans = match trouble.filter(|t| t.group == group) {
            Some(trouble) => spans(world, trouble, born),
            None => vec![(born, None)],
        };
        for (from, until) in spans {
            give(world, plan, k, scope.clone(), principal, gives, from, until);
        }
    }
    if let Some((principal, role, from, until)) = trouble.and_then(|t| instead(world, t)) {
        give(world, plan, k, whole, principal, Gives::Role(role), from, until);
    }
}

#[allow(clippy::too_many_arguments)] // one row of a table
fn give(world: &World, plan: &mut Plan, subscription: usize, scope: String, principal: usize, gives: Gives, from: i64, until: Option<i64>) {
    let who = &plan.principals[principal];
    let id = world.dice.of("assignment").guid(plan.holdings.len() as u64);
    let holding = Holding { id, subscription, scope, principal: who.id.clone(), principal_kind: who.kind, gives, from, until };
    plan.holdings.push(holding);
}

/// The customer's own administrator and robot: they are in every list and prove nothing.
fn customers_own(world: &World, plan: &mut Plan, k: usize) {
    let dice = world.dice.of("customers own");
    let scope = stream::subscription_path(world, k);
    for (n, kind, role) in [(0, "User", access::OWNER), (1, "ServicePrincipal", access::CONTRIBUTOR)] {
        let id = world.dice.of("assignment").guid(plan.holdings.len() as u64);
        let principal = dice.guid(2 * k as u64 + n);
        let gives = Gives::Role(role);
        let from = born(world, k) - DAY;
        plan.holdings.push(Holding { id, subscription: k, scope: scope.clone(), principal, principal_kind: kind, gives, from, until: None });
    }
}

/// When the subscription was taken over: one to three years before the first charge.
fn born(world: &World, k: usize) -> i64 {
    midnight(world.first) - 365 * DAY - world.dice.of("born").below(k as u64, 730 * DAY as u64) as i64
}

/// An instant of a working day of the incident.
fn instant(world: &World, incident: &Incident, day: i32) -> i64 {
    midnight(world.first + day) + 9 * 3600 + world.dice.of("instant").below((incident.subscription as u64) << 12 | day as u64, 8 * 3600) as i64
}

/// When access holds in spite of the trouble.
fn spans(world: &World, trouble: &Incident, born: i64) -> Vec<(i64, Option<i64>)> {
    let at = |day| instant(world, trouble, day);
    match trouble.kind {
        Kind::TakenForHours | Kind::GroupTakenForHours => {
            let mut spans = Vec::new();
            let mut from = born;
            for day in trouble.from..trouble.until {
                spans.push((from, Some(at(day))));
                from = at(day) + 600 + world.dice.of("hours").below(at(day) as u64, 3 * 3600) as i64;
            }
            spans.push((from, None));
            spans
        }
        Kind::TakenForDays | Kind::DemotedForDays => vec![(born, Some(at(trouble.from))), (at(trouble.until - 1), None)],
        Kind::ForeignPrincipal | Kind::OtherOrganisation | Kind::ReaderOnly | Kind::Unlinked => vec![(born, Some(at(trouble.from)))],
        Kind::GivenLate => vec![(at(trouble.until - 1), None)],
        Kind::LinkStops | Kind::AgreementRunsOut | Kind::UnknownPartner | Kind::ResellerNotSet => vec![(born, None)],
    }
}

/// What somebody was given instead: principal, role, from, until.
fn instead(world: &World, trouble: &Incident) -> Option<(usize, access::Role, i64, Option<i64>)> {
    let taken = instant(world, trouble, trouble.from);
    let reader = if trouble.subscription.is_multiple_of(2) { access::READER } else { access::BILLING_READER };
    match trouble.kind {
        Kind::DemotedForDays => Some((access::ADMINS, reader, taken - 40, Some(instant(world, trouble, trouble.until - 1) + 40))),
        Kind::ForeignPrincipal => Some((access::BYSTANDER_ADMINS, access::OWNER, taken + 90, None)),
        Kind::OtherOrganisation => Some((access::BYSTANDER_ROBOT, access::CONTRIBUTOR, taken + 90, None)),
        Kind::ReaderOnly => Some((access::ADMINS, reader, taken + 90, None)),
        Kind::Unlinked => Some((access::UNLINKED, access::OWNER, taken + 90, None)),
        _ => None,
    }
}
