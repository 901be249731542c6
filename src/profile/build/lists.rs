//! `[[workload]]` and `[[fault]]`: what they say must exist in the cluster that the rest describes.

use super::{Check, small};
use crate::profile::draft::{Draft, SHAPES, Shape, WorkloadDraft};
use crate::profile::error::Place;
use crate::profile::model::{Access, FaultSpec, Profile, WorkloadSpec};
use crate::protocol::Config;
use crate::protocol::id::{AMFS_MAX, AmfId, Instant};
use crate::trace::Command;
use crate::trace::action::Action;
use crate::trace::grammar::{Limits, parse_command};

pub(super) fn workloads(draft: &Draft, config: &Config, check: &mut Check) -> Vec<WorkloadSpec> {
    let mut done = Vec::new();
    for (i, workload) in draft.workloads.iter().enumerate() {
        let path = |key: &str| format!("workload[{i}].{key}");
        let twice = draft.workloads[..i].iter().any(|other| other.name == workload.name);
        check.must(!twice, &[&path("name"), &path("")], || {
            format!("there are two workloads `{}`; a name starts just one", workload.name)
        });
        done.push(one_workload(workload, config, &path, check));
    }
    done
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
    WorkloadSpec {
        name: draft.name.clone(),
        autostart: draft.autostart,
        amfs: draft.amfs.iter().map(|amf| AmfId(*amf)).collect(),
        read_ratio: draft.read_ratio,
        sizes,
        access: access(draft, path, check),
        working_set: working_set(draft, config, path, check),
        first_block: draft.first_block,
        sharing_degree: small(draft.sharing_degree.min(AMFS_MAX as u64)),
        queue_depth: small(draft.queue_depth),
        rate: Some(draft.rate).filter(|rate| *rate > 0.0),
        ops: Some(draft.ops).filter(|ops| *ops > 0),
    }
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
    let parts = if draft.sharing_degree == 0 { 1 } else { amfs.div_ceil(draft.sharing_degree) };
    let blocks = if set == 0 { whole } else { set };
    let (degree, own) = (path("sharing_degree"), path("amfs"));
    let keys = [&key, degree.as_str(), &own, "cluster.amfs", VOLUME[0], VOLUME[1]];
    check.must(blocks >= parts, &keys, || {
        format!("{blocks} blocks cannot be split into {parts} parts, one for each group of AMFs")
    });
    set
}

/// The access pattern; a key of another pattern would have no effect, so it is a mistake.
fn access(draft: &WorkloadDraft, path: PathOf, check: &mut Check) -> Access {
    let (access, used): (Access, &[&str]) = match SHAPES[draft.access] {
        Shape::Zipf => {
            (Access::Zipf { theta: draft.theta, scatter: draft.scatter }, &["theta", "scatter"])
        }
        Shape::Hotspot => {
            (Access::Hotspot { hot: draft.hot, share: draft.share }, &["hot", "share"])
        }
        Shape::Sequential => (Access::Sequential, &[]),
        Shape::Uniform => (Access::Uniform, &[]),
    };
    // `--set workload.NAME.access=..` leaves the other pattern's keys in the file: they are ignored.
    if matches!(check.places.of.get(&path("access")), Some(Place::Set(_))) {
        return access;
    }
    let owned = [("theta", "zipf"), ("scatter", "zipf"), ("hot", "hotspot"), ("share", "hotspot")];
    for (key, owner) in owned.iter().filter(|(key, _)| !used.contains(key)) {
        let path = path(key);
        check.must(!check.places.of.contains_key(&path), &[&path], || {
            format!("has a meaning only with access = \"{owner}\"")
        });
    }
    access
}

pub(super) fn faults(draft: &Draft, profile: &Profile, check: &mut Check) -> Vec<FaultSpec> {
    let limits = Limits::of(profile, std::path::Path::new("."));
    let mut done = Vec::new();
    for (i, fault) in draft.faults.iter().enumerate() {
        match parse_command(&fault.command, &limits) {
            Ok(command) if is_fault(&command) => {
                done.push(FaultSpec { at: Instant(fault.at.0), command });
            }
            refused => {
                let text = match refused {
                    Ok(command) => format!("`{command}` makes sense in a script only"),
                    Err(error) => error.to_string(),
                };
                check.must(false, &[&format!("fault[{i}].command")], || text);
            }
        }
    }
    done.sort_by_key(|fault| fault.at);
    done
}

/// True if a schedule may say it: it acts at once, and nothing waits for an answer.
fn is_fault(command: &Command) -> bool {
    match command {
        // Held messages, steps and recordings belong to a run, not to what happens to the cluster.
        Command::Act(
            Action::Hold(_)
            | Action::Unhold(_)
            | Action::Deliver(_)
            | Action::Lose(_)
            | Action::Repeat(_)
            | Action::Step(_)
            | Action::Record(_)
            | Action::Seek(_),
        )
        | Command::Start(..)
        | Command::Await(_)
        | Command::Replay(_)
        | Command::RunUntil(..)
        | Command::Wait(_)
        | Command::Settle
        | Command::Audit
        | Command::Why(..)
        | Command::Expect(_) => false,
        Command::Act(_) | Command::Host(_) | Command::Workload(..) | Command::Note(_) => true,
    }
}
