//! Steps in, chunks out. Knows no file.

use super::chunk::{Kind, seal};
use super::codec::{self, Known};
use super::{End, FORMAT, Head, MAGIC, Recorded};

/// A chunk is sealed when it has so many bytes; a torn tail loses at most this.
pub const CHUNK_BYTES: usize = 64 << 10;
/// A chunk is sealed when it has so many steps: what a reader decodes at once.
pub const CHUNK_STEPS: u32 = 2_048;

/// See the module.
#[derive(Debug)]
pub struct Encoder {
    known: Known,
    payload: Vec<u8>,
    first: u64,
    steps: u32,
}

impl Encoder {
    /// For a cluster of so many AMFs, and disks with its spares.
    #[must_use]
    pub fn new(amfs: u8, disks: u8) -> Self {
        let payload = Vec::with_capacity(CHUNK_BYTES + 1_024);
        Self { known: Known::new(amfs, disks), payload, first: 0, steps: 0 }
    }

    /// The beginning of a recording.
    #[must_use]
    pub fn head(head: &Head) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_le_bytes());
        let payload = postcard::to_stdvec(head).expect("a head is plain data");
        seal(Kind::Head, 0, 0, &payload, &mut out);
        out
    }

    /// Takes a step in; `true`: it is time to [`seal`](Self::seal).
    #[must_use]
    pub fn push(&mut self, recorded: &Recorded) -> bool {
        codec::encode(&mut self.known, recorded, &mut self.payload);
        self.steps += 1;
        self.payload.len() >= CHUNK_BYTES || self.steps >= CHUNK_STEPS
    }

    /// The steps since the last chunk as a chunk; nothing if there are none.
    pub fn seal(&mut self, out: &mut Vec<u8>) {
        if self.steps == 0 {
            return;
        }
        seal(Kind::Steps, self.first, self.steps, &self.payload, out);
        self.first += u64::from(self.steps);
        self.steps = 0;
        self.payload.clear();
        self.known.reset();
    }

    /// Steps so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.first + u64::from(self.steps)
    }

    /// The end of a recording; what is not sealed comes before it.
    pub fn end(&mut self, why: &str, cut_short: bool, out: &mut Vec<u8>) {
        self.seal(out);
        let end = End { steps: self.first, why: why.to_owned(), cut_short };
        let payload = postcard::to_stdvec(&end).expect("an end is plain data");
        seal(Kind::End, self.first, 0, &payload, out);
    }
}
