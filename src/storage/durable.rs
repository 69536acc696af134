//! A local disk as Delta Lake's object store, but durable.
//!
//! `object_store::LocalFileSystem` returns before anything has reached the disk: after a power cut the log could hold an
//! empty entry, and the table would be unreadable. Here an entry is complete and durable before its name appears, and
//! the name is durable before the call returns. Everything else is passed on.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result, UploadPart,
};

use super::disk;

/// The whole local file system; paths are absolute.
#[derive(Debug, Default)]
pub struct DurableLocal {
    inner: LocalFileSystem,
}

impl fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DurableLocal")
    }
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A name beside the target that `LocalFileSystem` hides from listings (`#` and digits).
fn staging_name(target: &FilePath) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!("#{}{:06}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(name)
}

/// What `LocalFileSystem` calls this state of a file; renaming and linking do not change it.
fn e_tag(file: &File) -> io::Result<String> {
    let about = file.metadata()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&about);
    #[cfg(not(unix))]
    let inode = 0;
    let modified = about.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
    Ok(format!("{inode:x}-{modified:x}-{:x}", about.len()))
}

fn write_staged(staged: &FilePath, payload: &PutPayload) -> io::Result<String> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(staged)?;
    payload.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    e_tag(&file)
}

fn put(target: &FilePath, payload: &PutPayload, create: bool) -> io::Result<PutResult> {
    disk::create_folder(disk::folder_of(target)).map_err(|e| io::Error::other(e.to_string()))?;
    let staged = staging_name(target);
    let shown = write_staged(&staged, payload).and_then(|e_tag| {
        // A hard link fails if the name exists: that is the race two writers run.
        if create {
            fs::hard_link(&staged, target)?
        } else {
            fs::rename(&staged, target)?
        }
        Ok(PutResult { e_tag: Some(e_tag), version: None })
    });
    if create || shown.is_err() {
        let _ = fs::remove_file(&staged);
    }
    let put = shown?;
    File::open(disk::folder_of(target))?.sync_all()?;
    Ok(put)
}

fn trouble(target: &FilePath, source: io::Error) -> Error {
    let path = target.display().to_string();
    match source.kind() {
        ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: Box::new(source) },
        ErrorKind::NotFound => Error::NotFound { path, source: Box::new(source) },
        _ => Error::Generic { store: "DurableLocal", source: Box::new(source) },
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) || !options.attributes.is_empty() {
            return self.inner.put_opts(location, payload, options).await;
        }
        let target = self.inner.path_to_filesystem(location)?;
        put(&target, &payload, matches!(options.mode, PutMode::Create)).map_err(|e| trouble(&target, e))
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        if !options.attributes.is_empty() {
            return self.inner.put_multipart_opts(location, options).await;
        }
        Ok(Box::new(DurableUpload::begin(target.clone()).map_err(|e| trouble(&target, e))?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

/// A large object (a checkpoint): whole and durable before its name appears. Readers find checkpoints by listing the
/// log, so one that appeared half written would do harm though nothing refers to it.
#[derive(Debug)]
struct DurableUpload {
    file: Arc<Mutex<File>>,
    written: u64,
    staged: PathBuf,
    target: PathBuf,
}

impl DurableUpload {
    fn begin(target: PathBuf) -> io::Result<DurableUpload> {
        disk::create_folder(disk::folder_of(&target)).map_err(|e| io::Error::other(e.to_string()))?;
        let staged = staging_name(&target);
        let file = OpenOptions::new().write(true).create_new(true).open(&staged)?;
        Ok(DurableUpload { file: Arc::new(Mutex::new(file)), written: 0, staged, target })
    }

    fn show(&self) -> io::Result<PutResult> {
        let file = self.file.lock().map_err(|e| io::Error::other(e.to_string()))?;
        file.sync_all()?;
        let e_tag = e_tag(&file)?;
        fs::rename(&self.staged, &self.target)?;
        File::open(disk::folder_of(&self.target))?.sync_all()?;
        Ok(PutResult { e_tag: Some(e_tag), version: None })
    }
}

/// Writes a part at its place: parts may be written in any order.
fn write_part(file: &Mutex<File>, from: u64, data: &PutPayload) -> io::Result<()> {
    let mut file = file.lock().map_err(|e| io::Error::other(e.to_string()))?;
    file.seek(SeekFrom::Start(from))?;
    data.iter().try_for_each(|piece| file.write_all(piece))
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (file, target, from) = (Arc::clone(&self.file), self.target.clone(), self.written);
        self.written += data.content_length() as u64;
        Box::pin(async move { write_part(&file, from, &data).map_err(|e| trouble(&target, e)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.show().map_err(|e| trouble(&self.target, e))
    }

    async fn abort(&mut self) -> Result<()> {
        fs::remove_file(&self.staged).map_err(|e| trouble(&self.staged, e))
    }
}

impl Drop for DurableUpload {
    fn drop(&mut self) {
        // After `complete` the staged name is gone and this does nothing.
        let _ = fs::remove_file(&self.staged);
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    #[test]
    fn a_large_object_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
        let at = |name: &str| Path::from_absolute_path(folder.path().join(name)).unwrap();
        let store = DurableLocal::default();
        futures::executor::block_on(async {
            let mut upload = store.put_multipart(&at("whole")).await.unwrap();
            let parts = [b"first ", b"second", b" third"].map(|part| upload.put_part(PutPayload::from_static(part)));
            for part in parts.into_iter().rev() {
                part.await.unwrap();
            }
            assert!(names().iter().all(|name| name.starts_with("whole#")), "{:?}", names());
            upload.complete().await.unwrap();
            drop(upload);
            drop(store.put_multipart(&at("dropped")).await.unwrap());
        });
        assert_eq!(names(), ["whole"]);
        assert_eq!(fs::read(folder.path().join("whole")).unwrap(), b"first second third");
    }
}
