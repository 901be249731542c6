//! `amflab inspect`: what a recording holds.

use super::failure::{FAILED, FINE, Failure, UNDECIDED};
use super::progress::Progress;
use super::reading::Reading;
use super::{Done, complain, print};
use crate::check::{Past, Start};
use crate::profile::Profile;
use crate::protocol::Many;
use crate::protocol::id::{Block, Instant};
use crate::timeline::{Fold, Timeline, Watch, head_of};
use crate::trace::recording::{CODE, Head, Reader, Recorded, Tail, Whole, file};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

mod against;
mod block;
mod export;
mod inevitable;
mod picture;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab run --engine sim --ops 5000 --record run.amfrec
  amflab inspect run.amfrec                       the cluster at the end
  amflab inspect run.amfrec --at 1200 --json      everything, after 1200 steps
  amflab inspect run.amfrec --at 1200 --block 3   one block: versions, durability, lock, operations
  amflab inspect run.amfrec --at 1200 --against 1300   what differs between the two
  amflab inspect run.amfrec --verify              does this program come to the same outputs?
  amflab inspect run.amfrec --inevitable          from which step on did every future fail?
  amflab inspect run.amfrec --export chrome -o run.json")]
pub(super) struct InspectArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Looks at the cluster after so many steps (default: at the end)
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    /// Tells what differs in all of the state between --at and the cluster after so many steps, machine by
    /// machine: caches, locks, replicas, journals, views, disks, packets
    #[arg(long, value_name = "M", requires = "at", conflicts_with_all = ["block", "verify", "export"])]
    against: Option<u64>,
    /// Tells of this block who has which version, what a power failure would leave, why it is busy, and its
    /// newest operations
    #[arg(long, value_name = "N", conflicts_with_all = ["verify", "export"])]
    block: Option<u64>,
    /// The whole state as one JSON object
    #[arg(long)]
    json: bool,
    /// Replays every step and compares every output of every machine with what was recorded
    #[arg(long, conflicts_with = "at")]
    verify: bool,
    /// When did its violation (with --block: that of this block) become inevitable? Tries random futures of
    /// earlier steps, and tells which share of them comes to the same
    #[arg(long, conflicts_with_all = ["verify", "at", "export"])]
    inevitable: bool,
    /// Futures that are tried of each step (default: 16)
    #[arg(long, value_name = "N", requires = "inevitable")]
    futures: Option<u32>,
    /// Drives the futures (default: 1)
    #[arg(long, value_name = "N", requires = "inevitable")]
    seed: Option<u64>,
    /// Ends after so many seconds, with what is known by then (default: 60)
    #[arg(long, value_name = "SECONDS", requires = "inevitable")]
    within: Option<u64>,
    /// Writes the run (up to --at) in another tool's form
    #[arg(long, value_enum, value_name = "FORM", conflicts_with_all = ["verify", "json"])]
    export: Option<export::Form>,
    /// The file that an export is written to (default: standard output)
    #[arg(short, long, value_name = "FILE", requires = "export")]
    output: Option<PathBuf>,
}

/// Looks at a recording.
pub(super) fn inspect(args: &InspectArgs) -> Done {
    if args.inevitable {
        return inevitable::inevitable(args);
    }
    if let Some(form) = args.export {
        return export::export(args, form);
    }
    if let Some((at, against)) = args.at.zip(args.against) {
        return against::against(args, at, against);
    }
    let (reader, profile) = open(&args.recording)?;
    if let Some(block) = args.block.filter(|block| *block >= profile.config.blocks) {
        let blocks = profile.config.blocks;
        return Err(Failure::usage(format!("b{block}: the volume has {blocks} blocks")));
    }
    let mut inspection = Inspection::new(reader, profile, args.block.map(Block));
    let steps_max = args.at.unwrap_or(u64::MAX);
    let is_whole = inspection.fold(steps_max, &args.recording)?;
    inspection.tell(&args.recording);
    if !is_whole {
        let steps = Many(inspection.fold.position(), "step");
        complain("note", &format!("interrupted after {steps}: nothing is said of the others"));
    }
    let code = if is_whole { FINE } else { UNDECIDED };
    if args.verify {
        // What differs is found, whatever comes later.
        return inspection.verify(args.json).map(|found| if found == FINE { code } else { found });
    }
    if is_whole && args.at.is_some_and(|at| at > inspection.fold.position()) {
        if let Some(trouble) = inspection.fold.trouble() {
            return Err(Failure::broken(trouble));
        }
        let steps = Many(inspection.fold.position(), "step");
        return Err(Failure::usage(format!("the recording has {steps}")));
    }
    let text = if args.json { inspection.json() } else { inspection.text() };
    print(&text)?;
    Ok(code)
}

/// A recording, from its head on.
pub(super) fn open(path: &Path) -> Result<(Reader<BufReader<File>>, Profile), Failure> {
    let named = |error| Failure::usage(format!("{}: {error}", path.display()));
    head_of(file::open(path).map_err(named)?).map_err(named)
}

/// A recording that can be gone through, and what was known of it at each position.
pub(super) fn open_judged(path: &Path) -> Result<(Timeline, Past), Failure> {
    let (timeline, past) = open_watched(path, |head, profile| {
        let start = if head.origin.blank { Start::Zero } else { Start::Unknown };
        Past::new(profile.config.sectors_per_block(), start)
    })?;
    tell_until(path, &past);
    Ok((timeline, past))
}

/// Lamps that do not know everything.
fn tell_until(path: &Path, past: &Past) {
    if let Some(until) = past.until() {
        let why = "there is no memory for more of them";
        complain("note", &format!("{}: lamps end at step {until}: {why}", path.display()));
    }
}

/// A recording that can be gone through.
pub(super) fn open_timeline(path: &Path) -> Result<Timeline, Failure> {
    open_watched(path, |_, _| ()).map(|(timeline, ())| timeline)
}

fn open_watched<W: Watch>(
    path: &Path,
    watch: impl FnOnce(&Head, &Profile) -> W,
) -> Result<(Timeline, W), Failure> {
    let named = |error| Failure::usage(format!("{}: {error}", path.display()));
    let file = file::open(path).map_err(named)?.into_inner();
    let whole = Whole::of_file(file).map_err(|error| named(error.into()))?;
    let mut progress = Progress::of_bytes(whole.len());
    let opened = Timeline::open_watched(whole.again(), &mut |bytes| progress.at(bytes), watch);
    progress.end();
    let (timeline, watch) = opened.map_err(named)?;
    let timeline = timeline.of(&whole);
    if let Some(note) = timeline.tail().note(timeline.recorded()) {
        complain("note", &format!("{}: {note}", path.display()));
    }
    if let Some(trouble) = timeline.trouble() {
        complain("note", &format!("this program does not come to the same: {trouble}"));
    }
    Ok((timeline, watch))
}

/// A recording that is folded up to a step, and judged on the way.
struct Inspection {
    reader: Reader<BufReader<File>>,
    profile: Profile,
    fold: Fold,
    past: Past,
    /// All is to be told of this one.
    block: Option<Block>,
}

impl Inspection {
    fn new(reader: Reader<BufReader<File>>, profile: Profile, block: Option<Block>) -> Self {
        let fold = Fold::new(&profile, reader.head());
        let start = if reader.head().origin.blank { Start::Zero } else { Start::Unknown };
        let past = Past::new(profile.config.sectors_per_block(), start);
        Self { reader, profile, fold, past, block }
    }

    /// Folds at most so many steps of the file; `false` if ctrl-c came before the end.
    fn fold(&mut self, steps_max: u64, path: &Path) -> Result<bool, Failure> {
        let mut look = Reading::new(path);
        while self.fold.position() < steps_max
            && let Some(chunk) = self.reader.next_chunk()?
        {
            for step in &chunk.steps {
                if self.fold.position() >= steps_max || !self.apply(step) {
                    break;
                }
            }
            if self.fold.position() < chunk.first + chunk.steps.len() as u64
                || !look.at(chunk.offset + chunk.bytes)
            {
                break;
            }
        }
        Ok(look.end())
    }

    fn apply(&mut self, step: &Recorded) -> bool {
        self.fold.apply_with(step, &mut self.past)
    }

    /// What people should know of the file.
    fn tell(&self, path: &Path) {
        tell_until(path, &self.past);
        if let Some(note) = self.reader.tail().note(self.reader.steps()) {
            complain("note", &format!("{}: {note}", path.display()));
        }
        let code = &self.reader.head().code;
        if code != CODE {
            let text = format!("recorded by amflab {code}, read by {CODE}: outputs may differ");
            complain("note", &text);
        }
    }

    fn verify(&self, json: bool) -> Done {
        let (steps, trouble) = (self.fold.position(), self.fold.trouble());
        if json {
            let tail = match self.reader.tail() {
                Tail::Ended(end) if !end.cut_short => "ended",
                Tail::Ended(_) => "cut short",
                Tail::Torn { .. } | Tail::Open => "torn",
            };
            let found = serde_json::json!({
                "verified": trouble.is_none(),
                "steps": steps,
                "tail": tail,
                "divergence": trouble,
            });
            print(&format!("{found}\n"))?;
        } else if let Some(trouble) = trouble {
            print(&format!("DIFFERS {trouble}\n"))?;
        } else {
            let at = self.fold.world().now().since(Instant(0));
            let text = format!(
                "verified: {}, {at} of the cluster's time; every output of every machine is as \
                 recorded\n",
                Many(steps, "step")
            );
            print(&text)?;
        }
        Ok(if trouble.is_none() { FINE } else { FAILED })
    }
}
