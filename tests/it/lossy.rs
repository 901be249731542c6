//! Links that lose a fifth of the packets, repeat some and let them overtake each other: it costs time
//! and retransmissions, never correctness (PROTOCOL.md section 1, Links). In both engines.

use amflab::check::{ReadChecker, Start};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile;
use amflab::protocol::id::{AmfId, Block, NodeId, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Advance, Ask, Engine, LinkSetting};

const AMFS: u8 = 4;
const DEPTH: u64 = 32;
const BLOCKS: u64 = 48;

/// Every link between AMFs drops 20 %, duplicates 5 % and reorders.
fn spoil(engine: &mut dyn Engine) {
    let amf = |a| NodeId::Amf(AmfId(a));
    for (a, b) in (0..AMFS).flat_map(|a| (a + 1..AMFS).map(move |b| (a, b))) {
        for setting in
            [LinkSetting::Drop(200_000), LinkSetting::Duplicate(50_000), LinkSetting::Reorder]
        {
            engine.submit(Action::Link(amf(a), amf(b), setting)).expect("links exist");
        }
    }
}

/// `ops` operations, [`DEPTH`] under way; every read is judged. Gives how many were answered well.
fn hammer(engine: &mut dyn Engine, ops: u64) -> u64 {
    let mut judge = ReadChecker::new(8, Start::Zero);
    let (mut sent, mut done, mut fine, mut mixed) = (0u64, 0u64, 0u64, 7u64);
    while done < ops {
        while sent < ops && sent - done < DEPTH {
            mixed = mixed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sent += 1;
            let sectors = Sectors::of_blocks(Block((mixed >> 40) % BLOCKS), 1, 8);
            let kind = if mixed >> 60 < 8 {
                RequestKind::Read(sectors)
            } else {
                RequestKind::Write(sectors, Payload::Stamp { volume: 0, writer: 1, sequence: sent })
            };
            let amf = AmfId(u8::try_from(mixed >> 33 & 3).expect("two bits"));
            // Nothing is answered to this thread between the two: the order is what it saw.
            let op = engine.host(amf, kind.clone());
            judge.on_start(op, &kind, engine.now());
        }
        let until = engine.now() + Span::millis(100);
        engine.advance(Advance { until, steps_max: 256 }).expect("runs");
        while let Some(completion) = engine.poll_completion() {
            done += 1;
            fine += u64::from(completion.answer.result.is_ok());
            let wrong = judge.on_answer(completion.answer.op, &completion.answer, completion.ended);
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    }
    fine
}

fn verdict(engine: &mut dyn Engine, ops: u64, fine: u64) {
    let snapshot = engine.snapshot(&Ask::BRIEF);
    assert_eq!(snapshot.violations_total, 0, "{:?}", snapshot.violations.first());
    assert!(snapshot.counts.retransmissions > ops / 10, "{:?}", snapshot.counts);
    assert_eq!(snapshot.view.epoch.0, 1, "nobody is evicted for a lossy link");
    assert_eq!(fine, ops, "every operation is answered");
    assert!(snapshot.faults.iter().all(|fault| fault.receipt.contains("dropped")));
}

fn spoiled_profile() -> profile::Profile {
    // A fifth of the packets lost: seven in a row are rare, and seven retries take under five seconds.
    let sets = ["timing.suspect_after_ms=60000", "host.timeout_ms=60000"].map(str::to_owned);
    profile::load("demo", &sets).expect("a sound profile")
}

#[test]
fn a_hundred_thousand_operations_over_lossy_links_in_the_simulator() {
    let mut sim = Sim::new(&spoiled_profile(), 5, SimOptions::default());
    spoil(&mut sim);
    let fine = hammer(&mut sim, 100_000);
    verdict(&mut sim, 100_000, fine);
}

#[test]
fn five_thousand_operations_over_lossy_links_live() {
    let mut live = LiveEngine::start(&spoiled_profile(), &LiveOptions::default()).unwrap();
    spoil(&mut live);
    let fine = hammer(&mut live, 5_000);
    verdict(&mut live, 5_000, fine);
    live.shutdown().unwrap();
}
