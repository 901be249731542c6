//! What can go wrong in a run: one row a kind. A kind says what begins it, what ends it, and whether it
//! lasts; [`super::guard`] says when it is allowed, [`super::effect`] what it did.

use crate::protocol::id::{AmfId, Block, DiskId, NodeId, Span};
use crate::protocol::{MsgKind, Protocol};
use crate::trace::Command;
use crate::trace::action::{Action, HoldFilter, LinkSetting};
use crate::trace::command::HostCommand;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A kind of fault, or of interference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// An AMF crashes, and is started again.
    Crash,
    /// An AMF handles nothing for a while.
    Pause,
    /// One AMF is cut off.
    Cut,
    /// The AMFs are split, the witness on either side.
    Split,
    /// A link loses packets.
    Drop,
    /// A link delivers packets twice.
    Duplicate,
    /// Packets on a link overtake each other.
    Reorder,
    /// A link is slow.
    Delay,
    /// An AMF hardly reaches the witness.
    FarWitness,
    /// A disk is slow.
    SlowDisk,
    /// The path from an AMF to a disk is slow.
    FarDisk,
    /// A disk fails, and is replaced.
    FailDisk,
    /// A blank disk takes the place of a good one.
    SwapDisk,
    /// A lease runs out before its time.
    Lease,
    /// The witness is down for a while.
    Witness,
    /// A line is dropped.
    Evict,
    /// Everything dirty is written.
    Flush,
    /// Another protocol.
    Switch,
    /// Power fails everywhere.
    PowerFail,
    /// The check sum of a block, or of its parity, does not fit any more.
    Corrupt,
    /// Everything on the disks is compared.
    Scrub,
    /// Messages of one kind from one AMF to another, and what comes behind them, are late.
    Hold,
    /// Hosts accept the loss of what is in doubt.
    AcceptLoss,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::Crash,
        Self::Pause,
        Self::Cut,
        Self::Split,
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::Delay,
        Self::FarWitness,
        Self::SlowDisk,
        Self::FarDisk,
        Self::FailDisk,
        Self::Lease,
        Self::Witness,
        Self::Evict,
        Self::Flush,
        Self::Switch,
        Self::PowerFail,
        Self::Corrupt,
        Self::Scrub,
        Self::Hold,
        Self::SwapDisk,
        Self::AcceptLoss,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Cut => "cut",
            Self::Split => "split",
            Self::Drop => "drop",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Delay => "delay",
            Self::FarWitness => "far-witness",
            Self::SlowDisk => "slow-disk",
            Self::FarDisk => "far-disk",
            Self::FailDisk => "fail-disk",
            Self::Lease => "lease",
            Self::Witness => "witness",
            Self::Evict => "evict",
            Self::Flush => "flush",
            Self::Switch => "switch",
            Self::PowerFail => "power-fail",
            Self::Corrupt => "corrupt",
            Self::Scrub => "scrub",
            Self::Hold => "hold",
            Self::SwapDisk => "swap-disk",
            Self::AcceptLoss => "accept-loss",
        }
    }

    /// It goes on until it is ended, or somebody meets it; the others are over at once.
    #[must_use]
    pub const fn lasts(self) -> bool {
        match self {
            Self::Crash
            | Self::Pause
            | Self::Cut
            | Self::Split
            | Self::Drop
            | Self::Duplicate
            | Self::Reorder
            | Self::Delay
            | Self::FarWitness
            | Self::SlowDisk
            | Self::FarDisk
            | Self::FailDisk
            | Self::Corrupt
            | Self::Hold
            | Self::Witness => true,
            Self::Lease
            | Self::Evict
            | Self::Flush
            | Self::Switch
            | Self::PowerFail
            | Self::SwapDisk
            | Self::Scrub
            | Self::AcceptLoss => false,
        }
    }
}

/// Kinds of messages that are late, the likelier ones more than once.
pub(super) const LATE: [MsgKind; 14] = [
    MsgKind::AccessShared,
    MsgKind::AccessShared,
    MsgKind::AccessExclusive,
    MsgKind::AccessExclusive,
    MsgKind::Grant,
    MsgKind::Grant,
    MsgKind::Replicate,
    MsgKind::Replicate,
    MsgKind::ReplicateAck,
    MsgKind::Retire,
    MsgKind::List,
    MsgKind::DropOld,
    MsgKind::Update,
    MsgKind::Superseded,
];

/// What a fault is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The AMF.
    pub amf: AmfId,
    /// Another AMF, where there is one.
    pub other: AmfId,
    /// The disk.
    pub disk: DiskId,
    /// The block.
    pub block: Block,
    /// How many AMFs there are.
    pub amfs: u8,
    /// How long a link may fail to deliver: delays stay well below.
    pub suspect_after: Span,
}

/// A fault: what begins it, and what ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// What begins it.
    pub begin: Command,
    /// What ends it, if it lasts.
    pub end: Option<Command>,
}

impl Fault {
    /// A fault of a kind, aimed; `None` if there is nothing to aim at (a link needs two AMFs).
    #[must_use]
    pub fn draw(kind: FaultKind, aim: Aim, rng: &mut ChaCha8Rng) -> Option<Self> {
        let (amf, disk) = (aim.amf, aim.disk);
        let (node, other) = (NodeId::Amf(amf), NodeId::Amf(aim.other));
        // Drawn whatever the kind, so that one kind's draw does not depend on another's.
        let percent = rng.random_range(5..=40u32) * 10_000;
        let subset: u64 = rng.random();
        let with_witness = rng.random_range(0..3);
        let most = aim.suspect_after.0 / 8_000;
        let little = Span::micros(rng.random_range(20..=most.max(40)));
        let much = Span::micros(rng.random_range(200..=20_000));
        let protocol = rng.random_range(0..64);
        let late = LATE[rng.random_range(0..LATE.len())];
        let needs_two = matches!(
            kind,
            FaultKind::Cut
                | FaultKind::Split
                | FaultKind::Drop
                | FaultKind::Duplicate
                | FaultKind::Reorder
                | FaultKind::Delay
                | FaultKind::Hold
        );
        if needs_two && aim.amfs < 2 {
            return None;
        }
        let link = |a: NodeId, b: NodeId, setting| {
            (Action::Link(a, b, setting), Some(Action::Link(a, b, LinkSetting::Clear)))
        };
        let (begin, end) = match kind {
            FaultKind::Crash => (Action::Crash(amf), Some(Action::Restart(amf))),
            FaultKind::Pause => (Action::Pause(amf), Some(Action::Resume(amf))),
            FaultKind::Cut => (Action::Partition(vec![vec![node]]), Some(Action::Heal)),
            FaultKind::Split => {
                let sides = split(aim.amfs, subset, with_witness)?;
                (Action::Partition(sides), Some(Action::Heal))
            }
            FaultKind::Drop => link(node, other, LinkSetting::Drop(percent)),
            FaultKind::Duplicate => link(node, other, LinkSetting::Duplicate(percent)),
            FaultKind::Reorder => link(node, other, LinkSetting::Reorder),
            FaultKind::Delay => link(node, other, LinkSetting::Delay(little)),
            FaultKind::FarWitness => link(node, NodeId::Witness, LinkSetting::Drop(percent * 2)),
            FaultKind::SlowDisk => {
                (Action::SlowDisk(disk, much), Some(Action::SlowDisk(disk, Span(0))))
            }
            FaultKind::FarDisk => link(node, NodeId::Disk(disk), LinkSetting::Delay(much)),
            FaultKind::FailDisk => (Action::FailDisk(disk), Some(Action::ReplaceDisk(disk))),
            FaultKind::SwapDisk => (Action::ReplaceDisk(disk), None),
            FaultKind::Lease => (Action::ExpireLease(amf), None),
            FaultKind::Witness => (Action::Witness(false), Some(Action::Witness(true))),
            FaultKind::Evict => (Action::Evict(amf, None), None),
            // The one that a host does. Labelled, so that nobody waits for it; whoever gives it makes the
            // label unique.
            FaultKind::Flush => {
                let begin = Command::Start("f".to_owned(), HostCommand::Flush(amf));
                return Some(Self { kind, begin, end: None });
            }
            FaultKind::Switch => {
                let all = super::space::PROTOCOLS;
                let protocol: Protocol = all[protocol % all.len()];
                (Action::Protocol(protocol), None)
            }
            FaultKind::PowerFail => (Action::PowerFail, None),
            // Damage that nobody reads stays, and keeps disks from failing: a scrub finds it.
            FaultKind::Corrupt => {
                let end = (with_witness == 0).then_some(Action::Scrub);
                (Action::Corrupt(disk, aim.block), end)
            }
            FaultKind::Scrub => (Action::Scrub, None),
            FaultKind::Hold => {
                let filter = HoldFilter { kind: Some(late), pair: Some((node, other)) };
                (Action::Hold(filter), Some(Action::Unhold(filter)))
            }
            FaultKind::AcceptLoss => (Action::AcceptLoss, None),
        };
        Some(Self { kind, begin: Command::Act(begin), end: end.map(Command::Act) })
    }
}

/// Two sides; the witness is named on the first, on the second, or not at all.
fn split(amfs: u8, subset: u64, with_witness: u8) -> Option<Vec<Vec<NodeId>>> {
    let (first, second): (Vec<NodeId>, Vec<NodeId>) = (0..amfs)
        .map(|amf| NodeId::Amf(AmfId(amf)))
        .partition(|node| matches!(node, NodeId::Amf(amf) if subset >> amf.0 & 1 == 1));
    let mut sides = vec![first, second];
    if sides.iter().any(Vec::is_empty) {
        return None;
    }
    match with_witness {
        0 => sides[0].push(NodeId::Witness),
        1 => sides[1].push(NodeId::Witness),
        _ => {}
    }
    Some(sides)
}
