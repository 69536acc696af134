//! Object stores, and what becomes of a run when they fail or lie.
//!
//! | file | proves |
//! |---|---|
//! | `plan.rs`, `faulty.rs` | (no tests) a store around any other that fails, lies, tears and throttles by plan |
//! | `fake.rs` | (no tests) `tests/stores/fake_store.py` as a process: S3, Azure Blob and GCS over HTTP, failing by plan |
//! | `honest.rs` | both do nothing but what they should while no failure is planned: `object_store`'s own integration kit |
//! | `lies.rs` | both fail as planned, no more and no less |
//! | `contract.rs` | what `Storage` promises, on every store alike |
//! | `outcome.rs` | (no tests) what is in a store after a run, whatever the run said |
//! | `commits.rs` | R-AGAIN-1: a run over a failing store says the truth, and the next one completes it |
//! | `inputs.rs` | the sample from each store and from mixed places: tables equal those of local files |
//! | `identity.rs` | `check` says as whom a store is asked and what that may do; no secret is said or written |
//! | `requests.rs` | how often a store is asked: commits, and when it refuses a third |
//! | `servers.rs` | the same and races on Azurite, SeaweedFS and moto, where they are installed |
//! | `acknowledgements.rs` | the same of the real program over HTTP: a lost acknowledgement at every upload |

mod acknowledgements;
mod commits;
mod contract;
pub mod fake;
pub mod faulty;
mod honest;
mod identity;
mod inputs;
mod lies;
mod outcome;
pub mod plan;
mod requests;
mod servers;

use tokio::runtime::{Builder, Runtime};

/// What asynchronous calls of these tests run on.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}

/// `PECAN_STRIDE` = 1: failures at every place; else at each so many-th, which takes seconds.
fn stride() -> u64 {
    std::env::var("PECAN_STRIDE").ok().and_then(|n| n.parse().ok()).unwrap_or(21).max(1)
}
