//! Which calls of a store fail, and how; and how many there were.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use object_store::Error;
use object_store::path::Path;

/// What is asked of a store. `Put` is any upload in one call, conditional or not; a large one is `Begin`, `Part` … and
/// `Complete`. `Delete` counts objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Put,
    Begin,
    Part,
    Complete,
    Abort,
    Get,
    List,
    Delete,
    Copy,
}

/// Everything that stores something.
pub const WRITES: &[Kind] = &[Kind::Put, Kind::Part, Kind::Complete, Kind::Copy];

/// Which of the calls that a rule is about.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// The n-th alone, from 1.
    At(u64),
    /// Each n-th.
    Every(u64),
    /// The n-th and all behind it.
    From(u64),
    /// So many of a hundred, drawn from a seed.
    Share { seed: u64, percent: u64 },
}

/// What a failing call says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// 500, or a connection that died.
    Broken,
    /// 409.
    Exists,
    /// 412.
    Changed,
    /// 429 or 503, after all retries.
    Throttled,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Nothing is done.
    Before(Said),
    /// It is done, and its acknowledgement is lost.
    After(Said),
    /// Half of what was sent arrives. A sound store shows nothing of it; a `visible` one shows the half.
    Torn { visible: bool },
    /// A list lacks so many of the newest objects it should have.
    Stale { newest: usize },
    /// It takes longer.
    Slow(Duration),
    /// It is done, its acknowledgement is lost, and nothing works from then on.
    Last,
}

/// One failure, or a row of them.
#[derive(Debug, Clone)]
pub struct Rule {
    kinds: Vec<Kind>,
    key: &'static str,
    when: When,
    fault: Fault,
    seen: u64,
}

impl Rule {
    /// Calls of these kinds, counted together.
    pub fn on(kinds: &[Kind], when: When, fault: Fault) -> Rule {
        Rule { kinds: kinds.to_vec(), key: "", when, fault, seen: 0 }
    }

    /// Only calls for keys that hold this text; lists go by their prefix.
    pub fn of(self, key: &'static str) -> Rule {
        Rule { key, ..self }
    }

    fn takes(&mut self, kind: Kind, location: Option<&Path>) -> bool {
        if !self.kinds.contains(&kind) || !location.map_or("", Path::as_ref).contains(self.key) {
            return false;
        }
        self.seen += 1;
        match self.when {
            When::At(n) => self.seen == n,
            When::Every(n) => self.seen.is_multiple_of(n),
            When::From(n) => self.seen >= n,
            When::Share { seed, percent } => drawn(seed, self.seen) < percent,
        }
    }
}

/// A number below 100 that depends on the seed and the place alone.
fn drawn(seed: u64, at: u64) -> u64 {
    let mut mixed = seed ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for shift in [30, 27, 31] {
        mixed = (mixed ^ (mixed >> shift)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (mixed >> 32) % 100
}

/// The rules, and what was seen so far.
#[derive(Debug, Default)]
pub struct Plan {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    calls: BTreeMap<Kind, u64>,
    failed: u64,
    down: bool,
    /// Objects in the order they were written last.
    written: Vec<Path>,
}

impl Plan {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    /// Other rules; counters begin anew.
    pub fn set(&self, rules: Vec<Rule>) {
        let mut state = self.state();
        *state = State { rules, written: std::mem::take(&mut state.written), ..State::default() };
    }

    /// Calls of these kinds since the rules were set.
    pub fn calls(&self, kinds: &[Kind]) -> u64 {
        let state = self.state();
        kinds.iter().map(|kind| state.calls.get(kind).copied().unwrap_or(0)).sum()
    }

    /// Calls that a rule took since the rules were set.
    pub fn failed(&self) -> u64 {
        self.state().failed
    }

    /// Counts a call, and says what is to happen to it.
    pub fn decide(&self, kind: Kind, location: Option<&Path>) -> Option<Fault> {
        let mut state = self.state();
        *state.calls.entry(kind).or_default() += 1;
        if state.down {
            return Some(Fault::Before(Said::Broken));
        }
        // Every rule counts for itself, also when another one takes the call.
        let taken: Vec<Fault> = state.rules.iter_mut().filter_map(|rule| rule.takes(kind, location).then_some(rule.fault)).collect();
        state.failed += u64::from(!taken.is_empty());
        match taken.first().copied() {
            Some(Fault::Last) => {
                state.down = true;
                Some(Fault::After(Said::Broken))
            }
            other => other,
        }
    }

    /// Remembers a write, for lists that lack it.
    pub fn wrote(&self, location: &Path) {
        let mut state = self.state();
        state.written.retain(|old| old != location);
        state.written.push(location.clone());
    }

    /// The newest objects below a prefix.
    pub fn newest(&self, below: Option<&Path>, number: usize) -> Vec<Path> {
        let state = self.state();
        let inside = |location: &&Path| below.is_none_or(|prefix| location.prefix_matches(prefix));
        state.written.iter().rev().filter(inside).take(number).cloned().collect()
    }
}

impl Said {
    /// The error a store of `object_store` would make of it.
    pub fn error(self, location: &Path) -> Error {
        let (path, store) = (location.to_string(), "Faulty");
        match self {
            Said::Broken => Error::Generic { store, source: "a planned failure: Server returned non-2xx status code: 500 Internal Server Error".into() },
            Said::Exists => Error::AlreadyExists { path, source: "a planned failure: 409 Conflict".into() },
            Said::Changed => Error::Precondition { path, source: "a planned failure: 412 Precondition Failed".into() },
            Said::Throttled => Error::Generic { store, source: "a planned failure: after 10 retries: 503 Slow Down".into() },
        }
    }
}
