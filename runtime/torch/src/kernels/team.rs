//! Who works on a piece of a kernel: the threads that libtorch has already.
//!
//! Threads of our own beside libtorch's would wait for the same cores, and would have to be started or woken for each kernel. The
//! OpenMP library of libtorch lends its team instead: those threads are awake, as they did a piece of the op before.

#![expect(unsafe_code, reason = "OpenMP is called as compilers of C call it")]

use std::any::Any;
use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::native;

/// Runs `work` on ranges that make up `0..count`, in as many threads as libtorch may use. A thread takes `grain` at
/// least, so that small work stays in this one; so does work within a piece of other work.
pub(crate) fn parallel(count: usize, grain: usize, work: impl Fn(Range<usize>) + Sync) {
    let threads = usize::try_from(tch::get_num_threads())
        .unwrap_or(1)
        .min(count / grain.max(1))
        .max(1);
    if threads == 1 || WORKS.get() {
        return work(0..count);
    }
    let piece = |at: usize| work(count * at / threads..count * (at + 1) / threads);
    Pieces::new(threads, &piece).run();
}

thread_local! {
    /// Whether this thread is at work on a piece.
    static WORKS: Cell<bool> = const { Cell::new(false) };
}

/// Pieces of work, each of which is done once, by whichever thread comes first.
struct Pieces<'a> {
    work: &'a (dyn Fn(usize) + Sync),
    next: AtomicUsize,
    count: usize,
    /// What a piece panicked with.
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<'a> Pieces<'a> {
    fn new(count: usize, work: &'a (dyn Fn(usize) + Sync)) -> Self {
        Self {
            work,
            next: AtomicUsize::new(0),
            count,
            panicked: Mutex::new(None),
        }
    }

    /// Does all pieces, and returns when they are done.
    fn run(self) {
        match *FORK {
            Some(fork) => {
                let threads = c_uint::try_from(self.count).unwrap_or(c_uint::MAX);
                let data = std::ptr::from_ref(&self).cast_mut().cast();
                // SAFETY: the team calls `enter` with `data`, and has left it when this returns, so `self` outlives it.
                unsafe { fork(enter, data, threads, 0) };
            }
            None => std::thread::scope(|scope| {
                for _ in 1..self.count {
                    scope.spawn(|| self.work());
                }
                self.work();
            }),
        }
        let panicked = self.panicked.into_inner();
        if let Some(panic) = panicked.unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
    }

    /// One thread's share. A panic may not leave it: the caller may be C.
    fn work(&self) {
        WORKS.set(true);
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            if at >= self.count {
                break;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.work)(at))) {
                let mut first = self.panicked.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(panic);
            }
        }
        WORKS.set(false);
    }
}

/// What each thread of a team calls.
extern "C" fn enter(data: *mut c_void) {
    // SAFETY: `Pieces::run` passes itself, and waits for the team.
    let pieces = unsafe { &*data.cast::<Pieces<'_>>() };
    pieces.work();
}

/// `GOMP_parallel` of libgomp, which the OpenMP libraries of LLVM and Intel have too: calls a function in each thread
/// of a team, this one among them, and returns when all have.
type Fork = unsafe extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, c_uint, c_uint);

static FORK: LazyLock<Option<Fork>> = LazyLock::new(|| {
    let found = native::function(c"GOMP_parallel")?;
    // SAFETY: the function of this name has this type (libgomp.h).
    Some(unsafe { std::mem::transmute::<*mut c_void, Fork>(found.as_ptr()) })
});

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::Mutex;

    use super::{FORK, Pieces, WORKS, parallel};

    #[test]
    fn libtorch_lends_its_threads() {
        let has = tch::utils::has_openmp();
        assert_eq!(FORK.is_some(), has, "OpenMP: {has}");
    }

    #[test]
    fn every_piece_is_done_once_and_work_within_a_piece_stays_there() {
        let done = Mutex::new(Vec::new());
        let piece = |at: usize| {
            assert!(WORKS.get());
            parallel(10, 1, |range| assert_eq!(range, 0..10));
            done.lock().unwrap().push(at);
        };
        Pieces::new(7, &piece).run();
        let mut done = done.into_inner().unwrap();
        done.sort_unstable();
        assert_eq!(done, [0, 1, 2, 3, 4, 5, 6]);
        assert!(!WORKS.get());
    }

    #[test]
    fn a_panic_in_a_piece_is_one_of_the_caller() {
        let refuse = |at: usize| assert_ne!(at, 2, "piece two");
        let panic = catch_unwind(|| Pieces::new(4, &refuse).run()).unwrap_err();
        assert!(
            panic
                .downcast_ref::<String>()
                .unwrap()
                .contains("piece two")
        );
    }
}
