"""The objects, in memory. A write is seen whole or not at all, and by every reader from then on."""

import datetime
import hashlib
import itertools


class Found:
    """A version of an object."""

    def __init__(self, data, e_tag, generation, headers):
        self.data = data
        self.e_tag = e_tag
        self.generation = generation
        self.headers = headers
        self.modified = datetime.datetime.now(datetime.timezone.utc)


class Objects:
    def __init__(self, versioned=False, page=5000):
        self.live = {}
        self.past = {}
        self.uploads = {}
        self.blocks = {}
        self.versioned = versioned
        self.page = page
        self.counter = itertools.count(1700000000000001)

    def copy(self):
        """The same objects, to go on from; what is stored is never changed in place. Unfinished uploads are left out."""
        other = Objects(self.versioned, self.page)
        other.live, other.past, other.counter = dict(self.live), dict(self.past), itertools.count(next(self.counter))
        return other

    def get(self, bucket, key, generation=None):
        if generation is not None:
            return self.past.get((bucket, key, generation))
        return self.live.get((bucket, key))

    def put(self, bucket, key, data, headers, by_content):
        """Stores an object. S3 names a state by its content, so `by_content`; the others give each write a new name."""
        generation = next(self.counter)
        e_tag = f'"{hashlib.md5(data).hexdigest()}"' if by_content else f'"0x8D{generation:X}"'
        found = Found(data, e_tag, generation, headers)
        self.live[bucket, key] = found
        if self.versioned:
            self.past[bucket, key, str(generation)] = found
        return found

    def delete(self, bucket, key):
        return self.live.pop((bucket, key), None)

    def new_upload(self, bucket, key, headers):
        name = f"upload-{next(self.counter)}"
        self.uploads[name] = (bucket, key, headers, {})
        return name

    def list(self, bucket, prefix="", delimiter="", after="", from_here="", limit=1000):
        """Objects and common prefixes in the order of their names: behind `after`, from `from_here` on, at most `limit`.

        Gives (objects, prefixes, name of the last one if there is more)."""
        # Stores order by UTF-8 bytes; Python's text order is by code points, which is the same.
        names = sorted(key for place, key in self.live if place == bucket and key.startswith(prefix) and key >= from_here)
        rows, prefixes, last = [], [], None
        limit = min(limit, self.page)
        for name in names:
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            entry = name[: cut + len(delimiter)] if cut >= 0 else name
            if entry <= after or (prefixes and entry == prefixes[-1]):
                continue
            if len(rows) + len(prefixes) == limit:
                return rows, prefixes, last
            if cut >= 0:
                prefixes.append(entry)
            else:
                rows.append((name, self.live[bucket, name]))
            last = entry
        return rows, prefixes, None
