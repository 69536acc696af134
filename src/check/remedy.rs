//! What to do about a misconfiguration, in Microsoft's terms, with the command where one helps.
//!
//! Commands are those of the pages `reinstate-csp` and `link-partner-id`. Words in CAPITALS are to be filled in.

use pecan_core::access::AccessInterval;
use pecan_core::event::PrincipalKind;
use pecan_core::knowledge::Knowledge;
use pecan_core::party::OrganisationCode;
use pecan_core::reference::Channel;
use pecan_core::scope::{Level, Scope, last_segment};

use super::cause::{Cause, Sighting, Subject};

/// Stands for the object id of the partner's own group, where principals does not tell it.
const ADMIN_AGENTS: &str = "OBJECT_ID_OF_YOUR_ADMINAGENTS_GROUP";

/// What to do next, for all that is seen of a cause.
pub fn next(cause: Cause) -> &'static str {
    match cause {
        Cause::ReaderOnly => {
            "have the customer assign a role that earns, such as Owner or Contributor, at the same scope: Reader does not; a role that comes through Lighthouse is changed in its definition, which is then deployed again"
        }
        Cause::UnlinkedPrincipal => {
            "customers' own people are rightly there; for those that are yours, sign in as that user, guest or service principal in the customer's tenant and link the partner id (PAL), a group through a linked member; a link that exists already belongs into principals or group_members"
        }
        Cause::ForeignPrincipal => {
            "compare the object id with those of AdminAgents and HelpdeskAgents in your tenant, since the name \"Foreign Principal for …\" is not unique, and have the customer assign the role to your group; if it is your group, add it to principals with channel aobo"
        }
        Cause::OtherOrganisation => {
            "access of other partners neither helps nor harms; if the principal is yours, sign in as it in the customer's tenant and change its partner id"
        }
        Cause::UnknownPartnerId => {
            "if the partner id is a location of one of your organisations, add it to partners; else sign in as the principal and change its partner id"
        }
        Cause::ResellerNotSet => "set the indirect reseller as reseller of record on the customer's Azure plan in Partner Center; it counts from then on",
        Cause::ResellerUnknown => {
            "add the reseller's mpn_id with its organisation to the partners table, and its principals to principals: then its access counts"
        }
        Cause::LinkExpired => {
            "link the partner id again, of a group that of a member: it counts from the first whole day on; if the link was there all along, correct linked_from and linked_until in principals"
        }
        Cause::Removed => "have the customer give the access back (Reinstate admin privileges for Azure CSP): it earns from the first whole day on",
        Cause::AccessBegan => "nothing: a day earns only if it is covered throughout",
        Cause::NoAssignment => {
            "have the customer assign Owner to your AdminAgents group (Reinstate admin privileges for Azure CSP); if you do have access there, its list or audit log is missing from the inputs"
        }
    }
}

/// The command for one thing seen, if there is one.
pub fn command(knowledge: &Knowledge, cause: Cause, subject: &Subject, seen: &Sighting) -> Option<String> {
    let intervals = seen.intervals.iter().filter_map(|at| knowledge.intervals().get(*at));
    let first = intervals.min_by_key(|i| &i.scope);
    // A Partner Admin Link is made by signing in, which a group cannot.
    let group = |id: &str| matches!(knowledge.principal_kinds.of(id), Some(PrincipalKind::Group | PrincipalKind::ForeignGroup));
    let link = |verb: &str| (!subject.principal.as_deref().is_some_and(group)).then(|| link(verb, knowledge, subject.to));
    match cause {
        Cause::ReaderOnly => first.filter(|i| i.definition_id.is_none()).map(|i| {
            let role = if kind_of(knowledge, &i.principal_id) == Some(PrincipalKind::ForeignGroup) { "Owner" } else { "Contributor" };
            assign(knowledge, role, &i.principal_id, &below_root(i, seen))
        }),
        Cause::UnlinkedPrincipal | Cause::LinkExpired => link("create"),
        Cause::OtherOrganisation | Cause::UnknownPartnerId => link("update"),
        Cause::ForeignPrincipal => first.map(|i| assign(knowledge, &role_of(knowledge, i), &own_group(knowledge, subject.to), &below_root(i, seen))),
        Cause::Removed => first.map(|i| match &i.definition_id {
            None => assign(knowledge, &role_of(knowledge, i), &i.principal_id, i.scope.key()),
            Some(definition) => register(definition, &i.scope),
        }),
        Cause::NoAssignment => {
            subject.subscription.as_ref().map(|id| assign(knowledge, "Owner", &own_group(knowledge, subject.to), &format!("/subscriptions/{id}")))
        }
        Cause::ResellerNotSet | Cause::ResellerUnknown | Cause::AccessBegan => None,
    }
}

/// A role's name, else its id: `az` takes both.
pub fn role_of(knowledge: &Knowledge, interval: &AccessInterval) -> String {
    knowledge.roles.name(&interval.role_definition_id).map_or_else(|| interval.role_definition_id.clone(), str::to_owned)
}

/// Where a new role is to be assigned: nobody is told to ask for more than a subscription.
fn below_root(interval: &AccessInterval, seen: &Sighting) -> String {
    match seen.subscriptions.first() {
        Some(id) if !interval.scope.in_subscription() => format!("/subscriptions/{id}"),
        _ => interval.scope.key().to_owned(),
    }
}

/// What a principal is in the customer's tenant: linked by AOBO, it is a group of the partner's tenant.
fn kind_of(knowledge: &Knowledge, principal: &str) -> Option<PrincipalKind> {
    let aobo = principal == ADMIN_AGENTS || knowledge.parties.links(principal).iter().any(|l| l.channel == Channel::Aobo);
    if aobo { Some(PrincipalKind::ForeignGroup) } else { knowledge.principal_kinds.of(principal) }
}

fn assign(knowledge: &Knowledge, role: &str, principal: &str, scope: &str) -> String {
    let kind = kind_of(knowledge, principal);
    let kind = kind.map_or_else(String::new, |kind| format!(" --assignee-principal-type {}", kind.word()));
    format!("az role assignment create --role \"{role}\" --assignee-object-id {principal}{kind} --scope \"{scope}\"")
}

fn link(verb: &str, knowledge: &Knowledge, organisation: OrganisationCode) -> String {
    let partner_id = knowledge.parties.mpn_ids().find(|(_, o)| *o == organisation).map_or("PARTNER_ID", |(mpn, _)| mpn);
    format!("az managementpartner {verb} --partner-id {partner_id}")
}

/// The foreign principal of an organisation: of the groups linked to it by AOBO the one with the most access, which tells
/// AdminAgents from HelpdeskAgents.
fn own_group(knowledge: &Knowledge, organisation: OrganisationCode) -> String {
    let own = |links: &[pecan_core::party::Link]| links.iter().any(|l| l.organisation == organisation && l.channel == Channel::Aobo);
    let groups = knowledge.parties.linked_principals().filter(|(_, links)| own(links)).map(|(id, _)| id);
    let access = |id: &str| knowledge.intervals().iter().filter(|interval| interval.principal_id == id).count();
    groups.max_by_key(|id| access(id)).map_or(ADMIN_AGENTS, |id| id).to_owned()
}

fn register(definition: &str, scope: &Scope) -> String {
    let subscription = scope.subscription_id().unwrap_or("SUBSCRIPTION_ID");
    let group = if scope.level() == Level::ResourceGroup { format!(" --resource-group {}", last_segment(scope.key())) } else { String::new() };
    format!(
        "az managedservices assignment create --subscription {subscription}{group} --definition /subscriptions/{subscription}/providers/Microsoft.ManagedServices/registrationDefinitions/{definition}"
    )
}
