//! pecan settles partner earned credit: which charge should have earned how much, and why not.
//!
//! Modules in import order; a module uses only those above it (a test checks this). The rules live in `pecan_core`,
//! which can do no I/O; here is everything that touches the world. Start reading at [`pipeline::run`].

pub mod error;
pub mod schema;
pub mod progress;
pub mod storage;
pub mod job;
pub mod stage;
pub mod delta;
pub mod manifest;
pub mod sink;
pub mod kept;
pub mod store;
pub mod columns;
pub mod source;
pub mod rejection;
pub mod files_read;
pub mod json;
pub mod table_file;
pub mod audit;
pub mod reference;
pub mod statement;
pub mod summary;
pub mod known;
pub mod told;
pub mod frames;
pub mod answers;
pub mod keys;
pub mod spellings;
pub mod control;
pub mod footprint;
pub mod slice;
pub mod decide;
pub mod conserve;
pub mod group;
pub mod receipt;
pub mod whole;
pub mod plan;
pub mod plan_text;
pub mod derived;
pub mod commit;
pub mod run_row;
pub mod past_run;
pub mod pipeline;
pub mod verify;
pub mod maintain;
pub mod check;
pub mod explain;
pub mod reconcile;
pub mod generate;
pub mod init;
pub mod cli;
