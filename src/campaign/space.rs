//! What the seeds of a campaign may draw: the limits of a profile, what `--set` fixes, what a recipe and a
//! seeded defect demand.

use super::defects::{Reach, reach};
use super::near::Situation;
use super::recipe::{NEAR, RECIPES, Recipe};
use crate::profile::{self, Profile, ProfileError};
use crate::protocol::{Defect, Layout, Protocol, WritePolicy};
use std::collections::BTreeSet;

/// Protocols that a seed draws from: those that promise something.
pub const PROTOCOLS: &[Protocol] =
    &[Protocol::Broadcast, Protocol::Sharing, Protocol::Moesi, Protocol::Update];

/// What it answers is linearizable. The negative control is not drawn, unless it is said.
#[must_use]
pub const fn promises(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Broadcast | Protocol::Sharing | Protocol::Moesi | Protocol::Update => true,
        Protocol::None => false,
    }
}

/// A layout with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How blocks lie on the disks.
    pub layout: Layout,
    /// Disks without spares.
    pub disks: u8,
    /// Copies of each block.
    pub copies: u8,
    /// Disks that wait.
    pub spares: u8,
}

const fn shape(layout: Layout, disks: u8, copies: u8, spares: u8) -> Shape {
    Shape { layout, disks, copies, spares }
}

/// Layouts that a seed draws from.
pub const SHAPES: &[Shape] = &[
    shape(Layout::Single, 1, 1, 0),
    shape(Layout::Stripe, 3, 1, 0),
    shape(Layout::Mirror, 2, 2, 0),
    shape(Layout::Mirror, 2, 2, 1),
    shape(Layout::Mirror, 4, 2, 1),
    shape(Layout::Mirror, 3, 3, 0),
    shape(Layout::Mirror, 3, 3, 1),
    shape(Layout::Raid5, 3, 1, 0),
    shape(Layout::Raid5, 4, 1, 1),
    shape(Layout::Raid5, 6, 1, 1),
    shape(Layout::Raid6, 4, 1, 0),
    shape(Layout::Raid6, 6, 1, 1),
];

/// Leases, in milliseconds, with what belongs to them: suspicion, and the first retransmission.
pub const TIMINGS: &[(u32, u32, u32)] = &[(2_000, 1_000, 10), (200, 100, 5), (40, 30, 2)];

/// What a campaign is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The profile that gives limits and defaults: a built-in name or a path.
    pub profile: String,
    /// `key=value`: these are not drawn.
    pub sets: Vec<String>,
    /// What may go wrong.
    pub recipe: &'static Recipe,
    /// The rule that is broken.
    pub defect: Option<Defect>,
    /// Requests of each seed; `None`: drawn.
    pub ops: Option<u32>,
    /// Scripts near which seeds are drawn; none: those that are built in, if the recipe wants any.
    pub near: Vec<Situation>,
}

impl Default for Spec {
    fn default() -> Self {
        let profile = "fuzz".to_owned();
        let recipe = &RECIPES[0];
        Self { profile, sets: Vec::new(), recipe, defect: None, ops: None, near: Vec::new() }
    }
}

/// Loads a profile. A layout that is set alone may not fit the profile's numbers, which are drawn with it:
/// then with those of the first shape that fits.
fn load_fitting(name: &str, sets: &[String]) -> Result<Profile, ProfileError> {
    let plain = profile::load(name, sets);
    let Err(error) = plain else { return plain };
    let is_set = |key: &str| sets.iter().any(|set| set.starts_with(key));
    let fitted = SHAPES.iter().find_map(|shape| {
        let layout = format!("group.layout={}", shape.layout.name());
        let (disks, copies, spares) = (shape.disks, shape.copies, shape.spares);
        let (disks, copies, spares) = (
            format!("group.disks={disks}"),
            format!("group.copies={copies}"),
            format!("group.spares={spares}"),
        );
        let drawn = [layout, disks, copies, spares]
            .into_iter()
            .filter(|set| !is_set(set.split('=').next().unwrap_or_default()));
        let all: Vec<String> = drawn.chain(sets.iter().cloned()).collect();
        profile::load(name, &all).ok()
    });
    fitted.ok_or(error)
}

/// What a seed may draw.
#[derive(Clone, Debug)]
pub struct Space {
    /// As it was told.
    pub spec: Spec,
    /// The profile as it is: its numbers are the most that is drawn.
    pub(super) limits: Profile,
    /// The profile with what is fixed.
    pub(super) base: Profile,
    /// What is fixed, `key=value`, later ones win.
    pub(super) sets: Vec<String>,
    fixed: BTreeSet<String>,
    /// What the broken rule needs.
    pub(super) reach: Option<&'static Reach>,
}

impl Space {
    /// The space of a campaign.
    ///
    /// # Errors
    /// What is wrong with the profile or with what is set.
    pub fn new(spec: Spec) -> Result<Self, ProfileError> {
        let limits = profile::load(&spec.profile, &[])?;
        let named = load_fitting(&spec.profile, &spec.sets)?;
        let defect = spec.defect.or(named.config.defect);
        let reach = defect.map(reach);
        // What a person says wins over what a defect needs, and that over a recipe.
        let key = |set: &str| set.split_once('=').map_or("", |(key, _)| key).trim().to_owned();
        let said: BTreeSet<String> = spec.sets.iter().map(|set| key(set)).collect();
        let mut wanted: Vec<&str> = spec.recipe.sets.to_vec();
        wanted.extend(reach.map_or(&[][..], |reach| reach.sets));
        let mut sets: Vec<String> = Vec::new();
        sets.extend(wanted.into_iter().filter(|set| !said.contains(&key(set))).map(str::to_owned));
        sets.extend(spec.sets.iter().cloned());
        if let Some(defect) = defect {
            sets.push(format!("defect={defect}"));
        }
        let fixed = sets.iter().map(|set| key(set)).collect();
        let base = load_fitting(&spec.profile, &sets)?;
        Ok(Self { limits, base, sets, fixed, reach, spec: Spec { defect, ..spec } })
    }

    /// True if nobody may draw this key.
    pub(super) fn is_fixed(&self, key: &str) -> bool {
        self.fixed.contains(key)
    }

    fn value_of(&self, key: &str) -> Option<&str> {
        let pairs = self.sets.iter().rev().filter_map(|set| set.split_once('='));
        pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next()
    }

    /// Protocols that may be drawn.
    pub(super) fn protocols(&self) -> Vec<Protocol> {
        if self.is_fixed("cluster.protocol") {
            return vec![self.base.config.protocol];
        }
        match self.reach {
            Some(reach) => reach.protocols.to_vec(),
            None => PROTOCOLS.to_vec(),
        }
    }

    /// Write policies that may be drawn, the likelier ones more than once.
    pub(super) fn policies(&self) -> Vec<WritePolicy> {
        if self.is_fixed("cache.write") {
            return vec![self.base.config.write];
        }
        match self.reach.and_then(|reach| reach.write) {
            Some(write) => vec![write],
            None => vec![WritePolicy::Back, WritePolicy::Back, WritePolicy::Through],
        }
    }

    /// How many AMFs there may be.
    pub(super) fn amfs(&self) -> (u8, u8) {
        if self.is_fixed("cluster.amfs") {
            return (self.base.config.amfs, self.base.config.amfs);
        }
        let most = self.limits.config.amfs;
        self.reach.map_or((1, most), |reach| reach.amfs)
    }

    /// Layouts that may be drawn; empty: only what the profile says fits what is fixed.
    pub(super) fn shapes(&self) -> Vec<Shape> {
        let fits = |key: &str, value: String| {
            self.value_of(key).is_none_or(|fixed| fixed.trim_matches('"') == value)
        };
        let most = self.limits.config.disks_all();
        let all = SHAPES.iter().copied().filter(|shape| {
            let reached = self.reach.is_none_or(|reach| reach.layouts.contains(&shape.layout));
            let said = self.is_fixed("group.layout");
            let wanted = reached && (!self.recipe().redundant || shape.layout.is_redundant());
            (wanted || said)
                && shape.disks + shape.spares <= most
                && fits("group.layout", shape.layout.name().to_owned())
                && fits("group.disks", shape.disks.to_string())
                && fits("group.copies", shape.copies.to_string())
                && fits("group.spares", shape.spares.to_string())
        });
        all.collect()
    }

    /// The same space with every rule whole: seeds draw the same as when one is broken.
    ///
    /// # Errors
    /// None that the space with the broken rule did not have.
    pub fn healthy(&self) -> Result<Self, ProfileError> {
        let is_defect = |set: &String| set.trim_start().starts_with("defect");
        let mut sets = self.sets.clone();
        sets.retain(|set| !is_defect(set));
        let mut spec = Spec { defect: None, ..self.spec.clone() };
        spec.sets.retain(|set| !is_defect(set));
        let base = load_fitting(&spec.profile, &sets)?;
        Ok(Self { spec, base, sets, ..self.clone() })
    }

    /// A broken rule counts under this layout, or none is broken.
    pub(super) fn reaches(&self, layout: Layout) -> bool {
        self.reach.is_none_or(|reach| reach.layouts.contains(&layout))
    }

    /// The name of the recipe in force.
    #[must_use]
    pub fn recipe_name(&self) -> &'static str {
        self.recipe().name
    }

    /// Seeds change scripts.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.recipe().near
    }

    /// The recipe in force: a broken rule brings its own, unless somebody chose one.
    pub(super) fn recipe(&self) -> &'static Recipe {
        if !self.spec.near.is_empty() && !self.spec.recipe.near {
            return &NEAR;
        }
        match self.reach {
            Some(reach) if self.spec.recipe.name == RECIPES[0].name => reach.recipe,
            Some(_) | None => self.spec.recipe,
        }
    }
}
