#!/usr/bin/env python3
"""Second opinion on the sample: what jobs/daily.toml must answer, computed without the program.

Written from the credit rules alone, slow and literal, with exact fractions. Writes expected_outcomes.csv,
expected_rejections.csv and totals.json; tests compare the program's tables with them to the last digit.
`make expected-update` runs it.
"""
import csv
import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

from expect_access import instant, last
from expect_charges import Charge, Reject, charge_files, rate_of, records_of
from expect_reference import PARTNERS, PRODUCTS, RATES, ROLES, all_intervals, contains, cut, links, on_day, span

HERE = Path(__file__).parent
CUTOFF = instant("2026-10-18T06:00:00Z")
EMBEDDED = {"8e3af657-a8ff-443c-a75c-2fe8c4bcb635": True, "b24988ac-6180-42a0-ab88-20f7382dd24c": True,
            "acdd72a7-3385-48ef-bd42-f606fba81ae7": False}     # the three built-in roles that occur
DAY_US = 86_400_000_000
MISSED = ("partner_unknown", "agreement_inactive", "no_access", "role_not_earning", "not_linked", "gap")


def product_matches(wanted, product):
    return bool(wanted) and wanted.lower() in (product[:12], product[:16])


def our_rate(c):
    if not c.usage:
        return None
    valid = [r for r in RATES if on_day(r, c.day)]
    meter = [r for r in valid if r["meter_id"] and r["meter_id"].lower() == c.meter]
    product = [r for r in valid if not r["meter_id"] and product_matches(r["product_id"], c.product)]
    return min((rate_of(r["rate"]) for r in meter or product), default=Fraction(15, 100))


def excluded_kind(c):
    model = c.text("pricingmodel").lower().replace(" ", "")
    kinds = {r["kind"] for r in PRODUCTS if on_day(r, c.day) and (
        (r["meter_id"] or "").lower() == c.meter if r["meter_id"] else product_matches(r["product_id"], c.product))}
    seen = {"reservation": model == "reservation" or c.text("reservationid"), "savings_plan": model == "savingsplan" or c.text("benefitid"),
            "spot": model == "spot", "marketplace": c.text("publishertype").lower() == "marketplace"}
    order = ("reservation", "savings_plan", "spot", "marketplace", "third_party", "legacy")
    return next((k for k in order if seen.get(k) or k in kinds), "")


def earns(role, day):
    rows = {r["earns"].lower() in ("yes", "true", "1") for r in ROLES if last(r["role_definition_id"]) == role and on_day(r, day)}
    return rows == {True} if rows else EMBEDDED.get(role, False)


def day_of(c):
    start = (c.day - date(1970, 1, 1)).days * DAY_US
    return start, start + DAY_US


def gaps_of(spans, day):
    at, out = day[0], []
    for f, u in sorted(spans):
        if f > at:
            out.append((at, f))
        at = max(at, u)
    return out + ([(at, day[1])] if at < day[1] else [])


def decide(c, intervals, linked):
    """(outcome, excluded kind, facts of gap/covered)"""
    if not c.usage:
        return "not_usage", "", {}
    if kind := excluded_kind(c):
        return "product_excluded", kind, {}
    if our_rate(c) == 0:
        return "rate_zero", "", {}
    day = day_of(c)
    billed = [p for p in PARTNERS if p["tenant_id"].lower() == c.text("partnertenantid").lower()]
    if not billed:
        return "partner_unknown", "", {}
    if gaps_of([s for p in billed if (s := cut(span(p, "agreement_from", "agreement_until"), day))], day):
        return "agreement_inactive", "", {}
    organisations = [billed[0]["organisation_id"]]
    organisations += [p["organisation_id"] for p in PARTNERS if p["mpn_id"] == c.text("resellermpnid")][:1]
    organisations = list(dict.fromkeys(organisations))
    a0 = [i for i in intervals if c.path and contains(i[2], c.path) and cut(i[3:], day) and any(linked[i[0]].get(o) for o in organisations)]
    if not a0:
        return "no_access", "", {}
    a1 = [i for i in a0 if earns(i[1], c.day)]
    if not a1:
        return "role_not_earning", "", {}
    a2 = {o: [s for i in a1 for l in linked[i[0]].get(o, []) if (m := cut(i[3:], day)) and (s := cut(m, l))] for o in organisations}
    if not any(a2.values()):
        return "not_linked", "", {}
    gaps = {o: gaps_of(spans, day) for o, spans in a2.items()}
    missing = {o: sum(u - f for f, u in g) for o, g in gaps.items()}
    best = min(organisations, key=lambda o: missing[o])       # min keeps the first: the billed partner
    facts = {"covered_seconds": (DAY_US - missing[best]) // 10**6, "organisation_id": best, "gap_count": len(gaps[best])}
    if gaps[best]:
        facts |= {"gap_from": show(gaps[best][0][0]), "gap_until": show(gaps[best][0][1])}
    return ("gap" if missing[best] else "covered"), "", facts


def show(us):
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def evidence(c, outcome, first_record, role_lists):
    day = day_of(c)
    if day[1] * 1000 > CUTOFF:
        return "provisional"
    home = f"/subscriptions/{c.subscription}" if c.subscription else None
    seen = [at for at, scope, _ in role_lists if scope is None or (home and contains(scope, home))]
    before = all(x is None or day[0] * 1000 < x for x in (first_record, min(seen, default=None)))
    return "before_first_record" if before and outcome in ("no_access", "role_not_earning", "not_linked", "gap") else "complete"


def amount(value):
    return round(value * 10**12)      # Fraction: half to even, once


def written(units, places=12):
    if units is None:
        return ""
    sign, digits = "-" if units < 0 else "", str(abs(units)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def credit_line(c, intervals, linked, first_record, role_lists):
    outcome, kind, facts = decide(c, intervals, linked)
    rate, zero = our_rate(c), Fraction(0)
    base = None if c.q is None or c.p is None else c.q * c.p
    fx = c.fx if c.fx is not None else zero
    would = [amount(base * rate), amount(base * rate * fx)] if outcome in MISSED + ("covered",) else [0, 0]
    covered = outcome == "covered"
    applied = None
    if c.applied is not None:
        stated = c.stated if c.stated is not None else rate if rate is not None else zero
        applied = amount((base or zero) * stated * fx) if c.applied else 0
    return {"usage_date": c.day.isoformat(), "billing_currency": c.currency, "outcome": outcome,
            "evidence": evidence(c, outcome, first_record, role_lists),
            "rate": "" if rate is None else written(round(rate * 10**22), 22), "list_cost": amount(base or zero),
            "credit_pricing": would[0] if covered else 0, "credit_billing": would[1] if covered else 0,
            "missed_credit_billing": 0 if covered or outcome not in MISSED else would[1],
            "applied_credit_billing": applied, "covered_seconds": facts.get("covered_seconds", ""),
            "excluded_kind": kind, "scope_level": c.level, "organisation_id": facts.get("organisation_id", ""),
            "gap_from": facts.get("gap_from", ""), "gap_until": facts.get("gap_until", ""), "gap_count": facts.get("gap_count", ""),
            "implied_credit_pricing": None if base is None or c.net is None else amount(base - c.net)}


AMOUNTS = ("list_cost", "credit_pricing", "credit_billing", "missed_credit_billing", "applied_credit_billing", "implied_credit_pricing")
COLUMNS = ("source source_file source_row outcome evidence rate list_cost credit_pricing credit_billing missed_credit_billing "
           "applied_credit_billing covered_seconds usage_date billing_currency excluded_kind scope_level organisation_id "
           "gap_from gap_until gap_count implied_credit_pricing").split()


def totals(lines, rows_read, rejected, counter, other):
    """The figures of details 36; amounts as text. What lies before the first record is never called lost."""
    by_currency, outcomes = defaultdict(Counter), defaultdict(Counter)
    for line in lines:
        t, lost = by_currency[line["billing_currency"]], line["missed_credit_billing"]
        t["list_cost"] += line["list_cost"]
        t["credit"] += line["credit_billing"]
        t["missed_credit"] += 0 if line["evidence"] == "before_first_record" else lost
        t["applied_credit"] += line["applied_credit_billing"] or 0
        o = outcomes[line["outcome"], line["evidence"], line["billing_currency"]]
        o["charges"] += 1
        o["credit"] += line["credit_billing"]
        o["missed_credit"] += lost
    words = lambda c: {k: v if k == "charges" else written(v) for k, v in c.items()}
    return {"rows_read": rows_read, "credit_lines": len(lines), "rejections": rejected, "rejections_other": dict(sorted(other.items())),
            "operands_rounded": counter["operands_rounded"],
            "totals": [{"billing_currency": k, **words(v)} for k, v in sorted(by_currency.items())],
            "outcomes": [dict(zip(("outcome", "evidence", "billing_currency"), k)) | words(v) for k, v in sorted(outcomes.items())]}


def main():
    linked, bad_spans = links()
    intervals, first_record, role_lists, other = all_intervals()
    other["bad_span"] = bad_spans
    lines, rejected, counter, rows_read = [], [], Counter(), 0
    for source, name, path, promised in charge_files():
        count = 0
        for count, record in enumerate(records_of(path), 1):
            where = {"source": source, "source_file": name, "source_row": count}
            try:
                lines.append(where | credit_line(Charge(record, counter), intervals, linked, first_record, role_lists))
            except Reject as fault:
                rejected.append(where | {"reason": fault.args[0], "column": fault.args[1] or ""})
        assert promised in (None, count), path
        rows_read += count
    key = lambda r: (r["source"], r["source_file"], r["source_row"])
    lines.sort(key=key), rejected.sort(key=key)
    (HERE / "totals.json").write_text(json.dumps(totals(lines, rows_read, len(rejected), counter, other), indent=1) + "\n")
    save("expected_rejections.csv", ("source", "source_file", "source_row", "reason", "column"), rejected)
    save("expected_outcomes.csv", COLUMNS, [{k: written(v) if k in AMOUNTS else v for k, v in line.items()} for line in lines])
    print(Counter(line["outcome"] for line in lines), Counter(line["evidence"] for line in lines), len(rejected), "rejected")


def save(name, columns, rows):
    with (HERE / name).open("w", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
