//! A store around any other that fails by plan. Without a plan it passes everything on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result, UploadPart,
};

use super::plan::{Fault, Kind, Plan, Said};

/// A store that fails by plan.
#[derive(Debug, Clone)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    /// What fails, and what was counted.
    pub plan: Arc<Plan>,
}

impl Faulty {
    /// Around another store, with no failure planned.
    pub fn around(inner: Arc<dyn ObjectStore>) -> Faulty {
        Faulty { inner, plan: Arc::default() }
    }

    /// Does a call that cannot be torn.
    async fn call<T>(&self, kind: Kind, location: &Path, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.plan.decide(kind, Some(location)) {
            None | Some(Fault::Stale { .. } | Fault::Last) => work.await,
            Some(Fault::Slow(time)) => slowly(time, work).await,
            Some(Fault::Before(said)) => Err(said.error(location)),
            Some(Fault::After(said)) => Err(work.await.err().unwrap_or_else(|| said.error(location))),
            Some(Fault::Torn { .. }) => Err(Said::Broken.error(location)),
        }
    }

    /// What a list must not show; `Err` if it fails.
    async fn hidden(plan: &Plan, prefix: Option<&Path>) -> Result<Vec<Path>> {
        let place = prefix.cloned().unwrap_or_default();
        match plan.decide(Kind::List, prefix) {
            Some(Fault::Stale { newest }) => Ok(plan.newest(prefix, newest)),
            Some(Fault::Before(said) | Fault::After(said)) => Err(said.error(&place)),
            Some(Fault::Torn { .. }) => Err(Said::Broken.error(&place)),
            Some(Fault::Slow(time)) => slowly(time, async { Ok(Vec::new()) }).await,
            None | Some(Fault::Last) => Ok(Vec::new()),
        }
    }
}

async fn slowly<T>(time: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::sleep(time).await;
    work.await
}

/// The first half of what was sent.
fn half(payload: &PutPayload) -> PutPayload {
    let whole = payload.iter().fold(Vec::new(), |mut bytes, piece| {
        bytes.extend_from_slice(piece);
        bytes
    });
    PutPayload::from(whole[..whole.len() / 2].to_vec())
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let put = async |payload| {
            let done = self.inner.put_opts(location, payload, options).await?;
            self.plan.wrote(location);
            Ok(done)
        };
        match self.plan.decide(Kind::Put, Some(location)) {
            None | Some(Fault::Stale { .. } | Fault::Last) => put(payload).await,
            Some(Fault::Slow(time)) => slowly(time, put(payload)).await,
            Some(Fault::Before(said)) => Err(said.error(location)),
            // A put that was refused is refused truthfully.
            Some(Fault::After(said)) => Err(put(payload).await.err().unwrap_or_else(|| said.error(location))),
            Some(Fault::Torn { visible: false }) => Err(Said::Broken.error(location)),
            Some(Fault::Torn { visible: true }) => Err(put(half(&payload)).await.err().unwrap_or_else(|| Said::Broken.error(location))),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.call(Kind::Begin, location, self.inner.put_multipart_opts(location, options)).await?;
        Ok(Box::new(FaultyUpload { inner, plan: Arc::clone(&self.plan), location: location.clone(), torn: None }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.call(Kind::Get, location, self.inner.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let one = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let location = location?;
                store.call(Kind::Delete, &location, store.inner.delete(&location)).await.map(|()| location.clone())
            }
        };
        locations.map(one).buffered(10).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, plan, prefix) = (Arc::clone(&self.inner), Arc::clone(&self.plan), prefix.cloned());
        let listed = async move {
            let hidden = Faulty::hidden(&plan, prefix.as_ref()).await?;
            let shown = inner.list(prefix.as_ref()).try_filter(move |object| futures::future::ready(!hidden.contains(&object.location)));
            Ok::<_, object_store::Error>(shown)
        };
        futures::stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let hidden = Faulty::hidden(&self.plan, prefix).await?;
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        listed.objects.retain(|object| !hidden.contains(&object.location));
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let copied = async {
            self.inner.copy_opts(from, to, options).await?;
            self.plan.wrote(to);
            Ok(())
        };
        self.call(Kind::Copy, to, copied).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: object_store::RenameOptions) -> Result<()> {
        // No object store can rename in one step: it is a copy and a deletion, and may stop between the two.
        let mode = match options.target_mode {
            object_store::RenameTargetMode::Create => CopyMode::Create,
            object_store::RenameTargetMode::Overwrite => CopyMode::Overwrite,
        };
        self.copy_opts(from, to, CopyOptions::new().with_mode(mode)).await?;
        self.delete(from).await
    }
}

/// An upload in parts that fails by plan. One that was torn stays so: its later parts and its completion fail.
#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    plan: Arc<Plan>,
    location: Path,
    /// Whether the half that arrived is seen.
    torn: Option<bool>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let fault = self.plan.decide(Kind::Part, Some(&self.location));
        let location = self.location.clone();
        let failed = move |said: Said| -> UploadPart { Box::pin(async move { Err(said.error(&location)) }) };
        match fault {
            _ if self.torn.is_some() => failed(Said::Broken),
            None | Some(Fault::Stale { .. } | Fault::Last) => self.inner.put_part(data),
            Some(Fault::Slow(time)) => Box::pin(slowly(time, self.inner.put_part(data))),
            Some(Fault::Before(said)) => failed(said),
            Some(Fault::After(said)) => {
                let (part, failed) = (self.inner.put_part(data), failed(said));
                Box::pin(async move {
                    part.await?;
                    failed.await
                })
            }
            Some(Fault::Torn { visible }) => {
                self.torn = Some(visible);
                let (part, failed) = (self.inner.put_part(half(&data)), failed(Said::Broken));
                Box::pin(async move {
                    part.await?;
                    failed.await
                })
            }
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let fault = self.plan.decide(Kind::Complete, Some(&self.location));
        if let Some(visible) = self.torn {
            if visible {
                self.inner.complete().await?;
            }
            return Err(Said::Broken.error(&self.location));
        }
        if let Some(Fault::Before(said)) = fault {
            return Err(said.error(&self.location));
        }
        if let Some(Fault::Slow(time)) = fault {
            tokio::time::sleep(time).await;
        }
        let done = self.inner.complete().await?;
        self.plan.wrote(&self.location);
        match fault {
            Some(Fault::After(said)) => Err(said.error(&self.location)),
            Some(Fault::Torn { .. }) => Err(Said::Broken.error(&self.location)),
            _ => Ok(done),
        }
    }

    async fn abort(&mut self) -> Result<()> {
        self.plan.decide(Kind::Abort, Some(&self.location));
        self.inner.abort().await
    }
}
