"""Azure Blob as far as object_store speaks it.

A lost create race is 409, a stale If-Match 412. Blocks wait uncommitted; a block list takes those it names and throws
the others away, so that a second list of the same blocks is refused.
"""

import re
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from .answer import Answer, error, kept_headers, read, rfc1123, tag, xml

MISSING = ("BlobNotFound", "The specified blob does not exist.")


def answer(request, objects):
    query = request.query
    if not request.key:
        if query.get("comp") == "list":
            return list_blobs(request, objects)
        return batch(request, objects) if query.get("comp") == "batch" else Answer(201)
    if request.method in ("GET", "HEAD"):
        found = objects.get(request.bucket, request.key)
        return read(request, found, {**found.headers, "x-ms-blob-type": "BlockBlob"}) if found else failed(404, *MISSING)
    if request.method == "DELETE":
        return Answer(202) if objects.delete(request.bucket, request.key) else failed(404, *MISSING)
    if request.method != "PUT":
        return failed(405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb.")
    if query.get("comp") == "block":
        objects.blocks.setdefault((request.bucket, request.key), {})[query["blockid"]] = request.body
        return Answer(201)
    if query.get("comp") == "blocklist":
        return put_block_list(request, objects)
    if request.header("x-ms-copy-source"):
        return copy(request, objects)
    if request.header("x-ms-blob-type") != "BlockBlob":
        return failed(400, "MissingRequiredHeader", "x-ms-blob-type")
    return refused(request, objects) or stored(request, objects, request.body, headers_of(request))


def failed(status, code, message):
    return error(status, code, message, x_ms_error_code=code)


def headers_of(request):
    kept = kept_headers(request, "x-ms-blob-", "x-ms-meta-")
    return {"content-type": "application/octet-stream", **kept}


def refused(request, objects):
    there = objects.get(request.bucket, request.key)
    if request.header("if-none-match") == "*" and there:
        return failed(409, "BlobAlreadyExists", "The specified blob already exists.")
    wanted = request.header("if-match")
    if wanted and (there is None or wanted != there.e_tag):
        return failed(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
    return None


def stored(request, objects, data, headers, status=201):
    found = objects.put(request.bucket, request.key, data, headers, by_content=False)
    objects.blocks.pop((request.bucket, request.key), None)
    return Answer(status, ETag=found.e_tag, Last_Modified=rfc1123(found.modified))


def put_block_list(request, objects):
    waiting = objects.blocks.get((request.bucket, request.key), {})
    wanted = [element.text.strip() for element in ElementTree.fromstring(request.body)]
    if any(block not in waiting for block in wanted):
        return failed(400, "InvalidBlockList", "The specified block list is invalid.")
    return refused(request, objects) or stored(request, objects, b"".join(waiting[block] for block in wanted), headers_of(request))


def copy(request, objects):
    path = unquote(urlsplit(request.header("x-ms-copy-source")).path).removeprefix("/").removeprefix("devstoreaccount1/")
    bucket, _, key = path.partition("/")
    source = objects.get(bucket, key)
    if source is None:
        return failed(404, "CannotVerifyCopySource", "The specified blob does not exist.")
    return refused(request, objects) or stored(request, objects, source.data, source.headers, status=202)


def batch(request, objects):
    """A batch of deletions: each part of the body is a request of its own, and has an answer of its own."""
    boundary = request.header("content-type").partition("boundary=")[2].strip('"')
    pieces = []
    for part in request.body.decode().split(f"--{boundary}")[1:-1]:
        number = re.search(r"content-id: *(\d+)", part, re.IGNORECASE)[1]
        path = unquote(urlsplit(re.search(r"^DELETE (\S+) HTTP", part, re.MULTILINE)[1]).path).removeprefix("/")
        bucket, _, key = path.removeprefix("devstoreaccount1/").partition("/")
        gone = objects.delete(bucket, key)
        status = "202 Accepted" if gone else "404 The specified blob does not exist."
        code = "" if gone else "x-ms-error-code: BlobNotFound\r\n"
        pieces.append(f"--answers\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\nHTTP/1.1 {status}\r\n{code}\r\n")
    return Answer(202, "".join(pieces) + "--answers--\r\n", content_type="multipart/mixed; boundary=answers")


def list_blobs(request, objects):
    query = request.query
    limit = min(int(query.get("maxresults", 5000)), 5000)
    # A marker is the last name of the page before; startFrom is the first name wanted, itself included.
    start = {"after": query["marker"]} if query.get("marker") else {"from_here": query.get("startFrom", "")}
    rows, prefixes, more = objects.list(request.bucket, query.get("prefix", ""), query.get("delimiter", ""), limit=limit, **start)
    pieces = []
    for key, found in rows:
        about = tag("Last-Modified", rfc1123(found.modified)) + tag("Etag", found.e_tag) + tag("Content-Length", len(found.data))
        about += tag("Content-Type", found.headers.get("content-type", "application/octet-stream")) + tag("BlobType", "BlockBlob")
        pieces.append(f"<Blob>{tag('Name', key)}<Properties>{about}</Properties></Blob>")
    pieces += [f"<BlobPrefix>{tag('Name', prefix)}</BlobPrefix>" for prefix in prefixes]
    return xml(f"<EnumerationResults><Blobs>{''.join(pieces)}</Blobs>{tag('NextMarker', more or '')}</EnumerationResults>")
