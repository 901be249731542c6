//! The live cluster: the same protocol over real threads, time and disks.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile::{self, Profile};
use amflab::protocol::id::{AmfId, Block, DiskId, Instant, NodeId, Span};
use amflab::protocol::{
    HostError, LineState, MsgKind, Payload, Protocol, RequestKind, Sectors, Source, StoreDone,
    StoreOp,
};
use amflab::store::{Folder, open_all};
use amflab::trace::lens::Survivor;
use amflab::trace::{
    Action, Advance, Ask, Completion, Engine, HoldFilter, HostPort, LinkSetting, Release, Target,
};

/// A test that waits longer than this has failed.
const PATIENCE: Span = Span::secs(20);

fn claims(sets: &[&str]) -> Profile {
    let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
    profile::load("claims", &sets).unwrap()
}

fn start(sets: &[&str]) -> LiveEngine {
    LiveEngine::start(&claims(sets), &LiveOptions::default()).unwrap()
}

/// A folder for disks that are kept.
fn folder() -> (tempfile::TempDir, LiveOptions) {
    let dir = tempfile::tempdir().unwrap();
    let options = LiveOptions { data_dir: Some(dir.path().to_owned()), ..LiveOptions::default() };
    (dir, options)
}

fn text(words: &str) -> Payload {
    let mut bytes = vec![0; 4096];
    bytes[..words.len()].copy_from_slice(words.as_bytes());
    Payload::Bytes(bytes.into())
}

fn block(n: u64) -> Sectors {
    Sectors::of_blocks(Block(n), 1, 8)
}

fn write(n: u64, words: &str) -> RequestKind {
    RequestKind::Write(block(n), text(words))
}

fn read(n: u64) -> RequestKind {
    RequestKind::Read(block(n))
}

/// Lets the cluster go on until `done`.
fn until<T>(
    engine: &mut LiveEngine,
    what: &str,
    mut done: impl FnMut(&mut LiveEngine) -> Option<T>,
) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(value) = done(engine) {
            return value;
        }
        let mut unsettled = || engine.snapshot(&Ask::BRIEF);
        assert!(
            begun.elapsed().as_secs() < PATIENCE.0 / 1_000_000_000,
            "{what}: {:#?}",
            unsettled()
        );
        let until = engine.now() + Span::millis(50);
        engine.advance(Advance { until, steps_max: 1 }).unwrap();
    }
}

fn ask(engine: &mut LiveEngine, amf: u8, kind: RequestKind) -> Completion {
    let op = engine.host(AmfId(amf), kind);
    until(engine, "an answer", |engine| {
        std::iter::from_fn(|| engine.poll_completion()).find(|done| done.answer.op == op)
    })
}

fn settle(engine: &mut LiveEngine) {
    until(engine, "to settle", |engine| engine.is_settled().then_some(()));
}

fn act(engine: &mut LiveEngine, action: Action) {
    engine.submit(action).unwrap();
}

fn value(done: &Completion) -> String {
    let touched = done.answer.result.as_ref().unwrap();
    touched[0].data.as_ref().unwrap().to_string()
}

fn state(engine: &mut LiveEngine, amf: u8, n: u64) -> LineState {
    let shot = engine.snapshot(&Ask { first: n, end: n + 1, held_max: 0, ..Ask::BRIEF });
    shot.amfs[usize::from(amf)].lines.first().map_or(LineState::I, |line| line.state)
}

#[test]
fn what_one_amf_writes_every_amf_reads() {
    let mut engine = start(&["cluster.amfs=4"]);
    for n in 0..8u8 {
        let done = ask(&mut engine, n % 4, write(u64::from(n), &format!("block {n}")));
        assert!(done.answer.result.is_ok(), "{done:?}");
    }
    for n in 0..8u8 {
        for amf in 0..4 {
            let done = ask(&mut engine, amf, read(u64::from(n)));
            assert_eq!(value(&done), format!("\"block {n}\""));
        }
    }
    settle(&mut engine);
    let shot = engine.snapshot(&Ask::ALL);
    assert_eq!(shot.violations, []);
    assert!(shot.unsettled.is_empty(), "{:?}", shot.unsettled);
    assert!(shot.counts.sent(MsgKind::AccessShared) > 0);
    engine.shutdown().unwrap();
}

#[test]
fn a_partner_completes_what_a_crashed_owner_had_dirty() {
    let mut engine = start(&["cluster.amfs=3", "timing.lease_ms=400", "timing.renew_ms=100"]);
    assert!(ask(&mut engine, 0, write(3, "survives")).answer.result.is_ok());
    assert_eq!(state(&mut engine, 0, 3), LineState::M);
    act(&mut engine, Action::Crash(AmfId(0)));
    let refused = ask(&mut engine, 0, read(3));
    assert_eq!(refused.answer.result, Err(HostError::NotServing));
    assert_eq!(value(&ask(&mut engine, 2, read(3))), "\"survives\"");
    settle(&mut engine);
    let shot = engine.snapshot(&Ask::BRIEF);
    assert!(shot.counts.takeovers >= 1 && shot.view.members.len() == 2, "{:?}", shot.counts);
    assert_eq!(shot.faults[0].undo, "restart amf0");
    act(&mut engine, Action::Restart(AmfId(0)));
    settle(&mut engine);
    assert_eq!(value(&ask(&mut engine, 0, read(3))), "\"survives\"");
    assert_eq!(engine.snapshot(&Ask::BRIEF).violations, []);
    engine.shutdown().unwrap();
}

#[test]
fn an_operation_under_way_at_a_crash_ends_there() {
    let mut engine = start(&[]);
    let pair = (NodeId::Amf(AmfId(1)), NodeId::Amf(AmfId(0)));
    let grants = HoldFilter { kind: Some(MsgKind::Grant), pair: Some(pair) };
    act(&mut engine, Action::Hold(grants));
    let writing = engine.host(AmfId(0), write(1, "lost?"));
    let reading = engine.host(AmfId(0), read(2));
    until(&mut engine, "held grants", |engine| {
        (engine.snapshot(&Ask::BRIEF).held_total >= 2).then_some(())
    });
    act(&mut engine, Action::Crash(AmfId(0)));
    let ended: Vec<_> = std::iter::from_fn(|| engine.poll_completion()).collect();
    let of = |op| ended.iter().find(|done| done.answer.op == op).unwrap().answer.result.clone();
    assert_eq!(of(writing), Err(HostError::UnknownOutcome));
    assert_eq!(of(reading), Err(HostError::NotServing));
}

#[test]
fn a_minority_stops_serving_and_loses_nothing() {
    let mut engine = start(&["cluster.amfs=3", "timing.lease_ms=400", "timing.renew_ms=100"]);
    assert!(ask(&mut engine, 0, write(5, "before")).answer.result.is_ok());
    let sides = vec![vec![NodeId::Amf(AmfId(0))]];
    act(&mut engine, Action::Partition(sides));
    assert_eq!(value(&ask(&mut engine, 1, read(5))), "\"before\"", "the majority takes over");
    assert!(ask(&mut engine, 1, write(5, "after")).answer.result.is_ok());
    let stale = ask(&mut engine, 0, read(5));
    assert_eq!(stale.answer.result, Err(HostError::NotServing), "its lease has run out");
    settle(&mut engine);
    let shot = engine.snapshot(&Ask::BRIEF);
    assert!(shot.faults[0].what.starts_with("partition amf0"), "{:?}", shot.faults);
    assert!(!shot.faults[0].receipt.starts_with("dropped 0"), "{:?}", shot.faults);
    act(&mut engine, Action::Heal);
    settle(&mut engine);
    assert_eq!(value(&ask(&mut engine, 0, read(5))), "\"after\"");
    assert_eq!(engine.snapshot(&Ask::BRIEF).violations, []);
}

#[test]
fn a_paused_amf_wakes_up_evicted_and_joins_again() {
    let mut engine = start(&["cluster.amfs=3", "timing.lease_ms=400", "timing.renew_ms=100"]);
    assert!(ask(&mut engine, 0, write(5, "old")).answer.result.is_ok());
    act(&mut engine, Action::Pause(AmfId(0)));
    let waiting = engine.host(AmfId(0), read(5));
    assert!(ask(&mut engine, 1, write(5, "new")).answer.result.is_ok());
    act(&mut engine, Action::Resume(AmfId(0)));
    let late = until(&mut engine, "the late answer", |engine| {
        std::iter::from_fn(|| engine.poll_completion()).find(|done| done.answer.op == waiting)
    });
    if late.answer.result.is_ok() {
        assert_eq!(value(&late), "\"new\"", "no stale read");
    }
    settle(&mut engine);
    assert_eq!(value(&ask(&mut engine, 0, read(5))), "\"new\"");
    assert!(engine.snapshot(&Ask::BRIEF).amfs[0].incarnation.0 >= 2);
}

#[test]
fn held_messages_go_one_by_one() {
    let mut engine = start(&[]);
    act(&mut engine, Action::Hold(HoldFilter::ALL));
    let op = engine.host(AmfId(0), write(4, "step by step"));
    let before = engine.now();
    let mut steps = 0;
    loop {
        // The write notes its region on the disks first, which takes as long as a real disk takes.
        let next = until(&mut engine, "a held message, or the answer", |engine| {
            if std::iter::from_fn(|| engine.poll_completion()).any(|done| done.answer.op == op) {
                return Some(None);
            }
            Some(engine.snapshot(&Ask::ALL)).filter(|shot| shot.held_total > 0).map(Some)
        });
        let Some(shot) = next else { break };
        assert!(shot.step_mode, "{shot:#?}");
        act(&mut engine, Action::Deliver(Release::Id(shot.held[0].id)));
        steps += 1;
        assert!(steps < 50);
    }
    assert!(steps >= 4, "access, grant, replicate, acknowledgement: {steps}");
    assert_eq!(engine.now(), before, "the clock stands still");
    let advanced = engine.advance(Advance { until: Instant::NEVER, steps_max: 1 });
    assert!(advanced.is_ok());
    act(&mut engine, Action::Step(3));
    act(&mut engine, Action::Unhold(HoldFilter::ALL));
    settle(&mut engine);
    assert_eq!(value(&ask(&mut engine, 1, read(4))), "\"step by step\"");
}

#[test]
fn step_mode_moves_the_clock_to_what_is_due() {
    let mut engine = start(&[]);
    settle(&mut engine);
    act(&mut engine, Action::Hold(HoldFilter::ALL));
    let before = engine.now();
    let renewal = |engine: &mut LiveEngine| {
        engine.snapshot(&Ask::ALL).held.iter().any(|held| held.what == "renew")
    };
    let stepped = (0..20).any(|_| {
        act(&mut engine, Action::Step(1));
        renewal(&mut engine)
    });
    assert!(stepped, "{:#?}", engine.snapshot(&Ask::ALL));
    assert!(engine.now() > before, "the next renewal was due later");
    let refused = engine.submit(Action::Lose(Release::Id(999_999))).unwrap_err();
    assert!(refused.to_string().contains("999999"));
}

#[test]
fn a_bad_link_costs_time_and_nothing_else() {
    let mut engine = start(&["cluster.amfs=3", "timing.retry_ms=5"]);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let (a, b) = (NodeId::Amf(AmfId(a)), NodeId::Amf(AmfId(b)));
        act(&mut engine, Action::Link(a, b, LinkSetting::Drop(200_000)));
        act(&mut engine, Action::Link(a, b, LinkSetting::Duplicate(100_000)));
        act(&mut engine, Action::Link(a, b, LinkSetting::Reorder));
    }
    for round in 0..40u8 {
        let words = format!("round {round}");
        let wrote = ask(&mut engine, round % 3, write(u64::from(round % 4), &words));
        assert!(wrote.answer.result.is_ok(), "{wrote:?}");
        let seen = ask(&mut engine, (round + 1) % 3, read(u64::from(round % 4)));
        assert_eq!(value(&seen), format!("{words:?}"));
    }
    let shot = engine.snapshot(&Ask::BRIEF);
    assert!(shot.counts.retransmissions > 0 && shot.violations.is_empty(), "{:?}", shot.counts);
    assert_eq!(shot.faults.len(), 3);
    assert!(shot.faults.iter().all(|f| f.receipt.contains("dropped")), "{:?}", shot.faults);
    act(&mut engine, Action::Heal);
    settle(&mut engine);
    assert!(engine.snapshot(&Ask::BRIEF).faults.is_empty());
}

#[test]
fn a_mirror_loses_a_disk_and_gets_a_blank_one() {
    let mut engine = start(&[]);
    for n in 0..16 {
        assert!(ask(&mut engine, 0, write(n, &format!("block {n}"))).answer.result.is_ok());
    }
    act(&mut engine, Action::Destage(Target::All));
    settle(&mut engine);
    act(&mut engine, Action::FailDisk(DiskId(1)));
    for n in 0..16 {
        assert!(ask(&mut engine, 1, write(n, &format!("again {n}"))).answer.result.is_ok());
    }
    act(&mut engine, Action::Destage(Target::All));
    settle(&mut engine);
    let shot = engine.snapshot(&Ask::BRIEF);
    assert_eq!((shot.disks[0].role.as_str(), shot.disks[1].role.as_str()), ("online", "failed"));
    act(&mut engine, Action::ReplaceDisk(DiskId(1)));
    until(&mut engine, "the refill", |engine| {
        let shot = engine.snapshot(&Ask::BRIEF);
        (shot.disks[1].role == "online").then_some(())
    });
    act(&mut engine, Action::FailDisk(DiskId(0)));
    for n in 0..16 {
        act(&mut engine, Action::Evict(AmfId(0), Some(Block(n))));
        act(&mut engine, Action::Evict(AmfId(1), Some(Block(n))));
    }
    settle(&mut engine);
    for n in 0..16 {
        let done = ask(&mut engine, 0, read(n));
        assert_eq!(value(&done), format!("\"again {n}\""));
    }
    assert_eq!(engine.snapshot(&Ask::BRIEF).violations, []);
}

#[test]
fn the_protocol_is_switched_in_order() {
    let mut engine = start(&[]);
    assert!(ask(&mut engine, 0, write(1, "one")).answer.result.is_ok());
    act(&mut engine, Action::Protocol(Protocol::Sharing));
    until(&mut engine, "the switch", |engine| {
        let sharing = engine.snapshot(&Ask::BRIEF).view.protocol == Protocol::Sharing;
        (sharing && engine.is_settled()).then_some(())
    });
    let first = ask(&mut engine, 0, read(1));
    assert_eq!(value(&first), "\"one\"");
    assert!(matches!(first.answer.result.unwrap()[0].source, Source::Disk(_)));
    assert_eq!(state(&mut engine, 0, 1), LineState::E);
    let silent = ask(&mut engine, 0, write(1, "two"));
    assert_eq!((silent.broadcasts, silent.saved), (0, 1), "{silent:?}");
}

#[test]
fn a_data_folder_keeps_what_was_written() {
    let (_dir, options) = folder();
    let mut epochs = Vec::new();
    for round in 0..4u64 {
        let mut engine = LiveEngine::start(&claims(&["cache.write=through"]), &options).unwrap();
        epochs.push(engine.snapshot(&Ask::BRIEF).view.epoch);
        let second = LiveEngine::start(&claims(&[]), &options).err().unwrap().to_string();
        assert!(second.contains("in use by process"), "{second}");
        for n in 0..round {
            assert_eq!(value(&ask(&mut engine, 1, read(n))), format!("\"round {n}\""));
        }
        assert!(ask(&mut engine, 0, write(round, &format!("round {round}"))).answer.result.is_ok());
        if round % 2 == 0 {
            engine.shutdown().unwrap();
        }
    }
    assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]), "{epochs:?}");
}

#[test]
fn a_clean_end_destages_what_was_dirty() {
    let (_dir, options) = folder();
    let mut engine = LiveEngine::start(&claims(&[]), &options).unwrap();
    assert!(ask(&mut engine, 0, write(9, "dirty")).answer.result.is_ok());
    assert!(engine.snapshot(&Ask::BRIEF).volatile.is_some());
    engine.shutdown().unwrap();
    let mut engine = LiveEngine::start(&claims(&[]), &options).unwrap();
    assert!(engine.snapshot(&Ask::BRIEF).view.unsynchronised.is_none(), "it ended cleanly");
    assert_eq!(value(&ask(&mut engine, 1, read(9))), "\"dirty\"");
}

#[test]
fn a_damaged_disk_is_said_and_its_mirror_serves() {
    let (dir, options) = folder();
    let profile = claims(&["cache.write=through"]);
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    assert!(ask(&mut engine, 0, write(2, "twice")).answer.result.is_ok());
    engine.shutdown().unwrap();
    std::fs::write(dir.path().join("disk0").join("db"), b"rubbish").unwrap();
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    assert!(engine.notes().iter().any(|note| note.contains("disk0")), "{:?}", engine.notes());
    assert_eq!(value(&ask(&mut engine, 1, read(2))), "\"twice\"");
    let trouble = engine.snapshot(&Ask::BRIEF).disks[0].trouble.clone().unwrap();
    assert!(trouble.contains("hint: `replace disk0`"), "{trouble}");
    act(&mut engine, Action::ReplaceDisk(DiskId(0)));
    until(&mut engine, "the refill", |engine| {
        (engine.snapshot(&Ask::BRIEF).disks[0].role == "online").then_some(())
    });
    engine.shutdown().unwrap();
}

#[test]
fn disks_that_broke_last_are_trusted_after_a_restart() {
    let (_dir, options) = folder();
    let profile = claims(&["cache.write=through"]);
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    assert!(ask(&mut engine, 0, write(2, "old")).answer.result.is_ok());
    act(&mut engine, Action::FailDisk(DiskId(0)));
    until(&mut engine, "the first failure in a view", |engine| {
        let done = ask(engine, 1, write(2, "new"));
        let failed = engine.snapshot(&Ask::BRIEF).disks[0].role == "failed";
        (failed && done.answer.result.is_ok()).then_some(())
    });
    act(&mut engine, Action::FailDisk(DiskId(1)));
    let refused = ask(&mut engine, 0, write(3, "never"));
    assert_eq!(refused.answer.result.unwrap_err(), HostError::Media);
    drop(engine);
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    let shot = engine.snapshot(&Ask::BRIEF);
    assert_eq!((shot.disks[0].role.as_str(), shot.disks[1].role.as_str()), ("failed", "online"));
    assert_eq!(value(&ask(&mut engine, 1, read(2))), "\"new\"");
    act(&mut engine, Action::ReplaceDisk(DiskId(0)));
    until(&mut engine, "the refill", |engine| {
        (engine.snapshot(&Ask::BRIEF).disks[0].role == "online").then_some(())
    });
    engine.shutdown().unwrap();
}

/// The lens of a live cluster knows the marks of an AMF that is gone: what it had not written to the disks is
/// in doubt, and is not said to survive.
#[test]
fn the_lens_knows_what_whoever_left_had_marked() {
    let sets = ["cluster.replicas=0", "dirty_log.region=1", "cache.destage_age_ms=0"];
    let mut engine = start(&sets);
    assert!(ask(&mut engine, 0, write(2, "old")).answer.result.is_ok());
    act(&mut engine, Action::Destage(Target::All));
    settle(&mut engine);
    assert!(ask(&mut engine, 0, write(2, "lost")).answer.result.is_ok());
    act(&mut engine, Action::Crash(AmfId(0)));
    until(&mut engine, "its eviction", |engine| {
        let view = engine.snapshot(&Ask::BRIEF).view;
        view.incarnation(AmfId(0)).is_none().then_some(())
    });
    let lens = until(&mut engine, "a look at the disks", |engine| {
        let lens = engine.snapshot(&Ask { lens: Some(Block(2)), ..Ask::BRIEF }).lens?;
        (!matches!(lens.power, Survivor::Unknown)).then_some(lens)
    });
    assert!(matches!(lens.power, Survivor::InDoubt { .. }), "{lens:#?}");
    assert_eq!(ask(&mut engine, 1, read(2)).answer.result.unwrap_err(), HostError::InDoubt);
    engine.shutdown().unwrap();
}

/// An entry that cannot be read, and a journal that is not there at all: what they may have had is in doubt,
/// not silently old, and a journal that is whole again at a later start does not end that.
#[test]
fn what_a_damaged_journal_may_have_had_is_in_doubt() {
    let sets = ["journal.enabled=true", "dirty_log.region=1", "cluster.protocol=sharing"];
    let profile = claims(&sets);
    for all in [false, true] {
        let (dir, options) = folder();
        let mut engine = LiveEngine::start(&profile, &options).unwrap();
        assert!(ask(&mut engine, 0, write(2, "old")).answer.result.is_ok());
        act(&mut engine, Action::Destage(Target::All));
        settle(&mut engine);
        assert!(ask(&mut engine, 0, write(2, "lost")).answer.result.is_ok());
        assert!(ask(&mut engine, 1, write(3, "kept")).answer.result.is_ok());
        drop(engine);
        if all {
            std::fs::remove_dir_all(dir.path().join("journal-amf0")).unwrap();
        } else {
            let lock = Folder::lock(dir.path()).unwrap();
            let mut opened = open_all(Some(lock), &profile.config, &profile.store, false).unwrap();
            let store = &mut opened.journals[0].store;
            assert_eq!(store.execute(&[StoreOp::Spoil { at: 2 }]), [Ok(StoreDone::Done)]);
            opened.journals.iter_mut().for_each(|journal| journal.store.close().unwrap());
            opened.disks.iter_mut().for_each(|disk| disk.store.close().unwrap());
        }
        for start in 0..3 {
            let mut engine = LiveEngine::start(&profile, &options).unwrap();
            let said = engine.notes().iter().any(|note| note.contains("journal of amf0"));
            assert_eq!(said, start == 0, "{all} {start}: {:?}", engine.notes());
            let done = ask(&mut engine, 1, read(2));
            assert_eq!(done.answer.result.unwrap_err(), HostError::InDoubt, "{all} {start}");
            assert_eq!(value(&ask(&mut engine, 0, read(3))), "\"kept\"");
            settle(&mut engine);
        }
        let mut engine = LiveEngine::start(&profile, &options).unwrap();
        act(&mut engine, Action::AcceptLoss);
        let old = until(&mut engine, "an answer that is data", |engine| {
            let done = ask(engine, 1, read(2));
            done.answer.result.is_ok().then(|| value(&done))
        });
        assert_eq!(old, "\"old\"");
        engine.shutdown().unwrap();
    }
}
