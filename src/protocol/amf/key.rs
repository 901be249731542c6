//! What an AMF has to do with one key: its own access, the requests it defers, the local work that
//! queues, the disk write in flight, the recovery. Exists only while there is something.

use crate::protocol::data::Data;
use crate::protocol::group::{Group, SlotState};
use crate::protocol::host::Source;
use crate::protocol::id::{AmfId, AmfSet, DiskId, Epoch, Instant, Mode, OpId, Ticket, Version};
use crate::protocol::message::{Intent, LineCopy};
use crate::protocol::parity::{Cell, Row};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

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
    /// A block that cannot be read is rebuilt from the rest of its row \[R6\].
    Rebuild { block: u64 },
    /// The parity of a block's row is made to fit its data (section 4, last paragraph).
    Equalise { block: u64 },
    /// Parity updates of owners that left are finished \[R1, R3\].
    Redo,
    /// Refill one stripe of a replaced disk.
    Refill,
    /// What is in doubt is written again, as it is \[D4\].
    Accept,
    /// Compare one stripe's data with its parity.
    Scrub,
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

impl Access {
    /// It waits under this ticket, and has not been granted by this peer.
    pub(super) fn waits_for(&self, ticket: Ticket, peer: AmfId) -> bool {
        self.ticket == ticket && self.stage == Stage::Waiting && self.missing.contains(peer)
    }
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
    /// Slots whose check sum was wrong: written again once the content is known.
    pub(super) damaged: SlotSet,
    /// The rest of the block's row, of which it is rebuilt.
    pub(super) row: RowFetch,
    /// All were asked again, having failed once; in which view.
    pub(super) again: Option<Epoch>,
}

/// How far a block is that can only be rebuilt from its row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum RowFetch {
    /// Nobody asked for it yet.
    #[default]
    No,
    /// Waits for the stripe, reads, or writes what it mends.
    Working(Box<RowRead>),
    /// It was tried; what came of it is in `best`, if anything.
    Done,
}

impl Fetch {
    /// Some answer is outstanding.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty() || matches!(self.row, RowFetch::Working(_))
    }
}

/// A row under way: what was asked, and what is known of it so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RowRead {
    /// The number of its blocks on every disk.
    pub(super) at: u64,
    pub(super) row: Row,
    /// Slots that were asked.
    pub(super) asked: SlotSet,
    /// Slots whose answer is outstanding, to a read or to a write.
    pub(super) pending: SlotSet,
    /// Slots whose check sum was wrong.
    pub(super) damaged: SlotSet,
    /// A disk did not answer, or not what it was asked: it may have failed.
    pub(super) failed: bool,
    /// What was read has been used; what is outstanding are writes.
    pub(super) mending: bool,
}

impl RowRead {
    pub(super) fn new(group: &Group, at: u64) -> Self {
        Self {
            at,
            row: Row::unknown(group.width(), group.parity()),
            asked: SlotSet::default(),
            pending: SlotSet::default(),
            damaged: SlotSet::default(),
            failed: false,
            mending: false,
        }
    }
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
    /// With parity: the row, and what its parity will be.
    pub(super) plan: Option<Box<Plan>>,
}

/// What a destage does with the parity of its row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Plan {
    pub(super) read: RowRead,
    /// The disk states for which it was made.
    pub(super) slots: SmallVec<[SlotState; 8]>,
    /// The parity blocks after the write, P or Q.
    pub(super) images: SmallVec<[(u8, Cell); 2]>,
    /// What partners were told, with the number that their acknowledgements name \[R3\].
    pub(super) intent: Option<Arc<Intent>>,
}

/// How far a destage is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum DestageStep {
    /// Partners have not all acknowledged the version \[M2\].
    Acks,
    /// Its stripe is not held yet \[M3, R2\].
    Stripe,
    /// The stripe is held; what the new parity is made of is being read.
    Reading,
    /// Partners have not all acknowledged what will be written \[R3, R4\].
    Intent { missing: AmfSet },
    /// No disk can take it; begins again with the next view.
    Stuck,
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
