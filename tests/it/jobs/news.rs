//! News rewrites the groups it concerns and no other, and `pecan plan` says which and why (R-AGAIN-3, R-AGAIN-4).
//!
//! `PECAN_GROUPS` = groups of the estate, `PECAN_SUBSCRIPTIONS` = subscriptions they are spread over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pecan::job::{Job, RunOptions};
use pecan_core::charge::{Numbers, Product};
use pecan_core::event::{Action, AuditRecord, Body, Place, Space};
use pecan_core::money::D22;
use pecan_core::reference::{Channel, ExcludedKind, ManagementGroupRow, Partner, Principal, ProductMatch, ProductRow, Rate, RoleRow, Validity};
use pecan_core::time::{Day, Instant, RawInstant, Span};

use super::histories::{files_of_groups, planned};
use super::workshop::{Workshop, options, run, run_with};
use super::world_files::{write_charges, write_known};
use crate::oracle::naive::{Inputs, OneCharge};
use crate::oracle::world::{Dice, FIRST_DAY, World};
use crate::tables::{assert_equal, canonical};

const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const ONE: i128 = 10_000_000_000_000_000_000_000;
const DAYS: i32 = 3;

/// Days after the first usage day, and hours.
fn at(day: i32, hours: i128) -> RawInstant {
    RawInstant((i128::from(FIRST_DAY + day) * 24 + hours) * 3_600_000_000_000)
}

fn number(variable: &str, short: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(short)
}

/// Folders of charges, each of one subscription that the partner may work in since the day before.
struct Estate {
    workshop: Workshop,
    world: World,
    groups: usize,
    subscriptions: usize,
}

fn record(number: usize, action: Action, time: RawInstant, scope: &str, assignment: &str) -> AuditRecord {
    let body = Body { principal_id: Some("p-1".into()), role_definition_id: Some(CONTRIBUTOR.into()), definition_id: None, scope: Some(scope.to_owned()) };
    AuditRecord {
        place: Place { file: 0, row: number as u64 + 1 },
        time,
        space: Space::Role,
        action,
        proves: true,
        correlation_id: format!("c-{number}"),
        event_data_id: format!("e-{number}"),
        assignment_id: Some(assignment.to_owned()),
        path_scope: Some(scope.to_owned()),
        body: (action == Action::Write).then_some(body),
        caller: None,
    }
}

fn charge(subscription: usize, day: i32, quantity: i128) -> OneCharge {
    let resource = format!("/subscriptions/s-{subscription}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm");
    OneCharge {
        usage_date: Day(FIRST_DAY + day),
        subscription_id: Some(format!("s-{subscription}")),
        resource_group: Some("rg".into()),
        resource_id: Some(resource),
        partner_tenant_id: Some("t-a".into()),
        reseller_mpn_id: None,
        product: Product { usage: true, meter_id: Some(format!("meter-{}", subscription % 4)), ..Product::default() },
        numbers: Numbers {
            quantity: Some(D22(quantity * ONE)),
            list_unit_price: Some(D22(ONE)),
            net_cost: Some(D22(ONE)),
            exchange_rate: Some(D22(ONE)),
            applied: Some(true),
            stated_rate: None,
        },
    }
}

impl Estate {
    fn new() -> Estate {
        let (groups, subscriptions) = (number("PECAN_GROUPS", 24), number("PECAN_SUBSCRIPTIONS", 12));
        let scope = |n: usize| format!("/subscriptions/s-{n}");
        let records = (0..subscriptions).map(|n| record(n, Action::Write, at(-1, 8), &scope(n), &format!("a-{n}"))).collect();
        let mut inputs = Inputs { records, first_record: Some(at(-30, 0)), newest_record: Some(at(DAYS + 2, 0)), ..Inputs::default() };
        inputs.reference.partners =
            vec![Partner { mpn_id: "100".into(), organisation_id: "Org-A".into(), tenant_id: Some("t-a".into()), agreement: Some(Span::ALWAYS) }];
        inputs.reference.principals = vec![Principal { principal_id: "p-1".into(), mpn_id: "100".into(), channel: Channel::Pal, linked: Some(Span::ALWAYS) }];
        let estate = Estate { workshop: Workshop::empty(), world: World { inputs, charges: Vec::new() }, groups, subscriptions };
        for group in 0..groups {
            estate.write_group(group, 1);
        }
        estate
    }

    fn write_group(&self, group: usize, quantity: i128) {
        let charges: Vec<OneCharge> = (0..DAYS).map(|day| charge(group % self.subscriptions, day, quantity)).collect();
        write_charges(&charges, &self.workshop.path(&format!("charges/g{group:04}/x.csv")));
    }

    fn job(&self) -> Job {
        write_known(&self.world, &self.workshop.path(""), "parquet", &mut Dice::new(0))
    }

    fn group(group: usize) -> String {
        format!("charges/g{group:04}#1")
    }

    /// The groups of a subscription.
    fn of(&self, subscription: usize) -> BTreeSet<String> {
        (0..self.groups).filter(|group| group % self.subscriptions == subscription).map(Estate::group).collect()
    }

    /// Plans, runs and compares with a run from scratch. Gives why groups were rewritten; the files of the others are the same.
    fn settle(&self) -> BTreeMap<String, String> {
        let job = self.job();
        let before = files_of_groups(&job);
        let plan = planned(&job, &options());
        run(&job);
        let after = files_of_groups(&job);
        let rewritten: BTreeMap<String, String> =
            plan.iter().filter(|(_, (action, _))| action == "replace").map(|(g, (_, why))| (g.clone(), why.clone())).collect();
        for (group, files) in &before {
            assert_eq!(after.get(group) != Some(files), rewritten.contains_key(group), "{group}: {:?}", plan[group]);
        }
        let mut scratch = job.clone();
        let _ = fs::remove_dir_all(self.workshop.path("scratch"));
        scratch.output.uri = self.workshop.path("scratch").to_string_lossy().into_owned();
        run(&scratch);
        assert_equal(&canonical(&job), &canonical(&scratch), "after the news");
        assert!(run(&job).nothing_to_do);
        rewritten
    }

    fn add(&mut self, action: Action, time: RawInstant, scope: &str, assignment: &str) {
        let number = self.world.inputs.records.len();
        self.world.inputs.records.push(record(number, action, time, scope, assignment));
    }
}

fn groups(why: &BTreeMap<String, String>) -> BTreeSet<String> {
    why.keys().cloned().collect()
}

/// Issue of running again, figure 5: one changed file, one late record, a new day of log.
#[test]
fn only_the_groups_concerned_are_rewritten() {
    let mut estate = Estate::new();
    estate.settle();
    estate.write_group(5, 2);
    let why = estate.settle();
    assert_eq!(why, BTreeMap::from([(Estate::group(5), String::from("content changed: 1 of 1 files"))]));

    estate.add(Action::Delete, at(1, 12), "/subscriptions/s-3", "a-3");
    let why = estate.settle();
    assert_eq!(groups(&why), estate.of(3));
    let text = "access changed on /subscriptions/s-3: Contributor of p-1 from 2026-08-31T08:00:00Z until 2026-09-02T12:00:00Z";
    assert!(why.values().all(|w| w == text), "{why:?}");

    // A new day of the log: access of days that are over already, of others, and elsewhere.
    estate.world.inputs.newest_record = Some(at(DAYS + 3, 0));
    estate.add(Action::Delete, at(DAYS, 0), "/subscriptions/s-4", "a-4");
    estate.add(Action::Write, at(DAYS + 1, 7), "/subscriptions/s-5", "a-new");
    estate.add(Action::Write, at(0, 7), "/subscriptions/s-6/resourceGroups/other", "a-other");
    assert_eq!(estate.settle(), BTreeMap::new());

    // Above, at and below the charges' resource group.
    estate.add(Action::Write, at(0, 7), "/subscriptions/s-6/resourceGroups/RG", "a-below");
    let why = estate.settle();
    assert_eq!(groups(&why), estate.of(6));
    assert!(why.values().all(|w| w == "access changed on /subscriptions/…/rg: Contributor of p-1 from 2026-09-01T07:00:00Z"), "{why:?}");
}

/// R-AGAIN-4: reference rows and days that the cutoff reaches.
#[test]
fn reference_rows_and_provisional_days_rewrite_what_rests_on_them() {
    let mut estate = Estate::new();
    estate.world.inputs.newest_record = Some(at(DAYS - 1, 23));
    estate.settle();
    estate.world.inputs.newest_record = Some(at(DAYS, 0));
    let why = estate.settle();
    assert_eq!(why.len(), estate.groups);
    assert!(why.values().all(|w| w == "2026-09-03 is no longer provisional"), "{why:?}");
    estate.world.inputs.newest_record = Some(at(DAYS + 9, 0));
    assert_eq!(estate.settle(), BTreeMap::new());

    let rate = |valid: Validity| Rate { matches: ProductMatch::Meter("meter-1".into()), rate: D22(ONE / 10), valid };
    estate.world.inputs.reference.rates.push(rate(Validity { from: Day(FIRST_DAY + DAYS), until: Day::MAX }));
    assert_eq!(estate.settle(), BTreeMap::new());
    estate.world.inputs.reference.rates.push(rate(Validity { from: Day(FIRST_DAY + DAYS - 1), until: Day::MAX }));
    let why = estate.settle();
    let expected: BTreeSet<String> = (0..estate.subscriptions).filter(|s| s % 4 == 1).flat_map(|s| estate.of(s)).collect();
    assert_eq!(groups(&why), expected);
    assert!(why.values().all(|w| w == "reference table rates changed"), "{why:?}");

    let other = Principal { principal_id: "p-2".into(), mpn_id: "100".into(), channel: Channel::Pal, linked: Some(Span::ALWAYS) };
    estate.world.inputs.reference.principals.push(other);
    assert_eq!(estate.settle(), BTreeMap::new(), "p-2 has no role anywhere");
    estate.world.inputs.rules.gap_tolerance_seconds = 60;
    let why = estate.settle();
    assert!(why.len() == estate.groups && why.values().all(|w| w == "rules changed"), "{why:?}");
    estate.world.inputs.first_record = Some(at(0, 1));
    estate.world.inputs.records.retain(|r| r.assignment_id.as_deref() != Some("a-2"));
    estate.world.inputs.records.iter_mut().for_each(|r| r.time = r.time.max(at(0, 1)));
    let why = estate.settle();
    assert!(why[&Estate::group(2)].contains("1 day of /subscriptions/s-2 begin before anything is known, where it was 0 days"), "{why:?}");
}

/// R-AGAIN-4: whose access counts and which roles earn, on the days of the charges.
#[test]
fn rows_about_partners_links_and_roles_rewrite_what_rests_on_them() {
    let mut estate = Estate::new();
    estate.settle();
    let noon = |day: i32| Some(Span { from: at(day, 12).up(), until: Instant::MAX });
    let told = |estate: &Estate, text: &str| {
        let why = estate.settle();
        assert!(why.len() == estate.groups && why.values().all(|w| w == text), "{text}: {why:?}");
    };
    estate.world.inputs.reference.principals[0].linked = noon(-1);
    assert_eq!(estate.settle(), BTreeMap::new(), "the link still covers the days");
    estate.world.inputs.reference.principals[0].linked = noon(1);
    told(&estate, "links of principals changed (principals, group_members or partners)");
    estate.world.inputs.reference.partners[0].agreement = noon(-9);
    assert_eq!(estate.settle(), BTreeMap::new(), "the agreement still covers the days");
    estate.world.inputs.reference.partners[0].agreement = noon(0);
    told(&estate, "reference table partners changed");

    let role = |day: i32| RoleRow {
        role_definition_id: CONTRIBUTOR.into(),
        role_name: None,
        earns: false,
        valid: Validity { from: Day(FIRST_DAY + day), until: Day::MAX },
    };
    estate.world.inputs.reference.roles.push(role(DAYS));
    assert_eq!(estate.settle(), BTreeMap::new(), "the role still earns on the days");
    estate.world.inputs.reference.roles.push(role(DAYS - 1));
    told(&estate, "reference table roles changed");
    let kind = ProductRow { matches: ProductMatch::Meter("meter-2".into()), kind: ExcludedKind::Legacy, valid: Validity::ALWAYS };
    estate.world.inputs.reference.products.push(kind);
    let why = estate.settle();
    let expected: BTreeSet<String> = (0..estate.subscriptions).filter(|s| s % 4 == 2).flat_map(|s| estate.of(s)).collect();
    assert_eq!(groups(&why), expected);
    assert!(why.values().all(|w| w == "reference table products changed"), "{why:?}");
    // Above the subscription: what a row of management groups lets reach it.
    estate.add(Action::Write, at(0, 7), "/providers/Microsoft.Management/managementGroups/mg", "a-above");
    assert_eq!(estate.settle(), BTreeMap::new(), "it reaches nothing");
    estate.world.inputs.reference.management_groups = vec![ManagementGroupRow { management_group_id: "mg".into(), subscription_id: "s-7".into() }];
    let why = estate.settle();
    assert_eq!(groups(&why), estate.of(7));
    assert!(why.values().all(|w| w.starts_with("access changed on /providers/microsoft.management/managementgroups/mg: Contributor")), "{why:?}");
}

/// What a receipt remembers may be lost or be of another version: then the group is written again, and the plan says so.
#[test]
fn what_is_not_remembered_is_written_again() {
    let estate = Estate::new();
    estate.settle();
    let job = estate.job();
    let folder = estate.workshop.path("out/_pecan/groups");
    let of = |ending: &str| -> Vec<_> {
        let mut files: Vec<_> =
            fs::read_dir(&folder).expect("a folder").flatten().map(|e| e.path()).filter(|p| p.to_string_lossy().ends_with(ending)).collect();
        files.sort();
        files
    };
    assert_eq!((of(".json").len(), of(".slice").len()), (estate.groups, estate.groups));
    fs::write(&of(".slice")[0], "damaged").expect("written");
    fs::remove_file(&of(".slice")[1]).expect("removed");
    fs::remove_file(&of(".json")[2]).expect("removed");
    let old = &of(".json")[4];
    let text = fs::read_to_string(old).expect("text");
    let mut receipt: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    receipt.as_object_mut().expect("an object").remove("inputs");
    fs::write(old, receipt.to_string()).expect("written");
    let plan = planned(&job, &options());
    let mut why: Vec<&str> = plan.values().filter(|(action, _)| action == "replace").map(|(_, why)| why.as_str()).collect();
    why.sort_unstable();
    let remembers = "what its receipt remembers is gone, damaged or of an older version";
    assert_eq!(why, ["its receipt is from an older version", "its receipt is gone or damaged", remembers, remembers]);
    assert_eq!(estate.settle().len(), 4);
}

/// Data-contracts §3, `--prune`: what is gone from the inputs is taken out, and the plan says so.
#[test]
fn prune_takes_out_what_is_gone_from_the_inputs() {
    let estate = Estate::new();
    estate.settle();
    let job = estate.job();
    fs::remove_dir_all(estate.workshop.path("charges/g0001")).expect("removed");
    let kept = planned(&job, &options());
    assert_eq!(kept[&Estate::group(1)].0, "keep (inputs gone)");
    let prune = RunOptions { prune: true, ..options() };
    assert!(run(&job).nothing_to_do);
    assert_eq!(planned(&job, &prune)[&Estate::group(1)], (String::from("remove"), String::from("its input files are gone (--prune)")));
    let later = RunOptions { from: Some(Day(FIRST_DAY + DAYS)), ..prune.clone() };
    assert_eq!(planned(&job, &later)[&Estate::group(1)].0, "skip");
    let summary = run_with(&job, &prune);
    assert!(summary.files.removed >= 3 && summary.files.written == 0, "{:?}", summary.files);
    assert!(summary.warnings.iter().all(|w| w.code != "inputs_gone"));
    assert!(!files_of_groups(&job).contains_key(&Estate::group(1)));
    estate.settle();
}

/// R-AGAIN-3: a newest run without files leaves nothing of its month; a newer run is named in the plan.
#[test]
fn a_newer_run_without_files_removes_the_month() {
    let workshop = Workshop::sample();
    let job = workshop.job(&[]);
    run(&job);
    let month = "sample_data/exports/contoso/pec-actual/20261001-20261031";
    let manifest = fs::read(workshop.path(month).join("22222222-0000-4000-8000-000000000003/manifest.json")).expect("a manifest");
    let newer = |run: &str, submitted: &str, blobs: bool| {
        let mut value: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
        value["runInfo"]["runId"] = run.into();
        value["runInfo"]["submittedTime"] = submitted.into();
        if !blobs {
            value["blobs"] = serde_json::json!([]);
            value["dataRowCount"] = 0.into();
        }
        let folder = workshop.path(month).join(run);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("manifest.json"), value.to_string()).expect("written");
    };
    newer("99999999-0000-4000-8000-000000000001", "2027-01-01T00:00:00Z", true);
    let plan = planned(&job, &options());
    let replaced: Vec<&(String, String)> = plan.values().filter(|(action, _)| action == "replace").collect();
    assert_eq!(replaced, [&(String::from("replace"), String::from("superseded by run 99999999-0000-4000-8000-000000000001"))]);

    newer("99999999-0000-4000-8000-000000000002", "2027-01-02T00:00:00Z", false);
    let plan = planned(&job, &options());
    let (group, (action, why)) = plan.iter().find(|(_, (action, _))| action != "keep").expect("something to do");
    assert_eq!((action.as_str(), why.as_str()), ("remove", "superseded by run 99999999-0000-4000-8000-000000000002, which has no files"));
    assert!(group.contains("/202610#"), "{group}");
    let summary = run(&job);
    assert!(summary.warnings.iter().all(|w| w.code != "inputs_gone"), "{:?}", summary.warnings);
    assert!(!files_of_groups(&job).contains_key(group));
    let fresh = workshop.job_to("fresh/");
    run(&fresh);
    assert_equal(&canonical(&job), &canonical(&fresh), "without the month");
}
