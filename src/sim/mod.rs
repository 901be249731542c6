//! A seeded scheduler over a [`World`], in virtual time: the engine that people's scripts, fuzzing and
//! lessons run on. Same profile, seed and commands: the same events, byte for byte.
//!
//! `queue` orders what is due; `network` is the model of links and the faults on them; this file
//! takes the next step and turns effects into more; `engine` speaks to the rest of the program;
//! [`trunk`] goes on from the middle of a run; [`pair`] is two of them on the same input.

mod audit;
mod control;
mod engine;
mod network;
mod over;
pub mod pair;
mod queue;
mod snapshot;
pub mod trunk;

use self::network::{Network, Verdict};
use self::queue::{Due, Queue};
use crate::check::history;
use crate::check::{ReadChecker, Start};
use crate::profile::Profile;
use crate::protocol::RequestKind;
use crate::protocol::host::Request;
use crate::protocol::id::{AmfId, DiskId, Epoch, Instant, NodeId, OpId, Span};
use crate::protocol::table::Table;
use crate::trace::engine::{ByKind, Completion, Counts};
use crate::trace::recording::{Bounds, Recorded, Recorder};
use crate::trace::step::{Step, StepEntry};
use crate::world::{Effect, InFlight, Said, World};
use std::collections::VecDeque;

pub use audit::Audited;
pub use over::Flight;
pub use queue::What;
pub use trunk::Trunk;

/// Full scans in debug builds come once in so many steps.
const SCAN_STEPS: u64 = 4_096;
/// Completions that nobody has taken yet.
const COMPLETIONS_MAX: usize = 1 << 20;

/// How a simulation differs from its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimOptions {
    /// Keep every step: [`Sim::log`].
    pub log: bool,
    /// Judge every read (`check::ReadChecker`).
    pub judge: bool,
    /// Keep what hosts saw, so that [`Sim::audit`] can judge whether it is linearizable.
    pub history: bool,
    /// Keep the steps in short, so that the run can be recorded, also from later on
    /// ([`crate::trace::Action::Record`]).
    pub keep: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self { log: false, judge: true, history: false, keep: false }
    }
}

/// An operation under way.
#[derive(Clone, Debug)]
struct Asked {
    amf: AmfId,
    started: Instant,
    messages: ByKind,
}

/// A simulated cluster.
#[derive(Debug)]
pub struct Sim {
    world: World,
    profile: Profile,
    options: SimOptions,
    now: Instant,
    queue: Queue,
    /// When each machine's next tick is scheduled, in the order of `World::nodes`.
    ticks: Vec<Instant>,
    network: Network,
    asked: Table<OpId, Asked>,
    next_op: u64,
    completions: VecDeque<Completion>,
    judge: Option<ReadChecker>,
    history: Option<history::Recorder<Vec<u8>>>,
    /// Blocks whose histories the last audit could not decide.
    undecided: u64,
    log: Vec<StepEntry>,
    /// `None`: nothing is kept, and nothing was ever recorded.
    recorder: Option<Recorder>,
    messages: ByKind,
    /// Counters of AMFs that crashed.
    buried: Counts,
    /// When something other than a retransmission or a renewal last happened.
    progress_at: Instant,
    tempo: u32,
    slow: Vec<Span>,
    /// What was parked while an AMF was paused.
    parked: Vec<(AmfId, What)>,
    /// The requests among that.
    requests: Table<OpId, Request>,
}

impl Sim {
    /// A cluster in its first view. `seed` drives whatever is random.
    #[must_use]
    pub fn new(profile: &Profile, seed: u64, options: SimOptions) -> Self {
        let cfg = std::sync::Arc::new(profile.config.clone());
        let mut world = World::new(&cfg, Epoch(1), false);
        world.digest_outputs(options.keep);
        let mut sim = Self::built(world, profile, seed, options);
        let per = cfg.sectors_per_block();
        sim.judge = options.judge.then(|| ReadChecker::new(per, Start::Zero));
        sim.history = options.history.then(|| history::Recorder::new(Vec::new(), per, Start::Zero));
        if options.keep {
            sim.recorder = Some(sim.new_recorder(Bounds::USUAL));
        }
        sim.carry_out();
        sim.schedule_ticks();
        sim
    }

    /// Around a world of this profile, at its time; nothing is judged, and nothing is scheduled.
    fn built(world: World, profile: &Profile, seed: u64, options: SimOptions) -> Self {
        let nodes = world.nodes().count();
        let disks = usize::from(profile.config.disks_all());
        let now = world.now();
        let mut sim = Self {
            network: Network::new(profile, seed),
            judge: None,
            history: None,
            world,
            profile: profile.clone(),
            options,
            now,
            queue: Queue::default(),
            ticks: vec![Instant::NEVER; nodes],
            asked: Table::default(),
            next_op: 0,
            completions: VecDeque::new(),
            undecided: 0,
            log: Vec::new(),
            recorder: None,
            messages: ByKind::default(),
            buried: Counts::default(),
            progress_at: now,
            tempo: 1_000,
            slow: vec![Span(0); disks],
            parked: Vec::new(),
            requests: Table::default(),
        };
        sim.profile.seed = seed;
        sim
    }

    /// The cluster as it is.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Every step so far, if `SimOptions::log` asked for it.
    #[must_use]
    pub fn log(&self) -> &[StepEntry] {
        &self.log
    }

    /// Blocks whose histories the last audit could not decide within its budget.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        self.undecided
    }

    /// Turns the invariants off and on (they are on).
    pub fn check_invariants(&mut self, on: bool) {
        self.world.check_invariants(on);
    }

    // ---- the next step

    /// When something happens by itself; `None`: never, or the clock stands still.
    fn next_due(&self) -> Option<Instant> {
        let at = self.queue.next_at()?;
        (!self.network.is_step_mode() || at <= self.now).then_some(at)
    }

    /// Takes the next step that is due at or before `until`. False if there is none.
    fn step_once(&mut self, until: Instant) -> bool {
        if self.network.is_step_mode() && !self.queue.has_due(self.now) {
            return false;
        }
        let Some(Due { at, what }) = self.queue.pop(until) else { return false };
        self.now = self.now.max(at);
        self.take(what);
        true
    }

    fn take(&mut self, what: What) {
        match what {
            What::Host { amf, op } => {
                let request = self.requests.remove(&op).expect("what is parked is kept");
                self.take_host(amf, request);
            }
            What::Deliver { from, to, no } => self.take_packet(from, to, no),
            // A power failure may have come between.
            What::Store { disk } if !self.world.has_stored(disk) => {}
            What::Store { disk } => self.apply(Step::Store { disk }),
            What::Journal { amf } if self.world.is_paused(amf) => self.parked.push((amf, what)),
            What::Journal { amf } if !self.world.has_journalled(amf) => {}
            What::Journal { amf } => self.apply(Step::Journal { amf, ok: true }),
            What::Tick { node } => {
                let index = node.index(self.profile.config.amfs);
                // A tick that was scheduled for a deadline which has moved since is no step.
                if self.ticks[index] <= self.now {
                    self.ticks[index] = Instant::NEVER;
                    if self.world.deadline(node) <= self.now {
                        // It has moved, so its next tick is scheduled with what comes of this one.
                        self.apply(Step::Tick { node });
                    } else {
                        self.schedule_tick(node, index);
                    }
                }
            }
        }
    }

    fn take_host(&mut self, amf: AmfId, request: Request) {
        if self.world.is_paused(amf) {
            self.parked.push((amf, What::Host { amf, op: request.op }));
            self.requests.insert(request.op, request);
            return;
        }
        self.progress_at = self.now;
        self.apply(Step::Host { amf, request });
    }

    /// A packet arrives, unless the network has other plans with it.
    fn take_packet(&mut self, from: NodeId, to: NodeId, no: u64) {
        if let NodeId::Amf(amf) = to
            && self.world.is_paused(amf)
        {
            return self.parked.push((amf, What::Deliver { from, to, no }));
        }
        let Some(packet) = self.world.in_flight().packet(from, to, no) else { return };
        match self.network.arrival(packet, no) {
            Verdict::Deliver => self.apply(Step::Deliver { from, to, no, keep: false }),
            Verdict::Twice(after) => {
                self.apply(Step::Deliver { from, to, no, keep: true });
                self.queue.push(self.now + after, What::Deliver { from, to, no });
            }
            Verdict::Lose => self.apply(Step::Lose { from, to, no }),
            Verdict::Held => {}
        }
    }

    /// Applies a step and schedules what it brings about.
    fn apply(&mut self, step: Step) {
        let entry = StepEntry { now: self.now, step };
        let applied = self.world.apply(&entry);
        assert!(applied.is_ok(), "the scheduler takes steps that exist: {applied:?}");
        if self.options.log {
            self.log.push(entry.clone());
        }
        if let Some(recorder) = &mut self.recorder {
            let digest = self.world.digest();
            recorder.push(&Recorded { entry, outcome: None, digest, broke: false });
        }
        self.carry_out();
        if cfg!(debug_assertions) && self.world.step_count().is_multiple_of(SCAN_STEPS) {
            self.world.full_scan();
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.world.poll_effect() {
            match effect {
                Effect::Sent { from, to, no, said } => self.on_sent(from, to, no, said),
                Effect::Stored(disk) => self.on_stored(disk),
                Effect::Journalled(amf) => {
                    let at = self.network.journal_time(self.now, amf);
                    self.queue.push(at, What::Journal { amf });
                }
                Effect::Answered => self.on_answer(),
            }
        }
        self.schedule_ticks();
    }

    fn on_sent(&mut self, from: NodeId, to: NodeId, no: u64, said: Said) {
        match said {
            Said::Message(kind, cause) => {
                self.progress_at = self.now;
                self.messages[kind.index()] += 1;
                if cause != OpId::NONE
                    && let Some(asked) = self.asked.get_mut(&cause)
                {
                    asked.messages[kind.index()] += 1;
                }
            }
            Said::Progress => self.progress_at = self.now,
            Said::Nothing => {}
        }
        if self.network.holds_any() {
            let Some(packet) = self.world.in_flight().packet(from, to, no) else { return };
            if self.network.keep_held(packet, no) {
                if self.network.duplicates(from, to, no) {
                    self.apply(Step::Lose { from, to, no });
                }
                return;
            }
        }
        let at = self.network.departure(self.now, from, to, self.tempo);
        self.queue.push(at, What::Deliver { from, to, no });
    }

    fn on_stored(&mut self, disk: DiskId) {
        let slow = self.slow[usize::from(disk.0)];
        let at = self.network.disk_time(self.now, disk, slow);
        if self.network.is_step_mode() {
            self.network.hold_store(disk);
        } else {
            self.queue.push(at, What::Store { disk });
        }
    }

    fn on_answer(&mut self) {
        let Some(answer) = self.world.poll_answer() else { return };
        self.progress_at = self.now;
        if let Some(judge) = &mut self.judge {
            for violation in judge.on_answer(answer.op, &answer, self.now) {
                self.world.report(&violation.checker, violation.key, violation.text);
            }
        }
        if let Some(history) = &mut self.history {
            history.on_answer(&answer, self.now).expect("memory takes every line");
        }
        let Some(asked) = self.asked.remove(&answer.op) else { return };
        if self.completions.len() >= COMPLETIONS_MAX {
            self.completions.pop_front();
        }
        self.completions.push_back(Completion {
            amf: asked.amf,
            started: asked.started,
            ended: self.now,
            messages: asked.messages,
            broadcasts: answer.broadcasts,
            saved: answer.saved,
            answer,
        });
    }

    // ---- ticks

    fn schedule_ticks(&mut self) {
        let mut next = 0;
        while let Some(node) = self.world.moved().get(next).copied() {
            self.schedule_tick(node, node.index(self.profile.config.amfs));
            next += 1;
        }
        self.world.forget_moved();
    }

    #[inline]
    fn schedule_tick(&mut self, node: NodeId, index: usize) {
        let deadline = self.world.deadline(node);
        if deadline < self.ticks[index] {
            self.ticks[index] = deadline;
            self.queue.push(deadline.max(self.now), What::Tick { node });
        }
    }

    // ---- hosts

    fn submit_host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        self.next_op += 1;
        self.give_host(OpId(self.next_op), amf, kind)
    }

    /// The same request over another path: it keeps its number, unless a history is written, which has each
    /// number once.
    fn submit_again(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        assert!(!self.asked.contains(&op), "what is made again was answered");
        if self.history.is_some() {
            self.submit_host(amf, kind)
        } else {
            self.give_host(op, amf, kind)
        }
    }

    fn give_host(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        if let Some(judge) = &mut self.judge {
            judge.on_start(op, &kind, self.now);
        }
        if let Some(history) = &mut self.history {
            history.on_start(op, amf, &kind, self.now);
        }
        let (started, messages) = (self.now, ByKind::default());
        self.asked.insert(op, Asked { amf, started, messages });
        self.take_host(amf, Request { op, kind });
        op
    }

    // ---- counters

    fn counts(&self) -> Counts {
        let mut counts = self.buried.clone();
        self.world.add_counts(&mut counts);
        counts.messages = self.messages;
        counts
    }
}
