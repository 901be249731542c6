//! Recorded steps: what a real store answered, machines that broke, and whether the outputs are those
//! that were recorded.

use super::store::Given;
use super::{BadStep, World};
use crate::guard::guarded;
use crate::protocol::id::{AmfId, DiskId, NodeId};
use crate::protocol::{AmfInput, StoreDone, StoreError};
use crate::trace::recording::{Outcome, OutputDigest, Recorded, digest};
use crate::trace::step::{Control, Step};

impl World {
    /// From now on [`Self::digest`] says what the machines put out in the last step.
    pub fn digest_outputs(&mut self, on: bool) {
        self.digest = on.then_some(0);
    }

    /// The outputs of all machines in the last step, in short; 0: there were none.
    #[must_use]
    pub fn digest(&self) -> u32 {
        self.digest.unwrap_or(0)
    }

    /// About how many bytes a clone of this world takes that it does not share with the original.
    #[must_use]
    pub fn weight(&self) -> u64 {
        const LINE: u64 = 160;
        const PAGE: u64 = 48;
        let amf = |seat: &super::Seat| {
            let replicas = seat.amf.as_ref().map_or(0, |amf| amf.replica_count() as u64);
            u64::from(self.cfg.lines) * LINE
                + u64::from(self.cfg.floor_slots) * 24
                + replicas * LINE
        };
        let amfs: u64 = self.seats.iter().map(amf).sum();
        let pages: u64 = self.shelves.iter().map(|shelf| shelf.store.pages() as u64).sum();
        amfs + pages * PAGE + self.newest.len() as u64 * 48 + 4_096
    }

    /// Bytes of the disks' pages, which clones share until they are written; and of those that were
    /// made or copied so far. What two clones do not share is at most the smaller of the first and of
    /// the difference of the second.
    #[must_use]
    pub fn page_bytes(&self) -> (u64, u64) {
        let each = self.shelves.iter().map(|shelf| shelf.store.bytes());
        each.fold((0, 0), |(all, copied), (more, again)| (all + more, copied + again))
    }

    /// The machine that an interference concerns.
    #[must_use]
    pub fn control_node(control: &Control) -> NodeId {
        super::words::control_node(control).0
    }

    /// It breaks something, and does not mend it or merely make it happen.
    #[must_use]
    pub fn is_fault(control: &Control) -> bool {
        super::words::control_node(control).1
    }

    pub(super) fn add_digest(&mut self, outputs: OutputDigest) {
        if let Some(digest) = &mut self.digest {
            *digest = digest.wrapping_add(outputs.finish());
        }
    }

    /// Applies a step of a recording: a store answers what the real one did, and a machine that broke
    /// then may break now.
    ///
    /// # Errors
    /// [`BadStep`]: the step does not fit this world, or a store answers what the log did not put there.
    pub fn apply_recorded(&mut self, recorded: &Recorded) -> Result<(), BadStep> {
        if let (Step::Store { disk }, Some(outcome)) = (&recorded.entry.step, &recorded.outcome) {
            self.set_outcome(*disk, outcome)?;
        }
        self.may_break = recorded.broke;
        let applied = self.apply(&recorded.entry);
        self.may_break = false;
        applied
    }

    /// The store's oldest operation ended like this.
    fn set_outcome(&mut self, disk: DiskId, outcome: &Outcome) -> Result<(), BadStep> {
        let place = &mut self.shelves[usize::from(disk.0)];
        let Some(front) = place.done.front_mut() else {
            return Err(self.bad(format!("{disk} has nothing in its store")));
        };
        let (given, here) = (front.given, &mut front.result);
        match outcome {
            Outcome::Known(wanted) => {
                let got = digest::of_result(here);
                if got != *wanted {
                    let text = format!(
                        "the store of {disk} answers with other content than was recorded: \
                         expected {wanted:08x}, got {got:08x}"
                    );
                    return Err(self.bad(text));
                }
            }
            Outcome::Full(result) => {
                here.clone_from(result);
                if let (Ok(StoreDone::Marks(marks)), 1) = (result, place.done.len()) {
                    place.store.set_marks(marks);
                }
                let changed_since =
                    place.done.iter().skip(1).any(|later| later.given.changes(given));
                if let (Given::Get(at), false) = (given, changed_since) {
                    match result {
                        Ok(StoreDone::Got(record)) => place.store.set(at, record.clone()),
                        Ok(_) | Err(StoreError::Media | StoreError::Broken) => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// The input of a step in which the machine broke when it was recorded: its cluster saw it crash.
    pub(super) fn break_amf(&mut self, amf: AmfId, input: AmfInput) {
        let now = self.now;
        let seat = &mut self.seats[usize::from(amf.0)];
        let machine = seat.amf.as_mut().expect("looked at before");
        let broke = guarded(|| machine.handle(now, input)).is_err();
        let text = if broke {
            format!("{amf} contradicted itself and stopped")
        } else {
            format!("{amf} stopped here when this was recorded, and does not now")
        };
        self.report("core", None, text);
        // It is up: a machine that is down has no input.
        let _ = self.crash(amf);
        self.faults.on(&Control::Crash(amf), now);
    }
}
