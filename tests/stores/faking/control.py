"""What tests ask of the server beside its objects.

    POST /_control/plan      a list of rules (faults.py); counters and log begin anew
    POST /_control/reset     no objects, no plan, no log
    POST /_control/keep      remembers all objects as they are now
    POST /_control/back      as reset, but with the objects that were kept
    GET  /_control/log       the requests since the last plan: method, key, status (0: dropped), put (its number), fault, bytes
    GET  /_control/objects   bucket, key and size of every object
    GET  /_control/uploads   unfinished uploads
    GET  /_control/tokens    how many access tokens were given, and how many requests with dead ones were refused
"""

import json

from .answer import Answer


def answer(request, server):
    what = request.raw_path.removeprefix("/_control/")
    with server.lock:
        if request.method == "POST" and what == "plan":
            try:
                server.faults.plan(json.loads(request.body or b"[]"))
            except (ValueError, TypeError) as wrong:
                return Answer(400, f"{wrong}\n")
            return Answer(200)
        if request.method == "POST" and what == "reset":
            server.reset()
            return Answer(200)
        if request.method == "POST" and what == "keep":
            server.kept = server.objects.copy()
            return Answer(200)
        if request.method == "POST" and what == "back":
            server.reset()
            server.objects = server.kept.copy()
            return Answer(200)
        if what == "log":
            return Answer(200, json.dumps(server.faults.requests))
        if what == "objects":
            return Answer(200, json.dumps([{"bucket": b, "key": k, "bytes": len(found.data)} for (b, k), found in sorted(server.objects.live.items())]))
        if what == "tokens":
            return Answer(200, json.dumps([len(server.tokens.left), server.tokens.refused]))
        if what == "uploads":
            unfinished = [key for _, key, _, _ in server.objects.uploads.values()] + [key for _, key in server.objects.blocks]
            return Answer(200, json.dumps(sorted(set(unfinished))))
    return Answer(404)
