//! ARM scopes: parsed once, compared as keys (R-SCOPE).
//!
//! | written | key | level |
//! |---|---|---|
//! | `/Subscriptions/S/` | `/subscriptions/s` | subscription |
//! | `/subscriptions/s/resourceGroups/RG-1` | `/subscriptions/s/resourcegroups/rg-1` | resource group |
//! | `/subscriptions/s/resourceGroups/r/providers/N/t/a/child/b` | the same in lower case | resource |
//! | `/` | `/` | root |
//! | `/providers/Microsoft.Management/managementGroups/MG` | `/providers/microsoft.management/managementgroups/mg` | management group |
//!
//! Letter case is folded in ASCII only, so look-alike letters of other alphabets stay different.

/// What a scope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `/`.
    Root,
    /// A management group.
    ManagementGroup,
    /// A subscription.
    Subscription,
    /// A resource group.
    ResourceGroup,
    /// A resource, child resources included.
    Resource,
    /// Anything else: kept, covers nothing.
    Other,
}

impl Level {
    /// The word used in `fact_credit_line.scope_level`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Root => "root",
            Level::ManagementGroup => "management_group",
            Level::Subscription => "subscription",
            Level::ResourceGroup => "resource_group",
            Level::Resource => "resource",
            Level::Other => "other",
        }
    }
}

const MANAGEMENT_GROUPS: [&str; 3] = ["providers", "microsoft.management", "managementgroups"];

/// A scope by its comparison key: lower case, no empty segments, no trailing slash (R-SCOPE-3, details 15).
/// The level follows from the key, so scopes are compared, ordered and hashed as their keys and can be looked up by them.
#[derive(Debug, Clone)]
pub struct Scope {
    key: String,
    level: Level,
}

impl PartialEq for Scope {
    fn eq(&self, other: &Scope) -> bool {
        self.key == other.key
    }
}

impl Eq for Scope {}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Scope) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scope {
    fn cmp(&self, other: &Scope) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl std::hash::Hash for Scope {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl std::borrow::Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.key
    }
}

impl Scope {
    /// Parses any scope path. Whatever is not a known form has the level [`Level::Other`].
    pub fn parse(path: &str) -> Scope {
        let lower = path.to_ascii_lowercase();
        let segments: Vec<&str> = lower.split('/').filter(|s| !s.is_empty()).collect();
        let level = match segments.as_slice() {
            [] if path.starts_with('/') => Level::Root,
            _ if !path.starts_with('/') => Level::Other,
            ["subscriptions", _] => Level::Subscription,
            ["subscriptions", _, "resourcegroups", _] => Level::ResourceGroup,
            ["subscriptions", _, ..] => Level::Resource,
            [a, b, c, _] if [*a, *b, *c] == MANAGEMENT_GROUPS => Level::ManagementGroup,
            _ => Level::Other,
        };
        let key = if level == Level::Other { lower.clone() } else { join(&segments) };
        Scope { key, level }
    }

    /// The scope of a subscription id (the last segment, if it is a path).
    pub fn subscription(id: &str) -> Scope {
        Scope::parse(&format!("/subscriptions/{}", last_segment(id)))
    }

    /// The scope of a resource group by name; `None` for a name that is itself a path.
    pub fn resource_group(subscription: &str, name: &str) -> Option<Scope> {
        let plain = !name.is_empty() && !name.contains('/');
        plain.then(|| Scope::parse(&format!("/subscriptions/{}/resourceGroups/{name}", last_segment(subscription))))
    }

    /// The scope of a management group id (path or name; `/` is root).
    pub fn management_group(id: &str) -> Scope {
        match last_segment(id) {
            "" => Scope::parse("/"),
            name => Scope::parse(&format!("/providers/Microsoft.Management/managementGroups/{name}")),
        }
    }

    /// The comparison key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the scope is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether the scope lies in a subscription (is one, or is below one).
    pub fn in_subscription(&self) -> bool {
        matches!(self.level, Level::Subscription | Level::ResourceGroup | Level::Resource)
    }

    /// The subscription id in lower case, if the scope lies in one.
    pub fn subscription_id(&self) -> Option<&str> {
        self.in_subscription().then(|| self.key.split('/').nth(2)).flatten()
    }

    /// Keys of this scope and of all above it inside the subscription, outermost first (R-SCOPE-1).
    /// Empty for scopes outside subscriptions.
    pub fn chain(&self) -> Vec<&str> {
        if !self.in_subscription() {
            return Vec::new();
        }
        let cuts = self.key.match_indices('/').map(|(at, _)| at).skip(2);
        cuts.chain([self.key.len()]).filter_map(|at| self.key.get(..at)).collect()
    }

    /// Whether access here covers `other`: the same scope or one below it, whole segments only (R-SCOPE-1, R-SCOPE-3).
    /// Management groups and root cover through their table, not here.
    pub fn contains(&self, other: &Scope) -> bool {
        if !self.in_subscription() || !other.in_subscription() {
            return self.key == other.key;
        }
        match other.key.strip_prefix(self.key.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key)
    }
}

fn join(segments: &[&str]) -> String {
    let mut key = String::new();
    for segment in segments {
        key.push('/');
        key.push_str(segment);
    }
    if key.is_empty() { String::from("/") } else { key }
}

/// The last non-empty segment of a path; the text itself if it is none.
pub fn last_segment(path: &str) -> &str {
    path.rsplit('/').find(|s| !s.is_empty()).unwrap_or("")
}

/// The all-zero GUID, which means null in id columns (data-contracts §1).
pub const ZERO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// An id for comparison: `None` for empty text and the all-zero GUID, else lower case (data-contracts §1).
pub fn id_key(text: &str) -> Option<String> {
    (!is_null_id(text)).then(|| text.to_ascii_lowercase())
}

/// Whether an id text means null.
pub fn is_null_id(text: &str) -> bool {
    text.is_empty() || text == ZERO_GUID
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter_but_segments_do() {
        let rg = Scope::parse("/subscriptions/S/resourceGroups/RG-1/");
        assert_eq!(rg, Scope::parse("//Subscriptions/s//RESOURCEGROUPS/rg-1"));
        assert!(rg.contains(&Scope::parse("/subscriptions/s/resourceGroups/rg-1/providers/n/t/a")));
        assert!(!rg.contains(&Scope::parse("/subscriptions/s/resourceGroups/rg-10")));
        assert!(!Scope::parse("/subscriptions/s/resourceGroups/rg-\u{212a}").contains(&Scope::parse("/subscriptions/s/resourceGroups/rg-k")));
    }

    #[test]
    fn levels_and_chains() {
        let child = Scope::parse("/subscriptions/s/resourceGroups/r/providers/n/t/a");
        assert_eq!(child.level(), Level::Resource);
        assert_eq!(child.chain().first(), Some(&"/subscriptions/s"));
        assert_eq!(child.chain().get(2), Some(&"/subscriptions/s/resourcegroups/r"));
        assert_eq!(child.chain().last(), Some(&child.key()));
        assert_eq!(Scope::parse("/").level(), Level::Root);
        assert_eq!(Scope::parse("/providers/Microsoft.Management/managementGroups/MG").level(), Level::ManagementGroup);
        assert_eq!(Scope::parse("subscriptions/s").level(), Level::Other);
        assert_eq!(Scope::parse("/subscriptions/").level(), Level::Other);
        assert!(Scope::parse("/").chain().is_empty());
    }
}
