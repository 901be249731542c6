//! A block as bytes: header, then content. Content is expanded here and folded back here.
//!
//! ```text
//! 0 format  1..5 version.epoch  5..13 version.clock  13 version.amf  14..18 crc32c of what follows
//! 18..22 length of the content  22..26 crc32c of bytes 0..22  26.. the content, unless it is zero
//! ```
//!
//! Of a parity block the versions that it covers come before the content: their number in a byte, then
//! 13 bytes each, as in the header.

use crate::protocol::id::{AmfId, Epoch, Version};
use crate::protocol::{Data, Record};

/// Bytes before the content.
const HEADER: usize = 26;
/// Bytes of a version.
const VERSION: usize = 13;
/// The content follows.
const FORMAT_BYTES: u8 = 1;
/// The content is zeroes: trimmed blocks take no room.
const FORMAT_ZERO: u8 = 2;
/// The versions that parity covers follow, then the content.
const FORMAT_PARITY: u8 = 3;
/// Longer content is damage, not data: a block is at most 1 MiB, an intent in a journal has three.
const CONTENT_BYTES_MAX: usize = 4 << 20;

/// The record as a store keeps it.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let len = record.data.len() as usize;
    assert!(len <= CONTENT_BYTES_MAX, "a block is at most 1 MiB, an intent has three");
    let mut bytes = vec![0; HEADER];
    bytes[0] = match &record.covers {
        Some(_) => FORMAT_PARITY,
        None if record.data.is_zero() => FORMAT_ZERO,
        None => FORMAT_BYTES,
    };
    bytes[1..=VERSION].copy_from_slice(&version_bytes(record.version));
    bytes[18..22].copy_from_slice(&record.data.len().to_le_bytes());
    if let Some(covers) = &record.covers {
        bytes.push(u8::try_from(covers.len()).expect("a row is below 64 disks"));
        covers.iter().for_each(|version| bytes.extend(version_bytes(*version)));
    }
    if bytes[0] != FORMAT_ZERO {
        let from = bytes.len();
        bytes.resize(from + len, 0);
        record.data.write_to(&mut bytes[from..]);
    }
    let crc = crc32c::crc32c(&bytes[HEADER..]);
    bytes[14..18].copy_from_slice(&crc.to_le_bytes());
    let check = crc32c::crc32c(&bytes[..22]);
    bytes[22..26].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// The record in `bytes`; `None` if header or content are not what was written.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Record> {
    let header = bytes.get(..HEADER)?;
    let whole = crc32c::crc32c(&header[..22]) == number(&header[22..26])?
        && crc32c::crc32c(&bytes[HEADER..]) == number(&header[14..18])?;
    if whole { decode_unchecked(bytes) } else { None }
}

/// The same without a look at the check sums: the seeded defect `skip_crc`.
#[must_use]
pub fn decode_unchecked(bytes: &[u8]) -> Option<Record> {
    let header = bytes.get(..HEADER)?;
    let version = version_from(&header[1..=VERSION])?;
    let len = number(&header[18..22])?;
    if len as usize > CONTENT_BYTES_MAX {
        return None;
    }
    let rest = &bytes[HEADER..];
    let (data, covers) = match header[0] {
        FORMAT_ZERO if rest.is_empty() => (Data::zero(len), None),
        FORMAT_BYTES if rest.len() == len as usize => (Data::from_bytes(rest), None),
        FORMAT_PARITY => {
            let (count, rest) = rest.split_first()?;
            let (covers, content) = rest.split_at_checked(usize::from(*count) * VERSION)?;
            if content.len() != len as usize {
                return None;
            }
            let covers: Option<_> = covers.chunks_exact(VERSION).map(version_from).collect();
            (Data::from_bytes(content), Some(covers?))
        }
        _ => return None,
    };
    Some(Record { version, data, covers })
}

/// What is left of a block that somebody damages: one bit of it is wrong. Where there was none, noise.
#[must_use]
pub fn spoil(bytes: Option<&[u8]>) -> Vec<u8> {
    let Some(bytes) = bytes.filter(|bytes| bytes.len() >= HEADER) else {
        return vec![0xBD; HEADER];
    };
    let mut bytes = bytes.to_vec();
    // In the middle of the content; where that is nothing, in the header's check sum.
    let at = if bytes.len() > HEADER { HEADER.midpoint(bytes.len()) } else { HEADER - 1 };
    bytes[at] ^= 0x10;
    bytes
}

fn version_bytes(version: Version) -> [u8; VERSION] {
    let mut bytes = [0; VERSION];
    bytes[..4].copy_from_slice(&version.epoch.0.to_le_bytes());
    bytes[4..12].copy_from_slice(&version.clock.to_le_bytes());
    bytes[12] = version.amf.0;
    bytes
}

fn version_from(bytes: &[u8]) -> Option<Version> {
    Some(Version {
        epoch: Epoch(number(bytes.get(..4)?)?),
        clock: u64::from_le_bytes(bytes.get(4..12)?.try_into().ok()?),
        amf: AmfId(*bytes.get(12)?),
    })
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Stamp;

    fn record(data: Data) -> Record {
        let version = Version { epoch: Epoch(3), clock: 1 << 40, amf: AmfId(7) };
        Record { version, data, covers: None }
    }

    #[test]
    fn content_survives_in_every_form() {
        let stamp = Stamp { volume: 1, writer: 2, sector: 64, sequence: 9 };
        let mixed = Data::stamped(stamp, 8).splice(512, &Data::from_bytes(&[7; 512]));
        for data in [Data::zero(4096), Data::stamped(stamp, 8), mixed, Data::from_bytes(b"hello")] {
            let record = record(data);
            assert_eq!(decode(&encode(&record)), Some(record));
        }
    }

    #[test]
    fn parity_keeps_what_it_covers_and_spoilt_blocks_are_noticed() {
        let record = record(Data::from_bytes(&[9; 512]));
        let covers: std::sync::Arc<[Version]> = [record.version, Version::ZERO].into();
        for parity in [
            Record { covers: Some(covers.clone()), ..record.clone() },
            Record { covers: Some(covers), data: Data::zero(512), ..record },
        ] {
            let bytes = encode(&parity);
            assert_eq!(decode(&bytes).as_ref(), Some(&parity));
            let spoilt = spoil(Some(&bytes));
            assert_eq!(decode(&spoilt), None);
            assert_ne!(decode_unchecked(&spoilt), Some(parity));
        }
        assert_eq!(decode(&spoil(None)), None);
        let zero = Record { version: Version::ZERO, data: Data::zero(4096), covers: None };
        assert_eq!(decode(&spoil(Some(&encode(&zero)))), None);
    }

    #[test]
    fn every_damaged_bit_is_noticed() {
        let whole = encode(&record(Data::from_bytes(b"some text, not zero")));
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "bit {bit}");
        }
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut]), None, "cut to {cut}");
        }
    }
}
