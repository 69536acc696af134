#!/usr/bin/env python3
"""A fake object store for the tests: S3, Azure Blob or Google Cloud Storage over HTTP, in memory, that fails on request.

    python3 fake_store.py --shape s3|azure|gcs [--port 0]

prints `listening on PORT` and serves until its standard input closes. Any credentials do; buckets and containers exist
as soon as they are named. What is planned and asked of it (`/_control/…`) stands in faking/control.py; faking/faults.py
says how it can fail. Needs nothing but Python.
"""

import argparse
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

sys.dont_write_bytecode = True

from faking import azure, control, gcs, s3
from faking.faults import Faults
from faking.objects import Objects
from faking.tokens import Tokens

SHAPES = {"s3": s3.answer, "azure": azure.answer, "gcs": gcs.answer}


class Request:
    """A request as the shapes see it: decoded path in bucket and key, query, headers, body."""

    def __init__(self, handler, body):
        parts = urlsplit(handler.path)
        self.method = handler.command
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = unquote(parts.path).removeprefix("/")
        # The emulator form of Azure addresses has the account in front.
        if handler.server.shape == "azure":
            path = path.removeprefix("devstoreaccount1/")
        self.bucket, _, self.key = path.partition("/")
        self.headers = handler.headers
        self.body = body
        self.raw_path = parts.path
        self.path = handler.path

    def header(self, name):
        return self.headers.get(name)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.read_body()
        request = Request(self, body)
        if request.raw_path.startswith("/_control/"):
            return self.send(control.answer(request, self.server))
        if said := self.server.tokens.answer(request):
            return self.send(said)
        answer_of = SHAPES[self.server.shape]
        faults = self.server.faults
        with self.server.lock:
            number, fault = faults.decide(request, self.server.shape)
            if fault is None or fault.after or fault.status is None:
                answer = answer_of(request, self.server.objects)
            else:
                answer = None
            if fault is not None and fault.status is not None and not (fault.after and not answer.ok):
                answer = faults.lie(fault, self.server.shape, request)
            faults.log(request, number, fault, answer)
        if fault is not None and fault.latency:
            time.sleep(fault.latency)
        if answer is None:
            return self.drop()
        self.send(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def read_body(self):
        if "chunked" in (self.headers.get("transfer-encoding") or ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        length = int(self.headers.get("content-length") or 0)
        return self.rfile.read(length) if length else b""

    def send(self, answer):
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        headers = {"Date": self.date_time_string(), **answer.headers}
        headers.setdefault("Content-Length", str(len(answer.body)))
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        body = b"" if self.command == "HEAD" or answer.status in (204, 304) else answer.body
        # Large bodies are not copied; small ones go out in one packet.
        if len(body) < 1 << 16:
            self.wfile.write(head + body)
        else:
            self.wfile.write(head)
            self.wfile.write(body)

    def drop(self):
        """The connection dies; the client hears nothing."""
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, shape, page):
        super().__init__(("127.0.0.1", port), Handler)
        self.shape = shape
        self.page = page
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        self.objects = Objects(versioned=self.shape == "gcs", page=self.page)
        self.faults = Faults()
        self.tokens = Tokens()

    def handle_error(self, request, client_address):
        # A client that goes away in the middle is what these tests are about.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def die_with_the_test():
    """A test that is killed leaves no server behind."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), required=True)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--page", type=int, default=5000, help="most names in an answer to a listing")
    parser.add_argument("--stay", action="store_true", help="go on when standard input closes")
    given = parser.parse_args()
    server = Server(given.port, given.shape, given.page)
    if not given.stay:
        threading.Thread(target=die_with_the_test, daemon=True).start()
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever(poll_interval=3600)


if __name__ == "__main__":
    main()
