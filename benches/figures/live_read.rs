//! A cached read through a live AMF, in process, the block handed over without a copy.

use crate::{Figure, each_ns, paired, profile};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::protocol::id::{AmfId, Block};
use amflab::protocol::{RequestKind, Sectors};
use amflab::trace::Engine;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex};

pub(crate) const FIGURE: Figure =
    Figure { name: "live_read", bar: "at most 3 x mutex + FxHashMap get", run };

const BLOCKS: u64 = 32;
const READS: u64 = 400_000;

fn run() -> String {
    let profile = profile("demo", &["store.engine=memory", "cache.lines=64"]);
    let mut engine = LiveEngine::start(&profile, &LiveOptions::default()).expect("starts");
    let handle = engine.handle();
    for block in 0..BLOCKS {
        let answer =
            handle.request(AmfId(0), RequestKind::Read(Sectors::of_blocks(Block(block), 1, 8)));
        assert!(answer.result.is_ok(), "{answer:?}");
    }
    let map: FxHashMap<u64, Arc<[u8]>> =
        (0..BLOCKS).map(|block| (block, vec![0u8; 4096].into())).collect();
    let map = Mutex::new(map);
    let (ours, reference) = paired(
        || {
            each_ns(READS, |i| {
                let sectors = Sectors::of_blocks(Block(i % BLOCKS), 1, 8);
                handle.read_hit(AmfId(0), sectors).expect("cached and leased")
            })
        },
        || each_ns(READS, |i| map.lock().expect("alive").get(&(i % BLOCKS)).cloned()),
    );
    engine.shutdown().expect("ends");
    format!("{ours:.1} ns, reference {reference:.1} ns: {:.2} x", ours / reference)
}
