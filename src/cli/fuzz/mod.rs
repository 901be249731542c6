//! `amflab fuzz`: a campaign over many seeds, on all cores; and the reports of several machines joined.

mod pool;
mod told;

use super::failure::{FAILED, FINE, Failure, UNDECIDED};
use super::interrupt;
use super::progress::Progress;
use super::shrink;
use super::{Done, complain, output, print};
use crate::campaign::report::{Failure as Failed, Identity};
use crate::campaign::shrink::BUDGET;
use crate::campaign::{RECIPES, Recipe, Report, SeedResult, Shard, Situation, Space, Spec};
use crate::protocol::Defect;
use crate::trace::grammar::nearest;
use clap::Args;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Largest report that is joined.
const REPORT_BYTES_MAX: u64 = 64 << 20;

fn recipes() -> String {
    let lines: Vec<String> =
        RECIPES.iter().map(|recipe| format!("  {:<26}{}", recipe.name, recipe.summary)).collect();
    format!("Recipes:\n{}", lines.join("\n"))
}

#[derive(Clone, Debug, Args)]
#[command(after_help = recipes(), before_help = "\
Examples:
  amflab fuzz --seeds 0..10000
  amflab fuzz --seeds 0..1000 --recipe rolling-crash --set cluster.amfs=3
  amflab fuzz --seeds 0..500 --defect no_lease -o found
  amflab fuzz --seeds 0..1000 --near found/seed-17.txt
  amflab fuzz --seeds 0..100000 --shard 1/4 --report part1.json
  amflab fuzz --merge part1.json part2.json part3.json part4.json")]
pub(super) struct FuzzArgs {
    /// Limits of what a seed draws: a built-in profile, or a file
    #[arg(short, long, value_name = "NAME", default_value = "fuzz")]
    profile: String,
    /// Fixes a key that seeds would draw, as `cluster.amfs=3`; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// The seeds, the second one not included
    #[arg(long, value_name = "A..B", value_parser = seeds, required_unless_present = "merge")]
    seeds: Option<Range<u64>>,
    /// What may go wrong (below); `any` leaves most of it out of each seed
    #[arg(long, value_name = "NAME", value_parser = recipe, default_value = "any")]
    recipe: &'static Recipe,
    /// Breaks a rule, and draws what can reach the breach
    #[arg(long, value_name = "NAME", value_parser = defect)]
    defect: Option<Defect>,
    /// Plays scripts near these, each seed another change of one: files, or names of built-in ones. Their
    /// heads say profile and keys
    #[arg(long, value_name = "SCRIPT", num_args = 1.., conflicts_with = "profile")]
    near: Vec<String>,
    /// Requests of each seed, instead of drawn ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    ops: Option<u32>,
    /// Runs one part of N of the seeds
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// Goes on after a failure
    #[arg(long)]
    keep_going: bool,
    /// Writes the script of each failure into this folder
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Makes the script of each failure as short as it will go
    #[arg(long)]
    shrink: bool,
    /// Prints what each seed drew and what its faults did
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,
    /// Prints the report as one JSON object
    #[arg(long)]
    json: bool,
    /// Writes the report as JSON into a file, for --merge
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Joins the reports of all shards of one campaign
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["seeds", "report"])]
    merge: Vec<PathBuf>,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || "allowed: A..B with A below B, as in 0..1000".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let from = from.parse().map_err(|_| wrong())?;
    let to = to.parse().map_err(|_| wrong())?;
    if from < to { Ok(from..to) } else { Err(wrong()) }
}

fn recipe(name: &str) -> Result<&'static Recipe, String> {
    Recipe::find(name).ok_or_else(|| {
        let names: Vec<&str> = RECIPES.iter().map(|recipe| recipe.name).collect();
        match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("allowed: {}", names.join(", ")),
        }
    })
}

fn defect(name: &str) -> Result<Defect, String> {
    name.parse()
}

/// A script near which seeds are drawn: a built-in one, or a file.
fn situation(script: &str) -> Result<Situation, Failure> {
    let built_in = Situation::built_in().iter();
    if let Some(known) = built_in.clone().find(|known| known.name == script) {
        return Ok(known.clone());
    }
    let path = Path::new(script);
    if path.extension().is_none() && !path.exists() {
        let hint = match nearest(script, built_in.map(|known| known.name.as_str())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a script that `amflab fuzz -o FOLDER` wrote is one".to_owned(),
        };
        return Err(Failure::hinted(format!("{script}: no such script"), &hint));
    }
    Ok(Situation::of(script, shrink::read(path, &[])?))
}

/// Runs a campaign, or joins reports.
pub(super) fn fuzz(args: &FuzzArgs) -> Done {
    if !args.merge.is_empty() {
        return merge(args);
    }
    let seeds = args.seeds.clone().expect("clap demands it");
    let space = Space::new(Spec {
        profile: args.profile.clone(),
        sets: args.sets.clone(),
        recipe: args.recipe,
        defect: args.defect,
        ops: args.ops,
        near: args.near.iter().map(|script| situation(script)).collect::<Result<_, _>>()?,
    })?;
    // What is fixed may contradict itself: said before anything runs.
    space.draw(seeds.start)?;
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
    }
    let begun = Instant::now();
    let interrupted = interrupt::watch();
    let mut campaign = Campaign::new(args, &space, &seeds, Arc::clone(&interrupted));
    let mut take = |result: &SeedResult| campaign.take(result);
    pool::run(&space, &seeds, args.shard, &interrupted, &mut take)?;
    let Campaign { mut report, mut progress, wrong, .. } = campaign;
    progress.end();
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    let expected = (0..seeds.end - seeds.start).filter(|offset| args.shard.has(*offset)).count();
    let stopped = report.failed > 0 && !args.keep_going;
    report.interrupted = report.seeds < expected as u64 && !stopped;
    report.elapsed_s = begun.elapsed().as_secs_f64();
    finish(&report, args)
}

/// What has come of the seeds so far, in their order.
struct Campaign<'a> {
    args: &'a FuzzArgs,
    space: &'a Space,
    report: Report,
    progress: Progress,
    interrupted: Arc<AtomicBool>,
    wrong: Option<Failure>,
}

impl<'a> Campaign<'a> {
    fn new(
        args: &'a FuzzArgs,
        space: &'a Space,
        seeds: &Range<u64>,
        interrupted: Arc<AtomicBool>,
    ) -> Self {
        let identity = Identity::new(&space.spec, seeds.start, seeds.end);
        let report = Report::new(identity, args.shard);
        let total = (seeds.end - seeds.start) / u64::from(args.shard.count);
        let progress = Progress::of_few(total);
        Self { args, space, report, progress, interrupted, wrong: None }
    }

    /// Takes the next seed's result; false: no more is wanted.
    fn take(&mut self, result: &SeedResult) -> bool {
        self.report.add(result);
        self.progress.at(self.report.seeds);
        if self.args.verbose {
            self.progress.end();
            self.say(&told::seed(result));
        }
        let Some(finding) = &result.finding else {
            if let (1.., Some(folder)) = (result.undecided, self.args.output.as_deref()) {
                self.wrong = told::write_undecided(folder, result).err().or(self.wrong.take());
            }
            return self.wrong.is_none();
        };
        let repeat = told::repeat(self.args, result.drawn.seed);
        let mut failed =
            Failed { seed: result.drawn.seed, finding: finding.clone(), repeat, files: Vec::new() };
        if !self.args.json {
            self.progress.end();
            self.say(&told::failure(&failed, result, self.args.verbose));
        }
        if let Err(wrong) = self.keep(&mut failed, result) {
            self.wrong = Some(wrong);
        }
        if !self.args.json {
            self.say(&told::kept(&failed));
        }
        if self.report.failures.len() < crate::campaign::report::FAILURES_MAX {
            self.report.failures.push(failed);
        }
        self.args.keep_going && self.wrong.is_none()
    }

    /// Writes the script of a failure, and the short one if it is wanted; without a folder the short one is
    /// printed.
    fn keep(&mut self, failed: &mut Failed, result: &SeedResult) -> Result<(), Failure> {
        let folder = self.args.output.as_deref();
        if let Some(folder) = folder {
            failed.files.push(told::write(folder, failed, result, self.space)?);
            failed.files.push(told::record(folder, failed.seed, &result.plan)?);
        }
        if !self.args.shrink {
            return Ok(());
        }
        match shrink::quietly(&result.plan, BUDGET, &self.interrupted) {
            Ok(shrunk) => {
                let remarks = told::remarks(failed, self.space);
                let text = shrink::script(&shrunk, &remarks);
                if let Some(folder) = folder {
                    failed.files.push(told::write_short(folder, failed.seed, &text)?);
                } else if !self.args.json {
                    self.say(&text);
                }
            }
            Err(why) => complain("note", &format!("seed {} cannot be shrunk: {why}", failed.seed)),
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        if let Err(wrong) = print(text) {
            self.wrong = Some(wrong);
        }
    }
}

fn merge(args: &FuzzArgs) -> Done {
    let reports: Result<Vec<(String, Report)>, Failure> =
        args.merge.iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect();
    let report = Report::merge(reports?).map_err(Failure::usage)?;
    finish(&report, args)
}

fn read(path: &Path) -> Result<Report, Failure> {
    let name = path.display();
    let cannot = |error: &dyn std::fmt::Display| Failure::usage(format!("{name}: {error}"));
    let about = std::fs::metadata(path).map_err(|error| cannot(&error))?;
    if about.len() > REPORT_BYTES_MAX {
        return Err(cannot(&"larger than a report is"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
    serde_json::from_str(&text).map_err(|error| {
        let hint = "`amflab fuzz --report FILE` writes one";
        Failure::hinted(format!("{name}: no report of a campaign: {error}"), hint)
    })
}

fn finish(report: &Report, args: &FuzzArgs) -> Done {
    if let Some(path) = &args.report {
        output::write(path, told::json(report))?;
    }
    print(&if args.json { told::json(report) } else { told::text(report) })?;
    if report.interrupted {
        complain("note", "interrupted: not every seed was run");
    }
    Ok(match (report.failed, report.undecided, report.interrupted) {
        (1.., ..) => FAILED,
        (0, 0, false) => FINE,
        (0, ..) => UNDECIDED,
    })
}
