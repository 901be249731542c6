//! Which worlds are kept on the way, so that no position is far from one.
//!
//! How far apart is measured in work (steps and what they brought about), not in time: the same file
//! gives the same snapshots on every machine. Memory is bounded: past the bound every other snapshot
//! goes, and those to come are twice as far apart. Worlds share what has not changed between them.

use super::fold::Fold;

/// Work between two snapshots to begin with: some ten milliseconds of it.
const WORK_MIN: u64 = 1 << 16;
/// Bytes of all snapshots, by estimate.
const BYTES_MAX: u64 = 384 << 20;

/// About how many bytes a world takes that it does not share with the one kept before it.
fn between(before: &Fold, after: &Fold) -> u64 {
    let ((_, then), (all, now)) = (before.world().page_bytes(), after.world().page_bytes());
    after.world().weight() + (now - then).min(all)
}

/// See the module.
pub(super) struct Snaps {
    kept: Vec<Fold>,
    every: u64,
    bytes: u64,
    bytes_max: u64,
}

impl Snaps {
    pub(super) fn new(start: &Fold) -> Self {
        Self::bounded(start, BYTES_MAX)
    }

    fn bounded(start: &Fold, bytes_max: u64) -> Self {
        Self { kept: vec![start.clone()], every: WORK_MIN, bytes: 0, bytes_max }
    }

    /// The fold has come one step further.
    pub(super) fn passed(&mut self, fold: &Fold) {
        let last = self.kept.last().map_or(0, |fold| fold.work);
        if fold.work - last < self.every {
            return;
        }
        self.bytes += self.kept.last().map_or(0, |last| between(last, fold));
        self.kept.push(fold.clone());
        if self.bytes > self.bytes_max && self.kept.len() > 2 {
            let mut at = 0;
            self.kept.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.every *= 2;
            self.bytes = self.kept.windows(2).map(|pair| between(&pair[0], &pair[1])).sum();
        }
    }

    /// The last one at or before a position.
    pub(super) fn nearest(&self, to: u64) -> Option<&Fold> {
        let after = self.kept.partition_point(|fold| fold.position() <= to);
        self.kept.get(after.checked_sub(1)?)
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Most steps from a snapshot to the next, or to the end.
    pub(super) fn distance_max(&self, len: u64) -> u64 {
        let ends = self.kept.iter().skip(1).map(Fold::position).chain([len]);
        self.kept.iter().zip(ends).map(|(fold, end)| end - fold.position()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::id::{AmfId, Instant, NodeId};
    use crate::trace::recording::{Origin, Recorded};
    use crate::trace::step::{Step, StepEntry};

    #[test]
    fn memory_is_bounded_and_no_position_is_far() {
        let profile = crate::profile::load("claims", &[]).expect("is built in");
        let mut fold = Fold::new(&profile, &profile.head("sim", Origin::BLANK));
        let one = fold.world().weight();
        let mut snaps = Snaps::bounded(&fold, one * 8);
        let step = Step::Tick { node: NodeId::Amf(AmfId(0)) };
        let entry = StepEntry { now: Instant(0), step };
        let recorded = Recorded { entry, outcome: None, digest: 0, broke: false };
        let steps = WORK_MIN * 40;
        for _ in 0..steps {
            assert!(fold.apply(&recorded));
            snaps.passed(&fold);
            assert!(snaps.bytes <= one * 8 && snaps.len() <= 10);
        }
        assert!(snaps.len() >= 4, "{}", snaps.len());
        assert!(snaps.distance_max(steps) <= WORK_MIN * 16, "{}", snaps.distance_max(steps));
        let near = snaps.nearest(steps / 2).expect("the start is always there");
        assert!(near.position() <= steps / 2 && steps / 2 - near.position() <= WORK_MIN * 16);
        assert_eq!(snaps.nearest(0).map(Fold::position), Some(0));
    }
}
