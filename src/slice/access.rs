//! The access a group's charges can meet: intervals on their scopes and days, of principals linked to their partners.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use pecan_core::access::AccessInterval;
use pecan_core::party::OrganisationCode;
use pecan_core::scope::Scope;
use pecan_core::time::{Day, Span};

use super::{Item, Slicer, hash_of};
use crate::footprint::Footprint;

/// One access interval of a slice, told apart by 64 bits each: enough to name it, not to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// All that reaches the output.
    pub content: u64,
    /// Assignment, principal, role and scope.
    pub identity: u64,
}

/// An interval that reaches charges of a subscription.
pub(super) struct Reached<'a> {
    pub(super) interval: &'a AccessInterval,
    pub(super) item: [u8; 32],
    pub(super) touch: Touch,
}

/// Runs of consecutive days, as spans.
fn runs(days: &BTreeSet<i32>, offset: i32) -> Vec<Span> {
    let mut runs: Vec<Span> = Vec::new();
    for span in days.iter().map(|day| Day(*day).span(offset)) {
        match runs.last_mut() {
            Some(last) if last.until == span.from => last.until = span.until,
            _ => runs.push(span),
        }
    }
    runs
}

/// What tells one interval from another but when it was in force.
pub(super) fn identity(interval: &AccessInterval) -> [u8; 32] {
    let ids = Item::new().text(&interval.assignment_id).text(&interval.principal_id).text(&interval.role_definition_id);
    ids.text(interval.scope.key()).hash()
}

fn spans(item: Item, spans: impl Iterator<Item = Span>) -> Item {
    spans.fold(item, |item, span| item.number(span.from.0.into()).number(span.until.0.into()))
}

impl<'a> Slicer<'a> {
    /// The intervals at scopes the charges ask about, or at management groups above their subscription, that are in force on
    /// days of that subscription and whose principal is ever linked to one of the organisations.
    pub(super) fn reached(&self, footprint: &Footprint, parties: &BTreeSet<OrganisationCode>) -> Vec<Reached<'a>> {
        let knowledge = &self.known.knowledge;
        let (mut reached, mut linked) = (Vec::new(), HashMap::new());
        for (subscription, days) in &footprint.asked {
            let Some(subscription) = subscription else { continue };
            let runs = runs(days, knowledge.rules.day_offset_minutes);
            let below = self.scopes.get(subscription.as_str()).into_iter().flatten();
            let below = below.filter(|(mark, _)| footprint.scopes.contains(mark)).map(|(_, scope)| *scope);
            let above = knowledge.groups.above(&Scope::subscription(subscription));
            for at in above.chain(below).flat_map(|scope| knowledge.access.at(scope)) {
                let (Some(interval), Some(identity)) = (knowledge.intervals().get(*at), self.identities.get(*at)) else { continue };
                let counts = || knowledge.parties.links(&interval.principal_id).iter().any(|link| parties.contains(&link.organisation));
                let mut in_force = runs.iter().filter_map(|run| interval.span.cut(*run)).peekable();
                if in_force.peek().is_some() && *linked.entry(interval.principal_id.as_str()).or_insert_with(counts) {
                    let item = spans(Item::new().bytes(identity).text(subscription), in_force).hash();
                    reached.push(Reached { interval, item, touch: Touch { content: Item::short(item), identity: Item::short(*identity) } });
                }
            }
        }
        reached
    }

    /// The links of the principals of those intervals with those organisations: that there is one, and when on these days.
    pub(super) fn link_items(&self, footprint: &Footprint, parties: &BTreeSet<OrganisationCode>, reached: &[Reached]) -> String {
        let knowledge = &self.known.knowledge;
        let runs = runs(&footprint.days, knowledge.rules.day_offset_minutes);
        let principals: BTreeSet<&str> = reached.iter().map(|r| r.interval.principal_id.as_str()).collect();
        let links = principals.into_iter().flat_map(|principal| knowledge.parties.links(principal).iter().map(move |link| (principal, link)));
        let item = |(principal, link): (&str, &pecan_core::party::Link)| {
            let item = Item::new().text(principal).text(knowledge.parties.organisation(link.organisation));
            spans(item, runs.iter().filter_map(|run| link.span.cut(*run))).hash()
        };
        hash_of(links.filter(|(_, link)| parties.contains(&link.organisation)).map(item).collect())
    }

    /// On which days the roles of those intervals earn.
    pub(super) fn role_items(&self, footprint: &Footprint, reached: &[Reached]) -> String {
        let roles: BTreeSet<&str> = reached.iter().map(|r| r.interval.role_definition_id.as_str()).collect();
        let item = |role: &str| {
            let earning = footprint.days.iter().filter(|day| self.known.knowledge.roles.earns(role, Day(**day)).0);
            earning.fold(Item::new().text(role), |item, day| item.number((*day).into())).hash()
        };
        hash_of(roles.into_iter().map(item).collect())
    }
}
