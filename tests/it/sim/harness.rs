//! A run that a seed draws: profile, workload and faults; then everything heals and must finish.
//!
//! It demands only what the protocol promises: no more AMFs fail at once than there are replicas
//! (unless writes go through), no more disks than there are copies.

#![expect(clippy::print_stdout, reason = "a failure tells what its seed chose")]

use amflab::profile::{self, Profile};
use amflab::protocol::id::{AmfId, AmfSet, Block, DiskId, NodeId, Span};
use amflab::protocol::{Amf, Defect, Payload, Protocol, RequestKind, Sectors, WritePolicy};
use amflab::sim::{Sim, SimOptions};
use amflab::trace::action::Target;
use amflab::trace::snapshot::{AmfStatus, DiskInfo};
use amflab::trace::{Action, Advance, Ask, Engine, HostPort, LinkSetting, Progress};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;

/// Blocks at the start of the volume that most requests go to.
const HOT_BLOCKS: u64 = 12;
/// Virtual time in which everything must have settled after all faults are healed.
const SETTLE_TIME_MAX: Span = Span::secs(120);

/// Something that goes wrong, or is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Crash,
    Restart,
    Pause,
    Resume,
    Cut,
    Heal,
    Drop,
    Duplicate,
    Reorder,
    Delay,
    SlowDisk,
    /// What one AMF sends to one disk takes longer.
    FarDisk,
    FailDisk,
    ReplaceDisk,
    Evict,
    Destage,
    ExpireLease,
    Witness,
    Switch,
    /// The check sum of a block, or of its parity, does not fit any more.
    Corrupt,
    Scrub,
}

/// What the golden seeds and the ordinary campaigns draw from; a kind that is named twice comes twice
/// as often.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::Crash,
    Fault::Crash,
    Fault::Restart,
    Fault::Restart,
    Fault::Pause,
    Fault::Resume,
    Fault::Cut,
    Fault::Heal,
    Fault::Drop,
    Fault::Duplicate,
    Fault::Reorder,
    Fault::Delay,
    Fault::SlowDisk,
    Fault::FarDisk,
    Fault::FailDisk,
    Fault::ReplaceDisk,
    Fault::ReplaceDisk,
    Fault::Evict,
    Fault::Destage,
    Fault::ExpireLease,
    Fault::Witness,
    Fault::Switch,
];

/// How a run is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// Keys that are set whatever the seed drew.
    pub(crate) sets: &'static [&'static str],
    pub(crate) defect: Option<Defect>,
    /// Requests.
    pub(crate) ops: u32,
    /// Share of requests that are followed by a fault.
    pub(crate) fault_share: f64,
    /// What may go wrong.
    pub(crate) faults: &'static [Fault],
    /// Blocks that requests go to.
    pub(crate) hot: u64,
    /// Share of requests that write.
    pub(crate) writes: f64,
    /// Virtual time between two requests, in microseconds, at most.
    pub(crate) gap_us: u64,
    /// Share of requests that are followed by a pause long enough for an eviction.
    pub(crate) long_gaps: f64,
    /// Up to so many AMFs.
    pub(crate) amfs_max: u8,
    /// Every block is read by everyone at the end.
    pub(crate) read_back: bool,
}

impl Recipe {
    /// The ordinary draw.
    pub(crate) const ANY: Self = Self {
        sets: &[],
        defect: None,
        ops: 80,
        fault_share: 0.1,
        faults: FAULTS,
        hot: HOT_BLOCKS,
        writes: 0.5,
        gap_us: 150,
        long_gaps: 0.02,
        amfs_max: 5,
        read_back: true,
    };
}

/// What a checker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) checker: String,
    pub(crate) text: String,
}

impl Finding {
    fn progress(text: String) -> Self {
        Self { checker: "progress".to_owned(), text }
    }
}

pub(crate) struct Run {
    pub(crate) sim: Sim,
    recipe: Recipe,
    rng: ChaCha8Rng,
    writes: u64,
    amfs: u8,
    users: AmfSet,
    disks: u8,
    blocks: u64,
    redundant: bool,
    replicas: u8,
    through: bool,
    /// Members that may still go, of those that could when everybody was covered.
    spare: u8,
    /// Links lose packets on purpose.
    lossy: bool,
    /// FNV-1a over every event's time and text.
    digest: u64,
    line: String,
    /// One line a choice that a seed made, for whoever reads a failure.
    pub(crate) log: Vec<String>,
}

fn profile_for(seed: u64, recipe: &Recipe, rng: &mut ChaCha8Rng) -> Profile {
    let amfs = rng.random_range(1..=recipe.amfs_max);
    let protocol = if rng.random_bool(0.5) { "broadcast" } else { "sharing" };
    let write = if rng.random_bool(0.7) { "back" } else { "through" };
    let layouts = [
        "group.layout=single,group.disks=1,group.copies=1,group.spares=0",
        "group.layout=stripe,group.disks=3,group.copies=1,group.spares=0",
        "group.layout=mirror,group.disks=2,group.copies=2,group.spares=0",
        "group.layout=mirror,group.disks=4,group.copies=2,group.spares=1",
        "group.layout=mirror,group.disks=3,group.copies=3,group.spares=1",
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
    let age = rng.random_bool(0.5);
    sets.push(format!("cache.destage_age_ms={}", if age { 20 } else { 0 }));
    // Where a recipe says how many AMFs there are, a list could name others.
    if recipe.sets.is_empty() && rng.random_bool(0.2) {
        let (one, other) = (rng.random_range(0..amfs), rng.random_range(0..amfs));
        let only = one == other || rng.random_bool(0.6);
        sets.push(if only {
            format!("volume.access=[{one}]")
        } else {
            format!("volume.access=[{one}, {other}]")
        });
    }
    sets.extend(layout.split(',').map(str::to_owned));
    sets.push("group.chunk=4".to_owned());
    sets.push("link.jitter=150".to_owned());
    sets.extend(recipe.sets.iter().map(|set| (*set).to_owned()));
    profile::parse("fuzz", "fuzz", "", &sets).unwrap_or_else(|e| panic!("seed {seed}: {e}"))
}

impl Run {
    pub(crate) fn new(seed: u64, recipe: Recipe) -> Self {
        let options = SimOptions::default();
        Self::with_options(seed, recipe, options)
    }

    pub(crate) fn with_options(seed: u64, recipe: Recipe, options: SimOptions) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut profile = profile_for(seed, &recipe, &mut rng);
        profile.config.defect = recipe.defect;
        let mut sim = Sim::new(&profile, seed, options);
        sim.subscribe(true);
        let cfg = &profile.config;
        Self {
            amfs: cfg.amfs,
            users: cfg.users(),
            disks: cfg.disks_all(),
            blocks: cfg.blocks,
            redundant: cfg.group.layout.is_redundant(),
            replicas: cfg.replicas,
            through: cfg.write == WritePolicy::Through,
            sim,
            recipe,
            rng,
            writes: 0,
            spare: 0,
            lossy: false,
            digest: 0xcbf2_9ce4_8422_2325,
            line: String::new(),
            log: vec![format!("{cfg:?}")],
        }
    }

    /// Of every event so far: its time and its text.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    // ---- hosts

    fn amf(&mut self) -> AmfId {
        AmfId(self.rng.random_range(0..self.amfs))
    }

    /// Mostly one that hosts may use.
    fn user(&mut self) -> AmfId {
        if self.rng.random_bool(0.05) {
            return self.amf();
        }
        let users: Vec<AmfId> = self.users.iter().collect();
        *users.choose(&mut self.rng).expect("somebody may use the volume")
    }

    fn payload(&mut self) -> Payload {
        self.writes += 1;
        Payload::Stamp { volume: 0, writer: 1, sequence: self.writes }
    }

    fn host(&mut self) {
        let amf = self.user();
        let block = self.rng.random_range(0..self.blocks.min(self.recipe.hot));
        let whole = Sectors::of_blocks(Block(block), 1, 8);
        let writes = self.rng.random_bool(self.recipe.writes);
        let kind = match (writes, self.rng.random_range(0..100)) {
            (true, 0..78) => RequestKind::Write(whole, self.payload()),
            (true, 78..95) => {
                let payload = self.payload();
                let first = block * 8 + self.rng.random_range(0..8);
                let count = self.rng.random_range(1..12).min(self.blocks * 8 - first);
                let count = u32::try_from(count).expect("below 12");
                RequestKind::Write(Sectors { first, count }, payload)
            }
            (true, _) => RequestKind::Zero(whole),
            (false, 0..92) => RequestKind::Read(whole),
            (false, 92..96) => RequestKind::Flush,
            (false, _) => {
                let count = u32::try_from((self.blocks - block).min(4)).expect("at most 4");
                RequestKind::Read(Sectors::of_blocks(Block(block), count, 8))
            }
        };
        self.sim.host(amf, kind);
    }

    // ---- faults

    fn act(&mut self, action: Action) {
        let text = format!("{:>12} {action:?}", self.sim.now().0);
        match self.sim.submit(action) {
            Ok(_) => self.log.push(text),
            Err(error) => self.log.push(format!("{text}: {error}")),
        }
    }

    fn fault(&mut self) {
        let Some(fault) = self.recipe.faults.choose(&mut self.rng).copied() else { return };
        let (amf, other) = (self.amf(), self.amf());
        let disk = DiskId(self.rng.random_range(0..self.disks));
        let link = |setting| Action::Link(NodeId::Amf(amf), NodeId::Amf(other), setting);
        let rate = self.rng.random_range(50_000..400_000);
        let action = match fault {
            Fault::Crash => Action::Crash(amf),
            Fault::Restart => Action::Restart(amf),
            Fault::Pause => Action::Pause(amf),
            Fault::Resume => Action::Resume(amf),
            Fault::Cut => Action::Partition(vec![vec![NodeId::Amf(amf)]]),
            Fault::Heal => Action::Heal,
            Fault::Drop => link(LinkSetting::Drop(rate)),
            Fault::Duplicate => link(LinkSetting::Duplicate(rate)),
            Fault::Reorder => link(LinkSetting::Reorder),
            Fault::Delay => link(LinkSetting::Delay(Span::micros(u64::from(rate) / 100))),
            Fault::SlowDisk => Action::SlowDisk(disk, Span::micros(u64::from(rate) / 50)),
            Fault::FarDisk => {
                let far = LinkSetting::Delay(Span::micros(u64::from(rate) / 8));
                Action::Link(NodeId::Amf(amf), NodeId::Disk(disk), far)
            }
            Fault::FailDisk => Action::FailDisk(disk),
            Fault::ReplaceDisk => Action::ReplaceDisk(disk),
            Fault::Evict => Action::Evict(amf, None),
            Fault::Destage => Action::Destage(Target::One(amf)),
            Fault::ExpireLease => Action::ExpireLease(amf),
            Fault::Corrupt => {
                let block = self.rng.random_range(0..self.blocks.min(self.recipe.hot));
                Action::Corrupt(disk, Block(block))
            }
            Fault::Scrub => Action::Scrub,
            Fault::Witness => Action::Witness(self.rng.random_bool(0.7)),
            Fault::Switch => {
                let sharing = self.rng.random_bool(0.5);
                Action::Protocol(if sharing { Protocol::Sharing } else { Protocol::Broadcast })
            }
        };
        if self.is_allowed(fault, disk) {
            self.lossy |= matches!(fault, Fault::Cut | Fault::Drop);
            self.lossy &= fault != Fault::Heal;
            self.act(action);
        }
    }

    /// Only what the protocol promises to survive.
    fn is_allowed(&mut self, fault: Fault, disk: DiskId) -> bool {
        match fault {
            Fault::Crash | Fault::Pause | Fault::Cut | Fault::Drop => self.may_lose_a_member(),
            // Damage is a failure too: one more than the group survives would be one too many.
            Fault::FailDisk | Fault::Corrupt => self.may_lose_a_disk(),
            Fault::ReplaceDisk => self.sim.snapshot(&Ask::BRIEF).disks[usize::from(disk.0)].failed,
            // A switch waits until everything has settled.
            Fault::Switch => self.is_quiet(),
            // An expiry alone evicts nobody.
            Fault::ExpireLease
            | Fault::Restart
            | Fault::Resume
            | Fault::Heal
            | Fault::Duplicate
            | Fault::Reorder
            | Fault::Delay
            | Fault::SlowDisk
            | Fault::FarDisk
            | Fault::Evict
            | Fault::Destage
            | Fault::Scrub
            | Fault::Witness => true,
        }
    }

    /// Every disk is whole, so that the group survives the loss of one.
    fn may_lose_a_disk(&mut self) -> bool {
        let snapshot = self.sim.snapshot(&Ask::BRIEF);
        let world = self.sim.world();
        let whole = |disk: &DiskInfo| {
            let trusted = matches!(disk.role.as_str(), "online" | "spare");
            let good = !disk.failed && world.damaged_on(disk.id) == 0;
            trusted && good && !world.disk(disk.id).is_unadmitted()
        };
        // A replaced disk is admitted, blank, some time before the view that says so.
        let stable = !world.witness().is_busy();
        self.redundant && stable && snapshot.disks.iter().all(whole)
    }

    /// Every member of the newest view serves, has installed it and is covered; whoever is up is a
    /// member; no packet is lost on purpose.
    fn is_quiet(&mut self) -> bool {
        let snapshot = self.sim.snapshot(&Ask::BRIEF);
        let world = self.sim.world();
        let members = snapshot.view.set();
        let fine = |amf: AmfId| {
            let info = &snapshot.amfs[usize::from(amf.0)];
            let installed = info.epoch == snapshot.view.epoch;
            let covered = world.amf(amf).is_some_and(Amf::is_covered);
            if members.contains(amf) {
                info.status == AmfStatus::Serving && installed && covered
            } else {
                world.amf(amf).is_none()
            }
        };
        // Nobody is on the way out already: that would be one failure more.
        let leaving = world.witness().is_busy() || world.witness().is_suspicious();
        !self.lossy && !leaving && (0..self.amfs).all(|amf| fine(AmfId(amf)))
    }

    /// Another member may leave without losing what only memory holds: since everybody was covered, at
    /// most as many as there are replicas. Write-through loses nothing.
    fn may_lose_a_member(&mut self) -> bool {
        if self.through {
            return true;
        }
        if self.is_quiet() {
            let members = self.sim.snapshot(&Ask::BRIEF).view.members.len();
            let others = u8::try_from(members.saturating_sub(1)).expect("at most 64");
            self.spare = self.replicas.min(others);
        }
        let allowed = self.spare > 0;
        self.spare = self.spare.saturating_sub(1);
        allowed
    }

    // ---- going on

    pub(crate) fn run_for(&mut self, span: Span) {
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
        let print = std::env::var_os("AMFLAB_TRACE").is_some();
        while let Some(event) = self.sim.poll_event() {
            self.line.clear();
            write!(self.line, "{} {event}", event.now.0).expect("a string takes everything");
            for byte in self.line.bytes().chain([b'\n']) {
                self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
            if print {
                println!("{}", self.line);
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
            let _ = self.sim.submit(Action::SlowDisk(disk, Span(0)));
            if self.sim.snapshot(&Ask::BRIEF).disks[usize::from(disk.0)].failed {
                self.act(Action::ReplaceDisk(disk));
            }
        }
    }

    /// A phase with faults, then one in which everything heals and must finish.
    pub(crate) fn go(&mut self) -> Result<(), Finding> {
        for _ in 0..self.recipe.ops {
            self.host();
            if self.rng.random_bool(self.recipe.fault_share) {
                self.fault();
            }
            let long = self.rng.random_bool(self.recipe.long_gaps);
            let gap = if long { 2_500_000 } else { self.recipe.gap_us };
            let gap = self.rng.random_range(0..gap);
            self.run_for(Span::micros(gap));
            self.verdict()?;
        }
        self.heal_all();
        self.settle()?;
        if self.recipe.read_back {
            for amf in (0..self.amfs).map(AmfId) {
                for block in 0..self.blocks.min(16) {
                    self.sim.host(amf, RequestKind::Read(Sectors::of_blocks(Block(block), 1, 8)));
                }
            }
            self.run_for(Span::secs(3));
            if self.sim.world().outstanding() > 0 {
                let why = format!("unanswered: {:?}", self.sim.world().unsettled());
                return Err(Finding::progress(why));
            }
            self.verdict()?;
        }
        self.sim.shutdown().expect("a simulation shuts down");
        self.settle()?;
        self.sim.audit();
        self.verdict()
    }

    fn settle(&mut self) -> Result<(), Finding> {
        let deadline = self.sim.now() + SETTLE_TIME_MAX;
        while !self.sim.is_settled() || self.sim.world().outstanding() > 0 {
            if self.sim.now() > deadline {
                let open = self.sim.world().outstanding();
                let why = self.sim.world().unsettled();
                let text = format!("{open} requests unanswered; does not settle: {why:?}");
                return Err(Finding::progress(text));
            }
            self.run_for(Span::millis(5));
            self.verdict()?;
        }
        Ok(())
    }

    fn verdict(&self) -> Result<(), Finding> {
        self.sim.world().violations().first().map_or(Ok(()), |violation| {
            let text = format!("{} at step {}", violation.text, violation.step);
            Err(Finding { checker: violation.checker.clone(), text })
        })
    }
}

/// A run as its seed draws it; `Err`: what the first checker found.
pub(crate) fn run(seed: u64, recipe: Recipe) -> Result<(), Finding> {
    Run::new(seed, recipe).go()
}

/// As [`run`]; a finding ends the test, with what repeats it.
pub(crate) fn must_be_silent(seed: u64, recipe: Recipe) {
    let mut run = Run::new(seed, recipe);
    if let Err(found) = run.go() {
        for line in &run.log {
            println!("{line}");
        }
        let again = format!("AMFLAB_SEEDS={seed}..{} cargo test --test it sim::", seed + 1);
        panic!("seed {seed}: {}: {}\nrepeat: {again}", found.checker, found.text);
    }
}

/// The seeds of a test, or those that `AMFLAB_SEEDS=A..B` names.
pub(crate) fn seeds(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("AMFLAB_SEEDS") else { return default };
    let (a, b) = text.split_once("..").expect("A..B");
    a.parse().expect("a number")..b.parse().expect("a number")
}
