//! A chunk: what is written, checked and lost as one.

use super::RecordingError;

/// What is in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`super::Head`].
    Head,
    /// Steps.
    Steps,
    /// [`super::End`].
    End,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Head => b'H',
            Self::Steps => b'S',
            Self::End => b'E',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Head, Self::Steps, Self::End].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 21;
/// A longer payload is damage: one request carries at most 32 MiB, and a chunk is sealed after it.
pub const PAYLOAD_BYTES_MAX: usize = 48 << 20;

/// The first bytes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What is in it.
    pub kind: Kind,
    /// Bytes of the payload.
    pub length: usize,
    /// Number of its first step, from 0.
    pub first: u64,
    /// How many steps it holds.
    pub steps: u32,
    crc: u32,
}

/// Appends a chunk.
pub fn seal(kind: Kind, first: u64, steps: u32, payload: &[u8], out: &mut Vec<u8>) {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "chunks are sealed before they are too long");
    let mut header = [0; HEADER_BYTES];
    header[0] = kind.byte();
    let length = u32::try_from(payload.len()).expect("at most 48 MiB");
    header[1..5].copy_from_slice(&length.to_le_bytes());
    header[5..13].copy_from_slice(&first.to_le_bytes());
    header[13..17].copy_from_slice(&steps.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..17]), payload);
    header[17..].copy_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}

impl Header {
    /// Reads a header; `None`: these bytes are none.
    #[must_use]
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let u32_at = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).ok();
        let length = usize::try_from(u32_at(1)?).ok().filter(|len| *len <= PAYLOAD_BYTES_MAX)?;
        let first = u64::from_le_bytes(bytes[5..13].try_into().ok()?);
        Some(Self {
            kind: Kind::of(bytes[0])?,
            length,
            first,
            steps: u32_at(13)?,
            crc: u32_at(17)?,
        })
    }

    /// The payload is the one that was written with this header.
    #[must_use]
    pub fn fits(&self, bytes: &[u8; HEADER_BYTES], payload: &[u8]) -> bool {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..17]), payload);
        self.length == payload.len() && crc == self.crc
    }
}

/// Reads as many bytes as there are, at most `buffer.len()`.
pub(super) fn fill(
    from: &mut impl std::io::Read,
    buffer: &mut [u8],
) -> Result<usize, RecordingError> {
    let mut got = 0;
    while got < buffer.len() {
        match from.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(got)
}
