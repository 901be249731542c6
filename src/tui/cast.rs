//! A session recorded as an asciicast, version 2: a line of JSON with what the terminal is like, then one
//! line an event: what was drawn, what was typed, another size.
//!
//! A file that breaks off loses its last line at most. It is of bounded size: what comes later is left
//! out, which its last event and the console say.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// Largest file, in bytes: an hour of a busy screen.
pub const CAST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Room for the event that says that there is no more.
const LAST_BYTES: u64 = 256;
/// Bytes of a character that the next write brings the rest of.
const CHARACTER_MAX: usize = 4;

/// An asciicast that is being written.
#[derive(Debug)]
pub struct Cast<W> {
    out: W,
    written: u64,
    bytes_max: u64,
    /// The beginning of a character whose end has yet to come.
    rest: Vec<u8>,
    /// Why nothing is written any more.
    ended: Option<String>,
    told: bool,
}

impl<W: Write> Cast<W> {
    /// Begins one of at most so many bytes. `since_1970`: when, in seconds.
    ///
    /// # Errors
    /// The head could not be written.
    pub fn begin(
        out: W,
        bytes_max: u64,
        size: (u16, u16),
        since_1970: u64,
        term: &str,
    ) -> io::Result<Self> {
        let head = serde_json::json!({
            "version": 2,
            "width": size.0,
            "height": size.1,
            "timestamp": since_1970,
            "title": "amflab",
            "env": { "TERM": term },
        });
        let (rest, written) = (Vec::new(), 0);
        let mut cast = Self { out, written, bytes_max, rest, ended: None, told: false };
        cast.write(&head.to_string())?;
        Ok(cast)
    }

    /// What the terminal was sent.
    pub fn output(&mut self, at: Duration, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let whole = whole(&self.rest);
        let text = String::from_utf8_lossy(&self.rest[..whole]).into_owned();
        self.rest.drain(..whole);
        if !text.is_empty() {
            self.event(at, "o", &text);
        }
    }

    /// What was typed.
    pub fn input(&mut self, at: Duration, text: &str) {
        if !text.is_empty() {
            self.event(at, "i", text);
        }
    }

    /// The terminal has another size.
    pub fn resize(&mut self, at: Duration, size: (u16, u16)) {
        self.event(at, "r", &format!("{}x{}", size.0, size.1));
    }

    /// Why it ended before the session did; once.
    pub fn trouble(&mut self) -> Option<String> {
        if core::mem::replace(&mut self.told, self.ended.is_some()) {
            return None;
        }
        self.ended.clone()
    }

    fn event(&mut self, at: Duration, code: &str, text: &str) {
        if self.ended.is_some() {
            return;
        }
        let line = |code: &str, text: &str| {
            let text = serde_json::Value::String(text.to_owned());
            format!("[{}.{:06}, \"{code}\", {text}]", at.as_secs(), at.subsec_micros())
        };
        let event = line(code, text);
        if self.written + event.len() as u64 + 1 + LAST_BYTES > self.bytes_max {
            let why = format!("the cast ends here: {} bytes are the most", self.bytes_max);
            let last = line("m", &why);
            self.ended = Some(self.write(&last).err().map_or(why, |error| error.to_string()));
        } else if let Err(error) = self.write(&event) {
            self.ended = Some(format!("the cast could not be written on: {error}"));
        }
    }

    /// One line in one go: what breaks off, breaks off between lines or in the last one.
    fn write(&mut self, line: &str) -> io::Result<()> {
        self.out.write_all(format!("{line}\n").as_bytes())?;
        self.written += line.len() as u64 + 1;
        self.out.flush()
    }
}

/// How many of these bytes are whole characters; what is no UTF-8 at all counts as whole.
fn whole(bytes: &[u8]) -> usize {
    match core::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => {
            let valid = error.valid_up_to();
            if bytes.len() - valid < CHARACTER_MAX { valid } else { bytes.len() }
        }
        Err(_) => {
            let end = bytes.len().saturating_sub(CHARACTER_MAX - 1);
            let start = (end..bytes.len()).find(|at| bytes[*at] >= 0xc0);
            start.filter(|at| core::str::from_utf8(&bytes[*at..]).is_err()).unwrap_or(bytes.len())
        }
    }
}

/// The bytes that a terminal sends for a key; empty: it is not recorded.
#[must_use]
pub fn typed(key: KeyEvent) -> String {
    let text = match key.code {
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => {
            let byte = u8::try_from(c.to_ascii_uppercase()).unwrap_or(b'@') & 0x1f;
            char::from(byte).to_string()
        }
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(n @ 1..=4) => format!("\x1bO{}", char::from(b'O' + n)),
        code => match code {
            KeyCode::Enter => "\r",
            KeyCode::Esc => "\x1b",
            KeyCode::Tab => "\t",
            KeyCode::BackTab => "\x1b[Z",
            KeyCode::Backspace => "\x7f",
            KeyCode::Delete => "\x1b[3~",
            KeyCode::Up => "\x1b[A",
            KeyCode::Down => "\x1b[B",
            KeyCode::Right => "\x1b[C",
            KeyCode::Left => "\x1b[D",
            KeyCode::Home => "\x1b[H",
            KeyCode::End => "\x1b[F",
            KeyCode::PageUp => "\x1b[5~",
            KeyCode::PageDown => "\x1b[6~",
            _ => "",
        }
        .to_owned(),
    };
    let alt = key.modifiers.contains(KeyModifiers::ALT) && !text.is_empty();
    if alt { format!("\x1b{text}") } else { text }
}

/// A cast into a file, shared by what draws and what listens.
#[derive(Clone, Debug)]
pub struct Recorder {
    cast: Arc<Mutex<Cast<File>>>,
    start: Instant,
}

impl Recorder {
    /// Begins one in a new file.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn create(path: &Path, size: (u16, u16), term: &str) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let cast =
            Cast::begin(file, CAST_BYTES_MAX, size, now.map_or(0, |now| now.as_secs()), term)?;
        Ok(Self { cast: Arc::new(Mutex::new(cast)), start: Instant::now() })
    }

    /// Records something that happens now.
    pub fn with<T>(&self, record: impl FnOnce(&mut Cast<File>, Duration) -> T) -> Option<T> {
        let mut cast = self.cast.lock().ok()?;
        Some(record(&mut cast, self.start.elapsed()))
    }
}
