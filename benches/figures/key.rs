//! From a key to the first byte of the frame that shows it, through a pseudo-terminal of the real
//! program, while events flow as fast as the cluster makes them.

use crate::Figure;
use crate::terminal::Terminal;
use std::time::Instant;

pub(crate) const FIGURE: Figure =
    Figure { name: "key", bar: "p95 at most 5 ms with events flowing", run };

const PRESSES: usize = 200;

fn run() -> String {
    let program = env!("CARGO_BIN_EXE_amflab");
    let mut console = Terminal::start(program, &["-p", "large", "--engine", "live"], 120, 40);
    console.until_text("workload on");
    // A line to type in: what is typed is on the screen as soon as it is drawn.
    console.type_keys(":note \"");
    console.until_text(":note \"");
    let ours = p95(&mut console, 7);
    console.type_keys("\x1b");
    console.end();
    let mut echo = Terminal::start("sh", &["-c", "stty raw -echo; echo ready; exec cat"], 120, 40);
    echo.until_text("ready");
    let reference = p95(&mut echo, 0);
    echo.end();
    format!("p95 {ours:.2} ms, reference (an echo) {reference:.2} ms: {:.1} x", ours / reference)
}

/// Milliseconds that 95 of a hundred keys do not exceed. `before`: columns left of what is typed.
fn p95(terminal: &mut Terminal, before: usize) -> f64 {
    let mut times = Vec::new();
    let mut typed = String::new();
    for n in 0..PRESSES {
        // A line has room for so many; then it is emptied.
        if typed.len() + before == 100 {
            terminal.type_keys(&if before == 0 {
                "\r\n".to_owned()
            } else {
                "\x7f".repeat(typed.len())
            });
            typed.clear();
            let _ = terminal.until(|screen| !screen.contents().trim_end().ends_with("yz"));
        }
        typed.push(char::from(b"abcdefghijklmnopqrstuvwxyz"[n % 26]));
        terminal.drain();
        let key = &typed[typed.len() - 1..];
        let start = Instant::now();
        terminal.type_keys(key);
        let wanted = typed.clone();
        let shown = terminal.until(|screen| screen.contents().contains(&wanted));
        times.push(shown.saturating_duration_since(start).as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() * 95 / 100]
}
