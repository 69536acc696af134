//! Whether the output of a group is still what its inputs say, and if not, why (R-AGAIN-1, R-AGAIN-4).

use std::collections::BTreeSet;

use super::{Action, State};
use crate::footprint::Footprint;
use crate::receipt::{InputId, Receipt, Receipts, content_of, inputs_of};
use crate::slice::{Slicer, changes};
use crate::source::ChargeGroup;

/// What is to be done with a group that is looked at.
pub(super) struct Judgement {
    pub(super) action: Action,
    /// Fingerprint of the output that is there.
    pub(super) fingerprint: String,
    pub(super) why: String,
    pub(super) parts: Vec<&'static str>,
}

impl Judgement {
    pub(super) fn new(action: Action, fingerprint: &str, why: &str) -> Judgement {
        Judgement { action, fingerprint: fingerprint.to_owned(), why: why.to_owned(), parts: Vec::new() }
    }
}

const KEPT: &str = "inputs, access, reference rows and rules it rests on are unchanged";
const INCOMPLETE: &str = "its output is incomplete: an earlier run was interrupted";

/// Compares what a group's live output rests on with what the inputs say now. Equal fingerprints mean equal output; all else
/// here only finds the words.
pub(super) fn judge(group: &ChargeGroup, live: &BTreeSet<&str>, slicer: &Slicer, state: &State, receipts: &Receipts) -> Judgement {
    let mut fingerprints = live.iter().copied();
    let Some(fingerprint) = fingerprints.next() else { return without_output(group, slicer, state, receipts) };
    let replace = |why: &str| Judgement::new(Action::Replace, fingerprint, why);
    if fingerprints.next().is_some() {
        return replace(INCOMPLETE);
    }
    let Some(receipt) = receipts.read(fingerprint) else { return replace("its receipt is gone or damaged") };
    if receipt.inputs.is_empty() {
        return replace("its receipt is from an older version");
    }
    if let Some(why) = content_change(&receipt, group) {
        return Judgement { parts: vec!["content"], ..replace(&why) };
    }
    let Some(memory) = receipts.memory(fingerprint) else { return replace("what its receipt remembers is gone, damaged or of an older version") };
    let now = slicer.of(&memory.footprint);
    if now.fingerprint(&content_of(group)) == fingerprint {
        return if state.holds(&receipt) { Judgement::new(Action::Keep, fingerprint, KEPT) } else { replace(INCOMPLETE) };
    }
    let changes = changes(&memory, &now, slicer);
    let why: Vec<&str> = changes.iter().map(|change| change.text.as_str()).collect();
    let why = if why.is_empty() { "its receipt does not belong to its output".to_owned() } else { why.join("; ") };
    Judgement { parts: changes.iter().map(|change| change.part.word()).collect(), ..replace(&why) }
}

/// Judges a group that has no output in open months, and some in closed ones or days in closed months alone. News about closed
/// months is left to the next close; only new content, whose days nobody knows, is looked at, once.
pub(super) fn judge_closed(group: &ChargeGroup, slicer: &Slicer, state: &State, receipts: &Receipts) -> Judgement {
    let frozen = state.frozen(&group.group_id);
    // Months closed at different times rest on different content: news is what none of them has.
    // A file of rejections tells what was read last.
    let known = state.fingerprints(&group.group_id).into_iter().chain(frozen.iter().copied());
    let contents: Vec<(&str, Option<String>)> = known.filter_map(|f| Some((f, content_change(&receipts.read(f)?, group)))).collect();
    let same = contents.iter().find(|(_, change)| change.is_none()).map(|(fingerprint, _)| *fingerprint);
    let news = match (same, contents.into_iter().next()) {
        (Some(_), _) => None,
        (None, Some((_, change))) => change,
        (None, None) if frozen.is_empty() => Some("it has no output".to_owned()),
        (None, None) => Some("its receipt is gone or damaged".to_owned()),
    };
    if let Some(why) = news {
        let withheld = slicer.of(&Footprint::default()).fingerprint(&content_of(group));
        let seen = receipts.read(&withheld).is_some_and(|receipt| !receipt.withheld.is_empty() && state.holds(&receipt));
        if seen || state.covers(group) {
            return Judgement { parts: vec!["content"], ..Judgement::new(Action::Closed, if seen { &withheld } else { "" }, &why) };
        }
        let action = if frozen.is_empty() { Action::Write } else { Action::Replace };
        return Judgement { parts: vec!["content"], ..Judgement::new(action, "", &why) };
    }
    let Some((fingerprint, memory)) = same.and_then(|f| Some((f, receipts.memory(f)?))) else {
        return Judgement::new(Action::Closed, "", "what its receipt remembers is gone, damaged or of an older version");
    };
    let now = slicer.of(&memory.footprint);
    let one = frozen.iter().all(|frozen| *frozen == fingerprint);
    if one && now.fingerprint(&content_of(group)) == fingerprint {
        return Judgement::new(Action::Keep, fingerprint, KEPT);
    }
    let changes = changes(&memory, &now, slicer);
    let why: Vec<&str> = changes.iter().map(|change| change.text.as_str()).collect();
    let why = if why.is_empty() { "its closed months rest on different inputs".to_owned() } else { why.join("; ") };
    Judgement { parts: changes.iter().map(|change| change.part.word()).collect(), ..Judgement::new(Action::Closed, "", &why) }
}

/// A group without live files is new, or has no row to show: then nobody's answer can change it, and its fingerprint is known
/// without a footprint.
fn without_output(group: &ChargeGroup, slicer: &Slicer, state: &State, receipts: &Receipts) -> Judgement {
    let fingerprint = slicer.of(&Footprint::default()).fingerprint(&content_of(group));
    match receipts.read(&fingerprint).filter(|receipt| state.holds(receipt)) {
        Some(_) => Judgement::new(Action::Keep, &fingerprint, "its files have no rows"),
        None => Judgement::new(Action::Write, "", "it has no output yet"),
    }
}

/// How the input files differ; `None`: they do not.
fn content_change(receipt: &Receipt, group: &ChargeGroup) -> Option<String> {
    let (before, now) = (&receipt.inputs, inputs_of(group));
    if *before == now && receipt.group_id == group.group_id {
        return None;
    }
    let runs = |inputs: &[InputId]| inputs.iter().map(|i| i.run.clone()).collect::<BTreeSet<_>>();
    if let (true, Some(run)) = (runs(before) != runs(&now), now.iter().find_map(|i| i.run.as_deref())) {
        return Some(format!("superseded by run {run}"));
    }
    let old: BTreeSet<(&str, &str)> = before.iter().map(|i| (i.file.as_str(), i.hash.as_str())).collect();
    let names: BTreeSet<&str> = now.iter().map(|i| i.file.as_str()).collect();
    let changed = now.iter().filter(|i| !old.contains(&(i.file.as_str(), i.hash.as_str()))).count();
    let gone = before.iter().filter(|i| !names.contains(i.file.as_str())).count();
    let gone = if gone > 0 { format!(", {gone} gone") } else { String::new() };
    Some(format!("content changed: {changed} of {} files{gone}", now.len()))
}
