//! Going on from the middle of a run: any position, with whatever is in flight there.

use super::{Read, bytes_of, fold, read, recording, write};
use amflab::live::{LiveEngine, LiveOptions};
use amflab::profile::Profile;
use amflab::protocol::id::{AmfId, Block, DiskId, NodeId, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Flight, Sim, SimOptions, Trunk, trunk};
use amflab::trace::{
    Action, Advance, Ask, Engine, HoldFilter, HostPort, LinkSetting, Release, Step,
};
use amflab::world::{InFlight, World};

const JUDGED: SimOptions = SimOptions { log: true, judge: true, history: true, keep: false };

/// Everything that is broken is mended, and the cluster comes to rest.
fn mend_and_settle(sim: &mut Sim) {
    for fault in sim.snapshot(&Ask::BRIEF).faults {
        let undone = match fault.what.split_whitespace().collect::<Vec<_>>()[..] {
            ["crash", amf] => sim.submit(Action::Restart(amf_of(amf))),
            ["pause", amf] => sim.submit(Action::Resume(amf_of(amf))),
            ["fail", disk] => {
                let disk = DiskId(disk.trim_start_matches("disk").parse().unwrap());
                // A group without redundancy stays as it is.
                let _ = sim.submit(Action::ReplaceDisk(disk));
                Ok(String::new())
            }
            ["witness", "down"] => sim.submit(Action::Witness(true)),
            ["partition" | "link", ..] => sim.submit(Action::Heal),
            ["slow", disk, _] => {
                let disk = DiskId(disk.trim_start_matches("disk").parse().unwrap());
                sim.submit(Action::SlowDisk(disk, Span(0)))
            }
            ref other => panic!("{other:?} is no fault of a world"),
        };
        undone.unwrap();
    }
    let until = sim.now() + Span::secs(120);
    while !sim.is_settled() && sim.now() < until {
        sim.advance(Advance { until, steps_max: 1_000 }).unwrap();
    }
}

fn amf_of(text: &str) -> AmfId {
    AmfId(text.trim_start_matches("amf").parse().unwrap())
}

/// The trunk at every so-manieth position of a recording.
fn each(profile: &Profile, bytes: &[u8], every: usize, mut at: impl FnMut(&Trunk)) {
    let read = read(bytes);
    let mut trunk = Trunk::new(profile, &read.head, true);
    for (index, step) in read.steps.iter().enumerate() {
        if index % every == 0 {
            at(&trunk);
        }
        assert!(trunk.apply(step), "{:?}", trunk.fold().trouble());
    }
    at(&trunk);
}

/// Runs under every fault, forked at many positions, come to rest, and nothing is found.
#[test]
fn a_healthy_run_goes_on_well_from_anywhere() {
    let (mut forks, mut flying, mut asked) = (0, 0, 0);
    for seed in [101, 104, 107, 110] {
        let bytes = recording(seed, 120);
        let profile = read(&bytes).profile;
        each(&profile, &bytes, 211, |trunk| {
            let world = trunk.fold().world();
            flying += world.in_flight().count();
            asked += world.outstanding();
            let mut sim = trunk.sim(&profile, seed + forks, JUDGED, Flight::Scheduled);
            assert_eq!(sim.now(), world.now());
            mend_and_settle(&mut sim);
            let audited = sim.audit();
            let where_ = format!("seed {seed}, step {}", trunk.fold().position());
            assert_eq!(sim.world().violations(), [], "{where_}");
            assert_eq!(audited.undecided, 0, "{where_}");
            forks += 1;
        });
    }
    assert!(forks > 40 && flying > 100 && asked > 10, "{forks} {flying} {asked}");
}

/// What somebody did to the network before a fork is in force in it, as long as it was in the run.
#[test]
fn a_fork_behind_a_partition_is_behind_it_too() {
    let profile = amflab::profile::load("claims", &["cluster.amfs=3".to_owned()]).unwrap();
    let options = SimOptions { keep: true, ..SimOptions::default() };
    let mut sim = Sim::new(&profile, 3, options);
    let [a, b, c] = [0, 1, 2].map(|id| NodeId::Amf(AmfId(id)));
    let made = [
        Action::Partition(vec![vec![a], vec![b, c]]),
        Action::Link(b, c, LinkSetting::Delay(Span::millis(2))),
        Action::SlowDisk(DiskId(0), Span::millis(5)),
    ];
    let told = |sim: &mut Sim| -> Vec<String> {
        sim.snapshot(&Ask::BRIEF).faults.into_iter().map(|fault| fault.what).collect()
    };
    for action in made.iter().cloned() {
        sim.submit(action).unwrap();
    }
    let (broken, faults) = (sim.world().step_count(), told(&mut sim));
    assert_eq!(faults.len(), 3);
    let until = sim.now() + Span::millis(20);
    sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
    sim.submit(Action::Heal).unwrap();
    sim.submit(Action::SlowDisk(DiskId(0), Span(0))).unwrap();
    let (mended, bytes) = (sim.world().step_count(), bytes_of(&mut sim));
    for at in broken - 3..=mended {
        let mut forked = trunk::fork(bytes.as_slice(), Some(at), 9).unwrap().sim;
        let in_force = if at >= mended - 1 { usize::from(at < mended) } else { 3 };
        let in_force = in_force.min(usize::try_from(at + 3 - broken).unwrap());
        assert_eq!(told(&mut forked).len(), in_force, "step {at}");
        if in_force == 3 {
            assert_eq!(told(&mut forked), faults);
        }
    }
    let mut fork = trunk::fork(bytes.as_slice(), Some(broken), 9).unwrap().sim;
    fork.submit(Action::Unhold(HoldFilter::ALL)).unwrap();
    let sectors = Sectors::of_blocks(Block(1), 1, 8);
    fork.host(AmfId(0), RequestKind::Read(sectors));
    let until = fork.now() + Span::millis(50);
    fork.advance(Advance { until, steps_max: u64::MAX }).unwrap();
    assert!(fork.poll_completion().is_none(), "nobody answers amf0");
    fork.submit(Action::Heal).unwrap();
    mend_and_settle(&mut fork);
    assert!(fork.poll_completion().is_some_and(|done| done.answer.result.is_ok()));
    // Who looks at the recording sees where it was done.
    let marks: Vec<u64> = read(&bytes)
        .steps
        .iter()
        .zip(1..)
        .filter(|(step, _)| match &step.entry.step {
            Step::Control(control) => World::is_fault(control),
            _ => false,
        })
        .map(|(_, position)| position)
        .collect();
    assert_eq!(marks, [broken - 2, broken - 1, broken]);
    fold(&read(&bytes));
}

/// Same place, same seed: the same future; and another seed, another one.
#[test]
fn a_future_is_its_seed() {
    let bytes = recording(104, 120);
    let profile = read(&bytes).profile;
    let mut differ = 0;
    each(&profile, &bytes, 997, |trunk| {
        let log = |seed| {
            let mut sim = trunk.future(seed);
            mend_and_settle(&mut sim);
            (sim.world().step_count(), sim.now(), sim.snapshot(&Ask::BRIEF).counts)
        };
        assert_eq!(log(1), log(1));
        differ += u32::from(log(1) != log(2));
    });
    assert!(differ > 0, "some order depends on the seed");
}

/// A broken rule: before the breach the futures of one place do not all end alike.
#[test]
fn before_a_breach_some_futures_fail_and_some_do_not() {
    let sets = ["cluster.amfs=3", "defect=\"ack_before_grants\""].map(str::to_owned);
    let profile = amflab::profile::load("claims", &sets).unwrap();
    let options = SimOptions { keep: true, ..SimOptions::default() };
    let mut sim = Sim::new(&profile, 3, options);
    let sectors = Sectors::of_blocks(Block(1), 1, 8);
    for round in 0..40u8 {
        let sequence = u64::from(round) + 1;
        let payload = Payload::Stamp { volume: 0, writer: 1, sequence };
        sim.host(AmfId(round % 3), RequestKind::Write(sectors, payload));
        sim.host(AmfId((round + 1) % 3), RequestKind::Read(sectors));
        let until = sim.now() + Span::micros(120);
        sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
    }
    let bytes = bytes_of(&mut sim);
    let (mut failed, mut fine) = (0, 0);
    each(&profile, &bytes, 5, |trunk| {
        if trunk.fold().world().violations_total() > 0 {
            return;
        }
        for seed in 0..6 {
            let mut sim = trunk.future(seed);
            mend_and_settle(&mut sim);
            sim.audit();
            if sim.world().violations_total() > 0 { failed += 1 } else { fine += 1 }
        }
    });
    assert!(failed > 0 && fine > 0, "{failed} failed, {fine} did not");
}

/// A live run is given as a recording while it goes on, and a fork of it goes on in its turn: recorded
/// whole, with every output as this code makes it.
#[test]
fn a_live_run_is_forked_while_it_stands_still_and_the_fork_is_a_recording() {
    let profile = amflab::profile::load("claims", &["cluster.amfs=3".to_owned()]).unwrap();
    let options = LiveOptions { keep_steps: true, ..LiveOptions::default() };
    let mut engine = LiveEngine::start(&profile, &options).unwrap();
    let host = engine.handle();
    for n in 0..30u64 {
        let sectors = Sectors::of_blocks(Block(n % 5), 1, 8);
        let payload = Payload::Stamp { volume: 0, writer: 1, sequence: n + 1 };
        let amf = AmfId(u8::try_from(n % 3).unwrap());
        assert!(host.request(amf, RequestKind::Write(sectors, payload)).result.is_ok());
        assert!(host.request(AmfId(0), RequestKind::Read(sectors)).result.is_ok());
    }
    engine.submit(Action::Hold(HoldFilter::ALL)).unwrap();
    let bytes = bytes_of(&mut engine);
    let steps = engine.snapshot(&Ask::BRIEF).step;
    assert_eq!(read(&bytes).steps.len() as u64, steps);
    assert_eq!(bytes_of(&mut engine), bytes, "it stands still");
    for at in [0, steps / 3, steps / 2, steps - 1, steps] {
        let forked = trunk::fork(bytes.as_slice(), Some(at), 9).unwrap();
        let mut sim = forked.sim;
        assert_eq!((sim.world().step_count(), forked.profile.config.amfs), (at, 3));
        let held = sim.snapshot(&Ask::BRIEF);
        assert!(held.step_mode && held.outstanding == sim.world().outstanding() as u64);
        // The last of what is held goes first.
        if let Some(last) = held.held.last() {
            sim.submit(Action::Deliver(Release::Id(last.id))).unwrap();
        }
        sim.submit(Action::Unhold(HoldFilter::ALL)).unwrap();
        mend_and_settle(&mut sim);
        assert!(!sim.audit().held_back, "{:?}", sim.world().unsettled());
        assert_eq!(sim.world().violations(), [], "step {at}");
        let whole = read(&bytes_of(&mut sim));
        assert_eq!(whole.steps.len() as u64, sim.world().step_count());
        fold(&whole);
    }
    assert!(trunk::fork(bytes.as_slice(), Some(steps + 1), 9).is_err(), "beyond its end");
    engine.submit(Action::Unhold(HoldFilter::ALL)).unwrap();
    engine.shutdown().unwrap();
}

/// What cannot have been recorded is refused in words, and nobody goes on from a machine that is half done.
#[test]
fn a_recording_that_was_made_up_is_not_gone_on_from() {
    use amflab::protocol::Request;
    use amflab::protocol::id::{NodeId, OpId};
    use amflab::trace::Step;
    let bytes = recording(104, 20);
    let Read { head, profile, mut steps, .. } = read(&bytes);
    let len = steps.len() as u64;
    let mut last = steps.last().unwrap().clone();
    let (from, to) = (NodeId::Amf(AmfId(0)), NodeId::Amf(AmfId(1)));
    let asks = |op| {
        let kind = RequestKind::Read(Sectors::of_blocks(Block(1), 1, 8));
        Step::Host { amf: AmfId(0), request: Request { op: OpId(op), kind } }
    };
    for step in [Step::Lose { from, to, no: u64::MAX }, asks(u64::MAX), asks(1 << 56)] {
        last.entry.step = step.clone();
        steps.push(last.clone());
        let made = write(&head, &profile, &steps);
        steps.pop();
        let error = trunk::fork(made.as_slice(), None, 1).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("{step:?} is gone on from"));
        assert!(error.contains(&format!("step {} cannot be followed", len + 1)), "{error}");
        let mut before = trunk::fork(made.as_slice(), Some(len), 1).unwrap().sim;
        before.host(AmfId(0), RequestKind::Flush);
    }
}
