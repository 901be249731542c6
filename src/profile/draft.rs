//! A profile while it is being read: every key has its value, nothing has been compared yet.
//!
//! The schema fills a [`Draft`]; [`super::build`] compares the keys with each other and makes the
//! [`super::Profile`]; `From<&Profile>` goes the other way, so that an effective profile can be shown.

use super::model::{Access, Durability, FaultSpec, Profile, StoreEngine, WorkloadSpec};
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
            paths: 1,
            end_ops: 0,
            end_duration: Span(0),
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
}

pub(super) const SHAPES: [Shape; 4] =
    [Shape::Uniform, Shape::Zipf, Shape::Sequential, Shape::Hotspot];

impl Shape {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Sequential => "sequential",
            Self::Hotspot => "hotspot",
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
    pub(super) working_set: Extent,
    pub(super) first_block: u64,
    pub(super) sharing_degree: u64,
    pub(super) queue_depth: u64,
    pub(super) rate: f64,
    pub(super) ops: u64,
}

impl Default for WorkloadDraft {
    fn default() -> Self {
        Self {
            name: String::new(),
            autostart: true,
            amfs: Vec::new(),
            read_ratio: 0.7,
            sizes: Vec::new(),
            access: index(&SHAPES, &Shape::Uniform),
            theta: 0.99,
            scatter: false,
            hot: 0.1,
            share: 0.9,
            working_set: Extent::Blocks(0),
            first_block: 0,
            sharing_degree: 0,
            queue_depth: 1,
            rate: 0.0,
            ops: 0,
        }
    }
}

/// One `[[fault]]`.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultDraft {
    pub(super) at: Span,
    pub(super) command: String,
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
        let mut draft = Self {
            name: spec.name.clone(),
            autostart: spec.autostart,
            amfs: spec.amfs.iter().map(|amf| amf.0).collect(),
            read_ratio: spec.read_ratio,
            sizes: spec.sizes.clone(),
            working_set: Extent::Blocks(spec.working_set),
            first_block: spec.first_block,
            sharing_degree: spec.sharing_degree.into(),
            queue_depth: spec.queue_depth.into(),
            rate: spec.rate.unwrap_or(0.0),
            ops: spec.ops.unwrap_or(0),
            ..Self::default()
        };
        let shape = match spec.access {
            Access::Uniform => Shape::Uniform,
            Access::Zipf { theta, scatter } => {
                (draft.theta, draft.scatter) = (theta, scatter);
                Shape::Zipf
            }
            Access::Sequential => Shape::Sequential,
            Access::Hotspot { hot, share } => {
                (draft.hot, draft.share) = (hot, share);
                Shape::Hotspot
            }
        };
        draft.access = index(&SHAPES, &shape);
        draft
    }
}

impl From<&FaultSpec> for FaultDraft {
    fn from(spec: &FaultSpec) -> Self {
        Self { at: Span(spec.at.0), command: spec.command.to_string() }
    }
}
