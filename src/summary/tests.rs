//! The JSON shape of details 36, exactness of sums, and the screen as people see it.

use super::*;
use crate::error::Result;

const ONE: i128 = 1_000_000_000_000;
const VM: &str = "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-1";

fn cell(outcome: Outcome, evidence: Evidence, credit: i128, missed: i128) -> Cell {
    Cell {
        outcome,
        evidence,
        billing_currency: Some("EUR".into()),
        pricing_currency: Some("USD".into()),
        customer: Some("C-1".into()),
        charges: 2,
        list_cost: 100 * ONE,
        credit,
        missed,
        applied: credit / 2,
    }
}

fn facts() -> RunFacts {
    RunFacts {
        run_id: "0192".into(),
        files: Files { written: 28, kept: 3, replaced: 2, removed: 0 },
        tables: vec![TableWritten { name: "fact_credit_line".into(), version: Some(3), rows: 3_120_440 }],
        took: Duration::from_millis(2_350),
        ..RunFacts::default()
    }
}

fn tally() -> Result<Tally> {
    let mut tally = Tally::default();
    tally.add_line(cell(Outcome::Covered, Evidence::Complete, 1_500 * ONE + 5, 0))?;
    tally.add_line(cell(Outcome::Gap, Evidence::Complete, 0, 400 * ONE))?;
    tally.add_line(cell(Outcome::Gap, Evidence::Provisional, 0, 20 * ONE))?;
    tally.add_line(Cell { customer: Some("c-1".into()), ..cell(Outcome::NoAccess, Evidence::Complete, 0, 80 * ONE) })?;
    tally.add_line(cell(Outcome::NoAccess, Evidence::BeforeFirstRecord, 0, 9_000 * ONE))?;
    tally.add_line(Cell { billing_currency: Some("CHF".into()), ..cell(Outcome::NotUsage, Evidence::Complete, 0, 0) })?;
    tally.add_missed_scope(Some("EUR".into()), Some(VM), 400 * ONE)?;
    tally.add_missed_scope(Some("EUR".into()), Some(&VM.replace("vm-1", "vM-1")), 20 * ONE)?;
    tally.add_missed_scope(Some("EUR".into()), Some("/subscriptions/s-2"), 80 * ONE)?;
    tally.add_rows(13, 1, 4);
    tally.add_rejections_other(2);
    tally.add_price_adjusted(Some("USD".into()), 3, 7 * ONE)?;
    tally.add_unknown_role("r-1", 2);
    tally.count("contradictions", 1);
    tally.warn("no_snapshot", "No list of assignments was given.");
    tally.warn("no_snapshot", "No list of assignments was given.");
    Ok(tally)
}

fn summary() -> Summary {
    tally().and_then(|t| t.finish(facts())).expect("sums fit")
}

#[test]
fn the_json_is_that_of_details_36() {
    let expect = r#"{"run_id":"0192","nothing_to_do":false,"files":{"written":28,"kept":3,"replaced":2,"removed":0},"rows_read":13,"credit_lines":12,"rejections":1,"rejections_other":2,"operands_rounded":4,"totals":[{"billing_currency":"CHF","list_cost":"100","credit":"0","missed_credit":"0","applied_credit":"0"},{"billing_currency":"EUR","list_cost":"500","credit":"1500.000000000005","missed_credit":"500","applied_credit":"750.000000000002"}],"coverage":[{"billing_currency":"CHF","rate":null},{"billing_currency":"EUR","rate":"0.750000"}],"outcomes":[{"outcome":"not_usage","evidence":"complete","billing_currency":"CHF","charges":2,"credit":"0","missed_credit":"0"},{"outcome":"no_access","evidence":"before_first_record","billing_currency":"EUR","charges":2,"credit":"0","missed_credit":"9000"},{"outcome":"no_access","evidence":"complete","billing_currency":"EUR","charges":2,"credit":"0","missed_credit":"80"},{"outcome":"gap","evidence":"provisional","billing_currency":"EUR","charges":2,"credit":"0","missed_credit":"20"},{"outcome":"gap","evidence":"complete","billing_currency":"EUR","charges":2,"credit":"0","missed_credit":"400"},{"outcome":"covered","evidence":"complete","billing_currency":"EUR","charges":2,"credit":"1500.000000000005","missed_credit":"0"}],"price_adjusted":[{"pricing_currency":"USD","lines":3,"amount":"7"}],"unknown_roles":[{"role_definition_id":"r-1","assignments":2}],"top_customers":[{"id":"C-1","billing_currency":"EUR","missed_credit":"500"}],"top_scopes":[{"id":"/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vM-1","billing_currency":"EUR","missed_credit":"420"},{"id":"/subscriptions/s-2","billing_currency":"EUR","missed_credit":"80"}],"contradictions":1,"counts":{"contradictions":1},"warnings":[{"code":"no_snapshot","text":"No list of assignments was given."}],"tables":[{"name":"fact_credit_line","version":3,"rows":3120440}],"took_seconds":2.35}"#;
    assert_eq!(summary().to_json().to_string(), expect);
}

#[test]
fn the_screen_is_a_pleasure_to_read() {
    let text = summary().to_text(100, false);
    assert_eq!(text, SCREEN);
    assert!(summary().to_text(60, false).lines().all(|line| line.chars().count() <= 86), "narrow screens wrap prose");
    assert!(summary().to_text(100, true).contains("\x1b[1mCredit\x1b[0m"));
}

const SCREEN: &str = r"pecan run 0192

  Charges      13 rows read: 12 credit lines, 1 rejection (7.69 %)
               2 covered · 6 that missed credit · 2 without evidence · 2 not usage
  List cost    600.00 USD
  Files        28 written, 2 replaced, 3 kept, 0 removed
  Time         2.3 s, 5 rows/s

Credit
  Currency           Credit    Missed credit         Coverage   Applied by Microsoft
 ────────────────────────────────────────────────────────────────────────────────────
  CHF                  0.00             0.00                –                   0.00
  EUR              1,500.00           500.00          75.00 %                 750.00

Why credit was missed
  Outcome            Charges    Missed credit            Share
 ──────────────────────────────────────────────────────────────
  gap                      4       420.00 EUR          84.00 %
  no access                2        80.00 EUR          16.00 %
  Provisional  20.00 EUR of it: those days are not over at the cutoff

Before the first record: nothing is known, so nothing is called lost
         Charges   Credit in doubt
 ──────────────────────────────────
               2      9,000.00 EUR

Customers that missed most
   Missed credit   Customer
 ───────────────────────────
      500.00 EUR   C-1

Scopes that missed most
   Missed credit   Scope
 ───────────────────────────────────────────────────────────────────────────────────────────────────
      420.00 EUR   /subscriptions/s-1/resourc…s/rg/providers/Microsoft.Compute/virtualMachines/vM-1
       80.00 EUR   /subscriptions/s-2

Worth a look
  Rejections   1 charge row, 2 rows of audit and reference files; each with its reason in table
               rejection
  Roles        unknown, so not earning unless the job says otherwise: r-1 (2 assignments)
  Records      1 contradiction, resolved against credit
  Prices       3 lines with 7.00 USD less net cost than our rate explains
  Numbers      4 operands rounded to 22 places

Tables
  Table                     Version             Rows
 ────────────────────────────────────────────────────
  fact_credit_line                3        3,120,440

Warnings
  ! No list of assignments was given. [no_snapshot]
";

#[test]
fn a_run_with_nothing_to_do_says_so_in_one_sentence() {
    let facts = RunFacts { nothing_to_do: true, files: Files { kept: 31, ..Files::default() }, ..facts() };
    let summary = Tally::default().finish(facts).expect("nothing");
    assert_eq!(summary.to_text(80, false), "pecan run 0192\nNothing to do: the output already says everything the inputs say (31 files kept).\n");
    assert_eq!(summary.to_json()["nothing_to_do"], true);
    assert_eq!(summary.to_json()["totals"], serde_json::json!([]));
}

#[test]
fn merging_in_any_order_is_the_same() {
    let parts: Vec<Tally> = (0..3).map(|_| tally().expect("sums fit")).collect();
    let merged = |order: [usize; 3]| {
        let mut all = Tally::default();
        order.iter().for_each(|i| all.merge(parts[*i].clone()).expect("sums fit"));
        all.finish(facts()).expect("sums fit")
    };
    assert_eq!(merged([0, 1, 2]), merged([2, 0, 1]));
    assert_eq!(merged([0, 1, 2]).totals[1].missed_credit, Amount(1_500 * ONE));
}

#[test]
fn sums_that_do_not_fit_name_the_group() {
    let huge = || cell(Outcome::Covered, Evidence::Complete, i128::MAX / 2, 0);
    let mut tally = Tally::default();
    tally.add_line(huge()).expect("one fits 128 bits");
    let mut merged = tally.clone();
    tally.add_rows(2, 0, 0);
    tally.add_line(cell(Outcome::Covered, Evidence::Complete, -i128::MAX / 2, 0)).expect("cancels");
    tally.add_rows(2, 0, 0);
    assert!(tally.finish(facts()).is_ok(), "only finished sums are tested");
    merged.add_line(huge()).expect("twice still fits 128 bits");
    let error = merged.clone().finish(facts()).expect_err("beyond decimal(38,12)");
    assert_eq!((error.exit_code(), error.trouble().place.as_str()), (3, "billing currency EUR"));
    let error = merged.add_line(huge()).expect_err("beyond 128 bits");
    assert_eq!(error.trouble().place, "outcome covered, evidence complete, billing currency EUR");
}

#[test]
fn lost_rows_are_our_mistake() {
    let mut tally = tally().expect("sums fit");
    tally.add_rows(1, 0, 0);
    assert_eq!(tally.finish(facts()).expect_err("a row too many").exit_code(), 1);
}

#[test]
fn the_ten_that_missed_most_are_chosen_deterministically() {
    let mut tally = Tally::default();
    for n in 0..15 {
        let customer = Some(format!("c-{:02}", 14 - n));
        tally.add_line(Cell { customer, charges: 0, ..cell(Outcome::Gap, Evidence::Complete, 0, if n < 12 { ONE } else { 2 * ONE }) }).expect("fits");
    }
    let summary = tally.finish(facts()).expect("fits");
    let ids: Vec<&str> = summary.top_customers.iter().filter_map(|t| t.id.as_deref()).collect();
    assert_eq!(ids, ["c-00", "c-01", "c-02", "c-03", "c-04", "c-05", "c-06", "c-07", "c-08", "c-09"]);
    assert_eq!(summary.top_customers[2].missed_credit, Amount(2 * ONE));
}
