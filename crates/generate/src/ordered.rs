//! Work shared among threads, its results taken in order: what is written never depends on how many there are.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Calls `make` for 0, 1, … on `threads` threads and `take` with each result in order, on the caller's thread. Thread k makes
/// k, k + threads, …; each may be one result ahead, which bounds what is held in memory. The first error stops all.
/// # Errors
/// The first error of `make` or `take` in order.
pub(crate) fn each<T: Send, E: Send>(
    count: usize,
    threads: usize,
    make: impl Fn(usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.clamp(1, count.max(1));
    if threads == 1 {
        return (0..count).try_for_each(|n| take(n, make(n)?));
    }
    thread::scope(|scope| {
        let workers: Vec<Receiver<Result<T, E>>> = (0..threads)
            .map(|worker| {
                let (hand, results) = sync_channel(1);
                let make = &make;
                scope.spawn(move || {
                    // Nobody takes results any more once one was an error.
                    let _ = (worker..count).step_by(threads).try_for_each(|n| hand.send(make(n)).map_err(drop));
                });
                results
            })
            .collect();
        (0..count).try_for_each(|n| match workers[n % threads].recv() {
            Ok(made) => take(n, made?),
            // The worker panicked: the scope passes that on.
            Err(_) => Ok(()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_errors_stop() {
        for threads in [1, 2, 3, 8] {
            let mut taken = Vec::new();
            assert_eq!(each(20, threads, |n| Ok::<_, ()>(n * n), |n, made| (taken.push((n, made)), Ok(())).1), Ok(()));
            assert_eq!(taken, (0..20).map(|n| (n, n * n)).collect::<Vec<_>>(), "{threads}");
            let mut last = 0;
            let failed = each(20, threads, |n| if n == 7 { Err(n) } else { Ok(n) }, |n, _| (last = n, Ok(())).1);
            assert_eq!((failed, last), (Err(7), 6), "{threads}");
        }
    }
}
