//! Makes host requests as a `[[workload]]` of a profile says. Deterministic: the same workload,
//! configuration, seed and writer give the same requests.
//!
//! Each AMF has a random stream of its own, so that what one AMF is asked does not depend on how
//! fast the others answer; only the order of the AMFs and the sequence numbers of stamps do.

use super::driver::{Fetch, Planned, Source};
use super::pattern::{Part, Pattern};
use crate::profile::WorkloadSpec;
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::id::{AmfId, AmfSet, Instant, SECTOR_BYTES};
use crate::protocol::{Config, Payload, RequestKind, Sectors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator of host requests. As an iterator it takes its AMFs in turn; as a [`Source`] it
/// leaves out those that are not ready.
#[derive(Clone, Debug)]
pub struct Generator {
    lanes: Vec<Lane>,
    /// The lane whose turn it is.
    turn: usize,
    read_ratio: f64,
    /// Sectors and running sum of weights.
    sizes: Vec<(u32, u64)>,
    sectors_per_block: u64,
    /// Nanoseconds between requests.
    interval: Option<f64>,
    ops: Option<u64>,
    made: u64,
    writer: u32,
    /// Of the newest stamp.
    sequence: u64,
}

/// What one AMF is asked.
#[derive(Clone, Debug)]
struct Lane {
    amf: AmfId,
    part: Part,
    pattern: Pattern,
    rng: ChaCha8Rng,
}

impl Generator {
    /// The generator of `spec` on a cluster of `config`. Its stamps carry `writer_id`, which must be
    /// unique among everything that writes in a run, and sequence numbers from 1.
    #[must_use]
    pub fn new(spec: &WorkloadSpec, config: &Config, seed: u64, writer_id: u32) -> Self {
        let amfs: Vec<AmfId> = match spec.amfs.as_slice() {
            [] => config.users().iter().collect(),
            amfs => amfs.to_vec(),
        };
        let per_block = u64::from(config.sectors_per_block());
        let lane = |(i, amf): (usize, &AmfId)| {
            let part = part_of(spec, config.blocks, i as u64, amfs.len() as u64);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(writer_id) << 8 | u64::from(amf.0));
            let pattern = Pattern::new(spec.access, part.blocks, per_block);
            Lane { amf: *amf, part, pattern, rng }
        };
        let mut sum = 0;
        let weighted = |(bytes, weight): &(u32, u32)| {
            sum += u64::from(*weight);
            ((bytes / SECTOR_BYTES).clamp(1, REQUEST_SECTORS_MAX), sum)
        };
        Self {
            lanes: amfs.iter().enumerate().map(lane).collect(),
            turn: 0,
            read_ratio: spec.read_ratio,
            sizes: spec.sizes.iter().map(weighted).collect(),
            sectors_per_block: per_block,
            interval: spec.rate.map(|rate| 1e9 / rate),
            ops: spec.ops,
            made: 0,
            writer: writer_id,
            sequence: 0,
        }
    }

    /// Requests made so far.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Requests that it makes in all; `None`: it never stops by itself.
    #[must_use]
    pub fn ops(&self) -> Option<u64> {
        self.ops
    }

    fn is_exhausted(&self) -> bool {
        self.ops.is_some_and(|ops| self.made >= ops)
    }

    fn make(&mut self, lane: usize) -> Planned {
        self.turn = (lane + 1) % self.lanes.len();
        let per_block = self.sectors_per_block;
        let lane = &mut self.lanes[lane];
        let is_read = lane.rng.random_bool(self.read_ratio);
        let count = pick_size(&self.sizes, &mut lane.rng);
        // A request larger than the part it may touch is cut to it.
        let room = lane.part.blocks * per_block;
        let count = u32::try_from(u64::from(count).min(room)).expect("cut, not grown");
        let at = lane.pattern.place(&mut lane.rng, count.into(), per_block);
        let sectors = Sectors { first: lane.part.first * per_block + at, count };
        let kind = if is_read {
            RequestKind::Read(sectors)
        } else {
            self.sequence += 1;
            let (writer, sequence) = (self.writer, self.sequence);
            RequestKind::Write(sectors, Payload::Stamp { volume: 0, writer, sequence })
        };
        let at = self.interval.map(|interval| offset(self.made, interval));
        self.made += 1;
        Planned { amf: lane.amf, kind, at }
    }
}

impl Iterator for Generator {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.is_exhausted() { None } else { Some(self.make(self.turn)) }
    }
}

impl Source for Generator {
    fn next_for(&mut self, ready: AmfSet) -> Fetch {
        if self.is_exhausted() {
            return Fetch::End;
        }
        let count = self.lanes.len();
        let lane = (self.turn..self.turn + count)
            .map(|lane| lane % count)
            .find(|lane| ready.contains(self.lanes[*lane].amf));
        lane.map_or(Fetch::Blocked, |lane| Fetch::Request(self.make(lane)))
    }
}

/// The part of the working set that the `index`th of `amfs` AMFs draws from: the set is split
/// evenly among groups of `sharing_degree` AMFs, in id order.
fn part_of(spec: &WorkloadSpec, volume_blocks: u64, index: u64, amfs: u64) -> Part {
    let set = match spec.working_set {
        0 => volume_blocks - spec.first_block,
        blocks => blocks,
    };
    let degree = match u64::from(spec.sharing_degree) {
        0 => amfs,
        degree => degree.min(amfs),
    };
    let (group, groups) = (index / degree, amfs.div_ceil(degree));
    let border = |group: u64| {
        let blocks = u128::from(set) * u128::from(group) / u128::from(groups);
        u64::try_from(blocks).expect("at most the whole set")
    };
    Part { first: spec.first_block + border(group), blocks: border(group + 1) - border(group) }
}

fn pick_size(sizes: &[(u32, u64)], rng: &mut ChaCha8Rng) -> u32 {
    if let [(size, _)] = sizes {
        return *size;
    }
    let (_, total) = sizes.last().expect("a workload has at least one size");
    let at = rng.random_range(0..*total);
    sizes[sizes.partition_point(|(_, sum)| *sum <= at)].0
}

/// When the `index`th request is due, counted from the start.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "not negative; 2^53 ns are 104 days, and later ones may round"
)]
fn offset(index: u64, interval: f64) -> Instant {
    Instant((index as f64 * interval) as u64)
}
