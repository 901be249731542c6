//! From a key to the first byte of the frame that shows it, through a pseudo-terminal of the real
//! program, while events flow as fast as the cluster makes them.

use crate::Figure;
use crate::terminal::Terminal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

pub(crate) const FIGURE: Figure = Figure {
    name: "key",
    bar: "p95 at most 5 ms with 100,000 events/s flowing, on the dashboard and with every block's lamp",
    run,
};

const PRESSES: usize = 200;
/// What stands before what is typed.
const PROMPT: &str = ":note \"";
/// Columns that are filled before the line is emptied.
const LINE_MAX: usize = 90;

fn run() -> String {
    let program = env!("CARGO_BIN_EXE_amflab");
    let address = free_address();
    let mut busy = vec!["-p", "large", "--engine", "live", "--metrics-listen", address.as_str()];
    // As fast as it goes, and nobody waits for a disk.
    for set in ["workload.main.rate=0", "workload.main.queue_depth=8", "store.engine=memory"] {
        busy.extend(["--set", set]);
    }
    let mut console = Terminal::start(program, &busy, 120, 40);
    console.until_text("workload on");
    let (begun, before) = (Instant::now(), events(&address));
    let dashboard = typed(&mut console);
    console.type_keys("5");
    console.until_text("Lamps");
    let lamps = typed(&mut console);
    let flow = (events(&address) - before) as f64 / begun.elapsed().as_secs_f64();
    console.end();
    let script = "stty raw -echo; echo ready; exec cat";
    let mut echo = Terminal::start("sh", &["-c", script], 120, 40);
    echo.until_text("ready");
    let clear = format!("\x1b[2J\x1b[H{PROMPT}");
    echo.type_keys(&clear);
    echo.until(|screen| screen.contents().starts_with(PROMPT));
    let reference = p95(&mut echo, |_| clear.clone());
    drop(echo);
    format!(
        "p95 {dashboard:.2} ms, with lamps {lamps:.2} ms, {flow:.0} events/s; reference (an echo) \
         {reference:.2} ms: {:.1} x",
        dashboard / reference
    )
}

/// A line to type in: what is typed is on the screen as soon as it is drawn.
fn typed(console: &mut Terminal) -> f64 {
    console.type_keys(PROMPT);
    console.until_text(PROMPT);
    let p95 = p95(console, |typed| "\x7f".repeat(typed));
    console.type_keys("\x1b");
    console.until(|screen| !screen.contents().contains(PROMPT));
    p95
}

/// An address on which nobody listens.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").to_string()
}

/// Events so far: a message is sent and delivered, a request made and answered.
fn events(address: &str) -> u64 {
    let mut socket = TcpStream::connect(address).expect("it listens");
    write!(socket, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it reads");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("it answers");
    let counts = text.lines().filter(|line| {
        line.starts_with("amflab_messages_total") || line.starts_with("amflab_requests_total")
    });
    let value = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
    2 * counts.filter_map(value).sum::<u64>()
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
    of_hundred(95, times)
}

/// What so many of a hundred do not exceed.
pub(crate) fn of_hundred(part: usize, mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() * part / 100).min(times.len() - 1)]
}
