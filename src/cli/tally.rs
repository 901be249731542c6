//! What a run's answers add up to.

use crate::protocol::{HostError, RequestKind};
use crate::report::prometheus::Durations;
use crate::trace::Completion;
use hdrhistogram::Histogram;
use serde::Serialize;

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// Requests and touches, counted from their answers.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) reads: u64,
    pub(super) writes: u64,
    /// Flushes.
    pub(super) others: u64,
    /// Requests that ended in an error, by kind, in the order of [`HostError::ALL`].
    pub(super) errors: [u64; HostError::ALL.len()],
    pub(super) hits: u64,
    pub(super) misses: u64,
    /// Requests that an AMF turned away, and their host made again elsewhere.
    pub(super) retried: u64,
    read: Durated,
    write: Durated,
}

/// Latencies, and their sum, which a histogram only knows to its digits.
#[derive(Debug)]
struct Durated {
    nanos: Histogram<u64>,
    sum_ns: u64,
}

impl Durated {
    fn new() -> Self {
        Self { nanos: Histogram::new(DIGITS).expect("3 digits are allowed"), sum_ns: 0 }
    }

    fn record(&mut self, nanos: u64) {
        self.nanos.record(nanos).unwrap_or_default();
        self.sum_ns += nanos;
    }
}

/// What a request did, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    Write,
    Other,
}

impl Doing {
    pub(super) fn of(kind: &RequestKind) -> Self {
        match kind {
            RequestKind::Read(_) => Self::Read,
            RequestKind::Write(..)
            | RequestKind::WriteFua(..)
            | RequestKind::Zero(_)
            | RequestKind::CompareAndWrite { .. } => Self::Write,
            RequestKind::Flush => Self::Other,
        }
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            reads: 0,
            writes: 0,
            others: 0,
            errors: [0; HostError::ALL.len()],
            hits: 0,
            misses: 0,
            retried: 0,
            read: Durated::new(),
            write: Durated::new(),
        }
    }

    /// A request was given.
    pub(super) fn asked(&mut self, doing: Doing) {
        match doing {
            Doing::Read => self.reads += 1,
            Doing::Write => self.writes += 1,
            Doing::Other => self.others += 1,
        }
    }

    /// A request ended in an error.
    pub(super) fn failed(&mut self, error: HostError) {
        let all = HostError::ALL.iter().zip(&mut self.errors);
        for (_, count) in all.filter(|(known, _)| **known == error) {
            *count += 1;
        }
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, doing: Doing, done: &Completion) {
        let touched = match &done.answer.result {
            Ok(touched) => touched,
            Err(error) => return self.failed(*error),
        };
        for touch in touched {
            if touch.hit {
                self.hits += 1;
            } else {
                self.misses += 1;
            }
        }
        let nanos = done.ended.since(done.started).0;
        match doing {
            Doing::Read => self.read.record(nanos),
            Doing::Write => self.write.record(nanos),
            Doing::Other => {}
        }
    }

    /// Requests given.
    pub(super) fn ops(&self) -> u64 {
        self.reads + self.writes + self.others
    }

    /// Requests that ended in an error.
    pub(super) fn errors_all(&self) -> u64 {
        self.errors.iter().sum()
    }

    /// Latencies of reads and of writes.
    pub(super) fn latencies(&self) -> (Latency, Latency) {
        (Latency::of(&self.read.nanos), Latency::of(&self.write.nanos))
    }

    /// The same, sorted into buckets.
    pub(super) fn durations(&self) -> [Durations; 2] {
        [&self.read, &self.write].map(|of| Durations::of(&of.nanos, of.sum_ns))
    }
}

/// Latencies in microseconds; `None` without requests.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50: Option<f64>,
    pub(super) p90: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) p999: Option<f64>,
    pub(super) max: Option<f64>,
}

impl Latency {
    pub(super) fn of(nanos: &Histogram<u64>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
        let us = |nanos: u64| nanos as f64 / 1_000.0;
        let some = |value: u64| (!nanos.is_empty()).then(|| us(value));
        let at = |quantile: f64| some(nanos.value_at_quantile(quantile));
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: some(nanos.max()) }
    }
}
