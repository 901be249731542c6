//! What the durability lens needs to know of one block.

use super::store::MapStore;
use super::{Shelf, World};
use crate::protocol::Nvram;
use crate::protocol::group::Place;
use crate::protocol::id::{AmfId, Block, Epoch};
use crate::protocol::region::region_of;
use crate::trace::lens::{AmfFacts, DiskFacts, Facts, Lens, places_of, rest_of};
use std::borrow::Cow;

impl World {
    /// Who has which version of a block, and what would be left of it.
    #[must_use]
    pub fn lens(&self, block: Block) -> Lens {
        let shelves = self.shelves.iter();
        let stores: Vec<&MapStore> = shelves.clone().map(|shelf| &shelf.store).collect();
        let journals: Vec<&Nvram> = self.seats.iter().map(|seat| &seat.journal).collect();
        let mut lens = self.facts(block, &stores, &journals).lens();
        let writing = self.shelves.iter().any(|shelf| !shelf.done.is_empty());
        if !writing && journals.iter().all(|journal| journal.given() == 0) {
            return lens;
        }
        let sure: Vec<Cow<'_, MapStore>> = shelves.map(Shelf::reported).collect();
        let sure: Vec<&MapStore> = sure.iter().map(Cow::as_ref).collect();
        let lucky: Vec<Nvram> = journals.iter().map(|journal| journal.finished()).collect();
        let lucky: Vec<&Nvram> = lucky.iter().collect();
        for (stores, journals) in [(&sure, &journals), (&stores, &lucky), (&sure, &lucky)] {
            let or = self.facts(block, stores, journals).lens().power;
            if or != lens.power && !lens.or.contains(&or) {
                lens.or.push(or);
            }
        }
        lens
    }

    fn facts(&self, block: Block, stores: &[&MapStore], journals: &[&Nvram]) -> Facts<'_> {
        let view = self.witness.view();
        let amfs = self
            .seats
            .iter()
            .zip(journals)
            .zip((0..).map(AmfId))
            .map(|((seat, journal), id)| AmfFacts::of(id, seat.amf.as_ref(), journal, block));
        let group = self.witness.promised_group();
        let region = region_of(block, self.cfg.region_blocks);
        let look = |place: &Place| {
            let slot = group.slots.get(usize::from(place.slot))?;
            let (disk, store) = (self.disk(slot.disk), stores[usize::from(slot.disk.0)]);
            Some(DiskFacts {
                disk: slot.disk,
                // A disk that nobody has admitted yet is blank.
                failed: disk.is_failed() || disk.is_unadmitted(),
                good: store.is_good(place.at),
                record: Some(store.record(place.at).cloned()),
            })
        };
        let working = view.group.slots.iter().filter(|slot| !self.disk(slot.disk).is_failed());
        let marks = working.flat_map(|slot| stores[usize::from(slot.disk.0)].marks());
        let marks = marks.filter(|mark| mark.region == region);
        let next = Epoch(self.witness.promised().0 + 1);
        Facts {
            block,
            config: &self.cfg,
            group,
            amfs: amfs.collect(),
            disks: places_of(&self.cfg, block).iter().filter_map(look).collect(),
            rest: rest_of(&self.cfg, block).iter().filter_map(look).collect(),
            gone: self.witness.gone_at_power_failure(next),
            marks: marks.copied().collect(),
        }
    }
}

impl Shelf {
    /// What is on the disk if nothing has got there that it was not told of.
    fn reported(&self) -> Cow<'_, MapStore> {
        let mut store = Cow::Borrowed(&self.store);
        let lost = self.done.iter().rev().take_while(|unreported| unreported.may_be_lost());
        lost.for_each(|lost| store.to_mut().take_back(lost.clone()));
        store
    }
}
