//! Random histories: late records, new lists, other reference rows, another cutoff, other rules, restated and vanished charges,
//! runs that die between the commits of two tables. The output of the runs one by one equals, after every step, that of one run from scratch (R-AGAIN-6), and the plan said what the run did.
//!
//! `PECAN_HISTORIES` = how many (seeds 0, 1, …); `PECAN_SEED` = only that one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use pecan::job::{Job, RunOptions};
use pecan::pipeline;
use pecan::plan::{GROUP_TABLES, WHOLE_TABLES};
use pecan::schema::Table;
use pecan_core::money::D22;
use pecan_core::time::{Day, Instant, RawInstant, Span};

use super::interrupted::crash;
use super::workshop::{Workshop, copy_folder, options, try_run};
use super::world_files::{other_rules, writable, write_charges, write_known};
use crate::oracle::naive::OneCharge;
use crate::oracle::world::{Dice, FIRST_DAY, World};
use crate::tables::{self, assert_equal, canonical};
use crate::verify::changed;

/// Steps after the first run.
const STEPS: usize = 5;
const DAY: i128 = 86_400_000_000_000;

/// Rows that are there, and rows that are not there yet or any more.
struct Pool<T>(Vec<(bool, T)>);

impl<T: Clone> Pool<T> {
    /// So many of a hundred rows are there at first; of the others' none.
    fn new(rows: &[T], others: &[T], percent: usize, dice: &mut Dice) -> Pool<T> {
        let rows = rows.iter().map(|row| (dice.below(100) < percent, row.clone())).collect::<Vec<_>>();
        Pool(rows.into_iter().chain(others.iter().map(|row| (false, row.clone()))).collect())
    }

    fn seen(&self) -> Vec<T> {
        self.0.iter().filter(|(there, _)| *there).map(|(_, row)| row.clone()).collect()
    }

    fn any(&mut self, dice: &mut Dice) -> Option<&mut T> {
        let seen = self.0.iter().filter(|(there, _)| *there).count();
        let at = dice.below(seen);
        self.0.iter_mut().filter(|(there, _)| *there).map(|(_, row)| row).nth(at)
    }

    fn flip(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.below(5).min(self.0.len()) {
            if !self.0.is_empty() {
                let at = dice.below(self.0.len());
                self.0[at].0 = !self.0[at].0;
            }
        }
    }
}

/// A folder of charges.
#[derive(Clone)]
struct Folder {
    name: String,
    charges: Vec<OneCharge>,
    there: bool,
}

/// What there is, in all, and what of it can be seen now.
struct History {
    world: World,
    tables: Tables,
    folders: Vec<Folder>,
    spare: Vec<OneCharge>,
    others: [Option<RawInstant>; 2],
    dice: Dice,
    workshop: Workshop,
    format: &'static str,
}

macro_rules! tables {
    ($($name:ident: $of:ty, $percent:literal;)*) => {
        struct Tables { records: Pool<pecan_core::event::AuditRecord>, $($name: Pool<$of>,)* }

        impl Tables {
            fn new(world: &World, other: &World, dice: &mut Dice) -> Tables {
                let (ours, theirs) = (&world.inputs.reference, &other.inputs.reference);
                Tables {
                    records: Pool::new(&world.inputs.records, &[], 60, dice),
                    $($name: Pool::new(&ours.$name, &theirs.$name, $percent, dice),)*
                }
            }

            fn show(&self, world: &mut World) {
                world.inputs.records = self.records.seen();
                $(world.inputs.reference.$name = self.$name.seen();)*
            }

            fn flip(&mut self, table: &str, dice: &mut Dice) {
                match table {
                    $(stringify!($name) => self.$name.flip(dice),)*
                    _ => self.records.flip(dice),
                }
            }
        }
    };
}

tables! {
    listed: pecan_core::event::ListedAssignment, 50;
    partners: pecan_core::reference::Partner, 95;
    principals: pecan_core::reference::Principal, 85;
    members: pecan_core::reference::Member, 70;
    authorizations: pecan_core::reference::Authorization, 70;
    roles: pecan_core::reference::RoleRow, 60;
    rates: pecan_core::reference::Rate, 60;
    products: pecan_core::reference::ProductRow, 50;
    management_groups: pecan_core::reference::ManagementGroupRow, 70;
}

const TABLES: [&str; 12] =
    ["records", "records", "records", "listed", "partners", "principals", "members", "authorizations", "roles", "rates", "products", "management_groups"];

/// Access decides this charge, and most roles are given where it is.
fn bring_into_play(charge: &mut OneCharge) {
    charge.resource_id = Some("/subscriptions/s-1/resourceGroups/rg-1/providers/Microsoft.Compute/virtualMachines/vm-1".into());
    charge.partner_tenant_id = Some("t-a".into());
    charge.product.usage = true;
    charge.product.excluded = None;
}

impl Tables {
    /// Changes one thing of one row.
    fn restate(&mut self, dice: &mut Dice) -> &'static str {
        let noon = i128::from(FIRST_DAY) * 2 + i128::try_from(dice.below(10)).unwrap_or(0);
        let span = Span { from: RawInstant(noon * DAY / 2).up(), until: Instant::MAX };
        let span = Some(if dice.below(3) == 0 { Span::ALWAYS } else { span });
        let from = Day(FIRST_DAY + i32::try_from(dice.below(5)).unwrap_or(0));
        match dice.below(7) {
            0 | 1 => self.principals.any(dice).map_or("no link", |row| {
                row.linked = span;
                "a link"
            }),
            2 => self.partners.any(dice).map_or("no agreement", |row| {
                row.agreement = span;
                "an agreement"
            }),
            3 => self.members.any(dice).map_or("no membership", |row| {
                row.member = span;
                "a membership"
            }),
            4 => self.roles.any(dice).map_or("no role", |row| {
                row.earns = !row.earns;
                "a role"
            }),
            5 => self.rates.any(dice).map_or("no rate", |row| {
                row.rate = D22(if row.rate.0 == 0 { 7_000_000_000_000_000_000_000 / 10 } else { 0 });
                row.valid.from = from;
                row.valid.until = Day::MAX;
                "a rate"
            }),
            _ => self.products.any(dice).map_or("no product", |row| {
                row.valid.from = from;
                row.valid.until = Day::MAX;
                "a product"
            }),
        }
    }
}

impl History {
    fn new(seed: u64) -> History {
        let mut dice = Dice::new(seed ^ 0x4157);
        let [world, second, third] = [0, 1, 2].map(|n| writable(World::new(seed + n * 1_000_000)));
        let tables = Tables::new(&world, &second, &mut dice);
        let mut charges: Vec<OneCharge> = [&world, &second, &third].iter().flat_map(|w| w.charges.clone()).collect();
        charges.iter_mut().filter(|_| dice.below(10) < 6).for_each(bring_into_play);
        dice.shuffle(&mut charges);
        let spare = charges.split_off(charges.len() * 3 / 4);
        let count = 2 + dice.below(4);
        let mut folders: Vec<Folder> = (0..count).map(|n| Folder { name: format!("f{n}"), charges: Vec::new(), there: true }).collect();
        for charge in charges {
            folders[dice.below(count)].charges.push(charge);
        }
        let others = [world.inputs.first_record, world.inputs.newest_record];
        let format = if seed.is_multiple_of(6) { "delta" } else { "parquet" };
        History { world, tables, folders, spare, others, dice, workshop: Workshop::empty(), format }
    }

    /// Changes something; says what.
    fn step(&mut self) -> String {
        let dice = &mut self.dice;
        match dice.below(24) {
            0..=13 => {
                let table = TABLES[dice.below(TABLES.len())];
                self.tables.flip(table, dice);
                String::from(table)
            }
            14 | 15 => {
                let at = RawInstant((i128::from(FIRST_DAY) + i128::try_from(dice.below(8)).unwrap_or(0)) * DAY + i128::try_from(dice.below(2)).unwrap_or(0));
                self.world.inputs.cutoff = (dice.below(4) > 0).then_some(at);
                format!("cutoff {:?}", self.world.inputs.cutoff)
            }
            16 | 17 => {
                let at = RawInstant((i128::from(FIRST_DAY) + i128::try_from(dice.below(8)).unwrap_or(0)) * DAY);
                self.others[dice.below(2)] = (dice.below(5) > 0).then_some(at);
                format!("other records {:?}", self.others)
            }
            18 => {
                self.world.inputs.rules = other_rules(dice);
                format!("rules {:?}", self.world.inputs.rules)
            }
            19 | 20 => {
                let folder = dice.below(self.folders.len());
                if let Some(charge) = self.spare.pop() {
                    let charges = &mut self.folders[folder].charges;
                    let at = dice.below(charges.len() + 1);
                    match charges.get_mut(at) {
                        Some(restated) => *restated = charge,
                        None => charges.push(charge),
                    }
                }
                format!("restated charges in f{folder}")
            }
            21 | 22 => {
                let folder = dice.below(self.folders.len());
                self.folders[folder].there ^= true;
                if self.folders.iter().all(|f| !f.there) {
                    self.folders[folder].there = true;
                }
                format!("f{folder} there: {}", self.folders[folder].there)
            }
            _ => {
                self.tables.flip("records", dice);
                self.tables.flip("roles", dice);
                String::from("records and roles")
            }
        }
    }

    /// Writes everything there is now. Files of earlier steps are gone.
    fn write(&mut self) -> Job {
        for folder in ["audit", "reference", "charges"] {
            let _ = fs::remove_dir_all(self.workshop.path(folder));
        }
        let world = &mut self.world;
        self.tables.show(world);
        let times = || world.inputs.records.iter().map(|r| r.time);
        let (first, newest) = (times().chain(self.others[0]).min(), times().chain(self.others[1]).max());
        (world.inputs.first_record, world.inputs.newest_record) = (first, newest);
        for (at, folder) in self.folders.iter().enumerate().filter(|(_, f)| f.there) {
            let kind = if at % 2 == 0 { "parquet" } else { "csv" };
            write_charges(&folder.charges, &self.workshop.path(&format!("charges/{}/x.{kind}", folder.name)));
        }
        write_known(&self.world, &self.workshop.path(""), self.format, &mut self.dice)
    }
}

/// Paths of live files of the group tables, by group.
pub(super) fn files_of_groups(job: &Job) -> BTreeMap<String, BTreeSet<String>> {
    let output = pipeline::open_output(job).expect("an output");
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in [Table::FactCreditLine, Table::FactCreditDaily, Table::FactAccessDay, Table::Rejection] {
        for file in tables::live(&output, table).into_iter().filter(|f| !f.group.is_empty()) {
            files.entry(file.group).or_default().insert(format!("{} {}", table.name(), file.path));
        }
    }
    files
}

/// What the plan says of each group.
pub(super) fn planned(job: &Job, options: &RunOptions) -> BTreeMap<String, (String, String)> {
    let plan = pipeline::plan(job, options).unwrap_or_else(|e| panic!("{e}")).to_json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    plan["groups"].as_array().expect("groups").iter().map(|g| (text(&g["group_id"]), (text(&g["action"]), text(&g["why"])))).collect()
}

#[derive(Default)]
struct Count {
    compared: u64,
    stopped: u64,
    killed: u64,
    kept: u64,
    rewritten: u64,
    without_need: u64,
    verified: [u64; 2],
    parts: BTreeMap<String, u64>,
}

/// One step: the plan, the run, a run from scratch. The run may have died after the commits of its first `kill` tables: then
/// another completes it. `Err`: what is wrong.
fn compare(job: &Job, history: &History, fresh: &str, kill: Option<usize>, count: &mut Count) -> Result<(), String> {
    let (output, first) = (PathBuf::from(&job.output.uri), history.workshop.path(&format!("{fresh}-before")));
    if kill.is_some() && output.exists() {
        copy_folder(&output, &first);
    }
    let options = RunOptions { prune: true, ..options() };
    let mut scratch = job.clone();
    scratch.output.uri = history.workshop.path(fresh).to_string_lossy().into_owned();
    let (before, bytes, credit_before, last_run) = (files_of_groups(job), tables::data_bytes(job), changed::credit(job), changed::newest_run(job));
    let plan = pipeline::plan(job, &options).map(|_| planned(job, &options));
    let (news, all) = (try_run(job, &options), try_run(&scratch, &options));
    let summary = match (news, all) {
        (Ok(summary), Ok(_)) => summary,
        (Err(_), Err(_)) => {
            count.stopped += 1;
            return Ok(());
        }
        (news, all) => return Err(format!("step by step {:?}, from scratch {:?}", news.err().map(|e| e.to_string()), all.err().map(|e| e.to_string()))),
    };
    count.compared += 1;
    let (given, expected) = (canonical(job), canonical(&scratch));
    if given != expected {
        let shown = std::panic::catch_unwind(|| assert_equal(&given, &expected, "step by step and from scratch"));
        return Err(format!("tables differ: {:?}", shown.err().and_then(|e| e.downcast_ref::<String>().cloned())));
    }
    let (after, bytes_after) = (files_of_groups(job), tables::data_bytes(job));
    for (group, (action, why)) in plan.map_err(|e| e.to_string())? {
        let same_files = before.get(&group) == after.get(&group);
        let kept = action.starts_with("keep");
        if kept != same_files && before.contains_key(&group) {
            return Err(format!("{group}: the plan said {action} ({why}), its files are {}", if same_files { "the same" } else { "others" }));
        }
        if action == "replace" {
            let of = |bytes: &BTreeMap<(&'static str, Option<String>, String), Vec<u8>>| {
                bytes.iter().filter(|(key, _)| key.2 == group).map(|(key, bytes)| (key.clone(), bytes.clone())).collect::<BTreeMap<_, _>>()
            };
            count.rewritten += 1;
            count.without_need += u64::from(of(&bytes) == of(&bytes_after));
            for why in why.split("; ") {
                let words = why.split([' ', ':']).filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
                *count.parts.entry(words.take(4).collect::<Vec<_>>().join(" ")).or_default() += 1;
            }
        }
        count.kept += u64::from(kept);
    }
    if let Some(done) = kill {
        count.killed += 1;
        let second = history.workshop.path(&format!("{fresh}-after"));
        fs::rename(&output, &second).map_err(|e| e.to_string())?;
        crash(&first, &second, &output, done);
        try_run(job, &options).map_err(|e| format!("after a death after {done} commits: {e}"))?;
        if canonical(job) != expected {
            return Err(format!("tables differ after a death after {done} commits"));
        }
    }
    changed::of_newest_run(job, &credit_before, last_run, &mut count.verified)?;
    let again = try_run(job, &options).map_err(|e| e.to_string())?;
    if !again.nothing_to_do {
        return Err(format!("the run after it has something to do; this one wrote {:?}", summary.files));
    }
    Ok(())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// R-AGAIN-1, R-AGAIN-4, R-AGAIN-6.
#[test]
fn histories_step_by_step_give_what_one_run_gives() {
    let seeds = match number("PECAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PECAN_HISTORIES").unwrap_or(6),
    };
    let (mut count, mut wrong, mut histories) = (Count::default(), Vec::new(), 0);
    for seed in seeds {
        histories += 1;
        let mut history = History::new(seed);
        let mut story = vec![String::from("first run")];
        for step in 0..=STEPS {
            if step > 0 {
                let restated = history.tables.restate(&mut history.dice);
                story.push(format!("{restated}, {}", history.step()));
            }
            let job = history.write();
            let kill = (history.dice.below(3) == 0).then(|| history.dice.below(GROUP_TABLES.len() + WHOLE_TABLES.len() + 1));
            story.extend(kill.map(|done| format!("dies after {done} commits")));
            if let Err(difference) = compare(&job, &history, &format!("fresh-{step}"), kill, &mut count) {
                wrong.push(format!("seed {seed}, {story:?}: {difference}"));
                break;
            }
        }
    }
    println!(
        "histories {histories}, runs compared {}, stopped {}, died between commits {}, groups kept {}, rewritten {}, of those to equal bytes {}, moved money and verified later {:?}, differences {}\n{:#?}",
        count.compared,
        count.stopped,
        count.killed,
        count.kept,
        count.rewritten,
        count.without_need,
        count.verified,
        wrong.len(),
        count.parts
    );
    assert!(wrong.is_empty(), "{}", wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
    assert!(count.stopped * 4 <= count.compared, "too many runs were not compared");
}
