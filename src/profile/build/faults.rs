//! `[[fault]]`: what each says must be a command that makes sense in a schedule.

use super::Check;
use crate::profile::draft::{Draft, FaultDraft};
use crate::profile::faults::{FaultKind, KINDS};
use crate::profile::model::{FaultSaid, FaultSpec, Profile, Strike, Turn};
use crate::protocol::id::{Instant, Span};
use crate::trace::Command;
use crate::trace::action::Action;
use crate::trace::grammar::{Limits, parse_command};

/// A fault that comes again and again does not come more often.
const EVERY_MIN: Span = Span::millis(1);
/// `heal = "never"`: nothing ends it.
const NEVER: &str = "never";

pub(super) fn faults(draft: &Draft, profile: &Profile, check: &mut Check) -> Vec<FaultSpec> {
    let limits = Limits::of(profile, std::path::Path::new("."));
    let mut done = Vec::new();
    for (i, fault) in draft.faults.iter().enumerate() {
        let path = |key: &str| format!("fault[{i}].{key}");
        done.extend(one(fault, profile, &limits, &path, check));
    }
    done.sort_by_key(|fault: &FaultSpec| fault.at);
    done
}

/// The path of a key of the fault that is looked at.
type PathOf<'a> = &'a dyn Fn(&str) -> String;

fn one(
    draft: &FaultDraft,
    profile: &Profile,
    limits: &Limits,
    path: PathOf,
    check: &mut Check,
) -> Option<FaultSpec> {
    let texts = match draft.kind.checked_sub(1) {
        None => {
            let written = |key: &str| check.places.of.contains_key(&path(key));
            let stray = written("target");
            check.must(!stray, &[&path("target")], || "has a meaning only with `kind`".to_owned());
            vec![(draft.command.clone(), String::new())]
        }
        Some(kind) => of_kind(&KINDS[kind], draft, profile, path, check)?,
    };
    let at = if draft.kind == 0 { "command" } else { "target" };
    let mut commands = Vec::new();
    for (strike, own) in texts {
        let command = parsed(&strike, limits, &path(at), check)?;
        let heal = match draft.heal.as_str() {
            NEVER => None,
            "" if own.is_empty() => None,
            "" => Some(parsed(&own, limits, &path(at), check)?),
            text => Some(parsed(text, limits, &path("heal"), check)?),
        };
        commands.push(Strike { command, heal });
    }
    let is_healed = commands.iter().any(|strike| strike.heal.is_some());
    let (every, stability) = (draft.every, draft.stability);
    check.must(draft.every.0 == 0 || draft.every >= EVERY_MIN, &[&path("every")], || {
        format!("{} is too often; allowed: 0, or {EVERY_MIN} and more", draft.every)
    });
    let keys = [path("every"), path("stability")];
    let keys = [keys[0].as_str(), keys[1].as_str()];
    check.must(every.0 == 0 || !is_healed || every > stability, &keys, || {
        format!("it comes again after {every}, when it has not been ended yet ({stability})")
    });
    let command = match (draft.kind, commands.as_slice()) {
        (0, [strike]) => strike.command.to_string(),
        _ => String::new(),
    };
    let (target, heal) = (draft.target.clone(), draft.heal.clone());
    Some(FaultSpec {
        at: Instant(draft.at.0),
        every: Some(every).filter(|every| every.0 > 0),
        commands,
        turn: if target.trim() == "any" { Turn::Drawn } else { Turn::InTurn },
        stability,
        said: FaultSaid { command, kind: draft.kind, target, heal },
    })
}

/// What a kind says, and what it says at the end, for each of its targets.
fn of_kind(
    kind: &FaultKind,
    draft: &FaultDraft,
    profile: &Profile,
    path: PathOf,
    check: &mut Check,
) -> Option<Vec<(String, String)>> {
    let both = check.places.of.contains_key(&path("command"));
    check.must(!both, &[&path("command")], || {
        format!("says what to do, and so does kind = \"{}\": leave one out", kind.name)
    });
    let config = &profile.config;
    let targets: Vec<String> = match draft.target.trim() {
        "each" | "any" => kind.everybody(config),
        some => some.split(',').map(|one| one.trim().to_owned()).collect(),
    };
    let fits = |target: &String| {
        let words = target.split_whitespace().count();
        kind.words().map_or(words >= 1, |wanted| words == wanted)
    };
    let good = !targets.is_empty() && targets.iter().all(fits);
    check.must(good, &[&path("target"), &path("kind")], || {
        let target = draft.target.escape_debug();
        format!("`{target}` is no target of kind \"{}\"; allowed: {}", kind.name, kind.example())
    });
    let said = |text: &str, target: &String| FaultKind::say(text, target, config);
    let both = |target: &String| (said(kind.strike, target), said(kind.heal, target));
    good.then(|| targets.iter().map(both).collect())
}

/// The command, if a schedule may say it.
fn parsed(text: &str, limits: &Limits, key: &str, check: &mut Check) -> Option<Command> {
    let refused = match parse_command(text, limits) {
        Ok(command) if is_fault(&command) => return Some(command),
        Ok(command) => format!("`{command}` makes sense in a script only"),
        Err(error) => error.to_string(),
    };
    check.must(false, &[key], || refused);
    None
}

/// True if a schedule may say it: it acts at once, and nothing waits for an answer.
fn is_fault(command: &Command) -> bool {
    match command {
        // Held messages, steps and recordings belong to a run, not to what happens to the cluster.
        Command::Act(
            Action::Hold(_)
            | Action::Unhold(_)
            | Action::Deliver(_)
            | Action::Lose(_)
            | Action::Repeat(_)
            | Action::Step(_)
            | Action::Record(_)
            | Action::Seek(_),
        )
        | Command::Start(..)
        | Command::Await(_)
        | Command::Replay(_)
        | Command::RunUntil(..)
        | Command::Wait(_)
        | Command::Settle
        | Command::Audit
        | Command::Why(..)
        | Command::Expect(_) => false,
        Command::Act(_) | Command::Host(_) | Command::Workload(..) | Command::Note(_) => true,
    }
}
