//! An hour of a busy cluster, 100 million accesses, every read verified: does memory stay where it is?
//!
//! Not one of the figures that `cargo bench` runs: it takes minutes. `cargo bench -- long_run`, or
//! `cargo bench -- long_run --accesses=1000000` for a part of the hour. Memory is the process's own
//! peak (`VmHWM`), after the first tenth, when caches and tables are full, and at the end.

use crate::{Figure, profile};
use amflab::protocol::id::{AmfId, Block, Instant as At, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Advance, Ask, Engine, HostPort};
use std::time::Instant;

pub(crate) const FIGURE: Figure = Figure {
    name: "long_run",
    bar: "1 hour simulated, 100 M accesses: memory at the end is that after a tenth of it",
    run,
};

/// Accesses of the whole hour.
const ACCESSES: u64 = 100_000_000;
/// From one access to the next: 3600 s for all of them.
const APART: Span = Span(3_600_000_000_000 / ACCESSES);
/// Accesses that may be under way; whoever comes then waits.
const DEPTH: u64 = 256;

fn run() -> String {
    let accesses = std::env::args()
        .find_map(|word| word.strip_prefix("--accesses=").and_then(|count| count.parse().ok()))
        .unwrap_or(ACCESSES);
    let profile = profile("demo", &["cache.lines=4096", "cache.dirty_high=2048"]);
    let mut sim = Sim::new(&profile, 1, SimOptions::default());
    let (mut answered, mut mixed, mut early_kib) = (0, 1u64, 0);
    let start = Instant::now();
    for sequence in 1..=accesses {
        let due = At(APART.0 * sequence);
        while sim.now() < due || sequence - answered > DEPTH {
            let until = if sim.now() < due { due } else { sim.now() + Span::millis(1) };
            sim.advance(Advance { until, steps_max: 256 }).expect("runs");
            while sim.poll_completion().is_some() {
                answered += 1;
            }
        }
        mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Seven eighths of the accesses go to an eighth of the volume; one in four writes.
        let hot = mixed >> 61 != 0;
        let block = if hot { mixed >> 33 & 2_047 } else { mixed >> 33 & 16_383 };
        let sectors = Sectors::of_blocks(Block(block), 1, 8);
        let kind = if (mixed >> 50).is_multiple_of(4) {
            RequestKind::Write(sectors, Payload::Stamp { volume: 0, writer: 1, sequence })
        } else {
            RequestKind::Read(sectors)
        };
        sim.host(AmfId((mixed >> 53 & 3) as u8), kind);
        if sequence == accesses / 10 {
            early_kib = peak_kib();
        }
    }
    let took = start.elapsed().as_secs_f64();
    assert_eq!(sim.world().violations_total(), 0, "{:?}", sim.world().violations().first());
    let counts = sim.snapshot(&Ask::BRIEF).counts;
    format!(
        "{:.1} M accesses, {:.0} s simulated, in {took:.0} s ({:.2} M/s); {:.0} % hits, {} M messages; \
         peak memory {} MiB, {} MiB after a tenth",
        accesses as f64 / 1e6,
        sim.now().since(At(0)).0 as f64 / 1e9,
        accesses as f64 / took / 1e6,
        100.0 * counts.hits as f64 / (counts.hits + counts.misses) as f64,
        counts.messages.iter().sum::<u64>() / 1_000_000,
        peak_kib() / 1024,
        early_kib / 1024,
    )
}

/// The most memory this process ever had, in KiB; 0 where the system does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
