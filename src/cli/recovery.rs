//! How long it takes until the blocks of a lost AMF have been adopted.
//!
//! The cluster's counters are looked at every millisecond of its clock from the fault on.

use crate::protocol::id::{Instant, Span};
use crate::trace::Command;
use crate::trace::action::Action;
use serde::Serialize;

/// Time between two looks.
const LOOK: Span = Span::millis(1);
/// Faults that are told of.
const TOLD_MAX: usize = 1_000;

/// A fault that took an AMF away, and how others took over.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Recovery {
    /// The command.
    pub(super) fault: String,
    /// When, on the cluster's clock.
    pub(super) at_s: f64,
    /// Blocks that were adopted.
    pub(super) blocks: u64,
    /// From the fault to the last of them.
    pub(super) ms: f64,
}

/// Watches for it.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The fault that is watched, the takeovers before it, and those seen so far with the time of the last.
    open: Option<(String, Instant, u64, u64, Instant)>,
    done: Vec<Recovery>,
    next: Option<Instant>,
}

impl Watch {
    /// True if this fault is one to watch.
    pub(super) fn is_wanted(command: &Command) -> bool {
        matches!(
            command,
            Command::Act(
                Action::Crash(_) | Action::Pause(_) | Action::ExpireLease(_) | Action::PowerFail
            )
        )
    }

    /// Such a fault comes now, after so many takeovers.
    pub(super) fn on_fault(&mut self, command: &Command, now: Instant, takeovers: u64) {
        self.close();
        self.open = Some((command.to_string(), now, takeovers, takeovers, now));
        self.next = Some(now + LOOK);
    }

    /// When the counters are to be looked at; [`Instant::NEVER`]: not at all.
    pub(super) fn next(&self) -> Instant {
        self.next.unwrap_or(Instant::NEVER)
    }

    /// So many takeovers by now.
    pub(super) fn look(&mut self, now: Instant, takeovers: u64) {
        if let Some((_, _, _, seen, last)) = &mut self.open
            && takeovers > *seen
        {
            (*seen, *last) = (takeovers, now);
        }
        self.next = self.open.is_some().then(|| now + LOOK);
    }

    fn close(&mut self) {
        let Some((fault, since, before, seen, last)) = self.open.take() else { return };
        if self.done.len() < TOLD_MAX {
            #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
            let ms = |nanos: u64| nanos as f64 / 1e6;
            let (at_s, ms) = (ms(since.0) / 1e3, ms(last.since(since).0));
            self.done.push(Recovery { fault, at_s, blocks: seen - before, ms });
        }
    }

    /// Everything that was seen; the watch is over.
    pub(super) fn end(&mut self) -> Vec<Recovery> {
        self.close();
        self.next = None;
        core::mem::take(&mut self.done)
    }
}
