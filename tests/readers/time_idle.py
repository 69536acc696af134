#!/usr/bin/env python3
"""Times a run that has nothing to do, over 1,000 input files: time_idle.py PECAN FOLDER RUNS.

Two jobs: one month of an export in 1,000 files of 2,000 charges (one group), and 1,000 folders of one file (as many groups).
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import small_job

FILES = 1000


def command(pecan, job):
    return [str(pecan), "run", str(job), "--no-progress", "--output-format", "json"]


def one_group(pecan, folder):
    """A month in 1,000 export files."""
    job = folder / "files/job.toml"
    if not job.exists():
        subprocess.run([str(pecan), "generate", "--rows", str(2000 * FILES), "--files", str(FILES), "--seed", "1", "--quiet", str(job.parent)], check=True)
    return job


def many_groups(folder):
    """1,000 folders, each a copy of the sample's archive of a month."""
    job = folder / "folders/after.toml"
    if not job.exists():
        small_job.make(job.parent)
        archive = job.parent / "after/archive"
        for number in range(FILES):
            shutil.copytree(archive / "2026-10", archive / f"copy-{number:04}")
        shutil.rmtree(archive / "2026-10")
    return job


def main():
    pecan, folder, runs = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3])
    slowest = 0
    for name, job in (("files", one_group(pecan, folder)), ("folders", many_groups(folder))):
        subprocess.run(command(pecan, job), check=True, capture_output=True)
        times = []
        for _ in range(runs):
            began = time.monotonic()
            done = subprocess.run(command(pecan, job), check=True, capture_output=True)
            times.append(time.monotonic() - began)
            if not json.loads(done.stdout)["nothing_to_do"]:
                sys.exit(f"{name}: there was something to do")
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"idle: {FILES} {name}: median of {runs} {median(times):.2f} s, least {min(times):.2f} s, {os.cpu_count()} processors, {memory:,.0f} MiB at most so far")
        slowest = max(slowest, median(times))
    if slowest > 1:
        sys.exit(f"idle: {slowest:.2f} s is more than 1 s")


if __name__ == "__main__":
    main()
