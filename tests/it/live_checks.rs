//! The live cluster under load and under seeded defects: every read is judged from outside.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::check::{ReadChecker, Start};
use amflab::live::{LiveEngine, LiveHandle, LiveOptions};
use amflab::profile;
use amflab::protocol::id::{AmfId, Instant, NodeId, OpId, Span};
use amflab::protocol::{Answer, Defect, Payload, RequestKind, Sectors};
use amflab::trace::{Action, Advance, Ask, Engine, HostPort, LinkSetting, Violation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

const SECTORS: u64 = 16 * 8;

fn start(sets: &[&str]) -> LiveEngine {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    let profile = profile::load("claims", &sets).unwrap();
    LiveEngine::start(&profile, &LiveOptions::default()).unwrap()
}

/// One operation as its host saw it, in nanoseconds of the host's own clock.
struct Seen {
    asked: u64,
    answered: u64,
    kind: RequestKind,
    answer: Answer,
}

/// A host: random overlapping reads and writes, in sectors, at random AMFs.
fn host(handle: &LiveHandle, writer: u32, ops: u32, origin: std::time::Instant) -> Vec<Seen> {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(writer));
    let clock = || u64::try_from(origin.elapsed().as_nanos()).unwrap();
    let mut seen = Vec::new();
    for n in 1..=ops {
        let first = rng.random_range(0..SECTORS - 12);
        let sectors = Sectors { first, count: rng.random_range(1..=12) };
        let kind = match rng.random_range(0..10) {
            0..5 => RequestKind::Read(sectors),
            5 => RequestKind::Zero(sectors),
            _ => {
                let stamp = Payload::Stamp { volume: 1, writer, sequence: u64::from(n) };
                RequestKind::Write(sectors, stamp)
            }
        };
        let amf = AmfId(rng.random_range(0..handle.config().amfs));
        let asked = clock();
        let answer = handle.request_within(amf, kind.clone(), Duration::from_mins(1));
        seen.push(Seen { asked, answered: clock(), kind, answer });
    }
    seen
}

/// Judges what all hosts saw, in the order of their clocks; a start counts before an answer at the
/// same instant.
fn judge(all: &[Seen]) -> (Vec<Violation>, u64) {
    let starts = all.iter().enumerate().map(|(at, seen)| (seen.asked, false, at));
    let ends = all.iter().enumerate().map(|(at, seen)| (seen.answered, true, at));
    let mut order: Vec<(u64, bool, usize)> = starts.chain(ends).collect();
    order.sort_unstable();
    let mut checker = ReadChecker::new(8, Start::Zero);
    let mut violations = Vec::new();
    for (time, is_end, at) in order {
        let (op, seen) = (OpId(at as u64 + 1), &all[at]);
        if is_end {
            violations.extend(checker.on_answer(op, &seen.answer, Instant(time)));
        } else {
            checker.on_start(op, &seen.kind, Instant(time));
        }
    }
    (violations, checker.counts().reads)
}

fn stress(sets: &[&str], faults: bool) {
    let mut engine = start(sets);
    let origin = std::time::Instant::now();
    if faults {
        for (a, b) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
            let (a, b) = (NodeId::Amf(AmfId(a)), NodeId::Amf(AmfId(b)));
            for setting in [LinkSetting::Drop(50_000), LinkSetting::Duplicate(50_000)] {
                engine.submit(Action::Link(a, b, setting)).unwrap();
            }
        }
    }
    let ops = if faults { 200 } else { 1_500 };
    let threads: Vec<_> = (1..=4)
        .map(|writer| {
            let handle = engine.handle();
            std::thread::spawn(move || host(&handle, writer, ops, origin))
        })
        .collect();
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().unwrap());
    }
    let failed = all.iter().filter(|seen| seen.answer.result.is_err()).count();
    assert_eq!(failed, 0, "a healthy cluster answers everything");
    let (violations, reads) = judge(&all);
    assert_eq!(violations, []);
    assert!(reads > u64::from(ops), "{reads} reads");
    engine.submit(Action::Heal).unwrap();
    wait(&mut engine, "to settle", Engine::is_settled);
    let shot = engine.snapshot(&Ask::BRIEF);
    assert_eq!(shot.violations, []);
    assert!(shot.counts.evictions > 0 && shot.counts.peer_transfers > 0, "{:?}", shot.counts);
    engine.shutdown().unwrap();
}

fn wait(engine: &mut LiveEngine, what: &str, mut done: impl FnMut(&mut LiveEngine) -> bool) {
    let begun = std::time::Instant::now();
    while !done(engine) {
        assert!(begun.elapsed().as_secs() < 60, "{what}: {:#?}", engine.snapshot(&Ask::BRIEF));
        let until = engine.now() + Span::millis(50);
        engine.advance(Advance { until, steps_max: 1 }).unwrap();
    }
}

#[test]
fn four_hosts_on_the_same_blocks_read_what_was_written() {
    stress(&["cluster.amfs=4"], false);
}

#[test]
fn the_same_where_nothing_is_broadcast_without_need() {
    stress(&["cluster.amfs=4", "cluster.protocol=sharing", "cache.write=through"], false);
}

#[test]
fn the_same_over_bad_links() {
    stress(&["cluster.amfs=4", "cluster.protocol=sharing", "timing.retry_ms=2"], true);
}

/// A run with an outside judge: operations one after the other, or left under way.
struct Judged {
    engine: LiveEngine,
    checker: ReadChecker,
    violations: Vec<Violation>,
}

impl Judged {
    fn new(sets: &[&str]) -> Self {
        let checker = ReadChecker::new(8, Start::Zero);
        Self { engine: start(sets), checker, violations: Vec::new() }
    }

    fn begin(&mut self, amf: u8, kind: &RequestKind) -> OpId {
        let now = self.engine.now();
        let op = self.engine.host(AmfId(amf), kind.clone());
        self.checker.on_start(op, kind, now);
        op
    }

    /// Takes every answer that is there; true if `op`'s was among them.
    fn poll(&mut self, op: OpId) -> bool {
        let mut found = false;
        while let Some(done) = self.engine.poll_completion() {
            found |= done.answer.op == op;
            let found = self.checker.on_answer(done.answer.op, &done.answer, done.ended);
            self.violations.extend(found);
        }
        found
    }

    fn ask(&mut self, amf: u8, kind: &RequestKind) {
        let op = self.begin(amf, kind);
        let begun = std::time::Instant::now();
        while !self.poll(op) {
            assert!(begun.elapsed().as_secs() < 60, "no answer");
            let until = self.engine.now() + Span::millis(50);
            self.engine.advance(Advance { until, steps_max: 1 }).unwrap();
        }
    }
}

fn write(block: u64, sequence: u64) -> RequestKind {
    let sectors = Sectors { first: block * 8, count: 8 };
    RequestKind::Write(sectors, Payload::Stamp { volume: 1, writer: 1, sequence })
}

fn read(block: u64) -> RequestKind {
    RequestKind::Read(Sectors { first: block * 8, count: 8 })
}

/// Breaks 2.3: the first sharer that is asked keeps its copy, and reads what is gone.
fn a_sharer_keeps_its_copy(defect: bool) -> Judged {
    let mut run = Judged::new(&["cluster.amfs=3"]);
    let action = Action::Defect(Defect::SkipOneInvalidate, defect);
    run.engine.submit(action).unwrap();
    run.ask(0, &write(2, 1));
    run.ask(1, &read(2));
    run.ask(2, &read(2));
    run.ask(0, &write(2, 2));
    wait(&mut run.engine, "to settle", Engine::is_settled);
    run.ask(1, &read(2));
    run.ask(2, &read(2));
    run
}

#[test]
fn skip_one_invalidate_is_caught_live_by_the_invariants_and_by_the_reads() {
    let mut broken = a_sharer_keeps_its_copy(true);
    let found = broken.engine.snapshot(&Ask::BRIEF).violations;
    assert!(found.iter().any(|v| v.checker == "single-writer"), "{found:?}");
    assert_eq!(broken.violations.len(), 1, "{:?}", broken.violations);
    assert_eq!(broken.violations[0].checker, "reads");
    let mut healthy = a_sharer_keeps_its_copy(false);
    assert_eq!(healthy.engine.snapshot(&Ask::BRIEF).violations, []);
    assert_eq!(healthy.violations, []);
}

/// Breaks L1: an AMF that is cut off goes on serving hits, while the others have taken over.
fn a_minority_after_its_lease(defect: bool) -> Judged {
    let mut run = Judged::new(&["cluster.amfs=3", "timing.lease_ms=400", "timing.renew_ms=100"]);
    run.engine.submit(Action::Defect(Defect::NoLease, defect)).unwrap();
    run.ask(1, &write(1, 1));
    run.ask(0, &read(1));
    let sides = vec![vec![NodeId::Amf(AmfId(0))]];
    run.engine.submit(Action::Partition(sides)).unwrap();
    run.ask(1, &write(1, 2));
    run.ask(0, &read(1));
    run
}

#[test]
fn no_lease_is_caught_live_by_the_reads() {
    let broken = a_minority_after_its_lease(true);
    assert_eq!(broken.violations.len(), 1, "{:?}", broken.violations);
    let mut healthy = a_minority_after_its_lease(false);
    assert_eq!(healthy.violations, []);
    assert_eq!(healthy.engine.snapshot(&Ask::BRIEF).violations, []);
}
