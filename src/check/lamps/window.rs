//! The newest operations on one block: to show an order of effects that explains them, or which of them
//! contradict each other. The verdict does not come from here: that is [`super::watched`], which knows
//! everything that was before.
//!
//! A window is cut only where nothing was under way, so that what is left can be judged by itself, on a
//! block that may have held anything; unanswered writes stay, for they may take effect later.

use super::lit::Answered;
use super::watched::{Heard, What};
use crate::check::history::Operation;
use crate::check::linear::Verdict;
use crate::check::linear::blocks::Blocks;
use crate::check::names::Names;
use crate::check::value::{Runs, Value};
use crate::protocol::id::{AmfId, Instant, OpId};
use crate::trace::SeenOp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Operations that are kept after a cut.
const KEPT: usize = 16;
/// With more of them a place to cut is looked for.
const CUT_ABOVE: usize = 32;
/// Operations that are kept at most.
const KEPT_MAX: usize = 48;
/// Configurations that may be explored to show an order, or a contradiction.
const BUDGET: u64 = 20_000;

/// A place in the order of all starts and answers.
pub(super) type Tick = u64;

/// A word of a kind or a result.
pub(super) type Word = &'static str;

/// Words are kept as numbers.
pub(super) mod word {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    const WORDS: [&str; 13] = [
        "read",
        "write",
        "zero",
        "caw",
        "none",
        "ok",
        "miscompare",
        "not-serving",
        "timeout",
        "unknown-outcome",
        "media",
        "in-doubt",
        "out-of-range",
    ];

    pub(in super::super) fn serialize<S: Serializer>(
        word: &&str,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let at = WORDS.iter().position(|one| one == word).unwrap_or(4);
        to.serialize_u8(u8::try_from(at).unwrap_or(4))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<&'static str, D::Error> {
        let at = usize::from(u8::deserialize(from)?);
        WORDS.get(at).copied().ok_or_else(|| D::Error::custom("no such word"))
    }
}

/// One operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) op: OpId,
    /// Its name in the block.
    pub(super) name: u32,
    pub(super) amf: AmfId,
    #[serde(with = "word")]
    pub(super) kind: Word,
    /// First sector in the block, and how many.
    pub(super) part: (u32, u32),
    pub(super) values: Runs,
    pub(super) old: Runs,
    pub(super) start: Instant,
    pub(super) end: Option<Instant>,
    pub(super) starts: Tick,
    pub(super) ends: Option<Tick>,
    /// The steps at which it was asked and answered; 0: not known.
    pub(super) steps: (u64, u64),
    #[serde(with = "word")]
    pub(super) result: Word,
    /// Nothing was under way when it started.
    pub(super) is_cut: bool,
}

impl Seen {
    /// What it means to do with the block, as it starts.
    pub(super) fn what(&self) -> What {
        match self.kind {
            "read" => What::Read,
            "caw" => What::Swap { old: self.old.clone(), new: self.values.clone() },
            _ => What::Write(self.part.0, self.values.clone()),
        }
    }

    /// It may take effect at any time from now on.
    fn is_open(&self) -> bool {
        self.ends.is_none()
            || self.kind != "read" && !matches!(self.result, "ok" | "miscompare" | "not-serving")
    }

    fn operation(&self, per: u32, used: bool) -> Operation {
        let texts = |runs: &Runs| runs.iter().map(|(n, value)| (*n, value.to_string())).collect();
        Operation {
            op: self.op,
            amf: self.amf,
            kind: self.kind.to_owned(),
            first: u64::from(self.part.0),
            count: self.part.1,
            block: per,
            used,
            start: self.starts,
            end: self.ends,
            result: self.result.to_owned(),
            values: texts(&self.values),
            old: texts(&self.old),
        }
    }

    fn shown(&self, per: u32, names: &Names) -> SeenOp {
        let words = |runs: &Runs| {
            // A text is padded with zeroes: that goes without saying.
            let is_padded = runs.len() > 1 && runs.last().is_some_and(|run| run.1 == Value::ZERO);
            let said = runs.iter().take(runs.len() - usize::from(is_padded));
            said.map(|(_, value)| names.of(*value)).collect::<Vec<_>>().join(" ")
        };
        let mut value = words(&self.values);
        if self.kind == "caw" {
            value = format!("{} -> {value}", words(&self.old));
        }
        if self.part.1 != per {
            value = format!("sectors {}+{} {value}", self.part.0, self.part.1);
        }
        SeenOp {
            op: self.op,
            amf: self.amf,
            kind: self.kind.to_owned(),
            value,
            start: self.start,
            end: self.end,
            starts: self.starts,
            ends: self.ends,
            asked_at: (self.steps.0 > 0).then_some(self.steps.0),
            answered_at: (self.steps.1 > 0).then_some(self.steps.1),
            result: self.result.to_owned(),
        }
    }
}

/// What can be shown of a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) ops: Vec<SeenOp>,
    pub(super) order: Vec<u32>,
    pub(super) conflict: Vec<u32>,
    /// Why there is no order to show.
    pub(super) why: &'static str,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    ops: VecDeque<Seen>,
    /// Operations that are no longer kept.
    pub(super) before: u64,
    /// Operations among them that were not answered yet.
    under_way: usize,
    /// The block may have held anything at first.
    is_used: bool,
    /// What is kept cannot be judged by itself.
    is_torn: bool,
}

impl Window {
    pub(super) fn new(is_used: bool) -> Self {
        Self { is_used, ..Self::default() }
    }

    /// An operation starts.
    pub(super) fn start(&mut self, mut seen: Seen) {
        seen.is_cut = self.under_way == 0;
        if seen.is_cut && self.is_torn {
            self.drop_to(self.ops.len());
            self.is_torn = false;
        }
        self.ops.push_back(seen);
        self.under_way += 1;
        if self.ops.len() <= CUT_ABOVE {
            return;
        }
        let newest = (1..=self.ops.len() - KEPT).rev().find(|at| self.ops[*at].is_cut);
        match newest {
            Some(at) => self.drop_to(at),
            None if self.ops.len() > KEPT_MAX => {
                self.is_torn = true;
                self.drop_to(self.ops.len() - KEPT);
            }
            None => {}
        }
        if self.ops.len() > KEPT_MAX {
            // Nothing but unanswered ones: the oldest go.
            self.is_torn = true;
            self.before += 1;
            let gone = self.ops.pop_front();
            self.under_way -= usize::from(gone.is_some_and(|seen| seen.ends.is_none()));
        }
    }

    /// One was answered.
    pub(super) fn answer(&mut self, answered: &Answered) {
        let mut recent = self.ops.iter_mut().rev();
        let is_it = |seen: &&mut Seen| seen.op == answered.op && seen.ends.is_none();
        let Some(seen) = recent.find(is_it) else { return };
        (seen.end, seen.ends) = (Some(answered.now), Some(answered.tick));
        (seen.steps.1, seen.result) = (answered.step, answered.result);
        if let Heard::Found(_, found) = &answered.heard {
            seen.values.clone_from(found);
        }
        self.under_way -= 1;
    }

    /// The operation that the block knows by this name.
    pub(super) fn named(&self, name: u32) -> Option<&Seen> {
        self.ops.iter().find(|seen| seen.name == name)
    }

    /// It may hold anything from now on.
    pub(super) fn forget(&mut self) {
        self.is_torn |= self.under_way > 0;
        self.drop_to(self.ops.len());
        self.is_used = true;
    }

    /// Those before `at` go, but for what may still take effect.
    fn drop_to(&mut self, at: usize) {
        let count = self.ops.len();
        let old: Vec<Seen> = self.ops.drain(..at).collect();
        for seen in old.into_iter().rev().filter(Seen::is_open) {
            self.ops.push_front(seen);
        }
        self.before += (count - self.ops.len()) as u64;
        self.is_used = true;
    }

    /// About how many bytes its operations take.
    pub(super) fn weight(&self) -> usize {
        self.ops.len() * size_of::<Seen>()
    }

    /// What can be shown; `wrong`: of a block whose answers contradict each other.
    pub(super) fn shown(&self, per: u32, names: &Names, wrong: bool) -> Shown {
        let ops = self.ops.iter().map(|seen| seen.shown(per, names)).collect();
        let mut shown = Shown { ops, ..Shown::default() };
        if self.is_torn {
            shown.why = "too many operations overlap to show their order";
            return shown;
        }
        let mut blocks = Blocks::default();
        for seen in &self.ops {
            let line = seen.operation(per, self.is_used).to_json().unwrap_or_default();
            // What cannot be said in a history is left out of it.
            let _ = blocks.line(&line);
        }
        blocks.sort();
        if blocks.is_empty() {
            return shown;
        }
        let part = blocks.part(0);
        let ops = |ops: Vec<u32>| ops.iter().map(|op| part.lines[*op as usize] - 1).collect();
        match part.register.judge(BUDGET).verdict {
            Verdict::Linearizable(_) if wrong => {
                shown.why = "what it contradicts is no longer kept";
            }
            Verdict::Linearizable(order) => shown.order = ops(order),
            Verdict::NotLinearizable(conflict) => shown.conflict = ops(conflict.ops),
            Verdict::Unknown => shown.why = "too many orders are possible to find one",
        }
        shown
    }
}
