//! An engine that is judged while it runs: a lamp for every block, and every read, for engines that do
//! not judge reads by themselves. It happens in the thread that uses the engine, in none of the engine's.
//!
//! What is found is in its snapshots and among its events, like what the engine finds by itself. An
//! operation is told to the checker right after the engine has it and before any answer is taken,
//! with the time from before it was given (see [`super::reads`]).

use super::{Lamps, ReadChecker, Start, reads};
use crate::protocol::RequestKind;
use crate::protocol::id::{AmfId, Block, Instant, NodeId, OpId};
use crate::trace::action::Action;
use crate::trace::engine::{Completion, Engine, EngineError, HostPort, pass_on};
use crate::trace::event::{Event, EventKind, Violation};
use crate::trace::snapshot::{Ask, Snapshot};
use std::collections::VecDeque;

/// Violations that are kept in words; all are counted.
const VIOLATIONS_MAX: usize = 100;

/// See the module.
pub struct Judged<E> {
    engine: E,
    /// `None`: the engine does it.
    reads: Option<ReadChecker>,
    lamps: Lamps,
    found: Vec<Violation>,
    total: u64,
    /// Somebody wants events.
    is_on: bool,
    /// Findings that are still to be told as events.
    untold: VecDeque<Event>,
}

impl<E: Engine> Judged<E> {
    /// Judges `engine`, whose blocks hold what `start` says.
    pub fn new(engine: E, start: Start) -> Self {
        let per = engine.config().sectors_per_block();
        Self { reads: Some(ReadChecker::new(per, start)), ..Self::lit(engine, start) }
    }

    /// Only gives every block a lamp: for an engine that judges reads by itself.
    pub fn lit(engine: E, start: Start) -> Self {
        let lamps = Lamps::new(engine.config().sectors_per_block(), start);
        Self::with(engine, lamps)
    }

    /// The same for an engine that goes on where another was: with its lamps.
    pub fn with(engine: E, lamps: Lamps) -> Self {
        let (found, untold) = (Vec::new(), VecDeque::new());
        Self { engine, reads: None, lamps, found, total: 0, is_on: false, untold }
    }

    /// The engine was given a request, at this time at the earliest.
    fn begun(&mut self, op: OpId, amf: AmfId, kind: &RequestKind, now: Instant) {
        if let Some(checker) = &mut self.reads {
            checker.on_start(op, kind, now);
        }
        self.lamps.on_start(op, amf, kind, now);
    }

    /// A lamp has turned red. A block of which a read was found wrong is not found twice.
    fn take_red(&mut self, amf: AmfId, violation: Violation) {
        let is_it =
            |other: &Violation| other.key == violation.key && other.checker == reads::CHECKER;
        let is_known = self.found.iter().any(is_it)
            || self.engine.snapshot(&Ask::BRIEF).violations.iter().any(is_it);
        if !is_known {
            self.take(amf, violation);
        }
    }

    fn take(&mut self, amf: AmfId, mut violation: Violation) {
        self.total += 1;
        if self.found.len() >= VIOLATIONS_MAX {
            return;
        }
        violation.step = self.engine.snapshot(&Ask::BRIEF).step;
        if self.is_on {
            let (now, node) = (self.engine.now(), NodeId::Amf(amf));
            let kind = EventKind::Violation(violation.clone());
            self.untold.push_back(Event { step: violation.step, now, node, kind });
        }
        self.found.push(violation);
    }
}

impl<E: Engine> HostPort for Judged<E> {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        // Before: a live engine may have answered by the time it gives the number.
        let now = self.engine.now();
        let op = self.engine.host(amf, kind.clone());
        self.begun(op, amf, &kind, now);
        op
    }

    fn host_again(&mut self, op: OpId, amf: AmfId, kind: RequestKind) -> OpId {
        let now = self.engine.now();
        let op = self.engine.host_again(op, amf, kind.clone());
        self.begun(op, amf, &kind, now);
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        let done = self.engine.poll_completion()?;
        if let Some(checker) = &mut self.reads {
            for violation in checker.on_answer(done.answer.op, &done.answer, done.ended) {
                self.take(done.amf, violation);
            }
        }
        for (amf, violation) in self.lamps.on_answer(&done.answer, done.ended) {
            self.take_red(amf, violation);
        }
        Some(done)
    }
}

impl<E: Engine> Engine for Judged<E> {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        if action == Action::AcceptLoss {
            let now = self.engine.snapshot(&Ask::BRIEF);
            if !now.doubt_known {
                // It will be, before the loss is accepted, and then nobody asks here.
                if let Some(checker) = &mut self.reads {
                    checker.blocks_touched().into_iter().for_each(|block| checker.forget(block));
                }
                self.lamps.forget(Block(0), u64::MAX);
            }
            for lost in now.doubt {
                if let Some(checker) = &mut self.reads {
                    (lost.first.0..lost.first.0 + lost.blocks)
                        .for_each(|block| checker.forget(Block(block)));
                }
                self.lamps.forget(lost.first, lost.blocks);
            }
        }
        self.engine.submit(action)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.engine.poll_event().or_else(|| self.untold.pop_front())
    }

    pass_on!(engine: told differences recorded mark_figures survey set_waker advance now config is_settled);
    pass_on!(engine: audit shutdown);

    fn subscribe(&mut self, on: bool) {
        self.is_on = on;
        self.engine.subscribe(on);
    }

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        for (amf, violation) in self.lamps.look() {
            self.take_red(amf, violation);
        }
        let mut snapshot = self.engine.snapshot(ask);
        snapshot.violations_total += self.total;
        let room = VIOLATIONS_MAX.saturating_sub(snapshot.violations.len());
        snapshot.violations.extend(self.found.iter().take(room).cloned());
        snapshot.lamps = Some(self.lamps.shown(ask.lamps, ask.history));
        snapshot
    }
}
