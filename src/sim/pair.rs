//! Two simulated clusters on the same input, in the same virtual time: every request and every command
//! goes to both, and a request is answered once both have answered it. So neither runs ahead, and what
//! differs between them differs for what they are, not for what they were asked.
//!
//! To the rest of the program a pair is its first cluster, whose answers, events and steps it has; the
//! second is in its snapshots ([`Beside`]).

use super::Sim;
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::protocol::table::Table;
use crate::protocol::{Config, RequestKind};
use crate::trace::action::{Action, Release};
use crate::trace::beside::{Beside, Side};
use crate::trace::engine::{Advance, Completion, Engine, EngineError, HostPort, Progress};
use crate::trace::event::Event;
use crate::trace::recording::Whole;
use crate::trace::snapshot::{Ask, Snapshot};
use hdrhistogram::Histogram;
use std::collections::VecDeque;

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// Steps of one cluster between two looks at its clock, while it catches up.
const STEPS_MAX: u64 = 1_000;

/// See the module.
pub struct Pair {
    sims: [Sim; 2],
    figures: [Figures; 2],
    open: Table<OpId, Open>,
    /// What the first cluster calls the second's operations.
    firsts: Table<OpId, OpId>,
    ready: VecDeque<Completion>,
}

/// A request without an answer of both.
struct Open {
    kind: Kind,
    /// The first has answered.
    first: Option<Completion>,
    /// The second has.
    second: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Other,
}

/// What hosts got of one of the two.
struct Figures {
    side: Side,
    read_ns: Histogram<u64>,
    write_ns: Histogram<u64>,
}

impl Pair {
    /// Two clusters that have just begun, and what each is called.
    #[must_use]
    pub fn new(sims: [Sim; 2], names: [String; 2]) -> Self {
        Self {
            sims,
            figures: names.map(Figures::new),
            open: Table::default(),
            firsts: Table::default(),
            ready: VecDeque::new(),
        }
    }

    /// Takes in what the two have answered.
    fn take_answers(&mut self) {
        for at in 0..2 {
            while let Some(done) = self.sims[at].poll_completion() {
                let first = match at {
                    0 => done.answer.op,
                    _ => match self.firsts.remove(&done.answer.op) {
                        Some(first) => first,
                        None => continue,
                    },
                };
                let Some(open) = self.open.get_mut(&first) else { continue };
                self.figures[at].answered(open.kind, &done);
                match at {
                    0 => open.first = Some(done),
                    _ => open.second = true,
                }
                if open.first.is_some() && open.second {
                    let both = self.open.remove(&first).and_then(|open| open.first);
                    self.ready.extend(both);
                }
            }
        }
    }

    /// When something happens next in each of the two; `None`: nothing by itself. What is overdue is due now.
    fn due(&self) -> [Option<Instant>; 2] {
        let now = self.now();
        [0, 1].map(|at| self.sims[at].next_due().map(|due| due.max(now)))
    }

    /// A command can take one cluster longer than the other, which then does what is due in the meantime.
    fn catch_up(&mut self) -> Result<(), EngineError> {
        let until = self.sims[0].now.max(self.sims[1].now);
        for sim in &mut self.sims {
            let how = Advance { until, steps_max: STEPS_MAX };
            while sim.now < until && sim.advance(how)? == Progress::Stepped {}
        }
        self.agree();
        Ok(())
    }

    /// Both clocks show the later of the two times: nothing was due between them.
    fn agree(&mut self) {
        let now = self.sims[0].now.max(self.sims[1].now);
        self.sims.iter_mut().for_each(|sim| sim.now = now);
    }
}

impl Figures {
    fn new(name: String) -> Self {
        let histogram = || Histogram::new(DIGITS).expect("3 digits are allowed");
        let side = Side { name, ..Side::default() };
        Self { side, read_ns: histogram(), write_ns: histogram() }
    }

    fn answered(&mut self, kind: Kind, done: &Completion) {
        self.side.answered += 1;
        let Ok(touched) = &done.answer.result else {
            self.side.errors += 1;
            return;
        };
        let hits = touched.iter().filter(|touch| touch.hit).count() as u64;
        self.side.hits += hits;
        self.side.misses += touched.len() as u64 - hits;
        let nanos = done.ended.since(done.started).0;
        match kind {
            Kind::Read => self.read_ns.record(nanos).unwrap_or_default(),
            Kind::Write => self.write_ns.record(nanos).unwrap_or_default(),
            Kind::Other => {}
        }
    }

    fn side(&self) -> Side {
        let quantiles = |nanos: &Histogram<u64>| {
            let at = |quantile| nanos.value_at_quantile(quantile);
            (!nanos.is_empty()).then(|| [at(0.5), at(0.99)])
        };
        Side {
            read_ns: quantiles(&self.read_ns),
            write_ns: quantiles(&self.write_ns),
            ..self.side.clone()
        }
    }
}

impl HostPort for Pair {
    fn host(&mut self, amf: AmfId, kind: RequestKind) -> OpId {
        let of = match &kind {
            RequestKind::Read(_) => Kind::Read,
            RequestKind::Flush => Kind::Other,
            kind if kind.is_write() => Kind::Write,
            _ => Kind::Other,
        };
        let second = self.sims[1].host(amf, kind.clone());
        let first = self.sims[0].host(amf, kind);
        self.firsts.insert(second, first);
        self.open.insert(first, Open { kind: of, first: None, second: false });
        first
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        self.take_answers();
        self.ready.pop_front()
    }
}

impl Engine for Pair {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        let done = self.sims[0].submit(action.clone());
        let is_for_both = !matches!(
            action,
            // Of one run; and a message that only the first has.
            Action::Record(_)
                | Action::Deliver(Release::Id(_))
                | Action::Lose(Release::Id(_))
                | Action::Repeat(Release::Id(_))
        );
        let done = if is_for_both {
            let [_, second] = &self.figures;
            let name = second.side.name.clone();
            match (done, self.sims[1].submit(action)) {
                (Ok(said), Err(why)) => Ok(format!("{said}; {name}: {why}")),
                (Err(why), Ok(_)) => Ok(format!("only {name}: {why}")),
                (done, _) => done,
            }
        } else {
            done
        };
        self.catch_up()?;
        done
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.sims[0].poll_event()
    }

    fn recorded(&mut self) -> Result<Whole, EngineError> {
        self.sims[0].recorded()
    }

    fn mark_figures(&mut self, on: bool) {
        self.sims.iter_mut().for_each(|sim| sim.mark_figures(on));
    }

    fn subscribe(&mut self, on: bool) {
        self.sims[0].subscribe(on);
    }

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        self.take_answers();
        let mut snapshot = self.sims[0].snapshot(ask);
        let other = self.sims[1].snapshot(ask);
        let sides = [self.figures[0].side(), self.figures[1].side()];
        snapshot.beside = Some(Box::new(Beside { sides, other }));
        snapshot
    }

    fn advance(&mut self, how: Advance) -> Result<Progress, EngineError> {
        for _ in 0..how.steps_max {
            let due = self.due();
            let next = due.into_iter().flatten().min().filter(|next| *next <= how.until);
            let Some(next) = next else {
                // Each knows why nothing happens: held, or nothing is left, or not yet.
                let ends = [self.sims[0].advance(how)?, self.sims[1].advance(how)?];
                self.agree();
                return Ok(match ends {
                    [Progress::Idle, Progress::Idle] => Progress::Idle,
                    _ => Progress::Deadline,
                });
            };
            // At one moment both take a step before anybody may ask for more: two equal clusters stay equal.
            for (sim, due) in self.sims.iter_mut().zip(due) {
                if due == Some(next) {
                    sim.advance(Advance { until: how.until, steps_max: 1 })?;
                }
            }
            self.agree();
        }
        Ok(Progress::Stepped)
    }

    fn now(&self) -> Instant {
        self.sims[0].now()
    }

    fn config(&self) -> &Config {
        self.sims[0].config()
    }

    fn is_settled(&mut self) -> bool {
        self.sims.iter_mut().all(Engine::is_settled)
    }

    fn audit(&mut self) {
        self.sims.iter_mut().for_each(Engine::audit);
    }

    fn shutdown(&mut self) -> Result<(), EngineError> {
        let [first, second] = &mut self.sims;
        first.shutdown().and(second.shutdown())
    }
}
