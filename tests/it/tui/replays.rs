//! Replays in the real program: reading the trace, the strip, pause and end.

use super::pty::Console;
use super::real::ENGINES;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

/// A trace of `count` writes and reads, `gap_us` apart.
fn trace(folder: &std::path::Path, count: u64, gap_us: u64) -> PathBuf {
    // MSR: Timestamp (100 ns), Hostname, DiskNumber, Type, Offset, Size, ResponseTime.
    let mut text = String::new();
    for n in 0..count {
        let (at, kind) = (n * gap_us * 10, if n % 2 == 0 { "Write" } else { "Read" });
        writeln!(text, "{at},host,0,{kind},{},4096,0", n / 2 % 20 * 4_096).unwrap();
    }
    let path = folder.join("some.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_replay_shows_its_progress_and_verifies_its_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = trace(folder.path(), 400, 10);
    for engine in ENGINES {
        let path = path.to_str().unwrap();
        let mut console = Console::real(160, 40, &["--engine", engine, "--replay", path]);
        console.until_text("replay some.csv");
        console.until_text("done");
        console.until_text("400/400");
        console.until_text("200 reads verified  0 mismatches");
        console.until_text("400 of 400 requests, 200 reads verified, 0 mismatches, 0 errors");
        // What is saved replays it again.
        let saved = folder.path().join(format!("{engine}.txt"));
        console.type_keys(&format!(":save {}\r", saved.to_str().unwrap()));
        console.until_text("saved 2 commands");
        let mut exec = std::process::Command::new(env!("CARGO_BIN_EXE_amflab"));
        let ran = exec.args(["exec", "--engine", engine, saved.to_str().unwrap()]).output();
        let ran = ran.unwrap();
        let out = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && out.contains("replay some.csv: 400 requests"), "{out}");
        assert!(out.contains("run-until replayed within 60m"), "{out}");
        // Its line stays until it is taken away.
        console.type_keys("S");
        console.until("no replay any more", |screen, _| !screen.contains("replay some.csv"));
        console.type_keys("q");
        assert!(console.ends().0, "{engine}");
    }
}

#[test]
fn a_replay_finds_what_a_broken_rule_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = trace(folder.path(), 2_000, 10);
    let path = path.to_str().unwrap();
    let args = ["--engine", "sim", "--set", "defect=skip_one_invalidate", "--replay", path];
    let mut console = Console::real(160, 40, &args);
    console.until_text("MISMATCH");
    console.until_text("VIOLATION");
    console.type_keys(":q!\r");
    assert!(console.ends().0);
}

#[test]
fn a_replay_is_paused_goes_on_and_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    // At the times of the trace it takes minutes: it cannot end while the test looks.
    let path = trace(folder.path(), 20_000, 20_000);
    for engine in ENGINES {
        let mut console = Console::real(160, 45, &["--engine", engine]);
        console.until_text("workload on");
        console.type_keys("p");
        let line = format!(":replay {} --speed 1x --address modulo\r", path.to_str().unwrap());
        console.type_keys(&line);
        console.until_text("replay some.csv");
        console.until("some progress", |screen, _| answered(screen) >= 3);
        console.type_keys("P");
        console.until_text("paused");
        console.until("everything answered", |screen, _| screen.contains("0 running"));
        let before = answered(&console.text());
        console.type_keys(":read amf0 19\r");
        console.until_text("read b19 = ");
        assert_eq!(answered(&console.text()), before, "{engine}: a pause is a pause");
        console.type_keys(":replay resume\r");
        console.until("more progress", |screen, _| answered(screen) > before);
        console.type_keys("q");
        console.until_text("The replay of some.csv is running");
        console.type_keys("n");
        console.type_keys("S");
        console.until_text("stopped");
        console.until_text("of 20000 requests");
        console.type_keys("P");
        console.until_text("no replay is running");
        console.type_keys("q");
        assert!(console.ends().0, "{engine}");
    }
}

/// Requests answered, as the strip says: `12/20.0k`.
fn answered(screen: &str) -> u64 {
    let strip = screen.lines().find(|line| line.contains("replay some.csv")).unwrap_or("");
    let done = strip.split_whitespace().find_map(|word| word.strip_suffix("/20.0k"));
    done.and_then(|done| done.replace(',', "").parse().ok()).unwrap_or(0)
}

#[test]
fn a_trace_that_cannot_be_replayed_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.csv");
    std::fs::write(&bad, "1,host,0,Read,0,4096,0\n2,host,0,Sing,0,4096,0\n").unwrap();
    let mut console = Console::real(120, 40, &["--engine", "sim"]);
    console.until_text("workload on");
    for (words, said) in [
        ("/nonexistent".to_owned(), "cannot be opened"),
        (format!("{} --format msr", bad.display()), "bad.csv:2: type `Sing`"),
        ("some.csv --sped 1x".to_owned(), "unexpected argument"),
        ("pause".to_owned(), "no replay is running"),
    ] {
        console.type_keys(&format!(":replay {words}\r"));
        console.until_text(said);
    }
    console.type_keys(":q!\r");
    assert!(console.ends().0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_amflab"));
    let told = command.args(["replay", bad.to_str().unwrap()]).output().unwrap();
    assert_eq!(told.status.code(), Some(2));
}

/// A trace is read to its end before its replay; that can be ended, and nothing has happened then.
#[test]
fn a_trace_that_is_read_shows_how_far_and_esc_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = crate::trace_cli::long(folder.path());
    let mut console = Console::real(160, 45, &["--engine", "sim"]);
    console.until_text("workload on");
    console.type_keys("p");
    let line = format!(":replay {} --read-flag 1 --address modulo\r", path.display());
    for (key, done) in
        [("\x1b", "stopped reading"), ("S", "stopped reading"), ("\x03", "stopped reading")]
    {
        console.type_keys(&line);
        console.until_text("esc stops it");
        console.until("a part is read", |screen, _| {
            let strip = screen.lines().find(|line| line.contains("esc stops it")).unwrap_or("");
            let percent = strip.split_whitespace().find_map(|word| word.strip_suffix('%'));
            percent.is_some_and(|percent| percent.parse::<u32>().is_ok_and(|percent| percent > 0))
        });
        console.type_keys(key);
        console.until_text(done);
        console.until_text("nothing was replayed");
        console.until("no strip", |screen, _| !screen.contains("esc stops it"));
        // Somebody else has the last word, so that the next end is seen.
        console.type_keys(":note \"on\"\r");
        console.until("another notice", |screen, _| !screen.contains("nothing was replayed"));
    }
    console.type_keys(":q!\r");
    assert!(console.ends().0);
}
