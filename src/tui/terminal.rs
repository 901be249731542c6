//! The terminal: taken at the start, given back at the end, whatever the end is.
//!
//! What is switched on here is switched off again in `give_back`: by [`Screen`]'s drop, by the
//! panic hook, and before `ctrl-z` stops the program. Frames are wrapped in a synchronized update
//! and written in one go.

use super::cast::Recorder;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use rustix::event::{PollFd, PollFlags};
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::thread;

/// Bytes of a frame that are collected before they are written: a full screen of 240x67 with styles.
const FRAME_BYTES: usize = 256 * 1024;

/// Standard output, and what was written there once more for a recording.
struct Out {
    to: Stdout,
    cast: Option<Recorder>,
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        if let Some(cast) = &self.cast {
            cast.with(|cast, at| cast.output(at, &bytes[..count]));
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The terminal while the console has it.
pub struct Screen {
    /// `None` only while it is dropped.
    terminal: Option<Terminal<CrosstermBackend<BufWriter<Out>>>>,
    mouse: bool,
}

/// True if there is a terminal to take: both ends of it.
#[must_use]
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// True if the terminal has hung up: what is written goes nowhere.
#[must_use]
pub fn is_gone() -> bool {
    let stdin = io::stdin();
    let mut ends = [PollFd::new(&stdin, PollFlags::empty())];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    rustix::event::poll(&mut ends, Some(&now)).is_ok() && ends[0].revents().intersects(gone)
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, the mouse if wanted.
    /// `is_caught`: true while a panic of this thread would be caught. `cast`: what is drawn is recorded.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn take(mouse: bool, is_caught: fn() -> bool, cast: Option<Recorder>) -> io::Result<Self> {
        restore_on_panic(is_caught);
        // crossterm would drop bold and reverse with the colours: NO_COLOR is done in the theme.
        crossterm::style::force_color_output(true);
        let out = BufWriter::with_capacity(FRAME_BYTES, Out { to: io::stdout(), cast });
        let mut screen = Self { terminal: Some(Terminal::new(CrosstermBackend::new(out))?), mouse };
        screen.enter()?;
        Ok(screen)
    }

    fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<BufWriter<Out>>> {
        self.terminal.as_mut().expect("only the drop takes it out")
    }

    /// Switches everything on; also after the program was stopped and continued.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        let mouse = self.mouse;
        let out = self.terminal().backend_mut();
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, SetTitle("amflab"))?;
        if mouse {
            execute!(out, EnableMouseCapture)?;
        }
        self.clear()
    }

    /// Takes clicks and the wheel, or leaves them to the terminal.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on {
            execute!(io::stdout(), EnableMouseCapture)
        } else {
            execute!(io::stdout(), DisableMouseCapture)
        }
    }

    /// Puts text on the clipboard (OSC 52).
    ///
    /// # Errors
    /// What the terminal said.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), crossterm::clipboard::CopyToClipboard::to_clipboard_from(text))
    }

    /// Forgets what is on the screen: the next frame is drawn whole.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn clear(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`: that asks the terminal where its cursor is and waits for the
        // answer on standard input, which another thread reads.
        let terminal = self.terminal();
        let size = terminal.size()?;
        terminal.resize(size.into())
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    /// Draws a frame, shown at once.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        let terminal = self.terminal();
        queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
        terminal.draw(view)?;
        queue!(terminal.backend_mut(), EndSynchronizedUpdate)?;
        terminal.backend_mut().flush()
    }

    /// Gives the terminal back for a while; [`Self::enter`] takes it again.
    pub fn leave(&mut self) {
        give_back();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        // ratatui's own drop would say on standard error that it cannot show the cursor of a terminal
        // that is gone, and panic because standard error is gone too. `give_back` has shown it.
        core::mem::forget(self.terminal.take());
    }
}

/// Undoes everything, in the opposite order. A terminal that is gone cannot be helped.
fn give_back() {
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
    let _ = out.flush();
}

/// The message of a panic must be readable: the terminal is given back first. A panic in another
/// thread is an engine's matter; it goes to the log and leaves the screen alone. One that is caught is
/// told by whoever catches it.
fn restore_on_panic(is_caught: fn() -> bool) {
    let console = thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_caught() {
            return;
        }
        if thread::current().id() == console {
            give_back();
            before(panic);
        } else {
            tracing::error!(target: "panic", "{panic}");
        }
    }));
}
