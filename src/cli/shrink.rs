//! `amflab shrink`: the shortest script that still fails as this one does.

use super::failure::{FINE, Failure};
use super::interrupt;
use super::progress::Progress;
use super::{Done, output, print};
use crate::campaign::shrink::BUDGET;
use crate::campaign::{CannotShrink, Plan, Shrunk, shrink as shorten};
use crate::protocol::Many;
use crate::trace::grammar::decode;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Largest script.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab fuzz --seeds 0..500 --defect no_lease -o found
  amflab shrink found/seed-17.txt -o short.txt
  amflab exec short.txt")]
pub(super) struct ShrinkArgs {
    /// A script that makes a checker fire in the simulator
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,
    /// Where the short script goes; without it, to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overrides a key of the profile that the script names
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Scripts that are tried, at most
    #[arg(long, value_name = "N", default_value_t = BUDGET)]
    budget: u32,
}

/// Shrinks a script.
pub(super) fn shrink(args: &ShrinkArgs) -> Done {
    let plan = read(&args.script, &args.sets)?;
    let shrunk = quietly(&plan, args.budget, &interrupt::watch())
        .map_err(|why| Failure::usage(format!("{}: {why}", args.script.display())))?;
    let text = script(&shrunk, &[]);
    match output::named(args.output.as_deref()) {
        Some(path) => {
            let name = path.display();
            output::write(path, text)?;
            let (before, after) = (shrunk.before, shrunk.plan.commands.len());
            let tried = Many(shrunk.tried.into(), "script");
            let checker = &shrunk.finding.checker;
            print(&format!(
                "{name}: {before} commands became {after} ({checker}; {tried} tried)\n"
            ))?;
        }
        None => print(&text)?,
    }
    Ok(FINE)
}

/// Shrinks without a word from assertions that fire on the way; with a bar, and until interrupted.
pub(super) fn quietly(
    plan: &Plan,
    budget: u32,
    interrupted: &AtomicBool,
) -> Result<Shrunk, CannotShrink> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut progress = Progress::of_few(budget.into());
    let mut go_on = |tried: u32, _: usize| {
        progress.at(tried.into());
        !interrupted.load(Ordering::Relaxed)
    };
    let shrunk = shorten(plan, budget, &mut go_on);
    progress.end();
    std::panic::set_hook(hook);
    shrunk
}

/// A short script with what it shows at its head.
pub(super) fn script(shrunk: &Shrunk, remarks: &[String]) -> String {
    let Shrunk { plan, finding, before, .. } = shrunk;
    let mut head = vec![format!("{}: {}", finding.checker, finding.text)];
    head.extend(remarks.iter().cloned());
    head.push(format!("Shrunk from {}.", Many::of(*before, "command")));
    plan.script(&head)
}

/// A script as a plan: its head says profile, keys and seed.
pub(super) fn read(path: &Path, sets: &[String]) -> Result<Plan, Failure> {
    let name = path.display().to_string();
    let cannot = |error: std::io::Error| Failure::usage(format!("{name}: {error}"));
    if std::fs::metadata(path).map_err(cannot)?.len() > SCRIPT_BYTES_MAX {
        return Err(Failure::usage(format!("{name}: larger than a script may be: 16 MiB")));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    let text = decode(&bytes, &name).map_err(Failure::usage)?;
    let base = path.parent().unwrap_or(Path::new("."));
    Ok(Plan::of_script(text, &name, base, sets)?)
}
