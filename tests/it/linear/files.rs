//! Histories in files: real ones with known verdicts, our own, bad ones; and the command.

use amflab::check::linear::blocks::Blocks;
use amflab::check::linear::{BUDGET, Size, Verdict, jepsen};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The real histories beside the project, or a visible word that the test is skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn shared() -> Option<Vec<(PathBuf, bool)>> {
    let folder = root().join("../shared/histories");
    let Ok(verdicts) = std::fs::read_to_string(folder.join("verdicts.txt")) else {
        println!("skipped: ../shared/histories is not there");
        return None;
    };
    let lines = verdicts.lines().map(|line| {
        let (name, verdict) = line.split_once(' ').unwrap();
        (folder.join(name), verdict == "linearizable")
    });
    Some(lines.collect())
}

/// Exit code, standard output, standard error.
fn check(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_amflab"))
        .arg("check")
        .args(args)
        .current_dir(root())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn real_histories_have_their_verdicts() {
    let Some(all) = shared() else { return };
    assert_eq!(all.len(), 10);
    for (path, is_right) in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let judged = jepsen::parse(&text).unwrap().registers[0].register.judge(BUDGET);
        match judged.verdict {
            Verdict::Linearizable(order) => assert!(is_right && order.len() > 20, "{path:?}"),
            Verdict::NotLinearizable(conflict) => {
                assert!(!is_right, "{path:?}");
                assert_eq!(conflict.size, Size::Smallest, "{path:?}");
                assert!(conflict.ops.len() <= 4, "{path:?}: {conflict:?}");
            }
            Verdict::Unknown => panic!("{path:?}: unknown"),
        }
        assert!(judged.explored < 50_000, "{path:?}: {}", judged.explored);
        let name = path.display().to_string();
        let (code, out, err) = check(&["--format", "jepsen", &name]);
        let verdict = if is_right { "linearizable" } else { "not linearizable" };
        assert_eq!(out.lines().next(), Some(format!("{name}: {verdict}").as_str()));
        assert_eq!(
            (code, err.as_str(), out.lines().count() == 1),
            (i32::from(!is_right), "", is_right)
        );
    }
}

#[test]
fn our_own_histories_have_the_verdicts_in_their_names() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("tests/histories"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let path = format!("tests/histories/{name}");
        let (code, out, err) = check(&[&path]);
        let (code_wanted, verdict) =
            if name.starts_with("ok-") { (0, "linearizable") } else { (1, "not linearizable") };
        assert_eq!((code, err.as_str()), (code_wanted, ""), "{name}: {out}");
        assert_eq!(out.lines().next(), Some(format!("{path}: {verdict}").as_str()));
    }
}

#[test]
fn a_conflict_is_told_with_who_what_and_when() {
    let (_, out, _) = check(&["tests/histories/not-stale.log"]);
    assert_eq!(
        out,
        "tests/histories/not-stale.log: not linearizable\n  register: 2 operations contradict each other \
         (no smaller set does):\n    lines 3..5  process 0  write 2: ok\n    lines 7..8  process 1  \
         read: got 1\n"
    );
    let (_, out, _) = check(&["tests/histories/not-stale-one-line.edn"]);
    let told = ["lines 1..1  process 0  write 2: ok", "lines 1..1  process 2  read: got 1"];
    assert!(told.iter().all(|line| out.contains(line)), "{out}");
    let (_, out, _) = check(&["tests/histories/not-written.jsonl"]);
    let line = "line 1  op1 amf0  10..20 ns  read b1: w9#1";
    assert!(out.contains("block 1: 1 operation cannot be") && out.contains(line), "{out}");
}

/// As `jepsen.independent` writes them: every value names its register.
#[test]
fn a_history_of_several_registers_is_judged_by_register() {
    let (code, out, err) = check(&["tests/histories/not-keyed.edn"]);
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    let told = [
        "  register 7: 2 operations contradict each other (no smaller set does):",
        "lines 5..6  process 0  cas [1 2]: ok",
        "lines 9..10  process 3  read: got 1",
    ];
    assert!(told.iter().all(|line| out.contains(line)), "{out}");
    assert!(!out.contains("register \"x\""), "the other one is fine: {out}");
    let (code, out, _) = check(&["--initial", "0", "tests/histories/not-keyed.edn"]);
    assert!(code == 1 && out.contains("register 7"), "nobody read it before it was written: {out}");
    let (_, out, _) = check(&["--json", "tests/histories/not-keyed.edn"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["files"][0]["registers"], &report["files"][0]["operations"]),
        (&2.into(), &5.into())
    );
    for (more, why) in [
        ("{:process 0 :type :invoke :f :write :value 3}", "some operations say which register"),
        ("{:process 3 :type :ok :f :write :value [8 3]}", "an answer of 8, but line 1 asked 7"),
    ] {
        let text = format!("{{:process 3 :type :invoke :f :write :value [7 3]}}\n{more}\n");
        let bad = jepsen::parse(&text).unwrap_err();
        assert!(bad.line == 2 && bad.what.contains(why), "{bad:?}");
    }
}

#[test]
fn several_files_and_json() {
    let (ok, not) = ("tests/histories/ok-blocks.jsonl", "tests/histories/not-torn.jsonl");
    let (code, out, _) = check(&[ok, not]);
    assert_eq!(code, 1);
    assert_eq!(out.lines().next(), Some(format!("{ok}: linearizable").as_str()));
    let (code, out, _) = check(&["--json", "--witness", ok, not]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["verdict"]), (1, &"not linearizable".into()));
    assert_eq!(report["files"][0]["verdict"], "linearizable");
    assert_eq!(report["files"][0]["witness"]["block 0"], serde_json::json!([3, 1]));
    let conflict = &report["files"][1]["conflicts"][0];
    assert_eq!((&conflict["register"], &conflict["size"]), (&"block 1".into(), &"smallest".into()));
    assert_eq!(conflict["operations"][0]["line"], 2);
}

#[test]
fn a_budget_that_is_not_enough_is_undecided() {
    let not = "tests/histories/not-compare.log";
    let busy = "tests/histories/ok-unanswered.log";
    let (code, out, _) = check(&["--budget", "1", busy]);
    assert_eq!((code, out.lines().next()), (3, Some(format!("{busy}: unknown").as_str())), "{out}");
    assert_eq!(check(&["--budget", "1", busy, not]).0, 1, "a conflict outweighs");
}

#[test]
fn bad_input_is_refused_before_anything_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let good = "tests/histories/ok-blocks.jsonl";
    let op = r#"{"op":1,"amf":0,"kind":"write","first":8,"count":8,"block":8,"start":10,"end":50,"result":"ok","values":[[8,"w1#1"]]}"#;
    let cases = [
        ("", "neither JSON lines nor a history of Jepsen's"),
        ("hello", "neither JSON lines nor a history of Jepsen's"),
        (r#"{"op":1}"#, ":1: missing field"),
        (&format!("{op}\nhello"), ":2: expected value"),
        (&op.replace("w1#1", "w1"), ":1: `w1` is no value"),
        (&op.replace("[[8,", "[[7,"), ":1: values of 7 sectors instead of 8"),
        (&op.replace("\"count\":8", "\"count\":0"), ":1: 0 sectors"),
        (&op.replace("\"count\":8", "\"count\":70000"), ":1: 70000 sectors"),
        (&op.replace("\"first\":8", "\"first\":18446744073709551615"), ":1: there is no sector"),
        (&op.replace("\"end\":50", "\"end\":5"), ":1: it was answered before it was asked"),
        (&op.replace("\"end\":50,", ""), ":1: an answer without a time"),
        (&op.replace("\"ok\"", "\"fine\""), ":1: `fine` is no result"),
        (&op.replace("\"write\"", "\"erase\""), ":1: a `erase` cannot come to `ok`"),
        (&op.replace("\"block\":8", "\"block\":3"), ":1: a block of 3 sectors"),
        (&format!("{op}\n{}", op.replace("\"block\":8", "\"block\":4")), ":2: a block of 4"),
        ("0 :invoke :write 1\n0 :ok :read 1", ":2: an answer to :read, but line 1 asked :write"),
        ("0 :invoke :write 1\n0 :invoke :read nil", ":2: process 0 still waits"),
        ("0 :ok :write 1", ":1: process 0 was answered, but asked nothing"),
        ("x :invoke :write 1", ":1: `x` is no process"),
        ("0 :invoke :append 1", ":1: `:append` is neither"),
        ("0 :invoke :cas 3", ":1: `3` is no pair"),
        ("0 :invoke :write [3", ":1: `[3` is no value"),
        ("0 :invoke :write 3\nwhat", ":2: no event"),
        ("{:process 0", ":1: a map without its end"),
        ("[\n{:process 0, :type :invoke}]", ":2: an event without :f"),
        ("{:process 0 :type :maybe :f :read}", ":1: `:maybe` is neither"),
        ("{:process 0 :type :ok :f :read}", ":1: process 0 was answered, but asked nothing"),
        ("{:process 0 :type :invoke :f :read :value}", ":1: a key without a value"),
        ("{:process 0 :type :invoke :f :read :value \"x}\n", ":1: a text without its end"),
        ("{:process 0 :type :invoke :f :write :value [1 [2 3]]}", ":1: `[2 3]` is no value"),
        ("{:process 0 :type :invoke :f :read} what", ":1: `what` is no event"),
        (&format!("{{:process {}", "[".repeat(100_000)), ":1: more than 64 brackets deep"),
    ];
    for (text, what) in cases {
        let path = folder.path().join("history");
        std::fs::write(&path, text).unwrap();
        let name = path.display().to_string();
        let (code, out, err) = check(&[good, &name]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}: {err}");
        for word in [what, "hint:", &name] {
            assert!(err.contains(word), "{text}: `{word}` is not in {err}");
        }
    }
    std::fs::write(folder.path().join("bytes"), b"{}\n\xff").unwrap();
    let bytes = folder.path().join("bytes").display().to_string();
    let (code, out, err) = check(&[&bytes]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("bytes:2: not UTF-8"), "{err}");
    let (code, _, err) = check(&["no/such/file"]);
    assert!(
        code == 2 && err.contains("no/such/file: cannot be read") && err.contains("hint:"),
        "{err}"
    );
    assert_eq!(check(&[]).0, 2);
    assert_eq!(check(&["--budget", "0", good]).0, 2);
}

/// What a run records is judged like the run itself, with and without a defect.
#[test]
fn the_history_of_a_run_is_judged_like_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("h.jsonl").display().to_string();
    for (defect, code_wanted) in [("none", 0), ("skip_one_invalidate", 1)] {
        let set = format!("defect={defect}");
        let mut args = vec!["run", "-p", "demo", "--workload", "storm", "--engine", "sim"];
        args.extend(["--ops", "2000", "--history", &history]);
        if code_wanted == 1 {
            args.extend(["--set", &set]);
        }
        let run = Command::new(env!("CARGO_BIN_EXE_amflab")).args(args).output().unwrap();
        assert_eq!(run.status.code(), Some(code_wanted), "{defect}");
        let (code, out, err) = check(&[&history]);
        assert_eq!((code, err.as_str()), (code_wanted, ""), "{defect}: {out}");
    }
}

/// A write of several blocks that was under way when hosts accepted the loss of one of them may have taken effect
/// there before: then what was written after it, and before the loss, may be read.
#[test]
fn a_write_across_an_accepted_loss_may_have_been_before_it() {
    let line = |kind: &str, start, end, value: &str| {
        format!(
            r#"{{"op":{start},"amf":0,"kind":"{kind}","first":8,"count":8,"block":8,"start":{start},"end":{end},"result":"ok","values":[[8,"{value}"]]}}"#
        )
    };
    let lost =
        r#"{"op":0,"amf":0,"kind":"lost","first":8,"count":8,"block":8,"start":50,"result":"ok"}"#;
    let judged = |lines: &[String]| {
        let mut blocks = Blocks::default();
        for line in lines {
            blocks.line(line).unwrap();
        }
        blocks.sort();
        matches!(blocks.part(0).register.judge(BUDGET).verdict, Verdict::Linearizable(_))
    };
    let across = line("write", 10, 90, "w1#1");
    let before = line("write", 20, 40, "w1#2");
    let read = line("read", 100, 110, "w1#2");
    assert!(judged(&[across.clone(), before.clone(), lost.to_owned(), read.clone()]));
    // Without the loss the first write is the newer one, or it is the older: then this is what is read.
    assert!(judged(&[across.clone(), before, read]));
    // What nobody has written since is not there; what was written since is.
    let after = line("write", 60, 70, "w1#3");
    let old = line("read", 100, 110, "w1#4");
    assert!(!judged(&[across.clone(), lost.to_owned(), after.clone(), old]));
    assert!(judged(&[across, lost.to_owned(), after, line("read", 100, 110, "w1#3")]));
}
