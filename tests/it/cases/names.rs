//! Short names of the case files and what they stand for, so that a case reads like a sentence.
//!
//! | written | stands for |
//! |---|---|
//! | `sub-a` | a subscription id; `SUB-A` is the same id in capitals |
//! | `sub-a/rg-1`, `sub-a/rg-1/vm-1`, `sub-a/rg-1/vm-1/disk` | resource group, resource, child resource |
//! | `mg-x`, `/` | management group, root |
//! | `/…{sub-a}…` | the path exactly as written, with the id put in |
//! | `Owner`, `Contributor`, `Reader`, … | the built-in role's GUID; any other word is its own id |
//! | `09-01`, `10:00` | 2026-09-01, 10:00:00 UTC; fractions as written |

use pecan_core::time::{DAY_MICROS, Day, Instant, RawInstant, parse_day, parse_instant};

/// Built-in roles the cases speak of (two that earn, two that do not, and one that takes part in overrides).
const ROLES: [(&str, &str); 5] = [
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    ("Billing-Reader", "fa23ad8b-c56e-40d8-ac0c-ce449e1d2c64"),
    ("Key-Vault-Contributor", "f25e0fa2-a7c8-4377-a976-54943a77a395"),
];

/// The id of a role name.
pub fn role_id(name: &str) -> String {
    let known = ROLES.iter().find(|(short, _)| *short == name);
    known.map_or_else(|| name.to_ascii_lowercase(), |(_, id)| (*id).to_string())
}

/// The name of a role id.
pub fn role_name(id: &str) -> String {
    let known = ROLES.iter().find(|(_, long)| *long == id);
    known.map_or_else(|| id.to_string(), |(short, _)| (*short).to_string())
}

/// The id of a subscription name `sub-a` … `sub-z`, in capitals if the name is; any other word is its own id.
pub fn subscription_id(name: &str) -> String {
    let letter = name.to_ascii_lowercase().strip_prefix("sub-").filter(|rest| rest.len() == 1).and_then(|rest| rest.chars().next());
    match letter {
        Some(letter) => {
            let id = format!("5ab00000-cafe-4000-8000-0000000000{:02x}", u32::from(letter));
            if name.starts_with("SUB-") { id.to_ascii_uppercase() } else { id }
        }
        None => name.to_string(),
    }
}

/// A scope as an ARM path; `None` for `-`.
pub fn scope_path(text: &str) -> Option<String> {
    if text == "-" {
        return None;
    }
    if text.starts_with('/') {
        return Some(fill_in(text));
    }
    if text.starts_with("mg-") {
        return Some(format!("/providers/Microsoft.Management/managementGroups/{text}"));
    }
    let mut parts = text.split('/');
    let mut path = format!("/subscriptions/{}", subscription_id(parts.next().unwrap_or_default()));
    let types = ["resourceGroups", "providers/Microsoft.Compute/virtualMachines", "extensions", "deeper"];
    for (kind, part) in types.iter().zip(parts) {
        path.push_str(&format!("/{kind}/{part}"));
    }
    Some(path)
}

/// Puts subscription ids in place of `{sub-a}`.
pub fn fill_in(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        filled.push_str(&subscription_id(name));
        rest = tail;
    }
    filled + rest
}

/// A scope key as its short form, the inverse of [`scope_path`] for the scopes the cases use.
pub fn scope_name(key: &str) -> String {
    let mut name = key.to_string();
    for letter in 'a'..='z' {
        let short = format!("sub-{letter}");
        name = name.replace(&format!("/subscriptions/{}", subscription_id(&short)), &short);
    }
    for kind in ["/resourcegroups/", "/providers/microsoft.compute/virtualmachines/", "/extensions/", "/deeper/"] {
        name = name.replace(kind, "/");
    }
    name.replace("/providers/microsoft.management/managementgroups/", "")
}

/// `09-01` or `2026-09-01`.
pub fn day(text: &str) -> Option<Day> {
    parse_day(&full_date(text))
}

/// Date and time as two words.
pub fn instant(date: &str, time: &str) -> Option<RawInstant> {
    let seconds = if time.len() == 5 { ":00" } else { "" };
    parse_instant(&format!("{}T{time}{seconds}Z", full_date(date)))
}

/// Date and time as one word, `09-01T10:00`, or a date alone, which is its midnight.
pub fn instant_word(text: &str) -> Option<RawInstant> {
    match text.split_once('T') {
        Some((date, time)) => instant(date, time),
        None => instant(text, "00:00"),
    }
}

fn full_date(text: &str) -> String {
    if text.len() == 5 { format!("2026-{text}") } else { text.to_string() }
}

/// A date as the cases write it.
pub fn show_day(day: Day) -> String {
    let text = day.to_string();
    text.strip_prefix("2026-").map(String::from).unwrap_or(text)
}

/// An instant as date and time.
pub fn show_instant(instant: Instant) -> String {
    match instant {
        Instant::MIN => "ever".to_string(),
        Instant::MAX => "open".to_string(),
        Instant(micros) => {
            let day = Day(i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(0));
            format!("{} {}", show_day(day), show_time(micros.rem_euclid(DAY_MICROS)))
        }
    }
}

/// An instant seen from a usage day: the time alone inside it (its midnight after is 24:00), else with its date.
pub fn show_within(day: Day, instant: Instant) -> String {
    let start = i64::from(day.0) * DAY_MICROS;
    match instant.0.checked_sub(start) {
        Some(inside) if (0..=DAY_MICROS).contains(&inside) => show_time(inside),
        _ => show_instant(instant).replace(' ', "T"),
    }
}

fn show_time(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let mut text = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 || fraction != 0 {
        text.push_str(&format!(":{:02}", seconds % 60));
    }
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}

#[test]
fn names_and_scopes_translate_back() {
    for name in ["sub-a", "sub-b/rg-1", "sub-c/rg-1/vm-1", "sub-d/rg-1/vm-1/disk", "mg-x", "/"] {
        let path = scope_path(name).unwrap_or_default();
        assert_eq!(scope_name(pecan_core::scope::Scope::parse(&path).key()), name);
    }
    assert_eq!(show_within(Day(0), Instant(DAY_MICROS)), "24:00");
    assert_eq!(show_within(Day(0), Instant(36_000_500_000)), "10:00:00.5");
}
