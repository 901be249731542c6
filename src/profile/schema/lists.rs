//! Keys of the sections that are lists of tables: `[[workload]]`, `[[fault]]`.

use super::{DAY, Key, MINUTE, choice, int, time};
use crate::profile::draft::{ARRIVALS, FaultDraft, SHAPES, WorkloadDraft};
use crate::profile::faults;
use crate::profile::kind::Kind;
use crate::profile::model::{Arrivals, Sharing};
use crate::profile::value::Unit;
use crate::protocol::id::Span;

const BLOCKS: u64 = 1 << 41;

/// Keys of a `[[workload]]`.
pub(in crate::profile) fn workload() -> Vec<Key<WorkloadDraft>> {
    let mut keys = vec![
        Key::new(
            "name",
            Kind::Name { at: |w: &mut WorkloadDraft| &mut w.name },
            "for `workload start NAME`",
        )
        .by_default("none: it must be given"),
        Key::new("autostart", Kind::Bool { at: |w| &mut w.autostart }, "starts with the profile"),
        Key::new("amfs", Kind::Amfs { at: |w| &mut w.amfs }, "AMFs that it sends to"),
    ];
    keys.extend(mix());
    keys.extend(pattern());
    keys.extend(place());
    keys.extend(pace());
    keys.extend(course());
    keys
}

fn mix() -> [Key<WorkloadDraft>; 5] {
    [
        Key::new("read_ratio", Kind::Ratio { at: |w| &mut w.read_ratio }, "requests that read"),
        Key::new(
            "rmw_ratio",
            Kind::Ratio { at: |w| &mut w.rmw_ratio },
            "writes that read first what they write",
        ),
        Key::new(
            "fua_ratio",
            Kind::Ratio { at: |w| &mut w.fua_ratio },
            "writes that are answered only when just they are stored (FUA)",
        ),
        int(
            "flush_every",
            (0, 1 << 32),
            |w| &mut w.flush_every,
            "an AMF is told to flush after so many writes; 0: never",
        ),
        Key::new(
            "sizes",
            Kind::Sizes { at: |w: &mut WorkloadDraft| &mut w.sizes },
            "request sizes, with weights",
        )
        .by_default("volume.block_size"),
    ]
}

fn shapes() -> Vec<&'static str> {
    SHAPES.iter().map(|shape| shape.name()).collect()
}

fn sharings() -> Vec<&'static str> {
    Sharing::ALL.iter().map(|sharing| sharing.name()).collect()
}

fn arrivals() -> Vec<&'static str> {
    let name = |arrivals: &Arrivals| match arrivals {
        Arrivals::Linear => "linear",
        Arrivals::Poisson => "poisson",
    };
    ARRIVALS.iter().map(name).collect()
}

fn pattern() -> [Key<WorkloadDraft>; 8] {
    [
        choice("access", shapes, &[], |w| &mut w.access, "which blocks"),
        Key::new(
            "theta",
            Kind::Float { min: 0.01, max: 10.0, at: |w| &mut w.theta },
            "zipf, latest: the exponent",
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
        int("stride", (1, BLOCKS), |w| &mut w.stride, "stride: blocks from one to the next"),
        Key::new(
            "zones",
            Kind::Zones { at: |w: &mut WorkloadDraft| &mut w.zones },
            "zoned: parts of the working set, and of the accesses",
        )
        .by_default("none: zoned needs them"),
        Key::new(
            "sequence",
            Kind::Blocks { at: |w: &mut WorkloadDraft| &mut w.sequence },
            "sequence: the blocks, one after the other",
        )
        .by_default("none: sequence needs them"),
    ]
}

fn place() -> [Key<WorkloadDraft>; 4] {
    [
        Key::new(
            "working_set",
            Kind::Extent { min: 0, max: BLOCKS, at: |w: &mut WorkloadDraft| &mut w.working_set },
            "what it touches; 0: all from first_block on",
        ),
        int("first_block", (0, BLOCKS), |w| &mut w.first_block, "where its working set begins"),
        Key::new(
            "sharing_degree",
            Kind::Degree { at: |w| &mut w.sharing_degree },
            "AMFs that share a part of the working set; 1: each has its own part",
        ),
        choice("sharing", sharings, &[], |w| &mut w.sharing, "how they share it"),
    ]
}

fn pace() -> [Key<WorkloadDraft>; 6] {
    [
        int("queue_depth", (1, 4096), |w| &mut w.queue_depth, "requests outstanding at each AMF"),
        Key::new(
            "rate",
            Kind::Float { min: 0.0, max: 1e9, at: |w| &mut w.rate },
            "requests a second over all AMFs; 0: as fast as they are answered",
        ),
        choice("arrivals", arrivals, &[], |w| &mut w.arrivals, "when the requests of a rate come"),
        time(
            "think_us",
            Unit::Micros,
            (Span(0), MINUTE),
            |w| &mut w.think,
            "time between an answer and the request that takes its place",
        ),
        time(
            "burst_ms",
            Unit::Millis,
            (Span(0), DAY),
            |w| &mut w.burst,
            "requests are made for so long ..; 0: always",
        ),
        time("pause_ms", Unit::Millis, (Span(0), DAY), |w| &mut w.pause, ".. then not for so long"),
    ]
}

fn course() -> [Key<WorkloadDraft>; 7] {
    let long = Span(DAY.0 * 30);
    [
        time(
            "start",
            Unit::Seconds,
            (Span(0), long),
            |w| &mut w.start,
            "time from when it is started to its first request",
        ),
        Key::new(
            "after",
            Kind::Text { max: 40, at: |w| &mut w.after },
            "it begins once this workload has ended",
        ),
        Key::new(
            "with",
            Kind::Text { max: 40, at: |w| &mut w.with },
            "it starts whenever this workload does",
        ),
        time(
            "warmup",
            Unit::Seconds,
            (Span(0), long),
            |w| &mut w.warmup,
            "time from its first request on that counts for no figure",
        ),
        Key::new("counted", Kind::Bool { at: |w| &mut w.counted }, "it counts in the figures"),
        time(
            "duration",
            Unit::Seconds,
            (Span(0), long),
            |w| &mut w.duration,
            "time after which it stops; 0: never",
        ),
        int("ops", (0, u64::MAX), |w| &mut w.ops, "requests after which it stops; 0: never"),
    ]
}

/// Keys of a `[[fault]]`.
pub(in crate::profile) fn fault() -> Vec<Key<FaultDraft>> {
    let long = Span(DAY.0 * 30);
    vec![
        time("at", Unit::Seconds, (Span(0), long), |f| &mut f.at, "when"),
        time(
            "every",
            Unit::Seconds,
            (Span(0), long),
            |f| &mut f.every,
            "it comes again after so long, and again; 0: once",
        ),
        Key::new(
            "command",
            Kind::Text { max: 1000, at: |f: &mut FaultDraft| &mut f.command },
            "what to do, as a script would say it",
        )
        .by_default("none: this or kind must be given"),
        choice("kind", faults::names, &[], |f| &mut f.kind, "what to do, to whom target says"),
        Key::new(
            "target",
            Kind::Text { max: 1000, at: |f: &mut FaultDraft| &mut f.target },
            "whom: `amf1`; several with commas, one each time; `each` in turn, `any` by the seed",
        ),
        Key::new(
            "heal",
            Kind::Text { max: 1000, at: |f: &mut FaultDraft| &mut f.heal },
            "what ends it: a command, `never`; empty: what belongs to the kind",
        ),
        time(
            "stability",
            Unit::Seconds,
            (Span(0), long),
            |f| &mut f.stability,
            "how long it lasts before it is ended",
        ),
    ]
}
