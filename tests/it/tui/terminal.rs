//! The real loop in a real (pseudo-)terminal: what is typed, what comes back, what is left behind.

use super::engine::FakeEngine;
use super::fake;
use amflab::tui::{ConsoleOptions, run};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What a test waits for at most: a machine under load is slow, a broken console never gets there.
const PATIENCE: Duration = Duration::from_secs(30);

/// The console in a child process of this test binary.
#[test]
#[ignore = "a child of the tests below, in a terminal of their making"]
fn console_in_a_child() {
    let options = ConsoleOptions {
        no_color: std::env::var_os("NO_COLOR").is_some(),
        ..ConsoleOptions::default()
    };
    let ended = run(Box::new(FakeEngine::new()), &fake::profile(), &options);
    if let Some(path) = std::env::var_os("AMFLAB_ENDED") {
        std::fs::write(path, format!("{ended:?}")).unwrap();
    }
    ended.unwrap();
}

struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    output: Receiver<Vec<u8>>,
    /// The reader lets go of its end of the terminal after what comes next.
    stop: Arc<AtomicBool>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Console {
    fn start(env: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        let name = format!("{}::console_in_a_child", module_path!().split_once("::").unwrap().1);
        command.args(["--ignored", "--exact", &name, "--nocapture"]);
        command.env_remove("NO_COLOR");
        for (key, value) in env {
            command.env(key, value);
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
            screen: vt100::Parser::new(30, 100, 0),
            raw: Vec::new(),
        }
    }

    fn type_keys(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Reads until the screen is as wanted.
    fn until(&mut self, what: &str, wanted: impl Fn(&str, &[u8]) -> bool) {
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

    fn until_text(&mut self, text: &str) {
        self.until(text, |screen, _| screen.contains(text));
    }

    /// Waits for the end; reads what is written until then.
    fn ends(mut self) -> (bool, String) {
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
fn assert_given_back(raw: &str) {
    for (on, off) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l")] {
        let (on, off) = (raw.rfind(on).unwrap(), raw.rfind(off).unwrap());
        assert!(on < off, "the terminal was not given back");
    }
    assert!(raw.rfind("\x1b[?1000l").unwrap() > raw.rfind("\x1b[?1000h").unwrap(), "mouse");
}

#[test]
fn a_write_by_hand_is_told_in_one_sentence_and_quitting_asks_once() {
    let mut console = Console::start(&[]);
    console.until_text("Arrows move over the caches");
    console.until_text("workload on");
    console.type_keys("w");
    console.until_text("write amf0 0 \"\"");
    console.type_keys("hello\r");
    console.until_text("amf0: not shared, no broadcast; no message, 400 us");
    console.type_keys(":crash amf2\r");
    console.until_text("1 fault");
    console.type_keys(" ");
    console.until_text("step, 0 held");
    console.type_keys("q");
    console.until_text("The workload gentle is running");
    console.type_keys("y");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
    assert!(raw.contains("\x1b[?2026h"), "frames are shown at once");
}

#[test]
fn a_terminal_that_goes_away_ends_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let ended = folder.path().join("ended");
    let mut console = Console::start(&[("AMFLAB_ENDED", ended.to_str().unwrap())]);
    console.until_text("Dashboard");
    console.stop.store(true, Ordering::Release);
    drop(console.keys.take());
    drop(console.master.take());
    // The test harness in the child has nowhere to print to, and fails: the console itself did not.
    console.ends();
    assert_eq!(std::fs::read_to_string(ended).unwrap(), "Ok(())");
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let mut console = Console::start(&[]);
    console.until_text("Dashboard");
    let pid = i32::try_from(console.child.process_id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
}

#[test]
fn a_panic_is_readable_and_leaves_a_sane_terminal() {
    let mut console = Console::start(&[]);
    console.until_text("Dashboard");
    console.type_keys(":witness down\r");
    let (fine, raw) = console.ends();
    assert!(!fine);
    assert_given_back(&raw);
    let said = raw.rfind("as the test wants").expect("the panic's message is shown");
    assert!(said > raw.find("\x1b[?1049l").unwrap(), "after the terminal was given back");
}

#[test]
fn ctrl_z_leaves_the_screen_and_comes_back() {
    let mut console = Console::start(&[]);
    console.until_text("Dashboard");
    console.type_keys("\x1a");
    // The child is a session leader without a shell: nothing stops it, and it comes back by itself.
    let twice = |raw: &[u8]| String::from_utf8_lossy(raw).matches("\x1b[?1049h").count() == 2;
    console.until("the second screen", |_, raw| twice(raw));
    console.until_text("Dashboard");
    console.type_keys("\x03");
    console.until_text("Quit?");
    console.type_keys("y");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
}

#[test]
fn no_color_has_no_colours_and_keeps_bold_and_reverse() {
    let mut console = Console::start(&[("NO_COLOR", "1")]);
    console.until_text("workload on");
    console.type_keys(":q!\r");
    let (fine, raw) = console.ends();
    assert!(fine);
    let colours = raw.match_indices("\x1b[").filter(|(at, _)| {
        let body: String = raw[at + 2..].chars().take_while(|c| !c.is_alphabetic()).collect();
        let end = raw[at + 2 + body.len()..].chars().next();
        end == Some('m') && body.split(';').any(|n| matches!(n.parse(), Ok(30..=37 | 90..=97 | 38)))
    });
    assert_eq!(colours.count(), 0);
    assert!(raw.contains("\x1b[7m") && raw.contains("\x1b[1m"), "bold and reverse stay");
}
