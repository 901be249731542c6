//! Conditions: what `run-until` waits for, and how it stands when it ran out.

use super::{ReplayProgress, Session};
use crate::protocol::LineState;
use crate::protocol::id::{AmfId, Block, Key, Mode};
use crate::trace::command::{Condition, Outcome};
use crate::trace::condition::Stand;
use crate::trace::snapshot::{AmfStatus, Ask, LineInfo, LockPhase, Snapshot};

/// A condition that is being watched.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    condition: Condition,
    /// Number of the first event that was not looked at.
    seen: u64,
}

impl Watch {
    /// Watches from event number `mark` on.
    pub(super) fn new(condition: Condition, mark: u64) -> Self {
        Self { condition, seen: mark }
    }

    pub(super) fn condition(&self) -> &Condition {
        &self.condition
    }
}

/// The cluster of a session, and what has happened in it from some event on.
struct Here<'a> {
    session: &'a mut Session,
    seen: u64,
    /// The number and the step of the last event that was looked for and found.
    found: Option<(u64, u64)>,
}

impl Here<'_> {
    fn line(&mut self, amf: AmfId, block: Block) -> Option<LineInfo> {
        let (_, info) = self.session.look(amf, block);
        info?.lines.into_iter().find(|line| line.block == block)
    }
}

impl Stand for Here<'_> {
    fn state(&mut self, amf: AmfId, block: Block) -> LineState {
        self.line(amf, block).map_or(LineState::I, |line| line.state)
    }

    fn is_replicated(&mut self, amf: AmfId, block: Block) -> bool {
        self.line(amf, block).is_some_and(|line| !line.unreplicated)
    }

    fn holds(&mut self, amf: AmfId, key: Key, mode: Mode) -> bool {
        holds(&self.session.snapshot(&Ask::BRIEF), amf, key, mode)
    }

    fn is_in_view(&mut self, epoch: u32) -> bool {
        self.session.snapshot(&Ask::BRIEF).amfs.iter().all(|info| match info.status {
            AmfStatus::Paused | AmfStatus::Down => true,
            AmfStatus::Joining => false,
            AmfStatus::Serving | AmfStatus::NoLease => info.epoch.0 >= epoch,
        })
    }

    fn is_violated(&mut self) -> bool {
        self.session.snapshot(&Ask::BRIEF).violations_total > 0
    }

    fn has_happened(&mut self, condition: &Condition) -> bool {
        let first = self.session.observer.first().max(self.seen);
        // What arrives once more is no arrival: it belongs to what was done long before.
        let mut since = (first..).zip(self.session.observer.since(self.seen));
        let found = since
            .find(|(_, (event, worth))| worth.counts() && condition.is_told_by(event))
            .map(|(number, (event, _))| (number, event.step));
        self.found = found.max(self.found);
        found.is_some()
    }

    fn is_through(&mut self, condition: &Condition) -> bool {
        let session = &mut *self.session;
        match condition {
            Condition::Idle => session.engine.is_settled(),
            Condition::Answered(label) => {
                let outcome = session.hosts.labelled(label).map(|id| session.hosts.outcome(id));
                outcome != Some(Outcome::Pending)
            }
            _ => !session.workloads.is_replaying(),
        }
    }
}

/// A cluster that runs is to stop once a condition begins to hold.
#[derive(Clone, Debug)]
pub(super) struct Watchpoint {
    watch: Watch,
    /// It held when one last looked.
    held: bool,
    /// The step at which it has begun to hold, and nobody was told yet.
    hit: Option<u64>,
}

impl Session {
    /// Watches for a condition from now on; nothing is watched for any more without one.
    pub fn watch_for(&mut self, condition: Option<Condition>) {
        self.watchpoint = condition.map(|condition| {
            let watch = Watch::new(condition, self.mark());
            Watchpoint { watch, held: true, hit: None }
        });
        // What holds already is nothing that begins.
        if let Some(mut point) = self.watchpoint.take() {
            point.held = self.holds_now(&mut point.watch).0;
            self.watchpoint = Some(point);
        }
    }

    /// What is watched for has begun to hold, at this step.
    #[must_use]
    pub fn has_hit(&self) -> Option<u64> {
        self.watchpoint.as_ref()?.hit
    }

    /// The same, once.
    pub fn take_hit(&mut self) -> Option<u64> {
        self.watchpoint.as_mut()?.hit.take()
    }

    /// Looks whether what is watched for holds now, and did not before.
    pub(super) fn look_at_watchpoint(&mut self) {
        let Some(mut point) = self.watchpoint.take() else { return };
        let held = core::mem::take(&mut point.held);
        if let (true, at) = self.holds_now(&mut point.watch) {
            let is_event = point.watch.condition.is_about_events();
            point.held = !is_event;
            if is_event || !held {
                let step = at.map(|(_, step)| step);
                let step = step.unwrap_or_else(|| self.snapshot(&Ask::BRIEF).step);
                point.hit.get_or_insert(step);
            }
        }
        self.watchpoint = Some(point);
    }

    /// The condition holds now (or, for messages, has held since the last look): the number and the step of
    /// what has happened for it, if it is about that.
    fn holds_now(&mut self, watch: &mut Watch) -> (bool, Option<(u64, u64)>) {
        let seen = core::mem::replace(&mut watch.seen, self.mark());
        let mut here = Here { session: self, seen, found: None };
        let holds = watch.condition.holds(&mut here);
        (holds, here.found.filter(|_| holds))
    }

    /// Whether the condition of a command holds.
    pub(super) fn holds_true(&mut self, watch: &mut Watch) -> bool {
        let (holds, found) = self.holds_now(watch);
        // The next one looks behind what this one has found.
        if let Some((number, _)) = found {
            self.watch_from = number + 1;
        }
        holds
    }

    /// What a person wants to know when the condition did not come.
    pub(super) fn how_it_stands(&mut self, condition: &Condition) -> Vec<String> {
        match condition {
            Condition::State(amf, block, _) | Condition::Replicated(amf, block) => {
                let (_, info) = self.look(*amf, *block);
                let lines = info.map(|info| info.lines).unwrap_or_default();
                vec![format!("{amf} has block {block} in {}", line_state(&lines, block.0))]
            }
            Condition::Lock(amf, block, _) => {
                let ask = Ask { held_max: 1_000, ..Ask::BRIEF };
                super::why::why(&self.snapshot(&ask), *amf, *block)
            }
            Condition::Sent(..)
            | Condition::Delivered(..)
            | Condition::Applied(..)
            | Condition::Violation
            | Condition::Written(..) => Vec::new(),
            Condition::Not(other) => self.how_it_stands(other),
            Condition::All(all) => all.iter().flat_map(|one| self.how_it_stands(one)).collect(),
            Condition::View(_) => {
                let snapshot = self.snapshot(&Ask::BRIEF);
                let views = snapshot.amfs.iter().map(|i| format!("{} {}", i.id, i.epoch));
                vec![views.collect::<Vec<_>>().join(", ")]
            }
            Condition::Answered(label) => vec![format!("`{label}` is not answered")],
            Condition::Idle => self.snapshot(&Ask::BRIEF).unsettled,
            Condition::Replayed => self.replay().map(ReplayProgress::told).into_iter().collect(),
        }
    }
}

/// The state of a block among an AMF's lines; absent is `I`.
pub(super) fn line_state(lines: &[LineInfo], block: u64) -> LineState {
    lines.iter().find(|line| line.block.0 == block).map_or(LineState::I, |line| line.state)
}

/// True if the AMF holds access to the key in this mode.
pub(super) fn holds(snapshot: &Snapshot, amf: AmfId, key: Key, mode: Mode) -> bool {
    let held = |phase| matches!(phase, LockPhase::Holding);
    snapshot.locks.iter().any(|l| l.key == key && l.amf == amf && held(l.phase) && l.mode == mode)
}
