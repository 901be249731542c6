//! What is left once everything has settled: the slow full scan of the invariants, and every
//! acknowledged write looked for where it should be (invariant 6).

use super::Sim;
use crate::check::durability::{CHECKER, Tally};
use crate::protocol::amf::Amf;
use crate::protocol::group::{Group, SlotState};
use crate::protocol::id::{AmfId, Block};
use crate::protocol::{Data, LineState};

impl Sim {
    /// Judges every block of the volume, as it would be read now: a dirty line if there is one, else
    /// every copy on a trusted disk. What it finds is in the violations. For a settled cluster; a volume
    /// of many blocks takes its time.
    pub fn audit(&mut self) {
        self.world.full_scan();
        let Some(judge) = &self.judge else { return };
        let mut tally = Tally::default();
        for block in (0..self.profile.config.blocks).map(Block) {
            for (place, data) in self.contents(block) {
                tally.add(judge, block, Some(&data), &place);
            }
        }
        for finding in tally.findings {
            self.world.report(CHECKER, finding.key, finding.text);
        }
    }

    /// Where a block's current content is, and what it is.
    fn contents(&self, block: Block) -> Vec<(String, Data)> {
        let cfg = &self.profile.config;
        let amfs = (0..cfg.amfs).map(AmfId).filter_map(|amf| self.world.amf(amf));
        let epoch = self.world.witness().view().epoch;
        let mut members = amfs.filter(|amf| amf.is_member() && amf.epoch() == epoch);
        let dirty = |amf: &Amf| {
            let line = amf.line(block).filter(|line| line.state == LineState::M);
            line.map(|line| (amf.id().to_string(), line.data.clone()))
        };
        if let Some(dirty) = members.find_map(dirty) {
            return vec![dirty];
        }
        let slots = &self.world.witness().view().group.slots;
        let places = Group::new(&cfg.group).places(block).into_iter();
        let online = places.filter_map(|place| {
            let slot = slots[usize::from(place.slot)];
            (slot.state == SlotState::Online).then_some((slot.disk, place.at))
        });
        let blank = || Data::zero(cfg.block_size);
        online
            .map(|(disk, at)| {
                let record = self.world.record_on(disk, at);
                (disk.to_string(), record.map_or_else(blank, |record| record.data.clone()))
            })
            .collect()
    }
}
