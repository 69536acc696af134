//! What Azure sells: meters, the resources they hang on, regions and currencies. Names as Azure has them; prices are near
//! the published ones, in units of 10^-12 USD.

use crate::dice::mix;

/// How much a stream of a meter uses in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Machine hours: 24, or a working day.
    Hours,
    /// A month's unit spread over its days.
    Monthly,
    /// Anything countable; the number is a typical day in units of 10^-8.
    Volume(i64),
}

/// What a meter hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Machine,
    Disk,
    Address,
    Storage,
    Database,
    Plan,
    Cluster,
    Workspace,
    Vault,
    Gateway,
    Cache,
    Cosmos,
    Databricks,
    Cognitive,
    Backup,
    Saas,
    Order,
    /// A charge without a resource id.
    Nothing,
}

impl Resource {
    /// Provider path below the resource group; `{}` is the name.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Resource::Machine => "Microsoft.Compute/virtualMachines/vm-{}",
            Resource::Disk => "Microsoft.Compute/disks/vm-{}_OsDisk_1",
            Resource::Address => "Microsoft.Network/publicIPAddresses/pip-{}",
            Resource::Storage => "Microsoft.Storage/storageAccounts/st{}",
            Resource::Database => "Microsoft.Sql/servers/sql-{}/databases/sqldb-{}",
            Resource::Plan => "Microsoft.Web/serverFarms/asp-{}",
            Resource::Cluster => "Microsoft.Compute/virtualMachineScaleSets/aks-{}-vmss",
            Resource::Workspace => "Microsoft.OperationalInsights/workspaces/log-{}",
            Resource::Vault => "Microsoft.KeyVault/vaults/kv-{}",
            Resource::Gateway => "Microsoft.Network/virtualNetworkGateways/vgw-{}",
            Resource::Cache => "Microsoft.Cache/Redis/redis-{}",
            Resource::Cosmos => "Microsoft.DocumentDB/databaseAccounts/cosmos-{}",
            Resource::Databricks => "Microsoft.Databricks/workspaces/dbw-{}",
            Resource::Cognitive => "Microsoft.CognitiveServices/accounts/oai-{}",
            Resource::Backup => "Microsoft.RecoveryServices/vaults/rsv-{}",
            Resource::Saas => "Microsoft.SaaS/resources/saas-{}",
            Resource::Order | Resource::Nothing => "",
        }
    }
}

/// One meter, without its region.
#[derive(Debug)]
pub(crate) struct Meter {
    pub category: &'static str,
    pub sub_category: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    pub family: &'static str,
    pub service: &'static str,
    /// `additionalInfo` as JSON; empty for none.
    pub info: &'static str,
    pub price: i64,
    pub profile: Profile,
    pub resource: Resource,
}

macro_rules! meters {
    ($($category:literal, $sub:literal, $name:literal, $unit:literal, $family:literal, $service:literal, $price:literal, $profile:expr, $resource:ident $(, $info:literal)?;)*) => {
        &[$(Meter { category: $category, sub_category: $sub, name: $name, unit: $unit, family: $family, service: $service,
            info: concat!($($info)?), price: $price, profile: $profile, resource: Resource::$resource }),*]
    };
}

use Profile::{Hours, Monthly, Volume};

/// The meters. [`BUNDLES`] and the special ones below name them by their place.
pub(crate) const METERS: &[Meter] = meters![
    "Virtual Machines", "Dsv5 Series", "D2s v5", "1 Hour", "Compute", "Microsoft.Compute", 96_000_000_000, Hours, Machine, "{\"UsageType\":\"ComputeHR\",\"ServiceType\":\"Standard_D2s_v5\",\"VCPUs\":2,\"CPUs\":0}";
    "Virtual Machines", "Dsv5 Series", "D8s v5", "1 Hour", "Compute", "Microsoft.Compute", 384_000_000_000, Hours, Machine, "{\"UsageType\":\"ComputeHR\",\"ServiceType\":\"Standard_D8s_v5\",\"VCPUs\":8,\"CPUs\":0}";
    "Virtual Machines", "Ebdsv5 Series Windows", "E4bds v5", "1 Hour", "Compute", "Microsoft.Compute", 518_333_333_333, Hours, Machine, "{\"UsageType\":\"ComputeHR\",\"ServiceType\":\"Standard_E4bds_v5\",\"VCPUs\":4,\"ImageType\":\"Windows Server BYOL\"}";
    "Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out", "1 GB", "Networking", "Microsoft.Compute", 87_000_000_000, Volume(123_456_789), Machine, "{\"UsageType\":\"DataTrOut\",\"DataCenter\":\"AMS23\"}";
    "Bandwidth", "Inter-Region", "Intra Continent Data Transfer Out", "1 GB", "Networking", "Microsoft.Compute", 20_000_000_000, Volume(45_300_211), Nothing;
    "Storage", "Premium SSD Managed Disks", "P10 LRS Disk", "1/Month", "Storage", "Microsoft.Compute", 19_710_000_000_000, Monthly, Disk;
    "Storage", "Premium SSD Managed Disks", "P30 LRS Disk", "1/Month", "Storage", "Microsoft.Compute", 135_170_000_000_000, Monthly, Disk;
    "Storage", "Standard SSD Managed Disks", "E10 LRS Disk Operations", "10K", "Storage", "Microsoft.Compute", 2_000_000_000, Volume(1_937_000_000), Disk;
    "Virtual Network", "IP Addresses", "Standard IPv4 Static Public IP", "1 Hour", "Networking", "Microsoft.Network", 5_000_000_000, Hours, Address;
    "Storage", "General Block Blob v2", "Hot LRS Data Stored", "1 GB/Month", "Storage", "Microsoft.Storage", 18_400_000_000, Volume(3_487_221_904), Storage;
    "Storage", "Tiered Block Blob", "All Other Operations", "10K", "Storage", "Microsoft.Storage", 4_400_000_000, Volume(12_700_000), Storage;
    "Storage", "Tables", "LRS Data Stored", "1 GB/Month", "Storage", "Microsoft.Storage", 45_000_000_000, Volume(11_200), Storage;
    "Storage", "Files v2", "Hot LRS Write Operations", "10K", "Storage", "Microsoft.Storage", 65_000_000_000, Volume(8_310_000), Storage;
    "SQL Database", "Single/Elastic Pool General Purpose - Compute Gen5", "vCore", "1 Hour", "Databases", "Microsoft.Sql", 126_498_000_000, Hours, Database;
    "SQL Database", "Single/Elastic Pool General Purpose - Storage", "General Purpose Data Stored", "1 GB/Month", "Databases", "Microsoft.Sql", 115_000_000_000, Volume(105_911_000), Database;
    "Azure App Service", "Premium v3 Plan - Linux", "P1 v3 App", "1 Hour", "Compute", "Microsoft.Web", 155_000_000_000, Hours, Plan;
    "Functions", "Functions", "Execution Time", "1 GB Second", "Compute", "Microsoft.Web", 16_000_000, Volume(91_244_000_000), Plan;
    "Virtual Machines", "Dv5 Series", "D4 v5", "1 Hour", "Compute", "Microsoft.Compute", 192_000_000_000, Hours, Cluster, "{\"UsageType\":\"ComputeHR\",\"ServiceType\":\"Standard_D4_v5\",\"VCPUs\":4,\"AKS\":true}";
    "Load Balancer", "Standard", "Standard Included LB Rules and Outbound Rules", "1 Hour", "Networking", "Microsoft.Network", 25_000_000_000, Hours, Cluster;
    "Log Analytics", "Analytics Logs", "Data Ingestion", "1 GB", "Management and Governance", "Microsoft.OperationalInsights", 2_760_000_000_000, Volume(87_310_442), Workspace;
    "Azure Monitor", "Platform Logs", "Platform Logs Data Processed", "1 GB", "Management and Governance", "Microsoft.OperationalInsights", 250_000_000_000, Volume(1_203_311), Workspace;
    "Key Vault", "Standard", "Operations", "10K", "Security", "Microsoft.KeyVault", 30_000_000_000, Volume(1_440_000), Vault;
    "VPN Gateway", "VPN Gateway", "VpnGw1AZ", "1 Hour", "Networking", "Microsoft.Network", 361_000_000_000, Hours, Gateway;
    "Redis Cache", "Standard", "C1 Cache", "1 Hour", "Databases", "Microsoft.Cache", 69_000_000_000, Hours, Cache;
    "Azure Cosmos DB", "Autoscale", "100 RU/s", "1/Hour", "Databases", "Microsoft.DocumentDB", 12_000_000_000, Volume(9_600_000_000), Cosmos;
    "Azure Databricks", "Premium", "All-purpose Compute DBU", "1 Hour", "Analytics", "Microsoft.Databricks", 550_000_000_000, Volume(1_733_811_222), Databricks;
    "Cognitive Services", "Azure OpenAI", "gpt 4o 0806 Inp Regnl Tokens", "1M", "AI + Machine Learning", "Microsoft.CognitiveServices", 2_750_000_000_000, Volume(420_118_734), Cognitive;
    "Backup", "Standard", "Azure VM Protected Instance", "1/Month", "Storage", "Microsoft.RecoveryServices", 10_000_000_000_000, Monthly, Backup;
    "Microsoft Defender for Cloud", "Defender for Servers", "Standard P2 Node", "1/Hour", "Security", "Microsoft.Security", 20_833_333_333, Hours, Machine;
    // The special ones.
    "Virtual Machines", "Dsv5 Series", "D4s v5 Spot", "1 Hour", "Compute", "Microsoft.Compute", 192_000_000_000, Hours, Machine, "{\"UsageType\":\"ComputeHR_LP\",\"ServiceType\":\"Standard_D4s_v5\",\"VCPUs\":4,\"Priority\":\"Low\"}";
    "SaaS", "Tailspin Observability", "Tailspin Observability - Pro - Hosts", "1 Host", "SaaS", "Microsoft.SaaS", 23_000_000_000_000, Volume(100_000_000), Saas;
    "Virtual Machines Licenses", "Red Hat Enterprise Linux", "2 vCPU VM License", "1 Hour", "Compute", "Microsoft.Compute", 28_800_000_000, Hours, Machine;
    "Cloud Services", "Av2 Series Classic", "A1 v2", "1 Hour", "Compute", "Microsoft.ClassicCompute", 43_000_000_000, Hours, Machine;
    "Azure DevOps", "Basic", "Basic User", "1/Month", "Developer Tools", "Microsoft.VisualStudio", 6_000_000_000_000, Monthly, Saas;
    "Reservations", "Reserved VM Instance", "Standard_D2s_v5, 1 Year", "1 Hour", "Compute", "Microsoft.Capacity", 41_923_000_000_000, Volume(100_000_000), Order;
    "Adjustment", "Rounding", "Rounding Adjustment", "1", "Adjustment", "Microsoft.Billing", 0, Volume(100_000_000), Order;
];

/// Eight streams each: (resource within the bundle, meter).
pub(crate) const BUNDLES: [[(u8, u16); 8]; 8] = [
    [(0, 0), (0, 3), (1, 5), (2, 8), (3, 0), (3, 28), (4, 5), (4, 7)],
    [(0, 9), (0, 10), (0, 11), (0, 12), (1, 9), (1, 10), (2, 21), (3, 4)],
    [(0, 13), (0, 14), (1, 13), (1, 14), (2, 15), (3, 16), (4, 21), (5, 19)],
    [(0, 17), (0, 18), (1, 17), (1, 18), (2, 8), (3, 19), (3, 20), (4, 9)],
    [(0, 1), (0, 3), (0, 28), (1, 6), (1, 7), (2, 27), (3, 22), (4, 4)],
    [(0, 23), (1, 24), (2, 25), (3, 26), (4, 9), (4, 10), (5, 21), (6, 19)],
    [(0, 2), (1, 2), (2, 2), (3, 6), (4, 6), (5, 27), (6, 8), (7, 3)],
    [(0, 15), (1, 16), (2, 9), (2, 12), (3, 14), (3, 13), (4, 20), (5, 4)],
];

/// A virtual machine meter for reservations and savings plans.
pub(crate) const MACHINE: u16 = 0;
/// Data stored: the meter in place of one without a resource, where access is at resources.
pub(crate) const STORED: u16 = 9;
pub(crate) const SPOT: u16 = 29;
pub(crate) const MARKETPLACE: u16 = 30;
pub(crate) const THIRD_PARTY: u16 = 31;
pub(crate) const LEGACY: u16 = 32;
pub(crate) const RATE_ZERO: u16 = 33;
pub(crate) const PURCHASE: u16 = 34;
pub(crate) const ROUNDING: u16 = 35;

/// meterRegion, resourceLocation, location, price in thousandths of the first region's.
pub(crate) const REGIONS: [(&str, &str, &str, i64); 10] = [
    ("EU West", "westeurope", "EU West", 1_000),
    ("EU North", "northeurope", "EU North", 957),
    ("US East", "eastus", "US East", 833),
    ("US West 2", "westus2", "US West 2", 841),
    ("UK South", "uksouth", "UK South", 1_013),
    ("DE West Central", "germanywestcentral", "DE West Central", 1_027),
    ("SE Central", "swedencentral", "SE Central", 911),
    ("FR Central", "francecentral", "FR Central", 1_049),
    ("CH North", "switzerlandnorth", "CH North", 1_187),
    ("US Central", "CentralUS", "US Central", 853),
];

/// Billing currencies and what a US dollar was worth, in units of 10^-10.
pub(crate) const CURRENCIES: [(&str, i64); 3] = [("EUR", 8_462_026_661), ("GBP", 7_431_905_847), ("USD", 10_000_000_000)];

/// Price of a meter in a region, units of 10^-12. Below 1,000 USD, so that a DOUBLE holds every digit.
pub(crate) fn price(meter: u16, region: u8) -> i64 {
    let price = METERS[usize::from(meter)].price / 1_000 * REGIONS[usize::from(region)].3;
    // Outside the first region most prices have digits to the twelfth place, as converted prices do.
    let digits = if price == 0 || region == 0 || meter.is_multiple_of(4) { 0 } else { mix(key(meter, region), 1) % 1_000_000 };
    price + digits as i64
}

/// A number for a meter in a region, the key of its ids.
pub(crate) fn key(meter: u16, region: u8) -> u64 {
    u64::from(meter) << 8 | u64::from(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_name_meters_of_one_kind_of_resource() {
        for bundle in BUNDLES {
            for (resource, meter) in bundle {
                let kinds: Vec<Resource> = bundle.iter().filter(|(r, _)| *r == resource).map(|(_, m)| METERS[usize::from(*m)].resource).collect();
                assert!(kinds.iter().all(|kind| *kind == kinds[0]), "{resource} {meter}: {kinds:?}");
            }
        }
        let names = [SPOT, MARKETPLACE, THIRD_PARTY, LEGACY, RATE_ZERO, PURCHASE, ROUNDING].map(|m| METERS[usize::from(m)].category);
        assert_eq!(names, ["Virtual Machines", "SaaS", "Virtual Machines Licenses", "Cloud Services", "Azure DevOps", "Reservations", "Adjustment"]);
        assert_eq!(METERS[usize::from(STORED)].resource, Resource::Storage);
    }

    #[test]
    fn prices_fit_a_double_to_the_last_digit() {
        for meter in 0..METERS.len() as u16 {
            assert!((0..10).all(|region| price(meter, region) < 10i64.pow(15)), "{meter}");
        }
    }
}
