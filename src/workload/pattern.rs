//! Which block comes next: uniform, zipf, sequential, hotspot over one part of the volume.

use crate::profile::Access;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

/// Blocks in a row that a generator draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The first block.
    pub(super) first: u64,
    /// How many, at least 1.
    pub(super) blocks: u64,
}

/// Draws positions in a part of so many blocks.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Uniform { blocks: u64 },
    Zipf { zipf: Zipf<f64>, blocks: u64, scatter: bool },
    Sequential { sectors: u64, next: u64 },
    Hotspot { blocks: u64, hot: u64, share: f64 },
}

impl Pattern {
    /// The pattern over a part of `blocks` blocks of `sectors_per_block` sectors.
    pub(super) fn new(access: Access, blocks: u64, sectors_per_block: u64) -> Self {
        assert!(blocks >= 1, "a part has at least one block");
        match access {
            Access::Uniform => Self::Uniform { blocks },
            Access::Zipf { theta, scatter } => {
                let zipf = Zipf::new(float(blocks), theta).expect("theta is positive, blocks too");
                Self::Zipf { zipf, blocks, scatter }
            }
            Access::Sequential => Self::Sequential { sectors: blocks * sectors_per_block, next: 0 },
            Access::Hotspot { hot, share } => {
                let hot = whole(hot * float(blocks)).min(blocks);
                Self::Hotspot { blocks, hot, share }
            }
        }
    }

    /// First sector, counted from the part's first, of a request of `count` sectors that fits the part.
    ///
    /// A request of a block or more begins at a block; a smaller one lies anywhere inside a block.
    /// Sequential requests follow each other to the sector, and begin again where one would not fit.
    pub(super) fn place(&mut self, rng: &mut ChaCha8Rng, count: u64, per_block: u64) -> u64 {
        let (block, blocks) = match self {
            Self::Sequential { sectors, next } => {
                let first = if *next + count > *sectors { 0 } else { *next };
                *next = first + count;
                return first;
            }
            Self::Uniform { blocks } => (rng.random_range(0..*blocks), *blocks),
            Self::Zipf { zipf, blocks, scatter } => {
                let rank = whole(zipf.sample(rng)).clamp(1, *blocks) - 1;
                (if *scatter { scattered(rank, *blocks) } else { rank }, *blocks)
            }
            Self::Hotspot { blocks, hot, share } => {
                let in_hot = *hot == *blocks || (*hot > 0 && rng.random_bool(*share));
                let range = if in_hot { 0..*hot } else { *hot..*blocks };
                (rng.random_range(range), *blocks)
            }
        };
        if count < per_block {
            return block * per_block + rng.random_range(0..=per_block - count);
        }
        let last = (blocks * per_block - count) / per_block;
        block.min(last) * per_block
    }
}

/// A fixed permutation of `0..blocks`: neighbours in rank lie about 0.62 of the part apart.
fn scattered(rank: u64, blocks: u64) -> u64 {
    let blocks = u128::from(blocks);
    let mut step = (blocks * 618 / 1000).max(1);
    while gcd(step, blocks) != 1 {
        step += 1;
    }
    let at = (u128::from(rank) * step + blocks / 3) % blocks;
    u64::try_from(at).expect("a remainder is below its divisor")
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[expect(clippy::cast_precision_loss, reason = "a volume has far less than 2^53 blocks")]
fn float(blocks: u64) -> f64 {
    blocks as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is a count of blocks: not negative, below 2^53"
)]
fn whole(blocks: f64) -> u64 {
    blocks.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattering_is_a_permutation() {
        for blocks in [1, 2, 3, 7, 96, 100, 128, 1000] {
            let mut seen: Vec<u64> = (0..blocks).map(|rank| scattered(rank, blocks)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..blocks).collect::<Vec<_>>());
        }
    }
}
