//! The session so far as a script: what `:save FILE` writes and `amflab exec FILE` runs.

use crate::protocol::id::{Instant, Span};
use crate::trace::Command;
use crate::trace::grammar::time_text;
use core::fmt::Write;

/// Most commands that are kept; with the waits between them they fit a script.
const COMMANDS_MAX: usize = 40_000;
/// Shorter pauses between two commands are left out.
const PAUSE_MIN: Span = Span::millis(100);

/// Collects what was commanded: keys, clicks and typed lines alike.
#[derive(Clone, Debug)]
pub struct Recorder {
    profile: String,
    seed: u64,
    sets: Vec<String>,
    commands: Vec<(Instant, Command)>,
    left_out: u64,
}

impl Recorder {
    /// For a session that was started with `-p PROFILE --seed SEED --set ...`.
    #[must_use]
    pub fn new(profile: &str, seed: u64, sets: Vec<String>) -> Self {
        Self { profile: profile.to_owned(), seed, sets, commands: Vec::new(), left_out: 0 }
    }

    /// Keeps a command that was given at `now`.
    pub fn give(&mut self, now: Instant, command: &Command) {
        if self.commands.len() == COMMANDS_MAX {
            self.left_out += 1;
            return;
        }
        self.commands.push((now, command.clone()));
    }

    /// How many commands are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// True if nothing was commanded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The script.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("# profile: {}\n# seed: {}\n", self.profile, self.seed);
        for set in &self.sets {
            let _ = writeln!(text, "# set: {set}");
        }
        text.push('\n');
        let mut before = self.commands.first().map_or(Instant(0), |(at, _)| *at);
        for (at, command) in &self.commands {
            let pause = at.since(before);
            if pause >= PAUSE_MIN && !matches!(command, Command::Wait(_)) {
                let ms = Span::millis(pause.as_millis());
                let _ = writeln!(text, "wait {}", time_text(ms));
            }
            let _ = writeln!(text, "{command}");
            before = *at;
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "# {} later commands were not kept", self.left_out);
        }
        text
    }
}
