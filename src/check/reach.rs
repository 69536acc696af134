//! Whether lists and audit records reach the subscriptions that have charges.

use std::collections::BTreeSet;

use pecan_core::time::RawInstant;

use super::topics::{counted, some, yellow};
use super::{Facts, Finding};
use crate::known::Known;

/// Subscriptions with charges, lower case, that no record about roles and no list names, and no access reaches.
pub fn never_mentioned(facts: &Facts) -> BTreeSet<&str> {
    let Some(known) = &facts.known else { return BTreeSet::new() };
    let bare = facts.charges.access.iter().filter(|(_, (asked, none))| asked == none).map(|(id, _)| id);
    bare.filter(|id| !known.mentioned.contains(&id.to_ascii_lowercase())).map(String::as_str).collect()
}

/// The finding about them.
pub fn never_mentioned_finding(facts: &Facts) -> Option<Finding> {
    let never = never_mentioned(facts);
    (!never.is_empty()).then(|| {
        let text = format!("{} with charges are named by no list and by no record about roles: {}", counted(never.len() as u64, "subscription"), some(never.iter()));
        let next = "add their role assignments (`az role assignment list --all --subscription ID`) and their activity log to the inputs: without them all access there looks like none";
        yellow("never_mentioned", text, next)
    })
}

/// A list that claims to be of everything and whose rows lie in one subscription at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NarrowList {
    /// When it was taken.
    pub at: RawInstant,
    /// The one it names; `None`: it names none.
    pub subscription: Option<String>,
    /// Other subscriptions with charges: whatever was in force there looks removed.
    pub others: usize,
}

/// `az … --all` lists one subscription. Without snapshot_scope such a list says that there is nothing anywhere else.
pub fn narrow_lists(facts: &Facts) -> Vec<NarrowList> {
    let Some(known) = &facts.known else { return Vec::new() };
    let charged: BTreeSet<String> = facts.charges.subscriptions.iter().map(|id| id.to_ascii_lowercase()).collect();
    let narrow = |(at, named): (&RawInstant, &BTreeSet<String>)| {
        let others = charged.difference(named).count();
        (named.len() <= 1 && others > 0).then(|| NarrowList { at: *at, subscription: named.first().cloned(), others })
    };
    known.unscoped.iter().filter_map(narrow).collect()
}

/// The finding about them.
pub fn narrow_lists_finding(facts: &Facts, known: &Known) -> Option<Finding> {
    let narrow = narrow_lists(facts);
    let first = narrow.first()?;
    let of = |list: &NarrowList| match &list.subscription {
        Some(id) => format!("that of {} names subscription {id} alone", list.at.down()),
        None => format!("that of {} names no subscription", list.at.down()),
    };
    let text = format!(
        "{} of {} of role assignments without snapshot_scope, which count as lists of everything: {}; access in {} with charges looks removed or never given",
        narrow.len(),
        counted(known.unscoped.len() as u64, "list"),
        some(narrow.iter().map(of)),
        counted(narrow.iter().map(|l| l.others).max().unwrap_or(0) as u64, "other subscription")
    );
    let id = first.subscription.as_deref().unwrap_or("ID");
    let next = format!(
        "`az role assignment list --all` lists one subscription: say so, with snapshot_scope = \"/subscriptions/{id}\" beside its snapshot_at in the job file or in every row, and add the lists of the others"
    );
    Some(yellow("list_of_one_subscription", text, next))
}
