//! Power fails everywhere, and is back: what was under way is gone, what disks, journals and witness have
//! stored is there.

use super::cluster::Cluster;
use super::inbox::Worklist;
use super::node::Node;
use crate::protocol::id::{AmfId, DiskId, Epoch, NodeId};
use crate::protocol::witness::Witness;
use crate::protocol::{Defect, DiskInput, WitnessInput};
use crate::trace::{Control, EventKind, Step};
use std::sync::PoisonError;

impl Cluster {
    /// The rule that is broken on purpose.
    pub(super) fn defect_now(&self) -> Option<Defect> {
        let defect = self.defect.lock().unwrap_or_else(PoisonError::into_inner);
        defect.map(|(defect, _)| defect)
    }

    /// Every AMF that is up crashes; witness and disks begin again with what they have stored; those AMFs
    /// start again. The stores themselves go on: what a real power failure does to files is what `kill -9` and
    /// the tests of the stores are for.
    pub(super) fn power_fail(&self, work: &mut Worklist) -> Result<usize, String> {
        let amfs: Vec<AmfId> = (0..self.config.amfs).map(AmfId).collect();
        // What was down before is broken, and stays down.
        let was_up = |amf: &AmfId| self.amfs[usize::from(amf.0)].lock().machine.is_some();
        let amfs: Vec<AmfId> = amfs.into_iter().filter(was_up).collect();
        for amf in &amfs {
            let _ = self.crash(*amf, work);
        }
        self.begin_again(work);
        if self.witness.lock().down.is_some() {
            self.set_witness(true, work)?;
        }
        for amf in amfs {
            self.restart(amf, work)?;
        }
        Ok(0)
    }

    /// One step for all machines together, so every mutex is held, in order.
    fn begin_again(&self, work: &mut Worklist) {
        let amfs: Vec<_> = self.amfs.iter().map(Node::lock).collect();
        let mut witness = self.witness.lock();
        let mut disks: Vec<_> = self.disks.iter().map(Node::lock).collect();
        self.fabric.forget_packets();
        for inbox in &self.inboxes {
            drop(inbox.drain());
        }
        let turn = self.turn(NodeId::Witness, work, || Step::Control(Control::PowerFail));
        let (no, now) = (turn.no, turn.now);
        let defect = self.defect_now();
        let epoch = witness.machine.promised();
        let (group, protocol) =
            (witness.machine.promised_group().clone(), witness.machine.view().protocol);
        let next = Epoch(epoch.0 + 1);
        let gone = witness.machine.gone_at_power_failure(next);
        let mut blank = Vec::new();
        for (state, id) in disks.iter_mut().zip((0..).map(DiskId)) {
            let mut finished = self.stores[usize::from(id.0)].finished();
            state.stale_results +=
                state.machine.queue() - finished.len().min(state.machine.queue());
            finished.clear();
            drop(finished);
            if state.machine.is_unadmitted() {
                blank.push(usize::from(id.0));
            }
            let failed = state.machine.is_failed();
            state.machine = state.machine.after_power_failure(&self.config, epoch);
            state.machine.handle(now, DiskInput::SetDefect(defect));
            if failed {
                state.machine.handle(now, DiskInput::Fail);
            }
            state.asked.clear();
            self.disks[usize::from(id.0)].set_deadline(state.machine.deadline());
        }
        for at in blank {
            let id = DiskId(u8::try_from(at).expect("at most 64 disks"));
            let turn = self.same_turn(NodeId::Disk(id), turn.work, no, now);
            self.run_disk(id, &mut disks[at], turn, DiskInput::Replace);
        }
        witness.machine = Witness::resume(&self.config, next, group, gone, true, now);
        witness.machine.nobody_is_up();
        witness.unsaved = Some(next);
        self.run_witness(&mut witness, turn, WitnessInput::SetDefect(defect));
        if protocol != self.config.protocol {
            let turn = self.same_turn(NodeId::Witness, work, no, now);
            self.run_witness(&mut witness, turn, WitnessInput::SetProtocol(protocol));
        }
        drop((amfs, witness, disks));
        self.tell(NodeId::Witness, EventKind::Fault("power-fail".to_owned()));
    }
}
