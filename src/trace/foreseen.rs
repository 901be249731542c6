//! When a violation became inevitable: of some steps before it, how many of their random futures come to the
//! same. Made by `campaign::foresee`, drawn by the console.

use crate::protocol::id::Key;
use serde::Serialize;

/// A position, and what became of its futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// So many steps had happened.
    pub position: u64,
    /// Futures that were tried from there.
    pub futures: u32,
    /// Those that came to the same violation.
    pub failed: u32,
    /// Those that did not come to their end.
    pub undecided: u32,
}

impl Point {
    /// The share that fails, in thousandths of those that came to an end.
    #[must_use]
    pub fn share(&self) -> u32 {
        self.failed * 1_000 / (self.futures - self.undecided).max(1)
    }

    /// Those that came to an end, and to a good one.
    #[must_use]
    pub fn fine(&self) -> u32 {
        self.futures - self.failed - self.undecided
    }
}

/// What is known so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Foreseen {
    /// The checker that found the violation.
    pub checker: String,
    /// What it is about.
    pub key: Option<Key>,
    /// The step of the violation.
    pub violation: u64,
    /// The earliest position that is looked at.
    pub base: u64,
    /// The positions that were tried, in order.
    pub points: Vec<Point>,
    /// Futures that each of them has.
    pub futures: u32,
    /// Futures in which the core itself broke: they count as fine unless that is the violation.
    pub broke: u32,
    /// Nothing more will be tried.
    pub done: bool,
}

impl Foreseen {
    /// The last position from which some futures are fine; `None`: none was found.
    #[must_use]
    pub fn last_fine(&self) -> Option<u64> {
        let fine = self.whole().filter(|point| point.fine() > 0);
        fine.map(|point| point.position).max()
    }

    /// The first position after that, of those that were tried: from it on every future fails.
    #[must_use]
    pub fn inevitable_from(&self) -> u64 {
        let fine = self.last_fine();
        // Where nothing is decided, nothing is inevitable.
        let after = self
            .whole()
            .filter(|point| point.failed > 0)
            .map(|point| point.position)
            .filter(|at| fine.is_none_or(|fine| *at > fine));
        after.min().unwrap_or(self.violation)
    }

    /// The points all of whose futures were tried.
    fn whole(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.futures == self.futures)
    }

    /// Futures that did not come to their end.
    #[must_use]
    pub fn undecided(&self) -> u32 {
        self.points.iter().map(|point| point.undecided).sum()
    }

    /// What that comes to, in a sentence.
    #[must_use]
    pub fn said(&self) -> String {
        let said = self.said_of_decided();
        match self.undecided() {
            0 => said,
            1 => format!("{said}; 1 future is undecided"),
            n => format!("{said}; {n} futures are undecided"),
        }
    }

    fn said_of_decided(&self) -> String {
        let from = self.inevitable_from();
        match self.last_fine() {
            None if self.points.is_empty() => "nothing was tried yet".to_owned(),
            None if self.points.iter().all(|point| point.failed == 0) => {
                "no future has come to an end".to_owned()
            }
            None if from <= self.base && self.base == 0 => {
                "every future fails from the very beginning".to_owned()
            }
            None => format!("every future fails, as far back as step {from}"),
            Some(fine) if fine + 1 == from => {
                format!("step {from} made it inevitable: from {fine} some futures are fine")
            }
            Some(fine) => format!("it became inevitable between steps {fine} and {from}"),
        }
    }
}
