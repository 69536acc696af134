"""S3 as far as object_store speaks it.

A lost create race is 412, a stale If-Match 412 (404 if nothing is there), a completed upload is unknown from then on.
"""

import hashlib
from urllib.parse import unquote
from xml.etree import ElementTree

from .answer import Answer, error, kept_headers, read, tag, xml

MISSING = ("NoSuchKey", "The specified key does not exist.")


def answer(request, objects):
    if not request.key:
        if request.method == "GET":
            return list_objects(request, objects)
        return delete_many(request, objects) if request.method == "POST" and "delete" in request.query else Answer(200)
    if request.method in ("GET", "HEAD"):
        found = objects.get(request.bucket, request.key)
        return read(request, found, found.headers) if found else error(404, *MISSING)
    if request.method == "DELETE":
        if "uploadId" in request.query:
            gone = objects.uploads.pop(request.query["uploadId"], None)
            return Answer(204) if gone else no_such_upload()
        objects.delete(request.bucket, request.key)
        return Answer(204)
    if request.method == "POST":
        if "uploads" in request.query:
            name = objects.new_upload(request.bucket, request.key, headers_of(request))
            return xml(f"<InitiateMultipartUploadResult>{tag('UploadId', name)}</InitiateMultipartUploadResult>")
        return complete(request, objects)
    if "uploadId" in request.query:
        return put_part(request, objects)
    return put(request, objects)


def headers_of(request):
    return kept_headers(request, "", "x-amz-meta-")


def no_such_upload():
    return error(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")


def refused(request, objects):
    """The answer to a write whose condition does not hold."""
    there = objects.get(request.bucket, request.key)
    if request.header("if-none-match") == "*" and there:
        return error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    if wanted := request.header("if-match"):
        if there is None:
            return error(404, *MISSING)
        if wanted != there.e_tag:
            return error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    return None


def source_of(request, objects):
    """The object a copy is made of: found or not; False if this is no copy."""
    name = request.header("x-amz-copy-source")
    if name is None:
        return False
    bucket, _, key = unquote(name).removeprefix("/").partition("/")
    return objects.get(bucket, key)


def put(request, objects):
    source = source_of(request, objects)
    if source is None:
        return error(404, *MISSING)
    if no := refused(request, objects):
        return no
    data, headers = (source.data, source.headers) if source else (request.body, headers_of(request))
    found = objects.put(request.bucket, request.key, data, headers, by_content=True)
    if source:
        return xml(f"<CopyObjectResult>{tag('ETag', found.e_tag)}</CopyObjectResult>", ETag=found.e_tag)
    return Answer(200, ETag=found.e_tag)


def put_part(request, objects):
    upload = objects.uploads.get(request.query["uploadId"])
    source = source_of(request, objects)
    if upload is None:
        return no_such_upload()
    if source is None:
        return error(404, *MISSING)
    data = source.data if source else request.body
    e_tag = f'"{hashlib.md5(data).hexdigest()}"'
    upload[3][int(request.query["partNumber"])] = (e_tag, data)
    if source:
        return xml(f"<CopyPartResult>{tag('ETag', e_tag)}</CopyPartResult>")
    return Answer(200, ETag=e_tag)


def complete(request, objects):
    name = request.query["uploadId"]
    if name not in objects.uploads:
        return no_such_upload()
    if no := refused(request, objects):
        return no
    bucket, key, headers, parts = objects.uploads[name]
    wanted = [(int(part.findtext("{*}PartNumber")), part.findtext("{*}ETag")) for part in ElementTree.fromstring(request.body).iterfind("{*}Part")]
    if not wanted or any(number not in parts or parts[number][0].strip('"') != e_tag.strip('"') for number, e_tag in wanted):
        return error(400, "InvalidPart", "One or more of the specified parts could not be found.")
    del objects.uploads[name]
    found = objects.put(bucket, key, b"".join(parts[number][1] for number, _ in wanted), headers, by_content=True)
    return xml(f"<CompleteMultipartUploadResult>{tag('ETag', found.e_tag)}</CompleteMultipartUploadResult>")


def delete_many(request, objects):
    keys = [element.findtext("{*}Key") for element in ElementTree.fromstring(request.body).iterfind("{*}Object")]
    for key in keys:
        objects.delete(request.bucket, key)
    return xml("<DeleteResult>" + "".join(f"<Deleted>{tag('Key', key)}</Deleted>" for key in keys) + "</DeleteResult>")


def list_objects(request, objects):
    query = request.query
    after = query.get("continuation-token") or query.get("start-after", "")
    limit = min(int(query.get("max-keys", 1000)), 1000)
    rows, prefixes, more = objects.list(request.bucket, query.get("prefix", ""), query.get("delimiter", ""), after=after, limit=limit)
    pieces = [tag("Name", request.bucket), tag("KeyCount", len(rows) + len(prefixes)), tag("IsTruncated", "true" if more else "false")]
    if more:
        pieces.append(tag("NextContinuationToken", more))
    for key, found in rows:
        modified = found.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        about = tag("Key", key) + tag("LastModified", modified) + tag("ETag", found.e_tag) + tag("Size", len(found.data))
        pieces.append(f"<Contents>{about}</Contents>")
    pieces += [f"<CommonPrefixes>{tag('Prefix', prefix)}</CommonPrefixes>" for prefix in prefixes]
    return xml(f"<ListBucketResult>{''.join(pieces)}</ListBucketResult>")
