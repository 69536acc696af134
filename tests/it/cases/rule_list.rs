//! Every rule and detail of the contract, and where it is proved.

/// Where a rule is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// At least one case names it.
    Case,
    /// A Rust test under `tests/it` names it (files in, tables out): what core alone cannot show.
    Job,
    /// Not built yet: printed, so that nobody forgets.
    ToBuild,
}

use Proof::{Case, Job, ToBuild};

/// The numbered rules of `credit-rules.md`.
pub const RULES: [(&str, Proof); 48] = [
    ("R-DAY-1", Case),
    ("R-DAY-2", Case),
    ("R-DAY-3", Case),
    ("R-DAY-4", Case),
    ("R-DAY-5", Case),
    ("R-DAY-6", Case),
    ("R-SCOPE-1", Case),
    ("R-SCOPE-2", Case),
    ("R-SCOPE-3", Case),
    ("R-SCOPE-4", Case),
    ("R-ACCESS-1", Case),
    ("R-ACCESS-2", Case),
    ("R-ACCESS-3", Case),
    ("R-ACCESS-4", Case),
    ("R-ACCESS-5", Case),
    ("R-ACCESS-6", Case),
    ("R-ACCESS-7", Case),
    ("R-ACCESS-8", Case),
    ("R-PARTY-1", Case),
    ("R-PARTY-2", Case),
    ("R-PARTY-3", Case),
    ("R-PARTY-4", Case),
    ("R-ROLE-1", Case),
    ("R-ROLE-2", Case),
    ("R-PRODUCT-1", Case),
    ("R-PRODUCT-2", Job),
    ("R-PRODUCT-3", Case),
    ("R-RATE-1", Case),
    ("R-MONEY-2", Case),
    ("R-MONEY-3", Case),
    ("R-MONEY-4", Case),
    ("R-MONEY-5", Case),
    ("R-OUTCOME", Case),
    ("R-OUTCOME-1", Case),
    ("R-OUTCOME-2", Case),
    ("R-OUTCOME-3", Case),
    ("R-OUTCOME-4", Case),
    ("R-CONSERVE", Job),
    ("R-AGAIN-1", Job),
    ("R-AGAIN-2", Job),
    ("R-AGAIN-3", Job),
    ("R-AGAIN-4", ToBuild),
    ("R-AGAIN-5", Job),
    ("R-AGAIN-6", Job),
    ("R-MONTH-1", Job),
    ("R-MONTH-2", Job),
    ("R-MONTH-3", Job),
    ("R-MONTH-4", Job),
];

/// The entries of `details.md` that core decides, wholly or in part.
pub const DETAILS: [u32; 26] = [2, 3, 4, 5, 6, 7, 9, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];

/// Microsoft's pages (S) the rules rest on; `credit-rules.md` gives their addresses.
pub const PAGES: [&str; 12] = [
    "partner-earned-credit-explanation",
    "partner-earned-credit-troubleshoot",
    "partner-earned-credit-faq",
    "azure-roles-perms-pec",
    "daily-rated-usage-recon-files",
    "modern-invoice-reconciliation-file",
    "cost-usage-details-mca-partner",
    "tutorial-improved-exports",
    "activity-log-schema",
    "role-assignments-list-rest",
    "lighthouse/how-to/partner-earned-credit",
    "party-truth-table.csv",
];

/// The policy switches, each with the value that is not its default.
pub const SWITCHES: [(&str, &str); 7] = [
    ("gap_tolerance_seconds", "60"),
    ("day_offset_minutes", "60"),
    ("combine_parties", "union"),
    ("unknown_roles", "yes"),
    ("inherit_management_groups", "false"),
    ("rate_source", "statement"),
    ("credit_base", "net"),
];
