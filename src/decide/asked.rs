//! The footprint of a batch (R-AGAIN-4): what its charges ask, whatever the answers are.
//!
//! Which rows ask is told by the rows alone. Whether a partner is active or a product excluded by a table is an answer, and
//! may be another one tomorrow: such rows count as asking.

use hashbrown::{HashMap, HashSet};
use pecan_core::product::split_product_id;
use pecan_core::scope::{Scope, id_key};

use super::Planner;
use super::plan::{Plan, narrow};
use crate::answers::{PartyCodes, Question};
use crate::footprint::{Footprint, mark};
use crate::keys::Keys;

/// Which values of a column were met.
struct Met<'a> {
    keys: Keys<'a>,
    met: Vec<bool>,
}

impl<'a> Met<'a> {
    fn new(keys: Keys<'a>) -> Met<'a> {
        Met { keys, met: vec![false; keys.distinct()] }
    }

    fn row(&mut self, row: usize) {
        let met = usize::try_from(self.keys.at(row)).ok().and_then(|key| self.met.get_mut(key));
        if let Some(met) = met {
            *met = true;
        }
    }

    fn values(&self) -> impl Iterator<Item = &'a str> {
        (0i32..).zip(&self.met).filter(|(_, met)| **met).filter_map(|(key, _)| self.keys.value(key))
    }
}

/// What the readable rows of a batch ask.
pub(super) fn footprint(plans: &[Plan], planner: &Planner) -> Footprint {
    let mut footprint = Footprint::default();
    let all = &planner.scopes.all;
    let subscriptions = Subscriptions::new(all.iter().map(|s| s.scope.as_ref().and_then(Scope::subscription_id)));
    let [mut tenants, mut resellers, mut meters, mut products] = [planner.tenant, planner.reseller, planner.meter, planner.product].map(Met::new);
    let mut scopes = vec![false; all.len()];
    let (mut days, mut asked) = (HashSet::new(), HashSet::new());
    let (mut last_day, mut last_asked) = (None, None);
    for plan in plans {
        let (row, day) = (plan.row(), plan.day);
        tenants.row(row);
        if last_day.replace(day) != Some(day) {
            days.insert(day);
        }
        if !planner.classes.is_usage(row) {
            continue;
        }
        meters.row(row);
        products.row(row);
        if planner.classes.excluded(row).is_some() {
            continue;
        }
        resellers.row(row);
        let scope = plan.scope as usize;
        scopes[scope] = true;
        let asks = (subscriptions.of_scope[scope], day);
        if last_asked.replace(asks) != Some(asks) {
            asked.insert(asks);
        }
    }
    footprint.days.extend(days);
    for (subscription, day) in asked {
        footprint.asked.entry(subscriptions.ids[subscription].map(str::to_owned)).or_default().insert(day);
    }
    all.iter().zip(scopes).filter(|(_, used)| *used).filter_map(|(s, _)| s.scope.as_ref()).for_each(|scope| footprint.add_scope(scope));
    footprint.tenants.extend(tenants.values().filter_map(id_key));
    footprint.resellers.extend(resellers.values().filter_map(id_key));
    footprint.meters.extend(meters.values().map(|id| mark(&id.to_ascii_lowercase())));
    for id in products.values() {
        let (product, sku) = split_product_id(id);
        let product = product.to_ascii_lowercase();
        footprint.products.extend(sku.map(|sku| mark(&format!("{product}{}", sku.to_ascii_lowercase()))));
        footprint.products.insert(mark(&product));
    }
    footprint
}

/// The subscriptions of scopes, each once.
struct Subscriptions<'a> {
    ids: Vec<Option<&'a str>>,
    of_scope: Vec<usize>,
}

impl<'a> Subscriptions<'a> {
    fn new(scopes: impl Iterator<Item = Option<&'a str>>) -> Subscriptions<'a> {
        let (mut ids, mut known) = (Vec::new(), HashMap::new());
        let of_scope = scopes.map(|id| {
            *known.entry(id).or_insert_with(|| {
                ids.push(id);
                ids.len() - 1
            })
        });
        Subscriptions { of_scope: of_scope.collect(), ids }
    }
}

/// Gives every plan that needs access its question; equal questions are one.
pub(super) fn questions(mut plans: Vec<Plan>, planner: &Planner, chains: &[u32]) -> (Vec<Plan>, Vec<Question>) {
    let mut questions: Vec<Question> = Vec::new();
    let mut known: HashMap<Question, u32> = HashMap::new();
    // Neighbouring rows of a scope mostly ask the same.
    let mut last: Vec<u32> = vec![u32::MAX; chains.len()];
    for plan in &mut plans {
        if planner.terms[plan.terms as usize].decided.is_some() {
            continue;
        }
        let Some(billed) = plan.billed() else { continue };
        let parties = PartyCodes { billed, reseller: *planner.resellers.of(planner.reseller.at(plan.row())) };
        let question = Question { chain: chains[plan.scope as usize], day: plan.day, parties };
        let last = &mut last[plan.scope as usize];
        if questions.get(*last as usize) != Some(&question) {
            *last = *known.entry(question).or_insert_with(|| {
                questions.push(question);
                narrow(questions.len() - 1)
            });
        }
        plan.question = Some(*last);
    }
    (plans, questions)
}
