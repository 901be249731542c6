//! A block as bytes: header, then content. Content is expanded here and folded back here.
//!
//! ```text
//! 0 format  1..5 version.epoch  5..13 version.clock  13 version.amf  14..18 crc32c of the content
//! 18..22 length of the content  22..26 crc32c of bytes 0..22  26.. the content, unless it is zero
//! ```

use crate::protocol::id::{AmfId, Epoch, Version};
use crate::protocol::{Data, Record};

/// Bytes before the content.
const HEADER: usize = 26;
/// The content follows.
const FORMAT_BYTES: u8 = 1;
/// The content is zeroes: trimmed blocks take no room.
const FORMAT_ZERO: u8 = 2;
/// Longer content is damage, not data: a block is at most 1 MiB.
const CONTENT_BYTES_MAX: usize = 1 << 20;

/// The record as a store keeps it.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    let zero = record.data.is_zero();
    let len = record.data.len() as usize;
    assert!(len <= CONTENT_BYTES_MAX, "a block is at most 1 MiB");
    let mut bytes = vec![0; HEADER + if zero { 0 } else { len }];
    bytes[0] = if zero { FORMAT_ZERO } else { FORMAT_BYTES };
    bytes[1..5].copy_from_slice(&record.version.epoch.0.to_le_bytes());
    bytes[5..13].copy_from_slice(&record.version.clock.to_le_bytes());
    bytes[13] = record.version.amf.0;
    bytes[18..22].copy_from_slice(&record.data.len().to_le_bytes());
    if !zero {
        record.data.write_to(&mut bytes[HEADER..]);
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
    if crc32c::crc32c(&header[..22]) != number(&header[22..26])? {
        return None;
    }
    let version = Version {
        epoch: Epoch(number(&header[1..5])?),
        clock: u64::from_le_bytes(header[5..13].try_into().ok()?),
        amf: AmfId(header[13]),
    };
    let crc = number(&header[14..18])?;
    let len = number(&header[18..22])?;
    let content = &bytes[HEADER..];
    let data = match header[0] {
        FORMAT_ZERO if content.is_empty() && len as usize <= CONTENT_BYTES_MAX => Data::zero(len),
        FORMAT_BYTES if content.len() == len as usize && crc32c::crc32c(content) == crc => {
            Data::from_bytes(content)
        }
        _ => return None,
    };
    Some(Record { version, data })
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
        Record { version, data }
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
