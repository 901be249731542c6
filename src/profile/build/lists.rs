//! `[[workload]]`: what each says must exist in the cluster that the rest describes, and make sense.

use super::{Check, small};
use crate::profile::draft::{ARRIVALS, Draft, SHAPES, Shape, WorkloadDraft};
use crate::profile::error::Place;
use crate::profile::model::{Access, Sharing, WorkloadSpec};
use crate::protocol::Config;
use crate::protocol::id::{AMFS_MAX, AmfId, SECTOR_BYTES, Span};
use crate::trace::grammar::nearest;

pub(super) fn workloads(draft: &Draft, config: &Config, check: &mut Check) -> Vec<WorkloadSpec> {
    let mut done = Vec::new();
    for (i, workload) in draft.workloads.iter().enumerate() {
        let path = |key: &str| format!("workload[{i}].{key}");
        let twice = draft.workloads[..i].iter().any(|other| other.name == workload.name);
        check.must(!twice, &[&path("name"), &path("")], || {
            format!("there are two workloads `{}`; a name starts just one", workload.name)
        });
        done.push(one_workload(workload, config, &path, check));
        after(&draft.workloads, i, &path, check);
        with(&draft.workloads, i, &path, check);
    }
    done
}

/// What a workload starts with is another one, which starts with nothing else.
fn with(all: &[WorkloadDraft], index: usize, path: PathOf, check: &mut Check) {
    let name = &all[index].with;
    let other = all.iter().enumerate().find(|(i, other)| *i != index && other.name == *name);
    let ok = name.is_empty() || other.is_some_and(|(_, other)| other.with.is_empty());
    check.must(ok, &[&path("with")], || {
        format!("there is no other workload `{name}` that starts by itself alone")
    });
}

/// What a workload comes after stands before it, and ends by itself.
fn after(all: &[WorkloadDraft], index: usize, path: PathOf, check: &mut Check) {
    let name = &all[index].after;
    if name.is_empty() {
        return;
    }
    let key = path("after");
    let before = &all[..index];
    let Some(first) = before.iter().find(|other| other.name == *name) else {
        let near = nearest(name, before.iter().map(|other| other.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        check.must(false, &[&key], || {
            format!("there is no workload `{name}` before this one{near}")
        });
        return;
    };
    check.must(first.ops > 0 || first.duration.0 > 0, &[&key], || {
        format!("`{name}` never ends by itself: give it `ops` or `duration`")
    });
}

/// The path of a key of the workload that is looked at.
type PathOf<'a> = &'a dyn Fn(&str) -> String;

fn one_workload(
    draft: &WorkloadDraft,
    config: &Config,
    path: PathOf,
    check: &mut Check,
) -> WorkloadSpec {
    for amf in draft.amfs.iter().filter(|amf| **amf >= config.amfs) {
        check.must(false, &[&path("amfs"), "cluster.amfs"], || {
            format!("amf{amf} does not exist; allowed: amf0 to amf{}", config.amfs - 1)
        });
    }
    for amf in draft.amfs.iter().filter(|amf| !config.users().contains(AmfId(**amf))) {
        check.must(*amf >= config.amfs, &[&path("amfs"), "volume.access"], || {
            format!("amf{amf} is not in the access list of the volume")
        });
    }
    let sizes = match draft.sizes.as_slice() {
        [] => vec![(config.block_size, 1)],
        sizes => sizes.to_vec(),
    };
    let sharing = Sharing::ALL[draft.sharing];
    let spec = WorkloadSpec {
        name: draft.name.clone(),
        autostart: draft.autostart,
        amfs: draft.amfs.iter().map(|amf| AmfId(*amf)).collect(),
        read_ratio: draft.read_ratio,
        rmw_ratio: draft.rmw_ratio,
        fua_ratio: draft.fua_ratio,
        flush_every: draft.flush_every,
        sizes,
        access: access(draft, path, check),
        working_set: working_set(draft, config, path, check),
        first_block: draft.first_block,
        sharing_degree: small(draft.sharing_degree.min(AMFS_MAX as u64)),
        sharing,
        queue_depth: small(draft.queue_depth),
        rate: Some(draft.rate).filter(|rate| *rate > 0.0),
        arrivals: ARRIVALS[draft.arrivals],
        think: draft.think,
        burst: draft.burst,
        pause: draft.pause,
        start: draft.start,
        after: Some(draft.after.clone()).filter(|after| !after.is_empty()),
        with: Some(draft.with.clone()).filter(|with| !with.is_empty()),
        warmup: draft.warmup,
        counted: draft.counted,
        duration: Some(draft.duration).filter(|span| span.0 > 0),
        ops: Some(draft.ops).filter(|ops| *ops > 0),
    };
    together(&spec, config, path, check);
    meaningless(draft, &spec, path, check);
    spec
}

/// Keys of the sharing pattern and of the pace that only mean something beside others.
fn meaningless(draft: &WorkloadDraft, spec: &WorkloadSpec, path: PathOf, check: &mut Check) {
    let sharing = spec.sharing.name();
    let is_set = |key: &str| matches!(check.places.of.get(&path(key)), Some(Place::Set(_)));
    let over = is_set("sharing");
    let mut stray = |key: &str, why: String| {
        let path = path(key);
        let ok = !check.places.of.contains_key(&path);
        check.must(ok, &[&path], || why);
    };
    // `--set workload.NAME.sharing=..` leaves the other pattern's keys in the file: they are ignored.
    if !over && spec.sharing.says_who_reads() {
        for key in ["read_ratio", "rmw_ratio"] {
            stray(
                key,
                format!("has no meaning with sharing = \"{sharing}\", which says who reads"),
            );
        }
    }
    if !over && spec.sharing == Sharing::Private {
        stray("sharing_degree", "has no meaning with sharing = \"private\"".to_owned());
    }
    if spec.rate.is_none() && !is_set("rate") {
        stray("arrivals", "has a meaning only with a rate".to_owned());
    }
    if draft.burst.0 == 0 && !is_set("burst_ms") {
        stray("pause_ms", "has a meaning only with burst_ms".to_owned());
    }
}

/// What the sharing pattern asks of the rest.
fn together(spec: &WorkloadSpec, config: &Config, path: PathOf, check: &mut Check) {
    check.must(spec.burst.0 == 0 || spec.pause > Span(0), &[&path("burst_ms")], || {
        "a burst needs a pause: say pause_ms".to_owned()
    });
    let independent = matches!(spec.sharing, Sharing::Mixed | Sharing::Private);
    let latest = matches!(spec.access, Access::Latest { .. });
    check.must(!latest || independent, &[&path("access"), &path("sharing")], || {
        "latest goes with sharing = \"mixed\" or \"private\" only".to_owned()
    });
    if spec.sharing != Sharing::FalseSharing {
        return;
    }
    let (sizes, sharing) = (path("sizes"), path("sharing"));
    check.must(spec.sizes.len() == 1, &[&sizes, &sharing], || {
        "false sharing needs one size: it is how much each AMF has in a row".to_owned()
    });
    let all = if spec.amfs.is_empty() { config.users().len() } else { spec.amfs.len() } as u64;
    let degree = spec.degree(all);
    let parts = all.div_ceil(degree);
    let whole = config.blocks.saturating_sub(spec.first_block);
    let set = if spec.working_set == 0 { whole } else { spec.working_set };
    let per_part = set / parts.max(1) * u64::from(config.block_size / SECTOR_BYTES);
    let row = degree * u64::from(spec.sizes.first().map_or(0, |(bytes, _)| bytes / SECTOR_BYTES));
    check.must(row <= per_part, &[&path("working_set"), &sizes, &sharing], || {
        format!("{row} sectors, {degree} AMFs side by side, do not fit {per_part}, their part")
    });
}

/// The working set lies inside the volume, and every group of AMFs gets a part of it.
fn working_set(draft: &WorkloadDraft, config: &Config, path: PathOf, check: &mut Check) -> u64 {
    const VOLUME: [&str; 2] = ["volume.size", "volume.block_size"];
    let (first, blocks) = (draft.first_block, config.blocks);
    check.must(first < blocks, &[&path("first_block"), VOLUME[0], VOLUME[1]], || {
        format!("block {first} is beyond the volume; allowed: 0 to {}", blocks.max(1) - 1)
    });
    let whole = blocks.saturating_sub(first);
    let key = path("working_set");
    let set = check.blocks(draft.working_set, config.block_size.into(), &key);
    let begin = path("first_block");
    let keys = [key.as_str(), &begin, VOLUME[0], VOLUME[1]];
    check.must(set <= whole, &keys, || {
        format!("{set} blocks from block {first} on go beyond the volume; allowed: up to {whole}")
    });
    let users = config.users().len() as u64;
    let amfs = if draft.amfs.is_empty() { users } else { draft.amfs.len() as u64 };
    let parts = match (Sharing::ALL[draft.sharing], draft.sharing_degree) {
        (Sharing::Private, _) => amfs,
        (_, 0) => 1,
        (_, degree) => amfs.div_ceil(degree),
    };
    let blocks = if set == 0 { whole } else { set };
    let last = draft.sequence.iter().max().copied().unwrap_or(0);
    let is_sequence = SHAPES[draft.access] == Shape::Sequence;
    check.must(!is_sequence || last < blocks / parts.max(1), &[&path("sequence"), &key], || {
        format!("block {last} is beyond the {} blocks of an AMF's part", blocks / parts.max(1))
    });
    let (degree, own) = (path("sharing_degree"), path("amfs"));
    let keys = [&key, degree.as_str(), &own, "cluster.amfs", VOLUME[0], VOLUME[1]];
    check.must(blocks >= parts, &keys, || {
        format!("{blocks} blocks cannot be split into {parts} parts, one for each group of AMFs")
    });
    set
}

/// The access pattern; a key of another pattern would have no effect, so it is a mistake.
fn access(draft: &WorkloadDraft, path: PathOf, check: &mut Check) -> Access {
    let shape = SHAPES[draft.access];
    let (access, used): (Access, &[&str]) = match shape {
        Shape::Zipf => {
            (Access::Zipf { theta: draft.theta, scatter: draft.scatter }, &["theta", "scatter"])
        }
        Shape::Hotspot => {
            (Access::Hotspot { hot: draft.hot, share: draft.share }, &["hot", "share"])
        }
        Shape::Stride => (Access::Stride { stride: draft.stride }, &["stride"]),
        Shape::Latest => (Access::Latest { theta: draft.theta }, &["theta"]),
        Shape::Zoned => (Access::Zoned { zones: draft.zones.clone() }, &["zones"]),
        Shape::Sequence => (Access::Sequence { blocks: draft.sequence.clone() }, &["sequence"]),
        Shape::Sequential => (Access::Sequential, &[]),
        Shape::Uniform => (Access::Uniform, &[]),
    };
    let needed = [
        (Shape::Zoned, "zones", draft.zones.is_empty()),
        (Shape::Sequence, "sequence", draft.sequence.is_empty()),
    ];
    for (_, key, _) in needed.iter().filter(|(of, _, missing)| *of == shape && *missing) {
        check.must(false, &[&path("access")], || {
            format!("access = \"{}\" needs `{key}`", shape.name())
        });
    }
    // `--set workload.NAME.access=..` leaves the other pattern's keys in the file: they are ignored.
    if matches!(check.places.of.get(&path("access")), Some(Place::Set(_))) {
        return access;
    }
    let owned = [
        ("theta", "zipf\" or \"latest"),
        ("scatter", "zipf"),
        ("hot", "hotspot"),
        ("share", "hotspot"),
        ("stride", "stride"),
        ("zones", "zoned"),
        ("sequence", "sequence"),
    ];
    for (key, owner) in owned.iter().filter(|(key, _)| !used.contains(key)) {
        let path = path(key);
        check.must(!check.places.of.contains_key(&path), &[&path], || {
            format!("has a meaning only with access = \"{owner}\"")
        });
    }
    access
}
