//! What a report is made of: the sums of a run, and its figures over time, by block and by fault.
//!
//! Time is cut into at most [`BUCKETS_MAX`] pieces and blocks into at most [`ROWS`] ranges; both grow as the run
//! does, so that memory does not depend on its length.

use crate::protocol::id::{AmfId, Instant};
use crate::protocol::table::Table;
use crate::protocol::{MsgKind, Source};
use crate::trace::recording::Head;
use crate::trace::{Counts, Violation};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::VecDeque;

/// Most pieces of time.
pub const BUCKETS_MAX: usize = 240;
/// Ranges of blocks in the heat map.
pub const ROWS: usize = 48;
/// The first pieces are so long, in nanoseconds.
pub(super) const WIDTH_FIRST: u64 = 1_000_000;
/// Blocks of which something is remembered.
const BLOCKS_MAX: usize = 1 << 20;
/// Writers of a block that are remembered, the newest.
const CHAIN_MAX: usize = 16;

/// A piece of time.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Requests answered.
    pub ops: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Blocks touched, and hits among them.
    pub touches: u64,
    /// Hits among the touches.
    pub hits: u64,
    /// Messages between AMFs, first sends.
    pub messages: u64,
    /// Packets lost.
    pub lost: u64,
    /// Latencies in nanoseconds.
    pub latency: Histogram<u64>,
    /// Touches by range of blocks.
    pub heat: [u32; ROWS],
}

impl Bucket {
    pub(super) fn new() -> Self {
        let latency = Histogram::new(2).expect("2 digits are allowed");
        Self {
            ops: 0,
            errors: 0,
            touches: 0,
            hits: 0,
            messages: 0,
            lost: 0,
            latency,
            heat: [0; ROWS],
        }
    }

    fn join(&mut self, other: &Self) {
        self.ops += other.ops;
        self.errors += other.errors;
        self.touches += other.touches;
        self.hits += other.hits;
        self.messages += other.messages;
        self.lost += other.lost;
        self.latency.add(&other.latency).expect("both grow as needed");
        self.heat.iter_mut().zip(other.heat).for_each(|(sum, more)| *sum += more);
    }
}

/// Something that is marked in the plots.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// When, in seconds.
    pub at_s: f64,
    /// After which step.
    pub step: u64,
    /// What.
    pub text: String,
    /// It is a fault; else what came of one.
    pub is_fault: bool,
}

/// A block that several AMFs wrote.
#[derive(Clone, Debug, Default)]
pub struct BlockFigures {
    /// Touches of it.
    pub touches: u64,
    /// Of these, answered from another AMF's cache.
    pub transfers: u64,
    /// How often another AMF wrote it than the one before.
    pub moves: u64,
    /// Its newest writers, each time that it moved.
    pub chain: VecDeque<AmfId>,
}

/// How others took over from an AMF.
#[derive(Clone, Debug, Serialize)]
pub struct Takeover {
    /// What was done to it.
    pub fault: String,
    /// When, in seconds.
    pub at_s: f64,
    /// Blocks that others adopted.
    pub blocks: u64,
    /// Milliseconds from the fault to the last of them.
    pub ms: f64,
}

/// Everything that a report is made of.
pub struct Survey {
    /// The recording's head.
    pub head: Head,
    /// Steps that were followed.
    pub steps: u64,
    /// The pieces of time.
    pub buckets: Vec<Bucket>,
    /// Nanoseconds of each.
    pub width: u64,
    /// Blocks of each range.
    pub row_blocks: u64,
    /// Requests made.
    pub ops: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Requests that an AMF turned away, and that were made again over another path.
    pub retried: u64,
    /// Blocks touched, and hits among them.
    pub touches: u64,
    /// Hits among the touches.
    pub hits: u64,
    /// Latencies of reads, in nanoseconds.
    pub read_ns: Histogram<u64>,
    /// Latencies of writes, in nanoseconds.
    pub write_ns: Histogram<u64>,
    /// Counters at the end.
    pub counts: Counts,
    /// Faults and views.
    pub marks: Vec<Mark>,
    /// Takeovers.
    pub takeovers: Vec<Takeover>,
    /// Violations, the first of them, and how many there are.
    pub violations: Vec<Violation>,
    /// All violations.
    pub violations_total: u64,
    /// This program does not come to what was recorded, in words.
    pub trouble: Option<String>,
    /// When the figures begin.
    pub begin: Instant,
    /// When they end: the last moment, unless the run says so.
    pub end: Instant,
    pub(super) blocks: Table<u64, BlockFigures>,
}

impl Survey {
    /// The piece of time that this moment is in; all of them become longer if need be.
    pub(super) fn bucket(&mut self, now: Instant) -> &mut Bucket {
        while now.0 / self.width >= BUCKETS_MAX as u64 {
            self.width *= 2;
            let pairs = self.buckets.chunks(2).map(|pair| {
                let mut joined = pair[0].clone();
                pair[1..].iter().for_each(|other| joined.join(other));
                joined
            });
            self.buckets = pairs.collect();
        }
        let at = usize::try_from(now.0 / self.width).expect("below the number of pieces");
        while self.buckets.len() <= at {
            self.buckets.push(Bucket::new());
        }
        &mut self.buckets[at]
    }

    pub(super) fn touched(
        &mut self,
        now: Instant,
        block: u64,
        hit: bool,
        source: Source,
        amf: AmfId,
        is_write: bool,
    ) {
        while block / self.row_blocks >= ROWS as u64 {
            self.row_blocks *= 2;
            for bucket in &mut self.buckets {
                let mut joined = [0; ROWS];
                for (row, touches) in bucket.heat.iter().enumerate() {
                    joined[row / 2] += touches;
                }
                bucket.heat = joined;
            }
        }
        let row = usize::try_from(block / self.row_blocks).expect("below the number of ranges");
        self.touches += 1;
        self.hits += u64::from(hit);
        let bucket = self.bucket(now);
        bucket.touches += 1;
        bucket.hits += u64::from(hit);
        bucket.heat[row] += 1;
        if self.blocks.len() >= BLOCKS_MAX && !self.blocks.contains(&block) {
            return;
        }
        let figures = self.blocks.get_or_insert_with(block, BlockFigures::default);
        figures.touches += 1;
        figures.transfers += u64::from(matches!(source, Source::Amf(_)));
        if is_write && figures.chain.back() != Some(&amf) {
            figures.moves += u64::from(!figures.chain.is_empty());
            if figures.chain.len() == CHAIN_MAX {
                figures.chain.pop_front();
            }
            figures.chain.push_back(amf);
        }
    }

    /// The blocks that moved between writers most often, at most `most` of them.
    #[must_use]
    pub fn contended(&self, most: usize) -> Vec<(u64, &BlockFigures)> {
        let mut all: Vec<(u64, &BlockFigures)> = self
            .blocks
            .sorted()
            .into_iter()
            .filter(|(_, figures)| figures.moves + figures.transfers > 0)
            .collect();
        all.sort_by_key(|(block, figures)| {
            (core::cmp::Reverse((figures.moves, figures.transfers)), *block)
        });
        all.truncate(most);
        all
    }

    /// Blocks that were touched.
    #[must_use]
    pub fn blocks_touched(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Hits among all touches; `None`: nothing was touched.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        ratio(self.hits, self.touches)
    }

    /// First sends by kind, those that there are.
    #[must_use]
    pub fn messages(&self) -> Vec<(&'static str, u64)> {
        let all = MsgKind::ALL.iter().map(|kind| (kind.name(), self.counts.sent(*kind)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}

/// A part of a whole; `None` without a whole.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// Nanoseconds as seconds.
#[must_use]
pub fn seconds(nanos: u64) -> f64 {
    float(nanos) / 1e9
}
