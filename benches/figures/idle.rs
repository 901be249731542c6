//! Wake-ups of the program at rest: the console with its workload stopped, nothing dirty, nothing
//! asked. Counted by the kernel, a thread at a time.

use crate::Figure;
use crate::terminal::Terminal;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

pub(crate) const FIGURE: Figure = Figure {
    name: "idle",
    bar: "wake-ups a second: the console's threads at most 1, the idle engine's at most 5",
    run,
};

/// How long is counted.
const COUNTED: Duration = Duration::from_secs(20);
/// Until what was dirty is on the disks.
const REST: Duration = Duration::from_secs(8);

fn run() -> String {
    let mut console = Terminal::start(env!("CARGO_BIN_EXE_amflab"), &["--engine", "live"], 120, 40);
    console.until_text("workload on");
    console.type_keys("p");
    console.until(|screen| !screen.contents().contains("workload on"));
    std::thread::sleep(REST);
    // The reference is a thread that sleeps a second, again and again.
    let sleeper = std::thread::Builder::new().name("sleeper".to_owned());
    let end = Instant::now() + COUNTED + Duration::from_secs(2);
    let sleeper = sleeper.spawn(move || {
        while Instant::now() < end {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let before = (switches(console.pid()), switches(std::process::id()));
    std::thread::sleep(COUNTED);
    let after = (switches(console.pid()), switches(std::process::id()));
    console.end();
    let _ = sleeper.map(std::thread::JoinHandle::join);
    let mut of = [0.0; 3];
    for (thread, (name, count)) in &after.0 {
        let earlier = before.0.get(thread).map_or(0, |(_, count)| *count);
        let kind = match name.as_str() {
            "amflab" => 0,
            name if name.starts_with("console") => 0,
            name if name.starts_with("sled-io") => 2,
            _ => 1,
        };
        of[kind] += per_s(count - earlier);
    }
    let reference: f64 = after
        .1
        .iter()
        .filter(|(_, (name, _))| name == "sleeper")
        .map(|(t, (_, c))| per_s(c - before.1.get(t).map_or(0, |(_, earlier)| *earlier)))
        .sum();
    format!(
        "console {:.2}/s, engine {:.2}/s, and sled's own pool {:.2}/s; reference (a thread that \
         sleeps a second) {reference:.2}/s: {:.1} x, {:.1} x",
        of[0],
        of[1],
        of[2],
        of[0] / reference,
        of[1] / reference
    )
}

fn per_s(count: u64) -> f64 {
    count as f64 / COUNTED.as_secs_f64()
}

/// Name and voluntary switches of every thread of a process.
fn switches(pid: u32) -> BTreeMap<String, (String, u64)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("Linux");
    let read = |path: std::path::PathBuf| {
        let name = fs::read_to_string(path.join("comm")).ok()?.trim().to_owned();
        let status = fs::read_to_string(path.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        let thread = path.file_name()?.to_string_lossy().into_owned();
        Some((thread, (name, line.trim().parse().ok()?)))
    };
    tasks.filter_map(|task| read(task.ok()?.path())).collect()
}
