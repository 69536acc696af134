//! R-MONTH: single charges and lines, then random months with planted differences against a naive twin.

mod lines;
mod planted;
mod twin;
mod world;

use super::*;
use crate::charge::{Evidence, Outcome};
use crate::money::{D12, D22, parse_number, product, product_less};

fn d(text: &str) -> D22 {
    D22(parse_number(text).expect("test number").value)
}

/// A charge of quantity 10 at list price 1, exchange rate 2, our rate 0.15; `net` in pricing currency.
fn settled(outcome: Outcome, applied: Option<(bool, &str)>, net: &str) -> Settled {
    let credit = |factors: &[D22]| if outcome == Outcome::Covered { product(factors).expect("fits") } else { D12(0) };
    Settled {
        outcome,
        evidence: Evidence::Complete,
        rate: Some(d("0.15")),
        quantity: Some(d("10")),
        list_unit_price: Some(d("1")),
        exchange_rate: Some(d("2")),
        list_cost: product(&[d("10"), d("1")]).expect("fits"),
        credit_pricing: credit(&[d("10"), d("0.15")]),
        credit_billing: credit(&[d("10"), d("0.15"), d("2")]),
        applied: applied.map(|(flag, _)| flag),
        applied_billing: applied.map(|(flag, rate)| if flag { product(&[d("10"), d(rate), d("2")]).expect("fits") } else { D12(0) }),
        implied_pricing: Some(product_less(d("10"), d("1"), d(net)).expect("fits")),
        invoiced: true,
    }
}

fn found(charge: &Settled) -> Option<(String, Cause)> {
    charge_difference(charge).expect("fits").map(|difference| (difference.difference.to_string(), difference.cause))
}

#[test]
fn every_cause_of_a_charge_in_the_order_of_judgement() {
    use Outcome::{Covered, Gap};
    let yes = Some((true, "0.15"));
    let no = Some((false, "0"));
    let some = |difference: &str, cause| Some((difference.to_string(), cause));
    assert_eq!(found(&settled(Covered, yes, "8.5")), None);
    assert_eq!(found(&settled(Gap, no, "10")), None);
    assert_eq!(found(&settled(Gap, None, "10")), None, "nothing expected and nothing said");
    assert_eq!(found(&settled(Covered, no, "10")), some("3", Cause::MissingCredit));
    assert_eq!(found(&settled(Covered, no, "9.8")), some("3", Cause::MissingCredit), "a small discount is no credit");
    assert_eq!(found(&settled(Covered, no, "8.5")), some("3", Cause::PricedNotFlagged));
    assert_eq!(found(&settled(Covered, no, "8.49")), some("3", Cause::PricedNotFlagged), "0.001 of list");
    assert_eq!(found(&settled(Covered, no, "8.489")), some("3", Cause::PriceAdjustment));
    assert_eq!(found(&settled(Covered, no, "0")), some("3", Cause::PriceAdjustment), "100 % tier discount");
    assert_eq!(found(&settled(Gap, yes, "8.5")), some("-3", Cause::UnexpectedCredit));
    assert_eq!(found(&settled(Covered, Some((true, "0.1")), "9")), some("1", Cause::Rate));
    assert_eq!(found(&settled(Covered, Some((true, "0")), "10")), some("3", Cause::Rate));
    assert_eq!(found(&settled(Covered, None, "8.5")), some("3", Cause::MissingInStatement));
    assert_eq!(found(&Settled { invoiced: false, ..settled(Covered, None, "8.5") }), some("3", Cause::UnbilledYet));
    assert_eq!(found(&Settled { invoiced: false, ..settled(Covered, no, "8.5") }), some("3", Cause::PricedNotFlagged), "a real open month");
    let unknown = Settled { evidence: Evidence::BeforeFirstRecord, ..settled(Outcome::NoAccess, yes, "8.5") };
    assert_eq!(found(&unknown), some("-3", Cause::BeforeFirstRecord));
}

#[test]
fn equal_rates_leave_rounding_or_the_base() {
    let by = |credit: i128| {
        let charge = settled(Outcome::Covered, Some((true, "0.15")), "8.5");
        found(&Settled { credit_billing: D12(charge.credit_billing.0 + credit), ..charge })
    };
    assert_eq!(by(999_999), Some(("0.000000999999".to_string(), Cause::Rounding)));
    assert_eq!(by(-999_999), Some(("-0.000000999999".to_string(), Cause::Rounding)));
    assert_eq!(by(1_000_000), Some(("0.000001".to_string(), Cause::PriceAdjustment)), "the bound itself is above it");
    assert_eq!(by(-600_000_000_000), Some(("-0.6".to_string(), Cause::PriceAdjustment)), "credit_base = net");
}

#[test]
fn the_bound_of_rounding_is_two_truncations_a_line() {
    assert_eq!(rounding_bound(1, d("1")).to_string(), "0.02");
    assert_eq!(rounding_bound(3, d("0.5")).to_string(), "0.045");
    assert_eq!(rounding_bound(0, d("1")).to_string(), "0");
}

#[test]
fn words_are_those_of_the_rule() {
    let words: Vec<&str> = Cause::ALL.iter().map(|cause| cause.word()).collect();
    assert_eq!(
        words.join(" "),
        "missing_credit unexpected_credit priced_not_flagged rate price_adjustment price quantity missing_in_statement missing_in_ours rounding unbilled_yet before_first_record"
    );
}
