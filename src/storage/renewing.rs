//! A store whose credentials are asked for anew when it says that they are no longer good.
//!
//! `object_store` renews tokens before they run out, and only then: one that is taken back earlier, or dies during a
//! request's retries, would end a run of hours.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

/// A request is tried again with new credentials this often.
const RENEWALS: usize = 3;

/// A store with credentials that are renewed.
#[derive(Clone)]
pub(super) struct Renewing(Arc<Inside>);

/// The store, and how to open it again.
struct Inside {
    open: Box<dyn Fn() -> Result<Arc<dyn ObjectStore>> + Send + Sync>,
    /// How often it was opened, and as it was opened last.
    current: RwLock<(usize, Arc<dyn ObjectStore>)>,
}

impl Renewing {
    /// Opens the store.
    pub(super) fn open(open: impl Fn() -> Result<Arc<dyn ObjectStore>> + Send + Sync + 'static) -> Result<Renewing> {
        let first = open()?;
        Ok(Renewing(Arc::new(Inside { open: Box::new(open), current: RwLock::new((1, first)) })))
    }

    fn current(&self) -> (usize, Arc<dyn ObjectStore>) {
        let current = self.0.current.read().unwrap_or_else(PoisonError::into_inner);
        (current.0, Arc::clone(&current.1))
    }

    /// Opens the store again, unless somebody has since `known`.
    fn renew(&self, known: usize) -> Result<()> {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.0 == known {
            *current = (known + 1, (self.0.open)()?);
        }
        Ok(())
    }

    /// What a call gives, made again with new credentials if these are refused as dead. A refusal that stays is told.
    async fn with<T, F: Future<Output = Result<T>> + Send>(&self, call: impl Fn(Arc<dyn ObjectStore>) -> F + Send) -> Result<T> {
        let mut tried = 0;
        loop {
            let (known, store) = self.current();
            match call(store).await {
                Err(refused) if tried < RENEWALS && is_dead(&refused) => self.renew(known)?,
                done => return done,
            }
            tried += 1;
        }
    }
}

/// Whether credentials are refused because of their age, not because of what they may do.
fn is_dead(error: &Error) -> bool {
    let told = || error.to_string();
    matches!(error, Error::Unauthenticated { .. }) || ["ExpiredToken", "status code: 401"].iter().any(|words| told().contains(words))
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().1.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Renewing {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.with(|store| {
            let (payload, options) = (payload.clone(), options.clone());
            async move { store.put_opts(location, payload, options).await }
        })
        .await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.with(|store| {
            let options = options.clone();
            async move { store.put_multipart_opts(location, options).await }
        })
        .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.with(|store| {
            let options = options.clone();
            async move { store.get_opts(location, options).await }
        })
        .await
    }

    /// Asked again as a whole: deleting what is gone already does no harm.
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let renewing = self.clone();
        let all = async move {
            let locations: Vec<Path> = locations.try_collect().await?;
            let delete = |store: Arc<dyn ObjectStore>| {
                let locations = stream::iter(locations.clone().into_iter().map(Ok)).boxed();
                async move {
                    let answers: Vec<Result<Path>> = store.delete_stream(locations).collect().await;
                    match answers.iter().position(|answer| answer.as_ref().is_err_and(is_dead)) {
                        Some(dead) => answers.into_iter().nth(dead).transpose().map(|_| Vec::new()),
                        None => Ok(answers),
                    }
                }
            };
            renewing.with(delete).await.map(stream::iter)
        };
        stream::once(all).try_flatten().boxed()
    }

    /// The first answer decides: behind it `object_store` renews what runs out.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (renewing, prefix) = (self.clone(), prefix.cloned());
        let begun = async move {
            let first = |store: Arc<dyn ObjectStore>| {
                let mut listed = store.list(prefix.as_ref()).fuse();
                async move { Ok(stream::iter(listed.next().await.transpose()?.map(Ok)).chain(listed)) }
            };
            renewing.with(first).await
        };
        stream::once(begun).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.with(|store| async move { store.list_with_delimiter(prefix).await }).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.with(|store| {
            let options = options.clone();
            async move { store.copy_opts(from, to, options).await }
        })
        .await
    }
}
