//! Names: Microsoft's fictional companies, and words that estates are named with.

pub(crate) const COMPANIES: [&str; 24] = [
    "Woodgrove Bank",
    "Wide World Importers",
    "Alpine Ski House",
    "Bellows College",
    "Best For You Organics Company",
    "City Power & Light",
    "Coho Winery",
    "Consolidated Messenger",
    "Fourth Coffee",
    "Graphic Design Institute",
    "Humongous Insurance",
    "Lamna Healthcare Company",
    "Liberty's Delightful Sinful Bakery & Cafe",
    "Lucerne Publishing",
    "Margie's Travel",
    "Munson's Pickles and Preserves Farm",
    "Nod Publishers",
    "Proseware, Inc.",
    "Relecloud",
    "School of Fine Art",
    "Southridge Video",
    "Trey Research",
    "VanArsdel, Ltd.",
    "Wingtip Toys",
];

pub(crate) const DIVISIONS: [&str; 8] = ["Group", "Retail", "Logistics", "Digital", "Europe", "Services", "Production", "Research"];
pub(crate) const STAGES: [&str; 5] = ["prod", "prod", "test", "dev", "stage"];
pub(crate) const APPS: [&str; 16] = ["erp", "web", "crm", "data", "hub", "shop", "bi", "iot", "sap", "mail", "api", "batch", "dwh", "hr", "edge", "core"];

/// Partners: name, organisation, MPN id.
#[derive(Debug)]
pub(crate) struct Partner {
    pub name: &'static str,
    pub organisation: &'static str,
    pub mpn: &'static str,
}

/// The billed partner, an indirect provider.
pub(crate) const PROVIDER: Partner = Partner { name: "Contoso", organisation: "contoso", mpn: "1000001" };
/// Resellers of record.
pub(crate) const RESELLERS: [Partner; 2] = [
    Partner { name: "Northwind Traders", organisation: "northwind", mpn: "2000001" },
    Partner { name: "Adventure Works Cycles", organisation: "adventure-works", mpn: "2000002" },
];
/// Billed until its agreement ran out.
pub(crate) const FORMER: Partner = Partner { name: "Fabrikam, Inc.", organisation: "fabrikam", mpn: "3000001" };
/// Billed, but no table knows it.
pub(crate) const STRANGER: Partner = Partner { name: "Litware, Inc.", organisation: "litware", mpn: "4000001" };
/// A partner who has access and nothing to do with the charges.
pub(crate) const BYSTANDER: Partner = Partner { name: "Tailspin Toys", organisation: "tailspin", mpn: "5000001" };
