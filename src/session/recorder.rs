//! The session so far as a script: what `:save FILE` writes and `amflab exec FILE` runs.
//!
//! A person goes on while an operation is under way, a script waits for it. An operation that was not
//! answered when the next command came is therefore started under a label, and awaited where its answer
//! came. What the session refused, and what was expected and was not so, is kept as a remark.

use crate::protocol::id::{Instant, Span};
use crate::trace::Command;
use crate::trace::action::Action;
use crate::trace::grammar::time_text;
use core::fmt::Write;

/// Most commands that are kept; with the waits between them they fit a script.
const COMMANDS_MAX: usize = 40_000;
/// What the labels begin with that are given here.
const LABEL: &str = "by-hand-";
/// Shorter pauses between two commands are left out.
const PAUSE_MIN: Span = Span::millis(100);

/// Collects what was commanded: keys, clicks and typed lines alike.
#[derive(Clone, Debug)]
pub struct Recorder {
    profile: String,
    seed: u64,
    sets: Vec<String>,
    commands: Vec<Kept>,
    /// Operations that got a label so far.
    labels: u64,
    left_out: u64,
}

/// A command, and what became of it as far as a script must know.
#[derive(Clone, Debug)]
struct Kept {
    at: Instant,
    command: Command,
    /// Why the script does not say it.
    left_out: Option<&'static str>,
}

/// A kept command, to say later what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptId(Option<usize>);

impl Recorder {
    /// For a session that was started with `-p PROFILE --seed SEED --set ...`.
    #[must_use]
    pub fn new(profile: &str, seed: u64, sets: Vec<String>) -> Self {
        Self {
            profile: profile.to_owned(),
            seed,
            sets,
            commands: Vec::new(),
            labels: 0,
            left_out: 0,
        }
    }

    /// Keeps a command that was given at `now`.
    pub fn give(&mut self, now: Instant, command: &Command) -> KeptId {
        if self.commands.len() == COMMANDS_MAX {
            self.left_out += 1;
            return KeptId(None);
        }
        // A recording is of one run; a script makes another.
        let left_out = matches!(command, Command::Act(Action::Record(_))).then_some("not repeated");
        self.commands.push(Kept { at: now, command: command.clone(), left_out });
        KeptId(Some(self.commands.len() - 1))
    }

    /// The session would not do it: the script must not ask for it again.
    pub fn refused(&mut self, kept: KeptId) {
        self.leave_out(kept, "refused");
    }

    /// What was expected was not so, or did not come: it was a question, and its answer is known.
    pub fn failed(&mut self, kept: KeptId) {
        self.leave_out(kept, "failed");
    }

    fn leave_out(&mut self, kept: KeptId, why: &'static str) {
        if let Some(kept) = kept.0.and_then(|at| self.commands.get_mut(at)) {
            kept.left_out = Some(why);
        }
    }

    /// Another command comes while this one is under way: a host operation gets a label.
    pub fn overtaken(&mut self, kept: KeptId) {
        let Some(kept) = kept.0.and_then(|at| self.commands.get_mut(at)) else { return };
        if let Command::Host(host) = &kept.command {
            self.labels += 1;
            kept.command = Command::Start(format!("{LABEL}{}", self.labels), host.clone());
        }
    }

    /// A command is through; one with a label is awaited here.
    pub fn ended(&mut self, now: Instant, kept: KeptId) {
        let Some(kept) = kept.0.and_then(|at| self.commands.get(at)) else { return };
        if let Command::Start(label, _) = &kept.command
            && label.starts_with(LABEL)
        {
            let awaited = Command::Await(label.clone());
            self.give(now, &awaited);
        }
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
        let mut before = self.commands.first().map_or(Instant(0), |kept| kept.at);
        for Kept { at, command, left_out } in &self.commands {
            if let Some(why) = left_out {
                let _ = writeln!(text, "# {why}: {command}");
                continue;
            }
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
