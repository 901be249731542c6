//! Every fault that can be injected, with its target: the list on the Faults screen.

use super::Selected;
use crate::protocol::Defect;
use crate::protocol::id::{AmfId, NodeId, Span};
use crate::trace::action::Action;
use crate::trace::{Command, LinkSetting};

/// What a fault is done to; `left` and `right` change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The selected AMF.
    Amf,
    /// The link between the selected AMF and the selected peer.
    Link,
    /// The selected disk.
    Disk,
    /// The witness.
    Witness,
    /// A seeded defect.
    Defect,
    /// Everything.
    All,
}

impl Aim {
    /// The heading in the list.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Amf => "AMF",
            Self::Link => "Link",
            Self::Disk => "Disk",
            Self::Witness => "Witness",
            Self::Defect => "Defect",
            Self::All => "Network",
        }
    }
}

/// A fault, or what ends one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Crash.
    Crash,
    /// Restart.
    Restart,
    /// Pause.
    Pause,
    /// Resume.
    Resume,
    /// The lease runs out.
    LeaseExpire,
    /// This AMF alone on one side, the witness with the others.
    Isolate,
    /// The lower half of the AMFs on one side.
    Split,
    /// End partitions and link settings.
    Heal,
    /// Power fails everywhere.
    PowerFail,
    /// Lose a fifth.
    LinkDrop,
    /// Delay.
    LinkDelay,
    /// Deliver some twice.
    LinkDuplicate,
    /// Let packets overtake.
    LinkReorder,
    /// The link works again.
    LinkClear,
    /// Fail.
    DiskFail,
    /// A blank disk in its place.
    DiskReplace,
    /// Damage the selected block.
    DiskCorrupt,
    /// Compare everything, and mend it.
    Scrub,
    /// Live with what is left.
    AcceptLoss,
    /// Slow.
    DiskSlow,
    /// No longer slow.
    DiskFast,
    /// Down.
    WitnessDown,
    /// Up.
    WitnessUp,
    /// Break a rule.
    DefectOn,
    /// Stop breaking it.
    DefectOff,
}

/// One row of the list: the fault, its target, its key while the list has the keys, a word.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What.
    pub fault: Fault,
    /// To what.
    pub aim: Aim,
    /// A few words.
    pub title: &'static str,
}

const fn row(fault: Fault, aim: Aim, title: &'static str) -> Row {
    Row { fault, aim, title }
}

/// The list, grouped by target.
pub const ROWS: [Row; 25] = [
    row(Fault::Crash, Aim::Amf, "crash: memory is gone"),
    row(Fault::Restart, Aim::Amf, "restart, empty"),
    row(Fault::Pause, Aim::Amf, "pause: handles nothing"),
    row(Fault::Resume, Aim::Amf, "resume"),
    row(Fault::LeaseExpire, Aim::Amf, "lease runs out now"),
    row(Fault::Isolate, Aim::Amf, "cut off from everybody"),
    row(Fault::Split, Aim::All, "split in two halves"),
    row(Fault::Heal, Aim::All, "heal everything"),
    row(Fault::LinkDrop, Aim::Link, "lose 20 %"),
    row(Fault::LinkDelay, Aim::Link, "delay by 50 ms"),
    row(Fault::LinkDuplicate, Aim::Link, "deliver 5 % twice"),
    row(Fault::LinkReorder, Aim::Link, "let packets overtake"),
    row(Fault::LinkClear, Aim::Link, "clear"),
    row(Fault::DiskFail, Aim::Disk, "fail"),
    row(Fault::DiskReplace, Aim::Disk, "replace by a blank one"),
    row(Fault::DiskCorrupt, Aim::Disk, "damage the selected block"),
    row(Fault::Scrub, Aim::Disk, "scrub: compare and mend"),
    row(Fault::AcceptLoss, Aim::Disk, "accept the loss of what is in doubt"),
    row(Fault::DiskSlow, Aim::Disk, "slow by 50 ms"),
    row(Fault::DiskFast, Aim::Disk, "no longer slow"),
    row(Fault::WitnessDown, Aim::Witness, "down"),
    row(Fault::WitnessUp, Aim::Witness, "up"),
    row(Fault::PowerFail, Aim::All, "power fails everywhere"),
    row(Fault::DefectOn, Aim::Defect, "break the rule"),
    row(Fault::DefectOff, Aim::Defect, "stop breaking it"),
];

/// Which row and which defect are selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultList {
    /// Row of [`ROWS`].
    pub at: usize,
    /// Index into [`Defect::ALL`].
    pub defect: usize,
}

/// Delay and slowness that the list offers.
const SLOW: Span = Span::millis(50);

impl FaultList {
    /// The selected defect.
    #[must_use]
    pub fn defect(self) -> Defect {
        Defect::ALL[self.defect % Defect::ALL.len()]
    }

    /// The command that a row stands for, with what is selected now.
    #[must_use]
    pub fn command(self, fault: Fault, on: &Selected, amfs: u8) -> Command {
        let (a, b) = (NodeId::Amf(on.amf), NodeId::Amf(on.peer));
        let node = |id: u8| NodeId::Amf(AmfId(id));
        Command::Act(match fault {
            Fault::Crash => Action::Crash(on.amf),
            Fault::Restart => Action::Restart(on.amf),
            Fault::Pause => Action::Pause(on.amf),
            Fault::Resume => Action::Resume(on.amf),
            Fault::LeaseExpire => Action::ExpireLease(on.amf),
            Fault::Isolate => {
                let others = (0..amfs).filter(|id| *id != on.amf.0).map(node);
                let others = others.chain([NodeId::Witness]).collect();
                Action::Partition(vec![vec![a], others])
            }
            // Partners stand side by side in the ring: with every other AMF cut off, each has its replicas
            // kept on the side that goes on.
            Fault::Split => Action::Partition(vec![
                (0..amfs).step_by(2).map(node).collect(),
                (1..amfs).step_by(2).map(node).chain([NodeId::Witness]).collect(),
            ]),
            Fault::Heal => Action::Heal,
            Fault::PowerFail => Action::PowerFail,
            Fault::LinkDrop => Action::Link(a, b, LinkSetting::Drop(200_000)),
            Fault::LinkDelay => Action::Link(a, b, LinkSetting::Delay(SLOW)),
            Fault::LinkDuplicate => Action::Link(a, b, LinkSetting::Duplicate(50_000)),
            Fault::LinkReorder => Action::Link(a, b, LinkSetting::Reorder),
            Fault::LinkClear => Action::Link(a, b, LinkSetting::Clear),
            Fault::DiskFail => Action::FailDisk(on.disk),
            Fault::DiskReplace => Action::ReplaceDisk(on.disk),
            Fault::DiskCorrupt => Action::Corrupt(on.disk, on.block),
            Fault::Scrub => Action::Scrub,
            Fault::AcceptLoss => Action::AcceptLoss,
            Fault::DiskSlow => Action::SlowDisk(on.disk, SLOW),
            Fault::DiskFast => Action::SlowDisk(on.disk, Span(0)),
            Fault::WitnessDown => Action::Witness(false),
            Fault::WitnessUp => Action::Witness(true),
            Fault::DefectOn => Action::Defect(self.defect(), true),
            Fault::DefectOff => Action::Defect(self.defect(), false),
        })
    }
}
