//! The real program in a (pseudo-)terminal: what is typed, what comes back, what is left behind.

use super::pty::{Console, assert_given_back};
use portable_pty::CommandBuilder;
use std::process::{Command, Stdio};

pub(super) const ENGINES: [&str; 2] = ["sim", "live"];

fn demo(engine: &str) -> Console {
    Console::real(100, 30, &["--engine", engine])
}

#[test]
fn the_first_screen_has_everything_and_quitting_asks_once() {
    let mut console = Console::real(200, 60, &["-p", "demo"]);
    for text in ["AMFs", "Caches", "Host I/O", "Traffic", "Locks", "Group", "Log"] {
        console.until_text(text);
    }
    console.until_text("4 of 4 serve");
    console.until_text("Arrows move over the caches");
    console.until_text("workload on");
    console.type_keys("q");
    console.until_text("The workload gentle is running");
    console.type_keys("n");
    console.until("the question closed", |screen, _| !screen.contains("Quit?"));
    console.type_keys("qy");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
    assert!(raw.contains("\x1b[?2026h"), "frames are shown at once");
}

#[test]
fn a_write_and_a_read_by_hand_are_told_in_a_sentence_each() {
    for engine in ENGINES {
        let mut console = demo(engine);
        console.until_text("workload on");
        console.type_keys("p");
        console.until("the workload stopped", |screen, _| !screen.contains("workload on"));
        console.type_keys(":goto 5\r");
        console.until_text("b5 at amf0");
        console.type_keys("w");
        console.until_text("write amf0 5 \"\"");
        console.type_keys("hello\r");
        console.until("the sentence", |screen, _| {
            screen.contains("amf0 told 3 AMFs to invalidate") || screen.contains("no broadcast")
        });
        console.type_keys(":read amf2 5\r");
        console.until_text("read b5 = \"hello\": amf2 asked 3 AMFs");
        console.type_keys(":caw amf2 5 \"other\" \"new\"\r");
        console.until_text("miscompare");
        console.type_keys(":trim amf2 5\r");
        console.until("the end of the trim", |screen, _| {
            screen.lines().any(|line| line.contains("zero b5") && line.contains("host"))
        });
        console.type_keys(":read amf1 5\r");
        console.until_text("read b5 = 0x00");
        console.type_keys(":flush amf1\r");
        console.until_text("everything it had acknowledged is durable");
        console.type_keys("q");
        let (fine, raw) = console.ends();
        assert!(fine, "{engine}");
        assert_given_back(&raw);
    }
}

#[test]
fn a_fault_by_key_shows_its_receipt_until_it_is_undone() {
    let mut console = demo("live");
    console.until_text("workload on");
    console.type_keys("4");
    console.until_text("none: everything works");
    // Down to `lose 20 %` on the link; its receipt counts what was dropped.
    console.type_keys(":link amf0 amf1 drop 100%\r");
    console.until_text("1 fault");
    console.until("a receipt", |screen, _| {
        screen.lines().any(|line| line.contains("dropped ") && !line.contains("dropped 0"))
    });
    console.type_keys("U");
    console.until_text("none: everything works");
    console.type_keys("\x1b[H");
    console.until_text("crash amf0");
    console.type_keys("\r");
    console.until_text("amf0 is down");
    console.until_text("1 fault");
    console.type_keys("x");
    console.until_text("amf0 starts, empty, and joins");
    console.type_keys("qy");
    assert!(console.ends().0);
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let mut console = demo("sim");
    console.until_text("Host I/O");
    console.resize(40, 12);
    console.until_text("1 Dashboard  2  3  4  5");
    console.resize(39, 12);
    console.until_text("terminal too small");
    console.resize(80, 24);
    console.until_text("1 Dashboard  2 Cach");
    console.until_text("Traffic");
    // A key that comes after a resize is read, whatever came before it.
    for (size, key, text) in
        [((120, 40), "2", "Address space"), ((80, 24), "4", "Inject"), ((200, 60), "1", "Traffic")]
    {
        console.resize(size.0, size.1);
        console.until_text("Dashboard");
        console.type_keys(key);
        console.until_text(text);
    }
    console.type_keys("qy");
    assert!(console.ends().0);
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    for engine in ENGINES {
        let mut console = demo(engine);
        console.until_text("Dashboard");
        console.hang_up();
        assert!(console.ends().0, "{engine}: it ends by itself, and without an error");
    }
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let mut console = demo("live");
    console.until_text("Dashboard");
    rustix::process::kill_process(console.pid(), rustix::process::Signal::TERM).unwrap();
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
}

#[test]
fn ctrl_z_leaves_the_screen_and_comes_back() {
    let mut console = demo("live");
    console.until_text("Dashboard");
    console.type_keys("\x1a");
    // The program is a session leader without a shell: nothing stops it, and it comes back by itself.
    let twice = |raw: &[u8]| String::from_utf8_lossy(raw).matches("\x1b[?1049h").count() == 2;
    console.until("the second screen", |_, raw| twice(raw));
    console.until_text("Dashboard");
    console.type_keys("\x03");
    console.until_text("Quit?");
    console.type_keys("y");
    let (fine, raw) = console.ends();
    assert!(fine);
    assert_given_back(&raw);
}

#[test]
fn no_color_has_no_colours_and_keeps_bold_and_reverse() {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_amflab"));
    command.args(["--engine", "sim"]);
    command.env("AMFLAB_TEST_NO_COLOR", "1");
    let mut console = Console::start(command, 100, 30);
    console.until_text("workload on");
    console.type_keys(":q!\r");
    let (fine, raw) = console.ends();
    assert!(fine);
    let colours = raw.match_indices("\x1b[").filter(|(at, _)| {
        let body: String = raw[at + 2..].chars().take_while(|c| !c.is_alphabetic()).collect();
        let end = raw[at + 2 + body.len()..].chars().next();
        end == Some('m') && body.split(';').any(|n| matches!(n.parse(), Ok(30..=37 | 90..=97 | 38)))
    });
    assert_eq!(colours.count(), 0);
    assert!(raw.contains("\x1b[7m") && raw.contains("\x1b[1m"), "bold and reverse stay");
}

#[test]
fn without_a_terminal_it_says_what_to_do_instead() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amflab"));
    let told = command.stdin(Stdio::null()).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    assert!(told.stdout.is_empty());
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains("needs a terminal") && said.contains("`amflab run`"), "{said}");
}

#[test]
fn no_key_is_lost_however_fast_they_come() {
    let mut console = demo("sim");
    console.until_text("workload on");
    let text: String =
        (0..300_u32).map(|n| char::from(b"abcdefghijklmnopqrstuvwxyz"[n as usize % 26])).collect();
    console.type_keys(&format!(":note \"{text}\"\r"));
    // The end of a notice this long stands above the status bar; rows are joined again.
    console.until("the whole note", |screen, _| {
        let rows: String = screen.lines().map(str::trim).collect();
        rows.contains(&text)
    });
    console.type_keys("qy");
    assert!(console.ends().0);
}

// ---- settings and surroundings

#[test]
fn a_locale_without_utf_8_gets_ascii_by_itself_and_never_means_never() {
    let draws_lines = |raw: &str| raw.contains('\u{2500}') || raw.contains('\u{25cf}');
    for (locale, option, lines) in [
        ("POSIX", "--ascii=auto", false),
        ("POSIX", "--ascii=never", true),
        ("C.UTF-8", "--ascii", false),
    ] {
        let args = ["--engine", "sim", option];
        let mut console = Console::real_with((100, 30), &args, &[("LC_ALL", locale)]);
        console.until_text("workload on");
        if option == "--ascii=auto" {
            console.until_text("ASCII signs: the locale POSIX is not UTF-8");
        }
        console.type_keys(":q!\r");
        let (fine, raw) = console.ends();
        assert!(fine);
        assert_eq!(draws_lines(&raw), lines, "{locale} {option}");
    }
}

#[test]
fn a_terminal_of_256_colours_gets_the_nearest_ones() {
    let args = ["--engine", "sim", "--theme", "dark"];
    for (color_term, code) in [("", "38;5;"), ("truecolor", "38;2;")] {
        let vars = [("COLORTERM", color_term)];
        let mut console = Console::real_with((100, 30), &args, &vars);
        console.until_text("workload on");
        console.type_keys(":q!\r");
        let (_, raw) = console.ends();
        assert!(raw.contains(code), "{color_term}");
        assert_eq!(raw.contains("38;2;"), code == "38;2;");
    }
}

#[test]
fn a_dumb_terminal_is_refused_with_what_works_there() {
    let mut console = Console::real_with((80, 24), &[], &[("TERM", "dumb")]);
    console.until_text("hint: `amflab --plain`");
    let (fine, raw) = console.ends();
    assert!(!fine && !raw.contains("\x1b[?1049h"));
}

#[test]
fn a_config_file_changes_keys_theme_and_tempo_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let path = file.to_str().unwrap();
    std::fs::write(
        &file,
        "[console]\ntempo = 0.1\nhint = false\n[keys]\nhelp = \"ctrl-w h\"\nquit = \"X X\"\npause-resume = []\n",
    )
    .unwrap();
    let args = ["--engine", "sim", "--config", path];
    let mut console = Console::real(100, 30, &args);
    console.until_text("tempo 0.1");
    console.type_keys("?");
    console.until_text("? does nothing here");
    console.type_keys("\x17");
    console.until_text("esc leaves");
    console.type_keys("h");
    console.until_text("Moving around");
    console.type_keys("\x1b");
    console.until("the help closed", |screen, _| !screen.contains("Moving around"));
    console.type_keys("XX");
    console.until_text("Quit?");
    console.type_keys("y");
    assert!(console.ends().0);
    std::fs::write(&file, "[keys]\nzoom = \"w\"\n").unwrap();
    let mut console = Console::real(100, 30, &args);
    console.until_text("config.toml:2: keys.zoom: `w` is bound to");
    let (ended_well, raw) = console.ends();
    assert!(!ended_well && !raw.contains("\x1b[?1049h"), "refused before the terminal is taken");
}

/// What can be open above the screen: the keys that open it, and words in it.
pub(super) const OPENED: [(&str, &str); 7] = [
    ("?", "Moving around"),
    ("\x10", "enter do it"),
    (":", "a command; tab completes"),
    ("w", "write amf0"),
    ("G", "esc leaves"),
    ("g", "go to block"),
    ("q", "The workload gentle is running"),
];

#[test]
fn every_popup_survives_a_resize_to_too_small_and_back() {
    let mut console = demo("sim");
    console.until_text("workload on");
    for (keys, words) in OPENED {
        console.type_keys(keys);
        console.until_text(words);
        console.resize(30, 8);
        console.until_text("terminal too small");
        console.resize(100, 30);
        console.until("it is back", |screen, _| {
            screen.contains(words) && !screen.contains("too small")
        });
        console.type_keys("\x1b");
        console.until("it closed", |screen, _| is_whole(screen) && !screen.contains(words));
    }
    console.type_keys("qy");
    assert!(console.ends().0);
}

/// Drawn to its last line: after another size everything is drawn anew, and what is not there yet has not
/// closed. A key that came right behind `esc` would be one with it.
pub(super) fn is_whole(screen: &str) -> bool {
    screen.lines().last().is_some_and(|keys| keys.contains("? help"))
}

#[test]
fn a_hang_up_ends_the_program_whatever_is_open() {
    for (keys, words) in OPENED {
        let mut console = demo("sim");
        console.until_text("workload on");
        console.type_keys(keys);
        console.until_text(words);
        console.hang_up();
        assert!(console.ends().0, "{words}");
    }
}

#[test]
fn a_saved_session_runs_under_exec_step_by_step_and_all() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("session.txt");
    let mut console = Console::real(100, 30, &["-p", "claims", "--engine", "sim"]);
    console.until_text("2 of 2 serve");
    console.type_keys(":write amf0 1 \"one\"\r");
    console.until_text("1 replica");
    console.type_keys(" ");
    console.until_text("step, 0 held");
    // Under way while messages are held; a script would wait for it for ever.
    console.type_keys(":write amf1 1 \"two\"\r");
    console.until_text("under way: write amf1 1");
    console.type_keys(":await nothing\r");
    console.until_text("nothing was started");
    console.until_text("1 held");
    console.type_keys(":deliver amf1 amf0 1\r");
    console.until_text("1 message delivered");
    console.type_keys(" ");
    console.until_text("● running");
    console.until_text("amf1 told 1 AMF to invalidate");
    console.type_keys(&format!(":save {}\r", saved.display()));
    console.until_text("saved");
    console.type_keys(&format!(":save {}\r", saved.display()));
    console.until_text("exists");
    console.type_keys(&format!(":source {}\r", saved.display()));
    console.until_text(" commands, ");
    console.type_keys("q");
    assert!(console.ends().0);
    let text = std::fs::read_to_string(&saved).unwrap();
    assert!(text.contains("by-hand-1: write amf1 1 \"two\""), "{text}");
    assert!(text.contains("await by-hand-1") && text.contains("# refused: await"), "{text}");
    for engine in ENGINES {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amflab"));
        let run = command.args(["exec", "--engine", engine]).arg(&saved).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.success(), "{engine}: {said}{}", String::from_utf8_lossy(&run.stderr));
    }
}

#[test]
fn lamps_turn_red_under_a_defect_and_are_filtered() {
    for engine in ENGINES {
        let mut console = demo(engine);
        console.until_text("linearizable");
        console.type_keys("5");
        console.until_text("an order of effects");
        console.type_keys("p:goto 40\r:hold off\r");
        console.type_keys(":write amf0 40 \"old\"\r");
        console.until("the write", |screen, _| {
            screen.contains("1 operation") && !screen.contains("under way")
        });
        console.type_keys(":read amf1 40\r");
        console.until("the read", |screen, _| {
            screen.contains("2 operations") && !screen.contains("under way")
        });
        console.type_keys(":defect skip_one_invalidate on\r");
        console.until_text("1 fault");
        // One after the other: what overlaps may come in any order.
        let asked = ["write amf2 40 \"new\"", "read amf0 40", "read amf1 40"];
        for (count, command) in (3..).zip(asked) {
            console.type_keys(&format!(":{command}\r"));
            let started = format!("{count} operations");
            console.until("its answer", |screen, _| {
                let is_answered = screen.contains(&started) && !screen.contains("under way");
                is_answered || screen.contains("NOT LINEARIZABLE")
            });
        }
        console.until_text("NOT LINEARIZABLE");
        console.until_text("contradict each other");
        console.type_keys("/violated\r");
        console.until("only the red ones", |screen, _| !screen.contains("\u{25cf} linearizable "));
        console.until_text("/violated: 1");
        // What another screen needs is asked for, also when nothing happens any more.
        console.type_keys("1:hold on\r");
        // The last read may still be on its way, and held.
        console.until_text("step, ");
        console.until_text("Traffic");
        console.type_keys("5");
        console.until_text("contradict each other");
        console.type_keys("qy");
        assert!(console.ends().0, "{engine}");
    }
}

#[test]
fn a_recording_is_made_by_hand_and_played_to_and_fro() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("by hand.amfrec");
    let file = file.to_str().unwrap();
    for engine in ENGINES {
        let _ = std::fs::remove_file(file);
        let mut console = Console::real(160, 40, &["--engine", engine]);
        console.until_text("workload on");
        // Late: the run is recorded from its first step all the same.
        console.type_keys(&format!(":record \"{file}\"\r"));
        console.until("the recording", |screen, _| screen.contains("\u{25cf} recording"));
        console.type_keys(&format!(":record \"{file}\"\r"));
        console.until_text("this run is being recorded into");
        console.type_keys(":record off\r");
        console.until_text("the recording is complete up to here");
        console.type_keys("qy");
        assert!(console.ends().0, "{engine}");
        let amflab = Command::new(env!("CARGO_BIN_EXE_amflab"))
            .args(["inspect", file, "--verify"])
            .output()
            .unwrap();
        assert!(amflab.status.success(), "{}", String::from_utf8_lossy(&amflab.stdout));
        assert!(amflab.stdout.starts_with(b"verified: "));
    }
    let _ = std::fs::remove_file(file);
    let run = ["run", "--engine", "sim", "--workload", "storm", "--ops", "60", "--record", file];
    let amflab = Command::new(env!("CARGO_BIN_EXE_amflab")).args(run).output().unwrap();
    assert!(amflab.status.success());
    let mut console = Console::real(160, 40, &["play", file]);
    console.until_text("step 0 of");
    console.until_text("This is a recording");
    let moves = [
        (".", "step 1 of"),
        (">", "step 101 of"),
        (",", "step 100 of"),
        ("n", "step 101 of"),
        ("<", "step 1 of"),
        (":goto 7\r", "step 7 of"),
        (":goto +5\r", "step 12 of"),
        ("[", "step 0 of"),
    ];
    for (keys, there) in moves {
        console.type_keys(keys);
        console.until_text(there);
    }
    // What was told of another stretch is gone.
    console.until_text("no message yet");
    console.type_keys("5");
    console.until_text("inevitable?");
    console.type_keys("1]");
    console.until("the end", |screen, _| {
        let end = |line: &str| {
            let (at, len) = line.split_once("step ")?.1.split_once(" of ")?;
            let len = len.split(|c: char| !c.is_ascii_digit()).next()?;
            Some(at == len)
        };
        screen.lines().any(|line| end(line) == Some(true))
    });
    console.type_keys(":crash amf0\r");
    console.until_text("this is a recording");
    console.type_keys("q");
    let (ended_well, raw) = console.ends();
    assert!(ended_well);
    assert_given_back(&raw);
}

/// Run, pause, rewind, fork, another order, compare, back: the same in both engines.
#[test]
fn a_run_is_looked_back_at_forked_compared_and_goes_on() {
    for engine in ENGINES {
        let mut console = Console::real(120, 40, &["--engine", engine, "-p", "claims"]);
        console.until_text("running");
        console.type_keys(":write amf0 5 \"one\"\r");
        console.until_text("write b5 \"one\"");
        console.type_keys(":read amf1 5\r");
        console.until_text("read b5 = \"one\"");
        console.type_keys(" ");
        console.until_text("step, ");
        console.type_keys("7,");
        console.until_text("the cluster stands still; N goes on");
        console.until_text("looking back");
        console.type_keys("[");
        console.until_text("step 0 of");
        console.type_keys("o");
        console.until_text("answered op1");
        // At its end the past is over.
        console.type_keys("].");
        console.until_text("here the cluster stood");
        console.until("the present", |screen, _| !screen.contains("looking back"));

        console.type_keys("[o");
        console.until_text("looking back");
        console.type_keys(":fork other\r");
        console.until_text("other begins at step");
        console.until_text("run other");
        console.type_keys(":save script.txt\r");
        console.until_text("no script can begin there");
        console.type_keys(":w1: write amf1 5 \"two\"\r");
        console.until_text("w1");
        console.type_keys(":step 3\r");
        console.until_text("3 steps");
        console.type_keys("C");
        console.until_text("main and other part after step");
        console.type_keys("N");
        console.until_text("main: it stands where it was left");
        console.type_keys(":branch other\r");
        console.until_text("other: it stands where it was left");
        console.type_keys(":branch\r");
        console.until_text("main: it stands where it was left");
        console.type_keys(":branch\r");
        console.until_text("shows another run: main, other");
        console.type_keys(":branches\r");
        console.until_text("other (of main, ");
        console.type_keys(":unbranch other\r");
        console.until_text("other is given up");
        console.type_keys(" ");
        console.until_text("running");
        console.type_keys(":read amf1 5\r");
        console.until_text("read b5 = \"one\"");
        console.type_keys(":q!\r");
        let (fine, raw) = console.ends();
        assert!(fine, "{engine}");
        assert_given_back(&raw);
    }
}

/// A recording is forked in the console, and the fork is a recording like any other.
#[test]
fn a_fork_of_a_recording_is_recorded_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (run, fork) = (folder.path().join("run.amfrec"), folder.path().join("fork.amfrec"));
    let script = folder.path().join("script.txt");
    std::fs::write(&script, "# profile: claims\nwrite amf0 1 \"a\"\ncrash amf0\nread amf1 1\n")
        .unwrap();
    let binary = env!("CARGO_BIN_EXE_amflab");
    let recorded = Command::new(binary).arg("exec").arg("--record").arg(&run).arg(&script).output();
    assert!(recorded.unwrap().status.success());
    let mut console = Console::real(120, 40, &["play", run.to_str().unwrap(), "--at", "20"]);
    console.until_text("step 20 of");
    console.type_keys("7b");
    console.until_text("b1 begins at step 20");
    console.type_keys(" ");
    console.until_text("running");
    console.type_keys(":read amf1 1\r");
    console.until_text("read b1 = ");
    console.type_keys(&format!(":record {}\r", fork.display()));
    console.until_text("is recorded, from its first step on");
    console.type_keys(":record off\r");
    console.until_text("complete up to here");
    console.type_keys(":q!\r");
    assert!(console.ends().0);
    let verified = Command::new(binary).arg("inspect").arg("--verify").arg(&fork).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let diff = Command::new(binary).arg("diff").arg(&run).arg(&fork).output().unwrap();
    let text = String::from_utf8_lossy(&diff.stdout).into_owned();
    let step = text.lines().find_map(|line| line.strip_prefix("step ")?.strip_suffix(':'));
    assert!(step.and_then(|step| step.parse::<u64>().ok()).is_some_and(|step| step > 20), "{text}");
}
