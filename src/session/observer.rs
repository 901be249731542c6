//! The events of a session, numbered; the newest are kept.

use crate::trace::event::Event;
use std::collections::VecDeque;

/// Most events that are kept.
const EVENTS_MAX: usize = 65_536;

/// A window over the newest events.
#[derive(Default)]
pub(super) struct Observer {
    kept: VecDeque<Event>,
    /// Number of the oldest event that is kept.
    first: u64,
}

impl Observer {
    pub(super) fn push(&mut self, event: Event) {
        if self.kept.len() == EVENTS_MAX {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(event);
    }

    /// Number of the next event.
    pub(super) fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// The events from `mark` on that are still kept.
    pub(super) fn since(&self, mark: u64) -> impl Iterator<Item = &Event> {
        let skip = usize::try_from(mark.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.kept.iter().skip(skip)
    }
}
