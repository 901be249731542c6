//! Finishing the parity updates of owners that left \[R1, R3, R5\].
//!
//! What an owner was about to write lies with its partners as an intent. When it has left, its partner marks
//! the stripe recovering, takes it under a recovery ticket, and looks: parity whose entry for the block is
//! older than the intent, and that nobody has changed since, is written, and the data with it. The block
//! itself is adopted apart from that (section 6).

use super::Amf;
use super::key::{Job, KeyCtl, Queued, RowRead};
use super::row::RowFor;
use crate::protocol::defect::Defect;
use crate::protocol::group::{Role, SlotState};
use crate::protocol::id::{Instant, Key};
use crate::protocol::message::Intent;
use crate::protocol::parity::Cell;
use crate::protocol::rule::{LineState, Rule};
use std::sync::Arc;

/// Updates to finish in one stripe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Redo {
    intents: Vec<Arc<Intent>>,
    /// The row of the last of them, under way.
    pub(super) read: Option<RowRead>,
}

impl Amf {
    /// An owner left with a parity update under way: its stripe is recovering until it is finished [R5].
    pub(super) fn mark_redo(&mut self, now: Instant, intent: Arc<Intent>) {
        let stripe = self.group.stripe(intent.block);
        let key = Key::Stripe(stripe);
        self.redo.get_or_insert_with(stripe, Redo::default).intents.push(intent);
        let blind = self.has(Defect::StripeNotRecovering);
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        if blind {
            ctl.queue.push_back(Queued::new(Job::Redo));
        } else if ctl.recovery.is_none() {
            ctl.recovery = Some(now);
            self.recovering += 1;
            self.rule(Rule::StripeRecovering, Some(key));
        }
        self.look_at(key);
    }

    /// The stripe is held: one update after the other.
    pub(super) fn redo_next(&mut self, now: Instant, stripe: u64) {
        let group = self.group;
        let Some(redo) = self.redo.get_mut(&stripe) else { return self.redo_ends(now, stripe) };
        let Some(intent) = redo.intents.last() else { return self.redo_ends(now, stripe) };
        let place = group.places(intent.block)[0];
        let parity: Vec<Role> = intent.images.iter().map(|(p, _)| Role::Parity(*p)).collect();
        redo.read = Some(RowRead::new(&group, place.at));
        let roles = [group.role(place)].into_iter().chain(parity);
        if !self.ask_row(RowFor::Redo(stripe), roles, true) {
            self.redo_goes_on(now, stripe);
        }
    }

    pub(super) fn redo_goes_on(&mut self, now: Instant, stripe: u64) {
        let group = self.group;
        let Some(redo) = self.redo.get_mut(&stripe) else { return };
        let Some(intent) = redo.intents.last().cloned() else { return };
        let Some(read) = redo.read.as_mut() else { return };
        if core::mem::replace(&mut read.mending, true) {
            let done = !read.failed;
            redo.intents.pop();
            redo.read = None;
            if done {
                self.unjournal_redone(&intent);
            }
            return self.redo_next(now, stripe);
        }
        let read = read.clone();
        let writes = self.redo_writes(&read, &intent);
        let rule = if writes.is_empty() { Rule::RedoNothing } else { Rule::Redo };
        let key = Some(Key::Block(intent.block));
        self.fact(rule, key, LineState::I, LineState::I, None, intent.version);
        for (role, cell) in writes {
            if self.slot_state(group.slot_for(read.at, role)) != SlotState::Failed {
                self.write_row(RowFor::Redo(stripe), role, cell);
            }
        }
        let redo = self.redo.get(&stripe).and_then(|redo| redo.read.as_ref());
        if redo.is_none_or(|read| read.pending.is_empty()) {
            self.redo_goes_on(now, stripe);
        }
    }

    /// [R1] Parity is written only where its entry for the block is older, and only if nobody has changed it
    /// since the intent was made; the data only if the parity then has it, and it is older too.
    fn redo_writes(&self, read: &RowRead, intent: &Intent) -> Vec<(Role, Cell)> {
        let role = self.group.role(self.group.places(intent.block)[0]);
        let Role::Data(index) = role else { return Vec::new() };
        let on_disk = read.row.data[usize::from(index)].as_ref().map(|(version, _)| *version);
        if self.has(Defect::RedoTrustsDataHeader) && on_disk >= Some(intent.version) {
            return Vec::new();
        }
        let mut writes = Vec::new();
        for (parity, image) in &intent.images {
            let Some(there) = &read.row.parity[usize::from(*parity)] else { continue };
            let older = there.covered(index) < intent.version;
            let untouched = image.is_as_new_as(there) || self.has(Defect::StripeNotRecovering);
            match (older, untouched) {
                _ if self.has(Defect::BlindRedo) => {}
                (false, _) if there.covered(index) == intent.version => continue,
                (true, true) => {}
                // Somebody has gone on from here: the update was done, or called off.
                (false, _) | (true, false) => return Vec::new(),
            }
            writes.push((Role::Parity(*parity), image.clone()));
        }
        if on_disk.is_none_or(|version| version < intent.version) || self.has(Defect::BlindRedo) {
            let (version, data) = (intent.version, intent.data.clone());
            writes.push((role, Cell { version, data, covers: None }));
        }
        writes
    }

    fn redo_ends(&mut self, now: Instant, stripe: u64) {
        let key = Key::Stripe(stripe);
        self.redo.remove(&stripe);
        let ctl = self.keys.get_mut(&key).expect("a held stripe");
        if ctl.recovery.take().is_some() {
            self.recovering -= 1;
        }
        self.release(now, key);
        self.check_covered(now);
    }
}
