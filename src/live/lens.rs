//! What the durability lens needs to know of one block. Machines and journals are looked at under their
//! mutexes, one after the other; a disk's store is asked for the block, and says it at the next look.

use super::cluster::Cluster;
use super::node::DiskStore;
use crate::protocol::StoreDone;
use crate::protocol::amf::Amf;
use crate::protocol::group::Place;
use crate::protocol::id::{AmfId, Block, DiskId, Epoch};
use crate::protocol::region::{Mark, region_of};
use crate::store::{Looked, Worker};
use crate::trace::lens::{AmfFacts, DiskFacts, Facts, Lens, places_of, rest_of};

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
        let mut look = |place: &Place| {
            let disk = group.slots.get(usize::from(place.slot))?.disk;
            let (facts, noted) = self.disk_facts(disk, place.at);
            // Those of whoever has left stand nowhere else.
            marks.extend(noted.into_iter().filter(|mark| mark.region == region));
            Some(facts)
        };
        let disks = places_of(&self.config, block).iter().filter_map(&mut look).collect();
        let rest = rest_of(&self.config, block).iter().filter_map(look).collect();
        let (config, group) = (&self.config, &group);
        Facts { block, config, group, amfs, disks, rest, gone, marks }.lens()
    }

    /// What a disk has of the block, and the regions that it has noted.
    fn disk_facts(&self, disk: DiskId, at: u64) -> (DiskFacts, Vec<Mark>) {
        let failed = {
            let state = self.disks[usize::from(disk.0)].lock();
            // A disk that nobody has admitted yet is blank.
            state.machine.is_failed() || state.machine.is_unadmitted()
        };
        let store: &DiskStore = &self.stores[usize::from(disk.0)];
        let looked = store.worker().as_ref().and_then(|worker: &Worker| worker.look(at));
        let Some(Looked { block, marks }) = looked else {
            return (DiskFacts { disk, failed, good: true, record: None }, Vec::new());
        };
        let (good, record) = match block {
            Ok(StoreDone::Got(record)) => (true, Some(record)),
            Ok(_) | Err(_) => (false, Some(None)),
        };
        let marks = match marks {
            Ok(StoreDone::Marks(marks)) if !failed => marks.to_vec(),
            Ok(_) | Err(_) => Vec::new(),
        };
        (DiskFacts { disk, failed, good, record }, marks)
    }
}
