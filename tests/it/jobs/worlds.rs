//! Random worlds of the oracle, written out as real files and settled by the whole program: dictionaries, threads, the
//! DataFrame join and all. Its tables against the naive program's answers: no difference.
//!
//! `PECAN_JOB_WORLDS` = how many worlds (seeds 0, 1, …); `PECAN_SEED` = only that one.

use std::collections::{BTreeMap, BTreeSet};

use pecan::frames::{ChainDay, IntervalFrame, ScopeInterval};
use pecan::job::{Job, RunOptions};
use pecan::schema::{Table, name};
use pecan_core::charge::Outcome;
use pecan_core::event::Place;
use pecan_core::knowledge::{Knowledge, charge_scope};
use pecan_core::money::{AMOUNT_PLACES, LIMIT, OPERAND_PLACES};
use pecan_core::time::{Day, Instant, RawInstant};

use super::workshop::{Workshop, options, try_run};
use super::world_files::{place_of, writable, write};
use crate::oracle::amounts::Money;
use crate::oracle::compare::learned;
use crate::oracle::naive::{Line, Oracle};
use crate::oracle::path::ArmPath;
use crate::oracle::world::{Dice, FIRST_DAY, World};
use crate::tables::{Rows, read};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn seeds() -> std::ops::Range<u64> {
    match number("PECAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PECAN_JOB_WORLDS").unwrap_or(25),
    }
}

/// All places, as tables show decimals.
fn decimal(value: i128, places: u32) -> String {
    let places = usize::try_from(places).expect("few places");
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

fn instant(micros: i64) -> String {
    let (day, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (second, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    let day = Day(i32::try_from(day).expect("a day of this century"));
    format!("{day}T{:02}:{:02}:{:02}{fraction}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The oracle's line in the words of `fact_credit_line`.
fn expected_line(line: &Line) -> Vec<(&'static str, String)> {
    let text = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
    let whole = |cell: Option<i64>| cell.map(|n| n.to_string()).unwrap_or_default();
    let amount = |value: i128| decimal(value, AMOUNT_PLACES);
    let money = &line.money;
    vec![
        (name::OUTCOME, line.outcome.word().into()),
        (name::EXCLUDED_KIND, text(line.excluded_kind.map(|k| k.word()))),
        (name::EVIDENCE, line.evidence.word().into()),
        (name::SCOPE_LEVEL, text(line.scope_level)),
        (name::ORGANISATION_ID, text(line.organisation_id.as_deref())),
        (name::COVERED_SECONDS, whole(line.covered_seconds)),
        (name::GAP_FROM, line.gap_from.map(instant).unwrap_or_default()),
        (name::GAP_UNTIL, line.gap_until.map(instant).unwrap_or_default()),
        (name::GAP_COUNT, whole(line.gap_count)),
        (name::RATE, line.rate.map(|r| decimal(r.0, OPERAND_PLACES)).unwrap_or_default()),
        (name::BILLED_MPN_ID, text(line.billed_mpn_id.as_deref())),
        (name::LIST_COST, amount(money.list_cost)),
        (name::CREDIT_PRICING, amount(money.credit_pricing)),
        (name::CREDIT_BILLING, amount(money.credit_billing)),
        (name::APPLIED_CREDIT_BILLING, money.applied_billing.map(amount).unwrap_or_default()),
        (name::IMPLIED_CREDIT_PRICING, money.implied_pricing.map(amount).unwrap_or_default()),
    ]
}

/// Every difference between the tables of a job and the oracle's answers.
fn differences(job: &Job, world: &World, split: usize, oracle: &Oracle) -> Vec<String> {
    let lines = read(job, Table::FactCreditLine);
    let rejections = read(job, Table::Rejection);
    let at = |rows: &Rows, file: &str, row: &str| -> BTreeMap<(String, String), Vec<Option<String>>> {
        rows.rows.iter().map(|r| ((rows.cell(r, file).to_owned(), rows.cell(r, row).to_owned()), r.clone())).collect()
    };
    let by_place = at(&lines, name::SOURCE_FILE, name::SOURCE_ROW);
    let refused = at(&rejections, name::FILE, name::ROW);
    let (mut found, mut settled, mut missed) = (Vec::new(), 0, 0i128);
    for (number, charge) in world.charges.iter().enumerate() {
        let (file, row) = place_of(number, split);
        let place = (String::from(file), row.to_string());
        match (oracle.decide(charge), by_place.get(&place)) {
            (Err(_), None) if refused.get(&place).is_some_and(|r| rejections.cell(r, name::REASON) == "too_large") => {}
            (Ok(line), Some(row)) => {
                settled += 1;
                missed += line.money.missed_billing;
                let wrong = expected_line(&line).into_iter().filter(|(column, expected)| lines.cell(row, column) != expected);
                found.extend(wrong.map(|(column, expected)| format!("charge {number}: {column} is {:?}, oracle {expected:?}", lines.cell(row, column))));
            }
            (expected, given) => found.push(format!("charge {number}: line {}, oracle {expected:?}", given.is_some())),
        }
    }
    if lines.rows.len() != settled {
        found.push(format!("{} lines of {settled} charges", lines.rows.len()));
    }
    let daily = read(job, Table::FactCreditDaily);
    let summed: i128 = daily.column(name::MISSED_CREDIT_BILLING).iter().map(|m| crate::tables::unscaled(m)).sum();
    if summed != missed {
        found.push(format!("missed credit of the daily sums {summed}, oracle {missed}"));
    }
    found.extend(interval_differences(job, oracle));
    found.extend(rejection_differences(&rejections, oracle));
    found
}

/// `fact_access_interval` has a row per linked organisation: without that it holds what the oracle holds.
fn interval_differences(job: &Job, oracle: &Oracle) -> Vec<String> {
    let rows = read(job, Table::FactAccessInterval);
    let columns = [name::ASSIGNMENT_ID, name::PRINCIPAL_ID, name::ROLE_DEFINITION_ID, name::SPAN_FROM, name::SPAN_UNTIL, name::STARTED_BY, name::STOPPED_BY];
    let given: BTreeSet<String> = rows
        .rows
        .iter()
        .map(|row| {
            let key = ArmPath::read(rows.cell(row, name::SCOPE)).key();
            format!("{key} {:?}", columns.map(|c| rows.cell(row, c)))
        })
        .collect();
    let expected: BTreeSet<String> = oracle
        .held
        .iter()
        .map(|h| {
            let until = if h.until == Instant::MAX.0 { String::new() } else { instant(h.until) };
            let cells = [
                h.assignment.clone(),
                h.principal.clone(),
                h.role.clone(),
                instant(h.from),
                until,
                h.started_by.into(),
                h.stopped_by.unwrap_or_default().into(),
            ];
            format!("{} {:?}", h.path.key(), cells.each_ref().map(String::as_str))
        })
        .collect();
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>, who: &str| a.difference(b).map(|i| format!("interval of the {who} only: {i}")).collect::<Vec<_>>();
    [only(&given, &expected, "program"), only(&expected, &given, "oracle")].concat()
}

fn rejection_differences(rows: &Rows, oracle: &Oracle) -> Vec<String> {
    let audit = rows.rows.iter().filter(|row| rows.cell(row, name::FILE).starts_with("audit/"));
    let given: BTreeSet<String> =
        audit.map(|row| format!("{} {} {}", rows.cell(row, name::FILE), rows.cell(row, name::ROW), rows.cell(row, name::REASON))).collect();
    let expected: BTreeSet<String> =
        oracle.rejected.iter().map(|(Place { file, row }, reason)| format!("audit/{file}.parquet {row} {}", reason.word())).collect();
    if given == expected { Vec::new() } else { vec![format!("rejections {given:?}, oracle {expected:?}")] }
}

/// Whether amounts of the world, or quantities of one daily cell, add up to more than decimal(38) holds.
fn is_absurd(world: &World, oracle: &Oracle) -> bool {
    let amounts = |m: &Money| [m.list_cost, m.credit_pricing, m.credit_billing, m.missed_billing, m.applied_billing.unwrap_or(0)];
    let lower = |id: &Option<String>| id.as_ref().map(|id| id.to_ascii_lowercase()).filter(|id| !id.is_empty());
    // Any part of the lines may be a sum of some table: those of one sign, together, are the largest.
    let mut sums: BTreeMap<String, u128> = BTreeMap::new();
    for (charge, line) in world.charges.iter().filter_map(|c| Some((c, oracle.decide(c).ok()?))) {
        let cell = (charge.usage_date, lower(&charge.subscription_id), lower(&charge.product.meter_id), line.outcome, line.evidence);
        let quantity = (format!("{cell:?}"), charge.numbers.quantity.map_or(0, |q| q.0));
        let all = amounts(&line.money).into_iter().enumerate().map(|(column, amount)| (column.to_string(), amount));
        for (key, value) in all.chain([quantity]) {
            let sum = sums.entry(format!("{key} {}", value.signum())).or_default();
            *sum = sum.saturating_add(value.unsigned_abs());
        }
    }
    sums.values().any(|sum| *sum >= LIMIT)
}

/// The whole program against the naive one: R-AGAIN-6, R-CONSERVE and every rule that decides a charge.
#[test]
fn whole_jobs_agree_with_the_naive_program() {
    let (mut worlds, mut stopped, mut too_large, mut charges, mut wrong) = (0, 0, 0, 0, Vec::new());
    for seed in seeds() {
        let world = writable(World::new(seed));
        let mut dice = Dice::new(seed ^ 0x5EED);
        let workshop = Workshop::empty();
        let split = dice.below(world.charges.len() + 1);
        let format = if seed % 5 == 0 { "delta" } else { "parquet" };
        let job = write(&world, &workshop.path(""), split, format, &mut dice);
        let settled = try_run(&job, &RunOptions { threads: 1 + dice.below(4), ..options() });
        let oracle = Oracle::new(world.inputs.clone());
        match (settled, oracle) {
            (Err(error), Err(_)) if error.exit_code() == 3 => stopped += 1,
            // Details 32: absurd amounts that fit line by line, and not together.
            (Err(error), Ok(oracle)) if error.trouble().code == "sum_too_large" => {
                println!("seed {seed}: {error}");
                too_large += 1;
                assert!(is_absurd(&world, &oracle), "seed {seed}: nothing here is too large: {error}");
            }
            (Ok(_), Ok(oracle)) => {
                worlds += 1;
                charges += world.charges.len();
                wrong.extend(differences(&job, &world, split, &oracle).into_iter().map(|d| format!("seed {seed}: {d}")));
            }
            (settled, oracle) => {
                wrong.push(format!("seed {seed}: run {:?}, oracle stops {}", settled.map(|s| s.run_id).map_err(|e| e.to_string()), oracle.is_err()))
            }
        }
    }
    println!("worlds {worlds}, stopped {stopped}, sums too large {too_large}, charges {charges}, differences {}", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n"));
    assert!(too_large * 10 <= worlds + stopped + too_large, "too many worlds were not compared");
}

fn knowledge(world: &World) -> Option<Knowledge> {
    learned(world).map(|learned| learned.knowledge)
}

/// The DataFrame join and its naive twin find the same intervals on every chain and day.
#[test]
fn the_join_finds_what_its_naive_twin_finds() {
    let mut pairs = 0;
    for seed in 0..200 {
        let world = World::new(seed);
        let Some(knowledge) = knowledge(&world) else { continue };
        let narrow = |n: usize| u32::try_from(n).expect("few");
        let (mut rows, mut codes) = (Vec::new(), BTreeMap::new());
        for (code, (scope, intervals)) in knowledge.access.scopes().enumerate() {
            codes.insert(String::from(scope.key()), narrow(code));
            let row = |at: &usize| {
                let span = knowledge.intervals()[*at].span;
                ScopeInterval { scope: narrow(code), interval: narrow(*at), from: span.from.0, until: span.until.0 }
            };
            rows.extend(intervals.iter().map(row));
        }
        let frame = IntervalFrame::new(&rows).expect("a frame");
        let (mut asked, mut expected) = (Vec::new(), Vec::new());
        let questions = world.charges.iter().flat_map(|charge| (-1..7).map(move |day| (charge, Day(FIRST_DAY + day))));
        for (asks, (charge, day)) in questions.enumerate() {
            let scope = charge_scope(charge.resource_id.as_deref(), charge.resource_group.as_deref(), charge.subscription_id.as_deref());
            let chain = scope.as_ref().map(|s| knowledge.access.chain(s, &knowledge.groups)).unwrap_or_default();
            let span = day.span(knowledge.rules.day_offset_minutes);
            let codes = chain.iter().map(|s| codes[s.key()]);
            asked.extend(codes.map(|scope| ChainDay { asks: narrow(asks), scope, day_from: span.from.0, day_until: span.until.0 }));
            expected.extend(knowledge.on_chain(&chain, day).into_iter().map(|at| (narrow(asks), narrow(at))));
        }
        expected.sort_unstable();
        pairs += expected.len();
        assert_eq!(frame.join(&asked).expect("a join"), expected, "seed {seed}");
    }
    assert!(pairs > 1_000, "{pairs} pairs prove little");
}

/// What the worlds are worth: they reach every outcome that files can show.
#[test]
fn the_worlds_reach_every_outcome() {
    let mut seen: BTreeSet<Outcome> = BTreeSet::new();
    for seed in 0..25 {
        let world = writable(World::new(seed));
        if let Ok(oracle) = Oracle::new(world.inputs.clone()) {
            seen.extend(world.charges.iter().filter_map(|c| oracle.decide(c).ok()).map(|line| line.outcome));
        }
        assert!(world.inputs.first_record <= world.inputs.newest_record.or(Some(RawInstant(i128::MAX))));
    }
    let missing: Vec<_> = Outcome::ALL.into_iter().filter(|o| !seen.contains(o)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
