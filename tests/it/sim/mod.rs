//! The deterministic world: random faults and workloads over many seeds; the checkers must be silent
//! for the healthy build, must find each seeded defect, and the same seed must give the same events.

mod defects;
mod golden;
pub(crate) mod harness;

use self::harness::{Fault, Recipe, Run, must_be_silent, seeds};
use amflab::profile;
use amflab::protocol::id::{AmfId, Block, Epoch, OpId, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Advance, Engine, HostPort};

/// Campaigns by hand: `AMFLAB_SEEDS=A..B`, the richest draw.
#[cfg(not(test))]
pub fn main() {
    if std::env::var_os("AMFLAB_GOLDEN").is_some() {
        return print!("{}", golden::digests());
    }
    defects::campaign();
}

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

#[test]
fn healthy_seeds_are_silent_without_faults() {
    for seed in seeds(0..150) {
        must_be_silent(seed, Recipe { ops: 60, fault_share: 0.0, ..Recipe::ANY });
    }
}

#[test]
fn healthy_seeds_are_silent_with_faults() {
    for seed in seeds(0..300) {
        must_be_silent(seed, Recipe::ANY);
    }
}

#[test]
fn healthy_seeds_are_silent_with_many_amfs() {
    for seed in seeds(10_000..10_060) {
        let recipe = Recipe { amfs_max: 8, ops: 120, long_gaps: 0.05, hot: 6, ..Recipe::ANY };
        must_be_silent(seed, recipe);
    }
}

/// [T2] Only one AMF may use the volume; it and its partners come and go.
#[test]
fn healthy_seeds_are_silent_with_an_access_list() {
    const ONE: &[&str] = &["cluster.amfs=3", "cluster.protocol=sharing", "volume.access=[1]"];
    for seed in seeds(20_000..20_100) {
        let recipe = Recipe { sets: ONE, fault_share: 0.2, long_gaps: 0.03, ..Recipe::ANY };
        must_be_silent(seed, recipe);
    }
}

#[test]
fn the_same_seed_gives_the_same_events() {
    for seed in 0..20 {
        let digest = |seed| {
            let mut run = Run::new(seed, Recipe { ops: 40, ..Recipe::ANY });
            let _ = run.go();
            run.digest()
        };
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
}

/// What a parity group must survive.
const PARITY_FAULTS: &[Fault] = &[
    Fault::Crash,
    Fault::Crash,
    Fault::Restart,
    Fault::Restart,
    Fault::Pause,
    Fault::Resume,
    Fault::Cut,
    Fault::Heal,
    Fault::Drop,
    Fault::Delay,
    Fault::SlowDisk,
    Fault::FarDisk,
    Fault::FarDisk,
    Fault::FailDisk,
    Fault::FailDisk,
    Fault::ReplaceDisk,
    Fault::ReplaceDisk,
    Fault::ReplaceDisk,
    Fault::Corrupt,
    Fault::Corrupt,
    Fault::Scrub,
    Fault::Evict,
    Fault::Destage,
    Fault::Destage,
    Fault::Witness,
];

/// The layouts with parity, narrow and wide, with a spare and without; and a mirror, for damage and scrubs.
const PARITY_LAYOUTS: &[&[&str]] = &[
    &["group.layout=raid5", "group.disks=3", "group.copies=1", "group.spares=0"],
    &["group.layout=raid5", "group.disks=5", "group.copies=1", "group.spares=1"],
    &["group.layout=raid6", "group.disks=4", "group.copies=1", "group.spares=0"],
    &["group.layout=raid6", "group.disks=6", "group.copies=1", "group.spares=1"],
    &["group.layout=raid5", "group.disks=4", "group.copies=1", "cluster.protocol=moesi"],
    &["group.layout=raid6", "group.disks=5", "group.copies=1", "cluster.protocol=update"],
    &["group.layout=mirror", "group.disks=2", "group.copies=2", "group.spares=0"],
];

/// A run on a parity group, as its seed draws it.
pub(crate) fn parity_recipe(seed: u64) -> Recipe {
    let sets = PARITY_LAYOUTS[usize::try_from(seed % 7).expect("below 7")];
    let hot = if seed.is_multiple_of(3) { 4 } else { 16 };
    let recipe = Recipe { sets, faults: PARITY_FAULTS, fault_share: 0.2, hot, ..Recipe::ANY };
    match seed % 5 {
        0 => Recipe { gap_us: 2_000, ..recipe },
        1 => Recipe { ops: 200, long_gaps: 0.04, ..recipe },
        _ => recipe,
    }
}

#[test]
fn healthy_seeds_are_silent_with_parity() {
    for seed in seeds(30_000..30_150) {
        must_be_silent(seed, parity_recipe(seed));
    }
}
