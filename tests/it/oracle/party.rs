//! Whose access counts (R-PARTY, details 16, 17, 24).

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::reference::{Partner, Reference};
use pecan_core::time::Span;

use super::path::id;

/// The parties of a charge.
#[derive(Debug, Default)]
pub struct Parties {
    /// The billed partner's organisation; `None`: the table does not know it.
    pub billed: Option<String>,
    /// The billed partner's id, if it has only one.
    pub billed_mpn: Option<String>,
    /// The reseller of record's organisation, if it is known and another one.
    pub reseller: Option<String>,
    /// Agreement spans of the billed partner.
    pub agreement: Vec<Span>,
}

impl Parties {
    /// Both, the billed partner first.
    pub fn organisations(&self) -> Vec<String> {
        self.billed.iter().chain(&self.reseller).cloned().collect()
    }
}

/// A tenant or partner id in two organisations stops the run (details 16).
pub fn conflict(partners: &[Partner]) -> bool {
    let mut of: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in partners {
        of.entry(("mpn", &row.mpn_id)).or_default().insert(&row.organisation_id);
        if let Some(tenant) = &row.tenant_id {
            of.entry(("tenant", tenant)).or_default().insert(&row.organisation_id);
        }
    }
    of.values().any(|organisations| organisations.len() > 1)
}

/// The parties of a charge with this partner tenant and reseller id.
pub fn parties(reference: &Reference, tenant: Option<&String>, reseller: Option<&String>) -> Parties {
    let mut parties = Parties::default();
    if let Some(tenant) = id(tenant) {
        let rows: Vec<&Partner> = reference.partners.iter().filter(|p| p.tenant_id.as_ref() == Some(&tenant)).collect();
        let numbers: BTreeSet<&String> = rows.iter().map(|p| &p.mpn_id).collect();
        parties.billed = rows.first().map(|p| p.organisation_id.clone());
        parties.billed_mpn = numbers.first().filter(|_| numbers.len() == 1).map(|n| String::from(n.as_str()));
        parties.agreement = rows.iter().filter_map(|p| p.agreement).collect();
    }
    if let Some(reseller) = id(reseller) {
        let row = reference.partners.iter().find(|p| p.mpn_id == reseller);
        parties.reseller = row.map(|p| p.organisation_id.clone()).filter(|o| Some(o) != parties.billed.as_ref());
    }
    parties
}

/// The spans during which a principal belongs to an organisation: its own links, and those of linked members while they belong to it.
pub fn links(reference: &Reference, principal: &str, organisation: &str) -> Vec<(i64, i64)> {
    let mut spans = Vec::new();
    for link in &reference.principals {
        let ours = reference.partners.iter().any(|p| p.mpn_id == link.mpn_id && p.organisation_id == organisation);
        let Some(linked) = link.linked.filter(|_| ours) else { continue };
        if link.principal_id == principal {
            spans.push((linked.from.0, linked.until.0));
        }
        for member in reference.members.iter().filter(|m| m.group_id == principal && m.member_id == link.principal_id) {
            if let Some(member) = member.member {
                spans.push((linked.from.0.max(member.from.0), linked.until.0.min(member.until.0)));
            }
        }
    }
    spans.retain(|(from, until)| from < until);
    spans
}
