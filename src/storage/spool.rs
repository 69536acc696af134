//! A data file while it is written: always on a local disk, so that it can be read back before anybody else sees it.

use std::fs::File;
use std::path::{Path, PathBuf};

use object_store::{MultipartUpload as _, ObjectStoreExt as _, PutPayload};

use super::{Storage, disk};
use crate::error::{Error, Result};

/// An upload is sent in parts of this size; a smaller file in one request. S3 asks for 5 MiB at least.
const PART: usize = 8 << 20;

/// A file being written; dropped, it is gone.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    durable: bool,
}

impl Spool {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its bytes must be made durable before it is [kept](Storage::keep): not if they are sent elsewhere.
    pub fn durable(&self) -> bool {
        self.durable
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // A kept one has another name by now, and this does nothing.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Storage {
    /// Begins the file that is to have this key: beside its place on a local disk, else in the system's folder for
    /// temporary files.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn spool(&self, key: &str) -> Result<(Spool, File)> {
        let Some(target) = self.path(key) else { return temporary() };
        let folder = disk::folder_of(&target);
        let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = folder.join(format!(".{name}.tmp"));
        let file = disk::make_in_folder("creating a data file", &path, |path| File::create(path))?;
        Ok((Spool { path, durable: true }, file))
    }

    /// Gives a finished file its key. It must be durable already if it [says so](Spool::durable).
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn keep(&self, spool: Spool, key: &str) -> Result<()> {
        match self.path(key) {
            Some(target) => disk::rename(&spool.path, &target),
            None => self.upload(&spool, key),
        }
    }

    fn upload(&self, spool: &Spool, key: &str) -> Result<()> {
        let trouble = |e: std::io::Error| disk::trouble("reading a file to upload", &spool.path, &e);
        let bytes = std::fs::metadata(&spool.path).map_err(trouble)?.len();
        let sent = if bytes <= PART as u64 {
            let content = std::fs::read(&spool.path).map_err(trouble)?;
            self.wait(self.root.put(&self.full(key), content.into())).map(drop)
        } else {
            // Parts cannot go on with other credentials; an upload that begins anew can.
            let sent = self.wait(self.send_parts(spool, key));
            if matches!(sent, Err(object_store::Error::Unauthenticated { .. })) { self.wait(self.send_parts(spool, key)) } else { sent }
        };
        let Err(seen) = sent else { return Ok(()) };
        // The name is this run's alone: an object of this name and size is this file, whatever the answer was.
        let there = self.wait(self.root.head(&self.full(key)));
        if there.is_ok_and(|about| about.size == bytes) { Ok(()) } else { Err(self.trouble("uploading a data file", key, &seen)) }
    }

    async fn send_parts(&self, spool: &Spool, key: &str) -> object_store::Result<()> {
        let io = |e: std::io::Error| object_store::Error::Generic { store: "spool", source: Box::new(e) };
        let mut file = File::open(&spool.path).map_err(io)?;
        let mut upload = self.root.put_multipart(&self.full(key)).await?;
        let mut parts = async || {
            loop {
                let mut part = vec![0; PART];
                let read = read_full(&mut file, &mut part).map_err(io)?;
                part.truncate(read);
                if read == 0 {
                    return upload.complete().await.map(drop);
                }
                upload.put_part(PutPayload::from(part)).await?;
            }
        };
        let sent = parts().await;
        if sent.is_err() {
            // Parts that are left over cost money and are seen by nobody; the first error is the one to tell.
            let _ = upload.abort().await;
        }
        sent
    }
}

/// Reads until the buffer is full or the file is over.
fn read_full(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    use std::io::Read as _;
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn temporary() -> Result<(Spool, File)> {
    let made = tempfile::Builder::new().prefix("pecan-").suffix(".parquet").tempfile().and_then(|file| Ok(file.keep()?));
    let folder = std::env::temp_dir();
    let (file, path) = made.map_err(|e| {
        let next = "make room there, or name another folder in TMPDIR; then run again";
        Error::storage("disk", "creating a file to be uploaded", folder.display(), e, next)
    })?;
    Ok((Spool { path, durable: false }, file))
}
