//! Work in flight: read in order, done by several threads, taken in order.
//!
//! Nobody waits for the slowest of a wave: the calling thread takes what is next in order as soon as it is done, and works
//! itself while it is not. At most twice as many pieces as threads are in flight.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::error::Result;

struct State<R, T> {
    read: R,
    /// Pieces handed out, and pieces taken.
    begun: usize,
    taken: usize,
    ready: BTreeMap<usize, Result<T>>,
    /// Nothing more is to be read.
    exhausted: bool,
    /// A thread failed or the caller gave up: nobody goes on.
    stopped: bool,
}

struct Turns<R, T, W> {
    state: Mutex<State<R, T>>,
    moved: Condvar,
    room: usize,
    work: W,
}

/// Reads pieces until `read` has none, does `work` on each in any of `threads` threads, and hands the results to `take` on
/// this thread, in the order in which they were read.
///
/// The threads are not those of the pool: whoever waits for another pool inside `work` must not take up a second piece there.
/// # Errors
/// The first error in the order of pieces, of `read`, `work` or `take`; nothing after it is taken.
pub fn in_order<P, T, R, W>(threads: usize, read: R, work: W, take: &mut dyn FnMut(T) -> Result<()>) -> Result<()>
where
    P: Send,
    T: Send,
    R: FnMut() -> Result<Option<P>> + Send,
    W: Fn(P) -> Result<T> + Sync,
{
    let state = State { read, begun: 0, taken: 0, ready: BTreeMap::new(), exhausted: false, stopped: false };
    let turns = Turns { state: Mutex::new(state), moved: Condvar::new(), room: threads.max(1) * 2, work };
    thread::scope(|scope| {
        let _stop = Stop(&turns);
        for at in 1..threads {
            let helper = thread::Builder::new().name(format!("pecan-turn-{at}"));
            // A thread that cannot be had is one less: this one works, too.
            let _ = helper.spawn_scoped(scope, || {
                let _stop = Stop(&turns);
                while let Some(state) = turns.wait_for_room() {
                    turns.work_once(state);
                }
            });
        }
        turns.take_all(take)
    })
}

/// Stops all threads when one panics.
struct Stop<'a, R, T, W>(&'a Turns<R, T, W>);

impl<R, T, W> Drop for Stop<'_, R, T, W> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.stopped |= thread::panicking();
        self.0.moved.notify_all();
    }
}

impl<R, T, W> Turns<R, T, W> {
    fn lock(&self) -> MutexGuard<'_, State<R, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P, T, R, W> Turns<R, T, W>
where
    R: FnMut() -> Result<Option<P>>,
    W: Fn(P) -> Result<T>,
{
    /// The state once another piece may be begun; `None`: there is nothing more to do.
    fn wait_for_room(&self) -> Option<MutexGuard<'_, State<R, T>>> {
        let full = |state: &mut State<R, T>| !state.stopped && !state.exhausted && state.begun - state.taken >= self.room;
        let state = self.moved.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        (!state.stopped && !state.exhausted).then_some(state)
    }

    /// Reads and does one piece.
    fn work_once(&self, mut state: MutexGuard<'_, State<R, T>>) {
        let done = match (state.read)().transpose() {
            None => {
                state.exhausted = true;
                self.moved.notify_all();
                return;
            }
            Some(piece) => {
                state.exhausted |= piece.is_err();
                let turn = state.begun;
                state.begun += 1;
                drop(state);
                (turn, piece.and_then(&self.work))
            }
        };
        self.lock().ready.insert(done.0, done.1);
        self.moved.notify_all();
    }

    fn take_all(&self, take: &mut dyn FnMut(T) -> Result<()>) -> Result<()> {
        loop {
            let mut state = self.lock();
            let next = state.taken;
            if let Some(done) = state.ready.remove(&next) {
                state.taken += 1;
                drop(state);
                self.moved.notify_all();
                if let Err(error) = done.and_then(&mut *take) {
                    self.lock().stopped = true;
                    return Err(error);
                }
            } else if state.stopped || (state.exhausted && state.taken == state.begun) {
                return Ok(()); // stopped: a thread panicked, and leaving the scope tells
            } else if state.exhausted || state.begun - state.taken >= self.room {
                drop(self.moved.wait(state));
            } else {
                self.work_once(state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Error;

    fn wrong(at: u32) -> Error {
        Error::bug("test", "testing", "here", at, "nothing")
    }

    fn run(threads: usize, pieces: u32, fails: Option<u32>) -> (Result<()>, Vec<u32>) {
        let (mut next, mut taken) = (0, Vec::new());
        let read = || {
            next += 1;
            Ok((next <= pieces).then_some(next))
        };
        let work = |piece: u32| {
            thread::sleep(Duration::from_micros(u64::from(piece * 7919 % 300)));
            if fails == Some(piece) { Err(wrong(piece)) } else { Ok(piece) }
        };
        let result = in_order(threads, read, work, &mut |piece| {
            taken.push(piece);
            Ok(())
        });
        (result, taken)
    }

    #[test]
    fn results_are_taken_in_the_order_of_reading() {
        for threads in [0, 1, 2, 3, 8] {
            for pieces in [0, 1, 2, 7, 200] {
                let (result, taken) = run(threads, pieces, None);
                assert!(result.is_ok());
                assert_eq!(taken, (1..=pieces).collect::<Vec<_>>(), "{threads} threads");
            }
        }
    }

    #[test]
    fn the_first_error_in_order_is_told_and_nothing_after_it_is_taken() {
        for threads in [1, 2, 8] {
            let (result, taken) = run(threads, 100, Some(40));
            assert!(result.is_err());
            assert_eq!(taken, (1..40).collect::<Vec<_>>());
            let read = || Err::<Option<u32>, Error>(wrong(0));
            assert!(in_order(threads, read, Ok, &mut |_| Ok(())).is_err());
            let mut left = 50;
            let read = || {
                left -= 1;
                Ok((left > 0).then_some(left))
            };
            assert!(in_order(threads, read, Ok, &mut |n| if n == 30 { Err(wrong(n)) } else { Ok(()) }).is_err());
        }
    }

    #[test]
    #[should_panic(expected = "scoped thread panicked")]
    fn a_panic_of_a_thread_is_not_swallowed() {
        let mut left = 50;
        let read = || {
            left -= 1;
            Ok((left > 0).then_some(left))
        };
        let caller = thread::current().id();
        let work = |n: u32| if thread::current().id() == caller { Ok(n) } else { panic!("at {n}") };
        let slow = &mut |_| {
            thread::sleep(Duration::from_millis(1));
            Ok(())
        };
        let _ = in_order(2, read, work, slow);
    }
}
