//! What a run must find, known from construction: counted while the rows are made, never read back.

use serde_json::{Value, json};

use crate::access::FORMER_ADMINS;
use crate::catalog::{self, CURRENCIES};
use crate::ids::{meter_id, product_id, tenant};
use crate::incident::Outcome;
use crate::money::{self, AMOUNT};
use crate::names::{self, Partner};
use crate::options::Options;
use crate::plan::Plan;
use crate::stream::Class;
use crate::{calendar, world::World};

const MONIES: usize = CURRENCIES.len();

/// Counts and sums of some rows. Sums are units of 10^-12.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// By outcome: with complete evidence, and before the first record.
    pub outcomes: [[u64; 2]; Outcome::WORDS.len()],
    pub classes: [u64; Class::KINDS.len()],
    /// By incident, plus one; first those without.
    pub incidents: Vec<u64>,
    pub list_cost: [i128; MONIES],
    pub credit: [i128; MONIES],
    pub missed: [i128; MONIES],
    pub applied: [i128; MONIES],
}

impl Tally {
    pub(crate) fn new(incidents: usize) -> Tally {
        let none = [0; MONIES];
        let (outcomes, classes, incidents) = ([[0; 2]; Outcome::WORDS.len()], [0; Class::KINDS.len()], vec![0; incidents + 1]);
        Tally { outcomes, classes, incidents, list_cost: none, credit: none, missed: none, applied: none }
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        for (own, other) in self.outcomes.iter_mut().flatten().zip(other.outcomes.iter().flatten()) {
            *own += other;
        }
        for (own, other) in [(&mut self.classes[..], &other.classes[..]), (&mut self.incidents, &other.incidents)] {
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
        for (own, other) in
            [(&mut self.list_cost, &other.list_cost), (&mut self.credit, &other.credit), (&mut self.missed, &other.missed), (&mut self.applied, &other.applied)]
        {
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.outcomes.iter().flatten().sum()
    }

    /// Charges that earn nothing because of access or partner, whatever the evidence.
    fn lost(&self) -> u64 {
        self.outcomes[Outcome::PartnerUnknown as usize..Outcome::Covered as usize].iter().map(|counts| counts[0]).sum()
    }
}

/// What a run must be told because no download says it.
fn assumes(world: &World, plan: &Plan) -> Value {
    let known = [&names::PROVIDER, &names::FORMER, &names::RESELLERS[0], &names::RESELLERS[1], &names::BYSTANDER];
    let until = |partner: &Partner| plan.former_until.filter(|_| partner.mpn == names::FORMER.mpn).map(calendar::iso);
    let partners = known.map(|partner| {
        json!({
            "mpn_id": partner.mpn,
            "organisation_id": partner.organisation,
            "tenant_id": tenant(world, partner),
            "agreement_until": until(partner),
        })
    });
    let meters = |meter| (0..catalog::REGIONS.len() as u8).map(|region| meter_id(world, meter, region)).collect::<Vec<_>>();
    json!({
        "partners": partners,
        "foreign_groups": [{ "principal_id": plan.principals[FORMER_ADMINS].id, "mpn_id": names::FORMER.mpn }],
        "meters_with_rate_zero": meters(catalog::RATE_ZERO),
        "legacy_meters": meters(catalog::LEGACY),
        "third_party_products": [&product_id(world, catalog::THIRD_PARTY, 0)[..12]],
    })
}

/// The content of `truth.json`.
pub(crate) fn json(world: &World, plan: &Plan, options: &Options, tally: &Tally) -> Value {
    let outcomes: Vec<Value> = Outcome::WORDS
        .iter()
        .zip(&tally.outcomes)
        .flat_map(|(word, counts)| {
            let evidence = ["complete", "before_first_record"].into_iter().zip(counts).filter(|(_, charges)| **charges > 0);
            evidence.map(move |(evidence, charges)| json!({ "outcome": word, "evidence": evidence, "charges": charges }))
        })
        .collect();
    let kinds = Class::KINDS.iter().zip(&tally.classes).filter(|(kind, charges)| !kind.is_empty() && **charges > 0);
    let amount = |units: i128| money::text(units, AMOUNT);
    let totals: Vec<Value> = (0..MONIES)
        .filter(|c| tally.list_cost[*c] != 0)
        .map(|c| {
            json!({
                "billing_currency": CURRENCIES[c].0,
                "list_cost": amount(tally.list_cost[c]),
                "credit": amount(tally.credit[c]),
                "missed_credit": amount(tally.missed[c]),
                "applied_credit": amount(tally.applied[c]),
            })
        })
        .collect();
    let incident = |n: usize| {
        let incident = &plan.incidents[n];
        json!({
            "kind": incident.kind.word(),
            "subscription_id": world.subscriptions[incident.subscription].id,
            "resource_group": incident.group.map(|g| crate::stream::group_name(world, incident.subscription, g)),
            "from": calendar::iso(world.first + incident.from),
            "until": calendar::iso(world.first + incident.until),
            "charges": tally.incidents[n + 1],
        })
    };
    let (wrong, other): (Vec<usize>, Vec<usize>) = (0..plan.incidents.len()).partition(|n| plan.incidents[*n].kind.is_misconfiguration());
    json!({
        "rows": tally.rows(),
        "from": calendar::iso(world.first),
        "until": calendar::iso(world.until),
        "seed": options.seed,
        "outcomes": outcomes,
        "excluded_kinds": kinds.map(|(kind, charges)| json!({ "kind": kind, "charges": charges })).collect::<Vec<_>>(),
        "totals": totals,
        "lost_charges": tally.lost(),
        "misconfigurations": wrong.into_iter().map(incident).collect::<Vec<_>>(),
        "assumes": assumes(world, plan),
        "incidents": other.into_iter().map(incident).collect::<Vec<_>>(),
    })
}
