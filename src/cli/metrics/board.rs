//! Where the driver of a cluster leaves its figures, and whoever is asked for them takes them.

use crate::report::prometheus::Sample;
use crate::trace::engine::Waker;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Wall};

/// A scrape waits so long for new figures; then it has the newest there are, and their age.
const WAIT: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Default)]
pub(in crate::cli) struct Board {
    /// Somebody waits for new figures.
    wanted: AtomicBool,
    newest: Mutex<Newest>,
    put: Condvar,
    /// Wakes a driver that sleeps.
    waker: Mutex<Option<Waker>>,
}

#[derive(Default)]
struct Newest {
    sample: Option<(Arc<Sample>, Wall)>,
    /// Samples so far.
    no: u64,
    /// There will be none for a while.
    is_still: bool,
}

impl Board {
    /// Somebody waits: put a sample.
    pub(in crate::cli) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Puts a sample, if that can be done at once; else it stays wanted.
    pub(in crate::cli) fn put(&self, sample: Sample) {
        if let Ok(newest) = self.newest.try_lock() {
            self.put_into(newest, sample, false);
        }
    }

    /// Puts a sample after which there will be none for a while, or none at all.
    pub(in crate::cli) fn put_still(&self, sample: Sample) {
        // Who holds the lock takes out a pointer, and is gone.
        self.put_into(self.lock(), sample, true);
    }

    fn put_into(&self, mut newest: MutexGuard<'_, Newest>, sample: Sample, is_still: bool) {
        self.wanted.store(false, Ordering::Relaxed);
        newest.sample = Some((Arc::new(sample), Wall::now()));
        newest.no += 1;
        newest.is_still = is_still;
        drop(newest);
        self.put.notify_all();
    }

    /// Who drives the cluster may sleep; this wakes it.
    pub(in crate::cli) fn set_waker(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Asks for new figures, and has the newest after a while, with their age. `None`: there are none yet.
    pub(super) fn take(&self) -> Option<(Arc<Sample>, Duration)> {
        let before = {
            let newest = self.lock();
            if newest.is_still {
                return aged(&newest);
            }
            newest.no
        };
        self.wanted.store(true, Ordering::Relaxed);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker();
        }
        let is_old = |newest: &mut Newest| newest.no == before;
        let waited = self.put.wait_timeout_while(self.lock(), WAIT, is_old);
        let (newest, _) = waited.unwrap_or_else(PoisonError::into_inner);
        aged(&newest)
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn aged(newest: &Newest) -> Option<(Arc<Sample>, Duration)> {
    newest.sample.as_ref().map(|(sample, at)| (Arc::clone(sample), at.elapsed()))
}
