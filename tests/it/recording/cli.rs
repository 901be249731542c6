//! `amflab inspect`, `diff` and `--record`, through the real binary.

use crate::cli::amflab;
use crate::trace_cli::interrupted;
use serde_json::Value;
use std::path::Path;

fn record(file: &Path, more: &[&str]) {
    let file = file.to_str().unwrap();
    let mut args = vec!["run", "--workload", "storm", "--ops", "400", "--json", "--record", file];
    args.extend(more);
    let ran = amflab(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("recorded") && ran.err.contains(file), "{}", ran.err);
}

#[test]
fn a_run_is_recorded_inspected_verified_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (sim, again, live) = (path("sim"), path("again"), path("live"));
    record(&sim, &["--engine", "sim", "--seed", "5"]);
    record(&again, &["--engine", "sim", "--seed", "5"]);
    record(&live, &["--engine", "live"]);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (sim, again, live) = (text(&sim), text(&again), text(&live));
    for file in [&sim, &live] {
        let ran = amflab(&["inspect", file, "--verify"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.starts_with("verified: "), "{}", ran.out);
        let ran = amflab(&["inspect", file]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for word in ["view ", "amf0 serving", "disk0 online", "answered, 0 violations"] {
            assert!(ran.out.contains(word), "`{word}` is not in:\n{}", ran.out);
        }
        let ran = amflab(&["inspect", file, "--at", "300", "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let state: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(state["at"], 300);
        assert_eq!(state["state"]["amfs"].as_array().unwrap().len(), 4);
        assert_eq!(state["checker"]["verdict"], "ok");
        assert_eq!(state["disks"].as_array().unwrap().len(), 5);
        assert!(state["links"].is_array());
    }
    let ran = amflab(&["diff", &sim, &again]);
    assert_eq!((ran.code, ran.out.starts_with("equal: ")), (0, true), "{}{}", ran.out, ran.err);
    let ran = amflab(&["diff", &sim, &live]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("engine:\n  A  sim\n  B  live"), "{}", ran.out);
    assert!(ran.out.contains("step "), "{}", ran.out);
    let ran = amflab(&["inspect", &sim, "--at", "300", "--against", "900"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("between steps 300 and 900: "), "{}", ran.out);
    for word in ["\namf0\n", "\ndisk0\n", "  ~ line b", "  + line b", " -> "] {
        assert!(ran.out.contains(word), "`{word}` is not in:\n{}", ran.out);
    }
    let json = |at, against| -> Value {
        let ran = amflab(&["inspect", &sim, "--at", at, "--against", against, "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    };
    let (on, back) = (json("300", "900"), json("900", "300"));
    assert_eq!(on["positions"], serde_json::json!([300, 900]));
    let sides = |found: &Value, side: &str| -> Vec<Value> {
        found["changes"].as_array().unwrap().iter().map(|one| one[side].clone()).collect()
    };
    assert_eq!(sides(&on, "before"), sides(&back, "after"), "there and back");
    assert!(!sides(&on, "before").is_empty());
    let beyond = amflab(&["inspect", &sim, "--at", "3", "--against", "99999999"]);
    assert_eq!((beyond.code, beyond.out.as_str()), (2, ""));
    let beyond = amflab(&["inspect", &sim, "--at", "99999999"]);
    assert_eq!((beyond.code, beyond.out.as_str()), (2, ""));
    let twice = amflab(&["run", "--engine", "sim", "--ops", "1", "--record", &sim]);
    assert_eq!((twice.code, twice.out.as_str()), (2, ""));
    assert!(twice.err.contains("exists and is not empty") && twice.err.contains("hint:"));
}

/// Ctrl-c ends whoever goes through a recording in order: with what is known by then, and saying so.
#[test]
fn ctrl_c_ends_what_goes_through_a_recording_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.amfrec");
    let load = ["run", "--engine", "sim", "--workload", "storm", "--ops", "6000", "--json"];
    let ran = amflab(&[&load[..], &["--record", file.to_str().unwrap()]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let all = std::fs::metadata(&file).unwrap().len();
    assert!(all > 400_000, "it takes a while to go through {all} bytes");
    let file = file.to_str().unwrap();
    for (args, said) in [
        (vec!["inspect", file, "--json"], "interrupted after "),
        (vec!["inspect", file, "--export", "chrome"], "only the beginning of the recording"),
        (vec!["report", file, "--format", "json"], "only the beginning of the recording"),
        (vec!["diff", file, file], "interrupted: the first "),
    ] {
        let output = interrupted(&args);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
        if args[0] != "diff" {
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert!(told.is_object() || told.is_array(), "{args:?}: what is there is whole");
        }
    }
}

/// What people broke and have not mended is part of how a cluster stands.
#[test]
fn faults_in_force_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (script, file) = (folder.path().join("broken.txt"), folder.path().join("broken.amfrec"));
    std::fs::write(&script, "partition amf0 | amf1\nslow disk1 5ms\nwait 10ms\nheal\n").unwrap();
    let file = file.to_str().unwrap();
    let ran = amflab(&["exec", "-p", "claims", "--record", file, script.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = amflab(&["inspect", file]);
    assert!(ran.out.contains("faults in force: 1\n    slow disk1 5ms since "), "{}", ran.out);
    assert!(ran.out.contains("`slow disk1 0ms` ends it"), "{}", ran.out);
}

#[test]
fn a_torn_recording_is_inspected_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("torn");
    let bytes = super::recording(21, 400);
    std::fs::write(&file, &bytes[..bytes.len() - 100]).unwrap();
    let ran = amflab(&["inspect", file.to_str().unwrap(), "--verify", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("breaks off after"), "{}", ran.err);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&found["verified"], &found["tail"]), (&Value::Bool(true), &"torn".into()));
}

#[test]
fn a_recording_that_does_not_verify_is_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tampered");
    let mut whole = super::read(&super::recording(22, 40));
    let at = whole.steps.iter().position(|step| step.digest != 0).unwrap();
    whole.steps[at].digest ^= 1;
    std::fs::write(&file, super::write(&whole.head, &whole.profile, &whole.steps)).unwrap();
    let ran = amflab(&["inspect", file.to_str().unwrap(), "--verify"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with(&format!("DIFFERS step {},", at + 1)), "{}", ran.out);
    assert!(ran.out.contains("expected") && ran.out.contains("got"), "{}", ran.out);
    for args in [["inspect", "Cargo.toml"], ["inspect", "no-such-file"], ["play", "Cargo.toml"]] {
        let ran = amflab(&args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_script_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my run.amfrec");
    let script = folder.path().join("script.txt");
    let text = format!(
        "# profile: claims\nwrite amf0 3 \"alpha\"\nrecord {:?}\nread amf1 3\nrecord off\n",
        file.to_str().unwrap()
    );
    std::fs::write(&script, text).unwrap();
    let ran = amflab(&["exec", script.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = amflab(&["inspect", file.to_str().unwrap(), "--verify"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
