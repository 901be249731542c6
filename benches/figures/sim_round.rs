//! A simulated write-invalidate round to four sharers, all checks on; against a bare event heap that
//! pushes and pops as many events.

use crate::{Figure, paired, profile};
use amflab::protocol::id::{AmfId, Block, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Advance, Engine, HostPort};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "sim_round", bar: "at most 0.55 us (reference machine)", run };

const ROUNDS: u64 = 20_000;
/// Four accesses, four grants, a replica and its acknowledgement.
const EVENTS: u64 = 10;

fn run() -> String {
    let (ours, reference) = paired(simulated, heap);
    format!(
        "{:.2} us a round, bare heap {:.2} us: {:.1} x",
        ours / 1e3,
        reference / 1e3,
        ours / reference
    )
}

fn simulated() -> f64 {
    let sets = [
        "cluster.amfs=5",
        "cluster.protocol=broadcast",
        "cache.lines=64",
        "cache.dirty_high=64",
        "cache.destage_age_ms=0",
    ];
    let profile = profile("demo", &sets);
    let mut sim = Sim::new(&profile, 1, SimOptions { judge: false, ..SimOptions::default() });
    let start = Instant::now();
    for sequence in 1..=ROUNDS {
        let payload = Payload::Stamp { volume: 0, writer: 1, sequence };
        let sectors = Sectors::of_blocks(Block(sequence % 16), 1, 8);
        sim.host(AmfId(0), RequestKind::Write(sectors, payload));
        while sim.poll_completion().is_none() {
            let until = sim.now() + Span::millis(1);
            sim.advance(Advance { until, steps_max: 1 }).expect("runs");
        }
    }
    let each = start.elapsed().as_nanos() as f64 / ROUNDS as f64;
    assert_eq!(sim.world().violations_total(), 0);
    each
}

fn heap() -> f64 {
    let mut heap = BinaryHeap::new();
    let start = Instant::now();
    for round in 0..ROUNDS {
        for event in 0..EVENTS {
            heap.push(Reverse((round * 100 + event * 7 % 10, event, [round; 6])));
        }
        for _ in 0..EVENTS {
            black_box(heap.pop());
        }
    }
    start.elapsed().as_nanos() as f64 / ROUNDS as f64
}
