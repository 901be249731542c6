//! A short digest of what a machine put out, so that a replay can prove that it put out the same.
//!
//! Each machine's outputs of one step form a chain; a step's digest is the sum over its machines, so it
//! does not depend on the order in which an engine asks them. Fixed arithmetic, no random keys.

use crate::protocol::{StoreDone, StoreError};
use core::hash::{Hash, Hasher};

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
const SEED: u64 = 0x243f_6a88_85a3_08d3;

/// A hasher whose result is the same on every machine and in every build.
#[derive(Clone, Copy, Debug)]
pub struct StableHasher(u64);

impl Default for StableHasher {
    fn default() -> Self {
        Self(SEED)
    }
}

impl StableHasher {
    /// One multiplication of 64 by 64 bits, both halves used: every bit reaches every other.
    #[inline]
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(MIX);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let (low, high) = (wide as u64, (wide >> 64) as u64);
        self.0 = low.rotate_left(23) ^ high;
    }
}

impl Hasher for StableHasher {
    fn finish(&self) -> u64 {
        let mut end = *self;
        end.mix(MIX);
        end.0
    }
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.mix(u64::from_le_bytes(word.try_into().expect("8 bytes")));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
        }
    }
    #[inline]
    fn write_u8(&mut self, word: u8) {
        self.mix(u64::from(word));
    }
    #[inline]
    fn write_u16(&mut self, word: u16) {
        self.mix(u64::from(word));
    }
    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }
    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }
    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }
}

/// The outputs of one machine in one step.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputDigest {
    hasher: StableHasher,
    any: bool,
}

impl OutputDigest {
    /// No output yet.
    pub const NEW: Self = Self { hasher: StableHasher(SEED), any: false };

    /// The next output.
    #[inline]
    pub fn put(&mut self, output: &impl Hash) {
        output.hash(&mut self.hasher);
        self.any = true;
    }

    /// What is added to the step's digest; 0 without outputs.
    #[must_use]
    pub fn finish(self) -> u32 {
        if self.any { short(self.hasher.finish()).max(1) } else { 0 }
    }
}

/// The digest of a store's answer.
#[must_use]
pub fn of_result(result: &Result<StoreDone, StoreError>) -> u32 {
    let mut hasher = StableHasher::default();
    result.hash(&mut hasher);
    short(hasher.finish())
}

#[expect(clippy::cast_possible_truncation, reason = "a short digest of a long one")]
const fn short(long: u64) -> u32 {
    (long ^ long >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_and_the_order_count() {
        let of = |outputs: &[u64]| {
            let mut digest = OutputDigest::default();
            for output in outputs {
                digest.put(output);
            }
            digest.finish()
        };
        assert_eq!(of(&[]), 0);
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        let mut seen = std::collections::BTreeSet::new();
        for bit in 0..64 {
            assert!(seen.insert(of(&[1 << bit, 7])), "bit {bit}");
            assert!(seen.insert(of(&[7, 1 << bit])) || bit == 0, "bit {bit}, last");
        }
        // Fixed: a recording is verified by other builds and on other machines.
        assert_eq!(of(&[1, 2, 3]), 0x6e3a_51ae);
    }

    #[test]
    fn bytes_of_different_lengths_differ() {
        let of = |bytes: &[u8]| {
            let mut hasher = StableHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_ne!(of(b"ab"), of(b"ab\0"));
        assert_ne!(of(b"12345678"), of(b"12345678\0"));
    }
}
