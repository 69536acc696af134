//! Who is who: rows of `partners` and `principals` from the names on charges and from what `az` says of groups and links.
//!
//! Nothing is guessed. What is not certain becomes a note in the table or a thing to do, because a row too many claims credit.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::charges::ChargeFacts;
use super::look::{Lists, Seen};
use super::recognise::Kind;
use crate::error::Result;
use crate::json::{self, Object, Read};
use crate::store::{InputFile, io_trouble};

/// A row of `partners`. Without an MPN id it is written as a note, for the user to complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Partner {
    pub mpn_id: Option<String>,
    pub organisation_id: String,
    pub tenant_id: String,
    pub name: String,
}

/// A row of `principals`. Without an MPN id it is written as a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal {
    pub principal_id: String,
    pub mpn_id: Option<String>,
    pub channel: &'static str,
    pub linked_from: String,
    pub why: String,
}

/// A foreign group that holds roles and that nothing identifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub principal_id: String,
    pub subscriptions: usize,
}

/// Everyone.
#[derive(Debug, Default)]
pub(super) struct People {
    pub partners: Vec<Partner>,
    pub principals: Vec<Principal>,
    pub candidates: Vec<Candidate>,
    /// Files of groups and links that say nothing usable.
    pub unused: Vec<(String, String)>,
}

/// A Partner Admin Link.
struct Link {
    principal_id: String,
    mpn_id: String,
    name: String,
    since: String,
}

impl People {
    /// Puts together what is known. `partner_id` is the billed partner's MPN id, if the user says it.
    /// # Errors
    /// `Storage` or `Input` for a file that cannot be read.
    pub fn know(charges: &ChargeFacts, seen: &Seen, partner_id: Option<&str>) -> Result<People> {
        let mut people = People::default();
        let links = people.links(&seen.partner_links)?;
        people.partners = partners(charges, &links, partner_id);
        for (principal_id, (name, tenant)) in people.groups(&seen.groups)? {
            let mpn_id = owner(&people.partners, tenant.as_deref()).and_then(|partner| partner.mpn_id.clone());
            let why = format!("{name} group of {}", tenant.as_deref().map_or("the partner's tenant".into(), |tenant| format!("tenant {tenant}")));
            people.principals.push(Principal { principal_id, mpn_id, channel: "aobo", linked_from: String::new(), why });
        }
        for link in links {
            let why = format!("Partner Admin Link to {}", if link.name.is_empty() { &link.mpn_id } else { &link.name });
            people.principals.push(Principal { principal_id: link.principal_id, mpn_id: Some(link.mpn_id), channel: "pal", linked_from: link.since, why });
        }
        let known: BTreeSet<String> = people.principals.iter().map(|p| p.principal_id.clone()).collect();
        people.candidates = foreign_groups(&seen.lists)?.into_iter().filter(|candidate| !known.contains(&candidate.principal_id)).collect();
        Ok(people)
    }

    /// Name of each group, and the tenant its file is named after.
    fn groups(&mut self, files: &[InputFile]) -> Result<BTreeMap<String, (String, Option<String>)>> {
        let mut groups = BTreeMap::new();
        for file in files {
            let text = read(file)?;
            let stem = file.at.path().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().to_ascii_lowercase());
            let tenant = stem.filter(|stem| Uuid::try_parse(stem).is_ok());
            for object in objects(&text) {
                let name = object.text("displayName").unwrap_or_default();
                let known = ["AdminAgents", "HelpdeskAgents"].iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
                match object.text("id").or_else(|| object.text("objectId")).filter(|_| known) {
                    Some(id) => {
                        groups.insert(id.to_ascii_lowercase(), (name, tenant.clone()));
                    }
                    None => self.unused.push((file.name.clone(), format!("a group named {name:?}, neither AdminAgents nor HelpdeskAgents"))),
                }
            }
        }
        Ok(groups)
    }

    fn links(&mut self, files: &[InputFile]) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        for file in files {
            let text = read(file)?;
            for object in objects(&text) {
                let active = object.text("state").is_none_or(|state| state.eq_ignore_ascii_case("Active"));
                match (object.text("objectId"), object.text("partnerId")) {
                    (Some(principal), Some(mpn_id)) if active => links.push(Link {
                        principal_id: principal.to_ascii_lowercase(),
                        mpn_id,
                        name: object.text("partnerName").unwrap_or_default(),
                        since: linked_since(&object),
                    }),
                    _ => self.unused.push((file.name.clone(), String::from("no active Partner Admin Link"))),
                }
            }
        }
        links.sort_by(|a, b| (&a.principal_id, &a.mpn_id).cmp(&(&b.principal_id, &b.mpn_id)));
        links.dedup_by(|a, b| (&a.principal_id, &a.mpn_id) == (&b.principal_id, &b.mpn_id));
        Ok(links)
    }
}

/// The billed partner of a tenant; without one named, the only one there is.
fn owner<'a>(partners: &'a [Partner], tenant: Option<&str>) -> Option<&'a Partner> {
    let mut billed = partners.iter().filter(|p| !p.tenant_id.is_empty());
    match tenant {
        Some(tenant) => billed.find(|p| p.tenant_id == tenant),
        None => billed.next().filter(|_| billed.next().is_none()),
    }
}

/// Since when the link to this partner is certain: a link that was changed may have named another partner before.
fn linked_since(object: &Object) -> String {
    let changed = object.text("version").is_some_and(|version| version != "1");
    let (created, updated) = (object.text("createdTime"), object.text("updatedTime"));
    if changed { updated.or(created) } else { created.or(updated) }.unwrap_or_default()
}

fn partners(charges: &ChargeFacts, links: &[Link], partner_id: Option<&str>) -> Vec<Partner> {
    let mut rows = BTreeSet::new();
    let linked = links.iter().filter(|link| !link.name.is_empty());
    let named = |name: &str| linked.clone().filter(|link| link.name.eq_ignore_ascii_case(name)).map(|link| link.mpn_id.clone()).collect();
    for (tenant_id, name) in &charges.billed {
        // Two tenants of one name: which of them the link is to, nobody says.
        let alone = charges.billed.values().filter(|other| other.eq_ignore_ascii_case(name)).count() == 1;
        let mut mpn_ids: BTreeSet<String> = if alone { named(name) } else { BTreeSet::new() };
        mpn_ids.extend(partner_id.filter(|_| charges.billed.len() == 1).map(str::to_string));
        let row = |mpn_id| Partner { mpn_id, organisation_id: slug(name, tenant_id), tenant_id: tenant_id.clone(), name: name.clone() };
        if mpn_ids.is_empty() {
            rows.insert(row(None));
        }
        rows.extend(mpn_ids.into_iter().map(|mpn_id| row(Some(mpn_id))));
    }
    let others = charges.resellers.iter().map(|(mpn_id, name)| (mpn_id.clone(), name.clone()));
    for (mpn_id, name) in others.chain(links.iter().map(|link| (link.mpn_id.clone(), link.name.clone()))) {
        if rows.iter().all(|row: &Partner| row.mpn_id.as_deref() != Some(mpn_id.as_str())) {
            rows.insert(Partner { organisation_id: slug(&name, &mpn_id), mpn_id: Some(mpn_id), tenant_id: String::new(), name });
        }
    }
    rows.into_iter().collect()
}

/// `Contoso Ltd.` → `contoso-ltd`; without a name the id.
fn slug(name: &str, id: &str) -> String {
    let clean: String = name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    if words.is_empty() { id.to_string() } else { words.join("-") }
}

/// Groups of other tenants that hold roles, the most frequent first.
fn foreign_groups(lists: &[Lists]) -> Result<Vec<Candidate>> {
    let mut scopes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in lists.iter().filter(|list| list.kind == Kind::RoleAssignments).flat_map(|list| &list.files) {
        let shown = path.display().to_string();
        let text = read(&InputFile { at: path.clone().into(), name: shown, relative: String::new(), bytes: 0 })?;
        for object in objects(&text) {
            let field = |key: &str| object.text(key).or_else(|| object.object("properties").object().and_then(|p| p.text(key)));
            let foreign = field("principalType").is_some_and(|kind| kind.eq_ignore_ascii_case("ForeignGroup"));
            if let Some(principal) = field("principalId").filter(|_| foreign) {
                let scope = field("scope").unwrap_or_default();
                let subscription = scope.trim_start_matches('/').split('/').nth(1).unwrap_or_default().to_ascii_lowercase();
                scopes.entry(principal.to_ascii_lowercase()).or_default().insert(subscription);
            }
        }
    }
    let mut candidates: Vec<Candidate> = scopes.into_iter().map(|(principal_id, scopes)| Candidate { principal_id, subscriptions: scopes.len() }).collect();
    candidates.sort_by(|a, b| b.subscriptions.cmp(&a.subscriptions).then_with(|| a.principal_id.cmp(&b.principal_id)));
    Ok(candidates)
}

fn read(file: &InputFile) -> Result<String> {
    let bytes = file.at.read().map_err(|e| io_trouble("reading an answer of az", &file.name, &e))?;
    Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').trim().to_string())
}

/// The objects of an answer: an array, a REST answer, or one object.
fn objects(text: &str) -> Vec<Object> {
    let each = |array: &str| json::elements(array).unwrap_or_default().into_iter().filter_map(|raw| json::read(raw).object()).collect();
    if text.starts_with('[') {
        return each(text);
    }
    let Read::Object(object) = json::read(text) else { return Vec::new() };
    let array = object.raw("value").find(|raw| raw.starts_with('[')).map(str::to_string);
    array.map_or_else(|| vec![object], |array| each(&array))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charges() -> ChargeFacts {
        ChargeFacts {
            billed: [("tenant-1".to_string(), "Contoso Ltd.".to_string())].into(),
            resellers: [("22".to_string(), "Fabrikam".to_string())].into(),
            ..ChargeFacts::default()
        }
    }

    fn link(mpn_id: &str, name: &str) -> Link {
        Link { principal_id: "p".into(), mpn_id: mpn_id.into(), name: name.into(), since: String::new() }
    }

    fn rows(partners: &[Partner]) -> Vec<(Option<&str>, &str, &str)> {
        partners.iter().map(|p| (p.mpn_id.as_deref(), p.organisation_id.as_str(), p.tenant_id.as_str())).collect()
    }

    #[test]
    fn the_billed_partner_is_known_by_name_or_by_what_the_user_says() {
        let known = partners(&charges(), &[link("11", "CONTOSO LTD."), link("22", "Fabrikam"), link("33", "Northwind")], None);
        assert_eq!(rows(&known), [(Some("11"), "contoso-ltd", "tenant-1"), (Some("22"), "fabrikam", ""), (Some("33"), "northwind", "")]);
        assert_eq!(rows(&partners(&charges(), &[], Some("44"))), [(Some("22"), "fabrikam", ""), (Some("44"), "contoso-ltd", "tenant-1")]);
        assert_eq!(rows(&partners(&charges(), &[], None)), [(None, "contoso-ltd", "tenant-1"), (Some("22"), "fabrikam", "")], "nothing is guessed");
        let mut twice = charges();
        twice.billed.insert("tenant-2".into(), "Contoso Ltd.".into());
        let open = |partner: &&Partner| partner.mpn_id.is_none();
        assert_eq!(partners(&twice, &[link("11", "Contoso Ltd.")], Some("44")).iter().filter(open).count(), 2, "one name, two tenants: neither is certain");
    }

    #[test]
    fn a_changed_link_is_certain_from_its_change_only() {
        let since = |text: &str| linked_since(&json::read(text).object().unwrap());
        assert_eq!(since(r#"{"version": 1, "createdTime": "a", "updatedTime": "b"}"#), "a");
        assert_eq!(since(r#"{"version": 3, "createdTime": "a", "updatedTime": "b"}"#), "b");
        assert_eq!(since(r#"{"version": 3}"#), "");
    }

    #[test]
    fn groups_belong_to_the_tenant_they_were_listed_in() {
        let partner =
            |mpn: &str, tenant: &str| Partner { mpn_id: Some(mpn.into()), organisation_id: String::new(), tenant_id: tenant.into(), name: String::new() };
        let two = [partner("1", "a"), partner("2", "b"), partner("3", "")];
        let mpn = |partners: &[Partner], tenant| owner(partners, tenant).and_then(|p| p.mpn_id.clone());
        assert_eq!((mpn(&two, Some("b")), mpn(&two, Some("c")), mpn(&two, None), mpn(&two[..1], None)), (Some("2".into()), None, None, Some("1".into())));
    }

    #[test]
    fn names_become_organisations() {
        assert_eq!(
            (slug("Contoso  Ltd. (EU)", "x"), slug(" ", "x"), slug("Müller & Söhne", "x")),
            ("contoso-ltd-eu".into(), "x".into(), "müller-söhne".into())
        );
    }
}
