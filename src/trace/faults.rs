//! The faults in force: what people did to a cluster and have not ended, read off its log.
//!
//! Those of the network and of the speed of disks change no machine: what a partition does to a packet is a
//! [`Lose`](super::Step::Lose) of its own. They are kept so that who looks at a log knows why, and so that who goes
//! on from the middle of one goes on behind the same partition.

use super::action::{Action, LinkSetting};
use super::snapshot::FaultInfo;
use super::step::Control;
use crate::protocol::id::{AmfId, DiskId, Instant, NodeId, Span};

/// What is broken. One thing is broken once, whoever did it how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The AMF crashed.
    Amf(AmfId),
    /// It is paused.
    Pause(AmfId),
    /// The network is partitioned.
    Network,
    /// The link between these two, the lower first, does what it should not.
    Link(NodeId, NodeId),
    /// The disk failed.
    Disk(DiskId),
    /// It is slow.
    Slow(DiskId),
    /// The witness is down.
    Witness,
    /// A rule is broken on purpose.
    Rule,
}

impl Broken {
    /// The link between two nodes.
    #[must_use]
    pub fn link(a: NodeId, b: NodeId) -> Self {
        Self::Link(a.min(b), a.max(b))
    }
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveFault {
    /// What is broken.
    pub broken: Broken,
    /// How it is told; nothing is known of what it did.
    pub info: FaultInfo,
    /// What makes it so, in order.
    pub actions: Vec<Action>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<ActiveFault>);

impl Faults {
    /// In the order in which they were made.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ActiveFault> {
        self.0.iter()
    }

    /// Nothing is broken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in what somebody did.
    pub fn on(&mut self, control: &Control, now: Instant) {
        match control {
            Control::Crash(amf) => {
                self.end(Broken::Pause(*amf));
                self.begin(Broken::Amf(*amf), Action::Crash(*amf), &Action::Restart(*amf), now);
            }
            Control::Restart(amf) => self.end(Broken::Amf(*amf)),
            Control::Pause(amf) => {
                self.begin(Broken::Pause(*amf), Action::Pause(*amf), &Action::Resume(*amf), now);
            }
            Control::Resume(amf) => self.end(Broken::Pause(*amf)),
            Control::FailDisk(disk) => {
                let undo = Action::ReplaceDisk(*disk);
                self.begin(Broken::Disk(*disk), Action::FailDisk(*disk), &undo, now);
            }
            Control::ReplaceDisk(disk) => self.end(Broken::Disk(*disk)),
            Control::WitnessDown => {
                let (what, undo) = (Action::Witness(false), Action::Witness(true));
                self.begin(Broken::Witness, what, &undo, now);
            }
            Control::WitnessUp => self.end(Broken::Witness),
            Control::SetDefect(Some(defect)) => {
                let (what, undo) = (Action::Defect(*defect, true), Action::Defect(*defect, false));
                self.begin(Broken::Rule, what, &undo, now);
            }
            Control::SetDefect(None) => self.end(Broken::Rule),
            Control::Partition(sides) => {
                self.begin(Broken::Network, Action::Partition(sides.clone()), &Action::Heal, now);
            }
            Control::Heal => {
                self.0.retain(|fault| !matches!(fault.broken, Broken::Network | Broken::Link(..)));
            }
            Control::Link(a, b, setting) => self.link(*a, *b, *setting, now),
            Control::SlowDisk(disk, by) => {
                let what = |by| Action::SlowDisk(*disk, by);
                if *by == Span(0) {
                    self.end(Broken::Slow(*disk));
                } else {
                    self.begin(Broken::Slow(*disk), what(*by), &what(Span(0)), now);
                }
            }
            Control::PowerFail
            | Control::LoseWrites(..)
            | Control::KeepJournal(..)
            | Control::ExpireLease(_)
            | Control::Evict(..)
            | Control::Destage(_)
            | Control::Corrupt(..)
            | Control::CorruptJournal(_)
            | Control::Scrub(_)
            | Control::AcceptLoss(_)
            | Control::SetProtocol(_)
            | Control::DropLines(_)
            | Control::Skip(_)
            | Control::Figures(_) => {}
        }
    }

    /// A link keeps what else it was set to.
    fn link(&mut self, a: NodeId, b: NodeId, setting: LinkSetting, now: Instant) {
        let broken = Broken::link(a, b);
        let before = self.0.iter().find(|fault| fault.broken == broken);
        let mut actions = before.map(|fault| fault.actions.clone()).unwrap_or_default();
        self.end(broken);
        if setting == LinkSetting::Clear {
            return;
        }
        let undo = Action::Link(a, b, LinkSetting::Clear);
        self.begin(broken, Action::Link(a, b, setting), &undo, now);
        let same = core::mem::discriminant(&setting);
        actions.retain(|action| {
            matches!(action, Action::Link(_, _, kept) if core::mem::discriminant(kept) != same)
        });
        if let Some(fault) = self.0.last_mut() {
            actions.append(&mut fault.actions);
            fault.actions = actions;
        }
    }

    fn begin(&mut self, broken: Broken, action: Action, undo: &Action, since: Instant) {
        self.end(broken);
        let (what, undo) = (action.to_string(), undo.to_string());
        let info = FaultInfo { what, receipt: String::new(), undo, since };
        self.0.push(ActiveFault { broken, info, actions: vec![action] });
    }

    fn end(&mut self, broken: Broken) {
        self.0.retain(|fault| fault.broken != broken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId::Amf(AmfId(0));
    const B: NodeId = NodeId::Amf(AmfId(1));

    fn told(faults: &Faults) -> Vec<String> {
        faults.iter().flat_map(|fault| fault.actions.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn what_has_ended_is_forgotten() {
        let mut faults = Faults::default();
        for (at, control) in (0..).zip([
            Control::Partition(vec![vec![A], vec![B]]),
            Control::Link(B, A, LinkSetting::Drop(200_000)),
            Control::Link(A, B, LinkSetting::Reorder),
            Control::Link(A, B, LinkSetting::Drop(100_000)),
            Control::SlowDisk(DiskId(1), Span::millis(5)),
        ]) {
            faults.on(&control, Instant(at));
        }
        let expected = [
            "partition amf0 | amf1",
            "link amf0 amf1 reorder",
            "link amf0 amf1 drop 10%",
            "slow disk1 5ms",
        ];
        assert_eq!(told(&faults), expected);
        let infos: Vec<(&str, &str, u64)> = faults
            .iter()
            .map(|fault| (&*fault.info.what, &*fault.info.undo, fault.info.since.0))
            .collect();
        let expected = [
            ("partition amf0 | amf1", "heal", 0),
            ("link amf0 amf1 drop 10%", "link amf0 amf1 clear", 3),
            ("slow disk1 5ms", "slow disk1 0ms", 4),
        ];
        assert_eq!(infos, expected);
        faults.on(&Control::Heal, Instant(9));
        assert_eq!(told(&faults), ["slow disk1 5ms"]);
        faults.on(&Control::SlowDisk(DiskId(1), Span(0)), Instant(9));
        assert!(faults.is_empty());
    }

    #[test]
    fn a_crash_ends_a_pause_and_a_restart_the_crash() {
        let mut faults = Faults::default();
        for control in [Control::Pause(AmfId(2)), Control::Crash(AmfId(2))] {
            faults.on(&control, Instant(1));
        }
        assert_eq!(told(&faults), ["crash amf2"]);
        faults.on(&Control::Restart(AmfId(2)), Instant(2));
        assert!(faults.is_empty());
    }
}
