//! The one thread that waits for time: late packets, deadlines of machines, samples. And the few
//! that finish what others had no time for.

use crate::protocol::id::Instant;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes the timer when something is due earlier than it thought.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// When it will wake, on the cluster's clock; `u64::MAX` while it is busy.
    wake_at: AtomicU64,
    nudged: Mutex<bool>,
    wake: Condvar,
}

impl Timer {
    /// Something is due at `deadline`.
    pub(crate) fn due(&self, deadline: Instant) {
        if deadline.0 < self.wake_at.load(Ordering::SeqCst) {
            self.nudge();
        }
    }

    /// Look again, now.
    pub(crate) fn nudge(&self) {
        *self.lock() = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.nudged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The timer's thread begins to look at deadlines: whoever sets one from now on nudges it.
    pub(crate) fn look(&self) {
        self.wake_at.store(u64::MAX, Ordering::SeqCst);
        *self.lock() = false;
    }

    /// Sleeps until `until`, which is `real` away, or a nudge.
    pub(crate) fn sleep(&self, until: Instant, real: Duration) {
        self.wake_at.store(until.0, Ordering::SeqCst);
        let nudged = self.lock();
        let waited = self.wake.wait_timeout_while(nudged, real, |nudged| !*nudged);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Inboxes that somebody had no time to empty.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    queue: Mutex<Left>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Left {
    inboxes: VecDeque<usize>,
    ended: bool,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Left> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves these to a helper.
    pub(crate) fn hand(&self, inboxes: impl IntoIterator<Item = usize>) {
        self.lock().inboxes.extend(inboxes);
        self.wake.notify_one();
    }

    /// The next one, for a helper's thread; `None`: the end.
    pub(crate) fn next(&self) -> Option<usize> {
        let mut left = self.lock();
        loop {
            if left.ended {
                return None;
            }
            if let Some(inbox) = left.inboxes.pop_front() {
                return Some(inbox);
            }
            left = self.wake.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().inboxes.is_empty()
    }

    /// Ends every helper.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_all();
    }
}

/// Wakes whoever waits in `advance` after anything happened.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    waiting: AtomicU64,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Signal {
    /// Something happened.
    pub(crate) fn raise(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Waits until `ready`, at most `real`. True if it was ready.
    pub(crate) fn wait(&self, real: Duration, mut ready: impl FnMut() -> bool) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(guard, real, |()| !ready());
        let timed_out = waited.map_or(true, |(guard, timeout)| {
            drop(guard);
            timeout.timed_out()
        });
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        !timed_out
    }
}
