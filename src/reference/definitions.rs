//! Authorizations of Lighthouse delegations out of JSON: `az managedservices assignment list --include-definition true`, or
//! `az managedservices definition list` (R-ACCESS-5, details 23).
//!
//! A definition may be changed in place, and an answer says only what it holds when asked. Where the path tells when that was,
//! the answers are read as a sequence, against credit: an authorization that a later answer lacks was there until the last
//! answer that had it; one that an earlier answer lacked is there from the first that has it.

use std::collections::{BTreeMap, BTreeSet};

use pecan_core::charge::Reason;
use pecan_core::reference::{Authorization, span_of};
use pecan_core::scope::{id_key, last_segment};
use pecan_core::time::RawInstant;

use super::az::{Answer, not_az};
use super::row::RowFault;
use crate::error::Result;
use crate::json::{self, Object};
use crate::store::InputFile;

/// Principal and role.
type Pair = (String, String);
/// What each definition held, by the instant of the answer; `None`: unknown.
type Answers = BTreeMap<String, BTreeMap<Option<RawInstant>, BTreeSet<Pair>>>;

/// The authorizations of all answers.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    answers: Answers,
}

impl Definitions {
    /// Takes in one file: how many definitions it holds, and what of it cannot be used, by element from 1.
    /// # Errors
    /// `Input` if it is no list of `az`, or one without definitions.
    pub fn take(&mut self, file: &InputFile, asked: Option<RawInstant>) -> Result<(u64, Vec<(u64, RowFault)>)> {
        let answer = Answer::read(file)?;
        let elements = answer.elements(file)?;
        let (mut read, mut faults) = (0, Vec::new());
        for (row, raw) in (1..).zip(&elements) {
            let Some(object) = json::read(raw).object() else {
                faults.push((row, RowFault::new("definition_id", *raw, Reason::BadReference, "no JSON object: list the delegations again")));
                continue;
            };
            let Some((id, definition)) = definition(&object) else {
                let next = "a delegation without its definition: list them again with --include-definition true";
                return Err(not_az(file, next));
            };
            read += 1;
            let (pairs, wrong) = authorizations(&definition);
            faults.extend(wrong.into_iter().map(|fault| (row, fault)));
            let of_definition = self.answers.entry(id).or_default();
            match of_definition.get_mut(&asked) {
                // Two answers of one instant that differ: what both say.
                Some(known) => known.retain(|pair| pairs.contains(pair)),
                None => {
                    of_definition.insert(asked, pairs);
                }
            }
        }
        Ok((read, faults))
    }

    /// One row per definition, principal, role and span in which the answers had it.
    pub fn authorizations(&self) -> Vec<Authorization> {
        let mut rows = Vec::new();
        for (definition_id, answers) in &self.answers {
            let pairs: BTreeSet<&Pair> = answers.values().flatten().collect();
            for (principal_id, role_definition_id) in pairs {
                let pair = (principal_id.clone(), role_definition_id.clone());
                let had: Vec<(Option<RawInstant>, bool)> = answers.iter().map(|(at, held)| (*at, held.contains(&pair))).collect();
                rows.extend(runs(&had).into_iter().filter_map(|(from, until)| {
                    let valid = span_of(from, until).ok().flatten();
                    valid.map(|span| Authorization {
                        definition_id: definition_id.clone(),
                        principal_id: pair.0.clone(),
                        role_definition_id: pair.1.clone(),
                        valid: Some(span),
                    })
                }));
            }
        }
        rows
    }
}

/// From, until (exclusive; `None` = open) of each run of answers that had it.
fn runs(had: &[(Option<RawInstant>, bool)]) -> Vec<(Option<RawInstant>, Option<RawInstant>)> {
    let mut runs = Vec::new();
    let mut open: Option<(Option<RawInstant>, Option<RawInstant>)> = None;
    for (place, (at, there)) in had.iter().enumerate() {
        match (&mut open, there) {
            (None, true) => open = Some((at.filter(|_| place > 0), *at)),
            (Some((_, last)), true) => *last = *at,
            (Some((from, last)), false) => {
                runs.push((*from, *last));
                open = None;
            }
            (None, false) => {}
        }
    }
    runs.extend(open.map(|(from, _)| (from, None)));
    runs
}

/// Id and content of the definition an element is or carries.
fn definition(object: &Object) -> Option<(String, Object)> {
    let properties = object.object("properties").object();
    let fields = properties.as_ref().unwrap_or(object);
    let (id, inner) = match fields.object("registrationDefinition").object() {
        Some(carried) => (fields.text("registrationDefinitionId").or_else(|| carried.text("id"))?, carried),
        None => {
            fields.raw("authorizations").next()?;
            return Some((id_key(last_segment(&object.text("id").or_else(|| object.text("name"))?))?, properties?));
        }
    };
    let content = inner.object("properties").object().or(Some(inner).filter(|o| o.raw("authorizations").next().is_some()))?;
    Some((id_key(last_segment(&id))?, content))
}

/// Eligible (just-in-time) authorizations stand under another key and do not count.
fn authorizations(definition: &Object) -> (BTreeSet<Pair>, Vec<RowFault>) {
    let (mut pairs, mut faults) = (BTreeSet::new(), Vec::new());
    let raw = definition.raw("authorizations").next().filter(|raw| *raw != "null").unwrap_or("[]");
    let elements = json::elements(raw).unwrap_or_else(|e| {
        faults.push(RowFault::new("principal_id", raw, Reason::BadReference, format!("no list of authorizations: {e}")));
        Vec::new()
    });
    for raw in elements {
        let object = json::read(raw).object();
        let id = |key: &str| object.as_ref().and_then(|o| o.text(key)).and_then(|text| id_key(last_segment(&text)));
        match (id("principalId"), id("roleDefinitionId")) {
            (Some(principal), Some(role)) => {
                pairs.insert((principal, role));
            }
            (None, _) => faults.push(RowFault::new("principal_id", raw, Reason::Missing, "an authorization without `principalId`: list the delegations again")),
            (_, None) => {
                faults.push(RowFault::new(
                    "role_definition_id",
                    raw,
                    Reason::Missing,
                    "an authorization without `roleDefinitionId`: list the delegations again",
                ));
            }
        }
    }
    (pairs, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Option<RawInstant> {
        Some(RawInstant::from_micros(hour * 3_600_000_000))
    }

    #[test]
    fn what_answers_had_is_read_against_credit() {
        assert_eq!(runs(&[(None, true)]), [(None, None)], "one answer of unknown age: always");
        assert_eq!(runs(&[(at(1), true), (at(2), true)]), [(None, None)], "never missing: always");
        assert_eq!(runs(&[(at(1), true), (at(2), false)]), [(None, at(1))], "until last seen");
        assert_eq!(runs(&[(at(1), false), (at(2), true)]), [(at(2), None)], "from first seen");
        assert_eq!(runs(&[(at(1), true), (at(2), false), (at(3), true)]), [(None, at(1)), (at(3), None)]);
        assert_eq!(runs(&[(at(1), false)]), []);
    }

    #[test]
    fn a_run_seen_once_and_gone_again_is_empty() {
        let mut definitions = Definitions::default();
        let pair = (String::from("p"), String::from("r"));
        definitions.answers.entry("d".into()).or_default().extend([(at(1), BTreeSet::new()), (at(2), BTreeSet::from([pair])), (at(3), BTreeSet::new())]);
        assert_eq!(definitions.authorizations(), []);
    }
}
