//! The live cluster's recordings: real disks, an earlier life of the data folder, faults, refusals.
//! `live_replay` has the run under every fault.

use super::{fold, read};
use amflab::live::{LiveEngine, LiveHandle, LiveOptions};
use amflab::protocol::id::{AmfId, Block, DiskId, NodeId, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::trace::recording::{Outcome, Tail};
use amflab::trace::{Action, Advance, Ask, Engine, Faults, LinkSetting, Step};
use amflab::world::World;
use std::path::Path;

fn start(folder: &Path, file: &Path) -> LiveEngine {
    let profile = amflab::profile::load("claims", &["cluster.amfs=3".to_owned()]).unwrap();
    let options = LiveOptions {
        data_dir: Some(folder.to_owned()),
        keep_steps: true,
        ..LiveOptions::default()
    };
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    engine.submit(Action::Record(Some(file.to_owned()))).unwrap();
    engine
}

fn write(host: &LiveHandle, amf: u8, block: u64, text: &str) {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(4096, 0);
    let sectors = Sectors::of_blocks(Block(block), 1, 8);
    let kind = RequestKind::Write(sectors, Payload::Bytes(bytes.into()));
    assert!(host.request(AmfId(amf), kind).result.is_ok());
}

fn settle(engine: &mut LiveEngine) {
    while !engine.is_settled() {
        let until = engine.now() + Span::millis(20);
        engine.advance(Advance { until, steps_max: 1 }).unwrap();
    }
}

/// The second run reads what the first has written: content that its log cannot know.
#[test]
fn a_used_data_folder_is_part_of_the_recording() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (files.path().join("first"), files.path().join("second"));
    let mut engine = start(folder.path(), &first);
    for block in 0..12 {
        write(&engine.handle(), 0, block, "from an earlier life");
    }
    engine.shutdown().unwrap();
    drop(engine);
    let mut engine = start(folder.path(), &second);
    let host = engine.handle();
    for block in 0..6 {
        let read = RequestKind::Read(Sectors::of_blocks(Block(block), 1, 8));
        assert!(host.request(AmfId(1), read).result.is_ok());
        write(&host, 2, block, "new");
    }
    settle(&mut engine);
    engine.submit(Action::Crash(AmfId(2))).unwrap();
    settle(&mut engine);
    engine.shutdown().unwrap();
    drop(engine);
    let second = read(&std::fs::read(&second).unwrap());
    assert!(!second.head.origin.blank && second.head.origin.epoch.0 > 1);
    let in_full = second.steps.iter().filter(|step| {
        use amflab::protocol::StoreDone::Got;
        matches!(&step.outcome, Some(Outcome::Full(Ok(Got(Some(_))))))
    });
    assert!((6..=48).contains(&in_full.count()), "what is there is recorded once");
    fold(&second);
    fold(&read(&std::fs::read(&first).unwrap()));
}

/// A partition, a slow link and a slow disk of a live run are steps of its log, at their places.
#[test]
fn what_was_done_to_a_live_network_is_in_its_log() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = files.path().join("run");
    let mut engine = start(folder.path(), &file);
    let [a, b, c] = [0, 1, 2].map(|id| NodeId::Amf(AmfId(id)));
    let made = [
        Action::Link(a, b, LinkSetting::Delay(Span::millis(1))),
        Action::SlowDisk(DiskId(0), Span::millis(1)),
        Action::Partition(vec![vec![c], vec![a, b]]),
        Action::Heal,
        Action::SlowDisk(DiskId(0), Span(0)),
    ];
    for (block, action) in (0..).zip(&made) {
        engine.submit(action.clone()).unwrap();
        if !matches!(action, Action::Partition(_)) {
            write(&engine.handle(), 0, block, "x");
        }
    }
    settle(&mut engine);
    engine.shutdown().unwrap();
    drop(engine);
    let read = read(&std::fs::read(&file).unwrap());
    let mut faults = Faults::default();
    let mut told = Vec::new();
    for step in &read.steps {
        if let Step::Control(control) = &step.entry.step {
            let before = faults.clone();
            faults.on(control, step.entry.now);
            if faults != before {
                told.push(World::control_text(control));
            }
        }
    }
    let expected: Vec<String> = made.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected);
    assert_eq!(faults, Faults::default());
    fold(&read);
}

/// A damaged store's answers are in the log, so a world comes to the same.
#[test]
fn a_disk_with_bad_blocks_is_recorded_as_it_was() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("run");
    let sets = ["cluster.amfs=2", "cache.lines=4", "cache.dirty_high=2"].map(str::to_owned);
    let profile = amflab::profile::load("claims", &sets).unwrap();
    let fault = amflab::store::StoreFault::ReadErrors { every: 3 };
    let options =
        LiveOptions { keep_steps: true, store_fault: Some(fault), ..LiveOptions::default() };
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    engine.submit(Action::Record(Some(file.clone()))).unwrap();
    let host = engine.handle();
    for n in 0..120u64 {
        let sectors = Sectors::of_blocks(Block(n % 40), 1, 8);
        let payload = Payload::Stamp { volume: 0, writer: 1, sequence: n + 1 };
        let kind = match n % 3 {
            0 => RequestKind::Read(sectors),
            _ => RequestKind::Write(sectors, payload),
        };
        let _ = host.request_within(
            AmfId(u8::try_from(n % 2).unwrap()),
            kind,
            std::time::Duration::from_millis(50),
        );
        engine.submit(Action::Destage(amflab::trace::Target::All)).unwrap();
    }
    engine.submit(Action::Record(None)).unwrap();
    let read = read(&std::fs::read(&file).unwrap());
    let errors =
        read.steps.iter().filter(|step| matches!(&step.outcome, Some(Outcome::Full(Err(_)))));
    assert!(errors.count() > 0, "the stores failed");
    fold(&read);
}

/// A full disk ends the recording with its reason; the cluster goes on, and says so.
#[test]
fn a_recording_that_cannot_go_on_says_so() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let profile = amflab::profile::load("claims", &[]).unwrap();
    let options = LiveOptions {
        data_dir: Some(folder.path().to_owned()),
        keep_steps: true,
        ..LiveOptions::default()
    };
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    let begun = engine.submit(Action::Record(Some(full.to_owned())));
    assert!(begun.unwrap_err().to_string().contains("/dev/full"));
    assert_eq!(engine.snapshot(&Ask::BRIEF).recording, None);
    write(&engine.handle(), 0, 1, "it goes on");
    let file = folder.path().join("recording");
    engine.submit(Action::Record(Some(file.clone()))).unwrap();
    // Dropped as if it were killed: what was recorded has its end all the same.
    drop(engine);
    let read = read(&std::fs::read(&file).unwrap());
    assert!(matches!(&read.tail, Tail::Ended(end) if !end.cut_short), "{:?}", read.tail);
    fold(&read);
}
