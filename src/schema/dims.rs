//! The dimension tables and the table of runs, column by column, and the parts of list columns.

use super::Kind::{self, D12, Day, Flag, Instant, Int, RunChanges, RunInputs, RunTables, Text};
use super::{About, name as n, optional, required};

pub(super) const GAP: &[(&str, Kind)] = &[(n::FROM, Instant), (n::UNTIL, Instant)];
pub(super) const RUN_INPUT: &[(&str, Kind)] = &[(n::SOURCE, Text), (n::FILE, Text), (n::RUN, Text), (n::ETAG_OR_HASH, Text), (n::BYTES, Int), (n::ROWS, Int)];
pub(super) const RUN_TABLE: &[(&str, Kind)] = &[(n::NAME, Text), (n::VERSION, Int), (n::ROWS, Int), (n::FILES_ADDED, Int), (n::FILES_REMOVED, Int)];
pub(super) const RUN_CHANGE: &[(&str, Kind)] = &[(n::BILLING_MONTH, Text), (n::BILLING_CURRENCY, Text), (n::CREDIT_BEFORE, D12), (n::CREDIT_AFTER, D12)];

pub(super) const CUSTOMER: About = About {
    name: "dim_customer",
    key: &[n::CUSTOMER_ID],
    partitioned: false,
    meaning: "Customers, named as on their newest charge.",
    columns: &[
        optional(n::CUSTOMER_ID, Text, "", "customer tenant"),
        optional(n::NAME, Text, "", "its name"),
    ],
};

pub(super) const SUBSCRIPTION: About = About {
    name: "dim_subscription",
    key: &[n::SUBSCRIPTION_ID],
    partitioned: false,
    meaning: "Azure subscriptions, named as on their newest charge.",
    columns: &[
        optional(n::SUBSCRIPTION_ID, Text, "", "Azure subscription"),
        optional(n::NAME, Text, "", "its name"),
        optional(n::CUSTOMER_ID, Text, "", "its customer"),
        optional(n::PLAN_ID, Text, "", "its Azure plan"),
    ],
};

pub(super) const METER: About = About {
    name: "dim_meter",
    key: &[n::METER_ID],
    partitioned: false,
    meaning: "Meters, named as on their newest charge.",
    columns: &[
        optional(n::METER_ID, Text, "", "meter"),
        optional(n::NAME, Text, "", "its name"),
        optional(n::CATEGORY, Text, "", "meter category"),
        optional(n::SUB_CATEGORY, Text, "", "meter sub-category"),
        optional(n::REGION, Text, "", "meter region"),
        optional(n::UNIT, Text, "", "unit of measure"),
        optional(n::PRODUCT_NAME, Text, "", "name of the product"),
        optional(n::SKU_NAME, Text, "", "name of the SKU"),
    ],
};

pub(super) const PARTNER: About = About {
    name: "dim_partner",
    key: &[n::MPN_ID],
    partitioned: false,
    meaning: "Partners of the partners table.",
    columns: &[
        optional(n::MPN_ID, Text, "", "MPN id"),
        optional(n::ORGANISATION_ID, Text, "", "its organisation"),
        optional(n::NAME, Text, "", "its name"),
    ],
};

pub(super) const ROLE: About = About {
    name: "dim_role",
    key: &[n::ROLE_DEFINITION_ID],
    partitioned: false,
    meaning: "Azure roles that are known.",
    columns: &[
        optional(n::ROLE_DEFINITION_ID, Text, "GUID", "the role"),
        optional(n::NAME, Text, "", "its name"),
        optional(n::EARNS, Flag, "true / false", "whether it earns credit"),
    ],
};

pub(super) const DATE: About = About {
    name: "dim_date",
    key: &[n::USAGE_DATE],
    partitioned: false,
    meaning: "Calendar of the usage dates.",
    columns: &[
        optional(n::USAGE_DATE, Day, "UTC day", "the day"),
        optional(n::YEAR, Int, "year", "calendar year"),
        optional(n::MONTH, Int, "1 to 12", "calendar month"),
        optional(n::ISO_WEEK, Int, "1 to 53", "ISO 8601 week"),
        optional(n::WEEKDAY, Int, "1 to 7", "day of the week, Monday = 1"),
    ],
};

pub(super) const RUN: About = About {
    name: "run",
    key: &[n::RUN_ID],
    partitioned: false,
    meaning: "One row per run that wrote something. The newest row names the table versions that belong together.",
    columns: &[
        required(n::RUN_ID, Text, "", "the run"),
        required(n::COMMAND, Text, "", "command that ran"),
        required(n::PROGRAM_VERSION, Text, "", "version of pecan"),
        required(n::RULES_FINGERPRINT, Text, "hash", "the rules of the job and of the program"),
        required(n::STARTED, Instant, "UTC", "when it began"),
        required(n::TOOK_MS, Int, "milliseconds", "how long it took"),
        optional(n::INPUTS, RunInputs, "bytes, rows", "files it read"),
        required(n::SUMMARY, Text, "JSON", "the report of the run"),
        optional(n::TABLES, RunTables, "rows, files", "tables as it left them"),
        optional(n::CHANGED, RunChanges, "billing currency", "credit by month before and after, where it changed"),
    ],
};
