//! What must hold of one AMF after every input, for the keys that the input concerned.
//!
//! O(1) each, in release builds too. The truths about several AMFs together are in
//! `protocol::cluster`.

use super::Amf;
use super::key::{DestageStep, Stage};
use crate::protocol::id::Key;
use crate::protocol::rule::LineState;

/// An AMF that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broken {
    /// The key.
    pub key: Key,
    /// What does not hold.
    pub what: &'static str,
}

impl Amf {
    /// Panics on a contradiction: a defect of this program, not one that was seeded.
    pub(super) fn assert_touched(&self) {
        if self.view.is_none() {
            return;
        }
        for key in &self.touched {
            if let Some(broken) = self.check_key(*key) {
                panic!("{}: {} {}", self.id, broken.key, broken.what);
            }
        }
        assert!(self.cache.listed() <= self.cfg.lines, "no more lines than the profile allows");
    }

    /// What does not hold of `key`.
    #[must_use]
    pub fn check_key(&self, key: Key) -> Option<Broken> {
        let broken = |what| Some(Broken { key, what });
        let ctl = self.keys.get(&key);
        if let Some(ctl) = ctl {
            if ctl.is_idle() {
                return broken("has a record although nothing is being done");
            }
            if let Some(access) = &ctl.access {
                if access.stage == Stage::Waiting && access.missing.is_empty() {
                    return broken("waits for nobody");
                }
                if !access.missing.minus(self.peers).is_empty() && access.stage == Stage::Waiting {
                    return broken("waits for an AMF that is not in the view");
                }
            } else if ctl.recovery.is_some() {
                return broken("is recovering and nobody works on it");
            }
        }
        let Key::Block(block) = key else { return None };
        if let Some(why) = self.impossible_state(block)
            && !self.is_broken_on_purpose()
        {
            return broken(why);
        }
        let line = self.cache.get(block);
        let working = ctl.is_some_and(|ctl| ctl.access.is_some() || !ctl.queue.is_empty());
        if let Some(line) = line {
            if line.state == LineState::I && !working {
                return broken("has a placeholder that nobody waits for");
            }
            if line.busy != working && line.busy {
                return broken("is marked busy although nobody works on it");
            }
            if !line.missing.is_empty() && !line.dirty() {
                return broken("is clean and yet waits for partners");
            }
            if !line.missing.minus(self.partners).is_empty() {
                return broken("waits for an AMF that is no partner");
            }
        }
        if let Some(destage) = ctl.and_then(|ctl| ctl.destage.as_ref()) {
            let writing = matches!(destage.step, DestageStep::Writing { .. });
            if line.is_none_or(|line| line.version < destage.version)
                && !self.is_broken_on_purpose()
            {
                return broken("is destaged from a line that is older or gone");
            }
            let marked = self.stripes_busy.contains(&self.group.stripe(block));
            if writing && !marked && !self.group.has_parity() {
                return broken("is being written although its stripe is not marked");
            }
        }
        None
    }

    fn is_broken_on_purpose(&self) -> bool {
        self.defect.is_some()
    }
}
