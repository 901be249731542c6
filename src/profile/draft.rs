//! A profile while it is being read: every key has its value, nothing has been compared yet.
//!
//! The schema fills a [`Draft`]; [`super::build`] compares the keys with each other and makes the
//! [`super::Profile`]; `From<&Profile>` goes the other way, so that an effective profile can be shown.

use super::model::{
    Access, Arrivals, Durability, EndSpec, FaultSpec, Profile, Sharing, StoreEngine, WorkloadSpec,
};
use super::value::Extent;
use crate::protocol::id::Span;
use crate::protocol::{Defect, Layout, Protocol, WritePolicy};

/// Part of `cache.lines` above which an AMF destages, if the profile does not say: 3 of 4.
pub(super) const DIRTY_HIGH_PARTS: (u64, u64) = (3, 4);

pub(super) const WRITES: [WritePolicy; 2] = [WritePolicy::Back, WritePolicy::Through];
pub(super) const LAYOUTS: [Layout; 5] =
    [Layout::Single, Layout::Stripe, Layout::Mirror, Layout::Raid5, Layout::Raid6];
pub(super) const DURABILITIES: [Durability; 3] =
    [Durability::Sync, Durability::Interval, Durability::None];
pub(super) const ENGINES: [StoreEngine; 2] = [StoreEngine::Sled, StoreEngine::Memory];
pub(super) const ARRIVALS: [Arrivals; 2] = [Arrivals::Linear, Arrivals::Poisson];

/// Index of `wanted` in the table that its key's names come from.
pub(super) fn index<T: PartialEq>(all: &[T], wanted: &T) -> usize {
    all.iter().position(|one| one == wanted).expect("the table lists every variant")
}

/// Everything but workloads and faults, at its default unless a key said otherwise. Fields are in
/// the order of the schema, named as the keys; choices are indices into their tables.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) summary: String,
    /// 0: none; else one more than the index in `Defect::ALL`.
    pub(super) defect: usize,
    pub(super) amfs: u64,
    pub(super) protocol: usize,
    pub(super) replicas: u64,
    pub(super) seed: u64,
    pub(super) lines: u64,
    pub(super) write: usize,
    pub(super) dirty_high: Option<u64>,
    pub(super) destage_age: Span,
    pub(super) floor_slots: u64,
    pub(super) size: u64,
    pub(super) block_size: u64,
    pub(super) access: Vec<u8>,
    pub(super) layout: usize,
    pub(super) disks: Option<u64>,
    pub(super) spares: u64,
    pub(super) copies: Option<u64>,
    pub(super) chunk: Extent,
    pub(super) durability: usize,
    pub(super) engine: usize,
    pub(super) cache: u64,
    pub(super) disk_time: Span,
    pub(super) journal: bool,
    pub(super) journal_time: Span,
    pub(super) tears: bool,
    pub(super) dirty_log: bool,
    pub(super) region: Extent,
    pub(super) lease: Span,
    /// 0: half a lease.
    pub(super) renew: Span,
    pub(super) suspect_after: Span,
    pub(super) retry: Span,
    pub(super) delay: Span,
    pub(super) drop: f64,
    pub(super) duplicate: f64,
    pub(super) jitter: u64,
    pub(super) sites: u64,
    pub(super) site_delay: Span,
    pub(super) timeout: Span,
    pub(super) paths: u64,
    pub(super) end_ops: u64,
    pub(super) end_duration: Span,
    pub(super) expect: ExpectDraft,
    pub(super) workloads: Vec<WorkloadDraft>,
    pub(super) faults: Vec<FaultDraft>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            summary: String::new(),
            defect: 0,
            amfs: 4,
            protocol: index(&Protocol::ALL, &Protocol::Sharing),
            replicas: 1,
            seed: 1,
            lines: 1024,
            write: index(&WRITES, &WritePolicy::Back),
            dirty_high: None,
            destage_age: Span::secs(5),
            floor_slots: 4096,
            size: 64 << 20,
            block_size: 4096,
            access: Vec::new(),
            layout: index(&LAYOUTS, &Layout::Mirror),
            disks: None,
            spares: 0,
            copies: None,
            chunk: Extent::Blocks(16),
            durability: index(&DURABILITIES, &Durability::Sync),
            engine: index(&ENGINES, &StoreEngine::Sled),
            cache: 16 << 20,
            disk_time: Span::micros(100),
            journal: false,
            journal_time: Span::micros(20),
            tears: false,
            dirty_log: true,
            region: Extent::Blocks(256),
            lease: Span::secs(2),
            renew: Span(0),
            suspect_after: Span::secs(1),
            retry: Span::millis(10),
            delay: Span(0),
            drop: 0.0,
            duplicate: 0.0,
            jitter: 0,
            sites: 1,
            site_delay: Span(0),
            timeout: Span::secs(10),
            paths: 4,
            end_ops: 0,
            end_duration: Span(0),
            expect: ExpectDraft::default(),
            workloads: Vec::new(),
            faults: Vec::new(),
        }
    }
}

/// An [`Access`] without its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Uniform,
    Zipf,
    Sequential,
    Hotspot,
    Stride,
    Latest,
    Zoned,
    Sequence,
}

pub(super) const SHAPES: [Shape; 8] = [
    Shape::Uniform,
    Shape::Zipf,
    Shape::Sequential,
    Shape::Hotspot,
    Shape::Stride,
    Shape::Latest,
    Shape::Zoned,
    Shape::Sequence,
];

impl Shape {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Sequential => "sequential",
            Self::Hotspot => "hotspot",
            Self::Stride => "stride",
            Self::Latest => "latest",
            Self::Zoned => "zoned",
            Self::Sequence => "sequence",
        }
    }
}

/// One `[[workload]]`.
#[derive(Clone, Debug)]
pub(super) struct WorkloadDraft {
    pub(super) name: String,
    pub(super) autostart: bool,
    pub(super) amfs: Vec<u8>,
    pub(super) read_ratio: f64,
    /// Empty: one block.
    pub(super) sizes: Vec<(u32, u32)>,
    pub(super) access: usize,
    pub(super) theta: f64,
    pub(super) scatter: bool,
    pub(super) hot: f64,
    pub(super) share: f64,
    pub(super) stride: u64,
    pub(super) zones: Vec<(f64, f64)>,
    pub(super) sequence: Vec<u64>,
    pub(super) working_set: Extent,
    pub(super) first_block: u64,
    pub(super) sharing_degree: u64,
    pub(super) sharing: usize,
    pub(super) rmw_ratio: f64,
    pub(super) fua_ratio: f64,
    pub(super) flush_every: u64,
    pub(super) queue_depth: u64,
    pub(super) rate: f64,
    pub(super) arrivals: usize,
    pub(super) think: Span,
    pub(super) burst: Span,
    pub(super) pause: Span,
    pub(super) start: Span,
    pub(super) after: String,
    pub(super) with: String,
    pub(super) warmup: Span,
    pub(super) counted: bool,
    pub(super) duration: Span,
    pub(super) ops: u64,
}

impl Default for WorkloadDraft {
    fn default() -> Self {
        let draft = Self {
            name: String::new(),
            autostart: true,
            amfs: Vec::new(),
            read_ratio: 0.0,
            sizes: Vec::new(),
            access: 0,
            theta: 0.99,
            scatter: false,
            hot: 0.1,
            share: 0.9,
            stride: 1,
            zones: Vec::new(),
            sequence: Vec::new(),
            working_set: Extent::Blocks(0),
            first_block: 0,
            sharing_degree: 0,
            sharing: 0,
            rmw_ratio: 0.0,
            fua_ratio: 0.0,
            flush_every: 0,
            queue_depth: 1,
            rate: 0.0,
            arrivals: 0,
            think: Span(0),
            burst: Span(0),
            pause: Span(0),
            start: Span(0),
            after: String::new(),
            with: String::new(),
            warmup: Span(0),
            counted: true,
            duration: Span(0),
            ops: 0,
        };
        draft.over(&WorkloadSpec::default())
    }
}

/// One `[[fault]]`.
#[derive(Clone, Debug)]
pub(super) struct FaultDraft {
    pub(super) at: Span,
    pub(super) every: Span,
    pub(super) command: String,
    /// 0: `command` says it; else one more than the index in [`super::faults::KINDS`].
    pub(super) kind: usize,
    pub(super) target: String,
    pub(super) heal: String,
    pub(super) stability: Span,
}

impl Default for FaultDraft {
    fn default() -> Self {
        Self {
            at: Span(0),
            every: Span(0),
            command: String::new(),
            kind: 0,
            target: String::new(),
            heal: String::new(),
            stability: Span::secs(1),
        }
    }
}

/// What `[end]` demands.
#[derive(Clone, Debug, Default)]
pub(super) struct ExpectDraft {
    pub(super) violations: Option<u64>,
    pub(super) lost: Option<u64>,
    pub(super) errors_max: Option<u64>,
    pub(super) ops_min: Option<u64>,
    pub(super) hit_ratio_min: Option<f64>,
    pub(super) p99_ms_max: Option<f64>,
    pub(super) messages_per_op_max: Option<f64>,
}

impl From<&EndSpec> for ExpectDraft {
    fn from(end: &EndSpec) -> Self {
        Self {
            violations: end.violations,
            lost: end.lost,
            errors_max: end.errors_max,
            ops_min: end.ops_min,
            hit_ratio_min: end.hit_ratio_min,
            p99_ms_max: end.p99_ms_max,
            messages_per_op_max: end.messages_per_op_max,
        }
    }
}

impl From<&Profile> for Draft {
    fn from(profile: &Profile) -> Self {
        let Profile { config, link, store, host, end, .. } = profile;
        let group = &config.group;
        Self {
            summary: profile.summary.clone(),
            defect: config.defect.map_or(0, |defect| index(&Defect::ALL, &defect) + 1),
            amfs: config.amfs.into(),
            protocol: index(&Protocol::ALL, &config.protocol),
            replicas: config.replicas.into(),
            seed: profile.seed,
            lines: config.lines.into(),
            write: index(&WRITES, &config.write),
            dirty_high: Some(config.dirty_high.into()),
            destage_age: config.destage_age.unwrap_or(Span(0)),
            floor_slots: config.floor_slots.into(),
            size: config.blocks * u64::from(config.block_size),
            block_size: config.block_size.into(),
            access: config.access.iter().map(|amf| amf.0).collect(),
            layout: index(&LAYOUTS, &group.layout),
            disks: Some(group.disks.into()),
            spares: group.spares.into(),
            copies: Some(group.copies.into()),
            chunk: Extent::Blocks(group.chunk.into()),
            durability: index(&DURABILITIES, &store.durability),
            engine: index(&ENGINES, &store.engine),
            cache: store.cache_bytes,
            disk_time: store.disk_time,
            journal: config.journal,
            journal_time: store.journal_time,
            tears: store.tears,
            dirty_log: config.dirty_log,
            region: Extent::Blocks(config.region_blocks),
            lease: config.lease,
            renew: config.renew,
            suspect_after: config.suspect_after,
            retry: config.retry,
            delay: link.delay,
            drop: ratio(link.drop_ppm),
            duplicate: ratio(link.duplicate_ppm),
            jitter: link.jitter.into(),
            sites: link.sites.into(),
            site_delay: link.site_delay,
            timeout: host.timeout,
            paths: host.paths.into(),
            end_ops: end.ops.unwrap_or(0),
            end_duration: end.duration.unwrap_or(Span(0)),
            expect: ExpectDraft::from(end),
            workloads: profile.workloads.iter().map(WorkloadDraft::from).collect(),
            faults: profile.faults.iter().map(FaultDraft::from).collect(),
        }
    }
}

fn ratio(ppm: u32) -> f64 {
    f64::from(ppm) / 1e6
}

impl From<&WorkloadSpec> for WorkloadDraft {
    fn from(spec: &WorkloadSpec) -> Self {
        Self::default().over(spec)
    }
}

impl WorkloadDraft {
    /// What `spec` says; the figures of other patterns stay.
    fn over(self, spec: &WorkloadSpec) -> Self {
        let mut draft = Self {
            name: spec.name.clone(),
            autostart: spec.autostart,
            amfs: spec.amfs.iter().map(|amf| amf.0).collect(),
            read_ratio: spec.read_ratio,
            rmw_ratio: spec.rmw_ratio,
            fua_ratio: spec.fua_ratio,
            flush_every: spec.flush_every,
            sizes: spec.sizes.clone(),
            working_set: Extent::Blocks(spec.working_set),
            first_block: spec.first_block,
            sharing_degree: spec.sharing_degree.into(),
            sharing: index(&Sharing::ALL, &spec.sharing),
            queue_depth: spec.queue_depth.into(),
            rate: spec.rate.unwrap_or(0.0),
            arrivals: index(&ARRIVALS, &spec.arrivals),
            think: spec.think,
            burst: spec.burst,
            pause: spec.pause,
            start: spec.start,
            after: spec.after.clone().unwrap_or_default(),
            with: spec.with.clone().unwrap_or_default(),
            warmup: spec.warmup,
            counted: spec.counted,
            duration: spec.duration.unwrap_or(Span(0)),
            ops: spec.ops.unwrap_or(0),
            ..self
        };
        draft.take(&spec.access);
        draft
    }

    /// Takes over an access pattern with its figures.
    fn take(&mut self, access: &Access) {
        let shape = match access {
            Access::Uniform => Shape::Uniform,
            Access::Zipf { theta, scatter } => {
                (self.theta, self.scatter) = (*theta, *scatter);
                Shape::Zipf
            }
            Access::Sequential => Shape::Sequential,
            Access::Hotspot { hot, share } => {
                (self.hot, self.share) = (*hot, *share);
                Shape::Hotspot
            }
            Access::Stride { stride } => {
                self.stride = *stride;
                Shape::Stride
            }
            Access::Latest { theta } => {
                self.theta = *theta;
                Shape::Latest
            }
            Access::Zoned { zones } => {
                self.zones.clone_from(zones);
                Shape::Zoned
            }
            Access::Sequence { blocks } => {
                self.sequence.clone_from(blocks);
                Shape::Sequence
            }
        };
        self.access = index(&SHAPES, &shape);
    }
}

impl From<&FaultSpec> for FaultDraft {
    fn from(spec: &FaultSpec) -> Self {
        Self {
            at: Span(spec.at.0),
            every: spec.every.unwrap_or(Span(0)),
            command: spec.said.command.clone(),
            kind: spec.said.kind,
            target: spec.said.target.clone(),
            heal: spec.said.heal.clone(),
            stability: spec.stability,
        }
    }
}
