//! Events and lists → the spans in which an assignment was in force (R-ACCESS-3, R-ACCESS-4, details 19-22).
//!
//! One assignment at a time, its items in order of the raw instant; at one instant a delete, a write, a contradiction,
//! a list that names it, a list that lacks it. The fold keeps what is open and the last instant over which a
//! `created_on` may not reach back.
//!
//! | before | item | after |
//! |---|---|---|
//! | closed | write | open from the write |
//! | open | write, same content | unchanged, seen |
//! | open | write, other content | old closed, new open at that instant |
//! | open | delete | closed |
//! | any | contradiction | closed until the next write or list, which opens at its own instant |
//! | closed | list names it | open from `created_on`, or from its write up to 15 minutes later, or from the list |
//! | open, same content | list names it | seen; the first list may move the start back to `created_on` |
//! | open, other content | list names it | old ends when last seen, new open from the list |
//! | open | a complete list lacks it | ends when last seen (`ended_unobserved`) |

use crate::event::Content;
use crate::listing::{List, Listed, Lists, ManagementGroups};
use crate::pairing::{Event, Happening};
use crate::time::{RawInstant, Span};

/// A write up to this long after `created_on` is the same creation, inclusive (details 22).
const SAME_CREATION_SECONDS: i64 = 900;

/// What a start rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartedBy {
    /// A success record.
    Event,
    /// A list: its instant, or its `created_on`.
    Snapshot,
    /// The validity of a Lighthouse authorization.
    Definition,
}

impl StartedBy {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            StartedBy::Event => "event",
            StartedBy::Snapshot => "snapshot",
            StartedBy::Definition => "definition",
        }
    }
}

/// What a stop rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoppedBy {
    /// A record.
    Event,
    /// Missing from a complete list without a delete: ends when last seen.
    EndedUnobserved,
    /// The validity of a Lighthouse authorization.
    Definition,
}

impl StoppedBy {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            StoppedBy::Event => "event",
            StoppedBy::EndedUnobserved => "ended_unobserved",
            StoppedBy::Definition => "definition",
        }
    }
}

/// An assignment in force during a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// What it gave.
    pub content: Content,
    /// When.
    pub span: Span,
    /// What the start rests on.
    pub started_by: StartedBy,
    /// What the stop rests on; `None` = open.
    pub stopped_by: Option<StoppedBy>,
    /// Who took it away, if a record says so.
    pub stopped_caller: Option<String>,
}

/// The spans of one assignment, sorted and disjoint.
#[derive(Debug, Default)]
pub struct Folded {
    /// Non-empty, in order.
    pub spans: Vec<InForce>,
    /// Records and lists that contradict each other.
    pub contradictions: u64,
}

enum Item<'a> {
    Event(&'a Event),
    Listed(&'a Listed),
    Lacks(&'a List),
}

impl Item<'_> {
    fn order(&self) -> (RawInstant, u8) {
        match self {
            Item::Event(e) => match e.happening {
                Happening::Delete => (e.at, 0),
                Happening::Write(_) => (e.at, 1),
                Happening::Contradiction => (e.at, 2),
            },
            Item::Listed(l) => (l.at, 3),
            Item::Lacks(l) => (l.at, 4),
        }
    }
}

struct Open {
    content: Content,
    from: RawInstant,
    started_by: StartedBy,
    last_seen: RawInstant,
    /// Whether a list opened or extended it: the first that does counts (details 22).
    list_counted: bool,
}

struct Fold<'a> {
    id: &'a str,
    lists: &'a Lists,
    groups: &'a ManagementGroups,
    writes: Vec<(RawInstant, &'a Content)>,
    open: Option<Open>,
    /// The last record is this delete.
    deleted: Option<RawInstant>,
    /// The last record or row is this contradiction: what comes next opens at its own instant.
    contradicted: Option<RawInstant>,
    /// Last delete, contradiction or change of content: `created_on` must be later.
    barrier: Option<RawInstant>,
    folded: Folded,
}

/// Folds the items of one assignment. `events` in any order.
pub fn fold(id: &str, events: &[Event], lists: &Lists, groups: &ManagementGroups) -> Folded {
    let writes = events.iter().filter_map(|e| match &e.happening {
        Happening::Write(content) => Some((e.at, content)),
        _ => None,
    });
    let mut fold =
        Fold { id, lists, groups, writes: writes.collect(), open: None, deleted: None, contradicted: None, barrier: None, folded: Folded::default() };
    fold.forget_contradictory_writes(events);
    let mut items: Vec<Item> = events.iter().map(Item::Event).chain(lists.of(id).iter().map(Item::Listed)).collect();
    items.extend(fold.lacking_lists(events).into_iter().map(Item::Lacks));
    items.sort_by_key(Item::order);
    for item in &items {
        fold.step(item);
    }
    fold.finish()
}

impl<'a> Fold<'a> {
    /// Writes at one instant with different content, or at the instant of a contradiction, are not believed, so no list
    /// may lean on them either (details 21).
    fn forget_contradictory_writes(&mut self, events: &[Event]) {
        self.writes.sort();
        let all = self.writes.clone();
        let contradicted = |at: RawInstant| events.iter().any(|e| e.at == at && e.happening == Happening::Contradiction);
        self.writes.retain(|(at, content)| !contradicted(*at) && !all.iter().any(|(other, c)| other == at && c != content));
    }

    /// Lists complete for a scope this assignment ever had, that do not name it.
    fn lacking_lists(&self, events: &[Event]) -> Vec<&'a List> {
        let written = events.iter().filter_map(|e| match &e.happening {
            Happening::Write(content) => Some(content.scope()),
            _ => None,
        });
        let listed = self.lists.of(self.id).iter().filter_map(|l| l.content.as_ref().map(Content::scope));
        let mut scopes: Vec<_> = written.chain(listed).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut lacking: Vec<&List> =
            scopes.into_iter().flat_map(|scope| self.lists.covering(scope, self.groups)).filter(|l| !l.ids.contains(self.id)).collect();
        lacking.sort_by(|a, b| (a.at, &a.scope).cmp(&(b.at, &b.scope)));
        lacking.dedup_by(|a, b| a.at == b.at && a.scope == b.scope);
        lacking
    }

    fn step(&mut self, item: &Item) {
        match item {
            Item::Event(event) => match &event.happening {
                Happening::Delete => self.delete(event),
                Happening::Contradiction => self.contradiction(event),
                Happening::Write(content) if self.is_believed(event.at, content) => self.write(event, content),
                Happening::Write(_) => self.contradictory_write(event),
            },
            Item::Listed(listed) => match &listed.content {
                Some(content) => self.listed(listed.at, content, listed.created_on),
                None => self.listed_twice(listed.at),
            },
            Item::Lacks(list) => self.lacks(list),
        }
    }

    fn is_believed(&self, at: RawInstant, content: &Content) -> bool {
        self.writes.iter().any(|(w, c)| *w == at && *c == content)
    }

    fn delete(&mut self, event: &Event) {
        self.close(event.at, StoppedBy::Event, event.caller.clone());
        (self.deleted, self.contradicted, self.barrier) = (Some(event.at), None, Some(event.at));
    }

    fn contradiction(&mut self, event: &Event) {
        self.close(event.at, StoppedBy::Event, event.caller.clone());
        (self.deleted, self.contradicted, self.barrier) = (None, Some(event.at), Some(event.at));
    }

    /// Several contradictory writes at one instant are one contradiction.
    fn contradictory_write(&mut self, event: &Event) {
        if self.contradicted != Some(event.at) {
            self.folded.contradictions = self.folded.contradictions.saturating_add(1);
        }
        self.contradiction(event);
    }

    fn write(&mut self, event: &Event, content: &Content) {
        match &mut self.open {
            Some(open) if open.content == *content => open.last_seen = open.last_seen.max(event.at),
            _ => {
                if self.open.is_some() {
                    self.close(event.at, StoppedBy::Event, event.caller.clone());
                    self.barrier = self.barrier.max(Some(event.at));
                }
                let at_its_own_instant = self.contradicted.is_some();
                self.start(content, event.at, StartedBy::Event, event.at, at_its_own_instant);
            }
        }
        (self.deleted, self.contradicted) = (None, None);
    }

    fn listed(&mut self, at: RawInstant, content: &Content, created_on: Option<RawInstant>) {
        match &self.open {
            Some(open) if open.content == *content => self.listed_again(at, content, created_on),
            Some(open) => {
                let last_seen = open.last_seen;
                self.close(last_seen, StoppedBy::EndedUnobserved, None);
                self.barrier = self.barrier.max(Some(at));
                self.start(content, at, StartedBy::Snapshot, at, true);
            }
            None => self.listed_first(at, content, created_on),
        }
        self.contradicted = None;
    }

    fn listed_again(&mut self, at: RawInstant, content: &Content, created_on: Option<RawInstant>) {
        let earlier = created_on.filter(|c| self.may_reach_back_to(*c, at, content)).map(|c| self.start_of_creation(c, content));
        let Some(open) = &mut self.open else { return };
        open.last_seen = open.last_seen.max(at);
        if let Some((from, started_by)) = earlier
            && !open.list_counted
            && from < open.from
        {
            (open.from, open.started_by, open.list_counted) = (from, started_by, true);
        }
    }

    fn listed_first(&mut self, at: RawInstant, content: &Content, created_on: Option<RawInstant>) {
        // An empty created_on stands for the list's own instant.
        let created = created_on.unwrap_or(at);
        if self.deleted.is_some_and(|deleted| created <= deleted) {
            self.folded.contradictions = self.folded.contradictions.saturating_add(1);
        } else if created_on.is_some() && self.contradicted.is_none() && self.may_reach_back_to(created, at, content) {
            let (from, started_by) = self.start_of_creation(created, content);
            self.start(content, from, started_by, at, true);
        } else {
            self.start(content, at, StartedBy::Snapshot, at, true);
        }
    }

    /// `created_on` never reaches back over a delete, over other content, or over a complete list that lacked it.
    fn may_reach_back_to(&self, created: RawInstant, listed_at: RawInstant, content: &Content) -> bool {
        let between = |at: RawInstant| created <= at && at < listed_at;
        let lacked = |list: &&List| between(list.at) && !list.ids.contains(self.id);
        let other_written = || self.writes.iter().any(|(at, c)| between(*at) && *c != content);
        let other_listed = || self.lists.of(self.id).iter().any(|l| between(l.at) && l.content.as_ref() != Some(content));
        let after_barrier = self.barrier.is_none_or(|barrier| created > barrier);
        after_barrier && !other_written() && !other_listed() && !self.lists.covering(content.scope(), self.groups).iter().any(lacked)
    }

    /// `created_on`, or the success record of its write if that lies within 15 minutes after it.
    fn start_of_creation(&self, created: RawInstant, content: &Content) -> (RawInstant, StartedBy) {
        let latest = created.plus_seconds(SAME_CREATION_SECONDS);
        let write = self.writes.iter().find(|(at, c)| *c == content && created <= *at && *at <= latest);
        write.map_or((created, StartedBy::Snapshot), |(at, _)| (*at, StartedBy::Event))
    }

    /// Rows of one list contradict each other: neither is believed, as if the list lacked the assignment.
    fn listed_twice(&mut self, at: RawInstant) {
        self.folded.contradictions = self.folded.contradictions.saturating_add(1);
        self.vanish();
        self.barrier = self.barrier.max(Some(at));
    }

    fn lacks(&mut self, list: &List) {
        let Some(open) = &self.open else { return };
        let covering = self.lists.covering(open.content.scope(), self.groups);
        if covering.iter().any(|l| l.at == list.at && l.scope == list.scope) {
            self.vanish();
        }
    }

    fn vanish(&mut self) {
        if let Some(last_seen) = self.open.as_ref().map(|o| o.last_seen) {
            self.close(last_seen, StoppedBy::EndedUnobserved, None);
        }
    }

    fn start(&mut self, content: &Content, from: RawInstant, started_by: StartedBy, last_seen: RawInstant, list_counted: bool) {
        self.open = Some(Open { content: content.clone(), from, started_by, last_seen, list_counted });
    }

    fn close(&mut self, until: RawInstant, stopped_by: StoppedBy, caller: Option<String>) {
        let Some(open) = self.open.take() else { return };
        if let Some(span) = Span::new(open.from.up(), until.down()) {
            self.folded.spans.push(InForce { content: open.content, span, started_by: open.started_by, stopped_by: Some(stopped_by), stopped_caller: caller });
        }
    }

    fn finish(mut self) -> Folded {
        if let Some(open) = self.open.take()
            && let Some(span) = Span::new(open.from.up(), crate::time::Instant::MAX)
        {
            self.folded.spans.push(InForce { content: open.content, span, started_by: open.started_by, stopped_by: None, stopped_caller: None });
        }
        let disjoint = self.folded.spans.windows(2).all(|pair| matches!(pair, [a, b] if a.span.until <= b.span.from));
        assert!(disjoint, "intervals of assignment {} overlap: a mistake in the fold", self.id);
        self.folded
    }
}
