//! The simulator: small runs by hand. Campaigns of drawn runs are in `campaign`.

use amflab::profile;
use amflab::protocol::id::{AmfId, Block, DiskId, Epoch, OpId, Span};
use amflab::protocol::{HostError, Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Advance, Ask, Engine, HostPort, Target};

#[test]
fn a_write_is_read_everywhere() {
    let profile = profile::load("claims", &[]).unwrap();
    let mut sim = Sim::new(&profile, 1, SimOptions::default());
    let sectors = Sectors::of_blocks(Block(3), 1, 8);
    let payload = Payload::Stamp { volume: 0, writer: 9, sequence: 1 };
    let op = sim.host(AmfId(0), RequestKind::Write(sectors, payload));
    assert_eq!(op, OpId(1));
    let until = sim.now() + Span::secs(1);
    sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
    let done = sim.poll_completion().expect("answered");
    assert!(done.answer.result.is_ok(), "{done:?}");
    sim.host(AmfId(1), RequestKind::Read(sectors));
    let until = sim.now() + Span::secs(1);
    sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
    let done = sim.poll_completion().expect("answered");
    let touched = done.answer.result.expect("readable");
    assert_eq!(touched[0].data.as_ref().map(ToString::to_string), Some("w9#1".to_owned()));
    assert_eq!(touched[0].source.to_string(), "amf0");
    assert!(sim.is_settled(), "{:?}", sim.world().unsettled());
}

/// However often a lease is made to run out, its AMF goes on renewing it: it is never evicted for that.
#[test]
fn an_expiry_does_not_postpone_a_renewal_for_ever() {
    let profile = profile::load("claims", &[]).unwrap();
    let mut sim = Sim::new(&profile, 1, SimOptions::default());
    let mut live = 0;
    for _ in 0..100 {
        sim.submit(Action::ExpireLease(AmfId(1))).unwrap();
        let now = sim.now();
        assert!(sim.world().amf(AmfId(1)).unwrap().lease_until() <= now, "it has run out");
        let until = now + Span::millis(300);
        sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
        live += u32::from(sim.world().amf(AmfId(1)).unwrap().lease_until() > until);
        assert_eq!(sim.world().witness().view().epoch, Epoch(1), "nobody is evicted");
    }
    assert!(live >= 10, "in 30 s it is renewed a dozen times: {live}");
}

/// Write-through, and the last disk fails: the host gets an error, and the AMF goes on.
#[test]
fn a_write_through_without_a_disk_is_an_error_and_no_contradiction() {
    let sets = ["cache.write=through", "group.layout=single", "group.disks=1", "group.copies=1"];
    let profile = profile::load("claims", &sets.map(str::to_owned)).unwrap();
    let mut sim = Sim::new(&profile, 1, SimOptions::default());
    let write = |sim: &mut Sim, sequence| {
        let payload = Payload::Stamp { volume: 0, writer: 9, sequence };
        sim.host(AmfId(0), RequestKind::Write(Sectors::of_blocks(Block(3), 1, 8), payload));
        let until = sim.now() + Span::secs(1);
        sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
        sim.poll_completion().expect("answered").answer.result
    };
    // Its region is marked, so that the next write need not ask a disk.
    assert!(write(&mut sim, 1).is_ok());
    sim.submit(Action::FailDisk(DiskId(0))).unwrap();
    assert_eq!(write(&mut sim, 2), Err(HostError::Media));
    assert!(sim.world().amf(AmfId(0)).is_some_and(amflab::protocol::Amf::is_member));
    assert_eq!(sim.world().violations(), []);
}

/// FUA is for one write: that is stored when it is answered, and other dirty lines stay where they are.
#[test]
fn a_write_with_fua_is_stored_and_nothing_else_is() {
    for (name, set) in [
        ("claims", "cluster.protocol=broadcast"),
        ("claims", "cluster.protocol=sharing"),
        ("claims", "cluster.protocol=moesi"),
        ("claims", "cluster.protocol=update"),
        ("claims", "cluster.replicas=0"),
        ("raid5", "cache.write=back"),
    ] {
        // Without the log of regions disks are believed: what they have is what is read.
        let sets = [set.to_owned(), "dirty_log.enabled=false".to_owned()];
        let profile = profile::load(name, &sets).unwrap();
        let mut sim = Sim::new(&profile, 1, SimOptions::default());
        let ask = |sim: &mut Sim, amf, kind| {
            sim.host(AmfId(amf), kind);
            for _ in 0..100_000 {
                if let Some(done) = sim.poll_completion() {
                    return done.answer.result.expect("done");
                }
                let until = sim.now() + Span::secs(1);
                sim.advance(Advance { until, steps_max: 1 }).unwrap();
            }
            panic!("{set}: no answer");
        };
        let stamp = |sequence| Payload::Stamp { volume: 0, writer: 9, sequence };
        let run = |first, blocks| Sectors::of_blocks(Block(first), blocks, 8);
        ask(&mut sim, 0, RequestKind::Write(run(3, 1), stamp(1)));
        ask(&mut sim, 0, RequestKind::Write(run(6, 1), stamp(2)));
        ask(&mut sim, 1, RequestKind::Read(run(5, 1)));
        // Two blocks, one of which is dirty, and half of a third.
        let wide = Sectors { count: 20, ..run(5, 1) };
        ask(&mut sim, 0, RequestKind::WriteFua(wide, stamp(3)));
        let dirty: Vec<u64> = sim.snapshot(&Ask::ALL).amfs[0]
            .lines
            .iter()
            .filter(|line| line.state.is_dirty())
            .map(|line| line.block.0)
            .collect();
        assert_eq!(dirty, [3], "{set}");
        sim.submit(Action::PowerFail).unwrap();
        let until = sim.now() + Span::secs(30);
        sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
        let read = ask(&mut sim, 1, RequestKind::Read(wide));
        let texts: Vec<String> =
            read.iter().map(|t| t.data.as_ref().unwrap().to_string()).collect();
        assert_eq!(texts, ["w9#3", "w9#3", "w9#3"], "{set}");
        assert_eq!(sim.world().violations(), [], "{set}");
    }
}

/// What disks have done is not forgotten because power failed: figures are differences of counters.
#[test]
fn counters_do_not_go_back_at_a_power_failure() {
    let profile = profile::load("claims", &[]).unwrap();
    let mut sim = Sim::new(&profile, 1, SimOptions::default());
    let sectors = Sectors::of_blocks(Block(3), 1, 8);
    let payload = Payload::Stamp { volume: 0, writer: 9, sequence: 1 };
    sim.host(AmfId(0), RequestKind::Write(sectors, payload));
    let until = sim.now() + Span::secs(1);
    sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
    for action in [Action::Destage(Target::All), Action::PowerFail] {
        sim.submit(action).unwrap();
        let until = sim.now() + Span::secs(1);
        sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
        let before = sim.snapshot(&Ask::BRIEF).counts;
        assert!(before.disk_writes > 0, "{before:?}");
        sim.host(AmfId(1), RequestKind::Read(sectors));
        let until = sim.now() + Span::secs(10);
        sim.advance(Advance { until, steps_max: u64::MAX }).unwrap();
        let since = sim.snapshot(&Ask::BRIEF).counts.since(&before);
        assert!(since.disk_reads + since.peer_transfers > 0, "{since:?}");
    }
}
