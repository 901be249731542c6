//! `--cast`: what is recorded can be read back by whoever reads asciicasts, and is what was on the screen.

use super::pty::Console;
use amflab::tui::cast::{Cast, typed};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;
use std::time::Duration;

struct Event {
    at: f64,
    code: String,
    text: String,
}

/// Reads a cast as its definition says: a head, then one event a line. A line that broke off ends it.
fn read(bytes: &[u8]) -> Option<(Value, Vec<Event>)> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let head: Value = serde_json::from_slice(lines.next()?).ok()?;
    let event = |line: &[u8]| {
        let (at, code, text): (f64, String, String) = serde_json::from_slice(line).ok()?;
        Some(Event { at, code, text })
    };
    Some((head, lines.map_while(event).collect()))
}

fn cast(bytes_max: u64, record: impl FnOnce(&mut Cast<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut cast = Cast::begin(&mut bytes, bytes_max, (80, 24), 1_700_000_000, "xterm").unwrap();
    record(&mut cast);
    bytes
}

#[test]
fn head_and_events_are_as_the_format_says() {
    let bytes = cast(10_000, |cast| {
        cast.output(Duration::from_millis(1_500), b"a\x1b[1m\"\r\n");
        cast.input(Duration::from_millis(1_600), "\x03");
        cast.resize(Duration::from_millis(1_700), (120, 40));
    });
    let (head, events) = read(&bytes).unwrap();
    assert_eq!((head["version"].as_u64(), head["width"].as_u64()), (Some(2), Some(80)));
    assert_eq!(head["height"], 24);
    assert_eq!(head["timestamp"], 1_700_000_000);
    assert_eq!(head["env"]["TERM"], "xterm");
    let told: Vec<(&str, &str)> =
        events.iter().map(|event| (event.code.as_str(), event.text.as_str())).collect();
    assert_eq!(told, [("o", "a\x1b[1m\"\r\n"), ("i", "\x03"), ("r", "120x40")]);
    assert!((events[0].at - 1.5).abs() < 1e-9);
}

#[test]
fn a_character_in_two_writes_is_one_character() {
    let text = "\u{25cf} \u{2500}\u{1f600}x";
    for cut in 0..=text.len() {
        let bytes = cast(10_000, |cast| {
            cast.output(Duration::ZERO, &text.as_bytes()[..cut]);
            cast.output(Duration::ZERO, &text.as_bytes()[cut..]);
        });
        let (_, events) = read(&bytes).unwrap();
        let all: String = events.iter().map(|event| event.text.as_str()).collect();
        assert_eq!(all, text, "cut at {cut}");
    }
}

#[test]
fn a_file_that_breaks_off_loses_its_last_event_at_most() {
    let bytes = cast(10_000, |cast| {
        for n in 0..9 {
            cast.output(Duration::from_millis(n), format!("frame {n} \u{2500}").as_bytes());
        }
    });
    for cut in 0..bytes.len() {
        let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
        match read(&bytes[..cut]) {
            Some((_, events)) => {
                // The last one may be whole but for the end of its line.
                assert!(events.len() + 1 >= whole && events.len() <= whole, "cut at {cut}");
            }
            None => assert_eq!(whole, 0, "cut at {cut}"),
        }
    }
}

#[test]
fn the_size_is_bounded_and_the_end_says_so() {
    let mut said = Vec::new();
    let bytes = cast(2_000, |cast| {
        for n in 0..100 {
            cast.output(Duration::from_millis(n), &[b'x'; 100]);
            said.extend(cast.trouble());
        }
    });
    assert!(bytes.len() <= 2_000);
    assert_eq!(said, ["the cast ends here: 2000 bytes are the most"], "and it is told once");
    let (_, events) = read(&bytes).unwrap();
    let last = events.last().unwrap();
    assert_eq!((last.code.as_str(), last.text.as_str()), ("m", said[0].as_str()));
    assert!(events.len() > 5);
}

#[test]
fn keys_are_what_a_terminal_sends() {
    for (code, modifiers, sent) in [
        (KeyCode::Char('q'), KeyModifiers::NONE, "q"),
        (KeyCode::Char('p'), KeyModifiers::CONTROL, "\x10"),
        (KeyCode::Char('x'), KeyModifiers::ALT, "\x1bx"),
        (KeyCode::Enter, KeyModifiers::NONE, "\r"),
        (KeyCode::Up, KeyModifiers::NONE, "\x1b[A"),
        (KeyCode::F(1), KeyModifiers::NONE, "\x1bOP"),
        (KeyCode::F(4), KeyModifiers::NONE, "\x1bOS"),
        (KeyCode::CapsLock, KeyModifiers::NONE, ""),
    ] {
        assert_eq!(typed(KeyEvent::new(code, modifiers)), sent);
    }
}

#[test]
fn a_recorded_session_plays_to_the_same_screen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.cast");
    let path = file.to_str().unwrap();
    let mut console = Console::real(100, 30, &["--engine", "sim", "--cast", path]);
    console.until_text("workload on");
    console.type_keys("p2");
    console.until_text("Address space");
    console.resize(120, 40);
    let is_wide = |line: &str| line.trim_end().chars().count() > 101;
    console.until("the new size", |screen, _| screen.lines().any(is_wide));
    console.type_keys("1");
    console.until_text("Traffic");
    console.type_keys(":q!\r");
    let (ended_well, raw) = console.ends();
    assert!(ended_well);
    let (head, events) = read(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((head["width"].as_u64(), head["height"].as_u64()), (Some(100), Some(30)));
    let of = |code: &str| -> String {
        events.iter().filter(|e| e.code == code).map(|e| e.text.as_str()).collect()
    };
    assert_eq!(of("i"), "p21:q!\r");
    assert!(of("r").contains("120x40"));
    // All that was drawn, up to giving the terminal back.
    let drawn = of("o");
    let (before, after) = raw.split_once(&drawn).expect("what is recorded is what was drawn");
    assert!(!before.contains('\x1b') && after.contains("\x1b[?1049l"));
    let mut player = vt100::Parser::new(30, 100, 0);
    for event in &events {
        match event.code.as_str() {
            "o" => player.process(event.text.as_bytes()),
            "r" => {
                let (columns, rows) = event.text.split_once('x').unwrap();
                player.screen_mut().set_size(rows.parse().unwrap(), columns.parse().unwrap());
            }
            _ => {}
        }
    }
    let screen = player.screen().contents();
    assert_eq!(player.screen().size(), (40, 120));
    let tail: Vec<_> = events.iter().rev().take(16).map(|e| (&e.code, e.text.len())).collect();
    assert!(!after.contains("\x1b[?2026h"), "{tail:?}");
    assert!(screen.contains("Traffic") && screen.contains("Host I/O"), "{tail:?}\n{screen}");
    assert!(events.windows(2).all(|two| two[0].at <= two[1].at), "time goes forward");
    // A file that is there is not written over.
    let mut console = Console::real(100, 30, &["--engine", "sim", "--cast", path]);
    console.until_text("hint: name a new file");
    let (ended_well, raw) = console.ends();
    assert!(!ended_well && !raw.contains("\x1b[?1049h"));
}
