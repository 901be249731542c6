//! A live write that invalidates three sharers and has one replica, no disk wait; against a bare tokio
//! round of the same fan-out: one message to each of four tasks, and their acknowledgements.

use crate::{Figure, each_ns, paired, profile};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::protocol::id::{AmfId, Block};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::trace::Engine;
use tokio::sync::mpsc;

pub(crate) const FIGURE: Figure =
    Figure { name: "live_write", bar: "at most 4 x the bare tokio round of the same fan-out", run };

const ROUNDS: u64 = 4_000;
const PEERS: usize = 4;

fn run() -> String {
    let sets = [
        "store.engine=memory",
        "cluster.amfs=4",
        "cluster.protocol=broadcast",
        "cache.destage_age_ms=0",
        "cache.lines=64",
        "cache.dirty_high=64",
    ];
    let profile = profile("demo", &sets);
    let mut engine = LiveEngine::start(&profile, &LiveOptions::default()).expect("starts");
    let handle = engine.handle();
    let mut sequence = 0;
    // A write by amf0 again and again: each asks all three sharers to invalidate, and replicates.
    let mut write = |i: u64| {
        sequence += 1;
        let payload = Payload::Stamp { volume: 0, writer: 1, sequence };
        let sectors = Sectors::of_blocks(Block(i % 8), 1, 8);
        let answer = handle.request(AmfId(0), RequestKind::Write(sectors, payload));
        assert!(answer.result.is_ok(), "{answer:?}");
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (ours, reference) =
        paired(|| each_ns(ROUNDS, &mut write), || runtime.block_on(tokio_rounds(ROUNDS)));
    engine.shutdown().expect("ends");
    format!("{:.2} us, reference {:.2} us: {:.2} x", ours / 1e3, reference / 1e3, ours / reference)
}

async fn tokio_rounds(rounds: u64) -> f64 {
    let (ack, mut acks) = mpsc::channel::<usize>(64);
    let mut peers = Vec::new();
    for peer in 0..PEERS {
        let (send, mut receive) = mpsc::channel::<u64>(64);
        let ack = ack.clone();
        tokio::spawn(async move {
            while receive.recv().await.is_some() {
                if ack.send(peer).await.is_err() {
                    return;
                }
            }
        });
        peers.push(send);
    }
    let start = std::time::Instant::now();
    for round in 0..rounds {
        for peer in &peers {
            peer.send(round).await.expect("alive");
        }
        for _ in 0..PEERS {
            acks.recv().await.expect("alive");
        }
    }
    start.elapsed().as_nanos() as f64 / rounds as f64
}
