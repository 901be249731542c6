//! What is due, in order of time; what is due at one time, in the order in which it was scheduled.

use crate::protocol::host::Request;
use crate::protocol::id::{AmfId, DiskId, Instant, NodeId};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A host's request arrives.
    Host {
        /// Where.
        amf: AmfId,
        /// What is asked. Apart, so that the queue's entries stay small.
        request: Box<Request>,
    },
    /// A packet arrives.
    Deliver {
        /// Sender.
        from: NodeId,
        /// Receiver.
        to: NodeId,
        /// Its number on the pair.
        no: u64,
    },
    /// A disk's store has finished its oldest operation.
    Store {
        /// Which disk.
        disk: DiskId,
    },
    /// A machine's deadline.
    Tick {
        /// Whose.
        node: NodeId,
        /// Its place in the scheduler's list.
        index: usize,
    },
}

/// Something that is due.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
struct Entry {
    at: Instant,
    order: u64,
    what: What,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
/// The heap gives its greatest: the earliest.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Entry>,
    order: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Instant, what: What) {
        self.order += 1;
        self.heap.push(Entry { at, order: self.order, what });
    }

    pub(super) fn pop(&mut self, until: Instant) -> Option<Due> {
        if self.heap.peek()?.at > until {
            return None;
        }
        self.heap.pop().map(|entry| Due { at: entry.at, what: entry.what })
    }

    pub(super) fn has_due(&self, now: Instant) -> bool {
        self.heap.peek().is_some_and(|entry| entry.at <= now)
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }
}
