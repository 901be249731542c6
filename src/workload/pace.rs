//! From a replay's requests to a driver's: at which speed, and up to the first bad line.

use super::driver::Planned;
use super::mapping::ReplayRequest;
use crate::protocol::id::Instant;

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
    error: Option<E>,
}

impl<I: Iterator<Item = Result<ReplayRequest, E>>, E> Paced<I, E> {
    /// `requests` at `pace`.
    #[must_use]
    pub fn new(requests: I, pace: Pace) -> Self {
        if let Pace::Times(times) = pace {
            assert!(times > 0.0, "a replay goes forward");
        }
        Self { requests, pace, error: None }
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
                    Pace::Times(times) => at.map(|at| scaled(at, times)),
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
