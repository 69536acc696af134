//! R-AGAIN-5: news, closes and reopenings in any order add up to the final truth.

use super::*;
use crate::time::parse_day;

/// A small deterministic generator: seeds are loop counters.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn key(day: u64, meter: u64, outcome: &str) -> LedgerKey {
    LedgerKey {
        usage_date: parse_day(&format!("2026-09-{:02}", day + 1)).expect("a date"),
        ids: [Some("c".into()), Some("s".into()), None, Some(format!("m{meter}")), None, None],
        currencies: [Some("USD".into()), Some("EUR".into())],
        outcome: outcome.into(),
        rate: Some(D22(1_500_000_000_000_000_000_000)),
    }
}

fn sums(amount: i128) -> Sums {
    Sums { quantity: D22(amount * 3), list_cost: D12(amount * 10), credit_billing: D12(amount), difference: D12(amount % 7) }
}

fn known(months: &[(&str, i128)]) -> BTreeMap<String, State> {
    let mut now: BTreeMap<String, State> = BTreeMap::new();
    for (month, amount) in months {
        now.entry((*month).to_string()).or_default().add(&key(0, 0, "covered"), sums(*amount)).expect("fits");
    }
    now
}

#[test]
fn news_about_a_closed_month_is_booked_once_in_the_next_close() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.close("2026-09", &known(&[("2026-09", 100)])), Ok(vec![]));
    let later = known(&[("2026-09", 130), ("2026-10", 7)]);
    let booked = ledger.close("2026-10", &later).expect("fits");
    assert_eq!(booked.len(), 1);
    assert_eq!((booked[0].billing_month.as_str(), booked[0].adjusts_month.as_str()), ("2026-10", "2026-09"));
    assert_eq!((booked[0].sums.credit_billing, booked[0].sums.quantity), (D12(30), D22(90)));
    assert_eq!(ledger.close("2026-10", &later), Ok(vec![]), "closing twice without news adds none");
    assert_eq!(ledger.as_closed("2026-09"), known(&[("2026-09", 100)]).get("2026-09"), "a closed month is never rewritten");
}

#[test]
fn news_that_is_taken_back_vanishes_and_a_changed_outcome_is_two_lines() {
    let mut ledger = Ledger::default();
    ledger.close("2026-09", &known(&[("2026-09", 100)])).expect("fits");
    ledger.close("2026-10", &known(&[("2026-09", 130)])).expect("fits");
    let back = ledger.close("2026-11", &known(&[("2026-09", 100)])).expect("fits");
    assert_eq!(back.iter().map(|l| l.sums.credit_billing).collect::<Vec<_>>(), vec![D12(-30)]);
    let mut lost = BTreeMap::from([("2026-09".to_string(), State::default())]);
    lost.entry("2026-09".into()).or_default().add(&key(0, 0, "gap"), sums(100)).expect("fits");
    let moved = ledger.close("2026-11", &lost).expect("fits");
    assert_eq!(moved.iter().map(|l| (l.key.outcome.as_str(), l.sums.credit_billing)).collect::<Vec<_>>(), vec![("covered", D12(-100)), ("gap", D12(100))]);
}

#[test]
fn a_reopened_month_is_counted_once() {
    let mut ledger = Ledger::default();
    ledger.close("2026-09", &known(&[("2026-09", 100)])).expect("fits");
    ledger.close("2026-10", &known(&[("2026-09", 130)])).expect("fits");
    assert!(ledger.reopen("2026-09") && !ledger.reopen("2026-09") && !ledger.is_closed("2026-09"));
    let now = known(&[("2026-09", 130)]);
    let lines = ledger.close("2026-09", &now).expect("fits");
    assert_eq!(lines.iter().map(|l| l.sums.credit_billing).collect::<Vec<_>>(), vec![D12(-30)], "the line booked in 2026-10 is now too much");
    assert_eq!(ledger.booked("2026-09", &now["2026-09"]).as_ref(), Ok(&now["2026-09"]));
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let most = Sums { list_cost: D12(i128::try_from(crate::money::LIMIT - 1).expect("fits")), ..Sums::default() };
    let mut state = State::default();
    state.add(&key(0, 0, "covered"), most).expect("fits");
    let before = state.clone();
    assert_eq!(state.add(&key(0, 0, "covered"), sums(1)), Err(SumTooLarge { key: Box::new(key(0, 0, "covered")) }));
    assert_eq!(state, before);
}

/// Walks all lines and months; no maps but the input's.
fn naive_total(ledger: &Ledger, now: &BTreeMap<String, State>, months: &[String]) -> (i128, i128, i128, i128) {
    let mut total = (0, 0, 0, 0);
    let mut add = |s: &Sums| total = (total.0 + s.quantity.0, total.1 + s.list_cost.0, total.2 + s.credit_billing.0, total.3 + s.difference.0);
    for month in months {
        let live = now.get(month).cloned().unwrap_or_default();
        ledger.as_closed(month).unwrap_or(&live).iter().for_each(|(_, s)| add(s));
    }
    ledger.lines().iter().for_each(|l| add(&l.sums));
    total
}

#[test]
fn five_hundred_histories_add_up_to_the_final_truth() {
    let months: Vec<String> = (7..=10).map(|m| format!("2026-{m:02}")).collect();
    let mut reopenings = 0;
    for seed in 0..500u64 {
        let mut dice = Dice(seed);
        let mut ledger = Ledger::default();
        let mut now: BTreeMap<String, State> = BTreeMap::new();
        let mut frozen_before: BTreeMap<String, State> = BTreeMap::new();
        for _ in 0..40 {
            let month = months[usize::try_from(dice.roll(4)).expect("small")].clone();
            match dice.roll(10) {
                0..=5 => {
                    let outcome = ["covered", "gap", "no_access"][usize::try_from(dice.roll(3)).expect("small")];
                    let amount = i128::from(dice.roll(2_001)) - 1_000;
                    let key = key(dice.roll(3), dice.roll(2), outcome);
                    now.entry(month).or_default().add(&key, sums(amount)).expect("fits");
                }
                6..=8 => {
                    ledger.close(&month, &now).expect("fits");
                    assert_eq!(ledger.close(&month, &now), Ok(vec![]), "seed {seed}: closing twice without news adds none");
                    assert!(ledger.lines().iter().all(|l| !l.sums.is_zero()), "seed {seed}");
                    for month in &ledger.ever_closed {
                        let known = now.get(month).cloned().unwrap_or_default();
                        assert_eq!(ledger.booked(month, &known), Ok(known), "seed {seed} {month}");
                    }
                }
                _ => {
                    reopenings += u64::from(ledger.reopen(&month));
                    frozen_before.remove(&month);
                }
            }
            for (month, state) in &frozen_before {
                assert_eq!(ledger.as_closed(month), Some(state), "seed {seed}: a closed month was rewritten");
            }
            frozen_before = ledger.frozen.clone();
        }
        for month in &months {
            ledger.close(month, &now).expect("fits");
        }
        let truth = naive_total(&Ledger::default(), &now, &months);
        assert_eq!(naive_total(&ledger, &now, &months), truth, "seed {seed}");
    }
    assert!(reopenings > 500, "{reopenings} reopenings are too few to prove anything");
}
