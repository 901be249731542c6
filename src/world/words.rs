//! Interference in the words of the command that makes it.

use crate::protocol::id::{NodeId, Span};
use crate::trace::action::{Action, LinkSetting};
use crate::trace::step::Control;

/// Whom it concerns, and whether it is a fault (or only something that people make happen).
pub(super) fn control_node(control: &Control) -> (NodeId, bool) {
    match control {
        Control::Crash(amf) | Control::Pause(amf) | Control::ExpireLease(amf) => {
            (NodeId::Amf(*amf), true)
        }
        Control::Restart(amf)
        | Control::Resume(amf)
        | Control::Evict(amf, _)
        | Control::Destage(amf)
        | Control::Scrub(amf)
        | Control::AcceptLoss(amf)
        | Control::DropLines(amf)
        | Control::KeepJournal(amf, _) => (NodeId::Amf(*amf), false),
        Control::FailDisk(disk) | Control::Corrupt(disk, _) | Control::LoseWrites(disk, _) => {
            (NodeId::Disk(*disk), true)
        }
        Control::CorruptJournal(amf) => (NodeId::Amf(*amf), true),
        Control::ReplaceDisk(disk) => (NodeId::Disk(*disk), false),
        Control::WitnessDown | Control::PowerFail | Control::SetDefect(Some(_)) => {
            (NodeId::Witness, true)
        }
        Control::WitnessUp
        | Control::SetProtocol(_)
        | Control::SetDefect(None)
        | Control::Heal
        | Control::Skip(_)
        | Control::Figures(_) => (NodeId::Witness, false),
        Control::Partition(_) => (NodeId::Witness, true),
        Control::Link(a, _, setting) => (*a, *setting != LinkSetting::Clear),
        Control::SlowDisk(disk, by) => (NodeId::Disk(*disk), *by != Span(0)),
    }
}

pub(super) fn control_text(control: &Control) -> String {
    match control {
        Control::Crash(amf) => format!("crash {amf}"),
        Control::Restart(amf) => format!("restart {amf}"),
        Control::Pause(amf) => format!("pause {amf}"),
        Control::Resume(amf) => format!("resume {amf}"),
        Control::ExpireLease(amf) => format!("lease expire {amf}"),
        Control::Evict(amf, Some(block)) => format!("evict {amf} {block}"),
        Control::Evict(amf, None) => format!("evict {amf}"),
        Control::Destage(amf) => format!("destage {amf}"),
        Control::FailDisk(disk) => format!("fail {disk}"),
        Control::ReplaceDisk(disk) => format!("replace {disk}"),
        Control::PowerFail => "power-fail".to_owned(),
        Control::LoseWrites(disk, count) => format!("{disk} loses the last {count} it was given"),
        Control::KeepJournal(amf, count) => format!("{amf}'s journal still gets {count}"),
        Control::Corrupt(disk, at) => format!("corrupt {disk} at {at}"),
        Control::CorruptJournal(amf) => format!("corrupt-journal {amf}"),
        Control::Scrub(amf) => format!("scrub by {amf}"),
        Control::AcceptLoss(amf) => format!("accept-loss by {amf}"),
        Control::WitnessDown => "witness down".to_owned(),
        Control::WitnessUp => "witness up".to_owned(),
        Control::SetProtocol(protocol) => format!("protocol {protocol}"),
        Control::SetDefect(Some(defect)) => format!("defect {defect} on"),
        Control::SetDefect(None) => "defect off".to_owned(),
        Control::DropLines(amf) => format!("drop lines {amf}"),
        Control::Skip(span) => format!("clock skipped {span}"),
        Control::Figures(true) => "the figures begin".to_owned(),
        Control::Figures(false) => "the figures end".to_owned(),
        Control::Partition(sides) => Action::Partition(sides.clone()).to_string(),
        Control::Heal => Action::Heal.to_string(),
        Control::Link(a, b, setting) => Action::Link(*a, *b, *setting).to_string(),
        Control::SlowDisk(disk, by) => Action::SlowDisk(*disk, *by).to_string(),
    }
}
