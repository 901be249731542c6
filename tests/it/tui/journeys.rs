//! The real program in a (pseudo-)terminal, through what terminals and shells do to it: nothing happens,
//! it is stopped and brought back, it gets other sizes in the middle of everything, it is left.

use super::pty::{Console, assert_given_back};
use super::real::{ENGINES, OPENED, is_whole};
use amflab::tui::model::Screen;
use portable_pty::CommandBuilder;
use rustix::process::Pid;
use std::collections::BTreeMap;
use std::fs;

// ---- idle

/// The clock at the end of the first line, in seconds.
fn clock(screen: &str) -> Option<f64> {
    let words: Vec<&str> = screen.lines().next()?.split_whitespace().collect();
    let (unit, number) = (words.last()?, words.len().checked_sub(2)?);
    if *unit == "s" { words[number].parse().ok() } else { None }
}

/// How often each thread of a process has gone to sleep so far: by its number, with its name.
fn sleeps(pid: Pid) -> BTreeMap<String, (String, u64)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).unwrap();
    let mut found = BTreeMap::new();
    for task in tasks {
        let path = task.unwrap().path();
        // A thread may have ended meanwhile.
        let Ok(status) = fs::read_to_string(path.join("status")) else { continue };
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim_start_matches(':').trim().to_owned()
        };
        let count = value("voluntary_ctxt_switches").parse().unwrap();
        let id = path.file_name().unwrap().to_string_lossy().into_owned();
        found.insert(id, (value("Name"), count));
    }
    found
}

/// Bars of the design, each three times over: the console's own threads wake once a second, those of
/// the engine five times. Counted by the console's clock, from a moment when nothing happens any more.
#[test]
fn while_nothing_happens_hardly_any_thread_wakes() {
    const SECONDS: f64 = 4.0;
    for engine in ENGINES {
        let mut console = Console::real(120, 40, &["--engine", engine, "-p", "claims"]);
        console.until_text("2 of 2 serve");
        console.until("its start is over", |screen, _| clock(screen).is_some_and(|at| at > 2.0));
        let pid = console.pid();
        let (from, before) = (clock(&console.text()).unwrap(), sleeps(pid));
        let later = |screen: &str, _: &[u8]| clock(screen).is_some_and(|at| at >= from + SECONDS);
        console.until("some seconds", later);
        let (passed, after) = (clock(&console.text()).unwrap() - from, sleeps(pid));
        let (mut own, mut others) = (0.0, 0.0);
        for (id, (name, count)) in &after {
            let count = count - before.get(id).map_or(0, |(_, count)| *count);
            let count = f64::from(u32::try_from(count).unwrap());
            if name.starts_with("console") || name.starts_with("amflab") {
                own += count;
            } else {
                others += count;
            }
        }
        let most = |a_second: f64| 3.0 * a_second * passed + 3.0;
        assert!(own >= 1.0, "{engine}: the clock went on");
        assert!(own <= most(1.0), "{engine}: {own} wake-ups in {passed} s: {after:?}");
        assert!(others <= most(5.0), "{engine}: {others} wake-ups in {passed} s: {after:?}");
        console.type_keys("q");
        assert!(console.ends().0);
    }
}

// ---- under a shell with job control

/// An interactive shell; nobody's settings are read.
fn shell() -> Console {
    let mut command = CommandBuilder::new("/bin/sh");
    command.arg("-i");
    command.env("PS1", "ready> ");
    command.env_remove("ENV");
    let mut console = Console::start(command, 100, 30);
    console.until_text("ready>");
    console
}

/// Types a line for the shell and waits for what it prints; the line itself does not contain it.
fn say(shell: &mut Console, line: &str, printed: &str) {
    shell.type_keys(&format!("{line}\r"));
    shell.until_text(printed);
}

#[test]
fn a_shell_stops_it_brings_it_back_and_has_its_terminal_again() {
    let binary = env!("CARGO_BIN_EXE_amflab");
    for engine in ENGINES {
        let mut shell = shell();
        let folder = tempfile::tempdir().unwrap();
        let (before, after) = (folder.path().join("before"), folder.path().join("after"));
        say(&mut shell, &format!("stty -g > {}; echo kept$((1+1))", before.display()), "kept2");
        shell.type_keys(&format!("{binary} --engine {engine} -p claims\r"));
        shell.until_text("2 of 2 serve");
        shell.type_keys(":write amf0 1 \"before\"\r");
        shell.until_text("write b1 \"before\"");
        for round in 0..2 {
            shell.type_keys("\x1a");
            // What is typed before it has stopped is read by it.
            shell.until("the shell", |screen, _| {
                let stops = screen.matches("Stopped").count();
                stops == round + 1 && screen.trim_end().ends_with("ready>")
            });
            // Lines are edited and echoed again: the terminal is the shell's.
            say(&mut shell, &format!("echo shell$((40+{round}))"), &format!("shell{}", 40 + round));
            shell.type_keys("fg\r");
            shell.until("the console", |screen, _| {
                screen.contains("2 of 2 serve") && !screen.contains("Stopped")
            });
            // Its cluster did not notice: what was written is there, and no lease has run out.
            shell.type_keys(":read amf1 1\r");
            shell.until_text("read b1 = \"before\"");
            assert!(shell.text().contains("no violation"), "{engine}: {}", shell.text());
        }
        shell.type_keys("q");
        // What is typed before it has ended is read by it.
        shell.until("the shell", |screen, _| screen.trim_end().ends_with("ready>"));
        say(&mut shell, "echo left$?", "left0");
        say(&mut shell, &format!("stty -g > {}; echo kept$((2+2))", after.display()), "kept4");
        let read = |path| fs::read_to_string(path).unwrap();
        assert_eq!(read(after), read(before), "{engine}: the terminal is as it was");
        shell.type_keys("exit\r");
        let (_, raw) = shell.ends();
        assert_given_back(&raw);
    }
}

// ---- sizes

/// What the first line says of a screen, if there is room for its name.
fn tab(screen: Screen) -> String {
    format!(" {} {} ", screen.digit(), screen.title())
}

const BEFORE: (u16, u16) = (100, 30);

#[test]
fn every_screen_follows_every_size() {
    let mut console = Console::real(BEFORE.0, BEFORE.1, &["--engine", "sim"]);
    console.until_text("workload on");
    for screen in Screen::ALL {
        console.type_keys(&screen.digit().to_string());
        for (width, height) in [(40, 12), (200, 60), (30, 8), (80, 24), (41, 60), (240, 12), BEFORE]
        {
            console.resize(width, height);
            let is_small = width < 40 || height < 12;
            let title = tab(screen);
            console.until(&format!("{screen:?} at {width}x{height}"), |text, _| {
                // Of another size there would be rows without text, or cut ones.
                if is_small {
                    return text.contains("terminal too small");
                }
                let last = text.lines().nth(usize::from(height) - 1);
                text.contains(&title) && last.is_some_and(|keys| keys.contains("? help"))
            });
        }
    }
    console.type_keys("qy");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
}

#[test]
fn every_popup_on_every_screen_survives_another_size() {
    for screen in Screen::ALL {
        let mut console = Console::real(BEFORE.0, BEFORE.1, &["--engine", "sim"]);
        console.until_text("workload on");
        console.type_keys(&screen.digit().to_string());
        console.until_text(&tab(screen));
        for (keys, words) in OPENED {
            // The help begins with what the pane has.
            let words = if keys == "?" { " Help " } else { words };
            console.type_keys(keys);
            console.until_text(words);
            console.resize(40, 12);
            console.until("a small one", |text, _| {
                text.lines().all(|line| line.chars().count() <= 40) && !text.trim().is_empty()
            });
            console.resize(BEFORE.0, BEFORE.1);
            console.until_text(words);
            console.type_keys("\x1b");
            console.until(&format!("{words} closed on {screen:?}"), |text, _| {
                is_whole(text) && !text.contains(words) && text.contains(&tab(screen))
            });
        }
        console.type_keys(":q!\r");
        let (fine, raw) = console.ends();
        assert!(fine, "{screen:?}");
        assert_given_back(&raw);
    }
}

// ---- the end, whatever is shown

#[test]
fn wherever_one_is_a_hang_up_ends_it_and_leaving_gives_the_terminal_back() {
    let places: [(&str, &str); 5] = [
        ("1", "Traffic"),
        ("7,", "looking back"),
        ("9\r", "step 1 of"),
        ("8", "States and events"),
        (" ", "step, "),
    ];
    for (keys, words) in places {
        for hangs_up in [true, false] {
            let mut console = Console::real(BEFORE.0, BEFORE.1, &["--engine", "sim"]);
            console.until_text("workload on");
            console.type_keys(keys);
            console.until_text(words);
            if hangs_up {
                console.hang_up();
                assert!(console.ends().0, "{words}");
                continue;
            }
            console.type_keys(":q!\r");
            let (fine, raw) = console.ends();
            assert!(fine, "{words}");
            assert_given_back(&raw);
        }
    }
}
