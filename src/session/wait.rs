//! Conditions: what `run-until` waits for, and how it stands when it ran out.

use super::{ReplayProgress, Session};
use crate::protocol::LineState;
use crate::protocol::id::{AmfId, Key, Mode, NodeId};
use crate::trace::command::{Condition, Outcome};
use crate::trace::event::{DiskWhat, Event, EventKind, Passage};
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

impl Session {
    /// Whether the condition holds now (or, for messages, has held since the last look).
    pub(super) fn holds_true(&mut self, watch: &mut Watch) -> bool {
        let seen = core::mem::replace(&mut watch.seen, self.mark());
        match &watch.condition {
            Condition::State(amf, block, state) => {
                let (_, info) = self.look(*amf, *block);
                let lines = info.map(|info| info.lines).unwrap_or_default();
                line_state(&lines, block.0) == *state
            }
            Condition::Lock(amf, block, mode) => {
                holds(&self.snapshot(&Ask::BRIEF), *amf, Key::Block(*block), *mode)
            }
            Condition::Sent(kind, pair) => self.passed(seen, |event| match &event.kind {
                EventKind::Sent(p) => p.kind == *kind && !p.again && between(p, *pair),
                _ => false,
            }),
            Condition::Delivered(kind, pair) => self.passed(seen, |event| match &event.kind {
                EventKind::Delivered(p) => p.kind == *kind && between(p, *pair),
                _ => false,
            }),
            Condition::Applied(rule, amf) => self.passed(seen, |event| match &event.kind {
                EventKind::Rule(fact) => fact.rule == *rule && event.node == NodeId::Amf(*amf),
                _ => false,
            }),
            Condition::Written(disk, at) => self.passed(seen, |event| match &event.kind {
                EventKind::Disk { what: DiskWhat::Write, block, error: None, .. } => {
                    block == at && event.node == NodeId::Disk(*disk)
                }
                _ => false,
            }),
            Condition::Replicated(amf, block) => {
                let (_, info) = self.look(*amf, *block);
                let lines = info.map(|info| info.lines).unwrap_or_default();
                lines.iter().any(|line| line.block == *block && !line.unreplicated)
            }
            Condition::View(epoch) => {
                self.snapshot(&Ask::BRIEF).amfs.iter().all(|info| match info.status {
                    AmfStatus::Paused | AmfStatus::Down => true,
                    AmfStatus::Joining => false,
                    AmfStatus::Serving | AmfStatus::NoLease => info.epoch.0 >= *epoch,
                })
            }
            Condition::Answered(label) => {
                let outcome = self.hosts.labelled(label).map(|id| self.hosts.outcome(id));
                outcome != Some(Outcome::Pending)
            }
            Condition::Idle => self.engine.is_settled(),
            Condition::Replayed => !self.workloads.is_replaying(),
        }
    }

    /// Whether such an event came from number `seen` on. The next watch begins behind it.
    fn passed(&mut self, seen: u64, is: impl Fn(&Event) -> bool) -> bool {
        let first = self.observer.first().max(seen);
        // What arrives once more is no arrival: it belongs to what was done long before.
        let found =
            self.observer.since(seen).position(|(event, worth)| worth.counts() && is(event));
        if let Some(at) = found {
            self.watch_from = first + at as u64 + 1;
        }
        found.is_some()
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
            | Condition::Written(..) => Vec::new(),
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

fn between(passage: &Passage, pair: Option<(AmfId, AmfId)>) -> bool {
    pair.is_none_or(|(from, to)| passage.from == from && passage.to == to)
}
