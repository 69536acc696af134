//! A job of two charges on one day, whose access a test describes in a few lines.

use serde_json::Value;

use crate::errors::scene::{Said, Scene, texts};

/// The subscription of the two charges.
pub const SUBSCRIPTION: &str = "55555555-0000-4000-8000-0000000000a1";
/// Contoso's AdminAgents group.
pub const AGENTS: &str = "bbbbbbbb-0000-4000-8000-000000000001";
/// Nobody in particular.
pub const SOMEBODY: &str = "bbbbbbbb-0000-4000-8000-0000000000f1";
/// Two charges of 7 × 0.123456789 × 0.15.
pub const MISSED: &str = "0.2592592569";
/// Roles that earn, and one that does not.
pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
pub const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

const HEADER: &str =
    "date,SubscriptionId,resourceGroupName,meterId,ProductId,quantity,PayGPrice,pricingCurrency,billingCurrency,chargeType,partnerTenantId,resellerMpnId";
const PARTNERS: &str = "mpn_id,organisation_id,tenant_id,agreement_from,agreement_until
1000001,contoso,cccccccc-0000-4000-8000-000000000001,,
2000001,northwind,eeeeeeee-0000-4000-8000-000000000001,,
";

/// The folder with the job.
pub struct Small {
    /// To be changed further.
    pub scene: Scene,
}

/// A row of a list that was taken 2026-09-02: created since 2025, on the subscription.
pub fn listed(id: u32, principal: &str, kind: &str, role: &str) -> String {
    listed_since(id, principal, kind, role, "2025-01-01T00:00:00Z")
}

/// A row of that list.
pub fn listed_since(id: u32, principal: &str, kind: &str, role: &str, created_on: &str) -> String {
    format!(
        "2026-09-02T00:00:00Z,/subscriptions/{SUBSCRIPTION},66666666-0000-4000-8000-{id:012},{principal},{kind},{role},/subscriptions/{SUBSCRIPTION},{created_on}\n"
    )
}

/// A charge of 2026-09-20.
pub fn charge(reseller: &str) -> String {
    format!("2026-09-20,{SUBSCRIPTION},rg-1,m-1,DZH318Z0BQ4J0001,7,0.123456789,USD,USD,Usage,cccccccc-0000-4000-8000-000000000001,{reseller}\n")
}

impl Small {
    /// Contoso is billed, its AdminAgents group is known; `principals` and `list` are further rows.
    pub fn new(principals: &str, list: &[String]) -> Small {
        let scene = Scene::new();
        scene.remove("audit/2026-09.parquet");
        scene.write("ref/partners.csv", PARTNERS);
        scene.write("ref/principals.csv", format!("principal_id,mpn_id,channel,linked_from,linked_until\n{AGENTS},1000001,aobo,,\n{principals}"));
        scene.reference("assignments = \"ref/assignments.csv\"");
        let header = "snapshot_at,snapshot_scope,id,principal_id,principal_type,role_definition_id,scope,created_on\n";
        let taken = format!("2026-09-02T00:00:00Z,/subscriptions/{SUBSCRIPTION},,,,,,\n");
        scene.write("ref/assignments.csv", format!("{header}{taken}{}", list.concat()));
        let small = Small { scene };
        small.charges(&[charge(""), charge("")]);
        small.audit(&[]);
        small
    }

    /// Writes the charges.
    pub fn charges(&self, rows: &[String]) {
        self.scene.write("charges/a.csv", format!("{HEADER}\n{}", rows.concat()));
    }

    /// The list is of another day.
    pub fn list_taken(&self, day: &str) {
        let list = std::fs::read_to_string(self.scene.path("ref/assignments.csv")).expect("a list");
        self.scene.write("ref/assignments.csv", list.replace("2026-09-02", day));
    }

    /// An audit log of September in which the assignment of this number is taken away, by whom and when.
    pub fn audit(&self, deletes: &[(u32, &str, &str)]) {
        let other = |at: &str| [at.to_owned(), "Microsoft.Compute/virtualMachines/write".to_owned(), String::new(), String::new()];
        let delete = |(id, caller, at): &(u32, &str, &str)| {
            [(*at).to_owned(), "Microsoft.Authorization/roleAssignments/delete".to_owned(), path(*id), (*caller).to_owned()]
        };
        let rows: Vec<[String; 4]> = [other("2026-09-01T00:00:00Z"), other("2026-09-30T23:00:00Z")].into_iter().chain(deletes.iter().map(delete)).collect();
        let column = |of: usize| texts(&rows.iter().map(|row| row[of].as_str()).collect::<Vec<_>>());
        let all = |text: &str| texts(&rows.iter().map(|_| text).collect::<Vec<_>>());
        let columns = vec![
            ("TimeGenerated", column(0)),
            ("OperationNameValue", column(1)),
            ("ActivityStatusValue", all("Success")),
            ("CorrelationId", column(2)),
            ("_ResourceId", column(2)),
            ("Properties", all("{}")),
            ("Caller", column(3)),
        ];
        self.scene.parquet("audit/log.parquet", columns);
    }

    /// The report as JSON; nothing may stop a run.
    pub fn check(&self) -> Value {
        let said = self.scene.check();
        assert_eq!(said.code, 0, "{}", said.err);
        serde_json::from_str(&said.out).expect("one object")
    }

    /// The report as text.
    pub fn text(&mut self) -> String {
        self.say(&["check", "job.toml"]).out
    }

    /// What a run would do.
    pub fn run(&mut self) -> Value {
        let said = self.say(&["run", "job.toml", "--dry-run", "--output-format", "json"]);
        serde_json::from_str(&said.out).expect("one object")
    }

    fn say(&mut self, arguments: &[&str]) -> Said {
        self.scene.arguments(arguments);
        let said = self.scene.pecan(&[]);
        assert_eq!(said.code, 0, "{}", said.err);
        said
    }
}

fn path(id: u32) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/66666666-0000-4000-8000-{id:012}")
}
