//! The whole of a run: what stands out in it, and the runs that branch off.

use super::super::snapshot::Cluster;
use super::{About, Model, ReplayShown, ladder};
use crate::trace::{Condition, Mark, Survey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Runs that are kept at once, the first included.
pub const RUNS_MAX: usize = 8;

/// What stands out in the run that is shown, and how it is looked at.
#[derive(Clone, Debug, Default)]
pub struct TimelineState {
    /// Of a run that goes on: what its events have shown.
    seen: Survey,
    /// Of one that is known from its first step to its last.
    whole: Option<Arc<Survey>>,
    /// A run that goes on is looked back at: it stands still meanwhile.
    pub rewound: bool,
    /// The condition whose steps are marked.
    watched: Option<Condition>,
}

impl TimelineState {
    /// Something happened in a run that goes on.
    pub fn take(&mut self, event: &crate::trace::Event) {
        self.seen.take(event);
    }

    /// All of the run is known.
    pub fn know(&mut self, whole: Option<Arc<Survey>>) {
        self.whole = whole;
    }

    /// This run begins as that one, up to a position.
    pub fn begin(&mut self, of: &Survey, upto: u64) {
        self.seen = of.upto(upto);
    }

    /// The steps in which a condition begins to hold, and no other, are marked from now on: those of
    /// `hits`, and those that [come](Self::hit).
    pub fn watch(&mut self, condition: Option<Condition>, hits: &Survey) {
        self.watched = condition;
        let survey = match &mut self.whole {
            Some(whole) => Arc::make_mut(whole),
            None => &mut self.seen,
        };
        survey.clear(Mark::Watch);
        survey.learn(Mark::Watch, hits);
    }

    /// What is watched for has begun to hold in this step.
    pub fn hit(&mut self, step: u64) {
        self.seen.set(Mark::Watch, step);
    }

    /// The condition whose steps are marked.
    #[must_use]
    pub fn watched(&self) -> Option<&Condition> {
        self.watched.as_ref()
    }

    /// What stands out.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        self.whole.as_deref().unwrap_or(&self.seen)
    }

    /// The same run looked back at, of which `whole` is what its steps show. What only the judges of its
    /// answers have found is known here.
    #[must_use]
    pub fn looking_back(&self, whole: &Survey) -> Self {
        let mut whole = whole.clone();
        whole.learn(Mark::Violation, self.survey());
        let (seen, whole) = (Survey::default(), Some(Arc::new(whole)));
        Self { seen, whole, rewound: true, watched: None }
    }
}

/// A run, as the list of them shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunShown {
    /// Its name.
    pub name: String,
    /// Which run it branched off, and after which step; `None`: the first.
    pub of: Option<(String, u64)>,
    /// Steps of it so far.
    pub steps: u64,
    /// It is what is shown.
    pub here: bool,
}

/// Two runs beside each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Which.
    pub names: [String; 2],
    /// Steps that they have in common.
    pub same: u64,
    /// The steps from there on of each, in words, as far as they are shown. Both empty: they are equal.
    pub sides: [Vec<String>; 2],
    /// The first of them on the screen.
    pub first: usize,
}

/// Everything that is shown of one run, and goes with it when another one is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What the profile says.
    pub about: About,
    /// The cluster.
    pub cluster: Cluster,
    /// The space-time diagram.
    pub ladder: ladder::LadderState,
    /// The whole of it.
    pub timeline: TimelineState,
    /// Generators, and whether each is running.
    pub workloads: BTreeMap<String, bool>,
    /// The replay that is running, or was.
    pub replay: Option<ReplayShown>,
}

impl Shown {
    /// A run of which only the first snapshot is known.
    #[must_use]
    pub fn new(about: About, cluster: Cluster, timeline: TimelineState) -> Self {
        let workloads = about.workloads.iter().map(|(name, _)| (name.clone(), false)).collect();
        let ladder = ladder::LadderState::default();
        Self { about, cluster, ladder, timeline, workloads, replay: None }
    }
}

impl Model {
    /// Shows another run; what was shown of this one is put in its place.
    pub fn exchange(&mut self, other: &mut Shown) {
        use core::mem::swap;
        let (level, places) = (self.ladder.level, self.ladder.places.clone());
        let alike = (self.about.amfs, self.about.disks) == (other.about.amfs, other.about.disks);
        swap(&mut self.about, &mut other.about);
        swap(&mut self.cluster, &mut other.cluster);
        swap(&mut self.ladder, &mut other.ladder);
        swap(&mut self.timeline, &mut other.timeline);
        swap(&mut self.workloads, &mut other.workloads);
        swap(&mut self.replay, &mut other.replay);
        self.foreseen = None;
        self.ladder.level = level;
        if alike {
            self.ladder.places = places;
        }
        let selected = &mut self.selected;
        (selected.message, selected.held, selected.op) = (None, None, None);
        (selected.lock, selected.fault) = (0, 0);
        if selected.amf.0 >= self.about.amfs || selected.peer.0 >= self.about.amfs {
            selected.amf.0 = 0;
            selected.peer.0 = u8::from(self.about.amfs > 1);
        }
        selected.disk.0 = selected.disk.0.min(self.about.disks.saturating_sub(1));
        self.select_block(self.selected.block.0);
        if self.heat.first + self.heat.blocks > self.about.blocks {
            self.heat = super::Heat { first: 0, blocks: self.about.blocks };
        }
    }

    /// The name of the run that is shown.
    #[must_use]
    pub fn run_name(&self) -> &str {
        self.runs.iter().find(|run| run.here).map_or("main", |run| run.name.as_str())
    }

    /// The marked step of the run that is shown.
    #[must_use]
    pub fn marked_step(&self) -> Option<u64> {
        let marked = self.marked.as_ref().filter(|(run, _)| run == self.run_name());
        marked.map(|(_, step)| *step)
    }

    /// How many steps the run that is shown has, as far as is known.
    #[must_use]
    pub fn steps(&self) -> u64 {
        let now = &self.cluster.now;
        match &now.recording {
            Some(recording) if self.is_recording() => recording.steps,
            Some(_) | None => now.step,
        }
    }
}
