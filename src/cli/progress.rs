//! A bar for what takes longer than a second; only on a terminal, on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shorter runs have no bar.
const AFTER: Duration = Duration::from_secs(1);
/// Requests between two looks at the clock.
const LOOK_EVERY: u64 = 1_024;

/// How far a run is.
pub(super) struct Progress {
    begun: Instant,
    is_wanted: bool,
    total: Option<u64>,
    /// What is counted is bytes.
    is_bytes: bool,
    bar: Option<ProgressBar>,
    next: u64,
    /// Things between two looks at the clock.
    look_every: u64,
}

impl Progress {
    /// Of a run with so many requests, if that is known.
    pub(super) fn new(total: Option<u64>) -> Self {
        let is_wanted = std::io::stderr().is_terminal();
        let (bar, is_bytes) = (None, false);
        let look_every = LOOK_EVERY;
        Self { begun: Instant::now(), is_wanted, total, is_bytes, bar, next: 0, look_every }
    }

    /// Of a file that is read, so many bytes long.
    pub(super) fn of_bytes(total: u64) -> Self {
        Self { is_bytes: true, ..Self::new(Some(total)) }
    }

    /// Of things that take so long that a look at the clock after each costs nothing.
    pub(super) fn of_few(total: u64) -> Self {
        Self { look_every: 1, ..Self::new(Some(total)) }
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
        let (total, is_bytes) = (self.total, self.is_bytes);
        let bar = self.bar.get_or_insert_with(|| make(total, is_bytes));
        bar.set_position(done);
    }

    /// Takes the bar off the screen.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn make(total: Option<u64>, is_bytes: bool) -> ProgressBar {
    let Some(total) = total else {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {human_pos} requests {per_sec}")
        {
            bar.set_style(style);
        }
        return bar;
    };
    let bar = ProgressBar::new(total);
    let template = if is_bytes {
        "{elapsed} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
    } else {
        "{elapsed} [{bar:40}] {human_pos}/{human_len} {per_sec} {eta} left"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
