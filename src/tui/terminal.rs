//! The terminal: taken at the start, given back at the end, whatever the end is.
//!
//! What is switched on here is switched off again in [`give_back`]: by [`Screen`]'s drop, by the
//! panic hook, and before `ctrl-z` stops the program. Frames are wrapped in a synchronized update
//! and written in one go.

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
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::thread;

/// Bytes of a frame that are collected before they are written: a full screen of 240x67 with styles.
const FRAME_BYTES: usize = 256 * 1024;

/// The terminal while the console has it.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
}

/// True if there is a terminal to take: both ends of it.
#[must_use]
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Screen {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, the mouse if wanted.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn take(mouse: bool) -> io::Result<Self> {
        restore_on_panic();
        // crossterm would drop bold and reverse with the colours: NO_COLOR is done in the theme.
        crossterm::style::force_color_output(true);
        let out = BufWriter::with_capacity(FRAME_BYTES, io::stdout());
        let mut screen = Self { terminal: Terminal::new(CrosstermBackend::new(out))?, mouse };
        screen.enter()?;
        Ok(screen)
    }

    /// Switches everything on; also after the program was stopped and continued.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn enter(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, SetTitle("amflab"))?;
        if self.mouse {
            execute!(out, EnableMouseCapture)?;
        }
        self.terminal.clear()
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
        self.terminal.clear()
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws a frame, shown at once.
    ///
    /// # Errors
    /// What the terminal said.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }

    /// Gives the terminal back for a while; [`Self::enter`] takes it again.
    pub fn leave(&mut self) {
        give_back();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
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
/// thread is an engine's matter; it goes to the log and leaves the screen alone.
fn restore_on_panic() {
    let console = thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == console {
            give_back();
            before(panic);
        } else {
            tracing::error!(target: "panic", "{panic}");
        }
    }));
}
