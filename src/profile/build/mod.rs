//! From a draft to a profile: what several keys say together must make sense.
//!
//! Every contradiction is reported at the key that made it, as far as one was written.

mod faults;
mod lists;

use super::draft::{DIRTY_HIGH_PARTS, DURABILITIES, Draft, ENGINES, LAYOUTS, WRITES};
use super::error::{Place, Problem};
use super::model::{EndSpec, HostSpec, LinkSpec, Profile, StoreSpec};
use super::value::Extent;
use crate::protocol::id::{AmfId, DISKS_MAX, Span};
use crate::protocol::{Config, Defect, GroupConfig, Layout, Protocol};
use crate::trace::action::PPM;
use std::collections::BTreeMap;

/// Where each key was written, by its path (`cluster.amfs`, `workload[0].name`).
#[derive(Debug)]
pub(super) struct Places {
    pub(super) file: String,
    pub(super) of: BTreeMap<String, Place>,
}

/// Collects contradictions.
struct Check<'a> {
    places: &'a Places,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// Unless `ok`, a problem about `keys[0]`. It is put down to the one of `keys` that `--set` wrote,
    /// else to the first that the file wrote: that is where the reader changed something.
    fn must(&mut self, ok: bool, keys: &[&str], text: impl FnOnce() -> String) {
        if ok {
            return;
        }
        let file = Place::File(self.places.file.clone());
        let place_of = |key: &str| self.places.of.get(key);
        let is_set = |key: &&&str| matches!(place_of(key), Some(Place::Set(_)));
        let to_blame = keys.iter().find(is_set);
        let to_blame = to_blame.or_else(|| keys.iter().find(|key| place_of(key).is_some()));
        let key = to_blame.or(keys.first()).copied().unwrap_or_default();
        let mut text = text();
        if let Some(about) = keys.first().filter(|about| **about != key) {
            let place = place_of(about).map_or("by default".to_owned(), Place::to_string);
            text = format!("{text} ({about}, {place})");
        }
        let place = place_of(key).cloned().unwrap_or(file);
        self.problems.push(Problem { place, key: key.to_owned(), text, hint: None });
    }

    /// An extent in blocks.
    fn blocks(&mut self, extent: Extent, block_size: u64, key: &str) -> u64 {
        match extent {
            Extent::Blocks(blocks) => blocks,
            Extent::Bytes(bytes) => {
                self.must(bytes.is_multiple_of(block_size), &[key, "volume.block_size"], || {
                    format!("{bytes} bytes are no whole number of blocks of {block_size} bytes")
                });
                bytes / block_size
            }
        }
    }
}

/// Makes the profile, or says what contradicts what.
pub(super) fn build(name: &str, draft: &Draft, places: &Places) -> Result<Profile, Vec<Problem>> {
    let mut check = Check { places, problems: Vec::new() };
    let config = config(draft, &mut check);
    link(draft, &mut check);
    let workloads = lists::workloads(draft, &config, &mut check);
    let mut profile = Profile {
        name: name.to_owned(),
        summary: draft.summary.clone(),
        seed: draft.seed,
        link: LinkSpec {
            delay: draft.delay,
            drop_ppm: ppm(draft.drop),
            duplicate_ppm: ppm(draft.duplicate),
            jitter: small(draft.jitter),
            sites: small(draft.sites),
            site_delay: draft.site_delay,
        },
        store: StoreSpec {
            durability: DURABILITIES[draft.durability],
            engine: ENGINES[draft.engine],
            cache_bytes: draft.cache,
            disk_time: draft.disk_time,
            journal_time: draft.journal_time,
            tears: draft.tears,
        },
        host: HostSpec { timeout: draft.timeout, paths: small(draft.paths) },
        workloads,
        faults: Vec::new(),
        end: EndSpec {
            ops: Some(draft.end_ops).filter(|ops| *ops > 0),
            duration: Some(draft.end_duration).filter(|span| span.0 > 0),
            violations: draft.expect.violations,
            lost: draft.expect.lost,
            errors_max: draft.expect.errors_max,
            ops_min: draft.expect.ops_min,
            hit_ratio_min: draft.expect.hit_ratio_min,
            p99_ms_max: draft.expect.p99_ms_max,
            messages_per_op_max: draft.expect.messages_per_op_max,
        },
        notes: Vec::new(),
        config,
    };
    profile.faults = faults::faults(draft, &profile, &mut check);
    profile.notes = notes(&profile);
    if check.problems.is_empty()
        && let Err(text) = profile.config.check()
    {
        check.must(false, &[], || text);
    }
    if check.problems.is_empty() { Ok(profile) } else { Err(check.problems) }
}

/// The schema's range fits the field it goes to.
fn small<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).unwrap_or_else(|_| unreachable!("the schema's range fits the field"))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the schema's range is 0 to 1"
)]
fn ppm(ratio: f64) -> u32 {
    (ratio * 1e6).round() as u32
}

fn config(draft: &Draft, check: &mut Check) -> Config {
    let size = draft.block_size;
    check.must(size.is_power_of_two(), &["volume.block_size"], || {
        format!("{size} bytes are no power of two; allowed: 512B to 1MiB")
    });
    check.must(draft.size.is_multiple_of(size), &["volume.size", "volume.block_size"], || {
        format!("{} bytes are no whole number of blocks of {size} bytes", draft.size)
    });
    let dirty_high = draft.dirty_high.unwrap_or_else(|| {
        let (parts, of) = DIRTY_HIGH_PARTS;
        draft.lines * parts / of
    });
    check.must(dirty_high <= draft.lines, &["cache.dirty_high", "cache.lines"], || {
        format!("{dirty_high} is more than the {} lines of a cache", draft.lines)
    });
    let renew = if draft.renew.0 == 0 { Span(draft.lease.0 / 2) } else { draft.renew };
    check.must(renew.0 * 2 <= draft.lease.0, &["timing.renew_ms", "timing.lease_ms"], || {
        let lease = draft.lease.as_millis();
        format!("{} ms is more than half of lease_ms, {lease} ms", renew.as_millis())
    });
    check.must(
        draft.retry < draft.suspect_after,
        &["timing.retry_ms", "timing.suspect_after_ms"],
        || {
            let after = draft.suspect_after.as_millis();
            format!("{} ms is not below suspect_after_ms, {after} ms", draft.retry.as_millis())
        },
    );
    for amf in draft.access.iter().filter(|amf| u64::from(**amf) >= draft.amfs) {
        check.must(false, &["volume.access", "cluster.amfs"], || {
            format!("amf{amf} does not exist; allowed: amf0 to amf{}", draft.amfs - 1)
        });
    }
    Config {
        amfs: small(draft.amfs),
        protocol: Protocol::ALL[draft.protocol],
        replicas: small(draft.replicas),
        lines: small(draft.lines),
        write: WRITES[draft.write],
        dirty_high: small(dirty_high),
        destage_age: Some(draft.destage_age).filter(|age| age.0 > 0),
        floor_slots: small(draft.floor_slots),
        blocks: draft.size / size,
        block_size: small(size),
        access: draft.access.iter().map(|amf| AmfId(*amf)).collect(),
        group: group(draft, check),
        lease: draft.lease,
        renew,
        suspect_after: draft.suspect_after,
        retry: draft.retry,
        journal: draft.journal,
        dirty_log: draft.dirty_log,
        region_blocks: region_blocks(draft, size, check),
        defect: draft.defect.checked_sub(1).map(|index| Defect::ALL[index]),
    }
}

fn region_blocks(draft: &Draft, block_size: u64, check: &mut Check) -> u64 {
    let blocks = check.blocks(draft.region, block_size, "dirty_log.region");
    check.must(
        (1..=REGION_MAX).contains(&blocks),
        &["dirty_log.region", "volume.block_size"],
        || format!("{blocks} blocks are out of range; allowed: 1 to {REGION_MAX}"),
    );
    blocks.clamp(1, REGION_MAX)
}

fn group(draft: &Draft, check: &mut Check) -> GroupConfig {
    let layout = LAYOUTS[draft.layout];
    let (disks_default, copies_default) = match layout {
        Layout::Single => (1, 1),
        Layout::Stripe => (4, 1),
        Layout::Mirror => (4, 2),
        Layout::Raid5 => (5, 1),
        Layout::Raid6 => (6, 1),
    };
    let disks = draft.disks.unwrap_or(disks_default);
    let copies = draft.copies.unwrap_or(copies_default);
    let chunk = check.blocks(draft.chunk, draft.block_size, "group.chunk");
    let name = layout.name();
    match layout {
        Layout::Single => {
            check.must(disks == 1, &["group.disks", "group.layout"], || {
                format!("layout `single` has one disk, not {disks}")
            });
        }
        Layout::Stripe => {}
        Layout::Mirror => {
            check.must(copies >= 2, &["group.copies", "group.layout"], || {
                "layout `mirror` needs at least 2 copies".to_owned()
            });
            check.must(disks.is_multiple_of(copies), &["group.disks", "group.copies"], || {
                format!("{disks} disks cannot be split into mirrors of {copies} copies")
            });
        }
        Layout::Raid5 | Layout::Raid6 => {
            let least = u64::from(layout.parity()) + 2;
            check.must(disks >= least, &["group.disks", "group.layout"], || {
                format!("layout `{name}` needs at least {least} disks, not {disks}")
            });
        }
    }
    if layout != Layout::Mirror {
        check.must(copies == 1, &["group.copies", "group.layout"], || {
            format!("layout `{name}` has one copy, not {copies}")
        });
    }
    if !layout.is_redundant() {
        check.must(draft.spares == 0, &["group.spares", "group.layout"], || {
            format!("layout `{name}` has no redundancy, so a spare has no use; allowed: 0")
        });
    }
    check.must(disks + draft.spares <= DISKS_MAX as u64, &["group.spares", "group.disks"], || {
        format!("{disks} disks and {} spares are more than {DISKS_MAX}", draft.spares)
    });
    check.must((1..=CHUNK_MAX).contains(&chunk), &["group.chunk", "volume.block_size"], || {
        format!("{chunk} blocks are out of range; allowed: 1 to {CHUNK_MAX}")
    });
    GroupConfig {
        layout,
        disks: small(disks),
        spares: small(draft.spares),
        copies: small(copies),
        chunk: small(chunk.min(CHUNK_MAX)),
    }
}

/// Most blocks in a chunk.
pub(super) const CHUNK_MAX: u64 = 1 << 20;
/// Blocks in a region of the dirty-region log, at most.
pub(super) const REGION_MAX: u64 = 1 << 20;

fn link(draft: &Draft, check: &mut Check) {
    check.must(draft.sites <= draft.amfs, &["link.sites", "cluster.amfs"], || {
        format!("{} sites are more than the {} AMFs", draft.sites, draft.amfs)
    });
    check.must(ppm(draft.drop) < PPM, &["link.drop"], || {
        "a link that loses every packet is a partition; allowed: below 1.0".to_owned()
    });
}

/// Remarks that are no errors.
fn notes(profile: &Profile) -> Vec<String> {
    let config = &profile.config;
    let mut notes = Vec::new();
    let effective = config.replicas_effective();
    if effective < config.replicas {
        notes.push(format!(
            "replicas = {}, but {} AMFs allow {effective}: that many are in force",
            config.replicas, config.amfs
        ));
    }
    if let Some(why) = profile.volatile() {
        notes.push(format!("volatile: {why}"));
    }
    let far = if profile.link.sites > 1 { profile.link.site_delay } else { Span(0) };
    let way = profile.link.delay.max(far);
    if config.retry.0 <= way.0 * 2 {
        notes.push(format!(
            "retry_ms is at most the way there and back ({}): every message is sent twice",
            Span(way.0 * 2)
        ));
    }
    for workload in &profile.workloads {
        let all = if workload.amfs.is_empty() { config.users().len() } else { workload.amfs.len() };
        if usize::from(workload.sharing_degree) > all {
            notes.push(format!(
                "workload {}: sharing_degree = {}, but it has {all} AMFs: all share",
                workload.name, workload.sharing_degree
            ));
        }
    }
    notes
}
