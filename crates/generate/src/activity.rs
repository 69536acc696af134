//! The audit log: the few records that give or take a role, among everything else that happens in Azure.

use serde_json::{Value, json};

use crate::access::{Gives, Holding, OWNER};
use crate::calendar::midnight;
use crate::catalog::METERS;
use crate::options::Options;
use crate::plan::Plan;
use crate::stream;
use crate::world::World;

/// Records of one burst: somebody works on one subscription for a quarter of an hour.
pub(crate) const BURST: u64 = 20;
const BURST_SECONDS: i64 = 900;

/// What else happens: operation, whether it begins and succeeds in two records.
const OPERATIONS: [&str; 10] = [
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Compute/virtualMachines/deallocate/action",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Sql/servers/databases/write",
    "Microsoft.Resources/deployments/write",
    "Microsoft.Authorization/policies/auditIfNotExists/action",
    "Microsoft.Network/networkSecurityGroups/securityRules/write",
    "Microsoft.KeyVault/vaults/accessPolicies/write",
    "Microsoft.Insights/diagnosticSettings/write",
];

/// One record of the log.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Seconds, and ten-millionths of one.
    pub time: (i64, u64),
    pub subscription: usize,
    pub operation: &'static str,
    pub status: &'static str,
    pub substatus: &'static str,
    pub correlation: String,
    pub event: String,
    /// ARM path the operation works on.
    pub path: String,
    pub caller: String,
    /// Identity of the caller.
    pub actor: String,
    /// Request body of a start record.
    pub body: Option<String>,
}

impl Record {
    /// Authorization: what was asked for, and the caller's own right to do it, which says nothing about what was given.
    pub(crate) fn authorization(&self) -> Value {
        json!({
            "action": self.operation,
            "scope": self.path,
            "evidence": {
                "role": "Owner",
                "roleAssignmentScope": "/",
                "roleAssignmentId": self.actor.replace('-', ""),
                "roleDefinitionId": OWNER.id.replace('-', ""),
                "principalId": self.actor.replace('-', ""),
                "principalType": "User",
            },
        })
    }

    /// Properties, with the request body as text.
    pub(crate) fn properties(&self, body_key: &str) -> Value {
        let mut properties = json!({
            "eventCategory": "Administrative",
            "entity": self.path,
            "message": self.operation,
            "hierarchy": self.path.split('/').nth(2).unwrap_or_default(),
        });
        if !self.substatus.is_empty() {
            properties["statusCode"] = self.substatus.into();
        }
        if let Some(body) = &self.body {
            properties[body_key] = body.as_str().into();
        }
        properties
    }
}

/// Writes records of one operation after the other; every record has its own id.
struct Scribe<'a> {
    world: &'a World,
    records: Vec<Record>,
    operations: u64,
}

impl Scribe<'_> {
    /// One operation on an assignment: (seconds before or after the instant, status, substatus) of each record, the body in the first.
    fn operation(&mut self, holding: &Holding, verb: &'static str, at: i64, steps: &[(i64, &'static str, &'static str)]) {
        self.operations += 1;
        let dice = self.world.dice.of("role change");
        let correlation = dice.guid(self.operations);
        let operation = match (holding.gives, verb) {
            (Gives::Role(_), "write") => "Microsoft.Authorization/roleAssignments/write",
            (Gives::Role(_), _) => "Microsoft.Authorization/roleAssignments/delete",
            (Gives::Delegation, "write") => "Microsoft.ManagedServices/registrationAssignments/write",
            (Gives::Delegation, _) => "Microsoft.ManagedServices/registrationAssignments/delete",
        };
        for (n, (offset, status, substatus)) in steps.iter().enumerate() {
            let number = self.records.len() as u64;
            self.records.push(Record {
                time: (at + offset, if *offset == 0 { 0 } else { dice.at(number) % 10_000_000 }),
                subscription: holding.subscription,
                operation,
                status,
                substatus,
                correlation: correlation.clone(),
                event: self.world.dice.of("role event").guid(number),
                path: holding.path(),
                caller: caller(self.world, holding.subscription),
                actor: self.world.dice.of("customers own").guid(2 * holding.subscription as u64),
                body: (n == 0 && verb == "write").then(|| body(self.world, holding)),
            });
        }
    }
}

/// Every record that gives or takes a role, by time.
pub(crate) fn role_changes(world: &World, plan: &Plan) -> Vec<Record> {
    let mut scribe = Scribe { world, records: Vec::new(), operations: 0 };
    let since = world.log_from();
    for holding in &plan.holdings {
        if holding.from > since {
            match holding.gives {
                Gives::Role(_) => scribe.operation(holding, "write", holding.from, &[(-2, "Start", ""), (0, "Success", "Created")]),
                Gives::Delegation => scribe.operation(holding, "write", holding.from, &[(-9, "Start", ""), (-7, "Accepted", "Created"), (0, "Success", "OK")]),
            }
        }
        if let Some(until) = holding.until {
            scribe.operation(holding, "delete", until, &[(-1, "Start", ""), (0, "Success", "OK")]);
        }
    }
    // Attempts that change nothing: refused, or never finished.
    let attempts: Vec<&Holding> = plan.holdings.iter().filter(|h| h.from < since && h.until.is_none()).take(6).collect();
    for (n, holding) in attempts.into_iter().enumerate() {
        let again = Holding { id: world.dice.of("attempt").guid(n as u64), ..holding.clone() };
        let at = midnight(world.until - 1) - (n as i64 + 1) * 3_611;
        let steps: &[(i64, &str, &str)] = if n.is_multiple_of(3) { &[(0, "Start", "")] } else { &[(-1, "Start", ""), (0, "Failure", "Forbidden")] };
        scribe.operation(&again, "write", at.max(since), steps);
    }
    let mut records = scribe.records;
    records.sort_by(|a, b| (a.time, &a.event).cmp(&(b.time, &b.event)));
    records
}

fn caller(world: &World, subscription: usize) -> String {
    let name = &world.customers[world.subscriptions[subscription].customer].name;
    let domain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("admin@{}.onmicrosoft.com", domain.to_lowercase())
}

/// Request body of a write.
fn body(world: &World, holding: &Holding) -> String {
    let body = match holding.gives {
        Gives::Role(role) => json!({
            "Id": holding.id,
            "Properties": {
                "PrincipalId": holding.principal,
                "PrincipalType": if holding.principal_kind == "ForeignGroup" { "Group" } else { holding.principal_kind },
                "RoleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{}", role.id),
                "Scope": holding.scope,
            },
        }),
        Gives::Delegation => json!({ "properties": { "registrationDefinitionId": definition_path(world, &holding.scope) } }),
    };
    body.to_string()
}

/// Id of the Lighthouse definition: one for all, as an offer has it.
pub(crate) fn definition(world: &World) -> String {
    world.dice.of("definition").guid(0)
}

/// Its path at a scope.
pub(crate) fn definition_path(world: &World, scope: &str) -> String {
    format!("{scope}/providers/Microsoft.ManagedServices/registrationDefinitions/{}", definition(world))
}

/// How many bursts of other operations there are.
pub(crate) fn bursts(options: &Options) -> u64 {
    let records = if options.raw { (options.rows / 2_000).clamp(2_000, 20_000) } else { (options.rows / 100).clamp(6_000, 200_000) };
    records / BURST
}

/// Instant of a burst; the first is that of the log's first record.
pub(crate) fn burst_at(world: &World, burst: u64, bursts: u64) -> i64 {
    let room = world.log_until() - world.log_from() - BURST_SECONDS;
    world.log_from() + (i128::from(room) * i128::from(burst) / i128::from(bursts.max(1))) as i64
}

/// The records of one burst.
pub(crate) fn burst(world: &World, burst: u64, bursts: u64) -> Vec<Record> {
    let dice = world.dice.of("other operations");
    let at = burst_at(world, burst, bursts);
    // Large subscriptions are worked on more often.
    let k = world.owner(dice.below(burst, world.slots.max(1)));
    let (caller, actor) = (caller(world, k), dice.guid(k as u64));
    let record = |n: u64| {
        let number = burst * BURST + n;
        let slot = world.subscriptions[k].first_slot + dice.below(number + (1 << 40), world.subscriptions[k].slots.max(1));
        let stream = stream::Stream::of(world, slot.min(world.slots.max(1) - 1));
        let operation = OPERATIONS[dice.below(number / 2, OPERATIONS.len() as u64) as usize];
        let is_on_resource = METERS[usize::from(stream.meter)].resource.path() != "";
        let path = if is_on_resource { stream::resource_path(world, &stream, false) } else { stream::group_path(world, stream.subscription, stream.group) };
        let (status, substatus) = match (n % 2, dice.at(number / 2) % 23) {
            (0, _) => ("Start", ""),
            (_, 0) => ("Failure", "Conflict"),
            (_, 1..=4) => ("Accept", "Accepted"),
            _ => ("Success", "OK"),
        };
        Record {
            time: (at + (n as i64 * BURST_SECONDS / BURST as i64), if number == 0 { 0 } else { dice.at2(number, 9) % 10_000_000 }),
            subscription: stream.subscription,
            operation,
            status,
            substatus,
            correlation: dice.guid(number / 2 + (1 << 41)),
            event: dice.guid(number + (1 << 42)),
            path,
            caller: caller.clone(),
            actor: actor.clone(),
            body: None,
        }
    };
    (0..BURST).map(record).collect()
}

/// The last record of the log: up to here it is complete.
pub(crate) fn last(world: &World) -> Record {
    let mut record = burst(world, 0, 1).remove(0);
    record.time = (world.log_until(), 0);
    record.event = world.dice.of("last record").guid(0);
    record.correlation = world.dice.of("last record").guid(1);
    record
}
