//! What nearly every subcommand begins with: a profile, and an engine that is built from it.

use super::complain;
use super::failure::Failure;
use crate::check::{Judged, Start};
use crate::live::{LiveEngine, LiveOptions};
use crate::profile::{self, Profile};
use crate::session::AnyEngine;
use crate::sim::{Sim, SimOptions};
use crate::trace::recording::file::check_new;
use crate::trace::{Action, Ask, Engine};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineKind {
    /// Simulated, in virtual time: the same seed gives the same run
    Sim,
    /// Real threads, real time, real disks
    Live,
}

impl EngineKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Live => "live",
        }
    }
}

/// What is judged while the cluster runs, beside the invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judge {
    /// Nothing: somebody else does.
    Nothing,
    /// Every read, and every block's lamp.
    Reads,
    /// Every read; and every block's whole history at an `audit` in the simulator, which keeps it, else
    /// every block's lamp.
    Histories,
}

/// What a cluster is made of, as far as the command line says so.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ClusterArgs {
    /// A built-in profile, or a file (with a `/`, or ending in `.toml`)
    #[arg(short, long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Overrides a key of the profile, as `cache.lines=64`; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// Seed of everything random, instead of the profile's
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Keeps the disks of a live cluster here (else they go with it)
    #[arg(long, value_name = "FOLDER")]
    pub(super) data_dir: Option<PathBuf>,
    /// Records the run into this new file: `amflab inspect` and `amflab play` read it
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
}

impl ClusterArgs {
    /// The profile that is meant; `default` if none is named.
    pub(super) fn load(&self, default: &str) -> Result<Profile, Failure> {
        self.load_with(default, &[], None)
    }

    /// The same with workloads that it may not have itself.
    pub(super) fn load_workloads(
        &self,
        default: &str,
        workloads: &[String],
    ) -> Result<Profile, Failure> {
        let name = self.profile.as_deref().unwrap_or(default);
        let mut profile = profile::load_with(name, &self.sets, workloads)?;
        profile.seed = self.seed.unwrap_or(profile.seed);
        Ok(profile)
    }

    /// The same with what a script's head says, which the command line overrides.
    pub(super) fn load_with(
        &self,
        default: &str,
        sets: &[String],
        seed: Option<u64>,
    ) -> Result<Profile, Failure> {
        let sets: Vec<String> = sets.iter().chain(&self.sets).cloned().collect();
        let mut profile = profile::load(self.profile.as_deref().unwrap_or(default), &sets)?;
        profile.seed = self.seed.or(seed).unwrap_or(profile.seed);
        Ok(profile)
    }

    /// True if the disks hold what an earlier run wrote.
    pub(super) fn is_used(&self) -> bool {
        let is_there = |folder: &PathBuf, name| folder.join(name).exists();
        let found = |folder| is_there(folder, "cluster.json") || is_there(folder, "disk0");
        self.data_dir.as_ref().is_some_and(found)
    }

    /// Starts the cluster, and says what is to be known of it. Unless it only carries load, its steps
    /// are kept, so that it can be recorded later on.
    pub(super) fn start(
        &self,
        kind: EngineKind,
        profile: &Profile,
        judge: Judge,
    ) -> Result<AnyEngine, Failure> {
        if let Some(path) = &self.record {
            // Before anything is begun.
            check_new(path).map_err(Failure::usage)?;
        }
        let engine = self.build(kind, profile, judge)?;
        self.record_into(engine)
    }

    /// The same for an engine that is there: it is recorded, if that is wanted.
    pub(super) fn record_into(&self, mut engine: AnyEngine) -> Result<AnyEngine, Failure> {
        if let Some(path) = &self.record {
            let start = Action::Record(Some(path.clone()));
            engine.submit(start).map_err(Failure::usage)?;
        }
        Ok(engine)
    }

    /// Says how the recording ended that was asked for, once its run is over. False: it is not whole.
    pub(super) fn end_recording(&self, engine: &mut dyn Engine) -> bool {
        if self.record.is_none() {
            return true;
        }
        // A live cluster that has been shut down has ended it already.
        let _ = engine.submit(Action::Record(None));
        let Some(info) = engine.snapshot(&Ask::BRIEF).recording else { return false };
        if let Some(trouble) = info.trouble {
            complain("error", &trouble);
            return false;
        }
        complain("note", &format!("recorded {} steps into {}", info.steps, info.file));
        true
    }

    fn build(
        &self,
        kind: EngineKind,
        profile: &Profile,
        judge: Judge,
    ) -> Result<AnyEngine, Failure> {
        let keep = judge != Judge::Nothing || self.record.is_some();
        match kind {
            EngineKind::Sim => {
                if self.data_dir.is_some() {
                    let hint = "leave --data-dir out, or take --engine live";
                    return Err(Failure::hinted("the simulator keeps nothing on disk", hint));
                }
                tell(&profile.notes);
                let options = SimOptions {
                    judge: judge != Judge::Nothing,
                    history: judge == Judge::Histories,
                    keep,
                    ..SimOptions::default()
                };
                let sim = Sim::new(profile, profile.seed, options);
                Ok(match judge {
                    Judge::Reads => Box::new(Judged::lit(sim, Start::Zero)),
                    Judge::Nothing | Judge::Histories => Box::new(sim),
                })
            }
            EngineKind::Live => {
                // Asked before the folder is made.
                let start = if self.is_used() { Start::Unknown } else { Start::Zero };
                let data_dir = self.data_dir.clone();
                let options = LiveOptions { data_dir, keep_steps: keep, ..LiveOptions::default() };
                let engine = LiveEngine::start(profile, &options)?;
                tell(&profile.notes);
                tell(engine.notes().iter().filter(|note| !profile.notes.contains(note)));
                if judge == Judge::Nothing {
                    return Ok(Box::new(engine));
                }
                Ok(Box::new(Judged::new(engine, start)))
            }
        }
    }
}

fn tell<'a>(notes: impl IntoIterator<Item = &'a String>) {
    for note in notes {
        complain("note", note);
    }
}

/// A length of time on the command line: `10s`, `200ms`.
pub(super) fn time(text: &str) -> Result<crate::protocol::id::Span, String> {
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as `10s` or `200ms`"))?;
    let nanos = u64::try_from(time.as_nanos()).ok().filter(|nanos| *nanos > 0);
    let span = nanos.map(crate::protocol::id::Span);
    span.filter(|span| *span <= crate::trace::grammar::TIME_MAX)
        .ok_or_else(|| "allowed is more than nothing, and at most a day".to_owned())
}
