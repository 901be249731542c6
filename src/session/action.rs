//! Commands that an engine does: what it is told, and when those that take their time are over.

use super::{Report, Session, Status};
use crate::protocol::id::{AmfId, Block};
use crate::protocol::{Many, Protocol};
use crate::trace::action::{Action, Target};
use crate::trace::command::Command;
use crate::trace::snapshot::{AmfStatus, Ask};

/// What a command that takes its time is over with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// No dirty line is left.
    Clean(Target),
    /// The line is gone.
    Gone(AmfId, Block),
    /// No scrub is under way.
    Scrubbed,
    /// Nothing is in doubt any more, where so many regions were.
    Accepted(usize),
    /// The newest view is under this protocol, and everybody has it.
    Protocol(Protocol),
}

impl Session {
    pub(super) fn has_ended(&mut self, ending: Ending) -> bool {
        match ending {
            Ending::Clean(target) => {
                let snapshot = self.snapshot(&Ask::BRIEF);
                let meant = |amf: AmfId| match target {
                    Target::One(one) => amf == one,
                    Target::All => true,
                };
                let mut works = snapshot
                    .amfs
                    .iter()
                    .filter(|info| matches!(info.status, AmfStatus::Serving | AmfStatus::NoLease));
                works.all(|info| !meant(info.id) || info.dirty == 0)
            }
            Ending::Gone(amf, block) => {
                let (_, info) = self.look(amf, block);
                info.is_none_or(|info| info.lines.iter().all(|line| line.block != block))
            }
            Ending::Scrubbed => {
                let snapshot = self.snapshot(&Ask::BRIEF);
                snapshot.scrub.is_none_or(|(_, report)| report.done)
            }
            Ending::Accepted(_) => self.snapshot(&Ask::BRIEF).view.lost().next().is_none(),
            Ending::Protocol(protocol) => {
                let snapshot = self.snapshot(&Ask::BRIEF);
                let epoch = snapshot.view.epoch;
                let there = snapshot.amfs.iter().all(|info| match info.status {
                    AmfStatus::Paused | AmfStatus::Down => true,
                    AmfStatus::Joining => false,
                    AmfStatus::Serving | AmfStatus::NoLease => info.epoch >= epoch,
                });
                // While a workload runs a cluster hardly ever settles.
                let rests = self.is_loaded() || self.engine.is_settled();
                snapshot.view.protocol == protocol && there && rests
            }
        }
    }

    /// What is said of it when it is over.
    pub(super) fn ended(&mut self, ending: Ending) -> Report {
        match ending {
            Ending::Scrubbed => {
                let snapshot = self.snapshot(&Ask::BRIEF);
                let is_dead = snapshot.disks.iter().all(|disk| disk.failed);
                let told =
                    snapshot.scrub.map_or_else(String::new, |(amf, report)| match report.checked {
                        0 if is_dead => format!("{amf} scrubbed nothing: every disk has failed"),
                        _ => format!("{amf} {report}"),
                    });
                Report::new(Status::Fine, told)
            }
            Ending::Accepted(0) => Report::new(Status::Fine, "nothing was in doubt"),
            Ending::Accepted(regions) => {
                let said = if regions == 1 { "is" } else { "are" };
                let regions = Many::of(regions, "region");
                let text = format!("{regions} in doubt {said} given out again, as left");
                Report::new(Status::Fine, text)
            }
            Ending::Clean(_) | Ending::Gone(..) | Ending::Protocol(_) => Report::fine(),
        }
    }

    pub(super) fn not_ended(ending: Ending) -> Report {
        match ending {
            Ending::Clean(_) => Report::new(Status::Fine, "dirty lines are left; it goes on"),
            Ending::Gone(..) => Report::new(Status::Fine, "the line is still there; it goes on"),
            Ending::Scrubbed => Report::new(Status::Fine, "the scrub is under way; it goes on"),
            Ending::Accepted(_) => {
                Report::new(Status::Fine, "the loss is being accepted; it goes on")
            }
            Ending::Protocol(protocol) => {
                let line = format!("the cluster did not come to a view under `{protocol}`");
                Report::new(Status::Failed, line)
            }
        }
    }
}

/// What a command ends with; `doubt`: regions that were in doubt when it was given.
pub(super) fn ending_of(command: &Command, doubt: usize) -> Option<Ending> {
    match command {
        Command::Destage(target) => Some(Ending::Clean(*target)),
        Command::Evict(amf, Some(block)) => Some(Ending::Gone(*amf, *block)),
        Command::Scrub => Some(Ending::Scrubbed),
        Command::AcceptLoss => Some(Ending::Accepted(doubt)),
        Command::Protocol(protocol) => Some(Ending::Protocol(*protocol)),
        _ => None,
    }
}

/// What a command tells the engine; `None` for those that the session does itself.
#[must_use]
pub fn action_of(command: &Command) -> Option<Action> {
    Some(match command.clone() {
        Command::Destage(target) => Action::Destage(target),
        Command::Evict(amf, block) => Action::Evict(amf, block),
        Command::Crash(amf) => Action::Crash(amf),
        Command::Restart(amf) => Action::Restart(amf),
        Command::Pause(amf) => Action::Pause(amf),
        Command::Resume(amf) => Action::Resume(amf),
        Command::LeaseExpire(amf) => Action::ExpireLease(amf),
        Command::Partition(sides) => Action::Partition(sides),
        Command::Heal => Action::Heal,
        Command::Link(a, b, setting) => Action::Link(a, b, setting),
        Command::Fail(disk) => Action::FailDisk(disk),
        Command::Replace(disk) => Action::ReplaceDisk(disk),
        Command::Corrupt(disk, block) => Action::Corrupt(disk, block),
        Command::CorruptJournal(amf) => Action::CorruptJournal(amf),
        Command::Scrub => Action::Scrub,
        Command::AcceptLoss => Action::AcceptLoss,
        Command::Slow(disk, span) => Action::SlowDisk(disk, span),
        Command::Witness(up) => Action::Witness(up),
        Command::PowerFail => Action::PowerFail,
        Command::Defect(defect, on) => Action::Defect(defect, on),
        Command::Protocol(protocol) => Action::Protocol(protocol),
        Command::Hold(true, filter) => Action::Hold(filter),
        Command::Hold(false, filter) => Action::Unhold(filter),
        Command::Deliver(release) => Action::Deliver(release),
        Command::Lose(release) => Action::Lose(release),
        Command::Repeat(release) => Action::Repeat(release),
        Command::Step(count) => Action::Step(count),
        Command::Tempo(tempo) => Action::Tempo(tempo),
        Command::Record(file) => Action::Record(file),
        Command::Seek(seek) => Action::Seek(seek),
        Command::Host(_)
        | Command::Start(..)
        | Command::Await(_)
        | Command::Workload(..)
        | Command::Replay(_)
        | Command::RunUntil(..)
        | Command::Wait(_)
        | Command::Settle
        | Command::Audit
        | Command::Why(..)
        | Command::Note(_)
        | Command::Expect(_) => return None,
    })
}
