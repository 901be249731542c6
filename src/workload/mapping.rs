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
}

impl FromStr for AmfMap {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "round-robin" => Ok(Self::RoundRobin),
            "device" => Ok(Self::Device),
            "hash" => Ok(Self::Hash),
            "random" => Ok(Self::Random),
            _ => Err(format!("`{text}` is no mapping (round-robin, device, hash, random)")),
        }
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
}

impl Survey {
    /// Reads `reader` to its end.
    ///
    /// # Errors
    /// Those of the trace, and if its devices are too long together.
    pub fn of<R: BufRead>(
        mut reader: TraceReader<R>,
        address: AddressMap,
        sectors_per_block: u32,
    ) -> Result<Self, TraceError> {
        assert!(sectors_per_block >= 1, "a block has at least one sector");
        let per = u64::from(sectors_per_block);
        let mut devices = BTreeMap::new();
        let mut dense = Table::default();
        for request in &mut reader {
            let request = request?;
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
        let survey = Self { counts, bad, devices, address, sectors_per_block, dense };
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
        Ok(survey)
    }

    /// Blocks that the volume needs; `None` if the trace is wrapped into what there is.
    pub fn blocks_needed(&self) -> Option<u64> {
        match self.address {
            AddressMap::Identity => {
                Some(self.devices.values().sum::<u64>() / u64::from(self.sectors_per_block))
            }
            AddressMap::Modulo => None,
            AddressMap::Dense => Some(self.dense.len() as u64),
        }
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
            next += length;
        }
        let volume = blocks.saturating_mul(u64::from(survey.sectors_per_block));
        Ok(Self { survey, bases, volume })
    }

    /// The sectors of the volume that stand for a request's: usually one run. Nothing for a device
    /// or block that the survey did not see.
    fn runs(&self, request: &TraceRequest) -> SmallVec<[Sectors; 1]> {
        let Some(base) = self.bases.get(&request.device) else { return SmallVec::new() };
        match self.survey.address {
            AddressMap::Identity => SmallVec::from_buf([Sectors {
                first: base + request.first,
                count: request.sectors,
            }]),
            AddressMap::Modulo => self.wrapped(base + request.first, request.sectors),
            AddressMap::Dense => self.renumbered(request),
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

    fn renumbered(&self, request: &TraceRequest) -> SmallVec<[Sectors; 1]> {
        let per = self.survey.sectors_per_block;
        let whole = Sectors { first: request.first, count: request.sectors };
        let mut runs: SmallVec<[Sectors; 1]> = SmallVec::new();
        for index in 0..whole.touches(per) {
            let touch = whole.touch(index, per);
            let key = (request.device, touch.block.0);
            let Some(block) = self.survey.dense.get(&key) else { continue };
            let start = Sectors::of_blocks(Block(*block), 1, per).first;
            let first = start + u64::from(touch.offset / SECTOR_BYTES);
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
    rng: ChaCha8Rng,
    /// Recorded requests read, and host requests made.
    records: u64,
    made: u64,
    /// The AMF of the recorded request at hand; its pieces stay together.
    amf: AmfId,
    /// Runs of the request at hand that are still to be asked for, last first.
    runs: SmallVec<[Sectors; 1]>,
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
        assert!(!options.amfs.is_empty(), "somebody may use the volume");
        Self {
            requests,
            addresses,
            options,
            users: options.amfs.iter().collect(),
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            records: 0,
            made: 0,
            amf: AmfId(0),
            runs: SmallVec::new(),
            current: None,
        }
    }

    /// Takes in the next request of the trace.
    fn take_in(&mut self, request: TraceRequest) {
        self.runs = match request.op {
            TraceOp::Flush => SmallVec::from_buf([Sectors { first: 0, count: 0 }]),
            TraceOp::Read | TraceOp::Write | TraceOp::Trim => self.addresses.runs(&request),
        };
        if !request.continued {
            self.records += 1;
            self.amf = self.choose(&request);
        }
        self.runs.reverse();
        self.current = Some(request);
    }

    fn choose(&mut self, request: &TraceRequest) -> AmfId {
        let amfs = self.users.len() as u64;
        let choice = match self.options.map {
            AmfMap::RoundRobin => (self.records - 1) % amfs,
            AmfMap::Device => u64::from(request.device) % amfs,
            AmfMap::Hash => {
                let first = self.runs.first().map_or(0, |run| run.first);
                mixed(first / u64::from(self.addresses.survey.sectors_per_block)) % amfs
            }
            AmfMap::Random => self.rng.random_range(0..amfs),
        };
        self.users[usize::try_from(choice).expect("below the number of AMFs")]
    }

    fn make(&mut self, request: &TraceRequest, run: Sectors) -> ReplayRequest {
        self.made += 1;
        let volume = u16::try_from(request.device).unwrap_or(u16::MAX);
        let stamp = Payload::Stamp { volume, writer: self.options.writer, sequence: self.made };
        let kind = match request.op {
            TraceOp::Read => RequestKind::Read(run),
            TraceOp::Write => RequestKind::Write(run, stamp),
            TraceOp::Trim => RequestKind::Zero(run),
            TraceOp::Flush => RequestKind::Flush,
        };
        ReplayRequest { amf: self.amf, kind, at: request.at, record: self.records }
    }
}

impl<I: Iterator<Item = Result<TraceRequest, TraceError>>> Iterator for ReplaySource<I> {
    type Item = Result<ReplayRequest, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let (Some(request), Some(run)) = (self.current, self.runs.pop()) {
                return Some(Ok(self.make(&request, run)));
            }
            match self.requests.next()? {
                Ok(request) => self.take_in(request),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Spreads neighbouring numbers: the finishing steps of `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let a = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    b ^ (b >> 31)
}
