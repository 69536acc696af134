//! Every policy switch, with the default of `credit-rules.md`.

/// Whether two organisations may relay each other (R-DAY-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CombineParties {
    /// One organisation alone must cover the day.
    #[default]
    Each,
    /// Provider and reseller may relay each other.
    Union,
}

/// Where the rate comes from when no table row matches (R-RATE-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RateSource {
    /// 0.15.
    #[default]
    Table,
    /// The charge's stated rate if its flag is true and the rate above 0, else 0.15.
    Statement,
}

/// What the rate is applied to (R-MONEY-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CreditBase {
    /// Quantity × list unit price.
    #[default]
    List,
    /// The discounted price.
    Net,
}

/// The policy switches of a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Sum of gaps in a day that is forgiven, seconds (R-DAY-3).
    pub gap_tolerance_seconds: u32,
    /// Where the usage day begins, minutes after 00:00 UTC (R-DAY-1).
    pub day_offset_minutes: i32,
    /// R-DAY-4.
    pub combine_parties: CombineParties,
    /// Whether unknown and custom roles earn (R-ROLE-2).
    pub unknown_roles: bool,
    /// Whether management-group and root access covers subscriptions (R-SCOPE-2).
    pub inherit_management_groups: bool,
    /// R-RATE-1.
    pub rate_source: RateSource,
    /// R-MONEY-2.
    pub credit_base: CreditBase,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            gap_tolerance_seconds: 0,
            day_offset_minutes: 0,
            combine_parties: CombineParties::Each,
            unknown_roles: false,
            inherit_management_groups: true,
            rate_source: RateSource::Table,
            credit_base: CreditBase::List,
        }
    }
}

/// Which rows of export and invoice take part in month end at the grains of the invoice (R-MONTH-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StatementRows {
    /// Every row: purchases and seats that the export does not hold are `missing_in_ours`.
    #[default]
    All,
    /// Usage and rounding adjustments; all else is counted and summed apart.
    Usage,
}

/// The policy switches of month end. They change no credit line, so they stand apart from [`Rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MonthRules {
    /// Which rows take part.
    pub statement_rows: StatementRows,
}
