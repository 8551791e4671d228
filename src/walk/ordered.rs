//! Work on many things at once, results in order, memory that does not grow with their number.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

/// Stack of a worker: deep expressions are dropped recursively by the second parser (100,000 levels need 16 MB).
pub const STACK: usize = 16 << 20;
/// How far the fastest worker may be ahead of what was handed out, for each worker.
const AHEAD: usize = 64;
/// Results wait for company for so long, because waking a thread takes as long as looking at a small file.
const PATIENCE: Duration = Duration::from_millis(20);

/// Calls `work` on each item in `threads` threads and `take` on this thread with the results, in the order of the items.
///
/// `take` says whether to go on. When it says no, or `stop` says yes, no further item is begun; those begun are finished,
/// and their results are still handed out, in order.
///
/// # Errors
/// When the threads cannot be started.
pub fn in_order<I: Sync, R: Send>(
    items: &[I],
    threads: usize,
    stop: impl Fn() -> bool + Sync,
    work: impl Fn(&I) -> R + Sync,
    mut take: impl FnMut(R) -> bool,
) -> anyhow::Result<()> {
    let threads = threads.clamp(1, items.len().max(1));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|index| format!("{WORKER}{index}"))
        .build()
        .context("cannot start threads")?;
    let queue = Queue {
        state: Mutex::new(State { begun: 0, taken: 0, stopped: false, done: BTreeMap::new() }),
        room: Condvar::new(),
        results: Condvar::new(),
        count: items.len(),
        ahead: threads * AHEAD,
    };
    pool.in_place_scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| {
                while let Some(index) = queue.begin(&stop) {
                    let finish = Finish { queue: &queue, index };
                    let result = work(&items[index]);
                    finish.with(result);
                }
            });
        }
        while let Some(batch) = queue.next() {
            for result in batch.into_iter().filter_map(|Done(result)| result) {
                if !take(result) {
                    queue.stop();
                }
            }
        }
    });
    Ok(())
}

/// How the names of worker threads begin.
pub(crate) const WORKER: &str = "mlfix-worker-";

struct Queue<R> {
    state: Mutex<State<R>>,
    /// Workers wait for it when they are too far ahead.
    room: Condvar,
    /// The thread that hands out waits for it.
    results: Condvar,
    /// How many items there are.
    count: usize,
    /// How far the fastest worker may be ahead of what was handed out.
    ahead: usize,
}

struct State<R> {
    /// Items that a worker took; they are taken in order.
    begun: usize,
    /// Results that were handed out.
    taken: usize,
    stopped: bool,
    /// Results that wait for an earlier one.
    done: BTreeMap<usize, Done<R>>,
}

/// What became of an item; nothing when its worker panicked.
struct Done<R>(Option<R>);

impl<R> Queue<R> {
    fn lock(&self) -> std::sync::MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, stop: &impl Fn() -> bool) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if stop() && !state.stopped {
                state.stopped = true;
                self.room.notify_all();
                self.results.notify_one();
            }
            if state.stopped || state.begun == self.count {
                return None;
            }
            if state.begun < state.taken + self.ahead {
                state.begun += 1;
                return Some(state.begun - 1);
            }
            self.results.notify_one();
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// All results that can be handed out by now, at least one; `None` after the last.
    fn next(&self) -> Option<Vec<Done<R>>> {
        let mut guard = self.lock();
        loop {
            let state = &mut *guard;
            let mut batch = Vec::new();
            while let Some(entry) = state.done.first_entry().filter(|entry| *entry.key() == state.taken) {
                batch.push(entry.remove());
                state.taken += 1;
            }
            if !batch.is_empty() {
                self.room.notify_all();
                return Some(batch);
            }
            if state.taken == self.count || (state.stopped && state.taken == state.begun) {
                return None;
            }
            guard = self.results.wait_timeout(guard, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.room.notify_all();
    }

    fn finish(&self, index: usize, result: Option<R>) {
        let mut state = self.lock();
        state.done.insert(index, Done(result));
        let is_last = state.taken + state.done.len() == if state.stopped { state.begun } else { self.count };
        if state.done.len() >= self.ahead / 2 || is_last {
            self.results.notify_one();
        }
    }
}

/// Tells the queue that an item is done even when its worker panics, so that nobody waits for it.
struct Finish<'a, R> {
    queue: &'a Queue<R>,
    index: usize,
}

impl<R> Finish<'_, R> {
    fn with(self, result: R) {
        self.queue.finish(self.index, Some(result));
        std::mem::forget(self);
    }
}

impl<R> Drop for Finish<'_, R> {
    fn drop(&mut self) {
        self.queue.finish(self.index, None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        let items: Vec<u64> = (0..300).collect();
        for threads in [0, 1, 3, 16] {
            let mut taken = Vec::new();
            let ahead = AtomicUsize::new(0);
            let work = |item: &u64| {
                ahead.fetch_max(*item as usize, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(if item.is_multiple_of(7) { 300 } else { 1 }));
                *item
            };
            let take = |item| {
                taken.push(item);
                true
            };
            in_order(&items, threads, || false, work, take).expect("threads");
            assert_eq!(taken, items, "{threads}");
        }
    }

    #[test]
    fn a_stop_ends_the_run_with_what_was_begun() {
        let items: Vec<usize> = (0..10_000).collect();
        let mut taken = Vec::new();
        let take = |item| {
            taken.push(item);
            taken.len() < 10
        };
        in_order(&items, 4, || false, |item| *item, take).expect("threads");
        assert!(taken.len() >= 10 && taken.len() < 1_000, "{}", taken.len());
        assert!(taken.iter().enumerate().all(|(index, item)| index == *item));

        let begun = AtomicUsize::new(0);
        let stop = || begun.load(Ordering::SeqCst) >= 20;
        let work = |_: &usize| begun.fetch_add(1, Ordering::SeqCst);
        let mut count = 0;
        let take = |_| {
            count += 1;
            true
        };
        in_order(&items, 4, stop, work, take).expect("threads");
        assert!((20..100).contains(&count), "{count}");
    }
}
