//! Every key of the job file, and what is said about a key that is none of them.

use super::tree::{Place, TRIED};
use crate::error::Error;

pub(super) const ROOT: &[&str] = &["name", "schedule", "cutoff", "charges", "audit", "reference", "rules", "output", "limits"];
pub(super) const CHARGES: &[&str] = &["name", "uri", "format", "layout"];
pub(super) const AUDIT: &[&str] = &["name", "uri", "format"];
pub(super) const REFERENCE: &[&str] = &[
    "assignments",
    "partners",
    "principals",
    "group_members",
    "lighthouse_definitions",
    "lighthouse_assignments",
    "roles",
    "rates",
    "products",
    "management_groups",
    "statement",
];
pub(super) const REFERENCE_FILE: &[&str] = &["uri"];
pub(super) const SNAPSHOT_FILE: &[&str] = &["uri", "snapshot_at", "snapshot_scope"];
pub(super) const RULES: &[&str] = &[
    "gap_tolerance_seconds",
    "day_offset_minutes",
    "combine_parties",
    "unknown_roles",
    "inherit_management_groups",
    "rate_source",
    "credit_base",
    "statement_rows",
];
pub(super) const OUTPUT: &[&str] = &["uri", "format", "compression", "keep_inputs", "carry"];
pub(super) const LIMITS: &[&str] = &["tolerance", "rejections"];

/// Sections to look in when a key stands in the wrong one.
const SECTIONS: [(&str, &[&str]); 6] =
    [("reference", REFERENCE), ("rules", RULES), ("output", OUTPUT), ("limits", LIMITS), ("charges", CHARGES), ("audit", AUDIT)];

/// Keys of the contract that this version does not act on. To accept and ignore them would be a silent lie.
const NOT_YET: [(&str, &str); 2] = [
    ("alerts", "This version has no alerts yet; remove the [alerts] table."),
    ("billed_mpn_id", "It belongs to format \"focus\", which this version does not read yet; remove the key."),
];

/// Pieces of key names under which people keep secrets; compared without case, `_` and `-`.
const SECRETS: [&str; 14] = [
    "password",
    "passwd",
    "secret",
    "token",
    "accountkey",
    "accesskey",
    "sharedkey",
    "storagekey",
    "saskey",
    "sas",
    "credential",
    "connectionstring",
    "apikey",
    "privatekey",
];

/// The error for a key that is not in `known`.
pub(super) fn unknown(section: &str, key: &str, place: &Place, known: &[&str]) -> Error {
    let dotted = if section.is_empty() { key.to_string() } else { format!("{section}.{key}") };
    if let Some((_, next)) = NOT_YET.iter().find(|(later, _)| *later == key) {
        return Error::usage("job_not_yet", TRIED, place, format!("the key \"{dotted}\""), *next);
    }
    if is_secret(key) {
        let next = "Remove it. Credentials come only from the environment (AZURE_STORAGE_ACCOUNT_NAME, AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS, …).";
        return Error::usage("job_credentials", TRIED, place, format!("the key \"{dotted}\", which looks like a credential"), next);
    }
    let seen = format!("the unknown key \"{dotted}\"");
    Error::usage("job_unknown_key", TRIED, place, seen, format!("{}Keys allowed here: {}.", hint(key, known), known.join(", ")))
}

fn hint(key: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(key, known) {
        return format!("Did you mean \"{near}\"? ");
    }
    match SECTIONS.iter().find(|(_, keys)| keys.contains(&key)) {
        Some((section, _)) => format!("\"{key}\" belongs in [{section}]. "),
        None => String::new(),
    }
}

/// The candidate that differs by the fewest edits, if it is near enough to be what was meant.
pub(super) fn nearest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.trim().to_lowercase().replace(['-', ' '], "_");
    let written = plain(written);
    let far = (written.chars().count() / 3).max(2);
    let scored = candidates.iter().map(|candidate| (strsim::damerau_levenshtein(&written, &plain(candidate)), *candidate));
    scored.filter(|(edits, candidate)| *edits <= far && *edits < candidate.chars().count()).min().map(|(_, candidate)| candidate)
}

fn is_secret(key: &str) -> bool {
    let plain = key.to_lowercase().replace(['_', '-'], "");
    SECRETS.iter().any(|piece| if *piece == "sas" { plain == "sas" } else { plain.contains(piece) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_not() {
        assert_eq!(nearest("gap_tolerence_seconds", RULES), Some("gap_tolerance_seconds"));
        assert_eq!(nearest("Unknown-Roles", RULES), Some("unknown_roles"));
        assert_eq!(nearest("ur", CHARGES), Some("uri"));
        assert_eq!(nearest("colour", RULES), None);
    }

    #[test]
    fn keys_in_the_wrong_table_later_keys_and_secrets_have_their_own_words() {
        let place = Place::set("x");
        let said = |section, key, known| unknown(section, key, &place, known).trouble().clone();
        assert!(said("", "credit_base", ROOT).next.starts_with("\"credit_base\" belongs in [rules]. Keys allowed here: name,"));
        assert_eq!(said("", "alerts", ROOT).code, "job_not_yet");
        assert_eq!(said("output", "account_key", OUTPUT).code, "job_credentials");
        assert_eq!(said("output", "AWS_SECRET_ACCESS_KEY", OUTPUT).code, "job_credentials");
    }
}
