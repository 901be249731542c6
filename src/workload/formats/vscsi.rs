//! vscsi: what a hypervisor recorded of a virtual disk, little endian, one record a SCSI command.
//!
//! ```text
//! v1, 32 bytes: u32 serial, u32 length in bytes, u32 scatter-gather count, u16 command,
//!               u16 version 0x01.., u64 first sector, u64 time in us
//! v2, 40 bytes: u16 command, u16 version 0x02.., u32 serial, u32 length in bytes,
//!               u32 scatter-gather count, u64 first sector, u64 time in us, u64 response time in us
//! ```
//!
//! The version stands at a different place in each, so that a file is recognised by it: by its upper
//! byte, as all that read such traces do; the lower one is a minor version. Commands that move no data of
//! the disk (inquiry, unit ready, ..) ask for nothing and are counted.

use super::parser::Records;
use super::{Bad, Extent, Raw, TraceOp};

/// Bytes of the larger kind of record.
pub const RECORD_BYTES_MAX: usize = 40;

/// Which of the two layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 1.
    V1,
    /// Version 2, with response times.
    V2,
}

impl Version {
    /// Bytes in a record.
    #[must_use]
    pub const fn record_bytes(self) -> usize {
        match self {
            Self::V1 => 32,
            Self::V2 => RECORD_BYTES_MAX,
        }
    }

    /// Where the version stands in a record, and what its upper byte must be.
    const fn mark(self) -> (usize, u16) {
        match self {
            Self::V1 => (14, 1),
            Self::V2 => (2, 2),
        }
    }

    /// The version whose mark at least half of the whole records of `head` carry, if there is one.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|version| {
            let records = head.chunks_exact(version.record_bytes());
            let marked = records.clone().filter(|record| version.marks(record)).count();
            marked > 0 && marked * 2 >= records.len()
        })
    }

    fn marks(self, record: &[u8]) -> bool {
        let (at, mark) = self.mark();
        u16_at(record, at) >> 8 == mark
    }
}

/// Understands one record after the other.
#[derive(Clone, Copy, Debug)]
pub struct Vscsi(pub Version);

impl Records for Vscsi {
    fn record_bytes(&self) -> usize {
        self.0.record_bytes()
    }

    fn record(&mut self, bytes: &[u8]) -> Result<Option<Raw>, Bad> {
        record(self.0, bytes)
    }
}

/// One record; `None` if its command moves no data.
fn record(version: Version, record: &[u8]) -> Result<Option<Raw>, Bad> {
    let (at, mark) = version.mark();
    if !version.marks(record) {
        return Err(Bad::new(format!(
            "version {:#06x} instead of {:#06x}",
            u16_at(record, at),
            mark << 8
        ))
        .hint("the file is damaged here, or is no vscsi trace"));
    }
    let (command, length, first, time) = match version {
        Version::V1 => (u16_at(record, 12), u32_at(record, 4), u64_at(record, 16), 24),
        Version::V2 => (u16_at(record, 0), u32_at(record, 8), u64_at(record, 16), 24),
    };
    let time = u64_at(record, time);
    let Some(op) = operation(command)? else { return Ok(None) };
    let at = time
        .checked_mul(1_000)
        .ok_or_else(|| Bad::new(format!("time {time} us is out of range")))?;
    let extent = match op {
        TraceOp::Flush => Extent::None,
        TraceOp::Read | TraceOp::Write | TraceOp::Trim => {
            let offset = first
                .checked_mul(512)
                .ok_or_else(|| Bad::new(format!("sector {first} is out of range")))?;
            Extent::Bytes(offset, u64::from(length))
        }
    };
    Ok(Some(Raw { at: Some(at), host: None, device: 0, op, extent }))
}

/// What a SCSI operation code asks of the disk's data (SBC-3). `UNMAP` keeps its ranges, `WRITE SAME`
/// its number of blocks, where the recorder did not look: nothing can be replayed of them.
fn operation(command: u16) -> Result<Option<TraceOp>, Bad> {
    match command {
        0x08 | 0x28 | 0xa8 | 0x88 => Ok(Some(TraceOp::Read)),
        0x0a | 0x2a | 0xaa | 0x8a | 0x2e | 0x8e => Ok(Some(TraceOp::Write)),
        0x35 | 0x91 => Ok(Some(TraceOp::Flush)),
        0x00..=0xff => Ok(None),
        0x100.. => Err(Bad::new(format!("command {command:#06x} is no SCSI operation code"))),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
