#!/usr/bin/env python3
"""Second opinion on month end: September of the sample against its invoice, computed without the program.

Written from R-MONTH alone, with exact fractions. Writes expected_differences.csv: every charge that differs with its cause, and for
every invoice line and invoice total the difference of both sides (the program splits it by cause; its parts must add up to this).
`make expected-update` runs it.
"""
import csv
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path

from expect import amount, credit_line, save, written
from expect_charges import Charge, Reject, charge_files, records_of
from expect_reference import all_intervals, links

HERE = Path(__file__).parent
MONTH = "2026-09"
COLUMNS = "grain source source_file source_row customer_id plan_id product_id sku_id with_credit currency difference cause".split()


def charges():
    """Every accepted charge of the month with its credit line."""
    linked, _ = links()
    intervals, first_record, role_lists, _ = all_intervals()
    for source, name, path, _ in charge_files():
        for row, record in enumerate(records_of(path), 1):
            try:
                charge = Charge(record, Counter())
                period = charge.date("billingperiodstartdate") or charge.day
                if period.isoformat()[:7] == MONTH:
                    yield (source, name, row), charge, credit_line(charge, intervals, linked, first_record, role_lists)
            except Reject:
                pass


def cause(charge, line, difference):
    if line["evidence"] == "before_first_record":
        return "before_first_record"
    if charge.applied is None:
        return "missing_in_statement" if charge.text("invoiceid") else "unbilled_yet"
    ours = Fraction(line["rate"] or 0)
    if not charge.applied:
        implied, listed = line["implied_credit_pricing"], line["list_cost"]
        if implied is None or line["rate"] == "":
            return "missing_credit"
        if listed and abs(Fraction(implied, listed) - ours) <= Fraction(1, 1000):
            return "priced_not_flagged"
        return "price_adjustment" if implied * line["credit_pricing"] >= 0 and abs(implied) > abs(line["credit_pricing"]) else "missing_credit"
    if line["outcome"] != "covered":
        return "unexpected_credit"
    stated = charge.stated if charge.stated is not None else ours
    return "rate" if stated != ours else "rounding" if abs(difference) < 10**6 else "price_adjustment"


def cents(value):
    """Towards zero, in whole cents."""
    return Fraction(int(value * 100), 100)


def key(charge):
    product = charge.text("productid").lower()
    return (charge.text("customertenantid").lower(), charge.text("productorderid").lower(), product[:12], product[12:].rjust(4, "0") if product else "",
            charge.currency.upper())


def our_lines(month):
    """Expected net cost by key and with or without credit; rounding adjustments by currency."""
    parts, rounding = defaultdict(list), Counter()
    for _, charge, line in month:
        fx = charge.fx if charge.fx is not None else Fraction(1)
        net = Fraction(line["list_cost"] - line["credit_pricing"], 10**12)
        if not charge.usage:
            net = Fraction(line["list_cost"] - (line["implied_credit_pricing"] or 0), 10**12)
            if not charge.text("productid"):
                rounding[charge.currency.upper()] += net * fx
                continue
        covered = line["outcome"] == "covered" and Fraction(line["rate"]) > 0
        price = (charge.p, Fraction(line["rate"]) if covered else Fraction(0)) if charge.usage else None
        parts[key(charge), covered, charge.meter if charge.usage else None, fx].append((charge.q or Fraction(0), price, net))
    lines = Counter()
    for (of, covered, _, fx), rows in parts.items():
        prices = {price for _, price, _ in rows}
        if len(prices) == 1 and None not in prices:
            (price, rate), = prices
            exact = price * (1 - rate) * sum(q for q, _, _ in rows)
        else:
            exact = sum(net for _, _, net in rows)
        lines[of, covered] += cents(cents(exact) * fx)
    return lines, rounding


def statement_lines():
    lines, rounding = Counter(), Counter()
    for path in sorted((HERE / "invoices").glob("*.csv")):
        with path.open(newline="") as text:
            for row in csv.DictReader(text):
                if row["ChargeStartDate"].split("/")[0] != "9" or row["EffectiveUnitPrice"] == "n/a":
                    continue
                if row["ChargeType"] == "RoundingAdjustment":
                    rounding[row["Currency"]] += Fraction(row["Subtotal"])
                    continue
                of = (row["CustomerId"].lower(), row["SubscriptionId"].lower(), row["ProductId"].lower(), row["SkuId"].rjust(4, "0"), row["Currency"])
                lines[of, "earned credit" in row["PriceAdjustmentDescription"]] += Fraction(row["Subtotal"])
    return lines, rounding


def main():
    month, rows = list(charges()), []
    for (source, name, row), charge, line in month:
        difference = line["credit_billing"] - (line["applied_credit_billing"] or 0)
        if difference:
            rows.append({"grain": "charge", "source": source, "source_file": name, "source_row": row, "currency": charge.currency,
                         "difference": written(difference), "cause": cause(charge, line, difference)})
    rows.sort(key=lambda r: (r["source"], r["source_file"], r["source_row"]))
    (ours, our_rounding), (statement, rounding) = our_lines(month), statement_lines()
    totals = Counter()
    for of, covered in sorted(ours.keys() | statement.keys()):
        difference = ours[of, covered] - statement[of, covered]
        totals[of[4]] += difference
        if difference:
            rows.append(dict(zip(("customer_id", "plan_id", "product_id", "sku_id", "currency"), of))
                        | {"grain": "invoice_line", "with_credit": str(covered).lower(), "difference": written(amount(difference))})
    for currency in sorted(totals.keys() | our_rounding.keys() | rounding.keys()):
        totals[currency] += Fraction(amount(our_rounding[currency]), 10**12) - rounding[currency]
        rows.append({"grain": "invoice", "currency": currency, "difference": written(amount(totals[currency]))})
    save("expected_differences.csv", COLUMNS, rows)
    print(Counter((row["grain"], row.get("cause")) for row in rows))


if __name__ == "__main__":
    main()
