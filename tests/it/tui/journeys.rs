//! The real program in a (pseudo-)terminal, through what terminals do to it: nothing happens, it gets
//! other sizes in the middle of everything, it is left.

use super::pty::{Console, assert_given_back};
use super::real::ENGINES;
use amflab::tui::model::Screen;
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
        let (mut own, mut others) = (0, 0);
        for (id, (name, count)) in &after {
            let count = count - before.get(id).map_or(0, |(_, count)| *count);
            if name.starts_with("console") || name.starts_with("amflab") {
                own += count;
            } else {
                others += count;
            }
        }
        let most = |a_second: f64| (3.0 * a_second * passed).ceil() as u64 + 3;
        assert!(own >= 1, "{engine}: the clock went on");
        assert!(own <= most(1.0), "{engine}: {own} wake-ups in {passed} s: {after:?}");
        assert!(others <= most(5.0), "{engine}: {others} wake-ups in {passed} s: {after:?}");
        console.type_keys("q");
        assert!(console.ends().0);
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
                match is_small {
                    true => text.contains("terminal too small"),
                    false => {
                        let last = text.lines().nth(usize::from(height) - 1);
                        text.contains(&title) && last.is_some_and(|keys| keys.contains("? help"))
                    }
                }
            });
        }
    }
    console.type_keys("qy");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
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
