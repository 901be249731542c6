//! A bar for what takes longer than a second; only on a terminal, on standard error.

use crate::protocol::id::Span;
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shorter runs have no bar.
const AFTER: Duration = Duration::from_secs(1);
/// Requests between two looks at the clock.
const LOOK_EVERY: u64 = 1_024;
/// Milliseconds of the cluster's time between two of them.
const LOOK_MS: u64 = 20;

/// How far a run is.
pub(super) struct Progress {
    begun: Instant,
    is_wanted: bool,
    total: Option<u64>,
    /// What is counted is bytes.
    is_bytes: bool,
    /// What is counted is milliseconds, and how many requests they had.
    is_time: bool,
    requests: u64,
    /// What is waited for, if nothing can be counted.
    waiting: Option<&'static str>,
    bar: Option<ProgressBar>,
    next: u64,
    /// Things between two looks at the clock.
    look_every: u64,
}

impl Progress {
    /// Of a run with so many requests, if that is known.
    pub(super) fn new(total: Option<u64>) -> Self {
        let is_wanted = std::io::stderr().is_terminal();
        Self {
            begun: Instant::now(),
            is_wanted,
            total,
            is_bytes: false,
            is_time: false,
            requests: 0,
            waiting: None,
            bar: None,
            next: 0,
            look_every: LOOK_EVERY,
        }
    }

    /// Of a file that is read, so many bytes long.
    pub(super) fn of_bytes(total: u64) -> Self {
        Self { is_bytes: true, ..Self::new(Some(total)) }
    }

    /// Of something that is over when it is.
    pub(super) fn waiting(what: &'static str) -> Self {
        Self { waiting: Some(what), ..Self::new(None) }
    }

    /// Nobody is told.
    pub(super) fn none() -> Self {
        Self { is_wanted: false, ..Self::new(None) }
    }

    /// Of things that take so long that a look at the clock after each costs nothing.
    pub(super) fn of_few(total: u64) -> Self {
        Self { look_every: 0, ..Self::new(Some(total)) }
    }

    /// Of a run that ends after so many requests, or after a time on the cluster's clock.
    pub(super) fn of_run(ops: Option<u64>, duration: Option<Span>) -> Self {
        match (ops, duration) {
            (None, Some(duration)) => Self {
                is_time: true,
                look_every: LOOK_MS,
                ..Self::new(Some(duration.as_millis().max(1)))
            },
            (ops, _) => Self::new(ops),
        }
    }

    /// So many requests are done, at this time of the run.
    pub(super) fn at_time(&mut self, done: u64, time: Span) {
        if self.is_time {
            self.requests = done;
            self.at(time.as_millis());
        } else {
            self.at(done);
        }
    }

    /// So many requests are done.
    pub(super) fn at(&mut self, done: u64) {
        if !self.is_wanted || done < self.next {
            return;
        }
        // A run with an end may be fast: then the clock is too expensive to be asked each time.
        self.next = if self.total.is_some() { done + self.look_every } else { done };
        if self.begun.elapsed() < AFTER {
            return;
        }
        let template = match self.total {
            None if self.waiting.is_some() => "{elapsed} {spinner} {msg}",
            None => "{elapsed} {human_pos} requests {per_sec}",
            Some(_) if self.is_bytes => {
                "{elapsed} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
            }
            Some(_) if self.is_time => "{elapsed} [{wide_bar}] {percent} % {msg} {eta} left",
            Some(_) => "{elapsed} [{wide_bar}] {human_pos}/{human_len} {per_sec} {eta} left",
        };
        let (total, begun) = (self.total, self.begun);
        let bar = self.bar.get_or_insert_with(|| make(total, template, begun));
        bar.set_position(done);
        if let Some(what) = self.waiting {
            bar.set_message(what);
        }
        if self.is_time {
            let rate = per_second(self.requests, self.begun.elapsed());
            bar.set_message(format!("{} requests {rate}/s", self.requests));
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A bar of what began then. Its rates are those since then: what was done before there was a bar would
/// count as done at once, and be forgotten only slowly.
fn make(total: Option<u64>, template: &str, begun: Instant) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let bar = bar.with_elapsed(begun.elapsed());
    if let Ok(style) = ProgressStyle::with_template(template) {
        let count_rate = |state: &ProgressState, out: &mut dyn core::fmt::Write| {
            let _ = write!(out, "{}/s", rate(state.pos(), state.elapsed()));
        };
        let byte_rate = |state: &ProgressState, out: &mut dyn core::fmt::Write| {
            let rate = per_second(state.pos(), state.elapsed());
            let _ = write!(out, "{}/s", HumanBytes(rate));
        };
        let left = |state: &ProgressState, out: &mut dyn core::fmt::Write| {
            let _ = match time_left(state.pos(), state.len().unwrap_or(0), state.elapsed()) {
                Some(left) => write!(out, "{:#}", HumanDuration(left)),
                None => write!(out, "?"),
            };
        };
        let style = style.progress_chars("=> ").with_key("per_sec", count_rate);
        bar.set_style(style.with_key("bytes_per_sec", byte_rate).with_key("eta", left));
    }
    bar
}

fn per_second(done: u64, elapsed: Duration) -> u64 {
    let rate = u128::from(done) * 1_000 / elapsed.as_millis().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The same in words: with a digit behind the point if there are few.
fn rate(done: u64, elapsed: Duration) -> String {
    match per_second(done.saturating_mul(10), elapsed) {
        tenths @ 0..100 => format!("{}.{}", tenths / 10, tenths % 10),
        tenths => (tenths / 10).to_string(),
    }
}

/// How long the rest takes, if it goes on as it did.
fn time_left(done: u64, total: u64, elapsed: Duration) -> Option<Duration> {
    let rest = u128::from(total.saturating_sub(done));
    let millis = (elapsed.as_millis() * rest).checked_div(u128::from(done))?;
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_since_the_beginning() {
        let two = Duration::from_secs(2);
        assert_eq!(per_second(500, two), 250);
        assert_eq!(time_left(500, 2_000, two), Some(Duration::from_secs(6)));
        assert_eq!(time_left(2_000, 2_000, two), Some(Duration::ZERO));
        assert_eq!(time_left(0, 9, two), None);
        assert_eq!(time_left(1, u64::MAX, two), Some(Duration::from_millis(u64::MAX)));
        assert_eq!(per_second(7, Duration::ZERO), 7_000);
        assert_eq!([1, 19, 20, 900].map(|done| rate(done, two)), ["0.5", "9.5", "10", "450"]);
    }
}
