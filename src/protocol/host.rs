//! What hosts ask of an AMF, and what they get.
//!
//! A host addresses sectors; the AMF splits a request at block borders, and each block is
//! linearizable by itself (section 1).

use super::data::{Data, Stamp};
use super::id::{AmfId, Block, DiskId, OpId, SECTOR_BYTES};
use core::fmt;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// Most sectors in one request: 32 MiB.
pub const REQUEST_SECTORS_MAX: u32 = 65_536;

/// A run of sectors of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sectors {
    /// First sector.
    pub first: u64,
    /// How many, 1 to [`REQUEST_SECTORS_MAX`].
    pub count: u32,
}

/// One block of a request: which bytes of it the request touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Touch {
    /// The block.
    pub block: Block,
    /// First byte inside the block.
    pub offset: u32,
    /// Bytes touched.
    pub len: u32,
}

impl Sectors {
    /// The sectors of whole blocks.
    #[must_use]
    pub fn of_blocks(first: Block, blocks: u32, sectors_per_block: u32) -> Self {
        Self { first: first.0 * u64::from(sectors_per_block), count: blocks * sectors_per_block }
    }

    /// How many blocks it overlaps: the touches it counts as.
    #[must_use]
    pub fn touches(self, sectors_per_block: u32) -> u32 {
        let per = u64::from(sectors_per_block);
        let last = (self.first + u64::from(self.count) - 1) / per;
        u32::try_from(last - self.first / per + 1).expect("a request has at most 65,536 sectors")
    }

    /// The `index`th block it overlaps, and which part of it.
    #[must_use]
    pub fn touch(self, index: u32, sectors_per_block: u32) -> Touch {
        let per = u64::from(sectors_per_block);
        let block = self.first / per + u64::from(index);
        let from = self.first.max(block * per);
        let to = (self.first + u64::from(self.count)).min((block + 1) * per);
        let bytes = |sectors: u64| u32::try_from(sectors).expect("inside a block") * SECTOR_BYTES;
        Touch { block: Block(block), offset: bytes(from - block * per), len: bytes(to - from) }
    }
}

/// What a write carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Payload {
    /// Every sector gets this stamp, with its own sector number.
    Stamp {
        /// See [`Stamp`].
        volume: u16,
        /// See [`Stamp`].
        writer: u32,
        /// See [`Stamp`].
        sequence: u64,
    },
    /// Real bytes, as many as the request has.
    Bytes(Arc<[u8]>),
}

impl Payload {
    /// The content for one touch of a request that begins at sector `first`.
    #[must_use]
    pub fn part(&self, first: u64, touch: Touch, sectors_per_block: u32) -> Data {
        let sector =
            touch.block.0 * u64::from(sectors_per_block) + u64::from(touch.offset / SECTOR_BYTES);
        match self {
            Self::Stamp { volume, writer, sequence } => {
                let sectors = u16::try_from(touch.len / SECTOR_BYTES).expect("inside a block");
                let (volume, writer, sequence) = (*volume, *writer, *sequence);
                Data::stamped(Stamp { volume, writer, sector, sequence }, sectors)
            }
            Self::Bytes(bytes) => {
                let from = usize::try_from((sector - first) * u64::from(SECTOR_BYTES))
                    .expect("a request has at most 32 MiB");
                Data::from_bytes(&bytes[from..from + touch.len as usize])
            }
        }
    }
}

/// A request of a host to one AMF.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Numbered by the engine.
    pub op: OpId,
    /// What is asked.
    pub kind: RequestKind,
}

/// What a host asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RequestKind {
    /// Read these sectors.
    Read(Sectors),
    /// Write these sectors.
    Write(Sectors, Payload),
    /// Write zeroes (`trim`, `zero`).
    Zero(Sectors),
    /// Write `new` if the block's content is `old`, in one step.
    CompareAndWrite {
        /// The block.
        block: Block,
        /// What must be there.
        old: Data,
        /// What is written then.
        new: Data,
    },
    /// Answer when every write this AMF has acknowledged is durable.
    Flush,
    /// Write these sectors, and answer when the group has stored just them (FUA, "force unit access"): as if
    /// only this write were a write-through.
    WriteFua(Sectors, Payload),
}

impl RequestKind {
    /// True if it may change content.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        match self {
            Self::Write(..) | Self::WriteFua(..) | Self::Zero(_) | Self::CompareAndWrite { .. } => {
                true
            }
            Self::Read(_) | Self::Flush => false,
        }
    }

    /// Its name on screen and in traces; of a write that is durable, too: what it does to content is the same.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Write(..) | Self::WriteFua(..) => "write",
            Self::Zero(_) => "zero",
            Self::CompareAndWrite { .. } => "caw",
            Self::Flush => "flush",
        }
    }
}

/// Where the data of a read came from (claims 7 and 8), or what a write had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// This AMF's own line.
    Cache,
    /// Another AMF's cache (claim 8).
    Amf(AmfId),
    /// A resource (claim 7).
    Disk(DiskId),
    /// Nothing was read: a write of a whole block.
    Host,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cache => f.write_str("cache"),
            Self::Amf(amf) => amf.fmt(f),
            Self::Disk(disk) => disk.fmt(f),
            Self::Host => f.write_str("host"),
        }
    }
}

/// What became of one touch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Touched {
    /// The block, and the part of it.
    pub touch: Touch,
    /// The AMF had a valid line when the operation reached the head of its key's queue.
    pub hit: bool,
    /// Where the data came from.
    pub source: Source,
    /// A read's data; empty for writes.
    pub data: Option<Data>,
}

/// An AMF's answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// The request.
    pub op: OpId,
    /// What came of it. Touches in block order.
    pub result: Result<SmallVec<[Touched; 1]>, HostError>,
    /// Its accesses that were broadcast.
    pub broadcasts: u32,
    /// Its accesses that needed no broadcast, because the data was not shared.
    pub saved: u32,
}

impl Answer {
    /// An answer to a request that was not done.
    #[must_use]
    pub fn failed(op: OpId, error: HostError) -> Self {
        Self { op, result: Err(error), broadcasts: 0, saved: 0 }
    }
}

/// Why a host's request was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostError {
    /// A compare-and-write found other content.
    Miscompare,
    /// The AMF is joining, down, or without a lease, and did not accept the request.
    NotServing,
    /// No answer within `host.timeout_ms`.
    Timeout,
    /// The AMF left while it worked on a write: it may have happened, or may yet.
    UnknownOutcome,
    /// No copy of the block can be read or written.
    Media,
    /// Acknowledged data of this region may be lost; old data is not given out.
    InDoubt,
    /// Beyond the end of the volume, or more than a request may ask for.
    OutOfRange,
}

impl HostError {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Miscompare,
        Self::NotServing,
        Self::Timeout,
        Self::UnknownOutcome,
        Self::Media,
        Self::InDoubt,
        Self::OutOfRange,
    ];

    /// Its name in scripts and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Miscompare => "miscompare",
            Self::NotServing => "not-serving",
            Self::Timeout => "timeout",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Media => "media",
            Self::InDoubt => "in-doubt",
            Self::OutOfRange => "out-of-range",
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl core::str::FromStr for HostError {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is no kind of error ({})", all.join(", "))
        })
    }
}
