//! A thread a disk: takes operations as they come, performs what has gathered as one batch, and says
//! what came of them in the order in which they were given.

use super::{BlockStore, Done};
use crate::protocol::{StoreError, StoreOp};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Most operations in one batch: one sync serves them all, and none waits for more than these.
pub const BATCH_OPS_MAX: usize = 256;
/// Operations that may wait. What the AMFs may have outstanding is far below; a disk that falls so far
/// behind is as good as broken, and answers so, in order.
pub const QUEUE_OPS_MAX: usize = 1 << 20;

/// A disk's thread. Ends, and closes the store, when it is told to or dropped.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    trouble: Mutex<Option<String>>,
    looked: Mutex<Option<(u64, Looked)>>,
}

/// What somebody who looked has found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The block.
    pub block: Done,
    /// Every mark of the dirty-region log that the disk has.
    pub marks: Done,
}

#[derive(Debug, Default)]
struct Queue {
    ops: VecDeque<StoreOp>,
    /// Operations beyond the limit: they all answer `Broken`, after those in `ops`.
    refused: u64,
    overrun: bool,
    /// A block that somebody wants to see, between two batches.
    look: Option<u64>,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Finish what was given, close in order.
    Close,
    /// Stop at once, as if the power had failed.
    Abandon,
}

impl Worker {
    /// Starts the thread. `done` gets what came of each operation, in order, on that thread; with
    /// `sync_every`, writes are made durable at least so often while there are any.
    ///
    /// # Errors
    /// The operating system gave no thread.
    pub fn spawn<S: BlockStore + 'static>(
        name: String,
        store: S,
        sync_every: Option<Duration>,
        done: impl FnMut(Vec<Done>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let run = Run { shared: Arc::clone(&shared), store, sync_every, done };
        let thread = std::thread::Builder::new().name(name).spawn(move || run.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Gives an operation to the store, behind everything given before. Never blocks.
    pub fn give(&self, op: StoreOp) {
        let mut queue = self.shared.lock();
        if queue.overrun || queue.ops.len() >= QUEUE_OPS_MAX {
            queue.overrun = true;
            queue.refused += 1;
        } else {
            queue.ops.push_back(op);
        }
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// What a block holds, and which regions are marked, for somebody who only looks: as it was found by the newest look at it, if that
    /// was the last thing looked at; and has it looked at again. Never blocks, and changes no result.
    #[must_use]
    pub fn look(&self, at: u64) -> Option<Looked> {
        self.shared.lock().look = Some(at);
        self.shared.wake.notify_one();
        let looked = self.shared.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.as_ref().filter(|(of, _)| *of == at).map(|(_, looked)| looked.clone())
    }

    /// What is wrong with the store, if anything is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finishes what was given, then closes the store in order.
    ///
    /// # Errors
    /// Why it could not be closed.
    pub fn close(mut self) -> Result<(), String> {
        self.end(End::Close)
    }

    /// Stops without finishing or closing anything: what a kill leaves.
    pub fn abandon(mut self) {
        let _ = self.end(End::Abandon);
    }

    fn end(&mut self, end: End) -> Result<(), String> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.shared.lock().end = Some(end);
        self.shared.wake.notify_one();
        thread.join().unwrap_or_else(|_| Err("the disk's thread died".to_owned()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.end(End::Abandon);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Run<S, F> {
    shared: Arc<Shared>,
    store: S,
    sync_every: Option<Duration>,
    done: F,
}

/// What the thread does next.
enum Work {
    Batch(Vec<StoreOp>, u64),
    Look(u64),
    Sync,
    End(End),
}

impl<S: BlockStore, F: FnMut(Vec<Done>)> Run<S, F> {
    fn run(mut self) -> Result<(), String> {
        self.store.prepare();
        let mut unsynced = false;
        loop {
            match self.next(unsynced) {
                Work::Batch(batch, refused) => {
                    let results = self.store.execute(&batch);
                    assert_eq!(results.len(), batch.len(), "a store answers every operation");
                    unsynced |= batch.iter().any(|op| matches!(op, StoreOp::Put { .. }));
                    self.note_trouble();
                    (self.done)(results);
                    for _ in 0..refused {
                        (self.done)(vec![Err(StoreError::Broken)]);
                    }
                }
                Work::Look(at) => {
                    let mut found = self.store.execute(&[StoreOp::Get { at }, StoreOp::Marks]);
                    let (marks, block) = (found.pop(), found.pop());
                    let mut looked =
                        self.shared.looked.lock().unwrap_or_else(PoisonError::into_inner);
                    *looked = block.zip(marks).map(|(block, marks)| (at, Looked { block, marks }));
                }
                Work::Sync => {
                    unsynced = false;
                    if self.store.sync().is_err() {
                        self.note_trouble();
                    }
                }
                Work::End(End::Close) => {
                    return self.store.close().map_err(|_| {
                        self.store.trouble().unwrap_or("the store is broken").to_owned()
                    });
                }
                Work::End(End::Abandon) => return Ok(()),
            }
        }
    }

    /// Waits for work. Idle means idle: no wake-up while nothing was written.
    fn next(&self, unsynced: bool) -> Work {
        let mut queue = self.shared.lock();
        loop {
            if queue.end == Some(End::Abandon) {
                return Work::End(End::Abandon);
            }
            if !queue.ops.is_empty() || queue.refused > 0 {
                let count = queue.ops.len().min(BATCH_OPS_MAX);
                let batch: Vec<StoreOp> = queue.ops.drain(..count).collect();
                let refused =
                    if queue.ops.is_empty() { std::mem::take(&mut queue.refused) } else { 0 };
                return Work::Batch(batch, refused);
            }
            if let Some(end) = queue.end {
                return Work::End(end);
            }
            if let Some(at) = queue.look.take() {
                return Work::Look(at);
            }
            let shared = &self.shared;
            match self.sync_every.filter(|_| unsynced) {
                None => queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let waited = shared.wake.wait_timeout(queue, time);
                    let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    queue = guard;
                    if timeout.timed_out() {
                        return Work::Sync;
                    }
                }
            }
        }
    }

    fn note_trouble(&self) {
        let trouble = self.store.trouble().map(str::to_owned);
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}
