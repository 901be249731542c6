//! Keys of the sections that are lists of tables: `[[workload]]`, `[[fault]]`.

use super::{DAY, Key, choice, int, time};
use crate::profile::draft::{FaultDraft, SHAPES, WorkloadDraft};
use crate::profile::kind::Kind;
use crate::profile::value::Unit;
use crate::protocol::id::Span;

/// Keys of a `[[workload]]`.
pub(in crate::profile) fn workload() -> Vec<Key<WorkloadDraft>> {
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

fn shapes() -> Vec<&'static str> {
    SHAPES.iter().map(|shape| shape.name()).collect()
}

fn pattern() -> [Key<WorkloadDraft>; 5] {
    [
        choice("access", shapes, &[], |w| &mut w.access, "which blocks"),
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
pub(in crate::profile) fn fault() -> Vec<Key<FaultDraft>> {
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
