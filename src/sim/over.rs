//! A simulation that goes on from any world: everything in flight in it is scheduled anew, or held for
//! somebody to choose from.
//!
//! What people did to the network goes on; what a fault has done to packets so far is not counted again. What
//! was parked in front of a paused AMF was never asked.

use super::{Asked, Sim, SimOptions, What};
use crate::profile::Profile;
use crate::protocol::id::{AmfId, DiskId};
use crate::trace::action::HoldFilter;
use crate::trace::engine::ByKind;
use crate::world::{InFlight, World};

/// What becomes of what is on its way when a simulation begins in the middle of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// It arrives, when the seed says so.
    Scheduled,
    /// It is held, and the clock stands still: step mode.
    Held,
}

impl Sim {
    /// Goes on from `world`, which was built from `profile`. `seed` drives whatever is random from here
    /// on. Same world, profile and seed: the same future.
    ///
    /// Nothing before this is known to the judges, so they are off: [`super::Trunk`] knows it, and has
    /// them go on. Steps are not kept, for a recording holds a run from its first step.
    #[must_use]
    pub fn over(
        mut world: World,
        profile: &Profile,
        seed: u64,
        options: SimOptions,
        flight: Flight,
    ) -> Self {
        world.begin_again();
        world.digest_outputs(options.keep);
        let mut sim = Self::built(world, profile, seed, options);
        sim.next_op = sim.world.last_op().0;
        for (op, amf) in sim.world.requests() {
            let (started, messages) = (sim.now, ByKind::default());
            sim.asked.insert(op, Asked { amf, started, messages });
        }
        sim.know_faults();
        if flight == Flight::Held {
            sim.network.hold(HoldFilter::ALL);
        }
        sim.take_flying();
        sim.take_stores();
        sim.schedule_ticks();
        sim
    }

    /// Every packet on its way, in order of its pair and number.
    fn take_flying(&mut self) {
        for (from, to, no) in self.world.in_flight().in_flight() {
            let Some(packet) = self.world.in_flight().packet(from, to, no) else { continue };
            if self.network.holds_any() && self.network.keep_held(packet, no) {
                continue;
            }
            let at = self.network.departure(self.now, from, to, self.tempo);
            self.queue.push(at, What::Deliver { from, to, no });
        }
    }

    /// Every operation that a disk or a journal has under way.
    fn take_stores(&mut self) {
        for disk in (0..self.profile.config.disks_all()).map(DiskId) {
            for _ in 0..self.world.stored(disk) {
                self.on_stored(disk);
            }
        }
        for amf in (0..self.profile.config.amfs).map(AmfId) {
            for _ in 0..self.world.journalled(amf) {
                let at = self.network.journal_time(self.now, amf);
                self.queue.push(at, What::Journal { amf });
            }
        }
    }
}
