//! `amflab lessons`: lists, what a learner may see, and lessons taken without a terminal.

use amflab::lesson;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn amflab(args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("AMFLAB_PROGRESS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let done = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = done.status.code().expect("an exit code");
    Ran { code, out: text(&done.stdout), err: text(&done.stderr) }
}

/// `lessons run NAME` with these answers, its progress in this folder.
fn run(folder: &Path, name: &str, input: &str) -> Ran {
    let progress = folder.join("progress.toml").display().to_string();
    amflab(&["lessons", "run", name, "--progress", &progress], input)
}

const FIRST: &str = "\
write amf0 3 \"alpha\"
S
s
1
read amf1 3
";

#[test]
fn the_list_has_one_name_a_line() {
    let ran = amflab(&["lessons", "list"], "");
    let names: Vec<&str> = lesson::builtin().iter().map(|(name, _)| *name).collect();
    assert_eq!((ran.code, ran.out.lines().collect::<Vec<_>>()), (0, names));
}

#[test]
fn what_is_shown_holds_no_solution() {
    let ran = amflab(&["lessons", "show", "where-the-data-comes-from"], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("(claims 7, 8)"), "{}", ran.out);
    assert!(ran.out.contains("? state of block 9 in amf0 (M S I)"), "{}", ran.out);
    assert!(!ran.out.contains("evict amf0 10"), "{}", ran.out);
    let ran = amflab(&["lessons", "show", "nothing"], "");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("there is no lesson `nothing`") && ran.err.contains("hint:"));
}

#[test]
fn a_lesson_is_passed_through_a_pipe_and_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = run(folder.path(), "1", FIRST);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("3 of 3 right") && ran.out.ends_with("passed\n"), "{}", ran.out);
    let progress = folder.path().join("progress.toml").display().to_string();
    let list = amflab(&["lessons", "list", "--long", "--progress", &progress], "");
    let first = list.out.lines().next().expect("a line");
    assert!(first.starts_with("01-what-is-an-amf") && first.contains("passed"), "{first}");
    assert!(first.contains("7/7"), "{first}");
}

#[test]
fn answers_come_from_a_file_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let answers = folder.path().join("answers.txt");
    std::fs::write(&answers, format!("# mine\n\n{FIRST}")).expect("written");
    let progress = folder.path().join("progress.toml").display().to_string();
    let answers = answers.display().to_string();
    let args = ["lessons", "run", "what-is-an-amf", "--answers", &answers, "--progress", &progress];
    assert_eq!(amflab(&args, "").code, 0);
    let args = ["lessons", "run", "1", "--answers", "/nowhere/x", "--progress", &progress];
    let ran = amflab(&args, "");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
}

#[test]
fn wrong_answers_do_not_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = FIRST.replace("S\ns\n1\n", "M\nI\n1\n");
    let ran = run(folder.path(), "1", &wrong);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("wrong: state of block 3 in amf0 is S, not M"), "{}", ran.out);
    assert!(ran.out.ends_with("not passed\n"), "{}", ran.out);
    // The task is never done.
    let ran = run(folder.path(), "1", "write amf1 3 \"alpha\"\n");
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("left at step 2 of 4: not passed"), "{}", ran.out);
    assert!(ran.out.contains("[ ] state amf0 3 M"), "{}", ran.out);
}

#[test]
fn words_go_to_and_fro() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = "banana\nhint\nsolve\nback\nnext\nhint\nhelp\ncaches\nX\nS\nS\n1\nread amf1 3\n";
    let ran = run(folder.path(), "1", input);
    assert_eq!(ran.code, 1, "the solution was shown: {}", ran.out);
    for said in [
        "`banana` is no command",
        "The command is: write AMF BLOCK",
        "The solution:\n  > write amf0 3 \"alpha\"",
        "b3 amf0:M amf1:I",
        "3 of 3 right",
        "not passed",
    ] {
        assert!(ran.out.contains(said), "wanted `{said}` in:\n{}", ran.out);
    }
}

#[test]
fn a_damaged_progress_file_is_no_hindrance() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("progress.toml"), "version = \"x\"").expect("written");
    let ran = run(folder.path(), "1", FIRST);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("progress.toml:1:") && ran.err.contains("hint:"), "{}", ran.err);
}

#[test]
fn teachers_are_told_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    let text = "title = \"t\"\nsummary = \"s\"\n[[step]]\ntask = \"x\"\ncheck = \"expect state amf0 3 M\"\n\
                solution = \"read amf0 3\"\nwrong = \"read amf1 3\"\n";
    std::fs::write(&path, text).expect("written");
    let name = path.display().to_string();
    let ran = amflab(&["lessons", "check", &name], "");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("mine.toml:3: solution: does not do what is asked"), "{}", ran.out);
    std::fs::write(&path, "title = 7").expect("written");
    let ran = amflab(&["lessons", "check", &name], "");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("mine.toml:1: title"), "{}", ran.err);
    let ran = amflab(&["lessons", "check", "1"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "01-what-is-an-amf: fine, 4 steps, 7 points\n"));
}
