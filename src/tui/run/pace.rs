//! When the console wakes, and how much of the cluster's time passes until then. Pure: the caller
//! brings the wall clock.
//!
//! Idle means idle: without news, work outstanding or something due there is one look a second, and
//! none at all while everything is held. Under load there are at most 30 frames a second.

use crate::protocol::id::{Instant, Span};
use std::time::{Duration, Instant as Wall};

/// Between two looks while nothing is going on: leases and refills move slowly. A little more than a
/// second: whoever counts finds at most one in every second.
pub const QUIET: Duration = Duration::from_millis(1_050);
/// Between two looks at commands under way in a cluster that wakes the console.
const TASKS: Duration = Duration::from_millis(50);
/// A generator's next request may be due this soon.
const DUE_MIN: Duration = Duration::from_millis(1);
/// Most wall time that one look may make up for: after a stall or `ctrl-z` the cluster does not race.
const MADE_UP_MAX: Duration = Duration::from_millis(100);

/// How a cluster comes by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The console advances it, by this many thousandths of the wall clock (the tempo).
    Driven,
    /// It runs by itself and wakes the console.
    Waking,
    /// It runs by itself and has to be looked at.
    Polled,
}

/// What the last look at the cluster showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Operations are under way, or events came.
    pub busy: bool,
    /// Commands of this console are under way.
    pub tasks: bool,
    /// Nothing will happen by itself any more.
    pub still: bool,
    /// When something is due on the cluster's clock; [`Instant::NEVER`]: nothing is.
    pub due: Instant,
    /// The cluster's clock.
    pub now: Instant,
    /// Its speed, in thousandths.
    pub tempo: u32,
}

/// When to look again, and how far to go.
#[derive(Clone, Debug)]
pub struct Pace {
    clock: Clock,
    frame: Duration,
    last: Wall,
    /// What was left of the division by the tempo's unit: a slow cluster loses no time to rounding.
    rest: u128,
}

impl Pace {
    /// A pace that begins now; `frame`: the least time between two frames.
    #[must_use]
    pub fn new(clock: Clock, now: Wall, frame: Duration) -> Self {
        Self { clock, frame, last: now, rest: 0 }
    }

    /// Least time between two frames.
    #[must_use]
    pub fn frame(&self) -> Duration {
        self.frame
    }

    /// The same for another cluster, from now on.
    #[must_use]
    pub fn of_another(&self, clock: Clock, now: Wall) -> Self {
        Self::new(clock, now, self.frame)
    }

    /// How the cluster comes by its time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The cluster's time that belongs to the wall time since the last call. `slept`: how long the
    /// console meant to sleep; what goes far beyond is a stall and is not made up for.
    pub fn passed(&mut self, wall: Wall, tempo: u32, slept: Duration) -> Span {
        let since = wall.saturating_duration_since(self.last).min(slept + MADE_UP_MAX);
        self.last = wall;
        let scaled = since.as_nanos() * u128::from(tempo) + self.rest;
        self.rest = scaled % 1_000;
        Span(u64::try_from(scaled / 1_000).unwrap_or(u64::MAX))
    }

    /// Wall time that passed meanwhile does not count.
    pub fn skip(&mut self, wall: Wall) {
        self.last = wall;
    }

    /// How long to sleep after a look; `None`: until something comes.
    #[must_use]
    pub fn sleep(&self, look: &Look) -> Option<Duration> {
        let due = (look.due != Instant::NEVER).then(|| {
            let span = look.due.since(look.now);
            Duration::from_nanos(span.0.saturating_mul(1_000) / u64::from(look.tempo.max(1)))
        });
        match self.clock {
            Clock::Driven if look.still => None,
            Clock::Driven | Clock::Polled => {
                let quiet = if look.busy || look.tasks { self.frame } else { QUIET };
                Some(due.map_or(quiet, |due| due.clamp(self.frame, quiet)))
            }
            Clock::Waking => {
                let quiet = if look.tasks { TASKS } else { QUIET };
                Some(due.map_or(quiet, |due| due.clamp(DUE_MIN, quiet)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(33);

    const LOOK: Look = Look {
        busy: false,
        tasks: false,
        still: false,
        due: Instant::NEVER,
        now: Instant(0),
        tempo: 1_000,
    };

    #[test]
    fn idle_is_one_look_a_second_and_none_while_all_is_held() {
        let pace = Pace::new(Clock::Driven, Wall::now(), FRAME);
        assert_eq!(pace.sleep(&LOOK), Some(QUIET));
        assert_eq!(pace.sleep(&Look { still: true, ..LOOK }), None);
        let waking = Pace::new(Clock::Waking, Wall::now(), FRAME);
        assert_eq!(waking.sleep(&Look { busy: true, ..LOOK }), Some(QUIET));
    }

    #[test]
    fn under_load_there_are_thirty_frames_a_second() {
        let pace = Pace::new(Clock::Driven, Wall::now(), FRAME);
        assert_eq!(pace.sleep(&Look { busy: true, ..LOOK }), Some(FRAME));
        let due = Look { due: Instant(1_000), ..LOOK };
        assert_eq!(pace.sleep(&due), Some(FRAME));
    }

    #[test]
    fn what_is_due_comes_later_at_a_slower_tempo() {
        let pace = Pace::new(Clock::Waking, Wall::now(), FRAME);
        let due = Look { due: Instant(20_000_000), ..LOOK };
        assert_eq!(pace.sleep(&due), Some(Duration::from_millis(20)));
        let slow = Look { tempo: 100, ..due };
        assert_eq!(pace.sleep(&slow), Some(Duration::from_millis(200)));
    }

    #[test]
    fn a_stall_is_not_made_up_for_and_a_slow_tempo_loses_nothing() {
        let start = Wall::now();
        let mut pace = Pace::new(Clock::Driven, start, FRAME);
        let late = start + Duration::from_mins(1);
        assert_eq!(pace.passed(late, 1_000, FRAME), Span::millis(133));
        let mut total = 0;
        for step in 1..=1_000_u64 {
            let wall = late + Duration::from_nanos(step * 333);
            total += pace.passed(wall, 1, FRAME).0;
        }
        assert_eq!(total, 333);
    }
}
