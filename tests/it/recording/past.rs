//! What was known of a recording at each position: the lamps that are kept equal lamps that are told
//! everything from the start up to there; memory is bounded, and said to be.

use super::{Read, read, recording};
use amflab::check::{Lamps, Past, Start};
use amflab::profile;
use amflab::protocol::Answer;
use amflab::protocol::id::{AmfId, Block, Instant, OpId};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::timeline::{Fold, Player, Timeline, Watch, write_log};
use amflab::trace::engine::Advance;
use amflab::trace::lamps::{BlockHistory, LampInfo};
use amflab::trace::step::{Step, StepEntry};
use amflab::trace::{Action, Ask, Engine, HostPort, Lamp, Seek, Violation};
use amflab::world::World;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::Cursor;
use std::sync::Arc;

const BLOCKS: u64 = 3;

/// A run of a few blocks without any coherency, with crashes: some lamps turn red, some answers fail.
fn torn(seed: u64, ops: u64) -> Vec<u8> {
    let sets = ["cluster.protocol=none".to_owned(), "cluster.amfs=3".to_owned()];
    let profile = profile::load("claims", &sets).unwrap();
    let options = SimOptions { log: true, judge: false, ..SimOptions::default() };
    let mut sim = Sim::new(&profile, seed, options);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let per = profile.config.sectors_per_block();
    for sequence in 1..=ops {
        let amf = AmfId(rng.random_range(0..3));
        // One block is mostly left alone.
        let block = if rng.random_ratio(1, 40) { 2 } else { rng.random_range(0..2) };
        let whole = Sectors { first: block * u64::from(per), count: per };
        let part = Sectors { first: whole.first + 2, count: 3 };
        let payload = Payload::Stamp { volume: 0, writer: u32::from(amf.0), sequence };
        let kind = match rng.random_range(0..20) {
            0 => RequestKind::Write(part, payload),
            1..8 => RequestKind::Write(whole, payload),
            8 => RequestKind::Zero(whole),
            _ => RequestKind::Read(whole),
        };
        sim.host(amf, kind);
        let until = sim.now() + amflab::protocol::id::Span::micros(rng.random_range(0..400));
        while sim.advance(Advance { until, steps_max: 64 }).unwrap()
            == amflab::trace::engine::Progress::Stepped
        {}
        if sequence % 97 == 0 {
            let amf = AmfId(rng.random_range(0..3));
            for action in [Action::Crash(amf), Action::Restart(amf)] {
                sim.submit(action).unwrap();
            }
        }
    }
    let mut bytes = Vec::new();
    write_log(&profile, sim.log(), &mut bytes).unwrap();
    bytes
}

/// Lamps that are told everything, one step after the other.
struct Told {
    lamps: Lamps,
    step: u64,
    now: Instant,
    found: Vec<Violation>,
}

impl Watch for Told {
    fn before(&mut self, entry: &StepEntry, _: &World) {
        (self.step, self.now) = (self.step + 1, entry.now);
        self.lamps.at_step(self.step);
        if let Step::Host { amf, request } = &entry.step {
            self.lamps.on_start(request.op, *amf, &request.kind, entry.now);
        }
    }

    fn answered(&mut self, answer: &Answer) {
        let answered = self.lamps.on_answer(answer, self.now);
        let looked = self.lamps.look();
        self.found.extend(answered.into_iter().chain(looked).map(|(_, violation)| violation));
    }
}

fn bare(history: Option<Arc<BlockHistory>>) -> Option<BlockHistory> {
    history.map(|history| BlockHistory { faults: Vec::new(), ..(*history).clone() })
}

fn without_since(blocks: &[LampInfo]) -> Vec<LampInfo> {
    blocks.iter().map(|info| LampInfo { since: None, ..info.clone() }).collect()
}

/// The recording, opened; and what lamps that are told everything showed after each of these steps.
fn compare(bytes: &[u8], places: usize) -> (Timeline, Past, Vec<Violation>) {
    let Read { head, profile, steps, .. } = read(bytes);
    let per = profile.config.sectors_per_block();
    let source = Cursor::new(bytes.to_vec());
    let (timeline, mut past) =
        Timeline::open_watched(source, &mut |_| {}, |_, _| Past::new(per, Start::Zero)).unwrap();
    let mut fold = Fold::new(&profile, &head);
    let lamps = Lamps::new(per, Start::Zero);
    let mut told = Told { lamps, step: 0, now: Instant(0), found: Vec::new() };
    let every = (steps.len() / places).max(1);
    let mut expected = Vec::new();
    for (at, step) in (1..).zip(&steps) {
        assert!(fold.apply_with(step, &mut told));
        if at % every as u64 == 0 || at == steps.len() as u64 {
            let shown: Vec<_> =
                (0..BLOCKS).map(|block| told.lamps.shown(true, Some(Block(block)))).collect();
            expected.push((at, shown));
        }
    }
    // On, back, and from side to side.
    let count = expected.len();
    let on = 0..count;
    let sides = (0..count).map(|at| if at % 2 == 0 { at } else { count - at });
    for at in on.clone().chain(on.rev()).chain(sides) {
        let (step, shown) = &expected[at];
        for (block, expected) in (0..BLOCKS).zip(shown) {
            let got = past.shown(*step, true, Some(Block(block)));
            assert_eq!(without_since(&got.blocks), without_since(&expected.blocks), "step {step}");
            assert_eq!(
                bare(got.history.clone()),
                bare(expected.history.clone()),
                "step {step}, block {block}"
            );
            let counts = |l: &amflab::trace::lamps::Lamps| (l.violated, l.unknown, l.linearizable);
            assert_eq!(counts(&got), counts(expected), "step {step}");
        }
    }
    (timeline, past, told.found)
}

#[test]
fn lamps_of_a_healthy_run_are_those_of_everything_up_to_there() {
    let (timeline, mut past, found) = compare(&recording(21, 400), 60);
    assert_eq!(found, []);
    let end = past.shown(timeline.len(), true, None);
    assert!(end.violated == 0 && end.linearizable > 0, "{end:?}");
    assert_eq!(past.violations(u64::MAX), (&[][..], 0));
}

#[test]
fn lamps_of_a_torn_run_are_those_of_everything_up_to_there() {
    let (timeline, mut past, found) = compare(&torn(22, 2_500), 80);
    assert!(!found.is_empty(), "a cluster without coherency contradicts itself");
    let end = past.shown(timeline.len(), true, None);
    let red: Vec<_> = end.blocks.iter().filter(|info| info.lamp == Lamp::Violated).collect();
    assert_eq!(red.len() as u64, end.violated);
    for info in red {
        let since = info.since.unwrap();
        let lamp = |past: &mut Past, step| {
            let all = past.shown(step, true, None).blocks;
            all.iter().find(|one| one.block == info.block).map(|one| one.lamp)
        };
        assert_eq!(lamp(&mut past, since), Some(Lamp::Violated));
        assert_ne!(lamp(&mut past, since - 1), Some(Lamp::Violated));
        assert!(found.iter().any(|found| found.step == since));
        // What is told of it has its place in the recording.
        let history = past.shown(since, false, Some(info.block)).history.unwrap();
        assert!(!history.conflict.is_empty());
        for op in history.conflict.iter().map(|at| &history.ops[*at as usize]) {
            assert!(op.asked_at.unwrap() <= op.answered_at.unwrap_or(since) && op.op != OpId(0));
        }
    }
    // A crash is a mark in the picture of what went on meanwhile.
    let words = (0..timeline.len()).step_by(500).find_map(|step| {
        let shown = |block| past.shown(step, false, Some(Block(block))).history;
        let faults = (0..BLOCKS).filter_map(shown).flat_map(|history| history.faults.clone());
        faults.map(|(_, what)| what).find(|what| what.starts_with("crash"))
    });
    assert!(words.is_some());
}

#[test]
fn a_recording_is_judged_at_its_position() {
    let (timeline, past, found) = compare(&torn(23, 300), 5);
    let first = found[0].step;
    let mut player = Player::new(timeline).unwrap().judged(past);
    let ask = Ask { lamps: true, history: Some(Block(0)), ..Ask::BRIEF };
    let at = |player: &mut Player, step| {
        player.submit(Action::Seek(Seek::To(step))).unwrap();
        player.snapshot(&ask)
    };
    let violated = |shot: &amflab::trace::Snapshot| shot.lamps.as_ref().unwrap().violated;
    assert_eq!(violated(&at(&mut player, first)), 1);
    assert_eq!(violated(&at(&mut player, first - 1)), 0);
    assert!(at(&mut player, first).violations_total >= 1);
    assert_eq!(at(&mut player, 0).lamps.unwrap().linearizable, 0);
}

#[test]
fn memory_is_bounded_and_what_is_not_known_is_said() {
    let bytes = torn(24, 600);
    let per = read(&bytes).profile.config.sectors_per_block();
    let (timeline, mut past) = Timeline::open_watched(Cursor::new(bytes), &mut |_| {}, |_, _| {
        Past::bounded(per, Start::Zero, 12_000)
    })
    .unwrap();
    let until = past.until().unwrap();
    assert!(until > 100 && until < timeline.len() / 2, "{until}");
    assert_eq!(past.shown(until, false, None).until, None);
    let later = past.shown(timeline.len(), true, Some(Block(0)));
    assert_eq!(later.until, Some(until));
    assert_ne!(later.all(), Lamp::Linearizable);
    // Reads are judged to the end.
    assert!(past.violations(u64::MAX).1 > past.violations(until).1);
}

/// What a fork knows of the blocks is what the lamps showed there: a contradiction is known at the same step.
#[test]
fn a_trunk_shows_the_lamps_of_its_position() {
    use amflab::sim::Trunk;
    let mut red = 0;
    for seed in 30..34 {
        let bytes = torn(seed, 120);
        let (_, mut past, _) = compare(&bytes, 1);
        let Read { head, profile, steps, .. } = read(&bytes);
        let mut trunk = Trunk::new(&profile, &head, false);
        for (at, step) in (1..).zip(&steps) {
            assert!(trunk.apply(step));
            let (got, wanted) = (trunk.lamps().shown(false, None), past.shown(at, false, None));
            assert_eq!(
                (got.violated, got.unknown),
                (wanted.violated, wanted.unknown),
                "{seed} {at}"
            );
            red = red.max(got.violated);
        }
    }
    assert!(red > 0);
}
