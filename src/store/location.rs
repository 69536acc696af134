//! Where a file of an input is, and reading it: as a whole, in order, or by ranges.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::bucket::{Fetch, Object, PART, Pending, Stretch};

/// A smaller Parquet file comes with its first request as a whole.
const WHOLE: u64 = 1 << 20;
/// Of a longer one this much of its last bytes, where the footer is.
const TAIL: u64 = 128 << 10;
/// Parts of a file that is read in order which are on their way.
const COMING: usize = 4;

/// Where a file of an input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A path of the local disk.
    Local(PathBuf),
    /// An object of a store.
    Object(Object),
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Location {
        Location::Local(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Location {
        Location::Local(path.to_path_buf())
    }
}

impl From<&str> for Location {
    fn from(path: &str) -> Location {
        Location::Local(PathBuf::from(path))
    }
}

impl Location {
    /// As people are told, and as names in it are read: with `/`.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Location::Local(path) => path.to_string_lossy(),
            Location::Object(object) => Cow::Owned(object.shown()),
        }
    }

    /// As a job file would name it: the one file and nothing else.
    pub fn uri(&self) -> String {
        match self {
            Location::Local(path) => path.to_string_lossy().into_owned(),
            Location::Object(object) => object.uri(),
        }
    }

    /// The last part of its name.
    pub fn file_name(&self) -> Option<&str> {
        match self {
            Location::Local(path) => path.file_name().and_then(|name| name.to_str()),
            Location::Object(object) => object.key().rsplit('/').next(),
        }
    }

    /// Where it is on the local disk.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Location::Local(path) => Some(path),
            Location::Object(_) => None,
        }
    }

    /// Asks a store now for what will be read first, so that opening need not wait for it. Nothing on a local disk.
    pub fn ask_ahead(&self) {
        if let Location::Object(object) = self {
            object.ask_ahead(first_range(object));
        }
    }

    /// Opens it for reading by ranges.
    /// # Errors
    /// What the system or the store says.
    pub fn open(&self) -> io::Result<Opened> {
        let object = match self {
            Location::Local(path) => return File::open(path).map(Opened::Local),
            Location::Object(object) => object.clone(),
        };
        let first = object.take_ahead().unwrap_or_else(|| object.begin(last_bytes(&object)));
        let start = first.range.from;
        Ok(Opened::Object(Held { start, bytes: first.wait()?, object }))
    }

    /// Reads it in order; the parts to come are asked for before they are needed.
    /// # Errors
    /// As [`Location::open`].
    pub fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        let object = match self {
            Location::Local(path) => return Ok(Box::new(File::open(path)?)),
            Location::Object(object) => object.clone(),
        };
        let ahead = object.take_ahead().filter(|ahead| ahead.range.from == 0);
        let asked = ahead.as_ref().map_or(0, |ahead| ahead.range.until);
        let mut stream = Stream { object, asked, coming: ahead.into_iter().collect(), now: Bytes::new() };
        stream.ask();
        Ok(Box::new(stream))
    }

    /// The whole content.
    /// # Errors
    /// As [`Location::open`].
    pub fn read(&self) -> io::Result<Bytes> {
        match self {
            Location::Local(path) => std::fs::read(path).map(Bytes::from),
            Location::Object(object) => match object.take_ahead().filter(|ahead| ahead.range == whole(object)) {
                Some(whole) => whole.wait(),
                None => object.begin_all(&[whole(object)]).wait().map(|mut all| all.pop().unwrap_or_default()),
            },
        }
    }
}

/// What is read first: the footer of a Parquet file, else the beginning.
fn first_range(object: &Object) -> Stretch {
    if object.key().to_ascii_lowercase().ends_with(".parquet") { last_bytes(object) } else { Stretch::new(0, object.bytes().min(PART)) }
}

fn whole(object: &Object) -> Stretch {
    Stretch::new(0, object.bytes())
}

fn last_bytes(object: &Object) -> Stretch {
    let bytes = object.bytes();
    Stretch::new(if bytes <= WHOLE { 0 } else { bytes - TAIL }, bytes)
}

/// A file that is read by ranges.
#[derive(Debug)]
pub enum Opened {
    /// On the local disk.
    Local(File),
    /// In a store.
    Object(Held),
}

/// An object with the bytes that came when it was opened.
pub struct Held {
    object: Object,
    start: u64,
    bytes: Bytes,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.object.fmt(f)
    }
}

impl Held {
    fn slice(&self, range: Stretch) -> Option<Bytes> {
        let from = usize::try_from(range.from.checked_sub(self.start)?).ok()?;
        let until = usize::try_from(range.until.checked_sub(self.start)?).ok()?;
        (from <= until && until <= self.bytes.len()).then(|| self.bytes.slice(from..until))
    }
}

impl Opened {
    /// Size in bytes.
    /// # Errors
    /// What the system says.
    pub fn length(&self) -> io::Result<u64> {
        match self {
            Opened::Local(file) => Ok(file.metadata()?.len()),
            Opened::Object(held) => Ok(held.object.bytes()),
        }
    }

    /// Fills `into` from a place of the file.
    /// # Errors
    /// What the system or the store says.
    pub fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Opened::Local(file) => file.read_exact_at(into, at),
            Opened::Object(_) => {
                let read = self.ranges(&[Stretch::new(at, at.saturating_add(into.len() as u64))])?;
                read.iter().for_each(|bytes| into.copy_from_slice(bytes));
                Ok(())
            }
        }
    }

    /// The bytes of each range.
    /// # Errors
    /// As [`Opened::read_exact_at`].
    pub fn ranges(&self, ranges: &[Stretch]) -> io::Result<Vec<Bytes>> {
        let one = |file: &File, range: &Stretch| {
            let mut bytes = vec![0; usize::try_from(range.bytes()).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, range.from)?;
            Ok(Bytes::from(bytes))
        };
        match self {
            Opened::Local(file) => ranges.iter().map(|range| one(file, range)).collect(),
            Opened::Object(held) => match ranges.iter().map(|range| held.slice(*range)).collect() {
                Some(here) => Ok(here),
                None => held.object.begin_all(ranges).wait(),
            },
        }
    }

    /// Asks a store for ranges without waiting; `None` where that brings nothing: on a local disk, and of what is here.
    pub fn begin(&self, ranges: &[Stretch]) -> Option<Pending> {
        match self {
            Opened::Local(_) => None,
            Opened::Object(held) if ranges.iter().all(|range| held.slice(*range).is_some()) => None,
            Opened::Object(held) => Some(held.object.begin_all(ranges)),
        }
    }
}

/// An object read in order.
struct Stream {
    object: Object,
    /// Everything before this place is asked for.
    asked: u64,
    coming: VecDeque<Fetch>,
    now: Bytes,
}

impl Stream {
    fn ask(&mut self) {
        while self.coming.len() < COMING && self.asked < self.object.bytes() {
            let until = self.object.bytes().min(self.asked + PART);
            self.coming.push_back(self.object.begin(Stretch::new(self.asked, until)));
            self.asked = until;
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            let Some(next) = self.coming.pop_front() else { return Ok(0) };
            self.now = next.wait()?;
            self.ask();
        }
        let read = self.now.len().min(into.len());
        let taken = self.now.split_to(read);
        if let Some(into) = into.get_mut(..read) {
            into.copy_from_slice(&taken);
        }
        Ok(read)
    }
}
