//! What the console reads at its own pace: a bounded ring that counts what it dropped.

use crate::protocol::Cell;
use crate::trace::{Cells, Event, Met, Waker};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Events kept for a reader; beyond, the oldest go.
pub(crate) const EVENTS_MAX: usize = 65_536;

/// See the module.
#[derive(Default)]
pub(crate) struct Events {
    on: AtomicBool,
    ring: Mutex<VecDeque<Event>>,
    lost: AtomicU64,
    /// How often each cell of the state x event table was met.
    cells: Mutex<Cells>,
    waker: Mutex<Option<Waker>>,
}

impl Events {
    /// Somebody subscribes: events are worth making.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Starts or stops making events.
    pub(crate) fn subscribe(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        if !on {
            self.ring.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Adds what a step made happen.
    pub(crate) fn add(&self, events: impl IntoIterator<Item = Event>) {
        if !self.is_on() {
            return;
        }
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = ring.is_empty();
        for event in events {
            if ring.len() == EVENTS_MAX {
                ring.pop_front();
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            ring.push_back(event);
        }
        let wake = was_empty && !ring.is_empty();
        drop(ring);
        if wake {
            self.wake();
        }
    }

    /// A step met cells of the state x event table.
    pub(crate) fn meet(&self, met: impl IntoIterator<Item = (Cell, Met)>) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        for (cell, at) in met {
            cells.add(cell, at);
        }
    }

    /// How often each cell was met while somebody subscribed.
    pub(crate) fn cells(&self) -> Cells {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The oldest event that is still there.
    pub(crate) fn next(&self) -> Option<Event> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Events that a slow reader missed.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whom to wake when there is something to poll.
    pub(crate) fn set_waker(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Wakes the reader.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker();
        }
    }
}
