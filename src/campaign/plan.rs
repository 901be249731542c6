//! A plan: everything that a run was, as a script that `amflab exec` repeats. The head says profile, seed
//! and keys; the rest is commands. What was random inside the simulator comes from the seed.

use crate::profile::{self, Profile, ProfileError};
use crate::trace::action::Action;
use crate::trace::grammar::Head;
use crate::trace::{Command, Limits, parse_script};
use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::path::Path;

/// The profile of a script that names none.
const PROFILE: &str = "demo";

/// Why a script is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// What its head sets is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// What is wrong with its commands, line by line.
    #[error("{0}")]
    Script(String),
}

/// A run that can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The profile that keys are set on: a built-in name or a path.
    pub profile: String,
    /// `key=value`, in order; later ones win.
    pub sets: Vec<String>,
    /// Seed of what is random inside the simulator.
    pub seed: u64,
    /// What is done, in order.
    pub commands: Vec<Command>,
}

impl Plan {
    /// A script as a plan: its head says profile, keys and seed; `sets` win over the head's. `name` is what
    /// to call it in messages, and `@FILE` is looked for from `base`. Expected traces are left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_script(text: &str, name: &str, base: &Path, sets: &[String]) -> Result<Self, NoPlan> {
        let head = Head::of(text);
        let spec = head.profile.unwrap_or_else(|| PROFILE.to_owned());
        let sets: Vec<String> = head.sets.iter().chain(sets).cloned().collect();
        let profile = profile::load(&spec, &sets)?;
        let script = parse_script(text, name, &Limits::of(&profile, base)).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            NoPlan::Script(errors.join("\n"))
        })?;
        let commands = script.entries.into_iter().map(|entry| entry.command).collect();
        Ok(Self { profile: spec, sets, seed: head.seed.unwrap_or(profile.seed), commands })
    }

    /// The profile with the keys set.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn load(&self) -> Result<Profile, ProfileError> {
        let mut profile = profile::load(&self.profile, &self.sets)?;
        profile.seed = self.seed;
        Ok(profile)
    }

    /// The keys that are set, the last value of each.
    #[must_use]
    pub fn keys(&self) -> BTreeMap<String, String> {
        let pairs = self.sets.iter().filter_map(|set| set.split_once('='));
        pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
    }

    /// The plan with these keys instead.
    #[must_use]
    pub fn with_keys(&self, keys: &BTreeMap<String, String>) -> Self {
        let sets = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Self { sets, ..self.clone() }
    }

    /// A rule is broken on purpose.
    #[must_use]
    pub fn is_defective(&self) -> bool {
        let command = |command: &Command| matches!(command, Command::Act(Action::Defect(_, true)));
        self.keys().get("defect").is_some_and(|name| name.trim_matches('"') != "none")
            || self.commands.iter().any(command)
    }

    /// The plan with every rule whole.
    #[must_use]
    pub fn healthy(&self) -> Self {
        let mut keys = self.keys();
        keys.remove("defect");
        let mut healthy = self.with_keys(&keys);
        healthy.commands.retain(|command| !matches!(command, Command::Act(Action::Defect(..))));
        healthy
    }

    /// The script, with these remarks at its head.
    #[must_use]
    pub fn script(&self, remarks: &[String]) -> String {
        let mut out = String::new();
        for remark in remarks.iter().flat_map(|remark| remark.lines()) {
            let _ = writeln!(out, "# {remark}");
        }
        let _ = writeln!(out, "# profile: {}", self.profile);
        let _ = writeln!(out, "# seed: {}", self.seed);
        for set in &self.sets {
            let _ = writeln!(out, "# set: {set}");
        }
        out.push('\n');
        for command in &self.commands {
            let _ = writeln!(out, "{command}");
        }
        out
    }
}
