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

impl Durability {
    /// Its word in a profile.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Interval => "interval",
            Self::None => "none",
        }
    }
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
    /// In a simulation, what disks were given and have not reported may be lost when power fails, and what a
    /// crashing AMF gave to its journal may still get there. Otherwise disks have it all, and journals nothing.
    pub tears: bool,
}

/// The hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HostSpec {
    /// A request without an answer fails after this.
    pub timeout: Span,
    /// AMFs a workload's host tries with one request, as far as there are so many.
    pub paths: u8,
}

/// Which blocks a generator touches.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// Every `stride`th block; at the end again, one block further on.
    Stride {
        /// Blocks from one to the next.
        stride: u64,
    },
    /// Writes go to one block after the other, around; reads prefer what was written last, by a zipf law.
    Latest {
        /// The exponent.
        theta: f64,
    },
    /// The working set is cut into zones: each a part of it, and the part of the accesses it gets.
    Zoned {
        /// Part of the working set, part of the accesses; each column adds up to 1.
        zones: Vec<(f64, f64)>,
    },
    /// These blocks, counted from the first that the AMF may touch, one after the other, around.
    Sequence {
        /// The blocks.
        blocks: Vec<u64>,
    },
}

/// How the AMFs that share a part of the working set use it together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Each reads and writes all of it, independently.
    #[default]
    Mixed,
    /// Nobody shares: each AMF has a part of its own.
    Private,
    /// All read; only the first writes.
    ReadShared,
    /// The first writes, the others read what it has written, in the same order.
    ProducerConsumer,
    /// One after the other reads and then writes the same block.
    Migratory,
    /// All write the same blocks, in the same order.
    WriteWrite,
    /// Each has sectors of its own, in blocks that all use.
    FalseSharing,
}

impl Sharing {
    /// Every pattern, the default first.
    pub const ALL: [Self; 7] = [
        Self::Mixed,
        Self::Private,
        Self::ReadShared,
        Self::ProducerConsumer,
        Self::Migratory,
        Self::WriteWrite,
        Self::FalseSharing,
    ];

    /// Its name in a profile.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Private => "private",
            Self::ReadShared => "read_shared",
            Self::ProducerConsumer => "producer_consumer",
            Self::Migratory => "migratory",
            Self::WriteWrite => "write_write",
            Self::FalseSharing => "false_sharing",
        }
    }

    /// True if the pattern itself says who reads and who writes, and `read_ratio` says nothing.
    #[must_use]
    pub const fn says_who_reads(self) -> bool {
        matches!(self, Self::ProducerConsumer | Self::Migratory | Self::WriteWrite)
    }
}

/// When the requests of a rate come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Evenly.
    #[default]
    Linear,
    /// Independently of each other: the times between them are exponential.
    Poisson,
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
    /// Part of the writes that read first what they write.
    pub rmw_ratio: f64,
    /// Part of the writes that are answered only when the group has stored them, and nothing else for them (FUA).
    pub fua_ratio: f64,
    /// An AMF is told to flush after so many writes; 0: never.
    pub flush_every: u64,
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
    /// How they share it.
    pub sharing: Sharing,
    /// Requests outstanding at each AMF.
    pub queue_depth: u32,
    /// Requests a second over all AMFs; `None`: as fast as they are answered.
    pub rate: Option<f64>,
    /// When the requests of a rate come.
    pub arrivals: Arrivals,
    /// Time between an answer and the request that takes its place in the queue.
    pub think: Span,
    /// Requests are made for so long ..
    pub burst: Span,
    /// .. and then not for so long; 0: there are no bursts.
    pub pause: Span,
    /// Time from when it is started to its first request.
    pub start: Span,
    /// It begins once this workload has ended.
    pub after: Option<String>,
    /// It starts whenever this workload does.
    pub with: Option<String>,
    /// Time from its first request on that counts for no figure.
    pub warmup: Span,
    /// Its requests count in the figures.
    pub counted: bool,
    /// Time from its first request after which it stops; `None`: never by itself.
    pub duration: Option<Span>,
    /// Requests after which it stops; `None`: never by itself.
    pub ops: Option<u64>,
}

impl Default for WorkloadSpec {
    /// What a profile's workload is if it says nothing, but for its name and its sizes.
    fn default() -> Self {
        Self {
            name: String::new(),
            autostart: true,
            amfs: Vec::new(),
            read_ratio: 0.7,
            rmw_ratio: 0.0,
            fua_ratio: 0.0,
            flush_every: 0,
            sizes: Vec::new(),
            access: Access::Uniform,
            working_set: 0,
            first_block: 0,
            sharing_degree: 0,
            sharing: Sharing::Mixed,
            queue_depth: 1,
            rate: None,
            arrivals: Arrivals::Linear,
            think: Span(0),
            burst: Span(0),
            pause: Span(0),
            start: Span(0),
            after: None,
            with: None,
            warmup: Span(0),
            counted: true,
            duration: None,
            ops: None,
        }
    }
}

impl WorkloadSpec {
    /// True if it stops by itself.
    #[must_use]
    pub fn ends_itself(&self) -> bool {
        self.ops.is_some() || self.duration.is_some()
    }

    /// How many of `amfs` AMFs share a part of the working set, at least 1.
    #[must_use]
    pub fn degree(&self, amfs: u64) -> u64 {
        match (self.sharing, u64::from(self.sharing_degree)) {
            (Sharing::Private, _) => 1,
            (_, 0) => amfs.max(1),
            (_, degree) => degree.min(amfs).max(1),
        }
    }
}

/// Whom a fault befalls, each time that it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// One after the other.
    InTurn,
    /// Drawn by the seed.
    Drawn,
}

/// A fault of the schedule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultSpec {
    /// When it comes first.
    pub at: Instant,
    /// It comes again after so long, and again.
    pub every: Option<Span>,
    /// What is done; of several, one each time that it comes.
    pub commands: Vec<Strike>,
    /// Which of them.
    pub turn: Turn,
    /// Time from the fault to its end, if it is ended.
    pub stability: Span,
    /// What was written, to be shown again.
    pub said: FaultSaid,
}

/// One thing that a fault does, and what ends it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Strike {
    /// The command.
    pub command: Command,
    /// What ends it; `None`: nothing does.
    pub heal: Option<Command>,
}

/// The words of a fault: its keys `command`, `kind`, `target` and `heal`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultSaid {
    /// As a script would say it; empty: `kind` says it.
    pub command: String,
    /// The kind, if it is not a command: an index into the kinds there are, 0 for none.
    pub kind: usize,
    /// Whom it befalls.
    pub target: String,
    /// What ends it.
    pub heal: String,
}

/// When a run ends, and what must hold then.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndSpec {
    /// After so many host requests.
    pub ops: Option<u64>,
    /// After this time.
    pub duration: Option<Span>,
    /// So many violations are expected; more are a failure. `None`: none.
    pub violations: Option<u64>,
    /// So many lost acknowledged writes are expected; more are a failure. `None`: none.
    pub lost: Option<u64>,
    /// More requests in error are a failure.
    pub errors_max: Option<u64>,
    /// Fewer requests are a failure.
    pub ops_min: Option<u64>,
    /// A lower hit ratio is a failure.
    pub hit_ratio_min: Option<f64>,
    /// A longer latency of 99 % of reads, or of writes, is a failure.
    pub p99_ms_max: Option<f64>,
    /// More messages between AMFs for each request are a failure.
    pub messages_per_op_max: Option<f64>,
}

impl EndSpec {
    /// True if something is demanded of a run beside a clean verdict.
    #[must_use]
    pub fn expects(&self) -> bool {
        let Self { violations, lost, errors_max, ops_min, .. } = self;
        let counts = [violations, lost, errors_max, ops_min].iter().any(|one| one.is_some());
        let figures = [self.hit_ratio_min, self.p99_ms_max, self.messages_per_op_max];
        counts || figures.iter().any(Option::is_some)
    }
}
