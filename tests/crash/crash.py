#!/usr/bin/env python3
"""Kills the real program, and fails its calls, at every place where it changes the disk: `make crash`.

    crash.py PECAN [--jobs N] [--every K] [--scenario NAME]

`faults.c`, preloaded, counts the changes of the output over all threads (write, fsync, rename, link, mkdir, unlink, …) and
lets one fault happen at the n-th: SIGKILL before it; EIO or ENOSPC instead of it; a disk that stays full from there on, or
stays broken. n = 1, 2, 3 … until a run ends before the n-th change. The journal of a clean run must be what strace saw of
that run: a change that the counter does not know fails the target. Reads are failed by strace, with EIO, one in seven.

A point is one run in which the fault happened; it is distinct by scenario, fault, call and n. After each: every table is
as before or as after, nothing in between; the exit code tells the truth; a plain rerun makes the tables equal to the clean
run's, byte for byte; the newest row of `run` names their versions; the run after it does nothing.
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

CHANGES = ("openat", "write", "writev", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "link", "linkat",
           "symlink", "symlinkat", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "flock", "copy_file_range", "sendfile", "splice", "fallocate")
READS = ("openat", "read", "pread64", "getdents64", "statx")
FAULTS = ("KILL", "EIO", "ENOSPC", "FULL", "BROKEN")
LIMIT = 60  # seconds a run may take under strace
STRIDE = 7  # reads
TRIES = 3  # another thread's n-th read may come first
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
        log, calls = trace.with_suffix(".journal"), ",".join(sorted({*CHANGES, *READS}))
        code, _, told = self.call(out, ["strace", "-f", "-y", "-e", f"trace={calls}", "-o", trace, *preloaded(out, log)])
        if code != 0:
            sys.exit(f"{self.name}: the clean run ends with {code}: {told}")
        self.after = state.contents(out, self.form)
        seen, self.reads = recording(trace, log, out, self.folder)
        counted = Counter(line.split()[1] for line in log.read_text().splitlines())
        if seen != counted:
            sys.exit(f"{self.name}: strace saw {dict(seen)}, and counted were {dict(counted)}: tests/crash/faults.c misses a call")
        self.changes = sum(counted.values())
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


def preloaded(out, log, fault="", n=0):
    """Words before a command: count its changes of an output, and fail the n-th."""
    library = Path(log).parent / "faults.so"
    if not library.exists():
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("faults.c"), "-ldl"], check=True)
    return ["env", f"LD_PRELOAD={library}", f"PECAN_FAULT_BELOW={out}", f"PECAN_FAULT_LOG={log}", f"PECAN_FAULT={fault}", f"PECAN_FAULT_AT={n}"]


def recording(trace, log, out, folder):
    """Changes of the output by name of the call, and reads: name → [n, …] by thread, as strace counts."""
    changes, reads, counts = Counter(), {}, Counter()
    for line in Path(trace).read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match or f"<{log}>" in line:
            continue
        thread, call, rest = match.groups()
        counts[thread, call] += 1
        opens = call == "openat" and "O_CREAT" not in rest
        if call in CHANGES and not opens and str(out) in rest and str(log) not in rest:
            changes["open" if call == "openat" else call] += 1
        if call in READS and str(folder) in rest and (opens or call != "openat"):
            reads.setdefault(call, []).append(counts[thread, call])
    return changes, {call: sorted(set(ns)) for call, ns in reads.items()}


class Point:
    """One run with one fault, and what came of it."""

    def __init__(self, scenario, fault, n, call="change"):
        self.scenario, self.call, self.fault, self.n = scenario, call, fault, n
        self.wrong, self.hit, self.code = [], None, None

    def run(self):
        """Gives itself; `hit` is None where the run made fewer calls."""
        s = self.scenario
        out = s.place()
        log = out.with_suffix(".journal")
        try:
            self.code, answer, told = s.call(out, self.before(out, log))
            self.find_hit(log)
            if self.hit is None:
                return self
            self.judge(out, answer, told)
            self.rerun(out)
        except subprocess.TimeoutExpired:
            self.find_hit(log)
            self.wrong.append(f"no answer after {LIMIT} s")
            self.hit = self.hit or "?"
        except state.Broken as error:
            self.wrong.append(str(error))
        finally:
            log.unlink(missing_ok=True)
            shutil.rmtree(out, ignore_errors=True)
        return self

    def before(self, out, log):
        """The words that make the fault happen."""
        if self.call == "change":
            return preloaded(out, log, self.fault, self.n)
        inject = f"inject={self.call}:error=EIO:when={self.n}"
        return ["strace", "-f", "-y", "-e", f"trace={self.call}", "-e", inject, "-o", log]

    def find_hit(self, log):
        """The call that the fault hit, from the journal or from strace."""
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        if self.call != "change":
            self.hit = next((line for line in lines if "(INJECTED)" in line), None)
            return
        self.over = len(lines) < self.n
        self.hit = next((line for line in lines if line.endswith(" hit") and line.startswith(f"{self.n} ")), None)
        if self.hit:
            self.call = self.hit.split()[1]

    def judge(self, out, answer, told):
        """Before the rerun: tables old or new, nothing in between; the exit code and the words are true."""
        s = self.scenario
        now = state.contents(out, s.form)
        between = [name for name in state.TABLES if now[name] not in (s.before[name], s.after[name])]
        if between:
            self.wrong.append(f"neither before nor after: {between}")
        loading = "error while loading shared libraries" in told
        if self.fault == "KILL":
            if self.code not in (-9, 137):
                self.wrong.append(f"killed, and the exit code is {self.code}")
        elif loading:
            self.hit = None
        elif self.code == 0:
            if s.command == ["run"] and (now != s.after or state.incomplete(out, s.form)):
                self.wrong.append("exit 0, and not committed")
        elif self.code != 5:
            self.wrong.append(f"exit {self.code}: {told.strip()[:400]}")
        elif not (re.search(r"where: *\S+", told) or '"place"' in told):
            self.wrong.append(f"exit 5 without a place: {told.strip()[:400]}")
        if "nothing was committed" in told.lower() and now != s.before:
            self.wrong.append(f"said that nothing was committed: {told.strip()[:300]}")
        if "panicked" in told:
            self.wrong.append(f"panic: {told.strip()[:300]}")

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


def changes(pool, scenario, every):
    """The points of every change and fault: as many as a clean run has, then on until a run ends before the fault."""
    runs = [(fault, pool.submit(Point(scenario, fault, n).run)) for fault in FAULTS for n in range(1, scenario.changes + 1, every)]
    points = [run.result() for _, run in runs]
    for fault in FAULTS if every == 1 else ():
        n = scenario.changes
        while not points[-1].over or points[-1].fault != fault:
            n += 1
            points.append(Point(scenario, fault, n).run())
    return [p for p in points if p.hit is not None]


def read_point(scenario, call, n):
    tries = (Point(scenario, "EIO", n, call).run() for _ in range(TRIES))
    return next((p for p in tries if p.hit is not None), None)


def reads(pool, scenario, every):
    runs = [pool.submit(read_point, scenario, call, n) for call, ns in sorted(scenario.reads.items()) for n in ns[:: STRIDE * every]]
    return [p for p in (run.result() for run in runs) if p]


def stdout_point(scenario):
    """The answer cannot be written: exit 5, and what was committed stays."""
    out = scenario.place()
    point = Point(scenario, "ENOSPC", 0, "write")
    with open("/dev/full", "wb") as full:
        point.code, _, told = scenario.call(out, answer=full)
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
    points = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder, ThreadPoolExecutor(given.jobs) as pool:
        folder = small_job.make(Path(folder) / "job")
        for name, form in [(n, f) for n in ("first", "second", "maintain") for f in ("delta", "parquet")]:
            if not f"{name} {form}".startswith(given.scenario):
                continue
            scenario = Scenario(name, form, folder, Path(given.pecan).resolve())
            scenario.prepare()
            found = changes(pool, scenario, given.every) + reads(pool, scenario, given.every)
            found += [stdout_point(scenario)] if scenario.command == ["run"] else []
            points += found
            codes = Counter(str(p.code) for p in found)
            print(f"{scenario.name}: {scenario.changes} changes, {len(found)} points, wrong {sum(bool(p.wrong) for p in found)}, exit codes {dict(codes)}", flush=True)
            for p in [p for p in found if p.wrong][:40]:
                print(f"  {p.call} {p.fault} {p.n} at {kind_of(p.hit, folder, folder)[:200]}\n      " + "\n      ".join(p.wrong), flush=True)
    table(points)
    distinct = {(p.scenario.name, p.call, p.fault, p.n) for p in points}
    wrong = [p for p in points if p.wrong]
    print(f"\ncrash: {len(distinct)} distinct points, {len(wrong)} wrong")
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
