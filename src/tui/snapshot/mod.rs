//! What is drawn about the cluster: the newest [`Snapshot`], and what was kept of the events since.
//!
//! Snapshots and events come in; everything is bounded. Nothing here knows an engine or a screen.

pub mod io;
pub mod rates;
pub mod story;
pub mod traffic;

use crate::protocol::id::{Block, Instant, Key};
use crate::trace::engine::Completion;
use crate::trace::snapshot::{LineInfo, LockInfo};
use crate::trace::{Event, EventKind, Snapshot};
use io::HostIo;
use rates::Rates;
use std::collections::VecDeque;
use traffic::Traffic;

/// Events kept for block cards and for stories.
pub const RECENT_EVENTS_MAX: usize = 2_000;
/// Faults and views kept for diagrams.
const FAULTS_MAX: usize = 64;

/// Everything that is drawn about the cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How it stands.
    pub now: Snapshot,
    /// Operations a second of each AMF, over time.
    pub rates: Rates,
    /// Messages, one line each.
    pub traffic: Traffic,
    /// Host operations, one line each.
    pub io: HostIo,
    /// Applied rules, disk work and views, oldest first.
    pub recent: VecDeque<Event>,
    /// The newest faults and views: when, and what.
    pub faults: VecDeque<(Instant, String)>,
}

impl Cluster {
    /// A cluster of which only the first snapshot is known.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        let mut rates = Rates::default();
        rates.sample(&first);
        Self {
            now: first,
            rates,
            traffic: Traffic::default(),
            io: HostIo::default(),
            recent: VecDeque::new(),
            faults: VecDeque::new(),
        }
    }

    /// Forgets what happened: what comes next has nothing to do with it.
    pub fn forget(&mut self) {
        self.rates = Rates::default();
        self.traffic = Traffic::default();
        self.io = HostIo::default();
        self.recent.clear();
        self.faults.clear();
    }

    /// A newer snapshot.
    pub fn take(&mut self, snapshot: Snapshot) {
        self.rates.sample(&snapshot);
        self.now = snapshot;
    }

    /// Something happened.
    pub fn event(&mut self, event: Event) {
        let at = (event.step, event.now);
        match &event.kind {
            EventKind::Sent(passage) => self.traffic.sent(at, passage),
            EventKind::Delivered(passage) => self.traffic.delivered(at, passage),
            EventKind::Lost(passage) => self.traffic.lost(at, passage),
            EventKind::Asked { op, what } => self.io.asked(*op, event.node, what, event.now),
            EventKind::Answered { op, result, value } => {
                self.io.answered(*op, result, value.as_deref(), event.now);
            }
            EventKind::View { .. } | EventKind::Fault(_) | EventKind::Joined(_) => {
                let text = format!("{} {}", event.node, event.kind);
                match &event.kind {
                    EventKind::Fault(what) => self.fault(event.now, what.clone()),
                    EventKind::View { .. } => self.fault(event.now, text.clone()),
                    _ => {}
                }
                self.traffic.mark(at, text, false);
                self.remember(event);
            }
            EventKind::Violation(_) => {
                self.traffic.mark(at, event.kind.to_string(), true);
                self.remember(event);
            }
            EventKind::Note(text) => self.traffic.mark(at, text.clone(), false),
            EventKind::Rule(_) | EventKind::Disk { .. } => self.remember(event),
        }
    }

    /// A host operation by hand was answered; its sentence is completed by what was seen meanwhile.
    pub fn completed(&mut self, done: &Completion, sentence: &str) -> String {
        self.io.completed(done, &story::tell(sentence, done, &self.recent));
        self.story(done, sentence)
    }

    /// The sentence about an operation, completed by what was seen; of a read with what it found.
    #[must_use]
    pub fn story(&self, done: &Completion, sentence: &str) -> String {
        let story = story::tell(sentence, done, &self.recent);
        let line = self.io.line(done.answer.op);
        match line.and_then(|line| Some((line, line.end.as_ref()?.value.as_ref()?))) {
            // Who reads wants to see what.
            Some((line, value)) => format!("{} = {value}: {story}", line.what),
            None => story,
        }
    }

    fn fault(&mut self, at: Instant, what: String) {
        if self.faults.len() == FAULTS_MAX {
            self.faults.pop_front();
        }
        self.faults.push_back((at, what));
    }

    fn remember(&mut self, event: Event) {
        if self.recent.len() == RECENT_EVENTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(event);
    }

    /// The line of a block at the `amf`th AMF, if it has one and the snapshot asked for it.
    #[must_use]
    pub fn line(&self, amf: usize, block: Block) -> Option<&LineInfo> {
        line_of(&self.now, amf, block)
    }

    /// What the AMFs have to do with a block.
    pub fn locks_of(&self, block: Block) -> impl Iterator<Item = &LockInfo> {
        self.now.locks.iter().filter(move |lock| lock.key == Key::Block(block))
    }

    /// The newest events about a block, newest first.
    pub fn events_of(&self, block: Block) -> impl Iterator<Item = &Event> {
        self.recent.iter().rev().filter(move |event| match &event.kind {
            EventKind::Rule(fact) => fact.key == Some(Key::Block(block)),
            EventKind::Disk { block: at, .. } => *at == block,
            EventKind::Asked { .. }
            | EventKind::Answered { .. }
            | EventKind::Sent(_)
            | EventKind::Delivered(_)
            | EventKind::Lost(_)
            | EventKind::View { .. }
            | EventKind::Joined(_)
            | EventKind::Fault(_)
            | EventKind::Violation(_)
            | EventKind::Note(_) => false,
        })
    }

    /// The cluster's clock as the screen writes it: seconds with milliseconds.
    #[must_use]
    pub fn clock(&self) -> String {
        seconds(self.now.now)
    }
}

/// The same in any snapshot.
#[must_use]
pub fn line_of(now: &Snapshot, amf: usize, block: Block) -> Option<&LineInfo> {
    let lines = &now.amfs.get(amf)?.lines;
    lines.binary_search_by_key(&block, |line| line.block).ok().map(|at| &lines[at])
}

/// `12.345`: seconds since the start.
#[must_use]
pub fn seconds(at: Instant) -> String {
    format!("{}.{:03}", at.0 / 1_000_000_000, at.0 / 1_000_000 % 1_000)
}
