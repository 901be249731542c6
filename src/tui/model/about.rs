//! What the console needs to know of the profile.

use crate::profile::Profile;
use crate::protocol::group::{Group, SlotState};
use crate::protocol::id::DiskId;
use crate::protocol::{Config, View};
use crate::trace::grammar::Limits;

/// What the console needs to know of the profile.
#[derive(Clone, Debug)]
pub struct About {
    /// The profile's name.
    pub profile: String,
    /// How many AMFs.
    pub amfs: u8,
    /// How many disks, spares included.
    pub disks: u8,
    /// Blocks of the volume.
    pub blocks: u64,
    /// Bytes in a block.
    pub block_size: u32,
    /// Generators, and whether each starts with the console.
    pub workloads: Vec<(String, bool)>,
    /// What the machines are built from.
    pub config: Config,
    /// When what is written to a disk is safe there: `store.durability`.
    pub durability: String,
    /// Why acknowledged writes would not survive the end of the process.
    pub volatile: Option<String>,
    /// What the parser of commands needs.
    pub limits: Limits,
}

impl About {
    /// Of a profile.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let config = profile.config.clone();
        Self {
            profile: profile.name.clone(),
            amfs: config.amfs,
            disks: config.disks_all(),
            blocks: config.blocks,
            block_size: config.block_size,
            workloads: profile.workloads.iter().map(|w| (w.name.clone(), w.autostart)).collect(),
            durability: profile.store.durability.word().to_owned(),
            volatile: profile.volatile(),
            limits: Limits::of(profile, std::path::Path::new(".")),
            config,
        }
    }

    /// True if without this disk some block has no good copy left, in this view. `failed`: disks that
    /// answer with errors; the view says so only when somebody has asked them.
    #[must_use]
    pub fn is_last_good(&self, disk: DiskId, view: &View, failed: &[DiskId]) -> bool {
        let slots = &view.group.slots;
        let Some(slot) = slots.iter().position(|slot| slot.disk == disk) else { return false };
        if slots[slot].state != SlotState::Online || failed.contains(&disk) {
            return false;
        }
        let group = Group::new(&self.config.group);
        let slot = u8::try_from(slot).unwrap_or(u8::MAX);
        let good = group.partners(slot).filter(|other| {
            slots.get(usize::from(*other)).is_some_and(|other| {
                other.state == SlotState::Online && !failed.contains(&other.disk)
            })
        });
        good.count() < group.partners_needed()
    }
}
