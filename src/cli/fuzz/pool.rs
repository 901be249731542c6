//! Seeds on all cores. Results are handed over in the order of the seeds, whoever was faster, so that
//! what is reported, and which failure is the first, does not depend on the machine.

use crate::campaign::{SeedResult, Shard, Space, run_seed};
use crate::profile::ProfileError;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Results that came before their turn, and who takes them.
struct Line<'a> {
    waiting: BTreeMap<u64, Result<SeedResult, ProfileError>>,
    /// Offset of the next one in the line.
    next: u64,
    take: &'a mut (dyn FnMut(&SeedResult) -> bool + Send),
    error: Option<ProfileError>,
    over: bool,
}

/// Runs the seeds of a shard until all are done, `take` says false, or somebody interrupts.
pub(super) fn run(
    space: &Space,
    seeds: &Range<u64>,
    shard: Shard,
    interrupted: &AtomicBool,
    take: &mut (dyn FnMut(&SeedResult) -> bool + Send),
) -> Result<(), ProfileError> {
    // Assertions that a broken rule violates are findings: they are told there.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (step, first) = (u64::from(shard.count), u64::from(shard.index) - 1);
    let claimed = AtomicU64::new(0);
    let stopped = AtomicBool::new(false);
    let line =
        Mutex::new(Line { waiting: BTreeMap::new(), next: 0, take, error: None, over: false });
    let work = || {
        loop {
            if stopped.load(Ordering::Relaxed) || interrupted.load(Ordering::Relaxed) {
                return;
            }
            let index = claimed.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = index
                .checked_mul(step)
                .and_then(|offset| seeds.start.checked_add(offset + first))
                .filter(|seed| seeds.contains(seed))
            else {
                return;
            };
            let result = run_seed(space, seed, false);
            let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
            line.waiting.insert(index, result);
            line.go_on();
            stopped.fetch_or(line.over, Ordering::Relaxed);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..cores {
            scope.spawn(work);
        }
        work();
    });
    std::panic::set_hook(hook);
    let line = line.into_inner().unwrap_or_else(PoisonError::into_inner);
    line.error.map_or(Ok(()), Err)
}

impl Line<'_> {
    /// Hands over what is next, as long as it is there.
    fn go_on(&mut self) {
        while !self.over
            && let Some(result) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            match result {
                Ok(result) => self.over |= !(self.take)(&result),
                Err(error) => {
                    self.error = Some(error);
                    self.over = true;
                }
            }
        }
    }
}
