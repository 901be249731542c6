//! What a trace is like: its mix, sizes, times, reuse and sharing, from one pass over it.
//!
//! Memory is bounded: a table of at most so many blocks ([`Reuse`]), 64 spans of time, a record for
//! each device. Sharing is what each mapping of `amflab replay --map` would come to, with the devices
//! end to end; only `hash` draws differently, because it goes by a place on the volume that one pass
//! does not know.

use super::formats::{TraceOp, TraceRequest};
use super::mapping::{AmfMap, Chooser, mixed};
use super::reuse::{Hits, Reuse};
use crate::protocol::id::Instant;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

/// Spans of time that requests are counted in.
const SPANS: usize = 64;
/// The shortest of them, in nanoseconds.
const SPAN_NS_MIN: u64 = 1_000;
/// Blocks that are kept if nothing is said; one takes [`BLOCK_BYTES`].
pub const BLOCKS_MAX: usize = 1_800_000;
/// Bytes that a block takes at most, tables and trees included.
pub const BLOCK_BYTES: u64 = 200;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Sectors of a block.
    pub sectors_per_block: u32,
    /// AMFs that share, 1 to 64.
    pub amfs: usize,
    /// Seed of the random mapping.
    pub seed: u64,
    /// Blocks that are kept.
    pub blocks_max: usize,
    /// Cache sizes that must be among those of the curve.
    pub lines: Vec<u64>,
}

/// What is known of a block.
#[derive(Clone, Copy, Debug, Default)]
struct Touched {
    is_read: bool,
    is_written: bool,
    /// AMFs that touched it, by mapping.
    by: [u64; AmfMap::ALL.len()],
}

/// Requests of one size class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// At most so many bytes, and more than half as many.
    pub bytes_max: u64,
    /// Reads.
    pub reads: u64,
    /// Writes and trims.
    pub writes: u64,
}

/// Blocks by how many AMFs touch them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sharing {
    /// The mapping.
    pub map: &'static str,
    /// Blocks that one AMF touches.
    pub one: u64,
    /// Two.
    pub two: u64,
    /// Three or more.
    pub more: u64,
}

/// Requests over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Seconds of a span.
    pub span_s: f64,
    /// Reads in each.
    pub reads: Vec<u64>,
    /// Everything else.
    pub others: Vec<u64>,
}

/// What was found. Field names are the JSON's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Bytes of a block.
    pub block_size: u64,
    /// Devices.
    pub devices: usize,
    /// Hosts or processes, if the format knows any.
    pub hosts: usize,
    /// From the first request to the latest; nothing without times.
    pub span_s: Option<f64>,
    /// Requests in a second of it.
    pub requests_per_s: Option<f64>,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written or trimmed.
    pub bytes_written: u64,
    /// Requests that begin where the last one of their device ended.
    pub sequential: u64,
    /// Requests by size.
    pub sizes: Vec<Size>,
    /// Touches of blocks.
    pub touches: u64,
    /// Those of a block that was not touched before.
    pub first_touches: u64,
    /// Different blocks: the working set.
    pub blocks: u64,
    /// Those that are read.
    pub blocks_read: u64,
    /// Those that are written.
    pub blocks_written: u64,
    /// One block in so many was counted, and stands for so many: 1 is exact.
    pub sampled_one_in: u64,
    /// LRU hits by cache size.
    pub lru: Vec<Hits>,
    /// AMFs that the mappings were tried with.
    pub amfs: usize,
    /// Blocks by how many AMFs touch them, under each mapping.
    pub sharing: Vec<Sharing>,
    /// Requests over time.
    pub rate: Option<Rate>,
}

/// Looks at a trace, request by request.
pub struct Insight {
    question: Question,
    choosers: [Chooser; AmfMap::ALL.len()],
    /// AMFs of the recorded request at hand, by mapping.
    chosen: [u64; AmfMap::ALL.len()],
    reuse: Reuse<Touched>,
    /// Where the last request of each device ended.
    ends: FxHashMap<u32, u64>,
    hosts: FxHashSet<u32>,
    sizes: [Size; 33],
    /// The recorded request at hand, whose size is not known before its last piece.
    current: Option<(TraceOp, u64)>,
    sectors: [u64; 2],
    sequential: u64,
    requests: u64,
    timeline: Timeline,
}

impl Insight {
    /// Looks with this in mind.
    #[must_use]
    pub fn new(question: Question) -> Self {
        let choosers = AmfMap::ALL.map(|map| Chooser::new(map, question.amfs, question.seed));
        Self {
            reuse: Reuse::new(question.blocks_max, &question.lines),
            question,
            choosers,
            chosen: [0; AmfMap::ALL.len()],
            ends: FxHashMap::default(),
            hosts: FxHashSet::default(),
            sizes: [Size::default(); 33],
            current: None,
            sectors: [0; 2],
            sequential: 0,
            requests: 0,
            timeline: Timeline::default(),
        }
    }

    /// The next request, or a further piece of the last one.
    pub fn on_request(&mut self, request: &TraceRequest) {
        let per = u64::from(self.question.sectors_per_block);
        let (first, sectors) = (request.first, u64::from(request.sectors));
        if request.continued {
            if let Some((_, size)) = &mut self.current {
                *size += sectors;
            }
        } else {
            self.end_request();
            self.requests += 1;
            self.current = Some((request.op, sectors));
            self.hosts.extend(request.host);
            let block = (first / per).wrapping_add(mixed(u64::from(request.device)));
            let choose = |chooser: &mut Chooser| 1 << chooser.choose(request, block);
            self.chosen = self.choosers.each_mut().map(choose);
            self.timeline.add(request.at, request.op);
        }
        if request.op == TraceOp::Flush {
            return;
        }
        let end = self.ends.insert(request.device, first + sectors);
        self.sequential += u64::from(!request.continued && end == Some(first));
        for block in first / per..(first + sectors).div_ceil(per) {
            if let Some(touched) = self.reuse.touch((request.device, block)) {
                let is_read = request.op == TraceOp::Read;
                touched.is_read |= is_read;
                touched.is_written |= !is_read;
                for (by, chosen) in touched.by.iter_mut().zip(self.chosen) {
                    *by |= chosen;
                }
            }
        }
    }

    /// The size of the request at hand is known.
    fn end_request(&mut self) {
        let Some((op, sectors)) = self.current.take().filter(|(_, sectors)| *sectors > 0) else {
            return;
        };
        let class = sectors.next_power_of_two().trailing_zeros() as usize;
        let size = &mut self.sizes[class.min(32)];
        match op {
            TraceOp::Read => size.reads += 1,
            TraceOp::Write | TraceOp::Trim | TraceOp::Flush => size.writes += 1,
        }
        self.sectors[usize::from(op != TraceOp::Read)] += sectors;
    }

    /// What was found so far.
    pub fn facts(&mut self) -> Facts {
        self.end_request();
        let reuse = &self.reuse;
        let one_in = reuse.one_in();
        let count = |is: &dyn Fn(&Touched) -> bool| {
            reuse.blocks().filter(|touched| is(touched)).count() as u64 * one_in
        };
        let sharing = AmfMap::ALL.iter().enumerate().map(|(index, map)| {
            let with = |is: &dyn Fn(u32) -> bool| {
                count(&|touched: &Touched| is(touched.by[index].count_ones()))
            };
            let [one, two, more] = [with(&|n| n == 1), with(&|n| n == 2), with(&|n| n > 2)];
            Sharing { map: map.name(), one, two, more }
        });
        // Without hosts there is nothing to go by.
        let has_hosts = !self.hosts.is_empty();
        let sharing: Vec<Sharing> =
            sharing.filter(|sharing| has_hosts || sharing.map != AmfMap::Host.name()).collect();
        let sizes = self.sizes.iter().enumerate().filter(|(_, size)| size.reads + size.writes > 0);
        let sizes = sizes.map(|(log, size)| Size { bytes_max: 512 << log, ..*size }).collect();
        let span_s = self.timeline.span_s();
        Facts {
            block_size: u64::from(self.question.sectors_per_block) * 512,
            devices: self.ends.len(),
            hosts: self.hosts.len(),
            span_s,
            requests_per_s: span_s
                .filter(|span| *span > 0.0)
                .map(|span| float(self.requests) / span),
            bytes_read: self.sectors[0] * 512,
            bytes_written: self.sectors[1] * 512,
            sequential: self.sequential,
            sizes,
            touches: reuse.touches(),
            first_touches: reuse.cold(),
            blocks: count(&|_| true),
            blocks_read: count(&|touched| touched.is_read),
            blocks_written: count(&|touched| touched.is_written),
            sampled_one_in: one_in,
            lru: reuse.curve(),
            amfs: self.question.amfs,
            sharing,
            rate: self.timeline.rate(),
        }
    }
}

/// Requests in spans of equal length, which double when time runs out.
#[derive(Clone, Debug)]
struct Timeline {
    span_ns: u64,
    counts: [[u64; 2]; SPANS],
    latest: Option<Instant>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { span_ns: SPAN_NS_MIN, counts: [[0; 2]; SPANS], latest: None }
    }
}

impl Timeline {
    fn add(&mut self, at: Option<Instant>, op: TraceOp) {
        let Some(at) = at else { return };
        self.latest = self.latest.max(Some(at));
        while at.0 / self.span_ns >= SPANS as u64 {
            self.span_ns = self.span_ns.saturating_mul(2);
            for index in 0..SPANS {
                let pair = [2 * index, 2 * index + 1].map(|half| self.counts.get(half).copied());
                let [one, two] = pair.map(Option::unwrap_or_default);
                self.counts[index] = [one[0] + two[0], one[1] + two[1]];
            }
        }
        let span = usize::try_from(at.0 / self.span_ns).expect("below SPANS");
        self.counts[span][usize::from(op != TraceOp::Read)] += 1;
    }

    fn span_s(&self) -> Option<f64> {
        self.latest.map(|at| float(at.0) / 1e9)
    }

    fn rate(&self) -> Option<Rate> {
        let last = usize::try_from(self.latest?.0 / self.span_ns).unwrap_or(SPANS - 1);
        let used = &self.counts[..=last];
        let of = |kind: usize| used.iter().map(|counts| counts[kind]).collect();
        Some(Rate { span_s: float(self.span_ns) / 1e9, reads: of(0), others: of(1) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
fn float(count: u64) -> f64 {
    count as f64
}
