//! A parity update in a journal's store: a record like any other, at a place of its own, whose content is the
//! update. So a journal of before there were intents is read as it is.
//!
//! ```text
//! 0 format  1..9 number  9 parity blocks, n  then n + 1 times: index (255: the data block)  length (u32)  record
//! ```
//!
//! The records in it are those of [`super::record`], each with check sums of its own.

use super::record;
use crate::protocol::id::Block;
use crate::protocol::message::Intent;
use crate::protocol::parity::Cell;
use crate::protocol::{Data, Record};

/// Version of the content.
const FORMAT: u8 = 1;
/// Intents are beyond every block of a volume.
const FIRST: u64 = 1 << 63;
const DATA: u8 = u8::MAX;
/// Parity blocks of a row: more are damage.
const IMAGES_MAX: u8 = 2;

/// Where the intent of a block is kept.
#[must_use]
pub fn at(block: Block) -> u64 {
    assert!(block.0 < FIRST, "a volume has fewer blocks than 2^63");
    FIRST | block.0
}

/// Whose intent is kept there, if it is one.
#[must_use]
pub fn block_at(at: u64) -> Option<Block> {
    (at >= FIRST).then_some(Block(at & !FIRST))
}

/// The update as a store keeps it.
#[must_use]
pub fn encode(intent: &Intent) -> Record {
    let count = u8::try_from(intent.images.len()).expect("a row has two parity blocks");
    let mut bytes = vec![FORMAT];
    bytes.extend(intent.no.to_le_bytes());
    bytes.push(count);
    let data = Record { version: intent.version, data: intent.data.clone(), covers: None };
    add(&mut bytes, DATA, &data);
    for (index, cell) in &intent.images {
        let Cell { version, data, covers } = cell.clone();
        add(&mut bytes, *index, &Record { version, data, covers });
    }
    Record { version: intent.version, data: Data::from_bytes(&bytes), covers: None }
}

fn add(bytes: &mut Vec<u8>, index: u8, part: &Record) {
    let part = record::encode(part);
    let len = u32::try_from(part.len()).expect("a block is at most 1 MiB");
    bytes.push(index);
    bytes.extend(len.to_le_bytes());
    bytes.extend(part);
}

/// The update of `block` in a record; `None`: it is damaged, or of another format.
#[must_use]
pub fn decode(block: Block, record: &Record) -> Option<Intent> {
    let bytes = record.data.to_bytes();
    let (&[format], rest) = bytes.split_first_chunk()?;
    let (no, rest) = rest.split_first_chunk()?;
    let (&[count], mut rest) = rest.split_first_chunk()?;
    if format != FORMAT || count > IMAGES_MAX {
        return None;
    }
    let (index, data) = part(&mut rest)?;
    if index != DATA || data.version != record.version {
        return None;
    }
    let mut images = Vec::new();
    for _ in 0..count {
        let (index, Record { version, data, covers }) = part(&mut rest)?;
        images.push((index, Cell { version, data, covers }));
    }
    let no = u64::from_le_bytes(*no);
    let (version, data) = (data.version, data.data);
    rest.is_empty().then_some(Intent { no, block, version, data, images })
}

fn part(rest: &mut &[u8]) -> Option<(u8, Record)> {
    let (&[index], more) = rest.split_first_chunk()?;
    let (len, more) = more.split_first_chunk()?;
    let (part, more) = more.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *rest = more;
    Some((index, record::decode(part)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::id::{AmfId, Epoch, Version};

    fn intent() -> Intent {
        let version = Version { epoch: Epoch(4), clock: 77, amf: AmfId(2) };
        let image = |index: u8, size| {
            let covers = Some([Version::ZERO, version].into());
            (index, Cell { version, data: Data::from_bytes(&vec![index + 3; size]), covers })
        };
        let data = Data::from_bytes(&[9; 512]);
        Intent {
            no: 5,
            block: Block(12),
            version,
            data,
            images: vec![image(0, 512), image(1, 512)],
        }
    }

    #[test]
    fn an_intent_survives_as_a_record() {
        for images in 0..=2 {
            let mut intent = intent();
            intent.images.truncate(images);
            let bytes = record::encode(&encode(&intent));
            assert_eq!(decode(intent.block, &record::decode(&bytes).unwrap()), Some(intent));
        }
        assert_eq!(block_at(at(Block(12))), Some(Block(12)));
        assert_eq!(block_at(12), None);
    }

    /// Three blocks of 1 MiB are a record, too.
    #[test]
    fn the_largest_blocks_fit() {
        let mut intent = intent();
        let block = Data::from_bytes(&vec![1; 1 << 20]);
        intent.data = block.clone();
        intent.images.iter_mut().for_each(|(_, cell)| cell.data = block.clone());
        let bytes = record::encode(&encode(&intent));
        assert_eq!(decode(intent.block, &record::decode(&bytes).unwrap()), Some(intent));
    }

    #[test]
    fn what_is_cut_or_of_another_format_is_damaged() {
        let record = encode(&intent());
        let whole = record.data.to_bytes();
        for cut in 0..whole.len() {
            let data = Data::from_bytes(&whole[..cut]);
            assert_eq!(decode(Block(12), &Record { data, ..record.clone() }), None, "cut to {cut}");
        }
        let mut other = whole.clone();
        other[0] = 2;
        let data = Data::from_bytes(&other);
        assert_eq!(decode(Block(12), &Record { data, ..record }), None);
    }
}
