//! The rule for one sector: which write a read may return.
//!
//! A sector is a register. Hosts see an operation from its start to its answer, and somewhere in
//! between it takes effect; a write without an answer may take effect at any time after its start, or
//! never. Required reading: P. Gibbons and E. Korach, *Testing Shared Memories* (1997), section 4.
//!
//! Of each write W this keeps two times:
//!
//! - `done`: by then it has surely taken effect. Its answer, or the end of the first read that surely
//!   returned it, whichever is earlier.
//! - `seen`: then, or later, it surely was the content. Its own start, or the start of the last read
//!   that surely returned it, whichever is later.
//!
//! **The rule.** A read that started at `s` may return W if its value is W's, W had started before the
//! read ended, and there is no other write V with
//!
//! ```text
//! V.done < max(W.seen, s)   and   min(W.done, end of this read) < V.seen
//! ```
//!
//! *It never gives a false alarm.* The second half says that V was the content at a time when W had
//! taken effect. So V came after W (had W come after V, V could not have been the content then). The
//! first half says that V had taken effect before W was last the content: so W came after V. Both
//! cannot be. The case in words: W is surely overwritten for a read if another write started after W
//! was done, or was still read after that, and was itself done before the read started.
//!
//! *With values that no two writes share it misses nothing*: a register's history is linearizable
//! exactly if no two writes stand in that relation. Where several writes have one value (zeroes), a
//! read is right if any of them may be returned, and tells nothing about which one it was unless
//! only one may.
//!
//! A write is forgotten when no read that is under way or yet to start may return it (`floor` is the
//! earliest start of those), and it is not needed to rule out another.

use super::value::Value;

/// The order of starts and answers as the checker was told of them: one number each.
pub type Tick = u64;

/// Not done yet, as far as is known.
pub const NOT_DONE: Tick = Tick::MAX;

/// One write to a sector that a read may still return, or that rules out another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// What it wrote.
    pub value: Value,
    /// When it started: also its name, for no two operations start at one tick.
    pub start: Tick,
    /// By then it has surely taken effect.
    pub done: Tick,
    /// Then, or later, it surely was the content, if it has an effect at all.
    pub seen: Tick,
    /// No read under way or to come may return it.
    dead: bool,
}

impl Write {
    /// What was there before any write.
    pub const fn first(value: Value) -> Self {
        Self { value, start: 0, done: 0, seen: 0, dead: false }
    }

    /// A write that starts now.
    pub const fn starting(value: Value, start: Tick) -> Self {
        Self { value, start, done: NOT_DONE, seen: start, dead: false }
    }

    /// `other` rules this write out for a read with these times.
    const fn is_ruled_out_by(&self, other: &Self, start: Tick, end: Tick) -> bool {
        let seen = if self.seen > start { self.seen } else { start };
        let done = if self.done < end { self.done } else { end };
        other.start != self.start && other.done < seen && done < other.seen
    }
}

/// Why a read is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing that may be there has this value: it was overwritten long ago, or never written.
    Never,
    /// A write has the value, but the write of this one had surely overwritten it.
    OverwrittenBy(Value),
}

/// Most writes of one sector that are kept; beyond that it is given up, which is counted.
pub const WRITES_MAX: usize = 4096;

/// One read of a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it returned.
    pub value: Value,
    /// When it started.
    pub start: Tick,
    /// When it was answered.
    pub end: Tick,
}

/// The writes of one sector (or of neighbours with the same past), in order of their starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register(pub Vec<Write>);

impl Register {
    /// Judges a read, and learns from it.
    ///
    /// # Errors
    /// Why it is wrong; nothing is learned from a wrong read.
    pub fn read(&mut self, read: Read) -> Result<(), Wrong> {
        if let Some(index) = self.judge(read)? {
            let write = &mut self.0[index];
            write.value = read.value;
            write.seen = write.seen.max(read.start);
            write.done = write.done.min(read.end);
        }
        Ok(())
    }

    /// Judges a read: which write it surely returned, if that is certain.
    ///
    /// # Errors
    /// Why it is wrong.
    pub fn judge(&self, read: Read) -> Result<Option<usize>, Wrong> {
        let mut found = None;
        let mut is_certain = true;
        let mut wrong = Wrong::Never;
        for (index, write) in self.0.iter().enumerate() {
            let is_own = write.start == read.start;
            if is_own || !(write.value == read.value || write.value.is_unknown()) {
                continue;
            }
            match self.ruling_out(write, read.start, read.end) {
                Some(by) => wrong = Wrong::OverwrittenBy(by),
                None if write.dead => {}
                None => {
                    is_certain = found.is_none();
                    found = Some(index);
                }
            }
        }
        let index = found.ok_or(wrong)?;
        Ok(is_certain.then_some(index))
    }

    fn ruling_out(&self, write: &Write, start: Tick, end: Tick) -> Option<Value> {
        let by = self.0.iter().find(|other| write.is_ruled_out_by(other, start, end));
        by.map(|other| other.value)
    }

    /// A write was answered: it has taken effect.
    pub fn answered(&mut self, start: Tick, now: Tick) {
        if let Some(write) = self.0.iter_mut().find(|write| write.start == start) {
            write.done = write.done.min(now);
        }
    }

    /// A write was refused: it takes no effect, ever. False if a read has surely returned it.
    pub fn refused(&mut self, start: Tick) -> bool {
        // Without an answer only a read can have made it `done`, and only then may it be gone by now.
        let unread = |write: &Write| write.start == start && write.done == NOT_DONE;
        let found = self.0.iter().position(unread);
        if let Some(index) = found {
            self.0.remove(index);
        }
        found.is_some()
    }

    /// True if every value that a read with these times may return is `value`.
    pub fn is_surely(&self, read: Read) -> bool {
        self.may_return(read.start, read.end).all(|write| write.value == read.value)
    }

    /// The writes that a read with these times may return.
    pub fn may_return(&self, start: Tick, end: Tick) -> impl Iterator<Item = &Write> {
        self.0.iter().filter(move |write| {
            let is_own = write.start == start;
            !is_own && !write.dead && self.ruling_out(write, start, end).is_none()
        })
    }

    /// Forgets what no read that starts at `floor` or later may return.
    pub fn prune(&mut self, floor: Tick) {
        if self.0.len() < 2 {
            return;
        }
        for index in 0..self.0.len() {
            let write = self.0[index];
            // One that is not done may yet take effect: never dead, and most of a long list.
            if write.done != NOT_DONE
                && !write.dead
                && self.ruling_out(&write, floor, NOT_DONE).is_some()
            {
                self.0[index].dead = true;
            }
        }
        // A dead write may still rule out others, but only for reads that start before it was done:
        // the others have just been marked.
        self.0.retain(|write| !write.dead || write.done >= floor);
    }

    /// True if every write has surely taken effect: the register waits for reads only.
    pub fn is_done(&self) -> bool {
        self.0.iter().all(|write| write.done != NOT_DONE)
    }

    /// The one value that is left, if there is nothing else to know.
    pub fn settled(&self) -> Option<Value> {
        match self.0[..] {
            [Write { value, done, .. }] if done != NOT_DONE => Some(value),
            _ => None,
        }
    }
}
