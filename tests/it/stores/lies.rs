//! Planned failures happen as planned: what was to be done is done or not, what is said is said, nothing else fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use serde_json::json;

use super::fake::{FakeStore, SHAPES, Shape};
use super::faulty::Faulty;
use super::plan::{Fault, Kind, Rule, Said, WRITES, When};
use super::runtime;

fn faulty(rules: Vec<Rule>) -> (Faulty, Arc<InMemory>) {
    let inner = Arc::new(InMemory::new());
    let store = Faulty::around(Arc::clone(&inner) as Arc<dyn ObjectStore>);
    store.plan.set(rules);
    (store, inner)
}

async fn text(store: &dyn ObjectStore, key: &str) -> Option<String> {
    let bytes = store.get(&Path::from(key)).await.ok()?.bytes().await.expect("read");
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn calls_fail_before_and_after_by_number() {
    let (store, inner) = faulty(vec![
        Rule::on(&[Kind::Put], When::At(2), Fault::Before(Said::Throttled)),
        Rule::on(&[Kind::Put], When::At(3), Fault::After(Said::Broken)),
        Rule::on(&[Kind::Copy], When::Every(2), Fault::After(Said::Exists)),
        Rule::on(&[Kind::Get], When::From(2), Fault::Before(Said::Broken)).of("c"),
    ]);
    runtime().block_on(async {
        let put = async |key: &str| store.put(&Path::from(key), "x".into()).await;
        assert!(put("a").await.is_ok());
        assert!(put("b").await.is_err_and(|e| e.to_string().contains("503")));
        assert!(put("c").await.is_err());
        assert!(put("d").await.is_ok());
        assert_eq!((text(&inner, "b").await, text(&inner, "c").await), (None, Some("x".to_owned())));
        let copy = async |to: &str| store.copy(&Path::from("a"), &Path::from(to)).await;
        assert!(copy("e").await.is_ok());
        assert!(matches!(copy("f").await, Err(Error::AlreadyExists { .. })));
        assert!(text(&inner, "f").await.is_some());
        assert!(text(&store, "a").await.is_some() && text(&store, "c").await.is_some() && text(&store, "c").await.is_none());
    });
    assert_eq!((store.plan.calls(&[Kind::Put]), store.plan.calls(WRITES), store.plan.calls(&[Kind::Get]), store.plan.failed()), (4, 6, 3, 4));
}

#[test]
fn behind_the_last_call_nothing_works() {
    let (store, inner) = faulty(vec![Rule::on(&[Kind::Put], When::At(2), Fault::Last)]);
    runtime().block_on(async {
        assert!(store.put(&Path::from("a"), "x".into()).await.is_ok());
        assert!(store.put(&Path::from("b"), "x".into()).await.is_err());
        assert!(text(&store, "a").await.is_none() && store.put(&Path::from("c"), "x".into()).await.is_err());
        assert!(store.list(None).try_collect::<Vec<_>>().await.is_err());
        assert_eq!((text(&inner, "b").await.is_some(), text(&inner, "c").await), (true, None));
    });
}

#[test]
fn a_lost_race_is_told_truthfully() {
    let (store, _) = faulty(vec![Rule::on(&[Kind::Put], When::From(2), Fault::After(Said::Broken))]);
    runtime().block_on(async {
        let create = async || store.put_opts(&Path::from("a"), "x".into(), PutMode::Create.into()).await;
        assert!(create().await.is_ok());
        assert!(matches!(create().await, Err(Error::AlreadyExists { .. })));
    });
}

#[test]
fn a_torn_upload_is_seen_only_where_the_plan_says_so() {
    for (visible, whole, parts) in [(false, None, None), (true, Some("0123"), Some("firstsec"))] {
        let (store, inner) =
            faulty(vec![Rule::on(&[Kind::Put], When::At(1), Fault::Torn { visible }), Rule::on(&[Kind::Part], When::At(2), Fault::Torn { visible })]);
        runtime().block_on(async {
            assert!(store.put(&Path::from("a"), "01234567".into()).await.is_err());
            let mut upload = store.put_multipart(&Path::from("b")).await.expect("begun");
            assert!(upload.put_part("first".into()).await.is_ok());
            assert!(upload.put_part("second".into()).await.is_err());
            assert!(upload.put_part("third".into()).await.is_err());
            assert!(upload.complete().await.is_err());
            assert_eq!((text(&inner, "a").await.as_deref(), text(&inner, "b").await.as_deref()), (whole, parts));
        });
    }
}

#[test]
fn a_stale_list_lacks_the_newest_and_the_objects_are_there() {
    let (store, _) = faulty(vec![Rule::on(&[Kind::List], When::At(2), Fault::Stale { newest: 2 }).of("log")]);
    runtime().block_on(async {
        for key in ["log/1", "log/3", "log/2", "other"] {
            store.put(&Path::from(key), "x".into()).await.expect("put");
        }
        let list = async || {
            let all: Vec<_> = store.list(Some(&Path::from("log"))).try_collect().await.expect("listed");
            all.into_iter().map(|object| object.location.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(list().await, ["log/1", "log/2", "log/3"]);
        assert_eq!(list().await, ["log/1"]);
        assert!(text(&store, "log/3").await.is_some());
        assert_eq!(list().await.len(), 3);
    });
}

#[test]
fn shares_come_from_the_seed_alone_and_slow_calls_are_slow() {
    let outcomes = |seed| {
        let (store, _) = faulty(vec![Rule::on(&[Kind::Put], When::Share { seed, percent: 30 }, Fault::Before(Said::Broken))]);
        runtime().block_on(async {
            let mut failed = Vec::new();
            for n in 0..400 {
                failed.push(store.put(&Path::from(format!("{n}")), PutPayload::default()).await.is_err());
            }
            failed
        })
    };
    let (one, two) = (outcomes(1), outcomes(2));
    assert_eq!(one, outcomes(1));
    assert_ne!(one, two);
    let share = one.iter().filter(|failed| **failed).count();
    assert!((80..160).contains(&share), "{share} of 400");
    let (store, _) = faulty(vec![Rule::on(&[Kind::Put], When::At(1), Fault::Slow(Duration::from_millis(50)))]);
    let began = Instant::now();
    runtime().block_on(store.put(&Path::from("a"), "x".into())).expect("put");
    assert!(began.elapsed() >= Duration::from_millis(50));
}

/// Over HTTP: what the client of `object_store` makes of each false answer to a create that was stored.
#[test]
fn each_lost_acknowledgement_is_heard_as_it_was_planned() {
    for shape in SHAPES {
        let server = FakeStore::start(shape, 5000);
        let client = server.client();
        let create = |key: &str| {
            let key = Path::from(key);
            runtime().block_on(client.put_opts(&key, "x".into(), PutMode::Create.into()))
        };
        for (status, retried) in [(500, true), (408, true), (0, true), (409, false), (412, false)] {
            server.plan(&json!([{"at": 2, "status": status}]));
            let key = |name: &str| format!("{status}-{name}");
            create(&key("before")).expect("stored");
            let seen = create(&key("lost")).expect_err("the answer was lost");
            create(&key("behind")).expect("stored");
            let lost: Vec<_> = server.log().iter().filter(|r| r["key"] == key("lost")).map(|r| r["status"].as_u64().expect("a status")).collect();
            assert_eq!(lost.first(), Some(&status), "{shape:?} {status}");
            assert_eq!(lost.len(), if retried { 2 } else { 1 }, "{shape:?} {status}: {lost:?}");
            assert_eq!(server.failed(), 1, "{shape:?} {status}");
            assert!(server.keys().contains(&key("lost")), "{shape:?} {status}: it is stored, {seen}");
            // A retry of what landed finds it there: that is why a failed create is an unknown create.
            let exists = matches!(seen, Error::AlreadyExists { .. });
            assert_eq!(exists, retried || status == 409 || (status == 412 && shape != Shape::Azure), "{shape:?} {status}: {seen:?}");
        }
    }
}

#[test]
fn the_server_fails_before_throttles_and_is_slow() {
    let server = FakeStore::start(Shape::Gcs, 5000);
    let client = server.client();
    let put = |key: &str| runtime().block_on(client.put(&Path::from(key), "x".into()));
    server.plan(&json!([{"at": 1, "do": "before", "status": 412}, {"at": 2, "do": "before", "status": 503, "retry_after": 1}, {"on": "get", "every": 1, "latency": 0.05}]));
    assert!(put("a").is_err() && server.keys().is_empty());
    put("b").expect("retried");
    assert_eq!((server.puts(), server.failed()), (3, 2));
    let began = Instant::now();
    runtime().block_on(client.head(&Path::from("b"))).expect("there");
    assert!(began.elapsed() >= Duration::from_millis(50));
    server.plan(&json!([{"from": 1, "times": 2, "do": "before", "status": 429}, {"on": "delete", "at": 1, "status": 0}]));
    put("c").expect("retried twice");
    assert_eq!(server.puts(), 3);
    server.keep();
    put("d").expect("put");
    server.back();
    assert_eq!(server.keys(), ["b", "c"]);
    server.reset();
    assert!(server.keys().is_empty() && server.log().is_empty() && server.unfinished().is_empty());
}
