//! Which AMF and which sectors of the volume a trace's request goes to.
//!
//! A trace is read twice. [`Survey::of`] goes over it once for the length of each device (and, for
//! `dense`, for the order of first touch); [`ReplaySource`] then makes host requests of it. Requests
//! stay exact to the sector: where they begin or end inside a block they are partial writes.

use super::formats::{Place, TraceCounts, TraceError, TraceOp, TraceReader, TraceRequest};
use crate::protocol::id::{AmfId, AmfSet, Block, Instant, SECTOR_BYTES};
use crate::protocol::table::Table;
use crate::protocol::{Payload, RequestKind, Sectors};
use core::str::FromStr;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::io::BufRead;

/// Most sectors of a volume (8 EiB): offsets in bytes still fit 64 bits.
pub const VOLUME_SECTORS_MAX: u64 = 1 << 54;
/// Requests between two calls of who watches the first pass.
const LOOK_EVERY: u32 = 4_096;

/// Which AMF a request goes to (`--map`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmfMap {
    /// One after the other: the most sharing.
    #[default]
    RoundRobin,
    /// By device: no sharing, as long as devices are laid end to end.
    Device,
    /// By the first block: the same block always goes to the same AMF.
    Hash,
    /// By a seeded draw.
    Random,
    /// By who asked (host, process), if the format says so.
    Host,
}

impl AmfMap {
    /// Every mapping.
    pub const ALL: [Self; 5] =
        [Self::RoundRobin, Self::Device, Self::Hash, Self::Random, Self::Host];

    /// Its name in `--map`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::Device => "device",
            Self::Hash => "hash",
            Self::Random => "random",
            Self::Host => "host",
        }
    }
}

impl FromStr for AmfMap {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|map| map.name() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no mapping ({all})")
        })
    }
}

/// Draws one AMF after the other for the requests of a trace.
#[derive(Clone, Debug)]
pub struct Chooser {
    map: AmfMap,
    amfs: u64,
    rng: ChaCha8Rng,
    /// Requests so far.
    requests: u64,
}

impl Chooser {
    /// Of so many AMFs, at least one.
    #[must_use]
    pub fn new(map: AmfMap, amfs: usize, seed: u64) -> Self {
        assert!(amfs > 0, "somebody may use the volume");
        Self { map, amfs: amfs as u64, rng: ChaCha8Rng::seed_from_u64(seed), requests: 0 }
    }

    /// Which of them, counted from 0, the next recorded request goes to. `block`: its first one.
    pub fn choose(&mut self, request: &TraceRequest, block: u64) -> usize {
        self.requests += 1;
        let choice = match self.map {
            AmfMap::RoundRobin => (self.requests - 1) % self.amfs,
            AmfMap::Device => u64::from(request.device) % self.amfs,
            AmfMap::Hash => mixed(block) % self.amfs,
            AmfMap::Random => self.rng.random_range(0..self.amfs),
            AmfMap::Host => u64::from(request.host.unwrap_or(0)) % self.amfs,
        };
        usize::try_from(choice).expect("below the number of AMFs")
    }
}

/// Where on the volume a request goes (`--address`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressMap {
    /// Devices end to end by number, each as long as its highest sector, rounded up to a block. The
    /// volume grows to what the trace needs.
    #[default]
    Identity,
    /// The same address, wrapped into the volume as it is.
    Modulo,
    /// Blocks are numbered in order of first touch; the offset inside a block stays. The volume
    /// needs only the blocks that are touched.
    Dense,
}

impl FromStr for AddressMap {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "identity" => Ok(Self::Identity),
            "modulo" => Ok(Self::Modulo),
            "dense" => Ok(Self::Dense),
            _ => Err(format!("`{text}` is no way to map addresses (identity, modulo, dense)")),
        }
    }
}

/// What the first pass over a trace found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What was read.
    pub counts: TraceCounts,
    /// The first few bad lines that were skipped.
    pub bad: Vec<TraceError>,
    /// Sectors of each device, by number: its highest sector, rounded up to a block.
    pub devices: BTreeMap<u32, u64>,
    address: AddressMap,
    sectors_per_block: u32,
    /// `dense`: the new number of each block touched.
    dense: Table<(u32, u64), u64>,
    /// Copies that lie one behind the other.
    copies: u32,
}

impl Survey {
    /// Reads `reader` to its end.
    ///
    /// # Errors
    /// Those of the trace, and if its devices are too long together.
    pub fn of<R: BufRead>(
        reader: TraceReader<R>,
        address: AddressMap,
        sectors_per_block: u32,
    ) -> Result<Self, TraceError> {
        let survey = Self::watched(reader, address, sectors_per_block, &mut |_| true)?;
        Ok(survey.expect("nobody said no"))
    }

    /// The same, while `watch` is told how many bytes of the file were read; `None` once it says no.
    ///
    /// # Errors
    /// See [`Self::of`].
    pub fn watched<R: BufRead>(
        mut reader: TraceReader<R>,
        address: AddressMap,
        sectors_per_block: u32,
        watch: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Self>, TraceError> {
        assert!(sectors_per_block >= 1, "a block has at least one sector");
        let per = u64::from(sectors_per_block);
        let mut devices = BTreeMap::new();
        let mut dense = Table::default();
        let mut looked = 0u32;
        while let Some(request) = reader.next() {
            let request = request?;
            looked = looked.wrapping_add(1);
            if looked.is_multiple_of(LOOK_EVERY) && !watch(reader.bytes_read()) {
                return Ok(None);
            }
            let end = request.first + u64::from(request.sectors);
            let length = devices.entry(request.device).or_insert(0);
            *length = end.div_ceil(per).saturating_mul(per).max(*length);
            if address == AddressMap::Dense {
                for block in request.first / per..end.div_ceil(per) {
                    let next = dense.len() as u64;
                    dense.get_or_insert_with((request.device, block), || next);
                }
            }
        }
        let (counts, bad) = (reader.counts(), reader.bad().to_vec());
        let survey = Self { counts, bad, devices, address, sectors_per_block, dense, copies: 1 };
        let sum = survey.devices.values().try_fold(0u64, |sum, length| sum.checked_add(*length));
        if sum.is_none_or(|sum| sum > VOLUME_SECTORS_MAX) && address != AddressMap::Dense {
            return Err(TraceError {
                file: reader.file().to_owned(),
                place: Place::File,
                what: format!("its {} devices are too long end to end", survey.devices.len()),
                good_before: counts.good,
                hint: "--address dense needs only the blocks that are touched".to_owned(),
            });
        }
        Ok(Some(survey))
    }

    /// With room for so many copies of the trace, one behind the other.
    ///
    /// # Errors
    /// If they are too long together.
    pub fn apart(mut self, copies: u32) -> Result<Self, String> {
        self.copies = copies.max(1);
        let sectors = self.span().checked_mul(u64::from(self.copies));
        match sectors.filter(|sectors| *sectors <= VOLUME_SECTORS_MAX) {
            Some(_) => Ok(self),
            None => Err(format!("{copies} copies of the trace are too long one behind the other")),
        }
    }

    /// Sectors of one copy: where the next one begins.
    fn span(&self) -> u64 {
        match self.address {
            AddressMap::Identity | AddressMap::Modulo => self.devices.values().sum(),
            AddressMap::Dense => self.dense.len() as u64 * u64::from(self.sectors_per_block),
        }
    }

    /// Blocks that the volume needs; `None` if the trace is wrapped into what there is.
    pub fn blocks_needed(&self) -> Option<u64> {
        let blocks = self.span() / u64::from(self.sectors_per_block);
        (self.address != AddressMap::Modulo).then_some(blocks * u64::from(self.copies))
    }
}

/// Where the sectors of a trace lie on the volume.
#[derive(Clone, Debug)]
pub struct Addresses {
    survey: Survey,
    /// First sector of each device on the volume.
    bases: Table<u32, u64>,
    /// Sectors of the volume.
    volume: u64,
}

impl Addresses {
    /// Lays what `survey` found on a volume of `blocks` blocks.
    ///
    /// # Errors
    /// If the volume is smaller than [`Survey::blocks_needed`].
    pub fn new(survey: Survey, blocks: u64) -> Result<Self, String> {
        if let Some(needed) = survey.blocks_needed().filter(|needed| *needed > blocks) {
            return Err(format!("the trace needs {needed} blocks, the volume has {blocks}"));
        }
        if blocks == 0 {
            return Err("the volume has no block".to_owned());
        }
        let mut bases = Table::default();
        let mut next = 0;
        for (device, length) in &survey.devices {
            bases.insert(*device, next);
            // Blocks that are numbered anew lie one behind the other, however long their devices are.
            next += if survey.address == AddressMap::Dense { 0 } else { *length };
        }
        let volume = blocks.saturating_mul(u64::from(survey.sectors_per_block));
        Ok(Self { survey, bases, volume })
    }

    /// The sectors of the volume that stand for a request's in one of the copies: usually one run.
    /// Nothing for a device or block that the survey did not see.
    fn runs(&self, request: &TraceRequest, copy: u32) -> SmallVec<[Sectors; 1]> {
        let Some(base) = self.bases.get(&request.device) else { return SmallVec::new() };
        // Without room for copies, all of them lie on the same sectors.
        let shift = if self.survey.copies > 1 { u64::from(copy) * self.survey.span() } else { 0 };
        let base = base + shift;
        match self.survey.address {
            AddressMap::Identity => SmallVec::from_buf([Sectors {
                first: base + request.first,
                count: request.sectors,
            }]),
            AddressMap::Modulo => self.wrapped(base + request.first, request.sectors),
            AddressMap::Dense => self.renumbered(request, shift),
        }
    }

    fn wrapped(&self, first: u64, count: u32) -> SmallVec<[Sectors; 1]> {
        let mut runs = SmallVec::new();
        let (mut first, mut left) = (first % self.volume, u64::from(count));
        while left > 0 {
            let count = left.min(self.volume - first);
            runs.push(Sectors { first, count: sectors32(count) });
            left -= count;
            first = 0;
        }
        runs
    }

    fn renumbered(&self, request: &TraceRequest, shift: u64) -> SmallVec<[Sectors; 1]> {
        let per = self.survey.sectors_per_block;
        let whole = Sectors { first: request.first, count: request.sectors };
        let mut runs: SmallVec<[Sectors; 1]> = SmallVec::new();
        for index in 0..whole.touches(per) {
            let touch = whole.touch(index, per);
            let key = (request.device, touch.block.0);
            let Some(block) = self.survey.dense.get(&key) else { continue };
            let start = Sectors::of_blocks(Block(*block), 1, per).first;
            let first = shift + start + u64::from(touch.offset / SECTOR_BYTES);
            let count = touch.len / SECTOR_BYTES;
            match runs.last_mut() {
                Some(last) if last.first + u64::from(last.count) == first => last.count += count,
                Some(_) | None => runs.push(Sectors { first, count }),
            }
        }
        runs
    }
}

fn sectors32(count: u64) -> u32 {
    u32::try_from(count).expect("a request has at most 65,536 sectors")
}

/// How a replay is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Which AMF a request goes to.
    pub map: AmfMap,
    /// The AMFs that requests may go to, at least one.
    pub amfs: AmfSet,
    /// So many AMFs get each request: the one it goes to, and those that follow it. On the same
    /// sectors, unless [`Survey::apart`] made room. From 1 to the number of AMFs.
    pub replicate: u32,
    /// Seed of `--map random`.
    pub seed: u64,
    /// The writer in the stamps: another one for another replay on the same volume.
    pub writer: u32,
}

/// One request of a replay, ready for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayRequest {
    /// The AMF it goes to.
    pub amf: AmfId,
    /// What is asked. Writes carry stamps: the replay's writer, and as sequence the number of this
    /// request among all that were made, from 1. So every read can be verified.
    pub kind: RequestKind,
    /// When, counted from the first request of the trace; `None` if the format has no times.
    pub at: Option<Instant>,
    /// Which recorded request it came from, counted from 1.
    pub record: u64,
}

/// Makes host requests of a trace. An iterator; it ends after the first error.
pub struct ReplaySource<I> {
    requests: I,
    addresses: Addresses,
    options: ReplayOptions,
    users: Vec<AmfId>,
    chooser: Chooser,
    /// Recorded requests read, and host requests made.
    records: u64,
    made: u64,
    /// The AMF of the recorded request at hand, by its place in `users`; its pieces stay together.
    chosen: usize,
    /// Who is still to be asked for what of the request at hand, last first.
    runs: SmallVec<[(AmfId, Sectors); 1]>,
    current: Option<TraceRequest>,
}

impl<R: BufRead> ReplaySource<TraceReader<R>> {
    /// Recorded requests read so far, and what else the reader counted.
    pub fn counts(&self) -> TraceCounts {
        self.requests.counts()
    }
}

impl<I: Iterator<Item = Result<TraceRequest, TraceError>>> ReplaySource<I> {
    /// A source of what `requests` holds.
    pub fn new(requests: I, addresses: Addresses, options: ReplayOptions) -> Self {
        let users: Vec<AmfId> = options.amfs.iter().collect();
        let copies = options.replicate as usize;
        assert!((1..=users.len()).contains(&copies), "each copy goes to an AMF of its own");
        Self {
            requests,
            addresses,
            options,
            chooser: Chooser::new(options.map, users.len(), options.seed),
            users,
            records: 0,
            made: 0,
            chosen: 0,
            runs: SmallVec::new(),
            current: None,
        }
    }

    /// Takes in the next request of the trace.
    fn take_in(&mut self, request: TraceRequest) {
        let mut all = SmallVec::new();
        for copy in 0..self.options.replicate {
            let runs = match request.op {
                TraceOp::Flush => SmallVec::from_buf([Sectors { first: 0, count: 0 }]),
                TraceOp::Read | TraceOp::Write | TraceOp::Trim => {
                    self.addresses.runs(&request, copy)
                }
            };
            if !request.continued && copy == 0 {
                self.records += 1;
                let first = runs.first().map_or(0, |run| run.first);
                let block = first / u64::from(self.addresses.survey.sectors_per_block);
                self.chosen = self.chooser.choose(&request, block);
            }
            let amf = self.users[(self.chosen + copy as usize) % self.users.len()];
            all.extend(runs.into_iter().map(|run| (amf, run)));
        }
        all.reverse();
        self.runs = all;
        self.current = Some(request);
    }

    fn make(&mut self, request: &TraceRequest, amf: AmfId, run: Sectors) -> ReplayRequest {
        self.made += 1;
        let volume = u16::try_from(request.device).unwrap_or(u16::MAX);
        let stamp = Payload::Stamp { volume, writer: self.options.writer, sequence: self.made };
        let kind = match request.op {
            TraceOp::Read => RequestKind::Read(run),
            TraceOp::Write => RequestKind::Write(run, stamp),
            TraceOp::Trim => RequestKind::Zero(run),
            TraceOp::Flush => RequestKind::Flush,
        };
        ReplayRequest { amf, kind, at: request.at, record: self.records }
    }
}

impl<I: Iterator<Item = Result<TraceRequest, TraceError>>> Iterator for ReplaySource<I> {
    type Item = Result<ReplayRequest, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let (Some(request), Some((amf, run))) = (self.current, self.runs.pop()) {
                return Some(Ok(self.make(&request, amf, run)));
            }
            match self.requests.next()? {
                Ok(request) => self.take_in(request),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Spreads neighbouring numbers: the finishing steps of `SplitMix64`.
pub(super) fn mixed(number: u64) -> u64 {
    let a = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}
