//! The read checker, fed by a simulated atomic volume: no false alarm whatever overlaps, and an alarm
//! for every kind of wrong answer.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use amflab::check::durability::judge;
use amflab::check::history::{Operation, Recorder};
use amflab::check::{ReadChecker, Start, Tally, Verdict};
use amflab::protocol::id::{AmfId, Block, Instant, OpId};
use amflab::protocol::{
    Answer, Data, HostError, Payload, RequestKind, Sectors, Source, Touch, Touched,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

const PER: u32 = 8;
const BLOCK: u32 = PER * 512;

fn stamp(sequence: u64) -> Payload {
    Payload::Stamp { volume: 0, writer: 1, sequence }
}

fn sectors(first: u64, count: u32) -> Sectors {
    Sectors { first, count }
}

/// An operation under way in the simulated volume.
struct Doing {
    op: OpId,
    kind: RequestKind,
    /// Touches that have not taken effect yet.
    left: Vec<u32>,
    done: Vec<Touched>,
    miscompared: bool,
    /// The checker was told that nobody waits for it any more.
    unknown: bool,
}

/// A volume whose blocks are atomic registers, with operations under way in it, and the checker.
struct Sim {
    rng: ChaCha8Rng,
    blocks: u64,
    content: BTreeMap<u64, Data>,
    doing: Vec<Doing>,
    checker: ReadChecker,
    ops: u64,
    alarms: Vec<String>,
}

impl Sim {
    fn new(seed: u64, blocks: u64, start: Start) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut content = BTreeMap::new();
        if start == Start::Unknown {
            for block in 0..blocks {
                let old = Payload::Stamp { volume: 0, writer: 7, sequence: rng.random_range(1..9) };
                content.insert(block, old.part(block * 8, whole(block), PER));
            }
        }
        let checker = ReadChecker::new(PER, start);
        Self { rng, blocks, content, doing: Vec::new(), checker, ops: 0, alarms: Vec::new() }
    }

    fn content(&self, block: u64) -> Data {
        self.content.get(&block).cloned().unwrap_or_else(|| Data::zero(BLOCK))
    }

    fn range(&mut self) -> Sectors {
        let end = self.blocks * 8;
        if self.rng.random_bool(0.5) {
            return sectors(self.rng.random_range(0..self.blocks) * 8, PER);
        }
        let first = self.rng.random_range(0..end);
        let most = u32::try_from((end - first).min(20)).unwrap();
        sectors(first, self.rng.random_range(1..=most))
    }

    fn kind(&mut self) -> RequestKind {
        let range = self.range();
        let sequence = self.ops;
        match self.rng.random_range(0..20) {
            0..9 => RequestKind::Read(range),
            9..14 => RequestKind::Write(range, stamp(sequence)),
            14 => RequestKind::Zero(range),
            15 => RequestKind::Flush,
            16 => {
                // Few texts, so that different writes share values.
                let fill = self.rng.random_range(1..3u8);
                let bytes = vec![fill; range.count as usize * 512];
                RequestKind::Write(range, Payload::Bytes(bytes.into()))
            }
            _ => {
                let block = self.rng.random_range(0..self.blocks);
                let old =
                    if self.rng.random_bool(0.8) { self.content(block) } else { Data::zero(BLOCK) };
                let new = stamp(sequence).part(block * 8, whole(block), PER);
                RequestKind::CompareAndWrite { block: Block(block), old, new }
            }
        }
    }

    fn start(&mut self) {
        self.ops += 1;
        let kind = self.kind();
        let left = match &kind {
            RequestKind::Read(s)
            | RequestKind::Write(s, _)
            | RequestKind::WriteFua(s, _)
            | RequestKind::Zero(s) => (0..s.touches(PER)).collect(),
            RequestKind::CompareAndWrite { .. } => vec![0],
            RequestKind::Flush => Vec::new(),
        };
        let op = OpId(self.ops);
        self.checker.on_start(op, &kind, Instant(self.ops));
        let (done, miscompared, unknown) = (Vec::new(), false, false);
        self.doing.push(Doing { op, kind, left, done, miscompared, unknown });
    }

    /// One block of one operation takes effect.
    fn effect(&mut self, at: usize) {
        let choice = self.rng.random_range(0..self.doing[at].left.len());
        let index = self.doing[at].left.swap_remove(choice);
        let kind = self.doing[at].kind.clone();
        let (touch, data) = match &kind {
            RequestKind::Read(s) => {
                let touch = s.touch(index, PER);
                let block = self.content(touch.block.0);
                (touch, Some(block.slice(touch.offset, touch.len)))
            }
            RequestKind::Write(s, payload) | RequestKind::WriteFua(s, payload) => {
                let touch = s.touch(index, PER);
                self.put(touch, &payload.part(s.first, touch, PER));
                (touch, None)
            }
            RequestKind::Zero(s) => {
                let touch = s.touch(index, PER);
                self.put(touch, &Data::zero(touch.len));
                (touch, None)
            }
            RequestKind::CompareAndWrite { block, old, new } => {
                let touch = whole(block.0);
                if self.content(block.0) == *old {
                    self.put(touch, new);
                } else {
                    self.doing[at].miscompared = true;
                }
                (touch, None)
            }
            RequestKind::Flush => unreachable!("a flush touches nothing"),
        };
        self.doing[at].done.push(Touched { touch, hit: false, source: Source::Cache, data });
    }

    fn put(&mut self, touch: Touch, data: &Data) {
        let block = self.content(touch.block.0).splice(touch.offset, data);
        self.content.insert(touch.block.0, block);
    }

    /// Ends an operation: answered, refused, or given up.
    fn end(&mut self, at: usize) {
        let can_refuse = self.doing[at].done.is_empty() && !self.doing[at].unknown;
        if can_refuse && self.rng.random_bool(0.05) {
            let doing = self.doing.swap_remove(at);
            self.answer(doing.op, Err(HostError::NotServing));
        } else if self.doing[at].left.is_empty() {
            let mut doing = self.doing.swap_remove(at);
            if doing.unknown {
                return;
            }
            doing.done.sort_by_key(|one| one.touch.block);
            let result = match doing.miscompared {
                true => Err(HostError::Miscompare),
                false if self.rng.random_bool(0.05) => Err(HostError::UnknownOutcome),
                false => Ok(doing.done.into()),
            };
            self.answer(doing.op, result);
        } else if self.rng.random_bool(0.05) && !self.doing[at].unknown {
            // It stays in the list: it may take effect later, or never.
            self.doing[at].unknown = true;
            if self.rng.random_bool(0.5) {
                self.checker.on_unknown(self.doing[at].op);
            } else {
                self.answer(self.doing[at].op, Err(HostError::Timeout));
            }
        }
    }

    fn answer(&mut self, op: OpId, result: Result<smallvec::SmallVec<[Touched; 1]>, HostError>) {
        let answer = Answer { op, result, broadcasts: 0, saved: 0 };
        let found = self.checker.on_answer(op, &answer, Instant(self.ops));
        self.alarms.extend(found.into_iter().map(|violation| violation.text));
    }

    fn run(&mut self, steps: u32, depth: usize) {
        for _ in 0..steps {
            if self.doing.len() < depth && self.rng.random_bool(0.4) {
                self.start();
            } else if !self.doing.is_empty() {
                let at = self.rng.random_range(0..self.doing.len());
                if self.doing[at].left.is_empty() || self.rng.random_bool(0.2) {
                    self.end(at);
                } else {
                    self.effect(at);
                }
            }
        }
    }
}

fn whole(block: u64) -> Touch {
    Touch { block: Block(block), offset: 0, len: BLOCK }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn an_atomic_volume_gives_no_alarm(
        seed in any::<u64>(),
        blocks in 1u64..6,
        depth in 1usize..12,
        unknown in any::<bool>(),
    ) {
        let start = if unknown { Start::Unknown } else { Start::Zero };
        let mut sim = Sim::new(seed, blocks, start);
        sim.run(3_000, depth);
        prop_assert_eq!(&sim.alarms, &Vec::<String>::new());
        prop_assert!(sim.checker.counts().reads > 0);
        for block in 0..blocks {
            let verdict = judge(&sim.checker, Block(block), &sim.content(block));
            let is_lost = matches!(verdict, Verdict::Lost { .. });
            prop_assert!(!is_lost, "{:?}", verdict);
        }
    }
}

/// Conversations with a checker: one call a step, answers as a list of texts.
struct Talk {
    checker: ReadChecker,
    next: u64,
}

impl Talk {
    fn new() -> Self {
        Self { checker: ReadChecker::new(PER, Start::Zero), next: 0 }
    }

    fn start(&mut self, kind: &RequestKind) -> OpId {
        self.next += 1;
        self.checker.on_start(OpId(self.next), kind, Instant(self.next));
        OpId(self.next)
    }

    /// Starts a write of a block; its sequence is its number.
    fn write(&mut self, block: u64) -> OpId {
        let sequence = self.next + 1;
        self.start(&RequestKind::Write(sectors(block * 8, PER), stamp(sequence)))
    }

    fn read(&mut self, block: u64) -> OpId {
        self.start(&RequestKind::Read(sectors(block * 8, PER)))
    }

    fn end(&mut self, op: OpId, result: Result<Vec<Touched>, HostError>) -> Vec<String> {
        let answer = Answer { op, result: result.map(Into::into), broadcasts: 0, saved: 0 };
        let found = self.checker.on_answer(op, &answer, Instant(self.next));
        found.into_iter().map(|violation| violation.text).collect()
    }

    fn ok(&mut self, op: OpId) {
        assert_eq!(self.end(op, Ok(Vec::new())), Vec::<String>::new());
    }

    /// A read of block 0 is answered with the content of this write (0: zeroes).
    fn got(&mut self, op: OpId, write: u64) -> Vec<String> {
        let data = Some(stamp(write).part(0, whole(0), PER));
        self.end(op, Ok(vec![Touched { touch: whole(0), hit: false, source: Source::Cache, data }]))
    }

    /// A read of block 0 that starts and ends now.
    fn reads(&mut self, write: u64) -> Vec<String> {
        let op = self.read(0);
        self.got(op, write)
    }
}

#[track_caller]
fn assert_alarm(found: &[String], part: &str) {
    assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
}

const FINE: Vec<String> = Vec::new();

#[test]
fn a_stale_read_is_found() {
    let mut talk = Talk::new();
    let (one, two) = (talk.write(0), talk.write(0));
    talk.ok(one);
    talk.ok(two);
    let three = talk.write(0);
    let early = talk.read(0);
    talk.ok(three);
    assert_eq!(talk.got(early, two.0), FINE, "it had started before the write was done");
    assert_alarm(&talk.reads(two.0), "block 0 had w1#2");
    assert_alarm(&talk.reads(0), "block 0 had 0x00 instead of w1#3");
    assert_eq!(talk.checker.counts().violations, 2);
}

#[test]
fn values_never_written_and_misplaced_content_are_found() {
    let mut talk = Talk::new();
    let one = talk.write(0);
    talk.ok(one);
    assert_alarm(&talk.reads(99), "block 0 had w1#99 instead of w1#1");
    let read = talk.read(0);
    let data = Some(stamp(1).part(8, whole(1), PER));
    let moved = Touched { touch: whole(0), hit: false, source: Source::Cache, data };
    assert_alarm(&talk.end(read, Ok(vec![moved])), "block 0 had x");
    let read = talk.read(0);
    assert_alarm(&talk.end(read, Ok(Vec::new())), "no data");
}

#[test]
fn new_then_old_is_found_even_while_the_write_is_unanswered() {
    let mut talk = Talk::new();
    let one = talk.write(0);
    talk.ok(one);
    let two = talk.write(0);
    assert_eq!(talk.reads(1), FINE, "not yet");
    assert_eq!(talk.reads(2), FINE, "now");
    assert_alarm(&talk.reads(1), "w1#1 instead of w1#2");
    talk.checker.on_unknown(two);
    assert_alarm(&talk.reads(1), "w1#1");
    assert_eq!(talk.reads(2), FINE);
}

#[test]
fn an_unanswered_write_may_take_effect_at_any_time_but_not_twice() {
    let mut talk = Talk::new();
    let lost = talk.write(0);
    talk.checker.on_unknown(lost);
    let two = talk.write(0);
    talk.ok(two);
    assert_eq!(talk.reads(2), FINE);
    assert_eq!(talk.reads(1), FINE, "late");
    assert_alarm(&talk.reads(2), "w1#2 instead of w1#1");
    let three = talk.write(0);
    talk.ok(three);
    assert_eq!(talk.reads(5 + 1), FINE);
    assert_alarm(&talk.reads(1), "w1#1");
}

#[test]
fn a_lost_acknowledged_write_is_found_by_the_read_back() {
    let mut talk = Talk::new();
    let one = talk.write(0);
    talk.ok(one);
    let two = talk.write(0);
    talk.ok(two);
    let open = talk.write(3);
    talk.checker.on_unknown(open);
    let content = |sequence, block: u64| stamp(sequence).part(block * 8, whole(block), PER);
    let mut tally = Tally::default();
    tally.add(&talk.checker, Block(0), Some(&content(2, 0)), "disk0");
    tally.add(&talk.checker, Block(0), Some(&content(1, 0)), "disk1");
    tally.add(&talk.checker, Block(0), None, "disk2");
    tally.add(&talk.checker, Block(3), Some(&content(3, 3)), "disk0");
    tally.add(&talk.checker, Block(3), Some(&Data::zero(BLOCK)), "disk0");
    tally.add(&talk.checker, Block(9), Some(&Data::zero(BLOCK)), "disk0");
    assert_eq!((tally.blocks, tally.lost, tally.undecided), (6, 2, 0));
    assert_eq!(tally.findings[0].text, "disk1: block 0 has w1#1 instead of w1#2");
    assert_eq!(talk.checker.blocks_touched(), [Block(0), Block(3)]);
}

#[test]
fn refusals_and_comparisons_are_judged() {
    let mut talk = Talk::new();
    let refused = talk.write(0);
    assert_eq!(talk.reads(1), FINE);
    let found = talk.end(refused, Err(HostError::NotServing));
    assert_alarm(&found, "a read returned what this refused write wrote");

    let mut talk = Talk::new();
    let refused = talk.write(0);
    assert_eq!(talk.end(refused, Err(HostError::NotServing)), FINE);
    assert_alarm(&talk.reads(1), "had w1#1 instead of 0x00");

    let zero = || Data::zero(BLOCK);
    let new = |n| stamp(n).part(0, whole(0), PER);
    let swap = |old, n| RequestKind::CompareAndWrite { block: Block(0), old, new: new(n) };
    let mut talk = Talk::new();
    let op = talk.start(&swap(zero(), 50));
    talk.ok(op);
    let op = talk.start(&swap(zero(), 51));
    assert_alarm(&talk.end(op, Ok(Vec::new())), "compared equal, although wrong");
    let mut talk = Talk::new();
    let op = talk.start(&swap(zero(), 50));
    let found = talk.end(op, Err(HostError::Miscompare));
    assert_alarm(&found, "miscompared, although the old content was there");
    assert_alarm(&talk.reads(50), "had w1#50 instead of 0x00");
}

#[test]
fn only_the_part_that_a_write_touched_changes() {
    let mut talk = Talk::new();
    let one = talk.write(0);
    talk.ok(one);
    let op = talk.start(&RequestKind::Write(sectors(2, 3), stamp(2)));
    talk.ok(op);
    let mixed = stamp(1)
        .part(0, whole(0), PER)
        .splice(1024, &stamp(2).part(2, Touch { block: Block(0), offset: 1024, len: 1536 }, PER));
    let mut answer = |data: Data| {
        let op = talk.read(0);
        let data = Some(data);
        talk.end(op, Ok(vec![Touched { touch: whole(0), hit: true, source: Source::Cache, data }]))
    };
    assert_eq!(answer(mixed), FINE);
    assert_alarm(&answer(stamp(1).part(0, whole(0), PER)), "sector 2 of block 0 had w1#1");
    assert_alarm(&answer(stamp(2).part(0, whole(0), PER)), "block 0 had w1#2");
}

#[test]
fn a_data_folder_holds_whatever_was_first_seen() {
    let mut talk = Talk::new();
    talk.checker = ReadChecker::new(PER, Start::Unknown);
    assert_eq!(judge(&talk.checker, Block(0), &Data::zero(BLOCK)), Verdict::Undecided);
    assert_eq!(talk.reads(77), FINE);
    assert_eq!(talk.reads(77), FINE);
    assert_alarm(&talk.reads(78), "block 0 had w1#78");
    assert!(matches!(judge(&talk.checker, Block(0), &Data::zero(BLOCK)), Verdict::Lost { .. }));
}

/// Every wrong answer in a run without overlaps is found, wherever it is put.
#[test]
fn every_old_content_in_a_sequential_run_is_found() {
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut talk = Talk::new();
        let mut contents = vec![0];
        for _ in 0..40 {
            if rng.random_bool(0.5) {
                let op = talk.write(0);
                talk.ok(op);
                contents.push(op.0);
            } else {
                assert_eq!(talk.reads(contents[contents.len() - 1]), FINE);
            }
        }
        let old = contents[rng.random_range(0..contents.len() - 1)];
        assert_eq!(talk.reads(old).len(), 1, "seed {seed}: {old} of {contents:?}");
    }
}

#[test]
fn memory_stays_small_and_open_writes_without_end_are_given_up() {
    let mut talk = Talk::new();
    for _ in 0..10_000 {
        let op = talk.write(0);
        talk.checker.on_unknown(op);
    }
    assert_eq!((talk.checker.counts().given_up, talk.checker.outstanding()), (1, 0));
    assert_eq!(talk.reads(123_456), FINE, "nothing can be said any more");
    assert_eq!(judge(&talk.checker, Block(0), &Data::zero(BLOCK)), Verdict::Undecided);
}

#[test]
fn a_history_is_one_line_an_operation() {
    let mut recorder = Recorder::new(Vec::new(), PER, Start::Zero);
    let touched =
        |block, data| Touched { touch: whole(block), hit: false, source: Source::Cache, data };
    recorder.on_start(OpId(1), AmfId(2), &RequestKind::Write(sectors(4, 8), stamp(5)), Instant(10));
    recorder.on_start(OpId(2), AmfId(0), &RequestKind::Read(sectors(8, 8)), Instant(20));
    recorder.on_start(OpId(3), AmfId(1), &RequestKind::Zero(sectors(0, 8)), Instant(30));
    let mixed = Data::zero(BLOCK).splice(
        0,
        &Data::stamped(amflab::protocol::Stamp { volume: 0, writer: 1, sector: 8, sequence: 5 }, 4),
    );
    let read = Answer {
        op: OpId(2),
        result: Ok(vec![touched(1, Some(mixed))].into()),
        broadcasts: 0,
        saved: 0,
    };
    recorder.on_answer(&read, Instant(40)).unwrap();
    let write = Answer::failed(OpId(1), HostError::Timeout);
    recorder.on_answer(&write, Instant(50)).unwrap();
    let text = String::from_utf8(recorder.finish().unwrap()).unwrap();
    assert_eq!(
        text,
        r#"{"op":2,"amf":0,"kind":"read","first":8,"count":8,"block":8,"start":20,"end":40,"result":"ok","values":[[4,"w1#5"],[4,"0"]]}
{"op":1,"amf":2,"kind":"write","first":4,"count":8,"block":8,"start":10,"end":50,"result":"timeout","values":[[8,"w1#5"]]}
{"op":3,"amf":1,"kind":"zero","first":0,"count":8,"block":8,"start":30,"result":"none","values":[[8,"0"]]}
"#
    );
    for line in text.lines() {
        let operation = Operation::from_json(line).unwrap();
        assert_eq!(operation.to_json().unwrap(), line);
    }
    assert!(Operation::from_json("{}").is_err());
    assert!(Operation::from_json(&text.replace("w1#5", "w1")).is_err());
}
