//! What the durability lens needs to know of one block.

use super::World;
use crate::protocol::group::Place;
use crate::protocol::id::{AmfId, Block, Epoch};
use crate::protocol::region::region_of;
use crate::trace::lens::{AmfFacts, DiskFacts, Facts, Lens, places_of, rest_of};

impl World {
    /// Who has which version of a block, and what would be left of it.
    #[must_use]
    pub fn lens(&self, block: Block) -> Lens {
        let view = self.witness.view();
        let amfs = self
            .seats
            .iter()
            .zip((0..).map(AmfId))
            .map(|(seat, id)| AmfFacts::of(id, seat.amf.as_ref(), &seat.journal, block));
        let group = self.witness.promised_group();
        let region = region_of(block, self.cfg.region_blocks);
        let look = |place: &Place| {
            let slot = group.slots.get(usize::from(place.slot))?;
            let here = &self.shelves[usize::from(slot.disk.0)];
            Some(DiskFacts {
                disk: slot.disk,
                // A disk that nobody has admitted yet is blank.
                failed: here.disk.is_failed() || here.disk.is_unadmitted(),
                good: here.store.is_good(place.at),
                record: Some(here.store.record(place.at).cloned()),
            })
        };
        let stores = view.group.slots.iter().map(|slot| &self.shelves[usize::from(slot.disk.0)]);
        let marks = stores.filter(|shelf| !shelf.disk.is_failed());
        let marks =
            marks.flat_map(|shelf| shelf.store.marks()).filter(|mark| mark.region == region);
        let next = Epoch(self.witness.promised().0 + 1);
        let facts = Facts {
            block,
            config: &self.cfg,
            group,
            amfs: amfs.collect(),
            disks: places_of(&self.cfg, block).iter().filter_map(look).collect(),
            rest: rest_of(&self.cfg, block).iter().filter_map(look).collect(),
            gone: self.witness.gone_at_power_failure(next),
            marks: marks.copied().collect(),
        };
        facts.lens()
    }
}
