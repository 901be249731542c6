//! The table of all keys: section, name, type, range, meaning. The parser, its messages, the nearest
//! key, the effective profile and the documentation all come from here.

use super::build::CHUNK_MAX;
use super::draft::{
    ACCESSES, DURABILITIES, Draft, ENGINES, FaultDraft, LAYOUTS, WRITES, WorkloadDraft,
};
use super::kind::{At, Kind, Unit};
use super::model::{Durability, StoreEngine};
use crate::protocol::id::{AMFS_MAX, DISKS_MAX, SECTOR_BYTES, Span};
use crate::protocol::{Defect, Layout, Protocol, WritePolicy};

/// A key of `T`.
pub(super) struct Key<T> {
    /// Its name.
    pub(super) name: &'static str,
    /// What it accepts, and where that goes.
    pub(super) kind: Kind<T>,
    /// What it means.
    pub(super) doc: &'static str,
    /// The default in words, where it depends on other keys.
    pub(super) default: &'static str,
}

impl<T> Key<T> {
    const fn new(name: &'static str, kind: Kind<T>, doc: &'static str) -> Self {
        Self { name, kind, doc, default: "" }
    }

    const fn by_default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

/// A section that is a table.
pub(super) struct Section {
    /// Its name; empty: the keys above the first section.
    pub(super) name: &'static str,
    /// Its keys.
    pub(super) keys: Vec<Key<Draft>>,
}

/// Names of the sections that are lists of tables.
pub(super) const LISTS: [&str; 2] = ["workload", "fault"];

/// Most workloads, and most faults, in a profile.
pub(super) const LIST_MAX: usize = 256;

const DAY: Span = Span::secs(86_400);
const MINUTE: Span = Span::secs(60);

fn int<T>(name: &'static str, range: (u64, u64), at: At<T, u64>, doc: &'static str) -> Key<T> {
    Key::new(name, Kind::Int { min: range.0, max: range.1, at }, doc)
}

fn time<T>(
    name: &'static str,
    unit: Unit,
    range: (Span, Span),
    at: At<T, Span>,
    doc: &'static str,
) -> Key<T> {
    Key::new(name, Kind::Time { unit, min: range.0, max: range.1, at }, doc)
}

fn choice<T>(
    name: &'static str,
    names: fn() -> Vec<&'static str>,
    later: &'static [&'static str],
    at: At<T, usize>,
    doc: &'static str,
) -> Key<T> {
    Key::new(name, Kind::Choice { names, later, at }, doc)
}

fn protocols() -> Vec<&'static str> {
    Protocol::ALL.iter().map(|protocol| protocol.name()).collect()
}

fn defects() -> Vec<&'static str> {
    core::iter::once("none").chain(Defect::ALL.iter().map(|defect| defect.name())).collect()
}

fn writes() -> Vec<&'static str> {
    let name = |write: &WritePolicy| match write {
        WritePolicy::Back => "back",
        WritePolicy::Through => "through",
    };
    WRITES.iter().map(name).collect()
}

fn layouts() -> Vec<&'static str> {
    LAYOUTS.iter().map(|layout: &Layout| layout.name()).collect()
}

fn durabilities() -> Vec<&'static str> {
    let name = |durability: &Durability| match durability {
        Durability::Sync => "sync",
        Durability::Interval => "interval",
        Durability::None => "none",
    };
    DURABILITIES.iter().map(name).collect()
}

fn engines() -> Vec<&'static str> {
    let name = |engine: &StoreEngine| match engine {
        StoreEngine::Sled => "sled",
        StoreEngine::Memory => "memory",
    };
    ENGINES.iter().map(name).collect()
}

/// Every section that is a table, in the order in which an effective profile shows them.
pub(super) fn sections() -> Vec<Section> {
    let section = |name, keys| Section { name, keys };
    vec![
        section("", head()),
        section("cluster", cluster()),
        section("cache", cache()),
        section("volume", volume()),
        section("group", group()),
        section("store", store()),
        section("journal", journal()),
        section("timing", timing()),
        section("link", link()),
        section("host", host()),
        section("end", end()),
    ]
}

fn head() -> Vec<Key<Draft>> {
    vec![
        Key::new("summary", Kind::Text { max: 100, at: |d| &mut d.summary }, "one line for lists"),
        choice("defect", defects, &[], |d| &mut d.defect, "a rule to break on purpose"),
    ]
}

const PROTOCOLS_LATER: &[&str] = &["moesi", "update", "directory", "hierarchical", "none"];
const LAYOUTS_LATER: &[&str] = &["raid5", "raid6"];

fn cluster() -> Vec<Key<Draft>> {
    vec![
        int("amfs", (1, AMFS_MAX as u64), |d| &mut d.amfs, "how many AMFs"),
        choice(
            "protocol",
            protocols,
            PROTOCOLS_LATER,
            |d| &mut d.protocol,
            "the coherency protocol to begin with",
        ),
        int(
            "replicas",
            (0, AMFS_MAX as u64 - 1),
            |d| &mut d.replicas,
            "replication partners of each AMF; in force: at most the other members",
        ),
        int("seed", (0, u64::MAX), |d| &mut d.seed, "seed of everything random"),
    ]
}

fn cache() -> Vec<Key<Draft>> {
    vec![
        int("lines", (4, 1 << 24), |d| &mut d.lines, "blocks that each AMF's cache holds"),
        choice(
            "write",
            writes,
            &[],
            |d| &mut d.write,
            "when a write reaches the disks: later, or before its answer",
        ),
        Key::new(
            "dirty_high",
            Kind::Derived { min: 1, max: 1 << 24, at: |d: &mut Draft| &mut d.dirty_high },
            "dirty lines above which the oldest are destaged; at most cache.lines",
        )
        .by_default("3/4 of cache.lines"),
        time(
            "destage_age_ms",
            Unit::Millis,
            (Span(0), DAY),
            |d| &mut d.destage_age,
            "age at which a dirty line is destaged; 0: never",
        ),
        int("floor_slots", (1, 1 << 24), |d| &mut d.floor_slots, "slots of the floor table [H2]"),
    ]
}

fn volume() -> Vec<Key<Draft>> {
    let sector = u64::from(SECTOR_BYTES);
    vec![
        Key::new(
            "size",
            Kind::Size { min: sector, max: 1 << 50, at: |d| &mut d.size },
            "size of the volume, whole blocks",
        ),
        Key::new(
            "block_size",
            Kind::Size { min: sector, max: 1 << 20, at: |d| &mut d.block_size },
            "unit of coherency, a power of two",
        ),
    ]
}

fn group() -> Vec<Key<Draft>> {
    let disks = DISKS_MAX as u64;
    vec![
        choice("layout", layouts, LAYOUTS_LATER, |d| &mut d.layout, "how blocks lie on the disks"),
        Key::new(
            "disks",
            Kind::Derived { min: 1, max: disks, at: |d: &mut Draft| &mut d.disks },
            "disks that hold data, spares not counted",
        )
        .by_default("1 for single, else 4"),
        int("spares", (0, disks - 1), |d| &mut d.spares, "disks that wait for a failure (mirror)"),
        Key::new(
            "copies",
            Kind::Derived { min: 1, max: disks, at: |d: &mut Draft| &mut d.copies },
            "copies of each block (mirror: 2 or more, dividing disks)",
        )
        .by_default("2 for mirror, else 1"),
        Key::new(
            "chunk",
            Kind::Extent { min: 1, max: CHUNK_MAX, at: |d| &mut d.chunk },
            "run on one disk; also what a stripe lock guards",
        ),
    ]
}

fn store() -> Vec<Key<Draft>> {
    vec![
        choice(
            "durability",
            durabilities,
            &[],
            |d| &mut d.durability,
            "when a disk write is synced: before its answer, every so often, at a clean exit",
        ),
        choice("engine", engines, &[], |d| &mut d.engine, "what a live disk is made of"),
        Key::new(
            "cache",
            Kind::Size { min: 1 << 20, max: 1 << 40, at: |d| &mut d.cache },
            "memory of each disk's sled database",
        ),
        time(
            "disk_time_us",
            Unit::Micros,
            (Span(0), MINUTE),
            |d| &mut d.disk_time,
            "simulated time of one disk operation",
        ),
    ]
}

fn journal() -> Vec<Key<Draft>> {
    vec![Key::new(
        "enabled",
        Kind::Bool { at: |d| &mut d.journal },
        "a journal for each AMF; comes with a later version",
    )]
}

fn timing() -> Vec<Key<Draft>> {
    let ms = Span::millis(1);
    let hour = Span::secs(3600);
    vec![
        time(
            "lease_ms",
            Unit::Millis,
            (Span::millis(10), hour),
            |d| &mut d.lease,
            "how long a lease lasts",
        ),
        time(
            "renew_ms",
            Unit::Millis,
            (ms, hour),
            |d| &mut d.renew,
            "how often it is renewed; at most half of lease_ms",
        ),
        time(
            "suspect_after_ms",
            Unit::Millis,
            (ms, hour),
            |d| &mut d.suspect_after,
            "how long a link may fail to deliver before its AMF says so",
        ),
        time(
            "retry_ms",
            Unit::Millis,
            (ms, MINUTE),
            |d| &mut d.retry,
            "first retransmission, doubling up to eight times this; below suspect_after_ms",
        ),
    ]
}

fn link() -> Vec<Key<Draft>> {
    vec![
        time(
            "delay_us",
            Unit::Micros,
            (Span(0), MINUTE),
            |d| &mut d.delay,
            "time of a packet one way; live, this is added to what the machine takes",
        ),
        Key::new("drop", Kind::Ratio { at: |d| &mut d.drop }, "packets lost; below 1.0"),
        Key::new("duplicate", Kind::Ratio { at: |d| &mut d.duplicate }, "packets that come twice"),
        int(
            "sites",
            (1, AMFS_MAX as u64),
            |d| &mut d.sites,
            "the AMFs are split into this many sites, in id order",
        ),
        time(
            "site_delay_us",
            Unit::Micros,
            (Span(0), MINUTE),
            |d| &mut d.site_delay,
            "time of a packet between sites, in place of delay_us",
        ),
    ]
}

fn host() -> Vec<Key<Draft>> {
    vec![
        time(
            "timeout_ms",
            Unit::Millis,
            (Span::millis(1), Span::secs(3600)),
            |d| &mut d.timeout,
            "a request without an answer fails after this",
        ),
        int("paths", (1, AMFS_MAX as u64), |d| &mut d.paths, "AMFs that a workload's host may try"),
    ]
}

fn end() -> Vec<Key<Draft>> {
    vec![
        int("ops", (0, u64::MAX), |d| &mut d.end_ops, "a run ends after so many requests; 0: no"),
        time(
            "duration",
            Unit::Seconds,
            (Span(0), Span(DAY.0 * 30)),
            |d| &mut d.end_duration,
            "a run ends after this time; 0: no",
        ),
    ]
}

/// Keys of a `[[workload]]`.
pub(super) fn workload() -> Vec<Key<WorkloadDraft>> {
    let blocks = 1 << 41;
    let mut keys = vec![
        Key::new(
            "name",
            Kind::Name { at: |w: &mut WorkloadDraft| &mut w.name },
            "for `workload start NAME`",
        )
        .by_default("none: it must be given"),
        Key::new("autostart", Kind::Bool { at: |w| &mut w.autostart }, "starts with the profile"),
        Key::new("amfs", Kind::Amfs { at: |w| &mut w.amfs }, "AMFs that it sends to"),
        Key::new("read_ratio", Kind::Ratio { at: |w| &mut w.read_ratio }, "requests that read"),
        Key::new(
            "sizes",
            Kind::Sizes { at: |w: &mut WorkloadDraft| &mut w.sizes },
            "request sizes, with weights",
        )
        .by_default("volume.block_size"),
    ];
    keys.extend(pattern());
    keys.extend([
        Key::new(
            "working_set",
            Kind::Extent { min: 0, max: blocks, at: |w: &mut WorkloadDraft| &mut w.working_set },
            "what it touches; 0: all from first_block on",
        ),
        int("first_block", (0, blocks), |w| &mut w.first_block, "where its working set begins"),
        Key::new(
            "sharing_degree",
            Kind::Degree { at: |w| &mut w.sharing_degree },
            "AMFs that share a part of the working set; 1: each has its own part",
        ),
        int("queue_depth", (1, 4096), |w| &mut w.queue_depth, "requests outstanding at each AMF"),
        Key::new(
            "rate",
            Kind::Float { min: 0.0, max: 1e9, at: |w| &mut w.rate },
            "requests a second over all AMFs; 0: as fast as they are answered",
        ),
        int("ops", (0, u64::MAX), |w| &mut w.ops, "requests after which it stops; 0: never"),
    ]);
    keys
}

fn pattern() -> [Key<WorkloadDraft>; 5] {
    [
        choice("access", || ACCESSES.to_vec(), &[], |w| &mut w.access, "which blocks"),
        Key::new(
            "theta",
            Kind::Float { min: 0.01, max: 10.0, at: |w| &mut w.theta },
            "zipf: the exponent",
        ),
        Key::new(
            "scatter",
            Kind::Bool { at: |w| &mut w.scatter },
            "zipf: popular blocks lie scattered, not at the beginning",
        ),
        Key::new(
            "hot",
            Kind::Ratio { at: |w| &mut w.hot },
            "hotspot: this part of the working set ..",
        ),
        Key::new("share", Kind::Ratio { at: |w| &mut w.share }, "hotspot: .. gets this many"),
    ]
}

/// Keys of a `[[fault]]`.
pub(super) fn fault() -> Vec<Key<FaultDraft>> {
    vec![
        time("at", Unit::Seconds, (Span(0), Span(DAY.0 * 30)), |f| &mut f.at, "when"),
        Key::new(
            "command",
            Kind::Text { max: 1000, at: |f: &mut FaultDraft| &mut f.command },
            "what to do, as a script would say it",
        )
        .by_default("none: it must be given"),
    ]
}

/// A key, in words: for the documentation, the help and `profiles show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// `cluster`, `workload`; empty: above the first section.
    pub section: &'static str,
    /// The key.
    pub key: &'static str,
    /// What it is: `a time`, `a whole number`.
    pub type_name: &'static str,
    /// The unit of a plain number; empty: it has none.
    pub unit: &'static str,
    /// What is allowed.
    pub range: String,
    /// The default as TOML, or in words where it depends on other keys.
    pub default: String,
    /// What it means.
    pub doc: &'static str,
}

fn info<T: Default>(section: &'static str, keys: &[Key<T>], to: &mut Vec<KeyInfo>) {
    let mut defaults = T::default();
    for key in keys {
        let default = match key.default {
            "" => key.kind.show(&mut defaults).unwrap_or_default(),
            words => words.to_owned(),
        };
        to.push(KeyInfo {
            section,
            key: key.name,
            type_name: key.kind.type_name(),
            unit: key.kind.unit(),
            range: key.kind.range(),
            default,
            doc: key.doc,
        });
    }
}

/// Every key there is, in the order in which an effective profile shows them.
#[must_use]
pub fn schema() -> Vec<KeyInfo> {
    let mut all = Vec::new();
    for section in sections() {
        info(section.name, &section.keys, &mut all);
    }
    info("workload", &workload(), &mut all);
    info("fault", &fault(), &mut all);
    all
}
