//! The simulator as an [`Engine`].

use super::Sim;
use crate::protocol::id::{AmfId, Instant, OpId, Span};
use crate::protocol::{Config, RequestKind};
use crate::trace::action::Action;
use crate::trace::engine::{Advance, Completion, Engine, EngineError, HostPort, Progress};
use crate::trace::event::Event;
use crate::trace::recording::Whole;
use crate::trace::snapshot::{Ask, Snapshot};
use crate::trace::step::{Control, Step};

/// A clean end gives up destaging after this much virtual time.
const SHUTDOWN_TIME_MAX: Span = Span::secs(600);

impl HostPort for Sim {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        self.submit_host(amf, kind)
    }

    fn host_again(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        self.submit_again(op, amf, kind)
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        self.completions.pop_front()
    }
}

impl Engine for Sim {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        self.act(&action)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.world.poll_event()
    }

    fn recorded(&mut self) -> Result<Whole, EngineError> {
        let none = || EngineError::Refused("the steps of this run are not kept".to_owned());
        let recorder = self.recorder.as_mut().ok_or_else(none)?;
        recorder.so_far().map_err(EngineError::Refused)
    }

    fn mark_figures(&mut self, on: bool) {
        self.apply(Step::Control(Control::Figures(on)));
    }

    fn subscribe(&mut self, on: bool) {
        self.world.observe(on);
    }

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        self.picture(ask)
    }

    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError> {
        for _ in 0..how.steps_max {
            if !self.step_once(how.until) {
                let stands_still = self.network.is_step_mode();
                if stands_still || (self.queue.next_at().is_none() && how.until == Instant::NEVER) {
                    return Ok(Progress::Idle);
                }
                self.now = self.now.max(how.until);
                return Ok(Progress::Deadline);
            }
        }
        Ok(Progress::Stepped)
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn config(&self) -> &Config {
        &self.profile.config
    }

    fn is_settled(&mut self) -> bool {
        self.settled()
    }

    fn audit(&mut self) {
        Sim::audit(self);
    }

    fn shutdown(&mut self) -> Result<(), EngineError> {
        self.destage_everyone();
        let deadline = self.now + SHUTDOWN_TIME_MAX;
        while !self.settled() && self.step_once(deadline) {}
        self.end_recording();
        Ok(())
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.end_recording();
    }
}

impl Sim {
    /// The run is over; what was recorded gets its end.
    fn end_recording(&mut self) {
        if let Some(recorder) = self.recorder.as_mut().filter(|recorder| recorder.is_writing()) {
            // What was wrong with it is in the snapshot.
            let _ = recorder.stop("the run ended");
        }
    }

    /// Nothing is outstanding; or only what an active fault holds back, and nothing has moved for a
    /// time in which everything that could have moved would have.
    pub(super) fn settled(&self) -> bool {
        if self.network.is_step_mode() {
            // The clock stands still: what has not happened now is held back.
            return !self.queue.has_due(self.now);
        }
        if self.world.unsettled().is_empty() && self.parked.is_empty() {
            return self.network.held().is_empty();
        }
        let cfg = &self.profile.config;
        let patience = Span(cfg.lease_at_witness().0 * 2 + cfg.suspect_after.0 * 2);
        let held_back = !self.world.faults().is_empty() || !self.network.held().is_empty();
        held_back && self.now.since(self.progress_at) > patience
    }
}
