//! What has arrived for a node and is not handled yet. One inbox a node, first in, first out; senders
//! put into it while they hold their own mutex, which is what keeps links in order.

use crate::protocol::Packet;
use crate::protocol::id::NodeId;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things waiting for one node (a paused one, say); beyond, packets are lost.
pub(crate) const INBOX_ITEMS_MAX: usize = 1 << 17;

/// Something that arrives.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A packet, the `no`th of its pair.
    Packet {
        /// Counted from 0 for each pair.
        no: u64,
        /// It will arrive again.
        keep: bool,
        /// What it says.
        packet: Packet,
    },
    /// The oldest operation of this disk's store is finished.
    Stored,
}

impl Item {
    /// Who sent it, if it is a packet.
    pub(crate) fn from(&self) -> Option<NodeId> {
        match self {
            Self::Packet { packet, .. } => Some(packet.from),
            Self::Stored => None,
        }
    }
}

/// Inboxes that a thread has to empty. Each non-empty inbox is on exactly one such list.
pub(crate) type Worklist = SmallVec<[usize; 8]>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    /// Some thread has it on its list.
    taken: bool,
}

/// What became of an item.
#[derive(Debug)]
pub(crate) enum Put {
    /// The caller has to empty the inbox.
    Yours,
    /// Somebody else will.
    Theirs,
    /// There was no room.
    Full(Item),
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item at the end.
    pub(crate) fn put(&self, item: Item) -> Put {
        let mut waiting = self.lock();
        if waiting.items.len() >= INBOX_ITEMS_MAX && matches!(item, Item::Packet { .. }) {
            return Put::Full(item);
        }
        waiting.items.push_back(item);
        if std::mem::replace(&mut waiting.taken, true) { Put::Theirs } else { Put::Yours }
    }

    /// The next item; `None`: it is empty, and off the caller's list.
    pub(crate) fn next(&self) -> Option<Item> {
        let mut waiting = self.lock();
        let item = waiting.items.pop_front();
        waiting.taken = item.is_some();
        item
    }

    /// Leaves what is in it, off the caller's list (the node is paused).
    pub(crate) fn leave(&self) {
        self.lock().taken = false;
    }

    /// Puts it on the caller's list if there is something in it and nobody has it.
    pub(crate) fn take(&self) -> bool {
        let mut waiting = self.lock();
        !waiting.items.is_empty() && !std::mem::replace(&mut waiting.taken, true)
    }

    /// How many things wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Everything that waits.
    pub(crate) fn drain(&self) -> VecDeque<Item> {
        std::mem::take(&mut self.lock().items)
    }
}
