//! From the start of the program to its first full screen.

use crate::terminal::Terminal;
use crate::{Figure, median};
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "start", bar: "at most 150 ms (demo profile, live)", run };

const STARTS: usize = 15;

fn run() -> String {
    let program = env!("CARGO_BIN_EXE_amflab");
    let (mut ours, mut reference) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        ours.push(started(program, &[], "workload on"));
        reference.push(started(program, &["--version"], "amflab "));
    }
    let (ours, reference) = (median(ours), median(reference));
    format!("{ours:.0} ms, reference (`--version`) {reference:.0} ms: {:.1} x", ours / reference)
}

fn started(program: &str, args: &[&str], wanted: &str) -> f64 {
    let start = Instant::now();
    let mut terminal = Terminal::start(program, args, 120, 40);
    let shown = terminal.until_text(wanted);
    if args.is_empty() {
        terminal.end();
    }
    shown.saturating_duration_since(start).as_secs_f64() * 1_000.0
}
