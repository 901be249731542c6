//! `amflab inspect`: what a recording holds.

use super::failure::{FAILED, FINE, Failure, UNDECIDED};
use super::interrupt;
use super::progress::Progress;
use super::replay::file_bytes;
use super::{Done, complain, print};
use crate::check::{ReadChecker, Start};
use crate::profile::Profile;
use crate::protocol::id::Instant;
use crate::protocol::{Answer, Many};
use crate::timeline::{Fold, Timeline, head_of};
use crate::trace::recording::{CODE, Reader, Recorded, Tail, file};
use crate::trace::step::Step;
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

mod export;
mod picture;

#[derive(Clone, Debug, Args)]
#[command(before_help = "\
Examples:
  amflab run --engine sim --ops 5000 --record run.amfrec
  amflab inspect run.amfrec                       the cluster at the end
  amflab inspect run.amfrec --at 1200 --json      everything, after 1200 steps
  amflab inspect run.amfrec --verify              does this program come to the same outputs?
  amflab inspect run.amfrec --export chrome -o run.json")]
pub(super) struct InspectArgs {
    /// The recording
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Looks at the cluster after so many steps (default: at the end)
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    /// The whole state as one JSON object
    #[arg(long)]
    json: bool,
    /// Replays every step and compares every output of every machine with what was recorded
    #[arg(long, conflicts_with = "at")]
    verify: bool,
    /// Writes the run (up to --at) in another tool's form
    #[arg(long, value_enum, value_name = "FORM", conflicts_with_all = ["verify", "json"])]
    export: Option<export::Form>,
    /// The file that an export is written to (default: standard output)
    #[arg(short, long, value_name = "FILE", requires = "export")]
    output: Option<PathBuf>,
}

/// Looks at a recording.
pub(super) fn inspect(args: &InspectArgs) -> Done {
    if let Some(form) = args.export {
        return export::export(args, form);
    }
    let (reader, profile) = open(&args.recording)?;
    let mut inspection = Inspection::new(reader, profile);
    let steps_max = args.at.unwrap_or(u64::MAX);
    let is_whole = inspection.fold(steps_max, file_bytes(&args.recording))?;
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
    print(&if args.json { inspection.json() } else { inspection.text() })?;
    Ok(code)
}

/// A recording, from its head on.
pub(super) fn open(path: &Path) -> Result<(Reader<BufReader<File>>, Profile), Failure> {
    let named = |error| Failure::usage(format!("{}: {error}", path.display()));
    head_of(file::open(path).map_err(named)?).map_err(named)
}

/// A recording that can be gone through.
pub(super) fn open_timeline(path: &Path) -> Result<Timeline, Failure> {
    let named = |error| Failure::usage(format!("{}: {error}", path.display()));
    let source = file::open(path).map_err(named)?.into_inner();
    let mut progress = Progress::new(None);
    let opened = Timeline::open(source, &mut |steps| progress.at(steps));
    progress.end();
    let timeline = opened.map_err(named)?;
    if let Some(note) = timeline.tail().note(timeline.recorded()) {
        complain("note", &format!("{}: {note}", path.display()));
    }
    if let Some(trouble) = timeline.trouble() {
        complain("note", &format!("this program does not come to the same: {trouble}"));
    }
    Ok(timeline)
}

/// A recording that is folded up to a step, and judged on the way.
struct Inspection {
    reader: Reader<BufReader<File>>,
    profile: Profile,
    fold: Fold,
    checker: ReadChecker,
    requests: u64,
    answers: u64,
}

impl Inspection {
    fn new(reader: Reader<BufReader<File>>, profile: Profile) -> Self {
        let fold = Fold::new(&profile, reader.head());
        let start = if reader.head().origin.blank { Start::Zero } else { Start::Unknown };
        let checker = ReadChecker::new(profile.config.sectors_per_block(), start);
        Self { reader, profile, fold, checker, requests: 0, answers: 0 }
    }

    /// Folds at most so many steps of a file of so many bytes; `false` if ctrl-c came before the end.
    fn fold(&mut self, steps_max: u64, bytes: u64) -> Result<bool, Failure> {
        let interrupted = interrupt::watch();
        let mut progress = Progress::of_bytes(bytes);
        while self.fold.position() < steps_max
            && let Some(chunk) = self.reader.next_chunk()?
        {
            for step in &chunk.steps {
                if self.fold.position() >= steps_max || !self.apply(step) {
                    break;
                }
            }
            progress.at(chunk.offset + chunk.bytes);
            if self.fold.position() < chunk.first + chunk.steps.len() as u64 {
                break;
            }
            if interrupted.load(Ordering::Relaxed) {
                progress.end();
                return Ok(false);
            }
        }
        progress.end();
        Ok(true)
    }

    fn apply(&mut self, step: &Recorded) -> bool {
        let now = step.entry.now;
        if let Step::Host { request, .. } = &step.entry.step {
            self.requests += 1;
            self.checker.on_start(request.op, &request.kind, now);
        }
        let (checker, answers) = (&mut self.checker, &mut self.answers);
        let mut found = Vec::new();
        let applied = self.fold.apply_with(step, &mut |answer: &Answer| {
            *answers += 1;
            found.extend(checker.on_answer(answer.op, answer, now));
        });
        for violation in found {
            let world = self.fold.world_mut();
            world.report(&violation.checker, violation.key, violation.text);
        }
        applied
    }

    /// What people should know of the file.
    fn tell(&self, path: &Path) {
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
