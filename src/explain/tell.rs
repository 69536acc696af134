//! Charges and knowledge → what is told: the parties, the access, and each charge with its credit line.

use pecan_core::credit::AmountFault;
use pecan_core::knowledge::{CreditLine, Knowledge, Terms};
use pecan_core::party::{BilledCode, OrganisationCode};
use pecan_core::scope::{Scope, id_key};
use pecan_core::time::{Day, RawInstant, Span};

use crate::decide::RowFault;
use crate::known::Known;
use crate::rejection::Rejection;

use super::access::{self, Access};
use super::clock::Clock;
use super::found::FoundCharge;
use super::sums::{Sum, Sums};
use super::verdict;

/// The partners of a charge.
#[derive(Debug)]
pub(super) struct Parties {
    /// Tenant of the billed partner, as written.
    pub billed_tenant: Option<String>,
    pub billed_name: Option<String>,
    /// `None`: the partners table does not know the tenant.
    pub billed_organisation: Option<String>,
    /// `None`: the tenant has several, or is not known.
    pub billed_mpn: Option<String>,
    /// The union of the agreement's spans.
    pub agreement: Vec<Span>,
    /// Whether the agreement covers the whole day.
    pub agreement_covers: bool,
    /// As written; `None`: no reseller of record.
    pub reseller_mpn: Option<String>,
    pub reseller_name: Option<String>,
    pub reseller_organisation: Option<String>,
}

/// What the evidence of a charge rests on.
#[derive(Debug)]
pub(super) struct Basis {
    pub cutoff: Option<pecan_core::time::Instant>,
    pub first_record: Option<RawInstant>,
    /// When the log or a list covering the subscription first speaks.
    pub known_since: Option<RawInstant>,
}

/// One charge, told.
#[derive(Debug)]
pub(super) struct Told {
    pub found: FoundCharge,
    pub line: CreditLine,
    pub sums: Sums,
    /// Why it got what it got, in a sentence or three.
    pub verdict: String,
    /// What the decision rests on.
    pub evidence: String,
    /// Which column named the scope.
    pub level_note: String,
}

/// The story of the charges of one scope, day, billed partner and reseller.
#[derive(Debug)]
pub(super) struct Telling {
    pub clock: Clock,
    pub scope: Option<Scope>,
    pub shown_scope: String,
    pub parties: Parties,
    pub basis: Basis,
    /// `None`: no charge here reached the access question.
    pub access: Option<Access>,
    pub charges: Vec<Told>,
}

/// Charges with the same scope, day, billed partner and reseller are told together, in the order found.
pub(super) fn tell(known: &Known, charges: Vec<FoundCharge>) -> (Vec<Telling>, Vec<Rejection>) {
    let key = |found: &FoundCharge| {
        let charge = &found.one.charge;
        let id = |text: &Option<String>| text.as_deref().and_then(id_key);
        (charge.usage_date, found.one.scope.clone(), id(&charge.partner_tenant_id), id(&charge.reseller_mpn_id))
    };
    let mut groups: Vec<Vec<FoundCharge>> = Vec::new();
    for found in charges {
        match groups.iter_mut().find(|g| g.first().is_some_and(|first| key(first) == key(&found))) {
            Some(group) => group.push(found),
            None => groups.push(vec![found]),
        }
    }
    let mut tellings = Vec::new();
    let mut rejections = Vec::new();
    for group in groups {
        let Some(first) = group.first().cloned() else { continue };
        let teller = Teller::new(known, &first);
        let (told, rejected) = teller.tell(group);
        rejections.extend(rejected);
        tellings.extend((!told.charges.is_empty()).then_some(told));
    }
    (tellings, rejections)
}

struct Teller<'a> {
    known: &'a Known,
    knowledge: &'a Knowledge,
    first: &'a FoundCharge,
    clock: Clock,
    billed: Option<BilledCode>,
    reseller: Option<OrganisationCode>,
}

impl<'a> Teller<'a> {
    fn new(known: &'a Known, first: &'a FoundCharge) -> Teller<'a> {
        let knowledge = &known.knowledge;
        let charge = &first.one.charge;
        Teller {
            known,
            knowledge,
            first,
            clock: Clock::new(charge.usage_date, knowledge.rules.day_offset_minutes),
            billed: charge.partner_tenant_id.as_deref().and_then(id_key).and_then(|t| knowledge.parties.billed_by_tenant(&t)),
            reseller: charge.reseller_mpn_id.as_deref().and_then(id_key).and_then(|m| knowledge.parties.organisation_by_mpn(&m)),
        }
    }

    fn tell(&self, charges: Vec<FoundCharge>) -> (Telling, Vec<Rejection>) {
        let day: Day = self.clock.day;
        let terms: Vec<Terms> = charges.iter().map(|c| self.knowledge.terms(&c.one.charge.product, day, self.billed)).collect();
        let scope = self.first.one.scope.clone();
        let asked = self.billed.filter(|_| terms.iter().any(|t| t.decided.is_none()));
        let organisations = asked.map(|billed| self.knowledge.parties_of(billed, self.reseller));
        let access = organisations.map(|parties| {
            let question =
                access::Question { knowledge: self.knowledge, clock: self.clock, scope: scope.as_ref(), shown: &self.first.one.shown_scope, parties: &parties };
            question.tell()
        });
        let subscription = scope.as_ref().and_then(Scope::subscription_id).map(Scope::subscription);
        let mut telling = Telling {
            clock: self.clock,
            shown_scope: self.first.one.shown_scope.clone(),
            parties: self.parties(),
            basis: Basis {
                cutoff: self.knowledge.cutoff(),
                first_record: self.known.first_record,
                known_since: self.knowledge.known_since(subscription.as_ref()),
            },
            scope,
            access,
            charges: Vec::new(),
        };
        let mut rejections = Vec::new();
        for (found, terms) in charges.into_iter().zip(terms) {
            match self.knowledge.decide(&found.one.charge) {
                Ok(line) => {
                    let told = self.told(&telling, found, line, &terms);
                    telling.charges.push(told);
                }
                Err(AmountFault { column }) => rejections.push(too_large(&found, column)),
            }
        }
        (telling, rejections)
    }

    fn told(&self, telling: &Telling, found: FoundCharge, line: CreditLine, terms: &Terms) -> Told {
        let sum = Sum {
            knowledge: self.knowledge,
            found: &found,
            terms,
            rate: line.rate,
            outcome: line.outcome,
            excluded_kind: line.excluded_kind,
            amounts: &line.amounts,
        };
        let sums = sum.tell();
        let words = verdict::Words { telling, found: &found, line: &line, rules: &self.knowledge.rules };
        Told { verdict: words.verdict(), evidence: words.evidence(), level_note: words.level(), sums, line, found }
    }

    fn parties(&self) -> Parties {
        let charge = &self.first.one.charge;
        let billed = self.billed.and_then(|code| self.knowledge.parties.billed(code));
        let name = |code: OrganisationCode| self.knowledge.parties.organisation(code).to_owned();
        let filled = |text: &Option<String>| text.clone().filter(|t| id_key(t).is_some());
        Parties {
            billed_tenant: filled(&charge.partner_tenant_id),
            billed_name: self.first.labels.partner_name.clone(),
            billed_organisation: billed.map(|b| name(b.organisation)),
            billed_mpn: billed.and_then(|b| b.mpn_id.clone()),
            agreement: billed.map(|b| b.agreement.clone()).unwrap_or_default(),
            agreement_covers: billed.is_some_and(|b| b.agreement_covers(self.clock.span)),
            reseller_mpn: filled(&charge.reseller_mpn_id),
            reseller_name: self.first.labels.reseller_name.clone(),
            reseller_organisation: self.reseller.map(name),
        }
    }
}

/// As the job rejects it.
fn too_large(found: &FoundCharge, column: &'static str) -> Rejection {
    let fault = RowFault::too_large(column);
    let place = found.place.clone();
    let rejection = Rejection::new(place.file, fault.reason, &fault.message).with_row(u64::try_from(place.row).unwrap_or(0));
    rejection.with_column(column).with_group(place.source, place.run, place.group_id)
}
