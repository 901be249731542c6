//! A view: who belongs to the cluster, since when, who has left with work unfinished, and which disks
//! are trusted. Decided by the witness, and the same for everybody who has installed its epoch.

use super::Protocol;
use super::group::GroupView;
use super::id::{AmfId, AmfSet, Epoch, Incarnation};
use super::region::Gone;
use serde::{Deserialize, Serialize};

/// `(epoch, members with their incarnations, disk states, partner map)`, decided by the witness.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct View {
    /// Its number.
    pub epoch: Epoch,
    /// Who belongs to it, in id order.
    pub members: Vec<(AmfId, Incarnation)>,
    /// The epoch in which each of them joined under this incarnation.
    #[serde(default)]
    pub joined: Vec<Epoch>,
    /// Who left with work that may not be finished \[D2\].
    #[serde(default)]
    pub gone: Vec<Gone>,
    /// Replication partners wanted; in force are at most the members less one.
    pub replicas: u8,
    /// The protocol in force.
    pub protocol: Protocol,
    /// The disk states.
    pub group: GroupView,
    /// The newest epoch that admitted a disk: requests to it from before are refused \[M4\].
    pub admitted: Epoch,
    /// Copies of one block may differ: read all before use (section 4, last paragraph). Set at this
    /// epoch, cleared when a walk over the group has made them equal.
    pub unsynchronised: Option<Epoch>,
}

impl View {
    /// The members as a set.
    #[must_use]
    pub fn set(&self) -> AmfSet {
        self.members.iter().map(|(amf, _)| *amf).collect()
    }

    /// The incarnation under which `amf` is a member.
    #[must_use]
    pub fn incarnation(&self, amf: AmfId) -> Option<Incarnation> {
        self.members.iter().find(|(id, _)| *id == amf).map(|(_, inc)| *inc)
    }

    /// The epoch in which `amf` joined.
    #[must_use]
    pub fn joined(&self, amf: AmfId) -> Epoch {
        let at = self.members.iter().position(|(id, _)| *id == amf);
        at.and_then(|at| self.joined.get(at)).copied().unwrap_or_default()
    }

    /// Whose acknowledged writes may be lost \[D2\].
    pub fn lost(&self) -> impl Iterator<Item = &Gone> {
        self.gone.iter().filter(|gone| gone.lost)
    }

    /// Who has to be thought of as gone when everything starts again after this view, in `epoch`.
    /// After a clean end that is nobody new. `journal`: an AMF has in a journal, whole, what it needs.
    #[must_use]
    pub fn gone_at_restart(
        &self,
        amfs: u8,
        epoch: Epoch,
        clean: bool,
        journal: impl Fn(AmfId) -> bool,
    ) -> Vec<Gone> {
        let mut gone: Vec<Gone> = self.gone.clone();
        for entry in &mut gone {
            entry.for_good |= !journal(entry.owner);
        }
        if clean {
            gone.retain(|gone| gone.lost);
            return gone;
        }
        for entry in gone.iter_mut().filter(|entry| !entry.lost) {
            entry.lost = !journal(entry.owner);
        }
        for owner in (0..amfs).map(AmfId) {
            // Views after this one may have begun before the end: whoever joined in them is gone as well.
            let member = self.incarnation(owner).is_some();
            let first = if member { self.joined(owner) } else { Epoch(self.epoch.0 + 1) };
            let last = Epoch(epoch.0 - 1);
            if first <= last {
                let for_good = !journal(owner);
                gone.push(Gone { owner, first, last, left: epoch, lost: for_good, for_good });
            }
        }
        gone
    }

    /// The partner map: the next `replicas` members after `amf`, in a ring.
    #[must_use]
    pub fn partners(&self, amf: AmfId) -> AmfSet {
        let Some(at) = self.members.iter().position(|(id, _)| *id == amf) else {
            return AmfSet::EMPTY;
        };
        let others = self.members.len() - 1;
        let wanted = usize::from(self.replicas).min(others);
        (1..=wanted).map(|step| self.members[(at + step) % self.members.len()].0).collect()
    }
}
