//! What a profile says, after validation. [`super`] parses TOML into this.

use crate::protocol::Config;
use crate::protocol::id::{AmfId, Instant, Span};
use crate::trace::Command;
use serde::Serialize;

/// A situation to run: the cluster, its stores and links, its workloads and faults.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Its name: `demo`, or a file's stem.
    pub name: String,
    /// One line for lists.
    pub summary: String,
    /// What the machines are built from.
    pub config: Config,
    /// Seed of everything random.
    pub seed: u64,
    /// The network between AMFs.
    pub link: LinkSpec,
    /// The disks' stores.
    pub store: StoreSpec,
    /// The hosts.
    pub host: HostSpec,
    /// Generators.
    pub workloads: Vec<WorkloadSpec>,
    /// Fault schedule.
    pub faults: Vec<FaultSpec>,
    /// When a run ends, and what must hold then.
    pub end: EndSpec,
    /// Remarks for the reader (`replicas` above what the members allow, `volatile`).
    pub notes: Vec<String>,
}

impl Profile {
    /// Acknowledged writes survive `kill -9` of the process: synchronous stores, and write-through
    /// or a journal.
    #[must_use]
    pub fn volatile(&self) -> Option<String> {
        use crate::protocol::WritePolicy;
        if self.store.engine == StoreEngine::Memory {
            return Some("the disks are in memory".to_owned());
        }
        match (self.store.durability, self.config.write) {
            (Durability::Sync, WritePolicy::Through) => None,
            (Durability::Sync, WritePolicy::Back) if self.config.journal => None,
            (Durability::Sync, WritePolicy::Back) => {
                Some("write-back without a journal: dirty lines live in memory only".to_owned())
            }
            (Durability::Interval | Durability::None, _) => {
                Some("the disks do not sync before they answer".to_owned())
            }
        }
    }
}

/// The network between AMFs: one way, each link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LinkSpec {
    /// Time a packet takes. Live: added to what the machine takes; 0 adds nothing.
    pub delay: Span,
    /// Packets lost, in a million.
    pub drop_ppm: u32,
    /// Packets delivered twice, in a million.
    pub duplicate_ppm: u32,
    /// Simulated: every delay, of links and disks, varies by up to this many percent more, by the seed.
    pub jitter: u32,
    /// AMFs are split into this many sites, in id order, as evenly as can be.
    pub sites: u8,
    /// Time a packet takes between sites, instead of `delay`.
    pub site_delay: Span,
}

/// When a disk's write is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// After it was synced: survives `kill -9` and a power failure.
    Sync,
    /// At once; synced every so often.
    Interval,
    /// At once; synced at a clean exit only.
    None,
}

/// What a disk is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreEngine {
    /// A sled database.
    Sled,
    /// A map in memory.
    Memory,
}

/// The disks' stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StoreSpec {
    /// When a write is answered.
    pub durability: Durability,
    /// What a disk is made of.
    pub engine: StoreEngine,
    /// Bytes of cache for each sled database.
    pub cache_bytes: u64,
    /// Simulated time of one disk operation.
    pub disk_time: Span,
    /// Simulated time of one operation of a journal.
    pub journal_time: Span,
}

/// The hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HostSpec {
    /// A request without an answer fails after this.
    pub timeout: Span,
    /// AMFs a workload's host may try.
    pub paths: u8,
}

/// Which blocks a generator touches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "access")]
pub enum Access {
    /// Each alike.
    Uniform,
    /// Zipf with this exponent (0 < theta, usually 0.99): the first block is the most popular.
    Zipf {
        /// The exponent.
        theta: f64,
        /// The popular blocks lie scattered (a fixed permutation) and not at the beginning.
        scatter: bool,
    },
    /// One after the other, around.
    Sequential,
    /// `hot` of the working set gets `share` of the accesses.
    Hotspot {
        /// Part of the working set, 0 to 1.
        hot: f64,
        /// Part of the accesses, 0 to 1.
        share: f64,
    },
}

/// A generator of host requests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadSpec {
    /// Its name in `workload start NAME`.
    pub name: String,
    /// Starts with the run (the console: with the profile).
    pub autostart: bool,
    /// AMFs it sends to; empty: all.
    pub amfs: Vec<AmfId>,
    /// Part of the requests that read, 0 to 1.
    pub read_ratio: f64,
    /// Request sizes in bytes (multiples of a sector) with weights.
    pub sizes: Vec<(u32, u32)>,
    /// Which blocks.
    pub access: Access,
    /// Blocks it touches, from `first_block` on; 0: the whole volume.
    pub working_set: u64,
    /// First block of the working set.
    pub first_block: u64,
    /// How many AMFs share a part of the working set: 1 gives each AMF its own part, 0 means all.
    pub sharing_degree: u8,
    /// Requests outstanding at each AMF.
    pub queue_depth: u32,
    /// Requests a second over all AMFs; `None`: as fast as they are answered.
    pub rate: Option<f64>,
    /// Requests after which it stops; `None`: never by itself.
    pub ops: Option<u64>,
}

/// A fault of the schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultSpec {
    /// When.
    pub at: Instant,
    /// The command.
    pub command: Command,
}

/// When a run ends, and what must hold then.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndSpec {
    /// After so many host requests.
    pub ops: Option<u64>,
    /// After this time.
    pub duration: Option<Span>,
}
