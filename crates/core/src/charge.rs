//! One charge as the rules see it, and why a row may be refused (R-PRODUCT, details 1-17).

use crate::money::{D12, D22};
use crate::reference::ExcludedKind;

/// Why an input row is a rejection; the words of the `rejection` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A needed value is empty.
    Missing,
    /// Text that is no number.
    NotANumber,
    /// Text that is no date or instant.
    NotADate,
    /// A rate outside `[0, 1]`.
    OutOfRange,
    /// More digits than an operand or amount may have.
    TooLarge,
    /// A word that is none of the known ones.
    UnknownWord,
    /// A CSV record with another number of fields than the header.
    Ragged,
    /// A successful write for which no body is found (details 19).
    NoBody,
    /// A delete of an assignment nothing else knows (details 20).
    UnknownAssignment,
    /// An empty or inverted span (details 17).
    BadSpan,
    /// A reference row that cannot be understood.
    BadReference,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 11] = [
        Reason::Missing,
        Reason::NotANumber,
        Reason::NotADate,
        Reason::OutOfRange,
        Reason::TooLarge,
        Reason::UnknownWord,
        Reason::Ragged,
        Reason::NoBody,
        Reason::UnknownAssignment,
        Reason::BadSpan,
        Reason::BadReference,
    ];

    /// The reason of a word of the `rejection` table.
    pub fn parse(word: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// The word used in the `rejection` table.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Missing => "missing",
            Reason::NotANumber => "not_a_number",
            Reason::NotADate => "not_a_date",
            Reason::OutOfRange => "out_of_range",
            Reason::TooLarge => "too_large",
            Reason::UnknownWord => "unknown_word",
            Reason::Ragged => "ragged",
            Reason::NoBody => "no_body",
            Reason::UnknownAssignment => "unknown_assignment",
            Reason::BadSpan => "bad_span",
            Reason::BadReference => "bad_reference",
        }
    }
}

impl From<crate::money::NumberFault> for Reason {
    fn from(fault: crate::money::NumberFault) -> Reason {
        match fault {
            crate::money::NumberFault::NotANumber => Reason::NotANumber,
            crate::money::NumberFault::TooLarge => Reason::TooLarge,
            crate::money::NumberFault::OutOfRange => Reason::OutOfRange,
        }
    }
}

/// The numbers of one charge. Empty numbers are allowed only where `usage` is false (details 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Billed quantity.
    pub quantity: Option<D22>,
    /// List unit price in pricing currency.
    pub list_unit_price: Option<D22>,
    /// Net cost in pricing currency.
    pub net_cost: Option<D22>,
    /// Pricing to billing currency.
    pub exchange_rate: Option<D22>,
    /// Microsoft's flag; `None`: the source states none.
    pub applied: Option<bool>,
    /// Microsoft's rate, a fraction.
    pub stated_rate: Option<D22>,
}

/// Why a charge got what it got, in the order in which the first that applies counts (R-OUTCOME).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A purchase, refund, tax or rounding adjustment.
    NotUsage,
    /// A product that does not earn.
    ProductExcluded,
    /// The rate table says 0.
    RateZero,
    /// The partners table does not know the billed partner.
    PartnerUnknown,
    /// The billed partner's agreement does not cover the day.
    AgreementInactive,
    /// No access interval of the parties touches the day.
    NoAccess,
    /// There was access, but no role that earns.
    RoleNotEarning,
    /// An earning role, but no link on that day.
    NotLinked,
    /// Covered, but not throughout.
    Gap,
    /// Covered throughout.
    Covered,
}

impl Outcome {
    /// In order of precedence.
    pub const ALL: [Outcome; 10] = [
        Outcome::NotUsage,
        Outcome::ProductExcluded,
        Outcome::RateZero,
        Outcome::PartnerUnknown,
        Outcome::AgreementInactive,
        Outcome::NoAccess,
        Outcome::RoleNotEarning,
        Outcome::NotLinked,
        Outcome::Gap,
        Outcome::Covered,
    ];

    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::NotUsage => "not_usage",
            Outcome::ProductExcluded => "product_excluded",
            Outcome::RateZero => "rate_zero",
            Outcome::PartnerUnknown => "partner_unknown",
            Outcome::AgreementInactive => "agreement_inactive",
            Outcome::NoAccess => "no_access",
            Outcome::RoleNotEarning => "role_not_earning",
            Outcome::NotLinked => "not_linked",
            Outcome::Gap => "gap",
            Outcome::Covered => "covered",
        }
    }

    /// Whether the charge would have earned had access been in order: `partner_unknown` … `gap` (details 31).
    pub fn is_missed(self) -> bool {
        matches!(self, Outcome::PartnerUnknown | Outcome::AgreementInactive | Outcome::NoAccess | Outcome::RoleNotEarning | Outcome::NotLinked | Outcome::Gap)
    }
}

/// What a decision rests on (R-DAY-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// The day is not over at the cutoff.
    Provisional,
    /// Nothing is known of that day.
    BeforeFirstRecord,
    /// The log or a list speaks for the day.
    Complete,
}

impl Evidence {
    /// Every kind.
    pub const ALL: [Evidence; 3] = [Evidence::Provisional, Evidence::BeforeFirstRecord, Evidence::Complete];

    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Evidence::Provisional => "provisional",
            Evidence::BeforeFirstRecord => "before_first_record",
            Evidence::Complete => "complete",
        }
    }
}

/// What the product columns of a charge say (R-PRODUCT).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Product {
    /// Whether the charge is usage.
    pub usage: bool,
    /// Seen in the file's own columns (details 13).
    pub excluded: Option<ExcludedKind>,
    /// Meter id as written.
    pub meter_id: Option<String>,
    /// Product id as written (12 characters).
    pub product_id: Option<String>,
    /// SKU id as written (4 characters).
    pub sku_id: Option<String>,
}

/// The amounts of a credit line (R-MONEY-2, R-MONEY-5, details 29-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Quantity × list unit price.
    pub list_cost: D12,
    /// Expected, pricing currency.
    pub credit_pricing: D12,
    /// Expected, billing currency.
    pub credit_billing: D12,
    /// What `covered` would have given and the outcome did not, billing currency.
    pub missed_billing: D12,
    /// What Microsoft's flag says, billing currency.
    pub applied_billing: Option<D12>,
    /// What the price implies, pricing currency.
    pub implied_pricing: Option<D12>,
}
