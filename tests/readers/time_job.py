#!/usr/bin/env python3
"""Times a job from nothing: time_job.py PECAN JOB RUNS. Prints rows per second and the greatest resident memory."""
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median


def once(pecan, job):
    """(rows, seconds, MiB) of one run into an empty output folder."""
    shutil.rmtree(Path(job).parent / "out", ignore_errors=True)
    began = time.monotonic()
    child = subprocess.Popen([pecan, "run", job, "--output-format", "json", "--no-progress"], stdout=subprocess.PIPE, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"pecan stopped with {os.waitstatus_to_exitcode(status)}: {said}")
    return json.loads(said)["rows_read"], time.monotonic() - began, usage.ru_maxrss / 1024


def main():
    pecan, job, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    results = []
    for k in range(runs):
        rows, seconds, memory = once(pecan, job)
        results.append((seconds, memory))
        print(f"run {k + 1}: {rows:,} rows in {seconds:.2f} s = {rows / seconds:,.0f} rows/s, {memory:,.0f} MiB")
    seconds, memory = median(r[0] for r in results), max(r[1] for r in results)
    print(f"median of {runs}: {rows / seconds:,.0f} rows/s, at most {memory:,.0f} MiB resident")


if __name__ == "__main__":
    main()
