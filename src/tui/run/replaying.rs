//! A replay in the console: its trace is opened beside everything else, and while it runs the cluster
//! is driven between two looks at the keys.

use super::super::model::{Level, Reading};
use super::super::update::Msg;
use super::meter::Meter;
use super::pace::Clock;
use super::{Console, ConsoleError};
use crate::protocol::id::Span;
use crate::session::{Replay, ReplayState, Session};
use crate::trace::command::{Command, Condition, ReplayCommand};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant as Wall};

/// Wall time between two looks at the keys while a trace is replayed.
const DRIVE: Duration = Duration::from_millis(8);
/// Wall time between two looks at how far a trace is read.
const TOLD_EVERY: Duration = Duration::from_millis(100);
/// A request that is due this soon is waited for.
const SOON: Span = Span::millis(20);
/// How long a saved session waits for the end of a replay that came to it.
const REPLAYED_MAX: Span = Span::secs(3_600);
/// A replay in a live cluster looks for answers at least this often.
const LIVE_TURN: Span = Span::millis(2);

/// A trace that is being opened in a thread of its own, until this goes.
pub(super) struct Opening {
    words: String,
    opened: Receiver<Result<Replay, String>>,
    far: Arc<Far>,
    /// What of that was shown last.
    shown: u64,
}

/// How far it is.
#[derive(Debug, Default)]
struct Far {
    done: AtomicU64,
    bytes: AtomicU64,
    stop: AtomicBool,
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.far.stop.store(true, Ordering::Relaxed);
    }
}

impl Console {
    /// Opens a trace in a thread of its own: it is read once from its first line to its last.
    pub(super) fn open_trace(
        &mut self,
        session: &mut Session,
        words: &str,
    ) -> Result<(), ConsoleError> {
        if self.opening.is_some() {
            self.model.say(Level::Bad, "a trace is being opened already; esc stops that");
            return Ok(());
        }
        let (sender, opened) = mpsc::sync_channel(1);
        let (open, wake) = (Arc::clone(&self.outside.open), self.inputs.waker());
        let far = Arc::new(Far::default());
        let (told, text) = (Arc::clone(&far), words.to_owned());
        self.model.say(Level::Info, format!("reading {words}"));
        thread::Builder::new().name("console-trace".to_owned()).spawn(move || {
            let mut woken = Wall::now();
            let opened = open(&text, &mut |done, bytes| {
                told.done.store(done, Ordering::Relaxed);
                told.bytes.store(bytes, Ordering::Relaxed);
                if woken.elapsed() >= TOLD_EVERY {
                    woken = Wall::now();
                    wake();
                }
                !told.stop.load(Ordering::Relaxed)
            });
            let _ = sender.send(opened);
            wake();
        })?;
        self.opening = Some(Opening { words: words.to_owned(), opened, far, shown: 0 });
        let (words, done, bytes) = (words.to_owned(), 0, 0);
        self.tell(session, Msg::Reading(Some(Reading { words, done, bytes })))
    }

    /// Starts the replay of a trace that has been opened; of one that is being read, shows how far it is.
    pub(super) fn take_trace(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        let Some(opening) = &mut self.opening else { return Ok(()) };
        let opened = match opening.opened.try_recv() {
            Ok(opened) => opened,
            Err(TryRecvError::Empty) => {
                let done = opening.far.done.load(Ordering::Relaxed);
                if done == opening.shown {
                    return Ok(());
                }
                opening.shown = done;
                let (words, bytes) = (opening.words.clone(), &opening.far.bytes);
                let reading = Reading { words, done, bytes: bytes.load(Ordering::Relaxed) };
                return self.tell(session, Msg::Reading(Some(reading)));
            }
            Err(TryRecvError::Disconnected) => Err("the trace could not be read".to_owned()),
        };
        self.opening = None;
        self.tell(session, Msg::Reading(None))?;
        match opened {
            Ok(replay) => self.start_replay(session, replay),
            Err(error) => self.tell(session, Msg::Say(Level::Bad, error)),
        }
    }

    pub(super) fn start_replay(
        &mut self,
        session: &mut Session,
        replay: Replay,
    ) -> Result<(), ConsoleError> {
        let text = replay.told();
        let command = Command::Replay(ReplayCommand::Start(replay.words.clone()));
        self.meter = Meter::new(Wall::now());
        self.replay_told = false;
        let said = match session.start_replay(replay) {
            Ok(()) => {
                self.executor.keep(session, &command);
                Msg::Say(Level::Info, text)
            }
            Err(error) => Msg::Say(Level::Bad, error),
        };
        self.tell(session, said)
    }

    /// True while a replay keeps the cluster busy: one as fast as can be, or one whose next request is
    /// due sooner than the next look. In virtual time nothing is ever late.
    pub(super) fn drives(&self, session: &Session) -> bool {
        let Some(replay) = session.replay() else { return false };
        if replay.state != ReplayState::Running || self.model.cluster.now.step_mode {
            return false;
        }
        let is_due = session.next_due() <= session.now() + SOON;
        replay.is_flat_out || (is_due && self.pace.clock() != Clock::Driven)
    }

    /// Lets the replay go on for a moment, without a look at the rest.
    pub(super) fn drive(&mut self, session: &mut Session) -> Result<(), ConsoleError> {
        match self.pace.clock() {
            Clock::Driven => {
                self.advance(session, self.model.cluster.now.tempo)?;
            }
            Clock::Waking | Clock::Polled => {
                let start = Wall::now();
                while start.elapsed() < DRIVE && self.drives(session) {
                    session.advance_steps(session.now() + LIVE_TURN, 1)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn show_replay(
        &mut self,
        session: &mut Session,
        violations: u64,
    ) -> Result<(), ConsoleError> {
        let Some(progress) = session.replay() else { return Ok(()) };
        let is_over = matches!(progress.state, ReplayState::Done | ReplayState::Stopped);
        // One that is over was told once; whoever took its line away does not get it again.
        if is_over && self.replay_told {
            return Ok(());
        }
        self.replay_told = is_over;
        if progress.state == ReplayState::Done {
            let replayed = Command::RunUntil(Condition::Replayed, Some(REPLAYED_MAX));
            self.executor.keep(session, &replayed);
        }
        let shown = self.meter.shown(progress, violations, Wall::now());
        self.tell(session, Msg::Replay(Box::new(shown)))
    }
}
