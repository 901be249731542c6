//! Bug hunts: a script wins if a checker fires with the rule broken, and none with the rule whole.

use super::stage::{Trouble, execute, finding, fresh};
use crate::profile::Profile;
use crate::trace::Command;

/// What a checker said about a script, if one fired.
///
/// # Errors
/// The cluster could not go on, and no checker says why.
pub fn found(profile: &Profile, script: &[Command]) -> Result<Option<String>, Trouble> {
    let mut session = fresh(profile)?;
    for command in script {
        match execute(&mut session, command) {
            Ok(_) => {}
            // An assertion of the core is a checker like any other.
            Err(Trouble::Core(text)) => return Ok(Some(format!("core: {text}"))),
            Err(trouble @ Trouble::Engine(_)) => return Err(trouble),
        }
        if let Some(found) = finding(&mut session) {
            return Ok(Some(format!("{}: {}", found.checker, found.text)));
        }
    }
    Ok(None)
}

/// The same cluster with every rule whole.
#[must_use]
pub fn healthy(profile: &Profile) -> Profile {
    let mut healthy = profile.clone();
    healthy.config.defect = None;
    healthy
}

/// How long a script is: what only looks or waits for nothing does not count.
#[must_use]
pub fn length(script: &[Command]) -> usize {
    let counts = |command: &&Command| {
        !matches!(command, Command::Note(_) | Command::Expect(_) | Command::Why(..))
    };
    script.iter().filter(counts).count()
}
