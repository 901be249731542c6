//! Runs commands over any [`Engine`]: gives them, waits as each demands, checks what is expected.
//!
//! In come typed commands; out come [`Report`]s. A session never blocks by itself:
//! [`Session::begin`] starts a command, [`Session::poll`] says whether it is through. The console
//! polls between frames; [`Session::execute`] lets time pass until it is, for scripts and tests.
//!
//! Reading order: [`host`] (operations and their answers), [`wait`] (conditions), [`expect`],
//! [`why`] and [`sentence`] (in words), [`listing`] (what a command made happen, as lines),
//! [`script`] (whole scripts), [`recorder`] (what `:save` writes).

mod action;
pub mod expect;
pub mod host;
pub mod listing;
mod observer;
pub mod recorder;
pub mod script;
pub mod sentence;
mod task;
pub mod wait;
pub mod why;
mod workloads;

pub use host::request_of;
pub use recorder::{KeptId, Recorder};
pub use script::{ScriptReport, run_script};
pub use task::{Report, Running, Status};
pub use workloads::{Replay, ReplayProgress, ReplayState};

use crate::profile::Profile;
use crate::protocol::id::{AmfId, Block, Instant, OpId, Span};
use crate::trace::change::Differences;
use crate::trace::engine::{Advance, Engine, EngineError, Progress};
use crate::trace::event::Event;
use crate::trace::recording::Whole;
use crate::trace::snapshot::{AmfInfo, Ask, Snapshot};
use crate::trace::{Command, Completion, Survey};
use host::Hosts;
use observer::Observer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wait::Watchpoint;
use workloads::{BURST_MAX, Workloads};

/// An engine of whatever kind; a session may live in a thread of its own.
pub type AnyEngine = Box<dyn Engine + Send>;

/// How long `settle` waits in a live cluster.
pub const SETTLE_LIVE: Span = Span::secs(15);
/// How long `settle` waits in the simulator, in virtual time.
pub const SETTLE_SIM: Span = Span::secs(600);
/// How long `audit` waits in the simulator, in virtual time: what takes longer makes no progress.
pub const AUDIT_SIM: Span = Span::secs(120);
/// How long `run-until` waits if nothing is said.
pub const RUN_UNTIL: Span = Span::secs(10);
/// A live engine is looked at again after this, also if no event called for it.
const LOOK_AGAIN: Span = Span::millis(10);

/// A cluster, and a person or a script that gives it commands.
pub struct Session {
    engine: AnyEngine,
    live: bool,
    host_timeout: Span,
    hosts: Hosts,
    observer: Observer,
    /// From this event on `run-until sent` and `delivered` look: what the last command that did
    /// something has brought about may have happened before `run-until` is read.
    watch_from: u64,
    /// The last command that did something started an operation.
    starting: bool,
    interrupted: Arc<AtomicBool>,
    watchpoint: Option<Watchpoint>,
    /// `hold on` without its `hold off`: what is waited for may never come.
    holds: u32,
    workloads: Workloads,
    open_trace: OpenTrace,
}

/// Opens a trace: its path and the options of `amflab replay` in one line, as in a shell; or what is wrong. A trace
/// is read to its end first: how many of its bytes are done, and how many there are, is told every now and then,
/// and `false` ends it.
pub type OpenTrace =
    Arc<dyn Fn(&str, &mut dyn FnMut(u64, u64) -> bool) -> Result<Replay, String> + Send + Sync>;

impl Session {
    /// A session over `engine`, which was built from `profile`. Subscribes to its events.
    #[must_use]
    pub fn new(mut engine: AnyEngine, profile: &Profile) -> Self {
        engine.subscribe(true);
        let live = engine.snapshot(&Ask::BRIEF).engine == "live";
        Self {
            engine,
            live,
            host_timeout: profile.host.timeout,
            hosts: Hosts::new(&profile.config),
            observer: Observer::default(),
            watch_from: 0,
            starting: false,
            interrupted: Arc::default(),
            watchpoint: None,
            holds: 0,
            workloads: Workloads::new(profile),
            open_trace: Arc::new(|_, _| Err("no traces are opened here".to_owned())),
        }
    }

    /// Who opens the traces that `replay` names.
    pub fn set_open_trace(&mut self, open: OpenTrace) {
        self.open_trace = open;
    }

    /// The engine: its clock, its counters, its snapshots.
    pub fn engine(&mut self) -> &mut dyn Engine {
        self.engine.as_mut()
    }

    /// True if time is real.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The cluster's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.engine.now()
    }

    /// How things stand.
    pub fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        self.engine.snapshot(ask)
    }

    /// What happened in the steps after `from`, up to `to`, if the engine can still tell.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if it cannot any more.
    pub fn told(&mut self, from: u64, to: u64) -> Result<Option<Vec<Event>>, EngineError> {
        self.engine.told(from, to)
    }

    /// What differs between two positions, if the engine can still tell.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if it cannot any more.
    pub fn differences(&mut self, from: u64, to: u64) -> Result<Option<Differences>, EngineError> {
        self.engine.differences(from, to)
    }

    /// The run so far as a whole recording.
    ///
    /// # Errors
    /// [`EngineError::Refused`]: its steps are not kept, or are too many.
    pub fn recorded(&mut self) -> Result<Whole, EngineError> {
        self.engine.recorded()
    }

    /// What stands out in the whole of the run, if the engine knows all of it.
    pub fn survey(&mut self) -> Option<Arc<Survey>> {
        self.engine.survey()
    }

    /// What one AMF has of one block.
    fn look(&mut self, amf: AmfId, block: Block) -> (Snapshot, Option<AmfInfo>) {
        let ask = Ask { first: block.0, end: block.0.saturating_add(1), held_max: 0, ..Ask::BRIEF };
        let snapshot = self.engine.snapshot(&ask);
        let info = snapshot.amfs.iter().find(|info| info.id == amf).cloned();
        (snapshot, info)
    }

    /// Names of the generators that make requests now.
    pub fn workloads_running(&self) -> impl Iterator<Item = &str> {
        self.workloads.running()
    }

    /// Replays a trace, beside whatever else goes on; one at a time.
    ///
    /// # Errors
    /// One is running already; in words.
    pub fn start_replay(&mut self, replay: Replay) -> Result<(), String> {
        let violations = self.engine.snapshot(&Ask::BRIEF).violations_total;
        let now = self.engine.now();
        self.workloads.start_replay(replay, violations, now)?;
        self.workloads.tick(self.engine.as_mut(), BURST_MAX);
        Ok(())
    }

    /// How far the newest replay is; `None` before the first.
    #[must_use]
    pub fn replay(&self) -> Option<&ReplayProgress> {
        self.workloads.replay()
    }

    /// Pauses the replay, lets it go on, or stops it.
    ///
    /// # Errors
    /// None is running; in words.
    pub fn steer_replay(&mut self, wanted: ReplayState) -> Result<(), String> {
        let now = self.engine.now();
        self.workloads.steer_replay(wanted, now)?;
        self.workloads.tick(self.engine.as_mut(), BURST_MAX);
        Ok(())
    }

    /// Number of the next event: what [`Self::events_since`] takes.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.observer.end()
    }

    /// The events from `mark` on that are still kept, oldest first.
    pub fn events_since(&self, mark: u64) -> impl Iterator<Item = &Event> {
        self.observer.since(mark).map(|(event, _)| event)
    }

    /// At most so many of them, and the number of the event behind the last.
    #[must_use]
    pub fn some_events_since(&self, mark: u64, most: usize) -> (Vec<Event>, u64) {
        self.observer.some_since(mark, most)
    }

    /// The answer to the operation with this number, if it came in time.
    #[must_use]
    pub fn completion(&self, op: host::HostOpId) -> Option<&Completion> {
        self.hosts.completion(op)
    }

    /// The engine's number of an operation; `None` while its AMF is joining.
    #[must_use]
    pub fn engine_op(&self, op: host::HostOpId) -> Option<OpId> {
        self.hosts.engine_op(op)
    }

    /// A generator or a replay makes requests, or is still being answered.
    pub(super) fn is_loaded(&self) -> bool {
        self.workloads.is_busy()
    }

    /// Ends what is being waited for, with an error, once this becomes true.
    pub fn watch_interrupt(&mut self, interrupted: Arc<AtomicBool>) {
        self.interrupted = interrupted;
    }

    /// When a generator's next request is due, on the cluster's clock: no later may time pass in one
    /// go. [`Instant::NEVER`]: nothing is due.
    #[must_use]
    pub fn next_due(&self) -> Instant {
        self.workloads.next()
    }

    /// Takes in what has happened: events, answers, timeouts; gives operations that waited for a
    /// joining AMF.
    pub fn pump(&mut self) {
        self.pump_some(BURST_MAX);
    }

    /// The same with at most so many requests of generators; true: more are due, for [`Self::ask_some`].
    pub fn pump_some(&mut self, requests: u32) -> bool {
        // What led to an answer is told before it is there: in this order none is seen without.
        let completions: Vec<Completion> =
            core::iter::from_fn(|| self.engine.poll_completion()).collect();
        while let Some(event) = self.engine.poll_event() {
            self.observer.push(event);
        }
        for completion in completions {
            if !self.workloads.answered(&completion, self.engine.as_mut()) {
                self.hosts.answered(completion);
            }
        }
        self.hosts.tick(self.engine.as_mut());
        let more = self.workloads.tick(self.engine.as_mut(), requests);
        self.look_at_watchpoint();
        more
    }

    /// Makes at most so many requests of generators that are due; true: more are.
    pub fn ask_some(&mut self, requests: u32) -> bool {
        self.workloads.tick(self.engine.as_mut(), requests)
    }

    /// Gives a command and lets time pass until it is through.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    pub fn execute(&mut self, command: &Command) -> Result<Report, EngineError> {
        let mut running = self.begin(command)?;
        loop {
            if let Some(report) = self.poll(&mut running)? {
                return Ok(report);
            }
            let deadline = running.deadline();
            if self.advance(deadline)? == Progress::Idle {
                // Nothing will happen any more, at no time: whoever waits has waited to the end.
                self.pump();
                return match self.poll(&mut running)? {
                    Some(report) => Ok(report),
                    None => Ok(self.give_up(running)),
                };
            }
        }
    }

    /// Lets time pass, one step or one event at most, and takes in what happened.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    pub fn advance(&mut self, deadline: Instant) -> Result<Progress, EngineError> {
        self.advance_steps(deadline, 1)
    }

    /// Lets time pass, at most so many steps and to the next request of a generator, and takes in
    /// what happened. The console's way: a frame has room for many steps.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the cluster cannot go on.
    pub fn advance_steps(
        &mut self,
        deadline: Instant,
        steps_max: u64,
    ) -> Result<Progress, EngineError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(EngineError::Broken("interrupted".to_owned()));
        }
        let mut until = deadline.min(self.workloads.next());
        if self.live {
            until = until.min(self.now() + LOOK_AGAIN);
        }
        if self.watchpoint.is_none() {
            let progress = self.engine.advance(Advance { until, steps_max })?;
            self.pump();
            return Ok(progress);
        }
        // No step is passed without a look.
        for _ in 0..steps_max {
            let progress = self.engine.advance(Advance { until, steps_max: 1 })?;
            self.pump();
            if progress != Progress::Stepped || self.has_hit().is_some() {
                return Ok(progress);
            }
        }
        Ok(Progress::Stepped)
    }

    /// Ends the cluster as a person would.
    ///
    /// # Errors
    /// [`EngineError::Broken`] says what could not be written.
    pub fn shutdown(&mut self) -> Result<(), EngineError> {
        self.engine.shutdown()
    }
}
