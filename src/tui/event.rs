//! What wakes the console: keys and clicks, signals, the end of its terminal, the engine.
//!
//! Two threads sleep in the kernel until there is something, and put it in one queue. crossterm's own
//! waiting spins for ever after a hang-up, so standard input is watched here, and crossterm is asked
//! only when there is something to read. It is built with `use-dev-tty`: its other way of looking at the
//! terminal is edge-triggered, and forgets that there is a key to read when a resize came with it.

use crossterm::event::{Event, poll, read};
use rustix::event::{PollFd, PollFlags};
use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Inputs that may wait for the console.
const QUEUE_MAX: usize = 1_024;
/// Lines that may wait for whoever carries them out.
const LINES_MAX: usize = 64;
/// Longest line; what is longer is taken as several, none of which is a command.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How long crossterm looks for more of what came. It looks at nothing, not even at what it has read
/// already, once this is over: a thread that had to wait for its turn must still find time left.
const LOOK: Duration = Duration::from_millis(10);
/// It says so many times in a row that there is no more before it is believed.
const LOOKS_MIN: u32 = 2;

/// Something that wakes the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key, a click, pasted text, another size.
    Terminal(Event),
    /// The engine has news.
    Engine,
    /// The terminal has another size.
    Resized,
    /// The program was stopped, and goes on.
    Continued,
    /// A line was typed, where there is no screen: it is in a queue of its own.
    Line,
    /// The terminal is gone, or the program is to end.
    End,
}

/// The queue, and what the engine needs to put itself in it.
pub struct Inputs {
    /// What has come.
    pub queue: Receiver<Input>,
    sender: SyncSender<Input>,
    /// An `Engine` is in the queue already: one is enough.
    woken: Arc<AtomicBool>,
}

impl Inputs {
    /// Starts listening.
    ///
    /// # Errors
    /// No thread, or no signal handler.
    pub fn listen() -> io::Result<Self> {
        let (sender, queue) = mpsc::sync_channel(QUEUE_MAX);
        let keys = sender.clone();
        thread::Builder::new().name("console-keys".to_owned()).spawn(move || {
            let _ = watch_keys(&keys);
            let _ = keys.send(Input::End);
        })?;
        Self::with_signals(sender, queue)
    }

    /// Starts listening to lines of text instead of keys; `None` is their end.
    ///
    /// # Errors
    /// No thread, or no signal handler.
    pub fn lines(input: Box<dyn BufRead + Send>) -> io::Result<(Self, Receiver<Option<String>>)> {
        let (sender, queue) = mpsc::sync_channel(QUEUE_MAX);
        let (lines, typed) = mpsc::sync_channel(LINES_MAX);
        let awake = sender.clone();
        thread::Builder::new().name("console-lines".to_owned()).spawn(move || {
            read_lines(input, &lines, &awake);
        })?;
        Ok((Self::with_signals(sender, queue)?, typed))
    }

    fn with_signals(sender: SyncSender<Input>, queue: Receiver<Input>) -> io::Result<Self> {
        let signals = sender.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // Caught from here on: before the terminal is taken, which a signal must give back.
        let caught = {
            let _inside = runtime.enter();
            Caught::catch()?
        };
        thread::Builder::new().name("console-signals".to_owned()).spawn(move || {
            runtime.block_on(watch_signals(caught, &signals));
        })?;
        Ok(Self { queue, sender, woken: Arc::new(AtomicBool::new(false)) })
    }

    /// What the engine calls when it has news.
    #[must_use]
    pub fn waker(&self) -> crate::trace::Waker {
        let (sender, woken) = (self.sender.clone(), Arc::clone(&self.woken));
        Arc::new(move || {
            if !woken.swap(true, Ordering::AcqRel) {
                // Never blocks; a full queue wakes the console as well.
                let _ = sender.try_send(Input::Engine);
            }
        })
    }

    /// The engine's news are being taken in: it may call again.
    pub fn rearm(&self) {
        self.woken.store(false, Ordering::Release);
    }
}

/// Hands over one line after the other until there are no more, or nobody listens.
fn read_lines(
    mut input: Box<dyn BufRead + Send>,
    lines: &SyncSender<Option<String>>,
    awake: &SyncSender<Input>,
) {
    loop {
        let mut bytes = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = io::Read::take(&mut input, limit).read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(1..) => Some(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Ok(0) | Err(_) => None,
        };
        let is_last = line.is_none();
        if lines.send(line).is_err() {
            return;
        }
        // Never blocks: a full queue wakes whoever listens as well.
        let _ = awake.try_send(Input::Line);
        if is_last {
            return;
        }
    }
}

/// Ends when the terminal hangs up, or the console no longer listens.
fn watch_keys(queue: &SyncSender<Input>) -> io::Result<()> {
    let stdin = io::stdin();
    loop {
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        match rustix::event::poll(&mut ready, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if ready[0].revents().intersects(gone) {
            return Ok(());
        }
        let mut nothing = 0;
        while nothing < LOOKS_MIN {
            if !poll(LOOK)? {
                nothing += 1;
                continue;
            }
            nothing = 0;
            if queue.send(Input::Terminal(read()?)).is_err() {
                return Ok(());
            }
        }
    }
}

/// The signals that the console handles.
struct Caught {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    resize: Signal,
    continued: Signal,
}

impl Caught {
    fn catch() -> io::Result<Self> {
        let continued = rustix::process::Signal::CONT.as_raw();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            resize: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(continued))?,
        })
    }
}

/// Ends when the console no longer listens.
async fn watch_signals(mut caught: Caught, queue: &SyncSender<Input>) {
    loop {
        let input = tokio::select! {
            _ = caught.interrupt.recv() => Input::End,
            _ = caught.terminate.recv() => Input::End,
            _ = caught.hangup.recv() => Input::End,
            _ = caught.resize.recv() => Input::Resized,
            _ = caught.continued.recv() => Input::Continued,
        };
        if queue.send(input).is_err() {
            return;
        }
    }
}
