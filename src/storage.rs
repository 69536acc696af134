//! Where an output lives: a folder of a local disk, or a prefix of an object store, behind the same few calls.
//!
//! Keys are paths below the output, with `/`, in plain ASCII. What returns `Ok` is durable and whole: nobody ever sees a
//! part of an object. Calls are synchronous; the asynchronous runtime stays in here.
//!
//! An object store may keep what it was sent and lose the answer, so after *any* failure of a write the object is looked
//! at before the failure is told: a failed write is an unknown write.

pub mod disk;
mod durable;
mod identity;
mod present;
mod remote;
mod renewing;
mod spool;

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion};
use tokio::runtime::{Builder, Runtime};
use url::Url;

pub use durable::DurableLocal;
pub use identity::{Rights, identity};
pub use remote::{Address, address, first_line, input_trouble, is_remote, open_store, without_secrets};
pub use spool::Spool;

use crate::error::{Error, Result};

/// Requests of one kind under way at once.
const CONCURRENT: usize = 8;

/// The place of an output.
#[derive(Debug)]
pub struct Storage {
    place: Place,
    /// As people are told, without a closing slash; never holds a secret.
    shown: String,
    url: Url,
    /// The whole file system, bucket or container.
    root: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

#[derive(Debug)]
enum Place {
    /// An absolute path.
    Local(PathBuf),
    /// What all keys of the object store begin with.
    Remote(Path),
}

/// An object that lies below a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Size.
    pub bytes: u64,
    /// When it was written last.
    pub modified: SystemTime,
    /// Whether it is a file, and no link or device of a local disk.
    pub regular: bool,
}

/// Which state of an object was read: what [`Storage::swap`] compares. On a local disk nothing: a lock is held there.
#[derive(Debug, Clone)]
pub struct Mark(Option<UpdateVersion>);

impl Storage {
    /// The place a uri names: an absolute local path, or an object store (`s3://`, `gs://`, `az://`, `abfss://`,
    /// `https://…blob.core.windows.net`) with credentials from the environment. Nothing is read or created yet.
    ///
    /// # Errors
    /// `Error::Usage` for a uri that names no place, or credentials that make no sense; `Error::Storage` if threads cannot
    /// be started.
    ///
    /// # Panics
    /// If a local path is relative: the job file has made it absolute.
    pub fn open(uri: &str) -> Result<Storage> {
        if !is_remote(uri) {
            return Storage::local(uri, Arc::new(DurableLocal::default()));
        }
        let remote::Opened { url, store, prefix } = remote::open(uri)?;
        Storage::remote(url, store, prefix)
    }

    /// A prefix of an object store that is there already: tests give one that fails. `url` is its address for Delta Lake.
    ///
    /// # Errors
    /// `Error::Storage` if threads cannot be started.
    pub fn remote(url: Url, root: Arc<dyn ObjectStore>, prefix: Path) -> Result<Storage> {
        let shown = url.as_str().trim_end_matches('/').to_owned();
        Ok(Storage { place: Place::Remote(prefix), runtime: runtime(&shown)?, shown, url, root })
    }

    /// A local folder, whose Delta logs are written through `root`, a store of the whole file system.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Panics
    /// As [`open`](Self::open).
    pub fn local(path: &str, root: Arc<dyn ObjectStore>) -> Result<Storage> {
        let folder = PathBuf::from(path);
        assert!(folder.is_absolute(), "the output folder {path} is an absolute path");
        // Symbolic links are followed once, so that every part of the program names a file alike.
        let folder = folder.canonicalize().unwrap_or(folder);
        let refused = |()| Error::storage("delta_log", "opening an output", folder.display(), "the path has no file URL", "use an absolute local path");
        let url = Url::from_directory_path(&folder).map_err(refused)?;
        let shown = folder.display().to_string();
        Ok(Storage { runtime: runtime(&shown)?, shown, url, root, place: Place::Local(folder) })
    }

    /// How a key is named to people.
    pub fn shown(&self, key: &str) -> String {
        if key.is_empty() { self.shown.clone() } else { format!("{}/{key}", self.shown) }
    }

    /// Where a key is on the local disk; `None` in an object store.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        match &self.place {
            Place::Local(folder) if key.is_empty() => Some(folder.clone()),
            Place::Local(folder) => Some(folder.join(key)),
            Place::Remote(_) => None,
        }
    }

    /// The whole file system, bucket or container, and the part of it below a key.
    pub fn stores(&self, key: &str) -> (Arc<dyn ObjectStore>, Arc<dyn ObjectStore>) {
        let below = match &self.place {
            // The address of a folder has no letter a path of object_store could not hold.
            Place::Local(_) => Path::from_url_path(self.url_of(key).path()).unwrap_or_default(),
            Place::Remote(_) => self.full(key),
        };
        (Arc::clone(&self.root), Arc::new(PrefixStore::new(Arc::clone(&self.root), below)))
    }

    /// The address of the folder of a key.
    pub fn url_of(&self, key: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{key}/", self.url.path().trim_end_matches('/')));
        url
    }

    /// Waits for something asynchronous.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn read(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.read_marked(key)?.map(|(bytes, _)| bytes))
    }

    /// As [`read`](Self::read), with what [`swap`](Self::swap) needs to know whether it is still the same.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn read_marked(&self, key: &str) -> Result<Option<(Bytes, Mark)>> {
        if let Some(path) = self.path(key) {
            return match fs::read(&path) {
                Ok(bytes) => Ok(Some((bytes.into(), Mark(None)))),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                Err(e) => Err(disk::trouble("reading a file", &path, &e)),
            };
        }
        let read = async {
            let found = self.root.get(&self.full(key)).await?;
            let mark = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            Ok((found.bytes().await?, Mark(Some(mark))))
        };
        match self.wait(read) {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.trouble("reading an object", key, &e)),
        }
    }

    /// Reads several objects, some at a time, in the order of their keys here.
    ///
    /// # Errors
    /// `Error::Storage`, also if one is not there.
    pub fn read_all(&self, keys: &[String]) -> Result<Vec<Bytes>> {
        let gone = |key: &str| {
            Error::storage("object_gone", "reading an object", self.shown(key), "nothing there", "see what else deletes files below output.uri, then run again")
        };
        if matches!(self.place, Place::Local(_)) {
            return keys.iter().map(|key| self.read(key)?.ok_or_else(|| gone(key))).collect();
        }
        let one = |key: &String| {
            let (root, path, key) = (Arc::clone(&self.root), self.full(key), key.clone());
            async move { (key, async { root.get(&path).await?.bytes().await }.await) }
        };
        let all: Vec<_> = self.wait(futures::stream::iter(keys.iter().map(one).collect::<Vec<_>>()).buffered(CONCURRENT).collect());
        let told = |(key, read): (String, object_store::Result<Bytes>)| match read {
            Err(object_store::Error::NotFound { .. }) => Err(gone(&key)),
            other => other.map_err(|e| self.trouble("reading an object", &key, &e)),
        };
        all.into_iter().map(told).collect()
    }

    /// Whether there is an object of this key, or one below it.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn exists(&self, key: &str) -> Result<bool> {
        if let Some(path) = self.path(key) {
            return Ok(path.exists());
        }
        let look = async {
            match self.root.head(&self.full(key)).await {
                Err(object_store::Error::NotFound { .. }) => Ok(self.root.list(Some(&self.full(key))).next().await.transpose()?.is_some()),
                other => other.map(|_| true),
            }
        };
        self.wait(look).map_err(|e| self.trouble("looking for an object", key, &e))
    }

    /// Writes a whole object; a reader sees the old content or the new, never a part.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn write(&self, key: &str, bytes: &[u8]) -> Result<()> {
        if let Some(path) = self.path(key) {
            return disk::replace(&path, bytes);
        }
        let written = self.wait(self.root.put(&self.full(key), Bytes::copy_from_slice(bytes).into()));
        match written {
            Ok(_) => Ok(()),
            Err(_) if self.holds(key, bytes) => Ok(()),
            Err(e) => Err(self.trouble("writing an object", key, &e)),
        }
    }

    /// Writes an object if it still is what was read (`None`: there was none). Whoever asks holds a lock on a local disk,
    /// where every swap goes well.
    ///
    /// # Errors
    /// `Error::Storage`: whether it was written is then unknown.
    pub fn swap(&self, key: &str, bytes: &[u8], seen: Option<&Mark>) -> Result<bool> {
        if matches!(self.place, Place::Local(_)) {
            return self.write(key, bytes).map(|()| true);
        }
        let mode = match seen {
            Some(Mark(Some(version))) => PutMode::Update(version.clone()),
            _ => PutMode::Create,
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.wait(self.root.put_opts(&self.full(key), Bytes::copy_from_slice(bytes).into(), options)) {
            Ok(_) => Ok(true),
            Err(_) if self.holds(key, bytes) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(false),
            Err(e) => Err(self.trouble("writing an object", key, &e)),
        }
    }

    /// Whether an object is there with this very content, after a write whose answer was a failure.
    fn holds(&self, key: &str, bytes: &[u8]) -> bool {
        self.read(key).is_ok_and(|there| there.is_some_and(|there| there == bytes))
    }

    /// Puts a finished object where readers look: moved on a local disk, copied in an object store, where moving is no
    /// single step; there the first one stays until it is deleted.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn put_in_place(&self, from: &str, to: &str) -> Result<()> {
        if let (Some(from), Some(to)) = (self.path(from), self.path(to)) {
            disk::create_folder(disk::folder_of(&to))?;
            return disk::rename(&from, &to);
        }
        let (source, target) = (self.full(from), self.full(to));
        let copied = self.wait(self.root.copy(&source, &target));
        let size = |path: &Path| self.wait(self.root.head(path)).ok().map(|about| about.size);
        match copied {
            Ok(()) => Ok(()),
            Err(_) if size(&source).is_some_and(|bytes| Some(bytes) == size(&target)) => Ok(()),
            Err(e) => Err(self.trouble("copying an object", to, &e)),
        }
    }

    /// All objects below a key (or all of the output), in the order of their keys. Links of a local disk are not followed.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn list(&self, below: &str) -> Result<Vec<Entry>> {
        let mut found = Vec::new();
        match &self.place {
            Place::Local(folder) => disk::walk(&folder.join(below), below, &mut found)?,
            Place::Remote(prefix) => {
                let listed: Vec<_> =
                    self.wait(self.root.list(Some(&self.full(below))).try_collect()).map_err(|e| self.trouble("listing objects", below, &e))?;
                let key = |location: &Path| location.prefix_match(prefix).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"));
                found.extend(
                    listed.into_iter().filter_map(|o| Some(Entry { key: key(&o.location)?, bytes: o.size, modified: o.last_modified.into(), regular: true })),
                );
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// The names right below the output, folders with a closing `/`.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = match &self.place {
            Place::Local(folder) => disk::names(folder)?,
            Place::Remote(prefix) => {
                let listed = self.wait(self.root.list_with_delimiter(Some(prefix))).map_err(|e| self.trouble("listing objects", "", &e))?;
                let last = |path: &Path| path.filename().unwrap_or_default().to_owned();
                let folders = listed.common_prefixes.iter().map(|path| format!("{}/", last(path)));
                folders.chain(listed.objects.iter().map(|object| last(&object.location))).collect()
            }
        };
        names.sort();
        Ok(names)
    }

    /// Deletes objects; those that are gone already are no trouble. The answer holds those that were there, as far as the
    /// store says so.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<String>> {
        if let Place::Local(folder) = &self.place {
            let gone = disk::delete_all(&keys.iter().map(|key| folder.join(key)).collect::<Vec<_>>())?;
            return Ok(keys.iter().filter(|key| gone.contains(&folder.join(key))).cloned().collect());
        }
        let paths: Vec<object_store::Result<Path>> = keys.iter().map(|key| Ok(self.full(key))).collect();
        let answers: Vec<_> = self.wait(self.root.delete_stream(futures::stream::iter(paths).boxed()).collect());
        let first = keys.first().map_or("", String::as_str);
        for answer in answers {
            match answer {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(self.trouble("deleting objects", first, &e)),
            }
        }
        Ok(keys.to_vec())
    }

    /// Where keys of an object store begin with the prefix.
    fn full(&self, key: &str) -> Path {
        let prefix = match &self.place {
            Place::Local(_) => Path::default(),
            Place::Remote(prefix) => prefix.clone(),
        };
        key.split('/').filter(|part| !part.is_empty()).fold(prefix, |path, part| path.join(part))
    }

    /// Tells what an object store said, with what to do next.
    pub fn trouble(&self, tried: &str, key: &str, seen: &object_store::Error) -> Error {
        remote::trouble(tried, &self.shown(key), seen)
    }
}

fn runtime(shown: &str) -> Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("pecan-io").enable_all().build();
    runtime.map_err(|e| Error::storage("runtime", "starting threads for input and output", shown, e, "free memory or threads, then run again"))
}
