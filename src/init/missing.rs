//! What is missing, and what that costs: in days, in subscriptions, and in the words of the rules.

use std::collections::BTreeSet;
use std::path::Path;

use pecan_core::time::{Day, RawInstant};
use uuid::Uuid;

use super::charges::ChargeFacts;
use super::look::Seen;
use super::people::People;
use super::recognise::Kind;
use crate::audit::{self, AuditInput};
use crate::files_read::FilesRead;
use crate::job::Job;

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// One thing that is missing.
pub(super) struct Lack {
    /// Stable word.
    pub code: &'static str,
    /// What, and what it costs.
    pub costs: String,
    /// How to come by it.
    pub remedy: &'static str,
}

/// What is known of the audit log, and all that is missing.
#[derive(Default)]
pub(super) struct Missing {
    pub lacks: Vec<Lack>,
    /// First and newest record, records, and those about roles.
    pub log: Option<(String, String, u64, usize)>,
    /// Why the audit log could not be read.
    pub trouble: Option<String>,
}

/// Looks for gaps. The job file is read as a run would read it.
pub(super) fn of(path: &Path, text: &str, seen: &Seen, charges: &ChargeFacts) -> Missing {
    let mut missing = Missing::default();
    let log = if seen.audit.is_empty() { None } else { read_log(path, text, &mut missing) };
    missing.lacks.extend(inputs(seen, charges, log.as_ref()));
    missing.lacks.extend(lists(seen, charges, log.as_ref()));
    missing.lacks.extend(parties(seen, charges));
    missing
}

fn read_log(path: &Path, text: &str, missing: &mut Missing) -> Option<AuditInput> {
    let job = Job::parse(path, text, &[], &|name| std::env::var(name).ok());
    match job.and_then(|job| audit::read(&job, &mut FilesRead::default())) {
        Ok(log) => {
            let shown = |at: Option<RawInstant>| at.map(|at| at.down().to_string()).unwrap_or_default();
            missing.log = Some((shown(log.first), shown(log.newest), log.rows, log.records.len()));
            Some(log)
        }
        Err(error) => {
            missing.trouble = Some(error.to_string());
            None
        }
    }
}

fn inputs(seen: &Seen, charges: &ChargeFacts, log: Option<&AuditInput>) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if seen.charges.is_empty() {
        lacks.push(Lack {
            code: "charges",
            costs: String::from("Without charges there is nothing to settle."),
            remedy: "Azure portal, as billing administrator of the partner account: Cost Management > Exports > Create > Cost and usage details (actual), daily, month to date, Parquet. Then `./collect.sh download ACCOUNT CONTAINER exports`",
        });
    }
    if seen.audit.is_empty() {
        lacks.push(Lack {
            code: "audit",
            costs: String::from("Without an activity log no change of access can be dated, and a run cannot start."),
            remedy: "`./collect.sh activity` fetches role changes of the last 90 days now; its first lines tell how to keep the log from now on",
        });
    }
    if let (Some(newest), Some((_, last))) = (log.and_then(|log| log.newest), charges.days) {
        let until = (i64::from(last) + 1).saturating_mul(DAY_MICROS);
        if newest.down().0 < until {
            lacks.push(Lack {
                code: "audit_behind",
                costs: format!("The activity log reaches to {}; charges go on to {}: the days after it are provisional.", newest.down(), date(last)),
                remedy: "fetch the log again, after the last day of the charges",
            });
        }
    }
    lacks
}

fn lists(seen: &Seen, charges: &ChargeFacts, log: Option<&AuditInput>) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let listed = seen.lists.iter().any(|list| list.kind == Kind::RoleAssignments) || seen.tables.iter().any(|(table, _)| *table == "assignments");
    if !listed {
        lacks.push(Lack { code: "assignments", costs: without_lists(charges, log), remedy: "`./collect.sh`, today and then every day" });
    }
    let known = subscriptions_listed(seen);
    let without: BTreeSet<&String> = charges.subscriptions.difference(&known).collect();
    if listed && !without.is_empty() && tells_subscriptions(seen) {
        let named: Vec<&str> = without.iter().take(3).map(|id| id.as_str()).collect();
        lacks.push(Lack {
            code: "unlisted",
            costs: format!(
                "{} of {} subscriptions with charges are in no list ({}{}): what was assigned there before the activity log begins is unknown.",
                without.len(),
                charges.subscriptions.len(),
                named.join(", "),
                if without.len() > named.len() { ", …" } else { "" }
            ),
            remedy: "sign in to the tenants of these customers, then `./collect.sh`",
        });
    }
    if !seen.lists.iter().any(|list| list.kind == Kind::Registrations) && !seen.tables.iter().any(|(table, _)| table.starts_with("lighthouse")) {
        lacks.push(Lack {
            code: "lighthouse",
            costs: String::from("Access by Azure Lighthouse is not seen. If you have delegations, their days are called lost."),
            remedy: "`./collect.sh` fetches delegations, too",
        });
    }
    lacks
}

/// In days, if it is known when the log begins.
fn without_lists(charges: &ChargeFacts, log: Option<&AuditInput>) -> String {
    let first = log.and_then(|log| log.first);
    let unknown = match (first, charges.days) {
        (Some(first), Some((from, _))) if i64::from(from).saturating_mul(DAY_MICROS) < first.down().0 => {
            format!("Without `assignments`, days before {} have no evidence (charges begin on {}), ", first.down(), date(from))
        }
        (Some(first), _) => format!("Without `assignments`, nothing is known of access before {}, ", first.down()),
        (None, _) => String::from("Without `assignments`, only access given in the activity log is known, "),
    };
    unknown + "and whoever had a role before then and still has it counts as without access: most credit would be shown as missed."
}

/// Subscriptions that paths of lists name.
fn subscriptions_listed(seen: &Seen) -> BTreeSet<String> {
    let files = seen.lists.iter().filter(|list| list.kind == Kind::RoleAssignments).flat_map(|list| &list.files);
    let stems = files.filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().to_ascii_lowercase()));
    stems.filter(|stem| Uuid::try_parse(stem).is_ok()).collect()
}

fn tells_subscriptions(seen: &Seen) -> bool {
    let lists = || seen.lists.iter().filter(|list| list.kind == Kind::RoleAssignments);
    lists().next().is_some() && lists().all(|list| list.uri.contains("{subscription_id}"))
}

fn parties(seen: &Seen, charges: &ChargeFacts) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if seen.tables.iter().any(|(table, _)| *table == "principals") {
        return lacks;
    }
    if seen.groups.is_empty() {
        lacks.push(Lack {
            code: "groups",
            costs: String::from("Without the ids of your AdminAgents and HelpdeskAgents groups, access on behalf of (AOBO) counts for nobody."),
            remedy: "signed in to your own tenant: `./collect.sh groups`",
        });
    }
    if seen.partner_links.is_empty() {
        lacks.push(Lack {
            code: "partner_links",
            costs: String::from("Without Partner Admin Links, roles of users and service principals count for nobody."),
            remedy: "as each user or service principal that has a link: `./collect.sh partner-link`; without any link this is right",
        });
    }
    if charges.billed.is_empty() && charges.rows > 0 {
        lacks.push(Lack {
            code: "partner_tenant",
            costs: String::from("The charges name no partner tenant (column partnerTenantId): without it every charge is `partner_unknown`."),
            remedy: "export at the billing account's scope of the partner agreement, not at a customer's subscription",
        });
    }
    lacks
}

/// What a person must fill in.
pub(super) fn open(people: &People, charges: &ChargeFacts) -> Vec<String> {
    let mut open = Vec::new();
    for partner in people.partners.iter().filter(|partner| partner.mpn_id.is_none()) {
        let name = if partner.name.is_empty() { partner.tenant_id.as_str() } else { partner.name.as_str() };
        open.push(format!("reference/partners.csv: the Partner ID (MPN id) of {name}; or run init again with --partner-id"));
    }
    if people.partners.is_empty() && charges.rows > 0 {
        open.push(String::from("reference/partners.csv: your organisation"));
    }
    if people.principals.iter().any(|principal| principal.mpn_id.is_none()) {
        open.push(String::from("reference/principals.csv: the Partner ID of the groups named there"));
    }
    if let Some(candidate) = people.candidates.first() {
        let places = if candidate.subscriptions == 1 { "1 subscription".to_string() } else { format!("{} subscriptions", candidate.subscriptions) };
        open.push(format!("reference/principals.csv: is {} your AdminAgents group? It holds roles in {places}", candidate.principal_id));
    }
    open
}

fn date(day: i32) -> String {
    Day(day).date().map(|date| date.to_string()).unwrap_or_default()
}
