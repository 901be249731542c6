//! Operations a second of each AMF over the last minute, sampled on the cluster's clock.

use crate::trace::Snapshot;
use std::collections::VecDeque;

/// Length of a sample, in nanoseconds of the cluster's clock.
pub const SAMPLE_NS: u64 = 500_000_000;
/// Samples kept.
pub const SAMPLES_MAX: usize = 120;

/// Samples of every AMF, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    bucket: u64,
    last: Vec<u64>,
    samples: Vec<VecDeque<u64>>,
}

impl Rates {
    /// Looks at the counters; makes samples for the time that has passed since.
    pub fn sample(&mut self, snapshot: &Snapshot) {
        let bucket = snapshot.now.0 / SAMPLE_NS;
        let ops: Vec<u64> = snapshot.amfs.iter().map(|amf| amf.ops).collect();
        if self.last.len() != ops.len() {
            self.samples = vec![VecDeque::new(); ops.len()];
            (self.last, self.bucket) = (ops, bucket);
            return;
        }
        let passed = bucket.saturating_sub(self.bucket);
        if passed == 0 {
            return;
        }
        for ((samples, now), before) in self.samples.iter_mut().zip(&ops).zip(&self.last) {
            let each = now.saturating_sub(*before) / passed;
            for _ in 0..passed.min(SAMPLES_MAX as u64) {
                if samples.len() == SAMPLES_MAX {
                    samples.pop_front();
                }
                samples.push_back(each);
            }
        }
        (self.last, self.bucket) = (ops, bucket);
    }

    /// Operations a second of the `amf`th AMF, over the last two samples.
    #[must_use]
    pub fn per_second(&self, amf: usize) -> u64 {
        let Some(samples) = self.samples.get(amf) else { return 0 };
        let taken = samples.iter().rev().take(2);
        let (sum, count) = taken.fold((0, 0), |(sum, count), each| (sum + each, count + 1));
        let wanted = sum * 1_000_000_000;
        if count == 0 { 0 } else { wanted / (count * SAMPLE_NS) }
    }

    /// The newest `width` samples of the `amf`th AMF, oldest first.
    #[must_use]
    pub fn newest(&self, amf: usize, width: usize) -> Vec<u64> {
        let Some(samples) = self.samples.get(amf) else { return Vec::new() };
        samples.iter().skip(samples.len().saturating_sub(width)).copied().collect()
    }

    /// The largest sample of any AMF: the scale that all sparklines share.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.samples.iter().flatten().copied().max().unwrap_or(0)
    }
}
