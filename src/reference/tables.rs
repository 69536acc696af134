//! The reference tables: which columns each has, and how a row of it is understood (data-contracts §1.3).
//!
//! `principal_type` is information for people (what kind of principal is it?) and decides nothing. Faults are looked for in the order of the columns.

use pecan_core::charge::Reason;
use pecan_core::event::{ListedAssignment, PrincipalKind, PrincipalKinds, Space};
use pecan_core::reference::{Authorization, Channel, ExcludedKind, ManagementGroupRow, Member, Partner, Principal, ProductMatch, ProductRow, Rate, RoleRow};

use super::row::{Row, RowFault};
use crate::columns::Kind;
use crate::job::ListStamp;
use crate::table_file::{Need, Wanted};

type Read<T> = Result<T, RowFault>;

/// Every table that a run reads, with the columns it asks for.
pub const COLUMNS: [(&str, &[Wanted]); 10] = [
    ("assignments", &ASSIGNMENTS),
    ("partners", &PARTNERS),
    ("principals", &PRINCIPALS),
    ("group_members", &GROUP_MEMBERS),
    ("lighthouse_definitions", &LIGHTHOUSE_DEFINITIONS),
    ("lighthouse_assignments", &LIGHTHOUSE_ASSIGNMENTS),
    ("roles", &ROLES),
    ("rates", &RATES),
    ("products", &PRODUCTS),
    ("management_groups", &MANAGEMENT_GROUPS),
];

const fn instant(name: &'static str) -> Wanted {
    Wanted::new(name, Kind::Instant)
}

const fn day(name: &'static str) -> Wanted {
    Wanted::new(name, Kind::Day)
}

/// `assignments`. A stamp of the job file may stand for snapshot_at.
pub const ASSIGNMENTS: [Wanted; 8] = [
    instant("snapshot_at"),
    Wanted::id("snapshot_scope").need(Need::Optional),
    Wanted::id("id"),
    Wanted::id("principal_id"),
    Wanted::id("role_definition_id"),
    Wanted::id("scope"),
    instant("created_on"),
    Wanted::new("principal_type", Kind::Text).need(Need::Optional),
];

/// `lighthouse_assignments`.
pub const LIGHTHOUSE_ASSIGNMENTS: [Wanted; 6] = [
    instant("snapshot_at"),
    Wanted::id("snapshot_scope").need(Need::Optional),
    Wanted::id("id"),
    Wanted::id("scope"),
    Wanted::id("definition_id"),
    instant("created_on"),
];

/// A row of either list of assignments (details 22).
pub fn listed(row: Row<'_>, space: Space, stamp: &ListStamp) -> Read<ListedAssignment> {
    let snapshot_at = row.instant("snapshot_at")?.or(stamp.snapshot_at);
    let snapshot_at = snapshot_at
        .ok_or_else(|| RowFault::new("snapshot_at", "", Reason::Missing, "`snapshot_at` holds nothing: write the instant at which the list was taken"))?;
    let snapshot_scope = path(row, "snapshot_scope")?.or_else(|| stamp.snapshot_scope.clone());
    let mut listed = ListedAssignment {
        place: row.place(),
        space,
        snapshot_at,
        snapshot_scope,
        assignment_id: row.id("id"),
        principal_id: None,
        role_definition_id: None,
        definition_id: None,
        scope: String::new(),
        created_on: None,
    };
    // A row without an id says that this list was taken and held nothing; its other cells say nothing.
    if listed.assignment_id.is_none() {
        return Ok(listed);
    }
    match space {
        Space::Role => {
            listed.principal_id = Some(row.needed_id("principal_id")?);
            listed.role_definition_id = Some(row.needed_id("role_definition_id")?);
            listed.scope = needed_path(row, "scope")?;
        }
        Space::Registration => {
            listed.scope = needed_path(row, "scope")?;
            listed.definition_id = Some(row.needed_id("definition_id")?);
        }
    }
    listed.created_on = row.instant("created_on")?;
    Ok(listed)
}

/// What a row of `assignments` calls its principal.
pub fn principal_kind(row: Row<'_>, kinds: &mut PrincipalKinds) {
    if let Some((principal, kind)) = row.id("principal_id").zip(row.text("principal_type").and_then(PrincipalKind::parse)) {
        kinds.add(&principal, kind);
    }
}

/// A scope path as written: what does not begin with `/` can cover nothing and is most likely a bare id.
fn path(row: Row<'_>, column: &'static str) -> Read<Option<String>> {
    match row.text(column) {
        Some(text) if !text.starts_with('/') => Err(RowFault::new(
            column,
            text,
            Reason::BadReference,
            format!("`{column}` is no scope path: write it as /subscriptions/…, as a management group's path, or / for root"),
        )),
        found => Ok(found.map(str::to_string)),
    }
}

fn needed_path(row: Row<'_>, column: &'static str) -> Read<String> {
    row.needed_text(column)?;
    Ok(path(row, column)?.unwrap_or_default())
}

/// `partners`.
pub const PARTNERS: [Wanted; 5] =
    [Wanted::id("mpn_id"), Wanted::id("organisation_id"), Wanted::id("tenant_id"), instant("agreement_from"), instant("agreement_until")];

/// A row of `partners`.
pub fn partner(row: Row<'_>) -> Read<Partner> {
    let mpn_id = row.needed_id("mpn_id")?;
    // Our own name of the organisation: kept as written, and no path.
    row.needed_id("organisation_id")?;
    let organisation_id = row.needed_text("organisation_id")?.to_string();
    Ok(Partner { mpn_id, organisation_id, tenant_id: row.id("tenant_id"), agreement: row.span("agreement_from", "agreement_until")? })
}

/// `principals`.
pub const PRINCIPALS: [Wanted; 5] =
    [Wanted::id("principal_id"), Wanted::id("mpn_id"), Wanted::new("channel", Kind::Text), instant("linked_from"), instant("linked_until")];

/// A row of `principals`.
pub fn principal(row: Row<'_>) -> Read<Principal> {
    Ok(Principal {
        principal_id: row.needed_id("principal_id")?,
        mpn_id: row.needed_id("mpn_id")?,
        channel: row.word("channel", Channel::parse, "aobo, pal, lighthouse")?,
        linked: row.span("linked_from", "linked_until")?,
    })
}

/// `group_members`.
pub const GROUP_MEMBERS: [Wanted; 4] = [Wanted::id("group_id"), Wanted::id("member_id"), instant("member_from"), instant("member_until")];

/// A row of `group_members`.
pub fn member(row: Row<'_>) -> Read<Member> {
    Ok(Member { group_id: row.needed_id("group_id")?, member_id: row.needed_id("member_id")?, member: row.span("member_from", "member_until")? })
}

/// `lighthouse_definitions`.
pub const LIGHTHOUSE_DEFINITIONS: [Wanted; 5] =
    [Wanted::id("definition_id"), Wanted::id("principal_id"), Wanted::id("role_definition_id"), instant("valid_from"), instant("valid_until")];

/// A row of `lighthouse_definitions`: one authorization (details 23).
pub fn authorization(row: Row<'_>) -> Read<Authorization> {
    Ok(Authorization {
        definition_id: row.needed_id("definition_id")?,
        principal_id: row.needed_id("principal_id")?,
        role_definition_id: row.needed_id("role_definition_id")?,
        valid: row.span("valid_from", "valid_until")?,
    })
}

/// `roles`.
pub const ROLES: [Wanted; 5] = [
    Wanted::id("role_definition_id"),
    Wanted::new("role_name", Kind::Text).need(Need::Optional),
    Wanted::new("earns", Kind::Flag),
    day("valid_from"),
    day("valid_until"),
];

/// A row of `roles`.
pub fn role(row: Row<'_>) -> Read<RoleRow> {
    Ok(RoleRow {
        role_definition_id: row.needed_id("role_definition_id")?,
        role_name: row.text("role_name").map(str::to_string),
        earns: row.flag("earns")?,
        valid: row.validity("valid_from", "valid_until")?,
    })
}

/// `rates`.
pub const RATES: [Wanted; 5] = [
    Wanted::id("meter_id").need(Need::Either),
    Wanted::id("product_id").need(Need::Either),
    Wanted::new("rate", Kind::Rate),
    day("valid_from"),
    day("valid_until"),
];

/// A row of `rates` (details 3, 4).
pub fn rate(row: Row<'_>) -> Read<Rate> {
    Ok(Rate { matches: matches(row), rate: row.rate("rate")?, valid: row.validity("valid_from", "valid_until")? })
}

/// `products`.
pub const PRODUCTS: [Wanted; 5] = [
    Wanted::id("product_id").need(Need::Either),
    Wanted::id("meter_id").need(Need::Either),
    Wanted::new("kind", Kind::Text),
    day("valid_from"),
    day("valid_until"),
];

/// A row of `products` (details 13).
pub fn product(row: Row<'_>) -> Read<ProductRow> {
    let kind = row.word("kind", ExcludedKind::parse, "reservation, savings_plan, spot, marketplace, third_party, legacy")?;
    Ok(ProductRow { matches: matches(row), kind, valid: row.validity("valid_from", "valid_until")? })
}

/// A row with both ids is a meter row, one with neither never matches (details 4).
fn matches(row: Row<'_>) -> ProductMatch {
    match (row.id("meter_id"), row.id("product_id")) {
        (Some(meter), _) => ProductMatch::Meter(meter),
        (None, Some(product)) => ProductMatch::Product(product),
        (None, None) => ProductMatch::Nothing,
    }
}

/// `management_groups`.
pub const MANAGEMENT_GROUPS: [Wanted; 2] = [Wanted::id("management_group_id"), Wanted::id("subscription_id")];

/// A row of `management_groups`; `/` is root (details 25).
pub fn management_group(row: Row<'_>) -> Read<ManagementGroupRow> {
    let root = row.text("management_group_id").is_some_and(|text| text.bytes().all(|b| b == b'/'));
    let management_group_id = if root { String::from("/") } else { row.needed_id("management_group_id")? };
    Ok(ManagementGroupRow { management_group_id, subscription_id: row.needed_id("subscription_id")? })
}
