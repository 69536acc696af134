//! The reference tables as `init` writes them: how to fill each in, an example, and the rows that are known.
//!
//! Everything but header and rows stands in lines that begin with `#`, which are notes.

use super::people::People;

/// One table of the folder `reference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableFile {
    pub name: &'static str,
    pub text: String,
    pub rows: usize,
}

/// Header, what the table is for, and an example row explained.
struct Template {
    name: &'static str,
    header: &'static str,
    notes: &'static str,
}

const PARTNERS: Template = Template {
    name: "partners",
    header: "mpn_id,organisation_id,tenant_id,agreement_from,agreement_until",
    notes: "\
# Your organisation and your resellers (or your provider): a row per Partner ID (MPN id).
# mpn_id            Partner Center > Account settings > Organization profile > Identifiers: the Partner ID of the location
# organisation_id   a short name of your choice; rows of one organisation share it
# tenant_id         the organisation's tenant, for the partner that Microsoft bills; exports name it as partnerTenantId
# agreement_*       when the partner agreement was active (dates, until is exclusive); empty: always
# 1234567,contoso,cccccccc-0000-4000-8000-000000000001,2024-02-01,
#   the billed partner Contoso, member since February 2024, still active
",
};

const PRINCIPALS: Template = Template {
    name: "principals",
    header: "principal_id,mpn_id,channel,linked_from,linked_until",
    notes: "\
# Who of a partner's organisation holds roles at customers. Roles of anyone who is not listed here count for nobody.
# principal_id      object id of the group, user or service principal, as role assignments name it
# mpn_id            the Partner ID it counts for, one of partners.csv
# channel           aobo: the AdminAgents or HelpdeskAgents group of the partner's tenant (`./collect.sh groups`); needs no link
#                   pal: a user or service principal with a Partner Admin Link (`./collect.sh partner-link`, as it)
#                   lighthouse: a principal of a Lighthouse delegation, linked by PAL or by a Marketplace offer
# linked_*          since and until when (UTC); empty: always, or still
# bbbbbbbb-0000-4000-8000-000000000001,1234567,aobo,,
#   Contoso's AdminAgents group: linked by being what it is
# bbbbbbbb-0000-4000-8000-000000000002,1234567,pal,2026-03-01T09:30:00Z,
#   an engineer who linked the Partner ID on 1 March
",
};

const OPTIONAL: [Template; 7] = [
    Template {
        name: "group_members",
        header: "group_id,member_id,member_from,member_until",
        notes: "\
# Members of groups that hold roles without being linked themselves: a group counts while a linked member belongs to it.
# dddddddd-0000-4000-8000-000000000001,bbbbbbbb-0000-4000-8000-000000000002,2026-03-01,
#   the linked engineer belongs to an operations group since 1 March
",
    },
    Template {
        name: "roles",
        header: "role_definition_id,role_name,earns,valid_from,valid_until",
        notes: "\
# Roles that differ from Microsoft's list, which is built in (98 of its roles earn). Custom roles do not earn.
# dddddddd-0000-4000-8000-000000000002,Contoso operator,false,,
#   a custom role, said once so that nobody asks again
",
    },
    Template {
        name: "rates",
        header: "meter_id,product_id,rate,valid_from,valid_until",
        notes: "\
# Rates other than 15 %. A row with a meter counts before one with a product; 12 characters are a product, 16 product and SKU.
# ,DZH318Z0BQ4J,0,2026-07-01,
#   Microsoft took this product out of partner earned credit on 1 July
",
    },
    Template {
        name: "products",
        header: "product_id,meter_id,kind,valid_from,valid_until",
        notes: "\
# Products that earn nothing and that exports do not show as such: third_party, legacy (reservation, savings_plan, spot and
# marketplace are seen in the export).
# DZH318Z0BWQ8,,third_party,,
#   an appliance of another publisher, sold through the price list
",
    },
    Template {
        name: "management_groups",
        header: "management_group_id,subscription_id",
        notes: "\
# Subscriptions below each management group, nested ones included; `/` is root. Access at a group without rows covers nothing.
# corp,55555555-0000-4000-8000-000000000001
#   az account management-group show --name corp --expand --recurse
",
    },
    Template {
        name: "lighthouse_definitions",
        header: "definition_id,principal_id,role_definition_id,valid_from,valid_until",
        notes: "\
# What Lighthouse delegations give: a row per authorization. Not needed where `./collect.sh` fetched the delegations.
# eeeeeeee-0000-4000-8000-000000000001,bbbbbbbb-0000-4000-8000-000000000003,b24988ac-6180-42a0-ab88-20f7382dd24c,,
#   the definition makes an operations group Contributor
",
    },
    Template {
        name: "lighthouse_assignments",
        header: "snapshot_at,snapshot_scope,id,scope,definition_id,created_on",
        notes: "\
# Where the definitions were accepted, as a list taken at an instant. Not needed where `./collect.sh` fetched the delegations.
# 2026-10-31T06:00:00Z,,ffffffff-0000-4000-8000-000000000001,/subscriptions/55555555-0000-4000-8000-000000000001,eeeeeeee-0000-4000-8000-000000000001,2026-01-15T08:00:00Z
#   one subscription, delegated since January
",
    },
];

/// Names of the tables that a job can do without, in the order of the job file.
pub(super) fn optional_tables() -> impl Iterator<Item = &'static str> {
    OPTIONAL.iter().map(|template| template.name)
}

/// Every table, filled in as far as is known.
pub(super) fn all(people: &People) -> Vec<TableFile> {
    let mut files = vec![partners(people), principals(people)];
    files.extend(OPTIONAL.iter().map(|template| file(template, &[], &[])));
    files
}

fn partners(people: &People) -> TableFile {
    let row = |p: &super::people::Partner| record(&[p.mpn_id.as_deref().unwrap_or("MPN_ID_TO_FILL_IN"), &p.organisation_id, &p.tenant_id, "", ""]);
    let (known, open): (Vec<_>, Vec<_>) = people.partners.iter().partition(|p| p.mpn_id.is_some());
    let notes: Vec<String> =
        open.iter().map(|p| format!("# TO DO: put in the Partner ID of {} and remove the # of the next line\n# {}", shown(&p.name), row(p))).collect();
    file(&PARTNERS, &notes, &known.into_iter().map(row).collect::<Vec<_>>())
}

fn principals(people: &People) -> TableFile {
    let row = |p: &super::people::Principal| record(&[&p.principal_id, p.mpn_id.as_deref().unwrap_or("MPN_ID_TO_FILL_IN"), p.channel, &p.linked_from, ""]);
    let mut notes = Vec::new();
    for candidate in &people.candidates {
        notes.push(format!(
            "# Is this your AdminAgents group? A group of another tenant with roles in {} {}. `./collect.sh groups` tells.\n# {}",
            candidate.subscriptions,
            if candidate.subscriptions == 1 { "subscription" } else { "subscriptions" },
            record(&[&candidate.principal_id, "MPN_ID_TO_FILL_IN", "aobo", "", ""])
        ));
    }
    let (known, open): (Vec<_>, Vec<_>) = people.principals.iter().partition(|p| p.mpn_id.is_some());
    notes.extend(open.iter().map(|p| format!("# TO DO: put in the Partner ID and remove the # of the next line ({})\n# {}", p.why, row(p))));
    let rows: Vec<String> = known.iter().map(|p| format!("# {}\n{}", p.why, row(p))).collect();
    let rows_count = rows.len();
    TableFile { rows: rows_count, ..file(&PRINCIPALS, &notes, &rows) }
}

fn file(template: &Template, notes: &[String], rows: &[String]) -> TableFile {
    let mut text = template.notes.to_string();
    text.push_str(template.header);
    text.push('\n');
    for line in notes.iter().chain(rows) {
        text.push_str(line);
        text.push('\n');
    }
    TableFile { name: template.name, text, rows: rows.len() }
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "the billed partner" } else { name }
}

/// One CSV record; a cell with a comma or a quote is quoted.
fn record(cells: &[&str]) -> String {
    let quoted = |cell: &&str| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"").replace(['\n', '\r'], " ")) } else { (*cell).to_string() }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::super::people::{Candidate, Partner, Principal};
    use super::*;

    #[test]
    fn what_is_not_known_is_a_note_and_no_row() {
        let partner =
            |mpn: Option<&str>| Partner { mpn_id: mpn.map(str::to_string), organisation_id: "a, b".into(), tenant_id: "t".into(), name: "A, B".into() };
        let people = People {
            partners: vec![partner(None), partner(Some("1"))],
            principals: vec![Principal {
                principal_id: "p".into(),
                mpn_id: Some("1".into()),
                channel: "pal",
                linked_from: "2026-01-01".into(),
                why: "w".into(),
            }],
            candidates: vec![Candidate { principal_id: "g".into(), subscriptions: 2 }],
            ..People::default()
        };
        let tables = all(&people);
        let rows = |text: &str| text.lines().filter(|line| !line.starts_with('#')).skip(1).map(str::to_string).collect::<Vec<_>>();
        assert_eq!((rows(&tables[0].text), tables[0].rows), (vec!["1,\"a, b\",t,,".to_string()], 1));
        assert!(tables[0].text.contains("# MPN_ID_TO_FILL_IN,\"a, b\",t,,"), "{}", tables[0].text);
        assert_eq!((rows(&tables[1].text), tables[1].rows), (vec!["p,1,pal,2026-01-01,".to_string()], 1));
        assert!(tables[1].text.contains("# g,MPN_ID_TO_FILL_IN,aobo,,"));
        assert!(tables.iter().skip(2).all(|table| table.rows == 0 && rows(&table.text).is_empty()));
    }
}
