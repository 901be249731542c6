//! On which cluster a changed script is played: that of its head, but for some keys.

use super::super::draw::{one, share};
use super::super::space::{SHAPES, Shape, Space, TIMINGS};
use super::change::{Scope, change};
use super::{Cast, Situation};
use crate::profile::{self, Profile, ProfileError};
use crate::protocol::{Config, WritePolicy};
use crate::trace::Command;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Of a hundred scripts, so many keep the value that their head gives to a key.
const KEEPS: u32 = 70;
/// So long may a message be late before anybody is suspected, in milliseconds: longer than it takes until
/// a crashed AMF is out of the view.
const PATIENT_MS: u32 = 12_000;

/// What a seed made of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The script's name.
    pub name: String,
    /// What was changed, in words, in order.
    pub changes: Vec<&'static str>,
    /// What is played.
    pub commands: Vec<Command>,
    /// Blocks that it names: other requests go there, too.
    pub blocks: Vec<u64>,
}

/// A seed's cluster and script.
pub(in super::super) struct Played {
    pub base: String,
    pub sets: Vec<String>,
    pub profile: Profile,
    pub near: Near,
    pub rng: ChaCha8Rng,
}

impl Space {
    /// Scripts that what is fixed, and what a broken rule needs, has room for.
    pub(in super::super) fn situations(&self) -> Vec<&Situation> {
        let own = &self.spec.near;
        let all = if own.is_empty() { Situation::built_in() } else { own.as_slice() };
        all.iter().filter(|situation| self.has_room_for(&situation.cast())).collect()
    }

    fn has_room_for(&self, cast: &Cast) -> bool {
        let most =
            if self.spec.near.is_empty() { self.amfs().1 } else { cast.amfs.max(self.amfs().1) };
        let fixed = |key: &str, has: u8, named: u8| !self.is_fixed(key) || has >= named;
        let disks = self.base.config.disks_all();
        cast.amfs <= most
            && fixed("cluster.amfs", self.base.config.amfs, cast.amfs)
            && fixed("group.disks", disks, cast.disks)
    }

    /// What a seed plays.
    ///
    /// # Errors
    /// What is fixed does not fit any script.
    pub(in super::super) fn draw_near(&self, seed: u64) -> Result<Played, ProfileError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(3);
        let situations = self.situations();
        let Some(situation) = situations.choose(&mut rng).copied() else {
            return Err(self.no_room());
        };
        let cast = situation.cast();
        let base = situation.plan.profile.clone();
        let config = situation.plan.load()?.config;
        let (sets, mut profile) = self.near_profile(situation, &config, &cast, &mut rng)?;
        profile.seed = seed;
        let scope = Scope::new(&profile, &cast);
        let others: Vec<&Situation> = situations;
        let (commands, changes) = change(&situation.plan.commands, &scope, &others, &mut rng);
        let blocks = scope.named;
        let near = Near { name: situation.name.clone(), changes, commands, blocks };
        Ok(Played { base, sets, profile, near, rng })
    }

    /// Keys of the script, some of them drawn again; only those of the script if they contradict each other.
    fn near_profile(
        &self,
        situation: &Situation,
        config: &Config,
        cast: &Cast,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Vec<String>, Profile), ProfileError> {
        let own = situation.plan.keys();
        let mut keys = own.clone();
        self.near_cluster(config, cast, &mut keys, rng);
        let needed = keys.clone();
        near_times(config, &mut keys, rng);
        let load = |keys: &BTreeMap<String, String>| {
            let mut sets: Vec<String> = keys
                .iter()
                .filter(|(key, _)| !self.is_fixed(key))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            sets.extend(self.sets.iter().cloned());
            profile::load(&situation.plan.profile, &sets).map(|profile| (sets, profile))
        };
        load(&keys).or_else(|_| load(&needed)).or_else(|_| load(&own))
    }

    /// Who takes part: at least whom the script names, and what a broken rule needs.
    fn near_cluster(
        &self,
        config: &Config,
        cast: &Cast,
        keys: &mut BTreeMap<String, String>,
        rng: &mut ChaCha8Rng,
    ) {
        let mut set = |key: &str, value: String| keys.insert(key.to_owned(), value);
        let (low, high) = self.amfs();
        let more = one(&[0, 0, 0, 1, 2], rng);
        let amfs = (config.amfs + more).min(high).max(low).max(cast.amfs);
        set("cluster.amfs", amfs.to_string());
        let protocols = self.protocols();
        let drawn = one(&protocols, rng);
        let keeps = rng.random_range(0..100) < KEEPS && protocols.contains(&config.protocol);
        set("cluster.protocol", if keeps { config.protocol } else { drawn }.to_string());
        let (low, high) = self.reach.map_or((1, 2), |reach| reach.replicas);
        let drawn = rng.random_range(low..=high);
        let keeps = rng.random_range(0..100) < KEEPS && (low..=high).contains(&config.replicas);
        set("cluster.replicas", if keeps { config.replicas } else { drawn }.to_string());
        let policies = self.policies();
        let drawn = one(&policies, rng);
        let keeps = rng.random_range(0..100) < KEEPS && policies.contains(&config.write);
        let write = match if keeps { config.write } else { drawn } {
            WritePolicy::Back => "back",
            WritePolicy::Through => "through",
        };
        set("cache.write", write.to_owned());
        let fits =
            |shape: &Shape| shape.disks + shape.spares >= cast.disks && self.reaches(shape.layout);
        let shapes: Vec<Shape> = SHAPES.iter().copied().filter(fits).collect();
        let keeps = rng.random_range(0..100) < KEEPS && self.reaches(config.group.layout);
        if let Some(shape) = shapes.choose(rng).filter(|_| !keeps) {
            set("group.layout", shape.layout.name().to_owned());
            set("group.disks", shape.disks.to_string());
            set("group.copies", shape.copies.to_string());
            set("group.spares", shape.spares.to_string());
        }
        let chunk = one(&["1", "4"], rng);
        if share(25, rng) {
            set("group.chunk", chunk.to_owned());
        }
    }

    /// Nothing fits.
    fn no_room(&self) -> ProfileError {
        use crate::profile::Place;
        let text = "no script near which to draw fits what is fixed".to_owned();
        ProfileError::one(Place::Set(self.spec.sets.join(" ")), text, None)
    }
}

/// How long things take, and what helps them.
fn near_times(config: &Config, keys: &mut BTreeMap<String, String>, rng: &mut ChaCha8Rng) {
    let mut set = |key: &str, value: String, percent: u32, rng: &mut ChaCha8Rng| {
        if share(percent, rng) {
            keys.insert(key.to_owned(), value);
        }
    };
    let (lease, suspect, retry) = one(TIMINGS, rng);
    if share(15, rng) {
        for (key, value) in [("lease", lease), ("suspect_after", suspect), ("retry", retry)] {
            set(&format!("timing.{key}_ms"), value.to_string(), 100, rng);
        }
    } else {
        set("timing.suspect_after_ms", PATIENT_MS.to_string(), 60, rng);
    }
    set("link.jitter", one(&["0", "50", "150"], rng).to_owned(), 50, rng);
    set("link.delay_us", one(&["0", "200", "3000"], rng).to_owned(), 20, rng);
    set("link.duplicate", one(&["0.05", "0.4"], rng).to_owned(), 10, rng);
    set("store.disk_time_us", one(&["20", "100", "500"], rng).to_owned(), 30, rng);
    set("cache.destage_age_ms", one(&["0", "1", "20"], rng).to_owned(), 15, rng);
    set("cache.dirty_high", rng.random_range(1..=config.lines.min(8)).to_string(), 15, rng);
    set("cache.floor_slots", "1".to_owned(), 10, rng);
    set("store.tears", "true".to_owned(), 60, rng);
    set("journal.enabled", "true".to_owned(), 15, rng);
    set("journal.time_us", one(&["0", "300", "5000"], rng).to_owned(), 15, rng);
}
