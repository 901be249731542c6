//! A picture of a simulated cluster.

use super::Sim;
use super::network::{Held, HeldWhat};
use crate::trace::narrate;
use crate::trace::recording::Recorder;
use crate::trace::snapshot::{Ask, HeldInfo, Snapshot};
use crate::world::InFlight;
use std::sync::Arc;

impl Sim {
    pub(super) fn picture(&self, ask: &Ask) -> Snapshot {
        let world = &self.world;
        let mut disks = world.disk_infos();
        disks.iter_mut().zip(&self.slow).for_each(|(disk, slow)| disk.slow = *slow);
        let held = self.network.held().iter().take(ask.held_max);
        Snapshot {
            engine: "sim",
            now: self.now,
            step: world.step_count(),
            step_mode: self.network.is_step_mode(),
            tempo: self.tempo,
            view: Arc::clone(world.witness().view()),
            witness: world.witness_info(),
            amfs: world.amf_infos(self.now, ask),
            disks,
            scrub: world.scrub_info(),
            doubt: world.doubt(),
            doubt_known: true,
            locks: world.lock_infos(self.now),
            held: held.map(|held| self.held_info(held)).collect(),
            held_total: self.network.held().len(),
            faults: self.fault_list(),
            counts: self.counts(),
            violations: world.violations().to_vec(),
            violations_total: world.violations_total(),
            outstanding: self.asked.len() as u64,
            unsettled: world.unsettled(),
            events_lost: world.events_lost(),
            volatile: Some("simulated: nothing is kept".to_owned()),
            recording: self.recorder.as_ref().and_then(Recorder::info).cloned(),
            lamps: None,
            cells: ask.cells.then(|| world.cells().clone()),
            lens: ask.lens.map(|block| Box::new(world.lens(block))),
            beside: None,
        }
    }

    fn held_info(&self, held: &Held) -> HeldInfo {
        let (from, to) = (held.from, held.to);
        let (kind, what) = match held.what {
            HeldWhat::Packet { no, kind, .. } => {
                let packet = self.world.in_flight().packet(from, to, no);
                (kind, packet.map_or_else(String::new, narrate::words))
            }
            HeldWhat::Store(_) => (None, "an operation of its store".to_owned()),
        };
        HeldInfo { id: held.id, from, to, kind, what }
    }
}
