//! What a cluster is made of: the validated settings that the machines need.
//!
//! `profile` parses and checks; by the time a [`Config`] exists, it is sound ([`Config::check`]
//! states what that means and is asserted wherever machines are built).

use super::defect::Defect;
use super::id::{AMFS_MAX, AmfId, AmfSet, DISKS_MAX, SECTOR_BYTES, Span};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// Which rules of section 7 are in force. Closed; each says what it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Claims 1 to 9: every write and every miss is broadcast. Line states M S I.
    Broadcast,
    /// Claims 10 to 14: no broadcast where the data is not shared. Line states M E S I.
    Sharing,
    /// A dirty owner shares, and hands over, without destaging. Line states M O E S I L.
    Moesi,
    /// As `moesi`, and a write sends the new data to the sharers. Line states M O E S I L.
    Update,
    /// No coherency at all: the negative control.
    None,
}

impl Protocol {
    /// Every protocol, in the order of the claims.
    pub const ALL: [Self; 5] =
        [Self::Broadcast, Self::Sharing, Self::Moesi, Self::Update, Self::None];

    /// Its name in profiles, scripts and on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Sharing => "sharing",
            Self::Moesi => "moesi",
            Self::Update => "update",
            Self::None => "none",
        }
    }

    /// What it shows, in one line.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Broadcast => "claims 1 to 9: every write and every miss is broadcast",
            Self::Sharing => "claims 10 to 14: no broadcast where the data is not shared",
            Self::Moesi => "a dirty owner shares, and hands over, without destaging",
            Self::Update => "as moesi, and a write sends the new data to the sharers",
            Self::None => "no coherency at all: the negative control, the checkers must catch it",
        }
    }

    /// The states that a line can have, most owned first.
    #[must_use]
    pub const fn line_states(self) -> &'static str {
        match self {
            Self::Broadcast | Self::None => "M S I",
            Self::Sharing => "M E S I",
            Self::Moesi | Self::Update => "M O E S I L",
        }
    }

    /// Section 7: who is the only one with a copy writes without a broadcast, so there is a state `E`.
    #[must_use]
    pub const fn knows_sharers(self) -> bool {
        match self {
            Self::Sharing | Self::Moesi | Self::Update => true,
            Self::Broadcast | Self::None => false,
        }
    }

    /// A dirty owner shares and lends instead of destaging: states `O` and `L` (section 2.2).
    #[must_use]
    pub const fn lends(self) -> bool {
        match self {
            Self::Moesi | Self::Update => true,
            Self::Broadcast | Self::Sharing | Self::None => false,
        }
    }

    /// Accesses are asked for at all.
    #[must_use]
    pub const fn is_coherent(self) -> bool {
        !matches!(self, Self::None)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|p| p.name() == text).ok_or_else(|| {
            format!("`{text}` is no protocol (broadcast, sharing, moesi, update, none)")
        })
    }
}

/// When a write reaches the redundancy group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WritePolicy {
    /// Later, at a destage; until then replicas protect it.
    Back,
    /// Before the host is answered.
    Through,
}

/// How blocks lie on the disks; the arithmetic is [`super::group::Group`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One disk.
    Single,
    /// Chunks over all disks, no redundancy.
    Stripe,
    /// Chunks over sets of `copies` disks, each set a mirror.
    Mirror,
    /// Chunks over all disks but one, which holds their parity; which one it is rotates.
    Raid5,
    /// The same with two parities: any two disks may fail.
    Raid6,
}

impl Layout {
    /// Its name in profiles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Stripe => "stripe",
            Self::Mirror => "mirror",
            Self::Raid5 => "raid5",
            Self::Raid6 => "raid6",
        }
    }

    /// Parity blocks for each row of data blocks; 0: it has none.
    #[must_use]
    pub const fn parity(self) -> u8 {
        match self {
            Self::Single | Self::Stripe | Self::Mirror => 0,
            Self::Raid5 => 1,
            Self::Raid6 => 2,
        }
    }

    /// True if the loss of one disk loses no block, so that a spare has a use.
    #[must_use]
    pub const fn is_redundant(self) -> bool {
        match self {
            Self::Single | Self::Stripe => false,
            Self::Mirror | Self::Raid5 | Self::Raid6 => true,
        }
    }
}

/// The redundancy group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupConfig {
    /// How blocks lie on the disks.
    pub layout: Layout,
    /// Disks that hold data, spares not counted.
    pub disks: u8,
    /// Idle disks that take the place of a failed one.
    pub spares: u8,
    /// Copies of each block (mirror), else 1.
    pub copies: u8,
    /// Blocks in a row on one disk; also the size of a stripe lock.
    pub chunk: u32,
}

/// Everything the machines of one cluster are built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Config {
    /// How many AMFs, 1 to 64.
    pub amfs: u8,
    /// The protocol of the first view; a later view may carry another.
    pub protocol: Protocol,
    /// Replication partners each AMF wants; in force are at most the members less one.
    pub replicas: u8,
    /// Cache lines of each AMF; replicas have a pool of their own.
    pub lines: u32,
    /// Write-back or write-through.
    pub write: WritePolicy,
    /// Dirty lines above which an AMF destages the oldest.
    pub dirty_high: u32,
    /// Age at which a dirty line is destaged; `None`: never for its age.
    pub destage_age: Option<Span>,
    /// Slots of the floor table \[H2\].
    pub floor_slots: u32,
    /// Size of the volume in blocks.
    pub blocks: u64,
    /// Bytes in a block, a power of two of at least one sector.
    pub block_size: u32,
    /// The volume's access list: the AMFs that hosts may use for it; empty: all \[T2\].
    pub access: AmfSet,
    /// The disks.
    pub group: GroupConfig,
    /// How long a lease lasts from the sending of its renewal.
    pub lease: Span,
    /// How often a lease is renewed.
    pub renew: Span,
    /// How long a link may fail to deliver before its AMF says `Suspect`.
    pub suspect_after: Span,
    /// First retransmission after this; doubles up to eight times it.
    pub retry: Span,
    /// Each AMF has a journal that survives its crash, and a power failure of everything (section 4.5).
    pub journal: bool,
    /// With write-back: disks note which regions may have dirty blocks, so that what more failures than
    /// replicas lose is known to be lost \[D1\].
    pub dirty_log: bool,
    /// Blocks in a region of that log.
    pub region_blocks: u64,
    /// A rule to break, for teaching and for testing the checkers. Off in any ordinary profile.
    pub defect: Option<Defect>,
}

/// The witness counts a lease longer than its AMF does, by one part in this many \[L1\]: the largest
/// difference of clock rates.
pub const DRIFT_PARTS: u64 = 16;

impl Config {
    /// What must hold of every configuration; the message names the first thing that does not.
    ///
    /// # Errors
    /// A sentence for the person who wrote the profile.
    pub fn check(&self) -> Result<(), String> {
        let group = &self.group;
        let all = usize::from(group.disks) + usize::from(group.spares);
        let rules = [
            ((1..=AMFS_MAX).contains(&usize::from(self.amfs)), "amfs is 1 to 64"),
            (self.lines >= 4, "cache.lines is at least 4"),
            (self.floor_slots >= 1, "cache.floor_slots is at least 1"),
            (self.dirty_high >= 1 && self.dirty_high <= self.lines, "dirty_high is 1 to lines"),
            (self.blocks >= 1, "the volume has at least one block"),
            (
                self.block_size.is_power_of_two()
                    && (SECTOR_BYTES..=1 << 20).contains(&self.block_size),
                "block_size is a power of two from 512 to 1 MiB",
            ),
            (
                self.access.iter().all(|amf| amf.0 < self.amfs),
                "volume.access names AMFs of the cluster",
            ),
            (group.disks >= 1 && all <= DISKS_MAX, "disks and spares are 1 to 64 together"),
            (group.copies >= 1 && group.chunk >= 1, "copies and chunk are at least 1"),
            (
                match group.layout {
                    Layout::Single => group.disks == 1 && group.copies == 1,
                    Layout::Stripe => group.copies == 1,
                    Layout::Mirror => group.copies >= 2 && group.disks.is_multiple_of(group.copies),
                    Layout::Raid5 => group.copies == 1 && group.disks >= 3,
                    Layout::Raid6 => group.copies == 1 && group.disks >= 4,
                },
                "single has one disk; stripe one copy; mirror 2 or more, dividing the disks; \
                 raid5 at least 3 disks, raid6 at least 4",
            ),
            (
                group.layout.is_redundant() || group.spares == 0,
                "a spare needs a layout with redundancy",
            ),
            (self.region_blocks >= 1, "a region has at least one block"),
            (self.renew.0 > 0 && self.renew.0 * 2 <= self.lease.0, "renew is at most half a lease"),
            (self.retry.0 > 0 && self.retry < self.suspect_after, "retry is below suspect_after"),
        ];
        rules.iter().find(|(ok, _)| !ok).map_or(Ok(()), |(_, text)| Err((*text).to_owned()))
    }

    /// The AMFs that hosts may use for the volume.
    #[must_use]
    pub fn users(&self) -> AmfSet {
        if self.access.is_empty() { (0..self.amfs).map(AmfId).collect() } else { self.access }
    }

    /// The only AMF that hosts may use for the volume, if its access list names just one.
    #[must_use]
    pub fn only_user(&self) -> Option<AmfId> {
        self.access.iter().next().filter(|_| self.access.len() == 1)
    }

    /// A dirty-region log is kept: lines may be dirty after their hosts were answered \[D1\].
    #[must_use]
    pub fn logs_regions(&self) -> bool {
        self.dirty_log && self.write == WritePolicy::Back
    }

    /// Sectors in a block.
    #[must_use]
    pub fn sectors_per_block(&self) -> u32 {
        self.block_size / SECTOR_BYTES
    }

    /// Sectors of the volume.
    #[must_use]
    pub fn sectors(&self) -> u64 {
        self.blocks * u64::from(self.sectors_per_block())
    }

    /// All disks, spares included.
    #[must_use]
    pub fn disks_all(&self) -> u8 {
        self.group.disks + self.group.spares
    }

    /// Replicas that a member has when all AMFs are in the view.
    #[must_use]
    pub fn replicas_effective(&self) -> u8 {
        self.replicas.min(self.amfs - 1)
    }

    /// How long the witness holds a lease for an AMF it no longer hears \[L1\].
    #[must_use]
    pub fn lease_at_witness(&self) -> Span {
        Span(self.lease.0 + self.lease.0 / DRIFT_PARTS)
    }
}
