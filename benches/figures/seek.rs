//! Reaching any position of a recording of ten million steps.

use crate::{Figure, median, profile};
use amflab::protocol::id::{AmfId, Block, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::timeline::Timeline;
use amflab::trace::{Action, Advance, Engine, HostPort};
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "seek", bar: "any of 10 million steps in under 100 ms, once it is open", run };

const STEPS: u64 = 10_000_000;
const DEPTH: u64 = 16;
const SEEKS: u64 = 200;

fn run() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("long.amfrec");
    record(&file);
    let bytes = std::fs::metadata(&file).expect("is there").len();
    let begun = Instant::now();
    let source = std::fs::File::open(&file).expect("opens");
    let mut timeline = Timeline::open(source, &mut |_| {}).expect("is a recording");
    let opened = begun.elapsed().as_secs_f64();
    assert!(timeline.trouble().is_none(), "{:?}", timeline.trouble());
    let len = timeline.len();
    let mut times = Vec::new();
    for n in 0..SEEKS {
        // All over the place, to and fro.
        let to = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (len + 1);
        let begun = Instant::now();
        timeline.seek(to).expect("goes there");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let worst = times.iter().copied().fold(0.0, f64::max);
    let (snapshots, apart) = timeline.snapshots();
    format!(
        "{:.1} M steps: median {:.1} ms, worst {worst:.1} ms; opened in {opened:.1} s, {:.1} \
         bytes a step, {snapshots} snapshots at most {apart} steps apart",
        len as f64 / 1e6,
        median(times),
        bytes as f64 / len as f64
    )
}

/// Records a busy cluster for ten million steps.
pub(crate) fn record(file: &std::path::Path) {
    let profile = profile("demo", &[]);
    let options = SimOptions { judge: false, keep: true, ..SimOptions::default() };
    let mut sim = Sim::new(&profile, 1, options);
    sim.submit(Action::Record(Some(file.to_owned()))).expect("records");
    let (mut sent, mut done, mut mixed) = (0u64, 0u64, 1u64);
    while sim.world().step_count() < STEPS {
        while sent - done < DEPTH {
            mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let amf = AmfId((mixed >> 33 & 3) as u8);
            let sectors = Sectors::of_blocks(Block(mixed >> 40 & 4_095), 1, 8);
            sent += 1;
            let kind = if (mixed >> 54).is_multiple_of(2) {
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
    sim.shutdown().expect("ends");
}
