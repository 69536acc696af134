//! `pecan explain` on the sample data: the story a person reads, and its twin for programs (sample_data/README.md says
//! what happens on which day; `expected_outcomes.csv` is the second opinion).

use std::path::Path;

use pecan::error::Result;
use pecan::explain::Story;
use pecan::job::{Job, Question, parse_day};
use pecan::progress::Progress;
use serde_json::Value;

const WIDTH: usize = 100;
const SEPTEMBER: &str = "contoso:pec-actual/20260901-20260930/part_0_0001.snappy.parquet";
const OCTOBER: &str = "contoso:pec-actual/20261001-20261031/part_0_0001.snappy.parquet";
const LITWARE: &str = "/subscriptions/55555555-0000-4000-8000-000000000002";

fn job(overrides: &[&str]) -> Job {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/daily.toml");
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    Job::load(&path, &overrides).expect("job of the sample data")
}

fn explain(job: &Job, question: &Question) -> Result<Story> {
    pecan::explain::explain(job, question, 2, &Progress::off())
}

fn on_line(text: &str, overrides: &[&str]) -> Story {
    let job = job(overrides);
    explain(&job, &Question::line(text, &job).expect("a line")).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn on_day(date: &str, resource: &str) -> Result<Story> {
    explain(&job(&[]), &Question::Day { date: parse_day(date).expect("a day"), resource: resource.to_owned() })
}

/// The text in one line, so that sentences are found however they are wrapped.
fn flat(story: &Story) -> String {
    story.to_text(WIDTH, false).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(story: &Story, sentences: &[&str]) {
    let text = flat(story);
    for sentence in sentences {
        assert!(text.contains(sentence), "{sentence:?} is not in\n{}", story.to_text(WIDTH, false));
    }
}

/// The only charge of a story.
fn charge(story: &Story) -> Value {
    story.to_json()["stories"][0]["charges"][0].clone()
}

#[test]
fn a_gap_day_is_told_in_full() {
    let story = on_day("2026-09-16", &format!("{LITWARE}/resourcegroups/RG-APP/providers/Microsoft.Compute/virtualMachines/vm-app/")).expect("story");
    let told = story.to_text(WIDTH, false);
    let expected = include_str!("explain/gap_day.txt");
    assert_eq!(told, expected, "\n{told}");
    let coloured = story.to_text(WIDTH, true);
    assert!(coloured.contains("\x1b[31m") && coloured.contains("\x1b[32m"));
    // Only ids and file names, which are there to be copied, may be longer than the line.
    let narrow = story.to_text(80, false);
    let long: Vec<&str> = narrow.lines().filter(|l| l.chars().count() > 80 && !l.contains("/subscriptions/") && !l.contains(".parquet:")).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn json_holds_every_operand_and_interval() {
    let story = on_day("2026-09-16", &format!("{LITWARE}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app")).expect("story");
    let json = story.to_json();
    let told = &json["stories"][0];
    assert_eq!(json["stories"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["access"]["organisations"][0]["gaps"][0]["seconds"], "3600");
    assert_eq!(told["access"]["organisations"][0]["gaps"][0]["from"], "2026-09-16T10:00:00Z");
    let intervals = told["access"]["intervals"].as_array().expect("intervals");
    assert_eq!(intervals.iter().map(|i| i["counts"][0]["why"].as_str().unwrap_or_default()).collect::<Vec<_>>(), ["counts", "counts"]);
    assert_eq!(intervals[0]["stopped_caller"], "admin@contoso.example");
    assert_eq!(intervals[0]["day_until"], "2026-09-16T10:00:00Z");
    let charge = charge(&story);
    assert_eq!((&charge["outcome"], &charge["missed_credit_billing"]), (&Value::from("gap"), &Value::from("0.3469824")));
    let credit = charge["arithmetic"].as_array().and_then(|all| all.iter().find(|s| s["name"] == "credit_at_covered_billing")).expect("credit");
    let operands: Vec<&str> = credit["operands"].as_array().expect("operands").iter().filter_map(|o| o["value"].as_str()).collect();
    assert_eq!(operands, ["24.096", "0.096", "0.15", "1"]);
    for rule in ["R-DAY-2", "R-DAY-3", "R-MONEY-2", "R-RATE-1"] {
        assert!(charge["rules"].as_array().is_some_and(|all| all.contains(&Value::from(rule))), "{rule}: {}", charge["rules"]);
    }
}

#[test]
fn two_organisations_do_not_relay() {
    let story = on_line(&format!("{SEPTEMBER}:145"), &[]);
    says(
        &story,
        &[
            "Not earned: on 2026-09-14 northwind had Contributor on the subscription from 11:00 UTC; 11 hours were missing, and a day earns only if covered throughout (R-DAY-2, R-DAY-3).",
            "contoso had Owner on the subscription until 12:00 UTC, but one organisation alone must cover the day (R-DAY-4).",
            "contoso ████████████████████████························",
            "northwind ······················██████████████████████████",
            "Microsoft's flag says yes and gives more than is expected (R-MONEY-5)",
        ],
    );
    let link = on_line(&format!("{OCTOBER}:20"), &[]);
    says(
        &link,
        &[
            "The link of its principal to northwind stopped at 12:00 UTC (R-PARTY-2).",
            "counts for northwind only while its principal is linked: 00:00–12:00 (R-PARTY-2)",
        ],
    );
    let together = on_line(&format!("{SEPTEMBER}:145"), &["rules.combine_parties=union"]);
    says(
        &together,
        &[
            "Earned: on 2026-09-14 contoso (billed partner) and northwind (reseller of record) had Owner on the subscription and Contributor on the subscription throughout the day, relaying each other (R-DAY-2, R-DAY-4).",
            "together ████████████████████████████████████████████████",
        ],
    );
}

#[test]
fn every_access_outcome_has_its_sentence() {
    says(
        &on_line(&format!("{SEPTEMBER}:40"), &[]),
        &[
            "Not earned: on 2026-09-03 a principal with Contributor on the subscription is not linked to contoso (billed partner) while the role is held; linked to contoso since 2026-09-05 00:00 (R-PARTY-2, R-OUTCOME-3).",
            "✗ Contributor on the subscription, since 2024-11-05 15:00 does not count for contoso: its principal is not linked at that time (R-PARTY-2)",
        ],
    );
    says(
        &on_line(&format!("{SEPTEMBER}:36"), &[]),
        &[
            "Not earned: on 2026-09-03 contoso had Reader on the subscription, not a role that earns (R-ROLE-1, R-OUTCOME-2).",
            "does not count for contoso: Microsoft's list says that the role does not earn (R-ROLE-1)",
            "Just outside the day · Contributor on the subscription, 2026-09-18 09:30 → 2026-10-08 16:45",
        ],
    );
    says(
        &on_line(&format!("{SEPTEMBER}:7"), &[]),
        &[
            "Not claimed: on 2026-09-01 no principal of contoso (billed partner) had any role on this resource or above it (R-SCOPE-1, R-OUTCOME-1). Credit in doubt: 0.35 USD.",
            "Evidence before the first record: nothing is known of this subscription before 2026-09-02 08:15 UTC, so nothing is claimed and nothing is called lost (R-DAY-6, details 27).",
        ],
    );
    says(
        &on_line(&format!("{OCTOBER}:148"), &[]),
        &[
            "Earned so far: on 2026-10-18 contoso had Owner on the subscription throughout the day (R-DAY-2).",
            "Evidence provisional: the day is not over at the cutoff 2026-10-18 06:00 UTC, up to which the audit log is complete; this may change (R-DAY-6).",
            "cutoff 06:00: what comes later is drawn as if nothing changed",
        ],
    );
}

#[test]
fn outcomes_before_access_say_so() {
    says(
        &on_line("archive:2026-09/usage.parquet:11", &[]),
        &["the charge is billed by tenant dddddddd-0000-4000-8000-000000000404, which the partners table does not know (R-PARTY-3)"],
    );
    says(
        &on_line("fabrikam:fabrikam-daily/20261001-20261031/part_0_0001.csv:21", &[]),
        &[
            "the programme agreement of fabrikam was active on 2026-10-12 only until 18:00 UTC, and it must be active for the whole day (R-PARTY-3). Missed credit: 0.33 EUR.",
        ],
    );
    says(&on_line(&format!("{SEPTEMBER}:148"), &[]), &["Nothing to earn: the charge type is Purchase, and only usage earns (R-PRODUCT-1)."]);
    let many =
        on_day("2026-09-11", "/subscriptions/55555555-0000-4000-8000-000000000001/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/vm-web-03")
            .expect("story");
    says(
        &many,
        &[
            "2 charges. Not earned: this product is a savings plan, as the charge itself shows, and such products never earn (R-PRODUCT-1).",
            "9 in USD list cost 33.33 USD",
            "112 Units 3.86 0.00 0.00 excluded: third_party",
        ],
    );
    assert_eq!(many.to_json()["stories"][0]["charges"].as_array().map(Vec::len), Some(9));
}

#[test]
fn a_rejection_is_explained_as_one() {
    let story = on_line("fabrikam:fabrikam-daily/20260901-20260930/part_0_0001.csv.gz:13", &[]);
    says(
        &story,
        &[
            "Rejected: this row is no charge, for its column Date reads \"09/31/2026\" (not_a_date). It earns nothing and is part of no sum; it is kept in the table rejection (R-CONSERVE).",
        ],
    );
    let json = story.to_json();
    assert_eq!((&json["rejections"][0]["reason"], &json["stories"]), (&Value::from("not_a_date"), &Value::Array(Vec::new())));
}

#[test]
fn what_is_not_there_is_exit_3_with_near_misses() {
    let vm = format!("{LITWARE}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm-app");
    let not_found = |date: &str, resource: &str| {
        let error = on_day(date, resource).expect_err("no story");
        (error.exit_code(), error.trouble().code, format!("{} | {}", error.trouble().seen, error.trouble().next))
    };
    let (exit, code, text) = not_found("2026-09-16", vm.trim_end_matches('p'));
    assert_eq!((exit, code), (3, "no_charges"));
    assert!(text.contains(&format!("Did you mean --resource '{vm}'?")), "{text}");
    let (_, _, text) = not_found("2025-09-16", &vm);
    assert!(text.contains("it has charges on 25 days from 2026-09-01 to 2026-10-17") && text.contains("2026-09-01"), "{text}");
    let (_, _, text) = not_found("2026-09-16", "/subscriptions/55555555-0000-4000-8000-000000000002/resourceGroups/rg-app-10");
    assert!(text.contains("1 charge below it: ") && text.contains("Ask about one of the resources below it"), "{text}");
    let (exit, code, text) = not_found("2026-09-16", "vm-app");
    assert_eq!((exit, code), (3, "not_an_arm_id"));
    assert!(text.contains(&vm), "{text}");

    let job = job(&[]);
    let line = |text: &str| explain(&job, &Question::line(text, &job).expect("a line")).expect_err("no story");
    let error = line("part_0_0001.snappy.parquet:3");
    assert_eq!((error.exit_code(), error.trouble().code), (3, "no_such_file"));
    assert!(error.trouble().seen.contains(SEPTEMBER), "{error}");
    let error = line(&format!("{SEPTEMBER}:3000"));
    assert_eq!((error.trouble().code, error.trouble().seen.as_str()), ("no_such_row", "the file has 250 rows"));
}

/// Every seventh line of the second opinion, so that all sources, months and most outcomes come up.
#[test]
fn stories_agree_with_the_second_opinion() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/expected_outcomes.csv")).expect("expected outcomes");
    let mut lines = text.lines().map(|l| l.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("header");
    let at = |name: &str| header.iter().position(|h| *h == name).expect("column");
    let plain = |number: &str| if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').to_owned() } else { number.to_owned() };
    for line in lines.step_by(7) {
        let place = format!("{}:{}:{}", line[at("source")], line[at("source_file")], line[at("source_row")]);
        let told = charge(&on_line(&place, &[]));
        for column in [
            "outcome",
            "evidence",
            "rate",
            "list_cost",
            "credit_billing",
            "missed_credit_billing",
            "applied_credit_billing",
            "organisation_id",
            "covered_seconds",
        ] {
            let seen = match &told[column] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(seen, plain(line[at(column)]), "{place} {column}");
        }
        let result = |name: &str| told["arithmetic"].as_array().and_then(|all| all.iter().find(|s| s["name"] == name)).map(|s| s["result"].clone());
        assert_eq!(result("expected"), Some(told["credit_billing"].clone()), "{place}");
    }
}
