//! The fold of a recording: one recorded step after the other into a world, with what was recorded of
//! the outputs compared at each.

use crate::guard::guarded;
use crate::profile::Profile;
use crate::protocol::id::NodeId;
use crate::protocol::{Answer, Config};
use crate::trace::engine::{ByKind, Counts};
use crate::trace::recording::{Head, Recorded, fits};
use crate::trace::step::{Control, Step, StepEntry};
use crate::trace::{Cells, Event};
use crate::world::{Effect, Said, World, picture};
use std::sync::Arc;

/// The first step at which this code comes to something else than was recorded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Divergence {
    /// Its number, from 1.
    pub step: u64,
    /// The machine that handled it.
    pub node: NodeId,
    /// The step.
    pub entry: StepEntry,
    /// What is different.
    pub why: String,
    /// Digest of the outputs as recorded; 0: none.
    pub expected: u32,
    /// Digest of the outputs now.
    pub got: u32,
    /// Nothing after it can be folded.
    pub is_end: bool,
}

/// Who watches what the steps bring about.
pub trait Watch {
    /// A step is about to be applied to the cluster as it is.
    fn before(&mut self, step: &StepEntry, world: &World) {
        let _ = (step, world);
    }
    /// It was applied: so many steps have happened, and the cluster is so.
    fn after(&mut self, position: u64, world: &World) {
        let _ = (position, world);
    }
    /// A host is told.
    fn answered(&mut self, answer: &Answer) {
        let _ = answer;
    }
    /// A packet is on its way, with its number on this pair.
    fn sent(&mut self, from: NodeId, to: NodeId, no: u64) {
        let _ = (from, to, no);
    }
}

/// Nobody watches.
impl Watch for () {}

/// Somebody who wants to know the answers only.
impl<F: FnMut(&Answer)> Watch for F {
    fn answered(&mut self, answer: &Answer) {
        self(answer);
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Fold {
    config: Arc<Config>,
    world: World,
    position: u64,
    messages: ByKind,
    /// Counters of AMFs that crashed.
    buried: Counts,
    trouble: Option<Divergence>,
    observed: bool,
    /// What it took so far, in steps and their effects.
    pub(super) work: u64,
}

impl Fold {
    /// Before the first step.
    #[must_use]
    pub fn new(profile: &Profile, head: &Head) -> Self {
        let config = Arc::new(profile.config.clone());
        let mut world = World::resume(&config, &head.origin);
        world.digest_outputs(true);
        let mut fold = Self {
            config,
            world,
            position: 0,
            messages: ByKind::default(),
            buried: Counts::default(),
            trouble: None,
            observed: false,
            work: 0,
        };
        fold.take_effects(&mut ());
        fold
    }

    /// Steps so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
    /// The cluster after them.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }
    /// The cluster after them, to be asked for its answers.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }
    /// The first difference.
    #[must_use]
    pub fn trouble(&self) -> Option<&Divergence> {
        self.trouble.as_ref()
    }

    /// Applies the next step; false: it cannot be applied, and the fold ends here.
    pub fn apply(&mut self, recorded: &Recorded) -> bool {
        self.apply_with(recorded, &mut ())
    }

    /// The same; `watch` hears what it brings about.
    pub fn apply_with(&mut self, recorded: &Recorded, watch: &mut impl Watch) -> bool {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.is_end) {
            return false;
        }
        if let Err(why) = fits::check(&self.config, recorded) {
            self.diverge(recorded, why, true);
            return false;
        }
        self.bury(recorded);
        watch.before(&recorded.entry, &self.world);
        let world = &mut self.world;
        // The log of a run in which the core contradicted itself makes it do so again.
        let why = match guarded(|| world.apply_recorded(recorded)) {
            Ok(Ok(())) => None,
            Ok(Err(bad)) => Some(bad.why),
            Err(panic) => Some(panic),
        };
        if let Some(why) = why {
            self.diverge(recorded, why, true);
            return false;
        }
        self.position += 1;
        while let Some(answer) = self.world.poll_answer() {
            watch.answered(&answer);
        }
        self.take_effects(watch);
        watch.after(self.position, &self.world);
        if self.world.digest() != recorded.digest {
            self.diverge(recorded, "the machine puts out something else".to_owned(), false);
        }
        true
    }

    fn diverge(&mut self, recorded: &Recorded, why: String, is_end: bool) {
        let found = Divergence {
            step: self.position + u64::from(is_end),
            node: node_of(&recorded.entry.step),
            entry: recorded.entry.clone(),
            why,
            expected: recorded.digest,
            got: if is_end { 0 } else { self.world.digest() },
            is_end,
        };
        match &mut self.trouble {
            // The first is the one that counts; the fold ends where it ends.
            Some(first) => first.is_end |= is_end,
            None => self.trouble = Some(found),
        }
    }

    fn bury(&mut self, recorded: &Recorded) {
        let amf = match &recorded.entry.step {
            Step::Control(Control::Crash(amf)) => *amf,
            step if recorded.broke => match node_of(step) {
                NodeId::Amf(amf) => amf,
                NodeId::Witness | NodeId::Disk(_) => return,
            },
            Step::Host { .. }
            | Step::Deliver { .. }
            | Step::Lose { .. }
            | Step::Tick { .. }
            | Step::Store { .. }
            | Step::Journal { .. }
            | Step::Control(_) => return,
        };
        if let Some(machine) = self.world.amf(amf) {
            picture::add(&mut self.buried, machine.stats());
        }
    }

    fn take_effects(&mut self, watch: &mut impl Watch) {
        self.work += 1;
        while let Some(effect) = self.world.poll_effect() {
            self.work += 1;
            let Effect::Sent { from, to, no, said } = effect else { continue };
            watch.sent(from, to, no);
            if let Said::Message(kind, _) = said {
                self.messages[kind.index()] += 1;
            }
        }
        self.world.forget_moved();
        if !self.observed {
            while self.world.poll_event().is_some() {}
        }
    }

    pub(super) fn observe(&mut self, on: bool) {
        self.observed = on;
        self.world.observe(on);
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.world.poll_event()).collect()
    }

    /// First sends by kind, and what AMFs had counted that crashed: what a world does not know.
    #[must_use]
    pub fn apart(&self) -> (ByKind, &Counts) {
        (self.messages, &self.buried)
    }

    pub(super) fn take_cells(&mut self) -> Cells {
        self.world.take_cells()
    }

    /// Counters since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.buried.clone();
        self.world.add_counts(&mut counts);
        counts.messages = self.messages;
        counts
    }
}

/// The machine that handles a step; the receiver of what is lost.
#[must_use]
pub fn node_of(step: &Step) -> NodeId {
    match step {
        Step::Host { amf, .. } | Step::Journal { amf, .. } => NodeId::Amf(*amf),
        Step::Deliver { to, .. } | Step::Lose { to, .. } => *to,
        Step::Tick { node } => *node,
        Step::Store { disk } => NodeId::Disk(*disk),
        Step::Control(control) => World::control_node(control),
    }
}

/// A step in words.
#[must_use]
pub fn step_text(step: &Step) -> String {
    match step {
        Step::Host { request, .. } => {
            format!("operation {}, {}", request.op.0, request.kind.name())
        }
        Step::Deliver { from, no, keep, .. } => {
            format!("packet {no} from {from}{}", if *keep { ", which comes again" } else { "" })
        }
        Step::Lose { from, no, .. } => format!("packet {no} from {from} is lost"),
        Step::Tick { .. } => "its deadline".to_owned(),
        Step::Store { .. } => "its store is done".to_owned(),
        Step::Journal { ok: true, .. } => "its journal is done".to_owned(),
        Step::Journal { ok: false, .. } => "its journal does not work".to_owned(),
        Step::Control(control) => World::control_text(control),
    }
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { step, node, entry, why, expected, got, is_end } = self;
        let at = entry.now.since(crate::protocol::id::Instant(0));
        write!(f, "step {step}, {node}, {} at {at}: {why}", step_text(&entry.step))?;
        if !is_end {
            write!(f, "\n  expected {}\n  got      {}", Outputs(*expected), Outputs(*got))?;
        }
        Ok(())
    }
}

struct Outputs(u32);

impl std::fmt::Display for Outputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("no output"),
            digest => write!(f, "outputs with digest {digest:08x}"),
        }
    }
}
