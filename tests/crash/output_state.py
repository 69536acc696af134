"""What an output says of itself, read without pecan: log entries or manifests, live files by content, rows of `run`."""
import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq

TABLES = (
    "fact_credit_line", "fact_credit_daily", "fact_access_day", "rejection", "fact_access_interval", "dim_customer", "dim_date",
    "dim_meter", "dim_partner", "dim_role", "dim_subscription",
)


class Broken(Exception):
    """An output that contradicts itself."""


def delta_entries(table):
    """The log entries of a Delta table in order, each a list of actions. Gaps are an error."""
    paths = sorted((table / "_delta_log").glob("*.json"))
    if [int(p.stem) for p in paths] != list(range(len(paths))):
        raise Broken(f"{table.name}: log entries {[p.name for p in paths]}")
    try:
        return [[json.loads(line) for line in p.read_text().splitlines()] for p in paths]
    except ValueError as error:
        raise Broken(f"{table.name}: a log entry is no JSON: {error}") from error


def commit_run(actions):
    """The run id of a log entry."""
    return next(a["commitInfo"]["pecan.run"] for a in actions if "commitInfo" in a)


def live_delta(table):
    entries = delta_entries(table)
    live, runs = {}, [commit_run(actions) for actions in entries]
    if len(set(runs)) != len(runs):
        raise Broken(f"{table.name}: one run in two versions: {runs}")
    for actions in entries:
        for action in actions:
            if "remove" in action and live.pop(action["remove"]["path"], None) is None:
                raise Broken(f"{table.name}: {action['remove']['path']} was taken out and never there")
            if "add" in action:
                add = action["add"]
                if add["path"] in live:
                    raise Broken(f"{table.name}: {add['path']} was added twice")
                live[add["path"]] = (add["partitionValues"].get("billing_month"), add["tags"]["pecan.group"], add["size"])
    return (len(entries) - 1 if entries else None), live


def live_parquet(table):
    path = table / "_pecan/manifest.json"
    if not path.exists():
        return None, {}
    manifest = json.loads(path.read_text())
    return manifest["version"], {f["path"]: (f.get("billing_month"), f["group"], f["bytes"]) for f in manifest["files"]}


def live(out, table, form):
    """Version and live files: path → (month, group, bytes)."""
    return (live_delta if form == "delta" else live_parquet)(Path(out) / table)


def digest(path, size):
    """Hash of a data file, which must be as long as the table says."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise Broken(f"a live file is missing: {path}") from error
    if len(content) != size:
        raise Broken(f"{path} has {len(content)} bytes, the table says {size}")
    return hashlib.sha256(content).hexdigest()


def contents(out, form, tables=TABLES):
    """Table → multiset (sorted list) of (month, group, hash). The same input files give the same bytes (R-AGAIN-6), so
    equal answers mean equal tables: no line is lost, none doubled."""
    found = {}
    for name in tables:
        _, files = live(out, name, form)
        found[name] = sorted((month or "", group, digest(Path(out) / name / path, size)) for path, (month, group, size) in files.items())
    return found


def run_rows(out, form):
    """Rows of `run`, oldest first."""
    _, files = live(out, "run", form)
    rows = [row for path in files for row in pq.ParquetFile(Path(out) / "run" / path).read().to_pylist()]
    rows.sort(key=lambda row: (row["started"], row["run_id"]))
    if len({row["run_id"] for row in rows}) != len(rows):
        raise Broken("a run has two rows")
    return rows


def incomplete(out, form):
    """What the newest row of `run` says wrongly of the tables; empty if it names every table's version."""
    rows = run_rows(out, form)
    if not rows:
        return ["no row of run"]
    named = {t["name"]: t["version"] for t in rows[-1]["tables"]}
    now = {name: live(out, name, form)[0] for name in TABLES}
    return [f"{name} is version {now[name]}, run says {named.get(name)}" for name in TABLES if named.get(name) != now[name]]


def unnamed(out, form):
    """Data files where readers of plain globs look and that no manifest names (Parquet output)."""
    if form == "delta":
        return []
    found = []
    for name in TABLES + ("run",):
        folder = Path(out) / name
        files = {folder / path for path in live(out, name, form)[1]}
        seen = (p for p in folder.rglob("*.parquet") if not any(part.startswith(("_", ".")) for part in p.relative_to(folder).parts))
        found.extend(str(p) for p in seen if p not in files)
    return found
