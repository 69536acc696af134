//! Access questions of a group, each answered once (R-OUTCOME).
//!
//! A charge asks: for this chain of scopes, on this day, for these organisations? Scopes without any access interval drop
//! out of the chain, so millions of resources share a few chains.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};
use pecan_core::coverage::{OrganisationDay, Verdict};
use pecan_core::knowledge::Knowledge;
use pecan_core::scope::Scope;
use pecan_core::time::Day;

use crate::error::Result;
use crate::frames::{ChainDay, IntervalFrame, ScopeInterval};

/// The parties of a charge: codes of the billed partner and of the reseller's organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyCodes {
    /// The billed partner.
    pub billed: usize,
    /// The reseller of record's organisation, if known.
    pub reseller: Option<usize>,
}

/// What a charge asks about access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// Code of the chain of scopes that hold intervals.
    pub chain: u32,
    /// Usage day.
    pub day: i32,
    /// Whose access counts.
    pub parties: PartyCodes,
}

/// The answer, with what it rests on.
#[derive(Debug)]
pub struct Answer {
    /// Outcome, organisation, gaps.
    pub verdict: Verdict,
    /// The access of each organisation of P alone, the billed partner's first.
    pub organisations: Vec<Arc<OrganisationDay>>,
}

/// The access intervals by scope code, built once per run and shared by all groups.
pub struct AccessTable {
    codes: HashMap<Scope, u32>,
    frame: IntervalFrame,
}

impl AccessTable {
    /// Numbers the scopes that hold intervals and builds the frame.
    /// # Errors
    /// `Bug` if the frame cannot be built.
    pub fn new(knowledge: &Knowledge) -> Result<AccessTable> {
        let mut codes = HashMap::new();
        let mut rows = Vec::new();
        for (code, (scope, intervals)) in (0u32..).zip(knowledge.access.scopes()) {
            codes.insert(scope.clone(), code);
            for index in intervals {
                let span = knowledge.intervals()[*index].span;
                rows.push(ScopeInterval { scope: code, interval: narrow(*index), from: span.from.0, until: span.until.0 });
            }
        }
        Ok(AccessTable { codes, frame: IntervalFrame::new(&rows)? })
    }
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 access intervals and scope-days")
}

#[derive(Default)]
struct Cache {
    chains: HashMap<Vec<u32>, u32>,
    by_code: Vec<Vec<u32>>,
    on_chain: HashMap<(u32, i32), Arc<Vec<usize>>>,
    organisations: HashMap<(u32, i32, usize), Arc<OrganisationDay>>,
    answers: HashMap<Question, Arc<Answer>>,
}

/// The answers of one group; shared by the threads that decide its batches.
pub struct Answers<'a> {
    knowledge: &'a Knowledge,
    table: &'a AccessTable,
    cache: Mutex<Cache>,
}

impl<'a> Answers<'a> {
    /// No questions asked yet.
    pub fn new(knowledge: &'a Knowledge, table: &'a AccessTable) -> Answers<'a> {
        Answers { knowledge, table, cache: Mutex::default() }
    }

    /// Codes of the chains of these scopes: equal chains of scopes that hold intervals have equal codes.
    pub fn chains<'s>(&self, scopes: impl Iterator<Item = Option<&'s Scope>>) -> Vec<u32> {
        let chain = |scope: Option<&Scope>| -> Vec<u32> {
            let holding = scope.map(|s| self.knowledge.access.chain(s, &self.knowledge.groups)).unwrap_or_default();
            holding.into_iter().filter_map(|s| self.table.codes.get(s)).copied().collect()
        };
        let chains: Vec<Vec<u32>> = scopes.map(chain).collect();
        let mut cache = self.lock();
        chains.into_iter().map(|chain| cache.code_of(chain)).collect()
    }

    /// Answers every question; those about days not met before in one join.
    ///
    /// The lock is never held while the join runs: waiting for another thread pool, a thread may take up another batch
    /// of the group, which asks here again. Two batches may then join the same day; both find the same.
    /// # Errors
    /// `Bug` if the join fails.
    pub fn ask(&self, questions: &[Question]) -> Result<Vec<Arc<Answer>>> {
        let (new, days) = self.new_days(questions);
        let found = self.table.frame.join(&days)?;
        let mut intervals: Vec<Vec<usize>> = vec![Vec::new(); new.len()];
        for (asks, interval) in found {
            intervals[asks as usize].push(interval as usize);
        }
        let mut cache = self.lock();
        cache.on_chain.extend(new.into_iter().zip(intervals.into_iter().map(Arc::new)));
        Ok(questions.iter().map(|question| self.answer(&mut cache, *question)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The (chain, day) pairs nobody asked about yet, and the scopes of each.
    fn new_days(&self, questions: &[Question]) -> (Vec<(u32, i32)>, Vec<ChainDay>) {
        let cache = self.lock();
        let new: HashSet<(u32, i32)> = questions.iter().map(|q| (q.chain, q.day)).filter(|key| !cache.on_chain.contains_key(key)).collect();
        let new: Vec<(u32, i32)> = new.into_iter().collect();
        let mut days = Vec::new();
        for (asks, (chain, day)) in new.iter().enumerate() {
            let span = Day(*day).span(self.knowledge.rules.day_offset_minutes);
            let scopes = cache.by_code[*chain as usize].iter();
            days.extend(scopes.map(|scope| ChainDay { asks: narrow(asks), scope: *scope, day_from: span.from.0, day_until: span.until.0 }));
        }
        (new, days)
    }

    fn answer(&self, cache: &mut Cache, question: Question) -> Arc<Answer> {
        if let Some(answer) = cache.answers.get(&question) {
            return Arc::clone(answer);
        }
        let parties = self.knowledge.parties_of(question.parties.billed, question.parties.reseller);
        let organisations: Vec<Arc<OrganisationDay>> = parties.into_iter().map(|o| self.organisation_day(cache, question, o)).collect();
        let days: Vec<&OrganisationDay> = organisations.iter().map(Arc::as_ref).collect();
        let verdict = self.knowledge.verdict(&days, Day(question.day));
        let answer = Arc::new(Answer { verdict, organisations });
        cache.answers.insert(question, Arc::clone(&answer));
        answer
    }

    fn organisation_day(&self, cache: &mut Cache, question: Question, organisation: usize) -> Arc<OrganisationDay> {
        let intervals = cache.on_chain.get(&(question.chain, question.day)).cloned().unwrap_or_default();
        let compute = || Arc::new(self.knowledge.organisation_day(organisation, Day(question.day), &intervals));
        Arc::clone(cache.organisations.entry((question.chain, question.day, organisation)).or_insert_with(compute))
    }
}

impl Cache {
    fn code_of(&mut self, chain: Vec<u32>) -> u32 {
        let next = narrow(self.by_code.len());
        let by_code = &mut self.by_code;
        *self.chains.entry(chain).or_insert_with_key(|chain| {
            by_code.push(chain.clone());
            next
        })
    }
}
