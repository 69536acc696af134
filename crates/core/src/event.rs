//! What the audit log and the assignment lists say, one record at a time (R-ACCESS).

use std::collections::BTreeMap;

use crate::scope::Scope;
use crate::time::RawInstant;

/// Where a record was read: index of the file in the run's list, and its data row from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the input file.
    pub file: u32,
    /// Data row of that file, from 1.
    pub row: u64,
}

/// Role assignments and Lighthouse registration assignments are separate name spaces (details 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// `Microsoft.Authorization/roleAssignments`.
    Role,
    /// `Microsoft.ManagedServices/registrationAssignments`.
    Registration,
}

/// What the operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Takes a role away. Sorts before a write at one instant (R-ACCESS-3).
    Delete,
    /// Gives a role.
    Write,
}

/// One audit record of an operation that gives or takes a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuditRecord {
    /// Where it was read.
    pub place: Place,
    /// TimeGenerated.
    pub time: RawInstant,
    /// Which name space.
    pub space: Space,
    /// Write or delete.
    pub action: Action,
    /// Status Success or Succeeded: only such a record proves its operation (details 19).
    pub proves: bool,
    /// As written; empty joins nothing but the record itself (details 20). Compared without case.
    pub correlation_id: String,
    /// As written; empty is never a duplicate (details 20). Compared without case.
    pub event_data_id: String,
    /// Last path segment, lower case; `None` if the record names none (details 18).
    pub assignment_id: Option<String>,
    /// The path before `/providers/Microsoft.Authorization/…` as written, if the record has one (details 18).
    pub path_scope: Option<String>,
    /// Request or response body, if the record carries one.
    pub body: Option<Body>,
    /// Who called, as written.
    pub caller: Option<String>,
}

/// What Microsoft calls a principal. Information for people: no decision about credit looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A group of another tenant: the foreign principal of "admin on behalf of".
    ForeignGroup,
    /// A group.
    Group,
    /// A service principal or managed identity.
    ServicePrincipal,
    /// A user or guest.
    User,
}

impl PrincipalKind {
    /// Microsoft's word.
    pub fn word(self) -> &'static str {
        match self {
            PrincipalKind::ForeignGroup => "ForeignGroup",
            PrincipalKind::Group => "Group",
            PrincipalKind::ServicePrincipal => "ServicePrincipal",
            PrincipalKind::User => "User",
        }
    }

    /// Reads the word, in any case; other words say nothing.
    pub fn parse(text: &str) -> Option<PrincipalKind> {
        let all = [PrincipalKind::ForeignGroup, PrincipalKind::Group, PrincipalKind::ServicePrincipal, PrincipalKind::User];
        all.into_iter().find(|kind| text.trim().eq_ignore_ascii_case(kind.word()))
    }
}

/// What request bodies and lists call each principal. Where they disagree, a foreign group comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrincipalKinds(BTreeMap<String, PrincipalKind>);

impl PrincipalKinds {
    /// Enters what one source says. `principal_id`: lower case.
    pub fn add(&mut self, principal_id: &str, kind: PrincipalKind) {
        match self.0.get_mut(principal_id) {
            Some(known) => *known = kind.min(*known),
            None => {
                self.0.insert(principal_id.to_owned(), kind);
            }
        }
    }

    /// Takes over what others say.
    pub fn merge(&mut self, other: &PrincipalKinds) {
        other.0.iter().for_each(|(id, kind)| self.add(id, *kind));
    }

    /// Every principal of whom something is said, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, PrincipalKind)> {
        self.0.iter().map(|(id, kind)| (id.as_str(), *kind))
    }

    /// What a principal is; `None`: nobody says.
    pub fn of(&self, principal_id: &str) -> Option<PrincipalKind> {
        self.0.get(principal_id).copied()
    }
}

/// The fields of a request or response body that say what was assigned. Ids are last segments in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Body {
    /// Principal that receives the role.
    pub principal_id: Option<String>,
    /// Role definition GUID.
    pub role_definition_id: Option<String>,
    /// Registration definition id (Lighthouse).
    pub definition_id: Option<String>,
    /// Scope path as written.
    pub scope: Option<String>,
}

/// One row of a list of assignments: `assignments` or `lighthouse_assignments` (details 22).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListedAssignment {
    /// Where it was read.
    pub place: Place,
    /// Which name space.
    pub space: Space,
    /// When the list was taken.
    pub snapshot_at: RawInstant,
    /// What the list is complete for; `None` = everything.
    pub snapshot_scope: Option<String>,
    /// Last segment, lower case; `None`: this list was taken and held nothing.
    pub assignment_id: Option<String>,
    /// Principal (role assignments), last segment, lower case.
    pub principal_id: Option<String>,
    /// Role definition (role assignments), last segment, lower case.
    pub role_definition_id: Option<String>,
    /// Registration definition (Lighthouse), last segment, lower case.
    pub definition_id: Option<String>,
    /// Scope path as written.
    pub scope: String,
    /// When Microsoft says it was created.
    pub created_on: Option<RawInstant>,
}

/// What an assignment gives: compared to tell "the same again" from "something else" (R-ACCESS-3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// A role for a principal.
    Role {
        /// Last segment, lower case.
        principal_id: String,
        /// Last segment, lower case.
        role_definition_id: String,
        /// Where.
        scope: Scope,
    },
    /// A Lighthouse registration definition with all its authorizations (R-ACCESS-5).
    Registration {
        /// Last segment, lower case.
        definition_id: String,
        /// Where.
        scope: Scope,
    },
}

impl Content {
    /// Where the assignment applies.
    pub fn scope(&self) -> &Scope {
        match self {
            Content::Role { scope, .. } | Content::Registration { scope, .. } => scope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_group_comes_first_whatever_the_order() {
        let said = [PrincipalKind::User, PrincipalKind::ForeignGroup, PrincipalKind::Group];
        let mut kinds = PrincipalKinds::default();
        for kind in said {
            kinds.add("p", kind);
        }
        let mut other = PrincipalKinds::default();
        said.iter().rev().for_each(|kind| other.add("p", *kind));
        kinds.merge(&other);
        assert_eq!((kinds.of("p"), other.of("p"), kinds.of("q")), (Some(PrincipalKind::ForeignGroup), Some(PrincipalKind::ForeignGroup), None));
        assert!(said.iter().all(|kind| PrincipalKind::parse(&kind.word().to_ascii_uppercase()) == Some(*kind)));
        assert_eq!(PrincipalKind::parse("Unknown"), None);
    }
}
