"""What is sent back, and what all shapes say alike: dates, ranges, conditions of reads, XML."""

import datetime
from http import HTTPStatus
from xml.sax.saxutils import escape

RFC1123 = "%a, %d %b %Y %H:%M:%S GMT"

# Headers that are kept with an object and given back when it is read.
KEPT = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"]


class Answer:
    def __init__(self, status, body=b"", **headers):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = {name.replace("_", "-"): str(value) for name, value in headers.items() if value is not None}

    @property
    def ok(self):
        return self.status < 300

    @property
    def reason(self):
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Unknown"


def xml(text, status=200, **headers):
    return Answer(status, '<?xml version="1.0" encoding="UTF-8"?>' + text, content_type="application/xml", **headers)


def error(status, code, message, **headers):
    return xml(f"<Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>0</RequestId></Error>", status, **headers)


def tag(name, text):
    return f"<{name}>{escape(str(text))}</{name}>"


def rfc1123(moment):
    return moment.strftime(RFC1123)


def instant(text):
    return datetime.datetime.strptime(text, RFC1123).replace(tzinfo=datetime.timezone.utc)


def span(text, size):
    """First and last byte of a `Range` header; None if nothing of it is there."""
    first, _, last = text.removeprefix("bytes=").partition("-")
    if first == "":
        length = min(int(last), size)
        return (size - length, size - 1) if length else None
    first, last = int(first), min(int(last or size - 1), size - 1)
    return (first, last) if first <= last and first < size else None


def refused_read(request, found):
    """The status of a conditional read that finds the object in another state; None if it may go on."""
    matches = lambda tags: tags.strip() == "*" or found.e_tag in [tag.strip() for tag in tags.split(",")]
    modified = found.modified.replace(microsecond=0)
    if wanted := request.header("if-match"):
        if not matches(wanted):
            return 412
    elif (since := request.header("if-unmodified-since")) and modified > instant(since):
        return 412
    if unwanted := request.header("if-none-match"):
        if matches(unwanted):
            return 304
    elif (since := request.header("if-modified-since")) and modified <= instant(since):
        return 304
    return None


def read(request, found, headers):
    """A GET or HEAD of an object that is there."""
    headers = {**headers, "ETag": found.e_tag, "Last-Modified": rfc1123(found.modified), "Accept-Ranges": "bytes"}
    if status := refused_read(request, found):
        answer = error(status, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
        answer.headers["ETag"] = found.e_tag
        return answer
    size = len(found.data)
    answer = Answer(200, found.data)
    if asked := request.header("range") or request.header("x-ms-range"):
        part = span(asked, size)
        if part is None:
            return error(416, "InvalidRange", "The range specified is invalid for the current size of the resource.", Content_Range=f"bytes */{size}")
        answer = Answer(206, found.data[part[0] : part[1] + 1])
        headers["Content-Range"] = f"bytes {part[0]}-{part[1]}/{size}"
    answer.headers.update(headers)
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def kept_headers(request, prefix, metadata_prefix):
    """The headers of an upload that are given back when the object is read. `prefix` stands before those of `KEPT`."""
    kept = {name: request.header(prefix + name) for name in KEPT if request.header(prefix + name) is not None}
    kept.update({name.lower(): value for name, value in request.headers.items() if name.lower().startswith(metadata_prefix)})
    return kept
