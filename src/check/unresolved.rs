//! Ids in the audit log, the lists and the reference tables that no other table knows.

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::access::covers_nothing;
use pecan_core::time::{DAY_MICROS, Day, Instant};

use crate::known::Known;

/// What could not be resolved.
#[derive(Debug, Default)]
pub struct Unresolved {
    /// Principals with an earning role and no link to any organisation.
    pub principals: BTreeMap<String, Unlinked>,
    /// Whether any principal with an earning role is linked.
    pub anybody_linked: bool,
    /// Assignments by role that no table knows.
    pub roles: BTreeMap<String, u64>,
    /// Registration assignments by Lighthouse definition that the table lacks.
    pub definitions: BTreeMap<String, u64>,
    /// Access intervals by management group (or `/`) that cover nothing.
    pub management_groups: BTreeMap<String, u64>,
}

/// Where and as what an unlinked principal has access.
#[derive(Debug, Default)]
pub struct Unlinked {
    /// Distinct scopes.
    pub scopes: BTreeSet<String>,
    /// Distinct earning roles.
    pub roles: BTreeSet<String>,
}

impl Unresolved {
    /// Goes through all access intervals once.
    pub fn new(known: &Known) -> Unresolved {
        let knowledge = &known.knowledge;
        let mut found = Unresolved {
            roles: known.unknown_roles().into_iter().map(|(role, assignments)| (role.to_owned(), assignments)).collect(),
            definitions: knowledge.access.counts.by_unknown_definition.clone(),
            ..Unresolved::default()
        };
        let cutoff = knowledge.cutoff();
        for interval in knowledge.intervals() {
            if covers_nothing(&interval.scope, &knowledge.groups, knowledge.rules.inherit_management_groups) {
                *found.management_groups.entry(interval.scope.key().to_owned()).or_default() += 1;
            }
            let last = cutoff.map_or(interval.span.from, |cutoff| cutoff.min(interval.span.until).max(interval.span.from));
            if !knowledge.roles.earns(&interval.role_definition_id, day_of(last)).0 {
                continue;
            }
            if knowledge.parties.links(&interval.principal_id).is_empty() {
                let unlinked = found.principals.entry(interval.principal_id.clone()).or_default();
                unlinked.scopes.insert(interval.scope.key().to_owned());
                unlinked.roles.insert(interval.role_definition_id.clone());
            } else {
                found.anybody_linked = true;
            }
        }
        found
    }
}

fn day_of(instant: Instant) -> Day {
    i32::try_from(instant.0.div_euclid(DAY_MICROS)).map_or(Day(0), Day)
}
