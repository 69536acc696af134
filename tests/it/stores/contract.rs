//! The one contract of all stores: what `Storage` promises, on a local disk, on each fake server, and on real servers.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, PutMode, PutPayload};
use pecan::storage::{DurableLocal, Storage};
use url::Url;

use super::fake::{BUCKET, FakeStore, SHAPES};
use super::faulty::Faulty;

/// Proves a storage, which must be empty.
pub fn contract(storage: &Storage, what: &str) {
    reads_and_writes(storage, what);
    lists_and_deletes(storage, what);
    swaps(storage, what);
    creates(storage, what);
    uploads(storage, what);
    let left: Vec<String> = storage.list("").expect("listed").into_iter().map(|entry| entry.key).collect();
    storage.delete(&left).expect("deleted");
    assert_eq!(storage.list("").expect("listed"), [], "{what}");
}

fn reads_and_writes(storage: &Storage, what: &str) {
    assert_eq!((storage.read("a/b").expect("read"), storage.exists("a").expect("looked"), storage.list("").expect("listed")), (None, false, vec![]), "{what}");
    for content in ["first", "", "the second is longer"] {
        storage.write("a/billing_month=2026-09/b", content.as_bytes()).expect("written");
        assert_eq!(storage.read("a/billing_month=2026-09/b").expect("read").as_deref(), Some(content.as_bytes()), "{what}");
    }
    for (key, there) in [("a", true), ("a/billing_month=2026-09", true), ("a/billing_month=2026-09/b", true), ("a/bill", false), ("b", false)] {
        assert_eq!(storage.exists(key).expect("looked"), there, "{what}: {key}");
    }
    storage.write("a/c", b"c").expect("written");
    let keys = ["a/c", "a/billing_month=2026-09/b", "a/c"].map(str::to_owned);
    let all: Vec<_> = storage.read_all(&keys).expect("read").iter().map(|bytes| bytes.len()).collect();
    assert_eq!(all, [1, 20, 1], "{what}");
    assert_eq!(storage.read_all(&["a/c".to_owned(), "a/none".to_owned()]).expect_err("one is missing").exit_code(), 5, "{what}");
    storage.put_in_place("a/c", "placed/deep/c").expect("put in place");
    assert_eq!(storage.read("placed/deep/c").expect("read").as_deref(), Some(b"c".as_slice()), "{what}");
}

fn lists_and_deletes(storage: &Storage, what: &str) {
    let keys: Vec<String> = (0..23).map(|n| format!("many/{:02}/part-{n}", n % 7)).collect();
    keys.iter().for_each(|key| storage.write(key, key.as_bytes()).expect("written"));
    storage.write("many-others/x", b"x").expect("written");
    let listed = storage.list("many").expect("listed");
    let names: Vec<&str> = listed.iter().map(|entry| entry.key.as_str()).collect();
    let sorted: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(names, sorted.into_iter().collect::<Vec<_>>(), "{what}: in the order of keys, without what only begins alike");
    for entry in &listed {
        assert_eq!(entry.bytes, entry.key.len() as u64, "{what}: {}", entry.key);
        let age = SystemTime::now().duration_since(entry.modified).unwrap_or_default();
        assert!(age < Duration::from_secs(60), "{what}: {} was written {age:?} ago", entry.key);
    }
    assert_eq!(storage.list("many/03").expect("listed").len(), 3, "{what}");
    assert_eq!(storage.list("nothing").expect("listed"), [], "{what}");
    let gone: Vec<String> = keys.iter().step_by(2).cloned().chain(["many/none".to_owned()]).collect();
    storage.delete(&gone).expect("what is gone already is no trouble");
    storage.delete(&gone).expect("twice is no trouble");
    assert_eq!(storage.list("many").expect("listed").len(), 11, "{what}");
    assert!(storage.delete(&[]).expect("nothing").is_empty(), "{what}");
}

/// On a local disk whoever swaps holds a lock, and every swap goes well.
fn swaps(storage: &Storage, what: &str) {
    let local = storage.path("").is_some();
    let mark = || storage.read_marked("swapped").expect("read").expect("there").1;
    assert!(storage.swap("swapped", b"1", None).expect("swapped"), "{what}");
    assert_eq!(storage.swap("swapped", b"other", None).expect("swapped"), local, "{what}: created twice");
    let first = mark();
    assert!(storage.swap("swapped", b"2", Some(&first)).expect("swapped"), "{what}");
    assert_eq!(storage.swap("swapped", b"3", Some(&first)).expect("swapped"), local, "{what}: from a state that is gone");
    let now = mark();
    storage.delete(&["swapped".to_owned()]).expect("deleted");
    assert_eq!(storage.swap("swapped", b"4", Some(&now)).expect("swapped"), local, "{what}: from nothing");
}

/// Of many who create a log entry at once one wins, and its content is whole.
fn creates(storage: &Storage, what: &str) {
    let (_, below) = storage.stores("log");
    for round in 0..5 {
        let at = Path::from(format!("{round:020}.json"));
        let racers: Vec<_> = (0..8).map(|n| below.put_opts(&at, PutPayload::from(vec![n; 1000]), PutMode::Create.into())).collect();
        let results = storage.wait(futures::future::join_all(racers));
        let winners: Vec<usize> = results.iter().enumerate().filter(|(_, result)| result.is_ok()).map(|(n, _)| n).collect();
        assert_eq!(winners.len(), 1, "{what}: {results:?}");
        assert!(results.iter().filter_map(|r| r.as_ref().err()).all(|e| matches!(e, Error::AlreadyExists { .. })), "{what}: {results:?}");
        let content = storage.read(&format!("log/{at}")).expect("read").expect("there");
        assert!(content.len() == 1000 && content.iter().all(|byte| usize::from(*byte) == winners[0]), "{what}");
    }
}

/// Small files go in one request, large ones in parts; both are whole, and a dropped one is nowhere.
fn uploads(storage: &Storage, what: &str) {
    for bytes in [0, 1000, 8 << 20, (17 << 20) + 3] {
        let content: Vec<u8> = (0..bytes).map(|n: usize| (n / 1000 + n) as u8).collect();
        let (spool, mut file) = storage.spool("data/file.parquet").expect("begun");
        file.write_all(&content).and_then(|()| file.sync_all()).expect("written");
        assert_eq!(storage.list("data").expect("listed").iter().filter(|entry| entry.key.ends_with(".parquet")).count(), 0, "{what}");
        storage.keep(spool, "data/file.parquet").expect("kept");
        assert!(storage.read("data/file.parquet").expect("read").is_some_and(|there| there == content), "{what}: {bytes} bytes");
        storage.delete(&["data/file.parquet".to_owned()]).expect("deleted");
    }
    let (spool, _file) = storage.spool("data/dropped.parquet").expect("begun");
    let path = spool.path().to_owned();
    drop(spool);
    assert!(!path.exists() && storage.list("data").expect("listed").is_empty(), "{what}");
}

#[test]
fn a_local_disk_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out");
    contract(&Storage::local(path.to_str().expect("text"), Arc::new(DurableLocal::default())).expect("opened"), "local disk");
}

#[test]
fn a_store_in_memory_keeps_the_contract() {
    let store = Arc::new(Faulty::around(Arc::new(InMemory::new())));
    let url = Url::parse("s3://lake/out").expect("an address");
    contract(&Storage::remote(url, store, Path::from("out")).expect("opened"), "memory");
}

/// With listings in pages of five names.
#[test]
fn each_fake_server_keeps_the_contract() {
    for shape in SHAPES {
        let server = FakeStore::start(shape, 5);
        let url = Url::parse(&format!("{}://{BUCKET}/deep/out", shape.scheme())).expect("an address");
        contract(&Storage::remote(url, server.client(), Path::from("deep/out")).expect("opened"), shape.word());
        assert!(server.unfinished().is_empty(), "{shape:?}: {:?}", server.unfinished());
    }
}
