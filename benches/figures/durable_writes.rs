//! Durable writes (`sync`, write-through) with 64 under way at one AMF; against a sled tree in batches
//! of 32, each flushed and its files synced.

use crate::{Figure, median, profile};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::protocol::id::{AmfId, Block};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::trace::{Advance, Engine, HostPort};
use std::time::Instant;

pub(crate) const FIGURE: Figure = Figure {
    name: "durable_writes",
    bar: "at least 0.5 x sled in batches of 32 with flush and sync_data",
    run,
};

const WRITES: u64 = 6_000;
const DEPTH: u64 = 64;
const BATCH: u64 = 32;

fn run() -> String {
    let mut ours = Vec::new();
    let mut reference = Vec::new();
    for round in 0..3 {
        ours.push(amf_writes(round));
        reference.push(sled_writes(round));
    }
    let (ours, reference) = (median(ours), median(reference));
    format!("{ours:.0} blocks/s, reference {reference:.0} blocks/s: {:.2} x", ours / reference)
}

fn amf_writes(round: u64) -> f64 {
    let sets = [
        "cluster.amfs=1",
        "group.layout=single",
        "group.disks=1",
        "group.copies=1",
        "group.spares=0",
        "cache.write=through",
        "store.durability=sync",
        "cache.lines=4096",
        "cache.dirty_high=4096",
    ];
    let profile = profile("demo", &sets);
    let folder = tempfile::tempdir().expect("a folder");
    let options =
        LiveOptions { data_dir: Some(folder.path().to_owned()), ..LiveOptions::default() };
    let mut engine = LiveEngine::start(&profile, &options).expect("starts");
    let start = Instant::now();
    let (mut sent, mut done) = (0, 0);
    while done < WRITES {
        while sent < WRITES && sent - done < DEPTH {
            let payload =
                Payload::Stamp { volume: 0, writer: 1, sequence: round * WRITES + sent + 1 };
            let sectors = Sectors::of_blocks(Block(sent % 2_048), 1, 8);
            engine.host(AmfId(0), RequestKind::Write(sectors, payload));
            sent += 1;
        }
        let until = engine.now() + amflab::protocol::id::Span::millis(100);
        engine.advance(Advance { until, steps_max: 64 }).expect("runs");
        while let Some(completion) = engine.poll_completion() {
            assert!(completion.answer.result.is_ok(), "{completion:?}");
            done += 1;
        }
    }
    let rate = WRITES as f64 / start.elapsed().as_secs_f64();
    engine.shutdown().expect("ends");
    rate
}

fn sled_writes(round: u64) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let db = sled::Config::new().path(folder.path()).flush_every_ms(None).open().expect("opens");
    let mut value = vec![0u8; 4096];
    let start = Instant::now();
    for first in (0..WRITES).step_by(BATCH as usize) {
        for write in first..(first + BATCH).min(WRITES) {
            value[..8].copy_from_slice(&(round * WRITES + write + 1).to_le_bytes());
            db.insert((write % 2_048).to_be_bytes(), value.as_slice()).expect("inserts");
        }
        db.flush().expect("flushes");
        sync_files(folder.path());
    }
    WRITES as f64 / start.elapsed().as_secs_f64()
}

fn sync_files(folder: &std::path::Path) {
    let file = std::fs::File::open(folder.join("db")).expect("sled's file");
    file.sync_data().expect("syncs");
}
