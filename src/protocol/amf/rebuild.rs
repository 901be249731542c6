//! Refilling a disk of a parity group: what it holds is rebuilt from the rest of each row, a stripe at a time
//! under its lock, while I/O goes on (section 8). The walk itself is in `refill`.

use super::Amf;
use super::key::RowRead;
use super::refill::Phase;
use super::row::RowFor;
use crate::protocol::group::{Place, Role};
use crate::protocol::id::{Instant, Key};
use crate::protocol::parity::{Cell, parity_of};
use crate::protocol::rule::Rule;

impl Amf {
    /// The stripe is held: rebuild what the new disk holds of this row.
    pub(super) fn refill_row(&mut self, now: Instant, stripe: u64, at: u64) {
        let group = self.group;
        let Some(refill) = self.refill.as_mut().filter(|refill| refill.read.is_none()) else {
            return;
        };
        refill.read = Some(RowRead::new(&group, at));
        if at.is_multiple_of(group.rows()) {
            self.rule(Rule::RefillStripe, Some(Key::Stripe(stripe)));
        }
        if !self.ask_whole_row(RowFor::Refill) {
            self.refill_row_goes_on(now);
        }
    }

    pub(super) fn refill_row_goes_on(&mut self, now: Instant) {
        let Some(Phase::Stripe { slot, .. }) = self.phase().cloned() else {
            return self.drop_stale_refill(now);
        };
        let Some(read) = self.refill.as_mut().and_then(|refill| refill.read.as_mut()) else {
            return;
        };
        let was_written = core::mem::replace(&mut read.mending, true);
        let read = read.clone();
        if was_written && read.failed {
            return self.refill_is_stuck(now);
        }
        if was_written || read.row.is_blank() && read.damaged.is_empty() && !read.failed {
            return self.refilled_row(now);
        }
        let place = Place { slot, at: read.at };
        let role = self.group.role(place);
        let all = read.row.solve(self.cfg.block_size, false);
        match (all, role) {
            (Some(all), Role::Data(index)) => {
                let (version, data) = all[usize::from(index)].clone();
                self.write_row(RowFor::Refill, role, Cell { version, data, covers: None });
            }
            (Some(all), Role::Parity(index)) => {
                let cell = parity_of(index, self.cfg.block_size, all.iter());
                self.write_row(RowFor::Refill, role, cell);
            }
            (None, _) if read.failed => self.refill_is_stuck(now),
            (None, _) => {
                self.rule(Rule::RefillLost, Some(Key::Block(self.group.block_at(place))));
                self.spoil_row(RowFor::Refill, role);
            }
        }
    }

    /// On to the next row of the stripe, or the next stripe.
    fn refilled_row(&mut self, now: Instant) {
        let rows = self.group.rows();
        let Some(Phase::Stripe { slot, at, .. }) = self.phase().cloned() else { return };
        if let Some(refill) = self.refill.as_mut() {
            refill.read = None;
        }
        let (stripe, next) = (at / rows, at + 1);
        if next.is_multiple_of(rows) {
            self.release(now, Key::Stripe(stripe));
            return self.seek_written(slot, next);
        }
        if let Some(phase) = self.phase() {
            *phase = Phase::Stripe { slot, at: next, pending: 0 };
        }
        self.refill_row(now, stripe, next);
    }
}
