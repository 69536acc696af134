//! Paths that say of a list when it was taken and of which subscription: `az/{snapshot_at}/role-assignments/{subscription_id}.json`.
//!
//! Whoever fetches lists every day with `az` gets files that name neither. A folder named after the instant and a file named
//! after the subscription say it without a line in the job file for each of them.
//!
//! | uri | file | stamp |
//! |---|---|---|
//! | `az/{snapshot_at}/role-assignments/{subscription_id}.json` | `az/20261031T060000Z/role-assignments/5555….json` | 2026-10-31T06:00:00Z, `/subscriptions/5555…` |
//! | `lists/all-{snapshot_at}.csv` | `lists/all-2026-10-31T06:00:00Z.csv` | 2026-10-31T06:00:00Z, what the rows say |

use pecan_core::time::{RawInstant, parse_instant};
use uuid::Uuid;

/// A placeholder stands for a whole segment of the path, or for what is left of one beside fixed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    SnapshotAt,
    SubscriptionId,
}

const PLACEHOLDERS: [(&str, Placeholder); 2] = [("{snapshot_at}", Placeholder::SnapshotAt), ("{subscription_id}", Placeholder::SubscriptionId)];

/// A path with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPattern {
    /// Per placeholder: how many segments follow it, what stands before it in its segment, and what behind.
    places: Vec<(Placeholder, usize, String, String)>,
}

/// What the path of a list says about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListStamp {
    /// When it was taken.
    pub snapshot_at: Option<RawInstant>,
    /// What it is complete for.
    pub snapshot_scope: Option<String>,
}

impl ListPattern {
    /// Takes the placeholders out of a path: the pattern, and the path with `*` in their place; `None` if there are none.
    /// # Errors
    /// What is wrong with the placeholders, in words.
    pub fn parse(uri: &str) -> Result<Option<(ListPattern, String)>, String> {
        let mut places: Vec<(Placeholder, usize, String, String)> = Vec::new();
        let mut glob = Vec::new();
        let segments: Vec<&str> = uri.split('/').collect();
        for (at, segment) in segments.iter().enumerate() {
            let found = PLACEHOLDERS.iter().find_map(|(text, placeholder)| segment.split_once(text).map(|(before, after)| (*placeholder, before, after)));
            let Some((placeholder, before, after)) = found else {
                unknown(segment)?;
                glob.push((*segment).to_string());
                continue;
            };
            if [before, after].iter().any(|text| text.contains(['{', '}', '*', '?', '['])) {
                return Err(format!("more than one placeholder or wildcard in {segment:?}"));
            }
            if places.iter().any(|(known, ..)| *known == placeholder) {
                return Err(format!("the placeholder of {segment:?} twice"));
            }
            places.push((placeholder, segments.len() - 1 - at, before.to_string(), after.to_string()));
            glob.push(format!("{before}*{after}"));
        }
        if places.is_empty() {
            return Ok(None);
        }
        if segments.contains(&"**") {
            return Err(String::from("a placeholder together with **"));
        }
        Ok(Some((ListPattern { places }, glob.join("/"))))
    }

    /// Whether the path says when a list was taken.
    pub fn tells_when(&self) -> bool {
        self.places.iter().any(|(placeholder, ..)| *placeholder == Placeholder::SnapshotAt)
    }

    /// What the path of a file says.
    /// # Errors
    /// What stands in the place of an instant or of a subscription's id.
    pub fn read(&self, path: &str) -> Result<ListStamp, String> {
        let segments: Vec<&str> = path.split('/').rev().collect();
        let mut stamp = ListStamp::default();
        for (placeholder, from_last, before, after) in &self.places {
            let segment = segments.get(*from_last).copied().unwrap_or_default();
            let value = segment.strip_prefix(before.as_str()).and_then(|s| s.strip_suffix(after.as_str())).unwrap_or_default();
            match placeholder {
                Placeholder::SnapshotAt => {
                    stamp.snapshot_at = Some(path_instant(value).ok_or_else(|| format!("{segment:?}, which names no instant such as 20261031T060000Z"))?);
                }
                Placeholder::SubscriptionId => {
                    let id = Uuid::try_parse(value).map_err(|_| format!("{segment:?}, which names no subscription"))?;
                    stamp.snapshot_scope = Some(format!("/subscriptions/{}", id.hyphenated()));
                }
            }
        }
        Ok(stamp)
    }
}

/// An instant as folders and files can be named: `20261031T060000Z`, `2026-10-31T06-00-00Z`, or any RFC 3339 text in UTC.
pub fn path_instant(text: &str) -> Option<RawInstant> {
    if text.contains(':') {
        return parse_instant(text);
    }
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let (date, time) = digits.strip_suffix('Z')?.split_once('T')?;
    let all_digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(date, 8) || !all_digits(time, 6) {
        return None;
    }
    let part = |text: &str, from: usize, until: usize| text.get(from..until).unwrap_or_default().to_string();
    parse_instant(&format!("{}-{}-{}T{}:{}:{}Z", part(date, 0, 4), part(date, 4, 6), part(date, 6, 8), part(time, 0, 2), part(time, 2, 4), part(time, 4, 6)))
}

/// A word in braces that is neither a placeholder nor a choice (`{a,b}`) is a slip of the pen, not the name of a file.
fn unknown(segment: &str) -> Result<(), String> {
    let braces = segment.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(word, _)| word);
    match braces {
        Some(word) if !word.contains(',') && !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
            Err(format!("the unknown placeholder {{{word}}}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "55555555-0000-4000-8000-00000000000a";

    fn pattern(uri: &str) -> (ListPattern, String) {
        ListPattern::parse(uri).unwrap().unwrap()
    }

    #[test]
    fn a_path_says_when_and_of_which_subscription() {
        let (found, glob) = pattern("/jobs/az/{snapshot_at}/role-assignments/{subscription_id}.json");
        assert_eq!(glob, "/jobs/az/*/role-assignments/*.json");
        assert!(found.tells_when());
        let stamp = found.read(&format!("/jobs/az/20261031T060000Z/role-assignments/{}.json", SUBSCRIPTION.to_uppercase())).unwrap();
        assert_eq!(stamp, ListStamp { snapshot_at: parse_instant("2026-10-31T06:00:00Z"), snapshot_scope: Some(format!("/subscriptions/{SUBSCRIPTION}")) });
        let (found, glob) = pattern("lists/all-{snapshot_at}.csv");
        assert_eq!(glob, "lists/all-*.csv");
        assert_eq!(found.read("lists/all-2026-10-31T06-00-00Z.csv").unwrap().snapshot_at, parse_instant("2026-10-31T06:00:00Z"));
        assert!(!pattern("{subscription_id}.json").0.tells_when());
        assert_eq!(ListPattern::parse("ref/*.json").unwrap(), None);
        assert_eq!(ListPattern::parse("ref/{a,b}.json").unwrap(), None, "a choice is no placeholder");
    }

    #[test]
    fn names_that_say_nothing_are_told() {
        let read = |uri: &str, path: &str| pattern(uri).0.read(path).unwrap_err();
        assert!(read("az/{snapshot_at}/a.json", "az/newest/a.json").contains("\"newest\""));
        assert!(read("az/{snapshot_at}/a.json", "az/20261331T060000Z/a.json").contains("20261331T060000Z"), "there is no 13th month");
        assert!(read("az/{subscription_id}.json", "az/all.json").contains("names no subscription"));
    }

    #[test]
    fn slips_of_the_pen_are_told() {
        for (uri, says) in [
            ("az/{snapshot}/a.json", "{snapshot}"),
            ("az/{snapshot_at}/{snapshot_at}.json", "twice"),
            ("az/{snapshot_at}-{subscription_id}.json", "more than one"),
            ("az/**/{snapshot_at}/a.json", "**"),
        ] {
            let said = ListPattern::parse(uri).unwrap_err();
            assert!(said.contains(says), "{uri}: {said}");
        }
    }

    #[test]
    fn instants_of_paths_are_read_strictly() {
        for text in ["20261031T060000Z", "2026-10-31T06-00-00Z", "2026-10-31T06:00:00Z"] {
            assert_eq!(path_instant(text), parse_instant("2026-10-31T06:00:00Z"), "{text}");
        }
        for text in ["20261031", "20261031T0600Z", "20261031T060000", "2026-10-31T06-00-00", "latest", ""] {
            assert_eq!(path_instant(text), None, "{text}");
        }
    }
}
