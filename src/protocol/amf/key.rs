//! What an AMF has to do with one key: its own access, the requests it defers, the local work that
//! queues, the disk write in flight, the recovery. Exists only while there is something.

use crate::protocol::data::Data;
use crate::protocol::host::Source;
use crate::protocol::id::{AmfId, AmfSet, DiskId, Epoch, Instant, Mode, OpId, Ticket, Version};
use crate::protocol::message::LineCopy;
use std::collections::VecDeque;

/// Why an AMF wants a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    /// One block of a host request.
    Touch { op: OpId, index: u32 },
    /// A replica of an owner that left, or copies that may differ (section 6, section 4 end).
    Adopt,
    /// Make all copies of the block equal, then let the next one go on (section 4, last paragraph).
    Synchronise,
    /// Nobody asks for a lent line: its owner wants to know whether it may have it back (section 2.2).
    Resolve,
    /// A destage needs its stripe while a disk is refilled \[M3\].
    Destage { block: u64 },
    /// Refill one stripe of a replaced disk.
    Refill,
    /// Wait until no destage from before the disk's admission is in flight \[M3\].
    RefillStart,
}

/// Own access to a key. Only one a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Access {
    pub(super) ticket: Ticket,
    pub(super) mode: Mode,
    pub(super) stage: Stage,
    pub(super) since: Instant,
    pub(super) cause: OpId,
    pub(super) job: Job,
    /// Sharing partners that have not granted yet.
    pub(super) missing: AmfSet,
    /// The best copy in the grants, and whose it is: the highest version, the most trusted one of it.
    pub(super) copy: Option<(LineCopy, AmfId)>,
    /// Who granted a copy: whom an update is for (section 7).
    pub(super) sharers: AmfSet,
    /// Who granted a lent copy: to be told when it may go (section 2.2).
    pub(super) lenders: AmfSet,
    /// The highest floor in the grants \[H2\].
    pub(super) floor: Version,
    /// Some granter reads \[H3\].
    pub(super) reading: bool,
    /// This AMF granted shared access to the key since it took its ticket \[H3\].
    pub(super) granted_shared: bool,
    /// The highest version of a granter's own recovering replica \[J5\].
    pub(super) replica: Version,
    /// Where a committed write took the old content from.
    pub(super) source: Option<Source>,
    /// The touch found a valid line.
    pub(super) hit: bool,
}

/// How far an access is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// Grants are missing.
    Waiting,
    /// All granted; about to act (or stalled until the lease is live).
    Held,
    /// Held; waits for disks.
    Fetching(Fetch),
    /// Held; the write has its version and waits for partners and (write-through) disks.
    Committed { version: Version },
}

impl Stage {
    /// Counts as holding the access.
    pub(super) fn is_held(&self) -> bool {
        match self {
            Self::Held | Self::Fetching(_) | Self::Committed { .. } => true,
            Self::Waiting => false,
        }
    }
}

/// Reads of one block from the group, under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fetch {
    /// Slots whose answer is outstanding.
    pub(super) pending: SlotSet,
    /// Slots that were asked and cannot answer.
    pub(super) failed: SlotSet,
    /// The highest version that came back.
    pub(super) best: Option<(Version, Data, DiskId)>,
    /// The lowest version that came back: the disk header \[M1\].
    pub(super) lowest: Option<Version>,
    /// What is read for: all copies (an adoption), or one that answers.
    pub(super) all: bool,
}

/// A set of slots of the group, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct SlotSet(pub(super) u64);

impl SlotSet {
    pub(super) fn insert(&mut self, slot: u8) {
        self.0 |= 1 << slot;
    }
    pub(super) fn remove(&mut self, slot: u8) -> bool {
        let had = self.contains(slot);
        self.0 &= !(1 << slot);
        had
    }
    pub(super) fn contains(self, slot: u8) -> bool {
        self.0 & (1 << slot) != 0
    }
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A request of a peer that has to wait, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Deferred {
    pub(super) ticket: Ticket,
    pub(super) mode: Mode,
    pub(super) cause: OpId,
    pub(super) why: Why,
}

/// Why a request is deferred (section 2.1, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    /// A conflicting access is held here.
    Held,
    /// A conflicting access with a smaller ticket waits here.
    SmallerTicket,
    /// The block's disk write is in flight.
    Destaging,
    /// The block is recovering and the request is not a recovery.
    Recovering,
    /// The line is dirty: destaged first \[H1\].
    Dirty,
    /// A destage in this stripe is in flight \[M3\].
    StripeBusy,
}

impl Why {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Held => "held here",
            Self::SmallerTicket => "smaller ticket waits here",
            Self::Destaging => "disk write in flight",
            Self::Recovering => "block is recovering",
            Self::Dirty => "dirty: destaged first",
            Self::StripeBusy => "destage in the stripe",
        }
    }
}

/// A block's way to the group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Destage {
    pub(super) version: Version,
    pub(super) data: Data,
    pub(super) step: DestageStep,
    /// The epoch in which its disk writes began \[M3\].
    pub(super) epoch: Epoch,
    pub(super) cause: OpId,
    pub(super) since: Instant,
    /// A newer version of the line must follow at once (write-through, H1).
    pub(super) again: bool,
}

/// How far a destage is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum DestageStep {
    /// Partners have not all acknowledged the version \[M2\].
    Acks,
    /// Its stripe is not held yet \[M3\].
    Stripe,
    /// Disk writes are in flight.
    Writing {
        /// Slots whose answer is outstanding.
        pending: SlotSet,
        /// Slots that answered with an error: over when a view says that the disk is gone.
        failed: SlotSet,
        /// Slots that stored it.
        stored: SlotSet,
    },
}

/// Local work that waits for the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Queued {
    pub(super) job: Job,
    /// The touch was counted as hit (`Some(true)`) or miss when it reached the head of the queue.
    pub(super) counted: Option<bool>,
    /// An access that a recovery suspended: broadcast again afterwards, with its old ticket.
    pub(super) ticket: Option<Ticket>,
}

impl Queued {
    pub(super) fn new(job: Job) -> Self {
        Self { job, counted: None, ticket: None }
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct KeyCtl {
    pub(super) access: Option<Box<Access>>,
    pub(super) deferred: Vec<Deferred>,
    pub(super) queue: VecDeque<Queued>,
    pub(super) destage: Option<Box<Destage>>,
    /// Replicas of owners that left wait to be adopted, since when (section 6).
    pub(super) recovery: Option<Instant>,
}

impl KeyCtl {
    pub(super) fn is_idle(&self) -> bool {
        self.access.is_none()
            && self.deferred.is_empty()
            && self.queue.is_empty()
            && self.destage.is_none()
            && self.recovery.is_none()
    }

    /// A held access, in this mode.
    pub(super) fn held(&self) -> Option<Mode> {
        self.access.as_ref().filter(|a| a.stage.is_held()).map(|a| a.mode)
    }
}
