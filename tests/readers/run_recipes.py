#!/usr/bin/env python3
"""The recipes of docs/READING.md and the views of sql/ run as they stand: `make readers`.

Settles the sample into a temporary folder laid out as `make demo` leaves it, then runs every `sql` block in DuckDB and every
`python` block, from there. A recipe that fails, or a query that finds nothing, is a mistake in the document.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import duckdb_ext

ROOT = Path(__file__).resolve().parents[2]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "docs/READING.md").read_text(), re.S | re.M)


def check_views(database):
    """Amounts of a view and what rounding took add up to the table, exactly; both files say the same."""
    sql = {name: (ROOT / "sql" / f"{name}.sql").read_text() for name in ("duckdb", "spark")}
    plain = lambda text: re.sub(r"TEMPORARY |delta_scan\('jobs/out/(\w+)'\)|delta\.`jobs/out/(\w+)`", lambda m: m[1] or m[2] or "", text.split("\n", 1)[1])
    if plain(sql["duckdb"]) != plain(sql["spark"]):
        sys.exit("FAIL sql/: duckdb.sql and spark.sql say different things")
    try:
        database.execute("SELECT 1 FROM delta_scan('jobs/out/fact_adjustment')")
        text = sql["duckdb"]
    except duckdb.Error:                                      # nothing was ever booked: there is no such table
        text = sql["duckdb"].split("-- Closed months")[0]
    database.execute(text)
    for view, column, table, of in (
        ("month_credit", "expected", "fact_credit_line", "credit_billing"), ("month_credit", "applied", "fact_credit_line", "applied_credit_billing"),
        ("month_difference", "difference", "fact_difference", "difference"), ("month_overview", "expected", "fact_credit_line", "credit_billing")):
        one = lambda query: database.execute(query).fetchone()[0]
        seen = one(f"SELECT sum({column}::DECIMAL(38, 12) + {column}_residue) FROM {view}")
        wanted = one(f"SELECT sum({of}) FROM delta_scan('jobs/out/{table}')")
        if seen != wanted or seen is None:
            sys.exit(f"FAIL sql/duckdb.sql: {view}.{column} adds up to {seen}, {table}.{of} to {wanted}")
        print(f"  ok   view: {view}.{column} = {seen}")


def main(pecan):
    pecan = Path(pecan).resolve()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "jobs/out"
        job = [ROOT / "jobs/daily.toml", "--set", f"output.uri={out}", "--quiet"]
        month = ["--month", "2026-09", "--close"]
        for command, code in ((["run", *job], 0), (["reconcile", *job, *month], 6)):     # the sample's differences are planted
            done = subprocess.run([pecan, *command], capture_output=True, text=True)
            if done.returncode != code:
                sys.exit(done.stderr)
        os.chdir(folder)
        database = duckdb_ext.init(duckdb.connect())
        database.execute("LOAD delta; SET TimeZone = 'UTC'")
        for query in blocks("sql"):
            rows = database.execute(query).fetch_arrow_table().num_rows
            if rows == 0:
                sys.exit(f"FAIL docs/READING.md: a query finds nothing:\n{query}")
            print(f"  ok   recipe: {query.split(chr(10))[0][:70]}… ({rows} rows)")
        check_views(database)
        for program in blocks("python"):
            exec(compile(program, "docs/READING.md", "exec"), {})
            print("  ok   recipe: Python")


if __name__ == "__main__":
    main(sys.argv[1])
