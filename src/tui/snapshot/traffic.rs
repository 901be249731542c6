//! The traffic between AMFs: one line a message, with what became of it.

use super::super::fuzzy::Filter;
use crate::protocol::id::{Instant, OpId, Span};
use crate::trace::event::Passage;
use std::collections::VecDeque;

/// Lines kept.
pub const LINES_MAX: usize = 4_000;
/// How far back an arrival looks for its sending.
const MATCH_MAX: usize = 512;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// On its way.
    Flying,
    /// Arrived after this long.
    Arrived(Span),
    /// Lost by the network.
    Lost,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Message(Passage, Fate),
    /// Something that happened meanwhile: a view, a fault, a violation (`true`).
    Mark(String, bool),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number since the start; lines keep it when older ones are dropped.
    pub id: u64,
    /// The steps in which it was sent, and in which it arrived or was lost (the same, until then).
    pub steps: (u64, u64),
    /// When it was sent.
    pub now: Instant,
    /// What it says.
    pub item: Item,
}

/// The newest lines.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Oldest first.
    pub lines: VecDeque<Line>,
    next: u64,
    /// Messages lost by the network, since the start.
    pub lost_total: u64,
}

impl Traffic {
    fn push(&mut self, (step, now): (u64, Instant), item: Item) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(Line { id: self.next, steps: (step, step), now, item });
        self.next += 1;
    }

    /// A message left.
    pub fn sent(&mut self, at: (u64, Instant), passage: &Passage) {
        self.push(at, Item::Message(passage.clone(), Fate::Flying));
    }

    /// A message arrived.
    pub fn delivered(&mut self, at: (u64, Instant), passage: &Passage) {
        if let Some(line) = self.flying(passage) {
            let took = at.1.since(line.now);
            line.steps.1 = at.0;
            if let Item::Message(_, fate) = &mut line.item {
                *fate = Fate::Arrived(took);
            }
        } else {
            // Its sending was dropped from the ring, or it is a duplicate.
            self.push(at, Item::Message(passage.clone(), Fate::Arrived(Span(0))));
        }
    }

    /// A message was lost.
    pub fn lost(&mut self, at: (u64, Instant), passage: &Passage) {
        self.lost_total += 1;
        if let Some(line) = self.flying(passage) {
            line.steps.1 = at.0;
            if let Item::Message(_, fate) = &mut line.item {
                *fate = Fate::Lost;
            }
        } else {
            self.push(at, Item::Message(passage.clone(), Fate::Lost));
        }
    }

    /// Something else happened that explains what comes next.
    pub fn mark(&mut self, at: (u64, Instant), text: String, bad: bool) {
        self.push(at, Item::Mark(text, bad));
    }

    /// The oldest line that this message can be: links are first in, first out.
    fn flying(&mut self, passage: &Passage) -> Option<&mut Line> {
        let from = self.lines.len().saturating_sub(MATCH_MAX);
        self.lines.range_mut(from..).find(|line| {
            matches!(&line.item, Item::Message(sent, Fate::Flying)
                if sent.from == passage.from
                    && sent.to == passage.to
                    && sent.kind == passage.kind
                    && sent.key == passage.key
                    && sent.cause == passage.cause)
        })
    }

    /// The newest message that was sent in a step, or ended in it.
    #[must_use]
    pub fn at_step(&self, step: u64) -> Option<&Line> {
        let here = |line: &&Line| line.steps.0 == step || line.steps.1 == step;
        let message = |line: &&Line| matches!(line.item, Item::Message(..));
        self.lines.iter().rev().filter(message).find(here)
    }

    /// The line with this number.
    #[must_use]
    pub fn by_id(&self, id: u64) -> Option<&Line> {
        let at = self.lines.partition_point(|line| line.id < id);
        self.lines.get(at).filter(|line| line.id == id)
    }
}

impl Line {
    /// The line as text: what filters match and `y` copies.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.item {
            Item::Message(passage, fate) => {
                let fate = match fate {
                    Fate::Flying => "flying".to_owned(),
                    Fate::Arrived(took) => format!("arrived {took}"),
                    Fate::Lost => "lost".to_owned(),
                };
                let op = op_text(passage.cause);
                format!("{} {passage} {op} {fate}", super::seconds(self.now))
            }
            Item::Mark(text, _) => format!("{} -- {text}", super::seconds(self.now)),
        }
    }

    /// The host operation that caused it, if one did.
    #[must_use]
    pub fn cause(&self) -> Option<OpId> {
        match &self.item {
            Item::Message(passage, _) if passage.cause != OpId::NONE => Some(passage.cause),
            Item::Message(..) | Item::Mark(..) => None,
        }
    }

    /// True if the line has every word of the filter, as [`Filter`] says.
    #[must_use]
    pub fn matches(&self, filter: &str) -> bool {
        filter.is_empty() || self.passes(&Filter::new(filter))
    }

    /// The same with a filter that was made before.
    #[must_use]
    pub fn passes(&self, filter: &Filter) -> bool {
        let mut text = self.text().replace("->", " ");
        if let Item::Message(passage, _) = &self.item {
            text.push(' ');
            text.push_str(passage.kind.word());
        }
        filter.matches(&text)
    }
}

/// `op12`, or `-` for work that no host asked for.
#[must_use]
pub fn op_text(op: OpId) -> String {
    if op == OpId::NONE { "-".to_owned() } else { format!("op{}", op.0) }
}
