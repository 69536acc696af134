//! The scope of each row, parsed once per distinct id (R-SCOPE-3, R-SCOPE-4, details 15).

use std::sync::Arc;

use hashbrown::HashMap;
use pecan_core::knowledge::charge_scope;
use pecan_core::scope::{Scope, id_key, last_segment};

use crate::answers::Answer;
use crate::keys::{Keys, NULL};
use crate::source::ChargeBatch;
use crate::spellings::Spellings;

/// The scopes of a batch that something is to be told of.
#[derive(Debug, Default)]
pub struct ScopeNews {
    /// Scopes by code.
    pub scopes: Spellings,
    /// Scope-days that reached the access question; a few may stand twice.
    pub days: Vec<ScopeDay>,
    /// The answers their questions got.
    pub answers: Vec<Arc<Answer>>,
    /// Missed credit at 12 places by code of the scope and billing currency, what rests on no evidence left out.
    pub missed: Vec<(u32, Option<String>, i128)>,
}

/// A scope-day that reached the access question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeDay {
    /// First day of the billing month.
    pub month: i32,
    /// Usage day.
    pub day: i32,
    /// Code of the scope.
    pub scope: u32,
    /// Which of the answers is its own.
    pub question: u32,
}

/// A scope that charges of the batch name.
pub struct ChargeScope {
    /// Parsed; `None`: the row names nothing.
    pub scope: Option<Scope>,
    /// As written, or put together from the columns that name it.
    pub shown: String,
}

/// Rows → scopes of a batch.
pub struct Scopes<'a> {
    resource: Keys<'a>,
    group: Keys<'a>,
    subscription: Keys<'a>,
    by_resource: Vec<Option<u32>>,
    by_columns: HashMap<(i32, i32), u32>,
    /// Per resource id: the last subscription key it was compared with, and whether they differed.
    compared: Vec<(i32, bool)>,
    /// The distinct scopes.
    pub all: Vec<ChargeScope>,
    /// Rows whose resource id lies in another subscription than the subscription column says.
    pub mismatches: u64,
}

impl<'a> Scopes<'a> {
    /// Parses the distinct resource ids of a batch.
    pub fn new(batch: &'a ChargeBatch) -> Scopes<'a> {
        let resource = Keys::new(&batch.resource_id);
        let mut all = Vec::new();
        let mut by_resource = Vec::with_capacity(resource.distinct());
        for key in 0..resource.distinct() {
            let text = resource.value(i32::try_from(key).unwrap_or(NULL)).unwrap_or_default();
            let scope = charge_scope(Some(text), None, None);
            by_resource.push(scope.is_some().then(|| {
                all.push(ChargeScope { scope, shown: text.to_owned() });
                index(all.len() - 1)
            }));
        }
        Scopes {
            compared: vec![(NULL - 1, false); by_resource.len()],
            resource,
            group: Keys::new(&batch.resource_group),
            subscription: Keys::new(&batch.subscription_id),
            by_resource,
            by_columns: HashMap::new(),
            all,
            mismatches: 0,
        }
    }

    /// Index into [`Scopes::all`] of the row's scope.
    pub fn of(&mut self, row: usize) -> u32 {
        let (key, subscription) = (self.resource.at(row), self.subscription.at(row));
        let by_id = usize::try_from(key).ok().and_then(|key| Some((key, self.by_resource[key]?)));
        match by_id {
            Some((key, scope)) => {
                self.compare(key, scope, subscription);
                scope
            }
            None => self.of_columns(self.group.at(row), subscription),
        }
    }

    fn compare(&mut self, key: usize, scope: u32, subscription: i32) {
        if self.compared[key].0 != subscription {
            let written = self.subscription.value(subscription).and_then(|id| id_key(last_segment(id)));
            let in_id = self.all[scope as usize].scope.as_ref().and_then(Scope::subscription_id);
            let differ = written.is_some_and(|written| Some(written.as_str()) != in_id);
            self.compared[key] = (subscription, differ);
        }
        self.mismatches += u64::from(self.compared[key].1);
    }

    /// A row without a usable resource id falls back to its resource group, then its subscription.
    fn of_columns(&mut self, group: i32, subscription: i32) -> u32 {
        let (all, names) = (&mut self.all, (self.group.value(group), self.subscription.value(subscription)));
        *self.by_columns.entry((group, subscription)).or_insert_with(|| {
            let scope = charge_scope(None, names.0, names.1);
            all.push(ChargeScope { shown: shown(scope.as_ref(), names), scope });
            index(all.len() - 1)
        })
    }
}

fn shown(scope: Option<&Scope>, (group, subscription): (Option<&str>, Option<&str>)) -> String {
    let subscription = last_segment(subscription.unwrap_or_default());
    match scope.map(Scope::level) {
        None => String::new(),
        Some(pecan_core::scope::Level::ResourceGroup) => format!("/subscriptions/{subscription}/resourceGroups/{}", group.unwrap_or_default()),
        Some(_) => format!("/subscriptions/{subscription}"),
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 distinct scopes in a batch")
}
