#!/usr/bin/env python3
"""Second opinion on the sample: what jobs/daily.toml must answer, computed without the program.

Written from the credit rules alone, slow and literal, with exact fractions. Writes expected_outcomes.csv,
expected_rejections.csv and totals.json; tests compare the program's tables with them to the last digit.
`make expected-update` runs it.
"""
import csv
import gzip
import io
import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq

import expect_access as access
from expect_access import ALWAYS, NEVER, instant, last, plain

HERE = Path(__file__).parent
CUTOFF = instant("2026-10-18T06:00:00Z")
EMBEDDED = {"8e3af657-a8ff-443c-a75c-2fe8c4bcb635": True, "b24988ac-6180-42a0-ab88-20f7382dd24c": True,
            "acdd72a7-3385-48ef-bd42-f606fba81ae7": False}     # the three built-in roles that occur
DAY_US = 86_400_000_000
MISSED = ("partner_unknown", "agreement_inactive", "no_access", "role_not_earning", "not_linked", "gap")


class Reject(Exception):
    """reason, column"""


# ---- reference tables -------------------------------------------------------------------------------------------

def table(name):
    path = next(HERE.glob(f"reference/{name}.*"))
    if path.suffix == ".csv":
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(path.open())]
    return pq.read_table(path).to_pylist()


def span(row, start, until):
    """(from, until) in microseconds; None for an empty or inverted span, which is a rejection (bad_span)."""
    f, u = row[start], row[until]
    f, u = NEVER if f is None else access.micro(instant(f), True), ALWAYS if u is None else access.micro(instant(u), False)
    return (f, u) if f < u else None


def on_day(row, day):
    return (row["valid_from"] is None or row["valid_from"] <= day.isoformat()) and (row["valid_until"] is None or day.isoformat() < row["valid_until"])


PARTNERS = table("partners")
RATES, PRODUCTS, ROLES = table("rates"), table("products"), table("roles")
GROUPS = defaultdict(set)
for row in table("management_groups"):
    GROUPS[last(row["management_group_id"])].add(row["subscription_id"].lower())


def parts(path):
    return [s for s in path.lower().split("/") if s]


def contains(scope, path):
    """R-SCOPE: does `scope` cover `path` (both ARM ids)? Whole segments; groups by their rows; root is ''."""
    s, p = parts(scope), parts(path)
    if not s or s[:2] == ["providers", "microsoft.management"]:
        return (s == p) or (len(p) > 1 and p[0] == "subscriptions" and p[1] in GROUPS[s[-1] if s else ""])
    return p[:len(s)] == s


def links():
    """{principal: {organisation: [spans]}}, direct ones and those of members of a group."""
    organisation = {p["mpn_id"]: p["organisation_id"] for p in PARTNERS}
    out, bad = defaultdict(lambda: defaultdict(list)), 0
    for row in table("principals"):
        s = span(row, "linked_from", "linked_until")
        bad += s is None
        if s and row["mpn_id"] in organisation:
            out[row["principal_id"].lower()][organisation[row["mpn_id"]]].append(s)
    direct = {p: dict(o) for p, o in out.items()}
    for row in table("group_members"):
        s = span(row, "member_from", "member_until")
        for org, spans in direct.get(row["member_id"].lower(), {}).items():
            out[row["group_id"].lower()][org] += [c for c in (cut(s, l) for l in spans) if c]
    return out, bad


def cut(a, b):
    f, u = max(a[0], b[0]), min(a[1], b[1])
    return (f, u) if f < u else None


# ---- intervals --------------------------------------------------------------------------------------------------

def lists(space):
    """Complete lists of one name space: [(at, scope, {id: (content, created)})]."""
    grouped = defaultdict(dict)
    rows = table("assignments" if space == "role" else "lighthouse_assignments")
    if space == "role":
        az = json.loads((HERE / "reference/world-wide-importers.az.json").read_text())
        rows += [{"snapshot_at": "2026-09-01T00:00:00Z", "snapshot_scope": "/subscriptions/55555555-0000-4000-8000-000000000021",
                  "id": r["id"], "principal_id": r["principalId"], "role_definition_id": r["roleDefinitionId"],
                  "scope": r["scope"], "created_on": r["createdOn"]} for r in az]
    for r in rows:
        at = r["snapshot_at"]
        at = instant(at if isinstance(at, str) else at.isoformat())
        content = grouped[at, r["snapshot_scope"]]
        if r["id"]:
            what = (r["principal_id"].lower(), last(r["role_definition_id"])) if space == "role" else (last(r["definition_id"]),)
            content[last(r["id"])] = ((*what, plain(r["scope"])), instant(r["created_on"]))
    return [(at, scope, rows) for (at, scope), rows in sorted(grouped.items(), key=lambda i: i[0][0])]


def covers(list_scope, scope):
    return list_scope is None or contains(list_scope, scope)


def all_intervals():
    """([(principal, role, scope, from, until)], first record, role lists, Counter of rejections)."""
    records, first = access.read_records(sorted(HERE.glob("audit/*.parquet")))
    events, rejected = access.events(access.deduplicate(records))
    out, reasons = [], Counter(reason for reason, _ in rejected)
    definitions = defaultdict(set)
    for row in table("lighthouse_definitions"):
        definitions[last(row["definition_id"])].add((row["principal_id"].lower(), last(row["role_definition_id"]), span(row, "valid_from", "valid_until")))
    for space in ("role", "registration"):
        mine = {i: e for (s, i), e in events.items() if s == space}
        known = lists(space)
        for i, e in mine.items():
            if all(kind == "delete" for _, _, kind, _ in e) and not any(i in rows for _, _, rows in known):
                reasons["unknown_assignment"] += len(e)
        for spans in access.fold(mine, known, covers).values():
            for content, start, until, *_ in spans:
                s = access.rounded(start, until)
                if s and space == "role":
                    out.append((*content, *s))
                elif s:
                    out += [(p, r, content[1], *c) for p, r, valid in definitions[content[0]] if (c := cut(s, valid))]
    return out, first, lists("role"), reasons


# ---- reading charges --------------------------------------------------------------------------------------------

def newest_runs(source):
    """Manifests of the newest run per (export, month): [(folder, manifest)]."""
    best = {}
    for path in sorted((HERE / "exports" / source).rglob("manifest.json")):
        m = json.loads(path.read_text())
        c, run = m["exportConfig"], m["runInfo"]
        if c["type"] in ("ActualCost", "Usage"):
            key = (c["resourceId"].lower(), c["exportName"], run["startDate"][:7])
            age = (instant(run["submittedTime"]), run["runId"])
            best[key] = max(best.get(key, ((), None, None)), (age, path.parent, m), key=lambda b: b[0])
    return [b[1:] for b in best.values()]


def charge_files():
    """(source, source_file, path, rows that the manifest promises)"""
    for source in ("contoso", "fabrikam"):
        for folder, m in newest_runs(source):
            for blob in m["blobs"]:
                name = blob["blobName"].split("/")[-1]
                yield source, f"{m['exportConfig']['exportName']}/{folder.parent.name}/{name}", folder / name, blob["dataRowCount"]
    for path in sorted((HERE / "archive").rglob("*.parquet")):
        yield "archive", path.relative_to(HERE / "archive").as_posix(), path, None


def records_of(path):
    """Records as {lower-case column: value}, or None where a CSV record is ragged."""
    if path.suffix == ".parquet":
        for row in pq.read_table(path).to_pylist():
            yield {k.lower(): v for k, v in row.items()}
        return
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    header = [h.lower() for h in next(lines)]
    for cells in lines:
        if cells:
            yield dict(zip(header, cells)) if len(cells) == len(header) else None


class Charge:
    """One input row, parsed as the rules say; raises Reject with the first fault."""

    def __init__(self, row, counter):
        if row is None:
            raise Reject("ragged", None)
        self.row, self.rounded = row, counter
        text = self.text
        self.usage = text("chargetype").lower() == "usage"
        self.day = self.date("date") or (None if self.usage else self.date("billingperiodenddate"))
        q, p = self.number("quantity"), self.number("paygprice")
        if self.usage:
            for name, value in (("date", self.day), ("quantity", q), ("paygprice", p)):
                if value is None:
                    raise Reject("missing", name)
        self.q, self.p, self.net = q, p, self.number("costinpricingcurrency")
        self.currency, self.pricing = text("billingcurrency"), text("pricingcurrency")
        self.fx = self.number("exchangeratepricingtobilling")
        if self.fx is None and self.currency == self.pricing:
            self.fx = Fraction(1)
        if self.fx is None and self.usage:
            raise Reject("missing", "exchangeratepricingtobilling")
        self.applied = self.flag("partnerearnedcreditapplied")
        self.stated = rate_of(self.row.get("partnerearnedcreditrate"))
        self.meter, self.product = text("meterid").lower(), text("productid").lower()
        self.locate()

    def text(self, name):
        value = self.row.get(name)
        value = "" if value is None else str(value).strip()
        return "" if value in ("NULL", "00000000-0000-0000-0000-000000000000") else value

    def number(self, name):
        value = self.row.get(name)
        value = repr(value) if isinstance(value, float) else self.text(name)
        if value == "":
            return None
        if not re.fullmatch(r"[+-]?\d+\.?\d*([eE][+-]?\d+)?", value):
            raise Reject("not_a_number", name)
        exact = Fraction(Decimal(value))
        at_22 = Fraction(round(exact * 10**22), 10**22)       # half to even
        self.rounded["operands_rounded"] += at_22 != exact
        return at_22

    def date(self, name):
        value = self.row.get(name)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        value = self.text(name)
        if not value:
            return None
        try:
            if found := re.fullmatch(r"(\d\d?)/(\d\d?)/(\d{4})", value):
                return date(int(found[3]), int(found[1]), int(found[2]))
            return (datetime(1970, 1, 1) + timedelta(seconds=instant(value) // 10**9)).date()
        except (ValueError, AttributeError):
            raise Reject("not_a_date", name) from None

    def flag(self, name):
        word = self.text(name).lower()
        if word not in ("", "true", "false", "1", "0", "yes", "no"):
            raise Reject("unknown_word", name)
        return None if not word else word in ("true", "1", "yes")

    def locate(self):
        """R-SCOPE-4: resource, else resource group, else subscription."""
        resource, subscription, group = self.text("resourceid"), self.text("subscriptionid"), self.text("resourcegroupname")
        p = parts(resource)
        if p[:1] == ["subscriptions"] and len(p) > 1:
            self.path = "/" + "/".join(p)
        elif subscription and group:
            self.path = plain(f"/subscriptions/{subscription}/resourceGroups/{group}")
        else:
            self.path = plain(f"/subscriptions/{subscription}") if subscription else ""
        p = parts(self.path)
        self.subscription = p[1] if p else ""
        self.level = {0: "", 2: "subscription", 4: "resource_group" if "resourcegroups" in p else "resource"}.get(len(p), "resource")


def rate_of(value):
    if value is None or str(value).strip() in ("", "NULL"):
        return None
    text = repr(value) if isinstance(value, float) else str(value).strip()
    r = Fraction(Decimal(text.rstrip("%").strip()))
    r = r / 100 if text.endswith("%") or r > 1 else r
    if not 0 <= r <= 1:
        raise Reject("out_of_range", "partnerearnedcreditrate")
    return r


# ---- deciding ---------------------------------------------------------------------------------------------------

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


# ---- output -----------------------------------------------------------------------------------------------------

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
