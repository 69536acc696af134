//! Lines of the invoice, one situation each: what is listed is (with credit, cause, difference).

use super::world::{Dice, PlainCharge, PlainRow, invoice_of, quiet_charge};
use crate::reconcile::{Books, Cause, Reconciled, Total};
use crate::rules::{MonthRules, StatementRows};
use crate::statement::RowKind;

/// Charges of one product and meter at 0.10 a unit: (quantity with 4 places, covered).
fn charges(of: &[(i128, bool)]) -> Vec<PlainCharge> {
    let make = |(quantity, covered): &(i128, bool)| {
        let charge = quiet_charge(0, 0, 100_000, 1_000_000_000, &mut Dice(1));
        let (stated_rate, taken) = if *covered { (15, 1_500) } else { (0, 0) };
        PlainCharge { quantity: *quantity, covered: *covered, flag: Some(*covered), stated_rate, taken, ..charge }
    };
    of.iter().map(make).collect()
}

fn compare(charges: &[PlainCharge], rows: &[PlainRow]) -> Reconciled {
    let mut books = Books::new(MonthRules::default());
    charges.iter().for_each(|charge| books.add_charge(&charge.charge(false)).expect("fits"));
    rows.iter().for_each(|row| books.add_row(&row.row()).expect("fits"));
    books.compare().expect("fits")
}

fn listed(charges: &[PlainCharge], rows: &[PlainRow]) -> Vec<(bool, Cause, String)> {
    compare(charges, rows).lines.into_iter().map(|l| (l.with_credit, l.cause, l.difference.to_string())).collect()
}

fn row(with_credit: bool, cause: Cause, difference: &str) -> (bool, Cause, String) {
    (with_credit, cause, difference.to_string())
}

#[test]
fn many_charges_are_one_line_and_truncated_once() {
    // Three times 0.0333 units at 0.10 are 0.00999, no cent; three times 0.3334 are 0.10002, ten cents and not nine.
    let little = charges(&[(333, false), (333, false), (333, false)]);
    assert_eq!(compare(&little, &[]).line_totals["USD"], Total::default());
    let many = charges(&[(3_334, false), (3_334, false), (3_334, false)]);
    assert_eq!(compare(&many, &[]).line_totals["USD"].ours.to_string(), "0.1");
    assert_eq!(listed(&many, &invoice_of(&many)), []);
}

#[test]
fn credit_moves_between_the_two_lines_of_a_meter() {
    let expected = charges(&[(1_000_000, true), (500_000, true)]);
    let mut flagged = expected.clone();
    (flagged[1].flag, flagged[1].stated_rate, flagged[1].taken) = (Some(false), 0, 0);
    let rows = invoice_of(&flagged);
    let moved = [row(false, Cause::MissingCredit, "-5"), row(true, Cause::MissingCredit, "4.25")];
    assert_eq!(listed(&flagged, &rows), moved, "the flags say so");
    assert_eq!(listed(&expected, &rows), moved, "the flags say yes, the invoice says no");
    let mut silent = expected.clone();
    silent.iter_mut().for_each(|c| c.flag = None);
    assert_eq!(listed(&silent, &rows), moved, "there are no flags");
    let one = charges(&[(1_000_000, true), (500_000, false)]);
    let unexpected = [row(false, Cause::UnexpectedCredit, "5"), row(true, Cause::UnexpectedCredit, "-4.25")];
    assert_eq!(listed(&one, &invoice_of(&expected)), unexpected);
}

#[test]
fn nothing_is_claimed_before_the_first_record() {
    let mut silent = charges(&[(1_000_000, false)]);
    (silent[0].flag, silent[0].known) = (None, false);
    let rows = invoice_of(&charges(&[(1_000_000, true)]));
    assert_eq!(listed(&silent, &rows), [row(false, Cause::BeforeFirstRecord, "10"), row(true, Cause::BeforeFirstRecord, "-8.5")]);
}

#[test]
fn what_is_priced_and_not_flagged_may_be_on_either_line() {
    let credited = charges(&[(1_000_000, true), (500_000, true)]);
    let mut open = credited.clone();
    (open[1].flag, open[1].stated_rate) = (Some(false), 0);
    assert_eq!(listed(&open, &invoice_of(&credited)), [], "billed by price");
    let by_flag = [row(false, Cause::PricedNotFlagged, "-4.25"), row(true, Cause::PricedNotFlagged, "4.25")];
    assert_eq!(listed(&open, &invoice_of(&open)), by_flag, "billed by flag");
    let mut less = invoice_of(&credited);
    less[0].subtotal = Some(1_000);
    assert_eq!(listed(&open, &less), [row(true, Cause::Price, "2.75")], "by price, and another price");
}

#[test]
fn unbilled_charges_are_told_from_missing_ones() {
    let mut open = charges(&[(1_000_000, false), (500_000, false)]);
    let rows = invoice_of(&open[..1]);
    assert_eq!(listed(&open, &rows), [row(false, Cause::Quantity, "5")]);
    assert_eq!(listed(&open, &[]), [row(false, Cause::MissingInStatement, "15")]);
    open[1].invoiced = false;
    assert_eq!(listed(&open, &rows), [row(false, Cause::UnbilledYet, "5")]);
    assert_eq!(listed(&open, &[]), [row(false, Cause::MissingInStatement, "15")], "some of it names an invoice");
    open[0].invoiced = false;
    assert_eq!(listed(&open, &[]), [row(false, Cause::UnbilledYet, "15")]);
    assert_eq!(listed(&open, &invoice_of(&open)), [], "blank invoice numbers do not matter where the invoice has the charges");
    assert_eq!(listed(&[], &rows), [row(false, Cause::MissingInOurs, "-10")]);
}

#[test]
fn quantities_printed_with_six_places_differ_by_rounding_only() {
    let month = charges(&[(10_000, false)]);
    let mut printed = invoice_of(&month)[0].row();
    printed.subtotal.0 -= 10_000_000_000;
    let mut cause = |less: i128| {
        printed.billable_quantity.0 -= less;
        let mut books = Books::new(MonthRules::default());
        books.add_charge(&month[0].charge(false)).expect("fits");
        books.add_row(&printed).expect("fits");
        books.compare().expect("fits").lines.iter().map(|l| (l.cause, l.difference.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(cause(5_000_000_000_000_000), [(Cause::Rounding, "0.01".to_string())]);
    assert_eq!(cause(1), [(Cause::Quantity, "0.01".to_string())]);
}

#[test]
fn rates_adjustments_and_prices_of_the_invoice() {
    let month = charges(&[(1_000_000, true)]);
    let changed = |change: &dyn Fn(&mut PlainRow)| {
        let mut rows = invoice_of(&month);
        change(&mut rows[0]);
        listed(&month, &rows)
    };
    assert_eq!(changed(&|r| (r.effective, r.credit_rate) = (900_000_000, Some(10))), [row(true, Cause::Rate, "-0.5")]);
    assert_eq!(changed(&|r| (r.effective, r.adjusted) = (800_000_000, true)), [row(true, Cause::PriceAdjustment, "0.5")]);
    assert_eq!(changed(&|r| r.effective = 800_000_000), [row(true, Cause::Price, "0.5")]);
    assert_eq!(changed(&|r| r.subtotal = Some(848)), [row(true, Cause::Price, "0.02")], "the bound itself is above it");
    assert_eq!(changed(&|r| r.subtotal = Some(849)), [row(true, Cause::Rounding, "0.01")]);
}

#[test]
fn the_exchange_rate_is_part_of_the_price() {
    let month = charges(&[(1_000_000, true)]);
    let row = PlainRow { exchange: 1_100_000_000, ..invoice_of(&month).remove(0) };
    let mut billed = row.row();
    billed.key = month[0].charge(false).key;
    let mut books = Books::new(MonthRules::default());
    books.add_charge(&month[0].charge(false)).expect("fits");
    books.add_row(&billed).expect("fits");
    let found = books.compare().expect("fits").lines;
    assert_eq!(found.iter().map(|l| (l.cause, l.difference.to_string())).collect::<Vec<_>>(), [(Cause::Price, "-0.85".to_string())]);
}

#[test]
fn other_rows_take_part_or_stand_apart() {
    let month = charges(&[(1_000_000, false)]);
    let mut seat = PlainRow { product: 9, ..invoice_of(&charges(&[(2_000_000, false)])).remove(0) }.row();
    seat.kind = RowKind::Other;
    let with = |statement_rows| {
        let mut books = Books::new(MonthRules { statement_rows });
        books.add_charge(&month[0].charge(false)).expect("fits");
        invoice_of(&month).iter().map(PlainRow::row).chain([seat.clone()]).for_each(|row| books.add_row(&row).expect("fits"));
        books.compare().expect("fits")
    };
    let all = with(StatementRows::All);
    assert_eq!(all.invoices.iter().map(|i| (i.cause, i.difference.to_string())).collect::<Vec<_>>(), [(Cause::MissingInOurs, "-20".to_string())]);
    let usage = with(StatementRows::Usage);
    assert_eq!((usage.lines.len(), usage.apart["USD"].statement_rows, usage.apart["USD"].statement.to_string()), (0, 1, "20".to_string()));
}
