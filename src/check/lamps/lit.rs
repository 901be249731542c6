//! A block with a lamp: what is known of it, and its newest operations.
//!
//! What happens to it comes as [`Told`], which can be kept in short and told again.

use super::watched::{Heard, Watched};
use super::window::{Seen, Tick, Window, Word};
use crate::check::names::Names;
use crate::protocol::id::{AmfId, Block, Instant, OpId};
use crate::trace::lamps::{BlockHistory, Lamp};
use serde::{Deserialize, Serialize};

/// Something that happens to a block.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// An operation starts there.
    Start(Seen),
    /// It was answered.
    Answer(Answered),
    /// It may hold anything from now on.
    Forget,
}

/// An answer, as far as one block is concerned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) op: OpId,
    /// Its name in the block.
    pub(super) name: u32,
    pub(super) now: Instant,
    pub(super) tick: Tick,
    /// The step that brought it; 0: not known.
    pub(super) step: u64,
    #[serde(with = "super::window::word")]
    pub(super) result: Word,
    pub(super) heard: Heard,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Lit {
    pub(super) watched: Watched,
    window: Window,
    pub(super) ops: u64,
    /// It waits for a look.
    pub(super) is_stale: bool,
    pub(super) lamp: Lamp,
    /// The operation whose answer nothing explains, and who gave it.
    pub(super) wrong: Option<(OpId, AmfId)>,
}

impl Lit {
    /// A block of so many sectors, of zeroes or of anything.
    pub(super) fn new(per: u32, is_used: bool) -> Self {
        Self {
            watched: Watched::new(per, is_used),
            window: Window::new(is_used),
            ops: 0,
            is_stale: false,
            lamp: Lamp::Linearizable,
            wrong: None,
        }
    }

    /// Something happens. True: a look is worth while, for something else is still under way.
    pub(super) fn tell(&mut self, told: Told) -> bool {
        let mut is_open = false;
        match told {
            Told::Start(seen) => {
                self.ops += 1;
                // What contradicts each other stays on the screen.
                if self.wrong.is_none() {
                    let (name, what) = (seen.name, seen.what());
                    self.window.start(seen);
                    self.watched.on_start(name, what);
                }
            }
            Told::Answer(answered) => {
                self.window.answer(&answered);
                if self.wrong.is_none() {
                    is_open = self.watched.on_answer(answered.name, &answered.heard);
                }
            }
            Told::Forget if self.wrong.is_none() => {
                self.watched.forget();
                self.window.forget();
            }
            Told::Forget => {}
        }
        self.judge();
        is_open
    }

    /// Judges with what is still under way.
    pub(super) fn look(&mut self) {
        self.is_stale = false;
        if self.wrong.is_none() {
            self.watched.look();
            self.judge();
        }
    }

    /// Sets the lamp to what is known.
    fn judge(&mut self) {
        if self.wrong.is_none()
            && let Some(name) = self.watched.wrong()
        {
            let seen = self.window.named(name);
            self.wrong = Some(seen.map_or((OpId(0), AmfId(0)), |seen| (seen.op, seen.amf)));
        }
        self.lamp = match (self.wrong, self.watched.unknown()) {
            (Some(_), _) => Lamp::Violated,
            (None, Some(_)) => Lamp::Unknown,
            (None, None) => Lamp::Linearizable,
        };
    }

    /// Why it is not green.
    pub(super) fn why(&self) -> String {
        why(self.wrong.map(|(op, _)| op), self.watched.unknown())
    }

    /// Its newest operations, and what is to be said about them.
    pub(super) fn history(&self, block: Block, per: u32, names: &Names) -> BlockHistory {
        let shown = self.window.shown(per, names, self.wrong.is_some());
        let said = [self.why(), shown.why.to_owned()];
        let said = said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
        BlockHistory {
            block,
            lamp: self.lamp,
            ops: shown.ops,
            before: self.window.before,
            order: shown.order,
            conflict: shown.conflict,
            said,
            faults: Vec::new(),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.window.weight() + self.watched.weight()
    }
}

/// Why a lamp is not green: no order explains the answer of this operation, or something else.
pub(super) fn why(wrong: Option<OpId>, unknown: Option<&str>) -> String {
    if let Some(op) = wrong {
        return format!("no order of effects explains the answer of op{}", op.0);
    }
    unknown.map_or_else(String::new, |why| format!("not all of it could be judged: {why}"))
}
