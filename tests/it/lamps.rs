//! The lamps say of every block what the checker of whole histories says of what was told so far; what
//! they cannot judge they call unknown, and they stay small.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use amflab::check::history::Recorder;
use amflab::check::linear::Verdict;
use amflab::check::linear::blocks::Blocks;
use amflab::check::{Lamps, ReadChecker, Start};
use amflab::protocol::id::{AmfId, Block, Instant, OpId};
use amflab::protocol::{
    Answer, Data, HostError, Payload, RequestKind, Sectors, Source, Touch, Touched,
};
use amflab::trace::Lamp;
use core::ops::Range;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

const PER: u32 = 8;
const BLOCK: u32 = PER * 512;
const BLOCKS: u64 = 2;

/// An operation under way; its answer, once it has taken effect.
struct Doing {
    op: OpId,
    kind: RequestKind,
    answer: Option<Answer>,
}

/// A volume whose requests take effect at one moment each, judged twice.
struct Volume {
    rng: ChaCha8Rng,
    content: BTreeMap<u64, Data>,
    doing: Vec<Doing>,
    lamps: Lamps,
    history: Recorder<Vec<u8>>,
    now: u64,
    ops: u64,
    /// One write in so many is not answered.
    lost: u32,
}

fn ok(op: OpId, touched: Option<Touched>) -> Answer {
    Answer { op, result: Ok(touched.into_iter().collect()), broadcasts: 0, saved: 0 }
}

fn touched(touch: Touch, data: Data) -> Touched {
    Touched { touch, hit: true, source: Source::Cache, data: Some(data) }
}

impl Volume {
    fn new(seed: u64, lost: u32) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            content: (0..BLOCKS).map(|block| (block, Data::zero(BLOCK))).collect(),
            doing: Vec::new(),
            lamps: Lamps::new(PER, Start::Zero),
            history: Recorder::new(Vec::new(), PER, Start::Zero),
            now: 0,
            ops: 0,
            lost,
        }
    }

    /// Contents of few values, so that some are written again.
    fn payload(&mut self, parts: bool) -> Payload {
        let sequence = if parts { self.ops } else { self.rng.random_range(0..5) };
        Payload::Stamp { volume: 0, writer: 1, sequence }
    }

    fn ask(&mut self, parts: bool) {
        let block = self.rng.random_range(0..BLOCKS);
        let (from, count) = if parts && self.rng.random_bool(0.4) {
            [(0_u32, 4), (4, 4), (2, 4)][self.rng.random_range(0..3)]
        } else {
            (0, PER)
        };
        let first = block * u64::from(PER) + u64::from(from);
        let sectors = Sectors { first, count };
        let whole = Touch { block: Block(block), offset: 0, len: BLOCK };
        self.ops += 1;
        let kind = match self.rng.random_range(0..6) {
            0..3 => RequestKind::Read(sectors),
            3..5 => RequestKind::Write(sectors, self.payload(parts)),
            _ => {
                let start = block * u64::from(PER);
                let (old, new) = (self.payload(false), self.payload(parts));
                let old = old.part(start, whole, PER);
                let new = new.part(start, whole, PER);
                RequestKind::CompareAndWrite { block: Block(block), old, new }
            }
        };
        let op = OpId(self.ops);
        self.now += 1;
        self.lamps.on_start(op, AmfId(0), &kind, Instant(self.now));
        self.history.on_start(op, AmfId(0), &kind, Instant(self.now));
        self.doing.push(Doing { op, kind, answer: None });
    }

    /// One of those under way takes effect, perhaps wrongly.
    fn effect(&mut self, wrong: bool) {
        let waiting: Vec<usize> =
            (0..self.doing.len()).filter(|at| self.doing[*at].answer.is_none()).collect();
        let Some(at) =
            (!waiting.is_empty()).then(|| waiting[self.rng.random_range(0..waiting.len())])
        else {
            return;
        };
        let (op, kind) = (self.doing[at].op, self.doing[at].kind.clone());
        let is_lost = self.rng.random_ratio(1, self.lost);
        let answer = match kind {
            RequestKind::Read(sectors) => {
                let touch = sectors.touch(0, PER);
                let data = if wrong {
                    self.payload(false).part(sectors.first, touch, PER)
                } else {
                    self.content[&touch.block.0].slice(touch.offset, touch.len)
                };
                ok(op, Some(touched(touch, data)))
            }
            RequestKind::Write(sectors, payload) | RequestKind::WriteFua(sectors, payload) => {
                let touch = sectors.touch(0, PER);
                let part = payload.part(sectors.first, touch, PER);
                self.put(touch, &part);
                if is_lost { Answer::failed(op, HostError::UnknownOutcome) } else { ok(op, None) }
            }
            RequestKind::CompareAndWrite { block, old, new } => {
                if self.content[&block.0] == old {
                    self.put(Touch { block, offset: 0, len: BLOCK }, &new);
                    if is_lost { Answer::failed(op, HostError::Timeout) } else { ok(op, None) }
                } else {
                    Answer::failed(op, HostError::Miscompare)
                }
            }
            RequestKind::Zero(_) | RequestKind::Flush => unreachable!("none is asked for"),
        };
        self.doing[at].answer = Some(answer);
    }

    fn put(&mut self, touch: Touch, part: &Data) {
        let content = self.content.get_mut(&touch.block.0).unwrap();
        *content = content.splice(touch.offset, part);
    }

    fn answer(&mut self) {
        let Some(at) = self.doing.iter().position(|doing| doing.answer.is_some()) else { return };
        let answer = self.doing.remove(at).answer.unwrap();
        self.now += 1;
        self.lamps.on_answer(&answer, Instant(self.now));
        self.history.on_answer(&answer, Instant(self.now)).unwrap();
    }

    fn run(&mut self, turns: u32, parts: bool, wrong: f64) {
        for _ in 0..turns {
            match self.rng.random_range(0..3) {
                0 if self.doing.len() < 4 => self.ask(parts),
                1 => {
                    let wrong = self.rng.random_bool(wrong);
                    self.effect(wrong);
                }
                _ => self.answer(),
            }
        }
    }

    /// What each block's lamp shows, and what the checker of whole histories says.
    fn both(&mut self) -> Vec<(Lamp, Verdict)> {
        self.lamps.look();
        let text = String::from_utf8(self.history.clone().finish().unwrap()).unwrap();
        let mut blocks = Blocks::default();
        text.lines().for_each(|line| blocks.line(line).unwrap());
        blocks.sort();
        let shown = self.lamps.shown(true, None);
        let verdict_of = |block: Block| {
            let part = (0..blocks.len()).map(|index| blocks.part(index));
            let part = part.into_iter().find(|part| part.first / u64::from(PER) == block.0);
            part.map_or(Verdict::Linearizable(Vec::new()), |part| {
                part.register.judge(2_000_000).verdict
            })
        };
        shown.blocks.iter().map(|info| (info.lamp, verdict_of(info.block))).collect()
    }
}

/// How many blocks were (violated, unknown, linearizable) in so many random histories.
fn compare(seeds: Range<u64>, turns: u32, parts: bool, wrong: f64, lost: u32) -> [u32; 3] {
    let mut counts = [0; 3];
    for seed in seeds {
        let mut volume = Volume::new(seed, lost);
        volume.run(turns, parts, wrong);
        for (lamp, verdict) in volume.both() {
            counts[lamp as usize] += 1;
            match (lamp, verdict) {
                (Lamp::Linearizable, Verdict::Linearizable(_))
                | (Lamp::Violated, Verdict::NotLinearizable(_))
                | (Lamp::Unknown, _) => {}
                (lamp, verdict) => panic!("seed {seed}: {lamp:?}, but {verdict:?}"),
            }
        }
    }
    counts
}

#[test]
fn lamps_agree_with_the_checker_of_whole_histories() {
    let [violated, unknown, linearizable] = compare(0..150, 300, false, 0.01, 12);
    assert!(violated > 30 && linearizable > 30, "{violated} violated, {linearizable} fine");
    assert!(unknown < 5, "{unknown} unknown");
}

#[test]
fn parts_of_blocks_are_judged_like_whole_ones() {
    let [violated, unknown, linearizable] = compare(1_000..1_150, 150, true, 0.02, 12);
    assert!(violated > 30 && linearizable > 30, "{violated} violated, {linearizable} fine");
    assert!(unknown < 30, "{unknown} unknown");
}

#[test]
fn a_long_run_forgets_and_stays_right() {
    let [violated, unknown, linearizable] = compare(0..3, 20_000, false, 0.0, 1_000);
    assert_eq!((violated, unknown, linearizable), (0, 0, 6));
}

/// Block 0 as a whole: a write of this stamp, or a read that found it.
fn write(sequence: u64) -> RequestKind {
    let payload = Payload::Stamp { volume: 0, writer: 1, sequence };
    RequestKind::Write(Sectors { first: 0, count: PER }, payload)
}

fn found(op: u64, sequence: u64) -> Answer {
    let touch = Touch { block: Block(0), offset: 0, len: BLOCK };
    let stamp = Payload::Stamp { volume: 0, writer: 1, sequence };
    ok(OpId(op), Some(touched(touch, stamp.part(0, touch, PER))))
}

const READ: RequestKind = RequestKind::Read(Sectors { first: 0, count: PER });

#[test]
fn two_reads_that_contradict_each_other_are_found_though_each_is_right() {
    let mut lamps = Lamps::new(PER, Start::Zero);
    let mut reads = ReadChecker::new(PER, Start::Zero);
    let mut at = 0;
    let mut violations = Vec::new();
    let mut ask = |lamps: &mut Lamps, op, kind: &RequestKind| {
        at += 1;
        lamps.on_start(OpId(op), AmfId(0), kind, Instant(at));
        reads.on_start(OpId(op), kind, Instant(at));
    };
    ask(&mut lamps, 1, &write(7));
    ask(&mut lamps, 2, &READ);
    assert!(lamps.on_answer(&found(2, 7), Instant(10)).is_empty());
    ask(&mut lamps, 3, &READ);
    violations.extend(lamps.on_answer(&found(3, 0), Instant(11)));
    assert!(reads.on_answer(OpId(2), &found(2, 7), Instant(10)).is_empty());
    assert!(reads.on_answer(OpId(3), &found(3, 0), Instant(11)).is_empty());
    // The write is still under way: a look says it.
    violations.extend(lamps.look());
    let shown = lamps.shown(true, Some(Block(0)));
    assert_eq!((shown.all(), shown.blocks[0].lamp), (Lamp::Violated, Lamp::Violated));
    let history = shown.history.unwrap();
    assert!(history.conflict.contains(&1) && history.conflict.contains(&2), "{history:?}");
    let [(_, violation)] = &violations[..] else { panic!("{violations:?}") };
    assert!(violation.text.starts_with("b0: these contradict each other: "), "{violation:?}");
}

#[test]
fn what_is_too_much_is_unknown_with_the_reason_and_what_is_lost_is_forgotten() {
    let mut lamps = Lamps::new(PER, Start::Zero);
    let answer = |lamps: &mut Lamps, op: u64, kind: &RequestKind, answer: &Answer| {
        lamps.on_start(OpId(op), AmfId(0), kind, Instant(op));
        assert!(lamps.on_answer(answer, Instant(op)).is_empty());
    };
    answer(&mut lamps, 1, &write(1), &ok(OpId(1), None));
    lamps.forget(Block(0), 4);
    answer(&mut lamps, 2, &READ, &found(2, 0));
    assert_eq!(lamps.shown(false, None).all(), Lamp::Linearizable, "it may hold anything");
    for op in 3..70 {
        let lost = Answer::failed(OpId(op), HostError::UnknownOutcome);
        answer(&mut lamps, op, &write(op), &lost);
    }
    let shown = lamps.shown(true, None);
    assert_eq!((shown.unknown, shown.all()), (1, Lamp::Unknown));
    assert!(shown.blocks[0].why.contains("more than 64 writes were not answered"));
    // Nothing is found any more, and nothing is invented.
    answer(&mut lamps, 70, &READ, &found(70, 999));
    assert_eq!(lamps.shown(false, None).violated, 0);
}
