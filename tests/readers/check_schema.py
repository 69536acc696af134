#!/usr/bin/env python3
"""The JSON Schema of the job file, as an editor would use it: `make readers`.

What the program takes must pass (tests/job_files/good, jobs/, the example in the README), planted mistakes must not
(tests/job_files/bad); `cargo test` puts the same files before the program.
"""
import datetime
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
failures = []


def check(what, good, found=""):
    print(f"  {'ok  ' if good else 'FAIL'} {what}")
    if not good:
        failures.append(what)
        print(f"       {found}")


def plain(value):
    """TOML as JSON: dates and times become text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


def mistakes(validator, text):
    return [f"{'.'.join(map(str, e.absolute_path))}: {e.message}"[:300] for e in validator.iter_errors(plain(tomllib.loads(text)))]


def described(part, path=""):
    """Keys without a description."""
    for key, below in part.get("properties", {}).items():
        if not below.get("description"):
            yield f"{path}{key}"
        yield from described(below, f"{path}{key}.")
    for choice in [*part.get("anyOf", []), part.get("items")]:
        yield from described(choice, path) if choice else ()


def main():
    pecan = sys.argv[1]
    printed = subprocess.run([pecan, "schema", "--output-format", "json"], capture_output=True, text=True, check=True).stdout
    schema = json.loads(printed)
    check("job schema: draft 2020-12, and sound", schema["$schema"].endswith("/draft/2020-12/schema") and Draft202012Validator.check_schema(schema) is None)
    check("job schema: every key is described", not list(described(schema)), list(described(schema)))
    validator = Draft202012Validator(schema)
    good = {str(p.relative_to(ROOT)): p.read_text() for p in sorted([*ROOT.glob("jobs/*.toml"), *ROOT.glob("tests/job_files/good/*.toml")])}
    examples = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    good |= {f"README.md, example {number}": text for number, text in enumerate(examples, 1)}
    for name, text in good.items():
        check(f"job schema: {name} passes", not mistakes(validator, text), mistakes(validator, text))
    bad = sorted(ROOT.glob("tests/job_files/bad/*.toml"))
    passed = [path.name for path in bad if not mistakes(validator, path.read_text())]
    check(f"job schema: {len(bad)} planted mistakes are found", bad and not passed, passed)
    if failures:
        sys.exit(f"job schema: {len(failures)} checks failed")


main()
