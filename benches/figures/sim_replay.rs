//! Replay in the simulator, queue depth 1, every read verified: one AMF, then four. Synthetic requests
//! with the mix of the real trace it stands for; `amflab replay` does the same with a file.

use crate::{Figure, median, profile};
use amflab::protocol::id::{AmfId, Block, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Advance, Engine, HostPort};
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "sim_replay", bar: "1 AMF 3 M touches/s, 4 AMFs 1 M on one core", run };

const TOUCHES: u64 = 200_000;

fn run() -> String {
    let one = median((0..3).map(|seed| touches(1, seed)).collect());
    let four = median((0..3).map(|seed| touches(4, seed)).collect());
    format!("1 AMF {:.2} M touches/s, 4 AMFs {:.2} M", one / 1e6, four / 1e6)
}

fn touches(amfs: u8, seed: u64) -> f64 {
    let amfs_set = format!("cluster.amfs={amfs}");
    let sets = [amfs_set.as_str(), "cache.lines=4096", "cache.dirty_high=2048"];
    let profile = profile("demo", &sets);
    let mut sim = Sim::new(&profile, seed, SimOptions::default());
    let mut mixed = seed + 1;
    let start = Instant::now();
    for sequence in 1..=TOUCHES {
        mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Two thirds of the touches go to an eighth of the volume, as in a database's log and tables.
        let hot = mixed >> 60 < 11;
        let block = if hot { mixed >> 33 & 2_047 } else { mixed >> 33 & 16_383 };
        let sectors = Sectors::of_blocks(Block(block), 1, 8);
        let kind = if mixed >> 50 & 7 < 5 {
            RequestKind::Read(sectors)
        } else {
            RequestKind::Write(sectors, Payload::Stamp { volume: 0, writer: 1, sequence })
        };
        sim.host(AmfId((sequence % u64::from(amfs)) as u8), kind);
        while sim.poll_completion().is_none() {
            let until = sim.now() + Span::secs(1);
            // No further than to the answer: an idle cluster renews its leases.
            sim.advance(Advance { until, steps_max: 1 }).expect("runs");
        }
    }
    let rate = TOUCHES as f64 / start.elapsed().as_secs_f64();
    assert_eq!(sim.world().violations_total(), 0, "{:?}", sim.world().violations().first());
    rate
}
