//! Makes host requests as a `[[workload]]` of a profile says. Deterministic: the same workload,
//! configuration, seed and writer give the same requests.
//!
//! Each AMF has a random stream of its own (or, where all of a group are to touch the same blocks, a
//! copy of the group's), so that what one AMF is asked does not depend on how fast the others answer;
//! only the order of the AMFs and the sequence numbers of stamps do. A sharing pattern may make an AMF
//! wait for another: see `Generator::may_begin`.

use super::driver::{Driver, DriverSettings, Fetch, Planned, Rhythm, Source};
use super::pattern::{Insert, Part, Pattern};
use crate::profile::{Arrivals, Sharing, WorkloadSpec};
use crate::protocol::host::REQUEST_SECTORS_MAX;
use crate::protocol::id::{AmfId, AmfSet, Instant, SECTOR_BYTES, Span};
use crate::protocol::{Config, Payload, RequestKind, Sectors};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};
use std::collections::VecDeque;

/// A generator that is later than this moves its schedule: no burst follows a stall.
const LATE_MAX: Span = Span::millis(500);
/// Streams of a writer: one an AMF, from here on one a group, the last for arrivals.
const STREAM_GROUPS: u64 = 64;
const STREAM_ARRIVALS: u64 = 255;

/// A generator of host requests. As an iterator it takes its AMFs in turn, and what it gives counts as
/// answered at once; as a [`Source`] it leaves out those that are not ready.
#[derive(Clone, Debug)]
pub struct Generator {
    lanes: Vec<Lane>,
    /// The lane whose turn it is.
    turn: usize,
    mix: Mix,
    /// Sectors and running sum of weights.
    sizes: Vec<(u32, u64)>,
    sectors_per_block: u64,
    arrivals: Option<Clock>,
    ops: Option<u64>,
    made: u64,
    writer: u32,
    /// Of the newest stamp.
    sequence: u64,
}

/// What requests are made of.
#[derive(Clone, Copy, Debug)]
struct Mix {
    sharing: Sharing,
    read_ratio: f64,
    rmw_ratio: f64,
    fua_ratio: f64,
    flush_every: u64,
}

/// What one AMF is asked.
#[derive(Clone, Debug)]
struct Lane {
    amf: AmfId,
    part: Part,
    pattern: Pattern,
    rng: ChaCha8Rng,
    /// Draws places and sizes, the same in all lanes of the group; `None`: `rng` does.
    places: Option<ChaCha8Rng>,
    /// Its place in its group, and the lanes of the first and the last of it.
    rank: u64,
    group: (usize, usize),
    /// False sharing: sectors of a row, in which each AMF of the group has its own.
    row: Option<u64>,
    /// What belongs to the visit that has begun: a write after its read, a flush after its write.
    rest: VecDeque<Rest>,
    /// Visits begun, and requests that are not over.
    begun: u64,
    open: u64,
    /// Writes since the last flush.
    unflushed: u64,
    /// Requests it may still make; `None`: no limit of its own.
    left: Option<u64>,
}

/// The second part of something.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Write(Sectors),
    Flush,
}

/// When requests come.
#[derive(Clone, Debug)]
enum Clock {
    /// Every so many nanoseconds.
    Linear(f64),
    /// After times that are drawn, of this mean.
    Poisson { mean: f64, at: f64, dice: Box<ChaCha8Rng> },
}

impl Generator {
    /// The generator of `spec` on a cluster of `config`. Its stamps carry `writer_id`, which must be
    /// unique among everything that writes in a run, and sequence numbers from 1.
    #[must_use]
    pub fn new(spec: &WorkloadSpec, config: &Config, seed: u64, writer_id: u32) -> Self {
        let amfs = amfs_of(spec, config);
        let per_block = u64::from(config.sectors_per_block());
        let dice = |stream: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(u64::from(writer_id) << 8 | stream);
            rng
        };
        let lane = |index: usize| Lane::new(spec, config, &amfs, index, &dice);
        let mut sum = 0;
        let weighted = |(bytes, weight): &(u32, u32)| {
            sum += u64::from(*weight);
            ((bytes / SECTOR_BYTES).clamp(1, REQUEST_SECTORS_MAX), sum)
        };
        let arrivals = spec.rate.map(|rate| match spec.arrivals {
            Arrivals::Linear => Clock::Linear(1e9 / rate),
            Arrivals::Poisson => {
                Clock::Poisson { mean: 1e9 / rate, at: 0.0, dice: Box::new(dice(STREAM_ARRIVALS)) }
            }
        });
        Self {
            lanes: (0..amfs.len()).map(lane).collect(),
            turn: 0,
            mix: Mix {
                sharing: spec.sharing,
                read_ratio: spec.read_ratio,
                rmw_ratio: spec.rmw_ratio,
                fua_ratio: spec.fua_ratio,
                flush_every: spec.flush_every,
            },
            sizes: spec.sizes.iter().map(weighted).collect(),
            sectors_per_block: per_block,
            arrivals,
            ops: spec.ops,
            made: 0,
            writer: writer_id,
            sequence: 0,
        }
    }

    /// A driver of the generator of `spec`, with its queue depth and rhythm, which begins at `now` if
    /// the workload does not start later.
    #[must_use]
    pub fn driver(
        spec: &WorkloadSpec,
        config: &Config,
        seed: u64,
        writer_id: u32,
        now: Instant,
    ) -> Driver<Self> {
        Self::new(spec, config, seed, writer_id).driven(spec, config, now)
    }

    /// This generator, which was made of `spec`, driven as that says.
    #[must_use]
    pub fn driven(self, spec: &WorkloadSpec, config: &Config, now: Instant) -> Driver<Self> {
        let amfs: AmfSet = amfs_of(spec, config).into_iter().collect();
        let settings =
            DriverSettings { amfs, queue_depth: spec.queue_depth, late_max: Some(LATE_MAX) };
        let rhythm = Rhythm {
            think: spec.think,
            burst: Some((spec.burst, spec.pause)).filter(|(on, _)| on.0 > 0),
            duration: spec.duration,
        };
        Driver::new(self, settings, now + spec.start).with_rhythm(rhythm)
    }

    /// So many requests in all, split evenly among its AMFs beforehand: then each AMF is asked exactly
    /// the same, however fast the others are.
    #[must_use]
    pub fn split_evenly(mut self, ops: u64) -> Self {
        let lanes = self.lanes.len() as u64;
        for (i, lane) in (0..).zip(&mut self.lanes) {
            lane.left = Some(ops / lanes + u64::from(i < ops % lanes));
        }
        self
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
        self.ops.is_some_and(|ops| self.made >= ops) || self.lanes.iter().all(Lane::is_exhausted)
    }

    /// True if the sharing pattern lets an AMF make its next request.
    ///
    /// Migratory: a visit (read, then write) begins once the AMF before has ended the same visit, and
    /// the first AMF is ahead of the last by no more visits than there are blocks or AMFs to pass them on. A
    /// consumer reads only what the producer has written. Whoever has nothing left keeps nobody waiting.
    fn may_begin(&self, index: usize) -> bool {
        let lane = &self.lanes[index];
        let (first, last) = lane.group;
        let ended = |other: usize| match &self.lanes[other] {
            other if other.is_exhausted() => u64::MAX,
            other => other.ended(),
        };
        match self.mix.sharing {
            Sharing::Mixed
            | Sharing::Private
            | Sharing::ReadShared
            | Sharing::WriteWrite
            | Sharing::FalseSharing => true,
            Sharing::ProducerConsumer => lane.rank == 0 || ended(first) > lane.begun,
            Sharing::Migratory if lane.open > 0 => false,
            Sharing::Migratory if !lane.rest.is_empty() => true,
            Sharing::Migratory if lane.rank > 0 => ended(index - 1) > lane.begun,
            Sharing::Migratory => {
                let ahead = lane.part.blocks.min((last - first) as u64 + 1);
                ended(last).saturating_add(ahead) > lane.begun
            }
        }
    }

    fn make(&mut self, index: usize) -> Planned {
        self.turn = (index + 1) % self.lanes.len();
        let rest = self.lanes[index].rest.pop_front();
        let kind = match rest {
            Some(Rest::Write(sectors)) => self.write(index, sectors),
            Some(Rest::Flush) => {
                self.lanes[index].unflushed = 0;
                RequestKind::Flush
            }
            None => self.begin(index),
        };
        let at = self.arrivals.as_mut().map(|clock| clock.next(self.made));
        self.made += 1;
        let lane = &mut self.lanes[index];
        lane.open += 1;
        lane.left = lane.left.map(|left| left - 1);
        Planned { amf: lane.amf, kind, at }
    }

    /// The first request of a visit.
    fn begin(&mut self, index: usize) -> RequestKind {
        let (mix, per_block) = (self.mix, self.sectors_per_block);
        let lane = &mut self.lanes[index];
        lane.begun += 1;
        let is_read = match mix.sharing {
            Sharing::Mixed | Sharing::Private | Sharing::FalseSharing => {
                lane.rng.random_bool(mix.read_ratio)
            }
            Sharing::ReadShared => lane.rank > 0 || lane.rng.random_bool(mix.read_ratio),
            Sharing::ProducerConsumer => lane.rank > 0,
            Sharing::Migratory | Sharing::WriteWrite => false,
        };
        let dice = lane.places.as_mut().unwrap_or(&mut lane.rng);
        let count = pick_size(&self.sizes, dice);
        let part = (lane.part.blocks, per_block);
        // A request larger than the part it may touch is cut to it.
        let room = lane.part.blocks * per_block;
        let count = u32::try_from(u64::from(count).min(room)).expect("cut, not grown");
        let at = match lane.row {
            Some(row) => lane.pattern.draw(dice, !is_read) * row + lane.rank * u64::from(count),
            None => lane.pattern.place(dice, count.into(), part, !is_read),
        };
        let sectors = Sectors { first: lane.part.first * per_block + at, count };
        let reads_first = mix.sharing == Sharing::Migratory
            || (!is_read && mix.rmw_ratio > 0.0 && lane.rng.random_bool(mix.rmw_ratio));
        if is_read {
            RequestKind::Read(sectors)
        } else if reads_first {
            lane.rest.push_back(Rest::Write(sectors));
            RequestKind::Read(sectors)
        } else {
            self.write(index, sectors)
        }
    }

    fn write(&mut self, index: usize, sectors: Sectors) -> RequestKind {
        let (mix, lane) = (self.mix, &mut self.lanes[index]);
        lane.unflushed += 1;
        let is_due = mix.flush_every > 0 && lane.unflushed >= mix.flush_every;
        // Both conditions are drawn for, so that one key does not move what the other draws.
        let is_fua = mix.fua_ratio > 0.0 && lane.rng.random_bool(mix.fua_ratio);
        if is_due {
            lane.rest.push_back(Rest::Flush);
        }
        self.sequence += 1;
        let (writer, sequence) = (self.writer, self.sequence);
        let stamp = Payload::Stamp { volume: 0, writer, sequence };
        if is_fua {
            RequestKind::WriteFua(sectors, stamp)
        } else {
            RequestKind::Write(sectors, stamp)
        }
    }

    /// The first lane, from the one whose turn it is, that may go and that `is_ready`.
    fn next_lane(&self, is_ready: impl Fn(AmfId) -> bool) -> Option<usize> {
        let count = self.lanes.len();
        let may_go = |lane: &usize| {
            let of = &self.lanes[*lane];
            !of.is_exhausted() && is_ready(of.amf) && self.may_begin(*lane)
        };
        (self.turn..self.turn + count).map(|lane| lane % count).find(may_go)
    }
}

impl Lane {
    fn new(
        spec: &WorkloadSpec,
        config: &Config,
        amfs: &[AmfId],
        index: usize,
        dice: &impl Fn(u64) -> ChaCha8Rng,
    ) -> Self {
        let (count, at) = (amfs.len() as u64, index as u64);
        let degree = spec.degree(count);
        let (group, rank) = (at / degree, at % degree);
        let first = index - usize::try_from(rank).expect("below the number of AMFs");
        let members = degree.min(count - group * degree);
        let last = first + usize::try_from(members).expect("at most 64 AMFs") - 1;
        let part = part_of(spec, config.blocks, group, count.div_ceil(degree));
        let per_block = u64::from(config.sectors_per_block());
        let row = (spec.sharing == Sharing::FalseSharing).then(|| {
            let own = spec.sizes.first().map_or(1, |(bytes, _)| bytes / SECTOR_BYTES).max(1);
            u64::from(own) * degree
        });
        let (units, per_unit) = match row {
            Some(row) => ((part.blocks * per_block / row).max(1), row),
            None => (part.blocks, per_block),
        };
        let together = spec.sharing.says_who_reads();
        Self {
            amf: amfs[index],
            part,
            pattern: Pattern::new(&spec.access, units, per_unit, Insert::of(rank, members)),
            rng: dice(u64::from(amfs[index].0)),
            places: together.then(|| dice(STREAM_GROUPS + group)),
            rank,
            group: (first, last),
            row,
            rest: VecDeque::new(),
            begun: 0,
            open: 0,
            unflushed: 0,
            left: None,
        }
    }

    fn is_exhausted(&self) -> bool {
        self.left == Some(0)
    }

    /// Visits that are over, or fewer.
    fn ended(&self) -> u64 {
        let unfinished = self.open.max(u64::from(!self.rest.is_empty()));
        self.begun.saturating_sub(unfinished)
    }
}

impl Iterator for Generator {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.is_exhausted() {
            return None;
        }
        let lane = self.next_lane(|_| true)?;
        let planned = self.make(lane);
        self.on_answer(planned.amf);
        Some(planned)
    }
}

impl Source for Generator {
    fn next_for(&mut self, ready: AmfSet) -> Fetch {
        if self.is_exhausted() {
            return Fetch::End;
        }
        let lane = self.next_lane(|amf| ready.contains(amf));
        lane.map_or(Fetch::Blocked, |lane| Fetch::Request(self.make(lane)))
    }

    fn on_answer(&mut self, amf: AmfId) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.amf == amf) {
            lane.open = lane.open.saturating_sub(1);
        }
    }
}

impl Clock {
    /// When the `index`th request is due, counted from the start.
    fn next(&mut self, index: u64) -> Instant {
        match self {
            Self::Linear(interval) => offset(index, *interval),
            Self::Poisson { mean, at, dice } => {
                let due = offset(1, *at);
                let gap: f64 = Exp1.sample(dice.as_mut());
                *at += gap * *mean;
                due
            }
        }
    }
}

fn amfs_of(spec: &WorkloadSpec, config: &Config) -> Vec<AmfId> {
    match spec.amfs.as_slice() {
        [] => config.users().iter().collect(),
        amfs => amfs.to_vec(),
    }
}

/// The part of the working set that a group of AMFs draws from: the set is split evenly among them.
fn part_of(spec: &WorkloadSpec, volume_blocks: u64, group: u64, groups: u64) -> Part {
    let set = match spec.working_set {
        0 => volume_blocks - spec.first_block,
        blocks => blocks,
    };
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

/// `index` intervals after the start.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "not negative; 2^53 ns are 104 days, and later ones may round"
)]
fn offset(index: u64, interval: f64) -> Instant {
    Instant((index as f64 * interval) as u64)
}
