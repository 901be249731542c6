//! A live run is a log of steps: again into a World it gives the same answers and the same state.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile;
use amflab::protocol::group::Group;
use amflab::protocol::id::{AmfId, Block, DiskId, NodeId, OpId, Span, Version};
use amflab::protocol::{
    Answer, HostError, LineState, Payload, Protocol, RequestKind, Sectors, StoreOp,
};
use amflab::store::{BlockStore, Folder, open_all};
use amflab::timeline::{Fold, head_of};
use amflab::trace::recording::{Recorded, Tail, file};
use amflab::trace::{
    Action, Advance, Ask, Engine, HoldFilter, HostPort, LinkSetting, Release, Target,
};
use amflab::world::World;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::path::Path;

const SETS: [&str; 5] = [
    "cluster.amfs=3",
    "timing.lease_ms=400",
    "timing.renew_ms=100",
    "timing.retry_ms=5",
    "group.spares=1",
];
const BLOCKS: u64 = 16;

fn wait(engine: &mut LiveEngine, what: &str, mut done: impl FnMut(&mut LiveEngine) -> bool) {
    let begun = std::time::Instant::now();
    while !done(engine) {
        assert!(begun.elapsed().as_secs() < 60, "{what}: {:#?}", engine.snapshot(&Ask::BRIEF));
        let until = engine.now() + Span::millis(50);
        engine.advance(Advance { until, steps_max: 1 }).unwrap();
    }
}

/// Two hosts, at random, while the network and the AMFs have their troubles.
fn live_through_it(engine: &mut LiveEngine) -> BTreeMap<OpId, Answer> {
    let mut answers = BTreeMap::new();
    let troubles: [fn(&mut LiveEngine); 9] = [
        |_| {},
        |e| {
            let (a, b) = (NodeId::Amf(AmfId(0)), NodeId::Amf(AmfId(1)));
            for setting in [LinkSetting::Drop(200_000), LinkSetting::Duplicate(200_000)] {
                e.submit(Action::Link(a, b, setting)).unwrap();
            }
            e.submit(Action::Link(a, b, LinkSetting::Reorder)).unwrap();
        },
        |e| {
            e.submit(Action::Heal).unwrap();
            e.submit(Action::Crash(AmfId(2))).unwrap();
        },
        |e| {
            e.submit(Action::Restart(AmfId(2))).unwrap();
            e.submit(Action::FailDisk(DiskId(1))).unwrap();
        },
        |e| {
            e.submit(Action::Pause(AmfId(1))).unwrap();
        },
        |e| {
            e.submit(Action::Resume(AmfId(1))).unwrap();
            e.submit(Action::Partition(vec![vec![NodeId::Amf(AmfId(0))]])).unwrap();
        },
        |e| {
            e.submit(Action::Heal).unwrap();
            e.submit(Action::ReplaceDisk(DiskId(1))).unwrap();
            e.submit(Action::ExpireLease(AmfId(2))).unwrap();
        },
        |e| {
            e.submit(Action::Destage(Target::All)).unwrap();
            e.submit(Action::Evict(AmfId(0), None)).unwrap();
        },
        |e| {
            e.submit(Action::Witness(false)).unwrap();
            e.submit(Action::Witness(true)).unwrap();
        },
    ];
    for (round, trouble) in (1u32..).zip(troubles) {
        trouble(engine);
        let hosts: Vec<_> = (0..2)
            .map(|host| {
                let (handle, writer) = (engine.handle(), round * 2 + host);
                std::thread::spawn(move || {
                    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(writer));
                    let mut ask = |sequence| {
                        let first = rng.random_range(0..BLOCKS * 8 - 8);
                        let sectors = Sectors { first, count: rng.random_range(1..=8) };
                        let stamp = Payload::Stamp { volume: 1, writer, sequence };
                        let kind = match rng.random_range(0..3) {
                            0 => RequestKind::Read(sectors),
                            1 => RequestKind::Zero(sectors),
                            _ => RequestKind::Write(sectors, stamp),
                        };
                        let amf = AmfId(rng.random_range(0..3));
                        handle.request_within(amf, kind, std::time::Duration::from_millis(400))
                    };
                    (1..=40).map(&mut ask).collect::<Vec<Answer>>()
                })
            })
            .collect();
        for host in hosts {
            answers.extend(host.join().unwrap().into_iter().map(|answer| (answer.op, answer)));
        }
    }
    answers
}

/// Folds a recording, every output compared.
fn fold(recording: &Path) -> (Fold, BTreeMap<OpId, Answer>, Vec<Recorded>) {
    let (mut reader, profile) = head_of(file::open(recording).unwrap()).unwrap();
    let mut fold = Fold::new(&profile, reader.head());
    let (mut answers, mut steps) = (BTreeMap::new(), Vec::new());
    while let Some(chunk) = reader.next_chunk().unwrap() {
        for step in chunk.steps {
            let on = fold.apply_with(&step, &mut |answer: &Answer| {
                answers.insert(answer.op, answer.clone());
            });
            assert!(on && fold.trouble().is_none(), "{}", fold.trouble().unwrap());
            steps.push(step);
        }
    }
    assert!(matches!(reader.tail(), Tail::Ended(end) if !end.cut_short), "{:?}", reader.tail());
    (fold, answers, steps)
}

fn record(engine: &mut LiveEngine, path: &Path) {
    engine.submit(Action::Record(Some(path.to_owned()))).unwrap();
}

/// What was recorded so far, with its end.
fn recorded(engine: &mut LiveEngine) {
    engine.submit(Action::Record(None)).unwrap();
}

type Lines = Vec<(AmfId, Block, LineState, Version)>;

fn lines_live(engine: &mut LiveEngine) -> Lines {
    let shot = engine.snapshot(&Ask::ALL);
    let of = |amf: &amflab::trace::snapshot::AmfInfo| {
        let id = amf.id;
        amf.lines.iter().map(move |l| (id, l.block, l.state, l.version)).collect::<Lines>()
    };
    shot.amfs.iter().flat_map(of).collect()
}

fn lines_folded(world: &World) -> Lines {
    let amfs = (0..3).map(AmfId).filter_map(|amf| world.amf(amf));
    amfs.flat_map(|amf| {
        let id = amf.id();
        amf.lines().map(move |l| (id, l.block, l.state, l.version)).collect::<Lines>()
    })
    .collect()
}

/// The versions in the stores of a run that has ended, and in the world's.
fn compare_disks(folder: &Path, world: &World) {
    let profile = profile::load("claims", &SETS.map(str::to_owned)).unwrap();
    let lock = Folder::lock(folder).unwrap();
    let opened = open_all(Some(lock), &profile.config, &profile.store, false).unwrap();
    let group = Group::new(&profile.config.group);
    let blocks_on_disk = (0..BLOCKS).map(|n| group.places(Block(n))[0].at).max().unwrap() + 1;
    for (mut disk, id) in opened.disks.into_iter().zip((0..).map(DiskId)) {
        for at in 0..blocks_on_disk {
            let done = disk.store.execute(&[StoreOp::Get { at }]).remove(0).unwrap();
            let amflab::protocol::StoreDone::Got(record) = done else { panic!("a get gets") };
            let version = record.map_or(Version::ZERO, |record| record.version);
            assert_eq!(version, world.version_on(id, at), "{id} block {at}");
        }
    }
}

#[test]
fn a_live_run_folds_into_a_world_with_equal_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile::load("claims", &SETS.map(str::to_owned)).unwrap();
    let options = LiveOptions {
        data_dir: Some(folder.path().to_owned()),
        keep_steps: true,
        ..LiveOptions::default()
    };
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    let files = tempfile::tempdir().unwrap();
    let (first, second) = (files.path().join("first"), files.path().join("second"));
    record(&mut engine, &first);
    let live = live_through_it(&mut engine);
    wait(&mut engine, "to settle", Engine::is_settled);
    let lines = lines_live(&mut engine);
    recorded(&mut engine);
    // A recording that begins late holds the run from its first step all the same.
    record(&mut engine, &second);
    let (again, replies, steps) = fold(&first);
    let world = again.world();
    assert!(steps.len() > 1_000, "{} steps", steps.len());
    let times: Vec<_> = steps.iter().map(|step| step.entry.now).collect();
    assert!(times.is_sorted(), "time never decreases");
    assert_eq!(lines_folded(world), lines);
    for (op, answer) in &live {
        match replies.get(op) {
            // Its host had stopped waiting.
            Some(_) if answer.result == Err(HostError::Timeout) => {}
            Some(same) => assert_eq!(answer, same),
            // It reached no machine.
            None => assert!(
                matches!(answer.result, Err(HostError::NotServing | HostError::Timeout)),
                "{answer:?}"
            ),
        }
    }
    let done = live.values().filter(|answer| answer.result.is_ok()).count();
    assert!(done > 200, "{done} of {} were done", live.len());
    assert_eq!(engine.snapshot(&Ask::BRIEF).violations, []);
    assert_eq!(world.violations(), []);
    engine.shutdown().unwrap();
    drop(engine);
    let (again, _, all) = fold(&second);
    assert_eq!(all[..steps.len()], steps);
    compare_disks(folder.path(), again.world());
}

/// Step mode, a protocol switch and a seeded defect are steps like all others.
#[test]
fn interference_by_hand_folds_too() {
    let profile = profile::load("claims", &SETS.map(str::to_owned)).unwrap();
    let options = LiveOptions { keep_steps: true, ..LiveOptions::default() };
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    let write = |n: u64| {
        let stamp = Payload::Stamp { volume: 1, writer: 1, sequence: n + 1 };
        RequestKind::Write(Sectors { first: n * 8, count: 8 }, stamp)
    };
    engine.submit(Action::Hold(HoldFilter::ALL)).unwrap();
    let first = engine.host(AmfId(0), write(1));
    for _ in 0..6 {
        // Refused where nothing is held, or what is held is a disk's own work.
        let _ = engine.submit(Action::Repeat(Release::Oldest(1)));
        let _ = engine.submit(Action::Lose(Release::Oldest(1)));
        engine.submit(Action::Step(2)).unwrap();
    }
    engine.submit(Action::Unhold(HoldFilter::ALL)).unwrap();
    wait(&mut engine, "the first answer", |engine| {
        std::iter::from_fn(|| engine.poll_completion()).any(|done| done.answer.op == first)
    });
    engine.submit(Action::Protocol(Protocol::Sharing)).unwrap();
    wait(&mut engine, "the switch", |engine| {
        let switched = engine.snapshot(&Ask::BRIEF).view.protocol == Protocol::Sharing;
        switched && engine.is_settled()
    });
    let defect = amflab::protocol::Defect::SkipOneInvalidate;
    engine.submit(Action::Defect(defect, true)).unwrap();
    for n in 0..BLOCKS {
        engine.host(AmfId(u8::try_from(n % 3).unwrap()), write(n));
    }
    wait(&mut engine, "to settle", Engine::is_settled);
    let lines = lines_live(&mut engine);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    record(&mut engine, &path);
    recorded(&mut engine);
    let (again, ..) = fold(&path);
    let world = again.world();
    assert_eq!(lines_folded(world), lines);
    assert_eq!(world.witness().view().protocol, Protocol::Sharing);
}
