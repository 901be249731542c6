//! The real program in a pseudo-terminal, for the figures that are about it.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What is waited for at most.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    screen: vt100::Parser,
}

impl Terminal {
    pub(crate) fn start(program: &str, args: &[&str], columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let keys = pair.master.take_writer().expect("a writer");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send((Instant::now(), bytes[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { child, _master: pair.master, keys, output, screen }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal is there");
        self.keys.flush().expect("the terminal is there");
    }

    /// Reads until the screen is as wanted; when the byte that made it so arrived.
    pub(crate) fn until(&mut self, wanted: impl Fn(&vt100::Screen) -> bool) -> Instant {
        let begun = Instant::now();
        let mut at = begun;
        while !wanted(self.screen.screen()) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok((when, bytes)) = self.output.recv_timeout(left) else {
                panic!("the screen never came:\n{}", self.screen.screen().contents())
            };
            self.screen.process(&bytes);
            at = when;
        }
        at
    }

    pub(crate) fn until_text(&mut self, text: &str) -> Instant {
        self.until(|screen| screen.contents().contains(text))
    }

    /// Looks at the screen as it was drawn so far.
    pub(crate) fn screen<R>(&self, look: impl FnOnce(&vt100::Screen) -> R) -> R {
        look(self.screen.screen())
    }

    /// Takes in what was drawn meanwhile.
    pub(crate) fn drain(&mut self) {
        while let Ok((_, bytes)) = self.output.try_recv() {
            self.screen.process(&bytes);
        }
    }

    /// Ends the program, however it is.
    pub(crate) fn end(mut self) {
        self.type_keys(":q!\r");
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
            let _ = self.output.recv_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
