//! The object stores of a job: as whom they are asked, and what that identity may do there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{About, Finding, topics};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::storage::{self, Rights, Storage};

/// A place in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFacts {
    /// Its uri.
    pub uri: String,
    /// As whom it is asked, without secrets.
    pub identity: String,
    /// What that identity may do there.
    pub rights: Rights,
    /// Whether the output is here.
    pub output: bool,
}

/// Looks at one place of each bucket that inputs are in, and at the output.
pub fn look(job: &Job, errors: &mut Vec<(About, Error)>) -> Vec<StoreFacts> {
    let mut places: BTreeMap<(bool, String), String> = BTreeMap::new();
    let charges = job.charges.iter().map(|source| &source.uri).chain(job.audit.iter().map(|source| &source.uri));
    let inputs = charges.chain(job.reference.read_by_runs().map(|file| &file.uri)).map(|uri| (false, uri));
    for (output, uri) in inputs.chain([(true, &job.output.uri)]).filter(|(_, uri)| storage::is_remote(uri)) {
        // What lies before a wildcard or the name of a file.
        let folder = uri.find(['*', '[', '{']).and_then(|at| uri.get(..at)?.rfind('/')).and_then(|at| uri.get(..at)).unwrap_or(uri);
        if let Ok(address) = storage::address(folder) {
            places.entry((output, address.base)).or_insert_with(|| folder.to_owned());
        }
    }
    let mut facts = Vec::new();
    for ((output, _), uri) in places {
        match facts_of(&uri, output) {
            Ok(found) => facts.push(found),
            Err(error) => errors.push((if output { About::Output } else { About::Job }, error)),
        }
    }
    for place in facts.iter().filter(|place| place.output) {
        errors.extend(refused(place).map(|error| (About::Output, error)));
    }
    facts
}

fn facts_of(uri: &str, output: bool) -> Result<StoreFacts> {
    let rights = Storage::open(uri)?.rights(output)?;
    Ok(StoreFacts { uri: uri.to_owned(), identity: storage::identity(uri)?, rights, output })
}

/// A run could not write here.
fn refused(place: &StoreFacts) -> Option<Error> {
    let Rights { list, read, write, delete } = place.rights;
    let may_not: Vec<&str> = [("list", list), ("read", read), ("write", write), ("delete", delete)]
        .into_iter()
        .filter(|(_, may)| *may == Some(false))
        .map(|(word, _)| word)
        .collect();
    (!may_not.is_empty()).then(|| {
        Error::storage(
            "output_not_writable",
            "looking at the output",
            &place.uri,
            format!("{} may not {} here", place.identity, may_not.join(", ")),
            "name another place in output.uri, or let this identity read, write, list and delete there (docs/RUNBOOK.md, Object stores)",
        )
    })
}

/// Who is who, for the topic of the job file.
pub(super) fn findings(places: &[StoreFacts]) -> Vec<Finding> {
    let told = |place: &StoreFacts| {
        let Rights { list, read, write, delete } = place.rights;
        let words = [("list", list), ("read", read), ("write", write), ("delete", delete)];
        let with = |wanted: bool| words.iter().filter(|(_, may)| *may == Some(wanted)).map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let no = with(false);
        let no = if no.is_empty() { String::new() } else { format!("; may not {no}") };
        topics::note(
            "store_identity",
            format!("{}: {}; may {}{no}", place.uri, place.identity, with(true)),
            "nothing, if this is the identity you meant; the least it needs is in docs/RUNBOOK.md, Object stores",
        )
    };
    places.iter().map(told).collect()
}

/// For programs.
pub(super) fn json(places: &[StoreFacts]) -> Value {
    let one = |place: &StoreFacts| {
        let Rights { list, read, write, delete } = place.rights;
        json!({ "uri": place.uri, "identity": place.identity, "output": place.output, "list": list, "read": read, "write": write, "delete": delete })
    };
    Value::Array(places.iter().map(one).collect())
}
