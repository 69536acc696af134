//! A footprint and the slice it had, as a file: what a later run needs to tell whether a group changed, and in what.
//!
//! One line with the BLAKE3 of all that follows, one line of JSON, then numbers of 64 bits, least byte first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Part, Slice, Touch};
use crate::footprint::Footprint;

/// Raised when footprints or slices change their meaning: what older versions remember is not used.
const VERSION: u32 = 1;

/// A footprint and the answers an output rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// What the charges ask.
    pub footprint: Footprint,
    /// What they were told.
    pub slice: Slice,
}

/// First and last of consecutive days.
type Runs = Vec<(i32, i32)>;

fn runs(days: &BTreeSet<i32>) -> Runs {
    let mut runs = Runs::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*day) => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    runs
}

fn days(runs: &Runs) -> BTreeSet<i32> {
    runs.iter().flat_map(|(first, last)| *first..=*last).collect()
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    days: Runs,
    asked: Vec<(Option<String>, Runs)>,
    tenants: BTreeSet<String>,
    resellers: BTreeSet<String>,
    parts: BTreeMap<Part, String>,
    provisional_from: Option<i32>,
    unknown_days: Vec<(Option<String>, u64)>,
    /// How many numbers follow: scopes, meters, products, touches (two numbers each).
    numbers: [usize; 4],
}

impl Memory {
    /// As bytes of a file.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let (footprint, slice) = (&self.footprint, &self.slice);
        let sorted = |marks: &hashbrown::HashSet<u64>| {
            let mut marks: Vec<u64> = marks.iter().copied().collect();
            marks.sort_unstable();
            marks
        };
        let numbers = [sorted(&footprint.scopes), sorted(&footprint.meters), sorted(&footprint.products)];
        let touches: Vec<u64> = slice.touches.iter().flat_map(|t| [t.content, t.identity]).collect();
        let [scopes, meters, products] = numbers.each_ref().map(Vec::len);
        let head = Head {
            version: VERSION,
            days: runs(&footprint.days),
            asked: footprint.asked.iter().map(|(id, days)| (id.clone(), runs(days))).collect(),
            tenants: footprint.tenants.clone(),
            resellers: footprint.resellers.clone(),
            parts: slice.parts.clone(),
            provisional_from: slice.provisional_from,
            unknown_days: slice.unknown_days.clone().into_iter().collect(),
            numbers: [scopes, meters, products, touches.len()],
        };
        let mut body = serde_json::to_vec(&head)?;
        body.push(b'\n');
        body.extend(numbers.iter().flatten().chain(&touches).flat_map(|number| number.to_le_bytes()));
        let mut file = format!("{}\n", blake3::hash(&body).to_hex()).into_bytes();
        file.extend(body);
        Ok(file)
    }

    /// From the bytes of a file; `None`: damaged, or of another version.
    pub fn decode(file: &[u8]) -> Option<Memory> {
        let (hash, body) = line(file)?;
        if blake3::hash(body).to_hex().as_bytes() != hash {
            return None;
        }
        let (head, rest) = line(body)?;
        let head: Head = serde_json::from_slice(head).ok().filter(|head: &Head| head.version == VERSION)?;
        let mut numbers = rest.chunks_exact(8).filter_map(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
        let [scopes, meters, products, touches] = head.numbers.map(|count| numbers.by_ref().take(count).collect::<Vec<u64>>());
        let footprint = Footprint {
            days: days(&head.days),
            asked: head.asked.iter().map(|(id, runs)| (id.clone(), days(runs))).collect(),
            scopes: scopes.into_iter().collect(),
            meters: meters.into_iter().collect(),
            products: products.into_iter().collect(),
            tenants: head.tenants,
            resellers: head.resellers,
        };
        let touches = touches.chunks_exact(2).filter_map(|pair| Some(Touch { content: *pair.first()?, identity: *pair.get(1)? }));
        let slice = Slice {
            parts: head.parts,
            touches: touches.collect(),
            provisional_from: head.provisional_from,
            unknown_days: head.unknown_days.into_iter().collect(),
        };
        Some(Memory { footprint, slice })
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::footprint::mark;

    fn memory() -> Memory {
        let mut footprint = Footprint { days: BTreeSet::from([20_697, 20_700]), ..Footprint::default() };
        footprint.asked.insert(None, BTreeSet::from([20_697]));
        footprint.asked.insert(Some("s\n-1".into()), BTreeSet::from([20_700, 20_701, 20_703]));
        footprint.scopes.extend((0..1_000u32).map(|n| mark(&n.to_string())));
        footprint.products.insert(mark("p"));
        footprint.tenants.insert("t-a".into());
        let slice = Slice {
            parts: BTreeMap::from([(Part::KnownSince, "00".into())]),
            touches: vec![Touch { content: 1, identity: u64::MAX }],
            provisional_from: Some(20_700),
            unknown_days: BTreeMap::from([(None, 3)]),
        };
        Memory { footprint, slice }
    }

    #[test]
    fn what_is_remembered_is_what_was_told() {
        let file = memory().encode().expect("bytes");
        assert_eq!(Memory::decode(&file), Some(memory()));
        assert!(file.len() < 1_000 * 8 + 1_000);
    }

    #[test]
    fn damage_is_seen() {
        let file = memory().encode().expect("bytes");
        assert_eq!(Memory::decode(&file[..file.len() - 8]), None);
        for at in (0..file.len()).step_by(97) {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert_eq!(Memory::decode(&damaged), None, "byte {at}");
        }
        assert_eq!(Memory::decode(b""), None);
    }
}
