//! What the machines say to each other.
//!
//! Three kinds of traffic: AMF to AMF over reliable links ([`Frame`]), AMF and witness as datagrams
//! that are repeated until answered ([`WitnessMsg`]), and requests to disks ([`DiskRequest`]). All
//! travel as [`Packet`]s, the one thing that a network (real, simulated or faulty) moves.

use super::data::Data;
use super::id::{
    AmfId, AmfSet, Block, DiskId, Epoch, Incarnation, Key, Mode, NodeId, OpId, Ticket, Version,
};
use super::parity::{Cell, Covers};
use super::region::{Gone, Mark};
use super::view::View;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that the network moves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Packet {
    /// Who sent it.
    pub from: NodeId,
    /// Who gets it.
    pub to: NodeId,
    /// What it says.
    pub body: Body,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// AMF to AMF, numbered and acknowledged by the link.
    Frame(Frame),
    /// Between an AMF or a disk and the witness.
    Witness(WitnessMsg),
    /// AMF to disk.
    DiskRequest(DiskRequest),
    /// Disk to AMF.
    DiskReply(DiskReply),
}

/// A link's packet: one message or none (a bare acknowledgement). Links restart with every view.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The sender's epoch. Older ones are dropped, newer ones wait for their view.
    pub epoch: Epoch,
    /// Number of the message on this link in this view, from 1; of the next one if there is none.
    pub seq: u32,
    /// Every message below this number has arrived from the other side.
    pub ack: u32,
    /// True if this message was sent before: counted as a retransmission, not as a message.
    pub again: bool,
    /// The host operation that caused it; `OpId::NONE` for background work.
    pub cause: OpId,
    /// The message. Shared with the link that keeps it until it is acknowledged, and with the other
    /// frames of a broadcast.
    pub message: Option<Arc<Message>>,
}

/// What an AMF says to an AMF.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Claims 1, 3, 5, 6, 9: may I? The broadcast that acquires access.
    Access {
        /// The asker's place in the order.
        ticket: Ticket,
        /// What is locked.
        key: Key,
        /// Read search or write invalidate.
        mode: Mode,
    },
    /// You may. Carries the granter's valid copy, if it has one (claim 8).
    Grant {
        /// The access that is granted.
        ticket: Ticket,
        /// Its key.
        key: Key,
        /// The granter's Lamport clock.
        clock: u64,
        /// The granter's floor for the block \[H2\].
        floor: Version,
        /// The granter's copy.
        copy: Option<LineCopy>,
        /// The granter waits for or holds a shared access to the key \[H3\].
        reading: bool,
        /// To a recovery: the version of the granter's own recovering replica \[J5\].
        replica: Option<Version>,
    },
    /// Claims 4, 13: keep this for me, and finish it if I fail.
    Replicate {
        /// The block.
        block: Block,
        /// Its version.
        version: Version,
        /// Its content.
        data: Data,
        /// State data: what must be redone to finish a parity update under way \[R3\]. None: as before.
        intent: Option<Arc<Intent>>,
    },
    /// I keep it.
    ReplicateAck {
        /// The block.
        block: Block,
        /// The version that is kept (or a newer one).
        version: Version,
        /// The number of the intent that came with it; 0: there was none.
        intent: u64,
    },
    /// `update`: the new content, for who granted a copy to this write (section 7).
    Update {
        /// Of the write.
        ticket: Ticket,
        /// The block.
        block: Block,
        /// Its version.
        version: Version,
        /// Its content.
        data: Data,
    },
    /// The block has a newer owner, whose work is replicated: a lent copy up to this version may go.
    Superseded {
        /// The block.
        block: Block,
        /// The owner's version.
        version: Version,
    },
    /// These are on disk: forget entries up to these versions.
    Retire {
        /// Block and version of each.
        entries: Arc<[(Block, Version)]>,
    },
    /// After a view change: all that I need replicated; forget what is not in it.
    List {
        /// Block and version of each, by block.
        entries: Arc<[(Block, Version)]>,
    },
    /// My new partners have everything: forget what you kept for me \[H6\].
    DropOld,
    /// In this view I have, and shall have, no line, destage or recovering replica of the volume, which
    /// only you may use \[T2\].
    Clear,
}

/// A parity update that has begun, or is about to: whoever finds it unfinished finishes it \[R3\].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// Numbers the intents of one owner, from 1.
    pub no: u64,
    /// The data block that is written.
    pub block: Block,
    /// Its version.
    pub version: Version,
    /// Its content.
    pub data: Data,
    /// The parity blocks of its row after the write: 0 is P, 1 is Q.
    pub images: Vec<(u8, Cell)>,
}

/// What a grant carries (claim 8).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LineCopy {
    /// Its version.
    pub version: Version,
    /// Its content.
    pub data: Data,
    /// What it is at the granter.
    pub kind: CopyKind,
}

/// What a granted copy is at the granter, least trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CopyKind {
    /// Lent: it may be stale, and the granter keeps it until it is superseded.
    Lent,
    /// Valid, and clean.
    Clean,
    /// Valid, and dirty: the granter goes on being its owner.
    Owned,
}

/// What kind of message: for counting, filtering, holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MsgKind {
    /// A read search.
    AccessShared,
    /// A write invalidate.
    AccessExclusive,
    /// A grant.
    Grant,
    /// Data and state to a replication partner.
    Replicate,
    /// A partner's acknowledgement.
    ReplicateAck,
    /// New data for a sharer.
    Update,
    /// A lender may let go.
    Superseded,
    /// Batched: replicas that are no longer needed.
    Retire,
    /// After a view change: what an owner needs replicated.
    List,
    /// After a view change: an old partner may forget.
    DropOld,
    /// After a view change: nothing of the volume is here.
    Clear,
}

impl MsgKind {
    /// Every kind, in the order of counters.
    pub const ALL: [Self; 11] = [
        Self::AccessShared,
        Self::AccessExclusive,
        Self::Grant,
        Self::Replicate,
        Self::ReplicateAck,
        Self::Update,
        Self::Superseded,
        Self::Retire,
        Self::List,
        Self::DropOld,
        Self::Clear,
    ];

    /// Its name in scripts and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessShared => "access-shared",
            Self::AccessExclusive => "access-exclusive",
            Self::Grant => "grant",
            Self::Replicate => "replicate",
            Self::ReplicateAck => "replicate-ack",
            Self::Update => "update",
            Self::Superseded => "superseded",
            Self::Retire => "retire",
            Self::List => "list",
            Self::DropOld => "drop-old",
            Self::Clear => "clear",
        }
    }

    /// A short word for it, in the terms of the claims.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AccessShared => "search",
            Self::AccessExclusive => "invalidate",
            Self::Grant => "grant",
            Self::Replicate => "replicate",
            Self::ReplicateAck => "ack",
            Self::Update => "update",
            Self::Superseded => "superseded",
            Self::Retire => "retire",
            Self::List => "list",
            Self::DropOld => "drop-old",
            Self::Clear => "clear",
        }
    }

    /// Its index in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl core::fmt::Display for MsgKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl core::str::FromStr for MsgKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is no kind of message ({})", all.join(", "))
        })
    }
}

impl Message {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> MsgKind {
        match self {
            Self::Access { mode: Mode::Shared, .. } => MsgKind::AccessShared,
            Self::Access { mode: Mode::Exclusive, .. } => MsgKind::AccessExclusive,
            Self::Grant { .. } => MsgKind::Grant,
            Self::Replicate { .. } => MsgKind::Replicate,
            Self::ReplicateAck { .. } => MsgKind::ReplicateAck,
            Self::Update { .. } => MsgKind::Update,
            Self::Superseded { .. } => MsgKind::Superseded,
            Self::Retire { .. } => MsgKind::Retire,
            Self::List { .. } => MsgKind::List,
            Self::DropOld => MsgKind::DropOld,
            Self::Clear => MsgKind::Clear,
        }
    }

    /// The key that it is about, if it is about one.
    #[must_use]
    pub const fn key(&self) -> Option<Key> {
        match self {
            Self::Access { key, .. } | Self::Grant { key, .. } => Some(*key),
            Self::Replicate { block, .. }
            | Self::ReplicateAck { block, .. }
            | Self::Update { block, .. }
            | Self::Superseded { block, .. } => Some(Key::Block(*block)),
            Self::Retire { .. } | Self::List { .. } | Self::DropOld | Self::Clear => None,
        }
    }
}

/// Between an AMF or a disk and the witness. Datagrams: repeated until they have an effect.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WitnessMsg {
    /// AMF: keep my lease, counted by me from when I sent this.
    Renew {
        /// Which incarnation asks.
        incarnation: Incarnation,
        /// The view it has installed.
        epoch: Epoch,
        /// Echoed in the answer: when it was sent, on the AMF's clock.
        sent: u64,
        /// Its partners hold its whole list in this view (section 6).
        covered: bool,
        /// It has finished recovery: whatever it had to adopt is on disk. And its own journal with it,
        /// nothing of which was damaged \[D2\].
        recovered: Option<Recovered>,
        /// It refills this slot, and has come so far: the next view says so.
        refilled: Option<(u8, u64)>,
    },
    /// Witness: your lease is renewed.
    Renewed {
        /// Whose lease.
        incarnation: Incarnation,
        /// From `Renew`.
        sent: u64,
    },
    /// Witness: you were evicted; drop everything and join.
    Refused {
        /// The incarnation that is out.
        incarnation: Incarnation,
    },
    /// AMF: I have dropped everything (or just started), let me in.
    Join {
        /// Counts the joins of this AMF, so that an old `Join` has no effect.
        attempt: u32,
        /// Nothing that its journal had is damaged, if it has one.
        whole: bool,
    },
    /// AMF: I cannot reach this peer.
    Suspect {
        /// In which view.
        epoch: Epoch,
        /// Whom.
        peer: AmfId,
    },
    /// AMF: this disk answers with errors.
    DiskFailed {
        /// In which view.
        epoch: Epoch,
        /// Which.
        disk: DiskId,
    },
    /// AMF: the refill of this slot is complete.
    Rebuilt {
        /// The view's `admitted`, so that an old report has no effect.
        admitted: Epoch,
        /// Which slot.
        slot: u8,
    },
    /// AMF: all copies are equal again.
    Synchronised {
        /// The view's `unsynchronised`.
        since: Epoch,
    },
    /// AMF: nothing is in doubt any more of whoever had left by then: there was nothing, or its hosts
    /// accept the loss.
    Accepted {
        /// The epoch.
        upto: Epoch,
    },
    /// Witness: the view to install.
    View(Arc<View>),
    /// Witness to disk: refuse `who` below this epoch \[L2\]; refuse everybody below `admit` \[M4\].
    Fence {
        /// The coming view.
        epoch: Epoch,
        /// Members that are leaving.
        who: AmfSet,
        /// This disk is being admitted: it counts as blank, and nothing older may touch it.
        admit: bool,
    },
    /// Disk to witness: done, and everything of theirs that was queued is finished or aborted.
    Fenced {
        /// From `Fence`.
        epoch: Epoch,
    },
    /// Disk to witness: a blank disk was put in my place.
    Replaced {
        /// Counts the replacements of this disk, so that an old report has no effect.
        generation: u32,
    },
}

/// How much an AMF has recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Recovered {
    /// What it keeps for others.
    Replicas,
    /// That, and its own journal, whole.
    Journal,
}

/// A request of an AMF to a disk. Carries the epoch for fencing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskRequest {
    /// Echoed in the reply; unique for this sender and incarnation.
    pub id: u64,
    /// The sender's epoch.
    pub epoch: Epoch,
    /// The sender's incarnation: a reply to an older one is dropped.
    pub incarnation: Incarnation,
    /// The host operation that caused it.
    pub cause: OpId,
    /// What to do.
    pub op: DiskOp,
}

/// What a disk can do. Block numbers are the disk's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DiskOp {
    /// Read header and data.
    Read {
        /// Which block of the disk.
        at: u64,
    },
    /// Write header and data.
    Write {
        /// Which block of the disk.
        at: u64,
        /// For the header.
        version: Version,
        /// The content.
        data: Data,
        /// Of a parity block: the versions of what it covers \[R1\].
        covers: Option<Covers>,
    },
    /// Make this block unreadable: it was to be refilled and cannot be, and must not be taken for zeroes.
    Spoil {
        /// Which block of the disk.
        at: u64,
    },
    /// The lowest block from `at` on that was ever written: how a refill skips what is blank.
    NextWritten {
        /// Where to begin.
        at: u64,
    },
    /// Answer when every write before this one is durable.
    Flush,
    /// Note this in the dirty-region log \[D1\].
    Mark(Mark),
    /// Forget what is noted of these incarnations.
    Unmark {
        /// Whose marks.
        gone: Gone,
        /// Only this region.
        region: Option<u64>,
    },
    /// What is noted in the dirty-region log?
    Marks,
}

/// A disk's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskReply {
    /// From the request.
    pub id: u64,
    /// From the request.
    pub incarnation: Incarnation,
    /// Which block of the disk, if the request was about one.
    pub at: Option<u64>,
    /// What came of it.
    pub result: Result<DiskDone, DiskError>,
}

/// Why there is nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The block is damaged: another copy, or the rest of its row, has it.
    Damaged,
    /// The disk does not serve us.
    Gone,
}

/// What a disk's answer says of the block that it was asked for; `None`: it was asked for no block.
///
/// # Errors
/// The block cannot be had from this disk, and why.
pub fn block_read(result: Result<DiskDone, DiskError>) -> Result<Option<Cell>, Unread> {
    match result {
        Ok(DiskDone::Read { version, data, covers }) => Ok(Some(Cell { version, data, covers })),
        Ok(
            DiskDone::Written { .. }
            | DiskDone::Next { .. }
            | DiskDone::Flushed
            | DiskDone::Marked
            | DiskDone::Marks(_),
        ) => Ok(None),
        Err(DiskError::Media) => Err(Unread::Damaged),
        Err(DiskError::Failed | DiskError::Fenced | DiskError::NotAdmitted) => Err(Unread::Gone),
    }
}

/// What a disk did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DiskDone {
    /// The block; `Version::ZERO` and zeroes where it was never written.
    Read {
        /// From the header.
        version: Version,
        /// The content.
        data: Data,
        /// Of a parity block: the versions of what it covers \[R1\].
        covers: Option<Covers>,
    },
    /// Written, durable as far as the store promises.
    Written {
        /// The version that is now in the header.
        version: Version,
    },
    /// The next written block, or `None`.
    Next {
        /// Its number on the disk.
        at: Option<u64>,
    },
    /// Everything before is durable.
    Flushed,
    /// Noted, durable as far as the store promises; or forgotten.
    Marked,
    /// What is noted, in order.
    Marks(Arc<[Mark]>),
}

/// Why a disk did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DiskError {
    /// The disk has failed.
    Failed,
    /// The sender was evicted in a newer epoch \[L2\].
    Fenced,
    /// The request is older than this disk's admission \[M4\].
    NotAdmitted,
    /// The block's check sum is wrong, or the medium cannot read it.
    Media,
}
