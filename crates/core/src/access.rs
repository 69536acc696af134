//! Every access interval, found by scope (R-ACCESS, R-SCOPE-2, details 23).

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Content, Space};
use crate::interval::{InForce, StartedBy, StoppedBy, fold};
use crate::listing::{Lists, ManagementGroups};
use crate::pairing::{AssignmentKey, Event};
use crate::reference::Authorization;
use crate::scope::{Level, Scope};
use crate::time::Span;

/// A role of a principal at a scope, in force during a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessInterval {
    /// Role or registration assignment, lower case.
    pub assignment_id: String,
    /// Lower case.
    pub principal_id: String,
    /// Lower case.
    pub role_definition_id: String,
    /// Where.
    pub scope: Scope,
    /// When.
    pub span: Span,
    /// What the start rests on.
    pub started_by: StartedBy,
    /// What the stop rests on; `None` = open.
    pub stopped_by: Option<StoppedBy>,
    /// Who took it away, if a record says so.
    pub stopped_caller: Option<String>,
    /// The Lighthouse definition it comes through; `None`: a role assignment.
    pub definition_id: Option<String>,
}

/// What the fold found besides intervals.
#[derive(Debug, Default)]
pub struct AccessCounts {
    /// Records and lists that contradict each other.
    pub contradictions: u64,
    /// Registration assignments whose definition the table lacks (details 23).
    pub unknown_definitions: u64,
    /// The same by definition.
    pub by_unknown_definition: BTreeMap<String, u64>,
    /// Intervals at management groups or root without a row in the table, or not inherited (R-SCOPE-2).
    pub management_group_intervals_covering_nothing: u64,
}

impl AccessCounts {
    fn unknown_definition(&mut self, definition_id: &str) {
        self.unknown_definitions = self.unknown_definitions.saturating_add(1);
        let of_id = self.by_unknown_definition.entry(definition_id.to_owned()).or_default();
        *of_id = of_id.saturating_add(1);
    }
}

/// All access intervals with a look-up by scope.
#[derive(Debug, Default)]
pub struct Access {
    /// In the order of assignment, then time.
    pub intervals: Vec<AccessInterval>,
    by_scope: BTreeMap<Scope, Vec<usize>>,
    /// Counters of the run report.
    pub counts: AccessCounts,
}

impl Access {
    /// Folds every assignment of both name spaces.
    pub fn new(
        events: &BTreeMap<AssignmentKey, Vec<Event>>,
        lists: &[(Space, Lists)],
        authorizations: &[Authorization],
        groups: &ManagementGroups,
        inherit: bool,
    ) -> Access {
        let definitions = by_definition(authorizations);
        let mut access = Access::default();
        for (space, lists) in lists {
            let written = events.keys().filter(|(s, _)| s == space).map(|(_, id)| id);
            let ids: BTreeSet<&String> = written.chain(lists.ids()).collect();
            for id in ids {
                let of_id = events.get(&(*space, id.clone())).map_or(&[][..], Vec::as_slice);
                let folded = fold(id, of_id, lists, groups);
                access.counts.contradictions = access.counts.contradictions.saturating_add(folded.contradictions);
                for in_force in folded.spans {
                    access.add(id, in_force, &definitions);
                }
            }
        }
        access.index(groups, inherit);
        access
    }

    fn add(&mut self, id: &str, in_force: InForce, definitions: &BTreeMap<&str, BTreeSet<(&str, &str, Span)>>) {
        match &in_force.content {
            Content::Role { principal_id, role_definition_id, .. } => self.push(id, principal_id, role_definition_id, &in_force, Span::ALWAYS),
            Content::Registration { definition_id, .. } => match definitions.get(definition_id.as_str()) {
                None => self.counts.unknown_definition(definition_id),
                Some(authorizations) => {
                    for (principal_id, role_definition_id, valid) in authorizations {
                        self.push(id, principal_id, role_definition_id, &in_force, *valid);
                    }
                }
            },
        }
    }

    fn push(&mut self, id: &str, principal_id: &str, role_definition_id: &str, in_force: &InForce, valid: Span) {
        let Some(span) = in_force.span.cut(valid) else { return };
        let cut_short = span.until < in_force.span.until;
        self.intervals.push(AccessInterval {
            assignment_id: id.to_owned(),
            principal_id: principal_id.to_owned(),
            role_definition_id: role_definition_id.to_owned(),
            scope: in_force.content.scope().clone(),
            span,
            started_by: if span.from > in_force.span.from { StartedBy::Definition } else { in_force.started_by },
            stopped_by: if cut_short { Some(StoppedBy::Definition) } else { in_force.stopped_by },
            stopped_caller: in_force.stopped_caller.clone().filter(|_| !cut_short),
            definition_id: match &in_force.content {
                Content::Role { .. } => None,
                Content::Registration { definition_id, .. } => Some(definition_id.clone()),
            },
        });
    }

    fn index(&mut self, groups: &ManagementGroups, inherit: bool) {
        for (at, interval) in self.intervals.iter().enumerate() {
            if covers_nothing(&interval.scope, groups, inherit) {
                let counts = &mut self.counts;
                counts.management_group_intervals_covering_nothing = counts.management_group_intervals_covering_nothing.saturating_add(1);
            } else if interval.scope.level() != Level::Other {
                self.by_scope.entry(interval.scope.clone()).or_default().push(at);
            }
        }
    }

    /// The scopes that hold intervals, with the indices of those, in order.
    pub fn scopes(&self) -> impl Iterator<Item = (&Scope, &[usize])> {
        self.by_scope.iter().map(|(scope, indices)| (scope, indices.as_slice()))
    }

    /// The intervals at exactly this scope.
    pub fn at(&self, scope: &Scope) -> &[usize] {
        self.by_scope.get(scope).map_or(&[], Vec::as_slice)
    }

    /// The scopes on the chain of `scope` (itself, all above it, management groups) that hold intervals.
    pub fn chain<'a>(&'a self, scope: &Scope, groups: &ManagementGroups) -> Vec<&'a Scope> {
        let holding = |key: &str| self.by_scope.get_key_value(key).map(|(scope, _)| scope);
        let above = groups.above(scope).filter_map(|group| holding(group.key()));
        above.chain(scope.chain().into_iter().filter_map(holding)).collect()
    }
}

/// Whether access at this scope reaches no subscription: a management group or root without a row in the table, or not
/// inherited (R-SCOPE-2).
pub fn covers_nothing(scope: &Scope, groups: &ManagementGroups, inherit: bool) -> bool {
    matches!(scope.level(), Level::Root | Level::ManagementGroup) && !(inherit && groups.knows(scope))
}

/// Authorizations by definition; identical rows are one (details 23).
fn by_definition(authorizations: &[Authorization]) -> BTreeMap<&str, BTreeSet<(&str, &str, Span)>> {
    let mut definitions: BTreeMap<&str, BTreeSet<(&str, &str, Span)>> = BTreeMap::new();
    for row in authorizations {
        let rows = definitions.entry(row.definition_id.as_str()).or_default();
        rows.extend(row.valid.map(|valid| (row.principal_id.as_str(), row.role_definition_id.as_str(), valid)));
    }
    definitions
}
