//! The program: everything is in the library.

use std::process::ExitCode;

/// Batches are allocated on one thread and freed on another, many at a time: the system's allocator spends a sixth of a
/// run on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pecan::cli::main()
}
