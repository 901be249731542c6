//! A timeline as an [`Engine`]: the console's view of a recording. Nothing happens by itself; only the
//! position moves, and everything that would change something is refused.

use super::Timeline;
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::protocol::{Answer, Config, HostError, RequestKind};
use crate::trace::action::{Action, Seek};
use crate::trace::change::Differences;
use crate::trace::engine::{Advance, Completion, Engine, EngineError, HostPort, Progress};
use crate::trace::recording::Whole;
use crate::trace::{Ask, Cells, Event, Snapshot, Survey};
use std::collections::VecDeque;
use std::sync::Arc;

/// What happened is told step by step if one goes on by at most so many steps.
pub const TOLD_STEPS_MAX: u64 = 1_000;
/// After a longer way, or one back, what happened in the last so many steps before the position.
const TOLD_BEFORE: u64 = 200;
/// Answers that nobody has taken yet.
const REFUSED_MAX: usize = 1_024;

/// What was found out about a recording while it was opened: rooms that judge implement it.
pub trait Verdicts: Send {
    /// The steps at which something was found.
    fn violations(&self) -> &[u64];

    /// Adds to a snapshot what was known of it at the snapshot's position.
    fn add(&mut self, snapshot: &mut Snapshot, ask: &Ask);
}

/// See the module.
pub struct Player {
    timeline: Timeline,
    verdicts: Option<Box<dyn Verdicts>>,
    events: VecDeque<Event>,
    subscribed: bool,
    refused: VecDeque<Completion>,
    /// Cells of the state x event table that were met in what was told.
    cells: Cells,
    next_op: u64,
}

impl Player {
    /// Stands at the beginning.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn new(mut timeline: Timeline) -> Result<Self, EngineError> {
        timeline.seek(0).map_err(broken)?;
        let (events, refused) = (VecDeque::new(), VecDeque::new());
        let (cells, verdicts) = (Cells::default(), None);
        Ok(Self { timeline, verdicts, events, subscribed: false, refused, cells, next_op: 0 })
    }

    /// What is known of the whole recording is part of every snapshot.
    #[must_use]
    pub fn judged(mut self, verdicts: impl Verdicts + 'static) -> Self {
        self.timeline.mark_violations(verdicts.violations());
        self.verdicts = Some(Box::new(verdicts));
        self
    }

    /// What is played.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Goes to a position.
    ///
    /// # Errors
    /// The recording is not so long, or cannot be read any more.
    pub fn go_to(&mut self, to: u64) -> Result<(), EngineError> {
        self.go(Seek::To(to)).map(drop)
    }

    fn go(&mut self, seek: Seek) -> Result<String, EngineError> {
        let (from, len) = (self.timeline.position(), self.timeline.len());
        let to = match seek {
            Seek::To(to) if to > len => {
                let text = format!("the recording has {len} steps; hint: seek end");
                return Err(EngineError::Refused(text));
            }
            Seek::To(to) => to,
            Seek::By(steps) => from.saturating_add_signed(steps).min(len),
            Seek::End => len,
        };
        if self.subscribed {
            let is_near = to >= from && to - from <= TOLD_STEPS_MAX;
            let begin = if is_near { from } else { to.saturating_sub(TOLD_BEFORE) };
            if !is_near {
                self.events.clear();
            }
            self.events.extend(self.timeline.events(begin, to).map_err(broken)?);
            self.cells.extend(self.timeline.cells_told());
        } else {
            self.timeline.seek(to).map_err(broken)?;
        }
        let ms = self.timeline.world().now().since(Instant(0)).as_micros() / 1_000;
        Ok(format!("step {to} of {len}, at {}.{:03} s", ms / 1_000, ms % 1_000))
    }
}

fn broken(error: impl std::fmt::Display) -> EngineError {
    EngineError::Broken(format!("the recording: {error}"))
}

impl HostPort for Player {
    fn host(&mut self, amf: AmfId, _: RequestKind) -> OpId {
        // Far from those of the recording.
        self.next_op += 1;
        let op = OpId(u64::MAX - self.next_op);
        let now = self.now();
        let answer = Answer::failed(op, HostError::NotServing);
        self.refused.push_back(Completion {
            amf,
            answer,
            started: now,
            ended: now,
            messages: crate::trace::engine::ByKind::default(),
            broadcasts: 0,
            saved: 0,
        });
        self.refused.truncate(REFUSED_MAX);
        op
    }

    fn poll_completion(&mut self) -> Option<Completion> {
        self.refused.pop_front()
    }
}

impl Engine for Player {
    fn submit(&mut self, action: Action) -> Result<String, EngineError> {
        match action {
            Action::Seek(seek) => self.go(seek),
            // As in step mode: the next steps.
            Action::Step(count) => self.go(Seek::By(i64::from(count))),
            Action::Record(_) => Err(EngineError::Refused(
                "this is a recording already; hint: copy its file".to_owned(),
            )),
            _ => Err(EngineError::Refused(
                "this is a recording: what happened cannot be changed; hint: seek N, or fork"
                    .into(),
            )),
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn told(&mut self, from: u64, to: u64) -> Result<Option<Vec<Event>>, EngineError> {
        self.timeline.look(from, to).map(Some).map_err(broken)
    }

    fn differences(&mut self, from: u64, to: u64) -> Result<Option<Differences>, EngineError> {
        self.timeline.differences(from, to).map(Some).map_err(broken)
    }

    fn recorded(&mut self) -> Result<Whole, EngineError> {
        self.timeline.whole().map_err(broken)
    }

    fn survey(&mut self) -> Option<Arc<Survey>> {
        Some(Arc::clone(self.timeline.survey()))
    }

    fn subscribe(&mut self, on: bool) {
        self.subscribed = on;
        if !on {
            self.events.clear();
        }
    }

    fn snapshot(&mut self, ask: &Ask) -> Snapshot {
        let cells = ask.cells.then(|| self.cells.clone());
        let mut snapshot = Snapshot { cells, ..self.timeline.snapshot(ask) };
        if let Some(verdicts) = &mut self.verdicts {
            verdicts.add(&mut snapshot, ask);
        }
        snapshot
    }

    fn advance(&mut self, _: Advance) -> Result<Progress, EngineError> {
        Ok(Progress::Idle)
    }

    fn now(&self) -> Instant {
        self.timeline.world().now()
    }

    fn config(&self) -> &Config {
        self.timeline.world().config()
    }

    fn is_settled(&mut self) -> bool {
        true
    }

    fn shutdown(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}
