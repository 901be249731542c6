//! Numbers the steps of a live run, and keeps them while they are recorded.
//!
//! A number is drawn while the mutex of the machine that handles the step is held, so a message is
//! always numbered after the input that sent it: in the order of their numbers the steps are a valid
//! log of one World. While recording, time is read under the log's own lock, so it never decreases.

use super::clock::Clock;
use crate::protocol::id::Instant;
use crate::trace::{Step, StepEntry};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Steps that are kept in memory; beyond, recording ends and says so.
pub(crate) const RECORD_STEPS_MAX: usize = 4 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct StepLog {
    next: AtomicU64,
    recording: AtomicBool,
    full: AtomicBool,
    entries: Mutex<Vec<StepEntry>>,
}

impl StepLog {
    /// A log that keeps its steps if `record`.
    pub(crate) fn new(record: bool) -> Self {
        Self { recording: AtomicBool::new(record), ..Self::default() }
    }

    /// Draws the next number and reads the clock. The caller holds the mutex of the machine that
    /// handles the step; `step` is asked for only while recording.
    pub(crate) fn number(&self, clock: &Clock, step: impl FnOnce() -> Step) -> (u64, Instant) {
        if !self.is_recording() {
            return (self.next.fetch_add(1, Ordering::Relaxed), clock.now());
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.now();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if entries.len() < RECORD_STEPS_MAX {
            entries.push(StepEntry { now, step: step() });
        } else {
            self.full.store(true, Ordering::Relaxed);
            self.recording.store(false, Ordering::Relaxed);
        }
        (number, now)
    }

    /// Steps so far.
    pub(crate) fn count(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Steps are being kept.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    /// There were more steps than can be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// What was kept so far.
    pub(crate) fn entries(&self) -> Vec<StepEntry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
