//! A look at the cluster: it goes on, and what happened and how it stands now are taken in.

use super::super::update::Msg;
use super::super::view::{self, layout};
use super::pace::{Clock, Look};
use super::remarks::Remark;
use super::{Console, ConsoleError, HELD_MAX, TEMPO_FULL};
use crate::protocol::id::Instant;
use crate::session::Session;
use crate::trace::Ask;
use crate::trace::engine::Progress;
use std::time::{Duration, Instant as Wall};

/// Steps of a simulated cluster between two looks at the wall clock.
const STEPS_AT_ONCE: u64 = 32;
/// Wall time that a simulated cluster may take of a frame.
const ADVANCE_MAX: Duration = Duration::from_millis(12);
/// Requests of generators that are made, and events that are taken in, before keys are looked at again:
/// about a millisecond each.
const REQUESTS_AT_ONCE: u32 = 8;
const EVENTS_AT_ONCE: usize = 512;
/// Times that requests are made in one look.
const REQUESTS_TURNS: u32 = 128;

impl Console {
    /// Lets the cluster go on, and takes in what happened.
    pub(super) fn look(&mut self, session: &mut Session) -> Result<Look, ConsoleError> {
        let tempo = self.model.cluster.now.tempo;
        let still = match self.pace.clock() {
            // Only commands move a lesson's cluster.
            Clock::Driven if self.lessons.is_taken() => true,
            Clock::Driven => self.advance(session, tempo)?,
            Clock::Waking | Clock::Polled => {
                self.pump(session)?;
                false
            }
        };
        self.stop_at_watch(session)?;
        // A lesson has no schedule.
        while !self.lessons.is_taken()
            && let Some(command) = self.faults.take(session.now())
        {
            self.run_command(session, &command)?;
        }
        self.take_trace(session)?;
        self.take_remarks(session)?;
        self.take_foreseen(session)?;
        self.take_job(session)?;
        self.take_tables(session)?;
        let before = self.mark;
        while self.take_some(session)? && !self.ended {
            self.let_in(session)?;
        }
        let said = self.executor.poll(session)?;
        // What happened comes before what came of it: the sentence of an operation is told from its
        // events.
        self.take_events(session)?;
        for msg in said {
            self.tell(session, msg)?;
        }
        self.refresh(session)?;
        if self.model.cluster.now.step_mode
            && let Some(msg) = self.executor.stalls()
        {
            self.tell(session, msg)?;
        }
        self.acted = false;
        let now = &self.model.cluster.now;
        Ok(Look {
            busy: self.mark > before || now.outstanding > 0,
            tasks: self.executor.is_busy(),
            still,
            due: session.next_due(),
            now: now.now,
            tempo: now.tempo,
        })
    }

    /// Lets a simulated cluster go on for the wall time that has passed, within what a frame allows.
    /// True: nothing will happen by itself any more.
    pub(super) fn advance(
        &mut self,
        session: &mut Session,
        tempo: u32,
    ) -> Result<bool, ConsoleError> {
        let start = Wall::now();
        let mut until = session.now() + self.pace.passed(start, tempo, self.slept);
        let mut steps = STEPS_AT_ONCE;
        // A replay as fast as can be does not wait for the clock on the wall.
        let flat_out = session.replay().is_some_and(|replay| replay.is_flat_out);
        if flat_out && tempo == TEMPO_FULL && self.drives(session) {
            (until, steps) = (Instant::NEVER, 1);
        }
        loop {
            match session.advance_steps(until, steps)? {
                Progress::Idle => return Ok(true),
                Progress::Deadline if session.now() >= until => return Ok(false),
                Progress::Deadline | Progress::Stepped => {}
            }
            let through = until == Instant::NEVER && !self.drives(session);
            if through || session.has_hit().is_some() || start.elapsed() >= ADVANCE_MAX {
                return Ok(false);
            }
        }
    }

    /// Takes in answers of a cluster that runs by itself, and makes the requests that are due.
    fn pump(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let mut more = session.pump_some(REQUESTS_AT_ONCE);
        for _ in 1..REQUESTS_TURNS {
            if !more || self.ended {
                break;
            }
            self.let_in(session)?;
            more = session.ask_some(REQUESTS_AT_ONCE);
        }
        Ok(())
    }

    /// Whoever types in the middle of a look is not kept waiting for its end.
    fn let_in(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let (keys, news) = self.take_in(session, Some(Duration::ZERO), None)?;
        self.meanwhile |= keys || news;
        if keys && !self.acted && !self.ended {
            self.draw()?;
        }
        Ok(())
    }

    fn take_remarks(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        while let Ok(Remark { level, source, text }) = self.remarks.try_recv() {
            self.tell(session, Msg::Logged(level, source, text))?;
        }
        Ok(())
    }

    pub(super) fn take_events(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let upto = session.mark();
        while self.mark < upto {
            self.take_some(session)?;
        }
        Ok(())
    }

    /// Takes in the next events; true: there are more.
    fn take_some(&mut self, session: &mut Session) -> Result<bool, ConsoleError> {
        let (events, next) = session.some_events_since(self.mark, EVENTS_AT_ONCE);
        self.mark = next;
        for event in events {
            self.tell(session, Msg::Event(event))?;
        }
        Ok(self.mark < session.mark())
    }

    /// Takes in events and a new snapshot of what the screen shows.
    pub(super) fn refresh(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        self.take_events(session)?;
        self.asked = self.ask();
        let snapshot = session.snapshot(&self.asked);
        let running = session.workloads_running().map(str::to_owned).collect();
        self.tell(session, Msg::Workloads(running))?;
        self.show_replay(session, snapshot.violations_total)?;
        self.tell(session, Msg::Snapshot(Box::new(snapshot)))
    }

    /// What the screen needs to know.
    pub(super) fn ask(&self) -> Ask {
        view::asked(layout::plan(&self.model).as_ref(), &self.model, HELD_MAX)
    }
}
