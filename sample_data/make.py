#!/usr/bin/env python3
"""Writes the sample data of this folder, always the same. Run it with the project's Python: `make sample`.

What each file proves is told in README.md; what the program must answer is computed, independently of the
program, by expect.py.
"""
import json
import shutil
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from making import audit, charges, reference, statement, write

HERE = Path(__file__).parent
SEPTEMBER, OCTOBER = charges.MONTH[9], charges.MONTH[10]


def contoso(root):
    """September in two parts, October with two runs and one that has no manifest yet; another kind of export beside it."""
    rows = charges.contoso()
    month = lambda m: [r for r in rows if r["billingPeriodStartDate"].month == m]

    def run(export_month, number, submitted, parts):
        folder = write.run_folder(root, "contoso", "pec-actual", export_month, write.run_id(number))
        blobs = []
        for k, part in enumerate(parts):
            name = f"part_{k}_0001.snappy.parquet"
            write.parquet(folder / name, part, write.parquet_type, row_group_size=200, store_schema=False)
            blobs.append((name, len(part)))
        write.manifest(folder, "contoso", "pec-actual", export_month, submitted, write.run_id(number), blobs)

    september, october = month(9), month(10)
    run(SEPTEMBER, 1, "2026-10-05T04:10:06.5234447Z", [september[:250], september[250:]])
    old = [r | {"quantity": r["quantity"] * 2} for r in october if r["date"].day <= 10]
    run(OCTOBER, 2, "2026-10-11T04:10:07.1234567Z", [old])                  # superseded: every quantity doubled
    run(OCTOBER, 3, "2026-10-18T04:10:05.7654321Z", [october])
    folder = write.run_folder(root, "contoso", "pec-actual", OCTOBER, write.run_id(4))
    folder.mkdir(parents=True)                                              # still being written: no manifest, half a file
    (folder / "part_0_0001.snappy.parquet").write_bytes(b"PAR1")
    folder = write.run_folder(root, "contoso", "pec-amortized", SEPTEMBER, write.run_id(5))
    write.manifest(folder, "contoso", "pec-amortized", SEPTEMBER, "2026-10-05T04:12:00Z", write.run_id(5), [], kind="AmortizedCost")


def faulty(row, header, k):
    """Five rows of Fabrikam cannot be understood; the rest only look odd."""
    cells = [write.cell(row[name]) for name in header]
    at = header.index
    if k == 7:
        cells[at("quantity")] = "24,5"                       # not_a_number
    if k == 12:
        cells[at("date")] = "09/31/2026"                     # not_a_date
    if k == 19:
        cells.pop()                                          # ragged
    if k == 23:
        cells[at("quantity")] = ""                           # missing, on a usage row
    if k == 31:
        cells[at("partnerEarnedCreditApplied")] = "maybe"    # unknown_word
    if k == 33:
        cells[at("tags")] = '{"note": "two\nlines, one record"}'
    if k == 35:
        cells[at("quantity")] = " 2.4E+1 "
    if k == 41:
        cells[at("resellerMpnId")] = cells[at("invoiceId")] = "NULL"
    if k == 37:
        cells[at("date")] = "2026-09-" + cells[at("date")][3:5] + "T23:30:00-01:00"   # the next day in UTC
    if k % 2:
        cells[at("partnerEarnedCreditRate")] = "15%" if row["partnerEarnedCreditApplied"] else "0%"
    elif row["partnerEarnedCreditApplied"]:
        cells[at("partnerEarnedCreditRate")] = "15"
    return cells


def fabrikam(root):
    """September gzipped with CRLF, October plain with a byte order mark and a blank line; column names in lower case first letter."""
    rows = list(charges.fabrikam())
    header = [name for name in rows[0] if name not in ("benefitId", "reservationId", "tags")] + ["tags", "benefitId", "reservationId"]
    records = [(row["date"].month, faulty(row, header, k)) for k, row in enumerate(rows)]
    for number, month, name in ((6, SEPTEMBER, "part_0_0001.csv.gz"), (7, OCTOBER, "part_0_0001.csv")):
        mine = [cells for m, cells in records if m == month[0].month]
        folder = write.run_folder(root, "fabrikam", "fabrikam-daily", month, write.run_id(number))
        folder.mkdir(parents=True)
        names = [n[0].upper() + n[1:] for n in header]
        if name.endswith(".gz"):
            (folder / name).write_bytes(write.gz(write.csv_text(names, mine, "\r\n")))
        else:
            text = write.csv_text(names, mine[:20], "\n") + "\n" + write.csv_text(names, mine[20:], "\n").split("\n", 1)[1]
            (folder / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
        write.manifest(folder, "fabrikam", "fabrikam-daily", month, "2026-10-18T05:00:00Z", write.run_id(number),
                       [(name, len(mine))], kind="Usage", file_format="Csv")


def archive(root):
    """Doubles for money, timestamps for dates, words for flags, large and dictionary text; no manifests."""
    rows = list(charges.archive())
    clock = lambda d: d and datetime(d.year, d.month, d.day)
    for row in rows:
        for name in write.NUMBER:
            row[name] = None if row[name] is None else float(row[name])
        for name in write.DAY:
            row[name] = clock(row[name])
        row["partnerEarnedCreditApplied"] = "Yes" if row["partnerEarnedCreditApplied"] else "No"
    kinds = {"SubscriptionId": pa.large_string(), "ResourceId": pa.dictionary(pa.int32(), pa.string()), "tags": pa.large_string()}
    kinds |= {name: pa.float64() for name in write.NUMBER} | {name: pa.timestamp("ms") for name in write.DAY}
    for month in (9, 10):
        mine = [r for r in rows if r["billingPeriodStartDate"].month == month]
        write.parquet(root / f"2026-{month:02d}" / "usage.parquet", mine, lambda name: kinds.get(name, pa.string()))


def audit_log(root):
    stamp = pa.timestamp("ns", "UTC")
    for name, rows in zip(("2026-09.parquet", "2026-10.parquet"), audit.records()):
        write.parquet(root / name, rows, lambda column: stamp if column == "TimeGenerated" else pa.string(), store_schema=False)


def reference_tables(root):
    as_parquet = {"assignments", "rates", "lighthouse_assignments"}
    for name, (columns, rows) in reference.tables().items():
        write.reference_file(root / f"{name}{'.parquet' if name in as_parquet else '.csv'}", columns, rows)
    (root / "world-wide-importers.az.json").write_text(json.dumps(reference.az_list(), indent=1) + "\n")


def invoices(root):
    root.mkdir()
    rows = [[row[name] for name in statement.COLUMNS] for row in statement.invoice()]
    (root / "2026-09.csv").write_text(write.csv_text(statement.COLUMNS, rows, "\r\n"), newline="")


def main():
    for name in ("exports", "archive", "audit", "reference", "invoices"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    contoso(HERE / "exports")
    fabrikam(HERE / "exports")
    archive(HERE / "archive")
    audit_log(HERE / "audit")
    reference_tables(HERE / "reference")
    invoices(HERE / "invoices")
    print({name: write.digest(HERE / name) for name in ("exports", "archive", "audit", "reference", "invoices")})


if __name__ == "__main__":
    main()
