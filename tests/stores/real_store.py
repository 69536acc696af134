#!/usr/bin/env python3
"""A real object store for the tests, on free ports of this machine: Azurite, SeaweedFS or moto, as `make servers` installs
them below .tools/.

    python3 real_store.py azurite|seaweedfs|moto

prints one line of JSON, the environment a program needs to use it (its bucket or container is `lake`), or `{"skipped": why}`,
and stops the server when standard input closes. Needs nothing but Python itself.
"""

import argparse
import base64
import email.utils
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

TOOLS = pathlib.Path(__file__).resolve().parents[2] / ".tools"
BUCKET = "lake"
ACCOUNT = "devstoreaccount1"
# The key every Azurite has: no secret.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PATIENCE = 60


def free_ports(count):
    """Ports that are free now; SeaweedFS wants some below 50,000."""
    held, ports = [], []
    while len(ports) < count:
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        held.append(taken)
        if taken.getsockname()[1] < 50000:
            ports.append(taken.getsockname()[1])
    for taken in held:
        taken.close()
    return ports


def ask(url, method="GET", headers=None):
    """The status of an answer. No header that was not asked for: SeaweedFS takes urllib's for a form."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=5)
    connection.request(method, place.path + (f"?{place.query}" if place.query else ""), headers={"content-length": "0", **(headers or {})})
    return connection.getresponse().status


def azurite(folder):
    program = TOOLS / "azurite/node_modules/.bin/azurite-blob"
    if not (program.exists() and shutil.which("node")):
        return None, None, "Azurite is not installed"
    (port,) = free_ports(1)
    quiet = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    process = start([program, *quiet, "--blobHost", "127.0.0.1", "--blobPort", str(port)], folder)
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"

    def make():
        now, version = email.utils.formatdate(usegmt=True), "2021-08-06"
        what = f"/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
        text = "PUT" + "\n" * 12 + f"x-ms-date:{now}\nx-ms-version:{version}\n{what}"
        signature = base64.b64encode(hmac.new(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()).decode()
        headers = {"x-ms-date": now, "x-ms-version": version, "authorization": f"SharedKey {ACCOUNT}:{signature}"}
        return ask(f"{endpoint}/{BUCKET}?restype=container", "PUT", headers)

    environment = {"AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY, "AZURE_STORAGE_ENDPOINT": endpoint, "AZURE_ALLOW_HTTP": "true"}
    return process, make, environment


def seaweedfs(folder):
    program = TOOLS / "servers/venv/bin/weed"
    if not program.exists():
        return None, None, "SeaweedFS is not installed"
    s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = map(str, free_ports(8))
    may = ["Admin", "Read", "List", "Tagging", "Write"]
    users = {"identities": [{"name": "test", "credentials": [{"accessKey": "test", "secretKey": "testsecret"}], "actions": may}]}
    config = pathlib.Path(folder) / "s3.json"
    config.write_text(json.dumps(users))
    ports = [f"-master.port={master}", f"-master.port.grpc={master_grpc}", f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"]
    ports += [f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", "-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", f"-s3.config={config}"]
    here = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    process = start([program, "-logtostderr=true", "server", "-master.telemetry=false", *here, *ports], folder)

    def make():
        # The gateway comes up after the filer; whatever it answers, it is there.
        ask(f"http://127.0.0.1:{s3}/{BUCKET}")
        return ask(f"http://127.0.0.1:{filer}/buckets/{BUCKET}/", "POST")

    return process, make, s3_environment(s3, "test", "testsecret")


def moto(folder):
    program = TOOLS / "servers/venv/bin/moto_server"
    if not program.exists():
        return None, None, "moto is not installed"
    (port,) = free_ports(1)
    process = start([program, "-H", "127.0.0.1", "-p", str(port)], folder)
    return process, lambda: ask(f"http://127.0.0.1:{port}/{BUCKET}", "PUT"), s3_environment(port, "any", "any")


def s3_environment(port, name, secret):
    here = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    return {**here, "AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}


def start(command, folder):
    log = open(pathlib.Path(folder) / "log", "w")
    return subprocess.Popen([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": str(folder)})


def wait_for(make, process, folder):
    """Makes the bucket as soon as the server can; says what went wrong otherwise."""
    said = None
    until = time.time() + PATIENCE
    while time.time() < until:
        if process.poll() is not None:
            return f"it stopped with {process.returncode}: " + (pathlib.Path(folder) / "log").read_text()[-500:]
        try:
            said = make()
            if said < 300:
                return None
        except (OSError, http.client.HTTPException) as error:
            said = error
        time.sleep(0.1)
    return f"no bucket after {PATIENCE} s: {said}"


def main():
    servers = {"azurite": azurite, "seaweedfs": seaweedfs, "moto": moto}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", choices=sorted(servers))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pecan-store-") as folder:
        process, make, environment = servers[given.server](folder)
        if process is None:
            print(json.dumps({"skipped": environment}), flush=True)
            return
        try:
            trouble = wait_for(make, process, folder)
            print(json.dumps({"broken": trouble} if trouble else environment), flush=True)
            while trouble is None and os.read(0, 4096):
                pass
        finally:
            # Nothing of it is kept, so there is nothing to close in peace.
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
