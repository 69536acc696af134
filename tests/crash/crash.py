#!/usr/bin/env python3
"""Kills the real program, and fails its calls, at every place where it changes the disk: `make crash`.

    crash.py PECAN [--jobs N] [--every K] [--scenario NAME]

strace injects one fault per run: SIGKILL before the n-th call, or EIO or ENOSPC instead of it. `when=` counts per thread
and per call name. With `--threads 1` all changes of the disk are made by one thread (a recording of a run without faults
says which calls those are, and the end of each scenario compares the places reached with the places recorded), so n = 1,
2, 3 … until a run ends without a fault reaches each of them. Reads are failed with EIO only, one in seven.

Other threads ring bells (eventfd) with `write`, and the n-th bell may come before the n-th write to the disk: places that
were therefore never reached are counted and told, and fail the target: what was not tried is not shown.

A point is one run in which strace tells that the fault happened; it is distinct by scenario, fault, call and n. After
each: every table is as before or as after, nothing in between; the exit code tells the truth; a plain rerun makes the
tables equal to the clean run's, byte for byte; the newest row of `run` names their versions; the run after it does nothing.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import output_state as state
import small_job

CHANGES = ("openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "flock")
READS = ("openat", "read", "pread64", "getdents64", "statx")
FAULTS = {"kill": "signal=SIGKILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
NEVER_FULL = {"unlink", "unlinkat", "rmdir", "flock"}  # no file system says ENOSPC here
LIMIT = 20  # seconds a run may take under strace
BELL = "anon_inode:"  # what wakes another thread is no disk: a fault there is not counted
STRIDE = 7  # reads
TRIES = 3  # another thread's n-th call of that name may come first
LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")


class Scenario:
    """What is run over which output, and what must come of it."""

    def __init__(self, name, form, folder, pecan):
        self.name, self.form, self.folder, self.pecan = f"{name} {form}", form, folder, pecan
        self.kind = name
        self.command = ["maintain"] if name == "maintain" else ["run"]
        self.base = None
        self.serial = 0

    def arguments(self, out, command=None):
        command = command or self.command
        world = "before.toml" if self.kind == "maintain" else "after.toml"
        more = ["--prune"] if command == ["run"] and self.kind != "maintain" else []
        return [self.pecan, *command, self.folder / world, *more, "--threads", "1", "--no-progress", "--output-format", "json",
                "--set", f"output.uri={out}", "--set", f"output.format={self.form}"]

    def call(self, out, before=(), command=None, answer=None):
        """Runs it; gives the exit code, the JSON and what it told on standard error."""
        words = [str(w) for w in (*before, *self.arguments(out, command))]
        with subprocess.Popen(words, stdout=answer or subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as child:
            try:
                said, told = child.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)  # strace and what it watches
                raise
        text = (said or b"").decode()
        return child.returncode, json.loads(text) if text.strip().endswith("}") else None, told.decode(errors="replace")

    def place(self):
        """An output as the scenario finds it."""
        self.serial += 1
        out = self.folder / f"{self.name.replace(' ', '-')}-{self.serial}"
        if self.base:
            shutil.copytree(self.base, out)
        return out

    def prepare(self):
        """The output before, the clean run, and a recording of it."""
        if self.kind != "first":
            self.base = self.folder / f"base-{self.kind}-{self.form}"
            self.settle_before()
        self.before = state.contents(self.base, self.form) if self.base else {name: [] for name in state.TABLES}
        self.runs_before = {row["run_id"] for row in state.run_rows(self.base, self.form)} if self.base else set()
        out, trace = self.place(), self.folder / f"{self.name.replace(' ', '-')}.trace"
        calls = ",".join(sorted({*CHANGES, *READS}))
        code, _, told = self.call(out, ["strace", "-f", "-y", "-e", f"trace={calls}", "-o", trace])
        if code != 0:
            sys.exit(f"{self.name}: the clean run ends with {code}: {told}")
        self.after = state.contents(out, self.form)
        self.recorded = recording(trace, out, self.folder)
        shutil.rmtree(out)

    def settle_before(self):
        words = self.arguments(self.base, ["run"])
        words = [w if w != self.folder / "after.toml" else self.folder / "before.toml" for w in words]
        rounds = 12 if self.kind == "maintain" else 1
        for _ in range(rounds):
            subprocess.run([str(w) for w in words] + (["--force"] if rounds > 1 else []), check=True, capture_output=True, timeout=LIMIT)
        if self.kind == "maintain":
            orphan(self.base)


def orphan(out):
    """What an interrupted run left forty days ago."""
    live = next((out / "fact_credit_line").rglob("part-*.parquet"))
    for n in range(4):
        left = live.with_name(re.sub(r"-[0-9a-f]{12}\.parquet$", f"-{n:012x}.parquet", live.name))
        shutil.copyfile(live, left)
        subprocess.run(["touch", "-d", "40 days ago", str(left)], check=True)


def kind_of(path, out, folder):
    """A path without what differs from run to run."""
    path = path.replace(str(out), "OUT").replace(str(folder), "")
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", path)
    path = re.sub(r"#\d+", "#N", path)
    return re.sub(r"-[0-9a-f]{12}\.parquet", "-RUN.parquet", path)


def recording(trace, out, folder):
    """Call name → [n, …] of calls that change the output, and of those that read; by thread, as strace counts."""
    changes, reads, counts = {}, {}, Counter()
    for line in Path(trace).read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match:
            continue
        thread, call, rest = match.groups()
        counts[thread, call] += 1
        n = counts[thread, call]
        if str(out) in rest and call in CHANGES and " ENOENT" not in rest and " EEXIST" not in rest:
            if call != "openat" or "O_CREAT" in rest:
                changes.setdefault(call, {})[n] = kind_of(rest, out, folder)
        if call in READS and str(folder) in rest and (call != "openat" or "O_CREAT" not in rest):
            reads.setdefault(call, {})[n] = kind_of(rest, out, folder)
    return {"changes": changes, "reads": reads}


def happened(trace, fault):
    """The call that the fault hit, or None."""
    lines = Path(trace).read_text(errors="replace").splitlines() if Path(trace).exists() else []
    if fault != "kill":
        return next((line for line in lines if "(INJECTED)" in line), None)
    if not any("killed by SIGKILL" in line for line in lines):
        return None
    calls = [line for line in lines if LINE.match(line) and (line.rstrip().endswith("?") or "<unfinished" in line)]
    return calls[-1] if calls else lines[-1]


class Point:
    """One run with one fault, and what came of it."""

    def __init__(self, scenario, call, fault, n):
        self.scenario, self.call, self.fault, self.n = scenario, call, fault, n
        self.wrong, self.hit, self.code = [], None, None

    def run(self):
        s = self.scenario
        out = s.place()
        trace = out.with_suffix(".strace")
        inject = ["strace", "-f", "-y", "-e", f"trace={self.call}", "-e", f"inject={self.call}:{FAULTS[self.fault]}:when={self.n}", "-o", trace]
        try:
            self.code, answer, told = s.call(out, inject)
            self.hit = happened(trace, self.fault)
            if self.hit is None or BELL in self.hit:
                self.hit = None
                return self
            self.judge(out, answer, told)
            self.rerun(out)
        except subprocess.TimeoutExpired:
            self.hit = self.hit or happened(trace, self.fault) or "?"
            self.wrong.append(f"no end after {LIMIT} s")
            if BELL in self.hit:
                self.hit = None
        except state.Broken as error:
            self.wrong.append(str(error))
        finally:
            trace.unlink(missing_ok=True)
            shutil.rmtree(out, ignore_errors=True)
        return self

    def judge(self, out, answer, told):
        """Before the rerun: tables old or new, nothing in between; the exit code and the words are true."""
        s = self.scenario
        now = state.contents(out, s.form)
        between = [name for name in state.TABLES if now[name] not in (s.before[name], s.after[name])]
        if between:
            self.wrong.append(f"neither before nor after: {between}")
        loading = "error while loading shared libraries" in told
        if self.fault == "kill":
            if self.code not in (-9, 137):
                self.wrong.append(f"killed, and the exit code is {self.code}")
        elif loading:
            self.hit = None
        elif self.code == 0:
            if s.command == ["run"] and (now != s.after or state.incomplete(out, s.form)):
                self.wrong.append("exit 0, and not committed")
        elif self.code != 5:
            self.wrong.append(f"exit {self.code}: {told.strip()[:400]}")
        elif "stderr" not in self.hit_where() and not (re.search(r"where: *\S+", told) or '"place"' in told):
            self.wrong.append(f"exit 5 without a place: {told.strip()[:400]}")
        if "nothing was committed" in told.lower() and now != s.before:
            self.wrong.append(f"said that nothing was committed: {told.strip()[:300]}")
        if "panicked" in told:
            self.wrong.append(f"panic: {told.strip()[:300]}")
        self.told = told

    def hit_where(self):
        return "stderr" if self.call == "write" and self.n <= 3 else ""

    def rerun(self, out):
        s = self.scenario
        code, _, told = s.call(out)
        if code != 0:
            self.wrong.append(f"the rerun ends with {code}: {told.strip()[:300]}")
            return
        if s.command != ["run"]:
            code, answer, told = s.call(out, command=["run"])
            if code != 0 or not answer["nothing_to_do"]:
                self.wrong.append(f"a run after maintain: {code} {told[:200]}")
        if state.contents(out, s.form) != s.after:
            self.wrong.append("the tables differ from the clean run's")
        self.wrong.extend(state.incomplete(out, s.form))
        self.wrong.extend(f"left where readers look: {path}" for path in state.unnamed(out, s.form))
        more = {row["run_id"] for row in state.run_rows(out, s.form)} - s.runs_before
        if s.command == ["run"] and len(more) not in (1, 2):
            self.wrong.append(f"{len(more)} new rows of run")
        code, answer, _ = s.call(out, command=["run"])
        if code != 0 or not answer["nothing_to_do"]:
            self.wrong.append(f"a further run: exit {code}, nothing_to_do {answer and answer['nothing_to_do']}")


def stream(scenario, call, fault, wanted, every):
    """The points of one call and one fault: those recorded, then on until a run ends clean."""
    points, beyond = [], max(wanted, default=0)
    for n in sorted(wanted)[::every]:
        tries = (Point(scenario, call, fault, n).run() for _ in range(TRIES))
        points.append(next((p for p in tries if p.hit is not None), Point(scenario, call, fault, n)))
    while every == 1 and wanted:
        beyond += 1
        point = Point(scenario, call, fault, beyond).run()
        if point.hit is None:
            break
        points.append(point)
    return [p for p in points if p.hit is not None]


def streams(scenario, every):
    for call, wanted in sorted(scenario.recorded["changes"].items()):
        for fault in FAULTS:
            if not (fault == "ENOSPC" and call in NEVER_FULL):
                yield call, fault, wanted, every
    for call, wanted in sorted(scenario.recorded["reads"].items()):
        yield f"{call}", "EIO", {n: wanted[n] for n in sorted(wanted)[::STRIDE]}, max(every, 2)


def stdout_point(scenario):
    """The answer cannot be written: exit 5, and what was committed stays."""
    out = scenario.place()
    point = Point(scenario, "write", "ENOSPC", 0)
    answer = out.with_suffix(".answer")
    with answer.open("wb") as file:
        before = ["strace", "-f", "-P", answer, "-e", "trace=write", "-e", "inject=write:error=ENOSPC:when=1", "-o", "/dev/null"]
        point.code, _, told = scenario.call(out, before, answer=file)
    point.hit = "standard output"
    if point.code != 5 or "[stdout]" not in told and '"stdout"' not in told:
        point.wrong.append(f"standard output full: exit {point.code}: {told[:300]}")
    point.rerun(out)
    shutil.rmtree(out)
    return point


def table(points):
    """Points by scenario, call and fault."""
    scenarios = sorted({p.scenario.name for p in points})
    print(f"\n{'call':<12}{'fault':<8}" + "".join(f"{name:>20}" for name in scenarios))
    counts = Counter((p.call, p.fault, p.scenario.name) for p in points)
    for call, fault in sorted({(p.call, p.fault) for p in points}):
        print(f"{call:<12}{fault:<8}" + "".join(f"{counts[call, fault, name] or '':>20}" for name in scenarios))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pecan")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="only every k-th point")
    parser.add_argument("--scenario", default="", help="only those whose name begins so")
    given = parser.parse_args()
    points, missed = [], []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder, ThreadPoolExecutor(given.jobs) as pool:
        folder = small_job.make(Path(folder) / "job")
        for name, form in [(n, f) for n in ("first", "second", "maintain") for f in ("delta", "parquet")]:
            if not f"{name} {form}".startswith(given.scenario):
                continue
            scenario = Scenario(name, form, folder, Path(given.pecan).resolve())
            scenario.prepare()
            work = [pool.submit(stream, scenario, *s) for s in streams(scenario, given.every)]
            found = [p for w in work for p in w.result()] + ([stdout_point(scenario)] if scenario.command == ["run"] else [])
            points += found
            reached = {(p.call, p.n) for p in found}
            if given.every == 1:
                missed += [f"{scenario.name}: {call} {n} {where[:160]}" for call, ns in scenario.recorded["changes"].items() for n, where in ns.items() if (call, n) not in reached]
            codes = Counter(str(p.code) for p in found)
            print(f"{scenario.name}: {len(found)} points, wrong {sum(bool(p.wrong) for p in found)}, exit codes {dict(codes)}", flush=True)
            for p in [p for p in found if p.wrong][:40]:
                print(f"  {p.call} {p.fault} {p.n} at {kind_of(p.hit, folder, folder)[:200]}\n      " + "\n      ".join(p.wrong), flush=True)
    table(points)
    distinct = {(p.scenario.name, p.call, p.fault, p.n) for p in points}
    wrong = [p for p in points if p.wrong]
    print(f"\ncrash: {len(distinct)} distinct points, {len(wrong)} wrong, {len(missed)} places never reached")
    print("\n".join(missed[:20]))
    if wrong or missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
