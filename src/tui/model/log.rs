//! The log: what engine and console remark. A line about a step of the run is linked with the ladder and
//! the timeline: selecting it moves their cursor there, and where they are its lines are marked.

use super::super::fuzzy::Filter;
use super::{Model, Pane};
use std::collections::{BTreeMap, VecDeque};
use tui_logger::LevelFilter;

/// Lines kept.
pub const LINES_MAX: usize = 2_000;

/// Who writes to it, as far as is known from the start.
pub const SOURCES: [&str; 7] = ["check", "command", "console", "fault", "note", "panic", "view"];

/// How much a line matters, what matters most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something broke.
    Error,
    /// Something is wrong.
    Warn,
    /// Something happened.
    Info,
}

impl LogLevel {
    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Error => 'E',
            Self::Warn => 'W',
            Self::Info => 'I',
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its own number.
    pub id: u64,
    /// How much it matters.
    pub level: LogLevel,
    /// Who wrote it.
    pub source: String,
    /// In words.
    pub text: String,
    /// The run and the step that it is about.
    pub step: Option<(String, u64)>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Log {
    lines: VecDeque<LogLine>,
    next: u64,
    /// The selected line; `None`: it goes with the ladder, or shows the newest.
    pub cursor: Option<u64>,
    /// What of each source is shown.
    pub levels: BTreeMap<String, LevelFilter>,
    /// The selected source.
    pub source_at: usize,
}

impl Default for Log {
    fn default() -> Self {
        let levels = SOURCES.iter().map(|source| ((*source).to_owned(), LevelFilter::Info));
        Self {
            lines: VecDeque::new(),
            next: 0,
            cursor: None,
            levels: levels.collect(),
            source_at: 0,
        }
    }
}

impl Log {
    /// A line more. One about a step of a recording (`sorted`) is there once, however often that step is
    /// passed, and stands behind those before it.
    pub fn push(
        &mut self,
        level: LogLevel,
        source: &str,
        text: String,
        step: Option<(String, u64)>,
        sorted: bool,
    ) {
        let mut at = self.lines.len();
        if let Some((run, step)) = step.as_ref().filter(|_| sorted) {
            let of = |line: &LogLine| match &line.step {
                Some((other, at)) if other == run => Some(*at),
                _ => None,
            };
            let is_known = |line: &LogLine| of(line) == Some(*step) && line.text == text;
            if self.lines.iter().any(is_known) {
                return;
            }
            let after = self.lines.iter().position(|line| of(line).is_some_and(|at| at > *step));
            at = after.unwrap_or(at);
        }
        if !self.levels.contains_key(source) {
            self.levels.insert(source.to_owned(), LevelFilter::Info);
        }
        let line = LogLine { id: self.next, level, source: source.to_owned(), text, step };
        self.next += 1;
        self.lines.insert(at, line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    /// The line with this number.
    #[must_use]
    pub fn line(&self, id: u64) -> Option<&LogLine> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// The screen is about another cluster: what was said of steps is about others.
    pub fn unlink(&mut self) {
        self.lines.iter_mut().for_each(|line| line.step = None);
        self.cursor = None;
    }

    /// What of a source is shown.
    #[must_use]
    pub fn level_of(&self, source: &str) -> LevelFilter {
        self.levels.get(source).copied().unwrap_or(LevelFilter::Info)
    }

    /// The selected source.
    #[must_use]
    pub fn source(&self) -> &str {
        self.levels.keys().nth(self.source_at).map_or("", String::as_str)
    }

    /// So many sources on.
    pub fn next_source(&mut self, by: isize) {
        let last = self.levels.len().saturating_sub(1);
        self.source_at = self.source_at.saturating_add_signed(by).min(last);
    }

    /// Less of the selected source: no remarks, then errors only, then nothing, then all again.
    pub fn less(&mut self) {
        let source = self.source().to_owned();
        if let Some(level) = self.levels.get_mut(&source) {
            *level = match *level {
                LevelFilter::Off => LevelFilter::Info,
                LevelFilter::Error => LevelFilter::Off,
                LevelFilter::Warn => LevelFilter::Error,
                LevelFilter::Info | LevelFilter::Debug | LevelFilter::Trace => LevelFilter::Warn,
            };
        }
    }

    fn lets_through(&self, line: &LogLine) -> bool {
        let needs = match line.level {
            LogLevel::Error => LevelFilter::Error,
            LogLevel::Warn => LevelFilter::Warn,
            LogLevel::Info => LevelFilter::Info,
        };
        self.level_of(&line.source) >= needs
    }
}

impl Model {
    /// Writes to the log, about a step of the run that is shown if there is one.
    pub fn write_log(&mut self, level: LogLevel, source: &str, text: String, step: Option<u64>) {
        let step = step.map(|step| (self.run_name().to_owned(), step));
        let sorted = self.is_recording();
        self.log.push(level, source, text, step, sorted);
    }

    /// Lines that are shown, oldest first.
    #[must_use]
    pub fn log_lines(&self) -> Vec<&LogLine> {
        let filter = Filter::new(self.filter_of(Pane::Log));
        let words = |line: &LogLine| {
            let step = self.step_of(line).map_or_else(String::new, |step| format!("step{step}"));
            format!("{} {step} {}", line.source, line.text)
        };
        let shows = |line: &&LogLine| self.log.lets_through(line) && filter.matches(&words(line));
        self.log.lines.iter().filter(shows).collect()
    }

    /// The step of the run that is shown which a line is about.
    #[must_use]
    pub fn step_of(&self, line: &LogLine) -> Option<u64> {
        line.step.as_ref().filter(|(run, _)| run == self.run_name()).map(|(_, step)| *step)
    }

    /// The step at which the ladder's cursor was put; `None`: it follows what is new.
    #[must_use]
    pub fn ladder_step(&self) -> Option<u64> {
        self.ladder.cursor.map(|cursor| cursor.step)
    }
}
