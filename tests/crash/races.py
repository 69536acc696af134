#!/usr/bin/env python3
"""Eight processes at once over one output: `make races`.

    races.py PECAN [--rounds N] [--processes N] [--mode NAME] [--format delta|parquet]

Modes: `empty` and `existing` = everybody runs the same job, so one wins and the others lose (exit 4) or find nothing left
to do; `months` and `months-empty` = each process settles a billing month of its own, so all must succeed.

After each round: exit codes are 0 or 4 only; each version of a table has one run id and each run id one version; a process
has a row in `run` exactly if it ended with 0 and had something to do; a plain run brings the tables to what one writer
makes, byte for byte; the run after it does nothing. In Parquet output no file is left where readers look.
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import output_state as state
import small_job

LIMIT = 120
SPANS = [(f"2026-{m:02}-01", f"2026-{m + 1:02}-01") for m in range(1, 10)]


class Field:
    """Where the processes meet."""

    def __init__(self, mode, form, folder, pecan, processes):
        self.mode, self.form, self.pecan, self.processes = mode, form, pecan, processes
        self.folder = Path(folder)
        if mode.startswith("months"):
            generate = [pecan, "generate", "--rows", "240", "--days", str(30 * processes), "--seed", "1", "--quiet", self.folder / "job"]
            subprocess.run([str(w) for w in generate], check=True, timeout=LIMIT)
            self.job = self.folder / "job/job.toml"
            self.turns = [["--from", since, "--until", until] for since, until in self.months()]
        else:
            small_job.make(self.folder / "job")
            self.job = self.folder / "job/after.toml"
            self.turns = [["--prune"]] * processes
        self.base = self.folder / "base"
        if mode == "existing":
            self.finish(self.command(self.base, [], job=self.job.with_name("before.toml")))
        elif mode == "months":
            # What is there already is settled anew by each, since the rules change.
            self.finish(self.command(self.base, ["--set", "rules.gap_tolerance_seconds=1"]))
        one = self.folder / "one"
        if self.base.exists():
            shutil.copytree(self.base, one)
        self.finish(self.command(one, self.turns[0] if mode == "existing" else []))
        self.wanted = state.contents(one, form)

    def months(self):
        """First day of each month of the exports, and of the next."""
        starts = sorted({p.parent.parent.name.split("-")[0] for p in (self.folder / "job/exports").rglob("manifest.json")})
        days = [f"{s[:4]}-{s[4:6]}-{s[6:]}" for s in starts]
        return list(zip(days, [*days[1:], "9999-01-01"]))[: self.processes]

    def command(self, out, more, job=None):
        words = [self.pecan, "run", job or self.job, *more, "--threads", "1", "--no-progress", "--output-format", "json",
                 "--set", f"output.uri={out}", "--set", f"output.format={self.form}"]
        return [str(w) for w in words]

    def finish(self, command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        if done.returncode != 0:
            raise state.Broken(f"exit {done.returncode}: {done.stderr[:400]}")
        return json.loads(done.stdout)

    def race(self, number):
        """One round. Gives the exit codes and what is wrong."""
        out = self.folder / f"round-{number}"
        if self.base.exists():
            shutil.copytree(self.base, out)
        before = {row["run_id"] for row in state.run_rows(out, self.form)} if self.base.exists() else set()
        started = [subprocess.Popen(self.command(out, turn), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for turn in self.turns]
        ended = [(p.communicate(timeout=LIMIT), p.returncode) for p in started]
        codes = Counter(code for _, code in ended)
        allowed = {0} if self.mode.startswith("months") else {0, 4}
        wrong = [f"exit {code}: {told.strip()[:500]}" for (_, told), code in ended if code not in allowed]
        try:
            answers = [json.loads(answer) for (answer, _), code in ended if code == 0]
            told = {a["run_id"] for a in answers if not a["nothing_to_do"]}
            rows = {row["run_id"] for row in state.run_rows(out, self.form)} - before
            if told != rows:
                wrong.append(f"exit 0 was told of {sorted(told)}, and run has {sorted(rows)}")
            state.contents(out, self.form)
            self.finish(self.command(out, ["--prune"]))
            if state.contents(out, self.form) != self.wanted:
                wrong.append("the tables differ from one writer's")
            wrong += state.incomplete(out, self.form) + state.unnamed(out, self.form)
            if not self.finish(self.command(out, ["--prune"]))["nothing_to_do"]:
                wrong.append("a further run has something to do")
        except state.Broken as error:
            wrong.append(str(error))
        if not wrong:
            shutil.rmtree(out)
        return codes, wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pecan")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--mode", choices=["empty", "existing", "months", "months-empty"])
    parser.add_argument("--format", choices=["delta", "parquet"])
    given = parser.parse_args()
    failed = 0
    for mode in [given.mode] if given.mode else ["existing", "empty", "months", "months-empty"]:
        for form in [given.format] if given.format else ["delta", "parquet"]:
            with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
                field = Field(mode, form, folder, Path(given.pecan).resolve(), given.processes)
                codes, bad, shown = Counter(), 0, set()
                for number in range(given.rounds):
                    found, wrong = field.race(number)
                    codes += found
                    bad += bool(wrong)
                    for line in wrong:
                        if line[:60] not in shown and len(shown) < 12:
                            shown.add(line[:60])
                            print(f"  {mode} {form} round {number}: {line}", flush=True)
                print(f"races: {mode} {form}: {given.rounds} rounds of {given.processes}, exit codes {dict(sorted(codes.items()))}, rounds gone wrong {bad}", flush=True)
                failed += bad
    if failed:
        sys.exit(f"races: {failed} rounds went wrong")


if __name__ == "__main__":
    main()
