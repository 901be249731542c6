//! The console over a recording of ten million steps: until its first screen, and from a key that goes
//! back a step to the frame that shows it.

use crate::key::of_hundred;
use crate::terminal::Terminal;
use crate::{Figure, seek};
use std::time::Instant;

pub(crate) const FIGURE: Figure = Figure {
    name: "recorded",
    bar: "a key on the timeline of 10 million steps: p95 at most 100 ms, as any position",
    run,
};

const PRESSES: usize = 200;
/// Where it begins to go back.
const MIDDLE: u64 = 5_000_000;
/// Where the timeline says where it is.
const WHERE: &str = "step ";

fn run() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("long.amfrec");
    seek::record(&file);
    let file = file.to_string_lossy();
    let begun = Instant::now();
    let args = ["play", &*file];
    let mut console = Terminal::start(env!("CARGO_BIN_EXE_amflab"), &args, 200, 60);
    console.until_text("recording");
    console.type_keys("7");
    console.until(|screen| position(screen).is_some());
    let opened = begun.elapsed().as_secs_f64();
    console.type_keys(&format!(":seek {MIDDLE}\r"));
    console.until(|screen| position(screen) == Some(MIDDLE));
    let (mut steps, mut jumps) = (Vec::new(), Vec::new());
    for press in 0..PRESSES {
        // Back a message; every tenth time an answer before, which folds a longer way.
        let (key, times) = if press % 10 == 9 { ("O", &mut jumps) } else { (",", &mut steps) };
        console.drain();
        let before = console.screen(position);
        let start = Instant::now();
        console.type_keys(key);
        let shown = console.until(|screen| position(screen).is_some_and(|at| Some(at) != before));
        times.push(shown.saturating_duration_since(start).as_secs_f64() * 1_000.0);
    }
    console.end();
    format!(
        "opened in {opened:.1} s; a message back p95 {:.1} ms, an answer back p95 {:.1} ms",
        of_hundred(95, steps),
        of_hundred(95, jumps)
    )
}

/// The number behind the first [`WHERE`] that has one.
fn position(screen: &vt100::Screen) -> Option<u64> {
    let text = screen.contents();
    let mut numbers = text.match_indices(WHERE).map(|(at, _)| {
        let digits = text[at + WHERE.len()..].chars().filter(|sign| *sign != ',');
        digits.take_while(char::is_ascii_digit).collect::<String>()
    });
    numbers.find_map(|digits| digits.parse().ok())
}
