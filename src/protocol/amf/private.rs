//! The volume's access list (section 7 \[T2\]): which AMFs hosts may use for the volume, and what follows
//! where it names just one: nobody else has anything of the volume, so nobody need be asked.
//!
//! The list alone does not say so: another AMF may still keep, or be adopting, what the only user wrote
//! before it failed and came back. So every other member says, once in each view, that it has nothing;
//! until all have, the user broadcasts as ever. What a member has said stays true until the next view:
//! hosts cannot use it, and blocks become recovering only when a view is installed. Only a scrub may need a
//! block meanwhile, to make its copies equal: that takes the word back until it is done.

use super::Amf;
use super::scrub::Scrub;
use crate::protocol::config::Config;
use crate::protocol::defect::Defect;
use crate::protocol::id::{AmfId, AmfSet, Block, Instant, Key, OpId, Version};
use crate::protocol::message::Message;
use crate::protocol::rule::{LineState, Rule};

/// What the access list makes of one AMF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Standing {
    /// Hosts may use it, and others.
    User,
    /// Hosts may use it, and nobody else.
    OnlyUser,
    /// Hosts may not use it; only this AMF, if there is just one.
    Outsider(Option<AmfId>),
}

/// Where an AMF stands, and what has been said in this view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Private {
    standing: Standing,
    /// Members that have said in this view that they have nothing of the volume.
    clear: AmfSet,
    /// This AMF is not the user, and has not said so in this view yet.
    owes_word: bool,
    /// Every other member of the view is in `clear`: no broadcast is needed.
    in_force: bool,
}

impl Private {
    pub(super) fn new(cfg: &Config, me: AmfId) -> Self {
        let standing = match cfg.only_user() {
            Some(user) if user == me => Standing::OnlyUser,
            None if cfg.users().contains(me) => Standing::User,
            user => Standing::Outsider(user),
        };
        Self { standing, clear: AmfSet::EMPTY, owes_word: false, in_force: false }
    }

    /// Hosts may use this AMF for the volume.
    pub(super) fn is_listed(&self) -> bool {
        match self.standing {
            Standing::User | Standing::OnlyUser => true,
            Standing::Outsider(_) => false,
        }
    }
    /// The only user waits for this AMF's word.
    pub(super) fn owes_word(&self) -> bool {
        self.owes_word
    }
    /// \[T2\] Nobody else can have anything of the volume.
    pub(super) fn is_in_force(&self) -> bool {
        self.in_force
    }
}

impl Amf {
    /// A view is being installed: what was said in the one before does not count.
    pub(super) fn forget_clear(&mut self) {
        self.access.clear = AmfSet::EMPTY;
        self.access.owes_word = matches!(self.access.standing, Standing::Outsider(Some(_)));
        self.review_private();
    }

    fn review_private(&mut self) {
        let alone = self.access.standing == Standing::OnlyUser;
        let sharing = self.protocol().knows_sharers();
        let told = self.peers.minus(self.access.clear).is_empty();
        let trusting = self.has(Defect::AccessListUnasked);
        self.access.in_force = alone && sharing && (told || trusting);
    }

    /// A member has nothing of the volume that only this AMF may use.
    pub(super) fn on_clear(&mut self, from: AmfId) {
        self.access.clear.insert(from);
        self.review_private();
        self.fact(Rule::Clear, None, LineState::I, LineState::I, Some(from), Version::ZERO);
    }

    /// A block's access is about to be asked for here, in the middle of a view: the word is given again when
    /// it is over. Links are first in, first out, so the user hears it after the request.
    pub(super) fn take_word_back(&mut self) {
        self.access.owes_word = matches!(self.access.standing, Standing::Outsider(Some(_)));
    }

    /// A member asks for a block: it may come to hold it, and must say anew that it has nothing.
    pub(super) fn unclear(&mut self, from: AmfId, key: Key) {
        match key {
            Key::Block(_) => {
                if self.access.clear.remove(from) {
                    self.review_private();
                }
            }
            Key::Stripe(_) | Key::Group => {}
        }
    }

    /// Tells the only user, as soon as it is true, that nothing of the volume is here: no line, no
    /// destage, no replica to adopt, no copies to make equal, and no access of its own.
    pub(super) fn say_clear(&mut self, now: Instant) {
        let Standing::Outsider(Some(user)) = self.access.standing else { return };
        if !self.peers.contains(user) {
            return;
        }
        let Some(view) = self.view.as_ref() else { return };
        let equal = view.unsynchronised.is_none() || !self.group.is_redundant();
        let busy = self.recovering > 0 || self.destaging > 0 || !self.orphans.is_empty();
        let scrubbing = self.scrub.as_ref().is_some_and(Scrub::needs_block);
        // An access goes on over a change of the view: whoever hears the word first does not know of it.
        let accessing =
            self.keys.any(|key, ctl| matches!(key, Key::Block(_)) && ctl.access.is_some());
        if !equal || busy || scrubbing || accessing || !self.cache.is_empty() {
            return;
        }
        self.access.owes_word = false;
        self.rule(Rule::SayClear, None);
        self.send(now, user, OpId::NONE, Message::Clear);
    }

    /// What an AMF adopted that hosts may not use for the volume: destaged, then dropped.
    pub(super) fn drop_unlisted(&mut self, now: Instant, block: Block) {
        if self.access.is_listed() || !self.cache.state(block).is_valid() {
            return;
        }
        self.rule(Rule::DropUnlisted, Some(Key::Block(block)));
        self.on_evict(now, Some(block));
    }
}
