//! Which roles earn (R-ROLE).

use std::collections::BTreeMap;

use crate::reference::RoleRow;
use crate::time::Day;

/// Microsoft's page `azure-roles-perms-pec` of 2022-11-08: 122 built-in roles (R-ROLE-1).
const EMBEDDED: &str = include_str!("../data/pec-roles.csv");

/// Where a role's answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleSource {
    /// A row of the job's `roles` table valid on the day.
    Job,
    /// Microsoft's page.
    Embedded,
    /// Neither: the policy switch decides (R-ROLE-2).
    Unknown,
}

/// A built-in role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInRole {
    /// For display.
    pub name: &'static str,
    /// Whether it earns.
    pub earns: bool,
}

/// Answers whether a role earns on a day.
#[derive(Debug)]
pub struct Roles {
    embedded: BTreeMap<&'static str, BuiltInRole>,
    rows: BTreeMap<String, Vec<RoleRow>>,
    unknown_earns: bool,
}

impl Roles {
    /// The embedded table with the job's rows over it.
    pub fn new(rows: &[RoleRow], unknown_earns: bool) -> Roles {
        let mut by_id: BTreeMap<String, Vec<RoleRow>> = BTreeMap::new();
        for row in rows {
            by_id.entry(row.role_definition_id.clone()).or_default().push(row.clone());
        }
        Roles { embedded: embedded_roles(), rows: by_id, unknown_earns }
    }

    /// Whether the role earns on that day, and who says so. Contradictory rows: it does not (details 26).
    pub fn earns(&self, role_definition_id: &str, day: Day) -> (bool, RoleSource) {
        let valid = |rows: &Vec<RoleRow>| rows.iter().filter(|r| r.valid.holds(day)).map(|r| r.earns).collect::<Vec<_>>();
        let answers = self.rows.get(role_definition_id).map(valid).unwrap_or_default();
        if !answers.is_empty() {
            return (answers.iter().all(|earns| *earns), RoleSource::Job);
        }
        match self.embedded.get(role_definition_id) {
            Some(role) => (role.earns, RoleSource::Embedded),
            None => (self.unknown_earns, RoleSource::Unknown),
        }
    }

    /// Whether any table knows the role, on whatever day.
    pub fn knows(&self, role_definition_id: &str) -> bool {
        self.rows.contains_key(role_definition_id) || self.embedded.contains_key(role_definition_id)
    }

    /// The display name, of the job's rows first (the first in byte order).
    pub fn name(&self, role_definition_id: &str) -> Option<&str> {
        let named = self.rows.get(role_definition_id).and_then(|rows| rows.iter().filter_map(|r| r.role_name.as_deref()).min());
        named.or_else(|| self.embedded.get(role_definition_id).map(|r| r.name))
    }

    /// Every role of either table.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let job = self.rows.keys().map(String::as_str).filter(|id| !self.embedded.contains_key(id));
        self.embedded.keys().copied().chain(job)
    }
}

fn embedded_roles() -> BTreeMap<&'static str, BuiltInRole> {
    let row = |line: &'static str| {
        let mut fields = line.rsplitn(3, ',');
        let (earns, id, name) = (fields.next()?, fields.next()?, fields.next()?);
        Some((id, BuiltInRole { name: name.trim_matches('"'), earns: earns == "yes" }))
    };
    // One row of the page, "Managed Applications Reader", has no id: nothing can match it.
    EMBEDDED.lines().skip(1).filter_map(row).filter(|(id, _)| !id.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_is_microsofts_page_r_role_1() {
        let roles = embedded_roles();
        assert_eq!(EMBEDDED.lines().skip(1).count(), 122);
        assert_eq!(roles.len(), 121, "one row has no id");
        assert_eq!(roles.values().filter(|r| r.earns).count(), 98);
        assert_eq!(roles.get("acdd72a7-3385-48ef-bd42-f606fba81ae7").map(|r| r.earns), Some(false));
        assert!(roles.keys().all(|id| id.len() == 36 && **id == id.to_ascii_lowercase()));
    }
}
