//! Lowering in a thread of its own. What checking finds is told at once; what only lowering finds follows when it is found,
//! and typing goes on meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use reckon_grammar::diagnostic::Diagnostic;

use crate::ide::Analysis;

/// As much as the main thread has: expressions may be nested deeply.
const STACK: usize = 8 << 20;

/// One spec is lowered at a time; of those that wait, only the newest text of each.
#[derive(Default)]
pub(super) struct Lowering {
    waiting: BTreeMap<String, Arc<Analysis>>,
    running: Option<Receiver<Lowered>>,
}

/// A spec, and what lowering it found wrong.
pub(super) struct Lowered {
    pub(super) path: String,
    pub(super) of: Arc<Analysis>,
    pub(super) found: Vec<Diagnostic>,
}

impl Lowering {
    /// Lets a spec be lowered, in place of an older text of it that waits. Nothing is to be found where checking found errors.
    pub(super) fn ask(&mut self, path: &str, analysis: Arc<Analysis>) {
        self.waiting.remove(path);
        if analysis.checked.hir.is_some() {
            self.waiting.insert(path.to_owned(), analysis);
        }
        self.start();
    }

    /// Whether something is to be waited for.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// What was found since this was asked last.
    pub(super) fn take(&mut self) -> Option<Lowered> {
        let lowered = match self.running.as_ref()?.try_recv() {
            Ok(lowered) => Some(lowered),
            Err(TryRecvError::Empty) => return None,
            // The thread fell over and said so on stderr. The findings of checking stand.
            Err(TryRecvError::Disconnected) => None,
        };
        self.running = None;
        self.start();
        lowered
    }

    fn start(&mut self) {
        if self.is_running() {
            return;
        }
        let Some((path, of)) = self.waiting.pop_first() else {
            return;
        };
        let (done, running) = mpsc::channel();
        let work = move || {
            let found = of.lowered();
            // Nobody listens any more once the session is over.
            let _ = done.send(Lowered { path, of, found });
        };
        let named = thread::Builder::new().name("lowering".to_owned());
        // Where no thread can be had, the findings of checking have to do.
        if named.stack_size(STACK).spawn(work).is_ok() {
            self.running = Some(running);
        }
    }
}
