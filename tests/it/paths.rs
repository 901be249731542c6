//! Hosts of workloads and replays with several paths, in a session as the console and scripts have it.

use amflab::profile;
use amflab::protocol::id::{AmfId, Instant};
use amflab::session::{Replay, ReplayProgress, ReplayState, Session};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Command};
use amflab::workload::{Feed, Generator};

/// A replay of 60 requests, 20 at each of three AMFs, one of which is down.
fn replayed(paths: u8) -> ReplayProgress {
    let text = "[cluster]\namfs = 3\n[timing]\nlease_ms = 100\nsuspect_after_ms = 50\n\
                [[workload]]\nname = \"w\"\nops = 60\nautostart = false\n";
    let sets = [format!("host.paths={paths}")];
    let profile = profile::parse("paths", "paths", text, &sets).expect("a profile");
    let sim = Sim::new(&profile, 1, SimOptions::default());
    let mut session = Session::new(Box::new(sim), &profile);
    session.execute(&Command::Act(Action::Crash(AmfId(1)))).expect("it goes on");
    let (spec, config) = (profile.workloads[0].clone(), profile.config.clone());
    let feed = move |writer, now: Instant| -> Box<dyn Feed> {
        Box::new(Generator::driver(&spec, &config, 1, writer, now))
    };
    let (words, name) = (String::new(), "w".to_owned());
    let replay = Replay { words, name, requests: 60, is_flat_out: true, feed: Box::new(feed) };
    session.start_replay(replay).expect("none is running");
    for _ in 0..1_000_000 {
        let progress = session.replay().expect("one was started");
        if matches!(progress.state, ReplayState::Done | ReplayState::Stopped) {
            return progress.clone();
        }
        session.advance(Instant::NEVER).expect("it goes on");
    }
    panic!("the replay does not end: {:?}", session.replay());
}

#[test]
fn a_replay_goes_round_an_amf_that_is_down() {
    let progress = replayed(4);
    assert_eq!((progress.state, progress.answered), (ReplayState::Done, 60));
    assert_eq!(progress.errors, 0, "{progress:?}");
    assert!(progress.retried > 0 && progress.retried < 60, "{progress:?}");
    let end = format!("0 errors, {} retried", progress.retried);
    assert!(progress.told().ends_with(&end), "{}", progress.told());
    // With one path whoever is turned away has nobody else to ask.
    let alone = replayed(1);
    assert_eq!((alone.state, alone.answered, alone.retried), (ReplayState::Done, 60, 0));
    assert!(alone.errors > 0 && alone.touches < progress.touches, "{alone:?}");
    assert!(!alone.told().contains("retried"), "{}", alone.told());
}
