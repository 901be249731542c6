//! What the log of a cluster is made of: everything that ever enters a machine.
//!
//! A `World` is a pure fold over entries; a live run numbers its entries so that they are one. What a
//! fault of the network does are steps: a dropped packet is a `Lose`, a delayed one a `Deliver` that
//! comes late, a duplicate a `Deliver` that keeps the packet. That somebody made the fault is a step too, which
//! changes no machine ([`super::Faults`]).

use super::action::LinkSetting;
use crate::protocol::id::{AmfId, Block, DiskId, Instant, NodeId, Span};
use crate::protocol::{Defect, Protocol, Request};
use serde::{Deserialize, Serialize};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepEntry {
    /// When, on the cluster's clock. Never decreases.
    pub now: Instant,
    /// What.
    pub step: Step,
}

/// One thing that happens to one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Step {
    /// A host's request arrives at an AMF.
    Host {
        /// Where.
        amf: AmfId,
        /// What is asked.
        request: Request,
    },
    /// The network delivers a packet: the `no`th ever sent from `from` to `to`, counted from 0.
    Deliver {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
        /// Which packet of this pair.
        no: u64,
        /// It stays in the network and will arrive again: a duplicate.
        keep: bool,
    },
    /// The network loses a packet.
    Lose {
        /// The sender.
        from: NodeId,
        /// The receiver.
        to: NodeId,
        /// Which packet of this pair.
        no: u64,
    },
    /// A machine's deadline has passed.
    Tick {
        /// Whose.
        node: NodeId,
    },
    /// The oldest operation that a disk gave to its store is finished.
    Store {
        /// Which disk.
        disk: DiskId,
    },
    /// The oldest operation that an AMF gave to its journal is finished.
    Journal {
        /// Whose.
        amf: AmfId,
        /// It took effect.
        ok: bool,
    },
    /// Somebody interferes.
    Control(Control),
}

/// Interference with one machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Control {
    /// The AMF stops and forgets everything it had in memory.
    Crash(AmfId),
    /// Power is gone everywhere, and back. Every AMF has crashed before; those that were up are
    /// restarted after.
    PowerFail,
    /// A crashed AMF starts again, with nothing but its journal, and joins.
    Restart(AmfId),
    /// The AMF handles nothing until it is resumed.
    Pause(AmfId),
    /// A paused AMF goes on.
    Resume(AmfId),
    /// The AMF's lease runs out now.
    ExpireLease(AmfId),
    /// The AMF drops a line (or its least recently used one), destaging it first if it is dirty.
    Evict(AmfId, Option<Block>),
    /// The AMF writes all its dirty lines to the group.
    Destage(AmfId),
    /// The disk answers everything with an error from now on.
    FailDisk(DiskId),
    /// A blank disk takes the place of this one.
    ReplaceDisk(DiskId),
    /// A block of the disk, by its own number, is damaged: its check sum does not fit any more.
    Corrupt(DiskId, u64),
    /// The AMF compares what is on the disks, and mends what does not fit.
    Scrub(AmfId),
    /// The AMF gives out again what is left of the regions in doubt \[D4\].
    AcceptLoss(AmfId),
    /// The witness handles nothing until it is up again.
    WitnessDown,
    /// The witness is back, with its persisted state.
    WitnessUp,
    /// The witness starts a view under another protocol (everything was destaged before).
    SetProtocol(Protocol),
    /// All machines break this rule from now on; `None`: no rule.
    SetDefect(Option<Defect>),
    /// An AMF drops every clean line (before a protocol switch).
    DropLines(AmfId),
    /// Nothing that the AMF's journal holds can be read any more, as its next start finds out.
    CorruptJournal(AmfId),
    /// The clock was moved on without anything happening, by a pause that was taken out of it.
    Skip(Span),
    /// Nothing gets from one side to another from now on.
    Partition(Vec<Vec<NodeId>>),
    /// Partitions and what links were set to have ended.
    Heal,
    /// The link does this to packets from now on, both ways.
    Link(NodeId, NodeId, LinkSetting),
    /// Each operation of the disk takes so much longer from now on.
    SlowDisk(DiskId, Span),
    /// What hosts ask from now on belongs to the figures of the run (`true`: its warm-up is over), or does not
    /// any more (`false`: what was written is read back). Changes no machine. Where there is none, all counts.
    Figures(bool),
    /// Power is about to fail: of what the disk gave to its store and was not told of, so many operations, the
    /// newest, never happened.
    LoseWrites(DiskId, u32),
    /// The AMF is about to crash: of what it gave to its journal and was not told of, so many operations, the
    /// oldest, happened.
    KeepJournal(AmfId, u32),
}
