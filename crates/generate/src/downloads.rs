//! What `az` prints: lists of assignments per subscription, groups, and the Partner Admin Link of each user and robot.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::access::{CONTRIBUTOR, DELEGATES, Gives, Holding, Principal, READER, Role};
use crate::activity;
use crate::calendar;
use crate::error::{Error, Result};
use crate::ids::tenant;
use crate::names::PROVIDER;
use crate::options::Options;
use crate::plan::Plan;
use crate::reference::created_on;
use crate::world::World;

/// Writes `az/`.
/// # Errors
/// If a file cannot be written.
pub(crate) fn write(world: &World, plan: &Plan, options: &Options) -> Result<()> {
    let folder = options.folder.join("az");
    for at in world.lists() {
        let stamp = folder.join(calendar::compact_stamp(at));
        let mut holdings: Vec<Vec<&Holding>> = vec![Vec::new(); world.subscriptions.len()];
        for holding in plan.holdings.iter().filter(|h| h.holds_at(at)) {
            holdings[holding.subscription].push(holding);
        }
        for (subscription, holdings) in world.subscriptions.iter().zip(&holdings) {
            let roles = holdings.iter().filter_map(|h| match h.gives {
                Gives::Role(role) => Some(assignment(plan, h, role)),
                Gives::Delegation => None,
            });
            let delegations = holdings.iter().filter(|h| h.gives == Gives::Delegation).map(|h| registration(world, plan, h));
            print(&stamp.join("role-assignments").join(format!("{}.json", subscription.id)), &Value::Array(roles.collect()))?;
            print(&stamp.join("registration-assignments").join(format!("{}.json", subscription.id)), &Value::Array(delegations.collect()))?;
        }
    }
    let is_group = |p: &&Principal| p.home.mpn == PROVIDER.mpn && p.link.is_some_and(|link| link.channel == "aobo");
    print(
        &folder.join("groups").join(format!("{}.json", tenant(world, &PROVIDER))),
        &Value::Array(plan.principals.iter().filter(is_group).map(group).collect()),
    )?;
    let is_linked = |p: &&Principal| p.link.is_some_and(|link| link.channel != "aobo");
    for principal in plan.principals.iter().filter(is_linked) {
        let name = principal.name.to_lowercase().replace(' ', "-");
        print(&folder.join("partner-link").join(format!("{name}.json")), &partner_link(world, principal))?;
    }
    Ok(())
}

fn print(path: &Path, value: &Value) -> Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(Error::io(path))?;
    fs::write(path, format!("{value:#}\n")).map_err(Error::io(path))
}

/// An element of `az role assignment list --all`.
fn assignment(plan: &Plan, holding: &Holding, role: Role) -> Value {
    let segments: Vec<&str> = holding.scope.split('/').collect();
    let created = created_on(holding.from);
    json!({
        "condition": null,
        "conditionVersion": null,
        "createdBy": null,
        "createdOn": created,
        "delegatedManagedIdentityResourceId": null,
        "description": null,
        "id": holding.path(),
        "name": holding.id,
        "principalId": holding.principal,
        "principalName": plan.principals.iter().find(|p| p.id == holding.principal).map_or("", |p| p.name.as_str()),
        "principalType": holding.principal_kind,
        "resourceGroup": segments.get(4).copied(),
        "roleDefinitionId": format!("/{}/{}/providers/Microsoft.Authorization/roleDefinitions/{}", segments[1], segments[2], role.id),
        "roleDefinitionName": role.name,
        "scope": holding.scope,
        "type": "Microsoft.Authorization/roleAssignments",
        "updatedBy": null,
        "updatedOn": created,
    })
}

/// An element of `az managedservices assignment list --include-definition true`.
fn registration(world: &World, plan: &Plan, holding: &Holding) -> Value {
    let delegates = &plan.principals[DELEGATES];
    let authorization = |role: Role| {
        json!({
            "delegatedRoleDefinitionIds": null,
            "principalId": delegates.id,
            "principalIdDisplayName": delegates.name,
            "roleDefinitionId": role.id,
        })
    };
    let path = activity::definition_path(world, &holding.scope);
    json!({
        "id": holding.path(),
        "name": holding.id,
        "properties": {
            "provisioningState": "Succeeded",
            "registrationDefinition": {
                "id": path,
                "name": activity::definition(world),
                "plan": null,
                "properties": {
                    "authorizations": [authorization(CONTRIBUTOR), authorization(READER)],
                    "description": "Round-the-clock operation",
                    "eligibleAuthorizations": null,
                    "managedByTenantId": tenant(world, &PROVIDER),
                    "managedByTenantName": PROVIDER.name,
                    "provisioningState": "Succeeded",
                    "registrationDefinitionName": "Contoso Managed Services",
                },
                "type": "Microsoft.ManagedServices/registrationDefinitions",
            },
            "registrationDefinitionId": path,
        },
        "systemData": { "createdAt": created_on(holding.from), "lastModifiedAt": created_on(holding.from) },
        "type": "Microsoft.ManagedServices/registrationAssignments",
    })
}

/// An element of `az ad group list`.
fn group(principal: &Principal) -> Value {
    json!({
        "displayName": principal.name,
        "id": principal.id,
        "mailEnabled": false,
        "mailNickname": principal.name,
        "securityEnabled": true,
    })
}

/// `az managementpartner show`. A link that stopped has the state Deleted since `updatedTime`.
fn partner_link(world: &World, principal: &Principal) -> Value {
    let Some(link) = principal.link else { return Value::Null };
    let created = calendar::stamp(calendar::midnight(world.first - 900));
    json!({
        "createdTime": created,
        "etag": 1,
        "id": format!("/providers/microsoft.managementpartner/partners/{}", link.partner.mpn),
        "name": link.partner.mpn,
        "objectId": principal.id,
        "partnerId": link.partner.mpn,
        "partnerName": link.partner.name,
        "state": if link.until.is_some() { "Deleted" } else { "Active" },
        "tenantId": tenant(world, principal.home),
        "type": "Microsoft.ManagementPartner/partners",
        "updatedTime": link.until.map_or(created, calendar::stamp),
        "version": 1,
    })
}
