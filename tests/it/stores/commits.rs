//! Whole runs over a store that fails at every n-th call: what a run says is true, and the next one completes it (R-AGAIN-1).
//! `PECAN_STRIDE` = 1 takes every point, else each so many-th.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use pecan::error::Error;
use pecan::job::Job;
use pecan::pipeline::run_within;
use pecan::storage::Storage;
use pecan::summary::Summary;
use url::Url;

use super::faulty::Faulty;
use super::outcome::{Inspector, PREFIX};
use super::plan::{Fault, Kind, Plan, Rule, Said, WRITES, When};
use super::stride;
use crate::jobs::workshop::{Workshop, options, run};
use crate::tables::{Canonical, canonical};

/// A receipt that cannot be read counts as missing: its group is settled and its rejections are counted again, and five bad
/// rows in a small group would be too large a share (exit 7).
const LIMIT: &str = "limits.rejections=\"50%\"";

/// A job, a store to begin with, and what a run from scratch gives.
struct Story {
    workshop: Workshop,
    format: &'static str,
    expected: Canonical,
    /// The store after a first run without the archive.
    begun: InMemory,
}

impl Story {
    fn new(format: &'static str) -> Story {
        let workshop = Workshop::sample();
        let job = workshop.job(&["output.uri=fresh/", &format!("output.format=\"{format}\""), LIMIT]);
        run(&job);
        let mut first = job.clone();
        first.charges.retain(|charges| charges.name != "archive");
        let begun = Arc::new(InMemory::new());
        run_over(&first, Arc::clone(&begun) as Arc<dyn ObjectStore>).expect("a first run");
        Story { expected: canonical(&job), workshop, format, begun: begun.fork() }
    }

    fn job(&self) -> Job {
        self.workshop.job(&[&format!("output.format=\"{}\"", self.format), LIMIT])
    }

    /// An empty store, or the one a first run left, with a plan.
    fn store(&self, empty: bool, rules: Vec<Rule>) -> (Arc<dyn ObjectStore>, Faulty) {
        let inner: Arc<dyn ObjectStore> = Arc::new(if empty { InMemory::new() } else { self.begun.fork() });
        let faulty = Faulty::around(Arc::clone(&inner));
        faulty.plan.set(rules);
        (inner, faulty)
    }

    fn inspector(&self) -> Inspector<'_> {
        Inspector { workshop: &self.workshop, format: self.format, expected: &self.expected, folder: "fetched" }
    }

    /// A run over a failing store, what it said held against what is there, and a plain run that completes it.
    fn point(&self, empty: bool, rules: Vec<Rule>, what: &str) -> Point {
        let (inner, faulty) = self.store(empty, rules);
        let said = run_over(&self.job(), Arc::new(faulty.clone()));
        let failed = faulty.plan.failed();
        self.inspector().truthful(&inner, said.is_ok(), usize::from(!empty), what);
        if let Err(error) = &said {
            assert!(matches!(error.exit_code(), 4 | 5), "{what}: {error}");
        }
        if failed > 0 {
            run_over(&self.job(), Arc::clone(&inner)).unwrap_or_else(|e| panic!("{what}: the next run: {e}"));
            self.inspector().complete(&inner, what);
        }
        Point { said, failed, plan: faulty.plan }
    }
}

struct Point {
    said: Result<Summary, Error>,
    failed: u64,
    plan: Arc<Plan>,
}

fn run_over(job: &Job, store: Arc<dyn ObjectStore>) -> Result<Summary, Error> {
    let url = Url::parse(&format!("s3://lake/{PREFIX}")).expect("an address");
    run_within(job, &options(), Storage::remote(url, store, Path::from(PREFIX))?)
}

/// Every n-th write, before and after it is stored, on an empty store and on one with tables.
fn every_write(format: &'static str) {
    let story = Story::new(format);
    let (mut points, mut done) = (0, 0);
    for (at, fault) in
        [Fault::Before(Said::Broken), Fault::After(Said::Broken), Fault::After(Said::Exists), Fault::After(Said::Changed)].into_iter().enumerate()
    {
        for empty in [true, false] {
            // Each combination begins elsewhere, so that a sample still meets most calls.
            let mut n = 1 + (at * 2 + usize::from(empty)) as u64 % stride();
            loop {
                let what = format!("{format}, {}, write {n}: {fault:?}", if empty { "empty" } else { "begun" });
                let point = story.point(empty, vec![Rule::on(WRITES, When::At(n), fault)], &what);
                if point.failed == 0 {
                    assert!(point.said.is_ok() && point.plan.calls(WRITES) < n, "{what}: {:?}", point.said.err());
                    break;
                }
                points += 1;
                done += u64::from(point.said.is_ok());
                n += stride();
            }
        }
    }
    eprintln!("{format}: {points} failed writes: {done} runs went well all the same, the others said so, the next run completed all");
    assert!(points >= 240 / stride(), "{points} points");
}

#[test]
fn a_run_over_a_failing_store_says_the_truth_and_is_completed_delta() {
    every_write("delta");
}

#[test]
fn a_run_over_a_failing_store_says_the_truth_and_is_completed_parquet() {
    every_write("parquet");
}

/// The store keeps a write and is gone from then on: the run cannot know what became of it and says exit 5. Only where the
/// write was the row of the run is that row there all the same; the next run finds everything and doubles nothing.
#[test]
fn after_an_outage_the_next_run_completes_what_is_there() {
    for format in ["delta", "parquet"] {
        let story = Story::new(format);
        for empty in [true, false] {
            let (mut n, mut unknown) = (1, 0);
            loop {
                let what = format!("{format}, {}, outage after write {n}", if empty { "empty" } else { "begun" });
                let (inner, faulty) = story.store(empty, vec![Rule::on(WRITES, When::At(n), Fault::Last)]);
                let said = run_over(&story.job(), Arc::new(faulty.clone()));
                if faulty.plan.failed() == 0 {
                    break;
                }
                let exit = said.as_ref().err().map(Error::exit_code);
                assert!(exit.is_none_or(|exit| exit == 5), "{what}: {:?}", said.err());
                let rows = story.inspector().rows(&inner, &what) - usize::from(!empty);
                assert!(rows == 1 || exit.is_some(), "{what}: the run said it was done");
                unknown += u64::from(rows == 1 && exit.is_some());
                run_over(&story.job(), Arc::clone(&inner)).unwrap_or_else(|e| panic!("{what}: the next run: {e}"));
                story.inspector().complete(&inner, &what);
                n += stride();
            }
            assert!(unknown <= 1, "{format}: {unknown} runs failed behind their row");
        }
    }
}

/// Reads, lists and deletions that fail: nothing is lost by them.
#[test]
fn failed_reads_lists_and_deletions_do_no_harm() {
    for format in ["delta", "parquet"] {
        let story = Story::new(format);
        for kind in [Kind::Get, Kind::List, Kind::Delete] {
            let mut n = 1;
            loop {
                let what = format!("{format}, {kind:?} {n}");
                let point = story.point(false, vec![Rule::on(&[kind], When::At(n), Fault::Before(Said::Throttled))], &what);
                if point.failed == 0 {
                    break;
                }
                n += stride() * 2;
            }
        }
    }
}

/// An upload of which half arrives: never seen on a sound store. A bad one that shows halves of data files and receipts
/// does no harm either, as long as log entries and manifests are whole.
#[test]
fn torn_uploads_are_never_taken_for_whole() {
    for format in ["delta", "parquet"] {
        let story = Story::new(format);
        for (visible, key) in [(false, ""), (true, "part-"), (true, "_pecan/groups")] {
            let mut n = 1;
            loop {
                let what = format!("{format}, torn upload {n} of {key:?}, visible: {visible}");
                let rule = Rule::on(&[Kind::Put, Kind::Part], When::At(n), Fault::Torn { visible }).of(key);
                if story.point(n.is_multiple_of(2), vec![rule], &what).failed == 0 {
                    break;
                }
                n += stride();
            }
            assert!(n > 1, "{format} {key}: nothing was torn");
        }
    }
}

/// No store of the contract has lists that lag (S3 since 2020, Azure and GCS always). If one had, a run would see an older
/// version, and its commit would be refused: it finds the newer entries by their names, not by a list.
#[test]
fn a_stale_list_may_cost_a_run_and_never_a_credit() {
    let story = Story::new("delta");
    let mut refused = 0;
    for newest in [1, 1000] {
        for key in ["", "fact_credit_line", "run"] {
            let what = format!("lists of {key:?} lack the newest {newest}");
            let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let faulty = Faulty::around(Arc::clone(&inner));
            let mut first = story.job();
            first.charges.retain(|charges| charges.name != "archive");
            run_over(&first, Arc::new(faulty.clone())).expect("a first run");
            faulty.plan.set(vec![Rule::on(&[Kind::List], When::From(1), Fault::Stale { newest }).of(key)]);
            let said = run_over(&story.job(), Arc::new(faulty.clone()));
            assert!(faulty.plan.failed() > 0, "{what}: no list was stale");
            refused += u64::from(said.is_err());
            if let Err(error) = &said {
                assert!(matches!(error.exit_code(), 4 | 5), "{what}: {error}");
            }
            story.inspector().truthful(&inner, said.is_ok(), 1, &what);
            run_over(&story.job(), Arc::clone(&inner)).unwrap_or_else(|e| panic!("{what}: the next run: {e}"));
            story.inspector().complete(&inner, &what);
        }
    }
    assert!(refused > 0, "a stale list changed nothing at all: is it still asked for?");
}

/// A store that throttles a share of all calls: some run gets through, and until then nothing is half visible.
#[test]
fn runs_over_a_throttling_store_get_through_in_the_course_of_time() {
    let kinds = [Kind::Put, Kind::Begin, Kind::Part, Kind::Complete, Kind::Get, Kind::List, Kind::Delete, Kind::Copy];
    for format in ["delta", "parquet"] {
        let story = Story::new(format);
        let (inner, faulty) = story.store(true, Vec::new());
        for seed in 1.. {
            faulty.plan.set(vec![Rule::on(&kinds, When::Share { seed, percent: 1 }, Fault::Before(Said::Throttled))]);
            let said = run_over(&story.job(), Arc::new(faulty.clone()));
            story.inspector().truthful(&inner, said.is_ok(), 0, &format!("{format}, attempt {seed}"));
            if said.is_ok() {
                break;
            }
            assert!(seed < 200, "no run got through: {:?}", said.err());
        }
        story.inspector().complete(&inner, &format!("{format}, throttled"));
    }
}
