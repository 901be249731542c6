//! The durability lens against what happens: whatever it says would be left of a block, a power failure
//! leaves; and whoever it says would complete a write, does.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use amflab::profile;
use amflab::protocol::group::{Slot, SlotState};
use amflab::protocol::id::{AmfId, Block, DiskId, Span, Version};
use amflab::protocol::{HostError, Payload, RequestKind, Sectors};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::engine::{Advance, Progress};
use amflab::trace::lens::{Lens, Survivor, Tone};
use amflab::trace::{Action, Engine, HostPort};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

const AMFS: u8 = 3;
const BLOCKS: u64 = 6;

/// A cluster in the middle of something.
struct Cluster {
    sim: Sim,
    rng: ChaCha8Rng,
    sequence: u64,
    down: Option<AmfId>,
}

impl Cluster {
    fn new(seed: u64, sets: &[String]) -> Self {
        let profile = profile::load("claims", sets).unwrap();
        let sim = Sim::new(&profile, seed, SimOptions::default());
        Self { sim, rng: ChaCha8Rng::seed_from_u64(seed), sequence: 0, down: None }
    }

    fn sectors(&self, block: u64) -> Sectors {
        let per = self.sim.config().sectors_per_block();
        Sectors { first: block * u64::from(per), count: per }
    }

    /// Time passes, until nothing is due before then.
    fn pass(&mut self, time: Span) {
        let until = self.sim.now() + time;
        let how = Advance { until, steps_max: 1 << 20 };
        while self.sim.advance(how).unwrap() == Progress::Stepped {}
    }

    fn settle(&mut self) {
        for _ in 0..2_000 {
            if self.sim.is_settled() {
                return;
            }
            self.pass(Span::millis(50));
        }
        panic!("it does not settle: {:?}", self.sim.world().unsettled());
    }

    fn up(&mut self) -> AmfId {
        loop {
            let amf = AmfId(self.rng.random_range(0..AMFS));
            if Some(amf) != self.down {
                return amf;
            }
        }
    }

    /// Requests, one after the other and at once; the last ones are still under way.
    fn work(&mut self, ops: u32) {
        for _ in 0..ops {
            let amf = self.up();
            let block = self.rng.random_range(0..BLOCKS);
            let sectors = self.sectors(block);
            self.sequence += 1;
            let sequence = self.sequence;
            let payload = Payload::Stamp { volume: 0, writer: 7, sequence };
            let kind = match self.rng.random_range(0..5) {
                0 => RequestKind::Read(sectors),
                1 => RequestKind::Zero(sectors),
                _ => RequestKind::Write(sectors, payload),
            };
            self.sim.host(amf, kind);
            let time = Span::micros(self.rng.random_range(0..700));
            self.pass(time);
            if self.rng.random_ratio(1, 12) {
                let amf = self.up();
                self.sim.submit(Action::Evict(amf, None)).unwrap();
            }
        }
    }

    fn is_failed(&self, disk: DiskId) -> bool {
        self.sim.world().disk(disk).is_failed()
    }

    /// Slots without a disk that has everything.
    fn lacking(&self) -> usize {
        let slots = &self.sim.world().witness().view().group.slots;
        let lacks = |slot: &&Slot| slot.state != SlotState::Online || self.is_failed(slot.disk);
        slots.iter().filter(lacks).count()
    }

    fn lens(&self, block: u64) -> Lens {
        self.sim.world().lens(Block(block))
    }

    /// What a read gives, and in which version.
    fn read(&mut self, block: u64) -> Result<(String, Version), HostError> {
        let amf = self.up();
        let op = self.sim.host(amf, RequestKind::Read(self.sectors(block)));
        for _ in 0..2_000 {
            self.pass(Span::millis(5));
            while let Some(done) = self.sim.poll_completion() {
                if done.answer.op != op {
                    continue;
                }
                let touched = done.answer.result?;
                let data = touched[0].data.as_ref().unwrap().to_string();
                let line = self.sim.world().amf(amf).unwrap().line(Block(block)).unwrap();
                return Ok((data, line.version));
            }
        }
        panic!("the read of block {block} is not answered: {:?}", self.sim.world().unsettled())
    }
}

fn sets(layout: &[&str], journal: bool, protocol: &str) -> Vec<String> {
    let mut sets: Vec<String> = layout.iter().map(|set| (*set).to_owned()).collect();
    sets.push(format!("cluster.amfs={AMFS}"));
    sets.push(format!("cluster.protocol={protocol}"));
    sets.push(format!("journal.enabled={journal}"));
    sets.push("cache.lines=4".to_owned());
    sets.push("store.tears=true".to_owned());
    sets
}

const SINGLE: &[&str] = &["group.layout=single", "group.disks=1", "group.copies=1"];
const MIRROR: &[&str] = &["group.layout=mirror", "group.disks=2", "group.copies=2"];
const RAID5: &[&str] = &["group.layout=raid5", "group.disks=4", "group.copies=1"];

/// What disks and journals had been given and had not reported may have got there, or the first part of it.
fn may_be_left(lens: &Lens, left: &Result<(String, Version), HostError>) -> bool {
    let said = || [&lens.power].into_iter().chain(&lens.or);
    let versions = said().filter_map(|survivor| match survivor {
        Survivor::Version { version, .. } => Some(*version),
        Survivor::InDoubt { .. } | Survivor::Nothing | Survivor::Unknown => None,
    });
    match left {
        _ if lens.or.is_empty() => false,
        Ok((_, of)) => versions.clone().min() <= Some(*of) && Some(*of) <= versions.max(),
        Err(HostError::InDoubt | HostError::Media) => {
            said().any(|survivor| matches!(survivor, Survivor::InDoubt { .. } | Survivor::Nothing))
        }
        Err(_) => false,
    }
}

/// What the lens says of every block in some state, and what the power failure then leaves.
fn fail_power(cluster: &mut Cluster, what: &str, seen: &mut BTreeMap<&'static str, u32>) {
    let lenses: Vec<Lens> = (0..BLOCKS).map(|block| cluster.lens(block)).collect();
    cluster.sim.submit(Action::PowerFail).unwrap();
    cluster.settle();
    for lens in lenses {
        let left = cluster.read(lens.block.0);
        let kind = match (&lens.power, &left) {
            // The version that was there, or adopted: never one of another write.
            (Survivor::Version { version, value, from }, Ok((got, of)))
                if of == version && (value.is_empty() || got == value) =>
            {
                let (tone, _) = lens.power_said();
                let is_good = *version >= lens.newest.0;
                assert!(
                    !lens.or.is_empty() || (tone == Tone::Good) == is_good,
                    "{what}: {lens:#?}"
                );
                if from.contains("journal") { "journal" } else { "disk" }
            }
            (Survivor::InDoubt { .. }, Err(HostError::InDoubt | HostError::Media)) => "doubt",
            (Survivor::Nothing, Err(HostError::InDoubt | HostError::Media)) => "nothing",
            _ if may_be_left(&lens, &left) => "under way",
            _ => panic!("{what}: {lens:#?}\nleft: {left:?}"),
        };
        *seen.entry(kind).or_default() += 1;
    }
}

#[test]
fn a_power_failure_leaves_what_the_lens_said() {
    let mut seen = BTreeMap::new();
    for seed in 0..60 {
        let layout = [SINGLE, MIRROR, RAID5][usize::try_from(seed % 3).unwrap()];
        let protocol =
            ["sharing", "moesi", "broadcast", "update"][usize::try_from(seed % 4).unwrap()];
        let sets = sets(layout, seed % 5 != 0, protocol);
        let mut cluster = Cluster::new(seed, &sets);
        cluster.work(6 + u32::try_from(seed % 20).unwrap());
        if seed % 7 == 3 {
            let amf = AmfId(u8::try_from(seed % 3).unwrap());
            cluster.sim.submit(Action::Crash(amf)).unwrap();
            cluster.down = Some(amf);
            cluster.settle();
            cluster.work(4);
        }
        if seed % 6 == 1 {
            // A mirror or a row without one of its disks.
            cluster.settle();
            cluster.sim.submit(Action::FailDisk(DiskId(1))).unwrap();
            cluster.work(8);
            cluster.settle();
            cluster.work(2);
        }
        let what = format!("seed {seed}, {sets:?}");
        fail_power(&mut cluster, &what, &mut seen);
    }
    for kind in ["journal", "disk", "doubt"] {
        assert!(seen.get(kind).is_some_and(|count| *count >= 10), "{seen:?}");
    }
}

/// A cluster of some layout and protocol in which things break, one after the other or at once.
fn broken(seed: u64) -> (Cluster, String) {
    // And how many disks each can do without.
    const LAYOUTS: [(&[&str], u8); 6] = [
        (SINGLE, 0),
        (MIRROR, 1),
        (RAID5, 1),
        (&["group.layout=mirror", "group.disks=3", "group.copies=3"], 2),
        (&["group.layout=raid6", "group.disks=5", "group.copies=1"], 2),
        (&["group.layout=raid5", "group.disks=3", "group.copies=1", "group.spares=1"], 1),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xb0b);
    let (layout, spare) = LAYOUTS[rng.random_range(0..LAYOUTS.len())];
    let protocol = ["sharing", "moesi", "broadcast", "update"][rng.random_range(0..4)];
    let mut sets = sets(layout, rng.random_bool(0.6), protocol);
    sets.push(format!("cluster.replicas={}", rng.random_range(0..3)));
    if rng.random_ratio(1, 4) {
        sets.push("cache.write=through".to_owned());
    }
    let mut cluster = Cluster::new(seed, &sets);
    let disks = cluster.sim.config().disks_all();
    let mut done = Vec::new();
    for _ in 0..rng.random_range(1..6) {
        cluster.work(rng.random_range(1..8));
        let action = match rng.random_range(0..8) {
            0 if cluster.down.is_none() => {
                let amf = cluster.up();
                cluster.down = Some(amf);
                Action::Crash(amf)
            }
            1 => match cluster.down.take() {
                Some(amf) => Action::Restart(amf),
                None => continue,
            },
            // Without a disk to go on with nobody is answered before one is put in.
            2 if cluster.lacking() < usize::from(spare) => {
                Action::FailDisk(DiskId(rng.random_range(0..disks)))
            }
            3 => match (0..disks).map(DiskId).find(|disk| cluster.is_failed(*disk)) {
                Some(disk) => Action::ReplaceDisk(disk),
                None => continue,
            },
            4 => {
                let block = Block(rng.random_range(0..BLOCKS));
                Action::Corrupt(DiskId(rng.random_range(0..disks)), block)
            }
            5 => Action::Destage(amflab::trace::Target::All),
            6 => Action::PowerFail,
            _ => Action::ExpireLease(cluster.up()),
        };
        // What makes no sense now is refused.
        if cluster.sim.submit(action.clone()).is_ok() {
            done.push(format!("{action:?}"));
        }
        match rng.random_range(0..3) {
            0 => cluster.settle(),
            1 => cluster.pass(Span::micros(rng.random_range(0..3_000_000))),
            _ => {}
        }
    }
    cluster.work(rng.random_range(0..4));
    (cluster, format!("seed {seed}, {sets:?}, {done:?}"))
}

#[test]
fn the_lens_is_right_whatever_is_broken() {
    let mut seen = BTreeMap::new();
    for seed in 0..400 {
        let (mut cluster, what) = broken(seed);
        fail_power(&mut cluster, &what, &mut seen);
    }
    for kind in ["journal", "disk", "doubt", "nothing"] {
        assert!(seen.get(kind).is_some_and(|count| *count >= 10), "{seen:?}");
    }
}

#[test]
fn whoever_the_lens_names_completes_what_a_failed_amf_had() {
    let (mut completed, mut lost) = (0, 0);
    for seed in 100..140 {
        let replicas = seed % 3;
        let mut sets = sets(SINGLE, false, "sharing");
        sets.push(format!("cluster.replicas={replicas}"));
        let mut cluster = Cluster::new(seed, &sets);
        cluster.work(10);
        let lens = cluster.lens(seed % BLOCKS);
        for (amf, version, keepers) in lens.failures.iter().take(1) {
            let acknowledged =
                lens.cached.iter().all(|copy| copy.amf != *amf || copy.missing.is_empty());
            cluster.sim.submit(Action::Crash(*amf)).unwrap();
            cluster.down = Some(*amf);
            cluster.settle();
            let left = cluster.read(lens.block.0);
            if !keepers.is_empty() {
                let (_, of) = left.unwrap_or_else(|error| panic!("{error:?}: {lens:#?}"));
                assert!(of >= *version, "{of} {lens:#?}");
                completed += 1;
            } else if acknowledged {
                assert!(left.is_err(), "{left:?} {lens:#?}");
                lost += 1;
            }
        }
    }
    assert!(completed > 5 && lost > 2, "{completed} {lost}");
}

#[test]
fn the_lens_says_who_has_what() {
    let mut cluster = Cluster::new(7, &sets(RAID5, true, "sharing"));
    let sectors = cluster.sectors(1);
    let payload = Payload::Stamp { volume: 0, writer: 7, sequence: 9 };
    cluster.sim.host(AmfId(0), RequestKind::Write(sectors, payload));
    cluster.settle();
    let lens = cluster.lens(1);
    let [cached] = &lens.cached[..] else { panic!("{lens:#?}") };
    assert_eq!((cached.amf, &*cached.value), (AmfId(0), "w7#9"));
    assert_eq!(lens.journals.len(), 1);
    assert_eq!(lens.journals[0].version, cached.version);
    assert!(lens.replicas.iter().all(|kept| kept.owner == AmfId(0)) && !lens.replicas.is_empty());
    let parts: Vec<u8> = lens.disks.iter().map(|disk| disk.parity).collect();
    assert_eq!(parts, [0, 1]);
    assert_eq!(lens.newest, (cached.version, true));
    let (tone, text) = lens.power_said();
    assert!(tone == Tone::Good && text.contains("amf0's journal"), "{text}");
    cluster.sim.submit(Action::Destage(amflab::trace::Target::All)).unwrap();
    cluster.settle();
    let lens = cluster.lens(1);
    assert!(lens.disks.iter().all(|disk| disk.version == Some(cached.version)), "{lens:#?}");
    assert!(lens.failures.is_empty() && lens.journals.is_empty(), "{lens:#?}");
}
