//! What a seed drew: a profile, a load and the faults, from a [`Space`]. Always in the same order and
//! whether a key is fixed or not, so that fixing one key leaves the rest of a seed as it is.

use super::fault::FaultKind;
use super::near::draw::{Near, Played};
use super::recipe::Pick;
use super::space::{Space, TIMINGS};
use crate::profile::{self, Profile, ProfileError};
use crate::protocol::WritePolicy;
use crate::protocol::id::Span;
use core::fmt::Write as _;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Most blocks of a drawn volume: an audit looks at each.
const BLOCKS_MAX: u64 = 64;
/// Requests of a seed: from, to.
const OPS: (u32, u32) = (30, 200);
/// The size of a chunk, in blocks.
const CHUNKS: &[u32] = &[1, 4];
/// Of a thousand kinds of a swarm, so many are turned on.
const SWARM_PER_MILLE: u32 = 350;

/// What hosts do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Requests.
    pub ops: u32,
    /// Blocks, from the first on, that they go to.
    pub hot: u64,
    /// Of a hundred requests, so many write.
    pub writes: u32,
    /// Of a hundred writes, so many are of some sectors only.
    pub partial: u32,
    /// Of a hundred writes, so many compare first.
    pub compare: u32,
    /// Of a hundred writes, so many give blocks up.
    pub trim: u32,
    /// Of a hundred writes, so many are answered only when they are stored.
    pub fua: u32,
    /// Of a hundred reads, so many are flushes.
    pub flush: u32,
    /// Of a hundred reads, so many are of several blocks.
    pub long_reads: u32,
    /// Most microseconds between two requests.
    pub gap_us: u64,
    /// Of a hundred requests, so many follow the one before at once, whatever the gap.
    pub bursts: u32,
    /// Requests under way at one time, at most.
    pub depth: u32,
    /// After so many requests of a thousand comes a gap in which leases can run out.
    pub long_gaps: u32,
}

/// A kind of fault that a seed drew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hazard {
    /// Which.
    pub kind: FaultKind,
    /// So many of a thousand requests are followed by one.
    pub per_mille: u32,
    /// It lasts so many microseconds on average; 0: it is over at once.
    pub lasting_us: u64,
}

/// What a seed drew.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drawn {
    /// The seed.
    pub seed: u64,
    /// The profile whose keys were drawn.
    pub base: String,
    /// Every key that was drawn or fixed, `key=value`.
    pub sets: Vec<String>,
    /// What hosts do.
    pub load: Load,
    /// What goes wrong.
    pub hazards: Vec<Hazard>,
    /// Whom it hits.
    #[serde(skip)]
    pub pick: Pick,
    /// The script that was changed, if it is played.
    #[serde(skip)]
    pub near: Option<Near>,
    /// More AMFs may go than there are replicas.
    #[serde(skip)]
    pub beyond: bool,
    /// The cluster.
    #[serde(skip)]
    pub profile: Profile,
}

/// Collects keys: what is fixed stays as it is.
struct Keys<'a> {
    space: &'a Space,
    sets: Vec<String>,
}

impl Keys<'_> {
    fn set(&mut self, key: &str, value: impl core::fmt::Display) {
        if !self.space.is_fixed(key) {
            self.sets.push(format!("{key}={value}"));
        }
    }
}

impl Space {
    /// What a seed draws.
    ///
    /// # Errors
    /// What is fixed contradicts what was drawn.
    pub fn draw(&self, seed: u64) -> Result<Drawn, ProfileError> {
        if self.is_near() {
            return self.draw_near_script(seed);
        }
        let (profile, sets, mut rng) = self.draw_profile(seed)?;
        let load = self.draw_load(&profile, &mut rng);
        let mut hazards = self.draw_hazards(&profile, &mut rng);
        let (base, pick) = (self.spec.profile.clone(), self.recipe().pick);
        let beyond = self.draw_beyond(seed, &mut hazards);
        Ok(Drawn { seed, base, sets, load, hazards, pick, near: None, beyond, profile })
    }

    fn draw_near_script(&self, seed: u64) -> Result<Drawn, ProfileError> {
        let Played { base, sets, profile, near, mut rng } = self.draw_near(seed)?;
        let load = self.draw_load(&profile, &mut rng);
        // As many blocks are read back as it may have written to.
        let hot = near.blocks.iter().max().map_or(1, |block| block + 2).min(profile.config.blocks);
        let ops = u32::try_from(near.commands.len()).unwrap_or(u32::MAX);
        let load = Load { ops, hot, ..load };
        let mut hazards = self.draw_hazards(&profile, &mut rng);
        let beyond = self.draw_beyond(seed, &mut hazards);
        let pick = self.recipe().pick;
        Ok(Drawn { seed, base, sets, load, hazards, pick, near: Some(near), beyond, profile })
    }

    fn draw_profile(&self, seed: u64) -> Result<(Profile, Vec<String>, ChaCha8Rng), ProfileError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut keys = Keys { space: self, sets: Vec::new() };
        let limits = &self.limits.config;
        let amfs = amfs(self.amfs(), &mut rng);
        keys.set("cluster.amfs", amfs);
        keys.set("cluster.protocol", one(&self.protocols(), &mut rng));
        let least = u8::from(!rng.random_bool(0.03)).min(limits.replicas);
        let (low, high) = self.reach.map_or((least, limits.replicas.min(2)), |r| r.replicas);
        keys.set("cluster.replicas", rng.random_range(low..=high.max(low)));
        let write = match one(&self.policies(), &mut rng) {
            WritePolicy::Back => "back",
            WritePolicy::Through => "through",
        };
        keys.set("cache.write", write);
        self.draw_cache(&mut keys, &mut rng);
        self.draw_volume(&mut keys, amfs, &mut rng);
        self.draw_group(&mut keys, &mut rng);
        self.draw_times(&mut keys, &mut rng);
        if self.reach.is_none() {
            // Apart, so that it moves nothing else of a seed.
            let mut own = ChaCha8Rng::seed_from_u64(seed);
            own.set_stream(2);
            keys.set("journal.enabled", own.random_bool(0.3));
            keys.set("journal.time_us", one(&[0, 30, 300, 5_000], &mut own));
            keys.set("dirty_log.region", one(&[1, 2, 4, 16, 256], &mut own));
        }
        let mut sets = keys.sets;
        sets.extend(self.sets.iter().cloned());
        let mut profile = profile::load(&self.spec.profile, &sets)?;
        profile.seed = seed;
        Ok((profile, sets, rng))
    }

    fn draw_cache(&self, keys: &mut Keys<'_>, rng: &mut ChaCha8Rng) {
        let most = self.limits.config.lines;
        let lines = rng.random_range(4..=most.clamp(4, 16));
        let lines = if self.is_fixed("cache.lines") { self.base.config.lines } else { lines };
        keys.set("cache.lines", lines);
        keys.set("cache.dirty_high", rng.random_range(1..=lines));
        let slots = one(&[1, 8, 64], rng).min(self.limits.config.floor_slots);
        keys.set("cache.floor_slots", slots);
        keys.set("cache.destage_age_ms", one(&[0, 0, 1, 20], rng));
    }

    fn draw_volume(&self, keys: &mut Keys<'_>, amfs: u8, rng: &mut ChaCha8Rng) {
        let most = self.limits.config.block_size;
        let block_size = one(&[512, 1_024, 4_096], rng).min(most);
        keys.set("volume.block_size", block_size);
        let fixed = self.is_fixed("volume.block_size");
        let block_size = if fixed { self.base.config.block_size } else { block_size };
        let blocks = one(&[4, 16, BLOCKS_MAX], rng).min(self.limits.config.blocks);
        keys.set("volume.size", blocks * u64::from(block_size));
        let (one, other) = (rng.random_range(0..amfs), rng.random_range(0..amfs));
        let (listed, only) = (rng.random_bool(0.15), one == other || rng.random_bool(0.6));
        if listed && self.reach.is_none() {
            let list = if only { format!("[{one}]") } else { format!("[{one}, {other}]") };
            keys.set("volume.access", list);
        }
    }

    fn draw_group(&self, keys: &mut Keys<'_>, rng: &mut ChaCha8Rng) {
        let shapes = self.shapes();
        if let Some(shape) = shapes.choose(rng) {
            keys.set("group.layout", shape.layout.name());
            keys.set("group.disks", shape.disks);
            keys.set("group.copies", shape.copies);
            keys.set("group.spares", shape.spares);
        }
        keys.set("group.chunk", one(CHUNKS, rng));
        keys.set("store.disk_time_us", one(&[20, 100, 100, 500], rng));
        keys.set("store.tears", one(&[true, true, false], rng));
    }

    fn draw_times(&self, keys: &mut Keys<'_>, rng: &mut ChaCha8Rng) {
        let (lease, suspect, retry) = one(TIMINGS, rng);
        let timing = ["timing.lease_ms", "timing.suspect_after_ms", "timing.retry_ms"];
        let fixed = timing.iter().any(|key| self.is_fixed(key)) || self.is_fixed("timing.renew_ms");
        if !fixed {
            for (key, value) in timing.iter().zip([lease, suspect, retry]) {
                keys.set(key, value);
            }
        }
        keys.set("link.delay_us", one(&[0, 0, 200, 3_000], rng));
        keys.set("link.jitter", one(&[0, 50, 150], rng));
        // Where there is time for a dozen attempts, a loss by chance is never taken for a failure.
        let drop = one(&["0.0", "0.0", "0.01", "0.1"], rng);
        keys.set("link.drop", if lease >= 1_000 && !fixed { drop } else { "0.0" });
        keys.set("link.duplicate", one(&["0.0", "0.0", "0.05", "0.4"], rng));
    }

    fn draw_load(&self, profile: &Profile, rng: &mut ChaCha8Rng) -> Load {
        let recipe = self.recipe();
        let ops = rng.random_range(OPS.0..=OPS.1);
        let ops = if recipe.ops_max > 0 { ops % recipe.ops_max + 1 } else { ops };
        let hot = one(&[1, 2, 3, 6, 12, 32], rng);
        let hot = if recipe.hot_max > 0 { hot.min(recipe.hot_max) } else { hot };
        let lease = profile.config.lease.0 / 1_000;
        let gap = one(&[60, 150, 600, lease / 50, lease / 10], rng);
        let share = |most: u32, rng: &mut ChaCha8Rng| {
            if rng.random_bool(0.5) { rng.random_range(0..=most) } else { 0 }
        };
        let hot = hot.min(profile.config.blocks);
        // Many writes of parts at one time are more than can be judged: the orders are too many.
        let crowded = hot < 6;
        Load {
            ops: self.spec.ops.unwrap_or(ops),
            hot,
            writes: one(&[10, 30, 50, 50, 70, 95], rng),
            partial: share(if crowded { 5 } else { 30 }, rng),
            compare: share(20, rng),
            trim: share(10, rng),
            fua: share(10, rng),
            flush: share(10, rng),
            long_reads: share(20, rng),
            gap_us: if recipe.gap_us > 0 { recipe.gap_us } else { gap },
            bursts: one(&[0, 50, 80], rng),
            depth: one(&[1, 4, 8, 16], rng),
            long_gaps: one(&[0, 10, 30, 100], rng),
        }
    }

    fn draw_hazards(&self, profile: &Profile, rng: &mut ChaCha8Rng) -> Vec<Hazard> {
        let recipe = self.recipe();
        let lease = profile.config.lease.0 / 1_000;
        let mut hazards = Vec::new();
        for chance in recipe.chances {
            let on = !recipe.swarm || rng.random_range(0..1_000) < SWARM_PER_MILLE;
            let per_mille = spread(chance.per_mille, rng);
            let lasting_us = lease * u64::from(spread(chance.lasting, rng)) / 100;
            if on && per_mille > 0 {
                hazards.push(Hazard { kind: chance.kind, per_mille, lasting_us });
            }
        }
        hazards
    }

    /// Whether more AMFs may go than there are replicas; then hosts accept losses, too. Apart, so that the
    /// other seeds draw what they would without.
    fn draw_beyond(&self, seed: u64, hazards: &mut Vec<Hazard>) -> bool {
        let mut own = ChaCha8Rng::seed_from_u64(seed);
        own.set_stream(4);
        let beyond = share(self.recipe().beyond, &mut own);
        let per_mille = spread((3, 60), &mut own);
        let chances = self.recipe().chances;
        let listed = chances.iter().any(|chance| chance.kind == FaultKind::AcceptLoss);
        if beyond && !listed && self.reach.is_none() && share(50, &mut own) {
            hazards.push(Hazard { kind: FaultKind::AcceptLoss, per_mille, lasting_us: 0 });
        }
        beyond
    }
}

pub(super) fn one<T: Copy>(all: &[T], rng: &mut ChaCha8Rng) -> T {
    *all.choose(rng).expect("there is something to choose from")
}

/// True for so many of a hundred.
pub(super) fn share(percent: u32, rng: &mut ChaCha8Rng) -> bool {
    rng.random_range(0..100) < percent
}

/// More often many than few: an AMF alone has nobody to disagree with.
fn amfs((low, high): (u8, u8), rng: &mut ChaCha8Rng) -> u8 {
    let (one, other) = (rng.random_range(low..=high), rng.random_range(low..=high));
    one.max(other)
}

/// Small values as often as large ones: uniform over the logarithm.
fn spread((low, high): (u32, u32), rng: &mut ChaCha8Rng) -> u32 {
    let share: f64 = rng.random();
    let (from, to) = (f64::from(low.max(1)), f64::from(high.max(1)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from low to high")]
    let drawn = (from * (to / from).powf(share)).round() as u32;
    // A range from 0 means: perhaps not at all.
    if low == 0 && (high == 0 || rng.random_bool(0.5)) { 0 } else { drawn.clamp(low, high) }
}

impl Drawn {
    /// What was drawn, for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Load { ops, hot, writes, partial, compare, trim, fua, flush, long_reads, .. } =
            &self.load;
        let Load { gap_us, bursts, depth, long_gaps, .. } = &self.load;
        let mut out = format!("seed {} drew, on profile {}:\n", self.seed, self.base);
        let mut line = String::from(" ");
        for set in &self.sets {
            if line.len() + set.len() > 98 {
                let _ = writeln!(out, "{line}");
                line = String::from(" ");
            }
            let _ = write!(line, " {set}");
        }
        let _ = writeln!(out, "{line}");
        if let Some(Near { name, changes, .. }) = &self.near {
            let _ = writeln!(out, "  near {name}: {}", changes.join(", "));
        }
        let _ = writeln!(
            out,
            "  {ops} requests to {hot} blocks, {writes} % writes ({partial} % partial, {compare} % \
             compared, {trim} % trims, {fua} % FUA), reads: {long_reads} % long, {flush} % flushes"
        );
        let _ = writeln!(
            out,
            "  at most {depth} at a time, {gap_us} us apart ({bursts} % at once, {long_gaps} of 1000 \
             after a long gap)"
        );
        for hazard in &self.hazards {
            let (kind, rate) = (hazard.kind.name(), hazard.per_mille);
            let lasting = Span::micros(hazard.lasting_us);
            let _ = match hazard.lasting_us {
                0 => writeln!(out, "  {kind}: after {rate} of 1000 requests"),
                _ => writeln!(out, "  {kind}: after {rate} of 1000 requests, lasting {lasting}"),
            };
        }
        if self.beyond {
            out.push_str("  more AMFs may go than there are replicas\n");
        }
        if self.hazards.is_empty() {
            out.push_str("  nothing goes wrong\n");
        }
        out
    }
}
