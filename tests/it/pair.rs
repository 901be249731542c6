//! Two simulated clusters on the same input.

use amflab::profile::{self, Profile};
use amflab::protocol::id::{AmfId, Instant, Span};
use amflab::protocol::{RequestKind, Sectors};
use amflab::session::{Session, Status};
use amflab::sim::pair::Pair;
use amflab::sim::{Sim, SimOptions};
use amflab::trace::engine::{Advance, Engine, HostPort};
use amflab::trace::snapshot::Ask;
use amflab::trace::{Command, Limits, Snapshot, parse_command};
use std::path::Path;

fn loaded(sets: &[&str]) -> Profile {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    profile::load("demo", &sets).expect("a good profile")
}

fn sim(profile: &Profile) -> Sim {
    Sim::new(profile, profile.seed, SimOptions { keep: true, ..SimOptions::default() })
}

fn pair(first: &Profile, second: &Profile) -> Pair {
    Pair::new([sim(first), sim(second)], ["one".to_owned(), "other".to_owned()])
}

/// Runs commands over an engine, and has how it stands then.
fn played(engine: Box<dyn Engine + Send>, profile: &Profile, script: &str) -> Snapshot {
    let limits = Limits::of(profile, Path::new("."));
    let mut session = Session::new(engine, profile);
    for line in script.lines() {
        let command = parse_command(line, &limits).unwrap_or_else(|error| panic!("{error}"));
        let report = session.execute(&command).expect("no break");
        assert_eq!(report.status, Status::Fine, "{line}: {:?}", report.lines);
    }
    session.snapshot(&Ask::ALL)
}

const LOAD: &str = "workload start storm\nwait 50ms\nworkload stop storm\nsettle";

/// Two clusters that are the same do the same, and the same as one that is alone.
#[test]
fn equal_clusters_stay_equal() {
    let profile = loaded(&[]);
    let mut both = played(Box::new(pair(&profile, &profile)), &profile, LOAD);
    let beside = both.beside.take().expect("there are two");
    let [one, other] = &beside.sides;
    assert!(one.answered > 100, "{one:?}");
    assert_eq!((one.answered, one.errors), (other.answered, other.errors));
    assert_eq!((one.hits, one.misses), (other.hits, other.misses));
    assert_eq!((one.read_ns, one.write_ns), (other.read_ns, other.write_ns));
    assert_eq!(both.counts, beside.other.counts);
    assert_eq!(both.amfs, beside.other.amfs);
    assert_eq!(both.now, beside.other.now);
    let alone = played(Box::new(sim(&profile)), &profile, LOAD);
    assert_eq!(both.counts, alone.counts);
    assert_eq!(both.amfs, alone.amfs);
}

/// Every request goes to both, whatever their protocols; what each had to do for it differs.
#[test]
fn different_clusters_get_the_same_requests() {
    let (sharing, broadcast) = (loaded(&[]), loaded(&["cluster.protocol=broadcast"]));
    let both = played(Box::new(pair(&sharing, &broadcast)), &sharing, LOAD);
    let beside = both.beside.expect("there are two");
    let [one, other] = &beside.sides;
    assert_eq!(one.answered, other.answered, "nothing is outstanding");
    assert_eq!(one.hits + one.misses, other.hits + other.misses, "touches are part of the input");
    assert_eq!((one.name.as_str(), other.name.as_str()), ("one", "other"));
    let sent = |counts: &amflab::trace::Counts| counts.sent_all();
    assert!(sent(&both.counts) < sent(&beside.other.counts), "broadcasts cost messages");
    assert_eq!(beside.other.counts.broadcasts_saved, 0);
    assert!(both.counts.broadcasts_saved > 0);
    assert_eq!((both.violations_total, beside.other.violations_total), (0, 0));
}

/// A request is answered once both have answered it: neither runs ahead.
#[test]
fn the_slower_one_is_waited_for() {
    let (fast, slow) = (loaded(&[]), loaded(&["link.delay_us=20000"]));
    let mut pair = pair(&fast, &slow);
    pair.advance(Advance { until: Instant(0) + Span::secs(1), steps_max: u64::MAX }).expect("ok");
    let begun = pair.now();
    let sectors = Sectors { first: 0, count: 8 };
    let op = pair.host(AmfId(0), RequestKind::Read(sectors));
    let mut both = None;
    while both.is_none() {
        let snapshot = pair.snapshot(&Ask::BRIEF);
        assert_eq!(snapshot.now, snapshot.beside.expect("two").other.now, "one clock");
        pair.advance(Advance { until: begun + Span::secs(10), steps_max: 1 }).expect("ok");
        both = pair.poll_completion();
    }
    let done = both.expect("it was answered");
    assert_eq!(done.answer.op, op);
    let waited = pair.now().since(begun);
    assert!(waited >= Span::millis(40), "there and back on the slow link: {waited:?}");
    assert!(done.ended.since(done.started) < Span::millis(40), "the first's own time is told");
    let sides = pair.snapshot(&Ask::BRIEF).beside.expect("two").sides;
    let p50 = |at: usize| sides[at].read_ns.expect("a read")[0];
    assert!(p50(1) > 40_000_000 && p50(0) < 40_000_000, "{} {}", p50(0), p50(1));
}

/// Faults, and everything else that is done to a cluster, happen to both.
#[test]
fn commands_are_for_both() {
    let (sharing, moesi) = (loaded(&[]), loaded(&["cluster.protocol=moesi"]));
    let script =
        "write amf0 3 \"x\"\ncrash amf0\nwait 5s\nread amf1 3\nfail disk1\nhold on\nstep 3";
    let both = played(Box::new(pair(&sharing, &moesi)), &sharing, script);
    let other = both.beside.expect("there are two").other;
    for snapshot in [&both.amfs, &other.amfs] {
        assert_eq!(snapshot[0].status.name(), "down");
    }
    for snapshot in [&both.disks, &other.disks] {
        assert!(snapshot[1].failed);
    }
    assert!(both.step_mode && other.step_mode);
    assert_eq!((both.violations_total, other.violations_total), (0, 0));
    assert_ne!(both.view.protocol, other.view.protocol);
}

/// The same seed, the same commands: the same figures, on both sides.
#[test]
fn a_pair_is_repeatable() {
    let (sharing, update) = (loaded(&[]), loaded(&["cluster.protocol=update"]));
    let once = || played(Box::new(pair(&sharing, &update)), &sharing, LOAD);
    assert_eq!(once(), once());
}

/// A command that takes one of them longer leaves nothing undone in the other: it is where it would be alone.
#[test]
fn who_is_done_sooner_does_meanwhile_what_is_due() {
    let (slow, fast) = (loaded(&["link.delay_us=20000"]), loaded(&[]));
    let script = "wait 1s\nprotocol moesi";
    let both = played(Box::new(pair(&slow, &fast)), &slow, script);
    let other = both.beside.expect("there are two").other;
    assert_eq!(both.now, other.now, "one clock");
    let mut alone = Session::new(Box::new(sim(&fast)), &fast);
    let limits = Limits::of(&fast, Path::new("."));
    for line in script.lines() {
        let command = parse_command(line, &limits).unwrap_or_else(|error| panic!("{error}"));
        alone.execute(&command).expect("no break");
    }
    let rest = both.now.since(alone.now());
    assert!(rest > Span(0), "the slower one took longer");
    alone.execute(&Command::Wait(rest)).expect("no break");
    let alone = alone.snapshot(&Ask::ALL);
    assert_eq!((other.step, &other.counts), (alone.step, &alone.counts));
    assert_eq!(other.amfs, alone.amfs);
}
