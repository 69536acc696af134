"""Time a job whose inputs are in a store that takes 50 ms for each answer, beside the same job on local files.

    python3 time_stores.py PECAN FOLDER ROWS RUNS

generates the job into FOLDER if it is not there, puts its inputs into the fake S3 of tests/stores, and prints the median of
RUNS runs of either, each into an empty output folder, with the requests that were made for inputs.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

LATENCY = 0.05
FAKE = pathlib.Path(__file__).resolve().parents[1] / "stores/fake_store.py"


def ask(port, method, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{urllib.parse.quote(path)}", data=body, method=method)
    return urllib.request.urlopen(request).read()


def timed(pecan, job, out, environment):
    shutil.rmtree(out, ignore_errors=True)
    began = time.monotonic()
    subprocess.run([pecan, "run", job, "--quiet", "--set", f"output.uri={out}"], check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def main():
    pecan, folder, rows, runs = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3], int(sys.argv[4])
    if not (folder / "job.toml").exists():
        subprocess.run([pecan, "generate", "--rows", rows, "--days", "30", "--seed", "1", "--quiet", folder], check=True)
    inputs = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml" and "out" not in path.relative_to(folder).parts[:1]]
    server = subprocess.Popen([sys.executable, FAKE, "--shape", "s3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().split()[-1]
        for path in inputs:
            ask(port, "PUT", f"lake/{path.relative_to(folder)}", path.read_bytes())
        lines = (folder / "job.toml").read_text().splitlines()
        text, table = [], ""
        for line in lines:
            table = line.strip() if line.startswith("[") else table
            if table != "[output]" and '= "' in line and any((folder / word).exists() for word in line.split('"')[1:2]):
                line = line.replace('= "', '= "s3://lake/', 1)
            text.append(line)
        (folder / "remote.toml").write_text("\n".join(text) + "\n")
        store = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
        local, remote = [], []
        for _ in range(runs):
            local.append(timed(pecan, folder / "job.toml", folder / "out-local", os.environ))
            ask(port, "POST", "_control/plan", json.dumps([{"on": "any", "every": 1, "latency": LATENCY}]).encode())
            remote.append(timed(pecan, folder / "remote.toml", folder / "out-remote", {**os.environ, **store}))
        log = json.loads(ask(port, "GET", "_control/log"))
    finally:
        server.kill()
        for name in ("out-local", "out-remote"):
            shutil.rmtree(folder / name, ignore_errors=True)
    size = sum(path.stat().st_size for path in inputs) / 1e6
    one, other = statistics.median(local), statistics.median(remote)
    print(f"{size:.0f} MB in {len(inputs)} files: local {one:.1f} s, store with {LATENCY * 1000:.0f} ms per request {other:.1f} s ({other / one:.2f} times), {len(log)} requests, {os.cpu_count()} cores, {runs} runs each")


main()
