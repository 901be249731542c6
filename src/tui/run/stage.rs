//! The runs that the console has: one is shown, the others stand still and go on where they were.
//!
//! A [`Stage`] is a cluster with everything that belongs to it and not to the screen. [`Console::exchange`]
//! shows another one, and puts what was shown in its place: that is all of the switch. On it rest looking
//! back at a run that goes on (`past`: a `Player` over the steps so far, the run under it), forks, and
//! whatever else wants to show a cluster of its own for a while.

use super::super::model::timeline::{RUNS_MAX, RunShown, Shown, TimelineState};
use super::super::model::{About, Level, Screen};
use super::super::snapshot::Cluster;
use super::super::update::{Msg, acts};
use super::execute::Executor;
use super::job::{Reading, Work};
use super::meter::Meter;
use super::pace::Clock;
use super::replaying::Opening;
use super::{Console, ConsoleError};
use crate::profile::{Profile, Schedule};
use crate::protocol::id::Instant;
use crate::session::{AnyEngine, Session};
use crate::timeline::compare::{Comparison, side_by_side};
use crate::trace::action::{Action, HoldFilter};
use crate::trace::recording::Whole;
use crate::trace::{Ask, Command, Event};
use core::mem::swap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant as Wall;

/// Steps of each run that are shown from their first difference on.
const COMPARED_STEPS: usize = 200;

const NO_FORK: &str = "no run can begin here";
const NO_COMPARISON: &str = "they cannot be compared";

/// Steps of a recording before a fork that the fork shows, too ...
const BEFORE_STEPS: u64 = 500;
/// ... and events of a cluster that ran.
const BEFORE_EVENTS: usize = 2_000;

/// A cluster that goes on from some step of a recording, in step mode.
pub struct Forked {
    /// It runs; nothing happens by itself.
    pub engine: AnyEngine,
    /// What it was built from.
    pub profile: Profile,
}

/// Makes one: of a recording, from this position (`None`: its end), the so-manieth in this console.
pub type Forks =
    Arc<dyn Fn(&mut dyn Read, Option<u64>, u64) -> Result<Forked, String> + Send + Sync>;

/// Begins two clusters on the same input, the second with these keys of the profile changed: the two as one
/// engine, whose snapshots have both.
pub type Besides = Arc<dyn Fn(&[String]) -> Result<Forked, String> + Send + Sync>;

/// See the module.
pub(super) struct Stage {
    here: Here,
    pub(super) session: Session,
    executor: Executor,
    faults: Schedule,
    mark: u64,
    clock: Clock,
    /// A trace that is being opened for it, and how fast its replay is.
    opening: Option<Opening>,
    meter: Meter,
    replay_told: bool,
    shown: Shown,
}

/// Which run this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Here {
    pub(super) name: String,
    /// The run that it branched off, and after which step.
    pub(super) of: Option<(String, u64)>,
}

impl Stage {
    /// A cluster that is not shown yet. Nothing of what its profile would start by itself is started.
    pub(super) fn new(
        here: Here,
        engine: AnyEngine,
        profile: &Profile,
        console: &Console,
        timeline: TimelineState,
    ) -> Self {
        let mut profile = profile.clone();
        profile.faults.clear();
        profile.workloads.iter_mut().for_each(|workload| workload.autostart = false);
        let mut session = Session::new(engine, &profile);
        session.set_open_trace(Arc::clone(&console.outside.open));
        Self::of_session(here, session, &profile, console, timeline)
    }

    /// The same with a session that is there already. Its profile starts nothing by itself.
    pub(super) fn of_session(
        here: Here,
        mut session: Session,
        profile: &Profile,
        console: &Console,
        timeline: TimelineState,
    ) -> Self {
        let clock = console.clock_of(&mut session);
        let first = session.snapshot(&Ask::BRIEF);
        let shown = Shown::new(About::new(profile), Cluster::new(first), timeline);
        let executor = Executor::new(profile, Vec::new());
        let faults = Schedule::new(profile, session.now());
        let (opening, meter, mark) = (None, Meter::new(Wall::now()), 0);
        let replay_told = false;
        Self { here, session, executor, faults, mark, clock, opening, meter, replay_told, shown }
    }

    /// What is said about its profile on the screen.
    pub(super) fn about(&mut self) -> &mut About {
        &mut self.shown.about
    }
}

impl Stage {
    /// What happened before it began.
    fn remember(&mut self, events: Vec<Event>) {
        for event in events {
            self.shown.cluster.event(event.clone());
            self.shown.ladder.take(event);
        }
    }

    /// Writes what was commanded in it as a script.
    pub(super) fn save(&self, path: &Path, replace: bool) -> Msg {
        self.executor.save(path, replace)
    }
}

impl Console {
    /// How a cluster comes by its time; it calls this console if it can.
    pub(super) fn clock_of(&self, session: &mut Session) -> Clock {
        match session.engine().set_waker(self.inputs.waker()) {
            true => Clock::Waking,
            false if session.is_live() => Clock::Polled,
            false => Clock::Driven,
        }
    }

    /// Shows the cluster of `stage`, and puts the one that was shown in its place.
    pub(super) fn exchange(&mut self, session: &mut Session, stage: &mut Stage) {
        swap(session, &mut stage.session);
        swap(&mut self.here, &mut stage.here);
        swap(&mut self.executor, &mut stage.executor);
        swap(&mut self.faults, &mut stage.faults);
        swap(&mut self.mark, &mut stage.mark);
        swap(&mut self.opening, &mut stage.opening);
        swap(&mut self.meter, &mut stage.meter);
        swap(&mut self.replay_told, &mut stage.replay_told);
        self.model.exchange(&mut stage.shown);
        let clock = self.pace.clock();
        self.pace = self.pace.of_another(stage.clock, Wall::now());
        stage.clock = clock;
        (self.foreseeing, self.job, self.model.job) = (None, None, None);
        self.acted = true;
    }

    /// A cluster that runs by itself does so no more: it is not looked at.
    pub(super) fn stand_still(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        if self.model.is_recording() || self.model.cluster.now.step_mode {
            return Ok(());
        }
        self.run_command(session, &Command::Act(Action::Hold(HoldFilter::ALL)))
    }

    /// What is shown now is new on the screen.
    pub(super) fn arrive(
        &mut self,
        session: &mut Session,
        said: String,
    ) -> Result<(), ConsoleError> {
        self.list_runs();
        self.refresh(session)?;
        self.tell(session, Msg::Arrived)?;
        self.tell(session, Msg::Say(Level::Info, said))?;
        self.watch_here(session)
    }

    pub(super) fn bad(&mut self, session: &mut Session, why: &str) -> Result<(), ConsoleError> {
        self.tell(session, Msg::Say(Level::Bad, why.replace('\n', "  ")))
    }

    // ---- forks

    /// Another run, which begins where this one is shown.
    pub(super) fn fork(
        &mut self,
        session: &mut Session,
        name: Option<String>,
    ) -> Result<(), ConsoleError> {
        if self.parked.len() + 1 >= RUNS_MAX {
            let why = format!("{RUNS_MAX} runs are there already; `:unbranch NAME` gives one up");
            return self.bad(session, &why);
        }
        let name = name.unwrap_or_else(|| self.free_name());
        if !is_name(&name) {
            let why = format!("`{name}` is no name: letters, digits, `-` and `_`, at most 16");
            return self.bad(session, &why);
        }
        if self.names().any(|other| other == name) {
            return self.bad(session, &format!("the run {name} is there already"));
        }
        if self.is_at_work(session)? {
            return Ok(());
        }
        self.stand_still(session)?;
        let whole = match session.recorded() {
            Ok(whole) => whole,
            Err(error) => return self.bad(session, &format!("{NO_FORK}: {error}")),
        };
        let here = self.model.cluster.now.step;
        let at = self.model.is_recording().then_some(here);
        let before = self.before(session, here)?;
        let share = at.map_or(1, |at| (self.model.steps() / at.max(1)).max(1));
        let work = Work {
            what: format!("another run from step {here}"),
            without: NO_FORK,
            bytes: whole.len() / share,
        };
        let (fork, no) = (Arc::clone(&self.outside.fork), self.forks);
        self.begin_job(session, work, move |progress| {
            let forked = fork(&mut progress.read(&whole), at, no)?;
            Ok(Box::new(move |console: &mut Self, session: &mut Session| {
                console.forked(session, name, at, forked, before)
            }))
        })
    }

    /// Shows a run that has just branched off.
    fn forked(
        &mut self,
        session: &mut Session,
        name: String,
        at: Option<u64>,
        Forked { engine, profile }: Forked,
        before: Vec<Event>,
    ) -> Result<(), ConsoleError> {
        self.stand_still(session)?;
        self.forks += 1;
        let mut survey = TimelineState::default();
        survey.begin(self.model.timeline.survey(), at.unwrap_or(u64::MAX));
        let mut here = Here { name, of: None };
        let mut stage = Stage::new(here.clone(), engine, &profile, self, survey);
        let step = stage.shown.cluster.now.step;
        here.of = Some((self.here.name.clone(), step));
        stage.here = here;
        stage.remember(before);
        self.leave_past(session);
        self.exchange(session, &mut stage);
        self.parked.push(stage);
        let (name, step) = (self.here.name.clone(), self.model.cluster.now.step);
        let held = self.model.cluster.now.held_total;
        let text = format!("{name} begins at step {step}, {held} held: deliver, drop or repeat");
        self.arrive(session, text)
    }

    /// Two clusters on the same input, from their beginning on; the run that was shown stands still.
    pub(super) fn beside(
        &mut self,
        session: &mut Session,
        sets: &[String],
    ) -> Result<(), ConsoleError> {
        if self.parked.len() + 1 >= RUNS_MAX {
            let why = format!("{RUNS_MAX} runs are there already; `:unbranch NAME` gives one up");
            return self.bad(session, &why);
        }
        let Forked { engine, profile } = match (self.outside.beside)(sets) {
            Ok(two) => two,
            Err(why) => return self.bad(session, &why),
        };
        self.stand_still(session)?;
        self.leave_past(session);
        // It goes on from nothing: step 0 is where all runs of a profile are the same.
        let here = Here { name: self.free_name(), of: Some((self.here.name.clone(), 0)) };
        let name = here.name.clone();
        let survey = TimelineState::default();
        let mut stage = Stage::new(here, engine, &profile, self, survey);
        stage.faults = Schedule::new(&profile, Instant(0));
        self.exchange(session, &mut stage);
        self.parked.push(stage);
        for spec in profile.workloads.iter().filter(|spec| spec.autostart) {
            self.run_command(session, &Command::Workload(true, spec.name.clone()))?;
        }
        for effect in acts::show(&mut self.model, Screen::Beside) {
            self.effect(session, effect)?;
        }
        let text = format!("{name}: two clusters, every request to both; `:branch` goes back");
        self.arrive(session, text)
    }

    /// What is shown is not the console's own run, as it goes on.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.under.is_some() || self.here.of.is_some()
    }

    /// What happened in the run that is shown, right before this step.
    fn before(&self, session: &mut Session, step: u64) -> Result<Vec<Event>, ConsoleError> {
        let told = session.told(step.saturating_sub(BEFORE_STEPS), step)?;
        Ok(told.unwrap_or_else(|| self.model.ladder.newest(BEFORE_EVENTS)))
    }

    /// The first of `b1`, `b2`, ... that is free.
    fn free_name(&self) -> String {
        let mut names = (1..).map(|no| format!("b{no}"));
        names.find(|name| self.names().all(|other| other != name)).unwrap_or_default()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let parked = self.parked.iter().map(|stage| stage.here.name.as_str());
        std::iter::once(self.here.name.as_str()).chain(parked)
    }

    /// The run itself is shown again, if it was looked back at.
    fn leave_past(&mut self, session: &mut Session) {
        if let Some(mut stage) = self.under.take() {
            self.exchange(session, &mut stage);
        }
    }

    /// Shows another run.
    pub(super) fn branch(&mut self, session: &mut Session, name: &str) -> Result<(), ConsoleError> {
        if name.is_empty() {
            let Some((of, _)) = self.here.of.clone() else {
                let names: Vec<&str> = self.names().collect();
                let why = format!("`branch` shows another run: {}", names.join(", "));
                return self.bad(session, &why);
            };
            return self.branch(session, &of);
        }
        if name == self.here.name {
            return match self.under {
                Some(_) => self.go_on(session),
                None => self.bad(session, &format!("{name} is shown already")),
            };
        }
        let Some(at) = self.parked.iter().position(|stage| stage.here.name == name) else {
            return self.no_run(session, name);
        };
        self.leave_past(session);
        self.stand_still(session)?;
        let mut stage = self.parked.remove(at);
        self.exchange(session, &mut stage);
        self.parked.push(stage);
        let on = if self.model.is_recording() { "" } else { "; space lets it run" };
        self.arrive(session, format!("{name}: it stands where it was left{on}"))
    }

    /// Gives up a run.
    pub(super) fn unbranch(
        &mut self,
        session: &mut Session,
        name: &str,
    ) -> Result<(), ConsoleError> {
        let first = self.first_name();
        if name == first {
            return self.bad(session, &format!("{name} is the run that this began with: it stays"));
        }
        if name == self.here.name {
            self.branch(session, &first)?;
        }
        let Some(at) = self.parked.iter().position(|stage| stage.here.name == name) else {
            return self.no_run(session, name);
        };
        self.parked.remove(at);
        self.list_runs();
        self.tell(session, Msg::Say(Level::Info, format!("{name} is given up")))
    }

    /// The run that this console began with: the only one that branched off none.
    fn first_name(&self) -> String {
        let all = std::iter::once(&self.here).chain(self.parked.iter().map(|stage| &stage.here));
        let first = all.into_iter().find(|here| here.of.is_none());
        first.map_or_else(String::new, |here| here.name.clone())
    }

    /// The run that this console began with is shown, to be ended as it should.
    pub(super) fn back_to_first(&mut self, session: &mut Session) {
        self.leave_past(session);
        if let Some(at) = self.parked.iter().position(|stage| stage.here.of.is_none()) {
            let mut stage = self.parked.remove(at);
            self.exchange(session, &mut stage);
        }
    }

    fn no_run(&mut self, session: &mut Session, name: &str) -> Result<(), ConsoleError> {
        let names: Vec<&str> = self.names().collect();
        let why = format!("no run is called {name}; there is {}", names.join(", "));
        self.bad(session, &why)
    }

    /// Tells the model which runs there are, the first one first.
    pub(super) fn list_runs(&mut self) {
        let past = self.under.as_ref();
        let now = past.map_or(&self.model.cluster.now, |stage| &stage.shown.cluster.now);
        let run = |here: &Here, steps, is_here| RunShown {
            name: here.name.clone(),
            of: here.of.clone(),
            steps,
            here: is_here,
        };
        let mut runs = vec![run(&self.here, now.step, true)];
        let parked = self.parked.iter();
        runs.extend(parked.map(|stage| run(&stage.here, stage.shown.cluster.now.step, false)));
        runs.sort_by(|a, b| (a.of.is_some(), &a.name).cmp(&(b.of.is_some(), &b.name)));
        self.model.run_at = self.model.run_at.min(runs.len() - 1);
        self.model.runs = runs;
    }

    // ---- two of them

    /// Puts two runs side by side, from their first difference on.
    pub(super) fn compare(
        &mut self,
        session: &mut Session,
        names: [String; 2],
    ) -> Result<(), ConsoleError> {
        if let Some(name) = names.iter().find(|name| self.names().all(|other| other != *name)) {
            let name = name.clone();
            return self.no_run(session, &name);
        }
        if self.is_at_work(session)? {
            return Ok(());
        }
        let [a, b] = &names;
        let runs = self.whole_run(session, a).and_then(|a| Ok([a, self.whole_run(session, b)?]));
        let [a, b] = match runs {
            Ok(runs) => runs,
            Err(why) => return self.bad(session, &format!("{NO_COMPARISON}: {why}")),
        };
        let work = Work {
            what: format!("comparing {} and {}", names[0], names[1]),
            without: NO_COMPARISON,
            // Each is read twice, though seldom to its end.
            bytes: 2 * (a.len() + b.len()),
        };
        let arrow = self.model.glyphs.arrow;
        self.begin_job(session, work, move |progress| {
            let open: [&dyn Fn() -> Reading; 2] = [&|| progress.read(&a), &|| progress.read(&b)];
            let compared = side_by_side(open, COMPARED_STEPS, arrow);
            let Comparison { same, sides } = compared.map_err(|error| error.to_string())?;
            Ok(Box::new(move |console: &mut Self, session: &mut Session| {
                console.tell(session, Msg::Compared(Box::new((names, same, sides))))
            }))
        })
    }

    fn whole_run(&mut self, session: &mut Session, name: &str) -> Result<Whole, String> {
        let whole = if name == self.here.name {
            match &mut self.under {
                Some(stage) => stage.session.recorded(),
                None => session.recorded(),
            }
        } else {
            let stage = self.parked.iter_mut().find(|stage| stage.here.name == name);
            stage.map_or(Ok(Vec::new().into()), |stage| stage.session.recorded())
        };
        whole.map_err(|error| format!("{name}: {error}"))
    }
}

/// Names are words of the `:` line.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=16).contains(&name.len()) && name.chars().all(fits)
}
