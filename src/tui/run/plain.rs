//! `--plain`: the console without a screen. Lines of words come out, commands go in, one a line, by the
//! grammar of the `:` line; made for screen readers, and for pipes.
//!
//! The next line is taken when the command before it is through. Simulated time passes only while a
//! command is under way, so that what goes in decides what comes out; a live cluster goes on by itself.

use super::super::event::{Input, Inputs};
use super::super::model::{Confirm, Level, Modal, Notice};
use super::super::plain::{self, Events};
use super::super::update::{Effect, Msg, line, update};
use super::execute::Executor;
use super::{ConsoleError, ConsoleOptions, HELD_MAX, Outside, execute, model};
use crate::profile::{Profile, Schedule};
use crate::protocol::id::{Instant, Span};
use crate::session::{AnyEngine, Replay, Session};
use crate::trace::command::ReplayCommand;
use crate::trace::engine::Progress;
use crate::trace::{Ask, Command};
use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant as Wall};

/// Between two looks at a live cluster while a command is under way.
const LOOK: Duration = Duration::from_millis(5);
/// The same while nothing is.
const QUIET: Duration = Duration::from_millis(200);
/// Simulated time of one look, and steps in one go.
const STRIDE: (Span, u64) = (Span::millis(50), 256);
/// With messages held, a live command that takes longer waits for a person.
const HELD_WAIT: Duration = Duration::from_millis(250);

/// Runs over a cluster until the input ends, or `quit` is said; then ends the cluster.
///
/// # Errors
/// See [`ConsoleError`].
#[expect(clippy::too_many_arguments, reason = "what `run` takes, and both ends of a pipe")]
pub fn run_plain(
    engine: AnyEngine,
    profile: &Profile,
    options: &ConsoleOptions,
    outside: Outside,
    replay: Option<Replay>,
    events: Events,
    input: Box<dyn BufRead + Send>,
    output: impl Write,
) -> Result<(), ConsoleError> {
    let mut session = Session::new(engine, profile);
    session.set_open_trace(std::sync::Arc::clone(&outside.open));
    let model = model(&mut session, profile, options)?;
    let (inputs, lines) = Inputs::lines(input)?;
    session.engine().set_waker(inputs.waker());
    let faults = Schedule::new(profile, Instant(0));
    let executor = Executor::new(profile, options.sets.clone());
    let mut plain = Plain {
        model,
        executor,
        inputs,
        lines,
        outside,
        faults,
        events,
        output,
        mark: 0,
        said: VecDeque::new(),
        replay_is_running: false,
        waits: false,
        asked: false,
        ended: false,
    };
    let ran = plain.run(&mut session, replay);
    let ended = session.shutdown();
    match ran {
        // Whoever listened has heard enough.
        Err(ConsoleError::Terminal(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(ended?)
}

struct Plain<W> {
    model: super::Model,
    executor: Executor,
    inputs: Inputs,
    lines: Receiver<Option<String>>,
    outside: Outside,
    faults: Schedule,
    events: Events,
    output: W,
    mark: u64,
    /// Lines to be printed.
    said: VecDeque<String>,
    replay_is_running: bool,
    /// It was said that a command waits.
    waits: bool,
    /// The question that is open was asked.
    asked: bool,
    ended: bool,
}

impl<W: Write> Plain<W> {
    fn run(&mut self, session: &mut Session, replay: Option<Replay>) -> Result<(), ConsoleError> {
        self.look(session)?;
        self.greet();
        if let Some(replay) = replay {
            self.start(session, replay);
        }
        self.print()?;
        while !self.ended {
            match self.lines.try_recv() {
                Ok(Some(line)) => {
                    if !line.is_empty() {
                        self.line(session, &line)?;
                        self.finish(session)?;
                        self.look(session)?;
                        self.said.push_back(plain::summary(&self.model));
                    }
                    self.print()?;
                }
                Ok(None) | Err(TryRecvError::Disconnected) => {
                    self.finish(session)?;
                    break;
                }
                Err(TryRecvError::Empty) => {
                    let is_called = self.sleep(QUIET);
                    if is_called || session.is_live() {
                        self.look(session)?;
                    }
                    self.print()?;
                }
            }
        }
        self.look(session)?;
        self.said.push_back("the end.".to_owned());
        Ok(self.print()?)
    }

    fn greet(&mut self) {
        let about = &self.model.about;
        let profile = format!(
            "amflab, profile {}, engine {}: {} AMFs and {} disks, {} blocks.",
            about.profile, self.model.cluster.now.engine, about.amfs, about.disks, about.blocks
        );
        self.said.push_back(profile);
        if let Some((name, _)) = about.workloads.iter().find(|(_, autostart)| *autostart) {
            let text = format!("`workload start {name}` starts the workload {name}.");
            self.said.push_back(text);
        }
        let text = "Type a command and press enter; `help` lists them, `state` tells how it stands, \
                    `quit` ends.";
        self.said.push_back(text.to_owned());
    }

    /// Waits until something comes, at most so long. True: the engine wants to be looked at.
    fn sleep(&mut self, most: Duration) -> bool {
        let come = self.inputs.queue.recv_timeout(most);
        self.ended |= matches!(come, Ok(Input::End) | Err(RecvTimeoutError::Disconnected));
        self.inputs.rearm();
        matches!(come, Ok(Input::Engine))
    }

    /// Lets the commands under way come to their end, or to where only a person can help.
    fn finish(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let start = Wall::now();
        while (self.executor.is_busy() || self.replay_is_running) && !self.ended {
            let is_still = if session.is_live() {
                self.sleep(LOOK);
                self.model.cluster.now.step_mode && start.elapsed() > HELD_WAIT
            } else {
                let until = session.now() + STRIDE.0;
                let mut progress = Progress::Stepped;
                while progress == Progress::Stepped && session.now() < until {
                    progress = session.advance_steps(until, STRIDE.1)?;
                }
                progress == Progress::Idle
            };
            self.look(session)?;
            self.print()?;
            if is_still && (self.executor.is_busy() || self.replay_is_running) {
                if !core::mem::replace(&mut self.waits, true) {
                    let text = "it waits: a message is held, or nothing goes on by itself.";
                    self.said.push_back(text.to_owned());
                }
                return Ok(());
            }
        }
        self.waits = false;
        Ok(())
    }

    /// One line of input.
    fn line(&mut self, session: &mut Session, text: &str) -> Result<(), ConsoleError> {
        if let Modal::Confirm(Confirm { then, .. }) = core::mem::take(&mut self.model.modal) {
            self.asked = false;
            if matches!(text, "y" | "yes") {
                return self.effects(session, then);
            }
            self.said.push_back("not done.".to_owned());
            return Ok(());
        }
        let text = text.trim_start_matches(':').trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match word {
            "quit" | "q" | "q!" | "exit" => self.ended = true,
            "help" | "?" => self.said.extend(plain::help(rest.trim())),
            "state" => {
                self.look(session)?;
                self.said.extend(plain::state(&self.model));
            }
            "events" => self.choose_events(rest.trim()),
            _ => match line::run(&mut self.model, text) {
                Ok(effects) => self.effects(session, effects)?,
                Err(error) => self.complain(&error),
            },
        }
        self.notices();
        Ok(())
    }

    fn choose_events(&mut self, name: &str) {
        match Events::ALL.iter().find(|(_, known)| *known == name) {
            Some((events, _)) => {
                self.events = *events;
                self.said.push_back(format!("events: {name}."));
            }
            None => self.complain("`events` needs one of none, some, hosts, all"),
        }
    }

    fn complain(&mut self, error: &str) {
        let mut lines = error.lines().map(|line| plain::one_line(line.trim()));
        let first = lines.next().unwrap_or_default();
        self.said.push_back(format!("error: {first}"));
        self.said.extend(lines);
    }

    /// What the console would show on its last line, or ask above it.
    fn notices(&mut self) {
        // An event has told what was found, and it stands in a line already.
        let is_told = self.events != Events::None && !self.model.is_recording();
        let is_news = |notice: &Notice| !is_told || !notice.text.starts_with("VIOLATION ");
        if let Some(notice) = self.model.notice.take().filter(is_news) {
            match notice.level {
                Level::Info => self.said.push_back(plain::one_line(&notice.text)),
                Level::Warn | Level::Bad => self.complain(&notice.text),
            }
        }
        match &self.model.modal {
            Modal::None => {}
            Modal::Confirm(Confirm { question, reason, .. }) => {
                if !core::mem::replace(&mut self.asked, true) {
                    self.said.push_back(format!("{question} {reason} Answer y or n."));
                }
            }
            _ => {
                self.model.modal = Modal::None;
                self.complain("that opens something on a screen; write the command out");
            }
        }
    }

    fn tell(&mut self, session: &mut Session, msg: Msg) -> Result<(), ConsoleError> {
        // What a command says stays in lines.
        let told = match &msg {
            Msg::Ran { result: Ok(lines), .. } => lines.clone(),
            _ => Vec::new(),
        };
        let effects = update(&mut self.model, msg);
        if !told.is_empty() {
            self.model.notice = None;
            self.said.extend(told.iter().flat_map(|text| text.lines()).map(plain::one_line));
        }
        self.notices();
        self.effects(session, effects)
    }

    fn effects(&mut self, session: &mut Session, effects: Vec<Effect>) -> Result<(), ConsoleError> {
        for effect in effects {
            match effect {
                Effect::Run(command) => self.command(session, &command)?,
                Effect::Save(path, replace) => {
                    let said = self.executor.save(&path, replace);
                    self.tell(session, said)?;
                }
                Effect::Source(path) => {
                    let said = self.executor.source(&path);
                    self.tell(session, said)?;
                }
                Effect::Replay(words) => match (self.outside.open)(&words, &mut |_, _| true) {
                    Ok(replay) => self.start(session, replay),
                    Err(error) => self.complain(&error),
                },
                Effect::Write(path, text) => {
                    let said = execute::write_new(&path, &text);
                    self.tell(session, said)?;
                }
                Effect::Quit => self.ended = true,
                Effect::Copy(text) => self.said.push_back(text),
                Effect::Tell(..) => {}
                Effect::Mouse(_)
                | Effect::EndJob
                | Effect::Watch(_)
                | Effect::Differ(..)
                | Effect::Rewind(_)
                | Effect::GoOn
                | Effect::Fork(_)
                | Effect::Branch(_)
                | Effect::Unbranch(_)
                | Effect::Compare(_)
                | Effect::Beside(_)
                | Effect::StepOperation
                | Effect::FindBlock(..)
                | Effect::Suspend
                | Effect::Redraw
                | Effect::Foresee(_)
                | Effect::StopForeseeing
                | Effect::StopReading
                | Effect::Learn(_)
                | Effect::Explore(_)
                | Effect::SaveLayout(..)
                | Effect::LoadLayout(_)
                | Effect::ListLayouts => {
                    self.complain("that is for a screen");
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, session: &mut Session, replay: Replay) {
        let text = replay.told();
        let command = Command::Replay(ReplayCommand::Start(replay.words.clone()));
        match session.start_replay(replay) {
            Ok(()) => {
                self.executor.keep(session, &command);
                self.replay_is_running = true;
                self.said.push_back(text);
            }
            Err(error) => self.complain(&error),
        }
    }

    fn command(&mut self, session: &mut Session, command: &Command) -> Result<(), ConsoleError> {
        let said = self.executor.run(session, command)?;
        self.take_events(session)?;
        // The next line is taken when it is through: that it is under way goes without saying.
        let under_way = format!("under way: {command}");
        let is_news = |msg: &Msg| !matches!(msg, Msg::Say(_, text) if *text == under_way);
        for msg in said.into_iter().filter(is_news) {
            self.tell(session, msg)?;
        }
        Ok(())
    }

    /// Takes in what happened, and how it stands now.
    fn look(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        if session.is_live() {
            session.pump();
        }
        while let Some(command) = self.faults.take(session.now()) {
            self.command(session, &command)?;
        }
        let said = self.executor.poll(session)?;
        // The sentence of an operation is told from its events.
        self.take_events(session)?;
        for msg in said {
            self.tell(session, msg)?;
        }
        self.take_events(session)?;
        let ask = Ask { held_max: HELD_MAX, lamps: true, ..Ask::BRIEF };
        let snapshot = session.snapshot(&ask);
        let running = session.workloads_running().map(str::to_owned).collect();
        self.tell(session, Msg::Workloads(running))?;
        self.follow_replay(session);
        self.tell(session, Msg::Snapshot(Box::new(snapshot)))
    }

    fn follow_replay(&mut self, session: &Session) {
        use crate::session::ReplayState;
        let Some(progress) = session.replay().filter(|_| self.replay_is_running) else { return };
        let word = match progress.state {
            ReplayState::Running => return,
            ReplayState::Paused => "paused",
            ReplayState::Done => "done",
            ReplayState::Stopped => "stopped",
        };
        self.replay_is_running = false;
        self.said.push_back(format!(
            "replay {} {word}: {} of {} requests, {} reads verified, {} errors{}.",
            progress.name,
            progress.answered,
            progress.requests,
            progress.reads,
            progress.errors,
            progress.retried_told()
        ));
    }

    fn take_events(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let mark = session.mark();
        let events: Vec<_> = session.events_since(self.mark).cloned().collect();
        self.mark = mark;
        for event in events {
            self.said.extend(plain::event(&event, self.events));
            self.tell(session, Msg::Event(event))?;
        }
        Ok(())
    }

    fn print(&mut self) -> io::Result<()> {
        while let Some(line) = self.said.pop_front() {
            writeln!(self.output, "{line}")?;
        }
        self.output.flush()
    }
}
