//! What the durability lens needs to know of one block. Machines and journals are looked at under their
//! mutexes, one after the other; a disk's store is asked for the block, and says it at the next look.

use super::cluster::Cluster;
use super::node::DiskStore;
use crate::protocol::StoreDone;
use crate::protocol::amf::Amf;
use crate::protocol::id::{AmfId, Block, DiskId, Epoch};
use crate::protocol::region::{Mark, region_of};
use crate::store::Worker;
use crate::trace::lens::{AmfFacts, DiskFacts, Facts, Lens, places_of};

impl Cluster {
    /// Who has which version of a block, and what would be left of it.
    pub(super) fn lens(&self, block: Block) -> Lens {
        let (view, group, gone) = {
            let state = self.witness.lock();
            let next = Epoch(state.machine.promised().0 + 1);
            let gone = state.machine.gone_at_power_failure(next);
            (state.machine.view().clone(), state.machine.promised_group().clone(), gone)
        };
        let region = region_of(block, self.config.region_blocks);
        let (mut amfs, mut marks) = (Vec::new(), Vec::new());
        for (node, id) in self.amfs.iter().zip((0..).map(AmfId)) {
            let state = node.lock();
            let machine = state.machine.as_ref();
            if machine.map(Amf::marked_regions).unwrap_or_default().contains(&region) {
                marks.push(Mark { region, owner: id, joined: view.joined(id) });
            }
            amfs.push(AmfFacts::of(id, machine, &state.journal, block));
        }
        let places = places_of(&self.config, block);
        let disks = places.iter().filter_map(|place| {
            let disk = group.slots.get(usize::from(place.slot))?.disk;
            Some(self.disk_facts(disk, place.at))
        });
        let disks = disks.collect();
        Facts { block, config: &self.config, group: &group, amfs, disks, gone, marks }.lens()
    }

    fn disk_facts(&self, disk: DiskId, at: u64) -> DiskFacts {
        let failed = self.disks[usize::from(disk.0)].lock().machine.is_failed();
        let store: &DiskStore = &self.stores[usize::from(disk.0)];
        let looked = store.worker().as_ref().and_then(|worker: &Worker| worker.look(at));
        let (good, record) = match looked {
            Some(Ok(StoreDone::Got(record))) => (true, Some(record)),
            Some(Ok(_) | Err(_)) => (false, Some(None)),
            None => (true, None),
        };
        DiskFacts { disk, failed, good, record }
    }
}
