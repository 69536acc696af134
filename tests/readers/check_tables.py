#!/usr/bin/env python3
"""Other people's readers must find in our tables what the run says it wrote: `make readers`.

Runs the daily job on the sample into a temporary folder, as Delta and as Parquet, then reads every table with Python
deltalake, DuckDB (delta extension from its pip package, no network) and pyarrow. Amounts are compared as decimals, to
the last digit, with the run's own JSON and with the second opinion in sample_data/. No floats anywhere.
"""
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import duckdb_ext
import pyarrow as pa
import pyarrow.dataset
from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_data"
JOB = ROOT / "jobs/daily.toml"
FIELDS = ("list_cost", "credit", "missed_credit", "applied_credit")
failures = []


def check(what, ours, theirs):
    good = ours == theirs
    print(f"  {'ok  ' if good else 'FAIL'} {what}")
    if not good:
        failures.append(what)
        print(f"       expected {str(theirs)[:600]}\n       found    {str(ours)[:600]}")


def run(pecan, out, *more):
    """One run of the job as JSON."""
    command = [pecan, "run", JOB, "--set", f"output.uri={out}", "--output-format", "json", *more]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"pecan stopped with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def totals_of(rows):
    return {r["billing_currency"]: tuple(Decimal(r[f]) for f in FIELDS) for r in rows}


def outcomes_of(rows):
    return {(r["outcome"], r["evidence"], r["billing_currency"]): (r["charges"], Decimal(r["credit"]), Decimal(r["missed_credit"])) for r in rows}


def check_json(found):
    """The run's JSON against the second opinion."""
    expected = json.loads((SAMPLE / "totals.json").read_text())
    for name in ("rows_read", "credit_lines", "rejections"):
        check(f"run: {name} as expect.py says", found[name], expected[name])
    check("run: rejections_other", found["rejections_other"], sum(expected["rejections_other"].values()))
    check("run: totals", totals_of(found["totals"]), totals_of(expected["totals"]))
    check("run: outcomes", outcomes_of(found["outcomes"]), outcomes_of(expected["outcomes"]))


def text(value):
    """A cell as expected_outcomes.csv writes it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "hour") else str(value)


def check_lines(reader, lines, daily, rejections):
    """Every credit line, and the rejections, against the second opinion; `missed` is a column of the daily table."""
    with (SAMPLE / "expected_outcomes.csv").open() as file:
        expected = list(csv.DictReader(file))
    columns = [c for c in expected[0] if c != "missed_credit_billing"]
    key = lambda r: (r["source"], r["source_file"], int(r["source_row"]))
    found = {key(r): tuple(text(r[c]) for c in columns) for r in lines.select(columns).to_pylist()}
    wanted = {key(r): tuple(r[c] for c in columns) for r in expected}
    check(f"{reader}: {len(wanted)} credit lines, none too many or too few", (lines.num_rows, sorted(found)), (len(wanted), sorted(wanted)))
    unlike = [(k, c, f, w) for k in wanted for c, f, w in zip(columns, found.get(k, ()), wanted[k]) if f != w]
    check(f"{reader}: their {len(columns)} columns, to the last digit", unlike, [])
    missed = lambda rows, number: sum_by(rows, ("usage_date", "outcome", "evidence", "billing_currency"), "missed_credit_billing", number)
    check(f"{reader}: missed credit by day, outcome and currency", missed(daily.to_pylist(), lambda v: v), missed(expected, Decimal))
    with (SAMPLE / "expected_rejections.csv").open() as file:
        refused = sorted((r["source"], r["source_file"], int(r["source_row"]), r["reason"]) for r in csv.DictReader(file))
    charges = {r["source"] for r in expected}
    check(f"{reader}: rejections of charges", sorted((r["source"], r["file"], r["row"], r["reason"]) for r in rejections.to_pylist() if r["source"] in charges), refused)
    others = json.loads((SAMPLE / "totals.json").read_text())["rejections_other"]
    check(f"{reader}: other rejections", Counter(r["reason"] for r in rejections.to_pylist() if r["source"] not in charges), Counter(others))


def sum_by(rows, keys, amount, number):
    out = defaultdict(Decimal)
    for r in rows:
        out[tuple(str(r[k]) for k in keys)] += number(r[amount]) or 0
    return dict(out)


LINE_TOTALS = "SELECT billing_currency, sum(list_cost), sum(credit_billing), sum(coalesce(applied_credit_billing, 0)) FROM {} GROUP BY 1"
DAILY_TOTALS = """SELECT billing_currency, sum(list_cost), sum(credit_billing),
    sum(CASE WHEN evidence = 'before_first_record' THEN 0 ELSE missed_credit_billing END), sum(coalesce(applied_credit_billing, 0)) FROM {} GROUP BY 1"""


def check_with_duckdb(reader, con, found, scan):
    """Row counts and totals as DuckDB sees them; `scan` makes a table function call of a table's name."""
    for t in found["tables"]:
        rows = con.execute(f"SELECT count(*) FROM {scan(t['name'])}").fetchone()[0]
        check(f"{reader}: {t['name']} has {t['rows']} rows", rows, t["rows"])
    want = totals_of(found["totals"])
    lines = {c: v for c, *v in con.execute(LINE_TOTALS.format(scan("fact_credit_line"))).fetchall()}
    check(f"{reader}: fact_credit_line adds up to the run's totals", lines, {c: [v[0], v[1], v[3]] for c, v in want.items()})
    daily = {c: tuple(v) for c, *v in con.execute(DAILY_TOTALS.format(scan("fact_credit_daily"))).fetchall()}
    check(f"{reader}: fact_credit_daily adds up to the run's totals", daily, want)


def check_run_table(reader, rows, found):
    """The newest run row names the versions of the tables (details 39)."""
    newest = max(rows, key=lambda r: r["started"])
    check(f"{reader}: newest run row is this run", newest["run_id"], found["run_id"])
    named = {t["name"]: (t["version"], t["rows"]) for t in newest["tables"]}
    check(f"{reader}: it names the tables' versions and rows", named, {t["name"]: (t["version"], t["rows"]) for t in found["tables"] if t["name"] != "run"})


def check_delta(pecan, out, con):
    found = run(pecan, out)
    check_json(found)
    tables = {t["name"]: DeltaTable(str(out / t["name"])) for t in found["tables"]}
    for t in found["tables"]:
        table = tables[t["name"]]
        check(f"deltalake: {t['name']} is version {t['version']}", table.version(), t["version"])
        check(f"deltalake: {t['name']} has {t['rows']} rows", table.to_pyarrow_table().num_rows, t["rows"])
    arrow = {name: DeltaTable(str(out / name)).to_pyarrow_table() for name in ("fact_credit_line", "fact_credit_daily", "rejection", "run")}
    check_lines("deltalake", arrow["fact_credit_line"], arrow["fact_credit_daily"], arrow["rejection"])
    check_run_table("deltalake", arrow["run"].to_pylist(), found)
    check_with_duckdb("duckdb", con, found, lambda name: f"delta_scan('{out / name}')")
    check("run again: nothing to do", run(pecan, out)["nothing_to_do"], True)


def hide_entries(out):
    """Moves the log entries away that a checkpoint stands for; returns the tables that have one."""
    tables = []
    for hint in sorted(out.glob("*/_delta_log/_last_checkpoint")):
        version = json.loads(hint.read_text())["version"]
        tables.append(hint.parent.parent.name)
        aside = out / "aside" / tables[-1]
        aside.mkdir(parents=True)
        for entry in hint.parent.glob("*.json"):
            if int(entry.stem) <= version:
                entry.rename(aside / entry.name)
    return tables


def check_checkpoints(pecan, out, con):
    """Tables are the same by their checkpoints, without the entries before them (`pecan maintain`)."""
    for _ in range(10):
        found = run(pecan, out, "--force")
    command = [pecan, "maintain", JOB, "--set", f"output.uri={out}", "--output-format", "json"]
    report = json.loads(subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout)
    made = sorted(t["name"] for t in report["tables"] if t["checkpoint"]["made"])
    check("maintain: checkpoints of the tables that grew", made, ["fact_access_day", "fact_credit_daily", "fact_credit_line", "rejection", "run"])
    check("maintain: nothing is deleted yet", report["deleted"]["files"], 0)
    check("maintain: what has a checkpoint", hide_entries(out), made)
    for name in made:
        protocol = DeltaTable(str(out / name)).protocol()
        check(f"deltalake: {name} is for readers 1, writers 2", (protocol.min_reader_version, protocol.min_writer_version), (1, 2))
    for t in found["tables"]:
        table = DeltaTable(str(out / t["name"]))
        check(f"deltalake by checkpoint: {t['name']} is version {t['version']}", table.version(), t["version"])
        check(f"deltalake by checkpoint: {t['name']} has {t['rows']} rows", table.to_pyarrow_table().num_rows, t["rows"])
    arrow = {name: DeltaTable(str(out / name)).to_pyarrow_table() for name in ("fact_credit_line", "fact_credit_daily", "rejection", "run")}
    check_lines("deltalake by checkpoint", arrow["fact_credit_line"], arrow["fact_credit_daily"], arrow["rejection"])
    check_run_table("deltalake by checkpoint", arrow["run"].to_pylist(), found)
    check_with_duckdb("duckdb by checkpoint", con, found, lambda name: f"delta_scan('{out / name}')")
    check("run again: nothing to do", run(pecan, out)["nothing_to_do"], True)


def check_parquet(pecan, out, con):
    found = run(pecan, out, "--set", "output.format=parquet")
    check_json(found)
    files = lambda name: sorted(str(p) for p in (out / name).rglob("*.parquet"))
    read = lambda name: pa.dataset.dataset(files(name), partitioning="hive").to_table()
    for t in found["tables"]:
        check(f"pyarrow: {t['name']} has {t['rows']} rows", read(t["name"]).num_rows, t["rows"])
    check_lines("pyarrow", read("fact_credit_line"), read("fact_credit_daily"), read("rejection"))
    check_run_table("pyarrow", read("run").to_pylist(), found)
    check_with_duckdb("duckdb", con, found, lambda name: f"read_parquet('{out / name}/**/*.parquet', hive_partitioning = true)")
    check("run again: nothing to do", run(pecan, out, "--set", "output.format=parquet")["nothing_to_do"], True)


def main():
    pecan = Path(sys.argv[1]).resolve()
    con = duckdb_ext.init(duckdb.connect())
    con.execute("LOAD delta")
    con.execute("SET TimeZone = 'UTC'")
    with tempfile.TemporaryDirectory() as folder:
        for kind, steps in (("Delta", check_delta), ("Checkpointed", check_checkpoints), ("Parquet", check_parquet)):
            print(f"{kind} output, read by others")
            steps(pecan, Path(folder) / kind.lower(), con)
    if failures:
        sys.exit(f"readers: {len(failures)} checks failed")
    print("readers: all checks passed")


if __name__ == "__main__":
    main()
