//! Numbers the steps of a live run, and hands them to whoever records them.
//!
//! A number is drawn while the mutex of the machine that handles the step is held, so a message is
//! always numbered after the input that sent it: in the order of their numbers the steps are a valid
//! log of one World. While recording, time is read under the queue's own lock, so it never decreases.
//!
//! A step enters the queue with its number and leaves it, in order, once its machine has put out
//! everything: its [`Ticket`] brings the digest of that. A thread of its own encodes and writes. The
//! queue is bounded: when it is full, whoever brings a step waits for the disk, because a recording
//! with a gap is worth nothing. A disk that stands still for [`WAIT_MAX`] ends the recording, with the
//! reason in it and on the screen, because a cluster that stands still is no better.

mod writer;

use super::clock::Clock;
use crate::protocol::Payload;
use crate::protocol::id::Instant;
use crate::protocol::{Record, RequestKind, StoreDone};
use crate::trace::recording::{Outcome, OutputDigest, Recorded, Recorder, RecordingInfo};
use crate::trace::{Step, StepEntry};
use core::hash::Hash;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Steps that wait to be written.
const QUEUE_STEPS_MAX: usize = 32_768;
/// Bytes of content that wait to be written.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// A full queue is waited for so long: less than a lease.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// The writer is woken when so many steps wait ...
const BATCH_STEPS: usize = 1_024;
/// ... or when one has waited for so long.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// A step that is being handled is looked at again after this.
const OPEN_PAUSE: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct StepLog {
    next: AtomicU64,
    on: AtomicBool,
    queue: Mutex<Queue>,
    /// There is room in the queue, or all of it is written.
    room: Condvar,
    /// There is something to write, or the end.
    work: Condvar,
    recorder: Mutex<Recorder>,
    /// What the recorder last said of itself.
    info: Mutex<Option<RecordingInfo>>,
    /// There is a file, which should not be far behind.
    to_file: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    /// Number of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    bytes: usize,
    /// Steps before this number are in the recorder.
    written: u64,
    /// Somebody waits for everything to be written.
    hurry: bool,
    end: Option<End>,
}

#[derive(Debug)]
struct Slot {
    recorded: Recorded,
    /// Machines that have not put out everything.
    open: u32,
    bytes: usize,
}

/// A step that is being handled: takes in its outputs, and closes its slot when it goes.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    log: Option<&'a StepLog>,
    no: u64,
    digest: OutputDigest,
    outcome: Option<Outcome>,
    broke: bool,
}

impl Ticket<'_> {
    /// Nothing of this is recorded.
    pub(crate) const NONE: Ticket<'static> =
        Ticket { log: None, no: 0, digest: OutputDigest::NEW, outcome: None, broke: false };

    /// The step is recorded.
    pub(crate) fn is_on(&self) -> bool {
        self.log.is_some()
    }

    /// The machine's next output.
    pub(crate) fn put(&mut self, output: &impl Hash) {
        if self.log.is_some() {
            self.digest.put(output);
        }
    }

    /// What the real store answered.
    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// The machine contradicted itself: what it has put out before that does not count.
    pub(crate) fn set_broke(&mut self) {
        self.broke = true;
        self.digest = OutputDigest::NEW;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(log) = self.log.take() {
            log.close(self);
        }
    }
}

impl StepLog {
    /// A log whose steps go to `recorder`, if it wants them.
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self {
            next: AtomicU64::new(0),
            on: AtomicBool::new(recorder.is_on()),
            queue: Mutex::default(),
            room: Condvar::new(),
            work: Condvar::new(),
            info: Mutex::new(recorder.info().cloned()),
            to_file: AtomicBool::new(recorder.is_writing()),
            recorder: Mutex::new(recorder),
        }
    }

    /// Draws the next number and reads the clock, for a machine whose mutex is held; `step` is asked
    /// for only while recording. Waits while the queue is full.
    pub(crate) fn number(
        &self,
        clock: &Clock,
        step: impl FnOnce() -> Step,
    ) -> (u64, Instant, Ticket<'_>) {
        if !self.is_recording() {
            return (self.next.fetch_add(1, Ordering::Relaxed), clock.now(), Ticket::NONE);
        }
        self.number_kept(clock, step(), 1, true)
    }

    /// The same for a step that no machine handles. It may belong to one that is being handled, so it
    /// does not wait.
    pub(crate) fn number_loose(
        &self,
        clock: &Clock,
        step: impl FnOnce() -> Step,
    ) -> (u64, Instant) {
        if !self.is_recording() {
            return (self.next.fetch_add(1, Ordering::Relaxed), clock.now());
        }
        let (no, now, _) = self.number_kept(clock, step(), 0, false);
        (no, now)
    }

    fn number_kept(
        &self,
        clock: &Clock,
        step: Step,
        open: u32,
        may_wait: bool,
    ) -> (u64, Instant, Ticket<'_>) {
        let bytes = content_of(&step);
        let mut queue = self.queue();
        if may_wait && queue.is_full() {
            queue = self.wait_for_room(queue);
        }
        let now = clock.now();
        let no = self.next.fetch_add(1, Ordering::Relaxed);
        if !self.is_recording() {
            return (no, now, Ticket::NONE);
        }
        debug_assert_eq!(queue.first + queue.slots.len() as u64, no, "no number is left out");
        let entry = StepEntry { now, step };
        let recorded = Recorded { entry, outcome: None, digest: 0, broke: false };
        queue.bytes += bytes;
        queue.slots.push_back(Slot { recorded, open, bytes });
        // While there is nothing the writer sleeps without a limit; nothing but a file is in a hurry.
        let first = queue.slots.len() == 1 && self.to_file.load(Ordering::Relaxed);
        if first || queue.slots.len() == BATCH_STEPS {
            self.work.notify_one();
        }
        drop(queue);
        let log = (open > 0).then_some(self);
        let digest = OutputDigest::NEW;
        (no, now, Ticket { log, no, digest, outcome: None, broke: false })
    }

    fn wait_for_room<'a>(&'a self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.work.notify_one();
        let full = |queue: &mut Queue| queue.is_full() && queue.end.is_none();
        let waited = self.room.wait_timeout_while(queue, WAIT_MAX, full);
        let (mut queue, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() && self.is_recording() {
            let why = "the disk did not take the steps as fast as they came";
            queue.give_up(&self.on, End::Cut(why.to_owned()));
            let mut info = self.info.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(info) = info.as_mut().filter(|info| info.on) {
                info.on = false;
                info.trouble = Some(format!("{}: recording ended: {why}", info.file));
            }
            self.work.notify_one();
        }
        queue
    }

    /// A step concerns so many machines more.
    pub(crate) fn expect_more(&self, no: u64, more: u32) {
        let mut queue = self.queue();
        if let Some(slot) = queue.slot(no) {
            slot.open += more;
        }
    }

    /// A further machine's part of a step that [expects](Self::expect_more) it.
    pub(crate) fn part(&self, no: u64) -> Ticket<'_> {
        let log = self.is_recording().then_some(self);
        Ticket { log, no, digest: OutputDigest::NEW, outcome: None, broke: false }
    }

    fn close(&self, ticket: &mut Ticket<'_>) {
        let mut queue = self.queue();
        let Some(slot) = queue.slot(ticket.no) else { return };
        slot.open = slot.open.saturating_sub(1);
        let recorded = &mut slot.recorded;
        recorded.digest = recorded.digest.wrapping_add(ticket.digest.finish());
        recorded.broke |= ticket.broke;
        let mut bytes = 0;
        if let Some(outcome) = ticket.outcome.take() {
            if let Outcome::Full(Ok(StoreDone::Got(Some(Record { data, .. })))) = &outcome {
                bytes = data.len() as usize;
            }
            recorded.outcome = Some(outcome);
        }
        slot.bytes += bytes;
        queue.bytes += bytes;
        if queue.hurry || queue.end.is_some() {
            self.work.notify_one();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Steps so far.
    pub(crate) fn count(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Steps are recorded, or kept for a recording that begins later.
    pub(crate) fn is_recording(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// How the recording stands. Does not wait for the disk.
    pub(crate) fn info(&self) -> Option<RecordingInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, recorder: &Recorder) {
        let info = recorder.info().cloned();
        self.to_file.store(recorder.is_writing(), Ordering::Relaxed);
        *self.info.lock().unwrap_or_else(PoisonError::into_inner) = info;
    }
}

/// Why there will be no more steps.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// The run is over.
    Run,
    /// Nobody wants them any more.
    Off,
    /// The recording could not go on.
    Cut(String),
}

impl Queue {
    fn is_full(&self) -> bool {
        self.slots.len() >= QUEUE_STEPS_MAX || self.bytes >= QUEUE_BYTES_MAX
    }

    fn drain(&mut self, count: usize, batch: &mut Vec<Recorded>) {
        let gone: usize = self.slots.iter().take(count).map(|slot| slot.bytes).sum();
        self.bytes -= gone;
        self.first += count as u64;
        batch.extend(self.slots.drain(..count).map(|slot| slot.recorded));
    }

    /// What waits is not wanted any more.
    fn give_up(&mut self, on: &AtomicBool, end: End) {
        on.store(false, Ordering::SeqCst);
        self.slots.clear();
        self.bytes = 0;
        self.end.get_or_insert(end);
    }

    fn slot(&mut self, no: u64) -> Option<&mut Slot> {
        let at = usize::try_from(no.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at)
    }
}

/// Bytes of real content that a step keeps in memory.
fn content_of(step: &Step) -> usize {
    match step {
        Step::Host { request, .. } => match &request.kind {
            RequestKind::Write(_, Payload::Bytes(bytes))
            | RequestKind::WriteFua(_, Payload::Bytes(bytes)) => bytes.len(),
            RequestKind::CompareAndWrite { old, new, .. } => (old.len() + new.len()) as usize,
            RequestKind::Write(_, Payload::Stamp { .. })
            | RequestKind::WriteFua(_, Payload::Stamp { .. })
            | RequestKind::Read(_)
            | RequestKind::Zero(_)
            | RequestKind::Flush => 0,
        },
        Step::Deliver { .. }
        | Step::Lose { .. }
        | Step::Tick { .. }
        | Step::Store { .. }
        | Step::Journal { .. }
        | Step::Control(_) => 0,
    }
}
