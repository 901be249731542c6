//! The same seed, the same steps on every machine; and a log of steps is the run.

use super::space;
use amflab::campaign::direct::Director;
use amflab::campaign::stage::Stage;
use amflab::campaign::{Space, Spec, run_seed};
use amflab::protocol::id::Epoch;
use amflab::sim::SimOptions;
use amflab::trace::step::StepEntry;
use amflab::world::World;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

const SEEDS: u64 = 300;
/// Short runs: they belong to every `cargo test`.
const OPS: u32 = 30;

/// FNV-1a: the same on every machine.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

fn digest(log: &[StepEntry]) -> u64 {
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    for entry in log {
        entry.hash(&mut fnv);
    }
    fnv.finish()
}

/// A line a seed: its number, its steps, the digest of every step, the verdict.
fn digests() -> String {
    let space = Space::new(Spec { ops: Some(OPS), ..Spec::default() }).expect("it fits");
    let mut lines = String::new();
    for seed in 0..SEEDS {
        let result = run_seed(&space, seed, true).expect("it fits");
        let verdict = result.finding.map_or_else(|| "ok".to_owned(), |found| found.checker);
        let (steps, digest) = (result.steps, digest(&result.log));
        writeln!(lines, "{seed} {steps} {digest:016x} {verdict}").expect("a string");
    }
    lines
}

/// `tests/golden/seeds.txt` has the digest of every step of each seed. It may only change together with a
/// change of the protocol, the draw or the steps: read the reason, then bless with `AMFLAB_BLESS=1`.
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
    let space = space("any", &[]);
    for seed in 0..25 {
        let drawn = space.draw(seed).expect("it fits");
        let mut stage =
            Stage::new(&drawn.profile, SimOptions { log: true, ..Stage::JUDGED }, false);
        let (ended, _, _) = Director::new(&mut stage, &drawn).direct();
        assert_eq!(ended, Ok(()), "seed {seed}");
        stage.look(|sim, _| {
            let (first, log) = (sim.world(), sim.log());
            assert_eq!(log.len() as u64, first.step_count(), "seed {seed}: every step is there");
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
        });
    }
}
