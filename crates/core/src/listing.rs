//! Lists of assignments and what each is complete for (R-ACCESS-4, details 22).

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Content, ListedAssignment, Space};
use crate::reference::ManagementGroupRow;
use crate::scope::{Level, Scope};
use crate::time::RawInstant;

/// Lists without scope closer together than this are rows stamped one by one (details 22).
const CLOSEST_LISTS_NANOS: i128 = 600 * 1_000_000_000;

/// Which management groups (and root) stand above which subscriptions (R-SCOPE-2, details 25).
#[derive(Debug, Clone, Default)]
pub struct ManagementGroups {
    above: BTreeMap<String, BTreeSet<Scope>>,
    known: BTreeSet<Scope>,
}

impl ManagementGroups {
    /// The table as a look-up.
    pub fn new(rows: &[ManagementGroupRow]) -> ManagementGroups {
        let mut groups = ManagementGroups::default();
        for row in rows {
            let group = Scope::management_group(&row.management_group_id);
            groups.known.insert(group.clone());
            groups.above.entry(row.subscription_id.clone()).or_default().insert(group);
        }
        groups
    }

    /// The groups above the subscription that `scope` lies in.
    pub fn above<'a>(&'a self, scope: &Scope) -> impl Iterator<Item = &'a Scope> + use<'a> {
        scope.subscription_id().and_then(|id| self.above.get(id)).into_iter().flatten()
    }

    /// Whether the table has a row for this group.
    pub fn knows(&self, group: &Scope) -> bool {
        self.known.contains(group)
    }
}

/// One list: what was there, at or below its scope, when it was taken.
#[derive(Debug, Clone)]
pub struct List {
    /// When it was taken.
    pub at: RawInstant,
    /// What it is complete for; `None` = everything.
    pub scope: Option<Scope>,
    /// Ids it names.
    pub ids: BTreeSet<String>,
}

/// What one list says of one assignment.
#[derive(Debug, Clone)]
pub struct Listed {
    /// When the list was taken.
    pub at: RawInstant,
    /// What the assignment gives; `None`: rows of the list contradict each other.
    pub content: Option<Content>,
    /// When it was created; `None` = the list does not say.
    pub created_on: Option<RawInstant>,
}

/// Lists without scope, taken less than ten minutes apart (details 22, exit 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListsTooClose {
    /// The earlier instant.
    pub first: RawInstant,
    /// The later one.
    pub second: RawInstant,
}

/// All lists of one name space.
#[derive(Debug, Default)]
pub struct Lists {
    by_scope: BTreeMap<Option<Scope>, BTreeMap<RawInstant, List>>,
    listed: BTreeMap<String, Vec<Listed>>,
}

impl Lists {
    /// Gathers the rows of one name space into lists.
    /// # Errors
    /// [`ListsTooClose`].
    pub fn new(rows: &[ListedAssignment], space: Space) -> Result<Lists, ListsTooClose> {
        let mut lists = Lists::default();
        // Rows of one instant are compared whatever list they stand in: they must say the same.
        let mut rows_of: BTreeMap<(RawInstant, &String), Vec<&ListedAssignment>> = BTreeMap::new();
        for row in rows.iter().filter(|r| r.space == space) {
            let scope = row.snapshot_scope.as_deref().map(Scope::parse);
            let of_scope = lists.by_scope.entry(scope.clone()).or_default();
            let list = of_scope.entry(row.snapshot_at).or_insert_with(|| List { at: row.snapshot_at, scope: scope.clone(), ids: BTreeSet::new() });
            if let Some(id) = &row.assignment_id {
                list.ids.insert(id.clone());
                rows_of.entry((row.snapshot_at, id)).or_default().push(row);
            }
        }
        for ((at, id), rows) in rows_of {
            lists.listed.entry(id.clone()).or_default().push(listed(at, &rows));
        }
        lists.check_distance()?;
        Ok(lists)
    }

    fn check_distance(&self) -> Result<(), ListsTooClose> {
        let Some(lists) = self.by_scope.get(&None) else { return Ok(()) };
        let instants: Vec<RawInstant> = lists.keys().copied().collect();
        for pair in instants.windows(2) {
            if let [first, second] = *pair
                && second.0.saturating_sub(first.0) < CLOSEST_LISTS_NANOS
            {
                return Err(ListsTooClose { first, second });
            }
        }
        Ok(())
    }

    /// Ids that some list names.
    pub fn ids(&self) -> impl Iterator<Item = &String> {
        self.listed.keys()
    }

    /// What the lists say of one assignment.
    pub fn of(&self, id: &str) -> &[Listed] {
        self.listed.get(id).map_or(&[], Vec::as_slice)
    }

    /// The lists that are complete for `scope`: an assignment there and missing from one was not in force.
    pub fn covering<'a>(&'a self, scope: &Scope, groups: &ManagementGroups) -> Vec<&'a List> {
        let mut keys: Vec<Option<Scope>> = vec![None];
        keys.extend(scope.chain().iter().map(|key| Some(Scope::parse(key))));
        keys.extend(groups.above(scope).cloned().map(Some));
        if !scope.in_subscription() {
            keys.push(Some(scope.clone()));
        }
        keys.iter().filter_map(|key| self.by_scope.get(key)).flat_map(BTreeMap::values).collect()
    }

    /// The first list complete for a subscription; for `None` the first without scope (details 27).
    pub fn first_covering(&self, subscription: Option<&Scope>, groups: &ManagementGroups) -> Option<RawInstant> {
        match subscription.filter(|s| s.level() == Level::Subscription) {
            Some(scope) => self.covering(scope, groups).iter().map(|list| list.at).min(),
            None => self.by_scope.get(&None)?.keys().next().copied(),
        }
    }
}

/// One assignment in one list. Rows that differ only in `created_on`: the later counts, an empty one most (against credit).
fn listed(at: RawInstant, rows: &[&ListedAssignment]) -> Listed {
    let contents: BTreeSet<Option<Content>> = rows.iter().map(|row| content(row)).collect();
    let one = contents.len() == 1;
    let created = rows.iter().map(|row| row.created_on).collect::<Option<Vec<_>>>();
    Listed { at, content: contents.into_iter().next().flatten().filter(|_| one), created_on: created.and_then(|all| all.into_iter().max()) }
}

fn content(row: &ListedAssignment) -> Option<Content> {
    let scope = Scope::parse(&row.scope);
    match row.space {
        Space::Role => Some(Content::Role { principal_id: row.principal_id.clone()?, role_definition_id: row.role_definition_id.clone()?, scope }),
        Space::Registration => Some(Content::Registration { definition_id: row.definition_id.clone()?, scope }),
    }
}
