//! The loop: sleep, take in what came, let the cluster go on, draw.
//!
//! A key is drawn at once; the cluster is looked at 30 times a second at most, and once a second (or
//! never) while nothing happens: see [`pace`]. Nothing here decides anything: that is `update`.

mod effects;
mod execute;
mod exploring;
mod foreseeing;
mod job;
mod layouts;
mod learning;
mod looking;
mod meter;
mod options;
pub mod pace;
mod past;
mod plain;
mod remarks;
mod replaying;
mod stage;
mod stepping;
mod watching;

use super::cast::{self, Recorder};
use super::config::{Config, LAYOUT_DEFAULT};
use super::event::{Input, Inputs};
use super::glyph;
use super::keymap::Keymap;
use super::model::{About, Level, Model};
use super::snapshot::Cluster;
use super::terminal::{self, Screen};
use super::theme::Theme;
use super::update::{Effect, Msg};
use super::view;
use crate::explore::Table;
use crate::profile::{Profile, Schedule};
use crate::protocol::id::Instant;
use crate::session::{AnyEngine, Replay, Session};
use crate::trace::action::Action;
use crate::trace::{Ask, Command};
pub use options::{ConsoleError, ConsoleOptions, Outside};
pub use plain::run_plain;

use execute::Executor;
pub use foreseeing::Foresee;
use foreseeing::Foreseeing;
use job::Job;
use learning::Lessons;
use meter::Meter;
use pace::{Clock, Pace, QUIET};
use remarks::Remark;
pub use stage::{Besides, Forked, Forks};
use stage::{Here, Stage};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant as Wall};

/// Full speed, in thousandths.
const TEMPO_FULL: u32 = 1_000;
/// Inputs taken in before the screen is drawn.
const INPUTS_AT_ONCE: usize = 64;
/// Held messages that are described.
const HELD_MAX: usize = 500;
/// Wait for `SIGSTOP` to have its effect; an orphaned process is never stopped.
const STOP_MAX: Duration = Duration::from_secs(1);

/// Runs the console over a cluster until it is told to end; then ends the cluster.
///
/// # Errors
/// See [`ConsoleError`]. The terminal is given back in every case.
pub fn run(
    engine: AnyEngine,
    profile: &Profile,
    options: &ConsoleOptions,
    outside: Outside,
    replay: Option<Replay>,
) -> Result<(), ConsoleError> {
    if !terminal::is_there() {
        return Err(ConsoleError::NoTerminal);
    }
    let mut session = Session::new(engine, profile);
    let model = model(&mut session, profile, options)?;
    let remarks = remarks::listen();
    let cast = options.cast.as_deref().map(|path| begin_cast(path, options)).transpose()?;
    let inputs = Inputs::listen()?;
    let mut console = Console {
        screen: Screen::take(model.mouse, outside.is_caught, cast.clone())?,
        cast,
        layouts: options.layouts.clone(),
        model,
        here: Here { name: "main".to_owned(), of: None },
        under: None,
        parked: Vec::new(),
        forks: 1,
        executor: Executor::new(profile, options.sets.clone()),
        pace: Pace::new(Clock::Driven, Wall::now(), frame_of(&options.config)),
        begun: Begun::of(options),
        inputs,
        mark: 0,
        slept: Duration::ZERO,
        faults: Schedule::new(profile, Instant(0)),
        asked: Ask::BRIEF,
        acted: false,
        meanwhile: false,
        ended: false,
        outside,
        opening: None,
        foreseeing: None,
        job: None,
        exploring: Vec::new(),
        meter: Meter::new(Wall::now()),
        replay_told: false,
        lessons: Lessons::new(options.progress.clone()),
        lesson: options.lesson.clone(),
        remarks,
    };
    let clock = console.clock_of(&mut session);
    console.pace = console.pace.of_another(clock, Wall::now());
    console.model.timeline.know(session.survey());
    session.set_open_trace(std::sync::Arc::clone(&console.outside.open));
    if let Some(replay) = replay {
        console.start_replay(&mut session, replay)?;
    }
    let ran = console.run(&mut session);
    // The cluster that is ended is the console's own, however this ends.
    console.end_lesson(&mut session);
    console.back_to_first(&mut session);
    drop(console);
    let ended = session.shutdown();
    match ran {
        // A terminal that goes away is an end like any other.
        Err(ConsoleError::Terminal(_)) if terminal::is_gone() => {}
        other => other?,
    }
    Ok(ended?)
}

/// What is shown first.
fn model(
    session: &mut Session,
    profile: &Profile,
    options: &ConsoleOptions,
) -> Result<Model, ConsoleError> {
    let config = &options.config;
    let theme = Theme::named(config.theme)?;
    let cluster = Cluster::new(session.snapshot(&Ask::BRIEF));
    let mut model = Model::new(About::new(profile), cluster, theme.clone());
    if model.cluster.now.beside.is_some() {
        model.screen = super::model::Screen::Beside;
    }
    model.no_color = options.no_color;
    model.depth = options.depth;
    model.set_theme(theme);
    let mut keymap = Keymap::default();
    config.keys.iter().for_each(|change| keymap.rebind(change));
    keymap.set(&options.keys)?;
    model.keymap = keymap;
    model.mouse = config.mouse;
    model.hint = config.hint;
    if options.ascii.is_some() {
        model.glyphs = &glyph::ASCII;
    }
    Ok(model)
}

/// Begins to record what is drawn and typed.
fn begin_cast(path: &Path, options: &ConsoleOptions) -> Result<Recorder, ConsoleError> {
    let size = crossterm::terminal::size()?;
    Recorder::create(path, size, &options.term)
        .map_err(|error| ConsoleError::Cast(format!("{}: {error}", path.display())))
}

/// Least time between two frames.
fn frame_of(config: &Config) -> Duration {
    Duration::from_secs(1) / config.frames.max(1)
}

/// What the console begins with.
#[derive(Clone)]
struct Begun {
    tempo: u32,
    /// Why there are only ASCII signs, if nobody asked for them.
    only_ascii: Option<String>,
    layout: Option<String>,
}

impl Begun {
    fn of(options: &ConsoleOptions) -> Self {
        let layout = &options.config.layout;
        Self {
            tempo: options.config.tempo,
            only_ascii: options.ascii.clone().filter(|why| !why.is_empty()),
            layout: (layout != LAYOUT_DEFAULT).then(|| layout.clone()),
        }
    }
}

/// The console while it runs.
struct Console {
    model: Model,
    screen: Screen,
    inputs: Inputs,
    /// What is drawn and typed is recorded.
    cast: Option<Recorder>,
    /// Where layouts are kept.
    layouts: Option<PathBuf>,
    executor: Executor,
    pace: Pace,
    begun: Begun,
    /// Number of the first event that was not shown yet.
    mark: u64,
    /// How long the console meant to sleep.
    slept: Duration,
    /// The profile's fault schedule.
    faults: Schedule,
    /// What the newest snapshot was asked for.
    asked: Ask,
    /// A command was given since the last look.
    acted: bool,
    /// Keys, or a call of the engine, were taken in during a look.
    meanwhile: bool,
    ended: bool,
    outside: Outside,
    /// A trace that is being opened for the run that is shown.
    opening: Option<replaying::Opening>,
    /// Futures that are being tried.
    foreseeing: Option<Foreseeing>,
    /// A recording that is being folded.
    job: Option<Job>,
    /// State x event tables that are being made, each in a thread of its own.
    exploring: Vec<Receiver<Arc<Table>>>,
    meter: Meter,
    /// The end of the newest replay was told.
    replay_told: bool,
    /// The run that is shown.
    here: Here,
    /// It is looked back at: the run itself, which stands still meanwhile.
    under: Option<Stage>,
    /// The other runs.
    parked: Vec<Stage>,
    /// Runs that have branched off so far, and one.
    forks: u64,
    lessons: Lessons,
    /// The lesson to begin with.
    lesson: Option<String>,
    /// What other parts of the program remark.
    remarks: Receiver<Remark>,
}

impl Console {
    fn run(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let (width, height) = self.screen.size()?;
        self.tell(session, Msg::Resize(width, height))?;
        let autostart = self.model.about.workloads.clone();
        for (name, _) in autostart.into_iter().filter(|(_, autostart)| *autostart) {
            self.run_command(session, &Command::Workload(true, name))?;
        }
        let Begun { tempo, only_ascii, layout } = self.begun.clone();
        if tempo != TEMPO_FULL && !self.model.is_recording() {
            self.run_command(session, &Command::Act(Action::Tempo(tempo)))?;
        }
        self.model.notice = None;
        self.begin_with_lesson(session)?;
        if let Some(why) = only_ascii {
            let text = format!("ASCII signs: {why}; --ascii=never draws lines anyway");
            self.model.say(Level::Info, text);
        }
        if let Some(name) = layout {
            self.effect(session, Effect::LoadLayout(name))?;
        }
        let frame = self.pace.frame();
        let mut look = self.look(session)?;
        self.draw()?;
        let mut drawn = Wall::now();
        let mut looked = drawn;
        let mut owed = false;
        while !self.ended {
            let drives = self.drives(session);
            let sleep = match drives {
                true => Some(Duration::ZERO),
                false if owed => Some(frame.saturating_sub(looked.elapsed())),
                false => self.pace.sleep(&look),
            };
            let (keys, news) = self.take_in(session, sleep, (!drives).then_some(drawn))?;
            if self.ended {
                break;
            }
            // A key is drawn before anything else is done; what a command did is looked at first.
            if keys && !self.acted {
                self.draw()?;
                drawn = Wall::now();
            }
            if drives {
                self.drive(session)?;
            }
            let now = Wall::now();
            // The cluster is looked at 30 times a second, and after a command.
            let is_due = now.duration_since(looked) >= frame;
            if !self.acted && !is_due && (keys || drives) {
                // The engine has called, or the screen shows something else, and is not looked at yet.
                owed |= news || self.ask() != self.asked;
                continue;
            }
            let acted = self.acted;
            owed |= self.ask() != self.asked;
            look = self.look(session)?;
            looked = now;
            let stale = now.duration_since(drawn) >= QUIET;
            let meanwhile = core::mem::take(&mut self.meanwhile);
            owed |= meanwhile;
            if acted || drives || news || owed || look.busy || look.tasks || stale {
                self.draw()?;
                drawn = Wall::now();
            }
            // What came in the middle of the look is looked at in the next.
            owed = meanwhile;
        }
        Ok(())
    }

    /// Sleeps until something comes, then takes in what there is: were there keys, did the engine call?
    /// `drawn`: when the last frame was, if the next one is to wait for its turn.
    fn take_in(
        &mut self,
        session: &mut Session,
        sleep: Option<Duration>,
        drawn: Option<Wall>,
    ) -> Result<(bool, bool), ConsoleError> {
        self.slept = sleep.unwrap_or(Duration::ZERO);
        let first = match sleep {
            Some(sleep) => match self.inputs.queue.recv_timeout(sleep) {
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(Input::End),
            },
            None => Some(self.inputs.queue.recv().unwrap_or(Input::End)),
        };
        let (mut keys, mut news) = (false, false);
        let mut next = first;
        for turn in 1.. {
            let Some(input) = next.take() else { break };
            match input {
                Input::Engine => news = true,
                other => {
                    keys = true;
                    self.input(session, other)?;
                }
            }
            // What is not taken out of the queue now stays in it.
            if self.ended || turn == INPUTS_AT_ONCE {
                break;
            }
            next = match self.inputs.queue.try_recv() {
                Ok(input) => Some(input),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Input::End),
            };
        }
        if let Some(drawn) = drawn.filter(|_| news && !keys) {
            // The engine calls as often as it likes; the rest of the frame belongs to whoever types.
            let left = self.pace.frame().saturating_sub(drawn.elapsed());
            if let Ok(input) = self.inputs.queue.recv_timeout(left)
                && input != Input::Engine
            {
                keys = true;
                self.input(session, input)?;
            }
        }
        // Also without its call: that one may have found the queue full.
        self.inputs.rearm();
        Ok((keys, news))
    }

    fn input(&mut self, session: &mut Session, input: Input) -> Result<(), ConsoleError> {
        use crossterm::event::Event;
        match input {
            Input::Engine
            | Input::Line
            | Input::Terminal(Event::FocusGained | Event::FocusLost) => {}
            Input::End => self.ended = true,
            Input::Terminal(Event::Key(key)) => {
                if let Some(cast) = &self.cast {
                    cast.with(|cast, at| cast.input(at, &cast::typed(key)));
                }
                self.tell(session, Msg::Key(key))?;
            }
            Input::Terminal(Event::Mouse(mouse)) => self.tell(session, Msg::Mouse(mouse))?,
            Input::Terminal(Event::Paste(text)) => self.tell(session, Msg::Paste(text))?,
            Input::Terminal(Event::Resize(..)) | Input::Resized => {
                let (width, height) = self.screen.size()?;
                // Smaller and back at once is the same size, and yet what was shown may be cut.
                self.screen.clear()?;
                if let Some(cast) = &self.cast {
                    cast.with(|cast, at| cast.resize(at, (width, height)));
                }
                self.tell(session, Msg::Resize(width, height))?;
            }
            Input::Continued => self.resume(session)?,
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        if let Some(why) =
            self.cast.as_ref().and_then(|cast| cast.with(|cast, _| cast.trouble())?)
        {
            self.model.say(Level::Warn, why);
        }
        let model = &self.model;
        self.screen.draw(|frame| {
            // One of another size already is drawn once its `Resize` has been told.
            if frame.area().as_size() == model.size {
                view::draw(frame, model);
            }
        })
    }

    /// Stops this program as `ctrl-z` does; what is on the screen belongs to the shell meanwhile.
    fn suspend(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        self.screen.leave();
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::TSTP)
            .map_err(io::Error::from)?;
        // The signal needs a moment to stop every thread; SIGCONT says that it is over.
        let asked = Wall::now();
        while let Ok(input) =
            self.inputs.queue.recv_timeout(STOP_MAX.saturating_sub(asked.elapsed()))
        {
            if matches!(input, Input::Continued | Input::End) {
                self.ended = input == Input::End;
                break;
            }
        }
        self.resume(session)
    }

    fn resume(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        self.screen.enter()?;
        self.pace.skip(Wall::now());
        let (width, height) = self.screen.size()?;
        self.tell(session, Msg::Resize(width, height))
    }
}
