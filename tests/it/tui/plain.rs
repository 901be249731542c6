//! `--plain`: commands on standard input, lines of words on standard output, nothing for the eye.

use amflab::tui::plain::one_line;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const ENGINES: [&str; 2] = ["sim", "live"];

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(args)
        .env("AMFLAB_CONFIG", "none")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What comes of these lines; the exit code must be 0, and nothing else may be said.
fn plain(args: &[&str], input: &str) -> String {
    let mut child = start(args);
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let (out, err) =
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && !err.contains("error"), "{out}{err}");
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "words only: {out:?}");
    assert!(out.ends_with("the end.\n"), "{out}");
    out
}

#[test]
fn commands_are_answered_in_sentences_and_the_end_of_input_is_the_end() {
    for engine in ENGINES {
        let input = "write amf0 3 \"hello\"\nread amf1 3\n\n:crash amf0\nstate\n";
        let out = plain(&["--plain", "--engine", engine, "-p", "claims"], input);
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with("amflab, profile claims, engine "), "{out}");
        assert!(out.contains("amf1 asked 1 AMF, amf0 had it in M"), "{out}");
        assert!(out.contains("amf0 is down") && out.contains("fault: crash amf0; "), "{out}");
        // One summary for each of four commands.
        assert_eq!(out.matches("\nnow, at ").count(), 4, "{out}");
        assert!(out.contains("2 of 2 AMFs serve, no fault, no violation."), "{out}");
    }
}

#[test]
fn what_goes_in_decides_what_comes_out_of_the_simulator() {
    let input =
        "events all\nworkload start gentle\nwait 300ms\nworkload stop gentle\nsettle\nstate\n";
    let args = ["--plain", "--engine", "sim", "--seed", "7"];
    let out = plain(&args, input);
    assert_eq!(out, plain(&args, input));
    for words in [" sends ", " gets from ", " is asked: ", " answers for operation "] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let quiet = plain(&[&args[..], &["--events", "none"]].concat(), &input[11..]);
    assert!(!quiet.contains(" sends ") && !quiet.contains(" is asked: "), "{quiet}");
}

#[test]
fn what_is_wrong_is_told_and_does_not_end_it() {
    let input =
        "crush amf0\nread amf9 1\nevents loud\nzoom\npalette\nhelp crash\nquit\nread amf0 1\n";
    let out = plain(&["--plain", "--engine", "sim"], input);
    assert!(
        out.contains("error: column 1: `crush` is no command\nhint: did you mean `crash`?"),
        "{out}"
    );
    assert!(out.contains("amf9") && out.contains("error: `events` needs one of"), "{out}");
    assert!(out.contains("error: that opens something on a screen"), "{out}");
    assert!(out.contains("crash AMF: "), "{out}");
    assert!(!out.contains("read b1"), "nothing is done after `quit`: {out}");
}

#[test]
fn with_messages_held_the_next_line_is_taken_all_the_same() {
    for engine in ENGINES {
        let input = "hold on\nwrite amf0 1 \"x\"\nstate\nstep\nhold off\nread amf1 1\n";
        let out = plain(&["--plain", "--engine", engine, "-p", "claims"], input);
        assert!(out.contains("it waits: a message is held"), "{out}");
        assert!(out.contains("held, from amf0 to "), "{out}");
        assert!(out.contains("amf0 had it in M") && !out.contains("under way:"), "{out}");
        assert_eq!(out.matches("it waits").count(), 1, "said once: {out}");
    }
}

#[test]
fn a_question_is_asked_in_words_and_answered_by_the_next_line() {
    let input = "fail disk0\nfail disk1\nn\nstate\nfail disk1\ny\n";
    let out = plain(&["--plain", "--engine", "sim", "-p", "claims"], input);
    assert!(out.contains("Fail disk1? It holds the last good copy"), "{out}");
    assert_eq!(out.matches("Answer y or n.\n").count(), 2, "asked once each time: {out}");
    assert!(out.contains("not done."), "{out}");
    assert!(out.contains("2 faults"), "{out}");
}

#[test]
fn a_recording_can_be_gone_through() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.amfrec");
    let path = file.to_str().unwrap();
    let run = ["run", "--engine", "sim", "--workload", "storm", "--ops", "40", "--record", path];
    assert!(
        Command::new(env!("CARGO_BIN_EXE_amflab")).args(run).output().unwrap().status.success()
    );
    let out = plain(&["play", path, "--plain"], "goto 7\ngoto +5\ncrash amf0\n");
    assert!(out.contains("step 7 of ") && out.contains("step 12 of "), "{out}");
    assert!(out.contains("error: ") && out.contains("recording"), "{out}");
}

#[test]
fn whoever_stops_listening_is_not_told_of_an_error() {
    let mut child = start(&["--plain", "--engine", "sim"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("amflab, profile demo"));
    let mut input = child.stdin.take().unwrap();
    for _ in 0..4 {
        // It may be gone before the last line.
        let _ = input.write_all(b"read amf0 1\n");
    }
    drop(input);
    let done = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && !err.contains("error") && !err.contains("panic"), "{err}");
}

#[test]
fn an_interrupt_ends_it_in_order() {
    let mut child = start(&["--plain", "--engine", "live"]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("`quit` ends") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = output.lines().map(Result::unwrap).collect();
    assert_eq!(rest.last().map(String::as_str), Some("the end."));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_line_stays_a_line() {
    assert_eq!(one_line("a\nb\x1b[1mc"), "a b [1mc");
}

/// What is found is told where it happens, and once; whoever wants no events hears of the first.
#[test]
fn a_violation_is_told_once() {
    let input = "write amf0 3 \"a\"\nread amf1 3\nwrite amf0 3 \"b\"\nread amf1 3\n";
    let args =
        ["--plain", "--engine", "sim", "-p", "claims", "--set", "defect=skip_one_invalidate"];
    let ways: [&[&str]; 2] = [&[], &["--events", "none"]];
    for more in ways {
        let mut child = start(&[&args[..], more].concat());
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let (told, said) = (out.matches(": VIOLATION, "), out.matches("error: VIOLATION "));
        // The rule is broken in three steps, and then comes the read.
        let found = if more.is_empty() { (4, 0) } else { (0, 1) };
        assert_eq!((told.count(), said.count()), found, "{more:?}: {out}");
        assert!(out.contains("b3: amf0 has M and amf1 has S"), "{more:?}: {out}");
        let stale = out.matches("block 3 had \"a\" instead of \"b\"").count();
        assert_eq!(stale, usize::from(more.is_empty()), "{more:?}: {out}");
    }
}
