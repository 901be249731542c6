//! The simulator's recordings.

use super::{fold, read, run};
use amflab::campaign::stage::Stage;
use amflab::protocol::{Payload, RequestKind};
use amflab::timeline::{Timeline, write_log};
use amflab::trace::recording::{Bounds, Recorder, Tail};
use amflab::trace::{Action, Ask, Engine, Step};
use std::io::Read;

/// Bytes that a host sends, which a recording has to hold.
fn content_of(step: &Step) -> usize {
    let Step::Host { request, .. } = step else { return 0 };
    match &request.kind {
        RequestKind::Write(_, Payload::Bytes(bytes))
        | RequestKind::WriteFua(_, Payload::Bytes(bytes)) => bytes.len(),
        RequestKind::CompareAndWrite { old, new, .. } => (old.len() + new.len()) as usize,
        _ => 0,
    }
}

#[test]
fn a_run_under_every_fault_comes_back_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 100..112 {
        let file = folder.path().join(format!("{seed}.amfrec"));
        let (run, log) = run(seed, 120, &file);
        let bytes = std::fs::read(&file).unwrap();
        let read = read(&bytes);
        assert!(matches!(&read.tail, Tail::Ended(end) if end.steps == log.len() as u64));
        assert_eq!(read.head.engine, "sim");
        let entries: Vec<_> = read.steps.iter().map(|step| step.entry.clone()).collect();
        assert_eq!(entries, log, "seed {seed}");
        let again_world = fold(&read);
        run.look(|sim, _| {
            assert_eq!(again_world.world().witness(), sim.world().witness(), "seed {seed}");
            assert_eq!(again_world.world().violations(), sim.world().violations());
        });
        let content: usize = log.iter().map(|entry| content_of(&entry.step)).sum();
        let most = log.len() * 20 + content + 20_000;
        assert!(bytes.len() < most, "{} B, {} steps, {content} B", bytes.len(), log.len());
        // A list of steps becomes the same recording.
        let mut again = Vec::new();
        write_log(&read.profile, &log, &mut again).unwrap();
        assert_eq!(super::read(&again).steps, read.steps, "seed {seed}");
    }
}

#[test]
fn a_recording_can_begin_and_end_at_any_time_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let (run, log) = run(7, 40, &first);
    let refused = |run: &Stage, file| {
        run.look(|sim, _| sim.submit(Action::Record(file)).unwrap_err().to_string())
    };
    assert!(refused(&run, Some(first.clone())).contains("exists and is not empty"));
    assert!(refused(&run, None).contains("nothing is being recorded"));
    // An empty file is as good as none.
    std::fs::write(&second, "").unwrap();
    run.look(|sim, _| sim.submit(Action::Record(Some(second.clone()))).unwrap());
    assert!(refused(&run, Some(folder.path().join("third"))).contains("is being recorded"));
    let info = run.look(|sim, _| sim.snapshot(&Ask::BRIEF)).recording.unwrap();
    assert_eq!((info.steps, info.trouble), (log.len() as u64, None));
    run.look(|sim, _| sim.submit(Action::Destage(amflab::trace::Target::All)).unwrap());
    // The end of the engine is the end of its recording.
    drop(run);
    let read = read(&std::fs::read(&second).unwrap());
    assert!(matches!(&read.tail, Tail::Ended(end) if end.why == "the run ended"));
    assert!(read.steps.len() > log.len());
    fold(&read);
}

#[test]
fn what_was_not_kept_cannot_be_recorded_later() {
    let profile = amflab::profile::load("claims", &[]).unwrap();
    let mut sim = amflab::sim::Sim::new(&profile, 1, amflab::sim::SimOptions::default());
    let folder = tempfile::tempdir().unwrap();
    sim.submit(Action::Crash(amflab::protocol::id::AmfId(0))).unwrap();
    let why = sim.submit(Action::Record(Some(folder.path().join("late")))).unwrap_err();
    assert!(why.to_string().contains("hint: start with --record FILE"), "{why}");
}

/// What does not fit in memory is kept in a file, so a long run can be looked back at; past that bound, too,
/// it says so.
#[test]
fn a_run_that_is_longer_than_memory_is_still_kept_whole() {
    let read = read(&super::recording(12, 120));
    let nodes = (read.profile.config.amfs, read.profile.config.disks_all());
    let keep = |bounds| {
        let mut recorder = Recorder::new(read.head.clone(), nodes, bounds);
        for (at, step) in read.steps.iter().enumerate() {
            recorder.push(step);
            if at % 100 == 0 {
                recorder.flush();
            }
        }
        recorder
    };
    let mut kept = keep(Bounds { memory: 1_000, file: 1 << 20 });
    let mut whole = kept.so_far().unwrap();
    assert!(whole.len() > 5_000, "{} bytes are more than memory takes", whole.len());
    let timeline = Timeline::open(whole.again(), &mut |_| {}).unwrap();
    assert_eq!((timeline.len(), timeline.trouble()), (read.steps.len() as u64, None));
    // It is recorded from its beginning, and what was taken of it before is as it was.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late");
    kept.start(&file).unwrap();
    kept.stop("record off").unwrap();
    assert_eq!(super::read(&std::fs::read(&file).unwrap()).steps, read.steps);
    let mut bytes = Vec::new();
    whole.read_to_end(&mut bytes).unwrap();
    assert_eq!(super::read(&bytes).steps, read.steps);
    let mut kept = keep(Bounds { memory: 1_000, file: 3_000 });
    let why = kept.so_far().unwrap_err();
    assert!(why.contains("longer than what is kept of it"), "{why}");
    assert!(kept.start(&file).unwrap_err().contains("--record FILE"));
}
