//! The fault schedule of a run, and how long it takes until others have taken over.

use super::Load;
use crate::cli::recovery::Watch;
use crate::profile;
use crate::protocol::id::Instant;
use crate::session::request_of;
use crate::trace::{Ask, Command};
use crate::workload::Planned;

impl Load {
    /// Does what is due of the fault schedule. When the next fault is due.
    pub(super) fn do_faults(&mut self, now: Instant, until: Instant) -> Instant {
        // What would come after the end does not keep a run from ending.
        self.faults.cut(until);
        while let Some(command) = self.faults.take(now) {
            self.try_fault(&command, now);
        }
        self.faults.next()
    }

    /// Ends what was not ended yet.
    pub(super) fn heal(&mut self) {
        let now = self.engine.now();
        for command in self.faults.heal() {
            self.try_fault(&command, now);
        }
    }

    /// Looks at a recovery, if one is watched; when to look again.
    pub(super) fn look_at_recovery(&mut self, now: Instant) -> Instant {
        let Some(next) = self.recovery.as_ref().map(Watch::next) else { return Instant::NEVER };
        if next > now {
            return next;
        }
        let takeovers = self.engine.snapshot(&Ask::BRIEF).counts.takeovers;
        self.recovery.as_mut().map_or(Instant::NEVER, |watch| {
            watch.look(now, takeovers);
            watch.next()
        })
    }

    pub(super) fn try_fault(&mut self, command: &Command, now: Instant) {
        if self.recovery.is_some() && Watch::is_wanted(command) {
            let takeovers = self.engine.snapshot(&Ask::BRIEF).counts.takeovers;
            if let Some(watch) = &mut self.recovery {
                watch.on_fault(command, now, takeovers);
            }
        }
        if let Err(why) = self.do_fault(command, now) {
            self.remarks.push(format!("fault `{command}`: {why}"));
        }
    }

    pub(super) fn do_fault(&mut self, command: &Command, now: Instant) -> Result<(), String> {
        match command {
            Command::Workload(true, name) => {
                if self.profile.workloads.iter().all(|spec| spec.name != *name) {
                    let built_in = profile::workload_for(&self.profile, name);
                    let built_in =
                        built_in.map_err(|error| error.to_string().replace('\n', " "))?;
                    self.profile.workloads.extend(built_in);
                }
                let spec = self.profile.workloads.iter().find(|spec| spec.name == *name).cloned();
                self.start_workload(&spec.ok_or("there is no such workload")?);
            }
            Command::Workload(false, name) => {
                let lanes = self.lanes.iter_mut().filter(|lane| lane.name == *name);
                lanes.for_each(|lane| lane.feed.stop());
            }
            Command::Host(host) => {
                let kind = request_of(host, self.profile.config.block_size);
                let kind = kind.map_err(|wrong| wrong.to_string())?;
                self.give(None, Planned { amf: host.amf(), kind, at: None }, now);
            }
            Command::Act(action) => {
                self.engine.submit(action.clone()).map_err(|error| error.to_string())?;
            }
            // Not in a schedule, or nothing for an engine: a note.
            _ => {}
        }
        Ok(())
    }
}
