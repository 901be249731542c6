//! One door in, one door out: what goes into the machines and what comes out of them.
//!
//! Every machine is driven the same way: `handle(now, input)`, then `poll_output()` until `None`, then
//! (while somebody observes) `poll_fact()` until `None`. `deadline()` says when it next wants a `Tick`;
//! a tick that comes early or late is harmless. The caller drains before the next input; that is asserted.

use super::Protocol;
use super::data::Data;
use super::defect::Defect;
use super::host::{Answer, Request};
use super::id::{Block, Epoch, Version};
use super::message::{Intent, Packet};
use super::parity::Covers;
use super::region::{Gone, Mark};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What happens to an AMF.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AmfInput {
    /// A host asks.
    Host(Request),
    /// The network delivers.
    Packet(Packet),
    /// `deadline()` has passed.
    Tick,
    /// The lease runs out now.
    ExpireLease,
    /// Drop this line, or the least recently used one; destage it first if it is dirty.
    Evict(Option<Block>),
    /// Write all dirty lines to the group.
    Destage,
    /// Drop every clean line.
    DropLines,
    /// The oldest operation given to the journal is finished.
    Journal(Result<(), StoreError>),
    /// Compare what is on the disks, and mend what does not fit.
    Scrub,
    /// Hosts live with the loss of what is in doubt: what is left of it is given out again.
    AcceptLoss,
    /// Break this rule.
    SetDefect(Option<Defect>),
}

/// What an AMF does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AmfOutput {
    /// Give this to the network.
    Send(Packet),
    /// Give this to the host.
    Answer(Answer),
    /// Give this to the AMF's journal, behind everything given before; then say `Journal`.
    Journal(JournalOp),
}

/// What an AMF asks of its journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JournalOp {
    /// Keep this; it takes the place of an older entry of the block. Finished when it is durable.
    Put {
        /// Which block.
        block: Block,
        /// Its version.
        version: Version,
        /// Its content.
        data: Data,
    },
    /// The entry of this block is not needed any more.
    Forget {
        /// Which block.
        block: Block,
    },
    /// Keep this beside the block's entry; it takes the place of an older one of the block \[R3, M7\].
    Intend {
        /// The parity update that is about to begin.
        intent: Arc<Intent>,
    },
    /// The parity update of this block is done: its intent is not needed any more.
    Intended {
        /// Which block.
        block: Block,
    },
}

impl JournalOp {
    /// Which block it is about.
    #[must_use]
    pub fn block(&self) -> Block {
        match self {
            Self::Put { block, .. } | Self::Forget { block } | Self::Intended { block } => *block,
            Self::Intend { intent } => intent.block,
        }
    }
}

/// What happens to a disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DiskInput {
    /// The network delivers.
    Packet(Packet),
    /// The oldest operation given to the store is finished. Operations finish in the order in which
    /// they were given; the store may work on several at once as long as the effect is the same.
    Store(Result<StoreDone, StoreError>),
    /// Answer with errors from now on.
    Fail,
    /// A block is damaged: its check sum does not fit any more.
    Corrupt {
        /// Its number on the disk.
        at: u64,
    },
    /// A blank disk takes this one's place; the store is wiped by the [`StoreOp::Wipe`] that follows.
    Replace,
    /// `deadline()` has passed.
    Tick,
    /// Break this rule.
    SetDefect(Option<Defect>),
}

/// What a disk does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DiskOutput {
    /// Give this to the network.
    Send(Packet),
    /// Give this to the store, behind everything given before.
    Store(StoreOp),
}

/// A block on a disk: header and data. The check sum is the store's: it computes it over what it
/// writes, and answers [`StoreError::Media`] where it does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The version, from the header.
    pub version: Version,
    /// The content.
    pub data: Data,
    /// Of a parity block: the versions of what it covers \[R1\].
    pub covers: Option<Covers>,
}

impl Record {
    /// What a reader gets that does not look at the check sum of a damaged block.
    #[must_use]
    pub fn damaged(&self) -> Self {
        let part = self.data.len().min(64);
        let noise = Data::from_bytes(&vec![0xDB; part as usize]);
        Self { data: self.data.splice(0, &noise), ..self.clone() }
    }
}

/// What a disk asks of its store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StoreOp {
    /// Fetch a block.
    Get {
        /// Its number on the disk.
        at: u64,
    },
    /// Fetch a block without a look at its check sum: the seeded defect `skip_crc`.
    Peek {
        /// Its number on the disk.
        at: u64,
    },
    /// Damage a block, so that its check sum does not fit; one that does not exist is made, unreadable.
    Spoil {
        /// Its number on the disk.
        at: u64,
    },
    /// Put a block; finished when it is as durable as the store promises.
    Put {
        /// Its number on the disk.
        at: u64,
        /// Header and data.
        record: Record,
    },
    /// The lowest block from `at` on that exists.
    Next {
        /// Where to begin.
        at: u64,
    },
    /// Finished when everything before is durable.
    Flush,
    /// Note this in the dirty-region log; finished when it is as durable as a block would be.
    Mark(Mark),
    /// Forget marks.
    Unmark {
        /// Whose.
        gone: Gone,
        /// Only of this region.
        region: Option<u64>,
    },
    /// Every mark, in order.
    Marks,
    /// Forget everything.
    Wipe,
    /// Remember the fence epoch \[L2, M4\] across restarts; finished when durable.
    Fence {
        /// The highest epoch that this disk was told.
        epoch: Epoch,
    },
}

/// What a store did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StoreDone {
    /// `Get`, `Peek`: the block, if it exists.
    Got(Option<Record>),
    /// `Put`, `Spoil`, `Flush`, `Wipe`, `Fence`, `Mark`, `Unmark`.
    Done,
    /// `Next`.
    Next(Option<u64>),
    /// `Marks`.
    Marks(Arc<[Mark]>),
}

/// Why a store did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StoreError {
    /// This block cannot be read (its record is damaged).
    Media,
    /// The store does not work any more.
    Broken,
}

/// What happens to the witness.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WitnessInput {
    /// The network delivers.
    Packet(Packet),
    /// `deadline()` has passed.
    Tick,
    /// Handle nothing until `Up`.
    Down,
    /// Back, with the persisted state.
    Up,
    /// Start a view under this protocol.
    SetProtocol(Protocol),
    /// The highest epoch promised so far is durable (answers [`WitnessOutput::Persist`]).
    Persisted(Epoch),
    /// Break this rule.
    SetDefect(Option<Defect>),
}

/// What the witness does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WitnessOutput {
    /// Give this to the network.
    Send(Packet),
    /// Make this epoch durable before any later output takes effect; then say `Persisted`.
    Persist(Epoch),
}
