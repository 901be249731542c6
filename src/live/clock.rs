//! The one clock of a live cluster: real time that can be slowed, stopped and stepped, and from which
//! jumps are taken out.
//!
//! Whoever asks for the time reports that the process is alive. If nobody did for longer than half a
//! lease, the process did not run (SIGSTOP, a closed lid, ctrl-z): that time is taken out, so that it
//! never becomes an eviction. The timer asks often enough ([`Clock::heartbeat`]).

use crate::protocol::id::{Instant, Span};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tempo of a clock that runs as real time does, in thousandths.
pub(crate) const TEMPO_FULL: u32 = 1_000;
/// How exact the record of who asked last is; saves writing it on each call.
const SEEN_EVERY_NS: u64 = 10_000_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: std::time::Instant,
    /// Odd while the three below change.
    turn: AtomicU64,
    /// Real nanoseconds since `origin` ...
    real: AtomicU64,
    /// ... at which the cluster's clock showed this ...
    shown: AtomicU64,
    /// ... and since when it runs at this many thousandths; 0: it stands still.
    speed: AtomicU64,
    /// Real nanoseconds at which somebody last asked.
    seen: AtomicU64,
    jump_ns_max: u64,
    set: Mutex<Setting>,
}

#[derive(Debug)]
struct Setting {
    tempo: u32,
    stopped: bool,
    removed: Span,
}

impl Clock {
    /// Starts at zero. A gap of more than half of `lease` is a jump.
    pub(crate) fn new(lease: Span) -> Self {
        Self {
            origin: std::time::Instant::now(),
            turn: AtomicU64::new(0),
            real: AtomicU64::new(0),
            shown: AtomicU64::new(0),
            speed: AtomicU64::new(u64::from(TEMPO_FULL)),
            seen: AtomicU64::new(0),
            jump_ns_max: (lease.0 / 2).max(2 * SEEN_EVERY_NS),
            set: Mutex::new(Setting { tempo: TEMPO_FULL, stopped: false, removed: Span(0) }),
        }
    }

    /// The cluster's time. Never goes back.
    pub(crate) fn now(&self) -> Instant {
        let real = self.real_ns();
        if real.saturating_sub(self.seen.load(Ordering::Relaxed)) > SEEN_EVERY_NS {
            self.look(real);
        }
        self.at(real)
    }

    /// Somebody must ask for the time at least this often, or the gap counts as a jump.
    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_nanos(self.jump_ns_max / 2)
    }

    /// Real time until the clock shows `until`; `None` while it stands still.
    pub(crate) fn wait_for(&self, until: Instant) -> Option<Duration> {
        let speed = self.speed.load(Ordering::Relaxed);
        if speed == 0 {
            return None;
        }
        let left = u128::from(until.since(self.now()).0) * u128::from(TEMPO_FULL);
        let real = left / u128::from(speed);
        Some(Duration::from_nanos(u64::try_from(real).unwrap_or(u64::MAX)))
    }

    /// Sets the speed, in thousandths of real time (1 to 1000).
    pub(crate) fn set_tempo(&self, tempo: u32) {
        let mut set = self.setting();
        set.tempo = tempo.clamp(1, TEMPO_FULL);
        self.run_from_now(&set, Span(0));
    }

    /// The speed in thousandths, also while the clock stands still.
    pub(crate) fn tempo(&self) -> u32 {
        self.setting().tempo
    }

    /// Stops the clock, or lets it go on where it stopped.
    pub(crate) fn stop(&self, stopped: bool) {
        let mut set = self.setting();
        set.stopped = stopped;
        self.run_from_now(&set, Span(0));
    }

    /// It stands still.
    pub(crate) fn is_stopped(&self) -> bool {
        self.speed.load(Ordering::Relaxed) == 0
    }

    /// Moves the clock on: to the next deadline, in step mode.
    pub(crate) fn skip(&self, span: Span) {
        let set = self.setting();
        self.run_from_now(&set, span);
    }

    /// Time that was taken out since the start.
    pub(crate) fn removed(&self) -> Span {
        self.setting().removed
    }

    fn setting(&self) -> MutexGuard<'_, Setting> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn real_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What the clock shows at `real`; a sequence lock, so that asking takes no lock.
    fn at(&self, real: u64) -> Instant {
        loop {
            let turn = self.turn.load(Ordering::Acquire);
            let from = self.real.load(Ordering::Relaxed);
            let shown = self.shown.load(Ordering::Relaxed);
            let speed = self.speed.load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            if turn.is_multiple_of(2) && turn == self.turn.load(Ordering::Relaxed) {
                let gone = real.saturating_sub(from);
                if speed == u64::from(TEMPO_FULL) {
                    return Instant(shown + gone);
                }
                let slow = u128::from(gone) * u128::from(speed) / u128::from(TEMPO_FULL);
                return Instant(shown + u64::try_from(slow).unwrap_or(u64::MAX));
            }
            std::hint::spin_loop();
        }
    }

    fn look(&self, real: u64) {
        let mut set = self.setting();
        let seen = self.seen.load(Ordering::Relaxed);
        let gap = real.saturating_sub(seen);
        if gap > self.jump_ns_max {
            set.removed = Span(set.removed.0 + gap);
            self.move_to(real, self.at(seen), self.speed.load(Ordering::Relaxed));
        }
        self.seen.fetch_max(real, Ordering::Relaxed);
    }

    /// With the setting locked: goes on from what it shows now, `more` later, at the set speed.
    fn run_from_now(&self, set: &Setting, more: Span) {
        let real = self.real_ns();
        let speed = if set.stopped { 0 } else { u64::from(set.tempo) };
        self.move_to(real, self.at(real) + more, speed);
        self.seen.fetch_max(real, Ordering::Relaxed);
    }

    /// With the setting locked.
    fn move_to(&self, real: u64, shown: Instant, speed: u64) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.real.store(real, Ordering::Relaxed);
        self.shown.store(shown.0, Ordering::Relaxed);
        self.speed.store(speed, Ordering::Relaxed);
        self.turn.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_moves_only_when_told() {
        let clock = Clock::new(Span::secs(2));
        clock.stop(true);
        let shown = clock.now();
        assert_eq!(clock.wait_for(shown + Span(1)), None);
        assert_eq!(clock.now(), shown);
        clock.skip(Span::secs(5));
        assert_eq!(clock.now(), shown + Span::secs(5));
        clock.stop(false);
        assert!(clock.now() >= shown + Span::secs(5));
    }

    #[test]
    fn a_jump_is_taken_out() {
        let clock = Clock::new(Span::secs(2));
        let lived = clock.real_ns() + 400_000_000;
        clock.look(lived);
        clock.look(lived + 3_000_000_000);
        assert_eq!(clock.removed(), Span::secs(3));
        assert_eq!(clock.at(lived + 3_000_000_000).0, lived);
        assert_eq!(clock.at(lived + 3_500_000_000).0, lived + 500_000_000);
    }

    #[test]
    fn a_slow_clock_shows_less() {
        let clock = Clock::new(Span::secs(2));
        clock.set_tempo(10);
        let (real, shown) = (clock.real_ns(), clock.at(clock.real_ns()));
        let later = clock.at(real + 1_000_000_000);
        assert!(later.since(shown) <= Span::millis(10), "{later:?}");
        assert!(clock.wait_for(later).is_some_and(|wait| wait > Duration::from_millis(900)));
    }
}
