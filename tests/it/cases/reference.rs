//! Statements about reference tables. `from=` and `until=` are optional everywhere.
//!
//! ```text
//! partner MPN ORGANISATION TENANT|-
//! link PRINCIPAL MPN aobo|pal|lighthouse
//! member GROUP MEMBER
//! definition DEFINITION ROLE PRINCIPAL
//! role ROLE yes|no
//! rate RATE [meter=] [product=]
//! product KIND [meter=] [product=]
//! mgroup GROUP SUBSCRIPTION
//! ```

use pecan_core::money::{D22, parse_rate};
use pecan_core::reference::{
    Authorization, BadSpan, Channel, ExcludedKind, ManagementGroupRow, Member, Partner, Principal, ProductMatch, ProductRow, Rate, RoleRow,
};

use super::names;
use super::parser::Statement;
use super::world::{World, days, span};

const SPAN: [&str; 2] = ["from", "until"];
const MATCH: [&str; 4] = ["from", "until", "meter", "product"];

/// Adds one reference row; an empty or inverted span makes it a rejection (details 17).
pub fn state(world: &mut World, s: &Statement) {
    if add(world, s).is_err() {
        world.bad_spans.push(format!("reject {} bad_span", s.words.join(" ")));
    }
}

fn add(world: &mut World, s: &Statement) -> Result<(), BadSpan> {
    let id = |at: usize| s.word(at).to_ascii_lowercase();
    let tables = &mut world.reference;
    match s.word(0) {
        "partner" => {
            s.allow(4..=4, &SPAN);
            let tenant_id = Some(id(3)).filter(|t| t != "-");
            tables.partners.push(Partner { mpn_id: id(1), organisation_id: s.word(2).to_string(), tenant_id, agreement: span(s)? });
        }
        "link" => {
            s.allow(4..=4, &SPAN);
            let channel = Channel::parse(s.word(3)).unwrap_or_else(|| s.wrong("has an unknown channel"));
            tables.principals.push(Principal { principal_id: id(1), mpn_id: id(2), channel, linked: span(s)? });
        }
        "member" => {
            s.allow(3..=3, &SPAN);
            tables.members.push(Member { group_id: id(1), member_id: id(2), member: span(s)? });
        }
        "definition" => {
            s.allow(4..=4, &SPAN);
            let role_definition_id = names::role_id(s.word(2));
            tables.authorizations.push(Authorization { definition_id: id(1), principal_id: id(3), role_definition_id, valid: span(s)? });
        }
        "role" => {
            s.allow(3..=3, &SPAN);
            let earns = match s.word(2) {
                "yes" => true,
                "no" => false,
                _ => s.wrong("needs yes or no"),
            };
            let role_definition_id = names::role_id(s.word(1));
            tables.roles.push(RoleRow { role_definition_id, role_name: Some(s.word(1).to_string()), earns, valid: days(s)? });
        }
        _ => add_product(world, s)?,
    }
    Ok(())
}

fn add_product(world: &mut World, s: &Statement) -> Result<(), BadSpan> {
    let tables = &mut world.reference;
    match s.word(0) {
        "rate" => {
            s.allow(2..=2, &MATCH);
            let rate = D22(parse_rate(s.word(1)).unwrap_or_else(|e| s.wrong(&format!("{e:?}"))).value);
            tables.rates.push(Rate { matches: matches(s), rate, valid: days(s)? });
        }
        "product" => {
            s.allow(2..=2, &MATCH);
            let kind = ExcludedKind::parse(s.word(1)).unwrap_or_else(|| s.wrong("has an unknown kind"));
            tables.products.push(ProductRow { matches: matches(s), kind, valid: days(s)? });
        }
        "mgroup" => {
            s.allow(3..=3, &[]);
            let subscription_id = names::subscription_id(s.word(2)).to_ascii_lowercase();
            tables.management_groups.push(ManagementGroupRow { management_group_id: s.word(1).to_string(), subscription_id });
        }
        _ => s.wrong("is no statement"),
    }
    Ok(())
}

/// A row with a meter id is a meter row, whatever else it has (details 4).
fn matches(s: &Statement) -> ProductMatch {
    let lower = |key| s.id(key).map(|v| v.to_ascii_lowercase());
    match (lower("meter"), lower("product")) {
        (Some(meter), _) => ProductMatch::Meter(meter),
        (None, Some(product)) => ProductMatch::Product(product),
        (None, None) => ProductMatch::Nothing,
    }
}
