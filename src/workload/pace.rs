//! From a replay's requests to a driver's: at which speed, and up to the first bad line.

use super::driver::Planned;
use super::mapping::ReplayRequest;
use crate::protocol::id::{Instant, Span};

/// How fast a trace is replayed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as requests are answered; times of the trace are ignored.
    Max,
    /// So many times as fast as it was recorded; above 0.
    Times(f64),
}

/// The requests of a replay as planned requests. Ends at the first error, and keeps it.
#[derive(Debug)]
pub struct Paced<I, E> {
    requests: I,
    pace: Pace,
    /// Longer idle times are cut to this.
    gap_max: Option<Span>,
    /// The latest time so far, and what was cut off before it.
    latest: Instant,
    cut: Span,
    error: Option<E>,
}

impl<I: Iterator<Item = Result<ReplayRequest, E>>, E> Paced<I, E> {
    /// `requests` at `pace`.
    #[must_use]
    pub fn new(requests: I, pace: Pace) -> Self {
        if let Pace::Times(times) = pace {
            assert!(times > 0.0, "a replay goes forward");
        }
        let (latest, cut) = (Instant(0), Span(0));
        Self { requests, pace, gap_max: None, latest, cut, error: None }
    }

    /// Cuts idle times to at most this, as replayed.
    #[must_use]
    pub fn without_gaps_over(self, gap_max: Option<Span>) -> Self {
        Self { gap_max, ..self }
    }

    /// The time of a request in the replay.
    fn when(&mut self, at: Instant, times: f64) -> Instant {
        let at = scaled(at, times);
        let gap = at.since(self.latest);
        if let Some(over) = self.gap_max.and_then(|most| gap.0.checked_sub(most.0)) {
            self.cut.0 += over;
        }
        self.latest = self.latest.max(at);
        Instant(at.0.saturating_sub(self.cut.0))
    }

    /// Why it ended early, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&E> {
        self.error.as_ref()
    }

    /// Where the requests come from.
    #[must_use]
    pub fn requests(&self) -> &I {
        &self.requests
    }
}

impl<I: Iterator<Item = Result<ReplayRequest, E>>, E> Iterator for Paced<I, E> {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.error.is_some() {
            return None;
        }
        match self.requests.next()? {
            Ok(ReplayRequest { amf, kind, at, record: _ }) => {
                let at = match self.pace {
                    Pace::Max => None,
                    Pace::Times(times) => at.map(|at| self.when(at, times)),
                };
                Some(Planned { amf, kind, at })
            }
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "not negative; 2^53 ns are 104 days, and later ones may round; too late saturates"
)]
fn scaled(at: Instant, times: f64) -> Instant {
    Instant((at.0 as f64 / times) as u64)
}
