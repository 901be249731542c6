//! Journals of a live cluster: a store and a thread each, and what is known of what they hold.

use super::cluster::Cluster;
use super::delivery::PUMP_TURNS_SHORT;
use super::inbox::{Item, Worklist};
use super::node::AmfState;
use crate::protocol::data::Data;
use crate::protocol::id::{AmfId, NodeId, Version};
use crate::protocol::{AmfInput, JournalOp, Record, StoreOp};
use crate::store::{Done, intent};
use crate::trace::Step;

impl Cluster {
    /// An AMF gives its journal an operation. An entry that goes leaves a tombstone: a record of no
    /// version, which no start loads.
    pub(crate) fn give_journal(&self, id: AmfId, state: &mut AmfState, op: JournalOp) {
        let Some(journal) = self.journals.get(usize::from(id.0)) else { return };
        let gone = || Record { version: Version::ZERO, data: Data::zero(0), covers: None };
        let (at, record) = match &op {
            JournalOp::Put { block, version, data } => {
                (block.0, Record { version: *version, data: data.clone(), covers: None })
            }
            JournalOp::Forget { block } => (block.0, gone()),
            JournalOp::Intend { intent } => (intent::at(intent.block), intent::encode(intent)),
            JournalOp::Intended { block } => (intent::at(*block), gone()),
        };
        let put = StoreOp::Put { at, record };
        state.journal.give(op);
        if let Some(worker) = &*journal.worker() {
            worker.give(put);
        }
    }

    /// Results of a journal, in order, from its own thread.
    pub(crate) fn journalled(&self, id: AmfId, results: Vec<Done>) {
        self.journals[usize::from(id.0)].finished().extend(results);
        let mut work = Worklist::new();
        self.put(self.row.index(NodeId::Amf(id)), Item::Stored, &mut work);
        self.pump(&mut work, PUMP_TURNS_SHORT);
    }

    /// Tells an AMF of everything that its journal has finished, a step each.
    pub(crate) fn deliver_journal(&self, id: AmfId, state: &mut AmfState, work: &mut Worklist) {
        let Some(journal) = self.journals.get(usize::from(id.0)) else { return };
        loop {
            let Some(result) = journal.finished().pop_front() else { return };
            if state.stale_results > 0 {
                state.stale_results -= 1;
                continue;
            }
            if state.machine.is_none() {
                continue;
            }
            let ok = result.is_ok();
            let turn = self.turn(NodeId::Amf(id), work, || Step::Journal { amf: id, ok });
            state.journal.finish_one(ok);
            let result = result.map(|_| ());
            self.run_amf(id, state, turn, AmfInput::Journal(result));
        }
    }
}
