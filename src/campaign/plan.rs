//! A plan: everything that a run was, as a script that `amflab exec` repeats. The head says profile, seed
//! and keys; the rest is commands. What was random inside the simulator comes from the seed.

use crate::profile::{self, Profile, ProfileError};
use crate::trace::Command;
use core::fmt::Write as _;
use std::collections::BTreeMap;

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
        let command = |command: &Command| matches!(command, Command::Defect(_, true));
        self.keys().get("defect").is_some_and(|name| name.trim_matches('"') != "none")
            || self.commands.iter().any(command)
    }

    /// The plan with every rule whole.
    #[must_use]
    pub fn healthy(&self) -> Self {
        let mut keys = self.keys();
        keys.remove("defect");
        let mut healthy = self.with_keys(&keys);
        healthy.commands.retain(|command| !matches!(command, Command::Defect(..)));
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
