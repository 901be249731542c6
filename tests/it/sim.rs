//! The deterministic world: random faults and workloads over many seeds; the checkers must be silent
//! for the healthy build, and the same seed must give the same events.

use amflab::profile::{self, Profile};
use amflab::protocol::id::{AmfId, Block, DiskId, NodeId, OpId, Span};
use amflab::protocol::{Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::{Action, Advance, Ask, Engine, HostPort, LinkSetting, Progress, Submitted};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hash::Hasher;

/// One line a choice that a seed made, for whoever reads a failure.
struct Run {
    sim: Sim,
    rng: ChaCha8Rng,
    writes: u64,
    amfs: u8,
    disks: u8,
    blocks: u64,
    digest: rustc_hash::FxHasher,
    log: Vec<String>,
    /// Members that may be missing at once without loss: a crash beyond that waits.
    spare_members: u8,
    through: bool,
}

fn profile_for(seed: u64, rng: &mut ChaCha8Rng) -> Profile {
    let amfs = rng.random_range(1..=5);
    let protocol = if rng.random_bool(0.5) { "broadcast" } else { "sharing" };
    let write = if rng.random_bool(0.7) { "back" } else { "through" };
    let layouts = [
        "group.layout=single,group.disks=1,group.copies=1,group.spares=0",
        "group.layout=stripe,group.disks=3,group.copies=1,group.spares=0",
        "group.layout=mirror,group.disks=2,group.copies=2,group.spares=0",
        "group.layout=mirror,group.disks=4,group.copies=2,group.spares=1",
    ];
    let layout = layouts[rng.random_range(0..layouts.len())];
    let blocks = [16u64, 32, 64][rng.random_range(0..3)];
    let lines = rng.random_range(4..=16);
    let mut sets = vec![
        format!("cluster.amfs={amfs}"),
        format!("cluster.protocol={protocol}"),
        format!("cluster.replicas={}", rng.random_range(1..=2)),
        format!("cache.write={write}"),
        format!("cache.lines={lines}"),
        format!("cache.dirty_high={}", rng.random_range(1..=lines)),
        format!("cache.floor_slots={}", [1, 8, 64][rng.random_range(0..3)]),
        format!("volume.size={}", blocks * 4096),
        format!("cluster.seed={seed}"),
    ];
    if rng.random_bool(0.5) {
        sets.push("cache.destage_age_ms=20".to_owned());
    }
    sets.extend(layout.split(',').map(str::to_owned));
    sets.push("group.chunk=4".to_owned());
    profile::parse("fuzz", "fuzz", "", &sets).unwrap_or_else(|e| panic!("seed {seed}: {e}"))
}

impl Run {
    fn new(seed: u64, sets: &[&str]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut profile = profile_for(seed, &mut rng);
        for set in sets {
            let (key, value) = set.split_once('=').expect("key=value");
            assert_eq!(key, "defect");
            profile.config.defect = Some(value.parse().expect("a defect"));
        }
        let options = SimOptions { jitter: 1_500, log: false, judge: true };
        let mut sim = Sim::new(&profile, seed, options);
        sim.subscribe(true);
        let (amfs, disks) = (profile.config.amfs, profile.config.disks_all());
        Self {
            amfs,
            disks,
            blocks: profile.config.blocks,
            sim,
            rng,
            writes: 0,
            digest: rustc_hash::FxHasher::default(),
            log: Vec::new(),
            spare_members: profile.config.replicas_effective(),
            through: profile.config.write == amflab::protocol::WritePolicy::Through,
        }
    }

    fn amf(&mut self) -> AmfId {
        AmfId(self.rng.random_range(0..self.amfs))
    }

    fn host(&mut self) {
        let amf = self.amf();
        let block = self.rng.random_range(0..self.blocks.min(12));
        let kind = match self.rng.random_range(0..100) {
            0..45 => RequestKind::Read(Sectors::of_blocks(Block(block), 1, 8)),
            45..85 => {
                self.writes += 1;
                let payload = Payload::Stamp { volume: 0, writer: 1, sequence: self.writes };
                RequestKind::Write(Sectors::of_blocks(Block(block), 1, 8), payload)
            }
            85..93 => {
                self.writes += 1;
                let payload = Payload::Stamp { volume: 0, writer: 1, sequence: self.writes };
                let first = block * 8 + self.rng.random_range(0..8);
                let count = self.rng.random_range(1..12).min(self.blocks * 8 - first) as u32;
                RequestKind::Write(Sectors { first, count }, payload)
            }
            93..96 => RequestKind::Zero(Sectors::of_blocks(Block(block), 1, 8)),
            96..98 => RequestKind::Flush,
            _ => {
                let last = self.blocks - block;
                RequestKind::Read(Sectors::of_blocks(Block(block), last.min(4) as u32, 8))
            }
        };
        self.sim.host(amf, kind);
    }

    fn act(&mut self, action: Action) {
        let text = format!("{:?} {action:?}", self.sim.now());
        let result = self.sim.submit(action);
        if !matches!(result, Ok(Submitted::Op(_))) {
            self.log.push(format!("{text}: {result:?}"));
        }
    }

    fn fault(&mut self) {
        let amf = self.amf();
        let other = self.amf();
        let disk = DiskId(self.rng.random_range(0..self.disks));
        let action = match self.rng.random_range(0..16) {
            0 | 1 => Action::Crash(amf),
            2 | 3 => Action::Restart(amf),
            4 => Action::Pause(amf),
            5 => Action::Resume(amf),
            6 => Action::Partition(vec![vec![NodeId::Amf(amf)]]),
            7 => Action::Heal,
            8 => Action::Link(NodeId::Amf(amf), NodeId::Amf(other), LinkSetting::Drop(300_000)),
            9 => {
                Action::Link(NodeId::Amf(amf), NodeId::Amf(other), LinkSetting::Duplicate(300_000))
            }
            10 => Action::Link(NodeId::Amf(amf), NodeId::Amf(other), LinkSetting::Reorder),
            11 if self.disks > 3 => Action::FailDisk(disk),
            12 if self.disks > 3 => Action::ReplaceDisk(disk),
            13 => Action::Evict(amf, None),
            14 => Action::ExpireLease(amf),
            _ => Action::Witness(self.rng.random_bool(0.7)),
        };
        let takes_away = matches!(
            action,
            Action::Crash(_) | Action::Pause(_) | Action::Partition(_) | Action::Link(..)
        );
        if takes_away && !self.can_lose(amf) {
            return;
        }
        if let Action::FailDisk(_) = action {
            let snapshot = self.sim.snapshot(&Ask::BRIEF);
            // No more failures than the group has copies.
            let whole = snapshot.disks.iter().all(|d| !d.failed && d.role != "rebuilding");
            if !whole {
                return;
            }
        }
        if let Action::ReplaceDisk(disk) = action
            && !self.sim.snapshot(&Ask::BRIEF).disks[usize::from(disk.0)].failed
        {
            return;
        }
        self.act(action);
    }

    /// Another member may leave without losing what only memory holds: at most as many as there are
    /// replicas, and only after everybody else has recovered. Write-through loses nothing.
    fn can_lose(&mut self, amf: AmfId) -> bool {
        if self.through {
            return true;
        }
        let snapshot = self.sim.snapshot(&Ask::BRIEF);
        let whole = snapshot.amfs.iter().filter(|a| {
            a.status == amflab::trace::snapshot::AmfStatus::Serving
                && a.epoch == snapshot.view.epoch
        });
        let missing = self.amfs - u8::try_from(whole.count()).expect("at most 64");
        let quiet = missing == 0
            && snapshot.faults.is_empty()
            && self.sim.world().amf(amf).is_some_and(amflab::protocol::Amf::is_covered)
            && (0..self.amfs).all(|a| {
                self.sim.world().amf(AmfId(a)).is_some_and(amflab::protocol::Amf::is_covered)
            });
        self.spare_members > 0 && quiet
    }

    fn run_for(&mut self, span: Span) {
        let until = self.sim.now() + span;
        loop {
            let progress = self.sim.advance(Advance { until, steps_max: 10_000 }).expect("runs");
            self.take_events();
            if progress != Progress::Stepped {
                break;
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.sim.poll_event() {
            self.digest.write(event.to_string().as_bytes());
            self.digest.write_u64(event.now.0);
            if std::env::var("AMFLAB_TRACE").is_ok() {
                println!("{:>12} {event}", event.now.0);
            }
        }
        while self.sim.poll_completion().is_some() {}
    }

    fn heal_all(&mut self) {
        self.act(Action::Heal);
        self.act(Action::Witness(true));
        for amf in (0..self.amfs).map(AmfId) {
            let _ = self.sim.submit(Action::Resume(amf));
            let _ = self.sim.submit(Action::Restart(amf));
        }
        for disk in (0..self.disks).map(DiskId) {
            let info = self.sim.snapshot(&Ask::BRIEF).disks[usize::from(disk.0)].clone();
            if info.failed {
                self.act(Action::ReplaceDisk(disk));
            }
        }
    }

    /// A phase with faults, then one in which everything heals and must finish.
    fn go(&mut self, ops: u32, fault_share: f64) -> Result<(), String> {
        for _ in 0..ops {
            self.host();
            if self.rng.random_bool(fault_share) {
                self.fault();
            }
            let pause = if self.rng.random_bool(0.02) { 1_500_000 } else { 150 };
            let pause = self.rng.random_range(0..pause);
            self.run_for(Span::micros(pause));
            self.verdict()?;
        }
        self.heal_all();
        let deadline = self.sim.now() + Span::secs(120);
        while !self.sim.is_settled() {
            if self.sim.now() > deadline {
                return Err(format!("does not settle: {:?}", self.sim.world().unsettled()));
            }
            self.run_for(Span::millis(5));
            self.verdict()?;
        }
        for amf in (0..self.amfs).map(AmfId) {
            for block in 0..self.blocks.min(16) {
                self.sim.host(amf, RequestKind::Read(Sectors::of_blocks(Block(block), 1, 8)));
            }
        }
        self.run_for(Span::secs(3));
        if self.sim.world().outstanding() > 0 {
            return Err(format!("unanswered: {:?}", self.sim.world().unsettled()));
        }
        self.run_for(Span::secs(3));
        self.verdict()
    }

    fn verdict(&self) -> Result<(), String> {
        match self.sim.world().violations().first() {
            None => Ok(()),
            Some(v) => Err(format!("{}: {} at step {}", v.checker, v.text, v.step)),
        }
    }
}

fn fail(seed: u64, run: &Run, why: &str) -> ! {
    for line in &run.log {
        println!("{line}");
    }
    panic!(
        "seed {seed}: {why}\nrepeat: AMFLAB_SEEDS={seed}..{} cargo test --test it sim::",
        seed + 1
    );
}

fn seeds(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("AMFLAB_SEEDS") else { return default };
    let (a, b) = text.split_once("..").expect("A..B");
    a.parse().expect("a number")..b.parse().expect("a number")
}

/// The campaign by hand: `AMFLAB_SEEDS=A..B`.
#[cfg(not(test))]
pub fn main() {
    for seed in seeds(0..1_000) {
        let mut run = Run::new(seed, &[]);
        if let Err(why) = run.go(80, 0.1) {
            fail(seed, &run, &why);
        }
    }
    println!("ok");
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

#[test]
fn healthy_seeds_are_silent_without_faults() {
    for seed in seeds(0..150) {
        let mut run = Run::new(seed, &[]);
        if let Err(why) = run.go(60, 0.0) {
            fail(seed, &run, &why);
        }
    }
}

#[test]
fn healthy_seeds_are_silent_with_faults() {
    for seed in seeds(0..300) {
        let mut run = Run::new(seed, &[]);
        if let Err(why) = run.go(80, 0.1) {
            fail(seed, &run, &why);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_events() {
    for seed in 0..20 {
        let digest = |seed| {
            let mut run = Run::new(seed, &[]);
            let _ = run.go(40, 0.1);
            run.digest.finish()
        };
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
}
