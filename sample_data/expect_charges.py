"""Second opinion on reading charges: which files count, their records, and what each cell means, as exact fractions."""
import csv
import gzip
import io
import json
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq

from expect_access import instant, plain
from expect_reference import parts

HERE = Path(__file__).parent


class Reject(Exception):
    """reason, column"""


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
