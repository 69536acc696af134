"""Google Cloud Storage, XML form, as far as object_store speaks it: S3's words, but conditions by generation.

Each write makes a generation; older ones can be read. A condition that does not hold is 412, generation 0 is "nothing there".
"""

from urllib.parse import unquote

from . import s3
from .answer import Answer, error, kept_headers, read, tag, xml

MISSING = ("NoSuchKey", "The specified key does not exist.")


def answer(request, objects):
    if not request.key:
        return s3.list_objects(request, objects) if request.method == "GET" else Answer(200)
    if request.method in ("GET", "HEAD"):
        found = objects.get(request.bucket, request.key, request.query.get("generation"))
        if found is None:
            return error(404, *MISSING)
        return read(request, found, {**found.headers, "x-goog-generation": str(found.generation)})
    if request.method == "DELETE":
        if "uploadId" in request.query:
            return Answer(204) if objects.uploads.pop(request.query["uploadId"], None) else s3.no_such_upload()
        return Answer(204) if objects.delete(request.bucket, request.key) else error(404, *MISSING)
    if request.method == "POST":
        if "uploads" in request.query:
            name = objects.new_upload(request.bucket, request.key, headers_of(request))
            return xml(f"<InitiateMultipartUploadResult>{tag('UploadId', name)}</InitiateMultipartUploadResult>")
        return complete(request, objects)
    if "uploadId" in request.query:
        return s3.put_part(request, objects)
    return put(request, objects)


def headers_of(request):
    return kept_headers(request, "", "x-goog-meta-")


def refused(request, objects):
    wanted = request.header("x-goog-if-generation-match")
    there = objects.get(request.bucket, request.key)
    if wanted is not None and int(wanted) != (there.generation if there else 0):
        return error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
    return None


def put(request, objects):
    name = request.header("x-goog-copy-source")
    source = None
    if name is not None:
        bucket, _, key = unquote(name).removeprefix("/").partition("/")
        source = objects.get(bucket, key)
        if source is None:
            return error(404, *MISSING)
    if no := refused(request, objects):
        return no
    data, headers = (source.data, source.headers) if source else (request.body, headers_of(request))
    found = objects.put(request.bucket, request.key, data, headers, by_content=False)
    about = {"ETag": found.e_tag, "x_goog_generation": found.generation}
    return xml(f"<CopyObjectResult>{tag('ETag', found.e_tag)}</CopyObjectResult>", **about) if source else Answer(200, **about)


def complete(request, objects):
    answer = s3.complete(request, objects)
    if answer.ok:
        found = objects.get(request.bucket, request.key)
        answer.headers["x-goog-generation"] = str(found.generation)
    return answer
