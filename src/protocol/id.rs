//! Names and numbers of the field: who, where, when, in which order.
//!
//! Everything here is plain data, `Copy`, ordered and hashable. Times are the core's own integers
//! (nanoseconds since the cluster started): the core owns no clock (PROTOCOL.md, STYLE.md 2).

use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Add, Sub};
use serde::{Deserialize, Serialize};

/// Most AMFs in one cluster; an [`AmfSet`] is one machine word.
pub const AMFS_MAX: usize = 64;
/// Most disks in one redundancy group, spares included.
pub const DISKS_MAX: usize = 64;
/// Bytes in a sector, the unit that hosts address.
pub const SECTOR_BYTES: u32 = 512;

/// An array management function: a caching RAID controller. `amf0 ..= amf63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AmfId(pub u8);

/// A resource: one disk of the redundancy group. `disk0 ..= disk63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DiskId(pub u8);

/// A block of the volume: the unit of coherency, 4 KiB by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Block(pub u64);

/// Number of a view. Never reused, not even after a restart of everything.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u32);

/// How often an AMF has joined \[H7\]. An incarnation that is not in the view has left.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Incarnation(pub u32);

/// A host operation, numbered by the engine from 1. `OpId::NONE` marks work no host asked for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct OpId(pub u64);

impl OpId {
    /// The cause of background work: age destage, batched retires, re-replication.
    pub const NONE: Self = Self(0);
}

/// Nanoseconds since the cluster started.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Instant(pub u64);

/// A length of time in nanoseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Span(pub u64);

impl Instant {
    /// Later than every time a run can reach: "no deadline".
    pub const NEVER: Self = Self(u64::MAX);

    /// Time since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// A span of whole microseconds.
    #[must_use]
    pub const fn micros(us: u64) -> Self {
        Self(us.saturating_mul(1_000))
    }
    /// A span of whole milliseconds.
    #[must_use]
    pub const fn millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }
    /// A span of whole seconds.
    #[must_use]
    pub const fn secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }
    /// The span as milliseconds, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
    /// The span as microseconds, rounded down.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// One end of a message: an AMF, the witness, a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NodeId {
    /// An array management function.
    Amf(AmfId),
    /// The actor outside the AMFs that decides views.
    Witness,
    /// A resource of the redundancy group.
    Disk(DiskId),
}

impl NodeId {
    /// Its place among all nodes of a cluster of `amfs` AMFs, in the order of `NodeId`: AMFs, witness,
    /// disks.
    #[must_use]
    pub const fn index(self, amfs: u8) -> usize {
        match self {
            Self::Amf(amf) => amf.0 as usize,
            Self::Witness => amfs as usize,
            Self::Disk(disk) => amfs as usize + 1 + disk.0 as usize,
        }
    }

    /// The node at a place; the inverse of [`Self::index`].
    #[must_use]
    pub fn at_index(index: usize, amfs: u8) -> Self {
        let index = u8::try_from(index).expect("a cluster has at most 255 nodes");
        match index.checked_sub(amfs) {
            None => Self::Amf(AmfId(index)),
            Some(0) => Self::Witness,
            Some(beyond) => Self::Disk(DiskId(beyond - 1)),
        }
    }
}

/// Whether a ticket belongs to a recovery: those sort before every normal one (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TicketClass {
    /// An adoption after a takeover.
    Recovery,
    /// A host operation, a destage, a rebuild.
    Normal,
}

/// The order in which accesses to a key are granted: `(class, epoch, clock, amf)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Recoveries go first.
    pub class: TicketClass,
    /// The epoch in which the ticket was drawn.
    pub epoch: Epoch,
    /// The Lamport clock of the AMF that drew it.
    pub clock: u64,
    /// Breaks ties.
    pub amf: AmfId,
}

impl Ticket {
    /// True for an adoption's ticket.
    #[must_use]
    pub fn is_recovery(self) -> bool {
        self.class == TicketClass::Recovery
    }
}

/// Which write a content came from: `(epoch, clock, amf)`, drawn at commit. For one block, versions
/// grow in the order in which its writes take effect, and one write has exactly one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The epoch in which the write committed.
    pub epoch: Epoch,
    /// The Lamport clock, above all grants of the access under which it committed.
    pub clock: u64,
    /// The AMF that committed it.
    pub amf: AmfId,
}

impl Version {
    /// A block that was never written.
    pub const ZERO: Self = Self { epoch: Epoch(0), clock: 0, amf: AmfId(0) };
}

impl Default for Version {
    fn default() -> Self {
        Self::ZERO
    }
}

/// What is locked (section 1). Same rules for all; only a block has data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// One block of the volume.
    Block(Block),
    /// One stripe of the redundancy group: destages against a rebuild \[M3\], parity updates \[R2\].
    Stripe(u64),
    /// Every stripe at once: a rebuild takes it before its first stripe, and whoever has a destage
    /// in flight that began before the disk was admitted defers it \[M3\].
    Group,
}

/// One word, not two: keys are looked up several times in every step.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(match self {
            Self::Block(block) => block.0 << 2,
            Self::Stripe(stripe) => stripe << 2 | 1,
            Self::Group => 2,
        });
    }
}

/// `Shared` is a read search, `Exclusive` a write invalidate. Two accesses conflict unless both are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// A read search (claims 5 to 9).
    Shared,
    /// A write invalidate (claim 3).
    Exclusive,
}

impl Mode {
    /// Two accesses conflict unless both are shared.
    #[must_use]
    pub fn conflicts(self, other: Self) -> bool {
        self == Self::Exclusive || other == Self::Exclusive
    }
}

/// A set of AMFs, one bit each; iterates in id order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AmfSet(pub u64);

impl AmfSet {
    /// No AMF.
    pub const EMPTY: Self = Self(0);

    /// The set that holds just `amf`.
    #[must_use]
    pub fn only(amf: AmfId) -> Self {
        Self(1 << amf.0)
    }
    /// True if no AMF is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// How many AMFs are in it.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// True if `amf` is in it.
    #[must_use]
    pub fn contains(self, amf: AmfId) -> bool {
        self.0 & (1 << amf.0) != 0
    }
    /// Adds `amf`.
    pub fn insert(&mut self, amf: AmfId) {
        self.0 |= 1 << amf.0;
    }
    /// Takes `amf` out; true if it was in.
    pub fn remove(&mut self, amf: AmfId) -> bool {
        let had = self.contains(amf);
        self.0 &= !(1 << amf.0);
        had
    }
    /// Those in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Those in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Those here that are not in `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
    /// Lowest id first.
    pub fn iter(self) -> impl Iterator<Item = AmfId> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let id = rest.trailing_zeros();
            rest &= rest - 1;
            Some(AmfId(u8::try_from(id).unwrap_or(u8::MAX)))
        })
    }
}

impl FromIterator<AmfId> for AmfSet {
    fn from_iter<I: IntoIterator<Item = AmfId>>(ids: I) -> Self {
        let mut set = Self::EMPTY;
        for id in ids {
            set.insert(id);
        }
        set
    }
}

impl fmt::Debug for AmfSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for AmfSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, amf) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{amf}")?;
        }
        Ok(())
    }
}

impl fmt::Display for AmfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "amf{}", self.0)
    }
}

impl fmt::Display for DiskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disk{}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amf(amf) => amf.fmt(f),
            Self::Witness => f.write_str("witness"),
            Self::Disk(disk) => disk.fmt(f),
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(block) => write!(f, "b{}", block.0),
            Self::Stripe(n) => write!(f, "stripe{n}"),
            Self::Group => f.write_str("group"),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::Exclusive => "exclusive",
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.epoch.0, self.clock, self.amf.0)
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = if self.is_recovery() { "r" } else { "t" };
        write!(f, "{class}{}.{}.{}", self.epoch.0, self.clock, self.amf.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

/// Times print in the largest unit that keeps three digits or more.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ns if ns < 1_000 => write!(f, "{ns} ns"),
            ns if ns < 10_000_000 => write!(f, "{} us", ns / 1_000),
            ns if ns < 10_000_000_000 => write!(f, "{} ms", ns / 1_000_000),
            ns => write!(f, "{} s", ns / 1_000_000_000),
        }
    }
}
