//! From a key to the first byte of the frame that shows it, through a pseudo-terminal of the real
//! program, while events flow as fast as the cluster makes them.

use crate::Figure;
use crate::terminal::Terminal;
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "key", bar: "p95 at most 5 ms with events flowing", run };

const PRESSES: usize = 200;
/// What stands before what is typed.
const PROMPT: &str = ":note \"";
/// Columns that are filled before the line is emptied.
const LINE_MAX: usize = 90;

fn run() -> String {
    let program = env!("CARGO_BIN_EXE_amflab");
    let busy = ["-p", "large", "--engine", "live", "--set", "workload.main.rate=0"];
    let mut console = Terminal::start(program, &busy, 120, 40);
    console.until_text("workload on");
    // A line to type in: what is typed is on the screen as soon as it is drawn.
    console.type_keys(PROMPT);
    console.until_text(PROMPT);
    let ours = p95(&mut console, |typed| "\x7f".repeat(typed));
    console.type_keys("\x1b");
    console.until(|screen| !screen.contents().contains(PROMPT));
    console.end();
    let script = "stty raw -echo; echo ready; exec cat";
    let mut echo = Terminal::start("sh", &["-c", script], 120, 40);
    echo.until_text("ready");
    let clear = format!("\x1b[2J\x1b[H{PROMPT}");
    echo.type_keys(&clear);
    echo.until(|screen| screen.contents().starts_with(PROMPT));
    let reference = p95(&mut echo, |_| clear.clone());
    drop(echo);
    format!("p95 {ours:.2} ms, reference (an echo) {reference:.2} ms: {:.1} x", ours / reference)
}

/// Milliseconds that 95 of a hundred keys do not exceed. `empty`: keys that leave the prompt alone
/// after so many were typed.
fn p95(terminal: &mut Terminal, empty: impl Fn(usize) -> String) -> f64 {
    let mut times = Vec::new();
    let mut line = PROMPT.to_owned();
    for letter in (b'a'..=b'z').cycle().take(PRESSES) {
        if line.len() == LINE_MAX {
            terminal.type_keys(&empty(line.len() - PROMPT.len()));
            terminal.until(|screen| {
                let text = screen.contents();
                text.contains(PROMPT) && !text.contains(&line[..=PROMPT.len()])
            });
            PROMPT.clone_into(&mut line);
        }
        line.push(char::from(letter));
        terminal.drain();
        let start = Instant::now();
        terminal.type_keys(&line[line.len() - 1..]);
        let shown = terminal.until(|screen| screen.contents().contains(&line));
        times.push(shown.saturating_duration_since(start).as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() * 95 / 100]
}
