//! Whether an action makes sense as things stand, and what is said once it is done: in the same words
//! on every engine, so that a script cannot tell which one it has.

use super::action::{Action, LinkSetting, Target};
use crate::protocol::Config;
use crate::protocol::group::{Group, GroupView, Place, Role};
use crate::protocol::id::{AmfId, Block, DiskId, NodeId};

/// Why a loss cannot be accepted now.
pub const NO_USER: &str = "no AMF that may use the volume is a member";

/// How a cluster stands, as far as actions depend on it.
pub trait Standing {
    /// What the cluster is made of.
    fn config(&self) -> &Config;
    /// The AMF has crashed.
    fn is_down(&self, amf: AmfId) -> bool;
    /// The AMF handles nothing.
    fn is_paused(&self, amf: AmfId) -> bool;
    /// The disk answers with errors.
    fn has_failed(&self, disk: DiskId) -> bool;
    /// The witness is up.
    fn witness_is_up(&self) -> bool;
    /// Everything is held and the clock stands still.
    fn is_step_mode(&self) -> bool;
}

impl Action {
    /// Why this cannot be done now, with a hint; nothing was done then.
    ///
    /// # Errors
    /// One sentence: the action names what does not exist, or would change nothing.
    pub fn check(&self, cluster: &impl Standing) -> Result<(), String> {
        for node in self.nodes() {
            exists(cluster.config(), node)?;
        }
        match self {
            Self::Crash(amf) => is_up(cluster, *amf),
            Self::Evict(amf, _)
            | Self::ExpireLease(amf)
            | Self::Pause(amf)
            | Self::Destage(Target::One(amf)) => runs(cluster, *amf),
            Self::Restart(amf) if !cluster.is_down(*amf) => Err(format!("{amf} is up already")),
            Self::Resume(amf) if !cluster.is_paused(*amf) => Err(format!("{amf} is not paused")),
            Self::Link(a, b, _) if a == b => Err("a link has two ends".to_owned()),
            Self::FailDisk(disk) if cluster.has_failed(*disk) => {
                Err(format!("{disk} has failed already; hint: replace {disk}"))
            }
            Self::ReplaceDisk(disk) if !cluster.config().group.layout.is_redundant() => {
                let layout = cluster.config().group.layout.name();
                Err(format!("{disk} cannot be refilled: layout `{layout}` has one copy"))
            }
            Self::Witness(up) if *up == cluster.witness_is_up() => {
                Err(format!("the witness is {} already", if *up { "up" } else { "down" }))
            }
            Self::Step(_) if !cluster.is_step_mode() => {
                Err("`step` needs step mode; hint: hold on".to_owned())
            }
            Self::CorruptJournal(_) if !cluster.config().journal => {
                Err("there are no journals; hint: --set journal.enabled=true".to_owned())
            }
            Self::Tempo(tempo) if !(1..=1_000).contains(tempo) => {
                Err("the tempo is from 0.001 to 1".to_owned())
            }
            Self::Seek(_) => Err("this cluster runs: only in a recording one can go to and fro; \
                                  hint: amflab play RECORDING"
                .to_owned()),
            Self::Record(_)
            | Self::Destage(Target::All)
            | Self::Restart(_)
            | Self::Resume(_)
            | Self::Partition(_)
            | Self::Heal
            | Self::Link(..)
            | Self::FailDisk(_)
            | Self::ReplaceDisk(_)
            | Self::Corrupt(..)
            | Self::CorruptJournal(_)
            | Self::Scrub
            | Self::AcceptLoss
            | Self::SlowDisk(..)
            | Self::Witness(_)
            | Self::PowerFail
            | Self::Defect(..)
            | Self::Protocol(_)
            | Self::Hold(_)
            | Self::Unhold(_)
            | Self::Deliver(_)
            | Self::Lose(_)
            | Self::Repeat(_)
            | Self::Step(_)
            | Self::Tempo(_) => Ok(()),
        }
    }

    /// What is said when it is done to `count` things (messages, steps), where it is done to some.
    #[must_use]
    pub fn receipt(&self, count: usize) -> String {
        let messages =
            if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
        match self {
            Self::Destage(Target::One(amf)) => format!("{amf} writes its dirty lines"),
            Self::Destage(Target::All) => "every AMF writes its dirty lines".to_owned(),
            Self::Evict(amf, Some(block)) => format!("{amf} lets go of block {}", block.0),
            Self::Evict(amf, None) => format!("{amf} lets go of its oldest line"),
            Self::Crash(amf) => format!("{amf} is down, and what it had in memory is gone"),
            Self::Restart(amf) => format!("{amf} starts, empty, and joins"),
            Self::Pause(amf) => format!("{amf} handles nothing until it is resumed"),
            Self::Resume(amf) => format!("{amf} goes on"),
            Self::ExpireLease(amf) => format!("the lease of {amf} has run out"),
            Self::Heal => "the network is whole".to_owned(),
            Self::Link(a, b, LinkSetting::Clear) => format!("the link of {a} and {b} is whole"),
            Self::FailDisk(disk) => format!("{disk} answers with errors"),
            Self::ReplaceDisk(disk) => format!("a blank disk takes the place of {disk}"),
            Self::Corrupt(disk, block) => {
                format!("on {disk} the check sum of block {block} does not fit any more")
            }
            Self::CorruptJournal(amf) => {
                format!("what the journal of {amf} holds is damaged; its next start finds out")
            }
            Self::Scrub => "a scrub compares what is on the disks".to_owned(),
            Self::AcceptLoss => "what is in doubt is given out again, as it is".to_owned(),
            Self::SlowDisk(disk, by) if by.0 == 0 => format!("{disk} is as fast as it was"),
            Self::SlowDisk(disk, by) => format!("{disk} takes {by} longer"),
            Self::Witness(up) => format!("the witness is {}", if *up { "up" } else { "down" }),
            Self::PowerFail => "everything starts again with what is stored".to_owned(),
            Self::Defect(defect, true) => format!("{defect}: {}", defect.summary()),
            Self::Defect(defect, false) => format!("{defect} is off"),
            Self::Hold(filter) if filter.is_all() => {
                "everything is held and the clock stands still".to_owned()
            }
            Self::Unhold(_) => format!("{messages} went on"),
            Self::Deliver(_) => format!("{messages} delivered"),
            Self::Lose(_) => format!("{messages} lost"),
            Self::Repeat(_) => format!("{messages} delivered, and once more"),
            Self::Step(_) if count == 1 => "1 step".to_owned(),
            Self::Step(_) => format!("{count} steps"),
            Self::Record(Some(file)) => {
                format!("the run is recorded, from its first step on, into {}", file.display())
            }
            Self::Record(None) => "the recording is complete up to here".to_owned(),
            Self::Partition(_)
            | Self::Link(..)
            | Self::Protocol(_)
            | Self::Hold(_)
            | Self::Tempo(_)
            | Self::Seek(_) => self.to_string(),
        }
    }

    /// The nodes that it names.
    fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Evict(amf, _)
            | Self::CorruptJournal(amf)
            | Self::Crash(amf)
            | Self::Restart(amf)
            | Self::Pause(amf)
            | Self::Resume(amf)
            | Self::ExpireLease(amf)
            | Self::Destage(Target::One(amf)) => vec![NodeId::Amf(*amf)],
            Self::FailDisk(disk)
            | Self::ReplaceDisk(disk)
            | Self::Corrupt(disk, _)
            | Self::SlowDisk(disk, _) => vec![NodeId::Disk(*disk)],
            Self::Link(a, b, _) => vec![*a, *b],
            Self::Partition(sides) => sides.concat(),
            Self::Destage(Target::All)
            | Self::Scrub
            | Self::AcceptLoss
            | Self::Heal
            | Self::Witness(_)
            | Self::PowerFail
            | Self::Defect(..)
            | Self::Protocol(_)
            | Self::Hold(_)
            | Self::Unhold(_)
            | Self::Deliver(_)
            | Self::Lose(_)
            | Self::Repeat(_)
            | Self::Step(_)
            | Self::Tempo(_)
            | Self::Record(_)
            | Self::Seek(_) => Vec::new(),
        }
    }
}

/// Where `corrupt DISK BLOCK` does damage: the number, on that disk, of the block or of the parity of its
/// row.
///
/// # Errors
/// The disk has nothing of the block; says which have.
pub fn place_on(
    config: &Config,
    view: &GroupView,
    disk: DiskId,
    block: Block,
) -> Result<u64, String> {
    let group = Group::new(&config.group);
    if block.0 >= config.blocks {
        return Err(format!("block {block} does not exist: there are 0 to {}", config.blocks - 1));
    }
    let mut places = group.places(block).to_vec();
    let at = places[0].at;
    let parity = (0..group.parity()).map(|p| group.slot_for(at, Role::Parity(p)));
    places.extend(parity.map(|slot| Place { slot, at }));
    let disks = || places.iter().map(|place| view.slots[usize::from(place.slot)].disk);
    if disks().any(|there| there == disk) {
        return Ok(at);
    }
    let there: Vec<String> = disks().map(|disk| disk.to_string()).collect();
    Err(format!("{disk} has nothing of block {block}; hint: {} have", there.join(", ")))
}

fn exists(config: &Config, node: NodeId) -> Result<(), String> {
    let (name, count) = match node {
        NodeId::Amf(amf) if amf.0 >= config.amfs => ("amf", config.amfs),
        NodeId::Disk(disk) if disk.0 >= config.disks_all() => ("disk", config.disks_all()),
        NodeId::Amf(_) | NodeId::Witness | NodeId::Disk(_) => return Ok(()),
    };
    Err(format!("{node} does not exist: there are {name}0 to {name}{}", count - 1))
}

fn is_up(cluster: &impl Standing, amf: AmfId) -> Result<(), String> {
    if cluster.is_down(amf) {
        return Err(format!("{amf} is down; hint: restart {amf}"));
    }
    Ok(())
}

fn runs(cluster: &impl Standing, amf: AmfId) -> Result<(), String> {
    is_up(cluster, amf)?;
    if cluster.is_paused(amf) {
        return Err(format!("{amf} is paused; hint: resume {amf}"));
    }
    Ok(())
}
