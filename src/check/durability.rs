//! What must be there at the end: every acknowledged write, as far as nothing overwrote it.
//!
//! A [`ReadChecker`] knows for each sector what a read may return now. A final read-back, through the
//! program or from the stores of stopped disks, is judged against that; nothing is learned from it, so
//! the halves of a mirror can be judged one after the other.

use super::reads::ReadChecker;
use super::value::runs_of;
use crate::protocol::Data;
use crate::protocol::id::{Block, Key};
use crate::trace::Violation;

/// The name of this checker in [`Violation::checker`].
pub const CHECKER: &str = "durability";
/// Findings that are kept; all are counted.
pub const FINDINGS_MAX: usize = 100;

/// What became of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every sector has what it may have.
    Intact,
    /// As far as it can be judged; some sectors could have anything (see `Start::Unknown`).
    Undecided,
    /// A sector lacks what was acknowledged, or has what was never written.
    Lost {
        /// The first such sector.
        sector: u64,
        /// What it has, and what it should have.
        text: String,
    },
}

/// Judges the content of a whole block, or of its first part.
pub fn judge(checker: &ReadChecker, block: Block, data: &Data) -> Verdict {
    let per = checker.sectors_per_block();
    let first = block.0 * u64::from(per);
    let mut verdict = Verdict::Intact;
    let mut from = 0;
    for (count, value) in runs_of(data, first) {
        let count = count.min(per.saturating_sub(from));
        let mut sector = first + u64::from(from);
        for (part, values) in checker.admissible(block, from, count) {
            match values {
                None => verdict = Verdict::Undecided,
                Some(values) if values.contains(&value) => {}
                Some(values) => {
                    let names = values.iter().map(|value| checker.name(*value));
                    let expected = names.collect::<Vec<_>>().join(" or ");
                    let (place, value) = (checker.place(sector), checker.name(value));
                    let text = format!("{place} has {value} instead of {expected}");
                    return Verdict::Lost { sector, text };
                }
            }
            sector += u64::from(part);
        }
        from += count;
    }
    verdict
}

/// A read-back of many blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blocks judged.
    pub blocks: u64,
    /// Blocks that cannot be judged, in part or whole.
    pub undecided: u64,
    /// Blocks that lack something.
    pub lost: u64,
    /// The first of those, at most [`FINDINGS_MAX`].
    pub findings: Vec<Violation>,
}

impl Tally {
    /// Judges one more block; `None`: it could not be read. `place` says where from, for the finding.
    pub fn add(&mut self, checker: &ReadChecker, block: Block, data: Option<&Data>, place: &str) {
        self.blocks += 1;
        let verdict = data.map_or_else(
            || Verdict::Lost { sector: 0, text: "it cannot be read".to_owned() },
            |data| judge(checker, block, data),
        );
        match verdict {
            Verdict::Intact => {}
            Verdict::Undecided => self.undecided += 1,
            Verdict::Lost { text, .. } => {
                self.lost += 1;
                if self.findings.len() < FINDINGS_MAX {
                    self.findings.push(Violation {
                        checker: CHECKER.to_owned(),
                        key: Some(Key::Block(block)),
                        text: format!("{place}: {text}"),
                        step: 0,
                    });
                }
            }
        }
    }
}
