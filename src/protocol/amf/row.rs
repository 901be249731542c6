//! Rows of parity layouts: reading them, and writing what was wrong in them.
//!
//! A block that cannot be read is rebuilt from the rest of its row, under `Stripe(n)` shared \[R6\]; if only
//! its check sum was wrong it is written again in place. While copies may differ (section 4, end), the parity
//! of a row is made to fit its data under `Stripe(n)` exclusive before any block of it is used. Whoever
//! holds a stripe acquires nothing more.

use super::Amf;
use super::disk_io::DiskWork;
use super::key::{Fetch, Job, KeyCtl, Queued, RowFetch, RowRead, Stage};
use crate::protocol::defect::Defect;
use crate::protocol::group::{Place, Role, SlotState};
use crate::protocol::id::{Block, Instant, Key, OpId, Version};
use crate::protocol::message::{DiskDone, DiskError, DiskOp, Unread, block_read};
use crate::protocol::parity::{Cell, Known, parity_of};
use crate::protocol::rule::{LineState, Rule};
use smallvec::SmallVec;

/// For whom a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RowFor {
    /// A destage that needs the new parity of its row.
    Destage(Block),
    /// A block that cannot be read, or whose row is to be made equal.
    Block(Block),
    /// Parity updates of owners that left, in this stripe.
    Redo(u64),
    /// The refill of a disk.
    Refill,
    /// A scrub.
    Scrub,
}

impl Amf {
    // ---- reading and writing

    fn row_of(&mut self, reader: RowFor) -> Option<&mut RowRead> {
        match reader {
            RowFor::Destage(block) => {
                let ctl = self.keys.get_mut(&Key::Block(block))?;
                ctl.destage.as_mut()?.plan.as_mut().map(|plan| &mut plan.read)
            }
            RowFor::Block(block) => match &mut self.fetch_of(block)?.row {
                RowFetch::Working(read) => Some(read),
                RowFetch::No | RowFetch::Done => None,
            },
            RowFor::Redo(stripe) => self.redo.get_mut(&stripe)?.read.as_mut(),
            RowFor::Refill => self.refill.as_mut()?.read.as_mut(),
            RowFor::Scrub => self.scrub.as_mut()?.read.as_mut(),
        }
    }

    fn fetch_of(&mut self, block: Block) -> Option<&mut Fetch> {
        let ctl = self.keys.get_mut(&Key::Block(block))?;
        match &mut ctl.access.as_mut()?.stage {
            Stage::Fetching(fetch) => Some(fetch),
            Stage::Waiting | Stage::Held | Stage::Committed { .. } => None,
        }
    }

    /// Asks for these places, if their disks are online (or under rebuild, if those count) and were not
    /// asked yet. True if an answer is outstanding.
    pub(super) fn ask_row(
        &mut self,
        reader: RowFor,
        roles: impl IntoIterator<Item = Role>,
        rebuilding_too: bool,
    ) -> bool {
        let group = self.group;
        let Some(read) = self.row_of(reader) else { return false };
        let (at, asked) = (read.at, read.asked);
        for role in roles {
            let slot = group.slot_for(at, role);
            let counts = match self.slot_state(slot) {
                SlotState::Online => true,
                SlotState::Rebuilding => rebuilding_too,
                SlotState::Failed => false,
            };
            if counts && !asked.contains(slot) {
                let read = self.row_of(reader).expect("looked at before");
                read.asked.insert(slot);
                read.pending.insert(slot);
                let work = DiskWork::Row { reader, slot };
                self.ask_disk(slot, OpId::NONE, DiskOp::Read { at }, work);
            }
        }
        self.row_of(reader).is_some_and(|read| !read.pending.is_empty())
    }

    /// Asks for everything that is online.
    pub(super) fn ask_whole_row(&mut self, reader: RowFor) -> bool {
        self.ask_row(reader, self.group.roles(), false)
    }

    /// Writes what a place must hold.
    pub(super) fn write_row(&mut self, reader: RowFor, role: Role, cell: Cell) {
        let group = self.group;
        let Some(read) = self.row_of(reader) else { return };
        let at = read.at;
        let slot = group.slot_for(at, role);
        read.pending.insert(slot);
        let Cell { version, data, covers } = cell;
        let op = DiskOp::Write { at, version, data, covers };
        self.ask_disk(slot, OpId::NONE, op, DiskWork::Row { reader, slot });
    }

    /// What a place should hold cannot be known: it must not be taken for zeroes.
    pub(super) fn spoil_row(&mut self, reader: RowFor, role: Role) {
        let group = self.group;
        let Some(read) = self.row_of(reader) else { return };
        let at = read.at;
        let slot = group.slot_for(at, role);
        read.pending.insert(slot);
        self.ask_disk(slot, OpId::NONE, DiskOp::Spoil { at }, DiskWork::Row { reader, slot });
    }

    pub(super) fn on_row_reply(
        &mut self,
        now: Instant,
        reader: RowFor,
        slot: u8,
        result: Result<DiskDone, DiskError>,
    ) {
        let group = self.group;
        let Some(read) = self.row_of(reader) else {
            if reader == RowFor::Refill {
                self.drop_stale_refill(now);
            }
            return;
        };
        read.pending.remove(slot);
        match block_read(result) {
            Ok(Some(cell)) => read.row.set(group.role(Place { slot, at: read.at }), cell),
            Ok(None) => {}
            Err(Unread::Damaged) => read.damaged.insert(slot),
            Err(Unread::Gone) => read.failed = true,
        }
        if !read.pending.is_empty() {
            return;
        }
        match reader {
            RowFor::Destage(block) => self.plan_parity(now, block),
            RowFor::Block(block) => self.row_goes_on(now, block),
            RowFor::Redo(stripe) => self.redo_goes_on(now, stripe),
            RowFor::Refill => self.refill_row_goes_on(now),
            RowFor::Scrub => self.scrub_goes_on(now),
        }
    }

    pub(super) fn slot_state(&self, slot: u8) -> SlotState {
        self.current_view().group.slots[usize::from(slot)].state
    }

    // ---- a block that cannot be read

    /// The block whose access is held has to be rebuilt. True if that has begun; false if it was tried.
    pub(super) fn want_row(&mut self, now: Instant, block: Block) -> bool {
        let at = self.group.places(block)[0].at;
        let read = RowRead::new(&self.group, at);
        let Some(fetch) = self.fetch_of(block).filter(|fetch| fetch.row == RowFetch::No) else {
            return false;
        };
        fetch.row = RowFetch::Working(Box::new(read));
        if self.has(Defect::DegradedReadWithoutLock) {
            self.read_row(now, block);
        } else {
            self.ask_for_stripe(block, Job::Rebuild { block: block.0 });
        }
        true
    }

    pub(super) fn ask_for_stripe(&mut self, block: Block, job: Job) {
        let key = Key::Stripe(self.group.stripe(block));
        let ctl = self.keys.get_or_insert_with(key, KeyCtl::default);
        ctl.queue.push_back(Queued::new(job));
        self.look_at(key);
    }

    /// The stripe is held.
    pub(super) fn read_row(&mut self, now: Instant, block: Block) {
        if !self.ask_whole_row(RowFor::Block(block)) {
            self.row_goes_on(now, block);
        }
    }

    /// What was asked has been answered: rebuild, mend, go on with the block.
    fn row_goes_on(&mut self, now: Instant, block: Block) {
        let key = Key::Block(block);
        let place = self.group.places(block)[0];
        let blind = self.has(Defect::DegradedReadWithoutLock);
        let (size, group) = (self.cfg.block_size, self.group);
        let disk = self.disk_in(place.slot);
        let Some(access) = self.keys.get_mut(&key).and_then(|ctl| ctl.access.as_mut()) else {
            return self.row_is_done(now, block);
        };
        let equalises = access.job == Job::Synchronise;
        let Stage::Fetching(fetch) = &mut access.stage else { return };
        let RowFetch::Working(read) = &mut fetch.row else { return };
        let already = core::mem::replace(&mut read.mending, true);
        if already {
            return self.row_is_done(now, block);
        }
        if fetch.damaged.contains(place.slot) {
            read.damaged.insert(place.slot);
        }
        let all = read.row.solve(size, blind);
        if let (Role::Data(index), Some(all)) = (group.role(place), &all) {
            let (version, data) = all[usize::from(index)].clone();
            fetch.lowest = Some(version);
            fetch.best = Some((version, data, disk));
        }
        let read = (**read).clone();
        let Some(all) = all else {
            self.rule(Rule::RowLost, Some(key));
            return self.row_is_done(now, block);
        };
        if !equalises {
            self.fact(Rule::Rebuild, Some(key), LineState::I, LineState::I, None, Version::ZERO);
        }
        let mends = self.mends(&read, &all, equalises, false);
        for (role, cell) in mends {
            self.write_row(RowFor::Block(block), role, cell);
        }
        let idle = self.row_of(RowFor::Block(block)).is_none_or(|read| read.pending.is_empty());
        if idle {
            self.row_is_done(now, block);
        }
    }

    /// What must be written so that the row is whole: places whose check sum was wrong and, under the
    /// stripe's exclusive lock (`parity_too`), parity that does not fit. Counted.
    pub(super) fn mends(
        &mut self,
        read: &RowRead,
        all: &[Known],
        parity_too: bool,
        deep: bool,
    ) -> Vec<(Role, Cell)> {
        let size = self.cfg.block_size;
        let none = || SmallVec::<[u8; 2]>::new();
        let wrong = if parity_too { read.row.wrong_parity(all, size, deep) } else { none() };
        let mut mends = Vec::new();
        for role in self.group.roles() {
            let slot = self.group.slot_for(read.at, role);
            let damaged = read.damaged.contains(slot);
            let cell = match role {
                Role::Data(index) => {
                    let (version, data) = all[usize::from(index)].clone();
                    Cell { version, data, covers: None }
                }
                Role::Parity(index) if damaged && parity_too || wrong.contains(&index) => {
                    parity_of(index, size, all.iter())
                }
                Role::Parity(_) => continue,
            };
            let mended = damaged || matches!(role, Role::Parity(_));
            if mended && self.slot_state(slot) == SlotState::Online {
                let block = self.group.block_at(Place { slot, at: read.at });
                let rule = if damaged { Rule::Repair } else { Rule::Equalise };
                self.stats.repaired += u64::from(damaged);
                let (key, version) = (Some(Key::Block(block)), cell.version);
                self.fact(rule, key, LineState::I, LineState::I, None, version);
                mends.push((role, cell));
            }
        }
        mends
    }

    /// The stripe goes; the block goes on.
    fn row_is_done(&mut self, now: Instant, block: Block) {
        let stripe = Key::Stripe(self.group.stripe(block));
        let access = self.keys.get(&stripe).and_then(|ctl| ctl.access.as_ref());
        let ours = access.is_some_and(|access| {
            let job = access.job;
            let ours =
                job == Job::Rebuild { block: block.0 } || job == Job::Equalise { block: block.0 };
            ours && access.stage.is_held()
        });
        if ours {
            self.release(now, stripe);
        }
        if let Some(fetch) = self.fetch_of(block) {
            fetch.row = RowFetch::Done;
            self.perform(now, Key::Block(block));
        }
    }

    // ---- a row that may be torn

    /// The block is held: first its row.
    pub(super) fn want_equal_row(&mut self, block: Block) {
        let at = self.group.places(block)[0].at;
        let row = RowFetch::Working(Box::new(RowRead::new(&self.group, at)));
        let fetch = Fetch { all: true, row, ..Fetch::default() };
        self.own_access(Key::Block(block)).stage = Stage::Fetching(fetch);
        self.ask_for_stripe(block, Job::Equalise { block: block.0 });
    }

    /// Every block of the row is as good as this one.
    pub(super) fn row_is_equal(&mut self, block: Block) {
        let at = self.group.places(block)[0].at;
        for index in 0..self.group.width() {
            self.synchronised.insert(self.group.block_of(at, index), ());
        }
    }
}
