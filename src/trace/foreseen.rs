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
}

impl Point {
    /// The share that fails, in thousandths.
    #[must_use]
    pub fn share(&self) -> u32 {
        self.failed * 1_000 / self.futures.max(1)
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
        let fine = self.whole().filter(|point| point.failed < point.futures);
        fine.map(|point| point.position).max()
    }

    /// The first position after that, of those that were tried: from it on every future fails.
    #[must_use]
    pub fn inevitable_from(&self) -> u64 {
        let fine = self.last_fine();
        let after = self
            .whole()
            .map(|point| point.position)
            .filter(|at| fine.is_none_or(|fine| *at > fine));
        after.min().unwrap_or(self.violation)
    }

    /// The points all of whose futures were tried.
    fn whole(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| point.futures == self.futures)
    }

    /// What that comes to, in a sentence.
    #[must_use]
    pub fn said(&self) -> String {
        let from = self.inevitable_from();
        match self.last_fine() {
            None if self.points.is_empty() => "nothing was tried yet".to_owned(),
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
