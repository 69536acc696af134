//! Rows of the reference tables, typed (data-contracts §1.3). Ids are last segments in lower case.

use crate::event::ListedAssignment;
use crate::money::D22;
use crate::time::{Day, Instant, RawInstant, Span};

/// How a principal came to be linked (R-PARTY-2). Information only (details 24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Admin on behalf of: the foreign principal group of the partner's tenant.
    Aobo,
    /// A Lighthouse principal.
    Lighthouse,
    /// Partner Admin Link.
    Pal,
}

impl Channel {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Channel::Aobo => "aobo",
            Channel::Lighthouse => "lighthouse",
            Channel::Pal => "pal",
        }
    }

    /// Reads the word, in any case.
    pub fn parse(text: &str) -> Option<Channel> {
        [Channel::Aobo, Channel::Lighthouse, Channel::Pal].into_iter().find(|c| text.trim().eq_ignore_ascii_case(c.word()))
    }
}

/// A span is empty or inverted as written (details 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadSpan;

/// The span between two optional instants: `from` rounds up, `until` down (R-DAY-5).
/// `Ok(None)`: not empty as written, but nothing is left of it in whole microseconds.
/// # Errors
/// [`BadSpan`] if it is empty or inverted as written.
pub fn span_of(from: Option<RawInstant>, until: Option<RawInstant>) -> Result<Option<Span>, BadSpan> {
    match (from, until) {
        (Some(f), Some(u)) if f >= u => Err(BadSpan),
        _ => Ok(Span::new(from.map_or(Instant::MIN, RawInstant::up), until.map_or(Instant::MAX, RawInstant::down))),
    }
}

/// Whole days of validity, `until` exclusive (details 26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Validity {
    /// First day inside; [`Day::MIN`] = since ever.
    pub from: Day,
    /// First day after; [`Day::MAX`] = open.
    pub until: Day,
}

impl Validity {
    /// Always.
    pub const ALWAYS: Validity = Validity { from: Day::MIN, until: Day::MAX };

    /// The validity between two optional days.
    /// # Errors
    /// [`BadSpan`] if it is empty or inverted.
    pub fn new(from: Option<Day>, until: Option<Day>) -> Result<Validity, BadSpan> {
        let validity = Validity { from: from.unwrap_or(Day::MIN), until: until.unwrap_or(Day::MAX) };
        if validity.from < validity.until { Ok(validity) } else { Err(BadSpan) }
    }

    /// Whether the day lies inside.
    pub fn holds(self, day: Day) -> bool {
        self.from <= day && day < self.until
    }
}

/// A row of `partners`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partner {
    /// Partner (MPN) id, lower case.
    pub mpn_id: String,
    /// As written.
    pub organisation_id: String,
    /// Lower case.
    pub tenant_id: Option<String>,
    /// The programme agreement (R-PARTY-3); `None` if nothing of it is left in microseconds.
    pub agreement: Option<Span>,
}

/// A row of `principals`: a link of a principal to a partner id (R-PARTY-2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Object id, lower case.
    pub principal_id: String,
    /// Partner (MPN) id, lower case.
    pub mpn_id: String,
    /// How.
    pub channel: Channel,
    /// When.
    pub linked: Option<Span>,
}

/// A row of `group_members` (details 24).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// Object id of the group, lower case.
    pub group_id: String,
    /// Object id of the member, lower case.
    pub member_id: String,
    /// When.
    pub member: Option<Span>,
}

/// A row of `lighthouse_definitions`: one authorization (R-ACCESS-5, details 23).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authorization {
    /// Registration definition, last segment, lower case.
    pub definition_id: String,
    /// Lower case.
    pub principal_id: String,
    /// Last segment, lower case.
    pub role_definition_id: String,
    /// When.
    pub valid: Option<Span>,
}

/// A row of `roles` (R-ROLE-1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleRow {
    /// Last segment, lower case.
    pub role_definition_id: String,
    /// For display.
    pub role_name: Option<String>,
    /// Whether the role earns.
    pub earns: bool,
    /// Whole days.
    pub valid: Validity,
}

/// What a rate or product row matches (details 4): a meter row if it has a meter id, else a product row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProductMatch {
    /// Meter id, lower case.
    Meter(String),
    /// Product id of 12 characters, or product and SKU of 16, lower case.
    Product(String),
    /// Neither id: never matches.
    Nothing,
}

/// A row of `rates`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Which charges.
    pub matches: ProductMatch,
    /// Fraction in `[0, 1]`.
    pub rate: D22,
    /// Whole days.
    pub valid: Validity,
}

/// Why a product is excluded, in the order of details 13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExcludedKind {
    /// A reservation.
    Reservation,
    /// A savings plan.
    SavingsPlan,
    /// Spot capacity.
    Spot,
    /// Marketplace.
    Marketplace,
    /// Third party.
    ThirdParty,
    /// A legacy offer.
    Legacy,
}

impl ExcludedKind {
    /// In the order in which the first that applies counts.
    pub const ALL: [ExcludedKind; 6] =
        [ExcludedKind::Reservation, ExcludedKind::SavingsPlan, ExcludedKind::Spot, ExcludedKind::Marketplace, ExcludedKind::ThirdParty, ExcludedKind::Legacy];

    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            ExcludedKind::Reservation => "reservation",
            ExcludedKind::SavingsPlan => "savings_plan",
            ExcludedKind::Spot => "spot",
            ExcludedKind::Marketplace => "marketplace",
            ExcludedKind::ThirdParty => "third_party",
            ExcludedKind::Legacy => "legacy",
        }
    }

    /// Reads a word without regard to case, blanks, `_` and `-`.
    pub fn parse(text: &str) -> Option<ExcludedKind> {
        let plain = |word: &str| word.chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect::<String>();
        let text = plain(text);
        ExcludedKind::ALL.into_iter().find(|kind| plain(kind.word()) == text)
    }
}

/// A row of `products` (details 13).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProductRow {
    /// Which charges.
    pub matches: ProductMatch,
    /// Why they are excluded.
    pub kind: ExcludedKind,
    /// Whole days.
    pub valid: Validity,
}

/// A row of `management_groups`: a subscription under a group (details 25).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManagementGroupRow {
    /// Last segment, or `/` for root.
    pub management_group_id: String,
    /// Last segment, lower case.
    pub subscription_id: String,
}

/// Everything the reference tables say. Order of rows never matters.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// Rows of `assignments` and `lighthouse_assignments`.
    pub listed: Vec<ListedAssignment>,
    /// `partners`.
    pub partners: Vec<Partner>,
    /// `principals`.
    pub principals: Vec<Principal>,
    /// `group_members`.
    pub members: Vec<Member>,
    /// `lighthouse_definitions`.
    pub authorizations: Vec<Authorization>,
    /// `roles`.
    pub roles: Vec<RoleRow>,
    /// `rates`.
    pub rates: Vec<Rate>,
    /// `products`.
    pub products: Vec<ProductRow>,
    /// `management_groups`.
    pub management_groups: Vec<ManagementGroupRow>,
}
