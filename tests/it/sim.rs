//! The simulator: small runs by hand. Campaigns of drawn runs are in `campaign`.

use amflab::profile;
use amflab::protocol::id::{AmfId, Block, Epoch, OpId, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Advance, Engine, HostPort};

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
