//! What is due, in order of time; what is due at one time, in the order in which it was scheduled.

use crate::protocol::id::{AmfId, DiskId, Instant, NodeId, OpId};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// Something that will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A host's request arrives.
    Host {
        /// Where.
        amf: AmfId,
        /// Which: `Sim` keeps what is asked, so that the queue's entries stay small.
        op: OpId,
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
    /// An AMF's journal has finished its oldest operation.
    Journal {
        /// Whose.
        amf: AmfId,
    },
    /// A machine's deadline.
    Tick {
        /// Whose.
        node: NodeId,
    },
}

/// Something that is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The time in the upper half, the order in the lower: one comparison.
    due: u128,
    what: What,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
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
        other.due.cmp(&self.due)
    }
}

/// Things that are scheduled in the order in which they are due, as long as nothing varies the delays.
const ROWS: usize = 3;

impl What {
    /// Which row it belongs to: those in one row take equally long. `None`: it may be due at any time.
    fn row(&self) -> Option<usize> {
        match self {
            Self::Deliver { from: NodeId::Amf(_), to: NodeId::Amf(_), .. } => Some(0),
            Self::Deliver { .. } => Some(1),
            Self::Store { .. } => Some(2),
            Self::Host { .. } | Self::Journal { .. } | Self::Tick { .. } => None,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// Each in order; the first of all is at the front of a row or on top of the heap.
    rows: [VecDeque<Entry>; ROWS],
    /// What does not fit behind its row, and what has none.
    heap: BinaryHeap<Entry>,
    order: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Instant, what: What) {
        self.order += 1;
        let due = u128::from(at.0) << 64 | u128::from(self.order);
        let row = what.row().map(|row| &mut self.rows[row]);
        let entry = Entry { due, what };
        match row {
            Some(row) if row.back().is_none_or(|last| last.due < due) => row.push_back(entry),
            Some(_) | None => self.heap.push(entry),
        }
    }

    /// The earliest, if it is due by `until`.
    pub(super) fn pop(&mut self, until: Instant) -> Option<Due> {
        let (due, row) = self.first();
        let at = at(due);
        if at > until || due == NOTHING {
            return None;
        }
        let entry = match row {
            Some(row) => self.rows[row].pop_front(),
            None => self.heap.pop(),
        };
        entry.map(|entry| Due { at, what: entry.what })
    }

    pub(super) fn has_due(&self, now: Instant) -> bool {
        self.next_at().is_some_and(|at| at <= now)
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        let (due, _) = self.first();
        (due != NOTHING).then_some(at(due))
    }

    /// When the earliest is due, and which row it is in, if it is in one.
    fn first(&self) -> (u128, Option<usize>) {
        let mut first = (self.heap.peek().map_or(NOTHING, |entry| entry.due), None);
        for (index, row) in self.rows.iter().enumerate() {
            if let Some(entry) = row.front()
                && entry.due < first.0
            {
                first = (entry.due, Some(index));
            }
        }
        first
    }
}

/// Later than everything.
const NOTHING: u128 = u128::MAX;

fn at(due: u128) -> Instant {
    Instant((due >> 64) as u64)
}
