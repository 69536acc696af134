#!/usr/bin/env python3
"""The recipes of docs/READING.md run as they stand: `make readers`.

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


def main(pecan):
    pecan = Path(pecan).resolve()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "jobs/out"
        done = subprocess.run([pecan, "run", ROOT / "jobs/daily.toml", "--set", f"output.uri={out}", "--quiet"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        os.chdir(folder)
        database = duckdb_ext.init(duckdb.connect())
        database.execute("LOAD delta; SET TimeZone = 'UTC'")
        for query in blocks("sql"):
            rows = database.execute(query).fetch_arrow_table().num_rows
            if rows == 0:
                sys.exit(f"FAIL docs/READING.md: a query finds nothing:\n{query}")
            print(f"  ok   recipe: {query.split(chr(10))[0][:70]}… ({rows} rows)")
        for program in blocks("python"):
            exec(compile(program, "docs/READING.md", "exec"), {})
            print("  ok   recipe: Python")


if __name__ == "__main__":
    main(sys.argv[1])
