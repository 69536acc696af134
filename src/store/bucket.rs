//! Inputs in object stores: one client for each bucket, listings by prefix, and bytes by range, which may be asked for
//! before they are needed.
//!
//! An object is read as it was listed (`If-Match`): one that changes meanwhile is trouble and never half of each.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::storage;

/// Requests to one bucket under way at once.
const CONCURRENT: usize = 32;
/// What one request brings at most: a slow line must not run into its time limit.
pub(super) const PART: u64 = 8 << 20;
/// Ranges nearer to each other are brought by one request.
const GAP: u64 = 256 << 10;

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).thread_name("pecan-in").enable_all().build());
static BUCKETS: LazyLock<Mutex<BTreeMap<String, Arc<Bucket>>>> = LazyLock::new(Mutex::default);

/// A bucket or container, with the credentials of the environment.
pub(super) struct Bucket {
    /// Its address, without a closing slash.
    base: String,
    store: Arc<dyn ObjectStore>,
    requests: Semaphore,
    runtime: &'static Runtime,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl Bucket {
    /// The bucket of this address; opened once in a process.
    pub(super) fn at(base: &str) -> Result<Arc<Bucket>> {
        let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets.get(base) {
            return Ok(Arc::clone(known));
        }
        let starting = |e: &io::Error| Error::storage("runtime", "starting threads for input", base, e, "free memory or threads, then run again");
        let runtime = RUNTIME.as_ref().map_err(starting)?;
        let store = storage::open_store(base)?;
        let bucket = Arc::new(Bucket { base: base.to_owned(), store, requests: Semaphore::new(CONCURRENT), runtime });
        buckets.insert(base.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Every object below a prefix.
    pub(super) fn list(self: &Arc<Self>, prefix: &Path) -> std::result::Result<Vec<Object>, Failed> {
        let listed: Vec<ObjectMeta> = self.runtime.block_on(self.store.list(Some(prefix)).try_collect())?;
        Ok(listed.into_iter().map(|meta| Object::new(self, meta)).collect())
    }

    /// The object of this very name.
    pub(super) fn object(self: &Arc<Self>, key: &Path) -> std::result::Result<Option<Object>, Failed> {
        match self.runtime.block_on(self.store.head(key)) {
            Ok(meta) => Ok(Some(Object::new(self, meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// Bytes of an object, `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub from: u64,
    /// After the last.
    pub until: u64,
}

impl Stretch {
    /// From the first byte until before the other.
    pub fn new(from: u64, until: u64) -> Stretch {
        Stretch { from, until: until.max(from) }
    }

    /// How many bytes.
    pub fn bytes(self) -> u64 {
        self.until - self.from
    }
}

/// What a store answered instead of what was asked for.
#[derive(Debug, Clone)]
pub(super) struct Failed(pub(super) Arc<object_store::Error>);

impl From<object_store::Error> for Failed {
    fn from(error: object_store::Error) -> Failed {
        Failed(Arc::new(error))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        io::Error::other(failed)
    }
}

/// An object, as it was when it was listed.
#[derive(Clone)]
pub struct Object {
    bucket: Arc<Bucket>,
    key: Path,
    bytes: u64,
    /// Its ETag, without quotes.
    tag: Option<String>,
    /// What was asked for before somebody opened it; all clones share it.
    ahead: Arc<Mutex<Option<Fetch>>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        (&self.bucket.base, &self.key, &self.tag, self.bytes) == (&other.bucket.base, &other.key, &other.tag, other.bytes)
    }
}

impl Eq for Object {}

impl Object {
    fn new(bucket: &Arc<Bucket>, meta: ObjectMeta) -> Object {
        let tag = meta.e_tag.map(|tag| tag.trim_matches('"').to_owned()).filter(|tag| !tag.is_empty());
        Object { bucket: Arc::clone(bucket), key: meta.location, bytes: meta.size, tag, ahead: Arc::default() }
    }

    /// Its name in the bucket.
    pub(super) fn key(&self) -> &str {
        self.key.as_ref()
    }

    /// Address of the bucket and name.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.bucket.base, self.key)
    }

    /// As a uri that leads here again.
    pub(super) fn uri(&self) -> String {
        let escaped: String = self
            .key()
            .chars()
            .map(|c| match c {
                '%' | '#' | '?' | '*' | '[' | '{' | ' ' => format!("%{:02X}", u32::from(c)),
                other => other.to_string(),
            })
            .collect();
        format!("{}/{escaped}", self.bucket.base)
    }

    /// Size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its ETag, without quotes.
    pub(super) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Asks for bytes without waiting.
    pub(super) fn begin(&self, range: Stretch) -> Fetch {
        let request = get(Arc::clone(&self.bucket), self.key.clone(), self.tag.clone(), range).boxed().shared();
        // The task only drives the request on; its answer is waited for elsewhere.
        drop(self.bucket.runtime.spawn(request.clone()));
        Fetch { range, runtime: self.bucket.runtime, answer: request }
    }

    /// Asks for several ranges, near ones together, without waiting.
    pub(super) fn begin_all(&self, ranges: &[Stretch]) -> Pending {
        Pending { ranges: ranges.to_vec(), parts: parts_of(ranges).into_iter().map(|part| self.begin(part)).collect() }
    }

    /// Asks now for what will be read first.
    pub(super) fn ask_ahead(&self, range: Stretch) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead.is_none() && range.bytes() > 0 {
            *ahead = Some(self.begin(range));
        }
    }

    /// Takes what was asked for ahead.
    pub(super) fn take_ahead(&self) -> Option<Fetch> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts the whole content where the next to open it finds it.
    pub(super) fn leave(&self, content: Bytes) {
        let answer = futures::future::ready(Ok(content)).boxed().shared();
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(Fetch { range: Stretch::new(0, self.bytes), runtime: self.bucket.runtime, answer });
    }
}

type Answer = std::result::Result<Bytes, Failed>;

async fn get(bucket: Arc<Bucket>, key: Path, tag: Option<String>, range: Stretch) -> Answer {
    if range.bytes() == 0 {
        return Ok(Bytes::new());
    }
    // Never closed, so there always is a turn.
    let _turn = bucket.requests.acquire().await;
    let if_match = tag.map(|tag| if tag.starts_with("W/") { tag } else { format!("\"{tag}\"") });
    let options = GetOptions { if_match, range: Some(GetRange::Bounded(range.from..range.until)), ..GetOptions::default() };
    let bytes = bucket.store.get_opts(&key, options).await?.bytes().await?;
    let wanted = range.bytes();
    if bytes.len() as u64 == wanted {
        return Ok(bytes);
    }
    let seen = format!("{} bytes where {wanted} were asked for", bytes.len());
    Err(object_store::Error::Generic { store: "input", source: seen.into() }.into())
}

/// Bytes that are on their way.
#[derive(Clone)]
pub(super) struct Fetch {
    /// Where they stand in the object.
    pub(super) range: Stretch,
    runtime: &'static Runtime,
    answer: Shared<BoxFuture<'static, Answer>>,
}

impl Fetch {
    pub(super) fn wait(self) -> io::Result<Bytes> {
        Ok(self.runtime.block_on(self.answer)?)
    }
}

/// Several ranges that are on their way.
#[derive(Clone)]
pub struct Pending {
    ranges: Vec<Stretch>,
    parts: Vec<Fetch>,
}

impl Pending {
    /// The bytes of each range, in the order asked for.
    /// # Errors
    /// What the store answered.
    pub fn wait(&self) -> io::Result<Vec<Bytes>> {
        let parts: Vec<(u64, Bytes)> = self.parts.iter().map(|part| Ok((part.range.from, part.clone().wait()?))).collect::<io::Result<_>>()?;
        Ok(self.ranges.iter().map(|range| cut(&parts, *range)).collect())
    }

    /// Bytes that are on their way, those between the ranges with them.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.range.bytes()).sum()
    }
}

/// The requests that bring these stretches.
fn parts_of(wanted: &[Stretch]) -> Vec<Stretch> {
    let mut sorted: Vec<Stretch> = wanted.iter().copied().filter(|wanted| wanted.bytes() > 0).collect();
    sorted.sort_by_key(|wanted| wanted.from);
    let mut joined: Vec<Stretch> = Vec::new();
    for next in sorted {
        match joined.last_mut().filter(|last| next.from <= last.until.saturating_add(GAP)) {
            Some(last) => last.until = last.until.max(next.until),
            None => joined.push(next),
        }
    }
    let mut parts = Vec::new();
    for Stretch { mut from, until } in joined {
        while from < until {
            let part = Stretch::new(from, until.min(from + PART));
            parts.push(part);
            from = part.until;
        }
    }
    parts
}

/// A stretch out of parts that hold it, in their order; copied only where it lies in several.
fn cut(parts: &[(u64, Bytes)], wanted: Stretch) -> Bytes {
    let of = |(start, bytes): &(u64, Bytes)| {
        let (from, until) = (wanted.from.max(*start), wanted.until.min(start + bytes.len() as u64));
        (from < until).then(|| bytes.slice((from - start) as usize..(until - start) as usize))
    };
    let mut pieces: Vec<Bytes> = parts.iter().filter_map(of).collect();
    if pieces.len() == 1 {
        return pieces.swap_remove(0);
    }
    let mut whole = BytesMut::with_capacity(wanted.bytes() as usize);
    pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(wanted: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let wanted: Vec<Stretch> = wanted.iter().map(|(from, until)| Stretch::new(*from, *until)).collect();
        parts_of(&wanted).into_iter().map(|part| (part.from, part.until)).collect()
    }

    #[test]
    fn near_stretches_share_a_request_and_long_ones_are_split() {
        assert_eq!(parts(&[(100, 200), (0, 10), (5, 20), (30, 30)]), [(0, 200)]);
        let far = 21 + 2 * GAP;
        assert_eq!(parts(&[(0, 10), (10 + GAP, 20 + GAP), (far, far + 1)]), [(0, 20 + GAP), (far, far + 1)]);
        assert_eq!(parts(&[(3, 2 * PART + 5)]), [(3, PART + 3), (PART + 3, 2 * PART + 3), (2 * PART + 3, 2 * PART + 5)]);
        assert!(parts(&[]).is_empty());
    }

    #[test]
    fn stretches_are_cut_out_of_the_parts_that_hold_them() {
        let all: Vec<u8> = (0..100).collect();
        let part = |from: usize, until: usize| (from as u64, Bytes::copy_from_slice(&all[from..until]));
        let parts = [part(10, 40), part(40, 70), part(80, 90)];
        for (from, until) in [(10, 11), (10, 40), (39, 41), (10, 70), (85, 90), (50, 50)] {
            assert_eq!(cut(&parts, Stretch::new(from as u64, until as u64)), all[from..until], "{from} to {until}");
        }
    }
}
