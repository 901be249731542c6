//! A small engine with a cluster that never was: answers every request after 400 us of its own
//! time, keeps still in step mode, and has a fault or two.

use super::fake;
use amflab::protocol::id::{AmfId, Instant, NodeId, OpId, Span};
use amflab::protocol::{Answer, Config, RequestKind, Source, Touch, Touched};
use amflab::trace::engine::{Advance, Engine, EngineError, HostPort, Progress};
use amflab::trace::snapshot::{AmfStatus, FaultInfo};
use amflab::trace::{Action, Ask, Completion, Event, EventKind, Snapshot};
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::catch_unwind;

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread catches a panic, as a store does.
pub(crate) fn is_caught() -> bool {
    CAUGHT.get()
}

const TAKES: Span = Span::micros(400);

pub(crate) struct FakeEngine {
    config: Config,
    now: Instant,
    next: u64,
    step_mode: bool,
    tempo: u32,
    down: Vec<AmfId>,
    open: VecDeque<(Instant, OpId, AmfId, RequestKind)>,
    events: VecDeque<Event>,
    done: VecDeque<Completion>,
}

impl FakeEngine {
    pub(crate) fn new() -> Self {
        Self {
            config: fake::profile().config,
            now: Instant(0),
            next: 1,
            step_mode: false,
            tempo: 1_000,
            down: Vec::new(),
            open: VecDeque::new(),
            events: VecDeque::new(),
            done: VecDeque::new(),
        }
    }

    fn event(&mut self, amf: AmfId, kind: EventKind) {
        self.events.push_back(Event { step: 0, now: self.now, node: NodeId::Amf(amf), kind });
    }

    fn answer(&mut self) {
        let Some((at, op, amf, kind)) = self.open.pop_front() else { return };
        self.now = at;
        let block = match &kind {
            RequestKind::Read(sectors) | RequestKind::Write(sectors, _) => sectors.first / 8,
            _ => 0,
        };
        let touch = Touch { block: amflab::protocol::id::Block(block), offset: 0, len: 4_096 };
        let source = if kind.is_write() { Source::Host } else { Source::Cache };
        let touched = Touched { touch, hit: true, source, data: None };
        self.event(amf, EventKind::Answered { op, result: Ok(vec![source]), value: None });
        self.done.push_back(Completion {
            amf,
            answer: Answer {
                op,
                result: Ok([touched].into_iter().collect()),
                broadcasts: 0,
                saved: 0,
            },
            started: at - TAKES,
            ended: at,
            messages: Default::default(),
            broadcasts: 0,
            saved: 1,
        });
    }
}

impl HostPort for FakeEngine {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        let op = OpId(self.next);
        self.next += 1;
        self.event(amf, EventKind::Asked { op, what: format!("{} {}", kind.name(), op.0) });
        self.open.push_back((self.now + TAKES, op, amf, kind));
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        self.done.pop_front()
    }
}

impl Engine for FakeEngine {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        match action {
            Action::Hold(filter) if filter.is_all() => self.step_mode = true,
            Action::Unhold(filter) if filter.is_all() => self.step_mode = false,
            Action::Tempo(tempo) => self.tempo = tempo,
            Action::Crash(amf) => self.down.push(amf),
            Action::Restart(amf) => self.down.retain(|other| *other != amf),
            Action::Witness(false) => panic!("the witness was taken down, as the test wants"),
            Action::Witness(true) => {
                CAUGHT.set(true);
                let caught = catch_unwind(|| panic!("caught, as the test wants"));
                CAUGHT.set(false);
                assert!(caught.is_err());
                return Err(EngineError::Refused("the database gave up".to_owned()));
            }
            Action::Heal => return Err(EngineError::Refused("nothing is broken".to_owned())),
            _ => {}
        }
        Ok(String::new())
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn subscribe(&mut self, _on: bool) {}

    fn snapshot(&mut self, _ask: &Ask) -> Snapshot {
        let mut now = fake::snapshot();
        now.now = self.now;
        now.step_mode = self.step_mode;
        now.tempo = self.tempo;
        now.outstanding = self.open.len() as u64;
        for amf in &self.down {
            now.amfs[usize::from(amf.0)].status = AmfStatus::Down;
            now.faults.push(FaultInfo {
                what: format!("crash {amf}"),
                receipt: "64 lines gone".to_owned(),
                undo: format!("restart {amf}"),
                since: self.now,
            });
        }
        now
    }

    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError> {
        if self.step_mode {
            return Ok(Progress::Idle);
        }
        match self.open.front() {
            Some((at, ..)) if *at <= how.until => {
                self.answer();
                Ok(Progress::Stepped)
            }
            _ => {
                self.now = self.now.max(how.until);
                Ok(Progress::Deadline)
            }
        }
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn config(&self) -> &Config {
        &self.config
    }

    fn is_settled(&mut self) -> bool {
        self.open.is_empty()
    }

    fn shutdown(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}
