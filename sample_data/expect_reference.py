"""Second opinion on the reference tables: spans, scopes, links, lists, and the access intervals they give."""
import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq

import expect_access as access
from expect_access import ALWAYS, NEVER, instant, last, plain

HERE = Path(__file__).parent


def table(name):
    path = next(HERE.glob(f"reference/{name}.*"))
    if path.suffix == ".csv":
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(path.open())]
    return pq.read_table(path).to_pylist()


def span(row, start, until):
    """(from, until) in microseconds; None for an empty or inverted span, which is a rejection (bad_span)."""
    f, u = row[start], row[until]
    f, u = NEVER if f is None else access.micro(instant(f), True), ALWAYS if u is None else access.micro(instant(u), False)
    return (f, u) if f < u else None


def on_day(row, day):
    return (row["valid_from"] is None or row["valid_from"] <= day.isoformat()) and (row["valid_until"] is None or day.isoformat() < row["valid_until"])


PARTNERS = table("partners")
RATES, PRODUCTS, ROLES = table("rates"), table("products"), table("roles")
GROUPS = defaultdict(set)
for row in table("management_groups"):
    GROUPS[last(row["management_group_id"])].add(row["subscription_id"].lower())


def parts(path):
    return [s for s in path.lower().split("/") if s]


def contains(scope, path):
    """R-SCOPE: does `scope` cover `path` (both ARM ids)? Whole segments; groups by their rows; root is ''."""
    s, p = parts(scope), parts(path)
    if not s or s[:2] == ["providers", "microsoft.management"]:
        return (s == p) or (len(p) > 1 and p[0] == "subscriptions" and p[1] in GROUPS[s[-1] if s else ""])
    return p[:len(s)] == s


def links():
    """{principal: {organisation: [spans]}}, direct ones and those of members of a group."""
    organisation = {p["mpn_id"]: p["organisation_id"] for p in PARTNERS}
    out, bad = defaultdict(lambda: defaultdict(list)), 0
    for row in table("principals"):
        s = span(row, "linked_from", "linked_until")
        bad += s is None
        if s and row["mpn_id"] in organisation:
            out[row["principal_id"].lower()][organisation[row["mpn_id"]]].append(s)
    direct = {p: dict(o) for p, o in out.items()}
    for row in table("group_members"):
        s = span(row, "member_from", "member_until")
        for org, spans in direct.get(row["member_id"].lower(), {}).items():
            out[row["group_id"].lower()][org] += [c for c in (cut(s, l) for l in spans) if c]
    return out, bad


def cut(a, b):
    f, u = max(a[0], b[0]), min(a[1], b[1])
    return (f, u) if f < u else None


def lists(space):
    """Complete lists of one name space: [(at, scope, {id: (content, created)})]."""
    grouped = defaultdict(dict)
    rows = table("assignments" if space == "role" else "lighthouse_assignments")
    if space == "role":
        az = json.loads((HERE / "reference/world-wide-importers.az.json").read_text())
        rows += [{"snapshot_at": "2026-09-01T00:00:00Z", "snapshot_scope": "/subscriptions/55555555-0000-4000-8000-000000000021",
                  "id": r["id"], "principal_id": r["principalId"], "role_definition_id": r["roleDefinitionId"],
                  "scope": r["scope"], "created_on": r["createdOn"]} for r in az]
    for r in rows:
        at = r["snapshot_at"]
        at = instant(at if isinstance(at, str) else at.isoformat())
        content = grouped[at, r["snapshot_scope"]]
        if r["id"]:
            what = (r["principal_id"].lower(), last(r["role_definition_id"])) if space == "role" else (last(r["definition_id"]),)
            content[last(r["id"])] = ((*what, plain(r["scope"])), instant(r["created_on"]))
    return [(at, scope, rows) for (at, scope), rows in sorted(grouped.items(), key=lambda i: i[0][0])]


def covers(list_scope, scope):
    return list_scope is None or contains(list_scope, scope)


def all_intervals():
    """([(principal, role, scope, from, until)], first record, role lists, Counter of rejections)."""
    records, first = access.read_records(sorted(HERE.glob("audit/*.parquet")))
    events, rejected = access.events(access.deduplicate(records))
    out, reasons = [], Counter(reason for reason, _ in rejected)
    definitions = defaultdict(set)
    for row in table("lighthouse_definitions"):
        definitions[last(row["definition_id"])].add((row["principal_id"].lower(), last(row["role_definition_id"]), span(row, "valid_from", "valid_until")))
    for space in ("role", "registration"):
        mine = {i: e for (s, i), e in events.items() if s == space}
        known = lists(space)
        for i, e in mine.items():
            if all(kind == "delete" for _, _, kind, _ in e) and not any(i in rows for _, _, rows in known):
                reasons["unknown_assignment"] += len(e)
        for spans in access.fold(mine, known, covers).values():
            for content, start, until, *_ in spans:
                s = access.rounded(start, until)
                if s and space == "role":
                    out.append((*content, *s))
                elif s:
                    out += [(p, r, content[1], *c) for p, r, valid in definitions[content[0]] if (c := cut(s, valid))]
    return out, first, lists("role"), reasons
