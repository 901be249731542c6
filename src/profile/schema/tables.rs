//! Keys of the sections that are tables.

use super::{DAY, Key, MINUTE, Section, choice, int, time};
use crate::profile::build::{CHUNK_MAX, REGION_MAX};
use crate::profile::draft::{DURABILITIES, Draft, ENGINES, LAYOUTS, WRITES};
use crate::profile::kind::Kind;
use crate::profile::model::{Durability, StoreEngine};
use crate::profile::value::Unit;
use crate::protocol::id::{AMFS_MAX, DISKS_MAX, SECTOR_BYTES, Span};
use crate::protocol::{Defect, Layout, Protocol, WritePolicy};

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
pub(in crate::profile) fn sections() -> Vec<Section> {
    let section = |name, keys| Section { name, keys };
    vec![
        section("", head()),
        section("cluster", cluster()),
        section("cache", cache()),
        section("volume", volume()),
        section("group", group()),
        section("store", store()),
        section("journal", journal()),
        section("dirty_log", dirty_log()),
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
        Key::new(
            "access",
            Kind::Amfs { at: |d| &mut d.access },
            "AMFs that hosts may use for the volume; with only one, nobody else is asked",
        ),
    ]
}

fn group() -> Vec<Key<Draft>> {
    let disks = DISKS_MAX as u64;
    vec![
        choice("layout", layouts, &[], |d| &mut d.layout, "how blocks lie on the disks"),
        Key::new(
            "disks",
            Kind::Derived { min: 1, max: disks, at: |d: &mut Draft| &mut d.disks },
            "disks that hold data, spares not counted",
        )
        .by_default("1 for single, 5 for raid5, 6 for raid6, else 4"),
        int(
            "spares",
            (0, disks - 1),
            |d| &mut d.spares,
            "disks that wait for a failure (mirror, raid5, raid6)",
        ),
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
        Key::new(
            "tears",
            Kind::Bool { at: |d| &mut d.tears },
            "simulated: a power failure or a crash leaves a part of what is being written",
        ),
    ]
}

fn dirty_log() -> Vec<Key<Draft>> {
    vec![
        Key::new(
            "enabled",
            Kind::Bool { at: |d| &mut d.dirty_log },
            "disks note which regions may be dirty: what is lost is in doubt, never silently old",
        ),
        Key::new(
            "region",
            Kind::Extent { min: 1, max: REGION_MAX, at: |d| &mut d.region },
            "how much one note is about",
        ),
    ]
}

fn journal() -> Vec<Key<Draft>> {
    vec![
        Key::new(
            "enabled",
            Kind::Bool { at: |d| &mut d.journal },
            "each AMF has a journal: what it acknowledged survives a crash and a power failure",
        ),
        time(
            "time_us",
            Unit::Micros,
            (Span(0), MINUTE),
            |d| &mut d.journal_time,
            "simulated time of one operation of a journal",
        ),
    ]
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
            |d: &mut Draft| &mut d.renew,
            "how often it is renewed; at most half of lease_ms",
        )
        .by_default("half of lease_ms"),
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
            "jitter",
            (0, 1_000),
            |d| &mut d.jitter,
            "simulated: percent by which delays of links and disks vary, by the seed",
        ),
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
        int(
            "paths",
            (1, AMFS_MAX as u64),
            |d| &mut d.paths,
            "AMFs that a workload's host tries, one after the other, while they do not serve; 1: no other",
        ),
    ]
}

fn end() -> Vec<Key<Draft>> {
    let count = |name, at, doc| {
        Key::new(name, Kind::Derived { min: 0, max: u64::MAX, at }, doc)
            .by_default("none: no demand")
    };
    let limit = |name, max, at, doc| {
        Key::new(name, Kind::Limit { min: 0.0, max, at }, doc).by_default("none: no demand")
    };
    vec![
        int("ops", (0, u64::MAX), |d| &mut d.end_ops, "a run ends after so many requests; 0: no"),
        time(
            "duration",
            Unit::Seconds,
            (Span(0), Span(DAY.0 * 30)),
            |d| &mut d.end_duration,
            "a run ends after this time; 0: no",
        ),
        count("violations", |d| &mut d.expect.violations, "so many are expected; more fail"),
        count("lost", |d| &mut d.expect.lost, "so many lost acknowledged writes; more fail"),
        count("errors_max", |d| &mut d.expect.errors_max, "more requests in error fail"),
        count("ops_min", |d| &mut d.expect.ops_min, "fewer requests fail"),
        limit("hit_ratio_min", 1.0, |d| &mut d.expect.hit_ratio_min, "a lower hit ratio fails"),
        limit(
            "p99_ms_max",
            1e9,
            |d| &mut d.expect.p99_ms_max,
            "a longer latency of 99 % of reads, or of writes, fails",
        ),
        limit(
            "messages_per_op_max",
            1e9,
            |d| &mut d.expect.messages_per_op_max,
            "more messages between AMFs for each request fail",
        ),
    ]
}
