//! What only Delta Lake has: a log, checkpoints, and stores that lie about what they kept.

use std::fmt;
use std::slice::from_ref;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use deltalake::DeltaTable;
use deltalake::logstore::{StorageConfig, logstore_with};
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

use super::*;
use crate::sink::Commit;
use crate::storage::{DurableLocal, Storage};

const LINE: Table = Table::FactCreditLine;

/// Fails each write of a log entry: 1 = before it is kept, 2 = after (the acknowledgement is lost).
#[derive(Debug, Default)]
struct Lying {
    inner: DurableLocal,
    mode: AtomicU8,
}

impl fmt::Display for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lying")
    }
}

#[async_trait]
impl ObjectStore for Lying {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let failure = || Error::Generic { store: "Lying", source: "500 internal error".into() };
        match self.mode.load(Ordering::Relaxed) {
            1 => Err(failure()),
            2 => self.inner.put_opts(location, payload, options).await.and(Err(failure())),
            _ => self.inner.put_opts(location, payload, options).await,
        }
    }
    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
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
}

#[test]
fn a_failed_commit_is_an_unknown_commit() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(Lying::default());
    let storage = Storage::local(folder.path().to_str().unwrap(), Arc::clone(&store) as Arc<dyn ObjectStore>).unwrap();
    let output = Output::within(storage, Format::Delta, &[]).unwrap();
    let file = stage(&output, "2026-09", "g", "r1");
    store.mode.store(1, Ordering::Relaxed);
    let failed = output.commit(LINE, None, from_ref(&file), &[], "r1").unwrap_err();
    assert_eq!(failed.exit_code(), 5);
    assert!(failed.to_string().contains("500 internal error"), "{failed}");
    assert_eq!(output.live(LINE).unwrap(), None);
    store.mode.store(2, Ordering::Relaxed);
    assert_eq!(output.commit(LINE, None, &[file], &[], "r1").unwrap(), Commit::Committed { version: 0 });
    let state = output.live(LINE).unwrap().unwrap();
    let file = stage(&output, "2026-09", "g", "r2");
    assert_eq!(output.commit(LINE, Some(&state), &[file], &state.files, "r2").unwrap(), Commit::Committed { version: 1 });
    assert_eq!(live(&output).iter().map(|file| file.run.as_str()).collect::<Vec<_>>(), ["r2"]);
}

#[test]
fn tags_survive_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1"), stage(&output, "2026-10", "g", "r1")], &[], "r1").unwrap();
    let before = live(&output);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = url::Url::from_directory_path(folder_of(&output, LINE)).unwrap();
        let mut table = DeltaTable::new(logstore_with(Arc::new(DurableLocal::default()), &url, StorageConfig::default()).unwrap());
        table.load().await.unwrap();
        deltalake::checkpoints::create_checkpoint(&table, None).await.unwrap();
    });
    assert!(folder_of(&output, LINE).join("_delta_log/00000000000000000000.checkpoint.parquet").is_file());
    std::fs::remove_file(folder_of(&output, LINE).join("_delta_log/00000000000000000000.json")).unwrap();
    assert_eq!(live(&output), before);
    assert_eq!(before[0].rows, 3);
}

#[test]
fn newer_and_foreign_tables_are_refused() {
    for (from, to) in
        [("\"pecan.schema\":\"1\"", "\"pecan.schema\":\"2\""), ("pecan.schema", "other.schema"), ("\"minWriterVersion\":2", "\"minWriterVersion\":3")]
    {
        let folder = TempDir::new().unwrap();
        let output = open(&folder, Format::Delta);
        output.commit(LINE, None, &[], &[], "r1").unwrap();
        let entry = folder_of(&output, LINE).join("_delta_log/00000000000000000000.json");
        let text = std::fs::read_to_string(&entry).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&entry, text.replace(from, to)).unwrap();
        assert_eq!(output.live(LINE).unwrap_err().exit_code(), 2, "{to}");
    }
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Parquet);
    output.commit(LINE, None, &[], &[], "r1").unwrap();
    let manifest = folder_of(&output, LINE).join("_pecan/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"pecan.schema\": 1", "\"pecan.schema\": 2");
    std::fs::write(&manifest, text).unwrap();
    assert_eq!(output.live(LINE).unwrap_err().exit_code(), 2);
}

#[test]
fn the_log_has_our_statistics_and_no_decimals() {
    let folder = TempDir::new().unwrap();
    let output = open(&folder, Format::Delta);
    output.commit(LINE, None, &[stage(&output, "2026-09", "g", "r1")], &[], "r1").unwrap();
    let text = std::fs::read_to_string(folder_of(&output, LINE).join("_delta_log/00000000000000000000.json")).unwrap();
    let line = |action: &str| -> serde_json::Value {
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter_map(|line| line.get(action).cloned()).next().unwrap()
    };
    let stats: serde_json::Value = serde_json::from_str(line("add")["stats"].as_str().unwrap()).unwrap();
    assert_eq!(stats["numRecords"], 3);
    assert_eq!(stats["minValues"]["usage_date"], "2026-09-04");
    assert_eq!(stats["maxValues"]["usage_date"], "2026-09-06");
    assert_eq!(stats["minValues"].as_object().unwrap().len(), 4);
    assert_eq!(stats["nullCount"]["quantity"], 0);
    assert_eq!(line("txn")["appId"], "pecan.fact_credit_line.2026-09");
    assert_eq!(line("commitInfo")["pecan.run"], "r1");
    assert_eq!((line("protocol")["minReaderVersion"].clone(), line("protocol")["minWriterVersion"].clone()), (1.into(), 2.into()));
}
