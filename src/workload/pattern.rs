//! Which block comes next, over one part of the volume: see [`Access`].

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
    Sequential { sectors: u64, per_block: u64, next: u64 },
    Hotspot { blocks: u64, hot: u64, share: f64 },
    Stride { blocks: u64, stride: u64, next: u64 },
    Latest { zipf: Zipf<f64>, blocks: u64, insert: Insert },
    Zoned { zones: Vec<Zone> },
    Sequence { order: Vec<u64>, next: usize },
}

/// A zone: its blocks, and the sum of the shares up to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zone {
    first: u64,
    end: u64,
    until: f64,
}

/// Where the next write of one of several AMFs goes that write a part in turn: each `step`th block.
/// Nobody waits for the others to be as far: what an AMF is asked depends on itself alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Insert {
    next: u64,
    step: u64,
}

impl Insert {
    /// The writes of the `rank`th of `step` AMFs.
    pub(super) fn of(rank: u64, step: u64) -> Self {
        assert!(rank < step, "a rank is below the number of those who share");
        Self { next: rank, step }
    }
}

impl Pattern {
    /// The pattern over a part of `blocks` blocks of `sectors_per_block` sectors.
    pub(super) fn new(
        access: &Access,
        blocks: u64,
        sectors_per_block: u64,
        insert: Insert,
    ) -> Self {
        assert!(blocks >= 1, "a part has at least one block");
        let zipf_of =
            |theta: f64| Zipf::new(float(blocks), theta).expect("theta is positive, blocks too");
        match access {
            Access::Uniform => Self::Uniform { blocks },
            Access::Zipf { theta, scatter } => {
                Self::Zipf { zipf: zipf_of(*theta), blocks, scatter: *scatter }
            }
            Access::Sequential => Self::Sequential {
                sectors: blocks * sectors_per_block,
                per_block: sectors_per_block,
                next: 0,
            },
            Access::Hotspot { hot, share } => {
                let hot = whole(hot * float(blocks)).min(blocks);
                Self::Hotspot { blocks, hot, share: *share }
            }
            Access::Stride { stride } => Self::Stride { blocks, stride: *stride, next: 0 },
            Access::Latest { theta } => Self::Latest { zipf: zipf_of(*theta), blocks, insert },
            Access::Zoned { zones } => Self::Zoned { zones: zones_of(zones, blocks) },
            Access::Sequence { blocks: order } => Self::Sequence { order: order.clone(), next: 0 },
        }
    }

    /// First sector, counted from the part's first, of a request of `count` sectors that fits the part.
    ///
    /// A request of a block or more begins at a block; a smaller one lies anywhere inside a block.
    /// Sequential requests follow each other to the sector, and begin again where one would not fit.
    pub(super) fn place(
        &mut self,
        rng: &mut ChaCha8Rng,
        count: u64,
        part: (u64, u64),
        is_write: bool,
    ) -> u64 {
        let (blocks, per_block) = part;
        if let Self::Sequential { sectors, next, .. } = self {
            let first = if *next + count > *sectors { 0 } else { *next };
            *next = first + count;
            return first;
        }
        let block = self.draw(rng, is_write);
        if count < per_block {
            return block * per_block + rng.random_range(0..=per_block - count);
        }
        let last = (blocks * per_block - count) / per_block;
        block.min(last) * per_block
    }

    /// The next block, counted from the part's first.
    pub(super) fn draw(&mut self, rng: &mut ChaCha8Rng, is_write: bool) -> u64 {
        match self {
            Self::Sequential { sectors, per_block, next } => {
                let block = *next / *per_block;
                *next = (*next + *per_block) % *sectors;
                block
            }
            Self::Uniform { blocks } => rng.random_range(0..*blocks),
            Self::Zipf { zipf, blocks, scatter } => {
                let rank = whole(zipf.sample(rng)).clamp(1, *blocks) - 1;
                if *scatter { scattered(rank, *blocks) } else { rank }
            }
            Self::Hotspot { blocks, hot, share } => {
                let in_hot = *hot == *blocks || (*hot > 0 && rng.random_bool(*share));
                let range = if in_hot { 0..*hot } else { *hot..*blocks };
                rng.random_range(range)
            }
            Self::Stride { blocks, stride, next } => {
                let block = *next;
                let on = block.saturating_add(*stride);
                let again = block % *stride + 1;
                *next = match (on < *blocks, again < (*stride).min(*blocks)) {
                    (true, _) => on,
                    (false, true) => again,
                    (false, false) => 0,
                };
                block
            }
            Self::Latest { zipf, blocks, insert } => {
                if is_write {
                    let block = insert.next % *blocks;
                    insert.next += insert.step;
                    return block;
                }
                let back = whole(zipf.sample(rng)).clamp(1, *blocks);
                (insert.next % *blocks + *blocks - back) % *blocks
            }
            Self::Zoned { zones } => {
                let at: f64 = rng.random();
                let zone = zones.iter().find(|zone| at < zone.until).or(zones.last());
                let zone = zone.expect("there is a zone with blocks");
                rng.random_range(zone.first..zone.end)
            }
            Self::Sequence { order, next } => {
                let block = order[*next];
                *next = (*next + 1) % order.len();
                block
            }
        }
    }
}

/// The zones as blocks. One that is too small for a block has none, and no share.
fn zones_of(parts: &[(f64, f64)], blocks: u64) -> Vec<Zone> {
    let (mut part, mut until, mut first) = (0.0, 0.0, 0);
    let mut zones = Vec::new();
    for (i, (size, share)) in parts.iter().enumerate() {
        part += size;
        until += share;
        let is_last = i + 1 == parts.len();
        let end = if is_last { blocks } else { whole(part * float(blocks)).min(blocks) };
        if end > first {
            zones.push(Zone { first, end, until });
        }
        first = first.max(end);
    }
    zones
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
