//! What stands out in a run, by step: one bit for each step and kind of mark, so that the whole of a run of
//! millions of steps is at hand.

use super::event::{Event, EventKind};
use crate::protocol::id::NodeId;

/// Steps whose marks are kept: 1 MiB for each kind.
pub const STEPS_MAX: u64 = 1 << 23;

/// What stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// A host asks, or a message arrives at an AMF: what density is made of.
    Loud,
    /// A host is answered.
    Answer,
    /// A message is lost.
    Lost,
    /// Something is broken, or mended, on purpose.
    Fault,
    /// A view is decided.
    View,
    /// An invariant is broken, or a read is wrong.
    Violation,
    /// What somebody watches for begins to hold.
    Watch,
}

impl Mark {
    /// How many there are.
    const COUNT: usize = 7;

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loud => "message",
            Self::Answer => "answer to a host",
            Self::Lost => "lost message",
            Self::Fault => "fault",
            Self::View => "view",
            Self::Violation => "violation",
            Self::Watch => "hit of the watch",
        }
    }
}

/// A bit for each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, at: u64) {
        let word = (at / 64) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at % 64);
    }

    /// The first at or after `from`.
    fn next(&self, from: u64) -> Option<u64> {
        let mut word = (from / 64) as usize;
        let mut bits = self.0.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *self.0.get(word)?;
        }
        Some(word as u64 * 64 + u64::from(bits.trailing_zeros()))
    }

    /// The last before `end`.
    fn previous(&self, end: u64) -> Option<u64> {
        let end = end.min(self.0.len() as u64 * 64);
        let mut word = (end / 64) as usize;
        let mut bits = self
            .0
            .get(word)
            .map_or(0, |bits| bits & !(u64::MAX.checked_shl((end % 64) as u32).unwrap_or(0)));
        while bits == 0 {
            word = word.checked_sub(1)?;
            bits = self.0[word];
        }
        Some(word as u64 * 64 + 63 - u64::from(bits.leading_zeros()))
    }

    fn count(&self, from: u64, end: u64) -> u64 {
        let end = end.min(self.0.len() as u64 * 64);
        let mut count = 0;
        let mut at = from;
        while at < end {
            let stop = (at / 64 * 64 + 64).min(end);
            let word = self.0[(at / 64) as usize] >> (at % 64);
            let wide = stop - at;
            let mask = if wide == 64 { u64::MAX } else { (1 << wide) - 1 };
            count += u64::from((word & mask).count_ones());
            at = stop;
        }
        count
    }
}

/// See the module. Steps count from 1: step `n` leads to position `n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    bits: [Bits; Mark::COUNT],
}

impl Survey {
    /// Something of this kind happened in this step.
    pub fn set(&mut self, mark: Mark, step: u64) {
        if step < STEPS_MAX {
            self.bits[mark as usize].set(step);
        }
    }

    /// Nothing of this kind has happened.
    pub fn clear(&mut self, mark: Mark) {
        self.bits[mark as usize] = Bits::default();
    }

    /// Takes in what happened in a cluster that runs.
    pub fn take(&mut self, event: &Event) {
        let mark = match &event.kind {
            EventKind::Asked { .. } | EventKind::Delivered(_) => Mark::Loud,
            EventKind::Answered { .. } => Mark::Answer,
            EventKind::Lost(_) => Mark::Lost,
            EventKind::Fault(_) => Mark::Fault,
            EventKind::View { .. } if event.node == NodeId::Witness => Mark::View,
            EventKind::Violation(_) => Mark::Violation,
            EventKind::View { .. }
            | EventKind::Sent(_)
            | EventKind::Rule(_)
            | EventKind::Disk { .. }
            | EventKind::Joined(_)
            | EventKind::Note(_) => return,
        };
        self.set(mark, event.step);
    }

    /// The same for what another one knows: of a run that is looked at from elsewhere.
    pub fn learn(&mut self, mark: Mark, from: &Self) {
        let mut at = 0;
        while let Some(step) = from.bits[mark as usize].next(at) {
            self.set(mark, step);
            at = step + 1;
        }
    }

    /// What is known up to a position.
    #[must_use]
    pub fn upto(&self, position: u64) -> Self {
        let mut part = self.clone();
        let end = position.saturating_add(1);
        for bits in &mut part.bits {
            let words = usize::try_from(end.div_ceil(64)).unwrap_or(usize::MAX);
            bits.0.truncate(words);
            if let (Some(last), true) =
                (bits.0.get_mut(words.wrapping_sub(1)), !end.is_multiple_of(64))
            {
                *last &= (1 << (end % 64)) - 1;
            }
        }
        part
    }

    /// The first step after this position.
    #[must_use]
    pub fn next(&self, mark: Mark, after: u64) -> Option<u64> {
        self.bits[mark as usize].next(after + 1)
    }

    /// The last step before this position.
    #[must_use]
    pub fn previous(&self, mark: Mark, before: u64) -> Option<u64> {
        self.bits[mark as usize].previous(before)
    }

    /// How many of the steps after `from`, up to `to`, have this mark.
    #[must_use]
    pub fn count(&self, mark: Mark, from: u64, to: u64) -> u64 {
        self.bits[mark as usize].count(from + 1, to + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_a_list_would() {
        let marks = [1, 2, 63, 64, 65, 127, 128, 700, 4_095];
        let mut survey = Survey::default();
        for step in marks {
            survey.set(Mark::Fault, step);
        }
        survey.set(Mark::Fault, STEPS_MAX);
        for at in 0..4_200 {
            let next = marks.iter().copied().find(|step| *step > at);
            let previous = marks.iter().rev().copied().find(|step| *step < at);
            assert_eq!(survey.next(Mark::Fault, at), next, "after {at}");
            assert_eq!(survey.previous(Mark::Fault, at), previous, "before {at}");
            let known = survey.upto(at);
            assert_eq!(known.count(Mark::Fault, 0, u64::MAX - 1), survey.count(Mark::Fault, 0, at));
            let to = at * 2;
            let inside = marks.iter().filter(|step| **step > at && **step <= to).count();
            assert_eq!(survey.count(Mark::Fault, at, to), inside as u64, "{at} to {to}");
        }
        assert_eq!(survey.next(Mark::View, 0), None);
        assert_eq!(survey.previous(Mark::View, 9), None);
        let mut other = Survey::default();
        other.learn(Mark::Fault, &survey);
        assert_eq!(other, survey);
    }
}
