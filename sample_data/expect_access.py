"""Second opinion on access: audit records and lists -> intervals. Plain Python, written from the rules only.

Instants are integers (nanoseconds as read, microseconds in intervals). Nothing here is shared with the program.
"""
import json
import re
from collections import defaultdict
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

NEVER, ALWAYS = -(10**30), 10**30


def instant(text):
    """ISO text, date or timestamp -> nanoseconds; no zone means UTC."""
    if text is None or text == "":
        return None
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?", text.strip())
    day, clock, part, zone = found.groups()
    whole = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}+00:00")
    shift = 0 if zone in (None, "Z") else (int(zone[1:3]) * 60 + int(zone[4:])) * (60 if zone[0] == "+" else -60)
    return (int(whole.timestamp()) - shift) * 10**9 + int((part or "0").ljust(9, "0"))


def last(path):
    return path.rstrip("/").split("/")[-1].lower() if path else ""


def plain(scope):
    return "/" + "/".join(s for s in scope.lower().split("/") if s)


def first_of(row, *names):
    return next((row[n] for n in names if row.get(n)), None)


def lower_keys(value):
    if isinstance(value, dict):
        return {k.lower(): lower_keys(v) for k, v in value.items()}
    return value


def read_records(paths):
    """(records of the four operations, time of the first record of any operation)."""
    kept, first = [], None
    for path in paths:
        table = pq.read_table(path)
        table = table.set_column(table.schema.get_field_index("TimeGenerated"), "TimeGenerated", table["TimeGenerated"].cast(pa.int64()))
        for row in table.to_pylist():
            first = row["TimeGenerated"] if first is None else min(first, row["TimeGenerated"])
            found = re.fullmatch(r"microsoft\.(authorization/role|managedservices/registration)assignments/(write|delete)",
                                 row["OperationNameValue"].lower())
            if found:
                kept.append(record(row, "role" if found[1].endswith("role") else "registration", found[2]))
    return kept, first


def record(row, space, verb):
    authorization = json.loads(first_of(row, "Authorization", "Authorization_d") or "{}")
    properties = lower_keys(json.loads(first_of(row, "Properties", "Properties_d") or "{}"))
    path = authorization.get("scope") or first_of(row, "_ResourceId", "ResourceId") or properties.get("entity")
    body = lower_keys(json.loads(properties["requestbody"])) if properties.get("requestbody") else None
    content = None
    if body and space == "role":
        p = body["properties"]
        scope = p.get("scope") or re.split("/providers/microsoft.authorization/", path, flags=re.I)[0]
        content = (p["principalid"].lower(), last(p["roledefinitionid"]), plain(scope))
    elif body:
        content = (last(body["properties"]["registrationdefinitionid"]), plain(re.split("/providers/microsoft.managedservices/", path, flags=re.I)[0]))
    status = {"success": "ok", "succeeded": "ok"}.get(row["ActivityStatusValue"].lower(), "")
    return {"time": row["TimeGenerated"], "space": space, "verb": verb, "ok": status == "ok", "id": last(path),
            "event": row["EventDataId"], "operation": (row["CorrelationId"] or row["EventDataId"], last(path)), "content": content}


def deduplicate(records):
    """R-ACCESS-1: one record per event id; of two that differ only in time the later write, the earlier delete."""
    by_event = defaultdict(list)
    for r in records:
        by_event[r["event"]].append(r)
    out = []
    for same in by_event.values():
        assert len({(r["space"], r["verb"], r["ok"], r["operation"], r["content"]) for r in same}) == 1, "the sample has none of these"
        pick = max if same[0]["verb"] == "write" else min
        out.append(pick(same, key=lambda r: r["time"]))
    return out


def events(records):
    """{(space, id): [(time, rank, kind, content)]}, successes only, and the rejections (reason, id)."""
    bodies, successes = defaultdict(set), defaultdict(list)
    for r in records:
        if r["content"]:
            bodies[r["space"], r["operation"]].add(r["content"])
        if r["ok"]:
            successes[r["space"], r["verb"], r["operation"]].append(r)
    out, rejected = defaultdict(list), []
    for (space, verb, operation), several in successes.items():
        r = min(several, key=lambda r: r["time"])
        content = bodies[space, operation]
        if verb == "delete":
            out[space, r["id"]].append((r["time"], 0, "delete", None))
        elif not content:
            rejected.append(("no_body", r["id"]))
        elif len(content) > 1:
            out[space, r["id"]].append((r["time"], 1, "clash", None))
        else:
            out[space, r["id"]].append((r["time"], 1, "write", next(iter(content))))
    return out, rejected


class Assignment:
    """Walks the events and lists of one assignment in order of time (R-ACCESS-3, 4; details 20 to 22)."""

    def __init__(self):
        self.done = []              # (content, from, until, started_by, stopped_by)
        self.open = None            # [content, from, started_by]
        self.seen = None            # last instant listed or written with the open content
        self.bar = NEVER            # created_on reaches back no further than this
        self.deleted = NEVER
        self.clashed = False

    def close(self, at, why):
        if self.open:
            self.done.append((self.open[0], self.open[1], at, self.open[2], why))
        self.open = None

    def delete(self, at):
        self.close(at, "event")
        self.bar, self.deleted = at, at

    def clash(self, at):
        self.close(at, "event")
        self.bar, self.clashed = at, True

    def write(self, at, content):
        if self.open and self.open[0] != content:
            self.close(at, "event")
            self.bar = at
        if not self.open:
            self.open = [content, at, "event"]
        self.seen, self.clashed = at, False

    def absent(self, at):
        self.close(self.seen, "ended_unobserved")
        self.bar = at

    def listed(self, at, content, created):
        if self.open and self.open[0] != content:
            self.close(self.seen, "ended_unobserved")
            self.open = [content, at, "snapshot"]
        elif self.open:
            same_creation = created is not None and self.open[2] == "event" and 0 <= self.open[1] - created <= 15 * 60 * 10**9
            if created is not None and self.bar <= created < self.open[1] and self.open[2] == "event" and not same_creation:
                self.open[1:] = [created, "snapshot"]
        elif created is not None and self.deleted > NEVER and created <= self.deleted:
            return                  # the log deleted it: not in force
        else:
            reach = created is not None and created >= self.bar and not self.clashed
            self.open = [content, created if reach else at, "snapshot"]
        self.seen, self.clashed = at, False


def fold(all_events, lists, covers):
    """lists: [(at, scope or None, {id: (content, created)})] of one name space. Returns {id: intervals}."""
    out = {}
    for name in sorted(set(all_events) | {i for _, _, rows in lists for i in rows}):
        steps = list(all_events.get(name, []))
        steps += [(at, 2, "list", (scope, rows.get(name))) for at, scope, rows in lists]
        a = Assignment()
        for at, _, kind, what in sorted(steps, key=lambda s: s[:2]):
            if kind == "list":
                scope, row = what
                if row:
                    a.listed(at, *row)
                elif a.open and covers(scope, a.open[0][-1]):
                    a.absent(at)
                elif not a.open and scope is None:
                    a.bar = max(a.bar, at)
            elif kind == "delete":
                a.delete(at)
            elif kind == "clash":
                a.clash(at)
            else:
                a.write(at, what)
        a.close(None, None)
        out[name] = [(c, f, u, s, w) for c, f, u, s, w in a.done]
    return out


def micro(nanos, up):
    return -(-nanos // 1000) if up else nanos // 1000


def rounded(start, until):
    """Against credit: from up, until down; None if nothing remains."""
    f, u = micro(start, True), ALWAYS if until is None else micro(until, False)
    return (f, u) if f < u else None
