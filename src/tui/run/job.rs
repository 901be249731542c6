//! Work that takes longer than a frame: whole recordings are folded, which is a second for a million steps.
//! It is done in a thread of its own, one at a time, while the console draws and takes keys. What comes of
//! it is what is then to be done here, unless another run is shown meanwhile, or somebody ends it.

use super::super::model::{JobShown, Level};
use super::super::update::Msg;
use super::{Console, ConsoleError};
use crate::session::Session;
use crate::trace::engine::Waker;
use crate::trace::recording::Whole;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

/// What is done so soon is waited for: nobody sees a bar that is gone at once.
const SOON: Duration = Duration::from_millis(25);
/// The bar moves in so many parts.
const PARTS: u64 = 100;

/// What a search says that cannot be made.
pub(super) const NOT_FOUND: &str = "it cannot be looked for";

/// What is to be done once it is through.
pub(super) type Arrival =
    Box<dyn FnOnce(&mut Console, &mut Session) -> Result<(), ConsoleError> + Send>;

/// How far it is.
pub(super) struct Progress {
    /// Bytes to be read in all.
    total: u64,
    read: AtomicU64,
    /// Nobody wants it any more.
    stopped: AtomicBool,
    /// It is through: what it opened is read on.
    through: AtomicBool,
    wake: Waker,
}

impl Progress {
    fn parts(&self) -> u64 {
        let read = self.read.load(Ordering::Relaxed);
        (read.saturating_mul(PARTS) / self.total.max(1)).min(PARTS)
    }

    /// Reads a recording, from its beginning on, as part of this work.
    pub(super) fn read(self: &Arc<Self>, whole: &Whole) -> Reading {
        Reading { whole: whole.again(), progress: Arc::clone(self) }
    }
}

/// A recording that is read as part of some work, and cannot be read any more once that is stopped.
pub(super) struct Reading {
    whole: Whole,
    progress: Arc<Progress>,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { whole, progress } = self;
        if progress.through.load(Ordering::Relaxed) {
            return whole.read(buffer);
        }
        if progress.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        let read = whole.read(buffer)?;
        let before = progress.parts();
        progress.read.fetch_add(read as u64, Ordering::Relaxed);
        if progress.parts() > before {
            (progress.wake)();
        }
        Ok(read)
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.whole.seek(to)
    }
}

/// See the module.
pub(super) struct Job {
    what: String,
    /// What is said if it comes to nothing, before the reason.
    without: &'static str,
    progress: Arc<Progress>,
    arrival: Receiver<Result<Arrival, String>>,
}

impl Drop for Job {
    fn drop(&mut self) {
        self.progress.stopped.store(true, Ordering::Relaxed);
    }
}

/// What is to be done, and how it is told.
pub(super) struct Work {
    /// As in "looking back is under way".
    pub(super) what: String,
    /// As in "this run cannot be looked back at".
    pub(super) without: &'static str,
    /// Bytes that it reads, as far as one can say.
    pub(super) bytes: u64,
}

impl Console {
    /// Some work is under way already: says so. `true`: something else has to wait.
    pub(super) fn is_at_work(&mut self, session: &mut Session) -> Result<bool, ConsoleError> {
        let Some(job) = &self.job else { return Ok(false) };
        let text = format!("{} is under way; esc ends it", job.what);
        self.tell(session, Msg::Say(Level::Info, text))?;
        Ok(true)
    }

    /// Begins some work, and finishes it here if it takes no time.
    pub(super) fn begin_job(
        &mut self,
        session: &mut Session,
        work: Work,
        does: impl FnOnce(&Arc<Progress>) -> Result<Arrival, String> + Send + 'static,
    ) -> Result<(), ConsoleError> {
        let Work { what, without, bytes } = work;
        let (sender, arrival) = mpsc::sync_channel(1);
        let progress = Arc::new(Progress {
            total: bytes,
            read: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            through: AtomicBool::new(false),
            wake: self.inputs.waker(),
        });
        let at_work = Arc::clone(&progress);
        thread::Builder::new().name("console-fold".to_owned()).spawn(move || {
            let done = does(&at_work);
            at_work.through.store(true, Ordering::Relaxed);
            let _ = sender.send(done);
            (at_work.wake)();
        })?;
        let job = Job { what, without, progress, arrival };
        let done = job.arrival.recv_timeout(SOON);
        self.job = Some(job);
        match done {
            Err(RecvTimeoutError::Timeout) => self.show_job(session),
            Ok(done) => self.arrive_with(session, done),
            Err(RecvTimeoutError::Disconnected) => self.arrive_with(session, Err(broke())),
        }
    }

    /// Begins some work that reads all of the run that is shown.
    pub(super) fn begin_reading(
        &mut self,
        session: &mut Session,
        what: String,
        without: &'static str,
        does: impl FnOnce(&Arc<Progress>, &Whole) -> Result<Arrival, String> + Send + 'static,
    ) -> Result<(), ConsoleError> {
        let whole = match session.recorded() {
            Ok(whole) => whole,
            Err(error) => return self.bad(session, &format!("{without}: {error}")),
        };
        let work = Work { what, without, bytes: whole.len() };
        self.begin_job(session, work, move |progress| does(progress, &whole))
    }

    /// Takes in what has come of it, or how far it is.
    pub(super) fn take_job(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(job) = &self.job else { return Ok(()) };
        match job.arrival.try_recv() {
            Err(TryRecvError::Empty) => self.show_job(session),
            Ok(done) => self.arrive_with(session, done),
            Err(TryRecvError::Disconnected) => self.arrive_with(session, Err(broke())),
        }
    }

    fn show_job(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let shown = self.job.as_ref().map(|job| JobShown {
            what: job.what.clone(),
            percent: job.progress.parts() * 100 / PARTS,
        });
        if shown == self.model.job {
            return Ok(());
        }
        self.tell(session, Msg::Job(shown))
    }

    fn arrive_with(
        &mut self,
        session: &mut Session,
        done: Result<Arrival, String>,
    ) -> Result<(), ConsoleError> {
        let without = self.job.take().map_or("it failed", |job| job.without);
        self.show_job(session)?;
        match done {
            Ok(arrival) => arrival(self, session),
            Err(why) => self.bad(session, &format!("{without}: {why}")),
        }
    }

    /// Ends it without anything coming of it.
    pub(super) fn end_job(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(job) = self.job.take() else { return Ok(()) };
        self.show_job(session)?;
        self.tell(session, Msg::Say(Level::Info, format!("{} was ended", job.what)))
    }
}

fn broke() -> String {
    "what did it broke".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Timeline, write_log};

    fn progress(total: u64) -> (Arc<Progress>, Arc<AtomicU64>) {
        let woken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&woken);
        let progress = Progress {
            total,
            read: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            through: AtomicBool::new(false),
            wake: Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        };
        (Arc::new(progress), woken)
    }

    #[test]
    fn it_says_how_far_it_is_and_wakes_for_every_part() {
        let whole = Whole::from(vec![7; 1_000]);
        let (progress, woken) = progress(2_000);
        let mut reading = progress.read(&whole);
        let mut bytes = Vec::new();
        reading.read_to_end(&mut bytes).expect("it is there");
        assert_eq!((bytes.len(), progress.parts()), (1_000, 50));
        assert!((1..=50).contains(&woken.load(Ordering::Relaxed)));
        // Twice the same is all of it, and never more.
        for _ in 0..3 {
            progress.read(&whole).read_to_end(&mut bytes).expect("it is there");
        }
        assert_eq!(progress.parts(), PARTS);
    }

    #[test]
    fn a_fold_ends_once_nobody_wants_it_and_what_is_through_is_read_on() {
        let profile = crate::profile::load("claims", &[]).expect("is built in");
        let mut bytes = Vec::new();
        write_log(&profile, &[], &mut bytes).expect("memory takes it");
        let whole = Whole::from(bytes);
        let (stopped, _) = progress(whole.len());
        stopped.stopped.store(true, Ordering::Relaxed);
        assert!(Timeline::open(stopped.read(&whole), &mut |_| {}).is_err());
        let (through, _) = progress(whole.len());
        let mut timeline = Timeline::open(through.read(&whole), &mut |_| {}).expect("it is whole");
        through.through.store(true, Ordering::Relaxed);
        // The job is gone with its bar.
        through.stopped.store(true, Ordering::Relaxed);
        assert!(timeline.whole().is_ok_and(|again| again.len() == whole.len()));
    }
}
