//! Whether a step can belong to a cluster at all: what comes out of a file is not trusted. What cannot
//! happen *now* (a packet that is not in flight) the world itself refuses.

use super::{Outcome, Recorded};
use crate::protocol::id::{AmfId, DiskId, NodeId};
use crate::protocol::{Config, Payload, RequestKind, StoreDone};
use crate::trace::sides::Sides;
use crate::trace::step::{Control, Step};

/// Numbers of operations are lower: whoever goes on from a recording counts on.
const OPS_MAX: u64 = 1 << 56;

/// Why this step cannot belong to a cluster of this configuration.
///
/// # Errors
/// One sentence.
pub fn check(config: &Config, recorded: &Recorded) -> Result<(), String> {
    match &recorded.entry.step {
        Step::Host { amf, request } => {
            node(config, NodeId::Amf(*amf))?;
            if request.op.0 >= OPS_MAX {
                return Err(format!("no engine counts operations up to {}", request.op.0));
            }
            content(config, &request.kind)?;
        }
        Step::Deliver { from, to, .. } | Step::Lose { from, to, .. } => {
            node(config, *from)?;
            node(config, *to)?;
        }
        Step::Journal { amf, .. } => node(config, NodeId::Amf(*amf))?,
        Step::Tick { node: at } => node(config, *at)?,
        Step::Store { disk } => node(config, NodeId::Disk(*disk))?,
        Step::Control(control) => check_control(config, control)?,
    }
    match &recorded.outcome {
        Some(_) if !matches!(recorded.entry.step, Step::Store { .. }) => {
            Err("only a store's work has an outcome".to_owned())
        }
        Some(Outcome::Full(Ok(StoreDone::Got(Some(record)))))
            if record.data.len() != config.block_size =>
        {
            Err(format!("a disk holds a block of {} bytes", record.data.len()))
        }
        Some(_) | None => Ok(()),
    }
}

fn node(config: &Config, node: NodeId) -> Result<(), String> {
    let there = match node {
        NodeId::Amf(AmfId(amf)) => amf < config.amfs,
        NodeId::Witness => true,
        NodeId::Disk(DiskId(disk)) => disk < config.disks_all(),
    };
    if there { Ok(()) } else { Err(format!("{node} does not exist in this profile")) }
}

/// What a write carries is as long as it says.
fn content(config: &Config, kind: &RequestKind) -> Result<(), String> {
    let right = match kind {
        RequestKind::Write(sectors, Payload::Bytes(bytes))
        | RequestKind::WriteFua(sectors, Payload::Bytes(bytes)) => {
            bytes.len() as u64 == u64::from(sectors.count) * 512
        }
        RequestKind::Write(_, Payload::Stamp { sequence, .. })
        | RequestKind::WriteFua(_, Payload::Stamp { sequence, .. }) => *sequence > 0,
        RequestKind::CompareAndWrite { old, new, .. } => {
            old.len() == config.block_size && new.len() == config.block_size
        }
        RequestKind::Read(_) | RequestKind::Zero(_) | RequestKind::Flush => true,
    };
    if right { Ok(()) } else { Err("a request carries content of another length".to_owned()) }
}

fn check_control(config: &Config, control: &Control) -> Result<(), String> {
    match control {
        Control::Crash(amf)
        | Control::CorruptJournal(amf)
        | Control::KeepJournal(amf, _)
        | Control::Restart(amf)
        | Control::Pause(amf)
        | Control::Resume(amf)
        | Control::ExpireLease(amf)
        | Control::Evict(amf, _)
        | Control::Destage(amf)
        | Control::Scrub(amf)
        | Control::AcceptLoss(amf)
        | Control::DropLines(amf) => node(config, NodeId::Amf(*amf)),
        Control::FailDisk(disk)
        | Control::ReplaceDisk(disk)
        | Control::SlowDisk(disk, _)
        | Control::LoseWrites(disk, _)
        | Control::Corrupt(disk, _) => node(config, NodeId::Disk(*disk)),
        Control::WitnessDown
        | Control::WitnessUp
        | Control::PowerFail
        | Control::SetProtocol(_)
        | Control::SetDefect(_)
        | Control::Heal
        | Control::Skip(_)
        | Control::Figures(_) => Ok(()),
        Control::Partition(sides) => Sides::new(sides, config.amfs, config.disks_all()).map(|_| ()),
        Control::Link(a, b, _) => node(config, *a).and_then(|()| node(config, *b)),
    }
}
