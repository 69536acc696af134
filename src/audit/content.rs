//! What one audit record says about an assignment: its id, the scope in its path, and the body it carries (details 18).
//!
//! | looked at, in this order | gives |
//! |---|---|
//! | `Authorization.scope`, `_ResourceId`, `ResourceId`, `Properties.entity`: the first that names an assignment | id and path scope |
//! | the body's `Id` | id; path scope if it is a path |
//! | `requestbody`, then `responseBody`, field by field | principal, role or registration definition, scope |
//!
//! What is looked for in `Properties` may stand in its `eventProperties`, too: some exports to storage accounts write it so.
//! The `evidence` of `Authorization` is never looked at: it describes the caller's own right (R-ACCESS-6).

use pecan_core::event::{Body, PrincipalKind, Space};
use pecan_core::scope::{id_key, last_segment};

use crate::json::{self, Object, Read};

/// The text columns of one role record that say what was assigned, as written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// `Authorization`, `Authorization_d`.
    pub authorization: [Option<&'a str>; 2],
    /// `_ResourceId`, `ResourceId`.
    pub resource: [Option<&'a str>; 2],
    /// `Properties`, `Properties_d`.
    pub properties: [Option<&'a str>; 2],
}

/// What the texts say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Last path segment, lower case.
    pub assignment_id: Option<String>,
    /// The path before `/providers/…`, as written; `/` if nothing stands before it.
    pub path_scope: Option<String>,
    /// Request and response body; `None` if neither says anything about the assignment.
    pub body: Option<Body>,
    /// Whether some of the JSON could not be read; what it held counts as absent.
    pub unreadable: bool,
    /// What the body calls the principal that receives the role; no part of what records are compared by.
    pub principal_kind: Option<PrincipalKind>,
}

/// Reads the texts of a record of one name space.
pub fn read(space: Space, texts: Texts<'_>) -> Content {
    let mut content = Content::default();
    let authorization = first_object(texts.authorization, &mut content.unreadable);
    let properties = first_object(texts.properties, &mut content.unreadable);
    let inside = properties.as_ref().map_or(Read::Empty, |p| p.object("eventProperties"));
    content.unreadable |= matches!(inside, Read::Unreadable);
    let properties: Vec<Object> = properties.into_iter().chain(inside.object()).collect();
    let bodies: Vec<Object> = properties.iter().flat_map(|p| bodies(p, &mut content.unreadable)).collect();
    content.body = body(space, &bodies, &mut content.unreadable);
    content.principal_kind = bodies.iter().find_map(|b| b.object("properties").object()?.text("principalType").and_then(|word| PrincipalKind::parse(&word)));

    let scope = authorization.and_then(|a| a.text("scope"));
    let entity = properties.iter().find_map(|p| p.text("entity"));
    let [column, column_as_sent] = texts.resource;
    let paths = [scope.as_deref(), column, column_as_sent, entity.as_deref()];
    let named = paths.into_iter().flatten().find_map(|path| assignment_in(space, path));
    if let Some((id, path_scope)) = named.or_else(|| bodies.iter().find_map(|b| id_of_body(space, b))) {
        content.assignment_id = Some(id);
        content.path_scope = path_scope;
    }
    content
}

/// The first of two columns that holds anything, as an object.
fn first_object(columns: [Option<&str>; 2], unreadable: &mut bool) -> Option<Object> {
    let read = columns.into_iter().flatten().map(json::read).find(|r| !matches!(r, Read::Empty))?;
    *unreadable |= matches!(read, Read::Unreadable);
    read.object()
}

/// The request body, then the response body.
fn bodies(properties: &Object, unreadable: &mut bool) -> Vec<Object> {
    let mut found = Vec::new();
    for key in ["requestbody", "responsebody"] {
        let read = properties.object(key);
        *unreadable |= matches!(read, Read::Unreadable);
        found.extend(read.object());
    }
    found
}

fn body(space: Space, bodies: &[Object], unreadable: &mut bool) -> Option<Body> {
    let mut body = Body::default();
    for object in bodies {
        let read = object.object("properties");
        *unreadable |= matches!(read, Read::Unreadable);
        let Some(inner) = read.object() else { continue };
        let id = |key| inner.text(key).and_then(|text| id(&text));
        match space {
            Space::Role => {
                body.principal_id = body.principal_id.take().or_else(|| id("principalId"));
                body.role_definition_id = body.role_definition_id.take().or_else(|| id("roleDefinitionId"));
            }
            Space::Registration => {
                body.definition_id = body.definition_id.take().or_else(|| id("registrationDefinitionId"));
            }
        }
        body.scope = body.scope.take().or_else(|| inner.text("scope"));
    }
    (body != Body::default()).then_some(body)
}

/// The id a body gives itself: a bare id, or a path.
fn id_of_body(space: Space, body: &Object) -> Option<(String, Option<String>)> {
    let text = body.text("id")?;
    assignment_in(space, &text).or_else(|| id(&text).map(|id| (id, None)))
}

/// An id for comparison: last segment, lower case; `None` for nothing and for the all-zero GUID.
fn id(text: &str) -> Option<String> {
    id_key(last_segment(text.trim()))
}

/// The assignment a path names and the scope before it; `None` if it names none of this name space.
/// Letter case does not matter, empty segments are dropped, of several the last counts.
fn assignment_in(space: Space, path: &str) -> Option<(String, Option<String>)> {
    let wanted = match space {
        Space::Role => ["providers", "microsoft.authorization", "roleassignments"],
        Space::Registration => ["providers", "microsoft.managedservices", "registrationassignments"],
    };
    let path = path.trim();
    let segments: Vec<(usize, &str)> = segments(path).collect();
    let found = segments.windows(4).rev().find(|w| w.iter().zip(wanted).all(|((_, s), wanted)| s.eq_ignore_ascii_case(wanted)))?;
    let [(at, _), .., (_, last)] = found else { return None };
    let before = path.get(..*at)?.trim_end_matches('/');
    Some((id(last)?, Some(if before.is_empty() { "/" } else { before }.to_string())))
}

/// The non-empty segments of a path and where they begin.
fn segments(path: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    path.split('/').filter_map(move |segment| {
        let from = at;
        at += segment.len() + 1;
        (!segment.is_empty()).then_some((from, segment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RG: &str = "/subscriptions/S/resourceGroups/RG-1";
    const ROLE: &str = "/providers/Microsoft.Authorization/roleAssignments/";

    fn role_path(scope: &str, id: &str) -> String {
        format!("{scope}{ROLE}{id}")
    }

    fn request(id: &str, scope: &str) -> String {
        let body = serde_json::json!({"Id": id, "Properties": {"PrincipalId": "P-1", "PrincipalType": "User",
            "RoleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/R-1", "Scope": scope}});
        serde_json::json!({"requestbody": body.to_string(), "eventCategory": "Administrative"}).to_string()
    }

    #[test]
    fn ids_come_from_the_first_path_that_names_an_assignment() {
        let authorization = serde_json::json!({"action": "x", "scope": role_path(RG, "A-1")}).to_string();
        let elsewhere = serde_json::json!({"scope": RG}).to_string();
        let entity = serde_json::json!({"entity": role_path(RG, "D")}).to_string();
        let (b, c) = (role_path(RG, "B").to_uppercase(), role_path(RG, "C"));
        let texts = Texts { authorization: [Some(&authorization), None], resource: [Some(&b), Some(&c)], properties: [Some(&entity), None] };
        let id = |texts| read(Space::Role, texts).assignment_id;
        assert_eq!(id(texts).as_deref(), Some("a-1"));
        let texts = Texts { authorization: [None, Some(&elsewhere)], ..texts };
        assert_eq!(id(texts).as_deref(), Some("b"));
        let texts = Texts { resource: [Some(RG), Some(&c)], ..texts };
        assert_eq!(id(texts).as_deref(), Some("c"));
        let texts = Texts { resource: [None, Some("")], ..texts };
        assert_eq!(id(texts).as_deref(), Some("d"));
        let body = request("E-1", RG);
        let texts = Texts { properties: [Some("{}"), Some(&body)], ..texts };
        assert_eq!(read(Space::Role, texts), Content { assignment_id: Some("e-1".into()), path_scope: None, body: Some(role_body(RG)), ..as_user() });
        let texts = Texts { properties: [None, None], ..texts };
        assert_eq!(read(Space::Role, texts), Content::default());
    }

    fn role_body(scope: &str) -> Body {
        Body { principal_id: Some("p-1".into()), role_definition_id: Some("r-1".into()), definition_id: None, scope: Some(scope.into()) }
    }

    /// What a body that calls its principal a user leaves at that.
    fn as_user() -> Content {
        Content { principal_kind: Some(PrincipalKind::User), ..Content::default() }
    }

    #[test]
    fn the_path_before_the_providers_part_is_the_scope() {
        let mg = "/providers/Microsoft.Management/managementGroups/MG";
        let vm = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/virtualMachines/vm";
        for (path, scope) in [
            (role_path(RG, "a"), RG),
            (role_path(mg, "a"), mg),
            (role_path("", "a"), "/"),
            (role_path("/", "a/"), "/"),
            (role_path(vm, "a"), vm),
            (format!("{RG}//PROVIDERS/microsoft.authorization//ROLEASSIGNMENTS/A"), RG),
        ] {
            assert_eq!(assignment_in(Space::Role, &path), Some(("a".into(), Some(scope.into()))), "{path}");
            assert_eq!(assignment_in(Space::Registration, &path), None);
        }
        for path in [RG, "", "/", ROLE, "/providers/Microsoft.Authorization/roleDefinitions/a", &role_path(RG, pecan_core::scope::ZERO_GUID)] {
            assert_eq!(assignment_in(Space::Role, path), None, "{path}");
        }
    }

    #[test]
    fn the_documented_start_record_is_read() {
        let properties = r#"{"entity":"/subscriptions/S/resourceGroups/RG-1/providers/Microsoft.Authorization/roleAssignments/22","requestbody":"{\"Id\":\"22\",\"Properties\":{\"PrincipalId\":\"P-1\",\"PrincipalType\":\"User\",\"RoleDefinitionId\":\"/providers/Microsoft.Authorization/roleDefinitions/R-1\",\"Scope\":\"/subscriptions/S/resourceGroups/RG-1\"}}"}"#;
        let wrapped = serde_json::to_string(properties).expect("text");
        for text in [properties, wrapped.as_str()] {
            let content = read(Space::Role, Texts { properties: [None, Some(text)], ..Texts::default() });
            assert_eq!(content, Content { assignment_id: Some("22".into()), path_scope: Some(RG.into()), body: Some(role_body(RG)), ..as_user() });
        }
    }

    #[test]
    fn a_response_body_fills_what_the_request_leaves_out() {
        let response =
            serde_json::json!({"id": role_path(RG, "Z"), "name": "Z", "properties": {"principalId": "other", "roleDefinitionId": "/x/R-1", "scope": RG}});
        let properties = serde_json::json!({"requestBody": {"properties": {"principalid": "P-1"}}, "responseBody": response.to_string()}).to_string();
        let content = read(Space::Role, Texts { properties: [Some(&properties), None], ..Texts::default() });
        assert_eq!(content, Content { assignment_id: Some("z".into()), path_scope: Some(RG.into()), body: Some(role_body(RG)), ..Content::default() });
    }

    #[test]
    fn registrations_name_their_definition() {
        let path = "/subscriptions/S/providers/Microsoft.ManagedServices/registrationAssignments/N-1";
        for definition in ["D-1", "/subscriptions/s/providers/Microsoft.ManagedServices/registrationDefinitions/D-1"] {
            let properties = serde_json::json!({"requestbody": {"Properties": {"RegistrationDefinitionId": definition}}}).to_string();
            let content = read(Space::Registration, Texts { resource: [Some(path), None], properties: [Some(&properties), None], ..Texts::default() });
            assert_eq!(content.assignment_id.as_deref(), Some("n-1"));
            assert_eq!(content.path_scope.as_deref(), Some("/subscriptions/S"));
            assert_eq!(content.body, Some(Body { definition_id: Some("d-1".into()), ..Body::default() }));
        }
    }

    #[test]
    fn broken_json_is_no_body_and_is_told() {
        let path = role_path(RG, "a");
        for properties in ["{\"requestbody\": \"{\\\"Id\\\": \"}", "{", "[7]", r#"{"requestbody": [1]}"#, r#"{"requestbody": {"properties": "}"}}"#] {
            let content = read(Space::Role, Texts { resource: [Some(&path), None], properties: [Some(properties), None], ..Texts::default() });
            assert_eq!((content.body, content.unreadable, content.assignment_id.as_deref()), (None, true, Some("a")), "{properties}");
        }
        for properties in ["", "null", "{}", r#"{"requestbody": null}"#, r#"{"requestbody": {"properties": {"principalId": {"a": 1}, "scope": 7.50}}}"#] {
            let content = read(Space::Role, Texts { properties: [Some(properties), None], ..Texts::default() });
            assert!(!content.unreadable, "{properties}");
            assert_eq!(content.body.and_then(|b| b.principal_id), None);
        }
    }
}
