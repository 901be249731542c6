//! oracleGeneral, the binary form of libCacheSim's traces, little endian, 24 bytes a request:
//!
//! ```text
//! u32 time in s, u64 object, u32 size in bytes, i64 number of the next request of the object (-1: none)
//! ```
//!
//! (`oracleGeneralBin.h`.) It knows no writes, and objects instead of addresses. Here an object is one
//! block of the volume, numbered in order of appearance, and each request reads it once, whatever its
//! size: what libCacheSim counts with `--ignore-obj-size 1`. Objects without a size are left out, as
//! there. The table of objects is in memory: some 16 to 32 bytes for each.

use super::parser::Records;
use super::vscsi::{u32_at, u64_at};
use super::{Bad, Extent, Raw, TraceOp};
use rustc_hash::FxHashMap;

/// Bytes of a record.
pub const RECORD_BYTES: usize = 24;
/// Most objects (the table then has about 2 GiB).
pub const OBJECTS_MAX: u64 = 1 << 26;
/// Largest object that is taken for one when the format is to be recognised.
const LIKELY_BYTES_MAX: u32 = 1 << 31;
/// Most requests of a trace that is taken for one.
const LIKELY_NEXT_MAX: i64 = 1 << 48;

/// Understands one record after the other.
#[derive(Clone, Debug)]
pub struct Oracle {
    objects: FxHashMap<u64, u32>,
    /// Sectors of a block.
    sectors: u64,
}

impl Oracle {
    /// A parser whose objects are blocks of so many sectors.
    #[must_use]
    pub fn new(sectors: u32) -> Self {
        Self { objects: FxHashMap::default(), sectors: u64::from(sectors.max(1)) }
    }

    /// Whether all whole records of `head` could be some: times do not go back, sizes are sizes, and
    /// the next request of an object has a number. (What it counts from differs between converters.)
    #[must_use]
    pub fn is_likely(head: &[u8]) -> bool {
        let (mut before, mut sized) = (0, false);
        let mut fits = |record: &[u8]| {
            let (time, size) = (u32_at(record, 0), u32_at(record, 12));
            let next = i64::from_le_bytes(u64_at(record, 16).to_le_bytes());
            sized |= size > 0;
            let has_next = (1..LIKELY_NEXT_MAX).contains(&next) || [-1, i64::MAX].contains(&next);
            let is_in_order = time >= core::mem::replace(&mut before, time);
            is_in_order && has_next && size < LIKELY_BYTES_MAX
        };
        head.contains(&0) && head.chunks_exact(RECORD_BYTES).all(&mut fits) && sized
    }
}

impl Records for Oracle {
    fn record_bytes(&self) -> usize {
        RECORD_BYTES
    }

    fn record(&mut self, record: &[u8]) -> Result<Option<Raw>, Bad> {
        if u32_at(record, 12) == 0 {
            return Ok(None);
        }
        let known = self.objects.len() as u64;
        if known >= OBJECTS_MAX {
            return Err(Bad::new(format!("more than {OBJECTS_MAX} objects"))
                .hint("--limit reads less of the trace"));
        }
        let next = u32::try_from(known).expect("OBJECTS_MAX has 32 bits");
        let number = u64::from(*self.objects.entry(u64_at(record, 4)).or_insert(next));
        let at = Some(u64::from(u32_at(record, 0)) * 1_000_000_000);
        let extent = Extent::Sectors(number * self.sectors, self.sectors);
        Ok(Some(Raw { at, host: None, device: 0, op: TraceOp::Read, extent }))
    }
}
