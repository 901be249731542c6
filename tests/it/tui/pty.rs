//! A program in a pseudo-terminal: keys go in, what it draws comes out, and nothing is waited for by
//! the clock.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What a test waits for at most: a machine under load is slow, a broken console never gets there.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    output: Receiver<Vec<u8>>,
    /// The reader lets go of its end of the terminal after what comes next.
    stop: Arc<AtomicBool>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Console {
    /// The real program.
    pub(crate) fn real(columns: u16, rows: u16, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_amflab"));
        command.args(args);
        Self::start(command, columns, rows)
    }

    /// The real program, with variables of the environment.
    pub(crate) fn real_with(size: (u16, u16), args: &[&str], vars: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_amflab"));
        command.args(args);
        Self::start_with(command, size.0, size.1, vars)
    }

    pub(crate) fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        Self::start_with(command, columns, rows, &[])
    }

    fn start_with(
        mut command: CommandBuilder,
        columns: u16,
        rows: u16,
        vars: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        // What the terminal of whoever runs the tests is like makes no difference.
        for name in ["TMUX", "STY", "COLORTERM", "LC_CTYPE", "SSH_TTY", "SSH_CONNECTION"] {
            command.env_remove(name);
        }
        let usual = [("TERM", "xterm-256color"), ("LC_ALL", "C.UTF-8"), ("AMFLAB_CONFIG", "none")];
        for (name, value) in usual.iter().chain(vars) {
            command.env(name, value);
        }
        if command.get_env("AMFLAB_TEST_NO_COLOR").is_none() {
            command.env_remove("NO_COLOR");
        } else {
            command.env("NO_COLOR", "1");
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, output) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() || stopped.load(Ordering::Acquire)
                {
                    return;
                }
            }
        });
        Self {
            child,
            master: Some(pair.master),
            keys: Some(keys),
            output,
            stop,
            screen: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
        }
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(rows, columns);
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    /// Takes the terminal away.
    pub(crate) fn hang_up(&mut self) {
        self.stop.store(true, Ordering::Release);
        drop(self.keys.take());
        drop(self.master.take());
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        rustix::process::Pid::from_raw(pid).unwrap()
    }

    /// Reads until the screen is as wanted.
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&str, &[u8]) -> bool) {
        let start = Instant::now();
        loop {
            if wanted(&self.screen.screen().contents(), &self.raw) {
                return;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    self.screen.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{what} never came:\n{}", self.screen.screen().contents())
                }
            }
        }
    }

    pub(crate) fn until_text(&mut self, text: &str) {
        self.until(text, |screen, _| screen.contains(text));
    }

    /// The text of the screen now.
    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits for the end; reads what is written until then.
    pub(crate) fn ends(mut self) -> (bool, String) {
        let (sender, ended) = channel();
        let mut child = self.child;
        std::thread::spawn(move || sender.send(child.wait().unwrap().success()));
        let start = Instant::now();
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            self.raw.extend(bytes);
        }
        let fine = ended.recv_timeout(PATIENCE).expect("the console ends");
        (fine, String::from_utf8_lossy(&self.raw).into_owned())
    }
}

/// Everything that was switched on is off again, in the end.
pub(crate) fn assert_given_back(raw: &str) {
    for (on, off) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l")] {
        let (on, off) = (raw.rfind(on).unwrap(), raw.rfind(off).unwrap());
        assert!(on < off, "the terminal was not given back");
    }
    assert!(raw.rfind("\x1b[?1000l").unwrap() > raw.rfind("\x1b[?1000h").unwrap(), "mouse");
    assert!(raw.rfind("\x1b[?25h").unwrap() > raw.rfind("\x1b[?25l").unwrap(), "cursor");
}
