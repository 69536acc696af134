//! ARM scopes as vectors of segments: the oracle's own reading of R-SCOPE and details 15, 22, 25.

use pecan_core::reference::ManagementGroupRow;

/// A scope path, read afresh wherever it is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArmPath {
    /// `/`.
    Root,
    /// A management group's name.
    Group(String),
    /// Subscription id, then every segment below it.
    Below(Vec<String>),
    /// Not a scope we know: covers nothing, is covered only by lists of everything.
    Strange(String),
}

/// Lower case in ASCII only: a Kelvin sign is not a `k`.
pub fn lower(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_uppercase() { char::from(u8::try_from(u32::from(c)).unwrap_or(b'?') + 32) } else { c }).collect()
}

/// An id of a charge: empty and the all-zero GUID are null (data-contracts §1).
pub fn id(text: Option<&String>) -> Option<String> {
    let text = text?;
    let zero = text.chars().filter(|c| *c != '-').count() == 32 && text.chars().all(|c| c == '0' || c == '-');
    (!text.is_empty() && !zero).then(|| lower(text))
}

impl ArmPath {
    /// Reads a path: case and empty segments do not matter (R-SCOPE-3, details 15).
    pub fn read(text: &str) -> ArmPath {
        let plain = lower(text);
        if !plain.starts_with('/') {
            return ArmPath::Strange(plain);
        }
        let segments: Vec<String> = plain.split('/').filter(|s| !s.is_empty()).map(String::from).collect();
        match segments.first().map(String::as_str) {
            None => ArmPath::Root,
            Some("subscriptions") if segments.len() > 1 => ArmPath::Below(segments[1..].to_vec()),
            Some("providers") if segments.len() == 4 && segments[1] == "microsoft.management" && segments[2] == "managementgroups" => {
                ArmPath::Group(segments[3].clone())
            }
            _ => ArmPath::Strange(plain),
        }
    }

    /// The spelling used to compare with the core's keys.
    pub fn key(&self) -> String {
        match self {
            ArmPath::Root => String::from("/"),
            ArmPath::Group(name) => format!("/providers/microsoft.management/managementgroups/{name}"),
            ArmPath::Below(segments) => format!("/subscriptions/{}", segments.join("/")),
            ArmPath::Strange(text) => text.clone(),
        }
    }
}

/// Whether `outer` is `inner` or lies above it, whole segments only.
fn begins_with(inner: &[String], outer: &[String]) -> bool {
    outer.len() <= inner.len() && outer.iter().zip(inner).all(|(a, b)| a == b)
}

/// Whether the table puts a subscription under a management group (`/` = root).
fn listed_under(rows: &[ManagementGroupRow], group: &str, subscription: &str) -> bool {
    rows.iter().any(|row| lower(&row.management_group_id) == group && row.subscription_id == subscription)
}

/// Whether access at `access` covers a charge at `charge` (subscription id and the segments below it; R-SCOPE-1, R-SCOPE-2).
pub fn covers(access: &ArmPath, charge: &[String], rows: &[ManagementGroupRow], inherit: bool) -> bool {
    match access {
        ArmPath::Below(segments) => begins_with(charge, segments),
        ArmPath::Group(name) => inherit && listed_under(rows, name, &charge[0]),
        ArmPath::Root => inherit && listed_under(rows, "/", &charge[0]),
        ArmPath::Strange(_) => false,
    }
}

/// Whether a list taken for `list` is complete for what is at `path` (details 22).
/// Ambiguity: everything might be thought to be below `/`; but `/` is listed like a group (details 25), so it is itself and the
/// subscriptions of its rows.
pub fn complete_for(list: Option<&ArmPath>, path: &ArmPath, rows: &[ManagementGroupRow]) -> bool {
    match (list, path) {
        (None, _) => true,
        (Some(ArmPath::Root), ArmPath::Below(segments)) => listed_under(rows, "/", &segments[0]),
        (Some(ArmPath::Group(name)), ArmPath::Below(segments)) => listed_under(rows, name, &segments[0]),
        (Some(ArmPath::Below(outer)), ArmPath::Below(inner)) => begins_with(inner, outer),
        (Some(list), path) => list == path,
    }
}
