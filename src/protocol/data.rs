//! The content of blocks: immutable, cheap to clone, compact, equal by content.
//!
//! Workloads write *stamps*: each sector names the volume, itself, its writer and the writer's
//! sequence number, so that a read can be verified to the sector, and a simulated block costs 32
//! bytes and not 4 KiB. A stamp is expanded to real bytes only at a real disk or a real client, and
//! bytes that hold stamps fold back to the same value ([`Data::from_bytes`]): that is what makes
//! equality by content exact. What people type is kept as bytes. Parity is a sum of blocks ([`Data::sum`]).

mod sum;

pub use sum::{inverse, power, times};

use super::id::SECTOR_BYTES;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

const SECTOR: usize = SECTOR_BYTES as usize;
/// First bytes of a stamped sector on a real disk.
const MAGIC: [u8; 8] = *b"AMFSTAMP";
/// Bytes of a stamp record: magic, volume, writer, sector, sequence, check sum, padding.
const RECORD: usize = 64;

/// Sectors of a block of the usual size fit without an allocation.
type Stamps = SmallVec<[Stamp; 8]>;

/// Who wrote a sector, and with which of its writes. `sequence` 0 means "zeroes, never stamped".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Stamp {
    /// The volume, or the device of a trace.
    pub volume: u16,
    /// Which generator or replayer wrote it.
    pub writer: u32,
    /// The sector it was written to: content that turns up elsewhere is seen at once.
    pub sector: u64,
    /// Counts the writes of that writer, from 1.
    pub sequence: u64,
}

impl Stamp {
    /// A sector of zeroes.
    pub const ZERO: Self = Self { volume: 0, writer: 0, sector: 0, sequence: 0 };

    fn expand(self, out: &mut [u8]) {
        out.fill(0);
        if self == Self::ZERO {
            return;
        }
        let mut record = [0u8; RECORD];
        record[..8].copy_from_slice(&MAGIC);
        record[8..10].copy_from_slice(&self.volume.to_le_bytes());
        record[10..14].copy_from_slice(&self.writer.to_le_bytes());
        record[14..22].copy_from_slice(&self.sector.to_le_bytes());
        record[22..30].copy_from_slice(&self.sequence.to_le_bytes());
        let crc = crc32c::crc32c(&record[..30]);
        record[30..34].copy_from_slice(&crc.to_le_bytes());
        for chunk in out.chunks_exact_mut(RECORD) {
            chunk.copy_from_slice(&record);
        }
    }

    fn parse(sector: &[u8]) -> Option<Self> {
        if sector.iter().all(|b| *b == 0) {
            return Some(Self::ZERO);
        }
        let record = sector.get(..RECORD)?;
        if record[..8] != MAGIC || sector.chunks_exact(RECORD).any(|chunk| chunk != record) {
            return None;
        }
        let stamp = Self {
            volume: u16::from_le_bytes(record[8..10].try_into().ok()?),
            writer: u32::from_le_bytes(record[10..14].try_into().ok()?),
            sector: u64::from_le_bytes(record[14..22].try_into().ok()?),
            sequence: u64::from_le_bytes(record[22..30].try_into().ok()?),
        };
        let crc = u32::from_le_bytes(record[30..34].try_into().ok()?);
        (crc == crc32c::crc32c(&record[..30]) && stamp.sequence > 0).then_some(stamp)
    }
}

/// The content of a block, or of the part of one that a request touches.
#[derive(Clone, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Data(Repr);

/// Canonical: all-zero content is `Zero`, one write's sectors in a row are `Run`, other stamped
/// content is `Stamps`, the rest `Bytes`. So content is equal exactly if its representation is. Parity of
/// stamped content is a `Sum` of two terms or more; the same as real bytes is `Bytes` ([`Data::is_same`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Repr {
    Zero { len: u32 },
    Run { first: Stamp, sectors: u16 },
    Stamps(Arc<[Stamp]>),
    Bytes(Arc<[u8]>),
    Sum { len: u32, terms: Arc<[(u8, Data)]> },
}

impl Data {
    /// `len` bytes of zeroes.
    #[must_use]
    pub fn zero(len: u32) -> Self {
        Self(Repr::Zero { len })
    }

    /// `sectors` sectors from `first.sector` on, all of one write.
    #[must_use]
    pub fn stamped(first: Stamp, sectors: u16) -> Self {
        if first.sequence == 0 {
            return Self::zero(u32::from(sectors) * SECTOR_BYTES);
        }
        Self(Repr::Run { first, sectors })
    }

    /// Content from real bytes: what is zero or stamped is folded, so that it equals what was written.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        if bytes.iter().all(|b| *b == 0) {
            return Self::zero(len32(bytes.len()));
        }
        if bytes.len().is_multiple_of(SECTOR) {
            let stamps: Option<Vec<Stamp>> = bytes.chunks_exact(SECTOR).map(Stamp::parse).collect();
            if let Some(stamps) = stamps {
                return Self::from_stamps(&stamps);
            }
        }
        Self(Repr::Bytes(bytes.into()))
    }

    fn from_stamps(stamps: &[Stamp]) -> Self {
        if stamps.iter().all(|s| *s == Stamp::ZERO) {
            return Self::zero(len32(stamps.len() * SECTOR));
        }
        let first = stamps[0];
        let is_run = first != Stamp::ZERO
            && stamps.iter().zip(first.sector..).all(|(s, sector)| *s == Stamp { sector, ..first });
        match u16::try_from(stamps.len()) {
            Ok(sectors) if is_run => Self(Repr::Run { first, sectors }),
            _ => Self(Repr::Stamps(stamps.into())),
        }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> u32 {
        match &self.0 {
            Repr::Zero { len } | Repr::Sum { len, .. } => *len,
            Repr::Run { sectors, .. } => u32::from(*sectors) * SECTOR_BYTES,
            Repr::Stamps(stamps) => len32(stamps.len() * SECTOR),
            Repr::Bytes(bytes) => len32(bytes.len()),
        }
    }

    /// True if it has no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if every byte is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Zero { .. })
    }

    /// The stamp of the `index`th sector; `None` if its bytes are neither zero nor a stamp.
    #[must_use]
    pub fn stamp(&self, index: u32) -> Option<Stamp> {
        let index = index as usize;
        match &self.0 {
            Repr::Zero { len } => (index * SECTOR < *len as usize).then_some(Stamp::ZERO),
            Repr::Run { first, sectors } => (index < usize::from(*sectors))
                .then(|| Stamp { sector: first.sector + index as u64, ..*first }),
            Repr::Stamps(stamps) => stamps.get(index).copied(),
            Repr::Bytes(bytes) => bytes.chunks_exact(SECTOR).nth(index).and_then(Stamp::parse),
            Repr::Sum { .. } => None,
        }
    }

    /// If all sectors come from one write: its stamp for the first of them, and how many there are.
    /// Zeroes count as one write. What is `None` may still be looked at sector by sector.
    #[must_use]
    pub fn run(&self) -> Option<(Stamp, u32)> {
        match &self.0 {
            Repr::Zero { len } if len.is_multiple_of(SECTOR_BYTES) => {
                Some((Stamp::ZERO, len / SECTOR_BYTES))
            }
            Repr::Run { first, sectors } => Some((*first, u32::from(*sectors))),
            Repr::Zero { .. } | Repr::Stamps(_) | Repr::Bytes(_) | Repr::Sum { .. } => None,
        }
    }

    /// The real bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0u8; self.len() as usize];
        self.write_to(&mut out);
        out
    }

    /// Expands the content into `out`, which must be `len()` bytes long.
    pub fn write_to(&self, out: &mut [u8]) {
        assert_eq!(out.len(), self.len() as usize, "content is expanded into its own length");
        match &self.0 {
            Repr::Zero { .. } => out.fill(0),
            Repr::Bytes(bytes) => out.copy_from_slice(bytes),
            Repr::Sum { terms, .. } => sum::expand(terms, out),
            Repr::Run { .. } | Repr::Stamps(_) => {
                for (index, sector) in out.chunks_exact_mut(SECTOR).enumerate() {
                    let stamp = self.stamp(len32(index)).unwrap_or(Stamp::ZERO);
                    stamp.expand(sector);
                }
            }
        }
    }

    /// The `len` bytes from `offset` on. Both in bytes, inside the content.
    #[must_use]
    pub fn slice(&self, offset: u32, len: u32) -> Self {
        let (from, to) = (offset as usize, offset as usize + len as usize);
        assert!(to <= self.len() as usize, "a slice lies inside its content");
        if len == self.len() {
            return self.clone();
        }
        let whole = from.is_multiple_of(SECTOR) && to.is_multiple_of(SECTOR);
        match &self.0 {
            Repr::Zero { .. } => Self::zero(len),
            Repr::Bytes(bytes) => Self::from_bytes(&bytes[from..to]),
            Repr::Run { .. } | Repr::Stamps(_) if whole => {
                let mut stamps = Stamps::new();
                self.put_stamps(from / SECTOR..to / SECTOR, &mut stamps);
                Self::from_stamps(&stamps)
            }
            Repr::Run { .. } | Repr::Stamps(_) | Repr::Sum { .. } => {
                Self::from_bytes(&self.to_bytes()[from..to])
            }
        }
    }

    /// This content with `part` laid over it from byte `offset` on: a partial write.
    #[must_use]
    pub fn splice(&self, offset: u32, part: &Self) -> Self {
        let (from, to) = (offset as usize, offset as usize + part.len() as usize);
        assert!(to <= self.len() as usize, "a partial write lies inside its block");
        if part.len() == self.len() {
            return part.clone();
        }
        let whole = from.is_multiple_of(SECTOR) && to.is_multiple_of(SECTOR);
        if whole && self.is_stamped() && part.is_stamped() {
            let mut stamps = Stamps::new();
            self.put_stamps(0..from / SECTOR, &mut stamps);
            part.put_stamps(0..(to - from) / SECTOR, &mut stamps);
            self.put_stamps(to / SECTOR..self.len() as usize / SECTOR, &mut stamps);
            return Self::from_stamps(&stamps);
        }
        let mut bytes = self.to_bytes();
        part.write_to(&mut bytes[from..to]);
        Self::from_bytes(&bytes)
    }

    /// Appends the stamps of these sectors, for content that is zero or stamped.
    fn put_stamps(&self, sectors: Range<usize>, out: &mut Stamps) {
        match &self.0 {
            Repr::Zero { .. } => out.extend(sectors.map(|_| Stamp::ZERO)),
            Repr::Run { first, .. } => {
                out.extend(sectors.map(|i| Stamp { sector: first.sector + i as u64, ..*first }));
            }
            Repr::Stamps(stamps) => out.extend_from_slice(&stamps[sectors]),
            Repr::Bytes(_) | Repr::Sum { .. } => {
                unreachable!("asked of stamped content only")
            }
        }
    }

    fn is_stamped(&self) -> bool {
        !matches!(self.0, Repr::Bytes(_) | Repr::Sum { .. })
            && (self.len() as usize).is_multiple_of(SECTOR)
    }

    /// CRC-32C of the real bytes, as a disk header holds it.
    #[must_use]
    pub fn crc32c(&self) -> u32 {
        crc32c::crc32c(&self.to_bytes())
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Data {}

impl Hash for Data {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Short, for events and cards: `"text"`, `0x00ff`, `w3#17`, or a digest. Text and hex are as people
/// type them in scripts.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Zero { .. } => f.write_str("0x00"),
            Repr::Run { first, .. } => write!(f, "w{}#{}", first.writer, first.sequence),
            Repr::Stamps(stamps) => {
                let newest = stamps.iter().max_by_key(|s| s.sequence).copied().unwrap_or_default();
                write!(f, "mix..w{}#{}", newest.writer, newest.sequence)
            }
            Repr::Sum { terms, .. } => write!(f, "sum of {}", terms.len()),
            Repr::Bytes(bytes) => {
                let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                match core::str::from_utf8(&bytes[..end]) {
                    Ok(text) if text.len() <= 32 && !text.chars().any(char::is_control) => {
                        write!(f, "{text:?}")
                    }
                    _ if end <= 16 => {
                        f.write_str("0x")?;
                        bytes[..end].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
                    }
                    _ => write!(f, "crc:{:08x}", crc32c::crc32c(bytes)),
                }
            }
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}[{}]", self.len())
    }
}

/// Lengths of content fit 32 bits: a block is at most 1 MiB, a request 32 MiB.
fn len32(len: usize) -> u32 {
    u32::try_from(len).expect("content is shorter than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(writer: u32, sector: u64, sequence: u64, sectors: u16) -> Data {
        Data::stamped(Stamp { volume: 1, writer, sector, sequence }, sectors)
    }

    #[test]
    fn stamps_survive_a_real_disk() {
        let data = run(7, 800, 3, 8);
        assert_eq!(Data::from_bytes(&data.to_bytes()), data);
        assert_eq!(data.stamp(5).map(|s| (s.sector, s.sequence)), Some((805, 3)));
    }

    #[test]
    fn content_is_equal_however_it_came_about() {
        let whole = run(7, 800, 3, 8);
        let mut pieces = Data::zero(4096);
        for i in [3u16, 0, 7, 1, 2, 6, 5, 4] {
            pieces = pieces.splice(u32::from(i) * 512, &run(7, 800 + u64::from(i), 3, 1));
        }
        assert_eq!(pieces, whole);
        assert_eq!(whole.splice(0, &Data::zero(4096)), Data::zero(4096));
        assert_eq!(Data::from_bytes(&vec![0; 4096]), Data::zero(4096));
    }

    #[test]
    fn a_partial_write_of_odd_bytes_keeps_the_rest() {
        let text = Data::from_bytes(b"hello");
        let block = run(1, 0, 1, 8).splice(700, &text);
        assert_eq!(block.slice(700, 5), text);
        assert_eq!(block.slice(1024, 512), run(1, 2, 1, 1));
        assert_eq!(block.stamp(1), None, "the sector under the text is no stamp any more");
    }

    #[test]
    fn short_forms_are_readable() {
        let mut bytes = vec![0u8; 4096];
        bytes[..5].copy_from_slice(b"alpha");
        assert_eq!(Data::from_bytes(&bytes).to_string(), "\"alpha\"");
        assert_eq!(Data::zero(4096).to_string(), "0x00");
        bytes[..5].copy_from_slice(&[0, 0xff, 0x10, 0, 0]);
        assert_eq!(Data::from_bytes(&bytes).to_string(), "0x00ff10");
        assert_eq!(run(3, 8, 17, 8).to_string(), "w3#17");
    }
}
