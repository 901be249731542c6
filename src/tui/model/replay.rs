//! A replay as the screen shows it: how far it is, and how fast.

use crate::session::{ReplayProgress, ReplayState};

/// A trace that is read to its end before its replay begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How it was named.
    pub words: String,
    /// Bytes of the file that are done.
    pub done: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Reading {
    /// Read, in percent of the file.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.done.saturating_mul(100).checked_div(self.bytes).unwrap_or(0).min(100)
    }
}

/// A replay as the screen shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayShown {
    /// How far it is.
    pub progress: ReplayProgress,
    /// Requests answered in a second: the last one, or all of the time once it is over.
    pub requests_per_s: u64,
    /// Blocks touched in a second.
    pub touches_per_s: u64,
    /// Wall time that it was running, in milliseconds; pauses do not count.
    pub ran_ms: u64,
    /// Violations found since it began.
    pub mismatches: u64,
}

impl ReplayShown {
    /// Answered, in percent of the trace.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let progress = &self.progress;
        progress.answered.saturating_mul(100).checked_div(progress.requests).unwrap_or(100).min(100)
    }

    /// True while requests are made, or will be after a pause.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.progress.state, ReplayState::Running | ReplayState::Paused)
    }
}
