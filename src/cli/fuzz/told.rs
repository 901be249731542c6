//! What a campaign says: seeds, failures, sums, in words and as JSON; and the files of a failure.

use super::FuzzArgs;
use crate::campaign::report::{Failure as Failed, Faults, histogram};
use crate::campaign::seed::record_plan;
use crate::campaign::{Plan, Report, SeedResult, Shard, Space};
use crate::cli::failure::Failure;
use crate::cli::report::Verdict;
use crate::cli::tally::Latency;
use crate::protocol::Many;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Faults of a seed that are told.
const EFFECTS_TOLD_MAX: usize = 40;

#[derive(Serialize)]
struct Latencies {
    read: Latency,
    write: Latency,
}

/// The sums, and what follows from them. Field names are the JSON's.
#[derive(Serialize)]
struct Object<'a> {
    engine: &'static str,
    seed: u64,
    protocol: &'static str,
    hit_ratio: Option<f64>,
    latency_us: Latencies,
    ops_per_s: f64,
    touches_per_s: f64,
    seeds_per_s: f64,
    durable: bool,
    verdict: Verdict,
    violations: u64,
    lost_acknowledged_writes: u64,
    #[serde(flatten)]
    report: &'a Report,
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people: 53 bits are plenty")]
fn float(count: u64) -> f64 {
    count as f64
}

fn verdict(report: &Report) -> Verdict {
    match (report.failed, report.undecided, report.interrupted) {
        (1.., ..) => Verdict::Violation,
        (0, 0, false) => Verdict::Ok,
        (0, ..) => Verdict::Undecided,
    }
}

/// The report as one JSON object.
pub(super) fn json(report: &Report) -> String {
    let rate = |count: u64| {
        if report.elapsed_s > 0.0 { float(count) / report.elapsed_s } else { 0.0 }
    };
    let lost = |failed: &&Failed| matches!(failed.finding.checker.as_str(), "durability" | "reads");
    let object = Object {
        engine: "sim",
        seed: report.identity.from,
        protocol: one_or_drawn(&report.protocols),
        hit_ratio: (report.touches > 0).then(|| float(report.hits) / float(report.touches)),
        latency_us: Latencies {
            read: Latency::of(&histogram(&report.read_ns)),
            write: Latency::of(&histogram(&report.write_ns)),
        },
        ops_per_s: rate(report.ops),
        touches_per_s: rate(report.touches),
        seeds_per_s: rate(report.seeds),
        durable: false,
        verdict: verdict(report),
        violations: report.failed,
        lost_acknowledged_writes: report.failures.iter().filter(lost).count() as u64,
        report,
    };
    let mut text = serde_json::to_string_pretty(&object).expect("plain data with text keys");
    text.push('\n');
    text
}

/// The protocol of every seed, if it is the same.
fn one_or_drawn(protocols: &BTreeMap<String, u64>) -> &'static str {
    let mut names = crate::protocol::Protocol::ALL.iter().map(|protocol| protocol.name());
    let only = protocols.keys().next().filter(|_| protocols.len() == 1);
    only.and_then(|only| names.find(|name| name == only)).unwrap_or("drawn")
}

fn counted(sums: &BTreeMap<String, u64>) -> String {
    let all: Vec<String> =
        sums.iter().filter(|(_, n)| **n > 0).map(|(key, n)| format!("{key} {n}")).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// The report for people.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "{name:<12}{text}");
    };
    let id = &report.identity;
    let mut what = format!("{} on {}, seeds {}..{}", id.recipe, id.profile, id.from, id.to);
    if let Some(defect) = &id.defect {
        let _ = write!(what, ", with {defect}");
    }
    if report.shards != [Shard::WHOLE] {
        let shards: Vec<String> = report.shards.iter().map(ToString::to_string).collect();
        let _ = write!(what, ", shard {}", shards.join(" "));
    }
    line("campaign", what);
    let each = report.elapsed_s * 1e3 / float(report.seeds.max(1));
    let (seeds, seconds) = (Many(report.seeds, "seed"), report.elapsed_s);
    line("seeds", format!("{seeds} in {seconds:.1} s, {each:.1} ms each"));
    line("", format!("{}; {}", counted(&report.protocols), counted(&report.layouts)));
    let (reads, writes) = (Many(report.reads, "read"), Many(report.writes, "write"));
    line("requests", format!("{}: {reads}, {writes}, {} errors", report.ops, report.errors));
    line("messages", counted(&report.messages));
    let (views, takeovers) = (Many(report.views, "view"), Many(report.takeovers, "takeover"));
    line("", format!("{} sent again, {views}, {takeovers}", report.retransmissions));
    let mut faults: Vec<String> = Vec::new();
    for (kind, Faults { injected, without_effect }) in &report.faults {
        faults.push(match without_effect {
            0 => format!("{kind} {injected}"),
            _ => format!("{kind} {injected} ({without_effect} without effect)"),
        });
    }
    for (index, part) in faults.chunks(4).enumerate() {
        line(if index == 0 { "faults" } else { "" }, part.join(", "));
    }
    let undecided = match report.undecided {
        0 => String::new(),
        count => {
            let seeds: Vec<String> =
                report.undecided_seeds.iter().map(ToString::to_string).collect();
            format!(", {} not decided (seed {})", Many(count, "block"), seeds.join(", "))
        }
    };
    let word = verdict(report).word();
    line("verdict", format!("{word}: {} failed{undecided}", Many(report.failed, "seed")));
    out
}

/// What a seed drew and what its faults did.
pub(super) fn seed(result: &SeedResult) -> String {
    let mut out = result.drawn.text();
    for effect in result.effects.iter().take(EFFECTS_TOLD_MAX) {
        let none = if effect.hit { "" } else { " (no effect)" };
        let _ = writeln!(out, "    {:<40}  {}{none}", effect.what, effect.receipt);
    }
    let more = result.effects.len().saturating_sub(EFFECTS_TOLD_MAX);
    if more > 0 {
        let _ = writeln!(out, "    ... and {}", Many::of(more, "fault"));
    }
    out
}

/// The command that runs this seed again.
pub(super) fn repeat(args: &FuzzArgs, seed: u64) -> String {
    let mut text = match args.near.as_slice() {
        [] => format!("amflab fuzz -p {}", args.profile),
        scripts => format!("amflab fuzz --near {}", scripts.join(" ")),
    };
    for set in &args.sets {
        let _ = write!(text, " --set '{set}'");
    }
    let _ = write!(text, " --recipe {}", args.recipe.name);
    if let Some(defect) = args.defect {
        let _ = write!(text, " --defect {defect}");
    }
    if let Some(ops) = args.ops {
        let _ = write!(text, " --ops {ops}");
    }
    let _ = write!(text, " --seeds {seed}..{} -v", seed + 1);
    text
}

/// A failure: which seed, why, how to repeat it, and what it drew.
pub(super) fn failure(failed: &Failed, result: &SeedResult, is_told: bool) -> String {
    let Failed { seed, finding, repeat, .. } = failed;
    let mut out = format!("FAILED seed {seed}: {}: {}\n", finding.checker, finding.text);
    let _ = writeln!(out, "  repeat: {repeat}");
    if !is_told {
        out.push_str(&self::seed(result));
    }
    out
}

/// What was kept of a failure, and how it is looked at.
pub(super) fn kept(failed: &Failed) -> String {
    if failed.files.is_empty() {
        return "  look at it: -o FOLDER keeps its script and its recording\n".to_owned();
    }
    let mut out = String::new();
    for file in &failed.files {
        let how = if file.ends_with(".amfrec") { "play" } else { "exec" };
        let _ = writeln!(out, "  look at it: amflab {how} {file}");
    }
    out
}

/// Writes the script of a failure; its path.
pub(super) fn write(
    folder: &Path,
    failed: &Failed,
    result: &SeedResult,
    space: &Space,
) -> Result<String, Failure> {
    let path = folder.join(format!("seed-{}.txt", failed.seed));
    let finding = &failed.finding;
    let mut remarks = vec![format!("{}: {}", finding.checker, finding.text)];
    remarks.extend(self::remarks(failed, space));
    let text = result.plan.script(&remarks);
    let name = path.display().to_string();
    std::fs::write(&path, text).map_err(|error| Failure::broken(format!("{name}: {error}")))?;
    Ok(name)
}

/// Writes the script of a seed whose histories were too long to be judged.
pub(super) fn write_undecided(folder: &Path, result: &SeedResult) -> Result<(), Failure> {
    let path = folder.join(format!("seed-{}-undecided.txt", result.drawn.seed));
    let remarks = [format!("{} not decided", Many(result.undecided, "block"))];
    std::fs::write(&path, result.plan.script(&remarks))
        .map_err(|error| Failure::broken(format!("{}: {error}", path.display())))
}

/// Where a script comes from.
pub(super) fn remarks(failed: &Failed, space: &Space) -> Vec<String> {
    let (seed, recipe) = (failed.seed, space.recipe_name());
    vec![format!("Seed {seed} of the recipe {recipe}; repeat: {}", failed.repeat)]
}

/// Writes the short script of a failure; its path.
pub(super) fn write_short(folder: &Path, seed: u64, text: &str) -> Result<String, Failure> {
    let path = folder.join(format!("seed-{seed}-short.txt"));
    let name = path.display().to_string();
    std::fs::write(&path, text).map_err(|error| Failure::broken(format!("{name}: {error}")))?;
    Ok(name)
}

/// Records a failure, for `amflab inspect` and `amflab play`; the recording's path.
pub(super) fn record(folder: &Path, seed: u64, plan: &Plan) -> Result<String, Failure> {
    let path = folder.join(format!("seed-{seed}.amfrec"));
    let name = path.display().to_string();
    // One of the last campaign is not added to.
    if path.exists() {
        std::fs::remove_file(&path).map_err(|error| Failure::broken(format!("{name}: {error}")))?;
    }
    record_plan(plan, &path).map_err(|why| Failure::broken(format!("{name}: {why}")))?;
    Ok(name)
}
