//! How fast a replay is: counts over wall time, pauses left out. Pure: the caller brings the clock.

use super::super::model::ReplayShown;
use crate::session::{ReplayProgress, ReplayState};
use std::time::{Duration, Instant as Wall};

/// A rate is of this long.
const SPAN: Duration = Duration::from_millis(500);

/// Measures one replay after the other.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    last: Wall,
    ran: Duration,
    /// When the rate was last told, in time that the replay ran, and the counts then.
    mark: (Duration, u64, u64),
    rate: (u64, u64),
    answered: u64,
}

impl Meter {
    pub(super) fn new(now: Wall) -> Self {
        Self {
            last: now,
            ran: Duration::ZERO,
            mark: (Duration::ZERO, 0, 0),
            rate: (0, 0),
            answered: 0,
        }
    }

    /// What to show now. `violations`: all that were found so far.
    pub(super) fn shown(
        &mut self,
        progress: &ReplayProgress,
        violations: u64,
        now: Wall,
    ) -> ReplayShown {
        if progress.answered < self.answered {
            // Another replay.
            *self = Self::new(now);
        }
        let was = self.answered;
        self.answered = progress.answered;
        // Answers tell that it ran, also if it is paused or through by now.
        if progress.state == ReplayState::Running || progress.answered > was {
            self.ran += now.saturating_duration_since(self.last);
        }
        self.last = now;
        let (since, answered, touches) = self.mark;
        match progress.state {
            ReplayState::Running => {
                let span = self.ran.saturating_sub(since);
                if span >= SPAN {
                    self.rate = (
                        per_s(progress.answered - answered, span),
                        per_s(progress.touches - touches, span),
                    );
                    self.mark = (self.ran, progress.answered, progress.touches);
                }
            }
            ReplayState::Paused => {
                self.rate = (0, 0);
                self.mark = (self.ran, progress.answered, progress.touches);
            }
            ReplayState::Done | ReplayState::Stopped => {
                self.rate = (per_s(progress.answered, self.ran), per_s(progress.touches, self.ran));
            }
        }
        ReplayShown {
            progress: progress.clone(),
            requests_per_s: self.rate.0,
            touches_per_s: self.rate.1,
            ran_ms: u64::try_from(self.ran.as_millis()).unwrap_or(u64::MAX),
            mismatches: violations.saturating_sub(progress.violations_before),
        }
    }
}

fn per_s(count: u64, span: Duration) -> u64 {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(state: ReplayState, answered: u64) -> ReplayProgress {
        ReplayProgress { state, answered, touches: answered * 2, ..ReplayProgress::default() }
    }

    #[test]
    fn a_pause_does_not_count() {
        let start = Wall::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut meter = Meter::new(start);
        let running = ReplayState::Running;
        assert_eq!(meter.shown(&progress(running, 0), 0, at(0)).requests_per_s, 0);
        let shown = meter.shown(&progress(running, 1_000), 0, at(1_000));
        assert_eq!((shown.requests_per_s, shown.touches_per_s), (1_000, 2_000));
        let shown = meter.shown(&progress(ReplayState::Paused, 1_000), 0, at(60_000));
        assert_eq!((shown.requests_per_s, shown.ran_ms), (0, 1_000));
        let shown = meter.shown(&progress(running, 1_000), 0, at(60_000));
        assert_eq!(shown.ran_ms, 1_000);
        let shown = meter.shown(&progress(ReplayState::Done, 3_000), 0, at(61_000));
        assert_eq!((shown.requests_per_s, shown.ran_ms), (1_500, 2_000));
    }

    #[test]
    fn a_second_replay_begins_at_nothing() {
        let start = Wall::now();
        let mut meter = Meter::new(start);
        let later = start + Duration::from_secs(2);
        meter.shown(&progress(ReplayState::Done, 500), 0, later);
        let shown = meter.shown(&progress(ReplayState::Running, 0), 0, later);
        assert_eq!((shown.ran_ms, shown.requests_per_s), (0, 0));
    }
}
