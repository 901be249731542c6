//! The thread that takes the steps of a live run out of their queue, in order, and writes them; and how
//! a recording begins and ends.

use super::{BATCH_STEPS, End, FLUSH_EVERY, OPEN_PAUSE, Queue, StepLog, WAIT_MAX};
use crate::trace::recording::Recorded;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

impl StepLog {
    /// The thread that writes; `None` if there will never be anything.
    pub(crate) fn spawn(self: &Arc<Self>) -> std::io::Result<Option<JoinHandle<()>>> {
        if !self.is_recording() {
            return Ok(None);
        }
        let log = Arc::clone(self);
        let write = move || log.write();
        std::thread::Builder::new().name("recorder".to_owned()).spawn(write).map(Some)
    }

    fn write(&self) {
        let mut batch = Vec::new();
        loop {
            let end = self.take(&mut batch);
            let mut recorder = self.recorder();
            for recorded in &batch {
                recorder.push(recorded);
            }
            recorder.flush();
            let mut queue = self.queue();
            queue.written += batch.len() as u64;
            batch.clear();
            if end.is_none() && !recorder.is_on() {
                queue.give_up(&self.on, End::Off);
            }
            drop(queue);
            match &end {
                Some(End::Run) => drop(recorder.stop("the run ended")),
                Some(End::Cut(why)) => recorder.cut_short(why),
                Some(End::Off) | None => {}
            }
            self.tell(&recorder);
            drop(recorder);
            self.room.notify_all();
            if end.is_some() {
                return;
            }
        }
    }

    /// Waits for steps that are done, and takes them, in order; and the end, if there will be no more.
    fn take(&self, batch: &mut Vec<Recorded>) -> Option<End> {
        let mut queue = self.queue();
        let mut due = false;
        loop {
            let done = queue.slots.iter().take_while(|slot| slot.open == 0).count();
            if queue.end.is_some() && done == queue.slots.len() {
                queue.drain(done, batch);
                return queue.end.clone();
            }
            let wanted = due || queue.hurry || queue.slots.len() >= BATCH_STEPS;
            if wanted && done > 0 {
                queue.drain(done, batch);
                queue.hurry &= !queue.slots.is_empty();
                return None;
            }
            queue.hurry &= !queue.slots.is_empty();
            let time = match (wanted, queue.slots.is_empty()) {
                // The first of them is being handled.
                (true, false) => Some(OPEN_PAUSE),
                (false, false) if self.to_file.load(Ordering::Relaxed) => Some(FLUSH_EVERY),
                (true | false, _) => None,
            };
            if let Some(time) = time {
                let slept = self.work.wait_timeout(queue, time);
                let (guard, timeout) = slept.unwrap_or_else(PoisonError::into_inner);
                due |= timeout.timed_out();
                queue = guard;
            } else {
                due = false;
                queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Waits until everything up to now is in the recorder, at most [`WAIT_MAX`].
    fn catch_up(&self) {
        let upto = self.count();
        let mut queue = self.queue();
        queue.hurry = true;
        self.work.notify_one();
        let behind = |queue: &mut Queue| queue.written < upto && queue.end.is_none();
        drop(self.room.wait_timeout_while(queue, WAIT_MAX, behind));
    }

    /// Records into a new file from the first step of the run on.
    pub(crate) fn start(&self, path: &Path) -> Result<(), String> {
        let mut recorder = self.recorder();
        if !self.is_recording() {
            recorder.miss();
        }
        let started = recorder.start(path);
        self.tell(&recorder);
        self.work.notify_one();
        started
    }

    /// Ends the recording in order.
    pub(crate) fn stop(&self, why: &str) -> Result<(), String> {
        self.catch_up();
        let mut recorder = self.recorder();
        let stopped = recorder.stop(why);
        self.tell(&recorder);
        stopped
    }

    /// The recording cannot be whole any more.
    pub(crate) fn cut_short(&self, why: &str) {
        self.queue().give_up(&self.on, End::Cut(why.to_owned()));
        self.work.notify_one();
    }

    /// The run is over: everything is written, the file gets its end, the thread ends.
    pub(crate) fn end(&self, thread: Option<JoinHandle<()>>) {
        let Some(thread) = thread else { return };
        self.queue().end.get_or_insert(End::Run);
        self.work.notify_one();
        let _ = thread.join();
    }
}
