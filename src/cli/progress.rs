//! A bar for what takes longer than a second; only on a terminal, on standard error.

use crate::protocol::id::Span;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
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
        Self { look_every: 1, ..Self::new(Some(total)) }
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
        let total = self.total;
        let bar = self.bar.get_or_insert_with(|| make(total, template));
        bar.set_position(done);
        if let Some(what) = self.waiting {
            bar.set_message(what);
        }
        if self.is_time {
            let per_second = u128::from(self.requests) * 1_000 / self.begun.elapsed().as_millis();
            bar.set_message(format!("{} requests {per_second}/s", self.requests));
        }
    }

    /// Takes the bar off the screen.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn make(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(template) {
        // A rate has no digits behind the point.
        let rate = |state: &ProgressState, out: &mut dyn core::fmt::Write| {
            let _ = write!(out, "{:.0}/s", state.per_sec());
        };
        bar.set_style(style.progress_chars("=> ").with_key("per_sec", rate));
    }
    bar
}
