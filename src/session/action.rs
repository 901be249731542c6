//! When the actions of an engine that take their time are over.

use super::{Report, Session, Status};
use crate::protocol::id::{AmfId, Block};
use crate::protocol::{Many, Protocol};
use crate::trace::action::{Action, Target};
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

/// What an action ends with; `doubt`: regions that were in doubt when it was given.
pub(super) fn ending_of(action: &Action, doubt: usize) -> Option<Ending> {
    match action {
        Action::Destage(target) => Some(Ending::Clean(*target)),
        Action::Evict(amf, Some(block)) => Some(Ending::Gone(*amf, *block)),
        Action::Scrub => Some(Ending::Scrubbed),
        Action::AcceptLoss => Some(Ending::Accepted(doubt)),
        Action::Protocol(protocol) => Some(Ending::Protocol(*protocol)),
        _ => None,
    }
}
