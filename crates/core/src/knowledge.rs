//! Everything known but the charges, built once per run, and the decision of one charge.
//!
//! [`Knowledge::decide`] is the whole path for a single charge, written for reading: case files and `explain` use it.
//! The job answers the same questions by dictionary code through the parts it is made of.

use std::collections::BTreeMap;

use crate::access::{Access, AccessInterval};
use crate::charge::{Amounts, Evidence, Numbers, Outcome, Product, Reason};
use crate::coverage::{OrganisationDay, Touch, Verdict, decide};
use crate::credit::{AmountFault, amounts};
use crate::event::{AuditRecord, ListedAssignment, PrincipalKinds, Space};
use crate::listing::{Lists, ListsTooClose, ManagementGroups};
use crate::money::D22;
use crate::pairing::{Paired, RejectedRecord, pair, written};
use crate::party::{BilledCode, OrganisationCode, Parties, TwoOrganisations};
use crate::product::{Products, our_rate};
use crate::reference::{ExcludedKind, Reference};
use crate::role::Roles;
use crate::rules::Rules;
use crate::scope::{Level, Scope, id_key};
use crate::time::{Day, Instant, RawInstant};

/// What the inputs but the charges say.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Audit records of role operations, in any order.
    pub records: Vec<AuditRecord>,
    /// Reference tables.
    pub reference: Reference,
    /// The job's cutoff, if it sets one.
    pub cutoff: Option<RawInstant>,
    /// The first readable audit record of any operation.
    pub first_record: Option<RawInstant>,
    /// The newest one: the default cutoff (details 27).
    pub newest_record: Option<RawInstant>,
    /// What principals are called; no decision looks at it.
    pub principal_kinds: PrincipalKinds,
}

/// Inputs that cannot be meant (exit 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// A tenant or MPN id in two organisations (details 16).
    TwoOrganisations(TwoOrganisations),
    /// Lists without scope less than ten minutes apart (details 22).
    ListsTooClose(ListsTooClose),
}

/// What was learned, and what could not be used.
#[derive(Debug)]
pub struct Learned {
    /// Ready to decide charges.
    pub knowledge: Knowledge,
    /// Audit records that are rejections.
    pub rejected: Vec<RejectedRecord>,
    /// Counters of the run report, by name.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Access, parties, roles and prices as look-ups, with the rules.
#[derive(Debug)]
pub struct Knowledge {
    /// The policy switches.
    pub rules: Rules,
    /// Access intervals.
    pub access: Access,
    /// Organisations, agreements, links.
    pub parties: Parties,
    /// Which roles earn.
    pub roles: Roles,
    /// Rates and excluded products.
    pub products: Products,
    /// Management groups above subscriptions.
    pub groups: ManagementGroups,
    /// What principals are called; no decision looks at it.
    pub principal_kinds: PrincipalKinds,
    role_lists: Lists,
    cutoff: Option<Instant>,
    first_record: Option<RawInstant>,
}

/// Builds the knowledge of a run. Order of records and rows never matters (R-ACCESS-8).
/// # Errors
/// [`Unusable`].
pub fn learn(facts: Facts, rules: Rules) -> Result<Learned, Unusable> {
    let reference = &facts.reference;
    let parties = Parties::new(&reference.partners, &reference.principals, &reference.members).map_err(Unusable::TwoOrganisations)?;
    let lists = |space| Lists::new(&reference.listed, space).map_err(Unusable::ListsTooClose);
    let both = [(Space::Role, lists(Space::Role)?), (Space::Registration, lists(Space::Registration)?)];
    let groups = ManagementGroups::new(&reference.management_groups);
    let mut paired = pair(facts.records);
    reject_unknown_deletes(&mut paired, &reference.listed);
    let access = Access::new(&paired.events, &both, &reference.authorizations, &groups, rules.inherit_management_groups);
    let counts = counts(&paired, &access, &parties);
    let [(_, role_lists), _] = both;
    let knowledge = Knowledge {
        access,
        parties,
        roles: Roles::new(&reference.roles, rules.unknown_roles),
        products: Products::new(&reference.rates, &reference.products),
        groups,
        principal_kinds: facts.principal_kinds,
        role_lists,
        cutoff: facts.cutoff.or(facts.newest_record).map(RawInstant::down),
        first_record: facts.first_record,
        rules,
    };
    Ok(Learned { knowledge, rejected: paired.rejected, counts })
}

/// A delete of an assignment that no usable write and no list knows is a rejection (details 20);
/// delivered several times it is one, at its smallest place (the one its event keeps).
fn reject_unknown_deletes(paired: &mut Paired, listed: &[ListedAssignment]) {
    let listed: std::collections::BTreeSet<(Space, &String)> = listed.iter().filter_map(|row| Some((row.space, row.assignment_id.as_ref()?))).collect();
    let written = written(&paired.events);
    let mut rejected = Vec::new();
    for (key, events) in &paired.events {
        if written.contains(key) || listed.contains(&(key.0, &key.1)) {
            continue;
        }
        for event in events.iter().filter(|e| e.happening == crate::pairing::Happening::Delete) {
            rejected.push(RejectedRecord {
                place: event.place,
                reason: Reason::UnknownAssignment,
                column: "OperationNameValue",
                value: key.1.clone(),
                message: String::from("a delete of an assignment that no usable write and no list in the whole input knows (details 20)"),
            });
        }
    }
    paired.rejected.extend(rejected);
    paired.rejected.sort();
}

fn counts(paired: &Paired, access: &Access, parties: &Parties) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([
        ("audit_duplicates", paired.duplicates),
        ("contradictions", paired.contradictions.saturating_add(access.counts.contradictions)),
        ("unknown_definitions", access.counts.unknown_definitions),
        ("management_group_intervals_covering_nothing", access.counts.management_group_intervals_covering_nothing),
        ("principals_without_organisation", parties.links_without_organisation),
    ])
}

/// One charge, as its source wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// UTC date.
    pub usage_date: Day,
    /// As written.
    pub subscription_id: Option<String>,
    /// As written.
    pub resource_group: Option<String>,
    /// As written.
    pub resource_id: Option<String>,
    /// Tenant of the billed partner, as written.
    pub partner_tenant_id: Option<String>,
    /// Partner id of the reseller of record, as written.
    pub reseller_mpn_id: Option<String>,
    /// Product columns.
    pub product: Product,
    /// Numbers.
    pub numbers: Numbers,
}

/// A charge with its credit and outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLine {
    /// Why it got what it got.
    pub outcome: Outcome,
    /// For `product_excluded`.
    pub excluded_kind: Option<ExcludedKind>,
    /// What the decision rests on.
    pub evidence: Evidence,
    /// Which level named the scope; `None`: nothing did.
    pub scope_level: Option<Level>,
    /// The organisation reported, for `gap` and `covered`.
    pub organisation_id: Option<String>,
    /// For `gap` and `covered`.
    pub covered_seconds: Option<i64>,
    /// Start of the first gap.
    pub gap_from: Option<Instant>,
    /// First instant after the first gap.
    pub gap_until: Option<Instant>,
    /// For `gap` and `covered`.
    pub gap_count: Option<i64>,
    /// Our rate; `None` for rows that are not usage.
    pub rate: Option<D22>,
    /// Partner id of the billed partner, if its tenant has only one.
    pub billed_mpn_id: Option<String>,
    /// Amounts.
    pub amounts: Amounts,
}

/// What is known of a charge before access is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Decided already: `not_usage` … `agreement_inactive`.
    pub decided: Option<Outcome>,
    /// For `product_excluded`.
    pub excluded_kind: Option<ExcludedKind>,
    /// Rate of the table, if a row matches.
    pub table_rate: Option<D22>,
}

/// The scope a charge belongs to (R-SCOPE-4, details 15).
/// A resource id that does not begin with `/subscriptions/x` is treated as missing.
pub fn charge_scope(resource_id: Option<&str>, resource_group: Option<&str>, subscription_id: Option<&str>) -> Option<Scope> {
    let by_id = resource_id.map(Scope::parse).filter(Scope::in_subscription);
    let subscription = subscription_id.filter(|id| id_key(id).is_some());
    let by_group = || Scope::resource_group(subscription?, resource_group?);
    by_id.or_else(by_group).or_else(|| subscription.map(Scope::subscription).filter(Scope::in_subscription))
}

impl Knowledge {
    /// Every access interval, in the order of assignment, then time.
    pub fn intervals(&self) -> &[AccessInterval] {
        &self.access.intervals
    }

    /// The cutoff in force; `None`: no record and no job setting, everything is provisional.
    pub fn cutoff(&self) -> Option<Instant> {
        self.cutoff
    }

    /// The outcomes that need no access, and what they rest on (R-OUTCOME, in order).
    pub fn terms(&self, product: &Product, day: Day, billed: Option<BilledCode>) -> Terms {
        let excluded = self.products.excluded(product, day);
        let table_rate = self.products.table_rate(product, day);
        let active = |code| self.parties.billed(code).is_some_and(|b| b.agreement_covers(day.span(self.rules.day_offset_minutes)));
        let decided = if !product.usage {
            Some(Outcome::NotUsage)
        } else if excluded.is_some() {
            Some(Outcome::ProductExcluded)
        } else if table_rate == Some(D22(0)) {
            Some(Outcome::RateZero)
        } else {
            match billed {
                None => Some(Outcome::PartnerUnknown),
                Some(code) if !active(code) => Some(Outcome::AgreementInactive),
                Some(_) => None,
            }
        };
        Terms { decided, excluded_kind: excluded.filter(|_| decided == Some(Outcome::ProductExcluded)), table_rate }
    }

    /// The organisations of P, the billed partner's first (R-OUTCOME).
    pub fn parties_of(&self, billed: BilledCode, reseller: Option<OrganisationCode>) -> Vec<OrganisationCode> {
        let first = self.parties.billed(billed).map(|b| b.organisation);
        first.into_iter().chain(reseller.filter(|r| Some(*r) != first)).collect()
    }

    /// The intervals on a chain that overlap a day: the naive twin of the job's DataFrame join.
    pub fn on_chain(&self, chain: &[&Scope], day: Day) -> Vec<usize> {
        let span = day.span(self.rules.day_offset_minutes);
        let overlaps = |at: &usize| self.access.intervals.get(*at).is_some_and(|i| i.span.overlaps(span));
        chain.iter().flat_map(|scope| self.access.at(scope)).copied().filter(overlaps).collect()
    }

    /// The access of one organisation on one day, from the intervals of the chain that overlap it.
    pub fn organisation_day(&self, organisation: OrganisationCode, day: Day, intervals: &[usize]) -> OrganisationDay {
        let span = day.span(self.rules.day_offset_minutes);
        let touches = intervals.iter().filter_map(|at| self.touch(*at, organisation, day)).collect();
        OrganisationDay::new(organisation, span, touches)
    }

    /// How one interval meets the day; `None` if its principal is never linked to the organisation.
    fn touch(&self, at: usize, organisation: OrganisationCode, day: Day) -> Option<Touch> {
        let interval = self.access.intervals.get(at)?;
        let span = interval.span.cut(day.span(self.rules.day_offset_minutes))?;
        let links: Vec<_> = self.parties.links(&interval.principal_id).iter().filter(|l| l.organisation == organisation).collect();
        if links.is_empty() {
            return None;
        }
        let (earns, _) = self.roles.earns(&interval.role_definition_id, day);
        Some(Touch { interval: at, earns, linked: links.iter().filter_map(|l| l.span.cut(span)).collect() })
    }

    /// The access outcome of a scope on a day for the organisations of P.
    pub fn verdict(&self, parties: &[&OrganisationDay], day: Day) -> Verdict {
        decide(parties, day.span(self.rules.day_offset_minutes), &self.rules)
    }

    /// Whether the day is not over at the cutoff (details 27).
    pub fn is_provisional(&self, day: Day) -> bool {
        let until = day.span(self.rules.day_offset_minutes).until;
        self.cutoff.is_none_or(|cutoff| until > cutoff)
    }

    /// The first instant at which the log or a list covering the subscription speaks; `None`: neither ever does (details 27).
    pub fn known_since(&self, subscription: Option<&Scope>) -> Option<RawInstant> {
        let list = self.role_lists.first_covering(subscription, &self.groups);
        self.first_record.into_iter().chain(list).min()
    }

    /// What a decision rests on (R-DAY-6); `known_since` as [`Knowledge::known_since`] says for the charge's subscription.
    pub fn evidence(&self, day: Day, known_since: Option<RawInstant>, outcome: Outcome) -> Evidence {
        let by_access = matches!(outcome, Outcome::NoAccess | Outcome::RoleNotEarning | Outcome::NotLinked | Outcome::Gap);
        let from = day.span(self.rules.day_offset_minutes).from.raw();
        if self.is_provisional(day) {
            Evidence::Provisional
        } else if by_access && known_since.is_none_or(|first| from < first) {
            Evidence::BeforeFirstRecord
        } else {
            Evidence::Complete
        }
    }

    /// Decides one charge from beginning to end.
    /// # Errors
    /// [`AmountFault`]: an amount does not fit, the row is a rejection.
    pub fn decide(&self, charge: &Charge) -> Result<CreditLine, AmountFault> {
        let day = charge.usage_date;
        let billed = charge.partner_tenant_id.as_deref().and_then(id_key).and_then(|t| self.parties.billed_by_tenant(&t));
        let reseller = charge.reseller_mpn_id.as_deref().and_then(id_key).and_then(|m| self.parties.organisation_by_mpn(&m));
        let scope = charge_scope(charge.resource_id.as_deref(), charge.resource_group.as_deref(), charge.subscription_id.as_deref());
        let terms = self.terms(&charge.product, day, billed);
        let rate = charge.product.usage.then(|| our_rate(terms.table_rate, self.rules.rate_source, &charge.numbers));
        let verdict = terms.decided.is_none().then(|| self.ask(scope.as_ref(), day, billed, reseller));
        let outcome = terms.decided.or(verdict.as_ref().map(|v| v.outcome)).unwrap_or(Outcome::NoAccess);
        let subscription = scope.as_ref().and_then(Scope::subscription_id).map(Scope::subscription);
        let verdict = verdict.as_ref();
        Ok(CreditLine {
            outcome,
            excluded_kind: terms.excluded_kind,
            evidence: self.evidence(day, self.known_since(subscription.as_ref()), outcome),
            scope_level: scope.as_ref().map(Scope::level),
            organisation_id: verdict.and_then(|v| v.organisation).map(|o| self.parties.organisation(o).to_owned()),
            covered_seconds: verdict.and_then(|v| v.covered_seconds),
            gap_from: verdict.and_then(|v| v.first_gap).map(|g| g.from),
            gap_until: verdict.and_then(|v| v.first_gap).map(|g| g.until),
            gap_count: verdict.and_then(|v| v.gap_count),
            rate,
            billed_mpn_id: billed.and_then(|b| self.parties.billed(b)).and_then(|b| b.mpn_id.clone()),
            amounts: amounts(&charge.numbers, rate, outcome, self.rules.credit_base)?,
        })
    }

    fn ask(&self, scope: Option<&Scope>, day: Day, billed: Option<BilledCode>, reseller: Option<OrganisationCode>) -> Verdict {
        let chain = scope.map(|s| self.access.chain(s, &self.groups)).unwrap_or_default();
        let intervals = self.on_chain(&chain, day);
        let parties = billed.map(|b| self.parties_of(b, reseller)).unwrap_or_default();
        let days: Vec<OrganisationDay> = parties.iter().map(|o| self.organisation_day(*o, day, &intervals)).collect();
        self.verdict(&days.iter().collect::<Vec<_>>(), day)
    }
}
