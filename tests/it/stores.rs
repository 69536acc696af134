//! Object stores, and what becomes of a run when they fail or lie.
//!
//! | file | proves |
//! |---|---|
//! | `plan.rs`, `faulty.rs` | (no tests) a store around any other that fails, lies, tears and throttles by plan |
//! | `fake.rs` | (no tests) `tests/stores/fake_store.py` as a process: S3, Azure Blob and GCS over HTTP, failing by plan |
//! | `honest.rs` | both do nothing but what they should while no failure is planned: `object_store`'s own integration kit |
//! | `lies.rs` | both fail as planned, no more and no less |

pub mod fake;
pub mod faulty;
mod honest;
mod lies;
pub mod plan;

use tokio::runtime::{Builder, Runtime};

/// What asynchronous calls of these tests run on.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}
