//! The thread that takes the steps of a live run out of their queue, in order, and writes them; and how
//! a recording begins and ends.

use super::{BATCH_STEPS, End, FLUSH_EVERY, OPEN_PAUSE, Queue, StepLog, WAIT_MAX};
use crate::trace::recording::{Recorded, Whole};
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

    /// The run up to now, as a recording of its own.
    pub(crate) fn so_far(&self) -> Result<Whole, String> {
        self.catch_up();
        let mut recorder = self.recorder();
        let whole = recorder.so_far();
        self.tell(&recorder);
        whole
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

#[cfg(test)]
mod tests {
    use super::super::super::clock::Clock;
    use super::*;
    use crate::profile::Profile;
    use crate::protocol::id::{AmfId, NodeId, Span};
    use crate::trace::Step;
    use crate::trace::recording::{Bounds, Origin, Reader, Recorder, Tail};
    use std::sync::{Condvar, Mutex, MutexGuard};

    /// A disk that stands still until it is let go.
    #[derive(Clone, Default)]
    struct Disk(Arc<(Mutex<State>, Condvar)>);

    #[derive(Default)]
    struct State {
        stands_still: bool,
        bytes: Vec<u8>,
    }

    impl Disk {
        fn state(&self) -> MutexGuard<'_, State> {
            self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl std::io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let stuck = self.0.1.wait_while(self.state(), |state| state.stands_still);
            stuck.unwrap_or_else(PoisonError::into_inner).bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log(disk: &Disk) -> (Arc<StepLog>, Option<JoinHandle<()>>, Clock, Profile) {
        let profile = crate::profile::load("claims", &[]).expect("is built in");
        let cfg = &profile.config;
        let nodes = (cfg.amfs, cfg.disks_all());
        let mut recorder = Recorder::new(profile.head("live", Origin::BLANK), nodes, Bounds::NONE);
        recorder.start_into(Box::new(disk.clone()), "disk".to_owned()).expect("begins");
        let log = Arc::new(StepLog::new(recorder));
        let thread = log.spawn().expect("a thread");
        (log, thread, Clock::new(Span::secs(2)), profile)
    }

    fn read(disk: &Disk, profile: &Profile) -> (u64, Tail) {
        let bytes = disk.state().bytes.clone();
        let mut reader = Reader::new(bytes.as_slice()).expect("a head");
        reader.set_nodes(profile.config.amfs, profile.config.disks_all());
        while reader.next_chunk().expect("is in memory").is_some() {}
        (reader.steps(), reader.tail().clone())
    }

    fn tick() -> Step {
        Step::Tick { node: NodeId::Amf(AmfId(0)) }
    }

    #[test]
    fn steps_leave_in_order_once_their_outputs_are_known() {
        let disk = Disk::default();
        let (log, thread, clock, profile) = log(&disk);
        let (first, _, mut open) = log.number(&clock, tick);
        for no in 1..5_000 {
            assert_eq!(log.number(&clock, tick).0, no);
        }
        assert_eq!(log.number_loose(&clock, tick).0, 5_000);
        assert_eq!((first, log.count()), (0, 5_001));
        assert_eq!(read(&disk, &profile).0, 0, "the first is not done");
        open.put(&7u64);
        drop(open);
        log.end(thread);
        let (steps, tail) = read(&disk, &profile);
        assert!(matches!(tail, Tail::Ended(end) if end.steps == 5_001 && !end.cut_short));
        assert_eq!(steps, 5_001);
    }

    #[test]
    fn a_disk_that_stands_still_ends_the_recording_and_not_the_cluster() {
        let disk = Disk::default();
        let (log, thread, clock, profile) = log(&disk);
        disk.state().stands_still = true;
        let mut given = 0u64;
        while log.is_recording() {
            drop(log.number(&clock, tick));
            given += 1;
        }
        // The writer is still stuck; whoever looks is told all the same.
        let info = log.info().expect("a recording");
        assert!(!info.on && info.trouble.is_some_and(|why| why.contains("did not take")));
        assert_eq!(log.number(&clock, tick).0, given, "it goes on, and is not recorded");
        disk.state().stands_still = false;
        disk.0.1.notify_all();
        log.end(thread);
        let (steps, tail) = read(&disk, &profile);
        let Tail::Ended(end) = tail else { panic!("{tail:?}") };
        assert!(end.cut_short && end.steps == steps && steps < given, "{end:?}");
    }
}
