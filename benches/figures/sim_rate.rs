//! Protocol messages a second on one core: 4 AMFs, write-heavy sharing, every check on.

use crate::{Figure, median, profile};
use amflab::protocol::id::{AmfId, Block, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Advance, Ask, Engine, HostPort};
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "sim_rate", bar: "at least 1 M protocol messages/s on one core", run };

const OPS: u64 = 40_000;
const DEPTH: usize = 16;

fn run() -> String {
    let rates: Vec<f64> = (0..5).map(rate).collect();
    format!("{:.2} M messages/s", median(rates) / 1e6)
}

fn rate(seed: u64) -> f64 {
    let sets = ["cluster.amfs=4", "cache.lines=64", "cache.dirty_high=48"];
    let profile = profile("demo", &sets);
    let mut sim = Sim::new(&profile, seed, SimOptions::default());
    let start = Instant::now();
    let (mut sent, mut done, mut mixed) = (0u64, 0u64, seed + 1);
    while done < OPS {
        while sent < OPS && (sent - done) < DEPTH as u64 {
            mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let amf = AmfId((mixed >> 33 & 3) as u8);
            let sectors = Sectors::of_blocks(Block(mixed >> 40 & 31), 1, 8);
            sent += 1;
            let kind = if (mixed >> 50).is_multiple_of(4) {
                RequestKind::Read(sectors)
            } else {
                RequestKind::Write(sectors, Payload::Stamp { volume: 0, writer: 1, sequence: sent })
            };
            sim.host(amf, kind);
        }
        let until = sim.now() + Span::millis(10);
        sim.advance(Advance { until, steps_max: 64 }).expect("runs");
        while sim.poll_completion().is_some() {
            done += 1;
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    assert_eq!(sim.world().violations_total(), 0, "{:?}", sim.world().violations().first());
    let counts = sim.snapshot(&Ask::BRIEF).counts;
    counts.messages.iter().sum::<u64>() as f64 / elapsed
}
