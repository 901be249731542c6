//! Parity: what the parity blocks of a row are made of, and what is missing of a row.
//!
//! A row is what one block number of all disks of a `raid5` or `raid6` holds: data blocks, then P, their
//! sum, and with `raid6` Q, their sum weighted by powers of 2 in GF(2^8) (Reed and Solomon). A parity
//! block's header has the version of each data block that it covers \[R1\]. A version names one write, so
//! parity whose versions are those of the data is the parity of exactly that data: what is rebuilt from it
//! is right, and has a known version. Parity that does not fit is torn, and nothing is rebuilt from it:
//! rather a media error than wrong data.

use super::data::{Data, inverse, power, times};
use super::group::Role;
use super::id::Version;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;

/// The versions of the data blocks that a parity block covers, by index.
pub type Covers = Arc<[Version]>;

/// What a disk holds at one place of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Of a data block; of parity the highest that it covers.
    pub version: Version,
    /// The content.
    pub data: Data,
    /// Of parity: what it covers. None: data, or parity that was never written.
    pub covers: Option<Covers>,
}

impl Cell {
    /// The version of the data block `index` when this parity was made.
    #[must_use]
    pub fn covered(&self, index: u8) -> Version {
        let covers = self.covers.as_ref();
        covers.and_then(|covers| covers.get(usize::from(index))).copied().unwrap_or(Version::ZERO)
    }

    /// This parity is of no time before `other`, for any block that it covers.
    #[must_use]
    pub fn is_as_new_as(&self, other: &Self) -> bool {
        let width = |cell: &Self| cell.covers.as_ref().map_or(0, |covers| covers.len());
        let width = u8::try_from(width(self).max(width(other))).expect("a row is below 64 disks");
        (0..width).all(|index| self.covered(index) >= other.covered(index))
    }
}

/// A block and its version.
pub type Known = (Version, Data);

/// As much of a row as could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Data blocks by index.
    pub data: SmallVec<[Option<Known>; 6]>,
    /// P, then Q.
    pub parity: SmallVec<[Option<Cell>; 2]>,
}

/// What Q, or P, multiplies a data block by.
#[must_use]
pub fn factor(parity: u8, index: u8) -> u8 {
    if parity == 0 { 1 } else { power(index) }
}

/// Parity block `parity` (0: P, 1: Q) of these data blocks.
#[must_use]
pub fn parity_of<'a>(
    parity: u8,
    block_size: u32,
    data: impl Iterator<Item = &'a Known> + Clone,
) -> Cell {
    let covers: Covers = data.clone().map(|(version, _)| *version).collect();
    let terms = (0..).zip(data).map(|(index, (_, data))| (factor(parity, index), data));
    let sum = Data::sum(block_size, terms);
    Cell { version: highest(&covers), data: sum, covers: Some(covers) }
}

fn highest(covers: &Covers) -> Version {
    covers.iter().max().copied().unwrap_or(Version::ZERO)
}

/// The parity after block `index` changed from `old` to `new`, from the parity before. `None`: the parity
/// before does not cover `old`.
#[must_use]
pub fn updated(
    parity: u8,
    before: &Cell,
    width: u8,
    index: u8,
    old: &Known,
    new: &Known,
) -> Option<Cell> {
    if before.covered(index) != old.0 {
        return None;
    }
    let mut covers: Vec<Version> = (0..width).map(|index| before.covered(index)).collect();
    covers[usize::from(index)] = new.0;
    let covers: Covers = covers.into();
    let factor = factor(parity, index);
    let terms = [(1, &before.data), (factor, &old.1), (factor, &new.1)];
    let data = Data::sum(before.data.len(), terms);
    Some(Cell { version: highest(&covers), data, covers: Some(covers) })
}

impl Row {
    /// A row of which nothing is known.
    #[must_use]
    pub fn unknown(width: u8, parity: u8) -> Self {
        Self {
            data: SmallVec::from_elem(None, usize::from(width)),
            parity: SmallVec::from_elem(None, usize::from(parity)),
        }
    }

    /// A place was read.
    pub fn set(&mut self, role: Role, cell: Cell) {
        match role {
            Role::Data(index) => self.data[usize::from(index)] = Some((cell.version, cell.data)),
            Role::Parity(index) => self.parity[usize::from(index)] = Some(cell),
        }
    }

    /// True if what `role` holds was read.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        match role {
            Role::Data(index) => self.data[usize::from(index)].is_some(),
            Role::Parity(index) => self.parity[usize::from(index)].is_some(),
        }
    }

    /// True if every data block was read.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.data.iter().all(Option::is_some)
    }

    /// Nothing that was read was ever written.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let data = self.data.iter().flatten().all(|(version, _)| *version == Version::ZERO);
        data && self.parity.iter().flatten().all(|cell| cell.version == Version::ZERO)
    }

    /// \[R1\] The parity is of the data that is known: its versions are theirs.
    fn fits(&self, cell: &Cell) -> bool {
        let known = (0..).zip(&self.data);
        known.into_iter().all(|(index, known)| {
            known.as_ref().is_none_or(|(version, _)| *version == cell.covered(index))
        })
    }

    /// The parities that fit, P before Q.
    fn fitting(&self, blind: bool) -> impl Iterator<Item = (u8, &Cell)> {
        let all = (0..).zip(&self.parity);
        all.filter_map(|(index, cell)| Some((index, cell.as_ref()?)))
            .filter(move |(_, cell)| blind || self.fits(cell))
    }

    /// Rebuilds every data block that is missing, if the parity that is there suffices and fits. Gives all
    /// data blocks. `blind`: whether it fits or not, a seeded defect.
    #[must_use]
    pub fn solve(&self, block_size: u32, blind: bool) -> Option<Vec<Known>> {
        let missing: SmallVec<[u8; 4]> =
            (0..).zip(&self.data).filter(|(_, known)| known.is_none()).map(|(i, _)| i).collect();
        let rebuilt = match *missing {
            [] => SmallVec::new(),
            [one] => self.solve_one(block_size, one, blind)?,
            [one, two] => self.solve_two(block_size, one, two, blind)?,
            _ => return None,
        };
        let mut rebuilt: SmallVec<[Known; 2]> = rebuilt;
        rebuilt.reverse();
        let all = self.data.iter().map(|known| known.clone().or_else(|| rebuilt.pop()));
        all.collect()
    }

    /// What `cell` says of the missing blocks: the sum of their products.
    fn remainder(&self, block_size: u32, parity: u8, cell: &Cell) -> Data {
        let known = (0..).zip(&self.data);
        let known = known.filter_map(|(index, known)| Some((index, known.as_ref()?)));
        let known = known.map(|(index, (_, data))| (factor(parity, index), data));
        Data::sum(block_size, known.chain([(1, &cell.data)]))
    }

    /// Two parities may both fit and differ, if a crash came between their writes: the newer one.
    fn solve_one(&self, block_size: u32, one: u8, blind: bool) -> Option<SmallVec<[Known; 2]>> {
        let newest = self.fitting(blind).max_by_key(|(index, cell)| (cell.covered(one), 2 - index));
        let (parity, cell) = newest?;
        let rest = self.remainder(block_size, parity, cell);
        let data = Data::sum(block_size, [(inverse(factor(parity, one)), &rest)]).folded();
        Some(SmallVec::from_iter([(cell.covered(one), data)]))
    }

    fn solve_two(
        &self,
        block_size: u32,
        one: u8,
        two: u8,
        blind: bool,
    ) -> Option<SmallVec<[Known; 2]>> {
        let fitting: SmallVec<[(u8, &Cell); 2]> = self.fitting(blind).collect();
        let [(0, p), (1, q)] = *fitting else { return None };
        let versions = [one, two].map(|index| (p.covered(index), q.covered(index)));
        if versions.iter().any(|(p, q)| p != q) && !blind {
            return None;
        }
        let (sum, weighted) = (self.remainder(block_size, 0, p), self.remainder(block_size, 1, q));
        // sum = A + B and weighted = a A + b B, so (a + b) A = weighted + b sum.
        let (a, b) = (power(one), power(two));
        let scale = inverse(a ^ b);
        let first = Data::sum(block_size, [(scale, &weighted), (times(scale, b), &sum)]).folded();
        let second = Data::sum(block_size, [(1, &sum), (1, &first)]).folded();
        Some(SmallVec::from_iter([(versions[0].0, first), (versions[1].0, second)]))
    }

    /// Parity that was read and is not of the data that was read; if all data was read, in content too.
    #[must_use]
    pub fn unfit(&self, block_size: u32) -> SmallVec<[u8; 2]> {
        let all: Option<Vec<Known>> = self.data.iter().cloned().collect();
        if let Some(all) = all {
            return self.wrong_parity(&all, block_size, true);
        }
        let read = (0..).zip(&self.parity);
        let read = read.filter_map(|(index, cell)| Some((index, cell.as_ref()?)));
        read.filter(|(_, cell)| !self.fits(cell)).map(|(index, _)| index).collect()
    }

    /// Parity that was read and is not the parity of these data blocks: of their versions, or (`deep`) of
    /// their content.
    #[must_use]
    pub fn wrong_parity(&self, all: &[Known], block_size: u32, deep: bool) -> SmallVec<[u8; 2]> {
        let read = (0..).zip(&self.parity);
        let read = read.filter_map(|(index, cell)| Some((index, cell.as_ref()?)));
        let wrong = read.filter(|(index, cell)| {
            let versions = (0..).zip(all).all(|(at, (version, _))| cell.covered(at) == *version);
            !versions
                || (deep && !cell.data.is_same(&parity_of(*index, block_size, all.iter()).data))
        });
        wrong.map(|(index, _)| index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Stamp;
    use crate::protocol::id::{AmfId, Epoch};

    const SIZE: u32 = 4096;

    fn version(clock: u64) -> Version {
        Version { epoch: Epoch(1), clock, amf: AmfId(0) }
    }

    fn known(clock: u64, real: bool) -> Known {
        let data = Data::stamped(Stamp { volume: 0, writer: 1, sector: 0, sequence: clock }, 8);
        let bytes: Vec<u8> = (0..SIZE).map(|i| (u64::from(i) * clock).to_le_bytes()[0]).collect();
        (version(clock), if real { Data::from_bytes(&bytes) } else { data })
    }

    fn whole(width: u8, real: bool) -> Row {
        let data: Vec<Known> = (1..=u64::from(width)).map(|n| known(n, real)).collect();
        Row {
            parity: (0..2).map(|p| Some(parity_of(p, SIZE, data.iter()))).collect(),
            data: data.into_iter().map(Some).collect(),
        }
    }

    /// Any two blocks of a row, data or parity, can be lost, as terms and as real bytes.
    #[test]
    fn any_two_blocks_of_a_row_are_rebuilt() {
        for real in [false, true] {
            let row = whole(5, real);
            let all: Vec<Known> = row.data.iter().flatten().cloned().collect();
            for (one, two) in (0..7).flat_map(|one| (0..7).map(move |two| (one, two))) {
                let mut torn = row.clone();
                for lost in [one, two] {
                    match lost {
                        0..5 => torn.data[lost] = None,
                        _ => torn.parity[lost - 5] = None,
                    }
                }
                assert_eq!(torn.solve(SIZE, false).as_ref(), Some(&all), "{one} {two} {real}");
            }
            let mut gone = row.clone();
            gone.data[0] = None;
            gone.data[3] = None;
            gone.parity[1] = None;
            assert_eq!(gone.solve(SIZE, false), None, "three are too many");
        }
    }

    #[test]
    fn small_writes_give_the_parity_of_the_whole() {
        for real in [false, true] {
            let row = whole(4, real);
            let mut all: Vec<Known> = row.data.iter().flatten().cloned().collect();
            let new = known(9, real);
            for parity in 0..2 {
                let before = row.parity[usize::from(parity)].as_ref().unwrap();
                let after = updated(parity, before, 4, 2, &all[2], &new).unwrap();
                let mut now = all.clone();
                now[2] = new.clone();
                assert!(after.data.is_same(&parity_of(parity, SIZE, now.iter()).data));
                assert_eq!(after.covers, parity_of(parity, SIZE, now.iter()).covers);
                assert!(after.is_as_new_as(before) && !before.is_as_new_as(&after));
                assert_eq!(updated(parity, before, 4, 2, &new, &all[2]), None, "it covers v3");
            }
            all[2] = new;
            assert_eq!(*row.wrong_parity(&all, SIZE, false), [0, 1]);
        }
    }

    /// A write that reached the data and not the parity: what is missing beside it cannot be known.
    #[test]
    fn nothing_is_rebuilt_from_torn_parity() {
        let mut row = whole(3, false);
        row.data[0] = Some(known(9, false));
        row.data[1] = None;
        assert_eq!(row.solve(SIZE, false), None);
        // Q was written and P was not: Q alone knows the newest.
        let mut row = whole(3, false);
        let mut now: Vec<Known> = row.data.iter().flatten().cloned().collect();
        now[1] = known(9, false);
        row.parity[1] = Some(parity_of(1, SIZE, now.iter()));
        row.data[1] = None;
        assert_eq!(row.solve(SIZE, false), Some(now));
        row.data[2] = None;
        assert_eq!(row.solve(SIZE, false), None, "the two do not fit together");
    }

    #[test]
    fn parity_that_was_never_written_is_the_parity_of_zeroes() {
        let blank = (Version::ZERO, Data::zero(SIZE));
        let mut row = Row::unknown(2, 1);
        row.set(Role::Data(0), Cell { version: blank.0, data: blank.1.clone(), covers: None });
        row.set(Role::Parity(0), Cell { version: blank.0, data: blank.1.clone(), covers: None });
        assert!(row.is_blank());
        let all = row.solve(SIZE, false).unwrap();
        assert_eq!(all, [blank.clone(), blank.clone()]);
        assert!(row.wrong_parity(&all, SIZE, true).is_empty());
        let before = row.parity[0].clone().unwrap();
        let after = updated(0, &before, 2, 1, &blank, &known(4, false)).unwrap();
        assert_eq!(after.covers.as_deref(), Some(&[Version::ZERO, version(4)][..]));
    }
}
