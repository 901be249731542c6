//! The same seed, the same events, byte for byte, on every machine; and a log of steps is the run.

use super::harness::{Recipe, Run, seeds};
use amflab::protocol::id::Epoch;
use amflab::sim::SimOptions;
use amflab::world::World;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

const SEEDS: u64 = 1_000;
/// Short runs: a thousand of them belong to every `cargo test`.
const SHORT: Recipe = Recipe { ops: 40, fault_share: 0.15, read_back: false, ..Recipe::ANY };

/// A line a seed: its number, its steps, the digest of every event's time and text, the verdict.
pub(super) fn digests() -> String {
    let mut lines = String::new();
    for seed in 0..SEEDS {
        let mut run = Run::new(seed, SHORT);
        let verdict = run.go().map_or_else(|found| found.checker, |()| "ok".to_owned());
        let (steps, digest) = (run.sim.world().step_count(), run.digest());
        writeln!(lines, "{seed} {steps} {digest:016x} {verdict}").expect("a string");
    }
    lines
}

/// `tests/golden/seeds.txt` has the digest of every event's time and text of each seed. It may only
/// change together with a change of the protocol, the draw or the events: read the reason, then bless
/// with `AMFLAB_BLESS=1`.
#[test]
fn golden_seeds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/seeds.txt");
    let lines = digests();
    if std::env::var_os("AMFLAB_BLESS").is_some() {
        std::fs::write(&path, &lines).expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&path).expect("tests/golden/seeds.txt");
    let differs = golden.lines().zip(lines.lines()).find(|(golden, now)| golden != now);
    if let Some((golden, now)) = differs {
        panic!("seed, steps, digest, verdict: `{golden}` became `{now}` (AMFLAB_BLESS=1 accepts)");
    }
    assert_eq!(golden.lines().count(), lines.lines().count(), "as many seeds");
}

/// A cluster is a pure fold over its log: the steps of a run give a fresh world the same outputs,
/// violations and end.
#[test]
fn a_step_log_replays_into_a_fresh_world() {
    for seed in seeds(0..25) {
        let options = SimOptions { log: true, judge: false, ..SimOptions::default() };
        let mut run = Run::with_options(seed, Recipe { ops: 60, ..Recipe::ANY }, options);
        run.go().unwrap_or_else(|found| panic!("seed {seed}: {found:?}"));
        let (first, log) = (run.sim.world(), run.sim.log());
        assert_eq!(log.len() as u64, first.step_count(), "seed {seed}: every step is in the log");
        let mut second = World::new(&Arc::clone(first.config()), Epoch(1), false);
        for entry in log {
            second.apply(entry).unwrap_or_else(|bad| panic!("seed {seed}: {bad}"));
            while second.poll_effect().is_some() {}
        }
        assert_eq!(first.violations(), second.violations(), "seed {seed}");
        assert_eq!(first.unsettled(), second.unsettled(), "seed {seed}");
        assert_eq!(first.witness(), second.witness(), "seed {seed}");
        for amf in first.witness().view().set().iter() {
            let observed = |world: &World| {
                let mut amf = world.amf(amf)?.clone();
                amf.observe(false);
                Some(amf)
            };
            assert_eq!(observed(first), observed(&second), "seed {seed}: {amf}");
        }
        for disk in (0..first.config().disks_all()).map(amflab::protocol::id::DiskId) {
            assert_eq!(first.disk(disk), second.disk(disk), "seed {seed}: {disk}");
        }
    }
}
