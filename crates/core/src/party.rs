//! Organisations, agreements and links: whose access counts (R-PARTY).

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::{Channel, Member, Partner, Principal};
use crate::time::{Span, gaps, union};

/// Index of an organisation.
pub type OrganisationCode = usize;
/// Index of a billed partner (a tenant of the partners table).
pub type BilledCode = usize;

/// A tenant or MPN id that belongs to two organisations (details 16, exit 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoOrganisations {
    /// `tenant_id` or `mpn_id`.
    pub column: &'static str,
    /// The id.
    pub id: String,
    /// One organisation.
    pub first: String,
    /// Another.
    pub second: String,
}

/// The partner Microsoft bills, found by tenant (details 16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// Its organisation.
    pub organisation: OrganisationCode,
    /// Its partner id, if the tenant has only one.
    pub mpn_id: Option<String>,
    /// The union of its agreement spans.
    pub agreement: Vec<Span>,
}

/// A span during which a principal belongs to an organisation (R-PARTY-2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Whose.
    pub organisation: OrganisationCode,
    /// How (information only, details 24).
    pub channel: Channel,
    /// When.
    pub span: Span,
}

/// The partners and principals tables as look-ups.
#[derive(Debug, Default)]
pub struct Parties {
    organisations: Vec<String>,
    by_mpn: BTreeMap<String, OrganisationCode>,
    by_tenant: BTreeMap<String, BilledCode>,
    billed: Vec<Billed>,
    links: BTreeMap<String, Vec<Link>>,
    unknown_partner_ids: BTreeMap<String, BTreeSet<String>>,
    /// Rows of `principals` whose MPN id the partners table lacks (details 17).
    pub links_without_organisation: u64,
}

impl Parties {
    /// Builds the look-ups; order of rows never matters.
    /// # Errors
    /// [`TwoOrganisations`].
    pub fn new(partners: &[Partner], principals: &[Principal], members: &[Member]) -> Result<Parties, TwoOrganisations> {
        let names: BTreeSet<&String> = partners.iter().map(|p| &p.organisation_id).collect();
        let mut parties = Parties { organisations: names.into_iter().cloned().collect(), ..Parties::default() };
        parties.add_partners(partners)?;
        parties.add_links(principals);
        parties.add_members(members);
        for links in parties.links.values_mut() {
            links.sort_unstable();
            links.dedup();
        }
        Ok(parties)
    }

    fn code(&self, organisation: &str) -> OrganisationCode {
        self.organisations.iter().position(|name| name == organisation).unwrap_or(usize::MAX)
    }

    fn add_partners(&mut self, partners: &[Partner]) -> Result<(), TwoOrganisations> {
        let mut rows: BTreeMap<String, Vec<&Partner>> = BTreeMap::new();
        for partner in partners {
            let code = self.code(&partner.organisation_id);
            match self.by_mpn.insert(partner.mpn_id.clone(), code) {
                Some(other) if other != code => return Err(self.two("mpn_id", &partner.mpn_id, other, code)),
                _ => {}
            }
            if let Some(tenant) = &partner.tenant_id {
                rows.entry(tenant.clone()).or_default().push(partner);
            }
        }
        for (tenant, rows) in rows {
            let codes: BTreeSet<OrganisationCode> = rows.iter().map(|p| self.code(&p.organisation_id)).collect();
            let mut codes = codes.into_iter();
            let Some(organisation) = codes.next() else { continue };
            if let Some(other) = codes.next() {
                return Err(self.two("tenant_id", &tenant, organisation, other));
            }
            let ids: BTreeSet<&String> = rows.iter().map(|p| &p.mpn_id).collect();
            let mpn_id = if ids.len() == 1 { ids.first().map(|id| (*id).clone()) } else { None };
            let agreement = union(rows.iter().filter_map(|p| p.agreement).collect());
            self.by_tenant.insert(tenant, self.billed.len());
            self.billed.push(Billed { organisation, mpn_id, agreement });
        }
        Ok(())
    }

    fn two(&self, column: &'static str, id: &str, first: OrganisationCode, second: OrganisationCode) -> TwoOrganisations {
        TwoOrganisations { column, id: id.to_owned(), first: self.organisation(first).to_owned(), second: self.organisation(second).to_owned() }
    }

    fn add_links(&mut self, principals: &[Principal]) {
        for row in principals {
            match self.by_mpn.get(&row.mpn_id) {
                None => {
                    self.links_without_organisation = self.links_without_organisation.saturating_add(1);
                    self.unknown_partner_ids.entry(row.principal_id.clone()).or_default().insert(row.mpn_id.clone());
                }
                Some(organisation) => {
                    let link = row.linked.map(|span| Link { organisation: *organisation, channel: row.channel, span });
                    self.links.entry(row.principal_id.clone()).or_default().extend(link);
                }
            }
        }
    }

    /// One level of groups: a member's own link, while it is a member (details 24).
    fn add_members(&mut self, members: &[Member]) {
        let mut through_members: Vec<(String, Link)> = Vec::new();
        for row in members {
            let Some(membership) = row.member else { continue };
            for link in self.links.get(&row.member_id).into_iter().flatten() {
                let cut = link.span.cut(membership).map(|span| Link { span, ..link.clone() });
                through_members.extend(cut.map(|link| (row.group_id.clone(), link)));
            }
        }
        for (group, link) in through_members {
            self.links.entry(group).or_default().push(link);
        }
    }

    /// The organisation's id as written in the partners table.
    pub fn organisation(&self, code: OrganisationCode) -> &str {
        self.organisations.get(code).map_or("", String::as_str)
    }

    /// All organisation ids, by code.
    pub fn organisations(&self) -> &[String] {
        &self.organisations
    }

    /// All billed partners, by code.
    pub fn all_billed(&self) -> &[Billed] {
        &self.billed
    }

    /// Partner ids with their organisation, in order.
    pub fn mpn_ids(&self) -> impl Iterator<Item = (&str, OrganisationCode)> {
        self.by_mpn.iter().map(|(mpn, organisation)| (mpn.as_str(), *organisation))
    }

    /// The billed partner of a tenant (lower case); `None`: the partners table does not know it (R-PARTY-3).
    pub fn billed_by_tenant(&self, tenant: &str) -> Option<BilledCode> {
        self.by_tenant.get(tenant).copied()
    }

    /// What is known of a billed partner.
    pub fn billed(&self, code: BilledCode) -> Option<&Billed> {
        self.billed.get(code)
    }

    /// The organisation of a partner id (lower case).
    pub fn organisation_by_mpn(&self, mpn: &str) -> Option<OrganisationCode> {
        self.by_mpn.get(mpn).copied()
    }

    /// Every link a principal ever has (details 24).
    pub fn links(&self, principal: &str) -> &[Link] {
        self.links.get(principal).map_or(&[], Vec::as_slice)
    }

    /// Every principal that has links, in order.
    pub fn linked_principals(&self) -> impl Iterator<Item = (&str, &[Link])> {
        self.links.iter().map(|(principal, links)| (principal.as_str(), links.as_slice()))
    }

    /// Partner ids that rows of a principal name and the partners table lacks: they link to nobody (details 17).
    pub fn unknown_partner_ids(&self, principal: &str) -> impl Iterator<Item = &str> {
        self.unknown_partner_ids.get(principal).into_iter().flatten().map(String::as_str)
    }
}

impl Billed {
    /// Whether the agreement covers the whole day; the gap tolerance does not apply (R-PARTY-3, details 16).
    pub fn agreement_covers(&self, day: Span) -> bool {
        gaps(day, &self.agreement).is_empty()
    }
}
