//! Work done ahead of its use: threads make items out of order, the user takes them in order from a bounded queue.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many threads make items, and how far they may be ahead of the user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    pub(crate) threads: usize,
    pub(crate) items: usize,
}

/// The items in order.
pub(crate) struct Queue<'a, T>(&'a Shared<T>);

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    made: BTreeMap<usize, T>,
    /// The next item that nobody makes yet.
    next: usize,
    /// The next item that the user takes.
    wanted: usize,
    end: usize,
    ahead: usize,
    closed: bool,
}

/// Gives `take` the items `make(at)` for each `at` in `range`, in order. Returns when `take` does, whether it has taken all
/// or not.
pub(crate) fn in_order<T: Send, R>(
    range: Range<usize>,
    ahead: Ahead,
    make: impl Fn(usize) -> T + Sync,
    take: impl FnOnce(&mut Queue<'_, T>) -> R,
) -> R {
    let state = State {
        made: BTreeMap::new(),
        next: range.start,
        wanted: range.start,
        end: range.end,
        ahead: ahead.items.max(1),
        closed: false,
    };
    let shared = Shared {
        state: Mutex::new(state),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        // Closes the queue however this ends, so that no thread waits for ever.
        let _closing = Closing(&shared);
        for _ in 0..ahead.threads.max(1) {
            scope.spawn(|| shared.work(&make));
        }
        take(&mut Queue(&shared))
    })
}

impl<T> Queue<'_, T> {
    /// The next item; `None` after the last one.
    pub(crate) fn next(&mut self) -> Option<T> {
        let mut state = self.0.lock();
        loop {
            let wanted = state.wanted;
            if let Some(item) = state.made.remove(&wanted) {
                state.wanted += 1;
                self.0.changed.notify_all();
                return Some(item);
            }
            if state.closed || wanted >= state.end {
                return None;
            }
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Shared<T> {
    fn work(&self, make: &impl Fn(usize) -> T) {
        // A maker that panics closes the queue: the user is not left waiting for its item.
        let closing = Closing(self);
        while let Some(at) = self.claim() {
            let item = make(at);
            self.lock().made.insert(at, item);
            self.changed.notify_all();
        }
        std::mem::forget(closing);
    }

    /// The next item to make, when it may be made.
    fn claim(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.closed || state.next >= state.end {
                return None;
            }
            if state.next < state.wanted + state.ahead {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Closing<'a, T>(&'a Shared<T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn items_come_in_order_from_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let slow = |at: usize| {
                thread::sleep(Duration::from_micros(if at.is_multiple_of(3) {
                    300
                } else {
                    10
                }));
                at
            };
            let taken = in_order(3..40, Ahead { threads, items: 4 }, slow, |queue| {
                std::iter::from_fn(|| queue.next()).collect::<Vec<usize>>()
            });
            assert_eq!(taken, (3..40).collect::<Vec<usize>>());
        }
    }

    #[test]
    fn makers_stay_within_the_bound() {
        let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let make = |_| {
            let ahead = made.fetch_add(1, Ordering::SeqCst) + 1 - taken.load(Ordering::SeqCst);
            assert!(ahead <= 3 + 1, "{ahead}");
        };
        in_order(
            0..50,
            Ahead {
                threads: 2,
                items: 3,
            },
            make,
            |queue| {
                while queue.next().is_some() {
                    taken.fetch_add(1, Ordering::SeqCst);
                }
            },
        );
        assert_eq!(made.load(Ordering::SeqCst), 50);
    }

    #[test]
    fn a_user_may_stop_early() {
        let first = in_order(
            0..1_000_000,
            Ahead {
                threads: 2,
                items: 2,
            },
            |at| at,
            |queue| queue.next(),
        );
        assert_eq!(first, Some(0));
    }
}
