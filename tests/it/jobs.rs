//! Whole jobs: files in, tables out. What each file proves:
//!
//! | file | proves |
//! |---|---|
//! | `sample.rs` | the sample, to the last digit, against a second opinion in plain Python |
//! | `again.rs` | R-AGAIN-1, R-AGAIN-2, R-AGAIN-3: twice is nothing to do, newer export runs, groups, narrowing |
//! | `histories.rs` | R-AGAIN-1, R-AGAIN-4, R-AGAIN-6: random histories run step by step, against one run from scratch after each step |
//! | `news.rs` | R-AGAIN-4: news rewrites the groups it concerns and no other, and `pecan plan` says which and why |
//! | `logs.rs` | data-contracts §1.2: the audit log in every form gives the same tables |
//! | `order.rs` | R-AGAIN-6: order, pieces, threads, formats of files never change the tables |
//! | `shapes.rs` | R-PRODUCT-2: physical types and spellings of the same charges |
//! | `interrupted.rs` | R-AGAIN-1: a run that was interrupted between two tables is completed, never doubled |
//! | `together.rs` | R-AGAIN-1: two runs at once: one month has one winner, different months all succeed |
//! | `worlds.rs` | random worlds as files, through the whole program, against the naive one |
//!
//! Whether the program settles what it should is asked of the library; `sample.rs` asks the binary, too.

mod again;
mod histories;
pub mod interrupted;
mod logs;
mod news;
mod order;
mod sample;
mod shapes;
pub mod sheets;
mod together;
mod world_files;
mod worlds;
pub mod workshop;
