"""Which requests fail, and how.

A plan is a list of rules, each a JSON object; the first that fits a request is taken:

    on          "put" (the default): uploads that store something, counted from 1 over the run: objects, parts, blocks,
                the completion of an upload, copies; or "any": every request; or "get", "list", "delete", "begin"
    key         only requests whose key has this text in it; they are counted by themselves
    at          the number of the request that fails; or
    every       each n-th fails; or
    from        this one and all behind it fail, at most `times` (default: no limit)
    percent     as many of a hundred fail, drawn from `seed`
    do          "after" (the default): what was asked is done, then the answer is a lie; "before": nothing is done
    status      what is said: 500, 408, 409, 412, 429, 503 …; 0: nothing, the connection dies; absent: the truth
    retry_after seconds in a Retry-After header
    latency     seconds before the answer
    echo        true: the answer repeats everything that was sent, as stores do when a signature is wrong

A request that would have been refused anyway (a lost race) is refused truthfully: `after` means that it was done.
"""

import random

from .answer import error, tag

CODES = {
    "s3": {408: "RequestTimeout", 409: "OperationAborted", 412: "PreconditionFailed", 429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"},
    "azure": {408: "RequestTimeout", 409: "BlobAlreadyExists", 412: "ConditionNotMet", 429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"},
    "gcs": {408: "RequestTimeout", 409: "Conflict", 412: "PreconditionFailed", 429: "SlowDown", 500: "InternalError", 503: "ServiceUnavailable"},
}


class Rule:
    def __init__(self, said):
        self.kind = said.get("on", "put")
        self.key = said.get("key", "")
        self.at, self.every = said.get("at"), said.get("every")
        self.since, self.times = said.get("from"), said.get("times")
        self.percent = said.get("percent")
        self.dice = random.Random(said.get("seed", 1))
        self.after = said.get("do", "after") == "after"
        self.status = said.get("status")
        self.retry_after = said.get("retry_after")
        self.latency = said.get("latency", 0)
        self.echo = said.get("echo", False)
        self.seen = self.done = 0
        unknown = set(said) - {"on", "key", "at", "every", "from", "times", "percent", "seed", "do", "status", "retry_after", "latency", "echo"}
        if unknown:
            raise ValueError(f"unknown words in a rule: {sorted(unknown)}")

    def fits(self, kind, key):
        if self.kind not in ("any", kind) or self.key not in key:
            return False
        self.seen += 1
        fits = (
            self.seen == self.at
            or (self.every is not None and self.seen % self.every == 0)
            or (self.since is not None and self.seen >= self.since)
            or (self.percent is not None and self.dice.random() * 100 < self.percent)
        )
        if fits and self.times is not None and self.done >= self.times:
            return False
        self.done += fits
        return fits


def kind_of(request, shape):
    query, method = request.query, request.method
    if method in ("GET", "HEAD"):
        return "get" if request.key else "list"
    if method == "DELETE" or "delete" in query or query.get("comp") == "batch":
        return "delete"
    return "begin" if "uploads" in query else "put"


class Faults:
    def __init__(self):
        self.rules = []
        self.requests = []
        self.puts = 0

    def plan(self, rules):
        self.rules = [Rule(said) for said in rules]
        self.requests = []
        self.puts = 0

    def decide(self, request, shape):
        """The number of an upload, and the rule that takes the request."""
        kind = kind_of(request, shape)
        number = None
        if kind == "put":
            self.puts += 1
            number = self.puts
        taken = None
        for rule in self.rules:
            # Every rule counts for itself, also when another one takes the request.
            if rule.fits(kind, request.key) and taken is None:
                taken = rule
        return number, taken

    def lie(self, rule, shape, request):
        """The false answer; None: the connection dies."""
        if rule.status == 0:
            return None
        code = CODES[shape].get(rule.status, "Error")
        answer = error(rule.status, code, "A planned failure.", Retry_After=rule.retry_after)
        if rule.echo:
            sent = f"{request.method} {request.path} {dict(request.headers)}"
            answer.body = answer.body.replace(b"</Error>", tag("StringToSign", sent).encode() + b"</Error>")
        return answer

    def log(self, request, number, rule, answer):
        self.requests.append(
            {
                "method": request.method,
                "key": request.key,
                "query": sorted(request.query),
                "prefix": request.query.get("prefix", ""),
                "status": answer.status if answer else 0,
                "put": number,
                "fault": None if rule is None or rule.status is None else ("after" if rule.after else "before"),
                "bytes": len(request.body),
            }
        )
