//! `amflab diff A B`: the first difference of two recordings.

use super::failure::{FAILED, FINE, UNDECIDED};
use super::inspect::open;
use super::reading::Reading;
use super::{Done, complain, print};
use crate::protocol::Many;
use crate::timeline::Difference;
use crate::timeline::compare::{Steps, first_of, told};
use crate::trace::recording::Head;
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab diff first.amfrec second.amfrec")]
pub(super) struct DiffArgs {
    /// A recording
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another one
    #[arg(value_name = "B")]
    b: PathBuf,
}

/// Compares two recordings.
pub(super) fn diff(args: &DiffArgs) -> Done {
    let steps = |path: &PathBuf| {
        let (reader, _) = open(path)?;
        Ok::<_, super::Failure>(Steps::new(reader))
    };
    let (mut a, mut b) = (steps(&args.a)?, steps(&args.b)?);
    let mut text = heads(a.reader().head(), b.reader().head());
    let mut look = Reading::new(&args.a);
    let first = first_of(&mut a, &mut b, &mut |bytes| look.at(bytes))?;
    let is_whole = look.end();
    let steps = match first {
        Err(steps) => steps,
        Ok(Difference { step, steps: [one, other] }) => {
            let _ = writeln!(text, "step {step}:");
            let _ = writeln!(text, "  A  {}", told(one.as_ref()));
            let _ = writeln!(text, "  B  {}", told(other.as_ref()));
            step
        }
    };
    for (steps, path) in [(&a, &args.a), (&b, &args.b)] {
        if let Some(note) = steps.reader().tail().note(steps.reader().steps()) {
            complain("note", &format!("{}: {note}", path.display()));
        }
    }
    if text.is_empty() && !is_whole {
        let steps = Many(steps, "step");
        complain("note", &format!("interrupted: the first {steps} are equal"));
        return Ok(UNDECIDED);
    }
    if text.is_empty() {
        print(&format!("equal: {}\n", Many(steps, "step")))?;
        return Ok(FINE);
    }
    print(&text)?;
    Ok(FAILED)
}

/// What the two runs began with, where it differs.
fn heads(a: &Head, b: &Head) -> String {
    let mut text = String::new();
    let mut tell = |what: &str, a: String, b: String| {
        if a != b {
            let _ = writeln!(text, "{what}:\n  A  {a}\n  B  {b}");
        }
    };
    tell("program", a.code.clone(), b.code.clone());
    tell("engine", a.engine.clone(), b.engine.clone());
    tell("profile", a.profile_name.clone(), b.profile_name.clone());
    tell("seed", a.seed.to_string(), b.seed.to_string());
    let keys = |head: &Head| -> Vec<String> {
        let lines = head.profile.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned()).collect()
    };
    let (one, other) = (keys(a), keys(b));
    let differ = one.iter().zip(&other).find(|(one, other)| one != other);
    if let Some((one, other)) = differ {
        tell("profile, first different line", one.clone(), other.clone());
    } else {
        let lines = |keys: &[String]| Many::of(keys.len(), "line").to_string();
        tell("profile", lines(&one), lines(&other));
    }
    tell("disks", format!("{:?}", a.origin), format!("{:?}", b.origin));
    text
}
