//! What an engine can be told to do, but for what hosts ask of it ([`super::engine::HostPort`]): the part
//! of the command language that an engine carries out itself.

use crate::protocol::id::{AmfId, Block, DiskId, NodeId, Span};
use crate::protocol::{Defect, MsgKind, Protocol};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One AMF, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// This one.
    One(AmfId),
    /// Every AMF that is up.
    All,
}

/// Parts in a million, for the rates of links.
pub const PPM: u32 = 1_000_000;

/// What a link does to the packets on it, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkSetting {
    /// Loses this many packets in a million.
    Drop(u32),
    /// Adds this delay to each packet.
    Delay(Span),
    /// Delivers this many packets in a million twice.
    Duplicate(u32),
    /// Lets packets overtake each other.
    Reorder,
    /// Does nothing any more.
    Clear,
}

/// Which messages are held. Both `None`: everything, and the clock stands still (step mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HoldFilter {
    /// Only messages of this kind.
    pub kind: Option<MsgKind>,
    /// Only from the first to the second.
    pub pair: Option<(NodeId, NodeId)>,
}

impl HoldFilter {
    /// Holds everything: step mode.
    pub const ALL: Self = Self { kind: None, pair: None };

    /// True if it holds everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }
}

/// Which held messages go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Release {
    /// The oldest so many, whatever they are.
    Oldest(u32),
    /// The oldest from the first to the second.
    Pair(NodeId, NodeId),
    /// The so-manieth oldest from the first to the second, from 1: what a saved session says, as it
    /// means the same message again.
    Nth(NodeId, NodeId, u32),
    /// The one with this number in [`crate::trace::snapshot::Snapshot::held`].
    Id(u64),
}

/// What an engine can be told to do.
///
/// Closed: the grammar, the registry and the engines match all of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Write dirty lines to the group.
    Destage(Target),
    /// Drop a line, or the least recently used one.
    Evict(AmfId, Option<Block>),
    /// Stop an AMF; its memory is gone.
    Crash(AmfId),
    /// Start a crashed AMF.
    Restart(AmfId),
    /// An AMF handles nothing until it is resumed; its clock goes on.
    Pause(AmfId),
    /// A paused AMF goes on.
    Resume(AmfId),
    /// An AMF's lease runs out now.
    ExpireLease(AmfId),
    /// Packets between AMFs or the witness on different sides are lost. Disks stay reachable unless named.
    Partition(Vec<Vec<NodeId>>),
    /// Ends partitions and everything `Link` set.
    Heal,
    /// Changes what a link does to packets, both ways.
    Link(NodeId, NodeId, LinkSetting),
    /// A disk answers everything with an error.
    FailDisk(DiskId),
    /// A blank disk takes its place.
    ReplaceDisk(DiskId),
    /// A block, or the parity of its row, is damaged on a disk: its check sum does not fit any more.
    Corrupt(DiskId, Block),
    /// Nothing that an AMF's journal holds can be read any more, as its next start finds out.
    CorruptJournal(AmfId),
    /// The lowest AMF that runs compares what is on the disks, and mends what does not fit.
    Scrub,
    /// Hosts live with what is left of the regions in doubt: the lowest member that may use the volume gives it out again \[D4\].
    AcceptLoss,
    /// Each of the disk's operations takes this much longer; zero ends it.
    SlowDisk(DiskId, Span),
    /// The witness stops (`false`) or is back (`true`).
    Witness(bool),
    /// Power is gone everywhere, and back: everything starts again with what is stored.
    PowerFail,
    /// Break a rule, or stop breaking it.
    Defect(Defect, bool),
    /// Settle, destage, drop all lines, then a view under this protocol.
    Protocol(Protocol),
    /// Hold messages that match.
    Hold(HoldFilter),
    /// Stop holding what this filter holds; `ALL` ends every hold and lets everything go.
    Unhold(HoldFilter),
    /// Deliver held messages.
    Deliver(Release),
    /// Lose a held message.
    Lose(Release),
    /// Deliver a held message and keep it, so that it arrives twice.
    Repeat(Release),
    /// In step mode: let so many steps happen, whatever is next in order (timers included).
    Step(u32),
    /// Clock and links run at this many thousandths of their speed (1 to 1000).
    Tempo(u32),
    /// Record the run, from its first step on, into a new file; `None`: end the recording.
    Record(Option<PathBuf>),
    /// Go to another position of a recording.
    Seek(Seek),
}

/// Where to go in a recording. Positions count steps: 0 is before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Seek {
    /// So many steps after the beginning.
    To(u64),
    /// So many steps on, or back.
    By(i64),
    /// Behind the last step.
    End,
}
