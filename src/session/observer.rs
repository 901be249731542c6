//! The events of a session, numbered; the newest are kept.

use crate::protocol::Rule;
use crate::trace::arrivals::Arrivals;
use crate::trace::event::{Event, EventKind};
use std::collections::VecDeque;

/// Most events that are kept.
const EVENTS_MAX: usize = 65_536;

/// What an event is to somebody who reads a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// A line.
    Line,
    /// Sent again: counted.
    Retransmission,
    /// Arrived before, lost once more, or a lease renewed: left out.
    Nothing,
}

impl Worth {
    /// It happened, and not for the second time.
    pub(super) fn counts(self) -> bool {
        self != Self::Nothing
    }
}

/// A window over the newest events.
#[derive(Default)]
pub(super) struct Observer {
    kept: VecDeque<(Event, Worth)>,
    /// Number of the oldest event that is kept.
    first: u64,
    arrivals: Arrivals,
}

impl Observer {
    pub(super) fn push(&mut self, event: Event) {
        if self.kept.len() == EVENTS_MAX {
            self.kept.pop_front();
            self.first += 1;
        }
        let worth = self.worth(&event.kind);
        self.kept.push_back((event, worth));
    }

    /// Number of the oldest event that is kept.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Number of the next event.
    pub(super) fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// The events from `mark` on that are still kept, with what they are worth.
    pub(super) fn since(&self, mark: u64) -> impl Iterator<Item = &(Event, Worth)> {
        let skip = usize::try_from(mark.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.kept.iter().skip(skip)
    }

    /// At most so many of them, and the number of the event behind the last.
    pub(super) fn some_since(&self, mark: u64, most: usize) -> (Vec<Event>, u64) {
        let some = self.since(mark).take(most).map(|(event, _)| event.clone());
        let events: Vec<Event> = some.collect();
        let next = mark.max(self.first) + events.len() as u64;
        (events, next)
    }

    fn worth(&mut self, kind: &EventKind) -> Worth {
        match kind {
            EventKind::Sent(passage) if passage.again => Worth::Retransmission,
            EventKind::Lost(passage) if passage.again => Worth::Nothing,
            EventKind::Rule(fact) if fact.rule == Rule::LeaseRenewed => Worth::Nothing,
            // A message that arrives twice is one line.
            EventKind::Delivered(_) | EventKind::View { .. } => {
                if self.arrivals.is_new(kind) {
                    Worth::Line
                } else {
                    Worth::Nothing
                }
            }
            EventKind::Asked { .. }
            | EventKind::Answered { .. }
            | EventKind::Sent(_)
            | EventKind::Lost(_)
            | EventKind::Rule(_)
            | EventKind::Disk { .. }
            | EventKind::Joined(_)
            | EventKind::Fault(_)
            | EventKind::Violation(_)
            | EventKind::Note(_) => Worth::Line,
        }
    }
}
